"""Compact position reporting: latitude and longitude from 17 bits each, as a fold over an aircraft's messages.

A message says where within a cell the aircraft is; which cell follows from a pair of messages (even and odd
cells differ in size), or from a position nearby. A verdict is given once and never rewritten:

1. **The track** is the last sure position. What can be reached from it within the elapsed time, at the reported
   speed with allowances (:func:`reach_m`), is ``ok`` and moves the track; what cannot is ``unreachable``. A reach
   that is no small part of a cell proves little: a message from anywhere finds some cell within it. So beyond
   50 km (12.5 km on the ground; 20 and 5 km under an address whose messages contradicted each other within ten
   minutes) the position is local to the track, but wants confirming (rule 3); beyond 250 km the track is dead.
2. **A pair** of opposite formats, at most 10 s apart in the air (25 s on the ground, 50 s when not above 25 kt),
   in the same longitude zone, at altitudes that belong together and with both halves within a strict reach of each
   other, gives a position. On the ground it is one of eight; the receiver, or else the last track however old, must
   leave exactly one, at 350 m/s of travel at most.
3. **The rival** is a position that is not sure yet: of a pair, or local to a track that was silent for long, or to
   the receiver where its range leaves one cell. It is ``ambiguous``, with its coordinates, until the other format
   agrees within a strict reach: in a wrong cell the other format is 6 NM off (1.5 NM on the ground). The strict
   reach assumes 350 m/s where no speed is known. Where messages contradicted each other in the last 30 s, six more
   alternations have to agree: halves of two aircraft may fit once, but drift apart.
4. **While the track lives** a rival that began out of its reach stays ``unreachable``, also when silence has let the
   reach grow over it: the nearer of both claims a message. It takes over when the track has been silent for a
   minute and ten alternations agreed since. So nobody pulls a living track to another place, and no wrong one lasts.
   Two that start from one place and drift apart look alike: the track goes with one of them, perhaps the wrong one.
5. A position farther than the receiver's range is ``out_of_range``, with its coordinates, and founds no track.
6. The same content within 2 s is the same transmission (another receiver's copy): the same verdict, no evidence.

What nothing resolves is ``ambiguous`` without coordinates. Time may stand still or step back: only its distance
counts. All thresholds not of the specification are own rules.

Source: RTCA DO-260B, appendix A.1.7; ICAO Doc 9871, C.2.6. The windows of ground pairs: DO-260B, 2.2.10.
"""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from testigos.kernels import kernel
from testigos.modes.columns import (
    ALT_BARO_FT,
    AMBIGUOUS,
    CPR_LAT,
    CPR_LON,
    CPR_ODD,
    GS_KT,
    LAT_DEG,
    LON_DEG,
    OK,
    OUT_OF_RANGE,
    STATUS,
    TC,
    UNREACHABLE,
    Out,
)
from testigos.modes.state import NEVER

__all__ = ["distance_m", "global_airborne", "global_surface", "local", "nl", "position", "reach_m"]

_RAD: Final = math.pi / 180.0
_M_PER_DEG: Final = 6_371_008.8 * _RAD
_UNIT: Final = 2.0**-17

#: Height of an even and an odd cell, and width of one of n cells; a quarter of it on the ground.
_HEIGHT_DEG: Final = np.array([6.0, 360.0 / 59.0])
_PER_HEIGHT: Final = 1.0 / _HEIGHT_DEG
_WIDTH_DEG: Final = 360.0 / np.maximum(np.arange(60), 1)


def _zones() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """NL at the lower edge of each quarter of a degree, and where within it NL falls by one."""
    n = np.arange(2, 60)
    # NL(lat) >= n up to here: the definition, with half angles, solved for the latitude
    edge = np.degrees(np.arccos(np.minimum(np.sin(np.pi / 60) / np.sin(np.pi / n), 1.0)))
    edge[0] = 87.0
    quarter = np.arange(361) * 0.25
    count = 1 + (quarter[:, None] <= edge).sum(axis=1)
    falls = np.full(361, np.inf)
    falls[np.floor(edge * 4).astype(np.int64)] = edge
    return count, falls


