"""AIS messages of rows, as sentences with tag blocks.

Source: ITU-R M.1371-5, annex 8 (messages); IEC 61162-1 and NMEA 0183 version 4.10 (sentences, tag blocks).
"""

from typing import Any, Final

import numpy as np
import polars as pl
from numba import njit

from testigos.kernels import kernel
from testigos.links._put import civil, put_hex, put_integer
from testigos.matrix import codes, numbers, texts, whole_numbers
from testigos.registry import Pieces
from testigos.schema import KINDS
from testigos.units import FT_M

__all__ = ["mmsi_of", "written"]

_FLOATS: Final = (
    *("lat_deg", "lon_deg", "gs_kt", "track_deg", "heading_deg", "rot_degpmin", "alt_msl_ft", "draught_m"),
    *("to_bow_m", "to_stern_m", "to_port_m", "to_starboard_m"),
)
_LAT, _LON, _GS, _TRACK, _HEADING, _ROT, _ALT, _DRAUGHT, _BOW = range(9)
_SMALL: Final = (
    *("ais_type", "kind", "nav_status", "ship_type", "epfd", "manoeuvre", "position_accurate", "raim", "imo"),
)
_TYPE, _KIND, _NAV_STATUS, _SHIP_TYPE, _EPFD, _MANOEUVRE, _ACCURATE, _RAIM, _IMO = range(9)
_TEXTS: Final = ("object_id", "receiver", "via", "vessel_name", "callsign", "destination", "eta")
_ID, _RECEIVER, _VIA, _NAME, _CALLSIGN, _DESTINATION, _ETA = range(7)

_FIXED, _AIRCRAFT = KINDS.index("fixed"), KINDS.index("aircraft")
_BITS, _WORDS = 60, 9
_FIRST: Final = 56  # characters of the first of two sentences, which may have 82 with all around them
_SENTENCE: Final = 90
_CLASS_B_STATE: Final = 0xE0006  # what equipment without SOTDMA says of its slots (M.1371-5, annex 8, 3.16)
_MS_FROM: Final = 100_000_000_000  # smaller times would be read as seconds

#: NMEA 0183 reserves these in text; > parts the nodes of a way.
_PLAIN: Final = np.array([32 < c < 127 and chr(c) not in "!$*,\\^~>" for c in range(256)])


def written(tracks: pl.DataFrame, station: str) -> Pieces:
    """Sentences of each row with an MMSI, apart; see ``aivdm.pieces``."""
    size = len(tracks)
    start = np.zeros(size + 1, np.int64)
    if not size or "object_id" not in tracks.columns:
        return Pieces(np.zeros(0, np.uint8), start)
    letters, places = texts(tracks, _TEXTS)
    own = np.frombuffer(station.encode(), np.uint8)
    # a tag block for each of three sentences; every byte of a name takes three at most
    named = sum(int(places[k, -1] - places[k, 0]) for k in (_RECEIVER, _VIA))
    data = np.empty(9 * named + 3 * (3 * len(own) + _SENTENCE + 40) * size, np.uint8)
    time_ns = whole_numbers(tracks, ("time_ns",))[0]
    _write(numbers(tracks, _FLOATS), codes(tracks, _SMALL), time_ns, letters, places, own, data, start)
    return Pieces(data[: start[-1]].copy(), start)


# ---- bits ----


@njit(cache=True, nogil=True, inline="always")
def _bits(words, at, size, value):  # type: ignore[no-untyped-def]
    """The lowest bits of a number, 30 at most, into words of 60 from ``at`` on; gives the place after them."""
    value = np.int64(value) & ((1 << size) - 1)
    k = at // _BITS
    room = _BITS - (at - _BITS * k) - size
    if room >= 0:
        words[k] |= value << room
    else:
        words[k] |= value >> -room
        words[k + 1] |= (value & ((1 << -room) - 1)) << (_BITS + room)
    return at + size


@kernel
def _text(words, at, letters, low, high, most):  # type: ignore[no-untyped-def]
    """UTF-8 as so many six-bit characters, @ after the last; gives the place after them, and where it stopped."""
    p, count = low, 0
    while p < high and count < most:
        c = int(letters[p])
        p += 1
        if 128 <= c < 192:  # goes on with a character that is ? already
            continue
        if 97 <= c <= 122:
            c -= 32
        if 64 < c < 96:
            c -= 64
        elif not 32 <= c < 64:
            c = 63
        _bits(words, at + 6 * count, 6, c)
        count += 1
    return at + 6 * most, p


