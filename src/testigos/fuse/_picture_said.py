"""Reports as a picture takes them: as arrays, with the radius that each vouches for, and what is wrong with them."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.fuse._picture_arrays import LATENT, PLACED, QUALITY, VELOCITY, Said
from testigos.fuse._picture_texts import NOTHING, Texts
from testigos.fuse._picture_values import COLUMNS, TEXTS
from testigos.fuse.quality import EPU_M, MLAT95_M, RC_M
from testigos.schema import ALL, PICTURE, SOURCES, STATUSES

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

_WHOLE: Final = {"time_ns": pl.Int64, "transmission": pl.UInt64, "offset": pl.UInt64, "input": pl.UInt16}
_CODES: Final = {"status": STATUSES.index("ok"), "source": SOURCES.index("unknown")}
_HASHED: Final = ("object_id", "via", "link", *(n for n in COLUMNS if n in TEXTS))
_FLOATS: Final = (
    *("lat_deg", "lon_deg", "accuracy95_m", "position_accurate"),
    *(n for n in COLUMNS if n not in TEXTS),
)
_TYPES: Final = {n: (PICTURE.get(n) or ALL[n]).dtype for n in (*_WHOLE, *_CODES, *_HASHED, *_FLOATS)}

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class Batch(NamedTuple):
    """A table of reports, (N,) each, and what kernels take of it."""

    object_id: pl.Series | None
    hash: npt.NDArray[np.uint64]  #: of the object's name
    named: Flags
    said: Said
    status: npt.NDArray[np.uint8]
    usable: Flags
    untimed: Flags
    placed: Flags
    alt_ft: Floats
    floats: dict[str, Floats]  #: numbers, NaN where unknown; columns without any are left out
    columns: npt.NDArray[np.int64]  #: numbers of ``COLUMNS``
    values: Floats  #: (columns, N) of them

    def column(self, name: str) -> Floats:
        """Numbers of a column, NaN where unknown."""
        found = self.floats.get(name)
        return np.full(len(self.hash), np.nan) if found is None else found


def _codes(names: tuple[str, ...], of: tuple[str, ...]) -> Flags:
    return np.array([n in names for n in of])


_IS_USED, _IS_PLACED = _codes(USED, STATUSES), _codes(_PLACED, STATUSES)
_IS_LATENT, _IS_DERIVED = _codes(_LATENT, SOURCES), _codes(_DERIVED, SOURCES)
_NO_TIME: Final = STATUSES.index("no_time")
_AIS, _MLAT = SOURCES.index("ais"), SOURCES.index("mlat")


def _by_number(known: Mapping[int, float]) -> Floats:
    """Values by a small number; by the last one, for null, NaN."""
    made = np.full(257, np.nan)
    for number, value in known.items():
        made[number] = value
    return made


_EPU, _RC, _NACV = _by_number(EPU_M), _by_number(RC_M), _by_number(_NACV_MPS)


def _arrays(reports: pl.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """What is needed: numbers as floats, texts as hashes, codes as numbers; columns without a value are left out.

    A small batch pays for each query, so all hashes are made in one.
    """
    size = len(reports)
    arrays: dict[str, npt.NDArray[Any]] = {}
    texts: list[pl.Series] = []
    for series in reports.get_columns():
        name = series.name
        if name not in _TYPES:
            continue
        nulls = series.null_count()
        if nulls == size and name not in _CODES:
            continue
        if series.dtype != _TYPES[name]:
            series = series.cast(_TYPES[name])
        if name in _HASHED:
            texts.append(series)
        elif name in _CODES or name in _WHOLE:
            held = series.to_physical()
            if nulls:
                held = held.fill_null(_CODES.get(name, 0))
            arrays[name] = held.to_numpy()
            if name == "time_ns" and nulls:
                arrays["timeless"] = series.is_null().to_numpy()
        else:
            held = series.to_physical() if name == "kind" else series
            arrays[name] = (held if held.dtype == pl.Float64 else held.cast(pl.Float64)).to_numpy()
    if texts:
        hashes = pl.DataFrame(texts).select(pl.all().hash())
        arrays.update((series.name, series.to_numpy()) for series in hashes.get_columns())
    return arrays


def batch(
    reports: pl.DataFrame, now_ns: int, names: Texts, texts: Texts, velocity95_mps: float
) -> Batch:  # fmt: skip
    """``names``: texts of links and ways; ``texts``: of values.

    Raises ``polars.exceptions.PolarsError`` where a column is not of the schema's type and cannot be cast.
    """
    size = len(reports)
    given = _arrays(reports)
    floats = {n: array for n, array in given.items() if n in _FLOATS}
    unknown = np.full(size, np.nan)

    def whole(name: str, dtype: Any) -> npt.NDArray[Any]:
        return given[name].astype(dtype) if name in given else np.zeros(size, dtype)

    def codes(name: str) -> npt.NDArray[np.uint8]:
        return given[name].astype(np.uint8) if name in given else np.full(size, _CODES[name], np.uint8)

    def numbers(name: str, of: Texts) -> npt.NDArray[np.int64]:
        return of.numbers(reports.get_column(name), given[name])

    def small(name: str, of: Floats) -> Floats | None:
        """Values of a table by a small whole number."""
        return of[np.nan_to_num(floats[name], nan=256.0).astype(np.int64)] if name in floats else None

    status, source = codes("status"), codes("source")
    lat, lon = floats.get("lat_deg", unknown), floats.get("lon_deg", unknown)
    untimed = status == _NO_TIME
    untimed |= given.get("timeless", np.bool_("time_ns" not in given))
    time = np.where(untimed, now_ns, whole("time_ns", np.int64))
    usable = _IS_USED[status]
    placed = _IS_PLACED[status] & (np.abs(lat) <= 90.0) & (np.abs(lon) <= 180.0)

    latent = _IS_LATENT[source]
    epu, rc = unknown.copy(), unknown
    by_nac, by_nic, by_rc = small("nac_p", _EPU), small("nic", _RC), floats.get("rc_m")
    if by_nac is not None:
        epu[latent] = by_nac[latent]
    if by_nic is not None or by_rc is not None:
        rc = unknown if by_nic is None else by_nic
        rc = rc if by_rc is None else np.where(np.isnan(by_rc), rc, by_rc)
        vouched = latent & (rc > 0.0)
        if "sil" in floats:
            vouched &= floats["sil"] != 0.0
        rc = np.where(vouched, rc, np.nan)
    epu[source == _MLAT] = MLAT95_M
    if "position_accurate" in floats:
        epu[(floats["position_accurate"] == 1.0) & (source == _AIS)] = _AIS_M
    if "accuracy95_m" in floats:
        stated = floats["accuracy95_m"] > 0.0
        epu, latent = np.where(stated, floats["accuracy95_m"], epu), latent & ~stated

    gs, track, nac_v = floats.get("gs_kt", unknown), floats.get("track_deg", unknown), small("nac_v", _NACV)
    moving = usable & np.isfinite(gs) & np.isfinite(track) & ~_IS_DERIVED[source]
    error = np.full(size, velocity95_mps) if nac_v is None else np.where(np.isnan(nac_v), velocity95_mps, nac_v)
    alt = unknown
    for name in ("alt_baro_ft", "alt_geom_ft", "alt_msl_ft"):
        if name in floats:
            alt = np.where(np.isnan(alt), floats[name], alt)

    flags = np.where(placed, PLACED, 0) | np.where(moving, VELOCITY, 0) | np.where(latent, LATENT, 0)
    flags |= np.where(usable & latent & (np.isfinite(epu) | np.isfinite(rc)), QUALITY, 0)
    # number 0 is none
    link, via = (numbers(n, names) if n in given else np.full(size, -1) for n in ("link", "via"))
    link, via = np.maximum(link, 0).astype(np.int32), np.maximum(via, 0).astype(np.int32)
    payload = whole("transmission", np.uint64).view(np.int64)
    f4 = [v.astype(np.float32) for v in (gs, track, np.square(error / _CONTAIN95), epu, rc)]
    tie = payload.copy()
    for part in (*(v.view(np.int32) for v in f4), source, names.rank[link], names.rank[via]):
        tie = tie * np.int64(6364136223846793005) + part  # wraps round

    rows, columns = [], []
    for number, name in enumerate(COLUMNS):
        if name in floats:
            rows.append(floats[name])
        elif name in given:
            found = numbers(name, texts)
            rows.append(np.where(found < 0, np.nan, found))
        else:
            continue
        columns.append(number)
    hashes = given.get("object_id", np.full(size, NOTHING, np.uint64))
    return Batch(
        reports["object_id"] if "object_id" in given else None, hashes, hashes != np.uint64(NOTHING),
        Said(  # type: ignore[call-arg]
            time, lat, lon, payload, tie, whole("offset", np.uint64).view(np.int64), *f4,
            whole("input", np.int32), link, via, source, flags.astype(np.uint8),
        ),
        status, usable, untimed, placed, alt, floats, np.array(columns, np.int64),
        np.array(rows, np.float64).reshape(len(rows), size),
    )  # fmt: skip
