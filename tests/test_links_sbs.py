"""SBS: real logs, START lines, and what is written is read back."""

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


def test_what_is_written_is_read_back() -> None:
    tracks = pl.DataFrame(
        {
            "object_id": ["icao:ae503d", "anon:2a1b3c", "mmsi:366730000"],
            "time_ns": [1_761_242_592_500_000_000, 1_761_242_593_001_000_000, 0],
            "lat_deg": [11.9000004, -89.9999999, 1.0],
            "lon_deg": [-62.5, 179.999999, 1.0],
            "alt_baro_ft": [25_000.4, None, 1.0],
            "gs_kt": [430.04, None, 1.0],
            "track_deg": [181.25, None, 1.0],
            "vrate_fpm": [-64.0, None, 1.0],
            "callsign": ["BARB21", None, None],
            "squawk": ["0574", None, None],
            "on_ground": [False, True, None],
        }
    )
    back = _read(sbs.encode_messages(tracks))
    assert back["object_id"].to_list() == ["icao:ae503d"] * 3 + ["anon:2a1b3c"]
    assert back["time_ns"].to_list() == [1_761_242_592_500_000_000] * 3 + [1_761_242_593_001_000_000]
    assert back["callsign"].to_list() == ["BARB21", None, None, None]
    places = back.filter(pl.col("status") == "ok")
    assert places.select("lat_deg", "lon_deg").rows() == [(11.9, -62.5), (-90.0, 179.999999)]
    assert places.select("alt_baro_ft", "squawk", "on_ground").rows() == [(25000.0, "0574", False), (None, None, True)]
    velocity = back.filter(pl.col("gs_kt").is_not_null())
    assert abs(velocity["gs_kt"][0] - 430.04) <= 0.05
    assert abs(velocity["track_deg"][0] - 181.25) <= 0.051
    assert velocity["vrate_fpm"].to_list() == [-64.0]


def test_only_sbs_is_recognised() -> None:
    assert sbs.recognise(b"MSG,8,1,1,AE503D,1,,,,,,,,,,,,,,,,\n") > 0
    assert sbs.recognise(b"time,icao24,lat,lon\n1,ae503d,2,3\n") == 0
    assert sbs.recognise(b"") == 0
