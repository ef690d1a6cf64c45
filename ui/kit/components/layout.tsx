import { type ComponentChildren, Fragment } from "preact";
import { useState } from "preact/hooks";
import { Icon, type IconName } from "../icons";

export function Card(props: {
  title?: ComponentChildren;
  aside?: ComponentChildren;
  children: ComponentChildren;
  footer?: ComponentChildren;
  class?: string;
}) {
  return (
    <section class={`card ${props.class ?? ""}`}>
      {props.title && (
        <header>
          <h2>{props.title}</h2>
          {props.aside}
        </header>
      )}
      {props.children}
      {props.footer && <footer>{props.footer}</footer>}
    </section>
  );
}

export function Facts({ rows }: { rows: ([string, ComponentChildren] | false | undefined)[] }) {
  return (
    <dl class="facts">
      {rows
        .filter((row) => row !== false && row !== undefined)
        .map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
    </dl>
  );
}

/** What will be here, why it matters, what to do. */
export function Empty(props: {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
  action?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <Icon name={props.icon} />
      <h3>{props.title}</h3>
      {props.children && <p>{props.children}</p>}
      {props.action}
    </div>
  );
}

export function Crumbs({ items }: { items: [string, string?][] }) {
  return (
    <nav aria-label="Breadcrumb">
      <ol class="crumbs">
        {items.map(([text, address]) => (
          <li key={text}>{address ? <a href={address}>{text}</a> : <span aria-current="page">{text}</span>}</li>
        ))}
      </ol>
    </nav>
  );
}

/** A square with the app's icon, or with two letters on a colour of its own while there is none. */
export function AppIcon({
  id,
  title,
  src,
  large,
}: {
  id: string;
  title: string;
  src?: string | undefined;
  large?: boolean;
}) {
  const [missing, setMissing] = useState(false);
  const letters = title.slice(0, 1).toUpperCase() + title.slice(1, 2).toLowerCase();
  return (
    <span class={large ? "app-icon large" : "app-icon"} style={{ "--app": appColor(id) }} aria-hidden="true">
      {src && !missing ? <img src={src} alt="" onError={() => setMissing(true)} /> : letters}
    </span>
  );
}

const kAppColors = [
  "#5b6472",
  "#9a3fb5",
  "#2563eb",
  "#b4531a",
  "#0f8a6b",
  "#7a6a16",
  "#b8326f",
  "#1f6f8b",
  "#6d4fd8",
  "#0f7f95",
  "#3f7d20",
  "#8a4b2a",
];

/** A colour of its own for each app and person, the same everywhere and every time. */
export function appColor(id: string): string {
  let hash = 7;
  for (const letter of id) hash = Math.imul(hash ^ letter.charCodeAt(0), 31) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
  hash ^= hash >>> 12;
  return kAppColors[(hash >>> 16) % kAppColors.length]!;
}
