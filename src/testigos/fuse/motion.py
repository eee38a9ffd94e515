"""How things move: parameters of aircraft, vessels and drones, and the kernels of the two models.

A mode is a vector of 20: its mean (east, north, their velocities, rate of turn), then the upper triangle of its
covariance by rows. ``STRAIGHT`` is constant velocity; its rate of turn is 0 with variance 0. ``TURN`` is the
coordinated turn with a rate of turn of its own, right (clockwise) negative as in mathematics.

Source: Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and Navigation" (2001), sections
6.2 (constant velocity, continuous white noise), 11.6 (interacting multiple models), 11.7 (coordinated turn).
"""

import math
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["AIRCRAFT", "DRONE", "MODE", "MOTIONS", "VESSEL", "Motion", "table"]

MODE: Final = 20  #: numbers of a mode


@dataclass(frozen=True)
class Motion:
    """How a kind of object moves."""

    straight_mps2: float  #: σ of accelerations that last a second, flying straight: spectral density is its square
    turn_mps2: float  #: the same within a turn
    rate_radps: float  #: σ of rates of turn, among turns
    rate_s: float  #: for how long a rate of turn lasts
    straight_s: float  #: mean time between turns; infinite: a Kalman filter of the straight mode alone
    turn_s: float  #: mean time of a turn
    speed_mps: float  #: σ of each component of a velocity of which nothing is known yet
    gap_s: float  #: after a longer silence a track begins anew
    piece_s: float  #: a longer time is predicted in pieces, with changes of mode between
    refusals: int  #: the track begins anew with this many refused measurements in a row


AIRCRAFT: Final = Motion(0.5, 2.0, math.radians(3.0), 60.0, 90.0, 30.0, 150.0, 900.0, 5.0, 5)
VESSEL: Final = Motion(0.02, 0.1, math.radians(1.0), 120.0, 600.0, 120.0, 8.0, 21_600.0, 30.0, 3)
DRONE: Final = Motion(1.0, 3.0, math.radians(20.0), 10.0, 20.0, 10.0, 10.0, 120.0, 2.0, 5)

#: Kinds by their number in ``Filters.kind``.
MOTIONS: Final = (AIRCRAFT, VESSEL, DRONE)


def table(motions: tuple[Motion, ...] = MOTIONS) -> npt.NDArray[np.float64]:
    """The parameters as rows, in the order of the fields of ``Motion``."""
    return np.array([astuple(m) for m in motions], np.float64)


_ROW = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4])
_COLUMN = np.array([0, 1, 2, 3, 4, 1, 2, 3, 4, 2, 3, 4, 3, 4, 4])


@njit(cache=True, nogil=True)
def mix(a, b, turning, change, back, rate_var):  # type: ignore[no-untyped-def]
    """Mix straight mode ``a`` and turn mode ``b`` in place; the probability of turning afterwards.

    ``change``, ``back``: probabilities of going from straight to turn and back. Who begins to turn has a rate of
    variance ``rate_var``, whatever the last turn was.
    """
    stay = turning * (1.0 - back)
    after = stay + (1.0 - turning) * change
    w = stay / after
    v = turning * back / (1.0 - after)
    d0, d1, d2, d3, d4 = b[0] - a[0], b[1] - a[1], b[2] - a[2], b[3] - a[3], b[4]
    d = (d0, d1, d2, d3, d4)
    ww, vv = w * (1.0 - w), v * (1.0 - v)
    for i in range(4):
        ai = a[i]
        a[i] = ai + v * d[i]
        b[i] = ai + w * d[i]
    b[4] = w * d4
    k = 5
    for i in range(5):
        for j in range(i, 5):
            dd = d[i] * d[j]
            p, q = a[k], b[k]
            if j < 4:
                a[k] = p + v * (q - p) + vv * dd
            elif i == 4:
                p = rate_var
            b[k] = p + w * (q - p) + ww * dd
            k += 1
    return after


