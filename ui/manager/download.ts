// Files that the manager hands out: the browser fetches them itself; it has the disk, the progress and the pause button.

import type { Download } from "./api";

/** The address of a request by HTTP: always in the manager's folder, without the build part of this page's address. */
export function addressInFolder(page: string, request: string): URL {
  const folder = new URL(".", page).pathname.replace(/^(.*\/manager\/).*$/, "$1");
  return new URL(folder + request, page);
}

export function save(address: string, file: string): void {
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.download = file;
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

/** Fetches what the manager has made ready. Its address serves once, so there is nothing to keep. */
export function saveOffered(download: Download | undefined): void {
  if (download) save(addressInFolder(location.href, download.address).href, download.name);
}
