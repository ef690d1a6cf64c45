// The tail of a log: follows until one scrolls up, filters by text, regular expression and severity.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { ConnectionLost } from "../kit/appwebsocket";
import { Button } from "../kit/components/button";
import { Segmented } from "../kit/components/field";
import { Icon } from "../kit/icons";
import { route, setQuery } from "../kit/route";
import type { GetLogResult } from "./api";
import { commands } from "./commands";
import { ask, link } from "./connection";
import { appendLines, levelOf, makeFilter } from "./log_lines";
import { Command } from "./parts";
import { t, tn } from "./texts";

function useLog(service: string, instance: string | undefined, count: number) {
  const [lines, setLines] = useState<string[]>();
  const [error, setError] = useState<string>();
  const open = link.state.value.name === "open";
  useEffect(() => {
    if (!open) return;
    let src: string | undefined;
    let current = true;
    link
      .subscribe<GetLogResult>(
        "GetLog",
        { service, lines: count, follow: true, ...(instance ? { instance } : {}) },
        (message) => {
          if (current && Array.isArray(message["lines"]))
            setLines((before) => appendLines(before ?? [], message["lines"] as string[]));
        },
      )
      .then(
        ({ src: mine, answer }) => {
          src = mine;
          if (!current) return stop(mine);
          setLines((before) => [...answer.lines, ...(before ?? [])]);
          setError(undefined);
        },
        (reason: unknown) => {
          if (current && !(reason instanceof ConnectionLost)) setError(String((reason as Error).message));
        },
      );
    return () => {
      current = false;
      setLines(undefined);
      if (src) stop(src);
    };
  }, [service, instance, count, open]);
  return { lines, error };
}

function stop(src: string): void {
  link.forget(src);
  ask("StopLog", { follow: src }).catch(() => undefined); // the connection went: so did the stream
}

/** `brief`: a few lines without tools, for summaries. */
export function LogView(props: { service: string; instance?: string; brief?: boolean }) {
  const { lines, error } = useLog(props.service, props.instance, props.brief ? 12 : 500);
  if (props.brief)
    return (
      <LogLines
        lines={(lines ?? []).slice(-12)}
        loading={lines === undefined && !error}
        error={error}
        wrap={false}
        brief
      />
    );
  return <FullLog {...props} lines={lines} error={error} />;
}

function FullLog(props: {
  service: string;
  instance?: string;
  lines: string[] | undefined;
  error: string | undefined;
}) {
  const query = route.value.query;
  const text = query.get("q") ?? "";
  const regex = query.get("regex") === "1";
  const level = (query.get("level") ?? "") as "" | "warning" | "error";
  const wrap = query.get("wrap") === "1";
  const [held, setHeld] = useState<string[]>();
  const filter = useMemo(() => makeFilter({ text, regex, level }), [text, regex, level]);
  const source = held ?? props.lines ?? [];
  const shown = useMemo(() => source.filter(filter.test), [source, filter]);
  const waiting = held && props.lines ? Math.max(0, props.lines.length - held.length) : 0;

  const download = () => {
    const url = URL.createObjectURL(new Blob([`${shown.join("\n")}\n`], { type: "text/plain" }));
    const anchor = document.createElement("a");
    anchor.href = url;
    anchor.download = `${props.instance ?? props.service}.log`;
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };

  return (
    <section class="log">
      <div class="log-tools">
        <span class="log-search">
          <Icon name="search" />
          <input
            class="input"
            type="search"
            value={text}
            aria-label={t("log.filter")}
            placeholder={t(regex ? "log.regex" : "log.filter")}
            aria-invalid={filter.error !== undefined}
            onInput={(event) => setQuery({ q: event.currentTarget.value })}
          />
          <button
            type="button"
            class="regex"
            aria-pressed={regex}
            aria-label={t("log.regexToggle")}
            data-tip={t("log.regexToggle")}
            onClick={() => setQuery({ regex: regex ? undefined : "1" })}
          >
            .*
          </button>
        </span>
        <Segmented
          label={t("log.level")}
          value={level}
          choices={[
            ["", t("log.all")],
            ["warning", t("log.warnings")],
            ["error", t("log.errors")],
          ]}
          onChange={(value) => setQuery({ level: value })}
        />
        <span class="grow" />
        <Button
          icon={held ? "play" : "pause"}
          pressed={held !== undefined}
          onClick={() => setHeld(held ? undefined : (props.lines ?? []))}
        >
          {held ? (waiting ? tn("log.waiting", waiting) : t("log.follow")) : t("log.pause")}
        </Button>
        <Button
          icon="wrap"
          label={t("log.wrap")}
          pressed={wrap}
          onClick={() => setQuery({ wrap: wrap ? undefined : "1" })}
        />
        <Button
          icon="download"
          label={t("log.download")}
          onClick={download}
          disabledReason={shown.length === 0 && t("log.nothing")}
        />
      </div>
      {filter.error && <p class="small tone-bad error-text">{t("log.badRegex", { error: filter.error })}</p>}
      <LogLines
        lines={shown}
        loading={props.lines === undefined && !props.error}
        error={props.error}
        wrap={wrap}
        paused={held !== undefined}
        onLeaveEnd={() => setHeld((before) => before ?? props.lines ?? [])}
        onReachEnd={() => setHeld(undefined)}
        filtered={source.length > 0}
      />
      <Command line={commands.log(props.service)} />
    </section>
  );
}

function LogLines(props: {
  lines: readonly string[];
  loading: boolean;
  error: string | undefined;
  wrap: boolean;
  brief?: boolean;
  paused?: boolean;
  filtered?: boolean;
  onLeaveEnd?: () => void;
  onReachEnd?: () => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  useLayoutEffect(() => {
    const element = box.current;
    if (element && !props.paused) element.scrollTop = element.scrollHeight;
  }, [props.lines, props.paused]);
  const onScroll = () => {
    // A scroll event may arrive after the page has gone.
    const element = box.current;
    if (!element) return;
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
    if (atEnd === following.current) return;
    following.current = atEnd;
    if (atEnd) props.onReachEnd?.();
    else props.onLeaveEnd?.();
  };
  return (
    <div
      ref={box}
      class={`log-lines ${props.wrap ? "wrap" : ""} ${props.brief ? "brief" : ""}`}
      onScroll={onScroll}
      tabIndex={0}
      role="log"
      aria-live="off"
      aria-label={t("tab.log")}
    >
      {props.lines.map((line, i) => {
        const level = levelOf(line);
        return (
          <div key={i} class={level === "error" ? "tone-bad" : level === "warning" ? "tone-warn" : undefined}>
            {line}
          </div>
        );
      })}
      {props.lines.length === 0 && (
        <p class="muted">
          {props.error ?? t(props.loading ? "log.loading" : props.filtered ? "log.noneFits" : "log.empty")}
        </p>
      )}
    </div>
  );
}
