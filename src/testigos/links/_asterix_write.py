"""Rows to ASTERIX records of categories 021, 048 and 062, one data block a row; written from the specification.

Sources: as in ``_asterix_spec``. Items of a record stand in the order of the UAP, so each is given by its FRN.
"""

from typing import Final

import numpy as np
import polars as pl

from testigos.kernels import kernel
from testigos.links._asterix_read import EMITTERS, PIC_M
from testigos.matrix import UNKNOWN, codes, numbers, texts, whole_numbers
from testigos.registry import Pieces
from testigos.schema import SOURCES, STATES
from testigos.units import FT_M, KT_MPS

__all__ = ["pieces"]

_ROOM: Final = 200  #: more than the longest block of a row
_S_NS: Final = 10**9
_DAY_S: Final = 86_400
_SIGMAS95: Final = 2.448  # see _asterix_read
_SIGMAS95_LINE: Final = 1.960

_NUMBERS: Final = (
    *("lat_deg", "lon_deg", "range_nmi", "azimuth_deg", "alt_baro_ft", "alt_geom_ft", "alt_msl_ft", "gs_kt"),
    *("track_deg", "vrate_fpm", "vrate_geom_fpm", "ias_kt", "tas_kt", "roll_deg", "heading_deg", "heading_mag_deg"),
    *("rc_m", "signal_dbm", "accuracy95_m", "height_accuracy95_m", "radius95_m", "height95_m", "cov_east_m2"),
    *("cov_east_north_m2", "cov_north_m2"),
)
(
    _LAT, _LON, _RANGE, _AZIMUTH, _ALT_BARO, _ALT_GEOM, _ALT_MSL, _GS, _TRACK, _VRATE, _VRATE_GEOM, _IAS, _TAS, _ROLL,
    _HEADING, _HEADING_MAG, _RC, _SIGNAL, _ACCURACY, _HEIGHT_ACCURACY, _RADIUS, _HEIGHT95, _COV_EAST, _COV_BOTH,
    _COV_NORTH,
) = range(len(_NUMBERS))  # fmt: skip
_CODES: Final = (
    *("time_ns", "source", "on_ground", "nic", "nac_p", "nac_v", "sil", "adsb_version", "simulated", "state"),
    *("stale_ns", "sac", "sic", "track_number", "slot"),
)
(
    _TIME, _SOURCE, _GROUND, _NIC, _NACP, _NACV, _SIL, _VERSION, _SIMULATED, _STATE, _STALE, _SAC, _SIC, _NUMBER, _SLOT,
) = range(len(_CODES))  # fmt: skip
_TEXTS: Final = ("object_id", "callsign", "squawk", "category", "emergency", "type_code")
_NULL: Final = -(1 << 62)

_ADSB, _ADSR, _ADSC, _MLAT, _UAT, _RADAR, _MODE_S, _ESTIMATED = (
    SOURCES.index(name) for name in ("adsb", "adsr", "adsc", "mlat", "uat", "radar", "mode_s", "estimated")
)
_COASTING, _DEAD = STATES.index("coasting"), STATES.index("dead")

#: The emitter category of 8 x letter + digit, 0 where there is none.
_ECAT: Final = np.zeros(32, np.int64)
_ECAT[EMITTERS] = np.arange(len(EMITTERS))
_ECAT[0] = 0


@kernel
def _put(out, at, value, size):  # type: ignore[no-untyped-def]
    """A whole number in so many bytes, in two's complement."""
    for k in range(size):
        out[at + k] = np.uint8(value >> (8 * (size - 1 - k)) & 0xFF)
    return at + size


@kernel
def _steps(value, step):  # type: ignore[no-untyped-def]
    return np.int64(np.rint(value / step))


@kernel
def _fits(value, step, low, high):  # type: ignore[no-untyped-def]
    """Is the number known, and its code between two?"""
    return value == value and low <= np.rint(value / step) <= high


