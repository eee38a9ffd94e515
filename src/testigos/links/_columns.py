"""Tables with named columns: which name means which column of ``schema.REPORTS``, in which unit.

A name is compared in lower case without blanks, dashes, dots and underscores. A unit can stand behind it, in
brackets (``altitude (m)``) or after an underscore (``alt_m``); without one the field's own unit is taken:
feet, knots, feet a minute, degrees. Tables with a column ``velocity``, ``vertrate``, ``baroaltitude`` or
``lastposupdate`` are OpenSky state vectors, which are metric (OpenSky, "State vectors", trino documentation).
A time without a unit tells it by its size.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import pi
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._rows import address, rows, squawk_digits
from testigos.links._text import bytes_of, fields, numbers, texts, times
from testigos.registry import Frames
from testigos.schema import REPORTS, SOURCES
from testigos.units import FPM_MPS, FT_M, KM_M, KT_MPS, MI_M, NMI_M

__all__ = ["COLUMN_GIVES", "Use", "chosen_columns", "convert", "is_layout", "joined", "layout"]

COLUMN_GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft"),
    *("alt_msl_ft", "on_ground", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm", "ias_kt", "tas_kt"),
    *("roll_deg", "heading_deg", "callsign", "squawk", "category", "emergency", "registration", "type_code"),
    *("nic", "rc_m", "nac_p", "nac_v", "sil", "adsb_version", "rssi_dbfs", "receiver", "offset", "length"),
)

#: What a table can hold beside columns of the schema.
_ADDRESS, _MMSI, _PLACE, _FIX_TIME = "address", "mmsi", "place", "fix_time"

#: column -> the names it goes by; its own name is always one.
SYNONYMS: Final[dict[str, str]] = {
    "time_ns": "time timestamp ts datetime date utc epoch unixtime timeutc snapshottime timeatserver now",
    _FIX_TIME: "lastposupdate timeposition positiontime",
    _ADDRESS: "icao24 icao hex hexid hexident icaoaddress icaohex modes modescode address addr transponder",
    _MMSI: "mmsi",
    _PLACE: "position latlon latlng coordinates",
    "lat_deg": "lat latitude y",
    "lon_deg": "lon lng long longitude x",
    "alt_baro_ft": "alt altitude altbaro baroalt baroaltitude pressurealtitude altitudebaro modecaltitude",
    "alt_geom_ft": "altgeom geoaltitude geomaltitude gnssaltitude altgnss altgps gpsaltitude altitudegeom",
    "alt_msl_ft": "altmsl altitudemsl mslaltitude",
    "on_ground": "onground ground isonground",
    "gs_kt": "gs gscp groundspeed speed velocity speedkt sog spd",
    "track_deg": "track trackangle truetrack direction course cog tracktrue",
    "heading_deg": "heading hdg trueheading",
    "vrate_fpm": "vrate verticalrate vertrate verticalspeed barorate rateofclimb vspeed",
    "vrate_geom_fpm": "geomrate georate",
    "ias_kt": "ias",
    "tas_kt": "tas",
    "roll_deg": "roll rollangle",
    "callsign": "callsign flight cs flightid ident",
    "squawk": "squawk",
    "category": "category",
    "emergency": "emergency",
    "registration": "registration reg tail tailnumber r",
    "type_code": "typecode icaotype aircrafttype actype",
    "rc_m": "rc",
    "nic": "nic",
    "nac_p": "nacp",
    "nac_v": "nacv",
    "sil": "sil",
    "adsb_version": "version adsbversion",
    "rssi_dbfs": "rssi",
    "receiver": "receiver",
    "source": "source positionsource",
    "object_id": "objectid",
}
_NAMES: Final = {n: c for c, names in SYNONYMS.items() for n in (*names.split(), c.replace("_", ""))}

_LENGTH: Final = {
    **dict.fromkeys(("ft", "feet"), 1.0),
    **dict.fromkeys(("m", "meters", "metres"), 1 / FT_M),
    "km": KM_M / FT_M,
    "fl": 100.0,
}
_METRES: Final = {"m": 1.0, "km": KM_M, "nmi": NMI_M, "nm": NMI_M, "ft": FT_M}
_SPEED: Final = {
    **dict.fromkeys(("kt", "kts", "kn", "knots"), 1.0),
    **dict.fromkeys(("m/s", "mps"), 1 / KT_MPS),
    **dict.fromkeys(("km/h", "kmh", "kph"), KM_M / NMI_M),
    "mph": MI_M / NMI_M,
}
_RATE: Final = {"fpm": 1.0, "ft/min": 1.0, "ftmin": 1.0, "m/s": 1 / FPM_MPS, "mps": 1 / FPM_MPS}
_ANGLE: Final = {"deg": 1.0, "degrees": 1.0, "°": 1.0, "rad": 180 / pi}
_UNITS: Final = {"ft": _LENGTH, "kt": _SPEED, "ft/min": _RATE, "deg": _ANGLE, "m": _METRES}
_SUFFIXES: Final = {u for table in _UNITS.values() for u in table} | {"ns", "us", "ms", "s", "utc"}
_OPENSKY: Final = {"velocity", "vertrate", "baroaltitude", "lastposupdate"}
_METRIC: Final = {"alt_baro_ft": "m", "alt_geom_ft": "m", "gs_kt": "m/s", "vrate_fpm": "m/s"}
_TRUE: Final = dict.fromkeys(("true", "t", "1", "yes", "-1"), "1") | dict.fromkeys(("false", "f", "0", "no"), "0")
_BRACKETS: Final = re.compile(r"(.*?)\s*[(\[]\s*([^)\]]*?)\s*[)\]]\s*")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Use:
    """The field number ``index`` of a row, times ``factor``, is ``column``."""

    column: str
    index: int
    factor: float = 1.0


def _plain(name: str) -> str:
    return re.sub(r"[\s_.\-]", "", name.casefold())


def _named(name: str) -> tuple[str, str]:
    """A column's name without its unit, and the unit."""
    found = _BRACKETS.fullmatch(name.strip())
    if found:
        return _plain(found[1]), found[2].casefold().replace(" ", "")
    stem, underscore, last = name.strip().rpartition("_")
    if underscore and last.casefold() in _SUFFIXES and _plain(name) not in _NAMES:
        return _plain(stem), last.casefold()
    return _plain(name), ""


