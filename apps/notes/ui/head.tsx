import type { Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../../../ui/kit/components/button";
import { Segmented } from "../../../ui/kit/components/field";
import { appColor } from "../../../ui/kit/components/layout";
import { Icon } from "../../../ui/kit/icons";
import { language, theme } from "../../../ui/kit/settings";
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
      <Menu />
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

function Menu() {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const leave = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !box.current?.contains(event.target as Node))
        setOpen(false);
    };
    document.addEventListener("mousedown", leave);
    document.addEventListener("keydown", leave);
    return () => {
      document.removeEventListener("mousedown", leave);
      document.removeEventListener("keydown", leave);
    };
  }, [open]);
  return (
    <div class="account" ref={box}>
      <Button icon="settings" kind="quiet" label={t("menu")} onClick={() => setOpen(!open)} pressed={open} />
      {open && (
        <div class="menu">
          <div class="row">
            <span>{t("look.theme")}</span>
            <Segmented
              label={t("look.theme")}
              value={theme.value}
              choices={[
                ["system", t("look.system")],
                ["light", t("look.light")],
                ["dark", t("look.dark")],
              ]}
              onChange={(value) => {
                theme.value = value;
              }}
            />
          </div>
          <div class="row">
            <span>{t("look.language")}</span>
            <Segmented
              label={t("look.language")}
              value={language.value}
              choices={[
                ["en", "English"],
                ["de", "Deutsch"],
              ]}
              onChange={(value) => {
                language.value = value;
              }}
            />
          </div>
          {!inPortal && <Button onClick={signOut}>{t("signOut")}</Button>}
        </div>
      )}
    </div>
  );
}
