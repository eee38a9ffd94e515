"""The demo's story: the paragraph as it is printed, and each of its numbers against what really flew.

``TESTIGOS_SNAPSHOT=write`` writes the paragraph anew; read it aloud before it is committed.
"""

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from testigos import api
from testigos.geo import distance_m
from testigos.model import Question, parse_utc
from testigos.sim.story import story_truth, write_story

SNAPSHOT = Path(__file__).parent / "snapshots" / "story.txt"


@pytest.fixture(scope="module")
def told(tmp_path_factory, world):
    root = tmp_path_factory.mktemp("story")
    return api.report(
        write_story(root / "input"), root / "report", Question(near=("Venezuela", "Los Testigos")), world=world
    )


@pytest.fixture(scope="module")
def truth():
    return story_truth()


def track(truth, object_id):
    return truth.filter(pl.col("object_id") == object_id)


def only(told, kind, **details):
    return [f for f in told.findings if f.kind == kind and all(f.details.get(k) == v for k, v in details.items())]


def holds(measure, value):
    assert measure.low <= value <= measure.high, (measure, value)


def test_the_paragraph_is_the_one_that_was_read_aloud(told):
    made = told.paragraph.replace(". ", ".\n") + "\n"
    if os.environ.get("TESTIGOS_SNAPSHOT") == "write":
        SNAPSHOT.write_text(made, "utf-8")
    assert made == SNAPSHOT.read_text("utf-8")


def test_every_finding_behind_the_paragraph_has_evidence_and_a_confidence(told):
    published = json.loads((told.folder / "findings.json").read_bytes())
    assert all(f["evidence"] and 0 < f["confidence"] <= 1 for f in published)
    assert api.verify(told.folder) == []


def test_each_approach_holds_the_true_distance(told, truth, world):
    checked = 0
    for place in ("Los Testigos", "Venezuela"):
        for part in world.resolve(place).parts().values():
            for finding in only(told, "approach"):
                if finding.place["name"] != part.name or finding.measures["distance"].low is None:
                    continue
                (seen,) = (
                    f for f in only(told, "sortie", leg=finding.details["leg"]) if f.subjects == finding.subjects
                )
                # before its first fix and after its last nothing is claimed
                own = track(truth, finding.subjects[0]).filter(pl.col("time_ns").is_between(seen.start_ns, seen.end_ns))
                near = part.nearest(own["lat_deg"].to_numpy(), own["lon_deg"].to_numpy()).distance_m
                holds(finding.measures["distance"], float(near.min()))
                checked += 1
    assert checked >= 15


def test_company_is_as_far_apart_as_it_was(told, truth):
    for finding in only(told, "formation"):
        a, b = (track(truth, s) for s in finding.subjects[:2])
        both = a.join(b, on="time_ns", suffix="_b").filter(
            pl.col("time_ns").is_between(finding.start_ns, finding.end_ns)
        )
        way = distance_m(*(both[n].to_numpy() for n in ("lat_deg", "lon_deg", "lat_deg_b", "lon_deg_b")))
        if len(finding.subjects) == 2:
            holds(finding.measures["separation"], float(np.median(way)))
    assert sorted(len(f.subjects) for f in only(told, "formation")) == [2, 2, 3]


def test_tankers_are_on_station_when_they_were_and_have_no_partner(told):
    alone = only(told, "refuelling")
    assert [f.details["grade"] for f in alone] == ["on_station_no_partner_visible"] * 2
    for finding in alone:
        assert parse_utc("2025-10-23T18:15") < finding.start_ns < parse_utc("2025-10-23T18:50")
        assert parse_utc("2025-10-23T19:50") < finding.end_ns < parse_utc("2025-10-23T20:20")


def test_the_tankers_left_90_minutes_after_and_the_other_bombers_came_a_week_before(told, truth):
    def left(object_id):
        return track(truth, object_id).filter(~pl.col("on_ground"))["time_ns"][0]

    def nearest(object_id):
        own = track(truth, object_id)
        way = distance_m(own["lat_deg"].to_numpy(), own["lon_deg"].to_numpy(), 11.38, -63.1)
        return own["time_ns"][int(np.argmin(way))]

    delay = only(told, "sequence", relation="departed_after")[0].measures["delay"]
    for bomber in ("icao:afd021", "icao:afd022"):
        for tanker in ("icao:afd061", "icao:afd062"):
            holds(delay, (left(tanker) - left(bomber)) / 1e9)
    (before,) = (f for f in only(told, "sequence", relation="same_area") if "icao:afd021" in f.subjects)
    holds(before.measures["days_before"], (nearest("icao:afd021") - nearest("icao:afd051")) / 86_400e9)
    toward = {f.subjects[0]: f.place["country"] for f in only(told, "sequence", relation="toward")}
    assert toward["icao:afd041"] == "PR"
