// Typing the name: only for what cannot be taken back.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Dialog } from "../kit/components/dialog";
import { TextInput } from "../kit/components/field";
import { Command } from "./parts";
import { t } from "./texts";

export function ConfirmForGood(props: {
  title: string;
  text: string;
  name: string;
  button: string;
  command: string;
  onClose(): void;
  onConfirm(): Promise<unknown>;
}) {
  const [typed, setTyped] = useState("");
  const fits = typed === props.name;
  const confirm = async () => {
    if (!fits) return;
    await props.onConfirm();
    props.onClose();
  };
  return (
    <Dialog
      title={props.title}
      closeLabel={t("act.close")}
      onClose={props.onClose}
      onSubmit={confirm}
      footer={
        <>
          <Button onClick={props.onClose}>{t("act.cancel")}</Button>
          <Button
            danger
            kind="primary"
            onClick={confirm}
            disabledReason={!fits && t("confirm.reason", { name: props.name })}
          >
            {props.button}
          </Button>
        </>
      }
    >
      <p>{props.text}</p>
      <TextInput label={t("confirm.type", { name: props.name })} value={typed} onInput={setTyped} autofocus />
      <Command line={props.command} />
    </Dialog>
  );
}
