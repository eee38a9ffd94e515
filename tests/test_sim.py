"""The simulation: what is flown is possible, reports are as bad as stated, and all of it says SIMULATED."""

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from testigos import geo, registry, schema
from testigos.model import iso_utc, parse_utc
from testigos.sim import story
from testigos.sim.dice import Dice
from testigos.sim.observe import NACP_EPU_M, Equipment, Outage, Site, observe
from testigos.sim.random_flights import random_flight, random_flights
from testigos.sim.truth import TRUTH, Airfield, Performance, Plan, Waypoint, fly, wingman
from testigos.sim.write import encode, trace_path
from testigos.units import KT_MPS, NMI_M, S_NS

AVES = (15.672, -63.617)
TESTIGOS_ISLET = (11.4178, -63.0408)


@pytest.fixture(scope="module")
def cast():
    return {a.equipment.callsign: a for a in story.actors()}


@pytest.fixture(scope="module")
def reports(cast):
    return {name: observe(a.truth, a.equipment, story.SITES, story.outages()) for name, a in cast.items()}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return story.write_story(tmp_path_factory.mktemp("story"))


def nearest(table, place):
    distance = geo.distance_m(table["lat_deg"], table["lon_deg"], *place)
    at = int(distance.argmin())
    return float(distance[at]), table["time_ns"][at]


def errors_m(table, truth):
    """Distance of each fix from where the aircraft was at that time."""
    known, when = truth["time_ns"].to_numpy(), table["time_ns"].to_numpy()
    lat, lon = (np.interp(when, known, truth[c]) for c in ("lat_deg", "lon_deg"))
    return geo.distance_m(table["lat_deg"], table["lon_deg"], lat, lon)


def gaps_s(table):
    return np.diff(table.filter(pl.col("status") == "ok")["time_ns"].to_numpy()) / S_NS


# --- chance


def test_dice_of_the_same_name_roll_the_same_and_of_another_name_do_not():
    assert (Dice("a", 1).uniform(100) == Dice("a", 1).uniform(100)).all()
    assert (Dice("a", 1).uniform(100) != Dice("a", 2).uniform(100)).all()


def test_normal_numbers_have_the_moments_of_a_normal_distribution():
    x = Dice("moments").normal(100_000)
    assert abs(x.mean()) < 0.02
    assert abs(x.std() - 1.0) < 0.02
    assert np.mean(np.abs(x) < 1.96) == pytest.approx(0.95, abs=0.005)


def test_correlated_numbers_forget_by_the_time_constant():
    x = Dice("memory").correlated(np.full(50_000, 10.0), 100.0)
    assert np.corrcoef(x[:-1], x[1:])[0, 1] == pytest.approx(np.exp(-0.1), abs=0.02)
    assert abs(x.std() - 1.0) < 0.1


# --- truth


def test_truth_has_the_columns_of_the_schema_and_a_row_a_second(cast):
    for actor in cast.values():
        assert schema.violations(actor.truth, schema.TRACKS) == []
        assert actor.truth.columns == list(TRUTH)
        for leg in actor.truth.partition_by("leg"):
            assert set(np.diff(leg["time_ns"].to_numpy())) == {S_NS}


def test_nobody_flies_faster_climbs_steeper_or_turns_tighter_than_the_type_can(cast):
    for name, actor in cast.items():
        for t in actor.truth.partition_by("leg"):
            gs = t["gs_kt"].to_numpy()
            assert gs.max() < 560.0, name
            # A wingman that closes up brakes and speeds up with its leader's manoeuvres stretched in time.
            assert np.abs(np.diff(gs)).max() * KT_MPS < 4.0, name
            assert t["vrate_fpm"].abs().max() < 5_000.0, name
            assert t["roll_deg"].abs().max() < 27.0, name
            air = ~t["on_ground"].to_numpy()
            turn = np.abs(np.diff(np.unwrap(np.radians(t["track_deg"].to_numpy()))))
            fast = air[1:] & air[:-1] & (gs[1:] > 200.0)
            assert np.degrees(turn[fast]).max() < 3.5, name


