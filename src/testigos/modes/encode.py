"""Values to Mode S payloads, over many at once: parity, altitude and identity codes, CPR, all downlink formats.

Every argument is a number or an array; they broadcast. A value that is not known is NaN. Words of 56 bits are
``uint64`` whose highest used bit is bit 1 of the specification; payloads are (N, 14) bytes, of which a short
message uses seven.

Source: ICAO Annex 10 volume IV (5th edition) 3.1.2, Doc 9871 (2nd edition) appendices A to C, RTCA DO-260B 2.2.3.
Written from these alone, so that it can be a witness against the decoder.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "acas_reply",
    "airborne_position",
    "airspeed",
    "all_call",
    "altitude_code12",
    "altitude_code13",
    "callsign48",
    "coarse_position",
    "cpr",
    "cpr_edges",
    "cpr_zones",
    "emergency",
    "extended",
    "identification",
    "identity_code",
    "movement_bounds",
    "movement_code",
    "operational_status",
    "parity",
    "remainders",
    "resolution_advisory",
    "surface_position",
    "surveillance_reply",
    "target_state",
    "target_state_v1",
    "velocity",
    "word",
]

Numbers = Any  # a number or an array of numbers
Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_GENERATOR: Final = 0xFFF409  #: Annex 10 volume IV 3.1.2.3.3.1.2, without the highest term
_CHARACTERS: Final = "#ABCDEFGHIJKLMNOPQRSTUVWXYZ##### ###############0123456789######"


def word(*fields: tuple[Numbers, int]) -> Words:
    """Bit fields ``(value, width)`` side by side, the first one highest; negative values as two's complement.

    >>> hex(int(word((1, 4), (-1, 4), (0, 8))))
    '0x1f00'
    """
    made: Words = np.zeros((), np.uint64)
    for value, width in fields:
        number = np.asarray(value)
        if number.dtype != np.uint64:
            number = number.astype(np.int64).astype(np.uint64)  # two's complement
        made = np.asarray((made << np.uint64(width)) | (number & np.uint64((1 << width) - 1)))
    return made


def _nearest(value: Numbers, step: float = 1.0) -> Integers:
    """Whole steps nearest to a value; 0 where it is unknown."""
    steps = np.floor(np.asarray(value, np.float64) / step + 0.5)
    return np.where(np.isfinite(steps), steps, 0.0).astype(np.int64)


def _known(value: Numbers) -> npt.NDArray[np.bool_]:
    return np.isfinite(np.asarray(value, np.float64))


# Parity


@cache
def remainders() -> npt.NDArray[np.uint32]:
    """Remainders of the 256 bytes, each followed by 24 zeros: long division, bit by bit."""
    rest = np.arange(256, dtype=np.uint32) << np.uint32(16)
    for _ in range(8):
        carry = (rest >> np.uint32(23)) & np.uint32(1)
        rest = ((rest << np.uint32(1)) & np.uint32(0xFFFFFF)) ^ (carry * np.uint32(_GENERATOR))
    return rest


def parity(payload: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint32]:
    """The 24 parity bits, (N,), of payloads (N, 14) of ``size`` bytes: remainder of all but the last three bytes.

    >>> message = np.frombuffer(bytes.fromhex("8D4840D6202CC371C32CE0576098"), np.uint8)
    >>> hex(int(parity(message[None], 14)[0]))
    '0x576098'
    """
    table = remainders()
    rest = np.zeros(len(payload), np.uint32)
    for k in range(size - 3):
        rest = ((rest << np.uint32(8)) & np.uint32(0xFFFFFF)) ^ table[(rest >> np.uint32(16)) ^ payload[:, k]]
    return rest


def _payload(head: Words, body: Words | None, overlay: Numbers) -> npt.NDArray[np.uint8]:
    """Payloads of 32 header bits, 56 more bits (null: a short message) and the parity with its overlay."""
    shape = np.broadcast_shapes(np.shape(head), np.shape(body) if body is not None else (), np.shape(overlay), (1,))
    made = np.zeros((*shape, 14), np.uint8)
    made[:, :4] = np.broadcast_to(head, shape).astype(">u4")[:, None].view(np.uint8)
    size = 7
    if body is not None:
        size = 14
        made[:, 4:11] = np.broadcast_to(body, shape).astype(">u8")[:, None].view(np.uint8)[:, 1:]
    check = parity(made, size) ^ np.asarray(overlay).astype(np.uint32)
    made[:, size - 3 : size] = check.astype(">u4")[:, None].view(np.uint8)[:, 1:]
    return made


# Formats


def extended(me: Words, address: Numbers, df: Numbers = 17, code: Numbers = 5) -> npt.NDArray[np.uint8]:
    """DF 17, 18 or 19: ``code`` is CA, CF or AF. Payloads (N, 14).

    Source: Annex 10 volume IV 3.1.2.8.6 to 3.1.2.8.8.

    >>> extended(identification(0, callsign48(["KLM1023"])), 0x4840D6).tobytes().hex()
    '8d4840d6202cc371c32ce0576098'
    """
    return _payload(word((df, 5), (code, 3), (address, 24)), me, 0)


def all_call(address: Numbers, capability: Numbers = 5, interrogator: Numbers = 0) -> npt.NDArray[np.uint8]:
    """DF 11: all-call reply or acquisition squitter; ``interrogator`` is overlaid on the parity (II, or SI + 16).

    Source: Annex 10 volume IV 3.1.2.5.2.2, 3.1.2.3.3.2.
    """
    return _payload(word((11, 5), (capability, 3), (address, 24)), None, interrogator)


def surveillance_reply(
    df: int,
    address: Numbers,
    code: Numbers,
    mb: Words | None = None,
    *,
    flight_status: Numbers = 0,
    downlink_request: Numbers = 0,
    utility_message: Numbers = 0,
) -> npt.NDArray[np.uint8]:
    """DF 4, 5, 20 or 21; ``code`` are the 13 bits of altitude (4, 20) or identity, ``mb`` the Comm-B message.

    Source: Annex 10 volume IV 3.1.2.6.5 to 3.1.2.6.8. Raises ``ValueError`` if ``mb`` does not suit the format.
    """
    if (mb is not None) != (df in (20, 21)):
        raise ValueError(f"DF {df} {'has' if df in (20, 21) else 'does not have'} a Comm-B message")
    head = word((df, 5), (flight_status, 3), (downlink_request, 5), (utility_message, 6), (code, 13))
    return _payload(head, mb, address)


def acas_reply(
    address: Numbers,
    code: Numbers,
    mv: Words | None = None,
    *,
    on_ground: Numbers = 0,
    cross_link: Numbers = 1,
    sensitivity_level: Numbers = 0,
    reply_information: Numbers = 0,
) -> npt.NDArray[np.uint8]:
    """DF 0, or DF 16 where there is an ``mv``; ``code`` are the 13 bits of altitude.

    Source: Annex 10 volume IV 3.1.2.8.2, 3.1.2.8.3.
    """
    long = mv is not None
    head = word(
        (16 if long else 0, 5), (on_ground, 1), (0 if long else cross_link, 1), (0, 1), (sensitivity_level, 3),
        (0, 2), (reply_information, 4), (0, 2), (code, 13),
    )  # fmt: skip
    return _payload(head, mv, address)


# Altitude and identity


def _gillham(hundreds: Integers) -> dict[str, Integers]:
    """Pulses of an altitude in hundreds of feet, -12 to 1,267.

    Source: Annex 10 volume IV, appendix to chapter 3: D2 to B4 are a Gray code of 500 ft steps from -1,200 ft on,
    C1 to C4 one of the five steps within, which runs back in every other of them.
    """
    five, one = np.divmod(np.clip(hundreds, -12, 1_267) + 12, 5)
    one = np.where(five & 1, 4 - one, one)
    gray = five ^ (five >> 1)
    c = np.array([0b001, 0b011, 0b010, 0b110, 0b100])[one]
    pulses = {name: (gray >> (7 - k)) & 1 for k, name in enumerate(("D2", "D4", "A1", "A2", "A4", "B1", "B2", "B4"))}
    return pulses | {"C1": c >> 2, "C2": (c >> 1) & 1, "C4": c & 1}


def altitude_code13(alt_ft: Numbers, gillham: Numbers = False) -> Integers:
    """The AC field: steps of 25 ft up to 50,175 ft, of 100 ft above or where ``gillham``; 0 where unknown.

    An altitude outside -1,200 to 126,750 ft (25 ft steps: below -1,012.5 ft, as 100 ft) counts as unknown.
    Source: Annex 10 volume IV 3.1.2.6.5.4.

    >>> format(int(altitude_code13(38_000)), "013b"), format(int(altitude_code13(-1000, gillham=True)), "013b")
    ('1100000111000', '0010000000000')
    """
    alt = np.asarray(alt_ft, np.float64)
    steps = _nearest(alt + 1_000.0, 25.0)
    fine = word((steps >> 5, 6), (0, 1), (steps >> 4, 1), (1, 1), (steps, 4)).astype(np.int64)
    p = _gillham(_nearest(alt, 100.0))
    coarse = word(
        (p["C1"], 1), (p["A1"], 1), (p["C2"], 1), (p["A2"], 1), (p["C4"], 1), (p["A4"], 1), (0, 1), (p["B1"], 1),
        (0, 1), (p["B2"], 1), (p["D2"], 1), (p["B4"], 1), (p["D4"], 1),
    ).astype(np.int64)  # fmt: skip
    rough = np.asarray(gillham, np.bool_) | (steps < 0) | (steps > 0x7FF)
    possible = _known(alt) & (alt >= -1_250.0) & (alt < 126_750.0)
    return np.where(possible, np.where(rough, coarse, fine), 0)


def altitude_code12(alt_ft: Numbers, gillham: Numbers = False) -> Integers:
    """The altitude of an airborne position: the AC field without its M bit. Source: Doc 9871 A.2.3.2.4."""
    code = altitude_code13(alt_ft, gillham)
    return (code >> 7 << 6) | (code & 0x3F)


def identity_code(squawk: Numbers) -> Integers:
    """The ID field of a Mode A code, given as the number that its four octal digits write.

    Source: Annex 10 volume IV 3.1.2.6.7.1, 3.1.1.6.

    >>> format(int(identity_code(0o7700)), "013b")
    '0101010101010'
    """
    code = np.asarray(squawk, np.int64)

    def pulse(digit: int, weight: int) -> tuple[Integers, int]:
        return (code >> (3 * (3 - digit))) // weight & 1, 1

    a, b, c, d = range(4)
    return word(
        pulse(c, 1), pulse(a, 1), pulse(c, 2), pulse(a, 2), pulse(c, 4), pulse(a, 4), (0, 1),
        pulse(b, 1), pulse(d, 1), pulse(b, 2), pulse(d, 2), pulse(b, 4), pulse(d, 4),
    ).astype(np.int64)  # fmt: skip


def callsign48(names: Iterable[str | None]) -> Words:
    """Eight characters of six bits each, the first highest; all zero where unknown.

    Characters that the alphabet lacks are left out. Source: Doc 9871 table A-2-8, Annex 10 volume IV 3.1.2.9.1.2.
    """
    made = []
    for name in names:
        number = 0
        if name is not None:
            known = "".join(c for c in name.upper() if c != "#" and c in _CHARACTERS)
            for character in f"{known[:8]:8}":
                number = number << 6 | _CHARACTERS.index(character)
        made.append(number)
    return np.array(made, np.uint64)


# Compact position reporting


@cache
def cpr_edges() -> Floats:
    """Latitudes at which the number of longitude zones falls from 59 to 58, ... 2 to 1. Doc 9871 C.2.6.2 d."""
    zones = np.arange(59, 1, -1)
    edges: Floats = np.degrees(np.arccos(np.sqrt((1 - np.cos(np.pi / 30)) / (1 - np.cos(2 * np.pi / zones)))))
    edges[-1] = 87.0  # exactly: the formula comes to it but for rounding
    return edges


def cpr_zones(lat_deg: Numbers) -> Integers:
    """NL: the number of even longitude zones at a latitude, 1 to 59.

    >>> cpr_zones([0.0, -10.4, -10.5, 87.0, 87.1]).tolist()
    [59, 59, 58, 2, 1]
    """
    return 59 - np.searchsorted(cpr_edges(), np.abs(np.asarray(lat_deg, np.float64)), side="left").astype(np.int64)


def cpr(
    lat_deg: Numbers, lon_deg: Numbers, odd: Numbers, surface: Numbers = False, bits: int = 17
) -> tuple[Integers, Integers]:
    """Encoded latitude and longitude, each of ``bits`` bits (17; 12 for a coarse TIS-B position).

    Source: Doc 9871 C.2.6.3: surface positions are encoded in two more bits, and the highest two left out.
    """
    lat, lon = np.asarray(lat_deg, np.float64), np.asarray(lon_deg, np.float64)
    i = np.asarray(odd, np.int64)
    steps = np.where(np.asarray(surface, np.bool_), 2.0 ** (bits + 2), 2.0**bits)
    lat_zone = 360.0 / (60 - i)
    y = np.floor(steps * np.mod(lat, lat_zone) / lat_zone + 0.5)
    rounded = lat_zone * (y / steps + np.floor(lat / lat_zone))
    lon_zone = 360.0 / np.maximum(cpr_zones(rounded) - i, 1)
    x = np.floor(steps * np.mod(lon, lon_zone) / lon_zone + 0.5)
    mask = (1 << bits) - 1
    return y.astype(np.int64) & mask, x.astype(np.int64) & mask


# Extended squitters


def identification(category: Numbers, callsign: Words) -> Words:
    """TC 1 to 4: ``category`` is 8 * set + number (set A is 0), ``callsign`` as of :func:`callsign48`."""
    kind = np.asarray(category, np.int64)
    return word((4 - (kind >> 3), 5), (kind, 3), (callsign, 48))


@cache
def _movement_limits() -> Floats:
    """Lower limits of the movement codes from 1 on, kt. Source: Doc 9871 table A.2.3.3.1."""
    return np.concatenate(
        [
            [0.0],
            np.arange(8) * 0.125 + 0.125,
            np.arange(1, 4) * 0.25 + 1.0,
            np.arange(26) * 0.5 + 2.0,
            np.arange(55) + 15.0,
            np.arange(15) * 2.0 + 70.0,
            np.arange(16) * 5.0 + 100.0,
        ]
    )


@cache
def movement_bounds() -> Floats:
    """The speeds from which on the next movement code is nearer, kt."""
    lower = _movement_limits()
    return 0.5 * (lower[1:] + lower[:-1])


def movement_code(gs_kt: Numbers, nearest: bool = False) -> Integers:
    """The movement field of a surface position: 1 stopped, 124 from 175 kt on; 0 where unknown.

    With ``nearest`` it is the code whose lower limit is nearest to the speed, else that of the step it is in.
    Source: Doc 9871 table A.2.3.3.1: a step ends below the lower limit of the next.

    >>> movement_code([0.0, 0.3, 17.0, 17.9, 300.0, np.nan]).tolist()
    [1, 3, 41, 41, 124, 0]
    """
    gs = np.asarray(gs_kt, np.float64)
    lower = _movement_limits()
    bounds = movement_bounds() if nearest else lower[1:]
    return np.where(_known(gs), 1 + np.searchsorted(bounds, np.abs(gs), side="right"), 0).astype(np.int64)


def surface_position(
    tc: Numbers, movement: Numbers, track_deg: Numbers, odd: Numbers, lat_deg: Numbers, lon_deg: Numbers,
    *, utc: Numbers = 0,
) -> Words:  # fmt: skip
    """TC 5 to 8. ``utc`` is bit 21: synchronised with UTC (DF 17), or not an ICAO address (TIS-B, ADS-R)."""
    y, x = cpr(lat_deg, lon_deg, odd, surface=True)
    track = _nearest(track_deg, 360.0 / 128)
    return word((tc, 5), (movement, 7), (_known(track_deg), 1), (track, 7), (utc, 1), (odd, 1), (y, 17), (x, 17))


def airborne_position(
    tc: Numbers, altitude: Numbers, odd: Numbers, lat_deg: Numbers, lon_deg: Numbers,
    *, surveillance_status: Numbers = 0, bit8: Numbers = 0, utc: Numbers = 0,
) -> Words:  # fmt: skip
    """TC 9 to 18 and 20 to 22; ``altitude`` as of :func:`altitude_code12`.

    ``bit8``: one antenna only (versions 0, 1), NIC supplement B (2), or not an ICAO address (TIS-B, ADS-R).
    """
    y, x = cpr(lat_deg, lon_deg, odd)
    return word(
        (tc, 5), (surveillance_status, 2), (bit8, 1), (altitude, 12), (utc, 1), (odd, 1), (y, 17), (x, 17)
    )  # fmt: skip


def coarse_position(
    altitude: Numbers, track_deg: Numbers, gs_kt: Numbers, odd: Numbers, lat_deg: Numbers, lon_deg: Numbers,
    *, not_icao: Numbers = 0, surveillance_status: Numbers = 0, service_volume: Numbers = 0,
) -> Words:  # fmt: skip
    """The coarse airborne position of TIS-B (DF 18, CF 3). Source: Doc 9871 B.3.4.5."""
    y, x = cpr(lat_deg, lon_deg, odd, bits=12)
    speed = np.where(_known(gs_kt), np.clip(_nearest(gs_kt, 32.0) + 1, 1, 63), 0)
    return word(
        (not_icao, 1), (surveillance_status, 2), (service_volume, 4), (altitude, 12), (_known(track_deg), 1),
        (_nearest(track_deg, 11.25), 5), (speed, 6), (odd, 1), (y, 12), (x, 12),
    )  # fmt: skip


def _magnitude(value: Numbers, step: float, most: int) -> Integers:
    """1 + whole steps of a value without its sign, at most ``most``; 0 where unknown."""
    steps = _nearest(np.abs(np.asarray(value, np.float64)), step)
    return np.where(_known(value), np.minimum(steps + 1, most), 0)


def _negative(value: Numbers) -> npt.NDArray[np.bool_]:
    return np.asarray(value, np.float64) < 0.0


def _vertical(vrate_fpm: Numbers, barometric: Numbers, geom_minus_baro_ft: Numbers) -> tuple[tuple[Numbers, int], ...]:
    """Bits 36 to 56 of TC 19: source (0 geometric, 1 barometric), sign and rate; reserved; height difference."""
    return (
        (np.asarray(barometric, np.bool_), 1), (_negative(vrate_fpm), 1), (_magnitude(vrate_fpm, 64.0, 511), 9),
        (0, 2), (_negative(geom_minus_baro_ft), 1), (_magnitude(geom_minus_baro_ft, 25.0, 127), 7),
    )  # fmt: skip


def velocity(
    gs_kt: Numbers, track_deg: Numbers, vrate_fpm: Numbers = np.nan, *, barometric: Numbers = True,
    geom_minus_baro_ft: Numbers = np.nan, nac_v: Numbers = 0, supersonic: Numbers = False, bits9_10: Numbers = 0,
) -> Words:  # fmt: skip
    """TC 19 subtypes 1 and 2 (``supersonic``): velocity over ground. Source: Doc 9871 A.2.3.5, tables A-2-9a.

    ``barometric`` tells the source of ``vrate_fpm``; ``bits9_10`` are intent change and IFR capability.

    >>> hex(int(velocity(159.2, 182.88, -832, barometric=False, geom_minus_baro_ft=550, bits9_10=1)))
    '0x99440994083817'
    """
    fast = np.asarray(supersonic, np.bool_)
    scale = np.where(fast, 4.0, 1.0)
    track = np.radians(np.asarray(track_deg, np.float64))
    east, north = np.asarray(gs_kt) * np.sin(track) / scale, np.asarray(gs_kt) * np.cos(track) / scale
    return word(
        (19, 5), (1 + fast.astype(np.int64), 3), (bits9_10, 2), (nac_v, 3),
        (_negative(east), 1), (_magnitude(east, 1.0, 1_023), 10),
        (_negative(north), 1), (_magnitude(north, 1.0, 1_023), 10),
        *_vertical(vrate_fpm, barometric, geom_minus_baro_ft),
    )  # fmt: skip


def airspeed(
    heading_deg: Numbers, airspeed_kt: Numbers, vrate_fpm: Numbers = np.nan, *, true: Numbers = True,
    barometric: Numbers = True, geom_minus_baro_ft: Numbers = np.nan, nac_v: Numbers = 0,
    supersonic: Numbers = False, bits9_10: Numbers = 0,
) -> Words:  # fmt: skip
    """TC 19 subtypes 3 and 4 (``supersonic``): heading, and true or indicated air speed. Source: Doc 9871 A-2-9b."""
    fast = np.asarray(supersonic, np.bool_)
    return word(
        (19, 5), (3 + fast.astype(np.int64), 3), (bits9_10, 2), (nac_v, 3),
        (_known(heading_deg), 1), (_nearest(heading_deg, 360.0 / 1_024), 10),
        (np.asarray(true, np.bool_), 1), (_magnitude(np.asarray(airspeed_kt) / np.where(fast, 4, 1), 1.0, 1_023), 10),
        *_vertical(vrate_fpm, barometric, geom_minus_baro_ft),
    )  # fmt: skip


def emergency(state: Numbers, squawk: Numbers) -> Words:
    """TC 28 subtype 1: emergency state (0 none, 1 general, ...) and the Mode A code. Source: Doc 9871 C-2-97."""
    return word((28, 5), (1, 3), (state, 3), (identity_code(squawk), 13), (0, 32))


def resolution_advisory(
    active: Numbers, complement: Numbers = 0, terminated: Numbers = 0, multiple: Numbers = 0,
    threat_type: Numbers = 0, threat: Numbers = 0,
) -> Words:  # fmt: skip
    """The 48 bits after the register number of BDS 3,0, which TC 28 subtype 2 and the MV of DF 16 carry too.

    ``active`` are the 14 bits of ARA, ``complement`` the 4 of RAC, ``threat`` the 26 of TID.
    Source: Annex 10 volume IV 4.3.8.4.2.2.
    """
    return word((active, 14), (complement, 4), (terminated, 1), (multiple, 1), (threat_type, 2), (threat, 26))


def target_state(
    selected_alt_ft: Numbers, qnh_hpa: Numbers, selected_heading_deg: Numbers, *, fms: Numbers = 0,
    sil_supplement: Numbers = 0, nac_p: Numbers = 0, nic_baro: Numbers = 0, sil: Numbers = 0,
    modes_known: Numbers = 0, autopilot: Numbers = 0, vnav: Numbers = 0, altitude_hold: Numbers = 0,
    bit51: Numbers = 0, approach: Numbers = 0, tcas: Numbers = 0, lnav: Numbers = 0,
) -> Words:  # fmt: skip
    """TC 29 subtype 1 (version 2): target state and status. Source: DO-260B 2.2.3.2.7.1.3."""
    heading = np.mod(np.asarray(selected_heading_deg, np.float64) + 180.0, 360.0) - 180.0
    qnh = np.where(_known(qnh_hpa), np.clip(_nearest(np.asarray(qnh_hpa) - 800.0, 0.8) + 1, 1, 511), 0)
    return word(
        (29, 5), (1, 2), (sil_supplement, 1), (fms, 1), (_magnitude(selected_alt_ft, 32.0, 2_047), 11), (qnh, 9),
        (_known(heading), 1), (_nearest(heading, 180.0 / 256), 9), (nac_p, 4), (nic_baro, 1), (sil, 2),
        (modes_known, 1), (autopilot, 1), (vnav, 1), (altitude_hold, 1), (bit51, 1), (approach, 1), (tcas, 1),
        (lnav, 1), (0, 2),
    )  # fmt: skip


def target_state_v1(
    target_alt_ft: Numbers, target_deg: Numbers, *, vertical_source: Numbers = 0, above_msl: Numbers = 0,
    altitude_capability: Numbers = 0, vertical_mode: Numbers = 0, horizontal_source: Numbers = 0,
    is_track: Numbers = 0, horizontal_mode: Numbers = 0, nac_p: Numbers = 0, nic_baro: Numbers = 0,
    sil: Numbers = 0, tcas_off_ra: Numbers = 0, emergency_state: Numbers = 0,
) -> Words:  # fmt: skip
    """TC 29 subtype 0 (version 1). Source: Doc 9871 B.2.3.9 and table B-2-98.

    ``vertical_source``, ``horizontal_source``: 0 not available, 1 MCP/FCU, 2 held, 3 FMS. ``tcas_off_ra``: 2 if
    collision avoidance does not work, 1 if an advisory is active.
    """
    return word(
        (29, 5), (0, 2), (vertical_source, 2), (above_msl, 1), (0, 1), (altitude_capability, 2), (vertical_mode, 2),
        (_nearest(np.asarray(target_alt_ft, np.float64) + 1_000.0, 100.0), 10), (horizontal_source, 2),
        (_nearest(np.mod(target_deg, 360.0)) % 360, 9), (is_track, 1), (horizontal_mode, 2), (nac_p, 4),
        (nic_baro, 1), (sil, 2), (0, 5), (tcas_off_ra, 2), (emergency_state, 3),
    )  # fmt: skip


def operational_status(
    version: Numbers, *, surface: Numbers = False, capability_class: Numbers = 0, length_width: Numbers = 0,
    operational_mode: Numbers = 0, nic_a: Numbers = 0, nac_p: Numbers = 0, gva: Numbers = 0, sil: Numbers = 0,
    nic_baro: Numbers = 0, magnetic: Numbers = 0, sil_supplement: Numbers = 0, bit56: Numbers = 0,
) -> Words:  # fmt: skip
    """TC 31. ``capability_class`` has 16 bits, or 12 on the surface, where ``length_width`` follows.

    ``nic_baro`` is the track / heading flag on the surface; version 0 leaves all after the version zero.
    Source: Doc 9871 A.2.3.10 (version 0), B.2.3.10 (1), C.2.3.10 (2).
    """
    ground = np.asarray(surface, np.bool_)
    kind = np.asarray(version, np.int64)
    first = np.where(ground, np.asarray(capability_class) << 4 | np.asarray(length_width), capability_class)
    body = word(
        (nic_a, 1), (nac_p, 4), (np.where(ground, 0, gva), 2), (sil, 2), (nic_baro, 1), (magnetic, 1),
        (np.where(kind >= 2, sil_supplement, 0), 1), (bit56, 1),
    )  # fmt: skip
    body = np.where(kind == 0, np.uint64(0), body)
    return word((31, 5), (ground, 3), (first, 16), (operational_mode, 16), (kind, 3), (body, 13))
