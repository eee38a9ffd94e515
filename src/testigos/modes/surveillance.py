"""What the headers of surveillance, all-call and air-air replies say: DF 0, 4, 5, 11, 16, 20, 21; DF 24 nothing.

Source: ICAO Annex 10 volume IV (5th edition) 3.1.2.5.2.2 (DF 11), 3.1.2.6.5 to 3.1.2.6.9 (DF 4, 5, 20, 21),
3.1.2.8.2 and 4.3.8.4.2 (DF 0, 16).
"""

import numpy as np

from testigos.kernels import kernel
from testigos.modes import columns as c
from testigos.modes.fields import altitude13, squawk13

__all__ = ["capability_on_ground", "resolution_advisory", "surveillance"]


@kernel
def capability_on_ground(capability):  # type: ignore[no-untyped-def]
    """Whether CA says that the aircraft is on the ground: 0, 1, or NONE8 where it leaves it open."""
    if capability == 4:
        return 1
    return 0 if capability == 5 else c.NONE8


@kernel
def resolution_advisory(field, i, out):  # type: ignore[no-untyped-def]
    """A resolution advisory: bits 9 to 56 of BDS 3,0, of TC 28 subtype 2 and of DF 16 are laid out alike.

    Active: bit 9 (one threat, or one sense) or bit 28 (several threats) and not bit 27 (terminated).
    Source: Annex 10 volume IV 4.3.8.4.2.2.1.
    """
    out.u64[c.ADVISORY, i] = field
    issued = (field >> np.uint64(47) | field >> np.uint64(28)) & np.uint64(1)
    ended = (field >> np.uint64(29)) & np.uint64(1)
    out.u8[c.TCAS_RA, i] = issued & ~ended


@kernel
def surveillance(payload, i, df, out):  # type: ignore[no-untyped-def]
    """Writes what the first 32 bits of message ``i`` say, and the advisory in the MV field of DF 16.

    Reads nothing of ``out``; the interrogator's code of DF 11 is in the parity, so the caller's.
    """
    head = np.int64(0)
    for k in range(4):
        head = head << 8 | np.int64(payload[i, k])
    if df == 11:
        capability = (head >> 24) & 7
        out.u8[c.CAPABILITY, i] = capability
        out.u8[c.ON_GROUND, i] = capability_on_ground(capability)
    elif df == 4 or df == 5 or df == 20 or df == 21:
        status = (head >> 24) & 7
        out.u8[c.FLIGHT_STATUS, i] = status
        out.u8[c.DOWNLINK_REQUEST, i] = (head >> 19) & 31
        out.u8[c.UTILITY_MESSAGE, i] = (head >> 13) & 63
        if status < 6:  # 6 and 7 are reserved
            out.u8[c.ALERT, i] = 2 <= status <= 4
            out.u8[c.IDENT, i] = status >= 4
            if status < 4:
                out.u8[c.ON_GROUND, i] = status & 1
        if df == 4 or df == 20:
            out.f32[c.ALT_BARO_FT, i] = altitude13(head & 0x1FFF)
        else:
            out.u16[c.SQUAWK, i] = squawk13(head & 0x1FFF)
    elif df == 0 or df == 16:
        out.u8[c.ON_GROUND, i] = (head >> 26) & 1
        out.u8[c.SENSITIVITY_LEVEL, i] = (head >> 21) & 7
        out.u8[c.REPLY_INFORMATION, i] = (head >> 15) & 15
        out.f32[c.ALT_BARO_FT, i] = altitude13(head & 0x1FFF)
        if df == 16 and payload[i, 4] == 0x30:
            field = np.uint64(0)
            for k in range(4, 11):
                field = field << np.uint64(8) | np.uint64(payload[i, k])
            resolution_advisory(field, i, out)
