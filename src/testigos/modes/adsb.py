"""Extended squitters: what the 56 bits of a DF 17, 18 or 19 say, in all versions of ADS-B.

Own rules, where the standard leaves a choice:

- A movement code gives the lower bound of its class of speeds, 124 its only bound of 175 kt. Versions 0 and 1 share
  these bounds; version 2 differs by less than 0.13 kt in codes 2 to 8.
- The highest code of a speed, vertical rate or height difference means "this or more"; its own number is given.
- Both speed components 0: the ground speed is 0 and the track null.
- The heading of airborne velocity subtypes 3 and 4 is from magnetic north unless the aircraft's operational status
  of the last ``FRESH_S`` said that its headings are from true north.
- The angle of a surface position is given as the track. A status has a bit to say that it is the heading, but
  the documents differ on which value says so (Doc 9871 B.2.3.10.12, and readsb after DO-260B 2.2.3.2.7.2.12), and
  aircraft at rest send headings with either.
- NIC supplements count for ``FRESH_S`` after the status that gave them, the version for ever (``quality.py``).
  Bit 8 of an airborne position is NIC supplement B unless the version is known to be 0 or 1: then it says one
  antenna.
- Squawk 0000 of an emergency status is null unless the version is known to be 2: the bits were reserved before.
- A TIS-B velocity does not say from which altitude its vertical rate is; it is given as barometric.
- Version 3 is read as version 2 but for what it uses anew: no intent change, no barometric integrity code, half
  steps of the height difference. Its other novelties are left out.
- Reserved types, subtypes and versions give their number and nothing else.
- A code outside the range of its column (NACv above 4, NACp above 11, version above 3 ...) is null, and the row's
  status is ``out_of_range``.

Sources: Doc 9871 (2nd edition) appendices A (version 0), B (version 1) and C (version 2), part 3 of each for TIS-B;
RTCA DO-260B 2.2.3.2 and, for TIS-B, 2.2.17.3; EUROCAE ED-102B 2.2.3.2 (version 3).
"""

import math
from typing import Final

import numpy as np

from testigos.kernels import kernel
from testigos.modes import columns as c
from testigos.modes.fields import altitude12, bits, callsign48, squawk13
from testigos.modes.quality import integrity
from testigos.modes.surveillance import capability_on_ground, resolution_advisory

__all__ = ["FRESH_S", "extended", "movement"]

FRESH_S: Final = 60
_FRESH_NS: Final = FRESH_S * 1_000_000_000

_DEGREES: Final = 180.0 / math.pi


def _movements() -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """Knots of every movement code: Doc 9871 table A-2-6."""
    knots = np.full(128, np.nan, np.float32)
    knots[1] = 0.0  # stopped
    for first, last, lowest, step in (
        (2, 8, 0.125, 0.125),
        (9, 12, 1.0, 0.25),
        (13, 38, 2.0, 0.5),
        (39, 93, 15.0, 1.0),
        (94, 108, 70.0, 2.0),
        (109, 124, 100.0, 5.0),
    ):
        knots[first : last + 1] = lowest + step * np.arange(last - first + 1)
    return knots  # 0: unknown; 125 to 127: reserved


_MOVEMENTS: Final = _movements()
#: Upper limits in metres of the length and width class, codes 0 to 15; code 0 only in version 1 (DO-260B 2-74).
_LENGTHS: Final = np.array([15, 15, 25, 25, 35, 35, 45, 45, 55, 55, 65, 65, 75, 75, 85, 85], np.float32)
_WIDTHS: Final = np.array(
    [11.5, 23, 28.5, 34, 33, 38, 39.5, 45, 45, 52, 59.5, 67, 72.5, 80, 80, 90], np.float32
)  # fmt: skip


@kernel
def movement(code):  # type: ignore[no-untyped-def]
    """Ground speed in knots of a 7-bit movement code; NaN for none and reserved codes.

    >>> [float(movement(code)) for code in (1, 2, 9, 13, 39, 94, 109, 124)]
    [0.0, 0.125, 1.0, 2.0, 15.0, 70.0, 100.0, 175.0]
    """
    return _MOVEMENTS[code & 127]


@kernel
def _limited(value, highest, i, column, out):  # type: ignore[no-untyped-def]
    """A code that must not exceed ``highest``."""
    if value > highest:
        out.u8[c.STATUS, i] = c.OUT_OF_RANGE
    else:
        out.u8[column, i] = value


