"""AIS sentences beside pyais, in both directions, and what the vectors cannot hold."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyais import decode as foreign
from pyais.constants import EpfdType, ShipType
from pyais.encode import encode_dict

from feeding import feed
from testigos.links import aivdm
from testigos.schema import ALL, conform

EXAMPLES = settings(deadline=None, derandomize=True, max_examples=150)
TIME_S = 1_761_242_592
READ = (1, 2, 3, 4, 5, 9, 11, 18, 19, 21, 24, 27)

flag = st.booleans()
lon = st.one_of(st.just(181.0), st.floats(-180, 180))
lat = st.one_of(st.just(91.0), st.floats(-90, 90))
tenths = st.integers(0, 1023).map(lambda n: n / 10)
course = st.integers(0, 3600).map(lambda n: n / 10)
heading = st.one_of(st.just(511), st.integers(0, 359))
second = st.integers(60, 63)
text = st.text("ABCXYZ 0189?/.", max_size=7).map(str.strip)
name = st.text("ABCXYZ 0189?/.'", max_size=20).map(str.strip)
sides = {"to_bow": st.integers(0, 511), "to_stern": st.integers(0, 511)} | {
    "to_port": st.integers(0, 63),
    "to_starboard": st.integers(0, 63),
}
place = {"lon": lon, "lat": lat, "accuracy": flag, "raim": flag}
moving = place | {"speed": tenths, "course": course, "heading": heading, "second": second}
clock = {"year": st.integers(1970, 2102), "month": st.integers(1, 12), "day": st.integers(1, 28)} | {
    "hour": st.integers(0, 23), "minute": st.integers(0, 59), "second": st.integers(0, 59)
}  # fmt: skip
built = sides | {"shipname": name, "ship_type": st.integers(0, 99)}
epfd = {"epfd": st.integers(0, 8)}
class_a = moving | {"status": st.integers(0, 15), "turn": st.integers(-700, 700), "maneuver": st.integers(0, 2)}
FIELDS = {
    **dict.fromkeys((1, 2, 3), class_a),
    **dict.fromkeys((4, 11), place | clock | epfd),
    5: built | epfd | {
        "imo": st.integers(0, 999_999_999), "callsign": text, "destination": name,
        "draught": st.integers(0, 255).map(lambda n: n / 10), "month": st.integers(0, 12), "day": st.integers(0, 31),
        "hour": st.integers(0, 24), "minute": st.integers(0, 60),
    },
    9: place | {"alt": st.integers(0, 4095), "speed": st.integers(0, 1023), "course": course, "second": second},
    18: moving,
    19: moving | built | epfd,
    21: place | sides | epfd | {"name": name, "aid_type": st.integers(0, 31), "second": second},
    24: st.one_of(
        st.fixed_dictionaries({"partno": st.just(0), "shipname": name}),
        st.fixed_dictionaries({"partno": st.just(1), "callsign": text, "ship_type": st.integers(0, 99)} | sides),
    ),
    27: place | {"status": st.integers(0, 15), "speed": st.integers(0, 63), "course": st.one_of(
        st.just(511), st.integers(0, 359))},
}  # fmt: skip


@st.composite
def messages(draw):
    """A type, its fields, and its sentences as pyais writes them."""
    kind = draw(st.sampled_from(READ))
    fields = FIELDS[kind]
    said = draw(st.fixed_dictionaries(fields) if isinstance(fields, dict) else fields)
    said |= {"msg_type": kind, "mmsi": draw(st.integers(200_000_000, 775_999_999))}
    return encode_dict(said, talker_id="AI", sentence_type="VDM", seq_id=draw(st.integers(0, 9)))


def known(value, unknown):
    return None if value is None or value in unknown else value


def expected(m):
    """Our columns from what pyais makes of a message. M.1371-5 says which values are not available."""
    kind = m.msg_type
    said = {"object_id": f"mmsi:{m.mmsi:09d}", "ais_type": kind, "source": "ais"}
    if kind not in READ:
        return said
    for column, field, unknown in (
        ("nav_status", "status", (15,)),
        ("gs_kt", "speed", {9: (1023,), 27: (63,)}.get(kind, (102.3,))),
        ("track_deg", "course", (511,) if kind == 27 else (360.0,)),
        ("heading_deg", "heading", (511,)),
        ("lon_deg", "lon", (181.0,)),
        ("lat_deg", "lat", (91.0,)),
        ("position_accurate", "accuracy", ()),
        ("raim", "raim", ()),
        ("manoeuvre", "maneuver", (0,)),
        ("imo", "imo", (0,)),
        ("ship_type", "aid_type" if kind == 21 else "ship_type", (0,)),
        ("epfd", "epfd", (0,)),
        ("draught_m", "draught", (0.0,)),
        ("callsign", "callsign", ("",)),
        ("vessel_name", "name" if kind == 21 else "shipname", ("",)),
        ("destination", "destination", ("",)),
    ):
        said[column] = known(getattr(m, field, None), unknown)
    # pyais keeps what stands after the first @, and takes blanks away on the left too
    for column in ("callsign", "vessel_name", "destination"):
        said[column] = (said[column] or "").split("@")[0].strip() or None
    turn = getattr(m, "turn", None)
    if turn is not None and abs(turn) not in (127, 128):
        said["rot_degpmin"] = turn
    if kind == 9:
        said["alt_msl_ft"] = None if m.alt == 4095 else m.alt / 0.3048
    if hasattr(m, "to_bow"):
        bow, stern, port, starboard = m.to_bow, m.to_stern, m.to_port, m.to_starboard
        whole = bow == port == 0 and stern and starboard
        said["to_bow_m"], said["to_stern_m"] = (None if whole else bow, stern) if bow + stern else (None, None)
        said["to_port_m"], said["to_starboard_m"] = (
            (None if whole else port, starboard) if port + starboard else (None, None)
        )
    if kind == 5 and m.month and m.day and m.hour < 24 and m.minute < 60:
        said["eta"] = f"{m.month:02d}-{m.day:02d}T{m.hour:02d}:{m.minute:02d}"
    return said


#: pyais rounds turns to whole degrees a minute, and positions to 1e-6 degrees.
NEAR = {"rot_degpmin": 0.5001, "lat_deg": 6e-7, "lon_deg": 6e-7, "gs_kt": 1e-5, "track_deg": 1e-4, "draught_m": 1e-5,
        "alt_msl_ft": 1e-2}  # fmt: skip


def agree(row, m):
    """Raises where a row differs from what pyais says."""
    said = expected(m)
    for column in (*NEAR, "eta", *said):
        wanted, found = said.get(column), row[column]
        if column in ("callsign", "vessel_name", "destination") and found is not None:
            found = found.strip()
        # pyais takes codes that it has no name for to others
        if column == "ship_type" and m.msg_type in (5, 19) and found is not None:
            found = ShipType.from_value(found) or None
        # M.1371-5 gave part B of type 24 a device, where pyais has spare bits, as M.1371-4 had
        if column == "epfd" and m.msg_type == 24:
            continue
        if column == "epfd" and found is not None:
            found = EpfdType.from_value(found) or None
        if wanted is None or found is None:
            assert found is None, f"{column}: {found!r}, but pyais has {m}"
            assert wanted is None, f"{column}: nothing, but pyais has {m}"
        elif column in NEAR:
            assert math.isclose(found, wanted, abs_tol=NEAR[column]), f"{column}: {found!r}, but pyais has {m}"
        else:
            assert found == wanted, f"{column}: {found!r}, but pyais has {m}"


def read(raw):
    return feed(aivdm, [raw])[0]


@EXAMPLES
@given(messages())
def test_what_pyais_writes_is_read_as_pyais_reads_it(sentences):
    table = read("\r\n".join(sentences).encode())
    assert len(table) == len(sentences)
    agree(table.row(-1, named=True), foreign(*sentences))
    assert table["object_id"].n_unique() == 1


def rows():
    """Rows to write: what a vessel of either class, an aid, a base or an aircraft can say, in any choice."""
    maybe = lambda values: st.one_of(st.none(), values)  # noqa: E731
    return st.fixed_dictionaries(
        {
            "object_id": st.integers(200_000_000, 999_999_999).map(lambda n: f"mmsi:{n}"),
            "time_ns": maybe(st.integers(0, 4 * 10**18)),
            "ais_type": maybe(st.integers(0, 27)),
            "kind": maybe(st.sampled_from(["vessel", "fixed", "aircraft"])),
            "lat_deg": maybe(st.floats(-90, 90)),
            "lon_deg": maybe(st.floats(-180, 180)),
            "gs_kt": maybe(st.floats(0, 4_000)),
            "track_deg": maybe(st.floats(0, 360)),
            "heading_deg": maybe(st.floats(0, 360)),
            "rot_degpmin": maybe(st.floats(-720, 720)),
            "alt_msl_ft": maybe(st.floats(-2_000, 200_000)),
            "nav_status": maybe(st.integers(0, 15)),
            "manoeuvre": maybe(st.integers(0, 3)),
            "position_accurate": maybe(flag),
            "raim": maybe(flag),
            "vessel_name": maybe(st.text(max_size=40)),
            "callsign": maybe(st.text(max_size=9)),
            "destination": maybe(st.text(max_size=24)),
            "imo": maybe(st.integers(1, 999_999_999)),
            "ship_type": maybe(st.integers(0, 255)),
            "epfd": maybe(st.integers(0, 15)),
            "draught_m": maybe(st.floats(0, 25.5)),
            "eta": maybe(st.sampled_from(["12-31T23:59", "13-31T23:59", "", "1-1T0:0", "soon"])),
            "to_bow_m": maybe(st.floats(0, 511)),
            "to_stern_m": maybe(st.floats(0, 511)),
            "to_port_m": maybe(st.floats(0, 63)),
            "to_starboard_m": maybe(st.floats(0, 63)),
            "receiver": maybe(st.text(max_size=9)),
            "via": maybe(st.text(max_size=9)),
        }
    )


@EXAMPLES
@given(st.lists(rows(), min_size=1, max_size=3))
def test_whatever_rows_hold_pyais_reads_all_sentences_that_are_written_and_says_the_same(given_rows):
    table = conform(pl.DataFrame(given_rows, infer_schema_length=None, strict=False), ALL)
    raw = aivdm.encode(table)
    back = read(raw)
    assert not set(back["status"]) & {"malformed", "parity_failed", "out_of_range"}
    lines = raw.decode("ascii").split("\r\n")[:-1]
    assert len(lines) == len(back)
    parts = []
    for line, row in zip(lines, back.rows(named=True), strict=True):
        assert len(line.split("\\")[2]) <= 80  # IEC 61162-1: 82 with the line's end
        parts.append(line.split("\\")[2])
        total, number = (int(n) for n in parts[-1].split(",")[1:3])
        if number == total:
            message = foreign(*parts)
            # pyais leaves the end of a name that is longer than 20 characters apart
            if message.msg_type == 21 and message.name_ext:
                message.name += message.name_ext
            agree(row, message)
            parts = []
    assert not parts


@EXAMPLES
@given(st.lists(rows(), min_size=1, max_size=3))
def test_a_foreign_reader_finds_station_and_time_in_the_tag_blocks(given_rows):
    from pyais.messages import NMEASentenceFactory

    table = conform(pl.DataFrame(given_rows, infer_schema_length=None, strict=False), ALL)
    pieces = aivdm.pieces(table, "here")
    for i, row in enumerate(given_rows):
        piece = pieces.data[pieces.start[i] : pieces.start[i + 1]].tobytes()
        for line in piece.splitlines():
            tag = NMEASentenceFactory.produce(line).tag_block
            tag.init()
            assert tag.is_valid
            if not row["receiver"]:
                assert tag.source_station == "here"
            if row["time_ns"] is None:
                assert tag.receiver_timestamp is None
            else:
                said = float(tag.receiver_timestamp)
                seconds = said / 1000 if said >= 1e11 else said
                assert abs(seconds - row["time_ns"] / 1e9) <= (0.5e-3 if seconds >= 1e8 else 1.0)


def test_real_sentences_are_read_as_pyais_reads_them(shared):
    path = shared / "ais" / "pyais_nmea_data_sample.txt"
    if not path.is_file():
        pytest.skip("no real sentences of AIS in ../shared/data/ais")
    lines = [line for line in path.read_bytes().splitlines() if line.strip()]
    table = read(b"\n".join(lines))
    assert len(table) == len(lines)
    begun, compared, empty, orphans = {}, 0, 0, 0
    for line, row in zip(lines, table.rows(named=True), strict=True):
        _, total, number, sequence, channel, payload = line.split(b",")[:6]
        if payload == b"" and total == b"1":  # pyais raises: a slot in which nothing was understood
            assert (row["status"], row["object_id"], row["source"]) == ("no_time", None, "unknown")
            empty += 1
            continue
        parts = [line] if number == b"1" else [*begun.pop((sequence, channel), []), line]
        if len(parts) < int(number):  # pyais raises: the first sentence is not there
            assert row["status"] == "malformed"
            orphans += 1
        elif number < total:
            assert row["status"] == "no_time"
            begun[sequence, channel] = parts
        else:
            agree(row, foreign(*parts))
            compared += 1
    assert compared > 0.8 * len(lines)
    assert orphans <= 2
