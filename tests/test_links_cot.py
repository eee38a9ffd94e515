"""Cursor on Target in XML, beyond what every link obeys. Oracle: libxml2, by lxml."""

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from feeding import feed
from said.cot import rows
from testigos.links import cot
from testigos.links._cot_scan import LONGEST
from testigos.schema import PICTURE

STRICT = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
LAWS = settings(deadline=None, derandomize=True, max_examples=100)
PLACE = {"object_id": "icao:ae503d", "time_ns": 1_761_242_592_500_000_000, "lat_deg": 11.5, "lon_deg": -63.25}


def parsed(raw: bytes) -> list[etree._Element]:
    """The events as libxml2 reads them."""
    return [etree.fromstring(b"<?xml" + part, STRICT) for part in raw.split(b"<?xml")[1:]]


def written(**row) -> etree._Element:
    return parsed(cot.encode(pl.DataFrame([PLACE | row])))[0]


def read(raw: bytes) -> list[dict]:
    return feed(cot, [raw])[0].rows(named=True)


def event(inside: str = "", detail: str = "", **attributes: str) -> str:
    said = {"version": "2.0", "uid": "x", "type": "a-n-A", "how": "m-g", "time": "2025-10-23T18:03:12Z"}
    said |= {"start": "2025-10-23T18:03:12Z", "stale": "2025-10-23T18:04:12Z"} | attributes
    names = " ".join(f'{k}="{v}"' for k, v in said.items())
    point = inside or '<point lat="1" lon="2" hae="3" ce="4" le="5"/>'
    return f"<event {names}>{point}<detail>{detail}</detail></event>"


@LAWS
@given(track=rows())
def test_what_is_written_is_an_event_to_libxml2_and_says_what_the_row_says(track):
    events = parsed(cot.encode(track))
    assert len(events) == len(track)
    for said, row in zip(events, track.rows(named=True), strict=True):
        assert said.tag == "event"
        assert [child.tag for child in said] == ["point", "detail"]
        assert re.fullmatch(r"\w+(-\w+)*", said.get("type"))  # Event.xsd
        assert re.fullmatch(r"a-[nu]-.*", said.get("type"))
        assert re.fullmatch(r"\w(-\w+)*", said.get("how"))
        assert float(said.get("version")) == 2.0
        for name in ("time", "start", "stale"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.get(name))
        point = {k: float(v) for k, v in said.find("point").attrib.items()}
        assert sorted(point) == ["ce", "hae", "lat", "le", "lon"]
        assert point["lat"] == pytest.approx(row["lat_deg"], abs=5.1e-8)
        assert point["lon"] == pytest.approx(row["lon_deg"], abs=5.1e-8)
        feet = row["alt_geom_ft"]
        assert point["hae"] == (9999999.0 if feet is None else pytest.approx(feet * 0.3048, abs=0.0051))
        assert said.get("uid")
        if row["callsign"]:
            assert said.find("detail/contact").get("callsign") == row["callsign"]
        track_of = said.find("detail/track")
        if row["gs_kt"] is not None:
            assert float(track_of.get("speed")) == pytest.approx(row["gs_kt"] * 1852 / 3600, abs=0.00051)


@LAWS
@given(
    text=st.text(st.characters(blacklist_categories=("Cs",)), max_size=30),
    part=st.sampled_from(["callsign", "remarks", "vessel_name"]),
)
def test_hostile_names_come_back_without_what_xml_cannot_say(text, part):
    sayable = "".join(c for c in text if (c >= " " or c in "\t\n\r") and c not in "\ufffe\uffff")
    raw = cot.encode(pl.DataFrame([PLACE | {part: text}]))
    said = parsed(raw)[0]
    if part == "remarks":
        shown = said.findtext("detail/remarks") or ""
        assert shown == sayable
        expected = sayable if sayable.strip(" \t\r\n") else None
    else:
        shown = said.find("detail/contact").get("callsign")
        assert shown == (sayable if text else "ICAO-AE503D")
        expected = sayable or None
    assert read(raw)[0][part] == expected


@pytest.mark.parametrize(
    ("object_id", "uid"),
    [
        ("icao:ae503d", "ICAO-AE503D"),
        ("anon:2a1b3c", "ANON-2A1B3C"),
        ("flarm:dd1234", "FLARM-DD1234"),
        ("mmsi:366730000", "MMSI-366730000"),
        ("callsign:BARB21", "CALLSIGN-BARB21"),
        ("name:a:b c", "NAME-a:b c"),
        ("cot:ANDROID-1", "ANDROID-1"),
        ("cot:ICAO-AE503D", "ICAO-AE503D"),
        ("mmsi:12", "MMSI-12"),
    ],
)
def test_a_name_becomes_a_uid_and_the_same_name_again(object_id, uid):
    raw = cot.encode(pl.DataFrame([PLACE | {"object_id": object_id}]))
    assert parsed(raw)[0].get("uid") == uid
    assert read(raw)[0]["object_id"] == object_id


