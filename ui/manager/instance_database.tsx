// The database of an instance: how large, how fast it grows, how much of it is air, and what can be done about that.
import { useState } from "preact/hooks";
import { Sparkline } from "../kit/components/bar";
import { Button } from "../kit/components/button";
import { Dialog } from "../kit/components/dialog";
import { Card, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { showToast } from "../kit/components/toast";
import { date, number, size } from "../kit/i18n";
import { go } from "../kit/route";
import type { Instance, InstanceDatabase } from "./api";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { addressOf, Command, Copyable, offlineReason, Time } from "./parts";
import { instanceKey, jobs } from "./platform";
import { t, tn } from "./texts";
import { useAnswer } from "./use_answer";

/** "+0.3 MB a day": with its sign, for it may shrink. */
export function growthText(database: InstanceDatabase): string {
  const { bytesADay, growthDays } = database;
  if (bytesADay === undefined) return t("database.growthUnknown");
  const sign = bytesADay > 0 ? "+" : bytesADay < 0 ? "−" : "±";
  return tn("database.growthOver", growthDays, { size: `${sign}${size(Math.abs(bytesADay))}` });
}

/** Why a clean-up would be refused, with the numbers. */
export const noRoomFor = (database: InstanceDatabase) =>
  database.cleanUpNeedsBytes > database.freeBytes
    ? t("database.noRoom", { needed: size(database.cleanUpNeedsBytes), free: size(database.freeBytes) })
    : undefined;

/** Jobs after which the numbers are others. */
const versionFor = (key: string) =>
  jobs.value
    .filter((job) => job.target === key || job.kind === "optimise" || job.kind === "clean-up")
    .map((job) => `${job.id}${job.state}`)
    .join();

export function DatabaseCard({ instance }: { instance: Instance }) {
  const key = instanceKey(instance);
  const { name, domain } = instance;
  const { value, error } = useAnswer("GetInstanceDatabase", { name, domain }, versionFor(key));
  const { value: all } = useAnswer("GetDatabases", {}, versionFor(key));
  const [asking, setAsking] = useState(false);
  const database = value?.database;
  const run = all?.runs.find((one) => one.endedAt);
  return (
    <Card title={t("database.title")} aside={<span>{size(database?.bytes ?? instance.databaseBytes)}</span>}>
      <div class="form">
        {error && <p class="tone-bad error-text break">{error}</p>}
        <Facts
          rows={[
            [t("fact.database"), <Copyable text={instance.external?.database ?? instance.database} />],
            !!database && [t("database.growth"), growthText(database)],
            !!database && [
              t("database.bloat"),
              database.bloatBytes > 0
                ? t("database.about", { size: size(database.bloatBytes) })
                : t("database.noBloat"),
            ],
            !!database && [t("database.connections"), number(database.connections)],
            [
              t("database.optimised"),
              run ? (
                <>
                  <Time at={run.endedAt} />
                  {run.failures.some((one) => one.database === instance.database) && (
                    <>
                      {" "}
                      <Pill tone="bad">{t("database.optimiseFailed")}</Pill>
                    </>
                  )}
                </>
              ) : (
                t("database.notYet")
              ),
            ],
            !!all && [t("database.nextRun"), all.nextRun ? <Time at={all.nextRun} /> : t("database.optimiseOff")],
          ]}
        />
        {database && database.history.length > 1 && (
          <figure class="history">
            <Sparkline values={database.history.map((one) => one.bytes)} />
            <figcaption class="small muted">
              {t("database.history", {
                from: date(database.history[0]!.day),
                least: size(Math.min(...database.history.map((one) => one.bytes))),
                most: size(Math.max(...database.history.map((one) => one.bytes))),
              })}
            </figcaption>
          </figure>
        )}
        {database && database.tables.length > 0 && <Tables database={database} />}
        <div class="acts">
          <Button
            onClick={() => setAsking(true)}
            disabledReason={
              offlineReason.value ??
              (instance.external ? t("database.notOurs") : undefined) ??
              (database ? noRoomFor(database) : t("restore.looking"))
            }
          >
            {t("act.cleanUp")}
          </Button>
        </div>
        {database && !instance.external && noRoomFor(database) && (
          <p class="small tone-warn warn-text">
            {noRoomFor(database)} {t("database.wayOut")}
          </p>
        )}
        <Command line={commands.cleanUp(key)} />
      </div>
      {asking && database && <CleanUpDialog instance={instance} database={database} onClose={() => setAsking(false)} />}
    </Card>
  );
}

function Tables({ database }: { database: InstanceDatabase }) {
  return (
    <details>
      <summary>{tn("database.tables", database.tableCount)}</summary>
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>{t("database.table")}</th>
              <th class="num">{t("column.size")}</th>
              <th class="num">{t("column.rows")}</th>
              <th class="num spare">{t("database.bloat")}</th>
            </tr>
          </thead>
          <tbody>
            {database.tables.map((table) => (
              <tr key={table.table}>
                <td class="break">
                  <code>{table.table}</code>
                </td>
                <td class="num nowrap">{size(table.bytes)}</td>
                <td class="num nowrap">{number(table.rows)}</td>
                <td class="num nowrap spare">{table.bloatBytes ? size(table.bloatBytes) : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** What it does to whom, before it is done. */
function CleanUpDialog(props: { instance: Instance; database: InstanceDatabase; onClose(): void }) {
  const { instance, database } = props;
  const { name, domain } = instance;
  const start = async () => {
    const worked = await attempt(async () => {
      const { job } = await ask("CleanUpInstance", { name, domain });
      showToast({
        tone: "ok",
        text: t("done.cleanUpRuns", { name: instanceKey(instance) }),
        action: { label: t("act.show"), run: () => go(addressOf.job(job.id)) },
      });
    });
    if (worked) props.onClose();
  };
  return (
    <Dialog
      title={t("database.cleanUpOf", { name: instanceKey(instance) })}
      closeLabel={t("act.close")}
      onClose={props.onClose}
      footer={
        <>
          <Button onClick={props.onClose}>{t("act.cancel")}</Button>
          <Button kind="primary" onClick={start} disabledReason={offlineReason.value ?? noRoomFor(database)}>
            {t("act.cleanUpNow")}
          </Button>
        </>
      }
    >
      <ul class="what-happens">
        <li>{tn("database.rewrites", database.tableCount)}</li>
        <li>{t("database.givesBack", { size: size(database.bloatBytes) })}</li>
        <li>{t("database.needs", { needed: size(database.cleanUpNeedsBytes), free: size(database.freeBytes) })}</li>
        <li>{t("database.others")}</li>
      </ul>
      <Command line={commands.cleanUp(instanceKey(instance))} />
    </Dialog>
  );
}
