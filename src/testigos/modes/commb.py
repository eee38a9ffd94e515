"""Comm-B: which register a reply carries, how sure that is, and what the register says.

A reply to a Comm-B request (DF 20, 21) carries 56 bits of a register and not its name. So each of nine registers
is a hypothesis, and ``other`` (the registers that are not decoded, and noise) is the tenth. The score of a
register is its posterior probability in per cent:

    score = 100 * prior * fit / (sum of prior * fit of all ten)

- ``fit`` is the probability of these bits in that register, from :mod:`testigos.modes._registers`: rules of the
  specification, physics, and agreement with what the aircraft said in ADS-B within the last minute.
- ``prior`` is how often a register is asked for. It is multiplied by ``NOT_SERVED`` where a fresh BDS 1,7 of the
  aircraft does not list the register. Where nothing vouches for the address (no slot), the bits may be noise.

Scores were checked, not fitted: of 400,000 generated registers, those with a score of 65 to 80 were right in 68 to
80 %, of 80 to 90 in 87 to 97 %, of 90 to 97 in 96 % or more, with ADS-B and without (``tests/test_modes_commb.py``).
A real flight led to two rules, both of the physics or
the specification: a slow aircraft does not roll, and BDS 1,7 lists 2,0.

A register that its rules forbid has no score. The one with the highest score is chosen if that is ``level`` or
more, and only then its fields are written. What is chosen is never changed by a later message.

Source: ICAO Doc 9871 (2nd edition) for the registers; the priors and the weighing are own rules.
"""

from typing import Final

import numpy as np

from testigos.kernels import kernel
from testigos.modes import _registers as r
from testigos.modes import columns as c
from testigos.modes._registers import Known
from testigos.modes.fields import bits
from testigos.modes.surveillance import resolution_advisory

__all__ = ["LEVEL", "NOT_SERVED", "comm_b"]

LEVEL: Final = 80  #: per cent that a register needs to be chosen

#: How often each register is asked for. Interrogators mostly read 4,0 5,0 6,0 (enhanced surveillance), then 2,0 and,
#: once or when it changes, 1,0 and 1,7; 3,0 is asked for about an advisory; 4,4 and 4,5 are served by few aircraft.
_PRIOR10: Final = 0.03
_PRIOR17: Final = 0.03
_PRIOR20: Final = 0.06
_PRIOR30: Final = 0.002
_PRIOR40: Final = 0.22
_PRIOR44: Final = 0.01
_PRIOR45: Final = 0.003
_PRIOR50: Final = 0.29
_PRIOR60: Final = 0.29
_PRIOR_OTHER: Final = 0.065
#: Uniformly random bits: a reply with an address that nobody announced is one that may be wrong anywhere.
_NOISE: Final = 2.0**-56
_PRIOR_NOISE: Final = 0.001
_PRIOR_NOISE_UNANNOUNCED: Final = 0.5

NOT_SERVED: Final = 0.02  #: of the prior is left to a register that BDS 1,7 does not list
_SERVED_NS: Final = 600_000_000_000
_SAID_NS: Final = 60_000_000_000  # what ADS-B said is compared no longer


@kernel
def _known(i, clock_ns, out, air, slot):  # type: ignore[no-untyped-def]
    """What the reply itself and the aircraft's ADS-B say."""
    grounded = out.u8[c.ON_GROUND, i] == 1
    alt_ft = np.float64(out.f32[c.ALT_BARO_FT, i])
    gs_kt = track_deg = vrate_fpm = ias_kt = tas_kt = heading_mag_deg = np.nan
    age_s = 0.0
    selected_alt_mcp_ft = qnh_hpa = np.nan
    callsign = np.uint64(c.NONE64)
    if slot >= 0:
        said = air[slot]
        if alt_ft != alt_ft and abs(clock_ns - said.alt_ns) <= _SAID_NS:
            alt_ft = np.float64(said.alt_baro_ft)
        age_ns = abs(clock_ns - said.velocity_ns)
        if age_ns <= _SAID_NS:
            age_s = age_ns * 1e-9
            gs_kt, track_deg = np.float64(said.gs_kt), np.float64(said.track_deg)
            ias_kt, tas_kt = np.float64(said.ias_kt), np.float64(said.tas_kt)
            vrate_fpm, heading_mag_deg = np.float64(said.vrate_fpm), np.float64(said.heading_mag_deg)
        if abs(clock_ns - said.selected_ns) <= _SAID_NS:
            selected_alt_mcp_ft, qnh_hpa = np.float64(said.selected_alt_mcp_ft), np.float64(said.qnh_hpa)
        callsign = np.uint64(said.callsign)  # of whatever age: it lasts for the flight
    return Known(
        grounded, alt_ft, gs_kt, track_deg, vrate_fpm, ias_kt, tas_kt, heading_mag_deg, age_s,
        selected_alt_mcp_ft, qnh_hpa, callsign,
    )  # fmt: skip


