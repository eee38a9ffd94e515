"""The protobuf of TAK, beyond what every link obeys. Oracle: takproto, with Google's protobuf beneath."""

import numpy as np
import polars as pl
import pytest
import takproto
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from takproto.constants import TAKProtoVer
from takproto.functions import msg2proto
from takproto.proto import TakMessage

from feeding import feed
from said.cot import rows
from testigos.links import cot, tak
from testigos.links._cot_scan import LONGEST

LAWS = settings(deadline=None, derandomize=True, max_examples=100)
PLACE = {"object_id": "icao:ae503d", "time_ns": 1_761_242_592_500_000_000, "lat_deg": 11.5, "lon_deg": -63.25}


def messages(track: pl.DataFrame, mesh: bool) -> list[TakMessage]:
    """What is written, as takproto reads it."""
    pieces = tak.pieces(track, mesh)
    cut = [pieces.data[a:b].tobytes() for a, b in zip(pieces.start[:-1], pieces.start[1:], strict=True)]
    return [takproto.parse_proto(bytearray(piece)) for piece in cut]


def read(raw: bytes) -> pl.DataFrame:
    return feed(tak, [raw])[0].drop("offset", "length")


@pytest.mark.parametrize("mesh", [False, True])
@LAWS
@given(track=rows())
def test_takproto_reads_what_is_written(mesh, track):
    found = messages(track, mesh)
    assert len(found) == len(track)
    for message, row in zip(found, track.rows(named=True), strict=True):
        event = message.cotEvent
        assert (event.lat, event.lon) == (row["lat_deg"], row["lon_deg"])
        assert event.sendTime == event.startTime == (row["time_ns"] + 500_000) // 10**6
        assert event.staleTime == (row["time_ns"] + 60_000_500_000) // 10**6
        assert event.hae == (999_999.0 if row["alt_geom_ft"] is None else row["alt_geom_ft"] * 0.3048)
        assert event.uid
        assert event.type.startswith(("a-n-", "a-u-"))
        if row["callsign"]:
            assert event.detail.contact.callsign == row["callsign"]
        both = row["gs_kt"] is not None and row["track_deg"] is not None
        assert event.detail.HasField("track") == both
        if both:
            assert event.detail.track.speed == pytest.approx(row["gs_kt"] * 1852 / 3600, rel=1e-12)
            assert event.detail.track.course == row["track_deg"]
        inside = etree.fromstring(f"<detail>{event.detail.xmlDetail}</detail>")
        assert inside.find("contact") is None
        assert (inside.find("track") is None) == (both or row["gs_kt"] is row["track_deg"] is None)
        # what protobuf itself would write of it is what was written
        assert message.SerializeToString() in tak.encode(track)


@pytest.mark.parametrize("version", [TAKProtoVer.MESH, TAKProtoVer.STREAM])
@LAWS
@given(track=rows())
def test_what_takproto_makes_of_xml_reads_as_the_xml_does(version, track):
    pieces = cot.pieces(track)
    for i in range(len(track)):
        xml = pieces.data[pieces.start[i] : pieces.start[i + 1]].tobytes()
        expected = feed(cot, [xml])[0].drop("offset", "length").rows(named=True)[0]
        made = takproto.xml2proto(xml, version)
        row = read(bytes(made)).rows(named=True)[0]
        if expected["gs_kt"] is None or expected["track_deg"] is None:  # takproto writes a track with a zero
            for name in ("gs_kt", "track_deg"):
                row[name], expected[name] = None, None
        assert row.pop("time_ns") == pytest.approx(expected.pop("time_ns"), abs=10**6)  # it cuts off what we round
        assert row.pop("stale_ns") == pytest.approx(expected.pop("stale_ns"), abs=10**6)
        assert row == expected


def test_streams_and_meshes_say_the_same():
    track = pl.DataFrame([PLACE | {"callsign": f"C{i}", "via": "a b"} for i in range(20)])
    assert read(tak.encode(track)).equals(read(tak.encode(track, mesh=True)))