def test_the_uid_of_a_row_is_kept_and_so_is_its_name():
    row = read(cot.encode(pl.DataFrame([PLACE | {"uid": "SHIP 7", "cot_type": "a-f-S;x"}])))[0]
    assert (row["uid"], row["object_id"], row["cot_type"], row["kind"]) == (
        "SHIP 7",
        "icao:ae503d",
        "a-f-S;x",
        "vessel",
    )


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"category": "A3"}, "a-n-A-C-F"),
        ({}, "a-n-A-C"),
        ({"category": "A7"}, "a-n-A-C-H"),
        ({"category": "A7", "military": True}, "a-n-A-M-H"),
        ({"category": "A5", "military": True}, "a-n-A-M-F"),
        ({"category": "B2"}, "a-n-A-C-L"),
        ({"category": "B6"}, "a-n-A-C-F-q"),
        ({"kind": "drone"}, "a-n-A-C-F-q"),
        ({"kind": "drone", "military": True}, "a-n-A-M-F-Q"),
        ({"category": "C2"}, "a-n-G-E-V"),
        ({"object_id": "mmsi:366730000"}, "a-n-S"),
        ({"object_id": "mmsi:366730000", "ship_type": 71}, "a-n-S-X-M-C"),
        ({"object_id": "mmsi:366730000", "ship_type": 30}, "a-n-S-X-F"),
        ({"object_id": "mmsi:366730000", "ship_type": 69}, "a-n-S-X-M-P"),
        ({"object_id": "mmsi:366730000", "ship_type": 84}, "a-n-S-X-M-O"),
        ({"object_id": "mmsi:366730000", "ship_type": 35}, "a-n-S"),
        ({"object_id": "mmsi:993672000"}, "a-n-G-I"),
        ({"object_id": "mmsi:111232512"}, "a-n-A-C"),
        ({"object_id": "x:1", "kind": "vehicle"}, "a-n-G-E-V"),
        ({"object_id": "x:1", "kind": "person"}, "a-n-G-U"),
        ({"object_id": "x:1"}, "a-u-X"),
    ],
)
def test_the_type_follows_from_what_is_known(row, code):
    assert written(**row).get("type") == code


@pytest.mark.parametrize(
    ("row", "how"),
    [
        ({"source": "adsb"}, "m-g"),
        ({"source": "ais"}, "m-g"),
        ({"source": "mlat"}, "m-f"),
        ({"source": "radar"}, "m-r"),
        ({"source": "estimated"}, "m-p"),
        ({"source": "adsb", "simulated": True}, "m-s"),
        ({}, "m-r"),
    ],
)
def test_how_a_position_was_made_is_said(row, how):
    assert written(**row).get("how") == how


def test_errors_are_one_sigma_and_heights_are_above_the_ellipsoid():
    point = written(radius95_m=244.8, height95_m=19.6, alt_geom_ft=1_000.0, alt_baro_ft=900.0).find("point")
    assert (point.get("ce"), point.get("le"), point.get("hae")) == ("100.00", "10.00", "304.80")
    unknown = written(alt_baro_ft=900.0)
    assert [unknown.find("point").get(n) for n in ("hae", "ce", "le")] == ["9999999.0"] * 3
    assert unknown.findtext("detail/remarks") == "900 ft pressure altitude"


def test_a_row_is_forgotten_when_it_says_and_else_after_a_minute():
    assert written().get("stale") == "2025-10-23T18:04:12.500Z"
    assert written(stale_ns=PLACE["time_ns"] + 10**9).get("stale") == "2025-10-23T18:03:13.500Z"


def test_every_node_is_a_flow_tag_and_comes_back():
    nodes = "hub-1 9node ñandú version xmlHub a_b hub-1 _39x"
    raw = cot.encode(pl.DataFrame([PLACE | {"via": nodes}]))
    assert len(parsed(raw)[0].find("detail/_flow-tags_").attrib) == 7
    assert read(raw)[0]["via"] == "hub-1 9node ñandú version xmlHub a_b _39x"


