"""What can be wrong with reports: places, times, accuracy or words that are not the aircraft's.

Functions of reports to reports, in a half-open time; columns of ``schema.REPORTS``. Only rows with a position change.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import geo
from testigos.units import S_NS

__all__ = ["FAULTS", "climbing", "displaced", "drifting", "faster", "frozen", "late", "poor", "strayed"]


def _there(reports: pl.DataFrame, start_ns: int, end_ns: int) -> pl.Series:
    within = pl.col("time_ns").is_between(start_ns, end_ns, closed="left") & pl.col("lat_deg").is_not_null()
    return reports.select(within).to_series()


def _moved(
    reports: pl.DataFrame, moved: pl.Series, bearing_deg: float, distance_m: float | npt.NDArray[np.float64]
) -> pl.DataFrame:
    lat, lon = (reports[n].fill_null(0.0).to_numpy() for n in ("lat_deg", "lon_deg"))
    far = np.where(moved.to_numpy(), distance_m, 0.0)
    lats, lons = geo.destination(lat, lon, np.full(len(lat), bearing_deg), far)
    return reports.with_columns(
        pl.when(moved).then(pl.Series(np.round(lats, 6))).otherwise("lat_deg").alias("lat_deg"),
        pl.when(moved).then(pl.Series(np.round(lons, 6))).otherwise("lon_deg").alias("lon_deg"),
    )


def displaced(
    reports: pl.DataFrame, start_ns: int, end_ns: int, *, bearing_deg: float, distance_m: float
) -> pl.DataFrame:
    """Every position is elsewhere by the same way."""
    return _moved(reports, _there(reports, start_ns, end_ns), bearing_deg, distance_m)


def drifting(
    reports: pl.DataFrame, start_ns: int, end_ns: int, *, bearing_deg: float, speed_mps: float
) -> pl.DataFrame:
    """Positions leave the true way by and by; after the end they are true again."""
    far = (reports["time_ns"].fill_null(start_ns).to_numpy() - start_ns) / S_NS * speed_mps
    return _moved(reports, _there(reports, start_ns, end_ns), bearing_deg, far)


def strayed(
    reports: pl.DataFrame, start_ns: int, end_ns: int, *, each: int, bearing_deg: float, distance_m: float
) -> pl.DataFrame:
    """One position in ``each`` is elsewhere."""
    there = _there(reports, start_ns, end_ns)
    return _moved(reports, there & (there.cast(pl.Int64).cum_sum() % each == 0), bearing_deg, distance_m)


def poor(reports: pl.DataFrame, start_ns: int, end_ns: int, *, nic: int = 0, nac_p: int = 0) -> pl.DataFrame:
    """The aircraft says that its positions are poor."""
    there = _there(reports, start_ns, end_ns) & reports["nic"].is_not_null()
    return reports.with_columns(
        pl.when(there).then(pl.lit(nic, pl.UInt8)).otherwise("nic").alias("nic"),
        pl.when(there).then(pl.lit(nac_p, pl.UInt8)).otherwise("nac_p").alias("nac_p"),
        pl.when(~there).then("rc_m").alias("rc_m"),
    )


def frozen(reports: pl.DataFrame, start_ns: int, end_ns: int, *, hold_s: float) -> pl.DataFrame:
    """Positions are repeated under new times, each for ``hold_s``."""
    there = _there(reports, start_ns, end_ns)
    part = (pl.col("time_ns") - start_ns) // int(hold_s * S_NS)
    block = pl.when(there).then(part).otherwise(-1 - pl.int_range(pl.len()))
    return reports.with_columns(pl.col("lat_deg", "lon_deg").first().over(block))


def late(reports: pl.DataFrame, start_ns: int, end_ns: int, *, seconds: float) -> pl.DataFrame:
    """Times are later than they were, by the same amount."""
    there = _there(reports, start_ns, end_ns)
    return reports.with_columns(
        pl.when(there).then(pl.col("time_ns") + int(seconds * S_NS)).otherwise("time_ns").alias("time_ns")
    )


def faster(reports: pl.DataFrame, start_ns: int, end_ns: int, *, factor: float) -> pl.DataFrame:
    """The speed that the aircraft says is another."""
    there = _there(reports, start_ns, end_ns)
    return reports.with_columns(pl.when(there).then(pl.col("gs_kt") * factor).otherwise("gs_kt").alias("gs_kt"))


def climbing(reports: pl.DataFrame, start_ns: int, end_ns: int, *, fpm: float) -> pl.DataFrame:
    """The altitudes climb by ``fpm`` more than the rates say."""
    there = _there(reports, start_ns, end_ns)
    more = (pl.col("time_ns") - start_ns).cast(pl.Float32) / (60.0 * S_NS) * fpm
    names = [n for n in ("alt_baro_ft", "alt_geom_ft") if n in reports.columns]
    return reports.with_columns(pl.when(there).then(pl.col(n) + more).otherwise(n).alias(n) for n in names)


#: By name, for cases and measurements.
FAULTS: Final[Mapping[str, Callable[..., pl.DataFrame]]] = {
    f.__name__: f for f in (displaced, drifting, strayed, poor, frozen, late, faster, climbing)
}
