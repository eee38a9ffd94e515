"""Names to places."""

import csv
import json

import numpy as np
import polars as pl
import pytest

from testigos import geo
from testigos.errors import InputError, SourceUnavailable, UnknownName
from testigos.world import Place, names
from testigos.world.places import point_place


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Venezuela", "country-ve"),
        ("venezuela ", "country-ve"),
        ("VE", "country-ve"),
        ("VEN", "country-ve"),
        ("mainland Venezuela", "mainland-ve"),
        ("Los Testigos", "island-los-testigos"),
        ("los testigos islands", "island-los-testigos"),
        ("Puerto Rico", "country-pr"),
        ("island:Puerto Rico", "island-puerto-rico"),
        ("curacao", "country-cw"),
        ("St. Lucia", "country-lc"),
        ("Isla de Margarita", "island-margarita"),
        ("KDYS", "airfield-kdys"),
        ("kdys", "airfield-kdys"),
        ("Dyess AFB", "airfield-kdys"),
        ("Dyess Air Force Base", "airfield-kdys"),
        ("MCF", "airfield-kmcf"),
        ("airfield:MIA", "airfield-kmia"),
        ("USA", "country-us"),
        ("Turkey", "country-tr"),
        ("11.4,-63.1", "point-11.4000n63.1000w"),
        ("11.4N 63.1W", "point-11.4000n63.1000w"),
        ("11.4 N, 63.1 O", "point-11.4000n63.1000w"),
    ],
)
def test_a_name_resolves_without_regard_to_spelling(world, text, key):
    assert world.resolve(text).key == key


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("Venezula", UnknownName, "'Venezuela'"),
        ("Los Testigoes", UnknownName, "'Los Testigos'"),
        ("island:Margerita", UnknownName, "'Margarita'"),
        ("Springfield", InputError, "KSPI"),
        ("91,0", InputError, "latitude comes first"),
        ("-11.4S 63W", InputError, "sign and a letter"),
        ("", InputError, "no name"),
        ("town:Abilene", InputError, "country, mainland, island, airfield"),
        ("Kazakhstan", InputError, "no sea coast"),
        ("nowhere.geojson", SourceUnavailable, "nowhere.geojson"),
    ],
)
def test_a_name_that_says_nothing_gets_an_error_that_teaches(world, text, error, says):
    with pytest.raises(error, match=says):
        world.resolve(text)


def test_every_country_with_a_coast_has_a_name_and_a_mainland(world):
    for iso2 in world.coast.countries():
        assert world.country_name(iso2) != iso2
        assert world.coast.mainland(iso2), iso2


def test_every_island_of_the_table_is_measured_right(world):
    assert len(world.islands) >= 92
    for row in world.islands.iter_rows(named=True):
        place = world.resolve(f"island:{row['name']}")
        west, south, east, north = place.box
        assert (west, south, east, north) == pytest.approx(
            (row["west"], row["south"], row["east"], row["north"]), abs=2e-5
        ), row["name"]
        assert len(np.unique(place.segments["polygon"])) == row["polygons"], row["name"]
        biggest = world.coast.polygons.filter(pl.col("polygon").is_in(place.segments["polygon"].unique().implode()))
        assert biggest["area_km2"].max() == pytest.approx(row["area_km2"], rel=1e-3, abs=0.5), row["name"]
        assert south < row["lat_deg"] < north
        assert (row["lon_deg"] - west) % 360 < (east - west) % 360
        assert place.kind == row["kind"]


def test_our_islands_agree_with_the_draft_measured_elsewhere(world, shared):
    with (shared / "gazetteer" / "caribbean_islands_draft.csv").open(encoding="utf-8") as file:
        draft = list(csv.DictReader(file))
    assert len(draft) == 32
    for row in draft:
        name = row["name"].removesuffix(" (archipelago)")
        ours = world.islands.filter(pl.col("name").map_elements(names.fold, pl.String) == names.fold(name))
        assert len(ours) == 1, name
        away = geo.distance_m(float(row["lat"]), float(row["lon"]), ours["lat_deg"][0], ours["lon_deg"][0])
        if name == "Isla de Aves":  # the draft has it where GSHHG has it
            assert 3_500 < away < 4_500
            continue
        size = geo.distance_m(ours["south"][0], ours["west"][0], ours["north"][0], ours["east"][0])
        assert away < 1_500 + 0.35 * size, (name, float(away))


def test_a_point_is_told_which_island_it_is_at(world):
    assert world.island_at(11.418, -63.041) == "Los Testigos"
    assert world.island_at(11.0, -63.9) == "Margarita"
    assert world.island_at(0.0, 0.0) is None
    assert world.island_at(8.0, -66.0) is None


