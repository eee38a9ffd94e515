"""What a decoder saw, counted: for people, on standard error."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from testigos.model import iso_utc
from testigos.units import S_NS

__all__ = ["SILENCE_S", "Summary"]

SILENCE_S: Final = 30  #: a receiver that says nothing for longer has a gap
_MOST_GAPS: Final = 10
_REFUSED: Final = ("unreachable", "out_of_range", "ambiguous")


@dataclass
class Summary:
    """Counts of rows by downlink format, of positions and of those refused by reason; objects; gaps by receiver."""

    rows: int = 0
    formats: Counter[int | None] = field(default_factory=Counter)
    positions: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    repaired: int = 0
    objects: set[str] = field(default_factory=set)
    gaps: list[tuple[str, int, int]] = field(default_factory=list)
    _last_ns: dict[str, int] = field(default_factory=dict)

    def add(self, table: pl.DataFrame) -> None:
        """Counts rows, columns of ``schema.ALL``."""
        self.rows += len(table)
        for number, count in table["df"].value_counts().iter_rows():
            self.formats[number] += count
        placed = table.filter(pl.col("lat_deg").is_not_null() | pl.col("cpr_lat").is_not_null())
        for status, count in placed["status"].value_counts().iter_rows():
            if status == "ok":
                self.positions += count
            elif status in _REFUSED:
                self.refused[str(status)] += count
        self.repaired += len(table) - table["repaired_bit"].null_count()
        self.objects.update(table["object_id"].drop_nulls().unique())
        self._silences(table)

    def counted(self, tables: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """The same tables, each counted before it is given."""
        for table in tables:
            if len(table):
                self.add(table)
            yield table

    def _silences(self, table: pl.DataFrame) -> None:
        heard = table.select("receiver", "time_ns").filter(
            table["transmission"].is_not_null() & table["time_ns"].is_not_null()
        )
        for (name,), rows in heard.partition_by("receiver", as_dict=True, maintain_order=True).items():
            receiver = str(name or "")
            times = rows["time_ns"].to_numpy()
            latest = np.maximum.accumulate(np.concatenate([[self._last_ns.get(receiver, times[0])], times]))
            for at in np.flatnonzero(np.diff(latest) > SILENCE_S * S_NS).tolist():
                self.gaps.append((receiver, int(latest[at]), int(latest[at + 1])))
            self._last_ns[receiver] = int(latest[-1])

    def lines(self) -> list[str]:
        """As text, a line a subject; subjects without a count are left out."""
        by_format = (
            f"DF {number} {count:,}" if number is not None else f"no DF {count:,}"
            for number, count in sorted(self.formats.items(), key=lambda item: (item[0] is None, item[0] or 0))
        )
        refused = ", ".join(f"{count:,} {reason}" for reason, count in sorted(self.refused.items()))
        told = [
            f"Messages: {', '.join(by_format) or 'none'}",
            f"Objects: {len(self.objects):,}",
            f"Positions: {self.positions:,} good; refused: {refused or 'none'}",
        ]
        if self.repaired:
            told.append(f"Repaired: {self.repaired:,}")
        for receiver, start, end in self.gaps[:_MOST_GAPS]:
            told.append(f"Gap: {receiver or 'input'} silent for {(end - start) / S_NS:,.0f} s from {iso_utc(start)}")
        if len(self.gaps) > _MOST_GAPS:
            told.append(f"Gap: and {len(self.gaps) - _MOST_GAPS:,} more")
        return told
