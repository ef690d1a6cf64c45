// A policy as a form: nothing to type by heart, and what it would remove is seen while one changes it.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Dialog } from "../kit/components/dialog";
import { Checkbox, Field, Segmented, TextInput } from "../kit/components/field";
import type { BackupPolicy, BackupScope } from "./api";
import { savePolicy } from "./backup_actions";
import { useWhatIf, Verdicts } from "./backup_policies";
import {
  formatKeep,
  formatSchedule,
  keepText,
  kKeepRules,
  kWeekdays,
  parseKeep,
  parseSchedule,
  type ScheduleKind,
  scheduleText,
  type Weekday,
} from "./backup_words";
import type { Backups } from "./backups";
import { commands } from "./commands";
import { Command, offlineReason } from "./parts";
import { domains, instanceKey, instances } from "./platform";
import { t } from "./texts";

const kScopes: BackupScope[] = ["all", "domain", "instance", "manager"];
const kKinds: ScheduleKind[] = ["hourly", "daily", "weekly", "monthly", "crontab", "never"];

export function PolicyDialog(props: { known: Backups; policy: BackupPolicy; onClose(): void }) {
  const { known } = props;
  const isNew = props.policy.name === "";
  const [policy, setPolicy] = useState(props.policy);
  const [schedule, setSchedule] = useState(() => parseSchedule(props.policy.schedule));
  const [keep, setKeep] = useState(() => parseKeep(props.policy.keep));
  const change = (members: Partial<BackupPolicy>) => setPolicy({ ...policy, ...members });

  const wanted: BackupPolicy = {
    ...policy,
    instance: policy.scope === "instance" ? policy.instance : "",
    domain: policy.scope === "domain" ? policy.domain : "",
    excluded: policy.scope === "all" || policy.scope === "domain" ? policy.excluded : [],
    schedule: formatSchedule(schedule),
    keep: formatKeep(keep),
  };
  const plan = useWhatIf(isNew ? "" : policy.name, wanted.keep);
  const nameError = policy.name === "" ? undefined : policyNameProblem(policy.name, isNew ? known : undefined);
  const reason =
    offlineReason.value ??
    (policy.name === "" ? t("policy.nameEmpty") : undefined) ??
    nameError ??
    (policy.target ? undefined : t("policy.noTarget")) ??
    (policy.scope === "instance" && !policy.instance ? t("policy.noInstance") : undefined) ??
    (policy.scope === "domain" && !policy.domain ? t("policy.noDomain") : undefined) ??
    (schedule.kind === "crontab" && !schedule.crontab.trim() ? t("policy.noCrontab") : undefined);
  const save = async () => {
    if (!reason && (await savePolicy(wanted))) props.onClose();
  };
  return (
    <Dialog
      title={isNew ? t("act.newPolicy") : t("policy.edit", { name: policy.name })}
      closeLabel={t("act.close")}
      onClose={props.onClose}
      onSubmit={save}
      class="wide-dialog"
      footer={
        <>
          <Button onClick={props.onClose}>{t("act.cancel")}</Button>
          <Button kind="primary" onClick={save} disabledReason={reason}>
            {t("act.save")}
          </Button>
        </>
      }
    >
      {isNew && (
        <TextInput
          label={t("policy.name")}
          value={policy.name}
          onInput={(name) => change({ name: name.trim() })}
          error={nameError}
          autofocus
        />
      )}
      <Field label={t("policy.what")}>
        {(ids) => (
          <select
            {...ids}
            class="input"
            value={policy.scope}
            onChange={(event) => change({ scope: event.currentTarget.value as BackupScope })}
          >
            {kScopes.map((scope) => (
              <option key={scope} value={scope}>
                {t(`scope.${scope}`)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {policy.scope === "domain" && (
        <TextInput
          label={t("fact.domain")}
          value={policy.domain}
          list="policy-domains"
          onInput={(domain) => change({ domain: domain.trim() })}
        />
      )}
      {policy.scope === "instance" && (
        <TextInput
          label={t("column.name")}
          value={policy.instance}
          list="policy-instances"
          placeholder="team@example.com"
          onInput={(instance) => change({ instance: instance.trim() })}
        />
      )}
      {(policy.scope === "all" || policy.scope === "domain") && (
        <TextInput
          label={t("policy.excluded")}
          value={policy.excluded.join(", ")}
          list="policy-instances"
          hint={t("policy.excludedHint")}
          onInput={(text) => change({ excluded: text.split(/[\s,]+/).filter(Boolean) })}
        />
      )}
      <datalist id="policy-domains">
        {domains.value.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <datalist id="policy-instances">
        {instances.value.slice(0, 200).map((one) => (
          <option key={instanceKey(one)} value={instanceKey(one)} />
        ))}
      </datalist>
      <div class="field">
        <span class="label">{t("policy.when")}</span>
        <Segmented
          label={t("policy.when")}
          value={schedule.kind}
          choices={kKinds.map((kind) => [kind, t(`schedule.${kind}`)])}
          onChange={(kind) => setSchedule({ ...schedule, kind })}
        />
        <div class="inline-fields">
          {schedule.kind === "weekly" && (
            <select
              class="input"
              aria-label={t("schedule.weekday")}
              value={schedule.weekday}
              onChange={(event) => setSchedule({ ...schedule, weekday: event.currentTarget.value as Weekday })}
            >
              {kWeekdays.map((day) => (
                <option key={day} value={day}>
                  {t(`weekday.${day}`)}
                </option>
              ))}
            </select>
          )}
          {schedule.kind === "monthly" && (
            <NumberInput
              label={t("schedule.day")}
              value={Number(schedule.day)}
              min={1}
              max={31}
              onChange={(day) => setSchedule({ ...schedule, day: String(day) })}
            />
          )}
          {schedule.kind === "hourly" && (
            <NumberInput
              label={t("schedule.minute")}
              value={Number(schedule.minute)}
              min={0}
              max={59}
              onChange={(minute) => setSchedule({ ...schedule, minute: String(minute).padStart(2, "0") })}
            />
          )}
          {(schedule.kind === "daily" || schedule.kind === "weekly" || schedule.kind === "monthly") && (
            <input
              type="time"
              class="input"
              aria-label={t("schedule.time")}
              value={schedule.time}
              onInput={(event) =>
                event.currentTarget.value && setSchedule({ ...schedule, time: event.currentTarget.value })
              }
            />
          )}
          {schedule.kind === "crontab" && (
            <input
              class="input mono"
              aria-label={t("schedule.crontab")}
              placeholder="*/30 8-18 * * 1-5"
              value={schedule.crontab}
              onInput={(event) => setSchedule({ ...schedule, crontab: event.currentTarget.value })}
            />
          )}
        </div>
        <span class="hint">
          {scheduleText(wanted.schedule)} · {t("schedule.zone")}
        </span>
      </div>
      <Field label={t("policy.where")}>
        {(ids) => (
          <select
            {...ids}
            class="input"
            value={policy.target}
            onChange={(event) => change({ target: event.currentTarget.value })}
          >
            {known.targets.map((target) => (
              <option key={target.name} value={target.name}>
                {target.name} – {target.place}
              </option>
            ))}
          </select>
        )}
      </Field>
      <div class="field">
        <span class="label">{t("policy.howLong")}</span>
        <div class="inline-fields">
          {kKeepRules.map((rule) => (
            <NumberInput
              key={rule}
              label={t(`rule.${rule}`)}
              value={keep[rule]}
              min={0}
              max={10_000}
              shown
              onChange={(count) => setKeep({ ...keep, [rule]: count })}
            />
          ))}
        </div>
        <span class="hint">
          {keepText(wanted.keep)}. {t("policy.newestStays")}
        </span>
      </div>
      {!isNew && (plan.verdicts || plan.error) && (
        <details>
          <summary>{t("policy.preview")}</summary>
          {plan.error && <p class="tone-bad error-text">{plan.error}</p>}
          {plan.verdicts && <Verdicts verdicts={plan.verdicts} />}
        </details>
      )}
      <Checkbox checked={policy.verify} onChange={(verify) => change({ verify })}>
        {t("policy.verify")}
      </Checkbox>
      <Checkbox checked={policy.enabled} onChange={(enabled) => change({ enabled })}>
        {t("policy.enabled")}
      </Checkbox>
      <Command line={commands.policy(wanted)} />
    </Dialog>
  );
}

/** As the manager takes names of policies and targets. */
export function policyNameProblem(name: string, known: Backups | undefined): string | undefined {
  if (!/^[A-Za-z0-9._-]{1,40}$/.test(name)) return t("policy.nameHint");
  return known?.policies.some((one) => one.name === name) ? t("policy.nameTaken") : undefined;
}

function NumberInput(props: {
  label: string;
  value: number;
  min: number;
  max: number;
  /** Whether the label is seen, or only heard. */
  shown?: boolean;
  onChange(value: number): void;
}) {
  return (
    <label class="number-field">
      <span class={props.shown ? "small muted" : "visually-hidden"}>{props.label}</span>
      <input
        type="number"
        class="input"
        min={props.min}
        max={props.max}
        value={props.value}
        onInput={(event) => {
          const value = Math.round(Number(event.currentTarget.value));
          if (value >= props.min && value <= props.max) props.onChange(value);
        }}
      />
    </label>
  );
}
