"""Where many objects are, by measurements of position and velocity: interacting multiple models, in place.

Each track is one row (a *slot*) of ``Filters``: three modes, straight and in turns (``fuse.motion``), in the plane of a
point near it (``fuse.plane``), which is moved along before the track is ``RECENTRE_M`` away. ``step`` takes
measurements one after another, so how they were cut into batches cannot change a bit of the result, and no track
touches another.

Rules:

- The first measurement of a slot starts it. A time before that of the slot's last measurement is ``LATE``, and what is
  no number or has no positive definite covariance is ``INVALID``; neither changes anything.
- A position whose normalised innovation squared is above ``GATE``, by all modes together and by each alone, is
  ``REFUSED``: it changes nothing but the count of refusals in a row. With ``Motion.refusals`` of them, after
  ``Motion.gap_s`` of silence, or where the prediction is some 100,000 times less sure than the measurement, the
  track begins anew at the measurement (``RESTARTED``).
- A velocity is a measurement of its own, with errors that have nothing to do with those of the position. It is used
  where the position is, if within ``GATE`` itself.
- Measurements of the same time are all used, as if their errors were independent.

Velocities are over ground, at the ellipsoid: for an aircraft at 12 km they are 0.2 % less than its own. Numbers are
metres and seconds; east and north are true, at the place.

Source: Blom and Bar-Shalom, "The interacting multiple model algorithm for systems with Markovian switching
coefficients", IEEE Transactions on Automatic Control 33 (1988); the rest is own rule, measured in bench/filter.py.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from testigos.fuse.motion import MODE, MOTIONS, Motion, advance, blend, table, update, update_velocity
from testigos.fuse.plane import axes, from_plane, origin, to_plane
from testigos.kernels import kernel_fma

__all__ = [
    "ACCEPTED", "GATE", "INVALID", "LATE", "RECENTRE_M", "REFUSED", "RESTARTED", "STARTED", "VARIANCES_M2", "Estimates",
    "Filters", "Stepped", "estimates", "forget", "grown", "new_filters", "predicted", "radius95_m", "step",
    "variance_m2",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: What became of a measurement; it was used where this is ``RESTARTED`` or less.
ACCEPTED: Final = 1
STARTED: Final = 2
RESTARTED: Final = 3
REFUSED: Final = 4
LATE: Final = 5
INVALID: Final = 6

GATE: Final = 18.420680743952367  #: χ² of two degrees of freedom at 99.99 %
RECENTRE_M: Final = 20_000.0
_LEAST: Final = 1e-9  # probability of a mode
VARIANCES_M2: Final = (1e-4, 1e14)  #: what a measurement may say of its error
_VAR_LOW, _VAR_HIGH, _CORRELATED = *VARIANCES_M2, 1.0 - 1e-6
_FAST: Final = 1e5  # m/s
_PLANE: Final = 0.5  # cosine of the distance, as an angle, from which on the plane does not have a place
_FLAT: Final = 0.01  # in radii of the earth: within it, 64 km, the plane is as good as the ellipsoid
_LOST: Final = 1e10  # variance of a prediction, in those of the measurement
_CONTAIN95: Final = 2.447746830680816  #: 95 % radius of a round normal distribution, in σ

# A slot's row: its plane, the probabilities of turns to the left and right, the modes.
_S0, _C0, _N0, _LON0, _LEFT, _RIGHT, _MODES = 0, 1, 2, 3, 4, 5, 6
_STRAIGHT: Final = slice(_MODES, _MODES + MODE)
_WIDTH: Final = _MODES + 3 * MODE


@dataclass(frozen=True, slots=True)
class Filters:
    """The state of all slots. ``kind``, (C,), is the caller's to set: the motion of each slot, 0 at first."""

    motions: Floats  #: (K, 11), rows of ``motion.table``
    state: Floats  #: (C, 66)
    time_ns: Ints  #: (C,) of the last measurement used; meaningless where ``used`` is 0
    used: Ints  #: (C,) measurements used since the track began; 0: the slot is empty
    refused: Ints  #: (C,) measurements refused since one was used
    kind: Ints  #: (C,) row of ``motions``: 0 aircraft, 1 vessel, 2 drone

    def __len__(self) -> int:
        return len(self.used)


