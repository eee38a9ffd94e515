"""Do intervals hold and confidences tell? Few cases of what bench/gaps.py and bench/airfields.py measure."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

import airfields
import corpus
import gaps


@pytest.fixture(scope="module")
def gap_table(world):
    return gaps.measure(gaps.cases(corpus.simulated(12), 60, world), world)


def test_the_95_percent_interval_holds_where_random_pieces_of_a_track_are_missing(gap_table):
    random = gap_table.filter(~gap_table["hard"])
    assert random["inside"].mean() >= 0.95
    assert random["width_m"].median() < 10_000.0


def test_the_95_percent_interval_holds_where_the_closest_fix_itself_is_missing(gap_table):
    hard = gap_table.filter(gap_table["hard"])
    assert hard["held_closest"].all()
    assert hard["inside"].mean() >= 0.95


def test_the_hard_bound_holds_in_every_case_and_is_never_above_the_interval(gap_table):
    assert gap_table["bounded"].all()
    assert (gap_table["bound_m"] <= gap_table["low_m"]).all()


def test_confidence_in_an_airfield_is_the_rate_at_which_it_is_right(world):
    table = airfields.judged(airfields.some_moved(airfields.simulated(80, world)), world)
    assert airfields.gap(table) <= 0.08
    sure = table.filter(table["confidence"] >= 0.9).drop_nulls("named")
    assert len(sure) >= 50
    assert sure["right"].mean() >= 0.95


def test_no_airfield_is_named_for_a_track_that_ends_above_10000_ft(world):
    table = airfields.judged(airfields.simulated(80, world), world)
    high = table.filter(table["height_ft"] > 15_000.0)
    assert len(high) >= 5
    assert high["named"].null_count() == len(high)
