// What nobody should overlook: that the page is offline, and what lowers the platform's guard for a while.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Icon } from "../kit/icons";
import { setSetting } from "./actions";
import { link } from "./connection";
import { offlineReason, Time } from "./parts";
import { status } from "./platform";
import { t } from "./texts";

export function ConnectionBanner() {
  const state = link.state.value;
  const [, tick] = useState(0);
  const waiting = state.name === "waiting";
  useEffect(() => {
    if (!waiting) return;
    const timer = setInterval(() => tick((n) => n + 1), 500);
    return () => clearInterval(timer);
  }, [waiting]);
  if (state.name === "open" || state.name === "idle") return null;
  return (
    <div class="banner" role="status">
      <Icon name="unplug" />
      <span class="grow">
        {state.name === "waiting"
          ? t("banner.waiting", { seconds: Math.max(0, Math.ceil((state.until - Date.now()) / 1000)) })
          : t("banner.connecting")}
      </span>
      {waiting && (
        <Button small onClick={() => link.retryNow()}>
          {t("banner.retry")}
        </Button>
      )}
    </div>
  );
}

const kModes = {
  developerMode: "banner.developerMode",
  appSecurityOff: "banner.appSecurityOff",
  captureUntil: "banner.capture",
} as const;
/** What switches one off. */
const kOff: Record<string, string> = { captureUntil: "" };

/** One line for each switch that is on, with its end, on every page until it is off. */
export function ModeBanners() {
  const modes = status.value?.modes ?? [];
  return (
    <>
      {modes.map((mode) => (
        <div class="banner" role="status" key={mode.setting} data-mode={mode.setting}>
          <Icon name="shieldOff" />
          <span class="grow">
            {mode.setting in kModes ? t(kModes[mode.setting as keyof typeof kModes]) : mode.setting}{" "}
            {mode.ends ? t("banner.modeEnds") : t("banner.modeStays")} {mode.ends && <Time at={mode.ends} />}
          </span>
          <Button
            small
            onClick={() => setSetting(mode.setting, kOff[mode.setting] ?? "false")}
            disabledReason={offlineReason.value}
          >
            {t("banner.modeOff")}
          </Button>
        </div>
      ))}
    </>
  );
}