_NL, _NL_FALLS = _zones()

# Own rules, by [in the air, on the ground]. Cells are at least 360 and 90 NM wide; 250 km keep clear of half a
# cell near the poles too, where a short way changes the longitude by a lot.
_HALF_CELL_M: Final = np.array([250_000.0, 62_000.0])
_CELL_M: Final = np.array([660_000.0, 165_000.0])
_DIRECT_M: Final = np.array([50_000.0, 12_500.0])  # 2 % of a cell's area
_DIRECT_CONTESTED_M: Final = np.array([20_000.0, 5_000.0])
_STRICT_M: Final = np.array([5_000.0, 1_250.0])  # the other format is 11.1 and 2.8 km off in a wrong cell
_MARGIN_M: Final = np.array([750.0, 300.0])

_SPEED_LIMIT_MPS: Final = 1029.0  # 2,000 kt
_SURFACE_SPEED_MPS: Final = 110.0  # rejected take-offs included
_FERRY_MPS: Final = 350.0
_FERRY_M: Final = 4_000_000.0
_RECEIVER_M: Final = 400_000.0  # from the ground to 12 km of height
_LIFE_S: Final = 600.0
_SILENT_S: Final = 60.0
_SAME_S: Final = 2.0
_CONTRADICTED_S: Final = 30.0
_TENTATIVE_S: Final = 3.0
_TAKEOVER: Final = 10
_SUSPECT: Final = 7
_CONFIRMED: Final = 2
_CONTINUES: Final = 2


@kernel
def nl(lat_deg: float) -> int:
    """Number of longitude zones at a latitude: 59 at the equator, 1 beyond 87 degrees (and for no latitude).

    Source: DO-260B, A.1.7.2 d.
    """
    lat = abs(lat_deg)
    if not lat <= 90.0:
        return 1
    quarter = int(lat * 4.0)
    return int(_NL[quarter]) - (1 if lat > _NL_FALLS[quarter] else 0)


@kernel
def distance_m(lat_deg: float, lon_deg: float, to_lat_deg: float, to_lon_deg: float) -> float:
    """Distance on a sphere, metres: true to 1 % of it, antimeridian and poles included."""
    north = to_lat_deg - lat_deg
    east = to_lon_deg - lon_deg
    east -= 360.0 * math.floor(east * (1.0 / 360.0) + 0.5)
    if abs(north) + abs(east) < 10.0 and abs(lat_deg) < 80.0:
        s = (0.5 * _RAD * (lat_deg + to_lat_deg)) ** 2
        east *= 1.0 - s * (0.5 - s * (1 / 24 - s * (1 / 720 - s * (1 / 40320))))  # the cosine
        return _M_PER_DEG * math.sqrt(north * north + east * east)
    a = math.sin(0.5 * _RAD * north) ** 2
    a += math.cos(_RAD * lat_deg) * math.cos(_RAD * to_lat_deg) * math.sin(0.5 * _RAD * east) ** 2
    return _M_PER_DEG / _RAD * 2.0 * math.asin(math.sqrt(min(a, 1.0)))


@kernel
def _beyond(receiver_lat_deg: float, receiver_lon_deg: float, range_m: float, lat_deg: float, lon_deg: float) -> bool:
    """Whether a position is farther than the receiver hears; no where that is unknown."""
    if not range_m >= 0.0 or lat_deg != lat_deg:
        return False
    if abs(lat_deg - receiver_lat_deg) * _M_PER_DEG > range_m:
        return True
    return bool(distance_m(receiver_lat_deg, receiver_lon_deg, lat_deg, lon_deg) > range_m)


@kernel
def _east_west(lon_deg: float) -> float:
    return lon_deg - 360.0 * math.floor((lon_deg + 180.0) * (1.0 / 360.0))


