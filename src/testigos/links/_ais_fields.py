"""Fields of AIS messages as columns: what the bits of each type mean.

Source: ITU-R M.1371-5, annex 8 (messages); IEC 61162-1 (armour); ITU-R M.585 (what an MMSI says of its owner).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.kernels import kernel
from testigos.schema import KINDS
from testigos.units import FT_M

__all__ = [
    "FLOATS", "KIND", "RECEIVER", "SMALL", "TEXTS", "TYPE", "VIA", "WHERE", "WORDS", "packed", "report", "sender",
    "sized", "static", "take",
]  # fmt: skip

#: Columns by the array that a kernel writes them to; NaN is unknown.
FLOATS: Final = (
    *("alt_msl_ft", "gs_kt", "track_deg", "heading_deg", "rot_degpmin", "draught_m", "to_bow_m", "to_stern_m"),
    *("to_port_m", "to_starboard_m"),
)
ALT_MSL_FT, GS_KT, TRACK_DEG, HEADING_DEG, ROT_DEGPMIN, DRAUGHT_M, TO_BOW_M = range(7)
SMALL: Final = ("ais_type", "nav_status", "ship_type", "epfd", "manoeuvre", "position_accurate", "raim", "kind")
TYPE, _NAV_STATUS, _SHIP_TYPE, _EPFD, _MANOEUVRE, _ACCURATE, _RAIM, KIND = range(8)
TEXTS: Final = ("receiver", "via", "vessel_name", "callsign", "destination", "eta")
RECEIVER, VIA, NAME, CALLSIGN, DESTINATION, ETA = range(6)

_REPORTS: Final = frozenset((1, 2, 3, 18, 19))
#: The types of messages that a column is in; it may be in others where none are named.
WHERE: Final = {
    "alt_msl_ft": frozenset((9,)),
    **{name: _REPORTS | {9, 27} for name in ("gs_kt", "track_deg")},
    "heading_deg": _REPORTS,
    **{name: frozenset((1, 2, 3)) for name in ("rot_degpmin", "manoeuvre")},
    "nav_status": frozenset((1, 2, 3, 27)),
    **{name: _REPORTS | {4, 9, 11, 21, 27} for name in ("position_accurate", "raim")},
    "epfd": frozenset((4, 5, 11, 19, 21, 24)),
    **{name: frozenset((5,)) for name in ("draught_m", "destination", "eta")},
    "callsign": frozenset((5, 24)),
    **{name: frozenset((5, 19, 21, 24)) for name in ("vessel_name", "ship_type", *FLOATS[TO_BOW_M:])},
}

_VESSEL, _FIXED, _AIRCRAFT, _PERSON, _OTHER = (
    KINDS.index(name) for name in ("vessel", "fixed", "aircraft", "person", "other")
)
_SECOND_NS: Final = 1_000_000_000
_LATEST_S: Final = 10  # a receiver stamps a message so long after the second that the message names

_BITS: Final = 60  # in a word of ``packed``
WORDS: Final = 36  #: more than the longest message (1,064 bits) and two words

#: Fewest and most bits of messages that are read, by type; 0 where the length is free. All fields up to the last one
#: that is read have to be there, and a few bits more than specified are common.
_LEAST: Final = np.zeros(64, np.int64)
_MOST: Final = np.zeros(64, np.int64)
for _type, _least, _most in (
    *((kind, 149, 176) for kind in (1, 2, 3, 4, 11)),
    *((5, 420, 432), (9, 148, 176), (18, 148, 176), (19, 306, 320), (21, 269, 368), (24, 160, 176), (27, 94, 176)),
):
    _LEAST[_type], _MOST[_type] = _least, _most


def _armour() -> npt.NDArray[np.uint8]:
    table = np.full(256, 0xFF, np.uint8)
    for value in range(64):
        table[value + 48 if value < 40 else value + 56] = value
    return table


_VALUES: Final = _armour()


# ---- bits and letters ----


@kernel
def packed(letters, low, high, words):  # type: ignore[no-untyped-def]
    """Armoured characters as words of 60 bits; false where one is no armour."""
    word, wrong, held, k = np.int64(0), np.int64(0), 0, 0
    for p in range(low, min(high, low + (WORDS - 2) * 10)):
        value = np.int64(_VALUES[letters[p]])
        wrong |= value
        word = word << 6 | (value & 63)
        held += 6
        if held == _BITS:
            words[k] = word
            k += 1
            word, held = np.int64(0), 0
    for p in range(low + (WORDS - 2) * 10, high):
        wrong |= np.int64(_VALUES[letters[p]])
    words[k] = word << (_BITS - held)
    words[k + 1] = 0
    return wrong < 64


@njit(cache=True, nogil=True, inline="always")
def take(words, start, size):  # type: ignore[no-untyped-def]
    """So many bits (30 at most) from ``start`` on."""
    k = start // _BITS
    room = _BITS - (start - _BITS * k) - size
    if room >= 0:
        return (words[k] >> room) & ((1 << size) - 1)
    return (words[k] & ((1 << (size + room)) - 1)) << -room | words[k + 1] >> (_BITS + room)


@njit(cache=True, nogil=True, inline="always")
def _signed(words, start, size):  # type: ignore[no-untyped-def]
    value = take(words, start, size)
    return value - ((value >> (size - 1)) << size)


@kernel
def _letters(words, start, most, text, at, span):  # type: ignore[no-untyped-def]
    """Six-bit characters up to the first @, without the blanks at their end, into ``text``: where they end."""
    end = at
    for k in range(most):
        value = take(words, start + 6 * k, 6)
        if value == 0:
            break
        text[at + k] = value + 64 if value < 32 else value
        if value != 32:
            end = at + k + 1
    span[0], span[1] = at, end
    return end


@kernel
def _two(text, at, value):  # type: ignore[no-untyped-def]
    text[at], text[at + 1] = 48 + value // 10, 48 + value % 10
    return at + 2


# ---- fields ----


@njit(cache=True, nogil=True, inline="always")
def _unless(value, none):  # type: ignore[no-untyped-def]
    """A number, NaN where it is one that means nothing."""
    return np.nan if value == none else np.float64(value)


@kernel
def _position(place, i, east, north, steps):  # type: ignore[no-untyped-def]
    """Longitude and latitude in so many steps a degree, 181 and 91 degrees unknown; false where there are none such."""
    good = True
    if abs(east) <= 180 * steps:
        place[0, i] = east / steps
    elif east != 181 * steps:
        good = False
    if abs(north) <= 90 * steps:
        place[1, i] = north / steps
    elif north != 91 * steps:
        good = False
    return good


@kernel
def _motion(floats, i, sog, cog, heading):  # type: ignore[no-untyped-def]
    """Speed of 0.1 kt, course of 0.1 degrees and heading; false where one is none."""
    if sog != 1023:
        floats[GS_KT, i] = sog / 10.0
    if cog < 3600:
        floats[TRACK_DEG, i] = cog / 10.0
    if heading < 360:
        floats[HEADING_DEG, i] = heading
    return cog <= 3600 and (heading < 360 or heading == 511)


@kernel
def _dimensions(bits, floats, i):  # type: ignore[no-untyped-def]
    """A to D in 30 bits. Where only length and beam are known, A and C are 0, and B and D are these."""
    bow, stern, port, starboard = bits >> 21, bits >> 12 & 511, bits >> 6 & 63, bits & 63
    whole = bow == 0 and port == 0 and stern > 0 and starboard > 0
    if bow + stern > 0:
        if not whole:
            floats[TO_BOW_M, i] = bow
        floats[TO_BOW_M + 1, i] = stern
    if port + starboard > 0:
        if not whole:
            floats[TO_BOW_M + 2, i] = port
        floats[TO_BOW_M + 3, i] = starboard


@kernel
def sender(mmsi, kind):  # type: ignore[no-untyped-def]
    """What sends messages of this type with that number."""
    if kind == 9 or mmsi // 1_000_000 == 111:
        return _AIRCRAFT
    if kind == 4 or kind == 21 or mmsi // 10_000_000 == 99:
        return _FIXED
    if mmsi // 1_000_000 == 972:  # man overboard
        return _PERSON
    if mmsi // 1_000_000 == 970 or mmsi // 1_000_000 == 974:  # beacons
        return _OTHER
    if mmsi < 10_000_000 and _LEAST[kind] == 0:
        return _FIXED  # 00MID, with messages that are no vessel's: a station on the coast
    return _VESSEL


@kernel
def _days(year, month, day):  # type: ignore[no-untyped-def]
    """Days from 1970-01-01 in the Gregorian calendar, years counted from March."""
    y = year - 1 if month <= 2 else year
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return 365 * y + y // 4 - y // 100 + y // 400 + of_year - 719_468


@kernel
def _own_time(words):  # type: ignore[no-untyped-def]
    """The date and time that message 4 or 11 gives in ns, -1 where it gives none."""
    year, month, day = take(words, 38, 14), take(words, 52, 4), take(words, 56, 5)
    hour, minute, second = take(words, 61, 5), take(words, 66, 6), take(words, 72, 6)
    if not (1970 <= year <= 2102 and 1 <= month <= 12 and 1 <= day <= 31):
        return np.int64(-1)
    if hour > 23 or minute > 59 or second > 59:
        return np.int64(-1)
    if day > 28:  # is there such a day?
        after = _days(year + 1, 1, 1) if month == 12 else _days(year, month + 1, 1)
        if _days(year, month, day) >= after:
            return np.int64(-1)
    return (_days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * _SECOND_NS


@kernel
def _refined(time_ns, second):  # type: ignore[no-untyped-def]
    """The time of a position that was received then and is of that second of its minute."""
    if time_ns < 0 or second > 59:
        return time_ns
    received = time_ns // _SECOND_NS
    late = (received % 60 - second) % 60
    if 1 <= late <= min(_LATEST_S, received):
        return (received - late) * _SECOND_NS
    if late == 59:  # the receiver's clock is behind
        return (received + 1) * _SECOND_NS
    return time_ns


@kernel
def _expected(words, text, at, span):  # type: ignore[no-untyped-def]
    """The expected arrival of message 5, as MM-DDTHH:MM, into ``text``: where it ends."""
    month, day = take(words, 274, 4), take(words, 278, 5)
    hour, minute = take(words, 283, 5), take(words, 288, 6)
    if not 1 <= month <= 12 or day < 1 or hour > 23 or minute > 59:
        return at
    span[0] = at
    at = _two(text, at, month)
    text[at] = 45
    at = _two(text, at + 1, day)
    text[at] = 84
    at = _two(text, at + 1, hour)
    text[at] = 58
    span[1] = _two(text, at + 1, minute)
    return span[1]


@kernel
def _mark(words, bits, text, at, span):  # type: ignore[no-untyped-def]
    """The name of an aid to navigation: what 20 characters do not hold stands at the end of the message."""
    for k in range(20):
        if take(words, 43 + 6 * k, 6) == 0:
            return _letters(words, 43, 20, text, at, span)
    for k in range(20):
        value = take(words, 43 + 6 * k, 6)
        text[at + k] = value + 64 if value < 32 else value
    end = at + 20
    if bits >= 278:
        end = _letters(words, 272, min(14, (bits - 272) // 6), text, end, span)
    while end > at and text[end - 1] == 32:
        end -= 1
    span[0], span[1] = at, end
    return end


@kernel
def static(words, bits, kind, floats, small, imo, i, text, at, span):  # type: ignore[no-untyped-def]
    """Messages 5, 19, 21 and 24, but for position and movement: where their texts end."""
    if kind == 5:
        number = take(words, 40, 30)
        at = _letters(words, 70, 7, text, at, span[CALLSIGN])
        at = _letters(words, 112, 20, text, at, span[NAME])
        small[_SHIP_TYPE, i] = _unless(take(words, 232, 8), 0)
        _dimensions(take(words, 240, 30), floats, i)
        small[_EPFD, i] = _unless(take(words, 270, 4), 0)
        at = _expected(words, text, at, span[ETA])
        draught = take(words, 294, 8)
        if draught > 0:
            floats[DRAUGHT_M, i] = draught / 10.0
        at = _letters(words, 302, 20, text, at, span[DESTINATION])
        if 0 < number <= 999_999_999:
            imo[i] = number
    elif kind == 19:
        at = _letters(words, 143, 20, text, at, span[NAME])
        small[_SHIP_TYPE, i] = _unless(take(words, 263, 8), 0)
        _dimensions(take(words, 271, 30), floats, i)
        small[_EPFD, i] = _unless(take(words, 301, 4), 0)
    elif kind == 21:
        small[_SHIP_TYPE, i] = _unless(take(words, 38, 5), 0)
        at = _mark(words, bits, text, at, span[NAME])
        _dimensions(take(words, 219, 30), floats, i)
        small[_EPFD, i] = _unless(take(words, 249, 4), 0)
    elif take(words, 38, 2) == 0:
        at = _letters(words, 40, 20, text, at, span[NAME])
    elif take(words, 38, 2) == 1:
        small[_SHIP_TYPE, i] = _unless(take(words, 40, 8), 0)
        at = _letters(words, 90, 7, text, at, span[CALLSIGN])
        if take(words, 8, 30) // 10_000_000 != 98:  # craft of a mother ship give its number instead
            _dimensions(take(words, 132, 30), floats, i)
        small[_EPFD, i] = _unless(take(words, 162, 4), 0)
    return at


@kernel
def report(words, kind, time_ns, place, floats, small, i):  # type: ignore[no-untyped-def]
    """What a message says of position and movement; false where a field holds what none may, and its time."""
    good, second = True, 60
    if kind == 1 or kind == 2 or kind == 3:
        small[_NAV_STATUS, i] = _unless(take(words, 38, 4), 15)
        turn = _signed(words, 42, 8)
        if -127 < turn < 127:  # beyond it only says that it turns
            root = turn / 4.733
            floats[ROT_DEGPMIN, i] = root * abs(root)
        good = _motion(floats, i, take(words, 50, 10), take(words, 116, 12), take(words, 128, 9))
        good &= _position(place, i, _signed(words, 61, 28), _signed(words, 89, 27), 600_000)
        second = take(words, 137, 6)
        small[_MANOEUVRE, i] = _unless(take(words, 143, 2), 0)
        small[_ACCURATE, i], small[_RAIM, i] = take(words, 60, 1), take(words, 148, 1)
    elif kind == 18 or kind == 19:
        good = _motion(floats, i, take(words, 46, 10), take(words, 112, 12), take(words, 124, 9))
        good &= _position(place, i, _signed(words, 57, 28), _signed(words, 85, 27), 600_000)
        second = take(words, 133, 6)
        small[_ACCURATE, i] = take(words, 56, 1)
        small[_RAIM, i] = take(words, 147, 1) if kind == 18 else take(words, 305, 1)
    elif kind == 4 or kind == 11:
        good = _position(place, i, _signed(words, 79, 28), _signed(words, 107, 27), 600_000)
        second = take(words, 72, 6)
        small[_EPFD, i] = _unless(take(words, 134, 4), 0)
        small[_ACCURATE, i], small[_RAIM, i] = take(words, 78, 1), take(words, 148, 1)
        if time_ns < 0:
            time_ns = _own_time(words)
    elif kind == 9:
        altitude, speed = take(words, 38, 12), take(words, 50, 10)
        if altitude != 4095:
            floats[ALT_MSL_FT, i] = altitude / FT_M
        good = _motion(floats, i, 1023, take(words, 116, 12), 511)
        if speed != 1023:  # in whole knots
            floats[GS_KT, i] = speed
        good &= _position(place, i, _signed(words, 61, 28), _signed(words, 89, 27), 600_000)
        second = take(words, 128, 6)
        small[_ACCURATE, i], small[_RAIM, i] = take(words, 60, 1), take(words, 147, 1)
    elif kind == 21:
        good = _position(place, i, _signed(words, 164, 28), _signed(words, 192, 27), 600_000)
        second = take(words, 253, 6)
        small[_ACCURATE, i], small[_RAIM, i] = take(words, 163, 1), take(words, 268, 1)
    elif kind == 27:
        small[_NAV_STATUS, i] = _unless(take(words, 40, 4), 15)
        good = _position(place, i, _signed(words, 44, 18), _signed(words, 62, 17), 600)
        speed, course = take(words, 79, 6), take(words, 85, 9)
        if speed != 63:
            floats[GS_KT, i] = speed
        if course < 360:
            floats[TRACK_DEG, i] = course
        good &= course < 360 or course == 511
        small[_ACCURATE, i], small[_RAIM, i] = take(words, 38, 1), take(words, 39, 1)
    return good, _refined(time_ns, second)


@kernel
def sized(words, bits):  # type: ignore[no-untyped-def]
    """Has a message the length of its type?"""
    kind = take(words, 0, 6)
    if bits < 38 or bits < _LEAST[kind] or (_MOST[kind] > 0 and bits > _MOST[kind]):
        return False
    return not (kind == 24 and bits < 162 and take(words, 38, 2) == 1)
