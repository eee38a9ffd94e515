"""CPR positions: against the specification's formulas, published examples, other decoders, and simulated traffic.

The encoder here is written from DO-260B A.1.7.3 in plain floats, apart from the package's own. Oracles: pyModeS and
rs1090, by their public functions.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testigos.modes import columns as c
from testigos.modes import cpr
from testigos.modes.state import blank_aircraft
from testigos.schema import STATUSES

NAN = math.nan
UNKNOWN = (NAN, NAN, NAN)
M_PER_DEG = 111_195.0


def zones(lat: float) -> int:
    """NL by its definition (DO-260B A.1.7.2 d)."""
    if abs(lat) >= 87.0:
        return 2 if abs(lat) == 87.0 else 1
    inner = 1.0 - (1.0 - math.cos(math.pi / 30.0)) / math.cos(math.radians(abs(lat))) ** 2
    return math.floor(2.0 * math.pi / math.acos(inner)) if lat else 59


def encode(lat: float, lon: float, odd: int, surface: bool = False) -> tuple[int, int]:
    """The 17-bit fields of a position (DO-260B A.1.7.3): 19 bits on the ground, of which the lower 17 are sent."""
    scale = 2.0 ** (19 if surface else 17)
    height = 360.0 / (60 - odd)
    yz = math.floor(scale * (lat % height) / height + 0.5)
    decoded = height * (yz / scale + math.floor(lat / height))
    width = 360.0 / max(zones(decoded) - odd, 1)
    xz = math.floor(scale * (lon % width) / width + 0.5)
    return yz % 131072, xz % 131072


def half_step_deg(lat: float, odd: int, surface: bool = False) -> tuple[float, float]:
    """What quantisation alone may be off: half a step in latitude and in longitude."""
    scale = 2.0 ** (19 if surface else 17) * 2.0 / (1.0 + 1e-6)
    # the zone is that of the quantised latitude
    count = min(zones(min(abs(lat) + s, 90.0)) for s in (-1e-4, 0.0, 1e-4))
    return 360.0 / (60 - odd) / scale, 360.0 / max(count - odd, 1) / scale


def east_of(lon: float, other: float) -> float:
    return (lon - other + 180.0) % 360.0 - 180.0


class Verdict(NamedTuple):
    status: str
    lat: float
    lon: float


@dataclass
class Listener:
    """One aircraft's record, and what becomes of each message."""

    receiver: tuple[float, float, float] = UNKNOWN
    air: np.ndarray = field(default_factory=lambda: blank_aircraft(1))
    out: c.Out = field(default_factory=lambda: c.allocate(1))

    def raw(self, lat_cpr, lon_cpr, odd, t_s, surface=False, alt_ft=30_000.0, gs_kt=NAN) -> Verdict:
        c.blank(self.out, 1)
        self.out.u8[c.CPR_ODD, 0] = odd
        self.out.u32[c.CPR_LAT, 0] = lat_cpr
        self.out.u32[c.CPR_LON, 0] = lon_cpr
        self.out.u8[c.TC, 0] = 7 if surface else 11
        self.out.f32[c.ALT_BARO_FT, 0] = NAN if surface else alt_ft
        self.out.f32[c.GS_KT, 0] = gs_kt
        cpr.position(0, round(t_s * 1e9), self.out, self.air, 0, *self.receiver)
        lat, lon = self.out.f64[c.LAT_DEG, 0], self.out.f64[c.LON_DEG, 0]
        return Verdict(STATUSES[self.out.u8[c.STATUS, 0]], float(lat), float(lon))

    def hear(self, lat, lon, odd, t_s, surface=False, **more) -> Verdict:
        return self.raw(*encode(lat, lon, odd, surface), odd, t_s, surface, **more)

    def lock(self, lat, lon, t_s, surface=False, **more) -> None:
        """Make the listener sure of a place, in the second before ``t_s``."""
        for k in range(3, 0, -1):
            got = self.hear(lat, lon + k * 2e-5, k % 2, t_s - k * 0.3, surface, **more)
        assert got.status == "ok"

    def speed(self, gs_kt, t_s) -> None:
        self.air["gs_kt"] = gs_kt
        self.air["velocity_ns"] = round(t_s * 1e9)


def close(got: Verdict, lat: float, lon: float, odd: int, surface: bool = False) -> bool:
    north, east = half_step_deg(lat, odd, surface)
    return abs(got.lat - lat) <= north and abs(east_of(got.lon, lon)) <= east


