"""What an object last said, carried on to its positions.

A transmission says one thing: where the aircraft is, how fast it moves, or what it is called. Formats that
aggregators write put the last of each beside every position; here the same is done for those that do not.

Own rule: a value is carried forward only, into nulls of ``ok`` rows, for the time in ``LIMITS_S``, and never over
a silence in which the object could have ended its flight (``legs.TURNAROUND_S``) or the border of a leg that the
origin draws. Quality is of one source: what ADS-B claims says nothing of a position that radar gave.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.fuse.legs import TURNAROUND_S
from testigos.units import S_NS

__all__ = ["LIMITS_S", "carried"]

#: How long a value holds, in seconds: what moves, how well it is known, who it is.
LIMITS_S: Final[Mapping[str, float]] = {
    **dict.fromkeys(("gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm", "ias_kt", "tas_kt", "heading_deg"), 10.0),
    **dict.fromkeys(("roll_deg", "alt_baro_ft", "alt_geom_ft", "alt_msl_ft"), 10.0),
    "on_ground": 60.0,
    **dict.fromkeys(("nic", "rc_m", "nac_p", "nac_v", "sil", "adsb_version"), 60.0),
    **dict.fromkeys(("callsign", "squawk", "category"), 900.0),
}

_BY_SOURCE: Final = ("nic", "rc_m", "nac_p", "nac_v", "sil", "adsb_version")
_SAYS: Final = ("ok", "no_position", "ambiguous")  # the words of other rows are in doubt


@njit(cache=True, nogil=True)
def _origin(
    lane: npt.NDArray[np.uint32],
    lanes: int,
    object_begins: npt.NDArray[np.bool_],
    time_ns: npt.NDArray[np.int64],
    says: npt.NDArray[np.bool_],
    takes: npt.NDArray[np.bool_],
    ends: npt.NDArray[np.bool_],
    limit_ns: int,
) -> tuple[npt.NDArray[np.int64], int]:
    """The row that each row's value is from (itself where it takes none), and how many take one.

    All arrays (N,), by object and time. ``lane``: the source, below ``lanes``: values stay within one. ``ends``:
    nothing is carried from before this row.
    """
    n = len(time_ns)
    last = np.full(lanes, -1, np.int64)
    row = np.empty(n, np.int64)
    taken = 0
    for i in range(n):
        if object_begins[i] or ends[i]:
            last[:] = -1
        row[i] = i
        k = lane[i]
        if says[i]:
            last[k] = i
        elif takes[i] and last[k] >= 0 and time_ns[i] - time_ns[last[k]] <= limit_ns:
            row[i] = last[k]
            taken += 1
    return row, taken


def carried(table: pl.DataFrame) -> pl.DataFrame:
    """The rows, sorted by object, time and frame where values were carried; else as they came.

    ``table``: columns of ``schema.REPORTS``, with object and time in every row. Only objects that say something
    in rows without a position (``no_position``) take part: others say everything beside the position.
    """
    apart = table.filter(
        (pl.col("status") == "no_position") & pl.any_horizontal(pl.col(name).is_not_null() for name in LIMITS_S)
    )["object_id"].unique()
    if not len(apart):
        return table
    table = table.sort("object_id", "time_ns", "segment", "offset", maintain_order=True)
    time_ns = table["time_ns"].to_numpy()
    number = table["object_id"].rle_id()
    begins = np.diff(number.to_numpy(), prepend=np.uint32(0)) != 0
    silent = np.diff(time_ns, prepend=time_ns[:1]) > TURNAROUND_S * S_NS
    ends = silent | table["new_leg"].fill_null(False).to_numpy()
    says = table["status"].is_in(_SAYS).to_numpy()
    takes = ((table["status"] == "ok") & table["object_id"].is_in(apart.implode())).to_numpy()
    sources = table["source"].to_physical().fill_null(0xFF).cast(pl.UInt32).to_numpy()
    one = np.zeros(len(table), np.uint32)
    changed: list[pl.Series] = []
    for name, limit_s in LIMITS_S.items():
        column = table[name]
        if not 0 < column.null_count() < len(column):
            continue
        valid = column.is_not_null().to_numpy()
        lane, lanes = (sources, 256) if name in _BY_SOURCE else (one, 1)
        row, taken = _origin(lane, lanes, begins, time_ns, says & valid, takes & ~valid, ends, int(limit_s * S_NS))
        if taken:
            changed.append(column.gather(row))
    return table.with_columns(changed)
