"""What receivers make of traffic: Beast bytes with clocks that drift, wrap and restart, losses and damage.

Source of the framing: Mode-S Beast data output formats (wiki.jetvision.de); receiver ids as readsb sends them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos import geo
from testigos.sim.dice import Dice
from testigos.sim.traffic import START_NS, Truth
from testigos.units import FT_M

__all__ = ["DAMAGE", "TICKS_PER_S", "Heard", "heard"]

TICKS_PER_S: Final = 12_000_000
LIGHT_MPS: Final = 299_792_458.0

#: What happened to a frame: nothing, one to three wrong bits, a burst of up to 24, bytes lost at its end or start.
DAMAGE: Final = ("none", "bits", "burst", "tail", "head")
_WRAP: Final = 1 << 48


@dataclass(frozen=True)
class Heard:
    """The bytes of one receiver, and of each of its frames: where it starts in them, and what it was.

    ``frame`` is a place in the truth, ``damage`` in :data:`DAMAGE`; ``ticks`` the counter of 12 MHz, of 48 bits;
    ``arrival_ns`` when it really came. ``restart_ns``: when the counter began again from zero (null: never).
    """

    receiver: int
    data: bytes
    start: npt.NDArray[np.int64]
    frame: npt.NDArray[np.int64]
    damage: npt.NDArray[np.uint8]
    ticks: npt.NDArray[np.uint64]
    signal: npt.NDArray[np.uint8]
    arrival_ns: npt.NDArray[np.int64]
    restart_ns: int | None

    def frame_at(self, offset: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The frames (places in ``frame``) that bytes at these offsets belong to."""
        return np.searchsorted(self.start, np.asarray(offset, np.int64), side="right").astype(np.int64) - 1


@njit(cache=True, nogil=True)
def _put(out, at, byte):  # type: ignore[no-untyped-def]
    out[at] = byte
    if byte == 0x1A:
        out[at + 1] = 0x1A
        return at + 2
    return at + 1


@njit(cache=True, nogil=True)
def _bytes(payload, size, ticks, signal, receiver, cut, out, start):  # type: ignore[no-untyped-def]
    """All frames one after another; ``cut``: bytes lost at the end, negative at the beginning."""
    one = np.empty(64, np.uint8)
    edge = np.empty(64, np.int64)
    at = 0
    for i in range(len(size)):
        start[i] = at
        n = 0
        units = 0
        edge[0] = 0
        if receiver >= 0:
            one[0], one[1] = 0x1A, 0xE3
            n = 2
            for k in range(8):
                n = _put(one, n, np.uint8((receiver >> (8 * (7 - k))) & 0xFF))
            units = 1
            edge[1] = n
        kind = 0x31 if size[i] == 2 else 0x32 if size[i] == 7 else 0x33
        one[n], one[n + 1] = 0x1A, kind
        n += 2
        units += 1
        edge[units] = n
        for k in range(7 + size[i]):
            if k < 6:
                byte = np.uint8((ticks[i] >> np.uint64(8 * (5 - k))) & np.uint64(0xFF))
            elif k == 6:
                byte = signal[i]
            else:
                byte = payload[i, k - 7]
            n = _put(one, n, byte)
            units += 1
            edge[units] = n
        # bytes are lost with the one that doubles them, so that the neighbours stay whole
        first = edge[min(-cut[i], units - 1)] if cut[i] < 0 else 0
        last = edge[max(units - cut[i], 1)] if cut[i] > 0 else n
        for k in range(first, last):
            out[at] = one[k]
            at += 1
    return at


def _ecef(lat_deg: Any, lon_deg: Any, height_m: Any) -> npt.NDArray[np.float64]:
    lat, lon = np.radians(np.asarray(lat_deg, np.float64)), np.radians(np.asarray(lon_deg, np.float64))
    prime = geo.A_M / np.sqrt(1.0 - geo.E2 * np.sin(lat) ** 2)
    flat = (prime + height_m) * np.cos(lat)
    return np.stack([flat * np.cos(lon), flat * np.sin(lon), (prime * (1.0 - geo.E2) + height_m) * np.sin(lat)], -1)


