"""What receivers make of a true track: reports with errors, gaps and the words that aggregators give.

A receiver sees an aircraft above its radio horizon (4/3 earth). One receiver is enough for an aircraft that
broadcasts its position (ADS-B); one that does not is located by multilateration (MLAT), which takes four, and
whose error follows from where these stand.

Source: own rule; horizon 4.12 km·√(height/m) for an earth of 4/3 radius, Recommendation ITU-R P.528.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import geo
from testigos.schema import REPORTS
from testigos.sim.dice import Dice
from testigos.units import FT_M, S_NS

__all__ = ["NACP_EPU_M", "NIC_RC_M", "Equipment", "Outage", "Site", "observe"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: 95 % radius of NACp and containment radius of NIC, m. Source: RTCA DO-260B, tables 2-71 and 2-69.
NACP_EPU_M: Final = {11: 3.0, 10: 10.0, 9: 30.0, 8: 92.6, 7: 185.2, 6: 555.6, 5: 926.0}
NIC_RC_M: Final = {11: 7.5, 10: 25.0, 9: 75.0, 8: 185.2, 7: 370.4, 6: 555.6, 5: 1852.0}

_TICK_NS: Final = 10_000_000  # times are to 10 ms
_EPU_SIGMAS: Final = 2.448  # 95 % radius of a circular normal distribution in sigmas of one axis
_RADIO_M: Final = 4_120.0
_FARTHEST_M: Final = 420_000.0  # no receiver hears farther, however high the aircraft
_FIELD_M: Final = 12_000.0  # on the ground an aircraft is heard from here
_EARTH_M: Final = 6_371_000.0
_SOLVER_M: Final = 160.0  # error of one time difference, as a length
_MLAT_LOW_M, _MLAT_HIGH_M = 100.0, 1_500.0


@dataclass(frozen=True)
class Site:
    """A receiver, its antenna ``height_m`` above its surroundings, which lie ``ground_m`` above sea level."""

    name: str
    lat_deg: float
    lon_deg: float
    height_m: float = 20.0
    ground_m: float = 0.0


@dataclass(frozen=True)
class Outage:
    """A time in which nothing of an object arrives, whoever could hear it; half-open."""

    object_id: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Equipment:
    """What an aircraft sends and how it is labelled.

    ``adsb``: broadcasts its position; else MLAT only. ``latency_s``: how old a broadcast position is.
    ``on_ns``/``off_ns``: its transponder works between them. ``legs``: call sign for each leg of a table that
    holds several; else ``callsign``.
    """

    callsign: str
    type_code: str
    squawk: str
    adsb: bool = True
    military: bool = False
    category: str | None = "A3"
    nic: int = 8
    nac_p: int = 9
    latency_s: float = 0.3
    on_ns: int | None = None
    off_ns: int | None = None
    legs: tuple[str, ...] = ()


def _visible(truth: dict[str, Floats], sites: Sequence[Site]) -> tuple[Bools, Floats]:
    """Which site (column) can hear which row, and its distance over the radio horizon's."""
    lat, lon = np.radians(truth["lat_deg"]), np.radians(truth["lon_deg"])
    place = np.radians(np.array([(s.lat_deg, s.lon_deg) for s in sites]))
    dot = np.sin(lat)[:, None] * np.sin(place[:, 0]) + np.cos(lat)[:, None] * np.cos(place[:, 0]) * np.cos(
        lon[:, None] - place[:, 1]
    )
    distance = _EARTH_M * np.arccos(np.clip(dot, -1.0, 1.0))
    ground = np.array([s.ground_m for s in sites])
    height = np.maximum(truth["alt_baro_ft"][:, None] * FT_M - ground, 2.0)
    reach = _RADIO_M * (np.sqrt(height) + np.sqrt(np.array([s.height_m for s in sites])))
    reach = np.minimum(reach, _FARTHEST_M)
    reach[truth["on_ground"] > 0.5] = _FIELD_M
    return distance < reach, distance / reach


def _moments(truth: dict[str, Floats], equipment: Equipment, dice: Dice) -> Floats:
    """When reports may come, s from the first row: often in turns, climbs and near the ground."""
    turning = np.abs(np.gradient(np.unwrap(np.radians(truth["track_deg"])))) > np.radians(0.25)
    climbing = np.abs(truth["vrate_fpm"]) > 300.0
    still = (truth["on_ground"] > 0.5) & (truth["gs_kt"] < 1.0)
    interval = np.where(turning, 6.0, np.where(climbing, 10.0, 20.0 if equipment.adsb else 24.0))
    interval = np.where(truth["alt_baro_ft"] < 5_000.0, np.minimum(interval, 7.0), interval)
    interval = np.where(still, 60.0, interval)
    phase = np.cumsum(1.0 / interval)
    count = int(phase[-1])
    due = np.arange(count) + dice.uniform(count, 0.0, 0.8)
    second = np.searchsorted(phase, due).astype(np.float64)
    moments = np.minimum(second + dice.uniform(count), len(phase) - 1.0)
    return np.unique(np.round(moments, 2))


