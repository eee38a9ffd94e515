"""GeoJSON: what is written is what RFC 7946 asks for, and features of others are read."""

import json

import polars as pl
import pytest

from testigos.links import geojson
from testigos.schema import ALL, violations

ROWS = pl.DataFrame(
    {
        "object_id": ["icao:ae503d", 'x:"\\\n', None, "mmsi:366730000"],
        "time_ns": [1_761_242_592_500_000_007, None, 5, 6],
        "lat_deg": [11.9, None, 1.0, -89.99999999],
        "lon_deg": [-62.5, None, 1.0, 180.0],
        "alt_geom_ft": pl.Series([25_000.0, None, None, None], dtype=pl.Float32),
        "gs_kt": pl.Series([430.04, None, None, 0.0], dtype=pl.Float32),
        "callsign": ["BARB21", None, None, None],
        "on_ground": [False, None, None, True],
        "slot": pl.Series([1, 2, 3, 4], dtype=pl.UInt32),
        "radius95_m": pl.Series([12.5, None, None, None], dtype=pl.Float32),
        "via": ["north south", None, None, None],
    }
)


def _read(data: bytes) -> pl.DataFrame:
    frames, rest = geojson.split(data, True)
    assert rest == b""
    table = geojson.decode(frames, None)[0]
    assert violations(table, {n: ALL[n] for n in table.columns}) == []
    return table


def test_a_feature_is_what_the_standard_says():
    lines = geojson.encode(ROWS).split(b"\n")
    assert lines.pop() == b""
    first, bare, last = map(json.loads, lines)  # a row without a name has no feature
    assert first == {
        "type": "Feature",
        "id": "icao:ae503d",
        "geometry": {"type": "Point", "coordinates": [-62.5, 11.9, 7620.0]},
        "properties": {
            "time": "2025-10-23T18:03:12.500Z",
            "time_ns": 1_761_242_592_500_000_007,
            "alt_geom_ft": 25_000.0,
            "gs_kt": 430.04,
            "callsign": "BARB21",
            "on_ground": False,
            "radius95_m": 12.5,
            "via": "north south",
        },
    }
    assert bare == {"type": "Feature", "id": 'x:"\\\n', "geometry": None, "properties": {}}
    assert last["geometry"]["coordinates"] == [180.0, -90.0]


def test_a_collection_has_the_same_features():
    whole = json.loads(geojson.collection(ROWS))
    assert whole["type"] == "FeatureCollection"
    assert whole["features"] == [json.loads(line) for line in geojson.encode(ROWS).splitlines()]
    assert json.loads(geojson.collection(ROWS.clear())) == {"type": "FeatureCollection", "features": []}


@pytest.mark.parametrize("written", [geojson.encode, geojson.collection])
def test_lines_and_collections_are_read_alike(written):
    read = _read(written(ROWS))
    assert read["object_id"].to_list() == ["icao:ae503d", 'x:"\\\n', "mmsi:366730000"]
    assert read["status"].to_list() == ["ok", "no_time", "ok"]
    assert read["accuracy95_m"].to_list() == [12.5, None, None]
    assert read["via"].to_list() == ["north south", None, None]


@pytest.mark.parametrize(
    ("feature", "name"),
    [
        ({"id": "icao:ae503d"}, "icao:ae503d"),
        ({"id": "AE503D"}, "feature:AE503D"),
        ({"id": 12345678901}, "feature:12345678901"),
        ({"properties": {"object_id": "flarm:dd1234"}}, "flarm:dd1234"),
        ({"id": "é:b"}, "feature:é:b"),
        ({}, None),
    ],
)
def test_an_id_becomes_a_name_with_an_authority(feature, name):
    shape = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}}
    for escaped in (True, False):
        data = json.dumps(shape | feature, ensure_ascii=escaped).encode()
        assert _read(data)["object_id"].to_list() == [name]


def test_what_stands_in_a_string_is_no_structure():
    shape = {
        "type": "Feature",
        "id": "a:b",
        "geometry": None,
        "properties": {"remarks": '],"features":[{"type":"Feature"'},
    }
    assert _read(json.dumps(shape).encode())["remarks"].to_list() == [shape["properties"]["remarks"]]


def test_only_features_are_recognised():
    assert geojson.recognise(geojson.encode(ROWS)) == geojson.recognise(geojson.collection(ROWS)) == 95
    assert geojson.recognise(b'{"object_id":"icao:ae503d","time_ns":5}\n') == 0
    assert geojson.recognise(b'{"type":"Topology","objects":{}}') == 0
    assert geojson.recognise(b"") == 0
