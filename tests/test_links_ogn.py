"""OGN: another parser agrees, days follow from a clock, and what is private says so."""

import json
import math
import re
from pathlib import Path

import ogn_parser
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeding import feed
from testigos.io.options import link_from_text, text_of
from testigos.links import ogn
from testigos.links._modes import Options

VECTORS = sorted((Path(__file__).parent / "vectors" / "ogn").glob("*.json"))
DAY = 1_704_067_200  # 2024-01-01
SCHEMES = {0: "anon", 1: "icao", 2: "flarm", 3: "ogn", 4: "naviter", 5: "fanet"}


def _read(*lines: str, link=ogn) -> pl.DataFrame:
    return feed(link, ["\n".join(lines).encode()])[0]


def _beacon(time: str, name: str = "FLR000001", flags: str = "06") -> str:
    return f"{name}>OGFLR,qAS,A:/{time}4700.00N/00800.00E'090/050/A=001000 id{flags}{name[3:]}"


def _agrees(row: dict, line: str) -> None:
    """With ogn-parser, where it understands the line.

    It differs on purpose in this: 000/000 are a course and a speed of 0, where the documents say no data; a course
    of 360 stays, where ours is 0; and wind is course and speed of a weather station under other names. Left out of
    the comparison is an altitude below the sea, with which it reads neither course nor speed.
    """
    said = json.loads(ogn_parser.parse_to_json(line)[0])["aprs_packet"]
    assert row["uid"] == said["from"]
    assert row["service"] == said["to"]
    assert row["receiver"] == said["via"][[v[:1] for v in said["via"]].index("q") + 1]
    relays = [v.removesuffix("*") for v in said["via"][:-2] if not v.startswith("TCPIP")]
    assert row["via"] == (" ".join(relays) or None)
    position = said.get("position")
    if position is None:
        assert row["lat_deg"] is None
        return
    near = {"abs": 1e-9}
    assert row["lat_deg"] == pytest.approx(position["latitude"], **near)
    assert row["lon_deg"] == pytest.approx(position["longitude"], **near)
    assert row["alt_msl_ft"] == position.get("altitude")
    course, speed = position.get("course"), position.get("speed")
    assert row["gs_kt"] == (None if not course and not speed else speed)
    assert row["track_deg"] == (course % 360 if course else None)
    if row["kind"] == "fixed" and row["private"] is None:
        return
    assert row["vrate_geom_fpm"] == position.get("climb_rate")
    for column, key, factor in (
        ("track_rate_degps", "turn_rate", 3.0),
        ("snr_db", "signal_quality", 1.0),
        ("alt_baro_ft", "flight_level", 100.0),
    ):
        wanted = position.get(key)
        assert row[column] == (None if wanted is None else pytest.approx(float(wanted) * factor, rel=1e-6)), column
    if "address" in position:
        assert row["object_id"] == f"{SCHEMES[position['address_type']]}:{position['address']:06x}"
        assert row["private"] == (position["is_stealth"] or position["is_notrack"])
    if "gps_quality" in position:
        across, upright = (int(x) for x in position["gps_quality"].split("x"))
        assert row["accuracy95_m"] == (pytest.approx(across * 2.448, rel=1e-6) if 0 < across < 63 else None)
        assert row["height_accuracy95_m"] == (pytest.approx(upright * 1.96, rel=1e-6) if 0 < upright < 63 else None)


def test_another_parser_reads_the_published_lines_alike() -> None:
    compared = 0
    for path in VECTORS:
        lines = json.loads(path.read_text())["input"]["text"].splitlines()
        table = _read(*lines)
        beacons = [line for line in lines if not line.startswith("#")]
        assert len(beacons) == len(table)
        for line, row in zip(beacons, table.rows(named=True), strict=True):
            if row["status"] in ("ok", "no_time", "no_position") and not re.search(":T#|id25387|/A=-", line):
                _agrees(row, line)
                compared += 1
    assert compared > 20


