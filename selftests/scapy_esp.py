#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What scapy, which we did not write, makes of our ESP packets, and we of its.

usage: scapy_esp.py WIRE LINK SRC DST INNER_SRC INNER_DST <SAS

SAS has an SA of the module in a line: "in|out SPI ALG KEY on|off", the last for ESN. Packets of
WIRE (a record of pktwatch -w) on SAs that go out are read by scapy and made again by it from what it
read: each octet has to be the same. For each SA that comes in, packets are sent to DST, good and bad
ones; LINK, a record of the tunnel's link, has to have the inner packets of the good ones. Printed is
what the module has to say of each SA: {"spi", "packets", "drops"}.
"""
import json
import socket
import struct
import sys
import time
from collections import Counter

from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation, _ESPPlain
from scapy.packet import Raw, raw

AUTH = {"sha1": "HMAC-SHA1-96", "sha256": "SHA2-256-128", "sha384": "SHA2-384-192", "sha512": "SHA2-512-256"}
INTEG_KEY = {"": 0, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
IPIP, TCP, DUMMY = 4, 6, 59


class SA:
    def __init__(self, direction, spi, alg, key, esn):
        key = bytes.fromhex(key)
        cipher, _, integ = alg.partition("-")
        cut = len(key) - INTEG_KEY[integ]
        self.out, self.spi, self.esn, self.text = direction == "out", int(spi, 16), esn == "on", spi
        self.name = f"{alg}, ESN {esn}"
        self.scapy = SecurityAssociation(
            ESP, self.spi, crypt_algo=self.cipher_name(cipher), crypt_key=key[:cut] or None,
            auth_algo=AUTH.get(integ), auth_key=key[cut:] or None, esn_en=self.esn)
        self.crypt, self.auth = self.scapy.crypt_algo, self.scapy.auth_algo
        self.align = max(self.crypt.block_size, 4)
        self.icv = self.crypt.icv_size or self.auth.icv_size

    @staticmethod
    def cipher_name(cipher):
        for part, name in (("gcm", "AES-GCM"), ("ccm", "AES-CCM"), ("chacha", "CHACHA20-POLY1305"), ("null", "NULL")):
            if part in cipher:
                return name
        return "AES-CBC"

    def seal(self, seq, plain, iv=None):
        """An ESP packet of what is to be encrypted, the trailer included, right or wrong."""
        iv = self.crypt.generate_iv() if iv is None else iv
        esp = _ESPPlain(spi=self.spi, seq=seq & 0xFFFFFFFF, iv=iv, data=Raw(plain[:-2]), padlen=plain[-2], nh=plain[-1])
        esp = self.crypt.encrypt(self.scapy, esp, self.scapy.crypt_key, esn_en=self.esn, esn=seq >> 32)
        return raw(self.auth.sign(esp, self.scapy.auth_key))

    def pad(self, inner, extra=0, next_header=IPIP):
        padding = -(len(inner) + 2) % self.align + extra
        return inner + bytes(range(1, padding + 1)) + bytes([padding, next_header])

    def unseal(self, esp):
        """The inner packet, and the IV."""
        esp = ESP(esp)
        self.auth.verify(esp, self.scapy.auth_key)
        plain = self.crypt.decrypt(self.scapy, esp, self.scapy.crypt_key, icv_size=self.icv, esn_en=self.esn, esn=0)
        assert plain.nh == IPIP, f"next header {plain.nh}"
        return raw(plain.data), plain.iv


def records(path):
    with open(path, "rb") as f:
        while head := f.read(2):
            yield f.read(struct.unpack("!H", head)[0])


def check_ours(sas, path):
    """Every packet of every SA is the one that scapy would have made, and its number is the next."""
    by_spi = {sa.spi: sa for sa in sas if sa.out}
    count = Counter()
    for packet in records(path):
        ip = IP(packet)
        sa = by_spi.get(struct.unpack("!I", packet[20:24])[0]) if ip.proto == 50 else None
        if not sa:
            continue
        esp = packet[20:]
        count[sa] += 1
        inner, iv = sa.unseal(esp)
        seq = struct.unpack("!I", esp[4:8])[0]
        assert seq == count[sa], f"{sa.name}: sequence number {seq} is not {count[sa]}"
        assert len(inner) == IP(inner).len, f"{sa.name}: the inner packet has {len(inner)} octets"
        again = sa.seal(seq, sa.pad(inner), iv)
        assert again == esp, f"{sa.name}: packet {seq} is\n{esp.hex()} and not\n{again.hex()}"
    for sa in by_spi.values():
        assert count[sa] >= 16, f"{sa.name}: {count[sa]} packets"


def inner_packet(src, dst, payload):
    return raw(IP(src=src, dst=dst, id=1) / UDP(sport=4000, dport=4001) / Raw(b"x" * payload))


def good(sa, inner):
    """Text of packets that have to be delivered: each length of padding, and TFC padding."""
    yield from (sa.pad(inner(n)) for n in range(16))
    yield sa.pad(inner(8), extra=sa.align)
    yield sa.pad(inner(8), extra=(254 - sa.align) // sa.align * sa.align)
    yield sa.pad(inner(8) + bytes(100))
    yield sa.pad(inner(8) + bytes(1), extra=sa.align)


def bad_inside(sa, inner):
    """Authentic, and not to be delivered: why, and the text."""
    packet = inner(8)
    padding = -(len(packet) + 2) % sa.align + sa.align
    yield "dummy", sa.pad(bytes(33), next_header=DUMMY)
    yield "dummy", sa.pad(b"", extra=sa.align, next_header=DUMMY)
    yield "next-header", sa.pad(packet, next_header=TCP)
    yield "bad-padding", packet + bytes(padding) + bytes([padding, IPIP])
    yield "bad-padding", packet + bytes([0xFF] * padding) + bytes([padding, IPIP])
    yield "bad-padding", sa.pad(packet)[:-2] + bytes([255, IPIP])
    yield "bad-padding", bytes(range(2, sa.align)) + bytes([sa.align - 1, IPIP])
    yield "malformed-inner", sa.pad(packet[:-1])
    yield "malformed-inner", sa.pad(packet[:19])
    yield "malformed-inner", sa.pad(b"")


def bad_outside(sa, esp, again):
    """Not authentic: why, and the packet. esp was not sent yet, again was."""
    yield "replay-duplicate", again
    yield "bad-icv", esp[:-1] + bytes([esp[-1] ^ 1])
    yield "bad-icv", esp[:-sa.icv] + bytes(sa.icv)
    yield "bad-icv", esp[:-sa.align]
    yield "malformed-esp", esp[:-1]
    yield "malformed-esp", esp[:-3]
    yield "malformed-esp", esp + b"x"
    yield "malformed-esp", esp[:8]
    yield "malformed-esp", esp[:8 + sa.crypt.iv_size + sa.icv]
    yield "replay-late", esp[:4] + bytes(4) + esp[8:]


def send_theirs(sas, src, dst, inner_src, inner_dst):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(esp):
        sock.sendto(raw(IP(src=src, dst=dst, proto=50) / Raw(esp)), (dst, 0))

    def inner(payload):
        return inner_packet(inner_src, inner_dst, payload)

    delivered = []
    for sa in sas:
        if sa.out:
            continue
        drops, packets, seq = Counter(), 0, 0
        for text in good(sa, inner):
            seq += 1
            packets += 1
            again = sa.seal(seq, text)
            send(again)
            delivered.append(text[:IP(text).len])
        for why, text in bad_inside(sa, inner):
            seq += 1
            drops[why] += 1
            send(sa.seal(seq, text))
        for why, esp in bad_outside(sa, sa.seal(seq + 1, sa.pad(inner(8))), again):
            drops[why] += 1
            send(esp)
        if sa.esn:  # over the low half's end, and back
            for seq in (2**31, 2**32 - 16, 2**32 + 5, 2**32 - 15, 2**32 + 4):
                packets += 1
                send(sa.seal(seq, sa.pad(inner(8))))
                delivered.append(inner(8))
            drops["bad-icv"] += 1
            send(sa.seal(2**33 + 6, sa.pad(inner(8))))
        print(json.dumps({"spi": sa.text, "packets": packets, "drops": drops}))
    return delivered


def check_delivered(path, src, want):
    """The link has had what was sent, octet for octet and in this order."""
    end = time.monotonic() + 60
    while True:
        got = [packet for packet in records(path) if IP(packet).src == src]
        if len(got) >= len(want) or time.monotonic() > end:
            break
        time.sleep(0.5)
    assert got == want, f"{len(got)} packets were delivered, and not these {len(want)}"


def main():
    wire, link, src, dst, inner_src, inner_dst = sys.argv[1:]
    sas = [SA(*line.split()) for line in sys.stdin]
    check_ours(sas, wire)
    check_delivered(link, inner_src, send_theirs(sas, src, dst, inner_src, inner_dst))


if __name__ == "__main__":
    main()
