"""Does the interval of a closest approach hold when a piece of the track is missing?

Random pieces of 5 to 60 minutes are deleted from real tracks; the closest approach to a place is found on what is
left and compared with the one on the full track. Run: ``python bench/gaps.py``.

Real gaps are none of the measure's: tracks are taken between silences of over ``SILENCE_S``, so that the full
track is the truth. Positions without a stated quality have the radius ``ASSUMED_M`` (95 %) and, to measure the
hard bound, ``HARD_M``. The coast counts as exact: its error would only widen the intervals.
"""

import sys
from argparse import ArgumentParser
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

import corpus
from testigos import geo
from testigos.findings import approach
from testigos.findings.scene import Scene
from testigos.model import Question
from testigos.world import Place, World, open_world
from testigos.world.places import point_place

ASSUMED_M = 185.2
HARD_M = 4 * ASSUMED_M
SILENCE_S = 180.0
SHORTEST_S, LONGEST_S = 300.0, 3600.0
MARGIN_S = 60.0  # what is left of a track on either side of the deleted piece, at least
LENGTHS = ((5, 10), (10, 20), (20, 40), (40, 60))


class Case(NamedTuple):
    """A track, the place, and the fixes that stay; ``hard``: the piece was chosen to hold the closest fix."""

    name: str
    table: pl.DataFrame
    place: Place
    kept: np.ndarray
    truth_m: float
    minutes: float
    held_closest: bool
    hard: bool


def stretches(sorties: dict[str, pl.DataFrame]) -> list[tuple[str, pl.DataFrame]]:
    """Parts of the sorties that are long enough and without a silence."""
    found = []
    for name, table in sorties.items():
        time_s = table["time_ns"].to_numpy() / 1e9
        edges = [0, *(np.flatnonzero(np.diff(time_s) > SILENCE_S) + 1).tolist(), len(table)]
        for first, stop in pairwise(edges):
            if stop - first >= 10 and time_s[stop - 1] - time_s[first] >= SHORTEST_S + 2 * MARGIN_S:
                found.append((f"{name} from {first}", table[first:stop]))
    return found


@cache
def _whole(world: World, iso2: str) -> Place:
    # as a line: what lies over land is no closest approach worth a bound
    return replace(world.country(iso2), kind="point", coast_error_m=0.0)


def _line(segments: pl.DataFrame) -> Place:
    return replace(point_place(0.0, 0.0), segments=segments)


