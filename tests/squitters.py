"""What tests of Mode S share: payloads built bit by bit from the specification, and what the kernels say of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from testigos.modes import columns as c
from testigos.modes.adsb import extended
from testigos.modes.state import blank_aircraft
from testigos.schema import ALL, SOURCES, STATUSES


def bits(*fields: tuple[int, int], size: int = 56) -> int:
    """Fields ``(value, width)`` side by side, the first one highest; all of them together are ``size`` bits."""
    number, total = 0, 0
    for value, width in fields:
        assert 0 <= value < 1 << width, (value, width)
        number, total = number << width | value, total + width
    assert total == size, total
    return number


def remainder(message: int, size: int) -> int:
    """What division by the generator 1FFF409 leaves of ``size`` bits: Annex 10 volume IV 3.1.2.3.3, bit by bit."""
    for place in range(size - 1, 23, -1):
        if message >> place & 1:
            message ^= 0x1FFF409 << (place - 24)
    return message


def frame(head: int, body: int | None = None, overlay: int = 0) -> bytes:
    """A message of 32 bits, of 56 more where given, and the parity with ``overlay`` (an address) on it."""
    words = head if body is None else head << 56 | body
    size = 56 if body is None else 112
    return (words << 24 | remainder(words << 24, size) ^ overlay).to_bytes(size // 8)


def squitter(address: int, me: int, df: int = 17, code: int = 5) -> bytes:
    """An extended squitter."""
    return frame(df << 27 | code << 24 | address, me)


def values(out: c.Out, i: int) -> dict[str, Any]:
    """The columns of message ``i`` that are known, by their names, as the kernels write them."""
    known: dict[str, Any] = {}
    for rows, names in ((out.f64, c.F64), (out.f32, c.F32)):
        known |= {n: float(v) for n, v in zip(names, rows[:, i], strict=True) if not np.isnan(v)}
    for rows, names in ((out.u64, c.U64), (out.u32, c.U32), (out.u16, c.U16), (out.u8, c.U8)):
        none = np.iinfo(rows.dtype).max
        known |= {n: int(v) for n, v in zip(names, rows[:, i], strict=True) if v != none}
    if "callsign" in known:
        known["callsign"] = text48(known["callsign"])
    return known


def text48(packed: int) -> str:
    """Eight characters of 6 bits: Doc 9871 table A-2-8."""
    codes = [packed >> 6 * k & 63 for k in range(7, -1, -1)]
    assert all(1 <= code <= 26 or code == 32 or 48 <= code <= 57 for code in codes)
    return "".join(chr(code if code >= 32 else code + 64) for code in codes)


def outside(known: dict[str, Any]) -> list[str]:
    """Columns whose value is outside the range that the schema promises."""
    wrong = []
    limits = {"status": len(STATUSES) - 1, "source": len(SOURCES) - 1, "category": 31, "emergency": 7}
    limits |= {"squawk": 0o7777, "slot": 2**31}
    for name, value in known.items():
        column = ALL.get(name)
        low, high = (column.low, column.high) if column is not None and column.low is not None else (0, 2**64)
        if name == "callsign":
            continue
        if name in limits:
            low, high = 0, limits[name]
        elif column is not None and str(column.dtype) == "Boolean":
            low, high = 0, 1
        if not low <= value <= high:
            wrong.append(f"{name} = {value}")
    return wrong


@dataclass
class Aircraft:
    """One aircraft that is listened to: ``hear`` gives what one extended squitter says."""

    air: np.ndarray = field(default_factory=lambda: blank_aircraft(1))

    def hear(self, me: int, df: int = 17, code: int = 6, at_s: float = 0.0) -> dict[str, Any]:
        """What the kernel writes; CA 6 says neither air nor ground."""
        out = c.allocate(1)
        c.blank(out, 1)
        out.u8[c.DF, 0], out.u8[c.CAPABILITY, 0] = df, code
        extended(np.uint64(me), 0, int(at_s * 1e9), out, self.air, 0)
        return {n: v for n, v in values(out, 0).items() if n not in ("df", "capability")}


def said(me: int, df: int = 17, code: int = 6, after: Iterable[int] = ()) -> dict[str, Any]:
    """What a squitter says of an aircraft that has sent ``after`` before."""
    aircraft = Aircraft()
    for earlier in after:
        aircraft.hear(earlier, df, code)
    return aircraft.hear(me, df, code)


def status(version: int, surface: int = 0, cc: int = 0, om: int = 0, **parts: int) -> int:
    """An operational status (TC 31): Doc 9871 tables B-2-101 and C-2-101."""
    a, nac_p, gva, sil = (parts.get(n, 0) for n in ("nic_a", "nac_p", "gva", "sil"))
    nic_baro, hrd, supplement, last = (parts.get(n, 0) for n in ("nic_baro", "hrd", "sil_supplement", "last"))
    return bits(
        (31, 5), (surface, 3), (cc, 16), (om, 16), (version, 3), (a, 1), (nac_p, 4), (gva, 2), (sil, 2),
        (nic_baro, 1), (hrd, 1), (supplement, 1), (last, 1),
    )  # fmt: skip


def airborne(tc: int = 11, ac12: int = 0, supplement: int = 0, **parts: int) -> int:
    """An airborne position (TC 0, 9 to 18, 20 to 22): Doc 9871 table A-2-5."""
    alert, utc, odd, lat, lon = (parts.get(n, 0) for n in ("alert", "utc", "odd", "lat", "lon"))
    return bits((tc, 5), (alert, 2), (supplement, 1), (ac12, 12), (utc, 1), (odd, 1), (lat, 17), (lon, 17))


def surface(tc: int = 7, movement: int = 0, angle: int | None = None, **parts: int) -> int:
    """A surface position (TC 5 to 8): Doc 9871 table A-2-6."""
    utc, odd, lat, lon = (parts.get(n, 0) for n in ("utc", "odd", "lat", "lon"))
    known = angle is not None
    return bits((tc, 5), (movement, 7), (known, 1), (angle or 0, 7), (utc, 1), (odd, 1), (lat, 17), (lon, 17))


def velocity(subtype: int = 1, ew: int = 0, ns: int = 0, **parts: int) -> int:
    """An airborne velocity (TC 19): Doc 9871 tables A-2-9a and b, signs and fields as they are sent."""
    names = ("intent", "ifr", "nac_v", "west", "south", "source", "down", "rate", "spare", "below", "height")
    p = {n: parts.get(n, 0) for n in names}
    return bits(
        (19, 5), (subtype, 3), (p["intent"], 1), (p["ifr"], 1), (p["nac_v"], 3), (p["west"], 1), (ew, 10),
        (p["south"], 1), (ns, 10), (p["source"], 1), (p["down"], 1), (p["rate"], 9), (p["spare"], 2),
        (p["below"], 1), (p["height"], 7),
    )  # fmt: skip


def target(**parts: int) -> int:
    """A target state and status of version 2 (TC 29 subtype 1): DO-260B 2.2.3.2.7.1."""
    widths = {
        "subtype": 2, "sil_supplement": 1, "fms": 1, "altitude": 11, "qnh": 9, "heading_known": 1, "heading": 9,
        "nac_p": 4, "nic_baro": 1, "sil": 2, "modes_known": 1, "autopilot": 1, "vnav": 1, "altitude_hold": 1,
        "adsr": 1, "approach": 1, "tcas": 1, "lnav": 1, "spare": 2,
    }  # fmt: skip
    assert set(parts) <= set(widths)
    return bits((29, 5), *((parts.get(n, n == "subtype"), width) for n, width in widths.items()))
