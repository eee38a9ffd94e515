"""Mode-S Beast binary: what dump1090, readsb, Radarcape and the Beast itself speak on port 30005.

A message is 0x1a, a type, a body. In the body every 0x1a is doubled, so that a single one always begins a message.

====  ======================================================================================================
type  body
====  ======================================================================================================
'1'   Mode A/C: 6 bytes time stamp, 1 byte signal level, 2 bytes
'2'   short Mode S: the same with 7 bytes
'3'   long Mode S: the same with 14 bytes
'4'   state of the receiver (Radarcape): time stamp, signal, 14 bytes; says which kind of stamp it writes
'5'   position of the receiver (Radarcape): 21 bytes
0xe3  who heard what follows (readsb): 8 bytes
0xe4  the same as a UUID of 36 characters, not escaped
0xe8  when what follows arrived (readsb ``--dump-beast``): 8 bytes, milliseconds since 1970, little-endian, not escaped
'P'   ping (readsb): 3 bytes
====  ======================================================================================================

Types from '4' on are context: they say nothing of an aircraft and are kept in every excerpt. UAT messages that
readsb wraps in Beast (0xeb, 0xec) are not read: they are ``malformed`` rows, as is everything between messages.

Time: see ``_modes_time``. A stamp is a counter of 12 MHz unless a message of type '4' or an option says GPS; nothing
in the stamps themselves tells one from the other within a minute. The signal byte is the amplitude of 255:
``rssi_dbfs`` is 20 log10 of it.
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

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
from testigos.links._modes_time import GPS, GPS_AHEAD, GPS_FREE, HOST, MLAT_STAMP, MODE, RECEIVER, TICKS, Events, times
from testigos.modes.encode_rows import squitters
from testigos.registry import Frames, Link, Pieces
from testigos.registry import frames as make_frames
from testigos.schema import SOURCES

__all__ = [
    "CHECKED", "GIVES", "NAME", "SPEC", "Beast", "anchors", "configured", "decode", "encode", "encode_frames",
    "pieces", "recognise", "split",
]  # fmt: skip

NAME: Final = "beast"
SPEC: Final = "wiki.jetvision.de, Mode-S Beast:Data Output Formats; readsb source, net_io.c"
CHECKED: Final = True
GIVES: Final = MODES_GIVES

#: Bytes that belong to no message are cut into frames of this length, so that none can wait for ever.
_LONGEST_GARBAGE: Final = 1024
_SHORTEST, _SPARE = 11, 16  # a message of Mode A/C

_ESCAPE: Final = 0x1A
_MODE_AC, _SHORT, _LONG, _STATE, _PLACE, _PING = (ord(c) for c in "12345P")
_RECEIVER, _UUID, _HOST = 0xE3, 0xE4, 0xE8
_UUID_LENGTH: Final = 36
_MLAT: Final = SOURCES.index("mlat")
_LOWEST_MS, _HIGHEST_MS = 946_684_800_000, 4_102_444_800_000  # a host time outside 2000 to 2100 is none

# ---- framing ----


@njit(cache=True, nogil=True, inline="always")
def _body_length(kind):  # type: ignore[no-untyped-def]
    """Bytes of a body before escaping; -1 where no message is of that type."""
    if kind in (_LONG, _STATE) or kind == 53:
        return 21
    if kind == _SHORT:
        return 14
    if kind == _MODE_AC:
        return 9
    if kind in (_RECEIVER, _HOST):
        return 8
    if kind == _PING:
        return 3
    if kind == _UUID:
        return _UUID_LENGTH
    return -1


@kernel
def _plain_end(data, at, kind, size):  # type: ignore[no-untyped-def]
    """Where a body that is not escaped ends: -1 in the middle of nothing, -2 if it is none."""
    if kind == _UUID:
        for k in range(at, min(at + _UUID_LENGTH, size)):
            b = data[k]
            if not (0x30 <= b <= 0x39 or 0x41 <= b <= 0x46 or 0x61 <= b <= 0x66 or b == 0x2D):
                return -2
        return at + _UUID_LENGTH if at + _UUID_LENGTH <= size else -1
    if at + 8 > size:
        return -1
    ms = np.uint64(0)
    for k in range(7, -1, -1):
        ms = (ms << np.uint64(8)) | np.uint64(data[at + k])
    return at + 8 if np.uint64(_LOWEST_MS) <= ms <= np.uint64(_HIGHEST_MS) else -2


@kernel
def _escaped_end(data, at, length, size):  # type: ignore[no-untyped-def]
    """Where an escaped body ends; -1 if the bytes end first, else minus (2 + where it was cut short)."""
    for _ in range(length):
        if at >= size:
            return -1
        if data[at] == _ESCAPE:
            if at + 1 >= size:
                return -1
            if data[at + 1] != _ESCAPE:
                return -(at + 2)
            at += 1
        at += 1
    return at


@kernel
def _begins(data, at, size):  # type: ignore[no-untyped-def]
    """Does a message begin here? 1 yes, 0 no, -1 the next byte would tell."""
    if data[at] != _ESCAPE:
        return 0
    if at + 1 >= size:
        return -1
    return 1 if _body_length(data[at + 1]) > 0 else 0


@kernel
def _scan(data, final, start, stop, context):  # type: ignore[no-untyped-def]
    """Finds the frames; gives their number and how many bytes they cover."""
    size = len(data)
    count = 0
    at = 0
    while at < size and count < len(start):
        kind = data[at + 1] if at + 1 < size else 0
        escaped = np.uint8(1)
        if data[at] == _ESCAPE:
            # the usual: a body without any 0x1a, tested without branches
            if kind == _LONG and at + 23 <= size:
                escaped = np.uint8(0)
                for k in range(21):
                    escaped |= np.uint8(data[at + 2 + k] == _ESCAPE)
                end = at + 23
            elif kind == _SHORT and at + 16 <= size:
                escaped = np.uint8(0)
                for k in range(14):
                    escaped |= np.uint8(data[at + 2 + k] == _ESCAPE)
                end = at + 16
        if escaped == 0:
            start[count], stop[count], context[count] = at, end, False
            count += 1
            at = end
            continue
        if _begins(data, at, size) == 1:
            if kind in (_UUID, _HOST):
                end = _plain_end(data, at + 2, kind, size)
            else:
                end = _escaped_end(data, at + 2, _body_length(kind), size)
            if end > 0:
                start[count], stop[count] = at, end
                context[count] = not _MODE_AC <= kind <= _LONG
                count += 1
                at = end
                continue
            if end == -1:
                if not final:
                    return count, at
                begin, at = at, size
                if at - begin == _body_length(kind) + 2:
                    if count + 2 > len(start):
                        return len(start), begin
                    start[count], stop[count], context[count] = begin, begin + 1, False
                    begin += 1
                    count += 1
            elif end == -2:
                begin, at = at, at + 2
            else:
                begin, at = at, -end - 2
                if at - begin == _body_length(kind) + 2:  # it must not look whole
                    if count + 2 > len(start):
                        return len(start), begin
                    start[count], stop[count], context[count] = begin, begin + 1, False
                    begin += 1
                    count += 1
                start[count], stop[count], context[count] = begin, at, False
                count += 1
                continue
        else:
            begin = at
        # garbage, up to where a message begins
        limit = begin + _LONGEST_GARBAGE
        waiting = False
        while at < size and at < limit:
            begun = _begins(data, at, size)
            if begun == 1:
                break
            if begun == -1 and not final:
                waiting = True
                break
            # a pair is an escaped byte of a body: its second half begins nothing
            at += 2 if begun == 0 and data[at] == _ESCAPE and data[at + 1] == _ESCAPE else 1
        if (waiting or (at >= size and at < limit)) and not final:
            return count, begin
        at = min(at, size)
        start[count], stop[count], context[count] = begin, at, False
        count += 1
    return count, size


# ---- messages ----


@kernel
def _number(data, at, stop, length):  # type: ignore[no-untyped-def]
    """So many bytes of an escaped body, the first highest, and where the next one is."""
    value = np.uint64(0)
    for _ in range(length):
        if at >= stop:
            return value, at
        byte = data[at]
        at += 2 if byte == _ESCAPE else 1
        value = (value << np.uint64(8)) | np.uint64(byte)
    return value, at


@kernel
def _event(data, at, stop):  # type: ignore[no-untyped-def]
    """What a context frame says: kind and value; kind -1 where it says nothing of time or receiver."""
    kind = data[at + 1]
    if kind == _RECEIVER:
        return RECEIVER, _number(data, at + 2, stop, 8)[0]
    value = np.uint64(0)
    if kind == _HOST:
        for k in range(9, 1, -1):
            value = (value << np.uint64(8)) | np.uint64(data[at + k])
        return HOST, value * np.uint64(1_000_000)
    if kind == _UUID:  # its first 16 digits are what a receiver's number becomes
        digits = 0
        for k in range(at + 2, stop):
            b = data[k]
            if b != 0x2D and digits < 16:
                value = (value << np.uint64(4)) | np.uint64(b - 0x30 if b <= 0x39 else (b | 0x20) - 0x57)
                digits += 1
        return RECEIVER, value
    if kind == _STATE:
        _, body = _number(data, at + 2, stop, 7)
        said = _number(data, body, stop, 3)[0]
        switches, gps = said >> np.uint64(16), said & np.uint64(0xFF)
        # mlat-client, _modes.c: switch 0x10 is GPS stamps; 0x80 that the status is there and stamps are UTC,
        # 0x20 that they are not synchronised
        if switches & np.uint64(0x10) == 0:
            return MODE, np.uint64(TICKS)
        if gps & np.uint64(0x80) == 0:
            return MODE, np.uint64(GPS_AHEAD)
        return MODE, np.uint64(GPS_FREE if gps & np.uint64(0x20) else GPS)
    return -1, value


@kernel
def _unpack(data, start, stop, context, payload, size, stamp, signal, event_at, event_kind, event_value):  # type: ignore[no-untyped-def]
    """Messages and events of frames; gives the number of events."""
    i = 0
    events = 0
    for f in range(len(start)):
        at = start[f]
        if context[f]:
            kind, value = _event(data, at, stop[f])
            if kind >= 0:
                event_at[events], event_kind[events], event_value[events] = i, kind, value
                events += 1
            continue
        kind = data[at + 1] if stop[f] - at >= 11 and data[at] == _ESCAPE else np.uint8(0)
        length = 14 if kind == _LONG else 7 if kind == _SHORT else 2 if kind == _MODE_AC else 0
        if length > 0 and stop[f] - at == length + 9:
            ticks = np.uint64(0)
            for k in range(6):
                ticks = (ticks << np.uint64(8)) | np.uint64(data[at + 2 + k])
            stamp[i] = ticks
            signal[i] = data[at + 8]
            if length == 14:
                for k in range(14):
                    payload[i, k] = data[at + 9 + k]
            else:
                for k in range(length):
                    payload[i, k] = data[at + 9 + k]
            size[i] = length
        elif length > 0 and stop[f] - at > length + 9:
            ticks, at = _number(data, at + 2, stop[f], 6)
            level, at = _number(data, at, stop[f], 1)
            done = 0
            while done < length and at < stop[f]:
                payload[i, done] = data[at]
                at += 2 if data[at] == _ESCAPE else 1
                done += 1
            stamp[i], signal[i] = ticks, level
            size[i] = length
            if done < length or at != stop[f]:
                size[i], payload[i, 0] = 0, 0xFF  # as ``blank_raw``
        i += 1
    return events


def _messages(frames: Frames) -> tuple[Raw, Events]:
    contexts = int(frames.context.sum())
    raw = blank_raw(len(frames) - contexts)
    at, kind = np.empty(contexts, np.int64), np.empty(contexts, np.int64)
    value = np.empty(contexts, np.uint64)
    data = np.frombuffer(frames.buffer, np.uint8)
    count = _unpack(data, frames.start, frames.stop, frames.context, *raw, at, kind, value)
    return raw, Events(at[:count], kind[:count], value[:count])


@dataclass(frozen=True)
class Beast(WithOptions):
    """The link with options, as ``registry.Link``."""

    NAME: str = NAME
    SPEC: str = SPEC

    def recognise(self, head: bytes) -> int:
        """95 where two or more whole messages fill at least 9 in 10 of the bytes, else 60 for half of them."""
        if _ESCAPE not in head[: 4 * _LONGEST_GARBAGE]:
            return 0
        found, rest = self.split(head)
        whole = found.context.copy()
        whole[~whole] = _messages(found)[0].size > 0
        share = (found.stop - found.start)[whole].sum() / max(len(head) - len(rest), 1)
        if share >= 0.9 and whole.sum() > 1:
            return 95
        return 60 if share >= 0.5 else 0

    def split(self, buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
        """A frame a message; bytes between messages are frames too, which will be ``malformed``."""
        data = np.frombuffer(buffer, np.uint8)
        # the usual number of frames first: room for the most that bytes can make is rarely touched, but not free
        for room in (len(data) // _SHORTEST + _SPARE, len(data) // 2 + 2):
            start, stop, context = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.bool_)
            count, used = _scan(data, final, start, stop, context)
            if count < room:
                break
        found = make_frames(buffer, start[:count], stop[:count], context[:count])
        return found, buffer[used:]

    def decode(self, frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
        """A row a message; ``carry`` is every aircraft and the clocks."""
        before = self.before(carry)
        raw, events = _messages(frames)
        clock_ns, known, receiver, _, clock = times(raw.stamp, raw.size, events, before.clock)
        return table(frames, raw, clock_ns, known, receiver, Carry(before.state, clock), self.options)

    def anchors(self, frames: Frames, carry: Any) -> npt.NDArray[np.bool_]:
        """Frames on whose stamps the times of others rest."""
        clock = self.before(carry).clock
        raw, events = _messages(frames)
        kept = np.zeros(len(frames), np.bool_)
        kept[~frames.context] = times(raw.stamp, raw.size, events, clock, marking=True)[3]
        return kept


def configured(options: Options) -> Link:
    """The link with options.

    >>> frame = bytes.fromhex("1a33000000000c0064 8d4840d6202cc371c32ce0576098")
    >>> link = configured(Options(began_ns=1_000_000_000))
    >>> link.decode(link.split(frame, True)[0], None)[0].select("object_id", "callsign", "time_ns").row(0)
    ('icao:4840d6', 'KLM1023', 1000000000)
    """
    return cast(Link, Beast(options))


# ---- writing ----


@kernel
def _put(made, at, byte):  # type: ignore[no-untyped-def]
    made[np.uintp(at)] = byte
    if byte == _ESCAPE:
        made[np.uintp(at + 1)] = byte
        return at + 2
    return at + 1


@kernel
def _pack(payload, size, stamp, signal, named, receiver, made, begin):  # type: ignore[no-untyped-def]
    """Writes the messages, and where each begins (N + 1,); gives how many bytes they take."""
    at = 0
    for i in range(len(size)):
        begin[i] = at
        if named and (i == 0 or receiver[i] != receiver[i - 1]):
            made[at], made[at + 1] = _ESCAPE, _RECEIVER
            at += 2
            for k in range(56, -1, -8):
                at = _put(made, at, np.uint8((receiver[i] >> np.uint64(k)) & np.uint64(0xFF)))
        made[at] = _ESCAPE
        made[at + 1] = _LONG if size[i] == 14 else _SHORT if size[i] == 7 else _MODE_AC
        at += 2
        for k in range(40, -1, -8):
            at = _put(made, at, np.uint8((stamp[i] >> np.uint64(k)) & np.uint64(0xFF)))
        at = _put(made, at, signal[i])
        for k in range(size[i]):
            at = _put(made, at, payload[i, k])
    begin[len(size)] = at
    return at


def encode_frames(
    payload: npt.NDArray[np.uint8],
    size: npt.NDArray[np.uint8],
    stamp: npt.NDArray[np.uint64],
    signal: npt.NDArray[np.uint8],
    receiver: npt.NDArray[np.uint64] | None = None,
) -> bytes:
    """Messages in this format: (N, 14) bytes of which ``size`` (2, 7 or 14) count, 48-bit stamps, amplitudes of 255.

    ``receiver``: (N,) numbers, written where they change. Raises ``ValueError`` on another size.

    >>> one = np.full((1, 14), 0x1A, np.uint8)
    >>> encode_frames(one, np.array([2], np.uint8), np.array([1], np.uint64), np.array([9], np.uint8)).hex()
    '1a31000000000001091a1a1a1a'
    """
    check_sizes(size)
    made = np.empty(len(size) * 62, np.uint8)
    named = receiver is not None
    numbers = np.empty(0, np.uint64) if receiver is None else np.asarray(receiver, np.uint64)
    used = _pack(payload, size, stamp, signal, named, numbers, made, np.empty(len(size) + 1, np.int64))
    return made[:used].tobytes()


def encode(tracks: pl.DataFrame) -> bytes:
    """The messages of ``modes.encode_rows.squitters``: several a row, which together say what it says.

    Their time stands before them as readsb's ``--dump-beast`` writes it, to the millisecond. Raises ``ValueError`` on
    a time that is not in the years 2000 to 2099, which no reader would believe.

    >>> row = {"object_id": "icao:4840d6", "time_ns": 1_761_242_592_500_000_000, "callsign": "KLM1023"}
    >>> encode(pl.DataFrame([row | {"source": "adsb"}])).hex()
    '1ae8f4343d129a0100001a33000000000000008d4840d6202cc371c32ce0576098'
    """
    said = squitters(tracks)
    if not len(said):
        return b""
    stamp, signal = np.zeros(len(said), np.uint64), np.zeros(len(said), np.uint8)  # no receiver was there
    data = encode_frames(said.payload, said.size, stamp, signal)
    start = split(data, True)[0].start
    milliseconds = (said.time_ns + 500_000) // 1_000_000
    if milliseconds.min() < _LOWEST_MS or milliseconds.max() >= _HIGHEST_MS:
        raise ValueError("a time is not in the years 2000 to 2099")
    first = np.flatnonzero(np.diff(milliseconds, prepend=0))
    ends = [*start[first[1:]].tolist(), len(data)]
    mark = bytes([_ESCAPE, _HOST])
    pieces = zip(milliseconds[first].tolist(), start[first].tolist(), ends, strict=True)
    return b"".join(mark + when.to_bytes(8, "little") + data[begin:end] for when, begin, end in pieces)


def pieces(tracks: pl.DataFrame) -> Pieces:
    """The messages of each row (columns of ``schema.ALL`` or ``PICTURE``) as a Beast client takes them, live.

    Nothing but messages of types '2' and '3', so that every client reads them, and no time: a client takes them when
    they come. Own rule: the stamp is 0, which readsb and mlat-client take for "no receiver's clock", so that nobody
    multilaterates by bits that no aircraft sent; that of multilaterated rows is the one by which readsb knows them
    (``MLAT`` in its last four bytes). The signal level is 0, none.
    """
    said = squitters(tracks)
    stamps = np.where(said.source == _MLAT, np.uint64(MLAT_STAMP), np.uint64(0))
    made, begin = np.empty(len(said) * 46, np.uint8), np.empty(len(said) + 1, np.int64)
    none = np.zeros(len(said), np.uint8)
    used = _pack(said.payload, said.size, stamps, none, False, np.empty(0, np.uint64), made, begin)
    return pieces_of_rows(made[:used], begin, said.row, len(tracks))


_PLAIN: Final = Beast()
recognise, split, decode, anchors = _PLAIN.recognise, _PLAIN.split, _PLAIN.decode, _PLAIN.anchors
