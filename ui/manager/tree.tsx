// The side bar: pages, services with their instances, the platform's own processes. Always there, always live.
import { signal } from "@preact/signals";
import { AppIcon } from "../kit/components/layout";
import { number, size } from "../kit/i18n";
import { Icon, type IconName } from "../kit/icons";
import { route } from "../kit/route";
import { unseen } from "./alarms";
import type { Instance, Service } from "./api";
import { addressOf, StateDot, shownState, stateWord } from "./parts";
import { deleted, health, instanceKey, instances, runningJobs, services, status } from "./platform";
import { updatesAvailable } from "./store";
import { t } from "./texts";

const filter = signal("");
const closed = signal<ReadonlySet<string>>(new Set());

/** The services and instances that fit the words of `wanted`: names, domains and states, all words must fit. */
export function filterTree(
  wanted: string,
  services: readonly Service[],
  instances: readonly Instance[],
  word: (state: Instance["state"]) => string = (state) => state,
): { service: Service; instances: Instance[] }[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (text: string) => words.every((one) => text.toLowerCase().includes(one));
  return services.flatMap((service) => {
    const own = instances.filter((one) => one.service === service.id);
    const name = `${service.title} ${service.id}`;
    const kept = own.filter((one) => fits(`${name} ${instanceKey(one)} ${one.state} ${word(one.state)}`));
    return kept.length || fits(`${name} ${service.state} ${word(service.state)}`) ? [{ service, instances: kept }] : [];
  });
}

function moveFocus(event: KeyboardEvent): void {
  const nav = event.currentTarget as HTMLElement;
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (!step) return;
  const stops = [...nav.querySelectorAll<HTMLElement>("a, .tree-filter input")];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  const next = stops[at + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function Entry(props: {
  href: string;
  icon: IconName;
  text: string;
  count?: string | number | undefined;
  active: boolean;
}) {
  return (
    <li>
      <a href={props.href} aria-current={props.active ? "page" : undefined}>
        <Icon name={props.icon} />
        <span class="grow">{props.text}</span>
        {props.count ? <span class="count">{props.count}</span> : null}
      </a>
    </li>
  );
}

export function Tree() {
  const [first = "", second = ""] = route.value.path;
  const shown = filterTree(filter.value, services.value, instances.value, stateWord);
  const searching = filter.value.trim() !== "";
  const toggle = (id: string) => {
    const next = new Set(closed.value);
    if (!next.delete(id)) next.add(id);
    closed.value = next;
  };
  const updates = updatesAvailable.value;
  return (
    <nav aria-label={t("nav.tree")} onKeyDown={moveFocus}>
      <ul>
        <Entry href="#/" icon="overview" text={t("nav.overview")} count={health.value?.count} active={first === ""} />
        <Entry
          href="#/store"
          icon="store"
          text={t("nav.store")}
          count={updates ? t("nav.updates", { count: updates }) : undefined}
          active={first === "store"}
        />
        <Entry
          href="#/jobs"
          icon="list"
          text={t("nav.jobs")}
          count={runningJobs.value.length}
          active={first === "jobs"}
        />
        <Entry
          href="#/backups"
          icon="backups"
          text={t("nav.backups")}
          active={first === "backups" || first === "restore"}
        />
        <Entry href="#/monitoring" icon="monitoring" text={t("nav.monitoring")} active={first === "monitoring"} />
        <Entry
          href="#/alarms"
          icon="bell"
          text={t("nav.alarms")}
          count={unseen.value.length}
          active={first === "alarms"}
        />
        <Entry href="#/bin" icon="bin" text={t("nav.bin")} count={deleted.value.length} active={first === "bin"} />
        <Entry href="#/crashes" icon="alert" text={t("crash.title")} active={first === "crashes"} />
        <Entry href="#/settings" icon="settings" text={t("nav.settings")} active={first === "settings"} />
      </ul>
      <div class="tree-head">
        <h2>{t("nav.apps")}</h2>
        <a
          href={addressOf.newInstance()}
          class="tree-add"
          data-tip={t("act.newInstance")}
          aria-label={t("act.newInstance")}
        >
          <Icon name="plus" />
        </a>
      </div>
      {services.value.length > 0 && (
        <div class="tree-filter">
          <Icon name="search" />
          <input
            type="search"
            aria-label={t("nav.filter")}
            placeholder={t("nav.filter")}
            value={filter.value}
            onInput={(event) => {
              filter.value = event.currentTarget.value;
            }}
          />
        </div>
      )}
      <ul class="tree">
        {shown.map(({ service, instances: own }) => {
          const open = searching || !closed.value.has(service.id);
          return (
            <li key={service.id}>
              <a
                href={addressOf.service(service.id)}
                aria-current={first === "service" && second === service.id ? "page" : undefined}
                class="tree-service"
                onKeyDown={(event) => {
                  if ((event.key === "ArrowRight" && !open) || (event.key === "ArrowLeft" && open)) toggle(service.id);
                }}
              >
                <AppIcon id={service.id} title={service.title} src={service.icon} />
                <span class="grow ellipsis">{service.title}</span>
                {service.state !== "running" && <StateDot state={service.state} />}
                <span class="count">{size(service.memoryBytes)}</span>
              </a>
              {own.length > 0 && !searching && (
                <button
                  type="button"
                  class="tree-toggle"
                  tabIndex={-1}
                  aria-label={t(open ? "nav.collapse" : "nav.expand", { name: service.title })}
                  aria-expanded={open}
                  onClick={() => toggle(service.id)}
                >
                  <Icon name={open ? "chevronDown" : "chevronRight"} />
                </button>
              )}
              {open && own.length > 0 && (
                <ul>
                  {own.map((instance) => (
                    <li key={instanceKey(instance)}>
                      <a
                        href={addressOf.instance(instance)}
                        class="tree-instance"
                        title={`${instanceKey(instance)}: ${stateWord(shownState(instance))}`}
                        aria-current={first === "instance" && second === instanceKey(instance) ? "page" : undefined}
                      >
                        <StateDot state={shownState(instance)} />
                        <span class="grow ellipsis">{instanceKey(instance)}</span>
                        {instance.sessions > 0 && <span class="count">{number(instance.sessions)}</span>}
                      </a>
                    </li>
                  ))}
                </ul>
              )}
            </li>
          );
        })}
      </ul>
      {searching && shown.length === 0 && <p class="tree-note">{t("nav.nothingFits")}</p>}
      {services.value.length === 0 && (
        <p class="tree-note">
          {t("nav.noApps")} <a href="#/store">{t("nav.openStore")}</a>
        </p>
      )}
      <div class="tree-head">
        <h2>{t("nav.platform")}</h2>
      </div>
      <ul class="tree">
        {(status.value?.processes ?? [])
          .filter((process) => !services.value.some((service) => service.id === process.name))
          .map((process) => (
            <li key={process.name}>
              <a
                href={addressOf.process(process.name)}
                aria-current={first === "platform" && second === process.name ? "page" : undefined}
              >
                <StateDot state={process.state} />
                <span class="grow">{processTitle(process.name)}</span>
                <span class="count">{size(process.memoryBytes)}</span>
              </a>
            </li>
          ))}
      </ul>
    </nav>
  );
}

const kTitles: Record<string, string> = { postgres: "PostgreSQL", webserver: "Webserver", manager: "Manager" };
// "webserver-4711" is one that drains.
export const processTitle = (name: string) =>
  kTitles[name] ?? (name.startsWith("webserver-") ? t("process.oldWebserver") : name);
