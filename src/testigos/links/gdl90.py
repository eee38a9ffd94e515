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

from testigos.links._readsb import EMERGENCIES
from testigos.links._rows import gathered, rows
from testigos.registry import Frames
from testigos.registry import frames as make_frames
from testigos.schema import REPORTS

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "heartbeat", "recognise", "split"]

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

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

# ---- framing ----


@njit(cache=True, nogil=True)
def _crc(block, size):  # type: ignore[no-untyped-def]
    """CRC of the first bytes of a block (2.2.3: the polynomial is 0x1021, a byte goes in at the low end)."""
    crc = 0
    for i in range(size):
        high = crc & 0xFF00
        for _ in range(8):
            high = ((high << 1) ^ 0x1021) & 0xFFFF if high & 0x8000 else (high << 1) & 0xFFFF
        crc = high ^ ((crc << 8) & 0xFFFF) ^ int(block[i])
    return crc


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _framed(messages, sizes, out):  # type: ignore[no-untyped-def]
    """Messages with CRC, escapes and flags into ``out``; gives how many bytes they take."""
    at = 0
    for i in range(len(sizes)):
        size = sizes[i]
        crc = _crc(messages[i], size)
        out[at] = _FLAG
        at += 1
        for k in range(size + 2):
            b = messages[i, k] if k < size else np.uint8(crc & 0xFF) if k == size else np.uint8(crc >> 8)
            if b in (_FLAG, _ESCAPE):
                out[at] = _ESCAPE
                at += 1
                b = np.uint8(b ^ _FLIP)
            out[at] = b
            at += 1
        out[at] = _FLAG
        at += 1
    return at


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
    found, odd = _fields(messages)
    table = rows(frames, of, found, damaged, odd & report)
    said = pl.Series(report)
    kept = ("status", "source", "offset", "length")
    table = table.with_columns(pl.when(said).then(n).alias(n) for n in table.columns if n not in kept)
    other = pl.when(pl.Series(~damaged)).then(pl.lit("unknown", REPORTS["source"].dtype))
    source = pl.when(said).then("source").otherwise(other)
    return gathered([table.with_columns(source.alias("source"))], GIVES), carry


def _signed(values: Ints, bits: int) -> Ints:
    return values - ((values >> (bits - 1)) << bits)


