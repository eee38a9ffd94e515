"""Columns of a table as matrices, so that a kernel that writes rows has few arguments, always of the same types.

A kernel is compiled again for each combination of arrays that may and may not be written; these all may. Nothing here
goes through a query of Polars, which costs more than the rows of a small batch.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.buffers import buffers
from testigos.kernels import kernel
from testigos.schema import ALL, PICTURE

__all__ = ["UNKNOWN", "Texts", "addresses", "codes", "has", "numbers", "texts", "whole_numbers"]

UNKNOWN: Final = -1  #: for null among codes, times and other whole numbers
_ENUMS: Final = {name: column.dtype for name, column in (ALL | PICTURE).items() if column.dtype == pl.Enum}
_INLINE: Final = 12  # bytes that an Arrow view holds itself


class Texts(NamedTuple):
    """Texts of K columns by N rows as UTF-8: that of a cell is ``data[start[k, i]:start[k, i + 1]]``; null is empty."""

    data: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]


def numbers(table: pl.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Columns of numbers, (K, N); null, NaN and what is missing are NaN.

    >>> numbers(pl.DataFrame({"a": [1, None]}), ["a", "b"]).tolist()
    [[1.0, nan], [nan, nan]]
    """
    made = np.empty((len(names), len(table)))
    given = set(table.columns)
    for k, name in enumerate(names):
        if name in given:
            held = table.get_column(name)
            value = held.to_numpy()
            made[k] = value if value.dtype.kind in "fiu" else held.cast(pl.Float64).to_numpy()
        else:
            made[k] = np.nan
    return made


