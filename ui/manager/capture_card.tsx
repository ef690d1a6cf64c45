// Packet capture: a switch with an end, and a banner on every page as long as it is on.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Segmented, TextInput } from "../kit/components/field";
import { Card } from "../kit/components/layout";
import { fullTime } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { commands } from "./commands";
import { ask, attempt, link } from "./connection";
import { Command, offlineReason } from "./parts";
import { status } from "./platform";
import { t } from "./texts";

const kTimes = ["30", "120", "1440"] as const;

/** When it ends, as the platform's findings tell; undefined: it is off. */
const until = () => status.value?.checks.find((check) => check.id === "capture-on")?.values[0];

const switchOff = () => attempt(() => ask("SetSetting", { name: "captureUntil", value: "" }));

export function CaptureBanner() {
  const end = until();
  if (end === undefined) return null;
  return (
    <div class="banner" role="status">
      <Icon name="alert" />
      <span class="grow">{t("capture.active", { until: fullTime(end) })}</span>
      <Button small onClick={switchOff} disabledReason={offlineReason.value}>
        {t("capture.end")}
      </Button>
    </div>
  );
}

export function CaptureCard() {
  const [from, setFrom] = useState("127.0.0.1");
  const [networkInterface, setInterface] = useState("");
  const [minutes, setMinutes] = useState<string>(kTimes[0]);
  const open = link.state.value.name === "open";
  useEffect(() => {
    if (!open) return;
    void attempt(async () => {
      const { settings } = await ask("GetSettings", {});
      const settingOf = (name: string) => settings.find((one) => one.name === name)?.value ?? "";
      setFrom(settingOf("captureFrom"));
      setInterface(settingOf("captureInterface"));
    });
  }, [open]);
  const end = until();
  const offline = offlineReason.value;
  const begin = () =>
    attempt(async () => {
      await ask("SetSetting", { name: "captureFrom", value: from });
      await ask("SetSetting", { name: "captureInterface", value: networkInterface });
      const moment = new Date(Date.now() + Number(minutes) * 60_000).toISOString().replace(/\.\d+/, "");
      await ask("SetSetting", { name: "captureUntil", value: moment });
    });
  return (
    <Card title={t("capture.title")}>
      <div class="form">
        <p class="muted">{end === undefined ? t("capture.lead") : t("capture.active", { until: fullTime(end) })}</p>
        <TextInput label={t("capture.from")} value={from} onInput={setFrom} />
        <TextInput label={t("capture.interface")} value={networkInterface} onInput={setInterface} />
        <div class="log-tools">
          <Segmented
            label={t("capture.minutes")}
            value={minutes}
            choices={kTimes.map((time) => [time, t(`traceTime.${time}`)])}
            onChange={setMinutes}
          />
          <Button kind="primary" onClick={begin} disabledReason={offline}>
            {t("capture.begin")}
          </Button>
          <Button onClick={switchOff} disabledReason={offline ?? (end === undefined && t("capture.notActive"))}>
            {t("capture.end")}
          </Button>
        </div>
        <Command line={commands.capture(minutes, from)} />
      </div>
    </Card>
  );
}
