"""Payloads to columns: parity, whose message it is, what it says, where it was. A fold over time.

Own rules:

- An address is *announced* by a message whose parity leaves no doubt: an extended squitter (DF 17, 18, 19 with
  AF 0) or an all-call reply (DF 11) with interrogator code 0. Formats whose parity is overlaid with the address
  (DF 0, 4, 5, 16, 20, 21, 24), and all-call replies to other interrogators, are believed only while the address
  was heard in the last ``BELIEVED_S``; else the row is ``unconfirmed`` and has an address, but no object.
- Nothing is repaired unless asked. Then one wrong bit outside the first five of DF 11, 17 and 18 is flipped where
  the parity names it, and the row says which.
- An address that was silent for ``FORGOTTEN_S`` is forgotten, longer than any rule looks back (``cpr`` 3.2 hours).
- Reserved formats give a row that is ``unconfirmed`` and says its format; a format of the wrong length gives one
  that is ``malformed``.

Source: ICAO Annex 10 volume IV (5th edition) 3.1.2; Doc 9871 (2nd edition) for TIS-B and ADS-R.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from testigos.kernels import kernel
from testigos.modes import columns as c
from testigos.modes.adsb import extended
from testigos.modes.columns import Out, allocate, blank
from testigos.modes.commb import LEVEL, comm_b
from testigos.modes.cpr import position
from testigos.modes.fields import altitude12, bits, hash_payload, word56
from testigos.modes.parity import mended_bit, syndrome56, syndrome112
from testigos.modes.state import blank_aircraft
from testigos.modes.surveillance import surveillance

__all__ = ["BELIEVED_S", "CHUNK", "FORGOTTEN_S", "Settings", "State", "decode"]

BELIEVED_S: Final = 60
FORGOTTEN_S: Final = 4 * 3600
CHUNK: Final = 8192  #: messages decoded into one set of columns: few enough to stay in the processor's cache

_BELIEVED_NS: Final = BELIEVED_S * 1_000_000_000
_FORGOTTEN_NS: Final = FORGOTTEN_S * 1_000_000_000
_FIRST_SLOTS: Final = 256
_EMPTY: Final = -1
_ANONYMOUS: Final = 1 << 24
_CLASS_TISB: Final = 1 << 25
_CLASS_ADSR: Final = 2 << 25


@dataclass(frozen=True, slots=True)
class Settings:
    """What decoding is told: where the receiver is (NaN: unknown), how far it hears, whether to repair one bit,
    and the score in per cent that a Comm-B register needs."""

    receiver_lat_deg: float = np.nan
    receiver_lon_deg: float = np.nan
    range_m: float = np.nan
    repair: bool = False
    level: int = LEVEL


@dataclass(slots=True)
class State:
    """What is remembered of every aircraft: ``air[:used]`` are records, ``table`` finds them by key."""

    table: npt.NDArray[np.int32]
    air: npt.NDArray[np.void]
    used: int

    @classmethod
    def fresh(cls) -> "State":
        """Nothing has been heard."""
        return cls(np.full(4 * _FIRST_SLOTS, _EMPTY, np.int32), blank_aircraft(_FIRST_SLOTS), 0)

    @property
    def keys(self) -> npt.NDArray[np.uint32]:
        """Of each slot: address | anonymous << 24 | kind << 25 (0 ADS-B, 1 TIS-B, 2 ADS-R)."""
        return np.ascontiguousarray(self.air["key"][: self.used])

    def copy(self) -> "State":
        """One that can be changed."""
        return State(self.table.copy(), self.air.copy(), self.used)

    def _make_room(self, now_ns: int) -> None:
        """Drop what ``_announced`` would not know again; where that is little, hold twice as many."""
        kept = self.air[: self.used]
        kept = kept[now_ns - kept["confirmed_ns"] <= _FORGOTTEN_NS]
        self.used = len(kept)
        room = len(self.air) if 2 * self.used <= len(self.air) else 2 * len(self.air)
        self.air = np.concatenate([kept, blank_aircraft(room - self.used)])
        self.table = np.full(4 * room, _EMPTY, np.int32)  # a power of two: places are masked
        _fill(self.table, self.keys)


@kernel
def _place(table, key):  # type: ignore[no-untyped-def]
    """Where in the table a key is, or where it belongs."""
    return ((key * np.uint32(2_654_435_761)) >> np.uint32(4)) & np.uint32(len(table) - 1)


@kernel
def _fill(table, keys):  # type: ignore[no-untyped-def]
    mask = len(table) - 1
    for slot in range(len(keys)):
        at = np.int64(_place(table, keys[slot]))
        while table[at] != _EMPTY:
            at = (at + 1) & mask
        table[at] = slot


@kernel
def _find(table, air, key):  # type: ignore[no-untyped-def]
    """The slot of a key, or -1."""
    mask = len(table) - 1
    at = np.int64(_place(table, np.uint32(key)))
    while True:
        slot = table[at]
        if slot == _EMPTY or air[slot].key == key:
            return np.int64(slot)
        at = (at + 1) & mask


@kernel
def _found_or_added(table, air, used, key):  # type: ignore[no-untyped-def]
    """The slot of a key; the number ``used`` if it was added."""
    mask = len(table) - 1
    at = np.int64(_place(table, np.uint32(key)))
    while True:
        slot = table[at]
        if slot == _EMPTY:
            table[at] = used
            air[used].key = key
            return np.int64(used)
        if air[slot].key == key:
            return np.int64(slot)
        at = (at + 1) & mask


@kernel
def _flip(payload, i, bit):  # type: ignore[no-untyped-def]
    payload[i, (bit - 1) >> 3] ^= np.uint8(0x80 >> ((bit - 1) & 7))


@kernel
def _not_icao(me):  # type: ignore[no-untyped-def]
    """The ICAO / Mode A flag of fine TIS-B and ADS-R, where the message has one (DO-260B 2.2.17 and 2.2.18)."""
    tc = bits(me, 1, 5)
    if 5 <= tc <= 8:
        return bits(me, 21, 21) == 1
    if 9 <= tc <= 18 or 20 <= tc <= 22:
        return bits(me, 8, 8) == 1
    if tc == 19:
        return bits(me, 9, 9) == 1
    if tc == 29:
        return bits(me, 51, 51) == 1
    if tc == 31 or (tc == 28 and bits(me, 6, 8) == 1):  # the bit of an advisory (subtype 2) is of the threat
        return bits(me, 56, 56) == 1
    return False


@kernel
def _coarse(me, i, out):  # type: ignore[no-untyped-def]
    """A coarse TIS-B position (CF 3): 12 bits of CPR are the upper ones of 17. The speed is the middle of its class
    of 32 kt, and 0 below 16 kt. Doc 9871 B.3.4.5, DO-260B 2.2.17.3.5."""
    out.u8[c.SURVEILLANCE_STATUS, i] = bits(me, 2, 3)
    out.f32[c.ALT_BARO_FT, i] = altitude12(bits(me, 8, 19))
    if bits(me, 20, 20) == 1:
        out.f32[c.TRACK_DEG, i] = bits(me, 21, 25) * 11.25
    speed = bits(me, 26, 31)
    if speed > 0:
        out.f32[c.GS_KT, i] = (speed - 1) * 32.0
    out.u8[c.ON_GROUND, i] = 0
    out.u8[c.CPR_ODD, i] = bits(me, 32, 32)
    out.u32[c.CPR_LAT, i] = bits(me, 33, 44) << 5
    out.u32[c.CPR_LON, i] = bits(me, 45, 56) << 5


@kernel
def _mode_ac(payload, i, out):  # type: ignore[no-untyped-def]
    first, second = np.int64(payload[i, 0]), np.int64(payload[i, 1])
    out.u8[c.SOURCE, i] = c.MODE_AC
    out.u8[c.STATUS, i] = c.NO_POSITION
    out.u16[c.SQUAWK, i] = (first & 0x70) << 5 | (first & 7) << 6 | (second & 0x70) >> 1 | (second & 7)
    out.u8[c.IDENT, i] = (second >> 7) & 1


@kernel
def _announced(table, air, used, address, now):  # type: ignore[no-untyped-def]
    """An address has been announced; gives its slot."""
    slot = _found_or_added(table, air, used, address)
    if slot < used and now - air[slot].confirmed_ns > _FORGOTTEN_NS:
        air[slot] = air[len(air) - 1]  # always blank
        air[slot].key = address
    air[slot].confirmed_ns = max(air[slot].confirmed_ns, now)
    return slot


@kernel
def _believed(table, air, address, now):  # type: ignore[no-untyped-def]
    """The slot of an address that was heard lately, and now again; -1 if it was not."""
    slot = _find(table, air, address)
    if slot < 0 or now - air[slot].confirmed_ns > _BELIEVED_NS:
        return np.int64(-1)
    air[slot].confirmed_ns = max(air[slot].confirmed_ns, now)
    return slot


@kernel
def _run(payload, size, clock_ns, table, air, used, out, lat, lon, range_m, repair, level):  # type: ignore[no-untyped-def]
    """Messages into the same places of ``out``; stops where ``air`` has no room for two more."""
    for i in range(len(size)):
        if used + 2 >= len(air):
            return i, used
        now = clock_ns[i]
        length = size[i]
        out.u64[c.TRANSMISSION, i] = hash_payload(payload, i, length)
        if length == 2:
            _mode_ac(payload, i, out)
            continue
        df = np.int64(payload[i, 0]) >> 3
        if df > 24:  # two bits say so, the others are data
            df = np.int64(24)
        if (length == 14) != (df >= 16):
            out.u8[c.STATUS, i] = c.MALFORMED
            out.u64[c.TRANSMISSION, i] = c.NONE64
            continue
        out.u8[c.DF, i] = df
        out.u8[c.SOURCE, i] = c.UNKNOWN
        left = syndrome112(payload, i) if length == 14 else syndrome56(payload, i)

        if df == 17 or df == 18 or df == 11 or (df == 19 and payload[i, 0] & 7 == 0):
            if df == 11 and left < 80:
                pass
            elif left != 0:
                bit = mended_bit(left, length) if repair and df != 19 else 0
                if bit <= 5:
                    out.u8[c.STATUS, i] = c.PARITY_FAILED
                    continue
                _flip(payload, i, bit)
                left = np.uint32(0)
                out.u8[c.REPAIRED_BIT, i] = bit
            address = (
                np.uint32(payload[i, 1]) << np.uint32(16)
                | np.uint32(payload[i, 2]) << np.uint32(8)
                | np.uint32(payload[i, 3])
            )
            code = payload[i, 0] & 7
            out.u8[c.CAPABILITY, i] = code
            out.u8[c.STATUS, i] = c.NO_POSITION
            if df == 11:
                out.u32[c.ADDRESS, i] = address
                out.u8[c.SOURCE, i] = c.MODE_S
                out.u8[c.INTERROGATOR, i] = left
                surveillance(payload, i, df, out)
                slot = _announced(table, air, used, address, now) if left == 0 else _believed(table, air, address, now)
                if slot < 0:
                    out.u8[c.STATUS, i] = c.UNCONFIRMED
                else:
                    out.u32[c.SLOT, i] = slot
                    used += slot == used
                continue
            me = word56(payload, i, 4)
            key = address
            out.u8[c.SOURCE, i] = c.ADSB
            if df == 18:
                if code == 4 or code == 7:  # management and reserved: not of one aircraft
                    out.u8[c.SOURCE, i] = c.TISB if code == 4 else c.UNKNOWN
                    continue
                coarse_other = code == 3 and bits(me, 1, 1) == 1
                if code == 1 or code == 5 or coarse_other or ((code == 2 or code == 6) and _not_icao(me)):
                    key |= np.uint32(_ANONYMOUS)
                if code == 2 or code == 3 or code == 5:
                    out.u8[c.SOURCE, i] = c.TISB
                    key |= np.uint32(_CLASS_TISB)
                elif code == 6:
                    out.u8[c.SOURCE, i] = c.ADSR
                    key |= np.uint32(_CLASS_ADSR)
            out.u32[c.ADDRESS, i] = address
            slot = _announced(table, air, used, key, now)
            used += slot == used
            out.u32[c.SLOT, i] = slot
            if key == address | np.uint32(_CLASS_TISB) or key == address | np.uint32(_CLASS_ADSR):
                own = _announced(table, air, used, address, now)
                used += own == used
            if df == 18 and code == 3:
                _coarse(me, i, out)
            else:
                extended(me, i, now, out, air, slot)
            if out.u32[c.CPR_LAT, i] != c.NONE32:
                position(i, now, out, air, slot, lat, lon, range_m)
            continue

        if df == 0 or df == 4 or df == 5 or df == 16 or df == 20 or df == 21 or df == 24:
            out.u32[c.ADDRESS, i] = left
            out.u8[c.SOURCE, i] = c.MODE_S
            out.u8[c.STATUS, i] = c.NO_POSITION
            slot = _believed(table, air, left, now)
            if slot < 0:
                out.u8[c.STATUS, i] = c.UNCONFIRMED
            else:
                out.u32[c.SLOT, i] = slot
            surveillance(payload, i, df, out)
            if df == 20 or df == 21:
                comm_b(word56(payload, i, 4), i, now, out, air, slot, level)
            continue
        out.u8[c.STATUS, i] = c.UNCONFIRMED  # reserved formats
    return len(size), used


def decode(
    payload: npt.NDArray[np.uint8],
    size: npt.NDArray[np.uint8],
    clock_ns: npt.NDArray[np.int64],
    state: State,
    settings: Settings | None = None,
    chunk: int = CHUNK,
) -> Iterator[tuple[Out, int, int]]:
    """Columns of messages, some at a time: ``(out, first, count)`` for messages ``first`` to ``first + count``.

    ``payload``: (N, 14) bytes, those past ``size`` (2 Mode A/C, 7 or 14) are ignored; with ``settings.repair``
    mended bits are flipped in it. ``clock_ns``: (N,) nanoseconds since any moment, much the same for all receivers.
    ``out`` is used again for the next messages, and what ``state.keys`` says of slots holds until then, so copy what
    is to last. ``state`` is advanced.
    """
    told = settings or Settings()
    out = allocate(min(chunk, len(size)))
    first = 0
    while first < len(size):
        last = min(first + chunk, len(size))
        blank(out, last - first)
        done, state.used = _run(
            payload[first:last], size[first:last], clock_ns[first:last], state.table, state.air, state.used, out,
            told.receiver_lat_deg, told.receiver_lon_deg, told.range_m, told.repair, told.level,
        )  # fmt: skip
        if done:
            yield out, first, done
        first += done
        if first < last:
            state._make_room(int(clock_ns[first]))
