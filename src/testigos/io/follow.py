"""Live sources decoded as they come: each is one document without an end.

What is decoded is the record that ``io.stamped`` makes of the bytes, so that its replay gives the same rows. A
connection that breaks changes nothing about what is known of the aircraft.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import polars as pl

from testigos.io.live import Arrival, Clock, Patience, address, arrivals
from testigos.io.options import configured
from testigos.io.read import Account, with_receiver
from testigos.io.stamped import record_of
from testigos.links._modes import Options
from testigos.registry import Link
from testigos.schema import ALL, conform

__all__ = ["Following", "follow"]


class Following:
    """One document that grows; ``name`` is its receiver where the format names none.

    ``only``: columns that are wanted, of those that the format has, instead of all of ``schema.ALL``.
    """

    def __init__(self, name: str, link: Link, only: Collection[str] | None = None) -> None:
        self._name = name
        self._only = only
        self.link = link
        self._carry: Any = None
        self._rest = b""
        self._base = 0

    @property
    def unfinished(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._rest)

    def add(self, data: bytes, final: bool = False) -> tuple[pl.DataFrame, int]:
        """Rows of the frames that ``data`` completes (without a segment), and how many frames."""
        buffer = self._rest + data
        frames, self._rest = self.link.split(buffer, final)
        table, self._carry = self.link.decode(frames, self._carry)
        wanted = [name for name in table.columns if self._only is None or name in self._only]
        if "offset" in wanted:
            moved = table.get_column("offset") + self._base
            table = table[wanted].replace_column(wanted.index("offset"), moved)
        else:
            table = table[wanted]
        self._base += len(buffer) - len(self._rest)
        count = len(frames) - int(frames.context.sum())
        if self._only is not None:
            return table, count
        return conform(with_receiver(table, self.link, self._name), ALL), count


def follow(
    urls: Sequence[str],
    *,
    stop: Callable[[], bool],
    account: Account,
    options: Options | None = None,
    clock: Clock | None = None,
    patience: Patience | None = None,
) -> Iterator[pl.DataFrame]:
    """What live sources say, in tables of the columns of ``schema.ALL``, within 50 ms; ends after ``stop`` says so.

    A table without rows says that nothing came. ``account`` is told what came, and of every connection made or lost.
    Raises ``SourceUnavailable`` for a URL that is none.
    """
    addresses = [address(url) for url in urls]
    records = [record_of(place.scheme, options) for place in addresses]
    documents = [
        Following(str(place), configured(record.link, options))
        for place, record in zip(addresses, records, strict=True)
    ]
    account.documents += len(addresses)

    def rows(arrival: Arrival, final: bool = False) -> pl.DataFrame:
        account.bytes += len(arrival.data)
        document = documents[arrival.source]
        table, frames = document.add(records[arrival.source].add(arrival), final)
        account.frames += frames
        account.count(document.link.NAME, table)
        return table

    nothing = conform(pl.DataFrame(), ALL)
    last_ns = [0] * len(addresses)
    for batch in arrivals(addresses, stop=stop, note=account.note, clock=clock, patience=patience):
        for arrival in batch:
            last_ns[arrival.source] = arrival.time_ns or last_ns[arrival.source]
        tables = [table for arrival in batch if len(table := rows(arrival))]
        yield pl.concat(tables) if tables else nothing
    # what a message lacks now it will never get
    ends = (rows(Arrival(number, time_ns, b"", ended=True), final=True) for number, time_ns in enumerate(last_ns))
    for table in ends:
        if len(table):
            yield table
