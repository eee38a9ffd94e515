"""How long does it take to find every meeting of any two aircraft over a day?

Run: ``python bench/company.py`` (``--peer`` also measures traffic's ``closest_point_of_approach`` on the same part).
Traffic is generated: aircraft that fly straight from one random point to the next, heard every 43 s or so, over an area
like the contiguous United States (``wide``), or in twelve terminal areas of 150 km radius (``dense``). Rows grow
in two ways: more hours of the same fleet, and more aircraft in the same area, where the pairs that meet grow with the
square of their number and so does what there is to find.
"""

import resource
import sys
from argparse import ArgumentParser

import numpy as np

from testigos.findings._pairs import closest, meetings
from testigos.units import KT_MPS, NMI_M

WITHIN_M = 10 * NMI_M
STEP_S = 43.2
PEER_STEP_S = 10
HUBS = 12
_DEG_M = 111_195.0


def traffic_of(fleet: int, hours: float, dense: bool, seed: int = 1) -> tuple[np.ndarray, ...]:
    """Track, seconds, degrees, degrees, feet of ``fleet`` aircraft, ``hours`` long."""
    dice = np.random.default_rng(seed)
    hubs = np.column_stack([dice.uniform(28.0, 47.0, HUBS), dice.uniform(-120.0, -72.0, HUBS)])
    n = int(hours * 3600 / STEP_S)
    parts = []
    for k in range(fleet):
        time_s = (np.arange(n) + dice.uniform(0.0, 0.9, n)) * STEP_S
        points = 1 + int(hours * (12 if dense else 2)) + 8
        if dense:
            away, bearing = 150e3 / _DEG_M * np.sqrt(dice.uniform(size=points)), dice.uniform(0, 2 * np.pi, points)
            hub = hubs[k % HUBS]
            lat = hub[0] + away * np.cos(bearing)
            lon = hub[1] + away * np.sin(bearing) / np.cos(np.radians(hub[0]))
        else:
            lat, lon = dice.uniform(25.0, 49.0, points), dice.uniform(-124.0, -67.0, points)
        step = _DEG_M * np.hypot(np.diff(lat), np.diff(lon) * np.cos(np.radians(lat[1:])))
        speed = dice.uniform(200.0, 300.0) if dense else dice.uniform(380.0, 500.0)
        way = np.append(0.0, np.cumsum(step))
        at = (time_s * speed * KT_MPS) % way[-1]  # the odd one that gets through all its points begins again
        alt = dice.integers(20, 180 if dense else 410) * 100.0
        parts.append((np.full(n, k), time_s, np.interp(at, way, lat), np.interp(at, way, lon), np.full(n, alt)))
    return tuple(np.concatenate(c) for c in zip(*parts, strict=True))


def cpu_s() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in both)


def ours(rows: tuple[np.ndarray, ...], within_m: float = WITHIN_M, within_ft: float = np.inf) -> tuple[float, int, int]:
    """CPU seconds, meetings, pairs."""
    began = cpu_s()
    met = meetings(*rows, within_m=within_m, within_ft=within_ft)
    pairs = closest(met)
    return cpu_s() - began, len(met.first), len(pairs.first)


def finder(rows: tuple[np.ndarray, ...]) -> tuple[float, int]:
    """CPU seconds, and findings, of the finder on tracks."""
    import polars as pl

    from testigos.findings import formation
    from testigos.findings.scene import Scene
    from testigos.model import Question
    from testigos.schema import TRACKS
    from testigos.world import open_world

    track, time_s, lat, lon, alt = rows
    names = pl.Series([f"icao:{k:06x}" for k in range(int(track.max()) + 1)])
    n = len(track)
    told = {
        "object_id": names.gather(track),
        "time_ns": 1_700_000_000_000_000_000 + (time_s * 1e9).astype(np.int64),
        "lat_deg": lat,
        "lon_deg": lon,
        "alt_baro_ft": alt,
        "offset": np.arange(n),
    }
    same = {"status": "ok", "source": "adsb", "radius95_m": 150.0, "radius_basis": "nac_p", "leg": 0, "segment": 1}
    blank = {"callsign": None, "on_ground": False, "gs_kt": None, "alt_msl_ft": None, "alt_geom_ft": None}
    tracks = pl.DataFrame(told).with_columns(pl.lit(v).alias(k) for k, v in (same | blank).items())
    tracks = tracks.select(pl.col(name).cast(TRACKS[name].dtype) for name in tracks.columns)
    scene = Scene(Question(), open_world(), ())
    began = cpu_s()
    found = formation.find(tracks, scene)
    return cpu_s() - began, len(found)


def peer(rows: tuple[np.ndarray, ...], within_m: float, within_ft: float) -> tuple[float, int]:
    """CPU seconds, children included, and pairs within the limits, by traffic."""
    import polars as pl
    from pyproj import Proj
    from traffic.core import Traffic

    import peers

    track, time_s, lat, lon, alt = rows
    table = pl.DataFrame(
        {
            "object_id": [f"a{k:05d}" for k in track],
            "time_ns": 1_700_000_000_000_000_000 + (time_s * 1e9).astype(np.int64),
            "lat_deg": lat,
            "lon_deg": lon,
            "alt_baro_ft": alt,
        }
    )
    # it compares positions of equal times, so it is given a table that has them; that costs it nothing here
    flown = Traffic(peers.frame(table)).resample(f"{PEER_STEP_S}s").eval(max_workers=1)
    began = cpu_s()
    found = flown.closest_point_of_approach(
        within_m, within_ft, Proj("+proj=lcc +lat_1=33 +lat_2=45 +lat_0=39 +lon_0=-96"), round_t="d", max_workers=1
    )
    near = [] if found is None else found.data.query(f"lateral <= {within_m / NMI_M} and vertical <= {within_ft}")
    pairs = 0 if not len(near) else len({frozenset(p) for p in zip(near.icao24_x, near.icao24_y, strict=True)})
    return cpu_s() - began, pairs


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--fleet", type=int, default=5000)
    asked = parser.parse_args()
    ours(traffic_of(20, 1.0, False))  # compiles
    sizes = [(asked.fleet, h) for h in (6.0, 12.0, 24.0)] + [(asked.fleet // k, 24.0) for k in (4, 2)]
    for dense in (False, True):
        for fleet, hours in sizes:
            rows = traffic_of(fleet, hours, dense)
            spent, met, pairs = ours(rows)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{'dense' if dense else 'wide'}: {fleet} aircraft, {hours:.0f} h, {len(rows[0]):,} rows: "
                f"{spent:.1f} s CPU, {len(rows[0]) / spent / 1e6:.2f} M rows/s, {met:,} meetings of {pairs:,} pairs, "
                f"peak so far {peak:.0f} MiB"
            )
            if (fleet, hours) == (asked.fleet, 24.0):
                spent, found = finder(rows)
                print(f"  the finder on these tracks: {spent:.1f} s CPU, {found} findings")
            sys.stdout.flush()
    if asked.peer:
        for fleet in (25, 50):
            rows = traffic_of(fleet, 6.0, False)
            theirs, their_pairs = peer(rows, WITHIN_M, 1e5)
            mine, _, pairs = min(ours(rows, WITHIN_M, 1e5) for _ in range(3))
            print(f"{fleet} aircraft, 6 h, {len(rows[0]):,} rows: traffic {theirs:.1f} s CPU, {their_pairs} pairs; "
                  f"Testigos {mine:.4f} s, {pairs} pairs; ratio {theirs / mine:,.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
