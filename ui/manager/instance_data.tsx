import { Button } from "../kit/components/button";
import { Card, Facts } from "../kit/components/layout";
import { size } from "../kit/i18n";
import type { Instance } from "./api";
import { downloadBackup } from "./backup";
import { commands } from "./commands";
import { attempt } from "./connection";
import { ExternalDatabaseCard } from "./external_database";
import { DatabaseCard } from "./instance_database";
import { Command, Copyable, offlineReason, Time } from "./parts";
import { instanceKey } from "./platform";
import { RestoreUpload } from "./restore";
import { t } from "./texts";

export function DataTab({ instance }: { instance: Instance }) {
  const key = instanceKey(instance);
  return (
    <div class="grid halves">
      <DatabaseCard key={key} instance={instance} />
      <Card title={t("data.backup")} aside={<span>{size(instance.databaseBytes)}</span>}>
        <div class="form">
          <p class="muted">{t("data.backupWhy")}</p>
          <Facts
            rows={[
              [t("fact.database"), <Copyable text={instance.database} />],
              [t("fact.lastBackup"), instance.backedUpAt ? <Time at={instance.backedUpAt} /> : t("fact.noBackup")],
            ]}
          />
          <Button
            kind="primary"
            icon="download"
            onClick={() => attempt(() => downloadBackup(instance))}
            disabledReason={offlineReason.value}
          >
            {t("data.download")}
          </Button>
          <Command line={commands.backup(key)} />
        </div>
      </Card>
      <Card title={t("data.restore")}>
        <RestoreUpload instance={instance} />
      </Card>
      <ExternalDatabaseCard key={`external ${key}`} instance={instance} />
    </div>
  );
}
