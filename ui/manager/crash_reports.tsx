// What has crashed, how often and where; and one report with its stack and the trace before it.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Card, Empty, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { duration, number, size } from "../kit/i18n";
import { go } from "../kit/route";
import type { CrashReport, GetCrashResult } from "./api";
import { CaptureCard } from "./capture_card";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { saveOffered } from "./download";
import { PageHead } from "./page_head";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { platform } from "./platform";
import { phrase } from "./platform_texts";
import { SupportBundleDialog } from "./support_bundle";
import { t, tn } from "./texts";
import { useAnswer } from "./use_answer";

const titleOf = (service: string) => platform.value?.services.get(service)?.title ?? service;

// A new death of any process makes the list old.
const deaths = () => [...(platform.value?.services.values() ?? [])].map((one) => one.restarts).join();

export function CrashesPage() {
  const { value, error, again } = useAnswer("GetCrashes", {}, deaths());
  const [isBundling, setBundling] = useState(false);
  const offline = offlineReason.value;
  const removeAll = async () => {
    if (await attempt(() => ask("RemoveCrashes", {}))) again();
  };
  return (
    <>
      <PageHead
        title={t("crash.title")}
        lead={t("crash.lead")}
        actions={
          <>
            <Button icon="download" onClick={() => setBundling(true)} disabledReason={offline}>
              {t("bundle.title")}
            </Button>
            <Button
              danger
              onClick={removeAll}
              disabledReason={offline ?? (value?.reports.length === 0 && t("crash.nothing"))}
            >
              {t("crash.removeAll")}
            </Button>
          </>
        }
      />
      {error && <p class="tone-bad error-text">{error}</p>}
      {value?.coreNote && (
        <p class="muted">
          {t("crash.noCores")} {phrase(value.coreNote)}
        </p>
      )}
      <Card title={t("crash.groups")} aside={<span>{value && size(value.bytes)}</span>}>
        {value && value.groups.length === 0 ? (
          <Empty icon="ok" title={t("crash.none")}>
            {t("crash.noneWhy")}
          </Empty>
        ) : (
          <div class="table-scroll">
            <table>
              <thead>
                <tr>
                  <th>{t("column.service")}</th>
                  <th>{t("crash.what")}</th>
                  <th class="num">{t("crash.times")}</th>
                  <th>{t("crash.last")}</th>
                  <th class="spare">{t("crash.builds")}</th>
                </tr>
              </thead>
              <tbody>
                {value?.groups.map((group) => (
                  <tr key={group.group}>
                    <td class="nowrap">{titleOf(group.service)}</td>
                    <td>
                      {group.lastReport ? (
                        <a href={addressOf.crash(group.lastReport)}>{group.place || group.text}</a>
                      ) : (
                        group.place || group.text
                      )}
                      {group.place && <div class="muted small">{group.text}</div>}
                    </td>
                    <td class="num">{number(group.count)}</td>
                    <td class="nowrap">
                      <Time at={group.lastAt} />
                    </td>
                    <td class="muted spare">{group.builds.join(", ")}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
      {value && value.reports.length > 0 && (
        <Card title={t("crash.reports")}>
          <div class="table-scroll">
            <table>
              <tbody>
                {value.reports.map((report) => (
                  <tr key={report.id}>
                    <td class="nowrap">
                      <a href={addressOf.crash(report.id)}>{report.id}</a>
                    </td>
                    <td>
                      <CausePill report={report} />
                    </td>
                    <td class="spare">{report.text}</td>
                    <td class="nowrap">
                      <Time at={report.at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Card>
      )}
      <Command line={commands.crashes()} />
      <CaptureCard />
      {isBundling && <SupportBundleDialog onClose={() => setBundling(false)} />}
    </>
  );
}

function CausePill({ report }: { report: CrashReport }) {
  return <Pill tone={report.cause === "crash" ? "bad" : "idle"}>{t(`reportCause.${report.cause}`)}</Pill>;
}

export function CrashPage({ id }: { id: string }) {
  const { value, error } = useAnswer("GetCrash", { id });
  const remove = async () => {
    if (await attempt(() => ask("RemoveCrashes", { id }))) go("#/crashes");
  };
  const fetchCore = () => attempt(async () => saveOffered((await ask("FetchCore", { id })).download));
  return (
    <>
      <PageHead
        title={value ? t("crash.of", { name: titleOf(value.report.service) }) : id}
        crumbs={[[t("crash.title"), "#/crashes"]]}
        beside={value && <CausePill report={value.report} />}
        lead={value?.report.text}
        actions={
          <>
            {value && value.report.coreBytes > 0 && (
              <Button icon="download" onClick={fetchCore} disabledReason={offlineReason.value}>
                {t("crash.downloadCore")}
              </Button>
            )}
            <Button danger icon="bin" onClick={remove} disabledReason={offlineReason.value}>
              {t("crash.remove")}
            </Button>
          </>
        }
      />
      {error && <p class="tone-bad error-text">{error}</p>}
      {value && <Report told={value} />}
    </>
  );
}

function Report({ told: { report, trace } }: { told: GetCrashResult }) {
  return (
    <>
      <div class="grid halves">
        <Card title={t("crash.facts")}>
          <Facts
            rows={[
              [t("crash.where"), report.place || "–"],
              report.outOfMemory && [t("crash.memory"), t("crash.memoryUsedUp")],
              [t("crash.at"), <Time at={report.at} />],
              [
                t("service.build", { build: "" }).trim(),
                report.label ? `${report.build} (${report.label})` : report.build,
              ],
              [t("fact.pid"), report.pid],
              report.cause === "crash" && [t("crash.ran"), duration(report.ranSeconds)],
              [t("crash.threads"), report.threads || "–"],
              [t("crash.core"), report.coreBytes ? size(report.coreBytes) : "–"],
              report.coreNote !== "" && [t("crash.note"), report.coreNote],
            ]}
          />
          {report.coreBytes > 0 && <Command line={commands.crashCore(report.id)} />}
        </Card>
        <Card title={t("crash.stack")}>
          {report.stack.length === 0 && <p class="muted">{t("crash.noStack")}</p>}
          <ol class="stack" start={0}>
            {report.stack.map((frame, i) => (
              <li key={i}>
                <code>{frame.function || frame.address}</code>{" "}
                <span class="muted small">{[frame.place, frame.module].filter(Boolean).join(" · ")}</span>
              </li>
            ))}
          </ol>
        </Card>
      </div>
      <Card title={t("crash.trace")} aside={<span>{tn("crash.lines", report.traceLines)}</span>}>
        <div class="log-lines" tabIndex={0} role="log" aria-live="off" aria-label={t("crash.trace")}>
          {trace.map((line, i) => (
            <div key={i}>{line}</div>
          ))}
          {trace.length === 0 && <p class="muted">{t("crash.noTrace")}</p>}
        </div>
      </Card>
      <Command line={commands.crash(report.id)} />
    </>
  );
}