class Stepped(NamedTuple):
    """What became of each measurement, (N,) each; numbers are NaN where there was nothing to compare with."""

    outcome: npt.NDArray[np.uint8]  #: ``ACCEPTED`` to ``INVALID``
    nis: Floats  #: normalised innovation squared of the position: χ² of two degrees of freedom, if all is well
    nis_velocity: Floats  #: of the velocity, after the position was used


class Estimates(NamedTuple):
    """Where slots are, (N,) each; NaN for empty slots. Velocities and covariances are in true east and north."""

    time_ns: Ints
    lat_deg: Floats
    lon_deg: Floats
    velocity_east_mps: Floats
    velocity_north_mps: Floats
    turn_degps: Floats  #: rate of turn, right positive
    turning: Floats  #: probability of a turn
    cov_east_m2: Floats
    cov_east_north_m2: Floats
    cov_north_m2: Floats
    cov_velocity_m2ps2: Floats  #: mean of the variances of the two velocities


def new_filters(capacity: int, motions: tuple[Motion, ...] = MOTIONS) -> Filters:
    """Empty slots."""
    return Filters(
        table(motions),
        np.zeros((capacity, _WIDTH)),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
        np.zeros(capacity, np.int64),
    )


def grown(filters: Filters, capacity: int) -> Filters:
    """The same slots and empty ones after them; a copy."""
    more = capacity - len(filters)
    if more < 0:
        raise ValueError(f"{len(filters)} slots cannot become {capacity}")

    def wide(values: Ints) -> Ints:
        return np.concatenate((values, np.zeros(more, np.int64)))

    return Filters(
        filters.motions,
        np.concatenate((filters.state, np.zeros((more, _WIDTH)))),
        wide(filters.time_ns),
        wide(filters.used),
        wide(filters.refused),
        wide(filters.kind),
    )


def forget(filters: Filters, slots: npt.ArrayLike) -> None:
    """Empty slots, in place; their kind goes back to 0."""
    at = np.asarray(slots, np.int64)
    for values in (filters.state, filters.time_ns, filters.used, filters.refused, filters.kind):
        values[at] = 0


def variance_m2(radius95_m: npt.ArrayLike) -> Floats:
    """Variance of each axis of a round error of which 95 % is within a radius.

    >>> round(float(variance_m2(92.6)), 1)
    1431.2
    """
    return np.square(np.asarray(radius95_m, np.float64) / _CONTAIN95)


@kernel_fma
def _start(row, motion, lat, lon, r_ee, r_en, r_nn, ve, vn, r_v):  # type: ignore[no-untyped-def]
    """A track begins at a measurement; ``r_v`` 0: no velocity."""
    row[:] = 0.0
    s, c, n = origin(lat)
    row[_S0], row[_C0], row[_N0], row[_LON0] = s, c, n, lon
    begin, end = 1.0 / motion[5], 1.0 / motion[6]
    row[_LEFT] = row[_RIGHT] = 0.5 * begin / (begin + end) if begin > 0.0 else 0.0
    for k in range(3):
        m = row[_MODES + k * MODE : _MODES + (k + 1) * MODE]
        m[5], m[6], m[10] = r_ee, r_en, r_nn
        if r_v > 0.0:
            m[2], m[3] = ve, vn
            m[14] = m[17] = r_v
        else:
            m[14] = m[17] = motion[7] * motion[7]
        if k > 0:
            m[4] = motion[2] if k == 1 else -motion[2]
            m[19] = motion[3] * motion[3]


