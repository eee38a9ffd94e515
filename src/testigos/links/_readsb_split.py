"""Where the documents of readsb divide: headers, elements of the array, and keys behind it.

Two kinds share this: trace files, whose elements are arrays, and aircraft lists, whose elements are objects. The
splitter keeps no state, so that it can resume between any two elements; every decision waits until its bytes are
there, so that it does not depend on how they arrived. A damaged element ends where the end of one shows next.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numba import njit

from testigos.links._json import string_end
from testigos.registry import Frames

__all__ = ["AIRCRAFT_OBJECTS", "HELD", "TRACE_ROWS", "split_documents"]

HELD: Final = 1 << 25  #: a document whose header is incomplete is held back up to this length

_LONGEST: Final = 1 << 20  # a frame that does not end within this is cut there, as damage
_DEPTH: Final = 24
_DATA, _HEADER, _TRAILER, _END = 0, 1, 2, 3


@njit(cache=True, nogil=True)
def _skip(raw, i, n):  # type: ignore[no-untyped-def]
    while i < n and (raw[i] == 32 or raw[i] == 10 or raw[i] == 13 or raw[i] == 9):
        i += 1
    return i


@njit(cache=True, nogil=True)
def _word(raw, i, n, word):  # type: ignore[no-untyped-def]
    """1 where ``word`` stands at ``i``, 0 where not, -1 where the bytes end first."""
    for k in range(len(word)):
        if i + k >= n:
            return -1
        if raw[i + k] != word[k]:
            return 0
    return 1


@njit(cache=True, nogil=True)
def _opens(raw, i, n, first):  # type: ignore[no-untyped-def]
    """Whether the brace at ``i`` is followed by the key that an object of the kind begins with; as :func:`_word`."""
    j = _skip(raw, i + 1, n)
    return -1 if j >= n else _word(raw, j, n, first)


@njit(cache=True, nogil=True)
def _names_array(raw, i, n, key):  # type: ignore[no-untyped-def]
    """Past the bracket where ``key``, a colon and a bracket stand at ``i``; 0: they don't; -1: the bytes end."""
    found = _word(raw, i, n, key)
    if found != 1:
        return found
    j = _skip(raw, i + len(key), n)
    if j >= n:
        return -1
    if raw[j] != 58:
        return 0
    j = _skip(raw, j + 1, n)
    if j >= n:
        return -1
    return j + 1 if raw[j] == 91 else 0


@njit(cache=True, nogil=True)
def _resync(raw, i, n, begin, rows, lines, final, first):  # type: ignore[no-untyped-def]
    """End of the damage that begins at ``begin``, looked for from ``i``; -1 where more bytes must tell.

    It ends behind the closing bracket of an element that another element or the array's end follows, before a
    brace that opens a document, with ``lines`` also before a line feed, and in any case after ``_LONGEST`` bytes.
    """
    opening, closing = (91, 93) if rows else (123, 125)
    last = 0  # the last byte that was no blank
    for j in range(begin, i):
        if raw[j] > 32:
            last = raw[j]
    while i < n and i - begin < _LONGEST:
        c = raw[i]
        if lines and c == 10:
            return i
        if c == 123 and i > begin:
            if last != 44 and last != 91 and last != 58:
                return i
            found = _opens(raw, i, n, first)
            if found == 1:
                return i
            if found < 0 and not final:
                return -1
        if c == closing:
            j = _skip(raw, i + 1, n)
            if j < n and raw[j] == 44:
                j = _skip(raw, j + 1, n)
                if j < n and raw[j] == opening:
                    return i + 1
            elif j < n and raw[j] == 93:
                return i + 1
            if j >= n and not final:
                return -1
        if c > 32:
            last = c
        i += 1
    if i - begin >= _LONGEST:
        return begin + _LONGEST
    return n if final else -1


