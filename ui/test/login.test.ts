// Values: the protocol's published vectors (AppWebsocket documents, real logins of a public test suite),
// recomputed with sha256sum; RC4 against its well-known "Key"/"Plaintext" vector.
import "./browser_globals";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { decrypt, encrypt, kNoGuid, loginDigest, randomUuid, sessionKey } from "../kit/login";
import { rc4 } from "../kit/rc4";
import { sha256Hex } from "../kit/sha256";

const kChallenge = "0123456789abcdef";

test("the login digest is that of the published vectors", () => {
  const empty = { app: "pbxadminapi", domain: "", sip: "", guid: "", dn: "" };
  const digest = (info?: string) => loginDigest(info === undefined ? empty : { ...empty, info }, kChallenge, "pwd");
  assert.equal(digest(), "a205299ed2ef2786c311e0be1b14db343f2cadd906a6ae7b564eee34bda5e9a1");
  assert.equal(digest("{}"), "57b23fe824b9222a7ac879597cb509bcdc865a1bfeb057d9d12118cef0c3ba34");
  assert.equal(digest('{"cn":"Test User"}'), "96db3c3f657230c2b68194becc6d2a77f05de9f79f01fc81e9ca0fb196b10d9d");
});

test("a user login with info is that of the published vector", () => {
  const info =
    '{"appobj":"users","apps":[{"name":"users"},{"name":"profile"}],"appurl":"https://1.2.3.4/example.com/usersapp/innovaphone-users","unlicensed":true}';
  const names = {
    app: "innovaphone-users",
    domain: "example.com",
    sip: "administrator",
    guid: "0123456789abcdef0123456789abcdef",
    dn: "Administrator User",
    info,
  };
  assert.equal(
    loginDigest(names, kChallenge, "pwd"),
    "ef1b811ffaa8f9255c39c653d8fb26b4687b2d8c4d9ac91b4821bff6bae3ff44",
  );
});

test("the manager's password login is that of the vector", () => {
  const names = { app: "manager", domain: "", sip: "manager", guid: kNoGuid, dn: "Admin" };
  assert.equal(
    loginDigest(names, "4711081500000001", "pwd"),
    "7bad624c8a518fb477b028340453ea9f58cc53f72940bce8f4ff9e43f5c0ddb4",
  );
});

test("a login captured from a real PBX is reproduced", () => {
  const info =
    '{"appobj":"go","appdn":"go","appurl":"http://192.168.178.29:5000/fritz.box/go/instance/admin","pbx":"pbx-main","cn":"rico","unlicensed":true,"groups":[],"apps":[]}';
  const names = {
    app: "admin",
    domain: "fritz.box",
    sip: "rico",
    guid: "f48b06484a8a61015853009033400109",
    dn: "Schulte, Rico",
    info,
  };
  assert.equal(
    loginDigest(names, "277f41a7a5b7b452", "go"),
    "965b4dd4d4f127c99df796b1ed137b40454801f94f50aaf93b2ce98034f10d9c",
  );
});

test("session key, encrypt and decrypt are those of the vectors", () => {
  const key = sessionKey(kChallenge, "pwd");
  assert.equal(key, "d58c77eae0c1c1f37a9f545e207643c926ad9ea4932016a83a4a01029de37760");
  assert.equal(
    sessionKey("4711081500000001", "pwd"),
    "bebdafb7db493ca3b7275d36091572b2e379dc0eb86c1085f560c3b0cf0ce5d7",
  );
  assert.equal(encrypt(key, "seed1", "Geheim-äöü"), "b80a812132d2b9ab8118ba0741");
  assert.equal(decrypt(key, "seed1", "b80a812132d2b9ab8118ba0741"), "Geheim-äöü");
  assert.equal(sha256Hex(`seed1:${key}:some data`), "179285ab2d3520062bd5e5ae37ff033e27d577dd2cf4c6cc71604083fe4ccb6b");
  assert.equal(sha256Hex(`generic-dbfiles:${key}`), "fb0fdfd0adf1983e084c80429977cfedf655b90fe5da266d5ac62342ab64458d");
});

test("RC4 is the well-known one", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.equal(Buffer.from(rc4(bytes("Key"), bytes("Plaintext"))).toString("hex"), "bbf316e8d940af0ad3");
});

test("SHA-256 agrees with node's at every length around the block borders", () => {
  for (const length of [0, 1, 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 127, 128, 129, 1000, 70_000]) {
    const text = "ä".repeat(length >> 1) + "x".repeat(length & 1);
    assert.equal(sha256Hex(text), createHash("sha256").update(text).digest("hex"), `${length} bytes`);
  }
});

test("a random UUID has version 4 and the RFC's variant", () => {
  assert.match(randomUuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
