"""What extended squitters and surveillance replies say: published messages, and every edge of the specification.

Expected values are worked out by hand from the tables of Doc 9871 (2nd edition) and DO-260B that each test names,
or are those that a publication prints beside its message.
"""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squitters import Aircraft, airborne, bits, outside, said, status, surface, target, text48, values, velocity
from testigos.links._readsb import EMERGENCIES
from testigos.modes import columns as c
from testigos.modes.fields import altitude12, altitude13, callsign48, hash_payload, squawk13
from testigos.modes.surveillance import surveillance

RIDDLE = "The 1090 MHz Riddle (Sun, 2nd edition)"
NEVER_S = 10_000


def me_of(message: str) -> int:
    return int(message, 16) >> 24 & (1 << 56) - 1


def code_of(message: str) -> int:
    return int(message[:2], 16) & 7


PUBLISHED = [
    # (message, what its publication says of it, the publication)
    ("8D4840D6202CC371C32CE0576098", {"tc": 4, "callsign": "KLM1023 ", "category": 0}, RIDDLE),
    ("8D406B902015A678D4D220AA4BDA", {"callsign": "EZY85MH "}, "pyModeS and rs1090, tests of BDS 0,8"),
    (
        "8D40621D58C382D690C8AC2863A7",
        {"tc": 11, "alt_baro_ft": 38_000.0, "cpr_odd": 0, "cpr_lat": 93_000, "cpr_lon": 51_372},
        RIDDLE,
    ),
    (
        "8D40621D58C386435CC412692AD6",
        {"tc": 11, "alt_baro_ft": 38_000.0, "cpr_odd": 1, "cpr_lat": 74_158, "cpr_lon": 50_194},
        RIDDLE,
    ),
    (
        "8D485020994409940838175B284F",
        {"subtype": 1, "gs_kt": 159.20, "track_deg": 182.88, "vrate_geom_fpm": -832.0, "geom_minus_baro_ft": 550.0},
        RIDDLE,
    ),
    (
        "8DA05F219B06B6AF189400CBC33F",
        {"subtype": 3, "tas_kt": 375.0, "heading_mag_deg": 243.98, "vrate_fpm": -2304.0, "vrate_geom_fpm": None},
        RIDDLE,
    ),
    (
        "8C4841753A9A153237AEF0F275BE",
        {"gs_kt": 17.0, "track_deg": 92.8125, "on_ground": 1, "cpr_odd": 1, "cpr_lat": 39_195, "cpr_lon": 110_320},
        "rs1090, test of BDS 0,6",
    ),
    (
        "8DA05629EA21485CBF3F8CADAEEB",
        {
            "subtype": 1, "selected_alt_mcp_ft": 16_992.0, "qnh_hpa": 1012.8, "selected_heading_deg": 66.8,
            "autopilot": 1, "vnav": 1, "altitude_hold": 0, "approach": 0, "tcas_operational": 1, "lnav": 1,
        },
        "pyModeS, test of BDS 6,2",
    ),
    ("8DA05629EA21485EBF3F8CADAEEB", {"selected_heading_deg": 246.796875}, "pyModeS, test of BDS 6,2"),
    ("8DA2C1B6E112B600000000760759", {"emergency": 0, "squawk": 0o6513}, "pyModeS, test of BDS 6,1"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "expected", "source"), PUBLISHED, ids=[m for m, _, _ in PUBLISHED])
def test_a_published_message_says_what_was_published(message, expected, source):
    known = said(me_of(message), code=code_of(message))
    for name, value in expected.items():
        if isinstance(value, float):
            assert known[name] == pytest.approx(value, abs=0.05), (name, source)
        else:
            assert known.get(name) == value, (name, source)


# Altitude codes: Annex 10 volume IV 3.1.2.6.5.4 and appendix 1


def pulses(names: str) -> int:
    """The 13-bit code with these pulses, in the order of the message."""
    order = ["C1", "A1", "C2", "A2", "C4", "A4", "M", "B1", "Q", "B2", "D2", "B4", "D4"]
    return sum(1 << (12 - order.index(name)) for name in names.split())


@pytest.mark.parametrize(
    ("names", "feet"),
    [
        # the two codes before the table in Annex 10 volume IV, appendix 1, and its first rows
        ("C4", -1200),
        ("C2 C4", -1100),
        ("C2", -1000),
        ("C1 C2", -900),
        ("C1", -800),
        ("B4 C1", -700),
        ("B4 C1 C2", -600),
        ("B4 C2", -500),
        ("B4 C2 C4", -400),
        ("B4 C4", -300),
        ("B2 B4 C4", -200),
        ("B2 B4 C2", 0),
        # the reflected code with one pulse more: 500 ft x (2^k - 1) - 1000 ft
        ("B2 C2", 500),
        ("B1 C2", 2_500),
        ("A4 C2", 6_500),
        ("A2 C2", 14_500),
        ("A1 C2", 30_500),
        ("D4 C2", 62_500),
        ("D2 C2", 126_500),
        # D4 is first sent at 30,750 ft and D2 at 62,750 ft
        ("D4 A1 C4", 30_800),
        ("D2 D4 C4", 62_800),
    ],
)
def test_a_code_of_hundreds_of_feet_is_read_from_its_pulses(names, feet):
    assert altitude13(pulses(names)) == feet


