"""Raw Mode S: framing, stamps and time, options, and writing what was read."""

import pickle

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from feeding import feed
from testigos.links import _modes_time, avr, beast, frames_csv
from testigos.links._modes import Options
from testigos.links._modes_time import GPS, GPS_AHEAD, GPS_FREE, HOST, MODE, RECEIVER, TICKS, Clock, Events, times
from testigos.registry import Frames

IDENT = bytes.fromhex("8d4840d6202cc371c32ce0576098")  # KLM1023, 4840D6: The 1090 Megahertz Riddle, chapter 5
BEGAN = 1_761_242_592_500_000_000  # 2025-10-23T18:03:12.5Z
DAY = 86_400_000_000_000
S = 12_000_000
LAWS = settings(deadline=None, derandomize=True, max_examples=200)


def framed(stamp: int, body: bytes = IDENT, signal: int = 50) -> bytes:
    """A Beast frame, written here without the package."""
    kind = {2: b"1", 7: b"2", 14: b"3"}[len(body)]
    inside = stamp.to_bytes(6, "big") + bytes([signal]) + body
    return b"\x1a" + kind + inside.replace(b"\x1a", b"\x1a\x1a")


def gps(seconds: int, ns: int = 0) -> int:
    return seconds << 30 | ns


def read(raw: bytes, **told) -> pl.DataFrame:
    return feed(beast.configured(Options(**told)), [raw])[0]


def seconds(raw: bytes, **told) -> list[float | None]:
    """Times after the beginning."""
    return [None if t is None else (t - BEGAN) / 1e9 for t in read(raw, **told)["time_ns"]]


# ---- framing ----


@LAWS
@given(st.lists(st.tuples(st.integers(0, 2**48 - 1), st.integers(0, 255), st.binary(min_size=14, max_size=14),
                          st.sampled_from([2, 7, 14])), max_size=20), st.integers(0, 3))  # fmt: skip
def test_frames_with_any_bytes_are_found_and_unescaped(messages, escapes):
    messages = [(s, g, bytes([0x1A] * escapes) + b[escapes:], n) for s, g, b, n in messages]
    raw = b"".join(framed(s, b[:n], g) for s, g, b, n in messages)
    found, rest = beast.split(raw)
    assert not rest
    unpacked, _ = beast._messages(found)
    assert unpacked.size.tolist() == [n for *_, n in messages]
    assert unpacked.stamp.tolist() == [s for s, *_ in messages]
    assert unpacked.signal.tolist() == [g for _, g, *_ in messages]
    assert [bytes(p[:n]) for p, (*_, n) in zip(unpacked.payload, messages, strict=True)] == [
        b[:n] for *_, b, n in messages
    ]


def test_noise_without_end_is_cut_into_frames_that_do_not_wait():
    found, rest = beast.split(b"\x00" * 5000)
    assert (found.stop - found.start).tolist() == [1024] * 4
    assert len(rest) == 5000 - 4096


def test_the_shortest_frames_all_find_room():
    ping = b"\x1aP\x01\x02\x03"
    found, rest = beast.split(ping * 1000 + b"\x1a1\x1a2" * 1000 + framed(12))
    assert not rest
    assert len(found) == 3001
    assert found.context.sum() == 1000


def test_a_message_after_noise_is_found():
    table = read(b"\x55" * 3000 + framed(12) + b"\x1a\x1a\x33" + framed(24))
    assert table["status"].to_list() == ["malformed"] * 3 + ["no_time", "malformed", "no_time"]


@pytest.mark.parametrize("link", [beast, avr, frames_csv], ids=lambda m: m.NAME)
@LAWS
@given(messages=st.lists(st.tuples(st.integers(0, 2**48 - 1), st.integers(0, 255),
                                   st.binary(min_size=14, max_size=14), st.sampled_from([2, 7, 14]),
                                   st.integers(0, 4 * 10**18), st.integers(0, 2**64 - 1)), max_size=12))  # fmt: skip
