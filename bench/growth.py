"""How does the time of every kind of finding grow with the rows?

Run: ``python bench/growth.py``. Generated aircraft over the contiguous United States (as in ``company.py``), each heard
for four hours of every eight; the fleet stays and its hours grow. The question names Mexico, which is near to some.
CPU seconds, least of three runs.
"""

import resource
import sys
from argparse import ArgumentParser
from dataclasses import replace

import polars as pl

from company import cpu_s, traffic_of
from testigos import fuse, registry
from testigos.findings import scene, survey_all
from testigos.model import Question
from testigos.schema import conform
from testigos.world import open_world


def reports(fleet: int, hours: float) -> pl.DataFrame:
    """Reports of a fleet that flies four hours of every eight."""
    track, time_s, lat, lon, alt = traffic_of(fleet, hours, False)
    table = pl.DataFrame({"k": track, "s": time_s, "lat_deg": lat, "lon_deg": lon, "alt_baro_ft": alt})
    table = table.filter((pl.col("s") + pl.col("k") * 977.0) % 28_800.0 < 14_400.0)
    name = pl.lit("icao:") + pl.format("{}", pl.col("k") + 0xA00000)
    return conform(
        table.select(
            name.alias("object_id"),
            (1_700_000_000_000_000_000 + (pl.col("s") * 1e9).cast(pl.Int64)).alias("time_ns"),
            "lat_deg",
            "lon_deg",
            "alt_baro_ft",
            pl.lit(9, pl.UInt8).alias("nac_p"),
            pl.lit("adsb").alias("source"),
            pl.lit("ok").alias("status"),
            pl.lit(1, pl.UInt64).alias("segment"),
            pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset"),
        )
    )


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--fleet", type=int, default=500)
    parser.add_argument("--hours", type=float, default=12.0)
    asked = parser.parse_args()
    here = scene(Question(near=("Mexico",)), open_world())
    kinds = sorted(registry.finders(), key=lambda k: registry.finder(k).RANK)
    spent: dict[str, list[float]] = {}
    sizes = []
    for times in (0.1, 1, 2, 4):  # the first compiles
        table = reports(asked.fleet, asked.hours * times)
        least: dict[str, float] = {}
        for _ in range(3 if times >= 1 else 1):
            began = cpu_s()
            tracks = fuse.tracks(table)[0]
            least["fusion"] = min(least.get("fusion", 1e9), cpu_s() - began)
            began = cpu_s()
            known = replace(here, surveys=survey_all(table, tracks, here))
            least["surveys"] = min(least.get("surveys", 1e9), cpu_s() - began)
            for kind in kinds:
                began = cpu_s()
                found = registry.finder(kind).find(tracks, known)
                least[kind] = min(least.get(kind, 1e9), cpu_s() - began)
                known = replace(known, found=known.found + tuple(found))
        if times >= 1:
            sizes.append(len(table))
            for name, seconds in least.items():
                spent.setdefault(name, []).append(seconds)
    print("| CPU seconds | " + " | ".join(f"{n:,} rows" for n in sizes) + " | growth |")
    print("|---" * (len(sizes) + 2) + "|")
    for name, row in spent.items():
        growth = " : ".join(f"{s / max(row[0], 1e-3):.1f}" for s in row)
        print(f"| {name} | " + " | ".join(f"{s:.2f}" for s in row) + f" | {growth} |")
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB", file=sys.stderr)


if __name__ == "__main__":
    main()