@st.composite
def beacons(draw) -> str:
    number = lambda low, high: draw(st.integers(low, high))  # noqa: E731
    address, kind, form = number(1, 0xFFFFFF), number(0, 15), number(0, 3)
    flags = draw(st.sampled_from([0, 0, 0, 0x80, 0x40])) | kind << 2 | form
    prefix = draw(st.sampled_from(["FLR", "ICA", "OGN", "RND", "SKY"]))
    tocall = draw(st.sampled_from(["APRS", "OGFLR", "OGNTRK", "OGNSKY", "OGADSB"]))
    relay = draw(st.sampled_from(["", "RELAY*,", "OGN2FD00F*,"]))
    course, speed = number(0, 360), number(0, 999)
    parts = [
        f"{prefix}{address:06X}>{tocall},{relay}qAS,{draw(st.sampled_from(['LFMX', 'Letzi', 'K2B9']))}:/",
        f"{number(0, 23):02d}{number(0, 59):02d}{number(0, 59):02d}h",
        f"{number(0, 89):02d}{number(0, 59):02d}.{number(0, 99):02d}{draw(st.sampled_from('NS'))}",
        f"{draw(st.sampled_from('/' + chr(92)))}{number(0, 179):03d}{number(0, 59):02d}.{number(0, 99):02d}",
        f"{draw(st.sampled_from('EW'))}{draw(st.sampled_from(chr(39) + '^Xgz'))}",
        f"{course:03d}/{speed:03d}" if draw(st.booleans()) else "",
        f"/A={number(0, 60_000):06d}",
    ]
    words = [
        f"!W{number(0, 99):02d}!", f"id{flags:02X}{address:06X}", f"{number(-6000, 6000):+04d}fpm",
        f"{number(-300, 300) / 10:+.1f}rot", f"FL{number(0, 60_000) / 100:06.2f}", f"{number(0, 600) / 10:.1f}dB",
        f"{number(0, 9)}e", f"{number(-200, 200) / 10:+.1f}kHz", f"gps{number(0, 63)}x{number(0, 63)}",
    ]  # fmt: skip
    kept = [w for w in words if w.startswith("id") or draw(st.booleans())]
    return "".join(parts) + " " + " ".join(kept)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(beacons(), min_size=1, max_size=5))
def test_another_parser_reads_any_beacon_alike(lines: list[str]) -> None:
    table = _read(*lines)
    assert set(table["status"]) == {"no_time"}
    for line, row in zip(lines, table.rows(named=True), strict=True):
        _agrees(row, line)


def test_a_rot_is_three_degrees_a_second_as_published_courses_turn() -> None:
    # aprsmsgs.txt: FLRDDD30E once at 14:10:57 and once a second later
    table = _read(
        "FLRDDD30E>OGFLR,qAS,LFCS:/141057h4441.41N/00036.29W'182/058/A=002704 !W80! id06DDD30E +871fpm -4.1rot 14.0dB",
        "FLRDDD30E>OGFLR,qAS,LFCS:/141058h4441.40N/00036.28W'164/057/A=002720 !W25! id06DDD30E +772fpm -4.3rot 16.8dB",
    )
    turned, said = table["track_deg"][1] - table["track_deg"][0], table["track_rate_degps"].mean()
    assert said == pytest.approx(-12.6)
    half = said / 2  # what half a turn in two minutes would make of it
    assert abs(turned - said) < abs(turned - half)


def test_the_type_of_aircraft_names_kind_and_category() -> None:
    table = _read(*(_beacon("120000h", flags=f"{kind << 2 | 2:02X}") for kind in (1, 3, 4, 7, 8, 11, 13, 15, 0)))
    assert table["category"].to_list() == ["B1", "A7", "B3", "B4", None, "B2", "B6", "C3", None]
    assert table["kind"].to_list() == [
        "aircraft", "aircraft", "person", "aircraft", "aircraft", "aircraft", "drone", "fixed", "unknown",
    ]  # fmt: skip


def test_stealth_and_no_tracking_are_private_and_a_line_without_an_id_says_neither() -> None:
    table = _read(*(_beacon("120000h", flags=f) for f in ("06", "86", "46", "C6")), "OGN000001>OGNTRK,qAS,A:>120000h x")
    assert table["private"].to_list() == [False, True, True, True, None]


