import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "../icons";

/** A button that opens a box below it; Escape (the focus goes back to the button) and a click elsewhere close it. */
export function Menu(props: {
  label: string;
  /** What the button shows: an icon, or the letters of an avatar. */
  icon?: IconName;
  letters?: string;
  children: ComponentChildren;
}) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const onPress = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener("mousedown", onPress);
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("mousedown", onPress);
      document.removeEventListener("keydown", onKey);
    };
  }, [open]);
  return (
    <div class="menu-place" ref={box}>
      <button
        type="button"
        ref={button}
        class={props.icon ? "button quiet icon-only" : "avatar"}
        aria-expanded={open}
        aria-controls={id}
        aria-label={props.label}
        data-tip={open ? undefined : props.label}
        onClick={() => setOpen(!open)}
      >
        {props.icon ? <Icon name={props.icon} /> : props.letters}
      </button>
      {open && (
        <div class="menu" id={id}>
          {props.children}
        </div>
      )}
    </div>
  );
}
