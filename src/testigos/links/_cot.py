"""Events of Cursor on Target as rows, however they came: XML or the protobuf of TAK.

What the format has no place for stands in a detail element of our own, ``testigos``: attributes named like the columns
of the schema, in their units. Whoever does not know it skips it, as details are meant to be.

Names: the uids ``ICAO-AE503D``, ``ANON-2A1B3C``, ``FLARM-DD1234`` and ``MMSI-366730000`` are the objects
``icao:ae503d`` and so on; any other uid is ``cot:<uid>``, unless our element says ``id``.

``ce`` and ``le`` are one sigma of a normal distribution (Event.xsd). Read as sigma of each axis: the 95 % radius of a
circular distribution is 2.448 of them, the 95 % error of a height 1.96. From 999,999 m on they are unknown, as a height
is (9999999 in XML, 999999 in cotevent.proto); own rule: so is an error of exactly 0, and a speed or course of -1.

No position is what has no ``point``, and 0 N 0 E with an unknown ``ce`` and no element of ours: that is what TAK puts
into pings. Events whose type does not begin with ``a-`` (chat, pings, map marks, tasking) are no object: such a row has
type, uid, times and text only.

Sources: MITRE, Event.xsd 2.0 (case 11-3895) for attributes, units and ``how``; CoTtypes.xml 1.80 (MITRE, 2009) for the
tree of types.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.links._cot_scan import COLUMN, Cells
from testigos.links._put import literal, put_hex
from testigos.links._rows import rows
from testigos.links._text import numbers, times
from testigos.links._xml import ABSENT, clean, name_end, texts, trimmed
from testigos.registry import Frames
from testigos.schema import ALL, KINDS, SOURCES
from testigos.units import FT_M, KT_MPS

__all__ = ["COT_GIVES", "SIGMAS95", "SIGMAS95_HEIGHT", "UNKNOWN_M", "kind_of", "put_node", "reports"]

COT_GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft", "alt_msl_ft"),
    *("on_ground", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm", "ias_kt", "tas_kt", "heading_deg"),
    *("callsign", "squawk", "category", "emergency", "registration", "type_code", "military", "nic", "rc_m"),
    *("nac_p", "nac_v", "sil", "adsb_version", "simulated", "offset", "length", "vessel_name", "imo", "ship_type"),
    *("nav_status", "rot_degpmin", "draught_m", "destination", "to_bow_m", "to_stern_m", "to_port_m"),
    *("to_starboard_m", "kind", "accuracy95_m", "height_accuracy95_m", "stale_ns", "via", "uid", "cot_type"),
    "remarks",
)

SIGMAS95: Final = 2.448  #: 95 % radius of a circular normal distribution, in sigmas of one axis
SIGMAS95_HEIGHT: Final = 1.96  #: half the width of 95 % of a normal distribution, in sigmas
UNKNOWN_M: Final = 999_999.0  #: from here on a height or an error is unknown

_HUGE: Final = 1e12  # out of the range of everything, and no arithmetic goes beyond a double
_VERSION: Final = literal("version")
_HEX_UID: Final = "^(ICAO|ANON|FLARM)-[0-9A-Fa-f]{6}$"
_MMSI_UID: Final = "^MMSI-[0-9]{9}$"
_OWN_ID: Final = "^[a-z][a-z0-9_]*:[^\n]+$"
_DRONE: Final = re.compile(r"a-[^-]*-A-(M-[FH]-Q|C-F-q)(-|;|$)")
#: Numbers of our element that come back as they stand.
_NUMBERS: Final = (
    *("alt_baro_ft", "alt_msl_ft", "vrate_fpm", "vrate_geom_fpm", "ias_kt", "tas_kt", "heading_deg", "rc_m"),
    *("rot_degpmin", "draught_m", "to_bow_m", "to_stern_m", "to_port_m", "to_starboard_m", "nic", "nac_p", "nac_v"),
    *("sil", "adsb_version", "imo", "ship_type", "nav_status"),
)
_TEXTS: Final = ("emergency", "registration", "type_code", "vessel_name", "destination")
_FLAGS: Final = ("military", "on_ground", "simulated")
#: What an event that is of no object says all the same.
_ANYWAY: Final = ("time_ns", "stale_ns", "uid", "cot_type", "callsign", "remarks", "via", "source", "simulated")


def kind_of(cot_type: str) -> str | None:
    """What an event of that type is of; null where it is of no object.

    >>> kind_of("a-f-A-M-F-Q"), kind_of("a-n-S-X-M"), kind_of("a-f-G-U-C"), kind_of("b-t-f")
    ('drone', 'vessel', 'person', None)
    """
    if not cot_type.startswith("a-"):
        return None
    if _DRONE.match(cot_type):
        return "drone"
    fields = [*cot_type.partition(";")[0].split("-"), "", "", ""]
    match fields[2], fields[3], fields[4]:
        case "A", where, _:
            return "other" if where == "W" else "aircraft"
        case (("S" | "U"), where, _):
            return "other" if where == "W" else "vessel"
        case "G", "E", "V":
            return "vehicle"
        case "G", "I", _:
            return "fixed"
        case "G", "U", _:  # a unit: who carries a device that says where they are
            return "person"
        case (("G" | "P" | "F" | "X"), _, _):
            return "other"
    return "unknown"


# ---- the nodes that an event came through ----


@njit(cache=True, nogil=True)
def _is_version(data, low, high):  # type: ignore[no-untyped-def]
    same, k = high - low == len(_VERSION), 0
    while same and k < len(_VERSION):
        same = data[low + k] == _VERSION[k]
        k += 1
    return same


@njit(cache=True, nogil=True)
def put_node(out, at, data, low, high):  # type: ignore[no-untyped-def]
    """A node's name as the name of an XML attribute; the place after it.

    Letters, digits (not first), ``-`` and ``.`` stay; other bytes are ``_`` and two hexadecimal digits, and so is the
    first one of ``version`` and of what begins with ``xml``.
    """
    kept = high - low >= 3 and data[low] | 32 == 120 and data[low + 1] | 32 == 109 and data[low + 2] | 32 == 108
    kept = kept or _is_version(data, low, high)
    for k in range(low, high):
        c = np.int64(data[k])
        letter = 97 <= c | 32 <= 122 and c < 128
        inner = 48 <= c <= 57 or c == 45 or c == 46
        if (letter and not (kept and k == low)) or (inner and k > low):
            out[at] = c
            at += 1
        else:
            out[at] = 95
            at = put_hex(out, at + 1, c, 2, True)
    return at


@njit(cache=True, nogil=True)
def _put_named(out, at, data, low, high, spare):  # type: ignore[no-untyped-def]
    """The node that an attribute's name says: what ``put_node`` made it of, else the name itself."""
    begin, k = at, low
    while k < high:
        c = np.int64(data[k])
        if c == 95 and k + 2 < high:
            value = np.int64(0)
            for d in (np.int64(data[k + 1]), np.int64(data[k + 2])):
                digit = d - 48 if 48 <= d <= 57 else d - 55 if 65 <= d <= 70 else 256
                value = value * 16 + digit
            if value < 256:
                c = value
                k += 2
        out[at] = c
        at += 1
        k += 1
    same = clean(out, begin, at) and at > begin
    for k in range(begin, at):
        same = same and out[k] > 32
    if same:
        size = put_node(spare, 0, out, begin, at)
        same = size == high - low
        k = 0
        while same and k < size:
            same = spare[k] == data[low + k]
            k += 1
    if not same:
        at = begin
        for k in range(low, high):
            out[at] = data[k]
            at += 1
    return at


