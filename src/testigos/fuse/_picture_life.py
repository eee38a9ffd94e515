"""For how long an object is live, shown and remembered, from what was last heard of it."""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from testigos.fuse import _picture_arrays as arrays
from testigos.fuse._picture_arrays import copied, side_by_side
from testigos.fuse._picture_values import NUMBER
from testigos.kernels import kernel
from testigos.schema import KINDS, SOURCES

__all__ = ["COASTING", "DEAD", "LIVE", "STALE", "Life", "age", "give_back", "grown", "hear", "new_life", "reset"]

LIVE: Final = 0
COASTING: Final = 1
STALE: Final = 2
DEAD: Final = 3

_VESSEL: Final = KINDS.index("vessel")
_ANCHORED: Final = len(KINDS)
_AT_REST: Final = (1, 5, 6)  # at anchor, moored, aground: ITU-R M.1371-5, table 47
_ADSC: Final = SOURCES.index("adsc")
_CONTRACT_S: Final = 900.0  # ADS-C contracts ask for a position each 5 to 15 minutes, so that is what is usual
_NEVER: Final = (1 << 63) - 1
_KIND, _STATUS, _STALE = NUMBER["kind"], NUMBER["nav_status"], NUMBER["stale_ns"]
_CATEGORY: Final = NUMBER["category"]
_SHOWN_T, _SOURCE, _COUNT, _USUAL = arrays.SHOWN_T, arrays.SOURCE, arrays.COUNT, arrays.USUAL


class Life(NamedTuple):
    """Of each slot, (C,): times in nanoseconds, then what was last heard, whatever it was."""

    seen: npt.NDArray[Any]
    coasting: npt.NDArray[Any]  #: when it will be coasting, stale, dead, if nothing more is heard
    stale: npt.NDArray[Any]
    dead: npt.NDArray[Any]
    due: npt.NDArray[Any]  #: when the next of these comes
    phase: npt.NDArray[Any]
    alive: npt.NDArray[Any]
    base: npt.NDArray[Any]  #: kind by name
    kind: npt.NDArray[Any]
    learned: npt.NDArray[Any]  #: input that its position came by
    time: npt.NDArray[Any]
    tie: npt.NDArray[Any]
    input: npt.NDArray[Any]
    link: npt.NDArray[Any]
    via: npt.NDArray[Any]
    source: npt.NDArray[Any]
    offset: npt.NDArray[Any]


def new_life(capacity: int) -> Life:
    """Nobody heard."""
    small = {"phase": np.uint8, "alive": np.bool_, "base": np.uint8, "kind": np.uint8, "source": np.uint8}
    made = side_by_side(capacity, {name: small.get(name, np.int64) for name in Life._fields})
    made["due"][:] = _NEVER
    return Life(**made)


def grown(old: Life, capacity: int) -> Life:
    """The same with room for more."""
    made = new_life(capacity)
    copied(made, old, len(old.seen))
    return made


def reset(life: Life, slots: npt.NDArray[np.integer[Any]]) -> None:
    """Forgets slots, in place."""
    for name, values in zip(life._fields, life, strict=True):
        values[slots] = _NEVER if name == "due" else 0


@kernel
def hear(life, rows, slot, seen, said):  # type: ignore[no-untyped-def]
    """Notes rows as the last heard of their slots; those that are not ``seen`` keep nobody alive."""
    for r in range(len(rows)):
        i = rows[r]
        g = slot[i]
        t = said.time[i]
        if seen[i] and t > life.seen[g]:
            life.seen[g] = t
        if t > life.time[g] or (t == life.time[g] and said.tie[i] > life.tie[g]):
            life.time[g], life.tie[g] = t, said.tie[i]
            life.input[g], life.link[g], life.via[g] = said.input[i], said.link[i], said.via[i]
            life.source[g], life.offset[g] = said.source[i], said.offset[i]


def give_back(life: Life, slot: int, to: int) -> None:
    """Another slot was heard when this one was; in place."""
    life.seen[to] = max(life.seen[to], life.seen[slot])
    if (life.time[slot], life.tie[slot]) > (life.time[to], life.tie[to]):
        for name in ("time", "tie", "input", "link", "via", "source", "offset"):
            field = getattr(life, name)
            field[to] = field[slot]


@kernel
def age(life, slots, states, values, touched, kinds, patience, now):  # type: ignore[no-untyped-def]
    """Deadlines and phase of the ``touched`` slots; ``kinds``: by number of the text of a category, -1 where none."""
    for g in touched:
        kind = int(life.base[g])
        said, category = values.value[g, _KIND], values.value[g, _CATEGORY]
        if said == said:
            kind = int(said)
        elif category == category and kinds[int(category)] >= 0:
            kind = int(kinds[int(category)])
        life.kind[g] = kind
        row = kind
        if kind == _VESSEL:
            status = values.value[g, _STATUS]
            for rest in _AT_REST:
                if status == rest:
                    row = _ANCHORED
        q = slots.state[g]
        since, usual = life.seen[g], 0.0
        if q >= 0 and states.ints[q, _COUNT] > 0:
            since, usual = states.ints[q, _SHOWN_T], states.floats[q, _USUAL]
            if states.ints[q, _SOURCE] == _ADSC:
                usual = max(usual, _CONTRACT_S)
        usual_ns = int(usual * 1e9)
        coasting = since + max(patience[row, 0], 3 * usual_ns)
        stale = since + max(patience[row, 1], 6 * usual_ns)
        wanted, told = values.value[g, _STALE], values.time[g, _STALE]
        if wanted == wanted and told >= since:
            stale = min(stale, int(wanted))
        life.coasting[g], life.stale[g] = min(coasting, stale), stale
        life.dead[g] = max(max(since, life.seen[g]) + max(patience[row, 2], 12 * usual_ns), stale)
        if now >= life.dead[g]:
            life.phase[g], life.due[g] = DEAD, _NEVER
        elif now >= stale:
            life.phase[g], life.due[g] = STALE, life.dead[g]
        elif now >= life.coasting[g]:
            life.phase[g], life.due[g] = COASTING, stale
        else:
            life.phase[g], life.due[g] = LIVE, life.coasting[g]
