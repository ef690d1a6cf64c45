// How much a domain may have: each of its instances, and all its databases together.
import { Field } from "../kit/components/field";
import { Card } from "../kit/components/layout";
import { size } from "../kit/i18n";
import { LimitsForm } from "./instance_limits";
import { domains } from "./platform";
import { t } from "./texts";
import { useAnswer } from "./use_answer";

/** `domain`: whose limits are shown; undefined: none is chosen yet. */
export function DomainLimits({ domain, onChoose }: { domain: string | undefined; onChoose(domain: string): void }) {
  const known = domains.value.includes(domain ?? "") || !domain ? domains.value : [...domains.value, domain];
  if (known.length === 0) return null;
  return (
    <Card title={t("limits.domainTitle")} class="wide">
      <Field label={t("limits.domain")}>
        {(ids) => (
          <select {...ids} class="input" value={domain ?? ""} onChange={(event) => onChoose(event.currentTarget.value)}>
            {!domain && <option value="">{t("limits.chooseDomain")}</option>}
            {[...known].sort().map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        )}
      </Field>
      {domain && <Limits key={domain} domain={domain} />}
    </Card>
  );
}

function Limits({ domain }: { domain: string }) {
  const { value, error, again } = useAnswer("GetLimits", { domain });
  const limits = value?.limits.find((one) => !one.name);
  return (
    <>
      {error && <p class="error-text">{error}</p>}
      {limits && (
        <>
          <p class="muted">{t("limits.domainUses", { size: size(limits.databaseBytes) })}</p>
          <LimitsForm key={JSON.stringify(limits.own)} limits={limits} id={domain} onSaved={again} />
        </>
      )}
    </>
  );
}
