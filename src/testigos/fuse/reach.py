"""Which fixes of an object belong together: the longest chain that an aircraft could have flown.

A position that cannot be reached from its neighbours is kept with the status ``unreachable``; spoofing,
duplicated addresses and bad multilateration are found among these.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.geo import to_ecef

__all__ = ["GATE_MPS", "reachable"]

GATE_MPS: Final = 600.0  #: faster than any aircraft that reports; generous, since a refusal must be certain
_LOOK_BACK: Final = 24  #: how many fixes in a row may be wrong before the chain is lost


@njit(cache=True, nogil=True)
def reachable(
    code: npt.NDArray[np.uint32],
    time_ns: npt.NDArray[np.int64],
    lat_deg: npt.NDArray[np.float64],
    lon_deg: npt.NDArray[np.float64],
    slack_m: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Whether each fix lies on its object's longest chain of fixes reachable at ``GATE_MPS``.

    All arrays (N,), sorted by object ``code`` and time; ``slack_m`` is how far a fix may be off. Two fixes of
    the same instant can both be on the chain only within their slack.
    """
    n = len(code)
    keep = np.zeros(n, np.bool_)
    xyz = np.empty((n, 3))
    for i in range(n):
        xyz[i, 0], xyz[i, 1], xyz[i, 2] = to_ecef(lat_deg[i], lon_deg[i])
    length, previous = np.ones(n, np.int64), np.full(n, -1, np.int64)
    first = 0
    while first < n:
        last = first
        while last < n and code[last] == code[first]:
            last += 1
        best_end = first
        for i in range(first, last):
            for j in range(i - 1, max(first - 1, i - 1 - _LOOK_BACK), -1):
                if length[j] + 1 <= length[i]:
                    continue
                dx, dy, dz = xyz[i, 0] - xyz[j, 0], xyz[i, 1] - xyz[j, 1], xyz[i, 2] - xyz[j, 2]
                free = slack_m[i] + slack_m[j] + GATE_MPS * (time_ns[i] - time_ns[j]) * 1e-9
                if math.sqrt(dx * dx + dy * dy + dz * dz) <= free:
                    length[i], previous[i] = length[j] + 1, j
                    if j == i - 1 and length[j] == j - first + 1:
                        break
            if length[i] > length[best_end]:
                best_end = i
        i = best_end
        while i >= 0:
            keep[i] = True
            i = previous[i]
        first = last
    return keep
