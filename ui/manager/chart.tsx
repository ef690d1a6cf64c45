// One chart: lines or a stack over time, with a crosshair that all charts of the page share.
import { signal } from "@preact/signals";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Card } from "../kit/components/layout";
import { dayAndMonth, fullTime, timeOfDay, timeWithSeconds } from "../kit/i18n";
import { areaPath, isEmpty, type Line, linePath, type Mark, stack, ticks, timeTicks } from "./curves";
import { markText } from "./monitor";
import { t } from "./texts";

/** The moment that all charts point at (milliseconds); undefined: none. */
export const crosshair = signal<number | undefined>(undefined);

export interface ChartProps {
  title: string;
  lines: readonly Line[];
  from: number;
  /** Both in milliseconds. */
  step: number;
  steps: number;
  format(value: number): string;
  stacked?: boolean;
  /** A line that is better not reached, and what it is. */
  threshold?: { value: number; name: string } | undefined;
  /** The axis reaches at least so far. */
  least?: number;
  marks: readonly Mark[];
  hint?: string;
}

const kHeight = 150;
const kTop = 8;
const kFoot = 20;
const kLeft = 54;
const kRight = 8;

function useWidth() {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(480);
  useEffect(() => {
    const element = place.current!;
    const watch = new ResizeObserver(() => setWidth(Math.max(200, element.clientWidth)));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  return { place, width };
}

export function Chart(props: ChartProps) {
  const { lines, from, step, steps, format, marks, threshold } = props;
  const { place, width } = useWidth();
  const readout = useId();
  const to = from + step * steps;
  const layers = props.stacked ? stack(lines) : undefined;
  const highest = Math.max(
    0,
    ...(layers ? layers.flatMap(({ high }) => high) : lines.flatMap((line) => line.values)).map((value) => value ?? 0),
  );
  // A threshold is shown when the curve comes near it, and does not press it flat before.
  const limit = threshold && highest > threshold.value / 4 ? threshold : undefined;
  const marksOfAxis = ticks(Math.max(highest * 1.05, limit?.value ?? 0, props.least ?? 0));
  const top = marksOfAxis.at(-1)!;
  const x = (i: number) => kLeft + ((i + 0.5) / steps) * (width - kLeft - kRight);
  const atTime = (at: number) => kLeft + ((at - from) / (to - from)) * (width - kLeft - kRight);
  const y = (value: number) => kTop + (1 - value / top) * (kHeight - kTop - kFoot);
  const pointed = crosshair.value;
  const at = pointed === undefined ? undefined : Math.floor((pointed - from) / step);
  const index = at !== undefined && at >= 0 && at < steps ? at : undefined;
  const near = index === undefined ? [] : marks.filter((mark) => Math.abs(atTime(mark.at) - x(index)) < 5);
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const share = (event.clientX - box.left - kLeft) / (box.width - kLeft - kRight);
    crosshair.value = share >= 0 && share <= 1 ? from + share * (to - from) : undefined;
  };
  const move = (event: KeyboardEvent) => {
    const now = index ?? steps - 1;
    const jump = event.shiftKey ? 10 : 1;
    const wanted = { ArrowLeft: now - jump, ArrowRight: now + jump, Home: 0, End: steps - 1 }[event.key];
    if (event.key === "Escape") crosshair.value = undefined;
    if (wanted === undefined) return;
    event.preventDefault();
    crosshair.value = from + (Math.max(0, Math.min(steps - 1, wanted)) + 0.5) * step;
  };
  const isLong = to - from > 36 * 3_600_000;
  const moment = (ms: number) => {
    const iso = new Date(ms).toISOString();
    return isLong ? `${dayAndMonth(iso)} ${timeOfDay(iso)}` : step < 60_000 ? timeWithSeconds(iso) : timeOfDay(iso);
  };
  const lastKnown = (line: Line) => line.values.findLast((value) => value !== undefined);
  return (
    <Card
      title={props.title}
      aside={<span>{index === undefined ? t("monitor.now") : moment(from + index * step)}</span>}
    >
      <ul class="legend" id={readout}>
        {lines.map((line) => {
          const value = index === undefined ? lastKnown(line) : line.values[index];
          return (
            <li key={line.name}>
              <span class={`swatch series-${line.color}`} aria-hidden="true" />
              <span class="ellipsis muted">{line.name}</span> <b>{value === undefined ? "–" : format(value)}</b>
            </li>
          );
        })}
        {limit && (
          <li>
            <span class="swatch threshold" aria-hidden="true" />
            <span class="muted">{limit.name}</span> <b>{format(limit.value)}</b>
          </li>
        )}
      </ul>
      <div
        class="chart"
        ref={place}
        // Values by keyboard: arrows move the crosshair, the legend reads what is there.
        role="slider"
        tabIndex={0}
        aria-label={t("monitor.chart", { title: props.title })}
        aria-describedby={readout}
        aria-valuemin={0}
        aria-valuemax={steps - 1}
        aria-valuenow={index ?? steps - 1}
        aria-valuetext={[
          fullTime(new Date(from + (index ?? steps - 1) * step).toISOString()),
          ...lines.map((line) => {
            const value = index === undefined ? lastKnown(line) : line.values[index];
            return `${line.name} ${value === undefined ? "–" : format(value)}`;
          }),
          ...near.map(markText),
        ].join(", ")}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => {
          crosshair.value = undefined;
        }}
        onBlur={() => {
          crosshair.value = undefined;
        }}
        onKeyDown={move}
      >
        <svg width={width} height={kHeight} viewBox={`0 0 ${width} ${kHeight}`} aria-hidden="true">
          {marksOfAxis.map((value) => (
            <g key={value}>
              <line class="grid-line" x1={kLeft} x2={width - kRight} y1={y(value)} y2={y(value)} />
              <text x={kLeft - 6} y={y(value) + 3.5} text-anchor="end">
                {format(value)}
              </text>
            </g>
          ))}
          {timeTicks(from, to, Math.max(2, Math.floor(width / 90))).map((one) => {
            const iso = new Date(one).toISOString();
            const isDay = new Date(one).getHours() === 0 && new Date(one).getMinutes() === 0;
            return (
              <text key={one} x={atTime(one)} y={kHeight - 5} text-anchor="middle">
                {isLong && isDay ? dayAndMonth(iso) : timeOfDay(iso)}
              </text>
            );
          })}
          {lines.map((line, i) =>
            layers ? (
              <g key={line.name} class={`series-${line.color}`}>
                <path class="area" d={areaPath(layers[i]!.low, layers[i]!.high, x, y)} />
                <path class="line" d={linePath(layers[i]!.high, x, y)} />
              </g>
            ) : (
              <g key={line.name} class={`series-${line.color}`}>
                {lines.length === 1 && (
                  <path
                    class="area"
                    d={areaPath(
                      line.values.map((value) => value && 0),
                      line.values,
                      x,
                      y,
                    )}
                  />
                )}
                <path class="line" d={linePath(line.values, x, y)} />
              </g>
            ),
          )}
          {limit && <line class="threshold" x1={kLeft} x2={width - kRight} y1={y(limit.value)} y2={y(limit.value)} />}
          {marks
            .filter((mark) => mark.at >= from && mark.at < to)
            .map((mark) => (
              <g key={`${mark.kind}${mark.at}`} class={`mark mark-${mark.kind}`}>
                <line x1={atTime(mark.at)} x2={atTime(mark.at)} y1={kTop} y2={kHeight - kFoot} />
                <circle cx={atTime(mark.at)} cy={kTop} r={3} />
              </g>
            ))}
          {index !== undefined && (
            <line class="crosshair" x1={x(index)} x2={x(index)} y1={kTop - 4} y2={kHeight - kFoot} />
          )}
        </svg>
        {isEmpty(lines) && <p class="chart-empty muted">{t("monitor.empty")}</p>}
      </div>
      {near.length > 0 && <p class="chart-note small">{near.map(markText).join(" · ")}</p>}
      {props.hint && near.length === 0 && <p class="chart-note small muted">{props.hint}</p>}
    </Card>
  );
}
