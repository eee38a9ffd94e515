"""Tables as lines of JSON, one object a row, what is null left out.

Numbers are written so that the same number is read back; ``segment``, ``offset`` and ``length`` come last. Of each
column the distinct values are written once, and a kernel puts the texts of each row together.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.errors import InputError
from testigos.store._pages import dictionary

__all__ = ["json_lines", "lines_file"]

_LAST: Final = ("segment", "offset", "length")
_SPECIAL: Final = r'["\\\x00-\x1f]'
_MOST_DISTINCT: Final = 4096
_ROWS: Final = 1 << 16  # put together at a time
_NOTHING: Final = -1
_OPEN, _CLOSE, _LINE_END = (ord(c) for c in "{}\n")


def _json(values: pl.Series) -> pl.Series:
    """Each value as JSON."""
    if values.dtype.is_nested():
        return pl.Series([msgspec.json.encode(value).decode() for value in values.to_list()], dtype=pl.String)
    texts = values.cast(pl.String)
    if values.dtype == pl.String or isinstance(values.dtype, pl.Enum):
        if texts.str.contains(_SPECIAL).any():
            return pl.Series([msgspec.json.encode(text).decode() for text in texts.to_list()], dtype=pl.String)
        return pl.select(pl.concat_str(pl.lit('"'), texts, pl.lit('"'))).to_series()
    return texts


def _distinct(dense: pl.Series) -> tuple[npt.NDArray[Any], npt.NDArray[Any]] | None:
    """Number of the distinct value of each, and where each is first; null where there are many."""
    if dense.dtype == pl.String:
        found = dictionary(dense.hash().to_numpy(), _MOST_DISTINCT)
        witness = dense.hash(1).to_numpy()
        return found if found is not None and (witness[found[1]][found[0]] == witness).all() else None
    if dense.dtype.is_nested():
        return None
    values = (dense.to_physical() if isinstance(dense.dtype, pl.Enum) else dense).to_numpy()
    return dictionary(values.view(f"u{values.dtype.itemsize}"), _MOST_DISTINCT)


def _column(series: pl.Series) -> tuple[npt.NDArray[np.int32], pl.Series]:
    """For each row the number of its text or ``_NOTHING``, and the texts: comma, name, value."""
    dense = series.drop_nulls()
    found = _distinct(dense)
    numbers = np.arange(len(dense), dtype=np.int32) if found is None else found[0].astype(np.int32)
    texts = _json(dense if found is None else dense.gather(found[1]))
    codes = np.full(len(series), _NOTHING, np.int32)
    codes[series.is_not_null().to_numpy()] = numbers
    return codes, pl.select(pl.concat_str(pl.lit(f',"{series.name}":'), texts)).to_series()


@njit(cache=True, nogil=True)
def _size(codes, start):  # type: ignore[no-untyped-def]
    total = 3 * codes.shape[1]
    for column in range(codes.shape[0]):
        for code in codes[column]:
            if code >= 0:
                total += start[code + 1] - start[code]
    return total


@njit(cache=True, nogil=True)
def _assemble(codes, start, text, out):  # type: ignore[no-untyped-def]
    """Rows as lines; the comma of a row's first text becomes its brace. Gives the number of bytes."""
    at = 0
    for row in range(codes.shape[1]):
        begin = at
        for column in range(codes.shape[0]):
            code = codes[column, row]
            if code >= 0:
                for k in range(start[code], start[code + 1]):
                    out[at] = text[k]
                    at += 1
        if at == begin:
            at += 1
        out[begin] = _OPEN
        out[at] = _CLOSE
        out[at + 1] = _LINE_END
        at += 2
    return at


def _lines(table: pl.DataFrame) -> bytes:
    known = [name for name in table.columns if table[name].null_count() < len(table)]
    names = [n for n in known if n not in _LAST] + [n for n in _LAST if n in known]
    codes = np.full((len(names), len(table)), _NOTHING, np.int32)
    texts, before = [], 0
    for number, name in enumerate(names):
        own, column_texts = _column(table[name])
        codes[number] = np.where(own >= 0, own + before, _NOTHING)
        before += len(column_texts)
        texts.append(column_texts)
    every = pl.concat(texts) if texts else pl.Series(dtype=pl.String)
    start = np.zeros(len(every) + 1, np.int64)
    np.cumsum(every.str.len_bytes().to_numpy(), out=start[1:])
    text = np.frombuffer("".join(every.to_list()).encode(), np.uint8)
    out = np.empty(_size(codes, start), np.uint8)
    return out[: _assemble(codes, start, text, out)].tobytes()


def json_lines(table: pl.DataFrame) -> bytes:
    r"""The rows as lines of JSON.

    >>> json_lines(pl.DataFrame({"object_id": ["icao:ae503d", None], "alt_baro_ft": [1000.0, None], "length": [9, 8]}))
    b'{"object_id":"icao:ae503d","alt_baro_ft":1000.0,"length":9}\n{"length":8}\n'
    """
    return b"".join(_lines(table[at : at + _ROWS]) for at in range(0, len(table), _ROWS))


@contextmanager
def lines_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that is there, whole, once the block is left without an error. Raises ``InputError``."""
    fresh = path.with_name(f".new-{path.name}")
    try:
        with open(fresh, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}; nothing was left there") from error
    finally:
        fresh.unlink(missing_ok=True)
