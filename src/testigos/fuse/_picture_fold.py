"""Reports into tracks: each put in its place, then all that follows told again. See ``_picture_arrays`` for the words.

What a state says is a fold over the nodes of its object in their total order: time, latitude, longitude, content. So
it does not depend on the order of arrival, as long as no node comes that lies before what is forgotten already. Times
in whole milliseconds are cut off more often than not: among times they count as the end of their millisecond, so that
what was said to the nanosecond goes before its own echo.

Rules for a position, own ones:

- It is a duplicate if one of the last ``REPS`` used positions is the same within ``same_deg`` and ``same_s``, or has
  the same payload within ``transmission_s``.
- The filter's gate decides on others. What it refuses stays out, until as many in a row agree that it begins anew.
- Refused positions that agree with each other, while the track goes on elsewhere, are a second transmitter under this
  address: three of them, while the track had two, and ``twin_m`` from it.
- Quality that came without a position holds for 60 s, a velocity for 2 s, as the filter sees it.
"""

import math
from typing import Final

import numpy as np

from testigos.fuse import _picture_arrays as arrays
from testigos.fuse._picture_arrays import (
    DUPLICATE,
    LATENT,
    MAIN,
    PLACED,
    PLAIN,
    QUALITY,
    REFUSED_AT,
    REPS,
    TWIN,
    VELOCITY,
    Any1,
    Nodes,
    Slots,
    States,
)
from testigos.fuse.filter import measured
from testigos.fuse.motion import MODE
from testigos.fuse.quality import LATENCY95_S
from testigos.geo import to_ecef
from testigos.kernels import kernel
from testigos.units import KT_MPS

__all__ = ["close", "fold", "insert"]

_EPU_T, _RC_T, _V_T, _V_NEW, _CAND_T, _CAND_N, _SINCE, _REP_AT, _TWIN_ROW = (
    *(arrays.EPU_T, arrays.RC_T, arrays.V_T, arrays.V_NEW, arrays.CAND_T, arrays.CAND_N, arrays.SINCE),
    *(arrays.REP_AT, arrays.TWIN_ROW),
)
_SHOWN_T, _INPUT, _LINK, _VIA, _SOURCE, _OFFSET, _COUNT, _REP_T, _REP_HASH = (
    *(arrays.SHOWN_T, arrays.INPUT, arrays.LINK, arrays.VIA, arrays.SOURCE, arrays.OFFSET, arrays.COUNT),
    *(arrays.REP_T, arrays.REP_HASH),
)
_USUAL, _EPU, _RC, _GS, _TRACK, _V_VAR, _CAND_LAT, _CAND_LON, _LAT, _LON, _RADIUS, _REP_LAT, _REP_LON = (
    *(arrays.USUAL, arrays.EPU, arrays.RC, arrays.GS, arrays.TRACK, arrays.V_VAR, arrays.CAND_LAT, arrays.CAND_LON),
    *(arrays.LAT, arrays.LON, arrays.RADIUS, arrays.REP_LAT, arrays.REP_LON),
)

_ACCEPTED, _STARTED, _RESTARTED, _REFUSED = 1, 2, 3, 4  # the filter's words
_MS: Final = 1_000_000
_QUALITY_NS: Final = 60_000_000_000
_VELOCITY_NS: Final = 2_000_000_000
_SPEED_NS: Final = 10_000_000_000
_UNKNOWN_MPS: Final = 600.0 * KT_MPS  # as in fuse.quality
_CONTAIN95: Final = 2.447746830680816
_CANDIDATE_NS: Final = 120_000_000_000
_AGREE: Final = 3
_WENT_ON: Final = 2
_TWIN_NS: Final = 900_000_000_000  # a second transmitter that is silent for so long is forgotten
_LONGEST_S: Final = 900.0
_EVERY: Final = 8  # one node in so many keeps its state, and the last one
_LAST: Final = 4  # where nodes come out of order, so many of the last
_UNRULY: Final = 8  # above this they are said to: each one out of order adds 4, each batch takes 1