@kernel
def local(
    lat_cpr: int, lon_cpr: int, odd: int, surface: int, ref_lat_deg: float, ref_lon_deg: float
) -> tuple[float, float]:
    """The position nearest to a reference: latitude and longitude in degrees, NaN where there is none.

    Source: DO-260B, A.1.7.5 and A.1.7.6.
    """
    part, parts = (0.25, 4.0) if surface else (1.0, 1.0)
    y = lat_cpr * _UNIT
    j = math.floor(0.5 + ref_lat_deg * (_PER_HEIGHT[odd] * parts) - y)
    lat = _HEIGHT_DEG[odd] * part * (j + y)
    if not abs(lat) <= 90.0:
        return math.nan, math.nan
    count = max(nl(lat) - odd, 1)
    x = lon_cpr * _UNIT
    m = math.floor(0.5 + ref_lon_deg * (count * parts * (1.0 / 360.0)) - x)
    return lat, _east_west(_WIDTH_DEG[count] * part * (m + x))


@kernel
def _pair(
    even_lat: int, even_lon: int, odd_lat: int, odd_lon: int, surface: int, ref_lat_deg: float, ref_lon_deg: float
) -> tuple[float, float, float, float]:
    """Both halves' latitude and longitude; NaN where their zones differ. On the ground, nearest to the reference."""
    part = 0.25 if surface else 1.0
    y0, y1 = even_lat * _UNIT, odd_lat * _UNIT
    j = math.floor(59.0 * y0 - 60.0 * y1 + 0.5)
    lat0 = 6.0 * part * (j - 60.0 * math.floor(j / 60.0) + y0)
    lat1 = _HEIGHT_DEG[1] * part * (j - 59.0 * math.floor(j / 59.0) + y1)
    if surface:
        lat0 -= 90.0 * math.floor((lat0 - ref_lat_deg) / 90.0 + 0.5)
        lat1 -= 90.0 * math.floor((lat1 - ref_lat_deg) / 90.0 + 0.5)
    else:
        lat0 -= 360.0 if lat0 >= 270.0 else 0.0
        lat1 -= 360.0 if lat1 >= 270.0 else 0.0
    count = nl(lat0)
    if not (abs(lat0) <= 90.0 and abs(lat1) <= 90.0 and count == nl(lat1)):
        return math.nan, math.nan, math.nan, math.nan
    x0, x1 = even_lon * _UNIT, odd_lon * _UNIT
    m = math.floor(x0 * (count - 1) - x1 * count + 0.5)
    n0, n1 = count, max(count - 1, 1)
    lon0 = _WIDTH_DEG[n0] * part * (m - n0 * math.floor(m / n0) + x0)
    lon1 = _WIDTH_DEG[n1] * part * (m - n1 * math.floor(m / n1) + x1)
    if surface:
        lon0 -= 90.0 * math.floor((lon0 - ref_lon_deg) / 90.0 + 0.5)
        lon1 -= 90.0 * math.floor((lon1 - ref_lon_deg) / 90.0 + 0.5)
    return lat0, _east_west(lon0), lat1, _east_west(lon1)


@kernel
def global_airborne(even_lat: int, even_lon: int, odd_lat: int, odd_lon: int, odd: int) -> tuple[float, float]:
    """The position of the later of two airborne messages (``odd``: which it is), NaN where they straddle zones.

    Source: DO-260B, A.1.7.7.

    >>> [round(float(x), 5) for x in global_airborne(93000, 51372, 74158, 50194, 0)]
    [52.2572, 3.91937]
    """
    lat0, lon0, lat1, lon1 = _pair(even_lat, even_lon, odd_lat, odd_lon, 0, 0.0, 0.0)
    return (lat1, lon1) if odd else (lat0, lon0)


@kernel
def global_surface(
    even_lat: int, even_lon: int, odd_lat: int, odd_lon: int, odd: int, ref_lat_deg: float, ref_lon_deg: float
) -> tuple[float, float]:
    """As :func:`global_airborne` on the ground: of the eight positions, the one nearest to the reference.

    Source: DO-260B, A.1.7.8.
    """
    lat0, lon0, lat1, lon1 = _pair(even_lat, even_lon, odd_lat, odd_lon, 1, ref_lat_deg, ref_lon_deg)
    return (lat1, lon1) if odd else (lat0, lon0)


