"""Where a track that begins or ends low came from or went to: an airfield with a probability, or none.

A model with one hypothesis for each airfield within ``RADIUS_M`` and one for "none of them". An approach is
flown down some 3 degrees (318 ft a nautical mile) and points at the field; a departure leaves it the steeper the
lighter the aircraft. The higher and the less aligned, the more says "none". A track that ends high or level is
*lost*, whatever lies beneath.

Source: own rule; the spreads are fitted and the resulting confidence checked in bench/airfields.py.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from testigos.findings._edges import States
from testigos.geo import inverse_arrays
from testigos.units import NMI_M
from testigos.world.airfields import Airfields

__all__ = ["RADIUS_M", "Ends", "airfield_ends"]

RADIUS_M: Final = 60_000.0
HIGHEST_FT: Final = 10_000.0  #: above the field; beyond it no airfield is ever named
LEAST: Final = 0.5  #: probability under which no airfield is named
MOST: Final = 0.995  #: nothing is surer than that
SLOW_KT: Final = 110.0

_GLIDE_FT_NMI: Final = 330.0
_CLIMB_FT_NMI: Final = 750.0
_RANK_WEIGHT: Final = np.array([0.012, 0.12, 1.0, 1.0])
_NEAREST: Final = 16

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Ends(NamedTuple):
    """The likeliest airfield of each of N ends (row of the table; -1: none) and its probability."""

    row: Ints
    probability: Floats


def airfield_ends(states: States, fields: Airfields) -> Ends:
    """The airfields that tracks began or ended at, where altitude, speed and geometry allow one.

    A fix on the ground decides by distance alone. Without an altitude there is no airfield.
    """
    n = len(states.lat_deg)
    if len(fields.table) == 0:
        return Ends(np.full(n, -1, np.int64), np.zeros(n))
    near = fields.nearest(states.lat_deg, states.lon_deg, _NEAREST, RADIUS_M)
    there = near.index >= 0
    rows = np.where(there, near.index, 0)
    away = np.where(there, near.distance_m / NMI_M, 0.0)
    rank, elevation, lat, lon = (fields.table[c].to_numpy() for c in ("rank", "elevation_ft", "lat_deg", "lon_deg"))
    weight = _RANK_WEIGHT[rank[rows]]
    slow = states.speed_kt < SLOW_KT
    weight[slow] = np.sqrt(weight[slow])  # slow aircraft use small strips too
    weight[~there] = 0.0

    height = states.alt_ft[:, None] - np.nan_to_num(elevation[rows])
    low = np.maximum(height, 0.0)
    expected = low / np.where(states.departing, _CLIMB_FT_NMI, _GLIDE_FT_NMI)[:, None]
    from_lat, from_lon = states.lat_deg[:, None], states.lon_deg[:, None]
    to_lat, to_lon = np.where(there, lat[rows], from_lat), np.where(there, lon[rows], from_lon)
    bearing = inverse_arrays(from_lat, from_lon, to_lat, to_lon)[1]
    straight = np.isfinite(states.course_deg)[:, None]
    angle = np.radians(np.where(straight, bearing - states.course_deg[:, None], 0.0))
    along, across = away * np.cos(angle), away * np.sin(angle)
    loose = np.where(straight, 1.0, 2.0)
    spread_along = loose * (0.35 + 0.65 * expected)
    spread_across = loose * (0.27 + 0.43 * expected)
    likelihood = (
        weight
        * np.exp(-0.5 * ((along - expected) / spread_along) ** 2 - 0.5 * (across / spread_across) ** 2)
        / (2.0 * math.pi * spread_along * spread_across)
    )
    likelihood[~((height <= HIGHEST_FT) & (height >= -1_500.0))] = 0.0
    # "none": a track that happens to end here, as likely anywhere within a wide circle; the more so the higher
    lowest = np.where(there, low, np.inf).min(axis=1, initial=np.inf)
    lowest = np.where(np.isfinite(lowest), lowest, HIGHEST_FT)
    nothing = 0.0001 + 0.0002 * (lowest / HIGHEST_FT)
    nothing[(states.sink_fpm < 150.0) & (lowest > 300.0)] *= 2.0
    nothing[np.isnan(states.sink_fpm) & (lowest > 1_500.0)] *= 3.0

    ground = states.on_ground
    likelihood[ground] = (weight * np.exp(-0.5 * away**2))[ground]
    nothing[ground] = 0.002

    share = likelihood / (likelihood.sum(axis=1) + nothing)[:, None]
    best = share.argmax(axis=1)
    pick = np.arange(n), best
    named = share[pick] >= LEAST
    return Ends(np.where(named, near.index[pick], -1), np.where(named, np.minimum(share[pick], MOST), share[pick]))
