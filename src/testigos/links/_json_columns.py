"""Objects of JSON whose keys are names of columns: how ``jsonl`` and ``geojson`` read and write them.

What is null is left out. Floats have as many digits as give the same number again, whole numbers all of theirs,
Booleans are ``true`` and ``false``, all else is text.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.buffers import buffers
from testigos.kernels import kernel
from testigos.links._json import (
    ESCAPED,
    FALSE,
    NULL,
    NUMBER,
    STRING,
    TRUE,
    Cells,
    key_table,
    object_cells,
    text_of,
    texts,
)
from testigos.links._json_write import ESCAPED as ESCAPED_SIZE
from testigos.links._json_write import FLOAT, put_float32, put_float64, put_text, put_whole
from testigos.links._put import literal, put_integer, put_name
from testigos.links._series import filled, known, only, slices, stacked
from testigos.matrix import codes, has, numbers, whole_numbers
from testigos.matrix import texts as wordings
from testigos.registry import Frames
from testigos.schema import ALL, PICTURE, SOURCES, STATUSES, Column, unknown

__all__ = ["GIVES", "OWN", "Layout", "Said", "columns", "flat", "laid_out", "put_columns", "read_columns", "row_table"]

EVERY: Final = ALL | PICTURE
#: Columns that say where in its bytes a row stands; a reader gives those of what it reads.
OWN: Final = ("segment", "offset", "length")
#: What a reader gives.
GIVES: Final = tuple(name for name in ALL if name != "segment")

_FLOAT32, _FLOAT64, _SMALL, _BOOLEAN, _WORD, _BIG, _TEXT = range(7)


def _kind(column: Column) -> int:
    dtype = column.dtype
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


_NAMES: Final = tuple(EVERY)
_KINDS: Final = {name: _kind(column) for name, column in EVERY.items()}
_TIMES: Final = {name for name, column in EVERY.items() if column.dtype == pl.Int64}
#: The words of each column that has some, and all of them one after the other, with where a column's begin.
_VOCABULARY: Final = {n: c.dtype.categories.to_list() for n, c in EVERY.items() if isinstance(c.dtype, pl.Enum)}
_ALL_WORDS: Final = [word for words in _VOCABULARY.values() for word in words]
_WORDS: Final = literal("".join(_ALL_WORDS)).copy()
_WORD_AT: Final = np.cumsum([0, *map(len, _ALL_WORDS)])
_LONGEST_WORD: Final = max(map(len, _ALL_WORDS))
_COUNTS: Final = np.array([len(_VOCABULARY.get(name, ())) for name in _NAMES])
_FIRST_WORD: Final = np.cumsum(_COUNTS) - _COUNTS
_SERIES: Final = {name: pl.Series(name, [*words, None], dtype=EVERY[name].dtype) for name, words in _VOCABULARY.items()}

# ---- reading ----


def _limits(column: Column) -> tuple[float, float]:
    """What the numbers of a column are from and to; no float is infinite."""
    most = sys.float_info.max
    low, high = (-most, most) if column.low is None or column.high is None else (column.low, column.high)
    bits = _BITS.get(type(column.dtype))
    return (max(low, 0.0), min(high, 2.0**bits - 1.0)) if bits else (low, high)


_BITS: Final[dict[Any, int]] = {pl.UInt8: 8, pl.UInt16: 16, pl.UInt32: 32, pl.Int64: 63, pl.UInt64: 64}
_LOW, _HIGH = np.array([_limits(column) for column in EVERY.values()]).T.copy()
_IS_TRUTH: Final = np.array([_KINDS[name] == _BOOLEAN for name in _NAMES])
_IS_WHOLE: Final = np.array([_KINDS[name] == _SMALL for name in _NAMES])
_IS_LONG: Final = {name for name in _NAMES if EVERY[name].dtype in (pl.Int64, pl.UInt64)}
#: The highest of the numbers that do not fit a float, exactly.
_MOST: Final = np.array(
    [min(int(c.high or sys.float_info.max), 2 ** _BITS.get(type(c.dtype), 64) - 1) for c in EVERY.values()], np.uint64
)
_KEYS: Final = key_table(_NAMES, _IS_LONG)


def flat(raw: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> Cells:
    """The cells of all columns of the object in each of ``raw[start:stop]``; of twins the last one counts."""
    return object_cells(raw, start, stop, _KEYS, sparse=True)


class Said(NamedTuple):
    """What objects say: columns of the schema, the places of their statuses in ``STATUSES`` if any has one (else past
    the last), and in which rows a value was not of its column's type, or outside its range; it is null there."""

    columns: dict[str, pl.Series]
    status: npt.NDArray[np.uint32] | None
    odd: npt.NDArray[np.bool_]