@njit(cache=True, nogil=True)
def _put_vias(data, first, last, kind, out, spare):  # type: ignore[no-untyped-def]
    """For each row the nodes in the attributes of its flow tags, blanks between; NUL between rows."""
    at = 0
    for i in range(len(first)):
        if i:
            out[at] = 0
            at += 1
        if kind[i] == ABSENT:
            continue
        begin, k = at, first[i]
        while k < last[i]:
            if data[k] <= 32:
                k += 1
                continue
            low = k
            high = name_end(data, low, last[i])
            k = high
            while data[k] != 34 and data[k] != 39:
                k += 1
            quote = data[k]
            k += 1
            while data[k] != quote:
                k += 1
            k += 1
            space = high - low >= 5 and data[low] == 120 and data[low + 1] == 109 and data[low + 2] == 108
            if space or _is_version(data, low, high):  # the schema's own version is no node
                continue
            if at > begin:
                out[at] = 32
                at += 1
            at = _put_named(out, at, data, low, high, spare)
    return at


def _vias(data: npt.NDArray[np.uint8], cells: Cells) -> pl.Series:
    k = COLUMN["_flow-tags_.+"]
    first, last, kind = cells.first[k], cells.last[k], cells.kind[k]
    if not kind.any():
        return pl.repeat(None, len(kind), dtype=pl.String, eager=True)
    size = int((last - first).sum(dtype=np.int64))
    out = np.empty(size + len(kind) + 8, np.uint8)
    spare = np.empty(3 * int((last - first).max()) + 8, np.uint8)
    joined = out[: _put_vias(data, first, last, kind, out, spare)].tobytes().decode()
    found = pl.Series([joined]).str.split("\0").explode()
    return found.set(found == "", None)


