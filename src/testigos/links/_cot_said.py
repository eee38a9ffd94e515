"""What a row is called as an event of Cursor on Target, whether in XML or in the protobuf of TAK.

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
(ITU-R M.585); else who has an emitter category is an aircraft, and who has a type of ship a vessel.

**how**: ``m-g`` of what the object's own receiver said (ADS-B, its rebroadcast, UAT, FLARM, AIS, ADS-C), ``m-f``
(fused) of multilateration, ``m-p`` (predicted) of what was extrapolated, ``m-s`` of what is simulated, else ``m-r``
(relayed from another system): Event.xsd has no word for radar.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import matrix
from testigos.kernels import kernel
from testigos.links._xml import literals
from testigos.schema import KINDS, SOURCES

__all__ = [
    "BARO", "CALLSIGN", "CATEGORY", "CODES", "COURSE", "EMERGENCY", "GEOM", "HEIGHT", "HOW_AT", "HOW_NAMES", "ID",
    "KIND", "LAT", "LON", "MILITARY", "NUMBERS", "OWN_CODES", "OWN_NUMBERS", "OWN_TEXTS", "RADIUS", "REGISTRATION",
    "REMARKS", "SIMULATED", "SOURCE", "SPEED", "SQUAWK", "STALE", "STALE_NS", "TEXTS", "TIME", "TYPE", "TYPE_AT",
    "TYPE_CODE", "TYPE_NAMES", "UID", "VESSEL", "VIA", "Written", "how_of", "label_of", "longest_uid",
    "names_itself", "sayable", "stale_of", "type_of", "uid_of", "written",
]  # fmt: skip

STALE_NS: Final = 60_000_000_000  #: own rule: an event whose row does not say when is forgotten after a minute

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

TEXTS: Final = (
    *("object_id", "uid", "cot_type", "callsign", "via", "remarks"),
    *("squawk", "category", "emergency", "registration", "type_code", "vessel_name", "destination"),
)
ID, UID, TYPE, CALLSIGN, VIA, REMARKS, SQUAWK, CATEGORY, EMERGENCY, REGISTRATION, TYPE_CODE, VESSEL = range(12)
NUMBERS: Final = (
    *("lat_deg", "lon_deg", "alt_geom_ft", "gs_kt", "track_deg", "radius95_m", "height95_m"),
    *("alt_baro_ft", "alt_msl_ft", "vrate_fpm", "vrate_geom_fpm", "ias_kt", "tas_kt", "heading_deg", "rc_m"),
    *("rot_degpmin", "draught_m", "to_bow_m", "to_stern_m", "to_port_m", "to_starboard_m"),
)
LAT, LON, GEOM, SPEED, COURSE, RADIUS, HEIGHT, BARO = range(8)
CODES: Final = (
    *("time_ns", "stale_ns", "source", "kind"),
    *("military", "on_ground", "simulated", "nic", "nac_p", "nac_v", "sil", "adsb_version", "imo", "ship_type"),
    "nav_status",
)
TIME, STALE, SOURCE, KIND, MILITARY, _, SIMULATED = range(7)
_SHIP_TYPE: Final = CODES.index("ship_type")
OWN_TEXTS: Final = SQUAWK  # from here on texts, numbers and codes are attributes of our element
OWN_NUMBERS: Final = BARO
OWN_CODES: Final = MILITARY


_A: Final = "a-n-A-"
_S: Final = "a-n-S"
TYPE_NAMES, TYPE_AT = literals(
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

HOW_NAMES, HOW_AT = literals(("m-g", "m-f", "m-p", "m-r", "m-s"))
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

_AUTHORITIES, _AUTHORITY_AT = literals(("icao:", "anon:", "flarm:", "mmsi:", "cot:"))
_MMSI, _COT = 3, 4


@dataclass(frozen=True, slots=True)
class Written:
    """Columns of N rows as arrays: texts as UTF-8 with where each begins, (T, N + 1), numbers (F, N), codes (C, N)."""

    data: Bytes
    start: Ints
    numbers: npt.NDArray[np.float64]
    codes: Ints

    def __len__(self) -> int:
        return int(self.numbers.shape[1])


def written(table: pl.DataFrame) -> Written:
    """The columns of a table that events have a place for; missing ones are null."""
    data, start = matrix.texts(table, TEXTS)
    found = matrix.numbers(table, (*NUMBERS, "accuracy95_m", "height_accuracy95_m"))
    for better, plain in ((RADIUS, -2), (HEIGHT, -1)):
        found[better] = np.where(np.isnan(found[better]), found[plain], found[better])
    times, codes = matrix.whole_numbers(table, CODES[:SOURCE]), matrix.codes(table, CODES[SOURCE:])
    return Written(data, start, found[: len(NUMBERS)], np.concatenate([times, codes]))


# ---- who and what ----


@kernel
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


@kernel
def _upper(c):  # type: ignore[no-untyped-def]
    return c - 32 if 97 <= c <= 122 else c


@kernel
def uid_of(word, data, start, i):  # type: ignore[no-untyped-def]
    """A row's uid into ``word``, and its size; 0 where the row has no name."""
    size = 0
    low, high = start[UID, i], start[UID, i + 1]
    if high > low:
        for k in range(low, high):
            word[size] = data[k]
            size += 1
        return size
    low, high = start[ID, i], start[ID, i + 1]
    a = _authority(data, low, high)
    if a == _COT:
        low += 4
    plain = a == _COT
    for k in range(low, high):
        c = np.int64(data[k])
        if not plain and c == 58:
            c, plain = np.int64(45), a < 0
        elif not plain:
            c = _upper(c)
        word[size] = c
        size += 1
    return size