# --- the formulas


def test_nl_equals_its_definition_everywhere():
    edges = [math.degrees(math.acos(math.sin(math.pi / 60) / math.sin(math.pi / n))) for n in range(3, 60)]
    near = [e + d for e in edges for d in (-1e-9, 1e-9)]
    for lat in [*near, *np.linspace(-90, 90, 20_011), 0.0, 87.0, math.nextafter(87.0, 90.0), -87.0]:
        assert cpr.nl(float(lat)) == zones(float(lat)), lat


def test_nl_of_no_latitude_is_one():
    assert [cpr.nl(x) for x in (NAN, math.inf, -math.inf, 91.0, 1e300)] == [1] * 5


def test_no_two_edges_of_nl_share_a_quarter_of_a_degree():
    edges = [math.degrees(math.acos(math.sin(math.pi / 60) / math.sin(math.pi / n))) for n in range(3, 60)]
    assert len({math.floor(e * 4) for e in [*edges, 87.0]}) == 58


def test_distance_is_true_across_poles_and_antimeridian():
    cases = [
        ((0, 179.99), (0, -179.99), 0.02),
        ((89.9, 0), (89.9, 180), 0.2),
        ((-89.9, 45), (-89.9, -135), 0.2),
        ((60, 10), (60, 10.2), 0.1),
        ((10, 0), (55, 0), 45),
        ((0, 0), (0, 180), 180),
    ]
    for a, b, degrees in cases:
        assert cpr.distance_m(*map(float, (*a, *b))) == pytest.approx(degrees * M_PER_DEG, rel=0.01)


@given(st.floats(-80, 80), st.floats(-180, 180), st.floats(-5, 5), st.floats(-5, 5))
@settings(max_examples=300, deadline=None)
def test_distance_agrees_with_the_haversine(lat, lon, north, east):
    to = min(max(lat + north, -90.0), 90.0)
    a = math.sin(math.radians(to - lat) / 2) ** 2
    a += math.cos(math.radians(lat)) * math.cos(math.radians(to)) * math.sin(math.radians(east) / 2) ** 2
    truth = math.degrees(2 * math.asin(math.sqrt(a))) * M_PER_DEG
    assert cpr.distance_m(lat, lon, to, lon + east) == pytest.approx(truth, rel=0.01, abs=0.1)


# --- published examples: J. Sun, The 1090 Megahertz Riddle (2nd edition), chapters 5 and 6


def fields(frame: str) -> tuple[int, int, int]:
    me = int(frame[8:22], 16)
    return me >> 17 & 0x1FFFF, me & 0x1FFFF, me >> 34 & 1


EVEN, ODD = "8D40621D58C382D690C8AC2863A7", "8D40621D58C386435CC412692AD6"
SURFACE_EVEN, SURFACE_ODD = "8C4841753AAB238733C8CD4020B1", "8C4841753A8A35323FAEBDAC702D"


def test_the_published_airborne_pair_is_where_it_should_be():
    (y0, x0, f0), (y1, x1, f1) = fields(EVEN), fields(ODD)
    assert (f0, f1) == (0, 1)
    assert cpr.global_airborne(y0, x0, y1, x1, 0) == pytest.approx((52.25720, 3.91937), abs=1e-5)
    assert cpr.local(y0, x0, 0, 0, 52.258, 3.918) == pytest.approx((52.25720, 3.91937), abs=1e-5)


def test_the_published_surface_pair_is_where_it_should_be():
    (y0, x0, f0), (y1, x1, f1) = fields(SURFACE_EVEN), fields(SURFACE_ODD)
    assert (f0, f1) == (0, 1)
    got = cpr.global_surface(y0, x0, y1, x1, 1, 51.990, 4.375)
    assert got == pytest.approx((52.320607, 4.734735), abs=1e-6)
    assert cpr.local(y1, x1, 1, 1, 51.990, 4.375) == pytest.approx((52.320607, 4.734735), abs=1e-6)


# --- other decoders