# ---- rows ----


def reports(
    frames: Frames,
    of: npt.NDArray[np.int64],
    data: npt.NDArray[np.uint8],
    cells: Cells,
    exact: Mapping[str, Any] | None = None,
    empty: npt.NDArray[np.bool_] | None = None,
) -> pl.DataFrame:
    """A row for each frame number in ``of``, of the cells that were found in it.

    ``exact``: numbers (N,) of ``element.attribute`` that did not come as text, NaN or -1 (times, ns) where unknown; a
    cell goes before them. ``empty`` (N,): the message holds no event.
    """
    size = len(of)
    given = exact or {}
    none = np.zeros(size, np.bool_) if empty is None else empty
    bad, odd = ~cells.valid, np.zeros(size, np.bool_)

    def text(key: str) -> pl.Series:
        k = COLUMN[key]
        return texts(data, cells.first[k], cells.last[k], cells.kind[k])

    def there(key: str) -> npt.NDArray[np.bool_]:
        return np.asarray(cells.kind[COLUMN[key]] != ABSENT)

    def number(key: str, column: str = "") -> npt.NDArray[np.float64]:
        k = COLUMN[key]
        value = given.get(key)
        if not cells.kind[k].any():
            return np.full(size, np.nan) if value is None else np.clip(value, -_HUGE, _HUGE)
        said, wrong = numbers(*trimmed(data, cells.first[k], cells.last[k], cells.kind[k]))
        if column and ALL[column].dtype.is_integer():
            wrong |= np.isfinite(said) & (said != np.rint(said))
            said = np.where(wrong, np.nan, said)
        np.logical_or(odd, wrong, out=odd)
        return np.clip(said if value is None else np.where(cells.kind[k] == ABSENT, value, said), -_HUGE, _HUGE)

    def moment(key: str) -> pl.Series:
        k = COLUMN[key]
        if key in given:
            exact_ns = pl.Series(given[key])
            return exact_ns.set(exact_ns < 0, None)
        value, known, wrong = times(*trimmed(data, cells.first[k], cells.last[k], cells.kind[k]))
        np.logical_or(bad if key == "event.time" else odd, wrong, out=bad if key == "event.time" else odd)
        return pl.Series(value).set(pl.Series(~known), None)

    uid, cot_type = text("event.uid"), text("event.type")
    bad |= ~none & (uid.is_null() | cot_type.is_null()).to_numpy()
    version = number("event.version")
    bad |= version < 2.0
    is_object = cot_type.str.starts_with("a-").fill_null(False)
    own, pointed = there("testigos.+"), there("point.+")
    lat, lon, hae = number("point.lat"), number("point.lon"), number("point.hae")
    bad |= pointed & (np.isnan(lat) | np.isnan(lon))
    ce, le = (_known(number(k), 0.0) for k in ("point.ce", "point.le"))
    nowhere = ~pointed | ((lat == 0.0) & (lon == 0.0) & np.isnan(ce) & ~own)
    lat, lon = np.where(nowhere, np.nan, lat), np.where(nowhere, np.nan, lon)
    derived = cot_type.replace_strict(
        {t: kind_of(t) for t in cot_type.drop_nulls().unique().to_list()}, default=None, return_dtype=pl.String
    )
    columns: dict[str, Any] = {
        "object_id": _object_id(uid, text("testigos.id")),
        "time_ns": moment("event.time"),
        "source": _source(text("testigos.source"), own),
        "lat_deg": lat,
        "lon_deg": lon,
        "alt_geom_ft": np.where(nowhere, np.nan, _known(hae, np.nan)) / FT_M,
        "gs_kt": _known(number("track.speed"), -1.0) / KT_MPS,
        "track_deg": _known(number("track.course"), -1.0),
        "callsign": text("contact.callsign").set(pl.Series(there("testigos.label")), None),
        "kind": _one_of(text("testigos.kind"), KINDS, derived),
        "accuracy95_m": ce * SIGMAS95,
        "height_accuracy95_m": le * SIGMAS95_HEIGHT,
        "stale_ns": moment("event.stale"),
        "via": _vias(data, cells),
        "uid": uid,
        "cot_type": cot_type,
        "remarks": _remarks(text("remarks.+"), pl.Series(own & ~there("testigos.remarks"))),
        "squawk": _matching(text("testigos.squawk"), "^[0-7]{4}$"),
        "category": _matching(text("testigos.category"), "^[A-D][0-7]$"),
    }
    columns |= {n: number(f"testigos.{n}", n) for n in _NUMBERS}
    columns |= {n: text(f"testigos.{n}") for n in _TEXTS}
    columns |= {n: _flag(text(f"testigos.{n}")) for n in _FLAGS}
    columns["simulated"] = _simulated(columns["simulated"], text("event.opex"), text("event.how"))
    if not is_object.all():
        for name in columns.keys() - set(_ANYWAY):
            columns[name] = pl.select(pl.when(is_object).then(pl.Series(columns[name]))).to_series()
    return rows(frames, of, columns, bad, odd & ~bad & is_object.to_numpy())


