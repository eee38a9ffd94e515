"""readsb "heatmap" files, ``globe_history/<date>/heatmap/<half hour>.bin.ttf``, gzip inside.

Records of 16 bytes, little-endian: address (int32), latitude and longitude (int32, 1e-6 deg), altitude
(int16, 25 ft), ground speed (int16, 0.1 kt). An index of the slices comes first (its records are zero but for
the first field), then each slice: a record with the magic number and the slice's time, then its aircraft. A
record whose latitude is 2**30 or more holds squawk and call sign instead.

What the format cannot say: a position is up to one slice (30 s at most hosts) later than the slice's time,
which is the ``time_ns`` here; the altitude is geometric where the aircraft sent no pressure altitude; files
from before the address type was written call everything ADS-B; a fix at exactly 0 N 0 E with altitude, speed
0 looks like the index. Squawk 0000 cannot be told from none and is null. Call sign and squawk stand on the
positions after their record.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.links._rows import gathered, rows
from testigos.links._text import bytes_of, distinct, texts
from testigos.registry import Frames
from testigos.registry import frames as make_frames
from testigos.schema import REPORTS

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "recognise", "split"]

NAME: Final = "readsb_heatmap"
SPEC: Final = "readsb source, globe_index.h (struct heatEntry) and globe_index.c (handleHeatmap)"
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
    "callsign",
    "squawk",
    "offset",
    "length",
)

_RECORD: Final = np.dtype([("hex", "<u4"), ("lat", "<i4"), ("lon", "<i4"), ("alt", "<i2"), ("gs", "<i2")])
_MAGIC: Final = 0x0E7F7C9D
_ANONYMOUS: Final = 1 << 24  # readsb.h, MODES_NON_ICAO_ADDRESS
_UNUSED: Final = 3 << 25
_INFO: Final = 1 << 30
_GROUND: Final = -123
#: readsb.h, addrtype_t, five bits
_TYPES: Final = (
    *("adsb", "adsb", "adsr", "tisb", "adsc", "mlat", "other", "mode_s"),
    *("adsb", "adsr", "tisb", "tisb", "mode_ac"),
    *("unknown",) * 19,
)

#: time in ms (-1: none yet), address -> (call sign, squawk)
Carry = tuple[int, Mapping[int, tuple[int, int]]]


def _records(buffer: bytes) -> npt.NDArray[Any]:
    return np.frombuffer(buffer, _RECORD, len(buffer) // 16)


def recognise(head: bytes) -> int:
    """95 where a record with the magic number and a believable time stands, else 0."""
    table = _records(head)
    found = table[table["hex"] == _MAGIC]
    # The upper half of milliseconds since 1970 is 0 until 1970-02-19 and 978 in 2103.
    return 95 if len(found) and 100 < found["lat"][0] < 1000 else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame a record; the index and the slices' times are context."""
    table = _records(buffer)
    start = np.arange(len(table), dtype=np.int64) * 16
    zero = (table["lat"] == 0) & (table["lon"] == 0) & (table["alt"] == 0) & (table["gs"] == 0)
    context = zero | (table["hex"] == _MAGIC)
    stop = start + 16
    rest = buffer[16 * len(table) :]
    if final and rest:
        start, stop = np.append(start, 16 * len(table)), np.append(stop, len(buffer))
        context, rest = np.append(context, False), b""
    return make_frames(buffer, start, stop, context), rest


