"""What two tracks that met did together: where each was on a common clock, how sure that is, and what it looks like.

On a clock of ``STEP_S`` each object is between its fixes on the great circle, with an error: the radius of its fixes,
and what a turn between them can have done. Where fixes are more than ``LONGEST_GAP_S`` apart it is only known to be in
balls round both, that grow with its speed; two objects can then have been near each other where no ball excludes it.
"""

import math
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.findings._pairs import LONGEST_GAP_S, Meetings
from testigos.units import KT_MPS, NMI_M

__all__ = [
    "DRIFT_S",
    "EXTENT_M",
    "LEAST_S",
    "NEAR_FT",
    "NEAR_M",
    "STEP_S",
    "TURN_DEG",
    "Company",
    "Flown",
    "Measure",
    "Span",
    "alike_s",
    "company",
    "longest_s",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Measure = tuple[float, float, float]  # value, low, high; NaN for what nothing supports

STEP_S: Final = 10.0
NEAR_M: Final = 5 * NMI_M
NEAR_FT: Final = 3_500.0
BEYOND_S: Final = 3_600.0  #: how long before and after a meeting its beginning and end are looked for
FLICKER_S: Final = 180.0  #: a wild fix or two must not end it
LOOK_S: Final = 30.0
SHORTEST_S: Final = 30.0  #: of one meeting
LEAST_S: Final = 600.0  #: of company in all
STEADY_S: Final = 300.0  #: of it with steady places
COURSE_DEG: Final = 45.0
SPEED_RATIO: Final = 1.25
SLOWEST_MPS: Final = 20.0
DRIFT_MPS: Final = 15 * KT_MPS
LOW_FT: Final = 18_000.0
LOW_M: Final = 2.5 * NMI_M
CIVIL_M: Final = 4 * NMI_M
CIVIL_FT: Final = 900.0
TURN_DEG: Final = 120.0
EXTENT_M: Final = 30 * NMI_M
PASSING_M: Final = 5 * NMI_M
#: Of the difference of two altitudes, 95 %: an altimetry system errs by up to 245 ft (mean and three standard
#: deviations, ICAO Doc 9574, 2.2), taken as three standard deviations.
ALT_ERROR_FT: Final = 230.0
_COURSE_S: Final = 60.0  # course and speed are over twice this, against the noise of fixes
_MEAN_S: Final = 120.0
INEXACT_M: Final = 1_000.0
DRIFT_S: Final = 240.0
_STEADY_ACC: Final = 0.5  # m/s² that neighbouring stretches do not show
_BANKED_ACC: Final = 2.6  # 15 degrees of bank, where there are no neighbours


class Flown(NamedTuple):
    """One sortie of one object as arrays (N,): seconds, Earth-centred metres (N, 3), feet, 95 % radius, NaN unknown."""

    time_s: Floats
    xyz: Floats
    alt_ft: Floats
    radius_m: Floats
    fastest_mps: float


class Span(NamedTuple):
    """A time in which two were together, from first to last; ``near_s`` of it they were seen to be."""

    start_s: float
    end_s: float
    near_s: float


class Company(NamedTuple):
    """What one pair did. Intervals are (value, low, high), NaN for what nothing supports.

    ``joined``/``left``: seconds, with the earliest and the latest; ``open_start``/``open_end``: a track began or ended
    there, so that nobody could have seen more. ``bridged``: silences in which nothing speaks against company;
    ``apart``: times between spans when they were apart.
    """

    spans: tuple[Span, ...]
    bridged: tuple[tuple[float, float], ...]
    apart: tuple[tuple[float, float], ...]
    joined: Measure
    left: Measure
    open_start: bool
    open_end: bool
    together_s: Measure
    separation_m: Measure
    closest_m: Measure
    closest_s: float
    closest_ft: float
    vertical_ft: Measure
    core_s: float
    civil_s: float  # closer than air traffic control keeps strangers apart
    civil_high_s: float  # the part of it above LOW_FT
    turned_deg: float
    extent_m: float


@njit(cache=True, nogil=True)
def _states(clock: Floats, time_s: Floats, xyz: Floats, alt: Floats, radius: Floats, fastest: float) -> Floats:
    """Rows x, y, z, altitude, error, balls: at each moment of ``clock``; NaN where unknown.

    The balls are the fix before (its number and how far it can be from it) and the fix after; -1 where there is none.
    """
    n = len(time_s)
    out = np.full((len(clock), 9), np.nan)
    i = 0
    for k in range(len(clock)):
        t = clock[k]
        while i < n - 1 and time_s[i + 1] <= t:
            i += 1
        row = out[k]
        before = time_s[0] <= t
        after = t <= time_s[n - 1]
        row[5] = float(i) if before else -1.0
        row[6] = fastest * (t - time_s[i]) if before else 0.0
        j = i + 1 if before and i < n - 1 else (0 if not before else (i if t <= time_s[i] else -1))
        row[7] = float(j)
        row[8] = fastest * (time_s[j] - t) if j >= 0 else 0.0
        if not (before and after):
            continue
        if i == n - 1 or time_s[i] == t:
            row[:3], row[3], row[4] = xyz[i], alt[i], radius[i]
            continue
        dt = time_s[i + 1] - time_s[i]
        if dt > LONGEST_GAP_S:
            continue
        f = (t - time_s[i]) / dt
        chord2, middle2 = 0.0, 0.0
        for c in range(3):
            chord2 += (xyz[i + 1, c] - xyz[i, c]) ** 2
            middle2 += (0.5 * (xyz[i + 1, c] + xyz[i, c])) ** 2
        lift = 1.0 + f * (1.0 - f) * chord2 / (2.0 * 6_371_000.0) / math.sqrt(middle2)
        for c in range(3):
            row[c] = (xyz[i, c] + f * (xyz[i + 1, c] - xyz[i, c])) * lift
        row[3] = alt[i] + f * (alt[i + 1] - alt[i])
        acc = _BANKED_ACC
        if 0 < i < n - 2:
            earlier, later = time_s[i] - time_s[i - 1], time_s[i + 2] - time_s[i + 1]
            if 0.0 < earlier <= LONGEST_GAP_S and 0.0 < later <= LONGEST_GAP_S:
                change2 = 0.0
                for c in range(3):
                    change2 += ((xyz[i + 2, c] - xyz[i + 1, c]) / later - (xyz[i, c] - xyz[i - 1, c]) / earlier) ** 2
                acc = _STEADY_ACC + math.sqrt(change2) / (dt + 0.5 * (earlier + later))
        bend = 0.5 * acc * f * (1.0 - f) * dt * dt
        longest = fastest * dt
        bend = min(bend, 0.5 * math.sqrt(max(longest * longest - chord2, 0.0)))
        row[4] = math.hypot(max(radius[i], radius[i + 1]), bend)
    return out


@njit(cache=True, nogil=True)
def _place(time_s: Floats, xyz: Floats, alt: Floats, first: int, stop: int, t: float, out: Floats) -> float:
    """Where a track (rows ``first`` to before ``stop``) is at ``t``, into ``out``; the time for which that holds."""
    i, f = stop - 2, 1.0
    if t <= time_s[first]:
        i, f, t = first, 0.0, time_s[first]
    elif t >= time_s[stop - 1]:
        t = time_s[stop - 1]
    else:
        i = first + int(np.searchsorted(time_s[first:stop], t)) - 1
        f = (t - time_s[i]) / (time_s[i + 1] - time_s[i])
    for c in range(3):
        out[c] = xyz[i, c] + f * (xyz[i + 1, c] - xyz[i, c])
    out[3] = alt[i] + f * (alt[i + 1] - alt[i])
    return t


@njit(cache=True, nogil=True)
def alike_s(
    start_s: Floats, end_s: Floats, a: Ints, b: Ints, first: Ints, stop: Ints, time_s: Floats, xyz: Floats, alt: Floats
) -> Floats:
    """How long, in each of (M,) meetings, two roughly moved alike, near enough to count: a look before ``company``.

    ``a``, ``b``: (M,) tracks; ``first``, ``stop``: their rows in the columns. The limits are wider than those of
    company, so that nothing is missed.
    """
    out = np.zeros(len(start_s))
    one, two = np.empty((3, 4)), np.empty((3, 4))
    for k in range(len(start_s)):
        steps = max(1, int((end_s[k] - start_s[k]) / LOOK_S))
        i0, i1, j0, j1 = first[a[k]], stop[a[k]], first[b[k]], stop[b[k]]
        for step in range(steps):
            t = start_s[k] + (step + 0.5) / steps * (end_s[k] - start_s[k])
            _place(time_s, xyz, alt, i0, i1, t, one[1])
            _place(time_s, xyz, alt, j0, j1, t, two[1])
            if not (one[1, 3] >= LOW_FT and two[1, 3] >= LOW_FT):
                apart2 = 0.0
                for c in range(3):
                    apart2 += (one[1, c] - two[1, c]) ** 2
                if apart2 > (1.1 * LOW_M) ** 2 or abs(one[1, 3] - two[1, 3]) >= 1.1 * CIVIL_FT:
                    continue
            dt_a = -_place(time_s, xyz, alt, i0, i1, t - _COURSE_S, one[0])
            dt_a += _place(time_s, xyz, alt, i0, i1, t + _COURSE_S, one[2])
            dt_b = -_place(time_s, xyz, alt, j0, j1, t - _COURSE_S, two[0])
            dt_b += _place(time_s, xyz, alt, j0, j1, t + _COURSE_S, two[2])
            dot = one2 = two2 = 0.0
            for c in range(3):
                u, v = (one[2, c] - one[0, c]) / dt_a, (two[2, c] - two[0, c]) / dt_b
                dot, one2, two2 = dot + u * v, one2 + u * u, two2 + v * v
            # 60 degrees; a factor of 1.5
            if dot > 0.0 and 4.0 * dot * dot >= one2 * two2 and max(one2, two2) <= 2.25 * min(one2, two2):
                out[k] += (end_s[k] - start_s[k]) / steps
    return out


@njit(cache=True, nogil=True)
def longest_s(start_s: Floats, end_s: Floats, alike: Floats, new: Ints) -> Floats:
    """The most of ``alike`` in any run of meetings with no more than a flicker between them, of each pair.

    ``new``: where the meetings of a pair begin, and the end.
    """
    out = np.zeros(len(new) - 1)
    for k in range(len(out)):
        total = 0.0
        for i in range(new[k], new[k + 1]):
            if i > new[k] and start_s[i] - end_s[i - 1] > FLICKER_S:
                total = 0.0
            total += alike[i]
            out[k] = max(out[k], total)
    return out


def _velocity(place: Floats) -> Floats:
    """(N, 3) m/s over twice ``_COURSE_S``, over what there is of it at the edges; NaN where nothing is."""
    n, half = len(place), int(_COURSE_S / STEP_S)
    here = np.arange(n)
    known = ~np.isnan(place[:, 0])
    low, high = np.maximum(here - half, 0), np.minimum(here + half, n - 1)
    low, high = np.where(known[low], low, here), np.where(known[high], high, here)
    dt = (high - low) * STEP_S
    out = np.full((n, 3), np.nan)
    good = dt > 0
    out[good] = (place[high[good]] - place[low[good]]) / dt[good, None]
    return out


def _mean(values: Floats, half: int) -> Floats:
    """Mean of what is known within ``half`` steps; NaN where nothing is."""
    known = np.isfinite(values)
    total = np.append(0.0, np.cumsum(np.where(known, values, 0.0)))
    count = np.append(0, np.cumsum(known))
    here = np.arange(len(values))
    low, high = np.maximum(here - half, 0), np.minimum(here + half + 1, len(values))
    n = count[high] - count[low]
    return np.where(n > 0, (total[high] - total[low]) / np.maximum(n, 1), np.nan)


def _filled(flags: Bools) -> Bools:
    """The flags with what is false for no more than a flicker, between what is true, made true."""
    true = np.flatnonzero(flags)
    if not len(true):
        return flags
    here = np.arange(len(flags))
    next_ = np.searchsorted(true, here)
    inside = (next_ > 0) & (next_ < len(true))
    gap = true[np.minimum(next_, len(true) - 1)] - true[np.maximum(next_ - 1, 0)]
    return flags | (inside & (gap * STEP_S <= FLICKER_S))


def _median(values: Floats, half: int) -> Floats:
    """Median of what is known within ``half`` steps."""
    wide = np.lib.stride_tricks.sliding_window_view(np.pad(values, half, constant_values=np.nan), 2 * half + 1)
    out = np.full(len(values), np.nan)
    some = np.isfinite(wide).any(axis=1)
    out[some] = np.nanmedian(wide[some], axis=1)
    return out


class _Together(NamedTuple):
    """Both on the common clock, arrays (N,): what is between them and how they move; NaN unknown."""

    clock: Floats
    apart_m: Floats
    error_m: Floats
    above_ft: Floats
    low: Bools
    matched: Bools
    steady: Bools
    along: Floats
    across: Floats
    turn: Floats  # radians since the moment before
    middle: Floats
    possible: Bools


def _possible(a: Flown, b: Flown, one: Floats, two: Floats) -> Bools:
    """Can they have been within ``NEAR_M`` where one or both are in a silence? No ball round a fix may exclude it."""
    balls = []
    for flown, state in ((a, one), (b, two)):
        known = np.isfinite(state[:, 0])
        error = np.nan_to_num(state[:, 4])
        its = []
        for column in (5, 7):
            fix = state[:, column].astype(np.int64)
            centre = np.where(known[:, None], state[:, :3], flown.xyz[np.maximum(fix, 0)])
            radius = np.where(known, error, state[:, column + 1] + np.nan_to_num(flown.radius_m)[np.maximum(fix, 0)])
            its.append((centre, np.where(known | (fix >= 0), radius, np.inf)))
        balls.append(its)
    out = np.ones(len(one), np.bool_)
    for centre_a, radius_a in balls[0]:
        for centre_b, radius_b in balls[1]:
            out &= np.linalg.norm(centre_a - centre_b, axis=1) <= radius_a + radius_b + NEAR_M
    return out


def _together(a: Flown, b: Flown, start_s: float, end_s: float) -> _Together:
    clock = np.arange(math.floor(start_s / STEP_S), math.ceil(end_s / STEP_S) + 1, dtype=np.float64) * STEP_S
    one, two = (_states(clock, f.time_s, f.xyz, f.alt_ft, f.radius_m, f.fastest_mps) for f in (a, b))
    relative = one[:, :3] - two[:, :3]
    apart = np.asarray(np.linalg.norm(relative, axis=1), np.float64)
    above = one[:, 3] - two[:, 3]
    middle = 0.5 * (one[:, :3] + two[:, :3])
    va, vb = _velocity(one[:, :3]), _velocity(two[:, :3])
    with np.errstate(invalid="ignore", divide="ignore"):
        sa, sb = np.linalg.norm(va, axis=1), np.linalg.norm(vb, axis=1)
        matched = (
            ((va * vb).sum(1) >= math.cos(math.radians(COURSE_DEG)) * sa * sb)
            & (np.maximum(sa, sb) <= SPEED_RATIO * np.minimum(sa, sb))
            & (np.minimum(sa, sb) >= SLOWEST_MPS)
        )
        course = va + vb
        course /= np.linalg.norm(course, axis=1)[:, None]
        side = np.cross(middle / np.linalg.norm(middle, axis=1)[:, None], course)
        low = ~((one[:, 3] >= LOW_FT) & (two[:, 3] >= LOW_FT))
        turn = np.zeros(len(clock))
        turn[1:] = np.arctan2((course[1:] * -side[:-1]).sum(1), (course[1:] * course[:-1]).sum(1))
    along, across = (relative * course).sum(1), (relative * side).sum(1)
    half, reach = int(_MEAN_S / STEP_S), int(DRIFT_S / STEP_S)
    smooth = np.column_stack([_mean(along, half), _mean(across, half)])
    here = np.arange(len(clock))
    known = np.isfinite(along)
    began = np.maximum.accumulate(np.where(np.diff(known, prepend=False), here, 0))
    ends = np.where(np.diff(known, append=False), here, len(clock) - 1)
    before = np.maximum(here - reach, began)
    after = np.minimum(here + reach, np.minimum.accumulate(ends[::-1])[::-1])
    dt = (after - before) * STEP_S
    with np.errstate(invalid="ignore", divide="ignore"):
        steady = (dt >= DRIFT_S) & (np.linalg.norm(smooth[after] - smooth[before], axis=1) / dt <= DRIFT_MPS)
    return _Together(
        clock, apart, np.hypot(one[:, 4], two[:, 4]), above, low, matched, steady,
        smooth[:, 0], smooth[:, 1], np.nan_to_num(turn), middle, _possible(a, b, one, two),
    )  # fmt: skip


def _passes(t: _Together, here: Bools) -> bool:
    """Did one evenly drift past the other, as on one airway or where two cross at a small angle?"""
    along, across = t.along[here], t.across[here]
    good = np.isfinite(along) & np.isfinite(across)
    if good.sum() < 6:
        return False
    when = t.clock[here][good]
    most, which = 0.0, along[good]
    for offset in (along[good], across[good]):
        if np.ptp(offset) > most:
            most, which = float(np.ptp(offset)), offset
    fit = np.polyval(np.polyfit(when - when[0], which, 1), when - when[0])
    moved = abs(float(fit[-1] - fit[0]))
    spread = float(((which - which.mean()) ** 2).sum())
    return moved >= PASSING_M and float(((which - fit) ** 2).sum()) <= 0.05 * spread


def _merged(start_s: Floats, end_s: Floats) -> list[Span]:
    """Meetings with no more than a flicker between them as one."""
    out: list[Span] = []
    for start, end in zip(start_s.tolist(), end_s.tolist(), strict=True):
        if out and start - out[-1].end_s <= FLICKER_S:
            out[-1] = Span(out[-1].start_s, end, out[-1].near_s + end - start)
        else:
            out.append(Span(start, end, end - start))
    return out


def _can(t: _Together) -> Bools:
    """When can they have been near, as far as fixes and silences tell? A wild fix or two do not tell."""
    with np.errstate(invalid="ignore"):
        near = (t.apart_m - np.nan_to_num(t.error_m) <= NEAR_M) & ~(np.abs(t.above_ft) > NEAR_FT + ALT_ERROR_FT)
    return _filled(np.where(np.isfinite(t.apart_m), near, t.possible))


def _edge(t: _Together, at_s: float, step: int) -> tuple[float, float, bool]:
    """Of the beginning (``step`` -1) or end (1) at ``at_s``: the innermost and outermost moment, and is it open?

    Innermost: the last moment at which they were near for certain; outermost: the last at which they can have been.
    Both NaN where a position says nothing of its quality; the outermost where a track is at its own end.
    """
    n = len(t.clock)
    known = np.isfinite(t.apart_m)
    can = _can(t)
    at = int(np.clip(round((at_s - t.clock[0]) / STEP_S), 0, n - 1))
    outer = at
    while 0 <= outer + step < n and can[outer + step]:
        outer += step
    is_open = not 0 <= outer + step < n and not bool(known[outer])
    inner = at
    while 0 <= inner < n and not (t.apart_m[inner] + t.error_m[inner] <= NEAR_M):
        inner -= step
        if abs(inner - at) * STEP_S > BEYOND_S:
            inner = -1
    near = known & (np.abs(t.clock - at_s) <= LONGEST_GAP_S)
    vague = bool(np.isnan(t.error_m[near]).any()) if near.any() else True
    # one step outwards: what is said of moments between two of the clock
    inner_s = t.clock[inner] if 0 <= inner < n and not vague else math.nan
    outer_s = math.nan if is_open or vague else t.clock[outer] + step * STEP_S
    return float(inner_s), float(outer_s), is_open


def _separation(t: _Together, here: Bools, least_m: float) -> tuple[Measure, Measure]:
    """Median separation, and the least, each with what the errors of fixes leave possible."""
    apart, error = t.apart_m[here], t.error_m[here]
    low = high = least_low = least_high = math.nan
    sure = np.isfinite(error)
    if len(apart) and sure.mean() >= 0.95:
        least = np.maximum(apart[sure] - error[sure], 0.0)
        most = apart[sure] + error[sure]
        # among many inexact fixes the nearest is one of the worst: there a few minutes' median speaks
        calm = np.fmax(t.apart_m, np.where(t.error_m > INEXACT_M, _median(t.apart_m, int(_MEAN_S / STEP_S)), 0.0))
        calmest = float((calm + t.error_m)[here][sure].min())
        low, high = float(np.median(least)), float(np.median(most))
        least_low, least_high = float(least.min()), calmest
    return (float(np.median(apart)), low, high), (least_m, min(least_low, least_m), max(least_high, least_m))


def company(a: Flown, b: Flown, met: Meetings) -> Company | None:
    """Did two tracks keep company? ``met``: their meetings within ``NEAR_M`` and ``NEAR_FT``, in the order of time.

    Null where they did not; the rules are in ``formation``.
    """
    t = _together(a, b, float(met.start_s[0]) - BEYOND_S, float(met.end_s[-1]) + BEYOND_S)
    near = np.isfinite(t.apart_m) & (t.apart_m <= NEAR_M) & ~(np.abs(t.above_ft) > NEAR_FT)
    spans, kept = [], np.zeros(len(t.clock), np.bool_)
    for span in _merged(met.start_s, met.end_s):
        here = near & (t.clock >= span.start_s) & (t.clock <= span.end_s)
        if span.near_s >= SHORTEST_S and here.any() and t.matched[here].mean() >= 0.6 and not _passes(t, here):
            spans.append(span)
            kept |= here
    close = ~t.low | ((t.apart_m <= LOW_M) & ~(np.abs(t.above_ft) >= CIVIL_FT))
    core = kept & t.matched & close
    if core.sum() * STEP_S < LEAST_S or (core & t.steady).sum() * STEP_S < STEADY_S:
        return None
    inside = np.zeros(len(met.start_s), np.bool_)
    for span in spans:
        inside |= (met.start_s >= span.start_s) & (met.end_s <= span.end_s)
    at = int(np.flatnonzero(inside)[met.distance_m[inside].argmin()])
    least_m = float(met.distance_m[at])
    civil = kept & (t.apart_m <= np.where(t.low, LOW_M, CIVIL_M)) & (np.abs(t.above_ft) < CIVIL_FT)
    turned = np.cumsum(np.where(kept, t.turn, 0.0))
    path = t.middle[kept]
    extent = float(np.linalg.norm(path.max(0) - path.min(0)))

    bridged: list[tuple[float, float]] = []
    apart: list[tuple[float, float]] = []
    can = _can(t)
    for one, two in pairwise(spans):
        between = (t.clock > one.end_s) & (t.clock < two.start_s)
        (bridged if can[between].all() else apart).append((one.end_s, two.start_s))
    first_in, first_out, open_start = _edge(t, spans[0].start_s, -1)
    last_in, last_out, open_end = _edge(t, spans[-1].end_s, 1)
    observed = sum(s.near_s for s in spans)
    low = float((kept & (t.apart_m + t.error_m <= NEAR_M)).sum() * STEP_S)
    vague = bool(np.isnan(t.error_m[kept]).mean() > 0.05)
    most = last_out - first_out - sum(e - s for s, e in apart)
    separation, least = _separation(t, kept, least_m)
    vertical = np.abs(t.above_ft[kept])
    seen = np.isfinite(vertical)
    middle = float(np.median(vertical[seen])) if seen.mean() >= 0.5 else math.nan
    return Company(
        spans=tuple(spans),
        bridged=tuple(bridged),
        apart=tuple(apart),
        joined=(spans[0].start_s, first_out, first_in),
        left=(spans[-1].end_s, last_in, last_out),
        open_start=open_start,
        open_end=open_end,
        together_s=(observed, math.nan if vague else min(low, observed), max(most, observed)),
        separation_m=separation,
        closest_m=least,
        closest_s=float(met.time_s[at]),
        closest_ft=abs(float(met.vertical_ft[at])),
        vertical_ft=(middle, max(0.0, middle - ALT_ERROR_FT), middle + ALT_ERROR_FT),
        core_s=float((core & t.steady).sum() * STEP_S),
        civil_s=float(civil.sum() * STEP_S),
        civil_high_s=float((civil & ~t.low).sum() * STEP_S),
        turned_deg=math.degrees(float(np.ptp(turned))),
        extent_m=extent,
    )
