"""BaseStation ("SBS-1", port 30003) text, live or logged, also with a time stamp before each line.

A line is ``MSG,3,session,aircraft,hex,flight,date,time,date,time,callsign,altitude,...``: 22 fields. Loggers
without a clock write ``START,<date>`` and put nanoseconds since then before each line; a receiver that lost
power can repeat an old START, so such times are only as good as its clock was.

Own rules: the time is the generated one, else the logged one, else START plus the stamp, all as UTC (some
writers use local time and do not say so). Transmission types 1 to 4 are extended squitters and count as
ADS-B, 5 to 8 as Mode S; lines that begin with ``MLAT`` are multilaterated. A line with fewer fields than its
kind needs may have been cut inside a number and is malformed.
"""

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel
from testigos.links._put import DIGITS, civil, literal, put, put_decimal, put_hex, put_integer, put_name, put_padded
from testigos.links._rows import SQUAWKS, gathered, object_ids, rows
from testigos.links._series import null_where
from testigos.links._started import START, began, split_started, stamps
from testigos.links._text import bytes_of, fields, times
from testigos.links._text import numbers as read_numbers
from testigos.links._text import texts as read_texts
from testigos.matrix import UNKNOWN, addresses, codes, numbers, texts, whole_numbers
from testigos.registry import Frames, Pieces
from testigos.schema import ALL

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "pieces", "recognise", "split"]

NAME: Final = "sbs"
SPEC: Final = "BaseStation socket data format, http://woodair.net/sbs/article/barebones42_socket_data.htm"
CHECKED: Final = False
GIVES: Final = (
    "object_id",
    "time_ns",
    "status",
    "source",
    "lat_deg",
    "lon_deg",
    "alt_baro_ft",
    "on_ground",
    "gs_kt",
    "track_deg",
    "vrate_fpm",
    "callsign",
    "squawk",
    "emergency",
    "offset",
    "length",
)

_LINE: Final = re.compile(rb"^(?:\d+,)?(?:MSG,[1-8]|MLAT,[1-8]|STA|AIR|ID|SEL|CLK),", re.MULTILINE)
#: What lines begin with, and the fields that they need; as many as a line never has for any other beginning.
_KINDS: Final = {"MSG": 22, "MLAT": 22, "STA": 10, "AIR": 10, "ID": 10, "SEL": 10, "CLK": 10}
_NEEDS: Final = np.array([*_KINDS.values(), 999])
_MSG, _MLAT, _STA, _CLK = (list(_KINDS).index(n) for n in ("MSG", "MLAT", "STA", "CLK"))
_WORDS: Final = np.array([list(n.ljust(4).encode()) for n in _KINDS], np.uint8)
_SIZES: Final = np.array([len(n) for n in _KINDS])
_SOURCES: Final = pl.Series(["unknown", "mlat", "adsb", "mode_s"], dtype=ALL["source"].dtype)
_EMERGENCY_NAMES: Final = pl.Series([None, "emergency"], dtype=pl.String)
_WIDTH: Final = 23
_TYPE, _HEX, _DATE, _LOGGED, _CALLSIGN, _ALT, _GS, _TRACK, _LAT, _LON, _VRATE, _SQUAWK = (
    *(1, 4, 6, 8),
    *range(10, 18),
)
_EMERGENCY, _GROUND = 19, 21


