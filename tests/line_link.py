"""A tiny link for tests of what surrounds links: one line a report, ``L,object,seconds,lat,lon``.

A line that begins with ``#`` is context: it names the receiver of the lines that follow, which is the carry.
"""

import sys
from typing import Any

import numpy as np
import polars as pl

from testigos import registry
from testigos.registry import Frames, frames
from testigos.schema import REPORTS

NAME = "lines"
SPEC = "this file"
CHECKED = False
GIVES = ("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "receiver", "offset", "length")


def recognise(head: bytes) -> int:
    return 90 if head.startswith((b"#", b"L,")) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    at = np.frombuffer(buffer, np.uint8)
    stops = np.flatnonzero(at == ord("\n")) + 1
    if final and len(buffer) and (not len(stops) or stops[-1] != len(buffer)):
        stops = np.append(stops, len(buffer))
    starts = np.concatenate([[0], stops[:-1]]) if len(stops) else stops
    rest = buffer[int(stops[-1]) :] if len(stops) else buffer
    return frames(buffer, starts, stops, at[starts] == ord("#") if len(starts) else None), rest


def decode(given: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    rows = []
    for start, stop, context in zip(given.start, given.stop, given.context, strict=True):
        text = given.buffer[start:stop].decode("latin-1").strip()
        if context:
            carry = text[1:]
            continue
        row: dict[str, Any] = {"status": "malformed", "offset": int(start), "length": int(stop - start)}
        try:
            tag, name, seconds, lat, lon = text.split(",")
            if tag == "L":
                row |= {"object_id": name, "time_ns": int(float(seconds) * 1000) * 1_000_000, "status": "ok"}
                row |= {"source": "adsb", "lat_deg": float(lat), "lon_deg": float(lon), "receiver": carry}
        except ValueError:
            pass
        rows.append(row)
    schema = {name: REPORTS[name].dtype for name in GIVES}
    return pl.DataFrame(rows, schema=schema, orient="row"), carry


def install() -> None:
    """Makes this the only link of the registry; for processes of their own."""
    sys.modules["testigos.links.lines"] = sys.modules[__name__]
    registry.link_names = lambda: ("lines",)
    registry.link.cache_clear()


def document(number: int, rows: int = 50, objects: int = 5) -> bytes:
    """A document of that many rows, unlike those of other numbers."""
    lines = [f"#receiver {number}\n"]
    for j in range(rows):
        t = 1_700_000_000 + 97 * j + number
        lines.append(f"L,icao:{(number + j) % objects:06x},{t}.25,{number / 10},{j / 100}\n")
    return "".join(lines).encode()
