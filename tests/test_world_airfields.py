"""Airfields: the table and the nearest of it."""

import numpy as np
import polars as pl
import pytest
from geographiclib.geodesic import Geodesic

from testigos.world import airfields


def test_names_are_spelt_as_people_write_them(world):
    table = world.airfields.table
    spelt = dict(table.filter(pl.col("icao").is_in(["KDYS", "KMCF", "KIAB"])).select("icao", "name").iter_rows())
    assert spelt == {"KDYS": "Dyess AFB", "KMCF": "MacDill AFB", "KIAB": "McConnell AFB"}
    assert table.schema == pl.Schema(airfields.COLUMNS)


def test_rank_tells_a_strip_from_a_field_for_large_aircraft(world):
    rank = dict(world.airfields.table.select("icao", "rank").iter_rows())
    assert rank["00AA"] == 0
    assert rank["KDYS"] == 2
    assert rank["TJSJ"] == 3


def test_the_nearest_are_those_of_brute_force(world):
    fields = world.airfields
    rng = np.random.default_rng(5)
    lat = np.concatenate([rng.uniform(-60, 70, 20), [89.9, -89.9, 71.0, -16.7, 32.4]])
    lon = np.concatenate([rng.uniform(-180, 180, 20), [10.0, -170.0, -179.99, 179.99, -99.86]])
    found = fields.nearest(lat, lon, 5, 250_000.0)
    table = fields.table.select("lat_deg", "lon_deg").to_numpy()
    for k in range(len(lat)):
        rough = np.abs(table[:, 0] - lat[k]) < 3
        away = sorted(
            (s, i)
            for i in np.flatnonzero(rough)
            if (s := Geodesic.WGS84.Inverse(lat[k], lon[k], *table[i])["s12"]) <= 250_000
        )[:5]
        assert found.index[k][: len(away)].tolist() == [i for _, i in away]
        assert found.distance_m[k][: len(away)] == pytest.approx([s for s, _ in away], abs=0.01)
        assert (found.index[k][len(away) :] == -1).all()
        assert np.isnan(found.distance_m[k][len(away) :]).all()


def test_an_unknown_position_has_no_airfield(world):
    found = world.airfields.nearest([np.nan], [0.0])
    assert (found.index == -1).all()


def test_what_is_within_reach_repeats_the_nearest(world):
    fields = world.airfields
    some = airfields.Airfields(fields.within([27.85], [-82.5], 60_000), fields.source)
    a, b = fields.nearest([27.85], [-82.5], 16, 60_000), some.nearest([27.85], [-82.5], 16, 60_000)
    assert fields.table["icao"][a.index[0]].to_list() == some.table["icao"][b.index[0]].to_list()
    assert (a.distance_m == b.distance_m).all()
