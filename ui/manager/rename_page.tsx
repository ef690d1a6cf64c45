// Many instances at once: a domain that is called otherwise from now on, or paths that begin otherwise. What would
// become of each is seen before anything happens.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { TextInput } from "../kit/components/field";
import { Card } from "../kit/components/layout";
import { Icon } from "../kit/icons";
import { go, route } from "../kit/route";
import type { RenameInstances } from "./api";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { PageHead } from "./page_head";
import { addressOf, Command, offlineReason } from "./parts";
import { domains, instances } from "./platform";
import { t, tn } from "./texts";
import { useAnswer } from "./use_answer";

type Wish = Omit<RenameInstances, "mt" | "src" | "dryRun">;

export function RenamePage() {
  const [domain, setDomain] = useState(route.value.query.get("domain") ?? "");
  const [newDomain, setNewDomain] = useState("");
  const [path, setPath] = useState("");
  const [newPath, setNewPath] = useState("");

  const wish: Wish = {
    ...(domain ? { domain } : {}),
    ...(newDomain ? { newDomain } : {}),
    ...(path ? { path } : {}),
    ...(newPath ? { newPath } : {}),
  };
  const missing =
    !newDomain && !newPath
      ? t("rename.nothing")
      : !domain && newDomain
        ? t("rename.noDomain")
        : !domain && !path
          ? t("rename.noPath")
          : undefined;
  const version = instances.value.map((one) => `${one.name}@${one.domain}${one.path}`).join();
  const { value, error } = useAnswer("RenameInstances", { ...wish, dryRun: true }, version, !missing);
  const plan = missing ? undefined : value?.renamings;
  const troubled = plan?.filter((one) => one.problem).length ?? 0;
  const reason =
    offlineReason.value ??
    missing ??
    error ??
    (plan?.length === 0 ? t("rename.nobody") : undefined) ??
    (troubled > 0 ? tn("rename.troubled", troubled) : undefined) ??
    (plan ? undefined : t("rename.looking"));
  const start = async () => {
    if (reason) return;
    await attempt(async () => {
      const answer = await ask("RenameInstances", wish);
      if (answer.job) go(addressOf.job(answer.job.id));
    });
  };
  return (
    <>
      <PageHead title={t("rename.title")} lead={t("rename.lead")} crumbs={[[t("nav.apps"), "#/"]]} />
      <form
        class="grid new-grid"
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <Card>
          <div class="form">
            <TextInput
              label={t("rename.domain")}
              value={domain}
              onInput={(text) => setDomain(text.trim().toLowerCase())}
              list="rename-domains"
              autofocus={!domain}
            />
            <datalist id="rename-domains">
              {domains.value.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
            <TextInput
              label={t("rename.newDomain")}
              value={newDomain}
              onInput={(text) => setNewDomain(text.trim().toLowerCase())}
              hint={t("rename.newDomainHint")}
              autofocus={!!domain}
            />
            <details>
              <summary>{t("rename.paths")}</summary>
              <div class="form">
                <TextInput
                  label={t("rename.path")}
                  value={path}
                  placeholder={domain ? `/${domain}` : "/old"}
                  onInput={(text) => setPath(text.trim())}
                  mono
                />
                <TextInput
                  label={t("rename.newPath")}
                  value={newPath}
                  placeholder={newDomain ? `/${newDomain}` : "/new"}
                  onInput={(text) => setNewPath(text.trim())}
                  mono
                />
              </div>
            </details>
            <div>
              <Button type="submit" kind="primary" disabledReason={reason}>
                {plan?.length ? tn("rename.start", plan.length) : t("rename.startNone")}
              </Button>
            </div>
            <p class="muted small">{t("rename.whatStays")}</p>
            <Command line={commands.renameInstances(wish)} />
          </div>
        </Card>
        <Card title={t("rename.preview")} aside={plan && <span>{tn("over.instances", plan.length)}</span>}>
          {error && <p class="tone-bad error-text break">{error}</p>}
          {!plan && !error && <p class="muted">{missing ?? t("rename.looking")}</p>}
          {plan?.length === 0 && <p class="muted">{t("rename.nobody")}</p>}
          {!!plan?.length && (
            <div class="table-scroll">
              <table>
                <thead>
                  <tr>
                    <th>{t("rename.today")}</th>
                    <th>{t("rename.becomes")}</th>
                  </tr>
                </thead>
                <tbody>
                  {plan.map((one) => (
                    <tr key={`${one.name}@${one.domain}`}>
                      <td class="break">
                        {one.name}@{one.domain}
                        <div class="muted small mono break">{one.path}</div>
                      </td>
                      <td class="break">
                        {one.name}@{one.newDomain}
                        <div class="muted small mono break">{one.newPath}</div>
                        {one.problem && (
                          <div class="small tone-bad error-text break">
                            <Icon name="error" /> {one.problem}
                          </div>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Card>
      </form>
    </>
  );
}
