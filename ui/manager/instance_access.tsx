// Passwords: set, made, shown once.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Field, TextInput } from "../kit/components/field";
import { Card } from "../kit/components/layout";
import { showToast } from "../kit/components/toast";
import type { Instance } from "./api";
import { commands } from "./commands";
import { ask, attempt, link } from "./connection";
import { Command, offlineReason } from "./parts";
import { instanceKey } from "./platform";
import { SecretText } from "./secret";
import { t } from "./texts";

export function AccessTab({ instance }: { instance: Instance }) {
  const key = instanceKey(instance);
  return (
    <div class="grid halves">
      <PasswordCard
        key={`${key} instance`}
        instance={instance}
        request="SetInstancePassword"
        title={t("access.instance")}
        why={t("access.instanceWhy")}
        command={commands.instancePassword(key)}
      />
      <PasswordCard
        key={`${key} database`}
        instance={instance}
        request="SetDatabasePassword"
        title={t("access.database")}
        why={t("access.databaseWhy", { user: instance.databaseUser })}
        command={commands.databasePassword(key)}
      />
    </div>
  );
}

function PasswordCard(props: {
  instance: Instance;
  request: "SetInstancePassword" | "SetDatabasePassword";
  title: string;
  why: string;
  command: string;
}) {
  const [own, setOwn] = useState("");
  const [made, setMade] = useState<string>();
  const { name, domain } = props.instance;
  const offline = offlineReason.value;
  const set = (password: string | undefined) =>
    attempt(async () => {
      const answer = await ask(props.request, {
        name,
        domain,
        ...(password ? { password: link.hide(password) } : {}),
      });
      setMade(password ? undefined : link.reveal(answer.password));
      setOwn("");
      showToast({ tone: "ok", text: t("access.done", { name: instanceKey(props.instance) }) });
    });
  return (
    <Card title={props.title}>
      <div class="form">
        <p class="muted">{props.why}</p>
        {made !== undefined && (
          <Field label={t("access.new")} hint={t("access.once")}>
            {(ids) => <SecretText id={ids.id} text={made} />}
          </Field>
        )}
        <Button
          icon="refresh"
          kind={made === undefined ? "primary" : "normal"}
          onClick={() => set(undefined)}
          disabledReason={offline}
        >
          {t("access.generate")}
        </Button>
        <details>
          <summary>{t("access.own")}</summary>
          <form
            class="form"
            onSubmit={(event) => {
              event.preventDefault();
              if (own) void set(own);
            }}
          >
            <TextInput
              label={t("access.ownLabel")}
              type="password"
              autocomplete="new-password"
              value={own}
              onInput={setOwn}
            />
            <Button type="submit" disabledReason={offline ?? (!own && t("access.empty"))}>
              {t("access.set")}
            </Button>
          </form>
        </details>
        <Command line={props.command} />
      </div>
    </Card>
  );
}
