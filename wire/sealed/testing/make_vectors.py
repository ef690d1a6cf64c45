#!/usr/bin/env python3
# Where the vectors in ../sealed_file_test.cc come from: the format of docs/sealed-file.md once more, from the papers and RFCs
# (7748, 8439, Salsa20 and its extended nonce), with nothing of libsodium. Not run by the build.
import hashlib
import struct

P = 2**255 - 19


def x25519(scalar, point):  # RFC 7748 section 5
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, "little")
    x1 = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = (x2 + z2) % P, (x2 - z2) % P, (x3 + z3) % P, (x3 - z3) % P
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = (aa - bb) % P
        x3, z3 = pow(da + cb, 2, P), x1 * pow(da - cb, 2, P) % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def rotate(x, n):
    return (x << n | x >> 32 - n) & 0xFFFFFFFF


SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def chacha_rounds(state):
    x = list(state)

    def quarter(a, b, c, d):
        for s, t, u, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[s] = x[s] + x[t] & 0xFFFFFFFF
            x[u] = rotate(x[u] ^ x[s], n)

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return x


def chacha20(key, nonce, counter, data):  # RFC 8439 section 2.4
    out = b""
    for i in range(0, len(data), 64):
        state = SIGMA + struct.unpack("<8I", key) + (counter + i // 64,) + struct.unpack("<3I", nonce)
        block = struct.pack("<16I", *(a + b & 0xFFFFFFFF for a, b in zip(chacha_rounds(state), state)))
        out += bytes(a ^ b for a, b in zip(data[i : i + 64], block))
    return out


def hchacha20(key, nonce):
    x = chacha_rounds(SIGMA + struct.unpack("<8I", key) + struct.unpack("<4I", nonce))
    return struct.pack("<8I", *(x[:4] + x[12:]))


def salsa_rounds(state):
    x = list(state)

    def quarter(a, b, c, d):
        for t, s, u, n in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
            x[t] ^= rotate(x[s] + x[u] & 0xFFFFFFFF, n)

    for _ in range(10):
        for q in ((0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)):
            quarter(*q)
        for q in ((0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)):
            quarter(*q)
    return x


def salsa_state(key, tail):
    k = struct.unpack("<8I", key)
    t = struct.unpack("<4I", tail)
    return (SIGMA[0], *k[:4], SIGMA[1], *t, SIGMA[2], *k[4:], SIGMA[3])


def hsalsa20(key, nonce):
    x = salsa_rounds(salsa_state(key, nonce))
    return struct.pack("<8I", *(x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))


def xsalsa20(key, nonce, length):
    sub = hsalsa20(key, nonce[:16])
    out = b""
    for i in range((length + 63) // 64):
        state = salsa_state(sub, nonce[16:] + struct.pack("<Q", i))
        out += struct.pack("<16I", *(a + b & 0xFFFFFFFF for a, b in zip(salsa_rounds(state), state)))
    return out[:length]


def poly1305(key, message):  # RFC 8439 section 2.5
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for i in range(0, len(message), 16):
        total = (total + int.from_bytes(message[i : i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return (total + int.from_bytes(key[16:], "little") & 2**128 - 1).to_bytes(16, "little")


BASE = b"\x09" + bytes(31)


def sealed_box(message, public, ephemeral):
    ours = x25519(ephemeral, BASE)
    nonce = hashlib.blake2b(ours + public, digest_size=24).digest()
    stream = xsalsa20(hsalsa20(x25519(ephemeral, public), bytes(16)), nonce, 32 + len(message))
    text = bytes(a ^ b for a, b in zip(message, stream[32:]))
    return ours + poly1305(stream[:32], text) + text


def stream_of(key, header, chunks):
    sub, counter, inner = hchacha20(key, header[:16]), 1, header[16:]
    out = b""
    for i, chunk in enumerate(chunks):
        nonce = struct.pack("<I", counter) + inner
        tag = chacha20(sub, nonce, 1, bytes([3 if i + 1 == len(chunks) else 0]) + bytes(63))
        text = chacha20(sub, nonce, 2, chunk)
        padding = bytes(len(text) % 16)  # so it is there, and not what would fill the block
        mac = poly1305(chacha20(sub, nonce, 0, bytes(32)), tag + text + padding + struct.pack("<QQ", 0, 64 + len(text)))
        out += tag[:1] + text + mac
        inner = bytes(a ^ b for a, b in zip(inner, mac))
        counter += 1
    return out


def sealed_file(content, private, ephemeral, key, header):
    chunks = [content[i : i + 65536] for i in range(0, len(content), 65536)] or [b""]
    return b"BERTHSF1" + sealed_box(key, x25519(private, BASE), ephemeral) + header + stream_of(key, header, chunks)


if __name__ == "__main__":
    # RFC 7748 section 6.1, RFC 8439 section 2.5.2: that the above is right.
    alice = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    assert x25519(alice, BASE).hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    mac = poly1305(
        bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"),
        b"Cryptographic Forum Research Group",
    )
    assert mac.hex() == "a8061dc1305136c6c22b8baf0c0127a9"

    private, ephemeral, key = (bytes(range(i, i + 32)) for i in (1, 65, 129))
    header = bytes(range(200, 224))
    print("key ", (private + x25519(private, BASE)).hex())
    for content in (b"", "Grüße aus dem Hafen\n".encode()):
        print(content, sealed_file(content, private, ephemeral, key, header).hex())
    large = bytes(i * i >> 7 & 255 for i in range(65536 + 100))
    print("two chunks, sha256", hashlib.sha256(sealed_file(large, private, ephemeral, key, header)).hexdigest())
