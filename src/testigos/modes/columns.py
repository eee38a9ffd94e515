"""Columns as a kernel fills them: one two-dimensional array a type, one row of it a column.

A kernel gets ``Out`` and writes ``out.f32[GS_KT, i] = 412.0`` for message ``i``. Unknown is NaN in floats and
the highest number in unsigned integers; ``columns.blank`` sets all to unknown, so a kernel writes only what
the message says. Rows of ``u8`` hold Boolean columns too, as 0 and 1.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from testigos.schema import SOURCES, STATUSES

__all__ = ["F32", "F64", "U8", "U16", "U32", "U64", "Out", "allocate", "blank"]


class Out(NamedTuple):
    """Arrays of shape (columns of that type, capacity)."""

    f64: npt.NDArray[np.float64]
    f32: npt.NDArray[np.float32]
    u64: npt.NDArray[np.uint64]
    u32: npt.NDArray[np.uint32]
    u16: npt.NDArray[np.uint16]
    u8: npt.NDArray[np.uint8]


NONE8: Final = 0xFF
NONE16: Final = 0xFFFF
NONE32: Final = 0xFFFFFFFF
NONE64: Final = 0xFFFFFFFFFFFFFFFF

F64: Final = ("lat_deg", "lon_deg")
LAT_DEG, LON_DEG = range(2)

F32: Final = (
    *("alt_baro_ft", "alt_geom_ft", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm", "ias_kt", "tas_kt"),
    *("roll_deg", "heading_deg", "rc_m", "length_m", "width_m", "geom_minus_baro_ft", "heading_mag_deg"),
    *("selected_alt_mcp_ft", "selected_alt_fms_ft", "selected_heading_deg", "qnh_hpa", "mach", "track_rate_degps"),
    *("vrate_inertial_fpm", "wind_kt", "wind_from_deg", "temperature_c", "pressure_hpa", "humidity_percent"),
    "radio_height_ft",
)
(
    ALT_BARO_FT, ALT_GEOM_FT, GS_KT, TRACK_DEG, VRATE_FPM, VRATE_GEOM_FPM, IAS_KT, TAS_KT, ROLL_DEG,
    HEADING_DEG, RC_M, LENGTH_M, WIDTH_M, GEOM_MINUS_BARO_FT, HEADING_MAG_DEG, SELECTED_ALT_MCP_FT,
    SELECTED_ALT_FMS_FT, SELECTED_HEADING_DEG, QNH_HPA, MACH, TRACK_RATE_DEGPS, VRATE_INERTIAL_FPM, WIND_KT,
    WIND_FROM_DEG, TEMPERATURE_C, PRESSURE_HPA, HUMIDITY_PERCENT, RADIO_HEIGHT_FT,
) = range(28)  # fmt: skip

#: ``transmission`` hashes the payload; ``callsign`` is 8 characters of 6 bits, the first highest.
U64: Final = ("transmission", "callsign", "advisory")
TRANSMISSION, CALLSIGN, ADVISORY = range(3)

#: ``slot`` is the aircraft's place in the state, for whoever turns it into an object id.
U32: Final = ("address", "cpr_lat", "cpr_lon", "gicb", "slot")
ADDRESS, CPR_LAT, CPR_LON, GICB, SLOT = range(5)

#: ``squawk`` is the number that the four octal digits write.
U16: Final = ("squawk", "capability_class", "operational_mode")
SQUAWK, CAPABILITY_CLASS, OPERATIONAL_MODE = range(3)

#: ``status`` and ``source`` are places in ``schema.STATUSES`` and ``schema.SOURCES``, ``category`` is 8 * set
#: (A is 0) + number, ``emergency`` the code of the specification (0 none, 1 general, 2 lifeguard ...).
U8: Final = (
    *("status", "source", "on_ground", "category", "emergency", "nic", "nac_p", "nac_v", "sil", "adsb_version"),
    *("df", "repaired_bit", "tc", "subtype", "capability", "interrogator", "flight_status", "downlink_request"),
    *("utility_message", "reply_information", "sensitivity_level", "alert", "ident", "surveillance_status"),
    *("cpr_odd", "utc_synchronised", "nic_supplement_a", "nic_supplement_b", "nic_supplement_c", "nic_baro"),
    *("sil_supplement", "sda", "gva", "single_antenna", "intent_change", "autopilot", "vnav", "altitude_hold"),
    *("approach", "lnav", "target_alt_source", "tcas_operational", "tcas_ra", "met_source", "turbulence"),
    *("wind_shear", "microburst", "icing", "wake_vortex", "bds", "bds10_score", "bds17_score", "bds20_score"),
    *("bds30_score", "bds40_score", "bds44_score", "bds45_score", "bds50_score", "bds60_score"),
)
(
    STATUS, SOURCE, ON_GROUND, CATEGORY, EMERGENCY, NIC, NAC_P, NAC_V, SIL, ADSB_VERSION, DF, REPAIRED_BIT,
    TC, SUBTYPE, CAPABILITY, INTERROGATOR, FLIGHT_STATUS, DOWNLINK_REQUEST, UTILITY_MESSAGE,
    REPLY_INFORMATION, SENSITIVITY_LEVEL, ALERT, IDENT, SURVEILLANCE_STATUS, CPR_ODD, UTC_SYNCHRONISED,
    NIC_SUPPLEMENT_A, NIC_SUPPLEMENT_B, NIC_SUPPLEMENT_C, NIC_BARO, SIL_SUPPLEMENT, SDA, GVA, SINGLE_ANTENNA,
    INTENT_CHANGE, AUTOPILOT, VNAV, ALTITUDE_HOLD, APPROACH, LNAV, TARGET_ALT_SOURCE, TCAS_OPERATIONAL,
    TCAS_RA, MET_SOURCE, TURBULENCE, WIND_SHEAR, MICROBURST, ICING, WAKE_VORTEX, BDS, BDS10_SCORE,
    BDS17_SCORE, BDS20_SCORE, BDS30_SCORE, BDS40_SCORE, BDS44_SCORE, BDS45_SCORE, BDS50_SCORE, BDS60_SCORE,
) = range(59)  # fmt: skip

#: Numbers of statuses and sources, as kernels write them.
(OK, NO_POSITION, MALFORMED, OUT_OF_RANGE, UNREACHABLE, AMBIGUOUS, PARITY_FAILED, UNCONFIRMED) = (
    STATUSES.index(name)
    for name in (
        *("ok", "no_position", "malformed", "out_of_range", "unreachable", "ambiguous"),
        *("parity_failed", "unconfirmed"),
    )
)
(ADSB, ADSR, TISB, MLAT, MODE_S, MODE_AC, UNKNOWN) = (
    SOURCES.index(name) for name in ("adsb", "adsr", "tisb", "mlat", "mode_s", "mode_ac", "unknown")
)


def allocate(capacity: int) -> Out:
    """Room for ``capacity`` messages."""
    return Out(
        np.empty((len(F64), capacity), np.float64),
        np.empty((len(F32), capacity), np.float32),
        np.empty((len(U64), capacity), np.uint64),
        np.empty((len(U32), capacity), np.uint32),
        np.empty((len(U16), capacity), np.uint16),
        np.empty((len(U8), capacity), np.uint8),
    )


def blank(out: Out, count: int) -> None:
    """The first ``count`` messages say nothing yet."""
    out.f64[:, :count] = np.nan
    out.f32[:, :count] = np.nan
    out.u64[:, :count] = NONE64
    out.u32[:, :count] = NONE32
    out.u16[:, :count] = NONE16
    out.u8[:, :count] = NONE8
