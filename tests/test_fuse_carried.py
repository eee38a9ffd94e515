"""Values that one message says are carried on to the positions of the next, as far as they hold."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testigos.fuse import tracks
from testigos.fuse.carried import LIMITS_S, carried
from testigos.schema import REPORTS, TRACKS, conform, violations

T0 = 1_761_220_800_000_000_000


def said(*rows):
    """Reports of one aircraft, each (seconds, status, what it says)."""
    made = []
    for offset, (seconds, status, values) in enumerate(rows):
        row = {
            "object_id": "icao:abc123",
            "time_ns": T0 + round(seconds * 1e9),
            "status": status,
            "source": "adsb",
            "segment": 1,
            "offset": offset,
            "length": 14,
        }
        if status == "ok":
            row |= {"lat_deg": 10.0 + seconds * 0.001, "lon_deg": -60.0}
        made.append(row | values)
    names = {k for row in made for k in row}
    schema = {n: c.dtype for n, c in REPORTS.items() if n in names}
    return conform(pl.DataFrame([{n: r.get(n) for n in schema} for r in made], schema=schema))


POSITION = {"alt_baro_ft": 30_000.0}
VELOCITY = {"gs_kt": 412.0, "track_deg": 88.0, "vrate_fpm": -64.0}
QUALITY = {"nac_p": 9, "nac_v": 2, "sil": 3, "adsb_version": 2}


def test_a_position_gets_what_the_aircraft_said_before_it():
    table = said(
        (0.0, "no_position", {"callsign": "BARB21", "category": "A5"}),
        (1.0, "no_position", QUALITY),
        (2.0, "no_position", VELOCITY),
        (3.0, "no_position", {"squawk": "1234", "source": "mode_s"}),
        (4.0, "ok", POSITION | {"nic": 8}),
    )
    row = carried(table).row(4, named=True)
    expected = VELOCITY | QUALITY | POSITION | {"callsign": "BARB21", "category": "A5", "squawk": "1234", "nic": 8}
    assert {name: row[name] for name in expected} == expected
    fix = tracks(table)[0].row(4, named=True)
    assert (fix["radius_basis"], fix["radius95_m"]) == ("nac_p", pytest.approx(30 + 0.6 * 412 * 1852 / 3600, abs=0.1))


def test_nothing_is_carried_backwards_or_onto_rows_without_a_position():
    table = said((0.0, "ok", POSITION), (1.0, "no_position", VELOCITY), (2.0, "no_position", {"callsign": "A"}))
    assert carried(table).equals(table, null_equal=True)


def test_what_a_position_says_itself_stays_and_holds_from_then_on():
    table = said(
        (0.0, "no_position", VELOCITY), (1.0, "ok", {"gs_kt": 300.0}), (2.0, "ok", {}), (3.0, "ok", {})
    )  # fmt: skip
    assert carried(table)["gs_kt"].to_list() == [412.0, 300.0, 300.0, 300.0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("gs_kt", 400.0), ("alt_geom_ft", 900.0), ("on_ground", True), ("nac_p", 8), ("callsign", "BARB22")],
)
def test_each_value_holds_for_its_time(name, value):
    limit = LIMITS_S[name]
    beats = [(t, "no_position", {"heading_deg": 5.0}) for t in np.arange(30.0, limit, 300.0)]  # it is not silent
    table = said((0.0, "no_position", {name: value}), *beats, (limit, "ok", {}), (limit + 0.001, "ok", {}))
    assert carried(table)[name].to_list()[-2:] == [value, None]


def test_a_silence_that_could_be_a_landing_and_a_new_leg_end_it():
    table = said((0.0, "no_position", {"callsign": "A"}), (601.0, "ok", {}), (602.0, "ok", {}))
    assert carried(table)["callsign"].to_list() == ["A", None, None]
    table = said((0.0, "no_position", {"callsign": "A"}), (5.0, "ok", {"new_leg": True}), (6.0, "ok", {}))
    assert carried(table)["callsign"].to_list() == ["A", None, None]


def test_quality_stays_with_its_source_while_identity_does_not():
    table = said(
        (0.0, "no_position", QUALITY | {"callsign": "A"}),
        (1.0, "ok", {"source": "tisb"}),
        (2.0, "ok", {}),
        (3.0, "ok", {"source": "mlat"}),
    )
    made = carried(table)
    assert made["nac_p"].to_list() == [9, None, 9, None]
    assert made["callsign"].to_list() == ["A"] * 4


@pytest.mark.parametrize("status", ["parity_failed", "unconfirmed", "malformed", "unreachable", "stale"])
def test_words_in_doubt_are_not_carried(status):
    table = said((0.0, "no_position", {"callsign": "A"}), (1.0, status, VELOCITY), (2.0, "ok", {}))
    assert carried(table)["gs_kt"].to_list()[-1] is None


def test_objects_that_say_all_beside_the_position_are_left_alone():
    whole = said((0.0, "ok", VELOCITY), (5.0, "ok", {}), (6.0, "no_position", {}), (7.0, "ok", {}))
    assert carried(whole) is whole
    other = said((0.0, "no_position", VELOCITY), (5.0, "ok", {})).with_columns(object_id=pl.lit("icao:def456"))
    both = carried(pl.concat([whole, other]))
    assert both.filter(pl.col("object_id") == "icao:abc123").equals(whole, null_equal=True)
    assert both["gs_kt"].to_list()[-1] == 412.0


def test_an_object_never_gets_the_values_of_another():
    one = said((0.0, "no_position", VELOCITY), (1.0, "ok", {}))
    other = said((0.5, "ok", {}), (0.6, "no_position", {"squawk": "7000"})).with_columns(
        object_id=pl.lit("icao:ffffff")
    )
    made = carried(pl.concat([one, other]))
    assert made["gs_kt"].to_list() == [412.0, 412.0, None, None]


ROWS = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda k: k * 20.0),
        st.sampled_from(["ok", "no_position", "ambiguous", "stale"]),
        st.fixed_dictionaries(
            {},
            optional={
                "source": st.sampled_from(["adsb", "tisb", "mode_s"]),
                "gs_kt": st.integers(1, 9).map(float),
                "nac_p": st.integers(0, 11),
                "callsign": st.sampled_from(["A", "B"]),
                "on_ground": st.booleans(),
                "new_leg": st.just(True),
            },
        ),
    ),
    max_size=16,
)


def by_hand(rows, name):
    """The same by a loop over rows in the order of time."""
    made = []
    for i, row in enumerate(rows):
        value = row[name]
        if row["status"] == "ok" and value is None:
            for j in range(i - 1, -1, -1):
                if rows[j + 1]["new_leg"] or rows[j + 1]["time_ns"] - rows[j]["time_ns"] > 600 * 10**9:
                    break
                if row["time_ns"] - rows[j]["time_ns"] > LIMITS_S[name] * 1e9:
                    break
                says = rows[j]["status"] in ("ok", "no_position", "ambiguous") and rows[j][name] is not None
                if says and (name != "nac_p" or rows[j]["source"] == row["source"]):
                    value = rows[j][name]
                    break
        made.append(value)
    return made


@settings(max_examples=150, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_it_is_what_a_loop_gives_and_the_order_of_rows_changes_nothing(rows, random):
    table = said(*rows)
    speaks = table.filter(pl.col("status") == "no_position").select(
        pl.any_horizontal(pl.col(n).is_not_null() for n in LIMITS_S)
    )
    shuffled = list(range(len(table)))
    random.shuffle(shuffled)
    made = carried(table[shuffled]).sort("time_ns", "segment", "offset")
    ordered = table.sort("time_ns", "segment", "offset")
    wanted = ordered.rows(named=True)
    for name in ("gs_kt", "nac_p", "callsign", "on_ground"):
        expected = by_hand(wanted, name) if speaks.to_series().any() else ordered[name].to_list()
        assert made[name].to_list() == expected, name
    assert violations(tracks(table)[0], TRACKS) == []
