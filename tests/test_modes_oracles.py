"""Every field of surveillance replies and extended squitters beside rs1090 and pyModeS, message by message.

Two independent decoders read the same messages: a real flight, and generated ones of all formats, types, subtypes
and versions. A value of ours that differs from one of theirs must be named in ``REASONS``, and each reason has a
message of its own in ``VECTORS`` with what each of the three makes of it. Comm-B and positions have their own files.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest

from squitters import airborne, bits, frame, squitter, status, surface, target, text48, velocity
from testigos.modes import columns as c
from testigos.modes.decode import Settings, State, decode

rs1090 = pytest.importorskip("rs1090", reason="rs1090 is not installed")
pyModeS = pytest.importorskip("pyModeS", reason="pyModeS is not installed")

READ = {"rs1090": "0.7.0", "pyModeS": "3.6.1"}  #: the versions that the reasons speak of
pytestmark = pytest.mark.skipif(
    any(version(name) != known for name, known in READ.items()), reason=f"the reasons are for {READ}"
)

Said = dict[str, Any]  #: what a decoder says; a missing key: it does not speak of that field; None: unknown


# What each decoder says, in the same words


def _text(name: str | None) -> str | None:
    return name.strip() or None if name is not None else None


def by_rs1090(known: Said) -> Said:
    """Blanks are left out of its call signs, and keys are left out where a value is unknown."""
    df = int(known["df"]) if known["df"].isdigit() else 19
    said: Said = {}
    if df in (0, 4, 16, 20):
        said["altitude"] = known["altitude"]
    if df in (5, 21):
        said["squawk"] = known["squawk"]
    if df == 16:
        said |= {"on_ground": known["vs"], "sl": known["sl"], "ri": known["ri"]}
    if df == 11:
        names = {"level1": 0, "ground": 4, "airborne": 5, "ground_airborne": 6, "AG_DR0": 7}
        said |= {"capability": names[known["capability"]]} if known["capability"] in names else {}
    register = known.get("bds") if df in (17, 18) else None
    if register == "05":
        said["height" if known["tc"] >= 20 else "altitude"] = known["altitude"]
        said |= {"utc": known["time_sync"]} | _rs1090_cpr(known)
        if known["tc"] < 20:
            said["bit_8"] = known["NICb"]
    elif register == "06":
        said |= {"gs": known["groundspeed"], "track": known["track"]} | _rs1090_cpr(known)
    elif register == "08":
        said["callsign"] = (known["callsign"] or "").replace(" ", "") or None
    elif register == "09":
        said |= {"nac_v": known["NACv"], "rate": known.get("vertical_rate")}
        said["height_difference"] = known["geo_minus_baro"]
        said["rate_source"] = None if said["rate"] is None else known["vrate_src"].lower()[0]
        said |= {"gs": known.get("groundspeed"), "track": known.get("track"), "heading": known.get("heading")}
        said |= {"ias": known.get("IAS"), "tas": known.get("TAS")}
    elif register == "61":
        names = ["none", "general", "medical", "minimum_fuel", "no_communication", "unlawful_interference"]
        names += ["downed_aircraft", "reserved"]
        said |= {"emergency": names.index(known["emergency_state"]), "squawk": known["squawk"]}
    elif register == "62":
        said |= {"selected": known.get("selected_altitude"), "qnh": known.get("barometric_setting")}
        said["selected_by"] = None if said["selected"] is None else known["source"][0]
        said |= {"selected_heading": known.get("selected_heading"), "nac_p": known["NACp"]}
        said |= {"nic_baro": known["nic_baro"], "tcas": known["tcas_operational"]}
        for name, key in (
            ("autopilot", "autopilot"), ("vnav", "vnav_mode"), ("hold", "alt_hold"), ("approach", "approach_mode"),
            ("lnav", "lnav_mode"),
        ):  # fmt: skip
            said[name] = known.get(key)
    elif register == "65" and "version" in known:
        said["version"] = known["version"]
        if known["version"] in (1, 2):
            said |= {"nic_a": known.get("NICa", known.get("NICs")), "nac_p": known["NACp"], "sil": known["SIL"]}
            if known["version"] == 2:
                said["sil_supplement"] = known["SILs"]
            if "BAI" in known:
                said["nic_baro"] = known["BAI"]
            if "GVA" in known:
                said["gva"] = known["GVA"]
    return said


def _rs1090_cpr(known: Said) -> Said:
    return {"odd": known["parity"] == "odd", "lat": known["lat_cpr"], "lon": known["lon_cpr"]}


def by_pymodes(known: Said) -> Said:
    """Speeds over ground are whole knots, cut off."""
    df = known["df"]
    said: Said = {}
    for name, key in (
        ("altitude", "altitude"), ("squawk", "squawk"), ("status", "flight_status"), ("dr", "downlink_request"),
        ("um", "utility_message"), ("sl", "sensitivity_level"), ("ri", "reply_information"),
        ("capability", "capability"),
    ):  # fmt: skip
        if df < 17 or df in (20, 21):
            said |= {name: known[key]} if key in known else {}
    if "vertical_status" in known:
        said["on_ground"] = known["vertical_status"] == "on-ground"
    register = known.get("bds") if df in (17, 18) else None
    if register == "0,5":
        said["height" if known["typecode"] >= 20 else "altitude"] = known["altitude"]
        said |= {"alert_status": known["surveillance_status"]} | _pymodes_cpr(known)
        if known["typecode"] < 20:
            said["bit_8"] = known["nic_b"]
    elif register == "0,6":
        said |= {"gs": known["groundspeed"], "track": known["track"]} | _pymodes_cpr(known)
    elif register == "0,8":
        said |= {"callsign": (known["callsign"] or "").replace(" ", "") or None, "number": known["category"]}
    elif register == "0,9":
        said |= {"nac_v": known["nac_v"], "rate": known["vertical_rate"], "height_difference": known["geo_minus_baro"]}
        said["rate_source"] = None if said["rate"] is None else known["vr_source"].lower()[0]
        said |= {"gs_cut": known.get("groundspeed"), "track": known.get("track"), "heading": known.get("heading")}
        for name in ("ias", "tas"):
            said[name] = known.get("airspeed") if known.get("airspeed_type") == name.upper() else None
    elif register == "6,1":
        if known["subtype"] == 1:
            said |= {"emergency": known["emergency_state"], "squawk": known["squawk"]}
        if known["subtype"] == 2:
            said["ra"] = (known["issued_ra"] or known["multiple_threat"]) and not known["ra_terminated"]
    elif register == "6,2":
        said |= {"selected": known["selected_altitude"], "qnh": known["baro_pressure_setting"]}
        said["selected_by"] = None if said["selected"] is None else known["selected_altitude_source"][0]
        said |= {"selected_heading": known["selected_heading"], "nac_p": known["nac_p"], "sil": known["sil"]}
        said |= {"nic_baro": known["nic_baro"], "tcas": known["tcas_operational"], "autopilot": known["autopilot"]}
        said |= {"vnav": known["vnav_mode"], "hold": known["altitude_hold_mode"], "approach": known["approach_mode"]}
        said["lnav"] = known["lnav_mode"]
    elif register == "6,5":
        said |= {"version": known["version"], "nic_a": known["nic_supplement_a"], "nac_p": known["nac_p"]}
        said |= {"sil": known["sil"], "cc": known["capability_class"], "om": known["operational_mode"]}
        said |= {"nic_baro": known["nic_baro"]} if "nic_baro" in known else {}
        said |= {"sil_supplement": known["sil_supplement"]} if "sil_supplement" in known else {}
    return said


def _pymodes_cpr(known: Said) -> Said:
    return {"odd": known["cpr_format"], "lat": known["cpr_lat"], "lon": known["cpr_lon"]}


def by_us(known: Said) -> Said:
    """Our columns in those words; a key for each field that any of the three could speak of."""
    rate, other = known.get("vrate_fpm"), known.get("vrate_geom_fpm")
    mcp, fms = known.get("selected_alt_mcp_ft"), known.get("selected_alt_fms_ft")
    said = {
        "altitude": known.get("alt_baro_ft"), "height": known.get("alt_geom_ft"), "on_ground": known.get("on_ground"),
        "status": known.get("flight_status"), "dr": known.get("downlink_request"), "um": known.get("utility_message"),
        "sl": known.get("sensitivity_level"), "ri": known.get("reply_information"),
        "capability": known.get("capability"), "utc": known.get("utc_synchronised"), "odd": known.get("cpr_odd"),
        "lat": known.get("cpr_lat"), "lon": known.get("cpr_lon"), "alert_status": known.get("surveillance_status"),
        "bit_8": known.get("nic_supplement_b", known.get("single_antenna")), "gs": known.get("gs_kt"),
        "track": known.get("track_deg"), "callsign": None, "number": known.get("category"), "squawk": None,
        "nac_v": known.get("nac_v"), "rate": other if rate is None else rate,
        "rate_source": "b" if rate is not None else "g" if other is not None else None,
        "height_difference": known.get("geom_minus_baro_ft"), "gs_cut": known.get("gs_kt"),
        "heading": known.get("heading_deg", known.get("heading_mag_deg")), "ias": known.get("ias_kt"),
        "tas": known.get("tas_kt"), "emergency": known.get("emergency"), "selected": fms if mcp is None else mcp,
        "selected_by": "M" if mcp is not None else "F" if fms is not None else None, "qnh": known.get("qnh_hpa"),
        "selected_heading": known.get("selected_heading_deg"), "nac_p": known.get("nac_p"), "sil": known.get("sil"),
        "nic_baro": known.get("nic_baro"), "tcas": known.get("tcas_operational"), "autopilot": known.get("autopilot"),
        "vnav": known.get("vnav"), "hold": known.get("altitude_hold"), "approach": known.get("approach"),
        "lnav": known.get("lnav"), "version": known.get("adsb_version"), "nic_a": known.get("nic_supplement_a"),
        "gva": known.get("gva"), "cc": known.get("capability_class"), "om": known.get("operational_mode"),
        "sil_supplement": known.get("sil_supplement"), "ra": known.get("tcas_ra"),
    }  # fmt: skip
    if "callsign" in known:
        said["callsign"] = text48(known["callsign"]).replace(" ", "")
    if "squawk" in known:
        said["squawk"] = f"{known['squawk']:04o}"
    if said["number"] is not None:
        said["number"] %= 8
    return said


def same(field: str, ours: Any, theirs: Any) -> bool:
    """Equal as far as the types allow: ours are 32-bit floats."""
    if ours is None or theirs is None:
        return ours is theirs
    if field == "gs_cut":
        return bool(theirs - 1e-3 <= ours < theirs + 1 + 1e-3)
    if isinstance(ours, float):
        return math.isclose(ours, theirs, rel_tol=1e-6, abs_tol=2e-5)
    return bool(ours == theirs)


# Where they differ, and why


@dataclass(frozen=True)
class Message:
    """One message, and what had been heard of the aircraft's version before."""

    raw: bytes
    version: int | None = None

    @property
    def df(self) -> int:
        return self.raw[0] >> 3

    @property
    def code(self) -> int:
        return self.raw[0] & 7

    @property
    def tc(self) -> int:
        return self.raw[4] >> 3 if self.df in (17, 18) else -1

    def me(self, first: int, last: int) -> int:
        return int.from_bytes(self.raw[4:11]) >> (56 - last) & (1 << last - first + 1) - 1


