"""Signal K deltas of rows.

Source: Signal K specification 1.7.0: schemas/delta.json, groups/navigation.json, design.json and sensors.json.
"""

from typing import Any, Final

import numpy as np
import polars as pl

from testigos.kernels import kernel
from testigos.links._ais_write import mmsi_of
from testigos.links._json_write import put_text
from testigos.links._put import literal, put, put_decimal, put_integer, put_iso, put_padded
from testigos.matrix import codes, numbers, texts, whole_numbers
from testigos.registry import Pieces
from testigos.schema import KINDS, SOURCES
from testigos.units import FT_M, KT_MPS

__all__ = ["STATES", "written"]

#: ``navigation.state`` by the navigational status of AIS; empty where Signal K has no name.
STATES: Final = (
    *("motoring", "anchored", "not under command", "restricted manouverability", "constrained by draft", "moored"),
    *("aground", "fishing", "sailing", "hazardous material high speed", "hazardous material wing in ground"),
    *("", "", "", "ais-sart", ""),
)

_FLOATS: Final = (
    *("lat_deg", "lon_deg", "alt_msl_ft", "gs_kt", "track_deg", "heading_deg", "heading_mag_deg", "rot_degpmin"),
    *("draught_m", "to_bow_m", "to_stern_m", "to_port_m", "to_starboard_m"),
)
_LAT, _LON, _ALT, _GS, _TRACK, _HEADING, _MAGNETIC, _ROT, _DRAUGHT, _BOW, _STERN, _PORT, _STARBOARD = range(13)
_SMALL: Final = ("source", "kind", "nav_status", "manoeuvre", "ship_type", "imo")
_SOURCE, _KIND, _STATUS, _MANOEUVRE, _SHIP_TYPE, _IMO = range(6)
_TEXTS: Final = ("object_id", "receiver", "via", "vessel_name", "callsign", "destination")
_ID, _RECEIVER, _VIA, _NAME, _CALLSIGN, _DESTINATION = range(6)

_AIS: Final = SOURCES.index("ais")
_FIXED, _AIRCRAFT = KINDS.index("fixed"), KINDS.index("aircraft")
_RAD: Final = np.pi / 180.0

_CONTEXT: Final = literal('{"context":"')
_VESSELS, _AIRCRAFTS, _ATONS, _BASES = (literal(t) for t in ("vessels", "aircraft", "atons", "shore.basestations"))
_URN: Final = literal(".urn:mrn:imo:mmsi:")
_UPDATES: Final = literal('","updates":[{"source":{"label":"')
_OURS: Final = literal('","type":"testigos"')
_TALKER: Final = literal(',"talker":"AI"')
_WAY: Final = literal(',"via":"')
_STAMP: Final = literal(',"timestamp":"')
_VALUES: Final = literal(',"values":[{"path":"","value":{"mmsi":"')
_SAID_NAME: Final = literal(',"name":"')
_SAID_SIGN: Final = literal(',"communication":{"callsignVhf":"')
_SAID_IMO: Final = literal(',"registrations":{"imo":"IMO ')
_POSITION: Final = literal('},{"path":"navigation.position","value":{"longitude":')
_LATITUDE: Final = literal(',"latitude":')
_ALTITUDE: Final = literal(',"altitude":')
_STATE: Final = literal('},{"path":"navigation.state","value":"')
_MANOEUVRES: Final = literal('},{"path":"navigation.specialManeuver","value":"')
_NOT: Final = literal("not ")
_ENGAGED: Final = literal('engaged"')
_BOUND: Final = literal('},{"path":"navigation.destination.commonName","value":"')
_TYPE: Final = literal('},{"path":"design.aisShipType","value":{"id":')
_MARK: Final = literal('},{"path":"atonType","value":{"id":')
_DRAFT: Final = literal('},{"path":"design.draft","value":{"current":')
_LENGTH: Final = literal('},{"path":"design.length","value":{"overall":')
_END: Final = literal("}]}]}\n")

