"""Evidence: the raw frames that objects' reports came from, and those reports again from the frames.

On disk: ``frames.csv`` has one row a frame, sorted by document, segment and offset; ``frames/<first 16 hex of
the segment's SHA-256>.bin`` holds the bytes of that segment's frames in the order of the table.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.errors import InputError
from testigos.io.documents import Source, Sources, opened
from testigos.io.options import link_from_text, text_of
from testigos.io.progress import Meter
from testigos.io.read import Account, link_of, resolved, with_receiver
from testigos.io.segments import SEGMENT_BYTES, Piece, Reading, Seen, segment_key
from testigos.links._modes import Options
from testigos.registry import Frames, Link
from testigos.schema import REPORTS, conform

__all__ = ["Excerpt", "excerpts", "reports_from_excerpts", "write_excerpts"]

_INDEX: Final = "frames.csv"
_FOLDER: Final = "frames"
_COLUMNS: Final = {
    "document_id": pl.String,
    "document": pl.String,
    "link": pl.String,
    "index": pl.UInt32,
    "segment": pl.String,
    "offset": pl.UInt64,
    "length": pl.UInt32,
    "context": pl.Boolean,
}
_DECODE_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some frames of one segment, in their order.

    ``document_id`` and ``segment`` are full SHA-256 in hex, ``link`` is text as in ``io.options``, ``index`` the
    number of the segment in its document. ``data`` are the frames' bytes joined; ``offsets`` say where each begins
    in the segment, ``lengths`` how long it is, ``contexts`` which say nothing of an object but are needed to decode
    others.
    """

    document: str
    document_id: str
    link: str
    segment: str
    index: int
    offsets: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    contexts: npt.NDArray[np.bool_]
    data: bytes


@dataclass(slots=True)
class _Kept:
    """Frames of a document that are wanted so far, by where they begin in it."""

    begins: list[npt.NDArray[np.int64]]
    lengths: list[npt.NDArray[np.int64]]
    contexts: list[npt.NDArray[np.bool_]]
    data: list[bytes]
    wanted: bool = False

    def add(self, piece: Piece, ours: npt.NDArray[np.bool_], support: npt.NDArray[np.bool_]) -> None:
        """``ours`` are wanted, ``support`` is what they need: kept, but no reason to keep a document."""
        frames = piece.frames
        keep = ours | support
        start, stop = frames.start[keep], frames.stop[keep]
        context = frames.context[keep]
        self.wanted = self.wanted or bool(ours.any())
        self.begins.append(start + piece.base)
        self.lengths.append(stop - start)
        self.contexts.append(context)
        self.data.extend(frames.buffer[a:b] for a, b in zip(start.tolist(), stop.tolist(), strict=True))


def _by_segment(wanted: pl.DataFrame) -> dict[int, npt.NDArray[np.uint64]]:
    groups = wanted.select("segment", "offset").drop_nulls().unique().sort("segment", "offset")
    return {key: part["offset"].to_numpy() for (key,), part in groups.partition_by("segment", as_dict=True).items()}


def _named(
    piece: Piece, keys: npt.NDArray[np.uint64], wanted: dict[int, npt.NDArray[np.uint64]]
) -> npt.NDArray[np.bool_]:
    """Which frames begin where a wanted one does."""
    begins = piece.frames.start + piece.base
    index = begins // SEGMENT_BYTES
    found = np.zeros(len(begins), np.bool_)
    for number in np.unique(index).tolist():
        offsets = wanted.get(int(keys[number]))
        if offsets is not None:
            here = index == number
            found[here] = np.isin((begins[here] % SEGMENT_BYTES).astype(np.uint64), offsets)
    return found


