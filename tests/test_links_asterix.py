"""ASTERIX against libasterix, which has its own tables; the rules of dates, radars and damage."""

import itertools
import math
from fractions import Fraction

import asterix.base as foreign
import asterix.generated as editions
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from feeding import feed
from testigos.geo import to_ecef
from testigos.io.options import link_from_text, text_of
from testigos.links import asterix
from testigos.links._asterix_spec import CATEGORIES, EXPLICIT, FIXED, FX, REPEATED, profile
from testigos.links._modes import Options
from testigos.links.asterix import configured, encode, pieces
from testigos.registry import Frames
from testigos.schema import PICTURE, SOURCES
from testigos.units import KT_MPS

LAWS = settings(deadline=None, derandomize=True, max_examples=60)
#: Editions with the same items under the same numbers.
SAME = {21: (2, 1), 48: (1, 27), 62: (1, 16)}
NEWEST = {21: editions.Cat_021_2_6, 48: editions.Cat_048_1_32, 62: editions.Cat_062_1_20}
DAY_NS = 86_400 * 10**9
MIDNIGHT_NS = 1_761_177_600 * 10**9  # 2025-10-23


def kind_of(variation):
    return next(c.__name__ for c in variation.__mro__ if c.__name__ in
                ("Element", "Group", "Extended", "Repetitive", "Explicit", "Compound"))  # fmt: skip


def variation_of(rule):
    return getattr(rule, "cv_variation", None) or rule.cv_default_variation


