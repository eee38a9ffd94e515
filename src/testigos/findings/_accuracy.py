"""Where several aircraft, good elsewhere, said at once that their positions had become poor.

The rule, and the reason of each threshold, stand in ``integrity``. What has to be known of everybody is the survey
``ACCURACY``: for each object, cell and hour how many positions were good and how many were not. A cell's line in the
excerpt has what the rule needs, so that it can be applied again without those positions.
"""

from collections.abc import Mapping, Sequence
from math import comb
from typing import Final

import numpy as np
import polars as pl

from testigos.findings._suspicion import GROUND, Fixes, Ints, Suspicion, rounded
from testigos.findings.scene import Scene, in_question
from testigos.findings.survey import Survey
from testigos.fuse.coverage import cells
from testigos.model import iso_utc
from testigos.units import S_NS

__all__ = ["ACCURACY", "AIRCRAFT", "GOOD_NACP", "GOOD_NIC", "accuracy_drop"]

GOOD_NIC, GOOD_NACP = 7, 8
AIRCRAFT: Final = 3
LOW_ROWS: Final = 3
LOW_S: Final = 60.0
CELL_DEG: Final = 1.0  #: 111 km
BY_CHANCE: Final = 1e-4
ELSEWHERE: Final = 0.01  #: share of aircraft with low quality for reasons of their own, at least
UNKNOWN_ELSEWHERE: Final = 0.05  #: the same where nobody was seen elsewhere
_HOUR_NS: Final = 3_600 * S_NS
_KEYS: Final = ("object_id", "band", "column", "hour")

_COUNTED: Final = pl.Schema(
    {
        "object_id": pl.String, "band": pl.Int16, "column": pl.Int16, "hour": pl.Int32, "lows": pl.UInt32,
        "goods": pl.UInt32, "from_ns": pl.Int64, "to_ns": pl.Int64,
    }
)  # fmt: skip
_EXCERPT: Final = pl.Schema(
    {
        "hour": pl.Int32, "band": pl.Int16, "column": pl.Int16, "aircraft": pl.UInt32, "fallen": pl.UInt32,
        "aircraft_before": pl.UInt32, "fallen_before": pl.UInt32, "aircraft_elsewhere": pl.UInt32,
        "fallen_elsewhere": pl.UInt32,
    }
)  # fmt: skip


def _is_low() -> pl.Expr:
    return (pl.col("nic") < GOOD_NIC).fill_null(False) | (pl.col("nac_p") < GOOD_NACP).fill_null(False)


