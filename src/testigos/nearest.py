"""The nearest of many short geodesic segments, exactly and on the ellipsoid.

A tree of boxes in earth-centred coordinates is searched with straight chords, which bound geodesics from both
sides; only segments that the bounds cannot exclude are measured with the geodesic. Consecutive points of a
track start from the answer of the one before, which excludes nearly everything at once.

The bounds: a geodesic of the ellipsoid is nowhere straighter than a circle of the largest radius of curvature
and nowhere more bent than one of the smallest, so a chord c belongs to a geodesic of at least
``2 R asin(c / 2R)`` with ``R_MAX_M`` and at most that with ``R_MIN_M`` (Schur's theorem).
"""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.geo import A_M, B_M, E2, F, delta_sigma, inverse, series, to_ecef

__all__ = ["LONGEST_M", "Nearest", "Segments", "build", "left_of", "nearest"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LONGEST_M: Final = 10_000.0  #: segments longer than this must be cut before they come here
R_MIN_M: Final = B_M * B_M / A_M * (1.0 - 1e-9)  #: along the meridian at the equator, the smallest
R_MAX_M: Final = A_M * A_M / B_M * (1.0 + 1e-9)  #: radius of curvature at the poles, the largest
_LEAF: Final = 4
_FIRST: Final = 1_000
_SCATTERED_DEG: Final = 0.05  # points that jump farther are no track


@dataclass(frozen=True)
class Segments:
    """A search tree over N segments; make it with :func:`build`.

    ``ends`` (N, 6) are the earth-centred metres of both ends in tree order, ``order`` the caller's numbers,
    ``boxes`` (nodes, 6) low and high corners, node i's children are 2i+1 and 2i+2.
    """

    ends: Floats
    order: Ints
    boxes: Floats
    pad_m: float  #: how far the middle of the longest segment's chord lies under the surface

    def __len__(self) -> int:
        return len(self.order)


class Nearest(NamedTuple):
    """What :func:`nearest` found for each of N points; NaN and -1 where the point itself is unknown."""

    distance_m: Floats
    segment: Ints  #: number of the segment, in the order given to :func:`build`
    fraction: Floats  #: where on it, 0 (start) to 1 (end)
    lat_deg: Floats  #: the nearest point itself
    lon_deg: Floats


@njit(cache=True, nogil=True)
def _ecef_columns(lat: Floats, lon: Floats, out: Floats, first: int) -> None:
    for i in range(len(lat)):
        x, y, z = to_ecef(lat[i], lon[i])
        out[i, first], out[i, first + 1], out[i, first + 2] = x, y, z


@njit(cache=True, nogil=True)
def _spread(value: int) -> int:
    """The lowest 21 bits with two zeros between each, for a Morton code."""
    v = value & 0x1FFFFF
    v = (v | (v << 32)) & 0x1F00000000FFFF
    v = (v | (v << 16)) & 0x1F0000FF0000FF
    v = (v | (v << 8)) & 0x100F00F00F00F00F
    v = (v | (v << 4)) & 0x10C30C30C30C30C3
    return (v | (v << 2)) & 0x1249249249249249


@njit(cache=True, nogil=True)
def _morton(ends: Floats) -> Ints:
    n = len(ends)
    code = np.empty(n, np.int64)
    scale = (1 << 21) / (2.0 * A_M + 2.0)
    for i in range(n):
        c = 0
        for k in range(3):
            c |= _spread(int((0.5 * (ends[i, k] + ends[i, k + 3]) + A_M + 1.0) * scale)) << k
        code[i] = c
    return code


@njit(cache=True, nogil=True)
def _boxes(ends: Floats, leaves: int) -> Floats:
    boxes = np.empty((2 * leaves - 1, 6))
    boxes[:, :3], boxes[:, 3:] = np.inf, -np.inf
    n = len(ends)
    for leaf in range(leaves):
        node = leaves - 1 + leaf
        for i in range(leaf * _LEAF, min(n, (leaf + 1) * _LEAF)):
            for k in range(3):
                boxes[node, k] = min(boxes[node, k], ends[i, k], ends[i, k + 3])
                boxes[node, k + 3] = max(boxes[node, k + 3], ends[i, k], ends[i, k + 3])
    for node in range(leaves - 2, -1, -1):
        for k in range(3):
            boxes[node, k] = min(boxes[2 * node + 1, k], boxes[2 * node + 2, k])
            boxes[node, k + 3] = max(boxes[2 * node + 1, k + 3], boxes[2 * node + 2, k + 3])
    return boxes


def build(
    lat1_deg: npt.ArrayLike, lon1_deg: npt.ArrayLike, lat2_deg: npt.ArrayLike, lon2_deg: npt.ArrayLike
) -> Segments:
    """A search tree over segments given by their ends, each (N,) degrees; a point is a segment of no length.

    Raises ``ValueError`` if there is none, or one is longer than ``LONGEST_M``: cut it first.
    """
    ends = np.empty((len(np.atleast_1d(lat1_deg)), 6))
    if len(ends) == 0:
        raise ValueError("no segment to be near to")
    for first, (lat, lon) in enumerate(((lat1_deg, lon1_deg), (lat2_deg, lon2_deg))):
        _ecef_columns(
            np.atleast_1d(np.asarray(lat, np.float64)),
            np.atleast_1d(np.asarray(lon, np.float64)),
            ends,
            3 * first,
        )
    longest = float(np.sqrt(((ends[:, :3] - ends[:, 3:]) ** 2).sum(axis=1).max()))
    if not longest <= 1.001 * LONGEST_M:
        raise ValueError(f"a segment is {longest:.0f} m long; cut it in pieces of at most {LONGEST_M:.0f} m")
    order = np.argsort(_morton(ends), kind="stable")
    ends = ends[order]
    leaves = 1 << max(0, math.ceil(math.log2(len(ends) / _LEAF)))
    return Segments(ends, order.astype(np.int64), _boxes(ends, leaves), longest * longest / (8.0 * 6.3e6) + 1e-6)


@njit(cache=True, nogil=True)
def _shell2(chord2: float, pad: float) -> float:
    """The squared chord beyond which nothing can be nearer, by geodesic, than something at ``chord2``."""
    chord = math.sqrt(chord2) + pad
    x = chord / (2.0 * R_MIN_M)
    arc = 2.0 * R_MIN_M * math.asin(x) if x < 1.0 else math.pi * R_MIN_M
    y = arc / (2.0 * R_MAX_M)
    limit = 2.0 * R_MAX_M * math.sin(y) if y < 0.5 * math.pi else 2.0 * R_MAX_M
    return (limit + pad) * (limit + pad)


@njit(cache=True, nogil=True)
def _box_chord2(boxes: Floats, node: int, x: float, y: float, z: float) -> float:
    dx: float = max(boxes[node, 0] - x, 0.0, x - boxes[node, 3])
    dy: float = max(boxes[node, 1] - y, 0.0, y - boxes[node, 4])
    dz: float = max(boxes[node, 2] - z, 0.0, z - boxes[node, 5])
    return dx * dx + dy * dy + dz * dz


@njit(cache=True, nogil=True)
def _foot(ends: Floats, i: int, x: float, y: float, z: float) -> tuple[float, float]:
    """Where on segment i's chord the point's foot is, and the squared chord to it."""
    ax, ay, az = ends[i, 0], ends[i, 1], ends[i, 2]
    dx, dy, dz = ends[i, 3] - ax, ends[i, 4] - ay, ends[i, 5] - az
    px, py, pz = x - ax, y - ay, z - az
    length2 = dx * dx + dy * dy + dz * dz
    t = 0.0 if length2 == 0.0 else min(1.0, max(0.0, (px * dx + py * dy + pz * dz) / length2))
    qx, qy, qz = px - t * dx, py - t * dy, pz - t * dz
    return t, qx * qx + qy * qy + qz * qz


@njit(cache=True, nogil=True)
def _on_surface(x: float, y: float, z: float) -> tuple[float, float]:
    # exact on the surface; a chord's middle is at most 2 m under it, which moves the latitude by under 1 cm
    return math.degrees(math.atan2(z, (1.0 - E2) * math.sqrt(x * x + y * y))), math.degrees(math.atan2(y, x))


@njit(cache=True, nogil=True)
def _length(x1: float, y1: float, z1: float, x2: float, y2: float, z2: float) -> float:
    """Geodesic metres between two points given earth-centred, on the surface or close under it.

    As ``geo.inverse`` (Vincenty), but without a call of a trigonometric function where the coordinates have the
    value already, and with the iteration's remainder added after its second step. Negative for points far
    apart or at a pole: these are left to ``geo.inverse``.
    """
    p1, p2 = math.sqrt(x1 * x1 + y1 * y1), math.sqrt(x2 * x2 + y2 * y2)
    if p1 < 1.0 or p2 < 1.0:
        return -1.0
    w1, w2 = z1 / (1.0 - F), z2 / (1.0 - F)
    r1, r2 = math.sqrt(p1 * p1 + w1 * w1), math.sqrt(p2 * p2 + w2 * w2)
    sin_u1, cos_u1, sin_u2, cos_u2 = w1 / r1, p1 / r1, w2 / r2, p2 / r2
    sin_l, cos_l = (x1 * y2 - y1 * x2) / (p1 * p2), (x1 * x2 + y1 * y2) / (p1 * p2)
    if cos_l < 0.5:
        return -1.0
    lam = difference = math.asin(sin_l)
    step = 0.0
    for i in range(20):
        x = cos_u2 * sin_l
        y = (sin_u2 * cos_u1 - cos_u2 * sin_u1) + sin_u1 * cos_u2 * sin_l * sin_l / (1.0 + cos_l)
        sin_s = math.sqrt(x * x + y * y)
        cos_s = sin_u1 * sin_u2 + cos_u1 * cos_u2 * cos_l
        if sin_s < 1e-12:
            return 0.0
        sigma = math.atan2(sin_s, cos_s)
        sin_alpha = cos_u1 * cos_u2 * sin_l / sin_s
        cos2_alpha = 1.0 - sin_alpha * sin_alpha
        cos_2m = cos_s - 2.0 * sin_u1 * sin_u2 / cos2_alpha if cos2_alpha > 1e-15 else 0.0
        c = F / 16.0 * cos2_alpha * (4.0 + F * (4.0 - 3.0 * cos2_alpha))
        before = step
        step = (
            difference
            + (1.0 - c) * F * sin_alpha * (sigma + c * sin_s * (cos_2m + c * cos_s * (2.0 * cos_2m * cos_2m - 1.0)))
            - lam
        )
        if abs(step) < 1e-12:
            a, b = series(cos2_alpha)
            return B_M * a * (sigma - delta_sigma(b, sin_s, cos_s, cos_2m))
        # each step is nearly the same small part of the one before
        lam += step / (1.0 - step / before) if i == 1 and abs(step) < 0.1 * abs(before) else step
        sin_l, cos_l = math.sin(lam), math.cos(lam)
    return -1.0


@njit(cache=True, nogil=True)
def _measure(
    ends: Floats,
    lat: float,
    lon: float,
    place: tuple[float, float, float],
    near: Ints,
    near_chord2: Floats,
    near_t: Floats,
    found: int,
    limit2: float,
    best: float,
    index: int,
    k: int,
    distance: Floats,
    fraction: Floats,
    foot_lat: Floats,
    foot_lon: Floats,
) -> tuple[float, int]:
    """Measure the candidates that the final limit leaves; keep the nearest in row k of the results."""
    for j in range(found):
        if near_chord2[j] >= limit2:
            continue
        i, t = near[j], near_t[j]
        x = ends[i, 0] + t * (ends[i, 3] - ends[i, 0])
        y = ends[i, 1] + t * (ends[i, 4] - ends[i, 1])
        z = ends[i, 2] + t * (ends[i, 5] - ends[i, 2])
        s = _length(place[0], place[1], place[2], x, y, z)
        at_lat, at_lon = 0.0, 0.0
        if s < 0.0 or s < best:
            at_lat, at_lon = _on_surface(x, y, z)
        if s < 0.0:
            s = inverse(lat, lon, at_lat, at_lon)[0]
        if s < best:
            best, index = s, i
            distance[k], fraction[k], foot_lat[k], foot_lon[k] = s, near_t[j], at_lat, at_lon
    return best, index


@njit(cache=True, nogil=True)
def _search(
    ends: Floats,
    boxes: Floats,
    pad: float,
    order: Ints,
    lat: Floats,
    lon: Floats,
    distance: Floats,
    segment: Ints,
    fraction: Floats,
    foot_lat: Floats,
    foot_lon: Floats,
) -> None:
    first_leaf = len(boxes) // 2
    stack, reach2 = np.empty(128, np.int64), np.empty(128)
    near, near_chord2, near_t = np.empty(256, np.int64), np.empty(256), np.empty(256)
    n = len(ends)
    index = -1
    for k in order:
        if not (abs(lat[k]) <= 90.0 and abs(lon[k]) <= 360.0):
            distance[k] = fraction[k] = foot_lat[k] = foot_lon[k] = np.nan
            segment[k] = -1
            continue
        x, y, z = to_ecef(lat[k], lon[k])
        warm = max(index, 0)
        t, least2 = _foot(ends, warm, x, y, z)
        near[0], near_chord2[0], near_t[0], found = warm, least2, t, 1
        limit2 = _shell2(least2, pad)
        best = np.inf
        stack[0], reach2[0], top = 0, _box_chord2(boxes, 0, x, y, z), 1
        while top > 0:
            top -= 1
            if reach2[top] >= limit2:
                continue
            node = stack[top]
            if node < first_leaf:
                left, right = 2 * node + 1, 2 * node + 2
                to_left, to_right = _box_chord2(boxes, left, x, y, z), _box_chord2(boxes, right, x, y, z)
                if to_left > to_right:
                    left, right = right, left
                    to_left, to_right = to_right, to_left
                if to_right < limit2:
                    stack[top], reach2[top] = right, to_right
                    top += 1
                if to_left < limit2:
                    stack[top], reach2[top] = left, to_left
                    top += 1
                continue
            leaf = node - first_leaf
            for i in range(leaf * _LEAF, min(n, (leaf + 1) * _LEAF)):
                t, chord2 = _foot(ends, i, x, y, z)
                # the last condition: the vertex that two segments share is measured once
                if chord2 >= limit2 or i == warm or abs(chord2 - least2) <= 1e-12 * chord2:
                    continue
                if found == len(near):
                    best, index = _measure(
                        ends,
                        lat[k],
                        lon[k],
                        (x, y, z),
                        near,
                        near_chord2,
                        near_t,
                        found,
                        limit2,
                        best,
                        index,
                        k,
                        distance,
                        fraction,
                        foot_lat,
                        foot_lon,
                    )
                    found = 0
                near[found], near_chord2[found], near_t[found] = i, chord2, t
                found += 1
                if chord2 < least2:
                    least2 = chord2
                    limit2 = _shell2(least2, pad)
        best, index = _measure(
            ends,
            lat[k],
            lon[k],
            (x, y, z),
            near,
            near_chord2,
            near_t,
            found,
            limit2,
            best,
            index,
            k,
            distance,
            fraction,
            foot_lat,
            foot_lon,
        )
        segment[k] = index


def _visit(lat: Floats, lon: Floats) -> Ints:
    """An order in which points are near to the one before: as they come, if the first show so, else along a curve."""
    order = np.arange(len(lat), dtype=np.int64)
    steps = np.abs(np.diff(lat[:_FIRST])) + np.abs(np.diff(lon[:_FIRST]))
    if not np.count_nonzero(steps > _SCATTERED_DEG) > 0.5 * len(steps):
        return order
    places = np.empty((len(lat), 6))
    _ecef_columns(np.nan_to_num(lat), np.nan_to_num(lon), places, 0)
    places[:, 3:] = places[:, :3]
    return order[np.argsort(_morton(places), kind="stable")]


def nearest(segments: Segments, lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike) -> Nearest:
    """The nearest point on any segment for each of N points in degrees (N,).

    Exact to better than 1 cm against measuring every segment (tests/test_nearest.py).
    """
    lat = np.ascontiguousarray(np.atleast_1d(lat_deg), np.float64)
    lon = np.ascontiguousarray(np.atleast_1d(lon_deg), np.float64)
    n = len(lat)
    found = Nearest(np.empty(n), np.empty(n, np.int64), np.empty(n), np.empty(n), np.empty(n))
    _search(segments.ends, segments.boxes, segments.pad_m, _visit(lat, lon), lat, lon, *found)
    known = found.segment >= 0
    found.segment[known] = segments.order[found.segment[known]]
    return found


def left_of(
    lat1_deg: Floats,
    lon1_deg: Floats,
    lat2_deg: Floats,
    lon2_deg: Floats,
    found: Nearest,
    lat_deg: Floats,
    lon_deg: Floats,
) -> npt.NDArray[np.bool_]:
    """Whether each point lies left of the line it is nearest to: on land, where land is left of the coast.

    The ends are those given to :func:`build`, as closed or open chains in order. At a corner a segment alone
    cannot tell: a point whose nearest is a corner that turns left lies outside it, else inside.
    """
    here = np.maximum(found.segment, 0)

    def direction(i: Ints) -> tuple[Floats, Floats]:
        middle = np.radians(0.5 * (lat1_deg[i] + lat2_deg[i]))
        return _east(lon1_deg[i], lon2_deg[i]) * np.cos(middle), lat2_deg[i] - lat1_deg[i]

    ex, ey = direction(here)
    px = _east(lon1_deg[here], lon_deg) * np.cos(np.radians(0.5 * (lat_deg + lat1_deg[here])))
    inside = ex * (lat_deg - lat1_deg[here]) - ey * px > 0.0

    starts, stops = lat1_deg + 1j * lon1_deg, lat2_deg + 1j * lon2_deg
    for at_end, own, others in ((True, stops, starts), (False, starts, stops)):
        corner = np.flatnonzero(found.fraction >= 1.0 if at_end else found.fraction <= 0.0)
        order = np.argsort(others, kind="stable")
        wanted = own[here[corner]]
        place = np.minimum(np.searchsorted(others[order], wanted), len(order) - 1)
        neighbour = order[place]
        met = others[neighbour] == wanted
        nx, ny = direction(neighbour)
        turn = ex[corner] * ny - ey[corner] * nx
        inside[corner[met]] = (turn if at_end else -turn)[met] < 0.0
    return np.asarray(inside & (found.segment >= 0))


def _east(lon1_deg: Floats, lon2_deg: Floats) -> Floats:
    """Degrees from one meridian east to another, the short way."""
    return np.asarray((lon2_deg - lon1_deg + 180.0) % 360.0 - 180.0)