def test_codes_of_hundreds_of_feet_change_one_pulse_at_a_time_and_leave_none_out():
    codes = {}
    for code in range(1 << 13):
        feet = float(altitude13(code))
        if code & (pulses("M") | pulses("Q")) == 0 and not math.isnan(feet):
            assert feet not in codes
            codes[feet] = code
    heights = sorted(codes)
    assert heights[0] == -1200
    assert heights[-1] == 126_700
    assert np.all(np.diff(heights) == 100)
    assert all((codes[a] ^ codes[b]).bit_count() == 1 for a, b in pairwise(heights))


@pytest.mark.parametrize("names", ["A1", "C1 C4", "C1 C2 C4", "B4", "A1 B2 D4 C1 C4"])
def test_pulses_that_are_never_sent_together_are_no_altitude(names):
    assert math.isnan(altitude13(pulses(names)))


def test_an_altitude_in_metres_is_unknown_for_its_encoding_is_reserved():
    assert all(math.isnan(altitude13(code | pulses("M"))) for code in range(1 << 13))


def test_no_pulse_at_all_is_no_altitude():
    assert math.isnan(altitude13(0))
    assert math.isnan(altitude12(0))


def test_a_code_of_25_feet_counts_from_1000_feet_below_zero():
    q, rest = pulses("Q"), [p for p in range(13) if 1 << p not in (pulses("Q"), pulses("M"))]
    for count in (0, 1, 40, 1520, 2047):
        code = q | sum(1 << place for k, place in enumerate(rest) if count >> k & 1)
        assert altitude13(code) == 25 * count - 1000


def test_the_short_altitude_code_is_the_long_one_without_its_unit():
    for code in range(1 << 13):
        if not code & pulses("M"):
            short = (code >> 7) << 6 | code & 0x3F
            np.testing.assert_equal(altitude12(short), altitude13(code))


def test_an_identity_code_interleaves_its_pulses():
    assert squawk13(0b1000101101101) == 0o0356  # the worked example of the Riddle
    names = {"A": 0o1000, "B": 0o100, "C": 0o10, "D": 0o1}
    order = ["C1", "A1", "C2", "A2", "C4", "A4", "X", "B1", "D1", "B2", "D2", "B4", "D4"]
    for place, name in enumerate(order):
        expected = 0 if name == "X" else names[name[0]] * int(name[1])
        assert squawk13(1 << (12 - place)) == expected


# Identification: Doc 9871 table A-2-8


def name_of(*codes: int) -> np.uint64:
    return np.uint64(bits((0, 8), *((code, 6) for code in codes)))


def test_a_call_sign_keeps_its_blanks():
    assert text48(int(callsign48(name_of(1, 26, 32, 48, 57, 32, 32, 32)))) == "AZ 09   "


@pytest.mark.parametrize("code", [0, 27, 31, 33, 47, 58, 63])
def test_a_character_that_does_not_exist_leaves_no_call_sign(code):
    for place in range(8):
        codes = [1] * 8
        codes[place] = code
        assert callsign48(name_of(*codes)) == c.NONE64


def test_a_blank_call_sign_is_none():
    assert callsign48(name_of(*[32] * 8)) == c.NONE64


@pytest.mark.parametrize(("tc", "letter"), [(4, "A"), (3, "B"), (2, "C"), (1, "D")])
def test_the_set_of_categories_is_the_type_code(tc, letter):
    for number in range(8):
        known = said(bits((tc, 5), (number, 3), (0, 48)))
        assert known == {"tc": tc, "category": 8 * "ABCD".index(letter) + number}


# Surface position: Doc 9871 table A-2-6


@pytest.mark.parametrize(
    ("code", "knots"),
    [
        (0, None), (1, 0.0), (2, 0.125), (3, 0.25), (8, 0.875), (9, 1.0), (12, 1.75), (13, 2.0), (38, 14.5),
        (39, 15.0), (93, 69.0), (94, 70.0), (108, 98.0), (109, 100.0), (123, 170.0), (124, 175.0), (125, None),
        (126, None), (127, None),
    ],
)  # fmt: skip
def test_movement_is_the_lower_bound_of_its_class(code, knots):
    assert said(surface(movement=code)).get("gs_kt") == knots


def test_a_surface_position_says_ground_track_and_time():
    known = said(surface(tc=6, angle=127, utc=1, odd=1, lat=131_071, lon=1))
    assert known == {
        "tc": 6, "on_ground": 1, "track_deg": 357.1875, "utc_synchronised": 1, "cpr_odd": 1, "cpr_lat": 131_071,
        "cpr_lon": 1, "nic": 10, "rc_m": 25.0,
    }  # fmt: skip


def test_a_track_without_its_status_bit_is_unknown():
    known = said(bits((7, 5), (0, 7), (0, 1), (64, 7), (0, 36)))
    assert "track_deg" not in known


