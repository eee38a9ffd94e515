"""The traffic of a whole world as Mode S payloads: what every aircraft transmits, and the truth of each frame.

Besides honest ADS-B there are transponders without it, addresses that two aircraft share, a rebroadcast of some by
ground stations (TIS-B, also under anonymous addresses, and ADS-R), and spoofers, which send positions in the name of
another: some far away at once, some that leave the true track slowly.

Rates are those of the standards: Annex 10 volume IV 3.1.2.8.6.4 and DO-260B 2.2.3.3 for squitters; how often
aircraft are interrogated is an invention.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from testigos.modes import encode as e
from testigos.modes import encode_commb as register
from testigos.sim.dice import Dice
from testigos.sim.fleet import INTEGRITY_AIRBORNE, INTEGRITY_SURFACE, Fleet, Flight, fleet

__all__ = ["KINDS", "ORIGINS", "START_NS", "Truth", "traffic"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Payloads = npt.NDArray[np.uint8]

START_NS: Final = 1_735_732_800_000_000_000  #: 2025-01-01T12:00Z

#: What a frame is.
KINDS: Final = (
    *("position", "velocity", "identification", "status", "target", "emergency"),
    *("squitter", "all_call", "df0", "df16", "df4", "df5"),
    *("bds10", "bds17", "bds20", "bds30", "bds40", "bds44", "bds45", "bds50", "bds60"),
    "mode_a",
)

#: Who sent it. All but ``own`` say something about an aircraft without being it.
ORIGINS: Final = ("own", "tisb", "tisb_anonymous", "adsr", "teleport", "drag")

_ANONYMOUS: Final = 0x1000  #: what is added to the address of a track file of TIS-B
_AIRBORNE: Final = np.array([(tc, nic, a, b, nac) for tc, nic, _, a, b, nac in INTEGRITY_AIRBORNE])
_SURFACE: Final = np.array([(tc, nic, a, c) for tc, nic, _, a, c in INTEGRITY_SURFACE])
_GEOMETRIC_TC: Final = np.array([20, 21])


@dataclass(frozen=True)
class Truth:
    """Frames in the order of time. ``payload`` is (N, 14); all others (N,).

    ``kind`` and ``origin`` are places in :data:`KINDS` and :data:`ORIGINS`; ``lat_deg``, ``lon_deg`` the position
    that was encoded (NaN: none), which is not the aircraft's own where a spoofer sent it. ``shared`` marks
    aircraft (not frames) whose address another one has too.
    """

    fleet: Fleet
    seconds: float
    payload: Payloads
    size: npt.NDArray[np.uint8]
    time_ns: npt.NDArray[np.int64]
    aircraft: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]
    origin: npt.NDArray[np.uint8]
    lat_deg: Floats
    lon_deg: Floats
    shared: npt.NDArray[np.bool_]
    spoofed: npt.NDArray[np.bool_]
    anonymous: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.size)

    def flight(self, frames: npt.NDArray[Any]) -> Flight:
        """The true state of the aircraft of some frames, when they were sent."""
        return self.fleet.at(self.aircraft[frames], (self.time_ns[frames] - START_NS) * 1e-9)

    def nic(self, frames: npt.NDArray[Any]) -> Integers:
        """The NIC that aircraft of versions 1 and 2 mean; version 0 knows none (-1)."""
        a, f = self.aircraft[frames], self.fleet
        air, surface = _AIRBORNE[f.containment[a]], _SURFACE[f.containment[a]]
        # type code 8 says nothing in version 1
        below = np.where((f.version[a] == 1) & (surface[:, 0] == 8), 0, surface[:, 1])
        return np.where(f.version[a] == 0, -1, np.where(self.flight(frames).on_ground, below, air[:, 1]))


@dataclass
class _Frames:
    """Parts of a truth, while it grows."""

    parts: list[tuple[Any, ...]]

    def add(
        self, kind: str, origin: str, aircraft: Integers, seconds: Floats, payload: Payloads, size: int,
        lat: Floats | None = None, lon: Floats | None = None,
    ) -> None:  # fmt: skip
        count = len(aircraft)
        nowhere = np.full(count, np.nan)
        self.parts.append(
            (
                payload,
                np.full(count, size, np.uint8),
                START_NS + (seconds * 1e9).astype(np.int64),
                aircraft.astype(np.int32),
                np.full(count, KINDS.index(kind), np.uint8),
                np.full(count, ORIGINS.index(origin), np.uint8),
                nowhere if lat is None else lat,
                nowhere if lon is None else lon,
            )
        )


def _times(
    dice: Dice, aircraft: Integers, seconds: float, low: float, high: float
) -> tuple[Integers, Floats, Integers]:
    """When each of ``aircraft`` sends, ``low`` to ``high`` seconds apart: aircraft, seconds, number of the sending."""
    many = int(seconds / low) + 2
    steps = dice.uniform(len(aircraft) * many, low, high).reshape(len(aircraft), many)
    steps[:, 0] = dice.uniform(len(aircraft), 0.0, high)
    at = np.cumsum(steps, axis=1)
    who, which = np.nonzero(at < seconds)
    return aircraft[who], at[who, which], which.astype(np.int64)


def _envelope(f: Fleet, a: Integers, me: e.Words, anonymous: npt.NDArray[np.bool_]) -> Payloads:
    """DF 17, or DF 18 with CF 1 of those whose address ICAO did not assign."""
    other = anonymous[a]
    return e.extended(me, f.address[a], np.where(other, 18, 17), np.where(other, 1, 5))


def _position(
    f: Fleet, a: Integers, now: Flight, odd: Integers, lat: Floats, lon: Floats, rebroadcast: Any = None
) -> e.Words:
    """Position messages: ``rebroadcast`` is the flag of an address not by ICAO in TIS-B and ADS-R, else null."""
    air, ground = _AIRBORNE[f.containment[a]], _SURFACE[f.containment[a]]
    geometric = f.geometric_only[a]
    alt = now.alt_baro_ft + np.where(geometric, f.geom_minus_baro_ft[a], 0.0)
    tc = np.where(geometric, _GEOMETRIC_TC[np.minimum(f.containment[a], 1)], air[:, 0])
    bit8 = np.where(f.version[a] >= 2, air[:, 3], 0) if rebroadcast is None else rebroadcast
    aloft = e.airborne_position(tc, e.altitude_code12(alt, f.gillham[a]), odd, lat, lon, bit8=bit8)
    movement = e.movement_code(now.gs_kt)
    track = np.where(now.gs_kt > 0.0, now.track_deg, np.nan)
    below = e.surface_position(
        ground[:, 0], movement, track, odd, lat, lon, utc=0 if rebroadcast is None else rebroadcast
    )
    return np.where(now.on_ground, below, aloft)


def _velocity(f: Fleet, a: Integers, now: Flight, rebroadcast: Any = None, tisb: bool = False) -> e.Words:
    """Velocity messages; air-referenced where the aircraft knows no ground speed."""
    common: dict[str, Any] = {
        "barometric": ~f.geometric_rate[a],
        "geom_minus_baro_ft": f.geom_minus_baro_ft[a],
        "nac_v": f.nac_v[a],
        "supersonic": f.supersonic[a],
    }
    if rebroadcast is not None:
        common["bits9_10"] = np.asarray(rebroadcast) << 1
    if tisb:
        # the four bits of NACp stand where ADS-B has IFR capability and NACv (Doc 9871 table B-3-4a)
        nac_p = _AIRBORNE[f.containment[a]][:, 4]
        common["bits9_10"] = common["bits9_10"] | nac_p >> 3
        common["nac_v"] = nac_p & 7
    over_ground = e.velocity(now.gs_kt, now.track_deg, now.vrate_fpm, **common)
    only_air = f.airspeed_only[a]
    if not only_air.any():
        return over_ground
    air = f.air(a, now)
    true = a % 2 == 0
    through_air = e.airspeed(
        air.heading_mag_deg, np.where(true, air.tas_kt, air.ias_kt), now.vrate_fpm, true=true, **common
    )
    return np.where(only_air, through_air, over_ground)


def _status(f: Fleet, a: Integers, now: Flight) -> e.Words:
    air, surface = _AIRBORNE[f.containment[a]], _SURFACE[f.containment[a]]
    ground, version = now.on_ground, f.version[a]
    new = version >= 2
    # airborne: collision avoidance, receives 1090ES, air-referenced velocity, target state; version 1 says "not"
    aloft = np.where(new, 0b0011_0011_0000_0000, 0b0001_0011_0000_0000)
    below = 0b0001 << 8 | np.where(new, f.nac_v[a] << 1 | surface[:, 3], 0)
    mode = np.where(new, f.sda[a] << 8 | (a % 7 == 0) << 10, 0)
    return e.operational_status(
        version,
        surface=ground,
        capability_class=np.where(version == 0, 0, np.where(ground, below, aloft)),
        length_width=np.where(version == 0, 0, f.length_width[a]),
        operational_mode=mode,
        nic_a=np.where(ground, surface[:, 2], air[:, 2]),
        nac_p=air[:, 4],
        gva=np.where(new, f.gva[a], 0),
        sil=f.sil[a],
        nic_baro=np.where(ground, 0, f.nic_baro[a]),
        sil_supplement=f.sil_supplement[a],
    )


def _target(f: Fleet, a: Integers, now: Flight) -> e.Words:
    air = _AIRBORNE[f.containment[a]]
    flags: dict[str, Any] = {"nac_p": air[:, 4], "nic_baro": f.nic_baro[a], "sil": f.sil[a]}
    new = e.target_state(
        f.selected_alt_ft[a], f.qnh_hpa[a], now.track_deg, sil_supplement=f.sil_supplement[a], fms=a % 5 == 0,
        modes_known=1, autopilot=a % 3 > 0, vnav=a % 2, altitude_hold=now.vrate_fpm == 0.0, tcas=1, lnav=a % 2, **flags,
    )  # fmt: skip
    old = e.target_state_v1(
        f.selected_alt_ft[a], now.track_deg, vertical_source=1, horizontal_source=1, is_track=1,
        emergency_state=f.emergency[a], **flags,
    )  # fmt: skip
    return np.where(f.version[a] >= 2, new, old)


_COMMON_17: Final = (0x05, 0x06, 0x07, 0x08, 0x09, 0x20, 0x40, 0x50, 0x52, 0x60)


def _register(name: str, f: Fleet, a: Integers, now: Flight) -> e.Words:
    """The 56 bits of a Comm-B register."""
    match name:
        case "bds10":
            return register.bds10(acas=1, subnetwork=5, dte=0)
        case "bds17":
            served = sum(1 << (23 - k) for k, n in enumerate(register.REGISTERS_17) if n in _COMMON_17)
            weather = sum(1 << (23 - k) for k, n in enumerate(register.REGISTERS_17) if n in (0x44, 0x45))
            return register.bds17(served | np.where(a % 10 == 3, weather, 0))
        case "bds20":
            return register.bds20(_callsigns(f)[a])
        case "bds30":
            return register.bds30(e.resolution_advisory(0b1100_0000_0000_00, 0, 0, 0, 1, (f.address[a] ^ 1) << 2))
        case "bds40":
            return register.bds40(
                f.selected_alt_ft[a], np.where(a % 3 == 0, f.selected_alt_ft[a], np.nan), f.qnh_hpa[a],
                modes_known=a % 2, vnav=a % 2 & a % 3 > 0, altitude_hold=0, source_known=1, source=2,
            )  # fmt: skip
    air = f.air(a, now)
    match name:
        case "bds44":
            east, north = f.wind_east_kt[a], f.wind_north_kt[a]
            blows_from = np.mod(np.degrees(np.arctan2(-east, -north)), 360.0)
            return register.bds44(1, np.hypot(east, north), blows_from, air.temperature_c, np.nan, np.nan, 20.0)
        case "bds45":
            return register.bds45(turbulence=1, temperature_c=air.temperature_c, pressure_hpa=air.pressure_hpa)
        case "bds50":
            track = np.mod(now.track_deg + 180.0, 360.0) - 180.0
            return register.bds50(air.roll_deg, track, now.gs_kt, now.turn_degps, air.tas_kt)
        case _:
            heading = np.mod(air.heading_mag_deg + 180.0, 360.0) - 180.0
            return register.bds60(heading, air.ias_kt, air.mach, now.vrate_fpm, now.vrate_fpm)


def _callsigns(f: Fleet) -> e.Words:
    return e.callsign48(f.callsign.tolist())


#: Replies: seconds between them, share of the transponders that give them, format of those in Comm-B.
_REPLIES: Final = {
    "squitter": (0.8, 1.2, 1.0, 11), "all_call": (4.0, 6.0, 0.6, 11), "df0": (0.8, 1.2, 0.4, 0),
    "df16": (4.0, 6.0, 0.1, 16), "df4": (4.0, 6.0, 0.6, 4), "df5": (8.0, 12.0, 0.6, 5),
    "bds10": (15.0, 25.0, 0.6, 20), "bds17": (15.0, 25.0, 0.6, 21), "bds20": (15.0, 25.0, 0.6, 21),
    "bds30": (10.0, 15.0, 0.01, 20), "bds40": (4.0, 6.0, 0.6, 20), "bds44": (10.0, 15.0, 0.1, 20),
    "bds45": (10.0, 15.0, 0.1, 20), "bds50": (4.0, 6.0, 0.6, 20), "bds60": (4.0, 6.0, 0.6, 21),
    "mode_a": (4.0, 6.0, 0.01, 0),
}  # fmt: skip


def _reply(name: str, df: int, f: Fleet, a: Integers, now: Flight) -> tuple[Payloads, int]:
    address, ground = f.address[a], now.on_ground.astype(np.int64)
    altitude = e.altitude_code13(np.where(f.geometric_only[a], np.nan, now.alt_baro_ft), f.gillham[a])
    identity = e.identity_code(f.squawk[a])
    capability = np.where(now.on_ground, 4, 5)
    match name:
        case "squitter":
            return e.all_call(address, capability), 7
        case "all_call":
            return e.all_call(address, capability, interrogator=1 + a % 15), 7
        case "df0":
            return e.acas_reply(address, altitude, on_ground=ground, sensitivity_level=6, reply_information=3), 7
        case "df16":
            advice = e.word((0x30, 8), (e.resolution_advisory(0b1100_0000_0000_00, 0b0100), 48))
            return e.acas_reply(address, altitude, advice, on_ground=ground, reply_information=3), 14
        case "df4":
            return e.surveillance_reply(4, address, altitude, flight_status=ground), 7
        case "df5":
            return e.surveillance_reply(5, address, identity, flight_status=ground), 7
        case "mode_a":
            made = np.zeros((len(a), 14), np.uint8)
            s = f.squawk[a]
            made[:, 0] = (s >> 9) << 4 | (s >> 6) & 7
            made[:, 1] = ((s >> 3) & 7) << 4 | s & 7
            return made, 2
    code = altitude if df == 20 else identity
    return e.surveillance_reply(df, address, code, _register(name, f, a, now), flight_status=ground), 14


def _squitters(
    out: _Frames, f: Fleet, equipped: Integers, anonymous: npt.NDArray[np.bool_], seconds: float, dice: Dice
) -> None:
    parked = f.speed_mps + f.later_mps == 0.0
    names = _callsigns(f)
    for who, low, high in ((equipped[~parked[equipped]], 0.4, 0.6), (equipped[parked[equipped]], 4.8, 5.2)):
        a, t, number = _times(dice, who, seconds, low, high)
        now = f.at(a, t)
        me = _position(f, a, now, (number + a) & 1, now.lat_deg, now.lon_deg)
        out.add("position", "own", a, t, _envelope(f, a, me, anonymous), 14, now.lat_deg, now.lon_deg)
    for kind, low, high in (
        *(("velocity", 0.4, 0.6), ("status", 2.4, 2.6), ("target", 1.2, 1.3)),
        *(("identification", 4.8, 5.2), ("emergency", 4.8, 5.2)),
    ):
        a, t, _ = _times(dice, equipped, seconds, low, high)
        now = f.at(a, t)
        keep = np.ones(len(a), np.bool_)
        if kind in ("velocity", "target"):
            keep = ~now.on_ground & ((f.version[a] > 0) | (kind == "velocity"))
        if kind in ("status",):
            keep = f.version[a] > 0
        a, t, now = a[keep], t[keep], now.where(keep)
        match kind:
            case "velocity":
                me = _velocity(f, a, now)
            case "status":
                me = _status(f, a, now)
            case "target":
                me = _target(f, a, now)
            case "identification":
                me = e.identification(f.category[a], names[a])
            case _:
                me = e.emergency(f.emergency[a], f.squawk[a])
        out.add(kind, "own", a, t, _envelope(f, a, me, anonymous), 14)


def _rebroadcasts(out: _Frames, f: Fleet, equipped: Integers, seconds: float, dice: Dice) -> None:
    """Some aircraft that ground stations tell of: TIS-B of either kind of address, and ADS-R."""
    aloft = equipped[np.isinf(f.air_from_s[equipped]) & (f.air_from_s[equipped] < 0) & ~f.geometric_only[equipped]]
    for origin, cf, first in (("tisb", 2, 0), ("tisb_anonymous", 5, 1), ("adsr", 6, 2)):
        who = aloft[first::60]
        address = (f.address + (_ANONYMOUS if origin == "tisb_anonymous" else 0)).astype(np.int64)
        flag = int(origin == "tisb_anonymous")
        for kind, low, high in (("position", 0.9, 1.1), ("velocity", 0.9, 1.1)):
            a, t, number = _times(dice, who, seconds, low, high)
            now = f.at(a, t)
            if kind == "position":
                me = _position(f, a, now, number & 1, now.lat_deg, now.lon_deg, np.full(len(a), flag))
                out.add(kind, origin, a, t, e.extended(me, address[a], 18, cf), 14, now.lat_deg, now.lon_deg)
            else:
                me = _velocity(f, a, now, np.full(len(a), flag), tisb=cf != 6)
                out.add(kind, origin, a, t, e.extended(me, address[a], 18, cf), 14)


def _spoofers(out: _Frames, f: Fleet, equipped: Integers, seconds: float, dice: Dice) -> Iterator[Integers]:
    """Positions in the name of others from a third of the time on; yields the victims.

    One kind is hundreds of kilometres away from the first; the other leaves the true place at 150 m/s, northward.
    """
    steady = equipped[(f.group[equipped] == 0) & ~f.geometric_only[equipped]]
    some = max(len(f) // 200, 2)
    for origin, who in (("teleport", steady[7::5][:some]), ("drag", steady[9::5][:some])):
        a, t, number = _times(dice, who, seconds * 2.0 / 3.0, 0.4, 0.6)
        t = t + seconds / 3.0
        now = f.at(a, t)
        north = 4.0 if origin == "teleport" else 150.0 * (t - seconds / 3.0) / 111_195.0
        lat = now.lat_deg - np.sign(now.lat_deg) * north
        me = _position(f, a, now, number & 1, lat, now.lon_deg)
        out.add("position", origin, a, t, e.extended(me, f.address[a]), 14, lat, now.lon_deg)
        yield who


def traffic(aircraft: int = 10_000, seconds: float = 60.0, seed: int = 1) -> Truth:
    """All frames that ``aircraft`` transmit within ``seconds``, with their truth; some 7 each second and aircraft.

    >>> world = traffic(40, 5.0)
    >>> int(e.parity(world.payload[world.kind == 0], 14)[0]) == int.from_bytes(world.payload[world.kind == 0][0, 11:])
    True
    """
    f = fleet(aircraft, seconds, seed)
    dice = Dice("traffic", seed, aircraft)
    shared = np.zeros(aircraft, np.bool_)
    address = f.address.copy()
    flying = np.flatnonzero(np.isin(f.group, [0, 1]) & ~f.geometric_only)
    pairs = max(aircraft // 400, 1)
    one, other = flying[1 : 1 + 2 * pairs : 2], flying[2 : 2 + 2 * pairs : 2]
    address[other] = address[one]
    shared[one] = shared[other] = True
    f = replace(f, address=address)
    # half of the pairs are near each other: the second flies the circle of the first, some 30 km behind
    near, of = other[::2], one[::2]
    motion = {
        name: getattr(f, name).copy()
        for name in ("along", "ahead", "aside", "axis", "per_m", "reference_m", "speed_mps", "later_mps")
    }
    for values in motion.values():
        values[near] = values[of]
    motion["reference_m"][near] += 30_000.0
    f = replace(f, **motion)

    mark = dice.uniform(aircraft)
    transponder_only = (mark < 0.06) & ~shared
    anonymous = (mark > 0.985) & ~shared
    equipped = np.flatnonzero(~transponder_only)
    out = _Frames([])
    _squitters(out, f, equipped, anonymous, seconds, dice)
    ordinary = np.flatnonzero(~shared & ~anonymous)
    _rebroadcasts(out, f, np.intersect1d(equipped, ordinary), seconds, dice)
    spoofed = np.zeros(aircraft, np.bool_)
    for victims in _spoofers(out, f, np.intersect1d(equipped, ordinary), seconds, dice):
        spoofed[victims] = True
    transponders = np.flatnonzero(~anonymous)
    for name, (low, high, share, df) in _REPLIES.items():
        lot = dice.uniform(len(transponders))
        who = transponders[(lot < share) if name != "bds44" and name != "bds45" else (transponders % 10 == 3)]
        a, t, _ = _times(dice, who, seconds, low, high)
        now = f.at(a, t)
        if name.startswith("bds") or name in ("df0", "df16"):
            keep = ~now.on_ground
            a, t, now = a[keep], t[keep], now.where(keep)
        payload, size = _reply(name, df, f, a, now)
        out.add(name, "own", a, t, payload, size)

    columns: list[Any] = [np.concatenate(c) for c in zip(*out.parts, strict=True)]
    out.parts.clear()
    order = np.argsort(columns[2], kind="stable")
    payload, size, time_ns, who, kind, origin, lat, lon = (c[order] for c in columns)
    return Truth(f, seconds, payload, size, time_ns, who, kind, origin, lat, lon, shared, spoofed, anonymous)
