"""An hour of a relay: seven inputs, eleven customers and a reference, every customer's stream read by a foreign program, all accounted for.

    python bench/relay_hour.py                 an hour
    python bench/relay_hour.py --minutes 2

The relay runs in a process of its own on loopback. What it hears is simulated: some 40 objects an input, each on its way,
in bytes that foreign libraries or a writer of this file make, with damage, broken connections, an input that pauses, and
aircraft that two inputs hear. One customer (``jsonl``) has every update in full; what any other one reads must be such an
update, to half a step of its format:

=========== ============================ ====================================================================
customer    read by                      policy
=========== ============================ ====================================================================
sbs         csv of Python                positions to four decimals
beast       rs1090
ais         pyais                        vessels
radar       libasterix                   aircraft, every 5 s
tak         takproto, by UDP             an area, every 2 s
cot         lxml, by TCP
tablet      a reader of GDL 90 in here   aircraft, every second, an area
mqtt        mosquitto_sub, json          all but squawks
map         urllib, json                 as a tar1090 page
slow        json                         reads less than it is given, with pauses
durable     compared byte by byte        is away again and again, and has all in order at the end
=========== ============================ ====================================================================

Sources of the reader and the writer of GDL 90: FAA/Garmin 560-1058-00 Rev A, 2.2 (frames, CRC) and 3.5.1 (traffic).
Exit status 1 where a value is no update's, an account does not add up, or a customer did not get what was sent to it.
"""

import argparse
import array
import collections
import csv
import hashlib
import json
import math
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import asterix.generated as asterix_specs
import polars as pl
import pyais
import rs1090
import takproto
from asterix.base import Bits, RawDatablock
from lxml import etree

from testigos.links import beast
from testigos.modes.encode_rows import squitters
from testigos.registry import link

OBJECTS = 40
BEGAN_S = time.time()
KEPT_S = 900.0  # how long the reference remembers an update
JUDGED_S = 3.0  # a reading waits so long for the reference before it is judged ...
GIVEN_UP_S = 30.0  # ... and is wrong when it has found no update after that
CLEAR = threading.Event()  # set at the end


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as wire:
        wire.bind(("127.0.0.1", 0))
        return wire.getsockname()[1]


# ---- what moves ----


class Body:
    """Something that goes round in a circle: where it is follows from the time."""

    def __init__(self, number: int, lat: float, lon: float, speed_mps: float, alt_ft: float) -> None:
        dice = random.Random(number)
        self.number = number
        self.lat, self.lon = lat + dice.uniform(-1.5, 1.5), lon + dice.uniform(-1.5, 1.5)
        self.radius_m = dice.uniform(20, 120) * max(speed_mps, 5.0) * 4
        self.rate = speed_mps / self.radius_m * dice.choice((-1, 1))
        self.phase = dice.uniform(0, 2 * math.pi)
        self.speed_mps, self.alt_ft = speed_mps, alt_ft
        self.next_s = 0.0

    def at(self, now: float) -> tuple[float, float, float, float, float, float]:
        """Latitude, longitude, speed in kt, course, altitude in ft, rate of climb in ft/min."""
        angle = self.phase + self.rate * (now - BEGAN_S)
        north, east = self.radius_m * math.cos(angle), self.radius_m * math.sin(angle)
        lat = self.lat + north / 111_320.0
        lon = self.lon + east / (111_320.0 * math.cos(math.radians(lat)))
        turn = 90.0 if self.rate > 0 else -90.0
        climb = math.sin(now / 120.0 + self.number)
        alt = self.alt_ft * (1.0 + 0.05 * -math.cos(now / 120.0 + self.number))
        rate = self.alt_ft * 0.05 / 120.0 * 60.0 * climb
        return lat, lon, self.speed_mps * 3600 / 1852, (math.degrees(angle) + turn) % 360.0, alt, rate


# ---- inputs ----


class Out:
    """Where an input's bytes go: ``serve`` (the relay connects), ``call`` (we connect) or ``udp``."""

    def __init__(self, way: str, port: int) -> None:
        self.way, self.port, self.breaks, self.sent = way, port, 0, 0
        self.wires: list[socket.socket] = []
        self.again_s = 0.0
        if way == "udp":
            self.wires = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM)]
        if way == "serve":
            self.server = socket.create_server(("127.0.0.1", port))
            threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            self.wires.append(self.server.accept()[0])

    def send(self, data: bytes) -> None:
        self.sent += len(data)
        if self.way == "udp":
            self.wires[0].sendto(data, ("127.0.0.1", self.port))
            return
        if self.way == "call" and not self.wires and time.monotonic() >= self.again_s:
            self.wires.append(socket.create_connection(("127.0.0.1", self.port)))
        for wire in list(self.wires):
            try:
                wire.sendall(data)
            except OSError:
                self.wires.remove(wire)

    def drop(self) -> None:
        """Breaks the connection, in the middle of whatever was said."""
        self.breaks += 1
        self.again_s = time.monotonic() + 2.0
        wires, self.wires = self.wires, []
        for wire in wires:
            wire.close()


class Feed:
    """One input: bodies, how often each is told of, and bytes of what is due."""

    url = ""
    period_s = 1.0

    def __init__(self, way: str, port: int, bodies: list[Body], slower: float) -> None:
        self.out, self.bodies, self.period = Out(way, port), bodies, self.period_s * slower
        self.dice = random.Random(self.url)
        self.rows = self.damaged = 0
        for n, body in enumerate(bodies):
            body.next_s = time.time() + self.period * n / len(bodies)

    def due(self, now: float) -> list[Body]:
        found = [b for b in self.bodies if b.next_s <= now]
        for body in found:
            body.next_s = max(body.next_s + self.period, now - self.period)
        return found

    def work(self, now: float) -> None:
        found = self.due(now)
        if found:
            self.rows += len(found)
            self.say(found, now)
            if self.dice.random() < 0.02:
                self.damaged += 1
                self.harm()

    def say(self, found: list[Body], now: float) -> None:
        raise NotImplementedError

    def harm(self) -> None:
        raise NotImplementedError