def test_rows_that_cannot_be_said_have_empty_pieces():
    lacks = [PLACE | {k: None} for k in PLACE] + [PLACE | {"lon_deg": 181.0}, PLACE]
    pieces = tak.pieces(pl.DataFrame(lacks))
    assert (np.diff(pieces.start) > 0).tolist() == [False] * 5 + [True]
    assert len(tak.pieces(pl.DataFrame([PLACE | {"remarks": "x" * LONGEST}])).data) == 0


def test_a_name_with_what_xml_cannot_say_is_written_without_it():
    message = messages(pl.DataFrame([PLACE | {"callsign": "a\0b\x1f<\ufffe>", "uid": "\x01u"}]), False)[0]
    assert (message.cotEvent.detail.contact.callsign, message.cotEvent.uid) == ("ab<>", "u")


def test_a_position_at_zero_is_written_and_read():
    here = PLACE | {"lat_deg": 0.0, "lon_deg": -0.0}
    assert read(tak.encode(pl.DataFrame([here])))["status"].to_list() == ["ok"]
    ping = TakMessage()
    ping.cotEvent.type, ping.cotEvent.uid, ping.cotEvent.sendTime, ping.cotEvent.ce = "a-f-G", "p", 1, 999_999.0
    assert read(b"\xbf\x01\xbf" + ping.SerializeToString())["status"].to_list() == ["no_position"]


HOSTILE = {
    "billion laughs": '<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><c>&b;</c>',
    "unknown entity": "<c>&b;</c>",
    "deep nesting": "<a>" * 40 + "</a>" * 40,
    "end of detail": "</detail><detail>",
    "declaration": '<?xml version="1.0"?><a/>',
    "control character": "<a>\x01</a>",
    "open": "<a",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_details_are_malformed_and_the_next_message_is_not(name):
    message = messages(pl.DataFrame([PLACE]), False)[0]
    message.cotEvent.detail.xmlDetail = HOSTILE[name]
    raw = bytes(msg2proto(message, TAKProtoVer.STREAM)) + tak.encode(pl.DataFrame([PLACE]))
    assert read(raw)["status"].to_list() == ["malformed", "ok"]


@LAWS
@given(
    text=st.text(max_size=20), numbers=st.lists(st.floats(), min_size=7, max_size=7),
    times=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), extra=st.binary(max_size=30),
)  # fmt: skip
def test_any_message_of_protobuf_is_read_without_an_error(text, numbers, times, extra):
    message = TakMessage()
    event = message.cotEvent
    event.uid, event.type, event.opex = text or "u", "a-u-G", text
    event.lat, event.lon, event.hae, event.ce, event.le = numbers[:5]
    event.detail.track.speed, event.detail.track.course = numbers[5:]
    event.sendTime, event.staleTime = times
    event.detail.contact.callsign = text
    read(b"\xbf\x01\xbf" + message.SerializeToString() + extra)


@LAWS
@given(raw=st.binary(max_size=60), kind=st.sampled_from([b"\xbf\x01\xbf\x12", b"\xbf", b"\xbf\x10\x12\x0e"]))
def test_what_protobuf_refuses_is_malformed(raw, kind):
    found, _ = tak.split(kind + raw, True)
    status = tak.decode(found, None)[0]["status"].to_list()
    for i in range(len(found)):
        frame = found.buffer[found.start[i] : found.stop[i]]
        if status[i] != "malformed":
            assert takproto.parse_proto(bytearray(frame)) is not None or frame == b"\xbf\x00"


def test_a_truncated_stream_gives_every_whole_message():
    one = tak.encode(pl.DataFrame([PLACE]))
    raw = one * 3
    for cut in range(len(raw)):
        status = feed(tak, [raw[:cut]])[0]["status"].to_list()
        assert status.count("ok") == cut // len(one)
        assert len(status) == -(-cut // len(one))