@kernel_fma
def _innovation(modes, left, right, at, ee, en, nn, y0, y1, r00, r01, r11):  # type: ignore[no-untyped-def]
    """Normalised innovation squared of two components, over all modes, and the determinant of its covariance.

    ``at``: where their means begin in a mode; ``ee``, ``en``, ``nn``: where their covariances are.
    """
    a, b, c = modes[0], modes[1], modes[2]
    u = 1.0 - left - right
    x0, x1 = u * a[at] + left * b[at] + right * c[at], u * a[at + 1] + left * b[at + 1] + right * c[at + 1]
    d0, d1, e0, e1, f0, f1 = a[at] - x0, a[at + 1] - x1, b[at] - x0, b[at + 1] - x1, c[at] - x0, c[at + 1] - x1
    s00 = u * (a[ee] + d0 * d0) + left * (b[ee] + e0 * e0) + right * (c[ee] + f0 * f0) + r00
    s01 = u * (a[en] + d0 * d1) + left * (b[en] + e0 * e1) + right * (c[en] + f0 * f1) + r01
    s11 = u * (a[nn] + d1 * d1) + left * (b[nn] + e1 * e1) + right * (c[nn] + f1 * f1) + r11
    z0, z1 = y0 - x0, y1 - x1
    det = s00 * s11 - s01 * s01
    return (s11 * z0 * z0 - 2.0 * s01 * z0 * z1 + s00 * z1 * z1) / det, det


@kernel_fma
def _weighed(left, right, straight_log, left_log, right_log):  # type: ignore[no-untyped-def]
    """The probabilities of turns after likelihoods; no mode is ever given up wholly."""
    top = max(straight_log, left_log, right_log)
    a = max((1.0 - left - right) * math.exp(straight_log - top), _LEAST)
    b = max(left * math.exp(left_log - top), _LEAST)
    c = max(right * math.exp(right_log - top), _LEAST)
    every = a + b + c
    return b / every, c / every


@kernel_fma
def _turn_axes(m, j00, j01, j10, j11):  # type: ignore[no-untyped-def]
    """Position covariance and velocity of a mode under a change of axes, in place."""
    m[2], m[3] = j00 * m[2] + j01 * m[3], j10 * m[2] + j11 * m[3]
    ee, en, nn = m[5], m[6], m[10]
    eu, ev, nu, nv = m[7], m[8], m[11], m[12]
    uu, uv, vv = m[14], m[15], m[17]
    a, b, c, d = j00 * ee + j01 * en, j00 * en + j01 * nn, j10 * ee + j11 * en, j10 * en + j11 * nn
    m[5], m[6], m[10] = a * j00 + b * j01, a * j10 + b * j11, c * j10 + d * j11
    a, b, c, d = j00 * eu + j01 * nu, j00 * ev + j01 * nv, j10 * eu + j11 * nu, j10 * ev + j11 * nv
    m[7], m[8], m[11], m[12] = a * j00 + b * j01, a * j10 + b * j11, c * j00 + d * j01, c * j10 + d * j11
    a, b, c, d = j00 * uu + j01 * uv, j00 * uv + j01 * vv, j10 * uu + j11 * uv, j10 * uv + j11 * vv
    m[14], m[15], m[17] = a * j00 + b * j01, a * j10 + b * j11, c * j10 + d * j11
    m[9], m[13] = j00 * m[9] + j01 * m[13], j10 * m[9] + j11 * m[13]
    m[16], m[18] = j00 * m[16] + j01 * m[18], j10 * m[16] + j11 * m[18]


