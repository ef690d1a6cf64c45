// A page's own question to the manager: asked once the connection is open, and again when what it is about changes.
import { useEffect, useState } from "preact/hooks";
import type { Requests } from "./api";
import { ask, asSentence, link, type Members } from "./connection";

export interface Answer<T> {
  value: T | undefined;
  /** Why there is none, in the platform's words. */
  error: string | undefined;
  again(): void;
}

/** `version`: whatever makes the last answer old. `wanted` false: not asked. */
export function useAnswer<K extends keyof Requests>(
  mt: K,
  members: Members<K>,
  version = "",
  wanted = true,
): Answer<Requests[K]["answer"]> {
  const [value, setValue] = useState<Requests[K]["answer"]>();
  const [error, setError] = useState<string>();
  const [turn, setTurn] = useState(0);
  const open = link.state.value.name === "open";
  const question = JSON.stringify(members);
  useEffect(() => {
    if (!open || !wanted) return;
    let current = true;
    ask(mt, members).then(
      (answer) => {
        if (!current) return;
        setValue(answer);
        setError(undefined);
      },
      (reason) => {
        if (!current) return;
        setValue(undefined);
        setError(asSentence(reason instanceof Error ? reason.message : String(reason)));
      },
    );
    return () => {
      current = false;
    };
  }, [open, wanted, question, version, turn]);
  return { value, error, again: () => setTurn((before) => before + 1) };
}
