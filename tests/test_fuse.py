"""Reports to tracks: legs, reach, radii, and that order and repetition change nothing."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testigos import geo
from testigos.fuse import tracks
from testigos.schema import REPORTS, TRACKS, conform, violations

HOUR = 3_600.0


def flight(times_s, alts_ft, *, object_id="icao:abc123", speed_mps=230.0, ground=None, **columns):
    """Fixes along a parallel at constant speed."""
    times = np.asarray(times_s, np.float64)
    lat, lon = geo.destination(10.0, -60.0, 90.0, times * speed_mps)
    n = len(times)
    return conform(
        pl.DataFrame(
            {
                "object_id": [object_id] * n,
                "time_ns": (times * 1e9).astype(np.int64) + 1_700_000_000_000_000_000,
                "status": ["ok"] * n,
                "source": ["adsb"] * n,
                "lat_deg": lat,
                "lon_deg": lon,
                "alt_baro_ft": pl.Series(alts_ft, dtype=pl.Float32),
                "gs_kt": [speed_mps / 0.514444] * n,
                "on_ground": ground if ground is not None else [False] * n,
                "segment": [1] * n,
                "offset": list(range(n)),
                "length": [1] * n,
                **columns,
            }
        )
    )


def legs_of(table):
    return tracks(table)[0]["leg"].to_list()


def test_a_long_silence_high_up_is_not_a_landing():
    assert legs_of(flight([0, 60, 2.5 * HOUR], [30_000, 30_000, 31_000])) == [0, 0, 0]


def test_a_silence_long_enough_for_a_landing_begins_a_leg_when_low():
    assert legs_of(flight([0, 60, 2 * HOUR], [5_000, 3_000, 2_500], speed_mps=3.0)) == [0, 0, 1]


def test_a_short_silence_when_low_does_not():
    assert legs_of(flight([0, 60, 400], [5_000, 3_000, 2_500])) == [0, 0, 0]


def test_a_long_silence_high_up_begins_a_leg_under_another_call_sign_only():
    times, alts = [0, 60, 3 * HOUR], [30_000, 30_000, 31_000]
    assert legs_of(flight(times, alts, callsign=["IBE2621", None, "IBE2622"])) == [0, 0, 1]
    assert legs_of(flight(times, alts, callsign=["IBE2621", None, "IBE2621"])) == [0, 0, 0]
    assert legs_of(flight([0, 60, 900], alts, callsign=["IBE2621", None, "IBE2622"])) == [0, 0, 0]


def test_eight_hours_of_silence_always_begin_a_leg():
    assert legs_of(flight([0, 60, 8 * HOUR + 60], [30_000, 30_000, 31_000], speed_mps=100.0)) == [0, 0, 1]


def test_ground_time_between_flights_is_split_at_its_longest_silence():
    times = [0, 60, 120, 180, 240, 900, 960, 1020]
    ground = [False, False, True, True, True, True, False, False]
    alts = [3_000, 1_000, None, None, None, None, 800, 3_000]
    assert legs_of(flight(times, alts, ground=ground, speed_mps=20.0)) == [0, 0, 0, 0, 0, 1, 1, 1]


def test_a_touch_and_go_stays_one_leg():
    ground = [False, False, True, True, False, False]
    assert legs_of(flight([0, 30, 60, 90, 120, 150], [900, 300, None, None, 200, 900], ground=ground)) == [0] * 6


def test_the_origin_may_begin_a_leg():
    assert legs_of(flight([0, 10, 20], [9_000] * 3, new_leg=[False, True, False])) == [0, 1, 1]


def test_a_jump_is_kept_as_unreachable():
    table = flight([0, 10, 20, 30, 40], [30_000] * 5)
    table = table.with_columns(pl.when(pl.col("offset") == 2).then(14.0).otherwise(pl.col("lat_deg")).alias("lat_deg"))
    fused, notes = tracks(table)
    assert fused["status"].to_list() == ["ok", "ok", "unreachable", "ok", "ok"]
    assert notes.unreachable == 1
    assert len(fused) == 5


def test_a_spoofer_at_the_same_address_loses_against_the_longer_chain():
    real = flight(range(0, 400, 10), [30_000] * 40)
    fake = flight(range(5, 105, 10), [30_000] * 10).with_columns(pl.col("lat_deg") + 20, pl.col("offset") + 1_000)
    fused, _ = tracks(pl.concat([real, fake]))
    lost = fused.filter(pl.col("status") == "unreachable")
    assert len(lost) == 10
    assert lost["lat_deg"].min() > 20


def test_the_same_frame_read_twice_is_one_row_and_the_same_fix_of_two_receivers_is_a_duplicate():
    table = flight([0, 10, 20], [30_000] * 3)
    again = table.with_columns(pl.lit(2, pl.UInt64).alias("segment"))
    fused, notes = tracks(pl.concat([table, table, again]))
    assert (len(fused), notes.repeated_frames, notes.duplicates) == (6, 3, 3)


@pytest.mark.parametrize(
    ("columns", "radius95", "radius_max", "basis"),
    [
        ({"nac_p": [9], "rc_m": [186.0], "sil": [3]}, 30 + 0.6 * 230, 186 + 1.6 * 230, "nac_p"),
        ({"nic": [8], "sil": [2]}, 185.2 + 0.6 * 230, 185.2 + 1.6 * 230, "rc"),
        ({"nic": [8], "sil": [0]}, None, None, None),
        ({"nac_p": [0], "nic": [0]}, None, None, None),
        ({"source": ["mlat"], "nac_p": [9]}, 1852.0, None, "assumed_mlat"),
        ({"source": ["tisb"], "nac_p": [9]}, None, None, None),
    ],
)
def test_radii_follow_the_categories(columns, radius95, radius_max, basis):
    row = tracks(flight([0], [30_000], **columns))[0].row(0, named=True)
    assert row["radius95_m"] == (radius95 if radius95 is None else pytest.approx(radius95, abs=0.5))
    assert row["radius_max_m"] == (radius_max if radius_max is None else pytest.approx(radius_max, abs=0.5))
    assert row["radius_basis"] == basis


def test_a_users_assumption_counts_only_where_nothing_else_speaks():
    table = flight([0, 10], [30_000] * 2, nac_p=[9, None])
    assert tracks(table, assume_radius_m=500.0)[0]["radius_basis"].to_list() == ["nac_p", "assumed_by_user"]


def test_rows_without_time_or_object_stay_out_and_an_empty_table_is_no_error():
    table = flight([0, 10], [30_000] * 2).with_columns(pl.Series("object_id", [None, "icao:abc123"]))
    assert len(tracks(table)[0]) == 1
    nothing = tracks(conform(pl.DataFrame()))[0]
    assert (nothing.columns, len(nothing)) == (list(TRACKS), 0)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["icao:aaaaaa", "icao:bbbbbb", "anon:cccccc"]),
        st.integers(0, 20),
        st.sampled_from(["ok", "stale", "no_position"]),
        st.floats(-90, 90),
        st.floats(-180, 180),
        st.one_of(st.none(), st.floats(0, 50_000, width=32)),
        st.one_of(st.none(), st.booleans()),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_reports_changes_nothing_and_no_row_vanishes(rows, random):
    names = ["object_id", "time_ns", "status", "lat_deg", "lon_deg", "alt_baro_ft", "on_ground"]
    types = {n: REPORTS[n].dtype for n in names}
    table = pl.DataFrame(
        [(o, t * 10**10, s, la, lo, alt, g) for o, t, s, la, lo, alt, g in rows], schema=types, orient="row"
    ).with_columns(pl.lit(7, pl.UInt64).alias("segment"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset"))
    table = conform(table)
    shuffled = list(range(len(table)))
    random.shuffle(shuffled)
    one, other = tracks(table)[0], tracks(table[shuffled])[0]
    assert one.equals(other)
    assert len(one) == len(table)
    assert violations(one, TRACKS) == []


def again(table, first, last):
    """Rows after ``first`` up to ``last`` say its position again."""
    rows = pl.int_range(pl.len()).is_between(first, last)
    return table.with_columns(
        pl.when(rows).then(pl.col(n).get(first)).otherwise(n).alias(n) for n in ("lat_deg", "lon_deg")
    )


def test_a_position_said_again_when_it_must_have_left_is_refused_and_cuts_no_track():
    table = again(flight(range(0, 900), [30_000] * 900), 300, 600)
    made = tracks(table)[0]
    # 500 m are left behind after 2.2 s at 230 m/s
    assert made["status"].to_list() == ["ok"] * 303 + ["repeated"] * 298 + ["ok"] * 299
    assert made["leg"].n_unique() == 1
    assert tracks(table)[1].positions_repeated == 298


@pytest.mark.parametrize("speed", [0.0, 1.0, None])
def test_a_position_said_again_by_what_stands_or_says_no_speed_is_kept(speed):
    gs = pl.lit(None, pl.Float32) if speed is None else pl.lit(speed / 0.514444, pl.Float32)
    table = again(flight(range(0, 60), [0] * 60, speed_mps=speed or 230.0), 0, 59).with_columns(gs_kt=gs)
    assert set(tracks(table)[0]["status"]) == {"ok"}


def test_two_by_turns_do_not_repeat_each_other():
    one, other = flight(range(0, 60), [30_000] * 60), flight(range(0, 60), [30_000] * 60, object_id="icao:abc124")
    table = pl.concat([one, other.with_columns(pl.col("offset") + 60)])
    assert set(tracks(table)[0]["status"]) == {"ok"}