class Beast(Feed):
    url = "beast+tcp"

    def due(self, now: float) -> list[Body]:
        return super().due(now) if int(now * 10) % 5 == 0 else []  # a table at a time costs less

    def say(self, found: list[Body], now: float) -> None:
        rows = []
        for body in found:
            lat, lon, kt, course, alt, climb = body.at(now)
            rows.append(
                {"object_id": f"icao:{0x4B0000 + body.number:06x}", "time_ns": round(now * 1e9), "source": "adsb", "status": "ok",
                 "lat_deg": lat, "lon_deg": lon, "gs_kt": kt, "track_deg": course, "alt_baro_ft": alt, "vrate_fpm": climb,
                 "callsign": f"SWR{body.number}", "on_ground": False, "nic": 8, "nac_p": 9, "sil": 3}
            )  # fmt: skip
        made = squitters(pl.DataFrame(rows))
        ticks = (int(now * 12e6) + 3000 * pl.int_range(len(made), eager=True).to_numpy()) & (1 << 48) - 1
        signals = pl.repeat(90, len(made), dtype=pl.UInt8, eager=True).to_numpy()
        self.out.send(beast.encode_frames(made.payload, made.size, ticks.astype("u8"), signals))

    def harm(self) -> None:
        self.out.send(self.dice.randbytes(self.dice.randrange(1, 40)))


