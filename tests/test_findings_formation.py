"""Company: meetings against every pair, and what findings say against what was flown."""

import itertools
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import cases
from testigos import api, geo
from testigos.findings import _pairs, formation
from testigos.findings._pairs import closest, meetings
from testigos.findings.scene import Scene
from testigos.fuse import tracks as fuse_tracks
from testigos.model import Question, parse_utc
from testigos.schema import TRACKS, conform
from testigos.units import KT_MPS, LENGTH_UNITS, NMI_M

CASES = Path(__file__).parent / "cases" / "formation"
KC10 = ("kml/82-0193-track-press_alt_uncorrected.kml", "kml/86-0033-track-press_alt_uncorrected.kml")


def straight(box, count, seconds, seed, speed_mps=230.0):
    """Flights along geodesics from random points of a box: rows (track, time, lat, lon, alt)."""
    dice = np.random.default_rng(seed)
    parts = []
    for k in range(count):
        n = int(seconds / 40)
        time_s = np.sort(dice.uniform(0.0, seconds, n))
        lat, lon = dice.uniform(*box[0]), dice.uniform(*box[1])
        lat, lon = geo.destination(np.full(n, lat), np.full(n, lon), dice.uniform(0, 360), speed_mps * time_s)
        parts.append((np.full(n, k), time_s, lat, lon, np.full(n, dice.uniform(20e3, 40e3))))
    return tuple(np.concatenate(c) for c in zip(*parts, strict=True))


def every_pair(rows, within_m, step_s=0.5):
    """Least distance and time within of every pair, by looking at all of them at every moment."""
    track, time_s, lat, lon, alt = rows
    clock = np.arange(0.0, time_s.max(), step_s)
    places = {}
    for k in np.unique(track):
        mine = track == k
        # unit vectors turn evenly between fixes 40 s apart
        xyz = np.array(
            [np.interp(clock, time_s[mine], c, np.nan, np.nan) for c in _pairs.surface(lat[mine], lon[mine]).T]
        )
        places[k] = (xyz, alt[mine][0])
    found = {}
    for (a, (one, _)), (b, (two, _)) in itertools.combinations(places.items(), 2):
        apart = np.linalg.norm(one - two, axis=0)
        if (apart <= within_m).any():
            found[int(a), int(b)] = (float(np.nanmin(apart)), float((apart <= within_m).sum() * step_s))
    return found


@pytest.mark.parametrize(
    "box",
    [((30.0, 36.0), (-100.0, -92.0)), ((86.0, 90.0), (-180.0, 180.0)), ((-3.0, 3.0), (176.0, 184.0))],
    ids=["mid-latitude", "north pole", "antimeridian"],
)
@pytest.mark.parametrize("within_m", [5_000.0, 10 * NMI_M, 150_000.0])
def test_meetings_are_those_that_a_look_at_every_pair_finds(box, within_m):
    rows = straight(box, 60, 3600.0, seed=3)
    met = meetings(*rows, within_m=within_m)
    truth = every_pair(rows, within_m)
    lasted = {}
    for a, b, start, end in zip(met.first.tolist(), met.second.tolist(), met.start_s, met.end_s, strict=True):
        lasted[a, b] = lasted.get((a, b), 0.0) + end - start
    near = closest(met)
    least = dict(zip(zip(near.first.tolist(), near.second.tolist(), strict=True), near.distance_m, strict=True))
    assert len(truth) >= (3 if within_m < 10_000.0 else 20)
    assert set(truth) <= set(least)
    # what the oracle's clock of half a second steps over, at up to 460 m/s; where tracks begin or end, a whole step
    assert all(least[p] > within_m - 240.0 for p in set(least) - set(truth))
    for pair, (apart_m, seconds) in truth.items():
        assert least[pair] == pytest.approx(apart_m, abs=240.0)
        assert least[pair] <= apart_m + 1.0
        assert lasted[pair] == pytest.approx(seconds, abs=1.1)


