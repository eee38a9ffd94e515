"""Tests on motion: times that do not fit the way flown, and motion that does not fit what the aircraft says.

The rules, and the reason of each threshold, stand in ``integrity``.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from testigos.findings._integrity import STRAND_ROWS, Steps, holds, steps, unchanged, windows
from testigos.findings._suspicion import Fixes, Suspicion, column, few, radii, rounded, runs, stranded
from testigos.geo import distance_m
from testigos.units import FPM_MPS, KT_MPS

__all__ = ["kinematics", "time_fault"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MOVING_MPS: Final = 100 * KT_MPS
SHIFT_S: Final = 5.0
SHIFT_M: Final = 500.0
HOLD_S: Final = 20.0
BACK_S: Final = 10.0
EVENTS: Final = 3
WINDOW_S, WINDOW_MOST_S = 30.0, 90.0
SPEED_ADD_MPS, SPEED_SHARE = 25.0, 0.15
RATE_FPM: Final = 2_000.0
COURSE_DEG: Final = 30.0
STEADY_DEG: Final = 15.0
SUSTAINED_S: Final = 60.0
OLD_S: Final = 60.0  #: speed and course that do not change by a digit for so long are repeated, not said


class _Moves(NamedTuple):
    """Own fixes in the air with the steps of their strands."""

    rows: Ints
    g: Fixes
    step: Steps


def _moves(f: Fixes) -> _Moves:
    rows = np.flatnonzero(f.own & f.air)
    g = f.take(rows)
    of = stranded(g).of
    step = steps(of, g.time_s, g.lat, g.lon, g.xyz, g.course)
    old = unchanged(step.before, g.time_s, g.gs_mps, g.course) > OLD_S
    g = g._replace(gs_mps=np.where(old, np.nan, g.gs_mps), course=np.where(old, np.nan, g.course))
    return _Moves(rows, g, step)


def _turn(a: Floats, b: Floats) -> Floats:
    """How far apart two directions are, degrees."""
    return np.asarray(np.abs((a - b + 180.0) % 360.0 - 180.0))


def _of(codes: Ints, rows: Ints, code: int) -> Ints:
    """Those of ``rows`` (in order) that are of one object."""
    begin, end = np.searchsorted(codes[rows], (code, code + 1))
    return rows[begin:end]


# --- times ----------------------------------------------------------------------------------------------------------


def _backwards(f: Fixes) -> dict[int, Ints]:
    """Rows that come after one of a later time, and those, by object: in the order of the input's bytes."""
    known = f.table["segment"].is_not_null().to_numpy() & f.table["offset"].is_not_null().to_numpy() & f.own
    rows = np.flatnonzero(known)
    if not len(rows):
        return {}
    segment, offset = (f.table[n].fill_null(0).to_numpy()[rows] for n in ("segment", "offset"))
    order = np.lexsort((offset, segment, f.code[rows]))
    rows, segment = rows[order], segment[order]
    one = (f.code[rows][1:] == f.code[rows][:-1]) & (segment[1:] == segment[:-1])
    dt = np.diff(f.time_s[rows])
    back = one & (dt <= -BACK_S)
    found: dict[int, Ints] = {}
    for begin, end in runs(f.code[rows]):
        at = np.flatnonzero(back[begin : end - 1]) + begin + 1
        # a list that runs downwards as a whole has no fault
        if len(at) >= EVENTS and (dt[begin : end - 1] < 0.0).mean() < 0.2:
            found[int(f.code[rows[begin]])] = np.sort(rows[np.union1d(at - 1, at)])
    return found


