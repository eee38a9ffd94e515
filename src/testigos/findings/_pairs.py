"""Who comes near whom: every meeting of any two tracks, without looking at every pair.

Time is cut into bins. In each bin every track that is under way is a ball round the piece of it that lies in the bin;
balls are sorted into cubes of space as wide as the distance asked for and the widest ball, so that only a cube and its
neighbours can hold a partner. Earth-centred coordinates have neither poles nor an antimeridian. What remains is
measured exactly: between fixes each object moves evenly along the great circle, so that two of them move evenly against
each other, and the times at which they are within a distance are the roots of a quadratic equation.

The work grows with the rows and with the pairs that are near, not with all pairs. Balls wider than a bin at
``FAST_MPS`` are compared with everything; that many move so fast only where a track is broken.

Distances are straight lines between points of the ellipsoid: over 20 km the geodesic is 8 mm longer. A chord between
fixes is lifted to the surface, so that a gap of 10 minutes at 250 m/s does not dip 440 m below it.
Source: own rule, after the uniform grid for near neighbours (Bentley, Stanat and Williams, "The complexity of finding
fixed-radius near neighbors", Information Processing Letters 6, 1977); measured in bench/company.py.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.geo import A_M, E2

__all__ = ["LONGEST_GAP_S", "Meetings", "closest", "meetings", "surface"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LONGEST_GAP_S: Final = 600.0  #: between fixes farther apart nothing is interpolated
BIN_S: Final = 60.0
FAST_MPS: Final = 350.0  #: nearly every aircraft is slower over ground; a rule of speed, not of truth
_EARTH_M: Final = 6_371_000.0
_TOUCH_S: Final = 1e-3  # meetings whose ends are this near are one


class Meetings(NamedTuple):
    """Spans of time in which two tracks were within the distance, one row a span, by pair and time.

    ``first`` < ``second`` are values of ``track``; times are seconds on the scale given. ``time_s``, ``distance_m`` and
    ``vertical_ft`` (first minus second; NaN where an altitude is unknown) are of the closest point in the span.
    """

    first: Ints
    second: Ints
    start_s: Floats
    end_s: Floats
    time_s: Floats
    distance_m: Floats
    vertical_ft: Floats


@njit(cache=True, nogil=True)
def surface(lat_deg: Floats, lon_deg: Floats) -> Floats:
    """Points of the ellipsoid: (N,) degrees to (N, 3) Earth-centred metres."""
    out = np.empty((len(lat_deg), 3))
    for i in range(len(lat_deg)):
        lat, lon = math.radians(lat_deg[i]), math.radians(lon_deg[i])
        s, c = math.sin(lat), math.cos(lat)
        n = A_M / math.sqrt(1.0 - E2 * s * s)
        out[i, 0], out[i, 1], out[i, 2] = n * c * math.cos(lon), n * c * math.sin(lon), n * (1.0 - E2) * s
    return out


@njit(cache=True, nogil=True)
def _between(xyz: Floats, i: int, f: float, out: Floats, k: int) -> None:
    """The point a part ``f`` of the way from fix ``i`` to the next, lifted to the surface, into ``out[k]``."""
    chord2, middle2 = 0.0, 0.0
    for c in range(3):
        step = xyz[i + 1, c] - xyz[i, c]
        middle = xyz[i, c] + 0.5 * step
        chord2 += step * step
        middle2 += middle * middle
    lift = 1.0 + f * (1.0 - f) * chord2 / (2.0 * _EARTH_M) / math.sqrt(middle2)
    for c in range(3):
        out[k, c] = (xyz[i, c] + f * (xyz[i + 1, c] - xyz[i, c])) * lift


@njit(cache=True, nogil=True)
def _runs(track: Ints, time_s: Floats, gap_s: float) -> Ints:
    """Where stretches of one track begin that have no gap; stretches of a single fix are kept, to be passed over."""
    n = len(track)
    out = np.empty(n + 1, np.int64)
    k = 0
    for i in range(n):
        if i == 0 or track[i] != track[i - 1] or time_s[i] - time_s[i - 1] > gap_s:
            out[k] = i
            k += 1
    out[k] = n
    return out[: k + 1]


@njit(cache=True, nogil=True)
def _grown(values: Floats) -> Floats:
    out = np.empty((2 * values.shape[0], values.shape[1]))
    out[: values.shape[0]] = values
    return out


@njit(cache=True, nogil=True)
def _grown_ints(values: Ints) -> Ints:
    out = np.empty((2 * values.shape[0], values.shape[1]), np.int64)
    out[: values.shape[0]] = values
    return out


@njit(cache=True, nogil=True)
def _refine(
    vertices: Floats, i0: int, i1: int, j0: int, j1: int, within2: float, vertical: float, spans: Floats
) -> int:
    """Spans of one bin in which two paths are within the limits: rows start, end, time, distance², vertical.

    ``vertices``: rows t, x, y, z, altitude. A path is the rows from ``i0`` to before ``i1``, the other from ``j0``.
    Returns how many rows of ``spans`` were filled; touching ones are joined.
    """
    count = 0
    i, j = i0, j0
    while i < i1 - 1 and j < j1 - 1:
        t0 = max(vertices[i, 0], vertices[j, 0])
        t1 = min(vertices[i + 1, 0], vertices[j + 1, 0])
        if t1 > t0:
            di = vertices[i + 1, 0] - vertices[i, 0]
            dj = vertices[j + 1, 0] - vertices[j, 0]
            fi0, fi1 = (t0 - vertices[i, 0]) / di, (t1 - vertices[i, 0]) / di
            fj0, fj1 = (t0 - vertices[j, 0]) / dj, (t1 - vertices[j, 0]) / dj
            a = b = c = 0.0  # of a s² + 2 b s + c, the distance² at the part s of [t0, t1]
            for k in range(1, 4):
                step_i, step_j = vertices[i + 1, k] - vertices[i, k], vertices[j + 1, k] - vertices[j, k]
                apart = (vertices[i, k] + fi0 * step_i) - (vertices[j, k] + fj0 * step_j)
                moved = (fi1 - fi0) * step_i - (fj1 - fj0) * step_j
                a += moved * moved
                b += apart * moved
                c += apart * apart
            low, high = 0.0, 1.0
            excess = c - within2
            if a > 1e-9:
                root = b * b - a * excess
                if root < 0.0:
                    high = -1.0
                else:
                    root = math.sqrt(root)
                    low, high = max(0.0, (-b - root) / a), min(1.0, (-b + root) / a)
            elif excess > 0.0:
                high = -1.0
            v0 = (vertices[i, 4] + fi0 * (vertices[i + 1, 4] - vertices[i, 4])) - (
                vertices[j, 4] + fj0 * (vertices[j + 1, 4] - vertices[j, 4])
            )
            dv = (fi1 - fi0) * (vertices[i + 1, 4] - vertices[i, 4]) - (fj1 - fj0) * (
                vertices[j + 1, 4] - vertices[j, 4]
            )
            if not math.isnan(v0 + dv) and vertical < np.inf:
                if abs(dv) > 1e-9:
                    one, other = (-vertical - v0) / dv, (vertical - v0) / dv
                    low, high = max(low, min(one, other)), min(high, max(one, other))
                elif abs(v0) > vertical:
                    high = -1.0
            if high >= low:
                s = low if a <= 1e-9 else min(max(-b / a, low), high)
                d2 = max(0.0, (a * s + 2.0 * b) * s + c)
                start = t0 if low == 0.0 else t0 + low * (t1 - t0)
                end = t1 if high == 1.0 else t0 + high * (t1 - t0)
                if count == 0 or spans[count - 1, 1] < start - _TOUCH_S:
                    spans[count, 0], spans[count, 3] = start, np.inf
                    count += 1
                row = spans[count - 1]
                row[1] = end
                if d2 < row[3]:
                    row[2], row[3], row[4] = t0 + s * (t1 - t0), d2, v0 + s * dv
        if vertices[i + 1, 0] <= vertices[j + 1, 0]:
            i += 1
        else:
            j += 1
    return count


@njit(cache=True, nogil=True)
def _sweep(
    run: Ints, order: Ints, time_s: Floats, xyz: Floats, alt: Floats, within: float, vertical: float, bin_s: float
) -> tuple[Ints, Floats]:
    """Meetings of runs: pairs of run numbers (with a link for the lists of open ones), and rows as of ``_refine``.

    ``run``: where each begins, and the end; ``order``: those of two fixes or more, by their first time.
    """
    n_run = len(run) - 1
    cursor = run[:-1].copy()
    active = np.empty(len(order), np.int64)
    n_active, waiting = 0, 0
    # of the tracks under way: where their vertices begin, ball, cell
    first = np.empty(len(order) + 1, np.int64)
    ball = np.empty((len(order), 6))  # x, y, z, radius, lowest, highest
    cell = np.empty((len(order), 3), np.int64)
    bucket = np.empty(len(order), np.int64)
    sorted_ = np.empty(len(order), np.int64)
    vertices = np.empty((4096, 5))
    spans = np.empty((256, 5))
    pair = np.empty((1024, 3), np.int64)
    found = np.empty((1024, 5))
    n_found = 0
    open_ = np.full(n_run, -1, np.int64)
    slow = 0.5 * bin_s * FAST_MPS
    near_ = np.empty(3, np.int64)
    number = 0.0
    if len(order):
        number = math.floor(time_s[run[order[0]]] / bin_s)
    while n_active > 0 or waiting < len(order):
        if n_active == 0:
            number = max(number, math.floor(time_s[run[order[waiting]]] / bin_s))
        begin, end = number * bin_s, (number + 1.0) * bin_s
        while waiting < len(order) and time_s[run[order[waiting]]] < end:
            active[n_active] = order[waiting]
            n_active += 1
            waiting += 1
        # the pieces of the bin
        used, widest = 0, 0.0
        for k in range(n_active):
            r = active[k]
            first[k] = used
            i, last = cursor[r], run[r + 1] - 1
            while i < last - 1 and time_s[i + 1] <= begin:
                i += 1
            cursor[r] = i
            m = i
            while m <= last and time_s[m] < end:
                m += 1
            while used + m - i + 3 > len(vertices):
                vertices = _grown(vertices)
            # the fix before the bin, moved to its beginning
            if time_s[i] >= begin:
                vertices[used, 0], vertices[used, 4] = time_s[i], alt[i]
                vertices[used, 1:4] = xyz[i]
            else:
                f = (begin - time_s[i]) / (time_s[i + 1] - time_s[i])
                _between(xyz, i, f, vertices[:, 1:4], used)
                vertices[used, 0], vertices[used, 4] = begin, alt[i] + f * (alt[i + 1] - alt[i])
            used += 1
            for q in range(i + 1, m):
                vertices[used, 0], vertices[used, 4] = time_s[q], alt[q]
                vertices[used, 1:4] = xyz[q]
                used += 1
            if m <= last and m > 0 and time_s[m - 1] < end:
                f = (end - time_s[m - 1]) / (time_s[m] - time_s[m - 1])
                _between(xyz, m - 1, f, vertices[:, 1:4], used)
                vertices[used, 0], vertices[used, 4] = end, alt[m - 1] + f * (alt[m] - alt[m - 1])
                used += 1
            radius2 = 0.0
            for c in range(3):
                low = high = vertices[first[k], c + 1]
                for q in range(first[k] + 1, used):
                    low, high = min(low, vertices[q, c + 1]), max(high, vertices[q, c + 1])
                ball[k, c] = 0.5 * (low + high)
            lowest, highest = np.inf, -np.inf
            for q in range(first[k], used):
                apart2 = 0.0
                for c in range(3):
                    apart2 += (vertices[q, c + 1] - ball[k, c]) ** 2
                radius2 = max(radius2, apart2)
                if math.isnan(vertices[q, 4]):
                    lowest, highest = -np.inf, np.inf
                lowest, highest = min(lowest, vertices[q, 4]), max(highest, vertices[q, 4])
            ball[k, 3], ball[k, 4], ball[k, 5] = math.sqrt(radius2), lowest, highest
            if ball[k, 3] <= slow:
                widest = max(widest, ball[k, 3])
        first[n_active] = used
        # cubes, in buckets
        size = 16
        while size < 2 * n_active:
            size *= 2
        side = within + 2.0 * widest + 1.0
        heads = np.zeros(size + 1, np.int64)
        for k in range(n_active):
            for c in range(3):
                cell[k, c] = math.floor(ball[k, c] / side)
            bucket[k] = (cell[k, 0] * 73856093 ^ cell[k, 1] * 19349663 ^ cell[k, 2] * 83492791) & (size - 1)
            heads[bucket[k] + 1] += 1
        for q in range(size):
            heads[q + 1] += heads[q]
        for k in range(n_active - 1, -1, -1):
            heads[bucket[k] + 1] -= 1
            sorted_[heads[bucket[k] + 1]] = k
        # now heads[q + 1] is where bucket q begins, and heads[q + 2] where it ends
        for k in range(n_active):
            fast = ball[k, 3] > slow
            for side_number in range(13, 27 if not fast else 14):
                # each pair of neighbours once: the own cube, and those after it
                near_[0] = cell[k, 0] + side_number // 9 - 1
                near_[1] = cell[k, 1] + side_number // 3 % 3 - 1
                near_[2] = cell[k, 2] + side_number % 3 - 1
                q = (near_[0] * 73856093 ^ near_[1] * 19349663 ^ near_[2] * 83492791) & (size - 1)
                start = 0 if fast else heads[q + 1]
                stop = n_active if fast else (heads[q + 2] if q + 2 <= size else n_active)
                for at in range(start, stop):
                    other = at if fast else sorted_[at]
                    other_fast = ball[other, 3] > slow
                    if fast:
                        if other_fast and other <= k:
                            continue
                    else:
                        if other_fast:  # it looks for its partners itself
                            continue
                        if (cell[other, 0] != near_[0]) or (cell[other, 1] != near_[1]) or (cell[other, 2] != near_[2]):
                            continue
                        if side_number == 13 and other <= k:
                            continue
                    reach = within + ball[k, 3] + ball[other, 3]
                    dx, dy, dz = ball[k, 0] - ball[other, 0], ball[k, 1] - ball[other, 1], ball[k, 2] - ball[other, 2]
                    if dx * dx + dy * dy + dz * dz > reach * reach:
                        continue
                    if ball[k, 4] - ball[other, 5] > vertical or ball[other, 4] - ball[k, 5] > vertical:
                        continue
                    one, two = (k, other) if active[k] < active[other] else (other, k)
                    need = first[one + 1] - first[one] + first[two + 1] - first[two] + 1
                    while need > len(spans):
                        spans = _grown(spans)
                    count = _refine(vertices, first[one], first[one + 1], first[two], first[two + 1],
                                    within * within, vertical, spans)  # fmt: skip
                    r1, r2 = active[one], active[two]
                    for q2 in range(count):
                        # the list of the first run's open meetings; what has ended is taken out on the way
                        m, before = open_[r1], -1
                        while m >= 0:
                            onward = pair[m, 2]
                            if found[m, 1] < begin - _TOUCH_S:
                                if before < 0:
                                    open_[r1] = onward
                                else:
                                    pair[before, 2] = onward
                            elif pair[m, 1] == r2 and found[m, 1] >= spans[q2, 0] - _TOUCH_S:
                                break
                            else:
                                before = m
                            m = onward
                        if m >= 0:
                            found[m, 1] = spans[q2, 1]
                            if spans[q2, 3] < found[m, 3]:
                                found[m, 2:] = spans[q2, 2:]
                            continue
                        if n_found == len(found):
                            found, pair = _grown(found), _grown_ints(pair)
                        found[n_found] = spans[q2]
                        pair[n_found, 0], pair[n_found, 1], pair[n_found, 2] = r1, r2, open_[r1]
                        open_[r1] = n_found
                        n_found += 1
        # what has ended
        kept = 0
        for k in range(n_active):
            r = active[k]
            if time_s[run[r + 1] - 1] > end:
                active[kept] = r
                kept += 1
        n_active = kept
        number += 1.0
    return pair[:n_found], found[:n_found]


def meetings(
    track: npt.ArrayLike,
    time_s: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    alt_ft: npt.ArrayLike | None = None,
    *,
    within_m: float,
    within_ft: float = math.inf,
    longest_gap_s: float = LONGEST_GAP_S,
) -> Meetings:
    """When any two tracks were within ``within_m`` of each other, and how near they came.

    ``track``: (N,) integers, rows of one together and in the order of time; ``time_s``: (N,) seconds;
    ``lat_deg``, ``lon_deg``: (N,) degrees; ``alt_ft``: (N,) feet, NaN where unknown. With ``within_ft`` altitudes must
    not differ by more; an unknown one is let pass. Fixes more than ``longest_gap_s`` apart are not joined, and a fix
    alone between two such gaps meets nobody. Raises ``ValueError`` where rows are out of order.

    >>> met = meetings([0, 0, 1, 1], [0, 100, 0, 100], [0, 0, 0.1, -0.1], [0, 0.2, 0, 0.2], within_m=5000.0)
    >>> met.first.tolist(), met.second.tolist(), round(float(met.time_s[0])), round(float(met.distance_m[0]), -1)
    ([0], [1], 50, 0.0)
    """
    owner = np.ascontiguousarray(track, np.int64)
    times = np.ascontiguousarray(time_s, np.float64)
    lat, lon = np.ascontiguousarray(lat_deg, np.float64), np.ascontiguousarray(lon_deg, np.float64)
    alt = np.full(len(owner), np.nan) if alt_ft is None else np.ascontiguousarray(alt_ft, np.float64)
    if ((np.diff(times) < 0) & (np.diff(owner) == 0)).any():
        raise ValueError("meetings: rows of a track must be in the order of time")
    # seconds since 1970 have few digits left for fractions
    base = math.floor(float(times.min()) / BIN_S) * BIN_S if len(times) else 0.0
    times = times - base
    run = _runs(owner, times, longest_gap_s)
    whole = np.flatnonzero(np.diff(run) > 1)
    whole = whole[times[run[whole + 1] - 1] > times[run[whole]]]
    order = whole[np.argsort(times[run[whole]], kind="stable")]
    pair, found = _sweep(run, order, times, surface(lat, lon), alt, float(within_m), float(within_ft), BIN_S)
    first, second = owner[run[pair[:, 0]]], owner[run[pair[:, 1]]]
    swap = first > second
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    by = np.lexsort((found[:, 0], second, first))
    found = found[by]
    return Meetings(
        first[by],
        second[by],
        found[:, 0] + base,
        found[:, 1] + base,
        found[:, 2] + base,
        np.sqrt(found[:, 3]),
        np.where(swap[by], -found[:, 4], found[:, 4]),
    )


def closest(met: Meetings) -> Meetings:
    """The closest of each pair's meetings: one row a pair."""
    by = np.lexsort((met.time_s, met.distance_m, met.second, met.first))
    first, second = met.first[by], met.second[by]
    new = np.ones(len(by), np.bool_)
    new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return Meetings._make(column[by[new]] for column in met)