def test_messages_written_are_read_back_the_same(link, messages):
    payload = np.array([list(m[2]) for m in messages], np.uint8).reshape(-1, 14)
    size = np.array([m[3] for m in messages], np.uint8)
    stamp = np.array([m[0] for m in messages], np.uint64)
    signal = np.array([m[1] for m in messages], np.uint8)
    time_ns = np.array([m[4] for m in messages], np.int64)
    named = np.array([m[5] for m in messages], np.uint64)
    more = {"avr": (), "beast": (named,), "frames_csv": (time_ns, named)}[link.NAME]
    raw = link.encode_frames(payload, size, stamp, signal, *more)
    found, rest = link.split(raw, True)
    assert not rest
    back = link._messages(found)
    unpacked = back if link is avr else back[0]
    assert unpacked.size.tolist() == size.tolist()
    assert unpacked.stamp.tolist() == stamp.tolist()
    assert unpacked.signal.tolist() == signal.tolist()
    assert [bytes(p[:n]) for p, n in zip(unpacked.payload, size, strict=True)] == [
        bytes(p[:n]) for p, n in zip(payload, size, strict=True)
    ]
    if link is frames_csv:
        assert back[1].tolist() == time_ns.tolist()
    if link is not avr:
        heard = feed(link, [raw])[0]["receiver"].to_list()
        assert heard == [f"{n:016x}" for n in named.tolist()]


@pytest.mark.parametrize("link", [beast, avr], ids=lambda m: m.NAME)
def test_a_message_of_another_size_is_not_written(link):
    with pytest.raises(ValueError, match="2, 7 or 14 bytes"):
        link.encode_frames(
            np.zeros((1, 14), np.uint8), np.array([3], np.uint8), np.zeros(1, np.uint64), np.zeros(1, np.uint8)
        )


def test_a_time_before_1970_is_not_written():
    with pytest.raises(ValueError, match="before 1970"):
        frames_csv.encode_frames(np.zeros((1, 14), np.uint8), np.array([2], np.uint8), np.zeros(1, np.uint64),
                                 np.zeros(1, np.uint8), np.array([-1]))  # fmt: skip


# ---- options ----


def test_options_survive_json_and_pickle():
    told = Options(began_ns=BEGAN, receiver_lat_deg=11.0, receiver_lon_deg=-63.0, range_m=4e5, repair=True, gps=False)
    assert Options.from_dict(told.as_dict()) == told
    assert Options().as_dict() == {}
    link = beast.configured(told)
    assert pickle.loads(pickle.dumps(link)) == link


def test_an_unknown_option_is_named():
    with pytest.raises(ValueError, match="beginning"):
        Options.from_dict({"beginning": 1})


def test_a_wrong_bit_is_mended_only_where_asked():
    broken = bytearray(IDENT)
    broken[6] ^= 0x10  # bit 52
    raw = framed(12, bytes(broken))
    assert read(raw)["status"].to_list() == ["parity_failed"]
    mended = read(raw, repair=True)
    assert mended.select("callsign", "repaired_bit").row(0) == ("KLM1023", 52)


# ---- time ----


def test_without_a_beginning_nobody_knows_when():
    table = read(framed(12) + framed(24))
    assert table["time_ns"].to_list() == [None, None]
    assert table["status"].to_list() == ["no_time", "no_time"]
    assert table["stamp"].to_list() == [12, 24]


def test_time_goes_on_from_the_beginning_by_exact_ticks():
    raw = framed(100) + framed(101) + framed(103) + framed(100 + 3600 * S)
    assert read(raw, began_ns=BEGAN)["time_ns"].to_list() == [BEGAN, BEGAN + 83, BEGAN + 250, BEGAN + 3600 * 10**9]


