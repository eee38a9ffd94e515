"""Where a track stays instead of going on.

Fixes are put on a clock of ``STEP_S``, so that one second apart or sixty is the same to what follows, and noise does
not count as way. ``stays`` then looks for confinement: a window in which the way flown is several times the diagonal
of the box that holds it, for boxes of every size from ``SMALLEST_M`` to ``LARGEST_M``; two pointers a size, so linear
in the length of the track. A circle detector that adds up turns misses legs of 80 nautical miles and is fooled by
noise; confinement is neither.

Nearer to a pole than 5 degrees boxes of latitude and longitude are none, and stays may be missed. All thresholds are
own rules, measured in bench/orbits.py over simulated variants.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.units import NMI_M

__all__ = ["SILENCE_S", "STEP_S", "Clocked", "Stay", "clocked", "stays"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

STEP_S: Final = 10.0
SILENCE_S: Final = 90.0  #: between fixes farther apart than this nothing was seen; aggregators thin to 60 s at most
SMALLEST_M: Final = 0.5 * NMI_M  # a light aircraft that circles a house
LARGEST_M: Final = 300.0 * NMI_M  # reconnaissance and patrols fly to and fro over 200 NM
_GROWTH: Final = 1.25  # from one size of box to the next
#: A way out and home is 2 boxes long, a third leg makes 3; two laps of the longest racetrack are 4, and 3.2 where
#: the box is one size too large.
CONFINED: Final = 3.0
#: What a stay goes on with, once it is one: a lap that is partly unseen, a way in from the side.
_GOES_ON: Final = 2.2
_ROUGH_M: Final = 500.0  # fixes that are worse than this are smoothed
_SMOOTH_S: Final = 40.0
_M_PER_DEG: Final = 111_195.0


class Clocked(NamedTuple):
    """One track on a clock: seconds, degrees (longitude unwrapped), and whether each step to the next was seen."""

    time_s: Floats
    lat: Floats
    lon: Floats
    seen: Bools


class Stay(NamedTuple):
    """Steps ``first`` to ``last`` (inclusive) of a clocked track that stay in a box of this diagonal."""

    first: int
    last: int
    box_m: float


@njit(cache=True, nogil=True)
def _unwrapped(lon: Floats) -> Floats:
    out = lon.copy()
    turns = 0.0
    for i in range(1, len(lon)):
        step = lon[i] - lon[i - 1]
        if step > 180.0:
            turns -= 360.0
        elif step < -180.0:
            turns += 360.0
        out[i] = lon[i] + turns
    return out


@njit(cache=True, nogil=True)
def _steady(time_s: Floats, lat: Floats, lon: Floats, radius_m: float) -> tuple[Floats, Floats]:
    """Fixes without those that lie farther from their neighbours' median than error and flight explain."""
    n = len(time_s)
    out_lat, out_lon = lat.copy(), lon.copy()
    for i in range(2, n - 2):
        if time_s[i + 2] - time_s[i - 2] > 240.0:
            continue
        shrink = math.cos(math.radians(lat[i]))
        mid_lat = np.median(lat[i - 2 : i + 3])
        mid_lon = np.median(lon[i - 2 : i + 3])
        off = math.hypot(lat[i] - mid_lat, (lon[i] - mid_lon) * shrink) * _M_PER_DEG
        # in straight flight the median is the middle fix; in a turn it is off by no more than a way of 60 s
        if off > 3.0 * radius_m + 2_000.0:
            out_lat[i], out_lon[i] = mid_lat, mid_lon
    return out_lat, out_lon


