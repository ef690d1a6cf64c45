import { Button } from "../kit/components/button";
import { Card, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { duration, number, size } from "../kit/i18n";
import { replaceManager, replaceWebserver } from "./actions";
import { commands } from "./commands";
import { LogView } from "./log_view";
import { ProcessCharts } from "./monitor_page";
import { NotFound } from "./not_found";
import { PageHead } from "./page_head";
import { Command, Copyable, offlineReason, StatePill, Time } from "./parts";
import { status } from "./platform";
import { DatabasesCard } from "./platform_databases";
import { t, tn } from "./texts";
import { processTitle } from "./tree";

export function ProcessPage({ name }: { name: string }) {
  const current = status.value;
  const process = current?.processes.find((one) => one.name === name);
  if (!current || !process) return <NotFound what={t("process.gone", { name })} />;
  return (
    <>
      <PageHead
        title={processTitle(name)}
        crumbs={[[t("nav.platform"), "#/"]]}
        beside={
          process.draining ? (
            <Pill tone="busy">{tn("process.draining", process.draining.websockets)}</Pill>
          ) : (
            <StatePill state={process.state} />
          )
        }
      />
      <div class="grid halves">
        <Card title={t("service.process")}>
          <Facts
            rows={[
              [t("fact.pid"), process.pid ?? "–"],
              [t("fact.since"), <Time at={process.startedAt} />],
              [t("fact.memory"), size(process.memoryBytes)],
              [t("fact.restarts"), number(process.restarts)],
              process.draining && [t("fact.connections"), number(process.draining.connections)],
              process.draining && [t("fact.drainsUntil"), <Time at={process.draining.until} />],
            ]}
          />
        </Card>
        <Card title={t("process.platform")}>
          <Facts
            rows={[
              [t("fact.url"), <Copyable text={current.url} />],
              [t("fact.ports"), `http ${current.http} · https ${current.https}`],
              [t("fact.version"), t("foot.build", { version: current.version, build: current.build })],
              [t("fact.root"), <code>{current.root}</code>],
              [t("fact.uptime"), duration(current.uptime)],
            ]}
          />
        </Card>
        <ReplaceCard name={name} />
        {name === "postgres" && <DatabasesCard />}
        <div class="wide">
          <ProcessCharts subject={process.draining ? "webserver" : name} />
        </div>
        <Card title={t("tab.log")} class="wide">
          <LogView service={process.draining ? "webserver" : name} />
        </Card>
      </div>
    </>
  );
}

const kReplace: Record<string, () => Promise<void>> = { manager: replaceManager, webserver: replaceWebserver };

/** After an update, to the program that is at its path by now: nothing is stopped. */
function ReplaceCard({ name }: { name: string }) {
  const act = kReplace[name];
  if (!act) return null;
  return (
    <Card title={t("process.replaceTitle")}>
      <p>{t(name === "manager" ? "process.replaceManager" : "process.replaceWebserver")}</p>
      <Command line={commands.replace(name)} />
      <div class="row-actions">
        <Button icon="restart" onClick={act} disabledReason={offlineReason.value}>
          {t("act.replace")}
        </Button>
      </div>
    </Card>
  );
}