@njit(cache=True, nogil=True, inline="always")
def _scaled(value, scale, high, none):  # type: ignore[no-untyped-def]
    """A number in steps, ``high`` at most; ``none`` where it is not known."""
    if np.isnan(value):
        return none
    return np.int64(min(max(np.rint(value * scale), 0.0), float(high)))


@njit(cache=True, nogil=True, inline="always")
def _angle(value, scale, none):  # type: ignore[no-untyped-def]
    if np.isnan(value):
        return none
    return np.int64(np.rint(value * scale)) % (360 * scale)


@njit(cache=True, nogil=True, inline="always")
def _degrees(value, steps, none):  # type: ignore[no-untyped-def]
    """A position in so many steps a degree, rounded."""
    return np.int64(np.rint((none if np.isnan(value) else value) * steps))


@kernel
def _turn(rate):  # type: ignore[no-untyped-def]
    if np.isnan(rate):
        return -128
    steps = min(np.rint(4.733 * np.sqrt(abs(rate))), 126.0)
    return np.int64(steps if rate >= 0 else -steps)


@njit(cache=True, nogil=True, inline="always")
def _other(value, none):  # type: ignore[no-untyped-def]
    return none if value < 0 else value


@kernel
def _place(words, at, floats, i, steps, wide):  # type: ignore[no-untyped-def]
    """Longitude and latitude, in bits of message 1 (wide) or 27."""
    at = _bits(words, at, 28 if wide else 18, _degrees(floats[_LON, i], steps, 181.0))
    return _bits(words, at, 27 if wide else 17, _degrees(floats[_LAT, i], steps, 91.0))


@kernel
def _dimensions(words, at, floats, i):  # type: ignore[no-untyped-def]
    for k in range(4):
        high = 511 if k < 2 else 63
        at = _bits(words, at, 9 if k < 2 else 6, _scaled(floats[_BOW + k, i], 1.0, high, 0))
    return at


# ---- messages ----


@kernel
def _head(words, kind, mmsi):  # type: ignore[no-untyped-def]
    words[:] = 0
    return _bits(words, _bits(words, 0, 8, kind << 2), 30, mmsi)


