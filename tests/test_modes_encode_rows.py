"""Rows written as Mode S and read back by the kernels: what they say together is the row, to half a step."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testigos import geo
from testigos.modes import columns as c
from testigos.modes import encode as e
from testigos.modes.decode import State, decode
from testigos.modes.encode_rows import EMERGENCIES, squitters
from testigos.schema import REPORTS, SOURCES, STATUSES

pyModeS = pytest.importorskip("pyModeS")

T0 = 1_761_242_592_000_000_000
CATEGORIES = [f"{s}{n}" for s in "ABCD" for n in range(8)]


def _table(rows: list[dict[str, object]]) -> pl.DataFrame:
    schema = {n: REPORTS[n].dtype for n in REPORTS if any(n in r for r in rows)}
    return pl.DataFrame(rows, schema=schema)


def _read(table: pl.DataFrame) -> list[dict[str, float]]:
    """Of each row the values its messages said, the last of each; texts as the kernels' codes."""
    made = squitters(table)
    merged: list[dict[str, float]] = [{} for _ in range(len(table))]
    for out, first, count in decode(made.payload.copy(), made.size, made.time_ns, State.fresh()):
        for rows, names in ((out.f64, c.F64), (out.f32, c.F32), (out.u64, c.U64), (out.u16, c.U16), (out.u8, c.U8)):
            none = np.nan if rows.dtype.kind == "f" else np.iinfo(rows.dtype).max
            for k, name in enumerate(names):
                for i in range(count):
                    value = rows[k, i]
                    if value == value and value != none:
                        merged[made.row[first + i]][name] = value.item()
    return merged


