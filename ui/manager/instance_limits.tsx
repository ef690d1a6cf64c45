// How much an instance or a domain may have, and what to do when a database is too large.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { TextInput } from "../kit/components/field";
import { Card } from "../kit/components/layout";
import { showToast } from "../kit/components/toast";
import { fullTime, number } from "../kit/i18n";
import type { Instance, Limits, LimitsOf } from "./api";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { Command, offlineReason } from "./parts";
import { instanceKey } from "./platform";
import { t } from "./texts";
import { useAnswer } from "./use_answer";

const kMegabyte = 1_000_000;

/** Member, its text, the command's option, and how many of its units are one of ours. */
const kKinds = [
  ["databaseBytes", "limits.database", "--database-bytes", kMegabyte],
  ["websockets", "limits.websockets", "--websockets", 1],
  ["requests", "limits.requests", "--requests", 1],
  ["messages", "limits.messages", "--messages", 1],
  ["databaseConnections", "limits.connections", "--database-connections", 1],
  ["statementSeconds", "limits.statement", "--statement-seconds", 1],
] as const;
type Kind = (typeof kKinds)[number][0];
type Drafts = Record<Kind, string>;

const draftsOf = (limits: Limits): Drafts =>
  Object.fromEntries(
    kKinds.map(([kind, , , unit]) => {
      const value = limits[kind];
      return [kind, value === undefined ? "" : String(Math.round(value / unit))];
    }),
  ) as Drafts;

const isHeld = (limits: LimitsOf) => limits.databaseState === "readOnly" || limits.databaseState === "lockedOut";
const isWhole = (text: string) => /^\d{0,12}$/.test(text.trim());

/** What is left as it stands keeps its exact value, which in the form is rounded. */
function limitsOf(drafts: Drafts, own: Limits): Limits {
  const before = draftsOf(own);
  const limits: Limits = {};
  for (const [kind, , , unit] of kKinds) {
    const text = drafts[kind].trim();
    if (text === "") continue;
    const kept = own[kind];
    limits[kind] = text === before[kind] && kept !== undefined ? kept : Number(text) * unit;
  }
  return limits;
}

export function LimitsCard({ instance }: { instance: Instance }) {
  const { name, domain } = instance;
  const { value, error, again } = useAnswer("GetLimits", { domain, name }, instance.state);
  const limits = value?.limits[0];
  return (
    <Card title={t("limits.title")} class="wide">
      {error && <p class="error-text">{error}</p>}
      {limits && (
        <LimitsForm key={JSON.stringify(limits.own)} limits={limits} id={instanceKey(instance)} onSaved={again} />
      )}
    </Card>
  );
}

/** What a state of the database means, for an instance and for all databases of a domain. */
function stateText({ name, databaseState, writableUntil }: LimitsOf): string {
  if (databaseState === "lockedOut") return t("limits.lockedOut");
  if (databaseState === "near") return name ? t("limits.near") : t("limits.domainNear");
  if (databaseState === "readOnly") return name ? t("limits.readOnly") : t("limits.domainReadOnly");
  return t("limits.writable", { time: writableUntil ? fullTime(writableUntil) : "" });
}

export function LimitsForm({ limits, id, onSaved }: { limits: LimitsOf; id: string; onSaved(): void }) {
  const [drafts, setDrafts] = useState(draftsOf(limits.own));
  const { name, domain } = limits;
  const wanted = limitsOf(drafts, limits.own);
  const bad = kKinds.some(([kind]) => !isWhole(drafts[kind]));
  const changed = JSON.stringify(drafts) !== JSON.stringify(draftsOf(limits.own));
  const save = () =>
    attempt(async () => {
      await ask("SetLimits", { domain, name, limits: wanted });
      showToast({ tone: "ok", text: t("limits.saved", { name: id }) });
      onSaved();
    });
  const allow = () =>
    attempt(async () => {
      await ask("AllowWrites", { domain, name, minutes: 60 });
      showToast({ tone: "ok", text: t("limits.allowed", { name: id }) });
      onSaved();
    });
  const options = kKinds.flatMap(([kind, , option]) =>
    wanted[kind] === undefined ? [] : [option, String(wanted[kind])],
  );
  return (
    <div class="form">
      <p class="muted">{name ? t("limits.lead") : t("limits.domainLead")}</p>
      {limits.databaseState !== "fine" && (
        <section class={`notice tone-${isHeld(limits) ? "bad" : "warn"}`}>
          <p>{stateText(limits)}</p>
          {name && isHeld(limits) && (
            <Button onClick={allow} disabledReason={offlineReason.value}>
              {t("limits.allow")}
            </Button>
          )}
        </section>
      )}
      <div class="grid halves">
        {kKinds.map(([kind, label, , unit]) => {
          const usual = limits.effective[kind] ?? 0;
          const own = limits.own[kind] !== undefined;
          return (
            <TextInput
              key={kind}
              label={t(kind === "databaseBytes" && !name ? "limits.domainDatabase" : label)}
              value={drafts[kind]}
              onInput={(text) => setDrafts({ ...drafts, [kind]: text })}
              error={isWhole(drafts[kind]) ? undefined : t("limits.whole")}
              hint={
                own
                  ? undefined
                  : t("limits.usual", { value: usual === 0 ? t("limits.unlimited") : number(usual / unit) })
              }
            />
          );
        })}
      </div>
      <div class="acts">
        <Button kind="primary" onClick={save} disabledReason={offlineReason.value ?? (bad && t("limits.whole"))}>
          {t("limits.save")}
        </Button>
      </div>
      {changed && !bad && <Command line={commands.setLimits(id, options)} />}
    </div>
  );
}
