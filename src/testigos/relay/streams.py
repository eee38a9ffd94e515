"""Rows of the picture to bytes for customers: chosen once a policy, written once a format.

A stream is what customers with one policy and one format share: what it chooses of a batch, and the bytes of it. Its
account adds up: produced = withheld + untold + offered. Each client then accounts for what it was offered.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel
from testigos.registry import Pieces
from testigos.registry import link as link_named
from testigos.relay.policy import Choice, Rows, Rule

__all__ = ["Offer", "Stream", "distribute", "states_told"]

Ints = npt.NDArray[np.int64]

#: Formats that say that an object is silent or gone, and those that say at least how sure its place is.
_TELL_ALL: Final = frozenset({"jsonl", "geojson"})
_TELL_COASTING: Final = frozenset({"cot", "tak", "asterix"})


def states_told(link: str) -> frozenset[str]:
    """The states of objects of which a format gives updates."""
    if link in _TELL_ALL:
        return frozenset({"live", "coasting", "stale", "dead"})
    return frozenset({"live", "coasting"} if link in _TELL_COASTING else {"live"})


@dataclass(frozen=True, slots=True)
class Offer:
    """Updates of one batch for the clients of a stream: row ``i`` is ``data[start[i]:start[i + 1]]``."""

    data: bytes
    start: Ints
    slot: Ints
    names: tuple[str, ...] = ()  #: what ``topic`` made of each row, for clients that need one

    def __len__(self) -> int:
        return len(self.slot)

    def part(self, first: int, last: int) -> "Offer":
        """Rows ``first`` to ``last``."""
        begin = int(self.start[first])
        data = self.data[begin : int(self.start[last])]
        return Offer(data, self.start[first : last + 1] - begin, self.slot[first:last], self.names[first:last])


NOTHING: Final = Offer(b"", np.zeros(1, np.int64), np.zeros(0, np.int64))


@kernel
def _sizes(begin, of, start):  # type: ignore[no-untyped-def]
    for i in range(len(of)):
        start[i + 1] = start[i] + begin[of[i] + 1] - begin[of[i]]


@kernel
def _copy(data, begin, of, start, out):  # type: ignore[no-untyped-def]
    for i in range(len(of)):
        low, high = begin[of[i]], begin[of[i] + 1]
        for k in range(high - low):
            out[np.uintp(start[i] + k)] = data[np.uintp(low + k)]  # by such numbers it is compiled to a copy of blocks


def gathered(pieces: Pieces, of: Ints) -> tuple[bytes, Ints]:
    """The bytes of some rows, and where each begins."""
    if len(of) == len(pieces):
        return pieces.data.tobytes(), pieces.start
    start = np.zeros(len(of) + 1, np.int64)
    _sizes(pieces.start, of, start)
    out = np.empty(int(start[-1]), np.uint8)
    _copy(pieces.data, pieces.start, of, start, out)
    return out.tobytes(), start


@dataclass(eq=False)
class Stream:
    """One format under one policy. ``options``: keywords of the link's ``pieces``; ``topic``: a name for each row."""

    link: str
    rule: Rule
    options: dict[str, Any] = field(default_factory=dict)
    topic: Callable[[pl.DataFrame], tuple[str, ...]] | None = None
    keeps: bool = False  #: whether ``shown`` is kept, for customers that ask for the whole picture
    produced: int = 0
    untold: int = 0
    offered: int = 0
    withheld: Counter[str] = field(default_factory=Counter)
    shown: pl.DataFrame | None = None
    _delayed: deque[tuple[int, pl.DataFrame]] = field(default_factory=deque)

    @property
    def form(self) -> tuple[Any, ...]:
        """Streams of equal forms have equal bytes for a row."""
        return self.link, tuple(sorted(self.options.items())), self.rule.form

    def ready(self, rows: Rows, now_ns: int) -> Rows:
        """The batch that is to be given now of what was held back for ``delay_s``; ``rows`` begin to wait."""
        if len(rows):
            self._delayed.append((now_ns + round(self.rule.policy.delay_s * 1e9), rows.table))
        due = []
        while self._delayed and self._delayed[0][0] <= now_ns:
            due.append(self._delayed.popleft()[1])
        table = pl.concat(due) if due else rows.table.clear()
        # the newest row of an object stands for those before it
        self._superseded(len(table) - (kept := table.unique("slot", keep="last", maintain_order=True)).height)
        return Rows(kept)

    def _superseded(self, count: int) -> None:
        if count:
            self.produced += count
            self.withheld["rate"] += count

    def account(self, choice: Choice) -> None:
        """Counts what the rule made of the rows of a batch."""
        self.produced += choice.produced
        self.withheld.update(choice.withheld)

    def offer(self, rows: Rows, of: Ints, pieces: Pieces, at: Ints) -> Offer:
        """The offer of rows ``of``, which are ``at`` in ``pieces``; counts those that the format cannot say."""
        said = pieces.start[at + 1] > pieces.start[at]
        self.untold += int((~said).sum())
        of, at = of[said], at[said]
        self.offered += len(of)
        data, start = gathered(pieces, at)
        names = self.topic(rows.table[of]) if self.topic is not None and len(of) else ()
        if self.keeps and len(of):
            self._show(rows.table[of])
        return Offer(data, start, rows.slot[of], names)

    def _show(self, table: pl.DataFrame) -> None:
        both = table if self.shown is None else pl.concat([self.shown, table])
        self.shown = both.unique("slot", keep="last", maintain_order=True)

    def forget(self, gone: Ints) -> None:
        """Objects that are dead are shown no more."""
        if self.shown is not None and len(gone):
            self.shown = self.shown.filter(~pl.col("slot").cast(pl.Int64).is_in(gone.tolist()))

    def written(self, table: pl.DataFrame) -> Pieces:
        """The bytes of rows, in this stream's form."""
        made: Pieces = link_named(self.link).pieces(self.rule.shaped(table), **self.options)  # type: ignore[attr-defined]
        return made

    def caught_up(self, table: pl.DataFrame, waiting: Ints, most_bytes: int) -> tuple[Offer, Ints, Ints]:
        """For a client that was held up: current rows of the slots that wait, the urgent and the oldest first.

        Gives what to send, the slots of its rows, and the slots that need not wait any more. What is more than
        ``most_bytes`` waits on.
        """
        rows = Rows(table)
        passing = self.rule.passing(rows, late=True).left
        order = np.lexsort((rows.slot, rows.time_ns, ~rows.urgent))
        order = order[passing[order]]
        pieces = self.written(table[order])
        said = np.diff(pieces.start) > 0
        over = np.setdiff1d(waiting, rows.slot[order[said]])
        # at least one row: it may be larger than all that is allowed
        count = max(int(np.searchsorted(pieces.start, most_bytes, side="right")) - 1, min(1, len(order)))
        at = np.flatnonzero(said[:count])
        data, start = gathered(pieces, at)
        chosen = order[at]
        names = self.topic(table[chosen]) if self.topic is not None and len(chosen) else ()
        return Offer(data, start, rows.slot[chosen], names), rows.slot[chosen], over


