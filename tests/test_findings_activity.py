"""Activity and presence: counts over everybody in any batches, flurries against weeks of history, and a ledger."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from testigos.findings import Surveyed, activity, presence, scene, survey_all
from testigos.findings._census import EXCERPT, HISTORY
from testigos.findings.activity import judge
from testigos.model import Question, parse_utc
from testigos.schema import conform
from testigos.units import LENGTH_UNITS, S_NS

FIRST = 20_000
DAY_NS = 86_400 * S_NS
HERE = ("Venezuela",)


def _history(tankers, civil):
    """The excerpt of a place with so many on each day, one an hour from noon."""
    rows = []
    for day, (n, others) in enumerate(zip(tankers, civil, strict=True), FIRST):
        for kind, count in (("tanker", n), ("military", n), ("civil", others)):
            if count:
                rows.append(("area", "day", kind, day, 0, count))
            rows += [("area", "hour", kind, day * 24 + 8 + k % 12, None, 1 + (count - 1 - k) // 12)
                     for k in range(min(count, 12))]  # fmt: skip
    return pl.DataFrame(rows, schema=EXCERPT, orient="row")


def _last_day(days):
    return Question(start_ns=(FIRST + days - 1) * DAY_NS, end_ns=(FIRST + days) * DAY_NS)


def test_a_surge_on_the_day_asked_about_is_held_against_the_days_before_it():
    usual = [2, 3, 1, 2, 4, 2, 3] * 4
    surge = {j.kind: j for j in judge(_history([*usual, 25], [60] * 29), _last_day(29))}
    assert surge["tanker"].flurry == "day"
    assert surge["tanker"].known.days == 28
    assert [j.flurry for j in judge(_history([*usual, 4], [60] * 29), _last_day(29))] == [None, None]


def test_as_many_more_of_everybody_are_better_coverage_and_no_flurry():
    usual = [2, 3, 1, 2, 4, 2, 3] * 4
    assert not any(j.flurry for j in judge(_history([*usual, 12], [20] * 28 + [100]), _last_day(29)))


def test_less_than_a_week_of_history_calls_nothing_unusual():
    assert all(j.known is None and j.flurry is None for j in judge(_history([1] * 5 + [30], [60] * 6), _last_day(6)))


def _reports(objects=30, hours=50):
    """Reports of everybody every ten minutes, on a grid of positions off the coast; some say that they are military."""
    n = objects * hours * 6
    at = np.arange(n)
    who = at % objects
    return conform(
        pl.DataFrame(
            {
                "object_id": [f"icao:{'ae' if w % 3 == 0 else 'a0'}{w:04x}" for w in who.tolist()],
                "time_ns": parse_utc("2025-10-20") + (at // objects) * 600 * S_NS,
                "lat_deg": 11.0 + (at * 7 % 97) / 40.0,
                "lon_deg": -66.0 + (at * 11 % 89) / 30.0,
                "status": pl.Series(["ok"] * n),
                "military": [True if w % 3 == 0 else None for w in who.tolist()],
            }
        )
    )


@pytest.mark.parametrize("cuts", [7, 500, 100_000])
def test_counts_do_not_depend_on_how_the_input_is_cut(world, cuts):
    here, rows = scene(Question(near=HERE), world), _reports()
    whole = survey_all(rows, rows, here)[HISTORY.name]
    surveyed = Surveyed(here)
    counted = [HISTORY.count(part, here) for part in rows.iter_slices(max(cuts, len(rows) // 60))]
    surveyed.tables[HISTORY.name] = counted[::-1]
    assert HISTORY.excerpt(HISTORY.join(counted[::-1]), rows, here).equals(whole)
    window = whole.filter(pl.col("span") == "window")
    assert dict(window.select("kind", "objects").iter_rows())["military"] == 10


def test_days_outside_of_the_window_are_counted_as_history(world):
    rows = _reports()
    asked = Question(near=HERE, start_ns=parse_utc("2025-10-21"), end_ns=parse_utc("2025-10-22"))
    table = survey_all(rows, rows, scene(asked, world))[HISTORY.name]
    assert table.filter(pl.col("span") == "day")["start"].n_unique() == 3


def test_without_the_survey_activity_says_nothing(world):
    here = scene(Question(near=HERE), world)
    assert activity.find(_reports().head(0), here) == []


def _ledger(world, minutes, **asked):
    """Presence of one object that is off the coast at these minutes, or (negative) far from it."""
    times = sorted(minutes, key=abs)
    tracks = pl.DataFrame(
        {
            "object_id": ["icao:ae4d27"] * len(times),
            "time_ns": [parse_utc("2025-10-20") + abs(m) * 60 * S_NS for m in times],
            "lat_deg": [12.0 if m >= 0 else 25.0 for m in times],
            "lon_deg": [-65.0] * len(times),
            "status": ["ok"] * len(times),
            "source": ["adsb"] * len(times),
            "segment": pl.Series([1] * len(times), dtype=pl.UInt64),
            "offset": pl.Series(range(len(times)), dtype=pl.UInt64),
        }
    )
    return presence.find(tracks, replace(scene(Question(near=HERE, **asked), world), surveys={}))


def test_two_visits_are_sure_only_where_it_was_seen_elsewhere_in_between(world):
    seen = [*range(0, 60, 5), -300, *range(600, 660, 5)]
    (apart,) = _ledger(world, seen)
    (silent,) = _ledger(world, [m for m in seen if m >= 0])
    assert (apart.measures["visits"].value, apart.measures["visits"].low) == (2, 2)
    assert (silent.measures["visits"].value, silent.measures["visits"].low) == (2, 1)
    assert apart.measures["time_present"].low == 2 * 55 * 60
    assert "surely in one" in presence.sentence(silent, {"icao:ae4d27": "it"}, LENGTH_UNITS["nmi"])


def test_since_when_looks_before_the_window_but_tells_only_who_was_there_in_it(world):
    noon = parse_utc("2025-10-20T12:00")
    (known,) = _ledger(world, [10, 800, 805], start_ns=noon)
    assert known.details["first_seen"] == "2025-10-20T00:10:00.000Z"
    assert _ledger(world, [10, 20], start_ns=noon) == []
