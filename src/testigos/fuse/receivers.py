"""Receivers: their clocks brought to one timeline, and one row for a transmission that several have heard.

What a receiver's stamps count is found from the data: ticks of 12 MHz, GPS time, or nothing that runs with
``time_ns``. Stamps whose distance to ``time_ns`` jumps were restarted or have wrapped: from there it is another
clock. Clocks are then related by what they both heard (see :mod:`testigos.fuse.clocks`); a clock without stamps
runs by ``time_ns``.

The timeline's UTC is that of one receiver: among those with GPS stamps, or among all where there is none, the
one whose times are the median of all claims (weighted by rows, the earlier of two). Its jitter is taken out by
medians of a minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.fuse.clocks import Bend, Timeline, bend, grouped, seconds, timeline
from testigos.schema import HEARD, REPORTS, STATUSES

__all__ = ["Clock", "ReceiversNotes", "heard_by_many", "merged", "merged_with_notes"]

Ints = npt.NDArray[np.int64]

#: Between two receptions of one transmission: least (450 km of way) and most.
TOLERANCE_NS: Final = (1_500_000, 100_000_000)
_SCATTERS: Final = 4.0  # of a clock's own scatter that is tolerated
_JUMP_NS: Final = 10_000_000_000  # between stamp and time: a restart; less is the jitter of a host
_SECOND_NS: Final = 1_000_000_000
_EXACT_NS: Final = 10  # counters of 12 MHz are rounded to nanoseconds
_UTC_BIN_S: Final = 60.0
_LEAST_ROWS: Final = 3
_LAGS: Final = 4096
_NO_ROW: Final = -1

#: Whose word counts where receivers differ, the first most.
_BEST: Final = (
    *("ok", "ambiguous", "unreachable", "out_of_range", "repeated", "stale", "no_position"),
    *("duplicate", "no_time", "unconfirmed", "parity_failed", "malformed"),
)
_RANK: Final = np.array([_BEST.index(status) for status in STATUSES] + [len(_BEST)], np.int64)


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of a receiver and how it was brought to the timeline.

    ``kind``: counter, gps or host (``time_ns`` alone). ``begin_ns`` and ``end_ns``: by the timeline. ``offset_s``:
    added to its times, at the median. ``drift_ppm``: of the clock against the timeline's first clock. ``shared``:
    transmissions that relate it, ``scatter_ms`` the rms of what they leave; null for a clock that rests on none.
    """

    receiver: str | None
    kind: str
    rows: int
    begin_ns: int
    end_ns: int
    offset_s: float
    drift_ppm: float | None
    shared: int
    scatter_ms: float | None
    reference: bool

    def said(self) -> str:
        """The clock in a line of text."""
        kinds = {"counter": "counter of 12 MHz", "gps": "GPS time", "host": "times of its host"}
        said = f"{kinds[self.kind]}, {self.rows:,} rows, moved by {self.offset_s:+.6f} s"
        if self.drift_ppm is not None:
            said += f", drift {self.drift_ppm:+.2f} ppm, {self.shared:,} shared, scatter {self.scatter_ms:.4f} ms"
        return said + (", gives the time" if self.reference else "")


@dataclass(frozen=True, slots=True)
class ReceiversNotes:
    """What merging did: rows that came and were left, and every clock, by receiver and time."""

    came: int
    left: int
    clocks: tuple[Clock, ...]


def heard_by_many(reports: pl.DataFrame) -> bool:
    """Do the reports hold payloads of more than one receiver?"""
    if not {"transmission", "receiver"} <= set(reports.columns):
        return False
    if reports["transmission"].null_count() == len(reports):
        return False
    return reports.filter(pl.col("transmission").is_not_null())["receiver"].n_unique() > 1


def merged(reports: pl.DataFrame) -> pl.DataFrame:
    """One row a transmission, with the column ``heard`` (see ``schema.HEARD``); see ``merged_with_notes``."""
    return merged_with_notes(reports)[0]


