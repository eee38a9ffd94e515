"""Wide tables with many nulls as one Parquet file, a row group at a time.

Polars writes a file in one go and spends as long on a column of nulls as on one of numbers. Here a column without a
value costs some bytes a row group, one of few distinct values is a dictionary with bit-packed indices, and times and
offsets are differences. Nothing is compressed beyond that.

The file appears under its name when it is complete; one that cannot be completed leaves nothing.

Source: Apache Parquet format 2.10 (parquet.thrift, Encodings.md), https://parquet.apache.org/docs/file-format/.
"""

import io
import os
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.buffers import Column, buffers
from testigos.errors import InputError
from testigos.store._pages import dense, dictionary, differences, inline, packed, repeated, telling
from testigos.store._thrift import Struct, varint

__all__ = ["ParquetFile"]

_MAGIC: Final = b"PAR1"
_BOOLEAN, _INT32, _INT64, _FLOAT, _DOUBLE, _BYTE_ARRAY = 0, 1, 2, 4, 5, 6
_UTF8, _UINT8, _UINT16, _UINT32, _UINT64 = 0, 11, 12, 13, 14
_PLAIN, _RLE, _DELTA, _DICTIONARY = 0, 3, 5, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_OPTIONAL: Final = 1
_MOST_DISTINCT: Final = 4096
_BUFFER_BYTES: Final = 1 << 20  # most pages are small
_FEW: Final = 8  # where fewer rows than one in so many have a value, Polars is slow to find them
#: Numbers of 64 bits that grow slowly from row to row, so that their differences are small.
_RISING: Final = ("time_ns", "stamp", "offset")

#: Physical and converted type.
_TYPES: Final[dict[type[pl.DataType], tuple[int, int | None]]] = {
    pl.Boolean: (_BOOLEAN, None),
    pl.UInt8: (_INT32, _UINT8),
    pl.UInt16: (_INT32, _UINT16),
    pl.UInt32: (_INT32, _UINT32),
    pl.UInt64: (_INT64, _UINT64),
    pl.Int64: (_INT64, None),
    pl.Float32: (_FLOAT, None),
    pl.Float64: (_DOUBLE, None),
    pl.String: (_BYTE_ARRAY, _UTF8),
    pl.Enum: (_BYTE_ARRAY, _UTF8),
}

_Numbers = npt.NDArray[Any]


def _levels(rows: int, nulls: int, known: _Numbers | None) -> bytes:
    """Which rows have a value, as definition levels of one bit."""
    if known is None or nulls in (0, rows):
        body = repeated(int(not nulls), rows, 1)
    else:
        body = varint(len(known) << 1 | 1) + known.tobytes()
    return len(body).to_bytes(4, "little") + body


def _texts(values: pl.Series) -> bytes:
    return b"".join(len(data).to_bytes(4, "little") + data for data in (text.encode() for text in values.to_list()))


def _plain(values: _Numbers) -> bytes:
    """Numbers as they are; those of 8 and 16 bits are 32 bits wide in Parquet."""
    return values.astype(np.int32).tobytes() if values.dtype.itemsize < 4 else values.tobytes()


def _indexed(
    keys: _Numbers, text_of: Callable[[_Numbers], bytes], witness: _Numbers | None = None
) -> tuple[int, bytes, int, bytes] | None:
    """Few distinct keys: encoding, page, and size and page of the dictionary that ``text_of`` their places makes.

    Keys that are hashes have a second hash as ``witness``: where it differs for equal keys, there is no dictionary.
    """
    found = dictionary(keys, _MOST_DISTINCT)
    if found is None:
        return None
    indices, first = found
    if witness is not None and not (witness[first][indices] == witness).all():
        return None
    width = (len(first) - 1).bit_length()
    body = packed(indices, width) if width else repeated(0, len(indices), 0)
    return _DICTIONARY, bytes([width]) + body, len(first), text_of(first)


def _strings(known: pl.Series, views: _Numbers) -> tuple[int, bytes, int, bytes]:
    """As ``_encoded``, of texts."""
    if not telling(views):
        found = _indexed(known.hash().to_numpy(), lambda at: _texts(known.gather(at)), known.hash(1).to_numpy())
        return found or (_PLAIN, _texts(known), 0, b"")
    found = _indexed(views, lambda at: inline(views[at]) or _texts(known.gather(at)))
    return found or (_PLAIN, inline(views) or _texts(known), 0, b"")


def _encoded(name: str, kind: pl.DataType, values: _Numbers) -> tuple[int, bytes, int, bytes]:
    """Encoding and page of numbers without nulls, as ``Column`` has them, size and page of their dictionary."""
    if kind == pl.Boolean:
        return _PLAIN, np.packbits(values, bitorder="little").tobytes(), 0, b""
    if isinstance(kind, pl.Enum):
        found = _indexed(values, lambda at: _texts(kind.categories.gather(values[at])))
        return found or (_PLAIN, _texts(kind.categories.gather(values)), 0, b"")
    if name in _RISING:
        return _DELTA, differences(values.view(np.int64)), 0, b""
    if kind == pl.Float64:
        return _PLAIN, values.tobytes(), 0, b""
    return _indexed(values, lambda at: _plain(values[at])) or (_PLAIN, _plain(values), 0, b"")


