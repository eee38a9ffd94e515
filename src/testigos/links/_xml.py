"""XML 1.0 as kernels: characters, references, text written and text read.

There is no document type here and there are no entities but the five that XML itself has, so nothing can expand and
nothing is fetched. Names are taken loosely: every character from U+0080 on may stand in one.

Source: W3C, Extensible Markup Language (XML) 1.0, fifth edition, section numbers as in the code; RFC 3629.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel

__all__ = [
    "ABSENT", "ATTRIBUTE", "PLAIN", "RAW", "TEXT", "clean", "decoded", "literals", "name_end", "put_char",
    "put_clean", "put_fixed", "put_rounded", "put_run", "put_text", "put_xml",
    "reference", "texts", "trimmed",
]  # fmt: skip

#: What a cell is: not there; bytes that mean themselves; an attribute's value and an element's content as written;
#: bytes of a text that was never XML.
ABSENT, PLAIN, ATTRIBUTE, TEXT, RAW = 0, 1, 2, 3, 4

_ONE, _TEN = np.uint64(1), np.uint64(10)
_SCALES: Final = np.array([10.0**k for k in range(10)])
_LONGEST_REFERENCE: Final = 12  # &#1114111; and zeros before it


def literals(words: tuple[str, ...]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Words one after the other, and where each begins, (N + 1,).

    >>> literals(("ab", "c"))[1].tolist()
    [0, 2, 3]
    """
    start = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(w) for w in words], out=start[1:])
    return np.frombuffer("".join(words).encode("ascii"), np.uint8), start


# ---- characters ----


@kernel
def _char_size(data, at, stop):  # type: ignore[no-untyped-def]
    """Bytes of the character at ``at``, 0 where none stands there that XML allows (2.2; RFC 3629, 4)."""
    c = np.int64(data[at])
    if c < 0x80:
        return 1 if c >= 32 or c == 9 or c == 10 or c == 13 else 0
    if c < 0xC2 or c > 0xF4:
        return 0
    size = 2 if c < 0xE0 else 3 if c < 0xF0 else 4
    if at + size > stop:
        return 0
    low, high = 0x80, 0xBF
    if c == 0xE0:
        low = 0xA0
    elif c == 0xED:
        high = 0x9F
    elif c == 0xF0:
        low = 0x90
    elif c == 0xF4:
        high = 0x8F
    d = np.int64(data[at + 1])
    if d < low or d > high:
        return 0
    for k in range(2, size):
        if np.int64(data[at + k]) & 0xC0 != 0x80:
            return 0
    if c == 0xEF and d == 0xBF and np.int64(data[at + 2]) >= 0xBE:
        return 0
    return size


@kernel
def clean(data, start, stop):  # type: ignore[no-untyped-def]
    """Are the bytes UTF-8 of characters that XML allows?"""
    at = start
    while at < stop:
        place, end = np.uint64(at), np.uint64(stop)
        while place < end and 32 <= data[place] < 128:
            place += _ONE
        at = np.int64(place)
        if at == stop:
            break
        size = _char_size(data, at, stop)
        if size == 0:
            return False
        at += size
    return True


@kernel
def name_end(data, at, stop):  # type: ignore[no-untyped-def]
    """Where the name at ``at`` ends; ``at`` itself where none begins there (2.3)."""
    first = True
    while at < stop:
        c = data[at]
        letter = 97 <= c | 32 <= 122 or c >= 128 or c == 95 or c == 58
        if not (letter or (not first and (48 <= c <= 57 or c == 45 or c == 46))):
            break
        first = False
        at += 1
    return at


@kernel
def reference(data, at, stop):  # type: ignore[no-untyped-def]
    """The character that the reference at ``at`` stands for, and where it ends; -1 where it is none (4.1, 4.6)."""
    end = at + 1
    while end < stop and end - at < _LONGEST_REFERENCE and data[end] != 59:
        end += 1
    if end >= stop or data[end] != 59:
        return -1, at
    size = end - at - 1
    if size >= 2 and data[at + 1] == 35:
        code, k = np.int64(0), at + 2
        hexadecimal = data[k] == 120
        if hexadecimal:
            k += 1
        if k == end:
            return -1, at
        while k < end:
            c = np.int64(data[k])
            if 48 <= c <= 57:
                digit = c - 48
            elif hexadecimal and 97 <= c | 32 <= 102:
                digit = (c | 32) - 87
            else:
                return -1, at
            code = code * (16 if hexadecimal else 10) + digit
            if code > 0x10FFFF:
                return -1, at
            k += 1
        if (code < 32 and code != 9 and code != 10 and code != 13) or 0xD800 <= code < 0xE000 or code | 1 == 0xFFFF:
            return -1, at
        return code, end + 1
    a, b = data[at + 1], data[min(at + 2, end)]
    if size == 2 and b == 116 and (a == 108 or a == 103):
        return (60 if a == 108 else 62), end + 1
    c = data[min(at + 3, end)]
    if size == 3 and a == 97 and b == 109 and c == 112:
        return 38, end + 1
    d = data[min(at + 4, end)]
    if size == 4 and a == 113 and b == 117 and c == 111 and d == 116:
        return 34, end + 1
    if size == 4 and a == 97 and b == 112 and c == 111 and d == 115:
        return 39, end + 1
    return -1, at


