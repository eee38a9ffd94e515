"""Slots as rows of ``schema.PICTURE``.

A row has the last position that was accepted, with its own time and radius. While nothing more comes, the radius is
that round the same place which holds the object with 95 % at present: how far the filter thinks it has gone, and how
sure it is of that. It is null where nothing says how good the position is. Velocities are null until the filter knows
them three times better than before it heard anything.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.fuse import _picture_arrays as arrays
from testigos.fuse._picture_arrays import Slots, States
from testigos.fuse._picture_kinds import SQUAWKS
from testigos.fuse._picture_life import LIVE, Life
from testigos.fuse._picture_texts import Texts
from testigos.fuse._picture_values import COLUMNS, FLEETING, NUMBER, TEXTS, Values, gather
from testigos.fuse.filter import Filters, estimates, predicted, radius95_m
from testigos.geo import distance_m
from testigos.schema import KINDS, PICTURE, SOURCES, STATES, STATUSES, unknown

__all__ = ["Shown", "merged", "table"]

_AIRCRAFT: Final = KINDS.index("aircraft")
_DISTRESS_STATUS: Final = 14  # AIS search and rescue transmitter: ITU-R M.1371-5, table 47
_OK, _NO_POSITION = STATUSES.index("ok"), STATUSES.index("no_position")
_FLEETS: Final = np.array([n in FLEETING for n in COLUMNS])
_GIVEN: Final = tuple(n for n in COLUMNS if n in PICTURE and n not in ("kind", "stale_ns"))
_SPEED_MPS: Final = 6  # column of ``Filters.motions``

_STATUSES, _SOURCES, _KINDS, _STATES = (pl.Series(n, dtype=pl.Enum(n)) for n in (STATUSES, SOURCES, KINDS, STATES))

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Shown:
    """What rows are made of: values by column, (columns, N), and the slot whose position each shows."""

    def __init__(self, slots: Ints, values: Values, life: Life, now_ns: int, values_ns: int) -> None:
        self.slots = slots
        self.place = slots.copy()
        self.phase, self.stale, self.seen = life.phase[slots], life.stale[slots], life.seen[slots]
        self.value = np.empty((len(COLUMNS), len(slots)))
        # of what is no aircraft, what moves is not said each few seconds
        since = np.where(life.kind[slots] == _AIRCRAFT, now_ns - values_ns, np.int64(-1))
        gather(values, slots, since, _FLEETS, self.value)


def merged(
    shown: Shown, values: Values, life: Life, states: States, slots: Slots, row: int, members: Ints
) -> None:  # fmt: skip
    """Row ``row`` of ``shown`` becomes that of all ``members``: the newest value of each column, the newest position.

    It is as live as the one of them that is heard best.
    """
    shown.phase[row], shown.stale[row] = life.phase[members].min(), life.stale[members].max()
    shown.seen[row] = life.seen[members].max()
    times = np.where(np.isnan(values.value[members]), np.int64(-1), values.time[members])
    best = members[times.argmax(axis=0)]
    newest = values.value[best, np.arange(len(COLUMNS))]
    fleeting = _FLEETS & np.isnan(shown.value[:, row]) & (best == shown.slots[row])
    shown.value[:, row] = np.where(fleeting, np.nan, newest)
    q = slots.state[members]
    said = np.where(q >= 0, states.ints[q, arrays.SHOWN_T], np.int64(-1))
    shown.place[row] = members[said.argmax()]


def _filters(states: States) -> Filters:
    return Filters(states.motions, states.state, states.last, states.used, states.refused, states.kind)


def table(
    shown: Shown, object_id: Any, also: list[str | None] | None, distress: npt.NDArray[np.bool_], slots: Slots,
    states: States, values: Values, life: Life, texts: Texts, names: Texts, now_ns: int,
) -> pl.DataFrame:  # fmt: skip
    """The rows, in the order of ``shown.slots``; ``object_id`` by slot, ``also`` and ``distress`` by row."""
    at, place = shown.slots, shown.place
    size = len(at)
    q = slots.state[place]
    placed = (q >= 0) & (states.ints[q, arrays.COUNT] > 0)
    phase = shown.phase

    def either(column: int, otherwise: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.where(placed, states.ints[q, column], otherwise[at])

    lat, lon, radius = (np.where(placed, states.floats[q, k], np.nan) for k in (arrays.LAT, arrays.LON, arrays.RADIUS))
    filters = _filters(states)
    state = np.where(placed, q, -1)
    waiting = placed & (phase != LIVE)
    e = np.stack(estimates(filters, state)[3:11])  # velocities, turns, covariances
    if waiting.any():
        later = predicted(filters, state[waiting], now_ns)
        e[:, waiting] = np.stack(later[3:11])
        gone = distance_m(lat[waiting], lon[waiting], later.lat_deg, later.lon_deg)
        now = gone + radius95_m(later.cov_east_m2, later.cov_east_north_m2, later.cov_north_m2)
        radius[waiting] = np.fmax(radius[waiting], np.where(np.isnan(radius[waiting]), np.nan, now))
    known = e[7] < np.square(filters.motions[states.kind[q], _SPEED_MPS] / 3.0)
    made: dict[str, pl.Series] = {"object_id": pl.Series("object_id", object_id[at].tolist(), dtype=pl.String)}

    def give(name: str, column: npt.NDArray[Any]) -> None:
        dtype = PICTURE[name].dtype
        if dtype == pl.Float32:
            column = column.astype(np.float32)
        series = pl.Series(name, column, nan_to_null=column.dtype.kind == "f")
        made[name] = series if series.dtype == dtype else series.cast(dtype)

    def name_of(name: str, of: pl.Series, number: npt.NDArray[Any]) -> None:
        made[name] = of[number.astype(np.uint32)].alias(name)

    give("time_ns", either(arrays.SHOWN_T, life.seen))
    name_of("status", _STATUSES, np.where(placed, _OK, _NO_POSITION))
    name_of("source", _SOURCES, either(arrays.SOURCE, life.source))
    give("lat_deg", lat)
    give("lon_deg", lon)
    give("offset", either(arrays.OFFSET, life.offset).astype(np.uint64))
    give("input", either(arrays.INPUT, life.input).astype(np.uint16))
    for name, column, otherwise in (("via", arrays.VIA, life.via), ("link", arrays.LINK, life.link)):
        number = either(column, otherwise)
        if number.any():
            made[name] = names.named(np.where(number == 0, -1, number)).alias(name)
    name_of("kind", _KINDS, life.kind[at])
    name_of("state", _STATES, phase)
    give("stale_ns", shown.stale)
    give("slot", at.astype(np.uint32))
    give("seen_ns", shown.seen)
    give("urgent", _urgent(shown.value, texts) | distress)
    give("radius95_m", np.minimum(radius, 10_000_000.0))
    give("height95_m", shown.value[NUMBER["height_accuracy95_m"]])
    give("velocity_east_mps", np.where(known, e[0], np.nan))
    give("velocity_north_mps", np.where(known, e[1], np.nan))
    give("cov_east_m2", np.minimum(e[4], 1e15))
    give("cov_east_north_m2", e[5])
    give("cov_north_m2", np.minimum(e[6], 1e15))
    if also is not None:
        made["also"] = pl.Series("also", also, dtype=pl.String)
    for name in _GIVEN:
        column = shown.value[NUMBER[name]]
        if np.isnan(column).all():
            continue
        if name in TEXTS:
            made[name] = texts.named(column).alias(name)
        else:
            give(name, column)
    return pl.DataFrame([made[name] if name in made else unknown(name, size) for name in PICTURE])


def _urgent(value: Floats, texts: Texts) -> npt.NDArray[np.bool_]:
    """Whether an emergency is said: a state other than ``none``, a squawk, a navigational status."""
    said = value[NUMBER["emergency"]]
    urgent = ~np.isnan(said) & (said != texts.number("none"))
    for squawk in SQUAWKS:
        urgent |= value[NUMBER["squawk"]] == texts.number(squawk)
    return np.asarray(urgent | (value[NUMBER["nav_status"]] == _DISTRESS_STATUS))
