"""JSON by columns: a small scanner that finds the cells of many like arrays or objects at once.

A generic parser makes one Python object a value; here a document of a million short rows becomes a few
matrices (kind, number, span), and only the strings that are wanted ever become Python objects.
Offsets are int32: a buffer is at most 2 GiB.

Source: RFC 8259 for the grammar.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.kernels import kernel
from testigos.links._put import put_name

__all__ = ["Cells", "Keys", "array_cells", "distinct_texts", "key_table", "object_cells", "says", "string_end",
           "text_of", "texts"]  # fmt: skip

ABSENT, NULL, NUMBER, STRING, ESCAPED, TRUE, FALSE, CONTAINER, BAD = 0, 1, 2, 3, 4, 5, 6, 7, 9

_POWERS: Final = np.array([10.0**k for k in range(23)])  # exact in binary64
_EXACT: Final = 1 << 53  # whole numbers below have no error in binary64
_SPLIT: Final = 134_217_729.0  # 2^27 + 1
_DEPTH: Final = 24  # deeper nesting is damage
_MIX: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1


class Cells(NamedTuple):
    """The cells of K wanted columns by N frames.

    ``valid`` (N,): the frame is well-formed. ``kind`` (K, N): one of this module's constants. ``number`` (K, N):
    NaN where the cell is no number. ``first``/``last`` (K, N): the bytes of a string, without its quotes, or of a
    container; 0 elsewhere. ``found`` (K,): which columns any frame names.
    """

    valid: npt.NDArray[np.bool_]
    kind: npt.NDArray[np.int8]
    number: npt.NDArray[np.float64]
    first: npt.NDArray[np.int32]
    last: npt.NDArray[np.int32]
    found: npt.NDArray[np.bool_]


class Keys(NamedTuple):
    """The lookup of :func:`object_cells`: names as three words of eight bytes each, the first byte lowest; a hash
    table of their numbers; and of which columns the bytes of numbers are wanted too."""

    low: npt.NDArray[np.uint64]
    high: npt.NDArray[np.uint64]
    more: npt.NDArray[np.uint64]
    table: npt.NDArray[np.int16]
    exact: npt.NDArray[np.bool_]


@kernel
def string_end(raw, i, n):  # type: ignore[no-untyped-def]
    """Where the string whose quote is at ``i`` ends, past its closing quote.

    -1: the bytes end first; -2: it holds a control character, which no JSON string does.
    """
    j = i + 1
    while j < n:
        c = raw[np.uintp(j)]
        if c == 34:
            return j + 1
        if c < 32:
            return -2
        j += 2 if c == 92 else 1
    return -1


@kernel
def blank(raw, i, n):  # type: ignore[no-untyped-def]
    """The first byte from ``i`` on that is no blank."""
    while i < n and (
        raw[np.uintp(i)] == 32 or raw[np.uintp(i)] == 10 or raw[np.uintp(i)] == 13 or raw[np.uintp(i)] == 9
    ):
        i += 1
    return i


@kernel
def _quotient(mantissa, power):  # type: ignore[no-untyped-def]
    """A whole number of up to 18 digits by a power of ten that binary64 holds: the nearest number there is.

    What the division leaves over is found exactly (Dekker 1971) and divided once more; only a quotient that lies
    within 1e-16 of a step's middle could be rounded the other way, which no text of 17 digits of a number does.
    """
    high = np.float64(mantissa)
    found = high / power
    a = _SPLIT * found
    a_high = a - (a - found)
    a_low = found - a_high
    b = _SPLIT * power
    b_high = b - (b - power)
    b_low = power - b_high
    product = found * power
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return found + ((high - product) - error + np.float64(mantissa - np.int64(high))) / power


@kernel
def _number(raw, i, n):  # type: ignore[no-untyped-def]
    """Value and end of the number at ``i``; the end is -1 where there is none."""
    negative = raw[np.uintp(i)] == 45
    if negative:
        i += 1
    mantissa = np.int64(0)
    scale = 0
    digits = 0
    begin = i
    while i < n and 48 <= raw[np.uintp(i)] <= 57:
        if digits < 18:
            mantissa = mantissa * 10 + np.int64(raw[np.uintp(i)] - 48)
            digits += 1 if mantissa > 0 else 0
        else:
            scale += 1
        i += 1
    if i == begin or (raw[np.uintp(begin)] == 48 and i > begin + 1):
        return 0.0, -1
    if i < n and raw[np.uintp(i)] == 46:
        i += 1
        begin = i
        while i < n and 48 <= raw[np.uintp(i)] <= 57:
            if digits < 18:
                mantissa = mantissa * 10 + np.int64(raw[np.uintp(i)] - 48)
                digits += 1 if mantissa > 0 else 0
                scale -= 1
            i += 1
        if i == begin:
            return 0.0, -1
    if i < n and (raw[np.uintp(i)] == 101 or raw[np.uintp(i)] == 69):
        i += 1
        minus = False
        if i < n and (raw[np.uintp(i)] == 43 or raw[np.uintp(i)] == 45):
            minus = raw[np.uintp(i)] == 45
            i += 1
        begin = i
        power = 0
        while i < n and 48 <= raw[np.uintp(i)] <= 57:
            power = min(power * 10 + int(raw[np.uintp(i)] - 48), 9999)
            i += 1
        if i == begin:
            return 0.0, -1
        scale += -power if minus else power
    value = np.float64(mantissa)
    if mantissa != 0:
        if 0 <= scale <= 22:
            value *= _POWERS[scale]
        elif -22 <= scale < 0:
            value = value / _POWERS[-scale] if mantissa < _EXACT else _quotient(mantissa, _POWERS[-scale])
        else:
            value *= np.float64(10.0) ** scale  # infinite, not an error, uncompiled too
    return (-value if negative else value), i


@kernel
def _container_end(raw, i, n):  # type: ignore[no-untyped-def]
    """Past the bracket that closes the one at ``i``; -1 where brackets do not match."""
    stack = np.int64(0)  # one bit a level: 1 is an object
    depth = 0
    while i < n:
        c = raw[i]
        if c == 34:
            i = string_end(raw, i, n)
            if i < 0:
                return -1
            continue
        if c == 91 or c == 123:
            stack = (stack << 1) | (1 if c == 123 else 0)
            depth += 1
            if depth > _DEPTH:
                return -1
        elif c == 93 or c == 125:
            if (stack & 1) != (1 if c == 125 else 0):
                return -1
            stack >>= 1
            depth -= 1
            if depth == 0:
                return i + 1
        i += 1
    return -1


@kernel
def value(raw, i, n):  # type: ignore[no-untyped-def]
    """Kind, number, first and last byte, and end of the value at ``i``."""
    if i >= n:
        return BAD, np.nan, 0, 0, i
    c = raw[np.uintp(i)]
    if c == 34:
        kind, j = STRING, i + 1
        while j < n:
            c = raw[np.uintp(j)]
            if c == 34:
                return kind, np.nan, i + 1, j, j + 1
            if c < 32:
                break
            if c == 92 or c >= 128:
                kind = ESCAPED
            j += 2 if c == 92 else 1
        return BAD, np.nan, 0, 0, i
    if c == 45 or 48 <= c <= 57:
        if c == 45 and i + 1 >= n:
            return BAD, np.nan, 0, 0, i
        number, end = _number(raw, i, n)
        if end < 0:
            return BAD, np.nan, 0, 0, i
        return NUMBER, number, i, end, end
    if c == 123 or c == 91:
        end = _container_end(raw, i, n)
        if end < 0:
            return BAD, np.nan, 0, 0, i
        return CONTAINER, np.nan, i, end, end
    if i + 4 <= n:
        if c == 110 and raw[np.uintp(i + 1)] == 117 and raw[np.uintp(i + 2)] == 108 and raw[np.uintp(i + 3)] == 108:
            return NULL, np.nan, i, i + 4, i + 4
        if c == 116 and raw[np.uintp(i + 1)] == 114 and raw[np.uintp(i + 2)] == 117 and raw[np.uintp(i + 3)] == 101:
            return TRUE, np.nan, i, i + 4, i + 4
        ends = i + 5 <= n and raw[np.uintp(i + 3)] == 115 and raw[np.uintp(i + 4)] == 101
        if ends and c == 102 and raw[np.uintp(i + 1)] == 97 and raw[np.uintp(i + 2)] == 108:
            return FALSE, np.nan, i, i + 5, i + 5
    return BAD, np.nan, 0, 0, i


@kernel
def _array_cells(raw, start, stop, valid, kind, number, first, last):  # type: ignore[no-untyped-def]
    width = kind.shape[0]
    for row in range(len(start)):
        i, n = start[row], stop[row]
        if n <= i or raw[i] != 91:
            continue
        i = blank(raw, i + 1, n)
        column = 0
        while True:
            k, x, a, b, i = value(raw, i, n)
            if k == BAD:
                break
            if column < width:
                kind[column, row] = k
                number[column, row] = x
                if k in (STRING, ESCAPED, CONTAINER):  # the rest of these pages is never touched
                    first[column, row] = a
                    last[column, row] = b
            column += 1
            i = blank(raw, i, n)
            if i < n and raw[i] == 44:
                i = blank(raw, i + 1, n)
                continue
            valid[row] = i + 1 == n and raw[i] == 93
            break


@kernel
def _key(raw, at, size, low, high, more, table):  # type: ignore[no-untyped-def]
    """The column that the key of so many bytes names; -1 where none."""
    if size > 24:
        return np.int64(-1)
    a, b, c = np.uint64(0), np.uint64(0), np.uint64(0)
    for j in range(min(size, 8)):
        a |= np.uint64(raw[np.uintp(at + j)]) << np.uint64(8 * j)
    for j in range(8, min(size, 16)):
        b |= np.uint64(raw[np.uintp(at + j)]) << np.uint64(8 * (j - 8))
    for j in range(16, size):
        c |= np.uint64(raw[np.uintp(at + j)]) << np.uint64(8 * (j - 16))
    mixed = (a ^ ((b ^ c) * np.uint64(_MIX))) * np.uint64(_MIX)
    slot = np.int64(mixed >> np.uint64(32)) & (len(table) - 1)
    while table[slot] >= 0:
        column = np.int64(table[slot])
        if low[column] == a and high[column] == b and more[column] == c:
            return column
        slot = (slot + 1) & (len(table) - 1)
    return np.int64(-1)


@kernel
def _again(raw, i, n, seen, size):  # type: ignore[no-untyped-def]
    """Past the string at ``i`` if it is the one that was seen; else -1."""
    if i + size > n:
        return np.int64(-1)
    for j in range(size):
        if raw[np.uintp(i + j)] != raw[np.uintp(seen + j)]:
            return np.int64(-1)
    return i + size


@njit(cache=True, nogil=True)
def _object_cells(  # type: ignore[no-untyped-def]
    raw, start, stop, low, high, more, table, exact, valid, kind, number, first, last, found
):
    # most objects have their keys in the order of those before: which came after each, and where it was seen
    after = np.full(len(low) + 1, -1, np.int64)  # the last one is that after the bracket, or an unknown key
    seen, size = np.zeros(len(low), np.int64), np.zeros(len(low), np.int64)
    for row in range(len(start)):
        i, n, column = start[row], stop[row], np.int64(-1)
        if n <= i or raw[i] != 123:
            continue
        i = blank(raw, i + 1, n)
        if i < n and raw[i] == 125:
            valid[row] = i + 1 == n
            continue
        while i < n and raw[i] == 34:
            guess = after[column]
            end = _again(raw, i, n, seen[guess], size[guess]) if guess >= 0 else -1
            if end >= 0:
                column = guess
            else:
                end = string_end(raw, i, n)
                if end < 0:
                    break
                key = _key(raw, i + 1, end - i - 2, low, high, more, table)
                if key >= 0:
                    after[column], seen[key], size[key] = key, i, end - i
                column = key
            i = blank(raw, end, n)
            if i >= n or raw[i] != 58:
                break
            i = blank(raw, i + 1, n)
            k, x, a, b, i = value(raw, i, n)
            if k == BAD:
                break
            if column >= 0:
                found[column] = True
                kind[column, row] = k
                number[column, row] = x
                if k in (STRING, ESCAPED, CONTAINER) or exact[column]:  # the rest of these pages is never touched
                    first[column, row] = a
                    last[column, row] = b
            i = blank(raw, i, n)
            if i < n and raw[i] == 44:
                i = blank(raw, i + 1, n)
                continue
            valid[row] = i + 1 == n and raw[i] == 125
            break


def _empty(rows: int, columns: int, sparse: bool = False) -> Cells:
    shape = columns, rows
    number = np.empty(shape) if sparse else np.full(shape, np.nan)
    first, last = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    return Cells(np.zeros(rows, np.bool_), np.zeros(shape, np.int8), number, first, last, np.zeros(columns, np.bool_))


def array_cells(
    raw: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64], width: int
) -> Cells:
    """The first ``width`` values of the array in each of ``raw[start:stop]``; further ones are only checked."""
    cells = _empty(len(start), width)
    _array_cells(raw, start, stop, *cells[:5])
    return cells


def _words(names: Sequence[str]) -> list[list[int]]:
    padded = [name.encode("ascii").ljust(24, b"\0") for name in names]
    assert all(len(p) == 24 for p in padded)
    return [[int.from_bytes(p[k : k + 8], "little") for p in padded] for k in (0, 8, 16)]


def key_table(names: Sequence[str], exact: Collection[str] = ()) -> Keys:
    """The lookup that :func:`object_cells` needs; a name has at most 24 ASCII bytes.

    ``exact``: the columns of which the bytes of numbers are wanted too.
    """
    words = _words(names)
    slots = 1 << (4 * len(names)).bit_length()
    table = np.full(slots, -1, np.int16)
    for column, (a, b, c) in enumerate(zip(*words, strict=True)):
        slot = (((a ^ ((b ^ c) * _MIX & _MASK)) * _MIX) & _MASK) >> 32 & slots - 1
        while table[slot] >= 0:
            slot = (slot + 1) % slots
        table[slot] = column
    low, high, more = (np.array(word, np.uint64) for word in words)
    return Keys(low, high, more, table, np.array([name in exact for name in names]))


def object_cells(
    raw: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int64],
    stop: npt.NDArray[np.int64],
    keys: Keys,
    sparse: bool = False,
) -> Cells:
    """The values of the wanted keys of the object in each of ``raw[start:stop]``; of twins the last one counts.

    With ``sparse`` nothing is said of numbers where there is none: of columns that no object names no page is touched.
    """
    cells = _empty(len(start), len(keys.low), sparse)
    _object_cells(raw, start, stop, *keys, *cells)
    return cells


# ---- texts ----


def text_of(raw: npt.NDArray[np.uint8], first: int, last: int) -> str | None:
    """The text of a string without its quotes; null where it is not valid UTF-8."""
    try:
        return msgspec.json.decode(b'"' + raw[first:last].tobytes() + b'"', type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


@kernel
def _says(raw, kind, first, last, word, found):  # type: ignore[no-untyped-def]
    escaped = False
    for row in range(len(found)):
        escaped = escaped or kind[row] == ESCAPED
        same = kind[row] == STRING and last[row] - first[row] == len(word)
        for j in range(len(word)):
            same = same and raw[first[row] + j] == word[j]
        found[row] = same
    return escaped


def says(raw: npt.NDArray[np.uint8], cells: Cells, column: int, word: str) -> npt.NDArray[np.bool_]:
    """Which of a column's cells are this text, of ASCII."""
    found = np.empty(len(cells.valid), np.bool_)
    kind, first, last = cells.kind[column], cells.first[column], cells.last[column]
    if _says(raw, kind, first, last, np.frombuffer(word.encode(), np.uint8), found):
        for i in np.flatnonzero(kind == ESCAPED):
            found[i] = text_of(raw, int(first[i]), int(last[i])) == word
    return found


