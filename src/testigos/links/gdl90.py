"""GDL 90: traffic as electronic flight bags and moving maps take it, mostly by UDP on port 4000.

A message is a flag (0x7e), an id, data, a CRC-CCITT with its low byte first, and a flag; in between 0x7d escapes, the
byte after it is xored with 0x20. Read and written: heartbeat (0), ownship (10) and traffic reports (20). Other messages
whose CRC holds make a row that says nothing.

A heartbeat gives the second of the day, and nothing the date: no row has a time, and all have the status ``no_time``.
A report does not say on which link it came: address types 0 and 1 are ``adsb``, 2 and 3 ``tisb``, and what was
extrapolated is ``estimated``. NIC and NACp are 0 where unknown, which is what the format says then.

Own rules: bytes without a flag are cut into frames of ``_LONGEST``; flags that nothing follows are context, and so are
heartbeats whose CRC holds. A call sign of dashes alone, as older equipment writes it, is none.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.kernels import kernel
from testigos.links._put import literal
from testigos.links._readsb import EMERGENCIES
from testigos.links._rows import ascii_rows, gathered, object_ids, rows
from testigos.links._series import null_where
from testigos.matrix import UNKNOWN, addresses, codes, numbers, texts, whole_numbers
from testigos.registry import Frames, Pieces
from testigos.registry import frames as make_frames
from testigos.schema import REPORTS, SOURCES

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "heartbeat", "pieces", "recognise", "split"]

NAME: Final = "gdl90"
SPEC: Final = "Garmin, GDL 90 Data Interface Specification, 560-1058-00 Rev A, 2007"
CHECKED: Final = True
GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "on_ground", "gs_kt"),
    *("track_deg", "heading_deg", "heading_mag_deg", "vrate_fpm", "callsign", "category", "emergency", "nic", "nac_p"),
    *("offset", "length"),
)

_FLAG, _ESCAPE, _FLIP = 0x7E, 0x7D, 0x20
_HEARTBEAT, _OWNSHIP, _TRAFFIC = 0, 10, 20
_BEAT_SIZE, _REPORT_SIZE = 7, 28
_LONGEST: Final = 1024  # more than an uplink (id 7) of 438 bytes that are all escaped
_LSB_DEG: Final = 180.0 / (1 << 23)
_TURN_DEG: Final = 360.0 / 256.0
_NONE: Final = 0xFFF  # no altitude, no speed
_NO_RATE: Final = 0x800
_FASTEST_RATE: Final = 509  # of 64 ft/min; one more says "more than that"
_DAY_S: Final = 86_400
_NS: Final = 1_000_000_000
_SIGN: Final = np.isin(np.arange(256), np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-", np.uint8))
_SOURCES: Final = pl.Series(SOURCES, dtype=REPORTS["source"].dtype)
_BROADCAST, _REBROADCAST, _GUESSED, _OTHER, _UNKNOWN = (
    SOURCES.index(name) for name in ("adsb", "tisb", "estimated", "other", "unknown")
)
_CATEGORIES: Final = pl.Series([None, *(f"{'ABCD'[n >> 3]}{n & 7}" for n in range(1, 32))])
_EMERGENCIES: Final = pl.Series([None, *EMERGENCIES[1:7]])

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

# ---- framing ----


def _remainders() -> Ints:
    """2.2.3: what a byte leaves, by the polynomial 0x1021."""
    made = np.arange(256) << 8
    for _ in range(8):
        made = np.where(made & 0x8000, (made << 1) ^ 0x1021, made << 1) & 0xFFFF
    return made


_REMAINDERS: Final = _remainders()


@kernel
def _crc(block, size):  # type: ignore[no-untyped-def]
    """CRC of the first bytes of a block (2.2.3: a byte goes in at the low end)."""
    crc = 0
    for i in range(size):
        crc = _REMAINDERS[crc >> 8] ^ ((crc << 8) & 0xFFFF) ^ int(block[i])
    return crc


@kernel
def _plain(data, start, stop, block):  # type: ignore[no-untyped-def]
    """A frame's message without its CRC into ``block``: its size; -1 where it is none, -2 of flags alone."""
    low, high = start, stop
    while low < high and data[low] == _FLAG:
        low += 1
    if low == high:
        return -2
    if data[high - 1] != _FLAG:
        return -1
    high -= 1
    size, at = 0, low
    while at < high:
        b = data[at]
        if b == _ESCAPE:
            at += 1
            if at == high:
                return -1
            b = np.uint8(data[at] ^ _FLIP)
        block[size] = b
        size += 1
        at += 1
    if size < 3 or _crc(block, size - 2) != int(block[size - 2]) | (int(block[size - 1]) << 8):
        return -1
    return size - 2


