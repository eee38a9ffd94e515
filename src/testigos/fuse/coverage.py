"""What could be heard where: the minutes in which aircraft were about, and those in which they were heard.

A day of everybody is thinned to one row for each object and minute. Between two minutes in which an object was heard,
``BRIDGE_MIN`` apart at most, it was there unheard; and one that was lost in cruise was there unheard for another
``BEYOND_MIN``, straight on, for nothing lands from there in that time. So holes and edges of what receivers reach show
up as minutes present and not heard. Where nobody is known to have been, nothing is known of reception.

Cells are half a degree of latitude high and about as wide (30 nautical miles, four minutes of a jet), counts are of
``BIN_MIN`` minutes. All of it is linear in the rows, and thinned tables add up in any order. Own rules; how good the
judgements are is measured in bench/gap_class.py.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.units import S_NS

__all__ = [
    "BEYOND_MIN", "BIN_MIN", "MINUTE_NS", "Cover", "Reception", "altitude_ft", "cells", "counted", "cover",
    "heard_minutes", "joined", "level_of", "present", "reception", "ring",
]  # fmt: skip

MINUTE_NS: Final = 60 * S_NS
BIN_MIN: Final = 2  #: minutes that are counted together
PERIOD_BINS: Final = 5  #: ten minutes in one cell go together: who is deaf or shadowed there is so throughout
BRIDGE_MIN: Final = 45  #: longer silences are crossed by unknown ways
BEYOND_MIN: Final = 10
AROUND_BINS: Final = 15  #: half an hour before and after, where the minutes themselves tell too little
OTHERS: Final = 2  #: fewer of them say nothing of a place
#: Lower bounds of the altitude bands, in feet. Who is heard low is in line of sight higher up too; not the reverse.
LEVELS_FT: Final = (3_000.0, 10_000.0, 18_000.0, 28_000.0)
CRUISE: Final = 2  #: the band from which on nothing lands in ``BEYOND_MIN``
_HIGHEST: Final = len(LEVELS_FT)
_STEP_DEG: Final = 0.5
_RING: Final = 2  # cells on each side that tell whether receivers worked at all
_ALTITUDES: Final = ("alt_baro_ft", "alt_msl_ft", "alt_geom_ft")

_HEARD: Final = pl.Schema(
    {
        "object": pl.UInt64, "minute": pl.Int32, "south": pl.Float32, "north": pl.Float32, "west": pl.Float32,
        "east": pl.Float32, "level": pl.Int8, "mlat": pl.Boolean, "reports": pl.UInt32,
    }
)  # fmt: skip
_KEYS: Final = ("mlat", "band", "column", "level", "bin", "object")

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def _across(band: npt.NDArray[np.generic], step_deg: float = _STEP_DEG) -> Floats:
    """How many cells there are in each band."""
    return np.maximum(np.round(360.0 / step_deg * np.cos(np.radians((band.astype(float) + 0.5) * step_deg))), 1.0)


def cells(lat_deg: Floats, lon_deg: Floats, step_deg: float = _STEP_DEG) -> tuple[Ints, Ints]:
    """Band of latitude and column (N,) of the cells in which positions (N,) lie, each about as wide as high.

    With steps of one degree a cell has 12,300 km², as much as the hexagons of H3 at resolution 3.
    """
    band = np.clip(np.floor(lat_deg / step_deg), -90.0 / step_deg, 90.0 / step_deg - 1.0)
    many = _across(band, step_deg)
    column = np.minimum(np.floor((lon_deg + 180.0) % 360.0 / 360.0 * many), many - 1.0)
    return band.astype(np.int64), column.astype(np.int64)


def ring(band: Ints, column: Ints) -> tuple[Ints, Ints]:
    """The cells of (N,) and those around them, each once."""
    lat, lon = (band + 0.5) * _STEP_DEG, (column + 0.5) * 360.0 / _across(band) - 180.0
    found = []
    for up in range(-_RING, _RING + 1):
        north = np.clip(lat + up * _STEP_DEG, -89.75, 89.75)
        wide = 360.0 / _across(np.floor(north / _STEP_DEG))
        found += [np.stack(cells(north, lon + aside * wide)) for aside in range(-_RING, _RING + 1)]
    every = np.unique(np.concatenate(found, axis=1), axis=1) if found else np.empty((2, 0), np.int64)
    return every[0], every[1]


def level_of(alt_ft: pl.Expr) -> pl.Expr:
    """The band of an altitude: 0 below 3,000 ft to 4 from 28,000 ft; null where unknown."""
    first, *rest = [(alt_ft >= edge).cast(pl.Int8) for edge in LEVELS_FT]
    for one in rest:
        first = first + one
    return first


def altitude_ft(columns: Sequence[str]) -> pl.Expr:
    """The first altitude that is known, whatever it refers to: bands are thousands of feet high."""
    known = [pl.col(name).cast(pl.Float64) for name in _ALTITUDES if name in columns]
    return pl.coalesce(known) if known else pl.lit(None, pl.Float64)


def heard_minutes(reports: pl.DataFrame) -> pl.DataFrame:
    """For each object and minute with a position in the air: the box of its positions, altitude band, reports.

    ``reports``: columns of ``schema.REPORTS``. ``object`` is a hash of ``object_id``; ``mlat``: nothing but
    multilaterated positions. Who tells no altitude counts as high up, where it vouches for the fewest.
    """
    airborne = ~pl.col("on_ground").fill_null(False) if "on_ground" in reports.columns else pl.lit(True)
    mlat = (pl.col("source") == "mlat").fill_null(False) if "source" in reports.columns else pl.lit(False)
    return (
        reports.lazy()
        .filter(airborne)
        .drop_nulls(["object_id", "time_ns", "lat_deg", "lon_deg"])
        .select(
            pl.col("object_id").hash().alias("object"),
            (pl.col("time_ns") // MINUTE_NS).cast(pl.Int32).alias("minute"),
            pl.col("lat_deg").cast(pl.Float32).alias("lat"),
            pl.col("lon_deg").cast(pl.Float32).alias("lon"),
            level_of(altitude_ft(reports.columns)).fill_null(_HIGHEST).cast(pl.Int8).alias("level"),
            mlat.alias("mlat"),
        )
        .group_by("object", "minute")
        .agg(
            pl.col("lat").min().alias("south"),
            pl.col("lat").max().alias("north"),
            pl.col("lon").min().alias("west"),
            pl.col("lon").max().alias("east"),
            pl.col("level").max(),
            pl.col("mlat").all(),
            pl.len().cast(pl.UInt32).alias("reports"),
        )
        .collect()
    )


def joined(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Tables of ``heard_minutes`` as one, sorted by object and minute."""
    return (
        pl.concat([pl.DataFrame(schema=_HEARD), *tables])
        .group_by("object", "minute")
        .agg(
            pl.col("south").min(),
            pl.col("north").max(),
            pl.col("west").min(),
            pl.col("east").max(),
            pl.col("level").max(),
            pl.col("mlat").all(),
            pl.col("reports").sum(),
        )
        .sort("object", "minute")
    )


