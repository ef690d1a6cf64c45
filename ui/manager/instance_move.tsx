// An instance to another platform: looked at first, moved while its users work, and what can be done afterwards.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { TextInput } from "../kit/components/field";
import { Card, Facts } from "../kit/components/layout";
import { showToast } from "../kit/components/toast";
import { size } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { go } from "../kit/route";
import type { Instance, MovedInstance, MoveInstanceResult } from "./api";
import { commands } from "./commands";
import { ConfirmForGood } from "./confirm";
import { ask, attempt, link } from "./connection";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { instanceKey } from "./platform";
import { t } from "./texts";

export function MoveCard({ instance }: { instance: Instance }) {
  const { moved } = instance;
  return (
    <Card title={t("move.title")} class="wide">
      {moved && moved.state !== "arrived" ? <Away instance={instance} moved={moved} /> : <Wanted instance={instance} />}
    </Card>
  );
}

/** Why the form cannot be sent yet. */
export function moveProblem(url: string, password: string): string | undefined {
  if (!/^wss:\/\/[^/]+\/./.test(url)) return t("move.urlRule");
  return password === "" ? t("move.noPassword") : undefined;
}

type Checked = Pick<MoveInstanceResult, "obstacles" | "remarks" | "bytes" | "version">;

function Wanted({ instance }: { instance: Instance }) {
  const { name, domain } = instance;
  const [url, setUrl] = useState("");
  const [password, setPassword] = useState("");
  const [fingerprint, setFingerprint] = useState("");
  const [checked, setChecked] = useState<Checked>();
  const place = url.trim();
  const reason =
    offlineReason.value ??
    (instance.external ? t("database.notOurs") : undefined) ??
    (instance.state === "deleted" ? t("reason.inBin") : undefined) ??
    moveProblem(place, password);
  const request = (checkOnly: boolean) =>
    ask("MoveInstance", {
      name,
      domain,
      to: {
        url: place,
        password: link.hide(password),
        insecure: false,
        ...(fingerprint.trim() ? { fingerprint: fingerprint.trim() } : {}),
      },
      checkOnly,
    });
  const check = () => attempt(async () => setChecked(await request(true)));
  const start = () =>
    attempt(async () => {
      const answer = await request(false);
      setChecked(answer);
      if (!answer.job) return;
      const { id } = answer.job;
      showToast({
        tone: "ok",
        text: t("move.runs", { name: instanceKey(instance) }),
        action: { label: t("act.show"), run: () => go(addressOf.job(id)) },
      });
    });
  const edit = (set: (value: string) => void) => (value: string) => {
    set(value);
    setChecked(undefined);
  };
  return (
    <div class="form">
      <p class="muted">{t("move.why")}</p>
      <TextInput
        label={t("move.url")}
        value={url}
        placeholder="wss://other.example.com/manager"
        onInput={edit(setUrl)}
        mono
      />
      <TextInput
        label={t("move.password")}
        type="password"
        autocomplete="off"
        value={password}
        onInput={edit(setPassword)}
      />
      <TextInput
        label={t("move.fingerprint")}
        value={fingerprint}
        onInput={edit(setFingerprint)}
        hint={t("move.fingerprintHint")}
        mono
      />
      {checked && <Found checked={checked} />}
      <div class="acts">
        <Button onClick={check} disabledReason={reason}>
          {t("move.check")}
        </Button>
        <Button
          kind="primary"
          onClick={start}
          disabledReason={reason ?? (checked ? checked.obstacles[0] : t("move.checkFirst"))}
        >
          {t("move.start")}
        </Button>
      </div>
      <Command line={commands.moveInstance(instanceKey(instance), place, fingerprint.trim(), checked === undefined)} />
    </div>
  );
}

function Found({ checked }: { checked: Checked }) {
  return (
    <>
      {checked.obstacles.map((text) => (
        <p key={text} class="tone-bad error-text break">
          <Icon name="error" /> {text}
        </p>
      ))}
      {checked.obstacles.length === 0 && (
        <p>
          <Icon name="ok" /> {t("move.canBe", { size: size(checked.bytes), version: checked.version })}
        </p>
      )}
      {checked.remarks.map((text) => (
        <p key={text} class="muted break">
          <Icon name="alert" /> {text}
        </p>
      ))}
    </>
  );
}

function Away({ instance, moved }: { instance: Instance; moved: MovedInstance }) {
  const { name, domain } = instance;
  const key = instanceKey(instance);
  const [asking, setAsking] = useState(false);
  if (moved.state !== "moved")
    return <p>{t(moved.state === "leaving" ? "move.leaving" : "move.arriving", { url: moved.url })}</p>;
  return (
    <div class="form">
      <Facts
        rows={[
          [t("move.movedTo"), <code>{moved.url}</code>],
          [t("move.since"), <Time at={moved.at} />],
          [t("move.forward"), moved.forwards ? <Time at={moved.until} /> : t("move.ended")],
        ]}
      />
      <p class="muted">{t("move.forwardWhy")}</p>
      <div class="acts">
        <Button
          onClick={() => attempt(() => ask("EndForward", { name, domain }))}
          disabledReason={offlineReason.value ?? (moved.forwards ? undefined : t("move.ended"))}
        >
          {t("move.endForward")}
        </Button>
        <Button danger onClick={() => setAsking(true)} disabledReason={offlineReason.value}>
          {t("move.undo")}
        </Button>
      </div>
      <Command line={commands.endForward(key)} />
      {asking && (
        <ConfirmForGood
          title={t("move.undoTitle", { name: key })}
          text={t("move.undoText", { url: moved.url })}
          name={key}
          button={t("move.undo")}
          command={commands.undoMove(key)}
          onClose={() => setAsking(false)}
          onConfirm={() => attempt(() => ask("UndoMove", { name, domain }))}
        />
      )}
    </div>
  );
}
