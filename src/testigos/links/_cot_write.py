"""Rows as events of Cursor on Target: kernels that write XML, and the parts that the protobuf of TAK shares with it.

**uid**: the row's ``uid``, else made of its object: ``ICAO-AE503D`` and so on (see ``links/_cot.py``); of any other
authority the name is as it is, ``CALLSIGN-BARB21``. ``cot:`` names are the uids that they came from.

**type**, where the row has no ``cot_type``: neutral (``n``), or unknown (``u``) where nobody knows what it is, never
friend or foe. From CoTtypes.xml 1.80 (MITRE, 2009), emitter categories of DO-260B and types of ships of ITU-R M.1371-5:

| what | type |
|---|---|
| aircraft of A1 to A6, B1, B4 | ``a-n-A-C-F``, fixed wing |
| of A7; of B2; of B6, and drones | ``a-n-A-C-H``, rotary wing; ``-L``, lighter than air; ``a-n-A-C-F-q``, drone |
| of no category that tells | ``a-n-A-C``, civil: what no database calls military counts as such |
| military ones | ``a-n-A-M``, ``-M-F``, ``-M-H``, ``-M-L``, ``-M-F-Q``, ``-M-H-Q`` |
| of C1 to C3 (vehicles, or obstacles) | ``a-n-G-E-V``, ``a-n-G-I`` |
| vessels of no type; other types; military | ``a-n-S``; ``a-n-S-X``, not military; ``a-n-S`` |
| fishing; dredging; pleasure, sailing | ``a-n-S-X-F``; ``-X-F-D-R``; ``-X-R`` |
| towing; tug; law enforcement; rescue | ``a-n-S-X-M-T-O``; ``-X-M-T-U``; ``-X-L``; ``a-n-S-N-N-R`` |
| passengers; cargo; tanker | ``a-n-S-X-M-P``; ``-X-M-C``; ``-X-M-O`` |
| vehicle; fixed; person | ``a-n-G-E-V``; ``a-n-G-I``; ``a-n-G-U`` |
| other; unknown | ``a-u-X`` |

Where a row has no kind, an address is an aircraft's and an MMSI a vessel's, but 111... an aircraft's and 99... a mark's
(ITU-R M.585).

**how**: ``m-g`` of what the object's own receiver said (ADS-B, its rebroadcast, UAT, FLARM, AIS, ADS-C), ``m-f``
(fused) of multilateration, ``m-p`` (predicted) of what was extrapolated, ``m-s`` of what is simulated, else ``m-r``
(relayed from another system): Event.xsd has no word for radar.

**detail**: the contact is the call sign, else the vessel's name, registration, uid, and then our element says
``label``. Pressure altitude is no height above the ellipsoid: it stands in remarks and in our element. ``track`` holds
what is known of the two. Flow tags bear the time of the position: a link has no clock.

Steps: 1 ms, 1e-7 degrees, 0.01 m of height and errors, 0.001 m/s, 0.01 degrees of track and heading, 1 ft, 1 ft/min,
0.1 kt of air speeds, 0.1 m of ``rc_m`` and draught, 0.01 degrees a minute of turn, 1 m of a ship's size.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.links._cot import SIGMAS95, SIGMAS95_HEIGHT, UNKNOWN_M, put_node
from testigos.links._cot_scan import LONGEST
from testigos.links._put import floats, literal, names, put, put_decimal, put_integer, put_iso, whole
from testigos.links._xml import literals, put_xml
from testigos.schema import ALL, KINDS, SOURCES
from testigos.units import FT_M, KT_MPS

__all__ = ["STALE_NS", "Written", "put_details", "put_events", "type_of", "uid_of", "written"]

STALE_NS: Final = 60_000_000_000  #: own rule: an event whose row does not say when is forgotten after a minute

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_TEXTS: Final = (
    *("object_id", "uid", "cot_type", "callsign", "via", "remarks"),
    *("squawk", "category", "emergency", "registration", "type_code", "vessel_name", "destination"),
)
_ID, _UID, _TYPE, _CALLSIGN, _VIA, _REMARKS, _SQUAWK, _CATEGORY, _EMERGENCY, _REGISTRATION, _TYPE_CODE, _VESSEL = range(
    12
)
_NUMBERS: Final = (
    *("lat_deg", "lon_deg", "alt_geom_ft", "gs_kt", "track_deg", "radius95_m", "height95_m"),
    *("alt_baro_ft", "alt_msl_ft", "vrate_fpm", "vrate_geom_fpm", "ias_kt", "tas_kt", "heading_deg", "rc_m"),
    *("rot_degpmin", "draught_m", "to_bow_m", "to_stern_m", "to_port_m", "to_starboard_m"),
)
_LAT, _LON, _GEOM, _SPEED, _COURSE, _RADIUS, _HEIGHT, _BARO = range(8)
_DECIMALS: Final = np.array([0] * 7 + [0, 0, 0, 0, 1, 1, 2, 1, 2, 1, 0, 0, 0, 0], np.int64)
_CODES: Final = (
    *("time_ns", "stale_ns", "source", "kind"),
    *("military", "on_ground", "simulated", "nic", "nac_p", "nac_v", "sil", "adsb_version", "imo", "ship_type"),
    "nav_status",
)
_TIME, _STALE, _SOURCE, _KIND, _MILITARY, _GROUND, _SIMULATED = range(7)
_SHIP_TYPE: Final = _CODES.index("ship_type")
_OWN_TEXTS: Final = _SQUAWK  # from here on texts, numbers and codes are attributes of our element
_OWN_NUMBERS: Final = _BARO
_OWN_CODES: Final = _MILITARY

_TEXT_NAMES, _TEXT_AT = literals(tuple(f' {n}="' for n in _TEXTS))
_NUMBER_NAMES, _NUMBER_AT = literals(tuple(f' {n}="' for n in _NUMBERS))
_CODE_NAMES, _CODE_AT = literals(tuple(f' {n}="' for n in _CODES))
_SOURCE_NAMES, _SOURCE_AT = literals(SOURCES)
_KIND_NAMES, _KIND_AT = literals(KINDS)

_A: Final = "a-n-A-"
_S: Final = "a-n-S"
_TYPE_NAMES, _TYPE_AT = literals(
    (
        *(_A + "C", _A + "C-F", _A + "C-H", _A + "C-L", _A + "C-F-q"),
        *(_A + "M", _A + "M-F", _A + "M-H", _A + "M-L", _A + "M-F-Q", _A + "M-H-Q"),
        *("a-n-G-E-V", "a-n-G-I", "a-n-G-U", "a-u-X"),
        *(_S, _S + "-X", _S + "-X-F", _S + "-X-F-D-R", _S + "-X-R", _S + "-X-M-T-O", _S + "-X-M-T-U", _S + "-X-L"),
        *(_S + "-N-N-R", _S + "-X-M-P", _S + "-X-M-C", _S + "-X-M-O"),
    )
)
_CIVIL, _ARMED, _ROTARY_DRONE, _VEHICLE, _FIXED, _PERSON, _OTHER = 0, 5, 10, 11, 12, 13, 14
_SHIP, _NO_WARSHIP, _FISHING, _DREDGER, _LEISURE, _TOWING, _TUG, _LAW, _RESCUE, _FERRY, _CARGO, _TANKER = range(15, 27)
_AIRCRAFT_KIND, _VESSEL_KIND, _VEHICLE_KIND, _DRONE_KIND, _FIXED_KIND, _PERSON_KIND, _OTHER_KIND, _UNKNOWN_KIND = range(
    8
)
assert KINDS == ("aircraft", "vessel", "vehicle", "drone", "fixed", "person", "other", "unknown")

_HOW_NAMES, _HOW_AT = literals(("m-g", "m-f", "m-p", "m-r", "m-s"))
_HOW: Final = np.array(
    [
        0
        if s in ("adsb", "adsr", "adsc", "uat", "flarm", "ais")
        else 1
        if s == "mlat"
        else 2
        if s == "estimated"
        else 3
        for s in SOURCES
    ],
    np.int64,
)
_RELAYED, _OUT_OF_SIMULATION = 3, 4
_NOT_KNOWN: Final = SOURCES.index("unknown")

_AUTHORITIES, _AUTHORITY_AT = literals(("icao:", "anon:", "flarm:", "mmsi:", "cot:"))
_MMSI, _COT = 3, 4
_HEAD: Final = literal('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<event version="2.0" uid="')
_TYPE_IS, _HOW_IS, _TIME_IS, _START_IS = (literal(f'" {n}="') for n in ("type", "how", "time", "start"))
_STALE_IS, _OPEX, _POINT = literal('" stale="'), literal('" opex="s'), literal('"><point lat="')
_LON_IS, _HAE_IS, _CE_IS, _LE_IS = (literal(f'" {n}="') for n in ("lon", "hae", "ce", "le"))
_DETAIL, _END = literal('"/><detail>'), literal("</detail></event>")
_UNKNOWN, _CLOSE, _SLASH = literal("9999999.0"), literal('"/>'), literal("/>")
_CONTACT, _TRACK = literal('<contact callsign="'), literal("<track")
_COURSE_IS, _SPEED_IS = literal(' course="'), literal(' speed="')
_REMARKS_TAG, _REMARKS_END = literal("<remarks>"), literal("</remarks>")
_FLOW, _OWN, _OWN_ID = literal("<_flow-tags_"), literal("<testigos"), literal(' id="')
_LABEL, _LABEL_NAMES, _MINE = (
    literal(' label="'),
    literals(("vessel_name", "registration", "uid")),
    literal('remarks="1"'),
)
_LABELS, _LABEL_AT = _LABEL_NAMES
_SOURCE_IS, _KIND_IS = literal(' source="'), literal(' kind="')
_WORD_SQUAWK, _WORD_CATEGORY, _COMMA = literal("squawk "), literal("category "), literal(", ")
_WORD_EMERGENCY, _WORD_BARO = literal("emergency "), literal(" ft pressure altitude")

_FIXED_ROOM: Final = 2200  # of an event without its texts
_TEXT_ROOM: Final = 20  # of a byte of text: written three times as a reference of six; a node brings a time


@dataclass(frozen=True, slots=True)
class Written:
    """Columns of N rows as arrays: texts as UTF-8 with where each begins, (T, N + 1), numbers (F, N), codes (C, N)."""

    data: Bytes
    start: Ints
    numbers: npt.NDArray[np.float64]
    codes: Ints

    def __len__(self) -> int:
        return self.numbers.shape[1]


def _coded(table: pl.DataFrame, column: str) -> Ints:
    if column in table.columns and table.schema[column] == pl.String:
        table = table.select(pl.col(column).cast(ALL[column].dtype, strict=False))
    return whole(table, column, -1)


def written(table: pl.DataFrame) -> Written:
    """The columns of a table that events have a place for; missing ones are null."""
    for better, plain in (("radius95_m", "accuracy95_m"), ("height95_m", "height_accuracy95_m")):
        if plain in table.columns:
            both = [better, plain] if better in table.columns else [plain]
            table = table.with_columns(pl.coalesce(both).alias(better))
    parts = [names(table, n) for n in _TEXTS]
    base = np.cumsum([0, *(len(data) for data, _ in parts)])
    start = np.stack([s + b for (_, s), b in zip(parts, base.tolist(), strict=False)])
    return Written(
        np.concatenate([data for data, _ in parts]),
        start,
        np.stack([floats(table, n) for n in _NUMBERS]),
        np.stack([_coded(table, n) for n in _CODES]),
    )


# ---- who and what ----


@njit(cache=True, nogil=True)
def _authority(data, low, high):  # type: ignore[no-untyped-def]
    """Which of the known authorities an object's name begins with; -1 where with none."""
    for a in range(len(_AUTHORITY_AT) - 1):
        size = _AUTHORITY_AT[a + 1] - _AUTHORITY_AT[a]
        same, k = high - low > size, 0
        while same and k < size:
            same = data[low + k] == _AUTHORITIES[_AUTHORITY_AT[a] + k]
            k += 1
        if same:
            return a
    return -1


