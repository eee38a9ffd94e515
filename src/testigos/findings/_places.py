"""Tests on places: two tracks or two call signs under one address, jumps, multilateration, a receiver's horizon.

The rules, and the reason of each threshold, stand in ``integrity``.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from testigos import words
from testigos.findings._integrity import STRAND_ROWS, against, horizon_m
from testigos.findings._suspicion import Fixes, Strands, Suspicion, column, few, radii, rounded, runs, stranded
from testigos.fuse.quality import MLAT95_M
from testigos.geo import distance_m

__all__ = ["beyond_horizon", "conflicting_places", "conflicting_signs", "mlat_disagrees"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

APART_M: Final = 5_000.0  #: nearer than this, no two places are told apart
LASTS_S: Final = 30.0  #: a strand that is more than strays
TURNS: Final = 4  #: changes to and fro between two strands
STRAYS: Final = 3  #: in ``STRAYS_S``
STRAYS_S: Final = 600.0
SIGNS: Final = 6  #: changes of the call sign to and fro, in ``SIGNS_S``
SIGNS_S: Final = 1_800.0
GAP_S, SIDE_S = 30.0, 5.0  # own positions round or beside a multilaterated one
MLAT_ROWS: Final = 4  #: in a row, at most ``MLAT_GAP_S`` apart
MLAT_GAP_S: Final = 300.0
HORIZON: Final = 1.25
HORIZON_ADD_M: Final = 20_000.0
HORIZON_ROWS: Final = 5
_MOST: Final = 8  # strands of one object that are compared with its longest


class _Beside(NamedTuple):
    """How far one strand is from another; ``ahead_s`` where it is but the other at another time, else NaN."""

    least_m: float
    median_m: float
    greatest_m: float
    ahead_s: float


def _beside(f: Fixes, mine: Ints, main: Ints) -> _Beside | None:
    there = against(f.code, f.time_s, f.xyz, mine, main, 120.0, 30.0)
    apart = there.apart_m[np.isfinite(there.apart_m)]
    if not len(apart):
        return None
    shift = np.nan
    good = np.isfinite(there.along_m)
    if good.sum() >= STRAND_ROWS and good.sum() >= 0.5 * len(mine):
        along = there.along_m[good]
        ahead = along / there.speed_mps[good]
        middle = float(np.median(ahead))
        aside = np.sqrt(np.maximum(there.apart_m[good] ** 2 - along**2, 0.0))
        steady = float(np.quantile(np.abs(ahead - middle), 0.8)) <= 2.0 + 0.15 * abs(middle)
        if steady and float(np.median(aside)) <= 500.0 + 0.1 * abs(float(np.median(along))):
            shift = middle
    return _Beside(float(apart.min()), float(np.median(apart)), float(apart.max()), shift)


def conflicting_places(f: Fixes) -> list[Suspicion]:
    """Jumps that nothing can fly, two places at once under one address, and clocks that differ."""
    own = np.flatnonzero(f.own)
    g = f.take(own)
    s = stranded(g)
    found: list[Suspicion] = []
    # strands are in the order of their objects
    for begin, end in runs(s.object):
        if end - begin > 1:
            found += _of_object(g, s, np.arange(begin, end))
    return [t._replace(rows=own[t.rows], first=int(own[t.first]), last=int(own[t.last])) for t in found]


def _near(mine: Ints, theirs: Ints) -> Ints:
    """Some rows of ``mine`` beside some of ``theirs``."""
    return mine[np.unique(np.clip(np.searchsorted(mine, few(theirs, 8)), 0, len(mine) - 1))]


def _of_object(g: Fixes, s: Strands, these: Ints) -> list[Suspicion]:
    low = int(s.first[these].min())
    rows = np.arange(low, int(s.last[these].max()) + 1)
    whole = (s.size[these] >= STRAND_ROWS) & (g.time_s[s.last[these]] - g.time_s[s.first[these]] >= LASTS_S)
    main = int(these[np.argmax(s.size[these])])
    mine = rows[s.of[rows] == main]
    others = these[whole & (these != main)]
    jumps: list[int] = []
    at_once: list[tuple[Ints, int, _Beside]] = []
    shifts: list[tuple[Ints, _Beside]] = []
    for k in np.sort(others[np.argsort(-s.size[others], kind="stable")][:_MOST]).tolist():
        theirs = rows[s.of[rows] == k]
        both = rows[(s.of[rows] == k) | (s.of[rows] == main)]
        turns = int((np.diff(s.of[both]) != 0).sum())
        if turns < TURNS:
            later = k if s.first[k] > s.first[main] else main
            if s.excess_m[later] >= APART_M:
                jumps.append(later)
            continue
        how = _beside(g, theirs, mine)
        if how is None or how.median_m < APART_M:
            continue
        if np.isfinite(how.ahead_s):
            shifts.append((theirs, how))
        else:
            at_once.append((theirs, turns, how))
    found = [_two_tracks(g, mine, at_once)] if at_once else []
    found += [_two_clocks(g, mine, theirs, how) for theirs, how in shifts]
    strays = rows[np.isin(s.of[rows], these[~whole & (s.excess_m[these] >= APART_M)])]
    strays = _dense(g.time_s, strays)
    if jumps or len(strays):
        found.append(_jump(g, s, sorted(set(jumps)), strays, low))
    return found


def _dense(time_s: Floats, strays: Ints) -> Ints:
    """Those strays of which there are ``STRAYS`` within ``STRAYS_S``."""
    if len(strays) < STRAYS:
        return strays[:0]
    near = time_s[strays[STRAYS - 1 :]] - time_s[strays[: len(strays) - STRAYS + 1]] <= STRAYS_S
    part = np.zeros(len(strays), np.bool_)
    for shift in range(STRAYS):
        part[shift : shift + len(near)] |= near
    return strays[part]


def _two_tracks(g: Fixes, mine: Ints, at_once: list[tuple[Ints, int, _Beside]]) -> Suspicion:
    theirs = np.sort(np.concatenate([t for t, _, _ in at_once]))
    turns = sum(n for _, n, _ in at_once)
    return Suspicion(
        "duplicate_address",
        np.union1d(few(theirs, 8), _near(mine, theirs)),
        int(theirs[0]),
        int(theirs[-1]),
        {
            "separation": (
                rounded(np.median([a.median_m for _, _, a in at_once])),
                rounded(min(a.least_m for _, _, a in at_once)),
                rounded(max(a.greatest_m for _, _, a in at_once)),
                "m",
            ),
            "positions": (float(len(theirs)), None, None, "1"),
            "alternations": (float(turns), None, None, "1"),
        },
        {"why": "places", "tracks": 1 + len(at_once)},
        min(0.95, 0.6 + 0.02 * min(len(theirs), 10) + 0.01 * min(turns, 15)),
        (g.name(int(theirs[0])),),
    )


def _two_clocks(g: Fixes, mine: Ints, theirs: Ints, how: _Beside) -> Suspicion:
    return Suspicion(
        "time_fault",
        np.union1d(few(theirs, 8), _near(mine, theirs)),
        int(theirs[0]),
        int(theirs[-1]),
        {"shift": (rounded(abs(how.ahead_s)), None, None, "s"), "positions": (float(len(theirs)), None, None, "1")},
        {"faults": ["two_clocks"]},
        0.8,
        (g.name(int(theirs[0])),),
    )


def _jump(g: Fixes, s: Strands, jumps: list[int], strays: Ints, low: int) -> Suspicion:
    ends = np.array([r for k in jumps for r in (max(low, int(s.first[k]) - 1), int(s.first[k]))], np.int64)
    which = [*jumps, *np.unique(s.of[strays]).tolist()]
    deciding = np.unique(np.concatenate((ends, few(strays, 8))))
    size = len(strays) + sum(int(s.size[k]) for k in jumps)
    return Suspicion(
        "unreachable_jump",
        few(deciding),
        int(deciding.min()),
        int(deciding.max()),
        {
            "jumps": (float(len(which)), None, None, "1"),
            "positions": (float(size), None, None, "1"),
            "excess": (rounded(np.max(s.excess_m[which])), None, None, "m"),
        },
        {"continued": bool(jumps), "strays": len(strays)},
        0.8 if jumps else 0.5,
        (g.name(low),),
    )


def conflicting_signs(f: Fixes) -> list[Suspicion]:
    """Two call signs by turns under one address, in one piece of the input."""
    rows = np.flatnonzero(f.table["callsign"].is_not_null().to_numpy() & f.own)
    if not len(rows):
        return []
    code, time_s = f.code[rows], f.time_s[rows]
    segment = f.table["segment"].fill_null(0).to_numpy()[rows]
    sign = f.table["callsign"].rank("dense").fill_null(0).to_numpy()[rows].astype(np.int64)
    order = np.lexsort((np.arange(len(rows)), segment, code))
    code, time_s, segment, sign, rows = code[order], time_s[order], segment[order], sign[order], rows[order]
    one = (code[1:] == code[:-1]) & (segment[1:] == segment[:-1])
    change = np.flatnonzero(one & (sign[1:] != sign[:-1])) + 1
    found = []
    for begin, end in runs(code[change]):
        these = change[begin:end]
        # to and fro between the same two
        pair = np.sort(np.stack((sign[these - 1], sign[these])), axis=0)
        many, size = np.unique(pair, axis=1, return_counts=True)
        for a, b in many[:, size >= SIGNS].T.tolist():
            turns = these[(pair[0] == a) & (pair[1] == b)]
            soon = time_s[turns[SIGNS - 1 :]] - time_s[turns[: len(turns) - SIGNS + 1]] <= SIGNS_S
            if not soon.any():
                continue
            told = sorted({str(f.table["callsign"][int(rows[i])]) for i in (turns[0] - 1, turns[0])})
            deciding = rows[np.unique(np.concatenate((turns - 1, turns)))]
            found.append(
                Suspicion(
                    "duplicate_address",
                    few(deciding),
                    int(deciding.min()),
                    int(deciding.max()),
                    {"alternations": (float(len(turns)), None, None, "1")},
                    {"why": "call_signs", "callsigns": told},
                    0.6,
                    (f.name(int(deciding[0])),),
                )
            )
    return found


def mlat_disagrees(f: Fixes) -> list[Suspicion]:
    """Where multilateration puts an object elsewhere than the object puts itself, several times in a row."""
    mlat = np.flatnonzero((f.table["source"] == "mlat").fill_null(False).to_numpy())
    own = np.flatnonzero(f.own)
    if not len(mlat) or not len(own):
        return []
    there = against(f.code, f.time_s, f.xyz, mlat, own, GAP_S, SIDE_S)
    radius = radii(f)
    beside = np.where(there.before >= 0, there.before, there.after)
    after = np.where(there.after >= 0, there.after, beside)
    said = np.maximum(radius[np.maximum(beside, 0)], radius[np.maximum(after, 0)])
    # radii are of 95 %; half as much again leaves one in a thousand of a normal error outside
    limit = 1.5 * (np.where(np.isfinite(f.radius_m[mlat]), f.radius_m[mlat], MLAT95_M) + said) + there.doubt_m
    known = np.flatnonzero(np.isfinite(there.apart_m))
    mlat, limit, apart, near = mlat[known], limit[known], there.apart_m[known], beside[known]
    bad = apart > limit
    new = (np.diff(f.code[mlat], prepend=-1) != 0) | (np.diff(f.time_s[mlat], prepend=-np.inf) > MLAT_GAP_S)
    new |= np.diff(bad, prepend=False)
    episodes: dict[int, list[Ints]] = {}
    for begin, end in runs(np.cumsum(new)):
        if bad[begin] and end - begin >= MLAT_ROWS:
            episodes.setdefault(int(f.code[mlat[begin]]), []).append(np.arange(begin, end))
    found = []
    for code, parts in sorted(episodes.items()):
        rows = np.concatenate(parts)
        compared = int((f.code[mlat] == code).sum())
        some = few(rows, 8)
        off = apart[rows]
        found.append(
            Suspicion(
                "mlat_disagrees",
                np.union1d(mlat[some], near[some]),
                int(mlat[rows[0]]),
                int(mlat[rows[-1]]),
                {
                    "separation": (
                        rounded(np.median(off)),
                        rounded(np.quantile(off, 0.05)),
                        rounded(np.quantile(off, 0.95)),
                        "m",
                    ),
                    "excess": (rounded((off - limit[rows]).max()), None, None, "m"),
                    "positions": (float(len(rows)), None, None, "1"),
                    "compared": (float(compared), None, None, "1"),
                },
                {},
                min(0.9, 0.6 + 0.02 * len(rows)),
                (f.name(int(mlat[rows[0]])),),
            )
        )
    return found


def beyond_horizon(f: Fixes, receivers: Mapping[str, tuple[float, float, float]]) -> list[Suspicion]:
    """Positions that a receiver heard though they are far beyond its radio horizon.

    ``receivers``: latitude, longitude and antenna height in metres by name; others are not tested.
    """
    high = np.fmax(column(f.table, "alt_geom_ft"), column(f.table, "alt_baro_ft"))
    found = []
    beyond = np.full(len(f.code), np.nan)
    heard = f.table["receiver"]
    radius = radii(f)
    for name, (lat, lon, antenna_m) in sorted(receivers.items()):
        rows = np.flatnonzero((heard == name).fill_null(False).to_numpy() & f.own & f.air & np.isfinite(high))
        if not len(rows):
            continue
        far = distance_m(np.full(len(rows), lat), np.full(len(rows), lon), f.lat[rows], f.lon[rows])
        beyond[rows] = far - (HORIZON * horizon_m(high[rows], antenna_m) + HORIZON_ADD_M + radius[rows])
    at = np.flatnonzero(beyond > 0.0)
    for begin, end in runs(f.code[at]):
        rows = at[begin:end]
        if len(rows) < HORIZON_ROWS:
            continue
        found.append(
            Suspicion(
                "beyond_horizon",
                few(rows),
                int(rows[0]),
                int(rows[-1]),
                {
                    "excess": (rounded(beyond[rows].max()), None, None, "m"),
                    "positions": (float(len(rows)), None, None, "1"),
                },
                {"receivers": sorted({words.name(n) for n in heard[rows].to_list()})},
                min(0.9, 0.6 + 0.02 * len(rows)),
                (f.name(int(rows[0])),),
            )
        )
    return found