@kernel
def _identification(me, tc, i, clock_ns, out, air, slot):  # type: ignore[no-untyped-def]
    out.u8[c.CATEGORY, i] = 8 * (4 - tc) + bits(me, 6, 8)
    name = callsign48(me)
    if name != np.uint64(c.NONE64):
        out.u64[c.CALLSIGN, i] = name
        air[slot].callsign = name
        air[slot].callsign_ns = clock_ns


@kernel
def _cpr(me, i, out):  # type: ignore[no-untyped-def]
    out.u8[c.CPR_ODD, i] = bits(me, 22, 22)
    out.u32[c.CPR_LAT, i] = bits(me, 23, 39)
    out.u32[c.CPR_LON, i] = bits(me, 40, 56)


@kernel
def _surface(me, tc, i, clock_ns, out, air, slot, flagged):  # type: ignore[no-untyped-def]
    """``flagged``: TIS-B or ADS-R, where the flag of the address takes the bit of UTC."""
    known = air[slot].status_ns + _FRESH_NS >= clock_ns
    out.u8[c.ON_GROUND, i] = 1
    air[slot].on_ground = 1
    knots = movement(bits(me, 6, 12))
    out.f32[c.GS_KT, i] = knots
    track = np.float32(bits(me, 14, 20) * 2.8125) if bits(me, 13, 13) == 1 else np.float32(np.nan)
    out.f32[c.TRACK_DEG, i] = track
    _remember_velocity(air, slot, clock_ns, knots, track, np.float32(np.nan))
    if not flagged:
        out.u8[c.UTC_SYNCHRONISED, i] = bits(me, 21, 21)
    _cpr(me, i, out)
    a = air[slot].nic_a if known else np.uint8(c.NONE8)
    other = air[slot].nic_c if known else np.uint8(c.NONE8)
    nic, rc_m = integrity(tc, air[slot].version, a, other)
    out.u8[c.NIC, i] = nic
    out.f32[c.RC_M, i] = rc_m


@kernel
def _airborne(me, tc, i, clock_ns, out, air, slot, flagged):  # type: ignore[no-untyped-def]
    """``flagged``: TIS-B or ADS-R, where the flag of the address takes the bit of NIC supplement B."""
    status = bits(me, 6, 7)
    out.u8[c.SURVEILLANCE_STATUS, i] = status
    # an alert hides whether ident was pressed too
    out.u8[c.ALERT, i] = status == 1 or status == 2
    if status == 0 or status == 3:
        out.u8[c.IDENT, i] = status == 3
    feet = altitude12(bits(me, 9, 20))
    if tc >= 20:
        out.f32[c.ALT_GEOM_FT, i] = feet
    elif not np.isnan(feet):
        out.f32[c.ALT_BARO_FT, i] = feet
        air[slot].alt_baro_ft = feet
        air[slot].alt_ns = clock_ns
    if tc == 0:
        return
    out.u8[c.ON_GROUND, i] = 0
    air[slot].on_ground = 0
    out.u8[c.UTC_SYNCHRONISED, i] = bits(me, 21, 21)
    _cpr(me, i, out)
    version = air[slot].version
    a, other = np.uint8(c.NONE8), np.uint8(c.NONE8)
    if not flagged:
        if version <= 1:
            out.u8[c.SINGLE_ANTENNA, i] = bits(me, 8, 8)
        else:
            other = np.uint8(bits(me, 8, 8))
            out.u8[c.NIC_SUPPLEMENT_B, i] = other
    if air[slot].status_ns + _FRESH_NS >= clock_ns:
        a = air[slot].nic_a
    nic, rc_m = integrity(tc, version, a, other)
    out.u8[c.NIC, i] = nic
    out.f32[c.RC_M, i] = rc_m


@kernel
def _remember_velocity(air, slot, clock_ns, gs_kt, track_deg, vrate_fpm):  # type: ignore[no-untyped-def]
    air[slot].gs_kt = gs_kt
    air[slot].track_deg = track_deg
    air[slot].vrate_fpm = vrate_fpm
    air[slot].ias_kt = np.nan
    air[slot].tas_kt = np.nan
    air[slot].heading_mag_deg = np.nan
    air[slot].velocity_ns = clock_ns


