"""Reports to tracks: one table, sorted by object and time, nothing dropped but exact repetitions of a frame."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.fuse.carried import carried
from testigos.fuse.legs import legs
from testigos.fuse.quality import with_radii
from testigos.fuse.reach import reachable
from testigos.fuse.receivers import Clock, heard_by_many, merged_with_notes
from testigos.schema import REPORTS, TRACKS, conform
from testigos.units import KT_MPS

__all__ = ["TracksNotes", "callsign_numbers", "fixes", "tracks"]

_REPEATED_M = 500.0  # own rule: by its own speed an object is so far from a position that is said again
_UNKNOWN_SLACK_M = 1_000.0  # how far a position of unknown quality may be off before it counts as unreachable


@dataclass(frozen=True)
class TracksNotes:
    """What fusion did to the rows: how many came, were repeated frames, duplicates, unreachable.

    ``heard_again``: rows of a transmission that another receiver's row stands for; ``clocks``: of receivers whose
    reports were merged; ``positions_repeated``: positions said again after the object must have left them.
    """

    reports: int
    repeated_frames: int
    duplicates: int
    unreachable: int
    heard_again: int = 0
    clocks: tuple[Clock, ...] = ()
    positions_repeated: int = 0


def fixes(table: pl.DataFrame) -> pl.DataFrame:
    """Only the rows that are positions one may use."""
    return table.filter(pl.col("status") == "ok")


def callsign_numbers(table: pl.DataFrame) -> npt.NDArray[np.int64]:
    """A number for each call sign, the last one known carried on within its object; -1 before any is known."""
    known = pl.col("callsign").forward_fill().over("object_id")
    return table.select(known.rank("dense").cast(pl.Int64).fill_null(-1)).to_series().to_numpy()


def _repeated(table: pl.DataFrame) -> pl.Series:
    """Positions said again, to the digit, when the object must be far from them by the speed that it says."""
    place = ["object_id", "lat_deg", "lon_deg"]
    since_s = (pl.col("time_ns") - pl.col("time_ns").first().over(pl.struct(place).rle_id())) * 1e-9
    far = since_s * pl.col("gs_kt").cast(pl.Float64) * KT_MPS > _REPEATED_M
    usable = table.with_row_index("row").filter(pl.col("status") == "ok")
    rows = usable.filter(far.fill_null(False))["row"]
    return pl.int_range(len(table), eager=True, dtype=pl.UInt32).is_in(rows.implode())


def _mark(table: pl.DataFrame, status: str, rows: np.ndarray) -> pl.DataFrame:
    marked = pl.Series("row", rows)
    return table.with_columns(
        pl.when(marked).then(pl.lit(status, REPORTS["status"].dtype)).otherwise(pl.col("status")).alias("status")
    )


def tracks(reports: pl.DataFrame, *, assume_radius_m: float | None = None) -> tuple[pl.DataFrame, TracksNotes]:
    """Tracks of all objects in ``reports`` (columns of ``schema.REPORTS``), and what was done to get them.

    The result has the columns of ``schema.TRACKS``, sorted by object, time and frame, whatever the order of
    the input. A row is never dropped unless it is the same frame read twice; receivers that heard the same
    transmission are in the ``heard`` of one row. Rows without object or time stay out of tracks: they are in the
    account of the reading.
    """
    table = conform(reports).filter(pl.col("object_id").is_not_null() & pl.col("time_ns").is_not_null())
    came = len(table)
    frame = ["segment", "offset", "object_id", "time_ns"]
    table = table.unique(subset=frame, keep="any", maintain_order=False) if table["segment"].count() else table
    repeated = came - len(table)
    heard_again = 0
    clocks: tuple[Clock, ...] = ()
    if heard_by_many(table):
        table, told = merged_with_notes(table)
        heard_again, clocks = told.came - told.left, told.clocks
    table = with_radii(carried(table), assume_radius_m)
    # the better of two reports of one instant goes first, so that it is the other that is the duplicate
    table = table.sort(
        "object_id", "time_ns", pl.col("radius95_m").fill_null(1e9), "segment", "offset", maintain_order=True
    )
    usable = pl.col("status") == "ok"
    double = table.select(
        usable
        & pl.struct("object_id", "time_ns", "lat_deg", "lon_deg", usable.alias("usable")).is_first_distinct().not_()
    ).to_series()
    table = _mark(table, "duplicate", double.to_numpy())
    again = _repeated(table)
    table = _mark(table, "repeated", again.to_numpy())

    rows = table.select(usable.arg_true()).to_series().to_numpy()
    ok = table[rows]
    code = ok["object_id"].rle_id().to_numpy().astype(np.uint32)
    time_ns = ok["time_ns"].to_numpy()
    lat, lon = ok["lat_deg"].to_numpy(), ok["lon_deg"].to_numpy()
    slack = ok["radius95_m"].fill_null(_UNKNOWN_SLACK_M).cast(pl.Float64).to_numpy() * 2.0
    keep = reachable(code, time_ns, lat, lon, np.ascontiguousarray(slack))
    lost = np.zeros(len(table), np.bool_)
    lost[rows[~keep]] = True
    table = _mark(table, "unreachable", lost)

    kept = ok.filter(pl.Series(keep))
    number = legs(
        code[keep],
        time_ns[keep],
        lat[keep],
        lon[keep],
        kept.select(pl.coalesce("alt_baro_ft", "alt_msl_ft", "alt_geom_ft")).to_series().fill_null(np.nan).to_numpy(),
        kept["on_ground"].fill_null(False).to_numpy(),
        kept["new_leg"].fill_null(False).to_numpy(),
        callsign_numbers(kept),
    )
    leg = np.full(len(table), -1, np.int64)
    leg[rows[keep]] = number
    table = table.with_columns(pl.Series("leg", leg).replace(-1, None).cast(pl.UInt32).alias("leg")).with_columns(
        # a row without a usable position belongs to the leg of the fix before it
        pl.col("leg").forward_fill().over("object_id").fill_null(0)
    )
    notes = TracksNotes(
        came, repeated, int(double.sum()), int(lost.sum()), heard_again, clocks, positions_repeated=int(again.sum())
    )
    return conform(table, TRACKS), notes