@kernel
def _served(gicb, place):  # type: ignore[no-untyped-def]
    """What BDS 1,7 makes of a prior; ``place`` is the register's bit there, from 1."""
    if gicb == c.NONE32 or (gicb >> np.uint32(24 - place)) & np.uint32(1):
        return 1.0
    return NOT_SERVED


@kernel
def _score(share, whole):  # type: ignore[no-untyped-def]
    """Per cent; unknown where the register is impossible."""
    return np.uint8(100.0 * share * whole + 0.5) if share > 0.0 else np.uint8(c.NONE8)


@kernel
def comm_b(mb, i, clock_ns, out, air, slot, level):  # type: ignore[no-untyped-def]
    """Scores of the registers that ``mb`` can be, and the fields of the one that is chosen, for message ``i``.

    ``mb``: 56 bits as uint64. ``clock_ns``: nanoseconds. ``out``: columns, already blank, with the altitude of a
    DF 20. ``air``, ``slot``: what the aircraft said; ``slot`` is -1 where nothing announced the address, and then
    only the bits count. ``level``: the score in per cent that is needed. Remembers BDS 1,7 in ``air``.
    """
    if mb == 0:
        return
    known = _known(i, clock_ns, out, air, slot)
    gicb = np.uint32(c.NONE32)
    if slot >= 0 and abs(clock_ns - air[slot].gicb_ns) <= _SERVED_NS:
        gicb = air[slot].gicb

    in10 = in20 = in30 = 0.0
    # BDS 1,0 2,0 and 3,0 begin with their own number
    first = bits(mb, 1, 8)
    if first == 0x10:
        in10 = _PRIOR10 * r.bds10(mb)
    elif first == 0x20:
        in20 = _PRIOR20 * _served(gicb, 7) * r.bds20(mb, known)
    elif first == 0x30:
        in30 = _PRIOR30 * r.bds30(mb)
    in17 = _PRIOR17 * r.bds17(mb)
    in40 = _PRIOR40 * _served(gicb, 9) * r.bds40(mb, known)
    in44 = _PRIOR44 * _served(gicb, 13) * r.bds44(mb, known)
    in45 = _PRIOR45 * _served(gicb, 14) * r.bds45(mb, known)
    in50 = _PRIOR50 * _served(gicb, 16) * r.bds50(mb, known)
    in60 = _PRIOR60 * _served(gicb, 24) * r.bds60(mb, known)

    whole = in10 + in17 + in20 + in30 + in40 + in44 + in45 + in50 + in60
    if whole == 0.0:
        return
    noise = _PRIOR_NOISE_UNANNOUNCED if slot < 0 else _PRIOR_NOISE
    whole = 1.0 / (whole + _PRIOR_OTHER * r.other(mb) + noise * _NOISE)
    out.u8[c.BDS10_SCORE, i] = _score(in10, whole)
    out.u8[c.BDS17_SCORE, i] = _score(in17, whole)
    out.u8[c.BDS20_SCORE, i] = _score(in20, whole)
    out.u8[c.BDS30_SCORE, i] = _score(in30, whole)
    out.u8[c.BDS40_SCORE, i] = _score(in40, whole)
    out.u8[c.BDS44_SCORE, i] = _score(in44, whole)
    out.u8[c.BDS45_SCORE, i] = _score(in45, whole)
    out.u8[c.BDS50_SCORE, i] = _score(in50, whole)
    out.u8[c.BDS60_SCORE, i] = _score(in60, whole)

    best = max(in10, in17, in20, in30, in40, in44, in45, in50, in60)
    if _score(best, whole) < level:
        return
    if best == in50:
        out.u8[c.BDS, i] = 0x50
        _write50(mb, i, out)
    elif best == in60:
        out.u8[c.BDS, i] = 0x60
        _write60(mb, i, out)
    elif best == in40:
        out.u8[c.BDS, i] = 0x40
        _write40(mb, i, out)
    elif best == in20:
        out.u8[c.BDS, i] = 0x20
        if mb & np.uint64(0xFFFFFFFFFFFF) != 0:
            out.u64[c.CALLSIGN, i] = mb & np.uint64(0xFFFFFFFFFFFF)
    elif best == in10:
        out.u8[c.BDS, i] = 0x10
        out.u8[c.TCAS_OPERATIONAL, i] = bits(mb, 16, 16)
    elif best == in17:
        out.u8[c.BDS, i] = 0x17
        out.u32[c.GICB, i] = bits(mb, 1, 24)
        if slot >= 0:
            air[slot].gicb = bits(mb, 1, 24)
            air[slot].gicb_ns = clock_ns
    elif best == in44:
        out.u8[c.BDS, i] = 0x44
        _write44(mb, i, out)
    elif best == in45:
        out.u8[c.BDS, i] = 0x45
        _write45(mb, i, out)
    else:
        out.u8[c.BDS, i] = 0x30
        resolution_advisory(mb, i, out)


