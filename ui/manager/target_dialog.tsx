// A target as a form: saved, then tried out at once, with the reason in words if it does not work.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Dialog } from "../kit/components/dialog";
import { Checkbox, Segmented, TextInput } from "../kit/components/field";
import type { BackupOption, BackupTarget, SetBackupTarget } from "./api";
import { type Kind, kindOf, kKinds, type Tested, TestResult, testTarget } from "./backup_targets";
import type { Backups } from "./backups";
import { commands } from "./commands";
import { ask, attempt, link } from "./connection";
import { Command, offlineReason } from "./parts";
import { SecretText } from "./secret";
import { t } from "./texts";

interface OptionField {
  name: string;
  required?: boolean;
}

/** What each kind needs beside its place, as manager/sets/target_kinds.cc has it. */
export const kOptions: Record<Kind, OptionField[]> = {
  directory: [],
  sftp: [{ name: "hostKey", required: true }],
  webdav: [{ name: "user" }, { name: "caFile" }],
  s3: [{ name: "accessKey", required: true }, { name: "region" }, { name: "caFile" }],
  dropbox: [{ name: "user" }, { name: "fingerprint" }],
};
const kPlaces: Record<Kind, string> = {
  directory: "/mnt/disk/berth",
  sftp: "sftp://backup@nas.example.com/berth",
  webdav: "https://dav.example.com/berth",
  s3: "https://s3.example.com/bucket/berth",
  dropbox: "https://drop.example.com/berth",
};
export const hasPassword = (kind: Kind) => kind === "webdav" || kind === "s3" || kind === "dropbox";

export interface TargetForm {
  name: string;
  kind: Kind;
  place: string;
  options: Record<string, string>;
  password: string;
  repositoryKey: string;
  appendOnly: boolean;
}

export function targetForm(target?: BackupTarget): TargetForm {
  const kind = kindOf(target?.kind ?? "directory");
  return {
    name: target?.name ?? "",
    kind: kind === "other" ? "directory" : kind,
    place: target?.place ?? "",
    options: Object.fromEntries((target?.options ?? []).map((one) => [one.name, one.value])),
    password: "",
    repositoryKey: "",
    appendOnly: target?.appendOnly ?? false,
  };
}

/** The request's members without its secrets. */
export function targetOf(form: TargetForm): Omit<SetBackupTarget, "mt" | "src" | "password" | "repositoryKey"> {
  const options: BackupOption[] = kOptions[form.kind]
    .map(({ name }) => ({ name, value: (form.options[name] ?? "").trim() }))
    .filter((one) => one.value !== "");
  return { name: form.name, kind: form.kind, place: form.place.trim(), options, appendOnly: form.appendOnly };
}

export const secretsOf = (form: TargetForm) => ({
  ...(form.password ? { password: link.hide(form.password) } : {}),
  ...(form.repositoryKey ? { repositoryKey: link.hide(form.repositoryKey.trim()) } : {}),
});

/** Why the form cannot be sent yet. */
export function targetProblem(form: TargetForm, isNew: boolean): string | undefined {
  const place = form.place.trim();
  if (place === "") return t("target.noPlace");
  if (form.kind === "directory" && !place.startsWith("/")) return t("target.wholePath");
  if (form.kind === "sftp" && !/^sftp:\/\/[^@/]+@[^/]+\/./.test(place)) return t("target.sftpPlace");
  if ((form.kind === "webdav" || form.kind === "s3" || form.kind === "dropbox") && !/^https?:\/\/[^/]+\/./.test(place))
    return t("target.webPlace");
  const missing = kOptions[form.kind].find((one) => one.required && !form.options[one.name]?.trim());
  if (missing) return t("target.missing", { name: missing.name });
  if (isNew && form.kind === "s3" && !form.password) return t("target.missing", { name: t("target.password") });
  return undefined;
}

