"""The right tracks are joined, never by name alone, and every link can be undone. A small part of bench/joins.py."""

import copy
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from testigos import geo
from testigos.fuse import _joins as kernels
from testigos.fuse.joins import REASONS, Joiner, Strands, reason_words, score, strand_name, strands
from testigos.sim import mixed

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import joins as bench

S_NS = 1_000_000_000
T0 = 1_761_206_400 * S_NS
NAN = math.nan
ADSB, FLARM, RADAR, UAT, AIS = range(5)


class Sky:
    """Tracks by hand: each flies straight from a place, and is reported every few seconds."""

    def __init__(self):
        self.joiner = Joiner()
        self.ways = []
        self.out = None
        self.second = 0

    def add(
        self, system, object_id, lat, lon, *, track=90.0, gs_kt=240.0, every=1, alt=20_000.0, radius=25.0,
        source="adsb", kind="aircraft", callsign=None, squawk=None, velocity=True, late_s=0.0, until=10**9,
    ):  # fmt: skip
        slot = len(self.ways)
        self.joiner.name([slot], [system], [object_id], [source], [kind], [callsign], [squawk], [None])
        self.ways.append([lat, lon, track, gs_kt, every, alt, radius, velocity, late_s, until, 0])
        return slot

    def turn(self, slot, track):
        """From now on it flies another way."""
        way = self.ways[slot]
        way[0], way[1] = self.place(slot, self.second)
        way[2], way[10] = track, self.second

    def place(self, slot, second):
        lat, lon, track, gs_kt, *_, since = self.ways[slot]
        return geo.direct(lat, lon, track, gs_kt * 1852 / 3600 * (second - since))

    def run(self, seconds):
        for _ in range(seconds):
            for slot, (_, _, track, gs_kt, every, alt, radius, velocity, late_s, until, _) in enumerate(self.ways):
                if (self.second + slot) % every == 0 and self.second < until:
                    lat, lon = self.place(slot, self.second - late_s)
                    known = (gs_kt, track) if velocity else (NAN, NAN)
                    self.joiner.see([slot], [T0 + self.second * S_NS], [lat], [lon], [radius], [alt], [NAN],
                                    [known[0]], [known[1]])  # fmt: skip
            self.second += 1
            self.out = self.joiner.step(T0 + self.second * S_NS)
        return self

    @property
    def links(self):
        return set(zip(self.out.slot_a.tolist(), self.out.slot_b.tolist(), strict=True))


@pytest.fixture(scope="module")
def traffic():
    run = bench.Run(*mixed.mixed(200, 130.0, seed=5))
    *_, (_, out) = run.go()
    return run, out


def test_in_mixed_traffic_99_of_100_joins_are_right_and_99_of_100_are_made(traffic):
    run, out = traffic
    told = bench.pairs(run, out.cluster, 0)
    true, found, invented = (sum(told[f"{s} {w}"] for s in mixed.SCENES) for w in ("true", "found", "invented"))
    assert true > 500
    assert found >= 0.99 * true
    assert invented <= 0.01 * found
    assert run.made_wrong <= 0.01 * run.made_right


def test_in_mixed_traffic_transmitters_of_one_address_are_told_apart(traffic):
    right, every, names, split = bench.strands(traffic[0])
    assert names >= 3
    assert split == names
    assert right >= 0.99 * every


def test_joining_by_address_alone_would_do_worse_on_the_same_traffic(traffic):
    every, right = bench.by_address(traffic[0])
    assert right < 0.99 * every


def test_every_link_is_undone_when_its_tracks_part():
    wrong, parted, seconds = bench.undone(120, 150.0, 3, 0)
    assert wrong > 100
    assert parted == wrong
    assert np.median(seconds) < 45.0


def test_a_plane_on_three_systems_is_one_and_says_why():
    sky = Sky()
    a = sky.add(ADSB, "icao:ae503d", 50.0, 8.0, callsign="BARB21", squawk="4521")
    b = sky.add(FLARM, "flarm:dd1234", 50.0, 8.0, source="flarm", every=2)
    c = sky.add(RADAR, "radar:7", 50.0004, 8.0, source="radar", every=4, radius=200.0, squawk="4521", velocity=False)
    sky.run(60)
    assert sky.links == {(a, b), (a, c), (b, c)}
    assert sky.out.cluster[[a, b, c]].tolist() == [a, a, a]
    words = {tuple(k): reason_words(r) for *k, r in zip(sky.out.slot_a, sky.out.slot_b, sky.out.reasons, strict=True)}
    assert words[a, c] == ("motion", "same_altitude", "same_squawk")
    assert (sky.out.score > math.log(999)).all()