@njit(cache=True, nogil=True)
def _upper(c):  # type: ignore[no-untyped-def]
    return c - 32 if 97 <= c <= 122 else c


@njit(cache=True, nogil=True)
def uid_of(word, data, start, i):  # type: ignore[no-untyped-def]
    """A row's uid into ``word``, and its size; 0 where the row has no name."""
    size = 0
    low, high = start[_UID, i], start[_UID, i + 1]
    if high > low:
        for k in range(low, high):
            word[size] = data[k]
            size += 1
        return size
    low, high = start[_ID, i], start[_ID, i + 1]
    a = _authority(data, low, high)
    if a == _COT:
        low += 4
    plain = a == _COT
    for k in range(low, high):
        c = np.int64(data[k])
        if not plain and c == 58:
            c, plain = 45, a < 0
        elif not plain:
            c = _upper(c)
        word[size] = c
        size += 1
    return size


@njit(cache=True, nogil=True)
def _names_itself(word, size, data, low, high):  # type: ignore[no-untyped-def]
    """Does a reader make the object's name ``data[low:high]`` of that uid? See ``links/_cot.py``."""
    dash = 0
    while dash < size and word[dash] != 45:
        dash += 1
    known, k = False, 0
    for a in range(_COT):
        begin = _AUTHORITY_AT[a]
        same = dash == _AUTHORITY_AT[a + 1] - begin - 1 and size - dash == (10 if a == _MMSI else 7)
        k = 0
        while same and k < dash:
            same = word[k] == _upper(np.int64(_AUTHORITIES[begin + k]))
            k += 1
        k = dash + 1
        while same and k < size:
            c = np.int64(word[k])
            same = 48 <= c <= 57 or (a != _MMSI and 97 <= c | 32 <= 102)
            k += 1
        known = known or same
    skip = 0 if known else 4
    if high - low != size + skip or (not known and _authority(data, low, high) != _COT):
        return False
    for k in range(size):
        c, d = np.int64(word[k]), np.int64(data[low + skip + k])
        if known:
            c = 58 if k == dash else c | 32 if 65 <= c <= 90 else c
        if c != d:
            return False
    return True