@kernel
def _elapsed_s(clock_ns: int, then_ns: int) -> float:
    return abs(clock_ns - then_ns) * 1e-9


@kernel
def _speed_mps(aircraft: Any, clock_ns: int, elapsed_s: float, surface: int) -> float:
    """Upper bound of the speed; ``surface``: on the ground all the time."""
    if surface:
        return _SURFACE_SPEED_MPS
    gs = aircraft.gs_kt
    if not gs >= 0.0:
        return _SPEED_LIMIT_MPS
    # 1 g since it was said, up to 300 m/s: a velocity that another aircraft of this address said, even none at all,
    # so leaves an airliner within reach.
    since_s = max(elapsed_s, _elapsed_s(clock_ns, aircraft.velocity_ns))
    return float(min(_SPEED_LIMIT_MPS, 0.643 * gs + 75.0 + min(10.0 * since_s, 300.0)))


@kernel
def reach_m(aircraft: Any, clock_ns: int, elapsed_s: float, surface: int) -> float:
    """How far the aircraft can have come, metres; a second and some hundred metres are for stamps and antennas."""
    return float(_speed_mps(aircraft, clock_ns, elapsed_s, surface) * (elapsed_s + 1.0) + _MARGIN_M[surface])


@kernel
def _strict_m(aircraft: Any, clock_ns: int, elapsed_s: float, surface: int, surface_cell: int) -> float:
    """The reach that counts as evidence: half of what another cell would be off, at most."""
    speed = _speed_mps(aircraft, clock_ns, elapsed_s, surface)
    if speed == _SPEED_LIMIT_MPS and not aircraft.gs_kt >= 0.0:
        speed = _FERRY_MPS
    return float(min(speed * (elapsed_s + 0.5) + 100.0, _STRICT_M[surface_cell]))


@kernel
def _same_height(alt_ft: float, other_alt_ft: float, elapsed_s: float) -> bool:
    return bool(not abs(alt_ft - other_alt_ft) > 500.0 + 500.0 * elapsed_s)  # unknown is no objection


@kernel
def _only_one(lat_deg: float, lon_deg: float, ref_lat_deg: float, ref_lon_deg: float, within_m: float) -> bool:
    """Of a ground pair's eight positions this one alone is ``within_m`` (at most 45 degrees) of the reference."""
    return bool(
        distance_m(ref_lat_deg, ref_lon_deg, lat_deg, lon_deg) <= within_m
        and distance_m(ref_lat_deg, ref_lon_deg, lat_deg, lon_deg + 90.0) > within_m
        and distance_m(ref_lat_deg, ref_lon_deg, lat_deg, lon_deg - 90.0) > within_m
    )


@kernel
def _write(i: int, out: Out, status: int, lat_deg: float, lon_deg: float) -> None:
    out.f64[LAT_DEG, i] = lat_deg
    out.f64[LON_DEG, i] = lon_deg
    if not (status == OK and out.u8[STATUS, i] == OUT_OF_RANGE):  # another value of the message was
        out.u8[STATUS, i] = status


@kernel
def _follow(
    i: int,
    clock_ns: int,
    out: Out,
    a: Any,
    surface: int,
    lat_deg: float,
    lon_deg: float,
    receiver_lat_deg: float,
    receiver_lon_deg: float,
    range_m: float,
) -> None:
    """The track moves to where the message says."""
    a.lat_deg = lat_deg
    a.lon_deg = lon_deg
    a.position_ns = clock_ns
    a.position_surface = surface
    far = _beyond(receiver_lat_deg, receiver_lon_deg, range_m, lat_deg, lon_deg)
    _write(i, out, OUT_OF_RANGE if far else OK, lat_deg, lon_deg)


