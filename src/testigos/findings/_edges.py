"""How tracks move at their ends: what is needed to say where they came from and went, for many sorties at once."""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.geo import inverse
from testigos.units import KT_MPS

__all__ = ["Columns", "Edges", "States", "columns", "edges", "states"]

_RUN_NS: Final = 90_000_000_000  # how much of the track shows how it moves at its end
_STRAIGHT_M: Final = 200.0  # a shorter way does not show a direction
_CLIMB_S: Final = 10.0  # a shorter time does not show a vertical rate
_FLYING_KT: Final = 250.0  # nothing rolls faster, whatever it says

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Columns(NamedTuple):
    """The columns (N,) of fixes that ends are judged by, sorted by sortie and time; NaN where unknown."""

    time_ns: Ints
    lat_deg: Floats
    lon_deg: Floats
    alt_ft: Floats
    gs_kt: Floats
    track_deg: Floats
    vrate_fpm: Floats
    on_ground: Bools


class States(NamedTuple):
    """The outermost fixes (N,), and how each moves: outwards for an arrival, backwards for a departure.

    ``course_deg``: the direction in which the airfield lies if it was flown straight. ``sink_fpm``: how fast it
    nears the ground in that direction. NaN where unknown.
    """

    lat_deg: Floats
    lon_deg: Floats
    alt_ft: Floats
    on_ground: Bools
    course_deg: Floats
    sink_fpm: Floats
    speed_kt: Floats
    departing: Bools


class Edges(NamedTuple):
    """Rows of N sorties at which they left the ground and came back to it, and the way flown.

    ``took_off`` is the first fix in the air, ``touched`` the first back on the ground; the first and the last row
    where it was never seen on it.
    """

    took_off: Ints
    touched: Ints
    way_m: Floats
    longest_gap_s: Floats


def columns(table: pl.DataFrame) -> Columns:
    """The columns of fixes (of ``schema.TRACKS``) as arrays; the altitude above the sea where there is one."""

    def of(expression: pl.Expr) -> Floats:
        return table.select(expression.cast(pl.Float64).fill_null(np.nan)).to_series().to_numpy()

    return Columns(
        table["time_ns"].to_numpy(),
        of(pl.col("lat_deg")),
        of(pl.col("lon_deg")),
        of(pl.coalesce("alt_msl_ft", "alt_baro_ft", "alt_geom_ft")),
        of(pl.col("gs_kt")),
        of(pl.col("track_deg")),
        of(pl.col("vrate_fpm")),
        table["on_ground"].fill_null(False).to_numpy(),
    )


@njit(cache=True, nogil=True)
def _states(
    fixes: Columns, first: Ints, stop: Ints, course: Floats, sink: Floats, speed: Floats, ground: Bools
) -> None:
    time_ns, lat, lon, alt, gs, track, vrate, on_ground = fixes
    n = len(first)
    for k in range(2 * n):
        departing = k < n
        low, high = first[k % n], stop[k % n] - 1
        edge = low if departing else high
        step = 1 if departing else -1
        inner = edge
        while low <= inner + step <= high and abs(time_ns[inner + step] - time_ns[edge]) <= _RUN_NS:
            inner += step
        if inner == edge and high > low:
            inner = edge + step  # the only other fix may be minutes away: still a direction
        dt = abs(time_ns[edge] - time_ns[inner]) * 1e-9
        apart, azimuth, _ = inverse(lat[inner], lon[inner], lat[edge], lon[edge])
        if not math.isnan(track[edge]):
            course[k] = (track[edge] + 180.0) % 360.0 if departing else track[edge]
        elif apart > _STRAIGHT_M:
            course[k] = azimuth
        if not math.isnan(gs[edge]):
            speed[k] = gs[edge]
        elif dt > 0.0:
            speed[k] = apart / dt / KT_MPS
        if dt >= _CLIMB_S and not math.isnan(alt[edge]) and not math.isnan(alt[inner]):
            sink[k] = (alt[inner] - alt[edge]) / dt * 60.0
        elif not math.isnan(vrate[edge]):
            sink[k] = vrate[edge] if departing else -vrate[edge]
        ground[k] = on_ground[edge] and not speed[k] >= _FLYING_KT


def states(fixes: Columns, first: Ints, stop: Ints) -> States:
    """How N sorties move at their ends: the N first ones, then the N last ones; rows ``first`` to ``stop``."""
    n = len(first)
    edge = np.concatenate((first, stop - 1))
    course, sink, speed = (np.full(2 * n, np.nan) for _ in range(3))
    ground = np.zeros(2 * n, np.bool_)
    _states(fixes, first, stop, course, sink, speed, ground)
    return States(
        fixes.lat_deg[edge],
        fixes.lon_deg[edge],
        fixes.alt_ft[edge],
        ground,
        course,
        sink,
        speed,
        np.arange(2 * n) < n,
    )


@njit(cache=True, nogil=True)
def _edges(
    fixes: Columns, first: Ints, stop: Ints, took_off: Ints, touched: Ints, way: Floats, longest: Floats
) -> None:
    time_ns, lat, lon, on_ground = fixes.time_ns, fixes.lat_deg, fixes.lon_deg, fixes.on_ground
    for k in range(len(first)):
        low, high = first[k], stop[k] - 1
        off, back = low, high
        while off < high and on_ground[off]:
            off += 1
        while back > low and on_ground[back]:
            back -= 1
        if on_ground[off]:
            off, back = low, high  # never in the air
        took_off[k], touched[k] = off, min(back + 1, high)
        for i in range(low, high):
            way[k] += inverse(lat[i], lon[i], lat[i + 1], lon[i + 1])[0]
            longest[k] = max(longest[k], (time_ns[i + 1] - time_ns[i]) * 1e-9)


def edges(fixes: Columns, first: Ints, stop: Ints) -> Edges:
    """When N sorties (rows ``first`` to ``stop``) left the ground and came back, and how far they flew."""
    n = len(first)
    found = Edges(np.empty(n, np.int64), np.empty(n, np.int64), np.zeros(n), np.zeros(n))
    _edges(fixes, first, stop, *found)
    return found
