"""ASTERIX of EUROCONTROL: what radars (category 048), ADS-B stations (021) and trackers (062) send each other.

A data block is a category, a length of two bytes and records; a record has no length, so all items of a profile are
known (``_asterix_spec``), also those that become no column. A file is blocks one after the other; by UDP a datagram
holds whole blocks. Appendices (RE) are read for category 021, special fields (SP) are skipped.

======  ============================================================================================================
021     aircraft's own words: ``adsb``, or ``uat`` where the link technology says so; version 0 has no NIC, NACp, NACv
048     ``radar``, ``estimated`` where there was no detection. Range and azimuth are of the radar. Where ``configured``
        is told where it stands, that is one radar's stream: latitude and longitude follow from the range, from the
        flight level (else the measured height, else 0 as height) over a radar at height 0, on a sphere of the
        curvature of WGS-84 in that direction, without refraction
062     the source is the sensor whose update is the youngest, ``estimated`` where the track coasts, else ``unknown``
others  one row a block, with the category alone
======  ============================================================================================================

An object is its address, ``icao:`` or, in 021, ``anon:``; else its track, as ``track:SAC-SIC-number``; else nobody.
Codes and levels that are not validated or garbled are not taken. The end of a track is ``stale_ns``.

A record says the time of day alone. With ``configured(Options(began_ns=...))`` the date follows: the first time is the
one nearest to ``began_ns`` (on that date, if it is midnight), and every other the one nearest to those before it. A
time an hour or more off is believed at once, but moves the clock only if the next is nearer to it than to the clock.
Without, no row has a time, and the status is ``no_time``.

Own rules for damage: the header of a block is context. A record that breaks off, or has an item that its category does
not know, is malformed with the rest of its block, up to where a block of 021, 048 or 062 begins whose records fill it
exactly. Anything that begins no block is malformed up to there too, in frames of ``_LONGEST`` at most. A block of
another category is one if the end or another header follows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.geo import direct
from testigos.kernels import kernel
from testigos.links._asterix_read import CODES, DOUBLES, FLOATS, ICAO, NONE, TRACK, WIDE, read, reading, record
from testigos.links._asterix_registers import REGISTERS
from testigos.links._asterix_spec import CATEGORIES
from testigos.links._asterix_write import pieces as written
from testigos.links._modes import PLAIN, Options
from testigos.links._readsb import EMERGENCIES
from testigos.links._rows import SQUAWKS, gathered
from testigos.links._series import null_where
from testigos.registry import Frames, Link, Pieces
from testigos.registry import frames as make_frames
from testigos.schema import ALL, KINDS, SOURCES, STATUSES
from testigos.units import DAY_S, FT_M, NMI_M, S_NS

__all__ = [
    "CHECKED", "GIVES", "NAME", "SPEC", "UNDATED", "Asterix", "anchors", "configured", "decode", "encode", "pieces",
    "recognise", "split",
]  # fmt: skip

NAME: Final = "asterix"
SPEC: Final = (
    "EUROCONTROL-SPEC-0149, parts 1 (ed. 3.1), 4 (category 048, ed. 1.32), 9 (062, ed. 1.20), 12 (021, ed. 2.6)"
)
CHECKED: Final = False
UNDATED: Final = True  #: takes ``began_ns``
_OTHERS: Final = (
    *("object_id", "time_ns", "status", "callsign", "registration", "type_code", "advisory", "stale_ns", "offset"),
    "length",
)
GIVES: Final = tuple(n for n in ALL if n in (*DOUBLES, *FLOATS, *CODES, *_OTHERS))

_LONGEST: Final = 1024
_CHUNK: Final = 4096  # rows that stay in the cache
_HEADER: Final = 3
#: Categories that EUROCONTROL has assigned: what may follow a block of a category that is not read.
_ASSIGNED: Final = np.isin(
    np.arange(256),
    [
        *(1, 2, 3, 4, 7, 8, 9, 10, 11, 15, 16, 17, 18, 19, 20, 21, 23, 25, 30, 31, 32, 34, 48, 62, 63, 65, 128, 129),
        *(150, 205, 238, 239, 240, 244, 247, 252),
    ],
)
_DAY_NS: Final = DAY_S * S_NS
_HOUR_NS: Final = 3600 * S_NS

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# ---- framing ----


@kernel
def _profile(category):  # type: ignore[no-untyped-def]
    return 0 if category == 21 else 1 if category == 48 else 2 if category == 62 else -1


@kernel
def _sound(data, at, final, uap, most, nodes, elements, raw):  # type: ignore[no-untyped-def]
    """Does a block begin here whose records fill it exactly? 1, 0, or -1 where more bytes are needed to know."""
    size = len(data)
    profile = _profile(data[at])
    if profile < 0:
        return 0
    if at + _HEADER > size:
        return 0 if final else -1
    end = at + (np.int64(data[at + 1]) << 8 | np.int64(data[at + 2]))
    if end <= at + _HEADER:
        return 0
    limit = min(end, size)
    at += _HEADER
    while at < limit:
        after = record(data, at, limit, profile, uap, most, nodes, elements, raw)
        if after < 0:
            return -1 if after == -2 and end > size and not final else 0
        at = after
    if end > size:
        return 0 if final else -1
    return 1


@kernel
def _next_sound(data, at, limit, final, uap, most, nodes, elements, raw):  # type: ignore[no-untyped-def]
    """Where the first sound block at or after a place begins, at most the limit; -1 where more bytes are needed."""
    while at < limit:
        found = _sound(data, at, final, uap, most, nodes, elements, raw)
        if found:
            return at if found > 0 else -1
        at += 1
    return limit


@kernel
def _scan(data, final, assigned, uap, most, nodes, elements, raw, start, stop, context):  # type: ignore[no-untyped-def]
    """Finds the frames; gives their number and how many bytes they cover."""
    size: Any = len(data)
    at: Any = 0
    count = 0
    while at < size:
        if at + _HEADER > size and not final:
            break
        length = np.int64(data[at + 1]) << 8 | np.int64(data[at + 2]) if at + _HEADER <= size else np.int64(0)
        profile = _profile(data[at])
        end = at + length
        if end > size and not final:
            break
        if profile >= 0 and length >= _HEADER:
            before = count
            limit = min(end, size)
            start[count], stop[count], context[count] = at, at + _HEADER, True
            count += 1
            place = at + _HEADER
            while place < limit:
                after = record(data, place, limit, profile, uap, most, nodes, elements, raw)
                if after < 0:
                    break
                start[count], stop[count], context[count] = place, after, False
                count += 1
                place = after
            if place < limit:
                after = _next_sound(data, place, limit, final, uap, most, nodes, elements, raw)
                if after < 0:
                    count = before
                    break
                if after > place:
                    start[count], stop[count], context[count] = place, after, False
                    count += 1
                    place = after
            at = place
            continue
        if profile < 0 and length > _HEADER and end <= size:
            if end + _HEADER > size and not final:
                break
            follows = end == size
            if end + _HEADER <= size:
                follows = assigned[data[end]] or data[end] == data[at]
                follows = follows and (np.int64(data[end + 1]) << 8 | np.int64(data[end + 2])) >= _HEADER
            if follows:
                start[count], stop[count], context[count] = at, at + _HEADER, True
                start[count + 1], stop[count + 1], context[count + 1] = at + _HEADER, end, False
                count += 2
                at = end
                continue
        limit = min(at + _LONGEST, size)
        after = _next_sound(data, at + 1, limit, final, uap, most, nodes, elements, raw)
        if after < 0 or (after == size and not final and after - at < _LONGEST):
            break
        start[count], stop[count], context[count] = at, after, False
        count += 1
        at = after
    return count, at


# ---- reading ----


class Carry(NamedTuple):
    """Category of the block that goes on, -1 for none; the clock, -1 where nobody knows; a time far from it."""

    category: int
    clock_ns: int
    doubted_ns: int
    dated: bool


@kernel
def _kinds(data, start, stop, context, category, kind):  # type: ignore[no-untyped-def]
    """What each frame is, as ``read`` takes it; gives the category of the block that goes on after them.

    Only what is before the end of its block is inside: so it stays, where some frames of a block are left out.
    """
    end = -1
    for i in range(len(start)):
        if context[i]:
            at = start[i]
            category = np.int64(data[at])
            end = at + (np.int64(data[at + 1]) << 8 | np.int64(data[at + 2]))
            kind[i] = -1
        elif category < 0 or 0 <= end <= start[i]:
            kind[i] = -1
        else:
            kind[i] = _profile(category)
            if kind[i] < 0:
                kind[i] = 256 + category
    if len(start) and 0 <= end <= stop[-1]:
        return -1
    return category


@kernel
def _dates(day_ns, clock, doubted, dated, time_ns, kept):  # type: ignore[no-untyped-def]
    """Times of day to UTC, and the clock after; ``kept`` are rows that move it."""
    for i in range(len(day_ns)):
        if day_ns[i] == NONE:
            continue
        time = clock - clock % _DAY_NS + day_ns[i]
        if not dated:
            clock, dated, kept[i] = time, True, True
        elif time - clock > _DAY_NS // 2:
            time -= _DAY_NS
        elif clock - time > _DAY_NS // 2:
            time += _DAY_NS
        time_ns[i] = time
        if abs(time - clock) < _HOUR_NS:
            if doubted >= 0:
                doubted, kept[i] = -1, True
        elif doubted >= 0 and abs(time - doubted) < abs(time - clock):
            clock, doubted, kept[i] = time, -1, True
        else:
            doubted, kept[i] = time, True
    return clock, doubted, dated


@kernel
def _positions(slant_nmi, azimuth_deg, height_ft, lat, lon, lat_deg, lon_deg):  # type: ignore[no-untyped-def]
    """Places of ranges and azimuths about a radar, as the head of this file says."""
    a, e2 = 6_378_137.0, 0.0066943799901413165  # WGS-84
    slope = 1.0 - e2 * np.sin(np.radians(lat)) ** 2
    along, across = a * (1.0 - e2) / slope**1.5, a / np.sqrt(slope)
    for i in range(len(slant_nmi)):
        slant, azimuth = slant_nmi[i] * NMI_M, azimuth_deg[i]
        if slant != slant or azimuth != azimuth:
            continue
        turn = np.radians(azimuth)
        radius = 1.0 / (np.cos(turn) ** 2 / along + np.sin(turn) ** 2 / across)
        height = 0.0 if height_ft[i] != height_ft[i] else height_ft[i] * FT_M
        square = max(slant * slant - height * height, 0.0) / (4.0 * radius * (radius + height))
        arc = 2.0 * np.arcsin(min(np.sqrt(square), 1.0)) * radius
        lat_deg[i], lon_deg[i] = direct(lat, lon, azimuth, arc)


@kernel
def _distinct(keys, table, places, numbers, found):  # type: ignore[no-untyped-def]
    """Numbers of equal keys from 1 on as they come, 0 for NONE; gives how many, or -1 where the table is too small."""
    mask = len(table) - 1
    count = 0
    for i in range(len(keys)):
        key = keys[i]
        if key == NONE:
            numbers[i] = 0
            continue
        place = ((key ^ key >> 21 ^ key >> 42) & 0xFFFFFF) * 0x9E3779B1 >> 15 & mask
        while places[place] and table[place] != key:
            place = place + 1 & mask
        if not places[place]:
            if 2 * count > mask:
                return -1
            table[place] = key
            found[count] = key
            count += 1
            places[place] = count
        numbers[i] = places[place]
    return count


def _named(keys: Ints, name: Any) -> pl.Series:
    """A text for each key; null for NONE."""
    size = 1 << 12
    numbers = np.empty(len(keys), np.uint32)
    while True:
        found = np.empty(size, np.int64)
        count = _distinct(keys, np.empty(size, np.int64), np.zeros(size, np.uint32), numbers, found)
        if count >= 0:
            break
        size <<= 3
    return pl.Series([None, *name(found[:count])], dtype=pl.String)[pl.Series(numbers)]


def _objects(keys: Ints) -> list[str]:
    def name(key: int) -> str:
        if key >= TRACK:
            return f"track:{key >> 24 & 0xFF}-{key >> 16 & 0xFF}-{key & 0xFFFF}"
        return f"{'icao' if key < 2 * ICAO else 'anon'}:{key & 0xFFFFFF:06x}"

    return [name(key) for key in keys.tolist()]


_LETTERS: Final = np.frombuffer(b" ABCDEFGHIJKLMNOPQRSTUVWXYZ" + b" " * 21 + b"0123456789" + b" " * 6, np.uint8)
_SHIFTS: Final = np.arange(42, -1, -6, dtype=np.int64)


def _texts(keys: Ints) -> list[str]:
    text = _LETTERS[keys[:, None] >> _SHIFTS & 63].tobytes().decode("ascii")
    return [text[at : at + 8].rstrip() for at in range(0, len(text), 8)]


#: Names of codes, with null behind them for -1.
_NAMES: Final = {
    "source": pl.Series([*SOURCES, None], dtype=ALL["source"].dtype),
    "kind": pl.Series([*KINDS, None], dtype=ALL["kind"].dtype),
    "squawk": SQUAWKS,
    "category": pl.Series([*(f"{'ABCD'[n >> 3]}{n & 7}" for n in range(32)), None]),
    "emergency": pl.Series([*EMERGENCIES, None]),
}
_STATUS: Final = pl.Series(STATUSES, dtype=ALL["status"].dtype)
_OK, _NO_POSITION, _MALFORMED, _OUT_OF_RANGE, _NO_TIME = (
    STATUSES.index(name) for name in ("ok", "no_position", "malformed", "out_of_range", "no_time")
)
_LATEST_NS: Final = int(ALL["time_ns"].high or 0)


def _bounds(names: Sequence[str], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The lowest and the highest value of columns, (2, K)."""
    return np.array([[ALL[n].low for n in names], [ALL[n].high for n in names]], dtype)