def test_positions_move_as_fast_as_the_ground_speed_says(cast):
    for name, actor in cast.items():
        for t in actor.truth.partition_by("leg"):
            lat, lon = t["lat_deg"].to_numpy(), t["lon_deg"].to_numpy()
            step = geo.distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
            assert np.abs(step - t["gs_kt"].to_numpy()[:-1] * KT_MPS).max() < 4.5, name


def test_take_offs_and_landings_are_on_the_runway(cast):
    ends = {
        "BARB21": ("KDYS", "KDYS"), "BARB22": ("KDYS", "KDYS"), "BOLT61": ("KMCF", "KMCF"),
        "BOLT62": ("KMCF", "KMCF"), "BEACN41": ("KWRB", "TJRV"), "QQA101": ("KMIA", "TTPP"),
        "QQA215": ("KJFK", "TTPP"), "QQB402": ("TBPB", "KMIA"), "QQD330": ("SKBO", "TJSJ"),
    }  # fmt: skip
    for name, codes in ends.items():
        t = cast[name].truth
        air = t.filter(~pl.col("on_ground"))
        for row, code in ((air[0], codes[0]), (air[-1], codes[1])):
            field = story.FIELDS[code]
            off = geo.distance_m(row["lat_deg"][0], row["lon_deg"][0], field.lat_deg, field.lon_deg)
            assert off < 2_500.0, (name, code)
            assert row["alt_baro_ft"][0] == pytest.approx(field.elevation_ft, abs=40), (name, code)
        assert t["on_ground"][0], name
        assert t["on_ground"][-1], name


def test_the_last_straight_is_flown_along_the_runway():
    field = Airfield("XXXX", 10.0, 20.0, 500.0, 60.0)
    t = fly(Plan("icao:e80000", 0, [Waypoint(11.0, 19.0, 15_000, 300)], arrival=field, departure=field))
    final = t.filter(~pl.col("on_ground"))[-90:]
    turned = (final["track_deg"] - 60.0 + 180.0) % 180.0
    assert ((turned < 1.5) | (turned > 178.5)).all()
    assert 0.0 < final["alt_baro_ft"][0] - 500.0 < 1_500.0


def test_a_plan_of_one_place_is_refused():
    with pytest.raises(ValueError, match="two places"):
        fly(Plan("icao:e80000", 0, [Waypoint(0.0, 0.0)]))


def test_a_turn_behind_a_fly_over_point_passes_over_it():
    way = [Waypoint(0.0, 0.0, 20_000, 400), Waypoint(1.0, 0.0, fly_over=True), Waypoint(1.0, 1.0)]
    assert nearest(fly(Plan("icao:e80000", 0, way)), (1.0, 0.0))[0] < 250.0
    way[1] = Waypoint(1.0, 0.0)
    assert nearest(fly(Plan("icao:e80000", 0, way)), (1.0, 0.0))[0] > 2_000.0


def test_bank_limits_the_radius_of_a_turn():
    way = [Waypoint(0.0, 0.0, 20_000, 400), Waypoint(1.0, 0.0), Waypoint(1.0, 1.0)]
    for bank_deg in (15.0, 30.0):
        t = fly(Plan("icao:e80000", 0, way, Performance(bank_deg=bank_deg)))
        turn = np.diff(np.unwrap(np.radians(t["track_deg"].to_numpy())))
        radius = 400.0 * KT_MPS / turn.max()
        expected = (400.0 * KT_MPS) ** 2 / (9.80665 * np.tan(np.radians(bank_deg)))
        assert radius == pytest.approx(expected, rel=0.02)


