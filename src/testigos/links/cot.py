"""Cursor on Target as XML, event version 2.0: what TAK servers and clients stream over TCP, TLS and UDP.

Events stand one after the other, each with its XML declaration or without. Anything else is a frame of its own and
malformed; so is an event that is not well-formed, longer than 256 KiB, deeper than 32 elements, or with a document
type: there are no entities but the five of XML, and nothing is ever fetched.

What is read and written of an event: ``links/_cot.py``, ``links/_cot_said.py`` and ``links/_cot_write.py``.
"""

import re
from typing import Any, Final

import numpy as np
import polars as pl

from testigos.links._cot import COT_GIVES, reports
from testigos.links._cot_said import written
from testigos.links._cot_scan import empty_cells, scan, split_events
from testigos.links._cot_write import put_events
from testigos.links._rows import gathered
from testigos.registry import Frames, Pieces

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "pieces", "recognise", "split"]

NAME: Final = "cot"
SPEC: Final = "MITRE, Event.xsd 2.0 (2003, case 11-3895); ATAK-CIV, commoncommo, protocol.txt, Traditional Protocol"
CHECKED: Final = False
GIVES: Final = COT_GIVES

_HEAD: Final = re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml\s[^<>]*\?>\s*)?<event\s[^<]*?\buid\s*=")


def recognise(head: bytes) -> int:
    """95 where it begins with an event that has a uid, else 0."""
    return 95 if _HEAD.match(head) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame an event, with the XML declaration before it."""
    return split_events(buffer, final)


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row an event; nothing is carried."""
    of = np.flatnonzero(~frames.context)
    if not len(of):
        return gathered([], GIVES), carry
    data = np.frombuffer(frames.buffer, np.uint8)
    cells = empty_cells(len(of))
    scan(data, frames.start[of], frames.stop[of], cells)
    return gathered([reports(frames, of, data, cells)], GIVES), carry


def pieces(tracks: pl.DataFrame) -> Pieces:
    """Each row as an event with its declaration; empty where a row has no name, no time or no position.

    ``tracks``: columns of ``schema.ALL`` or ``schema.PICTURE``, any of which may be missing.
    """
    return Pieces(*put_events(written(tracks)))


def encode(tracks: pl.DataFrame) -> bytes:
    """The events of the rows, one after the other; see ``links/_cot_said.py`` and ``links/_cot_write.py``.

    >>> row = {"object_id": "icao:ae503d", "time_ns": 1_500_000_000, "lat_deg": 11.4, "lon_deg": -63.1}
    >>> print(encode(pl.DataFrame([row])).decode())  # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
    <?xml version="1.0" encoding="UTF-8" standalone="yes"?>
    <event version="2.0" uid="ICAO-AE503D" type="a-n-A-C" how="m-r" time="1970-01-01T00:00:01.500Z"
    start="1970-01-01T00:00:01.500Z" stale="1970-01-01T00:01:01.500Z"><point lat="11.4000000" lon="-63.1000000"
    hae="9999999.0" ce="9999999.0" le="9999999.0"/><detail><contact callsign="ICAO-AE503D"/><testigos
    label="uid"/></detail></event>
    """
    return pieces(tracks).data.tobytes()