def _flight(seed: int, rows: int, **fixed: object) -> pl.DataFrame:
    """An aircraft that goes straight on: positions that follow from its speed."""
    dice = np.random.Generator(np.random.PCG64(seed))
    gs, track = float(np.float32(dice.uniform(90, 600))), float(np.float32(dice.uniform(0, 360)))
    lat, lon = dice.uniform(-80, 80), dice.uniform(-180, 180)
    along = np.arange(rows) * 2.0 * gs * 1852.0 / 3600.0
    lats, lons = geo.destination(np.full(rows, lat), np.full(rows, lon), np.full(rows, track), along)
    return _table(
        [
            {
                "object_id": "icao:4840d6", "time_ns": T0 + k * 2_000_000_000, "source": "adsb", "gs_kt": gs,
                "track_deg": track, "lat_deg": lats[k], "lon_deg": lons[k], "alt_baro_ft": 37_012.0,
                "alt_geom_ft": 38_030.0, "vrate_fpm": -1_000.0, "callsign": "KLM1023", "squawk": "7421",
                "category": "A5", "emergency": "nordo", "nic": 8, "rc_m": 185.2, "nac_p": 9, "nac_v": 2, "sil": 3,
                "adsb_version": 2, "on_ground": False, **fixed,
            }
            for k in range(rows)
        ]
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("source", ["adsb", "adsr", "tisb"])
def test_flights_come_back_to_half_a_step(seed, source):
    table = _flight(seed, 6, source=source)
    got = _read(table)
    for k, (row, said) in enumerate(zip(table.to_dicts(), got, strict=True)):
        assert SOURCES[int(said["source"])] == source
        assert abs(said["alt_baro_ft"] - row["alt_baro_ft"]) <= 12.5
        assert said["on_ground"] == 0
        for turn in (np.sin, np.cos):
            was, now = (v["gs_kt"] * turn(np.radians(v["track_deg"])) for v in (row, said))
            assert abs(now - was) <= 0.501
        if k >= 2:  # the first pair is unconfirmed
            assert STATUSES[int(said["status"])] == "ok"
            assert geo.distance_m(said["lat_deg"], said["lon_deg"], row["lat_deg"], row["lon_deg"]) < 8.0
        if source == "tisb":
            continue
        assert abs(said["vrate_fpm"] - row["vrate_fpm"]) <= 32.0
        assert abs(said["geom_minus_baro_ft"] - 1_018.0) <= 12.5
        assert (said["nic"], said["nac_p"], said["nac_v"], said["sil"], said["adsb_version"]) == (8, 9, 2, 3, 2)
        assert said["squawk"] == 0o7421
        assert EMERGENCIES[int(said["emergency"])] == "nordo"
        assert said["category"] == 5


def test_other_decoders_read_the_messages_too():
    made = squitters(_flight(3, 1))
    said = {}
    for payload in made.payload:
        said |= pyModeS.decode(payload.tobytes().hex())
    assert said["callsign"] == "KLM1023"
    assert said["squawk"] == "7421"
    assert abs(said["altitude"] - 37_012) <= 12.5
    assert said["vertical_rate"] == -1_024
    assert (said["nac_p"], said["sil"], said["version"], said["nac_v"]) == (9, 3, 2, 2)


@pytest.mark.parametrize(
    ("version", "ground", "nic", "rc", "expected"),
    [
        (2, False, 11, 7.5, 11), (2, False, 10, 25.0, 10), (2, False, 9, 75.0, 9), (2, False, 7, 370.4, 7),
        (2, False, 6, 555.6, 6), (2, False, 6, 926.0, 6), (2, False, 6, 1_111.2, 6), (2, False, 5, 1_852.0, 5),
        (2, False, 4, 3_704.0, 4), (2, False, 3, 7_408.0, 3), (2, False, 2, 14_816.0, 2), (2, False, 1, 37_040.0, 1),
        (2, False, 0, None, 0), (2, True, 8, 185.2, 8), (2, True, 7, 370.4, 7), (2, True, 6, 555.6, 6),
        (2, True, 6, 1_111.2, 6), (2, True, 5, 1_852.0, 0), (1, False, 9, 75.0, 9), (1, False, 6, 1_111.2, 6),
        (1, False, 6, 926.0, 6), (1, True, 9, 75.0, 9), (1, True, 7, 370.4, 0),
    ],
)  # fmt: skip
def test_containment_comes_back_and_is_never_better_than_it_was(version, ground, nic, rc, expected):
    table = _flight(1, 2, adsb_version=version, on_ground=ground, nic=nic, rc_m=rc)
    said = _read(table)[1]
    assert said["nic"] == expected
    if expected == nic and rc is not None:
        assert said["rc_m"] == pytest.approx(rc)
    elif expected == 0:
        assert "rc_m" not in said


@pytest.mark.parametrize("gs", [0.0, 0.3, 7.1, 17.4, 64.6, 99.0, 140.0])
def test_movement_on_the_ground_comes_back_to_half_a_step(gs):
    table = _flight(2, 2, on_ground=True, gs_kt=gs, track_deg=123.4, alt_baro_ft=None, alt_geom_ft=None)
    said = _read(table)[1]
    step = 0.15 if gs < 1 else 0.5 if gs < 15 else 1.0 if gs < 70 else 2.0 if gs < 100 else 5.0
    assert abs(said["gs_kt"] - gs) <= step / 2 + 1e-3
    assert abs(said["track_deg"] - 123.4) <= 1.41
    assert said["on_ground"] == 1


@pytest.mark.parametrize(
    ("gs", "track", "step"), [(1_015.0, 90.0, 1.0), (1_200.0, 45.0, 1.0), (1_300.0, 350.0, 4.0), (0.0, None, 1.0)]
)
def test_fast_and_hovering_aircraft_come_back(gs, track, step):
    said = _read(_flight(2, 1, gs_kt=gs, track_deg=track))[0]
    for turn in (np.sin, np.cos):
        now = said["gs_kt"] * turn(np.radians(said.get("track_deg", 0.0)))
        assert abs(now - gs * turn(np.radians(track or 0.0))) <= step / 2 + 1e-3


def test_air_speed_is_said_where_there_is_no_ground_speed():
    said = _read(_flight(2, 1, gs_kt=None, track_deg=None, tas_kt=412.3))[0]
    assert abs(said["tas_kt"] - 412.3) <= 0.5
    assert "gs_kt" not in said
    said = _read(_flight(2, 1, gs_kt=None, track_deg=None, ias_kt=212.3, vrate_fpm=None, vrate_geom_fpm=640.0))[0]
    assert abs(said["ias_kt"] - 212.3) <= 0.5
    assert said["vrate_geom_fpm"] == 640.0


def test_a_height_above_the_ellipsoid_alone_has_its_own_messages():
    said = _read(_flight(2, 1, alt_baro_ft=None, nic=10, rc_m=25.0))[0]
    assert abs(said["alt_geom_ft"] - 38_030.0) <= 12.5
    assert "alt_baro_ft" not in said
    assert said["nic"] == 10


def test_transponders_without_positions_answer_and_are_believed():
    table = _table(
        [
            {"object_id": "icao:4840d6", "time_ns": T0, "source": "mode_s", "alt_baro_ft": 5_000.0, "squawk": "0040",
             "callsign": "KLM1023"},
            {"object_id": "icao:4840d7", "time_ns": T0, "source": "mode_s", "alt_baro_ft": 700.0},
        ]
    )  # fmt: skip
    one, two = _read(table)
    assert (one["alt_baro_ft"], one["squawk"], two["alt_baro_ft"]) == (5_000.0, 0o40, 700.0)
    assert "callsign" in one
    assert {STATUSES[int(r["status"])] for r in (one, two)} == {"no_position"}
    assert {SOURCES[int(r["source"])] for r in (one, two)} == {"mode_s"}


def test_anonymous_addresses_stay_anonymous():
    for source, df, cf in (("adsb", 18, 1), ("tisb", 18, 5), ("mlat", 18, 5), ("adsr", 18, 6)):
        made = squitters(_flight(1, 3, object_id="anon:2a1b3c", source=source))
        assert set(made.payload[:, 0].tolist()) == {df << 3 | cf}
        state = State.fresh()
        for _ in decode(made.payload.copy(), made.size, made.time_ns, state):
            pass
        assert (state.keys >> 24 & 1 == 1).all()
        assert (state.keys & 0xFFFFFF == 0x2A1B3C).all()


def test_rows_without_an_address_and_refused_positions_are_left_out():
    one, two = _flight(1, 1), _flight(2, 1, object_id="mmsi:366730000")
    made = squitters(pl.concat([two, one]))
    assert set(made.row.tolist()) == {1}
    assert {9 <= p[4] >> 3 <= 18 for p in made.payload} == {True, False}
    refused = squitters(_flight(3, 1, status="unreachable"))
    assert not any(9 <= p[4] >> 3 <= 18 for p in refused.payload)
    assert len(squitters(two)) == 0


def test_a_row_that_says_only_its_name_announces_it():
    made = squitters(_table([{"object_id": "icao:4840d6", "time_ns": T0, "source": "adsb"}]))
    assert made.size.tolist() == [7]
    assert made.payload[0, :4].tobytes().hex() == "5d4840d6"


_maybe = lambda values: st.one_of(st.none(), values)  # noqa: E731
_number = lambda low, high: _maybe(st.floats(low, high, width=32))  # noqa: E731


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(SOURCES),
            "object_id": st.sampled_from(["icao:4840d6", "anon:000001"]),
            "lat_deg": _number(-90, 90),
            "lon_deg": _number(-180, 180),
            "alt_baro_ft": _number(-2_000, 150_000),
            "alt_geom_ft": _number(-3_000, 200_000),
            "on_ground": _maybe(st.booleans()),
            "gs_kt": _number(0, 4_000),
            "track_deg": _number(0, 360),
            "vrate_fpm": _number(-60_000, 60_000),
            "vrate_geom_fpm": _number(-60_000, 60_000),
            "ias_kt": _number(0, 1_500),
            "tas_kt": _number(0, 4_000),
            "heading_deg": _number(0, 360),
            "callsign": _maybe(st.text(max_size=10)),
            "squawk": _maybe(st.text("01234567", min_size=4, max_size=4)),
            "category": _maybe(st.sampled_from([*CATEGORIES, "E1", ""])),
            "emergency": _maybe(st.sampled_from([*EMERGENCIES, "?"])),
            "nic": _maybe(st.integers(0, 11)),
            "rc_m": _number(0, 40_000),
            "nac_p": _maybe(st.integers(0, 11)),
            "nac_v": _maybe(st.integers(0, 4)),
            "sil": _maybe(st.integers(0, 3)),
            "adsb_version": _maybe(st.integers(0, 3)),
            "status": st.sampled_from(STATUSES),
            "time_ns": _maybe(st.integers(0, 4 * 10**18)),
        }
    )
)
def test_every_row_of_the_schema_can_be_said_and_all_that_is_said_is_whole(row):
    made = squitters(_table([row]))
    assert len(made) >= 1
    for out, _, count in decode(made.payload.copy(), made.size, made.time_ns, State.fresh()):
        status = {STATUSES[s] for s in out.u8[c.STATUS, :count]}
        assert status <= {"ok", "no_position", "ambiguous", "out_of_range", "unreachable"}
        if row["nic"] is not None and row["adsb_version"] in (1, 2) and row["source"] == "adsb":
            nic = out.u8[c.NIC, :count]
            assert (nic[nic != c.NONE8] <= row["nic"]).all()


