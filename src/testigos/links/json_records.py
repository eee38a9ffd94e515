"""JSON records, as pandas writes tables: ``[{"timestamp": 1593547585000, "icao24": ...}, ...]``, or one a
line.

The names are understood as in ``csv``. A record without its end, because the text was cut or a quote is
missing, ends where the next one begins.
"""

from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from numba import njit

from testigos.links._columns import COLUMN_GIVES, convert, is_layout, joined, layout
from testigos.links._rows import gathered
from testigos.links._text import bytes_of
from testigos.registry import Frames
from testigos.registry import frames as make_frames

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "recognise", "split"]

NAME: Final = "json_records"
SPEC: Final = "RFC 8259; pandas.DataFrame.to_json, orient='records'"
CHECKED: Final = False
GIVES: Final = COLUMN_GIVES

_DECODER: Final = msgspec.json.Decoder()


def recognise(head: bytes) -> int:
    """60 where the first record is flat and its names tell time or position, else 0."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text.startswith((b"[", b"{")):
        return 0
    found, _ = split(text)
    if not len(found):
        return 0
    record = _record(found.buffer[int(found.start[0]) : int(found.stop[0])])
    if record is None or any(isinstance(v, dict | list) for v in record.values()):
        return 0
    return 60 if is_layout(layout(tuple(record))) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame a record; what stands between records and is no separator is a frame too."""
    start, stop, used = _split(bytes_of(buffer), final)
    return make_frames(buffer, start, stop), buffer[used:]


@njit(cache=True, nogil=True)
def _split(data: Any, final: bool) -> Any:
    n = len(data)
    start, stop = np.empty(n, np.int64), np.empty(n, np.int64)  # damage can end after a byte
    found, at, used = 0, 0, 0
    while at < n:
        c = data[at]
        if c in (9, 10, 13, 32, 44, 91, 93):  # blanks, comma, brackets
            at += 1
            used = at
            continue
        begin, depth, text, done = at, 0, False, False
        opened = c == 123
        while at < n:
            c = data[at]
            # A brace after a comma: in a flat record that is the next one.
            if c == 123 and at > begin and (not opened or (data[at - 1] == 44 and data[at - 2] == 125)):
                done = True
                break
            if not opened:
                at += 1
                continue
            if text:
                if c == 92:
                    at += 1
                elif c == 34:
                    text = False
                elif c == 10:  # no string holds a line end
                    done = True
                    break
            elif c == 34:
                text = True
            elif c == 123:
                depth += 1
            elif c == 125:
                depth -= 1
                if depth == 0:
                    at += 1
                    done = True
                    break
            at += 1
        if not done and not final:
            break
        end = min(at, n)
        while end > begin and data[end - 1] in (9, 10, 13, 32, 44):
            end -= 1
        start[found], stop[found] = begin, end
        found += 1
        at = min(at, n)
        used = at
    return start[:found].copy(), stop[:found].copy(), used


def _record(raw: bytes) -> dict[str, Any] | None:
    try:
        record = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _shown(value: Any) -> bytes:
    """A value as the text that a table would have."""
    return b"" if value is None else str(value).encode("utf-8", "replace")


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a record; nothing is carried."""
    if not len(frames):
        return gathered([], GIVES), carry
    spans = zip(frames.start.tolist(), frames.stop.tolist(), strict=True)
    records = [_record(frames.buffer[a:b]) for a, b in spans]
    # Records can differ in their names; each kind is converted by itself.
    kinds: dict[tuple[str, ...], list[int]] = {}
    for i, record in enumerate(records):
        kinds.setdefault(() if record is None else tuple(record), []).append(i)
    parts = []
    for names, members in kinds.items():
        uses = layout(names)
        cells = [_shown(v) for i in members for v in (records[i] or {}).values()]
        data, begin, end = joined(cells, max(len(names), 1))
        malformed = np.full(len(members), not is_layout(uses))
        parts.append(convert(frames, np.array(members, np.int64), uses, data, begin, end, malformed))
    table = gathered(parts, GIVES)
    return (table.sort("offset") if len(parts) > 1 else table), carry
