// What restores have replaced: for some days the data from before can be brought back, like a deleted instance.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Card } from "../kit/components/layout";
import { size } from "../kit/i18n";
import { bringBackKept, deleteKept } from "./actions";
import type { Instance, KeptData } from "./api";
import { commands } from "./commands";
import { ConfirmForGood } from "./confirm";
import { addressOf, Command, offlineReason, Time } from "./parts";
import { instanceKey, instances } from "./platform";
import { t } from "./texts";

type Kept = { instance: Instance; data: KeptData };

/** Nothing at all where no restore can be undone. */
export function KeptDataCard() {
  const [asking, setAsking] = useState<Kept>();
  const offline = offlineReason.value;
  const all = instances.value.flatMap((instance) => instance.kept.map((data): Kept => ({ instance, data })));
  const first = all[0];
  if (!first) return null;
  return (
    <Card title={t("kept.title")}>
      <p class="muted">{t("kept.lead")}</p>
      <div class="table-scroll">
        <table>
          <thead>
            <tr>
              <th>{t("column.name")}</th>
              <th class="num">{t("column.size")}</th>
              <th>{t("column.replaced")}</th>
              <th>{t("column.purge")}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {all.map((one) => (
              <tr key={one.data.id}>
                <td class="nowrap">
                  <a href={addressOf.instance(one.instance)}>{instanceKey(one.instance)}</a>
                </td>
                <td class="num nowrap">{size(one.data.databaseBytes)}</td>
                <td class="nowrap">
                  <Time at={one.data.replacedAt} />
                </td>
                <td class="nowrap">
                  <Time at={one.data.purgeAt} />
                </td>
                <td>
                  <div class="row-actions">
                    <Button
                      small
                      icon="undo"
                      onClick={() => bringBackKept(one.instance, one.data)}
                      disabledReason={offline}
                    >
                      {t("act.bringBack")}
                    </Button>
                    <Button small danger onClick={() => setAsking(one)} disabledReason={offline}>
                      {t("act.forGood")}
                    </Button>
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <Command line={commands.undo(instanceKey(first.instance))} />
      {asking && (
        <ConfirmForGood
          title={t("kept.confirm", { name: instanceKey(asking.instance) })}
          text={t("kept.confirmText")}
          name={instanceKey(asking.instance)}
          button={t("act.forGood")}
          command={commands.deleteKept(instanceKey(asking.instance), asking.data.id)}
          onClose={() => setAsking(undefined)}
          onConfirm={() => deleteKept(asking.instance, asking.data)}
        />
      )}
    </Card>
  );
}
