"""How often an orbit is found, named rightly, and measured within its intervals, over simulated variants.

Each variant is a flight that comes from afar, flies a pattern (or none) and leaves, drawn by its number: kind, size,
speed, number of laps, uneven laps, a silence, ADS-B or multilateration, thinned fixes. ``python bench/orbits.py``.

Thresholds were chosen on the default seed; figures to be published are of another one. There is no wind, searches are
flown at 110 or 210 kt, a lap is flown three times or more, and the intervals are those of findings that are named
rightly. Of a widening search the axes have no interval, of a loiter the time on station no upper end.

With ``--peer`` (needs ``traffic`` in the environment) its detectors see the same flights: which are called a holding,
and how much of the time on station is covered.
"""

import sys
from argparse import ArgumentParser
from collections import Counter, defaultdict
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

from testigos import geo
from testigos.findings import orbit
from testigos.findings.scene import Scene
from testigos.fuse import tracks
from testigos.model import Question, parse_utc
from testigos.sim.dice import Dice
from testigos.sim.observe import Equipment, Outage, Site, observe
from testigos.sim.random_flights import random_flight
from testigos.sim.truth import Performance, Plan, Waypoint, fly
from testigos.units import NMI_M, S_NS
from testigos.world import open_world

PATTERNS = ("circle", "racetrack", "long_racetrack", "figure_of_eight", "ladder", "widening", "loiter")
NONE = ("straight", "out_and_home", "s_turns", "one_turn", "downwind")
NAMED = {"long_racetrack": "racetrack", "ladder": "search", "widening": "search"}
START = parse_utc("2025-06-01T10:00")


class Variant(NamedTuple):
    """A flight: what it is, its truth, when it was on station, its axes (m), and what was received."""

    kind: str
    mlat: bool
    thinned_s: float
    silence_s: float
    truth: pl.DataFrame
    span: tuple[int, int] | None
    axes: tuple[float, float] | None
    period_s: float | None
    table: pl.DataFrame


