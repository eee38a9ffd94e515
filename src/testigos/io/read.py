"""Documents to reports: recognise, split, decode, and say for each row where its bytes are.

Copies of a document are read once. What cannot be read is told in an ``Account``; nothing vanishes.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.errors import UnknownFormat
from testigos.io.documents import Document, Source, Sources, opened
from testigos.io.options import configured, link_from_text, takes_options
from testigos.io.progress import Meter
from testigos.io.segments import SEGMENT_BYTES, Piece, Reading, Seen
from testigos.io.streams import Note
from testigos.links._modes import Options
from testigos.registry import Frames, Link, recognise
from testigos.schema import ALL, REPORTS, Column, conform

__all__ = ["Account", "reports", "reports_of"]

# Rows given at a time, and bytes decoded at a time where documents can be joined.
_ROWS: Final = 1 << 17
_TABLES: Final = 1024
_JOIN_BYTES: Final = 2 << 20

_NO_DATE: Final = (
    "holds no date: nothing says when its frames were heard; give --began 2025-10-23T12:00Z, the UTC of its first frame"
)


@dataclass
class Account:
    """What became of the input: filled while it is read.

    ``rows`` by status, ``links`` rows by link. ``duplicates`` are copies, read once: (copy, first).
    ``problems`` are (document, what is wrong with it).
    """

    documents: int = 0
    bytes: int = 0
    frames: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    links: dict[str, int] = field(default_factory=dict)
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    unrecognised: list[str] = field(default_factory=list)
    told: Note | None = None

    def note(self, document: str, text: str) -> None:
        """Records that something is wrong with a document, or tells ``told``, if there is one, at once."""
        if self.told is not None:
            self.told(document, text)
        else:
            self.problems.append((document, text))

    def count(self, link: str, table: pl.DataFrame) -> None:
        """Counts the rows that a link gave."""
        for status, count in table["status"].value_counts().iter_rows():
            key = str(status)
            self.rows[key] = self.rows.get(key, 0) + count
        self.links[link] = self.links.get(link, 0) + len(table)

    @property
    def total_rows(self) -> int:
        """Rows of every status."""
        return sum(self.rows.values())


@dataclass(slots=True)
class _Batch:
    """Decoded tables that wait to be given as one, with the place of each row's frame in the raw input."""

    tables: list[pl.DataFrame] = field(default_factory=list)
    segments: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    offsets: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    fresh: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    rows: int = 0

    def add(self, table: pl.DataFrame, places: npt.NDArray[np.int64], keys: npt.NDArray[np.uint64], known: int) -> None:
        """``places``: where in its document each row's frame begins; ``keys`` of the document's segments."""
        if len(keys) == 1:
            self.segments.append(np.full(len(places), keys[0]))
            self.offsets.append(places.astype(np.uint64))
        else:
            self.segments.append(keys[places // SEGMENT_BYTES])
            self.offsets.append((places % SEGMENT_BYTES).astype(np.uint64))
        ends = places + table["length"].to_numpy() if known else None
        self.fresh.append(np.ones(len(places), np.bool_) if ends is None else ends > known)
        self.tables.append(table)
        self.rows += len(table)

    def add_joined(self, table: pl.DataFrame, begins: npt.NDArray[np.int64], keys: npt.NDArray[np.uint64]) -> None:
        """Rows of whole documents of one segment each, joined; each begins at ``begins`` in the buffer."""
        offset = table["offset"].to_numpy().astype(np.int64)
        which = np.searchsorted(begins, offset, side="right") - 1
        self.segments.append(keys[which])
        self.offsets.append((offset - begins[which]).astype(np.uint64))
        self.fresh.append(np.ones(len(offset), np.bool_))
        self.tables.append(table)
        self.rows += len(table)

    def taken(self, columns: dict[str, Column]) -> pl.DataFrame:
        """Everything that waits, as one table of these columns."""
        how = "vertical" if all(t.columns == self.tables[0].columns for t in self.tables) else "diagonal"
        table = self.tables[0] if len(self.tables) == 1 else pl.concat(self.tables, how=how)  # type: ignore[arg-type]
        table = table.with_columns(
            pl.Series("segment", np.concatenate(self.segments), pl.UInt64),
            pl.Series("offset", np.concatenate(self.offsets), pl.UInt64),
        )
        fresh = np.concatenate(self.fresh)
        if not fresh.all():
            table = table.filter(pl.Series(fresh))
        self.tables, self.segments, self.offsets, self.fresh, self.rows = [], [], [], [], 0
        return conform(table.select(name for name in table.columns if name in columns), columns)


@dataclass(slots=True)
class _Joined:
    """Small documents waiting to be decoded as one buffer, where their link allows it."""

    frames: list[Frames] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    size: int = 0

    def add(self, frames: Frames, key: int) -> None:
        self.frames.append(frames)
        self.keys.append(key)
        self.size += len(frames.buffer)

    def taken(self) -> tuple[Frames, npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
        sizes = np.array([len(f.buffer) for f in self.frames], np.int64)
        begins = np.cumsum(sizes) - sizes
        shift = np.repeat(begins, [len(f) for f in self.frames])
        joined = Frames(
            b"".join(f.buffer for f in self.frames),
            np.concatenate([f.start for f in self.frames]) + shift,
            np.concatenate([f.stop for f in self.frames]) + shift,
            np.concatenate([f.context for f in self.frames]),
        )
        keys = np.array(self.keys, np.uint64)
        self.frames, self.keys, self.size = [], [], 0
        return joined, begins, keys


def resolved(link: str | Link | None) -> Link | None:
    """The link of a name, options included; a link as it is. Raises ``UnknownName``, ``InputError``."""
    return link_from_text(link) if isinstance(link, str) else link


def link_of(
    reading: Reading,
    forced: Link | None,
    hint: str | Link | None,
    account: Account,
    likely: Link | None = None,
    options: Options | None = None,
) -> Link | None:
    """The link to read a document with; null, and an entry in the account, where there is none.

    ``options`` are for links of raw frames that have none of their own.
    """
    if not reading.size:
        account.note(reading.name, "empty")
        return None
    if forced is not None:
        return configured(forced, options)
    known = resolved(hint)
    if known is not None:
        return configured(known, options)
    try:
        return configured(recognise(reading.head, reading.name, likely), options)
    except UnknownFormat as error:
        account.note(reading.name, str(error).removeprefix(f"{reading.name}: "))
        account.unrecognised.append(reading.name)
        return None


def with_receiver(table: pl.DataFrame, link: Link, document: str) -> pl.DataFrame:
    """Rows of a link of transmissions name who heard them: the document, where the format does not say."""
    if "transmission" not in link.GIVES:
        return table
    named = pl.lit(document, pl.String)
    if "receiver" in table.columns and table["receiver"].null_count() < len(table):
        named = pl.col("receiver").fill_null(named)
    return table.with_columns(named.alias("receiver"))


def _joinable(link: Link, reading: Reading, piece: Piece) -> bool:
    # A damaged document can open with a frame that forgets nothing: it must not inherit from its neighbour.
    fresh = getattr(link, "FRESH_START", None)
    if fresh is None or reading.size > _JOIN_BYTES or not len(piece.frames):
        return False
    first = int(piece.frames.start[0])
    return bool(piece.frames.context[0]) and piece.frames.buffer.startswith(fresh, first)


def reports_of(
    documents: Iterator[Document],
    *,
    account: Account,
    link: str | Link | None = None,
    seen: Seen | None = None,
    options: Options | None = None,
    detail: bool = False,
) -> Iterator[pl.DataFrame]:
    """Reports of documents, in their order; ``seen`` holds what earlier calls have read, and is added to.

    Tables of the columns of ``schema.REPORTS``, with ``detail`` of ``schema.ALL``, of some 100,000 rows.
    Raises ``UnknownName``.
    """
    forced = resolved(link)
    columns = ALL if detail else REPORTS
    known = Seen() if seen is None else seen
    batch, joined = _Batch(), _Joined()
    current: Link | None = None  # whose rows the batch and the joined documents are

    def decode_joined() -> None:
        if joined.frames:
            assert current is not None
            frames, begins, keys = joined.taken()
            table, _ = current.decode(frames, None)
            batch.add_joined(table, begins, keys)

    def given() -> Iterator[pl.DataFrame]:
        decode_joined()
        if batch.rows:
            assert current is not None
            table = batch.taken(columns)
            account.count(current.NAME, table)
            yield table

    for document in documents:
        reading = Reading(document, known)
        account.documents += 1
        if reading.in_one_segment and reading.copy_of is not None:
            account.bytes += reading.size
            account.duplicates.append((reading.name, reading.copy_of))
            continue
        chosen = link_of(reading, forced, document.link, account, current, options)
        if chosen is None:
            for _ in reading.blocks():
                pass
            account.bytes += reading.size
            known.add(reading.name, reading.segments, reading.size)
            continue
        if chosen is not current:
            yield from given()
            current = chosen
        carry: Any = None
        dated = not takes_options(chosen)
        try:
            for piece in reading.pieces(chosen):
                account.frames += len(piece.frames) - int(piece.frames.context.sum())
                if _joinable(chosen, reading, piece):
                    joined.add(piece.frames, int(reading.keys()[0]))
                    if joined.size >= _JOIN_BYTES:
                        decode_joined()
                else:
                    decode_joined()
                    carry, timed = _decode(chosen, piece, carry, reading, batch)
                    dated = dated or timed
                if batch.rows >= _ROWS or len(batch.tables) >= _TABLES:
                    yield from given()
        except Exception as error:
            error.add_note(f"while reading {reading.name} with link {chosen.NAME}")
            raise
        account.bytes += reading.size
        if not dated:
            account.note(reading.name, _NO_DATE)
        if reading.copy_of is not None:
            account.duplicates.append((reading.name, reading.copy_of))
        known.add(reading.name, reading.segments, reading.size)
    yield from given()


def _decode(link: Link, piece: Piece, carry: Any, reading: Reading, batch: _Batch) -> tuple[Any, bool]:
    """The carry, and whether any row says when."""
    table, after = link.decode(piece.frames, carry)
    if len(table):
        table = with_receiver(table, link, reading.name)
        places = table["offset"].to_numpy().astype(np.int64) + piece.base
        batch.add(table, places, reading.keys(), piece.known)
    return after, table["time_ns"].null_count() < len(table)


def reports(
    sources: "Sequence[Source] | Source | Sources",
    *,
    link: str | Link | None = None,
    account: Account | None = None,
    objects: Collection[str] | None = None,
    options: Options | None = None,
    detail: bool = False,
    progress: bool = False,
) -> Iterator[pl.DataFrame]:
    """Everything that the sources report, as tables of the columns of ``schema.REPORTS``.

    ``sources``: see ``documents``. ``link``: a format's name or a link itself, instead of recognising each
    document's format from its first 64 KiB. ``objects``: only rows of these ids (``account`` counts all).
    ``options``: what raw frames cannot say of themselves. ``detail``: columns of ``schema.ALL``.
    ``segment``, ``offset`` and ``length`` say where in the raw input a row comes from.
    Raises ``UnknownFormat`` (nothing was recognised), ``SourceUnavailable``, ``InputError``, ``UnknownName``.
    """
    told = Account() if account is None else account
    with opened(sources) as those, Meter("Reading", enabled=progress) as meter:
        found = reports_of(those.documents(told.note), account=told, link=link, options=options, detail=detail)
        for table in found:
            kept = table if objects is None else table.filter(pl.col("object_id").is_in(list(objects)))
            if len(kept):
                yield kept
            text = f"{told.documents:,} documents, {told.total_rows:,} rows"
            meter.update(those.read_bytes, those.total_bytes, text)
    _refuse_nothing(told)


def _refuse_nothing(account: Account) -> None:
    if account.links or account.frames:
        return
    if not account.documents:
        raise UnknownFormat("nothing to read: no document in what was named")
    if account.problems:
        first = "; ".join(f"{name}: {text}" for name, text in account.problems[:3])
        more = f"; and {len(account.problems) - 3} more" if len(account.problems) > 3 else ""
        raise UnknownFormat(f"nothing could be read: {first}{more}")
