"""How often is company found, how often invented, and do its intervals hold?

Run: ``python bench/formation.py --count 100``. Simulated pairs, with ADS-B and multilateration at random:

=========  ==========================================================================================================
company    one follows the other within two and a half kilometres through turns, joins and leaves it, with silences;
           those truly within 5 nautical miles for 15 minutes or more should be found
strangers  two on ways that come together at an angle or with another speed, 1,000 ft apart or more
alike      the same, within 2 degrees and 12 knots of each other: the hardest strangers there are
=========  ==========================================================================================================

Strangers are flown twice: with call signs of no relation, and with call signs in a row.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import fuse, geo
from testigos.findings import formation
from testigos.findings.scene import Scene
from testigos.model import Finding, Interval, Question, parse_utc
from testigos.sim.observe import Equipment, Outage, Site, observe
from testigos.sim.truth import Plan, Waypoint, fly
from testigos.units import KT_MPS, NMI_M, S_NS
from testigos.world import open_world

NAMES = ("icao:afd001", "icao:afd002")
START_NS = parse_utc("2025-10-23T12:00:00Z")
NEAR_M = 5 * NMI_M
LEAST_S = 900


def sites(tracks: Sequence[pl.DataFrame]) -> list[Site]:
    """Five masts round each stretch of the flights: everything is heard, by multilateration too."""
    spots = {
        (round(lat / 2.0) * 2.0 + a, round(lon / 2.0) * 2.0 + b)
        for t in tracks
        for lat, lon in t.select("lat_deg", "lon_deg").gather_every(300).iter_rows()
        for a, b in ((0.0, 0.0), (0.9, 0.9), (-0.9, 0.9), (0.9, -0.9), (-0.9, -0.9))
    }
    return [Site(f"mast {i}", lat, lon, 300.0) for i, (lat, lon) in enumerate(sorted(spots))]


def found(
    pair: Sequence[pl.DataFrame], signs: Sequence[str], rng: np.random.Generator, outages: Sequence[Outage], seed: str
) -> list[Finding]:
    """What the finder makes of two true tracks."""
    masts = sites(pair)
    heard = [
        observe(
            t, Equipment(sign, "B1", "2000", adsb=rng.random() > 0.4, nac_p=int(rng.choice([8, 9, 10]))),
            masts, outages, seed=seed,
        )
        for t, sign in zip(pair, signs, strict=True)
    ]  # fmt: skip
    rows = pl.concat(heard, how="diagonal_relaxed").with_columns(
        pl.lit(1, pl.UInt64).alias("segment"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset")
    )
    return formation.find(fuse.tracks(rows)[0], Scene(Question(), open_world(), ()))


def company(rng: np.random.Generator) -> tuple[list[pl.DataFrame], float]:
    """A leader and who follows it, joins and leaves; and how far above it keeps, feet."""
    lat, lon, course = rng.uniform(10, 45), rng.uniform(-100, -60), rng.uniform(0, 360)
    way = []
    for _ in range(int(rng.integers(3, 8))):
        way.append(Waypoint(float(lat), float(lon), 30_000.0, 430.0))
        lat, lon = geo.direct(lat, lon, course, rng.uniform(60e3, 400e3))
        course += rng.uniform(-120, 120)
    lead = fly(Plan(NAMES[0], START_NS, way))
    n = len(lead)
    row = np.arange(n, dtype=np.float64)
    joins, leaves = rng.uniform(0, 0.2) * n, rng.uniform(0.6, 1.2) * n
    apart = np.where(row < joins, (joins - row) * 25, 0) + np.where(row > leaves, (row - leaves) * 25, 0)
    side, above = rng.uniform(-2_500, 2_500), float(rng.choice([0, 500, 1_000, -500]))
    at = np.clip(row - rng.uniform(0, 20), 0, n - 1)
    heading = np.degrees(np.interp(at, row, np.unwrap(np.radians(lead["track_deg"].to_numpy()))))
    here = [np.interp(at, row, lead[name].to_numpy()) for name in ("lat_deg", "lon_deg")]
    lats, lons = geo.destination(here[0], here[1], heading + 90, side + np.sign(side) * apart)
    other = lead.with_columns(
        pl.lit(NAMES[1]).alias("object_id"), pl.Series("lat_deg", lats), pl.Series("lon_deg", lons),
        pl.Series("track_deg", heading % 360).cast(pl.Float32), pl.col("alt_baro_ft") + above,
    )  # fmt: skip
    return [lead, other], above


def strangers(rng: np.random.Generator, alike: bool) -> list[pl.DataFrame]:
    """Two that pass near one point at one time, 1,000 ft apart or more."""
    while True:
        angle = rng.uniform(-2, 2) if alike else rng.uniform(-25, 25) * (rng.random() < 0.7)
        first = rng.uniform(400, 480)
        second = first + rng.uniform(-12, 12) if alike else rng.uniform(400, 480)
        if alike or abs(angle) >= 3 or abs(first - second) >= 15:
            break
    lat, lon, course = rng.uniform(10, 45), rng.uniform(-100, -60), rng.uniform(0, 360)
    above = float(rng.choice([1_000, 2_000, -1_000]))
    beside = geo.direct(lat, lon, course + 90, rng.uniform(0, 4_000))
    made = []
    for k, (at, heading, speed) in enumerate((((lat, lon), course, first), (beside, course + angle, second))):
        half = speed * KT_MPS * 2_400
        begin, end = geo.direct(*at, heading + 180, half), geo.direct(*at, heading, half)
        made.append(fly(Plan(NAMES[k], START_NS, [Waypoint(*begin, 33_000.0 + k * above, speed), Waypoint(*end)])))
    return made


def silences(rng: np.random.Generator, n: int) -> list[Outage]:
    """Up to two of each, of 2 to 25 minutes."""
    made = []
    for name in NAMES:
        for _ in range(int(rng.integers(0, 3))):
            begin = START_NS + int(rng.uniform(0, n) * S_NS)
            made.append(Outage(name, begin, begin + int(rng.uniform(120, 1_500) * S_NS)))
    return made


def held(
    finding: Finding, pair: Sequence[pl.DataFrame], apart_m: npt.NDArray[np.float64], above: float
) -> Counter[str]:
    """Which intervals hold the truth: of each name how many, and with ``of`` before it how many there were."""
    time_ns = pair[0]["time_ns"].to_numpy()
    near = apart_m <= NEAR_M
    within = near & (time_ns >= finding.start_ns) & (time_ns <= finding.end_ns)
    truth = {
        "separation": float(np.median(apart_m[within])), "separation_min": float(apart_m[within].min()),
        "vertical_separation": abs(above), "duration": float(near.sum()),
    }  # fmt: skip
    intervals = {name: finding.measures[name] for name in truth}
    member = finding.details["members"][0]
    for name, when in (("joined", time_ns[near][0]), ("left", time_ns[near][-1])):
        low, high = (member[f"{name}_{end}"] for end in ("earliest", "latest"))
        truth[name] = float(when)
        intervals[name] = Interval(None, "ns", low and parse_utc(low), high and parse_utc(high))
    told: Counter[str] = Counter()
    for name, interval in intervals.items():
        if interval.low is None and interval.high is None:
            continue
        above_low = interval.low is None or interval.low <= truth[name]
        told[name] += above_low and (interval.high is None or truth[name] <= interval.high)
        told[f"of {name}"] += 1
    return told


def main() -> int:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100, help="pairs of each kind (default: 100)")
    parser.add_argument("--seed", type=int, default=20251)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    hits = misses = 0
    told: Counter[str] = Counter()
    for number in range(options.count):
        pair, above = company(rng)
        apart_m = geo.distance_m(*(t[n].to_numpy() for t in pair for n in ("lat_deg", "lon_deg")))
        one = found(pair, ("BARB21", "BARB22"), rng, silences(rng, len(pair[0])), f"company {number}")
        if len(one) == 1:
            hits += 1
            told += held(one[0], pair, apart_m, above)
        elif int((apart_m <= NEAR_M).sum()) >= LEAST_S:
            misses += 1
    print(f"company: {hits} found, {misses} of 15 minutes or more missed")
    for name in sorted(n for n in told if f"of {n}" in told):
        print(f"  {name}: interval holds the truth in {told[name]} of {told[f'of {name}']}")
    for alike in (False, True):
        for signs in (("QQA17", "QQB42"), ("BARB21", "BARB22")):
            false = sum(
                bool(found(strangers(rng, alike), signs, rng, (), f"strangers {number}"))
                for number in range(options.count)
            )
            kind = "alike" if alike else "strangers"
            print(f"{kind}, {signs[0]} and {signs[1]}: {false} of {options.count} called company")
    return 0


if __name__ == "__main__":
    sys.exit(main())
