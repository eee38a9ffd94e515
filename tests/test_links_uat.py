"""UAT: real captures, a plain reading of the bits beside the kernels, and what is written."""

import gzip
import math
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feeding import feed
from testigos import registry
from testigos.links import uat
from testigos.schema import ALL, violations


def read(data: bytes) -> pl.DataFrame:
    return feed(uat, [data])[0]


def information_frames(body: bytes) -> int:
    """How many an uplink holds, by DO-282B 2.2.3.2.2: lengths of nine bits from byte 9 on, until one is 0."""
    count, at = 0, 8
    while body[6] & 0x20 and at < 431 and (size := body[at] << 1 | body[at + 1] >> 7):
        count, at = count + (at + 2 + size <= 432), at + 2 + size
    return count


def test_every_line_of_a_real_capture_is_a_row_and_adsr_is_told_from_tisb(shared: Path) -> None:
    data = gzip.decompress((shared / "uat" / "uat-sample.txt.gz").read_bytes())
    table = read(data)
    lines = data.splitlines()
    assert len(table) == len(lines) == 704 + 439
    assert violations(table, ALL) == []
    uplinks = table.filter(pl.col("uplink_frames").is_not_null())
    assert len(uplinks) == sum(line.startswith(b"+") for line in lines) == 704
    assert uplinks["object_id"].null_count() == 704
    assert uplinks["tisb_site"].unique().to_list() == [11]
    bodies = [bytes.fromhex(line[1:865].decode()) for line in lines if line.startswith(b"+")]
    assert uplinks["uplink_frames"].to_list() == [information_frames(body) for body in bodies]
    assert uplinks["uplink_frames"].sum() == 565
    messages = table.filter(pl.col("uplink_frames").is_null())
    assert messages["lat_deg"].null_count() == 0
    assert dict(messages["source"].value_counts().rows()) == {"uat": 318, "adsr": 51, "tisb": 70}
    # The aircraft that 1090 MHz ADS-B tells its call sign, which radar would not know.
    relayed = messages.filter(pl.col("source") == "adsr")
    assert relayed.select("object_id", "callsign", "adsb_version", "tisb_site").unique().rows() == [
        ("icao:a952b5", "N70FC", 1, 15)
    ]
    tracked = messages.filter(pl.col("source") == "tisb")
    assert tracked["object_id"].str.starts_with("anon:").all()
    assert tracked["callsign"].null_count() == tracked["squawk"].null_count() == 70
    # dump978 prints no time.
    assert table["status"].unique().to_list() == ["no_time"]


def test_a_real_log_has_the_times_of_its_start(shared: Path) -> None:
    data = (shared / "uat" / "gms-uat.log").read_bytes()
    assert registry.recognise(data[:65536]) is uat
    table = read(data)
    assert dict(table["status"].value_counts().rows()) == {"no_position": 383, "ok": 303}
    placed = table.filter(pl.col("status") == "ok")
    assert placed["source"].unique().to_list() == ["tisb"]
    assert placed["time_ns"][0] == (1_441_635_461 * 1_000_000_000) + 1_525_718_854
    assert placed["time_ns"].is_sorted()
    assert placed["lat_deg"].is_between(39, 42).all()
    assert placed["lon_deg"].is_between(-78, -73).all()
    # A transmission that is heard once is one hash.
    assert placed["transmission"].n_unique() > 250


def plain(payload: bytes) -> dict:
    """The state vector of a message, read bit by bit from DO-282B 2.2.4.5.2 in plain Python."""
    text = "".join(f"{byte:08b}" for byte in payload)

    def bits(first: int, count: int) -> int:
        return int(text[first - 1 : first - 1 + count], 2)

    def signed(first: int, count: int) -> int:
        value = bits(first, count)
        return value - (1 << count) if value > 1 << (count - 1) else value

    said: dict = {"address": bits(9, 24)}
    if bits(1, 5) > 10:
        return said
    placed = bits(33, 47) != 0 or bits(93, 4) != 0
    said["lat_deg"] = signed(33, 23) * 360 / 2**24 if placed else None
    said["lon_deg"] = signed(56, 24) * 360 / 2**24 if placed else None
    altitude = bits(81, 12)
    feet = None if altitude in (0, 4095) else -1000 + 25 * (altitude - 1)
    said["alt_geom_ft" if bits(80, 1) else "alt_baro_ft"] = feet
    state = bits(97, 2)
    said["on_ground"] = {0: False, 1: False, 2: True, 3: None}[state]
    if state < 2:
        step = 4 if state else 1
        parts = []
        for sign, first in ((100, 101), (111, 112)):
            speed = bits(first, 10)
            known = speed not in (0, 1023)
            parts.append((speed - 1) * step * (-1 if bits(sign, 1) else 1) if known else None)
        known = None not in parts
        said["gs_kt"] = math.hypot(*parts) if known else None
        said["track_deg"] = math.degrees(math.atan2(parts[1], parts[0])) % 360 if known and any(parts) else None
    elif state == 2:
        said["gs_kt"] = bits(101, 10) - 1 if bits(101, 10) not in (0, 1023) else None
        said["track_deg"] = bits(113, 9) * 360 / 512 if bits(111, 2) == 1 else None
    return said


