// Backup sets: the list, and what one of them holds.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Card, Facts } from "../kit/components/layout";
import type { Tone } from "../kit/components/state";
import { Pill } from "../kit/components/state";
import { dayAndMonth, duration, fullTime, number, size, timeOfDay } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { go } from "../kit/route";
import type { BackupItem, BackupItemState, BackupSet, BackupSetState } from "./api";
import { downloadFromSet } from "./backup";
import { verifySet } from "./backup_actions";
import { backups, backupsVersion, hasData, isManager, isWriteOnly, itemKey } from "./backups";
import { commands } from "./commands";
import { attempt } from "./connection";
import { NotFound } from "./not_found";
import { PageHead } from "./page_head";
import { addressOf, Command, Copyable, offlineReason, Time } from "./parts";
import { t, tn } from "./texts";
import { useAnswer } from "./use_answer";

const kTones: Record<BackupSetState | BackupItemState, Tone> = {
  running: "busy",
  good: "ok",
  partial: "warn",
  failed: "bad",
  damaged: "bad",
  waiting: "idle",
  written: "ok",
};

export function SetPill({ state }: { state: BackupSetState }) {
  return <Pill tone={kTones[state]}>{t(`set.${state}`)}</Pill>;
}

const kPageOf = 25;

export function SetTable({ sets }: { sets: readonly BackupSet[] }) {
  const [shown, setShown] = useState(kPageOf);
  return (
    <>
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>{t("column.started")}</th>
              <th>{t("column.state")}</th>
              <th>{t("column.policy")}</th>
              <th class="spare">{t("column.target")}</th>
              <th class="spare">{t("column.verified")}</th>
              <th class="num spare">{t("column.took")}</th>
            </tr>
          </thead>
          <tbody>
            {sets.slice(0, shown).map((set) => (
              <tr key={set.id}>
                <td class="nowrap">
                  <a href={addressOf.set(set.id)}>
                    {set.startedAt ? `${dayAndMonth(set.startedAt)} ${timeOfDay(set.startedAt)}` : set.id}
                  </a>{" "}
                  <span class="muted spare">
                    <Time at={set.startedAt} />
                  </span>
                </td>
                <td>
                  <SetPill state={set.state} />
                </td>
                <td class="break">{set.policy || "–"}</td>
                <td class="break spare">{set.target || "–"}</td>
                <td class="nowrap muted spare">{set.verifiedAt ? <Time at={set.verifiedAt} /> : t("word.no")}</td>
                <td class="num nowrap spare">{took(set)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {sets.length > shown && (
        <p class="small">
          <button type="button" class="link-button" onClick={() => setShown(shown + 4 * kPageOf)}>
            {tn("backups.showMore", sets.length - shown)}
          </button>
        </p>
      )}
    </>
  );
}

function took(set: BackupSet): string {
  if (!set.startedAt || !set.endedAt) return "–";
  return duration((Date.parse(set.endedAt) - Date.parse(set.startedAt)) / 1000);
}

export function SetPage({ id }: { id: string }) {
  const { value, error } = useAnswer("GetBackupSet", { id }, backupsVersion.value);
  const [filter, setFilter] = useState("");
  if (error) return <NotFound what={error} />;
  if (!value) return <div class="card skeleton" />;
  const { set, items } = value;
  const wanted = filter.trim().toLowerCase();
  const shown = items.filter((item) => !wanted || nameOf(item).toLowerCase().includes(wanted));
  const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
  return (
    <>
      <PageHead
        title={set.startedAt ? fullTime(set.startedAt) : set.id}
        crumbs={[[t("nav.backups"), "#/backups"]]}
        beside={<SetPill state={set.state} />}
        actions={
          <Button
            onClick={() => verifySet(set.id)}
            disabledReason={
              offlineReason.value ??
              ((isWriteOnly(set) && t("reason.dropBox")) ||
                (!hasData(set.state) && set.state !== "damaged" && t("reason.noData")))
            }
          >
            {t("act.verifySet")}
          </Button>
        }
      />
      {set.error && (
        <section class="notice tone-bad">
          <Icon name="error" class="lead" />
          <div>
            <p class="break">{set.error}</p>
          </div>
        </section>
      )}
      <div class="grid halves">
        <Card title={t("backups.set")} aside={<span>{size(bytes)}</span>}>
          <Facts
            rows={[
              [t("column.id"), <Copyable text={set.id} />],
              [t("column.policy"), set.policy || t("set.policyGone")],
              [t("column.target"), set.target],
              [t("column.took"), took(set)],
              [t("column.verified"), set.verifiedAt ? <Time at={set.verifiedAt} /> : t("set.notVerified")],
              !!set.job && [t("column.job"), <a href={addressOf.job(set.job)}>{t("act.showJob")}</a>],
            ]}
          />
        </Card>
        <Card title={t("set.without")}>
          <div class="form">
            <p class="muted">{t("set.withoutWhy")}</p>
            <Command line={commands.getFromSet(set.id, items[0] ? itemKey(items[0]) : "INSTANCE")} />
            <Command line={commands.verifySet(set.id)} />
          </div>
        </Card>
      </div>
      <Card title={t("set.items")} aside={<span>{tn("set.count", items.length)}</span>}>
        {items.length > 12 && (
          <div class="store-tools">
            <input
              class="input"
              type="search"
              aria-label={t("set.filter")}
              placeholder={t("set.filter")}
              value={filter}
              onInput={(event) => setFilter(event.currentTarget.value)}
            />
          </div>
        )}
        <div class="table-scroll">
          <table>
            <thead>
              <tr>
                <th>{t("column.name")}</th>
                <th>{t("column.state")}</th>
                <th class="num">{t("column.size")}</th>
                <th class="num spare">{t("column.rows")}</th>
                <th class="spare">{t("column.service")}</th>
                <th class="spare">{t("column.proven")}</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {shown.map((item) => (
                <ItemRow key={itemKey(item)} set={set} item={item} />
              ))}
            </tbody>
          </table>
        </div>
        {shown.length === 0 && <p class="muted">{t("nav.nothingFits")}</p>}
      </Card>
    </>
  );
}

const nameOf = (item: BackupItem) => (isManager(item) ? t("set.manager") : itemKey(item));

function ItemRow({ set, item }: { set: BackupSet; item: BackupItem }) {
  const proof = backups.value?.proofs.get(itemKey(item));
  const provenHere = proof?.provenAt !== undefined && proof.set === set.id && proof.error === "";
  const reason =
    offlineReason.value ??
    ((isWriteOnly(set) && t("reason.dropBox")) || (item.state !== "written" && t("reason.noData")));
  return (
    <tr>
      <td class="break">
        {nameOf(item)}
        {item.error && <div class="small tone-bad error-text break">{item.error}</div>}
      </td>
      <td>
        <Pill tone={kTones[item.state]}>{t(`item.${item.state}`)}</Pill>
      </td>
      <td class="num nowrap">{item.bytes ? size(item.bytes) : "–"}</td>
      <td class="num nowrap spare">{t("set.rowsIn", { rows: number(item.rows), tables: number(item.tables) })}</td>
      <td class="muted nowrap spare">{item.service ? `${item.service} ${item.label || item.build}` : "–"}</td>
      <td class="muted nowrap spare">{provenHere ? <Time at={proof.provenAt} /> : "–"}</td>
      <td>
        <div class="row-actions">
          <Button
            small
            icon="download"
            label={t("act.downloadOf", { name: nameOf(item) })}
            onClick={() => attempt(() => downloadFromSet(set.id, item))}
            disabledReason={reason}
          />
          {!isManager(item) && (
            <Button
              small
              onClick={() => go(addressOf.restore({ instance: itemKey(item), set: set.id }))}
              disabledReason={reason}
            >
              {t("act.restore")}
            </Button>
          )}
        </div>
      </td>
    </tr>
  );
}
