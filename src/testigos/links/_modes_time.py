"""From a receiver's own stamps to time: a fold, and which frames must stay for a part of them to give the same.

Own rules. A *line* ties stamps to time: a root, from which time goes on by the exact count of ticks, and the highest
stamp so far. Each receiver has one.

- Stamps may come up to a second late and run ahead by any amount. A counter that wraps (48 bits of 12 MHz; midnight
  for GPS) goes on. One that goes back by more has been started again: its new line begins at the time of the last.
- What jumps ahead by more than a minute, or back, is believed at once, but the line before it stays for one frame: if
  the next stamp continues that one, the jump was a damaged stamp and no more than its own frame has a wrong time.
- Frames without a stamp (0, or the marks of synthetic frames) are as late as the highest stamp before them; those
  before any stamp have no time.
- GPS stamps are UTC without a date. A new line keeps to them; going back does not move it.
- A receiver that begins later begins at the time of the last frame, whoever heard that.
- Where a host's time of arrival is told, it is the time, and stamps are kept as they are.

Without the UTC of the first frame (and without a host's time) nobody knows when: ``known`` is false, and the time
counts from the first stamp, which is all that pairing positions needs.
"""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.kernels import kernel
from testigos.units import DAY_S, S_NS

__all__ = ["GPS", "GPS_AHEAD", "GPS_FREE", "HOST", "MLAT_STAMP", "MODE", "RECEIVER", "TICKS", "UAT_STAMP", "Clock",
           "Events", "no_events", "synthetic", "times"]  # fmt: skip

#: Kinds of stamp: counter of 12 MHz; GPS; GPS one second ahead of UTC; the form of GPS, from no time in particular.
TICKS, GPS, GPS_AHEAD, GPS_FREE = range(4)

#: Kinds of event between messages: who heard what follows, in which kind of stamp, and when it arrived.
RECEIVER, MODE, HOST = range(3)

#: readsb.h: stamps of frames made from multilateration results, and from UAT; up to ten are in use.
MLAT_STAMP: Final = 0xFF004D4C4154
UAT_STAMP: Final = MLAT_STAMP + 1
_LAST_MARK: Final = MLAT_STAMP + 10
_NO_STAMP: Final = 0xFFFFFFFFFFFF

_DAY_NS: Final = DAY_S * S_NS
_TICKS_MODULUS: Final = 1 << 48
_TICKS_S: Final = 12_000_000
_AHEAD_S: Final = 60  # more is a jump
_WRAP_TICKS: Final = 3600 * _TICKS_S  # a counter at its end begins again within an hour, or it was started again
_UNKNOWN: Final = -1

_LINE: Final = [
    *(("root", np.int64), ("root_ns", np.int64)),  # a stamp and its time
    *(("top", np.int64), ("turn", np.int64)),  # highest stamp, wraps included, and how much of it is wraps
]
_STATE: Final = np.dtype(
    (
        np.record,
        [
            ("mode", np.int64),
            ("open", np.bool_),
            *_LINE,
            ("doubted", np.bool_),  # the line has one frame; the one before is
            *((f"old_{name}", kind) for name, kind in _LINE),
            # numbers of messages in this piece, -1 in an earlier one: that gave ``top``, and the top before it
            *(("top_at", np.int64), ("before_at", np.int64)),
        ],
    )
)


@dataclass(frozen=True, slots=True)
class Events:
    """What is said between messages: ``kind`` and ``value`` hold from message ``at`` on."""

    at: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    value: npt.NDArray[np.uint64]


def no_events() -> Events:
    """Nothing is said."""
    return Events(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint64))


def _lines(count: int, mode: int) -> npt.NDArray[np.void]:
    made = np.zeros(count, _STATE)
    made["mode"] = mode
    return made


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the fold is. ``names`` are receivers' numbers; the first of ``lines`` is of a receiver without one."""

    began_ns: int | None
    gps: bool | None
    names: tuple[int, ...] = ()
    lines: npt.NDArray[np.void] = field(default_factory=lambda: _lines(1, TICKS))
    current: int = 0
    host_ns: int = _UNKNOWN
    last_ns: int = 0
    begun: bool = False

    @classmethod
    def fresh(cls, began_ns: int | None, gps: bool | None) -> "Clock":
        """At the start of a document; ``gps`` null: what the receiver says, and 12 MHz until it does."""
        return cls(began_ns, gps, lines=_lines(1, GPS if gps else TICKS), last_ns=began_ns or 0)


