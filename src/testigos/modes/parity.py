"""The parity of Mode S: a cyclic code of 24 bits over the whole message.

The *syndrome* is what is left of a message when the parity is taken out: 0 for an extended squitter that arrived
whole, the interrogator's code for DF 11, the address for formats whose parity is overlaid with it.
Source: ICAO Annex 10 volume IV (5th edition) 3.1.2.3.3; the generator polynomial is 1FFF409 (hexadecimal).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.kernels import kernel

__all__ = ["POLYNOMIAL", "mended_bit", "syndrome56", "syndrome112", "syndromes"]

POLYNOMIAL: Final = 0x1FFF409


def _powers() -> list[int]:
    """What a single bit leaves, the last bit of a message first."""
    left, made = 1, []
    for _ in range(112):
        made.append(left)
        left <<= 1
        if left >> 24:
            left ^= POLYNOMIAL
    return made


def _tables() -> npt.NDArray[np.uint32]:
    """What byte ``value`` at place ``k`` of 14 leaves; of seven bytes the places are 7 to 13."""
    powers = np.array(_powers(), np.uint32)
    values = np.arange(256)
    made = np.zeros((14, 256), np.uint32)
    for k in range(14):
        for bit in range(8):
            made[k] ^= np.where(values >> bit & 1, powers[8 * (13 - k) + bit], 0).astype(np.uint32)
    return made


_BUCKETS: Final = 713  # the least number that leaves no two of the 112 syndromes in one bucket


def _single_bits() -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
    """By bucket: the syndrome of one wrong bit of 112, and the number of that bit from 1."""
    syndromes, numbers = np.zeros(_BUCKETS, np.uint32), np.zeros(_BUCKETS, np.uint8)
    for place, left in enumerate(_powers()):
        assert syndromes[left % _BUCKETS] == 0
        syndromes[left % _BUCKETS], numbers[left % _BUCKETS] = left, 112 - place
    return syndromes, numbers


_TABLES: Final = _tables()
_SYNDROMES, _NUMBERS = _single_bits()


@kernel
def syndrome56(payload, i):  # type: ignore[no-untyped-def]
    """The syndrome of the first 7 bytes of row ``i``, 24 bits.

    >>> short = np.array([bytes.fromhex("5d484fdea248f5") + bytes(7)]).view(np.uint8).reshape(1, -1)
    >>> int(syndrome56(short, 0))  # DF 11 to interrogator 22
    22
    """
    return (
        _TABLES[7, payload[i, 0]]
        ^ _TABLES[8, payload[i, 1]]
        ^ _TABLES[9, payload[i, 2]]
        ^ _TABLES[10, payload[i, 3]]
        ^ np.uint32(payload[i, 4]) << np.uint32(16)
        ^ np.uint32(payload[i, 5]) << np.uint32(8)
        ^ np.uint32(payload[i, 6])
    )


@kernel
def syndrome112(payload, i):  # type: ignore[no-untyped-def]
    """The syndrome of the 14 bytes of row ``i``, 24 bits.

    >>> squitter = np.frombuffer(bytes.fromhex("8D406B902015A678D4D220AA4BDA"), np.uint8).reshape(1, 14)
    >>> int(syndrome112(squitter, 0))
    0
    """
    return (
        _TABLES[0, payload[i, 0]]
        ^ _TABLES[1, payload[i, 1]]
        ^ _TABLES[2, payload[i, 2]]
        ^ _TABLES[3, payload[i, 3]]
        ^ _TABLES[4, payload[i, 4]]
        ^ _TABLES[5, payload[i, 5]]
        ^ _TABLES[6, payload[i, 6]]
        ^ _TABLES[7, payload[i, 7]]
        ^ _TABLES[8, payload[i, 8]]
        ^ _TABLES[9, payload[i, 9]]
        ^ _TABLES[10, payload[i, 10]]
        ^ np.uint32(payload[i, 11]) << np.uint32(16)
        ^ np.uint32(payload[i, 12]) << np.uint32(8)
        ^ np.uint32(payload[i, 13])
    )


@njit(cache=True, nogil=True)
def syndromes(payload, size):  # type: ignore[no-untyped-def]
    """The syndrome of every message: ``payload`` (N, 14) bytes, ``size`` (N,) 7 or 14; 0 for other sizes."""
    left = np.zeros(len(size), np.uint32)
    for i in range(len(size)):
        if size[i] == 14:
            left[i] = syndrome112(payload, i)
        elif size[i] == 7:
            left[i] = syndrome56(payload, i)
    return left


@kernel
def mended_bit(syndrome, size):  # type: ignore[no-untyped-def]
    """Which one bit of ``size`` bytes (7 or 14), flipped, leaves nothing; from 1. 0 where none does.

    >>> int(mended_bit(np.uint32(1), 14)), int(mended_bit(np.uint32(1), 7)), int(mended_bit(np.uint32(3), 14))
    (112, 56, 0)
    """
    bucket = np.int64(syndrome) % _BUCKETS
    if syndrome == 0 or _SYNDROMES[bucket] != syndrome:
        return 0
    return max(np.int64(_NUMBERS[bucket]) - 112 + 8 * np.int64(size), 0)
