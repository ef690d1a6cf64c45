// Targets: where sets go, whether that works, and the keys without which nobody opens them.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Card, Empty, Facts } from "../kit/components/layout";
import { Pill } from "../kit/components/state";
import type { BackupTarget } from "./api";
import { removeTarget } from "./backup_actions";
import { type Backups, refreshBackups } from "./backups";
import { commands } from "./commands";
import { ask, asSentence } from "./connection";
import { KeySheetCard } from "./key_sheet";
import { Command, Copyable, offlineReason, Time } from "./parts";
import { TargetDialog } from "./target_dialog";
import { t, tn } from "./texts";

export function TargetsTab({ known }: { known: Backups }) {
  const [editing, setEditing] = useState<BackupTarget | "new">();
  const add = (
    <Button
      icon="plus"
      kind={known.targets.length ? "normal" : "primary"}
      onClick={() => setEditing("new")}
      disabledReason={offlineReason.value}
    >
      {t("act.newTarget")}
    </Button>
  );
  return (
    <>
      {known.targets.length === 0 ? (
        <Card>
          <Empty icon="backups" title={t("empty.targets")} action={add}>
            {t("empty.targetsWhy")}
          </Empty>
        </Card>
      ) : (
        <div class="grid halves">
          {known.targets.map((target) => (
            <TargetCard key={target.name} target={target} known={known} onEdit={() => setEditing(target)} />
          ))}
        </div>
      )}
      {known.targets.length > 0 && <div>{add}</div>}
      <KeySheetCard />
      {editing && (
        <TargetDialog
          known={known}
          target={editing === "new" ? undefined : editing}
          onClose={() => setEditing(undefined)}
        />
      )}
    </>
  );
}

/** The way a test went, in words; undefined while it runs. */
export type Tested = { ok: true; ms: number } | { ok: false; why: string };

export async function testTarget(name: string): Promise<Tested> {
  try {
    const { tookMs } = await ask("TestBackupTarget", { name });
    return { ok: true, ms: tookMs };
  } catch (error) {
    return { ok: false, why: asSentence(error instanceof Error ? error.message : String(error)) };
  } finally {
    await refreshBackups();
  }
}

export function TestResult({ tested }: { tested: Tested | undefined }) {
  return (
    <div role="status">
      {tested &&
        (tested.ok ? (
          <Pill tone="ok">{t("target.works", { ms: tested.ms })}</Pill>
        ) : (
          <p class="tone-bad error-text break">{tested.why}</p>
        ))}
    </div>
  );
}

function TargetCard({ target, known, onEdit }: { target: BackupTarget; known: Backups; onEdit(): void }) {
  const [tested, setTested] = useState<Tested>();
  const offline = offlineReason.value;
  const users = known.policies.filter((policy) => policy.target === target.name);
  const publicKey = target.options.find((one) => one.name === "publicKey")?.value;
  const failing = tested ? !tested.ok : target.error !== "";
  return (
    <Card
      title={<span class="break">{target.name}</span>}
      aside={
        failing ? (
          <Pill tone="bad">{t("target.fails")}</Pill>
        ) : target.testedAt || target.madeAt || tested ? (
          <Pill tone="ok">{t("target.reachable")}</Pill>
        ) : (
          <Pill tone="idle">{t("target.untested")}</Pill>
        )
      }
    >
      <div class="form">
        <Facts
          rows={[
            [t("target.kind"), t(`kind.${kindOf(target.kind)}`)],
            [t("target.place"), <code>{target.place}</code>],
            ...target.options
              .filter((one) => one.name !== "publicKey")
              .map((one): [string, string] => [one.name, one.value]),
            [t("target.mayRemove"), target.appendOnly ? t("target.appendOnly") : t("word.yes")],
            [t("target.lastTry"), <Time at={target.testedAt ?? target.madeAt} />],
            [t("target.usedBy"), users.length ? users.map((policy) => policy.name).join(", ") : t("target.nobody")],
          ]}
        />
        {publicKey && target.kind === "sftp" && (
          <div class="field">
            <span class="label">{t("target.publicKey")}</span>
            <Copyable text={publicKey} />
            <span class="hint">{t("target.publicKeyHint")}</span>
          </div>
        )}
        {!tested && target.error && <p class="tone-bad error-text break">{target.error}</p>}
        <TestResult tested={tested} />
        <div class="acts">
          <Button
            small
            onClick={async () => {
              setTested(undefined);
              setTested(await testTarget(target.name));
            }}
            disabledReason={offline}
          >
            {t("act.test")}
          </Button>
          <Button small onClick={onEdit} disabledReason={offline}>
            {t("act.edit")}
          </Button>
          <Button
            small
            danger
            onClick={() => removeTarget(target)}
            disabledReason={offline ?? (users.length > 0 && tn("target.inUse", users.length))}
          >
            {t("act.forget")}
          </Button>
        </div>
        <Command line={commands.testTarget(target.name)} />
      </div>
    </Card>
  );
}

export const kKinds = ["directory", "sftp", "webdav", "s3", "dropbox"] as const;
export type Kind = (typeof kKinds)[number];
/** A kind that this page does not know yet is shown as it is called. */
export const kindOf = (kind: string): Kind | "other" => kKinds.find((one) => one === kind) ?? "other";