@kernel
def position(
    i: int,
    clock_ns: int,
    out: Out,
    air: npt.NDArray[np.void],
    slot: int,
    receiver_lat_deg: float,
    receiver_lon_deg: float,
    range_m: float,
) -> None:
    """Locate message ``i``, an extended squitter with CPR fields, heard at ``clock_ns`` from ``air[slot]``.

    Reads ``tc`` and the CPR columns of ``out`` (and altitude and speed as a check), writes ``lat_deg``,
    ``lon_deg`` and ``status``, and remembers in ``air[slot]``. The receiver's position is in degrees, its range
    in metres, NaN where unknown.

    Source: the rules of this module.
    """
    odd = int(out.u8[CPR_ODD, i])
    if odd > 1:
        return
    a = air[slot]
    lat_cpr, lon_cpr = int(out.u32[CPR_LAT, i]), int(out.u32[CPR_LON, i])
    surface = 1 if 5 <= out.u8[TC, i] <= 8 else 0

    if (
        a.cpr_lat[odd] == lat_cpr
        and a.cpr_lon[odd] == lon_cpr
        and a.cpr_surface[odd] == surface
        and _elapsed_s(clock_ns, a.cpr_ns[odd]) < _SAME_S
    ):
        _write(i, out, int(a.cpr_status[odd]), a.cpr_lat_deg[odd], a.cpr_lon_deg[odd])
        return

    track_m = math.inf
    track_lat = track_lon = math.nan
    silent_s = _elapsed_s(clock_ns, a.position_ns)
    reach = reach_m(a, clock_ns, silent_s, 1 if surface and a.position_surface == 1 else 0)
    alive = silent_s <= _LIFE_S and reach <= _HALF_CELL_M[surface]
    if alive:
        track_lat, track_lon = local(lat_cpr, lon_cpr, odd, surface, a.lat_deg, a.lon_deg)
        # nearly always: nothing disputes the track, and even a way round the corner is within its direct reach
        corner_m = (abs(track_lat - a.lat_deg) + abs(track_lon - a.lon_deg)) * _M_PER_DEG
        if corner_m <= reach <= _DIRECT_CONTESTED_M[surface] and a.rival_ns == NEVER and abs(track_lat) < 89.0:
            _follow(i, clock_ns, out, a, surface, track_lat, track_lon, receiver_lat_deg, receiver_lon_deg, range_m)
            return
        # on the ground at a pole even the nearest quarters are too near
        if track_lat == track_lat and not (
            surface and abs(track_lat) > 89.0 and not _only_one(track_lat, track_lon, a.lat_deg, a.lon_deg, reach)
        ):
            track_m = distance_m(a.lat_deg, a.lon_deg, track_lat, track_lon)

    direct = False
    if track_m <= reach:
        direct = reach <= _DIRECT_CONTESTED_M[surface] or (
            reach <= _DIRECT_M[surface] and _elapsed_s(clock_ns, a.contradicted_ns) > _LIFE_S
        )
        if direct and a.rival_ns == NEVER:
            _follow(i, clock_ns, out, a, surface, track_lat, track_lon, receiver_lat_deg, receiver_lon_deg, range_m)
            return
    _unsettled(
        i, clock_ns, out, a, odd, lat_cpr, lon_cpr, surface, alive, direct, reach, track_m / reach, track_lat,
        track_lon, receiver_lat_deg, receiver_lon_deg, range_m,
    )  # fmt: skip