@njit(cache=True, nogil=True)
def _on_clock(
    time_s: Floats, lat: Floats, lon: Floats, smooth_s: float, silence_s: float
) -> tuple[Floats, Floats, Floats, Bools]:
    n = len(time_s)
    count = int((time_s[n - 1] - time_s[0]) / STEP_S) + 1
    at = time_s[0] + STEP_S * np.arange(count)
    out_lat, out_lon = np.empty(count), np.empty(count)
    seen = np.empty(count, np.bool_)
    k, low, high = 0, 0, 0
    for i in range(count):
        t = at[i]
        while k < n - 2 and time_s[k + 1] <= t:
            k += 1
        dt = time_s[k + 1] - time_s[k]
        part = min(max((t - time_s[k]) / dt, 0.0), 1.0) if dt > 0.0 else 0.0
        out_lat[i] = lat[k] + part * (lat[k + 1] - lat[k])
        out_lon[i] = lon[k] + part * (lon[k + 1] - lon[k])
        seen[i] = dt <= silence_s
        if smooth_s > 0.0:
            while low < n and time_s[low] < t - smooth_s:
                low += 1
            high = max(high, low)
            while high < n and time_s[high] <= t + smooth_s:
                high += 1
            if high - low < 4 or not seen[i]:
                continue
            # a straight line through the fixes near this moment, those nearest in time counting most
            w0 = w1 = w2 = a0 = a1 = b0 = b1 = 0.0
            for j in range(low, high):
                x = (time_s[j] - t) / smooth_s
                w = (1.0 - x * x) ** 2
                w0 += w
                w1 += w * x
                w2 += w * x * x
                a0 += w * lat[j]
                a1 += w * x * lat[j]
                b0 += w * lon[j]
                b1 += w * x * lon[j]
            det = w0 * w2 - w1 * w1
            if det > 0.02 * w0 * w0:
                out_lat[i] = (w2 * a0 - w1 * a1) / det
                out_lon[i] = (w2 * b0 - w1 * b1) / det
    return at, out_lat, out_lon, seen


def clocked(time_s: Floats, lat_deg: Floats, lon_deg: Floats, radius_m: float) -> Clocked:
    """N fixes in order of time on a clock of ``STEP_S``; rough ones (``radius_m``: their usual 95 % radius) smoothed.

    Steps in a silence lie on the straight way across it and are marked as not seen: the way is then a lower bound.
    """
    lon = _unwrapped(lon_deg)
    lat = lat_deg
    rough = radius_m > _ROUGH_M
    if rough:
        lat, lon = _steady(time_s, lat, lon, radius_m)
    return Clocked(*_on_clock(time_s, lat, lon, _SMOOTH_S if rough else 0.0, SILENCE_S))


@njit(cache=True, nogil=True)
def _ways(lat: Floats, lon: Floats) -> Floats:
    """Way flown to each step, metres: of the sphere, which is near enough to count laps."""
    out = np.zeros(len(lat))
    for i in range(1, len(lat)):
        shrink = math.cos(math.radians(0.5 * (lat[i] + lat[i - 1])))
        out[i] = out[i - 1] + math.hypot(lat[i] - lat[i - 1], (lon[i] - lon[i - 1]) * shrink) * _M_PER_DEG
    return out


@njit(cache=True, nogil=True)
def _stays_of_size(lat: Floats, lon: Floats, way: Floats, box_m: float, out: Ints) -> int:
    """Windows that fit in a box and are ``_GOES_ON`` boxes long, joined where they overlap: rows first, last.

    Of those joined at least one must be ``CONFINED`` boxes long.
    """
    n = len(lat)
    # queues of the candidates for the least and the greatest of each coordinate
    queue = np.empty((4, n), np.int64)
    head = np.zeros(4, np.int64)
    tail = np.zeros(4, np.int64)
    i, found, sure = 0, 0, False
    for j in range(n):
        for q in range(4):
            values = lat if q < 2 else lon
            sign = 1.0 if q % 2 == 0 else -1.0
            while tail[q] > head[q] and sign * values[queue[q, tail[q] - 1]] >= sign * values[j]:
                tail[q] -= 1
            queue[q, tail[q]] = j
            tail[q] += 1
        while i < j:
            low, high = lat[queue[0, head[0]]], lat[queue[1, head[1]]]
            shrink = math.cos(math.radians(0.5 * (low + high)))
            wide = (lon[queue[3, head[3]]] - lon[queue[2, head[2]]]) * shrink
            if math.hypot(high - low, wide) * _M_PER_DEG <= box_m:
                break
            for q in range(4):
                if queue[q, head[q]] == i:
                    head[q] += 1
            i += 1
        if way[j] - way[i] >= _GOES_ON * box_m:
            if found and i <= out[found - 1, 1]:
                out[found - 1, 1] = j
            else:
                if found and not sure:
                    found -= 1
                out[found, 0], out[found, 1] = i, j
                found += 1
                sure = False
            sure |= way[j] - way[i] >= CONFINED * box_m
    return found if sure or found == 0 else found - 1


