"""Is a silence called what it was?

Run: ``python bench/gap_class.py --count 60`` (worlds; each with eight flights that are judged). In each world four to
six receivers stand somewhere along 8 degrees, their reach ending within the region; a crowd of 5 to 60 airliners
crosses it in three hours, and in every third world all receivers fail at once for 15 to 40 minutes. A flight that is
judged goes through, or out and back, and stops sending for 10 to 40 minutes at a time of its own.
What a silence was is known: ``dark`` if four fifths of
it fall into the time in which the flight did not send and would have been received; ``out`` if into a failure;
``unreachable`` if less than a fifth of it could have been received at all; the rest is ``mixed``.

Printed: truth against verdict, by how many others there were in the world, and the seeds of those suspected wrongly.
"""

import argparse
import dataclasses
import sys
from collections import Counter

import numpy as np
import polars as pl

from testigos import fuse
from testigos.findings import gap, scene, survey_all
from testigos.model import Question, parse_utc
from testigos.sim.observe import Equipment, Outage, Site, observe
from testigos.sim.truth import Plan, Waypoint, fly
from testigos.units import S_NS
from testigos.world import open_world

START = parse_utc("2025-10-23T12:00:00Z")
MINUTE = 60 * S_NS
VERDICTS = ("went_dark", "edge_of_coverage", "not_observable")


def _flight(rng: np.random.Generator, name: str, back: bool = False) -> pl.DataFrame:
    ends = [(rng.uniform(10.5, 15.5), lon) for lon in (-72.0, -58.0)][:: rng.choice([1, -1])]
    alt, gs = 1_000.0 * rng.integers(29, 40), rng.uniform(420, 480)
    way = [Waypoint(*ends[0], alt, gs), Waypoint(rng.uniform(10.5, 15.5), -65.0), Waypoint(*ends[1])]
    if back:  # out and back to where it came from
        way = [
            way[0],
            Waypoint(rng.uniform(10.5, 15.5), rng.uniform(-66.0, -63.0)),
            Waypoint(ends[0][0] + 0.7, ends[0][1]),
        ]
    return fly(Plan(name, START + int(rng.uniform(0, 120) * MINUTE), way))


def world(seed: int) -> tuple[Counter[tuple[str, str, str]], list[str]]:
    """Truth, crowd and verdict of every silence in one world; whom it suspects wrongly."""
    rng = np.random.default_rng([seed, 23])
    sites = [Site(f"s{i}", rng.uniform(11, 15), lon) for i, lon in enumerate(rng.uniform(-69, -61, rng.integers(4, 7)))]
    crowd = int(rng.choice([5, 15, 30, 60]))
    others = {f"icao:c{i:05x}": _flight(rng, f"icao:c{i:05x}") for i in range(crowd)}
    judged = {f"icao:ae{i:04x}": _flight(rng, f"icao:ae{i:04x}", i % 2 == 1) for i in range(8)}
    at = START + int(rng.uniform(60, 150) * MINUTE)
    failure = (at, at + int(rng.uniform(15, 40) * MINUTE)) if seed % 3 == 0 else (0, 0)
    off, all_off = {}, [Outage(n, *failure) for n in (*others, *judged)] if failure[1] else []
    for name, truth in judged.items():
        first, last = truth["time_ns"].min(), truth["time_ns"].max()
        begin = int(rng.uniform(first + 15 * MINUTE, last - 45 * MINUTE))
        off[name] = (begin, begin + int(rng.uniform(10, 40) * MINUTE))
    tables, receivable = [], {}
    for name, truth in (others | judged).items():
        equipment = Equipment(callsign=name[-5:].upper(), type_code="A320", squawk="2000")
        own = [Outage(name, *off[name])] if name in off else []
        tables.append(observe(truth, equipment, sites, [*own, *all_off], seed=f"{seed}"))
        if name in off:
            whole = observe(truth, equipment, sites, [], seed=f"{seed}")
            receivable[name] = np.unique(whole.filter(pl.col("status") == "ok")["time_ns"].to_numpy() // MINUTE)
    rows = pl.concat(tables, how="diagonal_relaxed").with_columns(
        pl.lit(1, pl.UInt64).alias("segment"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset")
    )
    tracks = fuse.tracks(rows)[0]
    here = scene(Question(), open_world())
    mine = tracks.filter(pl.col("object_id").is_in(list(judged)))
    counts: Counter[tuple[str, str, str]] = Counter()
    wrong = []
    for finding in gap.find(mine, dataclasses.replace(here, surveys=survey_all(rows, mine, here))):
        name = finding.subjects[0]
        minutes = np.arange(finding.start_ns // MINUTE + 1, finding.end_ns // MINUTE)
        could = np.isin(minutes, receivable[name])
        dark = could & (minutes * MINUTE >= off[name][0]) & (minutes * MINUTE < off[name][1])
        out = could & (minutes * MINUTE >= failure[0]) & (minutes * MINUTE < failure[1])
        truth_is = (
            "dark" if dark.mean() >= 0.8 and out.mean() < 0.2
            else "out" if out.mean() >= 0.8
            else "unreachable" if could.mean() <= 0.2
            else "mixed"
        )  # fmt: skip
        verdict = str(finding.details["verdict"])
        if finding.details["receivers_out"]:
            verdict += " (receivers)"
        counts[truth_is, f"{crowd} others", verdict] += 1
        if verdict == "went_dark" and truth_is in ("out", "unreachable"):
            wrong.append(
                f"world {seed} {name}: {truth_is} {finding.details} {dict(finding.measures)['probability'].value}"
            )
    return counts, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    total: Counter[tuple[str, str, str]] = Counter()
    wrong: list[str] = []
    for seed in range(parser.parse_args().count):
        counts, bad = world(seed)
        total += counts
        wrong += bad
    for truth in ("dark", "out", "unreachable", "mixed"):
        for crowd in ("5 others", "15 others", "30 others", "60 others"):
            print(
                f"{truth:12} {crowd:10}", {v: n for (t, c, v), n in sorted(total.items()) if (t, c) == (truth, crowd)}
            )
    print(*wrong, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
