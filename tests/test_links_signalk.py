"""Signal K deltas: what is written holds by its schema and by another reader of JSON, and what vectors cannot hold."""

import json
import math
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeding import feed
from said.signalk import TRACK
from testigos.links import signalk

EXAMPLES = settings(deadline=None, derandomize=True, max_examples=100)
STATES = {
    0: "motoring", 1: "anchored", 2: "not under command", 3: "restricted manouverability", 4: "constrained by draft",
    5: "moored", 6: "aground", 7: "fishing", 8: "sailing", 9: "hazardous material high speed",
    10: "hazardous material wing in ground", 14: "ais-sart",
}  # fmt: skip
CONTEXTS = {
    "366730123": "vessels", "993692001": "atons", "003669987": "shore.basestations", "111366001": "aircraft"
}  # fmt: skip


def expected(row):
    """Paths and values of a row in SI units, from the specification."""
    rad = math.pi / 180
    values = {
        "navigation.speedOverGround": (row["gs_kt"], 1852 / 3600),
        "navigation.courseOverGroundTrue": (row["track_deg"], rad),
        "navigation.headingTrue": (row["heading_deg"], rad),
        "navigation.headingMagnetic": (row["heading_mag_deg"], rad),
        "navigation.rateOfTurn": (row["rot_degpmin"], rad / 60),
        "sensors.ais.fromBow": (row["to_bow_m"], 1),
    }
    said = {path: value * factor for path, (value, factor) in values.items() if value is not None}
    if row["lat_deg"] is not None:
        said["navigation.position"] = {"longitude": row["lon_deg"], "latitude": row["lat_deg"]}
        if row["alt_msl_ft"] is not None:
            said["navigation.position"]["altitude"] = row["alt_msl_ft"] * 0.3048
    if row["to_bow_m"] is not None:
        said["design.length"] = {"overall": row["to_bow_m"] + row["to_stern_m"]}
    if row["to_port_m"] is not None:
        said["design.beam"] = row["to_port_m"] + row["to_starboard_m"]
        said["sensors.ais.fromCenter"] = said["design.beam"] / 2 - row["to_port_m"]
    if row["draught_m"] is not None:
        said["design.draft"] = {"current": row["draught_m"]}
    if row["ship_type"] is not None:
        said["atonType" if row["kind"] == "fixed" else "design.aisShipType"] = {"id": row["ship_type"]}
    if row["nav_status"] in STATES:
        said["navigation.state"] = STATES[row["nav_status"]]
    if row["manoeuvre"] is not None:
        said["navigation.specialManeuver"] = [None, "not engaged", "engaged"][row["manoeuvre"]]
    if row["destination"] is not None:
        said["navigation.destination.commonName"] = row["destination"]
    said[""] = {"mmsi": row["object_id"][5:]}
    if row["vessel_name"] is not None:
        said[""]["name"] = row["vessel_name"]
    if row["callsign"] is not None:
        said[""]["communication"] = {"callsignVhf": row["callsign"]}
    if row["imo"] is not None:
        said[""]["registrations"] = {"imo": f"IMO {row['imo']:07d}"}
    return said


def same(found, wanted):
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key in wanted:
            same(found[key], wanted[key])
    else:
        assert found == (pytest.approx(wanted, abs=0.011) if isinstance(wanted, float) else wanted)


@EXAMPLES
@given(TRACK)
def test_what_is_written_are_deltas_with_the_values_of_the_rows_in_si_units(track):
    lines = signalk.encode(track, "here").decode("utf-8").split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(track)
    for line, row in zip(lines, track.rows(named=True), strict=True):
        delta = json.loads(line)
        mmsi = row["object_id"][5:]
        assert delta.keys() == {"context", "updates"}
        assert delta["context"] == f"{CONTEXTS[mmsi]}.urn:mrn:imo:mmsi:{mmsi}"
        (update,) = delta["updates"]
        assert update.keys() == {"source", "timestamp", "values"}
        assert update["source"]["label"] == (row["receiver"] or "here")
        assert update["source"]["type"] == "testigos"
        assert update["source"].get("talker") == ("AI" if row["source"] == "ais" else None)
        assert update["source"].get("via") == row["via"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", update["timestamp"])
        assert all(entry.keys() == {"path", "value"} for entry in update["values"])
        found = {entry["path"]: entry["value"] for entry in update["values"]}
        assert len(found) == len(update["values"])
        same(found, expected(row))


@EXAMPLES
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(["latitude", "id", "name", "overall", "current", ""]), inner, max_size=3),
        ),
        max_leaves=8,
    ),
    st.sampled_from(["", *signalk._NUMBERS, *signalk._TEXTS, *signalk._OTHERS]),
)
def test_whatever_stands_at_a_path_makes_a_row_in_range(value, path):
    context = "vessels.urn:mrn:imo:mmsi:366730123"
    delta = {"context": context, "updates": [{"values": [{"path": path, "value": value}]}]}
    table, _ = feed(signalk, [json.dumps(delta).encode()])
    assert table["object_id"].to_list() == ["mmsi:366730123"]
    assert table["status"][0] in ("no_time", "out_of_range")


def test_who_speaks_of_itself_is_known_from_the_hello_before_and_from_no_other():
    delta = b'{"updates":[{"timestamp":"2025-10-23T18:03:12Z","values":[]}]}\n'
    hello = b'{"version":"1.7.0","self":"vessels.urn:mrn:imo:mmsi:%d"}\n'
    table, spans = feed(signalk, [delta + hello % 230099999 + delta + hello % 230099998 + delta])
    assert table["object_id"].to_list() == [None, "mmsi:230099999", "mmsi:230099998"]
    assert [context for _, _, context in spans] == [False, True, False, True, False]


def test_a_list_of_deltas_over_many_lines_is_read_as_one_on_each():
    deltas = [
        {"context": f"vessels.urn:mrn:imo:mmsi:36673012{n}", "updates": [{"$source": "a", "values": []}]}
        for n in range(3)
    ]
    pretty, _ = feed(signalk, [json.dumps(deltas, indent=2).encode()])
    plain, _ = feed(signalk, ["\n".join(map(json.dumps, deltas)).encode()])
    assert pretty["object_id"].to_list() == plain["object_id"].to_list()
    assert len(pretty) == 3


def test_rows_without_an_mmsi_and_columns_that_are_missing_are_no_matter():
    pieces = signalk.pieces(pl.DataFrame({"object_id": ["icao:ae503d", None, "mmsi:366730123", "mmsi:12"]}))
    assert (pieces.start[1:] > pieces.start[:-1]).tolist() == [False, False, True, False]
    assert json.loads(pieces.data.tobytes())["updates"][0]["values"] == [{"path": "", "value": {"mmsi": "366730123"}}]
