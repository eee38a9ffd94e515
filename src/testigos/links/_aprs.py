"""One kernel that reads lines of APRS-IS as the Open Glider Network writes them into columns.

A line is ``SENDER>TOCALL,path,qAS,RECEIVER:`` and then what is said. Text becomes spans of bytes, numbers become
values; NaN and -1 are unknown.

Source: APRS Protocol Reference 1.0.1, chapters 5 to 8 and 16; github.com/glidernet/ogn-aprs-protocol.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.kernels import kernel

__all__ = ["FL", "HMS", "NO_TIME", "STATION", "ZULU", "Lines", "read_lines"]

#: Forms of time: none, hours to seconds (``h``), day of the month to minutes (``z``).
NO_TIME, HMS, ZULU = range(3)

#: Where an object's name comes from: types of address of OGN, then of Naviter, then the sender's own name.
RANDOM, ICAO_TYPE, FLARM_TYPE, OGN_TYPE, NAVITER_TYPE, FANET_TYPE, STATION = range(7)

FL: Final = 100.0  #: feet in a flight level
_UNBOUNDED: Final = 63  # FLARM's accuracy has six bits: the highest means that or more
_LONGEST_NAME: Final = 20

_SPANS: Final = ("sender", "service", "receiver", "callsign", "registration", "model", "said")
_NUMBERS: Final = ("lat", "lon", "alt", "speed", "course", "climb", "turn", "level", "snr", "across", "upright")
_WHOLES: Final = ("form", "time", "scheme", "address", "flags", "category")


class Lines(NamedTuple):
    """Lines as columns: spans (2, N), numbers (N,) float64, whole numbers (N,) int64, and what they are.

    ``damaged``: no line of APRS; ``odd``: a field holds what it cannot; ``station``: a ground station of itself;
    ``weather``: a weather station. ``path``: where the path before the q-construct and that after the receiver begin
    and end (4, N). ``flags``: 1 stealth, 2 no tracking, 4 times the aircraft's type;
    -1 where no id is.
    """

    damaged: npt.NDArray[np.bool_]
    odd: npt.NDArray[np.bool_]
    station: npt.NDArray[np.bool_]
    weather: npt.NDArray[np.bool_]
    spans: npt.NDArray[np.int64]
    path: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.float64]
    wholes: npt.NDArray[np.int64]

    def span(self, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Where a text begins and ends; the same place where it is not said."""
        k = _SPANS.index(name)
        return self.spans[k, 0], self.spans[k, 1]

    def number(self, name: str) -> npt.NDArray[np.float64]:
        """A number of every line."""
        return np.asarray(self.numbers[_NUMBERS.index(name)])

    def whole(self, name: str) -> npt.NDArray[np.int64]:
        """A whole number of every line."""
        return np.asarray(self.wholes[_WHOLES.index(name)])


def read_lines(data: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]) -> Lines:
    """The lines ``data[start:stop]`` as columns."""
    count = len(start)
    made = Lines(
        np.zeros(count, np.bool_),
        np.zeros(count, np.bool_),
        np.zeros(count, np.bool_),
        np.zeros(count, np.bool_),
        np.zeros((len(_SPANS), 2, count), np.int64),
        np.zeros((4, count), np.int64),
        np.full((len(_NUMBERS), count), np.nan),
        np.zeros((len(_WHOLES), count), np.int64),
    )
    made.whole("flags")[:] = -1
    made.whole("category")[:] = -1
    _read(data, start, stop, *made)
    return made


# Places in the arrays, as the names above have them.
_SENDER, _SERVICE, _RECEIVER, _CALLSIGN, _REGISTRATION, _MODEL, _SAID = range(len(_SPANS))
_LAT, _LON, _ALT, _SPEED, _COURSE, _CLIMB, _TURN, _LEVEL, _SNR, _ACROSS, _UPRIGHT = range(len(_NUMBERS))
_FORM, _TIME, _SCHEME, _ADDRESS, _FLAGS, _CATEGORY = range(len(_WHOLES))


