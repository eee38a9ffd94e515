"""Remote ID of drones: what receivers publish of it in JSON, one object a line, a message of MQTT, or in a list.

    {"protocol": 1.0, "data": {"sensor ID": "s1", "RSSI": -72, "timestamp": 1735677508366,
     "MAC address": "DF:72:11:D2:6B:95", "type": "BLE legacy", "UASdata": "AgAAAAE..."}}

That is the form of DroneScout (its receiver manual, chapter 3, and its reference subscriber), protocol 1.0. ``UASdata``
is base64 of the structure ``ODID_UAS_Data`` of opendroneid-core-c; base64 of a 25-byte message of ASTM F3411-22a and
EN 4709-002 or of a pack of them is read too (own rule). With ``status`` for ``data`` it is about the receiver:
``rid-sensor:`` and its name. LZMA, which the receiver can put round this, is not undone. What is of none of these
forms is malformed.

A drone is ``rid:`` and its UAS ID: the serial number (CTA-2063-A) where it tells one, else the registration, else the
UTM or session number in hexadecimal. A message that tells none is of the drone that the same transmitter address told
last, else ``rid-mac:`` and the address; the address is ``uid``. The carry is who told what.

Own rules. The time is that of the position, seconds in the hour of UTC, in the hour nearest to the receiver's time;
without one it is the receiver's. Latitude and longitude 0 both are unknown, as are what the standard calls invalid.
The accuracies are those of ADS-B's NACp and so of 95 %. The height is over the place of takeoff, or over the ground,
as the drone says.

Source: opendroneid-core-c, ``opendroneid.h``; DroneScout Receiver Manual 1.0, chapter 3; BluemarkInnovations
RemoteID-MQTT-subscriber.
"""

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._json import CONTAINER, ESCAPED, NULL, NUMBER, STRING, Cells, key_table, object_cells, texts
from testigos.links._json_lines import split_objects
from testigos.links._odid import HORIZONTAL_M, INVALID_ALT_M, VERTICAL_M, read_base64
from testigos.links._rows import gathered, rows
from testigos.links._text import bytes_of
from testigos.registry import Frames
from testigos.schema import KINDS
from testigos.units import FPM_MPS, FT_M, KT_MPS

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "recognise", "split"]

NAME: Final = "remote_id"
SPEC: Final = "ASTM F3411-22a, EN 4709-002; DroneScout Receiver Manual 1.0, chapter 3 (protocol 1.0)"
CHECKED: Final = False
GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft", "on_ground"),
    *("gs_kt", "track_deg", "vrate_geom_fpm", "category", "emergency", "registration", "receiver", "offset", "length"),
    *("kind", "accuracy95_m", "height_accuracy95_m", "uid", "operator_id", "operator_lat_deg", "operator_lon_deg"),
    *("remarks", "service", "rssi_dbm", "height_takeoff_m", "height_ground_m"),
)

_OUTER: Final = ("protocol", "data", "status")
_INNER: Final = ("sensor ID", "RSSI", "timestamp", "MAC address", "type", "UASdata", "status")
_OUTER_KEYS, _INNER_KEYS = key_table(_OUTER), key_table(_INNER)
_FORM: Final = re.compile(
    rb'\s*\[?\s*\{(?:\s*"protocol"\s*:\s*1(?:\.0*)?\s*,\s*"(?:data|status)"\s*:\s*\{|[^\n]{0,2000}?"UASdata"\s*:\s*")'
)
_MAC: Final = "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$"
_MS_NS: Final = 1_000_000
_HOUR_MS: Final = 3_600_000
_LATEST_MS: Final = 4.2e12
_SERIAL, _REGISTRATION, _UTM, _SESSION = 1, 2, 3, 4
_FASTEST_MPS, _FASTEST_CLIMB_MPS = 254.25, 62.0  # more is invalid
_OBSTACLE: Final = 14
#: Emergencies by operational status.
_EMERGENCIES: Final = {3: "emergency", 4: "remote_id_failure"}

Carry = dict[str, tuple[str | None, str | None]]  #: by transmitter: the serial number, and what else it told


def recognise(head: bytes) -> int:
    """95 where the first object is of the form, else 0."""
    return 95 if _FORM.match(head.removeprefix(b"\xef\xbb\xbf")) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame an object; other text is a frame too."""
    return split_objects(buffer, final)


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row an object; ``carry`` is who told which UAS ID."""
    told: Carry = {} if carry is None else carry
    of = np.arange(len(frames), dtype=np.int64)
    if not len(of):
        return gathered([], GIVES), told
    raw = bytes_of(frames.buffer)
    outer = object_cells(raw, frames.start, frames.stop, _OUTER_KEYS)
    is_data = outer.kind[1] == CONTAINER
    good = outer.valid & (is_data ^ (outer.kind[2] == CONTAINER))
    good &= (outer.kind[0] == NUMBER) & (outer.number[0] >= 1.0) & (outer.number[0] < 2.0)
    k = np.where(is_data, 1, 2)
    begin = np.where(good, outer.first[k, of], 0).astype(np.int64)
    end = np.where(good, outer.last[k, of], 0).astype(np.int64)
    cells = object_cells(raw, begin, end, _INNER_KEYS)
    good &= cells.valid
    with np.errstate(invalid="ignore", over="ignore"):  # a float of the structure can be any pattern of bits
        return _table(frames, of, raw, cells, good, is_data, told)