def merged_with_notes(reports: pl.DataFrame) -> tuple[pl.DataFrame, ReceiversNotes]:
    """One row a transmission, on one timeline, sorted by time; and what was done to get there.

    ``reports``: columns of ``schema.ALL``. Rows without ``transmission`` or time, those of multilateration and those
    of Mode A/C (whose payloads identify nothing) take no part: they are given alone in ``heard``, and move in time
    with the other rows of their receiver. Rows that have ``heard`` already are given as they are. Of the rows of
    one transmission the one with the best status is given, with the earliest time; ``heard`` names all, in the
    order of time. Two rows of one receiver are never one transmission. The order of the rows changes nothing.

    A receiver that shares fewer than three transmissions with the others keeps its times; its rows are merged
    where these agree within 1.5 ms.
    """
    done, table = _divided(reports)
    if not len(table):
        return done, ReceiversNotes(len(reports), len(done), ())
    columns = _Columns.of(table)
    time_ns, tolerance_ns, clocks = _aligned(columns)
    order = _in_order(time_ns, columns)
    cluster, count, head = _clusters(
        time_ns[order],
        columns.group[order],
        columns.receiver[order],
        tolerance_ns[order],
        columns.groups,
    )
    start, rows = grouped(cluster, count)
    winner = order[_winners(start, rows, columns.rank[order])]
    untimed = ~columns.timed[winner]
    given = table[winner].with_columns(
        pl.Series("time_ns", time_ns[order[head]]).set(pl.Series(untimed), None),
        _heard(table, order[rows], np.diff(start), time_ns, columns.timed),
    )
    if len(done):
        # same keys as for the rows themselves: a second merge changes nothing
        given = pl.concat([done.select(given.columns), given])
        given = given[_in_order(given["time_ns"].fill_null(_LATE).to_numpy(), _Columns.of(given))]
    return given, ReceiversNotes(len(reports), len(given), clocks)


_LATE: Final = np.iinfo(np.int64).max  # rows without time go last