@kernel
def _whole(data, at, size):  # type: ignore[no-untyped-def]
    """So many digits as a number; -1 where there are other bytes."""
    value = 0
    for k in range(at, at + size):
        if not 48 <= data[k] <= 57:
            return -1
        value = value * 10 + (int(data[k]) - 48)
    return value


@kernel
def _hex(data, at, size):  # type: ignore[no-untyped-def]
    """So many hexadecimal digits as a number; -1 where there are other bytes."""
    value = np.int64(0)
    for k in range(at, at + size):
        c = int(data[k])
        if 48 <= c <= 57:
            digit = c - 48
        elif 65 <= c <= 70:
            digit = c - 55
        elif 97 <= c <= 102:
            digit = c - 87
        else:
            return np.int64(-1)
        value = (value << 4) | digit
    return value


@kernel
def _decimal(data, low, high):  # type: ignore[no-untyped-def]
    """A number with sign and point; NaN where it is none, or has more than 12 bytes."""
    if high <= low or high - low > 12:
        return np.nan
    negative = data[low] == 45
    if negative or data[low] == 43:
        low += 1
    value, scale, digits, point = 0.0, 1.0, 0, False
    for k in range(low, high):
        c = data[k]
        if 48 <= c <= 57:
            value = value * 10.0 + (int(c) - 48)
            digits += 1
            if point:
                scale *= 10.0
        elif c == 46 and not point:
            point = True
        else:
            return np.nan
    if digits == 0:
        return np.nan
    return -(value / scale) if negative else value / scale


@njit(cache=True, nogil=True, inline="always")
def _ends(data, low, high, a, b, c):  # type: ignore[no-untyped-def]
    return high - low > 3 and data[high - 3] == a and data[high - 2] == b and data[high - 1] == c


@kernel
def _plain(data, low, high):  # type: ignore[no-untyped-def]
    """Printable ASCII without blanks?"""
    good = True
    for k in range(low, high):
        good &= 33 <= data[k] <= 126
    return good


@kernel
def _is_name(data, low, high, a, b, c):  # type: ignore[no-untyped-def]
    """Three letters and six hexadecimal digits?"""
    return (
        high - low == 9 and data[low] == a and data[low + 1] == b and data[low + 2] == c and _hex(data, low + 3, 6) >= 0
    )


@kernel
def _header(data, low, high, i, spans, path):  # type: ignore[no-untyped-def]
    """Reads up to the colon: where it stands (-1: there is none), and whether the sender speaks for itself."""
    at = low
    while at < high and data[at] != 62:
        if not 33 <= data[at] <= 126 or data[at] == 44 or data[at] == 58:
            return -1, False
        at += 1
    if at == low or at >= high or at - low > _LONGEST_NAME:
        return -1, False
    spans[_SENDER, 0, i], spans[_SENDER, 1, i] = low, at
    at += 1
    field, construct, itself = 0, -1, False
    while True:
        begin = at
        while at < high and data[at] != 44 and data[at] != 58:
            if not 33 <= data[at] <= 126:
                return -1, False
            at += 1
        if at >= high:
            return -1, False
        if field == 0:
            if at == begin:
                return -1, False
            spans[_SERVICE, 0, i], spans[_SERVICE, 1, i] = begin, at
            path[0, i] = path[1, i] = at
        elif construct >= 0:
            if field == construct + 1:
                spans[_RECEIVER, 0, i], spans[_RECEIVER, 1, i] = begin, at
                path[2, i] = path[3, i] = at
            else:
                path[3, i] = at
        elif at - begin == 3 and data[begin] == 113:  # q, and two letters
            construct = field
            itself = data[begin + 1] == 65 and data[begin + 2] == 67  # qAC: the client itself, verified
        else:
            path[1, i] = at
        if data[at] == 58:
            return at, itself
        at += 1
        field += 1


