"""Bytes as they come: a stream one can look ahead in, and compressed layers taken off by their magic.

What is damaged or cut gives what could be read, and a note that says so.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import zstandard

__all__ = ["CHUNK_BYTES", "ByteStream", "Note", "decompressed"]

#: Told of everything that could not be read: the document and what is wrong with it.
Note = Callable[[str, str], None]

CHUNK_BYTES: Final = 1 << 20

# A document is compressed by its producer, perhaps again by a server or an archiver; more is an attack.
_LAYERS: Final = 3

# RFC 8878 3.1.1.2: a four-byte RLE block stands for up to 128 KiB, so input goes in by spoonfuls.
_ZSTD_INPUT_BYTES: Final = 2048


class ByteStream:
    """An iterator of byte strings, with look-ahead; ``position`` is the number of bytes taken."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._at = 0
        self.position = 0

    def _fill(self, count: int) -> int:
        """Have ``count`` bytes at hand if there are as many; gives how many are at hand."""
        while (have := len(self._buffer) - self._at) < count:
            chunk = next(self._chunks, None)
            if chunk is None:
                return have
            self._buffer = self._buffer[self._at :] + chunk if have else chunk
            self._at = 0
        return have

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes, fewer only at the end; they are not taken."""
        self._fill(count)
        return self._buffer[self._at : self._at + count]

    def read(self, count: int) -> bytes:
        """Takes ``count`` bytes, fewer only at the end."""
        taken = self.peek(count)
        self._at += len(taken)
        self.position += len(taken)
        return taken

    def unread(self, data: bytes) -> None:
        """Puts back bytes that were taken last."""
        self._buffer = data + self._buffer[self._at :]
        self._at = 0
        self.position -= len(data)

    def take(self, count: int | None = None) -> Iterator[bytes]:
        """Takes ``count`` bytes (null: all) in pieces as they come."""
        left = count
        while left is None or left > 0:
            if self._at < len(self._buffer):
                piece = self._buffer[self._at :] if self._at else self._buffer
                self._buffer, self._at = b"", 0
            else:
                fresh = next(self._chunks, None)
                if fresh is None:
                    return
                piece = fresh
            if left is not None and len(piece) > left:
                self._buffer, self._at = piece, left
                piece = piece[:left]
            if left is not None:
                left -= len(piece)
            self.position += len(piece)
            if piece:
                yield piece

    def skip(self, count: int | None = None) -> int:
        """Takes and forgets ``count`` bytes (null: all); gives how many there were."""
        return sum(len(piece) for piece in self.take(count))


def _codec(head: bytes) -> str:
    """Name of the compression that ``head`` (10 bytes) begins, or nothing."""
    if head[:3] == b"\x1f\x8b\x08":  # RFC 1952 2.3.1: magic, deflate
        return "gzip"
    if head[:4] == b"\x28\xb5\x2f\xfd":  # RFC 8878 3.1.1
        return "zstd"
    if head[:6] == b"\xfd7zXZ\x00":
        return "xz"
    if head[:3] == b"BZh" and head[4:10] == b"1AY&SY":
        return "bzip2"
    return ""


def _engine(codec: str) -> Any:
    match codec:
        case "gzip":
            return zlib.decompressobj(wbits=31)
        case "zstd":
            return zstandard.ZstdDecompressor().decompressobj()
        case "xz":
            return lzma.LZMADecompressor(lzma.FORMAT_XZ)
        case _:
            return bz2.BZ2Decompressor()


def _feed(codec: str, engine: Any, data: bytes) -> Iterator[bytes]:
    """What ``data`` gives, at most ``CHUNK_BYTES`` at a time: a bomb is a long stream, not a large one."""
    if codec == "zstd":
        for at in range(0, len(data), _ZSTD_INPUT_BYTES):
            yield engine.decompress(data[at : at + _ZSTD_INPUT_BYTES])
            if engine.eof:
                return
    elif codec == "gzip":
        yield engine.decompress(data, CHUNK_BYTES)
        while engine.unconsumed_tail and not engine.eof:
            yield engine.decompress(engine.unconsumed_tail, CHUNK_BYTES)
    else:
        yield engine.decompress(data, CHUNK_BYTES)
        while not engine.eof and not engine.needs_input:
            yield engine.decompress(b"", CHUNK_BYTES)


def _expand(stream: ByteStream, codec: str, name: str, note: Note) -> Iterator[bytes]:
    """The content of all members of ``codec`` in ``stream``, one after another."""
    given = 0
    while True:
        engine = _engine(codec)
        try:
            while not engine.eof:
                data = stream.read(_ZSTD_INPUT_BYTES if codec == "zstd" else CHUNK_BYTES // 4)
                if not data:
                    note(name, f"cut: the {codec} data end early; {given} bytes were read")
                    return
                for piece in _feed(codec, engine, data):
                    given += len(piece)
                    if piece:
                        yield piece
        except (zlib.error, lzma.LZMAError, OSError, EOFError, zstandard.ZstdError) as error:
            note(name, f"damaged {codec} data: {error}; {given} bytes were read")
            return
        stream.unread(engine.unused_data)
        head = stream.peek(10)
        if not head:
            return
        if _codec(head) != codec:
            rest, blank = 0, True
            for piece in stream.take():
                rest += len(piece)
                blank = blank and not piece.strip(b"\0")
            if not blank:  # tapes and some tools pad with zeros
                note(name, f"{rest} bytes after the end of the {codec} data were not read")
            return


def decompressed(chunks: Iterator[bytes], name: str, note: Note) -> ByteStream:
    """The stream without its gzip, zstd, xz or bzip2 layers, known by their magic, whatever the suffix.

    Members one after another are one stream. ``note`` is told when the data are cut or damaged; what came
    before is kept. Memory is bounded, however much the data expand.
    Source: RFC 1952, RFC 8878, the xz file format 1.2.1.
    """
    stream = ByteStream(chunks)
    for _ in range(_LAYERS):
        codec = _codec(stream.peek(10))
        if not codec:
            break
        stream = ByteStream(_expand(stream, codec, name, note))
    return stream
