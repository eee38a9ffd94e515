"""What positions say against each other: strands that one aircraft could have flown, steps, windows, pairs.

A *strand* is a chain of positions under one address that an object no faster than ``GATE_MPS`` could have flown; an
honest track is one strand. A position that is repeated under new times keeps the time at which it was first given, for
``HELD_S`` at most: the jump at the end of such a repetition is a fault of times, not of places.

All arrays are (N,), sorted by object and time.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.fuse.reach import GATE_MPS
from testigos.geo import to_ecef

__all__ = ["HELD_S", "STRAND_ROWS", "Against", "Steps", "Windows", "against", "holds", "horizon_m", "places",
           "steps", "strands", "unchanged", "windows"]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: The longest repetition in a real history of OpenSky is 303 s (bench/integrity.py); a minute more.
HELD_S: Final = 360.0
STRAND_ROWS: Final = 5  #: positions of a strand that is more than strays
_STRAY_S: Final = 120.0  # so long after its last position a strand of fewer ends
_WAY_S: Final = 5.0  # so long a way at least says where a strand goes on to; of shorter ones noise does
_TIME_S: Final = 1.0  # times are often whole seconds
_LIVE: Final = 8  # strands of one object that are looked at; the shortest makes room for a new one
#: Radio horizon over an earth of 4/3 radius: Recommendation ITU-R P.528.
_RADIO_M: Final = 4_120.0


@njit(cache=True, nogil=True)
def places(lat_deg: Floats, lon_deg: Floats) -> Floats:
    """Earth-centred metres (N, 3) on the ellipsoid."""
    xyz = np.empty((len(lat_deg), 3))
    for i in range(len(lat_deg)):
        xyz[i, 0], xyz[i, 1], xyz[i, 2] = to_ecef(lat_deg[i], lon_deg[i])
    return xyz


@njit(cache=True, nogil=True)
def _apart(a: Floats, b: Floats) -> float:
    return math.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2)


@njit(cache=True, nogil=True)
def strands(code: Ints, time_s: Floats, xyz: Floats, slack_m: Floats) -> tuple[Ints, Floats]:
    """The strand of each row, numbered from 0, and by how many metres its first row is out of reach of the nearest.

    The excess (by strand) is NaN where there was no other, as for an object's first. Of the strands that can reach a
    row the one that would be nearest by then has it, had it gone on as it did; strays that nothing joined for two
    minutes are out of reach, since all comes within their reach in the end.
    """
    n = len(code)
    strand = np.empty(n, np.int64)
    excess = np.full(n, np.nan)
    made = 0
    live = np.empty(_LIVE, np.int64)
    last = np.empty(_LIVE, np.int64)
    since = np.empty(_LIVE)
    size = np.empty(_LIVE, np.int64)
    anchor = np.empty(_LIVE, np.int64)
    way = np.zeros((_LIVE, 3))
    alive = 0
    for i in range(n):
        if i == 0 or code[i] != code[i - 1]:
            alive = 0
        best, least, short = -1, np.inf, np.inf
        for k in range(alive):
            j = last[k]
            free = slack_m[i] + slack_m[j] + GATE_MPS * (time_s[i] - since[k] + _TIME_S)
            far = _apart(xyz[i], xyz[j])
            if alive > 1 and size[k] < STRAND_ROWS and time_s[i] - time_s[j] > _STRAY_S:
                continue
            short = min(short, far - free)
            if far > free:
                continue
            on = min(time_s[i] - since[k], _STRAY_S)
            off = 0.0
            for c in range(3):
                off += (xyz[i, c] - xyz[j, c] - way[k, c] * on) ** 2
            if off < least:
                best, least = k, off
        if best < 0:
            if alive < _LIVE:
                best = alive
                alive += 1
            else:
                best = int(np.argmin(size))
            live[best], size[best], since[best], anchor[best] = made, 0, time_s[i], i
            way[best] = 0.0
            excess[made] = short if short < np.inf else np.nan
            made += 1
        else:
            j = last[best]
            moved = xyz[i, 0] != xyz[j, 0] or xyz[i, 1] != xyz[j, 1] or xyz[i, 2] != xyz[j, 2]
            if moved or time_s[i] - since[best] > HELD_S:
                since[best] = time_s[i]
            went = time_s[i] - time_s[anchor[best]]
            if moved and went >= _WAY_S:
                for c in range(3):
                    way[best, c] = (xyz[i, c] - xyz[anchor[best], c]) / went
                anchor[best] = i
        last[best] = i
        size[best] += 1
        strand[i] = live[best]
    return strand, excess[:made]


class Steps(NamedTuple):
    """From the last row of the same strand to each: which it is (-1: none), time, way along the course and aside."""

    before: Ints
    dt_s: Floats
    along_m: Floats
    aside_m: Floats


@njit(cache=True, nogil=True)
def _steps(
    strand: Ints, count: int, time_s: Floats, lat: Floats, lon: Floats, xyz: Floats, course: Floats
) -> tuple[Ints, Floats, Floats, Floats]:
    n = len(strand)
    last = np.full(count, -1, np.int64)
    before = np.empty(n, np.int64)
    dt, along, aside = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    for i in range(n):
        j = last[strand[i]]
        before[i] = j
        last[strand[i]] = i
        if j < 0:
            continue
        dt[i] = time_s[i] - time_s[j]
        # on the plane that touches the earth half-way; steps are short
        a, b = math.radians(0.5 * (lat[i] + lat[j])), math.radians(lon[j] + 0.5 * ((lon[i] - lon[j] + 180) % 360 - 180))
        dx, dy, dz = xyz[i, 0] - xyz[j, 0], xyz[i, 1] - xyz[j, 1], xyz[i, 2] - xyz[j, 2]
        east = -math.sin(b) * dx + math.cos(b) * dy
        north = -math.sin(a) * math.cos(b) * dx - math.sin(a) * math.sin(b) * dy + math.cos(a) * dz
        c = math.radians(course[j] + 0.5 * ((course[i] - course[j] + 180) % 360 - 180))
        along[i] = east * math.sin(c) + north * math.cos(c)
        aside[i] = east * math.cos(c) - north * math.sin(c)
    return before, dt, along, aside


def steps(strand: Ints, time_s: Floats, lat: Floats, lon: Floats, xyz: Floats, course_deg: Floats) -> Steps:
    """Steps within strands; NaN where nothing is before a row, or no course is known."""
    return Steps(*_steps(strand, int(strand.max(initial=-1)) + 1, time_s, lat, lon, xyz, course_deg))


@njit(cache=True, nogil=True)
def holds(before: Ints, time_s: Floats, xyz: Floats) -> Floats:
    """For how many seconds the position of each row has already been given in its strand."""
    n = len(before)
    since = np.empty(n)
    held = np.zeros(n)
    for i in range(n):
        j = before[i]
        same = j >= 0 and xyz[i, 0] == xyz[j, 0] and xyz[i, 1] == xyz[j, 1] and xyz[i, 2] == xyz[j, 2]
        since[i] = since[j] if same else time_s[i]
        held[i] = time_s[i] - since[i]
    return held


@njit(cache=True, nogil=True)
def unchanged(before: Ints, time_s: Floats, first: Floats, second: Floats) -> Floats:
    """Seconds from the first to the last of the rows of a strand, round each, that say the same two values."""
    n = len(before)
    start = np.empty(n, np.int64)
    end = np.empty(n)
    for i in range(n):
        j = before[i]
        start[i] = start[j] if j >= 0 and first[i] == first[j] and second[i] == second[j] else i
        end[start[i]] = time_s[i]
    span = np.empty(n)
    for i in range(n):
        span[i] = end[start[i]] - time_s[start[i]]
    return span


class Windows(NamedTuple):
    """From a row of the same strand, half a minute or so before, to each: what was said all that time.

    ``before`` is -1, and the others mean nothing, where there is no such row. NaN where a row says nothing.
    """

    before: Ints
    gs_low: Floats
    gs_high: Floats
    rate_low: Floats
    rate_high: Floats
    turned_deg: Floats


@njit(cache=True, nogil=True)
def _windows(
    before: Ints, time_s: Floats, gs: Floats, rate: Floats, course: Floats, least_s: float, most_s: float
) -> tuple[Ints, Floats, Floats, Floats, Floats, Floats]:
    n = len(before)
    start = np.full(n, -1, np.int64)
    said = np.full((5, n), np.nan)
    for i in range(n):
        m = i
        low, high, least, most, turned = gs[i], gs[i], rate[i], rate[i], 0.0
        while before[m] >= 0 and time_s[i] - time_s[m] < least_s:
            last, m = m, before[m]
            # what is not known makes all of it unknown, which comparisons with NaN would not
            low = min(low, gs[m]) if gs[m] == gs[m] and low == low else np.nan
            high = max(high, gs[m]) if gs[m] == gs[m] and high == high else np.nan
            least = min(least, rate[m]) if rate[m] == rate[m] and least == least else np.nan
            most = max(most, rate[m]) if rate[m] == rate[m] and most == most else np.nan
            turned += abs((course[last] - course[m] + 180.0) % 360.0 - 180.0)
        if least_s <= time_s[i] - time_s[m] <= most_s:
            start[i] = m
            said[0, i], said[1, i], said[2, i], said[3, i], said[4, i] = low, high, least, most, turned
    return start, said[0], said[1], said[2], said[3], said[4]


def windows(
    before: Ints, time_s: Floats, gs: Floats, rate: Floats, course: Floats, least_s: float, most_s: float
) -> Windows:
    """For each row the last of its strand at least ``least_s`` and at most ``most_s`` before, and what was said since.

    ``before``: as in :class:`Steps`; ``gs``, ``rate`` and ``course`` (degrees) are as reported.
    """
    return Windows(*_windows(before, time_s, gs, rate, course, least_s, most_s))


class Against(NamedTuple):
    """Rows set against other rows of the same object: where those put it then, and how far off that is.

    ``before``, ``after``: the other rows round each (-1: none). ``apart_m`` is NaN where they say nothing then;
    ``along_m`` is ahead on the others' way, ``speed_mps`` how fast they go there. ``doubt_m``: what a turn between
    them, or a time with others on one side only, can explain.
    """

    before: Ints
    after: Ints
    apart_m: Floats
    along_m: Floats
    speed_mps: Floats
    doubt_m: Floats


@njit(cache=True, nogil=True)
def _against(
    code: Ints, time_s: Floats, xyz: Floats, rows: Ints, others: Ints, gap_s: float, side_s: float
) -> tuple[Ints, Ints, Floats, Floats, Floats, Floats]:
    n = len(rows)
    before, after = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    apart, along = np.full(n, np.nan), np.full(n, np.nan)
    speed, doubt = np.full(n, np.nan), np.full(n, np.nan)
    k = 0
    at = np.empty(3)
    for m in range(n):
        i = rows[m]
        while k < len(others) and (
            code[others[k]] < code[i] or (code[others[k]] == code[i] and time_s[others[k]] <= time_s[i])
        ):
            k += 1
        if k > 0 and code[others[k - 1]] == code[i]:
            before[m] = others[k - 1]
        if k < len(others) and code[others[k]] == code[i]:
            after[m] = others[k]
        a, b = before[m], after[m]
        if a >= 0 and b >= 0 and time_s[b] - time_s[a] <= gap_s:
            dt = time_s[b] - time_s[a]
            part = (time_s[i] - time_s[a]) / dt if dt > 0.0 else 0.0
            length = _apart(xyz[a], xyz[b])
            for c in range(3):
                at[c] = xyz[a, c] + part * (xyz[b, c] - xyz[a, c])
            apart[m] = _apart(xyz[i], at)
            # 2.6 m/s² are a bank of 15 degrees
            doubt[m] = 0.5 * 2.6 * (0.5 * dt) ** 2
            if dt > 0.0 and length > 20.0 * dt:
                speed[m] = length / dt
                along[m] = 0.0
                for c in range(3):
                    along[m] += (xyz[i, c] - at[c]) * (xyz[b, c] - xyz[a, c]) / length
        else:
            near, away = -1, side_s
            if a >= 0 and time_s[i] - time_s[a] <= away:
                near, away = a, time_s[i] - time_s[a]
            if b >= 0 and time_s[b] - time_s[i] < away:
                near, away = b, time_s[b] - time_s[i]
            if near >= 0:
                apart[m] = _apart(xyz[i], xyz[near])
                doubt[m] = GATE_MPS * away
    return before, after, apart, along, speed, doubt


def against(code: Ints, time_s: Floats, xyz: Floats, rows: Ints, others: Ints, gap_s: float, side_s: float) -> Against:
    """``rows`` against ``others`` (indices in order): between others up to ``gap_s`` apart, else beside one.

    Beside one other up to ``side_s`` away, which may have flown at ``GATE_MPS``.
    """
    return Against(*_against(code, time_s, xyz, rows, others, gap_s, side_s))


def horizon_m(alt_ft: Floats, antenna_m: float) -> Floats:
    """How far a receiver with its antenna so high above the surface hears in normal air, metres."""
    height = np.maximum(alt_ft * 0.3048, 0.0)
    return np.asarray(_RADIO_M * (np.sqrt(height) + math.sqrt(max(antenna_m, 0.0))))
