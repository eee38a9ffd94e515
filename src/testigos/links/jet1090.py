"""What jet1090 and rs1090 print of Mode S: one JSON object a message, one a line or in a list.

    {"timestamp": 1708901277.8567717, "frame": "8d4d22...", "df": "17", "icao24": "4d2242", "bds": "05", ...}

The values are jet1090's own decoding: the frame is not read again, but for the one bit that says whether the address
of TIS-B and ADS-R is of ICAO's. ``metadata`` says who heard the message, with the strongest signal level.

Own rules. A Comm-B reply lists every register it could be: only where there is one are its values taken. An altitude
of 0 in DF 0, 4, 16 and 20 is unknown: older versions print it for what they cannot decode. Heading in BDS 0,9 and 6,0
is magnetic. ``NUCp`` is no NIC and is left out. Coarse TIS-B, its management messages and reserved kinds are decoded
as if they were ADS-B: nothing of them is taken. The address of DF 0, 4, 5, 16, 20 and 21 comes out of the parity, and
nobody checked it: such rows are ``unconfirmed`` until DF 11, 17 or 18 announces the address.
"""

import re
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._json import CONTAINER, FALSE, STRING, TRUE, Cells, key_table, object_cells, texts
from testigos.links._json_lines import split_objects
from testigos.links._readsb import seconds_us, timed
from testigos.links._rows import gathered, rows, squawk_digits
from testigos.registry import Frames

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "recognise", "split"]

NAME: Final = "jet1090"
SPEC: Final = "https://mode-s.org/jet1090/output/; rs1090 0.7.0 for the fields"
CHECKED: Final = False

#: Top-level numbers and truths, taken as they stand: key -> column.
_PLAIN: Final = {
    **{"tc": "tc", "latitude": "lat_deg", "longitude": "lon_deg", "lat_cpr": "cpr_lat", "lon_cpr": "cpr_lon"},
    **{"groundspeed": "gs_kt", "track": "track_deg", "heading": "heading_mag_deg", "TAS": "tas_kt", "IAS": "ias_kt"},
    **{"geo_minus_baro": "geom_minus_baro_ft", "NACv": "nac_v", "NACp": "nac_p", "SIL": "sil", "GVA": "gva"},
    **{"SILs": "sil_supplement", "NICa": "nic_supplement_a", "NICb": "nic_supplement_b", "NICc": "nic_supplement_c"},
    **{"BAI": "nic_baro", "nic_baro": "nic_baro", "time_sync": "utc_synchronised", "autopilot": "autopilot"},
    **{"vnav_mode": "vnav", "alt_hold": "altitude_hold", "approach_mode": "approach", "lnav_mode": "lnav"},
    **{"tcas_operational": "tcas_operational", "selected_heading": "selected_heading_deg", "sl": "sensitivity_level"},
    **{"ri": "reply_information", "barometric_setting": "qnh_hpa"},
}
#: The same in Comm-B registers.
_REGISTERS: Final = {
    "bds20": {},
    "bds40": {"selected_mcp": "selected_alt_mcp_ft", "selected_fms": "selected_alt_fms_ft"}
    | {"barometric_setting": "qnh_hpa"},
    "bds44": {"wind_speed": "wind_kt", "wind_direction": "wind_from_deg", "temperature": "temperature_c"}
    | {"pressure": "pressure_hpa", "humidity": "humidity_percent"},
    "bds45": {"static_temperature": "temperature_c", "static_pressure": "pressure_hpa"}
    | {"radio_height": "radio_height_ft"},
    "bds50": {"roll": "roll_deg", "track": "track_deg", "groundspeed": "gs_kt", "track_rate": "track_rate_degps"}
    | {"TAS": "tas_kt"},
    "bds60": {"heading": "heading_mag_deg", "IAS": "ias_kt", "Mach": "mach", "vrate_barometric": "vrate_fpm"}
    | {"vrate_inertial": "vrate_inertial_fpm"},
}
_LEVELS: Final = ("turbulence", "wind_shear", "microburst", "icing", "wake_vortex")  #: of BDS 4,4 and 4,5
_OTHERS: Final = (
    *("timestamp", "frame", "df", "icao24", "bds", "tisb", "altitude", "source", "parity", "vrate_src"),
    *("vertical_rate", "callsign", "wake_vortex", "squawk", "emergency_state", "selected_altitude", "version"),
    *("capability", "vs", "metadata"),
)
_FIELDS: Final = (*_PLAIN, *_OTHERS)
_KEYS: Final = key_table(_FIELDS)
_CANDIDATES: Final = (
    *("bds05", "bds10", "bds17", "bds18", "bds19", "bds20", "bds21", "bds30", "bds40", "bds44", "bds45", "bds50"),
    *("bds60", "bds65"),
)
_CANDIDATE_KEYS: Final = key_table(_CANDIDATES)
_INNER: Final = {k: (*v, *_LEVELS, "callsign") for k, v in _REGISTERS.items()}
_INNER_KEYS: Final = {k: key_table(v) for k, v in _INNER.items()}
_HEARD: Final = ("rssi", "name")
_HEARD_KEYS: Final = key_table(_HEARD)

GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "alt_baro_ft", "alt_geom_ft", "on_ground", "vrate_fpm"),
    *("vrate_geom_fpm", "callsign", "squawk", "category", "emergency", "adsb_version", "rssi_dbfs", "receiver"),
    *("df", "address", "capability", "cpr_odd", "selected_alt_mcp_ft", "selected_alt_fms_ft", "bds", *_LEVELS),
    *("roll_deg", "track_rate_degps", "mach", "vrate_inertial_fpm", "wind_kt", "wind_from_deg", "temperature_c"),
    *("pressure_hpa", "humidity_percent", "radio_height_ft"),
    *dict.fromkeys(_PLAIN.values()),
    *("offset", "length"),
)

_DFS: Final = {str(n): n for n in (0, 4, 5, 11, 16, 17, 18, 20, 21)}
_ADDRESS_PARITY: Final = (0, 4, 5, 16, 20, 21)
_ANNOUNCING: Final = (11, 17, 18)
_CAPABILITIES: Final = {"level1": 0, "ground": 4, "airborne": 5, "ground/airborne": 6, "AG_DR0": 7}
_CATEGORIES: Final = {
    **{"<7000kg": "A1", "<34,000kg": "A2", "<136,000kg": "A3", "High vortex": "A4", "Heavy": "A5"},
    **{"High performance": "A6", "Rotorcraft": "A7", "Glider": "B1", "Lighter than air": "B2", "Parachutist": "B3"},
    **{"Ultralight": "B4", "UAM": "B6", "Space": "B7", "Surface emergency vehicle": "C1"},
}
_STRENGTHS: Final = {"Nil": 0.0, "Light": 1.0, "Moderate": 2.0, "Severe": 3.0}
#: ``tisb`` of DF 18 (control field) -> source; an empty one says that nothing else may be taken.
_TISB: Final = {
    **{"ADSB_ES_NT": "adsb", "ADSB_ES_NT_ALT": "adsb", "TISB_FINE": "tisb", "TISB_ADSB_RELAY": "tisb"},
    **{"TISB_ADSB": "adsr"},
}
_ANONYMOUS: Final = ("ADSB_ES_NT_ALT", "TISB_ADSB_RELAY")
_FLAGGED: Final = ("TISB_FINE", "TISB_ADSB")
#: Where the ICAO or Mode A flag of TIS-B and ADS-R stands: type code -> bit of ME (Doc 9871, appendix, TIS-B formats).
_FLAG_BIT: Final = {**dict.fromkeys((5, 6, 7, 8), 21), **dict.fromkeys((*range(9, 19), 20, 21, 22), 8), 19: 9}
_LINE: Final = re.compile(rb'\s*\[?\s*\{[^\n]*?(?:"frame"\s*:\s*"[0-9a-fA-F]{14,28}"|"df"\s*:\s*"(?:\d+|\w+)")')
_HEX: Final = re.compile(b"[0-9a-fA-F]{28}")

Floats = npt.NDArray[np.float64]


