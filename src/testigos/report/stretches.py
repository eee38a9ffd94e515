"""The part of a track that a finding is about, and how far apart two tracks were."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.geo import distance_m
from testigos.model import Finding
from testigos.report.maps import GAP_S
from testigos.units import S_NS

__all__ = ["Apart", "apart", "centre", "steady", "stretch"]

_MEDIAN_OF: Final = 9  # fixes in a row: single multilaterated ones can be miles off

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Apart:
    """Separation of two objects at the fixes of one of them, in metres; ``error_m`` at 95 %, NaN where unknown."""

    time_ns: npt.NDArray[np.int64]
    metres: Floats
    error_m: Floats


def centre(finding: Finding) -> Mapping[str, Any] | None:
    """The middle of what was flown, where a finding gives one."""
    at = finding.details.get("centre")
    known = isinstance(at, Mapping) and at.get("lat_deg") is not None and at.get("lon_deg") is not None
    return at if known else None


def stretch(fixes: pl.DataFrame, subject: str, start_ns: int, end_ns: int) -> pl.DataFrame:
    """Fixes of a subject between two times, both included."""
    return fixes.filter((pl.col("object_id") == subject) & pl.col("time_ns").is_between(start_ns, end_ns))


def apart(first: pl.DataFrame, second: pl.DataFrame) -> Apart:
    """How far apart two tracks were, wherever the second's fixes are close enough in time to say where it was.

    Between two fixes of the second that are no more than ``GAP_S`` apart it is taken to fly straight: for looking at.
    """
    t, u = first["time_ns"].to_numpy(), second["time_ns"].to_numpy()
    if len(t) == 0 or len(u) < 2:
        empty = np.empty(0)
        return Apart(np.empty(0, np.int64), empty, empty)
    after = np.clip(np.searchsorted(u, t), 1, len(u) - 1)
    before = after - 1
    known = (t >= u[before]) & (t <= u[after]) & (u[after] - u[before] <= GAP_S * S_NS) & (u[after] > u[before])
    t, before, after = t[known], before[known], after[known]
    share = (t - u[before]) / (u[after] - u[before])
    lat, lon = second["lat_deg"].to_numpy(), second["lon_deg"].to_numpy()
    east = (lon[after] - lon[before] + 180.0) % 360.0 - 180.0
    metres = distance_m(
        first["lat_deg"].to_numpy()[known], first["lon_deg"].to_numpy()[known],
        lat[before] + share * (lat[after] - lat[before]), (lon[before] + share * east + 180.0) % 360.0 - 180.0,
    )  # fmt: skip
    own = first["radius95_m"].cast(pl.Float64).fill_null(np.nan).to_numpy()[known]
    other = second["radius95_m"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return Apart(t, np.asarray(metres, np.float64), np.hypot(own, np.maximum(other[before], other[after])))


def steady(one: Apart) -> Floats:
    """The separation as the median of nine fixes in a row, gaps apart; fewer at the ends of each stretch."""
    cuts = np.flatnonzero(np.diff(one.time_ns) > GAP_S * S_NS) + 1
    half = _MEDIAN_OF // 2
    parts = []
    for part in np.split(one.metres, cuts):
        if len(part) == 0:
            continue
        padded = np.pad(part, half, constant_values=np.nan)
        parts.append(np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, _MEDIAN_OF), axis=1))
    return np.concatenate(parts) if parts else np.empty(0)
