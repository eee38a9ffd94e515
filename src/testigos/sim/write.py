"""Simulated reports as bytes of real formats, written by the links themselves; all of it says SIMULATED."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import polars as pl

from testigos.registry import link
from testigos.units import DAY_S, S_NS

__all__ = ["NOTICE", "encode", "mark_trace", "trace_path", "write_feed", "write_notice", "write_traces"]

NOTICE = """SIMULATED

Nothing in this folder was received from an aircraft. The tracks were computed from an invented plan, the
reports from an invented network of receivers. Addresses, and all call signs that the press did not report,
are invented.
"""


def encode(name: str, reports: pl.DataFrame) -> bytes:
    """The reports as bytes of the link ``name``; raises ``UnknownName``, ``TypeError`` if it only reads."""
    writer = getattr(link(name), "encode", None)
    if writer is None:
        raise TypeError(f"the link {name!r} can only read")
    return cast(bytes, writer(reports))


def _days(reports: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    day = (pl.col("time_ns") // (DAY_S * S_NS)).alias("_day")
    for (number,), rows in reports.with_columns(day).group_by("_day", maintain_order=True):
        yield cast(int, number), rows.drop("_day")


def trace_path(object_id: str, day: int) -> str:
    """Where readsb keeps the trace of an object on a day (days since 1970), below ``globe_history``.

    >>> trace_path("icao:afd021", 20384)
    '2025/10/23/traces/21/trace_full_afd021.json'
    """
    authority, _, address = object_id.partition(":")
    stem = ("~" if authority == "anon" else "") + address
    date = cast(Any, pl.Series([day]).cast(pl.Date)[0])
    return f"{date:%Y/%m/%d}/traces/{address[-2:]}/trace_full_{stem}.json"


def mark_trace(document: bytes, text: str) -> bytes:
    """The trace with ``text`` as its description and ``"simulated":true`` in its header.

    Readers of the format ignore keys that they do not know.
    """
    key = b'"trace":'
    head, found, tail = document.partition(key)
    if not found:
        raise ValueError("no trace in this document")
    mark = b'"desc":' + msgspec.json.encode(text) + b',"simulated":true,\n'
    return head + mark + found + tail


def write_traces(reports: pl.DataFrame, tree: Path, text: str) -> list[Path]:
    """Write gzipped ``trace_full`` files, one an object and UTC day, below ``tree``; returns their paths.

    ``reports`` are of one or more objects, each in the order of time; ``text`` goes into each header and
    should begin with SIMULATED.
    """
    paths = []
    for (object_id,), rows in reports.group_by("object_id", maintain_order=True):
        for day, part in _days(rows):
            path = tree / trace_path(cast(str, object_id), day)
            path.parent.mkdir(parents=True, exist_ok=True)
            document = mark_trace(encode("readsb_trace", part), text)
            # No name and no time in the gzip header: the same bytes on every run.
            path.write_bytes(gzip.compress(document, 6, mtime=0))
            paths.append(path)
    return paths


def write_feed(reports: pl.DataFrame, path: Path, name: str) -> Path:
    """Write all reports in the order of time as one document of the link ``name``, with a notice beside it.

    For formats that hold many objects and have no place for a remark. Raises as :func:`encode`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(name, reports.sort("time_ns", "object_id", maintain_order=True)))
    write_notice(path.parent)
    return path


def write_notice(folder: Path) -> Path:
    """Write ``SIMULATED.txt``."""
    path = folder / "SIMULATED.txt"
    path.write_text(NOTICE, encoding="utf-8")
    return path
