"""Messages of AIS: six-bit payloads put together from sentences, and what they say as columns.

Source: ITU-R M.1371-5, annex 8 (messages), annex 2, 3.3.7 (their length); IEC 61162-1 (armour); ITU-R M.585 (what an
MMSI says of its owner).
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.links import _nmea as nmea
from testigos.schema import KINDS, STATUSES
from testigos.units import FT_M

__all__ = [
    "ALT_MSL_FT",
    "BITS",
    "CALLSIGN",
    "DESTINATION",
    "DRAUGHT_M",
    "ETA",
    "FLOATS",
    "GS_KT",
    "HEADING_DEG",
    "NAME",
    "NONE",
    "RECEIVER",
    "ROT_DEGPMIN",
    "SMALL",
    "TEXTS",
    "TO_BOW_M",
    "TRACK_DEG",
    "VIA",
    "Out",
    "Pending",
    "allocate",
    "fresh",
    "numbered",
    "read",
]  # fmt: skip

Ints = npt.NDArray[np.int64]

#: Columns by the array that a kernel writes them to; ``NONE`` is unknown in ``SMALL``, NaN in ``FLOATS``.
FLOATS: Final = (
    *("alt_msl_ft", "gs_kt", "track_deg", "heading_deg", "rot_degpmin", "draught_m", "to_bow_m", "to_stern_m"),
    *("to_port_m", "to_starboard_m"),
)
ALT_MSL_FT, GS_KT, TRACK_DEG, HEADING_DEG, ROT_DEGPMIN, DRAUGHT_M, TO_BOW_M = range(7)
SMALL: Final = (
    *("status", "ais_type", "nav_status", "ship_type", "epfd", "manoeuvre", "position_accurate", "raim", "kind"),
)
_STATUS, _TYPE, _NAV_STATUS, _SHIP_TYPE, _EPFD, _MANOEUVRE, _ACCURATE, _RAIM, _KIND = range(9)
NONE: Final = 0xFFFF
TEXTS: Final = ("receiver", "via", "vessel_name", "callsign", "destination", "eta")
RECEIVER, VIA, NAME, CALLSIGN, DESTINATION, ETA = range(6)

_OK, _NO_POSITION, _MALFORMED, _OUT_OF_RANGE, _NO_TIME, _PARITY_FAILED = (
    STATUSES.index(name) for name in ("ok", "no_position", "malformed", "out_of_range", "no_time", "parity_failed")
)
_VESSEL, _FIXED, _AIRCRAFT, _PERSON, _OTHER = (
    KINDS.index(name) for name in ("vessel", "fixed", "aircraft", "person", "other")
)
_HIGHEST_NS: Final = 4_200_000_000_000_000_000
_SECOND_NS: Final = 1_000_000_000
_LATEST_S: Final = 10  # a receiver stamps a message so long after the second that the message names

BITS: Final = 60  #: in a word of ``_packed``
_WORDS: Final = 36  # more than the longest message (1,064 bits) and two words
_LONGEST: Final = 340  # characters of a message that is put together
_PENDING: Final = 32
_FAR: Final = 1_000  # sentences between fragments of one message
_STATION, _VIA = 64, 192  # bytes of the texts of a tag block that a message keeps

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


class Pending(NamedTuple):
    """Messages of which not all sentences have come: numbers (32, 14), characters, stations, ways; and the count."""

    slots: Ints
    letters: npt.NDArray[np.uint8]
    stations: npt.NDArray[np.uint8]
    ways: npt.NDArray[np.uint8]
    sentences: Ints


#: Of ``Pending.slots``. A slot that awaits nothing has a total of 0.
(
    _P_TOTAL, _P_NEXT, _P_SEQUENCE, _P_CHANNEL, _P_TALKER, _P_STATION, _P_GROUP, _P_LAST, _P_SIZE, _P_TIME, _P_MMSI,
    _P_KIND, _P_STATION_SIZE, _P_VIA_SIZE,
) = range(14)  # fmt: skip


def fresh() -> Pending:
    """At the start of a document."""
    return Pending(
        np.zeros((_PENDING, 14), np.int64),
        np.zeros((_PENDING, _LONGEST), np.uint8),
        np.zeros((_PENDING, _STATION), np.uint8),
        np.zeros((_PENDING, _VIA), np.uint8),
        np.zeros(1, np.int64),
    )


class Out(NamedTuple):
    """Columns of N messages. ``place`` (2, N) is longitude and latitude, ``begin`` and ``end`` (6, N) are in the text
    that ``read`` gives; ``mmsi`` is -1, ``imo`` 0 where unknown. ``said`` are arrays of which columns hold anything.
    """

    place: npt.NDArray[np.float64]
    floats: npt.NDArray[np.float32]
    small: npt.NDArray[np.uint16]
    mmsi: Ints
    imo: npt.NDArray[np.uint32]
    time_ns: Ints
    begin: Ints
    end: Ints
    said: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


def allocate(size: int) -> Out:
    """Columns in which nothing is known."""
    return Out(
        np.full((2, size), np.nan),
        np.full((len(FLOATS), size), np.nan, np.float32),
        np.full((len(SMALL), size), NONE, np.uint16),
        np.full(size, -1, np.int64),
        np.zeros(size, np.uint32),
        np.full(size, -1, np.int64),
        np.zeros((len(TEXTS), size), np.int64),
        np.zeros((len(TEXTS), size), np.int64),
        (np.zeros(len(FLOATS), np.bool_), np.zeros(len(SMALL) + 1, np.bool_), np.zeros(len(TEXTS), np.bool_)),
    )


# ---- bits and letters ----


@njit(cache=True, nogil=True)
def _packed(letters, low, high, words):  # type: ignore[no-untyped-def]
    """Armoured characters as words of 60 bits; false where one is no armour."""
    word, held, k, sound = np.int64(0), 0, 0, True
    for p in range(low, min(high, low + (_WORDS - 2) * 10)):
        value = np.int64(_VALUES[letters[p]])
        sound &= value < 64
        word = word << 6 | (value & 63)
        held += 6
        if held == BITS:
            words[k] = word
            k += 1
            word, held = np.int64(0), 0
    for p in range(low + (_WORDS - 2) * 10, high):
        sound &= _VALUES[letters[p]] < 64
    words[k] = word << (BITS - held)
    words[k + 1] = 0
    return sound


@njit(cache=True, nogil=True)
def _take(words, start, size):  # type: ignore[no-untyped-def]
    """So many bits (30 at most) from ``start`` on."""
    k = start // BITS
    room = BITS - (start - BITS * k) - size
    if room >= 0:
        return (words[k] >> room) & ((1 << size) - 1)
    return (words[k] & ((1 << (size + room)) - 1)) << -room | words[k + 1] >> (BITS + room)


@njit(cache=True, nogil=True)
def _signed(words, start, size):  # type: ignore[no-untyped-def]
    value = _take(words, start, size)
    return value - ((value >> (size - 1)) << size)


@njit(cache=True, nogil=True)
def _letters(words, start, most, text, at):  # type: ignore[no-untyped-def]
    """Six-bit characters up to the first @, without the blanks at their end, into ``text``: where they end."""
    end = at
    for k in range(most):
        value = _take(words, start + 6 * k, 6)
        if value == 0:
            break
        text[at + k] = value + 64 if value < 32 else value
        if value != 32:
            end = at + k + 1
    return end


@njit(cache=True, nogil=True)
def _two(text, at, value):  # type: ignore[no-untyped-def]
    text[at], text[at + 1] = 48 + value // 10, 48 + value % 10
    return at + 2


@njit(cache=True, nogil=True)
def _say(out, column, i, at, end):  # type: ignore[no-untyped-def]
    if end > at:
        out.begin[column, i], out.end[column, i] = at, end
        out.said[2][column] = True
    return end


# ---- fields ----


@njit(cache=True, nogil=True)
def _number(out, column, i, value, none):  # type: ignore[no-untyped-def]
    """A number that is unknown where it is ``none``."""
    if value != none:
        out.small[column, i] = value
        out.said[1][column] = True


@njit(cache=True, nogil=True)
def _float(out, column, i, value):  # type: ignore[no-untyped-def]
    out.floats[column, i] = value
    out.said[0][column] = True


@njit(cache=True, nogil=True)
def _position(out, i, east, north, steps):  # type: ignore[no-untyped-def]
    """Longitude and latitude in so many steps a degree, 181 and 91 degrees unknown; false where there are none such."""
    good = True
    if east != 181 * steps:
        if abs(east) <= 180 * steps:
            out.place[0, i] = east / steps
        else:
            good = False
    if north != 91 * steps:
        if abs(north) <= 90 * steps:
            out.place[1, i] = north / steps
        else:
            good = False
    return good


@njit(cache=True, nogil=True)
def _motion(words, out, i, speed, course, heading):  # type: ignore[no-untyped-def]
    """Speed of 0.1 kt, course of 0.1 degrees and heading from these bits on; a heading nowhere is -1."""
    good = True
    sog, cog = _take(words, speed, 10), _take(words, course, 12)
    if sog != 1023:
        _float(out, GS_KT, i, sog / 10.0)
    if cog < 3600:
        _float(out, TRACK_DEG, i, cog / 10.0)
    elif cog > 3600:
        good = False
    if heading >= 0:
        said = _take(words, heading, 9)
        if said < 360:
            _float(out, HEADING_DEG, i, said)
        elif said != 511:
            good = False
    return good


@njit(cache=True, nogil=True)
def _dimensions(words, out, i, start):  # type: ignore[no-untyped-def]
    """3.3.8.2.3.3: where only length and beam are known, A and C are 0, and B and D are these."""
    bow, stern = _take(words, start, 9), _take(words, start + 9, 9)
    port, starboard = _take(words, start + 18, 6), _take(words, start + 24, 6)
    whole = bow == 0 and port == 0 and stern > 0 and starboard > 0
    if bow + stern > 0:
        if not whole:
            _float(out, TO_BOW_M, i, bow)
        _float(out, TO_BOW_M + 1, i, stern)
    if port + starboard > 0:
        if not whole:
            _float(out, TO_BOW_M + 2, i, port)
        _float(out, TO_BOW_M + 3, i, starboard)


@njit(cache=True, nogil=True)
def _kind(mmsi, kind):  # type: ignore[no-untyped-def]
    """What sends messages of this type with that number."""
    if kind == 9 or mmsi // 1_000_000 == 111:
        return _AIRCRAFT
    if kind == 4 or kind == 21 or mmsi // 10_000_000 == 99:
        return _FIXED
    if mmsi // 1_000_000 == 972:  # man overboard
        return _PERSON
    if mmsi // 1_000_000 == 970 or mmsi // 1_000_000 == 974:  # beacons
        return _OTHER
    if mmsi < 10_000_000 and kind not in (1, 2, 3, 5, 18, 19, 24, 27):
        return _FIXED  # 00MID: a station on the coast
    return _VESSEL


@njit(cache=True, nogil=True)
def _days(year, month, day):  # type: ignore[no-untyped-def]
    """Days from 1970-01-01 in the Gregorian calendar, years counted from March."""
    y = year - 1 if month <= 2 else year
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return 365 * y + y // 4 - y // 100 + y // 400 + of_year - 719_468


@njit(cache=True, nogil=True)
def _own_time(words):  # type: ignore[no-untyped-def]
    """The date and time that message 4 or 11 gives in ns, -1 where it gives none."""
    year, month, day = _take(words, 38, 14), _take(words, 52, 4), _take(words, 56, 5)
    hour, minute, second = _take(words, 61, 5), _take(words, 66, 6), _take(words, 72, 6)
    if not (1970 <= year <= 2102 and 1 <= month <= 12 and 1 <= day <= 31):
        return np.int64(-1)
    if hour > 23 or minute > 59 or second > 59:
        return np.int64(-1)
    if day > 28:  # is there such a day?
        after = _days(year + 1, 1, 1) if month == 12 else _days(year, month + 1, 1)
        if _days(year, month, day) >= after:
            return np.int64(-1)
    return (_days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * _SECOND_NS


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _static(words, bits, kind, out, i, text, at):  # type: ignore[no-untyped-def]
    """Messages 5, 19, 21 and 24, but for what they say of the position: where their texts end."""
    epfd = 0
    if kind == 5:
        at = _say(out, CALLSIGN, i, at, _letters(words, 70, 7, text, at))
        at = _say(out, NAME, i, at, _letters(words, 112, 20, text, at))
        _number(out, _SHIP_TYPE, i, _take(words, 232, 8), 0)
        _dimensions(words, out, i, 240)
        epfd = _take(words, 270, 4)
        month, day = _take(words, 274, 4), _take(words, 278, 5)
        hour, minute = _take(words, 283, 5), _take(words, 288, 6)
        if 1 <= month <= 12 and day >= 1 and hour <= 23 and minute <= 59:
            begin = at
            at = _two(text, at, month)
            text[at] = 45
            at = _two(text, at + 1, day)
            text[at] = 84
            at = _two(text, at + 1, hour)
            text[at] = 58
            at = _say(out, ETA, i, begin, _two(text, at + 1, minute))
        draught = _take(words, 294, 8)
        if draught > 0:
            _float(out, DRAUGHT_M, i, draught / 10.0)
        at = _say(out, DESTINATION, i, at, _letters(words, 302, 20, text, at))
    elif kind == 19:
        at = _say(out, NAME, i, at, _letters(words, 143, 20, text, at))
        _number(out, _SHIP_TYPE, i, _take(words, 263, 8), 0)
        _dimensions(words, out, i, 271)
        epfd = _take(words, 301, 4)
    elif kind == 21:
        _number(out, _SHIP_TYPE, i, _take(words, 38, 5), 0)
        end = at
        full = True
        for k in range(20):
            full &= _take(words, 43 + 6 * k, 6) != 0
        if full:  # what does not fit stands at the end of the message
            more = min(14, (bits - 272) // 6)
            for k in range(20):
                value = _take(words, 43 + 6 * k, 6)
                text[at + k] = value + 64 if value < 32 else value
            end = at + 20
            if more > 0:
                end = _letters(words, 272, more, text, end)
            while end > at and text[end - 1] == 32:
                end -= 1
        else:
            end = _letters(words, 43, 20, text, at)
        at = _say(out, NAME, i, at, end)
        _dimensions(words, out, i, 219)
        epfd = _take(words, 249, 4)
    elif _take(words, 38, 2) == 0:
        at = _say(out, NAME, i, at, _letters(words, 40, 20, text, at))
    elif _take(words, 38, 2) == 1:
        _number(out, _SHIP_TYPE, i, _take(words, 40, 8), 0)
        at = _say(out, CALLSIGN, i, at, _letters(words, 90, 7, text, at))
        if _take(words, 8, 30) // 10_000_000 != 98:  # craft of a mother ship give its number instead
            _dimensions(words, out, i, 132)
        epfd = _take(words, 162, 4)
    _number(out, _EPFD, i, epfd, 0)
    return at


@njit(cache=True, nogil=True)
def _report(words, kind, time_ns, out, i):  # type: ignore[no-untyped-def]
    """What a message says of position and movement; false where a field holds what none may. Sets the time."""
    good, accurate, raim, second = True, -1, -1, 60
    if 1 <= kind <= 3:
        _number(out, _NAV_STATUS, i, _take(words, 38, 4), 15)
        turn = _signed(words, 42, 8)
        if -127 < turn < 127:  # beyond it only says that it turns
            root = turn / 4.733
            _float(out, ROT_DEGPMIN, i, root * abs(root))
        good &= _motion(words, out, i, 50, 116, 128)
        good &= _position(out, i, _signed(words, 61, 28), _signed(words, 89, 27), 600_000)
        _number(out, _MANOEUVRE, i, _take(words, 143, 2), 0)
        accurate, raim, second = 60, 148, _take(words, 137, 6)
    elif kind == 4 or kind == 11:
        good &= _position(out, i, _signed(words, 79, 28), _signed(words, 107, 27), 600_000)
        _number(out, _EPFD, i, _take(words, 134, 4), 0)
        accurate, raim, second = 78, 148, _take(words, 72, 6)
        if time_ns < 0:
            time_ns = _own_time(words)
    elif kind == 9:
        altitude, speed = _take(words, 38, 12), _take(words, 50, 10)
        if altitude != 4095:
            _float(out, ALT_MSL_FT, i, altitude / FT_M)
        good &= _motion(words, out, i, 50, 116, -1)
        if speed != 1023:  # in whole knots
            _float(out, GS_KT, i, speed)
        good &= _position(out, i, _signed(words, 61, 28), _signed(words, 89, 27), 600_000)
        accurate, raim, second = 60, 147, _take(words, 128, 6)
    elif kind == 18 or kind == 19:
        good &= _motion(words, out, i, 46, 112, 124)
        good &= _position(out, i, _signed(words, 57, 28), _signed(words, 85, 27), 600_000)
        accurate, raim, second = 56, 147 if kind == 18 else 305, _take(words, 133, 6)
    elif kind == 21:
        good &= _position(out, i, _signed(words, 164, 28), _signed(words, 192, 27), 600_000)
        accurate, raim, second = 163, 268, _take(words, 253, 6)
    elif kind == 27:
        _number(out, _NAV_STATUS, i, _take(words, 40, 4), 15)
        good &= _position(out, i, _signed(words, 44, 18), _signed(words, 62, 17), 600)
        speed, course = _take(words, 79, 6), _take(words, 85, 9)
        if speed != 63:
            _float(out, GS_KT, i, speed)
        if course < 360:
            _float(out, TRACK_DEG, i, course)
        elif course != 511:
            good = False
        accurate, raim = 38, 39
    if accurate >= 0:
        _number(out, _ACCURATE, i, _take(words, accurate, 1), -1)
        _number(out, _RAIM, i, _take(words, raim, 1), -1)
    out.time_ns[i] = _refined(time_ns, second)
    return good


@njit(cache=True, nogil=True)
def _message(words, bits, time_ns, out, i, text, at):  # type: ignore[no-untyped-def]
    """A whole message into row i: where its texts end. The status is left to the caller where it is unknown."""
    kind, mmsi = _take(words, 0, 6), _take(words, 8, 30)
    if bits < max(38, _LEAST[kind]) or (_MOST[kind] > 0 and bits > _MOST[kind]):
        out.small[_STATUS, i] = _MALFORMED
        return at
    if kind == 24 and _take(words, 38, 2) == 1 and bits < 162:
        out.small[_STATUS, i] = _MALFORMED
        return at
    good = _report(words, kind, time_ns, out, i)
    if kind == 5:
        imo = _take(words, 40, 30)
        good &= imo <= 999_999_999
        if 0 < imo <= 999_999_999:
            out.imo[i] = imo
            out.said[1][len(SMALL)] = True
    if kind == 5 or kind == 19 or kind == 21 or kind == 24:
        at = _static(words, bits, kind, out, i, text, at)
    good &= _named(mmsi, kind, out, i)
    if not good:
        out.small[_STATUS, i] = _OUT_OF_RANGE
    return at


@njit(cache=True, nogil=True)
def _named(mmsi, kind, out, i):  # type: ignore[no-untyped-def]
    """Who says it, in a message of this type; false where the number is none."""
    out.small[_TYPE, i] = kind
    if mmsi > 999_999_999:
        return False
    out.mmsi[i] = mmsi
    out.small[_KIND, i] = _kind(mmsi, kind)
    return True


# ---- sentences to messages ----


@njit(cache=True, nogil=True)
def _meant(row, station, slots, sentences):  # type: ignore[no-untyped-def]
    """The slot that a later fragment goes on with, the youngest of several; -1 where none does."""
    best = -1
    for k in range(_PENDING):
        if slots[k, _P_TOTAL] != row[nmea.TOTAL] or slots[k, _P_NEXT] != row[nmea.NUMBER]:
            continue
        if slots[k, _P_SEQUENCE] != row[nmea.SEQUENCE] or slots[k, _P_CHANNEL] != row[nmea.CHANNEL]:
            continue
        if slots[k, _P_TALKER] != row[nmea.TALKER] or sentences - slots[k, _P_LAST] > _FAR:
            continue
        if station != 0 and slots[k, _P_STATION] != 0 and station != slots[k, _P_STATION]:
            continue
        if row[nmea.GROUP] != 0 and slots[k, _P_GROUP] != 0 and row[nmea.GROUP] != slots[k, _P_GROUP]:
            continue
        if best < 0 or slots[k, _P_LAST] > slots[best, _P_LAST]:
            best = k
    return best


@njit(cache=True, nogil=True)
def _opened(row, station, slots, sentences):  # type: ignore[no-untyped-def]
    """A slot for a first fragment: that of the message it says is over, else a free one, else the oldest."""
    best = 0
    for k in range(_PENDING):
        if slots[k, _P_TOTAL] > 0:
            same = slots[k, _P_SEQUENCE] == row[nmea.SEQUENCE] and slots[k, _P_CHANNEL] == row[nmea.CHANNEL]
            same &= slots[k, _P_TALKER] == row[nmea.TALKER] and slots[k, _P_STATION] == station
            if same and slots[k, _P_GROUP] == row[nmea.GROUP]:
                best = k
                break
        if slots[best, _P_TOTAL] > 0 and (slots[k, _P_TOTAL] == 0 or slots[k, _P_LAST] < slots[best, _P_LAST]):
            best = k
    slot = slots[best]
    slot[_P_TOTAL], slot[_P_NEXT], slot[_P_SIZE] = row[nmea.TOTAL], 1, 0
    slot[_P_SEQUENCE], slot[_P_CHANNEL] = row[nmea.SEQUENCE], row[nmea.CHANNEL]
    slot[_P_TALKER], slot[_P_STATION], slot[_P_GROUP] = row[nmea.TALKER], station, row[nmea.GROUP]
    slot[_P_TIME], slot[_P_STATION_SIZE], slot[_P_VIA_SIZE] = -1, 0, 0
    return best


@njit(cache=True, nogil=True)
def _kept(data, low, high, room):  # type: ignore[no-untyped-def]
    """Keeps a text for the fragments that follow: its size. One that is too long is not kept."""
    if high - low > len(room):
        return 0
    for p in range(low, high):
        room[p - low] = data[p]
    return high - low


@njit(cache=True, nogil=True)
def _quoted(data, low, high, out, column, i, text, at):  # type: ignore[no-untyped-def]
    for p in range(low, high):
        text[at + p - low] = data[p]
    return _say(out, column, i, at, at + high - low)


@njit(cache=True, nogil=True)
def _settle(out, i):  # type: ignore[no-untyped-def]
    """The status of a message that nothing is the matter with, or less than a range."""
    status = out.small[_STATUS, i]
    if status == _MALFORMED:
        return
    if out.time_ns[i] > _HIGHEST_NS:
        out.time_ns[i] = -1
        out.small[_STATUS, i] = _OUT_OF_RANGE
    elif status == NONE:
        placed = not np.isnan(out.place[0, i]) and not np.isnan(out.place[1, i])
        out.small[_STATUS, i] = _NO_TIME if out.time_ns[i] < 0 else _OK if placed else _NO_POSITION


@njit(cache=True, nogil=True)
def read(data, found, time_ns, pending, out, text):  # type: ignore[no-untyped-def]
    """Sentences to rows of ``out``, and the text that their places are in.

    ``found`` (N, 16) as ``nmea.layout`` gives it, ``time_ns`` of each stamp, -1 where there is none. ``pending`` is
    changed; ``text`` is where the text may begin, and is given larger where it has to be.
    """
    slots, held, stations, ways, sentences = pending
    words, at = np.zeros(_WORDS, np.int64), 0
    for i in range(len(found)):
        row = found[i]
        sentences[0] += 1
        kind = row[nmea.KIND]
        if kind == nmea.BAD or kind == nmea.PARITY:
            out.small[_STATUS, i] = _MALFORMED if kind == nmea.BAD else _PARITY_FAILED
            continue
        size = row[nmea.STATION_END] - row[nmea.STATION] + row[nmea.TEXT_END] - row[nmea.TEXT]
        if at + size + 512 > len(text):
            wider = np.empty(2 * len(text) + size + 512, np.uint8)
            wider[:at] = text[:at]
            text = wider
        now, slot = time_ns[i], -1
        low, high = row[nmea.FROM], row[nmea.TO]
        if kind == nmea.OTHER:
            out.time_ns[i] = now
        elif row[nmea.TOTAL] == 1:
            bits = 6 * (high - low) - row[nmea.FILL]
            if _packed(data, low, high, words):
                at = _message(words, bits, now, out, i, text, at)
            else:
                out.small[_STATUS, i] = _MALFORMED
        else:
            station = nmea.hashed(data, row[nmea.STATION], row[nmea.STATION_END])
            first = row[nmea.NUMBER] == 1
            if first:
                # who sends it stands in the first seven characters
                if high - low < 7 or not _packed(data, low, high, words):
                    out.small[_STATUS, i] = _MALFORMED
                    continue
                slot = _opened(row, station, slots, sentences[0])
                slots[slot, _P_KIND], slots[slot, _P_MMSI] = _take(words, 0, 6), _take(words, 8, 30)
            else:
                slot = _meant(row, station, slots, sentences[0])
            if slot < 0:
                out.small[_STATUS, i] = _MALFORMED
                continue
            begin = slots[slot, _P_SIZE]
            if begin + high - low > _LONGEST or not _packed(data, low, high, words):
                slots[slot, _P_TOTAL] = 0
                out.small[_STATUS, i] = _MALFORMED
                continue
            for p in range(low, high):
                held[slot, begin + p - low] = data[p]
            slots[slot, _P_SIZE] = begin + high - low
            slots[slot, _P_NEXT] += 1
            slots[slot, _P_LAST] = sentences[0]
            if now >= 0:
                slots[slot, _P_TIME] = now
            now = slots[slot, _P_TIME]
            if station != 0:
                low, high = row[nmea.STATION], row[nmea.STATION_END]
                slots[slot, _P_STATION] = station
                slots[slot, _P_STATION_SIZE] = _kept(data, low, high, stations[slot])
            if row[nmea.TEXT_END] > row[nmea.TEXT]:
                slots[slot, _P_VIA_SIZE] = _kept(data, row[nmea.TEXT], row[nmea.TEXT_END], ways[slot])
            if row[nmea.GROUP] != 0:
                slots[slot, _P_GROUP] = row[nmea.GROUP]
            if row[nmea.NUMBER] < row[nmea.TOTAL]:
                out.time_ns[i] = now
                if not _named(slots[slot, _P_MMSI], slots[slot, _P_KIND], out, i):
                    out.small[_STATUS, i] = _OUT_OF_RANGE
            else:
                slots[slot, _P_TOTAL] = 0
                _packed(held[slot], 0, slots[slot, _P_SIZE], words)
                bits = 6 * slots[slot, _P_SIZE] - row[nmea.FILL]
                at = _message(words, bits, now, out, i, text, at)
        _settle(out, i)
        if out.small[_STATUS, i] == _MALFORMED:
            continue
        if row[nmea.STATION_END] > row[nmea.STATION]:
            at = _quoted(data, row[nmea.STATION], row[nmea.STATION_END], out, RECEIVER, i, text, at)
        elif slot >= 0:
            at = _quoted(stations[slot], 0, slots[slot, _P_STATION_SIZE], out, RECEIVER, i, text, at)
        if row[nmea.TEXT_END] > row[nmea.TEXT]:
            at = _quoted(data, row[nmea.TEXT], row[nmea.TEXT_END], out, VIA, i, text, at)
        elif slot >= 0:
            at = _quoted(ways[slot], 0, slots[slot, _P_VIA_SIZE], out, VIA, i, text, at)
    return text


@njit(cache=True, nogil=True)
def numbered(mmsi: Any, code: Any, distinct: Any) -> int:
    """Numbers equal MMSIs alike, from 1 on as they come, 0 for -1; ``distinct`` gets them. Gives how many there are."""
    size = 1024
    table = np.zeros(size, np.uint32)
    count = 0
    for i in range(len(mmsi)):
        if mmsi[i] < 0:
            code[i] = 0
            continue
        if 2 * count >= size:
            size *= 4
            table = np.zeros(size, np.uint32)
            for k in range(count):
                place = (distinct[k] * 40_503 ^ distinct[k] >> 11) & (size - 1)
                while table[place] > 0:
                    place = (place + 1) & (size - 1)
                table[place] = k + 1
        place = (mmsi[i] * 40_503 ^ mmsi[i] >> 11) & (size - 1)
        while table[place] > 0 and distinct[table[place] - 1] != mmsi[i]:
            place = (place + 1) & (size - 1)
        if table[place] == 0:
            distinct[count] = mmsi[i]
            count += 1
            table[place] = count
        code[i] = table[place]
    return count
