"""JSON of jet1090 and rs1090: real output of rs1090 where it is installed, receivers, announced addresses."""

import json
from itertools import islice
from pathlib import Path

import polars as pl
import pytest

from feeding import feed
from testigos import registry
from testigos.links import flarm_json, jet1090

FIRST, LINES = 100_000, 20_000  # where the aircraft is in the air


@pytest.fixture(scope="module")
def decoded(shared: Path) -> list[dict]:
    rs1090 = pytest.importorskip("rs1090")
    with (shared / "beast" / "long_flight.csv").open() as lines:
        pairs = [line.strip().split(",")[:2] for line in islice(lines, FIRST, FIRST + LINES)]
    return rs1090.decode([frame[18:] for _, frame in pairs], [float(time) for time, _ in pairs])


def test_what_rs1090_prints_of_a_real_flight_is_read_as_it_says(decoded: list[dict]) -> None:
    raw = "\n".join(json.dumps(message) for message in decoded).encode()
    assert registry.recognise(raw[:65536]) is jet1090
    table, _ = feed(jet1090, [raw[: len(raw) // 3], raw[len(raw) // 3 :]])
    assert len(table) == len(decoded) == LINES
    assert table["status"].eq("malformed").sum() == 0
    for key, column in (
        ("NACv", "nac_v"),
        ("NACp", "nac_p"),
        ("lat_cpr", "cpr_lat"),
        ("squawk", "squawk"),
        ("tc", "tc"),
    ):
        said = [message.get(key) for message in decoded]
        assert table[column].to_list() == said, key
    for key, column in (("latitude", "lat_deg"), ("longitude", "lon_deg")):
        said = pl.Series([message.get(key) for message in decoded], dtype=pl.Float64)
        assert table[column].is_null().to_list() == said.is_null().to_list()
        assert (table[column] - said).abs().max() < 1e-13
    assert table["object_id"].to_list() == ["icao:" + message["icao24"] for message in decoded]
    assert table["df"].cast(pl.String).to_list() == [message["df"] for message in decoded]
    placed = table.filter(pl.col("lat_deg").is_not_null())
    assert placed["status"].unique().to_list() == ["ok"]
    assert len(placed) == sum("latitude" in message for message in decoded) > 300
    micros = [round(message["timestamp"] * 1e6) for message in decoded]
    assert (table["time_ns"] // 1000).to_list() == micros
    called = table.filter(pl.col("callsign").is_not_null())["callsign"].unique().to_list()
    own = {m["callsign"] for m in decoded if m.get("callsign")}
    assert own <= set(called)


def test_an_address_that_only_the_parity_implies_is_unconfirmed_until_it_is_announced_whatever_the_cut() -> None:
    message = '{"timestamp":1.0,"df":"%d","icao24":"484fde"%s}\n'
    raw = ((message % (4, ',"altitude":1000')) + (message % (11, "")) + (message % (5, ',"squawk":"1000"'))).encode()
    for cut in range(len(raw)):
        table, _ = feed(jet1090, [raw[:cut], raw[cut:]])
        assert table["status"].to_list() == ["unconfirmed", "no_position", "no_position"]


def test_an_altitude_of_zero_is_unknown_in_surveillance_and_sea_level_in_adsb() -> None:
    raw = b"".join(
        b'{"timestamp":1.0,"df":"%d","icao24":"484fde","bds":"05","source":"barometric","altitude":0}\n' % df
        for df in (17, 0, 4, 16, 20)
    )
    assert feed(jet1090, [raw])[0]["alt_baro_ft"].to_list() == [0.0, None, None, None, None]


def test_two_records_of_which_one_was_cut_are_two_rows() -> None:
    one = b'{"timestamp":1.0,"df":"11","icao24":"484fde","metadata":[{"name":"a"},{"name":"b"}]}'
    for cut in range(2, len(one)):
        table, _ = feed(jet1090, [one[:cut] + b"\n" + one])
        assert table["status"].to_list() == ["malformed", "no_position"], one[:cut]
        assert table["receiver"].to_list() == [None, "a,b"]


def test_a_message_that_rs1090_decrypts_is_read_as_its_own_test_says() -> None:
    rs1090 = pytest.importorskip("rs1090")
    frame = "7bf23810860b7eabb23952252fd4927024b21fd94e9e1ef416f0"  # crates/rs1090/src/decode/flarm.rs, test_flarm
    raw = json.dumps(rs1090.flarm(frame, 1655274034, 43.61924, 5.11755)).encode()
    assert registry.recognise(raw) is flarm_json
    (row,) = feed(flarm_json, [raw])[0].rows(named=True)
    assert (row["object_id"], row["source"], row["category"]) == ("icao:38f27b", "flarm", "B1")
    assert row["lat_deg"] == pytest.approx(43.61822, rel=1e-3)
    assert row["lon_deg"] == pytest.approx(5.117242, rel=1e-3)
    assert row["alt_geom_ft"] == pytest.approx(160 / 0.3048)
    assert row["vrate_geom_fpm"] == pytest.approx(-1.1 / 0.3048 * 60)
    assert row["gs_kt"] == pytest.approx(0.7905694 * 3600 / 1852, rel=1e-3)
    assert row["track_deg"] == pytest.approx(198.40446, rel=1e-3)


def test_other_json_is_neither() -> None:
    for raw in (b"", b"[]", b'{"now":1,"aircraft":[{"hex":"ae503d"}]}', b'[{"timestamp":1,"icao24":"ae503d"}]'):
        assert jet1090.recognise(raw) == flarm_json.recognise(raw) == 0
