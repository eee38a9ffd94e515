"""Addresses, call signs, types."""

import csv
import re
from itertools import pairwise

import polars as pl
import pytest

from testigos.world import identity


@pytest.fixture(scope="module")
def who(world):
    return world.identity


@pytest.mark.parametrize(
    ("object_id", "iso2", "military"),
    [
        ("icao:ae503d", "US", True),
        ("icao:adf7c7", "US", None),
        ("icao:adf7c8", "US", True),
        ("icao:a00001", "US", None),
        ("icao:43c001", "GB", True),
        ("icao:3b7777", "FR", True),
        ("icao:0d8001", "VE", None),
        ("icao:400000", "GB", True),
        ("icao:f00000", None, None),
        ("icao:000000", None, None),
        ("icao:ffffff", None, None),
        ("anon:2a1b3c", None, None),
        ("mmsi:366730000", None, None),
        ("icao:xyz", None, None),
    ],
)
def test_an_address_says_its_state_and_whether_its_block_is_military(who, object_id, iso2, military):
    info = who.who(object_id)
    assert (info.country_iso2, info.military) == (iso2, military)
    assert info.basis


def test_state_blocks_do_not_overlap_and_military_blocks_lie_within_their_state(who):
    rows = [(int(r["first"], 16), int(r["last"], 16), r["iso2"], r["military"]) for r in who.blocks.to_dicts()]
    states = sorted(r for r in rows if r[3] == "no")
    assert len(states) >= 188
    assert all(a[1] < b[0] for a, b in pairwise(states))
    for first, last, iso2, _ in (r for r in rows if r[3] == "yes"):
        assert any(s[0] <= first <= last <= s[1] and s[2] == iso2 for s in states)
    assert set(who.blocks["iso2"].drop_nulls()) <= set(who.countries["iso2"])


def test_blocks_agree_with_a_public_list(who, shared):
    with (shared / "identity" / "code-blocks.csv").open(encoding="utf-8-sig") as file:
        public = [r for r in csv.DictReader(file) if int(r["Count"]) >= 1024 and r["CountryISO2"] not in ("ZZ", "XA")]
    assert len(public) > 180
    for row in public:
        if row["CountryISO2"] in ("BM", "KY", "IM", "XB"):
            continue  # parts of the block of the United Kingdom
        assert who.who(f"icao:{row['Start'].lower()}").country_iso2 == row["CountryISO2"], row


@pytest.mark.parametrize(
    ("callsign", "name"),
    [
        ("RCH871", "Reach"),
        ("RCH871 ", "Reach"),
        ("SPAR19", "Spar"),
        ("rch1", "Reach"),
        ("FAF4011", "French"),
        ("UAL12", "United"),
        ("RYR9AB", "Ryanair"),
    ],
)
def test_a_call_sign_says_its_operator(who, callsign, name):
    assert name in who.operator(callsign).name


@pytest.mark.parametrize("callsign", ["BARB21", "N12345", "SAMBA", "RCH", "", None, "ZZZZ1", "RCH-1"])
def test_a_call_sign_that_says_nothing_is_not_guessed_at(who, callsign):
    assert who.operator(callsign) is None


def test_types_have_plain_names_and_roles(who):
    assert (who.aircraft_type("B1").name, who.aircraft_type("b1").role) == ("B-1B Lancer", "bomber")
    assert who.aircraft_type("K35R").role == "tanker"
    assert who.aircraft_type("GLEX").as_flown(True, "US") == ("E-11A", "relay")
    assert who.aircraft_type("GLEX").as_flown(True, "DE") == ("Global Express", "business jet")
    assert who.aircraft_type("A332").as_flown(True, "GB") == ("A330 MRTT", "tanker")
    assert who.aircraft_type("A332").as_flown(None, "GB") == ("Airbus A330-200", "airliner")
    assert who.aircraft_type("XXXX") is None
    assert who.aircraft_type(None) is None


def test_no_speed_limit_is_under_the_machs_it_rests_on(who):
    checked = 0
    for row in who.type_table.iter_rows(named=True):
        assert 100 <= row["max_speed_kt"] <= 2_000
        if mach := re.search(r"MMO (0\.\d+)", row["speed_basis"]):
            checked += 1
            assert row["max_speed_kt"] >= float(mach[1]) * 625 - 0.5, row["type_code"]
            assert row["max_speed_kt"] <= identity.DEFAULT_MAX_SPEED_KT
    assert checked > 60
    assert who.max_speed_kt("B1") == 800
    assert who.max_speed_kt(None) == 600


def test_the_tables_have_no_duplicate_keys(world, who):
    assert who.type_table["type_code"].is_unique().all()
    assert who.callsigns["prefix"].is_unique().all()
    assert world.countries["iso2"].is_unique().all()
    assert world.countries["iso3"].is_unique().all()
    assert world.islands["name"].is_unique().all()


def test_plane_alert_rows_are_read_as_they_stand(shared):
    table = identity.read_plane_alert((shared / "identity" / "plane-alert-db.csv").read_bytes())
    assert len(table) == 17_198
    assert table.schema == pl.Schema(identity.AIRCRAFT)
    assert table.filter(pl.col("type_code") == "B1")["military"].all()


def test_aircraft_databases_add_to_what_the_tables_say(who):
    lines = b"AE04D7;86-0133;B1;10;ROCKWELL B-1 Lancer;;USAF\nA00001;N1;C172;00;;;\n#bad\n"
    table = identity.read_tar1090_db(lines)
    assert len(table) == 2
    both = identity.Identity(who.blocks, who.callsigns, who.type_table, who.countries, table, who.sources)
    info = both.who("icao:ae04d7")
    assert (info.registration, info.type_code, info.operator, info.military) == ("86-0133", "B1", "USAF", True)
    assert info.basis[-1] == "tar1090-db"
    civil = both.who("icao:a00001")
    assert (civil.registration, civil.operator, civil.military) == ("N1", None, None)
    assert both.who("icao:ae04d8").registration is None
