"""Lines of rows: everything comes back, and other readers of JSON read the same."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from testigos.links import jsonl
from testigos.schema import ALL, PICTURE, Column, conform, violations
from testigos.store.lines import json_lines

OWN = ("segment", "offset", "length")
EVERY = ALL | PICTURE


def _values(column: Column) -> st.SearchStrategy[object]:
    low, high = column.low, column.high
    if column.dtype == pl.Boolean:
        return st.booleans()
    if isinstance(column.dtype, pl.Enum):
        return st.sampled_from([c for c in column.dtype.categories.to_list() if c != "malformed"])
    if column.dtype == pl.String:
        return st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
    if column.dtype.is_integer():
        bits = {pl.UInt8: 8, pl.UInt16: 16, pl.UInt32: 32, pl.UInt64: 64, pl.Int64: 63}[type(column.dtype)]
        top = (1 << bits) - 1
        return st.integers(int(low or 0), top if high is None else min(int(high), top))
    low, high = (-1e6, 1e6) if low is None or high is None else (low, high)
    rounded = (lambda x: float(np.float32(x))) if column.dtype == pl.Float32 else float
    # below 1e-5 the digits end at 22 decimals
    return st.floats(low, high).map(rounded).filter(lambda x: low <= x <= high and (abs(x) >= 1e-5 or x == 0))


@st.composite
def tables(draw: st.DrawFn, columns: dict[str, Column]) -> pl.DataFrame:
    """Some rows with some of the columns, each of the schema's type and range."""
    others = [n for n in columns if n not in (*OWN, "object_id", "status")]
    chosen = draw(st.lists(st.sampled_from(others), unique=True, max_size=25))
    rows = []
    for _ in range(draw(st.integers(1, 4))):
        row = {"object_id": draw(_values(columns["object_id"]))}
        for name in chosen:
            row[name] = draw(st.one_of(st.none(), _values(columns[name])))
        rows.append(row)
    return pl.DataFrame(rows, {n: columns[n].dtype for n in ("object_id", *chosen)})


def _read(data: bytes) -> pl.DataFrame:
    frames, rest = jsonl.split(data, True)
    assert rest == b""
    return jsonl.decode(frames, None)[0]


@settings(deadline=None, derandomize=True, max_examples=150)
@given(table=tables(ALL))
def test_every_column_comes_back_exactly(table):
    read = _read(jsonl.encode(table))
    assert violations(read, ALL) == []
    assert_frame_equal(read.select(n for n in table.columns if n != "source"), table.drop("source", strict=False))
    if "source" in table.columns:
        assert read["source"].to_list() == [s or "unknown" for s in table["source"].to_list()]


@settings(deadline=None, derandomize=True, max_examples=100)
@given(table=tables(PICTURE))
def test_a_picture_comes_back_exactly(table):
    frames, _ = jsonl.split(jsonl.encode(table), True)
    read = jsonl.picture(frames)
    assert_frame_equal(read.select(table.columns), table)
    assert list(read.columns) == list(PICTURE)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(table=tables(EVERY))
def test_json_loads_reads_the_same_values(table):
    lines = jsonl.encode(table).split(b"\n")[:-1]
    for line, row in zip(lines, table.to_dicts(), strict=True):
        said = json.loads(line)
        near = {n: pytest.approx(v, rel=6e-8) if isinstance(v, float) else v for n, v in row.items() if v is not None}
        assert said == near


@settings(deadline=None, derandomize=True, max_examples=60)
@given(table=tables(ALL))
def test_what_the_command_line_prints_is_read_too(table):
    whole = conform(table, ALL).with_columns(offset=pl.lit(7, pl.UInt64), segment=pl.lit(9, pl.UInt64))
    read = _read(json_lines(whole))
    assert_frame_equal(read.select(n for n in table.columns if n != "source"), table.drop("source", strict=False))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 11.900000000000002, -179.99999999999997, 1e-5, 5e-324, -0.0, 90.0])
def test_a_coordinate_has_the_digits_of_its_number(value):
    line = jsonl.encode(pl.DataFrame({"object_id": ["a:b"], "lon_deg": [value]}))
    assert json.loads(line)["lon_deg"] == pytest.approx(value, abs=1e-22, rel=0)
    assert _read(line)["lon_deg"][0] == json.loads(line)["lon_deg"]


@given(st.floats(-180, 180))
@settings(deadline=None, derandomize=True, max_examples=500)
def test_every_float_is_read_as_it_was_written_by_python(value):
    line = b'{"object_id":"a:b","lon_deg":%s}' % f"{value:.17f}".encode()
    assert _read(line)["lon_deg"][0] == pytest.approx(float(f"{value:.17f}"), rel=2e-16, abs=1e-22)
    written = json.loads(jsonl.encode(pl.DataFrame({"object_id": ["a:b"], "lon_deg": [value]})))["lon_deg"]
    assert written == value or abs(value) < 1e-5


def test_a_status_that_follows_from_the_row_is_found_again_and_others_are_kept():
    lines = b'{"object_id":"a:b","status":"ok"}\n{"object_id":"a:b","status":"repeated","lat_deg":1,"lon_deg":2}\n'
    assert _read(lines)["status"].to_list() == ["no_time", "repeated"]


def test_a_row_without_name_and_status_is_not_written():
    made = jsonl.pieces(pl.DataFrame({"object_id": [None, "a:b"], "gs_kt": [1.0, 2.0]}))
    assert made.start.tolist()[:2] == [0, 0]
    assert json.loads(made.data.tobytes()) == {"object_id": "a:b", "gs_kt": 2.0}


def test_an_empty_table_has_no_lines():
    assert jsonl.encode(pl.DataFrame()) == b""
    assert jsonl.encode(pl.DataFrame(schema={"object_id": pl.String, "source": pl.Enum(["adsb"])})) == b""


def test_only_lines_of_rows_are_recognised():
    assert jsonl.recognise(b'{"object_id":"icao:ae503d","time_ns":5}\n') == 95
    assert jsonl.recognise(b'{"hex":"ae503d","lat":1}\n') == 0
    assert jsonl.recognise(b'{"type":"Feature","geometry":null,"properties":{"time_ns":5,"status":"ok"}}') == 0
    assert jsonl.recognise(b"") == 0
