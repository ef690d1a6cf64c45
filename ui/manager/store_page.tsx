import { Bar } from "../kit/components/bar";
import { Button } from "../kit/components/button";
import { Segmented } from "../kit/components/field";
import { AppIcon, Card, Empty, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { percent, size } from "../kit/i18n";
import { go, route, setQuery } from "../kit/route";
import { installApp } from "./actions";
import type { StoreApp } from "./api";
import { commands } from "./commands";
import { JobProgress } from "./job_progress";
import { NotFound } from "./not_found";
import { PageHead } from "./page_head";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { jobs } from "./platform";
import { jobTitle, phrase, stepText } from "./platform_texts";
import { loadStore, runningInstall, storeError, storeList } from "./store";
import { t, tn } from "./texts";

/** The apps that fit the words and the category. */
export function findApps(apps: readonly StoreApp[], wanted: string, category: string): StoreApp[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  return apps.filter((app) => {
    const text = `${app.title} ${app.description} ${app.manufacturer} ${app.id}`.toLowerCase();
    return words.every((word) => text.includes(word)) && (!category || app.categories.includes(category));
  });
}

export function StorePage() {
  const list = storeList.value;
  const error = storeError.value ?? list?.storeError;
  const wanted = route.value.query.get("q") ?? "";
  const category = route.value.query.get("category") ?? "";
  const categories = [...new Set(list?.apps.flatMap((app) => app.categories) ?? [])].sort();
  const apps = findApps(list?.apps ?? [], wanted, category);
  return (
    <>
      <PageHead
        title={t("nav.store")}
        lead={
          list && (
            <>
              {tn("store.apps", list.apps.length)} · <span class="break">{list.url}</span>
              {list.fetchedAt && (
                <>
                  {" "}
                  · {t("store.fetched")} <Time at={list.fetchedAt} />
                </>
              )}
            </>
          )
        }
        actions={
          <Button icon="refresh" onClick={() => loadStore(true)} disabledReason={offlineReason.value}>
            {t("store.refresh")}
          </Button>
        }
      />
      {error && (
        <section class="notice tone-warn">
          <div>
            <p>
              <strong>{t("store.offline")}</strong> <span class="muted">{error}</span>
            </p>
            <Command line={commands.store()} />
          </div>
          <Button onClick={() => go("#/settings")}>{t("store.settings")}</Button>
        </section>
      )}
      <div class="store-tools">
        <input
          class="input"
          type="search"
          aria-label={t("store.search")}
          placeholder={t("store.search")}
          value={wanted}
          onInput={(event) => setQuery({ q: event.currentTarget.value })}
        />
        {categories.length > 1 && (
          <Segmented
            label={t("store.category")}
            value={category}
            choices={[["", t("store.all")], ...categories.map((one): [string, string] => [one, one])]}
            onChange={(value) => setQuery({ category: value })}
          />
        )}
      </div>
      {!list && !error && <StoreSkeleton />}
      {list && apps.length === 0 && (
        <Empty
          icon="store"
          title={t(list.apps.length ? "store.nothingFits" : "store.empty")}
          action={
            list.apps.length ? (
              <Button onClick={() => setQuery({ q: undefined, category: undefined })}>{t("store.showAll")}</Button>
            ) : (
              <Button onClick={() => go("#/settings")}>{t("store.settings")}</Button>
            )
          }
        >
          {t(list.apps.length ? "store.nothingFitsWhy" : "store.emptyWhy")}
        </Empty>
      )}
      <div class="grid store-grid">
        {apps.map((app) => (
          <AppCard key={app.id} app={app} />
        ))}
      </div>
    </>
  );
}

function StoreSkeleton() {
  return (
    <div class="grid store-grid" aria-hidden="true">
      {[1, 2, 3, 4, 5, 6].map((n) => (
        <div key={n} class="card skeleton" />
      ))}
    </div>
  );
}

function AppCard({ app }: { app: StoreApp }) {
  const job = runningInstall(app.id);
  return (
    <article class="card app-card">
      <AppIcon id={app.id} title={app.title} src={app.logo} large />
      <div class="grow">
        <div class="title-line">
          <h3>
            <a href={addressOf.store(app.id)} class="cover">
              {app.title}
            </a>
          </h3>
          {!app.signed && <Pill tone="warn">{t("store.unsigned")}</Pill>}
        </div>
        <p class="muted small">
          {app.manufacturer} · {app.versions[0]?.label || app.versions[0]?.build}
          {app.size ? ` · ${size(app.size)}` : ""}
        </p>
      </div>
      <p class="app-text">{app.description}</p>
      <div class="app-foot">
        {job ? (
          <>
            <Bar share={job.percent / 100} label={jobTitle(job)} />
            <span class="small muted nowrap">
              {stepText(job)} {percent(job.percent / 100)}
            </span>
          </>
        ) : (
          <InstallButton app={app} />
        )}
      </div>
    </article>
  );
}

function InstallButton({ app, version, primary }: { app: StoreApp; version?: string; primary?: boolean }) {
  const offline = offlineReason.value;
  if (app.state.installed && !app.state.updateAvailable)
    return (
      <>
        <Pill tone="ok">{t("store.installed")}</Pill>
        <span class="grow" />
        <Button small={!primary} onClick={() => go(addressOf.newInstance(app.id))}>
          {t("act.newInstance")}
        </Button>
      </>
    );
  return (
    <>
      {app.state.updateAvailable && <Pill tone="busy">{t("store.update")}</Pill>}
      {!primary && <span class="grow" />}
      <Button
        small={!primary}
        kind="primary"
        onClick={() => installApp(app.id, version)}
        disabledReason={offline ?? (app.versions.length === 0 && t("store.noVersion"))}
      >
        {t(app.state.updateAvailable ? "act.update" : "act.install")}
      </Button>
    </>
  );
}

export function StoreAppPage({ id }: { id: string }) {
  const app = storeList.value?.apps.find((one) => one.id === id);
  if (!app) return storeList.value ? <NotFound what={t("store.gone", { name: id })} /> : <StoreSkeleton />;
  const job = runningInstall(id);
  const last = jobs.value.find((one) => (one.kind === "install" || one.kind === "update") && one.target === id);
  return (
    <>
      <PageHead
        title={app.title}
        crumbs={[[t("nav.store"), "#/store"]]}
        icon={<AppIcon id={app.id} title={app.title} src={app.logo} large />}
        lead={`${app.manufacturer} · ${app.categories.join(", ")}`}
        actions={!job && <InstallButton app={app} primary />}
      />
      {job && <JobProgress job={job} />}
      {!job && last?.state === "failed" && (
        <section class="notice tone-bad">
          <div>
            <p>
              <strong>{t("store.lastFailed")}</strong> <span class="muted">{last.error}</span>
            </p>
          </div>
          <Button onClick={() => go(addressOf.job(last.id))}>{t("act.show")}</Button>
        </section>
      )}
      <div class="grid store-detail">
        <Card title={t("store.what")}>
          <p class="prose">{app.description}</p>
          <Command line={commands.install(app.id)} />
        </Card>
        <Card title={t("store.facts")}>
          <Facts
            rows={[
              [t("fact.id"), <code>{app.id}</code>],
              app.size > 0 && [t("fact.size"), size(app.size)],
              [t("fact.languages"), app.langs.join(", ") || "–"],
              app.wants.length > 0 && [t("fact.wants"), app.wants.map(phrase).join(" · ")],
              [
                t("fact.signer"),
                app.signed ? (
                  <Pill tone="ok">{t("store.signed")}</Pill>
                ) : (
                  <Pill tone="warn">{t("store.unsigned")}</Pill>
                ),
              ],
              [
                t("fact.installed"),
                app.state.installed ? t("service.build", { build: app.state.build ?? "" }) : t("word.no"),
              ],
              app.infourl
                ? [
                    t("fact.info"),
                    <a href={app.infourl} target="_blank" rel="noopener noreferrer">
                      {app.infourl}
                    </a>,
                  ]
                : undefined,
            ]}
          />
        </Card>
        <Card title={t("store.versions")} class="wide">
          <div class="table-scroll">
            <table>
              <thead>
                <tr>
                  <th>{t("column.version")}</th>
                  <th>{t("column.label")}</th>
                  <th>{t("column.build")}</th>
                  <th />
                </tr>
              </thead>
              <tbody>
                {app.versions.map((version) => (
                  <tr key={version.id}>
                    <td>{version.id}</td>
                    <td>{version.label}</td>
                    <td>
                      <code>{version.build}</code>
                    </td>
                    <td class="num">
                      {app.state.installed && app.state.build === version.build ? (
                        <Pill tone="ok">{t("store.installed")}</Pill>
                      ) : (
                        <Button
                          small
                          onClick={() => installApp(app.id, version.id)}
                          disabledReason={offlineReason.value ?? (job && t("store.busy"))}
                        >
                          {t("act.install")}
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </Card>
      </div>
    </>
  );
}
