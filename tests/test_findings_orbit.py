"""Orbits: labelled real tankers, flights that are none, and properties that hold whatever is flown."""

import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cases
from testigos import geo
from testigos.findings import orbit
from testigos.findings._stays import clocked, stays
from testigos.findings.scene import Scene
from testigos.fuse import tracks as fuse_tracks
from testigos.io import reports
from testigos.model import Finding, Method, Question, parse_utc
from testigos.schema import conform
from testigos.units import LENGTH_UNITS, S_NS
from testigos.world import open_world

LABELS = Path(__file__).parent / "labels" / "kc10_on_station.toml"
NMI = LENGTH_UNITS["nmi"]


def _scene(question=None):
    return Scene(question or Question(), open_world(), ())


def _read(path):
    return fuse_tracks(pl.concat(list(reports([path]))))[0]


def _labels():
    return tomllib.loads(LABELS.read_text("utf-8"))["label"]


def _case(name):
    return cases.tracks(cases.read(cases.FOLDER / "orbit" / f"{name}.toml"))


def _covered_s(findings, low, high):
    return sum(max(0, min(f.end_ns, high) - max(f.start_ns, low)) for f in findings) / S_NS


@pytest.mark.parametrize("label", _labels(), ids=lambda a: a["subject"])
def test_the_time_that_was_labelled_by_hand_is_covered_and_little_else(label, shared):
    low, high = parse_utc(label["start"]), parse_utc(label["end"])
    found = [f for f in orbit.find(_read(shared / label["file"]), _scene()) if f.subjects == (label["subject"],)]
    inside = _covered_s(found, low, high)
    assert inside >= 0.9 * (high - low) / S_NS
    assert sum(f.end_ns - f.start_ns for f in found) / S_NS - inside <= 0.1 * (high - low) / S_NS
    assert {f.details["pattern"] for f in found} == {"racetrack"}
    assert {f.details["direction"] for f in found} == {"left"}


def test_a_track_that_ends_in_its_pattern_was_there_for_at_least_so_long(shared):
    label = _labels()[0]
    (finding,) = orbit.find(_read(shared / label["file"]), _scene())
    assert finding.details["seen_before"]
    assert not finding.details["seen_after"]
    assert finding.measures["time_on_station"].high is None
    assert "for at least" in orbit.sentence(finding, {label["subject"]: "It"}, NMI)


def test_positions_without_quality_give_axes_without_an_interval(shared):
    (finding,) = orbit.find(_read(shared / _labels()[0]["file"]), _scene())
    for name in ("long_axis", "short_axis", "leg_length"):
        assert finding.measures[name].low is None
        assert finding.measures[name].high is None
    assert any("quality" in c for c in finding.caveats)


@pytest.mark.parametrize(
    "name",
    [
        "kml/N67WV-track-EGM96.kml",
        "kml/N77552-track-press_alt_uncorrected.kml",
        "kml/VB7083-32eca57a-1.kml",
        "kml/FlightAware_FDX1273_KBOS_KMEM_20221108.kml",
        "kml/FlightAware_ITY621_KLAX_LIRF_20221014.kml",
        "fr24/2ce4f83f.json",
        "traces/trace_full_ac134a.json",
        # sightseeing flights among them: a loop each, landed from in between
        "traces/adsb_actions/tests/sample_readsb_data",
    ],
)
def test_real_flights_that_go_somewhere_or_fly_one_loop_orbit_nowhere(name, shared):
    assert orbit.find(_read(shared / name), _scene()) == []


def test_a_window_of_the_question_cuts_the_orbit():
    table = _case("a_tanker_with_long_legs")
    middle = parse_utc("2025-10-23T12:50:00")
    (whole,) = orbit.find(table, _scene())
    (late,) = orbit.find(table, _scene(Question(start_ns=middle)))
    assert whole.start_ns < middle <= late.start_ns
    assert not late.details["seen_before"]
    assert orbit.find(table, _scene(Question(end_ns=whole.start_ns))) == []


def test_refused_fixes_and_taxiing_do_not_count():
    table = _case("a_circle")
    assert orbit.find(table, _scene())
    assert orbit.find(table.with_columns(pl.lit("stale").cast(table["status"].dtype).alias("status")), _scene()) == []
    assert orbit.find(table.with_columns(pl.lit(True).alias("on_ground")), _scene()) == []


def test_evidence_is_of_rows_on_station_and_few():
    table = _case("a_circle")
    (finding,) = orbit.find(table, _scene())
    assert 2 <= len(finding.evidence) <= 20
    times = dict(zip(table["offset"].to_list(), table["time_ns"].to_list(), strict=True))
    for frame in finding.evidence:
        at = times[int(frame.partition(":")[2])]
        assert finding.start_ns - 30 * S_NS <= at <= finding.end_ns + 30 * S_NS


def test_a_silence_in_the_pattern_is_said_and_lowers_only_the_lower_end():
    (finding,) = orbit.find(_case("a_racetrack_with_a_silence"), _scene())
    lasted = finding.measures["time_on_station"]
    assert 550.0 <= finding.details["silent_s"] <= 700.0
    assert lasted.value - lasted.low > 550.0 > lasted.high - lasted.value
    assert any("not observable" in c for c in finding.caveats)


