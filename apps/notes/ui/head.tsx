import type { Signal } from "@preact/signals";
import { LanguageRow, ThemeRow } from "../../../ui/kit/components/appearance";
import { Button } from "../../../ui/kit/components/button";
import { appColor } from "../../../ui/kit/components/layout";
import { Menu } from "../../../ui/kit/components/menu";
import { Icon } from "../../../ui/kit/icons";
import { inPortal, people, session, signOut } from "./connection";
import { t, tn } from "./texts";

export function Head({ wanted }: { wanted: Signal<string> }) {
  return (
    <header class="top">
      <span class="brand">
        <img src="notes.svg" width={22} height={22} alt="" />
        <h1>{t("login.title")}</h1>
      </span>
      <label class="search">
        <Icon name="search" />
        <input
          class="input"
          type="search"
          placeholder={t("search")}
          aria-label={t("search")}
          value={wanted.value}
          onInput={(event) => {
            wanted.value = event.currentTarget.value;
          }}
        />
      </label>
      <span class="grow" />
      <People />
      <Menu label={t("menu")} icon="settings">
        <ThemeRow />
        <LanguageRow />
        {!inPortal && <Button onClick={signOut}>{t("signOut")}</Button>}
      </Menu>
    </header>
  );
}

const kShown = 5;

function People() {
  const everybody = people.value;
  // One person with three tabs is one person.
  const names = [...new Set(everybody.map((one) => one.name))];
  return (
    <ul class="people" aria-label={tn("people", names.length)} title={names.join(", ")}>
      {names.slice(0, kShown).map((name) => (
        <li
          key={name}
          style={{ "--app": appColor(name) }}
          class={
            everybody.some((one) => one.name === name && one.session === session.value?.session) ? "mine" : undefined
          }
        >
          <span aria-hidden="true">{initials(name)}</span>
          <span class="visually-hidden">{name}</span>
        </li>
      ))}
      {names.length > kShown && <li class="more">+{names.length - kShown}</li>}
    </ul>
  );
}

export function initials(name: string): string {
  const words = name.split(/[\s,._-]+/).filter(Boolean);
  return ((words[0]?.[0] ?? "?") + (words.length > 1 ? words.at(-1)![0] : (words[0]?.[1] ?? ""))).toUpperCase();
}
