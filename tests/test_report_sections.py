"""What the page shows beyond the paragraph: sureness, verdicts, findings of any kind, timeline, separation, orbits."""

import json
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from lxml import etree

from report_story import B1A, B1B, K1, K2, at, frame, story, tracks
from testigos import schema
from testigos.model import Finding, Interval, Method, Question, iso_utc
from testigos.report import exchange, figures, page
from testigos.report.bundle import with_verdicts
from testigos.report.charts import Line, chart
from testigos.report.content import Content
from testigos.report.sections import measured, percent
from testigos.report.stretches import Apart, apart, steady
from testigos.report.timeline import _panels
from testigos.units import LENGTH_UNITS, S_NS

NMI = LENGTH_UNITS["nmi"]
KML = "{http://www.opengis.net/kml/2.2}"


def company() -> Finding:
    pair = {
        "subjects": [B1A, B1B],
        "separation_min": {"value": 900.0, "low": 0.0, "high": 4_000.0, "level": 0.95, "unit": "m"},
        "closest_at": iso_utc(at("17:30")),
        "spans": [{"start": iso_utc(at("17:00")), "end": iso_utc(at("17:48")), "seconds": 2_880.0}],
    }
    return Finding(
        "formation", (B1A, B1B), at("17:00"), at("19:00"), 0.9, Method("formation", "1"),
        {"separation": Interval(18_000.0, "m", 15_000.0, 21_000.0, 0.95)},
        details={"pairs": [pair], "within_m": 9_260.0, "sources": ["mlat"], "members": [], "at_least": 2},
        evidence=(frame(5),),
    )  # fmt: skip


def orbit() -> Finding:
    return Finding(
        "no_such_orbit", (K1,), at("17:00"), at("17:40"), 0.7, Method("x", "1"),
        {"laps": Interval(4.0, "1", 4.0), "period": Interval(1_400.0, "s", 1_300.0, 1_500.0, 0.95)},
        details={"pattern": "racetrack", "centre": {"lat_deg": 16.0, "lon_deg": -66.5}}, reasons=("it turned",),
        caveats=("laps are at least",), evidence=("0123456789abcdef:200600",), sentence="PYRO21 stayed.",
    )  # fmt: skip


def unheard_of() -> Finding:
    return Finding(
        "weather_balloon", (), at("17:00"), at("17:10"), 0.998, Method("y", "1"), evidence=("0123456789abcdef:400200",),
        sentence="A balloon <b>was</b> there.", caveats=("what it was is not observable",),
    )  # fmt: skip


VERDICTS = [
    {
        "claim": {"text": "No B-1 <i>flew</i>", "source": who, "date": "2025-10-23", "topic": "Did they?", "notes": []},
        "verdict": ruling, "because": "BARB21 was near.", "confidence": 0.8, "change": "proof of the contrary",
        "readings": [{"says": "of the mainland alone", "verdict": "not_observable"}],
        "parts": [
            {
                "subject": B1A,
                "measure": {"value": 38_680.0, "low": 33_000.0, "high": 41_000.0, "level": 0.95, "unit": "m"},
            }
        ],
        "findings": ["approach-1"], "evidence": ["0123456789abcdef:2000"], "caveats": ["the coast is known to 500 m"],
    }
    for ruling, who in (("contradicted", "one"), ("supported", "another"), ("not_observable", "a third"))
]  # fmt: skip


