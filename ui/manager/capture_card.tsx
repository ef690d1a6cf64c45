// Packet capture: a switch with an end. As long as it is on, a banner on every page says so.
import { useEffect, useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Segmented, TextInput } from "../kit/components/field";
import { Card } from "../kit/components/layout";
import { fullTime } from "../kit/i18n";
import { commands } from "./commands";
import { ask, attempt, link } from "./connection";
import { Command, offlineReason } from "./parts";
import { status } from "./platform";
import { SecretText } from "./secret";
import { t } from "./texts";

const kTimes = ["30", "120", "1440"] as const;

/** When it ends; undefined: it is off. */
const until = () => status.value?.modes.find((mode) => mode.setting === "captureUntil")?.ends;

const switchOff = () => attempt(() => ask("SetSetting", { name: "captureUntil", value: "" }));

export function CaptureCard() {
  const [from, setFrom] = useState("127.0.0.1");
  const [networkInterface, setInterface] = useState("");
  const [user, setUser] = useState("");
  const [password, setPassword] = useState<string>();
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
      const answer = await ask("StartCapture", { minutes: Number(minutes), from, interfaces: networkInterface });
      setUser(answer.user);
      setPassword(answer.password && link.reveal(answer.password));
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
        {password && (
          <>
            <p>{t("capture.password", { user })}</p>
            <SecretText text={password} />
          </>
        )}
        <Command line={commands.capture(minutes, from, networkInterface)} />
      </div>
    </Card>
  );
}
