"""Tar archives as a stream: nothing is unpacked, nothing is sought, and a cut one gives what is there.

The standard library's stream mode ends silently at a damaged header and remembers every member; this one
notes the damage, goes on at the next sound header, and forgets.

Source: POSIX.1-2017 pax interchange format, section ustar; GNU tar manual, "Basic Tar Format".
"""

import tarfile
from collections.abc import Iterator
from typing import Final

from testigos.io.streams import CHUNK_BYTES, ByteStream, Note

__all__ = ["begins_tar", "members"]

_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
_MAGIC_AT: Final = 257
_NAME_LIMIT: Final = 1 << 16
_PAX_LIMIT: Final = 1 << 20
_FILES: Final = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)


def _header(block: bytes) -> tarfile.TarInfo | None:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return None
    return info if info.size >= 0 else None


def begins_tar(block: bytes) -> bool:
    """Is this 512-byte block a tar header with a right checksum?"""
    return len(block) == _BLOCK and _header(block) is not None


def _resync(stream: ByteStream) -> None:
    """Moves past damaged bytes to the next sound header, at any alignment, or to the end."""
    stream.skip(1)
    while window := stream.peek(CHUNK_BYTES):
        at = window.find(b"ustar")
        while at >= 0:
            begin = at - _MAGIC_AT
            if begin >= 0 and begins_tar(window[begin : begin + _BLOCK]):
                stream.skip(begin)
                return
            at = window.find(b"ustar", at + 1)
        # A header may begin near the window's end; at the end of the stream nothing more can.
        stream.skip(len(window) if len(window) < CHUNK_BYTES else len(window) - _BLOCK)


def _pax(data: bytes) -> dict[str, str]:
    """``length key=value`` records; reading stops at the first that is damaged."""
    found = {}
    while data:
        digits, blank, _ = data.partition(b" ")
        if not blank or not digits.isdigit() or not len(digits) + 2 < int(digits) <= len(data):
            break
        key, _, value = data[len(digits) + 1 : int(digits) - 1].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        data = data[int(digits) :]
    return found


def _body(stream: ByteStream, size: int, member: str, note: Note) -> Iterator[bytes]:
    begin = stream.position
    yield from stream.take(size)
    got = stream.position - begin
    if got < size:
        note(member, f"cut: the archive ends after {got} of {size} bytes")


def members(
    stream: ByteStream, name: str, note: Note, *, midway: bool = False
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and content of each file in the tar, in its order; take each content before the next.

    ``midway``: the stream begins somewhere inside an archive, so the first sound header is looked for.
    """
    if midway:
        _resync(stream)
    long_name, long_size, ended = "", -1, False
    while True:
        at, block = stream.position, stream.peek(_BLOCK)
        if not block:
            if not ended:
                note(name, "cut: the tar has no end mark; a last part may be missing")
            return
        if block == _ZEROS:
            ended = True  # another archive may follow
            stream.skip(_BLOCK)
            continue
        info = _header(block)
        if info is None:
            if not ended:
                note(name, f"damaged tar header at byte {at}; reading goes on at the next sound one")
            elif not stream.peek(CHUNK_BYTES).strip(b"\0"):
                stream.skip(CHUNK_BYTES)  # padding that is no whole block
                continue
            _resync(stream)
            continue
        ended = False
        stream.skip(_BLOCK)
        padding = -info.size % _BLOCK
        if info.type == tarfile.GNUTYPE_LONGNAME and info.size <= _NAME_LIMIT:
            long_name = stream.read(info.size).rstrip(b"\0").decode("utf-8", "replace")
            stream.skip(padding)
            continue
        if info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE) and info.size <= _PAX_LIMIT:
            records = _pax(stream.read(info.size))
            long_name = records.get("path", long_name)
            if records.get("size", "").isdigit():
                long_size = int(records["size"])
            stream.skip(padding)
            continue
        size = info.size if long_size < 0 else long_size
        plain = (long_name or info.name).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        member = plain.removeprefix("./").lstrip("/")
        if info.type in (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK):
            stream.skip(size + -size % _BLOCK)
            continue
        long_name, long_size = "", -1
        if info.type in _FILES and not plain.endswith("/"):
            begin = stream.position
            yield member, _body(stream, size, member, note)
            stream.skip(size + -size % _BLOCK - (stream.position - begin))
        elif info.type in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            note(member, f"a link to {info.linkname!r} in {name}: not followed")
        elif info.isdir() or plain.endswith("/"):
            stream.skip(size + -size % _BLOCK)
        else:
            note(member, f"a tar member of type {info.type!r} in {name}: not a plain file, not read")
            stream.skip(size + -size % _BLOCK)
