"""The world as findings ask for it: names to places, the airfields, who is who."""

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.errors import InputError, UnknownName
from testigos.model import DataSource
from testigos.world import airfields, areas, coast, names
from testigos.world.cache import Notify, quiet
from testigos.world.identity import AddressInfo, AircraftType, Identity, Operator, open_identity
from testigos.world.places import Place, point_place

__all__ = ["World", "open_world"]

_NUMBER: Final = r"[-+]?\d+(?:\.\d+)?"
_PAIR: Final = re.compile(rf"^\s*({_NUMBER})\s*°?\s*([NS]?)\s*[,;\s]\s*({_NUMBER})\s*°?\s*([EWO]?)\s*$", re.IGNORECASE)
_KINDS: Final = ("country", "mainland", "island", "airfield")
_NEAR_ISLAND_M: Final = 2_000.0


class World:
    """Everything that is where it is and is who it is, read when first asked for.

    ``notify`` is told what takes long. Names of places are found without regard to case and accents.
    """

    def __init__(self, notify: Notify = quiet) -> None:
        self._notify = notify
        self._made: dict[str, Place] = {}

    @cached_property
    def coast(self) -> coast.Coast:
        """The coast of the world. Raises ``SourceUnavailable``."""
        return coast.open_coast(self._notify)

    @cached_property
    def airfields(self) -> airfields.Airfields:
        """The airfields of the world. Raises ``SourceUnavailable``."""
        return airfields.open_airfields()

    @cached_property
    def identity(self) -> Identity:
        """Addresses, call signs and aircraft types; with the databases of ``data update`` where they are."""
        return open_identity()

    @cached_property
    def countries(self) -> pl.DataFrame:
        """``iso2``, ``iso3``, ``name``, ``other_names`` (separated by semicolons) of ISO 3166-1."""
        return coast.table("countries")

    @cached_property
    def islands(self) -> pl.DataFrame:
        """Our table of named islands and archipelagos; see the README in ``world/data``."""
        return coast.table("islands")

    def sources(self) -> list[DataSource]:
        """The data sets that have been used so far, in the order of their names."""
        used: list[DataSource] = []
        if "coast" in self.__dict__:
            used.append(self.coast.source)
        if "airfields" in self.__dict__:
            used.append(self.airfields.source)
        if "identity" in self.__dict__:
            used.extend(self.identity.sources)
        return sorted(used, key=lambda s: s.name)

    def country_name(self, iso2: str) -> str:
        """The English name for an ISO 3166-1 alpha-2 code; the code itself where there is none."""
        return self._country_names.get(iso2, iso2)

    def resolve(self, text: str) -> Place:
        """The place that a user's words stand for.

        A country (name, ISO code), ``mainland Venezuela``, an island or archipelago, an airfield (ICAO or IATA
        code, name), a position (``11.4,-63.1`` or ``11.4N 63.1W``), or a GeoJSON file. A name that is several of
        these is the first; ``country:``, ``mainland:``, ``island:`` or ``airfield:`` in front decides.

        Raises ``UnknownName`` with the nearest names, ``InputError`` where a name is ambiguous or a position or
        file makes no sense.
        """
        text = text.strip()
        if text not in self._made:
            self._made[text] = self._find(text)
        return self._made[text]

    def country(self, iso2: str) -> Place:
        """A country's whole coast by its ISO 3166-1 alpha-2 code. Raises ``InputError`` where it has none."""
        name = self.country_name(iso2)
        segments = self._with_islands(self.coast.country(iso2))
        if segments.is_empty():
            raise InputError(f"{name} has no sea coast in {self.coast.source.name}; give a GeoJSON file of its border")
        main = self.coast.mainland(iso2)
        whole = self.coast.polygons.filter(pl.col("polygon").is_in(main) & pl.col("continent"))
        note = "" if len(whole) else f"The mainland is taken as the country's main island (GSHHG polygon {main[0]})."
        return Place(
            name, "country", f"country-{iso2.lower()}", segments, iso2, coast.COAST_ERROR_M, self.coast.source, note
        )

    def island(self, name: str) -> Place:
        """A named island or archipelago of the table ``islands``. Raises ``UnknownName``."""
        rows = self.islands.filter(pl.col("name") == name)
        if rows.is_empty():
            raise UnknownName("island", name, self.islands["name"].to_list())
        row = rows.row(0, named=True)
        iso2 = row["iso2"].split(";")
        segments = self.coast.outline(self._island_rows(row)).with_columns(pl.lit(name).alias("island"))
        note = f"All {row['polygons']} polygons of the coast in its box." if row["kind"] == "islands" else ""
        if len(iso2) > 1:
            note = f"{note} Divided between or claimed by {', '.join(map(self.country_name, iso2))}.".strip()
        return Place(
            name,
            row["kind"],
            "island-" + names.fold(name).replace(" ", "-"),
            segments,
            iso2[0] if len(iso2) == 1 else None,
            coast.COAST_ERROR_M,
            self.coast.source,
            note,
        )

    def airfield(self, code: str) -> Place:
        """An airfield's reference point by its ICAO or IATA code. Raises ``UnknownName``."""
        row = self.airfields.row(code)
        if row is None:
            raise UnknownName("airfield", code, self.airfields.table["icao"].to_list())
        return self._airfield_place(row)

    def who(self, object_id: str) -> AddressInfo:
        """What the tables say of an object, e.g. ``icao:ae503d``; see ``identity.Identity.who``."""
        return self.identity.who(object_id)

    def operator(self, callsign: str | None) -> Operator | None:
        """Whose call sign it is; see ``identity.Identity.operator``."""
        return self.identity.operator(callsign)

    def type_info(self, type_code: str | None) -> AircraftType | None:
        """An aircraft type by its ICAO designator; see ``identity.Identity.aircraft_type``."""
        return self.identity.aircraft_type(type_code)

    def island_at(self, lat_deg: float, lon_deg: float) -> str | None:
        """The named island (the smallest) on which, or within 2 km of whose shore, a point in degrees lies."""
        pad = 0.03
        near = self.islands.filter(
            (pl.col("south") - pad <= lat_deg)
            & (pl.col("north") + pad >= lat_deg)
            & pl.when(pl.col("west") <= pl.col("east"))
            .then((pl.col("west") - pad <= lon_deg) & (pl.col("east") + pad >= lon_deg))
            .otherwise((pl.col("west") - pad <= lon_deg) | (pl.col("east") + pad >= lon_deg))
        )
        for row in near.sort("area_km2", "name").iter_rows(named=True):
            place = self.island(row["name"])
            if (
                place.contains([lat_deg], [lon_deg])[0]
                or place.nearest([lat_deg], [lon_deg]).distance_m[0] <= _NEAR_ISLAND_M
            ):
                return str(row["name"])
        return None

    def country_at(self, lat_deg: float, lon_deg: float) -> str | None:
        """ISO code of the country whose land or waters (some 12 nautical miles) a point lies in."""
        return coast.countries_at([lat_deg], [lon_deg])[0]

    def excerpt(self, folder: Path, called: Iterable[str], tracks: pl.DataFrame) -> None:
        """Write what an answer about places, as the user ``called`` them, and ``tracks`` rests on into a folder.

        See ``evidence``. What else this world was asked before makes no difference. Raises as :meth:`resolve`.
        """
        from testigos.world import evidence

        evidence.write(self, Path(folder), {text.strip(): self.resolve(text) for text in called}, tracks)

    @staticmethod
    def from_bundle(folder: Path) -> "World":
        """The world as it is in a folder that :meth:`excerpt` wrote; it knows nothing else.

        Raises ``VerifyError`` where the folder is incomplete or damaged.
        """
        from testigos.world import evidence

        return evidence.read(Path(folder))

    def coast_in(self, west: float, south: float, east: float, north: float) -> pl.DataFrame:
        """All coast in a box of degrees (``west`` > ``east`` crosses the antimeridian), for a map."""
        return self.coast.in_box(west, south, east, north)

    @cached_property
    def _country_names(self) -> dict[str, str]:
        return dict(self.countries.select("iso2", "name").iter_rows())

    @cached_property
    def _lookup(self) -> dict[str, dict[str, list[str]]]:
        """Kind → folded name → what it can mean (a country's code, an island's name)."""
        made: dict[str, dict[str, list[str]]] = {"country": {}, "island": {}}

        def add(kind: str, called: list[str], means: str) -> None:
            for name in called:
                for key in names.variants(name):
                    known = made[kind].setdefault(key, [])
                    if means not in known:
                        known.append(means)

        for row in self.countries.iter_rows(named=True):
            called = [row["name"], row["iso2"], row["iso3"], *(row["other_names"] or "").split(";")]
            add("country", [c for c in called if c], row["iso2"])
        for row in self.islands.iter_rows(named=True):
            called = [row["name"], *(row["other_names"] or "").split(";")]
            add("island", [c for c in called if c], row["name"])
        return made

    def _find(self, text: str) -> Place:
        if not text:
            raise InputError("a place has no name; give a country, an island, an airfield, a position or a file")
        if (pair := _PAIR.match(text)) is not None:
            return self._position(text, pair)
        if text.lower().endswith((".geojson", ".json")):
            return areas.read_area(Path(text))
        file, mark, feature = text.rpartition("#")
        if mark and file.lower().endswith((".geojson", ".json")):
            return areas.read_area(Path(file), feature)
        kind, colon, rest = text.partition(":")
        kind, rest = (kind.strip().lower(), rest.strip()) if colon else ("", text)
        if colon and kind not in _KINDS:
            raise InputError(f"{text!r}: {kind!r} is no kind of place; the kinds are {', '.join(_KINDS)}")
        if not colon and (main := re.match(r"(?i)(?:the )?mainland(?: of)?\s+(.+)$|(.+?)\s+mainland$", rest)):
            kind, rest = "mainland", main[1] or main[2]
        if kind == "mainland":
            whole = self._one("country", rest, self.country, required=True)
            assert whole is not None
            return whole.parts()["mainland"]
        for wanted, make in (("country", self.country), ("island", self.island)):
            if kind in ("", wanted):
                place = self._one(wanted, rest, make, required=kind == wanted)
                if place is not None:
                    return place
        return self._find_airfield(rest, text)

    def _one(self, kind: str, name: str, make: Callable[[str], Place], required: bool) -> Place | None:
        table = self._lookup[kind]
        for key in names.variants(name):
            found = table.get(key, [])
            if len(found) > 1:  # the one that is called exactly so, if one is
                found = [f for f in found if names.fold(f) == key] or found
            if len(found) > 1:
                what = [f"{kind}:{f}" for f in found]
                raise InputError(f"{name!r} is ambiguous; write one of: {', '.join(what)}")
            if found:
                return make(found[0])
        if required:
            raise UnknownName(kind, name, self._known(kind))
        return None

    def _find_airfield(self, name: str, text: str) -> Place:
        row = self.airfields.row(name) if re.fullmatch(r"[A-Za-z0-9]{3,4}", name) else None
        if row is not None:
            return self._airfield_place(row)
        found = self.airfields.named(name)
        if len(found) == 1:
            return self._airfield_place(found.row(0, named=True))
        if len(found) > 1:
            shown = [
                f"{r['icao']} ({r['name']})" for r in found.sort("rank", descending=True).head(8).iter_rows(named=True)
            ]
            more = f" and {len(found) - 8} more" if len(found) > 8 else ""
            raise InputError(f"{text!r} is ambiguous: {', '.join(shown)}{more}; give the code")
        kind = "airfield" if text.lower().startswith("airfield:") else "place"
        if re.fullmatch(r"[A-Za-z0-9]{3,4}", name):
            raise UnknownName(kind, name, [*self._known(kind), *self.airfields.table["icao"].to_list()])
        raise UnknownName(kind, name, self._known(kind))

    def _known(self, kind: str) -> list[str]:
        known: list[str] = []
        if kind in ("country", "place"):
            known += self.countries["name"].to_list()
        if kind in ("island", "place"):
            known += self.islands["name"].to_list()
        if kind in ("airfield", "place"):
            known += self.airfields.table.filter(pl.col("rank") >= 1)["name"].to_list()
        return known

    def _position(self, text: str, pair: re.Match[str]) -> Place:
        lat, lon = float(pair[1]), float(pair[3])
        south, west = pair[2].upper() == "S", pair[4].upper() in ("W", "O")
        if (pair[2] and pair[1][0] in "+-") or (pair[4] and pair[3][0] in "+-"):
            raise InputError(f"{text!r} has a sign and a letter; give one of them: 11.4,-63.1 or 11.4N 63.1W")
        try:
            return point_place(-lat if south else lat, -lon if west else lon)
        except ValueError as error:
            raise InputError(f"{text!r}: {error}; latitude comes first, as in 11.4,-63.1") from error

    def _airfield_place(self, row: dict[str, Any]) -> Place:
        return point_place(
            row["lat_deg"],
            row["lon_deg"],
            f"{row['name']} ({row['icao']})",
            "airfield",
            f"airfield-{str(row['icao']).lower()}",
            row["country"],
            self.airfields.source,
            "The airfield's reference point.",
        )

    def _island_rows(self, row: dict[str, Any]) -> list[int]:
        """Rows of ``coast.polygons`` that make up an island of the table."""
        return np.flatnonzero(_belongs(self.coast.polygons, row)).tolist()

    def _with_islands(self, segments: pl.DataFrame) -> pl.DataFrame:
        """Segments with the smallest island or archipelago of ours that each one's polygon belongs to."""
        here = self.coast.polygons.filter(pl.col("polygon").is_in(segments["polygon"].unique().implode()))
        number = here["polygon"].to_numpy()
        named: dict[int, str] = {}
        # an island of its own before an archipelago, a small one before a large one
        for row in self.islands.sort("kind", "area_km2", "name").iter_rows(named=True):
            for polygon in number[_belongs(here, row)].tolist():
                named.setdefault(polygon, row["name"])
        label = pl.col("polygon").replace_strict(named, default=None, return_dtype=pl.String)
        return segments.with_columns(label.alias("island"))


def _belongs(polygons: pl.DataFrame, island: dict[str, Any]) -> npt.NDArray[np.bool_]:
    """Which polygons make up an island of the table: those inside its box, and of its size if it is but one."""
    west, south, east, north, area = (polygons[c].to_numpy() for c in ("west", "south", "east", "north", "area_km2"))
    inside: npt.NDArray[np.bool_] = (south >= island["south"]) & (north <= island["north"])
    if island["west"] <= island["east"]:
        inside &= (west >= island["west"]) & (east <= island["east"])
    else:
        inside &= (west >= island["west"]) | (east <= island["east"])
    if island["polygons"] == 1:
        inside &= np.abs(area - island["area_km2"]) <= 1e-3 * island["area_km2"]
    return inside


def open_world(notify: Notify = quiet) -> World:
    """The world from the installed data packages, and from the cache what ``data update`` put there.

    Nothing is read before it is asked for; the first use of a coast labels it once and keeps that in the cache.

    >>> world = open_world()
    >>> world.resolve("KDYS").name
    'Dyess AFB (KDYS)'
    """
    return World(notify)
