"""readsb's aircraft lists: ``aircraft.json``, its history files, the API's v2 and jv2 forms, and one object a line.

A list is a header, an array of aircraft objects, and sometimes keys after it; in the API's form the time stands
there, and is in milliseconds::

    { "now" : 1795449685.000, "messages" : 3968, "aircraft" : [ {"hex":"ae503d", ...}, ... ] }
    {"ac":[ {"hex":"ae503d", ...} ], "msg": "No error", "now": 1795449685000, ...}

The header up to the array's bracket is one context frame, each aircraft a data frame, keys behind the array are
another context frame. A row's time is that of its position: ``now`` less ``seen_pos``, or less ``seen`` where there is
no position. An object with a ``now`` of its own needs no list around it.

``lastPosition`` is a position that readsb no longer counts as valid: such a row is ``stale``, has the time of that
position, and nothing of what the aircraft did later.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._json import (
    ABSENT,
    CONTAINER,
    NUMBER,
    STRING,
    Cells,
    distinct_texts,
    key_table,
    object_cells,
    says,
    texts,
)
from testigos.links._readsb import (
    Flags,
    Floats,
    audit,
    emergency,
    flags_column,
    matching,
    object_id,
    quality,
    seconds_us,
    source_codes,
    source_names,
    status_column,
    table,
    timed,
)
from testigos.links._readsb_json_write import encode, pieces, receiver
from testigos.links._readsb_split import AIRCRAFT_OBJECTS, HELD, split_documents
from testigos.links._series import known as not_null
from testigos.links._series import only
from testigos.registry import Frames
from testigos.schema import SOURCES

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "pieces", "receiver", "recognise", "split"]

NAME = "readsb_json"
SPEC = "https://github.com/wiedehopf/readsb/blob/dev/README-json.md#aircraftjson-and---json-port"
CHECKED = False
GIVES = (
    "object_id",
    "time_ns",
    "status",
    "source",
    "lat_deg",
    "lon_deg",
    "alt_baro_ft",
    "alt_geom_ft",
    "on_ground",
    "gs_kt",
    "track_deg",
    "vrate_fpm",
    "vrate_geom_fpm",
    "ias_kt",
    "tas_kt",
    "roll_deg",
    "heading_deg",
    "callsign",
    "squawk",
    "category",
    "emergency",
    "registration",
    "type_code",
    "military",
    "nic",
    "rc_m",
    "nac_p",
    "nac_v",
    "sil",
    "adsb_version",
    "rssi_dbfs",
    "offset",
    "length",
)

#: Of 8-bit amplitude 0: readsb prints 10·log10(0 + 1.125e-5) where it has no signal level.
NO_SIGNAL_DBFS: Final = -49.5

_FIELDS: Final = (
    "hex",
    "type",
    "flight",
    "r",
    "t",
    "dbFlags",
    "alt_baro",
    "alt_geom",
    "gs",
    "ias",
    "tas",
    "track",
    "roll",
    "true_heading",
    "baro_rate",
    "geom_rate",
    "squawk",
    "emergency",
    "category",
    "lat",
    "lon",
    "nic",
    "rc",
    "nac_p",
    "nac_v",
    "sil",
    "version",
    "mlat",
    "tisb",
    "seen",
    "seen_pos",
    "now",
    "rssi",
    "lastPosition",
)
_KEYS: Final = key_table(_FIELDS)
_COLUMN: Final = {name: k for k, name in enumerate(_FIELDS)}
#: What of each column that is text is taken.
_TEXTS: Final = {
    "callsign": ("flight", matching(".")),
    "squawk": ("squawk", matching("^[0-7]{4}$")),
    "category": ("category", matching("^[A-D][0-7]$")),
    "emergency": ("emergency", emergency),
    "registration": ("r", matching(".")),
    "type_code": ("t", matching(".")),
}
_AIRBORNE: Final = np.array([name in ("adsb", "adsr", "tisb") for name in SOURCES])
_LAST: Final = ("lat", "lon", "nic", "rc", "seen_pos", "age")  # ``age`` was its name in older versions
_LAST_KEYS: Final = key_table(_LAST)
_OF_NOW: Final = (
    "alt_baro_ft",
    "alt_geom_ft",
    "gs_kt",
    "track_deg",
    "vrate_fpm",
    "vrate_geom_fpm",
    "ias_kt",
    "tas_kt",
    "roll_deg",
    "heading_deg",
    "rssi_dbfs",
)


def recognise(head: bytes) -> int:
    """Whether the document is a list of aircraft, or begins with one aircraft object."""
    listed = re.search(rb'"(?:aircraft|ac)"\s*:\s*(?:\[|null)', head)
    if listed is not None and (b'"hex"' in head or b'"now"' in head):
        return 90
    line = head.lstrip()[:2000].partition(b"\n")[0]
    return 60 if line.startswith(b"{") and b'"hex"' in line and re.search(rb'"(?:now|lat|seen)"', line) else 0


def _complete(header: bytes) -> bool:
    return b'"now"' in header


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """Headers, aircraft and trailers, and what needs more bytes.

    A list whose time stands behind its array is held back until its end is seen, up to 32 MiB.
    """
    return split_documents(buffer, final, AIRCRAFT_OBJECTS, _complete)


@dataclass(frozen=True, slots=True)
class _Carry:
    """When the list that is being read was made, in s; NaN where nothing says."""

    now: float


def _now(text: bytes) -> float:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return np.nan
    value = found.get("now") if isinstance(found, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else np.nan


def _times(found: Frames, carry: _Carry) -> tuple[Floats, _Carry]:
    """The list's time for each data frame, and the carry after the last frame."""
    times = [carry.now]
    opens = np.zeros(len(found), np.int64)
    header, begin = b"", -1  # what a trailer may complete
    for i in np.flatnonzero(found.context):
        text = found.buffer[int(found.start[i]) : int(found.stop[i])]
        if text[:1] == b"{":
            times.append(_now(text + b"]}"))
            opens[i] = 1
            header, begin = text, int(found.start[i])
        else:
            if begin >= 0 and not _complete(header) and int(found.stop[i]) - begin <= HELD and text != b"}":
                times[-1] = _now(b"{" + text)
            begin = -1
    return np.array(times)[np.cumsum(opens)[~found.context]], _Carry(times[-1])


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """One row an aircraft; an object that cannot be read, or has a position of no aircraft, is ``malformed``.

    A position whose field stands in the list ``mlat`` (``tisb``) has that source, whatever the object's type says.
    """
    listed, after = _times(frames, carry or _Carry(np.nan))
    data = np.flatnonzero(~frames.context)
    rows = len(data)
    raw = np.frombuffer(frames.buffer, np.uint8)
    cells = object_cells(raw, frames.start[data], frames.stop[data], _KEYS)

    def kind(key: str) -> npt.NDArray[np.int8]:
        return np.asarray(cells.kind[_COLUMN[key]])

    ids = texts(raw, cells, _COLUMN["hex"], object_id)
    good = cells.valid & (not_null(ids) | ((kind("hex") == ABSENT) & (kind("lat") == ABSENT)))
    for key in ("alt_geom", "gs", "track", "lat", "lon", "nic", "rc", "seen", "seen_pos", "now"):
        good &= kind(key) <= NUMBER
    good &= (kind("lat") == NUMBER) == (kind("lon") == NUMBER)
    numbers = np.where(good, cells.number, np.nan)

    def measured(key: str) -> Floats:
        return np.asarray(numbers[_COLUMN[key]])

    last = _last_positions(raw, cells, good & (kind("lat") != NUMBER))
    old = ~np.isnan(last["lat"])
    position = {k: np.where(old, last[k], measured(k)) for k in ("lat", "lon", "nic", "rc")}
    held = ~np.isnan(position["lat"])
    seen = np.where(np.isnan(measured("seen")), 0.0, measured("seen"))
    aged = np.where(np.isnan(measured("seen_pos")), seen, measured("seen_pos"))
    age = np.where(old, last["age"], np.where(held, aged, seen))
    own = cells.number[_COLUMN["now"]]
    now = np.where(np.isnan(own), listed, own)
    micros = seconds_us(now) - np.round(age * 1e6)
    time_ns, known = timed(micros)

    codes, types = distinct_texts(raw, cells, _COLUMN["type"])
    source = source_codes(types)[codes]
    for key in ("tisb", "mlat"):
        source[_names_latitude(cells, _COLUMN[key], frames.buffer)] = SOURCES.index(key)

    ground = good & (kind("alt_baro") == STRING) & says(raw, cells, _COLUMN["alt_baro"], "ground")
    unheard = np.round(measured("rssi"), 1) == NO_SIGNAL_DBFS
    values = {
        "lat_deg": position["lat"],
        "lon_deg": position["lon"],
        "alt_baro_ft": measured("alt_baro"),
        "alt_geom_ft": measured("alt_geom"),
        "gs_kt": measured("gs"),
        "track_deg": measured("track"),
        "vrate_fpm": measured("baro_rate"),
        "vrate_geom_fpm": measured("geom_rate"),
        "ias_kt": measured("ias"),
        "tas_kt": measured("tas"),
        "roll_deg": measured("roll"),
        "heading_deg": measured("true_heading"),
        "adsb_version": measured("version"),
        "rssi_dbfs": np.where(unheard, np.nan, measured("rssi")),
    }
    stated = {k: measured(k) for k in ("nac_p", "nac_v", "sil")}
    if old.any():
        values |= {name: np.where(old, np.nan, values[name]) for name in _OF_NOW}
        stated = {k: np.where(old, np.nan, v) for k, v in stated.items()}
    values |= quality({"nic": position["nic"], "rc_m": position["rc"]} | stated, source)
    columns, bad = audit(values)
    status = status_column(
        rows,
        ("malformed", ~good),
        ("out_of_range", bad | (np.isfinite(micros) & ~known)),
        ("no_time", ~known),
        ("no_position", ~held),
        ("stale", old),
    )
    airborne = good & ~old & _AIRBORNE[source] & (kind("alt_baro") == NUMBER)
    flags = measured("dbFlags")
    flagged = (flags >= 0) & (flags < 2**31)
    columns += [
        only(ids, good).alias("object_id"),
        only(pl.Series("time_ns", time_ns), known & good),
        status,
        only(source_names(source), good),
        flags_column("on_ground", ground, (ground & ~old) | airborne),
        *(only(texts(raw, cells, _COLUMN[k], clean), good).alias(name) for name, (k, clean) in _TEXTS.items()),
        flags_column("military", np.where(flagged, flags, 0).astype(np.int64) & 1 > 0, flagged),
    ]
    return table(frames, data, columns, GIVES), after


