"""Values to the 56 bits of Comm-B registers, over many at once.

Arguments as in :mod:`testigos.modes.encode`: NaN is unknown and sets a field's status bit to 0, and so does a value
that the field cannot hold.

Source: ICAO Doc 9871 (2nd edition), tables A-2-16 and following, one a register.
"""

from typing import Final

import numpy as np

from testigos.modes.encode import Integers, Numbers, Words, word

__all__ = ["REGISTERS_17", "bds10", "bds17", "bds20", "bds30", "bds40", "bds44", "bds45", "bds50", "bds60"]

#: The registers that BDS 1,7 tells of, from bit 1 on. Source: Doc 9871 table A-2-23.
REGISTERS_17: Final = (
    *(0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x20, 0x21, 0x40, 0x41, 0x42, 0x43),
    *(0x44, 0x45, 0x48, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x5F, 0x60),
)

Fields = tuple[tuple[Numbers, int], ...]


def _held(value: Numbers, step: float, width: int, signed: bool = False) -> tuple[Integers, Integers]:
    """Status bit and steps of a field of ``width`` bits (its sign among them)."""
    steps = np.floor(np.asarray(value, np.float64) / step + 0.5)
    low, high = (-(2 ** (width - 1)), 2 ** (width - 1) - 1) if signed else (0, 2**width - 1)
    fits = (steps >= low) & (steps <= high)
    return fits.astype(np.int64), np.where(fits, steps, 0.0).astype(np.int64)


def _field(value: Numbers, step: float, width: int, signed: bool = False) -> Fields:
    status, steps = _held(value, step, width, signed)
    return (status, 1), (steps, width)


def _angle(value_deg: Numbers, step: float, width: int) -> Fields:
    """An angle around zero: 180 degrees is -180."""
    steps = np.floor(np.asarray(value_deg, np.float64) / step + 0.5)
    known = np.isfinite(steps)
    return (known, 1), (np.where(known, steps, 0.0).astype(np.int64), width)


def _level(value: Numbers) -> Fields:
    """A severity, 0 to 3."""
    return _field(value, 1.0, 2)


def bds10(
    *, continued: Numbers = 0, overlay: Numbers = 0, acas: Numbers = 0, subnetwork: Numbers = 5,
    enhanced: Numbers = 0, specific: Numbers = 1, uplink: Numbers = 0, downlink: Numbers = 0,
    identification: Numbers = 1, squitter: Numbers = 1, surveillance_identifier: Numbers = 1, gicb: Numbers = 1,
    acas_detail: Numbers = 0, dte: Numbers = 0,
) -> Words:  # fmt: skip
    """Data link capability."""
    return word(
        (0x10, 8), (continued, 1), (0, 5), (overlay, 1), (acas, 1), (subnetwork, 7), (enhanced, 1), (specific, 1),
        (uplink, 3), (downlink, 4), (identification, 1), (squitter, 1), (surveillance_identifier, 1), (gicb, 1),
        (acas_detail, 4), (dte, 16),
    )  # fmt: skip


def bds17(served: Numbers) -> Words:
    """Common usage capability: ``served`` are 24 bits, the first (highest) for BDS 0,5; see :data:`REGISTERS_17`."""
    return word((served, 24), (0, 32))


def bds20(callsign: Words) -> Words:
    """Aircraft identification, of :func:`testigos.modes.encode.callsign48`."""
    return word((0x20, 8), (callsign, 48))


def bds30(advisory: Words) -> Words:
    """Resolution advisory, of :func:`testigos.modes.encode.resolution_advisory`."""
    return word((0x30, 8), (advisory, 48))


def bds40(
    mcp_ft: Numbers, fms_ft: Numbers, qnh_hpa: Numbers, *, modes_known: Numbers = 0, vnav: Numbers = 0,
    altitude_hold: Numbers = 0, approach: Numbers = 0, source_known: Numbers = 0, source: Numbers = 0,
) -> Words:  # fmt: skip
    """Selected vertical intention."""
    return word(
        *_field(mcp_ft, 16.0, 12), *_field(fms_ft, 16.0, 12), *_field(np.asarray(qnh_hpa) - 800.0, 0.1, 12), (0, 8),
        (modes_known, 1), (vnav, 1), (altitude_hold, 1), (approach, 1), (0, 2), (source_known, 1), (source, 2),
    )  # fmt: skip


def bds44(
    met_source: Numbers, wind_kt: Numbers, wind_from_deg: Numbers, temperature_c: Numbers, pressure_hpa: Numbers,
    turbulence: Numbers = np.nan, humidity_percent: Numbers = np.nan,
) -> Words:  # fmt: skip
    """Meteorological routine report; the temperature has no status bit."""
    windy, speed = _held(wind_kt, 1.0, 9)
    direction = np.floor(np.asarray(wind_from_deg, np.float64) * (256.0 / 180.0) + 0.5)
    known = windy.astype(np.bool_) & np.isfinite(direction)
    return word(
        (met_source, 4), (known, 1), (np.where(known, speed, 0), 9),
        (np.where(known, direction, 0.0).astype(np.int64), 9), (_held(temperature_c, 0.25, 11, signed=True)[1], 11),
        *_field(pressure_hpa, 1.0, 11), *_level(turbulence), *_field(humidity_percent, 100.0 / 64.0, 6),
    )  # fmt: skip


def bds45(
    turbulence: Numbers = np.nan, wind_shear: Numbers = np.nan, microburst: Numbers = np.nan,
    icing: Numbers = np.nan, wake_vortex: Numbers = np.nan, temperature_c: Numbers = np.nan,
    pressure_hpa: Numbers = np.nan, radio_height_ft: Numbers = np.nan,
) -> Words:  # fmt: skip
    """Meteorological hazard report."""
    return word(
        *_level(turbulence), *_level(wind_shear), *_level(microburst), *_level(icing), *_level(wake_vortex),
        *_field(temperature_c, 0.25, 10, signed=True), *_field(pressure_hpa, 1.0, 11),
        *_field(radio_height_ft, 16.0, 12), (0, 5),
    )  # fmt: skip


def bds50(roll_deg: Numbers, track_deg: Numbers, gs_kt: Numbers, track_rate_degps: Numbers, tas_kt: Numbers) -> Words:
    """Track and turn."""
    return word(
        *_field(roll_deg, 45.0 / 256.0, 10, signed=True), *_angle(track_deg, 90.0 / 512.0, 11),
        *_field(gs_kt, 2.0, 10), *_field(track_rate_degps, 8.0 / 256.0, 10, signed=True), *_field(tas_kt, 2.0, 10),
    )  # fmt: skip


def bds60(
    heading_mag_deg: Numbers, ias_kt: Numbers, mach: Numbers, vrate_fpm: Numbers, vrate_inertial_fpm: Numbers
) -> Words:
    """Heading and speed."""
    return word(
        *_angle(heading_mag_deg, 90.0 / 512.0, 11), *_field(ias_kt, 1.0, 10), *_field(mach, 2.048 / 512.0, 10),
        *_field(vrate_fpm, 32.0, 10, signed=True), *_field(vrate_inertial_fpm, 32.0, 10, signed=True),
    )  # fmt: skip