@pytest.mark.parametrize("heading", [0, 1])
def test_the_angle_on_the_ground_is_the_track_whatever_the_status_calls_it(heading):
    known = said(surface(angle=32), after=[status(2, surface=1, nic_baro=heading)])
    assert known["track_deg"] == 90.0
    assert not [n for n in known if n.startswith("heading")]


# Airborne position: Doc 9871 table A-2-5


@pytest.mark.parametrize(
    ("alert", "expected"),
    [
        (0, {"alert": 0, "ident": 0}),
        (1, {"alert": 1}),
        (2, {"alert": 1}),
        (3, {"alert": 0, "ident": 1}),
    ],
)
def test_an_alert_hides_the_ident(alert, expected):
    known = said(airborne(alert=alert))
    assert known["surveillance_status"] == alert
    assert {n: known[n] for n in ("alert", "ident") if n in known} == expected


def test_heights_above_the_ellipsoid_are_coded_as_pressure_altitudes_are():
    for tc in (20, 21, 22):
        known = said(airborne(tc=tc, ac12=0xC38))
        assert known["alt_geom_ft"] == 38_000.0
        assert "alt_baro_ft" not in known


def test_no_position_is_an_altitude_without_a_place():
    known = said(airborne(tc=0, ac12=0xC38))
    assert known == {"tc": 0, "alt_baro_ft": 38_000.0, "surveillance_status": 0, "alert": 0, "ident": 0}


def test_bit_eight_is_the_antenna_before_version_two():
    assert said(airborne(supplement=1))["nic_supplement_b"] == 1
    assert said(airborne(supplement=1), after=[status(2)])["nic_supplement_b"] == 1
    for version in (0, 1):
        known = said(airborne(supplement=1), after=[status(version)])
        assert known["single_antenna"] == 1
        assert "nic_supplement_b" not in known


@pytest.mark.parametrize("code", [2, 5, 6])
def test_rebroadcasts_keep_the_flag_of_the_address_out_of_the_quality(code):
    known = said(airborne(supplement=1, utc=1), df=18, code=code)
    assert "nic_supplement_b" not in known
    assert "single_antenna" not in known
    assert known["utc_synchronised"] == 1
    known = said(surface(utc=1), df=18, code=code)
    assert "utc_synchronised" not in known


# Integrity: DO-260B tables 2-14 (version 2), N-4 and N-11 (versions 0 and 1)

V0 = {
    5: (11, 7.5), 6: (10, 25), 7: (8, 185.2), 8: (0, None), 9: (11, 7.5), 10: (10, 25), 11: (8, 185.2),
    12: (7, 370.4), 13: (6, 926), 14: (5, 1852), 15: (4, 3704), 16: (1, 18_520), 17: (1, 37_040), 18: (0, None),
    20: (11, 7.5), 21: (10, 25), 22: (0, None),
}  # fmt: skip
V1 = {
    (7, 1): (9, 75), (7, 0): (8, 185.2), (8, 0): (0, None), (11, 1): (9, 75), (11, 0): (8, 185.2),
    (13, 0): (6, 926), (13, 1): (6, 1111.2), (16, 1): (3, 7408), (16, 0): (2, 14_816), (12, 0): (7, 370.4),
    (17, 0): (1, 37_040), (20, 0): (11, 7.5), (21, 0): (10, 25), (22, 0): (0, None),
}  # fmt: skip
V2 = {  # type code, supplement A, supplement B in the air and C on the ground
    (7, 1, 0): (9, 75), (7, 0, 0): (8, 185.2),
    (8, 1, 1): (7, 370.4), (8, 1, 0): (6, 555.6), (8, 0, 1): (6, 1111.2), (8, 0, 0): (0, None),
    (11, 1, 1): (9, 75), (11, 0, 0): (8, 185.2), (13, 0, 1): (6, 555.6), (13, 0, 0): (6, 926),
    (13, 1, 1): (6, 1111.2), (16, 1, 1): (3, 7408), (16, 0, 0): (2, 14_816), (14, 0, 0): (5, 1852),
    # pairs that the table does not have: the worst of the type code
    (7, 1, 1): (8, 185.2), (7, 0, 1): (8, 185.2), (11, 1, 0): (8, 185.2), (11, 0, 1): (8, 185.2),
    (13, 1, 0): (6, 1111.2), (16, 1, 0): (2, 14_816), (16, 0, 1): (2, 14_816),
}  # fmt: skip
UNKNOWN = {
    5: (11, 7.5), 7: (8, 185.2), 8: (0, None), 9: (11, 7.5), 11: (8, 185.2), 12: (7, 370.4), 13: (6, 1111.2),
    16: (1, 18_520), 17: (1, 37_040), 18: (0, None), 20: (8, 185.2), 21: (7, 370.4), 22: (0, None),
}  # fmt: skip


def position(tc: int, supplement: int = 0) -> int:
    return surface(tc=tc) if tc < 9 else airborne(tc=tc, supplement=supplement)


def quality(known: dict) -> tuple:
    radius = known.get("rc_m")
    return known["nic"], None if radius is None else pytest.approx(radius, rel=1e-6)


@pytest.mark.parametrize("tc", V0)
def test_integrity_of_version_0_is_the_type_code(tc):
    assert V0[tc] == quality(said(position(tc), after=[status(0)]))


