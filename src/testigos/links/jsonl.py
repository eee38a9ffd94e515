"""Rows as lines of JSON with the names of the schema's columns as keys: what ``testigos decode`` prints.

    {"object_id":"icao:ae503d","time_ns":1761242592500000000,"status":"ok","source":"adsb","lat_deg":11.4, ...}

This is how nodes exchange rows without loss. What is null is left out; other keys are passed over. Every column of
``schema.ALL`` comes back as it was, but for ``segment``, ``offset`` and ``length``, which say where a row's frame is
and are not written. Numbers of 64 bits are whole, and floats have the digits that give the same number again: at most
17, and no more than 22 decimals, so that what is below 1e-5 is exact to 5e-23.

Own rules: a line that names neither an object nor a status is malformed. The radii of ``schema.PICTURE`` are read as
those that the origin states; its other columns are there for whoever asks (:func:`picture`).
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel
from testigos.links._json_columns import GIVES, Said, columns, flat, laid_out, put_columns, read_columns, row_table
from testigos.links._json_lines import split_objects
from testigos.links._rows import gathered
from testigos.links._series import known, only
from testigos.matrix import UNKNOWN, codes, texts
from testigos.registry import Frames, Pieces
from testigos.schema import PICTURE, STATUSES, conform

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "picture", "pieces", "recognise", "split"]

NAME: Final = "jsonl"
SPEC: Final = "src/testigos/schema.py of Testigos; RFC 8259; https://jsonlines.org"
CHECKED: Final = False


def recognise(head: bytes) -> int:
    """95 where the first line is an object with our names for an object or a status, and a time or place; else 0."""
    line = head.lstrip(b"\xef\xbb\xbf \t\r\n").partition(b"\n")[0]
    named = b'"object_id":' in line or b'"status":' in line
    ours = any(f'"{name}":'.encode() in line for name in ("time_ns", "lat_deg", "source", "offset"))
    flat_object = line.startswith(b"{") and b'"geometry"' not in line
    return 95 if flat_object and named and ours else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame an object; other text is a frame too."""
    return split_objects(buffer, final)


def _read(frames: Frames) -> tuple[Said, npt.NDArray[np.bool_]]:
    """What the lines say, and which of them are malformed."""
    raw = np.frombuffer(frames.buffer, np.uint8)
    cells = flat(raw, frames.start, frames.stop)
    said = read_columns(raw, cells, cells.valid)
    named = np.zeros(len(frames), np.bool_)
    if "object_id" in said.columns:
        named |= known(said.columns["object_id"])
    if said.status is not None:
        named |= said.status < len(STATUSES)
    return said, ~(cells.valid & named)


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row an object; nothing is carried."""
    if not len(frames):
        return gathered([], GIVES), carry
    return row_table(frames, *_read(frames)), carry


def picture(frames: Frames) -> pl.DataFrame:
    """A row an object with the columns of ``schema.PICTURE``, as they were written; of damaged objects all null."""
    if not len(frames):
        return conform(pl.DataFrame(), PICTURE)
    said, malformed = _read(frames)
    made = [only(column, ~malformed) for name, column in said.columns.items() if name in PICTURE]
    return conform(pl.DataFrame([*made, pl.Series("offset", frames.start.astype(np.uint64))]), PICTURE)


def encode(tracks: pl.DataFrame) -> bytes:
    r"""Rows as lines.

    >>> row = {"object_id": "icao:ae503d", "time_ns": 1_500_000_000, "lat_deg": 1.1, "lon_deg": -2.0, "on_ground": True}
    >>> encode(pl.DataFrame([row]))
    b'{"object_id":"icao:ae503d","time_ns":1500000000,"lat_deg":1.1,"lon_deg":-2.0,"on_ground":true}\n'
    """
    return pieces(tracks).data.tobytes()


def pieces(tracks: pl.DataFrame) -> Pieces:
    """A line for each row that has a name or a status (columns of ``schema.ALL`` or ``PICTURE``)."""
    names = columns(tracks)
    layout = laid_out(tracks, names)
    start = np.zeros(len(tracks) + 1, np.int64)
    who = texts(tracks, ("object_id",)).start[0]
    known = (np.diff(who) > 0) | (codes(tracks, ("status",))[0] != UNKNOWN)
    out = np.empty(layout.text_room() + len(tracks) * (layout.room() + 3), np.uint8)
    _write(known, out, start, layout.arrays)
    return Pieces(out[: start[-1]], start)


@kernel
def _write(known, out, start, layout):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(len(known)):
        start[i] = at
        if not known[i]:
            continue
        begin = at
        at = put_columns(out, at, i, *layout)
        out[begin] = 123
        out[at] = 125
        out[at + 1] = 10
        at += 2
    start[len(known)] = at