def recognise(head: bytes) -> int:
    """92 where the first object has a frame or a downlink format, else 0."""
    return 92 if _LINE.match(head.removeprefix(b"\xef\xbb\xbf")) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame an object; other text is a frame too."""
    return split_objects(buffer, final)


class _Table:
    """Columns that are being filled, each from where it is known."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.columns: dict[str, Any] = {}

    def put(self, name: str, values: Floats, where: npt.NDArray[Any] | slice = slice(None)) -> None:
        column = self.columns.setdefault(name, np.full(self.size, np.nan))
        column[where] = np.where(np.isnan(values), column[where], values)


def _values(cells: Cells, column: int) -> Floats:
    """Numbers, and truths as 1 and 0; NaN for all else."""
    kind = cells.kind[column]
    return np.where(kind == TRUE, 1.0, np.where(kind == FALSE, 0.0, cells.number[column]))


def _chosen(values: pl.Series, among: dict[str, float]) -> Floats:
    return values.replace_strict(among, default=None, return_dtype=pl.Float64).fill_null(np.nan).to_numpy()


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a message; ``carry`` holds the addresses that were announced."""
    of = np.arange(len(frames), dtype=np.int64)
    announced: frozenset[str] = carry if carry is not None else frozenset()
    if not len(of):
        return gathered([], GIVES), announced
    raw = np.frombuffer(frames.buffer, np.uint8)
    cells = object_cells(raw, frames.start, frames.stop, _KEYS)

    def text(key: str) -> pl.Series:
        return texts(raw, cells, _FIELDS.index(key))

    def value(key: str) -> Floats:
        return _values(cells, _FIELDS.index(key))

    kind_of_frame = text("df")
    df = _chosen(kind_of_frame, {k: float(v) for k, v in _DFS.items()})
    field = text("tisb")
    names, refused = _names(text("icao24"), field, df, raw, cells)
    framed = cells.kind[_FIELDS.index("frame")] == STRING
    malformed = ~cells.valid | (kind_of_frame.is_null().to_numpy() & ~framed) | refused
    malformed |= np.isnan(value("latitude")) != np.isnan(value("longitude"))
    taken = ~malformed & ~((df == 18) & ~field.is_in(list(_TISB)).fill_null(False).to_numpy())
    ids = pl.select(pl.when(pl.Series(taken)).then(names)).to_series()

    table = _Table(len(of))
    for key, column in _PLAIN.items():
        table.put(column, value(key))
    _top_level(table, text, value, df)
    columns = table.columns
    columns |= {"callsign": text("callsign"), "bds": _register(text("bds"))}
    comm_b = np.flatnonzero(taken & ((df == 20) | (df == 21)))
    _comm_b(table, raw, frames, comm_b)
    for name, values in columns.items():
        columns[name] = _only(values, taken)
    micros, known = timed(seconds_us(value("timestamp")))
    columns["time_ns"] = pl.Series(micros).set(pl.Series(~known), None)
    columns |= _heard(raw, cells, frames.buffer)
    columns |= {
        "object_id": ids,
        "address": ids.str.slice(5).str.to_integer(base=16).cast(pl.UInt32),
        "df": df,
        "source": _sources(df, field),
        "squawk": _clean(text("squawk"), squawk_digits),
        "category": _clean(text("wake_vortex"), _CATEGORIES.get),
        "emergency": _clean(text("emergency_state"), lambda t: None if t == "none" else t),
        "callsign": columns["callsign"].str.strip_chars_end().replace("", None),
    }
    odd = np.isfinite(value("timestamp")) & ~known
    found = gathered([rows(frames, of, columns, malformed, odd)], GIVES)
    heard, announced = _confirmed(ids, df, announced)
    unsure = pl.Series(np.isin(df, _ADDRESS_PARITY) & ~heard) & (found["status"] == "no_position")
    status = pl.when(unsure).then(pl.lit("unconfirmed")).otherwise(pl.col("status"))
    return found.with_columns(status.cast(found.schema["status"]).alias("status")), announced


def _only(values: Any, where: npt.NDArray[np.bool_]) -> Any:
    if isinstance(values, pl.Series):
        return pl.select(pl.when(pl.Series(where)).then(values)).to_series()
    return np.where(where, values, np.nan)


def _clean(values: pl.Series, clean: Any) -> pl.Series:
    distinct = values.drop_nulls().unique()
    return values.replace_strict(distinct, [clean(t) for t in distinct], return_dtype=pl.String)


def _register(values: pl.Series) -> pl.Series:
    """The number of a register that is named with two hex digits."""
    clean = values.str.extract("^([0-9a-f]{2})$", 1)
    return clean.str.to_integer(base=16, strict=False).cast(pl.Float64)


def _top_level(table: _Table, text: Any, value: Any, df: Floats) -> None:
    """What needs more than one field."""
    altitude = value("altitude")
    altitude[np.isin(df, (0, 4, 16, 20)) & (altitude == 0)] = np.nan
    geometric = (text("source") == "GNSS").fill_null(False).to_numpy()
    table.put("alt_geom_ft", np.where(geometric, altitude, np.nan))
    table.put("alt_baro_ft", np.where(geometric, np.nan, altitude))
    kind = text("vrate_src")
    for column, source in (("vrate_fpm", "barometric"), ("vrate_geom_fpm", "GNSS")):
        table.put(column, np.where((kind == source).fill_null(False).to_numpy(), value("vertical_rate"), np.nan))
    selected = text("source")
    for column, source in (("selected_alt_mcp_ft", "MCP/FCU"), ("selected_alt_fms_ft", "FMS")):
        table.put(
            column, np.where((selected == source).fill_null(False).to_numpy(), value("selected_altitude"), np.nan)
        )
    ground = _chosen(text("bds"), {"05": 0.0, "06": 1.0, "09": 0.0})
    said = _chosen(text("capability"), {"ground": 1.0, "airborne": 0.0})
    table.put("on_ground", np.where(np.isnan(ground), np.where(df == 16, value("vs"), said), ground))
    table.put("capability", _chosen(text("capability"), {k: float(v) for k, v in _CAPABILITIES.items()}))
    table.put("cpr_odd", _chosen(text("parity"), {"odd": 1.0, "even": 0.0}))
    told = _chosen(text("version"), {"0": 0.0, "1": 1.0, "2": 2.0})
    table.put("adsb_version", np.where(np.isnan(told), value("version"), told))


def _comm_b(table: _Table, raw: npt.NDArray[np.uint8], frames: Frames, of: npt.NDArray[np.int64]) -> None:
    """The values of the register of rows ``of`` that can be only one."""
    if not len(of):
        return
    outer = object_cells(raw, frames.start[of], frames.stop[of], _CANDIDATE_KEYS)
    there = outer.kind == CONTAINER
    alone = there.sum(axis=0) == 1
    for column, name in enumerate(_CANDIDATES):
        mine = np.flatnonzero(alone & there[column])
        if not len(mine):
            continue
        where = of[mine]
        table.columns["bds"] = table.columns["bds"].scatter(where, int(name[3:], 16))
        if name not in _REGISTERS:
            continue
        first, last = outer.first[column, mine].astype(np.int64), outer.last[column, mine].astype(np.int64)
        inner = object_cells(raw, first, last, _INNER_KEYS[name])
        fields = _INNER[name]
        for key, target in _REGISTERS[name].items():
            table.put(target, _values(inner, fields.index(key)), where)
        for level in _LEVELS:
            table.put(level, _chosen(texts(raw, inner, fields.index(level)), _STRENGTHS), where)
        if name == "bds20":
            called = texts(raw, inner, fields.index("callsign"))
            table.columns["callsign"] = table.columns["callsign"].scatter(where, called)


def _names(
    addresses: pl.Series, field: pl.Series, df: Floats, raw: npt.NDArray[np.uint8], cells: Cells
) -> tuple[pl.Series, npt.NDArray[np.bool_]]:
    """Object ids, and which rows have an address that is none."""
    lower = addresses.str.to_lowercase()
    good = lower.str.contains("^[0-9a-f]{6}$")
    other = field.is_in(list(_ANONYMOUS)).fill_null(False).to_numpy() & (df == 18)
    column = _FIELDS.index("frame")
    for i in np.flatnonzero(field.is_in(list(_FLAGGED)).fill_null(False).to_numpy()).tolist():
        other[i] = _flagged(raw[cells.first[column, i] : cells.last[column, i]].tobytes())
    prefix = pl.when(pl.Series(other)).then(pl.lit("anon:")).otherwise(pl.lit("icao:"))
    names = pl.select(pl.when(good).then(prefix + lower)).to_series()
    return names, (~good).fill_null(False).to_numpy()


def _flagged(frame: bytes) -> bool:
    """Does the ICAO or Mode A flag of a TIS-B or ADS-R message say that the address is not ICAO's?"""
    if not _HEX.fullmatch(frame):
        return False
    message = int(frame[8:22], 16)
    bit = _FLAG_BIT.get(message >> 51)
    return bit is not None and message >> (56 - bit) & 1 == 1


