// The end of each way to restore: what will happen, why it cannot, and the button.
import type { ComponentChildren } from "preact";
import { Button } from "../kit/components/button";
import { size } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { platform } from "./platform";
import type { Destination } from "./restore_plan";
import { t, tn } from "./texts";

export interface Started {
  job: string;
  key: string;
  isNew: boolean;
}

export interface PreviewProps {
  source: string;
  destination: Destination;
  undoDays: number;
  as: string | undefined;
  onStarted(started: Started): void;
}

export function Preview(
  props: PreviewProps & {
    problem: string | undefined;
    reason: string | undefined;
    start(): Promise<unknown>;
    children: ComponentChildren;
  },
) {
  const { destination, undoDays } = props;
  const there = platform.value?.instances.get(destination.key);
  return (
    <>
      {props.problem && (
        <p class="tone-bad error-text break">
          <Icon name="error" /> {props.problem}
        </p>
      )}
      {props.source && !destination.problem && !props.problem && (
        <ol class="what-happens">
          <li>{t("happens.beside", { name: props.source })}</li>
          {destination.isNew ? (
            <li>{t("happens.new", { name: destination.key })}</li>
          ) : (
            <>
              <li>
                {there && there.sessions > 0
                  ? tn("happens.swapUsers", there.sessions, { name: destination.key })
                  : t("happens.swap", { name: destination.key })}
              </li>
              <li>
                {undoDays > 0
                  ? tn("happens.undo", undoDays, { size: size(there?.databaseBytes ?? 0) })
                  : t("happens.noUndo")}
              </li>
            </>
          )}
        </ol>
      )}
      <Button kind="primary" onClick={props.start} disabledReason={props.reason}>
        {destination.isNew ? t("restore.startNew") : t("restore.start")}
      </Button>
      {props.children}
    </>
  );
}

export function split(key: string): { name: string; domain: string } {
  const at = key.lastIndexOf("@");
  return at < 0 ? { name: key, domain: "" } : { name: key.slice(0, at), domain: key.slice(at + 1) };
}
