"""Objects of JSON whose keys are names of columns: how ``jsonl`` and ``geojson`` read and write them.

What is null is left out. Floats have as many digits as give the same number again, whole numbers all of theirs,
Booleans are ``true`` and ``false``, all else is text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.buffers import buffers
from testigos.kernels import kernel
from testigos.links._json import (
    ABSENT,
    BAD,
    CONTAINER,
    ESCAPED,
    FALSE,
    NULL,
    NUMBER,
    STRING,
    TRUE,
    Cells,
    blank,
    key_words,
    string_end,
    texts,
    value,
)
from testigos.links._json_write import ESCAPED as ESCAPED_SIZE
from testigos.links._json_write import FLOAT, put_float32, put_float64, put_text, put_whole
from testigos.links._put import literal, put_integer, put_name
from testigos.matrix import codes, has, numbers, whole_numbers
from testigos.matrix import texts as wordings
from testigos.registry import Frames
from testigos.schema import ALL, PICTURE, SOURCES, STATUSES, Column

__all__ = ["OWN", "Flat", "Layout", "columns", "flat", "laid_out", "put_columns", "read_columns", "row_table"]

EVERY: Final = ALL | PICTURE
#: Columns that say where in its bytes a row stands; a reader gives those of what it reads.
OWN: Final = ("segment", "offset", "length")

# ---- reading ----

_NAMES: Final = tuple(EVERY)
_SLOTS: Final = 1024
_MIX: Final = 0x9E3779B97F4A7C15
_LONG: Final = np.array([EVERY[n].dtype in (pl.Int64, pl.UInt64) for n in _NAMES])


def _slot_of(low: int, high: int, more: int) -> int:
    return int(((low ^ ((high ^ more) * _MIX & (1 << 64) - 1)) * _MIX & (1 << 64) - 1) >> 54)


def _table() -> tuple[Any, Any, Any, Any]:
    low, high, more = key_words(_NAMES)
    table = np.full(_SLOTS, -1, np.int16)
    for column in range(len(_NAMES)):
        slot = _slot_of(int(low[column]), int(high[column]), int(more[column]))
        while table[slot] >= 0:
            slot = (slot + 1) % _SLOTS
        table[slot] = column
    return low, high, more, table


_LOW, _HIGH, _MORE, _TABLE = _table()


@dataclass(frozen=True, slots=True)
class Flat:
    """The cells of all columns by N objects; ``valid``: the object is well-formed, ``found``: which columns it names.

    ``number`` has a value where ``kind`` is a number; ``first`` and ``last`` where it is text, a container, or a
    number of a column of 64 bits.
    """

    raw: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_]
    found: npt.NDArray[np.bool_]
    kind: npt.NDArray[np.int8]
    number: npt.NDArray[np.float64]
    first: npt.NDArray[np.int32]
    last: npt.NDArray[np.int32]


def flat(raw: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> Flat:
    """The cells of the object in each of ``raw[start:stop]``; of twins the last one counts."""
    size, width = len(start), len(_NAMES)
    valid, found = np.zeros(size, np.bool_), np.zeros(width, np.bool_)
    kind = np.zeros((width, size), np.int8)  # of a column that nobody names no page is ever touched
    number, first = np.empty((width, size)), np.empty((width, size), np.int32)
    last = np.empty((width, size), np.int32)
    _scan(raw, start, stop, valid, found, kind, number, first, last)
    return Flat(raw, valid, found, kind, number, first, last)


@kernel
def _column(raw, at, size):  # type: ignore[no-untyped-def]
    """The column that the key of so many bytes names; -1 where none."""
    if size > 24:
        return -1
    low, high, more = np.uint64(0), np.uint64(0), np.uint64(0)
    for j in range(size):
        byte = np.uint64(raw[np.uintp(at + j)])
        if j < 8:
            low |= byte << np.uint64(8 * j)
        elif j < 16:
            high |= byte << np.uint64(8 * (j - 8))
        else:
            more |= byte << np.uint64(8 * (j - 16))
    mixed = (low ^ ((high ^ more) * np.uint64(_MIX))) * np.uint64(_MIX)
    slot = np.int64(mixed >> np.uint64(54))
    while _TABLE[slot] >= 0:
        column = np.int64(_TABLE[slot])
        if _LOW[column] == low and _HIGH[column] == high and _MORE[column] == more:
            return column
        slot = (slot + 1) & (_SLOTS - 1)
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _scan(raw, start, stop, valid, found, kind, number, first, last):  # type: ignore[no-untyped-def]
    for row in range(len(start)):
        i, n = start[row], stop[row]
        if n <= i or raw[i] != 123:
            continue
        i = blank(raw, i + 1, n)
        if i < n and raw[i] == 125:
            valid[row] = i + 1 == n
            continue
        while i < n and raw[i] == 34:
            end = string_end(raw, i, n)
            if end < 0:
                break
            column = _column(raw, i + 1, end - i - 2)
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
                if k == NUMBER:
                    number[column, row] = x
                if k in (STRING, ESCAPED, CONTAINER) or (k == NUMBER and _LONG[column]):
                    first[column, row] = a
                    last[column, row] = b
            i = blank(raw, i, n)
            if i < n and raw[i] == 44:
                i = blank(raw, i + 1, n)
                continue
            valid[row] = i + 1 == n and raw[i] == 125
            break


@njit(cache=True, nogil=True)
def _whole(raw, wanted, first, last, out, good):  # type: ignore[no-untyped-def]
    """Whole numbers of up to 20 digits without a sign, exactly; ``good`` where it is one."""
    for row in range(len(wanted)):
        size = last[row] - first[row]
        if not wanted[row] or size > 20:
            continue
        total, digits = np.uint64(0), 0
        for k in range(first[row], last[row]):
            c = np.uint64(raw[k]) - np.uint64(48)
            if raw[k] < 48 or raw[k] > 57 or total > np.uint64(1_844_674_407_370_955_161):
                break
            if total == np.uint64(1_844_674_407_370_955_161) and c > np.uint64(5):
                break
            total = total * np.uint64(10) + c
            digits += 1
        out[row] = total
        good[row] = digits == size


@kernel
def _lines(raw, wanted, first, last, out):  # type: ignore[no-untyped-def]
    """The wanted texts, each before a line feed, which no text of JSON holds as it is."""
    at = 0
    for row in range(len(wanted)):
        if wanted[row]:
            at = put_name(out, at, raw, np.int64(first[row]), np.int64(last[row]))
            out[at] = 10
            at += 1
    return at


def _strings(cells: Flat, column: int, kind: npt.NDArray[np.int8]) -> pl.Series:
    """A column's texts; null where the cell is none or is not UTF-8."""
    plain = kind == STRING
    if not plain.any() or (kind == ESCAPED).any():
        whole = Cells(cells.valid, kind[None], cells.number[:0], *(
            np.where((kind == STRING) | (kind == ESCAPED), spans[column], 0).astype(np.int32)[None]
            for spans in (cells.first, cells.last)
        ))  # fmt: skip
        return texts(cells.raw, whole, 0)
    size = np.where(plain, cells.last[column] - cells.first[column], 0).sum() + plain.sum()
    out = np.empty(int(size), np.uint8)
    used = _lines(cells.raw, plain, cells.first[column], cells.last[column], out)
    found = pl.Series([out[: used - 1].tobytes().decode()]).str.split("\n").explode()
    if plain.all():
        return found
    at = np.cumsum(plain) - 1
    return found.gather(pl.Series(at).set(pl.Series(~plain), None).cast(pl.UInt32))