@kernel
def _distinct(raw, wanted, first, last, codes, samples, table):  # type: ignore[no-untyped-def]
    """Number equal texts alike, from 1; ``samples`` gets the first row of each. Returns how many there are."""
    mask = np.uint64(len(table) - 1)
    count = 0
    for row in range(len(codes)):
        if not wanted[row]:
            continue
        a, b = first[row], last[row]
        mixed = np.uint64(b - a)
        for j in range(a, b):
            mixed = (mixed ^ np.uint64(raw[j])) * np.uint64(_MIX)
        slot = (mixed >> np.uint64(20)) & mask
        while True:
            code = table[slot]
            if code == 0:
                samples[count] = row
                count += 1
                table[slot] = count
                codes[row] = count
                break
            other = first[samples[code - 1]]
            same = last[samples[code - 1]] - other == b - a
            j = 0
            while same and j < b - a:
                same = raw[a + j] == raw[other + j]
                j += 1
            if same:
                codes[row] = code
                break
            slot = (slot + np.uint64(1)) & mask
    return count


@kernel
def _lines(raw, first, last, out):  # type: ignore[no-untyped-def]
    """Texts, each before a line feed, which no text of JSON holds as it is."""
    at = 0
    for k in range(len(first)):
        at = put_name(out, at, raw, np.int64(first[k]), np.int64(last[k]))
        out[at] = 10
        at += 1


