"""Comm-B: published examples, the rules of each register, and traffic made from flight physics.

Of 40,000 registers that ``traffic`` makes (seed 1), what is chosen at the default level, in per cent of each kind:

================================= ===== ===== ===== ===== ===== ===== ===== ===== ===== ====
known of the aircraft             1,0   1,7   2,0   3,0   4,0   4,4   4,5   5,0   6,0   wrong
================================= ===== ===== ===== ===== ===== ===== ===== ===== ===== ====
ADS-B and altitude                100.0 100.0 100.0 100.0 99.9  99.9  100.0 100.0 100.0 0
altitude alone (DF 20)            100.0 100.0 100.0 100.0 99.9  99.9  100.0 99.9  99.9  0.01
nothing (DF 21, no ADS-B)         100.0 100.0 100.0 100.0 99.9  99.6  100.0 99.8  99.6  0.01
================================= ===== ===== ===== ===== ===== ===== ===== ===== ===== ====

The rest is undecided (or 4,0 with nothing in it). ``test_registers_of_generated_traffic_are_found`` holds the numbers.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testigos.kernels import kernel
from testigos.modes import columns as c
from testigos.modes import encode_commb as encode
from testigos.modes.columns import Out, allocate, blank
from testigos.modes.commb import LEVEL, comm_b
from testigos.modes.encode import callsign48
from testigos.modes.state import blank_aircraft
from testigos.schema import ALL

REGISTERS = (0x10, 0x17, 0x20, 0x30, 0x40, 0x44, 0x45, 0x50, 0x60)
SCORES = {register: c.U8.index(f"bds{register:02x}_score") for register in REGISTERS}
S_NS = 1_000_000_000


@kernel
def _run(mb, clock_ns, alt_ft, grounded, out, air, slot, level):
    for i in range(len(mb)):
        out.f32[c.ALT_BARO_FT, i] = alt_ft[i]
        out.u8[c.ON_GROUND, i] = grounded[i]
        comm_b(mb[i], i, clock_ns[i], out, air, slot[i], level)


def read(
    mb: Any, clock_ns: Any = 0, alt_ft: Any = np.nan, grounded: Any = c.NONE8, air: Any = None, slot: Any = -1,
    level: int = LEVEL,
) -> Out:  # fmt: skip
    """What ``comm_b`` makes of registers; the other arguments are one for all or one for each."""
    words = np.atleast_1d(np.asarray(mb, np.uint64))
    out = allocate(len(words))
    blank(out, len(words))

    def each(value: Any, kind: Any) -> Any:
        return np.ascontiguousarray(np.broadcast_to(np.asarray(value, kind), len(words)))

    _run(
        words, each(clock_ns, np.int64), each(alt_ft, np.float32), each(grounded, np.uint8), out,
        blank_aircraft(1) if air is None else air, each(slot, np.int64), level,
    )  # fmt: skip
    return out


def said(**values: Any) -> Any:
    """One aircraft that has just said these things in ADS-B."""
    air = blank_aircraft(1)
    air["velocity_ns"] = air["alt_ns"] = air["selected_ns"] = air["callsign_ns"] = 0
    for name, value in values.items():
        air[name] = value
    return air


def fields(out: Out, i: int = 0) -> dict[str, Any]:
    """What is known of message ``i``, without the scores."""
    found: dict[str, Any] = {}
    for names, array, none in (
        (c.U64, out.u64, c.NONE64), (c.U32, out.u32, c.NONE32), (c.U16, out.u16, c.NONE16), (c.U8, out.u8, c.NONE8),
    ):  # fmt: skip
        found |= {
            name: int(v) for name, v in zip(names, array[:, i], strict=True) if v != none and "_score" not in name
        }
    found |= {name: float(v) for name, v in zip(c.F32, out.f32[:, i], strict=True) if not np.isnan(v)}
    return found


def scores(out: Out, i: int = 0) -> dict[int, int]:
    return {register: int(out.u8[row, i]) for register, row in SCORES.items() if out.u8[row, i] != c.NONE8}


def name48(text: str) -> int:
    """A call sign in the 6 bits of IA-5 that Mode S uses."""
    word = 0
    for character in text.ljust(8):
        word = word << 6 | (ord(character) & 0x3F)
    return word


RIDDLE = "J. Sun, The 1090 Megahertz Riddle, 2nd edition, chapters on Comm-B"
PUBLISHED = [
    ("A800178D10010080F50000D5893C", 0x10, {"tcas_operational": 1}, RIDDLE),
    ("A0000638FA81C10000000081A92F", 0x17, {"gicb": 0xFA81C1}, RIDDLE),
    ("A000083E202CC371C31DE0AA1CCF", 0x20, {"callsign": name48("KLM1017")}, RIDDLE),
    (
        "A000029C85E42F313000007047D3",
        0x40,
        {"selected_alt_mcp_ft": 3008, "selected_alt_fms_ft": 3008, "qnh_hpa": 1020.0},
        RIDDLE,
    ),
    (
        "A0001692185BD5CF400000DFC696",
        0x44,
        {"met_source": 1, "wind_kt": 22, "wind_from_deg": 344.53125, "temperature_c": -48.75},
        RIDDLE,
    ),
    ("A00004190001FB80000000000000", 0x45, {"temperature_c": -4.5}, "the tests of pyModeS 2"),
    (
        "A000139381951536E024D4CCF6B5",
        0x50,
        {"roll_deg": 2.109375, "track_deg": 114.2578125, "gs_kt": 438, "track_rate_degps": 0.125, "tas_kt": 424},
        RIDDLE,
    ),
    (
        "A00004128F39F91A7E27C46ADC21",
        0x60,
        {"heading_mag_deg": 42.71484375, "ias_kt": 252, "mach": 0.42, "vrate_fpm": -1920, "vrate_inertial_fpm": -1920},
        RIDDLE,
    ),
    (
        "A80004AAA74A072BFDEFC1D5CB4F",
        0x60,
        {"heading_mag_deg": 110.390625, "ias_kt": 259, "mach": 0.7, "vrate_fpm": -2144, "vrate_inertial_fpm": -2016},
        "rs1090 0.7, tests of BDS 6,0",
    ),
]


@pytest.mark.parametrize(("frame", "register", "expected", "source"), PUBLISHED)
def test_published_examples_give_the_published_values(frame, register, expected, source):
    found = fields(read(int(frame[8:22], 16), slot=0))
    assert found.pop("bds") == register
    assert found == pytest.approx(expected, rel=1e-6), source


def test_an_advisory_is_kept_whole_and_is_active_until_it_is_over():
    # climb (bits 9, 10), one threat with the address 0xABCDEF: layout of Annex 10 volume IV 4.3.8.4.2.2.1
    active = 0x30 << 48 | 0b11 << 46 | 1 << 26 | 0xABCDEF << 2
    for over in (0, 1):
        found = fields(read(active | over << 29, slot=0))
        assert (found["bds"], found["tcas_ra"]) == (0x30, 1 - over)
        assert found["advisory"] == active | over << 29


def test_an_empty_reply_has_no_candidate():
    out = read(0, slot=0, level=0)
    assert scores(out) == {}
    assert fields(out) == {}


#: Registers that the rules allow, and single bits (from 1) that the rules then forbid.
FORBIDDEN = [
    (0x10, 0x10010080F50000, (10, 11, 12, 13, 14)),
    (0x17, 0xFA81C100000000, tuple(range(29, 57))),
    (0x20, 0x202CC371C31DE0, (1, 2, 4, 5, 6, 7, 8)),
    (0x30, 0x30C00006AF37BC, (55, 56)),
    (0x40, 0x85E42F31300000, (*range(40, 48), 49, 50, 51, 52, 53, 55, 56)),
    (0x44, 0x185BD5CF400000, (1, 2, *range(36, 47), 48, 49, *range(51, 57))),
    (0x45, 0x0001FB80000000, (2, 3, 5, 6, 8, 9, 11, 12, 14, 15, *range(28, 39), *range(40, 57))),
    (0x50, int(encode.bds50(np.nan, 114.2, 438.0, 0.125, 424.0)), range(2, 12)),
    (0x50, int(encode.bds50(2.1, np.nan, 438.0, 0.125, 424.0)), range(13, 24)),
    (0x50, int(encode.bds50(2.1, 114.2, np.nan, 0.125, 424.0)), range(25, 35)),
    (0x50, int(encode.bds50(2.1, 114.2, 438.0, np.nan, 424.0)), range(36, 46)),
    (0x50, int(encode.bds50(2.1, 114.2, 438.0, 0.125, np.nan)), range(47, 57)),
    (0x60, int(encode.bds60(np.nan, 252.0, 0.42, -1920.0, -1920.0)), range(2, 13)),
    (0x60, int(encode.bds60(42.7, np.nan, 0.42, -1920.0, -1920.0)), range(14, 24)),
    (0x60, int(encode.bds60(42.7, 252.0, np.nan, -1920.0, -1920.0)), range(25, 35)),
    (0x60, int(encode.bds60(42.7, 252.0, 0.42, np.nan, -1920.0)), range(36, 46)),
    (0x60, int(encode.bds60(42.7, 252.0, 0.42, -1920.0, np.nan)), range(47, 57)),
]


@pytest.mark.parametrize(("register", "allowed", "wrong"), FORBIDDEN)
def test_a_value_without_its_status_bit_or_a_reserved_bit_makes_a_register_impossible(register, allowed, wrong):
    assert register in scores(read(allowed, slot=0))
    for bit in wrong:
        assert register not in scores(read(allowed ^ 1 << (56 - bit), slot=0)), bit


def test_a_call_sign_of_characters_that_do_not_exist_is_none():
    good = 0x20 << 48 | name48("AF1234")
    assert fields(read(good, slot=0))["bds"] == 0x20
    for code in (0, 27, 31, 33, 47, 58, 63):
        assert scores(read(good & ~(63 << 42) | code << 42, slot=0)).get(0x20) is None


def test_no_identification_is_register_2_0_without_a_call_sign():
    assert fields(read(0x20 << 48, slot=0)) == {"bds": 0x20}


def test_an_unassigned_threat_type_is_no_advisory():
    assert 0x30 in scores(read(0x30C00006AF37BC, slot=0))
    assert 0x30 not in scores(read(0x30C0000EAF37BC, slot=0))


class Traffic:
    """``count`` aircraft in flight or taxiing, what they say in ADS-B, and one Comm-B register of each.

    The atmosphere, air speeds and turns are the exact formulas, not the approximations of the decoder.
    """

    def __init__(self, count: int, seed: int = 1, shares: tuple[float, ...] | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.rng, self.count = rng, count
        phase = rng.choice(4, count, p=(0.55, 0.2, 0.2, 0.05))  # cruise, climb, descent, taxi
        self.grounded = phase == 3
        self.alt_ft = np.select(
            [phase == 0, phase == 3],
            [np.round(rng.uniform(180, 420, count)) * 100, rng.uniform(0, 2500, count)],
            rng.uniform(1500, 38000, count),
        )
        height_m = self.alt_ft * 0.3048
        standard_k = np.maximum(288.15 - 0.0065 * height_m, 216.65)
        self.pressure_hpa = 1013.25 * np.where(
            height_m < 11000, (standard_k / 288.15) ** 5.25588, 0.22336 * np.exp(-(height_m - 11000) / 6341.62)
        )
        self.celsius = standard_k - 273.15 + rng.normal(0, 8, count)
        delta = self.pressure_hpa / 1013.25
        # climbs and descents hold an indicated speed, cruise a Mach number
        ias = np.where(self.alt_ft < 10000, rng.uniform(160, 250, count), rng.uniform(250, 320, count))
        mach_of_ias = np.sqrt(5 * (((1 + 0.2 * (ias / 661.4788) ** 2) ** 3.5 - 1) / delta + 1) ** (2 / 7) - 5)
        taxi = rng.uniform(0, 30, count)
        self.mach = np.select(
            [self.grounded, phase == 0],
            [taxi / 661.5, np.minimum(rng.normal(0.76, 0.05, count), 0.88)],
            np.minimum(mach_of_ias, 0.82),
        )
        self.ias_kt = 661.4788 * np.sqrt(5 * ((delta * ((1 + 0.2 * self.mach**2) ** 3.5 - 1) + 1) ** (2 / 7) - 1))
        self.tas_kt = self.mach * 38.967854 * np.sqrt(self.celsius + 273.15)
        self.wind_kt = np.abs(rng.normal(0, 15 + np.minimum(self.alt_ft, 40000) / 700, count))
        self.wind_from_deg = rng.uniform(0, 360, count)
        heading = rng.uniform(0, 360, count)
        east = self.tas_kt * np.sin(np.radians(heading)) - self.wind_kt * np.sin(np.radians(self.wind_from_deg))
        north = self.tas_kt * np.cos(np.radians(heading)) - self.wind_kt * np.cos(np.radians(self.wind_from_deg))
        self.gs_kt = np.where(self.grounded, taxi, np.hypot(east, north))
        self.track_deg = np.where(self.grounded, heading, np.degrees(np.arctan2(east, north)) % 360)
        self.heading_mag_deg = (heading - rng.normal(0, 8, count)) % 360
        turning = rng.random(count) < 0.2
        self.roll_deg = np.where(turning, rng.uniform(-30, 30, count), rng.normal(0, 0.6, count))
        self.roll_deg[self.grounded] = rng.normal(0, 0.4, self.grounded.sum())
        self.rate = 9.80665 * np.tan(np.radians(self.roll_deg)) / np.maximum(self.gs_kt, 60) / 0.514444 * 57.29578
        self.rate = np.where(self.grounded, rng.normal(0, 1.5, count), self.rate + rng.normal(0, 0.08, count))
        self.vrate_fpm = np.select(
            [phase == 1, phase == 2], [rng.uniform(500, 3500, count), -rng.uniform(500, 3000, count)], 0
        ) + np.where(self.grounded, 0, rng.normal(0, 60, count))
        self.selected_ft = np.where(phase == 0, self.alt_ft, rng.integers(20, 410, count) * 100.0)
        self.qnh_hpa = np.where(self.alt_ft > 10000, 1013.2, np.round(rng.normal(1014, 9, count), 1))
        self.names = callsign48([f"{a}{n}" for a, n in zip(
            rng.choice(["DLH", "AFR", "UAL", "N", "RCH", "EZY"], count), rng.integers(1, 9999, count), strict=True
        )])  # fmt: skip
        p = shares or (0.03, 0.03, 0.06, 0.01, 0.25, 0.03, 0.01, 0.29, 0.29)
        self.register = rng.choice(REGISTERS, count, p=p)
        self.mb = self._encoded()

    def _some(self, value: Any, known: float = 0.95) -> Any:
        """The value, or unknown in some aircraft."""
        return np.where(self.rng.random(self.count) < known, value, np.nan)

    def _encoded(self) -> Any:
        rng, n, some = self.rng, self.count, self._some
        vertical = self.vrate_fpm + np.where(self.grounded, 0, rng.normal(0, 60, n))
        registers = {
            0x10: encode.bds10(acas=rng.integers(0, 2, n), dte=np.where(rng.random(n) < 0.1, 1 << 15, 0)),
            0x17: encode.bds17(np.where(rng.random(n) < 0.8, 0xFA8181, 0x038181) | rng.choice([0, 0x40, 0xC00], n)),
            0x20: encode.bds20(self.names),
            0x30: (
                0x30 << 48 | rng.choice([0b11 << 46, 0b1001 << 44], n) | 1 << 26 | rng.integers(1, 1 << 24, n) << 2
            ).astype(np.uint64),
            0x40: encode.bds40(
                some(self.selected_ft), some(self.selected_ft, 0.4), some(self.qnh_hpa, 0.9),
                modes_known=(k := rng.integers(0, 2, n)), altitude_hold=k * rng.integers(0, 2, n),
                source_known=(q := rng.integers(0, 2, n)), source=q * rng.integers(0, 4, n),
            ),
            0x44: encode.bds44(
                rng.integers(1, 3, n), some(self.wind_kt), self.wind_from_deg, self.celsius,
                some(self.pressure_hpa, 0.3), humidity_percent=some(rng.uniform(0, 98, n), 0.1),
            ),
            0x45: encode.bds45(
                turbulence=some(rng.integers(0, 2, n), 0.5), temperature_c=self.celsius,
                pressure_hpa=some(self.pressure_hpa, 0.5),
            ),
            0x50: encode.bds50(
                some(self.roll_deg), some(self.track_deg), some(self.gs_kt), some(self.rate, 0.9),
                np.where(self.grounded, np.nan, some(self.tas_kt)),
            ),
            0x60: encode.bds60(
                some(self.heading_mag_deg), some(self.ias_kt + rng.normal(0, 1.5, n)), some(self.mach),
                some(self.vrate_fpm), some(vertical),
            ),
        }  # fmt: skip
        assert all(words.dtype == np.uint64 for words in registers.values())  # no float on the way
        return np.select([self.register == r for r in REGISTERS], [registers[r] for r in REGISTERS], np.uint64(0))

    def air(self, age_s: float = 3.0) -> Any:
        """What each said in ADS-B: values move on while they age."""
        rng, n = self.rng, self.count
        air = blank_aircraft(n)
        air["velocity_ns"] = air["alt_ns"] = air["selected_ns"] = air["callsign_ns"] = -int(age_s * S_NS)
        air["gs_kt"] = np.maximum(self.gs_kt + rng.normal(0, 1 + 0.3 * age_s, n), 0)
        air["track_deg"] = (self.track_deg - age_s * self.rate * rng.random(n) + rng.normal(0, 0.5, n)) % 360
        air["vrate_fpm"] = self.vrate_fpm + rng.normal(0, 64 + 10 * age_s, n)
        air["alt_baro_ft"] = self.alt_ft - self.vrate_fpm * age_s / 60
        half = rng.random(n) < 0.5  # says a target state too
        air["selected_alt_mcp_ft"][half] = (np.round(self.selected_ft / 32) * 32)[half]
        air["qnh_hpa"][half] = (np.round((self.qnh_hpa - 800) / 0.8) * 0.8 + 800)[half]
        air["callsign"] = self.names
        return air

    def read(self, known: str, level: int = LEVEL) -> Out:
        """What is made of it while ``known`` of the aircraft is "adsb", "altitude" or "nothing"."""
        place = np.arange(self.count)
        if known == "nothing":
            return read(self.mb, slot=place, air=blank_aircraft(self.count), level=level)
        alt_ft = np.round(self.alt_ft / 25) * 25
        air = self.air() if known == "adsb" else blank_aircraft(self.count)
        return read(self.mb, alt_ft=alt_ft, grounded=self.grounded, slot=place, air=air, level=level)


TRAFFIC = Traffic(40_000)

#: Per cent of each register that must be chosen, and of all that may be another one than chosen.
FOUND = {
    "adsb": ((100, 100, 100, 100, 99.8, 99.8, 99.5, 99.9, 99.9), 0.005),
    "altitude": ((100, 100, 100, 100, 99.8, 99.8, 99.5, 99.8, 99.8), 0.02),
    "nothing": ((100, 100, 100, 100, 99.8, 99.5, 99.5, 99.7, 99.5), 0.03),
}


@pytest.mark.parametrize("known", FOUND)
def test_registers_of_generated_traffic_are_found(known):
    chosen = TRAFFIC.read(known).u8[c.BDS]
    least, wrong = FOUND[known]
    for register, percent in zip(REGISTERS, least, strict=True):
        mine = TRAFFIC.register == register
        assert 100 * np.mean(chosen[mine] == register) >= percent, f"{register:x}"
    assert 100 * np.mean((chosen != TRAFFIC.register) & (chosen != c.NONE8)) <= wrong


@pytest.mark.parametrize("known", FOUND)
def test_a_score_is_as_often_right_as_it_says(known):
    out = TRAFFIC.read(known, level=101)
    assert (out.u8[c.BDS] == c.NONE8).all()
    table = np.array([out.u8[SCORES[r]] for r in REGISTERS], np.int64)
    table[table == c.NONE8] = -1
    right = np.array(REGISTERS)[table.argmax(0)] == TRAFFIC.register
    best = table.max(0)
    for low, high in ((50, 80), (80, 95), (95, 100), (100, 101)):
        these = (best >= low) & (best < high)
        if these.sum() >= 20:
            # not over-confident: no more than three standard errors below what was said
            said_share = np.minimum(best[these], 99.9).mean() / 100
            assert right[these].mean() > said_share - 3 * np.sqrt(said_share * (1 - said_share) / these.sum())


def test_chosen_fields_are_the_aircrafts_within_half_a_step():
    out = TRAFFIC.read("adsb")
    for register, row, truth, step in (
        (0x40, c.SELECTED_ALT_MCP_FT, TRAFFIC.selected_ft, 16.0), (0x40, c.QNH_HPA, TRAFFIC.qnh_hpa, 0.1),
        (0x44, c.WIND_KT, TRAFFIC.wind_kt, 1.0), (0x44, c.TEMPERATURE_C, TRAFFIC.celsius, 0.25),
        (0x44, c.PRESSURE_HPA, TRAFFIC.pressure_hpa, 1.0), (0x45, c.TEMPERATURE_C, TRAFFIC.celsius, 0.25),
        (0x45, c.PRESSURE_HPA, TRAFFIC.pressure_hpa, 1.0), (0x50, c.ROLL_DEG, TRAFFIC.roll_deg, 45 / 256),
        (0x50, c.GS_KT, TRAFFIC.gs_kt, 2.0), (0x50, c.TRACK_RATE_DEGPS, TRAFFIC.rate, 8 / 256),
        (0x50, c.TAS_KT, TRAFFIC.tas_kt, 2.0), (0x60, c.MACH, TRAFFIC.mach, 0.004),
        (0x60, c.VRATE_FPM, TRAFFIC.vrate_fpm, 32.0),
    ):  # fmt: skip
        chosen = out.u8[c.BDS] == register
        known = chosen & ~np.isnan(out.f32[row])
        assert known.sum() >= 0.1 * chosen.sum() > 0
        assert np.abs(out.f32[row, known] - truth[known]).max() <= step / 2 + 1e-4, c.F32[row]
    for register, row, truth in (
        (0x50, c.TRACK_DEG, TRAFFIC.track_deg),
        (0x60, c.HEADING_MAG_DEG, TRAFFIC.heading_mag_deg),
    ):
        known = (out.u8[c.BDS] == register) & ~np.isnan(out.f32[row])
        difference = np.abs((out.f32[row, known] - truth[known] + 180) % 360 - 180)
        assert known.any()
        assert difference.max() <= 90 / 1024 + 1e-4
    named = out.u8[c.BDS] == 0x20
    assert (out.u64[c.CALLSIGN, named] == TRAFFIC.names[named]).all()


def test_random_bits_are_seldom_taken_for_a_register():
    mb = np.random.default_rng(5).integers(0, 1 << 56, 500_000, dtype=np.uint64)
    unannounced = read(mb, alt_ft=33_000.0).u8[c.BDS]
    assert np.mean(unannounced != c.NONE8) < 0.001
    # an address that was announced makes noise unlikely, so it may be believed a little more often
    assert np.mean(read(mb, alt_ft=33_000.0, slot=0).u8[c.BDS] != c.NONE8) < 0.003


def test_other_registers_are_seldom_taken_for_one_of_the_nine():
    rng = np.random.default_rng(6)
    n = 100_000
    cpr = rng.integers(0, 1 << 34, n)
    position = 11 << 51 | rng.integers(0, 1 << 12, n) << 36 | cpr  # BDS 0,5
    coarse = 1 << 55 | rng.integers(0, 1 << 20, n) << 35 | rng.integers(0, 1 << 20, n) << 15 | rng.integers(0, 1500, n)
    waypoint = 1 << 55 | rng.integers(0, 1 << 52, n) << 2  # BDS 4,1: nine characters
    for words in (position, coarse, waypoint):
        chosen = read(words, alt_ft=33_000.0, slot=0).u8[c.BDS]
        assert np.mean(chosen != c.NONE8) < 0.005


# Found by search: BDS 5,0 of a steep right turn at 204 kt, track 222.2, or BDS 6,0 of a climb at 3,000 ft/min,
# heading 58.9, 240 kt and Mach 0.41. Each is consistent in itself.
TWO_WAYS = 0x94F9E119A2F45F
TRACK, HEADING = 222.2, 58.9


def test_adsb_decides_between_two_readings_that_are_both_plausible():
    undecided = read(TWO_WAYS, slot=0)
    assert fields(undecided) == {}
    alone = scores(undecided)
    assert min(alone[0x50], alone[0x60]) >= 20
    track = said(gs_kt=np.nan, track_deg=TRACK)
    heading = said(heading_mag_deg=HEADING)
    assert fields(read(TWO_WAYS, air=track, slot=0))["bds"] == 0x50
    assert fields(read(TWO_WAYS, air=heading, slot=0))["bds"] == 0x60


def test_what_adsb_said_over_a_minute_ago_is_not_compared():
    air = said(track_deg=TRACK)
    assert scores(read(TWO_WAYS, clock_ns=59 * S_NS, air=air, slot=0)) != scores(read(TWO_WAYS, slot=0))
    for late in (61 * S_NS, -61 * S_NS):
        assert scores(read(TWO_WAYS, clock_ns=late, air=air, slot=0)) == scores(read(TWO_WAYS, slot=0))


def test_without_an_announced_address_no_aircraft_is_looked_at():
    air = said(track_deg=TRACK, heading_mag_deg=HEADING, gicb=0xFFFFFF, gicb_ns=0)
    assert scores(read(TWO_WAYS, air=air, slot=-1)) == scores(read(TWO_WAYS, slot=-1))


def test_a_capability_report_is_remembered_and_lowers_what_it_does_not_list():
    air = blank_aircraft(1)
    only60 = int(encode.bds17(0x020001 | 1 << 15))  # 2,0 4,0 and 6,0
    assert fields(read(only60, clock_ns=5 * S_NS, air=air, slot=0))["gicb"] == 0x028001
    assert (air["gicb"][0], air["gicb_ns"][0]) == (0x028001, 5 * S_NS)
    before = scores(read(TWO_WAYS, slot=0))
    after = read(TWO_WAYS, clock_ns=6 * S_NS, air=air, slot=0)
    assert scores(after)[0x50] < before[0x50]
    assert fields(after)["bds"] == 0x60
    stale = read(TWO_WAYS, clock_ns=606 * S_NS, air=air, slot=0)
    assert scores(stale) == before


def test_a_capability_report_of_an_unannounced_address_is_remembered_of_nobody():
    air = blank_aircraft(1)
    assert fields(read(0xFA81C100000000, air=air, slot=-1))["gicb"] == 0xFA81C1
    assert air.tobytes() == blank_aircraft(1).tobytes()


def test_fields_are_written_only_at_the_level_and_scores_always():
    out = read(TWO_WAYS, slot=0)
    best = max(scores(out).values())
    assert fields(read(TWO_WAYS, slot=0, level=best))["bds"] == max(scores(out), key=scores(out).__getitem__)
    assert fields(read(TWO_WAYS, slot=0, level=best + 1)) == {}
    assert scores(read(TWO_WAYS, slot=0, level=best + 1)) == scores(out)


def test_another_call_sign_in_adsb_does_not_hide_an_identification():
    mb = 0x20 << 48 | name48("AF1234")
    assert fields(read(mb, air=said(callsign=name48("AF1234")), slot=0))["bds"] == 0x20
    assert fields(read(mb, air=said(callsign=name48("KLM99")), slot=0))["bds"] == 0x20


numbers = st.floats(-1e5, 2e5, width=32) | st.just(np.nan)


@settings(max_examples=400, deadline=None)
@given(
    mb=st.integers(0, (1 << 56) - 1), alt_ft=st.floats(-2_000, 150_000, width=32) | st.just(np.nan),
    values=st.lists(numbers, min_size=6, max_size=6), grounded=st.sampled_from((0, 1, c.NONE8)),
    slot=st.sampled_from((-1, 0)), level=st.sampled_from((0, 1, LEVEL)),
    register=st.none() | st.sampled_from((0x10, 0x20, 0x30)), clear=st.integers(0, (1 << 56) - 1),
)  # fmt: skip
def test_any_bits_give_scores_and_values_within_the_schema(mb, alt_ft, values, grounded, slot, level, register, clear):
    mb &= ~clear if clear % 2 else mb
    if register is not None:
        mb = mb & ((1 << 48) - 1) | register << 48
    air = said(**dict(zip(("gs_kt", "track_deg", "vrate_fpm", "ias_kt", "tas_kt", "qnh_hpa"), values, strict=True)))
    out = read(mb, alt_ft=alt_ft, grounded=grounded, air=air, slot=slot, level=level)
    found = scores(out)
    assert sum(found.values()) <= 104  # each is rounded
    told = fields(out)
    assert ("bds" in told) == (bool(found) and max(found.values()) >= level)
    for name, value in told.items():
        if name != "callsign" and ALL[name].low is not None:
            assert ALL[name].low <= value <= ALL[name].high, name
    if "bds" in told:
        assert found[told["bds"]] == max(found.values())