def read_columns(raw: npt.NDArray[np.uint8], cells: Cells, good: npt.NDArray[np.bool_]) -> Said:
    """What the objects say of each column that any of them names, but for those of ``OWN``.

    Rows that are not ``good`` have no values: their cells are emptied.
    """
    groups: dict[int, list[int]] = {kind: [] for kind in range(7)}
    for column in np.flatnonzero(cells.found).tolist():
        if not good.all():
            cells.kind[column, ~good] = NULL
        name = _NAMES[column]
        if name not in OWN:
            groups[_BIG if name in _IS_LONG else _KINDS[name]].append(column)
    odd = np.zeros(len(good), np.bool_)
    made: dict[str, pl.Series] = {}
    for some in (groups[_FLOAT32], groups[_FLOAT64] + groups[_SMALL] + groups[_BOOLEAN]):
        value = np.empty((len(some), len(good)))
        _numbers(np.array(some, np.int64), cells.kind, cells.number, value, odd)
        made |= stacked([_NAMES[c] for c in some], value.astype(np.float32) if some is groups[_FLOAT32] else value)
    made |= _longs(raw, cells, groups[_BIG], odd)
    words, status = _words(raw, cells, groups[_WORD], odd)
    return Said(made | words | _texts(raw, cells, groups[_TEXT], odd), status, odd)


@kernel
def _numbers(columns, kind, number, out, odd):  # type: ignore[no-untyped-def]
    """Numbers, and truths as 0 and 1; NaN where there is none."""
    for k in range(len(columns)):
        column = columns[k]
        truth, whole, low, high = _IS_TRUTH[column], _IS_WHOLE[column], _LOW[column], _HIGH[column]
        for i in range(len(odd)):
            said = kind[column, i]
            out[k, i] = np.nan
            if truth:
                if said in (TRUE, FALSE):
                    out[k, i] = said == TRUE
                    continue
            elif said == NUMBER:
                value = number[column, i]
                if low <= value <= high and (not whole or value == np.floor(value)):
                    out[k, i] = value
                    continue
            if said > NULL:
                odd[i] = True


def _longs(
    raw: npt.NDArray[np.uint8], cells: Cells, columns: list[int], odd: npt.NDArray[np.bool_]
) -> dict[str, pl.Series]:
    """Columns of numbers that do not fit a float."""
    if not columns:
        return {}
    value, good = np.zeros((len(columns), len(odd)), np.uint64), np.zeros((len(columns), len(odd)), np.bool_)
    _whole(raw, np.array(columns, np.int64), cells.kind, cells.first, cells.last, value, good, odd)
    made = {}
    for k, (column, series) in enumerate(zip(columns, slices(value), strict=True)):
        name = _NAMES[column]
        made[name] = only(series.cast(EVERY[name].dtype), good[k]).alias(name)
    return made


@kernel
def _whole(raw, columns, kind, first, last, out, good, odd):  # type: ignore[no-untyped-def]
    """Whole numbers of up to 20 digits without a sign, exactly; ``good`` where it is one."""
    for n in range(len(columns)):
        column = columns[n]
        for i in range(len(odd)):
            size = last[column, i] - first[column, i]
            total, digits = np.uint64(0), 0
            if kind[column, i] == NUMBER and size <= 20:
                for k in range(first[column, i], last[column, i]):
                    c = np.uint64(raw[k]) - np.uint64(48)
                    if raw[k] < 48 or raw[k] > 57 or total > np.uint64(1_844_674_407_370_955_161):
                        break
                    if total == np.uint64(1_844_674_407_370_955_161) and c > np.uint64(5):
                        break
                    total = total * np.uint64(10) + c
                    digits += 1
                if digits == size and total <= _MOST[column]:
                    out[n, i], good[n, i] = total, True
            if kind[column, i] > NULL and not good[n, i]:
                odd[i] = True


