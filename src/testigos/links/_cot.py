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
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel
from testigos.links._cot_scan import COLUMN, Cells
from testigos.links._put import literal, put_hex
from testigos.links._rows import rows
from testigos.links._series import null_where
from testigos.links._text import distinct, numbers, times
from testigos.links._xml import (
    ABSENT,
    clean,
    decoded,
    literals,
    name_end,
    put_fixed,
    put_run,
    texts,
    trimmed,
)
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
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_DRONE: Final = re.compile(r"a-[^-]*-A-(M-[FH]-Q|C-F-q)(-|;|$)")


def _owned(*names: str) -> tuple[str, ...]:
    return tuple(f"testigos.{n}" for n in names)


def _own(key: str) -> str:
    return key.removeprefix("testigos.")


#: Numbers that every event is asked for, and those of our element, which come back as they stand.
_PLACED: Final = (
    *("event.version", "point.lat", "point.lon", "point.hae", "point.ce", "point.le", "track.speed", "track.course"),
)
_NUMBERS: Final = _owned(
    *("alt_baro_ft", "alt_msl_ft", "vrate_fpm", "vrate_geom_fpm", "ias_kt", "tas_kt", "heading_deg", "rc_m"),
    *("rot_degpmin", "draught_m", "to_bow_m", "to_stern_m", "to_port_m", "to_starboard_m", "nic", "nac_p", "nac_v"),
    *("sil", "adsb_version", "imo", "ship_type", "nav_status"),
)
_IS_WHOLE: Final = np.array([key in _NUMBERS and ALL[_own(key)].dtype.is_integer() for key in COLUMN])
_TEXTS: Final = _owned("emergency", "registration", "type_code", "vessel_name", "destination")
_FLAGS: Final = _owned("military", "on_ground")
#: Texts with a shape: the lowest and the highest byte at each place.
_SHAPES: Final = {
    "squawk": ("testigos.squawk", np.array([list(b"0000"), list(b"7777")], np.uint8)),
    "category": ("testigos.category", np.array([list(b"A0"), list(b"D7")], np.uint8)),
}
#: Texts that become columns, and those that stand for something.
_SHOWN: Final = (
    *("event.uid", "event.type", "contact.callsign", "remarks.+", *_TEXTS),
    *(key for key, _ in _SHAPES.values()),
)
_CODED: Final = (*_owned("id", "kind", "source", "simulated"), *_FLAGS, "event.opex", "event.how")
_NEEDED: Final = ("event.uid", "event.type")
_SOURCE_WORDS, _KIND_WORDS, _BITS, _SIMULATED = (
    literals(SOURCES),
    literals(KINDS),
    literals(("0", "1")),
    literals(("m-s",)),
)
_SOURCES: Final = pl.Series(SOURCES, dtype=ALL["source"].dtype)
_KINDS: Final = pl.Series([*KINDS, None], dtype=ALL["kind"].dtype)
_UNKNOWN, _OTHER = SOURCES.index("unknown"), SOURCES.index("other")
_AUTHORITIES, _AUTHORITY_AT = literals(("ICAO-", "ANON-", "FLARM-", "MMSI-"))
_MMSI: Final = 3
_COT: Final = literal("cot:")
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


@kernel
def _is_version(data, low, high):  # type: ignore[no-untyped-def]
    same, k = high - low == len(_VERSION), 0
    while same and k < len(_VERSION):
        same = data[low + k] == _VERSION[k]
        k += 1
    return same


@kernel
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


@kernel
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


@kernel
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


def _vias(data: Bytes, cells: Cells) -> pl.Series:
    k = COLUMN["_flow-tags_.+"]
    first, last, kind = cells.first[k], cells.last[k], cells.kind[k]
    size = int((last - first).sum(dtype=np.int64))
    out = np.empty(size + len(kind) + 8, np.uint8)
    spare = np.empty(3 * int((last - first).max()) + 8, np.uint8)
    return texts(out[: _put_vias(data, first, last, kind, out, spare)])


# ---- texts ----