class Sbs(Feed):
    url = "sbs+listen"

    def say(self, found: list[Body], now: float) -> None:
        lines = []
        stamp = time.strftime("%Y/%m/%d,%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}"
        for body in found:
            lat, lon, kt, course, alt, climb = body.at(now)
            # the first ten are aircraft that the Beast input hears too
            address = (0x4B0000 if body.number < 10 else 0x3C0000) + body.number
            head = f"1,1,{address:06X},1,{stamp},{stamp}"
            lines.append(f"MSG,3,{head},,{alt:.0f},,,{lat:.5f},{lon:.5f},,,0,0,0,0\r\n")
            lines.append(f"MSG,4,{head},,,{kt:.1f},{course:.1f},,,{climb:.0f},,,,,0\r\n")
            if self.dice.random() < 0.1:
                lines.append(f"MSG,1,{head},DLH{body.number},,,,,,,,,,,0\r\n")
                lines.append(f"MSG,6,{head},,,,,,,,{1000 + body.number % 8},0,0,0,0\r\n")
        self.out.send("".join(lines).encode())

    def harm(self) -> None:
        self.out.send(self.dice.choice((b"MSG,3,1,1,3C00", b"\x00\xff" * 9, b"MSG,3," + b"9" * 400)) + b"\r\n")


class Ais(Feed):
    url = "aivdm+udp"
    period_s = 2.0

    def say(self, found: list[Body], now: float) -> None:
        for body in found:
            lat, lon, kt, course, *_ = body.at(now)
            mmsi = 211_000_000 + body.number
            said = {"mmsi": mmsi, "lat": lat, "lon": lon, "speed": kt, "course": course, "heading": round(course) % 360,
                    "second": int(now) % 60, "type": 18 if body.number % 3 == 0 else 1}  # fmt: skip
            lines = pyais.encode_dict(said, sentence_type="VDM")
            if self.dice.random() < 0.05:
                name = f"SHIP {body.number}"
                if body.number % 3 == 0:
                    more = {"type": 24, "mmsi": mmsi, "partno": 0, "shipname": name}
                else:
                    more = {"type": 5, "mmsi": mmsi, "shipname": name, "callsign": f"DA{body.number}", "ship_type": 70,
                            "imo": 9_000_000 + body.number, "draught": 7.3, "destination": "HAMBURG"}  # fmt: skip
                lines += pyais.encode_dict(more, sentence_type="VDM", seq_id=body.number % 10)
            self.out.send("".join(f"{line}\r\n" for line in lines).encode())

    def harm(self) -> None:
        self.out.send(b"!AIVDM,1,1,,A,15MgK4?P?wG?d`0E`Ah>4?v20000,0*00\r\n!AIVDM,2,1,3,A,5555\r\n")


class Cot(Feed):
    url = "cot+listen"
    period_s = 2.0

    def say(self, found: list[Body], now: float) -> None:
        def iso(at: float) -> str:
            return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"

        data = []
        for body in found:
            lat, lon, kt, course, alt, _ = body.at(now)
            kind = ("a-f-G-U-C", "a-f-G-E-V", "a-f-A-M-F-Q")[body.number % 3]
            event = etree.Element("event", version="2.0", uid=f"UNIT-{body.number}", type=kind, how="m-g", time=iso(now),
                                  start=iso(now), stale=iso(now + 90))  # fmt: skip
            etree.SubElement(event, "point", lat=f"{lat:.7f}", lon=f"{lon:.7f}", hae=f"{alt * 0.3048:.1f}", ce="8.0", le="12.0")
            detail = etree.SubElement(event, "detail")
            etree.SubElement(detail, "contact", callsign=f"Unit <{body.number}> & co")
            etree.SubElement(detail, "track", course=f"{course:.2f}", speed=f"{kt * 1852 / 3600:.3f}")
            data.append(etree.tostring(event, xml_declaration=True, encoding="UTF-8"))
        self.out.send(b"".join(data))

    def harm(self) -> None:
        self.out.send(self.dice.choice((b'<event version="2.0" uid="x"><point lat="1"', b"<event/>", b"\x00 what? <<<\n")))


class Radar(Feed):
    url = "asterix+udp"
    period_s = 4.0

    def say(self, found: list[Body], now: float) -> None:
        spec, step = asterix_specs.Cat_062_1_20, 180 / (1 << 25)
        for body in found:
            lat, lon, kt, course, alt, _ = body.at(now)
            mps = kt * 1852 / 3600
            items = {
                "010": (("SAC", 1), ("SIC", 2)),
                "070": round(now % 86_400 * 128) % (86_400 * 128),
                "040": 100 + body.number,
                "105": (("LAT", round(lat / step)), ("LON", round(lon / step))),
                "185": (("VX", round(4 * mps * math.sin(math.radians(course)))), ("VY", round(4 * mps * math.cos(math.radians(course))))),
                "136": round(alt / 25),
            }  # fmt: skip
            if body.number % 2:
                items["380"] = {"ADR": 0x500000 + body.number}
            self.out.send(spec.create([spec.cv_record.create(items)]).unparse().to_bytes())

    def harm(self) -> None:
        self.out.send(self.dice.choice((self.dice.randbytes(30), bytes.fromhex("3e0020ff"), b"\x3e\x00\x02")))


def _gdl90_crc() -> list[int]:
    """560-1058-00, 2.2.3: CRC-CCITT of every byte."""
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ (0x1021 if crc & 0x8000 else 0)
        table.append(crc & 0xFFFF)
    return table


GDL90_CRC = _gdl90_crc()


def gdl90_crc(message: bytes) -> int:
    crc = 0
    for byte in message:
        crc = (GDL90_CRC[crc >> 8] ^ (crc << 8) ^ byte) & 0xFFFF
    return crc


def gdl90_framed(message: bytes) -> bytes:
    whole = message + struct.pack("<H", gdl90_crc(message))
    return b"\x7e" + whole.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e") + b"\x7e"


class Efb(Feed):
    url = "gdl90+udp"
    beat = 0

    def say(self, found: list[Body], now: float) -> None:
        data = []
        if int(now) != self.beat:
            self.beat = int(now)
            day = self.beat % 86_400
            data.append(gdl90_framed(bytes((0, 0x81, 0x01 | day >> 16 << 7)) + struct.pack("<H", day & 0xFFFF) + b"\0\0"))
        for body in found:
            lat, lon, kt, course, alt, climb = body.at(now)
            north, east = round(lat * 2**23 / 180) & 0xFFFFFF, round(lon * 2**23 / 180) & 0xFFFFFF
            code, speed, rate = round((alt + 1000) / 25), round(kt), round(climb / 64) & 0xFFF
            message = bytes((20, 0)) + (0xA00000 + body.number).to_bytes(3, "big") + north.to_bytes(3, "big")
            message += east.to_bytes(3, "big") + bytes((code >> 4, (code & 15) << 4 | 9, 0x89))
            message += bytes((speed >> 4, (speed & 15) << 4 | rate >> 8, rate & 0xFF, round(course * 256 / 360) & 0xFF, 1))
            message += f"N{body.number}".encode().ljust(8) + b"\0"
            data.append(gdl90_framed(message))
        self.out.send(b"".join(data))

    def harm(self) -> None:
        self.out.send(b"\x7e\x14" + self.dice.randbytes(29) + b"\x7e")


class Gliders(Feed):
    url = "ogn+tcp"

    def say(self, found: list[Body], now: float) -> None:
        lines = []
        for body in found:
            lat, lon, kt, course, alt, climb = body.at(now)

            def degrees(value: float, width: int) -> tuple[str, int]:
                thousandths = round(abs(value) * 60_000)  # of a minute: the last digit stands in !W..!
                whole, rest = divmod(thousandths, 60_000)
                return f"{whole:0{width}d}{rest // 1000:02d}.{rest % 1000 // 10:02d}", rest % 10

            (north, n), (east, e) = degrees(lat, 2), degrees(lon, 3)
            name, flags = (f"DD{body.number:04X}", "06") if body.number % 2 else (f"3D{body.number:04X}", "05")
            sender = ("FLR" if body.number % 2 else "ICA") + name
            where = f"{north}{'NS'[lat < 0]}/{east}{'EW'[lon < 0]}'{round(course) or 360:03d}/{round(kt):03d}/A={round(alt):06d}"
            at = time.strftime("%H%M%S", time.gmtime(now))
            lines.append(f"{sender}>OGFLR,qAS,TEST:/{at}h{where} !W{n}{e}! id{flags}{name} {round(climb):+04d}fpm +0.0rot 20.0dB gps2x3\r\n")
        self.out.send("".join(lines).encode())

    def harm(self) -> None:
        self.out.send(self.dice.choice((b"FLRDD0001>OGFLR,qAS,TEST:/2515", b"\xff\xfe\xfd", b"# aprsc 2.1\r\nnonsense")) + b"\r\n")


FEEDS = (
    (Beast, "serve", 47.0, 8.0, 210.0, 33_000.0), (Sbs, "call", 47.0, 8.0, 190.0, 28_000.0), (Ais, "udp", 54.0, 7.5, 7.0, 0.0),
    (Cot, "call", 48.5, 10.0, 20.0, 1_500.0), (Radar, "udp", 46.0, 10.0, 180.0, 24_000.0), (Efb, "udp", 40.0, -100.0, 80.0, 7_000.0),
    (Gliders, "serve", 45.0, 6.5, 30.0, 6_000.0),
)  # fmt: skip


# ---- the reference, and what is compared with it ----

FIELDS = ("time_ns", "lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft", "gs_kt", "track_deg", "climb_fpm")
ANGLES = {"track_deg": 360.0, "lon_deg": 360.0}


class Reference:
    """Every update, for a while: by object, and by number of the object in the picture."""

    def __init__(self) -> None:
        self.updates: dict[str, collections.deque] = {}
        self.slots: dict[int, str] = {}
        self.lock = threading.Lock()
        self.parsed = 0
        self.hashes = array.array("Q")
        self.broadcast = 0  # updates that SBS has a position line of

    def line(self, data: bytes) -> None:
        row = json.loads(data)
        self.hashes.append(hashed(data))
        self.parsed += 1
        name = row["object_id"]
        row["climb_fpm"] = row.get("vrate_fpm", row.get("vrate_geom_fpm"))
        with self.lock:
            self.updates.setdefault(name, collections.deque()).append((time.monotonic(), *(row.get(f) for f in FIELDS)))
            self.slots[row["slot"]] = name
        if row["state"] == "live" and name.startswith("icao:") and "lat_deg" in row:
            self.broadcast += 1

    def forget(self) -> None:
        oldest = time.monotonic() - KEPT_S
        with self.lock:
            for name in list(self.updates):
                held = self.updates[name]
                while held and held[0][0] < oldest:
                    held.popleft()
                if not held:
                    del self.updates[name]

    def has(self, name: str, said: list[tuple[int, float, float]]) -> bool:
        with self.lock:
            for update in reversed(self.updates.get(name, ())):
                for at, value, tolerance in said:
                    there = update[at + 1]
                    if there is None:
                        break
                    apart = abs(value - there)
                    if FIELDS[at] in ANGLES:
                        apart = min(apart, abs(ANGLES[FIELDS[at]] - apart))
                    if apart > tolerance:
                        break
                else:
                    return True
        return False


def hashed(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


class Reading:
    """One customer's foreign reader: what it read waits a little, and is judged."""

    def __init__(self, name: str, reference: Reference) -> None:
        self.name, self.reference = name, reference
        self.parsed = self.values = self.wrong = 0
        self.faults: list[str] = []
        self.waiting: collections.deque = collections.deque()

    def fault(self, text: str) -> None:
        self.wrong += 1
        if len(self.faults) < 5:
            self.faults.append(text)

    def say(self, name: str, **said: tuple[float | None, float]) -> None:
        """Values with half a step of each, of one object."""
        known = [(FIELDS.index(k), v, step) for k, (v, step) in said.items() if v is not None]
        self.waiting.append((time.monotonic(), name, known))

    def judge(self, last: bool = False) -> None:
        now, kept = time.monotonic(), []
        while self.waiting and (last or self.waiting[0][0] < now - JUDGED_S):
            when, name, said = self.waiting.popleft()
            if self.reference.has(name, said):
                self.values += len(said)
            elif not last and when > now - GIVEN_UP_S:
                kept.append((when, name, said))
            else:
                self.fault(f"{name}: {[(FIELDS[a], v, s) for a, v, s in said]}, of {self.newest(name)}")
        self.waiting.extendleft(reversed(kept))

    def newest(self, name: str) -> str:
        with self.reference.lock:
            held = self.reference.updates.get(name)
            return str(held[-1][1:]) if held else "no update"


# ---- readers ----


def sbs(reading: Reading, line: bytes) -> None:
    cells = next(csv.reader([line.decode("ascii")]))
    if len(cells) != 22:
        reading.fault(f"{len(cells)} fields: {line!r}")
        return
    number = lambda text: float(text) if text else None  # noqa: E731
    date, clock = cells[6], cells[7]
    seconds = calendar_s(f"{date} {clock[:8]}", "%Y/%m/%d %H:%M:%S") * 1000 + int(clock[9:])
    name, when = f"icao:{cells[4].lower()}", (seconds * 1e6, 5.1e5)
    if cells[1] in ("2", "3"):
        reading.parsed += 1
        half = 5.05e-5 + 5.1e-7  # four decimals by the policy, six by the format
        reading.say(name, time_ns=when, lat_deg=(number(cells[14]), half), lon_deg=(number(cells[15]), half),
                    alt_baro_ft=(number(cells[11]), 0.51), gs_kt=(number(cells[12]), 0.051), track_deg=(number(cells[13]), 0.051))  # fmt: skip
    elif cells[1] == "4":
        reading.say(name, time_ns=when, gs_kt=(number(cells[12]), 0.051), track_deg=(number(cells[13]), 0.051))


_DAYS: dict[str, int] = {}


def calendar_s(text: str, form: str) -> int:
    """Seconds since 1970; days are remembered, for strptime is slow."""
    day = text[:10]
    if day not in _DAYS:
        import calendar

        _DAYS[day] = calendar.timegm(time.strptime(day, form[:8]))
    return _DAYS[day] + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])


