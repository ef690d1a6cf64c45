// Alarms that are set, what has been, and who is told.
import { useId, useState } from "preact/hooks";
import { now } from "../kit/clock";
import { Button } from "../kit/components/button";
import { TextInput } from "../kit/components/field";
import { Card, Empty } from "../kit/components/layout";
import { Menu } from "../kit/components/menu";
import { Pill, type Tone } from "../kit/components/state";
import { showToast } from "../kit/components/toast";
import { ago, duration, fullTime, number } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { acknowledge, alarms, isSilent, refreshAlarms, silence, unseen } from "./alarms";
import type { Alarm, AlarmChannel, AlarmSeverity } from "./api";
import { commands } from "./commands";
import { ask, asSentence } from "./connection";
import { subjectAddress } from "./monitor";
import { PageHead } from "./page_head";
import { Command, offlineReason, Time } from "./parts";
import { services, status } from "./platform";
import { alarmText } from "./platform_texts";
import { Tabs } from "./tabs";
import { t, tn } from "./texts";
import { useAnswer } from "./use_answer";

const kTones: Record<AlarmSeverity, Tone> = { critical: "bad", major: "bad", indeterminate: "warn" };

export function AlarmsPage({ tab }: { tab: string | undefined }) {
  const known = alarms.value;
  return (
    <>
      <PageHead title={t("nav.alarms")} lead={t("alarms.lead")} />
      <Tabs
        items={[
          [t("alarms.set"), "#/alarms", tab === undefined],
          [t("alarms.history"), "#/alarms/history", tab === "history"],
          [t("alarms.channels"), "#/alarms/channels", tab === "channels"],
        ]}
      />
      {tab === undefined && (known ? <SetTab list={known.alarms} channels={known.channels} /> : <Waiting />)}
      {tab === "history" && <HistoryTab />}
      {tab === "channels" && (known ? <ChannelsTab channels={known.channels} /> : <Waiting />)}
    </>
  );
}

const Waiting = () => <div class="card skeleton" />;

function SetTab({ list, channels }: { list: Alarm[]; channels: AlarmChannel[] }) {
  return (
    <>
      {channels.length === 0 && (
        <section class="notice tone-warn">
          <Icon name="alert" class="lead" />
          <div>
            <p>
              <strong>{t("alarms.nobody")}</strong> <span class="muted">{t("alarms.nobodyWhy")}</span>
            </p>
          </div>
          <a class="button" href="#/alarms/channels">
            {t("act.setUp")}
          </a>
        </section>
      )}
      <Card>
        {list.length === 0 ? (
          <Empty icon="ok" title={t("empty.alarms")}>
            {t("empty.alarmsWhy")}
          </Empty>
        ) : (
          <ul class="alarms">
            {list.map((alarm) => (
              <AlarmRow key={alarm.id} alarm={alarm} />
            ))}
          </ul>
        )}
      </Card>
      <Command line={commands.alarms()} />
    </>
  );
}

/** Where the matter of an alarm can be looked at. */
function addressOfSource(source: string): string | undefined {
  if (source.includes("@")) return subjectAddress(`instance/${source}`);
  return services.value.some((service) => service.id === source) ? subjectAddress(`service/${source}`) : undefined;
}

