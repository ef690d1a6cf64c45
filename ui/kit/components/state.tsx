// State by dot and word, never by colour alone.
import type { ComponentChildren } from "preact";

export type Tone = "ok" | "warn" | "bad" | "busy" | "idle";

export function Dot({ tone }: { tone: Tone }) {
  return <span class={`dot tone-${tone}`} aria-hidden="true" />;
}

export function Pill({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <span class={`pill tone-${tone}`}>
      <span class="dot" aria-hidden="true" />
      {children}
    </span>
  );
}
