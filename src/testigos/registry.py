"""Names to links and findings, found by file name and loaded only when used.

A link of another package registers under the entry point group ``testigos.links``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any, Final, Protocol, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.errors import UnknownFormat, UnknownName

__all__ = [
    "SURE",
    "Finder",
    "Frames",
    "Link",
    "Pieces",
    "finder",
    "finders",
    "frames",
    "link",
    "link_names",
    "recognise",
]


SURE: Final = 90  #: a link that recognises a document with this or more is the only one that does


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames in a buffer: ``buffer[start[i]:stop[i]]``, in order, never copied.

    ``context`` marks frames that say nothing of one object (a header, a time slice) but that decoding others
    needs; they make no row. Every other frame makes at least one row.
    """

    buffer: bytes
    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]
    context: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.start)


def frames(
    buffer: bytes,
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    context: npt.ArrayLike | None = None,
) -> Frames:
    """Frames of array-likes; without ``context`` none is context."""
    begin = np.asarray(start, np.int64)
    kind = np.zeros(len(begin), np.bool_) if context is None else np.asarray(context, np.bool_)
    return Frames(buffer, begin, np.asarray(stop, np.int64), kind)


@dataclass(frozen=True, slots=True)
class Pieces:
    """Bytes of rows, apart: row ``i`` is ``data[start[i]:start[i + 1]]``, empty where the format cannot say it.

    So rows are written once, and each customer is given those that are for it.
    """

    data: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start) - 1


class Link(Protocol):
    """One wire format; a module in ``testigos/links`` is one. See CONTRIBUTING.md for the recipe.

    A link may name in ``FRESH_START`` the bytes with which a context frame begins that makes ``decode`` forget all
    before; its small documents that begin so are then decoded many at a time.

    A link may have ``anchors(frames, carry) -> mask``: the frames on which what other frames say rests, though they
    are of other objects (the time, mostly). They stay in every excerpt, as context does; ``carry`` is what
    ``decode`` would be given with the same frames.

    A link that says in ``UNDATED`` that its format has a time of day and no date has ``configured(options)``, as those
    of raw frames have, and takes the date from ``began_ns``.

    A link that can be written has ``encode(tracks) -> bytes``. Where what it writes of a row does not depend on the
    rows beside it, it has ``pieces(tracks) -> Pieces`` too, the same bytes apart: relays need it.
    """

    NAME: str  #: as in ``--link``
    SPEC: str  #: the public document
    CHECKED: bool  #: has the format a checksum?
    GIVES: tuple[str, ...]  #: the columns of ``schema.ALL`` it can fill

    def recognise(self, head: bytes) -> int:
        """0 (not mine) to 100 for the first 64 KiB of a document; from ``SURE`` on no other link may be as sure."""

    def split(self, buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
        """Whole frames, and the rest that needs more bytes; with ``final`` nothing may remain."""

    def decode(self, frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
        """Rows (columns of ``schema.ALL``; ``offset`` counts from the buffer's start) and the new carry.

        ``carry`` is null at the start of a document and is never changed in place.
        """


class Finder(Protocol):
    """One kind of finding; a module in ``testigos/findings`` with a ``KIND`` is one.

    A finder that has to know of everybody heard lists in ``SURVEYS`` what is counted (see ``findings.survey``).
    """

    KIND: str
    RANK: int  #: place in a report: kinds with a lower rank come first

    def find(self, tracks: pl.DataFrame, scene: Any) -> list[Any]:
        """Findings of this kind, in the order of subject and time."""

    def sentence(self, finding: Any, names: Any, unit: Any) -> str:
        """What a finding says, in the reader's unit; ``names``: what the text calls each subject."""


def _modules(package: str) -> Iterator[str]:
    for entry in sorted(files(package).iterdir(), key=lambda e: e.name):
        stem, dot, suffix = entry.name.partition(".")
        if dot and suffix == "py" and not stem.startswith("_"):
            yield stem


@cache
def link_names() -> tuple[str, ...]:
    """Names of all links, sorted."""
    own = _modules("testigos.links")
    return tuple(sorted({*own, *(e.name for e in entry_points(group="testigos.links"))}))


@cache
def link(name: str) -> Link:
    """The link of that name. Raises ``UnknownName``."""
    if name not in link_names():
        raise UnknownName("link", name, link_names())
    for entry in entry_points(group="testigos.links"):
        if entry.name == name:
            return cast(Link, entry.load())
    return cast(Link, import_module(f"testigos.links.{name}"))


def recognise(head: bytes, name: str = "", likely: Link | None = None) -> Link:
    """The link that recognises the first bytes of a document best; ties go to the first name.

    ``likely`` is asked first, and alone where it is sure: it changes the time taken, never the answer.
    Raises ``UnknownFormat``; ``name`` is for its text only.
    """
    if likely is not None and likely.recognise(head) >= SURE:
        return likely
    scores = {n: link(n).recognise(head) for n in link_names()}
    best = max(scores, key=lambda n: scores[n])
    if scores[best] <= 0:
        raise UnknownFormat(
            f"{name or 'input'}: no link recognises it (begins with {head[:24]!r}); "
            f"name one with --link: {', '.join(link_names())}"
        )
    return link(best)


@cache
def finders() -> tuple[str, ...]:
    """Kinds of finding, sorted."""
    return tuple(n for n in _modules("testigos.findings") if hasattr(import_module(f"testigos.findings.{n}"), "KIND"))


def finder(kind: str) -> Finder:
    """The finder of that kind. Raises ``UnknownName``."""
    if kind not in finders():
        raise UnknownName("finding", kind, finders())
    return cast(Finder, import_module(f"testigos.findings.{kind}"))
