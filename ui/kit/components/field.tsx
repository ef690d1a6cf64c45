import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "../icons";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  error?: string | undefined;
  children: (ids: { id: string; "aria-describedby": string; "aria-invalid": boolean }) => ComponentChildren;
}

/** A label, a control, what it means and what is wrong with it – tied together for screen readers. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": `${id}-hint ${id}-error`, "aria-invalid": Boolean(error) })}
      {hint && (
        <div class="hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
      <div id={`${id}-error`} aria-live="polite" class={error ? "error" : undefined}>
        {error && <Icon name="error" />}
        {error}
      </div>
    </div>
  );
}

interface TextInputProps {
  label: string;
  value: string;
  onInput(value: string): void;
  hint?: ComponentChildren;
  error?: string | undefined;
  type?: "text" | "password";
  placeholder?: string;
  mono?: boolean;
  autofocus?: boolean;
  autocomplete?: string;
  name?: string;
  list?: string;
}

export function TextInput(props: TextInputProps) {
  // Spelled out for the types of JSX, which tell apart what each input type may have.
  const kind = props.list
    ? ({ type: "text", list: props.list } as const)
    : props.type === "password"
      ? ({ type: "password" } as const)
      : ({ type: "text" } as const);
  return (
    <Field label={props.label} hint={props.hint} error={props.error}>
      {(ids) => (
        <input
          {...ids}
          class={props.mono ? "input mono" : "input"}
          {...kind}
          name={props.name}
          value={props.value}
          placeholder={props.placeholder}
          autocomplete={props.autocomplete ?? "off"}
          autocapitalize="off"
          spellcheck={false}
          ref={props.autofocus ? focusOnce : null}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

const focused = new WeakSet<HTMLElement>();
export function focusOnce(element: HTMLElement | null): void {
  if (!element || focused.has(element)) return;
  focused.add(element);
  requestAnimationFrame(() => element.focus());
}

export function Checkbox(props: { checked: boolean; onChange(checked: boolean): void; children: ComponentChildren }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={props.checked}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      <span>{props.children}</span>
    </label>
  );
}

export function Segmented<T extends string>(props: {
  label: string;
  value: T;
  choices: [T, ComponentChildren][];
  onChange(value: T): void;
}) {
  return (
    <fieldset class="segmented-field">
      <legend class="visually-hidden">{props.label}</legend>
      <span class="segmented">
        {props.choices.map(([value, text]) => (
          <button key={value} type="button" aria-pressed={value === props.value} onClick={() => props.onChange(value)}>
            {text}
          </button>
        ))}
      </span>
    </fieldset>
  );
}
