import { Button } from "../kit/components/button";
import { t, tn } from "./texts";

export function UnsavedBar(props: {
  count: number;
  onDiscard(): void;
  onSave(): Promise<unknown>;
  disabledReason?: string | false | undefined;
}) {
  return (
    <div class="unsaved" role="status">
      <span class="grow">{tn("unsaved", props.count)}</span>
      <Button onClick={props.onDiscard}>{t("act.discard")}</Button>
      <Button kind="primary" onClick={props.onSave} disabledReason={props.disabledReason}>
        {t("act.save")}
      </Button>
    </div>
  );
}
