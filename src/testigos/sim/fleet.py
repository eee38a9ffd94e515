"""Thousands of aircraft at once, each on a circle of the globe: what they are, and where they are at any moment.

Motion is a rotation about an axis of the Earth taken as a sphere: a great circle, or a small one in a turn. Speed
changes once at most, and altitude moves between two times. Closed forms, so that any moment can be asked for.
Speeds and distances on the ellipsoid differ by 0.5 % at most.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from testigos.modes.encode import cpr_zones
from testigos.modes.encode_rows import CONTAINMENT_AIRBORNE, CONTAINMENT_SURFACE
from testigos.sim.dice import Dice
from testigos.units import KT_MPS

__all__ = ["GROUPS", "INTEGRITY_AIRBORNE", "INTEGRITY_SURFACE", "AirData", "Fleet", "Flight", "fleet"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

RADIUS_M: Final = 6_371_008.8  #: mean radius of the Earth (IUGG R1)

#: What an aircraft does, and its share of the fleet.
GROUPS: Final = {
    "cruise": 0.41, "turning": 0.10, "north_pole": 0.02, "south_pole": 0.02, "antimeridian": 0.04, "equator": 0.04,
    "zone_edge": 0.05, "taxi": 0.07, "parked": 0.03, "takeoff": 0.04, "landing": 0.04, "slow": 0.05,
    "supersonic": 0.02, "high": 0.02, "low": 0.02, "gillham": 0.03,
}  # fmt: skip

#: Containment in the air: the same with the NACp that aircraft of it say. Versions 0 and 1 know some of it only.
INTEGRITY_AIRBORNE: Final = tuple(
    (*row, nac_p) for row, nac_p in zip(CONTAINMENT_AIRBORNE, (11, 10, 9, 8, 7, 7, 6, 6, 5, 4, 3, 2, 1, 0), strict=True)
)
_OLD: Final = (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13)

#: Containment on the ground of the same aircraft.
INTEGRITY_SURFACE: Final = tuple(CONTAINMENT_SURFACE[k] for k in (0, 1, 2, 3, 4, 5, 6, 6, 7, 7, 7, 7, 7, 7))


class Flight(NamedTuple):
    """States of aircraft at moments, one array a quantity; ``alt_baro_ft`` is the field's while on the ground."""

    lat_deg: Floats
    lon_deg: Floats
    on_ground: Flags
    alt_baro_ft: Floats
    gs_kt: Floats
    track_deg: Floats
    vrate_fpm: Floats
    turn_degps: Floats

    def where(self, keep: Flags) -> "Flight":
        """Some of the states."""
        return Flight._make(quantity[keep] for quantity in self)


class AirData(NamedTuple):
    """What the air makes of a state: speeds, headings, temperature and pressure of the standard atmosphere."""

    tas_kt: Floats
    ias_kt: Floats
    mach: Floats
    heading_deg: Floats
    heading_mag_deg: Floats
    roll_deg: Floats
    temperature_c: Floats
    pressure_hpa: Floats


