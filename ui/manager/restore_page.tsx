// Restore: which instance, from what, to where – what will happen is said first, and what it replaces can be brought back.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Checkbox, Field, Segmented, TextInput } from "../kit/components/field";
import { Card, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { fullTime, number, size } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { go, route, setQuery } from "../kit/route";
import { bringBackKept } from "./actions";
import type { BackupItem, BackupSet, Job } from "./api";
import { SetPill } from "./backup_sets";
import { type Backups, backupsVersion, hasData, isManager, isWriteOnly, itemKey, useBackups } from "./backups";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { JobProgress } from "./job_progress";
import { PageHead } from "./page_head";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { instanceKey, instances, platform } from "./platform";
import { RestoreUpload } from "./restore";
import { FromMoment } from "./restore_moment";
import { type Destination, destinationOf, itemProblem } from "./restore_plan";
import { Preview, type PreviewProps, type Started, split } from "./restore_preview";
import { t } from "./texts";
import { useAnswer } from "./use_answer";

const kSources = ["set", "moment", "file"] as const;
type Source = (typeof kSources)[number];
export function RestorePage() {
  const known = useBackups();
  const query = route.value.query;
  const key = query.get("instance") ?? "";
  const asked = query.get("from");
  const source: Source = kSources.find((one) => one === asked) ?? (query.has("at") ? "moment" : "set");
  const [as, setAs] = useState({ on: false, name: "", domain: "" });
  const [started, setStarted] = useState<Started>();
  const settings = useAnswer("GetSettings", {});
  if (started) return <Progress started={started} onAgain={() => setStarted(undefined)} />;

  const choices = [
    ...new Set([
      ...instances.value.map(instanceKey),
      ...[...(known?.newest.keys() ?? [])].filter((one) => one !== "manager"),
    ]),
  ].sort();
  const isKnown = choices.includes(key);
  const destination = destinationOf(key, as, platform.value?.instances ?? new Map());
  const undoDays = Number(settings.value?.settings.find((one) => one.name === "restoreUndoDays")?.value ?? "0");
  const there = platform.value?.instances.get(key);
  return (
    <>
      <PageHead title={t("restore.title")} lead={t("restore.lead")} crumbs={[[t("nav.backups"), "#/backups"]]} />
      <div class="grid restore-grid">
        <Card>
          <div class="form">
            <TextInput
              label={t("restore.which")}
              value={key}
              list="restore-instances"
              placeholder="team@example.com"
              onInput={(value) => setQuery({ instance: value.trim(), set: undefined })}
              hint={t("restore.whichHint")}
              error={key && known && !isKnown ? t("restore.unknown", { name: key }) : undefined}
              autofocus={!key}
            />
            <datalist id="restore-instances">
              {choices.slice(0, 300).map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
            <div class="field">
              <span class="label">{t("restore.from")}</span>
              <Segmented
                label={t("restore.from")}
                value={source}
                choices={kSources.map((one): [Source, string] => [one, t(`source.${one}`)])}
                onChange={(one: Source) => setQuery({ from: one })}
              />
            </div>
            {source !== "file" && <As as={as} domain={split(key).domain} destination={destination} onChange={setAs} />}
          </div>
        </Card>
        {source === "set" && (
          <FromSet
            known={known}
            source={key}
            destination={destination}
            undoDays={undoDays}
            as={as.on ? destination.key : undefined}
            onStarted={setStarted}
          />
        )}
        {source === "moment" && (
          <FromMoment
            source={key}
            destination={destination}
            undoDays={undoDays}
            as={as.on ? destination.key : undefined}
            onStarted={setStarted}
          />
        )}
        {source === "file" && (
          <Card title={t("data.restore")}>
            <RestoreUpload {...(there ? { instance: there } : {})} />
          </Card>
        )}
      </div>
    </>
  );
}

function As(props: {
  as: { on: boolean; name: string; domain: string };
  domain: string;
  destination: Destination;
  onChange(as: { on: boolean; name: string; domain: string }): void;
}) {
  const { as } = props;
  return (
    <>
      <div class="field">
        <span class="label">{t("restore.to")}</span>
        <Segmented
          label={t("restore.to")}
          value={as.on ? "new" : "same"}
          choices={(["same", "new"] as const).map((one) => [one, t(`destination.${one}`)])}
          onChange={(one) => props.onChange({ ...as, on: one === "new", domain: as.domain || props.domain })}
        />
      </div>
      {as.on && (
        <>
          <TextInput
            label={t("new.name")}
            value={as.name}
            onInput={(name) => props.onChange({ ...as, name: name.trim() })}
            error={as.name ? props.destination.problem : undefined}
          />
          <TextInput
            label={t("new.domain")}
            value={as.domain}
            onInput={(domain) => props.onChange({ ...as, domain: domain.trim().toLowerCase() })}
          />
        </>
      )}
    </>
  );
}

function FromSet(props: PreviewProps & { known: Backups | undefined }) {
  const { known, source } = props;
  const external = props.as ? undefined : platform.value?.instances.get(source)?.external;
  const [sure, setSure] = useState(false);
  const confirmed = sure && external?.type === "postgresql";
  const destination = confirmed ? { ...props.destination, problem: undefined } : props.destination;
  const newest = known?.newest.get(source);
  const chosen = route.value.query.get("set") ?? newest?.set ?? "";
  const { value, error } = useAnswer("GetBackupSet", { id: chosen }, backupsVersion.value, chosen !== "");
  const fresh = value?.set.id === chosen ? value : undefined;
  const sets = known?.sets.filter((set) => (hasData(set.state) && !isWriteOnly(set)) || set.id === chosen) ?? [];
  const item = fresh?.items.find((one) => itemKey(one) === source && !isManager(one));
  const wrong =
    source && fresh ? itemProblem(fresh.set, fresh.items, source, platform.value?.services ?? new Map()) : undefined;
  const reason =
    offlineReason.value ??
    (!source ? t("restore.chooseInstance") : undefined) ??
    (!chosen ? t("restore.noSetOf") : undefined) ??
    error ??
    wrong ??
    destination.problem ??
    (fresh ? undefined : t("restore.looking"));
  const start = () =>
    attempt(async () => {
      const from = split(source);
      const to = props.as ? split(props.as) : undefined;
      const { job } = await ask("RestoreFromSet", {
        set: chosen,
        ...from,
        ...(to ? { asName: to.name, asDomain: to.domain } : {}),
        ...(confirmed ? { ontoExternal: true } : {}),
      });
      props.onStarted({ job: job.id, key: destination.key, isNew: destination.isNew });
    });
  return (
    <Card title={t("restore.preview")}>
      <div class="form">
        {known && sets.length === 0 ? (
          <p class="muted">
            {t("empty.sets")}. <a href={addressOf.backups("policies")}>{t("backups.policies")}</a>
          </p>
        ) : (
          <Field label={t("restore.set")}>
            {(ids) => (
              <select
                {...ids}
                class="input"
                value={chosen}
                onChange={(event) => setQuery({ set: event.currentTarget.value })}
              >
                {!chosen && <option value="">–</option>}
                {sets.slice(0, 300).map((set) => (
                  <option key={set.id} value={set.id}>
                    {optionText(set, newest)}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        {source && known && !newest && <p class="muted">{t("restore.noSetOf")}</p>}
        {fresh && item && (
          <Facts
            rows={[
              [t("restore.saved"), <Time at={item.writtenAt ?? fresh.set.startedAt} />],
              [t("column.state"), <SetPill state={fresh.set.state} />],
              [t("column.size"), size(item.bytes)],
              [t("column.rows"), t("set.rowsIn", { rows: number(item.rows), tables: number(item.tables) })],
              [
                t("restore.app"),
                <>
                  {item.service} {item.label} <span class="muted">({item.build})</span>{" "}
                  {wrong ? <Pill tone="bad">{t("restore.fitsNot")}</Pill> : <Pill tone="ok">{t("restore.fits")}</Pill>}
                </>,
              ],
              [t("column.verified"), item.verifiedAt ? <Time at={item.verifiedAt} /> : t("set.notVerified")],
            ]}
          />
        )}
        {external?.type === "postgresql" && (
          <Checkbox checked={sure} onChange={setSure}>
            {t("restore.ontoExternal", { host: external.host })}
          </Checkbox>
        )}
        <Preview
          {...props}
          destination={destination}
          problem={source && chosen ? (error ?? wrong) : undefined}
          reason={reason}
          start={start}
        >
          <Command line={commands.restoreFromSet(source || "INSTANCE", chosen || "SET", props.as)} />
        </Preview>
      </div>
    </Card>
  );
}

function optionText(set: BackupSet, newest: BackupItem | undefined): string {
  const at = set.startedAt ? fullTime(set.startedAt) : set.id;
  return set.id === newest?.set ? `${at} – ${t("restore.newestSet")}` : at;
}

function Progress({ started, onAgain }: { started: Started; onAgain(): void }) {
  const job: Job | undefined = platform.value?.jobs.get(started.job);
  const instance = platform.value?.instances.get(started.key);
  const [kept] = [...(instance?.kept ?? [])].sort((a, b) => b.replacedAt.localeCompare(a.replacedAt));
  const live = !job || job.state === "running" || job.state === "waiting";
  return (
    <>
      <PageHead
        title={
          live
            ? t("restore.runs", { name: started.key })
            : job.state === "done"
              ? t("restore.done", { name: started.key })
              : t("restore.failed", { name: started.key })
        }
        crumbs={[[t("nav.backups"), "#/backups"]]}
      />
      {job && live && <JobProgress job={job} />}
      {job && live && <p class="muted">{t("restore.leave")}</p>}
      {job && !live && job.state !== "done" && (
        <section class="notice tone-bad">
          <Icon name="error" class="lead" />
          <div>
            <p class="break">
              <strong>{job.error || t(`job.${job.state}`)}</strong> <span class="muted">{t("restore.untouched")}</span>
            </p>
          </div>
          <Button onClick={() => go(addressOf.job(job.id))}>{t("act.showJob")}</Button>
          <Button kind="primary" onClick={onAgain}>
            {t("restore.again")}
          </Button>
        </section>
      )}
      {job?.state === "done" && (
        <Card>
          <div class="form">
            <p>
              <Icon name="ok" /> {started.isNew ? t("restore.madeNew", { name: started.key }) : t("restore.swapped")}
            </p>
            {!started.isNew && kept && instance && (
              <p class="muted">
                {t("restore.undoUntil")} <Time at={kept.purgeAt} />.
              </p>
            )}
            <div class="acts">
              {instance && (
                <Button kind="primary" onClick={() => go(addressOf.instance(instance))}>
                  {t("act.showInstance")}
                </Button>
              )}
              {!started.isNew && kept && instance && (
                <Button icon="undo" onClick={() => bringBackKept(instance, kept)} disabledReason={offlineReason.value}>
                  {t("restore.undo")}
                </Button>
              )}
              <Button onClick={() => go(addressOf.job(job.id))}>{t("act.showJob")}</Button>
            </div>
            {!started.isNew && <Command line={commands.undo(started.key)} />}
          </div>
        </Card>
      )}
    </>
  );
}
