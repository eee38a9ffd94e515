"""Kernels for tracks of many systems: rings of their last positions, where everybody is, and who is near whom.

Positions are points of the ellipsoid in Earth-centred metres, so neither poles nor the antimeridian are special. Pairs
are found by cubes of space, narrow ones for those that are slow and exactly known, so that a harbour is no crowd.

Source: own rule, after the uniform grid for near neighbours (Bentley, Stanat and Williams, "The complexity of finding
fixed-radius near neighbors", Information Processing Letters 6, 1977); measured in bench/joins.py.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.geo import to_ecef
from testigos.kernels import kernel
from testigos.units import KT_MPS

__all__ = [
    "COARSE_M", "FINE_M", "KEPT", "RADIUS_SIGMAS", "UNKNOWN_SIGMA_M", "CloudOf", "History", "Identity", "Motion",
    "cells", "motion", "near_pairs", "remember", "twins", "way",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

KEPT: Final = 32  #: positions that are kept of a track
UNKNOWN_SIGMA_M: Final = 100.0  #: of a position whose radius nobody says
RADIUS_SIGMAS: Final = 2.4477  #: a 95 % radius in standard deviations of an axis: sqrt(-2 ln 0.05)
COARSE_M: Final = 3_000.0
FINE_M: Final = 900.0


class History(NamedTuple):
    """The last :data:`KEPT` accepted positions of every slot (N, K), in a ring: fix number n lies at n % K.

    ``seen`` (N,): positions so far; ``born`` (N,): how often the slot was given to somebody else. ``xyz_m`` (N, K, 3);
    ``velocity_mps`` (N, K, 3) along the ground; ``sigma_m`` of each axis; altitudes in feet; NaN where unknown.
    """

    seen: Ints
    born: Ints
    time_ns: Ints
    xyz_m: Floats
    velocity_mps: Floats
    sigma_m: Floats
    baro_ft: Floats
    geom_ft: Floats


class Identity(NamedTuple):
    """What each slot (N,) says that it is; 0 stands for unknown in all but ``squawk``, where it is -1.

    ``named``: whether anything was said. ``authority``: 1 an ICAO address that the transponder itself or an
    interrogation says, 2 one that a device was told or a ground station rebroadcasts, 3 a name that means something
    only where it comes from, 4 an MMSI, with ``address`` its number. ``callsign`` packs eight characters, ``category``
    is 16 * set + number with A to D as 1 to 4, ``kind`` is a place in ``schema.KINDS`` plus 1.
    """

    named: Bools
    system: Ints
    authority: Ints
    address: Ints
    callsign: Ints
    squawk: Ints
    category: Ints
    kind: Ints


class Motion(NamedTuple):
    """Where each slot (N,) is at one time, by its last position and velocity; ``gate_m`` is 0 where it has none."""

    xyz_m: Floats
    velocity_mps: Floats
    speed_mps: Floats
    gate_m: Floats
    interval_s: Floats
    last_ns: Ints


class CloudOf(NamedTuple):
    """Others of the same system round each slot (N,): how many near, how many of them go the same way."""

    near: Ints
    along: Ints


@kernel
def remember(
    count: Ints,
    ring_ns: Ints,
    xyz: Floats,
    velocity: Floats,
    sigma: Floats,
    baro: Floats,
    geom: Floats,
    slot: Ints,
    time_ns: Ints,
    lat_deg: Floats,
    lon_deg: Floats,
    radius95_m: Floats,
    baro_ft: Floats,
    geom_ft: Floats,
    gs_kt: Floats,
    track_deg: Floats,
) -> None:
    """Put positions into the rings; what is not later than the last of its slot is passed over."""
    for i in range(len(slot)):
        s = slot[i]
        n = count[s]
        if n > 0 and time_ns[i] <= ring_ns[s, (n - 1) % KEPT]:
            continue
        if not (math.isfinite(lat_deg[i]) and math.isfinite(lon_deg[i])):
            continue
        k = n % KEPT
        ring_ns[s, k] = time_ns[i]
        xyz[s, k, 0], xyz[s, k, 1], xyz[s, k, 2] = to_ecef(lat_deg[i], lon_deg[i])
        if math.isfinite(gs_kt[i]) and math.isfinite(track_deg[i]):
            lat, lon, course = math.radians(lat_deg[i]), math.radians(lon_deg[i]), math.radians(track_deg[i])
            east, north = gs_kt[i] * KT_MPS * math.sin(course), gs_kt[i] * KT_MPS * math.cos(course)
            velocity[s, k, 0] = -math.sin(lon) * east - math.sin(lat) * math.cos(lon) * north
            velocity[s, k, 1] = math.cos(lon) * east - math.sin(lat) * math.sin(lon) * north
            velocity[s, k, 2] = math.cos(lat) * north
        else:
            velocity[s, k, 0] = velocity[s, k, 1] = velocity[s, k, 2] = math.nan
        known = math.isfinite(radius95_m[i]) and radius95_m[i] > 0.0
        sigma[s, k] = max(radius95_m[i] / RADIUS_SIGMAS, 1.0) if known else UNKNOWN_SIGMA_M
        baro[s, k], geom[s, k] = baro_ft[i], geom_ft[i]
        count[s] = n + 1


@kernel
def way(ring_ns: Ints, xyz: Floats, velocity: Floats, s: int, number: int, oldest: int, out: Floats, o: int) -> bool:
    """The velocity at fix ``number`` of slot ``s``: as said, else over six seconds or more; whether it is known."""
    k = number % KEPT
    if math.isfinite(velocity[s, k, 0]):
        for c in range(3):
            out[o, c] = velocity[s, k, c]
        return True
    j = number
    while j > oldest and (ring_ns[s, k] - ring_ns[s, j % KEPT]) * 1e-9 < 6.0:
        j -= 1
    if j == number and number == oldest:
        for c in range(3):
            out[o, c] = 0.0
        return False
    span = (ring_ns[s, k] - ring_ns[s, j % KEPT]) * 1e-9
    for c in range(3):
        out[o, c] = (xyz[s, k, c] - xyz[s, j % KEPT, c]) / span
    return True


@njit(cache=True, nogil=True)
def motion(
    now_ns: int, count: Ints, ring_ns: Ints, xyz: Floats, velocity: Floats, sigma: Floats, named: Bools
) -> tuple[Floats, Floats, Floats, Floats, Floats, Ints]:
    """Where everybody is now, how fast, and within which distance a partner may seem to be: columns of Motion.

    The gate is 50 m + 3 sigma + 2 s of flight + what a turn does while nothing is heard.
    """
    n = len(count)
    here, going = np.zeros((n, 3)), np.zeros((n, 3))
    speed, gate, interval = np.zeros(n), np.zeros(n), np.zeros(n)
    last = np.zeros(n, np.int64)
    for s in range(n):
        if count[s] == 0 or not named[s]:
            continue
        newest, oldest = count[s] - 1, max(0, count[s] - KEPT)
        k = newest % KEPT
        last[s] = ring_ns[s, k]
        known = way(ring_ns, xyz, velocity, s, newest, oldest, going, s)
        v = math.sqrt(going[s, 0] ** 2 + going[s, 1] ** 2 + going[s, 2] ** 2)
        dt = (now_ns - last[s]) * 1e-9
        if newest > oldest:
            interval[s] = (last[s] - ring_ns[s, oldest % KEPT]) * 1e-9 / (newest - oldest)
        speed[s] = v
        if dt > max(300.0, 4.0 * interval[s]):
            continue
        on = min(max(dt, -10.0), 60.0)
        for c in range(3):
            here[s, c] = xyz[s, k, c] + going[s, c] * on
        turn = 0.5 * min(0.03 * v, 5.0) * on * on
        gate[s] = 50.0 + 3.0 * sigma[s, k] + 2.0 * v + min(turn, v * abs(on)) + (0.0 if known else 300.0)
    return here, going, speed, gate, interval, last


@njit(cache=True, nogil=True)
def cells(here: Floats, who: Ints, size_m: float) -> Ints:
    """The cube of space, ``size_m`` wide, that each slot of ``who`` is in; cubes in a row of z have keys in a row."""
    out = np.empty(len(who), np.int64)
    for i in range(len(who)):
        key = 0
        for c in range(3):
            key = (key << 20) | (math.floor(here[who[i], c] / size_m) + 524_288)
        out[i] = key
    return out


@njit(cache=True, nogil=True)
def _grown(keys: Ints) -> Ints:
    out = np.empty(2 * len(keys), np.int64)
    out[: len(keys)] = keys
    return out


@njit(cache=True, nogil=True)
def near_pairs(
    who: Ints,
    cell: Ints,
    fine: bool,
    here: Floats,
    going: Floats,
    speed: Floats,
    gate: Floats,
    system: Ints,
    near: Ints,
    along: Ints,
) -> Ints:
    """Pairs of slots of different systems within their gates and a cell, as ``low << 32 | high``, in no order.

    ``who`` sorted by ``cell``. In the fine grid all have small gates; in the coarse grid at least one of a pair has a
    large one. Counts of others of the same system are added to ``near`` and ``along`` on the way.
    """
    out = np.empty(max(1024, 4 * len(who)), np.int64)
    found = 0
    n = len(who)
    size = FINE_M if fine else COARSE_M
    half = 0.5 * FINE_M
    # for each of nine rows of neighbours where to begin: as cells grow, so do their neighbours
    begin = np.zeros(9, np.int64)
    first = 0
    while first < n:
        stop = first
        wanted = fine
        while stop < n and cell[stop] == cell[first]:
            wanted = wanted or gate[who[stop]] > half
            stop += 1
        if not wanted:
            first = stop
            continue
        for dx in range(-1, 2):
            for dy in range(-1, 2):
                middle = cell[first] + dx * (1 << 40) + dy * (1 << 20)
                low = begin[3 * dx + dy + 4]
                while low < n and cell[low] < middle - 1:
                    low += 1
                begin[3 * dx + dy + 4] = low
                high = low
                while high < n and cell[high] <= middle + 1:
                    high += 1
                if low == high:
                    continue
                for p in range(first, stop):
                    a = who[p]
                    if not fine and gate[a] <= half:
                        continue
                    for q in range(low, high):
                        b = who[q]
                        if a == b:
                            continue
                        both = fine or gate[b] > half
                        if both and a > b:
                            continue  # met from the other side
                        ex, ey, ez = here[a, 0] - here[b, 0], here[a, 1] - here[b, 1], here[a, 2] - here[b, 2]
                        far2 = ex * ex + ey * ey + ez * ez
                        if far2 > size * size:
                            continue
                        if system[a] == system[b]:
                            near[a] += 1
                            near[b] += 1
                            ux, uy = going[a, 0] - going[b, 0], going[a, 1] - going[b, 1]
                            uz = going[a, 2] - going[b, 2]
                            like = 0.5 + 0.1 * max(speed[a], speed[b])
                            if ux * ux + uy * uy + uz * uz < like * like:
                                along[a] += 1
                                along[b] += 1
                            continue
                        reach = gate[a] + gate[b]
                        if far2 > reach * reach:
                            continue
                        if found == len(out):
                            out = _grown(out)
                        out[found] = (min(a, b) << 32) | max(a, b)
                        found += 1
        first = stop
    return out[:found]


@njit(cache=True, nogil=True)
def twins(who: Ints, here: Floats, gate: Floats, system: Ints, authority: Ints, address: Ints, shared: Bools) -> Ints:
    """Pairs of one address on different systems whose gates meet, however wide; ``who`` sorted by address.

    ``shared`` becomes true where two slots of one system say the address, for all that say it.
    """
    out = np.empty(max(64, len(who)), np.int64)
    found = first = 0
    for i in range(len(who)):
        a = who[i]
        if address[a] != address[who[first]]:
            first = i
        for j in range(i + 1, len(who)):
            b = who[j]
            if address[a] != address[b]:
                break
            if system[a] == system[b]:
                k = first
                while k < len(who) and address[who[k]] == address[a]:
                    shared[who[k]] = True
                    k += 1
                continue
            if (authority[a] == 4) != (authority[b] == 4):
                continue
            reach = gate[a] + gate[b]
            far2 = 0.0
            for c in range(3):
                far2 += (here[a, c] - here[b, c]) ** 2
            if far2 > reach * reach:
                continue
            if found == len(out):
                out = _grown(out)
            out[found] = (min(a, b) << 32) | max(a, b)
            found += 1
    return out[:found]
