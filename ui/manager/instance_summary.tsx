import { Card, Facts } from "../kit/components/layout";
import { date, number, size } from "../kit/i18n";
import { Icon } from "../kit/icons";
import type { Instance, Service } from "./api";
import { LogView } from "./log_view";
import { addressOf, appAddress, Copyable, pagesOf, Time } from "./parts";
import { instanceKey } from "./platform";
import { t } from "./texts";

export function SummaryTab({ instance, service }: { instance: Instance; service: Service | undefined }) {
  const pages = pagesOf(service);
  const key = instanceKey(instance);
  const own = service?.processes.find((one) => one.instance === key);
  const on = service?.sandbox.filter((one) => one.state === "on").length ?? 0;
  return (
    <div class="grid halves">
      <Card title={t("instance.where")}>
        <Facts
          rows={[
            [t("fact.address"), <Copyable text={`${location.origin}${instance.path}`} />],
            pages.length > 0 && [
              t("fact.pages"),
              <span class="page-links">
                {pages.map((page) => (
                  <a key={page.name} href={appAddress(instance, page.name)} target="_blank" rel="noopener">
                    {page.title || page.name} <Icon name="external" />
                  </a>
                ))}
              </span>,
            ],
            [t("fact.domain"), instance.domain],
            [
              t("fact.service"),
              <a href={addressOf.service(instance.service)}>
                {service ? `${service.title} ${service.label}` : instance.service}
              </a>,
            ],
            instance.createdAt ? [t("fact.created"), date(instance.createdAt)] : undefined,
            service && [t("service.sandbox"), t("service.layers", { on, all: service.sandbox.length })],
            instance.isolated && [
              t("fact.process"),
              own ? t("process.own", { pid: own.pid ?? "–", memory: size(own.memoryBytes) }) : t("process.ownAway"),
            ],
            [t("fact.sessions"), number(instance.sessions)],
          ]}
        />
      </Card>
      <Card title={t("instance.data")} aside={<span>{size(instance.databaseBytes)}</span>}>
        <Facts
          rows={[
            [t("fact.database"), <Copyable text={instance.database} />],
            [t("fact.databaseUser"), <code>{instance.databaseUser}</code>],
            [t("fact.databaseHost"), instance.databaseHost || t("fact.here")],
            [t("fact.lastBackup"), instance.backedUpAt ? <Time at={instance.backedUpAt} /> : t("fact.noBackup")],
            [t("fact.inBackup"), instance.excludeFromBackup ? t("word.no") : t("word.yes")],
          ]}
        />
      </Card>
      <Card
        title={t("tab.log")}
        aside={<a href={addressOf.instance(instance, "log")}>{t("log.openAll")}</a>}
        class="wide"
      >
        <LogView service={instance.service} instance={key} brief />
      </Card>
    </div>
  );
}