@kernel
def _order(time):  # type: ignore[no-untyped-def]
    return time + (_MS - 1) if time % _MS == 0 else time


@kernel
def _earlier(nodes, a, b):  # type: ignore[no-untyped-def]
    """Whether node ``a`` goes before ``b``; nodes of equal content go in the order that they came in."""
    p, q = _order(nodes.time[a]), _order(nodes.time[b])
    if p != q:
        return p < q
    if nodes.time[a] != nodes.time[b]:
        return nodes.time[a] < nodes.time[b]
    # a report without a position goes first
    placed_a, placed_b = nodes.flags[a] & PLACED, nodes.flags[b] & PLACED
    if placed_a != placed_b:
        return placed_a < placed_b
    if placed_a:
        if nodes.lat[a] != nodes.lat[b]:
            return nodes.lat[a] < nodes.lat[b]
        if nodes.lon[a] != nodes.lon[b]:
            return nodes.lon[a] < nodes.lon[b]
    return nodes.tie[a] < nodes.tie[b]


@kernel
def insert(nodes, slots, said, rows, slot, node, touched):  # type: ignore[no-untyped-def]
    """Hangs ``rows`` of ``said``, in their order, into the lists of their ``slot``; ``node[row]`` is -1 where too late.

    Enough nodes must be free. Puts the slots that have to be told anew into ``touched``; gives how many they are.
    """
    count = 0
    for r in range(len(rows)):
        i = rows[r]
        g = slot[i]
        nodes.left[0] -= 1
        x = nodes.free[nodes.left[0]]
        nodes.time[x], nodes.lat[x], nodes.lon[x] = said.time[i], said.lat[i], said.lon[i]
        nodes.hash[x], nodes.tie[x], nodes.offset[x] = said.hash[i], said.tie[i], said.offset[i]
        nodes.gs[x], nodes.track[x], nodes.v_var[x] = said.gs[i], said.track[i], said.v_var[i]
        nodes.epu[x], nodes.rc[x] = said.epu[i], said.rc[i]
        nodes.input[x], nodes.link[x], nodes.via[x] = said.input[i], said.link[i], said.via[i]
        nodes.source[x], nodes.flags[x] = said.source[i], said.flags[i]
        nodes.state[x], nodes.verdict[x] = -1, 0
        p = slots.tail[g]
        while p >= 0 and _earlier(nodes, x, p):
            p = nodes.before[p]
        if p < 0 and slots.closed[g]:
            nodes.free[nodes.left[0]] = x
            nodes.left[0] += 1
            node[i] = -1
            continue
        nodes.keeps[x] = slots.came[g] % _EVERY == 0
        slots.came[g] = (slots.came[g] + 1) & 0xFFFF
        after = nodes.after[p] if p >= 0 else slots.head[g]
        nodes.before[x], nodes.after[x] = p, after
        if p >= 0:
            nodes.after[p] = x
        else:
            slots.head[g] = x
        if after >= 0:
            nodes.before[after] = x
            slots.unruly[g] = min(slots.unruly[g] + 4, 4 * _UNRULY)
        else:
            slots.tail[g] = x
        d = slots.dirty[g]
        if d < 0:
            touched[count] = g
            count += 1
            slots.dirty[g] = x
        elif _earlier(nodes, x, d):
            slots.dirty[g] = x
        node[i] = x
    return count


@kernel
def _new(states, motion):  # type: ignore[no-untyped-def]
    """An empty state."""
    states.left[0] -= 1
    q = states.free[states.left[0]]
    states.used[q] = states.refused[q] = states.last[q] = 0
    states.kind[q] = motion
    states.ints[q, :] = 0
    states.floats[q, :] = math.nan
    states.ints[q, _TWIN_ROW] = -1
    states.ints[q, _V_T] = states.ints[q, _EPU_T] = states.ints[q, _RC_T] = -(1 << 62)
    for k in range(REPS):
        states.ints[q, _REP_T + k] = -(1 << 62)
    states.floats[q, _USUAL] = 0.0
    return q


