"""Kernel that tells transmitters under one name apart, a report at a time.

A *strand* is what one transmitter says: a chain of positions each of which it could have reached from the one before.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.geo import to_ecef
from testigos.kernels import kernel
from testigos.units import KT_MPS

__all__ = ["CONFIRMED", "LIVE", "follow"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LIVE: Final = 5  #: strands of one name that are followed: four transmitters and a stray
CONFIRMED: Final = 3  #: consistent reports that make a strand
_BOTH: Final = 2  # reports of the others meanwhile that make it another transmitter
_SILENT_S: Final = 10.0
_FASTEST_MPS: Final = 600.0  # as fuse/reach.py
_STRAY_S: Final = 60.0  # so long a tentative strand is waited for
_GONE_S: Final = 1_800.0


@njit(cache=True, nogil=True)
def follow(
    name: Ints,
    time_ns: Ints,
    lat_deg: Floats,
    lon_deg: Floats,
    sigma_m: Floats,
    gs_kt: Floats,
    track_deg: Floats,
    number: Ints,
    heard: Ints,
    others: Ints,
    first_ns: Ints,
    last_ns: Ints,
    place: Floats,
    going: Floats,
    sigma: Floats,
) -> npt.NDArray[np.uint8]:
    """The strand of each report, 0 where it is none yet; the other arrays (names, LIVE) are changed in place.

    ``number``: -1 where nothing is followed, 0 tentative. ``going`` (names, LIVE, 3) is the velocity in m/s, NaN where
    unknown. See ``Strands`` for the rule.
    """
    n = len(name)
    out = np.zeros(n, np.uint8)
    xyz, way = np.empty(3), np.empty(3)
    for i in range(n):
        m, t = name[i], time_ns[i]
        xyz[0], xyz[1], xyz[2] = to_ecef(lat_deg[i], lon_deg[i])
        said = math.isfinite(gs_kt[i]) and math.isfinite(track_deg[i])
        if said:
            lat, lon, course = math.radians(lat_deg[i]), math.radians(lon_deg[i]), math.radians(track_deg[i])
            east, north = gs_kt[i] * KT_MPS * math.sin(course), gs_kt[i] * KT_MPS * math.cos(course)
            way[0] = -math.sin(lon) * east - math.sin(lat) * math.cos(lon) * north
            way[1] = math.cos(lon) * east - math.sin(lat) * math.sin(lon) * north
            way[2] = math.cos(lat) * north
        best, least = -1, 1.0
        room, oldest = -1, -1
        longest = 0.0  # between reports of a confirmed strand
        for k in range(LIVE):
            if number[m, k] < 0:
                if room < 0:
                    room = k
                continue
            dt = (t - last_ns[m, k]) * 1e-9
            if number[m, k] > 0 and heard[m, k] > 1:
                longest = max(longest, (last_ns[m, k] - first_ns[m, k]) * 1e-9 / (heard[m, k] - 1))
            reach = _reach(k, m, abs(dt), xyz, place, going, sigma, sigma_m[i])
            if reach < least:
                best, least = k, reach
        if best >= 0:
            k = best
            dt = (t - last_ns[m, k]) * 1e-9
            if dt > 0.0:
                for c in range(3):
                    step = (xyz[c] - place[m, k, c]) / dt
                    if said:
                        going[m, k, c] = way[c]
                    elif dt >= 1.0:
                        # as much of the new as its time is of ten seconds
                        part = min(1.0, dt / 10.0) if math.isfinite(going[m, k, c]) else 1.0
                        before = going[m, k, c] if part < 1.0 else 0.0
                        going[m, k, c] = before + part * (step - before)
                    if said or dt >= 1.0 or number[m, k] == 0:
                        place[m, k, c] = xyz[c]
                if said or dt >= 1.0 or number[m, k] == 0:
                    last_ns[m, k] = t
                    sigma[m, k] = sigma_m[i]
                heard[m, k] += 1
            if number[m, k] > 0:
                if dt > 0.0:
                    for j in range(LIVE):
                        if number[m, j] == 0 and t > first_ns[m, j]:
                            others[m, j] += 1
            elif heard[m, k] >= CONFIRMED:
                _confirm(m, k, t, longest, number, heard, others, first_ns, last_ns, place)
            out[i] = number[m, k]
            continue
        # nobody could be here: a tentative strand, in the place of one that is gone if need be
        if room < 0:
            for k in range(LIVE):
                silent = (t - last_ns[m, k]) * 1e-9
                gone = silent > (max(_STRAY_S, 4.0 * longest) if number[m, k] == 0 else _GONE_S)
                if (gone or number[m, k] == 0) and (oldest < 0 or last_ns[m, k] < last_ns[m, oldest]):
                    oldest = k
            room = oldest
        if room < 0:
            continue
        alone = True
        for k in range(LIVE):
            alone = alone and number[m, k] < 0
        number[m, room] = 1 if alone else 0
        heard[m, room], others[m, room] = 1, 0
        first_ns[m, room] = last_ns[m, room] = t
        sigma[m, room] = sigma_m[i]
        for c in range(3):
            place[m, room, c] = xyz[c]
            going[m, room, c] = way[c] if said else math.nan
        out[i] = number[m, room]
    return out


@kernel
def _reach(
    k: int, m: int, dt: float, xyz: Floats, place: Floats, going: Floats, sigma: Floats, sigma_m: float
) -> float:
    """How far a report is from where the strand would be, as a part of what it can be off by at most."""
    slack = 50.0 + 4.0 * (sigma[m, k] + sigma_m)
    known = math.isfinite(going[m, k, 0])
    off2 = far2 = v2 = 0.0
    for c in range(3):
        step = xyz[c] - place[m, k, c]
        far2 += step * step
        if known:
            off2 += (step - going[m, k, c] * dt) ** 2
            v2 += going[m, k, c] ** 2
    if not known:
        return float(math.sqrt(far2) / (slack + _FASTEST_MPS * (dt + 1.0)))
    v = math.sqrt(v2)
    most = min(_FASTEST_MPS, 2.0 * v + 40.0) * dt  # of change of place, and so of what is off after long
    return float(math.sqrt(off2) / (slack + 2.0 * v + min(0.5 * (6.0 + 0.03 * v) * dt * dt, most)))


@kernel
def _confirm(
    m: int,
    k: int,
    t: int,
    longest: float,
    number: Ints,
    heard: Ints,
    others: Ints,
    first_ns: Ints,
    last_ns: Ints,
    place: Floats,
) -> None:
    """A tentative strand becomes another transmitter, or the one that jumped here, or stays what it is."""
    if others[m, k] >= _BOTH:
        for candidate in range(2, LIVE):
            taken = False
            for j in range(LIVE):
                if number[m, j] == candidate:
                    taken = True
            if not taken:
                number[m, k] = candidate
                return
        return
    nearest, least = -1, math.inf
    for j in range(LIVE):
        if number[m, j] <= 0:
            continue
        if last_ns[m, j] > first_ns[m, k] or (t - last_ns[m, j]) * 1e-9 < max(_SILENT_S, min(4.0 * longest, 600.0)):
            continue
        far2 = 0.0
        for c in range(3):
            far2 += (place[m, j, c] - place[m, k, c]) ** 2
        if far2 < least:
            nearest, least = j, far2
    if nearest >= 0:
        number[m, k] = number[m, nearest]
        number[m, nearest] = -1
