"""Where many objects are, by measurements of position and velocity: interacting multiple models, in place.

Each track is one row (a *slot*) of ``Filters``: two modes, flying straight and turning (``fuse.motion``), in the plane
of a point near it (``fuse.plane``), which is moved along before the track is ``RECENTRE_M`` away. ``step`` takes
measurements one after another, so how they were cut into batches cannot change a bit of the result, and no track
touches another.

Rules:

- The first measurement of a slot starts it. A time before that of the slot's last measurement is ``LATE``, and what is
  no number or has no positive definite covariance is ``INVALID``; neither changes anything.
- A position whose normalised innovation squared is above ``GATE`` is ``REFUSED``: it changes nothing but the count of
  refusals in a row. With ``Motion.refusals`` of them, or after ``Motion.gap_s`` of silence, the track begins anew at
  the measurement (``RESTARTED``).
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
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.fuse.motion import MODE, MOTIONS, Motion, advance, table, update, update_velocity
from testigos.fuse.plane import axes, from_plane, origin, to_plane

__all__ = [
    "ACCEPTED", "GATE", "INVALID", "LATE", "RECENTRE_M", "REFUSED", "RESTARTED", "STARTED", "Estimates", "Filters",
    "Stepped", "estimates", "forget", "grown", "new_filters", "predicted", "radius95_m", "step", "variance_m2",
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
_CONTAIN95: Final = 2.447746830680816  #: 95 % radius of a round normal distribution, in σ

# A slot's row: its plane, the probability of turning, the two modes.
_S0, _C0, _N0, _LON0, _TURNING, _A = 0, 1, 2, 3, 4, 5
_B: Final = _A + MODE
_WIDTH: Final = _B + MODE


@dataclass(frozen=True, slots=True)
class Filters:
    """The state of all slots. ``kind``, (C,), is the caller's to set: the motion of each slot, 0 at first."""

    motions: Floats  #: (K, 10), rows of ``motion.table``
    state: Floats  #: (C, 45)
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
    turning: Floats  #: probability of the turn mode
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


@njit(cache=True, nogil=True)
def _start(row, motion, lat, lon, r_ee, r_en, r_nn, ve, vn, r_v):  # type: ignore[no-untyped-def]
    row[:] = 0.0
    s, c, n = origin(lat)
    row[_S0], row[_C0], row[_N0], row[_LON0] = s, c, n, lon
    speed_var = motion[6] * motion[6]
    begin, end = 1.0 / motion[4], 1.0 / motion[5]
    row[_TURNING] = begin / (begin + end) if begin > 0.0 else 0.0
    for at in (_A, _B):
        m = row[at : at + MODE]
        m[5], m[6], m[10] = r_ee, r_en, r_nn
        m[14] = m[17] = speed_var
        if r_v > 0.0:
            m[2], m[3] = ve, vn
            m[14] = m[17] = r_v
    row[_B + 19] = motion[2] * motion[2]


@njit(cache=True, nogil=True)
def _combined(row, work, turning, out):  # type: ignore[no-untyped-def]
    """Mean and covariance over both modes, as a mode of 20."""
    a, b = work[0], work[1]
    w = turning * (1.0 - turning)
    for i in range(5):
        out[i] = a[i] + turning * (b[i] - a[i])
    k = 5
    for i in range(5):
        for j in range(i, 5):
            out[k] = a[k] + turning * (b[k] - a[k]) + w * (b[i] - a[i]) * (b[j] - a[j])
            k += 1


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _recentre(row):  # type: ignore[no-untyped-def]
    """Move the plane to where the track is."""
    p = row[_TURNING]
    east = row[_A] + p * (row[_B] - row[_A])
    north = row[_A + 1] + p * (row[_B + 1] - row[_A + 1])
    s0, c0, n0, lon0 = row[_S0], row[_C0], row[_N0], row[_LON0]
    lat, lon = from_plane(s0, c0, n0, lon0, east, north)
    if math.isnan(lat):
        return
    _, _, s, c, sd, cd = to_plane(s0, c0, n0, lon0, lat, lon)
    ee, en, ne, nn = axes(s0, c0, s, c, sd, cd)
    det = ee * nn - en * ne
    s1, c1, n1 = origin(lat)
    for at in (_A, _B):
        m = row[at : at + MODE]
        lat_m, lon_m = from_plane(s0, c0, n0, lon0, m[0], m[1])
        if math.isnan(lat_m):
            lat_m, lon_m = lat, lon
        m[0], m[1], _, _, _, _ = to_plane(s1, c1, n1, lon, lat_m, lon_m)
        _turn_axes(m, nn / det, -ne / det, -en / det, ee / det)
    row[_S0], row[_C0], row[_N0], row[_LON0] = s1, c1, n1, lon


