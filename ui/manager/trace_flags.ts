// The log flags that mean something for an instance on a platform: bit → name.
// The mask exceeds 32 bits, so it is taken apart by division, not by bit operators.

export const kTraceFlags: readonly (readonly [bit: number, name: string])[] = [
  [0, "App"],
  [1, "Database"],
  [2, "DB files"],
  [3, "DNS"],
  [5, "File"],
  [6, "Files"],
  [7, "HTTP client"],
  [8, "HTTP file"],
  [10, "TLS"],
  [11, "TCP"],
  [12, "LDS"],
  [13, "Webserver traffic"],
  [14, "WebSocket client"],
  [15, "App WebSocket"],
  [16, "WebDAV service"],
  [18, "Config"],
  [19, "Time"],
  [20, "SMTP"],
  [21, "UDP"],
];

export const kUsualFlags = 0x8001;

export const hasFlag = (mask: number, bit: number): boolean => Math.floor(mask / 2 ** bit) % 2 === 1;

/** `mask` with the bit on or off; all other bits stay as they are. */
export function withFlag(mask: number, bit: number, on: boolean): number {
  if (hasFlag(mask, bit) === on) return mask;
  return on ? mask + 2 ** bit : mask - 2 ** bit;
}
