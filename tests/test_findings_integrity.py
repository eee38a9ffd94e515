"""Integrity: what is right is never suspected, what is wrong is, and the order or cut of the input doesn't matter."""

import itertools
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from testigos import api, fuse
from testigos.findings import integrity, scene
from testigos.findings._accuracy import ACCURACY, _at_least, _wilson
from testigos.findings._integrity import horizon_m, strands
from testigos.findings._suspicion import fixes
from testigos.fuse.coverage import cells
from testigos.model import Question, parse_utc
from testigos.sim import faults
from testigos.sim.observe import Equipment, Site, observe
from testigos.sim.truth import Plan, Waypoint, fly
from testigos.units import LENGTH_UNITS, S_NS

START = parse_utc("2025-10-23T12:00:00Z")
EVERYWHERE = [Site(f"{lat},{lon}", lat, lon, 300.0) for lat in (8.0, 10.0, 12.0, 14.0, 16.0) for lon in (-62.0, -60.0)]


def flown(name="icao:afd050", seed="honest", **equipment):
    way = [Waypoint(9.0, -61.5, 31_000.0, 450.0), Waypoint(13.0, -60.5), Waypoint(15.5, -61.5, 36_000.0)]
    told = {"callsign": "QQA100", "type_code": "A320", "squawk": "2000"} | equipment
    return observe(fly(Plan(name, START, way)), Equipment(**told), EVERYWHERE, seed=seed)