@njit(cache=True, nogil=True)
def _ship(kind, military):  # type: ignore[no-untyped-def]
    """Source: ITU-R M.1371-5, annex 8, table 53."""
    if military == 1 or kind <= 0 or kind == 35:
        return _SHIP
    if kind == 30:
        return _FISHING
    if kind == 31 or kind == 32:
        return _TOWING
    if kind == 33:
        return _DREDGER
    if kind == 36 or kind == 37:
        return _LEISURE
    if kind == 51:
        return _RESCUE
    if kind == 52:
        return _TUG
    if kind == 55:
        return _LAW
    if 60 <= kind <= 69:
        return _FERRY
    if 70 <= kind <= 79:
        return _CARGO
    return _TANKER if 80 <= kind <= 89 else _NO_WARSHIP


@njit(cache=True, nogil=True)
def type_of(data, start, codes, i):  # type: ignore[no-untyped-def]
    """Which of the types a row that names none is of."""
    kind = codes[_KIND, i]
    low, high = start[_ID, i], start[_ID, i + 1]
    if kind < 0 or kind == _UNKNOWN_KIND:
        a = _authority(data, low, high)
        if a == _MMSI:
            kind = _VESSEL_KIND
            if high - low == 14 and data[low + 5] == 57 and data[low + 6] == 57:
                kind = _FIXED_KIND
            elif high - low == 14 and data[low + 5] == 49 and data[low + 6] == 49 and data[low + 7] == 49:
                kind = _AIRCRAFT_KIND
        elif 0 <= a < _MMSI:
            kind = _AIRCRAFT_KIND
    military = codes[_MILITARY, i]
    if kind == _VESSEL_KIND:
        return _ship(codes[_SHIP_TYPE, i], military)
    if kind == _VEHICLE_KIND:
        return _VEHICLE
    if kind == _FIXED_KIND:
        return _FIXED
    if kind == _PERSON_KIND:
        return _PERSON
    if kind != _AIRCRAFT_KIND and kind != _DRONE_KIND:
        return _OTHER
    base = _ARMED if military == 1 else _CIVIL
    low, high = start[_CATEGORY, i], start[_CATEGORY, i + 1]
    letter, digit = 0, 0
    if high - low == 2:
        letter, digit = np.int64(data[low]), np.int64(data[low + 1]) - 48
    rotary = letter == 65 and digit == 7
    if kind == _DRONE_KIND or (letter == 66 and digit == 6):
        return _ROTARY_DRONE if rotary and military == 1 else base + 4
    if rotary:
        return base + 2
    if (letter == 65 and 1 <= digit <= 6) or (letter == 66 and (digit == 1 or digit == 4)):
        return base + 1
    if letter == 66 and digit == 2:
        return base + 3
    if letter == 67 and (digit == 1 or digit == 2):
        return _VEHICLE
    return _FIXED if letter == 67 and 3 <= digit <= 5 else base


