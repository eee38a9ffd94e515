"""What every link obeys, whichever there are: a new file in ``testigos/links`` is tested by being there.

Vectors are in ``tests/vectors/<link>/*.json``::

    {"description": ..., "source": the public document or arithmetic that the expected values come from,
     "link": ..., "input": {"text": ...} or {"hex": ...},
     "expected": [{column: value, ...} for each row], "tolerance": {column: absolute difference}}
"""

import itertools
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import said
from feeding import feed
from said import STEPS
from testigos import registry
from testigos.modes.encode_rows import squitters
from testigos.registry import Frames
from testigos.schema import ALL, conform

VECTORS = Path(__file__).parent / "vectors"
LINKS = registry.link_names()
FILES = sorted(VECTORS.glob("*/*.json"))
LAWS = settings(deadline=None, derandomize=True, max_examples=40)


def load(path: Path) -> tuple[registry.Link, dict, bytes]:
    vector = json.loads(path.read_text("utf-8"))
    data = vector["input"]
    raw = data["text"].encode() if "text" in data else bytes.fromhex(data["hex"])
    return registry.link(vector["link"]), vector, raw


def inputs(name: str) -> list[bytes]:
    return [load(path)[2] for path in FILES if path.parent.name == name]


@pytest.mark.parametrize("name", LINKS)
def test_a_link_has_a_vector_that_is_recognised_as_its_own(name):
    own = inputs(name)
    assert own, f"no vector in {VECTORS / name}"
    assert any(registry.recognise(raw[: 1 << 16]) is registry.link(name) for raw in own)


@pytest.mark.parametrize("name", LINKS)
def test_a_link_says_what_it_is(name):
    link = registry.link(name)
    assert [name] == [link.NAME]
    assert link.SPEC
    assert {"object_id", "time_ns", "status", "source", "offset", "length"} <= set(link.GIVES)


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("raw", [b"", b"\n", b" "], ids=["nothing", "line feed", "blank"])
def test_nothing_makes_no_rows(name, raw):
    table, _ = feed(registry.link(name), [raw])
    assert len(table.filter(pl.col("status") != "malformed")) == 0
    assert raw or len(table) == 0


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_vector_decodes_as_its_source_says(path):
    link, vector, raw = load(path)
    assert vector["source"]
    assert path.parent.name == vector["link"]
    table, _ = feed(link, [raw])
    assert len(table) == len(vector["expected"])
    tolerance = vector.get("tolerance", {})
    for number, (row, expected) in enumerate(zip(table.rows(named=True), vector["expected"], strict=True)):
        assert expected
        for column, value in expected.items():
            near = tolerance.get(column)
            if isinstance(value, float) and near is None:
                near = abs(value) * 1e-6
            wanted = value if near is None or value is None else pytest.approx(value, abs=near)
            assert row[column] == wanted, f"row {number}, {column}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_any_cut_of_the_bytes_gives_the_same_reports(path):
    link, _, raw = load(path)
    whole, spans = feed(link, [raw])
    # Decoding again costs milliseconds: in long inputs only beside the bounds of frames, and here and there.
    bounds = {at + d for start, stop, _ in spans for at in (start, stop) for d in (-1, 0, 1)}
    for cut in range(1, len(raw)):
        first, rest = link.split(raw[:cut])
        then, none = link.split(rest + raw[cut:], True)
        base = cut - len(rest)
        found = [*zip(first.start, first.stop, first.context, strict=True)]
        found += [(a + base, b + base, c) for a, b, c in zip(then.start, then.stop, then.context, strict=True)]
        assert found == spans, f"cut at {cut}"
        assert not none
        if len(raw) <= 300 or cut in bounds or cut % 29 == 0:
            table, _ = feed(link, [raw[:cut], raw[cut:]])
            assert_frame_equal(table, whole)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_bytes_that_come_in_drops_give_the_same_reports(path):
    link, _, raw = load(path)
    step = 1 if len(raw) <= 600 else 5
    whole, spans = feed(link, [raw])
    table, cut_spans = feed(link, [raw[i : i + step] for i in range(0, len(raw), step)])
    assert cut_spans == spans
    assert_frame_equal(table, whole)