def _fields(m: Bytes) -> tuple[dict[str, Any], npt.NDArray[np.bool_]]:
    """Columns of reports (N, 28), and where a field holds what the document leaves unused. Figure 2, table 8."""
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
    signs = pl.Series([bytes(row).decode("ascii", "replace") for row in m[:, 19:27]])
    proper = signs.str.contains("^[0-9A-Z-]* *$").fill_null(False).to_numpy()
    signs = signs.str.strip_chars_end(" ")
    odd = (nic > 11) | (nac_p > 11) | (category > 31) | (emergency > 6) | (kind > 5) | ~proper
    odd |= ~climbs & (rate != _NO_RATE)

    def known(values: npt.NDArray[Any], where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        return np.where(where, values, np.nan).astype(np.float64)

    def coded(values: Ints, where: npt.NDArray[np.bool_]) -> pl.Series:
        return pl.Series(np.where(where, values, 0).astype(np.uint8)).set(pl.Series(~where), None)

    own = (kind == 0) | (kind == 2)
    source = np.where((misc & 4) > 0, "estimated", np.where((kind == 2) | (kind == 3), "tisb", "adsb"))
    return {
        "object_id": pl.Series(
            [f"{'icao' if i else 'anon'}:{a:06x}" for i, a in zip(own.tolist(), address.tolist(), strict=True)]
        ),
        "source": pl.Series(np.where(kind > 4, "other", source)),
        "lat_deg": known(lat * _LSB_DEG, placed),
        "lon_deg": known(lon * _LSB_DEG, placed),
        "alt_baro_ft": known(alt * 25.0 - 1_000.0, alt != _NONE),
        "on_ground": pl.Series((misc & 8) == 0),
        "gs_kt": known(speed, speed != _NONE),
        "track_deg": known(points, turn == 1),
        "heading_mag_deg": known(points, turn == 2),
        "heading_deg": known(points, turn == 3),
        "vrate_fpm": known(climb * 64.0, (rate != _NO_RATE) & climbs),
        "callsign": pl.Series(
            [None if not ok or not s.strip("-") else s for ok, s in zip(proper.tolist(), signs, strict=True)],
            dtype=pl.String,
        ),
        "category": pl.Series([f"{'ABCD'[n // 8]}{n % 8}" if 0 < n < 32 else None for n in category.tolist()],
                              dtype=pl.String),
        "emergency": pl.Series([EMERGENCIES[n] if 0 < n < 7 else None for n in emergency.tolist()], dtype=pl.String),
        "nic": coded(nic, placed & (nic < 12)),
        "nac_p": coded(nac_p, nac_p < 12),
    }, odd  # fmt: skip


# ---- writing ----


def heartbeat(second: int) -> bytes:
    """The heartbeat at a second since 1970, UTC: position and time are valid, nothing was received.

    >>> heartbeat(1_500_000_000).hex()
    '7e00810180250000e3f37e'
    """
    return _written(_beats(np.array([second], np.int64)), np.array([_BEAT_SIZE], np.int64))


def _beats(seconds: Ints) -> Bytes:
    """3.1: the lowest 16 bits of the second of the day have their low byte first, the 17th is in the status."""
    made = np.zeros((len(seconds), _REPORT_SIZE), np.uint8)
    day = seconds % _DAY_S
    made[:, 1] = 0x81
    made[:, 2] = 0x01 | (day >> 16) << 7
    made[:, 3], made[:, 4] = day & 0xFF, day >> 8 & 0xFF
    return made


def _written(messages: Bytes, sizes: Ints) -> bytes:
    out = np.empty(int(2 * (sizes + 2).sum() + 2 * len(sizes)), np.uint8)
    return out[: _framed(messages, sizes, out)].tobytes()


def encode(tracks: pl.DataFrame, ownship: str | None = None) -> bytes:
    """A traffic report a row, each second's after its heartbeat; rows of the object ``ownship`` as ownship reports.

    ``tracks``: columns of ``schema.REPORTS`` in the order of time; rows without a 24-bit address are left out. Steps:
    2.1e-5 degrees; 25 ft of pressure altitude from -1,000 to 101,350 (others are not said); 1 kt; 64 ft/min up to
    32,576, of the barometric rate, else of the geometric one; 1.4 degrees of track, else of heading. Multilateration
    and whatever else is no broadcast of the aircraft itself is TIS-B; what is not known to be on the ground is
    airborne. A position of 0 N 0 E is written a step farther north, for it says that there is none.

    >>> row = {"object_id": "icao:ab4549", "time_ns": 0, "source": "adsb", "lat_deg": 44.90708, "lon_deg": -122.99488}
    >>> encode(pl.DataFrame([row])).hex()[22:60]
    '7e1400ab45491fef16a88977fff800fff80000'
    """
    missing = (pl.lit(None, REPORTS[n].dtype).alias(n) for n in GIVES if n in REPORTS and n not in tracks.columns)
    table = tracks.with_columns(missing).filter(pl.col("object_id").str.contains("^(icao|anon):[0-9a-f]{6}$"))
    if not len(table):
        return b""
    reports = _reports(table, ownship)
    second = table["time_ns"].cast(pl.Int64) // _NS
    new = (second.is_not_null() & second.ne_missing(second.shift(1))).to_numpy()
    # each heartbeat goes before the first report of its second
    place = np.arange(len(table)) + np.cumsum(new)
    messages = np.zeros((len(table) + int(new.sum()), _REPORT_SIZE), np.uint8)
    sizes = np.full(len(messages), _BEAT_SIZE, np.int64)
    messages[place], sizes[place] = reports, _REPORT_SIZE
    messages[place[new] - 1] = _beats(second.fill_null(0).to_numpy()[new])
    return _written(messages, sizes)


def _reports(table: pl.DataFrame, ownship: str | None) -> Bytes:
    """Reports (N, 28) of rows."""

    def number(name: str) -> npt.NDArray[np.float64]:
        if name not in table.columns:
            return np.full(len(table), np.nan)
        return table[name].cast(pl.Float64).fill_null(np.nan).to_numpy()

    def whole(values: npt.NDArray[np.float64], otherwise: int) -> Ints:
        """Rounded; what is not known is ``otherwise``."""
        return np.where(np.isfinite(values), np.rint(np.nan_to_num(values)), otherwise).astype(np.int64)

    m = np.zeros((len(table), _REPORT_SIZE), np.uint8)
    m[:, 0] = np.where((table["object_id"] == (ownship or "")).to_numpy(), _OWNSHIP, _TRAFFIC)
    source = table["source"].cast(pl.String).fill_null("unknown")
    guessed = (source == "estimated").to_numpy()
    own = source.is_in(["adsb", "uat", "adsc"]).to_numpy() | guessed
    named = table["object_id"].str.starts_with("icao:").to_numpy()
    m[:, 1] = np.where(own, 0, 2) + np.where(named, 0, 1)
    address = table["object_id"].str.slice(5).str.to_integer(base=16).to_numpy().astype(np.int64)
    lat, lon, nic = number("lat_deg"), number("lon_deg"), whole(number("nic"), 0)
    placed = np.isfinite(lat) & np.isfinite(lon)
    north = np.where(placed, whole(lat / _LSB_DEG, 0), 0)
    east = np.where(placed, whole(lon / _LSB_DEG, 0), 0)
    nic = np.where(placed, nic, 0)
    north = np.where(placed & (north == 0) & (east == 0) & (nic == 0), 1, north)
    for k, values in ((2, address), (5, north), (8, east)):
        for byte in range(3):
            m[:, k + byte] = values >> (16 - 8 * byte) & 0xFF
    alt = whole((number("alt_baro_ft") + 1_000.0) / 25.0, _NONE)
    alt = np.where((alt < 0) | (alt > _NONE), _NONE, alt)
    track, heading = number("track_deg"), number("heading_deg")
    points = np.where(np.isfinite(track), track, heading)
    turn = np.where(np.isfinite(track), 1, np.where(np.isfinite(heading), 3, 0))
    airborne = ~table["on_ground"].cast(pl.Boolean).fill_null(False).to_numpy()
    misc = turn | 4 * guessed | 8 * airborne
    speed = np.minimum(whole(number("gs_kt"), _NONE), _NONE)
    speed = np.where(np.isfinite(number("gs_kt")), np.minimum(speed, _NONE - 1), _NONE)
    climb = np.where(np.isfinite(number("vrate_fpm")), number("vrate_fpm"), number("vrate_geom_fpm")) / 64.0
    rate = whole(np.clip(climb, -_FASTEST_RATE - 1, _FASTEST_RATE + 1), _NO_RATE) & 0xFFF
    m[:, 11], m[:, 12] = alt >> 4, (alt & 15) << 4 | misc
    m[:, 13] = nic << 4 | whole(number("nac_p"), 0)
    m[:, 14], m[:, 15], m[:, 16] = speed >> 4, (speed & 15) << 4 | rate >> 8, rate & 0xFF
    m[:, 17] = whole(points / _TURN_DEG, 0) & 0xFF
    category = table["category"].fill_null("A0")
    m[:, 18] = [8 * "ABCD".find(c[0]) + int(c[1]) if c[:1] in "ABCD" and c[1:].isdigit() else 0 for c in category]
    signs = table["callsign"].fill_null("").str.to_uppercase().str.replace_all("[^0-9A-Z]", "").str.slice(0, 8)
    text = "".join(f"{sign:<8}" for sign in signs).encode()
    m[:, 19:27] = np.frombuffer(text, np.uint8).reshape(-1, 8)
    codes = {name: n for n, name in enumerate(EMERGENCIES) if 0 < n < 7}
    m[:, 27] = np.array([codes.get(e, 0) for e in table["emergency"].to_list()], np.uint8) << 4
    return m
