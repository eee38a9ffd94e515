"""Is an airfield named with a confidence of 0.9 right nine times in ten?

Simulated flights between random airfields are heard down to random heights, and real tracks with known airfields
are cut at several heights; each end is judged as ``findings.sortie`` does. One end in ``ONE_IN`` is moved by 5 to
60 km, as if the flight used a place that no table has: there every name is wrong.
Run: ``python bench/airfields.py``.
"""

import sys
from argparse import ArgumentParser
from typing import NamedTuple

import numpy as np
import polars as pl

import corpus
from testigos import geo
from testigos.findings._edges import States, columns, states
from testigos.findings._ends import airfield_ends
from testigos.schema import conform
from testigos.sim.random_flights import random_flights
from testigos.world import World, open_world

#: Name of the sortie in ``corpus.real`` begins with; airfields of departure and arrival, null where not seen.
KNOWN = {
    "2ce4f83f": ("WMSA", "RCSS"),
    "FlightAware_FDX1273": ("KBOS", "KMEM"),
    "FlightAware_ITY621": ("KLAX", "LIRF"),
    "VB7083": ("MMMY", "MMHO"),
    "N67WV": ("KOPF", "PHOG"),
    "N77552": ("KSFO", None),
    "trace_full_ac134a.json icao:ac134a leg 0": (None, "PBI"),  # its ICAO code changed in 2026
    "82-0193": (None, None),
    "86-0033": (None, None),
}
#: Heights above the field, ft, at which real tracks are cut; the first: not at all.
FLOORS_FT = (-1.0, 100.0, 300.0, 700.0, 1_500.0, 3_000.0, 5_000.0, 8_000.0, 12_000.0)
ONE_IN = 10
MOST = 0.05  # how far confidence and hit rate may be apart
EDGES = (0.6, 0.7, 0.8, 0.9, 0.97)


class Corpus(NamedTuple):
    """Ends of tracks: how each moves, the true airfield, and how high above it the track ends, ft."""

    moving: States
    truth: list[str]
    height_ft: np.ndarray


def _ends(tables: list[pl.DataFrame]) -> States:
    stop = np.cumsum([len(t) for t in tables])
    first = np.concatenate(([0], stop[:-1]))
    return states(columns(pl.concat(tables)), first, stop)


def _height(moving: States, truth: list[str], world: World) -> np.ndarray:
    fields = dict(world.airfields.table.select("icao", "elevation_ft").iter_rows())
    elevation = np.array([fields.get(t) for t in truth], np.float64)
    return np.where(moving.on_ground, 0.0, moving.alt_ft - elevation)


def _chosen(moving: States, which: list[int], truth: list[str], world: World) -> Corpus:
    part = States(*(column[which] for column in moving))
    return Corpus(part, truth, _height(part, truth, world))


def simulated(count: int, world: World, seed: str = "bench airfields") -> Corpus:
    """Both ends of ``count`` flights, each heard down to a height of its own."""
    tables, pairs = [], []
    for case in random_flights(count, seed):
        table = conform(case.reports).filter(pl.col("status") == "ok").sort("time_ns")
        if len(table) >= 2:
            tables.append(table)
            pairs.append((case.departure, case.arrival))
    truth = [p[0] for p in pairs] + [p[1] for p in pairs]
    known = set(world.airfields.table["icao"])
    which = [i for i, icao in enumerate(truth) if icao in known]
    return _chosen(_ends(tables), which, [truth[i] for i in which], world)


def real(world: World) -> Corpus:
    """Known ends of the captures, cut at ``FLOORS_FT``."""
    tables, wanted = [], []
    for name, table in corpus.real(185.2).items():
        known = next((ends for key, ends in KNOWN.items() if name.startswith(key)), (None, None))
        height = pl.coalesce("alt_msl_ft", "alt_baro_ft", "alt_geom_ft")
        ground = pl.col("on_ground").fill_null(False)
        for departing, code in zip((True, False), known, strict=True):
            field = world.airfields.row(code) if code else None
            for floor in FLOORS_FT if field else ():
                heard = table.select(
                    (pl.lit(floor < 0) | (~ground & (height >= floor + field["elevation_ft"])).fill_null(False)).alias(
                        "heard"
                    )
                )["heard"].to_numpy()
                rows = np.flatnonzero(heard)
                if len(rows) < 2:
                    continue
                tables.append(table[int(rows[0]) :] if departing else table[: int(rows[-1]) + 1])
                wanted.append((departing, field["icao"]))
    moving = _ends(tables)
    n = len(tables)
    return _chosen(moving, [i if d else n + i for i, (d, _) in enumerate(wanted)], [t for _, t in wanted], world)


