"""The archive: raw input as it came, hashed and only ever added to, and Parquet tables made from it.

Frame ids from an archive are those from the files that went in: a segment is the same bytes in both.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from testigos.errors import ArchiveError, UnknownFormat
from testigos.io.documents import Document, Source, Sources, opened
from testigos.io.options import text_of
from testigos.io.progress import Meter
from testigos.io.read import Account, link_of, reports_of, resolved
from testigos.io.segments import Reading, Seen, document_id
from testigos.io.streams import Note
from testigos.links._modes import Options
from testigos.registry import Link, recognise
from testigos.store.files import locked, put, writing
from testigos.store.packs import KeptDocument, Packs, PackWriter
from testigos.store.tables import Box, Tables, conditions

__all__ = ["Archive", "IngestAccount"]

_MARK: Final = "archive.json"
_FORMAT: Final = {"format": "testigos-archive", "version": 1}


@dataclass
class IngestAccount:
    """What an ingest did: ``documents`` were read, of which ``added`` are new and ``known`` were there.

    ``bytes`` and ``bytes_added`` are decompressed. ``unrecognised`` documents are kept, without rows.
    ``rows`` were added to the tables. ``problems`` are (document, what is wrong with it).
    """

    documents: int = 0
    added: int = 0
    known: int = 0
    bytes: int = 0
    bytes_added: int = 0
    rows: int = 0
    unrecognised: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


class Archive:
    """The archive in a folder; the folder is made at the first ingest.

    Raises ``ArchiveError`` if the folder holds something else or a damaged archive.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.is_archive(self.path):
            inside = list(self.path.iterdir()) if self.path.is_dir() else [self.path]
            # a first ingest that was killed at once leaves these
            if any(p.name not in ("lock", f".new-{_MARK}") for p in inside):
                raise ArchiveError(f"{self.path}: exists and is no archive; name a new or empty folder")
        self._load()

    def _load(self) -> None:
        self._packs = Packs(self.path / "raw")
        self._tables = Tables(self.path / "tables")

    @staticmethod
    def is_archive(path: str | PathLike[str]) -> bool:
        """Is there an archive in this folder?"""
        try:
            mark = msgspec.json.decode((Path(path) / _MARK).read_bytes())
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(mark, dict) and mark.get("format") == _FORMAT["format"]

    def ingest(
        self,
        sources: "Sequence[Source] | Source | Sources",
        *,
        link: str | Link | None = None,
        options: Options | None = None,
        progress: bool = False,
    ) -> IngestAccount:
        """Keeps every document of the sources, raw, and adds its reports to the tables.

        What is there already is left alone, so again changes nothing, and one that was killed goes on.
        ``link`` and ``options`` as for ``reports``; options are kept with the document. Raises ``ArchiveError``
        (locked, full, damaged; says what is safe), ``SourceUnavailable``, ``InputError``, ``UnknownName``.
        """
        forced = resolved(link)
        account = IngestAccount()
        with opened(sources) as those:
            with writing(self.path, "nothing was changed"):
                self.path.mkdir(parents=True, exist_ok=True)
            with locked(self.path / "lock"):
                self._load()  # another process may have added since
                if not self.is_archive(self.path):
                    with writing(self.path, "nothing was changed"):
                        put(self.path / _MARK, msgspec.json.encode(_FORMAT) + b"\n")
                self._keep(those, forced, options, account, progress)
                self._tabulate(forced, account, progress)
        return account

    def _kept_text(self) -> str:
        return f"the {len(self._packs.documents)} documents acknowledged so far are safe"

    def _keep(
        self, sources: Sources, forced: Link | None, options: Options | None, account: IngestAccount, progress: bool
    ) -> None:
        current = ""
        met: list[str] = []

        def note(name: str, text: str) -> None:
            account.problems.append((name, text))
            if name == current:
                met.append(text)

        told = Account()
        nothing_seen = Seen()
        with writing(self.path, self._kept_text()):
            writer = PackWriter(self._packs)
        try:
            with Meter("Keeping raw input", enabled=progress) as meter:
                for document in sources.documents(note):
                    current, met = document.name, []
                    reading = Reading(document, nothing_seen)
                    account.documents += 1
                    chosen = link_of(reading, forced, document.link, told, None, options)
                    for block in reading.blocks():
                        with writing(self.path, self._kept_text()):
                            writer.add_segment(reading.segments[-1].hex(), block)
                    account.bytes += reading.size
                    if not reading.size:
                        continue
                    if writer.has(reading.id.hex()):
                        account.known += 1
                        self._note_other_link(reading, chosen, account)
                        continue
                    account.added += 1
                    account.bytes_added += reading.size
                    writer.add_document(
                        KeptDocument(
                            id=reading.id.hex(),
                            name=reading.name,
                            link=None if chosen is None else text_of(chosen),
                            bytes=reading.size,
                            segments=tuple(digest.hex() for digest in reading.segments),
                            problems=tuple(met),
                        )
                    )
                    text = f"{account.documents:,} documents, {account.bytes / 1e6:,.0f} MB"
                    meter.update(sources.read_bytes, sources.total_bytes, text)
            with writing(self.path, self._kept_text()):
                writer.commit()
        finally:
            writer.abandon()
        account.problems.extend(told.problems)
        account.unrecognised.extend(told.unrecognised)

    def _note_other_link(self, reading: Reading, chosen: Link | None, account: IngestAccount) -> None:
        kept = self._packs.documents.get(reading.id.hex())
        told = "" if chosen is None else text_of(chosen)
        if kept is not None and "?" in told and kept.link != told:
            text = f"is kept already, to be read as {kept.link}; give other options to another archive"
            account.problems.append((reading.name, text))

    def _pending(self) -> list[KeptDocument]:
        """Documents that a link can read and whose rows are not in the tables."""
        done = set(self._tables.state.documents)
        return [d for d in self._packs.sorted_documents() if d.id not in done and self._legible(d)]

    def _legible(self, document: KeptDocument) -> bool:
        if document.link is not None:
            return True
        try:  # a link that was added later may know it
            recognise(self._packs.segment(document.segments[0])[: 64 << 10])
        except UnknownFormat:
            return False
        return True

    def _untabled(self, forced: Link | None, account: Account) -> tuple[list[KeptDocument], Iterator[pl.DataFrame]]:
        pending = self._pending()
        done = set(self._tables.state.documents)
        seen = Seen()
        for document in self._packs.sorted_documents():
            if document.id in done:
                seen.add(document.name, [bytes.fromhex(s) for s in document.segments], document.bytes)
        given = (self._document(d, forced) for d in pending)
        return pending, reports_of(given, account=account, seen=seen)

    def _tabulate(self, forced: Link | None, account: IngestAccount, progress: bool) -> None:
        told = Account()
        pending, tables = self._untabled(forced, told)
        with writing(self.path, self._kept_text()):
            self._tables.clean()
        if not pending:
            return
        total = sum(d.bytes for d in pending)
        with Meter("Making tables", enabled=progress) as meter:

            def shown() -> Iterator[pl.DataFrame]:
                for table in tables:
                    meter.update(told.bytes, total, f"{told.total_rows:,} rows")
                    yield table

            with writing(self.path, f"{self._kept_text()}; ingest again to complete the tables"):
                account.rows = self._tables.merge([d.id for d in pending], shown())

    def _document(self, kept: KeptDocument, forced: Link | None = None) -> Document:
        chunks = (self._packs.segment(name) for name in kept.segments)
        # a column map is not kept with a document, options are
        known = forced if forced is not None and kept.link == forced.NAME else kept.link
        return Document(kept.name, chunks, link=known)

    def documents(self, note: Note) -> Iterator[Document]:
        """All documents, by name, as they were read; so an archive is a source like any other."""
        for kept in self._packs.sorted_documents():
            for text in kept.problems:
                note(kept.name, text)
            yield self._document(kept)

    def segment(self, sha256: str) -> bytes:
        """Bytes of the segment of that SHA-256 (64 hex digits), checked. Raises ``ArchiveError``."""
        return self._packs.segment(sha256)

    def reports(
        self,
        objects: Collection[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        box: Box | None = None,
    ) -> Iterator[pl.DataFrame]:
        """Reports as the links gave them, by day, bucket, object and time.

        Only of these ``objects``; only in the half-open window from ``start_ns`` to ``end_ns`` (UTC), where
        rows without a time are not; only in ``box`` (south, west, north, east in degrees, WGS-84; west > east
        crosses the antimeridian), where rows without a position are not. Documents that a killed ingest left
        without tables are decoded from their raw bytes, after the others. Raises ``ArchiveError``.
        """
        yield from self._tables.read(objects, start_ns, end_ns, box)
        _, rest = self._untabled(None, Account())
        for table in rest:
            kept = table.filter(*conditions(objects, start_ns, end_ns, box))
            if len(kept):
                yield kept

    def verify(self) -> list[str]:
        """What is wrong with the archive, as sentences; empty if every byte is as it was acknowledged."""
        found = []
        for name in sorted(self._packs.segments):
            try:
                self._packs.segment(name)
            except ArchiveError as error:
                found.append(str(error))
        for document in self._packs.sorted_documents():
            missing = [s for s in document.segments if s not in self._packs.segments]
            found.extend(f"{self.path}: {document.name} lacks segment {s}" for s in missing)
            if document_id([bytes.fromhex(s) for s in document.segments]).hex() != document.id:
                found.append(f"{self.path}: {document.name} is not made of the segments its id says")
        unknown = sorted(set(self._tables.state.documents) - set(self._packs.documents))
        found.extend(f"{self.path}: the tables hold a document {d} that is not kept" for d in unknown)
        return found + self._tables.verify()