def test_one_address_at_two_places_joins_nothing():
    sky = Sky()
    sky.add(ADSB, "icao:ae503d", 50.0, 8.0, callsign="BARB21", squawk="4521")
    sky.add(FLARM, "icao:ae503d", 50.02, 8.0, source="flarm", callsign="BARB21", squawk="4521")
    assert sky.run(60).links == set()


def test_a_track_is_joined_with_the_transmitter_of_its_address_that_moves_as_it_does():
    sky = Sky()
    true = sky.add(ADSB, "icao:ae503d", 50.0, 8.0, callsign="BARB21")
    false = sky.add(ADSB, strand_name("icao:ae503d", 2), 50.012, 8.0, callsign="BARB21")
    other = sky.add(UAT, "icao:ae503d", 50.0, 8.0, source="uat", callsign="BARB21")
    sky.run(60)
    assert sky.links == {(true, other)}
    assert sky.out.cluster[false] == false
    assert "shared_address" in reason_words(sky.out.reasons[0])


def test_two_icao_addresses_are_never_one_however_near():
    sky = Sky()
    sky.add(ADSB, "icao:ae503d", 50.0, 8.0, callsign="X1")
    sky.add(UAT, "icao:ae503e", 50.0, 8.0, source="uat", callsign="X1")
    assert sky.run(60).links == set()


def test_what_has_no_name_is_not_put_between_two_addresses():
    sky = Sky()
    a = sky.add(ADSB, "icao:ae503d", 50.0, 8.0)
    b = sky.add(UAT, "icao:ae503e", 50.0, 8.0, source="uat")
    sky.add(RADAR, "radar:7", 50.0, 8.0, source="radar", radius=200.0, every=4, velocity=False)
    sky.run(90)
    assert len({int(sky.out.cluster[k]) for k in (a, b)}) == 2
    assert len(sky.links) <= 1


def test_an_aircraft_and_a_vessel_are_never_one():
    sky = Sky()
    sky.add(ADSB, "icao:ae503d", 50.0, 8.0, gs_kt=20.0)
    sky.add(AIS, "mmsi:211000001", 50.0, 8.0, gs_kt=20.0, kind="vessel", source="ais")
    assert sky.run(60).links == set()


def test_a_companion_whom_no_system_shares_is_left_alone():
    # half a mile abeam, one on ADS-B and one on radar alone: the difference lasts
    sky = Sky()
    sky.add(ADSB, "icao:ae503d", 50.0, 8.0)
    sky.add(RADAR, "radar:7", 50.0 + 0.5 / 60, 8.0, source="radar", every=4, radius=250.0, velocity=False)
    assert sky.run(240).links == set()


def test_in_a_formation_each_radar_track_goes_to_its_own():
    sky = Sky()
    pairs = set()
    for k in range(3):
        lat = 50.0 + k * 0.6 / 60
        a = sky.add(ADSB, f"icao:ae503{k}", lat, 8.0)
        r = sky.add(RADAR, f"radar:{k}", lat + 0.0005, 8.0, source="radar", every=4, radius=200.0, velocity=False)
        pairs.add((a, r))
    assert sky.run(120).links == pairs


def test_a_latency_is_no_distance():
    # 1.5 s at 450 kt are 350 m along the way, and nothing across
    sky = Sky()
    a = sky.add(ADSB, "icao:ae503d", 50.0, 8.0, gs_kt=450.0)
    b = sky.add(UAT, "uat:1", 50.0, 8.0, gs_kt=450.0, source="uat", late_s=1.5)
    c = sky.add(FLARM, "flarm:1", 50.0 + 350 / 111_200, 8.0, gs_kt=450.0, source="flarm")
    sky.run(60)
    assert (a, b) in sky.links
    assert not sky.links & {(a, c), (b, c)}


@pytest.mark.parametrize(("lat", "lon"), [(0.0, 179.99), (89.9, 0.0), (-89.99, 50.0), (84.9, -180.0), (60.0, -179.999)])
def test_poles_and_the_antimeridian_are_places_as_any(lat, lon):
    sky = Sky()
    a = sky.add(ADSB, "icao:ae503d", lat, lon)
    b = sky.add(RADAR, "radar:1", lat, lon, source="radar", every=4, radius=150.0, velocity=False)
    assert sky.run(60).links == {(a, b)}


