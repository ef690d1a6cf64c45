import { Button } from "../kit/components/button";
import { AppIcon, Card, Empty, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { number, size } from "../kit/i18n";
import { go } from "../kit/route";
import { installApp, removeReason, removeService, restartService, startService, stopService } from "./actions";
import type { Service } from "./api";
import { commands } from "./commands";
import { InstanceTable } from "./instance_table";
import { JobProgress } from "./job_progress";
import { LogView } from "./log_view";
import { ProcessCharts } from "./monitor_page";
import { NotFound } from "./not_found";
import { PageHead } from "./page_head";
import { addressOf, Command, offlineReason, StatePill, Time } from "./parts";
import { instanceKey, instances, platform, status } from "./platform";
import { phrase } from "./platform_texts";
import { runningInstall, storeList } from "./store";
import { Tabs } from "./tabs";
import { t, tn } from "./texts";

export function ServicePage({ id, tab }: { id: string; tab: string | undefined }) {
  const service = platform.value?.services.get(id);
  if (!service) return <NotFound what={t("service.gone", { name: id })} />;
  const update = storeList.value?.apps.find((app) => app.id === id && app.state.updateAvailable);
  const installing = runningInstall(id);
  return (
    <>
      <PageHead
        title={service.title}
        crumbs={[[t("nav.apps"), "#/"]]}
        icon={<AppIcon id={service.id} title={service.title} src={service.icon} large />}
        beside={<StatePill state={service.state} />}
        lead={`${service.label ? `${service.label} · ` : ""}${t("service.build", { build: service.build })} · ${service.manufacturer}`}
        actions={<ServiceActions service={service} />}
      />
      {installing && <JobProgress job={installing} />}
      {update && !installing && (
        <section class="notice tone-busy">
          <div>
            <p>
              <strong>{t("service.update", { label: update.versions[0]?.label ?? "", title: service.title })}</strong>{" "}
              <span class="muted">{t("service.updateNote", { count: number(service.instances) })}</span>
            </p>
            <Command line={commands.install(id)} />
          </div>
          <Button kind="primary" onClick={() => installApp(id)} disabledReason={offlineReason.value}>
            {t("act.update")}
          </Button>
        </section>
      )}
      <Tabs
        items={[
          [t("tab.summary"), addressOf.service(id), tab === undefined],
          [t("tab.monitoring"), addressOf.service(id, "monitoring"), tab === "monitoring"],
          [t("tab.log"), addressOf.service(id, "log"), tab === "log"],
        ]}
      />
      {tab === "log" && <LogView service={id} />}
      {tab === "monitoring" && (
        <ProcessCharts
          subject={`service/${id}`}
          instances={instances.value.filter((one) => one.service === id).map(instanceKey)}
        />
      )}
      {tab !== "log" && tab !== "monitoring" && <Summary service={service} />}
    </>
  );
}

function ServiceActions({ service }: { service: Service }) {
  const offline = offlineReason.value;
  const up = service.state === "running" || service.state === "starting";
  return (
    <>
      <Button icon="plus" kind="primary" onClick={() => go(addressOf.newInstance(service.id))} disabledReason={offline}>
        {t("act.newInstance")}
      </Button>
      <Button onClick={() => restartService(service)} disabledReason={offline ?? (!up && t("reason.notRunning"))}>
        {t("act.restart")}
      </Button>
      {up ? (
        <Button danger onClick={() => stopService(service)} disabledReason={offline}>
          {t("act.stop")}
        </Button>
      ) : (
        <Button onClick={() => startService(service)} disabledReason={offline}>
          {t("act.start")}
        </Button>
      )}
      <Button
        danger
        icon="bin"
        label={t("act.remove")}
        onClick={() => removeService(service)}
        disabledReason={offline ?? removeReason(service)}
      />
    </>
  );
}

function Summary({ service }: { service: Service }) {
  const own = instances.value.filter((one) => one.service === service.id);
  return (
    <div class="grid service-grid">
      <Card title={t("service.instances")} aside={<span>{tn("over.instances", own.length)}</span>} class="wide">
        {own.length ? (
          <InstanceTable instances={own} sortBy="name" />
        ) : (
          <Empty
            icon="boxes"
            title={t("empty.serviceInstances", { title: service.title })}
            action={
              <Button kind="primary" onClick={() => go(addressOf.newInstance(service.id))}>
                {t("act.newInstance")}
              </Button>
            }
          >
            {t("empty.instancesWhy")}
          </Empty>
        )}
      </Card>
      <Card title={t("service.process")}>
        <Facts
          rows={[
            [t("fact.id"), <code>{service.id}</code>],
            [t("fact.pid"), service.pid ?? "–"],
            [t("fact.since"), <Time at={service.startedAt} />],
            [t("fact.memory"), size(service.memoryBytes)],
            [t("fact.sessions"), number(service.sessions)],
            service.processes.length > 0 && [t("fact.ownProcesses"), <OwnProcesses service={service} />],
            [t("fact.restarts"), number(service.restarts)],
            service.lastExit ? [t("fact.lastExit"), service.lastExit] : undefined,
            [
              t("fact.signer"),
              service.signer ? (
                <Pill tone="ok">{t("service.signedBy", { name: service.signer })}</Pill>
              ) : (
                <Pill tone="warn">{t("service.unsigned")}</Pill>
              ),
            ],
          ]}
        />
      </Card>
      <Sandbox service={service} />
    </div>
  );
}

function OwnProcesses({ service }: { service: Service }) {
  return (
    <ul class="plain">
      {service.processes.map((one) => {
        const [name = "", domain = ""] = one.instance.split("@");
        return (
          <li key={one.name}>
            <a href={addressOf.instance({ name, domain })}>{one.instance}</a> <StatePill state={one.state} />{" "}
            <span class="muted">
              {one.pid ?? "–"} · {size(one.memoryBytes)}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Sandbox({ service }: { service: Service }) {
  const on = service.sandbox.filter((one) => one.state === "on").length;
  return (
    <Card title={t("service.sandbox")} aside={<span>{t("service.layers", { on, all: service.sandbox.length })}</span>}>
      {service.sandbox.length === 0 && <p class="muted">{t("service.noSandbox")}</p>}
      <ul class="layers">
        {service.sandbox.map((layer) => (
          <li key={layer.layer} class={layer.state === "on" ? "tone-ok" : "tone-warn"}>
            <span class="dot" aria-hidden="true" />
            <span>
              {phrase(layer.layer)}
              {layer.state !== "on" && (
                <span class="muted">
                  : {t(`layer.${layer.state}`)}
                  {layer.why && ` – ${phrase(layer.why)}`}
                </span>
              )}
              {layer.state === "on" && <span class="visually-hidden">: {t(`layer.${layer.state}`)}</span>}
              {layer.state === "on" && layer.why && <span class="muted"> – {phrase(layer.why)}</span>}
            </span>
          </li>
        ))}
      </ul>
      {status.value?.modes.some((mode) => mode.setting === "appSecurityOff") && (
        <Command line={commands.shell(service.id)} />
      )}
    </Card>
  );
}
