import { Button } from "../kit/components/button";

import { fullTime } from "../kit/i18n";
import { deleteInstance, restartInstance, startInstance, stopInstance, undoDelete } from "./actions";
import type { Instance } from "./api";
import { downloadBackup } from "./backup";
import { attempt } from "./connection";
import { AccessTab } from "./instance_access";
import { DataTab } from "./instance_data";
import { SettingsTab } from "./instance_settings";
import { SummaryTab } from "./instance_summary";
import { JobProgress } from "./job_progress";
import { LogView } from "./log_view";
import { InstanceCharts } from "./monitor_page";
import { NotFound } from "./not_found";
import { PageHead } from "./page_head";
import { addressOf, appAddress, offlineReason, pagesOf, StatePill, shownState } from "./parts";
import { instanceKey, platform, runningJobs } from "./platform";
import { Tabs } from "./tabs";
import { t, tn } from "./texts";
import { TraceSwitch } from "./trace_switch";

const kTabs = ["access", "data", "monitoring", "log", "settings"] as const;

export function InstancePage({ id, tab }: { id: string; tab: string | undefined }) {
  const instance = platform.value?.instances.get(id);
  if (!instance) return <NotFound what={t("instance.gone", { name: id })} />;
  const service = platform.value?.services.get(instance.service);
  const own = service?.processes.find((one) => one.instance === id);
  const job = runningJobs.value.find((one) => one.target === id);
  return (
    <>
      <PageHead
        title={id}
        crumbs={[
          [t("nav.apps"), "#/"],
          [service?.title ?? instance.service, addressOf.service(instance.service)],
        ]}
        beside={
          <>
            <StatePill state={shownState(instance)} />
            {instance.sessions > 0 && <span class="muted nowrap">{tn("instance.users", instance.sessions)}</span>}
          </>
        }
        actions={
          instance.state === "deleted" ? <DeletedActions instance={instance} /> : <Actions instance={instance} />
        }
      />
      {job && <JobProgress job={job} />}
      {instance.state === "deleted" && (
        <section class="notice tone-warn">
          <div>
            <p>
              <strong>{t("instance.inBin")}</strong>{" "}
              {instance.purgeAt && (
                <span class="muted">{t("instance.purge", { time: fullTime(instance.purgeAt) })}</span>
              )}
            </p>
          </div>
        </section>
      )}
      {instance.detail && (
        <section class={`notice tone-${instance.state === "failed" || instance.state === "crashed" ? "bad" : "warn"}`}>
          <div>
            <p>{instance.detail}</p>
          </div>
        </section>
      )}
      <Tabs
        items={[
          [t("tab.summary"), addressOf.instance(instance), tab === undefined],
          ...kTabs.map((name): [string, string, boolean] => [
            t(`tab.${name}`),
            addressOf.instance(instance, name),
            tab === name,
          ]),
        ]}
      />
      {tab === undefined && <SummaryTab instance={instance} service={service} />}
      {tab === "access" && <AccessTab instance={instance} />}
      {tab === "data" && <DataTab instance={instance} />}
      {tab === "monitoring" && <InstanceCharts id={id} service={instance.service} process={own?.name} />}
      {tab === "log" && <TraceSwitch key={instanceKey(instance)} instance={instance} />}
      {tab === "log" && <LogView service={instance.service} instance={instanceKey(instance)} />}
      {tab === "settings" && <SettingsTab key={id} instance={instance} />}
    </>
  );
}

function Actions({ instance }: { instance: Instance }) {
  const service = platform.value?.services.get(instance.service);
  const offline = offlineReason.value;
  const [page] = pagesOf(service);
  const up = instance.state === "running" || instance.state === "starting";
  const serviceDown =
    service?.state !== "running" && t("reason.serviceDown", { title: service?.title ?? instance.service });
  return (
    <>
      {page && up && !serviceDown ? (
        <a class="button primary" href={appAddress(instance, page.name)} target="_blank" rel="noopener">
          {t("act.openApp")} ↗
        </a>
      ) : (
        <Button kind="primary" disabledReason={page ? serviceDown || t("reason.notRunning") : t("reason.noPage")}>
          {t("act.openApp")} ↗
        </Button>
      )}
      <Button onClick={() => attempt(() => downloadBackup(instance))} disabledReason={offline}>
        {t("act.backup")}
      </Button>
      <Button
        onClick={() => restartInstance(instance)}
        disabledReason={offline ?? (serviceDown || (!up && t("reason.notRunning")))}
      >
        {t("act.restart")}
      </Button>
      {up ? (
        <Button danger onClick={() => stopInstance(instance)} disabledReason={offline}>
          {t("act.stop")}
        </Button>
      ) : (
        <Button onClick={() => startInstance(instance)} disabledReason={offline ?? serviceDown}>
          {t("act.start")}
        </Button>
      )}
      <Button
        danger
        icon="bin"
        label={t("act.delete")}
        onClick={() => deleteInstance(instance)}
        disabledReason={offline}
      />
    </>
  );
}

function DeletedActions({ instance }: { instance: Instance }) {
  return (
    <Button kind="primary" icon="undo" onClick={() => undoDelete(instance)} disabledReason={offlineReason.value}>
      {t("act.bringBack")}
    </Button>
  );
}