#: Numbers that are values of their own: path, column, factor, decimals.
_PATHS: Final = tuple(
    literal(f'}},{{"path":"{path}","value":')
    for path in (
        *("navigation.speedOverGround", "navigation.courseOverGroundTrue", "navigation.headingTrue"),
        *("navigation.headingMagnetic", "navigation.rateOfTurn", "sensors.ais.fromBow"),
    )
)
_COLUMNS: Final = np.array([_GS, _TRACK, _HEADING, _MAGNETIC, _ROT, _BOW])
_FACTORS: Final = np.array([KT_MPS, _RAD, _RAD, _RAD, _RAD / 60.0, 1.0])
_DECIMALS: Final = np.array([3, 5, 5, 5, 7, 2])
_BEAM: Final = literal('},{"path":"design.beam","value":')
_CENTER: Final = literal('},{"path":"sensors.ais.fromCenter","value":')
_MOST: Final = 1600  # bytes of a delta without its texts


def _joined(texts: "tuple[np.ndarray[Any, Any], ...]") -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    return np.concatenate(texts), np.cumsum([0, *(len(t) for t in texts)])


_PATH_LETTERS, _PATH_STARTS = _joined(_PATHS)
_STATE_LETTERS, _STATE_STARTS = _joined(tuple(literal(state) for state in STATES))


def written(tracks: pl.DataFrame, station: str) -> Pieces:
    """A delta of each row with an MMSI, apart; see ``signalk.pieces``."""
    size = len(tracks)
    start = np.zeros(size + 1, np.int64)
    if not size or "object_id" not in tracks.columns:
        return Pieces(np.zeros(0, np.uint8), start)
    letters, places = texts(tracks, _TEXTS)
    own = np.frombuffer(station.encode(), np.uint8)
    data = np.empty(6 * len(letters) + (6 * len(own) + _MOST) * size, np.uint8)
    time_ns = whole_numbers(tracks, ("time_ns",))[0]
    _write(numbers(tracks, _FLOATS), codes(tracks, _SMALL), time_ns, letters, places, own, data, start)
    return Pieces(data[: start[-1]].copy(), start)


@kernel
def _string(out, at, letters, low, high):  # type: ignore[no-untyped-def]
    """Text as the inside of a JSON string, and the quote after it."""
    at = put_text(out, at, letters, low, high)
    out[at] = 34
    return at + 1


@kernel
def _write(numbers: Any, small: Any, time_ns: Any, letters: Any, start: Any, own: Any, out: Any, begin: Any) -> None:
    at = 0
    for i in range(len(time_ns)):
        mmsi = mmsi_of(letters, start[_ID, i], start[_ID, i + 1])
        if mmsi >= 0:
            at = _head(small, time_ns, letters, start, own, out, at, i, mmsi)
            at = _values(numbers, small, letters, start, out, at, i, mmsi)
            at = put(out, at, _END)
        begin[i + 1] = at


@kernel
def _head(small, time_ns, letters, start, own, out, at, i, mmsi):  # type: ignore[no-untyped-def]
    """All before the values."""
    at = put(out, at, _CONTEXT)
    kind = small[_KIND, i]
    if kind == _AIRCRAFT or mmsi // 1_000_000 == 111:
        at = put(out, at, _AIRCRAFTS)
    elif kind == _FIXED or mmsi // 10_000_000 == 99:
        at = put(out, at, _BASES) if mmsi < 10_000_000 else put(out, at, _ATONS)
    else:
        at = put(out, at, _VESSELS)
    at = put(out, put_padded(out, put(out, at, _URN), mmsi, 9), _UPDATES)
    low, high = start[_RECEIVER, i], start[_RECEIVER, i + 1]
    at = _string(out, at, letters, low, high) if high > low else _string(out, at, own, 0, len(own))
    at = put(out, at - 1, _OURS)
    if small[_SOURCE, i] == _AIS:
        at = put(out, at, _TALKER)
    low, high = start[_VIA, i], start[_VIA, i + 1]
    if high > low:
        at = _string(out, put(out, at, _WAY), letters, low, high)
    out[at] = 125
    at += 1
    if time_ns[i] >= 0:
        at = put_iso(out, put(out, at, _STAMP), time_ns[i])
        out[at] = 34
        at += 1
    return at


