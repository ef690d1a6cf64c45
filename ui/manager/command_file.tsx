// What the command file said, and how it went. Nothing at all while none is set.
import { Button } from "../kit/components/button";
import { Card, Facts } from "../kit/components/layout";
import type { Tone } from "../kit/components/state";
import { Pill } from "../kit/components/state";
import { showToast } from "../kit/components/toast";
import { go } from "../kit/route";
import type { CommandState } from "./api";
import { backupsVersion } from "./backups";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { t } from "./texts";
import { useAnswer } from "./use_answer";

const kTones: Record<CommandState, Tone> = { skipped: "idle", waiting: "busy", done: "ok", failed: "bad" };

export function CommandFileCard() {
  const { value, again } = useAnswer("GetCommandFile", {}, backupsVersion.value);
  const report = value?.report;
  if (!report?.url) return null;
  const run = () =>
    attempt(async () => {
      const { job } = await ask("RunCommandFile", {});
      again();
      if (job)
        showToast({
          tone: "ok",
          text: t("commandFile.runs"),
          action: { label: t("act.show"), run: () => go(addressOf.job(job.id)) },
        });
      else showToast({ tone: "ok", text: t("commandFile.nothingDue") });
    });
  return (
    <Card title={t("commandFile.title")} aside={<a href="#/settings">{t("nav.settings")}</a>}>
      <div class="form">
        <Facts
          rows={[
            [t("commandFile.url"), <code>{report.url}</code>],
            [t("commandFile.fetched"), <Time at={report.fetched || undefined} />],
            [t("commandFile.next"), <Time at={report.next || undefined} />],
            !!report.job && [t("column.job"), <a href={addressOf.job(report.job)}>{t("act.showJob")}</a>],
          ]}
        />
        {report.error && <p class="tone-bad error-text break">{report.error}</p>}
        {report.lines.length > 0 && (
          <div class="table-scroll">
            <table>
              <thead>
                <tr>
                  <th class="num">{t("commandFile.line")}</th>
                  <th>{t("column.state")}</th>
                  <th>{t("commandFile.command")}</th>
                  <th class="spare">{t("fact.target")}</th>
                  <th class="spare">{t("commandFile.at")}</th>
                </tr>
              </thead>
              <tbody>
                {report.lines.slice(0, 200).map((line) => (
                  <tr key={`${line.line} ${line.target}`}>
                    <td class="num">{line.line}</td>
                    <td>
                      <Pill tone={kTones[line.state]}>{t(`command.${line.state}`)}</Pill>
                    </td>
                    <td class="break">
                      <code>{line.text}</code>
                      {line.detail && <div class="small muted break">{line.detail}</div>}
                    </td>
                    <td class="muted break spare">{line.target}</td>
                    <td class="muted nowrap spare">
                      <Time at={line.at || undefined} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        <Button onClick={run} disabledReason={offlineReason.value}>
          {t("commandFile.run")}
        </Button>
        <Command line={commands.commandFile()} />
      </div>
    </Card>
  );
}