function AlarmRow({ alarm }: { alarm: Alarm }) {
  const [open, setOpen] = useState(false);
  const more = useId();
  const silent = isSilent(alarm);
  const checks = status.value?.checks ?? [];
  const [text, details, fix] = (["text", "details", "fix"] as const).map((part) => alarmText(alarm, part, checks));
  const address = addressOfSource(alarm.source);
  const isOver = alarm.event || alarm.clearedAt !== undefined;
  return (
    <li class={`tone-${isOver ? "idle" : kTones[alarm.severity]}`}>
      <div class="alarm-head">
        <button
          type="button"
          class="check-head"
          aria-expanded={open}
          aria-controls={more}
          onClick={() => setOpen(!open)}
        >
          <Icon name={isOver ? "history" : "alert"} class="lead" />
          <span class="check-text">
            <strong>{text}</strong>
            <span class="tag">{t(`severity.${alarm.severity}`)}</span>
            {alarm.acknowledgedAt && <span class="tag">{t("alarms.seenBy", { name: alarm.acknowledgedBy })}</span>}
            {silent && (
              <span class="tag">
                {t("alarms.silentFor", { time: duration((Date.parse(alarm.silencedUntil!) - now.value) / 1000) })}
              </span>
            )}
            <span class="muted small">
              {alarm.source === "platform" ? t("monitor.platform") : alarm.source} · {when(alarm)}
              {alarm.count > 1 && ` · ${t("alarms.times", { count: number(alarm.count) })}`}
            </span>
          </span>
          <Icon name={open ? "chevronDown" : "chevronRight"} class="muted" />
        </button>
        {!isOver && (
          <span class="alarm-acts">
            {!alarm.acknowledgedAt && (
              <Button small onClick={() => acknowledge(alarm)} disabledReason={offlineReason.value}>
                {t("act.acknowledge")}
              </Button>
            )}
            {silent ? (
              <Button small onClick={() => silence(alarm, 0)} disabledReason={offlineReason.value}>
                {t("act.unsilence")}
              </Button>
            ) : (
              <SilenceMenu alarm={alarm} />
            )}
          </span>
        )}
      </div>
      {open && (
        <div class="check-more" id={more}>
          {details && <p class="muted break pre">{details}</p>}
          {fix && <p>{fix}</p>}
          {alarm.command && <Command line={alarm.command} />}
          <p class="muted small">
            {t("alarms.code", { code: `0x${alarm.code.toString(16).padStart(8, "0")}`, id: alarm.id })} ·{" "}
            {fullTime(alarm.raisedAt)}
          </p>
          {address && (
            <div class="check-acts">
              <a class="button small" href={address}>
                {t("act.see")}
              </a>
            </div>
          )}
        </div>
      )}
    </li>
  );
}

function when(alarm: Alarm): string {
  if (alarm.event) return t("alarms.event", { time: ago(alarm.raisedAt, now.value) });
  if (!alarm.clearedAt) return t("alarms.since", { time: ago(alarm.raisedAt, now.value) });
  const lasted = (Date.parse(alarm.clearedAt) - Date.parse(alarm.raisedAt)) / 1000;
  return t("alarms.lasted", { time: ago(alarm.clearedAt, now.value), lasted: duration(lasted) });
}

const kSilences = [30, 60, 8 * 60, 24 * 60, 7 * 24 * 60] as const;

function SilenceMenu({ alarm }: { alarm: Alarm }) {
  return (
    <Menu icon="bellOff" label={t("act.silence")}>
      <p class="muted small">{t("alarms.silenceWhat")}</p>
      {kSilences.map((minutes) => (
        <Button key={minutes} small onClick={() => silence(alarm, minutes)} disabledReason={offlineReason.value}>
          {t("alarms.silenceFor", { time: duration(minutes * 60) })}
        </Button>
      ))}
    </Menu>
  );
}

function HistoryTab() {
  // What ends or comes changes the list of those that are set.
  const version = JSON.stringify(alarms.value?.alarms.map((one) => [one.id, one.count]));
  const { value, error } = useAnswer("GetAlarms", { history: 200 }, version);
  if (error) return <p class="error-text">{error}</p>;
  if (!value) return <Waiting />;
  return (
    <>
      <Card title={t("alarms.history")} aside={<span>{tn("alarms.newest", value.history.length)}</span>}>
        {value.history.length === 0 ? (
          <Empty icon="history" title={t("empty.alarmHistory")}>
            {t("empty.alarmHistoryWhy")}
          </Empty>
        ) : (
          <ul class="alarms">
            {value.history.map((alarm) => (
              <AlarmRow key={alarm.id} alarm={alarm} />
            ))}
          </ul>
        )}
      </Card>
      <Command line={commands.alarmHistory()} />
    </>
  );
}

function channelName(name: string): string {
  if (name === "events") return t("channel.events");
  if (name === "mail") return t("channel.mail");
  return name.replace(/^webhook/, "Webhook");
}