@pytest.mark.parametrize(("tc", "a"), V1)
def test_integrity_of_version_1_has_one_supplement(tc, a):
    assert V1[tc, a] == quality(said(position(tc), after=[status(1, surface=tc < 9, nic_a=a)]))


@pytest.mark.parametrize(("tc", "a", "other"), V2)
def test_integrity_of_version_2_has_two_supplements(tc, a, other):
    before = status(2, surface=1, cc=other << 4, nic_a=a) if tc < 9 else status(2, nic_a=a)
    assert V2[tc, a, other] == quality(said(position(tc, other), after=[before]))


@pytest.mark.parametrize("tc", UNKNOWN)
def test_integrity_of_an_unknown_version_is_the_worst_of_all(tc):
    assert UNKNOWN[tc] == quality(said(position(tc)))


def test_a_supplement_counts_for_a_minute_and_the_version_for_ever():
    aircraft = Aircraft()
    aircraft.hear(status(2, nic_a=1))
    assert quality(aircraft.hear(airborne(tc=16, supplement=1), at_s=60)) == (3, 7408)
    assert quality(aircraft.hear(airborne(tc=16, supplement=1), at_s=60.001)) == (2, 14_816)
    assert quality(aircraft.hear(airborne(tc=16, supplement=1), at_s=NEVER_S)) == (2, 14_816)


def test_version_3_grades_heights_above_the_ellipsoid_anew():
    # EUROCAE ED-102B table 2-11 with supplement D unknown
    graded = {tc: quality(said(airborne(tc=tc), after=[status(3)])) for tc in (20, 21, 22)}
    assert graded == {20: (8, 185.2), 21: (7, 370.4), 22: (0, None)}


# Airborne velocity: Doc 9871 tables A-2-9a and b


@pytest.mark.parametrize(
    ("west", "south", "track"), [(0, 0, 53.130102), (1, 0, 306.869898), (0, 1, 126.869898), (1, 1, 233.130102)]
)
def test_a_velocity_over_ground_has_two_signs(west, south, track):
    known = said(velocity(1, ew=401, ns=301, west=west, south=south))
    assert known["gs_kt"] == 500.0
    assert known["track_deg"] == pytest.approx(track, abs=1e-4)


def test_supersonic_speeds_are_in_steps_of_four_knots():
    assert said(velocity(2, ew=401, ns=301))["gs_kt"] == 2000.0
    assert said(velocity(4, ns=301))["ias_kt"] == 1200.0
    assert said(velocity(4, south=1, ns=501))["tas_kt"] == 2000.0


@pytest.mark.parametrize(("ew", "ns"), [(0, 0), (0, 300), (300, 0)])
def test_a_component_that_is_not_available_leaves_no_velocity(ew, ns):
    known = said(velocity(1, ew=ew, ns=ns))
    assert "gs_kt" not in known
    assert "track_deg" not in known


def test_at_rest_there_is_a_speed_but_no_track():
    known = said(velocity(1, ew=1, ns=1))
    assert known["gs_kt"] == 0.0
    assert "track_deg" not in known


def test_along_an_axis_the_track_is_exact():
    assert said(velocity(1, ew=1, ns=201))["track_deg"] == 0.0
    assert said(velocity(1, ew=201, ns=1))["track_deg"] == 90.0
    assert said(velocity(1, ew=1, ns=201, south=1))["track_deg"] == 180.0
    assert said(velocity(1, ew=201, ns=1, west=1))["track_deg"] == 270.0


@pytest.mark.parametrize(("source", "column"), [(0, "vrate_geom_fpm"), (1, "vrate_fpm")])
@pytest.mark.parametrize(("rate", "down", "fpm"), [(1, 0, 0), (1, 1, 0), (2, 0, 64), (2, 1, -64), (511, 1, -32_640)])
def test_a_vertical_rate_names_its_source(source, column, rate, down, fpm):
    known = said(velocity(1, source=source, rate=rate, down=down))
    rates = {n: v for n, v in known.items() if n.startswith("vrate")}
    assert rates == {column: fpm}
    assert math.copysign(1, rates[column]) == (-1 if fpm < 0 else 1)


def test_no_vertical_rate_is_none_and_not_zero():
    assert not [n for n in said(velocity(1, down=1)) if n.startswith("vrate")]


@pytest.mark.parametrize(
    ("height", "below", "feet"), [(0, 0, None), (0, 1, None), (1, 1, 0), (2, 0, 25), (2, 1, -25), (127, 0, 3150)]
)
def test_the_height_above_the_pressure_altitude_is_signed(height, below, feet):
    assert said(velocity(1, height=height, below=below)).get("geom_minus_baro_ft") == feet


def test_version_3_halves_the_steps_of_the_height_and_drops_the_intent():
    # EUROCAE ED-102B 2.2.3.2.6.1
    known = said(velocity(1, height=3, below=1, intent=1), after=[status(3)])
    assert known["geom_minus_baro_ft"] == -62.5
    assert "intent_change" not in known


def airspeed(subtype: int, heading: int | None, true: int, speed: int) -> int:
    return velocity(subtype, ew=heading or 0, west=heading is not None, south=true, ns=speed)


