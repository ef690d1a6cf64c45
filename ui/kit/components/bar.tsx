import type { Tone } from "./state";

/** A share of a whole, 0 to 1. */
export function Bar({ share, tone, label }: { share: number; tone?: Tone; label: string }) {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div
      class={`bar ${tone ? `tone-${tone}` : ""}`}
      role="progressbar"
      aria-label={label}
      aria-valuenow={percent}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <span style={{ width: `${percent}%` }} />
    </div>
  );
}

/** The shape of the last values; the number beside it is what counts. */
export function Sparkline({ values: known }: { values: number[] }) {
  const values = known.length === 1 ? [...known, ...known] : known;
  if (values.length === 0) return <svg class="spark" aria-hidden="true" />;
  const top = Math.max(...values);
  const bottom = Math.min(...values);
  // A tenth of the value is the least that fills the height: noise must not look like a mountain.
  const span = Math.max(top - bottom, top * 0.1, 1);
  const points = values.map(
    (value, i) => [(i / (values.length - 1)) * 100, 30 - ((value - bottom) / span) * 24] as const,
  );
  const line = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join("");
  return (
    <svg class="spark" viewBox="0 0 100 36" preserveAspectRatio="none" aria-hidden="true">
      <path class="area" d={`${line}L100 36L0 36Z`} />
      <path d={line} />
    </svg>
  );
}
