"""Cases for findings: what may be said of a track, and what may not."""

import numpy as np
import polars as pl
import pytest

from testigos import geo
from testigos.findings import find_all, scene
from testigos.fuse import tracks
from testigos.model import Question
from testigos.schema import conform
from testigos.world import open_world

T0 = 1_761_228_000 * 10**9  # 2025-10-23T14:00Z


@pytest.fixture(scope="module")
def world():
    return open_world()


def made(times_s, lat, lon, alt_ft=30_000.0, *, subject="icao:ae1234", quality=True, **columns):
    """Reports of one object; ``quality`` gives NACp 9 and Rc 186 m."""
    n = len(times_s)
    speed = np.zeros(n)
    if n > 1:
        steps = geo.distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:]) / np.diff(times_s)
        speed = np.append(steps, steps[-1])
    table = {
        "object_id": [subject] * n,
        "time_ns": T0 + (np.asarray(times_s) * 1e9).astype(np.int64),
        "status": ["ok"] * n,
        "source": ["adsb"] * n,
        "lat_deg": np.asarray(lat, np.float64),
        "lon_deg": np.asarray(lon, np.float64),
        "alt_baro_ft": np.broadcast_to(np.asarray(alt_ft, np.float64), n).astype(np.float32),
        "gs_kt": (speed / 0.514444).astype(np.float32),
        "segment": [9] * n,
        "offset": list(range(n)),
        "length": [1] * n,
    }
    if quality:
        table |= {"nac_p": [9] * n, "rc_m": [186.0] * n, "sil": [3] * n}
    return conform(pl.DataFrame(table | columns))


def passing(lat, lon, closest_m, *, gap=None, step_s=10.0, speed=230.0, **columns):
    """A straight flight east whose closest point to a place lies ``closest_m`` north of it."""
    times = np.arange(0.0, 3_600.0, step_s)
    mid_lat, mid_lon = (float(v) for v in geo.destination(lat, lon, 0.0, closest_m))
    along = (times - 1_800.0) * speed
    lats, lons = geo.destination(mid_lat, mid_lon, np.where(along < 0, 270.0, 90.0), np.abs(along))
    keep = np.ones(len(times), bool) if gap is None else (times < gap[0]) | (times > gap[1])
    return made(times[keep], lats[keep], lons[keep], **columns)


def found(table, world, kind, **question):
    fused, _ = tracks(table, assume_radius_m=question.get("assume_radius_m"))
    return [f for f in find_all(fused, scene(Question(**question), world)) if f.kind == kind]


POINT = ("11.4,-63.1",)


def test_the_closest_approach_to_a_point_is_the_nearest_fix_and_its_interval_has_the_truth(world):
    (finding,) = found(passing(11.4, -63.1, 30_000.0), world, "approach", near=POINT)
    distance, bound = finding.measures["distance"], finding.measures["distance_bound"]
    assert distance.value == pytest.approx(30_000.0, abs=60.0)
    assert bound.low <= distance.low <= 30_000.0 <= distance.high <= bound.high
    assert distance.high - distance.low < 1_500.0
    assert (distance.level, bound.level, distance.unit) == (0.95, 1.0, "m")
    assert finding.details["time"].startswith("2025-10-23T14:30:0")
    assert finding.evidence


def test_a_gap_widens_the_interval_downwards_only_and_is_told(world):
    (whole,) = found(passing(11.4, -63.1, 60_000.0), world, "approach", near=POINT)
    (holed,) = found(passing(11.4, -63.1, 60_000.0, gap=(1_500, 2_100)), world, "approach", near=POINT)
    assert holed.measures["distance"].low < whole.measures["distance"].low
    assert holed.measures["distance"].low <= 60_000.0 <= holed.measures["distance"].high
    assert holed.measures["distance_bound"].low < holed.measures["distance"].low
    assert holed.details["gap"]["seconds"] == pytest.approx(620.0)
    assert whole.details["gap"] is None


def test_positions_of_unknown_quality_get_an_observed_value_and_no_bound(world):
    (finding,) = found(passing(11.4, -63.1, 30_000.0, quality=False), world, "approach", near=POINT)
    assert finding.measures["distance"].value == pytest.approx(30_000.0, abs=60.0)
    assert (finding.measures["distance"].low, finding.measures["distance"].level) == (None, None)
    assert "distance_bound" not in finding.measures
    assert any("no interval" in c for c in finding.caveats)


def test_a_users_assumed_radius_gives_an_interval_and_says_whose_it_is(world):
    table = passing(11.4, -63.1, 30_000.0, quality=False)
    (finding,) = found(table, world, "approach", near=POINT, assume_radius_m=500.0)
    assert finding.measures["distance"].low is not None
    assert "distance_bound" not in finding.measures
    assert any("user's assumption" in c for c in finding.caveats)


def test_multilaterated_positions_show_their_assumed_radius_and_no_certain_bound(world):
    table = passing(11.4, -63.1, 30_000.0, source=["mlat"] * 360)
    (finding,) = found(table, world, "approach", near=POINT)
    assert finding.measures["distance"].high - finding.measures["distance"].low > 3_000.0
    assert "distance_bound" not in finding.measures
    assert any("assumed" in c for c in finding.caveats)


def test_one_bad_fix_without_quality_takes_the_bound_away_only_where_it_could_decide(world):
    table = passing(11.4, -63.1, 30_000.0)
    for row, bounded in ((180, False), (0, True)):
        holed = table.with_columns(
            [pl.when(pl.col("offset") == row).then(None).otherwise(pl.col(c)).alias(c) for c in ("nac_p", "rc_m")]
        )
        (finding,) = found(holed, world, "approach", near=POINT)
        assert ("distance_bound" in finding.measures) == bounded