def test_pairs_and_local_positions_equal_those_of_pymodes():
    other = pytest.importorskip("pyModeS.position")
    rng = np.random.default_rng(1)
    agreed = refused = 0
    for _ in range(5_000):
        y0, x0, y1, x1 = (int(v) for v in rng.integers(0, 131072, 4))
        lat, lon = float(rng.uniform(-85, 85)), float(rng.uniform(-180, 180))
        odd = int(rng.integers(2))
        theirs = other.airborne_position_pair(y0, x0, y1, x1, even_is_newer=not odd)
        ours = cpr.global_airborne(y0, x0, y1, x1, odd)
        if theirs is None:
            refused += 1
            assert math.isnan(ours[0])
        elif not math.isnan(ours[0]):
            agreed += 1
            assert ours[0] == pytest.approx(theirs[0], abs=1e-9)
            assert east_of(ours[1], theirs[1]) == pytest.approx(0, abs=1e-9)
        else:
            # a latitude that is none: only ours refuses the half that is not reported
            latest = other.airborne_position_pair(y0, x0, y1, x1, even_is_newer=bool(odd))
            assert latest is None or abs(latest[0]) > 90 or abs(theirs[0]) > 90
        for surface, name in ((0, "airborne"), (1, "surface")):
            ours = cpr.local(y0, x0, odd, surface, lat, lon)
            theirs = getattr(other, f"{name}_position_with_ref")(odd, y0, x0, lat, lon)
            if math.isnan(ours[0]):
                assert abs(theirs[0]) > 90
            else:
                assert ours[0] == pytest.approx(theirs[0], abs=1e-9)
                assert east_of(ours[1], theirs[1]) == pytest.approx(0, abs=1e-9)
    assert agreed > 500
    assert refused > 500


def test_surface_pairs_equal_those_of_pymodes():
    other = pytest.importorskip("pyModeS.position")
    rng = np.random.default_rng(2)
    agreed = 0
    for _ in range(2_000):
        lat, lon = float(rng.uniform(-70, 70)), float(rng.uniform(-180, 180))
        (y0, x0), (y1, x1) = encode(lat, lon, 0, True), encode(lat, lon, 1, True)
        ref = lat + float(rng.uniform(-2, 2)), lon + float(rng.uniform(-2, 2))
        theirs = other.surface_position_pair(y0, x0, y1, x1, lat_ref=ref[0], lon_ref=ref[1], even_is_newer=True)
        ours = cpr.global_surface(y0, x0, y1, x1, 0, *ref)
        if theirs is None or math.isnan(ours[0]):
            continue
        agreed += 1
        assert close(Verdict("", *ours), lat, lon, 0, True)
        if abs(lat) > 2:  # across the equator from its reference, pyModeS takes the other hemisphere's longitude zones
            assert ours[0] == pytest.approx(theirs[0], abs=1e-9)
            assert east_of(ours[1], theirs[1]) == pytest.approx(0, abs=1e-9)
    assert agreed > 1_900


def test_a_flight_is_where_rs1090_says():
    rs1090 = pytest.importorskip("rs1090")

    def frame(y: int, x: int, odd: int) -> str:
        bits = 0x8D4B1801 << 56 | 11 << 51 | 0xC38 << 36 | odd << 34 | y << 17 | x
        rest = bits << 24
        for k in range(111, 23, -1):
            if rest >> k & 1:
                rest ^= 0x1FFF409 << k - 24
        return f"{bits << 24 | rest:028x}"

    rng = np.random.default_rng(3)
    track = [(46.0 + 0.0009 * k, 7.0 + 0.0005 * k, int(rng.integers(2)), 0.5 * k) for k in range(400)]
    listener = Listener()
    ours = [listener.hear(lat, lon, odd, t) for lat, lon, odd, t in track]
    frames = [frame(*encode(lat, lon, odd), odd) for lat, lon, odd, t in track]
    theirs = rs1090.decode(frames, [1e9 + t for *_, t in track])
    both = 0
    for mine, other in zip(ours, theirs, strict=True):
        if mine.status == "ok" and other.get("latitude") is not None:
            both += 1
            assert (mine.lat, mine.lon) == pytest.approx((other["latitude"], other["longitude"]), abs=1e-9)
    assert both > 390


def test_every_position_of_a_real_flight_equals_that_of_rs1090(shared):
    rs1090 = pytest.importorskip("rs1090")
    stamps, frames = [], []
    for line in (shared / "beast" / "long_flight.csv").read_text().splitlines():
        stamp, text = line.split(",")
        if text.startswith("1a33") and int(text[18:20], 16) >> 3 == 17:  # a long frame that is DF 17
            stamps.append(float(stamp))
            frames.append(text[18:])
    aircraft, both = {}, 0
    for other in rs1090.decode(frames, stamps):
        if other.get("lat_cpr") is None or other["bds"] not in ("05", "06"):
            continue
        listener = aircraft.setdefault(other["icao24"], Listener())
        got = listener.raw(
            other["lat_cpr"], other["lon_cpr"], int(other["parity"] == "odd"), other["timestamp"],
            other["bds"] == "06", other.get("altitude") or NAN, other.get("groundspeed") or NAN,
        )  # fmt: skip
        assert got.status in {"ok", "ambiguous"}
        if not math.isnan(got.lat) and other.get("latitude") is not None:
            both += 1
            assert (got.lat, got.lon) == pytest.approx((other["latitude"], other["longitude"]), abs=1e-9)
    assert both > 11_000


