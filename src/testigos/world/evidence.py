"""The part of the world that an answer rests on, written beside it, and read back with nothing else at hand.

A folder with ``world.json`` (places, what the user called them, every data set with its hash), one
``place-<key>.parquet`` a place, ``airfields.csv`` (those within 100 km of an end of a track), our identity tables,
and ``aircraft.csv`` (rows of aircraft databases on the objects in the tracks). The same input gives the same bytes.
"""

import io
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from testigos.errors import UnknownName, VerifyError
from testigos.model import DataSource
from testigos.world import airfields, coast, identity
from testigos.world.atlas import World
from testigos.world.places import Place

__all__ = ["read", "write"]

_AIRFIELDS_M: Final = 100_000.0
_TABLES: Final = ("address_blocks", "callsigns", "types", "countries")


class _Place(msgspec.Struct, frozen=True):
    called: list[str]
    name: str
    kind: str
    key: str
    country_iso2: str | None
    coast_error_m: float
    source: DataSource
    note: str


class _Meta(msgspec.Struct, frozen=True):
    places: list[_Place]
    airfields: DataSource
    identity: list[DataSource]


def _wanted(called: Mapping[str, Place]) -> dict[str, tuple[Place, list[str]]]:
    """Key → place and what the user called it."""
    made: dict[str, tuple[Place, list[str]]] = {}
    for text, place in sorted(called.items()):
        made.setdefault(place.key, (place, []))[1].append(text)
    return dict(sorted(made.items()))


def _ends(tracks: pl.DataFrame) -> pl.DataFrame:
    """Positions of the first and last usable fix of every leg, and of every object."""
    fixes = tracks.filter(pl.col("lat_deg").is_not_null() & pl.col("lon_deg").is_not_null())
    position = ("lat_deg", "lon_deg")
    keyed = ("object_id", "leg", "time_ns", "status", *position)
    fixes = fixes.select(n for n in keyed if n in fixes.columns)
    tables = [fixes.select(position).head(0)]
    for rows in (fixes, fixes.filter(pl.col("status") == "ok")):
        for keys in (["object_id"], ["object_id", "leg"] if "leg" in rows.columns else ["object_id"]):
            by = rows.sort(*keys, "time_ns", nulls_last=True).group_by(keys, maintain_order=True)
            tables += [by.first().select(position), by.last().select(position)]
    return pl.concat(tables).unique(maintain_order=True)


def write(world: World, folder: Path, called: Mapping[str, Place], tracks: pl.DataFrame) -> None:
    """Write the excerpt for places and ``tracks`` (columns of ``schema.TRACKS``) into an existing folder.

    ``called``: what the user's words were resolved to. Raises ``OSError``.
    """
    places = _wanted(called)
    for place, _ in places.values():
        place.segments.write_parquet(folder / f"place-{place.key}.parquet", compression="zstd", statistics=False)
    ends = _ends(tracks)
    near = world.airfields.within(ends["lat_deg"].to_numpy(), ends["lon_deg"].to_numpy(), _AIRFIELDS_M)
    near.write_csv(folder / "airfields.csv")
    who = world.identity
    tables = dict(zip(_TABLES, (who.blocks, who.callsigns, who.type_table, who.countries), strict=True))
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv")
    if who.aircraft is not None:
        objects = tracks["object_id"].drop_nulls().unique().sort().str.strip_prefix("icao:")
        who.aircraft.filter(pl.col("address").is_in(objects.implode())).write_csv(folder / "aircraft.csv")
    meta = _Meta(
        [
            _Place(names, p.name, p.kind, p.key, p.country_iso2, p.coast_error_m, p.source, p.note)
            for p, names in places.values()
        ],
        world.airfields.source,
        list(who.sources),
    )
    (folder / "world.json").write_bytes(msgspec.json.format(msgspec.json.encode(meta), indent=1))


class _Excerpt(World):
    """A world that knows what an excerpt holds, and nothing else."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        try:
            self._meta = msgspec.json.decode((folder / "world.json").read_bytes(), type=_Meta)
        except (OSError, ValueError, RecursionError) as error:
            raise VerifyError(f"{folder / 'world.json'}: {error}") from error
        for entry in self._meta.places:
            place = Place(
                entry.name,
                entry.kind,
                entry.key,
                self._table(f"place-{entry.key}.parquet", coast.SEGMENTS),
                entry.country_iso2,
                entry.coast_error_m,
                entry.source,
                entry.note,
            )
            self._made.update(dict.fromkeys(entry.called, place))

    @cached_property
    def airfields(self) -> airfields.Airfields:
        """The airfields near the ends of the tracks."""
        return airfields.Airfields(self._table("airfields.csv", airfields.COLUMNS), self._meta.airfields)

    @cached_property
    def identity(self) -> identity.Identity:
        """The tables as they were."""
        tables = {name: self._table(f"{name}.csv") for name in _TABLES}
        known = (self._folder / "aircraft.csv").exists()
        return identity.Identity(
            tables["address_blocks"],
            tables["callsigns"],
            tables["types"],
            tables["countries"],
            self._table("aircraft.csv", identity.AIRCRAFT) if known else None,
            tuple(self._meta.identity),
        )

    def resolve(self, text: str) -> Place:
        """A place of the excerpt, by what the user called it. Raises ``UnknownName``."""
        if text.strip() not in self._made:
            raise UnknownName("place in the evidence", text, self._made)
        return self._made[text.strip()]

    def island_at(self, lat_deg: float, lon_deg: float) -> str | None:
        """The named island of the excerpt within 2 km of a point in degrees."""
        nearest: tuple[float, str] | None = None
        for place in self._made.values():
            named = place.segments.filter(pl.col("island").is_not_null())
            if named.is_empty():
                continue
            found = Place("", "area", "", named, None, 0.0, place.source).nearest([lat_deg], [lon_deg])
            if found.distance_m[0] <= 2_000.0:
                hit = (float(found.distance_m[0]), str(named["island"][int(found.segment[0])]))
                nearest = hit if nearest is None else min(nearest, hit)
        return nearest[1] if nearest else None

    def _table(self, name: str, columns: Mapping[str, pl.DataType] | None = None) -> pl.DataFrame:
        path = self._folder / name
        try:
            data = path.read_bytes()
            if name.endswith(".parquet"):
                table = pl.read_parquet(io.BytesIO(data))
            else:
                overrides: dict[str, Any] = dict(columns or {})
                table = pl.read_csv(io.BytesIO(data), schema_overrides=overrides, infer_schema_length=None)
            return table if columns is None else table.select(pl.col(n).cast(t) for n, t in columns.items())
        except (OSError, pl.exceptions.PolarsError) as error:
            raise VerifyError(f"{path}: {error}") from error


def read(folder: Path) -> World:
    """The world that :func:`write` wrote. Raises ``VerifyError`` where the folder is incomplete or damaged."""
    return _Excerpt(folder)
