"""KML: real exports of three origins, the altitude kinds, and parts of a document."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from testigos.links import kml
from testigos.registry import Frames
from testigos.schema import violations

REAL = [
    ("82-0193-track-press_alt_uncorrected.kml", 2238, "reg:82-0193", "alt_baro_ft"),
    ("86-0033-track-press_alt_uncorrected.kml", 2721, "reg:86-0033", "alt_baro_ft"),
    ("N77552-track-press_alt_uncorrected.kml", 1077, "reg:N77552", "alt_baro_ft"),
    ("N67WV-track-EGM96.kml", 1530, "reg:N67WV", "alt_msl_ft"),
    ("FlightAware_FDX1273_KBOS_KMEM_20221108.kml", 342, "callsign:FDX1273", "alt_baro_ft"),
    ("FlightAware_ITY621_KLAX_LIRF_20221014.kml", 1050, "callsign:ITY621", "alt_baro_ft"),
    ("VB7083-32eca57a-1.kml", 393, "callsign:VIV7083", "alt_baro_ft"),
]


def _read(data: bytes) -> pl.DataFrame:
    frames, rest = kml.split(data, True)
    assert rest == b""
    return kml.decode(frames, None)[0]


@pytest.mark.parametrize(("name", "fixes", "who", "altitude"), REAL)
def test_every_fix_of_a_real_export_is_a_row(shared: Path, name: str, fixes: int, who: str, altitude: str) -> None:
    data = (shared / "kml" / name).read_bytes()
    table = _read(data)
    counted = len(re.findall(rb"<gx:coord\s*>", data)) or data.count(b"<TimeStamp>")
    assert len(table) == counted == fixes
    assert table["status"].eq("ok").all()
    assert table["object_id"].unique().to_list() == [who]
    assert violations(table) == []
    other = {"alt_baro_ft": "alt_msl_ft", "alt_msl_ft": "alt_baro_ft"}[altitude]
    assert table[altitude].is_not_null().any()
    assert table[other].is_null().all()
    whens = [w.decode() for w in re.findall(rb"<when\s*>([^<]*)<", data)]
    shown = pl.from_epoch(table["time_ns"], time_unit="ns").dt.strftime("%Y-%m-%dT%H:%M:%S")
    assert shown.to_list() == [w[:19] for w in whens]


def test_pressure_altitude_of_tar1090_is_given_back_in_steps_of_25_ft(shared: Path) -> None:
    table = _read((shared / "kml" / "82-0193-track-press_alt_uncorrected.kml").read_bytes())
    assert (table["alt_baro_ft"] % 25 == 0).all()
    assert table["alt_baro_ft"][-1] == 27_025


def test_the_altitude_in_feet_of_a_route_fits_its_metres(shared: Path) -> None:
    data = (shared / "kml" / "VB7083-32eca57a-1.kml").read_bytes()
    metres = [float(m) for m in re.findall(rb"<Point>.*?<coordinates>[^,]*,[^,]*,([\d.-]+)<", data, re.DOTALL)]
    table = _read(data).with_columns(metres=pl.Series(metres)).filter(pl.col("alt_baro_ft").is_not_null())
    assert len(table) > 250
    assert ((table["alt_baro_ft"] * 0.3048 - table["metres"]).abs() < 1.0).all()


def test_the_cut_of_the_bytes_changes_nothing(shared: Path) -> None:
    data = (shared / "kml" / "N67WV-track-EGM96.kml").read_bytes()
    whole = _read(data)
    for cut in (1, 300, len(data) // 3, len(data) // 2, len(data) - 100):
        frames, rest = kml.split(data[:cut])
        first, carry = kml.decode(frames, None)
        base = cut - len(rest)
        frames, _ = kml.split(rest + data[cut:], True)
        second, _ = kml.decode(frames, carry)
        second = second.with_columns(pl.col("offset") + base)
        assert pl.concat([first, second], how="diagonal").select(whole.columns).equals(whole)


def test_one_object_can_be_read_without_the_others() -> None:
    def track(name: str, lon: int) -> str:
        times = "".join(f"<when>2025-10-23T18:00:0{i}Z</when>" for i in range(3))
        places = "".join(f"<gx:coord>{lon} {i} 300</gx:coord>" for i in range(3))
        return f"<Placemark><name>{name}</name><gx:Track>{times}{places}</gx:Track></Placemark>"

    text = "<kml><Folder><Folder><name>A1 track</name>" + track("A1", 1) + track("B2", 2) + "</Folder></kml>"
    frames, _ = kml.split(text.encode(), True)
    whole, _ = kml.decode(frames, None)
    of_b = set(whole.filter(pl.col("object_id") == "reg:B2")["offset"])
    kept = frames.context | np.isin(frames.start, list(of_b))
    part, _ = kml.decode(Frames(frames.buffer, frames.start[kept], frames.stop[kept], frames.context[kept]), None)
    assert part.equals(whole.filter(pl.col("object_id") == "reg:B2"))


def test_a_file_that_ends_in_the_middle_keeps_what_it_has() -> None:
    text = b"""<kml><Document><name>x</name><Placemark><name>T</name><gx:Track><altitudeMode>absolute</altitudeMode>
<when>2025-10-23T18:00:00Z</when><when>2025-10-23T18:00:01Z</when>
<gx:coord>1 2 300</gx:coord><gx:coord>1 2 3"""
    table = _read(text)
    assert table["status"].to_list() == ["ok", "out_of_range"]
    assert table["lon_deg"].to_list() == [1.0, None]


def test_six_digits_are_a_serial_and_no_address() -> None:
    text = b"""<kml><Folder><name>168428 track</name><Placemark><name>168428</name><gx:Track>
<when>2025-10-23T18:00:00Z</when><gx:coord>1 2 0</gx:coord></gx:Track></Placemark></Folder></kml>"""
    assert _read(text)["object_id"].to_list() == ["reg:168428"]


def test_too_few_altitudes_say_nothing_of_their_kind() -> None:
    whens = "<when>2025-10-23T18:00:00Z</when>" * 3
    coords = "".join(f"<gx:coord>1 2 {m}</gx:coord>" for m in (305, 320, 328))
    text = f"<kml><Placemark><name>T</name><gx:Track><altitudeMode>absolute</altitudeMode>{whens}{coords}</gx:Track>"
    table = _read(text.encode() + b"</Placemark></kml>")
    assert table["alt_baro_ft"].is_null().all()
    assert table["alt_msl_ft"].is_null().all()
    assert table["status"].eq("ok").all()
