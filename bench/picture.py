"""How many reports a second of one core the live picture takes, in batches of 100 ms.

    python bench/picture.py [--objects 10000] [--rate 50000] [--seconds 20] [--profile]

Objects fly straight and send what ADS-B does: positions with altitude (40 %), velocities (40 %), call signs and
status (20 %). A fifth of all is heard by a second receiver, some milliseconds later, and comes in a later batch.
"""

import argparse
import cProfile
import pstats
import time

import numpy as np
import polars as pl

from testigos.fuse.picture import Picture
from testigos.schema import ALL

_START_NS = 1_700_000_000_000_000_000


def batches(objects: int, rate: int, seconds: float, seed: int = 1) -> list[tuple[pl.DataFrame, int]]:
    dice = np.random.default_rng(seed)
    lat0, lon0 = dice.uniform(30, 60, objects), dice.uniform(-20, 40, objects)
    speed, track = dice.uniform(200, 500, objects), dice.uniform(0, 360, objects)
    north = speed * 1852 / 3600 * np.cos(np.radians(track)) / 111_200
    east = speed * 1852 / 3600 * np.sin(np.radians(track)) / 111_200 / np.cos(np.radians(lat0))
    ids = np.array([f"icao:{0x400000 + k:06x}" for k in range(objects)])
    signs = np.array([f"TST{k:04d}" for k in range(objects)])
    made = []
    later: pl.DataFrame | None = None
    size = rate // 10
    for number in range(int(seconds * 10)):
        count = size * 5 // 6
        who = dice.integers(0, objects, count)
        t = np.sort(dice.uniform(number * 0.1, number * 0.1 + 0.1, count))
        what = dice.uniform(size=count)
        at, moves, names = what < 0.4, (what >= 0.4) & (what < 0.8), what >= 0.8
        nan = np.nan
        table = pl.DataFrame(
            {
                "object_id": ids[who],
                "time_ns": _START_NS + (t * 1e9).astype(np.int64),
                "status": np.where(at, "ok", "no_position"),
                "source": np.full(count, "adsb"),
                "lat_deg": np.where(at, lat0[who] + north[who] * t, nan),
                "lon_deg": np.where(at, lon0[who] + east[who] * t, nan),
                "alt_baro_ft": np.where(at, 30_000.0, nan),
                "gs_kt": np.where(moves, speed[who], nan),
                "track_deg": np.where(moves, track[who], nan),
                "vrate_fpm": np.where(moves, 0.0, nan),
                "nic": np.where(at, 8.0, nan),
                "nac_p": np.where(names, 9.0, nan),
                "rssi_dbfs": dice.uniform(-30, -5, count),
                "transmission": dice.integers(1, 1 << 63, count).astype(np.uint64),
                "offset": np.arange(count, dtype=np.uint64),
            },
            nan_to_null=True,
        ).with_columns(
            pl.when(pl.Series(names)).then(pl.Series(signs[who])).alias("callsign"),
            pl.when(pl.Series(names)).then(pl.lit("A3")).alias("category"),
            pl.when(pl.Series(names)).then(pl.lit("1200")).alias("squawk"),
            pl.lit(1, pl.UInt16).alias("input"),
            pl.lit("beast").alias("link"),
        )
        table = table.with_columns(pl.col(n).cast(ALL[n].dtype) for n in table.columns if n in ALL)
        again = table.sample(size - count, seed=number).with_columns(
            pl.col("time_ns") + 3_000_000, pl.lit(2, pl.UInt16).alias("input")
        )
        whole = table if later is None else pl.concat([table, later])
        later = again
        made.append((whole, _START_NS + (number + 1) * 100_000_000 + 50_000_000))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    warm = Picture("warm")
    for table, now in batches(50, 500, 1.0):
        warm.update(table, now)
    given = batches(args.objects, args.rate, args.seconds)
    picture = Picture("bench")
    profile = cProfile.Profile(time.process_time)
    spent, rows, reports = [], 0, 0
    for table, now in given:
        if args.profile:
            profile.enable()
        began = time.process_time()
        out = picture.update(table, now)
        spent.append(time.process_time() - began)
        profile.disable()
        rows += len(out)
        reports += len(table)
    half = spent[len(spent) // 2 :]
    steady = sum(len(t) for t, _ in given[len(given) // 2 :]) / sum(half)
    print(f"{reports} reports, {rows} rows, {len(picture.rows())} objects; {reports / sum(spent):,.0f} reports/CPU-s")
    print(f"steady: {steady:,.0f} reports/CPU-s; a batch {np.mean(half) * 1e3:.1f} ms, worst {max(half) * 1e3:.1f} ms")
    print(f"at {args.rate:,} reports/s: {args.rate / steady:.0%} of a core; {dict(picture.counters)}")
    if args.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