def test_an_airspeed_is_indicated_or_true():
    indicated, true = said(airspeed(3, None, 0, 376)), said(airspeed(3, None, 1, 376))
    assert indicated["ias_kt"] == 375.0
    assert true["tas_kt"] == 375.0
    assert "tas_kt" not in indicated
    assert "ias_kt" not in true
    assert not [n for n in indicated if n.startswith("heading")]


def test_a_heading_is_magnetic_unless_the_status_says_true():
    message = airspeed(3, 512, 0, 0)
    assert said(message)["heading_mag_deg"] == 180.0
    assert said(message, after=[status(2, hrd=1)])["heading_mag_deg"] == 180.0
    assert said(message, after=[status(2, hrd=0)])["heading_deg"] == 180.0
    aircraft = Aircraft()
    aircraft.hear(status(2, hrd=0))
    assert "heading_deg" not in aircraft.hear(message, at_s=61)


def test_speeds_beyond_their_columns_are_out_of_range():
    assert said(velocity(2, ew=1023, ns=1023))["status"] == c.OUT_OF_RANGE
    assert "gs_kt" not in said(velocity(2, ew=1023, ns=1023))
    for true, column in ((0, "ias_kt"), (1, "tas_kt")):
        known = said(airspeed(4, None, true, 1023))
        assert known["status"] == c.OUT_OF_RANGE
        assert column not in known


@pytest.mark.parametrize("subtype", [0, 5, 6, 7])
def test_reserved_velocities_say_nothing_but_their_number(subtype):
    assert said(velocity(subtype, ew=5, ns=5, rate=5, height=5, nac_v=2, intent=1)) == {"tc": 19, "subtype": subtype}


@pytest.mark.parametrize(("nac_v", "known"), [(0, True), (4, True), (5, False), (7, False)])
def test_an_accuracy_that_is_not_defined_is_out_of_range(nac_v, known):
    heard = said(velocity(1, nac_v=nac_v))
    assert heard.get("nac_v") == (nac_v if known else None)
    assert heard.get("status") == (None if known else c.OUT_OF_RANGE)


@pytest.mark.parametrize("code", [2, 5])
def test_a_tis_b_velocity_carries_its_quality(code):
    # DO-260B 2.2.17.3.4: NACp in bits 10 to 13; the flag in bit 36 says whether bits 49 to 56 are a height
    body = [(19, 5), (1, 3), (0, 1), (9, 4), (0, 1), (301, 10), (0, 1), (401, 10)]
    tail = [(0, 1), (3, 9)]
    known = said(bits(*body, (0, 1), *tail, (0, 1), (2, 3), (3, 2), (0, 4)), df=18, code=code)
    assert known["gs_kt"] == 500.0
    assert (known["nac_p"], known["nac_v"], known["sil"], known["vrate_fpm"]) == (9, 2, 3, 128.0)
    assert "geom_minus_baro_ft" not in known
    known = said(bits(*body, (1, 1), *tail, (0, 2), (1, 1), (3, 7)), df=18, code=code)
    assert (known["nac_p"], known["geom_minus_baro_ft"]) == (9, -50.0)
    assert not {"nac_v", "sil", "intent_change"} & set(known)


# Aircraft status: Doc 9871 tables B-2-97a and C-2-97


def test_emergency_states_are_those_that_readsb_numbers():
    # DO-260B 2.2.3.2.7.8.1.1
    names = ["none", "general", "lifeguard", "minfuel", "nordo", "unlawful", "downed", "reserved"]
    assert list(EMERGENCIES) == names
    for state in range(8):
        assert said(bits((28, 5), (1, 3), (state, 3), (0x0808, 13), (0, 32))) == {
            "tc": 28, "subtype": 1, "emergency": state, "squawk": 0o1200,
        }  # fmt: skip


@pytest.mark.parametrize(("version", "squawk"), [(None, None), (0, None), (1, None), (2, 0), (3, 0)])
def test_squawk_0000_of_a_status_counts_only_where_it_is_sent(version, squawk):
    after = [] if version is None else [status(version)]
    assert said(bits((28, 5), (1, 3), (0, 48)), after=after).get("squawk") == squawk


def test_a_test_message_of_subtype_7_tells_the_squawk():
    assert said(bits((23, 5), (7, 3), (0x0808, 13), (0, 35))) == {"tc": 23, "subtype": 7, "squawk": 0o1200}
    assert said(bits((23, 5), (0, 3), (0x0808, 13), (0, 35))) == {"tc": 23, "subtype": 0}


@pytest.mark.parametrize(
    ("issued", "several", "ended", "active"),
    [(1, 0, 0, 1), (0, 1, 0, 1), (1, 1, 0, 1), (0, 0, 0, 0), (1, 0, 1, 0), (0, 1, 1, 0)],
)
def test_a_resolution_advisory_is_active_until_it_is_terminated(issued, several, ended, active):
    # Annex 10 volume IV 4.3.8.4.2.2.1
    tail = [(issued, 1), (0, 13), (5, 4), (ended, 1), (several, 1), (1, 2), (0xABCDEF, 24), (0, 2)]
    me = bits((28, 5), (2, 3), *tail)
    assert said(me) == {"tc": 28, "subtype": 2, "advisory": me, "tcas_ra": active}
    mv = bits((0x30, 8), *tail)
    assert reply(16, 0, mv)["advisory"] == mv
    assert reply(16, 0, mv)["tcas_ra"] == active


