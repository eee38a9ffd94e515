"""What the links of raw Mode S share: options, and the columns that a batch of messages becomes.

A link turns its bytes into ``Raw`` messages and knows their times; the rest is here. Rows of UTC that nobody knows
have no ``time_ns`` and, unless something worse is the matter, the status ``no_time``.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel
from testigos.links._modes_time import MLAT_STAMP, UAT_STAMP, Clock, synthetic
from testigos.links._rows import SQUAWKS, ascii_rows, object_ids
from testigos.links._series import only, slices
from testigos.modes import columns
from testigos.modes.decode import Settings, State
from testigos.modes.decode import decode as decode_messages
from testigos.registry import Frames, Pieces
from testigos.schema import ALL, SOURCES, STATUSES, unknown

__all__ = [
    "MODES_GIVES", "PLAIN", "Carry", "Options", "Raw", "WithOptions", "blank_raw", "check_sizes", "pieces_of_rows",
    "table",
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


# ---- columns ----

_OWN: Final = (
    *(
        "object_id",
        "time_ns",
        "status",
        "source",
        "callsign",
        "squawk",
        "category",
        "emergency",
        "rssi_dbfs",
        "receiver",
    ),
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

#: Characters of a call sign, IA-5 (ICAO Annex 10 volume IV, table 3-9); those that may not be are blank.
_LETTERS: Final = np.frombuffer(b" ABCDEFGHIJKLMNOPQRSTUVWXYZ" + b" " * 21 + b"0123456789" + b" " * 6, np.uint8)
#: Columns of which a kernel writes the number of each name; the last one, null, stands for any other number.
#: Emergencies: DO-260B 2.2.3.2.7.8.1.1, with the words of readsb.
_NAMED: Final = {
    name: pl.Series(name, names, dtype=ALL[name].dtype)
    for name, names in (
        ("status", [*STATUSES, None]),
        ("source", [*SOURCES, None]),
        ("squawk", SQUAWKS),
        ("category", [*(f"{'ABCD'[k >> 3]}{k & 7}" for k in range(32)), None]),
        (
            "emergency",
            [None, "general", "lifeguard", "minfuel", "nordo", "unlawful", "downed", "reserved", None],
        ),
    )
}
#: ``rssi_dbfs`` by signal byte; 0 is none.
_LEVELS: Final = np.array([np.nan, *(20.0 * np.log10(np.arange(1, 256) / 255.0))], np.float32)

_NO_TIME: Final = STATUSES.index("no_time")
_OUT_OF_RANGE: Final = STATUSES.index("out_of_range")
_HIGHEST_NS: Final = int(ALL["time_ns"].high or 0)


@dataclass(frozen=True)
class WithOptions:
    """What links of raw Mode S with options have in common."""

    options: Options = PLAIN
    CHECKED: bool = True
    GIVES: tuple[str, ...] = MODES_GIVES

    def before(self, carry: Any) -> Carry:
        """What is remembered; at the start of a document, of nothing."""
        if carry is None:
            return Carry(State.fresh(), Clock.fresh(self.options.began_ns, self.options.gps))
        return cast(Carry, carry)


#: What stands for unknown in the array of a column.
_NONES: Final[dict[str, Any]] = {
    name: np.nan if kind[0] == "f" else 2 ** int(kind[1:]) - 1 for kind, names in _NAMES.items() for name in names
}


@kernel
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
            name: getattr(self.whole, kind)[k]
            for kind, names in _NAMES.items()
            for k, name in enumerate(names)
            if self.known[kind][k]
        }

    def series(self) -> dict[str, pl.Series]:
        """By name, those in which something is known and that need no more than their type."""
        made = {}
        for kind, names in _NAMES.items():
            of = [k for k in np.flatnonzero(self.known[kind]).tolist() if names[k] in ALL and names[k] not in _OWN]
            if not of:
                continue
            values = getattr(self.whole, kind)[of]
            known = slices(values != _NONES[names[0]]) if kind[0] == "u" and self.holes[kind][of].any() else None
            for n, (k, series) in enumerate(zip(of, slices(values), strict=True)):
                name = names[k]
                if ALL[name].dtype == pl.Boolean:
                    series = series.cast(pl.Boolean)
                if known is not None and self.holes[kind][k]:
                    series = series.zip_with(known[n], unknown(name, len(series)))
                made[name] = series.alias(name)
        return made


def _named(arrays: dict[str, npt.NDArray[Any]]) -> dict[str, pl.Series]:
    """The columns of ``_NAMED`` of which there is an array."""
    names = [name for name in _NAMED if name in arrays]
    numbers = np.array([np.minimum(arrays[name], len(_NAMED[name]) - 1) for name in names], np.uint32)
    return {name: _NAMED[name][places] for name, places in zip(names, slices(numbers), strict=True)}


def _callsigns(codes: npt.NDArray[np.uint64], size: int) -> pl.Series:
    said = np.flatnonzero(codes != columns.NONE64)
    distinct, which = np.unique(codes[said], return_inverse=True)
    shifts = np.arange(42, -1, -6, dtype=np.uint64)
    letters = _LETTERS[((distinct[:, None] >> shifts) & np.uint64(63)).astype(np.int64)]
    names = [name.rstrip() or None for name in ascii_rows(letters)]
    place = np.full(size, len(names), np.uint32)
    place[said] = which
    return pl.Series([*names, None], dtype=pl.String)[pl.Series(place)]


@kernel
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


def _objects(slots: npt.NDArray[np.uint32], aircraft: list[tuple[int, npt.NDArray[np.void]]], size: int) -> pl.Series:
    """Names. ``aircraft``: the records that slots mean from a row on, for they change where room is made."""
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


def _receivers(receiver: npt.NDArray[np.int32], clock: Clock) -> pl.Series:
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
    arrays = made.arrays()

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
        told = ~damaged & (source != columns.NONE8)
        source[told & (raw.stamp == MLAT_STAMP)] = columns.MLAT
        source[told & (raw.stamp == UAT_STAMP)] = SOURCES.index("uat")
    start, stop = frames.start, frames.stop
    if frames.context.any():
        start, stop = start[~frames.context], stop[~frames.context]

    said = made.series() | _named(arrays)
    if "slot" in arrays:
        said["object_id"] = _objects(arrays["slot"], aircraft, size)
    if "callsign" in arrays:
        said["callsign"] = _callsigns(arrays["callsign"], size)
    if receiver is not None and carry.clock.names:
        said["receiver"] = _receivers(receiver, carry.clock)
    for name, array, valid in (
        ("time_ns", clock_ns, timed),
        ("rssi_dbfs", _LEVELS[raw.signal], (raw.signal > 0) & ~damaged),
        ("stamp", raw.stamp, stamped),
    ):
        if valid.any():
            said[name] = only(pl.Series(array), valid)
    said["offset"] = pl.Series(start.astype(np.uint64))
    said["length"] = pl.Series((stop - start).astype(np.uint32))
    return pl.DataFrame([said[n].alias(n) if n in said else unknown(n, size) for n in MODES_GIVES]), after
