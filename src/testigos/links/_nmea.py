"""Sentences of NMEA 0183 with what stands around them: tag blocks, and the stamps of loggers.

Source: IEC 61162-1 and NMEA 0183 version 4.10 (sentences, tag blocks), IEC 62320-1 (its keys for tag blocks), as far
as https://gpsd.gitlab.io/gpsd/AIVDM.html describes them.
"""

from typing import Final

import numpy as np
from numba import njit

from testigos.kernels import kernel
from testigos.links._text import bytes_of
from testigos.registry import Frames
from testigos.registry import frames as make_frames

__all__ = [
    "AIS", "BAD", "CHANNEL", "FILL", "FROM", "GROUP", "KIND", "LONGEST", "NUMBER", "OTHER", "PARITY", "SEQUENCE",
    "STAMP", "STAMP_END", "STATION", "STATION_END", "TALKER", "TEXT", "TEXT_END", "TO", "TOTAL", "WIDTH",
    "hashed", "layout", "split_sentences",
]  # fmt: skip

LONGEST: Final = 1024  #: bytes without a line's end are cut into frames of this length

#: What a frame is: no sentence, one whose checksum fails, one that is not of AIS or is empty, one of AIS.
BAD, PARITY, OTHER, AIS = range(4)

#: What ``layout`` finds in a frame. Places are in the buffer; a pair of equal ones is a field that is not there.
(
    KIND, FROM, TO, FILL, TOTAL, NUMBER, SEQUENCE, CHANNEL, TALKER, STAMP, STAMP_END, STATION, STATION_END, TEXT,
    TEXT_END, GROUP,
) = range(16)  # fmt: skip
WIDTH: Final = 16

_BANG, _DOLLAR, _STAR, _COMMA, _COLON, _BACKSLASH, _HASH = 33, 36, 42, 44, 58, 92, 35


@njit(cache=True, nogil=True, inline="always")
def _hex(c):  # type: ignore[no-untyped-def]
    """The value of a hexadecimal digit; -1 of anything else."""
    if 48 <= c <= 57:
        return int(c) - 48
    if 65 <= c <= 70:
        return int(c) - 55
    if 97 <= c <= 102:
        return int(c) - 87
    return -1


@kernel
def hashed(data, low, high):  # type: ignore[no-untyped-def]
    """A number for a text, 0 for none; below 2^56."""
    if high <= low:
        return np.int64(0)
    h = np.int64(1)
    for p in range(low, high):
        h = (h * 131 + np.int64(data[p])) & 0xFFFFFFFFFFFF
    return h + 1


# ---- framing ----


def split_sentences(buffer: bytes, final: bool) -> tuple[Frames, bytes]:
    """A frame a line; a sentence that follows another's checksum on its line is a frame of its own.

    Lines that begin with # are context.

    >>> found, rest = split_sentences(b"!A*00\\r\\n#x\\n!A*11!B*22\\n!C", False)
    >>> found.start.tolist(), found.stop.tolist(), found.context.tolist(), rest
    ([0, 7, 10, 15], [5, 9, 15, 20], [False, True, False, False], b'!C')
    """
    most = len(buffer) // 2 + 2
    start, stop, context = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.bool_)
    count, used = _split(bytes_of(buffer), final, start, stop, context)
    return make_frames(buffer, start[:count].copy(), stop[:count].copy(), context[:count].copy()), buffer[used:]