_DOUBLE_BOUNDS, _FLOAT_BOUNDS = _bounds(DOUBLES, np.float64), _bounds(FLOATS, np.float32)


class _Numbers(NamedTuple):
    """A batch, a row of each array a column by the names in ``_asterix_read``; where nothing is known there is none."""

    doubles: Floats
    floats: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int32]
    wide: Ints
    known: tuple[Bools, ...]
    damaged: Bools
    odd: Bools

    def column(self, name: str) -> npt.NDArray[Any] | None:
        """Null where nothing is known."""
        blocks: tuple[npt.NDArray[Any], ...] = (self.doubles, self.floats, self.codes, self.wide)
        for names, block, known in zip((DOUBLES, FLOATS, CODES, WIDE), blocks, self.known, strict=True):
            if name in names:
                return block[names.index(name)] if known[names.index(name)] else None
        raise KeyError(name)


@kernel
def _move(block, count, none, whole, first, known):  # type: ignore[no-untyped-def]
    """Rows of a chunk into columns from ``first`` on; columns without a value so far are not touched."""
    for k in range(block.shape[1]):
        i = 0
        if not known[k]:
            while i < count and (block[i, k] == none or block[i, k] != block[i, k]):  # none, or NaN
                i += 1
            if i == count:
                continue
            known[k] = True
            for j in range(first + i):
                whole[k, j] = none
        for j in range(i, count):
            whole[k, first + j] = block[j, k]


