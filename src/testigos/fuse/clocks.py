"""Clocks of receivers: how one runs against another, from the transmissions that both have heard.

A *clock* counts nanoseconds from any moment: one receiver's counter between two restarts. Two clocks that hear
one transmission do so within the difference of its ways to them, some milliseconds at most; so each shared
transmission is a pair (time by one, by the other) that lies on the line which relates the two. Pairs that are
none (a payload sent twice, each heard once) lie anywhere.

Own rule: pairs are followed in time by Kalman filters of offset and drift, as one follows a target among
clutter; where a filter finds no more pairs, because the clock was set or restarted unseen, another takes over.
What filters found is fitted again, piece by piece, by a line and medians about it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["Bend", "Relation", "Timeline", "bend", "grouped", "relation", "seconds", "timeline"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Scatter of honest pairs in seconds: ways through the air for counters, then ever worse host times.
SCATTER_S: Final = (0.7e-3, 10e-3, 30e-3)
DRIFT: Final = 1e-4  #: one sigma of a crystal's error, relative
_WANDER: Final = 1e-14  # variance of the drift gained a second: 1 ppm in 100 s
_GATE2: Final = 16.0  # four sigma
_TRACKS: Final = 32  # followed at a time
_LEAST: Final = 3  # pairs that make a relation
_SHARE: Final = (0.1, 0.5, 0.5)  # of all pairs that must lie on it, for each scatter
_MORE: Final = 1.25  # times as many pairs must a worse scatter explain
_BIN_S: Final = 20.0
_BIN_PAIRS: Final = 5
_SAME_S: Final = 2e-3  # clocks of true time that differ by whole seconds and no more than this agree
_CROWD: Final = 256  # a payload heard more often identifies no transmission


def seconds(ns: Ints) -> Floats:
    """Seconds of nanoseconds."""
    made: Floats = ns.astype(np.float64) * 1e-9
    return made


@njit(cache=True, nogil=True)
def _follow(x: Floats, y: Floats, sigma: float) -> Ints:
    """Which line each pair lies on: ``y`` is the offset at the time ``x``, ascending, in seconds."""
    n = len(x)
    label = np.full(n, -1, np.int64)
    at, count = np.zeros(_TRACKS), np.zeros(_TRACKS, np.int64)
    name = np.full(_TRACKS, -1, np.int64)
    off, drift = np.zeros(_TRACKS), np.zeros(_TRACKS)
    p00, p01, p11 = np.zeros(_TRACKS), np.zeros(_TRACKS), np.zeros(_TRACKS)
    used, names = 0, 0
    for i in range(n):
        best = -1
        for k in range(used):
            dt = x[i] - at[k]
            s = p00[k] + 2.0 * dt * p01[k] + dt * dt * p11[k] + _WANDER * dt * dt * dt / 3.0 + sigma * sigma
            r = y[i] - off[k] - drift[k] * dt
            if r * r <= _GATE2 * s and (best < 0 or count[k] > count[best]):
                best = k
        if best >= 0:
            k = best
            dt = x[i] - at[k]
            a = p00[k] + 2.0 * dt * p01[k] + dt * dt * p11[k] + _WANDER * dt * dt * dt / 3.0
            b = p01[k] + dt * p11[k] + _WANDER * dt * dt / 2.0
            c = p11[k] + _WANDER * dt
            s = a + sigma * sigma
            r = y[i] - off[k] - drift[k] * dt
            off[k] += drift[k] * dt + a / s * r
            drift[k] += b / s * r
            p00[k], p01[k], p11[k] = a - a * a / s, b - a * b / s, c - b * b / s
        else:
            if used < _TRACKS:
                k = used
                used += 1
            else:
                k = 0  # the one that has least to say for itself
                for j in range(1, _TRACKS):
                    if at[j] + 60.0 * min(count[j], 20) < at[k] + 60.0 * min(count[k], 20):
                        k = j
            name[k], count[k], off[k], drift[k] = names, 0, y[i], 0.0
            p00[k], p01[k], p11[k] = sigma * sigma, 0.0, DRIFT * DRIFT
            names += 1
        at[k] = x[i]
        count[k] += 1
        label[i] = name[k]
    return label


@dataclass(frozen=True, slots=True)
class Bend:
    """A line from ``x`` to ``y``, bent by ``knots``; beyond the outermost knots it goes on straight."""

    x0: float
    y0: float
    slope: float
    knot_x: Floats
    knot_y: Floats

    def at(self, x: Floats) -> Floats:
        """``y`` at each ``x``."""
        line: Floats = self.y0 + self.slope * (x - self.x0) + np.interp(x, self.knot_x, self.knot_y)
        return line


def bend(x: Floats, y: Floats, bin_s: float = _BIN_S, scatter: float = SCATTER_S[0]) -> Bend:
    """The line through pairs (``x`` ascending, seconds), and medians about it of ``bin_s`` or more each."""
    x0, y0 = float(np.mean(x)), float(np.median(y))
    dx, dy = x - x0, y - float(np.mean(y))
    # ridge: few pairs close together say nothing of the slope, and a crystal's is small
    slope = float(dx @ dy / (dx @ dx + (scatter / DRIFT) ** 2))
    rest = y - y0 - slope * dx
    number = ((x - x[0]) // bin_s).astype(np.int64)
    edges = np.flatnonzero(np.diff(number, prepend=-1))
    cuts = [0]
    for edge in edges[1:].tolist():
        if edge - cuts[-1] >= _BIN_PAIRS:
            cuts.append(edge)
    if len(cuts) > 1 and len(x) - cuts[-1] < _BIN_PAIRS:
        cuts.pop()
    parts = list(zip(cuts, [*cuts[1:], len(x)], strict=True))
    knot_x = np.array([np.mean(x[a:b]) for a, b in parts])
    knot_y = np.array([np.median(rest[a:b]) for a, b in parts])
    if len(parts) > 1:  # the half bins at the ends go on as the next two knots do
        ends = (knot_y[1] - knot_y[0]) / (knot_x[1] - knot_x[0]), (knot_y[-1] - knot_y[-2]) / (knot_x[-1] - knot_x[-2])
        first, last = knot_y[0] + ends[0] * (x[0] - knot_x[0]), knot_y[-1] + ends[1] * (x[-1] - knot_x[-1])
        knot_x, knot_y = np.r_[x[0], knot_x, x[-1]], np.r_[first, knot_y, last]
    return Bend(x0, y0, slope, knot_x, knot_y)


@dataclass(frozen=True, slots=True)
class Relation:
    """What to add to a clock, in pieces of its own time in nanoseconds; ``scatter_s`` is the rms of what is left.

    ``origin_ns`` and ``offset_ns`` keep the numbers of the pieces small.
    """

    origin_ns: int
    offset_ns: int
    begin_s: Floats
    end_s: Floats
    pieces: tuple[Bend, ...]
    pairs: int
    scatter_s: float

    def at(self, local_ns: Ints) -> Ints:
        """Nanoseconds to add at each time of the clock: of the piece it is in, or of the nearest."""
        x = seconds(local_ns - self.origin_ns)
        added = np.zeros(len(x))
        if len(self.pieces) == 1:
            added = self.pieces[0].at(x)
        else:
            border = (self.end_s[:-1] + self.begin_s[1:]) / 2.0
            which = np.searchsorted(border, x, side="right")
            for number, piece in enumerate(self.pieces):
                here = which == number
                added[here] = piece.at(x[here])
        return self.offset_ns + np.rint(added * 1e9).astype(np.int64)

    @property
    def drift(self) -> float:
        """Relative drift, weighted by how long each piece lasts."""
        lasts = self.end_s - self.begin_s
        slopes = np.array([p.slope for p in self.pieces])
        return float(slopes @ lasts / lasts.sum()) if lasts.sum() > 0 else float(slopes.mean())


def relation(local_ns: Ints, other_ns: Ints) -> Relation | None:
    """How a clock runs against another, from pairs of their times (N,); null where the pairs say nothing.

    Pairs may come in any order; most may be false as long as those do not agree among themselves.
    """
    order = np.lexsort((other_ns, local_ns))
    local, offset = local_ns[order], (other_ns - local_ns)[order]
    if len(local) < _LEAST:
        return None
    origin, middle = int(local[0]), int(np.sort(offset)[len(offset) // 2])
    x, y = seconds(local - origin), seconds(offset - middle)
    best: tuple[int, float, list[Ints]] = (0, 0.0, [])
    for sigma, share in zip(SCATTER_S, _SHARE, strict=True):
        chosen = _pieces(_follow(x, y, sigma), x)
        fits = sum(len(rows) for rows in chosen)
        least = _LEAST if sigma == SCATTER_S[0] else 2 * _LEAST
        if fits >= max(least, share * len(x), _MORE * best[0]):
            best = (fits, sigma, chosen)
        if _MORE * best[0] > len(x):
            break
    fits, sigma, chosen = best
    if not fits:
        return None
    pieces = tuple(bend(x[rows], y[rows], scatter=sigma) for rows in chosen)
    rest = np.concatenate([y[rows] - piece.at(x[rows]) for rows, piece in zip(chosen, pieces, strict=True)])
    return Relation(
        origin,
        middle,
        np.array([x[rows[0]] for rows in chosen]),
        np.array([x[rows[-1]] for rows in chosen]),
        pieces,
        fits,
        float(np.sqrt(np.mean(rest * rest))),
    )


def _whole_seconds(local_ns: Ints, other_ns: Ints, made: Relation) -> Relation:
    """The relation of two clocks of true time: whole seconds, unless one of them is plainly wrong."""
    if len(made.pieces) > 1:
        return made
    offset = np.sort(other_ns - local_ns - made.at(local_ns))
    middle = int(offset[len(offset) // 2]) + made.at(local_ns[:1])[0]
    seconds = round(middle * 1e-9)
    if abs(middle * 1e-9 - seconds) > _SAME_S or abs(made.pieces[0].slope) * made.end_s[0] > _SAME_S:
        return made
    left = (other_ns - local_ns - seconds * 1_000_000_000) * 1e-9
    left = left[np.abs(left) < 2 * _SAME_S]
    nothing = Bend(0.0, 0.0, 0.0, np.zeros(1), np.zeros(1))
    scatter = float(np.sqrt(np.mean(left * left))) if len(left) else made.scatter_s
    offset_ns = seconds * 1_000_000_000
    return Relation(made.origin_ns, offset_ns, made.begin_s, made.end_s, (nothing,), made.pairs, scatter)


def _pieces(label: Ints, x: Floats) -> list[Ints]:
    """Rows of the best supported lines that do not overlap in time, in the order of time."""
    start, order = grouped(label, int(label.max()) + 1)
    count = np.diff(start)
    taken: list[tuple[float, float, Ints]] = []
    for k in np.argsort(-count, kind="stable").tolist():
        if count[k] < _LEAST:
            break
        rows = order[start[k] : start[k + 1]]
        first, last = float(x[rows[0]]), float(x[rows[-1]])
        if all(last < a or first > b for a, b, _ in taken):
            taken.append((first, last, rows))
    return [rows for _, _, rows in sorted(taken, key=lambda piece: piece[0])]


@njit(cache=True, nogil=True)
def grouped(number: Ints, count: int) -> tuple[Ints, Ints]:
    """Where each number's rows begin in the second array (with the end appended), and the rows, in their order.

    Rows with a negative number are left out.
    """
    start = np.zeros(count + 1, np.int64)
    for k in number:
        if k >= 0:
            start[k + 1] += 1
    for k in range(count):
        start[k + 1] += start[k]
    place = start[:-1].copy()
    rows = np.empty(start[count], np.int64)
    for i in range(len(number)):
        k = number[i]
        if k >= 0:
            rows[place[k]] = i
            place[k] += 1
    return start, rows


@njit(cache=True, nogil=True)
def _anchors(start: Ints, rows: Ints, clock: Ints, clocks: int) -> npt.NDArray[np.bool_]:
    """Which rows are of a payload that several clocks have heard, and none of them twice."""
    anchor = np.zeros(len(clock), np.bool_)
    seen = np.full(clocks, -1, np.int64)
    for g in range(len(start) - 1):
        a, b = start[g], start[g + 1]
        if b - a < 2 or b - a > _CROWD:
            continue
        once = True
        for k in range(a, b):
            c = clock[rows[k]]
            if c < 0 or seen[c] == g:
                once = False
                break
            seen[c] = g
        if once:
            for k in range(a, b):
                anchor[rows[k]] = True
    return anchor


@njit(cache=True, nogil=True)
def _know(
    mine: Ints,
    time_ns: Ints,
    component: int,
    group: Ints,
    clock: Ints,
    start: Ints,
    rows: Ints,
    done: npt.NDArray[np.bool_],
    known: Ints,
    known_in: Ints,
    shared: Ints,
) -> None:
    """The payloads of a clock that was brought onto the timeline get their time; what others share is counted."""
    for k in range(len(mine)):
        g = group[mine[k]]
        if known_in[g] == component:
            continue
        known_in[g], known[g] = component, time_ns[k]
        for j in range(start[g], start[g + 1]):
            c = clock[rows[j]]
            if not done[c]:
                shared[c] += 1


@dataclass(frozen=True, slots=True)
class Timeline:
    """For each clock: which component it belongs to (-1: shares nothing) and what to add to it (null: nothing).

    Clocks of one component are on one timeline, that of the clock in it which has most to share; one of GPS if any.
    """

    component: Ints
    relations: tuple[Relation | None, ...]

    def shift_ns(self, clock: int, local_ns: Ints) -> Ints:
        """Nanoseconds to add to times of a clock."""
        made = self.relations[clock]
        return np.zeros(len(local_ns), np.int64) if made is None else made.at(local_ns)


def timeline(
    group: Ints, groups: int, clock: Ints, clocks: int, local_ns: Ints, true_time: npt.NDArray[np.bool_]
) -> Timeline:
    """One timeline for all clocks that share enough, directly or through others.

    ``group`` (N,): the number of the payload, below ``groups``, negative where there is none; ``clock`` (N,): the
    number of the clock, below ``clocks``, negative where there is none; ``local_ns`` (N,): what that clock showed.
    ``true_time`` (clocks,): which count the seconds of GPS; among themselves only whole seconds are added, so that
    the ways through the air do not move them.
    """
    held = np.where(clock >= 0, group, -1)
    start, rows = grouped(held, groups)
    anchor = np.flatnonzero(_anchors(start, rows, clock, clocks))
    of_group = group[anchor]
    a_clock, a_local = clock[anchor], local_ns[anchor]
    start, rows = grouped(of_group, groups)
    c_start, c_rows = grouped(a_clock, clocks)
    heard = np.diff(c_start)
    done = np.zeros(clocks, np.bool_)
    component = np.full(clocks, -1, np.int64)
    found: list[Relation | None] = [None] * clocks
    known, known_in = np.zeros(groups, np.int64), np.full(groups, -1, np.int64)
    shared, refused = np.zeros(clocks, np.int64), np.zeros(clocks, np.int64)
    components = 0
    by_true_time = False
    while True:
        # a clock whose pairs said nothing is tried again when it has twice as many
        open_to = np.where(done | (shared < np.maximum(_LEAST, 2 * refused)), -1, shared)
        c = int(np.argmax(open_to)) if clocks else 0
        made: Relation | None = None
        if not clocks or open_to[c] < 0:  # nothing more belongs to this component
            base = np.where(done | (heard < _LEAST), -1, heard)
            best = np.where(true_time, base, -1)
            base = best if best.max(initial=-1) >= 0 else base
            c = int(np.argmax(base)) if clocks else 0
            if not clocks or base[c] < 0:
                break
            by_true_time = bool(true_time[c])
            components += 1
            shared[:], refused[:] = 0, 0
        else:
            mine = c_rows[c_start[c] : c_start[c + 1]]
            pairs = mine[known_in[of_group[mine]] == components]
            made = relation(a_local[pairs], known[of_group[pairs]])
            if made is None:
                refused[c] = shared[c]
                continue
            if by_true_time and true_time[c]:
                made = _whole_seconds(a_local[pairs], known[of_group[pairs]], made)
        mine = c_rows[c_start[c] : c_start[c + 1]]
        local = a_local[mine]
        done[c], component[c], found[c] = True, components, made
        aligned = local if made is None else local + made.at(local)
        _know(mine, aligned, components, of_group, a_clock, start, rows, done, known, known_in, shared)
    return Timeline(component, tuple(found))
