"""How things move: parameters of aircraft, vessels and drones, and the kernels of the models.

Three modes: flying straight (constant velocity), and coordinated turns to the left and to the right, which begin
with a rate of turn that is usual for the kind. Two turns, because one whose rate is 0 ± 3° a second at first has to
find out which way it goes: its error was 5 % larger.

A mode is a vector of ``MODE`` numbers: its mean (east, north, their velocities, rate of turn in rad/s, left
positive), then the upper triangle of its covariance by rows. The rate of the straight mode is 0 with variance 0.

Source: Bar-Shalom, Li and Kirubarajan, "Estimation with Applications to Tracking and Navigation" (2001), sections
6.2 (constant velocity, continuous white noise), 11.6 (interacting multiple models), 11.7 (coordinated turn). The
parameters are own choices; those of aircraft are measured in bench/filter.py.
"""

import math
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from testigos.kernels import kernel_fma

__all__ = ["AIRCRAFT", "DRONE", "MODE", "MOTIONS", "VESSEL", "Motion", "table"]

MODE: Final = 20  #: numbers of a mode
_PIECES: Final = 64  #: the most pieces of a prediction


@dataclass(frozen=True)
class Motion:
    """How a kind of object moves."""

    straight_mps2: float  #: σ of accelerations that last a second, flying straight: spectral density is its square
    turn_mps2: float  #: the same within a turn
    rate_radps: float  #: usual rate of turn
    rate_spread_radps: float  #: its σ, among turns
    rate_s: float  #: for how long a turn keeps its rate
    straight_s: float  #: mean time between turns; infinite: a Kalman filter of the straight mode alone
    turn_s: float  #: mean time of a turn
    speed_mps: float  #: σ of each component of a velocity of which nothing is known yet
    gap_s: float  #: after a longer silence a track begins anew
    piece_s: float  #: a longer time is predicted in pieces, with changes of mode between
    refusals: int  #: the track begins anew with this many refused measurements in a row


def _rates(usual_degps: float, spread_degps: float) -> tuple[float, float]:
    return math.radians(usual_degps), math.radians(spread_degps)


#: Standard turns are of 3° a second, those of airliners at height of 1°; changes of speed of some 0.5 m/s² go on for
#: half a minute, which the turn modes have to bear.
AIRCRAFT: Final = Motion(0.3, 0.8, *_rates(2.5, 1.2), 200.0, 60.0, 60.0, 150.0, 900.0, 5.0, 5)
#: Ships turn by 0.2 to 1° a second, and change their speed by knots in minutes; AIS can be silent for hours.
VESSEL: Final = Motion(0.02, 0.05, *_rates(0.6, 0.4), 300.0, 600.0, 120.0, 8.0, 21_600.0, 30.0, 3)
#: Small ones stop and turn within seconds.
DRONE: Final = Motion(0.7, 2.0, *_rates(15.0, 8.0), 20.0, 20.0, 10.0, 12.0, 120.0, 2.0, 5)

#: Kinds by their number in ``Filters.kind``.
MOTIONS: Final = (AIRCRAFT, VESSEL, DRONE)


def table(motions: tuple[Motion, ...] = MOTIONS) -> npt.NDArray[np.float64]:
    """The parameters as rows, in the order of the fields of ``Motion``."""
    return np.array([astuple(m) for m in motions], np.float64)


@kernel_fma
def spread(m, x0, x1, x2, x3, x4, d0, d1, d2, d3, d4):  # type: ignore[no-untyped-def]
    """Add the product of two vectors to a covariance, in place."""
    m[5] += x0 * d0
    m[6] += x0 * d1
    m[7] += x0 * d2
    m[8] += x0 * d3
    m[9] += x0 * d4
    m[10] += x1 * d1
    m[11] += x1 * d2
    m[12] += x1 * d3
    m[13] += x1 * d4
    m[14] += x2 * d2
    m[15] += x2 * d3
    m[16] += x2 * d4
    m[17] += x3 * d3
    m[18] += x3 * d4
    m[19] += x4 * d4