@kernel
def _flag(flags, place):  # type: ignore[no-untyped-def]
    """Say that an item, counted from 1, is present."""
    flags[(place - 1) // 7] |= np.uint8(1 << (7 - (place - 1) % 7))


@kernel
def _put_flagged(out, at, flags, body, size):  # type: ignore[no-untyped-def]
    """Presence bits as far as any is set, then what they announce; clears the bits."""
    last = len(flags) - 1
    while last > 0 and not flags[last]:
        last -= 1
    for k in range(last + 1):
        out[at] = np.uint8(flags[k] | (1 if k < last else 0))
        flags[k] = 0
        at += 1
    for k in range(size):
        out[at + k] = body[k]
    return at + size


@kernel
def _put_angle(out, at, angle, bits):  # type: ignore[no-untyped-def]
    """A turn in two bytes, 0 to 360 degrees."""
    return _put(out, at, _steps(angle, 360.0 / (1 << bits)) & ((1 << bits) - 1), 2)


@kernel
def _put_place(out, at, lat, lon, half):  # type: ignore[no-untyped-def]
    """Latitude and longitude in four bytes each; ``half``: the code of 180 degrees, which is written as -180."""
    at = _put(out, at, _steps(lat, 180.0 / half), 4)
    east = _steps(lon, 180.0 / half)
    return _put(out, at, east - 2 * half if east >= half else east, 4)


@kernel
def _hex(byte):  # type: ignore[no-untyped-def]
    if 48 <= byte <= 57:
        return byte - 48
    if 97 <= byte <= 102:
        return byte - 87
    return -1


@kernel
def _address(text, low, high):  # type: ignore[no-untyped-def]
    """Of ``icao:ae503d`` the number, of ``anon:`` 2^24 more; -1 where it is neither."""
    if high - low != 11 or text[low + 4] != 58:
        return -1
    first = text[low]
    if first == 105 and text[low + 1] == 99 and text[low + 2] == 97 and text[low + 3] == 111:
        value = 0
    elif first == 97 and text[low + 1] == 110 and text[low + 2] == 111 and text[low + 3] == 110:
        value = 1
    else:
        return -1
    for k in range(low + 5, high):
        digit = _hex(np.int64(text[k]))
        if digit < 0:
            return -1
        value = value << 4 | digit
    return value


@kernel
def _track(text, low, high):  # type: ignore[no-untyped-def]
    """Of ``track:1-2-345`` the three numbers in 8, 8 and 16 bits; -1 where it is none."""
    if high - low < 11 or text[low] != 116 or text[low + 5] != 58:
        return -1
    value, part, parts, digits = np.int64(0), np.int64(0), 0, 0
    for k in range(low + 6, high):
        if text[k] == 45 and digits and parts < 2:
            if part > 0xFF:
                return -1
            value, part, parts, digits = value << 8 | part, np.int64(0), parts + 1, 0
        elif 48 <= text[k] <= 57 and digits < 5:
            part, digits = part * 10 + np.int64(text[k]) - 48, digits + 1
        else:
            return -1
    return value << 16 | part if parts == 2 and digits and part <= 0xFFFF else -1


@kernel
def _folded(text, low, high):  # type: ignore[no-untyped-def]
    """16 bits of any name. Source: FNV-1a, 32 bits, folded by xor."""
    value = np.int64(0x811C9DC5)
    for k in range(low, high):
        value = ((value ^ np.int64(text[k])) * 0x01000193) & 0xFFFFFFFF
    return (value >> 16 ^ value) & 0xFFFF


@kernel
def _sign(text, low, high):  # type: ignore[no-untyped-def]
    """Up to eight letters and digits of a call sign in six bits each; 0 where there is none."""
    code, count = np.int64(0), 0
    for k in range(low, high):
        byte = np.int64(text[k])
        if 97 <= byte <= 122:
            byte -= 32
        if (65 <= byte <= 90 or 48 <= byte <= 57) and count < 8:
            code, count = code << 6 | byte & 63, count + 1
    if not count:
        return 0
    for _ in range(count, 8):
        code = code << 6 | 32
    return code


@kernel
def _squawk(text, low, high):  # type: ignore[no-untyped-def]
    """Four octal digits as a number; -1 where it is none."""
    if high - low != 4:
        return -1
    code = np.int64(0)
    for k in range(low, high):
        if not 48 <= text[k] <= 55:
            return -1
        code = code << 3 | np.int64(text[k]) - 48
    return code


@kernel
def _emitter(text, low, high):  # type: ignore[no-untyped-def]
    """The emitter category of ``A3``; 0 where it has none."""
    if high - low != 2 or not 65 <= text[low] <= 68 or not 48 <= text[low + 1] <= 55:
        return 0
    return _ECAT[8 * (np.int64(text[low]) - 65) + np.int64(text[low + 1]) - 48]


@kernel
def _emergency(text, low, high):  # type: ignore[no-untyped-def]
    """Priority status 1 to 6 of the word for it, known by its length and first letter; 0 where it is none."""
    if low == high:
        return 0
    size, first = high - low, text[low]
    if size == 7 and first == 103:
        return 1  # general
    if size == 9 and first == 108:
        return 2  # lifeguard
    if size == 7 and first == 109:
        return 3  # minfuel
    if size == 5 and first == 110:
        return 4  # nordo
    if size == 8 and first == 117:
        return 5  # unlawful
    return 6 if size == 6 and first == 100 else 0  # downed


@kernel
def _body_21(n, c, address, sign, squawk, emitter, emergency, out, flags):  # type: ignore[no-untyped-def]
    at = 2
    placed = n[_LAT] == n[_LAT] and n[_LON] == n[_LON]
    ground = c[_GROUND] == 1
    _flag(flags, 2)
    out[at] = np.uint8((3 << 5 if address >> 24 else 0) | 2 << 3)  # ARC: unknown
    at += 1
    if c[_GROUND] >= 0 or c[_SIMULATED] == 1:
        out[at - 1] |= 1
        out[at] = np.uint8((0x40 if ground else 0) | (0x20 if c[_SIMULATED] == 1 else 0))
        at += 1
    if c[_NUMBER] >= 0:
        _flag(flags, 3)
        at = _put(out, at, c[_NUMBER] & 0xFFF, 2)
    ticks = c[_TIME]
    if ticks >= 0 and placed:
        _flag(flags, 5)
        at = _put(out, at, ticks, 3)
    if placed:
        _flag(flags, 7)
        at = _put_place(out, at, n[_LAT], n[_LON], 1 << 30)
    if _fits(n[_IAS], 3600.0 / (1 << 14), 0, 0x7FFF):
        _flag(flags, 9)
        at = _put(out, at, _steps(n[_IAS], 3600.0 / (1 << 14)), 2)
    if _fits(n[_TAS], 1.0, 0, 0x7FFF):
        _flag(flags, 10)
        at = _put(out, at, _steps(n[_TAS], 1.0), 2)
    _flag(flags, 11)
    at = _put(out, at, address & 0xFFFFFF, 3)
    if _fits(n[_ALT_GEOM], 6.25, -32768, 32766):
        _flag(flags, 16)
        at = _put(out, at, _steps(n[_ALT_GEOM], 6.25), 2)
    rated = c[_VERSION] != 0  # in version 0 the bits are something else
    pic = 0
    if n[_RC] == n[_RC]:
        for code in range(1, 15):
            if PIC_M[code] >= n[_RC] * 0.9999:
                pic = code
    second = (rated and (c[_NACP] >= 0 or c[_SIL] >= 0)) or pic > 0
    if (rated and (c[_NIC] >= 0 or c[_NACV] >= 0)) or second:
        _flag(flags, 17)
        nac_v, nic = (max(c[_NACV], 0), max(c[_NIC], 0)) if rated else (0, 0)
        out[at] = np.uint8(nac_v << 5 | nic << 1 | (1 if second else 0))
        at += 1
        if second:
            sil, nac_p = (max(c[_SIL], 0), max(c[_NACP], 0)) if rated else (0, 0)
            out[at] = np.uint8(sil << 5 | nac_p << 1 | (1 if pic else 0))
            at += 1
        if pic:
            out[at], out[at + 1] = 1, np.uint8(pic << 4)
            at += 2
    _flag(flags, 18)
    version = c[_VERSION] if c[_VERSION] >= 0 else 2
    out[at] = np.uint8(version << 3 | (1 if c[_SOURCE] == _UAT else 2 if c[_SOURCE] == _ADSB else 0))
    at += 1
    if squawk >= 0:
        _flag(flags, 19)
        at = _put(out, at, squawk, 2)
    if _fits(n[_ROLL], 0.01, -18000, 18000):
        _flag(flags, 20)
        at = _put(out, at, _steps(n[_ROLL], 0.01), 2)
    if _fits(n[_ALT_BARO], 25.0, -32768, 32767):
        _flag(flags, 21)
        at = _put(out, at, _steps(n[_ALT_BARO], 25.0), 2)
    if n[_HEADING_MAG] == n[_HEADING_MAG]:
        _flag(flags, 22)
        at = _put_angle(out, at, n[_HEADING_MAG], 16)
    if emergency:
        _flag(flags, 23)
        out[at] = np.uint8(0x40 | emergency << 2)  # LNAV: not engaged, or not known
        at += 1
    if _fits(n[_VRATE], 6.25, -16384, 16383):
        _flag(flags, 24)
        at = _put(out, at, _steps(n[_VRATE], 6.25) & 0x7FFF, 2)
    if _fits(n[_VRATE_GEOM], 6.25, -16384, 16383):
        _flag(flags, 25)
        at = _put(out, at, _steps(n[_VRATE_GEOM], 6.25) & 0x7FFF, 2)
    turned = n[_TRACK] == n[_TRACK]
    if not ground and turned and _fits(n[_GS], 3600.0 / (1 << 14), 0, 0x7FFF):
        _flag(flags, 26)
        at = _put(out, at, _steps(n[_GS], 3600.0 / (1 << 14)), 2)
        at = _put_angle(out, at, n[_TRACK], 16)
    if ticks >= 0 and not placed:
        _flag(flags, 28)
        at = _put(out, at, ticks, 3)
    if sign:
        _flag(flags, 29)
        at = _put(out, at, sign, 6)
    if emitter:
        _flag(flags, 30)
        out[at] = np.uint8(emitter)
        at += 1
    if _fits(n[_SIGNAL], 1.0, -128, 127):
        _flag(flags, 38)
        at = _put(out, at, _steps(n[_SIGNAL], 1.0), 1)
    surface = ground and _fits(n[_GS], 0.125, 0, 0x7FF)
    if surface or n[_HEADING] == n[_HEADING]:
        _flag(flags, 48)
        first = at
        at += 2
        out[first + 1] = np.uint8((0x08 if surface else 0) | (0x02 if n[_HEADING] == n[_HEADING] else 0))
        if surface:
            speed = _steps(n[_GS], 0.125)
            at = _put(out, at, (1 << 15 if speed == 0 else 0) | (0x6000 if turned else 0) | speed << 1, 2)
            if turned:
                out[at - 1] |= 1
                out[at] = np.uint8((_steps(n[_TRACK], 360.0 / 128.0) & 0x7F) << 1)
                at += 1
        if n[_HEADING] == n[_HEADING]:
            at = _put_angle(out, at, n[_HEADING], 16)
        out[first] = np.uint8(at - first)
    return at


@kernel
def _body_48(n, c, address, sign, squawk, ended, out, flags):  # type: ignore[no-untyped-def]
    at = 2
    if c[_TIME] >= 0:
        _flag(flags, 2)
        at = _put(out, at, c[_TIME], 3)
    _flag(flags, 3)
    levelled = _fits(n[_ALT_BARO], 25.0, -8192, 8191)
    kind = 5 if address >= 0 else 2 if squawk >= 0 or levelled else 1
    if c[_SOURCE] == _ESTIMATED:
        kind = 0
    out[at] = np.uint8(kind << 5 | (0x10 if c[_SIMULATED] == 1 else 0))
    at += 1
    if _fits(n[_RANGE], 1.0 / 256.0, 0, 0xFFFF) and n[_AZIMUTH] == n[_AZIMUTH]:
        _flag(flags, 4)
        at = _put(out, at, _steps(n[_RANGE], 1.0 / 256.0), 2)
        at = _put_angle(out, at, n[_AZIMUTH], 16)
    if squawk >= 0:
        _flag(flags, 5)
        at = _put(out, at, squawk, 2)
    if levelled:
        _flag(flags, 6)
        at = _put(out, at, _steps(n[_ALT_BARO], 25.0) & 0x3FFF, 2)
    if _fits(n[_SIGNAL], 1.0, -128, 127):
        _flag(flags, 7)
        out[at] = 0x20
        at = _put(out, at + 1, _steps(n[_SIGNAL], 1.0), 1)
    if address >= 0:
        _flag(flags, 8)
        at = _put(out, at, address, 3)
    if sign:
        _flag(flags, 9)
        at = _put(out, at, sign, 6)
    if c[_NUMBER] >= 0:
        _flag(flags, 11)
        at = _put(out, at, c[_NUMBER] & 0xFFF, 2)
    if n[_TRACK] == n[_TRACK] and _fits(n[_GS], 3600.0 / (1 << 14), 0, 0xFFFF):
        _flag(flags, 13)
        at = _put(out, at, _steps(n[_GS], 3600.0 / (1 << 14)), 2)
        at = _put_angle(out, at, n[_TRACK], 16)
    if ended:
        _flag(flags, 14)
        out[at], out[at + 1] = 1, 0x80
        at += 2
    if _fits(n[_ALT_MSL], 25.0, -8192, 8191):
        _flag(flags, 19)
        at = _put(out, at, _steps(n[_ALT_MSL], 25.0) & 0x3FFF, 2)
    if address >= 0:
        _flag(flags, 21)
        at = _put(out, at, (c[_GROUND] if c[_GROUND] >= 0 else 7) << 10, 2)
    return at


@kernel
def _derived_62(n, c, address, sign, emitter, emergency, out, flags):  # type: ignore[no-untyped-def]
    """The subfields of I062/380."""
    at = 0
    if address >= 0:
        _flag(flags, 1)
        at = _put(out, at, address, 3)
        if sign:
            _flag(flags, 2)
            at = _put(out, at, sign, 6)
    if n[_HEADING_MAG] == n[_HEADING_MAG]:
        _flag(flags, 3)
        at = _put_angle(out, at, n[_HEADING_MAG], 16)
    if _fits(n[_IAS], 3600.0 / (1 << 14), 0, 0x7FFF):
        _flag(flags, 4)
        at = _put(out, at, _steps(n[_IAS], 3600.0 / (1 << 14)), 2)
    if _fits(n[_TAS], 1.0, 0, 0xFFFF):
        _flag(flags, 5)
        at = _put(out, at, _steps(n[_TAS], 1.0), 2)
    if c[_GROUND] == 1 or emergency:
        _flag(flags, 11)
        out[at], out[at + 1] = np.uint8(2 if c[_GROUND] == 1 else 0), np.uint8(emergency)
        at += 2
    if _fits(n[_VRATE_GEOM], 6.25, -32768, 32767):
        _flag(flags, 14)
        at = _put(out, at, _steps(n[_VRATE_GEOM], 6.25), 2)
    if _fits(n[_ROLL], 0.01, -18000, 18000):
        _flag(flags, 15)
        at = _put(out, at, _steps(n[_ROLL], 0.01), 2)
    whole = n[_GS] == n[_GS] and n[_TRACK] == n[_TRACK]
    if n[_TRACK] == n[_TRACK] and not whole:
        _flag(flags, 17)
        at = _put_angle(out, at, n[_TRACK], 16)
    if not whole and _fits(n[_GS], 3600.0 / (1 << 14), 0, 0x7FFF):
        _flag(flags, 18)
        at = _put(out, at, _steps(n[_GS], 3600.0 / (1 << 14)), 2)
    if emitter:
        _flag(flags, 21)
        out[at] = np.uint8(emitter)
        at += 1
    return at


@kernel
def _accuracy_62(n, out, flags):  # type: ignore[no-untyped-def]
    """The subfields of I062/500 that are known: of the filter's covariance, else of a radius."""
    at = 0
    east, north, both = np.sqrt(n[_COV_EAST]), np.sqrt(n[_COV_NORTH]), n[_COV_BOTH]
    if not (east == east and north == north and both == both):
        radius = n[_RADIUS] if n[_RADIUS] == n[_RADIUS] else n[_ACCURACY]
        east, north, both = radius / _SIGMAS95, radius / _SIGMAS95, 0.0
    if east == east:
        _flag(flags, 1)
        at = _put(out, at, min(_steps(min(east, 1e6), 0.5), 0xFFFF), 2)
        at = _put(out, at, min(_steps(min(north, 1e6), 0.5), 0xFFFF), 2)
        mixed = _steps(min(np.sqrt(abs(both)), 16_383.0), 0.5)
        if mixed:
            _flag(flags, 2)
            at = _put(out, at, mixed if both > 0.0 else -mixed, 2)
    height = n[_HEIGHT95] if n[_HEIGHT95] == n[_HEIGHT95] else n[_HEIGHT_ACCURACY]
    if height == height:
        _flag(flags, 4)
        at = _put(out, at, min(_steps(min(height / _SIGMAS95_LINE / FT_M, 1e6), 6.25), 0xFF), 1)
    return at


@kernel
def _body_62(n, c, address, sign, squawk, emitter, emergency, ended, kind, track, out, flags, inner, inner_flags):  # type: ignore[no-untyped-def]
    at = 2
    if c[_TIME] >= 0:
        _flag(flags, 4)
        at = _put(out, at, c[_TIME], 3)
    if n[_LAT] == n[_LAT] and n[_LON] == n[_LON]:
        _flag(flags, 5)
        at = _put_place(out, at, n[_LAT], n[_LON], 1 << 25)
    if n[_GS] == n[_GS] and n[_TRACK] == n[_TRACK]:
        _flag(flags, 7)
        speed, course = n[_GS] * KT_MPS * 4.0, np.radians(n[_TRACK])
        at = _put(out, at, np.int64(np.rint(speed * np.sin(course))), 2)
        at = _put(out, at, np.int64(np.rint(speed * np.cos(course))), 2)
    if squawk >= 0:
        _flag(flags, 9)
        at = _put(out, at, squawk, 2)
    if sign and address < 0:
        _flag(flags, 10)
        out[at] = 0x40  # a call sign, not downlinked
        at = _put(out, at + 1, sign, 6)
    size = _derived_62(n, c, address, sign, emitter, emergency, inner, inner_flags)
    if size:
        _flag(flags, 11)
        at = _put_flagged(out, at, inner_flags, inner, size)
    _flag(flags, 12)
    at = _put(out, at, track, 2)
    _flag(flags, 13)
    coasting = c[_STATE] == _COASTING or c[_SOURCE] == _ESTIMATED
    more = c[_SIMULATED] == 1 or ended or coasting
    geometric = n[_ALT_BARO] != n[_ALT_BARO] and n[_ALT_GEOM] == n[_ALT_GEOM]
    out[at] = np.uint8((0x20 if geometric else 0) | (1 if more else 0))
    at += 1
    if more:
        out[at] = np.uint8((0x80 if c[_SIMULATED] == 1 else 0) | (0x40 if ended else 0) | (1 if coasting else 0))
        at += 1
    if coasting:
        out[at], out[at + 1] = 1, 0x80
        at += 2
    # I062/290: the age of what the position is from, which is 0 at its own time
    source = c[_SOURCE]
    age = 0
    if source in (_ADSB, _ADSR):
        age = 6
    elif source == _UAT:
        age = 8
    elif source == _MLAT:
        age = 10
    elif source == _ADSC:
        age = 5
    elif source == _MODE_S or (source == _RADAR and address >= 0):
        age = 4
    elif source == _RADAR:
        age = 3 if squawk >= 0 else 2
    if age:
        _flag(flags, 14)
        _flag(inner_flags, age)
        inner[0] = inner[1] = 0
        at = _put_flagged(out, at, inner_flags, inner, 2 if age == 5 else 1)
    if _fits(n[_ALT_BARO], 25.0, -32768, 32767):
        _flag(flags, 17)
        at = _put(out, at, _steps(n[_ALT_BARO], 25.0), 2)
    if _fits(n[_ALT_GEOM], 6.25, -32768, 32767):
        _flag(flags, 18)
        at = _put(out, at, _steps(n[_ALT_GEOM], 6.25), 2)
    if _fits(n[_ALT_MSL], 25.0, -16384, 16383):
        _flag(flags, 19)
        at = _put(out, at, 0x8000 | _steps(n[_ALT_MSL], 25.0) & 0x7FFF, 2)
    if _fits(n[_VRATE], 6.25, -32768, 32767):
        _flag(flags, 20)
        at = _put(out, at, _steps(n[_VRATE], 6.25), 2)
    if kind:
        _flag(flags, 21)
        out[at] = 0x08
        at = _put(out, at + 1, kind, 4)
    size = _accuracy_62(n, inner, inner_flags)
    if size:
        _flag(flags, 27)
        at = _put_flagged(out, at, inner_flags, inner, size)
    return at


@kernel
def _type(text, low, high):  # type: ignore[no-untyped-def]
    """A type designator in four bytes of ASCII; 0 where it is none."""
    if not 0 < high - low <= 4:
        return 0
    code = np.int64(0)
    for k in range(4):
        byte = np.int64(text[low + k]) if low + k < high else np.int64(32)
        if byte != 32 and not 48 <= byte <= 57 and not 65 <= byte <= 90:
            return 0
        code = code << 8 | byte
    return code


@kernel
def _write(  # type: ignore[no-untyped-def]
    numbers, codes, ids, id_at, signs, sign_at, squawks, squawk_at, emitters, emitter_at, words, word_at, types,
    type_at, wanted, own_sac, own_sic, n, c, body, flags, inner, inner_flags, out, start,
):  # fmt: skip
    at = 0
    for i in range(len(start) - 1):
        start[i] = at
        for k in range(len(n)):
            n[k] = numbers[k, i]
        for k in range(len(c)):
            c[k] = codes[k, i]
        address = _address(ids, id_at[i], id_at[i + 1])
        category = wanted
        if not category:
            if address >= 0 and (c[_SOURCE] == _ADSB or c[_SOURCE] == _UAT):
                category = 21
            else:
                category = 48 if n[_RANGE] == n[_RANGE] and n[_AZIMUTH] == n[_AZIMUTH] else 62
        track = _track(ids, id_at[i], id_at[i + 1])
        sac = c[_SAC] if c[_SAC] >= 0 else track >> 24 if track >= 0 else own_sac
        sic = c[_SIC] if c[_SIC] >= 0 else track >> 16 & 0xFF if track >= 0 else own_sic
        if c[_NUMBER] < 0:
            c[_NUMBER] = track & 0xFFFF if track >= 0 else c[_SLOT]
        ended = c[_STATE] == _DEAD or (c[_STALE] != _NULL and c[_STALE] <= c[_TIME])
        if c[_TIME] != _NULL:
            day = c[_TIME] % (_DAY_S * _S_NS)
            c[_TIME] = (day * 128 + _S_NS // 2) // _S_NS % (_DAY_S * 128)
        sign = _sign(signs, sign_at[i], sign_at[i + 1])
        squawk = _squawk(squawks, squawk_at[i], squawk_at[i + 1])
        emergency = _emergency(words, word_at[i], word_at[i + 1])
        emitter = _emitter(emitters, emitter_at[i], emitter_at[i + 1])
        body[0], body[1] = np.uint8(sac), np.uint8(sic)
        if category == 21:
            if address < 0:
                continue
            size = _body_21(n, c, address, sign, squawk, emitter, emergency, body, flags)
        else:
            if address >= 1 << 24:
                address = -1  # there is no room for what kind of address it is
            if category == 48:
                if n[_RANGE] != n[_RANGE] or n[_AZIMUTH] != n[_AZIMUTH]:
                    continue
                size = _body_48(n, c, address, sign, squawk, ended, body, flags)
            else:
                if c[_NUMBER] < 0 and id_at[i] == id_at[i + 1]:
                    continue
                number = c[_NUMBER] & 0xFFFF if c[_NUMBER] >= 0 else _folded(ids, id_at[i], id_at[i + 1])
                kind = _type(types, type_at[i], type_at[i + 1])
                size = _body_62(
                    n, c, address, sign, squawk, emitter, emergency, ended, kind, number, body, flags, inner,
                    inner_flags,
                )  # fmt: skip
        _flag(flags, 1)
        end = _put_flagged(out, at + 3, flags, body, size)
        out[at] = np.uint8(category)
        _put(out, at + 1, end - at, 2)
        at = end
    start[-1] = at
    return at


def pieces(tracks: pl.DataFrame, category: int | None, sac: int, sic: int) -> Pieces:
    """As ``asterix.pieces``."""
    size = len(tracks)
    code = codes(tracks, _CODES)
    code[[_TIME, _STALE]] = whole_numbers(tracks, ("time_ns", "stale_ns"))
    code[code == UNKNOWN] = _NULL
    said = texts(tracks, _TEXTS)
    words = [part for start in said.start for part in (said.data, start)]
    out, start = np.empty(size * _ROOM, np.uint8), np.zeros(size + 1, np.int64)
    room = np.empty(len(_NUMBERS)), np.empty(len(_CODES), np.int64), np.empty(_ROOM, np.uint8), np.zeros(8, np.uint8)
    inner = np.empty(_ROOM, np.uint8), np.zeros(5, np.uint8)
    end = _write(numbers(tracks, _NUMBERS), code, *words, category or 0, sac, sic, *room, *inner, out, start)
    return Pieces(out[:end].copy(), start)