@njit(cache=True, nogil=True)
def how_of(codes, i):  # type: ignore[no-untyped-def]
    """Which of the words for how a position was made is a row's."""
    if codes[_SIMULATED, i] == 1:
        return _OUT_OF_SIMULATION
    source = codes[_SOURCE, i]
    return _HOW[source] if 0 <= source < len(_HOW) else _RELAYED


@njit(cache=True, nogil=True)
def label_of(start, i):  # type: ignore[no-untyped-def]
    """Which text is the name to show: its number, and what it is; the uid has the number -1."""
    if start[_CALLSIGN, i + 1] > start[_CALLSIGN, i]:
        return _CALLSIGN, -1
    if start[_VESSEL, i + 1] > start[_VESSEL, i]:
        return _VESSEL, 0
    if start[_REGISTRATION, i + 1] > start[_REGISTRATION, i]:
        return _REGISTRATION, 1
    return -1, 2


@njit(cache=True, nogil=True)
def sayable(start, numbers, codes, i):  # type: ignore[no-untyped-def]
    """Has a row a name, a time and a position?"""
    named = start[_ID, i + 1] > start[_ID, i] or start[_UID, i + 1] > start[_UID, i]
    time_ns, lat, lon = codes[_TIME, i], numbers[_LAT, i], numbers[_LON, i]
    return named and 0 <= time_ns <= 4_200_000_000_000_000_000 and -90 <= lat <= 90 and -180 <= lon <= 180