@kernel
def _place(data, begin, end, words, at, found):  # type: ignore[no-untyped-def]
    """Which of the words each text is; what is none of them stays."""
    for i in range(len(begin)):
        size = end[i] - begin[i]
        for w in range(len(at) - 1):
            same, k = size == at[w + 1] - at[w], 0
            while same and k < size:
                same = data[begin[i] + k] == words[at[w] + k]
                k += 1
            if same:
                found[i] = w


@kernel
def _shaped(data, begin, end, low, high, found):  # type: ignore[no-untyped-def]
    """Which texts have as many characters as there are bounds, each of them between its two."""
    for i in range(len(begin)):
        same, k = end[i] - begin[i] == len(low), 0
        while same and k < len(low):
            same = low[k] <= data[begin[i] + k] <= high[k]
            k += 1
        found[i] = same


@kernel
def _plain_uid(data, low, high):  # type: ignore[no-untyped-def]
    """Where the dash stands in a uid that is an object's name: ``ICAO-AE503D`` and so on; -1 where it is none."""
    for w in range(len(_AUTHORITY_AT) - 1):
        first, size = _AUTHORITY_AT[w], _AUTHORITY_AT[w + 1] - _AUTHORITY_AT[w]
        decimal = w == _MMSI
        same, k = high - low == size + (9 if decimal else 6), 0
        while same and low + k < high:
            c = data[low + k]
            digit = 48 <= c <= 57 or (not decimal and 97 <= c | 32 <= 102)
            same = c == _AUTHORITIES[first + k] if k < size else digit
            k += 1
        if same:
            return low + size - 1
    return -1


@kernel
def _is_name(data, low, high):  # type: ignore[no-untyped-def]
    """An authority of small letters, digits and low lines, a colon, and something on the same line?"""
    k = low
    while k < high and (97 <= data[k] <= 122 or (k > low and (48 <= data[k] <= 57 or data[k] == 95))):
        k += 1
    named = low < k < high - 1 and data[k] == 58
    while named and k < high:
        named = data[k] != 10
        k += 1
    return named


@kernel
def _put_names(data, uid, uid_end, own, own_end, out):  # type: ignore[no-untyped-def]
    """What objects are called, NUL between them: as our element says, else as the uid does."""
    at = 0
    for i in range(len(uid)):
        if i:
            out[at] = 0
            at += 1
        if _is_name(data, own[i], own_end[i]):
            at = put_run(out, at, data, own[i], own_end[i])
        elif uid[i] < uid_end[i]:
            dash = _plain_uid(data, uid[i], uid_end[i])
            if dash < 0:
                at = put_fixed(out, at, _COT)
                at = put_run(out, at, data, uid[i], uid_end[i])
            else:
                for k in range(uid[i], uid_end[i]):
                    c = data[k]
                    out[at] = 58 if k == dash else c | 32 if 65 <= c <= 90 else c
                    at += 1
    return at


