"""Where tracks are silent, the way they must have gone meanwhile, and what is counted of everybody to judge it.

Nothing is judged here; the rules stand in ``gap``.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.findings.scene import Scene, by_leg, in_question
from testigos.findings.survey import Survey
from testigos.fuse import coverage
from testigos.fuse.coverage import BEYOND_MIN, MINUTE_NS
from testigos.geo import destination, distance_m
from testigos.units import KT_MPS, S_NS

__all__ = ["COVERAGE", "Silence", "own_hash", "silences"]

SHORTEST_S: Final = 300.0
TIMES_USUAL: Final = 10.0  #: a silence is this many times the usual interval between two fixes of the sortie
STRAIGHT: Final = 0.8  #: of what its speed makes of the time: who went less far did not fly straight
MOST: Final = 10  #: of a sortie; the longest
_HOUR_MIN: Final = 60
_BLOCK: Final = coverage.AROUND_BINS + 1  # bins in a block: what is within ``AROUND_BINS`` is in three blocks
_M_PER_DEG: Final = 111_195.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Silence(NamedTuple):
    """Minutes (N,) in which nothing was heard of an object, and where it would have been.

    ``which``: ``silence`` between two fixes, ``lost`` after the last of a sortie, ``appeared`` before the first.
    ``fixes`` are the rows that bound it, ``level`` bands of altitude (see ``fuse.coverage``), ``share`` the part of
    the minutes within an hour of it in which the object was heard, ``rate`` its reports in such a minute. ``aside``:
    latitudes and longitudes of another way that it may have gone, if the straight one is too short for its speed.
    """

    subject: str
    which: str
    start_ns: int
    end_ns: int
    fixes: pl.DataFrame
    lat_deg: Floats
    lon_deg: Floats
    level: Ints
    minute: Ints
    mlat: bool
    share: float
    rate: float
    aside: tuple[Floats, Floats] | None = None


def own_hash(subject: str) -> int:
    """What ``fuse.coverage`` calls an object."""
    return int(pl.Series([subject]).hash()[0])


def _habit(heard: Ints, start: int, end: int) -> tuple[float, float]:
    """Of the minutes from the first to the last heard within an hour of a silence: the share heard, reports in each."""
    near = heard[(heard >= start - _HOUR_MIN) & (heard <= end + _HOUR_MIN)]
    near = near[(near <= start) | (near >= end)]
    minutes = np.unique(near)
    if not len(minutes):
        return 0.0, 0.0
    before, after = minutes[minutes <= start], minutes[minutes >= end]
    spanned = sum(int(part[-1] - part[0]) + 1 for part in (before, after) if len(part))
    return min(1.0, len(minutes) / spanned), len(near) / len(minutes)


def _ahead(row: dict[str, object], lat: Floats, lon: Floats, time_s: Floats) -> tuple[float, float]:
    """Degrees a minute in which the last of some fixes moves on, by what it says or by the way it came."""
    gs, track = row["gs_kt"], row["track_deg"]
    shrink = max(math.cos(math.radians(lat[-1])), 0.01)
    if isinstance(gs, float) and isinstance(track, float):
        metres = gs * KT_MPS * 60.0
        return (
            metres * math.cos(math.radians(track)) / _M_PER_DEG,
            metres * math.sin(math.radians(track)) / _M_PER_DEG / shrink,
        )
    dt = max((time_s[-1] - time_s[0]) / 60.0, 1e-3)
    return (lat[-1] - lat[0]) / dt, ((lon[-1] - lon[0] + 540.0) % 360.0 - 180.0) / dt


def _aside(rows: pl.DataFrame, i: int, part: Floats) -> tuple[Floats, Floats] | None:
    """On from the fix ``i`` as it flew, and so into the fix after it: where the straight way is too short.

    ``part`` (N,) of the time between both fixes. Null where the speed agrees with the straight way, or where nothing
    says speed and course.
    """
    ends = rows[i : i + 2]
    gs, track = (ends[n].cast(pl.Float64).fill_null(np.nan).to_numpy() for n in ("gs_kt", "track_deg"))
    lat, lon = ends["lat_deg"].to_numpy(), ends["lon_deg"].to_numpy()
    seconds = float(np.diff(ends["time_ns"].to_numpy())[0]) / S_NS
    far_m = float(np.nanmean(gs)) * KT_MPS * seconds if np.isfinite(gs).any() else np.nan
    if not np.isfinite(track).all() or not distance_m(lat[0], lon[0], lat[1], lon[1]) < STRAIGHT * far_m:
        return None
    # half of the way out as it went, the other half in as it came: they need not meet
    out, back = part <= 0.5, part > 0.5
    lats, lons = np.empty(len(part)), np.empty(len(part))
    for rows_of, end, sign, gone in ((out, 0, 0.0, part), (back, 1, 180.0, 1.0 - part)):
        metres = gone[rows_of] * far_m
        ones = np.ones(len(metres))
        lats[rows_of], lons[rows_of] = destination(lat[end] * ones, lon[end] * ones, (track[end] + sign) * ones, metres)
    return lats, (lons + 540.0) % 360.0 - 180.0


def silences(tracks: pl.DataFrame, here: Scene) -> Iterator[Silence]:
    """Silences of every sortie in the question, by object and time."""
    usable = in_question(tracks, here).drop_nulls(["lat_deg", "lon_deg"])
    if "leg" not in usable.columns:  # reports that were not fused are one sortie
        usable = usable.with_columns(pl.lit(0).alias("leg"))
    usable = usable.with_columns(
        coverage.level_of(coverage.altitude_ft(usable.columns)).fill_null(0).cast(pl.Int64).alias("_level"),
        (pl.col("source") == "mlat").fill_null(False).alias("_mlat"),
        pl.col("on_ground").fill_null(False).alias("_ground"),
    )
    for (subject, _), rows in by_leg(usable):
        if len(rows) >= 3:
            yield from sorted(_of_leg(subject, rows), key=lambda s: s.start_ns)


def _of_leg(subject: str, rows: pl.DataFrame) -> Iterator[Silence]:
    time_ns = rows["time_ns"].to_numpy()
    lat, lon = rows["lat_deg"].to_numpy(), rows["lon_deg"].to_numpy()
    level, mlat, ground = (rows[c].to_numpy() for c in ("_level", "_mlat", "_ground"))
    heard = time_ns // MINUTE_NS
    step_s = np.diff(time_ns) / S_NS
    long = np.flatnonzero(
        (step_s >= max(SHORTEST_S, TIMES_USUAL * float(np.median(step_s)))) & ~ground[:-1] & ~ground[1:]
    )
    long = long[np.argsort(-step_s[long], kind="stable")][:MOST]
    for i in long.tolist():
        minute = np.arange(heard[i] + 1, heard[i + 1])
        part = (minute - heard[i]) / (heard[i + 1] - heard[i])
        turned = (lon[i + 1] - lon[i] + 540.0) % 360.0 - 180.0
        yield Silence(
            subject,
            "silence",
            int(time_ns[i]),
            int(time_ns[i + 1]),
            rows[i : i + 2],
            lat[i] + part * (lat[i + 1] - lat[i]),
            (lon[i] + part * turned + 540.0) % 360.0 - 180.0,
            np.full(len(minute), min(level[i], level[i + 1])),
            minute,
            bool(mlat[i] or mlat[i + 1]),
            *_habit(heard, int(heard[i]), int(heard[i + 1])),
            _aside(rows, i, part),
        )
    for which, end, sign in (("appeared", 0, -1), ("lost", -1, 1)):
        if ground[end] or level[end] < coverage.CRUISE:
            continue
        few = slice(None, 4) if end == 0 else slice(-4, None)
        order = slice(None, None, sign)
        if abs(int(time_ns[few][-1] - time_ns[few][0])) > 3 * MINUTE_NS:
            continue  # it was hardly heard even before
        dlat, dlon = _ahead(
            rows.row(end, named=True),
            lat[few][order],
            lon[few][order],
            np.abs(time_ns[few][order] / S_NS - time_ns[end] / S_NS)[::-1],
        )
        if sign < 0 and rows["gs_kt"][end] is not None and rows["track_deg"][end] is not None:
            dlat, dlon = -dlat, -dlon
        k = np.arange(1, BEYOND_MIN + 1)
        yield Silence(
            subject,
            which,
            int(min(time_ns[end], time_ns[end] + sign * BEYOND_MIN * MINUTE_NS)),
            int(max(time_ns[end], time_ns[end] + sign * BEYOND_MIN * MINUTE_NS)),
            rows[few][order][-1:],
            np.clip(lat[end] + k * dlat, -90.0, 90.0),
            (lon[end] + k * dlon + 540.0) % 360.0 - 180.0,
            np.full(len(k), level[end]),
            heard[end] + sign * k,
            bool(mlat[few].any()),
            *_habit(
                heard,
                int(heard[end]) if sign > 0 else int(heard[end]) - BEYOND_MIN,
                int(heard[end]) + (BEYOND_MIN if sign > 0 else 0),
            ),
        )


def _count(reports: pl.DataFrame, here: Scene) -> pl.DataFrame:
    return coverage.heard_minutes(in_question(reports, here))


def _excerpt(joined: pl.DataFrame, tracks: pl.DataFrame, here: Scene) -> pl.DataFrame:
    """What is counted in and around the cells in which the tracks are silent, half an hour before to half after."""
    quiet = list(silences(tracks, here))
    minutes = coverage.present(joined)
    empty = coverage.counted(minutes.clear())
    if not quiet:
        return empty
    ways = [(s.lat_deg, s.lon_deg, s.minute) for s in quiet] + [(*s.aside, s.minute) for s in quiet if s.aside]
    lat, lon, minute = (np.concatenate(values) for values in zip(*ways, strict=True))
    bins = minute // coverage.BIN_MIN
    # by blocks of bins, so that each cell is asked for a few times only
    first, last = ((bins + k * coverage.AROUND_BINS) // _BLOCK for k in (-1, 1))
    cell = np.stack(coverage.cells(lat, lon))
    parts = []
    for block in np.unique(np.concatenate([first, last])).tolist():
        here_then = np.unique(cell[:, (first <= block) & (last >= block)], axis=1)
        band, column = coverage.ring(here_then[0], here_then[1])
        parts.append(pl.DataFrame({"band": band, "column": column, "block": np.full(len(band), block)}))
    wanted = pl.concat(parts).cast({"band": pl.Int16, "column": pl.Int16, "block": pl.Int32})
    block_of = (pl.col("bin") // _BLOCK).cast(pl.Int32)
    low, high = int(first.min()) * _BLOCK, int(last.max() + 1) * _BLOCK
    near = minutes.filter((pl.col("minute") // coverage.BIN_MIN).is_between(low, high, closed="left"))
    found = coverage.counted(near).with_columns(block_of.alias("block"))
    return found.join(wanted, on=["band", "column", "block"], how="semi").drop("block").sort(empty.columns[:6])


def _join(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return coverage.joined(tables)


COVERAGE: Final = Survey("coverage", _count, _join, _excerpt)
