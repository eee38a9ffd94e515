"""Claims: sentences read and said again, files that teach, verdicts by interval, and never a word too much."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testigos import api
from testigos.claims import FORMS, judge, parse, places, read_claims, resolved, say
from testigos.claims.case import case, fits, is_type
from testigos.claims.model import NEAR, WHAT, Amount, Claim, Count, When, Who
from testigos.claims.read import claims_of, kept, kept_json
from testigos.cli import main
from testigos.errors import InputError
from testigos.findings import find_all, scene
from testigos.model import Finding, Method, Question, parse_utc
from testigos.schema import conform
from testigos.sim.story import story_claims, write_story
from testigos.units import S_NS

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

DAY = parse_utc("2025-10-23")
END = DAY + 86_400 * S_NS - 1


# ---- sentences ----------------------------------------------------------------------------------------------------

SENTENCES = {
    "BARB21 left Dyess AFB": Claim("left", Who(("BARB21",)), "Dyess AFB"),
    "BARB21 and BARB22 did not take off from KDYS": Claim("left", Who(("BARB21", "BARB22")), "KDYS", negated=True),
    "KC-135s left MacDill AFB some 90 minutes after the B-1s left Dyess AFB": Claim(
        "left_after", Who(type="KC-135"), "MacDill AFB", None, Count("at_least", 2), None, Amount("about", 90.0, "min"),
        Who(type="B-1", definite=True), "Dyess AFB",
    ),
    "icao:ae503d landed at TJSJ on 23 October 2025": Claim(
        "landed", Who(addresses=("icao:ae503d",)), "TJSJ", When(DAY, END)
    ),
    "At least two B-1s came within 50 miles of the coast of Venezuela": Claim(
        "came_within", Who(type="B-1"), "Venezuela", None, Count("at_least", 2), Amount("within", 50.0, "mi")
    ),
    "A bomber passed about 6.5 nm from Los Testigos": Claim(
        "came_within", Who(role="bomber"), "Los Testigos", how_near=Amount("about", 6.5, "nmi")
    ),
    "BARB21 stayed at least 12 nautical miles from the mainland of Venezuela": Claim(
        "came_within", Who(("BARB21",)), "mainland Venezuela", how_near=Amount("within", 12.0, "nmi"), negated=True
    ),
    "No B-1 flew near Venezuela on October 23, 2025": Claim(
        "came_within", Who(type="B-1"), "Venezuela", When(DAY, END), how_near=NEAR, negated=True
    ),
    "Military aircraft flew over Aruba between 14:00Z and 15:30Z on 23 October 2025": Claim(
        "flew_over", Who(military=True), "Aruba", When(DAY + 14 * 3600 * S_NS, DAY + 15 * 3600 * S_NS + 1800 * S_NS)
    ),
    "The tankers entered the airspace of Venezuela": Claim(
        "came_within", Who(role="tanker", definite=True), "Venezuela", how_near=Amount("within", 12.0, "nmi")
    ),
    "BARB21 and BARB22 flew together": Claim("in_company", Who(("BARB21", "BARB22"))),
    "BARB21 flew in company with a KC-135": Claim("in_company", Who(("BARB21",)), other=Who(type="KC-135")),
    "BOLT61 did not refuel BARB21": Claim("refuelled", Who(("BOLT61",)), other=Who(("BARB21",)), negated=True),
    "VEIL17 orbited near Aruba": Claim("orbited", Who(("VEIL17",)), "Aruba"),
    "VEIL17 flew a figure of eight": Claim("orbited", Who(("VEIL17",)), pattern="figure of eight"),
    "Exactly three B-52s flew on 23 October 2025": Claim(
        "flew", Who(type="B-52"), None, When(DAY, END), Count("exactly", 3)
    ),
    "BARB21 was not a B-52": Claim("was", Who(("BARB21",)), other=Who(type="B-52"), negated=True),
    "The B-1s BARB21 and BARB22 were bombers": Claim(
        "was", Who(("BARB21", "BARB22"), type="B-1"), other=Who(role="bomber")
    ),
}  # fmt: skip


def bare(claim: Claim) -> Claim:
    """What a claim says, without how it was put."""
    return replace(claim, text="", notes=())


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_of_each_form_is_understood_and_can_be_said_again(sentence: str) -> None:
    assert bare(parse(sentence + ".")) == SENTENCES[sentence]
    assert bare(parse(say(SENTENCES[sentence]))) == SENTENCES[sentence]


@pytest.mark.parametrize(
    ("sentence", "note"),
    [
        ("B-1s came within 50 miles of Aruba", "statute"),
        ("B-1s came within 50 miles of Aruba", "plural"),
        ("Two B-1s flew near Aruba", "at least two"),
        ("A B-1 flew near Aruba", "200 nautical miles"),
        ("A B-1 entered the airspace of Aruba", "12 nautical miles"),
    ],
)
def test_words_that_can_mean_several_things_are_read_one_way_and_that_is_said(sentence: str, note: str) -> None:
    assert any(note in n for n in parse(sentence).notes)


def test_a_time_at_a_minute_is_five_minutes_either_way_and_about_one_fifteen() -> None:
    at = parse_utc("2025-10-23T14:03:00Z")
    assert parse("BARB21 left KDYS at 14:03Z on 23 October 2025").when == When(at - 300 * S_NS, at + 300 * S_NS)
    assert parse("BARB21 left KDYS about 14:03Z on 23 October 2025").when == When(at - 900 * S_NS, at + 900 * S_NS)


def test_about_is_a_tenth_either_way_and_five_minutes_at_least() -> None:
    assert Amount("about", 100.0, "km").span() == pytest.approx((90_000.0, 110_000.0))
    assert Amount("about", 90.0, "min").span() == pytest.approx((81 * 60.0, 99 * 60.0))
    assert Amount("about", 20.0, "min").span() == pytest.approx((15 * 60.0, 25 * 60.0))
    assert Amount("within", 1.0, "mi").span() == (0.0, 1609.344)


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("The moon is made of cheese.", "no form fits"),
        ("BARB21 came within 5 hours of Venezuela.", "no distance"),
        ("BARB21 flew together.", "one alone"),
        ("No B-1 did not fly over Aruba.", "denies twice"),
        ("Two B-1s did not fly over Aruba.", "denial of a number"),
        ("barb21 left KDYS.", "says not whom"),
        ("BARB21 came at least 12 km from Aruba.", "stayed at least"),
        ("BARB21 left KDYS between 15:00Z and 14:00Z on 23 October 2025.", "ends before"),
        ("BARB21 left KDYS at 14:73Z on 23 October 2025.", "no time of day"),
        ("BARB21 flew on 31 November 2025.", "day is out of range"),
        ("", "no form fits"),
    ],
)
def test_another_sentence_is_an_error_that_lists_the_forms(sentence: str, why: str) -> None:
    with pytest.raises(InputError) as error:
        parse(sentence)
    assert why in str(error.value)
    assert all(form in str(error.value) for form in FORMS)


_NAMED = st.builds(
    Who,
    st.lists(st.sampled_from(("BARB21", "QQA101", "N12", "X7")), min_size=1, max_size=3, unique=True).map(tuple),
    st.lists(st.sampled_from(("icao:ae503d", "reg:82-0193")), max_size=2, unique=True).map(tuple),
)
_KIND = st.fixed_dictionaries(
    {"military": st.sampled_from((None, True)), "definite": st.booleans()},
).flatmap(
    lambda more: st.sampled_from(({"type": "B-1"}, {"type": "RC-135"}, {"role": "tanker"}, {"role": "relay"}, {})).map(
        lambda what: Who(**what, **more)
    )
)
_TIME = st.none() | st.tuples(
    st.integers(0, 3000), st.integers(0, 3000)
).map(lambda t: When(DAY + min(t) * 60 * S_NS, DAY + max(t) * 60 * S_NS))  # fmt: skip
_NEAR = st.builds(
    Amount,
    st.sampled_from(("within", "about")),
    st.integers(1, 500).map(lambda n: n / 2),
    st.sampled_from(("nmi", "mi", "km")),
)


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    """Claims that sentences can make."""
    who = draw(_NAMED | _KIND)
    negated = draw(st.booleans())
    count = None
    if not who.named and not negated and draw(st.booleans()):
        relation = "at_least" if who.definite else draw(st.sampled_from(("at_least", "exactly", "at_most")))
        count = Count(relation, draw(st.integers(2, 30)))
    what = draw(st.sampled_from(("left", "landed", "flew_over", "came_within", "flew", "orbited", "refuelled", "was")))
    claim = Claim(what, who, None, draw(_TIME), count, negated=negated)
    if what in ("left", "landed", "flew_over", "came_within"):
        claim = replace(claim, where=draw(st.sampled_from(("KDYS", "Los Testigos", "mainland Venezuela"))))
    if what == "came_within":
        claim = replace(claim, how_near=draw(_NEAR))
    if what == "orbited":
        claim = replace(
            claim, pattern=draw(st.sampled_from((None, "circle"))), where=draw(st.sampled_from((None, "Aruba")))
        )
    if what == "refuelled":
        claim = replace(claim, other=draw(_NAMED | _KIND))
    if what == "was":
        claim = replace(claim, other=Who(type="B-52"))
    return claim


@settings(max_examples=400, deadline=None)
@given(claims())
def test_what_is_said_of_a_claim_is_read_as_that_claim(claim: Claim) -> None:
    assert bare(parse(say(claim))) == claim


@pytest.mark.parametrize(
    ("said", "code", "name", "fits"),
    [
        ("B-1", "B1", "B-1B Lancer", True),
        ("B-1", "B17", "B-17 Flying Fortress", False),
        ("KC-135", "K35R", "KC-135R Stratotanker", True),
        ("RC-135", "K35R", "KC-135R Stratotanker", False),
        ("135", "R135", "RC-135 family", False),
        ("B-52", None, None, None),
        ("E-11", "GLEX", "E-11A", True),
    ],
)
def test_a_type_as_people_write_it_is_told_from_its_like(said: str, code: str, name: str, fits: bool | None) -> None:
    assert is_type(said, code, name) is fits


def test_a_type_is_not_denied_by_a_designator_alone_nor_by_the_name_civilians_use(world) -> None:
    def identity(**details):
        return Finding("identity", ("icao:ae0001",), 0, 0, 0.5, Method("m", "1"), details=details)

    here = case([], api.tracks(conform(pl.DataFrame())), scene(Question(), world))
    assert fits(Who(type="A330"), identity(type_code="A332", type_name=None), here) is None
    assert fits(Who(type="KC-10"), identity(type_code="DC10", type_name="DC-10", military=None), here) is None
    assert fits(Who(type="B-52"), identity(type_code="DC10", type_name="DC-10", military=None), here) is False
    assert fits(Who(type="B-1", military=True), identity(type_code="B1", type_name="B-1B Lancer"), here) is None


# ---- files --------------------------------------------------------------------------------------------------------


def test_fields_and_a_sentence_say_the_same() -> None:
    fields = """
    [[claim]]
    what = "came_within"
    who = { type = "B-1" }
    where = "Venezuela"
    when = "2025-10-23"
    how_many = 2
    how_near = "within 50 nmi"
    source = "a newspaper"
    """
    (claim,) = claims_of(fields, "claims.toml")
    text = "At least two B-1s came within 50 nautical miles of Venezuela on 23 October 2025."
    assert bare(replace(claim, id="", source="")) == bare(parse(text))
    assert claim.source == "a newspaper"
    listed = json.dumps([{"text": text, "id": "one"}])
    assert bare(replace(claims_of(listed, "claims.json")[0], id="")) == bare(parse(text))
    assert [bare(replace(c, id="")) for c in claims_of(f"# said\n{text}\n", "claims.txt")] == [bare(parse(text))]


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ('[[claim]]\nwhat = "flew"\nhowmany = 2', "c.toml", "claim 1: Object contains unknown field `howmany`"),
        ('[[claim]]\nwhat = "flown"', "c.toml", "what: 'flown' is none of flew, left"),
        ('[[claim]]\nwhat = "left"', "c.toml", "where: 'left' needs a place"),
        ('[[claim]]\nwhat = "came_within"\nwhere = "Aruba"', "c.toml", "needs a distance, such as"),
        ('[[claim]]\nwhat = "flew"\nhow_near = "50"', "c.toml", "write a relation, a number and a unit"),
        ('[[claim]]\nwhat = "flew"\nwhen = "yesterday"', "c.toml", "write a day ('2025-10-23')"),
        ('[[claim]]\nwhat = "flew"\nhow_many = "lots"', "c.toml", "write 2, 'at least 2'"),
        ('[[claim]]\nwhat = "flew"\nwho = { role = "spy" }', "c.toml", "none of bomber"),
        ('[[claim]]\ntext = "BARB21 flew."\nnegated = true', "c.toml", "text says it all"),
        ('[[claim]]\ntext = "BARB21 sang."', "c.toml", "claim 1: 'BARB21 sang.': no form fits"),
        (
            '[[claim]]\nid = "a"\ntext = "A B-1 flew."\n[[claim]]\nid = "a"\ntext = "A B-1 flew."',
            "c.toml",
            "two claims",
        ),
        ('claims = "BARB21 flew."', "c.toml", "write [[claim]]"),
        ("[[claim]", "c.toml", "c.toml: "),
        ("{", "c.json", "c.json: "),
        ("# nothing", "c.txt", "holds no claims"),
    ],
)
def test_a_file_with_a_mistake_says_where_and_what_to_write(text: str, name: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        claims_of(text, name)
    assert told in str(error.value)
    assert str(error.value).startswith(name)


def test_claims_kept_are_the_claims_again() -> None:
    claims = story_claims()
    assert kept(kept_json(claims)) == claims
    assert len({c.topic for c in claims}) > 1


def test_a_place_or_airfield_that_nothing_knows_names_the_claim(world) -> None:
    with pytest.raises(InputError, match=r"claim-1: .*no place named 'Atlantis'"):
        resolved(claims_of("A B-1 flew over Atlantis.", "c.txt"), world)
    with pytest.raises(InputError, match=r"claim-1: .*ambiguous"):
        resolved(claims_of("A B-1 left Dyess.", "c.txt"), world)
    with pytest.raises(InputError, match="nobody is over a point"):
        resolved(claims_of("A B-1 flew over KDYS.", "c.txt"), world)


def test_every_sentence_and_file_in_the_documents_is_understood(world) -> None:
    text = (Path(__file__).parents[1] / "docs" / "claims.md").read_text("utf-8")
    sentences = [line for block in re.findall(r"^```text\n(.*?)^```", text, re.M | re.S) for line in block.splitlines()]
    assert len(sentences) >= len(FORMS) - 1
    assert {parse(s).what for s in sentences} == set(WHAT)
    for block in re.findall(r"^```toml\n(.*?)^```", text, re.M | re.S):
        first, second = claims_of(block, "claims.toml")
        assert (first.what, first.how_near) == (second.what, second.how_near)
    assert all(f"`{what}`" in text for what in WHAT)


# ---- verdicts -----------------------------------------------------------------------------------------------------


class Story:
    """The story's findings, and a verdict on a sentence; ``without`` hides reports."""

    def __init__(self, world, reports, hide=None):
        self.world = world
        self.tracks = api.tracks(reports if hide is None else reports.filter(~hide))
        self.known: dict[tuple[str, ...], tuple] = {}

    def verdict(self, sentence: str):
        (claim,) = resolved([replace(parse(sentence), id="claim-1")], self.world)
        near = places([claim])
        if near not in self.known:
            here = scene(Question(near=near), self.world)
            self.known[near] = find_all(self.tracks, here), here
        findings, here = self.known[near]
        return judge([claim], findings, self.tracks, here)[0]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The story as it is read from its bytes, with frames to name."""
    return api.read(str(write_story(tmp_path_factory.mktemp("story"))))


@pytest.fixture(scope="module")
def story(world, reports):
    return Story(world, reports)


@pytest.mark.parametrize(
    ("sentence", "ruling"),
    [
        # who: names, "the", any
        ("BARB21 and BARB22 left Dyess AFB.", "supported"),
        ("BARB21 and BOLT61 left Dyess AFB.", "partly"),
        ("BOLT61 and BOLT62 left Dyess AFB.", "contradicted"),
        ("BARB21 and BARB77 left Dyess AFB.", "partly"),
        ("BARB77 left Dyess AFB.", "not_observable"),
        ("The B-1s left Dyess AFB.", "supported"),
        ("The two B-1s left MacDill AFB.", "contradicted"),
        ("The three B-1s left Dyess AFB.", "partly"),
        ("B-1s left MacDill AFB.", "not_observable"),
        ("The B-52s BARB21 and BARB22 left Dyess AFB.", "partly"),
        # how many
        ("At least two B-1s left Dyess AFB.", "supported"),
        ("At least three B-1s left Dyess AFB.", "partly"),
        ("Exactly two B-1s left Dyess AFB.", "partly"),
        ("Exactly one B-1 left Dyess AFB.", "contradicted"),
        ("At most one B-1 left Dyess AFB.", "contradicted"),
        ("At most three B-1s left Dyess AFB.", "not_observable"),
        # how near: inside, apart, overlapping
        ("BARB21 came within 40 nautical miles of Los Testigos.", "supported"),
        ("BARB21 came within 29 nautical miles of Los Testigos.", "not_observable"),
        ("BARB21 came within 20 nautical miles of Los Testigos.", "contradicted"),
        ("BARB21 came about 29 nautical miles from Los Testigos.", "supported"),
        ("BARB21 came about 60 nautical miles from Los Testigos.", "contradicted"),
        ("BARB21 came about 15 nautical miles from Los Testigos.", "contradicted"),
        ("BARB21 stayed at least 12 nautical miles from Los Testigos.", "supported"),
        ("BARB21 stayed at least 40 nautical miles from Los Testigos.", "contradicted"),
        ("BARB21 flew over Venezuela.", "contradicted"),
        ("QQB402 flew over Barbados.", "supported"),
        # when
        ("BARB21 left Dyess AFB at 14:03Z on 23 October 2025.", "supported"),
        ("BARB21 left Dyess AFB at 18:00Z on 23 October 2025.", "contradicted"),
        ("BARB21 left Dyess AFB at 09:00Z on 23 October 2025.", "not_observable"),
        ("BARB21 landed at Dyess AFB on 24 October 2025.", "supported"),
        ("BARB21 came within 40 nautical miles of Los Testigos at 15:00Z on 23 October 2025.", "contradicted"),
        ("BARB21 came within 40 nautical miles of Los Testigos at 19:20Z on 23 October 2025.", "supported"),
        ("BARB21 came within 40 nautical miles of Los Testigos on 20 October 2025.", "not_observable"),
        # denials
        ("No B-1 flew near Venezuela on 23 October 2025.", "contradicted"),
        ("No B-2 flew near Venezuela on 23 October 2025.", "not_observable"),
        ("No B-1 flew near Venezuela on 16 October 2025.", "not_observable"),
        ("BARB21 did not fly over Venezuela.", "supported"),
        ("BARB21 did not leave Dyess AFB.", "contradicted"),
        # what they are
        ("BARB21 was a B-1.", "supported"),
        ("BARB21 was a B-52.", "contradicted"),
        ("BARB21 was a bomber.", "supported"),
        ("BARB21 was not military.", "contradicted"),
        # relations
        ("The KC-135s left MacDill AFB some 90 minutes after the B-1s left Dyess AFB.", "supported"),
        ("The KC-135s left MacDill AFB some 30 minutes after the B-1s left Dyess AFB.", "contradicted"),
        ("KC-135s left MacDill AFB some 30 minutes after B-1s left Dyess AFB.", "not_observable"),
        ("BARB21 and BARB22 flew together.", "supported"),
        ("BARB21 and BARB22 did not fly together.", "contradicted"),
        ("QQA101 flew in company with QQE512.", "contradicted"),
        ("BOLT61 refuelled BARB21.", "not_observable"),
        ("BOLT61 did not refuel BARB21.", "not_observable"),
        ("VEIL17 flew a racetrack near Aruba.", "supported"),
        ("VEIL17 orbited near Iceland.", "not_observable"),
        ("BARB21 orbited.", "not_observable"),
        # out of view at the end, or from the beginning
        ("BEACN41 landed at TJSJ.", "not_observable"),
        ("BEACN41 came within 100 nautical miles of mainland Venezuela.", "not_observable"),
        ("RAZOR51 left Barksdale AFB.", "not_observable"),
    ],
)  # fmt: skip
def test_a_claim_is_held_against_what_was_seen_and_could_be(story, sentence: str, ruling: str) -> None:
    verdict = story.verdict(sentence)
    assert verdict.ruling == ruling, verdict.because
    assert verdict.because.endswith(".")
    assert verdict.change
    if ruling in ("supported", "contradicted"):
        assert verdict.evidence, "a verdict that decides names its frames"
        assert verdict.findings
        assert 0.0 < verdict.confidence <= 1.0


def test_a_verdict_names_the_interval_and_what_would_change_it(story) -> None:
    verdict = story.verdict("BARB21 came within 29 nautical miles of Los Testigos.")
    (part,) = verdict.parts
    assert part.measure is not None
    assert part.measure.low < 29 * 1852.0 < part.measure.high
    assert "interval" in verdict.because
    assert "fix" in verdict.change


def test_a_country_is_also_read_as_its_mainland_and_miles_as_nautical_ones(story) -> None:
    verdict = story.verdict("BARB21 came within 50 miles of the coast of Venezuela.")
    assert verdict.ruling == "supported"
    assert {r.says: r.ruling for r in verdict.readings} == {
        "with nautical miles": "supported",
        "of the mainland of Venezuela alone": "contradicted",
    }


def test_positions_without_quality_decide_no_distance(world, reports) -> None:
    story = Story(world, reports)
    story.tracks = story.tracks.with_columns(
        pl.lit(None).cast(story.tracks[c].dtype).alias(c) for c in ("radius95_m", "radius_max_m", "radius_basis")
    )
    for miles in (10, 40, 400):
        verdict = story.verdict(f"BARB21 came within {miles} nautical miles of Los Testigos.")
        assert verdict.ruling == "not_observable"
        assert "how good" in verdict.because


def test_nothing_is_contradicted_where_coverage_is_missing(world, reports) -> None:
    """Two hours without receivers round the closest point: what may have been there stays open."""
    start, end = parse_utc("2025-10-23T18:20:00Z"), parse_utc("2025-10-23T20:20:00Z")
    story = Story(world, reports, pl.col("time_ns").is_between(start, end))
    for sentence in (
        "BARB21 came within 25 nautical miles of Los Testigos.",
        "BARB21 came within 20 nautical miles of Los Testigos at 19:20Z on 23 October 2025.",
        "BARB21 flew over Los Testigos.",
    ):
        assert story.verdict(sentence).ruling == "not_observable", sentence
    # what is beyond all reach stays impossible
    assert story.verdict("BARB21 came within 100 nautical miles of Iceland.").ruling == "contradicted"


def test_no_aircraft_at_all_supports_and_contradicts_nothing(world, reports) -> None:
    story = Story(world, reports, pl.lit(True))
    for sentence in ("BARB21 left KDYS.", "No B-1 flew near Aruba.", "The B-1s left KDYS.", "Exactly one B-1 flew."):
        assert story.verdict(sentence).ruling == "not_observable"


def test_sentences_from_the_truth_get_the_right_verdict(world) -> None:
    """All of ``bench/claims.py``: at least 95 of 100 right, none decided that nobody could have seen."""
    from claims import RIGHT, sentences, verdicts

    made = verdicts(sentences(world), world)
    assert len(made) >= 200
    wrong = [(case, ruling) for case, ruling, _ in made if RIGHT[case[2]] != ruling]
    assert len(wrong) <= 0.05 * len(made), wrong
    assert all(ruling == "not_observable" for _, ruling in wrong), wrong


# ---- files and commands -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checked(tmp_path_factory, world):
    root = tmp_path_factory.mktemp("claims")
    return api.check(
        story_claims(), write_story(root / "input"), root / "report", Question(near=("Los Testigos",)), world=world
    )


def test_the_denial_and_the_confirmation_stand_side_by_side(checked) -> None:
    rulings = {v.claim.id: v.ruling for v in checked.verdicts}
    assert (rulings["denial"], rulings["confirmation"]) == ("contradicted", "supported")
    assert rulings["refuelling"] == "not_observable"
    text = (checked.folder / "verdicts.md").read_text("utf-8")
    assert "Simulated" in text
    assert text.index("## Did B-1s fly") < text.index("No B-1 flew") < text.index("At least two B-1s flew")
    assert text.index("At least two B-1s flew") < text.index("## How near")


def test_verdicts_can_be_made_again_from_the_folder_and_changes_are_found(checked) -> None:
    assert api.verify(checked.folder) == []
    path = checked.folder / "verdicts.json"
    told = path.read_bytes()
    try:
        path.write_bytes(told.replace(b'"contradicted"', b'"supported"', 1))
        problems = "\n".join(api.verify(checked.folder))
        assert "verdicts.json" in problems
        assert "evidence gives" in problems
    finally:
        path.write_bytes(told)


def test_claimreview_has_what_is_required_and_no_number_for_what_is_not_observable(checked) -> None:
    told = json.loads((checked.folder / "claimreview.jsonld").read_bytes())
    assert told["@context"] == "https://schema.org"
    assert len(told["@graph"]) == len(checked.verdicts)
    for review, verdict in zip(told["@graph"], checked.verdicts, strict=True):
        assert review["@type"] == "ClaimReview"
        assert all(review[key] for key in ("claimReviewed", "url", "author"))
        assert review["itemReviewed"]["@type"] == "Claim"
        assert review["reviewRating"]["alternateName"]
        assert ("ratingValue" in review["reviewRating"]) is (verdict.ruling != "not_observable")


def test_provenance_leads_from_each_verdict_to_frames_of_the_evidence(checked) -> None:
    told = json.loads((checked.folder / "prov.jsonld").read_bytes())
    assert set(told["@context"]) >= {"prov", "wasDerivedFrom", "wasGeneratedBy"}
    nodes = {n["@id"]: n for n in told["@graph"]}
    assert len(nodes) == len(told["@graph"]), "each thing is told once"
    for node in told["@graph"]:
        links = [node.get(k, []) for k in ("wasDerivedFrom", "wasGeneratedBy", "wasAttributedTo", "used")]
        for link in (x for several in links for x in ([several] if isinstance(several, str) else several)):
            assert link in nodes, link
    finding = next(n for i, n in nodes.items() if i.startswith("findings.json#approach"))
    assert any(d.startswith("urn:testigos:frame:") for d in finding["wasDerivedFrom"])
    frames = pl.read_csv(checked.folder / "evidence" / "frames.csv", infer_schema=False)
    known = set(frames["segment"].str.slice(0, 16) + ":" + frames["offset"])
    cited = {i.removeprefix("urn:testigos:frame:") for i in nodes if i.startswith("urn:testigos:frame:")}
    assert cited
    assert cited <= known


def test_what_a_source_says_cannot_become_markup(world, tmp_path) -> None:
    (claim,) = claims_of('[[claim]]\ntext = "BARB21 flew."\nsource = "<b>*x*</b>\\n# y"', "c.toml")
    told = api.check([claim], write_story(tmp_path / "in"), tmp_path / "out", world=world)
    text = (told.folder / "verdicts.md").read_text("utf-8")
    assert "<b>" not in text.replace("\\<b\\>", "")
    assert "\n# y" not in text


def test_the_command_takes_a_sentence_or_a_file_and_prints_the_verdict(tmp_path, monkeypatch) -> None:
    from click.testing import CliRunner

    tree = write_story(tmp_path / "in")
    run = CliRunner().invoke(
        main, ["check", "BARB21 was a B-52.", "--against", str(tree), "--out", str(tmp_path / "out")]
    )
    assert run.exit_code == 0, run.output
    assert "CONTRADICTED: “BARB21 was a B-52”" in run.output
    assert (tmp_path / "out" / "verdicts.json").exists()
    run = CliRunner().invoke(main, ["check", "BARB21 sang.", "--against", str(tree), "--out", str(tmp_path / "no")])
    assert run.exit_code == 1
    assert "WHO left PLACE" in run.output
    assert not (tmp_path / "no").exists()
    run = CliRunner().invoke(main, ["check", str(tmp_path / "none.toml"), "--against", str(tree)])
    assert run.exit_code == 1
    assert "give a file of claims, or a sentence" in run.output


def test_a_claim_file_and_a_path_are_read_alike(tmp_path) -> None:
    path = tmp_path / "my claims.toml"
    path.write_text('[[claim]]\ntext = "BARB21 flew."\n', "utf-8")
    assert read_claims(path) == read_claims(str(path))


# ---- real data ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "radius", "ruling"),
    [
        ("reg:82-0193 and reg:86-0033 flew together on 10 December 2023.", None, "supported"),
        ("reg:82-0193 did not fly in company with reg:86-0033.", None, "contradicted"),
        ("reg:82-0193 and reg:86-0033 flew together on 9 December 2023.", None, "not_observable"),
        ("reg:82-0193 flew a racetrack on 10 December 2023.", None, "supported"),
        ("reg:82-0193 landed at KLAX.", None, "not_observable"),
        ("reg:82-0193 left Travis AFB on 10 December 2023.", None, "supported"),
        ("reg:82-0193 left Dyess AFB on 10 December 2023.", None, "contradicted"),
        ("reg:82-0193 came within 60 nautical miles of KLAX.", None, "not_observable"),
        ("reg:82-0193 came within 60 nautical miles of KLAX.", 1000.0, "supported"),
        ("reg:86-0033 came within 20 nautical miles of KLAS between 18:00Z and 19:00Z on 10 December 2023.", 1000.0,
         "contradicted"),
    ],
)  # fmt: skip
def test_statements_on_two_real_tankers(shared, world, sentence: str, radius: float | None, ruling: str) -> None:
    files = [str(p) for p in sorted((shared / "kml").glob("8*-press_alt_uncorrected.kml"))]
    assert len(files) == 2
    (claim,) = resolved([replace(parse(sentence), id="claim-1")], world)
    here = scene(Question(near=places([claim]), assume_radius_m=radius), world)
    tracks = api.tracks(api.read(files), assume_radius_m=radius)
    (verdict,) = judge([claim], find_all(tracks, here), tracks, here)
    assert verdict.ruling == ruling, verdict.because