@kernel_fma
def _recentre(row, modes, east, north):  # type: ignore[no-untyped-def]
    """Move the plane to a place of it, and the modes with it, in place."""
    s0, c0, n0, lon0 = row[_S0], row[_C0], row[_N0], row[_LON0]
    lat, lon = from_plane(s0, c0, n0, lon0, east, north)
    if math.isnan(lat):
        return
    _, _, s, c, sd, cd = to_plane(s0, c0, n0, lon0, lat, lon)
    ee, en, ne, nn = axes(s0, c0, s, c, sd, cd)
    det = ee * nn - en * ne
    s1, c1, n1 = origin(lat)
    for k in range(3):
        m = modes[k]
        lat_m, lon_m = from_plane(s0, c0, n0, lon0, m[0], m[1])
        if math.isnan(lat_m):
            lat_m, lon_m = lat, lon
        m[0], m[1], _, _, _, _ = to_plane(s1, c1, n1, lon, lat_m, lon_m)
        _turn_axes(m, nn / det, -ne / det, -en / det, ee / det)
    row[_S0], row[_C0], row[_N0], row[_LON0] = s1, c1, n1, lon


@kernel_fma
def from_row(row, east, north):  # type: ignore[no-untyped-def]
    """Latitude and longitude in degrees of a place in a track's plane; beyond the earth's edge, of the edge."""
    far = math.hypot(east, north) / row[_N0]
    if far > _FLAT:  # the earth curves away: the way flown is the arc, not its shadow on the plane
        shorter = math.sin(min(far, 1.5)) / far
        east, north = shorter * east, shorter * north
    return from_plane(row[_S0], row[_C0], row[_N0], row[_LON0], east, north)


@kernel_fma
def _placed(row, lat, lon, e, x, n):  # type: ignore[no-untyped-def]
    """A measurement in a track's plane: place, covariance, the axes there, and the cosine of its distance."""
    s0, c0 = row[_S0], row[_C0]
    y0, y1, s, c, sd, cd = to_plane(s0, c0, row[_N0], row[_LON0], lat, lon)
    ee, en, ne, nn = axes(s0, c0, s, c, sd, cd)
    f, g, h, l = ee * e + ne * x, ee * x + ne * n, en * e + nn * x, en * x + nn * n
    return y0, y1, f * ee + g * ne, f * en + g * nn, h * en + l * nn, ee, en, ne, nn, s0 * s + c0 * c * cd


@kernel_fma
def moved(row, motion, last, modes, spare, time_ns):  # type: ignore[no-untyped-def]
    """Put the modes of a track at a time into ``modes``, (3, MODE); the probabilities of turns to left and right.

    ``row``, ``motion``, ``last``: of the track; ``spare``: room, (3, MODE). A time before the last is the last.
    """
    for k in range(3):
        for j in range(MODE):
            modes[k, j] = row[_MODES + k * MODE + j]
    return advance(modes, spare, row[_LEFT], row[_RIGHT], max(time_ns - last, 0) * 1e-9, motion)


@kernel_fma
def compared(row, modes, left, right, lat, lon, e, x, n):  # type: ignore[no-untyped-def]
    """A position against modes of ``moved``: the least squared innovation, and -2 times its logarithmic likelihood.

    The innovation is that of all modes together or of one alone; the likelihood is that of all, but for a constant.
    """
    y0, y1, r00, r01, r11, _, _, _, _, near = _placed(row, lat, lon, e, x, n)
    if near < _PLANE:
        return math.inf, math.inf
    least, _ = _innovation(modes, left, right, 0, 5, 6, 10, y0, y1, r00, r01, r11)
    straight, det = _innovation(modes, 0.0, 0.0, 0, 5, 6, 10, y0, y1, r00, r01, r11)
    cost = straight + math.log(det)
    if left + right > 0.0:
        turned, det = _innovation(modes, 1.0, 0.0, 0, 5, 6, 10, y0, y1, r00, r01, r11)
        b = turned + math.log(det)
        other, det = _innovation(modes, 0.0, 1.0, 0, 5, 6, 10, y0, y1, r00, r01, r11)
        c = other + math.log(det)
        low = min(cost, b, c)
        u = 1.0 - left - right
        like = u * math.exp(0.5 * (low - cost)) + left * math.exp(0.5 * (low - b)) + right * math.exp(0.5 * (low - c))
        cost, straight = low - 2.0 * math.log(like), min(straight, turned, other)
    return min(least, straight), cost


