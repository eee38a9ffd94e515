"""How fast is the work, against the packages that do the same, on the same input in the same run?

Run: ``make bench``, or ``python bench/run.py`` where the packages of ``bench/constraints.txt`` are installed; a
peer that is missing is skipped with the reason. A rate is items in a second of processor time
(``time.process_time``: all threads), the best of three runs or more after one that warms kernels and caches. A slow
peer gets only the first part of the input, as many items as the table says.
"""

import gzip
import platform
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import corpus
import inputs
import peers
from testigos import fuse, io
from testigos.findings import sortie
from testigos.findings._edges import columns, states
from testigos.findings._ends import airfield_ends
from testigos.findings.scene import Scene
from testigos.fuse.legs import legs
from testigos.model import Question
from testigos.world import World, open_world

PACKAGES = ("testigos", "numpy", "numba", "polars", "traffic", "movingpandas", "shapely", "pandas")


@dataclass(frozen=True)
class Rate:
    """``count`` items in ``seconds`` of processor time; or why nothing was measured."""

    who: str
    count: int = 0
    seconds: float = 0.0
    missing: str = ""

    @property
    def per_second(self) -> float:
        """Items a second."""
        return self.count / self.seconds


@dataclass(frozen=True)
class Work:
    """One line of the table: what is done, what was hoped for (items a second), by us and by peers."""

    name: str
    goal: float
    ours: Rate
    others: tuple[Rate, ...] = ()


def timed(who: str, count: int, prepare: Callable[[], Callable[[], Any]], runs: int = 5, limit_s: float = 8.0) -> Rate:
    """The best of ``runs`` after one to warm up; fewer, but at least three, once ``limit_s`` is used up."""
    try:
        work = prepare()
        work()
        taken: list[float] = []
        while len(taken) < 3 or (len(taken) < runs and sum(taken) < limit_s):
            begin = time.process_time()
            work()
            taken.append(time.process_time() - begin)
    except ImportError as error:
        return Rate(who, missing=f"{error.name or error} is not installed")
    return Rate(who, count, min(taken))


def segmentation(scale: int) -> Iterator[Work]:
    """Where one flight ends and the next begins."""
    reports, tracks = inputs.reports(40 * scale), inputs.tracks(40 * scale)
    n, part = len(tracks), tracks.head(20_000)
    arrays = inputs.kernel_columns(tracks)

    def split_by_traffic() -> Callable[[], Any]:
        chosen = peers.flights(tracks)
        return lambda: peers.traffic_split(chosen)

    def split_by_movingpandas() -> Callable[[], Any]:
        collection = peers.movingpandas_collection(part)
        return lambda: peers.movingpandas_split(collection)

    others = (
        timed("traffic, Flight.split by gap", n, split_by_traffic),
        timed("MovingPandas, ObservationGapSplitter", len(part), split_by_movingpandas),
    )
    yield Work("segmentation, positions", 5e6, timed("fuse.legs", n, lambda: lambda: legs(*arrays)), others)
    whole = timed("fuse.tracks", len(reports), lambda: lambda: fuse.tracks(reports))
    yield Work("all of fusion: order, duplicates, reach, radii, legs; reports", 0, whole)


def airfields(scale: int, world: World) -> Iterator[Work]:
    """Where flights came from and went to."""
    tracks = inputs.tracks(40 * scale)
    fields, here = world.airfields, Scene(Question(), world, ())
    flights = tracks["object_id"].n_unique()

    def ends() -> Any:
        number = tracks["object_id"].rle_id().to_numpy().astype(np.int64)
        first = np.flatnonzero(np.diff(number, prepend=-1))
        return airfield_ends(states(columns(tracks), first, np.append(first[1:], len(tracks))), fields)

    def by_traffic() -> Callable[[], Any]:
        chosen, dataset = peers.flights(tracks), peers.traffic_airports(fields.table)
        return lambda: peers.traffic_ends(chosen, dataset)

    name = f"airfields at both ends of {flights} flights, positions"
    peer = timed("traffic, infer_airport of our airfields", len(tracks), by_traffic)
    yield Work(name, 1e6, timed("airfield_ends", len(tracks), lambda: ends), (peer,))
    whole = timed("sortie.find", len(tracks), lambda: lambda: sortie.find(tracks, here))
    yield Work("sorties with ends, way flown, call signs and evidence; positions", 1e6, whole)


