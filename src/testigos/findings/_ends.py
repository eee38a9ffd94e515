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

from testigos.geo import inverse_arrays
from testigos.units import NMI_M
from testigos.world.airfields import Airfields

__all__ = ["RADIUS_M", "End", "State", "airfield_end"]

RADIUS_M: Final = 60_000.0
HIGHEST_FT: Final = 10_000.0  #: above the field; beyond it no airfield is ever named
LEAST: Final = 0.5  #: probability under which no airfield is named

_GLIDE_FT_NMI: Final = 318.0
_CLIMB_FT_NMI: Final = 450.0
_RANK_WEIGHT: Final = np.array([0.03, 0.3, 1.0, 1.0])
_NEAREST: Final = 16

Floats = npt.NDArray[np.float64]


class State(NamedTuple):
    """The outermost fix of a track, and how it moves there: outwards for an arrival, backwards for a departure.

    ``course_deg``: the direction in which the airfield lies if it was flown straight; null where unknown.
    ``sink_fpm``: how fast it nears the ground in that direction; null where unknown.
    """

    lat_deg: float
    lon_deg: float
    alt_ft: float | None
    on_ground: bool
    course_deg: float | None
    sink_fpm: float | None
    speed_kt: float | None
    departing: bool


class End(NamedTuple):
    """The likeliest airfield (row of the table; -1: none) and its probability."""

    row: int
    probability: float


def airfield_end(state: State, fields: Airfields) -> End:
    """The airfield that a track began or ended at, if altitude, speed and geometry allow one.

    A fix on the ground decides by distance alone. Without an altitude there is no airfield.
    """
    near = fields.nearest(state.lat_deg, state.lon_deg, _NEAREST, RADIUS_M)
    rows = near.index[0][near.index[0] >= 0]
    if len(rows) == 0:
        return End(-1, 0.0)
    away_nmi = near.distance_m[0][: len(rows)] / NMI_M
    table = fields.table
    weight = _RANK_WEIGHT[table["rank"].to_numpy()[rows]]
    if state.speed_kt is not None and state.speed_kt < 110.0:
        weight = np.sqrt(weight)  # slow aircraft use small strips too
    if state.on_ground:
        likelihood = weight * np.exp(-0.5 * (away_nmi / 1.0) ** 2)
        return _best(rows, likelihood, 0.002)
    if state.alt_ft is None:
        return End(-1, 0.0)
    elevation = np.nan_to_num(table["elevation_ft"].to_numpy()[rows].astype(np.float64))
    height = state.alt_ft - elevation
    low = np.maximum(height, 0.0)
    slope = _CLIMB_FT_NMI if state.departing else _GLIDE_FT_NMI
    expected = low / slope
    if state.course_deg is None:
        along, across = away_nmi, np.zeros(len(rows))
        loose = 2.0
    else:
        fixed = np.full(len(rows), state.lat_deg), np.full(len(rows), state.lon_deg)
        bearing = inverse_arrays(*fixed, table["lat_deg"].to_numpy()[rows], table["lon_deg"].to_numpy()[rows])[1]
        angle = np.radians(bearing - state.course_deg)
        along, across = away_nmi * np.cos(angle), away_nmi * np.sin(angle)
        loose = 1.0
    spread_along = loose * (0.9 + 0.45 * expected)
    spread_across = loose * (0.6 + 0.30 * expected)
    likelihood = (
        weight
        * np.exp(-0.5 * ((along - expected) / spread_along) ** 2 - 0.5 * (across / spread_across) ** 2)
        / (2.0 * math.pi * spread_along * spread_across)
    )
    likelihood[(height > HIGHEST_FT) | (height < -1_500.0)] = 0.0
    # "none": a track that happens to end here, as likely anywhere within a wide circle; the more so the higher
    lowest = float(low.min())
    nothing = 0.0004 + 0.004 * (lowest / HIGHEST_FT)
    if state.sink_fpm is not None and state.sink_fpm < 150.0 and lowest > 300.0:
        nothing *= 8.0
    if state.sink_fpm is None and lowest > 1_500.0:
        nothing *= 4.0
    return _best(rows, likelihood, nothing)


def _best(rows: npt.NDArray[np.int64], likelihood: Floats, nothing: float) -> End:
    share = likelihood / (likelihood.sum() + nothing)
    best = int(share.argmax())
    if share[best] < LEAST:
        return End(-1, float(share[best]))
    return End(int(rows[best]), float(min(share[best], 0.995)))
