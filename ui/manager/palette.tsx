// Ctrl/Cmd-K: every page, service, instance and act by a few letters.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "../kit/icons";
import { go } from "../kit/route";
import { theme } from "../kit/settings";
import { installApp, restartInstance, restartService, startInstance, stopInstance } from "./actions";
import { signOut } from "./connection";
import { addressOf } from "./parts";
import { deleted, instanceKey, instances, services, status } from "./platform";
import { storeList } from "./store";
import { t } from "./texts";
import { processTitle } from "./tree";

const isOpen = signal(false);
export const openPalette = () => {
  isOpen.value = true;
};

export interface Entry {
  text: string;
  hint: string;
  icon: IconName;
  run(): unknown;
}

/** How well `text` fits the letters of `wanted`; undefined if they don't occur in this order. Lower is better:
 * whole words beat beginnings of words beat letters somewhere. */
export function rank(text: string, wanted: string): number | undefined {
  const lower = text.toLowerCase();
  const query = wanted.toLowerCase().trim();
  if (!query) return 0;
  const at = lower.indexOf(query);
  if (at === 0) return 0;
  if (at > 0) return /[\s@._-]/.test(lower[at - 1]!) ? 1 : 2;
  const words = query.split(/\s+/);
  if (words.length > 1 && words.every((word) => lower.includes(word))) return 3;
  let from = 0;
  let gaps = 0;
  for (const letter of query.replace(/\s/g, "")) {
    const found = lower.indexOf(letter, from);
    if (found < 0) return undefined;
    gaps += found - from;
    from = found + 1;
  }
  return 4 + gaps / 10;
}

export function findEntries(entries: readonly Entry[], wanted: string): Entry[] {
  return entries
    .map((entry) => ({ entry, rank: rank(entry.text, wanted) }))
    .filter((one): one is { entry: Entry; rank: number } => one.rank !== undefined)
    .sort((a, b) => a.rank - b.rank)
    .map((one) => one.entry)
    .slice(0, 40);
}

function allEntries(): Entry[] {
  const page = (text: string, address: string, icon: IconName): Entry => ({
    text,
    hint: t("palette.page"),
    icon,
    run: () => go(address),
  });
  return [
    page(t("nav.overview"), "#/", "overview"),
    page(t("nav.store"), "#/store", "store"),
    page(t("act.newInstance"), addressOf.newInstance(), "plus"),
    page(t("nav.jobs"), "#/jobs", "list"),
    page(t("nav.backups"), "#/backups", "backups"),
    page(t("backups.policies"), addressOf.backups("policies"), "backups"),
    page(t("backups.targets"), addressOf.backups("targets"), "backups"),
    page(t("backups.timemachine"), addressOf.backups("timemachine"), "history"),
    page(t("restore.title"), addressOf.restore(), "undo"),
    page(t("whole.title"), addressOf.restorePlatform(), "undo"),
    page(t("rename.title"), addressOf.rename(), "list"),
    page(t("nav.bin"), "#/bin", "bin"),
    page(t("nav.settings"), "#/settings", "settings"),
    page(t("settings.certificate"), "#/settings/certificate", "shield"),
    page(t("settings.password"), "#/settings/password", "key"),
    ...instances.value.map((one) => ({
      ...page(instanceKey(one), addressOf.instance(one), "boxes"),
      hint: t("palette.instance"),
    })),
    ...services.value.map((one) => ({
      ...page(one.title, addressOf.service(one.id), "store"),
      hint: t("palette.service"),
    })),
    ...deleted.value.map((one) => ({ ...page(instanceKey(one), addressOf.instance(one), "bin"), hint: t("nav.bin") })),
    ...(status.value?.processes ?? []).map((one) => ({
      ...page(processTitle(one.name), addressOf.process(one.name), "log"),
      hint: t("nav.platform"),
    })),
    ...instances.value.flatMap((one): Entry[] => {
      const key = instanceKey(one);
      const up = one.state === "running";
      const act = (text: string, icon: IconName, run: () => unknown): Entry => ({
        text: `${text} ${key}`,
        hint: t("palette.act"),
        icon,
        run,
      });
      return [
        page(`${t("tab.log")} ${key}`, addressOf.instance(one, "log"), "log"),
        page(`${t("data.backup")} ${key}`, addressOf.instance(one, "data"), "download"),
        page(`${t("tab.access")} ${key}`, addressOf.instance(one, "access"), "key"),
        ...(up
          ? [
              act(t("act.restart"), "restart", () => restartInstance(one)),
              act(t("act.stop"), "stop", () => stopInstance(one)),
            ]
          : [act(t("act.start"), "play", () => startInstance(one))]),
      ];
    }),
    ...services.value.map((one) => ({
      text: `${t("act.restart")} ${one.title}`,
      hint: t("palette.act"),
      icon: "restart" as const,
      run: () => restartService(one),
    })),
    ...(storeList.value?.apps ?? [])
      .filter((app) => !app.state.installed || app.state.updateAvailable)
      .map((app) => ({
        text: `${t(app.state.installed ? "act.update" : "act.install")} ${app.title}`,
        hint: t("nav.store"),
        icon: "download" as const,
        run: () => {
          go(addressOf.store(app.id));
          return installApp(app.id);
        },
      })),
    {
      text: t("palette.theme"),
      hint: t("palette.look"),
      icon: "moon",
      run: () => {
        theme.value = document.documentElement.dataset["theme"] === "dark" ? "light" : "dark";
      },
    },
    { text: t("nav.signOut"), hint: t("palette.act"), icon: "lock", run: signOut },
  ];
}

export function Palette() {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        isOpen.value = !isOpen.value;
      }
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return isOpen.value ? <PaletteDialog /> : null;
}

function PaletteDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [wanted, setWanted] = useState("");
  const [at, setAt] = useState(0);
  const found = useMemo(() => findEntries(allEntries(), wanted), [wanted]);
  const close = () => {
    isOpen.value = false;
  };
  const run = (entry: Entry | undefined) => {
    if (!entry) return;
    close();
    entry.run();
  };
  useEffect(() => {
    const element = dialog.current!;
    const before = document.activeElement;
    element.showModal();
    return () => {
      if (element.open) element.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  useEffect(() => {
    dialog.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [at, wanted]);
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label={t("nav.search")}
      // The event comes after the dialog has gone, when the next one may be open already.
      onClose={(event) => event.currentTarget.isConnected && close()}
      onMouseDown={(event) => event.target === dialog.current && close()}
    >
      <div class="palette-input">
        <Icon name="search" />
        <input
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={`palette-${at}`}
          aria-label={t("nav.search")}
          placeholder={t("nav.search")}
          autocomplete="off"
          spellcheck={false}
          value={wanted}
          onInput={(event) => {
            setWanted(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={(event) => {
            const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
            if (step) {
              event.preventDefault();
              setAt((at + step + found.length) % Math.max(1, found.length));
            } else if (event.key === "Enter") {
              event.preventDefault();
              run(found[at]);
            }
          }}
        />
        <kbd>Esc</kbd>
      </div>
      <ul id="palette-list" role="listbox" aria-label={t("nav.search")}>
        {found.map((entry, i) => (
          <li
            key={`${entry.text} ${entry.hint}`}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === at}
            onMouseMove={() => setAt(i)}
            onClick={() => run(entry)}
          >
            <Icon name={entry.icon} />
            <span class="grow ellipsis">{entry.text}</span>
            <span class="muted small nowrap">{entry.hint}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="palette-none muted">{t("palette.nothing")}</p>}
    </dialog>
  );
}