export function TargetFields({ form, onChange }: { form: TargetForm; onChange(form: TargetForm): void }) {
  const change = (members: Partial<TargetForm>) => onChange({ ...form, ...members });
  return (
    <>
      <div class="field">
        <span class="label">{t("target.kind")}</span>
        <Segmented
          label={t("target.kind")}
          value={form.kind}
          choices={kKinds.map((kind) => [kind, t(`kind.${kind}`)])}
          onChange={(kind) => change({ kind })}
        />
        <span class="hint">{t(`kindWhy.${form.kind}`)}</span>
      </div>
      <TextInput
        label={t("target.place")}
        value={form.place}
        placeholder={kPlaces[form.kind]}
        onInput={(place) => change({ place })}
        mono
      />
      {kOptions[form.kind].map(({ name }) => (
        <TextInput
          key={name}
          label={name}
          value={form.options[name] ?? ""}
          onInput={(value) => change({ options: { ...form.options, [name]: value } })}
          hint={t(`option.${name as "hostKey" | "user" | "caFile" | "accessKey" | "region" | "fingerprint"}`)}
          mono
        />
      ))}
      {hasPassword(form.kind) && (
        <TextInput
          label={t("target.password")}
          type="password"
          autocomplete="new-password"
          value={form.password}
          onInput={(password) => change({ password })}
          hint={t("target.passwordHint")}
        />
      )}
    </>
  );
}

export function TargetDialog(props: { known: Backups; target: BackupTarget | undefined; onClose(): void }) {
  // From the first save on it is there, whether it works or not.
  const [isNew, setIsNew] = useState(props.target === undefined);
  const [form, setForm] = useState(() => targetForm(props.target));
  const [tested, setTested] = useState<Tested>();
  const [privateKey, setPrivateKey] = useState<string>();
  const taken = isNew && props.known.targets.some((one) => one.name === form.name);
  const nameError =
    form.name !== "" && !/^[A-Za-z0-9._-]{1,40}$/.test(form.name)
      ? t("policy.nameHint")
      : taken
        ? t("target.nameTaken")
        : undefined;
  const reason =
    offlineReason.value ??
    (form.name === "" ? t("target.nameEmpty") : undefined) ??
    nameError ??
    targetProblem(form, isNew);
  const save = async () => {
    if (reason) return;
    setTested(undefined);
    let once = "";
    const saved = await attempt(async () => {
      const answer = await ask("SetBackupTarget", { ...targetOf(form), ...secretsOf(form) });
      once = link.reveal(answer.privateKey);
    });
    if (!saved) return;
    if (once) setPrivateKey(once);
    setIsNew(false);
    const result = await testTarget(form.name);
    setTested(result);
    // A key that is shown once must be seen before this goes.
    if (result.ok && !once) props.onClose();
  };
  return (
    <Dialog
      title={isNew ? t("act.newTarget") : t("target.edit", { name: form.name })}
      closeLabel={t("act.close")}
      onClose={props.onClose}
      onSubmit={save}
      class="wide-dialog"
      footer={
        <>
          <Button onClick={props.onClose}>{t("act.cancel")}</Button>
          <Button kind="primary" onClick={save} disabledReason={reason}>
            {t("act.saveAndTest")}
          </Button>
        </>
      }
    >
      {isNew && (
        <TextInput
          label={t("target.name")}
          value={form.name}
          onInput={(name) => setForm({ ...form, name: name.trim() })}
          error={nameError}
          autofocus
        />
      )}
      <TargetFields form={form} onChange={setForm} />
      <details>
        <summary>{t("new.more")}</summary>
        <div class="form">
          <TextInput
            label={t("target.repositoryKey")}
            type="password"
            autocomplete="off"
            value={form.repositoryKey}
            onInput={(repositoryKey) => setForm({ ...form, repositoryKey })}
            hint={t("target.repositoryKeyHint")}
          />
        </div>
      </details>
      <Checkbox checked={form.appendOnly} onChange={(appendOnly) => setForm({ ...form, appendOnly })}>
        {t("target.appendOnlyText")}
        <div class="muted small">{t("target.appendOnlyWhy")}</div>
      </Checkbox>
      <TestResult tested={tested} />
      {privateKey && (
        <div class="field">
          <span class="label">{t("target.privateKey")}</span>
          <SecretText text={privateKey} />
          <span class="hint">{t("target.privateKeyWhy")}</span>
        </div>
      )}
      <Command line={commands.target(targetOf(form), form.password !== "")} />
    </Dialog>
  );
}
