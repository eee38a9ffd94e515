"""Messages of AIS, put together from sentences, as columns.

Source: IEC 61162-1 (sentences of a message); ITU-R M.1371-5, annex 2, 3.3.7 (its length).
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.kernels import kernel
from testigos.links import _nmea as nmea
from testigos.links._ais_fields import (
    FLOATS,
    KIND,
    RECEIVER,
    SMALL,
    TEXTS,
    TYPE,
    VIA,
    WHERE,
    WORDS,
    packed,
    report,
    sender,
    sized,
    static,
    take,
)  # fmt: skip
from testigos.schema import STATUSES

__all__ = ["FLOATS", "SMALL", "TEXTS", "WHERE", "Out", "Pending", "allocate", "fresh", "numbered", "read"]

Ints = npt.NDArray[np.int64]

_OK, _NO_POSITION, _MALFORMED, _OUT_OF_RANGE, _NO_TIME, _PARITY_FAILED = (
    STATUSES.index(name) for name in ("ok", "no_position", "malformed", "out_of_range", "no_time", "parity_failed")
)
_HIGHEST_NS: Final = 4_200_000_000_000_000_000
_LONGEST: Final = 340  # characters of a message that is put together
_PENDING: Final = 32
_FAR: Final = 1_000  # sentences between those of one message
_STATION, _VIA = 64, 192  # bytes of the texts of a tag block that a message keeps


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
    """Columns of N messages. ``place`` (2, N) is longitude and latitude; ``span`` (N, 6, 2) is where texts begin and
    end in what ``read`` gives; ``mmsi`` is -1 where unknown, ``status`` a place in ``STATUSES``; ``types`` (64) counts
    messages of each type.
    """

    place: npt.NDArray[np.float64]
    floats: npt.NDArray[np.float32]
    small: npt.NDArray[np.float32]
    mmsi: Ints
    imo: npt.NDArray[np.float64]
    status: npt.NDArray[np.uint32]
    time_ns: Ints
    span: npt.NDArray[np.int64]
    types: Ints


def allocate(size: int) -> Out:
    """Columns in which nothing is known."""
    return Out(
        np.full((2, size), np.nan),
        np.full((len(FLOATS), size), np.nan, np.float32),
        np.full((len(SMALL), size), np.nan, np.float32),
        np.full(size, -1, np.int64),
        np.full(size, np.nan),
        np.full(size, _OK, np.uint32),
        np.full(size, -1, np.int64),
        np.zeros((size, len(TEXTS), 2), np.int64),
        np.zeros(64, np.int64),
    )


# ---- sentences to messages ----


@kernel
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


@kernel
def _opened(row, station, slots):  # type: ignore[no-untyped-def]
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


@kernel
def _copied(data, low, high, to, at):  # type: ignore[no-untyped-def]
    for p in range(low, high):
        to[at + p - low] = data[p]
    return at + high - low


@kernel
def _joined(data, row, time_ns, words, pending, sentences):  # type: ignore[no-untyped-def]
    """A sentence of several into the slot of its message; gives that, -1 where it belongs to none or is damaged."""
    slots, held, stations, ways = pending
    low, high = row[nmea.FROM], row[nmea.TO]
    station = nmea.hashed(data, row[nmea.STATION], row[nmea.STATION_END])
    sound = packed(data, low, high, words)
    if row[nmea.NUMBER] == 1:
        if not sound or high - low < 7:  # who sends it stands in the first seven characters
            return -1
        k = _opened(row, station, slots)
        slots[k, _P_KIND], slots[k, _P_MMSI] = take(words, 0, 6), take(words, 8, 30)
    else:
        k = _meant(row, station, slots, sentences)
        if k < 0:
            return -1
    slot = slots[k]
    if not sound or slot[_P_SIZE] + high - low > _LONGEST:
        slot[_P_TOTAL] = 0
        return -1
    slot[_P_SIZE] = _copied(data, low, high, held[k], slot[_P_SIZE])
    slot[_P_NEXT] += 1
    slot[_P_LAST] = sentences
    if time_ns >= 0:
        slot[_P_TIME] = time_ns
    if row[nmea.GROUP] != 0:
        slot[_P_GROUP] = row[nmea.GROUP]
    low, high = row[nmea.STATION], row[nmea.STATION_END]
    if high > low:
        slot[_P_STATION], slot[_P_STATION_SIZE] = station, 0
        if high - low <= _STATION:
            slot[_P_STATION_SIZE] = _copied(data, low, high, stations[k], 0)
    low, high = row[nmea.TEXT], row[nmea.TEXT_END]
    if high > low and high - low <= _VIA:
        slot[_P_VIA_SIZE] = _copied(data, low, high, ways[k], 0)
    return k


@njit(cache=True, nogil=True)
def read(data, found, stamps, pending, out, first, text, at):  # type: ignore[no-untyped-def]
    """Sentences to rows of ``out`` from ``first`` on; gives the text that their places are in, and its size.

    ``found`` (N, 16) as ``nmea.layout`` gives it, ``stamps`` (N,) the time of each in ns, -1 where there is none.
    ``pending`` is changed; ``text`` goes on at ``at``, and is given larger where it has to be.
    """
    slots, held, stations, ways, count = pending
    parts = (slots, held, stations, ways)
    place, floats, small, mmsi, imo, status, time_ns, span, types = out
    words, sentences = np.zeros(WORDS, np.int64), count[0]
    for n in range(len(found)):
        i = first + n
        sentences += 1
        what = found[n, nmea.KIND]
        if what == nmea.BAD or what == nmea.PARITY:
            status[i] = _MALFORMED if what == nmea.BAD else _PARITY_FAILED
            continue
        own, quoted = found[n, nmea.STATION], found[n, nmea.TEXT]
        own_size, quoted_size = found[n, nmea.STATION_END] - own, found[n, nmea.TEXT_END] - quoted
        if at + own_size + quoted_size + _STATION + _VIA + 80 > len(text):
            wider = np.empty(2 * len(text) + own_size + quoted_size + 512, np.uint8)
            wider[:at] = text[:at]
            text = wider
        now, k, whole, bits = stamps[n], -1, False, 0
        if what == nmea.AIS:
            total, low, high = found[n, nmea.TOTAL], found[n, nmea.FROM], found[n, nmea.TO]
            if total == 1:
                bits, whole = 6 * (high - low) - found[n, nmea.FILL], True
                sound = packed(data, low, high, words)
            else:
                k = _joined(data, found[n], now, words, parts, sentences)
                sound = k >= 0
                if sound:
                    now = slots[k, _P_TIME]
                    if slots[k, _P_NEXT] > total:
                        slots[k, _P_TOTAL], whole = 0, True
                        packed(held[k], 0, slots[k, _P_SIZE], words)
                        bits = 6 * slots[k, _P_SIZE] - found[n, nmea.FILL]
            if not sound or (whole and not sized(words, bits)):
                status[i] = _MALFORMED
                continue
            good = True
            if whole:
                kind, number = take(words, 0, 6), take(words, 8, 30)
                good, now = report(words, kind, now, place, floats, small, i)
                if kind == 5 or kind == 19 or kind == 21 or kind == 24:
                    at = static(words, bits, kind, floats, small, imo, i, text, at, span[i])
                    good &= kind != 5 or take(words, 40, 30) <= 999_999_999
                types[kind] += 1
            else:
                kind, number = slots[k, _P_KIND], slots[k, _P_MMSI]
            small[TYPE, i] = kind
            if number <= 999_999_999:
                mmsi[i] = number
                small[KIND, i] = sender(number, kind)
            else:
                good = False
            if not good:
                status[i] = _OUT_OF_RANGE
        if now > _HIGHEST_NS:
            status[i] = _OUT_OF_RANGE
        else:
            time_ns[i] = now
        if status[i] == _OK:
            if now < 0:
                status[i] = _NO_TIME
            elif np.isnan(place[0, i]) or np.isnan(place[1, i]):
                status[i] = _NO_POSITION
        end = at
        if own_size > 0:
            end = _copied(data, own, own + own_size, text, at)
        elif k >= 0:
            end = _copied(stations[k], 0, slots[k, _P_STATION_SIZE], text, at)
        span[i, RECEIVER, 0], span[i, RECEIVER, 1] = at, end
        at = end
        if quoted_size > 0:
            end = _copied(data, quoted, quoted + quoted_size, text, at)
        elif k >= 0:
            end = _copied(ways[k], 0, slots[k, _P_VIA_SIZE], text, at)
        span[i, VIA, 0], span[i, VIA, 1] = at, end
        at = end
    count[0] = sentences
    return text, at


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