def present(heard: pl.DataFrame) -> pl.DataFrame:
    """Every minute in which each object was about: object, minute, lat_deg, lon_deg, level, mlat, heard.

    ``heard``: as ``joined`` gives it. ``mlat`` is true of all minutes of an object that was mostly multilaterated.
    Nobody is present before the first minute of all, nor after the last.
    """
    lat, lon, minute = pl.col("lat_deg"), pl.col("lon_deg"), pl.col("minute")
    wide = pl.col("east") - pl.col("west") > 180.0  # a minute over the antimeridian
    east = pl.col("east").cast(pl.Float64)
    rows = heard.sort("object", "minute").select(
        "object",
        "minute",
        ((pl.col("south").cast(pl.Float64) + pl.col("north")) / 2.0).alias("lat_deg"),
        pl.when(wide).then(east).otherwise((pl.col("west") + east) / 2.0).alias("lon_deg"),
        "level",
        (pl.col("mlat").mean() > 0.5).over("object").alias("mlat"),
    )

    def beside(other: int) -> pl.DataFrame:
        """The way from each row to the object's next (-1) or from the one before (1), and minutes between."""
        there = [c.shift(other).over("object") for c in (lat, lon, minute, pl.col("level"))]
        return rows.with_columns(
            (there[0] - lat).alias("dlat"),
            ((there[1] - lon + 540.0) % 360.0 - 180.0).alias("dlon"),
            (there[2] - minute).abs().alias("step"),
            there[3].alias("there"),
        )

    after, before = beside(-1), beside(1)
    hole = after.filter(pl.col("step").is_between(2, BRIDGE_MIN)).with_columns(
        pl.int_ranges(1, pl.col("step")).alias("k"), pl.min_horizontal("level", "there").alias("level")
    )
    unheard = [hole.explode("k").with_columns((pl.col("k") / pl.col("step")).alias("part"))]
    for own, other, sign in ((before, after, 1), (after, before, -1)):  # on from the last minute; back from the first
        alone = other["step"].is_null() | (other["step"] > BRIDGE_MIN)
        ends = own.filter(alone & (own["level"] >= CRUISE) & own["step"].is_between(1, 3))
        ends = ends.with_columns(pl.lit(list(range(1, BEYOND_MIN + 1)), pl.List(pl.Int64)).alias("k")).explode("k")
        ends = ends.with_columns((-pl.col("k") / pl.col("step")).alias("part"), pl.col("k") * sign)
        unheard.append(ends)
    names = ("object", "minute", "lat_deg", "lon_deg", "level", "mlat", "dlat", "dlon", "k", "part")
    filled = (
        pl.concat([t.select(pl.col(n).cast(pl.Int64) if n == "k" else n for n in names) for t in unheard])
        .with_columns(
            (minute + pl.col("k")).cast(pl.Int32).alias("minute"),
            (lat + pl.col("part") * pl.col("dlat")).clip(-90.0, 90.0).alias("lat_deg"),
            ((lon + pl.col("part") * pl.col("dlon") + 540.0) % 360.0 - 180.0).alias("lon_deg"),
            pl.lit(False).alias("heard"),
        )
        .select(*names[:6], "heard")
        .filter(minute.is_between(rows["minute"].min(), rows["minute"].max()))
    )
    return pl.concat([rows.with_columns(pl.lit(True).alias("heard")), filled])