def excerpts(
    sources: "Sequence[Source] | Source | Sources",
    wanted: pl.DataFrame | Collection[str],
    *,
    link: str | Link | None = None,
    account: Account | None = None,
    options: Options | None = None,
    progress: bool = False,
) -> Iterator[Excerpt]:
    """The raw frames that reports came from, segment by segment, with the context that decoding them needs.

    ``wanted``: object ids, whose every frame is given; or reports (columns ``segment`` and ``offset``), whose
    frames are given: pass all reports of an object, since later ones may rest on earlier ones. Frames that the
    times of these rest on (a link's anchors) are given too. ``link``, ``options``: as for ``reports``. Raises as
    ``reports`` does, save that nothing recognised gives nothing.
    """
    told = Account() if account is None else account
    forced = resolved(link)
    named = _by_segment(wanted) if isinstance(wanted, pl.DataFrame) else None
    objects = [] if isinstance(wanted, pl.DataFrame) else sorted(wanted)
    seen = Seen()
    with opened(sources) as those, Meter("Collecting evidence", enabled=progress) as meter:
        for document in those.documents(told.note):
            reading = Reading(document, seen)
            told.documents += 1
            meter.update(those.read_bytes, those.total_bytes, f"{told.documents:,} documents")
            if reading.in_one_segment:
                if reading.copy_of is not None:
                    told.duplicates.append((reading.name, reading.copy_of))
                    continue
                if named is not None and not any(segment_key(s) in named for s in reading.segments):
                    seen.add(reading.name, reading.segments, reading.size)
                    continue
            chosen = link_of(reading, forced, document.link, told, None, options)
            if chosen is None:
                for _ in reading.blocks():
                    pass
                seen.add(reading.name, reading.segments, reading.size)
                continue
            kept = _Kept([], [], [], [])
            carry: Any = None
            anchors = getattr(chosen, "anchors", None)
            for piece in reading.pieces(chosen):
                support = (
                    piece.frames.context if anchors is None else piece.frames.context | anchors(piece.frames, carry)
                )
                if named is not None:
                    ours = _named(piece, reading.keys(), named)
                if named is None or anchors is not None:
                    table, carry = chosen.decode(piece.frames, carry)
                if named is None:
                    rows = table.filter(pl.col("object_id").is_in(objects))
                    ours = np.isin(piece.frames.start, rows["offset"].to_numpy().astype(np.int64))
                fresh = piece.frames.stop + piece.base > piece.known
                kept.add(piece, ours & fresh, support)
            seen.add(reading.name, reading.segments, reading.size)
            if kept.wanted:
                yield from _excerpts_of(kept, reading, chosen)


def _excerpts_of(kept: _Kept, reading: Reading, link: Link) -> Iterator[Excerpt]:
    begins, lengths = np.concatenate(kept.begins), np.concatenate(kept.lengths)
    contexts = np.concatenate(kept.contexts)
    index = begins // SEGMENT_BYTES
    for number in np.unique(index).tolist():
        low, high = np.searchsorted(index, [number, number + 1]).tolist()
        yield Excerpt(
            document=reading.name,
            document_id=reading.id.hex(),
            link=text_of(link),
            segment=reading.segments[number].hex(),
            index=number,
            offsets=begins[low:high] % SEGMENT_BYTES,
            lengths=lengths[low:high],
            contexts=contexts[low:high],
            data=b"".join(kept.data[low:high]),
        )


def write_excerpts(found: Iterable[Excerpt], folder: Path) -> list[Path]:
    """Writes ``frames.csv`` and ``frames/*.bin`` into ``folder``; gives the paths written, sorted.

    The same excerpts in any order give the same bytes.
    """
    ordered = sorted(found, key=lambda e: (e.document_id, e.index))
    (folder / _FOLDER).mkdir(parents=True, exist_ok=True)
    contents: dict[str, list[bytes]] = {}
    written = [folder / _INDEX]
    with written[0].open("wb") as index:
        pl.DataFrame(schema=_COLUMNS).write_csv(index)
        for excerpt in ordered:
            contents.setdefault(f"{excerpt.segment[:16]}.bin", []).append(excerpt.data)
            places = {"offset": excerpt.offsets, "length": excerpt.lengths, "context": excerpt.contexts}
            (
                pl.DataFrame(places)
                .select(
                    pl.lit(excerpt.document_id).alias("document_id"),
                    pl.lit(excerpt.document).alias("document"),
                    pl.lit(excerpt.link).alias("link"),
                    pl.lit(excerpt.index).alias("index"),
                    pl.lit(excerpt.segment).alias("segment"),
                    "offset",
                    "length",
                    "context",
                )
                .cast(_COLUMNS)  # type: ignore[arg-type]
                .write_csv(index, include_header=False)
            )
    for name, parts in contents.items():
        written.append(folder / _FOLDER / name)
        written[-1].write_bytes(b"".join(parts))
    return sorted(written)


