// What domains and instances used: a table that can be sorted, filtered and taken along.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Checkbox, Segmented, TextInput } from "../kit/components/field";
import { Empty } from "../kit/components/layout";
import { number, short, size } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { formatRoute, route, setQuery } from "../kit/route";
import type { UsageRow } from "./api";
import { commands } from "./commands";
import { DomainLimits } from "./domain_limits";
import { Command } from "./parts";
import { t } from "./texts";
import { formatCsv, kPeriods, type Period, periodDays, type UsageColumn, usageKey, usageSort } from "./usage";
import { useAnswer } from "./use_answer";

const periodOf = (name: string | null): Period =>
  name !== null && (kPeriods as readonly string[]).includes(name) ? (name as Period) : "thisMonth";

export function UsageTab() {
  const { query } = route.value;
  const period = periodOf(query.get("period"));
  const byInstance = query.get("rows") === "instances";
  const byDay = query.get("days") === "1";
  const [filter, setFilter] = useState("");
  const [order, setOrder] = useState<{ by: UsageColumn; down: boolean }>({ by: "whose", down: false });
  const { from, to } = periodDays(period, new Date());
  const { value, error } = useAnswer("GetUsage", { from, ...(to ? { to } : {}), byDay, byInstance });
  const wanted = filter.trim().toLowerCase();
  const rows = usageSort(
    (value?.rows ?? []).filter((row) => usageKey(row).toLowerCase().includes(wanted)),
    order.by,
    order.down,
  );
  const download = () => {
    const url = URL.createObjectURL(new Blob([formatCsv(rows)], { type: "text/csv;charset=utf-8" }));
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = `usage-${value?.from ?? from}-${value?.to ?? ""}.csv`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return (
    <>
      <div class="chart-tools usage-tools">
        <Segmented
          label={t("usage.period")}
          value={period}
          choices={kPeriods.map((name) => [name, t(`usage.${name}`)])}
          onChange={(name) => setQuery({ period: name === "thisMonth" ? undefined : name })}
        />
        <Segmented
          label={t("usage.grouping")}
          value={byInstance ? "instances" : "domains"}
          choices={[
            ["domains", t("usage.byDomain")],
            ["instances", t("usage.byInstance")],
          ]}
          onChange={(rowsOf) => setQuery({ rows: rowsOf === "instances" ? rowsOf : undefined })}
        />
        <Checkbox checked={byDay} onChange={(on) => setQuery({ days: on ? "1" : undefined })}>
          {t("usage.byDay")}
        </Checkbox>
        <Button icon="download" onClick={download} disabledReason={rows.length === 0 && t("usage.none")}>
          {t("usage.download")}
        </Button>
      </div>
      <div class="usage-filter">
        <TextInput label={t("usage.filter")} value={filter} onInput={setFilter} />
      </div>
      {error && <p class="error-text">{error}</p>}
      {!value && !error && <div class="card skeleton" />}
      {value && value.rows.length === 0 && (
        <Empty icon="monitoring" title={t("usage.none")}>
          {t("usage.noneWhy", { days: value.keptDays })}
        </Empty>
      )}
      {value && value.rows.length > 0 && rows.length === 0 && <p class="muted">{t("usage.noMatch")}</p>}
      {rows.length > 0 && <UsageTable rows={rows} order={order} onOrder={setOrder} withDay={byDay} />}
      {value && (
        <p class="muted small">{t("usage.span", { from: value.from, to: value.to, zone: value.timeZone || "UTC" })}</p>
      )}
      <Command line={commands.usage(from, to, byDay, byInstance)} />
      <DomainLimits
        domain={query.get("limits") ?? undefined}
        onChoose={(domain) => setQuery({ limits: domain || undefined })}
      />
    </>
  );
}

interface Order {
  by: UsageColumn;
  down: boolean;
}

function Head(props: { column: UsageColumn; num?: boolean; order: Order; onOrder(order: Order): void }) {
  const { column, num, order, onOrder } = props;
  const isBy = order.by === column;
  return (
    <th class={num ? "num" : undefined} aria-sort={isBy ? (order.down ? "descending" : "ascending") : undefined}>
      <button
        type="button"
        class="sort"
        onClick={() => onOrder({ by: column, down: isBy ? !order.down : num === true })}
      >
        {t(`usage.${column}`)}
        {isBy && <Icon name={order.down ? "chevronDown" : "arrowUp"} />}
      </button>
    </th>
  );
}

const kNumbers: [UsageColumn, (row: UsageRow) => string][] = [
  ["cpu", (row) => t("usage.seconds", { value: short(row.cpuSeconds) })],
  ["memory", (row) => t("usage.gibHours", { value: short(row.memoryGibHours) })],
  ["database", (row) => size(row.databaseBytes)],
  ["requests", (row) => number(row.requests)],
  ["websockets", (row) => t("usage.minutes", { value: short(row.websocketMinutes) })],
  ["messages", (row) => number(row.messagesIn + row.messagesOut)],
  ["in", (row) => size(row.bytesIn)],
  ["out", (row) => size(row.bytesOut)],
  ["databaseTime", (row) => t("usage.seconds", { value: short(row.databaseSeconds) })],
  ["slowed", (row) => number(row.slowed + row.refused)],
];

/** This page with the limits of a domain below the table. */
const limitsAddress = (domain: string) =>
  formatRoute(route.value.path, { ...Object.fromEntries(route.value.query), limits: domain });

function UsageTable(props: { rows: readonly UsageRow[]; order: Order; onOrder(order: Order): void; withDay: boolean }) {
  const { rows, order, onOrder, withDay } = props;
  return (
    <div class="table-scroll">
      <table class="usage">
        <thead>
          <tr>
            {withDay && <Head column="day" order={order} onOrder={onOrder} />}
            <Head column="whose" order={order} onOrder={onOrder} />
            {kNumbers.map(([column]) => (
              <Head key={column} column={column} num order={order} onOrder={onOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.day} ${usageKey(row)}`}>
              {withDay && <td class="nowrap">{row.day}</td>}
              <td class="nowrap">
                {row.name ? (
                  <a href={`#/instance/${encodeURI(usageKey(row))}`}>{usageKey(row)}</a>
                ) : (
                  <a href={limitsAddress(row.domain)} data-tip={t("limits.domainTitle")}>
                    {row.domain}
                  </a>
                )}
              </td>
              {kNumbers.map(([column, format]) => (
                <td key={column} class="num nowrap">
                  {format(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
