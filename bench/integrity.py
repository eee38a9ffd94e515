"""How often does each integrity test find what is wrong, and how often does it speak up where nothing is?

Run: ``python bench/integrity.py --count 400``. Without faults: so many simulated flights (every third is multilaterated
as well), days of civil traffic, and the real captures of ``../shared/data`` whose findings were looked at one by one;
those with a fault of their own are named in ``FAULTY``. With faults: each kind is put into half as many other flights,
in 10 to 30 minutes of them, of a size drawn at random; what counts is a finding of one of the tests named for it that
overlaps the fault.

Printed: findings without a cause by test, with the hours of flight in which they came; recall by fault and size, with
the numbers of those missed.
"""

import argparse
import sys
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from testigos import api, fuse
from testigos.findings import integrity, scene, survey_all
from testigos.findings._accuracy import AIRCRAFT
from testigos.findings.scene import Scene
from testigos.model import Finding, Question
from testigos.sim import faults
from testigos.sim.background import civil_day
from testigos.sim.observe import Equipment, observe
from testigos.sim.random_flights import random_flight
from testigos.sim.sites import SITES
from testigos.units import S_NS
from testigos.world import open_world

SHARED = Path(__file__).parents[2] / "shared" / "data"
REAL = (
    "fr24/2ce4f83f.json", "kml/82-0193-track-press_alt_uncorrected.kml", "kml/86-0033-track-press_alt_uncorrected.kml",
    "kml/FlightAware_FDX1273_KBOS_KMEM_20221108.kml", "kml/FlightAware_ITY621_KLAX_LIRF_20221014.kml",
    "kml/N67WV-track-EGM96.kml", "kml/N77552-track-press_alt_uncorrected.kml", "kml/VB7083-32eca57a-1.kml",
    "flights/inflight_refuelling.json.gz", "flights/noisy_time_issue.json.gz", "traces/trace_full_ac134a.json",
    "traces/adsb_actions/tests/sample_readsb_data", "traces/adsb_actions/tests/20minutes.json",
    "beast/long_flight.csv", "sbs/cyoung-es.log", "uat/gms-uat.log", "aircraft_json",
)  # fmt: skip
#: What is really wrong in them: positions repeated under new times for up to five minutes, and for 33 and 42 seconds.
FAULTY = {("flights/noisy_time_issue.json.gz", "time_fault"), ("flights/noisy_time_issue.json.gz", "kinematics"),
          ("sbs/cyoung-es.log", "time_fault")}  # fmt: skip
NAME = "icao:e80000"
TOWER = "tower"