def counted(minutes: pl.DataFrame) -> pl.DataFrame:
    """Minutes present and minutes heard of each object by cell, band of altitude and ``BIN_MIN`` minutes; sorted."""
    band, column = cells(minutes["lat_deg"].to_numpy(), minutes["lon_deg"].to_numpy())
    return (
        minutes.with_columns(
            pl.Series("band", band, pl.Int16),
            pl.Series("column", column, pl.Int16),
            (pl.col("minute") // BIN_MIN).alias("bin"),
        )
        .group_by(_KEYS)
        .agg(pl.len().cast(pl.UInt16).alias("minutes"), pl.col("heard").sum().cast(pl.UInt16))
        .sort(_KEYS)
    )


class _Cell(NamedTuple):
    level: Ints
    bin: Ints
    object: npt.NDArray[np.uint64]
    minutes: Floats
    heard: Floats


#: Counts by multilateration or not, band and column of the cell.
Cover = Mapping[tuple[bool, int, int], _Cell]


def cover(counts: pl.DataFrame) -> Cover:
    """``counted`` rows, to look things up in; each cell by its bins."""
    found = {}
    by_bin = counts.sort("bin", maintain_order=True)
    for key, part in by_bin.partition_by("mlat", "band", "column", as_dict=True, maintain_order=True).items():
        mlat, band, column = key
        found[bool(mlat), int(band), int(column)] = _Cell(
            part["level"].to_numpy().astype(np.int64),
            part["bin"].to_numpy().astype(np.int64),
            part["object"].to_numpy(),
            part["minutes"].to_numpy().astype(np.float64),
            part["heard"].to_numpy().astype(np.float64),
        )
    return found


class Reception(NamedTuple):
    """What is known of reception in some minutes of a path.

    ``expected_min``, ``doubt_min``: minutes in which it should have been heard, and their standard deviation;
    ``known_min`` of how many anything is known; ``share`` of the minutes of others in which they were heard, null
    where there were none; ``chance`` that one like them is not heard at all; ``others``: how many they are.
    ``during`` and ``around``: the share of their minutes in which the ``about`` others of all cells near were heard,
    in these minutes and half an hour before and after.
    """

    expected_min: float
    doubt_min: float
    known_min: int
    others: int
    chance: float
    share: float | None
    during: float | None
    around: float | None
    about: int


@lru_cache(maxsize=65_536)
def _ring_of(band: int, column: int) -> tuple[tuple[int, int], ...]:
    return tuple(zip(*(c.tolist() for c in ring(np.array([band]), np.array([column]))), strict=True))


def _rows(cell: _Cell, rows: slice | Ints) -> _Cell:
    return _Cell(cell.level[rows], cell.bin[rows], cell.object[rows], cell.minutes[rows], cell.heard[rows])


def _within(cell: _Cell, first: int, last: int) -> _Cell:
    """The bins from ``first`` to ``last``."""
    low, high = np.searchsorted(cell.bin, (first, last + 1)).tolist()
    return _rows(cell, slice(low, high))


def _without(parts: Sequence[_Cell], own: npt.NDArray[np.uint64]) -> _Cell:
    """Parts as one, by bin, without some objects."""
    one = _Cell(
        np.concatenate([p.level for p in parts]),
        np.concatenate([p.bin for p in parts]),
        np.concatenate([p.object for p in parts]),
        np.concatenate([p.minutes for p in parts]),
        np.concatenate([p.heard for p in parts]),
    )
    rows = np.flatnonzero(~np.isin(one.object, own))
    return _rows(one, rows[np.argsort(one.bin[rows], kind="stable")])


def _of_others(part: _Cell, rows: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.uint64], Floats, Floats]:
    """Objects, their minutes present and minutes heard in some rows of a cell."""
    names, which = np.unique(part.object[rows], return_inverse=True)
    minutes, heard = (np.bincount(which, x[rows], len(names)).astype(np.float64) for x in (part.minutes, part.heard))
    return names, minutes, heard