def test_a_link_is_undone_when_one_turns_away_and_made_again_when_it_is_back():
    sky = Sky()
    a = sky.add(ADSB, "icao:ae503d", 50.0, 8.0)
    b = sky.add(FLARM, "icao:ae503d", 50.0, 8.0, source="flarm")
    assert sky.run(40).links == {(a, b)}
    before = copy.deepcopy(sky.joiner.history)
    sky.joiner.step(T0 + sky.second * S_NS)
    for kept, now in zip(before, sky.joiner.history, strict=True):
        np.testing.assert_array_equal(kept, now)  # judging changes no track
    sky.turn(b, 180.0)
    sky.run(20)
    assert sky.links == set()
    assert sky.out.cluster[[a, b]].tolist() == [a, b]
    sky.ways[b] = list(sky.ways[a])
    assert sky.run(200).links == {(a, b)}


def test_one_wild_fix_undoes_nothing():
    sky = Sky()
    a = sky.add(ADSB, "icao:ae503d", 50.0, 8.0)
    b = sky.add(RADAR, "radar:1", 50.0, 8.0, source="radar", every=4, radius=150.0, velocity=False)
    assert sky.run(60).links == {(a, b)}
    lat, lon = sky.place(b, sky.second)
    sky.joiner.see([b], [T0 + sky.second * S_NS - 1], [lat + 0.01], [lon], [150.0], [NAN], [NAN], [NAN], [NAN])
    for _ in range(30):
        assert sky.run(1).links == {(a, b)}


def test_what_is_forbidden_is_undone_and_stays_so():
    sky = Sky()
    a = sky.add(ADSB, "icao:ae503d", 50.0, 8.0)
    b = sky.add(UAT, "icao:ae503d", 50.0, 8.0, source="uat")
    sky.run(40)
    sky.joiner.forbid(b, a)
    sky.run(1)
    assert (sky.out.parted_a.tolist(), sky.out.parted_b.tolist()) == ([a], [b])
    assert sky.run(60).links == set()


def test_a_slot_that_died_takes_its_links_with_it_and_leaves_nothing_to_its_heir():
    sky = Sky()
    a = sky.add(ADSB, "icao:ae503d", 50.0, 8.0)
    b = sky.add(UAT, "icao:ae503d", 50.0, 8.0, source="uat")
    sky.run(40)
    sky.joiner.forget([b])
    sky.joiner.name([b], [UAT], ["icao:123456"], ["uat"], [None], [None], [None], [None])
    sky.run(1)
    assert (sky.out.parted_a.tolist(), sky.out.parted_b.tolist()) == ([a], [b])
    assert sky.run(60).links == set()


def test_nothing_is_joined_that_nobody_named():
    joiner = Joiner()
    joiner.see([0, 1], [T0, T0], [50.0, 50.0], [8.0, 8.0], [25.0] * 2, [NAN] * 2, [NAN] * 2, [NAN] * 2, [NAN] * 2)
    out = joiner.step(T0 + S_NS)
    assert len(out.slot_a) == 0
    assert out.cluster[:2].tolist() == [0, 1]


def test_an_empty_joiner_decides_nothing():
    out = Joiner().step(T0)
    assert [len(column) for column in out[:-1]] == [0] * 9


def test_damaged_positions_are_passed_over():
    sky = Sky()
    sky.add(ADSB, "icao:ae503d", 50.0, 8.0)
    sky.run(5)
    before = copy.deepcopy(sky.joiner.history)
    for lat, lon, second in ((NAN, 8.0, 99), (50.0, math.inf, 99), (50.0, 8.0, 2)):
        sky.joiner.see([0], [T0 + second * S_NS], [lat], [lon], [NAN], [NAN], [NAN], [NAN], [NAN])
    for kept, now in zip(before, sky.joiner.history, strict=True):
        np.testing.assert_array_equal(kept, now)


@pytest.mark.parametrize(
    ("squawk", "says"), [("4521", 4.0), ("7000", 0.5), ("1202", 0.5), ("2300", 0.5), ("9999", 0.0)]
)
def test_a_squawk_that_many_have_says_little(squawk, says):
    sky = Sky()
    a = sky.add(RADAR, "radar:1", 50.0, 8.0, source="radar", squawk=squawk)
    b = sky.add(UAT, "uat:1", 50.0, 8.0, source="uat", squawk=squawk)
    sky.run(5)
    assert score([a], [b], sky.joiner.history, sky.joiner.identity).identity[0] == says


