"""Distance to a real coast against every segment of it with GeographicLib, and facts known beforehand."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import coast_accuracy


@pytest.fixture(scope="module")
def venezuela(world):
    return world.resolve("Venezuela")


def test_distance_to_venezuela_is_the_least_over_all_its_segments(venezuela):
    assert len(venezuela.segments) > 30_000
    assert np.abs(coast_accuracy.errors(venezuela, 40, seed=7)).max() <= 1.0


def test_the_oracle_passes_over_no_segment_that_counts(venezuela):
    coast = coast_accuracy.coast_of(venezuela)
    some = coast_accuracy.Coast(*(column[:300] for column in coast))
    lat, lon = coast_accuracy.points(some, 3, seed=2)
    for a, b in zip(lat.tolist(), lon.tolist(), strict=True):
        every = min(
            coast_accuracy._along(coast_accuracy.WGS84.InverseLine(*ends), a, b)
            for ends in zip(some.lat1, some.lon1, some.lat2, some.lon2, strict=True)
        )
        assert coast_accuracy.brute(some, a, b) == pytest.approx(every, abs=0.02)


def test_nearest_venezuelan_land_from_the_reported_point_is_an_islet_of_los_testigos(venezuela):
    found = venezuela.nearest([11.9], [-62.5])
    assert found.distance_m[0] == pytest.approx(79_500.0, abs=100.0)
    assert found.lat_deg[0] == pytest.approx(11.418, abs=0.001)
    assert found.lon_deg[0] == pytest.approx(-63.041, abs=0.001)


def test_the_mainland_is_half_as_far_again(world):
    found = world.resolve("mainland Venezuela").nearest([11.9], [-62.5])
    assert found.distance_m[0] == pytest.approx(127_500.0, abs=200.0)