def _pattern(kind: str, dice: Dice, kt: float) -> tuple[list[tuple[float, float]], int]:
    """Points along and across in NM, and how many of them make a lap (0 where nothing repeats)."""

    def one(low: float, high: float) -> float:
        return float(dice.uniform(1, low, high)[0])

    turn = (kt * 0.5144) ** 2 / (9.81 * 0.466) / NMI_M  # radius of a turn with 25 degrees of bank
    laps = dice.integer(3, 9)
    uneven = dice.integer(0, 2) * 0.15
    points: list[tuple[float, float]] = []
    if kind == "circle":
        radius = one(2.0, 6.0) * turn
        corners = min(40, int(2.0 * np.pi * radius / turn))  # not so near each other that the flight skips some
        angles = [2.0 * np.pi * i / corners for i in range(corners * laps + 1)]
        return [(radius * np.cos(a), radius * np.sin(a)) for a in angles], corners
    if kind in ("racetrack", "long_racetrack"):
        length = one(30.0, 80.0) if kind == "long_racetrack" else one(3.0, 12.0) * turn
        width = one(2.2, 3.0) * turn
        laps = min(laps, 5) if kind == "long_racetrack" else laps
        for _ in range(laps):
            low, high = (one(0.0, uneven) * length for _ in range(2))
            points += [(low, 0.0), (length - high, 0.0), (length - high, width), (low, width)]
        return [*points, (0.0, 0.0)], 4
    if kind == "figure_of_eight":
        length, width = one(6.0, 14.0) * turn, one(2.5, 3.5) * turn
        for _ in range(laps):
            points += [(0.0, 0.0), (length, width), (length + turn, 0.5 * width), (length, 0.0), (0.0, width),
                       (-turn, 0.5 * width)]  # fmt: skip
        return points, 6
    if kind == "ladder":
        length, gap = one(8.0, 25.0) * turn, one(2.1, 4.0) * turn
        for i in range(dice.integer(6, 13)):
            points += [(0.0, i * gap), (length, i * gap)][:: 1 if i % 2 == 0 else -1]
        return points, 0
    if kind == "widening":
        gap, x, y = one(3.0, 5.0) * turn, 0.0, 0.0
        points = [(x, y)]
        for i in range(dice.integer(13, 21)):
            step = gap * (1 + i // 2)
            x, y = ((x + step, y), (x, y + step), (x - step, y), (x, y - step))[i % 4]
            points.append((x, y))
        return points, 0
    size = min(one(8.0, 20.0) * turn, 70.0)
    return [(one(0.0, size), one(0.0, size)) for _ in range(dice.integer(20, 41))], 0


def _nearest(distance: np.ndarray, near_m: float) -> int:
    """Where a way that comes within ``near_m`` first passes by nearest."""
    at = int(np.argmax(distance < near_m))
    on = np.flatnonzero(np.diff(distance[at:]) > 0.0)
    return at + (int(on[0]) if len(on) else 0)


def variant(number: int, kind: str, seed: str = "orbits") -> Variant:
    """Variant ``number`` of a kind; the same on every call."""
    dice = Dice(seed, kind, number)
    kt, alt = ((110.0, 3_500.0), (210.0, 14_000.0), (400.0, 27_000.0))[dice.integer(0, 3)]
    if kind in ("ladder", "widening"):
        kt, alt = ((110.0, 1_500.0), (210.0, 3_000.0))[dice.integer(0, 2)]
    if kind == "long_racetrack":
        kt, alt = 400.0, 27_000.0
    lat, lon = float(dice.uniform(1, -60.0, 60.0)[0]), float(dice.uniform(1, -180.0, 180.0)[0])
    axis, come, go = dice.uniform(3, 0.0, 360.0).tolist()
    mirror = 1.0 if dice.integer(0, 2) else -1.0
    far = (60.0 + float(dice.uniform(1)[0]) * 140.0) * (0.3 if kt < 150.0 else 1.0) * NMI_M

    def place(along: float, across: float) -> tuple[float, float]:
        return geo.direct(lat, lon, axis + np.degrees(np.arctan2(mirror * across, along)),
                          float(np.hypot(along, across)) * NMI_M)  # fmt: skip

    per_lap = 0
    if kind in PATTERNS:
        points, per_lap = _pattern(kind, dice, kt)
        way = [place(*p) for p in points]
    else:
        turn = (kt * 0.5144) ** 2 / (9.81 * 0.466) / NMI_M
        if kind == "one_turn":
            points = [(3.0 * turn * np.cos(a), 3.0 * turn * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 13)]
            come, go = axis + 180.0 + 90.0, axis + 90.0
        elif kind == "s_turns":
            points = [(i * 5.0 * turn, (i % 2) * 8.0 * turn) for i in range(6)]
            come, go = axis + 180.0, axis
        elif kind == "downwind":
            points = [(0.0, 0.0), (-30.0, 0.0), (-30.0, -4.0 - 2 * turn), (0.0, -4.0 - 2 * turn)]
            come = axis
        elif kind == "out_and_home":
            points, go = [(0.0, 0.0), (2.2 * turn, 2.2 * turn)], come + 3.0
        else:
            points = [(0.0, 0.0)]
            go = come + 180.0 + float(dice.uniform(1, -40.0, 40.0)[0])
        way = [place(*p) for p in points]
    ways = [Waypoint(*geo.direct(*way[0], come, far), alt, kt), *(Waypoint(*p) for p in way)]
    ways.append(Waypoint(*geo.direct(*way[-1], go, far)))
    name = f"icao:{0xE90000 + number % 65_536:06x}"
    truth = fly(Plan(name, START, ways, Performance()))
    time = truth["time_ns"].to_numpy()

    span = axes = period = None
    if kind in PATTERNS:
        first = geo.distance_m(truth["lat_deg"].to_numpy(), truth["lon_deg"].to_numpy(), *way[0])
        last = geo.distance_m(truth["lat_deg"].to_numpy(), truth["lon_deg"].to_numpy(), *way[-1])
        near = (2.5 * (kt * 0.5144) ** 2 / (9.81 * 0.466)) + 0.5 * NMI_M
        start, stop = _nearest(first, near), len(time) - 1 - _nearest(last[::-1], near)
        span = (int(time[start]), int(time[stop]))
        away, azimuth, _ = geo.inverse_arrays(*way[0], truth["lat_deg"].to_numpy()[start:stop],
                                              truth["lon_deg"].to_numpy()[start:stop])  # fmt: skip
        u = away * np.cos(np.radians(azimuth - axis))
        v = away * np.sin(np.radians(azimuth - axis))
        if per_lap:
            # lap by lap, from the design's points
            laps = len(points) // per_lap
            edges = np.linspace(0, len(u) - 1, laps + 1).astype(int)
            period = (stop - start) / laps
            u_laps = [np.ptp(u[a:b]) for a, b in pairwise(edges)]
            v_laps = [np.ptp(v[a:b]) for a, b in pairwise(edges)]
            axes = (float(np.median(u_laps)), float(np.median(v_laps)))
        else:
            axes = (float(np.ptp(u)), float(np.ptp(v)))
        axes = (max(axes), min(axes)) if kind != "circle" else (sum(axes) / 2.0,) * 2

    mlat = dice.integer(0, 3) == 0 and kt > 150.0
    silence = (0.0, 0.0, 300.0, 600.0)[dice.integer(0, 4)]
    outages = []
    if silence:
        low, high = span or (int(time[len(time) // 3]), int(time[2 * len(time) // 3]))
        at = low + int(float(dice.uniform(1)[0]) * max(high - low, 1))
        outages = [Outage(name, at, at + int(silence * S_NS))]
    spots = {
        (round(a / 1.5) * 1.5 + da, round(b / 1.5) * 1.5 + db)
        for a, b in truth.select("lat_deg", "lon_deg").gather_every(200).iter_rows()
        for da, db in ((0.0, 0.0), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7), (-0.7, -0.7))
    }
    sites = [Site(f"s{i}", float(np.clip(a, -89, 89)), b, 300.0) for i, (a, b) in enumerate(sorted(spots))]
    heard = observe(truth, Equipment(f"SIM{number}", "", "2000", adsb=not mlat, nac_p=(7, 8, 9, 10)[number % 4]), sites,
                    outages, seed)  # fmt: skip
    thinned = (0.0, 0.0, 30.0, 60.0)[dice.integer(0, 4)] if kt > 150.0 else 0.0
    if thinned:
        slot = (pl.col("time_ns") - START) // int(thinned * S_NS)
        heard = heard.filter(slot != slot.shift(1).fill_null(-1))
    rows = heard.with_columns(
        pl.lit(1, pl.UInt64).alias("segment"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset")
    )
    return Variant(kind, mlat, thinned, silence, truth, span, axes, period, tracks(rows)[0])


def overlap(span: tuple[int, int], found: list[tuple[int, int]]) -> float:
    """Intersection over union of times."""
    inside = sum(max(0, min(b, span[1]) - max(a, span[0])) for a, b in found)
    whole = span[1] - span[0] + sum(b - a for a, b in found) - inside
    return inside / whole


def main() -> None:
    """Print the tables."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="variants of each kind")
    parser.add_argument("--seed", default="orbits")
    parser.add_argument("--misses", action="store_true", help="print what went wrong")
    parser.add_argument("--peer", action="store_true", help="measure traffic on the same flights")
    told = parser.parse_args()
    here = Scene(Question(), open_world(), ())
    names: dict[str, Counter[str]] = defaultdict(Counter)
    overlaps: dict[str, list[float]] = defaultdict(list)
    peer: dict[str, list[float]] = defaultdict(list)
    holds: dict[str, list[bool]] = defaultdict(list)
    edges: list[float] = []
    inside: dict[str, list[bool]] = defaultdict(list)
    widths: dict[str, list[float]] = defaultdict(list)
    for kind in (*PATTERNS, *NONE, "airliner"):
        for number in range(told.count):
            if kind == "airliner":
                case = random_flight(number, told.seed)
                v = Variant(kind, False, 0.0, 0.0, case.truth, None, None, None, tracks(case.reports.with_columns(
                    pl.lit(1, pl.UInt64).alias("segment"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset")
                ))[0])  # fmt: skip
            else:
                v = variant(number, kind, told.seed)
            found = orbit.find(v.table, here)
            best = max(found, key=lambda f: f.end_ns - f.start_ns, default=None)
            name = "none" if best is None else str(best.details["pattern"])
            names[kind][name] += 1
            want = NAMED.get(kind, kind) if kind in PATTERNS else "none"
            if told.misses and name != want:
                print(f"{kind} {number}: {name}; mlat {v.mlat}, thinned {v.thinned_s}, silence {v.silence_s}")
            if told.peer:
                share = peer_share(v)
                holds[kind].append(share > 0.0)
                if v.span:
                    peer[kind].append(share)
            if v.span is None:
                continue
            overlaps[kind].append(overlap(v.span, [(f.start_ns, f.end_ns) for f in found]))
            if best is None or name != want:
                continue
            m = best.measures
            if kind != "loiter":
                half = (m["period"].value or np.nan) / 2 if "period" in m else np.nan
                edges += [abs(best.start_ns - v.span[0]) / S_NS / half, abs(best.end_ns - v.span[1]) / S_NS / half]
            truths = {"time_on_station": (v.span[1] - v.span[0]) / S_NS, "period": v.period_s}
            if v.axes and name != "loiter":
                truths |= {"long_axis": v.axes[0], "short_axis": v.axes[1]}
            for measure, true in truths.items():
                if true is None or measure not in m or m[measure].low is None or m[measure].value is None:
                    continue
                low, high = m[measure].low or 0.0, m[measure].high
                good = low <= true and (high is None or true <= high)
                for key in (measure, f"{measure} {kind}", f"{measure} {'mlat' if v.mlat else 'ads-b'}"):
                    inside[key].append(good)
                    if high is not None:
                        widths[key].append((high - low) / max(true, 1.0))
                if told.misses and not good:
                    print(f"{kind} {number}: {measure} {true:.0f} not in {low:.0f} to {high}; mlat {v.mlat}, "
                          f"thinned {v.thinned_s}, silence {v.silence_s}")  # fmt: skip
        print(f"{kind:16s} {dict(names[kind].most_common())}  IoU {np.mean(overlaps[kind] or [np.nan]):.3f} "
              f"(10 %: {np.quantile(overlaps[kind] or [np.nan], 0.1):.3f})", flush=True)  # fmt: skip
    print("edges, in half laps: " + str(np.round(np.nanquantile(edges, (0.5, 0.9, 0.95, 0.975)), 2)))
    for key in sorted(inside):
        print(f"{key:32s} inside {np.mean(inside[key]):.3f} of {len(inside[key])}; "
              f"median width {np.median(widths[key]) if widths[key] else np.nan:.2f}")  # fmt: skip
    right = sum(names[k][NAMED.get(k, k)] for k in PATTERNS)
    any_found = sum(n for k in PATTERNS for p, n in names[k].items() if p != "none")
    false = sum(n for k in (*NONE, "airliner") for p, n in names[k].items() if p != "none")
    print(f"found {any_found} of {told.count * len(PATTERNS)}, {right} named rightly; "
          f"false {false} of {told.count * (len(NONE) + 1)}")  # fmt: skip
    for name in sorted({NAMED.get(k, k) for k in PATTERNS}):
        called = sum(c[name] for c in names.values())
        hit = sum(names[k][name] for k in PATTERNS if NAMED.get(k, k) == name)
        there = told.count * sum(NAMED.get(k, k) == name for k in PATTERNS)
        print(f"  {name:16s} precision {hit / max(called, 1):.3f}, recall {hit / there:.3f}")
    if told.peer:
        for kind in holds:
            print(f"peer, {kind}: called {np.mean(holds[kind]):.2f}, covered {np.mean(peer[kind] or [np.nan]):.3f}")


def peer_share(v: Variant) -> float:
    """Share of the time on station (or whether there is any, where there is none) in holdings by ``traffic``."""
    from traffic.core import Flight  # type: ignore[import-not-found]

    t = v.table.filter((pl.col("status") == "ok") & pl.col("lat_deg").is_not_null())
    frame = t.select(
        pl.from_epoch("time_ns", time_unit="ns").dt.replace_time_zone("UTC").alias("timestamp"),
        pl.col("object_id").str.slice(5).alias("icao24"),
        pl.lit("SIM").alias("callsign"),
        pl.lit("1").alias("flight_id"),
        pl.col("lat_deg").alias("latitude"),
        pl.col("lon_deg").alias("longitude"),
        pl.col("alt_baro_ft").cast(pl.Float64).alias("altitude"),
        pl.col("gs_kt").cast(pl.Float64).alias("groundspeed"),
        pl.col("track_deg").cast(pl.Float64).alias("track"),
        pl.col("vrate_fpm").cast(pl.Float64).alias("vertical_rate"),
    ).to_pandas()
    flight = Flight(frame).resample("1s")
    spans = [(h.start.value, h.stop.value) for h in flight.holding_pattern()]
    if v.span is None:
        return float(bool(spans))
    return sum(max(0, min(b, v.span[1]) - max(a, v.span[0])) for a, b in spans) / (v.span[1] - v.span[0])


if __name__ == "__main__":
    sys.exit(main())