@dataclass(frozen=True)
class Reason:
    """Why ``who`` says another thing of ``fields`` than we do, of messages for which ``when`` holds."""

    name: str
    who: str
    fields: str
    when: Callable[[Message], bool]
    why: str


BOTH = "rs1090 pyModeS"


def _target(m: Message) -> bool:
    return m.tc == 29 and m.me(6, 7) == 1


def _velocity(m: Message) -> bool:
    return m.tc == 19 and 1 <= m.me(6, 8) <= 4


def _rebroadcast(m: Message) -> bool:
    return m.df == 18 and m.code in (2, 5, 6)


def _altitude_code(m: Message) -> int:
    if m.df in (0, 4, 16, 20):
        return int.from_bytes(m.raw[2:4]) & 0x1FFF
    return m.me(9, 14) << 7 | m.me(15, 20) if 9 <= m.tc <= 22 else 0


REASONS = [
    # one of them
    Reason(
        "metres", "rs1090", "altitude", lambda m: bool(_altitude_code(m) & 0x40),
        "the encoding in metres is reserved (Annex 10 volume IV 3.1.2.6.5.4); it takes 12 bits for metres",
    ),
    Reason(
        "hundreds_below_zero", "rs1090", "altitude height", lambda m: not _altitude_code(m) & 0x50,
        "codes of hundreds of feet begin below zero (Annex 10 volume IV, appendix 1); it has none there",
    ),
    Reason(
        "rate_source", "rs1090", "rate_source", _velocity,
        "bit 36 is 0 for geometric and 1 for barometric (Doc 9871 table A-2-9a); it has them the other way round",
    ),
    Reason(
        "supersonic", "rs1090", "gs", lambda m: m.tc == 19 and m.me(6, 8) == 2,
        "steps of a supersonic velocity are 4 kt (Doc 9871 table A-2-9a); it takes 1 kt",
    ),
    Reason(
        "half_a_velocity", "rs1090", "gs track", lambda m: _velocity(m) and 0 in (m.me(15, 24), m.me(26, 35)),
        "a component of code 0 is not available (Doc 9871 table A-2-9a); it computes with -1 kt",
    ),
    Reason(
        "no_difference", "rs1090", "height_difference", lambda m: _velocity(m) and m.me(50, 56) == 1,
        "code 1 is a difference of 0 ft (Doc 9871 table A-2-9a); it has none",
    ),
    Reason(
        "largest_difference", "pyModeS", "height_difference", lambda m: _velocity(m) and m.me(50, 56) == 127,
        "code 127 is 3,137.5 ft or more (Doc 9871 table A-2-9a); it has none",
    ),
    Reason(
        "half_steps", BOTH, "height_difference", lambda m: _velocity(m) and m.version == 3 and m.me(9, 9) == 1,
        "bit 9 is half a step more in version 3 (ED-102B 2.2.3.2.6.1); they know versions to 2",
    ),
    Reason(
        "gnss_height", "pyModeS", "height", lambda m: 20 <= m.tc <= 22,
        "heights are coded as pressure altitudes are (DO-260B 2.2.3.2.3.4); it takes the 12 bits for metres",
    ),
    Reason(
        "rounded_target", "rs1090", "selected selected_by", _target,
        "the step is 32 ft, code 1 is 0 ft (DO-260B 2.2.3.2.7.1.3.3); it rounds to 100 ft and has none for code 1",
    ),
    Reason(
        "not_an_emergency", "rs1090", "emergency squawk", lambda m: m.tc == 28 and m.me(6, 8) != 1,
        "only subtype 1 has the emergency state (Doc 9871 table C-2-97); it reads these bits of all subtypes",
    ),
    Reason(
        "version_0_status", "pyModeS", "nic_a nac_p sil", lambda m: m.tc == 31 and m.me(41, 43) == 0,
        "version 0 does not define bits 44 to 56 (Doc 9871 table A-2-101); it reads them as version 2",
    ),
    Reason(
        "version_3_status", "pyModeS", "nic_baro", lambda m: m.tc == 31 and m.me(41, 43) == 3,
        "the bit is reserved in version 3 (ED-102B 2.2.3.2.7.2)",
    ),
    Reason(
        "version_3_target", BOTH, "nic_baro", lambda m: _target(m) and m.version == 3,
        "bit 44 is not defined in version 3 (ED-102B 2.2.3.2.7.1)",
    ),
    Reason(
        "reserved_status", "pyModeS", "version nic_a nac_p sil cc om nic_baro sil_supplement",
        lambda m: m.tc == 31 and m.me(6, 8) > 1,
        "subtypes 2 to 7 are reserved (Doc 9871 table C-2-101); it reads them as subtype 0",
    ),
    # both of them
    Reason(
        "version_to_come", BOTH, "version nic_a nac_p sil cc om nic_baro", lambda m: m.tc == 31 and m.me(41, 43) > 3,
        "what a status of a version above 3 holds, nobody has defined",
    ),
    Reason(
        "at_rest", BOTH, "track",
        lambda m: m.tc == 19 and m.me(6, 8) in (1, 2) and m.me(15, 24) == 1 == m.me(26, 35),
        "a velocity of nothing has no direction; they say 0 degrees",
    ),
    Reason(
        "reserved_velocity", BOTH, "rate rate_source nac_v height_difference",
        lambda m: m.tc == 19 and not 1 <= m.me(6, 8) <= 4,
        "subtypes 0 and 5 to 7 are reserved (Doc 9871 table A-2-9a); they read the tail of the others",
    ),
    Reason(
        "undefined_nac_v", BOTH, "nac_v", lambda m: _velocity(m) and m.me(11, 13) > 4,
        "NACv is defined from 0 to 4 (DO-260B 2.2.3.2.6.1.5)",
    ),
    Reason(
        "undefined_nac_p", BOTH, "nac_p",
        lambda m: (m.tc == 31 and m.me(45, 48) > 11) or (_target(m) and m.me(40, 43) > 11),
        "NACp is defined from 0 to 11 (DO-260B 2.2.3.2.7.2.7)",
    ),
    Reason(
        "fast", BOTH, "ias tas gs_cut", lambda m: m.tc == 19 and m.me(6, 8) in (2, 4),
        "above 1,500 kt of indicated air speed or 4,000 kt of any other the value is refused and the row says so",
    ),
    Reason(
        "no_squawk", BOTH, "squawk",
        lambda m: m.tc == 28 and m.me(6, 8) == 1 and m.me(12, 24) == 0 and m.version not in (2, 3),
        "versions 0 and 1 reserve these bits (Doc 9871 table B-2-97a): zeros are no squawk 0000",
    ),
    Reason(
        "other_target", BOTH,
        "selected selected_by qnh selected_heading nac_p nic_baro sil tcas autopilot vnav hold approach lnav",
        lambda m: m.tc == 29 and m.me(6, 7) != 1,
        "subtype 0 is of version 1 (Doc 9871 table B-2-98), 2 and 3 are reserved; they read all as version 2",
    ),
    Reason(
        "no_character", BOTH, "callsign",
        lambda m: 1 <= m.tc <= 4 and any(
            not (1 <= (v := m.me(k, k + 5)) <= 26 or v == 32 or 48 <= v <= 57) for k in range(9, 57, 6)
        ),
        "a code that is no character (Doc 9871 table A-2-8) makes the call sign unknown; they print it as #",
    ),
    Reason(
        "flag_of_the_address", BOTH, "bit_8 utc", _rebroadcast,
        "the bit tells ICAO addresses from others in rebroadcasts (Doc 9871 tables B-3-1 to B-3-3)",
    ),
    Reason(
        "radar_velocity", BOTH, "nac_v rate_source height_difference",
        lambda m: m.df == 18 and m.code in (2, 5) and m.tc == 19,
        "TIS-B has NACp in bits 10 to 13 and a flag for the tail in bit 36 (DO-260B 2.2.17.3.4)",
    ),
    Reason(
        "another_format", BOTH, "*", lambda m: m.df == 18 and m.code in (3, 4, 7),
        "coarse TIS-B positions, management and reserved messages have formats of their own (Doc 9871 table B-3-1)",
    ),
]  # fmt: skip


