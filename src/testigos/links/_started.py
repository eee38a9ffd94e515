"""Logs of text that begin with ``START,<date>`` and put nanoseconds since then, and a comma, before each line.

A receiver that lost power can repeat an old START, or write it into the middle of a line, so such times are only
as good as its clock was.

Source: own reading of such logs; the date is as the Go time layout prints it.
"""

import re
from typing import Final

import numpy as np
import numpy.typing as npt

from testigos.links._text import bytes_of, lines, numbers, times
from testigos.registry import Frames
from testigos.registry import frames as make_frames
from testigos.units import S_NS

__all__ = ["START", "began", "split_started", "stamps"]

START: Final = re.compile(rb"START,(?=(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) )[^\r\n]*")
_CLOCK: Final = re.compile(rb"START,\w{3} (\w{3}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)(?:\.\d+)? ([+-]\d{4}) \S+ (\d{4})")
_MONTHS: Final = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def split_started(buffer: bytes, final: bool) -> tuple[Frames, bytes]:
    """A frame a line; a START is context, and a frame of its own where it was written into a line."""
    start, stop, rest = lines(buffer, final)
    marks = [(m.start(), m.end()) for m in START.finditer(buffer, 0, len(buffer) - len(rest))]
    context = np.zeros(len(start), np.bool_)
    if marks:
        at = np.array([m[0] for m in marks], np.int64)
        line = np.searchsorted(start, at, side="right") - 1
        context[line] = True
        inside = at > start[line]
        # What stands before a START in its line becomes a frame of its own.
        start, stop, context = (
            np.insert(start, line[inside], start[line[inside]]),
            np.insert(stop, line[inside], at[inside]),
            np.insert(context, line[inside], False),
        )
        start[context] = at
    return make_frames(buffer, start, stop, context), rest


def _clock(line: bytes) -> int | None:
    """Nanoseconds of a START line; null where it is damaged."""
    found = _CLOCK.match(line)
    if not found or found[1] not in _MONTHS:
        return None
    month, offset = _MONTHS.index(found[1]) + 1, int(found[6][:3]) * 60 + int(found[6][0:1] + found[6][3:])
    text = b"%s-%02d-%02dT%s:%s:%sZ" % (found[7], month, int(found[2]), found[3], found[4], found[5])
    value, known, _ = times(bytes_of(text), np.zeros(1, np.int64), np.array([len(text)], np.int64))
    return int(value[0]) - offset * 60 * S_NS if known[0] else None


def began(frames: Frames, of: npt.NDArray[np.int64], carry: int | None) -> tuple[npt.NDArray[np.int64], int | None]:
    """For each frame in ``of`` the START before it in ns since 1970, -1 where there is none, and the last START."""
    texts = ((i, frames.buffer[frames.start[i] : frames.stop[i]]) for i in np.flatnonzero(frames.context).tolist())
    found = [(i, _clock(text)) for i, text in texts if text.startswith(b"START")]
    clocks = [carry, *(clock for _, clock in found)]
    known = np.array([-1 if c is None else c for c in clocks], np.int64)
    return known[np.searchsorted(np.array([i for i, _ in found], np.int64), of)], clocks[-1]


def stamps(
    data: npt.NDArray[np.uint8], begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Nanoseconds since START, and which are known: below 2**53 of them, 104 days, a double is exact."""
    value, _ = numbers(data, begin, end)
    known = np.isfinite(value) & (value < 2**53)
    return np.where(known, value, 0).astype(np.int64), known