class _Texts:
    """What the cells of texts say, references resolved; columns of which nothing is said are left out."""

    def __init__(self, data: Bytes, cells: Cells, said: npt.NDArray[np.bool_]) -> None:
        keys = [key for key in (*_SHOWN, *_CODED) if said[COLUMN[key]] or key in _NEEDED]
        at = [COLUMN[key] for key in keys]
        kind = cells.kind[at]
        self._size = kind.shape[1]
        self._row = {key: k for k, key in enumerate(keys)}
        self._data, begin, end = decoded(data, cells.first[at].ravel(), cells.last[at].ravel(), kind.ravel())
        self._begin, self._end = begin.reshape(kind.shape), end.reshape(kind.shape)
        shown = sum(key in _SHOWN for key in keys)
        self._shown = texts(self._data[: self._end[shown - 1, -1]])

    def __contains__(self, key: str) -> bool:
        return key in self._row

    def span(self, key: str) -> tuple[Bytes, Ints, Ints]:
        """The bytes, and where each text begins and ends."""
        if key not in self._row:
            nowhere = np.zeros(self._size, np.int64)
            return self._data, nowhere, nowhere
        k = self._row[key]
        return self._data, self._begin[k], self._end[k]

    def shown(self, key: str) -> pl.Series:
        """A column of ``_SHOWN``."""
        return self._shown.slice(self._row[key] * self._size, self._size)

    def empty(self, key: str) -> npt.NDArray[np.bool_]:
        """Which rows say nothing."""
        _, begin, end = self.span(key)
        return np.asarray(begin == end)

    def place(self, key: str, words: tuple[Bytes, Ints]) -> Ints:
        """Which of the words each is; -1 for none."""
        found = np.full(self._size, -1, np.int64)
        if key in self._row:
            _place(*self.span(key), *words, found)
        return found

    def shaped(self, key: str, bounds: npt.NDArray[np.uint8]) -> pl.Series:
        """A column of ``_SHOWN``, null where a text has not that shape."""
        fits = np.empty(self._size, np.bool_)
        _shaped(*self.span(key), bounds[0], bounds[1], fits)
        return null_where(self.shown(key), ~fits)

    def names(self) -> pl.Series:
        """What the objects are called."""
        _, uid, uid_end = self.span("event.uid")
        _, own, own_end = self.span("testigos.id")
        out = np.empty(int((uid_end - uid + own_end - own).sum()) + 5 * self._size, np.uint8)
        return texts(out[: _put_names(self._data, uid, uid_end, own, own_end, out)])

    def types(self) -> tuple[npt.NDArray[np.bool_], Ints]:
        """Whether events are of an object, and the code of its kind that their type says; -1 where it says none."""
        data, begin, end = self.span("event.type")
        code, first = distinct(data, begin, end)
        found = [data[begin[i] : end[i]].tobytes().decode() for i in first.tolist()]
        kinds = [KINDS.index(kind) if (kind := kind_of(said)) else -1 for said in found]
        return np.array([said.startswith("a-") for said in found])[code], np.array(kinds)[code]

    def simulated(self) -> pl.Series:
        """Event.xsd: ``opex`` of s is a simulation, of o an operation; ``how`` of m-s is out of a simulation."""
        said = self.place("testigos.simulated", _BITS)
        data, begin, end = self.span("event.opex")
        letter = np.where(begin < end, data[np.where(begin < end, begin, 0)], 0)
        simulated = (letter == ord("s")) | (self.place("event.how", _SIMULATED) == 0)
        return _flag(np.where(said >= 0, said, np.where(simulated, 1, np.where(letter == ord("o"), 0, -1))))


def _flag(code: Ints) -> pl.Series:
    return null_where(pl.Series(code == 1), code < 0)


# ---- rows ----


def _numbers(
    data: Bytes, cells: Cells, keys: Sequence[str], given: Mapping[str, Any], odd: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.float64]]:
    """Numbers by ``element.attribute``; marks rows where one is ``odd``."""
    at = [COLUMN[key] for key in keys]
    kind = cells.kind[at]
    found = numbers(*trimmed(data, cells.first[at].ravel(), cells.last[at].ravel(), kind.ravel()))
    value, wrong = (part.reshape(kind.shape) for part in found)
    wrong |= _IS_WHOLE[at][:, None] & np.isfinite(value) & (value != np.rint(value))
    odd |= wrong.any(axis=0)
    value[wrong] = np.nan
    for k, key in enumerate(keys):
        if key in given:
            value[k] = np.where(kind[k] == ABSENT, given[key], value[k])
    return dict(zip(keys, np.clip(value, -_HUGE, _HUGE), strict=True))


