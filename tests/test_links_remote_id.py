"""Remote ID: an encoder written apart from the decoder agrees, and who is who follows the transmitter."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import odid
from feeding import feed
from testigos.links import remote_id

FT_M, KT_MPS = 0.3048, 1852 / 3600
ACROSS = [None, 18520, 7408, 3704, 1852, 926, 555.6, 185.2, 92.6, 30, 10, 3, 1, None, None, None]
UPRIGHT = [None, 150, 45, 25, 10, 3, 1, *([None] * 9)]
HOUR = 1_735_675_200  # 2024-12-31T20:00:00Z


def _read(*lines: str) -> pl.DataFrame:
    return feed(remote_id, ["\n".join(lines).encode()])[0]


def _near(value: float | None, step: float) -> object:
    return None if value is None else pytest.approx(value, abs=step)


def maybe(values):
    return st.one_of(st.none(), values)


@st.composite
def places(draw):
    """A location in what tables and columns can say: None is unknown, altitudes are multiples of 0.5 m."""
    half = st.integers(-1200, 63_535).map(lambda n: n / 2)
    return {
        "status": draw(st.integers(0, 4)),
        "direction": draw(maybe(st.integers(0, 359))),
        "speed": draw(
            maybe(
                st.one_of(st.integers(0, 255).map(lambda n: n / 4), st.integers(1, 254).map(lambda n: 63.75 + n * 0.75))
            )
        ),
        "climb": draw(maybe(st.integers(-124, 124).map(lambda n: n / 2))),
        "place": draw(
            maybe(
                st.tuples(
                    st.integers(-900_000_000, 900_000_000).map(lambda n: n / 1e7),
                    st.integers(-1_800_000_000, 1_800_000_000).map(lambda n: n / 1e7),
                ).filter(any)
            )
        ),
        "baro": draw(maybe(half)),
        "geo": draw(maybe(half)),
        "height": draw(maybe(half)),
        "over_ground": draw(st.integers(0, 1)),
        "across": draw(st.integers(0, 15)),
        "upright": draw(st.integers(0, 15)),
        "second": draw(maybe(st.integers(0, 36_000).map(lambda n: n / 10))),
    }


def _said(place: dict) -> dict:
    """As the arguments of the encoder: what is unknown is what the standard calls invalid."""
    invalid = {"direction": 361, "speed": 255.0, "climb": 63.0, "baro": -1000.0, "geo": -1000.0, "height": -1000.0}
    lat, lon = place["place"] or (0.0, 0.0)
    said = {k: invalid.get(k) if v is None else v for k, v in place.items() if k != "place"}
    return said | {"lat": lat, "lon": lon}


def _structure(said: dict) -> dict:
    names = {
        "status": "Status", "direction": "Direction", "speed": "SpeedHorizontal", "climb": "SpeedVertical",
        "lat": "Latitude", "lon": "Longitude", "baro": "AltitudeBaro", "geo": "AltitudeGeo", "height": "Height",
        "over_ground": "HeightType", "across": "HorizAccuracy", "upright": "VertAccuracy", "second": "TimeStamp",
    }  # fmt: skip
    return {names[k]: 65_535.0 if v is None else v for k, v in said.items()}


@settings(deadline=None, derandomize=True, max_examples=250)
@given(places(), st.integers(0, 3_599_999), st.sampled_from(["alone", "pack", "structure"]))
def test_what_the_tables_encode_is_what_is_read(place: dict, ms: int, form: str) -> None:
    said = _said(place)
    name = odid.basic_id(1, 2, b"ABC1")
    payload = {
        "alone": lambda: odid.location(**said),
        "pack": lambda: odid.pack(name, odid.location(**said)),
        "structure": lambda: odid.structure([(1, 2, b"ABC1")], _structure(said)),
    }[form]()
    row = _read(odid.line(payload, ms=HOUR * 1000 + ms)).row(0, named=True)
    lat, lon = place["place"] or (None, None)
    assert row["object_id"] == ("rid-mac:df:72:11:d2:6b:95" if form == "alone" else "rid:ABC1")
    assert row["lat_deg"] == _near(lat, 1e-9)
    assert row["lon_deg"] == _near(lon, 1e-9)
    assert row["track_deg"] == place["direction"]
    scaled = {"speed": ("gs_kt", KT_MPS), "climb": ("vrate_geom_fpm", FT_M / 60), "geo": ("alt_geom_ft", FT_M)}
    for key, (column, unit) in (scaled | {"baro": ("alt_baro_ft", FT_M)}).items():
        value = place[key]
        assert row[column] == (None if value is None else pytest.approx(value / unit, rel=1e-5, abs=1e-4)), column
    assert row["height_ground_m" if place["over_ground"] else "height_takeoff_m"] == _near(place["height"], 1e-2)
    assert row["height_takeoff_m" if place["over_ground"] else "height_ground_m"] is None
    assert row["accuracy95_m"] == _near(ACROSS[place["across"]], 1e-3)
    assert row["height_accuracy95_m"] == UPRIGHT[place["upright"]]
    assert row["on_ground"] == {1: True, 2: False}.get(place["status"])
    assert row["emergency"] == {3: "emergency", 4: "remote_id_failure"}.get(place["status"])
    wanted = HOUR * 1000 + ms
    if place["second"] is not None:  # of the hours before, of and after: the nearest
        wanted = (
            min((HOUR + h * 3600 + place["second"] for h in (-1, 0, 1)), key=lambda s: abs(s * 1000 - wanted)) * 1000
        )
    assert (
        row["time_ns"] == _near(wanted * 1e6, 1_000_000) or abs(abs(row["time_ns"] / 1e6 - HOUR * 1000 - ms) - 18e5) < 2
    )


def test_both_forms_of_the_same_words_say_the_same() -> None:
    where = _said(
        {"status": 2, "direction": 12, "speed": 3.5, "climb": 1.0, "place": (1.5, 2.5), "baro": 100.0, "geo": 110.5,
         "height": 20.0, "over_ground": 1, "across": 11, "upright": 5, "second": 12.5}
    )  # fmt: skip
    messages = odid.pack(
        odid.basic_id(1, 2, b"ABC1"), odid.location(**where), odid.self_id(b"Hi"), odid.system(3.5, -4.5),
        odid.operator_id(b"OP-1"),
    )  # fmt: skip
    whole = odid.structure([(1, 2, b"ABC1")], _structure(where), b"Hi", (3.5, -4.5), b"OP-1")
    one, other = _read(odid.line(messages)), _read(odid.line(whole))
    assert one.drop("length").equals(other.drop("length"))
    assert one["operator_lat_deg"].to_list() == [3.5]


def test_a_transmitter_stays_who_it_said_until_it_says_otherwise() -> None:
    where = odid.location(lat=1.0, lon=2.0)
    table = _read(
        odid.line(where),
        odid.line(odid.basic_id(2, 2, b"N1")),
        odid.line(where),
        odid.line(odid.basic_id(1, 2, b"SERIAL1")),
        odid.line(where, mac="00:00:00:00:00:01"),
        odid.line(odid.basic_id(2, 2, b"N1")),
        odid.line(where),
        odid.line(odid.basic_id(1, 2, b"SERIAL2")),
        odid.line(where),
    )
    assert table["object_id"].to_list() == [
        "rid-mac:df:72:11:d2:6b:95", "rid:N1", "rid:N1", "rid:SERIAL1", "rid-mac:00:00:00:00:00:01", "rid:SERIAL1",
        "rid:SERIAL1", "rid:SERIAL2", "rid:SERIAL2",
    ]  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.lists(st.tuples(st.sampled_from("123"), st.sampled_from("SsNnL")), min_size=1, max_size=25), st.data())
def test_who_is_who_is_the_same_however_it_is_cut_and_from_ones_own_frames(said, data) -> None:
    what = {
        "S": odid.basic_id(1, 2, b"A"), "s": odid.basic_id(1, 2, b"B"), "N": odid.basic_id(2, 2, b"X"),
        "n": odid.basic_id(3, 2, b"Y"), "L": odid.location(lat=1.0, lon=2.0),
    }  # fmt: skip
    lines = [odid.line(what[w], mac=f"00:00:00:00:00:0{m}").encode() + b"\n" for m, w in said]
    whole = feed(remote_id, [b"".join(lines)])[0]
    cut = data.draw(st.integers(0, len(lines)))
    assert feed(remote_id, [b"".join(lines[:cut]), b"".join(lines[cut:])])[0].equals(whole)
    for who in whole["object_id"].unique():
        own = (whole["object_id"] == who).to_list()
        again = feed(remote_id, [b"".join(line for line, mine in zip(lines, own, strict=True) if mine)])[0]
        assert again["object_id"].to_list() == [who] * sum(own)


def test_a_pack_may_tell_two_identities() -> None:
    two = odid.pack(odid.basic_id(2, 2, b"N1"), odid.auth(), odid.basic_id(1, 2, b"SERIAL1"))
    one = odid.pack(odid.basic_id(2, 2, b"N2"))
    table = _read(odid.line(two), odid.line(one, mac="00:00:00:00:00:01"))
    assert table.select("object_id", "registration").rows() == [("rid:SERIAL1", "N1"), ("rid:N2", "N2")]


def test_identities_are_text_or_hexadecimal_and_never_nothing() -> None:
    names = ((1, b"AB C"), (1, b""), (0, b"ABC"), (3, bytes(range(16))), (4, b"\x01\xff"), (9, b"ABC"), (2, b"N1"))
    table = _read(*(odid.line(odid.basic_id(k, 2, n), mac=f"00:00:00:00:00:{i:02x}") for i, (k, n) in enumerate(names)))
    found = [name if name.startswith("rid:") else "mac" for name in table["object_id"]]
    assert found == [
        "mac",
        "mac",
        "mac",
        "rid:000102030405060708090a0b0c0d0e0f",
        "rid:01ff",
        "mac",
        "rid:N1",
    ]


def test_base64_may_be_escaped_as_json_allows() -> None:
    line = odid.line(odid.structure([(1, 2, b"ABC1")], {"Latitude": 12.345678, "Longitude": -1.0, "Direction": 359.0}))
    assert "/" in json.loads(line)["data"]["UASdata"]
    start, stop = line.index('"UASdata"'), len(line)
    escaped = line[:start] + line[start:stop].replace("/", "\\/")
    assert _read(escaped).drop("length").equals(_read(line).drop("length"))


def test_only_remote_id_is_recognised() -> None:
    assert remote_id.recognise(odid.line(odid.pack(odid.auth())).encode()) >= 90
    assert remote_id.recognise(json.dumps(json.loads(odid.line(odid.auth())), indent=4).encode()) >= 90
    assert remote_id.recognise(b'{"now": 1, "aircraft": []}') == 0
    assert remote_id.recognise(b"") == 0