def _at(truth: dict[str, Floats], moments: Floats) -> dict[str, Floats]:
    row = np.arange(len(truth["lat_deg"]), dtype=np.float64)
    out = {name: np.interp(moments, row, values) for name, values in truth.items()}
    course = np.degrees(np.unwrap(np.radians(truth["track_deg"])))
    out["track_deg"] = np.interp(moments, row, course) % 360.0
    for name in ("on_ground", "leg"):
        out[name] = truth[name][moments.astype(np.int64)]
    return out


def _mlat_axes(truth: dict[str, Floats], sites: Sequence[Site], seen: Bools) -> tuple[Floats, Floats, Floats]:
    """Covariance (east², east·north, north²) in m² of a least-squares fix from time differences.

    The more the receivers stand to one side, the longer the ellipse. Infinite where it has no solution.
    """
    north = np.array([s.lat_deg for s in sites]) - truth["lat_deg"][:, None]
    shrink = np.cos(np.radians(truth["lat_deg"]))[:, None]
    east = (np.array([s.lon_deg for s in sites]) - truth["lon_deg"][:, None]) * shrink
    norm = np.maximum(np.hypot(north, east), 1e-3)
    east, north = np.where(seen, east / norm, 0.0), np.where(seen, north / norm, 0.0)
    count = np.maximum(seen.sum(1), 1)
    # The common clock is one more unknown: differences are from the mean.
    east = np.where(seen, east - (east.sum(1) / count)[:, None], 0.0)
    north = np.where(seen, north - (north.sum(1) / count)[:, None], 0.0)
    ee, en, nn = (east * east).sum(1), (east * north).sum(1), (north * north).sum(1)
    det = ee * nn - en * en
    factor = np.where(det > 1e-6, _SOLVER_M**2 / np.maximum(det, 1e-6), np.inf)
    with np.errstate(invalid="ignore"):
        return nn * factor, -en * factor, ee * factor