def test_a_counter_that_wraps_goes_on():
    raw = framed(2**48 - S) + framed(S // 2) + framed(2**48 - S // 4) + framed(2 * S)
    assert seconds(raw, began_ns=BEGAN) == [0, 1.5, 0.75, 3]


def test_a_receiver_started_again_goes_on_at_the_time_of_the_last():
    raw = framed(500 * S) + framed(510 * S) + framed(S) + framed(3 * S) + framed(4 * S)
    assert seconds(raw, began_ns=BEGAN) == [0, 10, 10, 12, 13]


def test_a_frame_may_come_a_little_late():
    assert seconds(framed(500 * S) + framed(501 * S) + framed(500 * S + S // 2) + framed(502 * S), began_ns=BEGAN) == [
        0,
        1,
        0.5,
        2,
    ]


def test_a_long_silence_is_one():
    assert seconds(framed(S) + framed(7201 * S) + framed(7202 * S), began_ns=BEGAN) == [0, 7200, 7201]


@pytest.mark.parametrize("damaged", [2**47, 5 * S, 100_000 * S])
def test_a_damaged_stamp_costs_only_its_own_frame(damaged):
    raw = framed(1000 * S) + framed(1001 * S) + framed(damaged) + framed(1002 * S) + framed(1003 * S)
    times_s = seconds(raw, began_ns=BEGAN)
    assert [*times_s[:2], *times_s[3:]] == [0, 1, 2, 3]


def test_two_damaged_stamps_in_a_row_cost_only_their_own_frames():
    raw = b"".join(framed(s * S) for s in (1000, 1001, 9_000_000, 5, 1002, 1003))
    times_s = seconds(raw, began_ns=BEGAN)
    assert [*times_s[:2], *times_s[4:]] == [0, 1, 2, 3]


def test_synthetic_frames_have_the_time_of_the_last_and_their_source():
    raw = framed(0) + framed(S) + framed(3 * S) + framed(0xFF004D4C4154) + framed(0) + framed(4 * S)
    table = read(raw, began_ns=BEGAN)
    assert seconds(raw, began_ns=BEGAN) == [None, 0, 2, 2, 2, 3]
    assert table["source"].to_list() == ["adsb", "adsb", "adsb", "mlat", "adsb", "adsb"]
    assert table["stamp"].to_list() == [None, S, 3 * S, None, None, 4 * S]
    assert table["status"].to_list() == ["no_time", *["no_position"] * 5]


def test_gps_stamps_need_only_the_date():
    raw = (
        framed(gps(64_992, 500_000_000))
        + framed(gps(86_399, 999_999_999))
        + framed(gps(0, 1))
        + framed(gps(86_399, 999_999_998))
    )
    noon = BEGAN - BEGAN % DAY
    want = [noon + 64_992_500_000_000, noon + DAY - 1, noon + DAY + 1, noon + DAY - 2]
    assert read(raw, began_ns=noon, gps=True)["time_ns"].to_list() == want
    assert read(raw, began_ns=BEGAN, gps=True)["time_ns"].to_list() == want


def test_a_beginning_just_before_midnight_fits_a_stamp_just_after():
    midnight = BEGAN - BEGAN % DAY + DAY
    assert read(framed(gps(0, 7)), began_ns=midnight - 5, gps=True)["time_ns"].to_list() == [midnight + 7]


@pytest.mark.parametrize(
    ("switches", "status", "late_s"),
    [(0x11, 0x9F, 0), (0x11, 0x1F, -1), (0x01, 0x9F, None)],
    ids=["gps", "gps, a second ahead", "counter"],
)
def test_a_receiver_says_which_kind_of_stamp_it_writes(switches, status, late_s):
    state = b"\x1a4" + bytes(7) + bytes([switches, 0, status]) + bytes(11)
    raw = state + framed(gps(64_992, 0)) + framed(gps(64_993, 0))
    first = read(raw, began_ns=BEGAN)["time_ns"][0]
    day = BEGAN - BEGAN % DAY
    assert first == (BEGAN if late_s is None else day + (64_992 + late_s) * 10**9)


def test_receivers_have_clocks_of_their_own():
    def heard(number: int) -> bytes:
        return b"\x1a\xe3" + number.to_bytes(8, "big").replace(b"\x1a", b"\x1a\x1a")

    raw = (
        heard(1)
        + framed(100 * S)
        + framed(101 * S)
        + heard(0x1A)
        + framed(7 * S)
        + heard(1)
        + framed(103 * S)
        + heard(0x1A)
        + framed(8 * S)
    )
    assert seconds(raw, began_ns=BEGAN) == [0, 1, 1, 3, 2]
    assert read(raw)["receiver"].to_list() == [f"{n:016x}" for n in (1, 1, 0x1A, 1, 0x1A)]


STEPS = st.one_of(
    st.integers(0, 5 * S),  # the usual
    st.integers(-S, S),  # late, early
    st.integers(-100 * S, 200 * S),
    st.sampled_from([2**47, -(2**46), 3600 * S, 86_400 * S, 2**48 - 5 * S, 2 * S + 2**48, 61 * S, 59 * S]),
)


@st.composite
def streams(draw):
    """Stamps of two receivers with jumps, restarts and marks, and events."""
    count = draw(st.integers(1, 40))
    mode = draw(st.sampled_from([TICKS, GPS, GPS_AHEAD, GPS_FREE]))
    at = [draw(st.integers(0, 2**48 - 1)), draw(st.integers(0, 10**12))]
    events, stamps, who = [(0, MODE, mode)], [], 0
    for i in range(count):
        if draw(st.integers(0, 4)) == 0:
            who = draw(st.integers(0, 1))
            events.append((i, RECEIVER, who + 10))
            events.append((i, MODE, mode))
        if draw(st.integers(0, 40)) == 0:
            events.append((i, HOST, BEGAN + i))
        step = draw(STEPS)
        if draw(st.integers(0, 5)) == 0:  # a damaged one
            value = at[who] + step * draw(st.integers(-3, 3))
        else:
            value = at[who] = at[who] + step
        if mode == TICKS:
            stamp = value % 2**48
        else:
            ns = value * 250 // 3 % DAY
            stamp = gps(ns // 10**9, ns % 10**9)
        stamps.append(draw(st.sampled_from([stamp] * 8 + [0, _modes_time.MLAT_STAMP])))
    return np.array(stamps, np.uint64), np.array(events, np.int64).reshape(-1, 3)


def folded(stamps, size, events, clock, marking=False):
    kind, value = events[:, 1].copy(), events[:, 2].astype(np.uint64)
    return times(stamps, size, Events(events[:, 0].copy(), kind, value), clock, marking)


@settings(deadline=None, derandomize=True, max_examples=2000)
@given(streams(), st.lists(st.booleans(), min_size=40, max_size=40), st.integers(0, 40), st.sampled_from([None, BEGAN]))
def test_some_frames_and_their_anchors_have_the_times_that_they_have_among_all(stream, chosen, cut, began):
    stamps, events = stream
    size = np.full(len(stamps), 14, np.uint8)
    cut = min(cut, len(stamps))
    clock = Clock.fresh(began, None)
    whole, known, *_ = folded(stamps, size, events, clock)
    kept, clock = [], Clock.fresh(began, None)
    for low, high in ((0, cut), (cut, len(stamps))):
        last = high == len(stamps)
        own = events[(events[:, 0] >= low) & ((events[:, 0] < high) | last)] - [low, 0, 0]
        part, told, _, anchors, clock = folded(stamps[low:high], size[low:high], own, clock, True)
        assert part.tolist() == whole[low:high].tolist()
        assert told.tolist() == known[low:high].tolist()
        kept += anchors.tolist()
        if last:
            break
    keep = np.array(kept) | np.array(chosen[: len(stamps)])
    place = np.cumsum(keep) - keep
    fewer = events.copy()
    fewer[:, 0] = [place[at] if at < len(place) else keep.sum() for at in events[:, 0]]
    again, told, *_ = folded(stamps[keep], size[keep], fewer, Clock.fresh(began, None))
    assert told.tolist() == known[keep].tolist()
    assert again.tolist() == whole[keep].tolist()


def test_a_jump_that_only_a_part_of_the_frames_sees_changes_no_time():
    # among all, 1130.1 s is no jump from 1070.3 s; from 1069.3 s it is
    at = (1050, 1070, 1070.3, 1069.8, 1069.3, 1130.1, 1069.7, 1119.7, 1169.7, 1189.7, 1189.2, 1190.2)
    stamps = np.array([round(t * S) for t in at], np.uint64)
    size, events = np.full(len(at), 14, np.uint8), np.empty((0, 3), np.int64)
    whole, _, _, anchors, _ = folded(stamps, size, events, Clock.fresh(BEGAN, None), True)
    for number in range(1 << len(at)):
        keep = anchors | np.array([number >> k & 1 == 1 for k in range(len(at))])
        part = folded(stamps[keep], size[keep], events, Clock.fresh(BEGAN, None))[0]
        assert part.tolist() == whole[keep].tolist()
    assert not anchors.all()


@pytest.mark.parametrize("name", ["beast", "avr"])
def test_an_excerpt_with_anchors_gives_the_rows_of_an_object(name):
    other = bytes.fromhex("8d485020994409940838175b284f")
    stamps = [*range(100, 120), 9000, *range(120, 140), *range(7, 30), 0, *range(30, 50), *range(300, 320)]
    bodies = [IDENT if k % 3 == 0 else other for k in range(len(stamps))]
    if name == "beast":
        raw = b"".join(framed(s * S, b) for s, b in zip(stamps, bodies, strict=True))
    else:
        raw = b"".join(b"@%012x%s;" % (s * S, b.hex().encode()) for s, b in zip(stamps, bodies, strict=True))
    link = {"beast": beast, "avr": avr}[name].configured(Options(began_ns=BEGAN))
    found, _ = link.split(raw, True)
    whole = link.decode(found, None)[0]
    for who in ("icao:4840d6", "icao:485020"):
        own = whole.filter(pl.col("object_id") == who)
        keep = np.isin(found.start, own["offset"].to_numpy()) | link.anchors(found, None)
        assert not keep.all()
        kept = Frames(raw, found.start[keep], found.stop[keep], found.context[keep])
        again = link.decode(kept, None)[0].filter(pl.col("object_id") == who)
        assert_frame_equal(again, own)


# ---- real captures ----


def test_a_capture_of_dump1090_is_whole(shared):
    raw = (shared / "beast" / "sample_dump1090.bin").read_bytes()
    table, spans = feed(beast, [raw[:1000], raw[1000:]])
    assert len(table) == len(spans) == 239
    assert table["df"].value_counts().sort("df").rows() == DUMP1090_FORMATS
    assert table.filter(pl.col("status").is_in(["malformed", "parity_failed"])).is_empty()


def test_a_long_flight_is_the_same_in_every_format(shared):
    raw = (shared / "beast" / "long_flight.csv").read_bytes()
    found, rest = frames_csv.split(raw, True)
    assert not rest
    assert len(found) == raw.count(b"\n") == 172_432
    table, _ = frames_csv.decode(found, None)
    first, last = raw.split(b",", 1)[0], raw.rstrip().rsplit(b"\n", 1)[1].split(b",")[0]
    assert table["time_ns"][0] == int(first.replace(b".", b"")) * 1000
    assert table["time_ns"][-1] == int(last.replace(b".", b"")) * 1000
    assert table["df"].value_counts().sort("df").rows() == LONG_FLIGHT_FORMATS
    messages, time_ns, _ = frames_csv._messages(found)
    payload, size, stamp, signal = messages
    said = ["df", "address", "alt_baro_ft", "squawk", "callsign", "stamp", "rssi_dbfs", "transmission"]
    said = [name for name in said if name in table.columns]
    for link in (beast, avr):
        again = link.encode_frames(payload, size, stamp, signal)
        there, rest = link.split(again, True)
        assert not rest
        assert_frame_equal(link.decode(there, None)[0].select(said), table.select(said))
    again = frames_csv.encode_frames(payload, size, stamp, signal, time_ns)
    assert_frame_equal(
        frames_csv.decode(frames_csv.split(again, True)[0], None)[0].drop("offset", "length"),
        table.drop("offset", "length"),
    )


DUMP1090_FORMATS = [(0, 44), (4, 39), (5, 12), (11, 90), (16, 1), (17, 23), (20, 16), (21, 14)]
LONG_FLIGHT_FORMATS = [
    (0, 21393),
    (4, 8841),
    (5, 2949),
    (11, 38456),
    (16, 2694),
    (17, 31395),
    (18, 18990),
    (20, 29460),
    (21, 18254),
]


@pytest.mark.parametrize(
    "cut",
    [
        "1a33000000001a1a00ff8d4840d6202cc371c32ce05760",  # as long as a whole one, with an escape in it
        "1a33000000001a1a00ff1a1a4840d6202cc371c32ce0",
        "1a331a1a1a1a1a1a1a1a1a1a1a1a1a1a02ff8d4840d6202c",
        "1a321a1a1a1a1a1a1a1a1a1a1a1a1a1a02ff",
    ],
)
def test_a_message_that_was_cut_short_takes_no_byte_of_the_next(cut):
    whole = "1a33000000000001ff8d4840d6202cc371c32ce0576098"
    for data in (cut + whole, cut):
        read, _ = feed(beast, [bytes.fromhex(data)])
        assert read["status"].to_list()[0] == "malformed"
        assert read["address"].to_list()[0] is None
        assert read["callsign"].drop_nulls().to_list() == (["KLM1023"] if data != cut else [])