def _numbers(frames: Frames, of: Ints, kind: Ints) -> _Numbers:
    size, room = len(of), min(len(of), _CHUNK)
    nothing: tuple[np.generic, ...] = (np.float64(np.nan), np.float32(np.nan), np.int32(-1), np.int64(NONE))
    sizes = [len(names) for names in (DOUBLES, FLOATS, CODES, WIDE)]
    chunk = [np.empty((room, n), none.dtype) for n, none in zip(sizes, nothing, strict=True)]
    whole: list[Any] = [np.empty((n, size), none.dtype) for n, none in zip(sizes, nothing, strict=True)]
    known: list[Any] = [np.zeros(n, np.bool_) for n in sizes]
    damaged, odd = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    data, tables = np.frombuffer(frames.buffer, np.uint8), reading()
    raw, said = np.empty(tables.step.shape[1], np.int64), np.empty(len(REGISTERS))
    start, stop, kind = frames.start[of], frames.stop[of], kind[of]
    for a in range(0, size, _CHUNK):
        b = min(a + _CHUNK, size)
        read(data, start[a:b], stop[a:b], kind[a:b], *tables, *chunk, damaged[a:b], odd[a:b], raw, said)
        for none, block, columns, seen in zip(nothing, chunk, whole, known, strict=True):
            _move(block, b - a, none, columns, a, seen)
    return _Numbers(whole[0], whole[1], whole[2], whole[3], tuple(known), damaged, odd)


