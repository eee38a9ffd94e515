"""Flightradar24 playback JSON: one flight, ``result.response.data.flight.track``.

A frame is one element of the track; what stands before and after is context. The altitude is pressure
altitude in feet, where 0 means on the ground or unknown; own rule: 0 at up to 60 kt is on the ground, and the
altitude is null either way. The vertical rate and the direction of movement ("heading") are as the site shows
them.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from numba import njit

from testigos.links._rows import address, gathered, rows, squawk_digits
from testigos.links._text import bytes_of
from testigos.registry import Frames
from testigos.registry import frames as make_frames
from testigos.units import S_NS

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "recognise", "split"]

NAME: Final = "fr24_json"
SPEC: Final = "Flightradar24 flight playback, flight-playback.json; no public specification"
CHECKED: Final = False
GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "on_ground", "gs_kt"),
    *("track_deg", "vrate_fpm", "callsign", "squawk", "registration", "type_code", "offset", "length"),
)

_DECODER: Final = msgspec.json.Decoder()
_TOP: Final = re.compile(rb'\s*\{\s*"(?:result|_api)"')
_FIRST: Final = re.compile(rb'\s*\{\s*"\w+"')
_SHORT: Final = re.compile(rb'\s*(?:\{\s*(?:"\w*)?)?')  # a piece of an object's first name
_TRACK: Final = re.compile(rb'"track"\s*:\s*\[')
_CALLSIGN: Final = re.compile(rb'"callsign"\s*:\s*"([^"]*)"')
_ADDRESS: Final = re.compile(rb'"modes"\s*:\s*"([^"]*)"')
_REGISTRATION: Final = re.compile(rb'"registration"\s*:\s*"([^"]*)"')
_TYPE: Final = re.compile(rb'"model"\s*:\s*\{\s*"code"\s*:\s*"([^"]*)"')
_CALM_KT: Final = 60.0


@dataclass(frozen=True)
class _Flight:
    """What the document says of the whole flight."""

    object_id: str | None = None
    callsign: str | None = None
    registration: str | None = None
    type_code: str | None = None


def recognise(head: bytes) -> int:
    """95 where the document begins with a result and names flight data, else 0."""
    return 95 if _TOP.match(head) and b'"flight"' in head and b'"response"' in head else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame for each element of the track; the text before and after it is context."""
    found: list[tuple[int, int, bool]] = []
    data, at = bytes_of(buffer), 0
    while True:
        at = _blank(buffer, at)
        if at >= len(buffer):
            return _frames(buffer, found), b""
        begins = _begins(buffer[at : at + 200])
        if begins is None and not final:
            return _frames(buffer, found), buffer[at:]
        if begins:
            opened = _TRACK.search(buffer, at)
            if opened is None and not final:
                return _frames(buffer, found), buffer[at:]
            end = opened.end() if opened else len(buffer)
            _add(found, buffer, at, end, opened is not None)
            at = end
            continue
        if buffer[at] == 93:  # the track ends; the rest of the document follows
            if not final:
                return _frames(buffer, found), buffer[at:]
            _add(found, buffer, at, len(buffer), True)
            return _frames(buffer, found), b""
        end = int(_object_end(data, at))
        if end < 0:
            if not final:
                return _frames(buffer, found), buffer[at:]
            end = len(buffer)
        _add(found, buffer, at, end, False)
        at = end


def _begins(head: bytes) -> bool | None:
    """Does a document begin here? Null where there is too little to say."""
    if _TOP.match(head):
        return True
    found = _FIRST.match(head)
    return None if found is None and len(head) < 200 and _SHORT.fullmatch(head) else False


def _frames(buffer: bytes, found: list[tuple[int, int, bool]]) -> Frames:
    return make_frames(buffer, [f[0] for f in found], [f[1] for f in found], [f[2] for f in found])


def _blank(buffer: bytes, at: int) -> int:
    """The next byte that is no separator."""
    while at < len(buffer) and buffer[at] in b" \t\r\n,":
        at += 1
    return at


