// Where an instance keeps its data: on the platform, or on a server of the admin's own.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { CopyButton } from "../kit/components/copy";
import { Checkbox, Segmented, TextInput } from "../kit/components/field";
import { Card, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import { showToast } from "../kit/components/toast";
import { go } from "../kit/route";
import type { ExternalDatabase, Instance, TestDatabaseResult } from "./api";
import { commands } from "./commands";
import { ConfirmForGood } from "./confirm";
import { ask, attempt, link } from "./connection";
import { addressOf, Command, offlineReason } from "./parts";
import { instanceKey } from "./platform";
import { t, tn } from "./texts";

export function ExternalDatabaseCard({ instance }: { instance: Instance }) {
  const { external } = instance;
  const [open, setOpen] = useState(false);
  return (
    <Card
      title={t("external.title")}
      aside={
        external ? <Pill tone="ok">{t("external.elsewhere")}</Pill> : <Pill tone="idle">{t("external.here")}</Pill>
      }
    >
      <div class="form">
        <p class="muted">{t(external ? "external.whyElsewhere" : "external.whyHere")}</p>
        <Facts
          rows={
            external
              ? [
                  [t("external.server"), <code>{external.host}</code>],
                  [t("external.type"), external.type === "mysql" ? "MySQL / MariaDB" : "PostgreSQL"],
                  [t("fact.database"), <code>{external.database}</code>],
                  [t("fact.databaseUser"), <code>{external.user}</code>],
                ]
              : [
                  [t("fact.databaseHost"), t("fact.here")],
                  [t("fact.database"), <code>{instance.database}</code>],
                  [t("fact.databaseUser"), <code>{instance.databaseUser}</code>],
                ]
          }
        />
        {external && <Elsewhere instance={instance} />}
        {open ? (
          <UseForm instance={instance} onClose={() => setOpen(false)} />
        ) : (
          <Button onClick={() => setOpen(true)} disabledReason={offlineReason.value}>
            {t(external ? "external.other" : "external.move")}
          </Button>
        )}
      </div>
    </Card>
  );
}

async function use(instance: Instance, external: ExternalDatabase | undefined, move: boolean): Promise<boolean> {
  return attempt(async () => {
    const { name, domain } = instance;
    const { job } = await ask("UseDatabase", {
      name,
      domain,
      ...(external ? { external } : {}),
      move,
    });
    showToast({
      tone: "ok",
      text: t("external.runs", { name: instanceKey(instance) }),
      action: { label: t("act.show"), run: () => go(addressOf.job(job.id)) },
    });
  });
}

function Elsewhere({ instance }: { instance: Instance }) {
  const [asking, setAsking] = useState<"back" | "takeOver">();
  const { name, domain } = instance;
  const key = instanceKey(instance);
  return (
    <>
      {instance.external?.type === "mysql" && <p class="small tone-warn warn-text">{t("external.noBackup")}</p>}
      <div class="acts">
        <Button onClick={() => setAsking("back")} disabledReason={offlineReason.value}>
          {t("external.back")}
        </Button>
        <Button
          danger
          onClick={() => setAsking("takeOver")}
          disabledReason={offlineReason.value ?? (instance.state === "running" && t("external.isOurs"))}
        >
          {t("external.takeOver")}
        </Button>
      </div>
      {asking === "back" && (
        <ConfirmForGood
          title={t("external.backTitle", { name: key })}
          text={t("external.backText")}
          name={key}
          button={t("external.back")}
          command={commands.useDatabase(key, undefined, false)}
          onClose={() => setAsking(undefined)}
          onConfirm={() => use(instance, undefined, false)}
        />
      )}
      {asking === "takeOver" && (
        <ConfirmForGood
          title={t("external.takeOverTitle", { name: key })}
          text={t("external.takeOverText")}
          name={key}
          button={t("external.takeOver")}
          command={commands.takeOver(key)}
          onClose={() => setAsking(undefined)}
          onConfirm={() => attempt(() => ask("TakeOverDatabase", { name, domain }))}
        />
      )}
    </>
  );
}

function UseForm({ instance, onClose }: { instance: Instance; onClose(): void }) {
  const before = instance.external;
  const key = instanceKey(instance);
  const [type, setType] = useState(before?.type ?? "postgresql");
  const [host, setHost] = useState(before?.host ?? "");
  const [database, setDatabase] = useState(before?.database ?? instance.database);
  const [user, setUser] = useState(before?.user ?? instance.databaseUser);
  const [password, setPassword] = useState("");
  const [move, setMove] = useState(before === undefined);
  const [result, setResult] = useState<TestDatabaseResult>();
  const [sql, setSql] = useState<string>();

  const external: ExternalDatabase = {
    type,
    host: host.trim(),
    database,
    user,
    ...(password ? { password: link.hide(password) } : {}),
  };
  const missing =
    (!external.host ? t("external.noHost") : undefined) ??
    (!database || !user ? t("external.noName") : undefined) ??
    (!password ? t("external.noPassword") : undefined);
  const test = () => attempt(async () => setResult(await ask("TestDatabase", { external })));
  const recipe = () => attempt(async () => setSql((await ask("GetSqlRecipe", { database, user, type })).sql));
  const reason = offlineReason.value ?? missing ?? (result?.ok ? undefined : t("external.testFirst"));
  const changed =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      set(value);
      setResult(undefined);
    };
  return (
    <>
      <div class="field">
        <span class="label">{t("external.type")}</span>
        <Segmented
          label={t("external.type")}
          value={type}
          choices={[
            ["postgresql", "PostgreSQL"],
            ["mysql", "MySQL / MariaDB"],
          ]}
          onChange={changed(setType)}
        />
      </div>
      <TextInput
        label={t("external.server")}
        value={host}
        onInput={changed(setHost)}
        placeholder="db.example.com, 192.0.2.7:5433, [2001:db8::7]:5433"
        mono
        autofocus
      />
      <TextInput label={t("fact.database")} value={database} onInput={changed(setDatabase)} mono />
      <TextInput label={t("fact.databaseUser")} value={user} onInput={changed(setUser)} mono />
      <TextInput
        label={t("target.password")}
        type="password"
        autocomplete="new-password"
        value={password}
        onInput={changed(setPassword)}
      />
      <div class="acts">
        <Button onClick={test} disabledReason={offlineReason.value ?? missing}>
          {t("act.test")}
        </Button>
        <Button kind="quiet" onClick={recipe} disabledReason={offlineReason.value}>
          {t("external.recipe")}
        </Button>
      </div>
      <div role="status">
        {result &&
          (result.ok ? (
            <p>
              <Pill tone="ok">{t("external.works")}</Pill> {result.server} ·{" "}
              {t(result.encrypted ? "external.encrypted" : "external.plain")} ·{" "}
              {result.tables ? tn("external.tables", result.tables) : t("external.empty")}
              {result.remark && <span class="tone-warn warn-text break"> · {result.remark}</span>}
              {result.owner && (
                <span class="tone-warn warn-text"> · {t("external.owner", { name: result.owner })}</span>
              )}
            </p>
          ) : (
            <p class="tone-bad error-text break">{result.reason}</p>
          ))}
      </div>
      {sql !== undefined && (
        <div class="field">
          <span class="label">{t("external.recipe")}</span>
          <div class="recipe">
            <pre>{sql}</pre>
            <CopyButton text={sql} label={t("copy.copy")} done={t("copy.done")} />
          </div>
          <Command line={commands.sqlRecipe(key, type)} />
        </div>
      )}
      <Checkbox checked={move} onChange={setMove}>
        {t("external.moveData")}
        <div class="muted small">{t("external.moveWhy")}</div>
      </Checkbox>
      <div class="acts">
        <Button
          kind="primary"
          onClick={async () => {
            if (await use(instance, external, move)) onClose();
          }}
          disabledReason={reason}
        >
          {t(move ? "external.moveNow" : "external.useNow")}
        </Button>
        <Button onClick={onClose}>{t("act.cancel")}</Button>
      </div>
      <Command line={commands.useDatabase(key, external, move)} />
    </>
  );
}
