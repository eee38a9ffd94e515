"""Simulated reports as bytes of real formats, written by the links themselves; all of it says SIMULATED."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import polars as pl

from testigos.registry import link
from testigos.units import DAY_S, S_NS

__all__ = ["NOTICE", "encode", "trace_path", "write_notice", "write_traces"]

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


def write_traces(reports: pl.DataFrame, tree: Path) -> list[Path]:
    """Write gzipped ``trace_full`` files, one an object and UTC day, below ``tree``; returns their paths.

    ``reports`` are of one or more objects, each in the order of time. Each header says ``"simulated":true``.
    """
    paths = []
    for (object_id,), rows in reports.group_by("object_id", maintain_order=True):
        for day, part in _days(rows):
            path = tree / trace_path(cast(str, object_id), day)
            path.parent.mkdir(parents=True, exist_ok=True)
            document = encode("readsb_trace", part.with_columns(pl.lit(True).alias("simulated")))
            # No name and no time in the gzip header: the same bytes on every run.
            path.write_bytes(gzip.compress(document, 6, mtime=0))
            paths.append(path)
    return paths


def write_notice(folder: Path) -> Path:
    """Write ``SIMULATED.txt``."""
    path = folder / "SIMULATED.txt"
    path.write_text(NOTICE, encoding="utf-8")
    return path
