"""Aircraft lists as they are written: the fields that readsb documents, as a page takes them."""

import json

import polars as pl

from testigos.links import readsb_json

S = 1_000_000_000
NOW = 1_761_242_592 * S
TRACKS = pl.DataFrame(
    {
        "object_id": ["icao:ae503d", "anon:2a1b3c", "icao:4840d6", "mmsi:366730000", "icao:3c6444"],
        "time_ns": [NOW + 250_400_000, NOW - 5 * S, NOW, NOW, None],
        "seen_ns": [NOW + 2 * S, None, None, NOW + 9 * S, None],
        "source": ["adsb", "tisb", "mlat", "ais", "adsb"],
        "lat_deg": [11.9, 10.0, None, 1.0, 1.0],
        "lon_deg": [-62.5, -179.9999999, None, 1.0, 1.0],
        "alt_baro_ft": [25_000.0, None, 1_000.0, None, None],
        "on_ground": [False, True, None, None, None],
        "gs_kt": [430.04, 7.0, None, None, None],
        "track_deg": [181.256, None, None, None, None],
        "callsign": ["BARB21", None, '"\\', None, None],
        "squawk": ["0574", None, None, None, None],
        "category": ["A5", None, None, None, None],
        "emergency": ["nordo", None, None, None, None],
        "registration": ["86-0133", None, None, None, None],
        "type_code": ["B1", None, None, None, None],
        "military": [True, None, False, None, None],
        "nic": [8, None, None, None, None],
        "rc_m": [185.2, None, None, None, None],
        "rssi_dbfs": [-12.34, None, None, None, None],
    }
)


def test_a_list_has_the_fields_that_readsb_documents():
    document = json.loads(readsb_json.encode(TRACKS, messages=17))
    # the vessel has no place in it, but its time counts: it is of the same picture
    assert (document["now"], document["messages"]) == (1_761_242_601.0, 17)
    first, second, third = document["aircraft"]
    assert first == {
        "hex": "ae503d", "type": "adsb_icao", "flight": "BARB21  ", "r": "86-0133", "t": "B1", "dbFlags": 1,
        "alt_baro": 25_000, "gs": 430.0, "track": 181.26, "squawk": "0574", "emergency": "nordo", "category": "A5",
        "lat": 11.9, "lon": -62.5, "nic": 8, "rc": 186, "seen_pos": 8.75, "mlat": [], "tisb": [], "seen": 7.0,
        "rssi": -12.3,
    }  # fmt: skip
    assert second == {
        "hex": "~2a1b3c", "type": "tisb_other", "alt_baro": "ground", "gs": 7.0, "lat": 10.0, "lon": -180.0,
        "seen_pos": 14.0, "mlat": [], "tisb": ["lat", "lon"], "seen": 14.0, "rssi": -49.5,
    }  # fmt: skip
    assert (third["type"], third["flight"], third["mlat"]) == ("mlat", '"\\      ', [])
    assert "lat" not in third
    assert "seen_pos" not in third


def test_ages_are_relative_to_the_time_that_is_asked_for_and_never_negative():
    at = json.loads(readsb_json.encode(TRACKS, now_ns=NOW + S))
    assert at["now"] == 1_761_242_593.0
    assert [a["seen"] for a in at["aircraft"]] == [0.0, 6.0, 1.0]
    assert at["aircraft"][0]["seen_pos"] == 0.75
    made = readsb_json.pieces(TRACKS, now_ns=NOW + S)
    assert [json.loads(made.data[a:b].tobytes()) for a, b in zip(made.start[:3], made.start[1:4], strict=True)] == (
        at["aircraft"]
    )
    assert made.start[3] == made.start[4] == made.start[5]


def test_each_line_has_a_time_of_its_own():
    lines = [json.loads(line) for line in readsb_json.pieces(TRACKS).data.tobytes().splitlines()]
    assert [(a["now"], a["seen"]) for a in lines] == [
        (1_761_242_594.0, 0.0), (1_761_242_587.0, 0.0), (1_761_242_592.0, 0.0),
    ]  # fmt: skip
    assert lines[0]["seen_pos"] == 1.75


def test_an_empty_list_is_a_list():
    document = json.loads(readsb_json.encode(TRACKS.clear()))
    assert document == {"now": 0.0, "messages": 0, "aircraft": []}
    nobody = json.loads(readsb_json.encode(TRACKS[3:4]))
    assert nobody["aircraft"] == []


def test_a_page_is_told_of_the_receiver():
    assert json.loads(readsb_json.receiver(11.4, -63.1, "testigos 1", 500)) == {
        "version": "testigos 1", "refresh": 500, "history": 0, "lat": 11.4, "lon": -63.1,
    }  # fmt: skip
    assert json.loads(readsb_json.receiver()) == {"version": "testigos", "refresh": 1000, "history": 0}
