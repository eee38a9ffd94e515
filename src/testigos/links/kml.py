"""KML tracks: tar1090 exports, FlightAware ``gx:Track``, Flightradar24 "Route" placemarks.

A ``Placemark`` is read as a whole. In a track the k-th ``when`` belongs to the k-th ``coord``; in a
Flightradar24 route each Placemark with a ``TimeStamp`` is one fix. Airports, lines and styles are context.

Who it is: tar1090 names a track by registration, or by address where it has none; FlightAware and
Flightradar24 by call sign; any other file by the name of its Placemark, ``name:...``.

Which altitude: KML says only metres. tar1090 exports one of three kinds (pressure altitude; geometric
altitude above EGM96; pressure altitude moved onto EGM96) and tells them apart in the file's name alone.
Pressure altitude comes in steps of 25 ft, so whole metres of it fall on 13 % of all metres. Own rule, for
each track with at least 6 distinct altitudes: at least 90 % of them on that grid are pressure altitude
(``alt_baro_ft``), at most 60 % are above mean sea level (``alt_msl_ft``); anything else is not knowable and
null. Of Flightradar24 routes the altitude in feet is pressure altitude, where 0 means on the ground or
unknown. A track without ``altitudeMode`` is clamped to the ground (KML 2.2, section 9.2): its altitudes are
null, and in a tar1090 export it is on the ground.
"""

import html
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._rows import address, gathered, rows
from testigos.links._text import bytes_of, fields, numbers, times
from testigos.registry import Frames
from testigos.registry import frames as make_frames
from testigos.units import FT_M

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "recognise", "split"]

NAME: Final = "kml"
SPEC: Final = "OGC 07-147r2, KML 2.2; Google gx extensions, gx:Track"
CHECKED: Final = False
GIVES: Final = (
    "object_id",
    "time_ns",
    "status",
    "source",
    "lat_deg",
    "lon_deg",
    "alt_baro_ft",
    "alt_msl_ft",
    "on_ground",
    "gs_kt",
    "track_deg",
    "callsign",
    "registration",
    "type_code",
    "offset",
    "length",
)

_END: Final = re.compile(rb"</Placemark\s*>")
_CLOSED: Final = re.compile(rb"</Placemark\s*>\s*\Z")
_BEGIN: Final = re.compile(rb"<Placemark\b[^>]*>")
_TRACK: Final = re.compile(rb"<(?:gx:)?Track\b")
_TRACK_END: Final = re.compile(rb"</(?:gx:)?Track\s*>")
_POINT: Final = re.compile(
    rb"<when\b[^>]*>[^<]*</when\s*>|<(?:gx:)?coord\b[^>]*>[^<]*</(?:gx:)?coord\s*>|<(?:gx:)?coord\b[^<]*"
)
_NAME: Final = re.compile(rb"<name\b[^>]*>\s*([^<]*?)\s*</name\s*>")
_MODE: Final = re.compile(rb"<(?:gx:)?altitudeMode\b[^>]*>\s*(\w+)")
_FIX: Final = re.compile(rb"<TimeStamp\b")
_WHEN: Final = re.compile(rb"<when\b[^>]*>\s*([^<]*?)\s*</when")
_COORDINATES: Final = re.compile(rb"<Point\b.*?<coordinates\b[^>]*>\s*([^<]*?)\s*</coordinates", re.DOTALL)
_ALTITUDE: Final = re.compile(rb"Altitude:</b></span>\s*<span>\s*(-?[\d,]+)\s*ft")
_SPEED: Final = re.compile(rb"Speed:</b></span>\s*<span>\s*([\d,.]+)\s*kt")
_HEADING: Final = re.compile(rb"Heading:</b></span>\s*<span>\s*([\d.]+)")
_FR24: Final = re.compile(rb"flightradar24", re.IGNORECASE)
_FR24_REGISTRATION: Final = re.compile(rb"flightradar24\.com/reg/[^>]*>\s*([\w-]+)\s*<")
_FR24_TYPE: Final = re.compile(rb">\s*\(([A-Z0-9]{2,4})\)\s*</span>")
_BLANK: Final = b" \t\r\n"  # white space of XML
_STEP_M: Final = 25 * FT_M  # ICAO Annex 10 vol. IV, 3.1.2.6.5.4: altitude codes in steps of 25 or 100 ft
_ROUNDING_M: Final = 0.5 + 1e-9  # whole metres
_ENOUGH: Final = 6  # by chance six altitudes are all on the grid in 5 of a million tracks
_CALM_KT: Final = 60.0  # own rule: altitude 0 below this speed is taken as on the ground