def _sources(df: Floats, field: pl.Series) -> pl.Series:
    said = field.replace_strict(_TISB, default="tisb", return_dtype=pl.String).fill_null("unknown")
    kind = pl.when(pl.Series(df == 17)).then(pl.lit("adsb")).when(pl.Series(df == 18)).then(said)
    return pl.select(
        kind.when(pl.Series(np.isin(df, (*_ADDRESS_PARITY, 11)))).then(pl.lit("mode_s")).otherwise(pl.lit("unknown"))
    ).to_series()


def _heard(raw: npt.NDArray[np.uint8], cells: Cells, buffer: bytes) -> dict[str, Any]:
    """Names of the receivers, and the strongest signal level."""
    column = _FIELDS.index("metadata")
    rows_of = np.flatnonzero(cells.kind[column] == CONTAINER)
    receiver = pl.repeat(None, cells.kind.shape[1], dtype=pl.String, eager=True)
    level = np.full(cells.kind.shape[1], np.nan)
    if not len(rows_of):
        return {"receiver": receiver, "rssi_dbfs": level}
    first, last = (cells.first[column, rows_of].astype(np.int64), cells.last[column, rows_of].astype(np.int64))
    one = object_cells(raw, first + 1, last - 1, _HEARD_KEYS)
    name = texts(raw, one, 1)
    level[rows_of] = np.where(one.valid, one.number[0], np.nan)
    receiver = receiver.scatter(rows_of, name)
    several = np.flatnonzero(~one.valid | name.is_null().to_numpy())
    told = [_listed(buffer[first[k] : last[k]]) for k in several.tolist()]
    if told:
        receiver = receiver.scatter(rows_of[several], pl.Series([t[0] for t in told], dtype=pl.String))
        level[rows_of[several]] = [t[1] for t in told]
    return {"receiver": receiver, "rssi_dbfs": level}


def _listed(text: bytes) -> tuple[str | None, float]:
    """The same of a list of several receivers, or of some without a name: these have their serial number."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, np.nan
    heard = [h for h in found if isinstance(h, dict)] if isinstance(found, list) else []
    names = [str(n) for h in heard if (n := h.get("name") or h.get("serial"))]
    levels = [float(v) for h in heard if isinstance(v := h.get("rssi"), int | float) and not isinstance(v, bool)]
    return ",".join(names) or None, max(levels, default=np.nan)


def _confirmed(ids: pl.Series, df: Floats, announced: frozenset[str]) -> tuple[npt.NDArray[np.bool_], frozenset[str]]:
    """Which rows have an address that was announced before them, and all that were."""
    table = pl.DataFrame({"id": ids, "says": pl.Series(np.isin(df, _ANNOUNCING)) & ids.is_not_null()})
    table = table.with_columns(before=pl.col("says").cast(pl.UInt32).cum_sum().over("id") > 0)
    known = table["before"].to_numpy() | ids.is_in(list(announced)).fill_null(False).to_numpy()
    new = set(table.filter("says")["id"].unique()) - announced
    return known, announced | new if new else announced