@kernel
def _velocity(me, i, clock_ns, out, air, slot, flagged, tisb):  # type: ignore[no-untyped-def]
    subtype = bits(me, 6, 8)
    out.u8[c.SUBTYPE, i] = subtype
    if subtype < 1 or subtype > 4:
        return
    newest = air[slot].version == 3
    if not flagged and not newest:
        out.u8[c.INTENT_CHANGE, i] = bits(me, 9, 9)
    # TIS-B: a flag says whether the last bits are the height difference, or the quality that ADS-B sends elsewhere
    height = not tisb or bits(me, 36, 36) == 1
    if tisb:
        _limited(bits(me, 10, 13), 11, i, c.NAC_P, out)
    else:
        _limited(bits(me, 11, 13), 4, i, c.NAC_V, out)
    if not height:
        _limited(bits(me, 48, 50), 4, i, c.NAC_V, out)
        out.u8[c.SIL, i] = bits(me, 51, 52)
    scale = 1 if subtype == 1 or subtype == 3 else 4

    rate = np.float32(np.nan)
    steps = bits(me, 38, 46)
    if steps > 0:
        rate = np.float32((1 - steps if bits(me, 37, 37) == 1 else steps - 1) * 64)
        barometric = tisb or bits(me, 36, 36) == 1
        out.f32[c.VRATE_FPM if barometric else c.VRATE_GEOM_FPM, i] = rate

    gs, track = np.float32(np.nan), np.float32(np.nan)
    if subtype <= 2:
        east, north = bits(me, 15, 24), bits(me, 26, 35)
        if east > 0 and north > 0:
            x = scale * (1 - east if bits(me, 14, 14) == 1 else east - 1)
            y = scale * (1 - north if bits(me, 25, 25) == 1 else north - 1)
            gs = np.float32(math.sqrt(x * x + y * y))
            if gs > 0:
                angle = math.atan2(x, y) * _DEGREES
                track = np.float32(angle if angle >= 0 else angle + 360.0)
            if gs > 4000:
                gs = np.float32(np.nan)
                out.u8[c.STATUS, i] = c.OUT_OF_RANGE
        out.f32[c.GS_KT, i] = gs
        out.f32[c.TRACK_DEG, i] = track
    _remember_velocity(air, slot, clock_ns, gs, track, rate)
    if subtype >= 3:
        if bits(me, 14, 14) == 1:
            heading = np.float32(bits(me, 15, 24) * 0.3515625)
            if air[slot].magnetic == 0 and air[slot].status_ns + _FRESH_NS >= clock_ns:
                out.f32[c.HEADING_DEG, i] = heading
            else:
                out.f32[c.HEADING_MAG_DEG, i] = heading
                air[slot].heading_mag_deg = heading
        steps = bits(me, 26, 35)
        if steps > 0:
            speed = np.float32(scale * (steps - 1))
            if bits(me, 25, 25) == 1:
                if speed <= 4000:
                    out.f32[c.TAS_KT, i] = speed
                    air[slot].tas_kt = speed
                else:
                    out.u8[c.STATUS, i] = c.OUT_OF_RANGE
            elif speed <= 1500:
                out.f32[c.IAS_KT, i] = speed
                air[slot].ias_kt = speed
            else:
                out.u8[c.STATUS, i] = c.OUT_OF_RANGE

    steps = bits(me, 50, 56)
    if height and steps > 0:
        feet = np.float32((steps - 1) * 25)
        if newest and steps < 127 and not flagged:
            feet += np.float32(12.5 * bits(me, 9, 9))
        out.f32[c.GEOM_MINUS_BARO_FT, i] = -feet if bits(me, 49, 49) == 1 and feet > 0 else feet


@kernel
def _test(me, i, out):  # type: ignore[no-untyped-def]
    """Subtype 7 tells the Mode A code in version 1 (DO-260A change 1)."""
    subtype = bits(me, 6, 8)
    out.u8[c.SUBTYPE, i] = subtype
    identity = bits(me, 9, 21)
    if subtype == 7 and identity != 0:
        out.u16[c.SQUAWK, i] = squawk13(identity)


@kernel
def _aircraft_status(me, i, out, air, slot):  # type: ignore[no-untyped-def]
    subtype = bits(me, 6, 8)
    out.u8[c.SUBTYPE, i] = subtype
    if subtype == 1:
        out.u8[c.EMERGENCY, i] = bits(me, 9, 11)
        identity = bits(me, 12, 24)
        version = air[slot].version
        if identity != 0 or (version >= 2 and version != c.NONE8):
            out.u16[c.SQUAWK, i] = squawk13(identity)
    elif subtype == 2:
        resolution_advisory(me, i, out)