@pytest.fixture(scope="module")
def content() -> Content:
    return Content(
        [*story(), company(), orbit(), unheard_of()], tracks(), Question(near=("Venezuela",)), NMI, True, "0",
        verdicts=VERDICTS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def html(content) -> str:
    return page.html(content).decode()


def test_every_sentence_of_the_paragraph_shows_its_confidence_and_leads_to_its_evidence(content, html):
    lead = re.search(r'<p class="lead">(.*?)</p>', html, re.DOTALL)[1]
    sentences = re.findall(r'<tr id="(sentence-\d+)">(.*?)</tr>', html, re.DOTALL)
    assert len(sentences) >= 8
    for name, row in sentences:
        if "#" not in row:  # counts only what stands in no finding
            assert "–" in row
            continue
        assert re.search(rf'<a class="sure" href="#{name}"[^>]*>\d+ %</a>', lead), row
        assert re.search(r"<td[^>]*>\d+ %</td>", row)
        assert re.search(r"[0-9a-f]{16}:\d+", row)


def test_the_confidence_of_a_sentence_is_the_least_of_its_findings(content):
    doubted = [replace(f, confidence=0.31) if f.kind == "sortie" and B1A in f.subjects else f for f in content.findings]
    text = page.markdown(replace(content, findings=doubted)).decode()
    (row,) = (line for line in text.splitlines() if line.startswith("| At least two B-1B Lancers"))
    assert "| 31 % |" in row


def test_confidence_is_never_rounded_up_to_certainty():
    assert [percent(c) for c in (0.999, 0.995, 1.0, 0.5)] == ["99 %", "99 %", "100 %", "50 %"]


def test_verdicts_of_one_topic_stand_side_by_side_with_what_decides_them(html):
    section = html[html.index('id="verdicts"') : html.index('id="distances"')]
    assert section.count("<h3>") == 1
    assert section.count('<div class="verdicts">') == 1
    assert re.findall(r'<p class="ruling">(.*?)</p>', section) == ["contradicted", "supported", "not observable"]
    assert "20.9 nautical miles (95 %: 17.8 to 22.2)" in section
    assert "What would change it:</strong> proof of the contrary." in section
    assert "Read of the mainland alone: <strong>not observable</strong>" in section
    assert "&lt;i&gt;flew" in section
    assert "<i>flew" not in html
    assert section.count("Confidence 80 %") == 2  # what is not observable has none


def test_the_fixes_that_decide_a_verdict_are_in_the_table_of_fixes(content):
    (offset,) = tracks().filter(pl.col("object_id") == B1A)["offset"][10:11]
    deciding = f"0123456789abcdef:{offset}"
    told = replace(content, verdicts=[{**VERDICTS[0], "evidence": [deciding]}])
    text = page.html(told).decode()
    row = re.search(rf'<tr id="fix-0123456789abcdef-{offset}">.*?</tr>', text, re.DOTALL)[0]
    assert 'href="#verdict-1"' in row


def test_a_page_without_claims_has_no_word_of_verdicts(content):
    bare = replace(content, verdicts=())
    assert "What was said" not in page.html(bare).decode()
    assert "What was said" not in page.markdown(bare).decode()


def test_verdicts_come_from_the_file_beside_the_report(content, tmp_path):
    assert with_verdicts(content, {}, tmp_path) is content


def test_a_kind_that_nothing_knows_has_its_section_with_everything(html):
    section = html[html.index('id="kind-weather_balloon"') : html.index('id="fixes"')]
    assert "Weather balloon" in section
    assert "confidence 99 %" in section
    assert "A balloon &lt;b&gt;was&lt;/b&gt; there." in section
    assert "what it was is not observable" in section
    assert 'id="weather_balloon-1"' in section


def test_what_was_not_observable_names_everybody_it_is_about(content):
    unseen = replace(company(), caveats=("in silences it is not observable whether they were together",))
    text = page.markdown(replace(content, findings=[*story(), unseen, unheard_of()])).decode()
    assert "- BARB21 and BARB22: in silences it is not observable" in text
    assert "- what it was is not observable" in text


def test_every_finding_has_exactly_one_article(content, html):
    ids = re.findall(r'<article id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) == len(content.findings)


def test_every_link_of_the_page_with_all_sections_leads_somewhere_in_it(html):
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)


@pytest.mark.parametrize(
    ("measure", "text"),
    [
        (Interval(None, "m"), "not observable"),
        (Interval(None, "m", 1852.0), "at least 1.0 nautical miles"),
        (Interval(18_520.0, "m", 9_260.0, 27_780.0, 0.95), "10 nautical miles (95 %: 5 to 15)"),
        (Interval(500.0, "ft", 270.0, 730.0, 0.95), "500 feet (95 %: 270 feet to 730 feet)"),
        (Interval(None, "s", 2_955.0, 2_980.0), "49 minutes to 50 minutes"),
        (Interval(8.0, "1", 8.0), "at least 8"),
        (Interval(None, "1"), None),
    ],
)
def test_a_measure_says_its_interval_whatever_its_unit(measure, text):
    assert measured("any", measure, NMI) == text


def test_the_timeline_has_a_linked_bar_for_each_finding_with_an_extent(content):
    drawn = {f.id: f for f in figures.figures(content)}
    svg = drawn["timeline"].svg
    etree.fromstring(svg)
    assert svg.count('href="#formation-1"') == 2  # a row for each of the two
    assert "racetrack" in svg
    assert 'href="#no_such_orbit-1"' in svg
    assert "identity-1" not in svg


def test_days_without_anything_are_left_out_of_the_timeline():
    day = 86_400 * S_NS
    assert _panels([(0, day // 4), (7 * day, 8 * day), (day // 4, day // 3)]) == [(0, day // 3), (7 * day, 8 * day)]


def test_company_is_charted_with_its_limit_and_a_band(content):
    figure = next(f for f in figures.figures(content) if f.id == "separation-formation-1")
    etree.fromstring(f"<div>{figure.svg}</div>")
    assert "company: within 5.0 nautical miles" in figure.svg or "company: within 5 nautical miles" in figure.svg
    assert 'class="band"' in figure.svg
    assert 'href="#formation-1"' in figure.svg


def test_an_orbit_is_marked_and_named_on_the_map(content):
    drawn = [f.svg for f in figures.figures(content) if f.id.startswith("map-")]
    assert all('class="stay' in svg for svg in drawn)
    assert any(">racetrack</text>" in svg for svg in drawn)


def two_tracks(gap: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    made = []
    for shift in (0.0, 1.0):
        t = np.arange(0, 1_800, 10)
        if gap and shift:
            t = t[(t < 600) | (t > 1_200)]
        made.append(
            schema.conform(
                pl.DataFrame(
                    {
                        "object_id": [B1A] * len(t), "time_ns": t * S_NS, "lat_deg": np.full(len(t), shift / 60),
                        "lon_deg": (t / 3_600 + 179.8 + 180) % 360 - 180, "radius95_m": np.full(len(t), 30.0),
                    },
                    strict=False,
                ),
                schema.TRACKS,
            )
        )  # fmt: skip
    return made[0], made[1]


def test_separation_is_measured_between_fixes_and_over_the_antimeridian():
    first, second = two_tracks(gap=False)
    later = second.with_columns(pl.col("time_ns") + 5 * S_NS, (pl.col("lon_deg") + 5 / 3_600).alias("lon_deg"))
    one = apart(first, later)
    assert len(one.time_ns) == len(first) - 1
    assert np.allclose(one.metres, 1_843.0, atol=1.0)
    assert np.allclose(one.error_m, np.hypot(30.0, 30.0))


def test_no_separation_is_drawn_where_one_of_two_was_out_of_view():
    one = apart(*two_tracks(gap=True))
    seconds = one.time_ns // S_NS
    assert not np.any((seconds > 600) & (seconds < 1_200))
    assert len(apart(two_tracks(gap=True)[0], tracks()[:0]).time_ns) == 0


def test_a_single_position_that_is_off_does_not_bend_the_curve_of_separation():
    metres = np.full(40, 4_000.0)
    metres[20] = 30_000.0
    one = Apart(np.arange(40) * 10 * S_NS, metres, np.full(40, 1.0))
    assert steady(one).max() == 4_000.0
    split = Apart(np.append(np.arange(20), np.arange(20) + 5_000) * 10 * S_NS, np.repeat([1.0, 2.0], 20), metres)
    assert steady(split).tolist() == np.repeat([1.0, 2.0], 20).tolist()


def test_names_at_the_end_of_curves_stay_inside_the_chart():
    times = np.arange(10) * S_NS
    lines = [Line(f"L{i}", "#000", times, np.zeros(10)) for i in range(5)]
    svg = chart(lines, axis="x", start_ns=0, stop_ns=10 * S_NS, top=1.0, title="t", height=200.0)
    heights = sorted(float(y) for y in re.findall(r'class="legend" x="[^"]+" y="([^"]+)"', svg))
    assert heights[-1] <= 200.0 - 26.0
    assert all(b - a >= 14.9 for a, b in pairwise(heights))


def test_geojson_has_orbits_as_lines_company_as_its_closest_points_and_others_as_fixes(content):
    made = {f["properties"]["kind"]: f for f in json.loads(exchange.geojson(content))["features"]}
    circled = made["no_such_orbit"]
    assert circled["geometry"]["type"] == "MultiLineString"
    assert sum(len(line) for line in circled["geometry"]["coordinates"]) == 41
    assert circled["properties"]["sentence"] == "PYRO21 stayed."
    assert circled["properties"]["confidence"] == 0.7
    together = made["formation"]["geometry"]["coordinates"]
    assert [len(line) for line in together] == [2]
    assert made["formation"]["properties"]["objects"] == [B1A, B1B]
    assert made["weather_balloon"]["geometry"]["type"] == "MultiPoint"
    assert "identity" not in made


def test_kml_has_a_folder_for_each_other_kind_with_its_time_and_shape(content):
    root = etree.fromstring(exchange.kml(content))
    folders = {f.find(f"{KML}name").text: f for f in root.iter(f"{KML}Folder")}
    circled = folders["Findings: no_such_orbit"]
    assert circled.find(f".//{KML}begin").text == "2025-10-23T17:00:00.000Z"
    assert circled.find(f".//{KML}LineString") is not None
    assert "Confidence 0.70" in circled.find(f".//{KML}description").text
    assert folders["Findings: weather_balloon"].find(f".//{KML}Point") is not None


def test_a_finding_whose_fixes_are_nowhere_has_no_shape(content):
    lost = replace(orbit(), details={}, evidence=("0123456789abcdef:1",), subjects=(K2,))
    kinds = {
        f["properties"]["kind"] for f in json.loads(exchange.geojson(replace(content, findings=[lost])))["features"]
    }
    assert kinds == {"track"}
