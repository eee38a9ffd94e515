"""Nearest segments against measuring every segment with GeographicLib."""

import numpy as np
import pytest
from geographiclib.geodesic import Geodesic

from testigos import geo, nearest

WGS84 = Geodesic.WGS84


def ragged_coast(rng, lat, lon, n, step_m):
    """A closed random walk of n segments around a point."""
    angle = np.linspace(0, 360, n, endpoint=False)
    radius = n * step_m / 6.283 * rng.uniform(0.97, 1.03, n)
    lats, lons = geo.destination(lat, lon, angle, radius)
    return lats, lons, np.roll(lats, -1), np.roll(lons, -1)


def brute(lat, lon, segments):
    """Least distance to any segment by golden section along each geodesic, with GeographicLib."""
    best = np.inf
    for lat1, lon1, lat2, lon2 in zip(*segments, strict=True):
        line = WGS84.InverseLine(lat1, lon1, lat2, lon2)

        def s(along, line=line):
            p = line.Position(along)
            return WGS84.Inverse(lat, lon, p["lat2"], p["lon2"])["s12"]

        low, high = 0.0, line.s13
        if min(s(low), s(high)) - line.s13 > best:
            continue
        while high - low > 1e-3:
            p, q = low + 0.382 * (high - low), low + 0.618 * (high - low)
            low, high = (low, q) if s(p) < s(q) else (p, high)
        best = min(best, s(0.5 * (low + high)))
    return best


@pytest.mark.parametrize(("lat", "lon"), [(11.4, -63.1), (-17.0, 179.99), (71.0, 25.0), (89.9, 10.0)])
def test_distance_equals_brute_force_with_another_geodesic(lat, lon):
    rng = np.random.default_rng(1)
    segments = ragged_coast(rng, lat, lon, 60, 1_500)
    index = nearest.build(*segments)
    points = geo.destination(lat, lon, rng.uniform(0, 360, 30), 10 ** rng.uniform(1, 7, 30))
    found = nearest.nearest(index, *points)
    for k in range(30):
        assert found.distance_m[k] == pytest.approx(brute(points[0][k], points[1][k], segments), abs=0.02)


def test_long_segments_are_refused_with_what_to_do():
    with pytest.raises(ValueError, match="cut it in pieces"):
        nearest.build([0.0], [0.0], [0.0], [1.0])


def test_no_segment_is_an_error_and_an_unknown_point_has_no_distance():
    with pytest.raises(ValueError, match="no segment"):
        nearest.build([], [], [], [])
    found = nearest.nearest(nearest.build([0.0], [0.0], [0.0], [0.0]), [np.nan, 0.0], [0.0, 1.0])
    assert np.isnan(found.distance_m[0])
    assert found.segment.tolist() == [-1, 0]
    assert found.distance_m[1] == pytest.approx(111_319.491, abs=1e-3)


def test_the_answer_does_not_depend_on_the_order_of_points_or_segments():
    rng = np.random.default_rng(2)
    segments = ragged_coast(rng, 12.0, -62.0, 500, 800)
    shuffle = rng.permutation(500)
    points = geo.destination(12.0, -62.0, rng.uniform(0, 360, 200), rng.uniform(0, 3e5, 200))
    one = nearest.nearest(nearest.build(*segments), *points)
    other = nearest.nearest(nearest.build(*(s[shuffle] for s in segments)), points[0][::-1], points[1][::-1])
    np.testing.assert_allclose(one.distance_m, other.distance_m[::-1], atol=1e-6)


def test_land_lies_left_of_a_coast_that_runs_anticlockwise():
    rng = np.random.default_rng(3)
    # destination angles run clockwise, so the reversed chain has its inside on the left
    lat, lon, lat2, lon2 = ragged_coast(rng, 12.0, -62.0, 40, 3_000)
    ends = (lat2[::-1].copy(), lon2[::-1].copy(), lat[::-1].copy(), lon[::-1].copy())
    radius = 40 * 3_000 / 6.283
    for scale, expected in ((0.9, True), (1.1, False)):
        points = geo.destination(12.0, -62.0, rng.uniform(0, 360, 200), np.full(200, scale * radius))
        found = nearest.nearest(nearest.build(*ends), *points)
        assert (nearest.left_of(*ends, found, *points) == expected).all()


def test_the_length_from_coordinates_in_space_is_that_of_the_geodesic():
    rng = np.random.default_rng(4)
    lat, lon = rng.uniform(-89.9, 89.9, 2_000), rng.uniform(-180, 180, 2_000)
    lat2, lon2 = geo.destination(lat, lon, rng.uniform(0, 360, 2_000), 10 ** rng.uniform(-1, 6.7, 2_000))
    known = 0
    for ends in zip(lat, lon, lat2, lon2, strict=True):
        short = nearest._length(*geo.to_ecef(*ends[:2]), *geo.to_ecef(*ends[2:]))
        if short >= 0.0:
            known += 1
            assert short == pytest.approx(geo.inverse(*ends)[0], abs=1e-4)
    assert known > 1_800


def test_scattered_points_are_answered_in_the_order_they_came():
    rng = np.random.default_rng(5)
    index = nearest.build(*ragged_coast(rng, 12.0, -62.0, 500, 800))
    lat, lon = rng.uniform(-60, 60, 3_000), rng.uniform(-180, 180, 3_000)
    lat[7] = np.nan
    found = nearest.nearest(index, lat, lon)
    assert found.segment[7] == -1
    for k in (0, 8, 1_500, 2_999):
        alone = nearest.nearest(index, lat[k], lon[k])
        assert found.distance_m[k] == pytest.approx(alone.distance_m[0], abs=1e-6)
