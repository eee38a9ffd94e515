"""UAT, the American 978 MHz link: the lines that dump978 and its relatives write, live or logged.

A line is ``-`` and the payload of an ADS-B message in hex (18 bytes short, 34 long) or ``+`` and that of an uplink
(432 bytes), a semicolon, and metadata: ``rs=`` symbols that Reed-Solomon mended, ``rssi=`` in dBFS, ``ss=`` an
amplitude of which 1000 is full scale, ``t=`` the time in s, ``rt=`` the receiver's own counter. A line that begins
with ``!`` is of the receiver. Logs can have nanoseconds since a START before each line (see ``_started``). A line
without any time has status ``no_time``.

The format has no checksum: what dump978 prints has passed Reed-Solomon. A payload without its semicolon was cut.

Own rules. The source follows the address qualifier: 0, 1, 4 and 5 are ``uat``, 3 is ``tisb``, 6 is ``adsr``. Qualifier
2 is an ICAO address in TIS-B or ADS-R: it is ``adsr`` where the message has a call sign, a squawk or a category, which
radar does not know, else ``tisb``. Only qualifiers 0 and 2 have ICAO addresses. An uplink is a row without an object;
its information frames (FIS-B products among them) are counted, not read.
"""

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links import _uat
from testigos.links._readsb import EMERGENCIES
from testigos.links._rows import gathered, rows
from testigos.links._started import began, split_started, stamps
from testigos.links._text import bytes_of, numbers, times
from testigos.links._uat_write import encode
from testigos.modes import columns
from testigos.registry import Frames
from testigos.registry import frames as make_frames
from testigos.schema import ALL, SOURCES

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "recognise", "split"]

NAME: Final = "uat"
SPEC: Final = "RTCA DO-282B; ICAO Doc 9861; https://github.com/flightaware/dump978 for the lines"
CHECKED: Final = False

_FLOATS: Final = (
    *("alt_baro_ft", "alt_geom_ft", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm", "heading_deg", "rc_m"),
    *("length_m", "width_m", "heading_mag_deg", "selected_alt_mcp_ft", "selected_alt_fms_ft", "selected_heading_deg"),
    "qnh_hpa",
)
_CODES: Final = (
    *("on_ground", "nic", "nac_p", "nac_v", "sil", "adsb_version", "ident", "nic_supplement_a", "nic_baro"),
    *("sil_supplement", "sda", "gva", "single_antenna", "autopilot", "vnav", "altitude_hold", "approach", "lnav"),
    *("tcas_operational", "tcas_ra"),
)
GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "callsign", "squawk", "category", "emergency"),
    *("rssi_dbfs", "address", "transmission", "stamp", "utc_synchronised", "tisb_site", "uplink_frames"),
    *_FLOATS,
    *_CODES,
    *("offset", "length"),
)

_LINE: Final = re.compile(
    rb"^(?:\d+,)?(?:-(?:[0-9a-fA-F]{36}|[0-9a-fA-F]{68})|\+[0-9a-fA-F]{864});|^START,|^!", re.MULTILINE
)
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ    "  # DO-282B 2.2.4.5.4.2; 37 is unavailable
_BY_QUALIFIER: Final = ("uat", "uat", "tisb", "tisb", "uat", "uat", "adsr", "unknown")

Ints = npt.NDArray[np.int64]