@njit(cache=True, nogil=True)
def _scan(data, final, start, stop, context):  # type: ignore[no-untyped-def]
    """Finds the frames; gives their number and how many bytes they cover."""
    size, count, at = len(data), 0, 0
    block = np.empty(_LONGEST, np.uint8)
    while at < size:
        most = min(size, at + _LONGEST)
        begin = at
        while begin < most and data[begin] == _FLAG:
            begin += 1
        end = begin
        while end < most and data[end] != _FLAG:
            end += 1
        if end < most:
            end += 1
        elif most < at + _LONGEST and not final:
            break
        start[count], stop[count] = at, end
        found = _plain(data, at, end, block)
        context[count] = found == -2 or (found == _BEAT_SIZE and block[0] == _HEARTBEAT)
        count += 1
        at = end
    return count, at


@njit(cache=True, nogil=True)
def _read(data, start, stop, messages):  # type: ignore[no-untyped-def]
    """The messages of frames into rows of 28 bytes: which are damaged, and which are reports."""
    n = len(start)
    damaged, report = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    block = np.empty(_LONGEST, np.uint8)
    for i in range(n):
        size = _plain(data, start[i], stop[i], block)
        damaged[i] = size < 0 or block[0] > 127
        report[i] = size == _REPORT_SIZE and (block[0] == _TRAFFIC or block[0] == _OWNSHIP)
        # a message of that id and another size is none of this document
        damaged[i] |= size >= 0 and not report[i] and (block[0] == _TRAFFIC or block[0] == _OWNSHIP)
        if report[i]:
            messages[i] = block[:_REPORT_SIZE]
    return damaged, report


@kernel
def _framed(block, size, out, at):  # type: ignore[no-untyped-def]
    """A message with CRC, escapes and flags into ``out`` from ``at`` on; gives where it ends."""
    crc = _crc(block, size)
    out[at] = _FLAG
    at += 1
    for k in range(size + 2):
        b = int(block[k]) if k < size else crc & 0xFF if k == size else crc >> 8
        if b in (_FLAG, _ESCAPE):
            out[at] = _ESCAPE
            at += 1
            b ^= _FLIP
        out[at] = b
        at += 1
    out[at] = _FLAG
    return at + 1


def recognise(head: bytes) -> int:
    """95 where it begins with a message whose CRC holds, and half of what follows is such."""
    found, _ = split(head)
    if head[:1] != b"\x7e" or not len(found):
        return 0
    block = np.empty(_LONGEST, np.uint8)
    data = np.frombuffer(head, np.uint8)
    good = [_plain(data, a, b, block) > 0 for a, b in zip(found.start.tolist(), found.stop.tolist(), strict=True)]
    return 95 if good[0] and 2 * sum(good) >= len(good) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame a message, from its flag to its flag; one flag between two messages may serve both."""
    data = np.frombuffer(buffer, np.uint8)
    most = len(data) // 2 + 2
    start, stop, context = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.bool_)
    count, covered = _scan(data, final, start, stop, context)
    return make_frames(buffer, start[:count], stop[:count], context[:count]), buffer[covered:]


# ---- reading ----


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a message other than a heartbeat; nothing is carried."""
    of = np.flatnonzero(~frames.context)
    if not len(of):
        return gathered([], GIVES), carry
    messages = np.zeros((len(of), _REPORT_SIZE), np.uint8)
    damaged, report = _read(np.frombuffer(frames.buffer, np.uint8), frames.start[of], frames.stop[of], messages)
    found, odd = _fields(messages, report)
    return gathered([rows(frames, of, found, damaged, odd & report)], GIVES), carry


