"""Kernels of the joins: what two tracks say of being one object, and which of many pairs can hold together.

The difference of two positions is looked at in the plane that touches the Earth between them, east and north (within
5 degrees of a pole in another fixed pair of directions).

**What is compared.** At the times of the fixes of the rarer track the other is interpolated. Of the differences

    D_k = d + s t_k + v_k tau + noise of variance sigma_a² + sigma_b² + interpolation²

``d`` is a constant offset (m), ``s`` a drift (m/s), ``v_k`` the velocity and ``tau`` the difference of the latencies
(s). With normal priors on d, s, tau all of them integrate out in closed form from sums over the samples; the sums are
all that is kept of a pair, and old samples fade with :data:`FORGET_S`. Errors of neighbouring fixes are alike, so
samples count for one in :data:`ALIKE_S` together.

Source: own rule; the integrals are those of Bayesian linear regression (e.g. C. Bishop, Pattern Recognition and
Machine Learning, 2006, section 3.3). Measured in bench/joins.py.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.fuse._nearby import KEPT, way
from testigos.kernels import kernel

__all__ = [
    "FIELDS", "alike", "clusters", "contradict", "evidence", "kinematic", "kinematic_of", "merge", "rivals", "sample",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint32]

FORGET_S: Final = 90.0  #: a sample this old counts 1/e
ALIKE_S: Final = 6.0  #: errors nearer in time than this are taken for one
SPACING_S: Final = 1.5  # samples of one pair are at least so far apart
LONGEST_GAP_S: Final = 200.0  # a moored vessel reports every 3 minutes (ITU-R M.1371-5, annex 1, table 1)
LATENCY_S: Final = 0.6  # standard deviation of the difference of two latencies that are anything from 0 to 1.5 s
FAR_OFF: Final = 12.0  # half the squared distance in standard deviations; e^-12 of all are farther off
OFFSET_M: Final = 25.0  # antennas, datums, rounding
DRIFT_MPS: Final = 0.5
NO_RIVAL: Final = -20.0  #: a score that changes nothing
IDENTITY_MOST: Final = 8.0  #: so much at most do names say for one object

# places in joins.REASONS
(MOTION, SAME_ALTITUDE, SAME_ADDRESS, SAME_CALLSIGN, SAME_SQUAWK, SAME_CATEGORY, OTHER_ALTITUDE, OTHER_ADDRESS,
 OTHER_CALLSIGN, OTHER_SQUAWK, OTHER_CATEGORY, SHARED_ADDRESS) = range(12)  # fmt: skip

# sums of a pair, see the module's docstring; t counts from the last sample
(S0, S1, S2, VE, VN, TVE, TVN, VV, DE, DN, TDE, TDN, VD, DD, COUNT, OFFSET2, SPEED, ALT_W, ALT_D, MIX_W, MIX_D, MIX_L,
 SAMPLES, STREAK, DENSITY, COMPANY, PLACE, HEIGHT) = range(28)  # fmt: skip
FIELDS: Final = 28


@njit(cache=True, nogil=True)
def merge(keys: Ints, rows: Ints, keep: Bools, new: Ints, free: Ints) -> tuple[Ints, Ints, Bools]:
    """Sorted keys that are kept and sorted new ones together: keys, their rows, whether each was new.

    New keys take rows from the end of ``free``.
    """
    total = len(keys) + len(new)
    out_keys, out_rows = np.empty(total, np.int64), np.empty(total, np.int64)
    fresh = np.zeros(total, np.bool_)
    i = j = n = 0
    left = len(free)
    while i < len(keys) or j < len(new):
        if i < len(keys) and not keep[i]:
            i += 1
            continue
        if j >= len(new) or (i < len(keys) and keys[i] <= new[j]):
            if j < len(new) and keys[i] == new[j]:
                j += 1
            out_keys[n], out_rows[n] = keys[i], rows[i]
            i += 1
        else:
            left -= 1
            out_keys[n], out_rows[n], fresh[n] = new[j], free[left], True
            j += 1
        n += 1
    return out_keys[:n], out_rows[:n], fresh[:n]


@kernel
def _between(
    ring_ns: Ints,
    xyz: Floats,
    velocity: Floats,
    sigma: Floats,
    baro: Floats,
    geom: Floats,
    s: int,
    number: int,
    t_ns: int,
    out: Floats,
) -> bool:
    """The state of slot ``s`` between its fixes ``number`` and ``number + 1``: place 3, variance, baro, geom."""
    i, j = number % KEPT, (number + 1) % KEPT
    h = (ring_ns[s, j] - ring_ns[s, i]) * 1e-9
    f = (t_ns - ring_ns[s, i]) * 1e-9 / h
    g = 1.0 - f
    if h > LONGEST_GAP_S:
        return False
    moved = 0.0
    for c in range(3):
        moved += (xyz[s, j, c] - xyz[s, i, c]) ** 2
    bend = 0.5 * (0.05 + 0.02 * math.sqrt(moved) / h) * f * g * h * h  # what a turn in the gap does
    if math.isfinite(velocity[s, i, 0]) and math.isfinite(velocity[s, j, 0]) and h < 60.0:
        a, b = g * g * (1.0 + 2.0 * f), f * f * (3.0 - 2.0 * f)
        c0, c1 = h * f * g * g, -h * f * f * g
        for c in range(3):
            out[c] = a * xyz[s, i, c] + b * xyz[s, j, c] + c0 * velocity[s, i, c] + c1 * velocity[s, j, c]
        bend *= 0.2
    else:
        for c in range(3):
            out[c] = g * xyz[s, i, c] + f * xyz[s, j, c]
    out[3] = g * g * sigma[s, i] ** 2 + f * f * sigma[s, j] ** 2 + bend * bend
    out[4] = g * baro[s, i] + f * baro[s, j]
    out[5] = g * geom[s, i] + f * geom[s, j]
    return True


@kernel
def _fade(p: Floats, dt_s: float) -> None:
    """Let a pair's sums grow older by ``dt_s``: move the origin of their time, and fade them."""
    p[S2] += dt_s * (dt_s * p[S0] - 2.0 * p[S1])
    p[S1] -= dt_s * p[S0]
    p[TVE] -= dt_s * p[VE]
    p[TVN] -= dt_s * p[VN]
    p[TDE] -= dt_s * p[DE]
    p[TDN] -= dt_s * p[DN]
    keep = math.exp(-dt_s / FORGET_S)
    for c in range(COUNT + 1):
        p[c] *= keep
    for c in range(ALT_W, SAMPLES):
        p[c] *= keep