@kernel_fma
def _into_turn(out, own, straight, w, rate, rate_var):  # type: ignore[no-untyped-def]
    """A turn mode, ``w`` of its own and the rest of who begins to turn, with the usual rate."""
    v, ww = 1.0 - w, w * (1.0 - w)
    for k in range(MODE):
        out[k] = v * straight[k] + w * own[k]
    out[4] += v * rate
    out[19] += v * rate_var
    d0, d1, d2, d3 = own[0] - straight[0], own[1] - straight[1], own[2] - straight[2], own[3] - straight[3]
    d4 = own[4] - rate
    spread(out, ww * d0, ww * d1, ww * d2, ww * d3, ww * d4, d0, d1, d2, d3, d4)


@kernel_fma
def blend(out, modes, u, v, w):  # type: ignore[no-untyped-def]
    """The one mode that has mean and covariance of three with these probabilities."""
    a, b, c = modes[0], modes[1], modes[2]
    for k in range(MODE):
        out[k] = u * a[k] + v * b[k] + w * c[k]
    m0, m1, m2, m3, m4 = out[0], out[1], out[2], out[3], out[4]
    for i in range(3):
        m, p = modes[i], u if i == 0 else (v if i == 1 else w)
        d0, d1, d2, d3, d4 = m[0] - m0, m[1] - m1, m[2] - m2, m[3] - m3, m[4] - m4
        spread(out, p * d0, p * d1, p * d2, p * d3, p * d4, d0, d1, d2, d3, d4)


