"""How fast is one update written to many formats, against today's libraries in the same run?

Run: ``python bench/outputs.py``. An update is a row of a relay's picture: an aircraft with what ADS-B says of it.
Ours is ``pieces`` of each link, from a Polars table to the bytes of each row apart. A peer gets the same rows as
dictionaries, which were made before, and writes one after another, as a program does that is built on today's
libraries: f-strings, ``json``, ``msgspec``, ``struct``, ``lxml``, ``pyais``, ``takproto``. A rate is updates in a
second of processor time (``time.process_time``: all threads), the best of several runs after one that warms kernels
and caches.
"""

import json
import platform
import struct
import time
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import polars as pl

from testigos import registry
from testigos.schema import PICTURE, conform

FIVE = 5
GOAL = 200_000
PACKAGES = ("testigos", "numpy", "numba", "polars", "msgspec", "lxml", "pyais", "takproto")
NOW_NS = 1_761_242_592_000_000_000
Row = dict[str, Any]


def updates(count: int, seed: int = 1) -> pl.DataFrame:
    """Rows of a picture: positions anywhere, values in the steps in which ADS-B says them, a tenth of them unknown."""
    dice = np.random.Generator(np.random.PCG64(seed))

    def known(values: Any, share: float = 0.9) -> list[Any]:
        return [v if k else None for v, k in zip(values.tolist(), dice.random(count) < share, strict=True)]

    east, north = dice.integers(-500, 500, count), dice.integers(-500, 500, count)
    names = dice.choice(1 << 24, count, replace=False)
    altitude = 25.0 * dice.integers(0, 1_800, count)
    rows = {
        "object_id": [f"icao:{n:06x}" for n in names],
        "time_ns": NOW_NS - dice.integers(0, 10_000, count) * 1_000_000,
        "status": ["ok"] * count,
        "source": dice.choice(["adsb", "mlat", "tisb", "adsr"], count, p=[0.9, 0.06, 0.02, 0.02]).tolist(),
        "lat_deg": dice.uniform(-80, 80, count),
        "lon_deg": dice.uniform(-180, 180, count),
        "alt_baro_ft": known(altitude),
        "alt_geom_ft": known(altitude + 25.0 * dice.integers(-40, 40, count)),
        "on_ground": (dice.random(count) < 0.05).tolist(),
        "gs_kt": known(np.hypot(east, north).astype(np.float32)),
        "track_deg": known((np.degrees(np.arctan2(east, north)) % 360.0).astype(np.float32)),
        "vrate_fpm": known(64.0 * dice.integers(-50, 50, count)),
        "callsign": known(np.array([f"TST{n % 10_000:04d}" for n in names])),
        "squawk": known(np.array([f"{n % 4096:04o}" for n in names])),
        "category": known(dice.choice(["A1", "A3", "A5"], count)),
        "emergency": known(np.array(["general"] * count), 0.001),
        "nic": known(dice.integers(0, 12, count)),
        "rc_m": known(dice.choice([7.5, 25.0, 75.0, 185.2, 370.4], count)),
        "nac_p": known(dice.integers(0, 12, count)),
        "nac_v": known(dice.integers(0, 5, count)),
        "sil": known(dice.integers(0, 4, count)),
        "adsb_version": known(np.full(count, 2)),
        "rssi_dbfs": known(np.round(dice.uniform(-40, 0, count), 1).astype(np.float32)),
        "kind": ["aircraft"] * count,
        "link": ["beast"] * count,
        "radius95_m": known(dice.choice([3.0, 10.0, 30.0, 92.6], count)),
    }
    return conform(pl.DataFrame(rows), PICTURE).select(*rows)


def vessels(table: pl.DataFrame) -> pl.DataFrame:
    """The same as vessels, for AIS says nothing of aircraft."""
    number = pl.Series("object_id", [f"mmsi:{366_000_000 + n}" for n in range(len(table))])
    kind, source = (pl.lit(name, PICTURE[of].dtype).alias(of) for of, name in (("kind", "vessel"), ("source", "ais")))
    return table.with_columns(number, kind, source, pl.col("gs_kt") / 20.0)


# ---- what today's libraries make of a row ----


def _when(row: Row) -> datetime:
    return datetime.fromtimestamp(row["time_ns"] / 1e9, UTC)


def sbs_by_hand(row: Row) -> bytes:
    """BaseStation lines of call sign, position and velocity, by f-strings."""
    when = _when(row).strftime("%Y/%m/%d,%H:%M:%S.%f")[:-3]
    head = f"1,1,{row['object_id'][5:].upper()},1,{when},{when}"
    shown = {k: "" if v is None else v for k, v in row.items()}
    lines = ""
    if row["callsign"]:
        lines += f"MSG,1,{head},{row['callsign']},,,,,,,,,,,\r\n"
    lines += f"MSG,3,{head},,{shown['alt_baro_ft']},,,{row['lat_deg']:.6f},{row['lon_deg']:.6f},,,,,,0\r\n"
    lines += f"MSG,4,{head},,,{shown['gs_kt']},{shown['track_deg']},,,{shown['vrate_fpm']},,,,,0\r\n"
    if row["squawk"]:
        lines += f"MSG,6,{head},,,,,,,,{row['squawk']},,0,,0\r\n"
    return lines.encode()


