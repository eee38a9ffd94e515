"""AVR: messages as hexadecimal text, what dump1090 and readsb speak on port 30002.

======  ==========================================================================
begins  then, up to a semicolon
======  ==========================================================================
``*:``  4, 14 or 28 digits: Mode A/C, short, long
``@%``  12 digits of time stamp before them
``<``   12 digits of time stamp and 2 of signal level before them
======  ==========================================================================

Either line end or none follows. Digits that are no message, a message that a semicolon does not end and anything
between messages are ``malformed`` rows. Stamps, signal levels and time are as in Beast (see ``beast``); messages
without a stamp have no time.
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
from testigos.links._modes_text import LONGEST_GARBAGE, byte_at, digit, put_byte
from testigos.links._modes_time import no_events, times
from testigos.modes.encode_rows import squitters
from testigos.registry import Frames, Link, Pieces
from testigos.registry import frames as make_frames

__all__ = [
    "CHECKED", "GIVES", "NAME", "SPEC", "Avr", "anchors", "configured", "decode", "encode_frames", "pieces",
    "recognise", "split",
]  # fmt: skip

NAME: Final = "avr"
SPEC: Final = "wiki.jetvision.de, Mode-S Beast:Data Output Formats; dump1090 source, net_io.c (decodeHexMessage)"
CHECKED: Final = True
GIVES: Final = MODES_GIVES

_STAR, _COLON, _AT, _PERCENT, _LESS, _END = (ord(c) for c in "*:@%<;")


@njit(cache=True, nogil=True, inline="always")
def _head(byte):  # type: ignore[no-untyped-def]
    """Digits before the message, by the character that it begins with; -1 where it begins none."""
    if byte in (_STAR, _COLON):
        return 0
    if byte in (_AT, _PERCENT):
        return 12
    return 14 if byte == _LESS else -1


@njit(cache=True, nogil=True, inline="always")
def _blank(byte):  # type: ignore[no-untyped-def]
    return byte in (0x20, 0x0A, 0x0D, 0x09)


@kernel
def _scan(data, final, start, stop):  # type: ignore[no-untyped-def]
    """Finds the frames; gives their number and how many bytes they cover."""
    size = len(data)
    count = 0
    at = 0
    while at < size:
        if _blank(data[at]):
            at += 1
            continue
        begin = at
        limit = min(begin + LONGEST_GARBAGE, size)
        at += 1
        if _head(data[begin]) >= 0:
            while at < limit and digit(data[at]) >= 0:
                at += 1
            ended = at < limit
            if ended and data[at] == _END:
                at += 1
        else:
            while at < limit and _head(data[at]) < 0 and not _blank(data[at]):
                at += 1
            ended = at < limit
        if not ended and limit == size and size - begin < LONGEST_GARBAGE and not final:
            return count, begin
        start[count], stop[count] = begin, at
        count += 1
    return count, size


@kernel
def _unpack(data, start, stop, payload, size, stamp, signal):  # type: ignore[no-untyped-def]
    for i in range(len(start)):
        at = start[i]
        head = _head(data[at])
        digits = stop[i] - at - 2 - head
        if head < 0 or data[stop[i] - 1] != _END or (digits != 28 and digits != 14 and digits != 4):
            continue
        at += 1
        if head:
            ticks = np.uint64(0)
            for _ in range(6):
                ticks = (ticks << np.uint64(8)) | np.uint64(byte_at(data, at))
                at += 2
            stamp[i] = ticks
        if head == 14:
            signal[i] = byte_at(data, at)
            at += 2
        size[i] = digits >> 1
        for k in range(digits >> 1):
            payload[i, k] = byte_at(data, at + 2 * k)


def _messages(frames: Frames) -> Raw:
    raw = blank_raw(len(frames))
    _unpack(np.frombuffer(frames.buffer, np.uint8), frames.start, frames.stop, *raw)
    return raw


@dataclass(frozen=True)
class Avr(WithOptions):
    """The link with options, as ``registry.Link``."""

    NAME: str = NAME
    SPEC: str = SPEC

    def recognise(self, head: bytes) -> int:
        """95 where two or more messages are 9 in 10 of the bytes, else 60 where they are half of them."""
        if not set(head[:LONGEST_GARBAGE]) & set(b"*:@%<"):
            return 0
        found, _ = self.split(head)
        whole = _messages(found).size > 0
        length = found.stop - found.start
        share = length[whole].sum() / max(length.sum(), 1)
        if share >= 0.9 and whole.sum() > 1:
            return 95
        return 60 if share >= 0.5 else 0

    def split(self, buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
        """A frame a message; what stands between messages is a frame too, which will be ``malformed``."""
        data = np.frombuffer(buffer, np.uint8)
        start, stop = np.empty(len(data), np.int64), np.empty(len(data), np.int64)
        count, used = _scan(data, final, start, stop)
        return make_frames(buffer, start[:count].copy(), stop[:count].copy()), buffer[used:]

    def decode(self, frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
        """A row a message; ``carry`` is every aircraft and the clock."""
        before = self.before(carry)
        raw = _messages(frames)
        clock_ns, known, _, _, clock = times(raw.stamp, raw.size, no_events(), before.clock)
        return table(frames, raw, clock_ns, known, None, Carry(before.state, clock), self.options)

    def anchors(self, frames: Frames, carry: Any) -> npt.NDArray[np.bool_]:
        """Frames on whose stamps the times of others rest."""
        clock = self.before(carry).clock
        raw = _messages(frames)
        return times(raw.stamp, raw.size, no_events(), clock, marking=True)[3]


def configured(options: Options) -> Link:
    """The link with options.

    >>> link = configured(Options(began_ns=1_000_000_000))
    >>> frames, _ = link.split(b"@000000000c008D4840D6202CC371C32CE0576098;\\n", True)
    >>> link.decode(frames, None)[0].select("object_id", "callsign", "time_ns").row(0)
    ('icao:4840d6', 'KLM1023', 1000000000)
    """
    return cast(Link, Avr(options))


@kernel
def _pack(payload, size, stamp, signal, made, begin):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(len(size)):
        begin[i] = at
        made[at] = _LESS if signal[i] else _AT if stamp[i] else _STAR
        at += 1
        if signal[i] or stamp[i]:
            for k in range(40, -1, -8):
                at = put_byte(made, at, np.uint8((stamp[i] >> np.uint64(k)) & np.uint64(0xFF)))
        if signal[i]:
            at = put_byte(made, at, signal[i])
        for k in range(size[i]):
            at = put_byte(made, at, payload[i, k])
        made[at] = _END
        made[at + 1] = 0x0A
        at += 2
    begin[len(size)] = at
    return at


def encode_frames(
    payload: npt.NDArray[np.uint8],
    size: npt.NDArray[np.uint8],
    stamp: npt.NDArray[np.uint64],
    signal: npt.NDArray[np.uint8],
) -> bytes:
    """Messages in this format: (N, 14) bytes of which ``size`` (2, 7 or 14) count, 48-bit stamps, amplitudes of 255.

    A line has the shortest form that says its stamp and signal (0: none). Raises ``ValueError`` on another size.

    >>> one = np.full((1, 14), 0x1A, np.uint8)
    >>> encode_frames(one, np.array([2], np.uint8), np.array([1], np.uint64), np.array([0], np.uint8))
    b'@0000000000011a1a;\\n'
    """
    check_sizes(size)
    made = np.empty(len(size) * 45, np.uint8)
    used = _pack(payload, size, stamp, signal, made, np.empty(len(size) + 1, np.int64))
    return made[:used].tobytes()


def pieces(tracks: pl.DataFrame) -> Pieces:
    """The messages of each row (columns of ``schema.ALL`` or ``PICTURE``), without stamps.

    >>> row = {"object_id": "icao:4840d6", "source": "adsb", "callsign": "KLM1023"}
    >>> pieces(pl.DataFrame([row])).data.tobytes()
    b'*8d4840d6202cc371c32ce0576098;\\n'
    """
    said = squitters(tracks)
    made, begin = np.empty(len(said) * 31, np.uint8), np.empty(len(said) + 1, np.int64)
    used = _pack(said.payload, said.size, np.zeros(len(said), np.uint64), np.zeros(len(said), np.uint8), made, begin)
    return pieces_of_rows(made[:used], begin, said.row, len(tracks))


_PLAIN: Final = Avr()
recognise, split, decode, anchors = _PLAIN.recognise, _PLAIN.split, _PLAIN.decode, _PLAIN.anchors