def explained(message: Message, who: str, field: str) -> str | None:
    """The name of the first reason that covers the difference."""
    for reason in REASONS:
        if who in reason.who and (reason.fields == "*" or field in reason.fields.split()) and reason.when(message):
            return reason.name
    return None


# Reading


def columns(messages: list[bytes], clock_ns: Iterable[int], range_names: list[str]) -> Iterator[Said]:
    """What we say of each message, in order, the aircraft's memory included."""
    payload = np.zeros((len(messages), 14), np.uint8)
    for i, raw in enumerate(messages):
        payload[i, : len(raw)] = np.frombuffer(raw, np.uint8)
    size = np.array([len(raw) for raw in messages], np.uint8)
    clocks = np.fromiter(clock_ns, np.int64, len(messages))
    wanted = set(range_names)
    for out, _, count in decode(payload, size, clocks, State.fresh(), Settings()):
        lists, nones = [], []
        for rows, names in ((out.f32, c.F32), (out.u64, c.U64), (out.u32, c.U32), (out.u16, c.U16), (out.u8, c.U8)):
            none = None if rows.dtype.kind == "f" else int(np.iinfo(rows.dtype).max)
            for name, row in zip(names, rows, strict=True):
                if name in wanted:
                    lists.append((name, row[:count].tolist()))
                    nones.append(none)
        for i in range(count):
            yield {
                name: value
                for (name, row), none in zip(lists, nones, strict=True)
                if (value := row[i]) != none and value == value
            }