def _table(frames: Frames) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """The frames as records, and which of them are whole; the others are zero."""
    whole = frames.stop - frames.start == 16
    size = len(frames)
    if bool(whole.all()) and np.array_equal(frames.start, np.arange(size) * 16):
        return _records(frames.buffer)[:size], whole
    raw = np.zeros((size, 16), np.uint8)
    raw[whole] = bytes_of(frames.buffer)[frames.start[whole][:, None] + np.arange(16)]
    return raw.reshape(-1).view(_RECORD), whole


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a position (``ok``) or info record (``no_position``)."""
    before: Carry = (-1, {}) if carry is None else carry
    table, whole = _table(frames)
    time_ms = _slice_times(table["hex"], table["lat"], table["lon"], frames.context, before[0])
    last_ms = int(time_ms[-1]) if len(time_ms) else before[0]
    of = np.flatnonzero(~frames.context)
    if not len(of):
        return gathered([], GIVES), (last_ms, before[1])
    if len(of) < len(table):
        table, whole, time_ms = table[of], whole[of], time_ms[of]
    key = np.ascontiguousarray(table["hex"] & np.uint32(0x1FFFFFF))
    begin = np.arange(len(of), dtype=np.int64) * 4
    code, first = distinct(key.view(np.uint8), begin, begin + 4)
    addresses = key[first].tolist()
    malformed = ~whole | ((table["hex"] & np.uint32(_UNUSED)) != 0)
    info = table["lat"] >= _INFO
    at = np.flatnonzero(info & ~malformed)
    eight = np.ascontiguousarray(table[at]).view(np.uint64).reshape(-1, 2)[:, 1]
    digits = (table["lat"][at] & 0xFFFF).astype(np.int32)
    bad = np.zeros(len(of), np.bool_)
    bad[at] = ~_octal(digits)
    # What each address last said before this batch, then what the info records here say.
    said = [before[1].get(k, (0, 0)) for k in addresses]
    signs = np.concatenate((np.array([s for s, _ in said], np.uint64), eight))
    squawks = np.concatenate((np.array([s for _, s in said], np.int32), np.where(bad[at], 0, digits)))
    now = np.arange(len(addresses), dtype=np.uint32)
    holds = _latest(code, at, now)
    states = zip(signs[now].tolist(), squawks[now].tolist(), strict=True)
    known = {**before[1], **dict(zip(addresses, states, strict=True))}

    ids = [f"anon:{k & 0xFFFFFF:06x}" if k & _ANONYMOUS else f"icao:{k:06x}" for k in addresses]
    ground = table["alt"] == _GROUND
    columns: dict[str, Any] = {
        "object_id": pl.Series(ids).gather(code),
        "time_ns": pl.Series(time_ms * 1_000_000).set(pl.Series(time_ms < 0), None),
        "source": pl.Series(_TYPES, dtype=REPORTS["source"].dtype).gather(table["hex"] >> np.uint32(27)),
        "lat_deg": np.where(info, np.nan, table["lat"] / 1e6),
        "lon_deg": np.where(info, np.nan, table["lon"] / 1e6),
        "alt_baro_ft": np.where(info | ground, np.nan, table["alt"] * np.float32(25)),
        "on_ground": pl.Series(ground).set(pl.Series(info), None),
        "gs_kt": np.where(info | (table["gs"] == -1), np.nan, table["gs"] / np.float32(10)),
        "callsign": _callsigns(signs).gather(holds),
        "squawk": _squawks(squawks).gather(holds),
    }
    return gathered([rows(frames, of, columns, malformed, bad)], GIVES), (last_ms, known)


@njit(cache=True, nogil=True)
def _slice_times(hexes: Any, lat: Any, lon: Any, context: Any, before: Any) -> Any:
    """The time in ms of the slice that each record belongs to, -1 before the first."""
    time_ms = np.empty(len(hexes), np.int64)
    now = np.int64(before)
    for i in range(len(hexes)):
        if context[i] and hexes[i] == _MAGIC:
            now = (np.int64(lat[i]) << 32) | (np.int64(lon[i]) & 0xFFFFFFFF)
            if not 0 <= now <= 4_000_000_000_000:  # damaged: what follows has no known time
                now = np.int64(-1)
        time_ms[i] = now
    return time_ms


@njit(cache=True, nogil=True)
def _latest(code: Any, at: Any, now: Any) -> Any:
    """For each record the number of what its address said last; ``now`` holds that for each address.

    Numbers below ``len(now)`` are what an address said before, the k-th info record (at ``at[k]``) has number
    ``len(now) + k``.
    """
    holds = np.empty(len(code), np.uint32)
    k = 0
    for i in range(len(code)):
        if k < len(at) and at[k] == i:
            now[code[i]] = len(now) + k
            k += 1
        holds[i] = now[code[i]]
    return holds


def _octal(digits: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Which decimal numbers have at most four digits, all below 8."""
    good = digits <= 7777
    for power in (1, 10, 100, 1000):
        good &= digits // power % 10 <= 7
    return good


def _callsigns(signs: npt.NDArray[np.uint64]) -> pl.Series:
    begin = np.arange(len(signs), dtype=np.int64) * 8
    return texts(signs.view(np.uint8), begin, begin + 8, lambda t: t.rstrip("\0 ") or None)


def _squawks(squawks: npt.NDArray[np.int32]) -> pl.Series:
    begin = np.arange(len(squawks), dtype=np.int64) * 4
    code, first = distinct(squawks.view(np.uint8), begin, begin + 4)
    names = [f"{s:04d}" if s else None for s in squawks[first].tolist()]
    return pl.Series(names, dtype=pl.String).gather(code)
