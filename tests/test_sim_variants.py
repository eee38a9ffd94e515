"""Variants and background traffic: reproducible, and what they say to be true is true of their own tracks."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from testigos import fuse
from testigos.findings import find_all, scene, survey_all
from testigos.geo import distance_m
from testigos.io.read import reports as read
from testigos.report.paragraph import paragraph
from testigos.sim.background import FLEET, civil_day, civil_history, write_background
from testigos.sim.variants import APART_M, KINDS, apart_m, variant
from testigos.units import LENGTH_UNITS

DAY = date(2025, 10, 23)


def track(made, object_id):
    return made.truth.filter(pl.col("object_id") == object_id)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("coverage_grows", "surge")])
def test_a_variant_is_the_same_on_every_call_and_another_for_another_number(kind):
    one, again, other = variant(kind, 3), variant(kind, 3), variant(kind, 4)
    assert_frame_equal(one.reports, again.reports)
    assert one.expected == again.expected
    assert not one.reports.equals(other.reports)


@pytest.mark.parametrize("number", range(5))
def test_those_who_split_are_near_before_the_silence_and_far_after_it_and_unheard_within(number):
    made = variant("split_in_gap", number)
    begin, end = made.expected["outage"]
    apart = apart_m(*(track(made, s) for s in made.expected["subjects"]))
    assert apart.filter(pl.col("time_ns") < begin)["apart_m"].max() < APART_M
    assert apart.filter(pl.col("time_ns") > end)["apart_m"].min() > APART_M
    ok = made.reports.filter(pl.col("status") == "ok")
    assert not len(ok.filter(pl.col("time_ns").is_between(begin, end - 1)))
    assert len(ok.filter(pl.col("time_ns") < begin)) > 10


@pytest.mark.parametrize("number", range(5))
def test_a_spoofed_bomber_never_was_where_its_false_broadcasts_say(number):
    made = variant("spoofed_bomber", number)
    begin, end = made.expected["window"]
    heard = made.reports.filter((pl.col("source") == "adsb") & pl.col("time_ns").is_between(begin, end))
    true = track(made, made.expected["subject"])
    t = heard["time_ns"].to_numpy()
    lat, lon = (np.interp(t, true["time_ns"].to_numpy(), true[n].to_numpy()) for n in ("lat_deg", "lon_deg"))
    away = distance_m(heard["lat_deg"].to_numpy(), heard["lon_deg"].to_numpy(), lat, lon)
    assert away.max() > 20_000.0


@pytest.mark.parametrize("number", range(5))
def test_airliners_that_cross_a_racetrack_keep_at_least_a_thousand_feet_from_the_tanker(number):
    made = variant("airliner_crossing", number)
    (tanker,) = (track(made, s) for s in made.expected["tankers"])
    nearest = []
    for other in made.expected["others"]:
        both = tanker.join(track(made, other), on="time_ns", suffix="_b")
        assert (both["alt_baro_ft"] - both["alt_baro_ft_b"]).abs().min() > 950.0
        nearest.append(apart_m(tanker, track(made, other))["apart_m"].min())
    assert min(nearest) < 60_000.0


def test_when_coverage_grows_the_same_is_flown_and_more_is_heard():
    made = variant("coverage_grows", 0)
    later = pl.col("time_ns") >= made.expected["more_ns"]
    days = [
        rows.filter(when).with_columns(pl.col("time_ns") // 86_400_000_000_000).unique(["object_id", "time_ns"])
        for when in (~later, later)
        for rows in (made.truth, made.reports.filter(pl.col("status") == "ok"))
    ]
    before, after = (len(heard) / len(flown) for flown, heard in (days[:2], days[2:]))
    assert before < 0.85
    assert after > 0.95


def test_civil_days_are_reproducible_and_have_as_many_flights_as_asked_and_a_sixth_more_at_weekends():
    truth, reports = civil_day(DAY, 6)
    assert_frame_equal(reports, civil_day(DAY, 6)[1])
    assert truth["object_id"].n_unique() == 6
    assert civil_day(date(2025, 10, 25), 6)[0]["object_id"].n_unique() == 7
    assert set(reports["source"]) == {"adsb"}


def test_the_same_aircraft_fly_on_other_days_in_the_other_direction():
    first, second = (civil_day(date(2025, 10, d), FLEET // 8)[0] for d in (22, 23))
    both = sorted(set(first["object_id"]) & set(second["object_id"]))
    assert both
    for name in both:
        ends = [t.filter(pl.col("object_id") == name)[["lat_deg", "lon_deg"]] for t in (first, second)]
        (start, end), (start_b, end_b) = ((e.row(0), e.row(-1)) for e in ends)
        assert distance_m(*map(np.array, start), *map(np.array, end_b)) < 20_000.0
        assert distance_m(*map(np.array, end), *map(np.array, start_b)) < 20_000.0


def test_a_written_history_reads_back_as_what_was_made(tmp_path):
    made = pl.concat([r for _, r in civil_history(date(2025, 10, 9), 3, 4)])
    tree = write_background(tmp_path, date(2025, 10, 9), 3, 4)
    back = pl.concat(list(read([tree])))
    assert (tmp_path / "SIMULATED.txt").exists()
    assert sorted(zip(back["object_id"], back["time_ns"] // 10**8, strict=True)) == sorted(
        zip(made["object_id"], made["time_ns"] // 10**8, strict=True)
    )


def _doubted(made, world):
    tracks = fuse.tracks(made.reports)[0]
    here = scene(made.question, world)
    found = find_all(tracks, replace(here, surveys=survey_all(made.reports, tracks, here)))
    return [c.text for c in paragraph(found, LENGTH_UNITS["nmi"]) if "may be wrong" in c.text]


def test_a_paragraph_that_rests_on_suspected_positions_says_so(world):
    assert _doubted(variant("spoofed_bomber", 4, "variants"), world)
    assert not _doubted(variant("split_in_gap", 0, "paragraph"), world)
