"""What is measured: positions, flights, points and files; the same on every run."""

import gzip
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from testigos import fuse
from testigos.fuse.tracks import callsign_numbers
from testigos.schema import REPORTS, conform
from testigos.sim.random_flights import random_flights
from testigos.sim.write import write_traces

MAGIC = 0x0E7F7C9D  # of readsb's heatmap, globe_index.c


@cache
def reports(flights: int) -> pl.DataFrame:
    """Reports of simulated flights, as a feed brings them: by time."""
    table = pl.concat([conform(c.reports) for c in random_flights(flights, "bench")])
    return table.sort("time_ns", maintain_order=True)


@cache
def tracks(flights: int) -> pl.DataFrame:
    """Usable rows of their tracks."""
    return fuse.tracks(reports(flights))[0].filter(pl.col("status") == "ok")


def caribbean(count: int, per_track: int = 2_000) -> tuple[np.ndarray, np.ndarray]:
    """``count`` positions 1 s apart on straight tracks over the Caribbean, in degrees."""
    rng = np.random.default_rng(0)
    n = -(-count // per_track)
    step = np.arange(per_track) * 0.002
    course = rng.uniform(0, 2 * np.pi, (n, 1))
    lat = rng.uniform(9, 18, (n, 1)) + step * np.cos(course)
    lon = rng.uniform(-75, -58, (n, 1)) + step * np.sin(course)
    return lat.ravel()[:count], lon.ravel()[:count]


def scattered(count: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` random points over the same sea, in degrees."""
    rng = np.random.default_rng(0)
    return rng.uniform(8, 20, count), rng.uniform(-78, -56, count)


def traces(folder: Path, flights: int) -> tuple[list[Path], int]:
    """Gzipped readsb traces of simulated flights and the number of their rows."""
    paths = write_traces(reports(flights), folder)
    return paths, sum(gzip.decompress(p.read_bytes()).count(b"\n[") for p in paths)


def heatmap(path: Path, slices: int, aircraft: int) -> int:
    """Write a gzipped heatmap as a busy half hour has it; the number of its records, index and times included."""
    rng = np.random.default_rng(0)
    kind = np.dtype([("hex", "<u4"), ("lat", "<i4"), ("lon", "<i4"), ("alt", "<i2"), ("gs", "<i2")])
    address = rng.choice(1 << 24, aircraft, replace=False).astype(np.uint32)
    lat, lon = rng.uniform(-60, 70, aircraft), rng.uniform(-180, 180, aircraft)
    parts = [np.zeros(slices, kind)]
    for i in range(slices):
        head = np.zeros(1, kind)
        now_ms = 1_761_242_400_000 + i * 30_000
        head["hex"], head["lat"], head["lon"] = (
            MAGIC,
            now_ms >> 32,
            (now_ms & 0xFFFFFFFF) - (1 << 32) * (now_ms >> 31 & 1),
        )
        body = np.zeros(aircraft, kind)
        body["hex"] = address
        body["lat"], body["lon"] = (lat + i * 0.01) * 1e6, ((lon + i * 0.01 + 180) % 360 - 180) * 1e6
        body["alt"], body["gs"] = rng.integers(0, 1_600, aircraft), rng.integers(1_000, 5_000, aircraft)
        signs = np.zeros(aircraft // 20, kind)
        signs["hex"], signs["lat"] = address[: len(signs)], (1 << 30) + 1200
        signs["lon"], signs["alt"], signs["gs"] = 0x35443231, 0x3635, 0x3837
        parts += [head, signs, body]
    table = np.concatenate(parts)
    path.write_bytes(gzip.compress(table.tobytes(), 1, mtime=0))
    return len(table)


def kernel_columns(table: pl.DataFrame) -> tuple[np.ndarray, ...]:
    """The arrays that ``fuse.legs`` walks."""
    assert set(REPORTS) <= set(table.columns)
    return (
        table["object_id"].rle_id().to_numpy().astype(np.uint32),
        table["time_ns"].to_numpy(),
        table["lat_deg"].to_numpy(),
        table["lon_deg"].to_numpy(),
        table["alt_baro_ft"].fill_null(np.nan).to_numpy(),
        table["on_ground"].fill_null(False).to_numpy(),
        table["new_leg"].fill_null(False).to_numpy(),
        callsign_numbers(table),
    )