def read_columns(cells: Flat, good: npt.NDArray[np.bool_]) -> tuple[dict[str, pl.Series], npt.NDArray[np.bool_]]:
    """What the objects say of each column that any of them names, but for those of ``OWN``.

    Also in which rows a value was not of its column's type, or outside its range; it is null there. Rows that are not
    ``good`` have no values.
    """
    odd = np.zeros(len(cells.valid), np.bool_)
    found: dict[str, pl.Series] = {}
    for column in np.flatnonzero(cells.found):
        name = _NAMES[column]
        if name in OWN:
            continue
        kind = cells.kind[column] if good.all() else np.where(good, cells.kind[column], np.int8(ABSENT))
        said = kind > NULL
        found[name], known = _series(cells, int(column), kind, EVERY[name])
        odd |= said & ~known
    return found, odd


def _series(
    cells: Flat, column: int, kind: npt.NDArray[np.int8], meant: Column
) -> tuple[pl.Series, npt.NDArray[np.bool_]]:
    """A column, and where it has a value."""
    dtype = meant.dtype
    if dtype == pl.Boolean:
        known = (kind == TRUE) | (kind == FALSE)
        return pl.Series(np.where(known, kind == TRUE, np.nan), nan_to_null=True).cast(dtype), known
    if dtype == pl.String or dtype == pl.Enum:
        made = _strings(cells, column, kind)
        made = made if dtype == pl.String else made.cast(dtype, strict=False)
        return made, made.is_not_null().to_numpy()
    if _LONG[column]:
        whole, known = np.zeros(len(kind), np.uint64), np.zeros(len(kind), np.bool_)
        _whole(cells.raw, kind == NUMBER, cells.first[column], cells.last[column], whole, known)
        if dtype == pl.Int64:
            known &= whole < np.uint64(1 << 63)
        if meant.high is not None:
            known &= whole <= np.uint64(int(meant.high))
        made = pl.Series(np.where(known, whole, np.uint64(0))).cast(dtype)
        return (made if known.all() else made.set(pl.Series(~known), None)), known
    low, high = (-np.inf, np.inf) if meant.low is None or meant.high is None else (meant.low, meant.high)
    if dtype.is_integer():
        low, high = max(low, 0.0), min(high, 2.0 ** _BITS[type(dtype)] - 1.0)
    number = cells.number[column]
    known = (kind == NUMBER) & (number >= low) & (number <= high) & np.isfinite(number)
    if dtype.is_integer():
        known &= number == np.floor(number)
    value = np.where(known, number, np.nan)
    return pl.Series(value.astype(np.float32) if dtype == pl.Float32 else value, nan_to_null=True).cast(dtype), known