def found(reports: pl.DataFrame, here: Scene) -> tuple[list[Finding], float]:
    """Integrity findings, and hours of flight."""
    rows = reports.sort("time_ns", maintain_order=True).with_columns(
        pl.lit(1, pl.UInt64).alias("segment"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset")
    )
    return of(fuse.tracks(rows)[0], rows, here)


def of(tracks: pl.DataFrame, rows: pl.DataFrame, here: Scene) -> tuple[list[Finding], float]:
    """The same of tracks."""
    told = integrity.find(tracks, replace(here, surveys=survey_all(rows, tracks, here)))
    good = tracks.filter(pl.col("status") == "ok")
    time = pl.col("time_ns")
    return told, float(good.group_by("object_id", "leg").agg((time.max() - time.min()) / 3.6e12)["time_ns"].sum())


def multilaterated(truth: pl.DataFrame, number: int) -> pl.DataFrame:
    """The same flight as multilateration sees it, everywhere."""
    everywhere = [replace(s, lat_deg=lat, lon_deg=lon) for s, (lat, lon) in _beside(truth)]
    return observe(truth, Equipment(f"SIM{number % 100_000}", "A320", "2000", adsb=False), everywhere, seed="integrity")


def _beside(truth: pl.DataFrame):
    spots = truth.select(pl.col("lat_deg", "lon_deg").round(0)).unique(maintain_order=True)
    return [(SITES[0], spot) for spot in spots.iter_rows() for _ in range(3)]


@dataclass(frozen=True)
class Injected:
    """What was put in: reports, when, how large, by which tests it is to be found."""

    reports: pl.DataFrame
    start_ns: int
    end_ns: int
    size: float
    tests: tuple[str, ...]
    receivers: dict[str, tuple[float, float, float]]


def inject(kind: str, number: int) -> Injected | None:
    """Flight ``number`` with a fault; null where too little of it is heard."""
    rng = np.random.default_rng([number, 41])
    flight = random_flight(number, "faulty")
    ok = flight.reports.filter((pl.col("status") == "ok") & ~pl.col("on_ground").fill_null(False))
    if len(ok) < 60:
        return None
    first, last = int(ok["time_ns"][0]), int(ok["time_ns"][-1])
    span = int(rng.uniform(600, 1_800) * S_NS)
    if last - first < 2 * span:
        return None
    start = int(rng.uniform(first + 0.25 * span, last - 1.25 * span))
    end = start + span
    rows, within = flight.reports, pl.col("time_ns").is_between(start, end, closed="left")
    bearing, far = float(rng.uniform(0, 360)), float(rng.uniform(20_000, 200_000))
    receivers: dict[str, tuple[float, float, float]] = {}
    match kind:
        case "displaced at once":
            size, tests = far, ("unreachable_jump",)
            made = faults.displaced(rows, start, end, bearing_deg=bearing, distance_m=far)
        case "displaced by and by":
            size, tests = float(rng.uniform(20, 120)), ("unreachable_jump", "kinematics", "time_fault")
            made = faults.drifting(rows, start, end, bearing_deg=bearing, speed_mps=size)
        case "single strays":
            size, tests = far, ("unreachable_jump",)
            made = faults.strayed(rows, start, end, each=int(rng.integers(4, 12)), bearing_deg=bearing, distance_m=far)
        case "a second transmitter":
            size, tests = far, ("duplicate_address",)
            other = faults.displaced(rows, start, end, bearing_deg=bearing, distance_m=far).filter(within)
            made = pl.concat([rows, other.with_columns(pl.col("time_ns") + 3 * S_NS)])
        case "repeated positions":
            size, tests = float(rng.uniform(20, 90)), ("time_fault",)
            made = faults.frozen(rows, start, end, hold_s=size)
        case "a second, late clock":
            size, tests = float(rng.uniform(10, 90)), ("time_fault",)
            odd = pl.int_range(pl.len()) % 2 == 1
            late = faults.late(rows.filter(odd), start, end, seconds=size)
            made = pl.concat([rows.filter(~odd), late])
        case "a speed not flown":
            size, tests = float(rng.uniform(1.3, 2.0)), ("kinematics",)
            made = faults.faster(rows, start, end, factor=size)
        case "a climb not said":
            size, tests = float(rng.uniform(2_500, 6_000)), ("kinematics",)
            made = faults.climbing(rows, start, end, fpm=size)
        case "elsewhere than multilaterated":
            size, tests = far, ("mlat_disagrees",)
            made = faults.displaced(rows, start, end, bearing_deg=bearing, distance_m=far)
            made = pl.concat([made, multilaterated(flight.truth, number)], how="diagonal_relaxed")
        case _:
            size, tests = float(rng.uniform(300_000, 900_000)), ("beyond_horizon",)
            made = faults.displaced(rows, start, end, bearing_deg=bearing, distance_m=size)
            made = made.with_columns(pl.when(within).then(pl.lit(TOWER)).alias("receiver"))
            at = ok.filter(within)
            if at.is_empty():
                return None
            receivers = {TOWER: (float(at["lat_deg"][0]), float(at["lon_deg"][0]), 30.0)}
    if len(rows.filter(within & (pl.col("status") == "ok"))) < 10:
        return None
    return Injected(made.with_columns(pl.lit(NAME).alias("object_id")), start, end, size, tests, receivers)


FAULTS = (
    "displaced at once", "displaced by and by", "single strays", "a second transmitter", "repeated positions",
    "a second, late clock", "a speed not flown", "a climb not said", "elsewhere than multilaterated",
    "heard beyond the horizon",
)  # fmt: skip


def recall(kind: str, count: int, here: Scene) -> None:
    """Print how many of a fault are found."""
    sizes, right, other, missed = [], [], 0, []
    number = 0
    while len(sizes) < count:
        number += 1
        made = inject(kind, number)
        if made is None:
            continue
        told, _ = found(made.reports, replace(here, receivers=made.receivers))
        told = [f for f in told if f.start_ns <= made.end_ns and f.end_ns >= made.start_ns]
        sizes.append(made.size)
        right.append(any(f.details["test"] in made.tests for f in told))
        other += bool(told) and not right[-1]
        if not right[-1]:
            missed.append(number)
    middle = float(np.median(sizes))
    small = [r for r, s in zip(right, sizes, strict=True) if s <= middle]
    large = [r for r, s in zip(right, sizes, strict=True) if s > middle]
    some = ", ".join(map(str, missed[:20])) + (" …" if len(missed) > 20 else "")
    print(f"{kind}: {sum(right)} of {count} ({sum(small)} of {len(small)} up to {middle:.4g}, {sum(large)} of "
          f"{len(large)} above; {other} by another test only); missed: {some or 'none'}", flush=True)  # fmt: skip


def jammed(number: int, here: Scene) -> tuple[int, int, list[Finding]]:
    """Most aircraft in the busiest cell of a day lose accuracy for an hour: how many did, of how many, what is said."""
    day = date(2025, 3, 1) + timedelta(days=number)
    rows = civil_day(day, 120, seed="jammed")[1].filter(pl.col("status") == "ok")
    rng = np.random.default_rng([number, 42])
    hour = pl.col("time_ns") // (3_600 * S_NS)
    cell = (hour.alias("hour"), pl.col("lat_deg").floor().alias("lat"), pl.col("lon_deg").floor().alias("lon"))
    busy = rows.filter(~pl.col("on_ground").fill_null(False)).group_by(cell).agg(pl.col("object_id").unique())
    busy = busy.with_columns(pl.col("object_id").list.len().alias("n")).sort("n", "hour", "lat", "lon")
    at = busy.row(-1, named=True)
    near = (hour == at["hour"]) & ((pl.col("lat_deg") - at["lat"] - 0.5).abs() < 1.5)
    near &= (pl.col("lon_deg") - at["lon"] - 0.5).abs() < 1.5
    hit = [o for o in sorted(rows.filter(near)["object_id"].unique()) if rng.uniform() < 0.85]
    poor = near & pl.col("object_id").is_in(hit)
    rows = rows.with_columns(pl.when(poor).then(pl.lit(0, pl.UInt8)).otherwise(n).alias(n) for n in ("nic", "nac_p"))
    told, _ = found(rows, here)
    return sum(o in hit for o in at["object_id"]), at["n"], [f for f in told if f.details["test"] == "accuracy_drop"]


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=400, help="simulated flights without faults (default: 400)")
    parser.add_argument("--only", help="one kind of fault")
    asked = parser.parse_args()
    here = scene(Question(), open_world())
    if asked.only:
        recall(asked.only, asked.count // 2, here)
        return 0
    false: Counter[str] = Counter()
    hours = 0.0
    for number in range(asked.count):
        flight = random_flight(number, "clean")
        heard = [flight.reports]
        if number % 3 == 0:
            heard.append(multilaterated(flight.truth, number))
        told, flown = found(pl.concat(heard, how="diagonal_relaxed").with_columns(object_id=pl.lit(NAME)), here)
        hours += flown
        for finding in told:
            false[finding.details["test"]] += 1
            print(f"clean flight {number}: {finding.details['test']} {finding.details} {finding.reasons}")
    for number in range(max(1, asked.count // 50)):
        told, flown = found(civil_day(date(2025, 6, 1) + timedelta(days=number), 120, seed="clean")[1], here)
        hours += flown
        for finding in told:
            false[finding.details["test"]] += 1
            print(f"clean day {number}: {finding.details['test']} {finding.subjects} {finding.reasons}")
    print(f"simulated without faults: {hours:.0f} hours, findings {dict(false) or 'none'}", flush=True)
    real, captured = Counter(), 0.0
    for name in REAL if SHARED.is_dir() else ():
        tracks = api.tracks(api.read([SHARED / name]))
        told, flown = of(tracks, tracks, here)
        captured += flown
        for finding in told:
            test = finding.details["test"]
            real[test] += (name, test) not in FAULTY
            print(
                f"{name}: {test} {finding.subjects[0]} {finding.reasons[0]}" + " (so it is)" * ((name, test) in FAULTY)
            )
    print(f"captures: {captured:.0f} hours, findings without a cause {dict(+real) or 'none'}", flush=True)
    for test in integrity.TESTS:
        print(f"  {test}: {false[test] + real[test]} in {hours + captured:.0f} hours")
    for kind in FAULTS:
        recall(kind, asked.count // 2, here)
    days = max(1, asked.count // 20)
    every = [jammed(number, here) for number in range(days)]
    ripe = [(k, n, told) for k, n, told in every if k >= AIRCRAFT]
    print(f"poor accuracy in a cell: {sum(bool(t) for _, _, t in ripe)} of {len(ripe)} days on which at least "
          f"{AIRCRAFT} aircraft were affected, of {days}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