# --- the fold


@pytest.mark.parametrize("surface", [False, True])
def test_a_flight_anywhere_on_the_sphere_is_followed_within_half_a_step(surface):
    rng = np.random.default_rng(4)
    starts = [tuple(rng.uniform((-86, -180), (86, 180))) for _ in range(100)]
    starts += [(0.001, 0.001), (-0.001, 179.999), (10.4704, 20.0), (59.9545, -0.001), (86.5352, 100.0), (86.999, -3.0)]
    if not surface:
        starts += [(89.99, 10.0), (-89.99, -170.0), (89.0, 179.99), (-87.0, 0.0)]
    for lat, lon in starts:
        listener = Listener((lat, lon, NAN) if surface else UNKNOWN)
        speed, course = (30.0 if surface else rng.uniform(0, 600)), rng.uniform(0, 2 * math.pi)
        # a great circle, so that poles are crossed as aircraft cross them
        p, q = math.radians(lat), math.radians(lon)
        here = np.array([math.cos(p) * math.cos(q), math.cos(p) * math.sin(q), math.sin(p)])
        north = np.array([-math.sin(p) * math.cos(q), -math.sin(p) * math.sin(q), math.cos(p)])
        ahead = math.cos(course) * north + math.sin(course) * np.array([-math.sin(q), math.cos(q), 0.0])
        good = 0
        for k in range(60):
            t = k * 0.5
            s = math.radians(speed * t / M_PER_DEG)
            x, y, z = math.cos(s) * here + math.sin(s) * ahead
            at = math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))
            odd = int(rng.integers(2))
            got = listener.hear(*at, odd, t, surface)
            assert got.status in {"ok", "ambiguous"}, (lat, lon, k)
            if not math.isnan(got.lat):
                north_m = abs(got.lat - at[0]) * M_PER_DEG
                assert north_m < 4
                assert close(got, *at, odd, surface), (lat, lon, k)
            good += got.status == "ok"
        assert good >= 45, (lat, lon)


def test_the_first_message_has_no_position_the_second_a_tentative_one_the_third_is_sure():
    listener = Listener()
    got = [listener.hear(47.0 + 0.001 * k, 8.0, k % 2, 0.5 * k) for k in range(4)]
    assert [g.status for g in got] == ["ambiguous", "ambiguous", "ok", "ok"]
    assert math.isnan(got[0].lat)
    assert close(got[1], 47.001, 8.0, 1)


def test_one_format_alone_confirms_nothing():
    listener = Listener()
    listener.hear(47.0, 8.0, 0, 0.0)
    got = [listener.hear(47.0 + 0.001 * k, 8.0, 1, 0.5 * k) for k in range(1, 8)]
    assert {g.status for g in got} == {"ambiguous"}


def test_a_pair_more_than_ten_seconds_apart_is_none():
    listener = Listener()
    listener.hear(47.0, 8.0, 0, 0.0)
    assert math.isnan(listener.hear(47.0, 8.0, 1, 10.1).lat)
    listener = Listener()
    listener.hear(47.0, 8.0, 0, 0.0)
    assert not math.isnan(listener.hear(47.0, 8.0, 1, 9.9).lat)


@pytest.mark.parametrize(("gs_kt", "window_s"), [(NAN, 25), (30.0, 25), (25.0, 50), (0.0, 50)])
def test_a_pair_on_the_ground_has_25_seconds_and_50_when_slow(gs_kt, window_s):
    for late, found in ((-0.5, True), (0.5, False)):
        listener = Listener((47.0, 8.0, NAN))
        listener.hear(47.0, 8.0, 0, 0.0, True, gs_kt=gs_kt)
        got = listener.hear(47.0, 8.0, 1, window_s + late, True, gs_kt=gs_kt)
        assert math.isnan(got.lat) != found