@kernel
def names_itself(word, size, data, low, high):  # type: ignore[no-untyped-def]
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
            c = np.int64(58) if k == dash else c | 32 if 65 <= c <= 90 else c
        if c != d:
            return False
    return True


@kernel
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


@kernel
def type_of(data, start, codes, i):  # type: ignore[no-untyped-def]
    """Which of the types a row that names none is of."""
    kind = codes[KIND, i]
    low, high = start[ID, i], start[ID, i + 1]
    if kind < 0 or kind == _UNKNOWN_KIND:
        a = _authority(data, low, high)
        if a == _MMSI:
            kind = _VESSEL_KIND
            if high - low == 14 and data[low + 5] == 57 and data[low + 6] == 57:
                kind = _FIXED_KIND
            elif high - low == 14 and data[low + 5] == 49 and data[low + 6] == 49 and data[low + 7] == 49:
                kind = _AIRCRAFT_KIND
        elif 0 <= a < _MMSI or start[CATEGORY, i + 1] > start[CATEGORY, i]:
            kind = _AIRCRAFT_KIND
        elif codes[_SHIP_TYPE, i] >= 0:
            kind = _VESSEL_KIND
    military = codes[MILITARY, i]
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
    low, high = start[CATEGORY, i], start[CATEGORY, i + 1]
    letter, digit = np.int64(0), np.int64(0)
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


@kernel
def how_of(codes, i):  # type: ignore[no-untyped-def]
    """Which of the words for how a position was made is a row's."""
    if codes[SIMULATED, i] == 1:
        return _OUT_OF_SIMULATION
    source = codes[SOURCE, i]
    return _HOW[source] if 0 <= source < len(_HOW) else _RELAYED


@kernel
def label_of(start, i):  # type: ignore[no-untyped-def]
    """Which text is the name to show: its number, and what it is; the uid has the number -1."""
    if start[CALLSIGN, i + 1] > start[CALLSIGN, i]:
        return CALLSIGN, -1
    if start[VESSEL, i + 1] > start[VESSEL, i]:
        return VESSEL, 0
    if start[REGISTRATION, i + 1] > start[REGISTRATION, i]:
        return REGISTRATION, 1
    return -1, 2


@kernel
def sayable(start, numbers, codes, i):  # type: ignore[no-untyped-def]
    """Has a row a name, a time and a position?"""
    named = start[ID, i + 1] > start[ID, i] or start[UID, i + 1] > start[UID, i]
    time_ns, lat, lon = codes[TIME, i], numbers[LAT, i], numbers[LON, i]
    return named and 0 <= time_ns <= 4_200_000_000_000_000_000 and -90 <= lat <= 90 and -180 <= lon <= 180


@kernel
def stale_of(codes, i):  # type: ignore[no-untyped-def]
    """When a row is to be forgotten, in ns."""
    stale = codes[STALE, i]
    return stale if 0 <= stale <= 4_200_000_000_000_000_000 else codes[TIME, i] + STALE_NS


@kernel
def longest_uid(start):  # type: ignore[no-untyped-def]
    """Bytes of the longest uid that rows can have."""
    longest = 16
    for i in range(start.shape[1] - 1):
        longest = max(longest, start[ID, i + 1] - start[ID, i] + 1, start[UID, i + 1] - start[UID, i])
    return longest
