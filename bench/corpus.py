"""The tracks that the measurements use: real ones where the shared captures are, simulated ones always."""

from functools import cache
from pathlib import Path

import polars as pl

from testigos.fuse import tracks
from testigos.io import reports
from testigos.sim.random_flights import random_flights

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

#: What the captures hold. None of them says how good its positions are, but for some rows of ``traces``.
FILES = (
    "fr24/2ce4f83f.json",
    "kml/82-0193-track-press_alt_uncorrected.kml",
    "kml/86-0033-track-press_alt_uncorrected.kml",
    "kml/FlightAware_FDX1273_KBOS_KMEM_20221108.kml",
    "kml/FlightAware_ITY621_KLAX_LIRF_20221014.kml",
    "kml/VB7083-32eca57a-1.kml",
    "kml/N67WV-track-EGM96.kml",
    "kml/N77552-track-press_alt_uncorrected.kml",
    "flights/inflight_refuelling.json.gz",
    "traces/trace_full_ac134a.json",
    "traces/adsb_actions/tests/sample_readsb_data",
)


def missing() -> str:
    """Why there are no real tracks; empty where there are."""
    return "" if (SHARED / FILES[0]).exists() else "the shared captures are not beside the repository"


def _sorties(table: pl.DataFrame) -> list[pl.DataFrame]:
    usable = table.filter(pl.col("status") == "ok")
    return usable.partition_by("object_id", "leg", maintain_order=True)


def real(assume_radius_m: float) -> dict[str, pl.DataFrame]:
    """Sorties of the captures by name: rows of ``schema.TRACKS`` with the status ``ok``.

    ``assume_radius_m``: the 95 % radius of positions for which nothing speaks.
    """
    found = {}
    for name in FILES:
        table, _ = tracks(pl.concat(list(reports([SHARED / name]))), assume_radius_m=assume_radius_m)
        for sortie in _sorties(table):
            key = f"{Path(name).name.split('-track')[0]} {sortie['object_id'][0]} leg {sortie['leg'][0]}"
            found[key] = sortie
    return found


@cache
def simulated(count: int, seed: str = "bench") -> dict[str, pl.DataFrame]:
    """Sorties of ``sim.random_flights``, by ``departure-arrival number``."""
    found = {}
    for case in random_flights(count, seed):
        if len(case.reports) < 2:
            continue
        for sortie in _sorties(tracks(case.reports)[0])[:1]:
            found[f"{case.departure}-{case.arrival} {case.number}"] = sortie
    return found