@kernel
def _report(words, kind, mmsi, floats, small, letters, start, i, ms):  # type: ignore[no-untyped-def]
    """A report of position; gives its bits."""
    at = _head(words, kind, mmsi)
    accurate, raim, second = max(small[_ACCURATE, i], 0), max(small[_RAIM, i], 0), ms // 1000 % 60 if ms >= 0 else 60
    if kind <= 3:
        at = _bits(words, at, 4, _other(small[_NAV_STATUS, i], 15))
        at = _bits(words, at, 8, _turn(floats[_ROT, i]))
        at = _bits(words, at, 10, _scaled(floats[_GS, i], 10.0, 1022, 1023))
        at = _place(words, _bits(words, at, 1, accurate), floats, i, 600_000.0, True)
        at = _bits(words, at, 12, _angle(floats[_TRACK, i], 10, 3600))
        at = _bits(words, at, 9, _angle(floats[_HEADING, i], 1, 511))
        at = _bits(words, at, 6, second)
        at = _bits(words, at, 2, max(small[_MANOEUVRE, i], 0))
        return _bits(words, _bits(words, at + 3, 1, raim), 19, 0)
    if kind == 4 or kind == 11:
        if ms >= 0:
            year, month, day = civil(ms // 86_400_000)
            of_day = ms // 1000 % 86_400
            at = _bits(words, _bits(words, _bits(words, at, 14, year), 4, month), 5, day)
            at = _bits(words, _bits(words, at, 5, of_day // 3600), 6, of_day // 60 % 60)
        else:
            at = _bits(words, _bits(words, at + 23, 5, 24), 6, 60)
        at = _bits(words, _bits(words, at, 6, second), 1, accurate)
        at = _place(words, at, floats, i, 600_000.0, True)
        at = _bits(words, at, 4, max(small[_EPFD, i], 0)) + 10
        return _bits(words, _bits(words, at, 1, raim), 19, 0)
    if kind == 9:
        at = _bits(words, at, 12, _scaled(floats[_ALT, i], FT_M, 4094, 4095))
        at = _bits(words, at, 10, _scaled(floats[_GS, i], 1.0, 1022, 1023))
        at = _place(words, _bits(words, at, 1, accurate), floats, i, 600_000.0, True)
        at = _bits(words, at, 12, _angle(floats[_TRACK, i], 10, 3600))
        at = _bits(words, _bits(words, at, 6, second) + 8, 1, 1) + 4
        return _bits(words, _bits(words, at, 1, raim), 20, 0)
    if kind == 18:
        at = _bits(words, at + 8, 10, _scaled(floats[_GS, i], 10.0, 1022, 1023))
        at = _place(words, _bits(words, at, 1, accurate), floats, i, 600_000.0, True)
        at = _bits(words, at, 12, _angle(floats[_TRACK, i], 10, 3600))
        at = _bits(words, at, 9, _angle(floats[_HEADING, i], 1, 511))
        at = _bits(words, _bits(words, at, 6, second) + 2, 1, 1) + 5  # "carrier sense" equipment
        return _bits(words, _bits(words, at, 1, raim), 20, _CLASS_B_STATE)
    if kind == 21:
        at = _bits(words, at, 5, min(max(small[_SHIP_TYPE, i], 0), 31))
        low, high = start[_NAME, i], start[_NAME, i + 1]
        at, p = _text(words, at, letters, low, high, 20)
        at = _place(words, _bits(words, at, 1, accurate), floats, i, 600_000.0, True)
        at = _bits(words, _dimensions(words, at, floats, i), 4, max(small[_EPFD, i], 0))
        at = _bits(words, at, 6, second) + 9
        at = _bits(words, at, 1, raim) + 3
        more = 0
        for k in range(p, high):
            more += not 128 <= letters[k] < 192
        at, _ = _text(words, at, letters, p, high, min(more, 14))
        return at
    at = _bits(words, _bits(words, at, 1, accurate), 1, raim)  # 27
    at = _bits(words, at, 4, _other(small[_NAV_STATUS, i], 15))
    at = _place(words, at, floats, i, 600.0, False)
    speed, course = _scaled(floats[_GS, i], 1.0, 63, 63), _angle(floats[_TRACK, i], 1, 511)
    return _bits(words, _bits(words, _bits(words, at, 6, speed), 9, course), 2, 2)


@kernel
def _named(words, at, letters, start, column, i, most):  # type: ignore[no-untyped-def]
    low, high = start[column, i], start[column, i + 1]
    at, _ = _text(words, at, letters, low, high, most)
    return at


@kernel
def _voyage(words, mmsi, floats, small, letters, start, i):  # type: ignore[no-untyped-def]
    """Message 5; gives its bits."""
    at = _bits(words, _head(words, 5, mmsi) + 2, 30, max(small[_IMO, i], 0))
    at = _named(words, _named(words, at, letters, start, _CALLSIGN, i, 7), letters, start, _NAME, i, 20)
    at = _dimensions(words, _bits(words, at, 8, max(small[_SHIP_TYPE, i], 0)), floats, i)
    at = _bits(words, at, 4, max(small[_EPFD, i], 0))
    month, day, hour, minute = 0, 0, 24, 60
    text, low = letters, start[_ETA, i]
    if start[_ETA, i + 1] - low == 11:  # MM-DDTHH:MM
        month = 10 * (int(text[low]) - 48) + int(text[low + 1]) - 48
        day = 10 * (int(text[low + 3]) - 48) + int(text[low + 4]) - 48
        hour = 10 * (int(text[low + 6]) - 48) + int(text[low + 7]) - 48
        minute = 10 * (int(text[low + 9]) - 48) + int(text[low + 10]) - 48
        if not (1 <= month <= 12 and 1 <= day <= 31 and 0 <= hour <= 23 and 0 <= minute <= 59):
            month, day, hour, minute = 0, 0, 24, 60
    at = _bits(words, _bits(words, _bits(words, _bits(words, at, 4, month), 5, day), 5, hour), 6, minute)
    at = _bits(words, at, 8, _scaled(floats[_DRAUGHT, i], 10.0, 255, 0))
    # nothing is known of a terminal: its code says that there is none
    return _bits(words, _named(words, at, letters, start, _DESTINATION, i, 20), 2, 2)


@kernel
def _part_b(words, mmsi, floats, small, letters, start, i):  # type: ignore[no-untyped-def]
    """Message 24, part B; gives its bits."""
    at = _bits(words, _bits(words, _head(words, 24, mmsi), 2, 1), 8, max(small[_SHIP_TYPE, i], 0)) + 42
    at = _named(words, at, letters, start, _CALLSIGN, i, 7)
    if mmsi // 10_000_000 == 98:  # there it is the number of a mother ship
        at += 30
    else:
        at = _dimensions(words, at, floats, i)
    return _bits(words, at, 4, max(small[_EPFD, i], 0)) + 2


# ---- sentences ----


@kernel
def _checksum(out, low, high):  # type: ignore[no-untyped-def]
    total = np.uint8(0)
    for p in range(low, high):
        total ^= out[p]
    return total


@kernel
def _escaped(out, at, letters, low, high):  # type: ignore[no-untyped-def]
    for p in range(low, high):
        if _PLAIN[letters[p]]:
            out[at] = letters[p]
            at += 1
        else:
            out[at] = 94  # ^
            at = put_hex(out, at + 1, letters[p], 2, True)
    return at


@kernel
def _tag_block(out, at, letters, start, i, own, ms):  # type: ignore[no-untyped-def]
    """A tag block with station, time and way."""
    begin = at
    out[at], out[at + 1], out[at + 2] = 92, 115, 58  # \s:
    low, high = start[_RECEIVER, i], start[_RECEIVER, i + 1]
    at = _escaped(out, at + 3, letters, low, high) if high > low else _escaped(out, at + 3, own, 0, len(own))
    if ms >= 0:
        out[at], out[at + 1], out[at + 2] = 44, 99, 58  # ,c:
        at = put_integer(out, at + 3, ms // 1000 if ms % 1000 == 0 or ms < _MS_FROM else ms)
    low, high = start[_VIA, i], start[_VIA, i + 1]
    if high > low:
        out[at], out[at + 1], out[at + 2] = 44, 116, 58  # ,t:
        at += 3
        nodes = letters
        p = low
        while p < high:
            end = p
            while end < high and nodes[end] != 32:
                end += 1
            if end > p:
                out[at] = 62  # >
                at = _escaped(out, at + 1, nodes, p, end)
            p = end + 1
    out[at] = 42
    at = put_hex(out, at + 1, _checksum(out, begin + 1, at), 2, True)
    out[at] = 92
    return at + 1


@kernel
def _sentence(out, at, words, low, high, fill, total, number, sequence):  # type: ignore[no-untyped-def]
    """The characters from ``low`` to ``high`` of a message."""
    begin = at
    for c in (33, 65, 73, 86, 68, 77, 44):  # !AIVDM,
        out[at] = c
        at += 1
    out[at], out[at + 1], out[at + 2], out[at + 3] = 48 + total, 44, 48 + number, 44
    at += 4
    if total > 1:
        out[at] = 48 + sequence
        at += 1
    out[at], out[at + 1], out[at + 2] = 44, 65, 44  # channel A
    at += 3
    for k in range(low, high):
        value = (words[k // 10] >> (54 - 6 * (k % 10))) & 63
        out[at] = value + 48 if value < 40 else value + 56
        at += 1
    out[at], out[at + 1], out[at + 2] = 44, 48 + fill, 42
    at = put_hex(out, at + 3, _checksum(out, begin + 1, at + 2), 2, True)
    out[at], out[at + 1] = 13, 10
    return at + 2


@kernel
def _said(out, at, words, bits, sequence, tag, tag_end):  # type: ignore[no-untyped-def]
    """A message in one sentence or two, each with a tag block like that at ``tag`` (there already if it is here)."""
    size = (bits + 5) // 6
    total = 1 if size <= 60 else 2
    for number in range(total):
        if at != tag:
            for p in range(tag, tag_end):
                out[at + p - tag] = out[p]
        at += tag_end - tag
        low, high = number * _FIRST, size if number == total - 1 else _FIRST
        fill = 6 * size - bits if number == total - 1 else 0
        at = _sentence(out, at, words, low, high, fill, total, number + 1, sequence)
    return at


@kernel
def mmsi_of(letters, low, high):  # type: ignore[no-untyped-def]
    """The number in mmsi:123456789, -1 of other names."""
    if high - low != 14 or letters[low] != 109 or letters[low + 1] != 109 or letters[low + 2] != 115:
        return np.int64(-1)
    if letters[low + 3] != 105 or letters[low + 4] != 58:
        return np.int64(-1)
    number = np.int64(0)
    for p in range(low + 5, high):
        digit = np.int64(letters[p]) - 48
        if not 0 <= digit <= 9:
            return np.int64(-1)
        number = 10 * number + digit
    return number


@kernel
def _report_type(said, kind, mmsi):  # type: ignore[no-untyped-def]
    if said in (1, 2, 3, 4, 9, 11, 18, 21, 27):
        return said
    if said == 19 or said == 24:
        return 18
    if kind == _FIXED:
        return 4 if mmsi < 10_000_000 else 21
    return 9 if kind == _AIRCRAFT or mmsi // 1_000_000 == 111 else 1


@kernel
def _any(floats, i, first, last):  # type: ignore[no-untyped-def]
    found = False
    for k in range(first, last):
        found |= not np.isnan(floats[k, i])
    return found


@njit(cache=True, nogil=True)
def _write(floats: Any, small: Any, time_ns: Any, letters: Any, start: Any, own: Any, out: Any, begin: Any) -> None:
    words, at = np.zeros(_WORDS, np.int64), 0
    for i in range(len(time_ns)):
        mmsi = mmsi_of(letters, start[_ID, i], start[_ID, i + 1])
        if mmsi >= 0:
            ms = (time_ns[i] + 500_000) // 1_000_000 if time_ns[i] >= 0 else np.int64(-1)
            if 0 <= ms < _MS_FROM:
                ms = ms // 1000 * 1000
            at = _row(floats, small, letters, start, own, out, at, i, mmsi, ms, words)
        begin[i + 1] = at


@kernel
def _row(floats, small, letters, start, own, out, at, i, mmsi, ms, words):  # type: ignore[no-untyped-def]
    kind = _report_type(small[_TYPE, i], small[_KIND, i], mmsi)
    named = start[_NAME, i + 1] > start[_NAME, i]
    built = _any(floats, i, _BOW, _BOW + 4) or small[_SHIP_TYPE, i] > 0 or start[_CALLSIGN, i + 1] > start[_CALLSIGN, i]
    voyage = (
        small[_IMO, i] > 0 or not np.isnan(floats[_DRAUGHT, i]) or start[_DESTINATION, i + 1] > start[_DESTINATION, i]
    )
    voyage = voyage or start[_ETA, i + 1] > start[_ETA, i]
    moves = _any(floats, i, _LAT, _TRACK + 1)
    if kind <= 3 or kind == 27:
        moves = moves or small[_NAV_STATUS, i] >= 0
    if kind <= 3 or kind == 18:
        moves = moves or not np.isnan(floats[_HEADING, i])
    if kind <= 3:
        moves = moves or not np.isnan(floats[_ROT, i]) or small[_MANOEUVRE, i] > 0
    if kind == 9:
        moves = moves or not np.isnan(floats[_ALT, i])
    if kind == 21:
        moves = moves or named or small[_SHIP_TYPE, i] > 0 or small[_EPFD, i] > 0 or _any(floats, i, _BOW, _BOW + 4)
    if kind == 4 or kind == 11:
        moves = _any(floats, i, _LAT, _LON + 1) or small[_TYPE, i] == kind
    sequence = mmsi % 10
    tag, tag_end = at, 0
    if moves or named or built or voyage or small[_EPFD, i] > 0:
        tag_end = _tag_block(out, at, letters, start, i, own, ms)
    if moves:
        at = _said(
            out, at, words, _report(words, kind, mmsi, floats, small, letters, start, i, ms), sequence, tag, tag_end
        )
    if kind == 21:
        return at
    if kind == 4 or kind == 18:
        if named:
            bits = _bits(words, _head(words, 24, mmsi), 2, 0)
            bits = _named(words, bits, letters, start, _NAME, i, 20) + 8
            at = _said(out, at, words, bits, sequence, tag, tag_end)
        if kind == 18 and (built or small[_EPFD, i] > 0):
            at = _said(out, at, words, _part_b(words, mmsi, floats, small, letters, start, i), sequence, tag, tag_end)
        return at
    if named or built or voyage or (small[_EPFD, i] > 0 and kind != 11):
        at = _said(out, at, words, _voyage(words, mmsi, floats, small, letters, start, i), sequence, tag, tag_end)
    return at
