"""The frame of a map: which part of the earth, how it is projected, how big it is drawn.

Projection: equirectangular with the standard parallel in the middle of the box, x = (lon − lon₀)·cos φ₀,
y = lat₀ − lat. It is for looking at: no number is ever measured on it.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["DEGREE_M", "View", "fit", "unwrap"]

Floats = npt.NDArray[np.float64]

DEGREE_M: Final = 111_195.0  #: a degree of latitude on the mean sphere; for scale bars and margins only


@dataclass(frozen=True)
class View:
    """A box in degrees (``west`` may be under −180 or ``east`` over 180) drawn ``width`` pixels wide."""

    west: float
    south: float
    east: float
    north: float
    width: float

    @property
    def cos_lat(self) -> float:
        """Cosine of the middle latitude."""
        return max(0.05, math.cos(math.radians((self.south + self.north) / 2)))

    @property
    def scale(self) -> float:
        """Pixels in a degree of latitude."""
        return self.width / ((self.east - self.west) * self.cos_lat)

    @property
    def height(self) -> float:
        """Pixels from north to south."""
        return (self.north - self.south) * self.scale

    def project(self, lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Pixels from the upper left corner; longitudes are taken to the box's side of the antimeridian."""
        lon = unwrap(np.asarray(lon_deg, np.float64), (self.west + self.east) / 2)
        x = (lon - self.west) * self.cos_lat * self.scale
        return x, (self.north - np.asarray(lat_deg, np.float64)) * self.scale

    def contains(self, x: float, y: float, margin: float = 0.0) -> bool:
        """Is a pixel position inside, by a margin?"""
        return margin <= x <= self.width - margin and margin <= y <= self.height - margin


def unwrap(lon_deg: Floats, centre: float) -> Floats:
    """Longitudes within 180° of ``centre``."""
    return np.asarray(centre + (lon_deg - centre + 180.0) % 360.0 - 180.0)


def fit(
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    *,
    width: float,
    margin: float = 0.1,
    least_m: float = 100_000.0,
    ratios: tuple[float, float] = (0.5, 0.85),
) -> View:
    """The view that shows all points, at least ``least_m`` across, height to width within ``ratios``.

    Points on both sides of the antimeridian are shown together: the widest empty stretch stays outside.
    Edges are rounded to 0.001°, so that the last bits of a position cannot change a map.
    """
    lat, lon = np.asarray(lat_deg, np.float64), np.sort(np.asarray(lon_deg, np.float64) % 360.0)
    holes = np.append(np.diff(lon), lon[0] + 360.0 - lon[-1])
    first = (int(np.argmax(holes)) + 1) % len(lon)
    west = float(lon[first])
    extent = 360.0 - float(holes.max())
    west = west - 360.0 if west + extent / 2 >= 180.0 else west
    middle_lat, middle_lon = float(lat.min() + lat.max()) / 2, west + extent / 2
    tall = max(float(lat.max() - lat.min()) * (1 + 2 * margin), least_m / DEGREE_M * ratios[0])
    for _ in range(2):  # the second round with the latitude that the first one moved
        cos_lat = max(0.05, math.cos(math.radians(middle_lat)))
        wide = max(extent * (1 + 2 * margin) * cos_lat, least_m / DEGREE_M)
        wide = min(max(wide, tall / ratios[1]), 360.0 * cos_lat)
        tall = min(max(tall, wide * ratios[0]), 178.0)
        middle_lat = min(max(middle_lat, -89.0 + tall / 2), 89.0 - tall / 2)
    half = wide / cos_lat / 2
    edges = (middle_lon - half, middle_lat - tall / 2, middle_lon + half, middle_lat + tall / 2)
    west, south, east, north = (round(e, 3) for e in edges)
    return View(west, south, east, north, width)