def _words(
    raw: npt.NDArray[np.uint8], cells: Cells, columns: list[int], odd: npt.NDArray[np.bool_]
) -> tuple[dict[str, pl.Series], npt.NDArray[np.uint32] | None]:
    """Columns of an Enum, and the places of the statuses."""
    if not columns:
        return {}, None
    place = np.empty((len(columns), len(odd)), np.uint32)
    if _word_places(raw, np.array(columns, np.int64), cells.kind, cells.first, cells.last, place, odd):
        for k, column in enumerate(columns):
            words = _VOCABULARY[_NAMES[column]]
            for i in np.flatnonzero(cells.kind[column] == ESCAPED):
                said = text_of(raw, int(cells.first[column, i]), int(cells.last[column, i]))
                place[k, i] = words.index(said) if said in words else len(words)
                odd[i] |= said not in words
    made, status = {}, None
    for k, (column, series) in enumerate(zip(columns, slices(place), strict=True)):
        name = _NAMES[column]
        made[name] = _SERIES[name][series]
        if name == "status":
            status = place[k]
    return made, status


@kernel
def _word_places(raw, columns, kind, first, last, place, odd):  # type: ignore[no-untyped-def]
    """The place of each word among those of its column, past the last where it is none; is any one escaped?"""
    escaped = False
    for k in range(len(columns)):
        column = columns[k]
        base, count, found = _FIRST_WORD[column], _COUNTS[column], np.int64(0)
        for i in range(len(odd)):
            place[k, i] = count
            if kind[column, i] == STRING:
                low, size = first[column, i], last[column, i] - first[column, i]
                for _ in range(count):  # most are as the one before
                    at = _WORD_AT[base + found]
                    same = _WORD_AT[base + found + 1] - at == size
                    j = 0
                    while same and j < size:
                        same = raw[low + j] == _WORDS[at + j]
                        j += 1
                    if same:
                        place[k, i] = found
                        break
                    found = found + 1 if found + 1 < count else np.int64(0)
            if kind[column, i] == ESCAPED:
                escaped = True
            elif kind[column, i] > NULL and place[k, i] == count:
                odd[i] = True
    return escaped


def _texts(
    raw: npt.NDArray[np.uint8], cells: Cells, columns: list[int], odd: npt.NDArray[np.bool_]
) -> dict[str, pl.Series]:
    """Columns of texts."""
    if not columns:
        return {}
    out = np.empty(len(raw) + 1, np.uint8)  # each has its place among these bytes, with a quote after it
    place = np.empty((len(columns), len(odd)), np.uint32)
    end, count = np.empty(len(columns) + 1, np.int64), np.empty(len(columns), np.int64)
    special = np.zeros(len(columns), np.bool_)
    _lines(raw, np.array(columns, np.int64), cells.kind, cells.first, cells.last, out, end, count, place, special, odd)
    made, places = {}, slices(place)
    for k, column in enumerate(columns):
        name, at = _NAMES[column], slice(end[k], end[k + 1] - 1)
        if special[k]:
            made[name] = texts(raw, cells, column).alias(name)
            odd |= (cells.kind[column] > NULL) & ~known(made[name])
        elif not count[k]:
            made[name] = unknown(name, len(odd))
        elif count[k] == len(odd):
            made[name] = pl.Series(name, out[at].tobytes().decode().split("\n"), dtype=pl.String)
        else:
            said = [*out[at].tobytes().decode().split("\n"), None]
            made[name] = pl.Series(name, said, dtype=pl.String)[places[k]]
    return made


