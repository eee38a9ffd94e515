"""What was last said of each object, column by column, each value with its time and who said it.

A value wins by its time; of two of the same time the larger one, texts by their hash: the order of arrival decides
nothing. A value that nobody says again stays, until whoever reads finds it too old.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.fuse._picture_arrays import copied, side_by_side
from testigos.kernels import kernel
from testigos.schema import ALL, KINDS

__all__ = ["COLUMNS", "FLEETING", "TEXTS", "Values", "gather", "give_back", "grown", "new_values", "put"]

#: Columns of which the last value is kept.
COLUMNS: Final = (
    *("alt_baro_ft", "alt_geom_ft", "alt_msl_ft", "on_ground", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm"),
    *("ias_kt", "tas_kt", "heading_deg", "rot_degpmin", "emergency", "callsign", "squawk", "category", "registration"),
    *("type_code", "military", "nic", "rc_m", "nac_p", "nac_v", "sil", "adsb_version", "rssi_dbfs", "simulated"),
    *("vessel_name", "imo", "ship_type", "nav_status", "draught_m", "destination", "to_bow_m", "to_stern_m"),
    *("to_port_m", "to_starboard_m", "kind", "stale_ns", "uid", "cot_type", "height_accuracy95_m"),
    *("private", "ais_type"),
)
#: Columns whose values do not hold for long.
FLEETING: Final = COLUMNS[: COLUMNS.index("callsign")]
#: Columns of text: their values are numbers of ``Texts``.
TEXTS: Final = frozenset(n for n in COLUMNS if ALL[n].dtype == pl.String)
#: Columns whose change alone is no news.
_SILENT: Final = ("rssi_dbfs", "stale_ns", "ais_type")


class Values(NamedTuple):
    """Values (C, columns), NaN where nothing was said, and who said them."""

    value: npt.NDArray[Any]
    time: npt.NDArray[Any]
    input: npt.NDArray[Any]
    link: npt.NDArray[Any]
    via: npt.NDArray[Any]
    offset: npt.NDArray[Any]


def new_values(capacity: int) -> Values:
    """Nothing said of anybody."""
    i4 = np.int32
    made = side_by_side(
        (capacity, len(COLUMNS)),
        {"value": np.float64, "time": np.int64, "input": i4, "link": i4, "via": i4, "offset": np.int64},
    )
    made["value"][:] = np.nan
    return Values(**made)


def grown(old: Values, capacity: int) -> Values:
    """The same with room for more."""
    made = new_values(capacity)
    copied(made, old, len(old.value))
    return made


IS_TEXT: Final = np.array([n in TEXTS for n in COLUMNS])
IS_SILENT: Final = np.array([n in _SILENT for n in COLUMNS])
NUMBER: Final = {name: k for k, name in enumerate(COLUMNS)}
KIND_NUMBER: Final = {name: k for k, name in enumerate(KINDS)}


@kernel
def put(values, columns, said, rows, target, weak, time, input, link, via, offset, is_text, rank, silent, news):  # type: ignore[no-untyped-def]
    """Values ``said``, (columns, N), by ``rows`` into the slots that are their ``target``.

    ``weak`` rows fill only what is unknown. ``news[row]`` becomes 1 where a row's value is newer or new, 2 where it
    changed something.
    """
    for r in range(len(rows)):
        i = rows[r]
        g = target[i]
        t = time[i]
        for k in range(len(columns)):
            v = said[k, i]
            if v != v:
                continue
            c = columns[k]
            old = values.value[g, c]
            if old == old:
                before = values.time[g, c]
                if weak[i] or t < before:
                    continue
                if t == before:
                    if v == old:
                        continue
                    if is_text[c]:
                        if rank[int(v)] <= rank[int(old)]:
                            continue
                    elif v < old:
                        continue
            if v != old and not silent[c]:
                news[i] = 2
            elif news[i] == 0:
                news[i] = 1
            values.value[g, c], values.time[g, c] = v, t
            values.input[g, c], values.link[g, c] = input[i], link[i]
            values.via[g, c], values.offset[g, c] = via[i], offset[i]


def give_back(values: Values, slot: int, to: int, rank: npt.NDArray[Any]) -> None:
    """Values of a slot to another, where they win there; in place."""
    said, there = values.value[slot], values.value[to]
    later = values.time[slot] - values.time[to]
    larger = said > there
    for c in np.flatnonzero(IS_TEXT & (later == 0) & ~np.isnan(said) & ~np.isnan(there)).tolist():
        larger[c] = rank[int(said[c])] > rank[int(there[c])]
    wins = ~np.isnan(said) & (np.isnan(there) | (later > 0) | ((later == 0) & larger))
    for field in values:
        field[to, wins] = field[slot, wins]


@kernel
def gather(values, slots, since, fleeting, out):  # type: ignore[no-untyped-def]
    """Values of ``slots`` as columns into ``out``, (columns, N); NaN for fleeting ones from before ``since[slot]``."""
    for i in range(len(slots)):
        g = slots[i]
        for c in range(values.value.shape[1]):
            if fleeting[c] and values.time[g, c] < since[i]:
                out[c, i] = np.nan
            else:
                out[c, i] = values.value[g, c]
