// Beside a log: what is traced into it, switched for a while and off again by itself.
import { useState } from "preact/hooks";
import { Button } from "../kit/components/button";
import { Checkbox, Segmented } from "../kit/components/field";
import { fullTime } from "../kit/i18n";
import type { Instance } from "./api";
import { commands } from "./commands";
import { ask, attempt } from "./connection";
import { Command, offlineReason } from "./parts";
import { instanceKey } from "./platform";
import { t } from "./texts";
import { hasFlag, kTraceFlags, withFlag } from "./trace_flags";

const kTimes = ["30", "120", "1440"] as const;

export function TraceSwitch({ instance }: { instance: Instance }) {
  const key = instanceKey(instance);
  const active = instance.trace;
  const [flags, setFlags] = useState(active?.flags ?? instance.logFlags);
  const [minutes, setMinutes] = useState<string>(kTimes[0]);
  const offline = offlineReason.value;
  const begin = () => attempt(() => ask("SetTrace", { target: key, flags, minutes: Number(minutes) }));
  const end = () => attempt(() => ask("SetTrace", { target: key }));
  return (
    <details class="trace-switch" open={active !== undefined}>
      <summary>{active ? t("trace.active", { until: fullTime(active.until) }) : t("trace.more")}</summary>
      <p class="muted">{t("trace.why")}</p>
      <div class="flags">
        {kTraceFlags.map(([bit, text]) => (
          <Checkbox key={bit} checked={hasFlag(flags, bit)} onChange={(on) => setFlags(withFlag(flags, bit, on))}>
            {text}
          </Checkbox>
        ))}
      </div>
      <div class="log-tools">
        <Segmented
          label={t("trace.time")}
          value={minutes}
          choices={kTimes.map((time) => [time, t(`traceTime.${time}`)])}
          onChange={setMinutes}
        />
        <Button kind="primary" onClick={begin} disabledReason={offline}>
          {t("trace.begin")}
        </Button>
        <Button onClick={end} disabledReason={offline ?? (active === undefined && t("trace.notActive"))}>
          {t("trace.end")}
        </Button>
      </div>
      <Command line={commands.trace(key, flags, Number(minutes))} />
    </details>
  );
}