def distinct_texts(
    raw: npt.NDArray[np.uint8], cells: Cells, column: int
) -> tuple[npt.NDArray[np.uint32], list[str | None]]:
    """The number of each cell's text in the list; the first is null, for cells that are none or not valid UTF-8."""
    kind, first, last = cells.kind[column], cells.first[column], cells.last[column]
    wanted = (kind == STRING) | (kind == ESCAPED)
    codes, samples = np.zeros(len(wanted), np.uint32), np.empty(len(wanted), np.int64)
    table = np.zeros(1 << (2 * int(np.count_nonzero(wanted)) + 2).bit_length(), np.int32)
    of = samples[: _distinct(raw, wanted, first, last, codes, samples, table)]
    if not len(of):
        return codes, [None]
    first, last = first[of], last[of]
    out = np.empty(int((last - first).sum()) + len(of), np.uint8)
    _lines(raw, first, last, out)
    found: list[str | None] = [None, *out[:-1].tobytes().decode("utf-8", "replace").split("\n")]
    for k in np.flatnonzero(kind[of] == ESCAPED).tolist():
        found[k + 1] = text_of(raw, int(first[k]), int(last[k]))
    return codes, found


def texts(
    raw: npt.NDArray[np.uint8], cells: Cells, column: int, clean: Callable[[str], str | None] | None = None
) -> pl.Series:
    """One column's strings; null where the cell is none or is not valid UTF-8.

    ``clean`` is called once for each distinct text and gives what stands for it.
    """
    codes, found = distinct_texts(raw, cells, column)
    if clean is not None:
        found = [None if text is None else clean(text) for text in found]
    return pl.Series(found, dtype=pl.String)[pl.Series(codes)]