@njit(cache=True, nogil=True)
def _row_end(raw, begin, n, first):  # type: ignore[no-untyped-def]
    """End of the array at ``begin``; -1: the bytes end first; -2: it is damaged."""
    stack = np.int64(0)
    depth = 0
    i = begin
    top = min(n, begin + _LONGEST)
    short = n - begin < _LONGEST
    while i < top:
        c = raw[i]
        if c == 34:
            i = string_end(raw, i, top)
            if i < 0:
                return -1 if i == -1 and short else -2
            continue
        if c == 91:
            # A row holds no array but in its details.
            if depth > _DEPTH or (depth > 0 and (stack & 1) == 0):
                return -2
            stack <<= 1
            depth += 1
        elif c == 123:
            found = _opens(raw, i, n, first)
            if found < 0:
                return -1
            if found == 1 or depth > _DEPTH:
                return -2
            stack = (stack << 1) | 1
            depth += 1
        elif c == 93 or c == 125:
            if (stack & 1) != (1 if c == 125 else 0):
                return -2
            stack >>= 1
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    return -1 if short else -2


@njit(cache=True, nogil=True)
def _object_end(raw, begin, n, rows, first, key, other, final):  # type: ignore[no-untyped-def]
    """End and kind of what opens with a brace at ``begin``; end -1: the bytes end first; -2: it is damaged.

    A header ends behind the bracket of its array, which the key tells, or its elements where the key is damaged.
    An object without such an array is data.
    """
    stack = np.int64(0)
    depth = 0
    last = 0
    i = begin
    top = min(n, begin + _LONGEST)
    short = n - begin < _LONGEST and not final
    while i < top:
        c = raw[i]
        if c == 34:
            if depth == 1:
                for k in range(2):
                    j = _names_array(raw, i, n, key if k == 0 else other)
                    if j < 0 and not final:
                        return -1, _DATA
                    if j > 0:
                        return j, _HEADER
            i = string_end(raw, i, top)
            if i < 0:
                return (-1 if i == -1 and short else -2), _DATA
            last = 34
            continue
        if c == 91:
            if depth == 1:
                j = _skip(raw, i + 1, n)
                if j >= n and not final:
                    return -1, _DATA
                if j < n and rows and raw[j] == 91:
                    return i + 1, _HEADER
                if j < n and not rows and raw[j] == 123:
                    found = _opens(raw, j, n, first)
                    if found < 0 and not final:
                        return -1, _DATA
                    if found == 1:
                        return i + 1, _HEADER
            stack <<= 1
            depth += 1
        elif c == 123:
            # No object stands in an object without a key.
            if depth > 0 and (stack & 1) == 1 and last != 58:
                return -2, _DATA
            if depth > 0:
                found = _opens(raw, i, n, first)
                if found < 0 and not final:
                    return -1, _DATA
                if found == 1:
                    return -2, _DATA
            stack = (stack << 1) | 1
            depth += 1
        elif c == 93 or c == 125:
            if (stack & 1) != (1 if c == 125 else 0):
                return -2, _DATA
            stack >>= 1
            depth -= 1
            if depth == 0:
                return i + 1, _DATA
        if depth > _DEPTH:
            return -2, _DATA
        if c > 32:
            last = c
        i += 1
    return (-1 if short else -2), _DATA


@njit(cache=True, nogil=True)
def _trailer_end(raw, begin, n, final):  # type: ignore[no-untyped-def]
    """End of the keys behind an array, past the closing brace; -1: the bytes end first; -2: there are none."""
    top = min(n, begin + _LONGEST)
    short = n - begin < _LONGEST and not final
    i = string_end(raw, begin, top)
    if i < 0:
        return -1 if i == -1 and short else -2
    i = _skip(raw, i, n)
    if i < n and raw[i] != 58:
        return -2
    stack = np.int64(1)
    depth = 1
    while i < top:
        c = raw[i]
        if c == 34:
            i = string_end(raw, i, top)
            if i < 0:
                return -1 if i == -1 and short else -2
            continue
        if c == 91 or c == 123:
            stack = (stack << 1) | (1 if c == 123 else 0)
            depth += 1
            if depth > _DEPTH:
                return -2
        elif c == 93 or c == 125:
            if (stack & 1) != (1 if c == 125 else 0):
                return -2
            stack >>= 1
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    return -1 if short else -2