@kernel_fma
def predict(out, m, t, q, rate, rate_var, fade):  # type: ignore[no-untyped-def]
    """A mode ``m``, ``t`` seconds later, into ``out``.

    ``q``: spectral density of the acceleration, m²/s³. The rate of turn keeps ``fade`` of what it was and
    takes the rest from what is usual, ``rate`` and ``rate_var``.
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
    out[0] = m[0] + si * u - co * v
    out[1] = m[1] + co * u + si * v
    out[2] = cos * u - sin * v
    out[3] = sin * u + cos * v
    out[4] = rate + fade * (w - rate)
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
    out[5] = e_e + si * e_u - co * e_v + g0 * e_w + q3
    out[6] = e_n + co * e_u + si * e_v + g1 * e_w
    out[7] = cos * e_u - sin * e_v + h0 * e_w + q2
    out[8] = sin * e_u + cos * e_v + h1 * e_w
    out[9] = fade * e_w
    out[10] = n_n + co * n_u + si * n_v + g1 * n_w + q3
    out[11] = cos * n_u - sin * n_v + h0 * n_w
    out[12] = sin * n_u + cos * n_v + h1 * n_w + q2
    out[13] = fade * n_w
    out[14] = cos * u_u - sin * u_v + h0 * u_w + q1
    out[15] = sin * u_u + cos * u_v + h1 * u_w
    out[16] = fade * u_w
    out[17] = sin * v_u + cos * v_v + h1 * v_w + q1
    out[18] = fade * v_w
    out[19] = fade * fade * ww + (1.0 - fade * fade) * rate_var


@kernel_fma
def straighten(m):  # type: ignore[no-untyped-def]
    """Take the rate of turn out of a mode, in place."""
    m[4] = m[9] = m[13] = m[16] = m[18] = m[19] = 0.0


@kernel_fma
def advance(modes, spare, left, right, t, motion):  # type: ignore[no-untyped-def]
    """All modes ``t`` seconds later, with changes of mode: where they are now and the probabilities of turns.

    ``modes``, (3, MODE), is changed in place, ``spare`` is room of the same shape; ``motion`` a row of ``table``.
    """
    if t <= 0.0:
        return left, right
    straight_q, turn_q = motion[0] * motion[0], motion[1] * motion[1]
    begin, end = 1.0 / motion[5], 1.0 / motion[6]
    if begin == 0.0:
        predict(modes[0], modes[0], t, straight_q, 0.0, 0.0, 1.0)
        return 0.0, 0.0
    rate, rate_var = motion[2], motion[3] * motion[3]
    pieces = min(max(math.ceil(t / motion[9]), 1), _PIECES)
    part = t / pieces
    fade = math.exp(-part / motion[4])
    # a Markov chain in continuous time, straight and turning, solved; from one turn into the other by a piece's end
    moved = (1.0 - math.exp(-part * (begin + end))) / (begin + end)
    change, back = begin * moved, end * moved
    for _ in range(pieces):
        straight = 1.0 - left - right
        half = 0.5 * straight * change
        left_after, right_after = left * (1.0 - back) + half, right * (1.0 - back) + half
        after = 1.0 - left_after - right_after
        v, w = left * back / after, right * back / after
        blend(spare[0], modes, 1.0 - v - w, v, w)
        straighten(spare[0])
        _into_turn(spare[1], modes[1], modes[0], left * (1.0 - back) / left_after, rate, rate_var)
        _into_turn(spare[2], modes[2], modes[0], right * (1.0 - back) / right_after, -rate, rate_var)
        left, right = left_after, right_after
        predict(modes[0], spare[0], part, straight_q, 0.0, 0.0, 1.0)
        predict(modes[1], spare[1], part, turn_q, rate, rate_var, fade)
        predict(modes[2], spare[2], part, turn_q, -rate, rate_var, fade)
    return left, right


@kernel_fma
def _correct(m, i00, i01, i11, z0, z1, a0, a1, a2, a3, a4, b0, b1, b2, b3, b4):  # type: ignore[no-untyped-def]
    """Correct a mode in place; ``a``, ``b``: its covariances with what was measured; ``z``: the innovation weighed."""
    m[0] += a0 * z0 + b0 * z1
    m[1] += a1 * z0 + b1 * z1
    m[2] += a2 * z0 + b2 * z1
    m[3] += a3 * z0 + b3 * z1
    m[4] += a4 * z0 + b4 * z1
    x0, y0 = a0 * i00 + b0 * i01, a0 * i01 + b0 * i11
    x1, y1 = a1 * i00 + b1 * i01, a1 * i01 + b1 * i11
    x2, y2 = a2 * i00 + b2 * i01, a2 * i01 + b2 * i11
    x3, y3 = a3 * i00 + b3 * i01, a3 * i01 + b3 * i11
    x4, y4 = a4 * i00 + b4 * i01, a4 * i01 + b4 * i11
    m[5] -= x0 * a0 + y0 * b0
    m[6] -= x0 * a1 + y0 * b1
    m[7] -= x0 * a2 + y0 * b2
    m[8] -= x0 * a3 + y0 * b3
    m[9] -= x0 * a4 + y0 * b4
    m[10] -= x1 * a1 + y1 * b1
    m[11] -= x1 * a2 + y1 * b2
    m[12] -= x1 * a3 + y1 * b3
    m[13] -= x1 * a4 + y1 * b4
    m[14] -= x2 * a2 + y2 * b2
    m[15] -= x2 * a3 + y2 * b3
    m[16] -= x2 * a4 + y2 * b4
    m[17] -= x3 * a3 + y3 * b3
    m[18] -= x3 * a4 + y3 * b4
    m[19] -= x4 * a4 + y4 * b4


@kernel_fma
def update(m, y0, y1, r00, r01, r11):  # type: ignore[no-untyped-def]
    """Correct a mode by a measured position, in place; the logarithm of its likelihood but for a constant."""
    a00, a01, a11 = m[5], m[6], m[10]
    s00, s01, s11 = a00 + r00, a01 + r01, a11 + r11
    det = s00 * s11 - s01 * s01
    i00, i01, i11 = s11 / det, -s01 / det, s00 / det
    d0, d1 = y0 - m[0], y1 - m[1]
    z0, z1 = i00 * d0 + i01 * d1, i01 * d0 + i11 * d1
    chi2 = d0 * z0 + d1 * z1
    _correct(m, i00, i01, i11, z0, z1, a00, a01, m[7], m[8], m[9], a01, a11, m[11], m[12], m[13])
    return -0.5 * (chi2 + math.log(det))


@kernel_fma
def update_velocity(m, y0, y1, r00, r01, r11):  # type: ignore[no-untyped-def]
    """Correct a mode by a measured velocity, in place; the logarithm of its likelihood but for a constant."""
    a00, a01, a11 = m[14], m[15], m[17]
    s00, s01, s11 = a00 + r00, a01 + r01, a11 + r11
    det = s00 * s11 - s01 * s01
    i00, i01, i11 = s11 / det, -s01 / det, s00 / det
    d0, d1 = y0 - m[2], y1 - m[3]
    z0, z1 = i00 * d0 + i01 * d1, i01 * d0 + i11 * d1
    chi2 = d0 * z0 + d1 * z1
    _correct(m, i00, i01, i11, z0, z1, m[7], m[11], a00, a01, m[16], m[8], m[12], a01, a11, m[18])
    return -0.5 * (chi2 + math.log(det))
