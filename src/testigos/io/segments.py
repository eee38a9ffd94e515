"""A document's bytes as hashed segments and as a link's frames: what frame ids are made of.

A *segment* is a block of ``SEGMENT_BYTES`` of a document's decompressed bytes (the last is shorter), named by
its SHA-256. A frame belongs to the segment it begins in and may run on into the next.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from testigos.io.documents import Document
from testigos.registry import Frames, Link

__all__ = ["HEAD_BYTES", "SEGMENT_BYTES", "Piece", "Reading", "Seen", "document_id", "segment_key"]

SEGMENT_BYTES: Final = 32 << 20
HEAD_BYTES: Final = 64 << 10  #: what a format is recognised from

# Bytes split and decoded at a time: enough to vectorise over, little enough for a small machine.
_PIECE_BYTES: Final = 4 << 20


def segment_key(sha256: bytes) -> int:
    """A segment's hash as it stands in the ``segment`` column: its first 8 bytes, big-endian.

    >>> f"{segment_key(bytes.fromhex('00ff' * 16)):016x}"
    '00ff00ff00ff00ff'
    """
    return int.from_bytes(sha256[:8], "big")


def document_id(segments: list[bytes]) -> bytes:
    """What names a document by its content: SHA-256 over the hashes of its segments."""
    return hashlib.sha256(b"".join(segments)).digest()


@dataclass(slots=True)
class Seen:
    """What has been read before, so that copies are read once.

    ``documents``: id to name. ``beginnings``: ids of runs of whole segments that some document begins with.
    """

    documents: dict[bytes, str] = field(default_factory=dict)
    beginnings: set[bytes] = field(default_factory=set)

    def add(self, name: str, segments: list[bytes], size: int) -> None:
        """A document has been read to its end."""
        self.documents.setdefault(document_id(segments), name)
        for count in range(1, size // SEGMENT_BYTES + 1):
            self.beginnings.add(document_id(segments[:count]))


@dataclass(frozen=True, slots=True)
class Piece:
    """Frames of a document whose buffer begins ``base`` bytes into it.

    ``known``: frames that end at or before this byte of the document were in an earlier document too.
    """

    frames: Frames
    base: int
    known: int


def _blocks(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks of ``SEGMENT_BYTES``, and at last one that is shorter, perhaps empty."""
    held: list[bytes] = []
    size = 0
    for fresh in chunks:
        chunk = fresh
        while size + len(chunk) >= SEGMENT_BYTES:
            cut = SEGMENT_BYTES - size
            held.append(chunk[:cut])
            yield b"".join(held)
            held, size, chunk = [], 0, chunk[cut:]
        if chunk:
            held.append(chunk)
            size += len(chunk)
    yield held[0] if len(held) == 1 else b"".join(held)


class Reading:
    """One document being read: ``segments`` (hashes) and ``size`` grow as its bytes come."""

    def __init__(self, document: Document, seen: Seen) -> None:
        self.name = document.name
        self.segments: list[bytes] = []
        self.size = 0
        self._seen = seen
        self._known = 0
        self._chain = hashlib.sha256()
        self._blocks = _blocks(document.chunks())
        self._block = self._advance()

    def _advance(self) -> bytes:
        block = next(self._blocks)
        if block:
            digest = hashlib.sha256(block).digest()
            self.segments.append(digest)
            self._chain.update(digest)
            so_far = self._chain.digest()
            begin, self.size = self.size, self.size + len(block)
            whole = len(block) == SEGMENT_BYTES
            if self._known == begin and (so_far in self._seen.documents or (whole and so_far in self._seen.beginnings)):
                self._known = self.size
        return block

    @property
    def head(self) -> bytes:
        """What to recognise the format from."""
        return self._block[:HEAD_BYTES]

    @property
    def copy_of(self) -> str | None:
        """Name of the document that this one, as far as it has been read, is a copy of."""
        if self._known < self.size or not self.size:
            return None
        return self._seen.documents.get(self._chain.digest())

    @property
    def in_one_segment(self) -> bool:
        """Is all of it at hand?"""
        return self.size < SEGMENT_BYTES

    @property
    def id(self) -> bytes:
        """Its id, once it has been read."""
        return self._chain.digest()

    def blocks(self) -> Iterator[bytes]:
        """The bytes of each segment, instead of ``pieces``; each is hashed when it is given."""
        while self._block:
            yield self._block
            self._block = self._advance() if len(self._block) == SEGMENT_BYTES else b""

    def pieces(self, link: Link) -> Iterator[Piece]:
        """All frames; those that begin in a segment come after it has been hashed."""
        rest, base, wanted = b"", 0, 0
        final = False
        while not final:
            block = self._block
            last = len(block) < SEGMENT_BYTES
            for at in range(0, max(len(block), 1), _PIECE_BYTES):
                whole = at == 0 and len(block) <= _PIECE_BYTES
                piece = block if whole else block[at : at + _PIECE_BYTES]
                final = last and at + _PIECE_BYTES >= len(block)
                buffer = rest + piece if rest else piece
                if len(buffer) < wanted and not final:
                    rest = buffer
                    continue
                frames, rest = link.split(buffer, final)
                # A frame larger than a piece is tried again when twice as much is there: linear in all.
                wanted = 2 * len(rest) if len(rest) == len(buffer) else 0
                if len(frames):
                    yield Piece(frames, base, self._known)
                base += len(buffer) - len(rest)
            if not final:
                self._block = self._advance()

    def keys(self) -> npt.NDArray[np.uint64]:
        """``segment_key`` of each segment so far."""
        return np.array([segment_key(digest) for digest in self.segments], np.uint64)