def iso_ns(text: str) -> float:
    return (calendar_s(text, "%Y-%m-%dT%H:%M:%S") + float(text[19:].rstrip("Z") or 0)) * 1e9


class AisReader:
    def __init__(self) -> None:
        self.parts: dict[str, list[bytes]] = {}

    def __call__(self, reading: Reading, datagram: bytes) -> None:
        for line in datagram.splitlines():
            tag, _, sentence = line.rpartition(b"\\")
            cells = sentence.split(b",")
            parts = self.parts.setdefault(cells[3].decode(), [])
            parts.append(sentence)
            if len(parts) < int(cells[1]):
                continue
            said = pyais.decode(*self.parts.pop(cells[3].decode()))
            if said.msg_type in (5, 24):
                continue
            reading.parsed += 1
            clock = tag.partition(b",c:")[2].replace(b"*", b",").partition(b",")[0]
            half = 1 / 1_200_000 + 1e-9
            reading.say(
                f"mmsi:{said.mmsi:09d}", time_ns=(float(clock) * (1e9 if len(clock) < 12 else 1e6), 5.1e5),
                lat_deg=(said.lat, half), lon_deg=(said.lon, half), gs_kt=(None if said.speed > 102.2 else said.speed, 0.0501),
                track_deg=(None if said.course >= 360 else said.course, 0.0501),
            )  # fmt: skip


def radar(reading: Reading, datagram: bytes) -> None:
    for block in RawDatablock.parse(Bits.from_bytes(datagram)):
        category = block.get_category()
        spec = {21: asterix_specs.Cat_021_2_6, 62: asterix_specs.Cat_062_1_20}[category]
        for record in spec.cv_uap.parse(block.get_raw_records()):
            reading.parsed += 1

            def value(item: str, *path: str, record=record) -> float | None:
                found = record.get_item(item)
                for part in path:
                    found = found.variation.get_item(part) if found is not None else None
                return None if found is None else float(found.variation.content.as_quantity())

            if category == 21:
                half = 180 / 2**31 * 1.001 + 1e-12
                speed = value("160", "GS")
                reading.say(
                    f"icao:{record.get_item('080').as_uint():06x}", lat_deg=(value("131", "LAT"), half),
                    lon_deg=(value("131", "LON"), half),
                    alt_baro_ft=(None if (fl := value("145")) is None else fl * 100, 12.51),
                    gs_kt=(None if speed is None else speed * 3600, 0.111), track_deg=(value("160", "TA"), 0.0028),
                )  # fmt: skip
                continue
            half = 180 / 2**26 * 1.001
            east, north = value("185", "VX"), value("185", "VY")
            speed = None if east is None else math.hypot(east, north) * 3600 / 1852
            address = record.get_item("380")
            address = address.variation.get_item("ADR") if address is not None else None
            name = f"icao:{address.as_uint():06x}" if address is not None else None
            if name is None:
                name = reading.reference.slots.get(record.get_item("040").as_uint()) or ""
                own = f"track:1-2-{record.get_item('040').as_uint()}"
                name = own if own in reading.reference.updates else name
            reading.say(
                name, lat_deg=(value("105", "LAT"), half), lon_deg=(value("105", "LON"), half),
                alt_baro_ft=(None if (fl := value("136")) is None else fl * 100, 12.51),
                gs_kt=(speed, 0.125 * math.sqrt(2) * 3600 / 1852 + 0.001),
            )  # fmt: skip