def _divided(reports: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that were merged before, and those that were not, all with the column ``heard``."""
    if "heard" not in reports.columns:
        empty = pl.Series("heard", [], HEARD.dtype)
        return reports.clear().with_columns(empty), reports.with_columns(pl.lit(None, HEARD.dtype).alias("heard"))
    return reports.filter(pl.col("heard").is_not_null()), reports.filter(pl.col("heard").is_null())


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns that count, as arrays of all rows (N,); ``group`` is -1 for rows that take no part."""

    names: Sequence[str | None]
    receiver: Ints
    time_ns: Ints
    timed: npt.NDArray[np.bool_]
    stamp: npt.NDArray[np.uint64]
    group: Ints
    groups: int
    segment: npt.NDArray[np.uint64]
    offset: npt.NDArray[np.uint64]
    payload: npt.NDArray[np.uint64]
    rank: Ints

    @classmethod
    def of(cls, table: pl.DataFrame) -> "_Columns":
        def column(name: str) -> pl.Series:
            if name in table.columns:
                return table[name]
            return pl.Series(name, [None], REPORTS[name].dtype).new_from_index(0, len(table))

        names = sorted(column("receiver").drop_nulls().unique().to_list())
        code = column("receiver").cast(pl.Enum(names)).to_physical().cast(pl.Int64).fill_null(len(names))
        timed = column("time_ns").is_not_null()
        takes = timed & column("transmission").is_not_null()
        source = column("source")
        takes &= ~((source == "mlat") | (source == "mode_ac")).fill_null(False)
        payload = column("transmission").fill_null(0).to_numpy()
        group, groups = _numbers(payload, takes.to_numpy())
        return cls(
            [*names, None],
            code.to_numpy(),
            column("time_ns").fill_null(_LATE).to_numpy(),
            timed.to_numpy(),
            # a stamp of more than 48 bits is none of a receiver's
            column("stamp").fill_null(_NO_STAMP).clip(upper_bound=_NO_STAMP).to_numpy(),
            group,
            groups,
            column("segment").fill_null(0).to_numpy(),
            column("offset").fill_null(0).to_numpy(),
            payload,
            _RANK[column("status").to_physical().fill_null(len(STATUSES)).to_numpy()],
        )


_NO_STAMP: Final = 1 << 48


@njit(cache=True, nogil=True)
def _numbers(payload: npt.NDArray[np.uint64], takes: npt.NDArray[np.bool_]) -> tuple[Ints, int]:
    """A number for each payload, from 0, and how many there are; -1 for rows that take no part."""
    n = len(payload)
    bits = 4
    while (1 << bits) < 2 * n:
        bits += 1
    mask = np.uint64((1 << bits) - 1)
    first = np.full(1 << bits, -1, np.int64)  # the row in which the payload of a place was first seen
    number = np.full(n, -1, np.int64)
    count = 0
    for i in range(n):
        if not takes[i]:
            continue
        place = (payload[i] * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - bits)
        while first[place] >= 0 and payload[first[place]] != payload[i]:
            place = (place + np.uint64(1)) & mask
        if first[place] < 0:
            first[place] = i
            number[i] = count
            count += 1
        else:
            number[i] = number[first[place]]
    return number, count


@njit(cache=True, nogil=True)
def _settled(
    order: Ints,
    time_ns: Ints,
    receiver: Ints,
    segment: npt.NDArray[np.uint64],
    offset: npt.NDArray[np.uint64],
    payload: npt.NDArray[np.uint64],
) -> None:
    """Puts rows of one instant into the order of receiver and frame, in place."""
    for i in range(1, len(order)):
        row = order[i]
        j = i
        while j > 0:
            other = order[j - 1]
            if time_ns[other] != time_ns[row] or receiver[other] < receiver[row]:
                break
            if receiver[other] == receiver[row]:
                if segment[other] < segment[row]:
                    break
                if segment[other] == segment[row]:
                    if offset[other] < offset[row]:
                        break
                    if offset[other] == offset[row] and payload[other] <= payload[row]:
                        break
            order[j] = other
            j -= 1
        order[j] = row


def _in_order(time_ns: Ints, columns: _Columns) -> Ints:
    """Rows by time, receiver and frame."""
    keys = (columns.receiver, columns.segment, columns.offset, columns.payload)
    order = np.argsort(time_ns)
    ties = np.count_nonzero(np.diff(time_ns[order]) == 0)
    if ties * 4 > len(order):  # insertion would take the square of long ties
        return np.lexsort((*keys[::-1], time_ns))
    _settled(order, time_ns, *keys)
    return order


def _kind(time_ns: Ints, stamp: npt.NDArray[np.uint64]) -> tuple[str, Ints]:
    """What the stamps of a receiver count, and its clock in nanoseconds; rows in the order of time."""
    ticks = stamp.astype(np.int64)
    counts = {"counter": ticks * 250 // 3, "gps": (ticks >> 30) * _SECOND_NS + (ticks & ((1 << 30) - 1))}
    n = len(stamp)
    lag = max(1, n // 16)
    step = max(1, (n - lag) // _LAGS)
    a = np.arange(0, n - lag, step)
    elapsed = time_ns[a + lag] - time_ns[a]
    a, elapsed = a[elapsed > 0], elapsed[elapsed > 0]
    best = ("host", time_ns)
    least = 0.1
    for kind, clock in counts.items() if len(a) else ():
        off = float(np.median(np.abs((clock[a + lag] - clock[a]) / elapsed - 1.0)))
        if off < least:
            least, best = off, (kind, clock)
    return best


@dataclass(slots=True)
class _Clocks:
    """Clocks as they are found: of which receiver, what kind, which rows, what they show."""

    number: Ints  # of each row, -1 for none
    local_ns: Ints
    receiver: list[int]
    kind: list[str]
    rows: list[Ints]

    def add(self, receiver: int, kind: str, rows: Ints, local_ns: Ints) -> None:
        self.number[rows] = len(self.rows)
        self.local_ns[rows] = local_ns
        self.receiver.append(receiver)
        self.kind.append(kind)
        self.rows.append(rows)


def _clocks(columns: _Columns) -> _Clocks:
    """All clocks that have rows which take part."""
    n = len(columns.time_ns)
    found = _Clocks(np.full(n, -1, np.int64), columns.time_ns.copy(), [], [], [])
    # rows that take part, by receiver and in the order of time
    order = _in_order(columns.time_ns, columns)
    start, place = grouped(np.where(columns.group >= 0, columns.receiver, _NO_ROW)[order], len(columns.names))
    for receiver in range(len(columns.names)):
        rows = order[place[start[receiver] : start[receiver + 1]]]
        if not len(rows):
            continue
        stamped = columns.stamp[rows] < _NO_STAMP
        with_stamp, without = rows[stamped], rows[~stamped]
        if len(with_stamp):
            kind, clock = _kind(columns.time_ns[with_stamp], columns.stamp[with_stamp])
            if kind == "host":
                without = rows
            else:
                _runs(found, receiver, kind, with_stamp, clock, columns.time_ns)
        if len(without):
            found.add(receiver, "host", without, columns.time_ns[without])
    return found


def _runs(found: _Clocks, receiver: int, kind: str, rows: Ints, clock: Ints, time_ns: Ints) -> None:
    """Adds a clock for each stretch in which counter and ``time_ns`` run together."""
    lead = time_ns[rows] - clock
    ordered = np.sort(lead)
    unit = _SECOND_NS if kind == "gps" else 1  # what a host's delay adds to true time is no part of it
    borders = ordered[1:][np.diff(ordered) > _JUMP_NS]
    if not len(borders):
        found.add(receiver, kind, rows, clock + _rounded(int(ordered[len(ordered) // 2]), unit))
        return
    run = np.searchsorted(borders, lead, side="right").astype(np.int64)
    start, place = grouped(run, len(borders) + 1)
    for number in range(len(borders) + 1):
        mine = place[start[number] : start[number + 1]]
        if len(mine) >= _LEAST_ROWS:  # a few are damaged stamps
            middle = int(np.sort(lead[mine])[len(mine) // 2])
            found.add(receiver, kind, rows[mine], clock[mine] + _rounded(middle, unit))


def _rounded(number: int, unit: int) -> int:
    return (number + unit // 2) // unit * unit


def _aligned(columns: _Columns) -> tuple[Ints, Ints, tuple[Clock, ...]]:
    """Time of each row by the common timeline, how far it may be off, and the clocks."""
    clocks = _clocks(columns)
    count = len(clocks.rows)
    gps = np.array([kind == "gps" for kind in clocks.kind], np.bool_)
    made = timeline(columns.group, columns.groups, clocks.number, count, clocks.local_ns, gps)
    time_ns = columns.time_ns.copy()
    tolerance = np.full(len(time_ns), TOLERANCE_NS[0], np.int64)
    moved = np.zeros(len(time_ns), np.bool_)
    reference = np.zeros(count, np.bool_)
    for component in np.unique(made.component[made.component >= 0]).tolist():
        members = np.flatnonzero(made.component == component).tolist()
        if len({clocks.receiver[c] for c in members}) < 2:
            continue
        for c in members:
            rows, relation = clocks.rows[c], made.relations[c]
            time_ns[rows] = clocks.local_ns[rows] + made.shift_ns(c, clocks.local_ns[rows])
            moved[rows] = True
            if relation is not None:
                allowed = int(_SCATTERS * relation.scatter_s * 1e9)
                tolerance[rows] = min(max(allowed, TOLERANCE_NS[0]), TOLERANCE_NS[1])
        chosen = _reference(members, clocks, columns.time_ns, time_ns)
        reference[chosen] = True
        _to_utc(members, chosen, clocks, columns.time_ns, time_ns)
    _follow_neighbours(columns, time_ns, moved)
    return time_ns, tolerance, _told(clocks, made, columns, time_ns, moved, reference)


def _reference(members: list[int], clocks: _Clocks, own_ns: Ints, time_ns: Ints) -> int:
    """The clock whose receiver's times become the timeline's."""
    vote = [c for c in members if clocks.kind[c] == "gps"] or members
    claims = []
    for c in vote:
        rows = clocks.rows[c]
        claim = np.sort(own_ns[rows] - time_ns[rows])
        claims.append((int(claim[len(claim) // 2]), c, len(rows)))
    claims.sort()
    half = sum(weight for _, _, weight in claims) / 2.0
    total = 0
    for _, c, weight in claims:
        total += weight
        if total >= half:
            return c
    raise AssertionError("no clock")  # half of the rows is always reached


def _to_utc(members: list[int], chosen: int, clocks: _Clocks, own_ns: Ints, time_ns: Ints) -> None:
    """Brings the component's timeline, in place, to the UTC of the chosen clock."""
    rows = clocks.rows[chosen]
    rows = rows[np.argsort(time_ns[rows], kind="stable")]
    origin, lead = int(time_ns[rows[0]]), own_ns[rows] - time_ns[rows]
    middle = int(np.sort(lead)[len(lead) // 2])
    line: Bend | None = None
    if int(np.abs(lead - middle).max()) > _EXACT_NS:
        line = bend(seconds(time_ns[rows] - origin), seconds(lead - middle), _UTC_BIN_S)
    for c in members:
        mine = clocks.rows[c]
        added = np.full(len(mine), middle, np.int64)
        if line is not None:
            added += np.rint(line.at(seconds(time_ns[mine] - origin)) * 1e9).astype(np.int64)
        time_ns[mine] += added
    exact = rows[np.abs(time_ns[rows] - own_ns[rows]) <= _EXACT_NS]
    time_ns[exact] = own_ns[exact]


def _follow_neighbours(columns: _Columns, time_ns: Ints, moved: npt.NDArray[np.bool_]) -> None:
    """Rows whose own clock says nothing are moved as the nearest row of their receiver was, in place."""
    rest = np.flatnonzero(~moved & columns.timed)
    if not len(rest) or not moved.any():
        return
    for receiver in np.unique(columns.receiver[rest]).tolist():
        sure = np.flatnonzero(moved & (columns.receiver == receiver))
        if not len(sure):
            continue
        sure = sure[np.lexsort((time_ns[sure], columns.time_ns[sure]))]
        at = columns.time_ns[sure]
        mine = rest[columns.receiver[rest] == receiver]
        after = np.clip(np.searchsorted(at, columns.time_ns[mine]), 1, max(len(at) - 1, 1))
        before = after - 1
        after = np.minimum(after, len(at) - 1)
        nearer = columns.time_ns[mine] - at[before] <= at[after] - columns.time_ns[mine]
        nearest = sure[np.where(nearer, before, after)]
        time_ns[mine] += time_ns[nearest] - columns.time_ns[nearest]


def _told(
    clocks: _Clocks,
    made: Timeline,
    columns: _Columns,
    time_ns: Ints,
    moved: npt.NDArray[np.bool_],
    reference: npt.NDArray[np.bool_],
) -> tuple[Clock, ...]:
    told = []
    for c, rows in enumerate(clocks.rows):
        relation = made.relations[c] if moved[rows[0]] else None
        name = columns.names[clocks.receiver[c]]
        added = np.sort(time_ns[rows] - columns.time_ns[rows])
        told.append(
            Clock(
                name,
                clocks.kind[c],
                len(rows),
                int(time_ns[rows].min()),
                int(time_ns[rows].max()),
                int(added[len(added) // 2]) * 1e-9,
                None if relation is None else relation.drift * 1e6,
                0 if relation is None else relation.pairs,
                None if relation is None else relation.scatter_s * 1e3,
                bool(reference[c]),
            )
        )
    return tuple(sorted(told, key=lambda k: (k.receiver is None, k.receiver or "", k.begin_ns, k.kind)))


@njit(cache=True, nogil=True)
def _clusters(time_ns: Ints, group: Ints, receiver: Ints, tolerance_ns: Ints, groups: int) -> tuple[Ints, int, Ints]:
    """Number of the transmission of each row, how many there are, and the first row of each.

    All arrays (N,), in the order of time. A row joins the earliest transmission of its payload that is near enough
    and that its receiver has not been heard in.
    """
    n = len(time_ns)
    cluster = np.empty(n, np.int64)
    head, last_row = np.empty(n, np.int64), np.empty(n, np.int64)
    before = np.empty(n, np.int64)  # the row before in the same transmission
    earlier = np.empty(n, np.int64)  # the transmission before of the same payload
    last = np.full(groups, -1, np.int64)
    widest = np.int64(0)
    for i in range(n):
        widest = max(widest, tolerance_ns[i])
    count = 0
    for i in range(n):
        g = group[i]
        joined = np.int64(-1)
        if g >= 0:
            k = last[g]
            while k >= 0 and time_ns[i] - time_ns[head[k]] <= widest:
                if time_ns[i] - time_ns[head[k]] <= max(tolerance_ns[i], tolerance_ns[head[k]]):
                    j = last_row[k]
                    while j >= 0 and receiver[j] != receiver[i]:
                        j = before[j]
                    if j < 0:
                        joined = k
                k = earlier[k]
        if joined < 0:
            joined = np.int64(count)
            head[count], before[i], earlier[count] = i, -1, -1
            if g >= 0:
                earlier[count] = last[g]
                last[g] = count
            count += 1
        else:
            before[i] = last_row[joined]
        last_row[joined] = i
        cluster[i] = joined
    return cluster, count, head[:count].copy()


@njit(cache=True, nogil=True)
def _winners(start: Ints, rows: Ints, rank: Ints) -> Ints:
    """The row of each transmission whose status is best, the first of equals."""
    best = np.empty(len(start) - 1, np.int64)
    for k in range(len(best)):
        row = rows[start[k]]
        for j in range(start[k] + 1, start[k + 1]):
            if rank[rows[j]] < rank[row]:
                row = rows[j]
        best[k] = row
    return best


def _heard(table: pl.DataFrame, rows: Ints, sizes: Ints, time_ns: Ints, timed: npt.NDArray[np.bool_]) -> pl.Series:
    """The column ``heard``: ``rows`` of the table, the first ``sizes[0]`` of them for the first, and so on."""
    inner: Any = HEARD.dtype.inner  # type: ignore[attr-defined]
    have = [f.name for f in inner.fields if f.name in table.columns]
    entries = (
        table.select(have)
        .with_columns(pl.Series("time_ns", time_ns).set(pl.Series(~timed), None))[rows]
        .select(
            pl.struct(
                pl.col(f.name) if f.name in have else pl.lit(None, f.dtype).alias(f.name) for f in inner.fields
            ).alias("heard")
        )
        .to_series()
    )
    if (sizes == 1).all():
        return entries.reshape((-1, 1)).arr.to_list().rename("heard")
    number = pl.Series("number", np.repeat(np.arange(len(sizes), dtype=np.uint32), sizes)).set_sorted()
    lists = pl.LazyFrame([number, entries]).group_by("number", maintain_order=True).agg("heard").collect()
    return lists["heard"]