def _index(folder: Path) -> pl.DataFrame:
    path = folder / _INDEX
    try:
        index = pl.read_csv(path, schema=_COLUMNS)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: not a table of frames: {error}") from None
    for name in index.columns:
        if index[name].has_nulls():
            raise InputError(f"{path}: not a table of frames: a row without {name}")
    return index


def reports_from_excerpts(folder: Path, *, link: Link | None = None) -> Iterator[pl.DataFrame]:
    """The reports of the frames in an evidence folder, as ``reports`` gave them, frame ids included.

    ``link`` stands for the one of its name: a link with options of its own cannot be found by name.
    Rows are in the order of ``frames.csv``. Raises ``InputError`` where table and bytes do not fit together,
    ``UnknownName``.
    """
    index = _index(folder)
    ends: dict[str, int] = {}
    contents: dict[str, bytes] = {}
    for (document,), table in index.partition_by("document_id", as_dict=True, maintain_order=True).items():
        chosen = link if link is not None and table["link"][0] == link.NAME else link_from_text(table["link"][0])
        parts: list[bytes] = []
        for (segment,), rows in table.partition_by("segment", as_dict=True, maintain_order=True).items():
            file = folder / _FOLDER / f"{segment[:16]}.bin"
            if segment not in contents:
                try:
                    contents[segment] = file.read_bytes()
                except OSError as error:
                    raise InputError(f"{file}: {error.strerror}") from None
            begin = ends.get(segment, 0)
            end = ends[segment] = begin + int(rows["length"].cast(pl.Int64).sum())
            if end > len(contents[segment]):
                raise InputError(f"{file}: {len(contents[segment])} bytes, {_INDEX} wants {end} for {document}")
            parts.append(contents[segment][begin:end])
        yield from _decode_excerpt(chosen, b"".join(parts), table)
    for segment, content in contents.items():
        if ends[segment] != len(content):
            name = f"{segment[:16]}.bin"
            raise InputError(f"{name}: {len(content)} bytes, {_INDEX} speaks of {ends[segment]}")


def _decode_excerpt(link: Link, data: bytes, table: pl.DataFrame) -> Iterator[pl.DataFrame]:
    lengths = table["length"].to_numpy().astype(np.int64)
    stops = np.cumsum(lengths)
    starts = stops - lengths
    contexts = table["context"].to_numpy()
    keys = np.array([int(s[:16], 16) for s in table["segment"].to_list()], np.uint64)
    offsets = table["offset"].to_numpy()
    carry: Any = None
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(stops, starts[first] + _DECODE_BYTES, side="right")))
        base = int(starts[first])
        frames = Frames(
            data[base : int(stops[last - 1])],
            starts[first:last] - base,
            stops[first:last] - base,
            contexts[first:last],
        )
        rows, carry = link.decode(frames, carry)
        if len(rows):
            begins = rows["offset"].to_numpy().astype(np.int64) + base
            which = np.searchsorted(starts, begins, side="right") - 1
            placed = with_receiver(rows, link, table["document"][0]).with_columns(
                pl.Series("segment", keys[which], pl.UInt64),
                pl.Series("offset", offsets[which], pl.UInt64),
            )
            yield conform(placed.select(name for name in placed.columns if name in REPORTS))
        first = last