@kernel_fma
def reach(modes, left, right, noise):  # type: ignore[no-untyped-def]
    """East and north of a track in its plane, and how far from there a position of variance ``noise`` can be its."""
    a, b, c = modes[0], modes[1], modes[2]
    u, far = 1.0 - left - right, 0.0
    east, north = u * a[0] + left * b[0] + right * c[0], u * a[1] + left * b[1] + right * c[1]
    spread = 0.0
    for k in range(3):
        m, p = modes[k], u if k == 0 else (left if k == 1 else right)
        if k > 0 and left + right == 0.0:
            break
        off = (m[0] - east) ** 2 + (m[1] - north) ** 2
        spread += p * (m[5] + m[10] + off)
        far = max(far, math.sqrt(off) + math.sqrt(GATE * (m[5] + m[10] + noise)))
    return east, north, max(far, math.sqrt(GATE * (spread + noise)))


@kernel_fma
def _bears(modes, y0, y1, r00, r01, r11, near):  # type: ignore[no-untyped-def]
    """Whether a place is within the gate of any mode alone, however improbable: so a turn begins."""
    if near < _PLANE:
        return False
    for left, right in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)):
        chi2, _ = _innovation(modes, left, right, 0, 5, 6, 10, y0, y1, r00, r01, r11)
        if chi2 <= GATE:
            return True
    return False


@kernel_fma
def measured(  # type: ignore[no-untyped-def]
    motions,
    state,
    last,
    used,
    refused,
    kind,
    slot,
    time_ns,
    lat,
    lon,
    r_ee,
    r_en,
    r_nn,
    ve,
    vn,
    r_v,
    outcome,
    nis,
    nis_v,
    modes,
    spare,
):
    """What ``step`` does; ``modes`` and ``spare``, (3, ``MODE``), are room to work in."""
    for i in range(len(slot)):
        nis[i] = nis_v[i] = math.nan
        k = slot[i]
        e, x, n = r_ee[i], r_en[i], r_nn[i]
        outcome[i] = INVALID
        if not (0 <= k < len(used) and -90.0 <= lat[i] <= 90.0 and -180.0 <= lon[i] <= 180.0):
            continue
        if not (_VAR_LOW <= e <= _VAR_HIGH and _VAR_LOW <= n <= _VAR_HIGH and x * x <= _CORRELATED * e * n):
            continue
        row, motion = state[k], motions[kind[k]]
        var_v = 0.0
        if _VAR_LOW <= r_v[i] <= _VAR_HIGH and abs(ve[i]) < _FAST and abs(vn[i]) < _FAST:
            var_v = r_v[i]
        t = (time_ns[i] - last[k]) * 1e-9
        anew = used[k] == 0
        outcome[i] = STARTED
        if not anew:
            if t < 0.0:
                outcome[i] = LATE
                continue
            anew = t > motion[8]
            outcome[i] = RESTARTED
        if not anew:
            left, right = moved(row, motion, last[k], modes, spare, time_ns[i])
            y0, y1, r00, r01, r11, j_ee, j_en, j_ne, j_nn, near = _placed(row, lat[i], lon[i], e, x, n)
            nis[i], _ = _innovation(modes, left, right, 0, 5, 6, 10, y0, y1, r00, r01, r11)
            if near < _PLANE:
                nis[i] = math.inf
            if not nis[i] <= GATE and not _bears(modes, y0, y1, r00, r01, r11, near):
                refused[k] += 1
                anew = refused[k] >= motion[10]
                if not anew:
                    outcome[i] = REFUSED
                    continue
            # so much less sure than the measurement that correcting it would leave no digits
            unsure = modes[0, 5] + modes[0, 10] + modes[1, 5] + modes[1, 10] + modes[2, 5] + modes[2, 10]
            anew = anew or unsure * (r00 + r11) > _LOST * (r00 * r11 - r01 * r01)
        if anew:
            _start(row, motion, lat[i], lon[i], e, x, n, ve[i], vn[i], var_v)
            last[k], used[k], refused[k] = time_ns[i], 1, 0
            continue
        p = update(modes[0], y0, y1, r00, r01, r11)
        turns = left + right > 0.0
        if turns:
            q = update(modes[1], y0, y1, r00, r01, r11)
            left, right = _weighed(left, right, p, q, update(modes[2], y0, y1, r00, r01, r11))
        if var_v > 0.0:
            y0, y1 = j_ee * ve[i] + j_ne * vn[i], j_en * ve[i] + j_nn * vn[i]
            nis_v[i], _ = _innovation(modes, left, right, 2, 14, 15, 17, y0, y1, var_v, 0.0, var_v)
            if nis_v[i] <= GATE:
                p = update_velocity(modes[0], y0, y1, var_v, 0.0, var_v)
                if turns:
                    q = update_velocity(modes[1], y0, y1, var_v, 0.0, var_v)
                    left, right = _weighed(left, right, p, q, update_velocity(modes[2], y0, y1, var_v, 0.0, var_v))
        u = 1.0 - left - right
        east = u * modes[0, 0] + left * modes[1, 0] + right * modes[2, 0]
        north = u * modes[0, 1] + left * modes[1, 1] + right * modes[2, 1]
        if east * east + north * north > RECENTRE_M * RECENTRE_M:
            _recentre(row, modes, east, north)
        for j in range(3):
            for m in range(MODE):
                row[_MODES + j * MODE + m] = modes[j, m]
        row[_LEFT], row[_RIGHT] = left, right
        last[k], used[k], refused[k] = time_ns[i], used[k] + 1, 0
        outcome[i] = ACCEPTED