@njit(cache=True, nogil=True)
def stale_of(codes, i):  # type: ignore[no-untyped-def]
    """When a row is to be forgotten, in ns."""
    stale = codes[_STALE, i]
    return stale if 0 <= stale <= 4_200_000_000_000_000_000 else codes[_TIME, i] + STALE_NS


# ---- writing ----


@njit(cache=True, nogil=True)
def _put_word(out, at, words, begin, k):  # type: ignore[no-untyped-def]
    for j in range(begin[k], begin[k + 1]):
        out[at] = words[j]
        at += 1
    return at


@njit(cache=True, nogil=True)
def _put_part(out, at, begin, data, low, high):  # type: ignore[no-untyped-def]
    """A text of remarks, after a comma where something stands before it."""
    if at > begin:
        at = put(out, at, _COMMA)
    return put_xml(out, at, data, low, high)


@njit(cache=True, nogil=True)
def _put_remarks(out, at, data, start, numbers, i):  # type: ignore[no-untyped-def]
    before = at
    at = begin = put(out, at, _REMARKS_TAG)
    if start[_REMARKS, i + 1] > start[_REMARKS, i]:
        at = put_xml(out, at, data, start[_REMARKS, i], start[_REMARKS, i + 1])
    else:
        if start[_SQUAWK, i + 1] > start[_SQUAWK, i]:
            at = put(out, at, _WORD_SQUAWK)
            at = put_xml(out, at, data, start[_SQUAWK, i], start[_SQUAWK, i + 1])
        if start[_EMERGENCY, i + 1] > start[_EMERGENCY, i]:
            at = _put_part(out, at, begin, _WORD_EMERGENCY, 0, len(_WORD_EMERGENCY))
            at = put_xml(out, at, data, start[_EMERGENCY, i], start[_EMERGENCY, i + 1])
        if start[_CATEGORY, i + 1] > start[_CATEGORY, i]:
            at = _put_part(out, at, begin, _WORD_CATEGORY, 0, len(_WORD_CATEGORY))
            at = put_xml(out, at, data, start[_CATEGORY, i], start[_CATEGORY, i + 1])
        for t in (_REGISTRATION, _TYPE_CODE):
            if start[t, i + 1] > start[t, i]:
                at = _put_part(out, at, begin, data, start[t, i], start[t, i + 1])
        if abs(numbers[_BARO, i]) < 1e9:
            if at > begin:
                at = put(out, at, _COMMA)
            at = put_decimal(out, at, numbers[_BARO, i], 0)
            at = put(out, at, _WORD_BARO)
    return before if at == begin else put(out, at, _REMARKS_END)


