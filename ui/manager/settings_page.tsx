import { useEffect, useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Checkbox, Field, TextInput } from "../kit/components/field";
import { Card } from "../kit/components/layout";
import { showToast } from "../kit/components/toast";
import type { Setting } from "./api";
import { CertificateTab } from "./certificate_page";
import { commands } from "./commands";
import { ask, attempt, link, useNewPassword } from "./connection";
import { PageHead } from "./page_head";
import { Command, offlineReason } from "./parts";
import { settingText } from "./platform_texts";
import { Tabs } from "./tabs";
import { t } from "./texts";
import { processTitle } from "./tree";
import { UnsavedBar } from "./unsaved";

export function SettingsPage({ tab }: { tab: string | undefined }) {
  return (
    <>
      <PageHead title={t("nav.settings")} />
      <Tabs
        items={[
          [t("settings.platform"), "#/settings", tab === undefined],
          [t("settings.certificate"), "#/settings/certificate", tab === "certificate"],
          [t("settings.password"), "#/settings/password", tab === "password"],
        ]}
      />
      {tab === undefined && <PlatformSettings />}
      {tab === "certificate" && <CertificateTab />}
      {tab === "password" && <AdminPassword />}
    </>
  );
}

/** What is wrong with a value, by the setting's type and range. */
export function settingProblem(setting: Setting, value: string): string | undefined {
  if (setting.type === "integer") {
    const number = Number(value);
    if (value.trim() === "" || !Number.isInteger(number)) return t("settings.number");
    if (setting.min !== undefined && number < setting.min) return t("settings.least", { min: setting.min });
    if (setting.max !== undefined && number > setting.max) return t("settings.most", { max: setting.max });
  }
  return undefined;
}

function PlatformSettings() {
  const [settings, setSettings] = useState<Setting[]>();
  const [edits, setEdits] = useState<ReadonlyMap<string, string>>(new Map());
  const open = link.state.value.name === "open";
  useEffect(() => {
    if (open) void attempt(async () => setSettings((await ask("GetSettings", {})).settings));
  }, [open]);
  if (!settings) return <div class="card skeleton" />;

  const change = (setting: Setting, value: string) => {
    const next = new Map(edits);
    if (value === setting.value || (setting.secret && value === "")) next.delete(setting.name);
    else next.set(setting.name, value);
    setEdits(next);
  };
  const problems = settings.map((setting) =>
    edits.has(setting.name) ? settingProblem(setting, edits.get(setting.name)!) : undefined,
  );
  const save = () =>
    attempt(async () => {
      for (const setting of settings) {
        const edited = edits.get(setting.name);
        if (edited === undefined) continue;
        await ask("SetSetting", { name: setting.name, value: edited });
      }
      setEdits(new Map());
      setSettings((await ask("GetSettings", {})).settings);
      showToast({ tone: "ok", text: t("settings.saved") });
    });
  const [firstEdit] = edits;
  const groups = [...new Set(settings.map(groupOf))].filter(Boolean);
  const row = (setting: Setting, i: number) => (
    <SettingRow
      key={setting.name}
      setting={setting}
      value={edits.get(setting.name) ?? (setting.secret ? "" : setting.value)}
      error={problems[i]}
      onChange={(value) => change(setting, value)}
    />
  );
  return (
    <>
      <Card class="narrow">
        <div class="form">{settings.map((setting, i) => (groupOf(setting) === "" ? row(setting, i) : null))}</div>
      </Card>
      {groups.map((group) => (
        <Card key={group} class="narrow">
          <details>
            <summary>
              {processTitle(group)}: {t("settings.limits")}
            </summary>
            <div class="form">
              {settings.map((setting, i) => (groupOf(setting) === group ? row(setting, i) : null))}
            </div>
          </details>
        </Card>
      ))}
      {firstEdit && (
        <Command line={commands.setting(firstEdit[0], isSecret(settings, firstEdit[0]) ? "…" : firstEdit[1])} />
      )}
      {edits.size > 0 && (
        <UnsavedBar
          count={edits.size}
          onDiscard={() => setEdits(new Map())}
          onSave={save}
          disabledReason={offlineReason.value ?? problems.find(Boolean)}
        />
      )}
    </>
  );
}

/** `webserver.headBytes` belongs to the group `webserver`, which is folded away. */
const groupOf = (setting: Setting) => setting.name.split(".").slice(0, -1).join(".");

const isSecret = (settings: Setting[], name: string) => settings.find((one) => one.name === name)?.secret === true;

function SettingRow(props: {
  setting: Setting;
  value: string;
  error: string | undefined;
  onChange(value: string): void;
}) {
  const { setting, value } = props;
  if (setting.type === "boolean")
    return (
      <Checkbox checked={value === "true"} onChange={(on) => props.onChange(String(on))}>
        {settingText(setting)}
        <div class="muted small">
          <code>{setting.name}</code>
        </div>
      </Checkbox>
    );
  const hint = (
    <>
      <code>{setting.name}</code>
      {setting.default !== "" && !setting.secret && <> · {t("settings.default", { value: setting.default })}</>}
      {setting.min !== undefined && setting.max !== undefined && (
        <> · {t("settings.range", { min: setting.min, max: setting.max })}</>
      )}
      {setting.secret && <> · {t("settings.secret")}</>}
    </>
  );
  if (setting.choices.length)
    return (
      <Field label={settingText(setting)} hint={hint}>
        {(ids) => (
          <select {...ids} class="input" value={value} onChange={(event) => props.onChange(event.currentTarget.value)}>
            {setting.choices.map((choice) => (
              <option key={choice} value={choice}>
                {choice}
              </option>
            ))}
          </select>
        )}
      </Field>
    );
  return (
    <TextInput
      label={settingText(setting)}
      type={setting.secret ? "password" : "text"}
      autocomplete={setting.secret ? "new-password" : "off"}
      value={value}
      onInput={props.onChange}
      error={props.error}
      hint={hint}
    />
  );
}

const kShortest = 8;

function AdminPassword() {
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const tooShort =
    password.length > 0 && password.length < kShortest ? t("settings.short", { count: kShortest }) : undefined;
  const differs = again !== "" && again !== password ? t("settings.differs") : undefined;
  const reason = offlineReason.value ?? tooShort ?? differs ?? (!password || !again ? t("settings.twice") : undefined);
  const save = () =>
    attempt(async () => {
      await ask("SetAdminPassword", { password: link.hide(password) });
      useNewPassword(password);
      setPassword("");
      setAgain("");
      showToast({ tone: "ok", text: t("settings.passwordSaved") });
    });
  return (
    <Card title={t("settings.password")} class="narrow">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!reason) void save();
        }}
      >
        <p class="muted">{t("settings.passwordWhy")}</p>
        <input type="text" name="username" value="Admin" autocomplete="username" readOnly hidden />
        <TextInput
          label={t("settings.newPassword")}
          type="password"
          autocomplete="new-password"
          value={password}
          onInput={setPassword}
          error={tooShort}
        />
        <TextInput
          label={t("settings.again")}
          type="password"
          autocomplete="new-password"
          value={again}
          onInput={setAgain}
          error={differs}
        />
        <div>
          <Button type="submit" kind="primary" disabledReason={reason}>
            {t("settings.setPassword")}
          </Button>
        </div>
      </form>
    </Card>
  );
}