_BITS: Final[dict[Any, int]] = {pl.UInt8: 8, pl.UInt16: 16, pl.UInt32: 32}


def row_table(
    frames: Frames, columns: dict[str, pl.Series], malformed: npt.NDArray[np.bool_], odd: npt.NDArray[np.bool_]
) -> pl.DataFrame:
    """A row a frame with the columns of ``schema.ALL`` that were read, and the status that the writer gave it.

    A status that only says what is there follows from what is there. Of the columns of ``schema.PICTURE`` alone, the
    radii become those that the origin states, where it states none; the others are left out.
    """
    size = len(frames)
    for name, radius in (("accuracy95_m", "radius95_m"), ("height_accuracy95_m", "height95_m")):
        said = columns.get(radius)
        if said is not None:
            columns[name] = columns[name].fill_null(said) if name in columns else said

    def lacks(name: str) -> npt.NDArray[np.bool_]:
        return columns[name].is_null().to_numpy() if name in columns else np.ones(size, np.bool_)

    status = np.full(size, STATUSES.index("ok"))
    for word, where in (
        ("no_position", lacks("lat_deg") | lacks("lon_deg")),
        ("no_time", lacks("time_ns")),
        ("out_of_range", odd),
        ("malformed", malformed),
    ):
        status[where] = STATUSES.index(word)
    if "status" in columns:
        plain = [STATUSES.index(word) for word in ("ok", "no_position", "no_time")]
        stated = columns["status"].to_physical().fill_null(plain[0]).to_numpy()
        status = np.where(np.isin(stated, plain) | odd | malformed, status, stated)
    source = columns.get("source")
    if source is None:
        source = pl.Series(["unknown"], dtype=pl.Enum(SOURCES)).new_from_index(0, size)
    made = {
        "object_id": pl.Series([None], dtype=pl.String).new_from_index(0, size),
        "time_ns": pl.Series([None], dtype=pl.Int64).new_from_index(0, size),
        **columns,
        "source": source if not source.null_count() else source.fill_null("unknown"),
    }
    damaged = pl.Series(status == STATUSES.index("malformed"))
    if damaged.any():  # that a row was malformed is all that it says
        made = {name: values.set(damaged, None) for name, values in made.items()}
    made |= {
        "status": pl.Series(STATUSES, dtype=pl.Enum(STATUSES)).gather(status),
        "offset": pl.Series(frames.start.astype(np.uint64)),
        "length": pl.Series((frames.stop - frames.start).astype(np.uint32)),
    }
    return pl.DataFrame({n: made[n] for n in ALL if n in made})


# ---- writing ----

_FLOAT32, _FLOAT64, _SMALL, _BOOLEAN, _WORD, _BIG, _TEXT = range(7)


def _kind(name: str) -> int:
    dtype = EVERY[name].dtype
    if dtype == pl.Float32:
        return _FLOAT32
    if dtype == pl.Float64:
        return _FLOAT64
    if dtype == pl.Boolean:
        return _BOOLEAN
    if dtype == pl.String:
        return _TEXT
    if dtype == pl.Enum:
        return _WORD
    return _BIG if dtype == pl.UInt64 else _SMALL


_KINDS: Final = {name: _kind(name) for name in EVERY}
_TIMES: Final = {name for name, column in EVERY.items() if column.dtype == pl.Int64}
_CATEGORIES: Final = {n: c.dtype.categories.to_list() for n, c in EVERY.items() if isinstance(c.dtype, pl.Enum)}


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of a table for :func:`put_columns`: what each is, its key, and the values of all of one type."""

    kind: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint8]
    key_at: npt.NDArray[np.int64]
    number: npt.NDArray[np.float64]
    whole: npt.NDArray[np.int64]
    big: npt.NDArray[np.uint64]
    known: npt.NDArray[np.bool_]
    word: npt.NDArray[np.int64]
    words: npt.NDArray[np.uint8]
    word_at: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]

    def room(self) -> int:
        """Bytes that no row exceeds, without its texts."""
        longest = int(np.diff(self.word_at).max(initial=0))
        return len(self.keys) + len(self.kind) * (max(FLOAT, longest) + 3)

    def text_room(self) -> int:
        """Bytes that the texts of all rows do not exceed."""
        return ESCAPED_SIZE * len(self.data)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The arguments of :func:`put_columns` after the row."""
        return (
            self.kind, self.place, self.keys, self.key_at, self.number, self.whole, self.big, self.known,
            self.word, self.words, self.word_at, self.data, self.start,
        )  # fmt: skip


