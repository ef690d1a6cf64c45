// For each instance: its newest backup, and when that was last really restored.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Card, Empty } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { duration, number, size } from "../kit/i18n";
import { go } from "../kit/route";
import type { Instance } from "./api";
import { drill } from "./backup_actions";
import type { Backups } from "./backups";
import { commands } from "./commands";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { instanceKey, instances } from "./platform";
import { t, tn } from "./texts";

const kPageOf = 100;

export function ProvenTab({ known }: { known: Backups }) {
  const [filter, setFilter] = useState("");
  const [shown, setShown] = useState(kPageOf);
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const rank = (one: Instance) => {
    const proof = known.proofs.get(instanceKey(one));
    if (one.excludeFromBackup) return 3;
    if (proof?.error) return 0;
    return known.newest.has(instanceKey(one)) ? 2 : 1;
  };
  const list = instances.value
    .filter((one) => words.every((word) => instanceKey(one).toLowerCase().includes(word)))
    .sort((a, b) => rank(a) - rank(b));
  return (
    <>
      <p class="muted prose">{t("proven.lead")}</p>
      <div class="store-tools">
        <input
          class="input"
          type="search"
          aria-label={t("set.filter")}
          placeholder={t("set.filter")}
          value={filter}
          onInput={(event) => {
            setFilter(event.currentTarget.value);
            setShown(kPageOf);
          }}
        />
        <Button
          onClick={() => drill()}
          disabledReason={offlineReason.value ?? (known.newest.size === 0 && t("backups.noSetYet"))}
        >
          {t("act.proveAll")}
        </Button>
      </div>
      <Card>
        {instances.value.length === 0 ? (
          <Empty icon="boxes" title={t("empty.instances")}>
            {t("empty.instancesWhy")}
          </Empty>
        ) : (
          <div class="table-scroll">
            <table>
              <thead>
                <tr>
                  <th>{t("column.name")}</th>
                  <th>{t("column.proven")}</th>
                  <th>{t("column.backup")}</th>
                  <th class="num spare">{t("column.size")}</th>
                  <th class="num spare">{t("column.tookRestore")}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {list.slice(0, shown).map((one) => (
                  <ProvenRow key={instanceKey(one)} instance={one} known={known} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {list.length > shown && (
          <p class="small">
            <button type="button" class="link-button" onClick={() => setShown(shown + 4 * kPageOf)}>
              {tn("backups.showMore", list.length - shown)}
            </button>
          </p>
        )}
      </Card>
      <Command line={commands.provenRestores()} />
      <p class="muted small">
        {t("proven.schedule")} <a href="#/settings">{t("nav.settings")}</a> (<code>drillSchedule</code>,{" "}
        <code>drillDays</code>)
      </p>
    </>
  );
}

/** When a restore of the newest backup was last proven, by dot and word. */
export function ProofPill({ instance, known }: { instance: Instance; known: Backups }) {
  const proof = known.proofs.get(instanceKey(instance));
  if (instance.excludeFromBackup) return <Pill tone="idle">{t("fact.leftOut")}</Pill>;
  if (proof?.error) return <Pill tone="bad">{t("proven.failed")}</Pill>;
  if (proof?.provenAt)
    return (
      <Pill tone="ok">
        <Time at={proof.provenAt} />
      </Pill>
    );
  return <Pill tone="idle">{t("proven.never")}</Pill>;
}

function ProvenRow({ instance, known }: { instance: Instance; known: Backups }) {
  const key = instanceKey(instance);
  const proof = known.proofs.get(key);
  const item = known.newest.get(key);
  const noBackup = !item && t("fact.noBackup");
  return (
    <tr>
      <td class="break">
        <a href={addressOf.instance(instance, "data")}>{key}</a>
        {proof?.error && <div class="small tone-bad error-text break">{proof.error}</div>}
      </td>
      <td class="nowrap">
        <ProofPill instance={instance} known={known} />
      </td>
      <td class="nowrap muted">
        {item ? (
          <a href={addressOf.set(item.set)}>
            <Time at={item.writtenAt} />
          </a>
        ) : (
          t("fact.noBackup")
        )}
      </td>
      <td class="num nowrap spare">{item ? size(item.bytes) : "–"}</td>
      <td class="num nowrap spare">
        {proof?.provenMs
          ? proof.provenMs < 1000
            ? `${number(proof.provenMs)} ms`
            : duration(proof.provenMs / 1000)
          : "–"}
      </td>
      <td>
        <div class="row-actions">
          <Button small onClick={() => drill(instance)} disabledReason={offlineReason.value ?? noBackup}>
            {t("act.prove")}
          </Button>
          <Button
            small
            onClick={() => go(addressOf.restore({ instance: key }))}
            disabledReason={offlineReason.value ?? noBackup}
          >
            {t("act.restore")}
          </Button>
        </div>
      </td>
    </tr>
  );
}
