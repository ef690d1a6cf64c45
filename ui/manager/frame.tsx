// What is always there: top bar, tree, banner, foot.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { DensityRow, LanguageRow, ThemeRow } from "../kit/components/appearance";
import { Button } from "../kit/components/button";
import { Menu } from "../kit/components/menu";
import { Pill } from "../kit/components/state";
import { Icon } from "../kit/icons";
import { route } from "../kit/route";
import { AlarmBell } from "./alarms_page";
import { ConnectionBanner, ModeBanners } from "./banner";
import { signOut } from "./connection";
import { Foot } from "./foot";
import { openPalette } from "./palette";
import { offlineReason } from "./parts";
import { health, status } from "./platform";
import { t, tn } from "./texts";
import { Tree } from "./tree";

export function Frame({ children }: { children: ComponentChildren }) {
  const [drawer, setDrawer] = useState(false);
  const main = useRef<HTMLElement>(null);
  const path = route.value.path.join("/");
  useEffect(() => {
    setDrawer(false);
    main.current?.scrollTo(0, 0);
  }, [path]);
  return (
    <div class="frame" data-drawer={drawer || undefined}>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {t("nav.skip")}
      </a>
      <header class="top">
        <Button
          class="drawer-button"
          icon="menu"
          kind="quiet"
          label={t("nav.menu")}
          pressed={drawer}
          onClick={() => setDrawer(!drawer)}
        />
        <a class="brand" href="#/">
          <img src="logo.svg" width={18} height={18} alt="" />
          <strong>Berth</strong>
          <span class="muted host">{status.value?.dns || location.hostname}</span>
        </a>
        <HealthPill />
        <span class="grow" />
        <button type="button" class="search-button" onClick={() => openPalette()}>
          <Icon name="search" />
          <span>{t("nav.search")}</span>
          <kbd>Ctrl K</kbd>
        </button>
        <AlarmBell />
        <Account />
      </header>
      <aside class="side">
        <Tree />
      </aside>
      <button type="button" class="drawer-veil" aria-label={t("act.close")} onClick={() => setDrawer(false)} />
      <main id="main" ref={main} tabIndex={-1}>
        <ConnectionBanner />
        <ModeBanners />
        <div class="page">{children}</div>
      </main>
      <Foot />
    </div>
  );
}

function HealthPill() {
  const now = health.value;
  if (!now) return null;
  // What was known before the loss is no word about now.
  if (offlineReason.value) return <Pill tone="warn">{t("health.offline")}</Pill>;
  const down = now.failedInstances.length + now.failedServices.length + now.failedProcesses.length;
  if (status.value?.state === "starting") return <Pill tone="busy">{t("health.starting")}</Pill>;
  if (now.count === 0) return <Pill tone="ok">{t("health.well")}</Pill>;
  return (
    <a href="#/" class="health-pill">
      <Pill tone={down ? "bad" : "warn"}>{tn("health.todo", now.count)}</Pill>
    </a>
  );
}

function Account() {
  return (
    <Menu label={t("nav.account")} letters="A">
      <div>
        <strong>Admin</strong>
        <div class="muted small">{t("nav.owner")}</div>
      </div>
      <ThemeRow />
      <DensityRow />
      <LanguageRow />
      <Button onClick={signOut}>{t("nav.signOut")}</Button>
    </Menu>
  );
}