@njit(cache=True, nogil=True)
def sample(
    keys: Ints,
    rows: Ints,
    sums: Floats,
    done_ns: Ints,
    count: Ints,
    ring_ns: Ints,
    xyz: Floats,
    velocity: Floats,
    sigma: Floats,
    baro: Floats,
    geom: Floats,
    interval: Floats,
) -> None:
    """Add to the sums of each pair what the fixes since its last sample say; ``done_ns`` is 0 where there was none."""
    at, going = np.empty(6), np.empty((1, 3))
    for p in range(len(keys)):
        r = rows[p]
        a, b = keys[p] >> 32, keys[p] & 0xFFFFFFFF
        sign = 1.0
        slow, fast = a, b
        if interval[b] > interval[a]:
            slow, fast, sign = b, a, -1.0
        if count[slow] == 0 or count[fast] < 2:
            continue
        done = done_ns[r]
        old_fast = max(0, count[fast] - KEPT)
        newest_ns = ring_ns[fast, (count[fast] - 1) % KEPT]
        i = count[slow]
        old_slow = max(0, i - KEPT)
        least = max(done + int(SPACING_S * 1e9), ring_ns[fast, old_fast % KEPT])
        while i > old_slow and ring_ns[slow, (i - 1) % KEPT] >= least:
            i -= 1
        if i == count[slow]:
            continue
        j = count[fast] - 2
        t_ns = ring_ns[slow, i % KEPT]
        while j > old_fast and ring_ns[fast, j % KEPT] > t_ns:
            j -= 1
        while i < count[slow]:
            k = i % KEPT
            t_ns = ring_ns[slow, k]
            i += 1
            if t_ns > newest_ns:
                break
            if done > 0 and t_ns - done < SPACING_S * 1e9:
                continue
            while j < count[fast] - 2 and ring_ns[fast, (j + 1) % KEPT] <= t_ns:
                j += 1
            if t_ns < ring_ns[fast, j % KEPT]:
                continue
            if not _between(ring_ns, xyz, velocity, sigma, baro, geom, fast, j, t_ns, at):
                continue
            # the velocity of whoever says it, else of the more exact one
            said = math.isfinite(velocity[fast, j % KEPT, 0])
            if said or (not math.isfinite(velocity[slow, k, 0]) and sigma[fast, j % KEPT] <= sigma[slow, k]):
                way(ring_ns, xyz, velocity, fast, j, old_fast, going, 0)
            else:
                way(ring_ns, xyz, velocity, slow, i - 1, old_slow, going, 0)
            _add(sums[r], done, t_ns, sign, xyz[slow, k], sigma[slow, k], baro[slow, k], geom[slow, k], at, going[0])
            done = t_ns
        done_ns[r] = done