def reports(
    frames: Frames,
    of: Ints,
    data: Bytes,
    cells: Cells,
    exact: Mapping[str, Any] | None = None,
    empty: npt.NDArray[np.bool_] | None = None,
) -> pl.DataFrame:
    """A row for each frame number in ``of``, of the cells that were found in it.

    ``exact``: numbers (N,) of ``element.attribute`` that did not come as text, NaN or -1 (times, ns) where unknown; a
    cell goes before them. ``empty`` (N,): the message holds no event.

    What no cell says makes no column: a small batch pays for columns more than for rows.
    """
    given = exact or {}
    bad, odd = ~cells.valid, np.zeros(len(of), np.bool_)
    there = cells.kind != ABSENT
    said = there.any(axis=1)
    own, pointed = there[COLUMN["testigos.+"]], there[COLUMN["point.+"]]
    text = _Texts(data, cells, said)
    number = _numbers(data, cells, [*_PLACED, *(key for key in _NUMBERS if said[COLUMN[key]])], given, odd)

    def moment(key: str, damage: npt.NDArray[np.bool_]) -> pl.Series:
        if key in given:
            return null_where(pl.Series(given[key]), given[key] < 0)
        k = COLUMN[key]
        value, known, wrong = times(*trimmed(data, cells.first[k], cells.last[k], cells.kind[k]))
        damage |= wrong
        return null_where(pl.Series(value), ~known)

    nameless = text.empty("event.uid") | text.empty("event.type")
    bad |= nameless if empty is None else nameless & ~empty
    bad |= number["event.version"] < 2.0
    is_object, derived = text.types()
    lat, lon, hae = (number[f"point.{n}"] for n in ("lat", "lon", "hae"))
    bad |= pointed & (np.isnan(lat) | np.isnan(lon))
    ce, le = (_known(number[f"point.{n}"], 0.0) for n in ("ce", "le"))
    nowhere = ~pointed | ((lat == 0.0) & (lon == 0.0) & np.isnan(ce) & ~own)
    kind, source = text.place("testigos.kind", _KIND_WORDS), text.place("testigos.source", _SOURCE_WORDS)
    quiet = np.where(own & text.empty("testigos.source"), _UNKNOWN, _OTHER)
    columns: dict[str, Any] = {
        "object_id": text.names(),
        "time_ns": moment("event.time", bad),
        "source": _SOURCES[pl.Series(np.where(source < 0, quiet, source).astype(np.uint32))],
        "lat_deg": np.where(nowhere, np.nan, lat),
        "lon_deg": np.where(nowhere, np.nan, lon),
        "alt_geom_ft": np.where(nowhere, np.nan, _known(hae, np.nan)) / FT_M,
        "gs_kt": _known(number["track.speed"], -1.0) / KT_MPS,
        "track_deg": _known(number["track.course"], -1.0),
        "kind": _KINDS[pl.Series((np.where(kind < 0, derived, kind) % len(_KINDS)).astype(np.uint32))],
        "accuracy95_m": ce * SIGMAS95,
        "height_accuracy95_m": le * SIGMAS95_HEIGHT,
        "stale_ns": moment("event.stale", odd),
        "uid": text.shown("event.uid"),
        "cot_type": text.shown("event.type"),
        "simulated": text.simulated(),
    }
    if "contact.callsign" in text:
        columns["callsign"] = null_where(text.shown("contact.callsign"), there[COLUMN["testigos.label"]])
    if said[COLUMN["_flow-tags_.+"]]:
        columns["via"] = _vias(data, cells)
    if "remarks.+" in text:
        _, low, high = trimmed(*text.span("remarks.+"), np.zeros(len(of), np.uint8))
        made = own & ~there[COLUMN["testigos.remarks"]]  # by our writer, of other columns
        columns["remarks"] = null_where(text.shown("remarks.+"), made | (low == high))
    columns |= {n: text.shaped(key, bounds) for n, (key, bounds) in _SHAPES.items() if key in text}
    columns |= {_own(key): number[key] for key in _NUMBERS if key in number}
    columns |= {_own(key): text.shown(key) for key in _TEXTS if key in text}
    columns |= {_own(key): _flag(text.place(key, _BITS)) for key in _FLAGS if key in text}
    if not is_object.all():
        for name in columns.keys() - set(_ANYWAY):
            value = columns[name]
            if isinstance(value, pl.Series):
                columns[name] = null_where(value, ~is_object)
            else:
                columns[name] = np.where(is_object, value, np.nan)
    return rows(frames, of, columns, bad, odd & ~bad & is_object)


def _known(value: npt.NDArray[np.float64], unknown: float) -> npt.NDArray[np.float64]:
    return np.where((value >= UNKNOWN_M) | (value == unknown), np.nan, value)