@njit(cache=True, nogil=True)
def predict(m, t, q, rate_var, fade):  # type: ignore[no-untyped-def]
    """A mode ``t`` seconds later, in place.

    ``q``: spectral density of the acceleration, m²/s³. The rate of turn goes back to 0 by the factor ``fade`` and
    toward its variance ``rate_var``; both are 1 and 0 in the straight mode.
    """
    u, v, w = m[2], m[3], m[4]
    x = w * t
    if abs(x) < 1e-4:
        # series, where differences would lose as many digits as it leaves out: 1e-8 of the terms
        si, co = t * (1.0 - x * x / 6.0), 0.5 * t * x
        ds, dc = -t * t * x / 3.0, 0.5 * t * t
        sin, cos = x, 1.0 - 0.5 * x * x
    else:
        sin, cos = math.sin(x), math.cos(x)
        si, co = sin / w, (1.0 - cos) / w
        ds, dc = (t * cos - si) / w, (t * sin - co) / w
    # derivatives by the rate of turn
    g0, g1 = ds * u - dc * v, dc * u + ds * v
    h0, h1 = -t * (sin * u + cos * v), t * (cos * u - sin * v)
    m[0] += si * u - co * v
    m[1] += co * u + si * v
    m[2] = cos * u - sin * v
    m[3] = sin * u + cos * v
    m[4] = fade * w
    ee, en, eu, ev, ew = m[5], m[6], m[7], m[8], m[9]
    nn, nu, nv, nw = m[10], m[11], m[12], m[13]
    uu, uv, uw, vv, vw, ww = m[14], m[15], m[16], m[17], m[18], m[19]
    # rows of F P
    e_u = eu + si * uu - co * uv + g0 * uw
    e_v = ev + si * uv - co * vv + g0 * vw
    e_w = ew + si * uw - co * vw + g0 * ww
    e_e = ee + si * eu - co * ev + g0 * ew
    e_n = en + si * nu - co * nv + g0 * nw
    n_u = nu + co * uu + si * uv + g1 * uw
    n_v = nv + co * uv + si * vv + g1 * vw
    n_w = nw + co * uw + si * vw + g1 * ww
    n_n = nn + co * nu + si * nv + g1 * nw
    u_u = cos * uu - sin * uv + h0 * uw
    u_v = cos * uv - sin * vv + h0 * vw
    u_w = cos * uw - sin * vw + h0 * ww
    v_u = sin * uu + cos * uv + h1 * uw
    v_v = sin * uv + cos * vv + h1 * vw
    v_w = sin * uw + cos * vw + h1 * ww
    q2, q1 = 0.5 * q * t * t, q * t
    q3 = q1 * t * t / 3.0
    m[5] = e_e + si * e_u - co * e_v + g0 * e_w + q3
    m[6] = e_n + co * e_u + si * e_v + g1 * e_w
    m[7] = cos * e_u - sin * e_v + h0 * e_w + q2
    m[8] = sin * e_u + cos * e_v + h1 * e_w
    m[9] = fade * e_w
    m[10] = n_n + co * n_u + si * n_v + g1 * n_w + q3
    m[11] = cos * n_u - sin * n_v + h0 * n_w
    m[12] = sin * n_u + cos * n_v + h1 * n_w + q2
    m[13] = fade * n_w
    m[14] = cos * u_u - sin * u_v + h0 * u_w + q1
    m[15] = sin * u_u + cos * u_v + h1 * u_w
    m[16] = fade * u_w
    m[17] = sin * v_u + cos * v_v + h1 * v_w + q1
    m[18] = fade * v_w
    m[19] = fade * fade * ww + (1.0 - fade * fade) * rate_var


@njit(cache=True, nogil=True)
def advance(a, b, turning, t, motion):  # type: ignore[no-untyped-def]
    """Both modes ``t`` seconds later, in place, with changes of mode; the probability of turning."""
    if t <= 0.0:
        return turning
    straight_q, turn_q, rate_var = motion[0] * motion[0], motion[1] * motion[1], motion[2] * motion[2]
    begin, end = 1.0 / motion[4], 1.0 / motion[5]
    if begin == 0.0:
        predict(a, t, straight_q, 0.0, 1.0)
        return 0.0
    pieces = min(max(math.ceil(t / motion[8]), 1), 64)
    part = t / pieces
    fade = math.exp(-part / motion[3])
    moved = (1.0 - math.exp(-part * (begin + end))) / (begin + end)
    for _ in range(pieces):
        turning = mix(a, b, turning, begin * moved, end * moved, rate_var)
        predict(a, part, straight_q, 0.0, 1.0)
        predict(b, part, turn_q, rate_var, fade)
    return turning


@njit(cache=True, nogil=True)
def update(m, y0, y1, r00, r01, r11):  # type: ignore[no-untyped-def]
    """Correct a mode by a measured position, in place; the logarithm of its likelihood but for a constant."""
    a00, a01, a11 = m[5], m[6], m[10]
    s00, s01, s11 = a00 + r00, a01 + r01, a11 + r11
    det = s00 * s11 - s01 * s01
    i00, i01, i11 = s11 / det, -s01 / det, s00 / det
    d0, d1 = y0 - m[0], y1 - m[1]
    z0, z1 = i00 * d0 + i01 * d1, i01 * d0 + i11 * d1
    chi2 = d0 * z0 + d1 * z1
    c0 = (a00, a01, m[7], m[8], m[9])
    c1 = (a01, a11, m[11], m[12], m[13])
    for i in range(5):
        m[i] += c0[i] * z0 + c1[i] * z1
    k = 5
    for i in range(5):
        k0, k1 = c0[i] * i00 + c1[i] * i01, c0[i] * i01 + c1[i] * i11
        for j in range(i, 5):
            m[k] -= k0 * c0[j] + k1 * c1[j]
            k += 1
    return -0.5 * (chi2 + math.log(det))


@njit(cache=True, nogil=True)
def update_velocity(m, y0, y1, r00, r01, r11):  # type: ignore[no-untyped-def]
    """Correct a mode by a measured velocity, in place; the logarithm of its likelihood but for a constant."""
    a00, a01, a11 = m[14], m[15], m[17]
    s00, s01, s11 = a00 + r00, a01 + r01, a11 + r11
    det = s00 * s11 - s01 * s01
    i00, i01, i11 = s11 / det, -s01 / det, s00 / det
    d0, d1 = y0 - m[2], y1 - m[3]
    z0, z1 = i00 * d0 + i01 * d1, i01 * d0 + i11 * d1
    chi2 = d0 * z0 + d1 * z1
    c0 = (m[7], m[11], a00, a01, m[16])
    c1 = (m[8], m[12], a01, a11, m[18])
    for i in range(5):
        m[i] += c0[i] * z0 + c1[i] * z1
    k = 5
    for i in range(5):
        k0, k1 = c0[i] * i00 + c1[i] * i01, c0[i] * i01 + c1[i] * i11
        for j in range(i, 5):
            m[k] -= k0 * c0[j] + k1 * c1[j]
            k += 1
    return -0.5 * (chi2 + math.log(det))