@dataclass(frozen=True)
class Asterix:
    """The link with options, as ``registry.Link``."""

    options: Options = PLAIN
    NAME: str = NAME
    SPEC: str = SPEC
    CHECKED: bool = CHECKED
    UNDATED: bool = UNDATED
    GIVES: tuple[str, ...] = GIVES

    def recognise(self, head: bytes) -> int:
        """95 where all blocks are sound and one is of 021, 048 or 062; 60 where these are half of the bytes."""
        if not head or (head[0] not in CATEGORIES and not _ASSIGNED[head[0]]):
            return 0
        data = np.frombuffer(head, np.uint8)
        found, rest = self.split(head)
        if not len(found) or (len(rest) and not (head[0] in CATEGORIES or len(rest) < len(head))):
            return 0
        plain = ~found.context
        of = np.flatnonzero(plain)
        kind = np.empty(len(found), np.int64)
        _kinds(data, found.start, found.stop, found.context, -1, kind)
        made = _numbers(found, of, kind)
        good = ~made.damaged & (kind[of] < 256)
        length = (found.stop - found.start)[of]
        if good.any() and not made.damaged.any():
            return 95
        return 60 if 2 * int(length[good].sum()) >= len(head) else 0

    def split(self, buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
        """A frame a record; headers of blocks are context."""
        data = np.frombuffer(buffer, np.uint8)
        most = len(data) + 2
        start, stop, context = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.bool_)
        t = reading()
        none = np.empty(0, np.int64)
        count, covered = _scan(data, final, _ASSIGNED, t.uap, t.most, t.nodes, t.elements, none, start, stop, context)
        made = make_frames(buffer, start[:count].copy(), stop[:count].copy(), context[:count].copy())
        return made, buffer[covered:]

    def _begun(self, carry: Any) -> Carry:
        if carry is not None:
            return cast(Carry, carry)
        began = self.options.began_ns
        return Carry(-1, -1 if began is None else began, -1, began is None or began % _DAY_NS != 0)

    def _read(self, frames: Frames, carry: Any) -> tuple[Ints, _Numbers, Ints, Bools, Carry]:
        """Frames that are no context, what they say, UTC (NONE: unknown), which move the clock, the carry after."""
        before = self._begun(carry)
        kind = np.empty(len(frames), np.int64)
        data = np.frombuffer(frames.buffer, np.uint8)
        category = _kinds(data, frames.start, frames.stop, frames.context, before.category, kind)
        of = np.flatnonzero(~frames.context)
        made = _numbers(frames, of, kind)
        time_ns, kept = np.full(len(of), NONE, np.int64), np.zeros(len(of), np.bool_)
        after = before._replace(category=int(category))
        if before.clock_ns >= 0 and made.known[3][0]:
            clock, doubted, dated = _dates(
                made.wide[0], before.clock_ns, before.doubted_ns, before.dated, time_ns, kept
            )
            after = Carry(int(category), int(clock), int(doubted), bool(dated))
        return of, made, time_ns, kept, after

    def decode(self, frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
        """A row a record, a row a block of another category; the carry is the block that goes on, and the clock."""
        of, made, time_ns, _, after = self._read(frames, carry)
        if not len(of):
            return gathered([], GIVES), after
        lat, lon = self.options.receiver_lat_deg, self.options.receiver_lon_deg
        if lat is not None and lon is not None:
            unknown = np.full(len(of), np.nan, np.float32)
            baro, msl, slant, azimuth = (
                unknown if column is None else column
                for column in map(made.column, ("alt_baro_ft", "alt_msl_ft", "range_nmi", "azimuth_deg"))
            )
            if slant is not unknown and azimuth is not unknown:
                if not made.known[0][:2].all():
                    made.doubles[:2] = np.nan
                    made.known[0][:2] = True
                height = np.where(np.isnan(baro), msl, baro)
                _positions(slant, azimuth, height, lat, lon, made.doubles[0], made.doubles[1])
        return _table(frames, of, made, time_ns), after

    def anchors(self, frames: Frames, carry: Any) -> Bools:
        """Frames on whose times of day the dates of others rest."""
        of, _, _, kept, _ = self._read(frames, carry)
        mask = np.zeros(len(frames), np.bool_)
        mask[of[kept]] = True
        return mask


@kernel
def _bound(columns, known, bounds, outside):  # type: ignore[no-untyped-def]
    """Numbers beyond the bounds of their columns become unknown, and their rows are ``outside``."""
    for k in range(len(known)):
        if not known[k]:
            continue
        low, high = bounds[0, k], bounds[1, k]
        for i in range(columns.shape[1]):
            if columns[k, i] < low or columns[k, i] > high:
                columns[k, i] = np.nan
                outside[i] = True


def _whole(name: str, values: npt.NDArray[Any], outside: Bools) -> pl.Series:
    """Codes as whole numbers or Booleans, negative ones as null; marks rows that are ``outside`` the column's range."""
    column = ALL[name]
    if column.high is not None and values.max() > column.high:
        beyond = values > column.high
        outside |= beyond
        values[beyond] = -1
    said = np.where(values < 0, np.nan, values == 1 if column.dtype == pl.Boolean else values)
    return pl.Series(name, said, nan_to_null=True).cast(column.dtype)


def _table(frames: Frames, of: Ints, made: _Numbers, time_ns: Ints) -> pl.DataFrame:
    size = len(of)
    outside = made.odd
    _bound(made.doubles, made.known[0], _DOUBLE_BOUNDS, outside)
    _bound(made.floats, made.known[1], _FLOAT_BOUNDS, outside)
    columns: list[pl.Series] = []
    columns += [
        pl.Series(DOUBLES[k], made.doubles[k], nan_to_null=True) for k in np.flatnonzero(made.known[0]).tolist()
    ]
    columns += [pl.Series(FLOATS[k], made.floats[k], nan_to_null=True) for k in np.flatnonzero(made.known[1]).tolist()]
    for k in np.flatnonzero(made.known[2]).tolist():
        name, values = CODES[k], made.codes[k]
        if name in _NAMES:
            place = np.where(values < 0, len(_NAMES[name]) - 1, values).astype(np.uint32)
            columns.append(_NAMES[name][pl.Series(place)].alias(name))
        else:
            columns.append(_whole(name, values, outside))
    for name, text in (("key", _objects), ("callsign", _texts), ("registration", _texts), ("type_code", _texts)):
        keys = made.column(name)
        if keys is not None:
            columns.append(_named(keys, text).alias("object_id" if name == "key" else name))
    bits = made.column("advisory")
    if bits is not None:
        columns.append(null_where(pl.Series("advisory", bits), bits == NONE).cast(ALL["advisory"].dtype))
    timed = (time_ns >= 0) & (time_ns <= _LATEST_NS)
    outside |= (time_ns != NONE) & ~timed
    columns.append(null_where(pl.Series("time_ns", time_ns), ~timed))
    ended = made.column("ended")
    if ended is not None:
        columns.append(null_where(pl.Series("stale_ns", time_ns), ~timed | (ended != 1)))
    status = np.full(size, _NO_POSITION, np.uint32)
    if made.known[0][:2].all():
        status[~np.isnan(made.doubles[:2]).any(axis=0)] = _OK
    status[~timed] = _NO_TIME
    status[outside] = _OUT_OF_RANGE
    status[made.damaged] = _MALFORMED
    columns.append(_STATUS[pl.Series(status)].alias("status"))
    columns.append(pl.Series("offset", frames.start[of].astype(np.uint64)))
    columns.append(pl.Series("length", (frames.stop[of] - frames.start[of]).astype(np.uint32)))
    return gathered([pl.DataFrame(columns)], GIVES)


def configured(options: Options) -> Link:
    """The link with options: when it began, and where the one radar stands.

    >>> link = configured(Options(began_ns=1_761_242_592_000_000_000))
    >>> frames, _ = link.split(bytes.fromhex("300010fd0817027f54002d7f000002a8030b0d"), True)
    """
    return cast(Link, Asterix(options))


# ---- writing ----


def pieces(tracks: pl.DataFrame, category: int | None = None, sac: int = 0, sic: int = 0) -> Pieces:
    """A data block of one record a row; empty where the category cannot say the row.

    ``tracks``: columns of ``schema.ALL`` or ``schema.PICTURE``. ``category`` is 21, 48 or 62; null: 021 for aircraft's
    own words (sources ``adsb`` and ``uat``), 048 for rows with range and azimuth, 062 for all others. ``sac`` and
    ``sic`` are of rows that have none of their own, in columns or in ``track:SAC-SIC-number``. Raises ``ValueError`` on
    another category.

    Needed are: in 021 an address, in 048 range and azimuth, in 062 a name. The track number of 062 is the row's, else
    that in its name, else the slot in the picture, else 16 bits made of the name. The date is not said, nor in 062 and
    048 that an address is anonymous. Steps: 1/128 s; 1.7e-7 degrees in 021, 5.4e-6 in 062; 25 ft of pressure altitude;
    6.25 ft of height; 6.25 ft/min; 0.22 kt, 0.125 kt of an aircraft on the ground in 021, 0.25 m/s of each component in
    062; 0.0055 degrees, 2.8 degrees of track on the ground in 021; 1/256 NM. A containment radius is written as the
    next category that is not smaller. In 021 speed and track go together, and the version is 2 where none is known.

    >>> row = {"object_id": "icao:ae503d", "time_ns": 0, "source": "mlat", "lat_deg": 45.0, "lon_deg": -90.0}
    >>> pieces(pl.DataFrame([row])).data.tobytes().hex()
    '3e001c991e000000000000800000ff00000080ae503dc26f00012000'
    """
    if category not in (None, *CATEGORIES):
        raise ValueError(f"category {category} is not written; known: {', '.join(map(str, CATEGORIES))}")
    return written(tracks, category, sac, sic)


def encode(tracks: pl.DataFrame, category: int | None = None, sac: int = 0, sic: int = 0) -> bytes:
    """The bytes of ``pieces``, one after the other."""
    return pieces(tracks, category, sac, sic).data.tobytes()


_PLAIN: Final = Asterix()
recognise, split, decode, anchors = _PLAIN.recognise, _PLAIN.split, _PLAIN.decode, _PLAIN.anchors