def test_a_track_over_an_area_is_at_no_distance(world, tmp_path):
    area = tmp_path / "area.geojson"
    ring = [[-64, 11], [-62, 11], [-62, 12], [-64, 12], [-64, 11]]
    area.write_text('{"type":"Polygon","coordinates":[' + str(ring) + "]}")
    (finding,) = found(passing(11.4, -63.1, 1_000.0), world, "approach", near=(str(area),))
    assert finding.measures["distance"].value == 0.0
    assert finding.measures["distance"].low == 0.0


@pytest.mark.parametrize(("lat", "lon"), [(89.95, 10.0), (-89.9, 0.0), (5.0, 179.99)])
def test_poles_and_the_antimeridian_are_places_like_others(world, lat, lon):
    (finding,) = found(passing(lat, lon, 3_000.0), world, "approach", near=(f"{lat},{lon}",))
    assert finding.measures["distance"].value == pytest.approx(3_000.0, abs=450.0)
    assert finding.measures["distance"].low <= 3_000.0 <= finding.measures["distance"].high


def test_the_window_of_the_question_limits_an_approach(world):
    table = passing(11.4, -63.1, 30_000.0)
    (finding,) = found(table, world, "approach", near=POINT, end_ns=T0 + 600 * 10**9)
    assert finding.measures["distance"].value > 250_000.0
    assert found(table, world, "approach", near=POINT, start_ns=T0 + 10**14) == []


def test_a_single_fix_is_a_sortie_and_an_approach(world):
    table = made([0.0], [11.5], [-63.0])
    (sortie,) = found(table, world, "sortie", near=POINT)
    assert (sortie.departure["status"], sortie.arrival["status"]) == ("first_seen", "lost")
    (approach,) = found(table, world, "approach", near=POINT)
    assert approach.measures["distance"].low < approach.measures["distance"].value


def test_a_single_fix_of_unknown_quality_has_no_interval(world):
    (approach,) = found(made([0.0], [11.5], [-63.0], quality=False), world, "approach", near=POINT)
    distance = approach.measures["distance"]
    assert (distance.low, distance.high, distance.level) == (None, None, None)
    assert "distance_bound" not in approach.measures


def test_a_track_without_a_position_makes_no_finding_and_no_error(world):
    table = made([0.0, 1.0], [11.5, 11.5], [-63.0, -63.0]).with_columns(
        pl.lit(None, pl.Float64).alias("lat_deg"),
        pl.lit(None, pl.Float64).alias("lon_deg"),
        pl.lit("no_position").alias("status"),
    )
    assert found(conform(table), world, "approach", near=POINT) == []
    assert found(conform(table), world, "sortie", near=POINT) == []


def descent(icao, world, lowest_ft, *, reverse=False, offset_deg=0.0):
    """A straight flight down 3 degrees to an airfield, heard down to a height above it; reversed: a departure."""
    row = world.airfields.row(icao)
    times = np.arange(0.0, 1_500.0, 5.0)
    height = 12_000.0 - times * 12.0
    keep = height >= lowest_ft
    away = height[keep] / 318.0 * 1852.0
    lat, lon = geo.destination(row["lat_deg"], row["lon_deg"], 200.0 + offset_deg, away + 1_000.0)
    alt = height[keep] + row["elevation_ft"]
    if reverse:
        lat, lon, alt = lat[::-1], lon[::-1], alt[::-1]
    return made(times[keep], lat, lon, alt)


@pytest.mark.parametrize("icao", ["KDYS", "RCSS", "KMCF"])
def test_a_descent_heard_down_to_a_few_hundred_feet_is_an_arrival(world, icao):
    (sortie,) = found(descent(icao, world, 400.0), world, "sortie")
    assert (sortie.arrival["status"], sortie.arrival["icao"]) == ("airfield", icao)
    assert sortie.arrival["confidence"] > 0.8
    (sortie,) = found(descent(icao, world, 400.0, reverse=True), world, "sortie")
    assert (sortie.departure["status"], sortie.departure["icao"]) == ("airfield", icao)


def test_a_track_that_ends_high_over_an_airfield_is_lost(world):
    row = world.airfields.row("KDYS")
    lat, lon = geo.destination(row["lat_deg"], row["lon_deg"], 90.0, np.arange(60_000.0, 0.0, -2_000.0))
    (sortie,) = found(made(np.arange(30) * 10.0, lat, lon, 27_000.0), world, "sortie")
    assert sortie.arrival["status"] == "lost"
    assert sortie.arrival["icao"] is None
    assert any("not observable" in c for c in sortie.caveats)


def test_confidence_falls_with_the_height_at_which_a_track_is_lost(world):
    ends = [found(descent("KDYS", world, h), world, "sortie")[0].arrival for h in (300.0, 3_000.0, 9_500.0)]
    named = [e["confidence"] if e["status"] == "airfield" else 0.0 for e in ends]
    assert named[0] > named[1] >= named[2]


def test_a_track_on_the_ground_far_from_any_airfield_has_none(world):
    table = made([0.0, 10.0], [12.5, 12.5], [-50.0, -50.001], on_ground=[True, True])
    (sortie,) = found(table, world, "sortie")
    assert sortie.arrival["status"] == "lost"


def test_the_territorial_sea_of_a_place_far_away_is_no_question_and_inside_it_a_fix_is_told(world):
    for closest_m, expected in ((5_000.0, "seen_inside"), (60_000.0, "cannot_tell"), (2_000_000.0, "far")):
        table = passing(11.38, -63.12, closest_m, quality=False)
        (finding,) = found(table, world, "approach", near=("Los Testigos",))
        assert finding.details["territorial_sea"]["status"] == expected
