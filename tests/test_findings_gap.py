"""What others tell of reception, and what a silence is worth."""

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cases
from testigos.findings import gap, scene, survey_all
from testigos.findings._silence import COVERAGE, own_hash, silences
from testigos.fuse import coverage
from testigos.model import Question
from testigos.units import S_NS
from testigos.world import open_world

DARK = Path(__file__).parent / "cases" / "gap" / "dark_among_many.toml"


def reports(
    object_id: str, minutes: list[int], lat: float = 10.2, lon: float = -60.0, step: float = 0.1
) -> pl.DataFrame:
    """A report a minute, eastward, at 35,000 ft."""
    return pl.DataFrame(
        {
            "object_id": object_id,
            "time_ns": [m * 60 * S_NS for m in minutes],
            "lat_deg": lat,
            "lon_deg": [lon + step * (m - minutes[0]) for m in minutes],
            "alt_baro_ft": 35_000.0,
            "on_ground": False,
            "source": "adsb",
        }
    )


def minutes_of(*tables: pl.DataFrame) -> pl.DataFrame:
    return coverage.present(coverage.joined([coverage.heard_minutes(t) for t in tables]))


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_cell_holds_the_position_that_is_in_it_and_its_ring_holds_the_cell(lat, lon):
    band, column = coverage.cells(np.array([lat]), np.array([lon]))
    assert band[0] * 0.5 <= lat <= band[0] * 0.5 + 0.5
    assert (band[0], column[0]) in set(zip(*(a.tolist() for a in coverage.ring(band, column)), strict=True))