# Target state: DO-260B 2.2.3.2.7.1 and Doc 9871 table B-2-98


def test_a_target_of_version_2_is_read_field_by_field():
    known = said(
        target(
            sil_supplement=1, fms=1, altitude=2047, qnh=511, heading_known=1, heading=511, nac_p=11, nic_baro=1,
            sil=3, modes_known=1, autopilot=1, altitude_hold=1, lnav=1, tcas=1,
        )
    )  # fmt: skip
    assert known == {
        "tc": 29, "subtype": 1, "sil_supplement": 1, "selected_alt_fms_ft": 65_472.0,
        "qnh_hpa": pytest.approx(1208.0), "selected_heading_deg": 359.296875, "nac_p": 11, "nic_baro": 1, "sil": 3,
        "autopilot": 1, "vnav": 0, "altitude_hold": 1, "approach": 0, "lnav": 1, "tcas_operational": 1,
    }  # fmt: skip


def test_the_first_code_of_a_target_is_zero_and_code_zero_is_none():
    assert said(target(altitude=1, qnh=1))["selected_alt_mcp_ft"] == 0.0
    assert said(target(altitude=1, qnh=1))["qnh_hpa"] == 800.0
    empty = said(target())
    assert not {n for n in empty if n.startswith("selected")} | {"qnh_hpa"} & set(empty)


def test_modes_without_their_status_bit_are_unknown():
    known = said(target(autopilot=1, vnav=1, altitude_hold=1, approach=1, lnav=1, tcas=1))
    assert not {"autopilot", "vnav", "altitude_hold", "approach", "lnav"} & set(known)
    assert known["tcas_operational"] == 1


def target1(**parts: int) -> int:
    widths = {
        "source": 2, "msl": 1, "compatible": 1, "capability": 2, "mode": 2, "altitude": 10, "horizontal": 2,
        "angle": 9, "track": 1, "horizontal_mode": 2, "nac_p": 4, "nic_baro": 1, "sil": 2, "spare": 5,
        "not_tcas": 1, "ra": 1, "emergency": 3,
    }  # fmt: skip
    assert set(parts) <= set(widths)
    return bits((29, 5), (0, 2), *((parts.get(n, 0), width) for n, width in widths.items()))


def test_a_target_of_version_1_is_read_field_by_field():
    known = said(
        target1(source=1, altitude=130, horizontal=1, angle=359, nac_p=8, nic_baro=1, sil=2, ra=1, emergency=3)
    )
    assert known == {
        "tc": 29, "subtype": 0, "selected_alt_mcp_ft": 12_000.0, "selected_heading_deg": 359.0, "nac_p": 8,
        "nic_baro": 1, "sil": 2, "tcas_ra": 1, "emergency": 3,
    }  # fmt: skip
    assert said(target1(source=3, altitude=130))["selected_alt_fms_ft"] == 12_000.0
    assert said(target1(not_tcas=1))["tcas_operational"] == 0


def test_a_held_altitude_and_a_target_track_are_not_selected_ones():
    known = said(target1(source=2, altitude=130, horizontal=1, angle=90, track=1))
    assert not [n for n in known if n.startswith("selected")]


@pytest.mark.parametrize(
    "parts", [{"source": 1, "altitude": 9}, {"source": 1, "altitude": 711}, {"horizontal": 1, "angle": 360}]
)
def test_targets_beyond_their_columns_are_out_of_range(parts):
    known = said(target1(**parts))
    assert known["status"] == c.OUT_OF_RANGE
    assert not [n for n in known if n.startswith("selected")]


@pytest.mark.parametrize(
    "me", [target(subtype=2, altitude=5), target(subtype=3, qnh=9), target1(compatible=1, source=1)]
)
def test_reserved_targets_say_nothing_but_their_number(me):
    assert set(said(me)) == {"tc", "subtype"}


# Operational status: Doc 9871 tables B-2-101 and C-2-101, DO-260B 2.2.3.2.7.2


def test_a_status_in_the_air_of_version_2_is_read_field_by_field():
    cc, om = 0b0010_0000_0000_0000, 0b0011_0111_0000_0000
    known = said(status(2, cc=cc, om=om, nic_a=1, nac_p=10, gva=2, sil=3, nic_baro=1, hrd=1, sil_supplement=1))
    assert known == {
        "tc": 31, "subtype": 0, "adsb_version": 2, "capability_class": cc, "operational_mode": om,
        "tcas_operational": 1, "tcas_ra": 1, "ident": 1, "single_antenna": 1, "sda": 3, "nic_supplement_a": 1,
        "nac_p": 10, "gva": 2, "sil": 3, "nic_baro": 1, "sil_supplement": 1,
    }  # fmt: skip