def test_a_day_that_the_user_tells_dates_the_lines_past_midnight_too() -> None:
    link = ogn.configured(Options(began_ns=DAY * 10**9))
    table = _read(*(_beacon(f"{t}h") for t in ("230000", "235959", "000001", "001200", "001300", "011400")), link=link)
    seconds = (table["time_ns"] // 10**9 - DAY).to_list()
    assert seconds == [82_800, 86_399, 86_401, 87_120, 87_180, 90_840]


def test_a_moment_that_the_user_tells_is_near_the_first_line() -> None:
    link = ogn.configured(Options(began_ns=(DAY + 10) * 10**9))
    assert (_read(_beacon("235955h"), link=link)["time_ns"] // 10**9 - DAY).to_list() == [-5]


def test_one_wrong_clock_does_not_carry_the_days_away() -> None:
    link = ogn.configured(Options(began_ns=DAY * 10**9))
    right, wrong = [f"{h:02d}{m:02d}00h" for h in range(24) for m in range(0, 60, 5)], []
    lines = []
    for k, time in enumerate(right * 2):
        lines.append(_beacon(time))
        if k % 7 == 0:
            wrong.append(len(lines))
            lines.append(_beacon(f"{(k * 5 // 60 + 8) % 24:02d}0000h", "FLR000009"))
    times = _read(*lines, link=link).filter(pl.col("object_id") == "flarm:000001")["time_ns"] // 10**9 - DAY
    assert wrong
    assert times.to_list() == list(range(0, 2 * 86_400, 300))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 86_399)), min_size=1, max_size=40), st.integers(0, 86_399))
def test_the_times_of_one_object_need_only_its_own_lines_and_the_anchors(said, began) -> None:
    link = ogn.configured(Options(began_ns=(DAY + began) * 10**9))
    text = "\n".join(
        _beacon(f"{s // 3600:02d}{s // 60 % 60:02d}{s % 60:02d}h", f"FLR00000{who}") for who, s in said
    ).encode()
    frames, _ = link.split(text, True)
    whole, rests = link.decode(frames, None)[0], link.anchors(frames, None)
    for who in whole["object_id"].unique():
        keep = (whole["object_id"] == who).to_numpy() | rests
        kept = type(frames)(text, frames.start[keep], frames.stop[keep], frames.context[keep])
        again = link.decode(kept, None)[0].filter(pl.col("object_id") == who)
        assert again["time_ns"].to_list() == whole.filter(pl.col("object_id") == who)["time_ns"].to_list()


def test_the_option_goes_with_the_name_of_the_link() -> None:
    link = link_from_text(f"ogn?began_ns={DAY * 10**9}")
    assert text_of(link) == f"ogn?began_ns={DAY * 10**9}"
    assert _read(_beacon("000001h"), link=link)["time_ns"].to_list() == [(DAY + 1) * 10**9]
    assert _read(_beacon("000001h"))["time_ns"].to_list() == [None]


def test_only_lines_of_ogn_are_recognised() -> None:
    assert ogn.recognise(_beacon("120000h").encode() + b"\n") >= 90
    assert ogn.recognise(b"# aprsc 2.1.4-g408ed49 31 Dec 2023 23:59:50 GMT GLIDERN2 192.0.2.1:14580\r\n") >= 90
    assert ogn.recognise(b"K1ABC-9>APRS12,WIDE1-1,qAR,K1XYZ:!4903.50N/07201.75W-Test\n") == 0
    assert ogn.recognise(b"# time,lat,lon\n1,2,3\n") == 0
    assert ogn.recognise(b"") == 0


def test_a_word_that_cannot_be_read_is_null_and_the_line_says_so() -> None:
    words = ("+-3fpm", "3..0rot", "gpsx3", "FL-.", "!Wxy!")
    table = _read(*(_beacon("120000h") + " " + w for w in words))
    assert table["status"].to_list() == ["out_of_range"] * len(words)
    assert all(math.isclose(lat, 47.0) for lat in table["lat_deg"])
    assert not any(re.search("[^ -~]", name) for name in table["uid"])