@kernel
def _unsettled(
    i: int,
    clock_ns: int,
    out: Out,
    a: Any,
    odd: int,
    lat_cpr: int,
    lon_cpr: int,
    surface: int,
    alive: bool,
    direct: bool,
    reach: float,
    track_fit: float,
    track_lat: float,
    track_lon: float,
    receiver_lat_deg: float,
    receiver_lon_deg: float,
    range_m: float,
) -> None:
    """Everything but the usual case: no track, or it disagrees, or a rival is about."""
    alt_ft = out.f32[ALT_BARO_FT, i]
    silent_s = _elapsed_s(clock_ns, a.position_ns)

    rival_fit = math.inf
    lat = lon = math.nan
    rival_s = _elapsed_s(clock_ns, a.rival_ns)
    still = 1 if surface and a.rival_surface == 1 else 0
    rival_reach = reach_m(a, clock_ns, rival_s, still)
    rival_alive = rival_s <= _LIFE_S and rival_reach <= _DIRECT_M[surface]
    if rival_alive:
        lat, lon = local(lat_cpr, lon_cpr, odd, surface, a.rival_lat_deg, a.rival_lon_deg)
        if lat == lat and not (
            surface and abs(lat) > 89.0 and not _only_one(lat, lon, a.rival_lat_deg, a.rival_lon_deg, rival_reach)
        ):
            rival_fit = distance_m(a.rival_lat_deg, a.rival_lon_deg, lat, lon) / rival_reach
    else:
        a.rival_ns = NEVER

    if direct and track_fit <= 1.0 and not (a.rival_strength >= _CONFIRMED and rival_fit < track_fit):
        a.rival_strength = min(a.rival_strength, _CONFIRMED)  # counts from the track's last word
        _follow(i, clock_ns, out, a, surface, track_lat, track_lon, receiver_lat_deg, receiver_lon_deg, range_m)
        return

    free = 1
    suspect = _elapsed_s(clock_ns, a.contradicted_ns) <= _CONTRADICTED_S
    if rival_fit <= 1.0:
        strict = _strict_m(a, clock_ns, rival_s, still, surface)
        if a.rival_contested == _CONTINUES and not suspect:
            strict = rival_reach
        if a.rival_odd != odd and rival_fit * rival_reach <= strict and _same_height(alt_ft, a.rival_alt_ft, rival_s):
            a.rival_strength = min(a.rival_strength + 1, 200)
        # one format alone keeps no wrong cell alive
        if a.rival_odd != odd or a.rival_strength >= _CONFIRMED or a.rival_contested == _CONTINUES:
            _put_rival(a, lat, lon, clock_ns, surface, odd, alt_ft)
        free = 0 if a.rival_strength >= _CONFIRMED else 1
        contested = alive and a.rival_contested == 1
        if contested:
            sure = a.rival_strength >= _TAKEOVER and silent_s >= _SILENT_S
        elif suspect:
            sure = a.rival_strength >= _SUSPECT
        else:
            sure = a.rival_strength >= _CONFIRMED
        status = UNREACHABLE if contested else AMBIGUOUS
        if _beyond(receiver_lat_deg, receiver_lon_deg, range_m, lat, lon):
            status = OUT_OF_RANGE
        elif sure:
            status = OK
            a.lat_deg = lat
            a.lon_deg = lon
            a.position_ns = clock_ns
            a.position_surface = surface
            a.rival_ns = NEVER
    else:
        if (alive and track_fit > 1.0) or rival_alive:
            a.contradicted_ns = clock_ns
        lat, lon = _from_pair(
            i, clock_ns, out, a, odd, lat_cpr, lon_cpr, surface, alt_ft, receiver_lat_deg, receiver_lon_deg, range_m
        )
        continues = lat != lat and track_fit <= 1.0
        if continues:
            lat, lon = track_lat, track_lon
        elif lat != lat and not suspect:
            lat, lon = _from_receiver(lat_cpr, lon_cpr, odd, surface, receiver_lat_deg, receiver_lon_deg, range_m)
        founded = lat == lat
        if not founded:
            lat, lon = track_lat, track_lon
        outside = alive and track_fit > 1.0
        if alive and founded and not outside:
            outside = distance_m(a.lat_deg, a.lon_deg, lat, lon) > reach
        status = UNREACHABLE if outside else AMBIGUOUS
        beyond = _beyond(receiver_lat_deg, receiver_lon_deg, range_m, lat, lon)
        if beyond:
            status = OUT_OF_RANGE
        if founded and (
            not rival_alive or rival_s > _CONTRADICTED_S or (a.rival_strength < _CONFIRMED and rival_s > _TENTATIVE_S)
        ):
            _put_rival(a, lat, lon, NEVER if beyond else clock_ns, surface, odd, alt_ft)
            a.rival_strength = 1
            a.rival_contested = 1 if outside else (_CONTINUES if continues else 0)

    a.cpr_lat[odd] = lat_cpr
    a.cpr_lon[odd] = lon_cpr
    a.cpr_surface[odd] = surface
    a.cpr_free[odd] = free
    a.cpr_alt_ft[odd] = alt_ft
    a.cpr_ns[odd] = clock_ns
    a.cpr_status[odd] = status
    a.cpr_lat_deg[odd] = lat
    a.cpr_lon_deg[odd] = lon
    _write(i, out, status, lat, lon)