@kernel
def _target_state_1(me, i, clock_ns, out, air, slot):  # type: ignore[no-untyped-def]
    """Version 1: Doc 9871 table B-2-98."""
    source = bits(me, 8, 9)
    if source == 1 or source == 3:  # control panel, flight management system; 2 is the altitude held
        feet = bits(me, 16, 25) * 100 - 1000
        if feet < 0 or feet > 70_000:
            out.u8[c.STATUS, i] = c.OUT_OF_RANGE
        elif source == 1:
            out.f32[c.SELECTED_ALT_MCP_FT, i] = feet
            air[slot].selected_alt_mcp_ft = feet
            air[slot].qnh_hpa = np.nan
            air[slot].selected_ns = clock_ns
        else:
            out.f32[c.SELECTED_ALT_FMS_FT, i] = feet
    if bits(me, 26, 27) != 0 and bits(me, 37, 37) == 0:  # a heading, not a track
        angle = bits(me, 28, 36)
        if angle < 360:
            out.f32[c.SELECTED_HEADING_DEG, i] = angle
        else:
            out.u8[c.STATUS, i] = c.OUT_OF_RANGE
    if bits(me, 52, 52) == 1:  # 0: it works, or nobody knows
        out.u8[c.TCAS_OPERATIONAL, i] = 0
    out.u8[c.TCAS_RA, i] = bits(me, 53, 53)
    out.u8[c.EMERGENCY, i] = bits(me, 54, 56)


@kernel
def _target_state_2(me, i, clock_ns, out, air, slot):  # type: ignore[no-untyped-def]
    """Version 2: DO-260B 2.2.3.2.7.1."""
    out.u8[c.SIL_SUPPLEMENT, i] = bits(me, 8, 8)
    feet, hpa = np.float32(np.nan), np.float32(np.nan)
    steps = bits(me, 10, 20)
    if steps > 0:
        selected = np.float32((steps - 1) * 32)
        if bits(me, 9, 9) == 1:
            out.f32[c.SELECTED_ALT_FMS_FT, i] = selected
        else:
            out.f32[c.SELECTED_ALT_MCP_FT, i] = selected
            feet = selected
    steps = bits(me, 21, 29)
    if steps > 0:
        hpa = np.float32(800.0 + (steps - 1) * 0.8)
        out.f32[c.QNH_HPA, i] = hpa
    air[slot].selected_alt_mcp_ft = feet
    air[slot].qnh_hpa = hpa
    air[slot].selected_ns = clock_ns
    if bits(me, 30, 30) == 1:
        # sign and eight bits in two's complement: the nine bits count 360 / 512 degrees clockwise as they are
        out.f32[c.SELECTED_HEADING_DEG, i] = bits(me, 31, 39) * 0.703125
    if bits(me, 47, 47) == 1:
        out.u8[c.AUTOPILOT, i] = bits(me, 48, 48)
        out.u8[c.VNAV, i] = bits(me, 49, 49)
        out.u8[c.ALTITUDE_HOLD, i] = bits(me, 50, 50)
        out.u8[c.APPROACH, i] = bits(me, 52, 52)
        out.u8[c.LNAV, i] = bits(me, 54, 54)
    out.u8[c.TCAS_OPERATIONAL, i] = bits(me, 53, 53)


@kernel
def _target_state(me, i, clock_ns, out, air, slot):  # type: ignore[no-untyped-def]
    subtype = bits(me, 6, 7)
    out.u8[c.SUBTYPE, i] = subtype
    if subtype == 0 and bits(me, 11, 11) == 0:
        _target_state_1(me, i, clock_ns, out, air, slot)
    elif subtype == 1:
        _target_state_2(me, i, clock_ns, out, air, slot)
    else:
        return
    _limited(bits(me, 40, 43), 11, i, c.NAC_P, out)
    if air[slot].version != 3:
        out.u8[c.NIC_BARO, i] = bits(me, 44, 44)
    out.u8[c.SIL, i] = bits(me, 45, 46)