def codes(table: pl.DataFrame, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Columns of Booleans, small whole numbers, or names of an Enum (its code), (K, N); null is ``UNKNOWN``.

    >>> codes(pl.DataFrame({"a": [True, None]}), ["a", "b"]).tolist()
    [[1, -1], [-1, -1]]
    """
    made = np.full((len(names), len(table)), UNKNOWN, np.int64)
    given = set(table.columns)
    words = [k for k, name in enumerate(names) if name in _ENUMS and name in given]
    if words and len(table):
        made[words] = _words([table.get_column(names[k]) for k in words])
    for k, name in enumerate(names):
        if name in given and name not in _ENUMS:
            value = table.get_column(name).cast(pl.Float64).to_numpy()
            known = ~np.isnan(value)
            made[k, known] = value[known]
    return made


def _words(held: Sequence[pl.Series]) -> npt.NDArray[np.int64]:
    """Codes of Enums; a column of texts, of a table that was not made by the schema, becomes one."""
    with buffers(pl.DataFrame(held).rechunk()) as columns:
        if all(column.values.ndim == 1 for column in columns):
            rows = len(held[0])
            return np.array([np.where(has(c.known, rows), c.values.astype(np.int64), UNKNOWN) for c in columns])
    return _words([series.cast(_ENUMS[series.name], strict=False) for series in held])


def whole_numbers(table: pl.DataFrame, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Columns of whole numbers that are not negative and may be long, such as times, (K, N); null is ``UNKNOWN``.

    >>> whole_numbers(pl.DataFrame({"a": [1_761_242_592_500_000_001, None]}), ["a"]).tolist()
    [[1761242592500000001, -1]]
    """
    made = np.full((len(names), len(table)), UNKNOWN, np.int64)
    given = set(table.columns)
    for k, name in enumerate(names):
        if name not in given:
            continue
        held = table.get_column(name)
        held = held if held.dtype == pl.Int64 else held.cast(pl.Int64)
        if not held.null_count():
            made[k] = held.to_numpy()
            continue
        with buffers(held.rechunk().to_frame()) as (column,):
            known = has(column.known, len(table))
            made[k, known] = column.values.view(np.int64)[known]
    return made


def has(known: npt.NDArray[np.uint8] | None, rows: int) -> npt.NDArray[np.bool_]:
    """Which rows have a value, of the bits of a buffer."""
    if known is None:
        return np.ones(rows, np.bool_)
    return np.unpackbits(known, count=rows, bitorder="little").view(np.bool_)


def texts(table: pl.DataFrame, names: Sequence[str]) -> Texts:
    """Columns of texts.

    >>> data, start = texts(pl.DataFrame({"a": ["xy", None, "z"]}), ["a", "b"])
    >>> data.tobytes(), start.tolist()
    (b'xyz', [[0, 2, 2, 3], [3, 3, 3, 3]])
    """
    size = len(table)
    start = np.zeros((len(names), size + 1), np.int64)
    given = set(table.columns)
    present = [n for n in names if n in given]
    if not size or not present:
        return Texts(np.zeros(0, np.uint8), start)
    held = pl.DataFrame([s if s.dtype == pl.String else s.cast(pl.String) for s in map(table.get_column, present)])
    parts: list[npt.NDArray[np.uint8]] = []
    at = 0
    with buffers(held.rechunk() if held.n_chunks() > 1 else held) as columns:
        found = dict(zip(present, columns, strict=True))
        for k, name in enumerate(names):
            column = found.get(name)
            if column is None:
                start[k] = at
                continue
            known = np.zeros(0, np.uint8) if column.known is None else column.known.copy()
            views = column.values if column.values.flags.writeable else column.values.copy()
            longest = _measure(views, known, start[k], at)
            data = np.empty(int(start[k, -1]) - at, np.uint8)
            if longest <= _INLINE:
                _gather(views, start[k], at, data)
            else:  # the texts are somewhere else in memory
                data[:] = np.frombuffer("".join(t or "" for t in held[name].to_list()).encode(), np.uint8)
            parts.append(data)
            at += len(data)
    return Texts(np.concatenate(parts), start)


@kernel
def _measure(views, known, start, at):  # type: ignore[no-untyped-def]
    """Where each text begins; gives the length of the longest one."""
    longest = np.int64(0)
    start[0] = at
    for i in range(len(views)):
        size = np.int64(views[i, 0] & np.uint64(0xFFFFFFFF))
        if len(known) > 0 and not known[i >> 3] >> (i & 7) & 1:
            size = np.int64(0)
        if size > longest:
            longest = size
        at += size
        start[i + 1] = at
    return longest


@kernel
def _gather(views, start, base, data):  # type: ignore[no-untyped-def]
    """The texts that their views hold whole: a length of four bytes, then twelve bytes of text."""
    for i in range(len(views)):
        at, size = start[i] - base, start[i + 1] - start[i]
        first, second = views[i, 0], views[i, 1]
        for k in range(size):
            half = first >> np.uint64(32 + 8 * k) if k < 4 else second >> np.uint64(8 * (k - 4))
            data[at + k] = np.uint8(half & np.uint64(0xFF))


def addresses(said: Texts, column: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """24-bit addresses of object ids, ``UNKNOWN`` where they name none, and which are not ICAO's.

    >>> table = pl.DataFrame({"object_id": ["icao:ae503d", "anon:2a1b3c", "mmsi:366730000", None]})
    >>> [a.tolist() for a in addresses(texts(table, ["object_id"]))]
    [[11423805, 2759484, -1, -1], [False, True, False, False]]
    """
    found = np.full(said.start.shape[1] - 1, UNKNOWN, np.int64)
    anonymous = np.zeros(len(found), np.bool_)
    _addresses(said.data, said.start[column], found, anonymous)
    return found, anonymous


@kernel
def _addresses(data, start, found, anonymous):  # type: ignore[no-untyped-def]
    for i in range(len(found)):
        at = start[i]
        if start[i + 1] - at != 11 or data[at + 4] != 58:
            continue
        icao = data[at] == 105 and data[at + 1] == 99 and data[at + 2] == 97 and data[at + 3] == 111
        anon = data[at] == 97 and data[at + 1] == 110 and data[at + 2] == 111 and data[at + 3] == 110
        value = np.int64(0)
        for k in range(at + 5, at + 11):
            c = np.int64(data[k])
            digit = c - 48 if 48 <= c <= 57 else c - 87 if 97 <= c <= 102 else -1
            value = value << 4 | digit if digit >= 0 and value >= 0 else np.int64(-1)
        if value >= 0 and (icao or anon):
            found[i] = value
            anonymous[i] = anon