def _damaged(
    payload: npt.NDArray[np.uint8], size: npt.NDArray[np.uint8], share: float, dice: Dice
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Spoil a share of the payloads in place; gives the kind of damage and the bytes that are cut."""
    count = len(size)
    damage = np.zeros(count, np.uint8)
    cut = np.zeros(count, np.int64)
    hit = np.flatnonzero((dice.uniform(count) < share) & (size > 2))
    kind = np.searchsorted([0.6, 0.9, 0.95], dice.uniform(len(hit)), side="right").astype(np.uint8) + 1
    damage[hit] = kind
    length = dice.uniform(len(hit), 1.0, 12.0).astype(np.int64)
    cut[hit[kind == 3]] = length[kind == 3]
    cut[hit[kind == 4]] = -length[kind == 4]

    def flip(who: npt.NDArray[Any], bit: npt.NDArray[np.int64]) -> None:
        payload[who, bit >> 3] ^= (0x80 >> (bit & 7)).astype(np.uint8)

    some = hit[kind == 1]
    width = size[some].astype(np.int64) * 8
    first = (dice.uniform(len(some)) * width).astype(np.int64)
    step = 1 + (dice.uniform(len(some)) * (width // 2 - 1)).astype(np.int64)
    many = dice.uniform(len(some), 1.0, 4.0).astype(np.int64)
    for k in range(3):
        flip(some[many > k], ((first + k * step) % width)[many > k])
    some = hit[kind == 2]
    width = size[some].astype(np.int64) * 8
    first = (dice.uniform(len(some)) * (width - 23)).astype(np.int64)
    for k in range(24):
        wrong = (dice.uniform(len(some)) < 0.5) | (k == 0)
        flip(some[wrong], (first + k)[wrong])
    return damage, cut


def heard(
    truth: Truth,
    receivers: int = 3,
    seed: int = 1,
    *,
    share: float = 0.85,
    corrupted: float = 0.01,
    places: Sequence[tuple[float, float, float]] | None = None,
    range_m: float = 450_000.0,
    ids: bool = False,
) -> list[Heard]:
    """What each of ``receivers`` hears of the traffic: a ``share`` of the frames, ``corrupted`` of them damaged.

    Without ``places`` (latitude, longitude, height m of each) a receiver hears the whole world without delay. Each
    has a clock of its own, wrong by up to 20 millionths and 50 ns of noise; the second wraps half-way through, the
    third restarts after two thirds. ``ids`` puts a receiver id before each frame, as readsb does.

    >>> from testigos.sim.traffic import traffic
    >>> one = heard(traffic(10, 3.0), 1)[0]
    >>> one.data[:1], bool((one.start[1:] > one.start[:-1]).all())
    (b'\\x1a', True)
    """
    made = []
    for k in range(receivers):
        dice = Dice("receiver", seed, k)
        at_s = (truth.time_ns - START_NS) * 1e-9
        hears = dice.uniform(len(truth)) < share
        delay_s = np.zeros(len(truth))
        if places is not None:
            now = truth.flight(np.arange(len(truth)))
            apart = _ecef(now.lat_deg, now.lon_deg, now.alt_baro_ft * FT_M) - _ecef(*places[k])
            distance = np.sqrt((apart**2).sum(-1))
            delay_s = distance / LIGHT_MPS
            hears &= distance <= range_m
        arrival = at_s + delay_s + 50e-9 * np.clip(dice.normal(len(truth)), -4.0, 4.0)
        frame = np.flatnonzero(hears)
        frame = frame[np.argsort(arrival[frame], kind="stable")]
        arrival = arrival[frame]

        ppm, begins = dice.uniform(2)
        rate = TICKS_PER_S * (1.0 + (40.0 * ppm - 20.0) * 1e-6)
        base = int(begins * (1 << 44))
        if k % 3 == 1:
            base = _WRAP - int(0.5 * truth.seconds * rate)
        ticks = np.floor(arrival * rate).astype(np.int64) + base
        restart_ns = None
        if k % 3 == 2:
            restart_s = truth.seconds * 2.0 / 3.0
            again = arrival >= restart_s
            ticks[again] = np.floor((arrival[again] - restart_s) * rate).astype(np.int64)
            restart_ns = START_NS + int(restart_s * 1e9)
        counter = np.mod(np.maximum(ticks, 0), _WRAP).astype(np.uint64)
        level = 60.0 + 120.0 * Dice("levels", seed, k).uniform(len(truth.fleet))[truth.aircraft[frame]]
        signal = np.clip(level + 10.0 * dice.normal(len(frame)), 1.0, 255.0).astype(np.uint8)

        payload, size = truth.payload[frame], truth.size[frame]
        damage, cut = _damaged(payload, size, corrupted, dice)
        identity = int(dice.uniform(1)[0] * (1 << 53)) if ids else -1
        out = np.empty(len(frame) * (2 + 2 * 21 + (18 if ids else 0)), np.uint8)
        start = np.empty(len(frame), np.int64)
        length = _bytes(payload, size, counter, signal, identity, cut, out, start)
        made.append(
            Heard(
                identity, out[:length].tobytes(), start, frame, damage, counter, signal,
                START_NS + np.floor(arrival * 1e9).astype(np.int64), restart_ns,
            )
        )  # fmt: skip
    return made
