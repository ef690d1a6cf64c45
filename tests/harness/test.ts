// What each test file starts from: one platform for its tests, its console shown when one fails.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Options, Platform } from "./platform";

export { assert, test };

/** A platform started before the file's first test and stopped after its last; a bad end fails the file. */
export function with_platform(options: Options = {}, prepare?: (platform: Platform) => Promise<void>): () => Platform {
  let platform: Platform | undefined;
  before(async () => {
    platform = await Platform.start(options);
    if (prepare) await prepare(platform);
  });
  after(async () => {
    if (platform === undefined) return;
    try {
      await platform.stop();
    } finally {
      await platform.destroy();
    }
  });
  return () => {
    if (platform === undefined) throw new Error("the platform did not start");
    return platform;
  };
}

/** A test that starts its own platform; it is stopped cleanly at the end, or killed if the test fails. */
export function platform_test(
  name: string,
  options: Options & { skip?: string | false; prepare?: (platform: Platform) => Promise<void> },
  body: (platform: Platform) => Promise<void>,
): void {
  const { skip, prepare, ...rest } = options;
  test(name, { skip: skip ?? false }, async () => {
    const platform = await Platform.start(rest);
    try {
      if (prepare) await prepare(platform);
      await body(platform);
      await platform.stop();
    } catch (error) {
      console.error(`--- console of the platform\n${platform.console().slice(-6000)}\n---`);
      throw error;
    } finally {
      await platform.destroy();
    }
  });
}