@pytest.mark.parametrize("name", LINKS)
@LAWS
@given(data=st.data())
def test_many_cuts_of_many_documents_give_the_same_reports(name, data):
    chosen = data.draw(st.lists(st.sampled_from(inputs(name)), min_size=1, max_size=3))
    raw = b"".join(chosen)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    link = registry.link(name)
    whole, spans = feed(link, [raw])
    table, cut_spans = feed(link, pieces)
    assert cut_spans == spans
    assert_frame_equal(table, whole)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_the_frames_of_one_object_and_the_context_are_evidence_enough(path):
    link, _, raw = load(path)
    found, _ = link.split(raw, True)
    whole = conform(link.decode(found, None)[0], ALL)
    for name in whole["object_id"].drop_nulls().unique().sort():
        own = whole.filter(pl.col("object_id") == name)
        keep = found.context | np.isin(found.start, own["offset"].to_numpy())
        if hasattr(link, "anchors"):
            keep |= link.anchors(found, None)
        kept = Frames(raw, found.start[keep], found.stop[keep], found.context[keep])
        again = conform(link.decode(kept, None)[0], ALL).filter(pl.col("object_id") == name)
        assert_frame_equal(again, own)


ANGLES = ("lon_deg", "track_deg", "heading_deg")
#: Mode S takes several messages to say a row. What they say together is held to laws in test_modes_encode_rows.
SEVERAL = {"beast": 500_000, "frames_csv": 0}
PIECES = [name for name in LINKS if hasattr(registry.link(name), "pieces")]
SPEAKERS = [name for name in LINKS if hasattr(registry.link(name), "encode") and name not in SEVERAL]


@st.composite
def one_track(draw):
    """Rows of one aircraft that an encoder can say in full: quality only where the source has any."""
    count = draw(st.integers(1, 12))
    maybe = lambda values: st.one_of(st.none(), values)  # noqa: E731
    number = lambda low, high: maybe(st.floats(low, high, width=32))  # noqa: E731
    flight = draw(maybe(st.from_regex(r"[A-Z0-9]{3,8}", fullmatch=True)))
    squawk = draw(maybe(st.from_regex(r"[0-7]{4}", fullmatch=True)))
    time_ns = 1_761_242_592_500_000_000
    rows = []
    for _ in range(count):
        time_ns += draw(st.integers(0, 400)) * 1_000_000_000 + draw(st.integers(0, 999)) * 1_000_000
        source = draw(st.sampled_from(["adsb", "mlat", "adsr", "tisb", "adsc", "mode_s", "other", "unknown"]))
        ground = source in ("adsb", "adsr", "tisb") and draw(st.booleans())
        positioned = draw(st.booleans())
        altitude = draw(number(-1000, 60_000))
        geometric = draw(number(-1000, 60_000))
        vouched = source in ("adsb", "adsr", "tisb")
        nic = draw(maybe(st.integers(0, 11))) if vouched else None
        low = source in ("adsb", "adsr", "tisb")
        stated = altitude if not ground else None
        airborne = False if low and (stated is not None or (not ground and geometric is not None)) else None
        rows.append(
            {
                "object_id": "icao:ae503d",
                "time_ns": time_ns,
                "status": "ok" if positioned else "no_position",
                "source": source,
                "lat_deg": draw(st.floats(-90, 90)) if positioned else None,
                "lon_deg": draw(st.floats(-180, 180)) if positioned else None,
                "alt_baro_ft": stated,
                "alt_geom_ft": geometric,
                "on_ground": True if ground else airborne,
                "gs_kt": draw(number(0, 700)),
                "track_deg": None if ground else draw(number(0, 359)),
                "heading_deg": draw(number(0, 359)) if ground else None,
                "vrate_fpm": draw(number(-6000, 6000)),
                "vrate_geom_fpm": draw(number(-6000, 6000)),
                "ias_kt": draw(number(0, 600)),
                "tas_kt": draw(number(0, 700)),
                "roll_deg": draw(number(-60, 60)),
                "callsign": flight,
                "squawk": squawk,
                "category": "A5",
                "emergency": draw(st.sampled_from([None, "general", "nordo"])),
                "registration": "86-0033",
                "type_code": "B1",
                "military": True,
                "nic": nic,
                "rc_m": draw(number(1, 20_000)) if vouched and nic != 0 else None,
                "nac_p": draw(maybe(st.integers(0, 11))) if vouched else None,
                "nac_v": draw(maybe(st.integers(0, 4))) if vouched else None,
                "sil": draw(maybe(st.integers(0, 3))) if vouched else None,
                "adsb_version": draw(maybe(st.integers(0, 2))) if vouched else None,
                "new_leg": draw(st.integers(0, 9)) == 0,
            }
        )
    for before, row in itertools.pairwise(rows):
        # what moves does not say one position twice: readsb_trace calls that stale
        if all(before[k] is not None and round(before[k], 6) == round(row[k] or 0, 6) for k in ("lat_deg", "lon_deg")):
            row["gs_kt"] = 0.0
    return conform(pl.DataFrame(rows, infer_schema_length=None))


