"""Is the distance to a coast the least over all of its segments?

Random points round a country are measured with ``testigos.nearest`` and, with GeographicLib alone, against every
segment of its coast. Run: ``python bench/coast_accuracy.py``.

A segment is passed over only where it cannot be the nearest: no point of a segment of length L is nearer than
the nearer end less L/2, and no geodesic is shorter than ``2 R asin(c / 2R)`` for its chord c and the largest
radius of curvature R of the ellipsoid, a²/b at the poles.
"""

import sys
from argparse import ArgumentParser
from typing import NamedTuple

import numpy as np
from geographiclib.geodesic import Geodesic

from testigos.world import Place, open_world

WGS84 = Geodesic.WGS84
TOLERANCE_M = 1.0
FARTHEST_M = 3.0e6
RADIUS_M = WGS84.a / (1.0 - WGS84.f)  # a²/b


class Coast(NamedTuple):
    """Segments as ends (N,) in degrees, their earth-centred ends (N, 3) and their lengths (N,) in metres."""

    lat1: np.ndarray
    lon1: np.ndarray
    lat2: np.ndarray
    lon2: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    length: np.ndarray


def ecef(lat_deg: np.ndarray, lon_deg: np.ndarray) -> np.ndarray:
    """Earth-centred metres (N, 3) of points on the ellipsoid."""
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    e2 = WGS84.f * (2.0 - WGS84.f)
    n = WGS84.a / np.sqrt(1.0 - e2 * np.sin(lat) ** 2)
    return np.stack((n * np.cos(lat) * np.cos(lon), n * np.cos(lat) * np.sin(lon), n * (1 - e2) * np.sin(lat)), -1)


def coast_of(place: Place) -> Coast:
    """The segments of a place; lengths are at most 0.1 % and 1 mm more than their chords (10 km at most)."""
    ends = [place.segments[c].to_numpy() for c in ("lat1_deg", "lon1_deg", "lat2_deg", "lon2_deg")]
    begin, end = ecef(ends[0], ends[1]), ecef(ends[2], ends[3])
    length = np.linalg.norm(end - begin, axis=1) * 1.001 + 0.001
    return Coast(*ends, begin, end, length)


def _along(line, lat: float, lon: float) -> float:
    """Least distance to a geodesic segment, by golden section to 1 cm."""

    def away(s: float) -> float:
        at = line.Position(s)
        return WGS84.Inverse(lat, lon, at["lat2"], at["lon2"], Geodesic.DISTANCE)["s12"]

    low, high = 0.0, line.s13
    p, q = high * 0.381966, high * 0.618034
    at_p, at_q = away(p), away(q)
    while high - low > 0.01:
        if at_p < at_q:
            high, q, at_q = q, p, at_p
            p = low + 0.381966 * (high - low)
            at_p = away(p)
        else:
            low, p, at_p = p, q, at_q
            q = low + 0.618034 * (high - low)
            at_q = away(q)
    return min(at_p, at_q, away(0.0), away(line.s13))


def brute(coast: Coast, lat: float, lon: float) -> float:
    """Metres from a point to the nearest of all segments."""
    here = ecef(np.array(lat), np.array(lon))
    chord = np.minimum(np.linalg.norm(coast.begin - here, axis=1), np.linalg.norm(coast.end - here, axis=1))
    arc = 2.0 * RADIUS_M * np.arcsin(np.minimum(chord / (2.0 * RADIUS_M), 1.0))
    least = arc - 0.5 * coast.length - 0.001
    best = np.inf
    for i in np.argsort(least):
        if least[i] > best:
            break
        ends = (coast.lat1[i], coast.lon1[i]), (coast.lat2[i], coast.lon2[i])
        nearer = min(WGS84.Inverse(lat, lon, *end, Geodesic.DISTANCE)["s12"] for end in ends)
        best = min(best, nearer)
        if nearer - 0.5 * coast.length[i] < best and ends[0] != ends[1]:
            best = min(best, _along(WGS84.InverseLine(*ends[0], *ends[1]), lat, lon))
    return best


def points(coast: Coast, count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Points at 10 m to ``FARTHEST_M`` from somewhere on the coast, in any direction, each (count,) degrees."""
    rng = np.random.default_rng(seed)
    start = rng.integers(len(coast.lat1), size=count)
    away, azimuth = 10 ** rng.uniform(1.0, np.log10(FARTHEST_M), count), rng.uniform(0, 360, count)
    found = [WGS84.Direct(coast.lat1[i], coast.lon1[i], a, s) for i, a, s in zip(start, azimuth, away, strict=True)]
    return np.array([f["lat2"] for f in found]), np.array([f["lon2"] for f in found])


def errors(place: Place, count: int, seed: int = 1) -> np.ndarray:
    """Our distance less the brute one for ``count`` random points, in metres."""
    coast = coast_of(place)
    lat, lon = points(coast, count, seed)
    ours = place.nearest(lat, lon).distance_m
    return ours - np.array([brute(coast, float(a), float(b)) for a, b in zip(lat, lon, strict=True)])


def main() -> int:
    """Print the largest difference; the exit status says whether it is within ``TOLERANCE_M``."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--country", default="Venezuela")
    options = parser.parse_args()
    place = open_world().resolve(options.country)
    worst = np.abs(errors(place, options.points))
    print(
        f"{place.name}: {options.points} points against {len(place.segments)} segments with GeographicLib: "
        f"largest difference {worst.max():.6f} m, mean {worst.mean():.6f} m"
    )
    return 0 if worst.max() <= TOLERANCE_M else 1


if __name__ == "__main__":
    sys.exit(main())