def table(reports):
    return reports.with_columns(
        pl.lit(1, pl.UInt64).alias("segment"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset")
    )


def told(reports, world, **more):
    here = replace(scene(Question(), world), **more)
    return integrity.find(fuse.tracks(table(reports))[0], here)


def named(found):
    return [f.details["test"] for f in found]


@settings(deadline=None, derandomize=True, max_examples=25)
@given(data=st.data())
def test_an_honest_flight_is_never_suspected_however_sparsely_it_is_heard(world, data):
    reports = flown(seed=str(data.draw(st.integers(0, 5))), adsb=data.draw(st.booleans()))
    keep = np.random.default_rng(data.draw(st.integers(0, 10**6))).uniform(size=len(reports))
    assert told(reports.filter(pl.Series(keep) < data.draw(st.sampled_from([0.05, 0.2, 0.5, 1.0]))), world) == []


@settings(deadline=None, derandomize=True, max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_the_reports_changes_nothing(world, seed):
    wrong = faults.displaced(flown(), START + 600 * S_NS, START + 1_200 * S_NS, bearing_deg=80.0, distance_m=90_000.0)
    rows = table(wrong)
    mixed = rows[np.random.default_rng(seed).permutation(len(rows))]
    here = scene(Question(), world)
    found, again = (integrity.find(fuse.tracks(t)[0], here) for t in (rows, mixed))
    assert found == again
    assert named(found) == ["unreachable_jump"]


@pytest.mark.parametrize("metres", [1_000.0, 3_000.0])
def test_a_step_that_a_late_time_stamp_explains_is_no_jump(world, metres):
    reports = faults.displaced(flown(), START + 600 * S_NS, START + 1_200 * S_NS, bearing_deg=80.0, distance_m=metres)
    assert "unreachable_jump" not in named(told(reports, world))


def test_the_receivers_horizon_is_asked_only_where_its_place_is_known(world):
    reports = flown().with_columns(pl.lit("mast").alias("receiver"))
    assert told(reports, world) == []
    near = {"mast": (12.0, -61.0, 300.0)}
    assert told(reports, world, receivers=near) == []
    (far,) = told(reports, world, receivers={"mast": (40.0, 10.0, 300.0)})
    assert far.details["test"] == "beyond_horizon"
    assert far.measures["excess"].value > 5_000_000.0
    said = integrity.sentence(far, {}, LENGTH_UNITS["km"])
    assert "suspected" in said
    assert "beyond the horizon" in said


def test_every_test_has_a_measured_rate_of_false_alarms_and_says_it(world):
    assert set(integrity.FALSE_ALARMS) == set(integrity.TESTS)
    reports = faults.displaced(flown(), START + 600 * S_NS, START + 1_200 * S_NS, bearing_deg=80.0, distance_m=9e4)
    (jump,) = told(reports, world)
    rate = jump.measures["false_alarm_rate"]
    assert rate.unit == "1/h"
    assert rate.low <= rate.value < rate.high < 0.1


def test_positions_outside_of_the_window_are_not_looked_at(world):
    reports = faults.displaced(flown(), START + 600 * S_NS, START + 1_200 * S_NS, bearing_deg=80.0, distance_m=9e4)
    tracks = fuse.tracks(table(reports))[0]
    before = scene(Question(end_ns=START + 590 * S_NS), world)
    assert integrity.find(tracks, before) == []
    assert integrity.find(tracks, scene(Question(), world))


def test_no_position_makes_no_finding_and_no_error(world):
    tracks = fuse.tracks(table(flown()))[0]
    here = scene(Question(), world)
    assert integrity.find(tracks[:0], here) == []
    assert integrity.find(tracks.filter(pl.col("status") == "no_position"), here) == []


def test_a_strand_is_what_one_aircraft_can_have_flown():
    from testigos.findings._integrity import places

    # two ways 100 km apart by turns, a report each ten seconds at 200 m/s
    lat = np.where(np.arange(12) % 2 == 0, 10.0, 11.0) + np.arange(12) * 0.018
    of, excess = strands(np.zeros(12, np.int64), np.arange(12) * 10.0, places(lat, np.zeros(12)), np.zeros(12))
    assert of.tolist() == [0, 1] * 6
    assert excess[0] == 0.0 or np.isinf(excess[0]) or np.isnan(excess[0])
    assert 90_000.0 < excess[1] < 113_000.0


def test_the_horizon_of_normal_air():
    # ITU-R P.528: earth of 4/3 radius; 4.12 km times the sums of the roots of both heights in metres
    assert horizon_m(np.array([35_000.0]), 10.0)[0] == pytest.approx(4_124.0 * (10_668.0**0.5 + 10.0**0.5), rel=2e-3)
    assert horizon_m(np.array([-500.0]), -3.0)[0] == 0.0


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_every_point_is_in_a_cell_that_holds_it(lat, lon):
    (band,), (column,) = cells(np.array([lat]), np.array([lon]), 1.0)
    assert band <= lat <= band + 1
    many = max(1, round(360.0 * np.cos(np.radians(band + 0.5))))
    assert 0 <= column < many
    east = (lon + 180.0) % 360.0
    assert column * 360.0 / many - 1e-9 <= east <= (column + 1) * 360.0 / many + 1e-9


def test_chances_and_shares_are_those_of_the_textbook():
    assert _at_least(3, 3, 0.01) == pytest.approx(1e-6)
    assert _at_least(0, 5, 0.3) == pytest.approx(1.0)
    assert _at_least(2, 3, 0.5) == pytest.approx(0.5)
    low, high = _wilson(5, 5)
    # Wilson 1927: n / (n + z²) of n out of n
    assert (low, high) == (pytest.approx(5 / (5 + 1.96**2), abs=1e-6), pytest.approx(1.0))


@settings(deadline=None, derandomize=True, max_examples=20)
@given(cuts=st.lists(st.integers(0, 400), max_size=6))
def test_accuracy_is_counted_alike_however_the_input_is_cut(world, cuts):
    wrong = faults.poor(flown(), START + 600 * S_NS, START + 1_800 * S_NS)
    rows = pl.concat([wrong, flown("icao:afd051", "second")]).sort("time_ns", maintain_order=True)
    here = scene(Question(), world)
    whole = ACCURACY.join([ACCURACY.count(rows, here)])
    assert whole["lows"].sum() > 0
    bounds = sorted({0, len(rows), *(c for c in cuts if c < len(rows))})
    parts = [ACCURACY.count(rows[a:b], here) for a, b in itertools.pairwise(bounds)]
    assert_frame_equal(ACCURACY.join([ACCURACY.join(parts[:2]), *parts[2:]]), whole)
    assert len(ACCURACY.join([])) == 0


def test_a_track_with_faulty_times_is_flagged_and_the_rest_of_it_stays_usable(shared, world):
    tracks = api.tracks(api.read([shared / "flights" / "noisy_time_issue.json.gz"]))
    found = [f for f in api.find(tracks, Question(), world) if f.kind == "integrity"]
    (fault,) = (f for f in found if f.details["test"] == "time_fault")
    assert "repeated_positions" in fault.details["faults"]
    assert fault.measures["longest_repetition"].value > 120.0
    # what was said again is refused, and nothing else; the flight is told of from the one end to the other
    status = dict(tracks["status"].value_counts().iter_rows())
    assert set(status) == {"ok", "repeated"}
    assert status["ok"] > 5 * status["repeated"]
    (sortie,) = (f for f in api.find(tracks, Question(), world) if f.kind == "sortie")
    assert [end["status"] for end in (sortie.departure, sortie.arrival)] == ["airfield", "airfield"]
    assert [end["icao"] for end in (sortie.departure, sortie.arrival)] == ["LPPR", "LSZH"]
    others = {f.details["test"] for f in found} - {"time_fault"}
    # altitudes are repeated with the positions, and then leap
    assert others <= {"kinematics"}
    assert all(any("times of this track are suspected too" in c for c in f.caveats) for f in found if f is not fault)


@pytest.mark.parametrize(
    "name",
    [
        "fr24/2ce4f83f.json",
        "kml/82-0193-track-press_alt_uncorrected.kml",
        "kml/86-0033-track-press_alt_uncorrected.kml",
        "kml/FlightAware_FDX1273_KBOS_KMEM_20221108.kml",
        "kml/FlightAware_ITY621_KLAX_LIRF_20221014.kml",
        "kml/N67WV-track-EGM96.kml",
        "kml/N77552-track-press_alt_uncorrected.kml",
        "kml/VB7083-32eca57a-1.kml",
        "flights/inflight_refuelling.json.gz",
        "traces/trace_full_ac134a.json",
        "traces/adsb_actions/tests/sample_readsb_data",
        "traces/adsb_actions/tests/20minutes.json",
        "aircraft_json",
        "uat/gms-uat.log",
    ],
)
def test_real_tracks_that_are_right_are_not_suspected(shared, world, name):
    tracks = api.tracks(api.read([shared / name]))
    assert len(tracks.filter(pl.col("status") == "ok")) > 150
    here = scene(Question(), world)
    counted = ACCURACY.excerpt(ACCURACY.join([ACCURACY.count(tracks, here)]), tracks, here)
    assert integrity.find(tracks, replace(here, surveys={"accuracy": counted})) == []


def test_positions_are_finite_however_wild_the_reports(world):
    rows = table(flown()).with_columns(lat_deg=pl.lit(90.0), lon_deg=pl.lit(180.0), gs_kt=pl.lit(0.0, pl.Float32))
    f = fixes(fuse.tracks(rows)[0], None, None)
    assert np.isfinite(f.xyz).all()
    assert isinstance(integrity.find(fuse.tracks(rows)[0], scene(Question(), world)), list)
