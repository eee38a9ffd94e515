"""Foreign readers of what a relay tells in ``relay_hour.py``, and the reference that they are compared with.

Source of GDL 90: FAA/Garmin 560-1058-00 Rev A, 2.2 (frames, CRC) and 3.5.1 (traffic).
"""

import array
import calendar
import collections
import csv
import hashlib
import json
import math
import threading
import time

import asterix.generated as asterix_specs
import pyais
import rs1090
import takproto
from asterix.base import Bits, RawDatablock
from lxml import etree

from relay_feeds import gdl90_crc

KEPT_S = 900.0  # how long the reference remembers an update
JUDGED_S = 3.0  # a reading waits so long for the reference before it is judged ...
GIVEN_UP_S = 30.0  # ... and is wrong when it has found no update after that


# ---- the reference, and what is compared with it ----

FIELDS = ("time_ns", "lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft", "gs_kt", "track_deg", "climb_fpm")
ANGLES = {"track_deg": 360.0, "lon_deg": 360.0}


class Reference:
    """Every update, for a while: by object, and by number of the object in the picture."""

    def __init__(self) -> None:
        self.updates: dict[str, collections.deque] = {}
        self.slots: dict[int, str] = {}
        self.uids: dict[str, str] = {}
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
            if "uid" in row:
                self.uids[row["uid"]] = name
        if row["state"] == "live" and name.startswith("icao:") and "lat_deg" in row:
            self.broadcast += 1

    def called(self, by: str, what: str | int) -> str:
        """The object of a name that its origin gave it, or the relay; of its number in the picture."""
        if by == "uid":
            return self.uids.get(what) or named(what)
        return f"track:1-2-{what}" if f"track:1-2-{what}" in self.updates else self.slots.get(what, "")

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
            print(f"{self.name}: {text}", flush=True)

    def say(self, name: str | tuple[str, str | int], **said: tuple[float | None, float]) -> None:
        """Values with half a step of each, of one object."""
        known = [(FIELDS.index(k), v, step) for k, (v, step) in said.items() if v is not None]
        self.waiting.append((time.monotonic(), name, known))

    def judge(self, last: bool = False) -> None:
        now, kept = time.monotonic(), []
        while self.waiting and (last or self.waiting[0][0] < now - JUDGED_S):
            when, called, said = self.waiting.popleft()
            name = self.reference.called(*called) if isinstance(called, tuple) else called
            if self.reference.has(name, said):
                self.values += len(said)
            elif not last and when > now - GIVEN_UP_S:
                kept.append((when, called, said))
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
        reading.say(
            name,
            time_ns=when,
            lat_deg=(number(cells[14]), half),
            lon_deg=(number(cells[15]), half),
            alt_baro_ft=(number(cells[11]), 0.51),
            gs_kt=(number(cells[12]), 0.051),
            track_deg=(number(cells[13]), 0.051),
        )
    elif cells[1] == "4":
        reading.say(name, time_ns=when, gs_kt=(number(cells[12]), 0.051), track_deg=(number(cells[13]), 0.051))


_DAYS: dict[str, int] = {}


def calendar_s(text: str, form: str) -> int:
    """Seconds since 1970; days are remembered, for strptime is slow."""
    day = text[:10]
    if day not in _DAYS:
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
                f"mmsi:{said.mmsi:09d}",
                time_ns=(float(clock) * (1e9 if len(clock) < 12 else 1e6), 5.1e5),
                lat_deg=(said.lat, half),
                lon_deg=(said.lon, half),
                gs_kt=(None if said.speed > 102.2 else said.speed, 0.0501),
                track_deg=(None if said.course >= 360 else said.course, 0.0501),
            )


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
                    f"icao:{record.get_item('080').as_uint():06x}",
                    lat_deg=(value("131", "LAT"), half),
                    lon_deg=(value("131", "LON"), half),
                    alt_baro_ft=(None if (fl := value("145")) is None else fl * 100, 12.51),
                    gs_kt=(None if speed is None else speed * 3600, 0.111),
                    track_deg=(value("160", "TA"), 0.0028),
                )
                continue
            half = 180 / 2**26 * 1.001
            east, north = value("185", "VX"), value("185", "VY")
            speed = None if east is None else math.hypot(east, north) * 3600 / 1852
            address = record.get_item("380")
            address = address.variation.get_item("ADR") if address is not None else None
            name = (
                f"icao:{address.as_uint():06x}" if address is not None else ("number", record.get_item("040").as_uint())
            )
            reading.say(
                name,
                lat_deg=(value("105", "LAT"), half),
                lon_deg=(value("105", "LON"), half),
                alt_baro_ft=(None if (fl := value("136")) is None else fl * 100, 12.51),
                gs_kt=(speed, 0.125 * math.sqrt(2) * 3600 / 1852 + 0.001),
            )


