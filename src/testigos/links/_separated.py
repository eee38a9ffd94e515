"""Tables of separated values whose first line names the columns; shared by the links that read such files."""

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.links._columns import Use, convert, is_layout, layout
from testigos.links._rows import gathered
from testigos.links._text import bytes_of, fields, lines
from testigos.registry import Frames
from testigos.registry import frames as make_frames

__all__ = ["Chosen", "Header", "decode_table", "header", "split_table"]

Chosen = tuple[tuple[str, str], ...]  #: pairs of schema column and name in the table
Header = tuple[str, int, tuple[Use, ...]]  #: separator, number of fields, what they are

_SEPARATORS: Final = ",;\t|"


@lru_cache(maxsize=1024)
def header(line: bytes, chosen: Chosen = ()) -> Header | None:
    """What a line of names says; null where it is no such line.

    >>> header(b"time;lat;lon")[:2]
    (';', 3)
    """
    text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").lstrip("# ")
    separator = max(_SEPARATORS, key=text.count)
    names = tuple(n.strip().strip('"').strip() for n in text.split(separator))
    uses = layout(names, chosen)
    return (separator, len(names), uses) if is_layout(uses) else None


@njit(cache=True, nogil=True)
def _wordy(data: Any, start: Any, stop: Any) -> Any:
    """Which lines have no field that begins like a number: rows of data always have one."""
    wordy = np.ones(len(start), np.bool_)
    for i in range(len(start)):
        fresh = True
        for p in range(start[i], stop[i]):
            c = data[p]
            if fresh:
                if 48 <= c <= 57 or c in (43, 45, 46):
                    wordy[i] = False
                    break
                fresh = c == 32 or c == 34
            if c in (44, 59, 9, 124):
                fresh = True
    return wordy


def split_table(buffer: bytes, final: bool, chosen: Chosen) -> tuple[Frames, bytes]:
    """A frame a line; lines of names and lines that begin with # are context."""
    start, stop, rest = lines(buffer, final)
    data = bytes_of(buffer)
    context = np.zeros(len(start), np.bool_)
    for i in np.flatnonzero(_wordy(data, start, stop)).tolist():
        line = buffer[start[i] : stop[i]]
        context[i] = line.startswith(b"#") or header(line, chosen) is not None
    return make_frames(buffer, start, stop, context), rest


def decode_table(
    frames: Frames, carry: bytes | None, chosen: Chosen, gives: tuple[str, ...]
) -> tuple[pl.DataFrame, bytes | None]:
    """Rows of the lines under each line of names, the last of which is ``carry``; without one all are malformed."""
    heads = [i for i in np.flatnonzero(frames.context).tolist() if header(_line(frames, i), chosen)]
    marks = [-1, *heads, len(frames)]
    parts = []
    for k in range(len(marks) - 1):
        if k:
            carry = _line(frames, marks[k])
        of = np.arange(marks[k] + 1, marks[k + 1], dtype=np.int64)
        of = of[~frames.context[of]]
        if len(of):
            parts.append(_rows(frames, of, header(carry, chosen) if carry is not None else None))
    return gathered(parts, gives), carry


def _line(frames: Frames, i: int) -> bytes:
    return frames.buffer[int(frames.start[i]) : int(frames.stop[i])]


def _rows(frames: Frames, of: npt.NDArray[np.int64], known: Header | None) -> pl.DataFrame:
    data = bytes_of(frames.buffer)
    separator, width, uses = known or (",", 1, ())
    begin, end, count = fields(data, frames.start[of], frames.stop[of], separator, width, '"')
    # A line with fewer fields than names was cut somewhere; a separator at its end is common.
    malformed = (count < width) | (count > width + 1) if known else np.ones(len(of), np.bool_)
    return convert(frames, of, uses, data, begin, end, malformed)
