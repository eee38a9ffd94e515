"""Gap bounds against points drawn from the region that an unseen way can have been in."""

import numpy as np
import pytest

from testigos import geo, nearest
from testigos.findings._prism import lower_bound


def island(lat, lon, radius_m, n=200):
    angle = -np.linspace(0, 360, n, endpoint=False)
    lats, lons = geo.destination(lat, lon, angle, np.full(n, radius_m))
    return nearest.build(lats, lons, np.roll(lats, -1), np.roll(lons, -1))


def drawn(rng, lat, lon, total_m, n=40_000):
    """Points with |A-p| + |p-B| <= total, by rejection."""
    mid = geo.destination(lat[0], lon[0], *(_half(lat, lon)))
    lats, lons = geo.destination(mid[0], mid[1], rng.uniform(0, 360, n), 0.5 * total_m * np.sqrt(rng.uniform(0, 1, n)))
    length = geo.distance_m(lat[0], lon[0], lats, lons) + geo.distance_m(lats, lons, lat[1], lon[1])
    return lats[length <= total_m], lons[length <= total_m]


def _half(lat, lon):
    s, azimuth, _ = geo.inverse_arrays(lat[0], lon[0], lat[1], lon[1])
    return float(azimuth), 0.5 * float(s)


@pytest.mark.parametrize("seed", range(25))
def test_no_point_of_the_region_is_nearer_than_the_bound_and_the_bound_is_tight(seed):
    rng = np.random.default_rng(seed)
    lat0, lon0 = rng.uniform(-75, 75), rng.uniform(-180, 180)
    coast = island(lat0, lon0, 10 ** rng.uniform(2, 5))
    lat1, lon1 = geo.destination(lat0, lon0, rng.uniform(0, 360), rng.uniform(1.2e5, 6e5))
    lat2, lon2 = geo.destination(lat1, lon1, rng.uniform(0, 360), 10 ** rng.uniform(2, 5.6))
    lat, lon = np.array([lat1, lat2]), np.array([lon1, lon2])
    apart = float(geo.distance_m(lat1, lon1, lat2, lon2))
    total = apart * rng.choice([1.0005, 1.02, 1.3, 3.0])
    near = nearest.nearest(coast, lat, lon).distance_m
    bound = lower_bound(lat, lon, near, np.array([total]), coast).distance_m
    seen = nearest.nearest(coast, *drawn(rng, lat, lon, total)).distance_m
    truth = min(float(seen.min(initial=np.inf)), float(near.min()))
    assert bound <= truth + 1e-6
    assert bound >= 0.0
    if bound > 0.0:
        assert truth - bound <= 60.0 + 0.03 * truth


def test_an_island_inside_the_region_makes_the_bound_zero():
    coast = island(12.0, -63.0, 500.0)
    lat, lon = np.array([12.0, 12.0]), np.array([-64.0, -62.0])
    near = nearest.nearest(coast, lat, lon).distance_m
    assert lower_bound(lat, lon, near, np.array([260_000.0]), coast).distance_m == 0.0


def test_a_single_fix_is_its_own_bound():
    coast = island(12.0, -63.0, 500.0)
    near = nearest.nearest(coast, [13.0], [-63.0]).distance_m
    assert lower_bound(np.array([13.0]), np.array([-63.0]), near, np.empty(0), coast).distance_m == near[0]


def test_the_deciding_pair_is_named():
    coast = island(12.0, -63.0, 500.0)
    lat, lon = np.array([14.0, 13.0, 13.0, 14.0]), np.array([-63.0, -63.0, -62.0, -62.0])
    near = nearest.nearest(coast, lat, lon).distance_m
    reach = geo.distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:]) * np.array([1.01, 1.5, 1.01])
    assert lower_bound(lat, lon, near, reach, coast).pair == 1
