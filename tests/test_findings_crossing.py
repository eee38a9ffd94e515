"""Crossings: what is sure, what may be, and the areas that they are of."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testigos.errors import UnknownName
from testigos.findings.crossing import _passages
from testigos.world import open_world

distances = st.lists(st.floats(-50, 50).filter(bool), min_size=1, max_size=40)


@given(distances, st.floats(0, 20))
def test_every_certain_crossing_has_sure_fixes_on_both_sides_and_none_between(distance, margin):
    beyond = np.array(distance)
    told = list(_passages(beyond, np.full(len(beyond), margin)))
    for a, b, certain in told:
        assert a < b
        if certain:
            assert abs(beyond[a]) > margin < abs(beyond[b])
            assert (beyond[a] < 0) != (beyond[b] < 0)
            assert (abs(beyond[a + 1 : b]) <= margin).all()
    sides = [x < 0 for x in distance if abs(x) > margin]
    assert sum(c for _, _, c in told) == sum(a != b for a, b in itertools.pairwise(sides))


@given(distances)
def test_without_a_radius_nothing_is_certain(distance):
    beyond = np.array(distance)
    assert not any(c for _, _, c in _passages(beyond, np.full(len(beyond), np.nan)))


def test_one_feature_of_a_file_is_a_place_and_an_unknown_one_is_told(tmp_path):
    def box(west, name):
        ring = [[west, 0], [west + 1, 0], [west + 1, 1], [west, 1], [west, 0]]
        return {"type": "Feature", "properties": {"id": name}, "geometry": {"type": "Polygon", "coordinates": [ring]}}

    file = tmp_path / "fir.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [box(0, "AAAA"), box(5, "BBBB")]}))
    place = open_world().resolve(f"{file}#bbbb")
    assert place.kind == "area"
    assert place.contains([0.5, 0.5], [5.5, 0.5]).tolist() == [True, False]
    with pytest.raises(UnknownName, match="did you mean 'BBBB'"):
        open_world().resolve(f"{file}#BBBX")