def named(uid: str) -> str:
    """The object of an event that the relay named by itself."""
    authority, dash, rest = uid.partition("-")
    ours = dash and authority in ("ICAO", "ANON", "MMSI", "FLARM", "OGN", "TRACK")
    return f"{authority.lower()}:{rest.lower()}" if ours else uid


def at_point(
    reading: Reading, uid: str, time_ns: float, lat: float, lon: float, hae: float, half: float, **more
) -> None:
    height = None if hae > 999_998 else hae / 0.3048
    reading.say(
        ("uid", uid),
        time_ns=(time_ns, 5.1e5),
        lat_deg=(lat, half),
        lon_deg=(lon, half),
        alt_geom_ft=(height, 0.025),
        **more,
    )


def tak(reading: Reading, datagram: bytes) -> None:
    event = takproto.parse_proto(bytearray(datagram)).cotEvent
    reading.parsed += 1
    track = event.detail.track if event.detail.HasField("track") else None
    at_point(
        reading,
        event.uid,
        event.sendTime * 1e6,
        event.lat,
        event.lon,
        event.hae,
        1e-9,
        gs_kt=(track and track.speed * 3600 / 1852, 0.002),
        track_deg=(track and track.course, 0.0051),
    )


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
                    zones = max(
                        math.floor(
                            360
                            / math.degrees(
                                math.acos(1 - (1 - math.cos(math.pi / 30)) / math.cos(math.radians(lat)) ** 2)
                            )
                        )
                        - 1,
                        1,
                    )
                    reading.say(
                        name,
                        lat_deg=(lat, half * 1.01),
                        lon_deg=(lon, 360 / zones / 2**18 * 1.03),
                        alt_baro_ft=(said.get("altitude"), 12.51),
                    )
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
                more = {
                    "gs_kt": (speed and float(speed) * 3600 / 1852, 0.002),
                    "track_deg": (course and float(course), 0.0051),
                }
            at_point(
                reading,
                event.get("uid"),
                iso_ns(event.get("time")),
                float(point.get("lat")),
                float(point.get("lon")),
                float(point.get("hae")),
                5.1e-8,
                **more,
            )


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
                    f"{'anon' if message[1] & 1 else 'icao'}:{message[2:5].hex()}",
                    lat_deg=(lat, half),
                    lon_deg=(lon, half),
                    alt_baro_ft=(None if alt == 0xFFF else alt * 25 - 1000, 12.51),
                    gs_kt=(None if speed == 0xFFF else speed, 0.501),
                    track_deg=(message[17] * 360 / 256 if turn == 1 else None, 0.704),
                    climb_fpm=(None if climb == -2048 or abs(climb) > 509 else climb * 64, 32.1),
                )
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


def page(reading: Reading, document: bytes) -> None:
    """An aircraft list as a tar1090 page takes it."""
    told = json.loads(document)
    reading.parsed += 1
    for one in told["aircraft"]:
        if "lat" not in one:
            continue
        alt, ground = one.get("alt_baro"), one.get("alt_baro") == "ground"
        name = "anon:" + one["hex"][1:] if one["hex"].startswith("~") else "icao:" + one["hex"]
        # no age is below 0: radar rounds its times to 1/128 s, so they may lie that much after the list's
        age_s, half_ns = one["seen_pos"], 1.01e6
        reading.say(
            name,
            time_ns=((told["now"] - age_s) * 1e9, half_ns if age_s else half_ns + 1e9 / 256),
            lat_deg=(one["lat"], 5.01e-7),
            lon_deg=(one["lon"], 5.01e-7),
            alt_baro_ft=(None if ground else alt, 0.51),
            gs_kt=(one.get("gs"), 0.0501),
            track_deg=(one.get("track"), 0.0051),
        )