@dataclass(frozen=True)
class Fleet:
    """Constants of each aircraft, all of shape (N,) but the vectors of motion, which are (N, 3).

    ``callsign`` is text, ``category`` 8 * set + number, ``squawk`` the number its octal digits write,
    ``containment`` a place in the tables of integrity. Times are seconds since the beginning.
    """

    group: npt.NDArray[np.uint8]
    address: npt.NDArray[np.uint32]
    callsign: npt.NDArray[np.str_]
    category: Integers
    squawk: Integers
    emergency: Integers
    version: Integers
    containment: Integers
    nac_v: Integers
    sil: Integers
    sda: Integers
    gva: Integers
    nic_baro: Integers
    sil_supplement: Integers
    length_width: Integers
    gillham: Flags
    geometric_only: Flags
    geometric_rate: Flags
    airspeed_only: Flags
    supersonic: Flags
    geom_minus_baro_ft: Floats
    wind_east_kt: Floats
    wind_north_kt: Floats
    declination_deg: Floats
    qnh_hpa: Floats
    selected_alt_ft: Floats
    # motion
    along: Floats
    ahead: Floats
    aside: Floats
    axis: Floats
    per_m: Floats
    reference_m: Floats
    speed_mps: Floats
    later_mps: Floats
    change_s: Floats
    changed_s: Floats
    air_from_s: Floats
    air_until_s: Floats
    alt_ft: Floats
    climb_fpm: Floats
    climb_from_s: Floats
    climb_until_s: Floats

    def __len__(self) -> int:
        return len(self.address)

    def _way(self, a: Integers, t: Floats) -> tuple[Floats, Floats]:
        """Metres along the circle, and the speed."""
        v0, v1, t1, t2 = self.speed_mps[a], self.later_mps[a], self.change_s[a], self.changed_s[a]
        during = np.clip(t - t1, 0.0, t2 - t1)
        rate = (v1 - v0) / (t2 - t1)
        way = v0 * (np.minimum(t, t1) + during) + 0.5 * rate * during**2 + v1 * np.maximum(t - t2, 0.0)
        return way, v0 + rate * during

    def at(self, aircraft: npt.NDArray[Any], seconds: Floats) -> Flight:
        """States of ``aircraft[k]`` at ``seconds[k]``."""
        a, t = np.asarray(aircraft, np.int64), np.asarray(seconds, np.float64)
        way, speed = self._way(a, t)
        turned = self.per_m[a] * (way - self.reference_m[a])
        cos, sin = np.cos(turned), np.sin(turned)
        x, y, z = (self.along[a, k] + self.ahead[a, k] * cos + self.aside[a, k] * sin for k in range(3))
        lat, lon = np.degrees(np.arctan2(z, np.hypot(x, y))), np.degrees(np.arctan2(y, x))
        # the velocity is axis x place, backwards where the rotation is
        u, v, w = (self.axis[a, k] for k in range(3))
        flat = np.hypot(x, y)
        east = (-y * (v * z - w * y) + x * (w * x - u * z)) / flat
        north = (u * y - v * x) * flat - z * (x * (v * z - w * y) + y * (w * x - u * z)) / flat
        sense = np.sign(self.per_m[a])
        track = np.mod(np.degrees(np.arctan2(sense * east, sense * north)), 360.0)
        height = np.clip(t, self.climb_from_s[a], self.climb_until_s[a]) - self.climb_from_s[a]
        climbing = (t >= self.climb_from_s[a]) & (t < self.climb_until_s[a])
        # a turn to the left is a rotation counter-clockwise about its centre; great circles turn not at all
        centre = u * x + v * y + w * z
        return Flight(
            lat, lon, (t < self.air_from_s[a]) | (t >= self.air_until_s[a]),
            self.alt_ft[a] + self.climb_fpm[a] / 60.0 * height, speed / KT_MPS, track,
            np.where(climbing, self.climb_fpm[a], 0.0),
            -np.degrees(speed * self.per_m[a] * centre),
        )  # fmt: skip

    def air(self, aircraft: npt.NDArray[Any], flight: Flight) -> AirData:
        """Air data of states; the wind is one a whole flight. Source: ICAO Doc 7488, standard atmosphere."""
        a = np.asarray(aircraft, np.int64)
        track = np.radians(flight.track_deg)
        east = flight.gs_kt * np.sin(track) - self.wind_east_kt[a]
        north = flight.gs_kt * np.cos(track) - self.wind_north_kt[a]
        tas = np.hypot(east, north)
        heading = np.mod(np.degrees(np.arctan2(east, north)), 360.0)
        low = np.minimum(flight.alt_baro_ft, 36_089.24)
        kelvin = 288.15 - 0.0019812 * low
        pressure = 1013.25 * (kelvin / 288.15) ** 5.25588
        pressure = pressure * np.exp(-(flight.alt_baro_ft - low) / 20_805.8)
        mach = tas / (38.967854 * np.sqrt(kelvin))
        impact = pressure * ((1.0 + 0.2 * mach**2) ** 3.5 - 1.0)
        ias = 661.4786 * np.sqrt(5.0 * ((impact / 1013.25 + 1.0) ** (2.0 / 7.0) - 1.0))
        roll = np.degrees(np.arctan(flight.gs_kt * KT_MPS * np.radians(flight.turn_degps) / 9.80665))
        magnetic = np.mod(heading - self.declination_deg[a], 360.0)
        return AirData(tas, ias, mach, heading, magnetic, roll, kelvin - 273.15, pressure)


def _vectors(lat_deg: Floats, lon_deg: Floats, track_deg: Floats) -> tuple[Floats, Floats]:
    """Unit vectors of places and of directions of flight there, (N, 3)."""
    lat, lon, track = np.radians(lat_deg), np.radians(lon_deg), np.radians(track_deg)
    place = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], 1)
    east = np.stack([-np.sin(lon), np.cos(lon), np.zeros_like(lon)], 1)
    north = np.cross(place, east)
    return place, np.sin(track)[:, None] * east + np.cos(track)[:, None] * north


def _names(dice: Dice, count: int) -> npt.NDArray[np.str_]:
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    codes = letters[(dice.uniform(3 * count) * 26).astype(np.int64)].reshape(count, 3)
    numbers = (dice.uniform(count, 1.0, 10_000.0)).astype(np.int64)
    return np.array(["".join(c) + str(n) for c, n in zip(codes, numbers.tolist(), strict=True)])