@kernel
def _lines(raw, columns, kind, first, last, out, end, count, place, special, odd):  # type: ignore[no-untyped-def]
    """The texts of each column, each before a line feed, which no text of JSON holds as it is, from ``end`` on.

    ``place``: that of each text among those of its column, past the last where it is none. ``special``: one is escaped.
    """
    at = 0
    for k in range(len(columns)):
        column = columns[k]
        end[k], count[k] = at, 0
        for i in range(len(odd)):
            if kind[column, i] == STRING:
                at = put_name(out, at, raw, np.int64(first[column, i]), np.int64(last[column, i]))
                out[at] = 10
                at += 1
                place[k, i] = count[k]
                count[k] += 1
            elif kind[column, i] == ESCAPED:
                special[k] = True
            elif kind[column, i] > NULL:
                odd[i] = True
        for i in range(len(odd)):
            if kind[column, i] != STRING:
                place[k, i] = count[k]
    end[len(columns)] = at


_OK, _NO_POSITION, _NO_TIME, _OUT_OF_RANGE, _MALFORMED = (
    STATUSES.index(name) for name in ("ok", "no_position", "no_time", "out_of_range", "malformed")
)
_PLAIN: Final = np.array([place in (_OK, _NO_POSITION, _NO_TIME, len(STATUSES)) for place in range(len(STATUSES) + 1)])
_SOURCE_UNKNOWN: Final = _SERIES["source"][SOURCES.index("unknown") : SOURCES.index("unknown") + 1]


def row_table(frames: Frames, said: Said, malformed: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """A row a frame with the columns ``GIVES``, and the status that the writer gave it.

    A status that only says what is there follows from what is there. Of the columns of ``schema.PICTURE`` alone, the
    radii become those that the origin states, where it states none; the others are left out.
    """
    size, made = len(frames), said.columns
    for name, radius in (("accuracy95_m", "radius95_m"), ("height_accuracy95_m", "height95_m")):
        if radius in made:
            made[name] = filled(made[name], made[radius]) if name in made else made[radius].alias(name)

    def lacks(name: str) -> npt.NDArray[np.bool_]:
        return ~known(made[name]) if name in made else np.ones(size, np.bool_)

    status = np.full(size, _OK, np.uint32)
    status[lacks("lat_deg") | lacks("lon_deg")] = _NO_POSITION
    status[lacks("time_ns")] = _NO_TIME
    status[said.odd] = _OUT_OF_RANGE
    if said.status is not None:
        status = np.where(_PLAIN[said.status] | said.odd, status, said.status)
    status[malformed] = _MALFORMED
    source = _SOURCE_UNKNOWN.new_from_index(0, size)
    made["source"] = filled(made["source"], source) if "source" in made else source
    damaged = status == _MALFORMED
    if damaged.any():  # that a row was malformed is all that it says
        sound = pl.Series(~damaged)
        made = {name: only(made[name], sound) for name in GIVES if name in made}
    made["status"] = _SERIES["status"][pl.Series(status)]
    made["offset"] = pl.Series("offset", frames.start.astype(np.uint64))
    made["length"] = pl.Series("length", (frames.stop - frames.start).astype(np.uint32))
    return pl.DataFrame([made[name] if name in made else unknown(name, size) for name in GIVES])


# ---- writing ----


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
    data: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]

    def room(self) -> int:
        """Bytes that no row exceeds, without its texts."""
        return len(self.keys) + len(self.kind) * (max(FLOAT, _LONGEST_WORD) + 3)

    def text_room(self) -> int:
        """Bytes that the texts of all rows do not exceed."""
        return ESCAPED_SIZE * len(self.data)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The arguments of :func:`put_columns` after the row."""
        return (
            self.kind, self.place, self.keys, self.key_at, self.number, self.whole, self.big, self.known,
            self.word, self.data, self.start,
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
    word = codes(table, groups[_WORD])
    for k, name in enumerate(groups[_WORD]):
        word[k, word[k] >= 0] += _FIRST_WORD[_NAMES.index(name)]
    keys = [f',"{name}":' for name in names]
    data, start = wordings(table, groups[_TEXT])
    return Layout(
        np.array(kinds, np.int64), np.array(place, np.int64),
        literal("".join(keys)).copy(), np.cumsum([0, *map(len, keys)]),
        numbers(table, groups[_FLOAT32]), whole, big, known,
        word, data, start,
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
    out, at, i, kind, place, keys, key_at, number, whole, big, known, word, data, start
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
                at = put_name(out, at + 1, _WORDS, _WORD_AT[word[p, i]], _WORD_AT[word[p, i] + 1])
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
