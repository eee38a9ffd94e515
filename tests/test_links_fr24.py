"""Flightradar24: playback JSON and CSV export."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from testigos.links import fr24_csv, fr24_json
from testigos.schema import violations


def test_every_fix_of_a_real_playback_is_a_row_with_its_values(shared: Path) -> None:
    data = (shared / "fr24" / "2ce4f83f.json").read_bytes()
    track = json.loads(data)["result"]["response"]["data"]["flight"]["track"]
    assert fr24_json.recognise(data[:65536]) > 0
    frames, rest = fr24_json.split(data, True)
    table, _ = fr24_json.decode(frames, None)
    assert rest == b""
    assert violations(table) == []
    assert len(table) == len(track) == 871
    assert table["status"].eq("ok").all()
    assert table["object_id"].unique().to_list() == ["icao:ae503d"]
    assert table["callsign"].unique().to_list() == ["SPAR19"]
    assert table["time_ns"].to_list() == [f["timestamp"] * 10**9 for f in track]
    assert table["lat_deg"].to_list() == [f["latitude"] for f in track]
    assert table["alt_baro_ft"].to_list() == [f["altitude"]["feet"] or None for f in track]
    assert table["on_ground"][0]
    assert table["on_ground"][-1]


def test_the_csv_of_a_flight_reads_as_its_playback(shared: Path) -> None:
    data = (shared / "fr24" / "2ce4f83f.json").read_bytes()
    frames, _ = fr24_json.split(data, True)
    playback, _ = fr24_json.decode(frames, None)
    text = "Timestamp,UTC,Callsign,Position,Altitude,Speed,Direction\n"
    for f in json.loads(data)["result"]["response"]["data"]["flight"]["track"]:
        moment = datetime.fromtimestamp(f["timestamp"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        place = f'"{f["latitude"]},{f["longitude"]}"'
        text += f"{f['timestamp']},{moment},SPAR19,{place},{f['altitude']['feet']},{f['speed']['kts']},{f['heading']}\n"
    assert fr24_csv.recognise(text.encode()) > 0
    frames, _ = fr24_csv.split(text.encode(), True)
    table, _ = fr24_csv.decode(frames, None)
    same = ["time_ns", "status", "lat_deg", "lon_deg", "alt_baro_ft", "on_ground", "gs_kt", "track_deg", "callsign"]
    assert table.select(same).equals(playback.select(same))
    assert table["object_id"].unique().to_list() == ["callsign:SPAR19"]


def test_the_cut_of_the_bytes_changes_nothing(shared: Path) -> None:
    data = (shared / "fr24" / "2ce4f83f.json").read_bytes()
    frames, _ = fr24_json.split(data, True)
    whole, _ = fr24_json.decode(frames, None)
    for cut in (0, 1, 5, 20, 3000, 3650, 100_000, len(data) - 400, len(data) - 1):
        frames, rest = fr24_json.split(data[:cut])
        first, carry = fr24_json.decode(frames, None)
        base = cut - len(rest)
        frames, _ = fr24_json.split(rest + data[cut:], True)
        second, _ = fr24_json.decode(frames, carry)
        second = second.with_columns(pl.col("offset") + base)
        assert pl.concat([first, second], how="diagonal").select(whole.columns).equals(whole)


def test_a_result_without_a_track_is_a_malformed_row() -> None:
    frames, _ = fr24_json.split(b'{"result": {"response": {"data": null}}}', True)
    assert fr24_json.decode(frames, None)[0]["status"].to_list() == ["malformed"]