def test_the_closest_point_is_the_geodesic_distance_of_both_places_then():
    lon = np.array([0.0, 1.0, 0.5, 0.5])
    met = meetings([0, 0, 1, 1], [0.0, 400.0, 0.0, 400.0], [45.0, 45.0, 45.5, 44.6], lon, within_m=20_000.0)
    # both are evenly moving; a clock of a tenth of a second along both geodesics
    part = np.linspace(0.0, 1.0, 4001)
    spots = []
    for ends in ((45.0, 0.0, 45.0, 1.0), (45.5, 0.5, 44.6, 0.5)):
        way, azimuth, _ = geo.inverse_arrays(*ends)
        spots += geo.destination(np.full(4001, ends[0]), np.full(4001, ends[1]), np.full(4001, azimuth), part * way)
    apart = geo.distance_m(*spots)
    assert met.distance_m[0] == pytest.approx(apart.min(), abs=1.0)
    assert met.time_s[0] == pytest.approx(400.0 * part[apart.argmin()], abs=0.2)


def test_the_order_of_tracks_changes_no_meeting():
    rows = straight(((30.0, 36.0), (-100.0, -92.0)), 30, 3600.0, seed=5)
    met = meetings(*rows, within_m=20_000.0)
    turned = tuple(np.concatenate([c[rows[0] == k] for k in range(29, -1, -1)]) for c in rows)
    again = meetings(29 - turned[0], *turned[1:], within_m=20_000.0)
    one = sorted(zip(met.first, met.second, met.start_s, met.end_s, met.distance_m, strict=True))
    two = sorted(zip(29 - again.second, 29 - again.first, again.start_s, again.end_s, again.distance_m, strict=True))
    assert len(one) > 10
    np.testing.assert_allclose(one, two, atol=1e-4)


def test_more_rows_of_the_same_flights_change_no_meeting():
    rows = straight(((30.0, 36.0), (-100.0, -92.0)), 30, 3600.0, seed=6)
    met = meetings(*rows, within_m=20_000.0)
    keep = np.ones(len(rows[0]), np.bool_)
    keep[1:-1] = np.arange(1, len(keep) - 1) % 2 == 0
    keep |= (np.diff(rows[0], prepend=-1) != 0) | (np.diff(rows[0], append=99) != 0)
    half = meetings(*(c[keep] for c in rows), within_m=20_000.0)
    np.testing.assert_array_equal(met.first, half.first)
    np.testing.assert_allclose(met.start_s, half.start_s, atol=0.1)
    np.testing.assert_allclose(met.distance_m, half.distance_m, atol=2.0)


def test_one_that_is_faster_than_any_aircraft_still_meets():
    met = meetings([0, 0, 1, 1], [0.0, 60.0, 0.0, 60.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.001, -0.5, 0.5], within_m=1000.0)
    assert met.time_s[0] == pytest.approx(30.0, abs=0.1)
    assert met.distance_m[0] < 300.0


def test_altitudes_that_differ_by_more_than_the_limit_end_a_meeting():
    rows = ([0, 0, 1, 1], [0.0, 400.0, 0.0, 400.0], [0.0, 0.5, 0.0, 0.5], [0.0, 0.0, 0.01, 0.01])
    climbing = [30_000.0, 30_000.0, 30_000.0, 34_000.0]
    met = meetings(*rows, climbing, within_m=5000.0, within_ft=1000.0)
    assert met.end_s.tolist() == pytest.approx([100.0])
    unknown = meetings(*rows, [30_000.0, 30_000.0, np.nan, np.nan], within_m=5000.0, within_ft=1000.0)
    assert unknown.end_s.tolist() == pytest.approx([400.0])
    assert np.isnan(unknown.vertical_ft).all()
    assert not len(meetings(*rows, [30_000.0, 30_000.0, 31_500.0, 34_000.0], within_m=5e3, within_ft=1e3).first)


def test_fixes_farther_apart_than_the_limit_are_not_joined():
    time_s = [0.0, 100.0, 900.0, 1000.0]
    lat, lon = [0.0, 0.1, 0.9, 1.0], [0.0] * 4
    met = meetings([0] * 4 + [1] * 4, time_s * 2, lat * 2, lon + [0.01] * 4, within_m=5000.0)
    assert met.start_s.tolist() == [0.0, 900.0]
    assert met.end_s.tolist() == [100.0, 1000.0]
    joined = meetings([0] * 4 + [1] * 4, time_s * 2, lat * 2, lon + [0.01] * 4, within_m=5000.0, longest_gap_s=1000.0)
    assert (joined.start_s.tolist(), joined.end_s.tolist()) == ([0.0], [1000.0])