@settings(deadline=None, derandomize=True, max_examples=300)
@given(head=st.integers(0, 255), body=st.binary(min_size=33, max_size=33))
@example(head=0, body=bytes(33))
@example(head=8, body=b"\xff" * 33)
def test_any_payload_is_read_as_its_bits_say(head: int, body: bytes) -> None:
    payload = bytes([head]) + body
    (row,) = read(b"-" + payload.hex().encode() + b";t=1;\n").rows(named=True)
    said = plain(payload)
    # Types with another altitude overwrite it; only the state vector is compared.
    both = {"alt_baro_ft", "alt_geom_ft"} & set(said)
    for name, value in said.items():
        column = ALL[name]
        if value is not None and column.high is not None and not column.low <= value <= column.high:
            assert row[name] is None
            assert row["status"] == "out_of_range"
        elif value is None or name not in both:
            assert row[name] == (None if value is None else pytest.approx(value, rel=1e-6, abs=1e-5)), name
        else:
            assert row[name] == value
    assert row["status"] in ("ok", "no_position", "out_of_range")


def track(**columns: object) -> pl.DataFrame:
    row = {"object_id": "icao:ae503d", "time_ns": 1_500_000_000, "source": "uat", "nic": 8, "lat_deg": 1.0}
    row |= {"lon_deg": 2.0, "on_ground": False} | columns
    return pl.DataFrame([row], schema_overrides={n: ALL[n].dtype for n in row})


def written(**columns: object) -> dict:
    (row,) = read(uat.encode(track(**columns))).rows(named=True)
    return row


def test_a_line_is_as_dump978_prints_it() -> None:
    line = uat.encode(track(rssi_dbfs=-12.34))
    assert re.fullmatch(rb"-[0-9a-f]{68};rssi=-12\.3;t=1\.500;\n", line)


def test_a_supersonic_velocity_is_written_in_steps_of_four_knots() -> None:
    row = written(gs_kt=1500.0, track_deg=180.0)
    assert (row["gs_kt"], row["track_deg"]) == (1500.0, 180.0)
    assert written(gs_kt=1021.0, track_deg=270.0)["gs_kt"] == 1021.0
    assert abs(written(gs_kt=1023.0, track_deg=90.0)["gs_kt"] - 1023.0) <= 2.0


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("alt_baro_ft", v) for v in (-1_100.0, 101_400.0, 120_000.0)),
        *(("vrate_fpm", v) for v in (33_000.0, -40_000.0)),
        ("callsign", "ÅÄÖ"),
        ("callsign", "NINE CHARS"),
    ],
)
def test_what_no_code_says_is_unknown_and_never_something_else(column: str, value: object) -> None:
    assert written(**{column: value})[column] is None


@pytest.mark.parametrize(
    ("lat", "lon"), [(90.0, 180.0), (-89.9999, -179.99999), (0.00001, -0.00001), (45.0, 179.99999)]
)
def test_places_come_back_to_half_a_step(lat: float, lon: float) -> None:
    row = written(lat_deg=lat, lon_deg=lon)
    half = 180.0 / 2**24
    assert abs(row["lat_deg"] - lat) <= half
    assert min(abs(row["lon_deg"] - lon), 360.0 - abs(row["lon_deg"] - lon)) <= half


def test_the_south_pole_and_the_null_island_move_by_one_step() -> None:
    step = 360.0 / 2**24
    assert written(lat_deg=-90.0)["lat_deg"] == pytest.approx(-90.0 + step, abs=1e-12)
    assert written(lat_deg=0.0, lon_deg=0.0, nic=0)["lat_deg"] == pytest.approx(step, abs=1e-12)
    assert written(lat_deg=0.0, lon_deg=0.0, nic=8)["lat_deg"] == 0.0


def test_an_unknown_place_is_not_the_null_island() -> None:
    row = written(lat_deg=None, nic=8)
    assert (row["status"], row["lat_deg"], row["lon_deg"], row["nic"]) == ("no_position", None, None, None)


@pytest.mark.parametrize(
    ("object_id", "source", "read_as"),
    [
        ("icao:ae503d", "uat", "uat"),
        ("anon:2a1b3c", "adsb", "uat"),
        ("icao:ae503d", "adsr", "adsr"),
        ("anon:2a1b3c", "adsr", "adsr"),
        ("icao:ae503d", "mlat", "tisb"),
        ("anon:2a1b3c", "tisb", "tisb"),
    ],
)
def test_who_said_it_is_in_the_address_qualifier(object_id: str, source: str, read_as: str) -> None:
    row = written(object_id=object_id, source=source, callsign="BARB21")
    assert (row["object_id"], row["source"]) == (object_id, read_as)


def test_a_squawk_is_never_written_where_it_would_be_read_as_a_call_sign() -> None:
    assert written(squawk="7700", adsb_version=1)["squawk"] == "7700"
    row = written(squawk="7700", adsb_version=0)
    assert (row["squawk"], row["callsign"], row["adsb_version"]) == (None, None, 0)


def test_rows_without_an_address_are_left_out_and_rows_without_a_time_have_none() -> None:
    assert uat.encode(track(object_id="mmsi:366730000")) == b""
    assert uat.encode(track().clear()) == b""
    assert written(time_ns=None)["status"] == "no_time"


def test_other_lines_are_not_recognised() -> None:
    assert uat.recognise(b"") == 0
    assert uat.recognise(b"!program=dump978-fa;\n") == 0
    assert uat.recognise(b"*8d40621d58c382d690c8ac2863a7;\n" * 3) == 0
    assert uat.recognise(b"START,Mon Sep 7 14:17:41 +0000 UTC 2015\n1,MSG,8,,,AE503D,,,,,,,,,,,,,,,,,\n") == 0