def test_a_status_on_the_ground_of_version_2_is_read_field_by_field():
    cc = 2 << 5 | 1 << 4 | 6
    known = said(status(2, surface=1, cc=cc, om=0x0100, nic_a=0, nac_p=9, gva=3, sil=2, nic_baro=1))
    assert known == {
        "tc": 31, "subtype": 1, "adsb_version": 2, "capability_class": cc, "operational_mode": 0x0100,
        "tcas_ra": 0, "ident": 0, "single_antenna": 0, "sda": 1, "nac_v": 2, "nic_supplement_c": 1,
        "length_m": 45.0, "width_m": 39.5, "nic_supplement_a": 0, "nac_p": 9, "sil": 2, "sil_supplement": 0,
    }  # fmt: skip


def test_a_status_of_version_1_has_no_design_assurance():
    known = said(status(1, om=0x3700, nic_a=1, nac_p=8, gva=3, sil=2, nic_baro=1, hrd=1, sil_supplement=1))
    assert known == {
        "tc": 31, "subtype": 0, "adsb_version": 1, "capability_class": 0, "operational_mode": 0x3700, "tcas_ra": 1,
        "ident": 1, "nic_supplement_a": 1, "nac_p": 8, "sil": 2, "nic_baro": 1,
    }  # fmt: skip


def test_version_1_says_only_that_its_tcas_does_not_work():
    assert said(status(1, cc=0x2000))["tcas_operational"] == 0
    assert "tcas_operational" not in said(status(1))


def test_a_status_of_version_0_says_its_version():
    known = said(status(0, cc=0x1000, nic_a=1, nac_p=9, sil=3))
    assert known == {"tc": 31, "subtype": 0, "adsb_version": 0, "capability_class": 0x1000, "operational_mode": 0}


def test_version_3_has_no_barometric_integrity_code():
    assert "nic_baro" not in said(status(3, nic_baro=1))
    assert "nic_baro" not in said(target(nic_baro=1), after=[status(3)])
    assert said(status(3))["adsb_version"] == 3


@pytest.mark.parametrize("version", [4, 5, 6, 7])
def test_a_version_to_come_is_out_of_range_and_changes_nothing(version):
    known = said(status(version, nac_p=5))
    assert known == {"tc": 31, "subtype": 0, "status": c.OUT_OF_RANGE}
    assert said(airborne(tc=13), after=[status(2), status(version)])["rc_m"] == 926.0


@pytest.mark.parametrize("subtype", range(2, 8))
def test_reserved_statuses_say_nothing_but_their_number(subtype):
    assert said(status(2, surface=subtype, nac_p=9)) == {"tc": 31, "subtype": subtype}


def test_reserved_codes_of_capability_and_mode_are_kept_but_not_read():
    known = said(status(2, cc=0x6000, om=0x7700))
    assert (known["capability_class"], known["operational_mode"]) == (0x6000, 0x7700)
    assert not {"tcas_operational", "tcas_ra", "ident", "single_antenna", "sda"} & set(known)


@pytest.mark.parametrize(
    ("version", "code", "size"),
    [
        (1, 0, (15, 11.5)), (2, 0, (None, None)), (2, 1, (15, 23)), (2, 2, (25, 28.5)), (2, 3, (25, 34)),
        (2, 4, (35, 33)), (2, 5, (35, 38)), (2, 6, (45, 39.5)), (2, 7, (45, 45)), (2, 8, (55, 45)), (2, 9, (55, 52)),
        (2, 10, (65, 59.5)), (2, 11, (65, 67)), (2, 12, (75, 72.5)), (2, 13, (75, 80)), (2, 14, (85, 80)),
        (2, 15, (85, 90)),
    ],
)  # fmt: skip
def test_the_size_is_the_upper_limit_of_its_class(version, code, size):
    # DO-260B table 2-74
    known = said(status(version, surface=1, cc=code))
    assert (known.get("length_m"), known.get("width_m")) == size


@pytest.mark.parametrize("nac_p", [12, 15])
def test_an_accuracy_of_position_that_is_not_defined_is_out_of_range(nac_p):
    for me in (status(2, nac_p=nac_p), target(nac_p=nac_p)):
        known = said(me)
        assert "nac_p" not in known
        assert known["status"] == c.OUT_OF_RANGE


@pytest.mark.parametrize("tc", [24, 25, 26, 27, 30])
def test_reserved_types_say_nothing_but_their_number(tc):
    assert said(tc << 51 | 0x5A5A5A5A5A5A5) == {"tc": tc}


@pytest.mark.parametrize(("capability", "ground"), [(4, 1), (5, 0), (6, None), (7, None), (0, None)])
def test_the_capability_says_ground_or_air(capability, ground):
    assert said(velocity(0), code=capability).get("on_ground") == ground
    assert reply(11, capability << 24).get("on_ground") == ground
    assert said(surface(), code=5)["on_ground"] == 1
    assert said(airborne(), code=4)["on_ground"] == 0
    assert "on_ground" not in said(velocity(0), df=18, code=capability)


# Headers: Annex 10 volume IV 3.1.2.6.5, 3.1.2.8.2


