import { Card, Facts } from "../kit/components/layout";
import { duration, number, size } from "../kit/i18n";
import { LogView } from "./log_view";
import { ProcessCharts } from "./monitor_page";
import { NotFound } from "./not_found";
import { PageHead } from "./page_head";
import { Copyable, StatePill, Time } from "./parts";
import { status } from "./platform";
import { DatabasesCard } from "./platform_databases";
import { t } from "./texts";
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
        beside={<StatePill state={process.state} />}
      />
      <div class="grid halves">
        <Card title={t("service.process")}>
          <Facts
            rows={[
              [t("fact.pid"), process.pid ?? "–"],
              [t("fact.since"), <Time at={process.startedAt} />],
              [t("fact.memory"), size(process.memoryBytes)],
              [t("fact.restarts"), number(process.restarts)],
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
        {name === "postgres" && <DatabasesCard />}
        <div class="wide">
          <ProcessCharts subject={name} />
        </div>
        <Card title={t("tab.log")} class="wide">
          <LogView service={name} />
        </Card>
      </div>
    </>
  );
}