def test_rows_out_of_order_are_an_error_and_none_is_none():
    with pytest.raises(ValueError, match="order of time"):
        meetings([0, 0], [10.0, 0.0], [0.0, 0.0], [0.0, 0.0], within_m=1.0)
    assert len(meetings([], [], [], [], within_m=1.0).first) == 0
    assert len(meetings([0], [0.0], [0.0], [0.0], within_m=1.0).first) == 0


def company_of(tracks, world, **asked):
    return formation.find(tracks, Scene(Question(**asked), world, ()))


def case_tracks(name, change=None):
    case = cases.read(CASES / f"{name}.toml")
    if change:
        change(case)
    return cases.tracks(case), cases.truths(case)


def apart_m(truths, a, b):
    """True distance a second while both fly: times in ns, metres."""
    both = truths[a].join(truths[b], on="time_ns", suffix="_b").filter(~pl.col("on_ground") & ~pl.col("on_ground_b"))
    columns = [both[c].to_numpy() for c in ("lat_deg", "lon_deg", "lat_deg_b", "lon_deg_b")]
    return both["time_ns"].to_numpy(), geo.distance_m(*columns)


def test_two_tankers_are_in_company_for_2545_seconds_on_real_tracks(shared, world):
    """The figures of the manifest are on a clock of one second: 1 % for it, 2 % for the least distance."""
    tracks = api.tracks(api.read([shared / name for name in KC10]))
    (found,) = company_of(tracks, world)
    assert sorted(found.subjects) == ["reg:82-0193", "reg:86-0033"]
    assert found.measures["duration"].value == pytest.approx(2545.0, rel=0.01)
    assert found.measures["separation_min"].value == pytest.approx(0.87 * NMI_M, rel=0.02)
    assert found.details["pairs"][0]["closest_vertical_ft"] == pytest.approx(951.0, abs=25.0)
    # nothing says how good these positions are
    assert found.measures["separation"].low is found.measures["duration"].high is None
    assert "quality" in formation.sentence(found, {}, LENGTH_UNITS["nmi"])
    assert len(found.details["pairs"][0]["spans"]) == 2


def test_a_vouched_radius_gives_the_real_tankers_intervals(shared, world):
    reports = api.read([shared / name for name in KC10])
    tracks = fuse_tracks(reports, assume_radius_m=185.2)[0]
    (found,) = company_of(tracks, world)
    separation = found.measures["separation"]
    assert separation.low < separation.value < separation.high
    assert separation.high - separation.low < 2000.0
    assert found.measures["duration"].low <= 2545.0 <= found.measures["duration"].high
    assert any("user's assumption" in c for c in found.caveats)


def test_when_they_parted_in_a_silence_lies_in_its_interval(world):
    tracks, truths = case_tracks("parted_in_a_silence")
    (found,) = company_of(tracks, world)
    time_ns, apart = apart_m(truths, "icao:afd061", "icao:afd062")
    parted = int(time_ns[apart > 5 * NMI_M][0])
    for member in found.details["members"]:
        assert parse_utc(member["left"]) < parse_utc("2025-10-23T16:25:01")
        assert parse_utc(member["left_earliest"]) <= parted <= parse_utc(member["left_latest"])
        assert parse_utc(member["left_latest"]) < parse_utc("2025-10-23T16:47:00")


def test_the_interval_of_the_parting_is_narrow_where_it_was_seen(world):
    tracks, truths = case_tracks("parted_in_a_silence", lambda case: case.pop("outage"))
    (found,) = company_of(tracks, world)
    time_ns, apart = apart_m(truths, "icao:afd061", "icao:afd062")
    parted = int(time_ns[apart > 5 * NMI_M][0])
    for member in found.details["members"]:
        early, late = parse_utc(member["left_earliest"]), parse_utc(member["left_latest"])
        assert early <= parted <= late
        assert late - early <= 60_000_000_000


def test_what_was_measured_by_multilateration_holds_the_truth_and_nearness_of_nought(world):
    def abreast(case):
        case["flight"][1] |= {"trail_s": 0.0, "right_m": 900.0}

    tracks, truths = case_tracks("bombers_by_multilateration", abreast)
    (found,) = company_of(tracks, world)
    start, end = parse_utc("2025-10-23T14:40:00"), parse_utc("2025-10-23T15:30:00")
    time_ns, apart = apart_m(truths, "icao:afd021", "icao:afd022")
    steady = float(np.median(apart[(time_ns > start) & (time_ns < end)]))
    separation = found.measures["separation"]
    assert separation.low == 0.0
    assert separation.low <= steady <= separation.high
    assert any("1,852 m" in caveat for caveat in found.caveats)