@kernel
def _moment(data, at, high, i, wholes):  # type: ignore[no-untyped-def]
    """A time of seven bytes: whether there is one, and whether it can be. Chapter 6."""
    if high - at < 7:
        return False, True
    form = data[at + 6]
    if form != 104 and form != 122 and form != 47:
        return False, True
    a, b, c = _whole(data, at, 2), _whole(data, at + 2, 2), _whole(data, at + 4, 2)
    if a < 0 or b < 0 or c < 0:
        return False, True
    if form == 104:  # h
        if a > 23 or b > 59 or c > 59:
            return True, False
        wholes[_FORM, i], wholes[_TIME, i] = HMS, (a * 60 + b) * 60 + c
    elif form == 122:  # z
        if not 1 <= a <= 31 or b > 23 or c > 59:
            return True, False
        wholes[_FORM, i], wholes[_TIME, i] = ZULU, (a * 24 + b) * 60 + c
    return True, True  # local time, after a slash, is of nobody knows which zone


@kernel
def _place(data, at, high, i, numbers):  # type: ignore[no-untyped-def]
    """A position of 19 bytes with its two symbols: whether there is one, and whether it can be. Chapter 8."""
    if high - at < 19 or data[at + 4] != 46 or data[at + 14] != 46:
        return False, True
    north, east = data[at + 7], data[at + 17]
    if (north != 78 and north != 83) or (east != 69 and east != 87):
        return False, True
    a, b, c = _whole(data, at, 2), _whole(data, at + 2, 2), _whole(data, at + 5, 2)
    d, e, f = _whole(data, at + 9, 3), _whole(data, at + 12, 2), _whole(data, at + 15, 2)
    if a < 0 or b < 0 or c < 0 or d < 0 or e < 0 or f < 0:
        return False, True
    if b > 59 or e > 59:
        return True, False
    # in thousandths of a minute, so that a third digit can follow
    numbers[_LAT, i] = (a * 60 + b) * 1000 + c * 10
    numbers[_LON, i] = (d * 60 + e) * 1000 + f * 10
    return True, True


@kernel
def _extension(data, at, high, i, numbers):  # type: ignore[no-untyped-def]
    """Course and speed: where what follows begins. Three digits each; some write fewer for the course."""
    size = 0
    while size < 3 and at + size < high and 48 <= data[at + size] <= 57:
        size += 1
    if size == 0 or at + size + 4 > high or data[at + size] != 47:
        return at
    speed = _whole(data, at + size + 1, 3)
    if speed < 0:
        return at
    course = _whole(data, at, size)
    # 000 is no course, and 000/000 no speed either
    if course > 0:
        numbers[_COURSE, i] = course
    if course > 0 or speed > 0:
        numbers[_SPEED, i] = speed
    return at + size + 4


@kernel
def _altitude(data, at, high, i, numbers):  # type: ignore[no-untyped-def]
    """``/A=`` and six bytes: where what follows begins, and whether it can be."""
    if high - at < 3 or data[at] != 47 or data[at + 1] != 65 or data[at + 2] != 61:
        return at, True
    end = at + 3
    while end < high and end < at + 9 and (48 <= data[end] <= 57 or data[end] == 45):
        end += 1
    value = _decimal(data, at + 3, end)
    if end != at + 9 or np.isnan(value):
        return end, False
    numbers[_ALT, i] = value
    return end, True


@kernel
def _identity(data, low, high, i, wholes):  # type: ignore[no-untyped-def]
    """``id`` and 8 digits (OGN), or 10 (Naviter: 16 bits before the address). Other sizes are names of other nets."""
    digits = high - low - 2
    if digits != 8 and digits != 10:
        return
    value = _hex(data, low + 2, digits)
    if value < 0:
        return
    address, head = value & 0xFFFFFF, value >> 24
    if digits == 8:
        scheme, kind = head & 3, head >> 2 & 15
    else:
        scheme, kind = head >> 4 & 63, head >> 10 & 15
        head >>= 8
    wholes[_FLAGS, i] = (head >> 7 & 1) | (head >> 6 & 1) << 1 | kind << 2
    if address:
        wholes[_ADDRESS, i] = address
        wholes[_SCHEME, i] = scheme if scheme < STATION else RANDOM