@kernel
def _add(
    p: Floats,
    done_ns: int,
    t_ns: int,
    sign: float,
    place: Floats,
    sigma: float,
    baro: float,
    geom: float,
    at: Floats,
    going: Floats,
) -> None:
    # directions of the plane: east and north, or near a pole two that do not turn there
    r = math.sqrt(place[0] ** 2 + place[1] ** 2 + place[2] ** 2)
    ux, uy, uz = place[0] / r, place[1] / r, place[2] / r
    if abs(uz) < 0.9962:
        flat = math.sqrt(ux * ux + uy * uy)
        e0, e1, e2 = -uy / flat, ux / flat, 0.0
    else:
        flat = math.sqrt(uy * uy + uz * uz)
        e0, e1, e2 = 0.0, uz / flat, -uy / flat
    n0, n1, n2 = uy * e2 - uz * e1, uz * e0 - ux * e2, ux * e1 - uy * e0
    dx, dy, dz = sign * (place[0] - at[0]), sign * (place[1] - at[1]), sign * (place[2] - at[2])
    de, dn = dx * e0 + dy * e1 + dz * e2, dx * n0 + dy * n1 + dz * n2
    ve, vn = going[0] * e0 + going[1] * e1 + going[2] * e2, going[0] * n0 + going[1] * n1 + going[2] * n2

    count = 1.0
    if done_ns > 0:
        dt = (t_ns - done_ns) * 1e-9
        _fade(p, dt)
        count = min(1.0, dt / ALIKE_S)
    noise2 = sigma * sigma + at[3]
    if p[SAMPLES] >= 3.0:
        # far off the line so far: a bad fix, which counts less; or, the second time, something has changed, and what
        # was before says little of what is now
        m00, m01, m11 = p[S0] + 1e-8, p[S1], p[S2] + 1e-4
        det = m00 * m11 - m01 * m01
        oe = de - (m11 * p[DE] - m01 * p[TDE]) / det
        on = dn - (m11 * p[DN] - m01 * p[TDN]) / det
        off2 = (oe * oe + on * on) / (2.0 * (noise2 + m11 / det))
        if off2 <= FAR_OFF:
            p[STREAK] = 0.0
        else:
            p[STREAK] += 1.0
            if p[STREAK] < 2.0:
                count *= math.sqrt(FAR_OFF / off2)
            else:
                for c in range(COUNT + 1):
                    p[c] *= 0.05
                for c in range(ALT_W, SAMPLES):
                    p[c] *= 0.05
                count = 1.0
    w = count / noise2
    p[S0] += w
    p[VE] += w * ve
    p[VN] += w * vn
    p[VV] += w * (ve * ve + vn * vn)
    p[DE] += w * de
    p[DN] += w * dn
    p[VD] += w * (ve * de + vn * dn)
    p[DD] += w * (de * de + dn * dn)
    p[COUNT] += count
    p[OFFSET2] = OFFSET_M**2 + noise2
    p[SPEED] = math.sqrt(ve * ve + vn * vn)
    p[SAMPLES] += 1.0
    p[DENSITY] = 0.0  # what was found of it holds no more

    if math.isfinite(baro) and math.isfinite(at[4]):
        p[ALT_W] += count
        p[ALT_D] += count * sign * (baro - at[4])
    elif math.isfinite(geom) and math.isfinite(at[5]):
        p[ALT_W] += count
        p[ALT_D] += count * sign * (geom - at[5])
    else:
        high, low = (baro, at[5]) if math.isfinite(baro) else (geom, at[4])
        if math.isfinite(high) and math.isfinite(low):
            p[MIX_W] += count
            p[MIX_D] += count * sign * (high - low)
            p[MIX_L] += count * abs(high)