@dataclass(frozen=True)
class _Document:
    """What a file says of itself before its first fix."""

    origin: str = ""
    callsign: str | None = None
    registration: str | None = None
    type_code: str | None = None


def recognise(head: bytes) -> int:
    """90 where a ``kml`` element begins near the top."""
    return 90 if re.search(rb"<kml[\s>]", head[:2000]) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """Frames of every whole Placemark; a ``coord`` and a Flightradar24 fix are data, all else context."""
    ends = [m.end() for m in _END.finditer(buffer)]
    if final and (not ends or buffer[ends[-1] :].strip(_BLANK)):
        ends.append(len(buffer))
    found: list[tuple[int, int, bool]] = []
    at = 0
    for end in ends:
        begin = _BEGIN.search(buffer, at, end)
        if begin is None:
            # Outside any Placemark; where it should have held one, something is damaged.
            damaged = _POINT.search(buffer, at, end) is not None or buffer[end - 12 : end].startswith(b"</Place")
            damaged |= not re.search(rb"</?(?:kml|Document|Folder)\b", buffer[at:end])
            _add(found, buffer, at, end, not damaged)
        else:
            _add(found, buffer, at, begin.start(), True)
            _placemark(found, buffer, begin.start(), end)
        at = end
    rest = b"" if final else buffer[at:]
    start, stop, context = zip(*found, strict=True) if found else ((), (), ())
    return make_frames(buffer, start, stop, context), rest


def _add(found: list[tuple[int, int, bool]], buffer: bytes, start: int, stop: int, context: bool) -> None:
    """A frame without the blanks around it, if anything remains."""
    text = buffer[start:stop]
    start += len(text) - len(text.lstrip(_BLANK))
    stop = start + len(text.strip(_BLANK))
    if stop > start:
        found.append((start, stop, context))


def _placemark(found: list[tuple[int, int, bool]], buffer: bytes, start: int, stop: int) -> None:
    track = _TRACK.search(buffer, start, stop)
    if track is None:
        fix = _FIX.search(buffer, start, stop) is not None
        # Damaged tags can hide what it is; a Placemark that holds nothing known says nothing of an object.
        _add(found, buffer, start, stop, not fix)
        return
    at, coords = start, False
    for point in _POINT.finditer(buffer, track.end(), stop):
        between = buffer[at : point.start()].strip(_BLANK)
        if between:
            # Among the coords it is a damaged coord, so that the others keep their times.
            _add(found, buffer, at, point.start(), not coords)
        when = buffer.startswith(b"<when", point.start())
        coords |= not when
        _add(found, buffer, point.start(), point.end(), when)
        at = point.end()
    _add(found, buffer, at, stop, True)


def _document(head: bytes, before: _Document) -> _Document:
    """What a context frame outside the Placemarks tells; only the first name counts."""
    name = _NAME.search(head)
    if before.origin or name is None:
        return before
    title = _text(name[1])
    if title.startswith("FlightAware"):
        return _Document("flightaware")
    if title.endswith(" track"):
        return _Document("tar1090")
    if _FR24.search(head):
        registration, kind = _FR24_REGISTRATION.search(head), _FR24_TYPE.search(head)
        return _Document(
            "fr24",
            title.rsplit("/", 1)[-1].strip() or None,
            _text(registration[1]) if registration else None,
            _text(kind[1]) if kind else None,
        )
    return _Document("other", title or None)