NAMES = [
    *("alt_baro_ft", "alt_geom_ft", "on_ground", "flight_status", "downlink_request", "utility_message", "status"),
    *("sensitivity_level", "reply_information", "capability", "utc_synchronised", "cpr_odd", "cpr_lat", "cpr_lon"),
    *("surveillance_status", "nic_supplement_b", "single_antenna", "gs_kt", "track_deg", "callsign", "category"),
    *("squawk", "nac_v", "vrate_fpm", "vrate_geom_fpm", "geom_minus_baro_ft", "heading_deg", "heading_mag_deg"),
    *("ias_kt", "tas_kt", "emergency", "selected_alt_mcp_ft", "selected_alt_fms_ft", "qnh_hpa", "sil", "nic_baro"),
    *("selected_heading_deg", "nac_p", "tcas_operational", "autopilot", "vnav", "altitude_hold", "approach", "lnav"),
    *("adsb_version", "nic_supplement_a", "gva", "capability_class", "operational_mode", "sil_supplement", "slot"),
    "tcas_ra",
]
#: Columns for which neither has a field, and those for which it has only what they are made of.
UNSPOKEN = {
    *("interrogator", "advisory", "length_m", "width_m", "sda", "nic_supplement_c", "intent_change", "alert", "ident"),
    *("transmission", "source", "address", "df", "tc", "subtype"),
    *("nic", "rc_m"),  # compared with tables, as positions with positions, in test_modes_oracles_positions.py
}
#: Fields of the registers of DF 20 and 21, which are inferred, are not compared here.
_COMM_B = {"gs", "gs_cut", "track", "heading", "ias", "tas", "rate", "rate_source", "qnh", "selected", "callsign"}


