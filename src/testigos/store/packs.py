"""Raw evidence: segments named by their SHA-256 in packs that are written once and never changed.

``raw/000001.zst`` holds one zstd frame a segment, one after another (``zstd -dc`` gives the raw bytes back);
``raw/000001.jsonl`` says which segment is where and which documents are complete. The second file is renamed
into place last: what it names is acknowledged, and nothing else is.
"""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Annotated, Final

import msgspec
import zstandard

from testigos.errors import ArchiveError
from testigos.store.files import put, synced_folder

__all__ = ["KeptDocument", "PackWriter", "Packs"]

_PACK_BYTES: Final = 256 << 20  #: stored bytes after which a pack is closed and acknowledged
_LEVEL: Final = 3


Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Size = Annotated[int, msgspec.Meta(ge=0)]


class KeptSegment(msgspec.Struct, frozen=True, tag="segment", tag_field="kind"):
    """Where a segment is: ``stored`` bytes from ``at`` in a pack, ``bytes`` when decompressed."""

    sha256: Sha256
    at: Size
    stored: Size
    bytes: Size


class KeptDocument(msgspec.Struct, frozen=True, tag="document", tag_field="kind"):
    """A complete document; ``link`` is null where none recognised it, ``problems`` were met in reading."""

    id: Sha256
    name: str
    link: str | None
    bytes: Size
    segments: tuple[Sha256, ...]
    problems: tuple[str, ...] = ()


_DECODER: Final = msgspec.json.Decoder(KeptSegment | KeptDocument)
_ENCODER: Final = msgspec.json.Encoder()


@dataclass
class Packs:
    """All segments and documents that are acknowledged. Raises ``ArchiveError`` on a damaged index."""

    folder: Path
    segments: dict[str, tuple[str, KeptSegment]] = field(default_factory=dict)
    documents: dict[str, KeptDocument] = field(default_factory=dict)
    number: int = 0

    def __post_init__(self) -> None:
        for path in sorted(self.folder.glob("[0-9]*.jsonl")):
            try:
                records = _DECODER.decode_lines(path.read_bytes())
            except (ValueError, OSError) as error:
                raise ArchiveError(f"{path}: damaged index: {error}") from None
            self.add(path.stem, records)

    def add(self, stem: str, records: "list[KeptSegment | KeptDocument]") -> None:
        """Takes in what an index file says."""
        self.number = max(self.number, int(stem))
        for record in records:
            if isinstance(record, KeptSegment):
                self.segments[record.sha256] = (stem, record)
            else:
                self.documents[record.id] = record

    def sorted_documents(self) -> list[KeptDocument]:
        """All documents, by name, then by content."""
        return sorted(self.documents.values(), key=lambda d: (d.name, d.id))

    def segment(self, name: str) -> bytes:
        """Bytes of the segment of that SHA-256 (hex), checked. Raises ``ArchiveError``."""
        if name not in self.segments:
            raise ArchiveError(f"{self.folder}: no segment {name}")
        stem, place = self.segments[name]
        path = self.folder / f"{stem}.zst"
        try:
            with open(path, "rb") as pack:
                pack.seek(place.at)
                stored = pack.read(place.stored)
            if zstandard.frame_content_size(stored) != place.bytes:
                raise zstandard.ZstdError("wrong size")
            data = zstandard.ZstdDecompressor().decompress(stored)
        except (OSError, zstandard.ZstdError) as error:
            raise ArchiveError(f"{path}: segment {name} cannot be read: {error}") from None
        if sha256(data).hexdigest() != name:
            raise ArchiveError(f"{path}: segment {name} has other bytes than its name says")
        return data


class PackWriter:
    """Adds to packs; only what ``commit`` returned from is acknowledged. Methods raise ``OSError``."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._records: list[KeptSegment | KeptDocument] = []
        self._fresh: set[str] = set()
        self._ids: set[str] = set()
        self._file: IO[bytes] | None = None
        self._path = packs.folder / ".new.zst"
        packs.folder.mkdir(parents=True, exist_ok=True)
        for left in packs.folder.glob(".new*"):  # of an ingest that was killed
            left.unlink()

    def add_segment(self, name: str, data: bytes) -> None:
        """Keeps a segment unless it is kept already."""
        if name in self._packs.segments or name in self._fresh:
            return
        if self._file is None:
            self._file = open(self._path, "wb")  # noqa: SIM115  (closed in commit or abandon)
        at = self._file.tell()
        stored = self._compressor.compress(data)
        self._file.write(stored)
        self._fresh.add(name)
        self._records.append(KeptSegment(name, at, len(stored), len(data)))
        if at + len(stored) >= _PACK_BYTES:
            self.commit()

    def add_document(self, document: KeptDocument) -> None:
        """A document all of whose segments have been added."""
        self._records.append(document)
        self._ids.add(document.id)

    def has(self, document: str) -> bool:
        """Is a document of that id kept or about to be?"""
        return document in self._packs.documents or document in self._ids

    def commit(self) -> None:
        """Makes everything so far durable."""
        if not self._records:
            return
        stem = f"{self._packs.number + 1:06d}"
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
            os.replace(self._path, self._packs.folder / f"{stem}.zst")
            synced_folder(self._packs.folder)
        lines = b"".join(_ENCODER.encode(record) + b"\n" for record in self._records)
        put(self._packs.folder / f"{stem}.jsonl", lines)
        self._packs.add(stem, self._records)
        self._records, self._fresh, self._ids = [], set(), set()

    def abandon(self) -> None:
        """Forgets what has not been committed."""
        if self._file is not None:
            with suppress(OSError):  # what could not be flushed was never acknowledged
                self._file.close()
            self._file = None
        self._path.unlink(missing_ok=True)