@kernel
def _angle(mb, first, last, step):  # type: ignore[no-untyped-def]
    """A signed angle as 0 to 360 degrees."""
    value = r.signed(mb, first, last)
    span = 1 << (last - first + 1)
    return (value + span if value < 0 else value) * step


@kernel
def _write40(mb, i, out):  # type: ignore[no-untyped-def]
    if bits(mb, 1, 1) == 1:
        out.f32[c.SELECTED_ALT_MCP_FT, i] = bits(mb, 2, 13) * 16.0
    if bits(mb, 14, 14) == 1:
        out.f32[c.SELECTED_ALT_FMS_FT, i] = bits(mb, 15, 26) * 16.0
    if bits(mb, 27, 27) == 1:
        out.f32[c.QNH_HPA, i] = 800.0 + bits(mb, 28, 39) * 0.1
    if bits(mb, 48, 48) == 1:
        out.u8[c.VNAV, i] = bits(mb, 49, 49)
        out.u8[c.ALTITUDE_HOLD, i] = bits(mb, 50, 50)
        out.u8[c.APPROACH, i] = bits(mb, 51, 51)
    if bits(mb, 54, 54) == 1:
        out.u8[c.TARGET_ALT_SOURCE, i] = bits(mb, 55, 56)


@kernel
def _write44(mb, i, out):  # type: ignore[no-untyped-def]
    out.u8[c.MET_SOURCE, i] = bits(mb, 1, 4)
    if bits(mb, 5, 5) == 1:
        out.f32[c.WIND_KT, i] = bits(mb, 6, 14)
        out.f32[c.WIND_FROM_DEG, i] = bits(mb, 15, 23) * (180.0 / 256.0)
    out.f32[c.TEMPERATURE_C, i] = r.signed(mb, 24, 34) * 0.25
    if bits(mb, 35, 35) == 1:
        out.f32[c.PRESSURE_HPA, i] = bits(mb, 36, 46)
    if bits(mb, 47, 47) == 1:
        out.u8[c.TURBULENCE, i] = bits(mb, 48, 49)
    if bits(mb, 50, 50) == 1:
        out.f32[c.HUMIDITY_PERCENT, i] = bits(mb, 51, 56) * (100.0 / 64.0)


@kernel
def _hazard(mb, first):  # type: ignore[no-untyped-def]
    """Severity under a status bit."""
    return np.uint8(bits(mb, first + 1, first + 2)) if bits(mb, first, first) == 1 else np.uint8(c.NONE8)


@kernel
def _write45(mb, i, out):  # type: ignore[no-untyped-def]
    out.u8[c.TURBULENCE, i] = _hazard(mb, 1)
    out.u8[c.WIND_SHEAR, i] = _hazard(mb, 4)
    out.u8[c.MICROBURST, i] = _hazard(mb, 7)
    out.u8[c.ICING, i] = _hazard(mb, 10)
    out.u8[c.WAKE_VORTEX, i] = _hazard(mb, 13)
    if bits(mb, 16, 16) == 1:
        out.f32[c.TEMPERATURE_C, i] = r.signed(mb, 17, 26) * 0.25
    if bits(mb, 27, 27) == 1:
        out.f32[c.PRESSURE_HPA, i] = bits(mb, 28, 38)
    if bits(mb, 39, 39) == 1:
        out.f32[c.RADIO_HEIGHT_FT, i] = bits(mb, 40, 51) * 16.0


@kernel
def _write50(mb, i, out):  # type: ignore[no-untyped-def]
    if bits(mb, 1, 1) == 1:
        out.f32[c.ROLL_DEG, i] = r.signed(mb, 2, 11) * (45.0 / 256.0)
    if bits(mb, 12, 12) == 1:
        out.f32[c.TRACK_DEG, i] = _angle(mb, 13, 23, 90.0 / 512.0)
    if bits(mb, 24, 24) == 1:
        out.f32[c.GS_KT, i] = bits(mb, 25, 34) * 2.0
    if bits(mb, 35, 35) == 1:
        out.f32[c.TRACK_RATE_DEGPS, i] = r.signed(mb, 36, 45) * (8.0 / 256.0)
    if bits(mb, 46, 46) == 1:
        out.f32[c.TAS_KT, i] = bits(mb, 47, 56) * 2.0


@kernel
def _write60(mb, i, out):  # type: ignore[no-untyped-def]
    if bits(mb, 1, 1) == 1:
        out.f32[c.HEADING_MAG_DEG, i] = _angle(mb, 2, 12, 90.0 / 512.0)
    if bits(mb, 13, 13) == 1:
        out.f32[c.IAS_KT, i] = bits(mb, 14, 23)
    if bits(mb, 24, 24) == 1:
        out.f32[c.MACH, i] = bits(mb, 25, 34) * (2.048 / 512.0)
    if bits(mb, 35, 35) == 1:
        out.f32[c.VRATE_FPM, i] = r.signed(mb, 36, 45) * 32.0
    if bits(mb, 46, 46) == 1:
        out.f32[c.VRATE_INERTIAL_FPM, i] = r.signed(mb, 47, 56) * 32.0