def _text(raw: bytes) -> str:
    return html.unescape(raw.decode("utf-8", "replace")).strip()


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a fix; ``carry`` is what the file said of itself."""
    document = _Document() if carry is None else carry
    parts: list[pl.DataFrame] = []
    track: list[int] = []  # the frames of the open track, its head first
    fixes: list[int] = []
    for i in range(len(frames)):
        piece = frames.buffer[int(frames.start[i]) : int(frames.stop[i])]
        if track:
            track.append(i)
            if frames.context[i] and _CLOSED.search(piece):
                parts.append(_track(frames, track, document))
                track = []
            elif frames.context[i] and piece.startswith(b"<Placemark"):
                parts.append(_track(frames, track[:-1], document))
                track = [i]
        elif frames.context[i]:
            if piece.startswith(b"<Placemark") and not _CLOSED.search(piece):
                track = [i]
            elif not piece.startswith(b"<Placemark"):
                document = _document(piece, document)
        else:
            fixes.append(i)
            if i + 1 == len(frames) or frames.context[i + 1]:
                parts.append(_route(frames, fixes, document))
                fixes = []
    if track:
        parts.append(_track(frames, track, document))
    return gathered(parts, GIVES), document


def _inside(frames: Frames, of: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the text between the tags of a ``when`` or ``coord`` begins and ends; empty where one is damaged."""
    begin, end = np.zeros(len(of), np.int64), np.zeros(len(of), np.int64)
    for k, i in enumerate(of.tolist()):
        start, stop = int(frames.start[i]), int(frames.stop[i])
        low = frames.buffer.find(b">", start, stop) + 1
        high = frames.buffer.find(b"</", low, stop)
        if low > 0 and high > 0 and frames.buffer.startswith((b"<when", b"<gx:coord", b"<coord"), start):
            while low < high and frames.buffer[low] in b" \t\r\n":
                low += 1
            while high > low and frames.buffer[high - 1] in b" \t\r\n":
                high -= 1
            begin[k], end[k] = low, high
    return begin, end


def _track(frames: Frames, members: list[int], document: _Document) -> pl.DataFrame:
    """Rows of one ``gx:Track``, whose first frame is its head."""
    numbers_of = np.array(members, np.int64)
    head = frames.buffer[int(frames.start[members[0]]) : int(frames.stop[members[0]])]
    tail = frames.buffer[int(frames.start[members[-1]]) : int(frames.stop[members[-1]])]
    of = numbers_of[~frames.context[numbers_of]]
    ended = frames.context[members[-1]] and _TRACK_END.search(tail) is not None
    whens = numbers_of[1 : len(members) - int(bool(ended))]
    whens = whens[frames.context[whens]]
    data = bytes_of(frames.buffer)
    low, high = _inside(frames, whens)
    value, known, _ = times(data, low, high)
    time_ns = np.full(len(of), -1, np.int64)
    if not ended or len(whens) == len(of):  # with one missing nobody can say which fix it belongs to
        shared = min(len(whens), len(of))
        time_ns[:shared] = np.where(known[:shared], value[:shared], -1)
    low, high = _inside(frames, of)
    begin, end, count = fields(data, low, high, " ", 3)
    lon, bad_lon = numbers(data, begin[:, 0], end[:, 0])
    lat, bad_lat = numbers(data, begin[:, 1], end[:, 1])
    metres, bad_alt = numbers(data, begin[:, 2], end[:, 2])
    # A coord that cannot be read still belongs to its object and keeps the others in step: it is no malformed
    # row, which would have no object and be missing from the evidence of one.
    unreadable = (count < 2) | bad_lon | bad_lat | np.isnan(lon) | np.isnan(lat)
    lon[unreadable] = lat[unreadable] = metres[unreadable] = np.nan
    columns: dict[str, Any] = {
        "time_ns": pl.Series(time_ns).set(pl.Series(time_ns == -1), None),
        "lat_deg": lat,
        "lon_deg": lon,
    }
    name = _NAME.search(head)
    columns |= _altitudes(metres, _MODE.search(head), document)
    columns |= _who(_text(name[1]) if name else "", document, len(of))
    return rows(frames, of, columns, np.zeros(len(of), np.bool_), bad_alt | unreadable)