@kernel
def evidence(p: Floats, scale: float, d_precision: float, d_weight: float, s_precision: float) -> tuple[float, float]:
    """Log marginal likelihood of the differences, but for what all hypotheses share; and the part of it that fits.

    Normal priors: d of precision ``d_precision`` (1/m²; 0 for one spread evenly, ``d_weight`` then being
    2 pi times the density in 1/m²), s of ``s_precision`` (s²/m²), tau of 1/:data:`LATENCY_S`². ``scale`` divides the
    weights of all samples. With M = [[S0 + pd, S1], [S1, S2 + ps]] for each axis and the coupling c of tau to it,
    tau's precision is q = VV + 1/LATENCY_S² - sum of c' M^-1 c over the axes, and

        log Z = log pd + log ps - log LATENCY_S - log det M - log(q) / 2 + fit / 2.
    """
    k = 1.0 / scale
    m00, m01, m11 = p[S0] * k + d_precision, p[S1] * k, p[S2] * k + s_precision
    det = m00 * m11 - m01 * m01
    kk = k * k / det
    q = p[VV] * k + 1.0 / LATENCY_S**2
    rest = p[VD] * k
    fit = 0.0
    for axis in range(2):
        c0, c1 = p[VE + axis], p[TVE + axis]
        b0, b1 = p[DE + axis], p[TDE + axis]
        x0, x1 = m11 * b0 - m01 * b1, m00 * b1 - m01 * b0
        q -= kk * (m11 * c0 * c0 - 2.0 * m01 * c0 * c1 + m00 * c1 * c1)
        rest -= kk * (c0 * x0 + c1 * x1)
        fit += kk * (b0 * x0 + b1 * x1)
    q = max(q, 1.0 / LATENCY_S**2)
    fit += rest * rest / q
    return math.log(d_weight * s_precision / (det * LATENCY_S * math.sqrt(q))) + 0.5 * fit, fit


@kernel
def kinematic(p: Floats, density: float, company: float) -> tuple[float, float]:
    """Log likelihood ratios of one object against two, from places and from altitudes, by a pair's sums.

    One object: d ~ N(0, OFFSET2) for each axis, s ~ N(0, DRIFT²). Two: with probability 1 - ``company`` a stranger,
    d spread evenly at ``density`` (1/m²) and s ~ N(0, (1 m/s + 0.7 v)²); with ``company`` one that keeps with it,
    d ~ N(0, (50 m + 9 s v)²), s ~ N(0, (3 DRIFT)²). Where samples scatter about their own line more than they say,
    all are trusted less: their variances are taken times the mean square of that scatter.
    """
    if p[COUNT] <= 0.0:
        return 0.0, 0.0
    v = p[SPEED]
    one_d, one_s = 1.0 / p[OFFSET2], 1.0 / DRIFT_MPS**2
    with_d = 1.0 / (50.0 + 9.0 * v) ** 2
    any_d, any_s = 2.0 * math.pi * density, 1.0 / (1.0 + 0.7 * v) ** 2
    stranger, fit = evidence(p, 1.0, 0.0, any_d, any_s)
    scale = max(1.0, (p[DD] - fit) / (2.0 * p[COUNT] + 2.0))
    if scale > 1.0:
        stranger, _ = evidence(p, scale, 0.0, any_d, any_s)
    one, _ = evidence(p, scale, one_d, one_d, one_s)
    mate, _ = evidence(p, scale, with_d, with_d, one_s / 9.0)
    top = max(stranger, mate)
    place = one - top - math.log((1.0 - company) * math.exp(stranger - top) + company * math.exp(mate - top))
    height = 0.0
    if p[ALT_W] > 0.0:
        height = _height(p[ALT_D] / p[ALT_W], 75.0**2 + 60.0**2 / p[ALT_W])
    elif p[MIX_W] > 0.0:
        height = _height(p[MIX_D] / p[MIX_W], (300.0 + 0.03 * p[MIX_L] / p[MIX_W]) ** 2)
    return place, height