def coast(scale: int, world: World) -> Iterator[Work]:
    """How far from Venezuela."""
    whole = world.resolve("Venezuela")
    mainland = whole.segments.filter(pl.col("mainland"))
    index = whole.index
    for name, made in (("on tracks", inputs.caribbean), ("at random", inputs.scattered)):
        lat, lon = made(40_000 * scale)

        def by_tree(a: Any = lat[:20_000], b: Any = lon[:20_000]) -> Callable[[], Any]:
            lines = peers.shapely_coast(whole.segments)
            return lambda: peers.shapely_tree(lines, a, b)

        def by_distance(a: Any = lat[:1_000], b: Any = lon[:1_000]) -> Callable[[], Any]:
            lines = peers.shapely_coast(whole.segments)
            return lambda: peers.shapely_distance(lines, a, b)

        def by_traffic(a: Any = lat[:300], b: Any = lon[:300]) -> Callable[[], Any]:
            polygon = peers.mainland_polygon(mainland)
            return lambda: peers.traffic_distance(polygon, a, b)

        def ours(a: Any = lat, b: Any = lon) -> Callable[[], Any]:
            return lambda: whole.nearest(a, b)

        yield Work(
            f"geodesic distance to {len(index)} segments of coast, positions {name}",
            1e6,
            timed("place.nearest", len(lat), ours),
            (
                timed("shapely, STRtree.query_nearest (flat, degrees)", 20_000, by_tree),
                timed("shapely, distance, prepared (flat, degrees)", 1_000, by_distance),
                timed("traffic, Flight.distance (flat, mainland only)", 300, by_traffic),
            ),
        )


def _read(paths: list[Path]) -> int:
    return sum(len(table) for table in io.reports(list(paths)))


def files(scale: int, folder: Path) -> Iterator[Work]:
    """From bytes to reports."""
    paths, rows = inputs.traces(folder / "traces", 10 * scale)
    assert _read(paths) == rows, "rows were lost"
    peer = timed("json.loads and pandas", rows, lambda: lambda: peers.json_traces(paths))
    name = f"reading {len(paths)} gzipped traces, simulated; rows"
    yield Work(name, 4e5, timed("io.reports", rows, lambda: lambda: _read(paths)), (peer,))
    if not corpus.missing():
        real = sorted((corpus.SHARED / "traces").rglob("trace_full_*.json"))
        rows = _read(real)
        peer = timed("json.loads and pandas", rows, lambda: lambda: peers.json_traces(real))
        ours = timed("io.reports", rows, lambda: lambda: _read(real))
        yield Work(f"reading {len(real)} traces, real and small; rows", 4e5, ours, (peer,))
    heatmap = folder / "00.bin.ttf"
    records = inputs.heatmap(heatmap, 60, 1_200 * scale)
    peer = timed("struct.iter_unpack, positions only", records, lambda: lambda: peers.struct_heatmap(heatmap))
    name = "reading a gzipped heatmap, records"
    yield Work(name, 5e6, timed("io.reports", records, lambda: lambda: _read([heatmap])), (peer,))
    plain = folder / "00.bin"
    plain.write_bytes(gzip.decompress(heatmap.read_bytes()))
    yield Work("the same, not gzipped", 5e6, timed("io.reports", records, lambda: lambda: _read([plain])), ())


def machine() -> str:
    """Processor, system and versions."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [x for x in info.read_text(encoding="utf-8").splitlines() if x.startswith("model name")]
        model = f"{len(lines)} × {lines[0].partition(':')[2].strip()}" if lines else model
    known = []
    for name in PACKAGES:
        try:
            known.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            known.append(f"{name} missing")
    return f"{model}; {platform.system()}, Python {platform.python_version()}; {', '.join(known)}"


def _line(who: str, rate: Rate, note: str) -> str:
    count = f"{rate.count:,}"
    return f"  {who:52} {count:>10} {rate.per_second:>14,.0f} /s  {note}"


def shown(work: Work) -> str:
    """One piece of work as lines of text."""
    goal = ""
    if work.goal:
        goal = f"goal {work.goal:,.0f}: {'met' if work.ours.per_second >= work.goal else 'MISSED'}"
    lines = [work.name, _line(f"Testigos, {work.ours.who}", work.ours, goal)]
    for peer in work.others:
        if peer.missing:
            lines.append(f"  {peer.who}: skipped, {peer.missing}")
        else:
            lines.append(_line(peer.who, peer, f"ours is {work.ours.per_second / peer.per_second:,.1f} ×"))
    return "\n".join(lines)


def main() -> int:
    """Print the table."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=10, help="size of the input")
    options = parser.parse_args()
    print(f"{machine()}\n", flush=True)
    world = open_world()
    with tempfile.TemporaryDirectory() as folder:
        for part in (
            segmentation(options.scale),
            airfields(options.scale, world),
            coast(options.scale, world),
            files(options.scale, Path(folder)),
        ):
            for work in part:
                print(shown(work), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
