"""Where bytes come from: files, folders, tar archives whole or split, http(s), standard input.

A *document* is one file as its producer wrote it, without compression. Documents come in the order of their
sources' names, so the order in which sources were given cannot change a result.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Protocol, runtime_checkable

import httpx

from testigos.errors import SourceUnavailable
from testigos.io.fetch import fetch
from testigos.io.streams import CHUNK_BYTES, Note, decompressed
from testigos.io.tar import begins_tar, members
from testigos.registry import Link

__all__ = ["Document", "Keeper", "Source", "Sources", "documents", "opened"]

# ``split`` names its parts .aa, .ab …; some servers number them. .br, .bz and .gz are compressions.
_PART: Final = re.compile(r"(?P<whole>.+\.(?:tar|tgz|tar\.\w{2,4}))\.(?P<part>(?!br$|bz$|gz$)[a-h][a-z]{1,2}|\d{2,4})$")

# An archive in an archive in an archive is an accident; deeper is an attack.
_TAR_DEPTH: Final = 3


@dataclass(slots=True)
class Document:
    """One document; ``chunks`` can be taken once, and before the next document is asked for.

    ``name`` is stable: relative to the folder or archive it was found in. ``link`` is set where whoever kept
    the document already knows its format.
    """

    name: str
    _chunks: Iterator[bytes]
    link: str | Link | None = None

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, decompressed, in pieces of at most a few MiB."""
        return self._chunks


@runtime_checkable
class Keeper(Protocol):
    """Something that keeps documents, such as an archive."""

    def documents(self, note: Note) -> Iterator[Document]:
        """All of them, sorted by name."""


Source = str | os.PathLike[str] | Keeper


@dataclass(slots=True)
class _Item:
    """One thing to read: a file or the parts of one, in order; ``broken`` marks a gap before a part."""

    name: str
    parts: list[str]
    keeper: Keeper | None = None
    broken: list[bool] = field(default_factory=lambda: [False])


def _readable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


def _is_url(given: str) -> bool:
    return given.lower().startswith(("http://", "https://"))


def _ordinal(part: str) -> int:
    """Number of a part in ``split``'s counting: aa is 0, ab 1, ba 26; digits count for themselves."""
    if part.isdigit():
        return int(part)
    number = 0
    for letter in part:
        number = number * 26 + ord(letter) - ord("a")
    return number


def _join_parts(found: Iterable[tuple[str, str]], note: Note) -> list[_Item]:
    """Items of (name, place) pairs, the parts of a split archive together."""
    items: list[_Item] = []
    split: dict[str, dict[int, tuple[str, str]]] = {}
    for name, place in found:
        match = None
        if ".t" in name:  # only then is the whole path worth a look
            full = place.partition("#")[0].partition("?")[0] if _is_url(place) else os.path.abspath(place)
            match = _PART.fullmatch(full)
        if match is None:
            items.append(_Item(name, [place]))
        else:
            number = _ordinal(match["part"])
            split.setdefault(match["whole"], {})[number] = (name, place)
    for parts in split.values():
        numbers = sorted(parts)
        name = parts[numbers[0]][0].rpartition(".")[0]
        # some number from 1
        first = 1 if numbers[0] == 1 and parts[1][1].rpartition(".")[2].isdigit() else 0
        broken = [n != (numbers[i - 1] + 1 if i else first) for i, n in enumerate(numbers)]
        for n, gap in zip(numbers, broken, strict=True):
            if gap:
                note(name, f"the part before {parts[n][0]!r} is missing; what is there was read")
        items.append(_Item(name, [parts[n][1] for n in numbers], broken=broken))
    return items