@njit(cache=True, nogil=True)
def _put_flow(out, at, data, low, high, time_ns):  # type: ignore[no-untyped-def]
    """The nodes of ``data[low:high]`` as flow tags; a node that comes again is named once, as XML demands (3.1)."""
    at = put(out, at, _FLOW)
    k = low
    while k < high:
        if data[k] <= 32:
            k += 1
            continue
        end = k
        while end < high and data[end] > 32:
            end += 1
        again, j = False, low
        while j < k and not again:
            if data[j] <= 32:
                j += 1
                continue
            stop = j
            while stop < k and data[stop] > 32:
                stop += 1
            again, m = stop - j == end - k, 0
            while again and m < end - k:
                again = data[j + m] == data[k + m]
                m += 1
            j = stop
        if not again:
            out[at] = 32
            at = put_node(out, at + 1, data, k, end)
            out[at], out[at + 1] = 61, 34
            at = put_iso(out, at + 2, time_ns)
            out[at] = 34
            at += 1
        k = end
    return put(out, at, _SLASH)


@njit(cache=True, nogil=True)
def _put_own(out, at, data, start, numbers, codes, i, word, size, label):  # type: ignore[no-untyped-def]
    """Our element."""
    at = put(out, at, _OWN)
    low, high = start[_ID, i], start[_ID, i + 1]
    if high > low and not _names_itself(word, size, data, low, high):
        at = put(out, at, _OWN_ID)
        at = put_xml(out, at, data, low, high)
        out[at] = 34
        at += 1
    if label >= 0:
        at = put(out, at, _LABEL)
        at = _put_word(out, at, _LABELS, _LABEL_AT, label)
        out[at] = 34
        at += 1
    if 0 <= codes[_KIND, i] < len(_KIND_AT) - 1:
        at = put(out, at, _KIND_IS)
        at = _put_word(out, at, _KIND_NAMES, _KIND_AT, codes[_KIND, i])
        out[at] = 34
        at += 1
    if 0 <= codes[_SOURCE, i] < len(_SOURCE_AT) - 1 and codes[_SOURCE, i] != _NOT_KNOWN:
        at = put(out, at, _SOURCE_IS)
        at = _put_word(out, at, _SOURCE_NAMES, _SOURCE_AT, codes[_SOURCE, i])
        out[at] = 34
        at += 1
    for t in range(_OWN_TEXTS, start.shape[0]):
        if start[t, i + 1] > start[t, i]:
            at = _put_word(out, at, _TEXT_NAMES, _TEXT_AT, t)
            at = put_xml(out, at, data, start[t, i], start[t, i + 1])
            out[at] = 34
            at += 1
    for t in range(_OWN_CODES, codes.shape[0]):
        if codes[t, i] >= 0:
            at = _put_word(out, at, _CODE_NAMES, _CODE_AT, t)
            at = put_integer(out, at, codes[t, i])
            out[at] = 34
            at += 1
    for t in range(_OWN_NUMBERS, numbers.shape[0]):
        if abs(numbers[t, i]) < 1e9:
            at = _put_word(out, at, _NUMBER_NAMES, _NUMBER_AT, t)
            at = put_decimal(out, at, numbers[t, i], _DECIMALS[t])
            out[at] = 34
            at += 1
    if start[_REMARKS, i + 1] > start[_REMARKS, i]:
        out[at] = 32
        at = put(out, at + 1, _MINE)
    return put(out, at, _SLASH)


@njit(cache=True, nogil=True)
def put_track(out, at, numbers, i):  # type: ignore[no-untyped-def]
    """The element of what is known of course and speed, if anything is."""
    speed, course = numbers[_SPEED, i], numbers[_COURSE, i]
    if not (abs(speed) < 1e6 or abs(course) < 1e6):
        return at
    at = put(out, at, _TRACK)
    if abs(course) < 1e6:
        at = put(out, at, _COURSE_IS)
        at = put_decimal(out, at, course, 2)
        out[at] = 34
        at += 1
    if abs(speed) < 1e6:
        at = put(out, at, _SPEED_IS)
        at = put_decimal(out, at, speed * KT_MPS, 3)
        out[at] = 34
        at += 1
    return put(out, at, _SLASH)