def test_the_field_of_the_sortie_is_named_where_it_is_low_and_near():
    table = _case("a_circle")
    row = open_world().airfields.row("TNCM")
    moved = table.with_columns(
        pl.col("lat_deg") - 16.0 + row["lat_deg"] + 0.2, pl.col("lon_deg") + 65.0 + row["lon_deg"]
    )
    sortie = Finding("sortie", ("icao:a00001",), 0, 1, 0.9, Method("", ""), details={"leg": 0},
                     arrival={"icao": "TNCM"})  # fmt: skip
    (near,) = orbit.find(moved, Scene(Question(), open_world(), (), (sortie,)))
    (far,) = orbit.find(table.with_columns(pl.col("lat_deg") - 20.0), Scene(Question(), open_world(), (), (sortie,)))
    assert near.details["airfield"]["icao"] == "TNCM"
    assert near.data
    assert far.details["airfield"] is None
    high = moved.with_columns(pl.lit(31_000.0, pl.Float32).alias("alt_baro_ft"))
    assert orbit.find(high, Scene(Question(), open_world(), (), (sortie,)))[0].details["airfield"] is None


def test_it_works_across_the_antimeridian():
    table = _case("a_tanker_with_long_legs")
    (here,) = orbit.find(table, _scene())
    shift = (pl.col("lon_deg") + 65.0 + 180.0 - 0.5 + 180.0) % 360.0 - 180.0
    (there,) = orbit.find(table.with_columns(shift.alias("lon_deg")), _scene())
    assert there.details["pattern"] == here.details["pattern"]
    assert there.measures["long_axis"].value == pytest.approx(here.measures["long_axis"].value, abs=50.0)
    assert (there.start_ns, there.end_ns) == (here.start_ns, here.end_ns)


def _fixes(lat, lon, every_s):
    time_s = np.arange(len(lat)) * every_s
    return clocked(time_s, np.asarray(lat, float), np.asarray(lon, float), 30.0)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-60, 60),
    st.floats(-180, 179.9),
    st.floats(0, 360),
    st.floats(60, 250),
    st.sampled_from([1.0, 10.0, 60.0]),
)
def test_straight_flight_never_stays(lat, lon, azimuth, speed_mps, every_s):
    far = np.arange(0.0, 7_200.0, every_s) * speed_mps
    track = _fixes(*geo.destination(lat, lon, azimuth, far), every_s)
    assert stays(track, 30.0) == []


@settings(max_examples=30, deadline=None)
@given(
    st.floats(-60, 60), st.floats(-180, 179.9), st.floats(2_000, 60_000), st.sampled_from([1.0, 10.0, 20.0]),
    st.booleans(),
)  # fmt: skip
def test_five_laps_of_a_circle_are_found_wherever_they_are(lat, lon, radius_m, every_s, right):
    angle = np.arange(0.0, 10.0 * np.pi * radius_m / 100.0, every_s) * 100.0 / radius_m
    azimuth = np.degrees(angle) * (1.0 if right else -1.0)
    lat_deg, lon_deg = geo.destination(lat, lon, azimuth, np.full(len(angle), radius_m))
    table = _table(lat_deg, lon_deg, every_s)
    (finding,) = orbit.find(table, _scene())
    assert finding.details["pattern"] == "circle"
    assert finding.details["direction"] == ("right" if right else "left")
    assert finding.measures["long_axis"].low <= 2.0 * radius_m <= finding.measures["long_axis"].high
    assert finding.measures["period"].low <= 2.0 * np.pi * radius_m / 100.0 <= finding.measures["period"].high
    assert 4 <= finding.measures["laps"].value <= 5
    centre = finding.details["centre"]
    assert geo.distance_m(lat, lon, centre["lat_deg"], centre["lon_deg"]) <= 0.1 * radius_m + 100.0


def _table(lat_deg, lon_deg, every_s):
    n = len(lat_deg)
    start = parse_utc("2025-01-01")
    rows = pl.DataFrame(
        {
            "object_id": ["icao:a0000f"] * n,
            "time_ns": start + (np.arange(n) * every_s * S_NS).astype(np.int64),
            "status": ["ok"] * n,
            "source": ["adsb"] * n,
            "lat_deg": lat_deg,
            "lon_deg": lon_deg,
            "alt_baro_ft": np.full(n, 20_000.0),
            "nac_p": np.full(n, 9),
            "nic": np.full(n, 8),
            "sil": np.full(n, 3),
            "adsb_version": np.full(n, 2),
            "segment": np.full(n, 1, np.uint64),
            "offset": np.arange(n, dtype=np.uint64),
        }
    )
    return fuse_tracks(conform(rows))[0]


def test_no_fixes_and_a_lone_fix_give_nothing():
    table = _case("a_circle")
    assert orbit.find(table[:0], _scene()) == []
    assert orbit.find(table[:1], _scene()) == []
    assert orbit.find(table[:4], _scene()) == []


def test_the_order_of_other_objects_changes_nothing():
    one, two = _case("a_circle"), _case("a_figure_of_eight")
    both = orbit.find(pl.concat([one, two]), _scene())
    assert both == orbit.find(one, _scene()) + orbit.find(two, _scene())