@kernel
def _fine(data, low, high, i, numbers):  # type: ignore[no-untyped-def]
    """``!W12!``: third digits of the minutes of latitude and longitude."""
    if high - low == 5 and data[low + 1] == 87 and data[high - 1] == 33:
        a, b = _whole(data, low + 2, 1), _whole(data, low + 3, 1)
        if a >= 0 and b >= 0:
            numbers[_LAT, i] += a
            numbers[_LON, i] += b
            return True
    return False


@kernel
def _accuracy(data, low, high, i, numbers):  # type: ignore[no-untyped-def]
    """``gps4x6``: horizontal and vertical, in metres; 0 and 63 (or more) say nothing."""
    middle = low + 3
    while middle < high and data[middle] != 120:
        middle += 1
    across, upright = _decimal(data, low + 3, middle), _decimal(data, middle + 1, high)
    if np.isnan(across) or np.isnan(upright):
        return False
    if 0 < across < _UNBOUNDED:
        numbers[_ACROSS, i] = across
    if 0 < upright < _UNBOUNDED:
        numbers[_UPRIGHT, i] = upright
    return True


@kernel
def _name(data, low, high, i, which, spans):  # type: ignore[no-untyped-def]
    if high > low and _plain(data, low, high):
        spans[which, 0, i], spans[which, 1, i] = low, high


@kernel
def _glued(data, low, high):  # type: ignore[no-untyped-def]
    """The header of another line, run into this one?"""
    after = False
    for k in range(low, high - 1):
        if data[k] == 62 and k > low:
            after = True
        elif after and data[k] == 58 and (data[k + 1] == 47 or data[k + 1] == 62):
            return True
    return False


@kernel
def _word(data, low, high, i, spans, numbers, wholes):  # type: ignore[no-untyped-def]
    """One word of an aircraft's comment; false where it begins like one that is known and cannot be read."""
    c = data[low]
    if c == 33:  # !
        return _fine(data, low, high, i, numbers)
    if c == 105 and high - low > 2 and data[low + 1] == 100:  # id
        _identity(data, low, high, i, wholes)
        return True
    if c == 70 and high - low > 2 and data[low + 1] == 76 and 45 <= data[low + 2] <= 57:  # FL
        numbers[_LEVEL, i] = _decimal(data, low + 2, high)
        return not np.isnan(numbers[_LEVEL, i])
    if c == 103 and high - low > 3 and data[low + 1] == 112 and data[low + 2] == 115:  # gps
        return _accuracy(data, low, high, i, numbers)
    if c == 102 and data[low + 1] == 110 and high - low > 2:  # fn, sometimes with a category
        low += 2
        if high - low > 3 and data[low + 2] == 58 and 65 <= data[low] <= 68 and 48 <= data[low + 1] <= 55:
            wholes[_CATEGORY, i] = (int(data[low]) - 65) * 8 + int(data[low + 1]) - 48
            low += 3
        _name(data, low, high, i, _CALLSIGN, spans)
        return True
    if c == 114 and high - low > 3 and data[low + 1] == 101 and data[low + 2] == 103:  # reg
        _name(data, low + 3, high, i, _REGISTRATION, spans)
        return True
    if c == 109 and high - low > 5 and data[low + 1] == 111 and data[low + 2] == 100 and data[low + 3] == 101:  # model
        _name(data, low + 5, high, i, _MODEL, spans)
        return True
    if 43 <= c <= 57:  # a sign or a digit
        if _ends(data, low, high, 102, 112, 109):  # fpm
            numbers[_CLIMB, i] = _decimal(data, low, high - 3)
            return not np.isnan(numbers[_CLIMB, i])
        if _ends(data, low, high, 114, 111, 116):  # rot
            numbers[_TURN, i] = _decimal(data, low, high - 3)
            return not np.isnan(numbers[_TURN, i])
        if high - low > 2 and data[high - 2] == 100 and data[high - 1] == 66:  # dB
            numbers[_SNR, i] = _decimal(data, low, high - 2)
            return not np.isnan(numbers[_SNR, i])
    return True