def test_a_pair_that_straddles_zones_is_none_and_the_next_within_one_is():
    edge = 10.47047130
    listener = Listener()
    assert math.isnan(listener.hear(edge - 0.0005, 8.0, 0, 0.0).lat)
    assert math.isnan(listener.hear(edge + 0.0005, 8.0, 1, 0.5).lat)
    assert close(listener.hear(edge + 0.0015, 8.0, 0, 1.0), edge + 0.0015, 8.0, 0)
    assert listener.hear(edge + 0.0025, 8.0, 1, 1.5).status == "ok"


@pytest.mark.parametrize(("gs_kt", "gap_s"), [(1_166.0, 10.0), (NAN, 1.0), (NAN, 2.0)])
def test_an_aircraft_at_600_m_per_s_is_never_put_into_a_wrong_zone(gs_kt, gap_s):
    rng = np.random.default_rng(5)
    seen = 0
    for _ in range(200):
        lat, lon, course = rng.uniform(-80, 80), rng.uniform(-180, 180), rng.uniform(0, 2 * math.pi)
        listener, t = Listener(), 0.0
        for _ in range(15):
            t += rng.uniform(0.4, 1.0) * gap_s
            listener.speed(gs_kt, t)
            at = lat + 600 * t * math.cos(course) / M_PER_DEG, lon
            at = at[0], lon + 600 * t * math.sin(course) / M_PER_DEG / math.cos(math.radians(at[0]))
            got = listener.hear(at[0], east_of(at[1], 0), odd := int(rng.integers(2)), t)
            if got.status == "ok":
                seen += 1
                assert close(got, *at, odd)
    assert seen > (1_000 if gs_kt > 0 or gap_s == 1.0 else 300)  # of 3,000


def test_what_cannot_be_reached_is_unreachable_and_keeps_its_coordinates():
    listener = Listener()
    listener.lock(47.0, 8.0, 10.0)
    got = listener.hear(47.5, 8.0, 0, 10.5)
    assert got.status == "unreachable"
    assert close(got, 47.5, 8.0, 0)
    assert listener.hear(47.001, 8.0, 1, 11.0).status == "ok"


def test_a_known_speed_narrows_the_reach():
    for gs, status in ((NAN, "ok"), (120.0, "unreachable")):
        listener = Listener()
        listener.lock(47.0, 8.0, 10.0)
        listener.speed(gs, 10.0)
        assert listener.hear(47.0 + 8_000 / M_PER_DEG, 8.0, 0, 20.0).status == status


def test_a_velocity_of_zero_said_by_another_does_not_make_an_airliner_unreachable():
    listener = Listener()
    listener.lock(47.0, 8.0, 0.0)
    for k in range(1, 200):
        t = k * (0.5 if k % 3 else 8.0)
        t = listener.air["position_ns"][0] * 1e-9 + (0.5 if k % 3 else 8.0)
        listener.speed(0.0, t)
        assert listener.hear(47.0 + 250 * t / M_PER_DEG, 8.0, k % 2, t).status == "ok"


def test_after_a_short_gap_one_message_is_enough_after_a_long_one_it_takes_the_other_format_too():
    listener = Listener()
    listener.lock(47.0, 8.0, 0.0)
    listener.speed(450.0, 0.0)
    assert listener.hear(47.05, 8.0, 0, 30.0).status == "ok"
    got = listener.hear(47.3, 8.0, 0, 180.0)
    assert got.status == "ambiguous"
    assert close(got, 47.3, 8.0, 0)
    assert listener.hear(47.3, 8.001, 1, 180.5).status == "ok"


def test_messages_a_minute_apart_are_enough_for_an_aircraft_that_nothing_contradicts():
    rng = np.random.default_rng(9)
    listener, t, good = Listener(), 10.0, 0
    listener.lock(47.0, 8.0, t)
    for _ in range(100):
        t += rng.uniform(20, 75)
        listener.speed(450.0, t - 5)
        lat, odd = 47.0 + 0.002 * t - 0.02, int(rng.integers(2))
        got = listener.hear(lat, 8.0, odd, t)
        assert got.status in {"ok", "ambiguous"}
        assert math.isnan(got.lat) or close(got, lat, 8.0, odd)
        good += got.status == "ok"
    assert good > 60


def test_after_a_gap_of_hours_everything_begins_anew():
    listener = Listener()
    listener.lock(47.0, 8.0, 0.0)
    got = [listener.hear(-33.0, 151.0 + 0.001 * k, k % 2, 90_000 + 0.5 * k) for k in range(3)]
    assert [g.status for g in got] == ["ambiguous", "ambiguous", "ok"]
    assert close(got[2], -33.0, 151.002, 0)