def _kind(cells: Cells, key: str) -> npt.NDArray[np.int8]:
    return np.asarray(cells.kind[_INNER.index(key)])


def _number(cells: Cells, key: str) -> npt.NDArray[np.float64]:
    return np.asarray(cells.number[_INNER.index(key)])


def _clean(found: npt.NDArray[np.bytes_], kind: npt.NDArray[np.int32], has: npt.NDArray[np.bool_]) -> pl.Series:
    """UAS IDs: text of the first two types, else hexadecimal; null where there is none."""
    binary = (kind == _UTM) | (kind == _SESSION)
    keys = np.char.add(np.where(has, np.where(binary, b"b", b"t"), b"-"), np.where(has, found, b""))
    several, inverse = np.unique(keys, return_inverse=True)
    made: list[str | None] = []
    for key in several.tolist():
        if key[:1] == b"b":
            made.append(key[1:].hex() or None)
        else:
            text = key[1:].decode("latin-1").strip(" \0")
            made.append(text if re.fullmatch("[!-~]+", text) else None)
    return pl.Series(made, dtype=pl.String).gather(inverse)


def _strings(found: npt.NDArray[np.bytes_], has: npt.NDArray[np.bool_]) -> pl.Series:
    """Text as it is transmitted, blanks at its ends left out; null where it is none."""
    several, inverse = np.unique(np.where(has, found, b""), return_inverse=True)
    said = [key.split(b"\0")[0].decode("utf-8", "replace").strip() for key in several.tolist()]
    return pl.Series([s if s and s.isprintable() else None for s in said], dtype=pl.String).gather(inverse)


def _identified(mac: pl.Series, ids: pl.DataFrame, told: Carry) -> tuple[pl.Series, Carry]:
    """The UAS ID of each row, its own or the last one told by its transmitter, and who told what after that."""
    known = mac.drop_nulls().unique().to_list()
    before = {m: told[m] for m in known if m in told}
    frame = ids.with_columns(mac=mac).with_columns(
        pl.when(pl.col("mac").is_null()).then(n).otherwise(pl.col(n).forward_fill().over("mac")).alias(n)
        for n in ("serial", "other")
    )
    if before:
        frame = frame.with_columns(
            pl.col(n).fill_null(
                pl.col("mac").replace_strict({m: v[i] for m, v in before.items()}, default=None, return_dtype=pl.String)
            )
            for i, n in enumerate(("serial", "other"))
        )
    last = frame.filter(pl.col("mac").is_not_null(), pl.any_horizontal(pl.col("serial", "other").is_not_null()))
    new = {m: (s, o) for m, s, o in last.select("mac", "serial", "other").unique("mac", keep="last").iter_rows()}
    after = told if new == before else {**told, **new}
    return frame.select(pl.coalesce("serial", "other")).to_series(), after