@njit(cache=True, nogil=True)
def _split(raw, final, rows, first, key, other, start, stop, kind):  # type: ignore[no-untyped-def]
    """Frames from the buffer's begin; their number, and where the rest begins."""
    n = len(raw)
    i = 0
    count = 0
    while i < n:
        c = raw[i]
        # Blanks, commas, closing brackets and a byte order mark separate, and the bracket of a bare list.
        blank = c == 32 or c == 10 or c == 13 or c == 9
        mark = c == 0xEF or c == 0xBB or c == 0xBF
        if blank or mark or c == 44 or c == 93 or (c == 91 and not rows):
            i += 1
            continue
        if c == 125:
            if count and kind[count - 1] != _END:
                start[count], stop[count], kind[count] = i, i + 1, _END
                count += 1
            i += 1
            continue
        what = _DATA
        lines = False
        if c == 91:
            end = _row_end(raw, i, n, first)
            if end == -1 and final:
                end = -2
        elif c == 123:
            end, what = _object_end(raw, i, n, rows, first, key, other, final)
        elif c == 34:
            end = _trailer_end(raw, i, n, final)
            what = _TRAILER
            lines = True
        else:
            end = -2
            lines = True
        if end == -2:
            end = _resync(raw, i if lines else i + 1, n, i, rows, lines, final, first)
            what = _DATA
        if end < 0:
            break
        start[count], stop[count], kind[count] = i, end, what
        count += 1
        i = end
    return count, i


def _bytes(*words: bytes) -> tuple[object, ...]:
    return tuple(np.frombuffer(word, np.uint8) for word in words)


#: How a kind divides: are its elements arrays, the first key of a document, the keys of its array.
TRACE_ROWS: Final = (True, *_bytes(b'"icao"', b'"trace"', b'"trace"'))
AIRCRAFT_OBJECTS: Final = (False, *_bytes(b'"hex"', b'"aircraft"', b'"ac"'))


def split_documents(
    buffer: bytes, final: bool, division: tuple[object, ...], complete: Callable[[bytes], bool]
) -> tuple[Frames, bytes]:
    """Headers (context), elements, trailers and some closing braces (context), and the rest.

    A document whose header is not ``complete`` (its keys stand behind the array) is held back until its end is
    seen, up to ``HELD`` bytes, so that its elements and its keys always arrive together.
    """
    raw = np.frombuffer(buffer, np.uint8)
    start, stop = np.empty(len(raw) + 1, np.int64), np.empty(len(raw) + 1, np.int64)
    kind = np.empty(len(raw) + 1, np.uint8)
    count, rest = _split(raw, final, *division, start, stop, kind)  # type: ignore[call-arg]
    start, stop, kind = start[:count].copy(), stop[:count].copy(), kind[:count].copy()
    marks = np.flatnonzero(kind != _DATA)
    for number in np.flatnonzero(kind[marks] == _HEADER):
        header = int(marks[number])
        begin = int(start[header])
        if complete(buffer[begin : int(stop[header])]):
            continue
        if number + 1 < len(marks):
            # Keys of a later document must not be taken for this one's: its end is part of the context.
            end = int(marks[number + 1])
            if kind[end] == _END and int(stop[end]) - begin <= HELD:
                kind[end] = _TRAILER
        elif not final and len(buffer) - begin < HELD:
            start, stop, kind, rest = start[:header], stop[:header], kind[:header], begin
    real = kind != _END
    context = (kind == _HEADER) | (kind == _TRAILER)
    return Frames(buffer, start[real], stop[real], context[real]), buffer[int(rest) :]