@pytest.mark.parametrize("bad", ["", "icao:", "icao:zz", "mmsi:x", None, "#2", ":"])
def test_a_name_that_means_nothing_is_no_address(bad):
    sky = Sky()
    a = sky.add(ADSB, bad, 50.0, 8.0)
    b = sky.add(UAT, bad, 50.0, 8.0, source="uat", squawk="not", callsign="")
    sky.run(5)
    assert score([a], [b], sky.joiner.history, sky.joiner.identity).identity[0] == 0.0


def test_the_pure_score_agrees_with_what_the_joiner_found():
    sky = Sky()
    a = sky.add(ADSB, "icao:ae503d", 50.0, 8.0)
    b = sky.add(RADAR, "radar:1", 50.0, 8.0, source="radar", every=4, radius=150.0, velocity=False)
    c = sky.add(RADAR, "radar:2", 50.02, 8.0, source="radar", every=4, radius=150.0, velocity=False)
    sky.run(60)
    found = score([a, c], [b, a], sky.joiner.history, sky.joiner.identity)
    assert found.llr[0] > math.log(999)
    assert found.llr[1] < -5.0
    assert found.llr == pytest.approx(found.motion + found.identity)
    swapped = score([b], [a], sky.joiner.history, sky.joiner.identity)
    assert swapped.llr[0] == found.llr[0]