_READSB = {
    "flight": "callsign", "alt_baro": "alt_baro_ft", "alt_geom": "alt_geom_ft", "gs": "gs_kt", "track": "track_deg",
    "baro_rate": "vrate_fpm", "squawk": "squawk", "emergency": "emergency", "category": "category", "lat": "lat_deg",
    "lon": "lon_deg", "nic": "nic", "rc": "rc_m", "version": "adsb_version", "nac_p": "nac_p", "nac_v": "nac_v",
    "sil": "sil", "rssi": "rssi_dbfs",
}  # fmt: skip


def _aircraft(row: Row) -> Row:
    made = {"hex": row["object_id"][5:], "type": "adsb_icao"}
    made |= {key: row[name] for key, name in _READSB.items() if row[name] is not None}
    if row["on_ground"]:
        made["alt_baro"] = "ground"
    seen = round((NOW_NS - row["time_ns"]) / 1e9, 3)
    return made | {"seen": seen, "seen_pos": seen, "mlat": [], "tisb": []}


def aircraft_by_json(row: Row) -> bytes:
    """An object of aircraft.json."""
    return json.dumps(_aircraft(row)).encode()


def aircraft_by_msgspec(row: Row) -> bytes:
    """The same by msgspec, which is said to be the fastest."""
    import msgspec

    return msgspec.json.encode(_aircraft(row))


def _feature(row: Row) -> Row:
    place = [row["lon_deg"], row["lat_deg"]]
    if row["alt_geom_ft"] is not None:
        place.append(row["alt_geom_ft"] * 0.3048)
    said = {k: v for k, v in row.items() if v is not None and k not in ("object_id", "lat_deg", "lon_deg")}
    said["time"] = _when(row).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    point = {"type": "Point", "coordinates": place}
    return {"type": "Feature", "id": row["object_id"], "geometry": point, "properties": said}


def feature_by_json(row: Row) -> bytes:
    """A feature of GeoJSON."""
    return json.dumps(_feature(row)).encode()


def feature_by_msgspec(row: Row) -> bytes:
    """The same by msgspec."""
    import msgspec

    return msgspec.json.encode(_feature(row))


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        crc = value << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        table.append(crc & 0xFFFF)
    return table


_CRC = _crc_table()


def gdl90_by_struct(row: Row) -> bytes:
    """A traffic report of GDL 90, in plain Python: no package writes them."""
    north, east = round(row["lat_deg"] / 180 * 2**23) & 0xFFFFFF, round(row["lon_deg"] / 180 * 2**23) & 0xFFFFFF
    alt = 0xFFF if row["alt_baro_ft"] is None else int((row["alt_baro_ft"] + 1000) / 25)
    speed = 0xFFF if row["gs_kt"] is None else int(row["gs_kt"])
    rate = 0x800 if row["vrate_fpm"] is None else int(row["vrate_fpm"] / 64) & 0xFFF
    message = struct.pack(
        ">BB3s3s3sHBHHBB8sB", 20, 0, bytes.fromhex(row["object_id"][5:]), north.to_bytes(3, "big"),
        east.to_bytes(3, "big"), alt << 4 | 9, (row["nic"] or 0) << 4 | (row["nac_p"] or 0), speed << 4 | rate >> 8,
        (rate & 0xFF) << 8 | int((row["track_deg"] or 0) / 360 * 256) & 0xFF, 3, 0,
        (row["callsign"] or "").ljust(8).encode(), 0,
    )  # fmt: skip
    crc = 0
    for byte in message:
        crc = _CRC[crc >> 8] ^ (crc << 8) & 0xFFFF ^ byte
    body = message + crc.to_bytes(2, "little")
    return b"\x7e" + body.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e") + b"\x7e"


def cot_by_lxml(row: Row) -> bytes:
    """An event of Cursor on Target."""
    from lxml import etree

    when = _when(row).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = etree.Element(
        "event", version="2.0", uid=row["object_id"], type="a-n-A-C-F", how="m-g", time=when, start=when, stale=when
    )
    height = 9_999_999.0 if row["alt_geom_ft"] is None else row["alt_geom_ft"] * 0.3048
    etree.SubElement(
        event,
        "point",
        lat=str(row["lat_deg"]),
        lon=str(row["lon_deg"]),
        hae=str(height),
        ce="9999999.0",
        le="9999999.0",
    )
    detail = etree.SubElement(event, "detail")
    etree.SubElement(detail, "contact", callsign=row["callsign"] or row["object_id"])
    etree.SubElement(detail, "track", course=str(row["track_deg"] or 0), speed=str((row["gs_kt"] or 0) * 0.5144))
    return etree.tostring(event)


