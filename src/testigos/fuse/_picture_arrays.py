"""The memory of a picture as arrays: reports of the last moments, states after them, and who is who.

A *node* is a report that moves the track: a position, a velocity or a quality. The nodes of an object hang in one list
in their total order. A *state* is what follows from all nodes up to one; some nodes keep theirs, so that a report that
comes late is put in its place, and what follows is told again from the state before it. A *slot* is a row of the
picture.
"""

from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from testigos.fuse.filter import new_filters

__all__ = [
    "DUPLICATE", "LATENT", "MAIN", "PLACED", "PLAIN", "QUALITY", "REFUSED_AT", "REPS", "TWIN", "VELOCITY", "Nodes",
    "Said", "Slots", "States", "copied", "new_nodes", "new_slots", "new_states", "side_by_side", "wider",
]  # fmt: skip

Any1 = npt.NDArray[Any]

# flags of a node
PLACED: Final = 1
VELOCITY: Final = 2
QUALITY: Final = 4
LATENT: Final = (
    8  # the object measures itself: its positions are late by its avionics, and its quality holds for others
)

# what became of a node
PLAIN: Final = 1  # says no position
MAIN: Final = 2  # its position moved the track
TWIN: Final = 3  # it moved the second track of this address
DUPLICATE: Final = 4
REFUSED_AT: Final = 5

REPS: Final = 6  #: how many of the last positions a state knows, to find duplicates

# whole numbers of a state
EPU_T, RC_T, V_T, V_NEW, CAND_T, CAND_N, SINCE, REP_AT, TWIN_ROW, SHOWN_T, INPUT, LINK, VIA, SOURCE, OFFSET, COUNT = (
    range(16)
)
REP_T: Final = 16
REP_HASH: Final = REP_T + REPS
INTS: Final = REP_HASH + REPS

# real numbers of a state
USUAL, EPU, RC, GS, TRACK, V_VAR, CAND_LAT, CAND_LON, LAT, LON, RADIUS = range(11)
REP_LAT: Final = 11
REP_LON: Final = REP_LAT + REPS
FLOATS: Final = REP_LON + REPS


class Said(NamedTuple):
    """Reports of a batch as kernels want them, (N,) each; NaN where a number is unknown, 0 where a hash is."""

    time: Any1
    lat: Any1
    lon: Any1
    hash: Any1
    tie: Any1
    offset: Any1
    gs: Any1
    track: Any1
    v_var: Any1
    epu: Any1
    rc: Any1
    input: Any1
    link: Any1
    via: Any1
    source: Any1
    flags: Any1


class Nodes(NamedTuple):
    """The same of the nodes, (C,) each, and the lists: ``before``, ``after``, ``state`` are -1 where there is none."""

    time: Any1
    lat: Any1
    lon: Any1
    hash: Any1
    tie: Any1
    offset: Any1
    gs: Any1
    track: Any1
    v_var: Any1
    epu: Any1
    rc: Any1
    input: Any1
    link: Any1
    via: Any1
    source: Any1
    flags: Any1
    before: Any1
    after: Any1
    state: Any1
    keeps: Any1  #: its state is kept when it is no longer among the last
    verdict: Any1
    free: Any1  #: a stack of unused nodes
    left: Any1  #: (1,) how many are on it


class States(NamedTuple):
    """States, (C, ...): those of the filter first."""

    motions: Any1
    state: Any1
    last: Any1
    used: Any1
    refused: Any1
    kind: Any1
    ints: Any1
    floats: Any1
    free: Any1
    left: Any1


class Slots(NamedTuple):
    """Slots, (C,) each."""

    head: Any1  #: first and last node
    tail: Any1
    came: Any1  #: nodes that ever came, modulo 2^16
    unruly: Any1  #: 0 where nodes come in order
    closed: Any1  #: nodes before ``head`` are forgotten, and ``head`` has their state
    dirty: Any1  #: the first node from which to tell anew; -1
    state: Any1  #: after the last node; -1 where nothing ever was
    motion: Any1  #: kind of motion
    twin: Any1  #: slot of the second track under this address; -1
    of: Any1  #: slot of the first track; itself, if it is one; -1 where the slot is free
    moved: Any1  #: another position is shown than before the last fold
    free: Any1
    left: Any1