class Histories:
    """Which version each aircraft has announced: the reasons ask for it."""

    def __init__(self) -> None:
        self.versions: dict[int, int] = {}

    def message(self, raw: bytes, known: Said) -> Message:
        """The message with what was announced before it; ``known`` is what we say of it."""
        slot = known.get("slot", -1)
        message = Message(raw, self.versions.get(slot))
        if "adsb_version" in known:
            self.versions[slot] = known["adsb_version"]
        return message


def compare(messages: list[bytes], clock_ns: list[int]) -> tuple[Counter[str], Counter[str], list[str]]:
    """Differences by reason, fields compared by name, and what has no reason."""
    reasons: Counter[str] = Counter()
    compared: Counter[str] = Counter()
    wrong: list[str] = []
    histories = Histories()
    theirs = rs1090.decode([raw.hex() for raw in messages])
    refused = {c.PARITY_FAILED, c.MALFORMED}
    for raw, known, rust in zip(messages, columns(messages, clock_ns, NAMES), theirs, strict=True):
        message = histories.message(raw, known)
        if known["status"] in refused:
            continue
        ours = by_us(known)
        others = {"rs1090": by_rs1090(rust) if rust else {}, "pyModeS": by_pymodes(dict(pyModeS.decode(raw.hex())))}
        for who, said in others.items():
            for field, value in said.items():
                if message.df in (20, 21) and field in _COMM_B:
                    continue
                if same(field, ours[field], value):
                    compared[field] += 1
                    continue
                reason = explained(message, who, field)
                if reason is not None:
                    reasons[f"{reason}/{who}"] += 1
                elif len(wrong) < 20:
                    wrong.append(f"{raw.hex()} {field}: {ours[field]!r}, {who} {value!r}")
    return reasons, compared, wrong


