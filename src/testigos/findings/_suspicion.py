"""Suspicions: what a test of integrity found, and the positions that tests look at.

The rules of each test, and the reason of each threshold, stand in ``integrity``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.findings._integrity import places, strands
from testigos.units import KT_MPS, S_NS

__all__ = ["GROUND", "UNKNOWN_M", "Fixes", "Strands", "Suspicion", "column", "few", "fixes", "radii", "rounded", "runs",
           "stranded"]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

UNKNOWN_M: Final = 1_000.0  #: as in fusion, for a position of unknown quality
GROUND: Final = ("tisb", "radar", "mlat")  #: sources by which somebody else says where an object is


class Suspicion(NamedTuple):
    """What one test found of one object, or of several in a cell. ``rows``: those that decide, in order.

    ``measures``: name → value, low, high (null unknown), unit. ``first``, ``last``: rows that bound it in time.
    """

    test: str
    rows: Ints
    first: int
    last: int
    measures: Mapping[str, tuple[float | None, float | None, float | None, str]]
    details: Mapping[str, Any]
    confidence: float
    subjects: tuple[str, ...]


class Fixes(NamedTuple):
    """Positions, refused ones too, by object and time. ``own``: what aircraft say of themselves."""

    table: pl.DataFrame
    code: Ints
    time_s: Floats
    lat: Floats
    lon: Floats
    xyz: Floats
    radius_m: Floats
    gs_mps: Floats
    course: Floats
    air: Bools
    own: Bools

    def take(self, rows: Ints) -> "Fixes":
        """Only these rows."""
        return Fixes(
            self.table[rows], self.code[rows], self.time_s[rows], self.lat[rows], self.lon[rows], self.xyz[rows],
            self.radius_m[rows], self.gs_mps[rows], self.course[rows], self.air[rows], self.own[rows],
        )  # fmt: skip

    def name(self, row: int) -> str:
        """The object of a row."""
        return str(self.table["object_id"][int(row)])


def column(table: pl.DataFrame, name: str) -> Floats:
    """A column as numbers, NaN where null."""
    return table[name].cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)


def fixes(tracks: pl.DataFrame, start_ns: int | None, end_ns: int | None) -> Fixes:
    """Positions that are usable, or that fusion refused as repeated or out of reach, in a half-open window."""
    keep = pl.col("status").is_in(["ok", "repeated", "unreachable"]) & pl.col("lat_deg").is_not_null()
    keep &= pl.col("lon_deg").is_not_null() & (pl.col("source") != "estimated").fill_null(True)
    if start_ns is not None:
        keep &= pl.col("time_ns") >= start_ns
    if end_ns is not None:
        keep &= pl.col("time_ns") < end_ns
    table = tracks.filter(keep)
    time_ns = table["time_ns"].to_numpy()
    lat, lon = table["lat_deg"].to_numpy().astype(np.float64), table["lon_deg"].to_numpy().astype(np.float64)
    return Fixes(
        table,
        table["object_id"].rle_id().to_numpy().astype(np.int64) if len(table) else np.zeros(0, np.int64),
        (time_ns - (int(time_ns.min()) if len(time_ns) else 0)) / S_NS,
        lat,
        lon,
        places(lat, lon),
        column(table, "radius95_m"),
        column(table, "gs_kt") * KT_MPS,
        column(table, "track_deg"),
        ~table["on_ground"].fill_null(False).to_numpy(),
        ~table["source"].cast(pl.String).is_in(GROUND).fill_null(False).to_numpy(),
    )


def runs(values: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Where equal neighbours begin and end."""
    if not len(values):
        return
    edges = np.concatenate(([0], np.flatnonzero(values[1:] != values[:-1]) + 1, [len(values)]))
    yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def few(rows: Ints, most: int = 16) -> Ints:
    """Some of the rows, evenly, the first and the last among them."""
    if len(rows) <= most:
        return rows
    return rows[np.unique(np.round(np.linspace(0, len(rows) - 1, most)).astype(np.int64))]


def rounded(value: float, digits: int = 1) -> float:
    """A plain number for a measure."""
    return round(float(value), digits)


def radii(f: Fixes) -> Floats:
    """The 95 % radius of each position, ``UNKNOWN_M`` where nothing says."""
    return np.where(np.isfinite(f.radius_m), f.radius_m, UNKNOWN_M)


class Strands(NamedTuple):
    """Positions as strands: the strand of each row; of each strand its object, first and last row, how many rows."""

    of: Ints
    excess_m: Floats
    object: Ints
    first: Ints
    last: Ints
    size: Ints


def stranded(f: Fixes) -> Strands:
    """The strands of positions, with twice the radius of each as its slack, as in fusion."""
    of, excess = strands(f.code, f.time_s, f.xyz, 2.0 * radii(f))
    count = len(excess)
    first, last = np.full(count, len(of), np.int64), np.zeros(count, np.int64)
    np.minimum.at(first, of, np.arange(len(of)))
    np.maximum.at(last, of, np.arange(len(of)))
    return Strands(of, excess, f.code[first], first, last, np.bincount(of, minlength=count))