@kernel
def _split(data, final, start, stop, context):  # type: ignore[no-untyped-def]
    n, at, count, used = len(data), 0, 0, 0
    while at < n:
        c = data[at]
        if c == 10 or c == 13 or c == 32 or c == 9:
            at += 1
            used = at
            continue
        begin, most, tag, done = at, min(n, at + LONGEST), False, False
        while at < most:
            c = data[at]
            if c < 37 or c == _BACKSLASH:
                if c == 10:
                    done = True
                    break
                if c in (_BANG, _DOLLAR, _BACKSLASH):
                    ended = at - begin >= 3 and data[at - 3] == _STAR
                    if not tag and ended and _hex(data[at - 2]) >= 0 and _hex(data[at - 1]) >= 0:
                        done = True
                        break
                    if c == _BACKSLASH:
                        tag = not tag
            at += 1
        if not done and not final and at - begin < LONGEST:
            break
        end = at
        while data[end - 1] == 13 or data[end - 1] == 32 or data[end - 1] == 9:
            end -= 1
        start[count], stop[count], context[count] = begin, end, data[begin] == _HASH
        count += 1
        used = at
    return count, used


# ---- fields ----


@kernel
def layout(data, start, stop, found):  # type: ignore[no-untyped-def]
    """What is where in frames into ``found`` (N, 16) of zeros, columns as named in this module.

    A tag block whose checksum does not hold says nothing. ``SEQUENCE`` is -1 where empty, ``GROUP`` a number for the
    identity of the tag block's group, 0 without. The stamp is that of the tag block (c), else what stands before the
    sentence, else the last of the values after it; the station that of the tag block (s), else a value after the
    sentence that begins with r or b (U. S. Coast Guard).
    """
    for i in range(len(start)):
        found[i, KIND] = _frame(data, start[i], stop[i], found, i)


@njit(cache=True, nogil=True, inline="always")
def _holds(data, low, star):  # type: ignore[no-untyped-def]
    """Is the checksum of the bytes from ``low`` on what stands after the *?"""
    first, second, total = _hex(data[star + 1]), _hex(data[star + 2]), np.uint8(0)
    for c in data[low:star]:
        total ^= c
    return first >= 0 and second >= 0 and 16 * first + second == np.int64(total)


@kernel
def _tag_block(data, low, high, found, i):  # type: ignore[no-untyped-def]
    """The values of a tag block, given without its backslashes; false where its checksum does not hold."""
    star = high - 3
    if star < low or data[star] != _STAR:
        return False
    if not _holds(data, low, star):
        return False
    at = low
    while at < star:
        end = at
        while end < star and data[end] != _COMMA:
            end += 1
        colon = at
        while colon < end and data[colon] != _COLON:
            colon += 1
        if colon - at == 1 and colon < end:
            key = data[at]
            if key == 99:  # c
                found[i, STAMP], found[i, STAMP_END] = colon + 1, end
            elif key == 115:  # s
                found[i, STATION], found[i, STATION_END] = colon + 1, end
            elif key == 116 or key == 105:  # t, i
                found[i, TEXT], found[i, TEXT_END] = colon + 1, end
            elif key == 103:  # g: number-total-identity
                p, dashes = colon + 1, 0
                while p < end and dashes < 2:
                    if data[p] == 45:
                        dashes += 1
                    p += 1
                found[i, GROUP] = hashed(data, p, end)
        elif colon - at == 3 and colon < end and data[at + 1] == 71:  # IEC 62320-1 writes 1G2:identity
            found[i, GROUP] = hashed(data, colon + 1, end)
        at = end + 1
    return True


@njit(cache=True, nogil=True, inline="always")
def _edge(c):  # type: ignore[no-untyped-def]
    """Is the byte one that stands between a stamp and other things: blanks, brackets, quotes, , ; | < >"""
    return c <= 32 or c in (34, 39, 40, 41, 44, 59, 60, 62, 91, 93, 123, 124, 125)


@njit(cache=True, nogil=True, inline="always")
def _trimmed(data, low, high):  # type: ignore[no-untyped-def]
    while low < high and _edge(data[low]):
        low += 1
    while high > low and _edge(data[high - 1]):
        high -= 1
    return low, high