@njit(cache=True, nogil=True)
def put_details(out, at, data, start, numbers, codes, i, word, size, xml):  # type: ignore[no-untyped-def]
    """The inside of a row's ``detail``; without ``xml`` not what the protobuf of TAK has messages for."""
    shown, label = label_of(start, i)
    if xml:
        at = put(out, at, _CONTACT)
        if shown < 0:
            at = put_xml(out, at, word, 0, size)
        else:
            at = put_xml(out, at, data, start[shown, i], start[shown, i + 1])
        at = put(out, at, _CLOSE)
    if xml or not (abs(numbers[_SPEED, i]) < 1e6 and abs(numbers[_COURSE, i]) < 1e6):
        at = put_track(out, at, numbers, i)
    at = _put_remarks(out, at, data, start, numbers, i)
    if start[_VIA, i + 1] > start[_VIA, i]:
        at = _put_flow(out, at, data, start[_VIA, i], start[_VIA, i + 1], codes[_TIME, i])
    return _put_own(out, at, data, start, numbers, codes, i, word, size, label)


@njit(cache=True, nogil=True)
def _put_metres(out, at, value, least):  # type: ignore[no-untyped-def]
    """Metres with two decimals, the known ones below the number that stands for unknown."""
    if not abs(value) < UNKNOWN_M:
        return put(out, at, _UNKNOWN)
    return put_decimal(out, at, max(value, least), 2)


@njit(cache=True, nogil=True)
def _put_events(data, start, numbers, codes, out, piece):  # type: ignore[no-untyped-def]
    at, longest = 0, 16
    for i in range(len(piece) - 1):
        longest = max(longest, start[_ID, i + 1] - start[_ID, i] + 1, start[_UID, i + 1] - start[_UID, i])
    word = np.empty(longest, np.uint8)
    piece[0] = 0
    for i in range(len(piece) - 1):
        begin = at
        piece[i + 1] = at
        if not sayable(start, numbers, codes, i):
            continue
        at = put(out, at, _HEAD)
        size = uid_of(word, data, start, i)
        at = put_xml(out, at, word, 0, size)
        at = put(out, at, _TYPE_IS)
        if start[_TYPE, i + 1] > start[_TYPE, i]:
            at = put_xml(out, at, data, start[_TYPE, i], start[_TYPE, i + 1])
        else:
            at = _put_word(out, at, _TYPE_NAMES, _TYPE_AT, type_of(data, start, codes, i))
        at = put(out, at, _HOW_IS)
        at = _put_word(out, at, _HOW_NAMES, _HOW_AT, how_of(codes, i))
        at = put(out, at, _TIME_IS)
        stamp = at
        at = put_iso(out, at, codes[_TIME, i])
        end = at
        at = put(out, at, _START_IS)
        for k in range(stamp, end):
            out[at] = out[k]
            at += 1
        at = put(out, at, _STALE_IS)
        at = put_iso(out, at, stale_of(codes, i))
        if codes[_SIMULATED, i] == 1:
            at = put(out, at, _OPEX)
        at = put(out, at, _POINT)
        at = put_decimal(out, at, numbers[_LAT, i], 7)
        at = put(out, at, _LON_IS)
        at = put_decimal(out, at, numbers[_LON, i], 7)
        at = put(out, at, _HAE_IS)
        at = _put_metres(out, at, numbers[_GEOM, i] * FT_M, -UNKNOWN_M)
        at = put(out, at, _CE_IS)
        at = _put_metres(out, at, numbers[_RADIUS, i] / SIGMAS95, 0.01)
        at = put(out, at, _LE_IS)
        at = _put_metres(out, at, numbers[_HEIGHT, i] / SIGMAS95_HEIGHT, 0.01)
        at = put(out, at, _DETAIL)
        at = put_details(out, at, data, start, numbers, codes, i, word, size, True)
        at = put(out, at, _END)
        if at - begin > LONGEST:
            at = begin
        piece[i + 1] = at
    return at


def put_events(rows: Written) -> tuple[Bytes, Ints]:
    """The XML of the rows' events and where each begins, (N + 1,); empty where a row lacks name, time or position.

    So is one that would be longer than a reader takes.
    """
    out = np.empty(len(rows) * _FIXED_ROOM + len(rows.data) * _TEXT_ROOM, np.uint8)
    piece = np.zeros(len(rows) + 1, np.int64)
    size = _put_events(rows.data, rows.start, rows.numbers, rows.codes, out, piece)
    return out[:size], piece
