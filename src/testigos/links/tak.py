"""Cursor on Target as TAK Protocol version 1: protocol buffers, framed for streams or for a mesh.

A stream's frame is 0xbf, the length of the message as a varint, and the message. A mesh's is 0xbf 0x01 0xbf and the
message, one a datagram, and has no length: where such bytes follow each other the message ends at the end, or before
0xbf where a field could begin, for no field begins so (its wire type would be 7). A stream's message of one byte would
look like a mesh's header; there is none, for a field takes two.

Own rules: a message of more than 256 KiB, or whose fields, or its event's, do not end where it does, is no message;
then all is malformed up to the next header after which one could begin (a field 1 or 2). So is one with a string that
XML could not say, or with an ``xmlDetail`` that is not well-formed. A message without an event (a client says which
versions it knows) makes a row that says nothing.

What is read and written of an event: ``links/_cot.py``, ``links/_cot_said.py`` and ``links/_cot_write.py``.
``contact`` and ``track`` are messages, the rest is ``xmlDetail``; so is ``track`` where only speed or course is known,
for in the message an unknown one would be 0. Doubles are exact, times whole ms. Where an element stands in
``xmlDetail`` too, that one counts.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._cot import COT_GIVES, reports
from testigos.links._cot_said import written
from testigos.links._cot_scan import Cells, empty_cells, scan
from testigos.links._rows import gathered
from testigos.links._tak import DAMAGED, DOUBLES, SILENT, begins, put_messages, read_messages, split_messages
from testigos.registry import Frames, Pieces

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "pieces", "recognise", "split"]

NAME: Final = "tak"
SPEC: Final = "ATAK-CIV, commoncommo, protocol.txt and takmessage, cotevent, detail, contact, track .proto"
CHECKED: Final = False
GIVES: Final = COT_GIVES

_HEAD: Final = 1 << 16


def recognise(head: bytes) -> int:
    """95 where it begins with a message of an event or of control, and half of what follows is such."""
    if not begins(head):
        return 0
    found, _ = split(head[:_HEAD], len(head) < _HEAD)
    if not len(found):
        return 0
    state = _messages(found, empty_cells(len(found)))[0]
    return 95 if state[0] != DAMAGED and 2 * int((state != DAMAGED).sum()) >= len(state) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame a message with its header; what is none is a frame up to the next header."""
    return split_messages(buffer, final)


def _messages(
    found: Frames, cells: Cells
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """State, doubles (7, N), times in ms (3, N) and spans of xmlDetail (2, N); fills the cells of texts."""
    size = len(found)
    doubles, times, xml = np.full((7, size), np.nan), np.zeros((3, size), np.int64), np.zeros((2, size), np.int64)
    state = np.zeros(size, np.int64)
    data = np.frombuffer(found.buffer, np.uint8)
    read_messages(data, found.start, found.stop, cells.kind, cells.first, cells.last, doubles, times, xml, state)
    return state, doubles, times, xml


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a message; nothing is carried."""
    if not len(frames):
        return gathered([], GIVES), carry
    data = np.frombuffer(frames.buffer, np.uint8)
    cells = empty_cells(len(frames))
    state, doubles, times, xml = _messages(frames, cells)
    scan(data, xml[0], xml[1], cells, inside=True)
    cells.valid[state == DAMAGED] = False
    said: dict[str, Any] = dict(zip(DOUBLES, doubles, strict=True))
    said |= {n: np.where(ms > 0, ms * 1_000_000, -1) for n, ms in (("event.time", times[0]), ("event.stale", times[2]))}
    of = np.arange(len(frames), dtype=np.int64)
    return gathered([reports(frames, of, data, cells, said, state == SILENT)], GIVES), carry


def pieces(tracks: pl.DataFrame, mesh: bool = False) -> Pieces:
    """Each row as a message with its header, a stream's or a mesh's; empty where it lacks name, time or position.

    ``tracks``: columns of ``schema.ALL`` or ``schema.PICTURE``, any of which may be missing.
    """
    return Pieces(*put_messages(written(tracks), mesh))


def encode(tracks: pl.DataFrame, mesh: bool = False) -> bytes:
    """The messages of the rows, one after the other; see ``links/_cot_said.py`` and ``links/_cot_write.py``.

    >>> row = {"object_id": "icao:ae503d", "time_ns": 1_500_000_000, "lat_deg": 11.4, "lon_deg": -63.1}
    >>> encode(pl.DataFrame([row]), mesh=True)[:19]
    b'\\xbf\\x01\\xbf\\x12|\\n\\x07a-n-A-C*\\x0bICA'
    """
    return pieces(tracks, mesh).data.tobytes()
