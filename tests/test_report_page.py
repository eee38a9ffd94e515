"""The page, its twins for other programs, and the figures: hostile input, links, determinism."""

import json
import re
from dataclasses import replace
from itertools import pairwise

import jsonschema
import numpy as np
import polars as pl
import pytest
from lxml import etree

from report_story import E11, story, tracks
from testigos import schema
from testigos.model import Question
from testigos.report import exchange, figures, page
from testigos.report.content import Content
from testigos.report.land import land
from testigos.report.published import findings_json, json_schema
from testigos.report.view import fit
from testigos.units import LENGTH_UNITS

HOSTILE = '<script>alert("x")</script>`|*_[a](javascript:1)'


@pytest.fixture(scope="module")
def content() -> Content:
    question = Question(near=("Venezuela", "Los Testigos"), military=True, within_m=370_400.0)
    frame = story()[10].evidence[0]
    return Content(
        story(), tracks(), question, LENGTH_UNITS["nmi"], True, "0", frames={frame: b"[1,2,<b>3</b>]"},
        documents=[{"name": HOSTILE, "link": "readsb_trace", "sha256": "0" * 64}], account=[("problem", HOSTILE)],
    )  # fmt: skip


@pytest.fixture(scope="module")
def hostile(content) -> Content:
    bad = [
        replace(f, details={**f.details, "callsigns": [HOSTILE], "type_name": HOSTILE}, reasons=(HOSTILE,))
        if f.kind == "identity" else f
        for f in story()
    ]  # fmt: skip
    bad = [replace(f, place={**f.place, "name": HOSTILE, "island": HOSTILE}) if f.place else f for f in bad]
    bad = [
        replace(f, departure={**f.departure, "name": HOSTILE}, caveats=(HOSTILE + " is unknown",)) if f.departure else f
        for f in bad
    ]
    return replace(content, findings=bad, question=replace(content.question, near=(HOSTILE,)))


def test_the_page_carries_nothing_from_outside_and_no_script(content):
    text = page.html(content).decode()
    assert "<script" not in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)
    assert "@import" not in text
    assert "url(http" not in text


def test_markup_in_the_input_reaches_the_page_only_escaped(hostile):
    text = page.html(hostile).decode()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "javascript:1)" in text
    assert not re.search(r'href="[^#"]', text)


def test_every_link_of_the_page_leads_somewhere_in_it(content):
    text = page.html(content).decode()
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)


def test_the_page_begins_with_the_paragraph_and_says_simulated(content):
    text = page.html(content).decode()
    assert 'class="banner"' in text
    assert text.index("SIMULATED: At least two B-1B Lancers") < text.index("How near")
    real = page.html(replace(content, simulated=False)).decode()
    assert "imulated" not in real


def test_raw_bytes_of_the_deciding_fixes_are_shown_escaped(content):
    assert "[1,2,&lt;b&gt;3&lt;/b&gt;]" in page.html(content).decode()


def test_markup_in_the_input_is_escaped_in_markdown(hostile):
    text = page.markdown(hostile).decode()
    assert "<script" not in text.replace("\\<script", "")
    assert "\n| " in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", r)) for r in rows} == {4, 8, 9}


def test_findings_follow_the_published_schema(content):
    items = json.loads(findings_json(content.findings, content.unit))
    jsonschema.Draft202012Validator.check_schema(json_schema())
    jsonschema.validate(items, json_schema())
    assert len(items) == len(content.findings)


@pytest.mark.parametrize(
    ("index", "changes"),
    [
        (0, {"evidence": ["frame 7"]}),
        (0, {"start": "yesterday"}),
        (0, {"confidence": 2}),
        (0, {"departure": {"status": "lost"}}),
        (5, {"departure": {"status": "landed"}}),
        (10, {"measures": {"distance": {"value": "near"}}}),
    ],
)
def test_the_schema_refuses_what_is_no_finding(content, index, changes):
    items = json.loads(findings_json(content.findings, content.unit))
    items[index] |= changes
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(items, json_schema())


def test_geojson_splits_tracks_at_gaps_and_says_simulated(content):
    made = json.loads(exchange.geojson(content))
    assert made["simulated"] is True
    bombers = [
        f for f in made["features"] if f["properties"].get("name") == "BARB21" and f["properties"]["kind"] == "track"
    ]
    assert len(bombers) == 1
    lines = bombers[0]["geometry"]["coordinates"]
    assert len(lines) == 2
    assert [len(line) for line in lines] == [len(t) for t in bombers[0]["properties"]["times"]]
    approaches = [f for f in made["features"] if f["properties"]["kind"] == "approach"]
    assert len(approaches) == 5


