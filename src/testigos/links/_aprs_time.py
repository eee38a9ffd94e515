"""Dates for lines that say the time of day only: which day a time is of follows from a clock, the nearest one.

The clock is what a server's comment said, else what the user told, and goes on with the lines. So that one wrong line
cannot carry it away, it goes on by more than ten minutes only where two lines in a row of those that are ahead of it
agree. Own rules.
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from testigos.kernels import kernel
from testigos.links._aprs import HMS, ZULU
from testigos.links._put import civil
from testigos.links._text import bytes_of, times
from testigos.registry import Frames
from testigos.units import DAY_S, S_NS

__all__ = ["Clock", "dated"]

_DAY_NS: Final = DAY_S * S_NS
_STEP_NS: Final = 600 * S_NS
_UNKNOWN: Final = -1
_MONTHS: Final = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
#: A server's sign of life, as aprsc writes it every 20 s.
_SERVER: Final = re.compile(rb"#.*?\b(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d:\d\d:\d\d) GMT\b")


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the fold is, in ns since 1970; -1 is unknown. ``ahead_ns``: the last line ahead of the clock.

    ``day_only``: only the day is known, as no line has been seen.
    """

    now_ns: int = _UNKNOWN
    ahead_ns: int = _UNKNOWN
    day_only: bool = False

    @classmethod
    def fresh(cls, began_ns: int | None) -> "Clock":
        """At the start of a document; a midnight says the day of the first line."""
        return cls() if began_ns is None else cls(began_ns, _UNKNOWN, began_ns % _DAY_NS == 0)


def _server_ns(frames: Frames) -> npt.NDArray[np.int64]:
    """What each comment of a server says the time is, -1 elsewhere."""
    said = np.full(len(frames), _UNKNOWN, np.int64)
    for i in np.flatnonzero(frames.context).tolist():
        found = _SERVER.match(frames.buffer, frames.start[i], frames.stop[i])
        if found and found[2] in _MONTHS:
            text = b"%s-%02d-%02dT%sZ" % (found[3], _MONTHS.index(found[2]) + 1, int(found[1]), found[4])
            value, known, _ = times(bytes_of(text), np.zeros(1, np.int64), np.array([len(text)], np.int64))
            if known[0] and value[0] >= 0:
                said[i] = value[0]
    return said


@kernel
def _nearest(now_ns, of_day_ns):  # type: ignore[no-untyped-def]
    """The time of that time of day that is nearest to now."""
    time_ns = now_ns - now_ns % _DAY_NS + of_day_ns
    if time_ns - now_ns > _DAY_NS // 2:
        time_ns -= _DAY_NS
    elif time_ns - now_ns < -(_DAY_NS // 2):
        time_ns += _DAY_NS
    return time_ns


@kernel
def _of_month(now_ns, date):  # type: ignore[no-untyped-def]
    """The day since 1970 of that day of a month that is nearest to now; -1 where none is within 16 days."""
    today = now_ns // _DAY_NS
    for k in range(17):
        if civil(today - k)[2] == date:
            return today - k
        if civil(today + k)[2] == date:
            return today + k
    return -1


@kernel
def _fold(server_ns, form, said, now_ns, ahead_ns, day_only, time_ns, rests):  # type: ignore[no-untyped-def]
    for i in range(len(form)):
        if server_ns[i] >= 0:
            now_ns, ahead_ns, day_only = server_ns[i], np.int64(_UNKNOWN), False
        if now_ns < 0:
            continue
        if form[i] == HMS:
            of_day = said[i] * S_NS
            if day_only:
                now_ns, day_only = now_ns + of_day, False
                time_ns[i], rests[i] = now_ns, True
                continue
            found = _nearest(now_ns, of_day)
            time_ns[i] = found
            if found - now_ns > _STEP_NS:
                rests[i] = True
                if ahead_ns >= 0 and abs(found - ahead_ns) <= _STEP_NS:
                    now_ns, ahead_ns = min(found, ahead_ns), np.int64(_UNKNOWN)
                else:
                    ahead_ns = found
        elif form[i] == ZULU:
            date, minute = said[i] // 1440, said[i] % 1440
            day = _of_month(now_ns, date)
            if day >= 0:
                time_ns[i] = day * _DAY_NS + minute * 60 * S_NS
    return now_ns, ahead_ns, day_only


def dated(
    frames: Frames, form: npt.NDArray[np.int64], said: npt.NDArray[np.int64], clock: Clock
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], Clock]:
    """The time of each frame in ns (-1: unknown), the frames on which times of others rest, and the clock after.

    ``form`` and ``said``: a time in each frame as ``_aprs`` reads it. Nothing moves the clock but the frames that the
    mask names and servers' comments, so all times are the same without the others.
    """
    time_ns, rests = np.full(len(frames), _UNKNOWN, np.int64), np.zeros(len(frames), np.bool_)
    now_ns, ahead_ns, day_only = _fold(
        _server_ns(frames), form, said, clock.now_ns, clock.ahead_ns, clock.day_only, time_ns, rests
    )
    return time_ns, rests, Clock(int(now_ns), int(ahead_ns), bool(day_only))
