"""Live sources into an archive: a file that is added to and synced, and a document of the archive every hour.

The file lies in ``live/`` of the archive, one a source, named ``<source>-<UTC of its first byte>.<link>``. A recorder
that was killed leaves it, at most a second short; the next one takes it in, as does ``Recorder.adopt``.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from testigos.errors import ArchiveError
from testigos.io.documents import Document
from testigos.io.live import Clock, HostClock, Patience, address, arrivals
from testigos.io.options import configured
from testigos.io.read import Account
from testigos.io.stamped import Record, record_of
from testigos.io.streams import CHUNK_BYTES, Note
from testigos.links._modes import Options
from testigos.model import iso_utc
from testigos.registry import link as link_named
from testigos.store.archive import Archive, IngestAccount
from testigos.store.files import locked, synced_folder, writing

__all__ = ["DOCUMENT_BYTES", "DOCUMENT_S", "Recorder", "record_live"]

DOCUMENT_S: Final = 3600
DOCUMENT_BYTES: Final = 256 << 20
_SYNC_S: Final = 1.0
_FOLDER: Final = "live"


@dataclass
class _Open:
    """A document that is being written."""

    path: Path
    file: IO[bytes]
    began_s: float
    synced_s: float
    size: int = 0


class _Kept:
    """Recorded files as documents of an archive."""

    def __init__(self, paths: list[Path], options: Options | None) -> None:
        self._paths = paths
        self._options = options

    def documents(self, note: Note) -> Iterator[Document]:
        for path in self._paths:
            link = configured(link_named(path.suffix[1:]), self._options)
            yield Document(path.stem, _chunks(path), link)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            yield data


def _file_name(source: str, time_ns: int, link: str) -> str:
    place = re.sub(r"[^0-9A-Za-z.]+", "-", source).strip("-")
    return f"{place}-{iso_utc(time_ns).replace(':', '').replace('-', '')}.{link}"


class Recorder:
    """Writes what live sources send, for a ``with`` block; one at a time in an archive.

    ``records`` are by source; what each ``add`` gives is kept. Methods raise ``ArchiveError``.
    """

    def __init__(self, archive: Archive, sources: list[str], records: list[Record], options: Options | None) -> None:
        self._archive = archive
        self._folder = archive.path / _FOLDER
        self._sources = sources
        self._records = records
        self._options = options
        self._open: dict[int, _Open] = {}
        self._stack = ExitStack()
        self.account = IngestAccount()

    def __enter__(self) -> Self:
        with writing(self._folder, "nothing was changed"):
            self._folder.mkdir(parents=True, exist_ok=True)
        if not Archive.is_archive(self._archive.path):
            self._archive.ingest([])
        self._stack.enter_context(locked(self._folder / "lock"))
        self.adopt()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            for number in sorted(self._open):
                self._close(number)
            if kind is None:
                self.adopt()

    def add(self, number: int, data: bytes, time_ns: int, now_s: float) -> None:
        """Keeps bytes of a source's record; ``now_s`` is any steady clock."""
        with writing(self._folder, "what was recorded before is safe"):
            held = self._open.get(number)
            if held is None:
                if not data:
                    return
                name = _file_name(self._sources[number], time_ns, self._records[number].link.NAME)
                path = self._folder / name
                held = self._open[number] = _Open(path, path.open("ab"), now_s, now_s)
                synced_folder(self._folder)
            held.file.write(data)
            held.size += len(data)
            if now_s - held.synced_s >= _SYNC_S:
                held.file.flush()
                os.fsync(held.file.fileno())
                held.synced_s = now_s

    def full(self, now_s: float) -> bool:
        """Is it time to make documents?"""
        return any(h.size >= DOCUMENT_BYTES or now_s - h.began_s >= DOCUMENT_S for h in self._open.values())

    def _close(self, number: int) -> None:
        held = self._open.pop(number)
        with writing(held.path, "what was synced before is safe"), held.file:
            held.file.flush()
            os.fsync(held.file.fileno())

    def rotate(self) -> None:
        """What has been recorded becomes documents of the archive; where that is busy, later."""
        for number in sorted(self._open):
            self._close(number)
        self.adopt()

    def adopt(self) -> None:
        """Takes in what lies in the folder, left by a recorder that was killed or by this one."""
        open_now = {held.path for held in self._open.values()}
        paths = sorted(p for p in self._folder.iterdir() if p.is_file() and p.name != "lock" and p not in open_now)
        paths = [p for p in paths if p.stat().st_size]
        if not paths:
            return
        try:
            done = self._archive.ingest(_Kept(paths, self._options))
        except ArchiveError as error:
            self.account.problems.append((str(self._folder), f"{error}; kept as it is"))
            return
        self.account.documents += done.documents
        self.account.added += done.added
        self.account.known += done.known
        self.account.bytes += done.bytes
        self.account.rows += done.rows
        self.account.problems += done.problems
        for path in paths:
            path.unlink()


def record_live(
    urls: Sequence[str],
    archive: Archive,
    *,
    stop: Callable[[], bool],
    account: Account,
    options: Options | None = None,
    clock: Clock | None = None,
    patience: Patience | None = None,
) -> IngestAccount:
    """Keeps what live sources send until ``stop`` says so; see ``io.follow`` for the rest.

    Raises ``ArchiveError`` (locked, full), ``SourceUnavailable``.
    """
    here = clock or HostClock()
    addresses = [address(url) for url in urls]
    records = [record_of(place.scheme, options) for place in addresses]
    with Recorder(archive, [str(place) for place in addresses], records, options) as recorder:
        for batch in arrivals(addresses, stop=stop, note=account.note, clock=here, patience=patience):
            for arrival in batch:
                account.bytes += len(arrival.data)
                grown = records[arrival.source].add(arrival)
                recorder.add(arrival.source, grown, arrival.time_ns, here.monotonic())
            if recorder.full(here.monotonic()):
                recorder.rotate()
    return recorder.account