@kernel
def _copied_alone(states, p):  # type: ignore[no-untyped-def]
    states.left[0] -= 1
    q = states.free[states.left[0]]
    for k in range(states.state.shape[1]):
        states.state[q, k] = states.state[p, k]
    states.last[q], states.used[q], states.refused[q] = states.last[p], states.used[p], states.refused[p]
    states.kind[q] = states.kind[p]
    for k in range(states.ints.shape[1]):
        states.ints[q, k] = states.ints[p, k]
    for k in range(states.floats.shape[1]):
        states.floats[q, k] = states.floats[p, k]
    return q


@kernel
def _copied(states, p):  # type: ignore[no-untyped-def]
    """A copy of a state, with that of the second track."""
    q = _copied_alone(states, p)
    if states.ints[p, _TWIN_ROW] >= 0:
        states.ints[q, _TWIN_ROW] = _copied_alone(states, states.ints[p, _TWIN_ROW])
    return q


@kernel
def _drop(states, q):  # type: ignore[no-untyped-def]
    twin = states.ints[q, _TWIN_ROW]
    if twin >= 0:
        states.free[states.left[0]] = twin
        states.left[0] += 1
    states.free[states.left[0]] = q
    states.left[0] += 1


@kernel
def _apart_m(lat1, lon1, lat2, lon2):  # type: ignore[no-untyped-def]
    """The chord between two places."""
    x1, y1, z1 = to_ecef(lat1, lon1)
    x2, y2, z2 = to_ecef(lat2, lon2)
    return math.sqrt((x1 - x2) ** 2 + (y1 - y2) ** 2 + (z1 - z2) ** 2)


@kernel
def same_place(lat1, lon1, lat2, lon2, step):  # type: ignore[no-untyped-def]
    """Whether two places differ by no more than ``step`` degrees; across the antimeridian too."""
    east = abs(lon1 - lon2)
    return abs(lat1 - lat2) <= step and (east <= step or 360.0 - east <= step)


@kernel
def _measured(states, q, time, scratch, modes, when, at, outcome):  # type: ignore[no-untyped-def]
    """The filter's word on the position in ``scratch``."""
    at[0] = q
    when[0] = max(time, states.last[q]) if states.used[q] else time
    measured(
        states.motions, states.state, states.last, states.used, states.refused, states.kind, at, when,
        scratch[0], scratch[1], scratch[2], scratch[3], scratch[2], scratch[4], scratch[5], scratch[6],
        outcome, scratch[7], scratch[8], modes[0], modes[1],
    )  # fmt: skip
    return outcome[0]


@kernel
def _show(states, q, nodes, x, radius):  # type: ignore[no-untyped-def]
    """The position of a node becomes that of the track."""
    ints, floats = states.ints, states.floats
    if ints[q, _COUNT] > 0:
        dt = (nodes.time[x] - ints[q, _SHOWN_T]) * 1e-9
        if dt > 0.05:
            dt = min(dt, _LONGEST_S)
            usual = floats[q, _USUAL]
            floats[q, _USUAL] = dt if usual == 0.0 else usual + 0.25 * (min(dt, 3.0 * usual + 1.0) - usual)
    ints[q, _COUNT] += 1
    ints[q, _SHOWN_T] = nodes.time[x]
    ints[q, _INPUT], ints[q, _LINK], ints[q, _VIA] = nodes.input[x], nodes.link[x], nodes.via[x]
    ints[q, _SOURCE], ints[q, _OFFSET] = nodes.source[x], nodes.offset[x]
    floats[q, _LAT], floats[q, _LON], floats[q, _RADIUS] = nodes.lat[x], nodes.lon[x], radius


@kernel
def _remember(states, q, nodes, x):  # type: ignore[no-untyped-def]
    ints, floats = states.ints, states.floats
    k = ints[q, _REP_AT]
    ints[q, _REP_T + k], ints[q, _REP_HASH + k] = nodes.time[x], nodes.hash[x]
    floats[q, _REP_LAT + k], floats[q, _REP_LON + k] = nodes.lat[x], nodes.lon[x]
    ints[q, _REP_AT] = (k + 1) % REPS