def foreign_format(variation):
    """As an ``Item``: kind, size, size of later parts."""
    kind = kind_of(variation)
    if kind in ("Element", "Group"):
        return FIXED, variation.cv_bit_size // 8, variation.cv_bit_size // 8
    if kind == "Explicit":
        return EXPLICIT, 1, 1
    if kind == "Extended":
        parts = [(sum(size for _, size in part if size) + 1) // 8 for part in foreign_parts(variation)]
        return FX, parts[0], parts[1] if len(parts) > 1 else parts[0]
    bits = variation.cv_variation.cv_bit_size
    return (REPEATED, bits // 8, bits // 8) if bits % 8 == 0 else (FX, (bits + 1) // 8, (bits + 1) // 8)


def foreign_parts(variation):
    """Named bits of each part of an extended item; spare ones have no name."""
    for group in variation.cv_items_list:
        yield [
            (getattr(getattr(entry[0], "cv_non_spare", None), "cv_name", None), entry[1])
            for entry in group
            if entry is not None
        ]


def foreign_leaves(variation, first=0):
    """Name, first bit, bits and content of every element of a group, nested groups as their own elements."""
    at = first
    for item, bits in variation.cv_items_list:
        inner = getattr(item, "cv_non_spare", None)
        if inner is not None:
            below = variation_of(inner.cv_rule)
            if kind_of(below) == "Group":
                yield from foreign_leaves(below, at)
            else:
                yield inner.cv_name, at, bits, below
        at += bits


def content_of(element):
    rule = element.cv_rule
    return getattr(rule, "cv_content", None) or getattr(rule, "cv_default_content", None)


def compare_elements(item, variation):
    """Every element of ours has the bits, sign and step that libasterix has there; all that has a step is there."""
    kind = kind_of(variation)
    if kind == "Repetitive":
        variation, kind = variation.cv_variation, kind_of(variation.cv_variation)
    if kind != "Group":
        return 0
    theirs = {(at, bits): (name, content_of(e)) for name, at, bits, e in foreign_leaves(variation)}
    compared = 0
    for element in item.elements:
        if element.name == "QUALITY":  # the bits of pulses, one by one there
            continue
        name, content = theirs[element.bit, element.bits]
        step = getattr(content, "cv_lsb", None)
        if step is not None:
            assert float(element.step) == pytest.approx(step, rel=1e-12), (item.name, name)
            assert element.signed == (content.cv_signedness is foreign.Signed), (item.name, name)
            compared += 1
    return compared


@pytest.mark.parametrize(
    "edition",
    [e for c in CATEGORIES for e in editions.manifest["CATS"][c] if e.cv_edition >= SAME[c]],
    ids=lambda e: f"{e.cv_category}-{e.cv_edition[0]}.{e.cv_edition[1]}",
)
def test_the_items_have_the_formats_that_libasterix_has_in_all_editions(edition):
    own = profile(edition.cv_category)
    theirs = edition.cv_record.cv_items_list
    assert len(own) == len(theirs)
    for item, entry in zip(own, theirs, strict=True):
        there = getattr(entry, "cv_non_spare", None)
        assert (item is None) == (there is None)
        if item is None:
            continue
        variation = variation_of(there.cv_rule)
        assert item.name == there.cv_name
        if kind_of(variation) != "Compound":
            assert (item.kind, item.size, item.later) == foreign_format(variation), item.name
            continue
        for sub, below in zip(item.subfields, variation.cv_items_list, strict=True):
            inner = below if hasattr(below, "cv_rule") else below.cv_non_spare
            assert (sub.kind, sub.size, sub.later) == foreign_format(variation_of(inner.cv_rule)), sub.name


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_elements_have_the_bits_signs_and_steps_that_libasterix_has(category):
    compared = 0
    for item, entry in zip(profile(category), NEWEST[category].cv_record.cv_items_list, strict=True):
        if item is None:
            continue
        variation = variation_of(entry.cv_non_spare.cv_rule)
        if kind_of(variation) != "Compound":
            compared += compare_elements(item, variation)
            continue
        for sub, below in zip(item.subfields, variation.cv_items_list, strict=True):
            inner = below if hasattr(below, "cv_rule") else below.cv_non_spare
            compared += compare_elements(sub, variation_of(inner.cv_rule))
    assert compared > 10


# ---- what libasterix writes ----


def numbers(draw, variation):
    """An argument of libasterix that makes this format of any bits."""
    kind = kind_of(variation)
    if kind in ("Element", "Group"):
        return draw(st.integers(0, (1 << variation.cv_bit_size) - 1))
    if kind == "Explicit":
        return draw(st.binary(max_size=6))
    if kind == "Extended":
        parts = list(foreign_parts(variation))
        count = draw(st.integers(1, len(parts)))
        return tuple(draw(st.integers(0, (1 << sum(b for _, b in part)) - 1)) for part in parts[:count])
    if kind == "Repetitive":
        least = 1 if variation.cv_variation.cv_bit_size % 8 else 0
        return [numbers(draw, variation.cv_variation) for _ in range(draw(st.integers(least, 3)))]
    inner = [b if hasattr(b, "cv_rule") else b.cv_non_spare for b in variation.cv_items_list if b is not None]
    chosen = draw(st.lists(st.sampled_from(inner), min_size=1, max_size=6, unique=True))
    return {item.cv_name: numbers(draw, variation_of(item.cv_rule)) for item in chosen}


@st.composite
def records(draw, category):
    """A record of any items with any bits."""
    spec = NEWEST[category].cv_record
    named = [e.cv_non_spare for e in spec.cv_items_list if hasattr(e, "cv_non_spare")]
    chosen = draw(st.lists(st.sampled_from(named), min_size=1, max_size=12, unique=True))
    made = {}
    for item in chosen:
        variation = variation_of(item.cv_rule)
        if kind_of(variation) != "Explicit":
            made[item.cv_name] = numbers(draw, variation)
    if not made:
        made["010"] = 0x0102
    return spec.create(made)


def quantity(record, item, *path):
    """The value that libasterix gives, null where the element is absent."""
    found = record.get_item(item)
    for name in path:
        found = found.variation.get_item(name) if found is not None else None
    if found is None:
        return None
    variation = found.variation
    content = variation.content if hasattr(variation, "content") else variation.rule.content
    return content.as_quantity() if hasattr(content, "as_quantity") else found.as_uint()


#: Column: item, path, factor; only where nothing else can say it or take it away.
READ = {
    21: {
        "ias_kt": None, "alt_baro_ft": ("145", (), 100), "squawk": ("070", ("MODE3A",), "octal"),
        "heading_mag_deg": ("152", (), 1), "sac": ("010", ("SAC",), 1), "sic": ("010", ("SIC",), 1),
        "track_number": ("161", ("TRNUM",), 1), "signal_dbm": ("132", (), 1), "wind_kt": ("220", ("WS",), 1),
        "wind_from_deg": ("220", ("WD",), 1), "temperature_c": ("220", ("TMP",), 1), "roll_deg": ("230", (), 1),
        "track_deg": ("160", ("TA",), 1), "surveillance_status": ("200", ("SS",), 1),
    },
    48: {
        "azimuth_deg": ("040", ("THETA",), 1), "alt_msl_ft": ("110", ("3DH",), 1), "track_number": ("161", ("TRN",), 1),
        "sac": ("010", ("SAC",), 1), "advisory": ("260", (), 1),
    },
    62: {
        "lat_deg": ("105", ("LAT",), 1), "lon_deg": ("105", ("LON",), 1), "track_number": ("040", (), 1),
        "roll_deg": ("380", ("RAN",), 1), "vrate_geom_fpm": ("380", ("GVR",), 1), "tas_kt": ("380", ("TAS",), 1),
        "heading_mag_deg": ("380", ("MHG",), 1), "advisory": ("380", ("ACS",), 1),
    },
}  # fmt: skip
REGISTERED = {"roll_deg", "track_deg", "tas_kt", "heading_mag_deg"}  # a register can say them too
LOW_HIGH = {name: (column.low, column.high) for name, column in asterix.ALL.items() if column.low is not None}


@pytest.mark.parametrize("category", CATEGORIES)
@LAWS
@given(data=st.data())
def test_records_that_libasterix_writes_are_read_to_their_ends_and_with_its_values(category, data):
    made = data.draw(st.lists(records(category), min_size=1, max_size=4))
    raw = NEWEST[category].create(made).unparse().to_bytes()
    table, spans = feed(asterix, [raw])
    lengths = [len(record.unparse().to_bytes()) for record in made]
    ends = list(itertools.accumulate(lengths, initial=3))
    assert spans == [(0, 3, True), *((a, b, False) for a, b in itertools.pairwise(ends))]
    assert "malformed" not in table["status"].to_list()
    for row, record in zip(table.rows(named=True), made, strict=True):
        for column, place in READ[category].items():
            if place is None:
                continue
            item, path, factor = place
            value = quantity(record, item, *path)
            registers = record.get_item("250") is not None or category == 62
            if value is None:
                assert row[column] is None or (column in REGISTERED and registers), column
            elif factor == "octal":
                assert row[column] == value or int(row[column], 8) == value
            else:
                low, high = LOW_HIGH.get(column, (-math.inf, math.inf))
                wanted = value * factor
                assert row[column] == (pytest.approx(wanted, rel=1e-6, abs=1e-9) if low <= wanted <= high else None), (
                    column
                )


# ---- what libasterix reads ----


def parsed(raw, category):
    """Records of blocks, as libasterix reads them."""
    blocks = foreign.RawDatablock.parse(foreign.Bits.from_bytes(raw))
    assert not isinstance(blocks, ValueError)
    found = []
    for block in blocks:
        assert block.get_category() == category
        read = NEWEST[category].cv_uap.parse(block.get_raw_records())
        assert not isinstance(read, ValueError), read
        found += read
    return found


TURN = Fraction(360, 65536)
number = lambda low, high: st.one_of(st.none(), st.floats(low, high, width=32))  # noqa: E731


@st.composite
def rows(draw):
    placed = draw(st.booleans())
    return {
        "object_id": draw(st.sampled_from(["icao:ae503d", "icao:000001", "track:3-4-501", "mmsi:366730000"])),
        "time_ns": MIDNIGHT_NS + draw(st.integers(0, DAY_NS - 1)),
        "source": draw(st.sampled_from(["adsb", "uat", "radar", "mlat", "ais", "estimated"])),
        "lat_deg": draw(st.floats(-90, 90)) if placed else None,
        "lon_deg": draw(st.floats(-180, 180)) if placed else None,
        "range_nmi": draw(st.floats(0, 255.9)),
        "azimuth_deg": draw(st.floats(0, 360)),
        "alt_baro_ft": draw(number(-1000, 60_000)),
        "alt_geom_ft": draw(number(-1000, 100_000)),
        "alt_msl_ft": draw(number(-1000, 100_000)),
        "gs_kt": draw(number(0, 1200)),
        "track_deg": draw(number(0, 360)),
        "vrate_fpm": draw(number(-8000, 8000)),
        "vrate_geom_fpm": draw(number(-8000, 8000)),
        "ias_kt": draw(number(0, 1000)),
        "tas_kt": draw(number(0, 2000)),
        "roll_deg": draw(number(-180, 180)),
        "heading_mag_deg": draw(number(0, 360)),
        "callsign": draw(st.one_of(st.none(), st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True))),
        "squawk": draw(st.one_of(st.none(), st.from_regex(r"[0-7]{4}", fullmatch=True))),
        "on_ground": draw(st.sampled_from([None, True, False])),
        "simulated": draw(st.sampled_from([None, True])),
        "signal_dbm": draw(number(-120, 0)),
        "accuracy95_m": draw(number(0, 50_000)),
        "height_accuracy95_m": draw(number(0, 900)),
    }


def close(value, wanted, step):
    """Within half a step, around the turn for angles."""
    assert value is not None
    apart = abs(value - wanted)
    assert min(apart, abs(360 - apart) if step == TURN else apart) <= float(step) / 2 * 1.001 + 1e-9


WRITTEN = {
    21: {
        "lat_deg": ("131", ("LAT",), 1, Fraction(180, 2**30)), "alt_baro_ft": ("145", (), 100, 25),
        "alt_geom_ft": ("140", (), 1, 6.25), "tas_kt": ("151", ("TAS",), 1, 1), "roll_deg": ("230", (), 1, 0.01),
        "vrate_fpm": ("155", ("BVR",), 1, 6.25), "vrate_geom_fpm": ("157", ("GVR",), 1, 6.25),
        "heading_mag_deg": ("152", (), 1, TURN), "signal_dbm": ("132", (), 1, 1),
    },
    48: {
        "range_nmi": ("040", ("RHO",), 1, Fraction(1, 256)), "azimuth_deg": ("040", ("THETA",), 1, TURN),
        "alt_baro_ft": ("090", ("FL",), 100, 25), "alt_msl_ft": ("110", ("3DH",), 1, 25),
        "signal_dbm": ("130", ("SAM",), 1, 1),
    },
    62: {
        "lat_deg": ("105", ("LAT",), 1, Fraction(180, 2**25)), "alt_baro_ft": ("136", (), 100, 25),
        "alt_geom_ft": ("130", (), 1, 6.25), "alt_msl_ft": ("135", ("CTB",), 100, 25),
        "vrate_fpm": ("220", (), 1, 6.25),
        "vrate_geom_fpm": ("380", ("GVR",), 1, 6.25), "tas_kt": ("380", ("TAS",), 1, 1),
        "roll_deg": ("380", ("RAN",), 1, 0.01), "heading_mag_deg": ("380", ("MHG",), 1, TURN),
    },
}  # fmt: skip
TIMES = {21: ("071", "077"), 48: ("140",), 62: ("070",)}


@pytest.mark.parametrize("category", CATEGORIES)
@LAWS
@given(data=st.data())
def test_libasterix_reads_what_is_written_to_half_a_step(category, data):
    row = data.draw(rows())
    if category == 21:
        row["object_id"] = "icao:ae503d"
    raw = encode(pl.DataFrame([row]), category=category, sac=7, sic=9)
    (record,) = parsed(raw, category)
    named = row["object_id"].startswith("track") and (3, 4)
    assert (quantity(record, "010", "SAC"), quantity(record, "010", "SIC")) == (named or (7, 9))
    for column, (item, path, factor, step) in WRITTEN[category].items():
        value = quantity(record, item, *path)
        if row[column] is None:
            assert value is None, column
        elif not (column == "alt_msl_ft" and category == 62 and abs(row[column]) > 409_000):
            close(value * factor, row[column], step)
    day_s = row["time_ns"] % DAY_NS / 1e9
    told = next(v for v in (quantity(record, item) for item in TIMES[category]) if v is not None)
    apart = abs(told - day_s)
    assert min(apart, 86_400 - apart) <= 1 / 256 + 1e-9
    if category == 62 and row["gs_kt"] is not None and row["track_deg"] is not None:
        course = math.radians(row["track_deg"])
        assert quantity(record, "185", "VX") == pytest.approx(row["gs_kt"] * KT_MPS * math.sin(course), abs=0.1251)
        assert quantity(record, "185", "VY") == pytest.approx(row["gs_kt"] * KT_MPS * math.cos(course), abs=0.1251)
    if category == 62 and row["accuracy95_m"] is not None:
        assert quantity(record, "500", "APC", "X") == pytest.approx(row["accuracy95_m"] / 2.448, abs=0.2501)


# ---- time ----


def plots(*seconds):
    """A block of category 048 for each time of day: SAC, SIC, time and track number."""
    made = b""
    for number, second in enumerate(seconds):
        body = bytes.fromhex("c110") + bytes([1, 2]) + round(second * 128).to_bytes(3, "big")
        made += bytes([48, 0, len(body) + 5]) + body + number.to_bytes(2, "big")
    return made


def seconds_after(table, origin_ns):
    return [(time - origin_ns) / 10**9 for time in table["time_ns"].to_list()]


def test_without_a_date_no_row_has_a_time():
    table, _ = feed(asterix, [plots(1, 2)])
    assert table["time_ns"].null_count() == 2
    assert table["status"].to_list() == ["no_time"] * 2


def test_times_of_day_go_on_over_midnight_and_back_a_little():
    link = configured(Options(began_ns=MIDNIGHT_NS + 86_390 * 10**9))
    times = [86_395, 86_399.5, 0.25, 86_399.75, 3, *range(3_600, 86_400, 3_600), 1]
    expected = [86_395, 86_399.5, 86_400.25, 86_399.75, 86_403]
    expected += [86_400 + t for t in range(3_600, 86_400, 3_600)] + [2 * 86_400 + 1]
    for cut in (1, 4, 30):
        raw = plots(*times)
        table, _ = feed(link, [raw[i : i + cut] for i in range(0, len(raw), cut)])
        assert seconds_after(table, MIDNIGHT_NS) == expected


def test_a_date_alone_is_the_date_of_the_first_time():
    table, _ = feed(configured(Options(began_ns=MIDNIGHT_NS)), [plots(86_000, 86_100)])
    assert seconds_after(table, MIDNIGHT_NS) == [86_000, 86_100]


def test_one_wrong_time_does_not_move_the_date_of_those_after_it():
    link = configured(Options(began_ns=MIDNIGHT_NS + 1_000 * 10**9))
    table, _ = feed(link, [plots(1_000, 40_000, 1_001, 40_000, 1_002, 84_000, 1_003)])
    times = seconds_after(table, MIDNIGHT_NS)
    assert times[::2] == [1_000, 1_001, 1_002, 1_003]


def test_a_time_that_no_day_has_is_out_of_range():
    table, _ = feed(configured(Options(began_ns=MIDNIGHT_NS)), [plots(86_400)])
    assert table["status"].to_list() == ["out_of_range"]
    assert table["time_ns"].null_count() == 1


@LAWS
@given(data=st.data())
def test_anchors_keep_the_dates_of_any_part_of_the_frames(data):
    steps = data.draw(st.lists(st.integers(-7_000, 30_000), min_size=1, max_size=30))
    clock, times = 50_000, []
    for step in steps:
        clock += step
        times.append(clock % 86_400)
    link = configured(Options(began_ns=MIDNIGHT_NS + 50_000 * 10**9))
    raw = plots(*times)
    found, _ = link.split(raw, True)
    whole, _ = link.decode(found, None)
    kept = data.draw(st.sets(st.sampled_from(range(len(times)))))
    keep = found.context | link.anchors(found, None)
    wanted = np.zeros(len(found), np.bool_)
    wanted[np.flatnonzero(~found.context)[sorted(kept)]] = True
    keep |= wanted
    part, _ = link.decode(Frames(raw, found.start[keep], found.stop[keep], found.context[keep]), None)
    begins = found.start[wanted]
    own = pl.col("offset").is_in(begins.astype(np.uint64))
    assert_frame_equal(part.filter(own), whole.filter(own))


def test_options_are_kept_as_text():
    link = link_from_text(f"asterix?began_ns={MIDNIGHT_NS}")
    assert text_of(link) == f"asterix?began_ns={MIDNIGHT_NS}"
    assert text_of(asterix) == "asterix"


# ---- radar ----


def straight_m(lat0, lon0, lat, lon, height_m):
    """The line from a radar at height 0 to a target, without the geometry of the link."""
    up = np.array([math.cos(math.radians(lat)) * math.cos(math.radians(lon)),
                   math.cos(math.radians(lat)) * math.sin(math.radians(lon)), math.sin(math.radians(lat))])  # fmt: skip
    return float(np.linalg.norm(np.array(to_ecef(lat, lon)) + up * height_m - np.array(to_ecef(lat0, lon0))))


@LAWS
@given(st.floats(-80, 80), st.floats(0, 359), st.floats(5, 200), st.integers(0, 1_600))
def test_a_plot_is_where_its_range_and_level_put_it(lat, azimuth, slant, level):
    row = {"object_id": "icao:ae503d", "range_nmi": slant, "azimuth_deg": azimuth, "alt_baro_ft": level * 25.0}
    found, _ = asterix.split(encode(pl.DataFrame([row]), category=48), True)
    link = configured(Options(receiver_lat_deg=lat, receiver_lon_deg=20.0))
    (read,) = link.decode(found, None)[0].to_dicts()
    if read["range_nmi"] * 1852 <= level * 25 * 0.3048 + 10:  # overhead
        return
    line = straight_m(lat, 20.0, read["lat_deg"], read["lon_deg"], level * 25 * 0.3048)
    assert line == pytest.approx(read["range_nmi"] * 1852, abs=15)  # about two steps of range


def test_a_plot_nearer_than_its_height_is_overhead():
    row = {"object_id": "icao:ae503d", "range_nmi": 1.0, "azimuth_deg": 10.0, "alt_baro_ft": 35_000.0}
    found, _ = asterix.split(encode(pl.DataFrame([row])), True)
    table, _ = configured(Options(receiver_lat_deg=50.0, receiver_lon_deg=20.0)).decode(found, None)
    assert table.select("lat_deg", "lon_deg").row(0) == (pytest.approx(50.0), pytest.approx(20.0))


@pytest.mark.parametrize("number", [0x40, 0x50, 0x60])
@LAWS
@given(data=st.data())
def test_registers_are_what_pymodes_reads(number, data):
    bds = pytest.importorskip(f"pyModeS.decoder.bds.bds{number:x}")
    bits = data.draw(st.integers(0, (1 << 56) - 1))
    record = NEWEST[48].cv_record.create({"010": 0, "250": [bits << 8 | number]})
    table, _ = feed(asterix, [NEWEST[48].create([record]).unparse().to_bytes()])
    told = getattr(bds, f"decode_bds{number:x}")(bits)
    for column, name in REGISTERS[number].items():
        value = told.get(name)
        if value is None:
            assert table[column][0] is None, column
        elif LOW_HIGH[column][0] <= value <= LOW_HIGH[column][1]:
            assert table[column][0] == pytest.approx(value, abs=1e-3), column


REGISTERS = {
    0x40: {
        "selected_alt_mcp_ft": "selected_altitude_mcp", "selected_alt_fms_ft": "selected_altitude_fms",
        "qnh_hpa": "baro_pressure_setting",
    },
    0x50: {
        "roll_deg": "roll", "track_deg": "true_track", "gs_kt": "groundspeed", "track_rate_degps": "track_rate",
        "tas_kt": "true_airspeed",
    },
    0x60: {
        "heading_mag_deg": "magnetic_heading", "ias_kt": "indicated_airspeed", "mach": "mach",
        "vrate_fpm": "baro_vertical_rate", "vrate_inertial_fpm": "inertial_vertical_rate",
    },
}  # fmt: skip


# ---- blocks ----

GOOD = bytes.fromhex("3e0009810864010009")


def statuses(raw):
    table, _ = feed(asterix, [raw])
    return table.select("status", "asterix_category").rows()


TRACK = ("no_time", 62)
BAD = ("malformed", None)


def test_the_rest_of_a_block_is_malformed_as_far_as_the_next_sound_block():
    damaged = bytearray(GOOD)
    damaged[2] = 200  # its length swallows what follows
    assert statuses(bytes(damaged) + GOOD + GOOD) == [TRACK, TRACK, TRACK]
    assert statuses(bytes(damaged) + b"\x00\x01" + GOOD + GOOD) == [TRACK, BAD, TRACK, TRACK]


def test_zeros_between_blocks_are_malformed_in_bounded_frames():
    assert statuses(GOOD + bytes(2_500) + GOOD) == [TRACK, BAD, BAD, BAD, TRACK]


def test_a_block_of_another_category_says_its_category():
    other = bytes.fromhex("220007f6010203")
    assert statuses(other + GOOD) == [("no_time", 34), TRACK]
    assert statuses(GOOD + other) == [TRACK, ("no_time", 34)]


def test_a_header_and_its_records_may_come_in_different_batches():
    found, _ = asterix.split(GOOD, True)
    parts = [Frames(GOOD, found.start[k : k + 1], found.stop[k : k + 1], found.context[k : k + 1]) for k in (0, 1)]
    _, carry = asterix.decode(parts[0], None)
    table, _ = asterix.decode(parts[1], carry)
    assert table["object_id"].to_list() == ["track:100-1-9"]


@pytest.mark.parametrize("raw", [b"0,1,2,3\n4,5,6\n" * 500, b">" * 3_000, b"\x1a3" + bytes(40), b"{}", bytes(100)])
def test_what_is_no_asterix_is_not_recognised(raw):
    assert asterix.recognise(raw) == 0


# ---- writing ----


def test_a_category_that_is_not_written_is_refused():
    with pytest.raises(ValueError, match="48"):
        encode(pl.DataFrame([{"object_id": "icao:ae503d"}]), category=34)


def test_a_row_goes_out_in_the_category_for_its_kind():
    rows = [
        {"object_id": "icao:ae503d", "source": "adsb", "range_nmi": None, "azimuth_deg": None},
        {"object_id": "mmsi:366730000", "source": "ais", "range_nmi": None, "azimuth_deg": None},
        {"object_id": None, "source": "radar", "range_nmi": 3.0, "azimuth_deg": 90.0},
        {"object_id": None, "source": "radar", "range_nmi": None, "azimuth_deg": None},
    ]
    made = pieces(pl.DataFrame(rows, infer_schema_length=None))
    first = [int(made.data[a]) if b > a else None for a, b in itertools.pairwise(made.start.tolist())]
    assert first == [21, 62, 48, None]


def test_what_the_picture_knows_of_a_track_goes_out_and_comes_back():
    row = {
        "object_id": "uid:x", "time_ns": MIDNIGHT_NS, "source": "ais", "lat_deg": 1.0, "lon_deg": 2.0, "slot": 70_000,
        "state": "dead", "cov_east_m2": 900.0, "cov_east_north_m2": -400.0, "cov_north_m2": 400.0, "height95_m": 98.0,
    }  # fmt: skip
    picture = pl.DataFrame([row]).with_columns(pl.col("state").cast(PICTURE["state"].dtype))
    table, _ = feed(configured(Options(began_ns=MIDNIGHT_NS + 1)), [encode(picture, sac=5, sic=6)])
    (read,) = table.to_dicts()
    assert read["object_id"] == f"track:5-6-{70_000 & 0xFFFF}"
    assert read["stale_ns"] == read["time_ns"] == MIDNIGHT_NS
    largest = 650 + math.hypot(250, 400)
    assert read["accuracy95_m"] == pytest.approx(2.448 * math.sqrt(largest), rel=0.01)
    assert read["height_accuracy95_m"] == pytest.approx(98.0, abs=1.96 * 6.25 * 0.3048 / 2 + 0.01)
    again, _ = feed(asterix, [encode(picture.with_columns(pl.lit("coasting").alias("state")))])
    assert again["source"].to_list() == ["estimated"]


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_can_be_written_as_a_track(source):
    row = {"object_id": "icao:ae503d", "time_ns": 0, "source": source, "lat_deg": 1.0, "lon_deg": 2.0}
    (record,) = parsed(encode(pl.DataFrame([row]), category=62), 62)
    assert quantity(record, "380", "ADR") == 0xAE503D
