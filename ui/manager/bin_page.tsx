import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Card, Empty } from "../kit/components/layout";
import { size } from "../kit/i18n";
import { deleteForGood, undoDelete } from "./actions";
import type { Instance } from "./api";
import { commands } from "./commands";
import { ConfirmForGood } from "./confirm";
import { KeptDataCard } from "./kept_data";
import { PageHead } from "./page_head";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { deleted, instanceKey, platform } from "./platform";
import { RestoreUpload } from "./restore";
import { t } from "./texts";

export function BinPage() {
  const [asking, setAsking] = useState<Instance>();
  const offline = offlineReason.value;
  return (
    <>
      <PageHead title={t("nav.bin")} lead={t("bin.lead")} />
      <Card>
        {deleted.value.length === 0 ? (
          <Empty icon="bin" title={t("empty.bin")}>
            {t("empty.binWhy")}
          </Empty>
        ) : (
          <div class="table-scroll">
            <table>
              <thead>
                <tr>
                  <th>{t("column.name")}</th>
                  <th class="spare">{t("column.service")}</th>
                  <th class="num spare">{t("column.size")}</th>
                  <th class="spare">{t("column.deleted")}</th>
                  <th>{t("column.purge")}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {deleted.value.map((instance) => (
                  <tr key={instanceKey(instance)}>
                    <td class="nowrap">
                      <a href={addressOf.instance(instance)}>{instanceKey(instance)}</a>
                    </td>
                    <td class="muted spare">
                      {platform.value?.services.get(instance.service)?.title ?? instance.service}
                    </td>
                    <td class="num nowrap spare">{size(instance.databaseBytes)}</td>
                    <td class="nowrap spare">
                      <Time at={instance.deletedAt} />
                    </td>
                    <td class="nowrap">
                      <Time at={instance.purgeAt} />
                    </td>
                    <td>
                      <div class="row-actions">
                        <Button small icon="undo" onClick={() => undoDelete(instance)} disabledReason={offline}>
                          {t("act.bringBack")}
                        </Button>
                        <Button small danger onClick={() => setAsking(instance)} disabledReason={offline}>
                          {t("act.forGood")}
                        </Button>
                      </div>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
      {deleted.value[0] && <Command line={commands.undo(instanceKey(deleted.value[0]))} />}
      <KeptDataCard />
      <Card title={t("bin.fromFile")} class="narrow">
        <RestoreUpload />
      </Card>
      {asking && (
        <ConfirmForGood
          title={t("confirm.title", { name: instanceKey(asking) })}
          text={t("confirm.text")}
          name={instanceKey(asking)}
          button={t("confirm.forGood")}
          command={commands.deleteInstance(instanceKey(asking), true)}
          onClose={() => setAsking(undefined)}
          onConfirm={() => deleteForGood(asking)}
        />
      )}
    </>
  );
}