@njit(cache=True, nogil=True)
def _step(  # type: ignore[no-untyped-def]
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
):
    work = np.empty((2, MODE))
    a, b = work[0], work[1]
    for i in range(len(slot)):
        nis[i] = nis_v[i] = math.nan
        k = slot[i]
        if k < 0 or k >= len(used):
            outcome[i] = INVALID
            continue
        e, x, n = r_ee[i], r_en[i], r_nn[i]
        if not (
            -90.0 <= lat[i] <= 90.0
            and -180.0 <= lon[i] <= 180.0
            and 0.0 < e < 1e16
            and 0.0 < n < 1e16
            and x * x < e * n * (1.0 - 1e-9)
        ):
            outcome[i] = INVALID
            continue
        row, motion = state[k], motions[kind[k]]
        moving = r_v[i] > 0.0 and r_v[i] < 1e12 and abs(ve[i]) < 1e5 and abs(vn[i]) < 1e5
        var_v = r_v[i] if moving else 0.0
        if used[k] == 0:
            _start(row, motion, lat[i], lon[i], e, x, n, ve[i], vn[i], var_v)
            last[k], used[k], refused[k] = time_ns[i], 1, 0
            outcome[i] = STARTED
            continue
        dt_ns = time_ns[i] - last[k]
        if dt_ns < 0:
            outcome[i] = LATE
            continue
        t = dt_ns * 1e-9
        if t > motion[7]:
            _start(row, motion, lat[i], lon[i], e, x, n, ve[i], vn[i], var_v)
            last[k], used[k], refused[k] = time_ns[i], 1, 0
            outcome[i] = RESTARTED
            continue
        work[0] = row[_A:_B]
        work[1] = row[_B:]
        p = advance(a, b, row[_TURNING], t, motion)
        s0, c0 = row[_S0], row[_C0]
        y0, y1, s, c, sd, cd = to_plane(s0, c0, row[_N0], row[_LON0], lat[i], lon[i])
        j_ee, j_en, j_ne, j_nn = axes(s0, c0, s, c, sd, cd)
        f, g, h, l = j_ee * e + j_ne * x, j_ee * x + j_ne * n, j_en * e + j_nn * x, j_en * x + j_nn * n
        r00, r01, r11 = f * j_ee + g * j_ne, f * j_en + g * j_nn, h * j_en + l * j_nn
        # the innovation of both modes together
        w = p * (1.0 - p)
        u0, u1 = b[0] - a[0], b[1] - a[1]
        s00 = a[5] + p * (b[5] - a[5]) + w * u0 * u0 + r00
        s01 = a[6] + p * (b[6] - a[6]) + w * u0 * u1 + r01
        s11 = a[10] + p * (b[10] - a[10]) + w * u1 * u1 + r11
        d0, d1 = y0 - a[0] - p * u0, y1 - a[1] - p * u1
        chi2 = (s11 * d0 * d0 - 2.0 * s01 * d0 * d1 + s00 * d1 * d1) / (s00 * s11 - s01 * s01)
        if s0 * s + c0 * c * cd < 0.5:  # beyond the plane
            chi2 = math.inf
        nis[i] = chi2
        if not chi2 <= GATE:
            refused[k] += 1
            if refused[k] >= motion[9]:
                _start(row, motion, lat[i], lon[i], e, x, n, ve[i], vn[i], var_v)
                last[k], used[k], refused[k] = time_ns[i], 1, 0
                outcome[i] = RESTARTED
            else:
                outcome[i] = REFUSED
            continue
        two = p > 0.0
        la = update(a, y0, y1, r00, r01, r11)
        lb = update(b, y0, y1, r00, r01, r11) if two else 0.0
        if two:
            p = _weighed(p, la, lb)
        if moving:
            y0, y1 = j_ee * ve[i] + j_ne * vn[i], j_en * ve[i] + j_nn * vn[i]
            w = p * (1.0 - p)
            u0, u1 = b[2] - a[2], b[3] - a[3]
            s00 = a[14] + p * (b[14] - a[14]) + w * u0 * u0 + var_v
            s01 = a[15] + p * (b[15] - a[15]) + w * u0 * u1
            s11 = a[17] + p * (b[17] - a[17]) + w * u1 * u1 + var_v
            d0, d1 = y0 - a[2] - p * u0, y1 - a[3] - p * u1
            chi2 = (s11 * d0 * d0 - 2.0 * s01 * d0 * d1 + s00 * d1 * d1) / (s00 * s11 - s01 * s01)
            nis_v[i] = chi2
            if chi2 <= GATE:
                la = update_velocity(a, y0, y1, var_v, 0.0, var_v)
                lb = update_velocity(b, y0, y1, var_v, 0.0, var_v) if two else 0.0
                if two:
                    p = _weighed(p, la, lb)
        row[_A:_B] = work[0]
        row[_B:] = work[1]
        row[_TURNING] = p
        last[k] = time_ns[i]
        used[k] += 1
        refused[k] = 0
        outcome[i] = ACCEPTED
        e, n = a[0] + p * (b[0] - a[0]), a[1] + p * (b[1] - a[1])
        if e * e + n * n > RECENTRE_M * RECENTRE_M:
            _recentre(row)


