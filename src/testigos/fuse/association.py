"""Which plot without a name belongs to which track: nearest neighbours in a gate, each plot and track once.

Each pair of a track and a plot within the gate (``filter.GATE``, by all modes together or by one alone) costs -2 times
its logarithmic likelihood, so that a track of which little is known does not take the plots of those that are known
well, and an improbable turn not those of a probable way. Pairs are taken in the order of their cost, and then of
slot and plot, each track and each plot once.

Tracks are predicted to the time of each plot. Pairs are found through a grid of cubes in earth-centred coordinates,
which has neither poles nor an antimeridian.

Source: Blackman and Popoli, "Design and Analysis of Modern Tracking Systems" (1999), section 6.4 (assignment); the
order of costs in place of the least sum is own choice, measured in bench/filter.py.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.fuse.filter import GATE, VARIANCES_M2, Filters, Floats, Ints, columns, compared, from_row, moved, reach
from testigos.fuse.motion import MODE
from testigos.geo import to_ecef
from testigos.kernels import kernel

__all__ = ["Associated", "associate"]

_NEVER: Final = -(2**63)  # no time of a plot
_BITS: Final = 1 << 20  # cubes are numbered from here, in each direction
_REACH: Final = 3  # cubes in each direction that are searched; a track that needs more looks at every plot


class Associated(NamedTuple):
    """The track of each plot, (M,) each."""

    slot: Ints  #: -1: of no track
    nis: Floats  #: least normalised innovation squared, of all modes or of one; NaN where there is no track


@kernel
def _key(x, y, z):  # type: ignore[no-untyped-def]
    return ((x + _BITS) << 42) | ((y + _BITS) << 21) | (z + _BITS)


@njit(cache=True, nogil=True)
def _cubes(xyz, size):  # type: ignore[no-untyped-def]
    n = len(xyz)
    keys = np.empty(n, np.int64)
    for i in range(n):
        x, y, z = xyz[i]
        keys[i] = _key(math.floor(x / size), math.floor(y / size), math.floor(z / size))
    return keys


@njit(cache=True, nogil=True)
def _ecef(lat, lon):  # type: ignore[no-untyped-def]
    xyz = np.full((len(lat), 3), np.nan)
    for i in range(len(lat)):
        if abs(lat[i]) <= 90.0 and abs(lon[i]) <= 180.0:
            xyz[i, 0], xyz[i, 1], xyz[i, 2] = to_ecef(lat[i], lon[i])
    return xyz


@njit(cache=True, nogil=True)
def _reaches(motions, state, last, kind, slot, time_ns, noise, xyz, far):  # type: ignore[no-untyped-def]
    modes, spare = np.empty((3, MODE)), np.empty((3, MODE))
    for i in range(len(slot)):
        k = slot[i]
        left, right = moved(state[k], motions[kind[k]], last[k], modes, spare, time_ns)
        east, north, far[i] = reach(modes, left, right, noise)
        lat, lon = from_row(state[k], east, north)
        xyz[i, 0], xyz[i, 1], xyz[i, 2] = to_ecef(lat, lon)


def _reached(filters: Filters, slots: Ints, time_ns: int, noise: float) -> tuple[Floats, Floats]:
    """Earth-centred places of tracks, (A, 3), and how far from there their plots can be, (A,); NaN where a track is."""
    xyz, far = np.empty((len(slots), 3)), np.empty(len(slots))
    _reaches(filters.motions, filters.state, filters.time_ns, filters.kind, slots, time_ns, noise, xyz, far)
    return xyz, far


@njit(cache=True, nogil=True)
def _pairs(  # type: ignore[no-untyped-def]
    motions, state, last, kind, slot, centre, radius, key, order, xyz, size, time_ns, lat, lon, r_ee, r_en, r_nn
):
    """Pairs within the gate: number of the track, number of the plot, squared innovation, cost."""
    modes, spare = np.empty((3, MODE)), np.empty((3, MODE))
    room, found = 64, 0
    track, plot = np.empty(room, np.int64), np.empty(room, np.int64)
    nis, cost = np.empty(room), np.empty(room)
    m = len(key)
    for i in range(len(slot)):
        x, y, z = centre[i]
        row, when, left, right = state[slot[i]], _NEVER, 0.0, 0.0
        far = radius[i]
        near, everywhere = far * far, far > _REACH * size
        x0, x1 = math.floor((x - far) / size), math.floor((x + far) / size)
        y0, y1 = math.floor((y - far) / size), math.floor((y + far) / size)
        z0, z1 = math.floor((z - far) / size), math.floor((z + far) / size)
        if everywhere:
            x0 = x1 = y0 = y1 = 0
        for a in range(x0, x1 + 1):
            for b in range(y0, y1 + 1):
                low, high = (key[0], key[m - 1]) if everywhere else (_key(a, b, z0), _key(a, b, z1))
                for at in range(0 if everywhere else np.searchsorted(key, low), m):
                    if key[at] > high:
                        break
                    j = order[at]
                    dx, dy, dz = xyz[j, 0] - x, xyz[j, 1] - y, xyz[j, 2] - z
                    if dx * dx + dy * dy + dz * dz > near:
                        continue
                    if time_ns[j] != when:
                        when = time_ns[j]
                        left, right = moved(row, motions[kind[slot[i]]], last[slot[i]], modes, spare, when)
                    chi2, price = compared(row, modes, left, right, lat[j], lon[j], r_ee[j], r_en[j], r_nn[j])
                    if not chi2 <= GATE:
                        continue
                    if found == room:
                        room *= 2
                        track, plot = _longer(track, room), _longer(plot, room)
                        nis, cost = _longer(nis, room), _longer(cost, room)
                    track[found], plot[found] = i, j
                    nis[found], cost[found] = chi2, price
                    found += 1
    return track[:found], plot[:found], nis[:found], cost[:found]


@njit(cache=True, nogil=True)
def _longer(values, room):  # type: ignore[no-untyped-def]
    more = np.empty(room, values.dtype)
    more[: len(values)] = values
    return more


@njit(cache=True, nogil=True)
def _taken(order, track, plot, nis, slot, out, out_nis):  # type: ignore[no-untyped-def]
    free = np.ones(len(slot), np.bool_)
    for at in order:
        i, j = track[at], plot[at]
        if free[i] and out[j] < 0:
            free[i] = False
            out[j], out_nis[j] = slot[i], nis[at]


def associate(
    filters: Filters,
    slots: npt.ArrayLike,
    time_ns: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    r_east_m2: npt.ArrayLike,
    r_east_north_m2: npt.ArrayLike | None = None,
    r_north_m2: npt.ArrayLike | None = None,
) -> Associated:
    """The track, among ``slots`` (A,), of each plot, (M,); at most one plot a track and one track a plot.

    Give the plots of one scan at a time. Variances are as for ``filter.step``. Nothing is changed.
    """
    lat = columns(lat_deg, len(np.asarray(lat_deg)))
    at, time = np.unique(np.asarray(slots, np.int64)), columns(time_ns, len(lat), np.int64)
    lon, r_ee = columns(lon_deg, len(lat)), columns(r_east_m2, len(lat))
    r_en = columns(0.0 if r_east_north_m2 is None else r_east_north_m2, len(lat))
    r_nn = r_ee if r_north_m2 is None else columns(r_north_m2, len(lat))
    out = Associated(np.full(len(lat), -1, np.int64), np.full(len(lat), np.nan))
    at = at[(at >= 0) & (at < len(filters))]
    at = at[filters.used[at] > 0]
    xyz = _ecef(lat, lon)
    low, high = VARIANCES_M2
    said = (r_ee >= low) & (r_ee <= high) & (r_nn >= low) & (r_nn <= high) & (r_en * r_en < r_ee * r_nn)
    good = np.flatnonzero(~np.isnan(xyz[:, 0]) & said)
    if not len(at) or not len(good):
        return out
    # where tracks may be while the scan lasts: each is looked at from both ends of it
    noise = float((r_ee[good] + r_nn[good]).max())
    begin, far = _reached(filters, at, int(time[good].min()), noise)
    end, farther = _reached(filters, at, int(time[good].max()), noise)
    # half again for what turns in between, 1 % for the earth's being round
    radius = 0.75 * np.sqrt(((end - begin) ** 2).sum(1)) + 1.01 * np.maximum(far, farther)
    sound = np.isfinite(radius)
    at, centre, radius = at[sound], 0.5 * (begin + end)[sound], radius[sound]
    if not len(at):
        return out
    size = max(float(np.quantile(radius, 0.8)), 2.0 * 6.4e6 / _BITS)
    keys = _cubes(xyz[good], size)
    order = np.argsort(keys, kind="stable")
    track, plot, nis, cost = _pairs(
        filters.motions, filters.state, filters.time_ns, filters.kind, at, centre, radius, keys[order],
        good[order], xyz, size, time, lat, lon, r_ee, r_en, r_nn,
    )  # fmt: skip
    _taken(np.lexsort((plot, track, cost)), track, plot, nis, at, *out)
    return out
