"""What a relay hears in ``relay_hour.py``: bodies on their way, told of in bytes that are not written by Testigos.

AIS is written by pyais, ASTERIX by libasterix, XML by lxml, SBS, OGN and GDL 90 by hand; only the bits of Mode S are
those of ``testigos.modes``.

Source of GDL 90: FAA/Garmin 560-1058-00 Rev A, 2.2 (frames, CRC), 3.1 (heartbeat), 3.5.1 (traffic).
"""

import math
import random
import socket
import struct
import threading
import time

import asterix.generated as asterix_specs
import polars as pl
import pyais
from lxml import etree

from testigos.links import beast
from testigos.modes.encode_rows import squitters

OBJECTS = 40
BEGAN_S = time.time()


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
                {
                    "object_id": f"icao:{0x4B0000 + body.number:06x}",
                    "time_ns": round(now * 1e9),
                    "source": "adsb",
                    "status": "ok",
                    "lat_deg": lat,
                    "lon_deg": lon,
                    "gs_kt": kt,
                    "track_deg": course,
                    "alt_baro_ft": alt,
                    "vrate_fpm": climb,
                    "callsign": f"SWR{body.number}",
                    "on_ground": False,
                    "nic": 8,
                    "nac_p": 9,
                    "sil": 3,
                }
            )
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
            said = {
                "mmsi": mmsi,
                "lat": lat,
                "lon": lon,
                "speed": kt,
                "course": course,
                "heading": round(course) % 360,
                "second": int(now) % 60,
                "type": 18 if body.number % 3 == 0 else 1,
            }
            lines = pyais.encode_dict(said, sentence_type="VDM")
            if self.dice.random() < 0.05:
                name = f"SHIP {body.number}"
                if body.number % 3 == 0:
                    more = {"type": 24, "mmsi": mmsi, "partno": 0, "shipname": name}
                else:
                    more = {
                        "type": 5,
                        "mmsi": mmsi,
                        "shipname": name,
                        "callsign": f"DA{body.number}",
                        "ship_type": 70,
                        "imo": 9_000_000 + body.number,
                        "draught": 7.3,
                        "destination": "HAMBURG",
                    }
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
            event = etree.Element(
                "event",
                version="2.0",
                uid=f"UNIT-{body.number}",
                type=kind,
                how="m-g",
                time=iso(now),
                start=iso(now),
                stale=iso(now + 90),
            )
            etree.SubElement(
                event, "point", lat=f"{lat:.7f}", lon=f"{lon:.7f}", hae=f"{alt * 0.3048:.1f}", ce="8.0", le="12.0"
            )
            detail = etree.SubElement(event, "detail")
            etree.SubElement(detail, "contact", callsign=f"Unit <{body.number}> & co")
            etree.SubElement(detail, "track", course=f"{course:.2f}", speed=f"{kt * 1852 / 3600:.3f}")
            data.append(etree.tostring(event, xml_declaration=True, encoding="UTF-8"))
        self.out.send(b"".join(data))

    def harm(self) -> None:
        self.out.send(
            self.dice.choice((b'<event version="2.0" uid="x"><point lat="1"', b"<event/>", b"\x00 what? <<<\n"))
        )


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
                "185": (
                    ("VX", round(4 * mps * math.sin(math.radians(course)))),
                    ("VY", round(4 * mps * math.cos(math.radians(course)))),
                ),
                "136": round(alt / 25),
            }
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
            data.append(
                gdl90_framed(bytes((0, 0x81, 0x01 | day >> 16 << 7)) + struct.pack("<H", day & 0xFFFF) + b"\0\0")
            )
        for body in found:
            lat, lon, kt, course, alt, climb = body.at(now)
            north, east = round(lat * 2**23 / 180) & 0xFFFFFF, round(lon * 2**23 / 180) & 0xFFFFFF
            code, speed, rate = round((alt + 1000) / 25), round(kt), round(climb / 64) & 0xFFF
            message = bytes((20, 0)) + (0xA00000 + body.number).to_bytes(3, "big") + north.to_bytes(3, "big")
            message += east.to_bytes(3, "big") + bytes((code >> 4, (code & 15) << 4 | 9, 0x89))
            message += bytes(
                (speed >> 4, (speed & 15) << 4 | rate >> 8, rate & 0xFF, round(course * 256 / 360) & 0xFF, 1)
            )
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
            where = f"{north}{'NS'[lat < 0]}/{east}{'EW'[lon < 0]}'"
            moves = f"{round(course) or 360:03d}/{round(kt):03d}/A={round(alt):06d} !W{n}{e}!"
            at = time.strftime("%H%M%S", time.gmtime(now))
            lines.append(
                f"{sender}>OGFLR,qAS,TEST:/{at}h{where}{moves} id{flags}{name} "
                f"{round(climb):+04d}fpm +0.0rot 20.0dB gps2x3\r\n"
            )
        self.out.send("".join(lines).encode())

    def harm(self) -> None:
        self.out.send(
            self.dice.choice((b"FLRDD0001>OGFLR,qAS,TEST:/2515", b"\xff\xfe\xfd", b"# aprsc 2.1\r\nnonsense")) + b"\r\n"
        )


FEEDS = (
    (Beast, "serve", 47.0, 8.0, 210.0, 33_000.0),
    (Sbs, "call", 47.0, 8.0, 190.0, 28_000.0),
    (Ais, "udp", 54.0, 7.5, 7.0, 0.0),
    (Cot, "call", 48.5, 10.0, 20.0, 1_500.0),
    (Radar, "udp", 46.0, 10.0, 180.0, 24_000.0),
    (Efb, "udp", 40.0, -100.0, 80.0, 7_000.0),
    (Gliders, "serve", 45.0, 6.5, 30.0, 6_000.0),
)