def columns(values: npt.ArrayLike, size: int, dtype: type = np.float64) -> npt.NDArray[Any]:
    """An array (size,) of an array or one value, such that kernels are compiled once: contiguous, and writable."""
    wide: npt.NDArray[Any] = np.broadcast_to(np.asarray(values, dtype), (size,))
    return np.require(wide, requirements=("C", "W"))


def step(
    filters: Filters,
    slot: npt.ArrayLike,
    time_ns: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    r_east_m2: npt.ArrayLike,
    r_east_north_m2: npt.ArrayLike | None = None,
    r_north_m2: npt.ArrayLike | None = None,
    velocity_east_mps: npt.ArrayLike | None = None,
    velocity_north_mps: npt.ArrayLike | None = None,
    r_velocity_m2ps2: npt.ArrayLike | None = None,
) -> Stepped:
    """Use measurements, (N,) each, in their order; ``filters`` changes in place.

    The times of one slot must not go back, else they are late. ``r_...``: variances and covariance of the measured
    position, in true east and north; without ``r_north_m2`` the error is round. ``r_velocity_m2ps2``: variance of
    each component of the velocity; a velocity with NaN, or without a variance, is none. A variance is between
    (1 cm)² and (10,000 km)².
    """
    size = len(np.asarray(slot))
    at = columns(slot, size, np.int64)

    def column(values: npt.ArrayLike | None, null: float = math.nan) -> Floats:
        return columns(null if values is None else values, size)

    r_east = column(r_east_m2)
    out = Stepped(np.empty(size, np.uint8), np.empty(size), np.empty(size))
    measured(
        filters.motions, filters.state, filters.time_ns, filters.used, filters.refused, filters.kind,
        at, columns(time_ns, size, np.int64), column(lat_deg), column(lon_deg),
        r_east, column(r_east_north_m2, 0.0), r_east if r_north_m2 is None else column(r_north_m2),
        column(velocity_east_mps), column(velocity_north_mps), column(r_velocity_m2ps2), *out,
        np.empty((3, MODE)), np.empty((3, MODE)),
    )  # fmt: skip
    return out