def test_cells_are_alike_in_width_from_the_equator_to_80_degrees():
    lat = np.repeat(np.arange(0.25, 80.0, 0.5), 7200)
    lon = np.tile(np.arange(-180.0, 180.0, 0.05), len(lat) // 7200)
    band, column = coverage.cells(lat, lon)
    widths = [360.0 / (column[band == b].max() + 1) * np.cos(np.radians(b * 0.5 + 0.25)) for b in np.unique(band)]
    assert 0.49 < min(widths) <= max(widths) < 0.51


def test_who_is_heard_on_both_sides_was_there_unheard():
    told = minutes_of(reports("a", [0, 1, 2, 12, 13]))
    assert sorted(told.filter(~pl.col("heard"))["minute"]) == list(range(3, 12))
    at = told.sort("minute")
    assert np.allclose(np.diff(at["lon_deg"].to_numpy()), 0.1, atol=1e-4)


def test_who_is_lost_in_cruise_was_there_for_ten_more_minutes_but_not_beyond_the_last_minute_of_all():
    told = minutes_of(reports("a", [0, 1, 2]), reports("b", list(range(0, 8)), lat=40.0))
    a = told.filter((pl.col("lat_deg") < 20) & ~pl.col("heard"))
    assert sorted(a["minute"]) == [3, 4, 5, 6, 7]
    assert a.sort("minute")["lon_deg"].to_list() == pytest.approx([-59.7, -59.6, -59.5, -59.4, -59.3], abs=1e-4)


def test_who_appears_in_cruise_was_there_before():
    told = minutes_of(reports("a", [20, 21]), reports("b", list(range(0, 30)), lat=40.0))
    a = told.filter((pl.col("lat_deg") < 20) & ~pl.col("heard") & (pl.col("minute") < 20)).sort("minute")
    assert a["minute"].to_list() == list(range(10, 20))
    assert a["lon_deg"][0] == pytest.approx(-61.0, abs=1e-4)


def test_a_silence_over_the_antimeridian_is_bridged_the_short_way():
    rows = reports("a", [0, 10], lon=179.5, step=0.1).with_columns(pl.Series("lon_deg", [179.5, -179.5]))
    told = minutes_of(rows)
    assert told["lon_deg"].abs().min() >= 179.5 - 1e-6


@given(st.integers(1, 6), st.randoms(use_true_random=False))
def test_counts_do_not_depend_on_how_reports_are_cut_or_ordered(parts, random):
    table = pl.concat(
        [reports(name, list(range(start, start + 25)), lat=start) for name, start in (("a", 1), ("b", 9))]
    )
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = table[order]
    cut = [coverage.heard_minutes(shuffled[i::parts]) for i in range(parts)]
    random.shuffle(cut)
    assert coverage.joined(cut).equals(coverage.joined([coverage.heard_minutes(table)]))


def test_reception_without_others_is_unknown_and_with_them_is_good_or_bad_as_theirs():
    silent = np.arange(10, 20)
    here = (np.full(10, 10.2), -60.0 + 0.1 * silent, np.full(10, 4), silent)
    nobody = coverage.reception({}, [own_hash("me")], *here, mlat=False, share=1.0)
    assert (nobody.known_min, nobody.chance, nobody.share) == (0, 1.0, None)
    others = [reports(f"o{i}", list(range(30))) for i in range(5)]
    good = coverage.reception(
        coverage.cover(coverage.counted(minutes_of(*others))), [own_hash("me")], *here, mlat=False, share=1.0
    )
    assert (good.known_min, good.others, good.share) == (10, 5, 1.0)
    assert good.chance < 0.01
    assert good.expected_min == pytest.approx(10.0)
    deaf = [reports(f"o{i}", [*range(9), *range(21, 30)]).with_columns(
        (-60.0 + 0.1 * (pl.col("time_ns") // (60 * S_NS))).alias("lon_deg")) for i in range(5)]  # fmt: skip
    bad = coverage.reception(
        coverage.cover(coverage.counted(minutes_of(*deaf))), [own_hash("me")], *here, mlat=False, share=1.0
    )
    assert bad.share == pytest.approx(0.1, abs=0.1)
    assert bad.chance > 0.3


def test_nobody_is_a_witness_of_his_own_silence_nor_of_his_companys():
    others = [reports(f"o{i}", list(range(30))) for i in range(5)]
    known = coverage.cover(coverage.counted(minutes_of(*others)))
    silent = np.arange(10, 20)
    told = coverage.reception(
        known, [own_hash(f"o{i}") for i in range(4)], np.full(10, 10.2), -60.0 + 0.1 * silent, np.full(10, 4), silent,
        mlat=False, share=1.0,
    )  # fmt: skip
    assert told.known_min == 0


def test_who_was_heard_high_up_says_nothing_of_low_down():
    others = [reports(f"o{i}", list(range(30))) for i in range(5)]
    known = coverage.cover(coverage.counted(minutes_of(*others)))
    silent = np.arange(10, 20)
    told = coverage.reception(
        known, [own_hash("me")], np.full(10, 10.2), -60.0 + 0.1 * silent, np.full(10, 1), silent, mlat=False, share=1.0
    )
    assert told.known_min == 0


def test_without_the_survey_every_silence_is_not_observable():
    case = cases.read(DARK)
    tracks = cases.tracks(case)
    found = gap.find(tracks, scene(Question(), open_world()))
    assert found
    assert {f.details["verdict"] for f in found} == {"not_observable"}
    assert all(f.measures["probability"].value is None for f in found)


def test_the_excerpt_is_small_and_the_same_however_the_input_is_cut():
    tracks = cases.tracks(cases.read(DARK))
    here = scene(Question(), open_world())
    only = tracks.filter(pl.col("object_id") == "icao:ae0421")
    whole = survey_all(tracks, only, here)["coverage"]
    counts = [COVERAGE.count(tracks[i::5], here) for i in range(5)]
    assert COVERAGE.excerpt(COVERAGE.join(counts), only, here).equals(whole)
    assert 0 < len(whole) < 20_000


def test_a_silence_keeps_its_bounds_and_shares():
    tracks = cases.tracks(cases.read(DARK))
    here = dataclasses.replace(scene(Question(subjects=("icao:ae0421",)), open_world()))
    (quiet,) = [s for s in silences(tracks, here) if s.subject == "icao:ae0421" and s.which == "silence"]
    assert 24 * 60 <= (quiet.end_ns - quiet.start_ns) / S_NS <= 27 * 60
    assert 0.9 <= quiet.share <= 1.0
    assert quiet.rate > 1.0
    assert not quiet.mlat