def fleet(count: int, seconds: float, seed: int = 1) -> Fleet:
    """``count`` aircraft of all :data:`GROUPS`; crossings happen within ``seconds``.

    >>> made = fleet(100, 60.0)
    >>> len(made), int((made.at(np.arange(100), np.zeros(100)).lat_deg > 87).sum())
    (100, 2)
    """
    dice = Dice("fleet", seed, count)

    def pick(low: float, high: float) -> Floats:
        return dice.uniform(count, low, high)

    shares = np.cumsum(list(GROUPS.values()))
    order = np.argsort(pick(0.0, 1.0), kind="stable")
    group = np.empty(count, np.uint8)
    group[order] = np.searchsorted(shares / shares[-1], (np.arange(count) + 0.5) / count).astype(np.uint8)
    number = {name: k for k, name in enumerate(GROUPS)}

    def one(*names: str) -> Flags:
        return np.asarray(np.isin(group, [number[n] for n in names]))

    ground, moving_ground = one("taxi", "parked"), one("takeoff", "landing")
    half = pick(0.0, 1.0) < 0.5

    # where, in the middle of the time
    lat = np.degrees(np.arcsin(pick(-0.98, 0.98)))
    lat = np.where(one("north_pole", "south_pole"), pick(87.0, 89.97), lat)
    lat = np.where(one("south_pole"), -lat, lat)
    lat = np.where(one("equator"), pick(-0.01, 0.01), lat)
    edges = np.linspace(0.0, 89.0, 890_001)
    edges = edges[1:][np.diff(cpr_zones(edges)) != 0]
    nearest = edges[(pick(0.0, 1.0) * len(edges)).astype(np.int64)] * np.where(half, 1.0, -1.0)
    lat = np.where(one("zone_edge"), nearest + pick(-0.005, 0.005), lat)
    lat = np.where(ground | moving_ground, np.clip(lat, -70.0, 70.0), lat)
    lon = np.where(one("antimeridian"), np.where(half, 180.0, -180.0) + pick(-0.01, 0.01), pick(-180.0, 180.0))
    lon = np.mod(lon + 180.0, 360.0) - 180.0
    track = pick(0.0, 360.0)
    swing = pick(-40.0, 40.0)
    track = np.where(one("antimeridian"), np.where(half, 90.0, 270.0) + swing, track)
    track = np.where(one("equator", "zone_edge"), np.where(pick(0.0, 1.0) < 0.5, 0.0, 180.0) + swing, track)
    place, forward = _vectors(lat, lon, track)

    # how fast
    gs = pick(180.0, 520.0)
    gs = np.where(one("slow"), pick(0.0, 60.0), gs)
    gs = np.where(one("supersonic"), pick(1_030.0, 1_850.0), gs)
    gs = np.where(one("high"), pick(20.0, 900.0), gs)
    gs = np.where(one("taxi"), pick(2.0, 35.0), np.where(one("parked"), 0.0, gs))
    roll = pick(130.0, 170.0)
    takeoff, landing = one("takeoff"), one("landing")
    first = np.where(takeoff, 0.5, np.where(landing, roll, gs)) * KT_MPS
    later = np.where(takeoff, roll, np.where(landing, pick(10.0, 25.0), gs)) * KT_MPS
    change = np.where(takeoff | landing, seconds * pick(0.1, 0.4), 0.0)
    rolling = np.minimum(np.abs(later - first) / 2.2, 0.35 * seconds)
    changed = change + np.where(takeoff | landing, rolling, 1.0)

    # along which circle
    rate = np.where(one("turning"), pick(0.5, 3.0) * np.where(half, 1.0, -1.0), 0.0)
    rate = rate * np.minimum(1.0, 300.0 / np.maximum(gs, 1.0))
    curved = np.arctan(gs * KT_MPS / np.maximum(np.abs(np.radians(rate)), 1e-9) / RADIUS_M)
    wide = np.where(rate == 0.0, 0.5 * np.pi, curved)
    right = np.cross(forward, place)
    sense = np.where(rate < 0.0, -1.0, 1.0)  # the centre lies right, or left; right for great circles
    axis = np.cos(wide)[:, None] * place + (sense * np.sin(wide))[:, None] * right
    per_m = -sense / (RADIUS_M * np.sin(wide))
    along = axis * (axis * place).sum(1)[:, None]

    # how high
    alt = pick(3_000.0, 43_000.0)
    alt = np.where(one("slow"), pick(0.0, 8_000.0), alt)
    alt = np.where(one("supersonic"), pick(40_000.0, 85_000.0), alt)
    alt = np.where(one("high"), pick(51_000.0, 120_000.0), alt)
    alt = np.where(one("low"), pick(-1_000.0, 300.0), alt)
    alt = np.where(ground | moving_ground, pick(-200.0, 6_000.0), alt)
    climbs = (pick(0.0, 1.0) < 0.4) & ~one("low", "taxi", "parked", "slow", "high", "supersonic")
    climb = np.round(np.where(climbs, pick(-2_400.0, 2_400.0), 0.0) / 64.0) * 64.0
    climb = np.where(takeoff, np.abs(climb) + 640.0, np.where(landing, -640.0, climb))
    climb_from = np.where(takeoff, changed, np.where(landing, 0.0, pick(-20.0, seconds * 0.5)))
    climb_until = np.where(landing, change, np.where(takeoff, seconds + 1e4, climb_from + pick(10.0, seconds)))
    alt = np.where(landing, alt + 640.0 / 60.0 * change, alt)
    climb_from = np.maximum(climb_from, 0.0)
    climb_until = np.maximum(climb_until, climb_from)

    never = np.full(count, np.inf)
    version = np.searchsorted([0.08, 0.18], pick(0.0, 1.0)).astype(np.int64)
    kinds = (pick(0.0, 1.0) ** 2 * 14.0).astype(np.int64)
    kinds = np.where(version < 2, np.array(_OLD)[kinds * len(_OLD) // 14], kinds)
    # those that leave or reach the ground keep supplement A, so that it is never out of date
    kinds = np.where(takeoff | landing, kinds % 4, kinds)
    special = pick(0.0, 1.0)
    emergency = np.where(special < 0.004, np.searchsorted([0.001, 0.002, 0.003], special) + 1, 0)
    codes = np.array([0, 0o7700, 0o7700, 0o7700, 0o7600])
    squawk = np.where(emergency > 0, codes[emergency], (pick(0.0, 1.0) * 4096).astype(np.int64))
    category = np.where(one("slow"), 7, 1 + (pick(0.0, 1.0) * 5).astype(np.int64))
    category = np.where(one("supersonic"), 6, np.where(one("high"), 8 + 6, category))
    category = np.where(one("taxi") & (pick(0.0, 1.0) < 0.2), 16 + 2, category)
    addresses = 1 + (np.arange(count, dtype=np.int64) * 0x9E37_79B1 + seed * 0x5851) % 0xFFFFFB
    return Fleet(
        group=group,
        address=addresses.astype(np.uint32),
        callsign=_names(dice, count),
        category=category,
        squawk=squawk,
        emergency=emergency,
        version=version,
        containment=kinds,
        nac_v=(pick(0.0, 1.0) * 5).astype(np.int64),
        sil=(pick(0.0, 1.0) * 4).astype(np.int64),
        sda=(pick(0.0, 1.0) * 4).astype(np.int64),
        gva=(pick(0.0, 1.0) * 3).astype(np.int64),
        nic_baro=(pick(0.0, 1.0) * 2).astype(np.int64),
        sil_supplement=(pick(0.0, 1.0) * 2).astype(np.int64),
        length_width=1 + (pick(0.0, 1.0) * 15).astype(np.int64),
        gillham=one("gillham"),
        geometric_only=(pick(0.0, 1.0) < 0.02) & one("cruise") & (kinds < 2),
        geometric_rate=pick(0.0, 1.0) < 0.3,
        airspeed_only=(pick(0.0, 1.0) < 0.03) & one("cruise"),
        supersonic=one("supersonic"),
        geom_minus_baro_ft=np.round(pick(-40.0, 60.0)) * 25.0,
        wind_east_kt=np.where(one("slow"), 0.1, 1.0) * pick(-60.0, 60.0),
        wind_north_kt=np.where(one("slow"), 0.1, 1.0) * pick(-60.0, 60.0),
        declination_deg=pick(-15.0, 15.0),
        qnh_hpa=np.where(alt > 18_000.0, 1013.2, np.round(pick(9_900.0, 10_300.0)) * 0.1),
        selected_alt_ft=np.clip(np.round((alt + climb * 1.5) / 1_000.0) * 1_000.0, 1_000.0, 60_000.0),
        along=along,
        ahead=place - along,
        aside=np.cross(axis, place),
        axis=axis,
        per_m=per_m,
        reference_m=first * seconds * 0.5 * np.where(takeoff | landing, 0.0, 1.0),
        speed_mps=first,
        later_mps=later,
        change_s=change,
        changed_s=changed,
        air_from_s=np.where(ground, never, np.where(takeoff, changed, -never)),
        air_until_s=np.where(landing, change, never),
        alt_ft=alt,
        climb_fpm=climb,
        climb_from_s=climb_from,
        climb_until_s=climb_until,
    )
