"""Every column of every table, once: name, type, unit, meaning, range.

Tables are Polars frames. A link fills only the columns it knows; :func:`conform` adds the others as nulls.
An unknown value is null: never a sentinel, never zero, never NaN.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import polars as pl

__all__ = [
    "ALL", "DETAIL", "HEARD", "KINDS", "NETS", "PICTURE", "PLOTS", "REPORTS", "SOURCES", "STATES", "STATUSES",
    "TRACKS", "VESSELS", "Column", "conform", "unknown", "violations",
]  # fmt: skip

#: What became of a row. Only ``ok`` rows are used as positions; all others stay, with their reason.
STATUSES: Final = (
    "ok",
    "no_position",  # a report without a position: identity, velocity or altitude only
    "stale",  # the origin repeats an old position
    "malformed",  # a frame whose bytes cannot be understood
    "out_of_range",  # a value outside the range of its column
    "no_time",  # nothing says when
    "duplicate",  # the same object, time and position were already reported (fuse)
    "unreachable",  # cannot be reached from the neighbouring fixes (fuse), or from the aircraft's last one (CPR)
    "ambiguous",  # a CPR position that still has no partner, or that nothing has confirmed yet
    "parity_failed",  # the checksum does not hold: nobody can say whose words these are
    "unconfirmed",  # the address is only implied by the parity, and nothing has announced it
    "repeated",  # a position said again long after the object must have left it, by its own speed (fuse)
)

#: How a position was obtained.
SOURCES: Final = (
    "adsb",  # broadcast by the aircraft on 1090 MHz
    "adsr",  # ADS-B rebroadcast by a ground station
    "tisb",  # ground radar rebroadcast
    "adsc",  # satellite contract reports
    "mlat",  # computed by multilateration
    "mode_s",  # Mode S without position
    "mode_ac",
    "uat",  # 978 MHz
    "flarm",
    "radar",
    "ais",
    "estimated",  # extrapolated by the origin
    "other",
    "unknown",
)

#: What an object is.
KINDS: Final = ("aircraft", "vessel", "vehicle", "drone", "fixed", "person", "other", "unknown")

#: How sure it is that an object of the picture is still where it is shown.
STATES: Final = (
    "live",  # heard as often as such objects are
    "coasting",  # not heard for a while: the position is the last one, its radius grows
    "stale",  # not heard for so long that customers get it no more
    "dead",  # given up; said once
)

_STATUS = pl.Enum(STATUSES)
_SOURCE = pl.Enum(SOURCES)


@dataclass(frozen=True)
class Column:
    """One column: ``unit`` is empty for dimensionless ones, ``low``/``high`` are inclusive."""

    name: str
    dtype: pl.DataType
    unit: str
    meaning: str
    low: float | None = None
    high: float | None = None


def _c(
    name: str, dtype: object, unit: str, meaning: str, low: float | None = None, high: float | None = None
) -> tuple[str, Column]:
    resolved = dtype() if isinstance(dtype, type) else dtype
    assert isinstance(resolved, pl.DataType)
    return name, Column(name, resolved, unit, meaning, low, high)


_F32, _F64 = pl.Float32, pl.Float64

#: One row a frame that says something about an object.
REPORTS: Final[dict[str, Column]] = dict(
    [
        _c("object_id", pl.String, "", "authority and name, e.g. icao:ae503d, anon:2a1b3c, mmsi:366730000"),
        _c("time_ns", pl.Int64, "ns", "UTC since 1970-01-01, of the position where there is one", 0, 4.2e18),
        _c("status", _STATUS, "", "see STATUSES"),
        _c("source", _SOURCE, "", "how the position was obtained, see SOURCES"),
        _c("lat_deg", _F64, "deg", "latitude, WGS-84", -90, 90),
        _c("lon_deg", _F64, "deg", "longitude, WGS-84, east positive", -180, 180),
        _c("alt_baro_ft", _F32, "ft", "pressure altitude, 1013.25 hPa", -2_000, 150_000),
        _c("alt_geom_ft", _F32, "ft", "height above the WGS-84 ellipsoid", -3_000, 200_000),
        _c("alt_msl_ft", _F32, "ft", "height above mean sea level (EGM96 or QNH-corrected)", -2_000, 200_000),
        _c("on_ground", pl.Boolean, "", "the aircraft says it is on the ground"),
        _c("gs_kt", _F32, "kt", "ground speed", 0, 4_000),
        _c("track_deg", _F32, "deg", "direction of movement over ground, from true north", 0, 360),
        _c("vrate_fpm", _F32, "ft/min", "barometric vertical rate", -60_000, 60_000),
        _c("vrate_geom_fpm", _F32, "ft/min", "geometric vertical rate", -60_000, 60_000),
        _c("ias_kt", _F32, "kt", "indicated air speed", 0, 1_500),
        _c("tas_kt", _F32, "kt", "true air speed", 0, 4_000),
        _c("roll_deg", _F32, "deg", "roll, right wing down positive", -180, 180),
        _c("heading_deg", _F32, "deg", "heading, from true north", 0, 360),
        _c("callsign", pl.String, "", "as transmitted, trailing blanks removed"),
        _c("squawk", pl.String, "", "four octal digits"),
        _c("category", pl.String, "", "emitter category, A0 to D7"),
        _c("emergency", pl.String, "", "emergency state as the format names it; null where none"),
        _c("registration", pl.String, "", "as the aggregator's database says"),
        _c("type_code", pl.String, "", "ICAO type designator, as the aggregator's database says"),
        _c("military", pl.Boolean, "", "the aggregator's database says military"),
        _c("nic", pl.UInt8, "", "navigation integrity category", 0, 11),
        _c("rc_m", _F32, "m", "containment radius as the origin gives it; null where unknown", 0, 40_000),
        _c("nac_p", pl.UInt8, "", "navigation accuracy category, position", 0, 11),
        _c("nac_v", pl.UInt8, "", "navigation accuracy category, velocity", 0, 4),
        _c("sil", pl.UInt8, "", "source integrity level", 0, 3),
        _c("adsb_version", pl.UInt8, "", "ADS-B version number", 0, 3),
        _c("rssi_dbfs", _F32, "dBFS", "signal level at the receiver", -200, 20),
        _c("new_leg", pl.Boolean, "", "the origin begins a new flight here"),
        _c("simulated", pl.Boolean, "", "the origin says that this was simulated"),
        _c("receiver", pl.String, "", "who heard it: as the format says, or the document of raw frames"),
        _c("transmission", pl.UInt64, "", "hash of the payload: equal where receivers heard the same one"),
        _c("stamp", pl.UInt64, "", "the receiver's own time stamp, as received (12 MHz ticks, or GPS: s << 30 | ns)"),
        _c("segment", pl.UInt64, "", "first 8 bytes of the SHA-256 of the raw segment the frame begins in"),
        _c("offset", pl.UInt64, "byte", "where in that segment the frame begins"),
        _c("length", pl.UInt32, "byte", "length of the frame"),
    ]
)

#: What Mode S, ADS-B, Comm-B and UAT say beyond ``REPORTS``; ``testigos decode`` gives them, tracks do without.
#: A code is a number of the specification where no unit is given. Sources: ICAO Annex 10 volume IV, Doc 9871.
DETAIL: Final[dict[str, Column]] = dict(
    [
        _c("df", pl.UInt8, "", "downlink format; null for Mode A/C", 0, 31),
        _c("address", pl.UInt32, "", "24-bit address, announced or implied by the parity", 0, 0xFFFFFF),
        _c("repaired_bit", pl.UInt8, "", "which bit was flipped to mend the parity, from 1; null where none", 1, 112),
        _c("tc", pl.UInt8, "", "type code of an extended squitter", 0, 31),
        _c("subtype", pl.UInt8, "", "subtype of an extended squitter's type code", 0, 7),
        _c("capability", pl.UInt8, "", "CA of DF 11 and 17, CF of DF 18", 0, 7),
        _c("interrogator", pl.UInt8, "", "interrogator code of DF 11: II 0 to 15, SI + 16", 0, 79),
        _c("flight_status", pl.UInt8, "", "FS", 0, 7),
        _c("downlink_request", pl.UInt8, "", "DR", 0, 31),
        _c("utility_message", pl.UInt8, "", "UM", 0, 63),
        _c("reply_information", pl.UInt8, "", "RI of DF 0 and 16", 0, 15),
        _c("sensitivity_level", pl.UInt8, "", "SL of DF 0 and 16", 0, 7),
        _c("alert", pl.Boolean, "", "the squawk was changed, or is one of emergency"),
        _c("ident", pl.Boolean, "", "special position identification: the pilot pressed ident"),
        _c("surveillance_status", pl.UInt8, "", "of an airborne position", 0, 3),
        _c("cpr_odd", pl.Boolean, "", "the CPR format is odd"),
        _c("cpr_lat", pl.UInt32, "2^-17", "encoded latitude", 0, 131_071),
        _c("cpr_lon", pl.UInt32, "2^-17", "encoded longitude", 0, 131_071),
        _c("utc_synchronised", pl.Boolean, "", "the time of applicability is synchronised with UTC"),
        _c("nic_supplement_a", pl.UInt8, "", "NIC supplement A", 0, 1),
        _c("nic_supplement_b", pl.UInt8, "", "NIC supplement B", 0, 1),
        _c("nic_supplement_c", pl.UInt8, "", "NIC supplement C", 0, 1),
        _c("nic_baro", pl.UInt8, "", "barometric altitude integrity code", 0, 1),
        _c("sil_supplement", pl.UInt8, "", "SIL is a probability: 0 per hour, 1 per sample", 0, 1),
        _c("sda", pl.UInt8, "", "system design assurance", 0, 3),
        _c("gva", pl.UInt8, "", "geometric vertical accuracy", 0, 3),
        _c("capability_class", pl.UInt16, "", "CC of an operational status"),
        _c("operational_mode", pl.UInt16, "", "OM of an operational status"),
        _c("single_antenna", pl.Boolean, "", "one antenna only"),
        _c("length_m", _F32, "m", "upper limit of the length class", 0, 100),
        _c("width_m", _F32, "m", "upper limit of the width class", 0, 100),
        _c("geom_minus_baro_ft", _F32, "ft", "height above the ellipsoid minus pressure altitude", -3_200, 3_200),
        _c("intent_change", pl.Boolean, "", "intent change flag"),
        _c("heading_mag_deg", _F32, "deg", "heading from magnetic north", 0, 360),
        _c("selected_alt_mcp_ft", _F32, "ft", "altitude selected on the mode control panel", 0, 70_000),
        _c("selected_alt_fms_ft", _F32, "ft", "altitude selected by the flight management system", 0, 70_000),
        _c("selected_heading_deg", _F32, "deg", "selected heading", 0, 360),
        _c("qnh_hpa", _F32, "hPa", "barometric pressure setting", 600, 1_300),
        _c("autopilot", pl.Boolean, "", "autopilot engaged"),
        _c("vnav", pl.Boolean, "", "VNAV mode engaged"),
        _c("altitude_hold", pl.Boolean, "", "altitude hold mode engaged"),
        _c("approach", pl.Boolean, "", "approach mode engaged"),
        _c("lnav", pl.Boolean, "", "LNAV mode engaged"),
        _c("target_alt_source", pl.UInt8, "", "source of the target altitude (BDS 4,0)", 0, 3),
        _c("tcas_operational", pl.Boolean, "", "collision avoidance works"),
        _c("tcas_ra", pl.Boolean, "", "a resolution advisory is active"),
        _c("advisory", pl.UInt64, "", "the 56 bits of a resolution advisory (BDS 3,0, TC 28 subtype 2, DF 16)"),
        _c("mach", _F32, "", "Mach number", 0, 5),
        _c("track_rate_degps", _F32, "deg/s", "rate of turn, right positive", -360, 360),
        _c("vrate_inertial_fpm", _F32, "ft/min", "inertial vertical rate", -60_000, 60_000),
        _c("wind_kt", _F32, "kt", "wind speed", 0, 600),
        _c("wind_from_deg", _F32, "deg", "where the wind comes from, from true north", 0, 360),
        _c("temperature_c", _F32, "Cel", "static air temperature", -130, 130),
        _c("pressure_hpa", _F32, "hPa", "average static pressure", 0, 2_100),
        _c("humidity_percent", _F32, "%", "humidity", 0, 100),
        _c("radio_height_ft", _F32, "ft", "radio height", 0, 70_000),
        _c("met_source", pl.UInt8, "", "figure of merit and source of BDS 4,4", 0, 15),
        _c("turbulence", pl.UInt8, "", "0 nil, 1 light, 2 moderate, 3 severe", 0, 3),
        _c("wind_shear", pl.UInt8, "", "0 nil to 3 severe", 0, 3),
        _c("microburst", pl.UInt8, "", "0 nil to 3 severe", 0, 3),
        _c("icing", pl.UInt8, "", "0 nil to 3 severe", 0, 3),
        _c("wake_vortex", pl.UInt8, "", "0 nil to 3 severe", 0, 3),
        _c("gicb", pl.UInt32, "", "BDS 1,7: which registers are served, first bit highest of 24", 0, 0xFFFFFF),
        _c("bds", pl.UInt8, "", "Comm-B register as two hex digits (0x50 is BDS 5,0); null below the stated level"),
        *(
            _c(f"bds{n}_score", pl.UInt8, "%", f"how well Comm-B fits BDS {n[0]},{n[1]}; null if it cannot", 0, 100)
            for n in ("10", "17", "20", "30", "40", "44", "45", "50", "60")
        ),
        _c("tisb_site", pl.UInt8, "", "UAT: site of a ground station's rebroadcast", 0, 15),
        _c("uplink_frames", pl.UInt16, "", "UAT: information frames in an uplink"),
    ]
)

#: What vessels and what marks the way of vessels say. A code is a number of the specification.
#: Source: ITU-R M.1371-5, annex 8.
VESSELS: Final[dict[str, Column]] = dict(
    [
        _c("ais_type", pl.UInt8, "", "type of the AIS message", 0, 63),
        _c("vessel_name", pl.String, "", "name of the vessel or mark, trailing blanks and @ removed"),
        _c("imo", pl.UInt32, "", "IMO number", 1, 999_999_999),
        _c("ship_type", pl.UInt8, "", "type of ship and cargo, or of a mark", 0, 255),
        _c("nav_status", pl.UInt8, "", "navigational status", 0, 15),
        _c("rot_degpmin", _F32, "deg/min", "rate of turn, right positive", -720, 720),
        _c("draught_m", _F32, "m", "draught", 0, 25.5),
        _c("destination", pl.String, "", "where it is bound for, as typed"),
        _c("eta", pl.String, "", "expected arrival, UTC, as MM-DDTHH:MM; it has no year"),
        _c("to_bow_m", _F32, "m", "from the reference point of the position to the bow", 0, 511),
        _c("to_stern_m", _F32, "m", "from the reference point to the stern", 0, 511),
        _c("to_port_m", _F32, "m", "from the reference point to port", 0, 63),
        _c("to_starboard_m", _F32, "m", "from the reference point to starboard", 0, 63),
        _c("position_accurate", pl.Boolean, "", "position accuracy flag: within 10 m"),
        _c("raim", pl.Boolean, "", "RAIM is in use"),
        _c("epfd", pl.UInt8, "", "kind of position fixing device", 0, 15),
        _c("manoeuvre", pl.UInt8, "", "special manoeuvre indicator", 0, 3),
    ]
)

#: What radars and surveillance networks say. Source: EUROCONTROL ASTERIX, parts 4, 9 and 12.
PLOTS: Final[dict[str, Column]] = dict(
    [
        _c("asterix_category", pl.UInt8, "", "ASTERIX data category", 0, 255),
        _c("sac", pl.UInt8, "", "system area code of the data source", 0, 255),
        _c("sic", pl.UInt8, "", "system identification code of the data source", 0, 255),
        _c("track_number", pl.UInt16, "", "number of the track at its data source", 0, 65_535),
        _c("range_nmi", _F64, "nmi", "slant range from the radar", 0, 512),
        _c("azimuth_deg", _F64, "deg", "azimuth from the radar, from north of the radar", 0, 360),
        _c("signal_dbm", _F32, "dBm", "amplitude of the reply or message at the station", -200, 100),
    ]
)

#: What nets say of objects and of the way that reports came.
NETS: Final[dict[str, Column]] = dict(
    [
        _c("kind", pl.Enum(KINDS), "", "what the object is, see KINDS"),
        _c("accuracy95_m", _F32, "m", "95 % radius of the position as the origin says it", 0, 10_000_000),
        _c("height_accuracy95_m", _F32, "m", "95 % error of the height as the origin says it", 0, 10_000_000),
        _c("stale_ns", pl.Int64, "ns", "UTC from which on the origin wants this forgotten", 0, 4.2e18),
        _c("via", pl.String, "", "nodes that it came through, first one first, with blanks between"),
        _c("uid", pl.String, "", "unique name that the origin gave the object"),
        _c("cot_type", pl.String, "", "type of a Cursor on Target event, such as a-n-A-C-F"),
        _c("operator_id", pl.String, "", "Remote ID: the operator's registration"),
        _c("operator_lat_deg", _F64, "deg", "Remote ID: latitude of the operator", -90, 90),
        _c("operator_lon_deg", _F64, "deg", "Remote ID: longitude of the operator", -180, 180),
        _c("remarks", pl.String, "", "free text"),
        _c("private", pl.Boolean, "", "the origin asks not to be tracked, or not to be identified"),
        _c("service", pl.String, "", "what sent it, as the format names it: an APRS tocall, a bearer of Remote ID"),
        _c("snr_db", _F32, "dB", "signal to noise ratio at the receiver", -100, 200),
        _c("rssi_dbm", _F32, "dBm", "signal level at the receiver", -200, 50),
        _c("height_takeoff_m", _F32, "m", "height above the place of takeoff", -2_000, 40_000),
        _c("height_ground_m", _F32, "m", "height above the ground", -2_000, 40_000),
    ]
)

#: Every column that a link can fill.
ALL: Final[dict[str, Column]] = REPORTS | DETAIL | VESSELS | PLOTS | NETS

#: Who heard a transmission, each with its stamp and frame, in the order of time; null where nothing was merged.
HEARD: Final = Column(
    "heard",
    pl.List(
        pl.Struct(
            {name: REPORTS[name].dtype for name in ("receiver", "stamp", "time_ns", "rssi_dbfs", "segment", "offset")}
        )
    ),
    "",
    "the receivers of this transmission; time_ns is by the common timeline",
)

#: Reports after fusion: one row a report, sorted by object and time, with what fusion found out.
TRACKS: Final[dict[str, Column]] = {**REPORTS, "heard": HEARD} | dict(
    [
        _c("radius95_m", _F32, "m", "95 % radius of the position; null where nothing says", 0, 100_000),
        _c("radius_max_m", _F32, "m", "radius the position cannot be outside of; null if none", 0, 100_000),
        _c("radius_basis", pl.String, "", "what the radii rest on: nac_p, rc, assumed_mlat, assumed_by_user"),
        _c("leg", pl.UInt32, "", "number of the sortie this fix belongs to, from 0 for each object"),
    ]
)

#: The picture of a relay: one row an object, what was last said of it and what follows from all that was.
#: Values of ``ALL`` are those last reported (the position with its own time); ``radius95_m`` is of that position by
#: the filter, if the filter has one. ``status`` is ``ok`` where there is a position, else ``no_position``.
PICTURE: Final[dict[str, Column]] = {
    name: ALL[name]
    for name in (
        *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft"),
        *("alt_msl_ft", "on_ground", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm", "ias_kt", "tas_kt"),
        *("heading_deg", "callsign", "squawk", "category", "emergency", "registration", "type_code", "military"),
        *("nic", "rc_m", "nac_p", "nac_v", "sil", "adsb_version", "rssi_dbfs", "simulated", "offset", "vessel_name"),
        *("imo", "ship_type", "nav_status", "rot_degpmin", "draught_m", "destination", "to_bow_m", "to_stern_m"),
        *("to_port_m", "to_starboard_m", "kind", "stale_ns", "via", "uid", "cot_type", "private", "ais_type"),
    )
} | dict(
    [
        _c("slot", pl.UInt32, "", "number of the object in this picture; given again when it is dead"),
        _c("state", pl.Enum(STATES), "", "see STATES"),
        _c("seen_ns", pl.Int64, "ns", "UTC when anything was last heard of it", 0, 4.2e18),
        _c("input", pl.UInt16, "", "number of the input that the position came by"),
        _c("link", pl.String, "", "format that the position came in"),
        _c("also", pl.String, "", "other names that are taken for the same object, with blanks between"),
        _c("urgent", pl.Boolean, "", "it says that it is in an emergency"),
        _c("radius95_m", _F32, "m", "95 % radius of the position; null where nothing says", 0, 10_000_000),
        _c("height95_m", _F32, "m", "95 % error of the height; null where nothing says", 0, 100_000),
        _c("velocity_east_mps", _F32, "m/s", "by the filter"),
        _c("velocity_north_mps", _F32, "m/s", "by the filter"),
        _c("cov_east_m2", _F32, "m2", "variance of the position toward east, by the filter", 0, 1e15),
        _c("cov_east_north_m2", _F32, "m2", "covariance of the position"),
        _c("cov_north_m2", _F32, "m2", "variance toward north", 0, 1e15),
    ]
)


@cache
def _nulls(name: str, size: int) -> pl.Series:
    return pl.Series(name, [None], dtype=(ALL.get(name) or PICTURE[name]).dtype).new_from_index(0, size)


def unknown(name: str, size: int) -> pl.Series:
    """A column in which nothing is known. Most columns of most batches are such: they are parts of one that is kept.

    >>> unknown("gs_kt", 2).to_list()
    [None, None]
    """
    return _nulls(name, 1 << size.bit_length()).head(size)


def conform(table: pl.DataFrame, columns: dict[str, Column] = REPORTS) -> pl.DataFrame:
    """The table with exactly ``columns``, in their order and types; missing ones are null.

    Raises ``polars.exceptions.PolarsError`` where a column cannot be cast without loss, ``ValueError`` on a
    column that the schema does not know.
    """
    unknown = set(table.columns) - set(columns)
    if unknown:
        raise ValueError(f"columns not in the schema: {', '.join(sorted(unknown))}")
    if not table.columns:  # a selection of nulls alone would make a row of its own
        return pl.DataFrame(schema={c.name: c.dtype for c in columns.values()})
    given = table.schema  # a list of names is quicker to select than expressions of a cast that changes nothing
    return table.select(
        c.name
        if given.get(c.name) == c.dtype
        else (pl.col(c.name).cast(c.dtype) if c.name in given else pl.lit(None, c.dtype).alias(c.name))
        for c in columns.values()
    )


def violations(table: pl.DataFrame, columns: dict[str, Column] = REPORTS) -> list[str]:
    """What in ``table`` breaks the schema: unknown columns, wrong types, NaN, values out of range.

    An empty list means that it holds.
    """
    found = []
    for name in table.columns:
        column = columns.get(name)
        if column is None:
            found.append(f"{name}: not in the schema")
            continue
        series = table[name]
        if series.dtype != column.dtype:
            found.append(f"{name}: is {series.dtype}, should be {column.dtype}")
            continue
        if series.dtype.is_float() and series.is_nan().any():
            found.append(f"{name}: NaN stands for null")
        if column.low is not None and series.dtype.is_numeric():
            low, high = series.min(), series.max()
            if low is not None and (low < column.low or high > column.high):  # type: ignore[operator]
                found.append(f"{name}: {low!r} to {high!r} is outside {column.low} to {column.high}")
    return found