def reply(df: int, head: int, body: int = 0) -> dict:
    """What the first 32 bits of a reply say, the format aside."""
    payload = np.frombuffer((df << 27 | head).to_bytes(4) + body.to_bytes(7) + bytes(3), np.uint8).reshape(1, 14)
    out = c.allocate(1)
    c.blank(out, 1)
    surveillance(payload, 0, df, out)
    return values(out, 0)


@pytest.mark.parametrize("df", [4, 5, 20, 21])
@pytest.mark.parametrize(
    ("status_code", "expected"),
    [
        (0, {"alert": 0, "ident": 0, "on_ground": 0}),
        (1, {"alert": 0, "ident": 0, "on_ground": 1}),
        (2, {"alert": 1, "ident": 0, "on_ground": 0}),
        (3, {"alert": 1, "ident": 0, "on_ground": 1}),
        (4, {"alert": 1, "ident": 1}),
        (5, {"alert": 0, "ident": 1}),
        (6, {}),
        (7, {}),
    ],
)
def test_the_flight_status_of_a_reply(df, status_code, expected):
    known = reply(df, status_code << 24 | 31 << 19 | 42 << 13 | (0x0808 if df in (5, 21) else 0))
    code = {"squawk": 0o1200} if df in (5, 21) else {}
    assert known == expected | code | {"flight_status": status_code, "downlink_request": 31, "utility_message": 42}


def test_squawk_0000_of_a_reply_is_a_squawk():
    assert reply(5, 0)["squawk"] == 0


@pytest.mark.parametrize(
    ("message", "expected", "source"),
    [
        ("2A00516D492B80", {"squawk": 0o0356, "flight_status": 2}, RIDDLE),
        ("2000171806A983", {"alt_baro_ft": 36_000.0}, RIDDLE),
        ("A02014B400000000000000F9D514", {"alt_baro_ft": 32_300.0}, "pyModeS, test of altitude codes"),
        ("A800292DFFBBA9383FFCEB903D01", {"squawk": 0o1346}, "pyModeS, test of identity codes"),
    ],
)
def test_a_published_reply_says_what_was_published(message, expected, source):
    head = int(message[:8], 16)
    known = reply(head >> 27, head & 0x7FFFFFF)
    assert {n: known[n] for n in expected} == expected, source


@pytest.mark.parametrize("df", [0, 16])
def test_an_air_to_air_reply_tells_status_sensitivity_and_kind(df):
    known = reply(df, 1 << 26 | 5 << 21 | 9 << 15 | 0x1838)
    assert known == {"on_ground": 1, "sensitivity_level": 5, "reply_information": 9, "alt_baro_ft": 38_000.0}


def test_a_coordination_reply_without_an_advisory_has_none():
    assert "advisory" not in reply(16, 0, 0x58000000000000)
    assert "tcas_ra" not in reply(0, 0)


def test_a_reply_of_a_longer_message_says_nothing():
    assert reply(24, 0x7FFFFFF, (1 << 56) - 1) == {}


# Laws


def any_bits(size: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << size) - 1)


def any_status(version: int, subtype: int, cc: int, om: int, rest: int) -> int:
    return status(version, subtype, cc, om) | rest


squitters = st.one_of(
    any_bits(56),
    st.builds(lambda tc, rest: tc << 51 | rest, st.sampled_from([0, 8, 13, 16, 19, 28, 29, 31]), any_bits(51)),
    st.builds(any_status, any_bits(3), any_bits(1), any_bits(14), any_bits(14), any_bits(13)),
    st.builds(lambda subtype, rest: 19 << 51 | subtype << 48 | rest, any_bits(3), any_bits(48)),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(squitters, st.sampled_from([17, 18]), st.integers(0, 7), st.floats(0, 90)), max_size=6))
def test_no_bits_give_a_value_outside_its_range(heard):
    aircraft = Aircraft()
    for me, df, code, at_s in heard:
        known = aircraft.hear(me, df, code, at_s)
        assert outside(known) == []
        assert known["tc"] == me >> 51


@settings(max_examples=300, deadline=None)
@given(st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 56) - 1))
def test_no_header_gives_a_value_outside_its_range(head, body):
    assert outside(reply(head >> 27, head & 0x7FFFFFF, body)) == []


@given(squitters)
@settings(max_examples=200, deadline=None)
def test_the_same_squitter_says_the_same_again(me):
    aircraft = Aircraft()
    aircraft.hear(me)
    assert aircraft.hear(me) == aircraft.hear(me)


@settings(deadline=None)
@given(st.binary(min_size=14, max_size=14), st.sampled_from([2, 7, 14]), st.integers(0, 111))
def test_a_hash_depends_on_each_bit_of_the_message_and_on_no_other(payload, size, bit):
    rows = np.frombuffer(payload, np.uint8).reshape(1, 14).copy()
    before = hash_payload(rows, 0, size)
    assert before != c.NONE64
    rows[0, bit >> 3] ^= 0x80 >> (bit & 7)
    assert (hash_payload(rows, 0, size) != before) == (bit < 8 * size)


def test_messages_of_different_length_have_different_hashes():
    rows = np.zeros((1, 14), np.uint8)
    assert len({int(hash_payload(rows, 0, size)) for size in (2, 7, 14)}) == 3
