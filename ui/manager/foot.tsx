import { now } from "../kit/clock";
import { Bar } from "../kit/components/bar";
import { duration, percent } from "../kit/i18n";
import type { Job } from "./api";
import { addressOf } from "./parts";
import { jobs, runningJobs, status } from "./platform";
import { jobTitle, stepText } from "./platform_texts";
import { t, tn } from "./texts";

/** Seconds a running job still needs, by what it took so far; undefined while that says nothing. */
export function secondsLeft(job: Job, at: number): number | undefined {
  if (!job.startedAt) return undefined;
  const spent = (at - Date.parse(job.startedAt)) / 1000;
  if (job.percent < 5 || spent < 1) return undefined;
  return (spent / job.percent) * (100 - job.percent);
}

export function Foot() {
  const running = runningJobs.value;
  const shown = running[0];
  const last = jobs.value[0];
  const left = shown && secondsLeft(shown, now.value);
  return (
    <footer class="foot">
      <a href="#/jobs" class="foot-jobs">
        {t("nav.jobs")}
        {running.length > 1 && <span class="count">{running.length}</span>}
      </a>
      {shown ? (
        <a class="foot-job" href={addressOf.job(shown.id)}>
          <span class="foot-text">
            {jobTitle(shown)}
            {shown.stepText && ` – ${stepText(shown)}`}
          </span>
          <Bar share={shown.percent / 100} label={jobTitle(shown)} />
          <span class="nowrap">
            {percent(shown.percent / 100)}
            {left !== undefined && left >= 2 && `, ${t("job.about", { time: duration(left) })}`}
          </span>
        </a>
      ) : (
        last && (
          <a class="foot-job" href={addressOf.job(last.id)}>
            <span class="foot-text">
              {jobTitle(last)}: {t(`job.${last.state}`)}
            </span>
          </a>
        )
      )}
      <span class="grow" />
      <span class="foot-right">
        {status.value && t("foot.build", { version: status.value.version, build: status.value.build })}
        {running.length > 1 && ` · ${tn("foot.running", running.length)}`}
      </span>
    </footer>
  );
}