def distribute(
    streams: Iterable[Stream], rows: Rows, now_ns: int, current: Callable[[Ints], pl.DataFrame]
) -> list[tuple[Stream, Offer]]:
    """What each stream has for its clients of a batch; ``current`` gives the rows of slots as they are now."""
    listed = list(streams)
    # streams whose rows are not delayed have them at the same time, and may have a rule together
    rules = dict.fromkeys(s.rule for s in listed if not s.rule.policy.delay_s)
    again = {rule: rule.waited(now_ns) for rule in rules}
    late = _besides(list(again.values()), rows.slot)
    # rows whose time has come by the rate of some stream follow those of the batch
    longer = Rows(pl.concat([rows.table, current(late)]), len(rows)) if len(late) else rows
    late = longer.slot[len(rows) :]
    most = max((int(slots.max()) for slots in (late, *again.values()) if len(slots)), default=0)
    waits = np.zeros(most + 1, np.bool_)
    choices = {}
    for rule, waited in again.items():
        waits[waited] = True
        choices[rule] = rule.choose(longer, waits[late], now_ns)
        waits[waited] = False
    chosen: list[tuple[Rows, Ints]] = []
    for stream in listed:
        ready, choice = longer, choices.get(stream.rule)
        if choice is None:
            ready = stream.ready(rows, now_ns)
            choice = stream.rule.choose(ready, None, now_ns)
        stream.account(choice)
        chosen.append((ready, choice.go))
    groups: dict[Any, list[int]] = {}
    for number, stream in enumerate(listed):
        if len(chosen[number][1]):
            groups.setdefault((stream.form, id(chosen[number][0])), []).append(number)
    offers = [NOTHING] * len(listed)
    tables: dict[Any, pl.DataFrame] = {}  # formats often want the same rows
    for numbers in groups.values():
        ready = chosen[numbers[0]][0]
        wanted = np.zeros(len(ready), np.bool_)
        for number in numbers:
            wanted[chosen[number][1]] = True
        place = np.cumsum(wanted) - 1
        key = id(ready), wanted.tobytes()
        if key not in tables:
            tables[key] = ready.said if wanted.all() else ready.said[np.flatnonzero(wanted)]
        pieces = listed[numbers[0]].written(tables[key])
        for number in numbers:
            of = chosen[number][1]
            offers[number] = listed[number].offer(ready, of, pieces, place[of])
    return list(zip(listed, offers, strict=True))


def _besides(waited: list[Ints], slot: Ints) -> Ints:
    """Slots that waited and are not among those of the batch."""
    some = [slots for slots in waited if len(slots)]
    if not some:
        return np.zeros(0, np.int64)
    late = np.zeros(1 + max(int(slots.max()) for slots in (slot, *some) if len(slots)), np.bool_)
    for slots in some:
        late[slots] = True
    late[slot] = False
    return np.flatnonzero(late)