def named(uid: str) -> str:
    """The object of an event that the relay named by itself."""
    authority, dash, rest = uid.partition("-")
    ours = dash and authority in ("ICAO", "ANON", "MMSI", "FLARM", "OGN", "TRACK")
    return f"{authority.lower()}:{rest.lower()}" if ours else uid


def at_point(reading: Reading, uid: str, time_ns: float, lat: float, lon: float, hae: float, half: float, **more) -> None:
    height = None if hae > 999_998 else hae / 0.3048
    names = [named(uid), f"cot:{uid}", f"uid:{uid}", uid.lower()]
    name = next((n for n in names if n in reading.reference.updates), names[0])
    reading.say(name, time_ns=(time_ns, 5.1e5), lat_deg=(lat, half), lon_deg=(lon, half), alt_geom_ft=(height, 0.025), **more)


def tak(reading: Reading, datagram: bytes) -> None:
    event = takproto.parse_proto(bytearray(datagram)).cotEvent
    reading.parsed += 1
    track = event.detail.track if event.detail.HasField("track") else None
    at_point(reading, event.uid, event.sendTime * 1e6, event.lat, event.lon, event.hae, 1e-9,
             gs_kt=(track and track.speed * 3600 / 1852, 0.002), track_deg=(track and track.course, 0.0051))  # fmt: skip


class SquitterReader:
    """Beast: messages between single 0x1a; rs1090 has the positions of pairs that come together."""

    def __init__(self) -> None:
        self.rest = b""

    def __call__(self, reading: Reading, data: bytes) -> None:
        self.rest += data
        frames, at = [], 0
        while at + 2 <= len(self.rest):
            size = {0x32: 7, 0x33: 14}[self.rest[at + 1]]
            body, k = bytearray(), at + 2
            while len(body) < 7 + size and k < len(self.rest):
                if self.rest[k] == 0x1A:
                    k += 1  # it is doubled
                    if k == len(self.rest):
                        break
                body.append(self.rest[k])
                k += 1
            if len(body) < 7 + size:
                break
            frames.append(bytes(body[7:]).hex())
            at = k
        self.rest = self.rest[at:]
        now = time.time()
        for said in rs1090.decode(frames, [now] * len(frames)) if frames else ():
            name = f"icao:{said['icao24']}"
            if said.get("bds") == "05":
                reading.parsed += said["parity"] == "odd"
                if "latitude" in said:
                    lat, lon = said["latitude"], said["longitude"]
                    half = 360 / 59 / 2**18  # of an odd zone, the wider one
                    zones = max(math.floor(360 / math.degrees(math.acos(
                        1 - (1 - math.cos(math.pi / 30)) / math.cos(math.radians(lat)) ** 2))) - 1, 1)  # fmt: skip
                    reading.say(name, lat_deg=(lat, half * 1.01), lon_deg=(lon, 360 / zones / 2**18 * 1.03),
                                alt_baro_ft=(said.get("altitude"), 12.51))  # fmt: skip
            elif said.get("bds") == "09" and "groundspeed" in said:
                reading.say(name, gs_kt=(said["groundspeed"], 0.71), climb_fpm=(said.get("vertical_rate"), 32.1))


class CotReader:
    """Events one after the other, each with its declaration."""

    def __init__(self) -> None:
        self.rest = b""

    def __call__(self, reading: Reading, data: bytes) -> None:
        *whole, self.rest = (self.rest + data).split(b"</event>")
        for text in whole:
            event = etree.fromstring(text + b"</event>")
            reading.parsed += 1
            point, track = event.find("point"), event.find("detail/track")
            more = {}
            if track is not None:
                speed, course = track.get("speed"), track.get("course")
                more = {"gs_kt": (speed and float(speed) * 3600 / 1852, 0.002), "track_deg": (course and float(course), 0.0051)}
            at_point(reading, event.get("uid"), iso_ns(event.get("time")), float(point.get("lat")), float(point.get("lon")),
                     float(point.get("hae")), 5.1e-8, **more)  # fmt: skip


class TabletReader:
    beats = 0

    def __call__(self, reading: Reading, datagram: bytes) -> None:
        for framed in datagram.split(b"\x7e"):
            if not framed:
                continue
            plain, escaped = bytearray(), False
            for byte in framed:
                if escaped:
                    plain.append(byte ^ 0x20)
                    escaped = False
                elif byte == 0x7D:
                    escaped = True
                else:
                    plain.append(byte)
            message, check = bytes(plain[:-2]), int.from_bytes(plain[-2:], "little")
            if gdl90_crc(message) != check:
                reading.fault(f"CRC of {framed.hex()}")
            elif message[0] == 0:
                self.beats += 1
            elif message[0] in (10, 20) and len(message) == 28:
                reading.parsed += 1
                signed = lambda v, bits: v - (1 << bits) if v >> bits - 1 else v  # noqa: E731
                lat, lon = (signed(int.from_bytes(message[k : k + 3], "big"), 24) * 180 / 2**23 for k in (5, 8))
                alt, speed = message[11] << 4 | message[12] >> 4, message[14] << 4 | message[15] >> 4
                climb = signed((message[15] & 15) << 8 | message[16], 12)
                turn = message[12] & 3
                half = 90 / 2**23 * 1.0001
                reading.say(
                    f"{'anon' if message[1] & 1 else 'icao'}:{message[2:5].hex()}", lat_deg=(lat, half), lon_deg=(lon, half),
                    alt_baro_ft=(None if alt == 0xFFF else alt * 25 - 1000, 12.51),
                    gs_kt=(None if speed == 0xFFF else speed, 0.501),
                    track_deg=(message[17] * 360 / 256 if turn == 1 else None, 0.704),
                    climb_fpm=(None if climb == -2048 or abs(climb) > 509 else climb * 64, 32.1),
                )  # fmt: skip
            else:
                reading.fault(f"message {message.hex()}")