def _moments(received_ms: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """ns since 1970 in the hour nearest to when it was received; -1 where that is unknown."""
    known = (received_ms > 0) & (received_ms < _LATEST_MS)
    ms = np.where(known, received_ms, 0).astype(np.int64)
    timed = (second >= 0) & (second <= 3600)
    found = ms - ms % _HOUR_MS + np.rint(np.where(timed, second, 0) * 1000).astype(np.int64)
    found += _HOUR_MS * ((ms - found > _HOUR_MS // 2).astype(np.int64) - (found - ms > _HOUR_MS // 2))
    return np.where(known, np.where(timed, found, ms) * _MS_NS, -1)


def _table(
    frames: Frames,
    of: npt.NDArray[np.int64],
    raw: npt.NDArray[np.uint8],
    cells: Cells,
    good: npt.NDArray[np.bool_],
    is_data: npt.NDArray[np.bool_],
    told: Carry,
) -> tuple[pl.DataFrame, Carry]:
    where = _INNER.index("UASdata")
    says = (cells.kind[where] == STRING) | (cells.kind[where] == ESCAPED)
    uas, whole = read_base64(
        raw,
        np.where(says, cells.first[where], 0).astype(np.int64),
        np.where(says, cells.last[where], 0).astype(np.int64),
    )
    mac = texts(raw, cells, _INNER.index("MAC address")).str.to_lowercase()
    sensor = texts(raw, cells, _INNER.index("sensor ID"))
    drone = good & is_data & says
    good &= np.where(
        is_data, whole & mac.str.contains(_MAC).fill_null(False).to_numpy(), sensor.is_not_null().to_numpy()
    )
    drone &= good
    mac = mac.set(pl.Series(~drone), None)

    def has(name: str) -> npt.NDArray[np.bool_]:
        return np.asarray(drone & (uas[f"has_{name}"] == 1))

    def known(values: npt.NDArray[Any], valid: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return np.where(valid, values, np.nan).astype(np.float64)

    parts = []
    for n in (0, 1):
        own = has(f"id{n}") & (uas[f"id_type{n}"] >= _SERIAL) & (uas[f"id_type{n}"] <= _SESSION)
        text = _clean(uas[f"id{n}"], uas[f"id_type{n}"], own)
        parts.append(pl.DataFrame({"text": text, "type": uas[f"id_type{n}"]}))

    def of_type(*kinds: int) -> pl.Series:
        found = [p.select(pl.when(pl.col("type") == t).then("text")).to_series() for t in kinds for p in parts]
        return pl.DataFrame({str(i): s for i, s in enumerate(found)}).select(pl.coalesce(pl.all())).to_series()

    ids = pl.DataFrame({"serial": of_type(_SERIAL), "other": of_type(_REGISTRATION, _UTM, _SESSION)})
    name, after = _identified(mac, ids, told)
    named = pl.DataFrame({"name": name, "mac": mac, "sensor": sensor, "drone": drone})
    object_id = named.select(
        pl.when(~pl.col("drone")).then("rid-sensor:" + pl.col("sensor"))
        .otherwise(pl.coalesce("rid:" + pl.col("name"), "rid-mac:" + pl.col("mac")))
    ).to_series()  # fmt: skip

    located, system = has("location"), has("system")
    placed = located & ((uas["lat"] != 0) | (uas["lon"] != 0))
    manned = system & ((uas["operator_lat"] != 0) | (uas["operator_lon"] != 0))
    height = known(uas["height"], located & (uas["height"] > INVALID_ALT_M))
    time_ns = _moments(_number(cells, "timestamp"), known(uas["second"], located))
    status = np.where(located, uas["status"], 0)
    obstacle = (has("id0") & (uas["ua_type0"] == _OBSTACLE)) | (has("id1") & (uas["ua_type1"] == _OBSTACLE))

    def accuracy(name: str, table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        code = uas[name]
        inside = located & (code >= 0) & (code < len(table))
        return known(table[np.where(inside, code, 0)], inside)

    odd = _kind(cells, "RSSI") > NUMBER
    odd |= (_kind(cells, "type") > NULL) & (_kind(cells, "type") != STRING) & (_kind(cells, "type") != ESCAPED)
    odd |= (_kind(cells, "timestamp") > NULL) & (time_ns < 0)
    fixed = pl.Series(np.where(obstacle | ~drone, KINDS.index("fixed"), KINDS.index("drone")))
    columns: dict[str, Any] = {
        "object_id": object_id,
        "time_ns": pl.Series(time_ns).set(pl.Series(time_ns < 0), None),
        "source": pl.repeat("other", len(of), dtype=pl.String, eager=True),
        "lat_deg": known(uas["lat"], placed),
        "lon_deg": known(uas["lon"], placed),
        "alt_baro_ft": known(uas["alt_baro"], located & (uas["alt_baro"] > INVALID_ALT_M)) / FT_M,
        "alt_geom_ft": known(uas["alt_geo"], located & (uas["alt_geo"] > INVALID_ALT_M)) / FT_M,
        "on_ground": pl.Series(status == 1).set(pl.Series((status != 1) & (status != 2)), None),
        "gs_kt": known(uas["speed"], located & (uas["speed"] <= _FASTEST_MPS)) / KT_MPS,
        "track_deg": known(uas["direction"], located & (uas["direction"] <= 360.0)) % 360.0,
        "vrate_geom_fpm": known(uas["climb"], located & (np.abs(uas["climb"]) <= _FASTEST_CLIMB_MPS)) / FPM_MPS,
        "category": pl.Series(np.where(obstacle, "C3", "B6")).set(pl.Series(~drone), None),
        "emergency": pl.Series(status).replace_strict(_EMERGENCIES, default=None, return_dtype=pl.String),
        "registration": of_type(_REGISTRATION),
        "receiver": sensor,
        "kind": pl.Series(KINDS, dtype=pl.Enum(KINDS)).gather(fixed),
        "accuracy95_m": accuracy("across", HORIZONTAL_M),
        "height_accuracy95_m": accuracy("upright", VERTICAL_M),
        "uid": mac,
        "operator_id": _strings(uas["operator"], has("operator")),
        "operator_lat_deg": known(uas["operator_lat"], manned),
        "operator_lon_deg": known(uas["operator_lon"], manned),
        "remarks": pl.select(
            pl.when(pl.Series(drone))
            .then(_strings(uas["text"], has("text")))
            .otherwise(texts(raw, cells, _INNER.index("status")))
        ).to_series(),
        "service": texts(raw, cells, _INNER.index("type")),
        "rssi_dbm": _number(cells, "RSSI"),
        "height_takeoff_m": known(height, uas["height_type"] == 0),
        "height_ground_m": known(height, uas["height_type"] == 1),
    }
    return gathered([rows(frames, of, columns, ~good, odd & good)], GIVES), after