@njit(cache=True, nogil=True)
def _weighed(p, la, lb):  # type: ignore[no-untyped-def]
    """The probability of turning, after likelihoods; neither mode is ever given up wholly."""
    if la > lb:
        b = p * math.exp(lb - la)
        p = b / (b + 1.0 - p)
    else:
        a = (1.0 - p) * math.exp(la - lb)
        p = p / (a + p)
    return min(max(p, 1e-9), 1.0 - 1e-9)


def _column(values: npt.ArrayLike | None, size: int, null: float) -> Floats:
    if values is None:
        return np.full(size, null)
    return np.ascontiguousarray(np.broadcast_to(np.asarray(values, np.float64), (size,)))


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

    The times of one slot must not go back, else they are late. ``r_...``: variances and covariance of the measured position, in true
    east and north; without ``r_north_m2`` the error is round. ``r_velocity_m2ps2``: variance of each component of
    the velocity; a velocity with NaN, or without a variance, is none.
    """
    at = np.ascontiguousarray(slot, np.int64)
    size = len(at)
    r_east = _column(r_east_m2, size, math.nan)
    out = Stepped(np.empty(size, np.uint8), np.empty(size), np.empty(size))
    _step(
        filters.motions, filters.state, filters.time_ns, filters.used, filters.refused, filters.kind,
        at, np.ascontiguousarray(np.broadcast_to(np.asarray(time_ns, np.int64), (size,))),
        _column(lat_deg, size, math.nan), _column(lon_deg, size, math.nan),
        r_east, _column(r_east_north_m2, size, 0.0), r_east if r_north_m2 is None else _column(r_north_m2, size, 0.0),
        _column(velocity_east_mps, size, math.nan), _column(velocity_north_mps, size, math.nan),
        _column(r_velocity_m2ps2, size, math.nan), out.outcome, out.nis, out.nis_velocity,
    )  # fmt: skip
    return out


@njit(cache=True, nogil=True)
def _estimates(motions, state, last, used, kind, slot, time_ns, whole, out):  # type: ignore[no-untyped-def]
    work, m = np.empty((2, MODE)), np.empty(MODE)
    for i in range(len(slot)):
        k = slot[i]
        if k < 0 or k >= len(used) or used[k] == 0:
            out[:, i] = math.nan
            continue
        row = state[k]
        work[0] = row[_A:_B]
        work[1] = row[_B:]
        p = row[_TURNING]
        if whole:
            p = advance(work[0], work[1], p, max(time_ns[i] - last[k], 0) * 1e-9, motions[kind[k]])
        else:
            time_ns[i] = last[k]
        _combined(row, work, p, m)
        s0, c0, n0, lon0 = row[_S0], row[_C0], row[_N0], row[_LON0]
        lat, lon = from_plane(s0, c0, n0, lon0, m[0], m[1])
        out[0, i], out[1, i] = lat, lon
        _, _, s, c, sd, cd = to_plane(s0, c0, n0, lon0, lat, lon)
        ee, en, ne, nn = axes(s0, c0, s, c, sd, cd)
        det = ee * nn - en * ne
        _turn_axes(m, nn / det, -ne / det, -en / det, ee / det)
        out[2, i], out[3, i] = m[2], m[3]
        out[4, i] = -math.degrees(m[4])
        out[5, i] = p
        out[6, i], out[7, i], out[8, i] = m[5], m[6], m[10]
        out[9, i] = 0.5 * (m[14] + m[17])


def estimates(filters: Filters, slots: npt.ArrayLike) -> Estimates:
    """Where slots, (N,), were at the time of the last measurement they used."""
    at = np.ascontiguousarray(slots, np.int64)
    out, time = np.empty((10, len(at))), np.zeros(len(at), np.int64)
    _estimates(filters.motions, filters.state, filters.time_ns, filters.used, filters.kind, at, time, False, out)
    return Estimates(time, *out)


def predicted(filters: Filters, slots: npt.ArrayLike, time_ns: npt.ArrayLike) -> Estimates:
    """Where slots, (N,), are at other times, (N,) or one, if nothing more is heard; a time before the last is the last."""
    at = np.ascontiguousarray(slots, np.int64)
    time = np.array(np.broadcast_to(np.asarray(time_ns, np.int64), (len(at),)))
    out = np.empty((10, len(at)))
    _estimates(filters.motions, filters.state, filters.time_ns, filters.used, filters.kind, at, time, True, out)
    return Estimates(time, *out)


#: 95 % radius of a normal distribution in its larger σ, where the smaller one is 0, 0.05 ... 1 of it; by quadrature.
_RADIUS95: Final = np.array(
    [1.959964, 1.960603, 1.96253, 1.965778, 1.970408, 1.976505, 1.984196, 1.993656, 2.005137, 2.019017, 2.035859]
    + [2.056384, 2.081304, 2.111112, 2.145981, 2.185802, 2.230287, 2.279075, 2.331798, 2.38812, 2.447747]
)


def radius95_m(cov_east_m2: npt.ArrayLike, cov_east_north_m2: npt.ArrayLike, cov_north_m2: npt.ArrayLike) -> Floats:
    """Radius of the circle that holds 95 % of a normal distribution with this covariance."""
    e, x, n = (np.asarray(v, np.float64) for v in (cov_east_m2, cov_east_north_m2, cov_north_m2))
    mean, half = 0.5 * (e + n), np.hypot(0.5 * (e - n), x)
    large, small = np.sqrt(mean + half), np.sqrt(np.maximum(mean - half, 0.0))
    ratio = np.divide(small, large, out=np.zeros_like(large), where=large > 0.0)
    return np.asarray(large * np.interp(20.0 * ratio, np.arange(21), _RADIUS95))