def _shifts(g: Fixes, step: Steps, held: Floats) -> Floats:
    """How many seconds too far each step went along the course (negative: too short); 0 where nothing is wrong.

    A step off a position that had been repeated is one from when that was first given: the repetition is the fault.
    """
    j = np.maximum(step.before, 0)
    radius = np.where(np.isfinite(g.radius_m), g.radius_m, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = 0.5 * (g.gs_mps + g.gs_mps[j])
        off = step.along_m - speed * step.dt_s
        unheld = step.along_m - speed * (step.dt_s + held[j])
        off = np.where(np.abs(unheld) < np.abs(off), unheld, off)
        shift = off / speed
        wrong = (
            (step.before >= 0)
            & (g.gs_mps >= MOVING_MPS)
            & (g.gs_mps[j] >= MOVING_MPS)
            & (held == 0.0)
            & (step.dt_s <= 60.0)
            & (_turn(g.course, g.course[j]) <= 10.0)
            & (np.abs(shift) >= np.maximum(SHIFT_S, 0.5 * step.dt_s))
            & (np.abs(off) >= SHIFT_M + radius + radius[j])
            & (np.abs(step.aside_m) <= 0.15 * np.abs(off))
        )
    return np.where(wrong, shift, 0.0)


def time_fault(f: Fixes) -> list[Suspicion]:
    """Positions repeated under new times, steps along the way that do not fit their times, times that run back."""
    m = _moves(f)
    g, step = m.g, m.step
    before = step.before
    held = holds(before, g.time_s, g.xyz)
    # of each repetition its last row; a speed that is repeated with the position still says that it moves
    ends = np.ones(len(before), np.bool_)
    ends[before[held > 0.0]] = False
    moving = f.gs_mps[m.rows] >= MOVING_MPS
    held_rows = np.flatnonzero(ends & (held >= HOLD_S) & moving)
    shift = _shifts(g, step, held)
    shifted_rows = np.flatnonzero(shift)
    back = _backwards(f)
    found = []
    for code in sorted({*g.code[held_rows].tolist(), *g.code[shifted_rows].tolist(), *back}):
        hold, leap = _of(g.code, held_rows, code), _of(g.code, shifted_rows, code)
        run_back = back.get(code, np.zeros(0, np.int64))
        hold = hold if len(hold) >= EVENTS else hold[:0]
        leap = leap if len(leap) >= EVENTS else leap[:0]
        there = (("repeated_positions", hold), ("shifted", leap), ("runs_backwards", run_back))
        faults = [name for name, rows in there if len(rows)]
        if not faults:
            continue
        largest = (
            hold[np.argsort(-held[hold], kind="stable")][:4],
            leap[np.argsort(-np.abs(shift[leap]), kind="stable")][:4],
        )
        by_size = np.concatenate(largest)
        deciding = np.unique(
            np.concatenate((m.rows[np.union1d(by_size, np.maximum(before[by_size], 0))], few(run_back, 8)))
        )
        everything = np.concatenate((m.rows[hold], m.rows[leap], run_back))
        events = len(hold) + len(leap) + len(run_back) // 2
        measures: dict[str, tuple[float | None, float | None, float | None, str]] = {
            "events": (float(events), None, None, "1")
        }
        if len(hold):
            measures["longest_repetition"] = (rounded(held[hold].max()), None, None, "s")
            measures["repeated"] = (rounded(held[hold].sum()), None, None, "s")
        if len(leap):
            measures["shift"] = (rounded(np.abs(shift[leap]).max()), None, None, "s")
        found.append(
            Suspicion(
                "time_fault",
                deciding,
                int(everything.min()),
                int(everything.max()),
                measures,
                {"faults": faults},
                min(0.95, 0.6 + 0.02 * events),
                (f.name(int(deciding[0])),),
            )
        )
    return found


# --- motion ---------------------------------------------------------------------------------------------------------


def _sustained(time_s: Floats, code: Ints, bad: Bools, start_s: Floats) -> Iterator[Ints]:
    """Rows of each episode of windows (from ``start_s`` to a row) that are bad and together cover ``SUSTAINED_S``."""
    at = np.flatnonzero(bad)
    if not len(at):
        return
    new = (np.diff(code[at], prepend=-1) != 0) | (np.diff(time_s[at], prepend=-np.inf) > SUSTAINED_S)
    for begin, end in runs(np.cumsum(new)):
        rows = at[begin:end]
        if len(rows) >= STRAND_ROWS and time_s[rows[-1]] - start_s[rows].min() >= SUSTAINED_S:
            yield rows


def _heights(g: Fixes) -> tuple[Floats, Floats]:
    """Altitude in feet and rate in feet a minute, of one kind for all of an object."""
    rate, alt = np.full(len(g.code), np.nan), np.full(len(g.code), np.nan)
    if not len(g.code):
        return rate, alt
    for name, of in (("vrate_geom_fpm", "alt_geom_ft"), ("vrate_fpm", "alt_baro_ft")):
        said, high = column(g.table, name), column(g.table, of)
        any_of = np.bincount(g.code, np.isfinite(said) & np.isfinite(high), int(g.code.max()) + 1)[g.code] > 0
        # the difference of both kinds would be a climb
        rate, alt = np.where(any_of, said, rate), np.where(any_of, high, alt)
    return rate, alt


def kinematics(f: Fixes) -> list[Suspicion]:
    """Positions and altitudes that move otherwise than the aircraft says it moves, for a minute and more."""
    m = _moves(f)
    g, step = m.g, m.step
    n = len(g.code)
    held = holds(step.before, g.time_s, g.xyz)
    rate, alt = _heights(g)
    w = windows(step.before, g.time_s, g.gs_mps, rate, g.course, WINDOW_S, WINDOW_MOST_S)
    rows = np.flatnonzero(w.before >= 0)
    j = w.before[rows]
    dt = g.time_s[rows] - g.time_s[j]
    speed = distance_m(g.lat[j], g.lon[j], g.lat[rows], g.lon[rows]) / dt
    radius = radii(g)
    with np.errstate(invalid="ignore"):
        # what the errors of both ends, and a position that was given once more, can do
        error = (radius[rows] + radius[j]) / dt + 0.5 * (held[rows] + held[j] > 0.0) * w.gs_high[rows]
        over = speed - (w.gs_high[rows] * (1.0 + SPEED_SHARE) + SPEED_ADD_MPS + error)
        under = w.gs_low[rows] * (1.0 - SPEED_SHARE) - SPEED_ADD_MPS - error - speed
        straight = (w.turned_deg[rows] <= STEADY_DEG) & (w.gs_low[rows] >= MOVING_MPS)
        under = np.where(straight, under, -np.inf)
        climb = (alt[rows] - alt[j]) / dt * 60.0
        climbing = np.maximum(climb - w.rate_high[rows], w.rate_low[rows] - climb) - RATE_FPM
        # the direction of the way against the course, where neither turns
        aside = np.abs(np.degrees(np.arctan2(step.aside_m, step.along_m)))
        way = np.hypot(step.along_m, step.aside_m)
        askew = (aside > COURSE_DEG) & (g.gs_mps >= MOVING_MPS) & (way > 4.0 * radius)
        askew &= (step.dt_s <= WINDOW_MOST_S) & (way > 0.5 * g.gs_mps * step.dt_s)
        askew &= _turn(g.course, g.course[np.maximum(step.before, 0)]) <= STEADY_DEG
    found: dict[int, list[tuple[str, Ints, float]]] = {}
    start_s = np.full(n, np.nan)
    start_s[rows] = g.time_s[j]
    for what, excess in (("too_fast", over), ("too_slow", under), ("vertical_rate", climbing * FPM_MPS)):
        bad, size = np.zeros(n, np.bool_), np.full(n, np.nan)
        bad[rows], size[rows] = excess > 0.0, excess
        for episode in _sustained(g.time_s, g.code, bad, start_s):
            found.setdefault(int(g.code[episode[0]]), []).append((what, episode, float(size[episode].max())))
    for episode in _sustained(g.time_s, g.code, askew, g.time_s - step.dt_s):
        found.setdefault(int(g.code[episode[0]]), []).append(("course", episode, float(aside[episode].max())))
    return [_told(m, told, w.before) for _, told in sorted(found.items())]


def _told(m: _Moves, told: list[tuple[str, Ints, float]], window: Ints) -> Suspicion:
    everything = np.unique(np.concatenate([r for _, r, _ in told]))
    deciding = np.unique(np.concatenate([few(r, 4) for _, r, _ in told]))
    starts = window[deciding]
    deciding = few(np.union1d(deciding, starts[starts >= 0]))
    measures: dict[str, tuple[float | None, float | None, float | None, str]] = {
        "positions": (float(len(everything)), None, None, "1"),
        "episodes": (float(len(told)), None, None, "1"),
    }
    for name, kinds, unit in (
        ("speed_excess", ("too_fast", "too_slow"), "m/s"),
        ("vertical_excess", ("vertical_rate",), "m/s"),
        ("course_difference", ("course",), "deg"),
    ):
        sizes = [size for what, _, size in told if what in kinds]
        if sizes:
            measures[name] = (rounded(max(sizes)), None, None, unit)
    return Suspicion(
        "kinematics",
        m.rows[deciding],
        int(m.rows[everything[0]]),
        int(m.rows[everything[-1]]),
        measures,
        {"against": sorted({what for what, _, _ in told})},
        0.6 + 0.1 * min(len(told), 3),
        (m.g.name(int(everything[0])),),
    )