@kernel
def _by_sender(data, low, high, i, wholes):  # type: ignore[no-untyped-def]
    """The address that the sender's name has, where no id says one."""
    scheme = STATION
    if _is_name(data, low, high, 73, 67, 65):  # ICA
        scheme = ICAO_TYPE
    elif _is_name(data, low, high, 70, 76, 82):  # FLR
        scheme = FLARM_TYPE
    elif _is_name(data, low, high, 79, 71, 78):  # OGN
        scheme = OGN_TYPE
    elif _is_name(data, low, high, 82, 78, 68):  # RND
        scheme = RANDOM
    elif _is_name(data, low, high, 70, 78, 84):  # FNT
        scheme = FANET_TYPE
    elif _is_name(data, low, high, 78, 65, 86):  # NAV
        scheme = NAVITER_TYPE
    wholes[_SCHEME, i] = scheme
    if scheme != STATION:
        wholes[_ADDRESS, i] = _hex(data, low + 3, 6)


@kernel
def _read(data, start, stop, damaged, odd, station, weather, spans, path, numbers, wholes):  # type: ignore[no-untyped-def]
    for i in range(len(start)):
        low, high = start[i], stop[i]
        colon, itself = _header(data, low, high, i, spans, path)
        if colon < 0 or colon + 1 >= high:
            damaged[i] = True
            continue
        wholes[_SCHEME, i] = -1
        at = colon + 2
        kind = data[colon + 1]
        if kind == 62:  # > status
            there, good = _moment(data, at, high, i, wholes)
            at += 7 if there else 0
            odd[i] = not good
        elif kind == 47 or kind == 64 or kind == 33 or kind == 61:  # / @ with a time, ! = without
            if kind == 47 or kind == 64:
                there, good = _moment(data, at, high, i, wholes)
                if not there:
                    damaged[i] = True
                    continue
                odd[i] = not good
                at += 7
            there, good = _place(data, at, high, i, numbers)
            if not there:
                damaged[i] = True
                continue
            odd[i] |= not good
            south, west, symbol = data[at + 7] == 83, data[at + 17] == 87, data[at + 18]
            at += 19
            if symbol == 95:  # _ is a weather station: course and speed are the wind's
                weather[i] = True
            else:
                at = _extension(data, at, high, i, numbers)
            at, good = _altitude(data, at, high, i, numbers)
            odd[i] |= not good
            spans[_SAID, 0, i] = at
            while at < high:
                if data[at] == 32 or data[at] == 9:
                    at += 1
                    continue
                begin = at
                while at < high and data[at] != 32 and data[at] != 9:
                    at += 1
                if not _word(data, begin, at, i, spans, numbers, wholes):
                    odd[i] |= not itself
                if not itself and _glued(data, begin, at):
                    damaged[i] = True
            if south:
                numbers[_LAT, i] = -numbers[_LAT, i]
            if west:
                numbers[_LON, i] = -numbers[_LON, i]
            numbers[_LAT, i] /= 60_000.0
            numbers[_LON, i] /= 60_000.0
            at = spans[_SAID, 0, i]
        station[i] = itself and wholes[_FLAGS, i] < 0
        if station[i]:  # its comment is free text
            numbers[_CLIMB:, i] = np.nan
            wholes[_CATEGORY, i] = -1
            for k in (_CALLSIGN, _REGISTRATION, _MODEL):
                spans[k, :, i] = 0
        if wholes[_SCHEME, i] < 0:
            if station[i]:
                wholes[_SCHEME, i] = STATION
            else:
                _by_sender(data, spans[_SENDER, 0, i], spans[_SENDER, 1, i], i, wholes)
        if kind != 62 and not station[i]:
            at = high  # what an aircraft says is in columns
        while at < high and (data[at] == 32 or data[at] == 9):
            at += 1
        spans[_SAID, 0, i], spans[_SAID, 1, i] = at, high
