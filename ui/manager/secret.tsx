import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { CopyButton } from "../kit/components/copy";
import { t } from "./texts";

/** A generated secret: hidden until asked for, copied without being shown. */
export function SecretText({ text, id, shown = false }: { text: string; id?: string; shown?: boolean }) {
  const [visible, setVisible] = useState(shown);
  return (
    <div class="secret" id={id}>
      <span data-secret={visible ? "shown" : "hidden"}>{visible ? text : "•".repeat(16)}</span>
      <Button
        icon={visible ? "eyeOff" : "eye"}
        kind="quiet"
        small
        label={t(visible ? "secret.hide" : "secret.show")}
        onClick={() => setVisible(!visible)}
      />
      <CopyButton text={text} label={t("copy.copy")} done={t("copy.done")} />
    </div>
  );
}
