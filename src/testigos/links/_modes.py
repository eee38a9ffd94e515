"""What the links of raw Mode S share: options, and the columns that a batch of messages becomes.

A link turns its bytes into ``Raw`` messages and knows their times; the rest is here. Rows of UTC that nobody knows
have no ``time_ns`` and, unless something worse is the matter, the status ``no_time``.
"""

from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.links._modes_time import MLAT_STAMP, UAT_STAMP, Clock, synthetic
from testigos.links._rows import SQUAWKS, ascii_rows, object_ids
from testigos.modes import columns
from testigos.modes.decode import Settings, State
from testigos.modes.decode import decode as decode_messages
from testigos.registry import Frames, Pieces
from testigos.schema import ALL, SOURCES, STATUSES

__all__ = [
    "MODES_GIVES", "PLAIN", "Carry", "Options", "Raw", "blank_raw", "check_sizes", "fresh", "pieces_of_rows", "table",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """What raw frames cannot say, and what to do with them.

    ``began_ns``: UTC of the first stamped frame of each document (the date alone where stamps are of GPS). Where the
    receiver is and how far it hears (m) decide between candidates of positions. ``repair``: mend one wrong bit.
    ``gps``: stamps are of GPS (true) or of a 12 MHz counter (false); null: as the receiver says, else a counter.

    >>> Options.from_dict(Options(began_ns=1_761_242_592_500_000_000, repair=True).as_dict()).repair
    True
    """

    began_ns: int | None = None
    receiver_lat_deg: float | None = None
    receiver_lon_deg: float | None = None
    range_m: float | None = None
    repair: bool = False
    gps: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON; what is not set is left out."""
        unset = asdict(PLAIN)
        return {name: value for name, value in asdict(self).items() if value != unset[name]}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "Options":
        """From what ``as_dict`` gave. Raises ``ValueError`` on a name that is no option."""
        unknown = set(told) - {f.name for f in fields(cls)}
        if unknown:
            raise ValueError(f"no option for raw frames: {', '.join(sorted(unknown))}")
        return cls(**told)

    def settings(self) -> Settings:
        """The part that decoding needs."""
        nan = float("nan")
        return Settings(
            nan if self.receiver_lat_deg is None else self.receiver_lat_deg,
            nan if self.receiver_lon_deg is None else self.receiver_lon_deg,
            nan if self.range_m is None else self.range_m,
            self.repair,
        )


PLAIN: Final = Options()  #: nothing is told


class Raw(NamedTuple):
    """Messages of a batch, one for each frame that is no context: (N, 14) bytes and (N,) of all else.

    ``size`` is 2, 7 or 14; 0 where the frame is damaged, and then the payload is what ``blank_raw`` set. ``signal``
    is the amplitude of 255, 0 where none is told.
    """

    payload: npt.NDArray[np.uint8]
    size: npt.NDArray[np.uint8]
    stamp: npt.NDArray[np.uint64]
    signal: npt.NDArray[np.uint8]


def blank_raw(count: int) -> Raw:
    """Room for ``count`` messages, all damaged so far: a long format in too few bytes."""
    return Raw(
        np.full((count, 14), 0xFF, np.uint8),
        np.zeros(count, np.uint8),
        np.zeros(count, np.uint64),
        np.zeros(count, np.uint8),
    )


def check_sizes(size: npt.NDArray[np.uint8]) -> None:
    """Raises ``ValueError`` where a message has another size than 2, 7 or 14 bytes."""
    if not np.isin(size, (2, 7, 14)).all():
        raise ValueError("a message has 2, 7 or 14 bytes")


def pieces_of_rows(
    data: npt.NDArray[np.uint8], begin: npt.NDArray[np.int64], row: npt.NDArray[np.int64], rows: int
) -> Pieces:
    """Messages as the pieces of their rows: message ``m`` begins at ``begin[m]`` (M + 1,) and is of ``row[m]``.

    >>> made = pieces_of_rows(np.zeros(9, np.uint8), np.array([0, 2, 5, 9]), np.array([1, 1, 3]), 4)
    >>> made.start.tolist()
    [0, 0, 5, 5, 9]
    """
    return Pieces(data, begin[np.searchsorted(row, np.arange(rows + 1))])


class Carry(NamedTuple):
    """What decoding remembers: every aircraft, and the time."""

    state: State
    clock: Clock


def fresh(options: Options) -> Carry:
    """At the start of a document."""
    return Carry(State.fresh(), Clock.fresh(options.began_ns, options.gps))


# ---- columns ----

_OWN: Final = (
    *("object_id", "time_ns", "callsign", "squawk", "category", "emergency", "rssi_dbfs", "receiver"),
    *("stamp", "offset", "length"),
)
_NAMES: Final = {
    "f64": columns.F64, "f32": columns.F32, "u64": columns.U64, "u32": columns.U32, "u16": columns.U16,
    "u8": columns.U8,
}  # fmt: skip

#: All that Mode S says, in the schema's order.
MODES_GIVES: Final = tuple(
    name for name in ALL if name in _OWN or any(name in names and name != "slot" for names in _NAMES.values())
)

_CODES: Final = {
    name: pl.Series([*values, None], dtype=pl.Enum(values))
    for name, values in (("status", STATUSES), ("source", SOURCES))
}
#: Characters of a call sign, IA-5 (ICAO Annex 10 volume IV, table 3-9); those that may not be are blank.
_LETTERS: Final = np.frombuffer(b" ABCDEFGHIJKLMNOPQRSTUVWXYZ" + b" " * 21 + b"0123456789" + b" " * 6, np.uint8)
_CATEGORIES: Final = pl.Series([*(f"{'ABCD'[k >> 3]}{k & 7}" for k in range(32)), None])
#: DO-260B 2.2.3.2.7.8.1.1, with the words of readsb.
_EMERGENCIES: Final = pl.Series(
    [None, "general", "lifeguard", "minfuel", "nordo", "unlawful", "downed", "reserved", None]
)
#: ``rssi_dbfs`` by signal byte; 0 is none.
_LEVELS: Final = np.array([np.nan, *(20.0 * np.log10(np.arange(1, 256) / 255.0))], np.float32)

_NO_TIME: Final = STATUSES.index("no_time")
_OUT_OF_RANGE: Final = STATUSES.index("out_of_range")
_HIGHEST_NS: Final = int(ALL["time_ns"].high or 0)


#: What stands for unknown in the array of a column.
_NONES: Final[dict[str, Any]] = {
    name: np.nan if kind[0] == "f" else 2 ** int(kind[1:]) - 1 for kind, names in _NAMES.items() for name in names
}


@njit(cache=True, nogil=True)
def _move(out, count, none, whole, first, known, holes):  # type: ignore[no-untyped-def]
    """Columns of a chunk to their place from ``first`` on; those without a value so far are left as they are."""
    for k in range(len(out)):
        said, place = out[k, :count], whole[k, first : first + count]
        i = 0
        if not known[k]:
            while i < count and (said[i] == none or said[i] != said[i]):  # equal to none, or NaN
                i += 1
            if i == count:
                continue
            known[k] = True
            whole[k, :first] = none
            holes[k] = first + i > 0
        while not holes[k] and i < count:
            holes[k] = said[i] == none or said[i] != said[i]
            i += 1
        for i in range(len(said)):  # so it is compiled to a copy of blocks
            place[i] = said[i]


class _Columns:
    """Whole columns from chunks; one in which nothing is known has no array."""

    def __init__(self, size: int) -> None:
        self.whole = columns.allocate(size)
        self.known = {kind: np.zeros(len(names), np.bool_) for kind, names in _NAMES.items()}
        self.holes = {kind: np.zeros(len(names), np.bool_) for kind, names in _NAMES.items()}

    def add(self, out: columns.Out, first: int, count: int) -> None:
        for kind, names in _NAMES.items():
            chunk = getattr(out, kind)
            none = chunk.dtype.type(_NONES[names[0]])
            _move(chunk, count, none, getattr(self.whole, kind), first, self.known[kind], self.holes[kind])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """By name, those in which something is known."""
        return {
            name: getattr(self.whole, kind)[k] if self.holes[kind][k] else getattr(self.whole, kind)[k].copy()
            for kind, names in _NAMES.items()
            for k, name in enumerate(names)
            if self.known[kind][k]
        }

    def full(self) -> set[str]:
        """Names of columns in which everything is known."""
        return {
            name
            for kind, names in _NAMES.items()
            for k, name in enumerate(names)
            if self.known[kind][k] and not self.holes[kind][k]
        }


def _named(array: npt.NDArray[Any] | None, names: "pl.Series", size: int) -> pl.Series:
    """The name of each number; that past the others, null, for any other number."""
    if array is None:
        return pl.repeat(None, size, dtype=names.dtype, eager=True)
    return names[pl.Series(np.minimum(array, len(names) - 1).astype(np.uint32))]


def _callsigns(codes: npt.NDArray[np.uint64] | None, size: int) -> pl.Series:
    if codes is None:
        return pl.repeat(None, size, dtype=pl.String, eager=True)
    said = np.flatnonzero(codes != columns.NONE64)
    distinct, which = np.unique(codes[said], return_inverse=True)
    shifts = np.arange(42, -1, -6, dtype=np.uint64)
    letters = _LETTERS[((distinct[:, None] >> shifts) & np.uint64(63)).astype(np.int64)]
    names = [name.rstrip() or None for name in ascii_rows(letters)]
    place = np.full(size, len(names), np.uint32)
    place[said] = which
    return pl.Series([*names, None], dtype=pl.String)[pl.Series(place)]


@njit(cache=True, nogil=True)
def _numbered(slots, first, number_of, places, count, numbers):  # type: ignore[no-untyped-def]
    """A number from 1 on for each place (slot 0 is at ``first``) as they come, 0 for no slot; gives the highest."""
    for i in range(len(slots)):
        if slots[i] == columns.NONE32:
            numbers[i] = 0
            continue
        place = first + np.int64(slots[i])
        if number_of[place] == 0:
            places[count] = place
            count += 1
            number_of[place] = count
        numbers[i] = number_of[place]
    return count


def _objects(
    slots: npt.NDArray[np.uint32] | None, aircraft: list[tuple[int, npt.NDArray[np.void]]], size: int
) -> pl.Series:
    """Names. ``aircraft``: the records that slots mean from a row on, for they change where room is made."""
    if slots is None:
        return pl.repeat(None, size, dtype=pl.String, eager=True)
    keys = np.concatenate([air["key"] for _, air in aircraft])
    number_of, numbers = np.zeros(len(keys), np.uint32), np.zeros(size, np.uint32)
    places = np.empty(len(keys), np.int64)
    count = first = 0
    ends = [row for row, _ in aircraft[1:]] + [size]
    for (row, air), end in zip(aircraft, ends, strict=True):
        count = _numbered(slots[row:end], first, number_of, places, count, numbers[row:end])
        first += len(air)
    heard = keys[places[:count]]
    none = np.full(1, -1)
    return object_ids(np.concatenate([none, heard.astype(np.int64)]))[pl.Series(numbers)]


def _receivers(receiver: npt.NDArray[np.int32] | None, clock: Clock, size: int) -> pl.Series:
    if receiver is None or not clock.names:
        return pl.repeat(None, size, dtype=pl.String, eager=True)
    names = pl.Series([None, *(f"{number:016x}" for number in clock.names)], dtype=pl.String)
    return names[pl.Series(receiver.astype(np.uint32))]


def table(
    frames: Frames,
    raw: Raw,
    clock_ns: npt.NDArray[np.int64],
    known: npt.NDArray[np.bool_],
    receiver: npt.NDArray[np.int32] | None,
    carry: Carry,
    options: Options,
) -> tuple[pl.DataFrame, Carry]:
    """Rows of the columns ``MODES_GIVES`` and the carry after, with the clock of the carry given.

    ``raw`` has a message for each frame that is no context; ``clock_ns`` is when, and UTC where ``known``;
    ``receiver`` is a place in ``Clock.lines``, null where the format names none.
    """
    size = len(raw.size)
    state = carry.state.copy()
    made = _Columns(size)
    aircraft: list[tuple[int, npt.NDArray[np.void]]] = []
    for out, first, count in decode_messages(raw.payload, raw.size, clock_ns, state, options.settings()):
        made.add(out, first, count)
        if not aircraft or state.air is not aircraft[-1][1]:
            aircraft.append((first, state.air))
    after = Carry(state, carry.clock)
    if not size:
        return pl.DataFrame(schema={n: ALL[n].dtype for n in MODES_GIVES}), after
    arrays, full = made.arrays(), made.full()

    status, source = arrays["status"], arrays.get("source")
    damaged = status == columns.MALFORMED
    timed = known & ~damaged
    within = (clock_ns >= 0) & (clock_ns <= _HIGHEST_NS)
    if not timed.all():
        status[~known & ((status == columns.OK) | (status == columns.NO_POSITION))] = _NO_TIME
    if not within.all():
        status[timed & ~within] = _OUT_OF_RANGE
        timed &= within
    marks = synthetic(raw.stamp)
    stamped = ~marks & ~damaged
    if source is not None and marks.any():
        said = ~damaged & (source != columns.NONE8)
        source[said & (raw.stamp == MLAT_STAMP)] = columns.MLAT
        source[said & (raw.stamp == UAT_STAMP)] = SOURCES.index("uat")
    start, stop = frames.start, frames.stop
    if frames.context.any():
        start, stop = start[~frames.context], stop[~frames.context]

    def masked(array: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> pl.Series:
        series = pl.Series(array)
        if valid.all():
            return series
        both = pl.DataFrame([series.alias("a"), pl.Series("v", valid)])
        return both.select(pl.when("v").then("a")).to_series()

    own = {
        **{name: _named(arrays.get(name), names, size) for name, names in _CODES.items()},
        "object_id": _objects(arrays.get("slot"), aircraft, size),
        "time_ns": masked(clock_ns, timed),
        "callsign": _callsigns(arrays.get("callsign"), size),
        "squawk": _named(arrays.get("squawk"), SQUAWKS, size),
        "category": _named(arrays.get("category"), _CATEGORIES, size),
        "emergency": _named(arrays.get("emergency"), _EMERGENCIES, size),
        "rssi_dbfs": masked(_LEVELS[raw.signal], (raw.signal > 0) & ~damaged),
        "receiver": _receivers(receiver, carry.clock, size),
        "stamp": masked(raw.stamp, stamped),
        "offset": pl.Series(start.astype(np.uint64)),
        "length": pl.Series((stop - start).astype(np.uint32)),
    }
    said = {name: array for name, array in arrays.items() if name in ALL and name not in own}
    whole = pl.DataFrame([*(v.alias(n) for n, v in own.items()), *(pl.Series(n, a) for n, a in said.items())])
    return whole.select(_expression(n, n in own, n in said, n not in full) for n in MODES_GIVES), after


@cache
def _expression(name: str, done: bool, said: bool, holes: bool) -> pl.Expr:
    """A column of the schema from one that a kernel filled."""
    if done:
        return pl.col(name)
    dtype = ALL[name].dtype
    if not said:
        return pl.lit(None, dtype).alias(name)
    value = pl.col(name) == 1 if dtype == pl.Boolean else pl.col(name)
    if not holes:
        return value
    if dtype.is_float():
        return value.fill_nan(None)
    return pl.when(pl.col(name) != _NONES[name]).then(value).alias(name)
