import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "./button";

interface DialogProps {
  title: string;
  closeLabel: string;
  onClose(): void;
  children: ComponentChildren;
  footer?: ComponentChildren;
  class?: string;
  onSubmit?: () => unknown;
}

/** A modal dialog over the page: Escape and a click beside it close it, focus stays inside and returns. */
export function Dialog(props: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const dialog = ref.current!;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      if (dialog.open) dialog.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={props.class}
      aria-labelledby={title}
      // Escape closes a dialog natively; the browser does not always ask (`cancel`) before.
      onClose={props.onClose}
      onMouseDown={(event) => {
        if (event.target === ref.current && !inside(event, ref.current!)) props.onClose();
      }}
      onKeyDown={(event) => {
        const field = event.target as HTMLElement;
        if (event.key === "Enter" && field.tagName === "INPUT" && props.onSubmit) {
          event.preventDefault();
          props.onSubmit();
        }
      }}
    >
      <header>
        <h2 id={title}>{props.title}</h2>
        <Button icon="close" kind="quiet" small label={props.closeLabel} onClick={props.onClose} />
      </header>
      <div class="body">{props.children}</div>
      {props.footer && <footer>{props.footer}</footer>}
    </dialog>
  );
}

function inside(event: MouseEvent, element: Element): boolean {
  const box = element.getBoundingClientRect();
  return (
    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom
  );
}