@kernel
def _close(out, at):  # type: ignore[no-untyped-def]
    out[at] = 125
    return at + 1


@kernel
def _values(numbers, small, letters, start, out, at, i, mmsi):  # type: ignore[no-untyped-def]
    at = put_padded(out, put(out, at, _VALUES), mmsi, 9)
    out[at] = 34
    at += 1
    low, high = start[_NAME, i], start[_NAME, i + 1]
    if high > low:
        at = _string(out, put(out, at, _SAID_NAME), letters, low, high)
    low, high = start[_CALLSIGN, i], start[_CALLSIGN, i + 1]
    if high > low:
        at = _close(out, _string(out, put(out, at, _SAID_SIGN), letters, low, high))
    if 0 < small[_IMO, i] < 10_000_000:
        at = put_padded(out, put(out, at, _SAID_IMO), small[_IMO, i], 7)
        out[at] = 34
        at = _close(out, at + 1)
    at = _close(out, at)
    if not np.isnan(numbers[_LAT, i]) and not np.isnan(numbers[_LON, i]):
        at = put_decimal(out, put(out, at, _POSITION), numbers[_LON, i], 7)
        at = put_decimal(out, put(out, at, _LATITUDE), numbers[_LAT, i], 7)
        if not np.isnan(numbers[_ALT, i]):
            at = put_decimal(out, put(out, at, _ALTITUDE), numbers[_ALT, i] * FT_M, 2)
        at = _close(out, at)
    for k in range(len(_COLUMNS)):
        value = numbers[_COLUMNS[k], i]
        if not np.isnan(value):
            at = put(out, at, _PATH_LETTERS[_PATH_STARTS[k] : _PATH_STARTS[k + 1]])
            at = put_decimal(out, at, value * _FACTORS[k], _DECIMALS[k])
    status = small[_STATUS, i]
    if 0 <= status < 16 and _STATE_STARTS[status + 1] > _STATE_STARTS[status]:
        at = put(out, put(out, at, _STATE), _STATE_LETTERS[_STATE_STARTS[status] : _STATE_STARTS[status + 1]])
        out[at] = 34
        at += 1
    if small[_MANOEUVRE, i] == 1 or small[_MANOEUVRE, i] == 2:
        at = put(out, at, _MANOEUVRES)
        if small[_MANOEUVRE, i] == 1:
            at = put(out, at, _NOT)
        at = put(out, at, _ENGAGED)
    low, high = start[_DESTINATION, i], start[_DESTINATION, i + 1]
    if high > low:
        at = _string(out, put(out, at, _BOUND), letters, low, high)
    if small[_SHIP_TYPE, i] > 0:
        fixed = small[_KIND, i] == _FIXED or mmsi // 10_000_000 == 99
        at = put(out, at, _MARK) if fixed else put(out, at, _TYPE)
        at = _close(out, put_integer(out, at, small[_SHIP_TYPE, i]))
    if not np.isnan(numbers[_DRAUGHT, i]):
        at = _close(out, put_decimal(out, put(out, at, _DRAFT), numbers[_DRAUGHT, i], 2))
    bow, stern, port, starboard = numbers[_BOW, i], numbers[_STERN, i], numbers[_PORT, i], numbers[_STARBOARD, i]
    if not np.isnan(bow) and not np.isnan(stern):
        # of what is said of the bow, so that the stern is what is left
        at = _close(out, put_decimal(out, put(out, at, _LENGTH), np.rint(100.0 * bow) / 100.0 + stern, 2))
    if not np.isnan(port) and not np.isnan(starboard):
        at = put_decimal(out, put(out, at, _BEAM), port + starboard, 2)
        at = put_decimal(out, put(out, at, _CENTER), (starboard - port) / 2, 2)
    return at