def recognise(head: bytes) -> int:
    """95 where most lines look like it and one is a message, else 0."""
    whole = head[: head.rfind(b"\n") + 1] or head
    found = _LINE.findall(whole)
    sure = any(b";" in line for line in found)
    lines = sum(1 for line in whole.split(b"\n") if line.strip())
    return 95 if sure and 2 * len(found) >= lines else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame a line; START and the receiver's own lines are context."""
    found, rest = split_started(buffer, final)
    own = bytes_of(buffer)[found.start] == 33 if len(found) else found.context
    return make_frames(buffer, found.start, found.stop, found.context | own), rest


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a message; ``carry`` is the last START in nanoseconds since 1970."""
    of = np.flatnonzero(~frames.context)
    begun, carry = began(frames, of, carry)
    size = len(of)
    if not size:
        return gathered([], GIVES), carry
    data = bytes_of(frames.buffer)
    kind = np.zeros(size, np.int16)
    payload = np.zeros((size, _uat.LONG), np.uint8)
    low, high = np.zeros((5, size), np.int64), np.zeros((5, size), np.int64)
    uplink = np.zeros((4, size), np.uint64)
    _uat.read_lines(data, frames.start[of], frames.stop[of], kind, payload, low, high, uplink)
    out = columns.allocate(size)
    columns.blank(out, size)
    qualifier, site = np.full(size, 7, np.uint8), np.full(size, 255, np.uint8)
    _uat.messages(payload, kind, out, qualifier, site)

    up = kind == _uat.UPLINK
    site[up] = uplink[1, up]
    odd = out.u8[columns.STATUS] == columns.OUT_OF_RANGE
    found: dict[str, Any] = {n: out.f32[columns.F32.index(n)] for n in _FLOATS}
    found |= {n: _codes(n, out.u8[columns.U8.index(n)]) for n in _CODES}
    found |= {n: out.f64[columns.F64.index(n)] for n in ("lat_deg", "lon_deg")}
    coupled = np.where(up, uplink[0], out.u8[columns.UTC_SYNCHRONISED])
    found |= {
        "object_id": _names(out.u32[columns.ADDRESS], qualifier, up),
        "source": _sources(qualifier, up),
        "callsign": _call_signs(out.u64[columns.CALLSIGN]),
        "squawk": _looked_up(out.u16[columns.SQUAWK], lambda n: f"{n:04o}"),
        "category": _looked_up(out.u8[columns.CATEGORY], lambda n: f"{'ABCD'[n // 8]}{n % 8}"),
        "emergency": _looked_up(out.u8[columns.EMERGENCY], lambda n: EMERGENCIES[n] if n else None),
        "address": _codes("address", out.u32[columns.ADDRESS]),
        "transmission": pl.Series(np.where(up, uplink[3], out.u64[columns.TRANSMISSION])),
        "utc_synchronised": _codes("utc_synchronised", coupled.astype(np.uint8)),
        "tisb_site": _codes("tisb_site", site),
        "uplink_frames": pl.Series(uplink[2].astype(np.uint16)).set(pl.Series(~up), None),
    }
    found |= _metadata(data, low, high, begun)
    odd |= found.pop("odd")
    return gathered([rows(frames, of, found, kind == _uat.DAMAGED, odd)], GIVES), carry


def _metadata(data: npt.NDArray[np.uint8], low: Ints, high: Ints, begun: Ints) -> dict[str, Any]:
    """Time, counter and signal level; ``odd`` marks the rows where one of them cannot be read."""
    stamp, known = stamps(data, low[0], high[0])
    known &= begun >= 0
    time_ns = np.where(known, begun + stamp, -1)
    told, given, odd = times(data, low[1], high[1])
    time_ns[given] = told[given]
    counter, unread = numbers(data, low[2], high[2])
    counted = np.isfinite(counter) & (counter >= 0) & (counter < 2**53)
    level, wrong = numbers(data, low[3], high[3])
    amplitude, unsaid = numbers(data, low[4], high[4])
    # Stratux's dump978 (gen_gdl90.go): 20·log10(ss / 1000); 0 is no measurement.
    heard = np.isfinite(amplitude) & (amplitude > 0)
    told_level = 20.0 * np.log10(np.where(heard, amplitude, 1.0) / 1000.0)
    return {
        "time_ns": pl.Series(time_ns).set(pl.Series(time_ns == -1), None),
        "stamp": pl.Series(np.where(counted, counter, 0).astype(np.uint64)).set(pl.Series(~counted), None),
        "rssi_dbfs": np.where(np.isnan(level) & heard, told_level, level),
        "odd": odd | unread | wrong | unsaid | (np.isfinite(counter) & ~counted),
    }


def _codes(name: str, values: npt.NDArray[Any]) -> pl.Series:
    """A column of numbers of which the highest is unknown."""
    return pl.Series(values).set(pl.Series(values == np.iinfo(values.dtype).max), None).cast(ALL[name].dtype)


def _looked_up(values: npt.NDArray[Any], text: Any) -> pl.Series:
    """Texts of numbers of which the highest is unknown."""
    distinct, place = np.unique(values, return_inverse=True)
    unknown = np.iinfo(values.dtype).max
    names = [None if n == unknown else text(n) for n in distinct.tolist()]
    return pl.Series(names, dtype=pl.String).gather(place)


def _call_signs(packed: npt.NDArray[np.uint64]) -> pl.Series:
    return _looked_up(packed, lambda n: "".join(_ALPHABET[n >> s & 63] for s in range(42, -1, -6)).rstrip() or None)


def _names(address: npt.NDArray[np.uint32], qualifier: npt.NDArray[np.uint8], up: npt.NDArray[np.bool_]) -> pl.Series:
    own = (qualifier & 7 == 0) | (qualifier & 7 == 2)
    key = np.where(own, 1 << 24, 0).astype(np.uint32) | address
    key[(address == columns.NONE32) | up] = columns.NONE32
    return _looked_up(key, lambda n: f"{'icao' if n >> 24 else 'anon'}:{n & 0xFFFFFF:06x}")


def _sources(qualifier: npt.NDArray[np.uint8], up: npt.NDArray[np.bool_]) -> pl.Series:
    code = np.array([SOURCES.index(n) for n in _BY_QUALIFIER], np.uint8)[qualifier & 7]
    code[qualifier == 2 | _uat.NAMED] = SOURCES.index("adsr")
    code[up] = SOURCES.index("uat")
    return pl.Series(SOURCES, dtype=pl.Enum(SOURCES)).gather(code)
