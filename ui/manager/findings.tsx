// What waits for somebody, on the overview: outages first, each as a notice with its remedy; then what is worth mending,
// as one quiet list.
import { useId, useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Card } from "../kit/components/layout";
import { Icon } from "../kit/icons";
import { go } from "../kit/route";
import { acceptCheck, restartService, startApps, startInstance, startService } from "./actions";
import type { Check } from "./api";
import { commands } from "./commands";
import { addressOf, Command, offlineReason } from "./parts";
import { addressOfCheck, canAccept, health, instanceKey, platform } from "./platform";
import { checkText } from "./platform_texts";
import { t, tn } from "./texts";

export function Findings() {
  const { failedServices, failedInstances, findings, accepted } = health.value!;
  const errors = findings.filter((one) => one.severity === "error");
  const warnings = findings.filter((one) => one.severity !== "error");
  return (
    <>
      {failedServices.map((service) => (
        <Outage
          key={service.id}
          text={t("todo.service", { name: service.title })}
          why={service.lastExit}
          command={commands.startService(service.id)}
          see={[t("act.showLog"), addressOf.service(service.id, "log")]}
          start={() => (service.state === "crashed" ? restartService(service) : startService(service))}
        />
      ))}
      {failedInstances.map((instance) => (
        <Outage
          key={instanceKey(instance)}
          text={t("todo.instance", { name: instanceKey(instance) })}
          why={instance.detail}
          command={commands.startInstance(instanceKey(instance))}
          see={[t("act.show"), addressOf.instance(instance)]}
          start={() => startInstance(instance)}
        />
      ))}
      {errors.map((check) => {
        const address = addressOfCheck(check, platform.value!.services);
        return (
          <Outage
            key={check.id}
            text={checkText(check, "text")}
            why={`${checkText(check, "why")} ${checkText(check, "fix")}`}
            command={check.command}
            see={address ? [t("act.see"), address] : undefined}
            {...(check.id === "apps-stopped" ? { start: startApps } : {})}
          />
        );
      })}
      {(warnings.length > 0 || accepted.length > 0) && <Worth warnings={warnings} accepted={accepted} />}
    </>
  );
}

function Outage(props: {
  text: string;
  why: string | undefined;
  command: string;
  see: [label: string, address: string] | undefined;
  start?: () => unknown;
}) {
  const { see } = props;
  return (
    <section class="notice tone-bad">
      <Icon name="error" class="lead" />
      <div>
        <p>
          <strong>{props.text}</strong> <span class="muted">{props.why}</span>
        </p>
        {props.command && <Command line={props.command} />}
      </div>
      {see && <Button onClick={() => go(see[1])}>{see[0]}</Button>}
      {props.start && (
        <Button kind="primary" onClick={props.start} disabledReason={offlineReason.value}>
          {t("act.start")}
        </Button>
      )}
    </section>
  );
}

function Worth({ warnings, accepted }: { warnings: Check[]; accepted: Check[] }) {
  const [open, setOpen] = useState(false);
  const shown = open ? [...warnings, ...accepted] : warnings;
  // With nothing else to do what was accepted is a line, not a card.
  const toggle = accepted.length > 0 && (
    <button type="button" class="link-button" aria-expanded={open} onClick={() => setOpen(!open)}>
      {open ? t("check.hideAccepted") : tn("check.accepted", accepted.length)}
    </button>
  );
  if (shown.length === 0) return <p class="small">{toggle}</p>;
  return (
    <Card title={t("check.title")} aside={toggle}>
      <CheckList checks={shown} />
    </Card>
  );
}

export function CheckList({ checks }: { checks: Check[] }) {
  return (
    <ul class="checks">
      {checks.map((check) => (
        <CheckRow key={check.id} check={check} />
      ))}
    </ul>
  );
}

/** One line: what it is and what to do; opened also why, the command, and a way to hear no more of it. */
function CheckRow({ check }: { check: Check }) {
  const [open, setOpen] = useState(false);
  const more = useId();
  const address = addressOfCheck(check, platform.value!.services);
  return (
    <li class={check.accepted ? "tone-idle" : "tone-warn"}>
      <button type="button" class="check-head" aria-expanded={open} aria-controls={more} onClick={() => setOpen(!open)}>
        <Icon name={check.accepted ? "check" : "alert"} class="lead" />
        <span class="check-text">
          <strong>{checkText(check, "text")}</strong>
          {check.accepted && <span class="tag">{t("check.isAccepted")}</span>}
          {!open && <span class="muted check-fix">{checkText(check, "fix")}</span>}
        </span>
        <Icon name={open ? "chevronDown" : "chevronRight"} class="muted" />
      </button>
      {open && (
        <div class="check-more" id={more}>
          <p class="muted">{checkText(check, "why")}</p>
          <p>{checkText(check, "fix")}</p>
          {check.command && <Command line={check.command} />}
          <div class="check-acts">
            {address && (
              <Button small onClick={() => go(address)}>
                {t("act.see")}
              </Button>
            )}
            {canAccept(check) && (
              <Button
                small
                kind="quiet"
                onClick={() => acceptCheck(check.id, !check.accepted)}
                disabledReason={offlineReason.value}
              >
                {check.accepted ? t("check.remind") : t("check.accept")}
              </Button>
            )}
          </div>
        </div>
      )}
    </li>
  );
}
