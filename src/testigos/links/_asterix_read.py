"""ASTERIX records to numbers: how far a record reaches, and what its elements mean.

The profiles say where each element is (``_asterix_spec``); an element that is wanted goes into a slot. What the slots
of a record mean is said once for each category.
"""

from functools import cache
from typing import Final

import numpy as np

from testigos.kernels import kernel
from testigos.links._asterix_registers import REGISTERS, register
from testigos.links._asterix_spec import CATEGORIES, COMPOUND, EXPLICIT, FIXED, FX, REPEATED, Tables, tables
from testigos.schema import KINDS, SOURCES
from testigos.units import FT_M, KT_MPS

__all__ = ["CODES", "DOUBLES", "FLOATS", "NONE", "WIDE", "read", "reading", "record"]

#: Nothing is said, in slots and in ``WIDE``.
NONE: Final = -(1 << 62)

DOUBLES: Final = ("lat_deg", "lon_deg", "range_nmi", "azimuth_deg")
FLOATS: Final = (
    *("alt_baro_ft", "alt_geom_ft", "alt_msl_ft", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm", "ias_kt"),
    *("tas_kt", "roll_deg", "heading_deg", "rc_m", "heading_mag_deg", "selected_alt_mcp_ft", "selected_alt_fms_ft"),
    *("selected_heading_deg", "qnh_hpa", "mach", "track_rate_degps", "vrate_inertial_fpm", "wind_kt", "wind_from_deg"),
    *("temperature_c", "signal_dbm", "accuracy95_m", "height_accuracy95_m"),
)
#: Whole numbers, -1 where nothing is said.
CODES: Final = (
    *("source", "on_ground", "squawk", "category", "emergency", "nic", "nac_p", "nac_v", "sil", "adsb_version"),
    *("nic_baro", "sil_supplement", "sda", "gva", "simulated", "alert", "ident", "intent_change"),
    *("surveillance_status", "flight_status", "tcas_ra", "tcas_operational", "single_antenna", "autopilot", "vnav"),
    *("altitude_hold", "approach", "kind", "asterix_category", "sac", "sic", "track_number"),
)
#: Time of day in ns, who it is, call sign, registration, type, the bits of an advisory, and whether it is the last.
WIDE: Final = ("day_ns", "key", "callsign", "registration", "type_code", "advisory", "ended")

# ---- slots ----

_SLOTS: Final = (
    *("sac", "sic", "track", "tod", "tod_heard", "fsi", "fraction", "tod_velocity", "tod_velocity_heard", "tod_sent"),
    *("lat", "lon", "lat_fine", "lon_fine", "address", "atp", "sim", "tst", "sim_measured", "rab", "gbs", "sfc"),
    *("fl", "fl_v", "fl_g", "ctb", "ctb_qnh", "height", "height_msl", "gal", "gs", "gs_re", "ta", "vx", "vy"),
    *("bvr", "bvr_re", "gvr", "gvr_re", "rocd", "im", "ias", "iar", "mac", "tas", "tas_re", "mh", "tnh", "roll"),
    *("tar", "tar_ti", "ident", "ident_told", "sti", "cs", "tac", "mode3a", "mode3a_v", "mode3a_g", "ecat", "ps"),
    *("ems", "ss", "icf", "vn", "ltt", "nacv", "nic", "nicbaro", "sil", "nacp", "sils", "sda", "gva", "pic", "sas"),
    *("sal_source", "sal", "ws", "wd", "tmp", "ws_ok", "wd_ok", "tmp_ok", "amplitude", "amplitude_psr", "ra"),
    *("nottcas", "single", "ra_type", "ra_subtype", "advisory", "ara", "rac", "rat", "mte", "tti", "tid", "typ", "err"),
    *(
        "spi",
        "rho",
        "theta",
        "stat",
        "last",
        "coasting",
        "age_psr",
        "age_ssr",
        "age_mds",
        "age_ads",
        "age_es",
        "age_vdl",
    ),
    *("age_uat", "age_mlt", "apc_x", "apc_y", "cov", "aga", "vfi", "bps", "sh_hdr", "sh_stat", "sh", "ap", "vnav"),
    *("ah", "am", "mfm_ep", "mfm", "stp", "hts", "htt", "hrd", "gss", "hgt", "registers"),
)
(
    _SAC, _SIC, _TRACK, _TOD, _TOD_HEARD, _FSI, _FRACTION, _TOD_VELOCITY, _TOD_VELOCITY_HEARD, _TOD_SENT,
    _LAT, _LON, _LAT_FINE, _LON_FINE, _ADDRESS, _ATP, _SIM, _TST, _SIM_MEASURED, _RAB, _GBS, _SFC,
    _FL, _FL_V, _FL_G, _CTB, _CTB_QNH, _HEIGHT, _HEIGHT_MSL, _GAL, _GS, _GS_RE, _TA, _VX, _VY,
    _BVR, _BVR_RE, _GVR, _GVR_RE, _ROCD, _IM, _IAS, _IAR, _MAC, _TAS, _TAS_RE, _MH, _TNH, _ROLL,
    _TAR, _TAR_TI, _IDENT, _IDENT_TOLD, _STI, _CS, _TAC, _MODE3A, _MODE3A_V, _MODE3A_G, _ECAT, _PS,
    _EMS, _SS, _ICF, _VN, _LTT, _NACV, _NIC, _NICBARO, _SIL, _NACP, _SILS, _SDA, _GVA, _PIC, _SAS,
    _SAL_SOURCE, _SAL, _WS, _WD, _TMP, _WS_OK, _WD_OK, _TMP_OK, _AMPLITUDE, _AMPLITUDE_PSR, _RA, _NOTTCAS,
    _SINGLE, _RA_TYPE, _RA_SUBTYPE, _ADVISORY, _ARA, _RAC, _RAT, _MTE, _TTI, _TID, _TYP, _ERR, _SPI,
    _RHO, _THETA, _STAT, _LAST, _COASTING, _AGE_PSR, _AGE_SSR, _AGE_MDS, _AGE_ADS, _AGE_ES, _AGE_VDL,
    _AGE_UAT, _AGE_MLT, _APC_X, _APC_Y, _COV, _AGA, _VFI, _BPS, _SH_HDR, _SH_STAT, _SH, _AP, _VNAV,
    _AH, _AM, _MFM_EP, _MFM, _STP, _HTS, _HTT, _HRD, _GSS, _HGT, _REGISTERS,
) = range(len(_SLOTS))  # fmt: skip

#: Which element goes into which slot.
_WANTED: Final[dict[int, str]] = {
    21: """010/SAC=sac 010/SIC=sic 161/TRNUM=track 071/TOD=tod 073/TOD=tod_heard 074/FSI=fsi 074/TOMRP=fraction
        072/TOD=tod_velocity 075/TOD=tod_velocity_heard 077/TOD=tod_sent 130/LAT=lat 130/LON=lon 131/LAT=lat_fine
        131/LON=lon_fine 080/ADR=address 040/ATP=atp 040/SIM=sim 040/TST=tst 040/RAB=rab 040/GBS=gbs 145/FL=fl
        140/GH=height 160/RE=gs_re 160/GS=gs 160/TA=ta 155/RE=bvr_re 155/BVR=bvr 157/RE=gvr_re 157/GVR=gvr 150/IM=im
        150/AS=ias 151/RE=tas_re 151/TAS=tas 152/MH=mh 230/RA=roll 165/TAR=tar 170/TI=ident 070/MODE3A=mode3a
        020/ECAT=ecat 200/PS=ps 200/SS=ss 200/ICF=icf 210/VN=vn 210/LTT=ltt 090/NUCRNACV=nacv 090/NUCPNIC=nic
        090/NICBARO=nicbaro 090/SIL=sil 090/NACP=nacp 090/SILS=sils 090/SDA=sda 090/GVA=gva 090/PIC=pic 146/SAS=sas
        146/S=sal_source 146/ALT=sal 220/WS/WS=ws 220/WD/WD=wd 220/TMP/TMP=tmp 132/MAM=amplitude 008/RA=ra
        008/NOTTCAS=nottcas 008/SA=single 260/TYP=ra_type 260/STYP=ra_subtype 260/ARA=ara 260/RAC=rac 260/RAT=rat
        260/MTE=mte 260/TTI=tti 260/TID=tid 250=registers RE/BPS/BPS=bps RE/SH/HDR=sh_hdr RE/SH/STAT=sh_stat
        RE/SH/SH=sh RE/NAV/AP=ap RE/NAV/VN=vnav RE/NAV/AH=ah RE/NAV/AM=am RE/NAV/MFM_EP=mfm_ep RE/NAV/MFM=mfm
        RE/SGV/STP=stp RE/SGV/HTS=hts RE/SGV/HTT=htt RE/SGV/HRD=hrd RE/SGV/GSS=gss RE/SGV/HGT=hgt RE/TNH/TNH=tnh""",
    48: """010/SAC=sac 010/SIC=sic 161/TRN=track 140/TOD=tod 020/TYP=typ 020/SIM=sim 020/SPI=spi 020/RAB=rab
        020/TST=tst 020/ERR=err 040/RHO=rho 040/THETA=theta 070/V=mode3a_v 070/G=mode3a_g 070/MODE3A=mode3a 090/V=fl_v
        090/G=fl_g 090/FL=fl 130/SAM/SAM=amplitude 130/PAM/PAM=amplitude_psr 220/ADR=address 240/TI=ident 250=registers
        200/GSP=gs 200/HDG=ta 170/TRE=last 110/3DH=height_msl 230/STAT=stat 260/RA=advisory""",
    62: """010/SAC=sac 010/SIC=sic 040/TRK=track 070/TOD=tod 105/LAT=lat 105/LON=lon 185/VX=vx 185/VY=vy 060/V=mode3a_v
        060/G=mode3a_g 060/MODE3A=mode3a 245/STI=sti 245/CHR=ident_told 380/ADR/ADR=address 380/ID/ID=ident
        380/MHG/MHG=mh 380/IAS/IM=im 380/IAS/IAS=ias 380/TAS/TAS=tas 380/SAL/SAS=sas 380/SAL/SRC=sal_source
        380/SAL/ALT=sal 380/COM/STAT=stat 380/SAB/GBS=gbs 380/SAB/STAT=ps 380/ACS/RA=advisory 380/BVR/BVR=bvr
        380/GVR/GVR=gvr 380/RAN/RAN=roll 380/TAR/TI=tar_ti 380/TAR/ROT=tar 380/TAN/TAN=ta 380/GS/GS=gs
        380/MET/WS=ws_ok 380/MET/WD=wd_ok 380/MET/TMP=tmp_ok 380/MET/WSD=ws 380/MET/WDD=wd 380/MET/TMPD=tmp
        380/EMC/EMC=ecat 380/GAL/GAL=gal 380/MB=registers 380/IAR/IAR=iar 380/MAC/MAC=mac 380/BPS/BPS=bps 080/SPI=spi
        080/SIM=sim 080/TSE=last 080/CST=coasting 080/EMS=ems 080/SFC=sfc 290/PSR/PSR=age_psr 290/SSR/SSR=age_ssr
        290/MDS/MDS=age_mds 290/ADS/ADS=age_ads 290/ES/ES=age_es 290/VDL/VDL=age_vdl 290/UAT/UAT=age_uat
        290/MLT/MLT=age_mlt 136/MFL=fl 130/ALT=height 135/QNH=ctb_qnh 135/CTB=ctb 220/ROCD=rocd 390/CS/CS=cs
        390/TAC/TAC=tac 300/VFI=vfi 500/APC/X=apc_x 500/APC/Y=apc_y 500/COV/COV=cov 500/AGA/AGA=aga
        340/TYP/SIM=sim_measured 340/TYP/TST=tst 340/TYP/RAB=rab""",
}


@cache
def reading() -> Tables:
    """The profiles, with the slots of the elements that are read."""
    slot = {name: number for number, name in enumerate(_SLOTS)}
    wanted = {
        category: {path: slot[name] for path, _, name in (pair.partition("=") for pair in text.split())}
        for category, text in _WANTED.items()
    }
    return tables(wanted, len(_SLOTS))


# ---- how far a record reaches ----


@kernel
def _extent(data, at, limit, kind, size, later):  # type: ignore[no-untyped-def]
    """Where a format other than a compound ends; -1 where it cannot be, -2 where it goes past the limit."""
    if kind == FIXED:
        end = at + size
    elif kind == FX:
        end = at + size
        while end <= limit and data[end - 1] & 1:
            end += later
    elif at >= limit:
        return -2
    elif kind == REPEATED:
        end = at + 1 + np.int64(data[at]) * size
    else:
        end = at + np.int64(data[at])
        if end == at:
            return -1
    return end if end <= limit else -2


@kernel
def _take(data, at, end, first, count, elements, raw):  # type: ignore[no-untyped-def]
    """Elements of an item into their slots, those in parts that are there."""
    for e in range(first, first + count):
        bit, bits = elements[e, 0], elements[e, 1]
        low = at + (bit >> 3)
        high = at + ((bit + bits + 7) >> 3)
        if high > end:
            break
        value = np.int64(0)
        for k in range(low, high):
            value = value << 8 | np.int64(data[k])
        value = value >> (8 * (high - at) - bit - bits) & ((1 << bits) - 1)
        if elements[e, 2] and value >> (bits - 1):
            value -= 1 << bits
        raw[elements[e, 3]] = value


@kernel
def _compound(data, at, limit, node, nodes, elements, raw):  # type: ignore[no-untyped-def]
    """Where a compound ends, and its elements; -1 and -2 as above."""
    first, count = nodes[node, 3], nodes[node, 4]
    flags = at
    while True:
        if at >= limit:
            return -2
        at += 1
        if not data[at - 1] & 1:
            break
    ends = at
    for place in range(7 * (ends - flags)):
        if not np.int64(data[flags + place // 7]) >> (7 - place % 7) & 1:
            continue
        if place >= count:
            return -1
        sub = first + place
        end = _extent(data, at, limit, nodes[sub, 0], nodes[sub, 1], nodes[sub, 2])
        if end < 0:
            return end
        if len(raw):
            if nodes[sub, 6]:
                _take(data, at, end, nodes[sub, 5], nodes[sub, 6], elements, raw)
            if nodes[sub, 7] >= 0:
                raw[nodes[sub, 7]] = at
        at = end
    return at


@kernel
def record(data, at, limit, profile, uap, most, nodes, elements, raw):  # type: ignore[no-untyped-def]
    """Where a record of profile 0 to 2 ends; -1 where it is none, -2 where it goes past the limit.

    Its elements go into ``raw``, unless that is empty. A record without any item, with a FSPEC longer than its
    category has numbers, or with a number that has no item, is none.
    """
    flags = at
    while True:
        if at - flags == most[profile]:
            return -1
        if at >= limit:
            return -2
        at += 1
        if not data[at - 1] & 1:
            break
    ends = at
    for byte in range(ends - flags):
        bits = np.int64(data[flags + byte]) >> 1
        for place in range(7):
            if not bits >> (6 - place) & 1:
                continue
            node = uap[profile, 7 * byte + place]
            if node < 0:
                return -1
            kind = nodes[node, 0]
            if kind == COMPOUND:
                end = _compound(data, at, limit, node, nodes, elements, raw)
            else:
                end = _extent(data, at, limit, kind, nodes[node, 1], nodes[node, 2])
            if end < 0:
                return end
            if len(raw):
                if nodes[node, 6]:
                    _take(data, at, end, nodes[node, 5], nodes[node, 6], elements, raw)
                if nodes[node, 7] >= 0:
                    raw[nodes[node, 7]] = at
                if kind == EXPLICIT and nodes[node, 4] and end > at + 1:
                    # what another edition of the appendix has there is not understood, and no damage
                    _compound(data, at + 1, end, node, nodes, elements, raw)
            at = end
    return at if at > ends else -1


# ---- what the slots mean ----

(
    _ALT_BARO, _ALT_GEOM, _ALT_MSL, _GS_KT, _TRACK_DEG, _VRATE, _VRATE_GEOM, _IAS_KT, _TAS_KT, _ROLL_DEG, _HEADING,
    _RC, _HEADING_MAG, _MCP, _FMS, _SELECTED_HEADING, _QNH, _MACH, _TURN, _VRATE_INERTIAL, _WIND, _WIND_FROM,
    _TEMPERATURE, _SIGNAL, _ACCURACY, _HEIGHT_ACCURACY,
) = range(len(FLOATS))  # fmt: skip
(
    _C_SOURCE, _C_GROUND, _C_SQUAWK, _C_CATEGORY, _C_EMERGENCY, _C_NIC, _C_NACP, _C_NACV, _C_SIL, _C_VERSION,
    _C_NICBARO, _C_SILS, _C_SDA, _C_GVA, _C_SIMULATED, _C_ALERT, _C_IDENT, _C_INTENT, _C_SURVEILLANCE, _C_STATUS,
    _C_RA, _C_TCAS, _C_SINGLE, _C_AUTOPILOT, _C_VNAV, _C_HOLD, _C_APPROACH, _C_KIND, _C_ASTERIX, _C_SAC, _C_SIC,
    _C_TRACK,
) = range(len(CODES))  # fmt: skip
_DAY, _KEY, _CALLSIGN, _REGISTRATION, _TYPE, _ADVISORY_BITS, _ENDED = range(len(WIDE))

_ADSB, _ADSC, _MLAT, _UAT, _RADAR, _ESTIMATED, _UNKNOWN = (
    SOURCES.index(name) for name in ("adsb", "adsc", "mlat", "uat", "radar", "estimated", "unknown")
)
_AIRCRAFT, _VEHICLE, _DRONE, _FIXED, _PERSON = (
    KINDS.index(name) for name in ("aircraft", "vehicle", "drone", "fixed", "person")
)
#: Keys of objects: what stands before the lowest 32 bits.
ICAO, ANON, TRACK = 1 << 56, 2 << 56, 3 << 56

#: I021/020 and I062/380 EMC: the category that each code means, as 8 x letter + digit; 0 where it means none.
EMITTERS: Final = np.array(
    [0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 7, 9, 10, 14, 15, 12, 11, 0, 0, 0, 17, 18, 19, 20, 21], np.int64
)
_EMITTER_KINDS: Final = np.array(
    [
        *(-1, _AIRCRAFT, _AIRCRAFT, _AIRCRAFT, _AIRCRAFT, _AIRCRAFT, _AIRCRAFT, -1, -1, -1, _AIRCRAFT, _AIRCRAFT),
        *(_AIRCRAFT, _DRONE, _AIRCRAFT, _AIRCRAFT, _PERSON, -1, -1, -1, _VEHICLE, _VEHICLE, _FIXED, _FIXED, _FIXED),
    ],
    np.int64,
)
#: I021/090 PIC: the containment bound, metres; 7.5, 25 and 75 m as DO-260B has what the table rounds to NM.
PIC_M: Final = np.array(
    [np.nan, 37_040, 18_520, 14_816, 7_408, 3_704, 1_852, 1_111.2, 926, 555.6, 370.4, 185.2, 75, 25, 7.5, np.nan]
)
_TICK_NS: Final = 7_812_500  # 1/128 s
_DAY_TICKS: Final = 86_400 * 128
_DAY_NS: Final = 86_400 * 10**9
_S_NS: Final = 10**9
_SIGMAS95: Final = 2.448  # of a circular normal distribution, 95 % are within so many standard deviations
_SIGMAS95_LINE: Final = 1.960  # of a normal distribution on a line
_FROM_REGISTERS: Final = np.array([FLOATS.index(name) for name in REGISTERS], np.int64)


@kernel
def _number(raw, step, slot):  # type: ignore[no-untyped-def]
    return np.nan if raw[slot] == NONE else raw[slot] * step[slot]


@kernel
def _first(a, b):  # type: ignore[no-untyped-def]
    """The first of two that is known."""
    return b if a != a else a


@kernel
def _unless(value, flag):  # type: ignore[no-untyped-def]
    """The value, unless a flag is set."""
    return np.nan if flag == 1 else value


@kernel
def _letters(code):  # type: ignore[no-untyped-def]
    """Eight characters of IA-5 in six bits each, with blanks for what may not be; nothing where all are blank."""
    said = 0
    blank = True
    for k in range(42, -1, -6):
        letter = code >> k & 63
        if not (1 <= letter <= 26 or 48 <= letter <= 57):
            letter = 32
        else:
            blank = False
        said = said << 6 | letter
    return NONE if blank else said


@kernel
def _ascii(code, size):  # type: ignore[no-untyped-def]
    """Up to eight bytes of ASCII as ``_letters`` has them."""
    said = 0
    for k in range(8):
        byte = code >> (8 * (size - 1 - k)) & 0xFF if k < size else 32
        if 97 <= byte <= 122:
            byte -= 32
        said = said << 6 | (byte & 63 if 65 <= byte <= 90 or 48 <= byte <= 57 else 32)
    return _letters(said)


@kernel
def _time_21(raw):  # type: ignore[no-untyped-def]
    """Time of day, ns: of applicability, else of reception of the position, else of the velocity, else of sending."""
    if raw[_TOD] != NONE:
        return raw[_TOD] * _TICK_NS
    if raw[_TOD_HEARD] != NONE:
        if raw[_FRACTION] == NONE or raw[_FSI] == 3 or raw[_TOD_HEARD] >= _DAY_TICKS:
            return raw[_TOD_HEARD] * _TICK_NS
        whole = (raw[_TOD_HEARD] >> 7) + (1 if raw[_FSI] == 1 else -1 if raw[_FSI] == 2 else 0)
        return (whole * _S_NS + (raw[_FRACTION] * _S_NS + (1 << 29) >> 30)) % _DAY_NS
    if raw[_LAT] == NONE and raw[_LAT_FINE] == NONE:
        if raw[_TOD_VELOCITY] != NONE:
            return raw[_TOD_VELOCITY] * _TICK_NS
        if raw[_TOD_VELOCITY_HEARD] != NONE:
            return raw[_TOD_VELOCITY_HEARD] * _TICK_NS
    return NONE if raw[_TOD_SENT] == NONE else raw[_TOD_SENT] * _TICK_NS


@kernel
def _common(raw, step, f, c, w):  # type: ignore[no-untyped-def]
    """What the categories say alike."""
    for code, slot in ((_C_SAC, _SAC), (_C_SIC, _SIC), (_C_TRACK, _TRACK)):
        if raw[slot] != NONE:
            c[code] = raw[slot]
    if raw[_ADDRESS] != NONE and raw[_ADDRESS] != 0:
        own = raw[_ATP] == NONE or raw[_ATP] < 2
        w[_KEY] = (ICAO if own else ANON) | raw[_ADDRESS]
    elif raw[_TRACK] != NONE and raw[_SAC] != NONE:
        w[_KEY] = TRACK | raw[_SAC] << 24 | raw[_SIC] << 16 | raw[_TRACK]
    if raw[_IDENT] != NONE:
        w[_CALLSIGN] = _letters(raw[_IDENT])
    if raw[_MODE3A] != NONE and raw[_MODE3A_V] != 1 and raw[_MODE3A_G] != 1:
        c[_C_SQUAWK] = raw[_MODE3A]
    if raw[_FL_V] != 1 and raw[_FL_G] != 1:
        f[_ALT_BARO] = _number(raw, step, _FL) * 100.0
    if raw[_SIM] == 1 or raw[_TST] == 1 or raw[_SIM_MEASURED] == 1:
        c[_C_SIMULATED] = 1
    f[_GS_KT] = _unless(_number(raw, step, _GS), raw[_GS_RE]) * 3600.0
    f[_TRACK_DEG] = _number(raw, step, _TA)
    f[_VRATE] = _unless(_number(raw, step, _BVR), raw[_BVR_RE])
    f[_VRATE_GEOM] = _unless(_number(raw, step, _GVR), raw[_GVR_RE])
    f[_TAS_KT] = _unless(_number(raw, step, _TAS), raw[_TAS_RE])
    if raw[_IM] == 1:
        f[_MACH] = raw[_IAS] * 0.001  # the lowest bit, where IM is set
    elif raw[_IM] == 0:
        f[_IAS_KT] = _number(raw, step, _IAS) * 3600.0
    f[_HEADING_MAG] = _number(raw, step, _MH)
    f[_ROLL_DEG] = _number(raw, step, _ROLL)
    if raw[_SAS] == 1 and raw[_SAL_SOURCE] >= 2:
        f[_MCP if raw[_SAL_SOURCE] == 2 else _FMS] = _number(raw, step, _SAL)
    if 0 < raw[_BPS] < 4095:  # the ends say that it is beyond them
        f[_QNH] = 800.0 + _number(raw, step, _BPS)
    if 0 <= raw[_ECAT] < len(EMITTERS):
        if EMITTERS[raw[_ECAT]]:
            c[_C_CATEGORY] = EMITTERS[raw[_ECAT]]
        c[_C_KIND] = _EMITTER_KINDS[raw[_ECAT]]
    if raw[_RAB] == 1:
        c[_C_KIND] = _FIXED
    if raw[_PS] >= 0:
        if 0 < raw[_PS] < 7:
            c[_C_EMERGENCY] = raw[_PS]
    elif 0 < raw[_EMS] < 7:
        c[_C_EMERGENCY] = raw[_EMS]
    if 0 <= raw[_STAT] < 6:
        c[_C_STATUS] = raw[_STAT]
        c[_C_ALERT] = 1 if 2 <= raw[_STAT] <= 4 else 0
        c[_C_IDENT] = 1 if raw[_STAT] >= 4 else 0
        if raw[_STAT] < 4:
            c[_C_GROUND] = raw[_STAT] & 1
    if raw[_SPI] == 1:
        c[_C_IDENT] = 1
    if raw[_LAST] == 1:
        w[_ENDED] = 1
    if raw[_ADVISORY] != NONE:
        w[_ADVISORY_BITS] = raw[_ADVISORY]
    f[_SIGNAL] = _first(_number(raw, step, _AMPLITUDE), _number(raw, step, _AMPLITUDE_PSR))


@kernel
def _say_21(raw, step, d, f, c, w):  # type: ignore[no-untyped-def]
    w[_DAY] = _time_21(raw)
    d[0] = _first(_number(raw, step, _LAT_FINE), _number(raw, step, _LAT))
    d[1] = _first(_number(raw, step, _LON_FINE), _number(raw, step, _LON))
    c[_C_SOURCE] = _UAT if raw[_LTT] == 1 else _ADSB
    if raw[_HEIGHT] != 0x7FFF:  # "greater than"
        f[_ALT_GEOM] = _number(raw, step, _HEIGHT)
    if raw[_GBS] >= 0:
        c[_C_GROUND] = raw[_GBS]
    if raw[_ATP] == 2 and c[_C_KIND] < 0:
        c[_C_KIND] = _VEHICLE
    f[_TURN] = _number(raw, step, _TAR)
    f[_WIND], f[_WIND_FROM] = _number(raw, step, _WS), _number(raw, step, _WD)
    f[_TEMPERATURE] = _number(raw, step, _TMP)
    if raw[_VN] >= 0:
        if raw[_VN] <= 3:
            c[_C_VERSION] = raw[_VN]
        if raw[_VN] > 0 and raw[_NIC] != NONE:  # in version 0 they are NUC, which are something else
            c[_C_NIC], c[_C_NACV] = raw[_NIC], raw[_NACV]
            if raw[_NACP] != NONE:
                c[_C_NACP], c[_C_SIL], c[_C_NICBARO] = raw[_NACP], raw[_SIL], raw[_NICBARO]
            if raw[_SDA] != NONE and raw[_VN] > 1:
                c[_C_SILS], c[_C_SDA], c[_C_GVA] = raw[_SILS], raw[_SDA], raw[_GVA]
    if raw[_PIC] >= 0:
        f[_RC] = PIC_M[raw[_PIC]]
    if raw[_SS] >= 0:
        c[_C_SURVEILLANCE], c[_C_INTENT] = raw[_SS], raw[_ICF]
        c[_C_ALERT] = 1 if 1 <= raw[_SS] <= 2 else 0
        c[_C_IDENT] = 1 if raw[_SS] == 3 else 0
    if raw[_RA] >= 0:
        c[_C_RA], c[_C_TCAS], c[_C_SINGLE] = raw[_RA], 1 - raw[_NOTTCAS], raw[_SINGLE]
    if raw[_TID] != NONE:
        head = (raw[_RA_TYPE] << 3 | raw[_RA_SUBTYPE]) << 14 | raw[_ARA]
        ends = raw[_RAT] << 3 | raw[_MTE] << 2 | raw[_TTI]
        w[_ADVISORY_BITS] = ((head << 4 | raw[_RAC]) << 4 | ends) << 26 | raw[_TID]
    # Appendix A
    f[_HEADING] = _number(raw, step, _TNH)
    if raw[_SH_STAT] == 1:
        f[_SELECTED_HEADING] = _number(raw, step, _SH)
    if raw[_AP] >= 0 and not (raw[_MFM_EP] == 1 and raw[_MFM] == 0):
        c[_C_AUTOPILOT], c[_C_VNAV], c[_C_HOLD], c[_C_APPROACH] = raw[_AP], raw[_VNAV], raw[_AH], raw[_AM]
    f[_GS_KT] = _first(f[_GS_KT], _number(raw, step, _GSS))
    if raw[_HTS] == 1 and raw[_HGT] != NONE:
        angle = _number(raw, step, _HGT)
        if raw[_HTT] == 0 and raw[_HRD] == 1:
            f[_HEADING_MAG] = _first(f[_HEADING_MAG], angle)
        elif raw[_HTT] == 0:
            f[_HEADING] = _first(f[_HEADING], angle)
        elif raw[_HRD] == 0:
            f[_TRACK_DEG] = _first(f[_TRACK_DEG], angle)


@kernel
def _say_48(raw, step, d, f, c, w):  # type: ignore[no-untyped-def]
    if raw[_TOD] != NONE:
        w[_DAY] = raw[_TOD] * _TICK_NS
    c[_C_SOURCE] = _ESTIMATED if raw[_TYP] == 0 else _RADAR
    if raw[_SPI] == 0 and c[_C_IDENT] < 0:
        c[_C_IDENT] = 0
    if raw[_ERR] != 1:  # else it is farther than the item can say
        d[2] = _number(raw, step, _RHO)
    d[3] = _number(raw, step, _THETA)
    f[_ALT_MSL] = _number(raw, step, _HEIGHT_MSL)


@kernel
def _source_62(raw):  # type: ignore[no-untyped-def]
    """The sensor whose update is the youngest; of two, the finer one."""
    if raw[_COASTING] == 1:
        return _ESTIMATED
    best, source = 1 << 40, _UNKNOWN
    for slot, name in ((_AGE_ES, _ADSB), (_AGE_VDL, _ADSB), (_AGE_UAT, _UAT), (_AGE_MLT, _MLAT), (_AGE_ADS, _ADSC),
                       (_AGE_MDS, _RADAR), (_AGE_SSR, _RADAR), (_AGE_PSR, _RADAR)):  # fmt: skip
        if raw[slot] != NONE and raw[slot] < best:
            best, source = raw[slot], name
    return source


@kernel
def _say_62(raw, step, d, f, c, w):  # type: ignore[no-untyped-def]
    if raw[_TOD] != NONE:
        w[_DAY] = raw[_TOD] * _TICK_NS
    d[0], d[1] = _number(raw, step, _LAT), _number(raw, step, _LON)
    c[_C_SOURCE] = _source_62(raw)
    if raw[_VX] != NONE:
        east, north = _number(raw, step, _VX), _number(raw, step, _VY)
        f[_GS_KT] = np.hypot(east, north) / KT_MPS
        if raw[_VX] != 0 or raw[_VY] != 0:
            f[_TRACK_DEG] = np.degrees(np.arctan2(east, north)) % 360.0
    f[_ALT_GEOM] = _first(_number(raw, step, _HEIGHT), _number(raw, step, _GAL))
    if raw[_CTB_QNH] == 1:
        f[_ALT_MSL] = _number(raw, step, _CTB) * 100.0
    elif f[_ALT_BARO] != f[_ALT_BARO]:
        f[_ALT_BARO] = _number(raw, step, _CTB) * 100.0
    f[_VRATE] = _first(_number(raw, step, _ROCD), f[_VRATE])
    f[_IAS_KT] = _first(_number(raw, step, _IAR), f[_IAS_KT])
    f[_MACH] = _first(_number(raw, step, _MAC), f[_MACH])
    if raw[_TAR_TI] > 0:
        f[_TURN] = _number(raw, step, _TAR)
    if raw[_WS_OK] == 1:
        f[_WIND] = _number(raw, step, _WS)
    if raw[_WD_OK] == 1:
        f[_WIND_FROM] = _number(raw, step, _WD)
    if raw[_TMP_OK] == 1:
        f[_TEMPERATURE] = _number(raw, step, _TMP)
    if raw[_IDENT_TOLD] != NONE and raw[_STI] == 2:
        w[_REGISTRATION] = _letters(raw[_IDENT_TOLD])
    elif raw[_IDENT_TOLD] != NONE and raw[_STI] < 2 and w[_CALLSIGN] == NONE:
        w[_CALLSIGN] = _letters(raw[_IDENT_TOLD])
    if raw[_CS] != NONE and w[_CALLSIGN] == NONE:
        w[_CALLSIGN] = _ascii(raw[_CS], 7)
    if raw[_TAC] != NONE:
        w[_TYPE] = _ascii(raw[_TAC], 4)
    if raw[_GBS] == 1 or raw[_SFC] == 1:
        c[_C_GROUND] = 1
    if raw[_VFI] >= 0:
        c[_C_KIND] = _VEHICLE
    if 0 <= raw[_APC_X] < 0xFFFF and 0 <= raw[_APC_Y] < 0xFFFF:  # the highest: that, or more
        x, y = _number(raw, step, _APC_X), _number(raw, step, _APC_Y)
        cov = 0.0 if raw[_COV] == NONE else _number(raw, step, _COV) * abs(_number(raw, step, _COV))
        half = (x * x - y * y) / 2.0
        f[_ACCURACY] = _SIGMAS95 * np.sqrt((x * x + y * y) / 2.0 + np.hypot(half, cov))
    if 0 <= raw[_AGA] < 0xFF:
        f[_HEIGHT_ACCURACY] = _SIGMAS95_LINE * _number(raw, step, _AGA) * FT_M


@kernel
def read(  # type: ignore[no-untyped-def]
    data, start, stop, kind, uap, most, nodes, elements, steps, doubles, floats, codes, wide, damaged, odd, raw, said
):  # fmt: skip
    """Frames into rows of ``DOUBLES``, ``FLOATS``, ``CODES`` and ``WIDE``.

    ``kind`` is the profile of each, or a category that is not read plus 256; -1 is outside every block. ``damaged``:
    it is no record; ``odd``: a time of day that no day has. ``raw`` and ``said`` are room to work in.
    """
    for i in range(len(start)):
        d, f, c, w = doubles[i], floats[i], codes[i], wide[i]
        d[:] = np.nan
        f[:] = np.nan
        c[:] = -1
        w[:] = NONE
        if kind[i] >= 256:
            c[_C_ASTERIX], c[_C_SOURCE] = kind[i] - 256, _UNKNOWN
            continue
        raw[:] = NONE
        profile = kind[i]
        if profile < 0 or record(data, start[i], stop[i], profile, uap, most, nodes, elements, raw) != stop[i]:
            damaged[i] = True
            continue
        step = steps[profile]
        c[_C_ASTERIX] = CATEGORIES[profile]
        _common(raw, step, f, c, w)
        if profile == 0:
            _say_21(raw, step, d, f, c, w)
        elif profile == 1:
            _say_48(raw, step, d, f, c, w)
        else:
            _say_62(raw, step, d, f, c, w)
        if w[_DAY] != NONE and not 0 <= w[_DAY] < _DAY_NS:
            w[_DAY] = NONE
            odd[i] = True
        if raw[_REGISTERS] != NONE:
            said[:] = np.nan
            at = raw[_REGISTERS]
            for k in range(np.int64(data[at])):
                register(data, at + 1 + 8 * k, said)
            for k in range(len(said)):
                f[_FROM_REGISTERS[k]] = _first(f[_FROM_REGISTERS[k]], said[k])
