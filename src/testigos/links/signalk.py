"""Signal K deltas: what boats tell each other of themselves and of whom they hear, as JSON objects, one a line or in a
list.

    {"context": "vessels.urn:mrn:imo:mmsi:366730000", "updates": [{"timestamp": ..., "values": [{"path": ..., ...}]}]}

Each update makes a row; objects in values count as if their members were values of their own. A hello message, which
says who ``vessels.self`` is, is context. Angles are in radians and speeds in m/s there.

Own rules: a context without an MMSI is ``signalk:`` and its UUID; where nothing says who ``vessels.self`` is, or a
delta names no context, an MMSI among the values counts, else the delta is ``malformed``. What came from AIS by its
source (talker AI, sentence VDM or VDO, or a PGN of AIS) is ``ais``, all else ``other``. ``receiver`` is the label of
the source; ``via`` is read from a member of that name in it, as ``encode`` writes it. Ship types of aids to navigation
are ``atonType``. Sides follow from length, beam, and where the antenna is (``fromCenter`` is positive to port).
"""

import math
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from testigos.links._json_lines import split_objects
from testigos.links._rows import gathered, rows
from testigos.links._signalk_write import STATES, written
from testigos.links._text import times
from testigos.registry import Frames, Pieces
from testigos.registry import frames as make_frames
from testigos.schema import ALL
from testigos.units import FT_M, KT_MPS

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "pieces", "recognise", "split"]

NAME: Final = "signalk"
SPEC: Final = "Signal K specification 1.7.0, https://signalk.org/specification/1.7.0/doc/; schemas/delta.json"
CHECKED: Final = False
GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_msl_ft", "gs_kt", "track_deg"),
    *("heading_deg", "callsign", "receiver", "offset", "length", "heading_mag_deg", "vessel_name", "imo", "ship_type"),
    *("nav_status", "rot_degpmin", "draught_m", "destination", "eta", "to_bow_m", "to_stern_m", "to_port_m"),
    *("to_starboard_m", "manoeuvre", "kind", "via"),
)

_FIRST: Final = re.compile(rb'\s*\[?\s*\{[^\x00]{0,4000}?"updates"\s*:\s*\[')
_HELLO: Final = re.compile(rb'\s*\{[^{}]*"version"\s*:[^{}]*"self"\s*:')
_MMSI: Final = re.compile(r"(?:urn:mrn:imo:mmsi:)?(\d{9})")
_UUID: Final = re.compile(r"urn:mrn:signalk:uuid:([0-9A-Fa-f-]{36})")
_IMO: Final = re.compile(r"(?:IMO )?(\d{7})")
_ETA: Final = re.compile(r"\d{4}-(\d\d-\d\dT\d\d:\d\d)")
_KINDS: Final = {"vessels": "vessel", "aircraft": "aircraft", "atons": "fixed", "shore": "fixed", "sar": "other"}
_CODES: Final = {name: code for code, name in enumerate(STATES) if name}
_MANOEUVRES: Final = {"not engaged": 1, "engaged": 2}
_AIS_PGNS: Final = frozenset((129_038, 129_039, 129_040, 129_041, 129_793, 129_794, 129_798, 129_809, 129_810))
_DEPTH: Final = 6

_DEG: Final = 180.0 / math.pi
#: Numbers: the path, the column, and the factor to its unit.
_NUMBERS: Final = {
    "navigation.position.latitude": ("lat_deg", 1.0),
    "navigation.position.longitude": ("lon_deg", 1.0),
    "navigation.position.altitude": ("alt_msl_ft", 1.0 / FT_M),
    "navigation.speedOverGround": ("gs_kt", 1.0 / KT_MPS),
    "navigation.courseOverGroundTrue": ("track_deg", _DEG),
    "navigation.headingTrue": ("heading_deg", _DEG),
    "navigation.headingMagnetic": ("heading_mag_deg", _DEG),
    "navigation.rateOfTurn": ("rot_degpmin", 60.0 * _DEG),
    "design.draft.maximum": ("draught_m", 1.0),
    "design.draft.current": ("draught_m", 1.0),
    "design.aisShipType": ("ship_type", 1.0),
    "design.aisShipType.id": ("ship_type", 1.0),
    "atonType.id": ("ship_type", 1.0),
    "design.length.overall": ("length", 1.0),
    "design.beam": ("beam", 1.0),
    "sensors.ais.fromBow": ("from_bow", 1.0),
    "sensors.ais.fromCenter": ("from_center", 1.0),
}
_ANGLES: Final = frozenset(("track_deg", "heading_deg", "heading_mag_deg"))
_TEXTS: Final = {
    "name": "vessel_name",
    "communication.callsignVhf": "callsign",
    "navigation.destination.commonName": "destination",
}
_OTHERS: Final = frozenset(
    ("registrations.imo", "navigation.state", "navigation.destination.eta", "navigation.specialManeuver", "mmsi")
)
_FLOATS: Final = tuple(dict.fromkeys(column for column, _ in _NUMBERS.values()))