def some_moved(ends: Corpus, seed: int = 1) -> Corpus:
    """The same ends, one in ``ONE_IN`` of them moved to where the flight had no business."""
    rng = np.random.default_rng(seed)
    n = len(ends.truth)
    moved = rng.permutation(n) < n / ONE_IN
    away = rng.uniform(5_000.0, 60_000.0, n) * moved
    lat, lon = geo.destination(ends.moving.lat_deg, ends.moving.lon_deg, rng.uniform(0, 360, n), away)
    truth = ["none" if m else t for m, t in zip(moved, ends.truth, strict=True)]
    return Corpus(ends.moving._replace(lat_deg=lat, lon_deg=lon), truth, ends.height_ft)


def judged(ends: Corpus, world: World) -> pl.DataFrame:
    """One row an end: the airfield named (null: none), its confidence, whether it is right."""
    found = airfield_ends(ends.moving, world.airfields)
    icao = world.airfields.table["icao"]
    named = [icao[int(r)] if r >= 0 else None for r in found.row]
    return pl.DataFrame(
        {
            "truth": ends.truth,
            "named": pl.Series(named, dtype=pl.String),
            "confidence": found.probability,
            "height_ft": ends.height_ft,
            "departing": ends.moving.departing,
        }
    ).with_columns(right=(pl.col("named") == pl.col("truth")).fill_null(False))


def _binned(column: str, edges: tuple[float, ...]) -> pl.Expr:
    """The bin of each value as text, from its lower edge."""
    text = pl.lit(f"under {edges[0]:g}")
    for edge in edges:
        text = pl.when(pl.col(column) >= edge).then(pl.lit(f"from {edge:g}")).otherwise(text)
    return text


def reliability(table: pl.DataFrame) -> pl.DataFrame:
    """Hit rate by bins of confidence, of the ends for which an airfield was named."""
    named = table.drop_nulls("named").with_columns(_binned("confidence", EDGES).alias("confidence bin"))
    return (
        named.group_by("confidence bin")
        .agg(pl.len().alias("ends"), pl.col("confidence").mean().alias("mean"), pl.col("right").mean().alias("right"))
        .sort("mean")
    )


def by_height(table: pl.DataFrame) -> pl.DataFrame:
    """How many ends get an airfield, and how many of these the right one, by height above the true field."""
    edges = (50.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 6_000.0, 10_000.0)
    return (
        table.with_columns(_binned("height_ft", edges).alias("height above the field, ft"))
        .group_by("height above the field, ft", "departing")
        .agg(
            pl.col("height_ft").min().alias("from"),
            pl.len().alias("ends"),
            pl.col("named").is_not_null().mean().alias("named"),
            pl.col("right").filter(pl.col("named").is_not_null()).mean().alias("right of these"),
            pl.col("confidence").filter(pl.col("named").is_not_null()).mean().alias("mean confidence"),
        )
        .sort("departing", "from")
        .drop("from")
    )


def gap(table: pl.DataFrame) -> float:
    """Mean distance between confidence and hit rate over the bins, weighted by their ends."""
    bins = reliability(table)
    return float(((bins["mean"] - bins["right"]).abs() * bins["ends"]).sum() / bins["ends"].sum())


def main() -> int:
    """Print the tables; the exit status says whether confidence is within 5 points of the hit rate."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--flights", type=int, default=600)
    options = parser.parse_args()
    world = open_world()
    sets = {"simulated flights": simulated(options.flights, world)}
    if reason := corpus.missing():
        print(f"no real tracks: {reason}")
    else:
        sets["real tracks, cut"] = real(world)
    good = True
    with pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, float_precision=3, tbl_rows=30):
        for title, ends in sets.items():
            table = judged(some_moved(ends), world)
            print(f"\n{title}: {len(table)} ends; mean |confidence - hit rate| {gap(table):.3f}")
            print(reliability(table), by_height(table), sep="\n")
            good &= gap(table) <= MOST
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