def test_a_silence_of_both_counts_for_the_upper_end_only(world):
    tracks, _ = case_tracks("bombers_by_multilateration")
    (found,) = company_of(tracks, world)
    (pair,) = found.details["pairs"]
    unseen = sum(s["seconds"] for s in pair["unseen"])
    assert unseen > 14 * 60
    lasted = found.measures["duration"]
    assert lasted.value + unseen <= lasted.high
    assert lasted.value == pytest.approx(sum(s["seconds"] for s in pair["spans"]), abs=300.0)


def test_sparse_tracks_in_company_are_found_too(world):
    tracks, _ = case_tracks("three_of_which_one_leaves")
    sparse = tracks.filter(pl.col("time_ns") - pl.col("time_ns").shift(1).over("object_id").fill_null(0) > 0)
    sparse = sparse.filter((pl.int_range(pl.len()).over("object_id") % 13) == 0)
    assert sparse["time_ns"].diff().drop_nulls().filter(sparse["time_ns"].diff().drop_nulls() > 0).median() > 200e9
    (found,) = company_of(sparse, world)
    assert len(found.subjects) == 3
    assert found.measures["separation"].low <= 3331.0 <= found.measures["separation"].high


def test_tracks_that_end_together_leave_the_end_open(world):
    tracks, _ = case_tracks("three_of_which_one_leaves")
    cut = tracks.filter(pl.col("time_ns") < parse_utc("2025-10-16T14:25:00"))
    (found,) = company_of(cut, world)
    assert found.measures["duration"].high is None
    assert {m["left_how"] for m in found.details["members"]} == {"lost"}
    assert all(m["left_latest"] is None for m in found.details["members"])
    (asked,) = company_of(tracks, world, end_ns=parse_utc("2025-10-16T14:25:00"))
    assert asked.end_ns == found.end_ns


def test_who_left_is_told_with_the_time(world):
    tracks, truths = case_tracks("three_of_which_one_leaves")
    (found,) = company_of(tracks, world)
    left = {m["subject"]: m for m in found.details["members"]}
    # it has left when it is near to neither
    partings = []
    for other in ("icao:afd031", "icao:afd032"):
        time_ns, apart = apart_m(truths, other, "icao:afd033")
        partings.append(int(time_ns[apart > 5 * NMI_M][0]))
    parted = max(partings)
    member = left["icao:afd033"]
    assert parse_utc(member["left_earliest"]) <= parted <= parse_utc(member["left_latest"])
    assert left["icao:afd031"]["left"] == left["icao:afd032"]["left"] > member["left"]


def test_unknown_altitudes_leave_the_height_unsaid(world):
    tracks, _ = case_tracks("three_of_which_one_leaves")
    nulls = {n: pl.lit(None, TRACKS[n].dtype) for n in ("alt_baro_ft", "alt_geom_ft", "alt_msl_ft")}
    (found,) = company_of(tracks.with_columns(**nulls), world)
    assert "vertical_separation" not in found.measures
    assert any("height" in c and "not observable" in c for c in found.caveats)


def test_a_short_meeting_of_two_long_companions_with_others_is_its_own_finding():
    def pair(a, b, start, end):
        what = formation.Company(*[()] * 3, (start, 0, 0), (end, 0, 0), *[None] * 13)
        return formation._Pair(a, b, what, (), 0.9)

    long_one, long_two, short = pair(0, 1, 0.0, 9000.0), pair(2, 3, 0.0, 8000.0), pair(1, 2, 3000.0, 4000.0)
    assert formation._groups([short, long_two, long_one]) == [[long_one], [long_two], [short]]
    alike = pair(1, 2, 100.0, 7000.0)
    assert formation._groups([long_one, long_two, alike]) == [[long_one, long_two, alike]]
    assert formation._groups([long_one, pair(1, 2, 9500.0, 18_000.0)]) == [[long_one], [pair(1, 2, 9500.0, 18_000.0)]]