def recognise(head: bytes) -> int:
    """95 where the first object has updates with paths, or is a hello; else 0."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if _FIRST.match(text) and b'"path"' in text and b'"values"' in text:
        return 95
    return 95 if _HELLO.match(text) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame an object; other text is a frame too. An object that names ``self`` and has no updates is context."""
    found, rest = split_objects(buffer, final)
    context = np.zeros(len(found), np.bool_)
    at = buffer.find(b'"self"')
    while at >= 0:
        i = int(np.searchsorted(found.start, at, "right")) - 1
        if i >= 0 and at < found.stop[i]:
            context[i] = _self(buffer[int(found.start[i]) : int(found.stop[i])]) is not None
        at = buffer.find(b'"self"', at + 1)
    return make_frames(buffer, found.start, found.stop, context), rest


def _self(raw: bytes) -> str | None:
    """Who a hello message says that it comes from."""
    told = _parsed(raw)
    if told is None or "updates" in told or not isinstance(told.get("self"), str):
        return None
    return str(told["self"])


def _parsed(raw: bytes) -> dict[str, Any] | None:
    try:
        told = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


# ---- reading ----


def decode(frames: Frames, carry: str | None) -> tuple[pl.DataFrame, str | None]:
    """A row an update, one at least a delta; ``carry`` is who ``vessels.self`` is."""
    table = _Table()
    for i, (start, stop, context) in enumerate(
        zip(frames.start.tolist(), frames.stop.tolist(), frames.context.tolist(), strict=True)
    ):
        raw = frames.buffer[start:stop]
        if context:
            carry = _self(raw) or carry
        else:
            table.add(i, _parsed(raw), carry)
    return gathered([table.rows(frames)] if table.of else [], GIVES), carry


def _leaves(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """The paths and values of a value, which may be an object."""
    if isinstance(value, dict) and depth < _DEPTH:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, inner, depth + 1)
    else:
        yield path, value


class _Table:
    """Rows in the making."""

    def __init__(self) -> None:
        self.of: list[int] = []
        self.malformed: list[bool] = []
        self.odd: list[bool] = []
        self.said: list[dict[str, Any]] = []

    def add(self, frame: int, delta: dict[str, Any] | None, own: str | None) -> None:
        updates = delta.get("updates") if delta is not None else None
        if delta is None or not isinstance(updates, list) or not all(isinstance(u, dict) for u in updates):
            self._row(frame, {}, True, False)
            return
        context = delta.get("context", "vessels.self")
        if context == "vessels.self" and own is not None:
            context = own if own.count(".") else f"vessels.{own}"
        group, _, name = context.partition(".") if isinstance(context, str) else ("", "", "")
        if group == "shore":
            name = name.partition(".")[2]
        mmsi, uuid = _MMSI.fullmatch(name), _UUID.fullmatch(name)
        who = f"mmsi:{mmsi[1]}" if mmsi else f"signalk:{uuid[1].lower()}" if uuid else None
        for update in updates or [{}]:
            said, odd, mended = _read(update)
            said["object_id"] = who or mended
            said["kind"] = _KINDS.get(group, "unknown")
            self._row(frame, said, said["object_id"] is None, odd)

    def _row(self, frame: int, said: dict[str, Any], malformed: bool, odd: bool) -> None:
        self.of.append(frame)
        self.said.append(said)
        self.malformed.append(malformed)
        self.odd.append(odd)

    def rows(self, frames: Frames) -> pl.DataFrame:
        def column(name: str) -> list[Any]:
            return [said.get(name) for said in self.said]

        columns: dict[str, Any] = {
            name: np.array([math.nan if v is None else v for v in column(name)], np.float64) for name in _FLOATS
        }
        bow, center = columns.pop("from_bow"), columns.pop("from_center")
        length, beam = columns.pop("length"), columns.pop("beam")
        columns |= {"to_bow_m": bow, "to_stern_m": length - bow}
        columns |= {"to_port_m": beam / 2 - center, "to_starboard_m": beam / 2 + center}
        odd = np.array(self.odd, np.bool_)
        kind = columns["ship_type"]
        odd |= ~np.isnan(kind) & ((kind != np.rint(kind)) | (kind < 0) | (kind > 255))
        whole = pl.Series(np.where(odd | np.isnan(kind), 0, kind)).cast(pl.UInt8)
        columns["ship_type"] = whole.set(whole == 0, None)
        for name in ("object_id", "source", "kind", "receiver", "via", "eta", *_TEXTS.values()):
            columns[name] = pl.Series(column(name), dtype=pl.String)
        for name in ("imo", "nav_status", "manoeuvre"):
            columns[name] = pl.Series(column(name), dtype=ALL[name].dtype)
        stamps = [s if isinstance(s, str) and s.isascii() else "" for s in column("timestamp")]
        ends = np.cumsum([0, *(len(s) for s in stamps)])
        letters = np.frombuffer("".join(stamps).encode(), np.uint8)
        value, known, wrong = times(letters, ends[:-1], ends[1:])
        odd |= wrong | np.array([s is not None and not isinstance(s, str) for s in column("timestamp")], np.bool_)
        columns["time_ns"] = pl.Series(value).set(pl.Series(~known), None)
        return rows(frames, np.array(self.of, np.int64), columns, np.array(self.malformed, np.bool_), odd)


