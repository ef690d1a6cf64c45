import { signal } from "@preact/signals";
import { number, size } from "../kit/i18n";
import { Icon } from "../kit/icons";
import type { Instance } from "./api";
import { addressOf, StatePill, shownState, Time } from "./parts";
import { instanceKey, platform } from "./platform";
import { t } from "./texts";

type Column = "name" | "service" | "state" | "sessions" | "size" | "backup";
const order = signal<{ by: Column; down: boolean } | undefined>(undefined);

const kValues: Record<Column, (one: Instance) => string | number> = {
  name: instanceKey,
  service: (one) => one.service,
  state: (one) => one.state,
  sessions: (one) => one.sessions,
  size: (one) => one.databaseBytes,
  backup: (one) => one.backedUpAt ?? "",
};

export function sortInstances(list: readonly Instance[], by: Column, down: boolean): Instance[] {
  const value = kValues[by];
  const compare = (a: Instance, b: Instance) => {
    const [x, y] = [value(a), value(b)];
    const apart = typeof x === "number" ? x - (y as number) : x.localeCompare(y as string);
    return apart || instanceKey(a).localeCompare(instanceKey(b));
  };
  return [...list].sort((a, b) => (down ? compare(b, a) : compare(a, b)));
}

export function InstanceTable(props: { instances: readonly Instance[]; withService?: boolean; sortBy: Column }) {
  const { by, down } = order.value ?? { by: props.sortBy, down: props.sortBy === "size" };
  const Head = ({ column, num }: { column: Column; num?: boolean }) => (
    <th class={num ? "num" : undefined} aria-sort={by === column ? (down ? "descending" : "ascending") : undefined}>
      <button
        type="button"
        class="sort"
        onClick={() => {
          order.value = { by: column, down: by === column ? !down : num === true };
        }}
      >
        {t(`column.${column}`)}
        {by === column && <Icon name={down ? "chevronDown" : "arrowUp"} />}
      </button>
    </th>
  );
  return (
    <div class="table-scroll">
      <table class="instances">
        <thead>
          <tr>
            <Head column="name" />
            {props.withService && <Head column="service" />}
            <Head column="state" />
            <Head column="sessions" num />
            <Head column="size" num />
            <Head column="backup" />
          </tr>
        </thead>
        <tbody>
          {sortInstances(props.instances, by, down).map((instance) => {
            const service = platform.value?.services.get(instance.service);
            return (
              <tr key={instanceKey(instance)}>
                <td class="nowrap">
                  <a href={addressOf.instance(instance)}>{instanceKey(instance)}</a>
                </td>
                {props.withService && (
                  <td class="muted nowrap">{service ? `${service.title} ${service.label}` : instance.service}</td>
                )}
                <td>
                  <StatePill state={shownState(instance)} />
                </td>
                <td class="num">{instance.sessions ? number(instance.sessions) : "–"}</td>
                <td class="num nowrap">{size(instance.databaseBytes)}</td>
                <td class="muted nowrap">
                  {instance.backedUpAt ? (
                    <Time at={instance.backedUpAt} />
                  ) : instance.excludeFromBackup ? (
                    t("fact.leftOut")
                  ) : (
                    t("fact.noBackup")
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
