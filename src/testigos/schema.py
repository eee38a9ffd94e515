"""Every column of every table, once: name, type, unit, meaning, range.

Tables are Polars frames. A link fills only the columns it knows; :func:`conform` adds the others as nulls.
An unknown value is null: never a sentinel, never zero, never NaN.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

__all__ = ["REPORTS", "SOURCES", "STATUSES", "TRACKS", "Column", "conform", "violations"]

#: What became of a row. Only ``ok`` rows are used as positions; all others stay, with their reason.
STATUSES: Final = (
    "ok",
    "no_position",  # a report without a position: identity, velocity or altitude only
    "stale",  # the origin repeats an old position
    "malformed",  # a frame whose bytes cannot be understood
    "out_of_range",  # a value outside the range of its column
    "no_time",  # nothing says when
    "duplicate",  # the same object, time and position were already reported (fuse)
    "unreachable",  # cannot be reached from the neighbouring fixes (fuse)
)

#: How a position was obtained.
SOURCES: Final = (
    "adsb",  # broadcast by the aircraft on 1090 MHz
    "adsr",  # ADS-B rebroadcast by a ground station
    "tisb",  # ground radar rebroadcast
    "adsc",  # satellite contract reports
    "mlat",  # computed by multilateration
    "mode_s",  # Mode S without position
    "mode_ac",
    "uat",  # 978 MHz
    "flarm",
    "radar",
    "ais",
    "estimated",  # extrapolated by the origin
    "other",
    "unknown",
)

_STATUS = pl.Enum(STATUSES)
_SOURCE = pl.Enum(SOURCES)


@dataclass(frozen=True)
class Column:
    """One column: ``unit`` is empty for dimensionless ones, ``low``/``high`` are inclusive."""

    name: str
    dtype: pl.DataType
    unit: str
    meaning: str
    low: float | None = None
    high: float | None = None


def _c(
    name: str, dtype: object, unit: str, meaning: str, low: float | None = None, high: float | None = None
) -> tuple[str, Column]:
    resolved = dtype() if isinstance(dtype, type) else dtype
    assert isinstance(resolved, pl.DataType)
    return name, Column(name, resolved, unit, meaning, low, high)


_F32, _F64 = pl.Float32, pl.Float64

#: One row a frame that says something about an object.
REPORTS: Final[dict[str, Column]] = dict(
    [
        _c("object_id", pl.String, "", "authority and name, e.g. icao:ae503d, anon:2a1b3c, mmsi:366730000"),
        _c("time_ns", pl.Int64, "ns", "UTC since 1970-01-01, of the position where there is one", 0, 4.2e18),
        _c("status", _STATUS, "", "see STATUSES"),
        _c("source", _SOURCE, "", "how the position was obtained, see SOURCES"),
        _c("lat_deg", _F64, "deg", "latitude, WGS-84", -90, 90),
        _c("lon_deg", _F64, "deg", "longitude, WGS-84, east positive", -180, 180),
        _c("alt_baro_ft", _F32, "ft", "pressure altitude, 1013.25 hPa", -2_000, 150_000),
        _c("alt_geom_ft", _F32, "ft", "height above the WGS-84 ellipsoid", -3_000, 200_000),
        _c("alt_msl_ft", _F32, "ft", "height above mean sea level (EGM96 or QNH-corrected)", -2_000, 200_000),
        _c("on_ground", pl.Boolean, "", "the aircraft says it is on the ground"),
        _c("gs_kt", _F32, "kt", "ground speed", 0, 4_000),
        _c("track_deg", _F32, "deg", "direction of movement over ground, from true north", 0, 360),
        _c("vrate_fpm", _F32, "ft/min", "barometric vertical rate", -60_000, 60_000),
        _c("vrate_geom_fpm", _F32, "ft/min", "geometric vertical rate", -60_000, 60_000),
        _c("ias_kt", _F32, "kt", "indicated air speed", 0, 1_500),
        _c("tas_kt", _F32, "kt", "true air speed", 0, 4_000),
        _c("roll_deg", _F32, "deg", "roll, right wing down positive", -180, 180),
        _c("heading_deg", _F32, "deg", "heading, from true north", 0, 360),
        _c("callsign", pl.String, "", "as transmitted, trailing blanks removed"),
        _c("squawk", pl.String, "", "four octal digits"),
        _c("category", pl.String, "", "emitter category, A0 to D7"),
        _c("emergency", pl.String, "", "emergency state as the format names it; null where none"),
        _c("registration", pl.String, "", "as the aggregator's database says"),
        _c("type_code", pl.String, "", "ICAO type designator, as the aggregator's database says"),
        _c("military", pl.Boolean, "", "the aggregator's database says military"),
        _c("nic", pl.UInt8, "", "navigation integrity category", 0, 11),
        _c("rc_m", _F32, "m", "containment radius as the origin gives it; null where unknown", 0, 40_000),
        _c("nac_p", pl.UInt8, "", "navigation accuracy category, position", 0, 11),
        _c("nac_v", pl.UInt8, "", "navigation accuracy category, velocity", 0, 4),
        _c("sil", pl.UInt8, "", "source integrity level", 0, 3),
        _c("adsb_version", pl.UInt8, "", "ADS-B version number", 0, 3),
        _c("rssi_dbfs", _F32, "dBFS", "signal level at the receiver", -200, 20),
        _c("new_leg", pl.Boolean, "", "the origin begins a new flight here"),
        _c("simulated", pl.Boolean, "", "the origin says that this was simulated"),
        _c("receiver", pl.String, "", "who heard it, where the format says"),
        _c("segment", pl.UInt64, "", "first 8 bytes of the SHA-256 of the raw segment the frame begins in"),
        _c("offset", pl.UInt64, "byte", "where in that segment the frame begins"),
        _c("length", pl.UInt32, "byte", "length of the frame"),
    ]
)

#: Reports after fusion: one row a report, sorted by object and time, with what fusion found out.
TRACKS: Final[dict[str, Column]] = REPORTS | dict(
    [
        _c("radius95_m", _F32, "m", "95 % radius of the position; null where nothing says", 0, 100_000),
        _c("radius_max_m", _F32, "m", "radius the position cannot be outside of; null if none", 0, 100_000),
        _c("radius_basis", pl.String, "", "what the radii rest on: nac_p, rc, assumed_mlat, assumed_by_user"),
        _c("leg", pl.UInt32, "", "number of the sortie this fix belongs to, from 0 for each object"),
    ]
)


def conform(table: pl.DataFrame, columns: dict[str, Column] = REPORTS) -> pl.DataFrame:
    """The table with exactly ``columns``, in their order and types; missing ones are null.

    Raises ``polars.exceptions.PolarsError`` where a column cannot be cast without loss, ``ValueError`` on a
    column that the schema does not know.
    """
    unknown = set(table.columns) - set(columns)
    if unknown:
        raise ValueError(f"columns not in the schema: {', '.join(sorted(unknown))}")
    if not table.columns:  # a selection of nulls alone would make a row of its own
        return pl.DataFrame(schema={c.name: c.dtype for c in columns.values()})
    return table.select(
        (pl.col(c.name).cast(c.dtype) if c.name in table.columns else pl.lit(None, c.dtype).alias(c.name))
        for c in columns.values()
    )


def violations(table: pl.DataFrame, columns: dict[str, Column] = REPORTS) -> list[str]:
    """What in ``table`` breaks the schema: unknown columns, wrong types, NaN, values out of range.

    An empty list means that it holds.
    """
    found = []
    for name in table.columns:
        column = columns.get(name)
        if column is None:
            found.append(f"{name}: not in the schema")
            continue
        series = table[name]
        if series.dtype != column.dtype:
            found.append(f"{name}: is {series.dtype}, should be {column.dtype}")
            continue
        if series.dtype.is_float() and series.is_nan().any():
            found.append(f"{name}: NaN stands for null")
        if column.low is not None and series.dtype.is_numeric():
            low, high = series.min(), series.max()
            if low is not None and (low < column.low or high > column.high):  # type: ignore[operator]
                found.append(f"{name}: {low!r} to {high!r} is outside {column.low} to {column.high}")
    return found
