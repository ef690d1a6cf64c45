// Is what people wrote safe? State first, then what is kept, by which rules, where, and what was proven.
import type { ComponentChildren } from "preact";
import { now } from "../kit/clock";
import { Button } from "../kit/components/button";
import { Card, Empty } from "../kit/components/layout";
import { ago, fullTime, number } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { go } from "../kit/route";
import { runPolicy } from "./backup_actions";
import { PoliciesTab } from "./backup_policies";
import { SetPage, SetTable } from "./backup_sets";
import { TargetsTab } from "./backup_targets";
import { scheduleText } from "./backup_words";
import {
  type Assessment,
  assessBackups,
  type Backups,
  backupsError,
  isManager,
  type Trouble,
  useBackups,
} from "./backups";
import { CommandFileCard } from "./command_file";
import { commands } from "./commands";
import { CheckList } from "./findings";
import { JobProgress } from "./job_progress";
import { PageHead } from "./page_head";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { health, instanceKey, instances, runningJobs } from "./platform";
import { ProvenTab } from "./proven_restores";
import { Tabs } from "./tabs";
import { t, tn } from "./texts";
import { TimeMachineTab } from "./time_machine_page";

const kTabs = ["instances", "policies", "targets", "timemachine"] as const;

export function BackupsPage({ tab, id }: { tab: string | undefined; id: string | undefined }) {
  const known = useBackups();
  if (tab === "set") return <SetPage key={id} id={id ?? ""} />;
  const found = known && assessBackups(known, instances.value);
  const [policy] = known?.policies.filter((one) => one.enabled) ?? [];
  return (
    <>
      <PageHead
        title={found ? sentence(found) : t("nav.backups")}
        lead={t("backups.lead")}
        actions={
          <>
            <Button icon="undo" onClick={() => go(addressOf.restore())} disabledReason={offlineReason.value}>
              {t("act.restore")}
            </Button>
            <Button
              kind="primary"
              onClick={() => runPolicy(policy!)}
              disabledReason={offlineReason.value ?? (!policy && t("reason.noPolicy"))}
            >
              {t("act.backUpNow")}
            </Button>
          </>
        }
      />
      <Tabs
        items={[
          [t("backups.sets"), "#/backups", tab === undefined],
          ...kTabs.map((name): [string, string, boolean] => [
            t(`backups.${name}`),
            addressOf.backups(name),
            tab === name,
          ]),
        ]}
      />
      {backupsError.value && !known && (
        <section class="notice tone-bad">
          <Icon name="error" class="lead" />
          <div>
            <p>{backupsError.value}</p>
          </div>
        </section>
      )}
      {!known && !backupsError.value && <div class="card skeleton" />}
      {known && found && tab === undefined && <SetsTab known={known} found={found} />}
      {known && tab === "policies" && <PoliciesTab known={known} />}
      {known && tab === "targets" && <TargetsTab known={known} />}
      {known && tab === "instances" && <ProvenTab known={known} />}
      {tab === "timemachine" && <TimeMachineTab />}
    </>
  );
}

function sentence({ troubles, wanted }: Assessment): string {
  const [first] = troubles;
  switch (first?.kind) {
    case "drill":
      return t("backups.drillFailed", { name: instanceKey(first.proofs[0]!) });
    case "lastBad":
      return t("backups.lastBad");
    case "target":
      return t("backups.targetFails", { name: first.target.name });
    case "noPolicy":
      return t("backups.noPolicy");
    case "noSet":
      return t("backups.noSet");
    case "without":
      return tn("backups.without", first.instances.length);
    default:
      return wanted === 0 ? t("backups.wellEmpty") : t("backups.well");
  }
}

function SetsTab({ known, found }: { known: Backups; found: Assessment }) {
  const jobs = runningJobs.value.filter((job) => ["backup", "prune", "drill", "fetch", "platform"].includes(job.kind));
  const checks = health.value?.findings.filter((check) => check.id.startsWith("backup")) ?? [];
  return (
    <>
      {jobs.map((job) => (
        <JobProgress key={job.id} job={job} />
      ))}
      {found.troubles.map((trouble, i) => (
        <TroubleNotice key={i} trouble={trouble} isTitle={i === 0} />
      ))}
      {checks.length > 0 && (
        <Card title={t("check.title")}>
          <CheckList checks={checks} />
        </Card>
      )}
      <Numbers known={known} found={found} />
      <Card title={t("backups.sets")} aside={<span>{tn("backups.count", known.sets.length)}</span>}>
        {known.sets.length === 0 ? (
          <Empty
            icon="backups"
            title={t("empty.sets")}
            action={
              <Button kind="primary" onClick={() => go(addressOf.backups("policies"))}>
                {t("backups.policies")}
              </Button>
            }
          >
            {t("empty.setsWhy")}
          </Empty>
        ) : (
          <SetTable sets={known.sets} />
        )}
      </Card>
      <Command line={commands.backupSets()} />
      <CommandFileCard />
    </>
  );
}

