"""binCraft: readsb's binary aircraft list, as its API and its tiles give it (mostly compressed with zstd).

A list is a header as long as one element, then the elements. All numbers are little-endian.

Header: now in ms (u64 at 0), bytes an element (u32 at 8), aircraft with position (u32 at 12), tile (u32 at 16),
south, west, north, east in degrees (i16 from 20), messages (u32 at 28), the receiver's latitude and longitude in
1e-6 degrees (i32 at 32 and 36), version as a date (u32 at 40).

An element has 112 bytes since version 20240218 (108 before), 4 more where it names a receiver. In that version the
ages grew to 32 bits, and that of the position moved to the end. Version 20250403 changed the scale of the signal.

The header is a context frame, each element a data frame. Nothing in an element says where it begins, so a list is
held back until its end, which is the end of the bytes or another header.

Source: readsb aircraft.h (struct binCraft), aircraft.c (toBinCraft), json_out.c (the header); what the versions mean:
tar1090 html/formatter.js.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._readsb import (
    EMERGENCIES,
    Floats,
    audit,
    flags_column,
    patterned,
    quality,
    sources,
    status_column,
    table,
    timed,
)
from testigos.links._series import only
from testigos.registry import Frames

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "recognise", "split"]

NAME = "bincraft"
SPEC = "https://github.com/wiedehopf/readsb/blob/dev/aircraft.h"
CHECKED = False
GIVES = (
    "object_id",
    "time_ns",
    "status",
    "source",
    "lat_deg",
    "lon_deg",
    "alt_baro_ft",
    "alt_geom_ft",
    "on_ground",
    "gs_kt",
    "track_deg",
    "vrate_fpm",
    "vrate_geom_fpm",
    "ias_kt",
    "tas_kt",
    "roll_deg",
    "heading_deg",
    "callsign",
    "squawk",
    "category",
    "emergency",
    "registration",
    "type_code",
    "military",
    "nic",
    "rc_m",
    "nac_p",
    "nac_v",
    "sil",
    "adsb_version",
    "rssi_dbfs",
    "offset",
    "length",
)

WIDE_AGES: Final = 20240218  # the version in which the ages grew to 32 bits
LINEAR_SIGNAL: Final = 20250403  # the version in which the signal byte became linear in dB

_HEAD: Final = 44  # bytes of a header that say something
_STRIDES: Final = (108, 112, 116)
_MOST: Final = 1 << 18  # elements of a list; what follows is damage
_PIECE: Final = 4096  # damage is cut into pieces of this size

_TYPES: Final = (
    "adsb_icao",
    "adsb_icao_nt",
    "adsr_icao",
    "tisb_icao",
    "adsc",
    "mlat",
    "other",
    "mode_s",
    "adsb_other",
    "adsr_other",
    "tisb_trackfile",
    "tisb_other",
    "mode_ac",
)

_HEADER: Final = np.dtype(
    [
        ("now", "<u8"),
        ("stride", "<u4"),
        ("positions", "<u4"),
        ("tile", "<u4"),
        ("limits", "<i2", 4),
        ("messages", "<u4"),
        ("receiver", "<i4", 2),
        ("version", "<u4"),
    ]
)
_ELEMENT: Final = np.dtype(
    [
        ("hex", "<u4"),
        ("seen", "<i4"),  # before WIDE_AGES two u16: seen_pos, seen
        ("lon", "<i4"),
        ("lat", "<i4"),
        ("rates", "<i2", 2),
        ("altitudes", "<i2", 2),
        ("nav", "<i2", 4),
        ("squawk", "<u2"),
        ("gs", "<i2"),
        ("mach", "<i2"),
        ("roll", "<i2"),
        ("track", "<i2"),
        ("track_rate", "<i2"),
        ("mag_heading", "<i2"),
        ("true_heading", "<i2"),
        ("weather", "<i2", 4),
        ("tas", "<u2"),
        ("ias", "<u2"),
        ("rc", "<u2"),
        ("messages", "<u2"),
        ("category", "u1"),
        ("nic", "u1"),
        ("nibbles", "u1", 6),  # 66 nav modes, 67 emergency | type, 68 air/ground, 69 to 71 versions and accuracies
        ("flags", "u1", 6),  # 72 sil | gva | sda | nic supplements, 73 to 77 which values are valid
        ("callsign", "S8"),
        ("db_flags", "<u2"),
        ("type_code", "S4"),
        ("registration", "S12"),
        ("receivers", "u1"),
        ("signal", "u1"),
        ("extra", "u1", 2),
        ("seen_pos", "<i4"),  # since WIDE_AGES
    ]
)
assert (_HEADER.itemsize, _ELEMENT.itemsize) == (_HEAD, 112)


@dataclass(frozen=True, slots=True)
class _List:
    """What a header says of the elements after it."""

    now_us: float
    stride: int
    version: int


def _list_at(buffer: bytes, i: int) -> _List | None:
    """The header at ``i``, which has ``_HEAD`` bytes, or null where there is none."""
    head = np.frombuffer(buffer, _HEADER, 1, i)[0]
    now, stride, version = int(head["now"]), int(head["stride"]), int(head["version"])
    south, west, north, east = head["limits"].tolist()
    plausible = (
        1_200_000_000_000 <= now < 4_200_000_000_000  # 2008 to 2103
        and stride in _STRIDES
        and (version < WIDE_AGES or stride > 108)
        and -90 <= south <= north <= 90
        and -180 <= west <= 180
        and -180 <= east <= 180
    )
    return _List(now * 1e3, stride, version) if plausible else None


def recognise(head: bytes) -> int:
    """Whether a plausible header opens the document."""
    return 85 if len(head) >= _HEAD and _list_at(head, 0) is not None else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """Whole lists, and what needs more bytes; what follows no header is damage in pieces."""
    start: list[int] = []
    stop: list[int] = []
    context: list[bool] = []
    i, n = 0, len(buffer)
    while i < n and (final or n - i >= _HEAD):
        found = _list_at(buffer, i) if n - i >= _HEAD else None
        if found is None:
            if n - i < _PIECE and not final:
                break
            pieces = [(i, min(i + _PIECE, n))]
        else:
            end, whole = _list_end(buffer, i, found.stride, final)
            if not whole:
                break
            cuts = [*range(i, end, found.stride), end]
            pieces = list(pairwise(cuts))
        start += [a for a, _ in pieces]
        stop += [b for _, b in pieces]
        context += [found is not None, *[False] * (len(pieces) - 1)]
        i = pieces[-1][1]
    made = Frames(buffer, np.array(start, np.int64), np.array(stop, np.int64), np.array(context, np.bool_))
    return made, buffer[i:]


def _list_end(buffer: bytes, begin: int, stride: int, final: bool) -> tuple[int, bool]:
    """Where the list at ``begin`` ends, and whether that is sure."""
    n = len(buffer)
    for i in range(begin + stride, begin + stride * (_MOST + 1), stride):
        if n - i < stride:
            return n, final
        # Its stride repeats where an element has its longitude: a cheap first look.
        if buffer[i + 8 : i + 12] == buffer[begin + 8 : begin + 12] and _list_at(buffer, i) is not None:
            return i, True
    return begin + stride * (_MOST + 1), True


def _lists(found: Frames, carry: _List | None) -> tuple[list[_List | None], npt.NDArray[np.int64]]:
    """The lists, the carried one first, and which of them each data frame belongs to."""
    begins = found.start[found.context].tolist()
    lists = [carry, *(_list_at(found.buffer, i) if len(found.buffer) - i >= _HEAD else None for i in begins)]
    return lists, np.cumsum(found.context, dtype=np.int64)[~found.context]


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """One row an element; bytes that are no element of a list are ``malformed``.

    The time is that of the position, or of the last message where there is none. A position that readsb no longer
    counts as valid is ``stale``, and such a row says nothing of what the aircraft did later.
    """
    lists, which = _lists(frames, carry)
    data = np.flatnonzero(~frames.context)
    rows = len(data)
    raw = np.frombuffer(frames.buffer, np.uint8)
    stride = np.array([0 if found is None else found.stride for found in lists])[which]
    version = np.array([0 if found is None else found.version for found in lists])[which]
    now = np.array([np.nan if found is None else found.now_us for found in lists])[which]
    width = (frames.stop - frames.start)[data]
    places = frames.start[data][:, None] + np.minimum(np.arange(112), np.maximum(width - 1, 0)[:, None])
    element = np.ascontiguousarray(raw[places]).view(_ELEMENT)[:, 0] if rows else np.empty(0, _ELEMENT)
    good = (stride > 0) & (width == stride) & (element["hex"] > 0) & (element["hex"] < 1 << 25)

    flags = element["flags"]

    def valid(byte: int, bit: int) -> npt.NDArray[np.bool_]:
        return np.asarray(good & (flags[:, byte - 72] & bit > 0))

    def scaled(values: npt.NDArray[Any], factor: float, where: npt.NDArray[np.bool_]) -> Floats:
        return np.where(where, values * factor, np.nan)

    wide = version >= WIDE_AGES
    seen = np.where(wide, element["seen"], (element["seen"] >> 16) & 0xFFFF) * 1e5
    seen_pos = np.where(wide, element["seen_pos"], element["seen"] & 0xFFFF) * 1e5
    fresh = valid(73, 64)
    # 16 bits of tenths overflow after 109 minutes, so that an old position has no time before WIDE_AGES.
    somewhere = ((element["lat"] != 0) | (element["lon"] != 0)) & (
        np.abs(element["lat"].astype(np.int64)) <= 90_000_000
    )
    old = good & ~fresh & wide & somewhere
    held = fresh | old
    time_ns, known = timed(now - np.where(held, seen_pos, seen))

    nibbles = element["nibbles"]
    code = nibbles[:, 1] >> 4
    names = pl.Series([*_TYPES, "unknown"]).gather(np.minimum(code, len(_TYPES)))
    source = sources(names)
    by_source = {"adsr": nibbles[:, 4] & 15, "tisb": nibbles[:, 4] >> 4}
    adsb_version = nibbles[:, 3] >> 4
    for name, said in by_source.items():
        adsb_version = np.where((source == name).to_numpy(), said, adsb_version)
    current = good & ~old
    ground = nibbles[:, 2] & 15  # 1: on the ground, 2: airborne, else unsure
    rate, altitude = element["rates"] * 8.0, element["altitudes"] * 25.0
    signal = element["signal"].astype(np.float64)
    dbfs = np.where(version >= LINEAR_SIGNAL, signal * 50 / 255 - 50, 10 * np.log10((signal / 255) ** 2 + 1.125e-5))
    values = {
        "lat_deg": np.where(held, element["lat"] / 1e6, np.nan),
        "lon_deg": np.where(held, element["lon"] / 1e6, np.nan),
        "alt_baro_ft": scaled(altitude[:, 0], 1.0, valid(73, 16) & current & (ground != 1)),
        "alt_geom_ft": scaled(altitude[:, 1], 1.0, valid(73, 32) & current),
        "gs_kt": scaled(element["gs"], 0.1, valid(73, 128) & current),
        "track_deg": np.where(valid(74, 8) & current, element["track"] / 90, np.nan),
        "vrate_fpm": scaled(rate[:, 0], 1.0, valid(75, 1) & current),
        "vrate_geom_fpm": scaled(rate[:, 1], 1.0, valid(75, 2) & current),
        "ias_kt": scaled(element["ias"], 1.0, valid(74, 1) & current),
        "tas_kt": scaled(element["tas"], 1.0, valid(74, 2) & current),
        "roll_deg": scaled(element["roll"], 0.01, valid(74, 32) & current),
        "heading_deg": np.where(valid(74, 128) & current, element["true_heading"] / 90, np.nan),
        "adsb_version": np.where(good & (adsb_version < 15), adsb_version, np.nan),
        "rssi_dbfs": np.where(current & (signal > 0), dbfs, np.nan),
    }
    values |= quality(
        {
            "nic": scaled(element["nic"], 1.0, held),
            "rc_m": scaled(element["rc"], 1.0, held),
            "nac_p": scaled(nibbles[:, 5] & 15, 1.0, valid(75, 32) & current),
            "nac_v": scaled(nibbles[:, 5] >> 4, 1.0, valid(75, 64) & current),
            "sil": scaled(flags[:, 0] & 3, 1.0, valid(75, 128) & current),
        },
        source.to_physical().to_numpy(),
    )
    columns, bad = audit(values)
    registration, type_code = _texts(element["registration"]), _texts(element["type_code"])
    in_database = (element["db_flags"] > 0) | (element["registration"] != b"") | (element["type_code"] != b"")
    emergency = pl.Series([None, *EMERGENCIES[1:], None], dtype=pl.String).gather(np.minimum(nibbles[:, 1] & 15, 8))
    columns += [
        only(_numbered(element["hex"]), good).alias("object_id"),
        only(pl.Series("time_ns", time_ns), known & good),
        status_column(
            rows,
            ("malformed", ~good),
            ("out_of_range", bad),
            ("no_time", ~known),
            ("no_position", ~held),
            ("stale", old),
        ),
        only(source, good),
        flags_column("on_ground", ground == 1, current & ((ground == 1) | (ground == 2))),
        only(patterned(_texts(element["callsign"]), "."), valid(73, 8)).alias("callsign"),
        only(patterned(_hexadecimal(element["squawk"], 4), "^[0-7]{4}$"), valid(76, 4)).alias("squawk"),
        only(patterned(_hexadecimal(element["category"], 2), "^[A-D][0-7]$"), good).alias("category"),
        only(emergency, valid(76, 8)).alias("emergency"),
        only(patterned(registration, "."), good).alias("registration"),
        only(patterned(type_code, "."), good).alias("type_code"),
        flags_column("military", element["db_flags"] & 1 > 0, good & in_database),
    ]
    return table(frames, data, columns, GIVES), lists[-1]


def _texts(values: npt.NDArray[Any]) -> pl.Series:
    """Texts of fixed fields; null where they are empty or not ASCII."""
    found, inverse = np.unique(values, return_inverse=True)
    names = [
        text.decode() if text and text.isascii() and text.decode().isprintable() else None for text in found.tolist()
    ]
    return pl.Series(names, dtype=pl.String).gather(inverse)


def _hexadecimal(values: npt.NDArray[Any], digits: int) -> pl.Series:
    found, inverse = np.unique(values, return_inverse=True)
    return pl.Series([f"{v:0{digits}X}" for v in found.tolist()], dtype=pl.String).gather(inverse)


def _numbered(addresses: npt.NDArray[Any]) -> pl.Series:
    """Names of addresses; bit 24 marks what is no ICAO address (readsb.h, MODES_NON_ICAO_ADDRESS)."""
    found, inverse = np.unique(addresses, return_inverse=True)
    names = [f"{'anon' if v >> 24 & 1 else 'icao'}:{v & 0xFFFFFF:06x}" for v in found.tolist()]
    return pl.Series(names, dtype=pl.String).gather(inverse)