@pytest.mark.parametrize("step_s", [0.0, -0.2])
def test_time_that_stands_still_or_steps_back_a_little_changes_nothing(step_s):
    listener = Listener()
    got = [listener.hear(47.0 + 0.0005 * k, 8.0, k % 2, 100.0 + step_s * k) for k in range(12)]
    assert [g.status for g in got] == ["ambiguous"] * 2 + ["ok"] * 10


def test_the_same_transmission_heard_again_gets_the_same_verdict_and_confirms_nothing():
    listener = Listener()
    first = listener.hear(47.0, 8.0, 0, 0.0)
    assert listener.hear(47.0, 8.0, 0, 0.1) == pytest.approx(first, nan_ok=True) or math.isnan(first.lat)
    second = listener.hear(47.001, 8.0, 1, 0.5)
    assert second.status == "ambiguous"
    for lag in (0.51, 0.6, 0.49):
        assert listener.hear(47.001, 8.0, 1, lag) == second
        assert listener.hear(47.0, 8.0, 0, lag).status == "ambiguous"
    third = listener.hear(47.002, 8.0, 0, 1.0)
    assert third.status == "ok"
    assert listener.hear(47.001, 8.0, 1, 1.01) == second
    assert listener.hear(47.002, 8.0, 0, 1.02) == third


def test_a_parked_aircraft_that_repeats_itself_is_confirmed_in_the_end():
    listener = Listener((47.45, 8.56, NAN))
    got = [listener.hear(47.4581, 8.5480, k % 2, 5.0 * k, True, gs_kt=0.0) for k in range(5)]
    assert [g.status for g in got] == ["ambiguous"] * 2 + ["ok"] * 3


# --- receiver and range


def test_a_receiver_that_leaves_one_cell_replaces_the_pair():
    listener = Listener((47.0, 8.0, 200_000.0))
    first = listener.hear(47.8, 9.0, 0, 0.0)
    assert first.status == "ambiguous"
    assert close(first, 47.8, 9.0, 0)
    assert listener.hear(47.8, 9.001, 1, 20.0).status == "ok"


def test_a_receiver_whose_range_holds_two_candidates_does_not():
    listener = Listener((47.0, 8.0, 400_000.0))
    assert math.isnan(listener.hear(50.0, 8.0, 0, 0.0).lat)
    listener = Listener((47.0, 8.0, 400_000.0))
    assert close(listener.hear(48.0, 8.0, 0, 0.0), 48.0, 8.0, 0)


def test_beyond_the_range_is_out_of_range_with_coordinates_and_founds_no_track():
    listener = Listener((47.0, 8.0, 400_000.0))
    got = [listener.hear(60.0, 8.0 + 0.001 * k, k % 2, 0.5 * k) for k in range(20)]
    assert {g.status for g in got[:8]} == {"ambiguous", "out_of_range"}  # the range alone names a cell, wrongly
    assert {g.status for g in got[8:]} == {"out_of_range"}
    assert close(got[-1], 60.0, 8.019, 1)
    assert listener.air["position_ns"][0] < 0


def test_a_track_that_leaves_the_range_is_followed_and_comes_back():
    listener = Listener((47.0, 8.0, 100_000.0))
    got = []
    for k in range(60):
        lat = 47.85 + 0.002 * min(k, 60 - k)
        got.append(listener.hear(lat, 8.0, k % 2, 0.9 * k))
        assert math.isnan(got[-1].lat) or close(got[-1], lat, 8.0, k % 2)
    statuses = [g.status for g in got]
    assert statuses[2:20] == ["ok"] * 18
    assert "out_of_range" in statuses
    assert statuses[-5:] == ["ok"] * 5


def test_a_value_that_was_out_of_range_stays_so_though_the_position_is_good():
    listener = Listener()
    listener.lock(47.0, 8.0, 0.0)
    c.blank(listener.out, 1)
    y, x = encode(47.0, 8.0, 0)
    listener.out.u8[[c.CPR_ODD, c.TC, c.STATUS], 0] = 0, 11, c.OUT_OF_RANGE
    listener.out.u32[[c.CPR_LAT, c.CPR_LON], 0] = y, x
    cpr.position(0, 500_000_000, listener.out, listener.air, 0, NAN, NAN, NAN)
    assert listener.out.u8[c.STATUS, 0] == c.OUT_OF_RANGE
    assert listener.out.f64[c.LAT_DEG, 0] == pytest.approx(47.0, abs=1e-4)