def test_evidence_is_few_frames_of_every_member_in_the_order_of_time(world):
    tracks, _ = case_tracks("three_of_which_one_leaves")
    (found,) = company_of(tracks, world)
    assert 6 <= len(found.evidence) <= 20
    offsets = [int(e.partition(":")[2]) for e in found.evidence]
    rows = tracks.filter(pl.col("offset").is_in(offsets))
    assert set(rows["object_id"]) == set(found.subjects)
    times = dict(zip(rows["offset"].to_list(), rows["time_ns"].to_list(), strict=True))
    assert [times[o] for o in offsets] == sorted(times[o] for o in offsets)


def abreast(count, spacing_m, seconds, lat=45.0, alt=None, step=20.0, speed_kt=440.0):
    """Aircraft beside each other on one course, as tracks."""
    rows = []
    time_s = np.arange(0.0, seconds, step)
    for k in range(count):
        at = geo.destination(lat, 0.0, 0.0, spacing_m * k)
        lat_deg, lon_deg = geo.destination(np.full(len(time_s), at[0]), np.full(len(time_s), at[1]),
                                           np.full(len(time_s), 90.0), speed_kt * KT_MPS * time_s)  # fmt: skip
        rows.append(
            pl.DataFrame(
                {
                    "object_id": [f"icao:00000{k}"] * len(time_s), "time_ns": (time_s * 1e9).astype(np.int64) + 10**18,
                    "status": ["ok"] * len(time_s), "source": ["adsb"] * len(time_s), "lat_deg": lat_deg,
                    "lon_deg": lon_deg, "alt_baro_ft": [30_000.0 if alt is None else alt[k]] * len(time_s),
                    "radius95_m": [100.0] * len(time_s), "leg": [0] * len(time_s),
                    "segment": [k] * len(time_s), "offset": np.arange(len(time_s)),
                }
            )
        )  # fmt: skip
    return conform(pl.concat(rows), TRACKS)


@pytest.mark.parametrize(
    ("spacing_m", "seconds", "alt", "found"),
    [
        (1500.0, 1500.0, None, 1),
        (1500.0, 420.0, None, 0),  # too short
        (11_000.0, 3600.0, None, 0),  # too far
        (1500.0, 3600.0, (30_000.0, 35_000.0), 0),  # too high above
        (1500.0, 3600.0, (30_000.0, 31_000.0), 0),  # as strangers on one airway are kept
        (5000.0, 3600.0, (9_000.0, 9_000.0), 0),  # as arrivals in trail are kept
        (1500.0, 1500.0, (9_000.0, 9_000.0), 1),
    ],
)
def test_company_takes_nearness_time_and_something_that_strangers_have_not(world, spacing_m, seconds, alt, found):
    assert len(company_of(abreast(2, spacing_m, seconds, alt=alt), world)) == found


def test_call_signs_in_a_row_speak_for_company_but_those_of_an_airline_do_not(world):
    strangers = abreast(2, 1500.0, 3600.0, alt=(30_000.0, 31_000.0))
    for signs, found in ((("BARB21", "BARB22"), 1), (("RYR121", "RYR122"), 0), (("BARB21", "GRIM22"), 0)):
        sign = pl.when(pl.col("object_id") == "icao:000000").then(pl.lit(signs[0])).otherwise(pl.lit(signs[1]))
        assert len(company_of(strangers.with_columns(sign.alias("callsign")), world)) == found


def test_a_whole_cell_is_one_finding_whoever_comes_first(world):
    tracks = abreast(5, 1500.0, 1800.0)
    (found,) = company_of(tracks, world)
    assert len(found.subjects) == found.details["at_least"] == 5
    assert found.measures["separation_min"].value == pytest.approx(1500.0, abs=5.0)


def test_aircraft_parked_beside_each_other_keep_no_company(world):
    tracks = abreast(2, 100.0, 3600.0, speed_kt=0.1).with_columns(pl.lit(True).alias("on_ground"))
    assert company_of(tracks, world) == []
    assert company_of(tracks.with_columns(pl.lit(False).alias("on_ground")), world) == []


def test_no_rows_and_one_object_give_nothing(world):
    assert company_of(abreast(1, 1.0, 900.0), world) == []
    assert company_of(conform(pl.DataFrame(), TRACKS), world) == []