@kernel
def _operational_status(me, i, clock_ns, out, air, slot):  # type: ignore[no-untyped-def]
    subtype = bits(me, 6, 8)
    out.u8[c.SUBTYPE, i] = subtype
    version = bits(me, 41, 43)
    if subtype > 1:
        return
    _limited(version, 3, i, c.ADSB_VERSION, out)
    if version > 3:
        return
    air[slot].version = version
    air[slot].nic_a = c.NONE8
    air[slot].nic_c = c.NONE8
    air[slot].magnetic = c.NONE8
    air[slot].status_ns = clock_ns
    out.u16[c.CAPABILITY_CLASS, i] = bits(me, 9, 24)
    out.u16[c.OPERATIONAL_MODE, i] = bits(me, 25, 40)
    if version == 0:
        return
    if bits(me, 25, 26) == 0:
        out.u8[c.TCAS_RA, i] = bits(me, 27, 27)
        out.u8[c.IDENT, i] = bits(me, 28, 28)
        if version >= 2:
            out.u8[c.SINGLE_ANTENNA, i] = bits(me, 30, 30)
            out.u8[c.SDA, i] = bits(me, 31, 32)
    defined = bits(me, 9, 10) == 0 and (version >= 2 or bits(me, 13, 14) == 0)
    if subtype == 0:
        if defined:
            if version >= 2:
                out.u8[c.TCAS_OPERATIONAL, i] = bits(me, 11, 11)
            elif bits(me, 11, 11) == 1:  # version 1 says "not operational" or nothing
                out.u8[c.TCAS_OPERATIONAL, i] = 0
        if version >= 2:
            out.u8[c.GVA, i] = bits(me, 49, 50)
        if version <= 2:
            out.u8[c.NIC_BARO, i] = bits(me, 53, 53)
            air[slot].magnetic = bits(me, 54, 54)
    else:
        if defined:
            size = bits(me, 21, 24)
            if size > 0 or version == 1:
                out.f32[c.LENGTH_M, i] = _LENGTHS[size]
                out.f32[c.WIDTH_M, i] = _WIDTHS[size]
            if version >= 2:
                _limited(bits(me, 17, 19), 4, i, c.NAC_V, out)
                out.u8[c.NIC_SUPPLEMENT_C, i] = bits(me, 20, 20)
                air[slot].nic_c = bits(me, 20, 20)
        air[slot].magnetic = bits(me, 54, 54)
    out.u8[c.NIC_SUPPLEMENT_A, i] = bits(me, 44, 44)
    air[slot].nic_a = bits(me, 44, 44)
    _limited(bits(me, 45, 48), 11, i, c.NAC_P, out)
    out.u8[c.SIL, i] = bits(me, 51, 52)
    if version >= 2:
        out.u8[c.SIL_SUPPLEMENT, i] = bits(me, 55, 55)


@kernel
def extended(me, i, clock_ns, out, air, slot):  # type: ignore[no-untyped-def]
    """Writes what an extended squitter says, the raw CPR position but not where that is, and remembers it.

    ``me``: 56 bits as uint64. Reads the columns DF and CAPABILITY of message ``i`` (CA of DF 17, CF of DF 18:
    2, 5 TIS-B, 6 ADS-R). Of the status it writes ``out_of_range`` only. ``air[slot]``: the aircraft's record.
    """
    tc = bits(me, 1, 5)
    out.u8[c.TC, i] = tc
    df, code = out.u8[c.DF, i], out.u8[c.CAPABILITY, i]
    tisb = df == 18 and (code == 2 or code == 5)
    flagged = tisb or (df == 18 and code == 6)
    if df == 17:
        grounded = capability_on_ground(code)
        if grounded != c.NONE8:
            out.u8[c.ON_GROUND, i] = grounded
            air[slot].on_ground = grounded
    if 9 <= tc <= 18 or 20 <= tc <= 22 or tc == 0:
        _airborne(me, tc, i, clock_ns, out, air, slot, flagged)
    elif tc == 19:
        _velocity(me, i, clock_ns, out, air, slot, flagged, tisb)
    elif 5 <= tc <= 8:
        _surface(me, tc, i, clock_ns, out, air, slot, flagged)
    elif 1 <= tc <= 4:
        _identification(me, tc, i, clock_ns, out, air, slot)
    elif tc == 23:
        _test(me, i, out)
    elif tc == 28:
        _aircraft_status(me, i, out, air, slot)
    elif tc == 29:
        _target_state(me, i, clock_ns, out, air, slot)
    elif tc == 31:
        _operational_status(me, i, clock_ns, out, air, slot)
