import { Bar } from "../kit/components/bar";
import { percent } from "../kit/i18n";
import type { Job } from "./api";
import { addressOf } from "./parts";
import { jobTitle, stepText } from "./platform_texts";
import { t } from "./texts";

/** A running job in one line: what, which step of how many, how far. */
export function JobProgress({ job }: { job: Job }) {
  return (
    <a class="job-progress card" href={addressOf.job(job.id)}>
      <span class="job-text">
        <strong>{jobTitle(job)}</strong>{" "}
        <span class="muted">
          {t("job.step", { step: job.step, steps: job.steps })}
          {job.stepText && `: ${stepText(job)}`}
        </span>
      </span>
      <Bar share={job.percent / 100} label={jobTitle(job)} />
      <span>{percent(job.percent / 100)}</span>
    </a>
  );
}