def tak_by_takproto(row: Row) -> bytes:
    """A TAK protocol message, from the XML that takproto wants."""
    import takproto

    return bytes(takproto.xml2proto(cot_by_lxml(row).decode()))


def aivdm_by_pyais(row: Row) -> bytes:
    """A class B position report of AIS."""
    from pyais import encode_dict

    said = {"type": 18, "mmsi": 366_730_000, "lat": row["lat_deg"], "lon": row["lon_deg"]}
    said |= {"speed": min(row["gs_kt"] or 0, 102.2), "course": row["track_deg"] or 0}
    return "\r\n".join(encode_dict(said)).encode()


@dataclass(frozen=True)
class Format:
    """A format that one update goes to: the link's name, and who else writes it."""

    name: str
    peers: tuple[tuple[str, Callable[[Row], bytes]], ...] = ()


#: The first five that there are make up "five formats"; a link that is not there yet is passed over.
FORMATS = (
    Format("sbs", (("f-strings", sbs_by_hand),)),
    Format("readsb_json", (("json", aircraft_by_json), ("msgspec", aircraft_by_msgspec))),
    Format("gdl90", (("struct", gdl90_by_struct),)),
    Format("geojson", (("json", feature_by_json), ("msgspec", feature_by_msgspec))),
    Format("cot", (("lxml", cot_by_lxml),)),
    Format("beast"),
    Format("jsonl"),
    Format("tak", (("takproto", tak_by_takproto),)),
    Format("aivdm", (("pyais", aivdm_by_pyais),)),
    Format("asterix"),
    Format("avr"),
    Format("frames_csv"),
)


def seconds(work: Callable[[], Any], runs: int = 30, limit_s: float = 4.0) -> float:
    """Processor time of the best run after one to warm up; fewer, but three, once the limit is used up."""
    work()
    taken: list[float] = []
    while len(taken) < 3 or (len(taken) < runs and sum(taken) < limit_s):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


def peer_seconds(write: Callable[[Row], bytes], rows: list[Row]) -> float | None:
    """The same of a peer; null where its package is missing."""
    try:
        return seconds(lambda: [write(row) for row in rows], 5)
    except ImportError:
        return None


def measure(count: int) -> None:
    """One batch size: a line a format, and all five together."""
    aircraft = updates(count)
    rows = aircraft.to_dicts()
    known = [f for f in FORMATS if f.name in registry.link_names() and hasattr(registry.link(f.name), "pieces")]
    five = known[:FIVE]
    slowest = {}
    print(
        f"\n{count:,} updates at once\n"
        f"{'format':12} {'bytes':>6} {'us':>7} {'updates/s':>11}   others, updates/s (ratio)"
    )
    for form in known:
        link: Any = registry.link(form.name)
        table = vessels(aircraft) if form.name == "aivdm" else aircraft
        taken = seconds(lambda link=link, table=table: link.pieces(table))
        length = link.pieces(table).start[-1] / count
        others = []
        for who, write in form.peers:
            other = peer_seconds(write, rows[:1000])
            if other is not None:
                other *= count / len(rows[:1000])
                slowest[form.name] = min(other, slowest.get(form.name, np.inf))
                others.append(f"{who} {count / other:,.0f} ({other / taken:.0f}x)")
        print(f"{form.name:12} {length:6.0f} {taken / count * 1e6:7.2f} {count / taken:11,.0f}   {', '.join(others)}")
    links: list[Any] = [registry.link(f.name) for f in five]
    taken = seconds(lambda: [link.pieces(aircraft) for link in links])
    each = "+".join(f.name for f in five)
    print(f"{each}: {taken / count * 1e6:.2f} us, {count / taken:,.0f} updates/s (goal {GOAL:,})")
    both = [f for f in five if f.name in slowest]
    ours = seconds(lambda: [registry.link(f.name).pieces(aircraft) for f in both])  # type: ignore[attr-defined]
    theirs = sum(slowest[f.name] for f in both)
    print(
        f"{'+'.join(f.name for f in both)}: {count / ours:,.0f} updates/s, the fastest of the others "
        f"{count / theirs:,.0f} ({theirs / ours:.0f}x)"
    )
    formats = ("json", "msgspec", "struct", "lxml", "f-strings")
    all_peers = {f.name: f.peers[0][1] for f in FORMATS[:FIVE] if f.peers[0][0] in formats}
    times = [peer_seconds(write, rows[:1000]) for write in all_peers.values()]
    if all(t is not None for t in times):
        rate = len(rows[:1000]) / sum(t for t in times if t is not None)
        print(f"a program of today's libraries, {'+'.join(all_peers)}: {rate:,.0f} updates/s")


def main() -> None:
    """The table for each size of batch."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", type=int, nargs="+", default=[1_000, 5_000])
    for name in PACKAGES:
        try:
            print(name, version(name), end="; ")
        except PackageNotFoundError:
            print(name, "is not installed", end="; ")
    print("Python", platform.python_version())
    for count in parser.parse_args().counts:
        measure(count)


if __name__ == "__main__":
    main()
