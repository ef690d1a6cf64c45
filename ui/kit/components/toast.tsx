// Short words about what happened, with an undo where there is one.
import { signal } from "@preact/signals";
import { Icon } from "../icons";
import { Button } from "./button";
import type { Tone } from "./state";

interface Toast {
  id: number;
  tone: Tone;
  text: string;
  action?: { label: string; run(): unknown };
}

const toasts = signal<Toast[]>([]);
let nextId = 1;

const dismiss = (id: number) => {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
};

/** Failures stay until dismissed; all else goes after `seconds`. */
export function showToast(toast: Omit<Toast, "id">, seconds = toast.action ? 12 : 5): void {
  const id = nextId++;
  toasts.value = [...toasts.value.filter((other) => other.text !== toast.text), { ...toast, id }].slice(-4);
  if (toast.tone !== "bad") setTimeout(() => dismiss(id), seconds * 1000);
}

export function Toasts({ closeLabel }: { closeLabel: string }) {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast tone-${toast.tone}`}>
          <Icon name={toast.tone === "bad" ? "error" : toast.tone === "warn" ? "alert" : "ok"} />
          <p>{toast.text}</p>
          {toast.action && (
            <Button
              small
              onClick={() => {
                dismiss(toast.id);
                return toast.action?.run();
              }}
            >
              {toast.action.label}
            </Button>
          )}
          <Button icon="close" kind="quiet" small label={closeLabel} onClick={() => dismiss(toast.id)} />
        </div>
      ))}
    </div>
  );
}