# --- the ground


def test_a_ground_pair_without_any_reference_is_ambiguous_without_coordinates():
    listener = Listener()
    got = [listener.hear(47.45, 8.55, k % 2, k, True) for k in range(10)]
    assert {g.status for g in got} == {"ambiguous"}
    assert all(math.isnan(g.lat) for g in got)


@pytest.mark.parametrize(("lat", "lon"), [(47.45, 8.55), (-33.94, 151.18), (-0.13, -78.36), (0.0001, 32.44), (64, 180)])
def test_a_ground_pair_is_in_the_receivers_quarter(lat, lon):
    listener = Listener((lat + 0.3, east_of(lon - 0.4, 0), NAN))
    got = [listener.hear(lat - 0.00005 * k, lon, k % 2, 0.5 * k, True) for k in range(8)]
    assert got[-1].status == "ok"
    assert close(got[-1], lat - 0.00035, lon, 1, True)


def test_an_aircraft_that_lands_and_takes_off_is_followed():
    listener, statuses = Listener(), []
    for k in range(240):
        t = 0.5 * k
        lat, ground = 47.4 + 0.0003 * k, 60 <= k < 180
        got = listener.hear(lat, 8.5, k % 2, t, ground)
        statuses.append(got.status)
        assert math.isnan(got.lat) or close(got, lat, 8.5, k % 2, ground)
    assert statuses[2:] == ["ok"] * 238


def test_an_old_track_names_the_quarter_while_the_aircraft_cannot_have_left_it():
    for hours, found in ((2.0, True), (8.0, False)):
        listener = Listener()
        listener.lock(47.0, 8.0, 0.0)
        t = hours * 3600
        got = [listener.hear(40.64, -3.0 + 0.0001 * k, k % 2, t + k, True) for k in range(4)]
        assert [g.status for g in got] == (["ambiguous"] * 2 + ["ok"] * 2 if found else ["ambiguous"] * 4)
        if found:
            assert close(got[-1], 40.64, -2.9997, 1, True)


def test_at_the_pole_a_ground_position_is_not_guessed():
    listener = Listener((-89.99, 0.0, 100_000.0))
    got = [listener.hear(-89.99, 10.0, k % 2, k, True) for k in range(10)]
    assert {g.status for g in got} == {"ambiguous"}


# --- two of one address


