"""Fields that several formats share: altitude and identity codes, call signs, and bits by their number.

A 56-bit field is an unsigned 64-bit number whose bit 56 is the last of the specification; ``bits(me, 1, 5)`` are
its first five. Sources: ICAO Annex 10 volume IV (5th edition) 3.1.2.6.5.4 (AC), 3.1.2.6.7.1 (ID), Doc 9871
(2nd edition) table A-2-8 (characters).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from testigos.kernels import kernel
from testigos.modes.columns import NONE64

__all__ = ["altitude12", "altitude13", "bits", "callsign48", "hash_payload", "squawk13", "word56"]

_BLANKS: Final = 0x820820820820  # eight blanks, each 100000


def _unpack13() -> tuple[npt.NDArray[np.int64], ...]:
    """The 13 pulses of every AC or ID code, in the order sent: C1 A1 C2 A2 C4 A4 M/X B1 Q/D1 B2 D2 B4 D4."""
    codes = np.arange(1 << 13)
    return tuple((codes >> (12 - k)) & 1 for k in range(13))


def _altitudes() -> npt.NDArray[np.float32]:
    """Feet of every 13-bit altitude code; NaN where it means nothing."""
    c1, a1, c2, a2, c4, a4, m, b1, q, b2, d2, b4, d4 = _unpack13()
    # Q = 1: the other eleven bits count steps of 25 ft from -1000 ft
    count = np.zeros_like(c1)
    for bit in (c1, a1, c2, a2, c4, a4, b1, b2, d2, b4, d4):
        count = count << 1 | bit
    linear = count * 25 - 1000
    # Q = 0: D2 D4 A1 A2 A4 B1 B2 B4 is a Gray code of 500 ft steps from -1000 ft, C1 C2 C4 one of 100 ft steps
    # about the middle of it that runs the other way in every second one (Annex 10 volume IV, appendix 1)
    high, bit = np.zeros_like(c1), np.zeros_like(c1)
    for pulse in (d2, d4, a1, a2, a4, b1, b2, b4):
        bit = bit ^ pulse
        high = high << 1 | bit
    step = np.array([-9, -2, 0, -1, 2, -9, 1, -9])[c1 << 2 | c2 << 1 | c4]  # -9: never sent
    gillham = np.where(step == -9, np.nan, high * 500 - 1000 + np.where(high & 1, -step, step) * 100)
    feet = np.where(q == 1, linear, gillham)
    feet[m == 1] = np.nan  # metres: reserved, no encoding is defined
    feet[0] = np.nan  # not available
    return feet.astype(np.float32)


def _squawks() -> npt.NDArray[np.uint16]:
    """Mode A of every 13-bit identity code, as the number its four octal digits write."""
    c1, a1, c2, a2, c4, a4, _, b1, d1, b2, d2, b4, d4 = _unpack13()
    number = np.zeros_like(c1)
    for bit in (a4, a2, a1, b4, b2, b1, c4, c2, c1, d4, d2, d1):
        number = number << 1 | bit
    return number.astype(np.uint16)


ALTITUDES: Final = _altitudes()
SQUAWKS: Final = _squawks()
#: Bit n is set where n is the code of a character: A to Z, blank, 0 to 9.
_CHARACTERS: Final = sum(1 << code for code in (*range(1, 27), 32, *range(48, 58)))


@kernel
def bits(me, first, last):  # type: ignore[no-untyped-def]
    """Bits ``first`` to ``last`` of a 56-bit field, counted from 1 as in the specification.

    >>> int(bits(np.uint64(0x58C382D690C8AC), 1, 5))
    11
    """
    return np.int64((me >> np.uint64(56 - last)) & np.uint64((1 << (last - first + 1)) - 1))


@kernel
def altitude13(ac13):  # type: ignore[no-untyped-def]
    """Feet of a 13-bit altitude code (AC); NaN for none, metres and codes that are never sent.

    Source: Annex 10 volume IV 3.1.2.6.5.4 and appendix 1.

    >>> float(altitude13(0b0000000010000)), float(altitude13(0))
    (-1000.0, nan)
    """
    return ALTITUDES[ac13 & 0x1FFF]


@kernel
def altitude12(ac12):  # type: ignore[no-untyped-def]
    """Feet of the 12-bit altitude code of an airborne position: AC without its M bit. NaN for none.

    Source: Doc 9871 A.2.3.2.

    >>> float(altitude12(0xC38))
    38000.0
    """
    return ALTITUDES[(ac12 & 0xFC0) << 1 | (ac12 & 0x3F)]


@kernel
def squawk13(id13):  # type: ignore[no-untyped-def]
    """The Mode A code of a 13-bit identity code (ID), as the number 0 to 4095 that its octal digits write.

    >>> f"{int(squawk13(0x0808)):04o}"
    '1200'
    """
    return SQUAWKS[id13 & 0x1FFF]


@kernel
def callsign48(me):  # type: ignore[no-untyped-def]
    """The last 48 bits of a field, 8 characters of 6 bits, if all are characters and not all blank; else NONE64.

    >>> hex(int(callsign48(np.uint64(0x2015A678D4D220))))
    '0x15a678d4d220'
    """
    packed = me & np.uint64(0xFFFFFFFFFFFF)
    valid = np.uint64(1)
    for k in range(8):
        valid &= np.uint64(_CHARACTERS) >> ((packed >> np.uint64(6 * k)) & np.uint64(63))
    if valid == 0 or packed == np.uint64(_BLANKS):
        return np.uint64(NONE64)
    return packed


@kernel
def word56(payload, i, first):  # type: ignore[no-untyped-def]
    """Seven bytes of row ``i`` from byte ``first`` on, as one number.

    >>> hex(int(word56(np.arange(14, dtype=np.uint8).reshape(1, 14), 0, 4)))
    '0x405060708090a'
    """
    word = np.uint64(payload[i, first])
    for k in range(1, 7):
        word = word << np.uint64(8) | np.uint64(payload[i, first + k])
    return word


@kernel
def hash_payload(payload, i, size):  # type: ignore[no-untyped-def]
    """A 64-bit hash of a message of 2, 7 or 14 bytes: equal for equal messages, never NONE64.

    Source: own rule; the mixing step is that of SplitMix64 (Steele, Lea and Flood 2014).
    """
    if size == 2:
        mixed = np.uint64(payload[i, 0]) << np.uint64(8) | np.uint64(payload[i, 1])
    else:
        mixed = word56(payload, i, 0) * np.uint64(0x9E3779B97F4A7C15)
        if size == 14:
            mixed += word56(payload, i, 7) * np.uint64(0xD1B54A32D192ED03)
    mixed += np.uint64(size)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed if mixed != np.uint64(NONE64) else np.uint64(0)