def test_countries_contain_their_land_and_nothing_else(world):
    lat, lon = [8.0, 10.5, 12.0, 11.37, 11.0, 4.6, np.nan], [-66.0, -66.9, -66.0, -63.12, -63.9, -74.0, 0.0]
    whole = world.resolve("Venezuela")
    assert whole.contains(lat, lon).tolist() == [True, True, False, True, True, False, False]
    main = whole.parts()["mainland"]
    assert main.contains(lat, lon).tolist() == [True, True, False, False, False, False, False]


def test_islands_contain_their_land_and_nothing_else(world):
    assert world.resolve("Margarita").contains([11.0, 11.37, 10.7], [-63.9, -63.12, -63.9]).tolist() == [
        True,
        False,
        False,
    ]
    wrangel = world.resolve("Wrangel Island")
    assert wrangel.contains([71.2, 71.2, 71.2, 70.0], [-179.4, 180.0, 179.5, 180.0]).tolist() == [
        True,
        True,
        True,
        False,
    ]
    assert wrangel.box[0] > 170
    assert wrangel.box[2] < -170


def test_a_point_contains_nothing_and_measures_to_itself():
    place = point_place(89.99, 10.0)
    assert not place.contains([89.99], [10.0])[0]
    assert place.nearest([89.99], [10.0]).distance_m[0] == pytest.approx(0, abs=1e-3)
    with pytest.raises(ValueError, match="no point on Earth"):
        point_place(12.0, 181.0)


def geojson(tmp_path, geometry, name="zone.geojson"):
    path = tmp_path / name
    path.write_text(json.dumps(geometry), encoding="utf-8")
    return path


def test_a_geojson_polygon_with_a_hole_is_an_area(world, tmp_path):
    square = [[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]
    hole = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5]]
    for rings in ([square, hole], [square[::-1], hole[::-1]]):
        feature = {
            "type": "Feature",
            "properties": {"name": "The zone"},
            "geometry": {"type": "Polygon", "coordinates": rings},
        }
        place = world.resolve(str(geojson(tmp_path, feature, f"{rings[0][1][0]}.geojson")))
        assert (place.name, place.kind, place.coast_error_m) == ("The zone", "area", 0.0)
        assert place.contains([0.75, 0.0, 2.0], [0.0, 0.0, 0.0]).tolist() == [True, False, False]
        table = place.segments
        ends = [table[c].to_numpy() for c in ("lat1_deg", "lon1_deg", "lat2_deg", "lon2_deg")]
        assert geo.distance_m(*ends).max() <= 10_000
        outer = table.filter((pl.col("lat1_deg") < -0.99) & (pl.col("lat2_deg") < -0.99))
        assert (outer["lon2_deg"] > outer["lon1_deg"]).all(), "inside is on the left"
        assert place.nearest([0.0], [2.0]).distance_m[0] == pytest.approx(float(geo.distance_m(0, 1, 0, 2)), rel=1e-4)


def test_a_geojson_area_may_cross_the_antimeridian(world, tmp_path):
    ring = [[179, -1], [-179, -1], [-179, 1], [179, 1], [179, -1]]
    place = world.resolve(str(geojson(tmp_path, {"type": "Polygon", "coordinates": [ring]})))
    assert place.contains([0.0, 0.0, 0.0], [180.0, -179.5, 178.0]).tolist() == [True, True, False]
    assert place.box[0] == pytest.approx(179)


def test_lines_and_points_are_places_that_contain_nothing(world, tmp_path):
    lines = {
        "type": "GeometryCollection",
        "geometries": [
            {"type": "LineString", "coordinates": [[0, 0], [1, 0]]},
            {"type": "Point", "coordinates": [5, 5]},
        ],
    }
    place = world.resolve(str(geojson(tmp_path, lines)))
    assert not place.contains([-0.5], [0.5]).any()
    assert place.nearest([5.0], [5.0]).distance_m[0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "JSON"),
        ("[]", "not a GeoJSON object"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [0, 1]]]}', "at least 4"),
        ('{"type": "Point", "coordinates": [11.4, 163.1]}', "longitude first"),
        ('{"type": "Point", "coordinates": ["a", 1]}', "position"),
        ('{"type": "Circle", "coordinates": []}', "'Circle'"),
        ('{"type": "FeatureCollection", "features": []}', "no point, line or polygon"),
        ('{"type": "Feature", "geometry": null}', "no geometry"),
        ('{"type": "LineString", "coordinates": []}', "no point, line or polygon"),
        ('{"type": "Point", "coordinates": ' + "[" * 50_000, "recursion"),
        ('{"type": "MultiPolygon", "coordinates": [1]}', "rings"),
    ],
)
def test_a_bad_geojson_file_is_told_what_is_wrong(world, tmp_path, text, says):
    path = tmp_path / "bad.geojson"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        world.resolve(str(path))


def test_public_names_load_without_numba():
    import subprocess
    import sys

    code = "import testigos.world, sys; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert Place.__module__ == "testigos.world.places"