def _speaking(table: pl.DataFrame, here: Scene) -> pl.DataFrame:
    """Positions in the air of which the aircraft says how good they are, with cell and hour."""
    wanted = pl.col("lat_deg").is_not_null() & pl.col("lon_deg").is_not_null() & pl.col("object_id").is_not_null()
    wanted &= pl.col("time_ns").is_not_null() & (pl.col("nic").is_not_null() | pl.col("nac_p").is_not_null())
    wanted &= ~pl.col("on_ground").fill_null(False)
    wanted &= ~pl.col("source").cast(pl.String).is_in(GROUND).fill_null(False)
    rows = in_question(table, here).filter(wanted)
    band, column = cells(rows["lat_deg"].to_numpy(), rows["lon_deg"].to_numpy(), CELL_DEG)
    return rows.with_columns(
        pl.Series("band", band).cast(pl.Int16),
        pl.Series("column", column).cast(pl.Int16),
        (pl.col("time_ns") // _HOUR_NS).cast(pl.Int32).alias("hour"),
        _is_low().alias("low"),
    )


def count(reports: pl.DataFrame, here: Scene) -> pl.DataFrame:
    """How many good and low positions of each object there are in each cell and hour, and since when low, till when."""
    if not {"nic", "nac_p", "lat_deg"} & set(reports.columns):
        return pl.DataFrame(schema=_COUNTED)
    needed = ("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "on_ground", "nic", "nac_p")
    given = [pl.col(n) if n in reports.columns else pl.lit(None).alias(n) for n in needed]
    low = pl.col("low")
    return (
        _speaking(reports.select(given), here)
        .group_by(_KEYS)
        .agg(
            low.sum().cast(pl.UInt32).alias("lows"),
            (~low).sum().cast(pl.UInt32).alias("goods"),
            pl.col("time_ns").filter(low).min().alias("from_ns"),
            pl.col("time_ns").filter(low).max().alias("to_ns"),
        )
        .select(_COUNTED.names())
        .cast(_COUNTED)
    )


def join(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Counts added up."""
    return (
        pl.concat([pl.DataFrame(schema=_COUNTED), *tables])
        .group_by(_KEYS)
        .agg(pl.col("lows").sum(), pl.col("goods").sum(), pl.col("from_ns").min(), pl.col("to_ns").max())
        .sort(_KEYS)
    )


def _fell() -> pl.Expr:
    lasting = pl.col("to_ns") - pl.col("from_ns") >= int(LOW_S * S_NS)
    return ((pl.col("lows") >= LOW_ROWS) & lasting).fill_null(False)


def excerpt(joined: pl.DataFrame, tracks: pl.DataFrame, here: Scene) -> pl.DataFrame:
    """The cells and hours of these tracks in which enough aircraft fell, each with what was before and elsewhere."""
    # an aircraft that was ever good has a receiver that is fit; one that never was says nothing of a place
    fit = joined.filter(pl.col("goods").sum().over("object_id") >= LOW_ROWS)
    by = (
        fit.group_by("hour", "band", "column")
        .agg(pl.len().cast(pl.UInt32).alias("aircraft"), _fell().sum().cast(pl.UInt32).alias("fallen"))
        .sort("hour", "band", "column")
    )
    many = by.filter(pl.col("fallen") >= AIRCRAFT)
    if many.is_empty():
        return pl.DataFrame(schema=_EXCERPT)
    visited = _speaking(tracks, here).select("hour", "band", "column").unique()
    lines = []
    for cell in many.join(visited, on=["hour", "band", "column"], how="semi").sort("hour", "band", "column").to_dicts():
        at = (pl.col("band") == cell["band"]) & (pl.col("column") == cell["column"])
        around = ((pl.col("band") - cell["band"]).abs() <= 2) & ((pl.col("hour") - cell["hour"]).abs() <= 1)
        before = by.filter(at & (pl.col("hour") < cell["hour"]))
        elsewhere = by.filter(~around)
        lines.append(
            cell
            | {
                "aircraft_before": before["aircraft"].sum(),
                "fallen_before": before["fallen"].sum(),
                "aircraft_elsewhere": elsewhere["aircraft"].sum(),
                "fallen_elsewhere": elsewhere["fallen"].sum(),
            }
        )
    return pl.DataFrame(lines, schema=_EXCERPT)


ACCURACY: Final = Survey("accuracy", count, join, excerpt)


def _at_least(k: int, n: int, p: float) -> float:
    """Probability of k or more among n."""
    return min(1.0, float(sum(comb(n, i) * p**i * (1.0 - p) ** (n - i) for i in range(k, n + 1))))


def _wilson(k: int, n: int) -> tuple[float, float]:
    """95 % interval of a share. Source: E. B. Wilson, JASA 22 (1927)."""
    z = 1.96
    middle = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * (k * (n - k) / n + z * z / 4) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def _share(k: int, n: int) -> tuple[float | None, float | None, float | None, str]:
    if not n:
        return None, None, None, "1"
    low, high = _wilson(k, n)
    return rounded(k / n, 3), rounded(low, 3), rounded(high, 3), "1"


def accuracy_drop(f: Fixes, here: Scene, surveys: Mapping[str, pl.DataFrame]) -> list[Suspicion]:
    """Cells and hours in which too many aircraft fell at once, with those of ``f`` among them."""
    lines = surveys.get(ACCURACY.name)
    if lines is None or lines.is_empty():
        return []
    rows = _speaking(f.table.with_row_index("row"), here).filter("low")
    found = []
    for cell in lines.to_dicts():
        n, k = cell["aircraft"], cell["fallen"]
        elsewhere, fell_elsewhere = cell["aircraft_elsewhere"], cell["fallen_elsewhere"]
        usual = max(ELSEWHERE, (fell_elsewhere + 1) / (elsewhere + 20)) if elsewhere else UNKNOWN_ELSEWHERE
        chance = _at_least(k, n, usual)
        before, fell_before = cell["aircraft_before"], cell["fallen_before"]
        # nothing new there, or nothing that chance would not do
        if chance > BY_CHANCE or (before and fell_before / before >= 0.5 * k / n):
            continue
        mine = rows.filter(
            (pl.col("band") == cell["band"]) & (pl.col("column") == cell["column"]) & (pl.col("hour") == cell["hour"])
        )
        parts: dict[str, Ints] = {}
        for (name,), part in mine.partition_by("object_id", as_dict=True, maintain_order=True).items():
            if len(part) >= LOW_ROWS and part["time_ns"][-1] - part["time_ns"][0] >= LOW_S * S_NS:
                parts[str(name)] = part["row"].to_numpy().astype(np.int64)
        if not parts:
            continue
        everything = np.concatenate(list(parts.values()))
        some = np.concatenate([part[[0, -1]] for part in list(parts.values())[:8]])
        many = max(1, round(360.0 * np.cos(np.radians(cell["band"] + 0.5))))
        found.append(
            Suspicion(
                "accuracy_drop",
                some[np.argsort(f.time_s[some], kind="stable")],
                int(everything[np.argmin(f.time_s[everything])]),
                int(everything[np.argmax(f.time_s[everything])]),
                {
                    "aircraft": (float(n), None, None, "1"),
                    "affected": (float(k), float(k), None, "1"),
                    "share": _share(k, n),
                    "share_before": _share(fell_before, before),
                    "share_elsewhere": _share(fell_elsewhere, elsewhere),
                },
                {
                    "cell": {
                        "south_deg": float(cell["band"]),
                        "north_deg": float(cell["band"] + 1),
                        "west_deg": rounded(cell["column"] * 360.0 / many - 180.0, 4),
                        "east_deg": rounded((cell["column"] + 1) * 360.0 / many - 180.0, 4),
                    },
                    "hour": iso_utc(cell["hour"] * _HOUR_NS),
                    "by_chance": float(f"{chance:.1e}"),
                },
                0.9 if before and k >= 2 * AIRCRAFT else 0.75 if before else 0.6,
                tuple(sorted(parts)),
            )
        )
    return found
