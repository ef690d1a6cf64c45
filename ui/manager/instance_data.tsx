import { Card } from "../kit/components/layout";
import type { Instance } from "./api";
import { ExternalDatabaseCard } from "./external_database";
import { InstanceBackupCard } from "./instance_backups";
import { DatabaseCard } from "./instance_database";
import { instanceKey } from "./platform";
import { RestoreUpload } from "./restore";
import { t } from "./texts";

export function DataTab({ instance }: { instance: Instance }) {
  const key = instanceKey(instance);
  return (
    <div class="grid halves">
      <DatabaseCard key={key} instance={instance} />
      <InstanceBackupCard instance={instance} />
      <Card title={t("data.restore")}>
        <RestoreUpload instance={instance} />
      </Card>
      <ExternalDatabaseCard key={`external ${key}`} instance={instance} />
    </div>
  );
}
