"""SBS: real logs, START lines, and what is written is read back."""

import csv
import io
import itertools
from pathlib import Path

import polars as pl

from testigos.links import sbs
from testigos.schema import violations


def _read(data: bytes) -> pl.DataFrame:
    frames, rest = sbs.split(data, True)
    assert rest == b""
    return sbs.decode(frames, None)[0]


def test_every_line_of_real_logs_is_a_row(shared: Path) -> None:
    for name, malformed, positions in (("cyoung-es.log", 2, 2104), ("gms-es.log", 0, 0)):
        data = (shared / "sbs" / name).read_bytes()
        table = _read(data)
        lines = [line for line in data.split(b"\n") if line]
        # START alone in its line makes no row; one inside a line leaves that line's beginning as a row.
        assert len(table) == len(lines) - sum(line.startswith(b"START") for line in lines)
        assert violations(table) == []
        assert table["status"].eq("malformed").sum() == malformed
        with_place = sum(len(f := line.split(b",")) == 23 and f[15] != b"" for line in lines)
        assert table["status"].eq("ok").sum() == with_place == positions


def test_a_stamp_counts_from_the_start_before_it_whatever_the_cut() -> None:
    data = b"START,Thu Oct 23 18:00:00 +0000 UTC 2025\n5,MSG,8,,,AE503D,,,,,,,,,,,,,,,,,\n"
    whole = _read(data)
    for cut in range(len(data)):
        frames, rest = sbs.split(data[:cut])
        first, carry = sbs.decode(frames, None)
        frames, _ = sbs.split(rest + data[cut:], True)
        second, _ = sbs.decode(frames, carry)
        assert [*first["time_ns"], *second["time_ns"]] == whole["time_ns"].to_list() == [1761242400000000005]


def test_a_call_sign_named_start_is_no_clock() -> None:
    line = b"MSG,1,1,1,AE503D,1,2025/10/23,18:03:12.500,2025/10/23,18:03:12.600,START,,,,,,,,,,,\n"
    assert _read(line)["callsign"].to_list() == ["START"]


TRACKS = pl.DataFrame(
    {
        "object_id": ["icao:ae503d", "icao:4840d6", "anon:2a1b3c", "mmsi:366730000", "icao:3c6444", "icao:3c6445"],
        "time_ns": [1_761_242_592_500_000_000, 1_761_242_593_001_000_000, 0, 0, 1_761_242_594_000_000_000, None],
        "seen_ns": [1_761_242_592_750_400_000, None, None, None, None, None],
        "lat_deg": [11.9000004, -89.9999999, 1.0, 1.0, None, 1.0],
        "lon_deg": [-62.5, 179.999999, 1.0, 1.0, None, 1.0],
        "alt_baro_ft": [25_000.4, None, 1.0, 1.0, None, 1.0],
        "gs_kt": [430.04, 12.0, 1.0, 1.0, None, 1.0],
        "track_deg": [181.25, None, 1.0, 1.0, None, 1.0],
        "vrate_fpm": [-64.0, None, 1.0, 1.0, None, 1.0],
        "callsign": ["BARB,21", None, None, None, None, None],
        "squawk": ["7700", None, None, None, None, None],
        "on_ground": [False, True, None, None, None, None],
        "source": ["mlat", "adsb", "adsb", "ais", "mode_s", "adsb"],
    }
)
NAMES = (
    *("message", "type", "session", "aircraft", "hex", "flight", "date", "time", "logged_date", "logged_time"),
    *("callsign", "altitude", "speed", "track", "latitude", "longitude", "rate", "squawk", "alert", "emergency"),
    *("ident", "ground"),
)


def test_a_client_that_knows_only_the_format_reads_each_line():
    text = sbs.encode(TRACKS).decode("ascii")
    assert text.endswith("\r\n")
    lines = [dict(zip(NAMES, row, strict=True)) for row in csv.reader(io.StringIO(text, newline=""))]
    assert {(row["message"], row["session"], row["aircraft"], row["flight"]) for row in lines} == {
        ("MSG", "1", "1", "1")
    }
    # neither the vessel, nor the address that is not ICAO's, nor the row without a time
    assert [(row["hex"], row["type"]) for row in lines] == [
        *(("AE503D", n) for n in "1346"), ("4840D6", "2"), ("3C6444", "8"),
    ]  # fmt: skip
    sign, place, motion, code, below, heard = lines
    assert (place["date"], place["time"]) == ("2025/10/23", "18:03:12.500")
    assert (place["logged_date"], place["logged_time"]) == ("2025/10/23", "18:03:12.750")
    assert sign["callsign"] == "BARB21"
    assert (place["altitude"], place["latitude"], place["longitude"], place["ground"]) == (
        "25000", "11.900000", "-62.500000", "0",
    )  # fmt: skip
    assert (motion["speed"], motion["rate"], motion["altitude"]) == ("430.0", "-64", "")
    assert abs(float(motion["track"]) - 181.25) <= 0.051
    assert (code["squawk"], code["emergency"]) == ("7700", "-1")
    assert (below["latitude"], below["longitude"], below["speed"], below["ground"]) == (
        "-90.000000", "179.999999", "12.0", "-1",
    )  # fmt: skip
    assert heard["logged_time"] == heard["time"] == "18:03:14.000"


def test_each_row_has_its_lines():
    made = sbs.pieces(TRACKS)
    counts = [made.data[a:b].tobytes().count(b"\r\n") for a, b in itertools.pairwise(made.start)]
    assert counts == [4, 1, 0, 0, 1, 0]


def test_only_sbs_is_recognised() -> None:
    assert sbs.recognise(b"MSG,8,1,1,AE503D,1,,,,,,,,,,,,,,,,\n") > 0
    assert sbs.recognise(b"time,icao24,lat,lon\n1,ae503d,2,3\n") == 0
    assert sbs.recognise(b"") == 0