def feature(reading: Reading, line: bytes) -> None:
    row = json.loads(line)
    reading.parsed += 1
    said = row["properties"]
    at = row["geometry"]["coordinates"] if row["geometry"] else (None, None)
    exact = {f: (said.get(f), 1e-6) for f in ("alt_baro_ft", "alt_geom_ft", "gs_kt", "track_deg", "time_ns")}
    reading.say(row["id"], lat_deg=(at[1], 5.01e-8), lon_deg=(at[0], 5.01e-8), **exact)
    if "squawk" in said and reading.name == "mqtt":
        reading.fault(f"a squawk: {line!r}")


def page(reading: Reading, port: int, every_s: float) -> None:
    while not CLEAR.wait(every_s):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/data/aircraft.json", timeout=30) as answer:
            told = json.load(answer)
        reading.parsed += 1
        for one in told["aircraft"]:
            if "lat" not in one:
                continue
            alt, ground = one.get("alt_baro"), one.get("alt_baro") == "ground"
            name = "anon:" + one["hex"][1:] if one["hex"].startswith("~") else "icao:" + one["hex"]
            reading.say(
                name, time_ns=((told["now"] - one["seen_pos"]) * 1e9, 1.01e6), lat_deg=(one["lat"], 5.01e-7),
                lon_deg=(one["lon"], 5.01e-7), alt_baro_ft=(None if ground else alt, 0.51), gs_kt=(one.get("gs"), 0.0501),
                track_deg=(one.get("track"), 0.0051),
            )  # fmt: skip


# ---- how they are read ----


def guarded(reading: Reading, read, *what) -> None:
    try:
        read(reading, *what)
    except Exception as error:
        reading.fault(f"{type(error).__name__}: {error}: {what!r:.300}")


def by_line(handle, take) -> None:
    for line in handle:
        if line.strip():
            take(line)


def connected(port: int, small: bool = False) -> socket.socket:
    wire = socket.socket()
    if small:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    wire.connect(("127.0.0.1", port))
    return wire


def slowly(wire: socket.socket, take, short: bool) -> None:
    """15 kB a second at most, with pauses of less than the 30 s after which it is given up; at the end all that is left."""
    rest, began = b"", time.monotonic()
    wire.settimeout(1.0)
    while True:
        if not CLEAR.is_set():
            pausing = (time.monotonic() - began) % 60 > (50 if short else 40)
            if CLEAR.wait(0.1) is False and pausing:
                continue
        try:
            data = wire.recv(1 << 16 if CLEAR.is_set() else 1500)
        except TimeoutError:
            continue
        if not data:
            return
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            take(line)


def datagrams(wire: socket.socket, take) -> None:
    while True:
        take(wire.recv(1 << 16))


def udp() -> socket.socket:
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    wire.bind(("127.0.0.1", 0))
    return wire


def lost(wire: socket.socket) -> int:
    """Datagrams that the system threw away because they were not read in time."""
    inode = os.fstat(wire.fileno()).st_ino
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        cells = line.split()
        if int(cells[9]) == inode:
            return int(cells[-1])
    return 0