def test_a_real_flight_reads_as_two_other_decoders_read_it(shared):
    lines = (shared / "beast" / "long_flight.csv").read_text().split()
    stamped = [line.split(",") for line in lines if line[0].isdigit()]
    clock = [round(float(stamp) * 1e6) * 1000 for stamp, _ in stamped]
    reasons, compared, wrong = compare([bytes.fromhex(beast[18:]) for _, beast in stamped], clock)
    assert wrong == []
    assert set(compared) >= {"altitude", "squawk", "callsign", "gs", "track", "rate", "nac_p", "version", "selected"}
    assert compared.total() > 600_000
    # where both of them agree and we do not
    both = {r.name for r in REASONS if r.who == BOTH}
    assert {name.split("/")[0] for name in reasons} & both <= {"no_character"}


def generated(count: int, seed: int = 3) -> tuple[list[bytes], list[int]]:
    """Messages of all formats: uniform bits, and fields drawn from their edges; statuses that change the version."""
    dice = random.Random(seed)

    def edge(width: int) -> int:
        top = (1 << width) - 1
        return dice.choice([0, 1, 2, top - 1, top, dice.getrandbits(width), dice.getrandbits(width)]) & top

    def code13() -> int:
        return dice.choice([edge(13), dice.getrandbits(13) | 0x10, dice.getrandbits(13) & ~0x50, 0])

    def extended() -> int:
        tc = dice.choice([*range(32), 19, 19, 29, 31, 31, 28, 4])
        if tc == 31 and dice.random() < 0.9:
            return status(
                edge(3) if dice.random() < 0.2 else dice.choice([0, 1, 2, 2, 3]), dice.getrandbits(1),
                dice.getrandbits(16) & 0x33FF, dice.getrandbits(16) & 0x3FFF, nic_a=edge(1), nac_p=edge(4),
                gva=edge(2), sil=edge(2), nic_baro=edge(1), hrd=edge(1), sil_supplement=edge(1),
            )  # fmt: skip
        if tc == 29 and dice.random() < 0.8:
            return target(
                subtype=dice.choice([0, 1, 1, 1, 2, 3]), sil_supplement=edge(1), fms=edge(1), altitude=edge(11),
                qnh=edge(9), heading_known=edge(1), heading=edge(9), nac_p=edge(4), nic_baro=edge(1), sil=edge(2),
                modes_known=edge(1), autopilot=edge(1), vnav=edge(1), altitude_hold=edge(1), approach=edge(1),
                tcas=edge(1), lnav=edge(1),
            )  # fmt: skip
        if tc == 19 and dice.random() < 0.8:
            return velocity(
                dice.choice([1, 1, 2, 3, 4, edge(3)]), ew=edge(10), ns=edge(10), west=edge(1), south=edge(1),
                nac_v=edge(3), source=edge(1), down=edge(1), rate=edge(9), below=edge(1), height=edge(7),
                intent=edge(1),
            )  # fmt: skip
        if 1 <= tc <= 4 and dice.random() < 0.7:
            characters = [*range(1, 27), *range(48, 58), 32]
            return bits((tc, 5), (edge(3), 3), *((dice.choice(characters), 6) for _ in range(8)))
        if 5 <= tc <= 8:
            angle = dice.choice([None, edge(7)])
            return surface(tc, edge(7), angle, utc=edge(1), odd=edge(1), lat=edge(17), lon=edge(17))
        if tc in (*range(9, 19), 20, 21, 22):
            ac12 = code13() & 0x3F | code13() >> 1 & 0xFC0
            return airborne(tc, ac12, edge(1), alert=edge(2), utc=edge(1), odd=edge(1), lat=edge(17), lon=edge(17))
        if tc == 28 and dice.random() < 0.7:
            return bits((28, 5), (1, 3), (edge(3), 3), (code13(), 13), (0, 32))
        return tc << 51 | dice.getrandbits(51)

    messages = []
    for _ in range(count):
        address = 0x400000 + dice.randrange(24)
        df = dice.choice([0, 4, 5, 11, 16, 20, 21, *[17] * 9, 18, 18, 18])
        if df in (17, 18):
            code = dice.choice([0, 4, 5, 6, 7]) if df == 17 else dice.choice([0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7])
            messages.append(squitter(address, extended(), df, code))
        elif df == 11:
            messages.append(frame(df << 27 | dice.getrandbits(3) << 24 | address))
        else:
            head = df << 27 | dice.getrandbits(14) << 13 | code13()
            body = dice.getrandbits(56) if df >= 16 else None
            messages.append(frame(head, body, address))
    return messages, [i * 1_000_000 for i in range(count)]


