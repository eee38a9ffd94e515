"""Legs: where one flight of an object ends and the next begins.

Rules, in this order:

1. the origin says that a new leg begins;
2. on the ground for ``GROUND_S`` or more between two flights: the border is the longest silence there;
3. silent for longer than a landing and a new departure would take, and low (under ``LOW_FT``) on a side of it, or
   under another call sign afterwards;
4. silent for ``LONG_S``, or for ``SLOW_S`` while the way made good is slower than ``SLOW_MPS``.

A long silence high up is *not* a landing: an aircraft over the sea is out of hearing for hours.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["legs"]

GROUND_S: Final = 120.0
LOW_FT: Final = 10_000.0
TURNAROUND_S: Final = 600.0
SINK_FPM: Final = 2_000.0
LONG_S: Final = 8 * 3600.0
SLOW_S: Final = 3 * 3600.0
SLOW_MPS: Final = 25.0


@njit(cache=True, nogil=True)
def legs(
    code: npt.NDArray[np.uint32],
    time_ns: npt.NDArray[np.int64],
    lat_deg: npt.NDArray[np.float64],
    lon_deg: npt.NDArray[np.float64],
    alt_ft: npt.NDArray[np.float32],
    on_ground: npt.NDArray[np.bool_],
    new_leg: npt.NDArray[np.bool_],
    callsign: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint32]:
    """Number of the leg of each fix, from 0 for each object.

    All arrays (N,), sorted by object ``code`` and time; ``alt_ft`` is NaN where unknown. ``callsign``: a number for
    each call sign, -1 where unknown.
    """
    n = len(code)
    number = np.zeros(n, np.uint32)
    leg = 0
    flown = False  # has this leg been in the air?
    ground_from = -1  # first fix of the ground time that follows
    border, silence = -1, 0.0  # the longest silence in that ground time
    for i in range(n):
        if i == 0 or code[i] != code[i - 1]:
            leg, flown, ground_from = 0, not on_ground[i], -1
            number[i] = 0
            continue
        dt = (time_ns[i] - time_ns[i - 1]) * 1e-9
        split = new_leg[i]
        if not split and dt > TURNAROUND_S:
            before, after = alt_ft[i - 1], alt_ft[i]
            low = on_ground[i - 1] or on_ground[i] or before < LOW_FT or after < LOW_FT
            down = 0.0 if on_ground[i - 1] or math.isnan(before) else max(before, 0.0)
            up = 0.0 if on_ground[i] or math.isnan(after) else max(after, 0.0)
            enough = dt >= TURNAROUND_S + (down + up) / SINK_FPM * 60.0
            renamed = callsign[i] >= 0 and callsign[i - 1] >= 0 and callsign[i] != callsign[i - 1]
            if dt >= LONG_S or (enough and (low or renamed)):
                split = True
            elif dt >= SLOW_S:
                north = (lat_deg[i] - lat_deg[i - 1]) * 111_195.0
                east = ((lon_deg[i] - lon_deg[i - 1] + 180.0) % 360.0 - 180.0) * 111_195.0
                east *= math.cos(math.radians(lat_deg[i]))
                split = math.hypot(north, east) < SLOW_MPS * dt
        if split:
            leg += 1
            flown, ground_from = False, -1
        if on_ground[i]:
            if flown and ground_from < 0:
                ground_from, border, silence = i, i, -1.0
            elif ground_from >= 0 and dt > silence:
                border, silence = i, dt
        else:
            if ground_from >= 0:
                if dt > silence and i > ground_from:
                    border = i
                if (time_ns[i] - time_ns[ground_from]) * 1e-9 >= GROUND_S:
                    leg += 1
                    for j in range(border, i):
                        number[j] = leg
                ground_from = -1
            flown = True
        number[i] = leg
    return number