class Away:
    """The durable customer: listens, is away now and then, keeps a hash of every line."""

    def __init__(self, port: int) -> None:
        self.port, self.hashes, self.times_away = port, array.array("Q"), 0
        self.listener: socket.socket | None = None
        self.wire: socket.socket | None = None

    def open(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, args=(self.listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            self.wire = wire
            rest = b""
            try:
                while data := wire.recv(1 << 16):
                    *whole, rest = (rest + data).split(b"\n")
                    self.hashes.extend(hashed(line) for line in whole)
            except OSError:
                pass

    def close(self) -> None:
        self.times_away += 1
        assert self.listener is not None
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.wire is not None:
            self.wire.shutdown(socket.SHUT_RDWR)
            self.wire.close()

    def against(self, whole: array.array) -> tuple[int, int, str]:
        """How many lines came, how many twice, and what is not in order."""
        at = twice = 0
        for number, one in enumerate(self.hashes):
            if at < len(whole) and whole[at] == one:
                at += 1
                continue
            # sent again: back to where that one stands, and on from there
            back = next((k for k in range(at - 1, max(at - 50_000, -1), -1) if whole[k] == one), None)
            if back is None:
                return at, twice, f"line {number} of {len(self.hashes)} is none of the reference at {at}"
            twice += at - back
            at = back + 1
        return at, twice, "" if at == len(whole) else f"{len(whole) - at} at the end are missing"


# ---- the relay ----

AREAS = {"alps": (5.0, 43.0, 12.0, 50.0), "plains": (-105.0, 38.0, -99.0, 42.0)}
WITHHELD = ("withheld", "untold", "offered")


def configuration(ports: dict[str, int], inputs: list[tuple[str, str]]) -> str:
    text = f'name = "hour"\n[web]\nport = {ports["web"]}\n[spool]\nfolder = "spool"\n'
    for name, url in inputs:
        text += f'[[input]]\nname = "{name}"\nurl = "{url}"\nreceiver = [47.0, 8.0]\n'
    west, south, east, north = AREAS["alps"]
    customers = {
        "reference": ("jsonl+listen", "", ""),
        "sbs": ("sbs+listen", "decimals = 4", ""),
        "beast": ("beast+listen", "", ""),
        "ais": ("aivdm+udp", 'kinds = ["vessel"]', ""),
        "radar": ("asterix+udp", 'kinds = ["aircraft"], every_s = 5', ""),
        "tak": ("tak+udp", f"area = [{west}, {south}, {east}, {north}], every_s = 2", ""),
        "cot": ("cot+listen", "", ""),
        "tablet": ("gdl90+udp", 'kinds = ["aircraft"], every_s = 1, area = [-105, 38, 12, 50]', ""),
        "mqtt": ("geojson+mqtt", 'without = ["squawk"]', "/hour/{kind}/{object_id}"),
        "map": ("readsb_json+http", "", "/data/aircraft.json"),
        "slow": ("geojson+listen", "", ""),
        "durable": ("jsonl+tcp", "", ""),
    }
    for name, (way, policy, path) in customers.items():
        text += f'[[customer]]\nname = "{name}"\nurl = "{way}://127.0.0.1:{ports[name]}{path}"\npolicy = {{ {policy} }}\n'
        text += "durable = true\n" if name == "durable" else ""
    return text


def status(port: int) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status.json", timeout=60) as answer:
        return json.load(answer)


def unbalanced(told: dict) -> list[str]:
    """Customers whose account does not add up."""
    found = []
    for c in told["customers"]:
        gone = sum(c["withheld"].values()) + c["untold"]
        rest = c["sent"] + c["replaced"] + c["expired"] + c["dropped"] + c["waiting"]
        if c["produced"] != gone + c["offered"] or c["offered"] != rest or c["waiting"] < 0:
            found.append(f"{c['name']}: produced {c['produced']} = {gone} + offered {c['offered']} = {rest}")
    return found


def used(pid: int) -> tuple[float, int]:
    """Processor seconds and resident bytes of a process."""
    cells = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")


def until(true, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--slower", type=float, default=2.0, help="how many times slower objects report than they would")
    asked = parser.parse_args()
    short = asked.minutes < 15
    folder = Path(tempfile.mkdtemp(prefix="relay_hour_"))
    reference = Reference()
    readings = {n: Reading(n, reference) for n in ("sbs", "beast", "ais", "radar", "tak", "cot", "tablet", "mqtt", "map", "slow")}
    sockets = {n: udp() for n in ("ais", "radar", "tak", "tablet")}
    ports = {n: free_port() for n in ("web", "reference", "sbs", "beast", "cot", "mqtt", "slow", "durable")}
    ports |= {n: w.getsockname()[1] for n, w in sockets.items()}
    ports["map"] = ports["web"]
    feeds, inputs = [], []
    for number, (kind, way, lat, lon, speed, alt) in enumerate(FEEDS):
        port = free_port(socket.SOCK_DGRAM if way == "udp" else socket.SOCK_STREAM)
        # the first ten of SBS are those of Beast
        bodies = [Body(n, lat, lon, speed, alt) for n in range(OBJECTS)]
        if kind is Sbs:
            for n in range(10):
                bodies[n] = Body(n, *FEEDS[0][2:])
        feeds.append(kind(way, port, bodies, asked.slower))
        inputs.append((f"in_{kind.__name__.lower()}", f"{kind.url}://127.0.0.1:{port}"))
        del number
    started: list[subprocess.Popen] = []
    (folder / "mosquitto.conf").write_text(f"listener {ports['mqtt']} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    (folder / "relay.toml").write_text(configuration(ports, inputs), encoding="utf-8")
    away = Away(ports["durable"])
    faults: list[str] = []
    log = open(folder / "relay.log", "wb")  # noqa: SIM115
    try:
        server = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        started.append(subprocess.Popen([server, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL))
        time.sleep(1.0)
        subscribed = subprocess.Popen(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(ports["mqtt"]), "-t", "hour/#", "-F", "%p"], stdout=subprocess.PIPE
        )
        started.append(subscribed)
        away.open()
        relay = subprocess.Popen([sys.executable, "-m", "testigos", "relay", str(folder / "relay.toml")], stderr=log)
        started.append(relay)
        until(lambda: b'"started"' in (folder / "relay.log").read_bytes() or relay.poll() is not None, 300, "the relay starts")
        assert relay.poll() is None, (folder / "relay.log").read_text()

        def begin(read, *what) -> None:
            threading.Thread(target=read, args=what, daemon=True).start()

        def taker(name: str, read):
            return lambda data: guarded(readings[name], read, data)

        def stream(wire: socket.socket, take) -> None:
            while data := wire.recv(1 << 16):
                take(data)

        begin(by_line, connected(ports["reference"]).makefile("rb"), lambda line: reference.line(line.rstrip(b"\n")))
        begin(by_line, connected(ports["sbs"]).makefile("rb"), taker("sbs", sbs))
        begin(stream, connected(ports["cot"]), taker("cot", CotReader()))
        begin(stream, connected(ports["beast"]), taker("beast", SquitterReader()))
        begin(slowly, connected(ports["slow"], True), taker("slow", feature), short)
        begin(by_line, subscribed.stdout, taker("mqtt", feature))
        for name, read in (("ais", AisReader()), ("radar", radar), ("tak", tak), ("tablet", TabletReader())):
            begin(datagrams, sockets[name], taker(name, read))
        begin(guarded, readings["map"], page, ports["web"], 2.0)
        until(lambda: all(c["clients"] for c in status(ports["web"])["customers"]), 60, "all customers are there")

        print(f"relay {relay.pid}, in {folder}", flush=True)
        began, cpu_began, own_began = time.time(), used(relay.pid)[0], time.process_time()
        end = began + 60 * asked.minutes
        period = 40.0 if short else 180.0  # a connection breaks
        gone, gone_s = (50.0, 15.0) if short else (600.0, 60.0)  # the durable customer goes, and stays away
        pause, pause_s = (60.0, 20.0) if short else (900.0, 120.0)  # an input pauses
        sizes: list[tuple[float, int]] = []
        next_break, next_gone, back_at, next_minute, next_look, looks = began + period, began + gone, 0.0, began + 60, began, 0
        breaking = [f for f in feeds if f.out.way != "udp"]
        breaks = 0
        cpu_last, own_last = cpu_began, own_began
        while (now := time.time()) < end:
            for number, one in enumerate(feeds):
                pausing = number == int((now - began) / pause) % len(feeds) and (now - began) % pause > pause - pause_s
                if not pausing:
                    one.work(now)
            if now > next_break:
                breaking[breaks % len(breaking)].out.drop()
                breaks, next_break = breaks + 1, now + period
            if not back_at and now > next_gone and now + gone_s < end - 10:
                away.close()
                back_at = now + gone_s
            if back_at and now > back_at:
                away.open()
                back_at, next_gone = 0.0, now + gone - gone_s
            if now > next_look:
                next_look, looks = now + 10, looks + 1
                for fault in unbalanced(status(ports["web"])):
                    faults.append(f"after {now - began:.0f} s: {fault}")
                reference.forget()
            if int(now * 10) % 10 == 0:
                for reading in readings.values():
                    reading.judge()
            if now > next_minute:
                cpu, size = used(relay.pid)
                own = time.process_time()
                sizes.append((now - began, size))
                print(f"{(now - began) / 60:5.1f} min: relay {(cpu - cpu_last) / 60:.1%} of a processor, {size / 1e6:.0f} MB; "
                      f"this {(own - own_last) / 60:.1%}; {reference.parsed} updates; wrong "
                      f"{sum(r.wrong for r in readings.values())}; unbalanced {len(faults)}", flush=True)  # fmt: skip
                cpu_last, own_last, next_minute = cpu, own, next_minute + 60
            time.sleep(max(0.0, 0.1 - (time.time() - now)))
        if back_at:
            away.open()
        CLEAR.set()  # nothing more is fed; the slow one reads all it is given
        time.sleep(5.0)
        cpu, size = used(relay.pid)
        told = settled(ports["web"], reference, readings, away)
        for reading in readings.values():
            reading.judge(last=True)
        spent = time.time() - began
        relay.send_signal(signal.SIGTERM)
        if relay.wait(60):
            faults.append(f"the relay ended with {relay.returncode}")
        return report(told, reference, readings, away, sockets, feeds, faults, looks, breaks,
                      (cpu - cpu_began) / spent, [*sizes, (spent, size)], (folder / "relay.log").read_text())  # fmt: skip
    finally:
        for process in reversed(started):
            if process.poll() is None:
                process.terminate()
                process.wait(30)
        log.close()


def settled(port: int, reference: Reference, readings: dict[str, Reading], away: Away) -> dict:
    """The account when all that was sent has been read, or after a while."""
    end = time.monotonic() + 120
    while True:
        before = status(port)
        time.sleep(1.0)
        counts = {n: r.parsed for n, r in readings.items()} | {"reference": reference.parsed}
        told = status(port)
        same = [c["sent"] for c in before["customers"]] == [c["sent"] for c in told["customers"]]
        sent = {c["name"]: c["sent"] for c in told["customers"]}
        quiet = all(counts[n] == sent[n] for n in ("reference", "cot", "slow", "mqtt"))
        calm = all(c["waiting"] == 0 for c in told["customers"] if c["name"] != "map")
        if (same and quiet and calm) or time.monotonic() > end:
            return told


def report(told, reference, readings, away, sockets, feeds, faults, looks, breaks, share, sizes, log) -> int:
    wrong = list(faults)
    print(f"\n{'customer':10} {'produced':>9} {'withheld':>9} {'untold':>7} {'offered':>9} {'sent':>9} {'replaced':>8} {'expired':>7} "
          f"{'dropped':>7} {'waiting':>7} {'read':>9} {'values':>9} {'wrong':>5}")  # fmt: skip
    order, twice, disorder = away.against(reference.hashes)
    for c in told["customers"]:
        name = c["name"]
        reading = readings.get(name)
        read = reading.parsed if reading else reference.parsed if name == "reference" else order
        print(f"{name:10} {c['produced']:9} {sum(c['withheld'].values()):9} {c['untold']:7} {c['offered']:9} {c['sent']:9} "
              f"{c['replaced']:8} {c['expired']:7} {c['dropped']:7} {c['waiting']:7} {read:9} "
              f"{reading.values if reading else 0:9} {reading.wrong if reading else 0:5}")  # fmt: skip
        if name == "map":
            continue  # a document has the whole picture: how often it was asked for is no count of updates
        missed = lost(sockets[name]) if name in sockets else 0
        expected = reference.broadcast if name in ("sbs", "beast") else c["sent"]
        if read != expected and not missed:
            wrong.append(f"{name}: {expected} were sent, {read} were read")
        if missed:
            print(f"    {missed} datagrams were not read in time")
        if name not in ("slow", "durable") and c["replaced"] + c["expired"]:
            wrong.append(f"{name}: keeps up, but {c['replaced']} were replaced and {c['expired']} expired")
        if c["dropped"]:
            wrong.append(f"{name}: {c['dropped']} were dropped")
        if reading is not None and (reading.values == 0 or reading.parsed == 0):
            wrong.append(f"{name}: nothing was compared")
    slow = next(c for c in told["customers"] if c["name"] == "slow")
    if not slow["replaced"]:
        wrong.append("slow: it was not slow enough to have anything replaced")
    if disorder:
        wrong.append(f"durable: {disorder}")
    if not away.times_away:
        wrong.append("durable: it was never away")
    wrong += unbalanced(told)
    for name, reading in readings.items():
        wrong += [f"{name}: {text}" for text in reading.faults]
    if told["failed"]:
        wrong.append(f"{told['failed']} parts of the relay failed")
    print(f"\ndurable: away {away.times_away} times; {order} of {len(reference.hashes)} in order, {twice} twice")
    print(f"tablet: reports and heartbeats; accounts looked at {looks} times; connections broken {breaks} times")
    for one, source in zip(feeds, told["inputs"], strict=True):
        rows = ", ".join(f"{n} {v}" for n, v in source["rows"].items())
        print(f"{source['name']:12} {one.rows} reports, {one.damaged} damaged; {source['bytes']} bytes; rows: {rows}")
    print(f"reports: {told['reports']}\nobjects: {told['objects']}; updates {told['updates']}; batches {told['batches']}")
    events = collections.Counter(json.loads(line)["event"] for line in log.splitlines() if line.startswith("{"))
    print(f"log: {dict(events)}")
    tenth = next((s for t, s in sizes if t >= 600), sizes[0][1])
    print(f"relay: {share:.1%} of a processor; resident after 10 min (or the first) {tenth / 1e6:.0f} MB, at the end {sizes[-1][1] / 1e6:.0f} MB")
    if sizes[-1][0] > 1200 and sizes[-1][1] > 1.15 * tenth:
        wrong.append("the relay's memory grew by more than 15 %")
    print("\nall holds" if not wrong else "\nDOES NOT HOLD:\n" + "\n".join(f"- {text}" for text in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    if not hasattr(link("jsonl"), "pieces"):
        raise SystemExit("this needs the relay")
    sys.exit(main())
