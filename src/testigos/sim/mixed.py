"""Traffic that several systems see at once: aircraft and vessels, what each system reports of them, and who they were.

Every object is on up to three systems, each with its own rhythm, latency, noise, bias, and idea of who it is. Some
share their address with another object; some are copied by a transmitter that sends their address from elsewhere.
Motion is by small steps on a sphere of the Earth's mean radius.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from testigos.sim.dice import Dice
from testigos.units import KT_MPS, NMI_M

__all__ = ["SCENES", "SYSTEMS", "Heard", "Objects", "mixed", "objects", "report"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

START_NS: Final = 1_761_206_400_000_000_000  # 2025-10-23T08:00:00Z
STEP_S: Final = 0.5
_EARTH_M: Final = 6_371_008.8

#: What is flown or sailed, and its share.
SCENES: Final = {"terminal": 0.30, "formation": 0.15, "crossing": 0.35, "harbour": 0.20}


@dataclass(frozen=True)
class System:
    """How a system reports: seconds between reports, noise of an axis (m) from least to most, how long it lasts (s)."""

    name: str
    source: str
    every_s: tuple[float, float]
    noise_m: tuple[float, float]
    lasting_s: float
    latency_s: float
    share: float  #: of those that have a choice


#: Three radars see everything their way, the others what is equipped for them.
SYSTEMS: Final = (
    System("adsb", "adsb", (0.5, 1.5), (5.0, 20.0), 60.0, 1.5, 1.0),
    System("uat", "uat", (0.9, 1.1), (5.0, 20.0), 60.0, 1.0, 0.4),
    System("flarm", "flarm", (1.0, 3.0), (3.0, 6.0), 60.0, 1.0, 0.5),
    System("mlat", "mlat", (2.0, 4.0), (60.0, 120.0), 8.0, 1.5, 0.6),
    System("tisb", "tisb", (4.0, 6.0), (60.0, 120.0), 1.0, 1.5, 0.5),
    System("radar_near", "radar", (4.0, 4.0), (50.0, 100.0), 0.0, 0.5, 0.8),
    System("radar_far", "radar", (10.0, 10.0), (80.0, 130.0), 0.0, 1.0, 0.6),
    System("ais", "ais", (2.0, 10.0), (4.0, 10.0), 60.0, 1.5, 1.0),
    System("radar_sea", "radar", (2.5, 3.0), (10.0, 25.0), 0.0, 0.5, 1.0),
    System("signalk", "other", (1.0, 2.0), (3.0, 6.0), 60.0, 1.0, 1.0),
)
_NUMBER: Final = {s.name: k for k, s in enumerate(SYSTEMS)}
_RADARS: Final = ("radar_near", "radar_far", "radar_sea")


@dataclass(frozen=True)
class Objects:
    """True ways (N, T), one column every half second, and who each object (N,) is.

    ``says`` is the address it sends, which another may have too; ``copies`` the object whose address a transmitter
    sends that is none of its own systems' business, else -1. ``also_m`` is what its heights by GPS differ, feet.
    """

    scene: npt.NDArray[np.str_]
    lat_deg: Floats
    lon_deg: Floats
    alt_ft: Floats
    gs_mps: Floats
    track_deg: Floats
    says: Ints
    copies: Ints
    squawk: Ints
    geometric_ft: Floats
    flown_by_step: int


@dataclass(frozen=True)
class Heard:
    """Reports (M,) in order of arrival: of whom they truly are, and what they say. NaN and None where nothing.

    ``leaves``: the system is one that reports somebody else who leaves, where that is asked for.
    """

    true: Ints
    system: Ints
    name: npt.NDArray[np.object_]
    arrives_ns: Ints
    time_ns: Ints
    lat_deg: Floats
    lon_deg: Floats
    radius95_m: Floats
    baro_ft: Floats
    geom_ft: Floats
    gs_kt: Floats
    track_deg: Floats
    callsign: npt.NDArray[np.object_]
    squawk: npt.NDArray[np.object_]
    category: npt.NDArray[np.object_]
    kind: npt.NDArray[np.object_]
    leaves: npt.NDArray[np.bool_]


def _moved(lat: npt.NDArray[Any], lon: npt.NDArray[Any], east_m: Floats, north_m: Floats) -> tuple[Floats, Floats]:
    lat_to = lat + np.degrees(north_m / _EARTH_M)
    return lat_to, np.asarray(lon + np.degrees(east_m / _EARTH_M / np.cos(np.radians(lat))), np.float64)


def objects(count: int, seconds: float, seed: int, shared: float = 0.05) -> Objects:
    """``count`` objects and their ways for ``seconds``; ``shared`` of them have an address that is not theirs alone.

    Half of these are copied by one more object, a transmitter that only ADS-B or AIS hears; the others come in twos.
    """
    dice = Dice("mixed", seed, count, int(seconds))
    steps = int(seconds / STEP_S) + 1
    shares = np.cumsum(list(SCENES.values()))
    group = np.searchsorted(shares, (np.arange(count) + 0.5) / count * shares[-1])
    scene = np.array(list(SCENES))[group]

    def pick(low: float, high: float) -> Floats:
        return dice.uniform(count, low, high)

    # one place for every 40 objects of a scene or so, in a band of the mid latitudes, 200 km and more apart
    place = np.arange(count) // 40
    centre_lat, centre_lon = 35.0 + 3.0 * (place % 7), -120.0 + 4.0 * (place // 7)
    spread = np.select([scene == "terminal", scene == "crossing", scene == "harbour"], [15e3, 50e3, 3e3], 40e3)
    lat, lon = _moved(centre_lat, centre_lon, spread * pick(-1, 1), spread * pick(-1, 1))
    speed = np.select(
        [scene == "terminal", scene == "harbour"], [pick(60.0, 130.0), pick(1.5, 8.0)], pick(180.0, 250.0)
    )
    track = pick(0.0, 360.0)
    alt = np.select(
        [scene == "terminal", scene == "harbour"],
        [500.0 * np.round(pick(3.0, 22.0)), np.full(count, np.nan)], 1_000.0 * np.round(pick(24.0, 41.0)),
    )  # fmt: skip
    climb = np.where(scene == "terminal", np.round(pick(-1.4, 1.4)) * 900.0, 0.0)
    turns_from, turns_for = pick(0.0, seconds), pick(15.0, 60.0)
    turn = np.select([scene == "terminal", scene == "harbour"], [pick(-3, 3), pick(-0.8, 0.8)], pick(-0.4, 0.4))

    # companies of two to four, half a mile to two from the leader; every other one is on one level
    member = np.zeros(count, np.int64)
    flock = np.flatnonzero(scene == "formation")
    at = 0
    while at < len(flock):
        size = dice.integer(2, 5)
        lead = flock[at]
        for k in range(1, min(size, len(flock) - at)):
            one = flock[at + k]
            bearing = np.radians(track[lead] + dice.uniform(1, 0.0, 360.0)[0])
            away = NMI_M * (0.5 + 0.5 * (k - 1)) * dice.uniform(1, 1.0, 1.4)[0]
            lat[one], lon[one] = (
                v[0] for v in _moved(lat[[lead]], lon[[lead]], np.array([away * np.sin(bearing)]),
                                     np.array([away * np.cos(bearing)]))
            )  # fmt: skip
            for values in (speed, track, turns_from, turns_for, turn, climb):
                values[one] = values[lead]
            alt[one] = alt[lead] + (500.0 * k if dice.integer(0, 2) else 0.0)
            member[one] = 1
        at += size

    # vessels of a fairway keep 150 m from each other
    sea = np.flatnonzero(scene == "harbour")
    for _ in range(20):
        x, y = lat[sea] * 111e3, lon[sea] * 111e3 * np.cos(np.radians(lat[sea]))
        near = np.hypot(x[:, None] - x, y[:, None] - y) < 150.0
        again = sea[np.triu(near, 1).any(axis=1)]
        if len(again) == 0:
            break
        lat[again], lon[again] = _moved(
            centre_lat[again], centre_lon[again],
            3e3 * dice.uniform(len(again), -1, 1), 3e3 * dice.uniform(len(again), -1, 1),
        )  # fmt: skip

    says = np.arange(count)
    copies = np.full(count, -1)
    flagged = np.flatnonzero((pick(0.0, 1.0) < shared) & (scene != "formation"))
    twos = flagged[: len(flagged) // 2 // 2 * 2]
    for a in twos:
        # the nearest of the same place and scene that is alone: the hardest
        alike = np.flatnonzero((place == place[a]) & (scene == scene[a]) & (says == np.arange(count)))
        alike = alike[(alike != a) & ~np.isin(alike, says[says != np.arange(count)]) & ~np.isin(alike, flagged)]
        if len(alike) and says[a] == a:
            x = (lat[alike] - lat[a]) * 111e3
            y = (lon[alike] - lon[a]) * 111e3 * np.cos(np.radians(lat[a]))
            far = np.hypot(x, y)
            far[far < 1_000.0] = np.inf
            if np.isfinite(far.min()):
                says[a] = alike[np.argmin(far)]
    victims = flagged[len(twos) :]

    # copied transmitters: somewhere 3 to 20 km off, on ways of their own
    n = len(victims)
    bearing, away = dice.uniform(n, 0.0, 2.0 * np.pi), dice.uniform(n, 3e3, 20e3)
    away = np.where(scene[victims] == "harbour", away / 5.0, away)
    ghost_lat, ghost_lon = _moved(lat[victims], lon[victims], away * np.sin(bearing), away * np.cos(bearing))
    like = dice.uniform(n, 0.0, 1.0) < 0.5  # goes on as the true one, beside it
    ghost_track = np.where(like, track[victims], dice.uniform(n, 0.0, 360.0))

    def both(values: Floats, extra: Floats | None = None) -> Floats:
        return np.concatenate([values, values[victims] if extra is None else extra])

    lat, lon, track = both(lat, ghost_lat), both(lon, ghost_lon), both(track, ghost_track)
    speed, turn, climb, alt = both(speed), both(turn), both(climb), both(alt)
    turns_from, turns_for = both(turns_from), both(turns_for)
    total = count + n
    ways = [np.empty((total, steps)) for _ in range(5)]
    for k in range(steps):
        for way, values in zip(ways, (lat, lon, alt, speed, track), strict=True):
            way[:, k] = values
        t = k * STEP_S
        turning = (t >= turns_from) & (t < turns_from + turns_for)
        track = np.mod(track + np.where(turning, turn, 0.0) * STEP_S, 360.0)
        lat, lon = _moved(
            lat, lon, speed * STEP_S * np.sin(np.radians(track)), speed * STEP_S * np.cos(np.radians(track))
        )
        alt = np.clip(alt + climb * STEP_S / 60.0, 500.0, 45_000.0)
    squawk = 8 + (dice.uniform(total) * 4_000).astype(np.int64)
    vfr = dice.uniform(total) < 0.2
    squawk[vfr] = 0o7000
    # a formation has one squawk
    for k in range(1, count):
        if member[k]:
            squawk[k] = squawk[k - 1]
    geometric = np.repeat(dice.uniform(total // 40 + 1, -800.0, 800.0), 40)[:total]
    return Objects(
        np.concatenate([scene, scene[victims]]), ways[0], ways[1], ways[2], ways[3], ways[4],
        np.concatenate([says, says[victims]]), np.concatenate([copies, victims]), squawk, geometric, steps,
    )  # fmt: skip


def _systems(made: Objects, dice: Dice) -> list[list[int]]:
    """Up to three systems for each object; most have three."""
    out = []
    for k, scene in enumerate(made.scene):
        if made.copies[k] >= 0:
            out.append([_NUMBER["ais" if scene == "harbour" else "adsb"]])
            continue
        if scene == "harbour":
            out.append([_NUMBER["ais"], _NUMBER["radar_sea"], _NUMBER["signalk"]])
            continue
        first = ["adsb", "adsb", "adsb", "uat", "mlat"][dice.integer(0, 5)]
        rest = [s for s in ("uat", "flarm", "mlat", "tisb", "radar_near", "radar_far") if s != first]
        order = np.argsort(dice.uniform(len(rest)) / np.array([SYSTEMS[_NUMBER[s]].share for s in rest]))
        # every fourth companion is on one system alone: nobody is to be joined with it
        few = scene == "formation" and dice.integer(0, 4) == 0
        listed = [_NUMBER[first], *(_NUMBER[rest[i]] for i in order[:2])]
        out.append([listed[dice.integer(0, 3)]] if few else listed)
    return out


def report(made: Objects, seed: int, away: Floats | None = None, away_from_s: float = np.inf) -> Heard:
    """What all systems report, in order of arrival.

    With ``away`` (N,), from ``away_from_s`` on every second system of an object reports somebody else, who leaves
    it at that speed (m/s) to the right: links made until then become wrong.
    """
    dice = Dice("mixed reports", seed)
    grid = np.arange(made.flown_by_step) * STEP_S
    end = grid[-1]
    columns: list[list[npt.NDArray[np.generic]]] = [[] for _ in range(17)]
    radar_bias = {name: (dice.uniform(1, -100, 100)[0], dice.uniform(1, -0.0008, 0.0008)[0]) for name in _RADARS}
    for k, listed in enumerate(_systems(made, dice)):
        scene = made.scene[k]
        track = np.unwrap(np.radians(made.track_deg[k]))
        sea = scene == "harbour"
        for nth, number in enumerate(listed):
            system = SYSTEMS[number]
            every = dice.uniform(1, *system.every_s)[0]
            jitter = 0.0 if system.name in _RADARS else 0.15
            many = int(end / every) + 2
            steps = every * (1.0 + jitter * dice.uniform(many, -1.0, 1.0))
            t = dice.uniform(1, 0.0, every)[0] + np.cumsum(steps) - steps[0]
            latency = dice.uniform(1, 0.0, system.latency_s)[0]
            lost = dice.uniform(many) < 0.1
            if dice.integer(0, 10) == 0:
                silent = dice.uniform(1, 0.0, end)[0]
                lost |= (t > silent) & (t < silent + dice.uniform(1, 5.0, 40.0)[0])
            t = t[~lost]
            t = t[(t < end - 2.0) & (t > 0.0)]
            n = len(t)
            if n == 0:
                continue
            lat, lon = np.interp(t, grid, made.lat_deg[k]), np.interp(t, grid, made.lon_deg[k])
            heading = np.interp(t, grid, track)
            speed = np.interp(t, grid, made.gs_mps[k])
            if away is not None and nth % 2 == 1:
                off = np.maximum(t - away_from_s, 0.0) * away[k]
                lat, lon = _moved(lat, lon, off * np.cos(heading), -off * np.sin(heading))
            sigma = dice.uniform(1, *system.noise_m)[0]
            step_s = np.diff(t, prepend=t[0])
            if system.lasting_s:
                noise = [dice.correlated(step_s, system.lasting_s) * sigma for _ in range(2)]
            else:
                noise = [dice.normal(n) * sigma for _ in range(2)]
            if system.name in _RADARS:
                # range and azimuth of a radar 40 km to the south west, 3 km at sea
                far = 3e3 if sea else 40e3
                along, turn = radar_bias[system.name]
                noise[0] = noise[0] + 0.707 * along * (0.1 if sea else 1.0) + far * turn
                noise[1] = noise[1] + 0.707 * along * (0.1 if sea else 1.0) - far * turn
            lat, lon = _moved(lat, lon, noise[0], noise[1])
            true_alt = np.interp(t, grid, made.alt_ft[k]) if not sea else np.full(n, np.nan)
            baro, geom = np.full(n, np.nan), np.full(n, np.nan)
            if system.name in ("adsb", "uat", "mlat", "tisb"):
                baro = 25.0 * np.round(true_alt / 25.0)
            if system.name in _RADARS and dice.integer(0, 5) and not sea:
                baro = 100.0 * np.round(true_alt / 100.0)
            if system.name in ("adsb", "flarm"):
                geom = true_alt + made.geometric_ft[k] + dice.uniform(1, -40.0, 40.0)[0]
            fast = system.name in ("adsb", "uat", "flarm", "ais", "signalk") or dice.integer(0, 2) == 1
            rough = 0.02 if system.name in ("adsb", "uat", "flarm", "ais", "signalk") else 0.05
            gs = speed / KT_MPS * (1.0 + rough * dice.normal(n)) if fast else np.full(n, np.nan)
            course = np.mod(np.degrees(heading) + 57.3 * rough * dice.normal(n), 360.0) if fast else np.full(n, np.nan)

            code = int(made.says[k])
            icao, call = f"icao:{0x400000 + code:06x}", f"TST{code}"
            squawk = f"{int(made.squawk[k]):04o}"
            own = f"{system.name}:{k}"
            who: tuple[str, str | None, str | None, str | None]
            match system.name:
                case "adsb":
                    who = icao, call, squawk if dice.integer(0, 5) else None, "A3"
                case "uat":
                    who = icao, call, None, "A3"
                case "flarm":
                    who = icao if dice.integer(0, 2) else own, None, None, None
                case "mlat":
                    who = icao, None, squawk if dice.integer(0, 2) else None, None
                case "tisb":
                    who = icao if dice.integer(0, 2) else own, None, None, None
                case "ais":
                    who = f"mmsi:{211000000 + code}", call, None, None
                case "signalk":
                    who = f"mmsi:{211000000 + code}" if dice.integer(0, 2) else own, None, None, None
                case "radar_sea":
                    who = own, None, None, None
                case _:
                    who = own, None, squawk if dice.integer(0, 3) else None, None
            stamped = START_NS + ((t + latency) * 1e9).astype(np.int64)
            arrives = stamped + (dice.uniform(n, 0.02, 0.3) * 1e9).astype(np.int64)
            kind = (
                None
                if system.name in ("radar_near", "radar_far", "radar_sea", "tisb")
                else ("vessel" if sea else "aircraft")
            )
            row = (
                np.full(n, k), np.full(n, number), np.full(n, who[0], object), arrives, stamped, lat, lon,
                np.full(n, 2.4477 * sigma), baro, geom, gs, course, np.full(n, who[1], object),
                np.full(n, who[2], object), np.full(n, who[3], object), np.full(n, kind, object),
                np.full(n, nth % 2 == 1),
            )  # fmt: skip
            for column, values in zip(columns, row, strict=True):
                column.append(values)
    joined = [np.concatenate(c) for c in columns]
    order = np.argsort(joined[3], kind="stable")
    return Heard(*(c[order] for c in joined))


def mixed(count: int, seconds: float, seed: int = 1, shared: float = 0.05) -> tuple[Objects, Heard]:
    """Objects and what is reported of them; copied transmitters come after the ``count`` objects.

    >>> made, heard = mixed(40, 20.0)
    >>> int((made.copies < 0).sum()), sorted({SYSTEMS[s].name for s in heard.system})[:3]
    (40, ['adsb', 'ais', 'flarm'])
    """
    made = objects(count, seconds, seed, shared)
    return made, report(made, seed)