def recognise(head: bytes) -> int:
    """85 where most lines look like it, else 0."""
    whole = head[: head.rfind(b"\n") + 1] or head
    found = len(_LINE.findall(whole)) + len(START.findall(whole))
    return 85 if found and 2 * found >= whole.count(b"\n") else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame a line; a START that was written into the middle of a line is a frame of its own."""
    return split_started(buffer, final)


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a line; ``carry`` is the last START in nanoseconds since 1970."""
    of = np.flatnonzero(~frames.context)
    begun, carry = began(frames, of, carry)
    if not len(of):
        return gathered([], GIVES), carry
    data = bytes_of(frames.buffer)
    start, stop = frames.start[of], frames.stop[of]
    begin, end, count = fields(data, start, stop, ",", _WIDTH)
    stamped = ((data[start] >= 48) & (data[start] <= 57)).astype(np.int64)
    row = np.arange(len(of))
    shift = int(stamped[0]) if (stamped == stamped[0]).all() else None

    def field(k: int, last: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Of each line field ``k``, to the end of the ``last`` one after it."""
        if shift is None:
            return begin[row, k + stamped], end[row, k + last + stamped]
        return begin[:, k + shift].copy(), end[:, k + last + shift].copy()

    kind, sent = np.full(len(of), -1, np.int64), np.full(len(of), -1, np.int64)
    address, squawk = np.full(len(of), -1, np.int64), np.full(len(of), -1, np.int64)
    flags = np.full((2, len(of)), -1, np.int8)
    _said(data, begin, end, stamped, kind, sent, address, squawk, flags)
    sos, ground = flags
    talks = (kind == _MSG) | (kind == _MLAT)
    bad = (count - stamped < _NEEDS[kind]) | ((address < 0) & (kind != _CLK)) | (talks & (sent < 0))

    odd = np.zeros(len(of), np.bool_)
    columns: dict[str, Any] = {"object_id": object_ids(address)}
    for name, k in (
        ("lat_deg", _LAT),
        ("lon_deg", _LON),
        ("alt_baro_ft", _ALT),
        ("gs_kt", _GS),
        ("track_deg", _TRACK),
        ("vrate_fpm", _VRATE),
    ):
        columns[name], wrong = read_numbers(data, *field(k))
        if k in (_LAT, _LON):
            bad |= wrong
        odd |= wrong
    time_ns = np.full(len(of), -1, np.int64)
    stamp, known = stamps(data, begin[:, 0], end[:, 0])
    since = known & (stamped == 1) & (begun >= 0)
    time_ns[since] = begun[since] + stamp[since]
    for k in (_LOGGED, _DATE):  # the later one wins
        value, known, wrong = times(data, *field(k, 1))
        low, high = field(k)
        bad |= wrong & (high > low)
        time_ns[known] = value[known]
    columns["time_ns"] = null_where(pl.Series(time_ns), time_ns == -1)
    low, high = field(_SQUAWK)
    odd |= (squawk < 0) & (high > low)
    columns["squawk"] = SQUAWKS[np.minimum(squawk, 4096, dtype=np.uint32, casting="unsafe")]
    names = read_texts(data, *field(_CALLSIGN), lambda t: t.rstrip() or None)
    columns["callsign"] = null_where(names, kind == _STA)  # STA has a state where others have a call sign
    columns["source"] = _SOURCES[np.where(kind == _MLAT, 1, np.where(kind == _MSG, np.where(sent <= 4, 2, 3), 0))]
    ground[talks & (sent == 2)] = 1
    columns["on_ground"] = null_where(pl.Series(ground == 1), ground < 0)
    columns["emergency"] = _EMERGENCY_NAMES[(sos == 1).astype(np.uint32)]
    return gathered([rows(frames, of, columns, bad, odd & ~bad)], GIVES), carry


@kernel
def _said(data, begin, end, stamped, kind, sent, address, squawk, flags):  # type: ignore[no-untyped-def]
    """Codes of what lines say in words: of ``_KINDS``, the type of transmission, the address, the squawk, the flags."""
    for i in range(len(kind)):
        shift = stamped[i]
        low, size = begin[i, shift], end[i, shift] - begin[i, shift]
        for k in range(len(_WORDS)):
            same = size == _SIZES[k]
            for j in range(min(size, 4)):
                same = same and data[low + j] == _WORDS[k, j]
            if same:
                kind[i] = k
        low, size = begin[i, _TYPE + shift], end[i, _TYPE + shift] - begin[i, _TYPE + shift]
        if size == 1 and 49 <= data[low] <= 56:
            sent[i] = int(data[low]) - 48
        address[i] = _hex_address(data, begin[i, _HEX + shift], end[i, _HEX + shift])
        low, high = begin[i, _SQUAWK + shift], end[i, _SQUAWK + shift]
        if 1 <= high - low <= 4:  # writers that print a number drop leading zeros
            code = 0
            for k in range(low, high):
                code = code * 8 + int(data[k]) - 48 if code >= 0 and 48 <= data[k] <= 55 else -1
            squawk[i] = code
        for k in range(2):
            at = (_EMERGENCY if k == 0 else _GROUND) + shift
            low, size = begin[i, at], end[i, at] - begin[i, at]
            if size == 2 and data[low] == 45:  # -
                low, size = low + 1, -1
            if (size == 1 and (data[low] == 48 or data[low] == 49)) or (size == -1 and data[low] == 49):
                flags[k, i] = data[low] - 48


@kernel
def _hex_address(data, low, high):  # type: ignore[no-untyped-def]
    """A 24-bit address, with bit 24 after ``~``; -1 where it is none."""
    value = 0
    if high - low == 7 and data[low] == 126:
        value, low = 1, low + 1
    if high - low != 6:
        return -1
    for k in range(low, high):
        c = int(data[k])
        digit = c - 48 if 48 <= c <= 57 else (c | 32) - 87 if 97 <= (c | 32) <= 102 else -1
        if digit < 0:
            return -1
        value = value << 4 | digit
    return value


_MOST_LINES: Final = 5  # of a row
_LINE_SIZE: Final = 96 + 6 * DIGITS  # without its text
_NUMBERS: Final = ("lat_deg", "lon_deg", "alt_baro_ft", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm")
_HEAD, _OFFICE, _EMERGENCIES = literal("MSG,0,1,1,"), literal(",1,"), (0o7500, 0o7600, 0o7700)


def encode(tracks: pl.DataFrame) -> bytes:
    """``MSG`` lines of rows, as :func:`pieces` has them.

    >>> row = {"object_id": "icao:ae503d", "time_ns": 1_500_000_000, "lat_deg": 1.5, "lon_deg": -2.25}
    >>> encode(pl.DataFrame([row]))
    b'MSG,3,1,1,AE503D,1,1970/01/01,00:00:01.500,1970/01/01,00:00:01.500,,,,,1.500000,-2.250000,,,,,,\\r\\n'
    """
    return pieces(tracks).data.tobytes()


def pieces(tracks: pl.DataFrame) -> Pieces:
    """``MSG`` lines of each row (columns of ``schema.ALL`` or ``PICTURE``) as readsb writes them on port 30003.

    In this order, each only where there is something to say: 1 call sign; 2 position, altitude, speed and track of
    what is on the ground, or else 3 position and altitude, and 4 speed, track and vertical rate (the barometric one,
    else the geometric one); 5 altitude where no position says it; 6 squawk and emergency; 8 where there is none of
    these. The generated time is that of the row, the logged one that of ``seen_ns``, to the millisecond.

    As in readsb, objects without an ICAO address have no lines, and multilaterated ones are ``MSG`` too. Own rules:
    latitude and longitude have six decimals (readsb five), speed and track one (BaseStation one, readsb none), and an
    emergency that the row names is flagged as the three squawks are.

    Source: readsb, net_io.c, modesSendSBSOutput.
    """
    said = texts(tracks, ("object_id", "callsign", "squawk", "emergency"))
    address, anonymous = addresses(said)
    address[anonymous] = UNKNOWN
    size = len(tracks)
    start = np.zeros(size + 1, np.int64)
    held = int(said.start[1, -1] - said.start[1, 0]) + _MOST_LINES * _LINE_SIZE * int((address != UNKNOWN).sum())
    out = np.empty(held, np.uint8)
    when = whole_numbers(tracks, ("time_ns", "seen_ns"))
    ground = codes(tracks, ("on_ground",))[0]
    _write(address, when, numbers(tracks, _NUMBERS), ground, said.data, said.start, out, start)
    return Pieces(out[: start[-1]], start)


@kernel
def _moment(out, at, time_ns):  # type: ignore[no-untyped-def]
    """Date and time as two fields, to the nearest millisecond."""
    ms = (time_ns + 500_000) // 1_000_000
    year, month, date = civil(ms // 86_400_000)
    of_day = ms % 86_400_000
    at = put_padded(out, at, year, 4)
    for part in (month, date):
        out[at] = 47  # /
        at = put_padded(out, at + 1, part, 2)
    out[at] = 44
    at = put_padded(out, at + 1, of_day // 3_600_000, 2)
    for part in (of_day // 60_000 % 60, of_day // 1000 % 60):
        out[at] = 58  # :
        at = put_padded(out, at + 1, part, 2)
    out[at] = 46  # .
    return put_padded(out, at + 1, of_day % 1000, 3)


@kernel
def _field(out, at, value, decimals):  # type: ignore[no-untyped-def]
    """A comma, and the number where it is known."""
    out[at] = 44
    return at + 1 if np.isnan(value) else put_decimal(out, at + 1, value, decimals)


@kernel
def _flag(out, at, value):  # type: ignore[no-untyped-def]
    """A comma, and -1 or 0 where it is known."""
    out[at] = 44
    if value < 0:
        return at + 1
    return put_integer(out, at + 1, -value)


@kernel
def _commas(out, at, count):  # type: ignore[no-untyped-def]
    for k in range(count):
        out[at + k] = 44
    return at + count


@kernel
def _end(out, at):  # type: ignore[no-untyped-def]
    out[at] = 13
    out[at + 1] = 10
    return at + 2


@kernel
def _begin(out, at, kind, head, size):  # type: ignore[no-untyped-def]
    """The first ten fields, which all lines of a row but for the type have in common."""
    if at != head:
        for k in range(size):
            out[at + k] = out[head + k]
    out[at + 4] = 48 + kind
    return at + size


@kernel
def _write(address, when, number, ground, data, start, out, begin):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(len(address)):
        begin[i] = at
        if address[i] < 0 or when[0, i] < 0:
            continue
        head = at
        size = put(out, at, _HEAD)
        size = put_hex(out, size, address[i], 6, True)
        size = put(out, size, _OFFICE)
        size = _moment(out, size, when[0, i])
        out[size] = 44
        size = _moment(out, size + 1, max(when[0, i], when[1, i])) - head
        lat, lon, alt, gs, track, rate = (
            number[0, i],
            number[1, i],
            number[2, i],
            number[3, i],
            number[4, i],
            number[5, i],
        )
        if np.isnan(rate):
            rate = number[6, i]
        placed = not (np.isnan(lat) or np.isnan(lon))
        below = ground[i] == 1
        if start[1, i + 1] > start[1, i]:
            at = _begin(out, at, 1, head, size)
            out[at] = 44
            at += 1
            for k in range(start[1, i], start[1, i + 1]):
                if data[k] >= 32 and data[k] != 44:
                    out[at] = data[k]
                    at += 1
            at = _end(out, _commas(out, at, 11))
        if below and (placed or not np.isnan(gs) or not np.isnan(track)):
            at = _field(
                out, _field(out, _field(out, _commas(out, _begin(out, at, 2, head, size), 1), alt, 0), gs, 1), track, 1
            )
            at = _field(out, _field(out, at, lat if placed else np.nan, 6), lon if placed else np.nan, 6)
            at = _end(out, _flag(out, _commas(out, at, 5), 1))
        elif placed:
            at = _field(out, _commas(out, _begin(out, at, 3, head, size), 1), alt, 0)
            at = _field(out, _field(out, _commas(out, at, 2), lat, 6), lon, 6)
            at = _end(out, _flag(out, _commas(out, at, 5), ground[i]))
        elif not np.isnan(alt):
            at = _field(out, _commas(out, _begin(out, at, 5, head, size), 1), alt, 0)
            at = _end(out, _flag(out, _commas(out, at, 9), ground[i]))
        if not below and not (np.isnan(gs) and np.isnan(track) and np.isnan(rate)):
            at = _field(out, _field(out, _commas(out, _begin(out, at, 4, head, size), 2), gs, 1), track, 1)
            at = _field(out, _commas(out, at, 2), rate, 0)
            at = _end(out, _flag(out, _commas(out, at, 4), ground[i]))
        code = _octal(data, start[2, i], start[2, i + 1])
        urgent = start[3, i + 1] > start[3, i]
        if code >= 0 or urgent:
            at = _commas(out, _begin(out, at, 6, head, size), 8)
            if code >= 0:
                at = put_name(out, at, data, start[2, i], start[2, i + 1])
            urgent = urgent or code in _EMERGENCIES
            at = _flag(out, _commas(out, at, 1), 1 if urgent else 0)
            at = _end(out, _flag(out, _commas(out, at, 1), ground[i]))
        if at == head:
            at = _end(out, _flag(out, _commas(out, _begin(out, at, 8, head, size), 11), ground[i]))
    begin[len(address)] = at


@kernel
def _octal(data, low, high):  # type: ignore[no-untyped-def]
    """Four octal digits as a number; -1 where it is something else."""
    if high - low != 4:
        return -1
    code = 0
    for k in range(low, high):
        if not 48 <= data[k] <= 55:
            return -1
        code = code * 8 + int(data[k]) - 48
    return code