class Sources(AbstractContextManager["Sources"]):
    """What a user named, resolved; downloads and standard input are spooled, so that it
    can be read more than once.

    ``read_bytes`` of ``total_bytes`` (as stored; null where unknown) tell the progress.
    Raises ``SourceUnavailable`` for a file that isn't there or a folder without files.
    """

    def __init__(self, given: Sequence[Source] | Source) -> None:
        several = [given] if isinstance(given, (str, os.PathLike, Keeper)) else list(given)
        self._spools: dict[str, IO[bytes]] = {}
        self._notes: list[tuple[str, str]] = []
        self.read_bytes = 0
        self.total_bytes: int | None = 0
        found: list[tuple[str, str]] = []
        keepers: list[_Item] = []
        for source in several:
            if isinstance(source, (str, os.PathLike)):
                found.extend(self._resolve(os.fspath(source)))
            else:
                keepers.append(_Item(type(source).__name__, [], keeper=source))
                self.total_bytes = None
        items = _join_parts(found, lambda name, text: self._notes.append((name, text)))
        self._items = sorted(items, key=lambda item: (item.name, item.parts)) + keepers

    def _resolve(self, given: str) -> Iterator[tuple[str, str]]:
        if given == "-":
            self.total_bytes = None
            yield "stdin", given
            return
        if _is_url(given):
            self.total_bytes = None
            try:
                url = httpx.URL(given)
            except httpx.InvalidURL as error:
                raise SourceUnavailable(f"{given}: no address: {error}") from None
            yield f"{url.scheme}://{url.netloc.decode('ascii')}{url.path}", given
            return
        path = Path(given)
        if path.is_dir():
            files = sorted(Path(folder, name) for folder, _, names in os.walk(path) for name in names)
            if not files:
                raise SourceUnavailable(f"{given}: a folder without files")
            for file in files:
                self._add_size(file)
                yield _readable(file.relative_to(path).as_posix()), str(file)
        elif path.exists():
            self._add_size(path)
            yield _readable(path.name), given
        else:
            raise SourceUnavailable(f"{given}: no such file or folder")

    def _add_size(self, path: Path) -> None:
        if self.total_bytes is not None:
            try:
                self.total_bytes += path.stat().st_size
            except OSError:  # a dangling link in a folder: noted when it is opened
                return

    def _spooled(self, place: str) -> IO[bytes]:
        spool = self._spools.get(place)
        if spool is None:
            spool = tempfile.TemporaryFile(prefix="testigos-")  # noqa: SIM115  (closed in close)
            try:
                if place == "-":
                    while data := sys.stdin.buffer.read(CHUNK_BYTES):
                        spool.write(data)
                else:
                    fetch(place, spool)
            except OSError as error:
                spool.close()
                raise SourceUnavailable(f"{place}: cannot be kept meanwhile: {error.strerror}") from error
            except BaseException:
                spool.close()
                raise
            self._spools[place] = spool
        spool.seek(0)
        return spool

    def _bytes(self, place: str, name: str, note: Note) -> Iterator[bytes]:
        if place == "-" or _is_url(place):
            spool = self._spooled(place)
            while data := spool.read(CHUNK_BYTES):
                yield data
            return
        try:
            with open(place, "rb", buffering=0) as file:
                while data := file.read(CHUNK_BYTES):
                    self.read_bytes += len(data)
                    yield data
        except OSError as error:
            note(name, f"cannot be read: {error.strerror}")

    def documents(self, note: Note) -> Iterator[Document]:
        """Each document, in the order of the names of what was given; take its chunks before the next.

        Where several have one name, those after the first are numbered: ``dump.bin (2)``. ``note`` is told of
        everything that is cut, damaged or not followed.
        Raises ``SourceUnavailable``, ``InputError`` for a URL that cannot be had.
        """
        for name, text in self._notes:
            note(name, text)
        names: set[str] = set()
        for document in self._found(note):
            name, number = document.name, 1
            while document.name in names:  # of two receivers, perhaps
                number += 1
                document.name = f"{name} ({number})"
            names.add(document.name)
            yield document

    def _found(self, note: Note) -> Iterator[Document]:
        for item in self._items:
            if item.keeper is not None:
                yield from item.keeper.documents(note)
                continue
            run: list[str] = []
            midway = False
            for place, gap in zip(item.parts, item.broken, strict=True):
                if gap and run:
                    yield from self._stream(item.name, run, note, midway=midway)
                    run = []
                midway = midway or gap
                run.append(place)
            yield from self._stream(item.name, run, note, midway=midway)

    def _stream(self, name: str, places: list[str], note: Note, *, midway: bool) -> Iterator[Document]:
        chunks = (data for place in places for data in self._bytes(place, name, note))
        yield from _unpacked(name, chunks, note, _TAR_DEPTH, midway=midway)

    def close(self) -> None:
        """Forgets what was spooled."""
        for spool in self._spools.values():
            spool.close()
        self._spools.clear()

    def __exit__(self, *_: object) -> None:
        self.close()


def _unpacked(
    name: str, chunks: Iterator[bytes], note: Note, depth: int, *, midway: bool = False
) -> Iterator[Document]:
    """The document that ``chunks`` are, or those in the tar that they are."""
    stream = decompressed(chunks, name, note)
    if depth and (midway or begins_tar(stream.peek(512))):
        outermost = depth == _TAR_DEPTH
        for member, body in members(stream, name, note, midway=midway):
            yield from _unpacked(member if outermost else f"{name}/{member}", body, note, depth - 1)
    else:
        yield Document(name, stream.take())


def opened(sources: "Sequence[Source] | Source | Sources") -> AbstractContextManager[Sources]:
    """``Sources`` of what a user named, closed at the end unless the caller opened them."""
    return nullcontext(sources) if isinstance(sources, Sources) else Sources(sources)


def documents(sources: "Sequence[Source] | Source | Sources", note: Note | None = None) -> Iterator[Document]:
    """Each document in files, folders (recursively), ``-``, URLs, tar archives, split ones, and keepers.

    Compression is known by its magic, whatever the suffix. ``note`` is called with a document's name and what
    is wrong with it. Raises ``SourceUnavailable``, ``InputError``. Source: own rule.
    """
    with opened(sources) as those:
        yield from those.documents(note or (lambda name, text: None))