@kernel
def _radius(states, q, nodes, x):  # type: ignore[no-untyped-def]
    """The 95 % radius of a node's position, as ``fuse.quality`` has it; NaN where nothing says."""
    ints, floats = states.ints, states.floats
    time, latent = nodes.time[x], (nodes.flags[x] & LATENT) != 0
    base = float(nodes.epu[x])
    if latent:
        if base != base and time - ints[q, _EPU_T] <= _QUALITY_NS:
            base = floats[q, _EPU]
        if base != base:
            base = float(nodes.rc[x])
        if base != base and time - ints[q, _RC_T] <= _QUALITY_NS:
            base = floats[q, _RC]
        speed = _UNKNOWN_MPS
        if time - ints[q, _V_T] <= _SPEED_NS:
            speed = floats[q, _GS] * KT_MPS
        base += LATENCY95_S * speed
    return base


@kernel
def _apply(states, q, nodes, x, rules, assumed, scratch, modes, when, at, outcome):  # type: ignore[no-untyped-def]
    """What a node does to a state, in place; the verdict."""
    ints, floats = states.ints, states.floats
    flags, time = nodes.flags[x], nodes.time[x]
    if (flags & QUALITY) and (flags & LATENT):
        if nodes.epu[x] == nodes.epu[x]:
            ints[q, _EPU_T], floats[q, _EPU] = time, nodes.epu[x]
        if nodes.rc[x] == nodes.rc[x]:
            ints[q, _RC_T], floats[q, _RC] = time, nodes.rc[x]
    if flags & VELOCITY:
        ints[q, _V_T], ints[q, _V_NEW] = time, 1
        floats[q, _GS], floats[q, _TRACK], floats[q, _V_VAR] = nodes.gs[x], nodes.track[x], nodes.v_var[x]
    if not flags & PLACED:
        return PLAIN
    lat, lon = nodes.lat[x], nodes.lon[x]
    same_ns, transmission_ns, step, twin_m = rules[0], rules[1], rules[2], rules[3]
    for k in range(REPS):
        apart = abs(time - ints[q, _REP_T + k])
        if apart <= same_ns and same_place(lat, lon, floats[q, _REP_LAT + k], floats[q, _REP_LON + k], step):
            return DUPLICATE
        if apart <= transmission_ns and nodes.hash[x] != 0 and nodes.hash[x] == ints[q, _REP_HASH + k]:
            return DUPLICATE
    known = _radius(states, q, nodes, x)
    radius = known if known == known else assumed[nodes.source[x]]
    scratch[0, 0], scratch[1, 0], scratch[3, 0] = lat, lon, 0.0
    scratch[2, 0] = (max(radius, 1.0) / _CONTAIN95) ** 2
    scratch[4, 0] = scratch[5, 0] = scratch[6, 0] = math.nan
    if ints[q, _V_NEW] and time - ints[q, _V_T] <= _VELOCITY_NS:
        speed, angle = floats[q, _GS] * KT_MPS, math.radians(floats[q, _TRACK])
        scratch[4, 0], scratch[5, 0] = speed * math.sin(angle), speed * math.cos(angle)
        scratch[6, 0] = floats[q, _V_VAR]
        ints[q, _V_NEW] = 0
    twin = ints[q, _TWIN_ROW]
    if twin >= 0 and time - ints[twin, _SHOWN_T] > _TWIN_NS:
        states.free[states.left[0]] = twin
        states.left[0] += 1
        ints[q, _TWIN_ROW] = twin = -1
    if twin < 0:
        said = _measured(states, q, time, scratch, modes, when, at, outcome)
        if said <= _RESTARTED:
            if said == _ACCEPTED:
                ints[q, _SINCE] += 1
            else:
                ints[q, _CAND_N] = 0
            _show(states, q, nodes, x, known)
            _remember(states, q, nodes, x)
            return MAIN
    else:
        # the nearer track is asked first; as long as there are two, the filter may begin none anew
        near = _apart_m(lat, lon, floats[q, _LAT], floats[q, _LON])
        far = _apart_m(lat, lon, floats[twin, _LAT], floats[twin, _LON])
        first, second = (q, twin) if near <= far else (twin, q)
        for track in (first, second):
            states.refused[track] = 0
            said = _measured(states, track, time, scratch, modes, when, at, outcome)
            if said <= _RESTARTED:
                _show(states, track, nodes, x, known)
                _remember(states, q, nodes, x)
                return MAIN if track == q else TWIN
    # refused: does it agree with those refused before?
    fastest = rules[4 + states.kind[q]]
    dt = time - ints[q, _CAND_T]
    if ints[q, _CAND_N] > 0 and dt <= _CANDIDATE_NS:
        reach = fastest * dt * 1e-9 + 2.0 * radius
        agrees = _apart_m(lat, lon, floats[q, _CAND_LAT], floats[q, _CAND_LON]) <= reach
    else:
        agrees = False
    if agrees:
        ints[q, _CAND_N] += 1
    else:
        ints[q, _CAND_N], ints[q, _SINCE] = 1, 0
    ints[q, _CAND_T] = time
    floats[q, _CAND_LAT], floats[q, _CAND_LON] = lat, lon
    if ints[q, _CAND_N] < _AGREE:
        return REFUSED_AT
    if twin >= 0:
        # both are elsewhere: the one that has been silent for longer has jumped
        if ints[q, _CAND_N] <= _AGREE + 1:
            return REFUSED_AT
        track = q if ints[q, _SHOWN_T] <= ints[twin, _SHOWN_T] else twin
        states.used[track] = 0
    elif ints[q, _SINCE] >= _WENT_ON and _apart_m(lat, lon, floats[q, _LAT], floats[q, _LON]) >= twin_m:
        track = _new(states, states.kind[q])
        ints[q, _TWIN_ROW] = track
        states.refused[q] = 0
    else:
        return REFUSED_AT
    ints[q, _CAND_N] = 0
    _measured(states, track, time, scratch, modes, when, at, outcome)
    _show(states, track, nodes, x, known)
    _remember(states, q, nodes, x)
    return MAIN if track == q else TWIN


