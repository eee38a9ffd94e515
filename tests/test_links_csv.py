"""Tables with named columns: CSV with and without a column map, and JSON records."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from testigos.links import csv, json_records
from testigos.schema import violations


@pytest.mark.parametrize("name", ["inflight_refuelling.json.gz", "noisy_time_issue.json.gz"])
def test_every_real_record_is_a_row_with_its_values(shared: Path, name: str) -> None:
    data = gzip.decompress((shared / "flights" / name).read_bytes())
    records = json.loads(data)
    frames, rest = json_records.split(data, True)
    table, _ = json_records.decode(frames, None)
    assert rest == b""
    assert json_records.recognise(data[:65536]) > 0
    assert violations(table) == []
    assert len(table) == len(records)
    assert table["time_ns"].to_list() == [r["timestamp"] * 1_000_000 for r in records]
    assert table["lat_deg"].to_list() == [r["latitude"] for r in records]
    assert table["alt_baro_ft"].equals(pl.Series([r["altitude"] for r in records], dtype=pl.Float32))
    assert table["object_id"].to_list() == ["icao:" + r["icao24"] for r in records]


def test_a_table_reads_the_same_as_its_records(shared: Path) -> None:
    data = gzip.decompress((shared / "flights" / "inflight_refuelling.json.gz").read_bytes())
    frames, _ = json_records.split(data, True)
    of_records, _ = json_records.decode(frames, None)
    text = pl.DataFrame(json.loads(data), infer_schema_length=None).write_csv().encode()
    frames, _ = csv.split(text, True)
    of_table, _ = csv.decode(frames, None)
    same = [c for c in of_records.columns if c not in ("offset", "length")]
    assert of_table.select(same).equals(of_records.select(same))


def test_a_column_map_names_columns_and_units() -> None:
    link = csv.configured({"time": "t0", "id": "who", "lat": "b", "lon": "a", "alt_msl_ft": "h:m", "speed": "v:m/s"})
    data = b"who|t0|a|b|h|v\nae503d|1761242592|-62.5|11.9|304.8|102.888888889\n"
    assert link.recognise(data) > csv.recognise(data) == 0
    frames, _ = link.split(data, True)
    row = link.decode(frames, None)[0].row(0, named=True)
    assert (row["object_id"], row["lon_deg"], row["lat_deg"], row["status"]) == ("icao:ae503d", -62.5, 11.9, "ok")
    assert row["alt_msl_ft"] == pytest.approx(1000)
    assert row["gs_kt"] == pytest.approx(200)


def test_an_unknown_key_of_a_column_map_is_an_error() -> None:
    with pytest.raises(ValueError, match="'colour' is no column"):
        csv.configured({"colour": "x"})


def test_geometric_altitude_is_metric_only_in_state_vectors() -> None:
    for names, feet in (
        ("time,icao24,lat,lon,velocity,geoaltitude", 1000.0),
        ("time,icao24,lat,lon,geoaltitude", 304.8),
    ):
        values = "1761242592,ae503d,1,2,3,304.8" if "velocity" in names else "1761242592,ae503d,1,2,304.8"
        frames, _ = csv.split(f"{names}\n{values}\n".encode(), True)
        assert csv.decode(frames, None)[0]["alt_geom_ft"][0] == pytest.approx(feet)


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1761242592", 1_761_242_592_000_000_000),
        ("1761242592.5", 1_761_242_592_500_000_000),
        ("1761242592500", 1_761_242_592_500_000_000),
        ("1761242592500000", 1_761_242_592_500_000_000),
        ("1761242592500000123", 1_761_242_592_500_000_123),
        ("2025-10-23T18:03:12.5Z", 1_761_242_592_500_000_000),
        ("2025-10-23 18:03:12.500000123", 1_761_242_592_500_000_123),
        ("2025/10/23 13:03:12.5-0500", 1_761_242_592_500_000_000),
        ("2025-10-23 18:03:12.5 UTC", 1_761_242_592_500_000_000),
        ("2024-02-29", 1_709_164_800_000_000_000),
        ("1969-12-31T23:59:59Z", None),
        ("2023-02-29", None),
        ("2025-10-23T25:00Z", None),
        ("99999999999999999999", None),
        ("yesterday", None),
    ],
)
def test_a_time_tells_its_unit_by_its_size_or_is_iso(text: str, time_ns: int | None) -> None:
    frames, _ = csv.split(f"time,lat,lon\n{text},1,2\n".encode(), True)
    row = csv.decode(frames, None)[0].row(0, named=True)
    assert row["time_ns"] == time_ns
    assert (row["status"] == "ok") == (time_ns is not None)


def test_rows_without_a_line_of_names_are_counted_as_malformed() -> None:
    frames, _ = csv.split(b"1,2,3\n4,5,6\n", True)
    assert csv.decode(frames, None)[0]["status"].to_list() == ["malformed"] * 2


def test_prose_is_no_table() -> None:
    assert csv.recognise(b"Dear reader, this is a letter.\nIt has, as letters do, commas.\n") == 0
    assert json_records.recognise(b'{"now": 1, "aircraft": [{"hex": "ae503d"}]}') == 0
    assert json_records.recognise(b'{"icao":"ae503d","timestamp":1,"trace":[[0,1,2]]}') == 0
