"""Sentences and the paragraph, on findings made by hand."""

from dataclasses import replace

import pytest

from report_story import B1A, story
from testigos import words
from testigos.findings.phrases import place_phrase
from testigos.findings.scene import finding_ids, sentence
from testigos.model import Interval, Method
from testigos.report.paragraph import paragraph, plain
from testigos.report.subjects import subjects
from testigos.units import LENGTH_UNITS

NMI, KM, MI = LENGTH_UNITS["nmi"], LENGTH_UNITS["km"], LENGTH_UNITS["mi"]


def told(findings, unit=NMI, simulated=False) -> str:
    return plain(paragraph(findings, unit, simulated))


def only(kind, **changes):
    return [replace(f, **changes) if f.kind == kind else f for f in story()]


def test_paragraph_names_aircraft_airfields_and_the_time_between_the_departures():
    text = told(story())
    assert "At least two B-1B Lancers, call signs BARB21 and BARB22, left Dyess AFB (KDYS) at 14:02Z and 14:04Z" in text
    assert "PYRO21 and PYRO22, left MacDill AFB (KMCF) some 90 minutes later" in text


def test_paragraph_gives_three_distances_with_their_intervals_and_the_certain_bound():
    text = told(story())
    assert "about 69.0 nautical miles (95 %: 64.0 to 69.4) of mainland Venezuela" in text
    assert "43.1 (95 %: 38.2 to 43.5) of any land of Venezuela (an islet near 11.418 N 63.041 W)" in text
    assert "31.0 (95 %: 27.0 to 31.5) of Los Testigos" in text
    assert "cannot have come nearer than 60.2 nautical miles to mainland Venezuela" in text


def test_positions_of_assumed_quality_only_suggest():
    text = told(story())
    assert "Tracks, which have a 14-minute gap, include multilaterated positions and may not be" in text
    assert "suggest that BARB21" in text


def test_positions_whose_quality_the_aircraft_gave_show():
    sure = [
        replace(f, details={**f.details, "source": "adsb", "radius_basis": "nac_p", "gap": None})
        if f.kind == "approach" else f
        for f in story()
    ]  # fmt: skip
    text = told(sure)
    assert "Tracks show that BARB21" in text
    assert "suggest" not in text


def test_a_track_that_ends_in_the_air_was_lost_and_never_landed():
    text = told(story())
    assert "BARB21 was lost from view at 26,000 feet near 20.1 N 70.0 W at 20:13Z" in text
    assert "BARB21 landed" not in text
    assert "PYRO21 and PYRO22 landed at MacDill AFB (KMCF)" in text


def test_without_a_certain_bound_the_paragraph_says_so():
    loose = [replace(f, measures={k: m for k, m in f.measures.items() if k != "distance_bound"}) for f in story()]
    text = told(loose)
    assert "cannot have come nearer" not in text
    assert "has no certain bound" in text


def test_without_any_interval_what_is_nearer_is_not_observable():
    bare = [
        replace(f, measures={"distance": Interval(f.measures["distance"].value, "m")}) if f.kind == "approach" else f
        for f in story()
    ]
    assert "is not observable" in told(bare)
    assert "95 %" not in told(bare)


def test_simulated_input_makes_a_paragraph_that_begins_with_simulated():
    assert told(story(), simulated=True).startswith("SIMULATED: At least two")
    assert "SIMULATED" not in told(story())


def test_an_identity_of_low_confidence_only_appears_to_be():
    assert "What appears to be an E-11A, call sign BLKWF11, was first seen" in told(story())


def test_other_aircraft_are_counted_where_some_are_military():
    civil = [
        replace(f, details={**f.details, "military": False})
        if f.kind == "identity" and f.subjects != (B1A,) else f
        for f in story()
    ]  # fmt: skip
    text = told(civil)
    assert "PYRO21" not in text
    assert "Four other aircraft are told of" in text


def test_every_clause_rests_on_findings_that_exist():
    ids = set(finding_ids(story()))
    for clause in paragraph(story(), NMI):
        assert clause.findings
        assert set(clause.findings) <= ids


def test_order_of_findings_of_a_kind_does_not_change_the_text():
    parts = story()
    turned = [*parts[:10], *reversed(parts[10:])]
    assert told(turned) == told(parts)


@pytest.mark.parametrize(
    ("unit", "value"), [(NMI, "69.0 nautical miles"), (KM, "128 kilometres"), (MI, "79.4 statute miles")]
)
def test_lengths_come_in_the_readers_unit_with_its_full_name(unit, value):
    text = told(story(), unit)
    assert value.split(" ", 1)[1] in text
    others = {"nautical miles", "kilometres", "statute miles"} - {unit.name}
    body = text.replace("within 12 nautical miles (the breadth of the territorial sea)", "")
    assert not any(o in body for o in others)


def test_a_printed_interval_is_never_narrower_than_the_computed_one():
    measure = Interval(79_530.0, "m", 79_444.4, 79_615.6, 0.95)
    text = words.span(measure, NMI)
    assert text is not None
    low, high = (float(x) for x in text.removeprefix("95 %: ").split(" to "))
    assert low * 1852 <= measure.low
    assert high * 1852 >= measure.high


def test_a_mainland_that_is_already_named_so_is_not_named_twice():
    assert place_phrase({"name": "mainland Venezuela", "kind": "mainland"}) == "mainland Venezuela"
    assert place_phrase({"name": "Bahamas", "kind": "country"}) == "any land of the Bahamas"
    assert place_phrase({"name": "mainland United States", "kind": "mainland"}) == "the mainland of the United States"


def test_what_cannot_be_printed_never_reaches_the_text():
    hostile = "AB\u202e\x00\nC"
    bad = only("identity", details={**story()[0].details, "callsigns": [hostile]})
    text = told(bad)
    assert all(c.isprintable() for c in text)
    assert "AB???C" in text


def test_an_end_on_another_day_has_its_date():
    late = [
        replace(f, arrival={**f.arrival, "time": "2025-10-24T00:35:00.000Z"}) if f.kind == "sortie" else f
        for f in story()
    ]
    assert "PYRO21 and PYRO22 landed at MacDill AFB (KMCF) at 00:35Z on 24 October 2025" in told(late)


def test_equal_call_signs_are_told_apart_by_address():
    same = only("identity", details={**story()[0].details, "callsigns": ["BARB21"]})
    labels = [s.label for s in subjects(same)]
    assert len(set(labels)) == len(labels)
    assert f"BARB21 ({B1A})" in labels


def test_a_kind_that_has_no_wording_keeps_its_finders_sentence():
    made = replace(story()[0], kind="ripple", sentence="It flew in circles.", method=Method("orbit", "1"))
    assert sentence(made, "BARB21", NMI) == "It flew in circles."


def test_over_land_is_said_and_not_measured():
    over = [
        replace(f, details={**f.details, "over_land": True}, measures={"distance": Interval(0.0, "m", 0.0, 9.0, 0.95)})
        if f.kind == "approach" else f
        for f in story()
    ]  # fmt: skip
    text = told(over)
    assert "suggest that BARB21 flew over Los Testigos and mainland Venezuela" in text
    assert "0.00" not in text


def test_the_territorial_sea_is_that_of_the_places_asked_for_and_no_other():
    text = told(story())
    assert "did not come within 12 nautical miles (the breadth of the territorial sea) of " in text
    assert "miles of a coast" not in text
