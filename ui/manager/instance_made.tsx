// After creating: the passwords, told once, and the way to the app.
import { Field } from "../kit/components/field";
import { Card, Facts } from "../kit/components/layout";
import type { Instance } from "./api";
import { JobProgress } from "./job_progress";
import { PageHead } from "./page_head";
import { addressOf, appAddress, Copyable, pagesOf, StatePill } from "./parts";
import { instanceKey, platform } from "./platform";
import { SecretText } from "./secret";
import { t } from "./texts";

export interface Made {
  instance: Instance;
  job: string | undefined;
  password: string | undefined;
  databasePassword: string;
}

export function InstanceMade({ made }: { made: Made }) {
  const key = instanceKey(made.instance);
  const current = platform.value?.instances.get(key) ?? made.instance;
  const job = made.job === undefined ? undefined : platform.value?.jobs.get(made.job);
  const service = platform.value?.services.get(current.service);
  const [page] = pagesOf(service);
  const running = current.state === "running";
  return (
    <>
      <PageHead
        title={key}
        crumbs={[
          [t("nav.apps"), "#/"],
          [t("new.title"), addressOf.newInstance(current.service)],
        ]}
        beside={<StatePill state={current.state} />}
        actions={
          <>
            <a class="button" href={addressOf.instance(current)}>
              {t("made.toInstance")}
            </a>
            {page && running && (
              <a class="button primary" href={appAddress(current, page.name)} target="_blank" rel="noopener">
                {t("act.openApp")} ↗
              </a>
            )}
          </>
        }
      />
      {job && job.state !== "done" && job.state !== "failed" && <JobProgress job={job} />}
      {job?.state === "failed" && (
        <section class="notice tone-bad">
          <div>
            <p>
              <strong>{t("made.failed")}</strong> {job.error}
            </p>
          </div>
        </section>
      )}
      <Card title={t("made.passwords")} class="narrow">
        <div class="form">
          <p class="muted">{t("made.once")}</p>
          {made.password && (
            <Field label={t("access.instance")} hint={t("made.instanceHint")}>
              {(ids) => <SecretText id={ids.id} text={made.password!} />}
            </Field>
          )}
          {made.databasePassword && (
            <Field label={t("access.database")} hint={t("made.databaseHint")}>
              {(ids) => <SecretText id={ids.id} text={made.databasePassword} />}
            </Field>
          )}
          <Facts
            rows={[
              [t("fact.address"), <Copyable text={`${location.origin}${current.path}`} />],
              [t("fact.database"), <Copyable text={current.database} />],
            ]}
          />
        </div>
      </Card>
    </>
  );
}