@kernel
def put_char(out, at, code):  # type: ignore[no-untyped-def]
    """A character as UTF-8; the place after it."""
    if code < 0x80:
        out[at] = code
        return at + 1
    if code < 0x800:
        out[at] = 0xC0 | code >> 6
        out[at + 1] = 0x80 | code & 63
        return at + 2
    if code < 0x10000:
        out[at] = 0xE0 | code >> 12
        out[at + 1] = 0x80 | code >> 6 & 63
        out[at + 2] = 0x80 | code & 63
        return at + 3
    out[at] = 0xF0 | code >> 18
    out[at + 1] = 0x80 | code >> 12 & 63
    out[at + 2] = 0x80 | code >> 6 & 63
    out[at + 3] = 0x80 | code & 63
    return at + 4


# ---- writing ----


@kernel
def put_fixed(out, at, text):  # type: ignore[no-untyped-def]
    """Bytes as they are; the place after them. Places without a sign need no test for it: ten times as quick."""
    place = np.uint64(at)
    for k in range(len(text)):
        out[place + np.uint64(k)] = text[np.uint64(k)]
    return at + len(text)


@kernel
def put_run(out, at, data, low, high):  # type: ignore[no-untyped-def]
    """``data[low:high]`` as it is; the place after it."""
    place, first = np.uint64(at), np.uint64(low)
    for k in range(high - low):
        out[place + np.uint64(k)] = data[first + np.uint64(k)]
    return at + max(high - low, 0)


@kernel
def put_rounded(out, at, value, decimals):  # type: ignore[no-untyped-def]
    """As ``put_decimal``, up to nine decimals, and faster; the place after it."""
    units = np.int64(np.rint(value * _SCALES[decimals]))
    if units < 0:
        out[at] = 45
        at += 1
        units = -units
    rest, bound, size = np.uint64(units), _TEN, 1
    while rest >= bound and size < 19:
        bound *= _TEN
        size += 1
    size = max(size, decimals + 1)
    end = at + size + (1 if decimals > 0 else 0)
    place = np.uint64(end)
    for _ in range(decimals):
        place -= _ONE
        tenth = rest // _TEN
        out[place] = np.uint64(48) + rest - tenth * _TEN
        rest = tenth
    if decimals > 0:
        place -= _ONE
        out[place] = 46
    for _ in range(size - decimals):
        place -= _ONE
        tenth = rest // _TEN
        out[place] = np.uint64(48) + rest - tenth * _TEN
        rest = tenth
    return end


@kernel
def put_xml(out, at, data, low, high):  # type: ignore[no-untyped-def]
    """UTF-8 text as an attribute's value or an element's content: at most six bytes for each; the place after it.

    What XML cannot say at all is left out; white space other than a blank is a reference, so that it stays (3.3.3).
    """
    k = low
    while k < high:
        place, to, end = np.uint64(k), np.uint64(at), np.uint64(high)
        while place < end and 40 <= data[place] < 127 and data[place] != 60 and data[place] != 62:
            out[to] = data[place]
            place += _ONE
            to += _ONE
        k, at = np.int64(place), np.int64(to)
        if k == high:
            break
        c = np.int64(data[k])
        if c < 32:
            if c == 9 or c == 10 or c == 13:
                out[at], out[at + 1] = 38, 35
                at += 2
                if c >= 10:
                    out[at] = 49
                    at += 1
                out[at] = 48 + c % 10
                out[at + 1] = 59
                at += 2
        elif c == 38 or c == 60 or c == 62:
            out[at] = 38
            if c == 38:
                out[at + 1], out[at + 2], out[at + 3] = 97, 109, 112
                at += 4
            else:
                out[at + 1], out[at + 2] = (108 if c == 60 else 103), 116
                at += 3
            out[at] = 59
            at += 1
        elif c == 34 or c == 39:
            out[at] = 38
            if c == 34:
                out[at + 1], out[at + 2], out[at + 3], out[at + 4] = 113, 117, 111, 116
            else:
                out[at + 1], out[at + 2], out[at + 3], out[at + 4] = 97, 112, 111, 115
            out[at + 5] = 59
            at += 6
        elif c == 0xEF and _char_size(data, k, high) == 0:
            k += 2  # U+FFFE and U+FFFF
        else:
            out[at] = c
            at += 1
        k += 1
    return at


