// The keys that open the backups when this machine is gone: hidden until asked for, printed on paper, kept elsewhere.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Card, Facts } from "../kit/components/layout";
import { date } from "../kit/i18n";
import type { BackupKey } from "./api";
import { kindOf } from "./backup_targets";
import { commands } from "./commands";
import { ask, attempt, link } from "./connection";
import { Command, offlineReason } from "./parts";
import { status } from "./platform";
import { SecretText } from "./secret";
import { t } from "./texts";

export function KeySheetCard() {
  const [keys, setKeys] = useState<(BackupKey & { plain: string })[]>();
  const show = () =>
    attempt(async () => {
      const answer = await ask("GetBackupKeys", {});
      setKeys(answer.keys.map((one) => ({ ...one, plain: link.reveal(one.key) })));
    });
  return (
    <Card title={t("keys.title")}>
      <div class="form">
        <p class="muted prose">{t("keys.why")}</p>
        {!keys ? (
          <Button icon="key" onClick={show} disabledReason={offlineReason.value}>
            {t("keys.show")}
          </Button>
        ) : (
          <>
            <div class="key-sheet">
              <p class="print-only">
                <strong>
                  {t("keys.sheetOf", {
                    name: status.value?.dns || location.hostname,
                    date: date(new Date().toISOString()),
                  })}
                </strong>
              </p>
              {keys.length === 0 && <p class="muted">{t("empty.targets")}</p>}
              {keys.map((one) => (
                <section key={one.target}>
                  <h3>{one.target}</h3>
                  <Facts
                    rows={[
                      [t("target.kind"), `${t(`kind.${kindOf(one.kind)}`)} (${one.kind})`],
                      [t("target.place"), <code>{one.place}</code>],
                      ...one.options.map((option): [string, string] => [option.name, option.value]),
                      [
                        t("keys.key"),
                        <>
                          <span class="no-print">
                            <SecretText text={one.plain} />
                          </span>
                          <code class="print-only break">{one.plain}</code>
                        </>,
                      ],
                    ]}
                  />
                </section>
              ))}
              <p class="print-only">{t("keys.wayBack")}</p>
              <p class="print-only">
                <code>berth platform restore --kind KIND --from PLACE --key-file FILE</code>
              </p>
            </div>
            <div class="acts">
              <Button icon="printer" onClick={() => window.print()}>
                {t("keys.print")}
              </Button>
              <Button onClick={() => setKeys(undefined)}>{t("keys.hide")}</Button>
            </div>
          </>
        )}
        <Command line={commands.keySheet()} />
      </div>
    </Card>
  );
}