def _last_positions(raw: npt.NDArray[np.uint8], cells: Cells, wanted: Flags) -> dict[str, Floats]:
    """The ``lastPosition`` of the wanted rows: where, its quality, and its age in s; NaN where there is none."""
    column = _COLUMN["lastPosition"]
    rows = np.flatnonzero(wanted & (cells.kind[column] == CONTAINER))
    if not len(rows):
        return dict.fromkeys(("lat", "lon", "nic", "rc", "age"), np.full(len(wanted), np.nan))
    inner = object_cells(
        raw, cells.first[column, rows].astype(np.int64), cells.last[column, rows].astype(np.int64), _LAST_KEYS
    )
    lat, lon, nic, rc, seen, age = inner.number
    whole = inner.valid & ~np.isnan(lat) & ~np.isnan(lon)
    found = {}
    aged = np.where(np.isnan(seen), age, seen)
    for key, values in zip(("lat", "lon", "nic", "rc", "age"), (lat, lon, nic, rc, aged), strict=True):
        found[key] = np.full(len(wanted), np.nan)
        found[key][rows] = np.where(whole, values, np.nan)
    return found


def _names_latitude(cells: Cells, column: int, buffer: bytes) -> npt.NDArray[np.int64]:
    """The rows whose list in ``column`` names the latitude."""
    long = (cells.kind[column] == CONTAINER) & (cells.last[column] - cells.first[column] > 4)
    rows = np.flatnonzero(long)
    spans = zip(cells.first[column, rows].tolist(), cells.last[column, rows].tolist(), strict=True)
    return rows[[b'"lat"' in buffer[first:last] for first, last in spans]] if len(rows) else rows