@njit(cache=True, nogil=True)
def _stays(lat: Floats, lon: Floats, way: Floats, smallest_m: float) -> tuple[Ints, Floats]:
    n = len(lat)
    chosen = np.empty((n + 1, 2), np.int64)
    sizes = np.empty(n + 1)
    count = 0
    rows = np.empty((n + 1, 2), np.int64)
    kept = np.empty((n + 1, 2), np.int64)
    kept_sizes = np.empty(n + 1)
    box = smallest_m
    while box <= LARGEST_M and way[n - 1] >= CONFINED * box:
        found = _stays_of_size(lat, lon, way, box, rows)
        # both lists are sorted and disjoint: one walk decides for each larger stay what of the smaller ones it takes
        at, m = 0, 0
        for k in range(found):
            first, last = rows[k, 0], rows[k, 1]
            while at < count and chosen[at, 1] < first:
                kept[m], kept_sizes[m] = chosen[at], sizes[at]
                m += 1
                at += 1
            begin = at
            inside, sides = 0.0, 0.0
            low, high = first, last
            while at < count and chosen[at, 0] <= last:
                inside += way[chosen[at, 1]] - way[chosen[at, 0]]
                sides += box - sizes[at]
                low, high = min(low, chosen[at, 0]), max(high, chosen[at, 1])
                at += 1
            held = at - begin
            # straight ways in, between and out explain so much; what is more was flown to and fro
            spare = 0.0 if held == 0 else box + sides * (held + 1) / held
            if held == 0 or way[high] - way[low] - inside >= spare:
                if m and low <= kept[m - 1, 1]:
                    kept[m - 1, 1] = max(high, kept[m - 1, 1])
                    kept_sizes[m - 1] = box
                else:
                    kept[m, 0], kept[m, 1], kept_sizes[m] = low, high, box
                    m += 1
            else:
                for q in range(begin, at):
                    if m and chosen[q, 0] <= kept[m - 1, 1]:
                        kept[m - 1, 1] = max(chosen[q, 1], kept[m - 1, 1])
                    else:
                        kept[m], kept_sizes[m] = chosen[q], sizes[q]
                        m += 1
        while at < count:
            kept[m], kept_sizes[m] = chosen[at], sizes[at]
            m += 1
            at += 1
        chosen[:m], sizes[:m] = kept[:m], kept_sizes[:m]
        count = m
        box *= _GROWTH
    return chosen[:count].copy(), sizes[:count].copy()


def stays(track: Clocked, radius_m: float) -> list[Stay]:
    """Where the track stays, in order of time: smaller boxes first, larger ones where these explain more of the way."""
    if len(track.time_s) < 3:
        return []
    # a box must be larger than what the error of fixes alone would fill
    smallest = max(SMALLEST_M, 4.0 * radius_m)
    way = _ways(track.lat, track.lon)
    spans, sizes = _stays(track.lat, track.lon, way, smallest)
    found: list[Stay] = []
    for (a, b), box in zip(spans.tolist(), sizes.tolist(), strict=True):
        if found and _one(track, way, found[-1], Stay(a, b, box)):
            found[-1] = Stay(found[-1].first, b, max(box, found[-1].box_m))
        else:
            found.append(Stay(a, b, box))
    return found


def _one(track: Clocked, way: Floats, a: Stay, b: Stay) -> bool:
    """Are two stays one, with a lap between that was a little wider?"""
    box = max(a.box_m, b.box_m)
    part = slice(a.first, b.last + 1)
    lat, lon = track.lat[part], track.lon[part]
    wide = float(np.ptp(lon)) * math.cos(math.radians(0.5 * float(lat.min() + lat.max())))
    return way[b.first] - way[a.last] <= 2.0 * box and math.hypot(float(np.ptp(lat)), wide) * _M_PER_DEG <= 1.3 * box
