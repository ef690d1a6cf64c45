import { Bar } from "../kit/components/bar";
import { percent } from "../kit/i18n";
import type { Job } from "./api";
import { addressOf } from "./parts";
import { t } from "./texts";

/** A running job in one line: what, which step of how many, how far. */
export function JobProgress({ job }: { job: Job }) {
  return (
    <a class="job-progress card" href={addressOf.job(job.id)}>
      <span class="job-text">
        <strong>{job.title}</strong>{" "}
        <span class="muted">
          {t("job.step", { step: job.step, steps: job.steps })}
          {job.stepText && `: ${job.stepText}`}
        </span>
      </span>
      <Bar share={job.percent / 100} label={job.title} />
      <span>{percent(job.percent / 100)}</span>
    </a>
  );
}
