// Waiting for something outside this process: by asking again, with a deadline, never by a plain sleep.

export const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Asks until `probe` gives something else than undefined, null or false. Throws after `ms` with the last error. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  ms = 20_000,
  every = 50,
): Promise<T> {
  const end = Date.now() + ms;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== null && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) {
      const why = last instanceof Error ? `: ${last.message}` : "";
      throw new Error(`waited ${ms} ms in vain for ${what}${why}`);
    }
    await delay(every);
  }
}

/** Fails with `what` if `promise` is not settled after `ms`. */
export async function within<T>(what: string, ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
