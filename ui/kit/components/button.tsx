import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Icon, type IconName } from "../icons";

interface ButtonProps {
  children?: ComponentChildren;
  icon?: IconName;
  /** What the button says to a screen reader and on hover when it shows an icon only. */
  label?: string;
  kind?: "normal" | "primary" | "quiet";
  danger?: boolean;
  small?: boolean;
  type?: "button" | "submit";
  /** Why it cannot be used now. The button stays focusable and tells the reason. */
  disabledReason?: string | false | undefined;
  class?: string;
  pressed?: boolean;
  /** While the promise runs the button cannot be pressed again. */
  onClick?: (event: MouseEvent) => unknown;
}

export function Button(props: ButtonProps) {
  const [busy, setBusy] = useState(false);
  const reason = props.disabledReason || undefined;
  const iconOnly = props.icon && !props.children;
  const press = async (event: MouseEvent) => {
    if (reason || busy) {
      event.preventDefault();
      return;
    }
    const work = props.onClick?.(event);
    if (!(work instanceof Promise)) return;
    setBusy(true);
    try {
      await work;
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type={props.type ?? "button"}
      class={[
        "button",
        props.kind,
        props.danger && "danger",
        props.small && "small",
        iconOnly && "icon-only",
        props.class,
      ]
        .filter(Boolean)
        .join(" ")}
      aria-disabled={Boolean(reason) || busy || undefined}
      aria-label={iconOnly ? (reason ? `${props.label}: ${reason}` : props.label) : undefined}
      aria-pressed={props.pressed}
      data-tip={reason ?? (iconOnly ? props.label : undefined)}
      onClick={press}
    >
      {props.icon && <Icon name={props.icon} />}
      {props.children}
    </button>
  );
}
