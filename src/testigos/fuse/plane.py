"""Flat maps of the surroundings of a point of the ellipsoid, for filters that think in east and north metres.

The plane of a point touches the WGS-84 ellipsoid there; a place on the ellipsoid is carried into it at right angles
to the plane. That needs no difference of longitudes, so it holds at the poles and across the antimeridian, and
both ways are exact. What is flat about it: a way of d metres from the origin is shorter in the plane by d³ / 6R²,
3 cm at 20 km. True east and north of a place are turned against those of the origin (meridian convergence) and
foreshortened by less than 1e-5 at 20 km; ``axes`` has both.

Source: Bugayevskiy and Snyder, "Map Projections" (1995), orthographic projection; the equations for the ellipsoid
follow from those of the ellipsoid alone.
"""

import math

from testigos.geo import A_M, E2, EP2
from testigos.kernels import kernel_fma

__all__ = ["axes", "from_plane", "origin", "to_plane"]


@kernel_fma
def origin(lat_deg: float) -> tuple[float, float, float]:
    """Sine and cosine of the latitude, and the radius of curvature in the prime vertical in metres."""
    lat = math.radians(lat_deg)
    s, c = math.sin(lat), math.cos(lat)
    return s, c, A_M / math.sqrt(1.0 - E2 * s * s)


@kernel_fma
def to_plane(s0: float, c0: float, n0: float, lon0_deg: float, lat_deg: float, lon_deg: float):  # type: ignore[no-untyped-def]
    """East and north metres of a place, and the sines and cosines of its latitude and difference of longitude.

    ``s0``, ``c0``, ``n0``: of ``origin``.
    """
    dlon = lon_deg - lon0_deg
    if dlon > 180.0:
        dlon -= 360.0
    elif dlon < -180.0:
        dlon += 360.0
    lat, dlon = math.radians(lat_deg), math.radians(dlon)
    s, c, sd, cd = math.sin(lat), math.cos(lat), math.sin(dlon), math.cos(dlon)
    n = A_M / math.sqrt(1.0 - E2 * s * s)
    rho = n * c
    east = rho * sd
    north = c0 * (1.0 - E2) * (n * s - n0 * s0) - s0 * (rho * cd - n0 * c0)
    return east, north, s, c, sd, cd


@kernel_fma
def from_plane(s0: float, c0: float, n0: float, lon0_deg: float, east: float, north: float):  # type: ignore[no-untyped-def]
    """Latitude and longitude in degrees of a place of the plane; NaN outside of the ellipsoid."""
    a = c0 * c0 + s0 * s0 / (1.0 - E2)
    b = n0 + north * s0 * c0 * EP2
    q = east * east + north * north * (s0 * s0 + c0 * c0 / (1.0 - E2))
    d = b * b - a * q
    if not d >= 0.0:
        return math.nan, math.nan
    up = -q / (b + math.sqrt(d))
    x = c0 * (n0 + up) - s0 * north
    z = s0 * (n0 * (1.0 - E2) + up) + c0 * north
    lat = math.atan2(z, (1.0 - E2) * math.sqrt(x * x + east * east))
    lon = lon0_deg + math.degrees(math.atan2(east, x))
    if lon > 180.0:
        lon -= 360.0
    elif lon < -180.0:
        lon += 360.0
    return math.degrees(lat), lon


@kernel_fma
def axes(s0: float, c0: float, s: float, c: float, sd: float, cd: float):  # type: ignore[no-untyped-def]
    """What true east and north at a place are in the plane: east's east and north, north's east and north.

    A velocity (e, n) at the place is (e·ee + n·ne, e·en + n·nn) in the plane, in the order returned (ee, en, ne, nn).
    """
    return cd, s0 * sd, -s * sd, s0 * s * cd + c0 * c
