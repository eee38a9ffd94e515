"""readsb's formats on real files, against a plain JSON parser, and what their decoders must not claim."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
import zstandard

from feeding import feed
from testigos.links import bincraft, readsb_json, readsb_trace

SECOND = 10**9


def plain(path: Path) -> bytes:
    raw = path.read_bytes()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def traces(shared: Path) -> list[Path]:
    found = [*shared.glob("traces/**/trace_full_*"), *shared.glob("heatmap_and_api/**/trace_full_*")]
    assert len(found) >= 30
    return sorted(found)


def nanoseconds(seconds: float) -> int:
    return round(seconds * 1e6) * 1000


def test_every_real_trace_reads_with_no_lost_row(shared):
    for path in traces(shared):
        raw = plain(path)
        document = json.loads(raw)
        table, _ = feed(readsb_trace, [raw])
        assert len(table) == len(document["trace"]), path
        assert table["status"].is_in(["ok", "stale"]).all(), path
        assert table["object_id"].unique().to_list() == ["icao:" + document["icao"]]
        assert readsb_trace.recognise(raw[: 1 << 16]) > 90


def test_every_real_trace_row_has_the_values_that_a_json_parser_finds(shared):
    for path in traces(shared):
        document = json.loads(plain(path))
        table, _ = feed(readsb_trace, [plain(path)])
        start = nanoseconds(document["timestamp"])
        for row, given in zip(table.rows(named=True), document["trace"], strict=True):
            assert row["time_ns"] == start + nanoseconds(given[0])
            assert (row["lat_deg"], row["lon_deg"]) == (given[1], given[2])
            if given[3] == "ground":
                assert row["on_ground"] is True
            else:
                assert row["alt_geom_ft" if given[6] & 8 else "alt_baro_ft"] == given[3]
            assert row["gs_kt"] == pytest.approx(given[4]) if given[4] is not None else row["gs_kt"] is None
            assert row["alt_geom_ft"] == given[10]
            assert row["source"] == {"adsb_icao": "adsb", "other": "other"}.get(given[9], row["source"])
            details = given[8]
            if details and "flight" in details:
                assert row["callsign"] == details["flight"].rstrip()
            if details and details["type"] == "adsb_icao":
                assert row["nac_p"] == details.get("nac_p")
                # One real row says nic 0 and rc 186: no integrity, and so no radius.
                assert row["rc_m"] == (None if details.get("nic") == 0 else details.get("rc"))


def test_a_real_trace_written_again_reads_the_same(shared):
    for path in traces(shared):
        table, _ = feed(readsb_trace, [plain(path)])
        again, _ = feed(readsb_trace, [readsb_trace.encode(table)])
        same = ("object_id", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft", "on_ground")
        same += ("callsign", "squawk", "nic", "rc_m", "nac_p", "nac_v", "sil", "adsb_version", "new_leg", "military")
        assert again.select(same).equals(table.select(same)), path
        assert (again["time_ns"] - table["time_ns"]).abs().max() <= 5_000_000


def test_a_real_trace_written_by_another_program_reads_the_same(shared):
    raw = plain(shared / "traces/trace_full_ac134a.json")
    document = json.loads(raw)
    table, _ = feed(readsb_trace, [raw])
    backwards = dict(reversed(document.items()))
    forms = [
        json.dumps(document),
        json.dumps(document, indent=2),
        json.dumps(document, separators=(",", ":"), sort_keys=True),
        json.dumps(backwards),
    ]
    for form in forms:
        data = form.encode()
        again, _ = feed(readsb_trace, [data[i : i + 9_973] for i in range(0, len(data), 9_973)])
        assert again.drop("offset", "length").equals(table.drop("offset", "length"))


@pytest.mark.parametrize("name", ["aircraft_1", "aircraft_2", "aircraft_3"])
def test_every_real_aircraft_list_reads_with_no_lost_row(shared, name):
    raw = plain(shared / "aircraft_json" / f"{name}.json")
    document = json.loads(raw)
    table, _ = feed(readsb_json, [raw])
    assert len(table) == len(document["aircraft"])
    for row, given in zip(table.rows(named=True), document["aircraft"], strict=True):
        assert row["object_id"] == "icao:" + given["hex"] if given["hex"][0] != "~" else row["object_id"][:5] == "anon:"
        place = given.get("lastPosition", given)
        assert (row["lat_deg"], row["lon_deg"]) == (place.get("lat"), place.get("lon"))
        age = place.get("seen_pos", given["seen"])
        assert row["time_ns"] == nanoseconds(document["now"]) - nanoseconds(age)
        expected = "stale" if "lastPosition" in given else "ok" if "lat" in given else "no_position"
        assert row["status"] == expected


def test_real_snapshots_of_one_object_a_line_read_with_no_lost_row(shared):
    raw = plain(shared / "traces/adsb_actions/tests/20minutes.json")
    documents = [json.loads(line) for line in raw.splitlines() if line.strip()]
    table, _ = feed(readsb_json, [raw])
    assert len(table) == len(documents)
    for row, given in zip(table.rows(named=True), documents, strict=True):
        assert row["lat_deg"] == given.get("lat")
        assert row["time_ns"] == given["now"] * SECOND
        assert row["status"] == ("ok" if "lat" in given else "no_position")


def test_the_forms_of_the_api_agree(shared):
    folder = shared / "heatmap_and_api"
    names = ("aircraft.json", "api_all_with_pos.json", "api_all_with_pos_jv2.json")
    tables = [feed(readsb_json, [plain(folder / name)])[0].drop("offset", "length") for name in names]
    assert len(tables[0]) == 6
    assert tables[1].equals(tables[0])
    assert tables[2].equals(tables[0])


def test_bincraft_says_what_the_list_of_the_same_moment_says(shared):
    folder = shared / "heatmap_and_api"
    packed = (folder / "aircraft.binCraft.zst").read_bytes()
    raw = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    assert bincraft.recognise(raw) > 80
    binary = feed(bincraft, [raw])[0].sort("object_id")
    text = feed(readsb_json, [plain(folder / "aircraft.json")])[0].sort("object_id")
    assert len(binary) == 6
    same = ["object_id", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "gs_kt", "track_deg", "callsign"]
    assert binary.select(same).equals(text.select(same))
    assert (binary["time_ns"] - text["time_ns"]).abs().max() <= SECOND // 10 + 1_000_000


def rows(*given: str, head: str = '"icao":"ae503d","timestamp":1000') -> pl.DataFrame:
    return feed(readsb_trace, [("{" + head + ',"trace":[' + ",".join(given) + "]}").encode()])[0]


DETAILS = '{"type":"adsb_icao","flight":"BARB21  ","nic":8,"rc":186,"nac_p":9}'


def test_quality_vouches_for_three_minutes_and_identity_for_ten():
    table = rows(
        f'[0,1,2,1000,300,90,0,0,{DETAILS},"adsb_icao"]',
        '[180,1,3,1000,300,90,0,0,null,"adsb_icao"]',
        '[181,1,3,1000,300,90,0,0,null,"adsb_icao"]',
        '[600,1,4,1000,300,90,0,0,null,"adsb_icao"]',
        '[601,1,5,1000,300,90,0,0,null,"adsb_icao"]',
    )
    assert table["nac_p"].to_list() == [9, 9, None, None, None]
    assert table["callsign"].to_list() == ["BARB21"] * 4 + [None]


def test_quality_of_the_aircrafts_own_position_does_not_vouch_for_multilateration():
    table = rows(
        '[0,1,2,1000,300,90,0,0,{"type":"mlat","flight":"BARB21","nic":8,"rc":186,"nac_p":9},"mlat"]',
        f'[10,1,3,1000,300,90,0,0,{DETAILS},"adsb_icao"]',
        '[20,1,4,1000,300,90,0,0,null,"mlat"]',
        '[30,1,5,1000,300,90,0,0,null,"adsb_icao"]',
    )
    assert table["nac_p"].to_list() == [None, 9, None, 9]
    assert table["rc_m"].to_list() == [None, 186, None, 186]
    assert table["callsign"].to_list() == ["BARB21"] * 4


def test_nothing_is_carried_into_a_new_leg():
    table = rows(
        f'[0,1,2,1000,300,90,0,0,{DETAILS},"adsb_icao"]',
        '[10,1,3,1000,300,90,2,0,null,"adsb_icao"]',
        '[20,1,4,1000,300,90,0,0,null,"adsb_icao"]',
    )
    assert table["callsign"].to_list() == ["BARB21", None, None]
    assert table["nic"].to_list() == [8, None, None]


def test_nothing_is_carried_into_another_document():
    one = '{"icao":"ae503d","timestamp":1000,"trace":[[0,1,2,0,1,1,0,0,' + DETAILS + ',"adsb_icao"]]}'
    other = '{"icao":"ae1463","timestamp":1001,"trace":[[0,1,2,0,1,1,0,0,null,"adsb_icao"]]}'
    table, _ = feed(readsb_trace, [(one + other).encode()])
    assert table["callsign"].to_list() == ["BARB21", None]


def test_a_gap_before_a_position_does_not_make_it_stale_but_a_repeated_place_at_speed_does():
    table = rows(
        '[0,1,2,1000,300,90,1,0,null,"adsb_icao"]',
        '[60,1,2.2,1000,300,90,1,0,null,"adsb_icao"]',
        '[90,1,2.2,1000,300,90,1,0,null,"adsb_icao"]',
        '[120,1,2.2,"ground",0,90,1,0,null,"adsb_icao"]',
    )
    assert table["status"].to_list() == ["ok", "ok", "stale", "ok"]


def test_radius_zero_and_category_zero_are_no_radius():
    table = rows('[0,1,2,1000,300,90,0,0,{"type":"adsb_icao","nic":0,"rc":0},"adsb_icao"]')
    assert table["rc_m"].to_list() == [None]
    assert table["nic"].to_list() == [0]


def test_damage_costs_the_row_it_is_in_and_not_those_behind_it():
    good = [f"[{i},1,{i},1000,300,90,0,0,null]" for i in range(9)]
    for damage in ("[3,1,2,[4", '[3,1,2,{"flight":"X]', "3,1,2,0,1,1,0,0,null]", "[3,1,2,0,1}"):
        table = rows(*good[:4], damage, *good[4:])
        assert table.filter(pl.col("status") == "ok")["lon_deg"].to_list()[-4:] == [5, 6, 7, 8], damage
        assert (table["status"] == "malformed").sum() in (1, 2), damage


def test_a_document_behind_a_cut_one_is_read():
    cut = b'{"icao":"ae503d","timestamp":1000,"trace":[[0,1,2,0,1,1,0,0,null],[1,1,'
    whole = b'{"icao":"ae1463","timestamp":2000,"trace":[[0,1,2,0,1,1,0,0,null]]}'
    table, _ = feed(readsb_trace, [cut + whole])
    assert table["object_id"].to_list()[-1] == "icao:ae1463"
    assert table["time_ns"].to_list()[-1] == 2000 * SECOND
    assert table["status"].to_list() == ["ok", "malformed", "ok"]


def test_a_trace_is_written_of_one_aircraft_only():
    two = pl.DataFrame({"object_id": ["icao:ae503d", "icao:ae1463"], "time_ns": [1, 2]})
    ship = pl.DataFrame({"object_id": ["mmsi:366730000"], "time_ns": [1]})
    for table in (two, ship, two.head(0)):
        with pytest.raises(ValueError, match="one icao: or anon: object"):
            readsb_trace.encode(table)


def test_a_trace_that_says_it_is_simulated_is_marked_in_every_row():
    head = '"icao":"ae503d","simulated":true,"timestamp":1000'
    table = rows("[0,1,2,0,1,1,0,0,null]", "[1,1,2,0,1,1,0,0,null]", head=head)
    assert table["simulated"].to_list() == [True, True]
    assert feed(readsb_trace, [readsb_trace.encode(table)])[0]["simulated"].to_list() == [True, True]
    assert rows("[0,1,2,0,1,1,0,0,null]")["simulated"].to_list() == [None]


def test_a_malformed_row_inherits_nothing():
    table = rows('[0,1,2,0,1,1,0,0,{"type":"tisb_other","nic":8,"rc":186,"version":2}]', "[1,1,2,0,1,1,0,x,null]")
    assert table["nic"].to_list() == [8, None]
    assert table["adsb_version"].to_list() == [2, None]


def test_keys_behind_another_document_do_not_date_one_that_has_no_time():
    data = b'{"icao":"ae503d","trace":[[0,1,2,0,1,1,0,0,null]]}\n"timestamp":1000,"icao":"ae1463"}'
    whole, _ = feed(readsb_trace, [data])
    assert whole["status"].to_list() == ["no_time"]
    for cut in range(len(data)):
        assert feed(readsb_trace, [data[:cut], data[cut:]])[0].equals(whole)