def _read(update: dict[str, Any]) -> tuple[dict[str, Any], bool, str | None]:
    """What an update says by column, whether a value is none of its path's, and whose MMSI is among the values."""
    said: dict[str, Any] = {"timestamp": update.get("timestamp")}
    odd, mended = False, None
    _origin(update, said)
    values = update.get("values")
    for entry in values if isinstance(values, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            odd = True
            continue
        for path, value in _leaves(entry["path"], entry.get("value"), 0):
            if value is None:
                continue
            number, text = _NUMBERS.get(path), _TEXTS.get(path)
            if number is not None:
                if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e12:
                    odd = True
                    continue
                column, factor = number
                turned = value * factor
                said[column] = turned % 360.0 if column in _ANGLES else turned
            elif text is not None or path in _OTHERS:
                if not isinstance(value, str):
                    odd = True
                elif text is not None:
                    said[text] = value.rstrip() or None
                elif path == "mmsi":
                    found = _MMSI.fullmatch(value)
                    mended = f"mmsi:{found[1]}" if found else mended
                else:
                    odd |= not _word(path, value, said)
    return said, odd, mended


def _word(path: str, value: str, said: dict[str, Any]) -> bool:
    """Texts that stand for something else; false where one is not understood."""
    if path == "registrations.imo":
        number = _IMO.fullmatch(value)
        if number:
            said["imo"] = int(number[1]) or None
        return number is not None
    if path == "navigation.destination.eta":
        arrival = _ETA.match(value)
        if arrival:
            said["eta"] = arrival[1]
        return arrival is not None
    if path == "navigation.specialManeuver":
        said["manoeuvre"] = _MANOEUVRES.get(value)
        return True
    said["nav_status"] = _CODES.get(value)  # boats have states beside those of AIS
    return True


def _origin(update: dict[str, Any], said: dict[str, Any]) -> None:
    """``source``, ``receiver`` and ``via``."""
    reference, source = update.get("$source"), update.get("source")
    of_ais = False
    if isinstance(source, dict):
        of_ais = source.get("talker") == "AI" or source.get("sentence") in ("VDM", "VDO")
        pgn = source.get("pgn")
        of_ais |= isinstance(pgn, int) and pgn in _AIS_PGNS
        for column, key in (("receiver", "label"), ("via", "via")):
            if isinstance(source.get(key), str):
                said[column] = source[key] or None
    if isinstance(reference, str) and reference:
        of_ais |= reference.endswith(".AI")
        said.setdefault("receiver", reference)
    said["source"] = "ais" if of_ais else "other"


# ---- writing ----


def pieces(tracks: pl.DataFrame, station: str = NAME) -> Pieces:
    """A delta of one update, on a line of its own, for each row that has an MMSI.

    Vessels, aircraft (111MIDxxx or ``kind``), aids to navigation (``fixed``) and base stations (``fixed``, 00MIDxxxx)
    have contexts of their own. The label of the source is ``receiver``, else ``station``; its talker is AI where the
    position is from AIS, and its ``via`` is that of the row. Steps: 1 ms, 1e-7 degrees, 0.001 m/s, 1e-5 rad, 1e-7
    rad/s, 0.01 m. An expected arrival is not said, for it has no year.
    """
    return written(tracks, station)


def encode(tracks: pl.DataFrame, station: str = NAME) -> bytes:
    """What ``pieces`` gives, joined.

    >>> row = {"object_id": "mmsi:366730000", "time_ns": 1_500_000_000, "lat_deg": 37.8, "lon_deg": -122.4}
    >>> print(encode(pl.DataFrame([row])).decode()[:44])
    {"context":"vessels.urn:mrn:imo:mmsi:3667300
    """
    return pieces(tracks, station).data.tobytes()