@njit(cache=True, nogil=True)
def kinematic_of(rows: Ints, sums: Floats, density: Floats, company: Floats) -> tuple[Floats, Floats]:
    """``kinematic`` of many pairs (M,), whose sums are ``sums[rows]``; found again only where something changed.

    A density is another one where it is a quarter more or less.
    """
    place, height = np.empty(len(rows)), np.empty(len(rows))
    for k in range(len(rows)):
        r = rows[k]
        kept = sums[r, DENSITY]
        if not (0.8 * kept <= density[k] <= 1.25 * kept and company[k] == sums[r, COMPANY]):
            sums[r, PLACE], sums[r, HEIGHT] = kinematic(sums[r], density[k], company[k])
            sums[r, DENSITY], sums[r, COMPANY] = density[k], company[k]
        place[k], height[k] = sums[r, PLACE], sums[r, HEIGHT]
    return place, height


@kernel
def _height(off_ft: float, variance: float) -> float:
    """Log likelihood ratio of altitudes that differ by ``off_ft``: an outlier in 200, a stranger in 4 at one level."""
    peak = math.exp(-0.5 * off_ft * off_ft / variance) / math.sqrt(2.0 * math.pi * variance)
    level2 = variance + 150.0**2
    level = math.exp(-0.5 * off_ft * off_ft / level2) / math.sqrt(2.0 * math.pi * level2)
    even = 1.0 / 20_000.0
    return math.log(0.995 * peak + 0.005 * even) - math.log(0.25 * level + 0.75 * even)


@kernel
def contradict(a: int, b: int, system: Ints, authority: Ints, address: Ints, kind: Ints) -> bool:
    """Whether two slots cannot be one object by what they are: one system, two addresses, two kinds."""
    if system[a] == system[b]:
        return True
    if authority[a] == authority[b] and (authority[a] == 1 or authority[a] == 4) and address[a] != address[b]:
        return True
    if (authority[a] == 4 and authority[b] in (1, 2)) or (authority[b] == 4 and authority[a] in (1, 2)):
        return True
    # aircraft and drone are 1 and 4; the last two kinds say nothing
    ka, kb = kind[a], kind[b]
    if ka == 0 or kb == 0 or ka > 6 or kb > 6 or ka == kb:
        return False
    return not (ka in (1, 4) and kb in (1, 4))


@njit(cache=True, nogil=True)
def alike(
    keys: Ints,
    system: Ints,
    authority: Ints,
    address: Ints,
    callsign: Ints,
    squawk: Ints,
    category: Ints,
    kind: Ints,
    shared: Bools,
    common: Bools,
) -> tuple[Floats, Words, Bools]:
    """What two slots say that they are, for each pair: log likelihood ratio, reasons, whether they cannot be one.

    ``shared`` (slots,): the address is said by two of one system; ``common`` (4096,): squawks that many have. Bits of
    reasons are places in ``joins.REASONS``.
    """
    n = len(keys)
    total, bits, never = np.zeros(n), np.zeros(n, np.uint32), np.zeros(n, np.bool_)
    for p in range(n):
        a, b = keys[p] >> 32, keys[p] & 0xFFFFFFFF
        nats, why = 0.0, 0
        twice = False
        if address[a] > 0 and address[b] > 0:
            if address[a] == address[b]:
                twice = shared[a] or shared[b]
                nats += 1.0 if twice else 6.0
                why |= (1 << SAME_ADDRESS) | (1 << SHARED_ADDRESS if twice else 0)
            else:
                nats -= 6.0
                why |= 1 << OTHER_ADDRESS
        if callsign[a] != 0 and callsign[b] != 0:
            if callsign[a] == callsign[b]:
                nats += 1.0 if twice else 5.0
                why |= 1 << SAME_CALLSIGN
            else:
                nats -= 4.0
                why |= 1 << OTHER_CALLSIGN
        if squawk[a] >= 0 and squawk[b] >= 0:
            if squawk[a] == squawk[b]:
                nats += 0.5 if common[squawk[a]] else 4.0
                why |= 1 << SAME_SQUAWK
            else:
                nats -= 3.0  # a change reaches one link before the other
                why |= 1 << OTHER_SQUAWK
        if category[a] != 0 and category[b] != 0:
            if category[a] == category[b]:
                nats += 0.5
                why |= 1 << SAME_CATEGORY
            else:
                nats -= 1.5
                why |= 1 << OTHER_CATEGORY
        total[p], bits[p] = min(nats, IDENTITY_MOST), why
        never[p] = contradict(a, b, system, authority, address, kind)
    return total, bits, never