@kernel_fma
def _estimates(motions, state, last, used, kind, slot, time_ns, whole, modes, spare, m, out):  # type: ignore[no-untyped-def]
    for i in range(len(slot)):
        k = slot[i]
        if k < 0 or k >= len(used) or used[k] == 0:
            out[:, i] = math.nan
            continue
        row = state[k]
        if not whole:
            time_ns[i] = last[k]
        left, right = moved(row, motions[kind[k]], last[k], modes, spare, time_ns[i])
        blend(m, modes, 1.0 - left - right, left, right)
        s0, c0 = row[_S0], row[_C0]
        lat, lon = from_row(row, m[0], m[1])
        out[0, i], out[1, i] = lat, lon
        _, _, s, c, sd, cd = to_plane(s0, c0, row[_N0], row[_LON0], lat, lon)
        ee, en, ne, nn = axes(s0, c0, s, c, sd, cd)
        if math.hypot(m[0], m[1]) > _FLAT * row[_N0]:
            x, y = ee + nn, en - ne
            ee = nn = x / math.hypot(x, y)
            en = y / math.hypot(x, y)
            ne = -en
        det = ee * nn - en * ne
        _turn_axes(m, nn / det, -ne / det, -en / det, ee / det)
        out[2, i], out[3, i] = m[2], m[3]
        out[4, i] = -math.degrees(m[4])
        out[5, i] = left + right
        out[6, i], out[7, i], out[8, i] = m[5], m[6], m[10]
        out[9, i] = 0.5 * (m[14] + m[17])


def _room() -> tuple[Floats, Floats, Floats]:
    return np.empty((3, MODE)), np.empty((3, MODE)), np.empty(MODE)


def estimates(filters: Filters, slots: npt.ArrayLike) -> Estimates:
    """Where slots, (N,), were at the time of the last measurement they used."""
    at = columns(slots, len(np.asarray(slots)), np.int64)
    out, time = np.empty((10, len(at))), np.zeros(len(at), np.int64)
    _estimates(
        filters.motions, filters.state, filters.time_ns, filters.used, filters.kind, at, time, False, *_room(), out
    )
    return Estimates(time, *out)


def predicted(filters: Filters, slots: npt.ArrayLike, time_ns: npt.ArrayLike) -> Estimates:
    """Where slots, (N,), are at other times, (N,) or one, if nothing more is heard.

    A time before that of the last measurement used is taken for that.
    """
    at = columns(slots, len(np.asarray(slots)), np.int64)
    time = columns(time_ns, len(at), np.int64).copy()
    out = np.empty((10, len(at)))
    _estimates(
        filters.motions, filters.state, filters.time_ns, filters.used, filters.kind, at, time, True, *_room(), out
    )
    return Estimates(time, *out)


#: 95 % radius of a normal distribution in its larger σ, where the smaller one is 0, 0.05 ... 1 of it; by quadrature.
_RADIUS95: Final = np.array(
    (
        *(1.959964, 1.960603, 1.96253, 1.965778, 1.970408, 1.976505, 1.984196, 1.993656, 2.005137, 2.019017, 2.035859),
        *(2.056384, 2.081304, 2.111112, 2.145981, 2.185802, 2.230287, 2.279075, 2.331798, 2.38812, 2.447747),
    )
)


def radius95_m(cov_east_m2: npt.ArrayLike, cov_east_north_m2: npt.ArrayLike, cov_north_m2: npt.ArrayLike) -> Floats:
    """Radius of the circle that holds 95 % of a normal distribution with this covariance."""
    e, x, n = (np.asarray(v, np.float64) for v in (cov_east_m2, cov_east_north_m2, cov_north_m2))
    mean, half = 0.5 * (e + n), np.hypot(0.5 * (e - n), x)
    large, small = np.sqrt(mean + half), np.sqrt(np.maximum(mean - half, 0.0))
    ratio = np.divide(small, large, out=np.zeros_like(large), where=large > 0.0)
    return np.asarray(large * np.interp(20.0 * ratio, np.arange(21), _RADIUS95))
