"""Any table of separated values: the columns are known by their names, or a user says which is which.

Separators are comma, semicolon, tab and bar; fields can be quoted. A line of names has no field that begins
like a number; it can come again, and lines that begin with ``#`` are passed over. OpenSky state vectors, the
tables of ``traffic`` and those with the names of this package's own schema need no column map. A quoted field
with a line end inside makes its row malformed.

OpenSky repeats a position for up to 15 s: the time is ``lastposupdate`` there, so that repeats are
duplicates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import polars as pl

from testigos.links._columns import COLUMN_GIVES, chosen_columns
from testigos.links._separated import Chosen, decode_table, header, split_table
from testigos.registry import Frames, Link

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "Table", "configured", "decode", "recognise", "split"]

NAME: Final = "csv"
SPEC: Final = "RFC 4180; OpenSky state vectors, https://openskynetwork.github.io/opensky-api/trino.html"
CHECKED: Final = False
GIVES: Final = COLUMN_GIVES


@dataclass(frozen=True)
class Table:
    """The link with a column map, as ``registry.Link``."""

    columns: Chosen = ()
    NAME: str = NAME
    SPEC: str = SPEC
    CHECKED: bool = CHECKED
    GIVES: tuple[str, ...] = GIVES

    def recognise(self, head: bytes) -> int:
        """40 where the first line that is no comment names columns, 50 with time and position among them."""
        for line in head[:8192].splitlines():
            if line.strip():
                known = header(line.strip(), self.columns)
                if known is None and line.startswith(b"#"):
                    continue
                if known is None or b"<" in line or b"{" in line:
                    return 0
                have = {u.column for u in known[2]}
                return 50 if {"time_ns", "lat_deg", "lon_deg"} <= have else 40
        return 0

    def split(self, buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
        """A frame a line; lines of names and comments are context."""
        return split_table(buffer, final, self.columns)

    def decode(self, frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
        """A row a line; ``carry`` is the last line of names."""
        return decode_table(frames, carry, self.columns, self.GIVES)


def configured(mapping: Mapping[str, str]) -> Link:
    """The link for tables whose columns have other names; ``name:unit`` tells a unit. Raises ``ValueError``.

    >>> link = configured({"time": "when", "id": "who", "lat": "y1", "lon": "x1", "alt": "height:m"})
    >>> frames, _ = link.split(b"who,when,y1,x1,height\\nae503d,2022-08-02T07:36Z,3.1,101.5,304.8\\n", True)
    >>> link.decode(frames, None)[0].select("object_id", "lat_deg", "alt_baro_ft", "status").row(0)
    ('icao:ae503d', 3.1, 1000.0, 'ok')
    """
    # a module's names are variables, a frozen class's are not: the only thing that a checker misses
    return cast(Link, Table(chosen_columns(mapping)))


_PLAIN: Final = Table()
recognise, split, decode = _PLAIN.recognise, _PLAIN.split, _PLAIN.decode