@njit(cache=True, nogil=True)
def rivals(
    keys: Ints, llr: Floats, fresh: Bools, system: Ints, authority: Ints, address: Ints, kind: Ints, slots: int
) -> Floats:
    """The highest score of either of a pair (M,) with somebody whom the other cannot be, where it scores above 0.

    ``fresh`` (slots,): only who is heard as usual is a rival. :data:`NO_RIVAL` where there is none.
    """
    n = len(keys)
    start = np.zeros(slots + 1, np.int64)
    for p in range(n):
        start[(keys[p] >> 32) + 1] += 1
        start[(keys[p] & 0xFFFFFFFF) + 1] += 1
    for s in range(slots):
        start[s + 1] += start[s]
    fill = start[:-1].copy()
    pair = np.empty(2 * n, np.int64)
    for p in range(n):
        for s in (keys[p] >> 32, keys[p] & 0xFFFFFFFF):
            pair[fill[s]] = p
            fill[s] += 1
    best = np.full(n, NO_RIVAL)
    for p in range(n):
        if llr[p] <= 0.0:
            continue
        a, b = keys[p] >> 32, keys[p] & 0xFFFFFFFF
        for here, other in ((a, b), (b, a)):
            for k in range(start[here], start[here + 1]):
                q = pair[k]
                if q == p or llr[q] <= best[p]:
                    continue
                third = (keys[q] >> 32) + (keys[q] & 0xFFFFFFFF) - here
                if fresh[third] and contradict(third, other, system, authority, address, kind):
                    best[p] = llr[q]
    return best


@njit(cache=True, nogil=True)
def clusters(
    order: Ints,
    keys: Ints,
    llr: Floats,
    sampled: Bools,
    fresh: Bools,
    system: Ints,
    authority: Ints,
    address: Ints,
    kind: Ints,
    least: float,
) -> tuple[Ints, Bools]:
    """Put slots together by the pairs ``order`` (places in ``keys``), best first: lowest slot of each, pairs taken.

    A pair is refused where any two of what it would put together contradict each other, or were compared and score
    less than ``least``, or are both heard and nowhere near each other.
    """
    slots = len(fresh)
    lead, after = np.arange(slots), np.full(slots, -1, np.int64)  # members in a chain from the lead on
    last = np.arange(slots)
    taken = np.zeros(len(order), np.bool_)
    for o in range(len(order)):
        p = order[o]
        a, b = lead[keys[p] >> 32], lead[keys[p] & 0xFFFFFFFF]
        if a == b:
            taken[o] = True
            continue
        good = True
        x = a
        while x >= 0 and good:
            y = b
            while y >= 0:
                if contradict(x, y, system, authority, address, kind):
                    good = False
                    break
                key = (min(x, y) << 32) | max(x, y)
                q = np.searchsorted(keys, key)
                if q < len(keys) and keys[q] == key:
                    if sampled[q] and llr[q] < least:
                        good = False
                        break
                elif fresh[x] and fresh[y]:
                    good = False
                    break
                y = after[y]
            x = after[x]
        if not good:
            continue
        taken[o] = True
        low, high = min(a, b), max(a, b)
        after[last[low]] = high
        last[low] = last[high]
        y = high
        while y >= 0:
            lead[y] = low
            y = after[y]
    return lead, taken