@kernel
def _shown(states, q):  # type: ignore[no-untyped-def]
    """What a state shows: when and where."""
    if q < 0 or states.ints[q, _COUNT] == 0:
        return 0, 0.0, 0.0
    return states.ints[q, _SHOWN_T], states.floats[q, _LAT], states.floats[q, _LON]


@kernel
def _fold(nodes, states, slots, touched, rules, assumed, cutoff_ns, scratch, modes, when, at, outcome):  # type: ignore[no-untyped-def]
    for g in touched:
        d = slots.dirty[g]
        slots.dirty[g] = -1
        t = slots.twin[g]
        before = _shown(states, slots.state[g]), _shown(states, slots.state[t] if t >= 0 else -1)
        unruly = slots.unruly[g] >= _UNRULY
        last = slots.tail[g]
        if unruly:
            for _ in range(_LAST - 1):
                if last == d or nodes.before[last] < 0:
                    break
                last = nodes.before[last]
        # now ``last`` is the first of those that keep their state as the last, or the dirty one among them
        p = nodes.before[d]
        while p >= 0 and nodes.state[p] < 0:
            p = nodes.before[p]
        if p < 0:
            work = _new(states, slots.motion[g])
        elif unruly or nodes.keeps[p] or nodes.before[p] < 0:
            work = _copied(states, nodes.state[p])
        else:
            work = nodes.state[p]
            nodes.state[p] = -1
        x = nodes.after[p] if p >= 0 else slots.head[g]
        among = False
        while x >= 0:
            nodes.verdict[x] = _apply(states, work, nodes, x, rules, assumed, scratch, modes, when, at, outcome)
            among = among or x == last
            if nodes.state[x] >= 0:
                _drop(states, nodes.state[x])
                nodes.state[x] = -1
            after = nodes.after[x]
            if after < 0:
                nodes.state[x] = work
            elif among or nodes.keeps[x]:
                nodes.state[x] = _copied(states, work)
            x = after
        if unruly:
            _thin(nodes, states, slots, g, d, _LAST)
        if slots.unruly[g] > 0:
            slots.unruly[g] -= 1
            if unruly and slots.unruly[g] < _UNRULY:
                _thin(nodes, states, slots, g, slots.tail[g], 1)
        if slots.came[g] % 8 == 0:
            _forget(nodes, states, slots, g, cutoff_ns)
        q = nodes.state[slots.tail[g]]
        slots.state[g] = q
        slots.moved[g] = _shown(states, q) != before[0]
        if states.ints[q, _TWIN_ROW] >= 0 and t < 0:
            slots.left[0] -= 1
            t = slots.free[slots.left[0]]
            slots.twin[g], slots.of[t] = t, g
            slots.motion[t] = slots.motion[g]
        if t >= 0:
            slots.state[t] = states.ints[q, _TWIN_ROW]
            slots.moved[t] = _shown(states, slots.state[t]) != before[1]


