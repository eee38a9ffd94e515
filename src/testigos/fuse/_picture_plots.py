"""Plots without a name that belong to no track: tracks are begun from those that fit each other.

Own rule, three of five: a second plot of the same input that the first could have become within five of the slowest
scans sets the rhythm; a third one within five such intervals of the first, where the two point to, makes a track.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.fuse._picture_arrays import Said
from testigos.geo import to_ecef

__all__ = ["Tentative", "begin", "new_tentative"]

_OF: Final = 5
_SLACK: Final = 4.0  # errors of two plots, in 95 % radii, and some
_TURN_MPS: Final = 60.0  # how wrong a velocity from two plots may be, beside their errors


class Tentative(NamedTuple):
    """Tracks of one or two plots, (C, ...); ``hits`` is 0 where there is none."""

    hits: npt.NDArray[Any]
    period: npt.NDArray[Any]  #: seconds between both
    xyz: npt.NDArray[Any]  #: (C, 2, 3) where they were
    row: tuple[npt.NDArray[Any], ...]  #: what they said: the fields of ``Said``, (C, 2) each


def new_tentative(capacity: int, said: Said) -> Tentative:
    """None; with the types of ``said``."""
    return Tentative(
        np.zeros(capacity, np.int64),
        np.zeros(capacity),
        np.zeros((capacity, 2, 3)),
        tuple(np.zeros((capacity, 2), v.dtype) for v in said),
    )


@njit(cache=True, nogil=True)
def _match(hits, period, xyz, when, who, plots, time, input, places, radius, fastest, scan_s, track, second):  # type: ignore[no-untyped-def]
    """Which tentative track each of ``plots``, in the order of time, belongs to; new ones begin.

    ``track[i]`` is the one that plot ``i`` completes, else -1, and ``second[i]`` one more than the one that it is the
    second of, or that, negative, which it begins.
    """
    for r in range(len(plots)):
        i = plots[r]
        x, y, z = places[i, 0], places[i, 1], places[i, 2]
        best, nearest, room = -1, math.inf, -1
        oldest = -1
        for k in range(len(hits)):
            if hits[k] == 0:
                room = k
                continue
            if oldest < 0 or when[k, 0] < when[oldest, 0]:
                oldest = k
            if who[k, 0] != input[i]:
                continue
            last = hits[k] - 1
            dt = (time[i] - when[k, last]) * 1e-9
            since = (time[i] - when[k, 0]) * 1e-9
            if since > (_OF * scan_s if last == 0 else (_OF - 0.5) * period[k]):
                hits[k] = 0
                room = k
                continue
            if dt < 0.25:
                continue
            px, py, pz = xyz[k, last, 0], xyz[k, last, 1], xyz[k, last, 2]
            reach = _SLACK * radius[i]
            if last == 0:
                reach += fastest * dt
            else:
                part = dt / period[k]
                px += part * (px - xyz[k, 0, 0])
                py += part * (py - xyz[k, 0, 1])
                pz += part * (pz - xyz[k, 0, 2])
                reach += part * _SLACK * radius[i] + _TURN_MPS * dt
            away = math.sqrt((x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2)
            # two plots that fit go before one
            rank = away / reach - last
            if away <= reach and rank < nearest:
                best, nearest = k, rank
        if best < 0:
            best = room if room >= 0 else oldest
            hits[best], when[best, 0], who[best, 0] = 1, time[i], input[i]
            xyz[best, 0] = places[i]
            second[i] = -(best + 1)  # the first
        elif hits[best] == 1:
            hits[best], when[best, 1] = 2, time[i]
            period[best] = (time[i] - when[best, 0]) * 1e-9
            xyz[best, 1] = places[i]
            second[i] = best + 1
        else:
            hits[best] = 0
            track[i] = best


@njit(cache=True, nogil=True)
def _places(lat, lon, out):  # type: ignore[no-untyped-def]
    for i in range(len(lat)):
        out[i, 0], out[i, 1], out[i, 2] = to_ecef(lat[i], lon[i])


def begin(
    tentative: Tentative, said: Said, plots: npt.NDArray[np.int64], radius: npt.NDArray[np.float64], fastest: float,
    scan_s: float,
) -> list[tuple[int, list[tuple[Any, ...]]]]:  # fmt: skip
    """Adds ``plots``, rows of ``said`` in the order of time; ``radius``, (N,), in metres.

    The rows that complete a track, each with what its first and second plot said (rows of ``Said``).
    """
    size = len(said.time)
    track, second = np.full(size, -1, np.int64), np.zeros(size, np.int64)
    places = np.empty((size, 3))
    _places(said.lat, said.lon, places)
    made = []
    # one after another, since what was said has to be kept before its place is given away
    for i in plots.tolist():
        _match(
            tentative.hits, tentative.period, tentative.xyz, tentative.row[Said._fields.index("time")],
            tentative.row[Said._fields.index("input")], np.array([i]), said.time, said.input, places, radius, fastest,
            scan_s, track, second,
        )  # fmt: skip
        if track[i] >= 0:
            made.append((i, [tuple(v[track[i], h] for v in tentative.row) for h in (0, 1)]))
            continue
        k = abs(int(second[i])) - 1
        for kept, given in zip(tentative.row, said, strict=True):
            kept[k, 0 if second[i] < 0 else 1] = given[i]
    return made
