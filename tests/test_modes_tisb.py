"""TIS-B and ADS-R: whose message a DF 18 is, and the coarse position, which has a format of its own."""

import numpy as np
import pytest

from squitters import airborne, bits, squitter, status, surface, target, values, velocity
from testigos.modes import columns as c
from testigos.modes import encode as e
from testigos.modes.decode import State, decode

ANONYMOUS = 1 << 24
KINDS = {2: 1 << 25, 3: 1 << 25, 5: 1 << 25, 6: 2 << 25}  #: TIS-B, ADS-R: part of the key of an aircraft


def heard(me: int, code: int, address: int = 0x40621D) -> tuple[dict, int]:
    """What one DF 18 says, and the key of the aircraft that it is filed under (-1: none)."""
    state = State.fresh()
    payload = np.frombuffer(squitter(address, me, 18, code), np.uint8).reshape(1, 14).copy()
    out, _, _ = next(decode(payload, np.array([14], np.uint8), np.array([0]), state))
    known = values(out, 0)
    return known, int(state.keys[known["slot"]]) if "slot" in known else -1


def coarse(speed: int, *, flag: int = 0, angle: int | None = None) -> int:
    """A coarse position: Doc 9871 table B-3-5, DO-260B figure 2-30."""
    known = angle is not None
    return bits(
        (flag, 1), (1, 2), (5, 4), (0xC38, 12), (known, 1), (angle or 0, 5), (speed, 6), (1, 1), (0x9AB, 12),
        (0x3CD, 12),
    )  # fmt: skip


def test_a_coarse_position_is_read_field_by_field():
    known, key = heard(coarse(10, angle=8), 3)
    assert key == 0x40621D | KINDS[3]
    assert (known["alt_baro_ft"], known["track_deg"], known["gs_kt"]) == (38_000.0, 90.0, 288.0)
    assert (known["surveillance_status"], known["cpr_odd"], known["on_ground"]) == (1, 1, 0)
    assert (known["cpr_lat"] >> 5, known["cpr_lon"] >> 5) == (0x9AB, 0x3CD)
    assert "tc" not in known  # these bits are no type code
    assert "track_deg" not in heard(coarse(10), 3)[0]


@pytest.mark.parametrize(
    ("code", "knots"), [(0, None), (1, 0), (2, 32), (3, 64), (10, 288), (32, 992), (62, 1_952), (63, 1_984)]
)
def test_a_coarse_speed_is_the_middle_of_its_class_of_32_knots(code, knots):
    # DO-260B table 2-107: 0 unknown, 1 below 16 kt, 2 below 48 kt, 62 from 1,936 to 1,968 kt, 63 above
    assert heard(coarse(code), 3)[0].get("gs_kt") == knots


@pytest.mark.parametrize(
    ("knots", "code"),
    [(np.nan, 0), (0, 1), (15.9, 1), (16, 2), (47.9, 2), (48, 3), (1_967.9, 62), (1_968, 63), (3e3, 63)],
)
def test_a_coarse_speed_is_encoded_into_its_class(knots, code):
    made = int(e.coarse_position(0xC38, 90.0, knots, 1, 52.0, 4.0))
    assert made >> 25 & 63 == code
    assert (made >> 37 & 0xFFF, made >> 31 & 63) == (0xC38, 0b101000)


def test_coarse_positions_are_placed_within_half_a_step_of_12_bits():
    k = np.arange(8)
    words = e.coarse_position(0xC38, 90.0, 32.0, k % 2, 52.257, 3.919)
    payload = np.stack([np.frombuffer(squitter(0x40621D, int(me), 18, 3), np.uint8) for me in words])
    out, _, _ = next(decode(payload, np.full(8, 14, np.uint8), k * 10**9, State.fresh()))
    assert np.abs(out.f64[c.LAT_DEG, 3:8] - 52.257).max() <= 360 / 59 / 2**13
    assert np.abs(out.f64[c.LON_DEG, 3:8] - 3.919).max() <= 360 / 35 / 2**13


def test_the_flag_of_a_coarse_position_makes_its_address_anonymous():
    assert heard(coarse(10, flag=1), 3)[1] == 0x40621D | KINDS[3] | ANONYMOUS


def _emergency(flag: int) -> int:
    return bits((28, 5), (1, 3), (0, 3), (0x1A0, 13), (0, 31), (flag, 1))


FLAGGED = {
    "surface": lambda flag: surface(utc=flag),
    "airborne": lambda flag: airborne(11, 0xC38, flag),
    "height": lambda flag: airborne(20, 0xC38, flag),
    "velocity": lambda flag: velocity(1, 5, 5, intent=flag),
    "emergency": _emergency,
    "target": lambda flag: target(adsr=flag),
    "status": lambda flag: status(2, last=flag),
}


@pytest.mark.parametrize("code", [2, 6])
@pytest.mark.parametrize("kind", FLAGGED)
def test_each_message_of_a_rebroadcast_has_its_own_flag_of_the_address(kind, code):
    # DO-260B 2.2.17 and 2.2.18: bit 21, 8, 8, 9, 56, 51, 56
    assert heard(FLAGGED[kind](0), code)[1] == 0x40621D | KINDS[code]
    assert heard(FLAGGED[kind](1), code)[1] == 0x40621D | KINDS[code] | ANONYMOUS


@pytest.mark.parametrize(
    "me", [bits((28, 5), (2, 3), (1, 48)), bits((4, 5), (3, 3), *[(1, 6)] * 8)], ids=["advisory", "identification"]
)
def test_a_message_without_a_flag_is_of_the_aircraft(me):
    assert heard(me, 6)[1] == 0x40621D | KINDS[6]


@pytest.mark.parametrize("kind", FLAGGED)
def test_an_address_that_is_never_an_icao_address_is_anonymous(kind):
    for flag in (0, 1):
        assert heard(FLAGGED[kind](flag), 1)[1] == 0x40621D | ANONYMOUS
        assert heard(FLAGGED[kind](flag), 5)[1] == 0x40621D | KINDS[5] | ANONYMOUS
        assert heard(FLAGGED[kind](flag), 0)[1] == 0x40621D


@pytest.mark.parametrize(("code", "source"), [(4, c.TISB), (7, c.UNKNOWN)])
def test_management_and_reserved_messages_are_of_no_aircraft(code, source):
    known, key = heard(airborne(11, 0xC38), code)
    assert key == -1
    assert known["source"] == source
    assert not {"alt_baro_ft", "cpr_lat", "tc", "address"} & set(known)