@kernel
def put_clean(out, at, data, low, high):  # type: ignore[no-untyped-def]
    """UTF-8 text without the characters that XML cannot say; the place after it."""
    k = low
    while k < high:
        place, to, end = np.uint64(k), np.uint64(at), np.uint64(high)
        while place < end and 32 <= data[place] < 128:
            out[to] = data[place]
            place += _ONE
            to += _ONE
        k, at = np.int64(place), np.int64(to)
        if k == high:
            break
        size = _char_size(data, k, high)
        for j in range(k, k + size):
            out[at] = data[j]
            at += 1
        k += max(size, 1)
    return at


# ---- reading ----


@kernel
def put_text(out, at, data, low, high, kind):  # type: ignore[no-untyped-def]
    """The text that well-formed bytes mean, never longer than they are; the place after it.

    Of an element's content the tags, comments and instructions are left out, the text in other elements is not.
    """
    k = low
    while k < high:
        c = np.int64(data[k])
        if kind == TEXT and c == 60:
            if k + 9 <= high and data[k + 1] == 33 and data[k + 2] == 91:  # <![CDATA[
                k += 9
                while not (data[k] == 93 and data[k + 1] == 93 and data[k + 2] == 62):
                    if data[k] == 13:  # 2.11
                        out[at] = 10
                        at += 1
                        k += 1 if data[k + 1] == 10 else 0
                    else:
                        out[at] = data[k]
                        at += 1
                    k += 1
                k += 3
            else:
                k = _markup_end(data, k, high)
        elif c == 38 and kind != RAW:
            code, k = reference(data, k, high)
            at = put_char(out, at, code)
        elif c < 32 and kind == ATTRIBUTE:  # 3.3.3
            out[at] = 32
            at += 1
            k += 2 if c == 13 and k + 1 < high and data[k + 1] == 10 else 1
        elif c == 13 and kind == TEXT:
            out[at] = 10
            at += 1
            k += 2 if k + 1 < high and data[k + 1] == 10 else 1
        else:
            out[at] = c
            at += 1
            k += 1
    return at


@kernel
def _markup_end(data, at, stop):  # type: ignore[no-untyped-def]
    """Past the comment, instruction or tag that begins at ``at``."""
    if data[at + 1] == 33:
        k = at + 4
        while not (data[k] == 45 and data[k + 1] == 45 and data[k + 2] == 62):
            k += 1
        return k + 3
    if data[at + 1] == 63:
        k = at + 2
        while not (data[k] == 63 and data[k + 1] == 62):
            k += 1
        return k + 2
    k, quote = at + 1, 0
    while k < stop:
        c = data[k]
        if quote:
            if c == quote:
                quote = 0
        elif c == 34 or c == 39:
            quote = c
        elif c == 62:
            return k + 1
        k += 1
    return k


@kernel
def _decoded(data, first, last, kind, out, begin, end):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(len(first)):
        if i:
            out[at] = 0
            at += 1
        begin[i] = at
        if kind[i] == PLAIN or kind[i] == RAW:
            for k in range(first[i], last[i]):
                out[at] = data[k]
                at += 1
        elif kind[i] != ABSENT:
            at = put_text(out, at, data, first[i], last[i], kind[i])
        end[i] = at
    return at


def decoded(
    data: npt.NDArray[np.uint8], first: npt.NDArray[Any], last: npt.NDArray[Any], kind: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The texts of cells, NUL between them, and where each begins and ends."""
    begin, end = np.empty(len(first), np.int64), np.empty(len(first), np.int64)
    out = np.empty(int((last - first).sum(dtype=np.int64)) + len(first), np.uint8)
    return out[: _decoded(data, first, last, kind, out, begin, end)], begin, end


_FEW: Final = 2_000


def texts(joined: npt.NDArray[np.uint8]) -> pl.Series:
    """The texts between NULs of UTF-8; empty ones are null.

    >>> texts(np.frombuffer(b"a\\0\\0bc", np.uint8)).to_list()
    ['a', None, 'bc']
    """
    text = joined.tobytes().decode()
    if text.count("\0") < _FEW:  # queries of Polars cost more than this does
        return pl.Series([part or None for part in text.split("\0")], dtype=pl.String)
    found = pl.Series([text]).str.split("\0").explode()
    return found.set(found == "", None)


@kernel
def _trimmed(data, first, last, begin, end):  # type: ignore[no-untyped-def]
    for i in range(len(first)):
        low, high = first[i], last[i]
        while low < high and data[low] <= 32:
            low += 1
        while low < high and data[high - 1] <= 32:
            high -= 1
        begin[i], end[i] = low, high


def trimmed(
    data: npt.NDArray[np.uint8], first: npt.NDArray[Any], last: npt.NDArray[Any], kind: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Bytes, begins and ends of cells that hold numbers or times, references resolved, white space left out."""
    if (kind > PLAIN).any():
        data, first, last = decoded(data, first, last, kind)
    begin, end = np.empty(len(first), np.int64), np.empty(len(first), np.int64)
    _trimmed(data, first, last, begin, end)
    return data, begin, end