@pytest.mark.parametrize("name", SPEAKERS)
@settings(LAWS, max_examples=150)
@given(data=st.data())
def test_what_a_link_writes_it_reads_back_to_half_a_step(name, data):
    link = registry.link(name)
    track = data.draw(said.track(name, one_track()))
    read = said.gathered(name, feed(link, [link.encode(track)])[0])
    assert len(read) == len(track)
    track = said.said(name, track)
    for column in link.GIVES:
        if column in ("offset", "length", "transmission") or column not in track.columns:
            continue
        was, now = track[column], read[column]
        step = STEPS[name].get(column)
        if step is None:
            assert now.to_list() == was.to_list(), column
        else:
            assert now.is_null().to_list() == was.is_null().to_list(), column
            exact = pl.Int64 if now.dtype.is_integer() else pl.Float64
            apart = (now.cast(exact) - was.cast(exact)).abs()
            if column in ANGLES:
                apart = pl.select(pl.min_horizontal(apart, (360.0 - apart).abs())).to_series()
            assert len(apart.drop_nulls()) == 0 or apart.max() <= step, column


@pytest.mark.parametrize("name", SEVERAL)
@settings(LAWS, max_examples=60)
@given(track=one_track())
def test_what_a_link_of_mode_s_writes_are_the_messages_of_the_rows_at_their_times(name, track):
    link, expected = registry.link(name), squitters(track)
    data = link.encode(track)
    read, _ = feed(link, [data])
    assert len(read) == len(expected)
    assert read["transmission"].is_not_null().all()
    assert not set(read["status"].unique()) & {"malformed", "parity_failed", "no_time"}
    late = read["time_ns"].to_numpy() - expected.time_ns
    assert len(late) == 0 or abs(late).max() <= SEVERAL[name]
    signs = read["callsign"].drop_nulls().unique().to_list()
    assert signs == [s for s in (track["callsign"][0],) if s and signs]


@pytest.mark.parametrize("name", PIECES)
@LAWS
@given(data=st.data())
def test_pieces_of_rows_are_what_is_written_of_each_row_alone(name, data):
    link = registry.link(name)
    track = data.draw(said.track(name, one_track()))
    pieces = link.pieces(track)
    assert len(pieces) == len(track)
    assert pieces.start[0] == 0
    assert pieces.start[-1] == len(pieces.data)
    for i in range(len(track)):
        alone = link.pieces(track[i : i + 1])
        assert alone.data.tobytes() == pieces.data[pieces.start[i] : pieces.start[i + 1]].tobytes()
