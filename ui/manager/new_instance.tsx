import { useEffect, useState } from "preact/hooks";
import { Bar } from "../kit/components/bar";
import { Button } from "../kit/components/button";
import { Checkbox, Field, TextInput } from "../kit/components/field";
import { Card, Empty } from "../kit/components/layout";
import { go, route } from "../kit/route";
import { jobId } from "./actions";
import type { SuggestInstanceResult } from "./api";
import { commands } from "./commands";
import { ask, attempt, link } from "./connection";
import { InstanceMade, type Made } from "./instance_made";
import { checkNames, kDatabaseNameBytes } from "./instance_names";
import { PageHead } from "./page_head";
import { Command, offlineReason } from "./parts";
import { domains, services, status } from "./platform";
import { t } from "./texts";

export function NewInstancePage() {
  const query = route.value.query;
  const [service, setService] = useState(query.get("service") ?? services.value[0]?.id ?? "");
  const [domain, setDomain] = useState(query.get("domain") ?? domains.value[0] ?? "");
  const [name, setName] = useState<string>();
  const [path, setPath] = useState<string>();
  const [database, setDatabase] = useState<string>();
  const [password, setPassword] = useState("");
  const [start, setStart] = useState(true);
  const [answer, setAnswer] = useState<{ to: string; result: SuggestInstanceResult }>();
  const [made, setMade] = useState<Made>();

  // The manager knows what is taken and how a long name is shortened; asked a moment after the last key.
  const question = {
    service,
    domain,
    ...(name !== undefined ? { name } : {}),
    ...(path ? { path } : {}),
    ...(database ? { database } : {}),
  };
  const to = JSON.stringify(question);
  useEffect(() => {
    if (!service || made) return;
    let current = true;
    const timer = setTimeout(() => {
      ask("SuggestInstance", question).then(
        (result) => current && setAnswer({ to, result }),
        () => current && setAnswer(undefined), // offline: the banner says so, and creating is checked anyway
      );
    }, 200);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [to, made]);

  if (services.value.length === 0)
    return (
      <>
        <PageHead title={t("new.title")} />
        <Empty
          icon="store"
          title={t("empty.apps")}
          action={
            <Button kind="primary" onClick={() => go("#/store")}>
              {t("act.openStore")}
            </Button>
          }
        >
          {t("reason.noServices")}
        </Empty>
      </>
    );
  if (made) return <InstanceMade made={made} />;

  // An answer to an older question only helps with what nobody typed.
  const fresh = answer?.to === to ? answer.result : undefined;
  const chosen = name ?? answer?.result.name ?? service;
  const check = checkNames(chosen, domain);
  const problem = (field: string) => fresh?.problems.find((one) => one.field === field)?.text;
  const nameError = chosen ? problem("name") : t("new.nameEmpty");
  const first = nameError ?? ["domain", "path", "database", "service"].map(problem).find(Boolean);
  const reason = offlineReason.value ?? first;
  const shown = {
    path: fresh?.path ?? (path || check.path),
    database: fresh?.database ?? (database || (check.tooLong ? "…" : check.database)),
  };
  const shortened = !database && check.tooLong;

  const create = () =>
    attempt(async () => {
      const answer = await ask("CreateInstance", {
        service,
        name: chosen,
        domain,
        start,
        ...(path ? { path } : {}),
        ...(database ? { database } : {}),
        ...(password ? { password: link.hide(password) } : {}),
      });
      setMade({
        instance: answer.instance,
        job: jobId(answer.job),
        password: password ? undefined : link.reveal(answer.password),
        databasePassword: link.reveal(answer.databasePassword),
      });
    });

  return (
    <>
      <PageHead title={t("new.title")} lead={t("new.lead")} crumbs={[[t("nav.apps"), "#/"]]} />
      <form
        class="grid new-grid"
        onSubmit={(event) => {
          event.preventDefault();
          if (!reason) void create();
        }}
      >
        <Card>
          <div class="form">
            <Field label={t("new.service")} error={problem("service")}>
              {(ids) => (
                <select
                  {...ids}
                  class="input"
                  value={service}
                  onChange={(event) => setService(event.currentTarget.value)}
                >
                  {services.value.map((one) => (
                    <option key={one.id} value={one.id}>
                      {one.title} {one.label}
                    </option>
                  ))}
                </select>
              )}
            </Field>
            <TextInput
              label={t("new.domain")}
              value={domain}
              onInput={(value) => setDomain(value.trim().toLowerCase())}
              placeholder="example.com"
              list="domains"
              hint={t("new.domainHint")}
              error={problem("domain")}
              autofocus={!domain}
            />
            <datalist id="domains">
              {domains.value.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
            <TextInput
              label={t("new.name")}
              value={chosen}
              onInput={(value) => setName(value.trim())}
              hint={t("new.nameHint")}
              error={nameError}
            />
            <details>
              <summary>{t("new.more")}</summary>
              <div class="form">
                <TextInput
                  label={t("new.path")}
                  value={path ?? ""}
                  placeholder={check.path}
                  onInput={setPath}
                  mono
                  error={problem("path")}
                />
                <TextInput
                  label={t("fact.database")}
                  value={database ?? ""}
                  placeholder={shortened ? shown.database : check.database}
                  onInput={setDatabase}
                  mono
                  error={problem("database")}
                />
                <TextInput
                  label={t("new.password")}
                  type="password"
                  autocomplete="new-password"
                  value={password}
                  onInput={setPassword}
                  hint={t("new.passwordHint")}
                />
                <Checkbox checked={start} onChange={setStart}>
                  {t("new.start")}
                </Checkbox>
              </div>
            </details>
            <div>
              <Button type="submit" kind="primary" disabledReason={reason}>
                {t("new.create")}
              </Button>
            </div>
          </div>
        </Card>
        <Card title={t("new.preview")}>
          <div class="form">
            <div class="field">
              <span class="label">{t("fact.address")}</span>
              <code class="break">
                {location.origin}
                {shown.path}
              </code>
            </div>
            <div class="field">
              <span class="label">{t("fact.database")}</span>
              <code class="break">{shown.database}</code>
              {!database && (
                <>
                  <Bar
                    share={Math.min(1, check.bytes / kDatabaseNameBytes)}
                    tone={shortened ? "warn" : "ok"}
                    label={t("new.bytes", { count: check.bytes, max: kDatabaseNameBytes })}
                  />
                  <span class={shortened ? "small tone-warn warn-text" : "small muted"}>
                    {t("new.bytes", { count: check.bytes, max: kDatabaseNameBytes })}
                    {shortened && `: ${t("new.shortened")}`}
                  </span>
                </>
              )}
              <span class="hint">
                {t("new.rule")} {check.wide && t("new.wide")} {shortened && t("new.shortenedWhy")}
              </span>
            </div>
            <p class="muted small">{t("new.passwords")}</p>
            <Command line={commands.createInstance(service, chosen, domain, { path, database, stopped: !start })} />
            {status.value?.dns === "" && <p class="muted small">{t("new.noDns")}</p>}
          </div>
        </Card>
      </form>
    </>
  );
}