@kernel
def _put_rival(a: Any, lat_deg: float, lon_deg: float, clock_ns: int, surface: int, odd: int, alt_ft: float) -> None:
    a.rival_lat_deg = lat_deg
    a.rival_lon_deg = lon_deg
    a.rival_ns = clock_ns
    a.rival_surface = surface
    a.rival_odd = odd
    a.rival_alt_ft = alt_ft


@kernel
def _from_pair(
    i: int,
    clock_ns: int,
    out: Out,
    a: Any,
    odd: int,
    lat_cpr: int,
    lon_cpr: int,
    surface: int,
    alt_ft: float,
    receiver_lat_deg: float,
    receiver_lon_deg: float,
    range_m: float,
) -> tuple[float, float]:
    """The position that this message and the last of the other format make, NaN where none."""
    other = 1 - odd
    apart_s = _elapsed_s(clock_ns, a.cpr_ns[other])
    window_s = 10.0
    if surface:
        window_s = 50.0 if out.f32[GS_KT, i] <= 25.0 else 25.0
    if not (apart_s <= window_s and a.cpr_free[other] == 1 and a.cpr_surface[other] == surface):
        return math.nan, math.nan
    ref_lat = ref_lon = within_m = 0.0
    if surface:
        if receiver_lat_deg == receiver_lat_deg:
            ref_lat, ref_lon = receiver_lat_deg, receiver_lon_deg
            within_m = min(range_m, _RECEIVER_M) if range_m == range_m else _RECEIVER_M
        elif a.position_ns != NEVER:
            ref_lat, ref_lon = a.lat_deg, a.lon_deg
            within_m = 250_000.0 + _FERRY_MPS * _elapsed_s(clock_ns, a.position_ns)
            if within_m > _FERRY_M:
                return math.nan, math.nan
        else:
            return math.nan, math.nan
    other_lat, other_lon = int(a.cpr_lat[other]), int(a.cpr_lon[other])
    if odd:
        lat0, lon0, lat, lon = _pair(other_lat, other_lon, lat_cpr, lon_cpr, surface, ref_lat, ref_lon)
    else:
        lat, lon, lat0, lon0 = _pair(lat_cpr, lon_cpr, other_lat, other_lon, surface, ref_lat, ref_lon)
    if lat != lat:
        return math.nan, math.nan
    way = distance_m(lat0, lon0, lat, lon)
    if way > reach_m(a, clock_ns, apart_s, surface) or not _same_height(alt_ft, a.cpr_alt_ft[other], apart_s):
        a.contradicted_ns = clock_ns  # halves of two aircraft
        return math.nan, math.nan
    if way > _strict_m(a, clock_ns, apart_s, surface, surface):
        return math.nan, math.nan
    if surface and not _only_one(lat, lon, ref_lat, ref_lon, within_m):
        return math.nan, math.nan
    return lat, lon


@kernel
def _from_receiver(
    lat_cpr: int,
    lon_cpr: int,
    odd: int,
    surface: int,
    receiver_lat_deg: float,
    receiver_lon_deg: float,
    range_m: float,
) -> tuple[float, float]:
    """The only position within the receiver's range, NaN where there are several or none."""
    if not (range_m < _CELL_M[surface] and abs(receiver_lat_deg) < 80.0):
        return math.nan, math.nan
    lat, lon = local(lat_cpr, lon_cpr, odd, surface, receiver_lat_deg, receiver_lon_deg)
    if lat == lat:
        off = distance_m(receiver_lat_deg, receiver_lon_deg, lat, lon)
        # the next candidate is a cell away from this one
        if off <= range_m and off + range_m < _CELL_M[surface]:
            return lat, lon
    return math.nan, math.nan
