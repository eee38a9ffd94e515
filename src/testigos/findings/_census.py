"""Who was in the area of a place and when, counted over everybody heard: the survey "history".

The area of a place is what lies within the report's distance of it, ``AREA_M`` where none was asked for. Own rules:

- An aircraft is one ICAO address that said a position in the air there; other names (anonymous, rebroadcast, track
  numbers) may be the same aircraft again, and are not counted. What was not heard is not counted: "at least".
- All days at hand are counted, also those outside the question's window: they are what the window is held against.
- Whether a position is in the area is decided for the cell of a grid that it is in (a fortieth of the distance, at
  most 0.05 degrees), so that neither the cutting of the input nor the number of reports matters.
- An aircraft is counted in one zone a day (of 2 degrees, see ``fuse.history``): that of most of its reports.
- Days and hours are those of UTC.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.findings.scene import Scene
from testigos.findings.survey import Survey
from testigos.units import NMI_M, S_NS
from testigos.world import Place, World

__all__ = ["AREA_M", "HISTORY", "HOUR_NS", "areas", "kinds_of", "nearness"]

AREA_M: Final = 200 * NMI_M
HOUR_NS: Final = 3_600 * S_NS
_ZONE_DEG: Final = 2.0
_MOST_DAYS: Final = 400  #: of history that an excerpt keeps: a year and a month

#: A row an object, hour and zone of an area, with the number of reports; and one an object without a place: what it
#: said.
COUNTS: Final[dict[str, pl.DataType]] = {
    "place": pl.String(),
    "object_id": pl.String(),
    "hour": pl.Int32(),
    "zone": pl.Int32(),
    "reports": pl.UInt32(),
    "type_code": pl.String(),
    "military": pl.Boolean(),
}

#: ``kind`` is ``civil``, ``military``, or the role of military aircraft. ``span``: ``day`` (``start`` counts days since
#: 1970, by zone), ``hour`` (hours since 1970), ``window`` (all of the question's window). ``objects``: how many.
EXCERPT: Final[dict[str, pl.DataType]] = {
    "place": pl.String(),
    "span": pl.String(),
    "kind": pl.String(),
    "start": pl.Int32(),
    "zone": pl.Int32(),
    "objects": pl.UInt32(),
}


def areas(here: Scene) -> list[Place]:
    """The places of a question, a country once: all its land has the mainland in it."""
    whole = {p.country_iso2 for p in here.targets if p.kind == "country"}
    return [p for p in here.targets if p.kind != "mainland" or p.country_iso2 not in whole]


def within_m(here: Scene) -> float:
    """How far the area of a place reaches."""
    return AREA_M if here.question.within_m is None else here.question.within_m


def _distance(place: Place, lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64], most_m: float) -> Any:
    """Metres to a place, 0 on its land, infinite beyond ``most_m``; a box excludes most before any is measured."""
    west, south, east, north = place.box
    margin = most_m / 110_000.0
    worst = min(90.0, max(abs(south), abs(north)) + margin)
    wide = margin / max(float(np.cos(np.radians(worst))), 1e-6)
    span = (east - west) % 360.0
    hit = (lat >= south - margin) & (lat <= north + margin)
    if span + 2 * wide < 360.0:
        hit &= (lon - west + wide) % 360.0 <= span + 2 * wide
    rows = np.flatnonzero(hit)
    far = np.full(len(lat), np.inf)
    if len(rows):
        near = place.nearest(lat[rows], lon[rows]).distance_m
        beyond = near > most_m
        near[beyond] = np.inf
        over = place.contains(lat[rows], lon[rows])
        far[rows] = np.where(over, 0.0, near)
    return far


def _step(here: Scene) -> float:
    return float(np.clip(within_m(here) / 40.0 / 111_000.0, 1e-4, 0.05))


def nearness(rows: pl.DataFrame, place: Place, here: Scene) -> pl.Series:
    """How far the cell of each position is from a place, in metres; infinite outside of its area.

    ``rows``: ``lat_deg`` and ``lon_deg``, without nulls.
    """
    cells = rows.select(_cell("lat_deg", here).alias("i"), _cell("lon_deg", here).alias("j"))
    distinct = cells.unique(maintain_order=True)
    lat, lon = ((distinct[c].to_numpy() + 0.5) * _step(here) for c in ("i", "j"))
    measured = distinct.with_columns(pl.Series("metres", _distance(place, np.clip(lat, -90, 90), lon, within_m(here))))
    return cells.join(measured, on=["i", "j"], how="left", maintain_order="left")["metres"]


def _cell(column: str, here: Scene) -> pl.Expr:
    return (pl.col(column) / _step(here)).floor().cast(pl.Int32)


def _count(batch: pl.DataFrame, here: Scene) -> pl.DataFrame:
    """Objects of a batch by area, hour and zone, and what each said of itself."""
    places = areas(here)
    tables = [pl.DataFrame(schema=COUNTS)]
    if not places or batch.is_empty():
        return tables[0]
    named = batch.lazy().filter(pl.col("object_id").str.starts_with("icao:"))
    cells = (
        named.filter(
            (pl.col("status") == "ok")
            & pl.col("lat_deg").is_not_null()
            & pl.col("lon_deg").is_not_null()
            & pl.col("time_ns").is_not_null()
            & ~pl.col("on_ground").fill_null(False)
        )
        .group_by(
            "object_id",
            (pl.col("time_ns") // HOUR_NS).cast(pl.Int32).alias("hour"),
            _cell("lat_deg", here).alias("i"),
            _cell("lon_deg", here).alias("j"),
        )
        .agg(pl.len().alias("reports"))
        .collect()
    )
    lat, lon = ((pl.col(c) + 0.5) * _step(here) for c in ("i", "j"))
    zone = ((lat / _ZONE_DEG).floor() * 180 + (lon / _ZONE_DEG).floor()).cast(pl.Int32).alias("zone")
    cells = cells.with_columns(lat.alias("lat_deg"), lon.alias("lon_deg"), zone)
    tables += [
        cells.filter(nearness(cells, place, here).is_finite())
        .group_by("object_id", "hour", "zone")
        .agg(pl.col("reports").sum().cast(pl.UInt32))
        .with_columns(pl.lit(place.key).alias("place"))
        for place in places
    ]
    operator = here.world.identity.operator
    signs = [s for s in batch["callsign"].drop_nulls().unique() if (of := operator(s)) is not None and of.military]
    said = (
        named.filter(
            pl.any_horizontal(pl.col("type_code").is_not_null(), pl.col("military"), pl.col("callsign").is_in(signs))
        )
        .group_by("object_id")
        .agg(
            pl.col("type_code").max(),
            (pl.col("military").fill_null(False) | pl.col("callsign").is_in(signs).fill_null(False))
            .any()
            .alias("military"),
        )
        .collect()
    )
    return pl.concat([*tables, said], how="diagonal").select(list(COUNTS))


def _join(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    keys = ["place", "object_id", "hour", "zone"]
    together = pl.concat([pl.DataFrame(schema=COUNTS), *tables])
    return (
        together.group_by(keys)
        .agg(pl.col("reports").sum(), pl.col("type_code").max(), pl.col("military").any())
        .with_columns(
            # of no reports at all there is no number
            pl.when(pl.col("place").is_not_null()).then("reports").alias("reports"),
            pl.when(pl.col("place").is_null()).then("military").alias("military"),
        )
        .select(list(COUNTS))
        .sort(keys)
    )


def kinds_of(objects: pl.DataFrame, world: World) -> pl.DataFrame:
    """``object_id`` and ``kind`` for each kind that an object counts as.

    ``objects``: ``object_id``, ``type_code``, ``military``, as said. The tables of identity are asked as well.
    """
    rows: list[tuple[str, str]] = []
    for row, known in zip(
        objects.iter_rows(named=True), world.identity.who_all(objects["object_id"].to_list()), strict=True
    ):
        kind = world.identity.aircraft_type(row["type_code"] or known.type_code)
        military = bool(row["military"] or known.military or (kind and kind.military))
        rows.append((row["object_id"], "military" if military else "civil"))
        if military and kind is not None:
            rows.append((row["object_id"], kind.as_flown(True, known.country_iso2)[1]))
    return pl.DataFrame(rows, schema={"object_id": pl.String, "kind": pl.String}, orient="row")


def _tables(seen: pl.DataFrame, here: Scene) -> Iterator[pl.DataFrame]:
    """Objects by day and zone, by hour, and in the window; ``seen`` has a row a kind, object, hour and zone."""
    day = (pl.col("hour") // 24).alias("start")
    by_zone = seen.group_by("place", "kind", "object_id", day, "zone").agg(pl.col("reports").sum())
    yield (
        by_zone.sort("reports", "zone", descending=[True, False])
        .unique(["place", "kind", "object_id", "start"], keep="first", maintain_order=True)
        .group_by("place", "kind", "start", "zone")
        .agg(pl.len().alias("objects"))
        .with_columns(pl.lit("day").alias("span"))
    )
    yield (
        seen.group_by("place", "kind", pl.col("hour").alias("start"))
        .agg(pl.col("object_id").n_unique().alias("objects"))
        .with_columns(pl.lit("hour").alias("span"))
    )
    inside = seen
    if here.question.start_ns is not None:
        inside = inside.filter(pl.col("hour") >= here.question.start_ns // HOUR_NS)
    if here.question.end_ns is not None:
        inside = inside.filter(pl.col("hour") < -(-here.question.end_ns // HOUR_NS))
    yield (
        inside.group_by("place", "kind")
        .agg(pl.col("object_id").n_unique().alias("objects"))
        .with_columns(pl.lit("window").alias("span"), pl.lit(0).alias("start"))
    )


def _excerpt(table: pl.DataFrame, tracks: pl.DataFrame, here: Scene) -> pl.DataFrame:
    """How many of each kind were in each area, by day and by hour; only numbers, and nobody by name."""
    there = table.filter(pl.col("place").is_not_null()).drop("type_code", "military")
    if there.is_empty():
        return pl.DataFrame(schema=EXCERPT)
    last = int(there["hour"].max() or 0) // 24  # type: ignore[arg-type]
    there = there.filter(pl.col("hour") // 24 > last - _MOST_DAYS)
    said = table.filter(pl.col("place").is_null()).select("object_id", "type_code", "military")
    objects = there.select("object_id").unique().join(said, on="object_id", how="left").sort("object_id")
    seen = there.join(kinds_of(objects, here.world), on="object_id")
    counted = [t.cast({"objects": pl.UInt32, "start": pl.Int32}) for t in _tables(seen, here)]
    return (
        pl.concat([pl.DataFrame(schema=EXCERPT), *counted], how="diagonal")
        .select(list(EXCERPT))
        .sort("place", "span", "kind", "start", "zone")
    )


HISTORY: Final = Survey("history", _count, _join, _excerpt)
