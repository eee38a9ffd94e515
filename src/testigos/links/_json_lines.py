"""Where JSON objects begin and end that stand one a line, or in a list, whatever is nested in them."""

from typing import Any

import numpy as np
from numba import njit

from testigos.kernels import kernel
from testigos.links._text import bytes_of
from testigos.registry import Frames
from testigos.registry import frames as make_frames

__all__ = ["split_objects"]

_DEPTH = 24  # deeper nesting is damage: the object ends


def split_objects(buffer: bytes, final: bool) -> tuple[Frames, bytes]:
    """A frame an object; other text up to a line's end is a frame too.

    An object without its end ends where a string runs over a line's end, or where another object begins: at the
    beginning of a line, or at a place in an object where no value can stand.

    >>> found, rest = split_objects(b'{"a":[{"b":1}]}\\n{"a":"x\\n{"a":2', False)
    >>> found.start.tolist(), found.stop.tolist(), rest
    ([0, 16], [15, 23], b'{"a":2')
    """
    start, stop, used = _split(bytes_of(buffer), final)
    return make_frames(buffer, start, stop), buffer[used:]


@njit(cache=True, nogil=True)
def _split(data: Any, final: bool) -> Any:
    n = len(data)
    start, stop = np.empty(n, np.int64), np.empty(n, np.int64)  # damage can end after a byte
    found, at, used = 0, 0, 0
    while at < n:
        if data[at] in (9, 10, 13, 32, 44, 91, 93):  # blanks, comma, brackets
            at += 1
            used = at
            continue
        begin = at
        at, done = _object_end(data, at) if data[at] == 123 else _other_end(data, at)
        if not done and not final:
            break
        end = min(at, n)
        while end > begin + 1 and data[end - 1] in (9, 10, 13, 32, 44):
            end -= 1
        start[found], stop[found] = begin, end
        found += 1
        used = min(at, n)
    return start[:found].copy(), stop[:found].copy(), used


@kernel
def _other_end(data: Any, at: Any) -> Any:
    while at < len(data):
        if data[at] == 10 or data[at] == 123:
            return at, True
        at += 1
    return at, False


@kernel
def _object_end(data: Any, at: Any) -> Any:
    begin = at
    kinds, depth, text = np.int64(0), 0, False  # one bit a level: 1 is an object
    before = 58  # the last byte that was no blank; at the start an object may stand
    while at < len(data):
        c = data[np.uintp(at)]
        if text:
            if c == 92:
                at += 1
            elif c == 34:
                text = False
            elif c == 10:  # no string holds a line's end
                return at, True
        elif c == 34:
            text = True
        elif c == 123 or c == 91:
            if c == 123 and at > begin and (data[at - 1] == 10 or (kinds & 1 and before != 58)):
                return at, True
            kinds = (kinds << 1) | (1 if c == 123 else 0)
            depth += 1
            if depth > _DEPTH:
                return at, True
        elif c == 125 or c == 93:
            if (kinds & 1) != (1 if c == 125 else 0):
                return at + 1, True  # brackets that do not match
            kinds >>= 1
            depth -= 1
            if depth == 0:
                return at + 1, True
        if c > 32:
            before = c
        at += 1
    return at, False