def columns(table: pl.DataFrame, leave: Sequence[str] = ()) -> list[str]:
    """The columns of a table that the schema knows and that are not all null, in the schema's order."""
    given = set(table.columns) - set(leave) - set(OWN)
    size = len(table)
    return [n for n in EVERY if n in given and table.get_column(n).null_count() < size]


def laid_out(table: pl.DataFrame, names: Sequence[str]) -> Layout:
    """Columns of a table, each of the schema's type."""
    groups: dict[int, list[str]] = {k: [] for k in range(7)}
    kinds = [_KINDS[name] for name in names]
    place = []
    for name, kind in zip(names, kinds, strict=True):
        group = _FLOAT32 if kind == _FLOAT64 else _SMALL if kind == _BOOLEAN else kind
        place.append(len(groups[group]))
        groups[group].append(name)
    longs = [n for n in groups[_SMALL] if n in _TIMES]
    whole = codes(table, [n for n in groups[_SMALL] if n not in longs])
    if longs:
        rows = np.empty((len(groups[_SMALL]), len(table)), np.int64)
        rows[[n not in longs for n in groups[_SMALL]]] = whole
        rows[[n in longs for n in groups[_SMALL]]] = whole_numbers(table, longs)
        whole = rows
    big, known = _bits(table, groups[_BIG])
    words: list[str] = []
    word = codes(table, groups[_WORD])
    for k, name in enumerate(groups[_WORD]):
        word[k] = np.where(word[k] >= 0, word[k] + len(words), word[k])
        words += _CATEGORIES[name]
    keys = [f',"{name}":' for name in names]
    data, start = wordings(table, groups[_TEXT])
    return Layout(
        np.array(kinds, np.int64), np.array(place, np.int64),
        literal("".join(keys)).copy(), np.cumsum([0, *map(len, keys)]),
        numbers(table, groups[_FLOAT32]), whole, big, known,
        word, literal("".join(words)).copy(), np.cumsum([0, *map(len, words)]), data, start,
    )  # fmt: skip


def _bits(table: pl.DataFrame, names: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """Columns of 64 bits without a sign."""
    made = np.zeros((len(names), len(table)), np.uint64)
    known = np.zeros((len(names), len(table)), np.bool_)
    for k, name in enumerate(names):
        if len(table):
            held = table.get_column(name)
            with buffers((held if held.dtype == pl.UInt64 else held.cast(pl.UInt64)).rechunk().to_frame()) as (column,):
                made[k], known[k] = column.values, has(column.known, len(table))
    return made, known


@kernel
def put_columns(  # type: ignore[no-untyped-def]
    out, at, i, kind, place, keys, key_at, number, whole, big, known, word, words, word_at, data, start
):
    """The known columns of row ``i`` with their keys, a comma before each."""
    for k in range(len(kind)):
        what, p = kind[k], place[k]
        begin = at
        at = put_name(out, at, keys, key_at[k], key_at[k + 1])
        if what <= _FLOAT64:
            if np.isfinite(number[p, i]):
                at = put_float32(out, at, number[p, i]) if what == _FLOAT32 else put_float64(out, at, number[p, i])
                continue
        elif what == _SMALL:
            if whole[p, i] >= 0:
                at = put_integer(out, at, whole[p, i])
                continue
        elif what == _BOOLEAN:
            if whole[p, i] >= 0:
                at = put_name(out, at, _TRUTHS, 5 * whole[p, i], 5 * whole[p, i] + 5)
                at -= whole[p, i]  # "true" is shorter
                continue
        elif what == _BIG:
            if known[p, i]:
                at = put_whole(out, at, big[p, i])
                continue
        elif what == _WORD:
            if word[p, i] >= 0:
                out[at] = 34
                at = put_name(out, at + 1, words, word_at[word[p, i]], word_at[word[p, i] + 1])
                out[at] = 34
                at += 1
                continue
        elif start[p, i + 1] > start[p, i]:
            out[at] = 34
            at = put_text(out, at + 1, data, start[p, i], start[p, i + 1])
            out[at] = 34
            at += 1
            continue
        at = begin
    return at


_TRUTHS: Final = literal("falsetrue ")