def _signed(values: Ints, bits: int) -> Ints:
    return values - ((values >> (bits - 1)) << bits)


def _fields(m: Bytes, report: npt.NDArray[np.bool_]) -> tuple[dict[str, Any], npt.NDArray[np.bool_]]:
    """Columns of reports (N, 28), and where a field holds what the document leaves unused. Figure 2, table 8.

    Rows that are no ``report`` say nothing.
    """
    b = m.astype(np.int64)
    kind, address = b[:, 1] & 15, (b[:, 2] << 16) | (b[:, 3] << 8) | b[:, 4]
    lat, lon = (_signed((b[:, k] << 16) | (b[:, k + 1] << 8) | b[:, k + 2], 24) for k in (5, 8))
    alt, misc = (b[:, 11] << 4) | (b[:, 12] >> 4), b[:, 12] & 15
    nic, nac_p = b[:, 13] >> 4, b[:, 13] & 15
    speed, rate = (b[:, 14] << 4) | (b[:, 15] >> 4), ((b[:, 15] & 15) << 8) | b[:, 16]
    category, emergency = b[:, 18], b[:, 27] >> 4
    placed = (lat != 0) | (lon != 0) | (nic != 0)
    turn, points = misc & 3, b[:, 17] * _TURN_DEG
    climb = _signed(rate, 12)
    climbs = np.abs(climb) <= _FASTEST_RATE + 1
    signs = m[:, 19:27]
    blank = signs == ord(" ")
    proper = (_SIGN[signs] | blank).all(axis=1) & ~(blank[:, :-1] & ~blank[:, 1:]).any(axis=1)
    odd = (nic > 11) | (nac_p > 11) | (category > 31) | (emergency > 6) | (kind > 5) | ~proper
    odd |= ~climbs & (rate != _NO_RATE)

    def known(values: npt.NDArray[Any], where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        return np.where(where & report, values, np.nan)

    own = (kind == 0) | (kind == 2)
    source = np.where((misc & 4) > 0, _GUESSED, np.where((kind == 2) | (kind == 3), _REBROADCAST, _BROADCAST))
    source = np.where(report, np.where(kind > 4, _OTHER, source), _UNKNOWN)
    written = ascii_rows(np.where((proper & report)[:, None], signs, ord(" ")))
    return {
        "object_id": object_ids(np.where(report, np.where(own, address, address | 1 << 24), UNKNOWN)),
        "source": _SOURCES[pl.Series(source.astype(np.uint32))],
        "lat_deg": known(lat * _LSB_DEG, placed),
        "lon_deg": known(lon * _LSB_DEG, placed),
        "alt_baro_ft": known(alt * 25.0 - 1_000.0, alt != _NONE),
        "on_ground": null_where(pl.Series((misc & 8) == 0), ~report),
        "gs_kt": known(speed, speed != _NONE),
        "track_deg": known(points, turn == 1),
        "heading_mag_deg": known(points, turn == 2),
        "heading_deg": known(points, turn == 3),
        "vrate_fpm": known(climb * 64.0, (rate != _NO_RATE) & climbs),
        "callsign": pl.Series([s.rstrip(" ") if s.strip("- ") else None for s in written], dtype=pl.String),
        "category": _CATEGORIES[pl.Series(np.where(report & (category < 32), category, 0).astype(np.uint32))],
        "emergency": _EMERGENCIES[pl.Series(np.where(report & (emergency < 7), emergency, 0).astype(np.uint32))],
        "nic": known(nic, placed & (nic < 12)),
        "nac_p": known(nac_p, nac_p < 12),
    }, odd


# ---- writing ----


_FRAMED: Final = 2 * (_REPORT_SIZE + 2) + 2 + 2 * (_BEAT_SIZE + 2) + 2  #: the most bytes of a row with its heartbeat
_NUMBERS: Final = (
    *("lat_deg", "lon_deg", "alt_baro_ft", "gs_kt", "track_deg", "heading_deg", "vrate_fpm", "vrate_geom_fpm"),
    *("nic", "nac_p"),
)
_TEXTS: Final = ("object_id", "callsign", "category", "emergency")
_OWN: Final = np.array([s in ("adsb", "uat", "adsc", "estimated") for s in SOURCES])
_STATES: Final = literal("".join(EMERGENCIES[1:7]))
_STATE_AT: Final = np.cumsum([0, *(len(name) for name in EMERGENCIES[1:7])])


def heartbeat(second: int) -> bytes:
    """The heartbeat at a second since 1970, UTC: position and time are valid, nothing was received.

    >>> heartbeat(1_500_000_000).hex()
    '7e00810180250000e3f37e'
    """
    out, block = np.empty(_FRAMED, np.uint8), np.zeros(_REPORT_SIZE, np.uint8)
    return out[: _beat(second, block, out, 0)].tobytes()


def encode(tracks: pl.DataFrame, ownship: str | None = None) -> bytes:
    """The reports of :func:`pieces`, each second's after its heartbeat; rows are in the order of time.

    >>> row = {"object_id": "icao:ab4549", "time_ns": 0, "source": "adsb", "lat_deg": 44.90708, "lon_deg": -122.99488}
    >>> encode(pl.DataFrame([row])).hex()[22:60]
    '7e1400ab45491fef16a88977fff800fff80000'
    """
    return _made(tracks, ownship, True).data.tobytes()


def pieces(tracks: pl.DataFrame, ownship: str | None = None) -> Pieces:
    """A traffic report a row, the object ``ownship`` as ownship reports; heartbeats are for whoever sends them.

    ``tracks``: columns of ``schema.ALL`` or ``PICTURE``; nothing for rows without a 24-bit address. Steps:
    2.1e-5 degrees; 25 ft of pressure altitude from -1,000 to 101,350 (others are not said); 1 kt; 64 ft/min up to
    32,576, of the barometric rate, else of the geometric one; 1.4 degrees of track, else of heading. Multilateration
    and whatever else is no broadcast of the aircraft itself is TIS-B; what is not known to be on the ground is
    airborne. A position of 0 N 0 E is written a step farther north, for it says that there is none.
    """
    return _made(tracks, ownship, False)


def _made(tracks: pl.DataFrame, ownship: str | None, beats: bool) -> Pieces:
    said = texts(tracks, _TEXTS)
    address, anonymous = addresses(said)
    start = np.zeros(len(tracks) + 1, np.int64)
    out = np.empty(_FRAMED * int((address != UNKNOWN).sum()), np.uint8)
    own = np.frombuffer((ownship or "").encode(), np.uint8).copy()
    code, when = codes(tracks, ("source", "on_ground")), whole_numbers(tracks, ("time_ns",))[0]
    number, block = numbers(tracks, _NUMBERS), np.zeros(_REPORT_SIZE, np.uint8)
    _write(address, anonymous, number, code, when, said.data, said.start, own, beats, block, out, start)
    return Pieces(out[: start[-1]], start)


@kernel
def _beat(second, block, out, at):  # type: ignore[no-untyped-def]
    """3.1: the lowest 16 bits of the second of the day have their low byte first, the 17th is in the status."""
    block[:_BEAT_SIZE] = 0
    day = second % _DAY_S
    block[1] = 0x81
    block[2] = 0x01 | (day >> 16) << 7
    block[3], block[4] = day & 0xFF, day >> 8 & 0xFF
    return _framed(block, _BEAT_SIZE, out, at)


@kernel
def _nearest(value, otherwise):  # type: ignore[no-untyped-def]
    """A number as a whole one; what is not known is ``otherwise``."""
    return np.int64(np.rint(value)) if np.isfinite(value) else np.int64(otherwise)


@kernel
def _same(data, low, high, word, first, stop):  # type: ignore[no-untyped-def]
    same, k = high - low == stop - first, 0
    while same and k < stop - first:
        same = data[low + k] == word[first + k]
        k += 1
    return same


@kernel
def _three(block, at, value):  # type: ignore[no-untyped-def]
    block[at], block[at + 1], block[at + 2] = value >> 16 & 0xFF, value >> 8 & 0xFF, value & 0xFF


@kernel
def _letters(block, data, low, high):  # type: ignore[no-untyped-def]
    """The call sign: capitals and digits, filled up with blanks."""
    at = 19
    for k in range(low, high):
        c = int(data[k])
        c = c - 32 if 97 <= c <= 122 else c
        if at < 27 and (48 <= c <= 57 or 65 <= c <= 90):
            block[at] = c
            at += 1
    block[at:27] = 32


@kernel
def _report(i, block, address, anonymous, number, code, data, text, own):  # type: ignore[no-untyped-def]
    """3.5.1: the report of a row."""
    mine = len(own) > 0 and _same(data, text[0, i], text[0, i + 1], own, 0, len(own))
    block[0] = _OWNSHIP if mine else _TRAFFIC
    source = code[0, i]
    block[1] = (0 if source >= 0 and _OWN[source] else 2) + (1 if anonymous[i] else 0)
    _three(block, 2, address[i])
    lat, lon = number[0, i], number[1, i]
    north, east, nic = 0, 0, 0
    if np.isfinite(lat) and np.isfinite(lon):
        north, east, nic = _nearest(lat / _LSB_DEG, 0), _nearest(lon / _LSB_DEG, 0), _nearest(number[8, i], 0)
        if north == 0 and east == 0 and nic == 0:
            north = 1
    _three(block, 5, north)
    _three(block, 8, east)
    alt = _nearest((number[2, i] + 1_000.0) / 25.0, _NONE)
    alt = alt if 0 <= alt <= _NONE else _NONE
    turn, points = (1, number[4, i]) if np.isfinite(number[4, i]) else (3, number[5, i])
    turn = turn if np.isfinite(points) else 0
    misc = turn | (4 if source == _GUESSED else 0) | (0 if code[1, i] == 1 else 8)
    block[11], block[12] = alt >> 4, (alt & 15) << 4 | misc
    block[13] = (nic << 4 | _nearest(number[9, i], 0)) & 0xFF
    speed = min(_nearest(number[3, i], 0), _NONE - 1) if np.isfinite(number[3, i]) else _NONE
    climb = number[6, i] if np.isfinite(number[6, i]) else number[7, i]
    rate = _nearest(min(max(climb / 64.0, -_FASTEST_RATE - 1), _FASTEST_RATE + 1), 0) & 0xFFF
    rate = rate if np.isfinite(climb) else _NO_RATE
    block[14], block[15], block[16] = speed >> 4, (speed & 15) << 4 | rate >> 8, rate & 0xFF
    block[17] = _nearest(points / _TURN_DEG, 0) & 0xFF
    low = text[2, i]
    block[18] = 0
    if text[2, i + 1] - low == 2 and 65 <= data[low] <= 68 and 48 <= data[low + 1] <= 57:
        block[18] = 8 * (int(data[low]) - 65) + int(data[low + 1]) - 48
    _letters(block, data, text[1, i], text[1, i + 1])
    block[27] = 0
    if text[3, i + 1] > text[3, i]:
        for n in range(len(_STATE_AT) - 1):
            if _same(data, text[3, i], text[3, i + 1], _STATES, _STATE_AT[n], _STATE_AT[n + 1]):
                block[27] = (n + 1) << 4


@kernel
def _write(  # type: ignore[no-untyped-def]
    address, anonymous, number, code, when, data, text, own, beats, block, out, start
):
    at, second = 0, np.int64(-1)
    for i in range(len(address)):
        start[i] = at
        if address[i] < 0:
            continue
        now = when[i] // _NS if when[i] >= 0 else np.int64(-1)
        if beats and now >= 0 and now != second:
            at = _beat(now, block, out, at)
        second = now
        _report(i, block, address, anonymous, number, code, data, text, own)
        at = _framed(block, _REPORT_SIZE, out, at)
    start[len(address)] = at
