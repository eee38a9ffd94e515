"""Rows into a file of a user's choice, as they come: Parquet, or lines of JSON."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

import polars as pl

from testigos.errors import InputError
from testigos.schema import ALL
from testigos.store.lines import json_lines, lines_file
from testigos.store.parquet import ParquetFile

__all__ = ["write_nested", "write_rows"]

_ROW_GROUP: Final = 1 << 17


def _groups(tables: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Tables that are large enough for a row group, the last one aside."""
    held: list[pl.DataFrame] = []
    rows = 0
    for table in tables:
        held.append(table)
        rows += len(table)
        if rows >= _ROW_GROUP:
            yield pl.concat(held) if len(held) > 1 else table
            held, rows = [], 0
    if rows:
        yield pl.concat(held)


def _lines(tables: Iterable[pl.DataFrame], file: IO[bytes], flush: bool) -> None:
    for table in tables:
        file.write(json_lines(table))
        if flush:
            file.flush()


def write_rows(tables: Iterable[pl.DataFrame], out: str, *, live: bool = False) -> None:
    """Rows (columns of ``schema.ALL``, or with ``heard`` as well) into ``*.parquet``, ``*.jsonl`` or ``-``.

    ``-`` is standard output. A file is there whole or not at all, save one of lines that is written ``live``: that one
    grows as rows come. Memory does not grow with the number of rows. Raises ``InputError`` where it cannot be written
    or the name says no format.
    """
    path = Path(out)
    if out == "-":
        _lines(tables, sys.stdout.buffer, live)
        sys.stdout.buffer.flush()
    elif path.suffix == ".parquet":
        with ParquetFile(path, {column.name: column.dtype for column in ALL.values()}) as parquet:
            for group in _groups(tables):
                parquet.add(group)
    elif path.suffix == ".jsonl":
        if live:
            try:
                with path.open("wb") as file:
                    _lines(tables, file, flush=True)
            except OSError as error:
                raise InputError(f"{out}: cannot be written: {error.strerror or error}") from error
        else:
            with lines_file(path) as file:
                _lines(tables, file, flush=False)
    else:
        raise InputError(f"{out}: ends in neither .parquet nor .jsonl, and is not -")


def write_nested(table: pl.DataFrame, out: str) -> None:
    """One table that may have nested columns, otherwise as ``write_rows``."""
    path = Path(out)
    if path.suffix != ".parquet":
        write_rows([table], out)
        return
    with lines_file(path) as file:
        table.write_parquet(file, compression="zstd")