def _add(found: list[tuple[int, int, bool]], buffer: bytes, start: int, stop: int, context: bool) -> None:
    while stop > start and buffer[stop - 1] in b" \t\r\n,":
        stop -= 1
    if stop > start:
        found.append((start, stop, context))


@njit(cache=True, nogil=True)
def _object_end(data: Any, start: Any) -> int:
    """Behind the object that begins here, or where other text meets one; -1 where the end is missing."""
    depth, text = 0, False
    opened = data[start] == 123
    at = start
    while at < len(data):
        c = data[at]
        if not opened:
            if c == 123 or c == 93:
                return int(at)
        elif text:
            if c == 92:
                at += 1
            elif c == 34:
                text = False
            elif c == 10:  # no string holds a line end
                return int(at)
        elif c == 34:
            text = True
        elif c == 123:
            depth += 1
        elif c == 125:
            depth -= 1
            if depth == 0:
                return int(at) + 1
        at += 1
    return -1


def _flight(head: bytes) -> _Flight:
    callsign, modes, registration, kind = (
        m[1].decode("utf-8", "replace").strip() or None if m else None
        for m in (p.search(head) for p in (_CALLSIGN, _ADDRESS, _REGISTRATION, _TYPE))
    )
    object_id = address(modes) if modes else None
    if object_id is None:
        object_id = f"callsign:{callsign}" if callsign else f"reg:{registration}" if registration else None
    return _Flight(object_id, callsign, registration, kind)


def _number(value: Any, *path: str) -> float:
    """The number under a path of names, NaN where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


def _fix(raw: bytes) -> dict[str, Any] | None:
    try:
        fix = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError):
        return None
    return fix if isinstance(fix, dict) and "latitude" in fix and "timestamp" in fix else None


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a fix; ``carry`` is what the document says of the flight."""
    flight: _Flight = carry if carry is not None else _Flight()
    for i in np.flatnonzero(frames.context).tolist():
        piece = frames.buffer[int(frames.start[i]) : int(frames.stop[i])]
        if piece.startswith(b"{"):
            flight = _flight(piece)
    of = np.flatnonzero(~frames.context)
    if not len(of):
        return gathered([], GIVES), flight
    spans = zip(frames.start[of].tolist(), frames.stop[of].tolist(), strict=True)
    read = [_fix(frames.buffer[a:b]) for a, b in spans]
    malformed = np.array([f is None for f in read])
    fixes: list[dict[str, Any]] = [f or {} for f in read]
    stamp = [f.get("timestamp") for f in fixes]
    time_ns = [t * S_NS if isinstance(t, int) and 0 <= t < 4_000_000_000 else None for t in stamp]
    alt = np.array([_number(f, "altitude", "feet") for f in fixes])
    gs = np.array([_number(f, "speed", "kts") for f in fixes])
    zero = alt == 0
    down, up = pl.Series(zero & (gs <= _CALM_KT)), pl.Series(alt != 0) & pl.Series(np.isfinite(alt))
    codes = [f.get("squawk") for f in fixes]
    squawks = [squawk_digits(c) if isinstance(c, str) and len(c) == 4 else None for c in codes]
    said = {n: getattr(flight, n) for n in ("object_id", "callsign", "registration", "type_code")}
    columns: dict[str, Any] = {
        "time_ns": pl.Series(time_ns, dtype=pl.Int64),
        "lat_deg": np.array([_number(f, "latitude") for f in fixes]),
        "lon_deg": np.array([_number(f, "longitude") for f in fixes]),
        "alt_baro_ft": np.where(zero, np.nan, alt),
        "on_ground": pl.select(pl.when(down).then(True).when(up).then(False)).to_series(),
        "gs_kt": gs,
        "track_deg": np.array([_number(f, "heading") for f in fixes]),
        "vrate_fpm": np.array([_number(f, "verticalSpeed", "fpm") for f in fixes]),
        "squawk": pl.Series(squawks, dtype=pl.String),
    }
    columns |= {n: pl.repeat(v, len(of), dtype=pl.String, eager=True) for n, v in said.items()}
    return gathered([rows(frames, of, columns, malformed)], GIVES), flight
