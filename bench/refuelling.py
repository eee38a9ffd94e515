"""Are tankers graded as they should be, with partners and without?

Run: ``python bench/refuelling.py --count 250`` (flights of each kind). Simulated tankers fly racetracks somewhere:

===========  ========================================================================================================
contact      a receiver joins, keeps 150 to 1,100 m astern for 8 to 40 minutes, and leaves; both send ADS-B
doubtful     the same by multilateration: what is seen bears no more than *seen together*
alone        nobody else is there
crossing     an airliner goes over the racetrack, 1,000 ft or more above or below
===========  ========================================================================================================

Half of the flights have silences. Printed: how each kind was graded, how many of the contacts named the right partner,
the mean overlap of the time on station with the true one, and the seeds of the misses.
"""

import argparse
import sys
from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from formation import NAMES, START_NS, silences, sites
from testigos import fuse, geo
from testigos.findings import find_all, scene
from testigos.model import Finding, Question
from testigos.sim.observe import Equipment, observe
from testigos.sim.truth import Plan, Waypoint, fly
from testigos.units import S_NS
from testigos.world import open_world

KINDS = ("contact", "doubtful", "alone", "crossing")
RIGHT = {
    "contact": ("consistent_with_refuelling",),
    "doubtful": ("seen_together",),
    "alone": ("on_station_no_partner_visible",),
    "crossing": ("on_station_no_partner_visible",),
}


@dataclass(frozen=True)
class Variant:
    """True tracks, and between which times the tanker was on its racetrack (ns)."""

    flown: list[pl.DataFrame]
    station: tuple[int, int]


def tanker(rng: np.random.Generator) -> tuple[pl.DataFrame, tuple[int, int], tuple[float, float, float]]:
    """A tanker's flight, its time on station, and the middle and course of the racetrack."""
    lat, lon, course = rng.uniform(-40, 50), rng.uniform(-100, -60), rng.uniform(0, 360)
    legs, wide, laps = rng.uniform(60e3, 150e3), rng.uniform(14e3, 35e3), int(rng.integers(3, 6))
    corners = []
    for along, aside in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        point = geo.direct(lat, lon, course, along * legs)
        corners.append(geo.direct(*point, course + 90, aside * wide))
    gs, alt = float(rng.uniform(390, 450)), float(rng.integers(24, 31)) * 1_000
    come, go = (geo.direct(lat, lon, course + 180 + rng.uniform(-40, 40), 400e3) for _ in range(2))
    way = [Waypoint(*come, alt, gs), *(Waypoint(*c) for c in corners * laps), Waypoint(*go)]
    track = fly(Plan(NAMES[0], START_NS, way))
    far = geo.distance_m(*(track[n].to_numpy() for n in ("lat_deg", "lon_deg")), lat, lon)
    near = np.flatnonzero(far <= np.hypot(legs, wide) / 2 + 4e3)
    time_ns = track["time_ns"].to_numpy()
    return track, (int(time_ns[near[0]]), int(time_ns[near[-1]])), (lat, lon, course)


def receiver(rng: np.random.Generator, lead: pl.DataFrame, station: tuple[int, int]) -> pl.DataFrame:
    """One that flies in the tanker's wake for a while, and comes from and goes to one side."""
    n = len(lead)
    row = np.arange(n, dtype=np.float64)
    kept = rng.uniform(480, 2_400)
    first, last = ((t - START_NS) / S_NS for t in station)
    joins = rng.uniform(first, max(first + 1, last - kept))
    aside = np.where(row < joins, (joins - row) * 25, 0) + np.where(row > joins + kept, (row - joins - kept) * 25, 0)
    at = np.clip(row - rng.uniform(0.7, 5.0), 0, n - 1)
    heading = np.degrees(np.interp(at, row, np.unwrap(np.radians(lead["track_deg"].to_numpy()))))
    lat, lon = (np.interp(at, row, lead[name].to_numpy()) for name in ("lat_deg", "lon_deg"))
    lats, lons = geo.destination(lat, lon, heading + 90, rng.choice([-1.0, 1.0]) * aside)
    return lead.with_columns(
        pl.lit(NAMES[1]).alias("object_id"), pl.Series("lat_deg", lats), pl.Series("lon_deg", lons),
        pl.Series("track_deg", heading % 360).cast(pl.Float32), pl.col("alt_baro_ft") - 100,
    )  # fmt: skip


