// The login digest and what follows from the session key (AppWebsocket protocol, password login).
import { rc4 } from "./rc4";
import { sha256Hex } from "./sha256";

export interface LoginNames {
  app: string;
  domain: string;
  sip: string;
  guid: string;
  dn: string;
  /** Exactly the JSON text that is sent; absent: neither text nor colon. */
  info?: string;
}

/** 32 zeros: the guid of a password login, where no user object stands behind it. */
export const kNoGuid = "0".repeat(32);

/** The `digest` of `AppLogin`: proves `password` for one `challenge`. */
export function loginDigest(names: LoginNames, challenge: string, password: string): string {
  const parts = [names.app, names.domain, names.sip, names.guid, names.dn];
  if (names.info !== undefined) parts.push(names.info);
  return sha256Hex([...parts, challenge, password].join(":"));
}

export function sessionKey(challenge: string, password: string): string {
  return sha256Hex(`innovaphoneAppSessionKey:${challenge}:${password}`);
}

const toHex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Hides `plain` with a seed that is sent beside it; hex. */
export function encrypt(key: string, seed: string, plain: string): string {
  const encoder = new TextEncoder();
  return toHex(rc4(encoder.encode(`${seed}:${key}`), encoder.encode(plain)));
}

export function decrypt(key: string, seed: string, hidden: string): string {
  return new TextDecoder().decode(rc4(new TextEncoder().encode(`${seed}:${key}`), fromHex(hidden)));
}

/** Hex of `bytes` random bytes. Works on http pages too, unlike crypto.randomUUID. */
export function randomHex(bytes: number): string {
  return toHex(crypto.getRandomValues(new Uint8Array(bytes)));
}

/** A random UUID, version 4 (RFC 9562 section 5.4). */
export function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
