import { useEffect, useState } from "preact/hooks";
import { now } from "../kit/clock";
import { Button } from "../kit/components/button";
import { Field } from "../kit/components/field";
import { Card, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { showToast } from "../kit/components/toast";
import { ago, date } from "../kit/i18n";
import type { Certificate } from "./api";
import { ask, attempt, link } from "./connection";
import { Copyable, offlineReason } from "./parts";
import { t } from "./texts";

const kWarnDays = 14;

export function CertificateTab() {
  const [chain, setChain] = useState<Certificate[]>();
  const [pem, setPem] = useState("");
  const open = link.state.value.name === "open";
  useEffect(() => {
    if (open) void attempt(async () => setChain((await ask("GetCertificate", {})).chain));
  }, [open]);
  const offline = offlineReason.value;
  const set = () =>
    attempt(async () => {
      const answer = await ask("SetCertificate", { pem });
      setChain(answer.chain);
      setPem("");
      showToast({ tone: "ok", text: t("cert.saved") });
    });
  const reset = () =>
    attempt(async () => {
      setChain((await ask("ResetCertificate", {})).chain);
      showToast({ tone: "ok", text: t("cert.wasReset") });
    });
  const readFile = async (files: FileList | null) => {
    const texts = await Promise.all([...(files ?? [])].map((file) => file.text()));
    if (texts.length) setPem(texts.join("\n"));
  };
  return (
    <div class="grid halves">
      <Card title={t("cert.now")}>
        <div class="form">
          {chain?.map((one, i) => (
            <Part key={one.fingerprint} one={one} own={i === 0} />
          ))}
          {chain?.length === 0 && <p class="muted">{t("cert.none")}</p>}
          <div>
            <Button onClick={reset} disabledReason={offline}>
              {t("cert.reset")}
            </Button>
          </div>
        </div>
      </Card>
      <Card title={t("cert.set")}>
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            if (pem) void set();
          }}
        >
          <p class="muted">{t("cert.why")}</p>
          <Field label={t("cert.pem")} hint={t("cert.pemHint")}>
            {(ids) => (
              <textarea
                {...ids}
                class="input mono"
                spellcheck={false}
                placeholder="-----BEGIN CERTIFICATE-----"
                value={pem}
                onInput={(event) => setPem(event.currentTarget.value)}
              />
            )}
          </Field>
          <input
            type="file"
            multiple
            accept=".pem,.crt,.cer,.key"
            aria-label={t("cert.files")}
            onChange={(event) => readFile(event.currentTarget.files)}
          />
          <div>
            <Button type="submit" kind="primary" disabledReason={offline ?? (!pem && t("cert.empty"))}>
              {t("cert.use")}
            </Button>
          </div>
        </form>
      </Card>
    </div>
  );
}

function Part({ one, own }: { one: Certificate; own: boolean }) {
  const days = (Date.parse(one.notAfter) - now.value) / 86_400_000;
  const selfSigned = one.subject === one.issuer;
  return (
    <div class="form">
      {own && (
        <div>
          {days < 0 ? (
            <Pill tone="bad">{t("cert.expired")}</Pill>
          ) : selfSigned ? (
            <Pill tone="warn">{t("cert.selfSigned")}</Pill>
          ) : days < kWarnDays ? (
            <Pill tone="warn">{t("cert.soon")}</Pill>
          ) : (
            <Pill tone="ok">{t("cert.valid")}</Pill>
          )}
        </div>
      )}
      <Facts
        rows={[
          [t("cert.subject"), one.subject],
          [t("cert.issuer"), one.issuer],
          [t("cert.names"), one.names.join(", ") || "–"],
          [t("cert.until"), `${date(one.notAfter)} (${ago(one.notAfter, now.value)})`],
          [t("cert.fingerprint"), <Copyable text={one.fingerprint} />],
        ]}
      />
    </div>
  );
}