def test_generated_messages_read_as_two_other_decoders_read_them_or_differ_for_a_reason():
    reasons, compared, wrong = compare(*generated(30_000))
    assert wrong == []
    assert compared.total() > 150_000
    # no reason is idle
    used = {name.split("/")[0] for name in reasons}
    assert {r.name for r in REASONS} - used == set()


def test_every_column_is_compared_or_one_of_which_neither_speaks():
    messages, clock = generated(30_000)
    every = [*c.F64, *c.F32, *c.U64, *c.U32, *c.U16, *c.U8]
    said = columns(messages, clock, every)
    written = {name for raw, known in zip(messages, said, strict=True) if raw[0] >> 3 not in (20, 21) for name in known}
    assert written == set(NAMES) | UNSPOKEN


def _reserved_velocity() -> int:
    return velocity(0, rate=5, height=9, nac_v=2)


NOBODY: list[int] = []
#: (reason, the status heard before, the message, DF, its code, field, ours, rs1090's, pyModeS's); "-": silent
VECTORS = [
    ("metres", NOBODY, 0x1000 | 0x40, 4, 0, "altitude", None, 3359, None),
    ("hundreds_below_zero", NOBODY, 0x102, 4, 0, "altitude", -300.0, None, -300),
    ("rate_source", NOBODY, velocity(1, rate=2), 17, 5, "rate_source", "g", "b", "g"),
    ("supersonic", NOBODY, velocity(2, ew=401, ns=301), 17, 5, "gs", 2000.0, 500.0, "-"),
    ("half_a_velocity", NOBODY, velocity(1, ns=5), 17, 5, "track", None, 345.96376, None),
    ("no_difference", NOBODY, velocity(1, height=1), 17, 5, "height_difference", 0.0, None, 0),
    ("largest_difference", NOBODY, velocity(1, height=127), 17, 5, "height_difference", 3150.0, 3150, None),
    ("half_steps", [status(3)], velocity(1, height=3, intent=1), 17, 5, "height_difference", 62.5, 50, 50),
    ("gnss_height", NOBODY, airborne(20, 0xC38), 17, 5, "height", 38_000.0, 38_000, 10_262),
    ("rounded_target", NOBODY, target(altitude=532), 17, 5, "selected", 16_992.0, 17_000, 16_992),
    ("rounded_target", NOBODY, target(altitude=1), 17, 5, "selected", 0.0, None, 0),
    ("not_an_emergency", NOBODY, bits((28, 5), (2, 3), (1, 1), (0, 47)), 17, 5, "emergency", None, 4, "-"),
    ("version_0_status", NOBODY, status(0, nac_p=9), 17, 5, "nac_p", None, "-", 9),
    ("version_3_status", NOBODY, status(3, nic_baro=1), 17, 5, "nic_baro", None, "-", 1),
    ("version_3_target", [status(3)], target(nic_baro=1), 17, 5, "nic_baro", None, True, 1),
    ("reserved_status", NOBODY, status(2, surface=3, nac_p=9), 17, 5, "nac_p", None, "-", 9),
    ("version_to_come", NOBODY, status(5), 17, 5, "version", None, 5, 5),
    ("at_rest", NOBODY, velocity(1, ew=1, ns=1), 17, 5, "track", None, 0.0, 0.0),
    ("reserved_velocity", NOBODY, _reserved_velocity(), 17, 5, "rate", None, 256, 256),
    ("undefined_nac_v", NOBODY, velocity(1, nac_v=5), 17, 5, "nac_v", None, 5, 5),
    ("undefined_nac_p", NOBODY, status(2, nac_p=12), 17, 5, "nac_p", None, 12, 12),
    ("undefined_nac_p", NOBODY, target(nac_p=12), 17, 5, "nac_p", None, 12, 12),
    ("fast", NOBODY, velocity(4, ns=1023), 17, 5, "ias", None, 4088, 4088),
    ("no_squawk", NOBODY, bits((28, 5), (1, 3), (0, 48)), 17, 5, "squawk", None, "0000", "0000"),
    ("other_target", NOBODY, target(subtype=2, altitude=126), 17, 5, "selected", None, 4000, 4000),
    ("no_character", NOBODY, bits((4, 5), (0, 3), (1, 6), (0, 6), *[(1, 6)] * 6), 17, 5, "callsign", None,
     "A#AAAAAA", "A#AAAAAA"),
    ("flag_of_the_address", NOBODY, airborne(supplement=1), 18, 2, "bit_8", None, 1, 1),
    ("radar_velocity", NOBODY, velocity(1, source=0, height=5), 18, 2, "height_difference", None, 100, 100),
    ("another_format", NOBODY, airborne(ac12=0xC38), 18, 4, "altitude", None, 38_000, 38_000),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "before", "me", "df", "code", "field", "ours", "rust", "python"), VECTORS, ids=[v[0] for v in VECTORS]
)
def test_each_reason_has_a_message_that_shows_it(reason, before, me, df, code, field, ours, rust, python):
    if df == 4:  # a reply with this altitude code
        raw = [squitter(0x406B90, airborne()), frame(df << 27 | me, None, 0x406B90)]
    else:
        raw = [squitter(0x406B90, body, df, code) for body in (*before, me)]
    rows = list(columns(raw, range(len(raw)), NAMES))
    known = by_us(rows[-1])
    said = by_rs1090(rs1090.decode(raw[-1].hex())), by_pymodes(dict(pyModeS.decode(raw[-1].hex())))
    assert known[field] == ours
    for one, expected in zip(said, (rust, python), strict=True):
        if expected == "-":
            assert field not in one
        else:
            assert one[field] == (pytest.approx(expected) if isinstance(expected, float) else expected)
    histories = Histories()
    *_, message = [histories.message(one, row) for one, row in zip(raw, rows, strict=True)]
    assert reason in {r.name for r in REASONS if r.when(message)}


def test_each_reason_has_a_vector_and_each_vector_a_reason():
    assert {r.name for r in REASONS} == {v[0] for v in VECTORS}
