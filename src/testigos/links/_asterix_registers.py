"""Mode S registers whose number is told: BDS 4,0, 5,0 and 6,0 as radars hand them on.

A radar says which register it asked for, so nothing has to be guessed. What the spec forbids is left out: a value under
a status bit of 0. Source: ICAO Doc 9871 (2nd edition), tables A-2-64, A-2-80 and A-2-96.
"""

from typing import Final

import numpy as np

from testigos.kernels import kernel

__all__ = ["REGISTERS", "register"]

#: What ``register`` can say, by place.
REGISTERS: Final = (
    *("selected_alt_mcp_ft", "selected_alt_fms_ft", "qnh_hpa"),
    *("roll_deg", "track_deg", "gs_kt", "track_rate_degps", "tas_kt"),
    *("heading_mag_deg", "ias_kt", "mach", "vrate_fpm", "vrate_inertial_fpm"),
)


@kernel
def _value(mb, status, bits, signed, step):  # type: ignore[no-untyped-def]
    """The number after a status bit (from 1), its sign first where it has one; NaN where the status is 0."""
    if not mb >> (56 - status) & 1:
        return np.nan
    number = mb >> (56 - status - bits) & ((1 << bits) - 1)
    if signed and number >> (bits - 1):
        number -= 1 << bits
    return number * step


@kernel
def _turn(angle):  # type: ignore[no-untyped-def]
    return angle + 360.0 if angle < 0.0 else angle


@kernel
def register(data, at, said):  # type: ignore[no-untyped-def]
    """56 bits and the register's number, eight bytes from ``at`` on, into ``said``; what it does not say stays."""
    mb = np.int64(0)
    for k in range(7):
        mb = mb << 8 | np.int64(data[at + k])
    number = np.int64(data[at + 7])
    if number == 0x40:
        said[0] = _value(mb, 1, 12, False, 16.0)
        said[1] = _value(mb, 14, 12, False, 16.0)
        said[2] = _value(mb, 27, 12, False, 0.1) + 800.0
    elif number == 0x50:
        said[3] = _value(mb, 1, 10, True, 45.0 / 256.0)
        said[4] = _turn(_value(mb, 12, 11, True, 90.0 / 512.0))
        said[5] = _value(mb, 24, 10, False, 2.0)
        said[6] = _value(mb, 35, 10, True, 8.0 / 256.0)
        said[7] = _value(mb, 46, 10, False, 2.0)
    elif number == 0x60:
        said[8] = _turn(_value(mb, 1, 11, True, 90.0 / 512.0))
        said[9] = _value(mb, 13, 10, False, 1.0)
        said[10] = _value(mb, 24, 10, False, 2.048 / 512.0)
        said[11] = _value(mb, 35, 10, True, 32.0)
        said[12] = _value(mb, 46, 10, True, 32.0)