def variant(kind: str, rng: np.random.Generator) -> Variant:
    """A flight of that kind."""
    lead, station, (lat, lon, course) = tanker(rng)
    if kind in ("contact", "doubtful"):
        return Variant([lead, receiver(rng, lead, station)], station)
    if kind == "alone":
        return Variant([lead], station)
    over = course + rng.uniform(20, 160)
    begin, end = geo.direct(lat, lon, over + 180, 350e3), geo.direct(lat, lon, over, 350e3)
    when = int(rng.uniform(station[0], station[1])) - 1_500 * S_NS
    height = float(lead["alt_baro_ft"][len(lead) // 2]) + float(rng.choice([-2_000, -1_000, 1_000, 3_000]))
    return Variant([lead, fly(Plan(NAMES[1], when, [Waypoint(*begin, height, 450.0), Waypoint(*end)]))], station)


def found(made: Variant, kind: str, rng: np.random.Generator, seed: str) -> list[Finding]:
    """All findings of a variant."""
    masts = sites(made.flown)
    outages = silences(rng, len(made.flown[0])) if rng.random() < 0.5 else ()
    types = (("BOLT61", "K35R"), ("BARB21", "B1") if kind != "crossing" else ("QQA215", "B738"))
    heard = [
        observe(t, Equipment(sign, code, "2000", adsb=kind != "doubtful", nac_p=int(rng.choice([8, 9, 10]))),
                masts, outages, seed=seed)
        for t, (sign, code) in zip(made.flown, types, strict=False)
    ]  # fmt: skip
    rows = pl.concat(heard, how="diagonal_relaxed").with_columns(
        pl.lit(1, pl.UInt64).alias("segment"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset")
    )
    return find_all(fuse.tracks(rows)[0], scene(Question(), open_world()))


def overlap(found_: list[Finding], station: tuple[int, int]) -> float:
    """Common time of the tanker's orbits and its true time on station, over the time of either."""
    both = either = 0
    for orbit in (f for f in found_ if f.kind == "orbit" and f.subjects == (NAMES[0],)):
        common = max(0, min(orbit.end_ns, station[1]) - max(orbit.start_ns, station[0]))
        both += common
        either += orbit.end_ns - orbit.start_ns - common
    return both / (either + station[1] - station[0])


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=250, help="flights of each kind (default: 250)")
    parser.add_argument("--seed", default="refuelling")
    options = parser.parse_args()
    for kind in KINDS:
        grades: Counter[str] = Counter()
        overlaps, missed, invented = [], [], 0
        for number in range(options.count):
            rng = np.random.default_rng([number, *f"{options.seed} {kind}".encode()])
            made = variant(kind, rng)
            all_found = found(made, kind, rng, f"{options.seed} {kind} {number}")
            graded = sorted({f.details["grade"] for f in all_found if f.kind == "refuelling"})
            grades[", ".join(graded) or "nothing"] += 1
            invented += kind in ("alone", "crossing") and any(g not in RIGHT[kind] for g in graded)
            if not any(g in RIGHT[kind] for g in graded):
                missed.append(number)
            overlaps.append(overlap(all_found, made.station))
        print(
            f"{kind}: {options.count - len(missed)} of {options.count} as they should be; partners invented: {invented}"
        )
        for grade, n in grades.most_common():
            print(f"  {n:4} {grade}")
        print(f"  time on station: mean overlap {np.mean(overlaps):.3f}, none in {sum(o == 0 for o in overlaps)}")
        print(f"  missed: {', '.join(map(str, missed[:20]))}{' …' if len(missed) > 20 else ''}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