@LAWS
@given(nodes=st.lists(st.text(st.characters(min_codepoint=33, blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")),
                              min_size=1, max_size=8), min_size=1, max_size=5, unique=True))  # fmt: skip
def test_any_names_of_nodes_come_back_in_their_order(nodes):
    said = ["".join(c for c in n if c not in "\ufffe\uffff") for n in nodes]
    if "" in said or said != nodes:
        return
    raw = cot.encode(pl.DataFrame([PLACE | {"via": " ".join(nodes)}]))
    assert len(parsed(raw)[0].find("detail/_flow-tags_").attrib) == len(nodes)
    assert read(raw)[0]["via"] == " ".join(nodes)


def test_rows_that_cannot_be_said_have_empty_pieces():
    lacks = [PLACE | {k: None} for k in PLACE] + [PLACE | {"lat_deg": 91.0}, PLACE]
    pieces = cot.pieces(pl.DataFrame(lacks))
    assert (np.diff(pieces.start) > 0).tolist() == [False] * 5 + [True]
    assert len(cot.pieces(pl.DataFrame([PLACE | {"remarks": "x" * LONGEST}])).data) == 0
    assert len(cot.pieces(pl.DataFrame([PLACE]).clear())) == 0


def test_rows_of_the_picture_are_written_whatever_columns_there_are():
    full = pl.DataFrame([PLACE], schema_overrides={n: PICTURE[n].dtype for n in PLACE})
    picture = full.with_columns(pl.lit(None, c.dtype).alias(n) for n, c in PICTURE.items() if n not in PLACE)
    assert cot.encode(picture) == cot.encode(full)


def test_a_place_where_nothing_is_is_not_taken_for_a_ping():
    here = PLACE | {"lat_deg": 0.0, "lon_deg": 0.0}
    assert read(cot.encode(pl.DataFrame([here])))[0]["status"] == "ok"
    ping = event('<point lat="0.0" lon="0.0" hae="0.0" ce="9999999.0" le="9999999.0"/>')
    assert read(ping.encode())[0]["status"] == "no_position"


LOL = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
HOSTILE = {
    "billion laughs": f'<!DOCTYPE lolz [<!ENTITY l0 "lol">{LOL}]>' + event(uid="&l9;"),
    "external entity": '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + event(detail="<a>&x;</a>"),
    "external dtd": '<!DOCTYPE event SYSTEM "http://127.0.0.1/x.dtd">' + event(),
    "declared entity": '<?xml version="1.0"?>\n<!DOCTYPE e [<!ENTITY a "b">]>' + event(),
    "unknown entity": event(uid="&nbsp;"),
    "deep nesting": event(detail="<a>" * 40 + "</a>" * 40),
    "giant attribute": event(uid="x" * LONGEST),
    "many attributes": event(detail="<a " + " ".join(f'a{i}=""' for i in range(1_000)) + "/>"),
    "NUL": event(uid="a\0b"),
    "character zero": event(uid="&#0;"),
    "surrogate": event(uid="&#xD800;"),
    "twin attribute": event().replace("uid=", 'uid="y" uid='),
    "less-than in a value": event(uid="a<b"),
    "ampersand": event(detail="<a>&</a>"),
    "crossed tags": event(detail="<a><b></a></b>"),
    "two points": event('<point lat="1" lon="2"/><point lat="1" lon="2"/>'),
    "no uid": event().replace("uid=", "uuid="),
    "old version": event(version="1.1"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_events_are_malformed_and_the_next_one_is_not(name):
    raw = HOSTILE[name].encode() + event(uid="after").encode()
    found = read(raw)
    assert {row["status"] for row in found[:-1]} == {"malformed"}
    assert (found[-1]["status"], found[-1]["uid"]) == ("ok", "after")


@pytest.mark.parametrize("raw", [event(uid="\ud800"), event(uid="\ufffe")], ids=["surrogate", "no character"])
def test_bytes_that_are_no_characters_are_malformed(raw):
    assert read(raw.encode("utf-8", "surrogatepass"))[0]["status"] == "malformed"


def test_nothing_that_is_cut_raises_and_all_that_is_whole_is_read():
    raw = b"".join(event(uid=f"e{i}", detail="<a b='>'/><!-- <event> -->").encode() for i in range(3))
    for cut in range(0, len(raw), 7):
        found = read(raw[:cut])
        assert [r["uid"] for r in found if r["status"] == "ok"] == [f"e{i}" for i in range(cut // (len(raw) // 3))]


MARKUP = st.sampled_from(
    [
        *("<a>", "</a>", "<b c='d'>", "</b>", "<e/>", "<!-- x -->", "<![CDATA[ <&]] ]]>", "]]>", "&amp;", "&lt;"),
        *(
            "&#65;",
            "&#x41;",
            "&x;",
            "&",
            "\r\n",
            "\t",
            "é",
            "€",
            "\U0001f600",
            "<?p q?>",
            "--",
            "'",
            '"',
            "=",
            "<",
            ">",
        ),
        *("<a b='1' b='2'/>", "<a b='&quot;'/>", "<a b=1/>", "<a  b = '\n' />", "</ a>", "</a >", "text", "<!---->"),
        "<!--->",
    ]
)


@settings(LAWS, max_examples=600)
@given(parts=st.lists(MARKUP, max_size=8))
def test_what_is_well_formed_is_what_libxml2_says(parts):
    inside = "".join(parts)
    raw = event(detail=f"<remarks>{inside}</remarks>").encode()
    try:
        tree = etree.fromstring(raw, STRICT)
        expected = tree.xpath("string(detail/remarks)") if tree.xpath("count(detail/remarks)") == 1 else None
    except etree.XMLSyntaxError:
        assert {row["status"] for row in read(raw)} == {"malformed"}
        return
    found = read(raw)
    assert [row["status"] for row in found] == ["ok"]
    if expected is not None:
        assert found[0]["remarks"] == (expected if expected.strip(" \t\r\n") else None)