def _known(value: npt.NDArray[np.float64], unknown: float) -> npt.NDArray[np.float64]:
    return np.where((value >= UNKNOWN_M) | (value == unknown), np.nan, value)


def _object_id(uid: pl.Series, own: pl.Series) -> pl.Series:
    table = pl.DataFrame({"uid": uid, "own": own})
    plain = pl.col("uid").str.contains(_HEX_UID) | pl.col("uid").str.contains(_MMSI_UID)
    named = pl.col("uid").str.to_lowercase().str.replace("-", ":", literal=True)
    return table.select(
        pl.when(pl.col("own").str.contains(_OWN_ID))
        .then("own")
        .when(plain)
        .then(named)
        .otherwise("cot:" + pl.col("uid"))
    ).to_series()


def _one_of(said: pl.Series, names: tuple[str, ...], otherwise: pl.Series) -> pl.Series:
    return pl.select(pl.when(said.is_in(list(names))).then(said).otherwise(otherwise)).to_series()


def _source(said: pl.Series, own: npt.NDArray[np.bool_]) -> pl.Series:
    quiet = pl.Series(own) & said.is_null()
    other = pl.select(pl.when(quiet).then(pl.lit("unknown")).otherwise(pl.lit("other"))).to_series()
    return _one_of(said, SOURCES, other)


def _matching(said: pl.Series, pattern: str) -> pl.Series:
    return said.set(~said.str.contains(pattern), None)


def _flag(said: pl.Series) -> pl.Series:
    return pl.select(pl.when(said == "1").then(True).when(said == "0").then(False)).to_series()


def _remarks(said: pl.Series, made: pl.Series) -> pl.Series:
    """Not those that our writer made of other columns."""
    return said.set(made | (said.str.strip_chars(" \t\r\n") == ""), None)


def _simulated(own: pl.Series, opex: pl.Series, how: pl.Series) -> pl.Series:
    """Event.xsd: ``opex`` of s is a simulation, of o an operation; ``how`` of m-s is out of a simulation."""
    letter = opex.str.slice(0, 1)
    said = pl.when((letter == "s") | (how == "m-s")).then(True).when(letter == "o").then(False)
    return pl.select(pl.when(own.is_not_null()).then(own).otherwise(said)).to_series()
