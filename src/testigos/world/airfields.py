"""Airfields of the world, and the nearest ones to many points."""

import hashlib
import importlib.util
import math
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.errors import SourceUnavailable
from testigos.geo import inverse
from testigos.model import DataSource
from testigos.world import coast, names

__all__ = ["COLUMNS", "Airfields", "Neighbours", "open_airfields"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: ``rank`` says how likely a large aircraft uses it: 0 a strip with a local code only, 1 an ICAO location
#: indicator, 2 also an IATA code or a military name, 3 international. ``runway_ft``: longest open runway.
COLUMNS: Final[dict[str, pl.DataType]] = {
    "icao": pl.String(),
    "iata": pl.String(),
    "name": pl.String(),
    "city": pl.String(),
    "country": pl.String(),
    "lat_deg": pl.Float64(),
    "lon_deg": pl.Float64(),
    "elevation_ft": pl.Float64(),
    "rank": pl.UInt8(),
    "runway_ft": pl.Float64(),
}

_MILITARY: Final = (
    r"\b(AFB|AB|ARB|ANGB|JRB|NAS|NAF|NS|MCAS|AAF|CFB|RAF|RNAS|RAAF|BA|Air Base|Air Force|Military|Army|Naval)\b"
)


@dataclass(frozen=True)
class Neighbours:
    """The nearest airfields to each of N points, nearest first."""

    index: Ints  #: (N, k) rows of ``Airfields.table``; -1 where there are fewer
    distance_m: Floats  #: (N, k); NaN there


@njit(cache=True, nogil=True)
def _nearest(
    lat: Floats,
    lon: Floats,
    field_lat: Floats,
    field_lon: Floats,
    starts: Ints,
    radius_m: float,
    index: Ints,
    distance: Floats,
) -> None:
    """Fields are sorted by cells of 1 degree; ``starts`` (180 * 360 + 1) is where each cell begins."""
    k = index.shape[1]
    reach_lat = radius_m / 110_500.0  # no degree of latitude is shorter
    for n in range(len(lat)):
        if not (abs(lat[n]) <= 90.0 and abs(lon[n]) <= 360.0):
            continue
        edge = min(90.0, abs(lat[n]) + reach_lat)
        cos_edge = math.cos(math.radians(edge))
        reach_lon = reach_lat / cos_edge if cos_edge * 180.0 > reach_lat else 180.0
        row_low = max(0, math.floor(lat[n] - reach_lat + 90.0))
        row_high = min(179, math.floor(lat[n] + reach_lat + 90.0))
        if reach_lon >= 179.0:
            column_low, column_high = 0, 359
        else:
            column_low = math.floor(lon[n] - reach_lon + 180.0)
            column_high = math.floor(lon[n] + reach_lon + 180.0)
        found = 0
        for row in range(row_low, row_high + 1):
            for column in range(column_low, column_high + 1):
                cell = row * 360 + column % 360
                for i in range(starts[cell], starts[cell + 1]):
                    if abs(field_lat[i] - lat[n]) > reach_lat:
                        continue
                    d = inverse(lat[n], lon[n], field_lat[i], field_lon[i])[0]
                    if d > radius_m or (found == k and d >= distance[n, k - 1]):
                        continue
                    at = min(found, k - 1)
                    while at > 0 and distance[n, at - 1] > d:
                        distance[n, at], index[n, at] = distance[n, at - 1], index[n, at - 1]
                        at -= 1
                    distance[n, at], index[n, at] = d, i
                    found = min(found + 1, k)


@dataclass(frozen=True, eq=False)
class Airfields:
    """A table of airfields (see ``COLUMNS``), sorted by ICAO code, and where it is from."""

    table: pl.DataFrame
    source: DataSource

    @cached_property
    def _cells(self) -> tuple[Ints, Floats, Floats, Ints]:
        lat, lon = self.table["lat_deg"].to_numpy(), self.table["lon_deg"].to_numpy()
        row = np.clip(np.floor(lat + 90.0), 0, 179).astype(np.int64)
        cell = row * 360 + np.floor(lon + 180.0).astype(np.int64) % 360
        order = np.argsort(cell, kind="stable").astype(np.int64)
        starts = np.searchsorted(cell[order], np.arange(180 * 360 + 1)).astype(np.int64)
        return order, lat[order], lon[order], starts

    def nearest(
        self, lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike, k: int = 5, radius_m: float = 30_000.0
    ) -> Neighbours:
        """The ``k`` nearest airfields within ``radius_m`` of each of N points in degrees (geodesic, WGS-84).

        >>> fields = open_airfields()
        >>> found = fields.nearest([32.42], [-99.86])
        >>> fields.table["icao"][int(found.index[0, 0])]
        'KDYS'
        """
        lat = np.ascontiguousarray(np.atleast_1d(lat_deg), np.float64)
        lon = np.ascontiguousarray(np.atleast_1d(lon_deg), np.float64)
        index = np.full((len(lat), k), -1, np.int64)
        distance = np.full((len(lat), k), np.nan)
        if k > 0 and len(self.table):
            order, field_lat, field_lon, starts = self._cells
            _nearest(lat, lon, field_lat, field_lon, starts, float(radius_m), index, distance)
            index = np.where(index >= 0, order[index], -1)
        return Neighbours(index, distance)

    def within(self, lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike, radius_m: float) -> pl.DataFrame:
        """The rows within ``radius_m`` of any of N points: what another must have to repeat :meth:`nearest`."""
        found = self.nearest(lat_deg, lon_deg, 1000, radius_m).index
        return self.table[np.unique(found[found >= 0])]

    def row(self, code: str) -> dict[str, Any] | None:
        """The airfield with an ICAO code, or an IATA code where no ICAO code is the same."""
        for column in ("icao", "iata"):
            hit = self.table.filter(pl.col(column) == code.upper())
            if len(hit):
                return hit.row(0, named=True)
        return None

    def named(self, text: str) -> pl.DataFrame:
        """Airfields by name: those called exactly so, else those whose name or city has all the words.

        Of the latter only the ones of the highest rank where that leaves a single one.
        """
        wanted = names.variants(text)
        exact = [i for i, (whole, _) in enumerate(self._folded) if wanted[0] == whole]
        words = set(wanted[-1].split())
        found = self.table[exact or [i for i, (_, has) in enumerate(self._folded) if words and words <= has]]
        best = found.filter(pl.col("rank") == pl.col("rank").max())
        return best if len(best) == 1 else found

    @cached_property
    def _folded(self) -> list[tuple[str, set[str]]]:
        pairs = zip(self.table["name"].to_list(), self.table["city"].to_list(), strict=True)
        return [(names.fold(name or ""), set(names.fold(f"{name or ''} {city or ''}").split())) for name, city in pairs]


def _clean_name(name: str) -> str:
    """The name with the abbreviations of military fields in capitals, and no "Airport" after them.

    >>> _clean_name("Dyess Afb Airport")
    'Dyess AFB'
    """
    spelt = re.sub(r"\b(Afb|Arb|Angb|Jrb|Nas|Naf|Mcas|Aaf|Cfb|Raf|Rnas|Raaf|Ab)\b", lambda m: m[0].upper(), name)
    spelt = re.sub(r"\bMc (?=[A-Z])", "Mc", spelt)
    return re.sub(r"\b(AFB|ARB|ANGB|JRB|AAF|MCAS|AB)( Airport)\b", r"\1", spelt).strip()


def _with_rank(table: pl.DataFrame) -> pl.DataFrame:
    proper = pl.col("icao").str.contains(r"^[A-Z]{4}$")
    known = proper & (pl.col("iata").is_not_null() | pl.col("name").str.contains(_MILITARY))
    international = known & pl.col("name").str.contains(r"\bInternational\b|\bIntl\b")
    rank = proper.cast(pl.UInt8) + known.cast(pl.UInt8) + international.cast(pl.UInt8)
    return table.with_columns(rank.alias("rank"))


def _from_package() -> tuple[pl.DataFrame, DataSource]:
    spec = importlib.util.find_spec("airportsdata")
    if spec is None or spec.origin is None:
        raise SourceUnavailable("no airfields: the package airportsdata is missing; try: pip install airportsdata")
    data = Path(spec.origin).with_name("airports.csv").read_bytes()
    raw = pl.read_csv(data, infer_schema=False)
    spelling = dict(coast.table("airfield_names").iter_rows())
    table = raw.select(
        "icao",
        pl.col("iata").replace("", None),
        pl.col("name").map_elements(_clean_name, pl.String),
        pl.col("city").replace("", None),
        pl.col("country").replace("", None),
        pl.col("lat").cast(pl.Float64).alias("lat_deg"),
        pl.col("lon").cast(pl.Float64).alias("lon_deg"),
        pl.col("elevation").cast(pl.Float64).alias("elevation_ft"),
        pl.lit(None, pl.Float64).alias("runway_ft"),
    ).with_columns(
        pl.coalesce(pl.col("icao").replace_strict(spelling, default=None, return_dtype=pl.String), "name").alias("name")
    )
    source = DataSource(
        "airportsdata", version("airportsdata"), hashlib.sha256(data).hexdigest(), "MIT", "reference points"
    )
    return table, source


def open_airfields() -> Airfields:
    """The airfields of ``airportsdata``, with runway lengths of OurAirports if ``data update`` fetched them.

    Raises ``SourceUnavailable`` where the package is missing.
    """
    from testigos.world import update

    table, source = _from_package()
    extra = update.installed("ourairports-runways")
    if extra is not None:
        path, fetched = extra
        lengths = (
            pl.read_csv(path, infer_schema=False)
            .filter(pl.col("closed") != "1")
            .group_by("airport_ident")
            .agg(pl.col("length_ft").cast(pl.Float64, strict=False).max().alias("longest"))
        )
        table = table.join(lengths, left_on="icao", right_on="airport_ident", how="left").with_columns(
            pl.col("longest").alias("runway_ft")
        )
        source = DataSource(
            f"{source.name} with {fetched.name}",
            f"{source.version}; {fetched.version}",
            hashlib.sha256((source.sha256 + fetched.sha256).encode()).hexdigest(),
            f"{source.licence}; {fetched.licence}",
            "reference points and longest runways; the hash is of both files' hashes",
        )
    usable = pl.col("lat_deg").is_between(-90, 90) & pl.col("lon_deg").is_between(-180, 180)
    usable &= ~pl.col("name").str.contains("unknown coordinates")
    ranked = _with_rank(table.filter(usable)).select(pl.col(n).cast(t) for n, t in COLUMNS.items())
    return Airfields(ranked.sort("icao"), source)