/** What the title says already is not said again. */
function TroubleNotice({ trouble, isTitle }: { trouble: Trouble; isTitle: boolean }) {
  const see = (label: string, address: string) => <Button onClick={() => go(address)}>{label}</Button>;
  const show = (text: ComponentChildren, why: string, command: string | undefined, act: ComponentChildren) => (
    <section class={`notice tone-${trouble.kind === "without" || trouble.kind === "noSet" ? "warn" : "bad"}`}>
      <Icon name={trouble.kind === "without" || trouble.kind === "noSet" ? "alert" : "error"} class="lead" />
      <div>
        <p class="break">
          {!isTitle && <strong>{text}</strong>} <span class={isTitle ? undefined : "muted"}>{why}</span>
        </p>
        {command && <Command line={command} />}
      </div>
      {act}
    </section>
  );
  switch (trouble.kind) {
    case "drill": {
      const [first] = trouble.proofs;
      return show(
        t("backups.drillFailed", { name: instanceKey(first!) }),
        first!.error,
        commands.drill(instanceKey(first!)),
        see(t("act.show"), addressOf.backups("instances")),
      );
    }
    case "lastBad":
      return show(
        t("backups.lastBad"),
        trouble.set.error || t("backups.lastBadWhy"),
        undefined,
        see(t("act.show"), addressOf.set(trouble.set.id)),
      );
    case "target":
      return show(
        t("backups.targetFails", { name: trouble.target.name }),
        trouble.target.error,
        commands.testTarget(trouble.target.name),
        see(t("act.show"), addressOf.backups("targets")),
      );
    case "noPolicy":
      return show(
        t("backups.noPolicy"),
        t("backups.noPolicyWhy"),
        undefined,
        see(t("backups.policies"), addressOf.backups("policies")),
      );
    case "noSet":
      return show(t("backups.noSet"), t("backups.noSetWhy"), commands.runPolicy(undefined), null);
    default: {
      const names = trouble.instances.slice(0, 3).map(instanceKey).join(", ");
      const more = trouble.instances.length - 3;
      return show(
        tn("backups.without", trouble.instances.length),
        more > 0 ? t("backups.andMore", { names, count: number(more) }) : names,
        commands.runPolicy(undefined),
        see(t("act.show"), addressOf.backups("instances")),
      );
    }
  }
}

function Numbers({ known, found }: { known: Backups; found: Assessment }) {
  const { lastGood, next } = found;
  const failing = known.targets.filter((target) => target.error !== "").length;
  const managerSaved = [...known.newest.values()].some(isManager);
  return (
    <div class="grid numbers">
      <Card title={t("backups.lastGood")}>
        <p class="big">{lastGood ? <BigTime at={lastGood.endedAt ?? lastGood.startedAt} /> : "–"}</p>
        <p class="muted small">
          {lastGood ? (lastGood.verifiedAt ? t("backups.readBack") : t("backups.notReadBack")) : t("backups.noSetYet")}
          {lastGood && managerSaved && ` · ${t("backups.withManager")}`}
        </p>
      </Card>
      <Card title={t("backups.next")}>
        <p class="big">{next ? <BigTime at={next.dueAt} /> : t("backups.never")}</p>
        <p class="muted small">{next ? `${next.name}: ${scheduleText(next.schedule)}` : t("backups.neverWhy")}</p>
      </Card>
      <Card title={t("backups.proven")}>
        <p class="big">{t("backups.provenOf", { proven: number(found.proven), all: number(found.wanted) })}</p>
        <p class="muted small">
          {found.oldestProof ? (
            <>
              {t("backups.oldestProof")} <Time at={found.oldestProof} />
            </>
          ) : found.wanted === 0 ? (
            t("backups.nothingToProve")
          ) : (
            t("backups.notAllProven")
          )}
        </p>
      </Card>
      <Card title={t("backups.targets")}>
        <p class="big">{number(known.targets.length)}</p>
        <p class={failing ? "small tone-bad error-text" : "muted small"}>
          {failing
            ? tn("backups.failing", failing)
            : known.targets.every((target) => target.kind === "directory")
              ? t("backups.onlyHere")
              : t("backups.allReachable")}
        </p>
      </Card>
    </div>
  );
}

function BigTime({ at }: { at: string | undefined }) {
  if (!at) return <>–</>;
  return (
    <time dateTime={at} title={fullTime(at)}>
      {ago(at, now.value)}
    </time>
  );
}