def fold(
    nodes: Nodes, states: States, slots: Slots, touched: Any1, rules: Any1, assumed: Any1, cutoff_ns: int
) -> None:  # fmt: skip
    """Tells the ``touched`` slots anew from their dirty node on, and forgets nodes before ``cutoff_ns``.

    Of these and their twins, says which show another position than before. Enough states and slots must be free.
    """
    room = np.empty((9, 1)), np.empty((2, 3, MODE)), np.empty(1, np.int64), np.empty(1, np.int64), np.empty(1, np.uint8)
    _fold(nodes, states, slots, touched, rules, assumed, cutoff_ns, *room)


@kernel
def _thin(nodes, states, slots, g, d, spared):  # type: ignore[no-untyped-def]
    """Drops states of nodes before ``d`` that are no longer among the last ``spared``."""
    x, later = slots.tail[g], 1
    while x != d and later < spared:
        x = nodes.before[x]
        later += 1
    spared = spared - later if x == d else 0
    x = nodes.before[d]
    for k in range(spared + _LAST):
        if x < 0 or nodes.before[x] < 0:  # the first one is where all begins
            return
        if k >= spared and nodes.state[x] >= 0 and not nodes.keeps[x]:
            _drop(states, nodes.state[x])
            nodes.state[x] = -1
        x = nodes.before[x]


@kernel
def _forget(nodes, states, slots, g, cutoff_ns):  # type: ignore[no-untyped-def]
    """Forgets nodes before the last one that has a state and lies before ``cutoff_ns``."""
    base = -1
    x = slots.head[g]
    while x >= 0 and nodes.time[x] < cutoff_ns:
        if nodes.state[x] >= 0:
            base = x
        x = nodes.after[x]
    if base < 0:
        return
    x = nodes.before[base]
    while x >= 0:
        before = nodes.before[x]
        _free(nodes, states, x)
        x = before
    nodes.before[base] = -1
    slots.head[g], slots.closed[g] = base, True


@kernel
def _free(nodes, states, x):  # type: ignore[no-untyped-def]
    if nodes.state[x] >= 0:
        _drop(states, nodes.state[x])
        nodes.state[x] = -1
    nodes.free[nodes.left[0]] = x
    nodes.left[0] += 1


@kernel
def close(nodes, states, slots, gone):  # type: ignore[no-untyped-def]
    """Frees slots of first tracks with all that they hold; their twin too."""
    for g in gone:
        x = slots.head[g]
        while x >= 0:
            after = nodes.after[x]
            _free(nodes, states, x)
            x = after
        for k in (np.int64(g), np.int64(slots.twin[g])):
            if k >= 0:
                slots.head[k] = slots.tail[k] = slots.dirty[k] = slots.state[k] = slots.of[k] = -1
                slots.came[k], slots.unruly[k], slots.closed[k] = 0, 0, False
                slots.free[slots.left[0]] = k
                slots.left[0] += 1
        slots.twin[g] = -1