def test_the_same_reports_give_the_same_links_however_they_were_cut():
    _, heard = mixed.mixed(40, 60.0, seed=2)
    _, name = np.unique([f"{s} {n}" for s, n in zip(heard.system, heard.name, strict=True)], return_inverse=True)
    _, first = np.unique(name, return_index=True)
    outs = []
    for piece in (10**9, 7):
        joiner = Joiner(1)
        joiner.name(
            range(len(first)), heard.system[first].tolist(), heard.name[first],
            [mixed.SYSTEMS[k].source for k in heard.system[first]], heard.kind[first], heard.callsign[first],
            heard.squawk[first], heard.category[first],
        )  # fmt: skip
        for second in range(60):
            rows = np.flatnonzero((heard.arrives_ns - mixed.START_NS) // S_NS == second)
            for k in range(0, len(rows), piece):
                r = rows[k : k + piece]
                joiner.see(name[r], heard.time_ns[r], heard.lat_deg[r], heard.lon_deg[r], heard.radius95_m[r],
                           heard.baro_ft[r], heard.geom_ft[r], heard.gs_kt[r], heard.track_deg[r])  # fmt: skip
            out = joiner.step(mixed.START_NS + (second + 1) * S_NS)
        outs.append(out)
    assert len(outs[0].slot_a) > 50
    for one, other in zip(*outs, strict=True):
        np.testing.assert_array_equal(one[: len(name)], other[: len(name)])


@given(
    st.lists(
        st.tuples(
            st.floats(0.5, 10.0), st.floats(-400, 400), st.floats(-400, 400), st.floats(20, 150), st.floats(-250, 250),
            st.floats(-250, 250),
        ),
        min_size=1, max_size=8,
    )
)  # fmt: skip
@settings(deadline=None, max_examples=60)
def test_the_evidence_is_that_of_the_joint_normal_distribution(samples):
    """Against scipy: the covariance of all differences written out, for one object and for one that keeps company."""
    dt, de, dn, sigma, ve, vn = np.array(samples).T
    t = np.cumsum(dt) - np.sum(dt)
    w = 1.0 / sigma**2
    sums = np.zeros(kernels.FIELDS)
    sums[: kernels.COUNT] = [
        w.sum(), (w * t).sum(), (w * t * t).sum(), (w * ve).sum(), (w * vn).sum(), (w * t * ve).sum(),
        (w * t * vn).sum(), (w * (ve**2 + vn**2)).sum(), (w * de).sum(), (w * dn).sum(), (w * t * de).sum(),
        (w * t * dn).sum(), (w * (ve * de + vn * dn)).sum(), (w * (de**2 + dn**2)).sum(),
    ]  # fmt: skip
    found, wanted = [], []
    for d_m, s_mps in ((100.0, 0.5), (2_000.0, 1.5)):
        found.append(kernels.evidence(sums, 1.0, 1 / d_m**2, 1 / d_m**2, 1 / s_mps**2)[0])
        n = len(t)
        both = np.block([
            [np.diag(sigma**2) + d_m**2 + s_mps**2 * np.outer(t, t), np.zeros((n, n))],
            [np.zeros((n, n)), np.diag(sigma**2) + d_m**2 + s_mps**2 * np.outer(t, t)],
        ])  # fmt: skip
        v = np.concatenate([ve, vn])
        both += kernels.LATENCY_S**2 * np.outer(v, v)
        wanted.append(multivariate_normal(np.zeros(2 * n), both).logpdf(np.concatenate([de, dn])))
    assert found[0] - found[1] == pytest.approx(wanted[0] - wanted[1], abs=1e-5, rel=1e-6)


def _two(times, apart_deg, gs=NAN, track=NAN):
    """Reports of one name: at 50 N 8 E flying east at 240 kt, every second one ``apart_deg`` north."""
    n = len(times)
    lat = 50.0 + apart_deg * (np.arange(n) % 2)
    lon = 8.0 + 123.5 * np.asarray(times) / 71_700.0
    ns = T0 + (np.asarray(times) * 1e9).astype(np.int64)
    return np.zeros(n, np.int64), ns, lat, lon, np.full(n, 30.0), np.full(n, gs), np.full(n, track)


@pytest.mark.parametrize("speed", [NAN, 240.0])
def test_two_transmitters_of_one_name_are_two_strands(speed):
    number = strands(*_two(np.arange(40) * 0.5, 0.1, speed, 90.0))
    assert set(number[::2]) == {1}
    assert set(number[1:6:2]) <= {0, 2}
    assert set(number[7::2]) == {2}


def test_a_stray_position_is_no_strand_and_disturbs_none():
    name, ns, lat, lon, radius, gs, track = _two(np.arange(20), 0.0)
    lat[7] += 1.0
    number = strands(name, ns, lat, lon, radius, gs, track)
    assert number.tolist() == [0 if k == 7 else 1 for k in range(20)]


def test_a_transmitter_that_jumps_and_stays_keeps_its_number():
    name, ns, lat, lon, radius, gs, track = _two(np.arange(40), 0.0)
    lat[15:] += 1.0
    number = strands(name, ns, lat, lon, radius, gs, track)
    assert set(number[:15]) == {1}
    assert number[15] == 0
    assert set(number) == {0, 1}
    assert set(number[28:]) == {1}


def test_a_first_position_that_was_wrong_is_given_up():
    name, ns, lat, lon, radius, gs, track = _two(np.arange(40), 0.0)
    lat[0] += 5.0
    number = strands(name, ns, lat, lon, radius, gs, track)
    assert set(number[15:]) == {1}


def test_three_transmitters_have_three_numbers_and_a_fourth_name_is_its_own():
    n = 60
    ns = T0 + np.arange(n) * S_NS // 3
    place = np.arange(n) % 4
    name = np.where(place == 3, 1, 0)
    lat = 40.0 + place
    made = Strands()
    number = made.step(name, ns, lat, np.full(n, 8.0), np.full(n, NAN), np.full(n, NAN), np.full(n, NAN))
    assert [set(number[k::4][8:].tolist()) for k in range(4)] == [{1}, {2}, {3}, {1}]
    assert made.several().tolist() == [0]
    made.forget([0])
    assert made.several().tolist() == []


@given(st.lists(st.integers(1, 39), max_size=6, unique=True))
@settings(deadline=None, max_examples=30)
def test_strands_are_the_same_however_the_reports_are_cut(cuts):
    columns = _two(np.arange(40) * 0.5, 0.1)
    made = Strands()
    pieces = [
        made.step(*(c[a:b] for c in columns)) for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 40], strict=True)
    ]
    assert np.concatenate(pieces).tolist() == strands(*columns).tolist()


def test_a_report_without_a_position_is_of_no_strand():
    name, ns, lat, lon, radius, gs, track = _two(np.arange(4), 0.0)
    lat[2] = NAN
    assert strands(name, ns, lat, lon, radius, gs, track).tolist() == [1, 1, 0, 1]


def test_every_reason_has_its_bit():
    assert [reason_words(1 << k) for k in range(len(REASONS))] == [(name,) for name in REASONS]
    assert REASONS[kernels.SHARED_ADDRESS] == "shared_address"
    assert REASONS[kernels.OTHER_CATEGORY] == "other_category"
