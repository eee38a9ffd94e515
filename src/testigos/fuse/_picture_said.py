"""Reports as a picture takes them: as arrays, with the radius that each vouches for, and what is wrong with them."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.fuse._picture_arrays import LATENT, PLACED, QUALITY, VELOCITY, Said
from testigos.fuse._picture_values import COLUMNS, Texts
from testigos.fuse.quality import EPU_M, MLAT95_M, RC_M
from testigos.schema import ALL, PICTURE, SOURCES, STATUSES, Column

__all__ = ["USED", "Batch", "batch"]

#: Statuses of which something is used.
USED: Final = ("ok", "no_position", "no_time", "out_of_range", "stale", "ambiguous")
_PLACED: Final = ("ok", "no_time")
_LATENT: Final = ("adsb", "adsr", "adsc", "uat")  # as in fuse.quality
_DERIVED: Final = ("mlat", "radar", "estimated", "tisb")  # velocities from the same measurements as the positions
#: 95 % error of the velocity by NACv, m/s. Source: RTCA DO-260B, table 2-71a.
_NACV_MPS: Final = {4: 0.3, 3: 1.0, 2: 3.0, 1: 10.0}
_AIS_M: Final = 10.0  # the accuracy flag is set: ITU-R M.1371-5, annex 8, table 47
_CONTAIN95: Final = 2.447746830680816

_NEEDED: Final[dict[str, Column]] = {
    **{n: ALL[n] for n in ("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "transmission", "offset")},
    **{n: ALL[n] for n in ("via", "accuracy95_m", "position_accurate")},
    **{n: ALL[n] for n in COLUMNS},
    **{n: PICTURE[n] for n in ("input", "link")},
}

Flags = npt.NDArray[np.bool_]


class Batch(NamedTuple):
    """A table of reports, (N,) each, and what kernels take of it."""

    table: pl.DataFrame
    said: Said
    status: npt.NDArray[np.uint8]
    usable: Flags
    untimed: Flags
    placed: Flags
    alt_ft: npt.NDArray[np.float64]


def _codes(names: tuple[str, ...], of: tuple[str, ...]) -> Flags:
    return np.array([n in names for n in of])


_IS_USED, _IS_PLACED = _codes(USED, STATUSES), _codes(_PLACED, STATUSES)
_IS_LATENT, _IS_DERIVED = _codes(_LATENT, SOURCES), _codes(_DERIVED, SOURCES)
_NO_TIME: Final = STATUSES.index("no_time")


def _by_number(known: Mapping[int, float]) -> npt.NDArray[np.float64]:
    made = np.full(256, np.nan)
    for number, value in known.items():
        made[number] = value
    return made


_EPU, _RC, _NACV = _by_number(EPU_M), _by_number(RC_M), _by_number(_NACV_MPS)


def batch(reports: pl.DataFrame, now_ns: int, names: Texts, velocity95_mps: float) -> Batch:
    """``names``: texts of links and ways; number 0 is none.

    Raises ``polars.exceptions.PolarsError`` where a column is not of the schema's type and cannot be cast.
    """
    given = reports.schema
    table = reports.select(
        pl.col(n) if given[n] == c.dtype else pl.col(n).cast(c.dtype) for n, c in _NEEDED.items() if n in given
    )
    size = len(table)

    def floats(name: str) -> npt.NDArray[np.float64] | None:
        if name not in given or table[name].null_count() == size:
            return None
        return table[name].cast(pl.Float64).fill_null(np.nan).to_numpy()

    def whole(name: str, dtype: Any) -> npt.NDArray[Any]:
        if name not in given:
            return np.zeros(size, dtype)
        return table[name].fill_null(0).to_numpy().astype(dtype)

    def codes(name: str, null: int) -> npt.NDArray[np.uint8]:
        if name not in given:
            return np.full(size, null, np.uint8)
        return table[name].to_physical().fill_null(null).to_numpy().astype(np.uint8)

    def texts(name: str) -> npt.NDArray[np.int32]:
        found = np.zeros(size, np.int32)
        if name in given and table[name].null_count() < size:
            known = table[name].is_not_null()
            found[known.to_numpy()] = names.numbers(table[name].filter(known).to_list())
        return found

    def small(name: str, of: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
        """Values of a table by a small whole number."""
        if name not in given or table[name].null_count() == size:
            return None
        return np.where(table[name].is_null().to_numpy(), np.nan, of[whole(name, np.int64)])

    unknown = np.full(size, np.nan)
    status, source = codes("status", STATUSES.index("ok")), codes("source", SOURCES.index("unknown"))
    lat, lon = floats("lat_deg"), floats("lon_deg")
    lat, lon = (unknown, unknown) if lat is None or lon is None else (lat, lon)
    timeless = table["time_ns"].is_null().to_numpy() if "time_ns" in given else np.ones(size, np.bool_)
    untimed = timeless | (status == _NO_TIME)
    time = np.where(untimed, now_ns, whole("time_ns", np.int64))
    usable = _IS_USED[status]
    placed = _IS_PLACED[status] & np.isfinite(lat) & np.isfinite(lon)

    latent = _IS_LATENT[source]
    epu, rc = unknown.copy(), unknown.copy()
    by_nac = small("nac_p", _EPU)
    if by_nac is not None:
        epu = np.where(latent, by_nac, epu)
    by_nic, by_rc, sil = small("nic", _RC), floats("rc_m"), floats("sil")
    if by_nic is not None or by_rc is not None:
        rc = by_nic if by_nic is not None else rc
        rc = rc if by_rc is None else np.where(np.isnan(by_rc), rc, by_rc)
        vouched = latent & (rc > 0) if sil is None else latent & (rc > 0) & (sil != 0)
        rc = np.where(vouched, rc, np.nan)
    epu = np.where(source == SOURCES.index("mlat"), MLAT95_M, epu)
    if "position_accurate" in given:
        sure = table["position_accurate"].fill_null(False).to_numpy()
        epu = np.where(sure & (source == SOURCES.index("ais")), _AIS_M, epu)
    accuracy = floats("accuracy95_m")
    if accuracy is not None:
        stated = accuracy > 0
        epu, latent = np.where(stated, accuracy, epu), latent & ~stated

    gs, track, nac_v = floats("gs_kt"), floats("track_deg"), small("nac_v", _NACV)
    gs, track = unknown if gs is None else gs, unknown if track is None else track
    moving = usable & np.isfinite(gs) & np.isfinite(track) & ~_IS_DERIVED[source]
    error = np.full(size, velocity95_mps) if nac_v is None else np.where(np.isnan(nac_v), velocity95_mps, nac_v)
    v_var = np.square(error / _CONTAIN95)
    alts = [a for a in map(floats, ("alt_baro_ft", "alt_geom_ft", "alt_msl_ft")) if a is not None]
    alt = unknown
    for other in alts:
        alt = np.where(np.isnan(alt), other, alt)

    flags = np.where(placed, PLACED, 0) | np.where(moving, VELOCITY, 0) | np.where(latent, LATENT, 0)
    flags |= np.where(usable & latent & (np.isfinite(epu) | np.isfinite(rc)), QUALITY, 0)
    link, via, said_hash = texts("link"), texts("via"), whole("transmission", np.uint64).view(np.int64)
    f4 = [np.ascontiguousarray(v, np.float32) for v in (gs, track, v_var, epu, rc)]
    tie = said_hash.copy()
    for part in (*(v.view(np.int32) for v in f4), source, names.rank[link], names.rank[via]):
        tie = tie * np.int64(6364136223846793005) + part  # wraps round
    return Batch(
        table,
        Said(
            time, lat, lon, said_hash, tie, whole("offset", np.uint64).view(np.int64), *f4,
            whole("input", np.int32), link, via, source, flags.astype(np.uint8),
        ),
        status, usable, untimed, placed, alt,
    )  # fmt: skip