def test_a_second_aircraft_is_unreachable_while_the_first_speaks_and_takes_over_when_it_has_fallen_silent():
    listener = Listener()
    listener.lock(47.0, 8.0, 0.0)
    for k in range(400):
        t = 0.5 * k
        mine = listener.hear(47.0 + 0.001 * k, 8.0, k % 2, t)
        other = listener.hear(51.0 - 0.001 * k, 9.0, (k + k // 7) % 2, t + 0.2)
        assert mine.status == "ok"
        assert other.status == "unreachable"
        if k > 10:
            assert close(other, 51.0 - 0.001 * k, 9.0, (k + k // 7) % 2)
    taken = [listener.hear(50.6 - 0.001 * k, 9.0, k % 2, 200 + 0.5 * k).status for k in range(200)]
    at = taken.index("ok")
    assert 100 <= at <= 130
    assert set(taken[at:]) == {"ok"}
    assert listener.hear(47.6, 8.0, 0, 300.0).status == "unreachable"


def test_silence_does_not_let_a_rival_drag_the_track_away():
    listener = Listener()
    listener.lock(47.0, 8.0, 0.0)
    for k in range(100):
        t = 0.5 * k
        listener.hear(47.0, 8.0 + 0.002 * k, k % 2, t)
        listener.hear(47.08, 8.0 + 0.002 * k, k % 2, t + 0.2)  # 9 km beside it
    listener.speed(450.0, 50.0)
    for k in range(100, 150):  # the first is silent for 25 s
        t = 0.5 * k
        assert listener.hear(47.08, 8.0 + 0.002 * k, k % 2, t).status == "unreachable"
    assert listener.hear(47.0, 8.3, 0, 75.0).status == "ok"


def test_halves_of_two_aircraft_make_no_position():
    rng = np.random.default_rng(6)
    wrong = good = 0
    for _ in range(150):
        listener = Listener()
        a, b = rng.uniform((30, 0), (60, 40), (2, 2))
        va, vb = rng.uniform(-0.002, 0.002, (2, 2))
        alt = rng.uniform(5_000, 40_000, 2)
        t = 0.0
        for _ in range(200):
            t += float(rng.exponential(0.3))
            first = rng.random() < 0.5
            lat, lon = a + va * t if first else b + vb * t
            odd = int(rng.integers(2))
            got = listener.hear(lat, lon, odd, t, alt_ft=alt[0] if first else alt[1])
            if got.status == "ok":
                if close(got, lat, lon, odd):
                    good += 1
                else:
                    wrong += 1
    assert wrong == 0
    assert good > 10_000


def test_a_spoofer_that_jumps_about_is_refused_and_the_aircraft_is_not():
    rng = np.random.default_rng(7)
    listener = Listener()
    listener.lock(47.0, 8.0, 0.0)
    accepted = 0
    for k in range(1_000):
        t = 0.5 * k
        assert listener.hear(47.0 + 0.001 * k, 8.0, k % 2, t).status == "ok"
        lat, lon = rng.uniform((-80, -180), (80, 180))
        accepted += listener.hear(lat, lon, int(rng.integers(2)), t + 0.2).status == "ok"
    assert accepted <= 2  # by chance, within reach of the aircraft


def test_a_wrong_track_does_not_hold_for_ever():
    listener = Listener()
    listener.lock(10.0, 10.0, 0.0)
    got = [listener.hear(47.0 + 0.001 * k, 8.0, k % 2, 1 + 0.5 * k).status for k in range(200)]
    assert got[-60:] == ["ok"] * 60


# --- anything


@given(
    st.lists(
        st.tuples(
            st.integers(0, 131071), st.integers(0, 131071), st.integers(0, 1), st.booleans(),
            st.integers(-(2**61), 2**62) | st.integers(0, 10**11), st.sampled_from([NAN, 0.0, 450.0, 1e9]),
        ),
        max_size=12,
    ),
    st.tuples(st.floats(-90, 90) | st.just(NAN), st.floats(-180, 180) | st.just(NAN), st.sampled_from([NAN, 0.0, 3e5])),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_fields_at_any_time_give_a_verdict_and_a_place_on_earth_or_none(messages, receiver):
    listener = Listener(receiver)
    for y, x, odd, surface, clock_ns, gs in messages:
        listener.air["gs_kt"] = gs
        got = listener.raw(y, x, odd, clock_ns * 1e-9, surface)
        assert got.status in {"ok", "ambiguous", "unreachable", "out_of_range"}
        assert math.isnan(got.lat) == math.isnan(got.lon)
        assert math.isnan(got.lat) or (-90 <= got.lat <= 90 and -180 <= got.lon < 180)
        assert got.status == "ambiguous" or not math.isnan(got.lat)


def test_five_hundred_aircraft_with_losses_are_where_they_are():
    rng = np.random.default_rng(8)
    count, seconds = 500, 120
    air, out = blank_aircraft(count), c.allocate(1)
    lat0, lon0 = np.degrees(np.arcsin(rng.uniform(-1, 1, count))) * 0.98, rng.uniform(-180, 180, count)
    speed, course = rng.uniform(0, 300, count), rng.uniform(0, 2 * np.pi, count)
    air["gs_kt"], air["velocity_ns"] = speed / 0.5144, 0
    seen = dict.fromkeys(STATUSES, 0)
    for t in np.arange(0, seconds, 0.5):
        for k in np.flatnonzero(rng.random(count) < 0.3):
            lat = lat0[k] + speed[k] * t * np.cos(course[k]) / M_PER_DEG
            lon = lon0[k] + speed[k] * t * np.sin(course[k]) / M_PER_DEG / math.cos(math.radians(lat))
            odd = int(rng.integers(2))
            y, x = encode(lat, lon, odd)
            c.blank(out, 1)
            out.u8[[c.CPR_ODD, c.TC], 0] = odd, 11
            out.u32[[c.CPR_LAT, c.CPR_LON], 0] = y, x
            cpr.position(0, int(t * 1e9), out, air, k, NAN, NAN, NAN)
            status = STATUSES[out.u8[c.STATUS, 0]]
            seen[status] += 1
            if status == "ok":
                assert close(Verdict(status, *out.f64[:2, 0]), lat, lon, odd)
    assert seen["ok"] > 0.9 * sum(seen.values())
    assert seen["unreachable"] == seen["out_of_range"] == 0
