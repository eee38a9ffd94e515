"""Heatmaps: a real readsb's files against the traces that it wrote of the same aircraft."""

import gzip
import json
import struct
from pathlib import Path

import polars as pl

from testigos.links import readsb_heatmap
from testigos.schema import violations

DAY = Path("heatmap_and_api/globe_history/2026/11/23")


def _bytes(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def _read(data: bytes) -> pl.DataFrame:
    frames, rest = readsb_heatmap.split(data, True)
    assert rest == b""
    return readsb_heatmap.decode(frames, None)[0]


def test_every_record_of_a_real_file_is_a_row_or_says_when(shared: Path) -> None:
    for name, slices in (("30.bin.ttf", 60), ("31.bin.ttf", 60)):
        data = _bytes(shared / DAY / "heatmap" / name)
        assert readsb_heatmap.recognise(data) > 0
        records = list(struct.iter_unpack("<Iiihh", data))
        magic = sum(r[0] == 0x0E7F7C9D for r in records)
        index = sum(r[1:] == (0, 0, 0, 0) for r in records)
        table = _read(data)
        assert magic == index == slices
        assert len(table) == len(records) - magic - index
        assert violations(table) == []
        positions = sum(r[1] < 1 << 30 for r in records) - magic - index
        assert table["status"].eq("ok").sum() == positions if positions else len(table) == 0


def test_positions_are_those_of_the_traces_within_a_slice(shared: Path) -> None:
    table = _read(_bytes(shared / DAY / "heatmap" / "31.bin.ttf")).filter(pl.col("status") == "ok")
    checked = 0
    for path in sorted((shared / "heatmap_and_api").glob("trace_full_*.json")):
        trace = json.loads(_bytes(path))
        known: dict[tuple[int, int], list[float]] = {}
        for point in trace["trace"]:
            key = (round(point[1] * 1e6), round(point[2] * 1e6))
            known.setdefault(key, []).append(trace["timestamp"] + point[0])
        mine = table.filter(pl.col("object_id") == f"icao:{trace['icao']}")
        for time_ns, lat, lon in mine.select("time_ns", "lat_deg", "lon_deg").iter_rows():
            at = known.get((round(lat * 1e6), round(lon * 1e6)), [])
            checked += any(0 <= t - time_ns / 1e9 <= 30.001 for t in at)
    assert checked >= 0.9 * len(table)
    assert checked > 200


def test_call_signs_stand_on_the_positions_after_them(shared: Path) -> None:
    table = _read(_bytes(shared / DAY / "heatmap" / "31.bin.ttf"))
    said = table.filter(pl.col("object_id") == "icao:ae503d", pl.col("status") == "ok")["callsign"]
    assert said.unique().to_list() == ["SPAR19"]


def test_the_carry_is_not_changed_in_place(shared: Path) -> None:
    data = _bytes(shared / DAY / "heatmap" / "31.bin.ttf")
    frames, rest = readsb_heatmap.split(data[:3000])
    _, carry = readsb_heatmap.decode(frames, None)
    before = repr(carry)
    frames, _ = readsb_heatmap.split(rest + data[3000:], True)
    first, _ = readsb_heatmap.decode(frames, carry)
    assert repr(carry) == before
    assert readsb_heatmap.decode(frames, carry)[0].equals(first)
