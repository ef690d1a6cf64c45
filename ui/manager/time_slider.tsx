// Any second of the kept window: drag for about, keys and buttons for exactly.
import { Button } from "../kit/components/button";
import { Field } from "../kit/components/field";
import { ago, dayAndMonth, fullTime } from "../kit/i18n";
import { fromLocalText, nearest, type Range, toLocalText } from "./moments";
import { t } from "./texts";

const kSteps: [seconds: number, text: string][] = [
  [-3600, "−1 h"],
  [-60, "−1 min"],
  [-1, "−1 s"],
  [1, "+1 s"],
  [60, "+1 min"],
  [3600, "+1 h"],
];

export function TimeSlider(props: { ranges: readonly Range[]; at: number; now: number; onChange(at: number): void }) {
  const { ranges, at } = props;
  const first = ranges[0]!.from;
  const last = ranges[ranges.length - 1]!.to;
  const whole = Math.max(1, last - first);
  const share = (moment: number) => ((moment - first) / whole) * 100;
  const set = (wanted: number) => {
    const reachable = nearest(wanted, ranges);
    if (reachable !== undefined) props.onChange(reachable);
  };
  const days: number[] = [];
  for (let day = new Date(first).setHours(24, 0, 0, 0); day < last && days.length < 92; ) {
    days.push(day);
    day = new Date(day).setHours(24, 0, 0, 0);
  }
  // As many dates as can be read on a small screen.
  const every = Math.ceil(days.length / 7);
  return (
    <div class="time-slider">
      <div class="time-track">
        <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
          <rect class="hole" x="0" y="2" width="100" height="4" />
          {ranges.map((range) => (
            <rect
              key={range.from}
              class="reachable"
              x={share(range.from)}
              y="2"
              width={Math.max(0.4, share(range.to) - share(range.from))}
              height="4"
            />
          ))}
          {days.map((day) => (
            <line key={day} x1={share(day)} x2={share(day)} y1="0" y2="8" />
          ))}
        </svg>
        <input
          type="range"
          aria-label={t("moment.slider")}
          aria-valuetext={fullTime(new Date(at).toISOString())}
          min={0}
          max={Math.floor(whole / 1000)}
          step={1}
          value={Math.floor((at - first) / 1000)}
          onInput={(event) => set(first + Number(event.currentTarget.value) * 1000)}
        />
      </div>
      <div class="time-days small muted" aria-hidden="true">
        {days
          .filter((_, i) => i % every === 0)
          .map((day) => (
            <span key={day} style={{ left: `${Math.min(97, Math.max(3, share(day)))}%` }}>
              {dayAndMonth(new Date(day).toISOString())}
            </span>
          ))}
      </div>
      <Field
        label={t("moment.at")}
        hint={`${fullTime(new Date(at).toISOString())} · ${ago(new Date(at).toISOString(), props.now)}`}
      >
        {(ids) => (
          <div class="inline-fields">
            <input
              {...ids}
              type="datetime-local"
              class="input moment"
              step={1}
              min={toLocalText(first)}
              max={toLocalText(last)}
              value={toLocalText(at)}
              onChange={(event) => {
                const wanted = fromLocalText(event.currentTarget.value);
                if (wanted !== undefined) set(wanted);
              }}
            />
            <span class="acts">
              {kSteps.map(([seconds, text]) => (
                <Button key={seconds} small onClick={() => set(at + seconds * 1000)}>
                  {text}
                </Button>
              ))}
            </span>
          </div>
        )}
      </Field>
    </div>
  );
}
