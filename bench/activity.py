"""How many injected flurries are found, and how many false alarms a month there are while receivers come and go.

Each variant is two months of traffic in an area of one to six zones: civil aircraft by the dozen, tankers, bombers and
transports, some of them in pairs, with a weekly cycle of their own. How much of a zone is heard changes from day to day
by a little and by steps as receivers come and go; half of the variants gain receivers in the middle of a week, and
military aircraft are heard a little better or worse than others. The second month is asked about, held against the
first. In one half of the variants a flurry is flown on one of its days: of a kind, at least ``LEAST_SURGE`` more than
usual and at least three times as many, within eight hours, and only counted as what was heard of it.
``python bench/activity.py --count 1000 --seed published``.
"""

from argparse import ArgumentParser
from collections import Counter

import numpy as np
import polars as pl

from testigos.findings._census import EXCERPT, HOUR_NS
from testigos.findings.activity import _told, judge
from testigos.model import Question
from testigos.sim.dice import Dice

DAYS = 60
FIRST = 20_000  # days since 1970
ASKED = 30
LEAST_SURGE = 10
ROLES = ("tanker", "bomber", "transport")


def _draw(dice, means):
    """Poisson numbers by inversion; of large means by the normal limit."""
    flat = np.ravel(means)
    u = dice.uniform(len(flat))
    out = np.maximum(0, np.round(flat + np.sqrt(flat) * dice.normal(len(flat))))
    for at in np.flatnonzero(flat < 40):
        term = below = np.exp(-flat[at])
        k = 0
        while u[at] > below and k < 200:
            k += 1
            term *= flat[at] / k
            below += term
        out[at] = k
    return out.reshape(np.shape(means)).astype(int)


def _coverage(dice, zones):
    """How much is heard in each zone on each day: (DAYS, zones)."""
    cover = np.empty((DAYS, zones))
    for z in range(zones):
        on = dice.uniform(4) < 0.7  # four receivers, each on or off for some twelve days
        for day in range(DAYS):
            on ^= dice.uniform(4) < 1 / 12
            cover[day, z] = 0.25 + 0.75 * (1 - 0.5 ** on.sum()) * (0.95 + 0.1 * dice.uniform(1)[0])
    if dice.uniform(1)[0] < 0.5:
        grown = dice.integer(5, DAYS - 5)
        cover[:grown] *= dice.uniform(1, 0.3, 0.8)[0]
    return np.minimum(cover, 1.0)


def _week(dice, depth):
    return 1 - depth * (np.arange(DAYS) % 7 >= 5) * dice.uniform(1)[0]


def _counted(aircraft):
    """The excerpt of aircraft (kind, day, zone, hour, hours), each of them one object."""
    rows = pl.DataFrame(aircraft, schema=["kind", "day", "zone", "hour", "hours"], orient="row").with_row_index(
        "object"
    )
    every = pl.concat([rows, rows.filter(pl.col("kind") != "civil").with_columns(pl.lit("military").alias("kind"))])
    by_day = every.group_by("kind", pl.col("day").alias("start"), "zone").len("objects")
    hours = (
        every.with_columns(pl.int_ranges("hour", pl.min_horizontal(pl.col("hour") + pl.col("hours"), 24)).alias("at"))
        .explode("at")
        .group_by("kind", (pl.col("day") * 24 + pl.col("at")).alias("start"))
        .agg(pl.col("object").n_unique().alias("objects"))
    )
    parts = [
        t.with_columns(pl.lit(s).alias("span"), pl.lit("area").alias("place"))
        for t, s in ((by_day, "day"), (hours, "hour"))
    ]
    return (
        pl.concat(parts, how="diagonal_relaxed")
        .with_columns([pl.col(c).cast(t) for c, t in EXCERPT.items() if c in ("start", "zone", "objects")])
        .select(list(EXCERPT))
    )


def variant(seed, number, surge, least=LEAST_SURGE, times=3.0):
    """The excerpt of two months, and of the flurry its day, kind, number heard and number usually flown."""
    dice = Dice("activity", seed, number)
    zones = dice.integer(1, 6)
    cover = _coverage(dice, zones)
    heard_as = cover ** dice.uniform(1, 0.8, 1.25)[0]
    aircraft = []

    def add(kind, flown, heard, first=None):
        for day, zone in np.argwhere(flown > 0):
            n = int(flown[day, zone])
            seen = int((dice.uniform(n) < heard[day, zone]).sum())
            for hour, long in zip(dice.uniform(seen), dice.uniform(seen, 1, 5), strict=True):
                start = hour * 24 if first is None else first + hour * 8
                start = min(23, start if kind == "civil" or first is not None else 5 + (start * 0.75))
                aircraft.append((kind, FIRST + int(day), int(zone), int(start), int(long)))

    civil = dice.uniform(zones, 3, 60)
    add("civil", _draw(dice, civil * _week(dice, 0.3)[:, None] * np.ones((DAYS, 1))), cover)
    usual, week = {}, _week(dice, 0.8)
    for role in ROLES:
        mean = dice.uniform(zones, 0, 5.0 / zones)
        singles, pairs = 0.7 * mean, 0.15 * mean
        flown = _draw(dice, singles * week[:, None]) + 2 * _draw(dice, pairs * week[:, None])
        usual[role] = float(mean.sum())
        add(role, flown, heard_as)
    if not surge:
        return _counted(aircraft), None
    role, day = ROLES[dice.integer(0, 2)], dice.integer(DAYS - ASKED, DAYS - 1)
    more = int(max(least, times * usual[role]))
    flown = np.zeros((DAYS, zones), int)
    for zone in range(zones):
        flown[day, zone] = more // zones + (zone < more % zones)
    before = len(aircraft)
    add(role, flown, heard_as, dice.integer(4, 14))
    return _counted(aircraft), (FIRST + day, role, len(aircraft) - before, usual[role])


def main():
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", default="default")
    parser.add_argument("--least", type=int, default=LEAST_SURGE, help="aircraft of a flurry at least")
    parser.add_argument("--times", type=float, default=3.0, help="of the usual number at least")
    asked = parser.parse_args()
    day_ns = 24 * HOUR_NS
    question = Question(start_ns=(FIRST + DAYS - ASKED) * day_ns, end_ns=(FIRST + DAYS) * day_ns)
    tally, months = Counter(), 0.0
    sizes = []
    for number in range(asked.count):
        table, truth = variant(asked.seed, number, number % 2 == 0, asked.least, asked.times)
        judged = judge(table, question)
        told = {(j.day, j.kind) for j in _told(judged)}
        day = None if truth is None else truth[0]
        if truth is not None:
            tally["surges"] += 1
            tally["found"] += any(d == day for d, _ in told)
            tally["of that kind"] += truth[:2] in told
            sizes.append((truth[2], truth[3], any(d == day for d, _ in told)))
        false = sum(d != day for d, _ in told)
        tally["false"] += false
        tally["variants with a false alarm"] += false > 0
        tally["days judged"] += len({j.day for j in judged if j.known is not None})
        months += (ASKED - (truth is not None)) / 30
    print(dict(tally))
    for low, high in ((0, 5), (5, 8), (8, 12), (12, 1000)):
        of = [found for heard, _, found in sizes if low <= heard < high]
        print(f"heard of the flurry {low} to {high - 1}: {sum(of)} of {len(of)}")
    print(f"recall {tally['found'] / max(1, tally['surges']):.3f}; {tally['false'] / months:.3f} false alarms a month")


if __name__ == "__main__":
    main()
