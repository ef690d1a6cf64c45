// What a browser has and Node 18 does not: the pages' code takes it for granted.
import { webcrypto } from "node:crypto";

if (!("crypto" in globalThis)) Object.defineProperty(globalThis, "crypto", { value: webcrypto });