def chosen_columns(mapping: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """A user's choice as pairs of schema column and the name in the table, sorted.

    A key is a column of the schema or any name it goes by; ``id`` is the 24-bit address. Raises
    ``ValueError`` on a key that means no column.

    >>> chosen_columns({"time": "ts", "lat": "y"})
    (('lat_deg', 'y'), ('time_ns', 'ts'))
    """
    pairs = []
    for key, name in mapping.items():
        column = _NAMES.get("address" if key == "id" else _plain(key))
        if column is None:
            raise ValueError(f"{key!r} is no column; known: {', '.join(sorted(SYNONYMS))}")
        pairs.append((column, name))
    return tuple(sorted(pairs))


@lru_cache(maxsize=256)
def layout(names: tuple[str, ...], chosen: tuple[tuple[str, str], ...] = ()) -> tuple[Use, ...]:
    """Which field is which column; the first name of a column wins, and a ``chosen`` one before all others.

    A chosen name can carry its unit behind a colon, ``height:m``.

    >>> [(u.column, u.index, round(u.factor, 4)) for u in layout(("icao24", "lat", "lon", "velocity"))]
    [('address', 0, 1.0), ('lat_deg', 1, 1.0), ('lon_deg', 2, 1.0), ('gs_kt', 3, 1.9438)]
    """
    uses: dict[str, Use] = {}
    for column, wanted in chosen:
        name, _, unit = wanted.partition(":")
        if name in names:
            uses[column] = Use(column, names.index(name), _factor(column, unit or _named(name)[1]))
    taken = {u.index for u in uses.values()}
    plain = [_named(n) for n in names]
    opensky = any(n in _OPENSKY for n, _ in plain)
    for index, (name, unit) in enumerate(plain):
        known = _NAMES.get(name)
        if known is None or index in taken:
            continue
        # "heading" in OpenSky is the direction of movement.
        column = "track_deg" if opensky and known == "heading_deg" else known
        if column not in uses:
            unit = unit or (_METRIC.get(column, "") if opensky else "")
            uses[column] = Use(column, index, _factor(column, unit))
    return tuple(sorted(uses.values(), key=lambda u: u.index))


def _factor(column: str, unit: str) -> float:
    known = _UNITS.get(REPORTS[column].unit if column in REPORTS else "", {})
    return known.get(unit, 1.0)


def is_layout(uses: tuple[Use, ...]) -> bool:
    """Do the columns say where or when something was?"""
    have = {u.column for u in uses}
    when_and_who = {"time_ns", _FIX_TIME} & have and _IDS & have
    return bool({"lat_deg", "lon_deg"} <= have or _PLACE in have or when_and_who)


_IDS: Final = {_ADDRESS, _MMSI, "object_id", "callsign", "registration"}


def convert(
    frames: Frames,
    of: Ints,
    uses: tuple[Use, ...],
    data: npt.NDArray[np.uint8],
    begin: Ints,
    end: Ints,
    malformed: npt.NDArray[np.bool_],
) -> pl.DataFrame:
    """Rows of a table's fields, ``data[begin[i, k]:end[i, k]]`` for row i and field k.

    A row whose time, position or address cannot be read is malformed; one with another unreadable field is
    ``out_of_range``.
    """
    size = len(of)
    bad, odd = malformed.copy(), np.zeros(size, np.bool_)
    columns: dict[str, Any] = {}
    ids: dict[str, pl.Series] = {}
    fix: tuple[Any, Any] | None = None
    for use in uses:
        low, high = begin[:, use.index], end[:, use.index]
        given = high > low
        if use.column in ("time_ns", _FIX_TIME):
            value, known, wrong = times(data, low, high)
            bad |= wrong
            if use.column == "time_ns":
                columns["time_ns"] = pl.Series(value).set(pl.Series(~known), None)
            else:
                fix = (value, known)
        elif use.column == _PLACE:
            low, high, count = fields(data, low, high, ",", 2)
            columns["lat_deg"], wrong = numbers(data, low[:, 0], high[:, 0])
            columns["lon_deg"], wrong_lon = numbers(data, low[:, 1], high[:, 1])
            bad |= wrong | wrong_lon | (given & (count != 2))
        elif use.column in (_ADDRESS, _MMSI, "object_id"):
            name = texts(data, low, high, _CLEAN_IDS[use.column])
            bad |= given & name.is_null().to_numpy()
            ids[use.column] = name
        elif use.column == "on_ground":
            flag = texts(data, low, high, lambda t: _TRUE.get(t.casefold()))
            odd |= given & flag.is_null().to_numpy()
            columns["on_ground"] = flag.cast(pl.Int8).cast(pl.Boolean)
        elif not REPORTS[use.column].dtype.is_numeric():
            clean = _CLEAN.get(use.column, lambda t: t)
            columns[use.column] = texts(data, low, high, clean)
            if use.column == "squawk":
                odd |= given & columns["squawk"].is_null().to_numpy()
        else:
            number, wrong = numbers(data, low, high)
            if use.column == "alt_baro_ft" and wrong.any():
                ground = texts(data, low, high, lambda t: t.casefold()) == "ground"
                ground = ground.fill_null(False)
                columns.setdefault("on_ground", pl.select(pl.when(ground).then(True)).to_series())
                wrong &= ~ground.to_numpy()
            if use.column in ("lat_deg", "lon_deg"):
                bad |= wrong
            odd |= wrong
            columns[use.column] = number * use.factor
            if REPORTS[use.column].dtype.is_integer():
                whole = np.isnan(number) | (number == np.round(number))
                odd |= ~whole
                columns[use.column] = np.where(whole, number, np.nan)
    if fix is not None:
        columns["time_ns"] = _fix_times(columns, *fix)
    columns["object_id"] = _object_id(ids, columns, size)
    return rows(frames, of, columns, bad, odd & ~bad)


def _fix_times(columns: Mapping[str, Any], value: Ints, known: npt.NDArray[np.bool_]) -> pl.Series:
    """The position's own time where there is a position, else the row's."""
    place = np.ones(len(value), np.bool_)
    for name in ("lat_deg", "lon_deg"):
        place &= np.isfinite(columns[name]) if name in columns else False
    own = pl.Series(value).set(pl.Series(~known), None)
    other = columns.get("time_ns", own)
    return pl.select(pl.when(pl.Series(known & place)).then(own).otherwise(other)).to_series()


def _object_id(ids: Mapping[str, pl.Series], columns: Mapping[str, Any], size: int) -> pl.Series:
    """The best name a row has: its own id, address, MMSI, call sign, registration; null where it has none."""
    said = [ids[n] for n in ("object_id", _ADDRESS, _MMSI) if n in ids]
    said += [a + columns[n] for a, n in (("callsign:", "callsign"), ("reg:", "registration")) if n in columns]
    return pl.select(pl.coalesce(*said, pl.repeat(None, size, dtype=pl.String))).to_series()


def _mmsi(text: str) -> str | None:
    return f"mmsi:{text.zfill(9)}" if re.fullmatch(r"\d{7,9}", text) else None


def _source(text: str) -> str:
    return text.casefold() if text.casefold() in SOURCES else "unknown"


def _name(text: str) -> str | None:
    return None if text.casefold() in ("null", "none", "nan") else text.rstrip() or None


_CLEAN_IDS: Final = {
    _ADDRESS: address,
    _MMSI: _mmsi,
    "object_id": lambda t: t if ":" in t else None,
}
_CLEAN: Final = {
    "squawk": squawk_digits,
    "source": _source,
    **dict.fromkeys(("callsign", "registration", "type_code", "category", "emergency", "receiver"), _name),
}


def joined(values: list[bytes], width: int) -> tuple[npt.NDArray[np.uint8], Ints, Ints]:
    """Texts, row after row of ``width``, as one array and where each begins and ends."""
    size = np.array([len(v) for v in values], np.int64)
    end = np.cumsum(size)
    return bytes_of(b"".join(values)), (end - size).reshape(-1, width), end.reshape(-1, width)