def observe(
    truth: pl.DataFrame,
    equipment: Equipment,
    sites: Sequence[Site],
    outages: Sequence[Outage] = (),
    seed: str = "story",
) -> pl.DataFrame:
    """Reports of one object's true track as receivers at ``sites`` give them: columns of ``schema.REPORTS``.

    ``truth``: a table of :func:`testigos.sim.truth.fly`. Rows are in the order of time, rounded as an
    aggregator rounds: 10 ms, 1e-6 degrees, 25 ft, 0.1 kt, 0.1 degrees, 64 ft/min. After the last report
    before a silence of more than a minute the old position is repeated once as ``stale``. Columns that only
    evidence can give (segment, offset, length) are missing.
    """
    object_id = str(truth.get_column("object_id")[0])
    dice = Dice(seed, object_id, equipment.callsign)
    base_ns = truth.get_column("time_ns").to_numpy()
    columns = {
        name: truth.get_column(name).cast(pl.Float64).to_numpy()
        for name in ("lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft", "on_ground", "gs_kt", "track_deg",
                     "vrate_fpm", "leg")
    }  # fmt: skip
    moments = _moments(columns, equipment, dice)
    row = np.arange(len(base_ns), dtype=np.float64)
    start_ns = int(base_ns[0])
    ticks = np.round(np.interp(moments, row, (base_ns - start_ns) / _TICK_NS)).astype(np.int64)
    time_ns = start_ns + ticks * _TICK_NS
    now = _at(columns, moments)
    keep = np.ones(len(moments), np.bool_)
    for outage in outages:
        if outage.object_id == object_id:
            keep &= (time_ns < outage.start_ns) | (time_ns >= outage.end_ns)
    if equipment.on_ns is not None:
        keep &= time_ns >= equipment.on_ns
    if equipment.off_ns is not None:
        keep &= time_ns < equipment.off_ns

    seen, far = _visible(now, sites)
    chance = dice.uniform(len(moments))
    if equipment.adsb:
        each = np.where(seen, np.clip((1.0 - far) / 0.15, 0.0, 0.98), 0.0)
        keep &= chance < 1.0 - np.prod(1.0 - each, axis=1)
        sigma = NACP_EPU_M[equipment.nac_p] / _EPU_SIGMAS
        step = np.diff(moments, prepend=0.0)
        east = sigma * dice.correlated(step, 120.0)
        north = sigma * dice.correlated(step, 120.0)
        old = _at(columns, np.maximum(moments - equipment.latency_s, 0.0))
        lat, lon = old["lat_deg"], old["lon_deg"]
        gs = np.maximum(now["gs_kt"] + 0.4 * dice.normal(len(moments)), 0.0)
        track = now["track_deg"] + 0.15 * dice.normal(len(moments))
    else:
        ee, en, nn = _mlat_axes(now, sites, seen)
        size = np.sqrt(ee + nn)
        keep &= (seen.sum(1) >= 4) & (size < _MLAT_HIGH_M) & (chance < 0.85) & (now["on_ground"] < 0.5)
        ee, nn = np.where(keep, ee, 1.0), np.where(keep, nn, 1.0)
        en = np.where(keep, en, 0.0)
        scale = np.maximum(1.0, _MLAT_LOW_M / np.sqrt(ee + nn))
        # Half of the error is the geometry's and changes slowly, half is each message's own.
        step = np.diff(moments, prepend=0.0)
        u, w = (0.7 * dice.correlated(step, 90.0) + 0.714 * dice.normal(len(step)) for _ in range(2))
        east = scale * np.sqrt(ee) * u
        north = scale * (en / np.sqrt(ee) * u + np.sqrt(np.maximum(nn - en * en / ee, 0.0)) * w)
        wild = dice.uniform(len(moments)) < 0.015
        throw = dice.uniform(len(moments), 4_000.0, 30_000.0)
        bearing = dice.uniform(len(moments), 0.0, 2.0 * np.pi)
        east += np.where(wild, throw * np.sin(bearing), 0.0)
        north += np.where(wild, throw * np.cos(bearing), 0.0)
        lat, lon = now["lat_deg"], now["lon_deg"]
        gs = np.maximum(now["gs_kt"] + 6.0 * dice.normal(len(moments)), 0.0)
        track = now["track_deg"] + 2.0 * dice.normal(len(moments))

    at = np.flatnonzero(keep)
    azimuth = np.degrees(np.arctan2(east[at], north[at]))
    lat, lon = geo.destination(lat[at], lon[at], azimuth, np.hypot(east[at], north[at]))
    ground = now["on_ground"][at] > 0.5
    broadcast = pl.lit(equipment.adsb)
    signs = equipment.legs or (equipment.callsign,)
    leg = now["leg"][at].astype(np.int64)
    leg = leg - (leg.min() if len(leg) else 0)
    rows = pl.DataFrame(
        {
            "time_ns": time_ns[at],
            "lat_deg": np.round(lat, 6),
            "lon_deg": np.round(lon, 6),
            "alt_baro_ft": np.round(now["alt_baro_ft"][at] / 25.0) * 25.0,
            "alt_geom_ft": np.round(now["alt_geom_ft"][at] / 25.0) * 25.0,
            "on_ground": ground,
            "gs_kt": np.round(gs[at], 1),
            "track_deg": np.round(track[at], 1) % 360.0,
            "vrate_fpm": np.round(now["vrate_fpm"][at] / 64.0) * 64.0,
            "new_leg": np.diff(leg, prepend=leg[:1]) > 0,
            "callsign": [signs[min(i, len(signs) - 1)] for i in leg],
        },
        schema_overrides={"callsign": pl.String},
    )
    flying = ~pl.col("on_ground")
    quality = {
        "nic": pl.lit(equipment.nic),
        "rc_m": pl.lit(np.ceil(NIC_RC_M[equipment.nic])),
        "nac_p": pl.lit(equipment.nac_p),
        "nac_v": pl.lit(2),
        "sil": pl.lit(3),
        "adsb_version": pl.lit(2),
        "category": pl.lit(equipment.category, pl.String),
    }
    rows = rows.with_columns(
        pl.lit(object_id).alias("object_id"),
        pl.lit("ok").alias("status"),
        pl.lit("adsb" if equipment.adsb else "mlat").alias("source"),
        pl.when(flying).then("alt_baro_ft").alias("alt_baro_ft"),
        pl.when(flying & broadcast).then("alt_geom_ft").alias("alt_geom_ft"),
        pl.when(flying).then("vrate_fpm").alias("vrate_fpm"),
        pl.when(flying | (pl.col("gs_kt") > 2.0)).then("track_deg").alias("track_deg"),
        pl.lit(equipment.squawk).alias("squawk"),
        pl.lit(equipment.type_code).alias("type_code"),
        pl.lit(equipment.military).alias("military"),
        *(pl.when(broadcast).then(value).alias(name) for name, value in quality.items()),
    )
    rows = pl.concat([rows, _stale(rows)]).sort("time_ns", maintain_order=True)
    return rows.select(pl.col(c.name).cast(c.dtype) for c in REPORTS.values() if c.name in rows.columns)


def _stale(rows: pl.DataFrame) -> pl.DataFrame:
    """The last position before each silence, repeated 25 s later."""
    silence = pl.col("time_ns").shift(-1) - pl.col("time_ns") > 60 * S_NS
    return rows.filter(silence & ~pl.col("on_ground")).with_columns(
        pl.col("time_ns") + 25 * S_NS,
        pl.lit("stale").alias("status"),
        pl.lit(False).alias("new_leg"),
    )
