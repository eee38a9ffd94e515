"""Lines of ``epoch,hex``: when a host received a message, in seconds since 1970, and the message.

The message is a Beast frame whose 0x1a are not doubled, or its 4, 14 or 28 digits alone. The epoch is the time, exact
to the nanosecond where it has so many decimals (more are cut off); the receiver's own stamp is only kept. Beast frames
of other types are context: 0xe3 says who heard the lines after it, the others say nothing that is used. So is a line
that begins with ``#``, ``time`` or ``epoch``. Source: rs1090, ``sample/long_flight.csv`` and its reader.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel
from testigos.links._modes import (
    MODES_GIVES,
    Carry,
    Options,
    Raw,
    WithOptions,
    blank_raw,
    check_sizes,
    pieces_of_rows,
    table,
)
from testigos.links._modes_text import LONGEST_GARBAGE, byte_at, digit, put_byte
from testigos.links._modes_time import RECEIVER, Events, times
from testigos.matrix import whole_numbers
from testigos.modes.encode_rows import squitters
from testigos.registry import Frames, Link, Pieces
from testigos.registry import frames as make_frames

__all__ = [
    "CHECKED", "GIVES", "NAME", "SPEC", "FramesCsv", "configured", "decode", "encode", "encode_frames", "pieces",
    "recognise", "split",
]  # fmt: skip

NAME: Final = "frames_csv"
SPEC: Final = "rs1090 source, benches/long_flight.rs; wiki.jetvision.de, Mode-S Beast:Data Output Formats"
CHECKED: Final = True
GIVES: Final = MODES_GIVES

_ESCAPE, _RECEIVER_ID = 0x1A, 0xE3
_COMMA, _POINT, _LF, _CR, _HASH = (ord(c) for c in ",.\n\r#")
_LOWEST_TYPE, _HIGHEST_TYPE = 0x31, 0x33
_HEAD_DIGITS: Final = 18  #: 0x1a, type, stamp, signal
_HIGHEST_S: Final = 9_000_000_000


@kernel
def _comma(data, begin, end):  # type: ignore[no-untyped-def]
    for at in range(begin, min(begin + 24, end)):
        if data[at] == _COMMA:
            return at
    return -1


@kernel
def _all_digits(data, begin, end):  # type: ignore[no-untyped-def]
    good = True
    for at in range(begin, end):
        good &= digit(data[at]) >= 0
    return good


@kernel
def _is_context(data, begin, end):  # type: ignore[no-untyped-def]
    first = data[begin]
    if first == _HASH:
        return True
    if not 0x30 <= first <= 0x39:
        word = np.uint64(0)
        for at in range(begin, min(begin + 5, end)):
            word = (word << np.uint64(8)) | np.uint64(data[at] | 0x20)
        return word >> np.uint64(8) == np.uint64(0x74696D65) or word == np.uint64(0x65706F6368)
    comma = _comma(data, begin, end)
    if comma < 0 or end - comma < 5 or not _all_digits(data, comma + 1, comma + 5):
        return False
    if byte_at(data, comma + 1) != _ESCAPE:
        return False
    kind = byte_at(data, comma + 3)
    digits = end - comma - 1
    if not _all_digits(data, comma + 1, end):
        return False
    return (kind == _RECEIVER_ID and digits == 20) or ((kind == 0x34 or kind == 0x35) and digits == 46)


@kernel
def _scan(data, final, start, stop, context):  # type: ignore[no-untyped-def]
    """Finds the lines; gives their number and how many bytes they cover."""
    size = len(data)
    count = 0
    at = 0
    while at < size:
        if data[at] in (0x20, _LF, _CR, 0x09):
            at += 1
            continue
        begin = at
        limit = min(begin + LONGEST_GARBAGE, size)
        while at < limit and data[at] != _LF:
            at += 1
        if at == size and size - begin < LONGEST_GARBAGE and not final:
            return count, begin
        end = at
        while data[end - 1] == _CR or data[end - 1] == 0x20 or data[end - 1] == 0x09:
            end -= 1
        start[count], stop[count], context[count] = begin, end, _is_context(data, begin, end)
        count += 1
    return count, size


@kernel
def _epoch(data, begin, end):  # type: ignore[no-untyped-def]
    """Nanoseconds of decimal seconds; -1 where it is none."""
    seconds, at = 0, begin
    while at < end and 0x30 <= data[at] <= 0x39:
        seconds = seconds * 10 + (int(data[at]) - 0x30)
        if seconds > _HIGHEST_S:
            return -1
        at += 1
    if at == begin:
        return -1
    rest, unit = 0, 1_000_000_000
    if at < end:
        if data[at] != _POINT or at + 1 == end:
            return -1
        for k in range(at + 1, end):
            if not 0x30 <= data[k] <= 0x39:
                return -1
            if unit > 1:
                unit //= 10
                rest += (int(data[k]) - 0x30) * unit
    return seconds * 1_000_000_000 + rest


@kernel
def _unpack(data, start, stop, context, payload, size, stamp, signal, time_ns, event_at, event_value):  # type: ignore[no-untyped-def]
    """Messages and receivers of lines; gives the number of receivers."""
    i = 0
    events = 0
    for f in range(len(start)):
        begin, end = start[f], stop[f]
        comma = _comma(data, begin, end)
        if context[f]:
            if comma > 0 and end - comma == 21 and data[begin] != _HASH and byte_at(data, comma + 3) == _RECEIVER_ID:
                number = np.uint64(0)
                for at in range(comma + 5, end, 2):
                    number = (number << np.uint64(8)) | np.uint64(byte_at(data, at))
                event_at[events], event_value[events] = i, number
                events += 1
            continue
        i += 1
        time_ns[i - 1] = 0
        if comma < 0:
            continue
        when = _epoch(data, begin, comma)
        at = comma + 1
        digits = end - at
        if when < 0 or not _all_digits(data, at, end):
            continue
        bare = digits == 28 or digits == 14 or digits == 4
        if not bare:
            if digits != 46 and digits != 32 and digits != 22:
                continue
            length = 14 if digits == 46 else 7 if digits == 32 else 2
            kind = _HIGHEST_TYPE if digits == 46 else 0x32 if digits == 32 else _LOWEST_TYPE
            if byte_at(data, at) != _ESCAPE or byte_at(data, at + 2) != kind:
                continue
            ticks = np.uint64(0)
            for k in range(at + 4, at + 16, 2):
                ticks = (ticks << np.uint64(8)) | np.uint64(byte_at(data, k))
            stamp[i - 1] = ticks
            signal[i - 1] = byte_at(data, at + 16)
            at += _HEAD_DIGITS
        else:
            length = digits >> 1
        for k in range(length):
            payload[i - 1, k] = byte_at(data, at + 2 * k)
        size[i - 1] = length
        time_ns[i - 1] = when
    return events


def _messages(frames: Frames) -> tuple[Raw, npt.NDArray[np.int64], Events]:
    contexts = int(frames.context.sum())
    raw = blank_raw(len(frames) - contexts)
    time_ns = np.empty(len(raw.size), np.int64)
    at, value = np.empty(contexts, np.int64), np.empty(contexts, np.uint64)
    data = np.frombuffer(frames.buffer, np.uint8)
    count = _unpack(data, frames.start, frames.stop, frames.context, *raw, time_ns, at, value)
    return raw, time_ns, Events(at[:count], np.full(count, RECEIVER, np.int64), value[:count])


@dataclass(frozen=True)
class FramesCsv(WithOptions):
    """The link with options, as ``registry.Link``; of their times it needs none."""

    NAME: str = NAME
    SPEC: str = SPEC

    def recognise(self, head: bytes) -> int:
        """95 where 9 in 10 lines are messages, 60 for half of them, 20 for any."""
        line = head[:LONGEST_GARBAGE].partition(b"\n")[0]
        if b"," not in line:
            return 0
        found, _ = self.split(head, b"\n" not in head)
        raw, _, _ = _messages(found)
        good = int((raw.size > 0).sum())
        if not good:
            return 0
        share = good / len(raw.size)
        return 95 if share >= 0.9 else 60 if share >= 0.5 else 20

    def split(self, buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
        """A frame a line."""
        data = np.frombuffer(buffer, np.uint8)
        room = len(data) // 2 + 2
        start, stop, context = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.bool_)
        count, used = _scan(data, final, start, stop, context)
        found = make_frames(buffer, start[:count].copy(), stop[:count].copy(), context[:count].copy())
        return found, buffer[used:]

    def decode(self, frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
        """A row a line; ``carry`` is every aircraft and who heard."""
        before = self.before(carry)
        raw, time_ns, events = _messages(frames)
        # no stamp is of use here: the fold only follows the receivers
        _, _, receiver, _, clock = times(raw.stamp, np.zeros_like(raw.size), events, before.clock)
        known = np.ones(len(time_ns), np.bool_)
        return table(frames, raw, time_ns, known, receiver, Carry(before.state, clock), self.options)


def configured(options: Options) -> Link:
    """The link with options.

    >>> link = configured(Options())
    >>> frames, _ = link.split(b"1761242592.500000001,8d4840d6202cc371c32ce0576098\\n", True)
    >>> link.decode(frames, None)[0].select("object_id", "callsign", "time_ns").row(0)
    ('icao:4840d6', 'KLM1023', 1761242592500000001)
    """
    return cast(Link, FramesCsv(options))


@kernel
def _put_time(made, at, time_ns):  # type: ignore[no-untyped-def]
    seconds, rest = time_ns // 1_000_000_000, time_ns % 1_000_000_000
    digits = 1
    unit = 10
    while seconds >= unit:
        unit *= 10
        digits += 1
    for k in range(digits - 1, -1, -1):
        made[at + k] = 0x30 + seconds % 10
        seconds //= 10
    at += digits
    made[at] = _POINT
    for k in range(9, 0, -1):
        made[at + k] = 0x30 + rest % 10
        rest //= 10
    made[at + 10] = _COMMA
    return at + 11


@kernel
def _pack(payload, size, stamp, signal, time_ns, named, receiver, made, begin):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(len(size)):
        begin[i] = at
        if named and (i == 0 or receiver[i] != receiver[i - 1]):
            at = _put_time(made, at, time_ns[i])
            at = put_byte(made, at, np.uint8(_ESCAPE))
            at = put_byte(made, at, np.uint8(_RECEIVER_ID))
            for k in range(56, -1, -8):
                at = put_byte(made, at, np.uint8((receiver[i] >> np.uint64(k)) & np.uint64(0xFF)))
            made[at] = _LF
            at += 1
        at = _put_time(made, at, time_ns[i])
        if stamp[i] or signal[i]:
            at = put_byte(made, at, np.uint8(_ESCAPE))
            at = put_byte(made, at, np.uint8(0x33 if size[i] == 14 else 0x32 if size[i] == 7 else 0x31))
            for k in range(40, -1, -8):
                at = put_byte(made, at, np.uint8((stamp[i] >> np.uint64(k)) & np.uint64(0xFF)))
            at = put_byte(made, at, signal[i])
        for k in range(size[i]):
            at = put_byte(made, at, payload[i, k])
        made[at] = _LF
        at += 1
    begin[len(size)] = at
    return at


def encode_frames(
    payload: npt.NDArray[np.uint8],
    size: npt.NDArray[np.uint8],
    stamp: npt.NDArray[np.uint64],
    signal: npt.NDArray[np.uint8],
    time_ns: npt.NDArray[np.int64],
    receiver: npt.NDArray[np.uint64] | None = None,
) -> bytes:
    """Messages in this format, as ``beast.encode_frames``; ``time_ns``: (N,) when each arrived, UTC.

    Raises ``ValueError`` on a size other than 2, 7 or 14 and on a time before 1970.

    >>> one = np.full((1, 14), 0x1A, np.uint8)
    >>> encode_frames(one, np.array([2], np.uint8), np.array([1], np.uint64), np.array([9], np.uint8), np.array([5]))
    b'0.000000005,1a31000000000001091a1a\\n'
    """
    check_sizes(size)
    if len(time_ns) and int(np.min(time_ns)) < 0:
        raise ValueError("a time is before 1970")
    made = np.empty(len(size) * 120, np.uint8)
    named = receiver is not None
    numbers = np.empty(0, np.uint64) if receiver is None else np.asarray(receiver, np.uint64)
    begin = np.empty(len(size) + 1, np.int64)
    used = _pack(payload, size, stamp, signal, np.asarray(time_ns, np.int64), named, numbers, made, begin)
    return made[:used].tobytes()


def encode(tracks: pl.DataFrame) -> bytes:
    """The messages of ``modes.encode_rows.squitters``: several a row, which together say what it says, at its time.

    Raises ``ValueError`` on a time before 1970.

    >>> row = {"object_id": "icao:4840d6", "time_ns": 5, "source": "adsb", "callsign": "KLM1023"}
    >>> encode(pl.DataFrame([row]))
    b'0.000000005,8d4840d6202cc371c32ce0576098\\n'
    """
    said = squitters(tracks)
    stamp, signal = np.zeros(len(said), np.uint64), np.zeros(len(said), np.uint8)  # no receiver was there
    return encode_frames(said.payload, said.size, stamp, signal, said.time_ns)


def pieces(tracks: pl.DataFrame) -> Pieces:
    """The messages of each row that has a time (columns of ``schema.ALL`` or ``PICTURE``), at its time."""
    said = squitters(tracks)
    timed = whole_numbers(tracks, ("time_ns",))[0][said.row] >= 0
    payload, size, time_ns, row = said.payload[timed], said.size[timed], said.time_ns[timed], said.row[timed]
    made, begin = np.empty(len(size) * 50, np.uint8), np.empty(len(size) + 1, np.int64)
    stamp, signal = np.zeros(len(size), np.uint64), np.zeros(len(size), np.uint8)
    used = _pack(payload, size, stamp, signal, time_ns, False, np.empty(0, np.uint64), made, begin)
    return pieces_of_rows(made[:used], begin, row, len(tracks))


_PLAIN: Final = FramesCsv()
recognise, split, decode = _PLAIN.recognise, _PLAIN.split, _PLAIN.decode