def _altitudes(metres: npt.NDArray[np.float64], mode: re.Match[bytes] | None, document: _Document) -> dict[str, Any]:
    unknown = np.full(len(metres), np.nan)
    clamped = mode is None or mode[1] != b"absolute"
    # tar1090 writes what is on the ground as tracks of their own, without altitudeMode.
    grounded = mode is None if document.origin == "tar1090" else None
    columns: dict[str, Any] = {
        "alt_baro_ft": unknown,
        "alt_msl_ft": unknown,
        "on_ground": pl.repeat(grounded, len(metres), dtype=pl.Boolean, eager=True),
    }
    if clamped:
        return columns
    distinct = np.unique(metres[np.isfinite(metres) & (metres != 0.0)])
    if len(distinct) >= _ENOUGH:
        grid = np.round(distinct / _STEP_M) * _STEP_M
        share = np.mean(np.abs(distinct - grid) <= _ROUNDING_M)
        if share == 1.0:
            columns["alt_baro_ft"] = np.round(metres / _STEP_M) * 25
        elif share >= 0.9:
            columns["alt_baro_ft"] = metres / FT_M
        elif share <= 0.6:
            columns["alt_msl_ft"] = metres / FT_M
    return columns


def _who(name: str, document: _Document, size: int) -> dict[str, Any]:
    """Columns that say who it is, from a track's name and what the file says of itself."""
    callsign, registration, type_code = None, document.registration, document.type_code
    if document.origin == "tar1090":
        # An address has letters in it; six digits alone are a military serial.
        by_address = None if name.isdigit() else address(name)
        object_id = by_address or (f"reg:{name}" if name else None)
        registration = None if by_address else name or None
    elif document.origin in ("flightaware", "fr24"):
        callsign = document.callsign or name or None
        object_id = f"callsign:{callsign}" if callsign else None
    else:
        name = name or document.callsign or ""
        object_id = f"name:{name}" if name else None
    said = {
        "object_id": object_id,
        "callsign": callsign,
        "registration": registration,
        "type_code": type_code,
    }
    return {n: pl.repeat(v, size, dtype=pl.String, eager=True) for n, v in said.items()}


def _route(frames: Frames, members: list[int], document: _Document) -> pl.DataFrame:
    """Rows of Placemarks that are one fix each."""
    taken: list[tuple[bytes, ...]] = []
    for i in members:
        piece = frames.buffer[int(frames.start[i]) : int(frames.stop[i])]
        found = [p.search(piece) for p in (_WHEN, _COORDINATES, _ALTITUDE, _SPEED, _HEADING)]
        when, place, *rest = [m[1] if m else b"" for m in found]
        lon_lat = place.split(b",") if place.count(b",") in (1, 2) else [b"?", b"?"]
        taken.append((when, lon_lat[0], lon_lat[1], *(r.replace(b",", b"") for r in rest)))
    when, lon, lat, alt, speed, heading = (_joined(column) for column in zip(*taken, strict=True))
    value, known, wrong = times(*when)
    values, bad = zip(*(numbers(*c) for c in (lon, lat, alt, speed, heading)), strict=True)
    malformed = wrong | bad[0] | bad[1] | np.isnan(values[0]) | np.isnan(values[1])
    gs = values[3]
    zero = values[2] == 0.0
    down = pl.Series(zero & (gs <= _CALM_KT))
    ground = pl.select(pl.when(down).then(True).when(pl.Series(np.abs(values[2]) > 0.0)).then(False)).to_series()
    columns: dict[str, Any] = {
        "time_ns": pl.Series(value).set(pl.Series(~known), None),
        "lat_deg": values[1],
        "lon_deg": values[0],
        "alt_baro_ft": np.where(zero, np.nan, values[2]),
        "alt_msl_ft": np.full(len(members), np.nan),
        "on_ground": ground,
        "gs_kt": gs,
        "track_deg": values[4],
    }
    columns |= _who("", document, len(members))
    return rows(frames, np.array(members, np.int64), columns, malformed, (bad[2] | bad[3] | bad[4]) & ~malformed)


def _joined(
    column: tuple[bytes, ...],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """A column of texts as one array and where each begins and ends."""
    size = np.array([len(c) for c in column], np.int64)
    end = np.cumsum(size)
    return bytes_of(b"".join(column)), end - size, end