def _coasts(world: World, table: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Coast within some 3 degrees of a track, and the countries that have some of it."""
    lat, lon = table["lat_deg"], table["lon_deg"]
    box = (lon.min() - 3, lat.min() - 3, lon.max() + 3, lat.max() + 3)
    if box[0] < -180 or box[2] > 180 or box[2] - box[0] > 90:
        return pl.DataFrame(), []
    polygons = world.coast.polygons.with_row_index("row").filter(
        (pl.col("west") <= box[2]) & (pl.col("east") >= box[0]),
        (pl.col("south") <= box[3]) & (pl.col("north") >= box[1]),
    )
    countries = world.coast.runs.filter(pl.col("row").is_in(polygons["row"].cast(pl.Int64).implode()))["iso2"]
    return world.coast_in(*box), countries.drop_nulls().unique().sort().to_list()


def _place(rng: np.random.Generator, world: World, table: pl.DataFrame, coast: tuple[pl.DataFrame, list[str]]) -> Place:
    """A point 1 to 300 km from somewhere on the track, a piece of the coast, or all of a country's."""
    kind = rng.choice(["point", "piece", "country"], p=[0.5, 0.3, 0.2])
    segments, countries = coast
    if kind == "piece" and len(segments):
        first = int(rng.integers(len(segments)))
        return _line(segments[first : first + int(10 ** rng.uniform(0, 3.3))])
    if kind == "country" and countries:
        return _whole(world, countries[int(rng.integers(len(countries)))])
    row = table.row(int(rng.integers(len(table))), named=True)
    away = 10 ** rng.uniform(3.0, 5.5)
    at = geo.destination(row["lat_deg"], row["lon_deg"], rng.uniform(0, 360), away)
    return point_place(float(at[0]), float((at[1] + 180) % 360 - 180))


def cases(sorties: dict[str, pl.DataFrame], count: int, world: World, seed: int = 1) -> list[Case]:
    """``count`` cases with a random piece, and as many with one that holds the closest fix."""
    rng = np.random.default_rng(seed)
    parts = [
        (name, t.with_columns(pl.col("radius_max_m").fill_null(HARD_M), pl.col("radius95_m").fill_null(ASSUMED_M)))
        for name, t in stretches(sorties)
    ]
    coasts: dict[str, tuple[pl.DataFrame, list[str]]] = {}
    found: list[Case] = []
    for hard in (False, True):
        made = 0
        while made < count:
            name, table = parts[int(rng.integers(len(parts)))]
            if name not in coasts:
                coasts[name] = _coasts(world, table)
            place = _place(rng, world, table, coasts[name])
            time_s = table["time_ns"].to_numpy() / 1e9
            near = place.nearest(table["lat_deg"].to_numpy(), table["lon_deg"].to_numpy()).distance_m
            if near.min() > 600_000.0:
                continue
            length = rng.uniform(SHORTEST_S, min(LONGEST_S, time_s[-1] - time_s[0] - 2 * MARGIN_S))
            low, high = time_s[0] + MARGIN_S, time_s[-1] - MARGIN_S - length
            if hard:
                closest = time_s[near.argmin()]
                low, high = max(low, closest - length), min(high, closest)
            if high < low:
                continue
            start = rng.uniform(low, high)
            kept = np.flatnonzero((time_s < start) | (time_s > start + length))
            held = bool(not (near[kept] <= near.min()).any())
            if hard and not held:
                continue
            found.append(Case(name, table, place, kept, float(near.min()), length / 60.0, held, hard))
            made += 1
    return found


def published(case: Case, world: World) -> tuple[float, float, float]:
    """Low and high of the 95 % interval and the hard bound, as the finder publishes them."""
    here = Scene(Question(), world, (case.place,))
    (finding,) = approach.find(case.table[case.kept], here)
    distance = finding.measures["distance"]
    return distance.low, distance.high, finding.measures["distance_bound"].low


def measure(chosen: list[Case], world: World) -> pl.DataFrame:
    """One row a case: what was published, and whether it holds."""
    rows = [(c.name, c.minutes, c.hard, c.held_closest, c.truth_m, *published(c, world)) for c in chosen]
    names = ["name", "minutes", "hard", "held_closest", "truth_m", "low_m", "high_m", "bound_m"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(
        inside=(pl.col("low_m") <= pl.col("truth_m") + 0.1) & (pl.col("truth_m") <= pl.col("high_m") + 0.1),
        bounded=pl.col("bound_m") <= pl.col("truth_m") + 0.1,
        width_m=pl.col("high_m") - pl.col("low_m"),
    )


def summary(table: pl.DataFrame) -> str:
    """Coverage and width by gap length, for random pieces and for those with the closest fix in them."""
    lines = ["deleted piece            cases  in 95 % interval  in hard bound  mean width  median width"]
    for hard, title in ((False, "random"), (True, "holds the closest fix")):
        for low, high in ((5, 60), *LENGTHS):
            part = table.filter((pl.col("hard") == hard) & pl.col("minutes").is_between(low, high))
            if len(part) == 0:
                continue
            what = f"{title}, {low}-{high} min" if (low, high) != (5, 60) else f"{title}, all"
            lines.append(
                f"{what:36} {len(part):6} {part['inside'].mean():9.2%} {part['bounded'].mean():12.2%}"
                f" {part['width_m'].mean() / 1000:9.1f} km {part['width_m'].median() / 1000:9.1f} km"
            )
    return "\n".join(lines)


def main() -> int:
    """Print the tables; the exit status says whether the claims hold."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    world = open_world()
    good = True
    sets = {"simulated flights": corpus.simulated(60)}
    if reason := corpus.missing():
        print(f"no real tracks: {reason}")
    else:
        sets = {"real tracks": corpus.real(ASSUMED_M)} | sets
    for title, sorties in sets.items():
        table = measure(cases(sorties, options.cases, world, options.seed), world)
        print(f"\n{title}: {len(stretches(sorties))} stretches\n{summary(table)}")
        random = table.filter(~pl.col("hard"))
        good &= bool(random["inside"].mean() >= 0.95 and table["bounded"].all())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