_NUMBERS = {
    "alt_baro_ft": (-2_000, 130_000), "alt_geom_ft": (-2_000, 130_000), "gs_kt": (0, 2_000), "track_deg": (0, 360),
    "vrate_fpm": (-40_000, 40_000), "vrate_geom_fpm": (-40_000, 40_000), "tas_kt": (0, 2_000), "heading_deg": (0, 360),
}  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=200)
@given(data=st.data())
def test_the_messages_of_a_row_are_those_that_the_arrays_of_encode_write(data):
    value = {n: data.draw(st.one_of(st.none(), st.floats(*span, width=32))) for n, span in _NUMBERS.items()}
    lat, lon = data.draw(st.floats(-90, 90)), data.draw(st.floats(-180, 180))
    name = data.draw(st.text("ABYZ019 az#-", min_size=1, max_size=9))
    squawk = data.draw(st.from_regex("[0-7]{4}", fullmatch=True))
    ground = data.draw(st.booleans())
    row = {"object_id": "icao:4840d6", "time_ns": T0, "source": "adsb", "lat_deg": lat, "lon_deg": lon, **value}
    row |= {
        "callsign": name,
        "squawk": squawk,
        "category": "C3",
        "emergency": "unlawful",
        "on_ground": ground,
        "nic": 8,
    }
    got = np.array([np.nan if v is None else v for v in value.values()])
    baro, geom, gs, track, rate, rate_geom, tas, heading = got
    payloads = squitters(_table([row])).payload
    said = [p[4:11].tobytes().hex() for p in payloads]
    hexed = lambda word: f"{int(word):014x}"  # noqa: E731
    assert said[0] == hexed(e.identification(19, e.callsign48([name])[0]))
    assert said[2] == hexed(e.emergency(5, int(squawk, 8)))
    if ground:
        code = e.movement_code(gs, nearest=True)
        places = [e.surface_position(7, code, track, odd, lat, lon) for odd in (0, 1)]
    else:
        alt = e.altitude_code12(geom if np.isnan(baro) else baro)
        tc = 22 if np.isnan(baro) and not np.isnan(geom) else 11
        places = [e.airborne_position(tc, alt, odd, lat, lon) for odd in (0, 1)]
    assert [said[3], said[-1]] == [hexed(place) for place in places]
    assert all(
        int(e.parity(p[None], 14)[0]) == int.from_bytes(p[11:].tobytes()) for p in squitters(_table([row])).payload
    )
    if len(said) == 6:
        track = 0.0 if gs == 0 else track
        apart = geom - baro
        common = {
            "vrate_fpm": rate_geom if np.isnan(rate) else rate, "barometric": not np.isnan(rate),
            "geom_minus_baro_ft": apart if abs(apart) <= 3_137 else np.nan,
        }  # fmt: skip
        if np.isnan(gs + track) and not np.isnan(tas):
            word = e.airspeed(heading, tas, supersonic=tas > 1_021.5, **common)
        else:
            both = (gs, track) if not np.isnan(gs + track) else (np.nan, np.nan)
            parts = [abs(both[0] * turn(np.radians(both[1]))) for turn in (np.sin, np.cos)]
            word = e.velocity(*both, supersonic=max(parts) > 1_021.5, **common)
        assert said[4] == hexed(word)