_T = TypeVar("_T", Nodes, States, Slots)


def _stack(first: int, last: int) -> Any1:
    """Numbers so that the lowest is taken first."""
    return np.arange(last - 1, first - 1, -1, dtype=np.int64)


def side_by_side(capacity: int | tuple[int, ...], fields: dict[str, Any]) -> dict[str, Any1]:
    """Arrays of zeros, ``capacity`` long, of which equal numbers lie side by side: what is used together is near."""
    made = np.zeros(
        capacity,
        np.dtype([(name, *of) if isinstance(of, tuple) else (name, of) for name, of in fields.items()], align=True),
    )
    return {name: made[name] for name in fields}


def new_nodes(capacity: int) -> Nodes:
    """Unused nodes."""
    i8, f8, f4, i4, u1 = np.int64, np.float64, np.float32, np.int32, np.uint8
    made = side_by_side(
        capacity,
        {
            **{"time": i8, "lat": f8, "lon": f8, "hash": i8, "tie": i8, "offset": i8},
            **{"gs": f4, "track": f4, "v_var": f4, "epu": f4, "rc": f4, "input": i4, "link": i4, "via": i4},
            **{"before": i4, "after": i4, "state": i4, "source": u1, "flags": u1, "keeps": np.bool_, "verdict": u1},
        },
    )
    return Nodes(**made, free=_stack(0, capacity), left=np.array([capacity]))


def new_states(capacity: int) -> States:
    """Unused states."""
    made = side_by_side(
        capacity,
        {
            **dict.fromkeys(("last", "used", "refused", "kind"), np.int64),
            "ints": (np.int64, INTS),
            "floats": (np.float64, FLOATS),
        },
    )
    filters = new_filters(capacity)
    return States(filters.motions, filters.state, **made, free=_stack(0, capacity), left=np.array([capacity]))


def new_slots(capacity: int) -> Slots:
    """Free slots."""
    i4 = np.int32
    made = side_by_side(
        capacity,
        {
            **dict.fromkeys(("head", "tail", "came", "dirty", "state", "motion", "twin", "of"), i4),
            **{"unruly": np.uint8, "closed": np.bool_, "moved": np.bool_},
        },
    )
    for name in ("head", "tail", "dirty", "state", "twin", "of"):
        made[name][:] = -1
    return Slots(**made, free=_stack(0, capacity), left=np.array([capacity]))


def _whole(array: Any1) -> Any1:
    return array if array.base is None else array.base


def copied(made: Any, old: Any, size: int, without: tuple[str, ...] = ()) -> None:
    """The first ``size`` rows of a tuple of arrays into one with more room.

    What the arrays are parts of is copied at once, which takes a tenth of the time that their columns take.
    """
    for to, come in {
        id(_whole(getattr(made, name))): (_whole(getattr(made, name)), _whole(getattr(old, name)))
        for name in old._fields
        if name not in without
    }.values():
        to[:size] = come[:size]


def wider(old: _T, needed: int) -> _T:
    """``old`` itself if ``needed`` more are free in it, else a copy with twice as many or more."""
    left = int(old.left[0])
    if left >= needed:
        return old
    size = len(old.free)
    capacity = max(2 * size, size + needed)
    makers: dict[type, Any] = {Nodes: new_nodes, States: new_states, Slots: new_slots}
    made: _T = makers[type(old)](capacity)
    copied(made, old, size, ("motions", "free", "left"))
    made.free[: capacity - size] = _stack(size, capacity)
    made.free[capacity - size : capacity - size + left] = old.free[:left]
    made.left[0] = capacity - size + left
    return made
