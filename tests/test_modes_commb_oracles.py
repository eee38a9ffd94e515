"""Comm-B beside two independent decoders: rs1090 and pyModeS, on a real capture and on generated traffic.

Both infer the register from the bits alone. They agree where rs1090 has exactly one candidate and it is what
pyModeS names; there, the same register must be chosen and its values must be equal. Where they do not agree, each
difference to what is chosen here has one of these reasons (``differences`` finds it; nothing may be left over):

- *bounds*: the decoder refuses values that the specification allows and that do occur. rs1090: air speed under 80 kt
  or missing the ground speed by over 200 kt, Mach under 0.2, a turn against a roll of a fraction of a degree, rates of
  turn of a taxiing aircraft. pyModeS, on other traffic: roll over 35 degrees, Mach over 1, 6,000 ft/min.
- *several*: it has several candidates, ours among them; pyModeS then names the first in its own order.
- *elsewhere*: it also reads registers that are not inferred here (0,5 0,6 1,8 1,9 2,1).

On ``long_flight.csv`` (47,714 Comm-B replies) both agree on 42,686. All of them are the same here, and so are all
values that both give. Of the others, 599 fit no register (for all three), and 10 only those elsewhere.
In generated traffic, 5 of 8,258 agreements are wrong: bits that by chance read as another register too.
"""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from test_modes_commb import REGISTERS, Traffic
from testigos.modes import columns as c
from testigos.modes.decode import State, decode

rs1090 = pytest.importorskip("rs1090")
pymodes = pytest.importorskip("pyModeS")

#: Register, our column, the name in rs1090, the name in pyModeS.
VALUES = (
    (0x40, c.SELECTED_ALT_MCP_FT, "selected_mcp", "selected_altitude_mcp"),
    (0x40, c.SELECTED_ALT_FMS_FT, "selected_fms", "selected_altitude_fms"),
    (0x40, c.QNH_HPA, "barometric_setting", "baro_pressure_setting"),
    (0x44, c.WIND_KT, "wind_speed", "wind_speed"),
    (0x44, c.WIND_FROM_DEG, "wind_direction", "wind_direction"),
    (0x44, c.TEMPERATURE_C, "temperature", "static_air_temperature"),
    (0x45, c.TEMPERATURE_C, "static_temperature", "static_air_temperature"),
    (0x50, c.ROLL_DEG, "roll", "roll"),
    (0x50, c.TRACK_DEG, "track", "true_track"),
    (0x50, c.GS_KT, "groundspeed", "groundspeed"),
    (0x50, c.TRACK_RATE_DEGPS, "track_rate", "track_rate"),
    (0x50, c.TAS_KT, "TAS", "true_airspeed"),
    (0x60, c.HEADING_MAG_DEG, "heading", "magnetic_heading"),
    (0x60, c.IAS_KT, "IAS", "indicated_airspeed"),
    (0x60, c.MACH, "Mach", "mach"),
    (0x60, c.VRATE_FPM, "vrate_barometric", "baro_vertical_rate"),
    (0x60, c.VRATE_INERTIAL_FPM, "vrate_inertial", "inertial_vertical_rate"),
)


def number(name: str) -> int:
    """0x50 of "50" and "5,0"."""
    return int(name.replace(",", ""), 16)


def consulted(frames: list[str]) -> list[tuple[dict[int, dict[str, Any]], list[int], dict[str, Any]]]:
    """Of each frame: what rs1090 reads in each candidate, pyModeS's candidates (best first), what that reads."""
    found = []
    for frame, theirs in zip(frames, rs1090.decode(frames), strict=True):
        first = {number(name[3:]): value for name, value in (theirs or {}).items() if name.startswith("bds")}
        other = pymodes.decode(frame, include_meteo=True)
        names = other.get("bds_candidates") or ([other["bds"]] if other.get("bds") else [])
        found.append((first, [number(name) for name in names], other))
    return found


def agreed(first: dict[int, Any], candidates: list[int]) -> int | None:
    """The register on which both agree."""
    if len(first) == 1 and candidates and candidates[0] in first:
        return candidates[0]
    return None


