// Everything that helps others to find a fault, as one file; core dumps only if somebody says so.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Dialog } from "../kit/components/dialog";
import { Checkbox } from "../kit/components/field";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { saveOffered } from "./download";
import { Command, offlineReason } from "./parts";
import { t } from "./texts";

export function SupportBundleDialog(props: { onClose(): void }) {
  const [cores, setCores] = useState(false);
  const fetchBundle = async () => {
    const worked = await attempt(async () => saveOffered((await ask("MakeSupportBundle", { cores })).download));
    if (worked) props.onClose();
  };
  return (
    <Dialog
      title={t("bundle.title")}
      closeLabel={t("act.close")}
      onClose={props.onClose}
      footer={
        <>
          <Button onClick={props.onClose}>{t("act.cancel")}</Button>
          <Button kind="primary" icon="download" onClick={fetchBundle} disabledReason={offlineReason.value}>
            {t("bundle.download")}
          </Button>
        </>
      }
    >
      <p>{t("bundle.what")}</p>
      <Checkbox checked={cores} onChange={setCores}>
        {t("bundle.cores")}
      </Checkbox>
      {cores && <p class="tone-warn warn-text">{t("bundle.coresWarning")}</p>}
      <Command line={commands.supportBundle(cores)} />
    </Dialog>
  );
}
