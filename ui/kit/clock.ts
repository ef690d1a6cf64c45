// The time, as a signal that moves each ten seconds: whoever shows "3 minutes ago" re-renders by reading it.
import { signal } from "@preact/signals";

export const now = signal(Date.now());
if (typeof document !== "undefined") {
  setInterval(() => {
    if (!document.hidden) now.value = Date.now();
  }, 10_000);
  document.addEventListener("visibilitychange", () => {
    now.value = Date.now();
  });
}