function ChannelsTab({ channels }: { channels: AlarmChannel[] }) {
  const [said, setSaid] = useState<{ ok: boolean; text: string }>();
  const [to, setTo] = useState("");
  const tell = async (work: () => Promise<string>) => {
    try {
      setSaid({ ok: true, text: await work() });
    } catch (error) {
      setSaid({ ok: false, text: asSentence(error instanceof Error ? error.message : String(error)) });
    }
    await refreshAlarms();
  };
  const none = channels.length === 0 && t("reason.noChannels");
  const hasMail = channels.some((channel) => channel.name === "mail");
  return (
    <>
      <Card
        title={t("alarms.channels")}
        aside={<a href="#/settings">{t("alarms.toSettings")}</a>}
        footer={
          <Button
            kind={channels.length ? "primary" : "normal"}
            disabledReason={offlineReason.value ?? none}
            onClick={() =>
              tell(async () => {
                const names = (await ask("TestAlarm", {})).channels.map(channelName).join(", ");
                showToast({ tone: "ok", text: t("alarms.testSent", { names }) });
                return t("alarms.testSent", { names });
              })
            }
          >
            {t("act.testAlarm")}
          </Button>
        }
      >
        {channels.length === 0 ? (
          <Empty icon="bell" title={t("alarms.nobody")}>
            {t("empty.channelsWhy")}
          </Empty>
        ) : (
          <div class="table-scroll">
            <table>
              <thead>
                <tr>
                  <th>{t("column.channel")}</th>
                  <th>{t("column.state")}</th>
                  <th class="num">{t("column.waiting")}</th>
                  <th>{t("column.delivered")}</th>
                </tr>
              </thead>
              <tbody>
                {channels.map((channel) => (
                  <tr key={channel.name}>
                    <td>{channelName(channel.name)}</td>
                    <td>
                      <Pill tone={channel.error ? "bad" : channel.deliveredAt ? "ok" : "idle"}>
                        {channel.error
                          ? t("channel.failing")
                          : channel.deliveredAt
                            ? t("channel.works")
                            : t("channel.unused")}
                      </Pill>
                      {channel.error && <div class="small error-text break">{channel.error}</div>}
                    </td>
                    <td class="num">{number(channel.waiting)}</td>
                    <td class="muted nowrap">
                      <Time at={channel.deliveredAt} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Card>
      <Card
        title={t("alarms.mailTest")}
        footer={
          <Button
            disabledReason={offlineReason.value ?? (!hasMail && to.trim() === "" && t("reason.noMail"))}
            onClick={() =>
              tell(async () => {
                const answer = await ask("TestMail", to.trim() ? { to: to.trim() } : {});
                return t("alarms.mailTaken", { names: answer.recipients.join(", ") });
              })
            }
          >
            {t("act.testMail")}
          </Button>
        }
      >
        <div class="form">
          <TextInput
            label={t("alarms.mailTo")}
            value={to}
            onInput={setTo}
            hint={t("alarms.mailToHint")}
            placeholder="me@example.com"
          />
        </div>
      </Card>
      <div role="status">
        {said && (
          <section class={`notice tone-${said.ok ? "ok" : "bad"}`}>
            <Icon name={said.ok ? "ok" : "error"} class="lead" />
            <div>
              <p class="break">{said.text}</p>
            </div>
          </section>
        )}
      </div>
      <Command line={commands.testAlarm()} />
    </>
  );
}

/** In the top bar: how many alarms nobody has seen. */
export function AlarmBell() {
  const waiting = unseen.value;
  const worst = waiting.some((one) => one.severity !== "indeterminate") ? "bad" : "warn";
  const label = waiting.length ? tn("alarms.unseen", waiting.length) : t("alarms.none");
  return (
    <a
      class={`button quiet icon-only bell${waiting.length ? ` tone-${worst}` : ""}`}
      href="#/alarms"
      aria-label={label}
      data-tip={label}
    >
      <Icon name="bell" />
      {waiting.length > 0 && <span class="bell-count">{waiting.length > 99 ? "99+" : waiting.length}</span>}
    </a>
  );
}
