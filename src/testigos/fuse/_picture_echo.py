"""Which reports without a time only repeat what is known: echoes, in whatever format they come back.

Formats without marks and without times (GDL 90, AIS sentences) can carry a picture round a ring of relays. So the last
``KNOWN`` places of each object are remembered, whoever said them. A report without a time that says one of them again
is news only by the input that the object was learned from; by any other it is an echo.

Own rules: the same input may repeat a place, as a receiver does of what is parked; not if the object must have left by
its speed, and not for longer than ``repeats_s``, lest a ring that has lost its source lives on its own words.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from testigos.fuse._picture_arrays import copied
from testigos.fuse._picture_fold import same_place
from testigos.kernels import kernel

__all__ = ["DUPLICATE", "ECHO", "KNOWN", "NEWS", "Known", "forget", "grown", "judge", "new_known"]

KNOWN: Final = 64  #: 32 s of an aircraft that says its place twice a second

NEWS: Final = 0
DUPLICATE: Final = 1
ECHO: Final = 2


class Known(NamedTuple):
    """Places known of each slot, (C, KNOWN), with when they were last and first said; which is next, (C,)."""

    lat: npt.NDArray[Any]
    lon: npt.NDArray[Any]
    alt: npt.NDArray[Any]
    time: npt.NDArray[Any]
    first: npt.NDArray[Any]
    next: npt.NDArray[Any]


def new_known(capacity: int) -> Known:
    """Nothing known."""
    shape = (capacity, KNOWN)
    return Known(
        np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan, np.float32), np.zeros(shape, np.int64),
        np.zeros(shape, np.int64), np.zeros(capacity, np.int64),
    )  # fmt: skip


def grown(old: Known, capacity: int) -> Known:
    """The same with room for more."""
    made = new_known(capacity)
    copied(made, old, len(old.next))
    return made


def forget(known: Known, slots: npt.NDArray[np.int64]) -> None:
    """Forgets the places of slots, in place."""
    known.lat[slots] = np.nan
    known.next[slots] = 0


@kernel
def find(known, g, lat, lon, alt, step_deg, step_ft):  # type: ignore[no-untyped-def]
    """Which known place this is, the last said of several; -1 if none."""
    best = -1
    for j in range(KNOWN):
        if not same_place(lat, lon, known.lat[g, j], known.lon[g, j], step_deg):
            continue
        if abs(alt - known.alt[g, j]) > step_ft:  # unknown altitudes differ from none
            continue
        if best < 0 or known.time[g, j] > known.time[g, best]:
            best = j
    return best


@kernel
def judge(known, rows, slot, untimed, lat, lon, alt, time, input, learned, speed_mps, rules, verdict):  # type: ignore[no-untyped-def]
    """Remembers the places of ``rows``, in the order of time, and judges those without a time.

    ``rules``: step in degrees, in feet, how long words are the same and may be repeated (ns), metres that are away.
    """
    step_deg, step_ft, same_ns, repeats_ns, moved_m = rules[0], rules[1], rules[2], rules[3], rules[4]
    for r in range(len(rows)):
        i = rows[r]
        g = slot[i]
        j = (known.next[g] - 1) % KNOWN
        if untimed[i]:
            j = find(known, g, lat[i], lon[i], alt[i], step_deg, step_ft)
            if j >= 0:
                age = time[i] - known.time[g, j]
                if age <= same_ns:
                    verdict[i] = DUPLICATE
                elif (
                    input[i] != learned[g]
                    or time[i] - known.first[g, j] > repeats_ns
                    or age * 1e-9 * speed_mps[i] > moved_m
                ):
                    verdict[i] = ECHO
                else:
                    known.time[g, j] = time[i]
                continue
        elif same_place(lat[i], lon[i], known.lat[g, j], known.lon[g, j], step_deg):
            known.time[g, j] = max(known.time[g, j], time[i])
            continue
        j = known.next[g]
        known.lat[g, j], known.lon[g, j], known.alt[g, j] = lat[i], lon[i], alt[i]
        known.time[g, j] = known.first[g, j] = time[i]
        known.next[g] = (j + 1) % KNOWN
