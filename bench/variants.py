"""What would mislead: is the right thing said of it, and nothing wrong?

Run: ``python bench/variants.py --count 200``. Of each kind of ``testigos.sim.variants`` so many are flown; all findings
of the report are made of what was heard of them, and held against what was flown:

==================  ==============================================================================================
spoofed_bomber      must be said: an integrity finding for the bomber that overlaps the false broadcasts
                    must not: an approach whose interval leaves out the bomber's true distance
split_in_gap        must: company, and an interval of its end that holds the true parting
                    must not: that they were together after they were seen apart
airliner_crossing   must: the tanker on station, no partner visible; must not: a partner, or company with an airliner
tanker_alone        must: each tanker on station, no partner visible; must not: a partner
coverage_grows      must not: a flurry
surge               must: a flurry on the last day
==================  ==============================================================================================

Printed: how often all was right, and of each thing that was not the numbers of the variants.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import polars as pl

from testigos import fuse
from testigos.findings import find_all, scene
from testigos.findings.survey import survey_all
from testigos.model import Finding, iso_utc, parse_utc
from testigos.sim.variants import KINDS, Variant, variant
from testigos.world import World, open_world

ALONE = "on_station_no_partner_visible"


@cache
def world() -> World:
    """One for each process."""
    return open_world()


def found(made: Variant) -> list[Finding]:
    """All findings of what was heard."""
    here = scene(made.question, world())
    tracks = fuse.tracks(made.reports)[0]
    return find_all(tracks, replace(here, surveys=survey_all(made.reports, tracks, here)))


def of(all_found: list[Finding], kind: str) -> list[Finding]:
    """Those of a kind."""
    return [f for f in all_found if f.kind == kind]


def spoofed_bomber(made: Variant, all_found: list[Finding]) -> list[str]:
    """The false broadcasts are noticed; no approach is told as certain that was not."""
    begin, end = made.expected["window"]
    said = [
        f for f in of(all_found, "integrity")
        if made.expected["subject"] in f.subjects and f.start_ns <= end and f.end_ns >= begin
    ]  # fmt: skip
    wrong = []
    how = "leaving it by and by" if made.expected["drag"] else "at once far away"
    seen = "its own way seen meanwhile" if made.expected["true_seen_meanwhile"] else "its own way not seen meanwhile"
    if not said:
        wrong.append(f"not suspected ({how}, {seen})")
    place = world().resolve("Los Testigos")
    for finding in of(all_found, "approach"):
        distance = finding.measures["distance"]
        own = made.truth.filter(
            pl.col("time_ns").is_between(finding.start_ns - 3_600 * 10**9, finding.end_ns + 3_600 * 10**9)
        )
        near = float(place.nearest(own["lat_deg"].to_numpy(), own["lon_deg"].to_numpy()).distance_m.min())
        if distance.high is not None and distance.high < near:
            warned = "with" if said else "without"
            wrong.append(f"approach nearer than it flew, {warned} an integrity finding ({how})")
            break
    return wrong


def split_in_gap(made: Variant, all_found: list[Finding]) -> list[str]:
    """Company until the silence; parted within it."""
    company = of(all_found, "formation")
    if not company:
        return ["company not found"]
    wrong = ["company told in parts"] if len(company) > 1 else []
    parted = made.expected["parted_ns"]
    if max(f.end_ns for f in company) > made.expected["outage"][1]:
        wrong.append("together after they were seen apart")
    for member in company[0].details["members"]:
        low, high = (member[f"left_{end}"] for end in ("earliest", "latest"))
        if (low and parse_utc(low) > parted) or (high and parse_utc(high) < parted):
            wrong.append("parting outside of its interval")
            break
        again = made.reports.filter((pl.col("status") == "ok") & (pl.col("time_ns") >= made.expected["outage"][1]))
        if high is None and again["object_id"].n_unique() == 2:
            wrong.append("both seen again, and parting has no latest time")
            break
    return wrong


def tankers(made: Variant, all_found: list[Finding]) -> list[str]:
    """On station, and nobody with them."""
    graded = of(all_found, "refuelling")
    wrong = []
    if any(f.details["grade"] != ALONE for f in graded):
        wrong.append("a partner invented")
    alone = {s for f in graded if f.details["grade"] == ALONE for s in f.subjects}
    if not set(made.expected["tankers"]) <= alone:
        wrong.append("a tanker on station not told")
    if any(set(f.subjects) & set(made.expected["others"]) for f in of(all_found, "formation")):
        wrong.append("company with an airliner")
    return wrong


def flurries(made: Variant, all_found: list[Finding]) -> list[str]:
    """A flurry where more came, and not where more was heard."""
    told = [f for f in of(all_found, "activity") if f.details["flurry"]]
    if made.expected["surge"]:
        last = iso_utc(int(made.truth["time_ns"].max()))[:10]  # type: ignore[arg-type]
        return (
            [] if any(iso_utc(f.start_ns)[:10] <= last <= iso_utc(f.end_ns)[:10] for f in told) else ["flurry missed"]
        )
    return ["flurry invented"] if told else []


CHECKS: dict[str, Callable[[Variant, list[Finding]], list[str]]] = {
    "spoofed_bomber": spoofed_bomber, "split_in_gap": split_in_gap, "airliner_crossing": tankers,
    "tanker_alone": tankers, "coverage_grows": flurries, "surge": flurries,
}  # fmt: skip


def one(task: tuple[str, int, str]) -> tuple[list[str], str]:
    """What is wrong with the findings of a variant, and a subset of its kind to count apart."""
    kind, number, seed = task
    made = variant(kind, number, seed)
    wrong = CHECKS[kind](made, found(made))
    return wrong, part(made)


def part(made: Variant) -> str:
    """What a kind is counted apart by."""
    known: dict[str, Any] = dict(made.expected)
    if made.kind == "spoofed_bomber":
        return ("by and by" if known["drag"] else "at once") + (
            ", own way seen" if known["true_seen_meanwhile"] else ", own way not seen"
        )
    return {True: "ADS-B", False: "multilateration"}.get(known.get("adsb"), "all")  # type: ignore[arg-type]


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="variants of each kind (default: 200)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seed", default="variants")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes) as pool:
        for kind in options.kinds:
            tasks = [(kind, number, options.seed) for number in range(options.count)]
            missed: dict[str, list[int]] = defaultdict(list)
            parts: Counter[str] = Counter()
            right: Counter[str] = Counter()
            for (_, number, _), (wrong, name) in zip(tasks, pool.map(one, tasks), strict=True):
                parts[name] += 1
                right[name] += not wrong
                for what in wrong:
                    missed[what].append(number)
            print(f"{kind}: all right in {right.total()} of {options.count}")
            for name in sorted(parts):
                print(f"  {name}: {right[name]} of {parts[name]}")
            for what, numbers in sorted(missed.items()):
                print(
                    f"  {what}: {len(numbers)} ({', '.join(map(str, numbers[:20]))}{' …' if len(numbers) > 20 else ''})"
                )
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
