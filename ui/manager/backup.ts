// Backup and restore go by HTTP, beside the socket, authorised by a key that lives as long as the session.

import type { BackupItem, Instance } from "./api";
import { ask, link } from "./connection";
import { addressInFolder, save } from "./download";

export function keyedAddress(page: string, name: "backup" | "restore", query: Record<string, string>): string {
  const url = addressInFolder(page, name);
  url.search = Object.entries(query)
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
    .join("&");
  return url.href;
}

let known: { session: object; key: string } | undefined;

/** One key a connection is enough. */
async function httpKey(): Promise<string> {
  const session = link.session;
  if (known?.session !== session) known = { session, key: (await ask("RequestHttpKey", {})).key };
  return known.key;
}

export async function downloadBackup(instance: Instance): Promise<void> {
  const { name, domain } = instance;
  await download({ appName: name, appDomain: domain }, `${domain}_${name}.dump`);
}

/** One database out of a backup set, as an ordinary dump. */
export async function downloadFromSet(set: string, { name, domain }: BackupItem): Promise<void> {
  if (name || domain) await download({ set, appName: name, appDomain: domain }, `${domain}_${name}.dump`);
  else await download({ set, manager: "true" }, "manager.dump");
}

async function download(query: Record<string, string>, file: string): Promise<void> {
  save(keyedAddress(location.href, "backup", { key: await httpKey(), ...query }), file);
}

export interface Upload {
  /** Resolves with the id of the restore's job once the file has arrived and was accepted. */
  done: Promise<string | undefined>;
  cancel(): void;
}

/** Sends a backup file. Without `target` the instance named in the file comes back. */
export async function uploadRestore(
  file: File,
  target: { name: string; domain: string } | undefined,
  onProgress: (sentBytes: number, totalBytes: number) => void,
): Promise<Upload> {
  const address = keyedAddress(location.href, "restore", {
    key: await httpKey(),
    ...(target
      ? { src: `restore-instance-${target.name}`, appName: target.name, appDomain: target.domain }
      : { src: "restore-instance" }),
  });
  // fetch cannot tell how much of an upload has left; XMLHttpRequest can.
  const request = new XMLHttpRequest();
  const done = new Promise<string | undefined>((resolve, reject) => {
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onload = () => {
      const answer = parse(request.responseText);
      if (request.status === 200 || request.status === 202) resolve(idOf(answer["job"]));
      else reject(new Error(String(answer["error"] ?? `HTTP ${request.status}`)));
    };
    request.onerror = () => reject(new Error("error.connection"));
    request.onabort = () => resolve(undefined);
  });
  request.open("POST", address);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file);
  return { done, cancel: () => request.abort() };
}

function idOf(job: unknown): string | undefined {
  if (typeof job === "string") return job;
  return (job as { id?: string } | undefined)?.id;
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return text ? { error: text } : {}; // the webserver itself answers in plain words
  }
}
