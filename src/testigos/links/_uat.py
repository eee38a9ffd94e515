"""Kernels for UAT payloads: the lines that dump978 writes, their ADS-B messages, and the frame of an uplink.

A field is named by its first byte and bit, both counted from 1, as the specification does.

Source: RTCA DO-282B, 2.2.4.5 (ADS-B payload) and 2.2.3.2 (ground uplink), as FlightAware's dump978 (uat_message.cc)
and mutability's (uat_decode.c) read them; ICAO Doc 9861. Where those two differ the choice is named below.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from testigos.modes.columns import (
    ADDRESS,
    ADSB_VERSION,
    ALT_BARO_FT,
    ALT_GEOM_FT,
    ALTITUDE_HOLD,
    APPROACH,
    AUTOPILOT,
    CALLSIGN,
    CATEGORY,
    EMERGENCY,
    GS_KT,
    GVA,
    HEADING_DEG,
    HEADING_MAG_DEG,
    IDENT,
    LAT_DEG,
    LENGTH_M,
    LNAV,
    LON_DEG,
    NAC_P,
    NAC_V,
    NIC,
    NIC_BARO,
    NIC_SUPPLEMENT_A,
    ON_GROUND,
    OUT_OF_RANGE,
    QNH_HPA,
    RC_M,
    SDA,
    SELECTED_ALT_FMS_FT,
    SELECTED_ALT_MCP_FT,
    SELECTED_HEADING_DEG,
    SIL,
    SIL_SUPPLEMENT,
    SINGLE_ANTENNA,
    SQUAWK,
    STATUS,
    TCAS_OPERATIONAL,
    TCAS_RA,
    TRACK_DEG,
    TRANSMISSION,
    UTC_SYNCHRONISED,
    VNAV,
    VRATE_FPM,
    VRATE_GEOM_FPM,
    WIDTH_M,
)

__all__ = [
    "DAMAGED",
    "KEYS",
    "LENGTHS_M",
    "LONG",
    "NAMED",
    "RADII_M",
    "SHORT",
    "UPLINK",
    "WIDTHS_M",
    "messages",
    "read_lines",
]

DAMAGED, SHORT, LONG, UPLINK = 0, 18, 34, 432  #: kinds of message: bytes of its payload
KEYS: Final = ("t", "rt", "rssi", "ss")  #: what may follow a payload and is read; rs, the symbols mended, is not
NAMED: Final = 0x80  #: in ``qualifier``: the message names who it is of

#: Containment radius by NIC (DO-282B 2.2.4.5.2.4): for NIC 6 the largest, whatever its supplement says.
RADII_M: Final = np.array(
    [np.nan, 37_040, 14_816, 7_408, 3_704, 1_852, 1_111.2, 370.4, 185.2, 75, 25, 7.5, np.nan, np.nan, np.nan, np.nan],
    np.float32,
)
#: Upper limits by length and width code (DO-282B, table 2-35); code 0 says nothing in version 2.
LENGTHS_M: Final = np.array([np.nan, 15, 25, 25, 35, 35, 45, 45, 55, 55, 65, 65, 75, 75, 85, 85], np.float32)
WIDTHS_M: Final = np.array([np.nan, 23, 28.5, 34, 33, 38, 39.5, 45, 45, 52, 59.5, 67, 72.5, 80, 80, 90], np.float32)

_FNV_START: Final = np.uint64(0xCBF29CE484222325)  # FNV-1a, 64 bits: draft-eastlake-fnv, section 5
_FNV_PRIME: Final = np.uint64(0x100000001B3)
_BLANK, _UNAVAILABLE = 36, 37  # of the base-40 alphabet (DO-282B 2.2.4.5.4.2); 38 and 39 are reserved


@njit(cache=True, nogil=True)
def _digit(c: Any) -> int:
    """The value of a hex digit, -1 where it is none."""
    if 48 <= c <= 57:
        return int(c) - 48
    c = c | 32
    if 97 <= c <= 102:
        return int(c) - 87
    return -1


@njit(cache=True, nogil=True)
def _key(data: Any, low: Any, high: Any) -> int:
    """The place in ``KEYS`` of a name, -1 where it is none of them."""
    if high - low == 1 and data[low] == 116:
        return 0
    if high - low == 2 and data[low] == 114 and data[low + 1] == 116:
        return 1
    if high - low == 4 and data[low] == 114 and data[low + 1] == 115 and data[low + 2] == 115 and data[low + 3] == 105:
        return 2
    if high - low == 2 and data[low] == 115 and data[low + 1] == 115:
        return 3
    return -1


@njit(cache=True, nogil=True)
def read_lines(data: Any, start: Any, stop: Any, kind: Any, payload: Any, low: Any, high: Any, uplink: Any) -> None:
    """Take lines apart: ``kind`` (N,), ``payload`` (N, 34), and the metadata in ``low`` and ``high`` (5, N).

    Row 0 of those is the stamp before the line, the others are ``KEYS``. ``uplink`` (4, N) gets an uplink's UTC
    coupling, site, number of information frames and hash.
    """
    body = np.empty(UPLINK, np.uint8)
    for i in range(len(start)):
        kind[i] = DAMAGED
        at, last = start[i], stop[i]
        low[0, i] = at
        while at < last and 48 <= data[at] <= 57:
            at += 1
        high[0, i] = at
        if at > start[i]:
            if at >= last or data[at] != 44:  # the comma
                continue
            at += 1
        if at >= last or (data[at] != 45 and data[at] != 43):
            continue
        up = data[at] == 43
        at += 1
        begin = at
        while at < last and data[at] != 59:
            at += 1
        size = at - begin  # in hex digits
        if at >= last or (up and size != 2 * UPLINK) or (not up and size != 2 * SHORT and size != 2 * LONG):
            continue
        whole = True
        for k in range(size // 2):
            a, b = _digit(data[begin + 2 * k]), _digit(data[begin + 2 * k + 1])
            if a < 0 or b < 0:
                whole = False
                break
            body[k] = 16 * a + b
        # Only a payload of type 0 fits into a short message.
        if not whole or (size == 2 * SHORT and body[0] >> 3 != 0):
            continue
        kind[i] = size // 2
        if up:
            _uplink(body, uplink, i)
        else:
            payload[i, : size // 2] = body[: size // 2]
        while at < last:
            at += 1
            name = at
            while at < last and data[at] != 61 and data[at] != 59:
                at += 1
            if at >= last or data[at] == 59:
                continue
            k = _key(data, name, at)
            at += 1
            value = at
            while at < last and data[at] != 59:
                at += 1
            if k >= 0 and at < last:  # a value without its semicolon may have been cut
                low[k + 1, i], high[k + 1, i] = value, at


@njit(cache=True, nogil=True)
def _uplink(body: Any, uplink: Any, i: Any) -> None:
    frames, at = 0, 8
    if body[6] & 0x20:  # application data valid
        while at + 2 <= UPLINK:
            size = (np.int64(body[at]) << 1) | (body[at + 1] >> 7)
            if size == 0 or at + 2 + size > UPLINK:
                break
            frames += 1
            at += 2 + size
    uplink[0, i] = body[6] >> 7
    uplink[1, i] = body[7] >> 4
    uplink[2, i] = frames
    uplink[3, i] = _hash(body, UPLINK)


@njit(cache=True, nogil=True)
def _hash(body: Any, size: Any) -> Any:
    h = _FNV_START
    for k in range(size):
        h = (h ^ np.uint64(body[k])) * _FNV_PRIME
    return h


@njit(cache=True, nogil=True)
def _field(p: Any, byte: Any, bit: Any, width: Any) -> int:
    """The number in ``width`` bits of the payload ``p`` from a byte and bit on, both counted from 1."""
    first = 8 * (byte - 1) + bit - 1
    last = first + width - 1
    value = np.int64(0)
    for k in range(first >> 3, (last >> 3) + 1):
        value = (value << 8) | np.int64(p[k])
    return int((value >> (7 - (last & 7))) & ((np.int64(1) << width) - 1))


@njit(cache=True, nogil=True)
def _altitude(raw: Any, i: Any, out: Any) -> Any:
    """Feet of an altitude code: 1 is -1,000 ft; 0 is unknown, 4095 is above what it can say."""
    if raw == 0:
        return np.nan
    if raw == 4095:
        out.u8[STATUS, i] = OUT_OF_RANGE
        return np.nan
    return 25.0 * raw - 1025.0


@njit(cache=True, nogil=True)
def _component(raw: Any, i: Any, out: Any) -> Any:
    """Knots, or steps of 64 ft/min, of a magnitude of 10 or 9 bits: 0 is unknown, all ones more than it can say."""
    if raw == 0:
        return np.nan
    if raw == 1023:
        out.u8[STATUS, i] = OUT_OF_RANGE
        return np.nan
    return raw - 1.0


@njit(cache=True, nogil=True)
def _code(value: Any, highest: Any, column: Any, i: Any, out: Any) -> None:
    """A code, where it is not reserved."""
    if value <= highest:
        out.u8[column, i] = value
    else:
        out.u8[STATUS, i] = OUT_OF_RANGE


@njit(cache=True, nogil=True)
def messages(payload: Any, kind: Any, out: Any, qualifier: Any, site: Any) -> None:
    """Decode the ADS-B messages in ``payload`` (N, 34); ``out`` is a blank ``modes.columns.Out``.

    ``qualifier`` (N,) gets the address qualifier, and ``NAMED`` where the message has a call sign, a squawk or a
    category; ``site`` (N,) the site of a ground station's rebroadcast. Of the columns that call signs and squawks
    have in ``out``, the call sign is eight codes of the base-40 alphabet, the first highest.
    """
    for i in range(len(kind)):
        if kind[i] != SHORT and kind[i] != LONG:
            continue
        p = payload[i]
        out.u64[TRANSMISSION, i] = _hash(p, kind[i])
        kind_of_payload = _field(p, 1, 1, 5)
        address_qualifier = _field(p, 1, 6, 3)
        qualifier[i] = address_qualifier
        out.u32[ADDRESS, i] = _field(p, 2, 1, 24)
        if kind_of_payload > 10:  # a header only
            continue
        _state_vector(p, i, out)
        if address_qualifier in (2, 3, 6):  # TIS-B and ADS-R: 2.2.4.5.3
            site[i] = _field(p, 17, 5, 4)
        elif address_qualifier != 7:
            out.u8[UTC_SYNCHRONISED, i] = _field(p, 17, 5, 1)
        if kind_of_payload in (1, 3) and _mode_status(p, i, out):
            qualifier[i] |= NAMED
        if kind_of_payload in (1, 2, 5, 6):  # auxiliary state vector, 2.2.4.5.5: the other altitude
            other = _altitude(_field(p, 30, 1, 12), i, out)
            if _field(p, 10, 8, 1):
                out.f32[ALT_BARO_FT, i] = other
            else:
                out.f32[ALT_GEOM_FT, i] = other
        # Version 1 has another target state; types 4 and 6 do not say the version, and 2 is assumed.
        if kind_of_payload == 4 or (kind_of_payload == 3 and out.u8[ADSB_VERSION, i] == 2):
            _target_state(p, 30, i, out)
        elif kind_of_payload == 6:
            _target_state(p, 25, i, out)


@njit(cache=True, nogil=True)
def _state_vector(p: Any, i: Any, out: Any) -> None:
    lat, lon, nic = _field(p, 5, 1, 23), _field(p, 7, 8, 24), _field(p, 12, 5, 4)
    if lat != 0 or lon != 0 or nic != 0:
        # Angular weighted binary of 360 degrees / 2^24, two's complement; both poles have one code, read as north.
        out.f64[LAT_DEG, i] = (lat if lat <= 1 << 22 else lat - (1 << 23)) * (360.0 / (1 << 24))
        out.f64[LON_DEG, i] = (lon if lon <= 1 << 23 else lon - (1 << 24)) * (360.0 / (1 << 24))
        _code(nic, 11, NIC, i, out)
        out.f32[RC_M, i] = RADII_M[nic]
    altitude = _altitude(_field(p, 11, 1, 12), i, out)
    if _field(p, 10, 8, 1):
        out.f32[ALT_GEOM_FT, i] = altitude
    else:
        out.f32[ALT_BARO_FT, i] = altitude
    state = _field(p, 13, 1, 2)
    if state == 2:
        out.u8[ON_GROUND, i] = 1
        _ground(p, i, out)
    elif state < 2:
        out.u8[ON_GROUND, i] = 0
        _air(p, 4.0 if state == 1 else 1.0, i, out)


@njit(cache=True, nogil=True)
def _air(p: Any, step: Any, i: Any, out: Any) -> None:
    """2.2.4.5.2.6: velocity north and east, vertical rate; ``step`` is four knots when supersonic."""
    north = _component(_field(p, 13, 5, 10), i, out) * step
    east = _component(_field(p, 14, 8, 10), i, out) * step
    if _field(p, 13, 4, 1):
        north = -north
    if _field(p, 14, 7, 1):
        east = -east
    speed = np.sqrt(north * north + east * east)
    out.f32[GS_KT, i] = speed
    if speed > 0:
        track = np.degrees(np.arctan2(east, north))
        out.f32[TRACK_DEG, i] = track if track >= 0 else track + 360.0
    raw = _field(p, 16, 4, 9)
    rate = 64.0 * _component(raw if raw < 511 else 1023, i, out)
    if _field(p, 16, 3, 1):
        rate = -rate
    if _field(p, 16, 2, 1):
        out.f32[VRATE_FPM, i] = rate
    else:
        out.f32[VRATE_GEOM_FPM, i] = rate


@njit(cache=True, nogil=True)
def _ground(p: Any, i: Any, out: Any) -> None:
    out.f32[GS_KT, i] = _component(_field(p, 13, 5, 10), i, out)
    angle = _field(p, 15, 1, 9) * (360.0 / 512.0)
    kind = _field(p, 14, 7, 2)  # table 2-28
    if kind == 1:
        out.f32[TRACK_DEG, i] = angle
    elif kind == 2:
        out.f32[HEADING_MAG_DEG, i] = angle
    elif kind == 3:
        out.f32[HEADING_DEG, i] = angle
    size = _field(p, 16, 2, 4)
    out.f32[LENGTH_M, i] = LENGTHS_M[size]
    out.f32[WIDTH_M, i] = WIDTHS_M[size]


@njit(cache=True, nogil=True)
def _mode_status(p: Any, i: Any, out: Any) -> bool:
    """2.2.4.5.4; says whether it names who the message is of."""
    version = _field(p, 24, 4, 3)
    named = _identity(p, version, i, out)
    out.u8[EMERGENCY, i] = _field(p, 24, 1, 3)
    _code(version, 2, ADSB_VERSION, i, out)
    out.u8[SIL, i] = _field(p, 24, 7, 2)
    _code(_field(p, 26, 1, 4), 11, NAC_P, i, out)
    _code(_field(p, 26, 5, 3), 4, NAC_V, i, out)
    out.u8[NIC_BARO, i] = _field(p, 26, 8, 1)
    # Capabilities are two bits and modes four before version 2, then three and three.
    later = 1 if version >= 2 else 0
    out.u8[TCAS_OPERATIONAL, i] = _field(p, 27, 2 + later, 1)
    out.u8[TCAS_RA, i] = _field(p, 27, 3 + later, 1)
    out.u8[IDENT, i] = _field(p, 27, 4 + later, 1)
    if version == 2:
        out.u8[SDA, i] = _field(p, 25, 7, 2)
        out.u8[SIL_SUPPLEMENT, i] = _field(p, 27, 8, 1)
        out.u8[GVA, i] = _field(p, 28, 1, 2)
        out.u8[SINGLE_ANTENNA, i] = _field(p, 28, 3, 1)
        out.u8[NIC_SUPPLEMENT_A, i] = _field(p, 28, 4, 1)
    return named


@njit(cache=True, nogil=True)
def _identity(p: Any, version: Any, i: Any, out: Any) -> bool:
    """Category and eight characters in base 40, which are a call sign or, without the CSID flag, a squawk."""
    first, second, third = _field(p, 18, 1, 16), _field(p, 20, 1, 16), _field(p, 22, 1, 16)
    if first >= 64_000 or second >= 64_000 or third >= 64_000:  # 40 * 40 * 40
        out.u8[STATUS, i] = OUT_OF_RANGE
        return False
    category = first // 1600
    _code(category, 31, CATEGORY, i, out)
    text = np.uint64(0)
    squawk, octal, given, reserved = 0, True, False, False
    for k in range(8):
        word = first if k < 2 else (second if k < 5 else third)
        place = 1 - k if k < 2 else (4 - k if k < 5 else 7 - k)
        code = (word // (1600 if place == 2 else (40 if place == 1 else 1))) % 40
        reserved = reserved or code > _UNAVAILABLE
        given = given or code < _BLANK
        if k < 4:
            octal = octal and code < 8
            squawk = 8 * squawk + code
        else:
            octal = octal and code >= _BLANK
        text = (text << np.uint64(6)) | np.uint64(code)
    if reserved:
        out.u8[STATUS, i] = OUT_OF_RANGE
    elif given:
        # The flag came with version 1.
        if version == 0 or _field(p, 27, 7, 1):
            out.u64[CALLSIGN, i] = text
        elif octal:
            out.u16[SQUAWK, i] = squawk
    return bool(category > 0 or (given and not reserved))


@njit(cache=True, nogil=True)
def _target_state(p: Any, byte: Any, i: Any, out: Any) -> None:
    """2.2.4.5.6, 2.2.4.5.7: as in the 1090 MHz message, whose selected heading is two's complement (DO-260B)."""
    raw = _field(p, byte, 2, 11)
    if raw != 0:
        out.f32[SELECTED_ALT_FMS_FT if _field(p, byte, 1, 1) else SELECTED_ALT_MCP_FT, i] = 32.0 * (raw - 1)
    raw = _field(p, byte + 1, 5, 9)
    if raw != 0:
        out.f32[QNH_HPA, i] = 800.0 + 0.8 * (raw - 1)
    if _field(p, byte + 2, 6, 1):
        out.f32[SELECTED_HEADING_DEG, i] = _field(p, byte + 2, 7, 9) * (180.0 / 256.0)
    if _field(p, byte + 3, 8, 1):
        out.u8[AUTOPILOT, i] = _field(p, byte + 4, 1, 1)
        out.u8[VNAV, i] = _field(p, byte + 4, 2, 1)
        out.u8[ALTITUDE_HOLD, i] = _field(p, byte + 4, 3, 1)
        out.u8[APPROACH, i] = _field(p, byte + 4, 4, 1)
        out.u8[LNAV, i] = _field(p, byte + 4, 5, 1)
