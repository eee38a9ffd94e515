"""What really happens in a simulation: flight plans and the tracks that an aircraft of a type flies by them.

The aircraft is a point that steers for its next waypoint along the geodesic, once a second, within the
limits of its type: bank, acceleration, rates of climb and descent. There is no wind: ground speed is what is
planned.

Source: own rule. Radius of a level turn v²/(g tan bank) as in any textbook of flight mechanics.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos import geo
from testigos.schema import TRACKS
from testigos.units import FPM_MPS, FT_M, KT_MPS, NMI_M, S_NS

__all__ = ["TRUTH", "Airfield", "Performance", "Plan", "Waypoint", "fly", "wingman"]

Floats = npt.NDArray[np.float64]

#: The columns of a truth table, as in :data:`testigos.schema.TRACKS`.
TRUTH: Final = {
    name: TRACKS[name]
    for name in (
        "object_id", "time_ns", "lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft", "on_ground",
        "gs_kt", "track_deg", "vrate_fpm", "roll_deg", "leg",
    )
}  # fmt: skip

_LONGEST_S: Final = 172_800
_FINAL_M: Final = 10 * NMI_M  # where the last straight begins
_GLIDE: Final = math.tan(math.radians(3.0))
_FIX_M: Final = _FINAL_M * _GLIDE - 50.0  # height there: the glide path is met from below
_DESCENT: Final = math.tan(math.radians(2.6))
_ROLL_START_M: Final = 1400.0  # from the airfield's reference point back along the runway
#: In warm air a pressure level lies higher than its number says; there the ellipsoid lies above the sea.
_WARM: Final = 1.045
_GEOID_FT: Final = -100.0


@dataclass(frozen=True)
class Performance:
    """What a type can do; speeds over ground, climb at sea level (it wanes with altitude)."""

    climb_fpm: float = 2_500.0
    descent_fpm: float = 2_800.0
    rotate_kt: float = 145.0
    approach_kt: float = 140.0
    low_kt: float = 250.0  #: at most this below 10,000 ft above the field
    bank_deg: float = 25.0


@dataclass(frozen=True)
class Airfield:
    """An airfield with one runway; it is used in the direction that suits the flight better."""

    icao: str
    lat_deg: float
    lon_deg: float
    elevation_ft: float
    runway_deg: float


@dataclass(frozen=True)
class Waypoint:
    """Where to fly; null altitude or speed: as before. ``fly_over``: turn behind it, not before."""

    lat_deg: float
    lon_deg: float
    alt_ft: float | None = None
    gs_kt: float | None = None
    fly_over: bool = False


@dataclass(frozen=True)
class Plan:
    """One flight; without a departure it begins in the air at the first waypoint, and may end so at the last.

    ``start_ns`` is the beginning of the take-off roll; ``taxi_s`` seconds on the ground before and after are
    part of the track.
    """

    object_id: str
    start_ns: int
    waypoints: Sequence[Waypoint]
    performance: Performance = Performance()
    departure: Airfield | None = None
    arrival: Airfield | None = None
    taxi_s: int = 240
    leg: int = 0


@njit(cache=True, nogil=True)
def _wrap(deg: float) -> float:
    return (deg + 180.0) % 360.0 - 180.0


@njit(cache=True, nogil=True)
def _clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


@njit(cache=True, nogil=True)
def _fly(
    lat: float,
    lon: float,
    alt: float,
    v: float,
    track: float,
    grounded: bool,
    points: Floats,
    landing: bool,
    end_track: float,
    end_alt: float,
    limits: Floats,
    taxi_s: int,
    out: Floats,
) -> int:
    """Rows written to ``out``, one a second: lat, lon, alt m, speed m/s, track, climb m/s, roll, on ground.

    ``points``: rows of lat, lon, alt m, speed m/s, fly-over, distance from there to the last one. With
    ``landing`` the last point is where the wheels touch and the one before it begins the last straight.
    """
    climb, sink, rotate, approach, low, bank = limits
    g = 9.80665
    n_points = len(points)
    i, n, vz, rate = 0, 0, 0.0, 0.0
    field = alt if grounded else 0.0
    committed, past, rolled, stopped = False, False, False, 0
    limit = len(out)
    while n < limit:
        row = out[n]
        row[0], row[1], row[2], row[3], row[4], row[5] = lat, lon, alt, v, track % 360.0, vz
        row[6] = 0.0 if grounded else math.degrees(math.atan(v * math.radians(rate) / g))
        row[7] = 1.0 if grounded else 0.0
        n += 1
        if grounded:
            if rolled:  # landed: slow down, then stand
                v = max(v - 2.0, 0.0)
                if v == 0.0:
                    stopped += 1
                    if stopped > taxi_s:
                        return n
            else:
                v += 2.2
                if v >= rotate:
                    grounded = False
            lat, lon = geo.direct(lat, lon, track, v)
            vz = 0.0
            continue

        d, azimuth, _ = geo.inverse(lat, lon, points[i, 0], points[i, 1])
        final = landing and i == n_points - 1
        turn_limit = math.degrees(g * math.tan(math.radians(bank)) / max(v, 60.0))
        radius = v / math.radians(turn_limit)
        if final:
            committed = committed or d < 2_000.0
            past = abs(_wrap(azimuth - track)) > 90.0
            if not committed:
                # Aim at a point of the centre line ahead, so that the track falls in with the runway.
                aim_lat, aim_lon = geo.direct(points[i, 0], points[i, 1], end_track + 180.0, 0.6 * d)
                _, azimuth, _ = geo.inverse(lat, lon, aim_lat, aim_lon)
            else:
                azimuth = end_track
        else:
            behind = abs(_wrap(azimuth - track)) > 90.0 and d < 2.5 * radius
            if i < n_points - 1:
                _, onward, _ = geo.inverse(points[i, 0], points[i, 1], points[i + 1, 0], points[i + 1, 1])
                turn = min(abs(_wrap(onward - azimuth)), 120.0)
                lead = v if points[i, 4] > 0.0 else radius * math.tan(math.radians(0.5 * turn)) + 2.0 * v
                if d <= lead or behind:
                    i += 1
                    d, azimuth, _ = geo.inverse(lat, lon, points[i, 0], points[i, 1])
            elif d <= v or behind:
                return n

        # Straight ahead until clear of the ground.
        wanted = 0.0 if alt - field < 120.0 and i == 0 else _wrap(azimuth - track) / 4.0
        wanted = _clip(wanted, -turn_limit, turn_limit)
        rate += _clip(wanted - rate, -turn_limit / 5.0, turn_limit / 5.0)

        target, speed = points[i, 2], points[i, 3]
        if final:
            target = end_alt - 10.0 + (0.0 if past else d * _GLIDE)
            speed = approach + _clip((d - 7_000.0) * 0.004, 0.0, 30.0)
        elif landing:
            togo = d + points[i, 5]
            target = min(target, end_alt + _FIX_M + max(togo - 4_000.0, 0.0) * _DESCENT)
            speed = min(speed, low + max(togo - 40_000.0, 0.0) * 0.0025)
        below = max(field, end_alt if landing and i >= n_points - 2 else 0.0)
        if alt - below < 3_048.0:
            speed = min(speed, low)
        v += _clip(speed - v, -0.7, 0.8)
        up = climb * (1.0 - 0.7 * min(max(alt, 0.0) / 12_500.0, 1.0))
        vz_wanted = _clip((target - alt) / (6.0 if final else 20.0), -sink, up)
        vz += _clip(vz_wanted - vz, -0.8, 0.8)
        if final and alt - end_alt < 12.0:
            vz = max(vz, -1.2)  # flare

        track = track + rate
        lat, lon = geo.direct(lat, lon, track - 0.5 * rate, v)
        alt += vz
        if final and alt <= end_alt:
            alt, vz, rate, grounded, rolled = end_alt, 0.0, 0.0, True, True
            track = end_track
    return n


def _runway(field: Airfield, toward_deg: float) -> float:
    turn = abs((field.runway_deg - toward_deg + 180.0) % 360.0 - 180.0)
    return field.runway_deg if turn <= 90.0 else (field.runway_deg + 180.0) % 360.0


def _azimuth(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    return float(geo.inverse(lat1, lon1, lat2, lon2)[1])


def fly(plan: Plan) -> pl.DataFrame:
    """The true track of a plan: columns :data:`TRUTH`, one row a second.

    Altitudes are of the standard atmosphere; the geometric one follows by a fixed warm atmosphere and geoid,
    which is a simplification. Raises ``ValueError`` for fewer than two points or a plan longer than two days.
    """
    way = list(plan.waypoints)
    if len(way) + (plan.departure is not None) + (plan.arrival is not None) < 2:
        raise ValueError(f"{plan.object_id}: a plan needs at least two places")
    p = plan.performance
    end_track = end_alt = 0.0
    if plan.arrival is not None:
        a = plan.arrival
        came = way[-1] if way else plan.departure
        assert came is not None
        end_track = _runway(a, _azimuth(came.lat_deg, came.lon_deg, a.lat_deg, a.lon_deg))
        end_alt = a.elevation_ft * FT_M
        touch = geo.direct(a.lat_deg, a.lon_deg, end_track + 180.0, _ROLL_START_M - 300.0)
        straight = geo.direct(*touch, end_track + 180.0, _FINAL_M)
        way += [
            Waypoint(*straight),
            Waypoint(*touch, a.elevation_ft, p.approach_kt),
        ]
    points = np.zeros((len(way), 6))
    alt, gs = 10_000.0, 400.0
    for i, w in enumerate(way):
        alt = alt if w.alt_ft is None else w.alt_ft
        gs = gs if w.gs_kt is None else w.gs_kt
        points[i, :5] = w.lat_deg, w.lon_deg, alt * FT_M, gs * KT_MPS, w.fly_over
    # The last straight has its own rule; the distance to go counts to its beginning.
    last = len(way) - (2 if plan.arrival is not None else 1)
    for i in range(last - 1, -1, -1):
        step = geo.inverse(points[i, 0], points[i, 1], points[i + 1, 0], points[i + 1, 1])[0]
        points[i, 5] = points[i + 1, 5] + step
    limits = np.array(
        [
            p.climb_fpm * FPM_MPS,
            p.descent_fpm * FPM_MPS,
            p.rotate_kt * KT_MPS,
            p.approach_kt * KT_MPS,
            p.low_kt * KT_MPS,
            p.bank_deg,
        ]
    )
    out = np.empty((_LONGEST_S, 8))
    before = 0
    if plan.departure is not None:
        f = plan.departure
        track = _runway(f, _azimuth(f.lat_deg, f.lon_deg, way[0].lat_deg, way[0].lon_deg))
        lat, lon = geo.direct(f.lat_deg, f.lon_deg, track + 180.0, _ROLL_START_M)
        start = (lat, lon, f.elevation_ft * FT_M, 0.0, track, True)
        route, before = points, plan.taxi_s
    else:
        track = _azimuth(way[0].lat_deg, way[0].lon_deg, way[1].lat_deg, way[1].lon_deg)
        start = (way[0].lat_deg, way[0].lon_deg, points[0, 2], points[0, 3], track, False)
        route = points[1:]
    n = _fly(*start, np.ascontiguousarray(route), plan.arrival is not None, end_track, end_alt, limits,
             plan.taxi_s, out)  # fmt: skip
    if n == _LONGEST_S:
        raise ValueError(f"{plan.object_id}: the plan takes longer than two days")
    rows = np.concatenate([np.repeat(out[:1], before, 0), out[:n]])
    time_ns = plan.start_ns + (np.arange(len(rows)) - before) * S_NS
    return _table(plan.object_id, plan.leg, time_ns, rows)


def _table(object_id: str, leg: int, time_ns: npt.NDArray[np.int64], rows: Floats) -> pl.DataFrame:
    alt_ft = rows[:, 2] / FT_M
    columns = {
        "object_id": np.full(len(rows), object_id),
        "time_ns": time_ns,
        "lat_deg": rows[:, 0],
        "lon_deg": rows[:, 1],
        "alt_baro_ft": alt_ft,
        "alt_geom_ft": alt_ft * _WARM + _GEOID_FT,
        "on_ground": rows[:, 7] > 0.0,
        "gs_kt": rows[:, 3] / KT_MPS,
        "track_deg": rows[:, 4],
        "vrate_fpm": rows[:, 5] / FPM_MPS,
        "roll_deg": rows[:, 6],
        "leg": np.full(len(rows), leg),
    }
    return pl.DataFrame(columns).select(pl.col(c.name).cast(c.dtype) for c in TRUTH.values())


def _smooth(x: Floats) -> Floats:
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x), np.float64)


def wingman(
    leader: pl.DataFrame,
    object_id: str,
    *,
    apart_s: float = 120.0,
    trail_s: float = 18.0,
    join_s: float = 1_500.0,
    right_m: float = 900.0,
    above_ft: float = 0.0,
) -> pl.DataFrame:
    """The true track of an aircraft that takes off ``apart_s`` after its leader, joins it, lands behind it.

    Between the joining (which takes ``join_s``) and the same time before landing it keeps ``trail_s`` behind,
    ``right_m`` to the right and ``above_ft`` above. ``leader``: a table of :func:`fly` with both ends on the
    ground. Returns a table of the same form.
    """
    base = leader.get_column("time_ns").to_numpy()
    t0 = int(base[0])
    own = (base - t0) / S_NS
    air = np.flatnonzero(~leader.get_column("on_ground").to_numpy())
    up, down = float(own[air[0]]), float(own[air[-1]])
    t = np.arange(0.0, own[-1] + apart_s + 1.0)
    closed = _smooth((t - up - apart_s - 120.0) / join_s) * _smooth((down - 1_200.0 - t) / join_s)
    at = np.clip(t - apart_s + (apart_s - trail_s) * closed, 0.0, own[-1])

    def column(name: str) -> Floats:
        return np.asarray(np.interp(at, own, leader.get_column(name).to_numpy()), np.float64)

    course = np.unwrap(np.radians(leader.get_column("track_deg").to_numpy()))
    track = np.degrees(np.interp(at, own, course))
    # The place beside the leader swings round slower than the leader turns, else it would outrun the type.
    box = np.ones(121) / 121.0
    side = np.convolve(np.pad(track, 60, mode="edge"), box, mode="valid") + 90.0
    lat, lon = geo.destination(column("lat_deg"), column("lon_deg"), side, right_m * closed)
    ground = column("on_ground") > 0.5
    alt = column("alt_baro_ft") + above_ft * closed
    step, azimuth, _ = geo.inverse_arrays(lat[:-1], lon[:-1], lat[1:], lon[1:])
    moving = np.append(step, 0.0) > 5.0
    rows = np.column_stack(
        [
            lat,
            lon,
            alt * FT_M,
            np.append(step, 0.0),
            np.where(moving, np.append(azimuth, 0.0), track) % 360.0,
            np.where(ground, 0.0, np.gradient(alt) * FT_M),
            np.where(ground, 0.0, column("roll_deg")),
            ground,
        ]
    )
    return _table(object_id, int(leader.get_column("leg")[0]), t0 + (t * S_NS).astype(np.int64), rows)