def test_a_wingman_joins_keeps_his_place_and_lands_behind(cast):
    pair = cast["BARB21"].truth.join(cast["BARB22"].truth, on="time_ns", suffix="_2")
    apart = geo.distance_m(*(pair[c] for c in ("lat_deg", "lon_deg", "lat_deg_2", "lon_deg_2"))) / NMI_M
    start = pair["time_ns"][0]
    settled = (pair["time_ns"] - start > 4_000 * S_NS) & (pair["time_ns"] - start < 33_000 * S_NS)
    assert apart[settled.to_numpy()].max() < 4.0
    assert apart[settled.to_numpy()].min() > 0.4
    assert apart.max() > 5.0
    lifts = [t.filter(~pl.col("on_ground"))["time_ns"][0] for t in (cast["BARB21"].truth, cast["BARB22"].truth)]
    assert lifts[1] - lifts[0] == 120 * S_NS


def test_a_wingman_of_other_spacing_keeps_that(cast):
    leader = cast["BOLT61"].truth
    second = wingman(leader, "icao:e80001", trail_s=60.0, right_m=0.0)
    middle = leader["time_ns"][len(leader) // 2]
    at = second.filter(pl.col("time_ns") == middle + 60 * S_NS)
    was = leader.filter(pl.col("time_ns") == middle)
    assert geo.distance_m(at["lat_deg"], at["lon_deg"], was["lat_deg"], was["lon_deg"])[0] < 1.0


# --- the story


def test_the_tankers_take_off_ninety_minutes_after_the_bombers(cast):
    def lift(name):
        return cast[name].truth.filter(~pl.col("on_ground"))["time_ns"][0]

    assert (lift("BOLT61") - lift("BARB21")) / S_NS == pytest.approx(90 * 60, abs=60)
    assert iso_utc(lift("BARB21")).startswith("2025-10-23T14:02")


def test_the_bombers_pass_over_the_reported_point_and_nearer_to_the_islands(cast):
    lead = cast["BARB21"].truth
    assert nearest(lead, (11.9, -62.5))[0] < 300.0
    islet, when = nearest(lead, TESTIGOS_ISLET)
    assert 50_000.0 < islet < 60_000.0
    assert iso_utc(when).startswith("2025-10-23T19:19")
    # Isla de Aves is Venezuelan too, and nearer: "any land" and "Los Testigos" are different questions.
    assert 35_000.0 < nearest(lead, AVES)[0] < 45_000.0


def test_the_relay_aircraft_is_lost_above_ten_thousand_feet_before_it_lands(cast, reports):
    last = reports["BEACN41"].filter(pl.col("status") == "ok")[-1]
    assert last["alt_baro_ft"][0] > 10_000.0
    assert cast["BEACN41"].truth["time_ns"][-1] > last["time_ns"][0] + 600 * S_NS


def test_the_reconnaissance_aircraft_is_first_seen_at_altitude(reports):
    assert reports["VEIL17"]["alt_baro_ft"][0] > 30_000.0


# --- observation


def test_reports_hold_the_schema(reports):
    for name, table in reports.items():
        assert schema.violations(table) == [], name
        assert table["time_ns"].is_sorted(), name
        assert table["object_id"].n_unique() == 1


def test_broadcast_positions_are_as_good_as_they_say(cast, reports):
    for name in ("BOLT61", "QQA101", "QQE512", "BEACN41"):
        equipment = cast[name].equipment
        table = reports[name].filter((pl.col("status") == "ok") & ~pl.col("on_ground"))
        assert table["nac_p"].unique().to_list() == [equipment.nac_p]
        late = table["gs_kt"].to_numpy() * KT_MPS * equipment.latency_s
        epu = NACP_EPU_M[equipment.nac_p]
        error = errors_m(table, cast[name].truth)
        assert np.mean(error < epu + late) > 0.93, name
        assert (error < 3.0 * epu + late).all(), name
        assert np.median(error) > 0.5 * np.median(late), name


def test_bombers_are_only_multilaterated_with_errors_and_wild_outliers(cast, reports):
    for name in ("BARB21", "BARB22"):
        table = reports[name].filter(pl.col("status") == "ok")
        assert table["source"].cast(str).unique().to_list() == ["mlat"]
        for column in ("nic", "rc_m", "nac_p", "sil", "adsb_version"):
            assert table[column].is_null().all()
        error = errors_m(table, cast[name].truth)
        assert 100.0 < np.median(error) < 500.0
        assert 300.0 < np.percentile(error, 95) < 1_500.0
        assert 0.003 < np.mean(error > 3_500.0) < 0.03


def test_the_leader_is_out_of_sight_for_fourteen_minutes_after_its_closest_point(cast, reports):
    table = reports["BARB21"].filter(pl.col("status") == "ok")
    closest = nearest(cast["BARB21"].truth, TESTIGOS_ISLET)[1]
    after = table.filter(pl.col("time_ns") > parse_utc("2025-10-23T19:22:30"))["time_ns"][0]
    before = table.filter(pl.col("time_ns") < parse_utc("2025-10-23T19:22:30"))["time_ns"][-1]
    assert 14 * 60 <= (after - before) / S_NS < 16 * 60
    assert 0 < (before - closest) / S_NS < 240


def test_the_second_bomber_is_out_of_sight_at_its_closest_point(cast, reports):
    table = reports["BARB22"].filter(pl.col("status") == "ok")
    truth = nearest(cast["BARB22"].truth, TESTIGOS_ISLET)
    assert (table["time_ns"] - truth[1]).abs().min() > 120 * S_NS
    assert nearest(table, TESTIGOS_ISLET)[0] > truth[0] + 20_000.0


def test_coverage_has_holes_over_the_sea_that_no_outage_made(reports):
    silent = gaps_s(reports["BARB21"])
    assert (silent > 600.0).sum() >= 4
    assert np.median(silent) < 40.0
    assert gaps_s(reports["QQA215"]).max() > 1_800.0


def test_reports_come_more_often_in_a_climb_than_in_cruise(reports):
    table = reports["QQA101"].filter((pl.col("status") == "ok") & ~pl.col("on_ground"))
    step = table["time_ns"].diff().shift(-1) / S_NS
    low, high = table["alt_baro_ft"] < 10_000, table["alt_baro_ft"] > 36_000
    assert step.filter(low).median() < 12.0 < step.filter(high).median() < 40.0


def test_an_old_position_is_repeated_as_stale_before_a_silence(reports):
    table = reports["BARB21"]
    stale = table.with_row_index().filter(pl.col("status") == "stale")
    assert len(stale) >= 5
    for row in stale.iter_rows(named=True):
        before = table.row(row["index"] - 1, named=True)
        assert (before["lat_deg"], before["lon_deg"]) == (row["lat_deg"], row["lon_deg"])
        assert row["time_ns"] - before["time_ns"] == 25 * S_NS


def test_a_second_leg_is_marked_once_and_has_its_own_call_sign(reports):
    table = reports["QQC77"]
    assert table["new_leg"].sum() == 1
    assert table["callsign"].unique(maintain_order=True).to_list() == ["QQC77", "QQC78"]


def test_nothing_is_heard_beyond_the_horizon_or_in_an_outage():
    way = [Waypoint(0.0, 0.0, 10_000, 400), Waypoint(0.0, 8.0)]
    truth = fly(Plan("icao:e80000", 0, way))
    site = Site("alone", 0.0, 2.0, 25.0)
    horizon = 4_120.0 * (np.sqrt(10_000 * 0.3048) + 5.0)
    heard = observe(truth, Equipment("TEST1", "A320", "2000"), [site])
    distance = geo.distance_m(heard["lat_deg"], heard["lon_deg"], 0.0, 2.0)
    assert 0.9 * horizon < distance.max() < 1.01 * horizon + 2_000.0
    middle = int(heard["time_ns"][len(heard) // 2])
    outage = Outage("icao:e80000", middle, middle + 300 * S_NS)
    cut = observe(truth, Equipment("TEST1", "A320", "2000"), [site], [outage])
    assert not cut.filter(pl.col("status") == "ok")["time_ns"].is_between(middle, outage.end_ns - 1).any()
    assert 0 < len(cut) < len(heard)
    alone = observe(truth, Equipment("TEST1", "A320", "2000", adsb=False), [site])
    assert len(alone) == 0, "one receiver cannot multilaterate"


# --- bytes


def test_two_runs_write_the_same_bytes(tree, tmp_path):
    again = story.write_story(tmp_path)
    first = {p.relative_to(tree.parent): p.read_bytes() for p in sorted(tree.parent.rglob("*")) if p.is_file()}
    second = {p.relative_to(tmp_path): p.read_bytes() for p in sorted(tmp_path.rglob("*")) if p.is_file()}
    assert again.parent == tmp_path
    assert first == second


def test_every_trace_says_that_it_is_simulated(tree):
    paths = sorted(tree.rglob("trace_full_*.json"))
    assert len(paths) >= 14
    for path in paths:
        document = json.loads(gzip.decompress(path.read_bytes()))
        assert document["simulated"] is True
    assert "SIMULATED" in (tree.parent / "SIMULATED.txt").read_text()


def test_flights_past_midnight_are_in_the_trees_of_both_days(tree):
    assert trace_path("icao:afd021", 20_384) == "2025/10/23/traces/21/trace_full_afd021.json"
    assert (tree / "2025/10/23/traces/21/trace_full_afd021.json").exists()
    assert (tree / "2025/10/24/traces/21/trace_full_afd021.json").exists()
    assert (tree / "2025/10/24/traces/f2/trace_full_0c6ff2.json").exists()


def test_the_link_reads_back_what_was_reported(tree, reports):
    link = registry.link("readsb_trace")
    seen = {}
    for path in sorted(tree.rglob("trace_full_*.json")):
        found, rest = link.split(gzip.decompress(path.read_bytes()), final=True)
        assert rest == b""
        seen.setdefault(path.stem[-6:], []).append(link.decode(found, None)[0])
    for name, expected in reports.items():
        got = pl.concat(seen[expected["object_id"][0].removeprefix("icao:")])
        assert len(got) == len(expected), name
        for column in (
            "time_ns",
            "status",
            "source",
            "lat_deg",
            "lon_deg",
            "callsign",
            "type_code",
            "military",
        ):
            assert got[column].to_list() == expected[column].to_list(), (name, column)
        for column in ("alt_baro_ft", "gs_kt"):
            assert (got[column] - expected[column]).abs().max() == pytest.approx(0.0, abs=0.05), (
                name,
                column,
            )


def test_truth_is_beside_the_tree_and_not_in_it(tree):
    truth = pl.read_parquet(tree.parent / "truth.parquet")
    assert truth["object_id"].n_unique() == len({p.name for p in tree.rglob("trace_full_*.json")})
    assert not list(Path(tree).rglob("*.parquet"))


def test_a_format_that_can_only_be_read_is_refused_by_name(reports):
    with pytest.raises(TypeError, match="'kml' can only read"):
        encode("kml", reports["QQC77"])


# --- many flights


def test_a_random_flight_is_the_same_on_every_call():
    one, two = random_flight(17), random_flight(17)
    assert one.truth.equals(two.truth)
    assert one.reports.equals(two.reports)
    assert not one.truth.equals(random_flight(18).truth)


def test_random_flights_go_from_the_one_airfield_to_the_other_and_are_heard_above_their_floors():
    import airportsdata

    fields = airportsdata.load("ICAO")
    floors = set()
    for case in random_flights(25):
        for row, code in ((case.truth[0], case.departure), (case.truth[-1], case.arrival)):
            field = fields[code]
            assert row["on_ground"][0]
            off = geo.distance_m(row["lat_deg"], row["lon_deg"], field["lat"], field["lon"])[0]
            assert off < 3_000.0, case.number
        assert schema.violations(case.reports) == []
        half = case.truth["time_ns"][len(case.truth) // 2]
        ends = (
            (pl.col("time_ns") < half, case.departure, case.floor_departure_ft),
            (pl.col("time_ns") >= half, case.arrival, case.floor_arrival_ft),
        )
        for side, code, floor in ends:
            floors.add(floor)
            part = case.reports.filter(side)
            if floor >= 0.0 and len(part):
                assert not part["on_ground"].any()
                assert part["alt_baro_ft"].min() >= floor + fields[code]["elevation"] - 1.0
    assert len(floors) > 5
