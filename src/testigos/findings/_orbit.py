"""What a track flies while it stays: passes through the middle, turns, the axes, and the pattern that they make.

``shape`` looks at one stay in its own plane and axes. All thresholds are own rules, measured in bench/orbits.py over
simulated variants.
"""

import math
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.findings._stays import STEP_S, Clocked, Stay
from testigos.geo import destination, inverse_arrays

__all__ = ["Shape", "shape"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Shape(NamedTuple):
    """One stay in its own plane. ``pattern`` is empty where it is none.

    Steps ``first`` to ``last`` are on station; ``marks`` are seconds at which laps begin; ``laps_s`` their lengths,
    those with a silence left out. ``long_m``, ``short_m``: extents of each lap that was seen (at least one).
    """

    pattern: str
    direction: str
    laps: int
    first: int
    last: int
    marks: Floats
    laps_s: Floats
    half_s: float
    long_m: Floats
    short_m: Floats
    orientation_deg: float
    lat_deg: float
    lon_deg: float
    legs: int
    leg_m: Floats
    spacing_m: float
    speed_mps: float
    steadiness: float


#: Staying without a pattern: as long as this, and as many boxes long (two turns round the box).
LOITER_S: Final = 1_200.0
LOITER: Final = 4.0
_HYSTERESIS: Final = 0.5  # of the half extent: how far past the middle a pass must come to count
_STRAIGHT_DEG: Final = 15.0
_SQUARE: Final = 0.3  # resultant of the fourfold courses: 1 for a square of straight legs
_SWING_DEG: Final = 100.0  #: a turn back by less does not end a turn: noise, corrections, a join
_ROUND: Final = 0.72  #: short over long axis of a circle, drift and noise included
_ONE_WAY: Final = 0.7  #: share of all turning that is in one direction
_ALONG: Final = 0.12  #: resultant of the doubled courses: 0 for a circle, 1 for a line
_SPREAD: Final = 0.45  #: of laps about their median, where they repeat
_WIDER: Final = 1.1  #: each lap of a widening search than the one before
_ADVANCE: Final = 0.9  #: rank correlation of the legs' places with their order
_SLOWEST_MPS: Final = 15.0  # what hovers, drifts or sails is no aircraft on station


@njit(cache=True, nogil=True)
def _swings(turn_deg: Floats) -> Floats:
    """How far the course turns one way before it turns back by ``_SWING_DEG``: right positive, in order."""
    out = np.empty(len(turn_deg) + 1)
    count, way = 0, 0
    course = low = high = start = far = 0.0
    for turn in turn_deg:
        course += turn
        if way == 0:
            low, high = min(low, course), max(high, course)
            if course - low >= _SWING_DEG:
                way, start, far = 1, low, course
            elif high - course >= _SWING_DEG:
                way, start, far = -1, high, course
        elif way * (course - far) > 0.0:
            far = course
        elif way * (far - course) >= _SWING_DEG:
            out[count] = far - start
            count += 1
            way, start, far = -way, far, course
    if way:
        out[count] = far - start
        count += 1
    return out[:count].copy()


def _passes(u: Floats, middle: float, margin: float) -> Ints:
    """Steps at which ``u`` crosses the middle between being ``margin`` past it on one side and on the other."""
    side = np.where(u > middle + margin, 1, np.where(u < middle - margin, -1, 0))
    clear = np.flatnonzero(side)
    change = np.flatnonzero(np.diff(side[clear]))
    crossing = [
        a + int(np.argmax((u[a : b + 1] > middle) != (u[a] > middle)))
        for a, b in zip(clear[change].tolist(), clear[change + 1].tolist(), strict=True)
    ]
    return np.array(crossing, np.int64)


class _Plane(NamedTuple):
    """Steps of a stay in metres along (``u``) and across (``v``) its axis, round the middle of their extents."""

    lat: float
    lon: float
    axis_deg: float
    u: Floats
    v: Floats
    step_m: Floats
    course_deg: Floats
    along: float
    square: float


def _plane(track: Clocked, first: int, last: int, counts: Bools) -> _Plane:
    """``counts``: the steps whose courses tell the axes."""
    lat, lon = track.lat[first : last + 1], track.lon[first : last + 1]
    mid_lat, mid_lon = 0.5 * float(lat.min() + lat.max()), 0.5 * float(lon.min() + lon.max())
    far, azimuth, _ = inverse_arrays(mid_lat, mid_lon, lat, lon)
    east, north = far * np.sin(np.radians(azimuth)), far * np.cos(np.radians(azimuth))
    de, dn = np.diff(east), np.diff(north)
    step = np.hypot(de, dn)
    course = np.arctan2(de, dn)
    weight = np.where(counts, step, 0.0)
    total = max(float(weight.sum()), 1e-9)
    doubled = complex((weight * np.exp(2j * course)).sum() / total)
    axis = 0.5 * math.atan2(doubled.imag, doubled.real)
    fourfold = abs(complex((weight * np.exp(4j * course)).sum())) / total
    if abs(doubled) < _ALONG:  # no main course: the greatest extent then
        spread = np.cov(np.vstack((east, north)))
        axis = 0.5 * math.atan2(2.0 * spread[0, 1], spread[1, 1] - spread[0, 0])
    else:  # the turns need not cancel out: the straight legs tell
        off = (course - axis + 0.5 * math.pi) % math.pi - 0.5 * math.pi
        straight = np.where(np.abs(off) < math.radians(_STRAIGHT_DEG), weight, 0.0)
        if straight.sum() > 0.6 * total:  # else they cross each other
            axis += float((straight * off).sum() / straight.sum())
    u = east * math.sin(axis) + north * math.cos(axis)
    v = east * math.cos(axis) - north * math.sin(axis)
    return _Plane(mid_lat, mid_lon, math.degrees(axis) % 180.0, u, v, step, np.degrees(course), abs(doubled), fourfold)


def _extremes(x: Floats, passes: Ints) -> tuple[float, float]:
    """How far ``x`` usually reaches both ways between the passes; the ways in and out do not count.

    The second greatest where it is reached three times, so that a single excursion does not count either.
    """
    parts = np.split(x, passes)
    parts = parts[1:-1] if len(parts) > 2 else parts
    reached = np.array([(p.min(), p.max()) for p in parts])
    middle = 0.5 * (float(reached[:, 0].min()) + float(reached[:, 1].max()))
    low, high = np.sort(reached[:, 0]), np.sort(reached[:, 1])
    second_low = low[1] if (low < middle).sum() > 2 and low[1] < middle else low[0]
    second_high = high[-2] if (high > middle).sum() > 2 and high[-2] > middle else high[-1]
    return float(second_low), float(second_high)


def _ranks(x: Floats) -> Floats:
    return np.argsort(np.argsort(x, kind="stable"), kind="stable").astype(np.float64)


def _order(x: Floats) -> float:
    """Rank correlation of ``x`` with its order. Source: C. Spearman, Am. J. Psychol. 15 (1904)."""
    n = len(x)
    if n < 3:
        return 0.0
    return 1.0 - 6.0 * float(((_ranks(x) - np.arange(n)) ** 2).sum()) / (n * (n * n - 1.0))


def _turns(plane: _Plane, seen: Bools) -> Floats:
    """Turn at each step in degrees, right positive; 0 where it was not seen."""
    turn = (np.diff(plane.course_deg) + 180.0) % 360.0 - 180.0
    turn[~(seen[1:] & seen[:-1])] = 0.0
    # where it hardly moves the course is noise
    slow = 0.2 * float(np.median(plane.step_m))
    turn[(plane.step_m[1:] < slow) | (plane.step_m[:-1] < slow)] = 0.0
    return np.asarray(turn)


def _named(
    plane: _Plane, turns: Floats, swings: Floats, one_way: float, passes: Ints, laps: int, ratio: float, seconds: float
) -> str:
    """What the stay is, empty for nothing; the rules are in the docstring of ``orbit``."""
    if abs(one_way) >= _ONE_WAY and laps >= 2:
        if _widens(plane, turns):
            return "search"
        if plane.along >= _ALONG:
            return "racetrack"
        return "circle" if ratio >= _ROUND and plane.square < _SQUARE else "circuit"
    halves = np.diff(passes)
    if len(passes) >= 4 and plane.along >= _ALONG:
        regular = np.abs(halves - np.median(halves)) <= _SPREAD * np.median(halves)
        turned = (np.abs(swings) > 110.0) & (np.abs(swings) < 330.0)
        if regular.mean() >= 0.75 and turned.mean() >= 0.7 and abs(one_way) < 0.5:
            across = plane.v[passes]
            if abs(_order(across)) >= _ADVANCE and abs(across[-1] - across[0]) > 0.5 * float(np.ptp(plane.v)):
                return "search"
            return "figure_of_eight"
    way = float(plane.step_m.sum())
    diagonal = math.hypot(float(np.ptp(plane.u)), float(np.ptp(plane.v)))
    return "loiter" if seconds >= LOITER_S and way >= LOITER * diagonal else ""


def _steadily(v: Floats, passes: Ints) -> Ints:
    """The passes without those at either end that lie off the steady advance: ways in and out over the middle."""
    first, last = 0, len(passes) - 1
    steps = np.diff(v[passes])
    usual = float(np.median(steps))
    while last - first > 3 and abs(float(steps[first]) - usual) > 0.5 * abs(usual):
        first += 1
    while last - first > 3 and abs(float(steps[last - 1]) - usual) > 0.5 * abs(usual):
        last -= 1
    return passes[first : last + 1]


def _half_laps(u: Floats) -> Ints:
    low, high = (float(q) for q in np.quantile(u, (0.05, 0.95)))
    return _passes(u, 0.5 * (low + high), 0.25 * _HYSTERESIS * (high - low))


def _whole(passes: Ints, dark: Ints) -> list[tuple[int, int]]:
    """Laps without an unseen step, each from every other pass to the next."""
    return [(int(a), int(b)) for a, b in pairwise(passes[::2]) if dark[b] == dark[a]]


def _widens(plane: _Plane, turns: Floats) -> bool:
    """Does it come farther from its middle with each half turn, to double in the end?"""
    half = np.floor(np.abs(np.cumsum(turns)) / 180.0)
    edges = np.flatnonzero(np.diff(np.maximum.accumulate(half)) > 0) + 1
    if len(edges) < 4:
        return False
    # from where the turning began: the middle of the innermost turn
    begin = slice(int(edges[0]), int(edges[1]) + 1)
    u, v = plane.u - float(plane.u[begin].mean()), plane.v - float(plane.v[begin].mean())
    far = np.array([float(p.max()) for p in np.split(np.hypot(u, v), edges)[1:-1]])
    grows = far[2:] > _WIDER * far[:-2]  # a half turn and the next lie on either side
    return len(grows) >= 2 and float(grows.mean()) >= 0.75 and float(far.max()) > 1.5 * float(far[0])


def _one_way(swings: Floats) -> float:
    """Share of the turning that is one way, from -1 (left) to 1 (right); a turn into it or out of it does not count."""
    net = float(swings.sum())
    for end in (0, -1):
        if len(swings) > 1 and swings[end] * net < 0.0 and abs(float(swings[end])) < 300.0:
            swings = np.delete(swings, end)
    total = float(np.abs(swings).sum())
    return float(swings.sum()) / total if total > 0.0 else 0.0


def _measured(track: Clocked, first: int, last: int) -> tuple[Shape, tuple[int, int]]:
    """The shape of steps ``first`` to ``last``, and which of them it is in the area that it flies again and again."""
    seen = track.seen[first:last]
    time_s = track.time_s[first : last + 1]
    seconds = float(time_s[-1] - time_s[0])
    dark = np.concatenate(([0], np.cumsum(~seen)))
    plane = _plane(track, first, last, seen)
    passes = _half_laps(plane.u)
    whole = _whole(passes, dark)
    if whole:  # whole laps have no more of one course than of its opposite
        counts = np.zeros(len(seen), np.bool_)
        for a, b in whole:
            counts[a:b] = True
        plane = _plane(track, first, last, counts)
        passes = _half_laps(plane.u)
        whole = _whole(passes, dark)
    starts = passes[::2]
    box_u, box_v = _extremes(plane.u, passes), _extremes(plane.v, passes)
    turns = _turns(plane, seen)
    swings = _swings(turns)
    net = float(swings.sum())
    long_m = np.array([np.ptp(plane.u[a : b + 1]) for a, b in whole])
    short_m = np.array([np.ptp(plane.v[a : b + 1]) for a, b in whole])
    laps_s = np.array([time_s[b] - time_s[a] for a, b in whole])
    if len(whole) == 0:
        long_m, short_m = np.array([box_u[1] - box_u[0]]), np.array([box_v[1] - box_v[0]])
    one_way = _one_way(swings)
    turning = abs(one_way) >= _ONE_WAY
    # a turn into the pattern and out of it can add most of a half, never a whole one
    turned = int(max(abs(net) - 90.0, 0.0) / 360.0) if turning else 0
    laps = max(len(passes) // 2, turned)
    ratio = float(np.median(np.minimum(long_m, short_m)) / max(np.median(np.maximum(long_m, short_m)), 1.0))
    pattern = _named(plane, turns, swings, one_way, passes, laps, ratio, seconds)
    half = float(np.median(np.diff(passes))) * STEP_S if len(passes) > 1 else seconds
    ends, count = (first, last), len(passes) + 1
    if pattern == "search":
        legs = passes if turning else _steadily(plane.v, passes)
        across = plane.v[legs] if not turning else np.empty(0)
        gap = float(np.median(np.abs(np.diff(across)))) if len(across) > 1 else 0.0
        full_u, full_v = (float(plane.u.min()), float(plane.u.max())), (float(plane.v.min()), float(plane.v.max()))
        if turning:  # each reach is flown once: what counts is from the first turn to the last
            bends = np.flatnonzero(np.abs(np.convolve(turns, np.ones(6), "same")) > 30.0)
            ends = first + int(bends[0]), first + int(bends[-1]) + 1
            part = slice(ends[0] - first, ends[1] - first + 1)
            box_u = (float(plane.u[part].min()), float(plane.u[part].max()))
            box_v = (float(plane.v[part].min()), float(plane.v[part].max()))
            full_u, full_v = box_u, box_v
        else:
            box_v = (float(across.min()), float(across.max()))
            reach = round(half / STEP_S)  # from the middle of the first leg to its beginning
            ends = max(first, first + int(legs[0]) - reach), min(last, first + int(legs[-1]) + reach)
            part = slice(ends[0] - first, ends[1] - first + 1)
            full_u = float(plane.u[part].min()), float(plane.u[part].max())
            full_v = float(plane.v[part].min()), float(plane.v[part].max())
        spacing, count = gap, len(legs)
        long_m = np.array([box_u[1] - box_u[0], full_u[1] - full_u[0]])
        short_m = np.array([box_v[1] - box_v[0], full_v[1] - full_v[0]])
    else:
        spacing = 0.0
    if pattern == "loiter":
        box_u, box_v = (float(plane.u.min()), float(plane.u.max())), (float(plane.v.min()), float(plane.v.max()))
        long_m, short_m = np.array([np.ptp(plane.u)]), np.array([np.ptp(plane.v)])
        half = math.hypot(float(long_m[0]), float(short_m[0])) / max(float(plane.step_m.mean()) / STEP_S, 1.0)
    straight = np.abs((plane.course_deg - plane.axis_deg + 90.0) % 180.0 - 90.0) < _STRAIGHT_DEG
    runs = [float(plane.step_m[a:b][straight[a:b]].sum()) for a, b in _between(plane.u, passes) if dark[b] == dark[a]]
    centre_u, centre_v = 0.5 * (box_u[0] + box_u[1]), 0.5 * (box_v[0] + box_v[1])
    axis = plane.axis_deg
    bearing = axis + math.degrees(math.atan2(centre_v, centre_u))
    lat, lon = destination(plane.lat, plane.lon, bearing, math.hypot(centre_u, centre_v))
    if np.median(short_m) > np.median(long_m):
        long_m, short_m, axis = short_m, long_m, (axis + 90.0) % 180.0
    found = Shape(
        pattern=pattern,
        direction="right" if net > 0.0 else "left",
        laps=laps,
        first=first,
        last=last,
        marks=time_s[starts],
        laps_s=laps_s,
        half_s=half,
        long_m=long_m,
        short_m=short_m,
        orientation_deg=axis,
        lat_deg=float(lat),
        lon_deg=float(lon),
        legs=count,
        leg_m=np.array(runs),
        spacing_m=spacing,
        speed_mps=float(plane.step_m[seen].sum()) / max(float(seen.sum()) * STEP_S, 1.0),
        steadiness=abs(one_way),
    )
    if pattern == "search":
        return found, ends
    margin = 0.05 * float(np.median(long_m))
    inside = (
        (plane.u >= box_u[0] - margin)
        & (plane.u <= box_u[1] + margin)
        & (plane.v >= box_v[0] - margin)
        & (plane.v <= box_v[1] + margin)
    )
    at = np.flatnonzero(inside)
    return found, (first + int(at[0]), first + int(at[-1])) if len(at) else (first, last)


def _between(u: Floats, passes: Ints) -> list[tuple[int, int]]:
    """From the farthest point on one side to the farthest on the other, a pass between: one leg each."""
    edges = [0, *passes.tolist(), len(u) - 1]
    turns = [a + int(np.argmax(np.abs(u[a : b + 1] - u[a]))) for a, b in pairwise(edges)]
    return list(pairwise(turns))[1:-1] if len(turns) > 3 else list(pairwise(turns))


def shape(track: Clocked, stay: Stay) -> Shape | None:
    """What is flown in a stay; null where it is nothing that repeats, nor long enough to loiter."""
    first, last = stay.first, stay.last
    found, edges = _measured(track, first, last)
    for _ in range(2):  # straight ways in and out blur the axis and the middle: without them once more
        if not found.pattern or edges == (first, last) or edges[1] - edges[0] < 3:
            break
        first, last = edges
        found, edges = _measured(track, first, last)
    return found if found.pattern and found.speed_mps >= _SLOWEST_MPS else None
