import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Checkbox, TextInput } from "../kit/components/field";
import { Card } from "../kit/components/layout";
import { showToast } from "../kit/components/toast";
import { go } from "../kit/route";
import { deleteForGood, deleteInstance } from "./actions";
import type { Instance } from "./api";
import { commands, type InstanceChanges } from "./commands";
import { ConfirmForGood } from "./confirm";
import { ask, attempt } from "./connection";
import { LimitsCard } from "./instance_limits";
import { MoveCard } from "./instance_move";
import { byteLength, kDatabaseNameBytes } from "./instance_names";
import { addressOf, Command, offlineReason } from "./parts";
import { instanceKey } from "./platform";
import { t } from "./texts";
import { hasFlag, kTraceFlags, kUsualFlags, withFlag } from "./trace_flags";
import { UnsavedBar } from "./unsaved";

export function SettingsTab({ instance }: { instance: Instance }) {
  const [name, setName] = useState(instance.name);
  const [domain, setDomain] = useState(instance.domain);
  const [path, setPath] = useState(instance.path);
  const [excluded, setExcluded] = useState(instance.excludeFromBackup);
  const [isolated, setIsolated] = useState(instance.isolated);
  const [flags, setFlags] = useState(instance.logFlags);
  const [asking, setAsking] = useState(false);
  const key = instanceKey(instance);
  const offline = offlineReason.value;

  const changes: InstanceChanges = {
    ...(name !== instance.name ? { newName: name } : {}),
    ...(domain !== instance.domain ? { newDomain: domain } : {}),
    ...(path !== instance.path ? { path } : {}),
    ...(excluded !== instance.excludeFromBackup ? { excludeFromBackup: excluded } : {}),
    ...(isolated !== instance.isolated ? { isolated } : {}),
    ...(flags !== instance.logFlags ? { logFlags: flags } : {}),
  };
  const count = Object.keys(changes).length;
  const command = commands.editInstance(key, changes);
  const nameError = name ? undefined : t("edit.nameNeeded");
  const pathError = path.replaceAll("/", "") ? undefined : t("edit.pathRule");
  const moved = name !== instance.name || domain !== instance.domain || path !== instance.path;

  const save = () =>
    attempt(async () => {
      const answer = await ask("EditInstance", { name: instance.name, domain: instance.domain, ...changes });
      showToast({ tone: "ok", text: t("edit.saved", { name: instanceKey(answer.instance) }) });
      if (instanceKey(answer.instance) !== key) go(addressOf.instance(answer.instance, "settings"));
    });
  const discard = () => {
    setName(instance.name);
    setDomain(instance.domain);
    setPath(instance.path);
    setExcluded(instance.excludeFromBackup);
    setIsolated(instance.isolated);
    setFlags(instance.logFlags);
  };

  return (
    <>
      <div class="grid halves">
        <Card title={t("edit.names")}>
          <div class="form">
            <TextInput label={t("new.name")} value={name} onInput={setName} error={nameError} />
            <TextInput label={t("new.domain")} value={domain} onInput={setDomain} />
            <p class="small">
              <a href={addressOf.rename(instance.domain)}>{t("act.renameDomain")}</a>
            </p>
            <TextInput
              label={t("new.path")}
              value={path}
              onInput={setPath}
              mono
              error={pathError}
              hint={moved ? t("edit.movedHint") : undefined}
            />
            <p class="muted small">
              {t("edit.databaseStays", { database: instance.database })}{" "}
              {t("new.bytes", { count: byteLength(instance.database), max: kDatabaseNameBytes })}
            </p>
            <Checkbox checked={excluded} onChange={setExcluded}>
              {t("edit.exclude")}
              <div class="muted small">{t("edit.excludeWhy")}</div>
            </Checkbox>
            <Checkbox checked={isolated} onChange={setIsolated}>
              {t("edit.isolate")}
              <div class="muted small">{t("edit.isolateWhy")}</div>
            </Checkbox>
          </div>
        </Card>
        <Card
          title={t("edit.flags")}
          aside={
            <button type="button" class="link-button small" onClick={() => setFlags(kUsualFlags)}>
              {t("edit.usual")}
            </button>
          }
        >
          <p class="muted">{t("edit.flagsWhy")}</p>
          <div class="flags">
            {kTraceFlags.map(([bit, text]) => (
              <Checkbox key={bit} checked={hasFlag(flags, bit)} onChange={(on) => setFlags(withFlag(flags, bit, on))}>
                {text}
              </Checkbox>
            ))}
          </div>
          <p class="muted small">
            {t("edit.mask")} <code>0x{flags.toString(16)}</code>
          </p>
        </Card>
        <LimitsCard instance={instance} />
        <MoveCard instance={instance} />
        <Card title={t("edit.danger")} class="wide">
          <div class="danger-row">
            <div>
              <strong>{t("edit.delete")}</strong>
              <p class="muted">{t("edit.deleteWhy")}</p>
            </div>
            <Button
              danger
              onClick={() => deleteInstance(instance)}
              disabledReason={offline ?? (instance.state === "deleted" && t("reason.inBin"))}
            >
              {t("act.delete")}
            </Button>
          </div>
          <div class="danger-row">
            <div>
              <strong>{t("edit.forGood")}</strong>
              <p class="muted">{t("edit.forGoodWhy")}</p>
            </div>
            <Button danger onClick={() => setAsking(true)} disabledReason={offline}>
              {t("act.forGood")}
            </Button>
          </div>
        </Card>
      </div>
      {command && <Command line={command} />}
      {count > 0 && (
        <UnsavedBar
          count={count}
          onDiscard={discard}
          onSave={save}
          disabledReason={offline ?? nameError ?? pathError}
        />
      )}
      {asking && (
        <ConfirmForGood
          title={t("confirm.title", { name: key })}
          text={t("confirm.text")}
          name={key}
          button={t("confirm.forGood")}
          command={commands.deleteInstance(key, true)}
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            if (await deleteForGood(instance)) go(addressOf.service(instance.service));
          }}
        />
      )}
    </>
  );
}