def synthetic(stamp: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Which stamps are marks and no times."""
    marks: npt.NDArray[np.bool_] = (stamp == 0) | ((stamp >= MLAT_STAMP) & (stamp <= _LAST_MARK)) | (stamp == _NO_STAMP)
    return marks


@njit(cache=True, nogil=True, inline="always")
def _extended(value, turn, top, modulus, second, wrap):  # type: ignore[no-untyped-def]
    """A stamp with the wraps that put it beside ``top``."""
    stamp = turn + value
    ahead = stamp - top
    if ahead >= modulus - second:
        return stamp - modulus
    if ahead < -second and ahead + modulus <= wrap:
        return stamp + modulus
    return stamp


@njit(cache=True, nogil=True, inline="always")
def _at(stamp, root, root_ns, ticks):  # type: ignore[no-untyped-def]
    return root_ns + ((stamp - root) * 250 // 3 if ticks else stamp - root)


@kernel
def _fold(  # type: ignore[no-untyped-def]
    stamp, size, event_at, event_kind, event_value, lines, current, host_ns, last_ns, begun, midnight, follow, told,
    clock_ns, known, receiver, kept,
):  # fmt: skip
    marking = len(kept) > 0
    last_at = -1
    event = 0
    for i in range(len(stamp)):
        while event < len(event_at) and event_at[event] <= i:
            if event_kind[event] == RECEIVER:
                current = np.int64(event_value[event])
            elif event_kind[event] == HOST:
                host_ns = np.int64(event_value[event])
            elif follow and lines[current].mode != np.int64(event_value[event]):
                lines[current].mode = np.int64(event_value[event])
                lines[current].open = False
            event += 1
        receiver[i] = current
        known[i] = told or host_ns >= 0
        if host_ns >= 0:
            clock_ns[i] = host_ns
            last_ns, begun = host_ns, True
            continue
        clock_ns[i] = last_ns
        if size[i] == 0:
            continue
        line = lines[current]
        mode = line.mode
        ticks = mode == TICKS
        raw = np.int64(stamp[i])  # 48 bits
        stamped = raw != 0 and raw != _NO_STAMP and not MLAT_STAMP <= raw <= _LAST_MARK
        if ticks:
            value, modulus, second, wrap = raw, _TICKS_MODULUS, _TICKS_S, _WRAP_TICKS
        else:
            seconds, rest = raw >> 30, raw & 0x3FFFFFFF
            stamped = stamped and seconds < DAY_S and rest < S_NS
            if mode == GPS_AHEAD:
                seconds += DAY_S - 1 if seconds == 0 else -1
            value, modulus, second, wrap = seconds * S_NS + rest, _DAY_NS, S_NS, _DAY_NS // 2
        if not stamped:
            if line.open:
                clock_ns[i] = _at(line.top, line.root, line.root_ns, ticks)
                last_ns, last_at = clock_ns[i], i
                if marking and line.top_at >= 0:
                    kept[line.top_at] = True
            elif marking and last_at >= 0:
                kept[last_at] = True
            known[i] = told and begun
            continue
        if not line.open:
            if marking:
                kept[i] = True
                if last_at >= 0:
                    kept[last_at] = True
            if mode in (GPS, GPS_AHEAD):
                day = last_ns - last_ns % _DAY_NS
                if begun or not midnight:
                    if day + value - last_ns > _DAY_NS // 2:
                        day -= _DAY_NS
                    elif day + value - last_ns < -(_DAY_NS // 2):
                        day += _DAY_NS
                line.root_ns = day + value
            else:
                line.root_ns = last_ns
            line.open, line.doubted = True, False
            line.root, line.top, line.turn = value, value, 0
            line.top_at, line.before_at = i, -1
            clock_ns[i] = line.root_ns
        else:
            found = _extended(value, line.turn, line.top, modulus, second, wrap)
            ahead = found - line.top
            jumps = ahead < -second or ahead > _AHEAD_S * second
            settled = True
            if line.doubted:
                if marking:
                    kept[i] = True
                older = _extended(value, line.old_turn, line.old_top, modulus, second, wrap)
                past = older - line.old_top
                if -second <= past <= _AHEAD_S * second or jumps:
                    # either the line before goes on, or nothing does: then it is what the new one must continue
                    line.root, line.root_ns = line.old_root, line.old_root_ns
                    line.top, line.turn = line.old_top, line.old_turn
                    line.top_at = -1  # kept already
                    found, ahead = older, past
                    jumps = past < -second or past > _AHEAD_S * second
                settled = not jumps
                line.doubted = False
            if jumps:
                if marking and settled:
                    _keep(line, kept)
                if marking:
                    kept[i] = True
                line.doubted = True
                line.old_root, line.old_root_ns = line.root, line.root_ns
                line.old_top, line.old_turn = line.top, line.turn
                if ahead < -second:
                    if mode in (TICKS, GPS_FREE):
                        line.root_ns = _at(line.top, line.root, line.root_ns, ticks)
                        line.root = value
                        found = value
                    line.top = found
                    line.turn = found - value
            elif marking and found - value != line.turn:
                _keep(line, kept)
                kept[i] = True
            if found > line.top:
                line.top, line.turn = found, found - value
                line.before_at = line.top_at
                line.top_at = i
            elif jumps:
                line.before_at = line.top_at
                line.top_at = i
            clock_ns[i] = _at(found, line.root, line.root_ns, ticks)
        last_ns, last_at, begun = clock_ns[i], i, True
    while event < len(event_at):
        if event_kind[event] == RECEIVER:
            current = np.int64(event_value[event])
        elif event_kind[event] == HOST:
            host_ns = np.int64(event_value[event])
        elif follow and lines[current].mode != np.int64(event_value[event]):
            lines[current].mode = np.int64(event_value[event])
            lines[current].open = False
        event += 1
    if marking:  # what comes in the next piece may rest on these
        if last_at >= 0:
            kept[last_at] = True
        for k in range(len(lines)):
            if lines[k].open:
                _keep(lines[k], kept)
    return current, host_ns, last_ns, begun


@kernel
def _keep(line, kept):  # type: ignore[no-untyped-def]
    if line.top_at >= 0:
        kept[line.top_at] = True
    if line.before_at >= 0:
        kept[line.before_at] = True


def _numbered(events: Events, clock: Clock) -> tuple[npt.NDArray[np.uint64], tuple[int, ...]]:
    """Values of events with a receiver's place in ``lines`` for its number, and all the numbers known."""
    which = events.kind == RECEIVER
    if not which.any():
        return events.value, clock.names
    numbers, inverse = np.unique(events.value[which], return_inverse=True)
    place = {name: k + 1 for k, name in enumerate(clock.names)}
    for name in numbers.tolist():
        place.setdefault(name, len(place) + 1)
    value = events.value.copy()
    value[which] = np.array([place[name] for name in numbers.tolist()], np.uint64)[inverse]
    return value, tuple(place)


def times(
    stamp: npt.NDArray[np.uint64],
    size: npt.NDArray[np.uint8],
    events: Events,
    clock: Clock,
    marking: bool = False,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.int32], npt.NDArray[np.bool_], Clock]:
    """Time of each message in ns, whether it is UTC, its receiver's place in ``Clock.lines``, and the clock after.

    ``stamp``: (N,) as received; ``size``: (N,), 0 where there is no message. The fourth result, with ``marking``,
    says which messages' stamps the times of others rest on. ``clock`` stays as it is.
    """
    count = len(stamp)
    value, names = _numbered(events, clock)
    lines = clock.lines.copy()
    if len(names) + 1 > len(lines):
        lines = np.concatenate([lines, _lines(len(names) + 1 - len(lines), GPS if clock.gps else TICKS)])
    for name in ("top_at", "before_at"):
        lines[name] = -1
    clock_ns, receiver = np.empty(count, np.int64), np.empty(count, np.int32)
    known, kept = np.empty(count, np.bool_), np.zeros(count if marking else 0, np.bool_)
    midnight = clock.began_ns is None or clock.began_ns % _DAY_NS == 0
    current, host_ns, last_ns, begun = _fold(
        stamp, size, events.at, events.kind, value, lines, clock.current, clock.host_ns, clock.last_ns, clock.begun,
        midnight, clock.gps is None, clock.began_ns is not None, clock_ns, known, receiver, kept,
    )  # fmt: skip
    after = replace(
        clock, names=names, lines=lines, current=int(current), host_ns=int(host_ns), last_ns=int(last_ns),
        begun=bool(begun),
    )  # fmt: skip
    return clock_ns, known, receiver, kept, after