def test_no_line_of_the_geojson_crosses_the_antimeridian(content):
    n = 20
    lon = np.linspace(179.0, 181.0, n)
    across = schema.conform(
        pl.DataFrame(
            {
                "object_id": [E11] * n, "time_ns": np.arange(n) * 10**10, "status": ["ok"] * n,
                "lat_deg": [0.0] * n, "lon_deg": (lon + 180.0) % 360.0 - 180.0, "leg": [0] * n,
            },
            strict=False,
        ),
        schema.TRACKS,
    )  # fmt: skip
    made = json.loads(exchange.geojson(replace(content, tracks=across, findings=[])))
    lines = made["features"][0]["geometry"]["coordinates"]
    assert len(lines) == 2
    assert all(abs(a[0] - b[0]) < 1 for line in lines for a, b in pairwise(line))


def test_kml_is_well_formed_whatever_the_names(hostile):
    root = etree.fromstring(exchange.kml(hostile))
    names = [n.text for n in root.iter("{http://www.opengis.net/kml/2.2}name")]
    assert any("<script>" in n for n in names)
    whens = list(root.iter("{http://www.opengis.net/kml/2.2}when"))
    coords = list(root.iter("{http://www.google.com/kml/ext/2.2}coord"))
    assert len(whens) == len(coords) == len(tracks())


def test_parquet_keeps_every_row_and_column(content, tmp_path):
    refused = content.tracks.with_columns(
        pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("unreachable")).otherwise(pl.col("status")).alias("status")
    )
    (tmp_path / "t.parquet").write_bytes(
        exchange.parquet(replace(content, tracks=schema.conform(refused, schema.TRACKS)))
    )
    back = pl.read_parquet(tmp_path / "t.parquet")
    assert back.equals(schema.conform(refused, schema.TRACKS), null_equal=True)


def test_the_same_content_gives_the_same_bytes(content):
    for make in (page.html, page.markdown, exchange.geojson, exchange.kml, exchange.parquet):
        assert make(content) == make(replace(content))


def test_a_report_without_findings_says_that_nothing_is_proven(content):
    text = page.html(replace(content, findings=[], tracks=tracks()[:0], simulated=False)).decode()
    assert "that is not proof that nothing was there" in text


def test_fixes_without_altitude_or_quality_make_a_page_too(content):
    bare = tracks().with_columns(
        pl.lit(None, pl.Float32).alias("alt_baro_ft"), pl.lit(None, pl.Float32).alias("radius95_m")
    )
    text = page.html(replace(content, tracks=bare)).decode()
    assert "nan" not in re.sub(r"[a-z]{4,}", "", text.lower())


def test_a_view_over_the_antimeridian_is_narrow():
    view = fit([10.0, 12.0], [179.0, -179.0], width=760)
    assert view.east - view.west < 10
    x, _ = view.project([10.0, 12.0], [179.0, -179.0])
    assert 0 < x[0] < x[1] < 760


@pytest.mark.parametrize("lat", [89.9, -89.9])
def test_a_view_at_a_pole_is_finite(lat):
    view = fit([lat, lat], [0.0, 120.0], width=760)
    assert np.isfinite([view.width, view.height, view.scale]).all()
    assert -90 <= view.south < view.north <= 90


class _Square:
    """A coast of one square from 0 to 10 degrees."""

    vertices = np.array([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]], np.float32)
    polygons = pl.DataFrame(
        {
            "first": [0], "count": [5], "west": [0.0], "east": [10.0], "south": [0.0], "north": [10.0],
            "shift_lat_deg": [0.0], "shift_lon_deg": [0.0],
        }
    )  # fmt: skip


def test_land_is_cut_to_the_view():
    view = fit([4.0, 5.0], [-1.0, 1.0], width=400)
    cut = land(_Square(), view, 0)
    margin = 0.1 * (view.east - view.west)
    assert len(cut) >= 4
    assert cut["lon_deg"].min() == 0.0
    assert view.east <= cut["lon_deg"].max() <= view.east + margin
    assert land(_Square(), fit([40.0, 41.0], [40.0, 41.0], width=400), 0).is_empty()


def test_maps_and_charts_are_well_formed(content):
    drawn = figures.figures(content)
    assert [f.id for f in drawn][:2] == ["map-near", "map-far"]
    for figure in drawn:
        etree.fromstring(f"<div>{figure.svg}</div>")
