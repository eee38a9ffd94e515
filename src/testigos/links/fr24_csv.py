"""Flightradar24 flight export as CSV: ``Timestamp,UTC,Callsign,Position,Altitude,Speed,Direction``.

It has no address: the object is ``callsign:...``. The altitude is pressure altitude in feet, where 0 means on
the ground or unknown; own rule: 0 at up to 60 kt is on the ground, and the altitude is null either way.
"""

from typing import Any, Final

import polars as pl

from testigos.links._separated import decode_table, split_table
from testigos.registry import Frames

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "recognise", "split"]

NAME: Final = "fr24_csv"
SPEC: Final = "Flightradar24 CSV export; no public specification"
CHECKED: Final = False
GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "on_ground"),
    *("gs_kt", "track_deg", "callsign", "offset", "length"),
)

_HEAD: Final = b"timestamp,utc,callsign,position,altitude,speed,direction"
_CALM_KT: Final = 60.0


def recognise(head: bytes) -> int:
    """95 where the first line has exactly its names, else 0."""
    first = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    return 95 if first.replace(b'"', b"").replace(b" ", b"").strip().lower() == _HEAD else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame a line; the line of names is context."""
    return split_table(buffer, final, ())


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a line; ``carry`` is the line of names."""
    table, carry = decode_table(frames, carry, (), GIVES)
    zero = pl.col("alt_baro_ft") == 0
    return table.with_columns(
        alt_baro_ft=pl.when(~zero).then("alt_baro_ft"),
        on_ground=pl.when(zero & (pl.col("gs_kt") <= _CALM_KT)).then(True).when(~zero).then(False),
    ), carry