def reception(
    known: Cover,
    own: Sequence[int],
    lat_deg: Floats,
    lon_deg: Floats,
    level: Ints,
    minute: Ints,
    *,
    mlat: bool,
    share: float,
) -> Reception:
    """What others tell of reception at positions, bands of altitude and minutes (N,); ``own`` (hashes: it
    and its company) are left out.

    ``share``: of the minutes before and after, in how many the object itself was heard. In one cell all of ten
    minutes are taken to go together: one who flies through a cell's deaf half is unheard for all of it. The chance of
    silence there is the mean over the others and one more who is heard half of the time, in the worst of its bins;
    cells and tens of minutes multiply.
    """
    band, column = cells(lat_deg, lon_deg)
    bins = minute // BIN_MIN
    blocks = np.stack([band, column, bins]) if len(band) else np.empty((3, 0), np.int64)
    every, which, size = np.unique(blocks, axis=1, return_inverse=True, return_counts=True)
    which = which.ravel()
    expected = variance = minutes_of = heard_of = 0.0
    known_min = 0
    worst: dict[tuple[int, int, int], float] = {}
    names: set[int] = set()
    near_by: set[int] = set()
    mine = np.array(own, np.uint64)
    about: dict[tuple[int, int], tuple[_Cell | None, _Cell | None]] = {}
    during, around = np.zeros(2), np.zeros(2)
    if len(bins):  # minutes in a row, so that its bins are too
        first, last = int(bins.min()), int(bins.max())
    for i in range(every.shape[1]):
        at = (int(every[0, i]), int(every[1, i]))
        now, floor = int(every[2, i]), int(level[which == i].min())
        if at not in about:
            reach = (first - AROUND_BINS, last + AROUND_BINS)
            near = [_within(known[mlat, *c], *reach) for c in _ring_of(*at) if (mlat, *c) in known]
            here = [_within(known[mlat, *at], *reach)] if (mlat, *at) in known else []
            about[at] = (_without(near, mine) if near else None, _without(here, mine) if here else None)
        everywhere, cell = about[at]
        alive = 0
        if everywhere is not None:
            part = _within(everywhere, now - AROUND_BINS, now + AROUND_BINS)
            low = part.level <= floor
            then, beside = low & (part.bin == now), low & ((part.bin < first) | (part.bin > last))
            during += part.heard[then].sum(), part.minutes[then].sum()
            around += part.heard[beside].sum(), part.minutes[beside].sum()
            alive = int(np.count_nonzero(part.heard[then]))
            near_by.update(part.object[then].tolist())
        if cell is None:
            continue
        part = _within(cell, now, now)
        who, was, heard = _of_others(part, part.level <= floor)
        if len(who) < OTHERS and alive:  # receivers worked then: what they reached half an hour ago they reach
            part = _within(cell, now - AROUND_BINS, now + AROUND_BINS)
            who, was, heard = _of_others(part, part.level <= floor)
        if len(who) < OTHERS:
            continue
        silent = float((np.sum(1.0 - share * heard / was) + 0.5) / (len(who) + 1))
        likely = share * float(heard.sum() / was.sum())
        period = (*at, now // PERIOD_BINS)
        worst[period] = max(worst.get(period, 0.0), min(silent, 1.0))
        expected += size[i] * likely
        variance += size[i] ** 2 * likely * (1.0 - likely)
        known_min += int(size[i])
        minutes_of, heard_of = minutes_of + float(was.sum()), heard_of + float(heard.sum())
        names |= set(who.tolist())
    return Reception(
        expected,
        float(np.sqrt(variance)),
        known_min,
        len(names),
        math.prod(worst.values()),
        heard_of / minutes_of if minutes_of else None,
        float(during[0] / during[1]) if during[1] else None,
        float(around[0] / around[1]) if around[1] else None,
        len(near_by),
    )
