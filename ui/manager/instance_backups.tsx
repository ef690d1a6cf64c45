// What is kept of one instance: newest backup, last proof, time machine – and the way back.
import { Button } from "../kit/components/button";
import { Card, Facts } from "../kit/components/layout";
import { duration } from "../kit/i18n";
import { go } from "../kit/route";
import type { Instance } from "./api";
import { downloadBackup } from "./backup";
import { drill } from "./backup_actions";
import { useBackups } from "./backups";
import { commands } from "./commands";
import { attempt } from "./connection";
import { canGoBack } from "./moments";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { instanceKey } from "./platform";
import { ProofPill } from "./proven_restores";
import { t } from "./texts";
import { TimeMachinePill, timeMachineVersion, windowText } from "./time_machine_page";
import { useAnswer } from "./use_answer";

export function InstanceBackupCard({ instance }: { instance: Instance }) {
  const key = instanceKey(instance);
  const known = useBackups();
  const machine = useAnswer("GetTimeMachine", {}, timeMachineVersion()).value?.timeMachine;
  const item = known?.newest.get(key);
  const proof = known?.proofs.get(key);
  const policies = known?.policies.filter((policy) => policy.enabled && policy.wouldBackUp.includes(key)) ?? [];
  const offline = offlineReason.value;
  return (
    <Card title={t("data.backup")} aside={<a href="#/backups">{t("nav.backups")}</a>}>
      <div class="form">
        <p class="muted">{t("data.backupWhy")}</p>
        <Facts
          rows={[
            [t("fact.lastBackup"), instance.backedUpAt ? <Time at={instance.backedUpAt} /> : t("fact.noBackup")],
            [
              t("data.newest"),
              item ? (
                <a href={addressOf.set(item.set)}>
                  <Time at={item.writtenAt} />
                </a>
              ) : (
                t("data.inNoSet")
              ),
            ],
            [
              t("data.policies"),
              policies.length
                ? policies.map((policy) => policy.name).join(", ")
                : instance.excludeFromBackup
                  ? t("fact.leftOut")
                  : t("data.noPolicy"),
            ],
            !!known && [
              t("column.proven"),
              <>
                <ProofPill instance={instance} known={known} />
                {proof?.provenMs && !proof.error ? (
                  <span class="muted"> {t("data.in", { time: duration(Math.max(1, proof.provenMs / 1000)) })}</span>
                ) : null}
              </>,
            ],
            !!machine && [
              t("backups.timemachine"),
              canGoBack(machine) ? windowText(machine) : <TimeMachinePill state={machine.state} />,
            ],
          ]}
        />
        {proof?.error && <p class="small tone-bad error-text break">{proof.error}</p>}
        <div class="acts">
          <Button
            kind="primary"
            icon="download"
            onClick={() => attempt(() => downloadBackup(instance))}
            disabledReason={offline}
          >
            {t("data.download")}
          </Button>
          <Button
            icon="undo"
            onClick={() => go(addressOf.restore({ instance: key }))}
            disabledReason={offline ?? (!item && t("data.inNoSet"))}
          >
            {t("act.restoreDots")}
          </Button>
          <Button
            icon="history"
            onClick={() => go(addressOf.restore({ instance: key, at: "now" }))}
            disabledReason={offline ?? (!canGoBack(machine) && t("data.noTimeMachine"))}
          >
            {t("act.goBack")}
          </Button>
          <Button onClick={() => drill(instance)} disabledReason={offline ?? (!item && t("data.inNoSet"))}>
            {t("act.prove")}
          </Button>
        </div>
        <Command line={commands.backup(key)} />
      </div>
    </Card>
  );
}