def bound(who: str, register: int, columns: Any, i: int) -> str:
    """The bound of a decoder that message ``i`` breaks; empty if it breaks none."""
    strict = who == "rs1090"
    roll, rate, gs, tas = (float(columns[row, i]) for row in (c.ROLL_DEG, c.TRACK_RATE_DEGPS, c.GS_KT, c.TAS_KT))
    ias, mach = float(columns[c.IAS_KT, i]), float(columns[c.MACH, i])
    vrates = [abs(float(columns[row, i])) for row in (c.VRATE_FPM, c.VRATE_INERTIAL_FPM)]
    # a comparison with NaN, an unknown value, does not hold
    if register == 0x50:
        broken = {
            "roll": abs(roll) > (50 if strict else 35),
            "speed": gs > 600 or (not strict and tas > 600),
            "turn against roll": strict and roll * rate < 0,
            "rate of turn": strict and (abs(rate) > 2.75 or (gs < 80 and abs(rate) > 0.5 and abs(roll) < 2)),
            "air speed": strict and gs == gs and (tas < 80 or tas > 500 or abs(gs - tas) > 200),
        }
    elif register == 0x60:
        broken = {
            "IAS": ias > 500 or (strict and ias == 0),
            "Mach": mach > 1 or (strict and mach < 0.2),
            "vertical rate": max(vrates) > 6000,
        }
    else:
        broken = {}
    return next((name for name, holds in broken.items() if holds), "")


def differences(ours: int, columns: Any, i: int, first: dict[int, Any], candidates: list[int]) -> list[str]:
    """Why rs1090 and pyModeS do not simply say ours (0: none was chosen)."""
    reasons = []
    for who, theirs in (("rs1090", [r for r in first if r in REGISTERS]), ("pyModeS", candidates)):
        if ours == 0:
            if theirs:
                reasons.append(f"{who}: undecided")
        elif ours not in theirs:
            reasons.append(f"{who}: bounds, {bound(who, ours, columns, i) or 'unexplained'}")
        elif len(theirs) > 1:
            reasons.append(f"{who}: several")
    if any(r not in REGISTERS for r in first):
        reasons.append("rs1090: elsewhere")
    return reasons


def compare_values(ours: int, columns: Any, i: int, first: dict[int, Any], other: dict[str, Any]) -> None:
    """All values that both give and agree on are ours."""
    for register, row, one, two in VALUES:
        if register != ours:
            continue
        a, b = first[register].get(one), other.get(two)
        if a is not None and b is not None and abs(a - b) < 1e-6:
            # the decoders round to a few digits
            assert columns[row, i] == pytest.approx(a, abs=2e-3, rel=1e-6), one


def test_the_real_flight_agrees_with_both_decoders(shared):
    frames, payloads, sizes, clocks = [], [], [], []
    for line in (shared / "beast" / "long_flight.csv").read_text().splitlines():
        epoch, text = line.split(",")
        body = bytes.fromhex(text[18:])
        if len(body) in (7, 14):
            seconds, rest = epoch.split(".")
            payloads.append(body.ljust(14, b"\0"))
            sizes.append(len(body))
            clocks.append(int(seconds) * 1_000_000_000 + int(rest.ljust(9, "0")))
            frames.append(text[18:])
    table = np.frombuffer(b"".join(payloads), np.uint8).reshape(-1, 14).copy()
    chosen = np.zeros(len(frames), np.uint8)
    values = np.zeros((len(c.F32), len(frames)), np.float32)
    for out, begin, count in decode(table, np.array(sizes, np.uint8), np.array(clocks, np.int64), State.fresh()):
        chosen[begin : begin + count] = out.u8[c.BDS, :count]
        values[:, begin : begin + count] = out.f32[:, :count]
    chosen[chosen == c.NONE8] = 0
    replies = np.flatnonzero(np.isin(table[:, 0] >> 3, (20, 21)))
    assert len(replies) == 47_714
    reasons: Counter[str] = Counter()
    both = same = 0
    for i, (first, candidates, other) in zip(replies, consulted([frames[i] for i in replies]), strict=True):
        register = agreed(first, candidates)
        if register is None:
            reasons.update(differences(int(chosen[i]), values, i, first, candidates))
            continue
        both += 1
        same += bool(chosen[i] == register)
        if chosen[i] == register:
            compare_values(register, values, i, first, other)
    assert both == 42_686
    assert same == both
    assert not [reason for reason in reasons if "unexplained" in reason or "undecided" in reason]
    assert reasons["pyModeS: several"] == 1_874


@pytest.mark.parametrize("known", ["adsb", "altitude", "nothing"])
def test_generated_traffic_agrees_with_both_decoders_where_they_are_right(known):
    count = 10_000
    traffic = Traffic(count, seed=2)
    out = traffic.read(known)
    chosen = np.where(out.u8[c.BDS] == c.NONE8, 0, out.u8[c.BDS])
    frames = [f"A0000F10{int(word):014X}000000" for word in traffic.mb]
    both = same = right = 0
    for i, (first, candidates, other) in enumerate(consulted(frames)):
        register = agreed(first, candidates)
        if register is None:
            continue
        both += 1
        right += bool(register == traffic.register[i])
        same += bool(chosen[i] == register)
        if chosen[i] == register:
            compare_values(register, out.f32, i, first, other)
    assert right >= 0.999 * both > 0.8 * count
    assert same >= 0.995 * both
    assert np.mean(chosen == traffic.register) > 0.995
