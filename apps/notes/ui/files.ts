import { signal } from "@preact/signals";
import { showToast } from "../../../ui/kit/components/toast";
import { size } from "../../../ui/kit/i18n";
import { randomUuid } from "../../../ui/kit/login";
import { session } from "./connection";
import type { NoteFile } from "./messages";
import { t } from "./texts";

export interface Upload {
  id: string;
  note: string;
  name: string;
  share: number;
}
export const uploads = signal<readonly Upload[]>([]);

const at = (query: Record<string, string>, tail = "") =>
  `${session.value!.files}${tail}?${Object.entries(query)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&")}`;

export function fileAddress(file: NoteFile): string {
  return session.value ? at({ key: session.value.key }, `/${file.id}`) : "";
}

export const isPicture = (file: NoteFile) => /^image\/(png|jpeg|gif|webp)$/.test(file.type);

export function attach(note: string, files: Iterable<File>): void {
  for (const file of files) upload(note, file, randomUuid());
}

function upload(note: string, file: File, id: string): void {
  const known = session.value;
  if (!known) return;
  if (file.size > known.limits.file) {
    showToast({ tone: "bad", text: t("file.tooLarge", { name: file.name, max: size(known.limits.file) }) });
    return;
  }
  uploads.value = [...uploads.value, { id, note, name: file.name, share: 0 }];
  const done = () => {
    uploads.value = uploads.value.filter((one) => one.id !== id);
  };
  const failed = (why: string) => {
    done();
    showToast({
      tone: "bad",
      text: t("file.failed", { name: file.name, why }),
      // The same id again: if the first attempt did arrive, nothing happens twice.
      action: { label: t("file.again"), run: () => upload(note, file, id) },
    });
  };
  const request = new XMLHttpRequest();
  request.upload.onprogress = (event) => {
    uploads.value = uploads.value.map((one) => (one.id === id ? { ...one, share: event.loaded / event.total } : one));
  };
  request.onload = () => (request.status === 200 ? done() : failed(errorOf(request)));
  request.onerror = () => failed(t("file.lost"));
  request.open("POST", at({ note, id, name: file.name, key: known.key }));
  request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
  request.send(file);
}

function errorOf(request: XMLHttpRequest): string {
  try {
    return String((JSON.parse(request.responseText) as { error?: string }).error ?? request.status);
  } catch {
    return `HTTP ${request.status}`;
  }
}
