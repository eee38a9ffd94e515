"""How near an unseen way can have come: space-time prisms between fixes, on the ellipsoid.

Between fixes A and B an object that flies at most v stays where |A-p| + |p-B| <= S = v dt + rA + rB. For any
coast point c two triangle inequalities give d(p, c) >= (d(A,c) + d(c,B) - S) / 2, hence the quick bound
(dA + dB - S) / 2. Where that is not enough the boundary of the region is walked: the distance to a coast changes
by no more than the way walked, so samples and their spacing give a certain bound for all that lies between.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from testigos.geo import E2, destination, distance_m, inverse_arrays, to_ecef
from testigos.nearest import Segments, nearest

__all__ = ["Bound", "lower_bound"]

Floats = npt.NDArray[np.float64]

_START: Final = 64  # samples of a boundary to begin with
_ROUNDS: Final = 14
_ARC_PER_CHORD: Final = 1.5  # of a convex arc that turns by less than 96 degrees


class Bound(NamedTuple):
    """The least distance that the prisms allow, and which one (fix ``pair`` and the next) allows it."""

    distance_m: float
    pair: int


def _boundary(
    lat1: float, lon1: float, lat2: float, lon2: float, total_m: float, anomaly: Floats
) -> tuple[Floats, Floats]:
    """Points with |A-p| + |p-B| = total_m, at eccentric anomalies in radians."""
    apart, azimuth, _ = (float(v) for v in inverse_arrays(lat1, lon1, lat2, lon2))
    mid_lat, mid_lon = (float(v) for v in destination(lat1, lon1, azimuth, 0.5 * apart))
    along = float(inverse_arrays(mid_lat, mid_lon, lat2, lon2)[1])
    a = 0.5 * total_m
    b = np.sqrt(max(a * a - 0.25 * apart * apart, 1e-6))
    x, y = a * np.cos(anomaly), b * np.sin(anomaly)
    bearing = along + np.degrees(np.arctan2(y, x))
    radius = np.hypot(x, y)
    # how fast the sum grows outwards, from the flat ellipse: enough for Newton's steps on the ellipsoid
    c = 0.5 * apart
    growth = (x * (x + c) + y * y) / np.hypot(x + c, y) + (x * (x - c) + y * y) / np.hypot(x - c, y)
    for _ in range(8):
        lat, lon = destination(mid_lat, mid_lon, bearing, radius)
        short = total_m - distance_m(lat1, lon1, lat, lon) - distance_m(lat, lon, lat2, lon2)
        if np.abs(short).max() < 0.01:
            break
        radius = np.maximum(radius + short * np.hypot(x, y) / growth, 0.0)
    return lat, lon


def _inside(lat1: float, lon1: float, lat2: float, lon2: float, total_m: float, index: Segments) -> bool:
    """Does any end of a segment lie in the region?"""
    mid = 0.5 * (np.array(to_ecef(lat1, lon1)) + np.array(to_ecef(lat2, lon2)))
    within = ((index.ends[:, :3] - mid) ** 2).sum(axis=1) <= (0.5 * total_m + 1_000.0) ** 2
    if not within.any():
        return False
    x, y, z = index.ends[within, :3].T
    lat = np.degrees(np.arctan2(z, (1.0 - E2) * np.hypot(x, y)))
    lon = np.degrees(np.arctan2(y, x))
    return bool((distance_m(lat1, lon1, lat, lon) + distance_m(lat, lon, lat2, lon2) <= total_m).any())


def _walk(
    lat1: float, lon1: float, lat2: float, lon2: float, total_m: float, index: Segments, enough_m: float
) -> float:
    """Certain lower bound of the distance between the region and the segments; 0 if they may touch.

    Stops early once the bound is sure to be at least ``enough_m``.
    """
    if _inside(lat1, lon1, lat2, lon2, total_m, index):
        return 0.0
    anomaly = np.linspace(0.0, 2.0 * np.pi, _START + 1)
    lat, lon = _boundary(lat1, lon1, lat2, lon2, total_m, anomaly)
    near = nearest(index, lat, lon).distance_m
    for _ in range(_ROUNDS):
        arc = _ARC_PER_CHORD * distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
        low = 0.5 * (near[:-1] + near[1:] - arc)
        least, tolerance = near.min(), max(20.0, 0.002 * near.min())
        split = np.flatnonzero(low < min(least - tolerance, enough_m))
        if len(split) == 0:
            break
        middle = 0.5 * (anomaly[split] + anomaly[split + 1])
        new_lat, new_lon = _boundary(lat1, lon1, lat2, lon2, total_m, middle)
        anomaly = np.insert(anomaly, split + 1, middle)
        near = np.insert(near, split + 1, nearest(index, new_lat, new_lon).distance_m)
        lat, lon = np.insert(lat, split + 1, new_lat), np.insert(lon, split + 1, new_lon)
    arc = _ARC_PER_CHORD * distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    return float(max(0.0, (0.5 * (near[:-1] + near[1:] - arc)).min()))


def lower_bound(lat_deg: Floats, lon_deg: Floats, distance: Floats, reach_m: Floats, index: Segments) -> Bound:
    """The least distance to any segment that the way between N fixes can have had.

    ``lat_deg``, ``lon_deg``: (N,) fixes of one track in order of time; ``distance``: (N,) metres of each to the
    segments; ``reach_m``: (N - 1,) the longest way S between each and the next, both radii included.
    Source: own rule after the two triangle inequalities above; measured in bench/gaps.py.
    """
    if len(lat_deg) < 2:
        return Bound(float(distance[0]), 0)
    apart = distance_m(lat_deg[:-1], lon_deg[:-1], lat_deg[1:], lon_deg[1:])
    total = np.maximum(reach_m, apart + 0.1)
    quick = np.maximum(0.0, 0.5 * (distance[:-1] + distance[1:] - total))
    # no walk can raise the bound above what both fixes themselves show
    most = np.minimum(distance[:-1], distance[1:])
    order = np.argsort(quick, kind="stable")
    best, pair = np.inf, int(order[0])
    for i in order.tolist():
        if quick[i] >= best:
            break
        bound = quick[i]
        if most[i] - quick[i] > max(50.0, 0.002 * most[i]):
            args = (float(lat_deg[i]), float(lon_deg[i]), float(lat_deg[i + 1]), float(lon_deg[i + 1]))
            bound = max(bound, _walk(*args, float(total[i]), index, best))
        if bound < best:
            best, pair = float(bound), i
    return Bound(best, pair)