@kernel
def _after(data, low, high, found, i):  # type: ignore[no-untyped-def]
    """The values after a sentence, with commas between."""
    at, last = low, low
    while at < high:
        end = at
        while end < high and data[end] != _COMMA:
            end += 1
        if end - at > 1 and found[i, STATION_END] == found[i, STATION] and (data[at] == 114 or data[at] == 98):  # r, b
            found[i, STATION], found[i, STATION_END] = at, end
        last = at
        at = end + 1
    if found[i, STAMP_END] == found[i, STAMP]:
        found[i, STAMP], found[i, STAMP_END] = _trimmed(data, last, high)


@njit(cache=True, nogil=True, inline="always")
def _small(data, at):  # type: ignore[no-untyped-def]
    """A digit that a comma follows; -1 where there is none."""
    if 48 <= data[at] <= 57 and data[at + 1] == _COMMA:
        return int(data[at]) - 48
    return -1


@kernel
def _fields(data, at, star, found, i):  # type: ignore[no-untyped-def]
    """The fields of a sentence from its ! to its *: what it is."""
    if star - at < 6 or data[at] != _BANG or data[at + 3] != 86 or data[at + 4] != 68:  # V, D
        return OTHER
    if data[at + 5] != 77 and data[at + 5] != 79:  # M, O
        return OTHER
    if star - at < 15 or data[at + 6] != _COMMA:  # the least is !AIVDM,1,1,,,,0
        return BAD
    found[i, TALKER] = np.int64(data[at + 1]) << 16 | np.int64(data[at + 2]) << 8 | np.int64(data[at + 5])
    total, number = _small(data, at + 7), _small(data, at + 9)
    if number < 1 or number > total:
        return BAD
    at += 11
    found[i, TOTAL], found[i, NUMBER], found[i, SEQUENCE] = total, number, -1
    if data[at] != _COMMA:
        found[i, SEQUENCE] = _small(data, at)
        if found[i, SEQUENCE] < 0:
            return BAD
        at += 1
    at += 1
    if at >= star:
        return BAD
    if data[at] != _COMMA:
        found[i, CHANNEL] = np.int64(data[at])
        at += 1
    if at >= star or data[at] != _COMMA:
        return BAD
    at += 1
    # the last field is the number of fill bits
    fill = int(data[star - 1]) - 48
    if at > star - 2 or data[star - 2] != _COMMA or not 0 <= fill <= 5:
        return BAD
    found[i, FROM], found[i, TO], found[i, FILL] = at, star - 2, fill
    if found[i, FROM] == found[i, TO] and total == 1:
        return OTHER  # receivers write such of slots in which they understood nothing
    return AIS


@kernel
def _frame(data, low, high, found, i):  # type: ignore[no-untyped-def]
    at = low
    while at < high and data[at] != _BANG and data[at] != _DOLLAR and data[at] != _BACKSLASH:
        at += 1
    before, blocks, sound = at, 0, False
    while at < high and data[at] == _BACKSLASH:
        end = at + 1
        while end < high and data[end] != _BACKSLASH:
            end += 1
        if end >= high:
            return BAD
        sound = _tag_block(data, at + 1, end, found, i)
        blocks += 1
        at = end + 1
    if at >= high:
        return OTHER if blocks > 0 and sound else BAD
    if data[at] != _BANG and data[at] != _DOLLAR:
        return BAD
    star = high - 3
    if star <= at or data[star] != _STAR:  # something stands after the sentence
        star = at + 1
        while star < high and data[star] != _STAR:
            star += 1
        if star + 2 >= high:
            return BAD
    if _hex(data[star + 1]) < 0 or _hex(data[star + 2]) < 0 or (star + 3 < high and not _edge(data[star + 3])):
        return BAD
    if not _holds(data, at + 1, star):
        return PARITY
    if found[i, STAMP_END] == found[i, STAMP] and before > low:
        found[i, STAMP], found[i, STAMP_END] = _trimmed(data, low, before)
    if star + 3 < high:
        _after(data, star + 3, high, found, i)
    return _fields(data, at, star, found, i)
