"""What is counted over everybody heard: in any batches the same, kept in the report, and needed to verify it."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testigos import api, registry
from testigos.errors import InputError
from testigos.findings import Surveyed, scene, survey_all
from testigos.findings import survey as survey_module
from testigos.findings.survey import Survey, surveys
from testigos.model import Question
from testigos.report import verify
from testigos.schema import conform
from testigos.sim.story import write_story

EMPTY = pl.DataFrame(schema={"object_id": pl.String, "rows": pl.UInt32})


def count(reports, here):
    return reports.group_by("object_id").agg(pl.len().alias("rows"))


def join(tables):
    return pl.concat([EMPTY, *tables]).group_by("object_id").agg(pl.col("rows").sum()).sort("object_id")


def everybody(joined, tracks, here):
    return joined


SURVEY = Survey("heard", count, join, everybody)


@pytest.fixture
def one_survey(monkeypatch):
    monkeypatch.setattr(survey_module, "surveys", lambda: (SURVEY,))


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=5), max_size=200))
def test_counts_do_not_depend_on_how_the_input_is_cut(batches):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survey_module, "surveys", lambda: (SURVEY,))
        here, nobody = object(), EMPTY
        surveyed = Surveyed(here)
        tables = [pl.DataFrame({"object_id": batch}, schema={"object_id": pl.String}) for batch in batches]
        for table in tables:
            surveyed.add(table)
        together = pl.concat(tables) if tables else EMPTY.select("object_id")
        assert surveyed.excerpts(nobody)["heard"].equals(survey_all(together, nobody, here)["heard"])


def test_a_survey_that_counted_nothing_is_an_empty_table_with_its_columns(one_survey):
    assert Surveyed(object()).excerpts(EMPTY)["heard"].equals(EMPTY)


def test_two_surveys_under_one_name_are_refused(monkeypatch):
    first, second = registry.finders()[:2]
    monkeypatch.setattr(registry.finder(first), "SURVEYS", (SURVEY,), raising=False)
    monkeypatch.setattr(registry.finder(second), "SURVEYS", (replace(SURVEY, join=lambda t: EMPTY),), raising=False)
    with pytest.raises(InputError, match="another survey named 'heard'"):
        surveys()


def test_a_report_counts_everybody_keeps_the_count_and_verifies_with_it(one_survey, tmp_path, monkeypatch, world):
    traces = write_story(tmp_path / "story")
    seen = []
    finder = registry.finder("sortie")
    find = finder.find
    monkeypatch.setattr(finder, "find", lambda tracks, here: seen.append(here.surveys["heard"]) or find(tracks, here))
    told = api.report([traces], tmp_path / "out", Question(near=("Venezuela",), military=True), world=world)
    kept = pl.read_parquet(Path(told.folder) / "evidence/surveys/heard.parquet")
    everyone = api.read([traces])["object_id"].drop_nulls().n_unique()
    assert len(kept) == everyone > 1
    assert verify(told.folder) == []
    assert [len(table) for table in seen] == [everyone, everyone]


def test_findings_of_a_library_call_have_surveys_of_the_tracks_alone(one_survey, world):
    row = {"object_id": ["icao:000001"], "time_ns": [1], "lat_deg": [1.0], "lon_deg": [2.0], "status": ["ok"]}
    table = api.tracks(conform(pl.DataFrame(row)))
    assert scene(Question(), world).surveys == {}
    assert survey_all(table, table, scene(Question(), world))["heard"].rows() == [("icao:000001", 1)]
