// Says that the page is offline, when it tries again, and lets people try now.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Icon } from "../kit/icons";
import { link } from "./connection";
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
