"""A place that tracks can be near to: what a name a user wrote stands for, as segments.

Every place is a table of short geodesic segments (columns ``coast.SEGMENTS``), land on the left; a point is one
segment of no length. Distances come from :mod:`testigos.nearest` over them.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos import nearest
from testigos.model import DataSource
from testigos.units import NMI_M
from testigos.world import coast

__all__ = ["KINDS", "TERRITORIAL_SEA_M", "TERRITORIAL_SEA_NOTE", "Place", "point_place"]

KINDS: Final = ("country", "mainland", "island", "islands", "airfield", "point", "area")

#: Breadth of the territorial sea. Source: United Nations Convention on the Law of the Sea (1982), article 3.
TERRITORIAL_SEA_M: Final = 12 * NMI_M
TERRITORIAL_SEA_NOTE: Final = (
    "The territorial sea is taken as 12 nautical miles from the coast. States measure it from their baselines, "
    "which may be straight lines well outside the coast and are not public in one file; so its true limit is "
    "never nearer to land than this, and may be farther out. A state may also claim less than 12 nautical miles."
)

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@njit(cache=True, nogil=True)
def _crossings(lat: Floats, lon: Floats, lat1: Floats, lon1: Floats, lat2: Floats, lon2: Floats) -> Bools:
    """Even-odd rule along the meridian northwards; pieces of a meridian never count."""
    inside = np.zeros(len(lat), np.bool_)
    south, north = lat1.min(), max(lat1.max(), lat2.max())
    south = min(south, lat2.min())
    for k in range(len(lat)):
        if not (south <= lat[k] <= north and abs(lon[k]) <= 360.0):
            continue
        odd = False
        for i in range(len(lat1)):
            if lat1[i] < lat[k] and lat2[i] < lat[k]:
                continue
            a = (lon1[i] - lon[k] + 540.0) % 360.0 - 180.0
            b = a + (lon2[i] - lon1[i] + 540.0) % 360.0 - 180.0
            if (a > 0.0) != (b > 0.0) and lat1[i] + (lat2[i] - lat1[i]) * a / (a - b) > lat[k]:
                odd = not odd
        inside[k] = odd
    return inside


@dataclass(frozen=True, eq=False)
class Place:
    """A named place.

    ``kind`` is one of ``KINDS``, ``key`` names it in files, ``segments`` has the columns ``coast.SEGMENTS``.
    ``coast_error_m``: the data set's own statement of how far its line can be from the true one (for coasts
    ``coast.COAST_ERROR_M``, which holds for 90 % of features; 0 for points and areas as given).
    """

    name: str
    kind: str
    key: str
    segments: pl.DataFrame
    country_iso2: str | None
    coast_error_m: float
    source: DataSource
    note: str = ""

    @cached_property
    def index(self) -> nearest.Segments:
        """The search tree over ``segments``, built when first needed."""
        return nearest.build(*self._ends())

    def nearest(self, lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike) -> nearest.Nearest:
        """The nearest point of this place's line to each of N points in degrees; see ``nearest.nearest``."""
        return nearest.nearest(self.index, lat_deg, lon_deg)

    def contains(self, lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike) -> Bools:
        """Whether each of N points in degrees is on the land of this place, or inside the area; (N,).

        Islands and areas: even-odd rule over their rings (a ring round a pole is not supported; open lines
        contain nothing). Countries: the point's time zone is the country's and it lies on the land side of the
        country's nearest coast; a country without a coast contains its time zones. Points: never.
        """
        lat = np.ascontiguousarray(np.atleast_1d(lat_deg), np.float64)
        lon = np.ascontiguousarray(np.atleast_1d(lon_deg), np.float64)
        inside = np.zeros(len(lat), np.bool_)
        if self.kind in ("airfield", "point"):
            return inside
        if self.kind in ("country", "mainland"):
            known = np.flatnonzero((np.abs(lat) <= 90.0) & (np.abs(lon) <= 180.0))
            codes = coast.countries_at(lat[known], lon[known])
            here = known[np.asarray([c == self.country_iso2 for c in codes], np.bool_)]
            if len(here):
                found = self.nearest(lat[here], lon[here])
                inside[here] = nearest.left_of(*self._ends(), found, lat[here], lon[here])
            return inside
        rings = self._rings
        return _crossings(lat, lon, *rings) if len(rings[0]) else inside

    def parts(self) -> dict[str, "Place"]:
        """A country as ``{"mainland": …, "any land": …}``; any other place as ``{name: itself}``."""
        if self.kind != "country":
            return {self.name: self}
        main = self.segments.filter(pl.col("mainland"))
        return {
            "mainland": replace(
                self,
                name=f"mainland {self.name}",
                kind="mainland",
                key=self.key.replace("country-", "mainland-", 1),
                segments=main,
            ),
            "any land": self,
        }

    @property
    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees; ``west`` > ``east`` where it crosses the antimeridian."""
        lat1, lon1, lat2, lon2 = self._ends()
        lons = np.sort(np.concatenate([lon1, lon2]))
        gaps = np.diff(np.concatenate([lons, [lons[0] + 360.0]]))
        widest = int(np.argmax(gaps))
        west = float(lons[(widest + 1) % len(lons)])
        return west, float(min(lat1.min(), lat2.min())), float(lons[widest]), float(max(lat1.max(), lat2.max()))

    def _ends(self) -> tuple[Floats, Floats, Floats, Floats]:
        s = self.segments
        return (
            s["lat1_deg"].to_numpy(),
            s["lon1_deg"].to_numpy(),
            s["lat2_deg"].to_numpy(),
            s["lon2_deg"].to_numpy(),
        )

    @cached_property
    def _rings(self) -> tuple[Floats, Floats, Floats, Floats]:
        """The ends of segments that are part of closed rings: islands are, a line in an area is not."""
        ends = self._ends()
        if self.kind != "area":
            return ends
        polygon = self.segments["polygon"].to_numpy()
        closed = np.zeros(len(polygon), np.bool_)
        for number in np.unique(polygon):
            of = polygon == number
            starts = sorted(zip(ends[0][of].tolist(), ends[1][of].tolist(), strict=True))
            stops = sorted(zip(ends[2][of].tolist(), ends[3][of].tolist(), strict=True))
            closed |= of & (len(starts) > 2 and starts == stops)
        return ends[0][closed], ends[1][closed], ends[2][closed], ends[3][closed]


def point_place(
    lat_deg: float,
    lon_deg: float,
    name: str = "",
    kind: str = "point",
    key: str = "",
    country_iso2: str | None = None,
    source: DataSource | None = None,
    note: str = "",
) -> Place:
    """A place that is one point, as a segment of no length.

    Raises ``ValueError`` where it is not on Earth.

    >>> point_place(11.4, -63.1).name
    '11.4000 N 63.1000 W'
    """
    if not (math.isfinite(lat_deg) and math.isfinite(lon_deg) and abs(lat_deg) <= 90 and abs(lon_deg) <= 180):
        raise ValueError(f"{lat_deg}, {lon_deg} is no point on Earth: latitude -90 to 90, longitude -180 to 180")
    segments = pl.DataFrame(
        {
            "lat1_deg": [lat_deg],
            "lon1_deg": [lon_deg],
            "lat2_deg": [lat_deg],
            "lon2_deg": [lon_deg],
            "polygon": [0],
            "mainland": [False],
            "island": [None],
        },
        schema=coast.SEGMENTS,
    )
    called = f"{abs(lat_deg):.4f} {'SN'[lat_deg >= 0]} {abs(lon_deg):.4f} {'WE'[lon_deg >= 0]}"
    return Place(
        name or called,
        kind,
        key or "point-" + called.replace(" ", "").lower(),
        segments,
        country_iso2,
        0.0,
        source or DataSource("as given by the user", "", ""),
        note,
    )