def _values(series: pl.Series, kind: pl.DataType, column: Column) -> tuple[int, bytes, int, bytes]:
    """As ``_encoded``, of the values that are not null; ``column`` has the buffers of the series."""
    rows, nulls = len(series), series.null_count()
    if nulls == rows:
        return _PLAIN, b"", 0, b""
    if nulls:
        if column.known is not None and kind != pl.String and (rows - nulls) * _FEW < rows:
            return _encoded(series.name, kind, dense(column.values, column.known, rows - nulls))
        known = series.drop_nulls()
        with buffers(known.to_frame()) as (whole,):
            return _values(known, kind, whole)
    return _strings(series, column.values) if kind == pl.String else _encoded(series.name, kind, column.values)


def _page(kind: int, size: int, values: int, encoding: int) -> bytes:
    """The header of a page."""
    told = Struct().i32(1, values).i32(2, encoding)
    if kind == _DATA_PAGE:
        told.i32(3, _RLE).i32(4, _RLE)
    return Struct().i32(1, kind).i32(2, size).i32(3, size).struct(5 if kind == _DATA_PAGE else 7, told.done()).done()


def _arrow_schema(columns: Mapping[str, pl.DataType]) -> bytes:
    """What tells Polars and Arrow the exact types, as Polars writes it."""
    file = io.BytesIO()
    pl.DataFrame(schema=dict(columns)).write_parquet(file)
    file.seek(0)
    return pl.read_parquet_metadata(file)["ARROW:schema"].encode()


class ParquetFile:
    """A Parquet file being written, for a ``with`` block: it is there, whole, once the block is left without an error.

    ``columns``: names and types, of those in ``schema.ALL``. Methods raise ``InputError`` where the disk is full or
    the place cannot be written.
    """

    def __init__(self, path: Path, columns: Mapping[str, pl.DataType]) -> None:
        self._path = path
        self._columns = dict(columns)
        self._types = {name: _TYPES[type(dtype)] for name, dtype in columns.items()}
        self._fresh = path.with_name(f".new-{path.name}")
        self._groups: list[bytes] = []
        self._rows = 0
        self._at = 0
        try:
            self._file = open(self._fresh, "wb", _BUFFER_BYTES)  # noqa: SIM115  (closed in __exit__)
            self._put(_MAGIC)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> InputError:
        return InputError(f"{self._path}: cannot be written: {error.strerror or error}; nothing was left there")

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._at += len(data)

    def add(self, table: pl.DataFrame) -> None:
        """One row group: some 100,000 rows are a good number."""
        if not len(table):
            return
        begin = self._at
        try:
            # an Enum as its codes
            chosen = (
                pl.col(name).to_physical() if isinstance(kind, pl.Enum) else pl.col(name)
                for name, kind in self._columns.items()
            )
            columns = table.select(chosen).rechunk()
            with buffers(columns) as held:
                chunks = [self._chunk(series, column) for series, column in zip(columns, held, strict=True)]
        except OSError as error:
            raise self._refused(error) from error
        self._groups.append(Struct().structs(1, chunks).i64(2, self._at - begin).i64(3, len(table)).done())
        self._rows += len(table)

    def _chunk(self, series: pl.Series, column: Column) -> bytes:
        """Writes a column of a row group; gives its metadata."""
        begin, nulls, rows = self._at, series.null_count(), len(series)
        encoding, values, count, distinct = _values(series, self._columns[series.name], column)
        if count:
            self._put(_page(_DICTIONARY_PAGE, len(distinct), count, _PLAIN) + distinct)
        levels = _levels(rows, nulls, column.known)
        data_at = self._at
        self._put(_page(_DATA_PAGE, len(levels) + len(values), rows, encoding) + levels)
        self._put(values)
        size = self._at - begin
        told = Struct().i32(1, self._types[series.name][0]).i32s(2, sorted({_PLAIN, _RLE, encoding}))
        told.binaries(3, [series.name.encode()]).i32(4, 0).i64(5, rows).i64(6, size).i64(7, size).i64(9, data_at)
        if count:
            told.i64(11, begin)
        statistics = Struct().i64(3, nulls)
        if series.name == "time_ns" and nulls < rows:
            high, low = (np.int64(extreme).tobytes() for extreme in (series.max(), series.min()))  # type: ignore[arg-type]
            statistics.binary(5, high).binary(6, low)
        told.struct(12, statistics.done())
        return Struct().i64(2, begin).struct(3, told.done()).done()

    def _footer(self) -> bytes:
        elements = [Struct().binary(4, b"schema").i32(5, len(self._types)).done()]
        for name, (physical, converted) in self._types.items():
            element = Struct().i32(1, physical).i32(3, _OPTIONAL).binary(4, name.encode())
            elements.append((element if converted is None else element.i32(6, converted)).done())
        arrow = Struct().binary(1, b"ARROW:schema").binary(2, _arrow_schema(self._columns)).done()
        by_type = Struct().struct(1, Struct().done()).done()
        footer = Struct().i32(1, 2).structs(2, elements).i64(3, self._rows).structs(4, self._groups)
        footer.structs(5, [arrow]).binary(6, f"testigos {version('testigos')}".encode())
        data = footer.structs(7, [by_type] * len(self._types)).done()
        return data + len(data).to_bytes(4, "little") + _MAGIC

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._file:
                if kind is None:
                    self._put(self._footer())
                    self._file.flush()
                    os.fsync(self._file.fileno())
            if kind is None:
                os.replace(self._fresh, self._path)
        except OSError as problem:
            if kind is None:
                raise self._refused(problem) from problem
        finally:
            self._fresh.unlink(missing_ok=True)
