// permessage-deflate (RFC 7692) as a client does it, on zlib: what the tests of compression talk with. Without context
// takeover, as the webserver asks for.
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { type FrameOptions, type Message, RawWebsocket, frame, kBinary, kContinuation, kText } from "./frames";

export const kTail = Buffer.from("0000ffff", "hex");

/** The payload of a compressed message (section 7.2.1). */
export function compress(data: Buffer | string): Buffer {
  const made = deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH });
  if (!made.subarray(-4).equals(kTail)) throw new Error("zlib does not end in an empty block");
  return made.length > 4 ? made.subarray(0, -4) : Buffer.from([0]);
}

/** The message of a compressed payload (section 7.2.2), read with a window of 2^`window_bits` bytes. */
export const decompress = (payload: Buffer, window_bits = 15): Buffer =>
  inflateRawSync(Buffer.concat([payload, kTail]), { finishFlush: constants.Z_SYNC_FLUSH, windowBits: window_bits });

/** A compressed message in one frame, or in fragments of `size` bytes: RSV1 on the first only (section 6.1). */
export function compressed(is_text: boolean, data: Buffer | string, size = 0): Buffer[] {
  const payload = compress(data);
  const step = size || payload.length;
  const frames: Buffer[] = [];
  for (let at = 0; at < payload.length; at += step) {
    const options: FrameOptions = { fin: at + step >= payload.length, rsv: at === 0 ? 4 : 0 };
    frames.push(frame(at > 0 ? kContinuation : is_text ? kText : kBinary, payload.subarray(at, at + step), options));
  }
  return frames;
}

/** The next message, decompressed if it came so; `was_compressed` tells. Checks where RSV1 may stand. */
export async function message(socket: RawWebsocket, window_bits = 15): Promise<Message & { was_compressed: boolean }> {
  const first = await socket.frame(true);
  if (first.opcode !== kText && first.opcode !== kBinary) throw new Error(`opcode ${first.opcode} (${first.payload.toString("hex").slice(0, 100)}) where a message was awaited`);
  const parts = [first.payload];
  for (let last = first; !last.fin; ) {
    last = await socket.frame();
    if (last.opcode !== kContinuation) throw new Error(`opcode ${last.opcode} within a message`);
    parts.push(last.payload);
  }
  const was_compressed = first.rsv === 4;
  const payload = Buffer.concat(parts);
  return { is_text: first.opcode === kText, data: was_compressed ? decompress(payload, window_bits) : payload, was_compressed };
}

export interface Agreed {
  socket: RawWebsocket;
  /** Parameters of the answer by name; undefined: it was declined. */
  parameters: Map<string, string | undefined> | undefined;
}

/** A WebSocket that offered `offer`; the answer is checked for being one permessage-deflate with known parameters. */
export async function offer(port: number, path: string, extensions: string, options: { tls?: boolean } = {}): Promise<Agreed> {
  const socket = await RawWebsocket.open(port, path, { ...options, fields: { "Sec-WebSocket-Extensions": extensions } });
  const answer = socket.upgrade.field("sec-websocket-extensions");
  if (answer === undefined) return { socket, parameters: undefined };
  const [name, ...rest] = answer.split(";").map((part) => part.trim());
  if (name !== "permessage-deflate") throw new Error(`${answer}: that was not offered`);
  const parameters = new Map<string, string | undefined>();
  for (const part of rest) {
    const [key, value] = part.split("=") as [string, string | undefined];
    if (!/^(server|client)_(no_context_takeover|max_window_bits)$/.test(key)) throw new Error(`${answer}: unknown parameter`);
    if (parameters.has(key)) throw new Error(`${answer}: a parameter twice`);
    if (key.endsWith("max_window_bits") ? !/^([89]|1[0-5])$/.test(value ?? "") : value !== undefined) throw new Error(`${answer}: ${key}`);
    parameters.set(key, value);
  }
  return { socket, parameters };
}
