"""UAT messages of rows, as dump978 prints them; written from the specification, not from the decoder.

Source: RTCA DO-282B, 2.2.4.5.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._readsb import EMERGENCIES
from testigos.links._uat import LONG
from testigos.schema import REPORTS, SOURCES

__all__ = ["encode"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ "
_FULL, _AUXILIARY = 1, 2  # payload types: with mode status, without
_LSB_DEG: Final = 360.0 / (1 << 24)
_WANTED: Final = (
    *("object_id", "time_ns", "source", "lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft", "on_ground", "gs_kt"),
    *("track_deg", "heading_deg", "vrate_fpm", "vrate_geom_fpm", "callsign", "squawk", "category", "emergency"),
    *("nic", "nac_p", "nac_v", "sil", "adsb_version", "rssi_dbfs"),
)


def encode(tracks: pl.DataFrame) -> bytes:
    """One long message a row that has a 24-bit address, with its time to the millisecond where it has one.

    Rows of sources ``uat`` and ``adsb`` become ADS-B, ``adsr`` ADS-R, all others TIS-B, which has no identity, quality
    but NIC, or emergency here. A message has a call sign or a squawk, not both: the call sign goes first, and
    version 0 has no squawk. It has one vertical rate: the barometric goes first. It has a velocity in the air only
    where speed and track are known. What the format must say and the row does not is 0, and the version 2; an
    aircraft not known to be on the ground is airborne. Steps:
    2.1e-5 degrees (there is no south pole, and no 0 N 0 E with NIC 0: the nearest code is written), 25 ft, 1 kt of each
    component of velocity (4 kt when supersonic), 64 ft/min, 0.7 degrees on the ground.

    >>> row = {"object_id": "icao:ae503d", "time_ns": 1_500_000_000, "source": "uat", "lat_deg": 45.0, "lon_deg": -90.0}
    >>> line = encode(pl.DataFrame([row]))
    >>> line[:21], line[69:].strip()
    (b'-08ae503d400001800000', b';t=1.500;')
    """
    missing = (pl.lit(None, REPORTS[n].dtype).alias(n) for n in _WANTED if n not in tracks.columns)
    table = tracks.with_columns(missing).filter(pl.col("object_id").str.contains("^(icao|anon):[0-9a-f]{6}$"))
    if not len(table):
        return b""
    payload = _payload(table)
    text = payload.tobytes().hex()
    lines = [f"-{text[i : i + 2 * LONG]};" for i in range(0, len(text), 2 * LONG)]
    moment = table["time_ns"].cast(pl.Int64)
    milli = (moment + 500_000) // 1_000_000
    for i, (ms, level) in enumerate(zip(milli.to_list(), table["rssi_dbfs"].to_list(), strict=True)):
        lines[i] += f"rssi={level:.1f};" if level is not None else ""
        lines[i] += f"t={ms // 1000}.{ms % 1000:03d};" if ms is not None else ""
    return "".join(line + "\n" for line in lines).encode()


def _put(payload: npt.NDArray[np.uint8], byte: int, bit: int, width: int, values: npt.ArrayLike) -> None:
    """Write numbers into ``width`` bits from a byte and bit on, both counted from 1, of payloads (N, 34) of zeros."""
    number = np.asarray(values, np.int64)
    for k in range(width):
        place = 8 * (byte - 1) + bit - 1 + k
        one = (number >> (width - 1 - k)) & 1
        payload[:, place >> 3] |= (one << (7 - (place & 7))).astype(np.uint8)


def _numbers(table: pl.DataFrame, name: str) -> Floats:
    return table[name].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _steps(values: Floats, step: float, first: float, highest: int) -> Ints:
    """Codes from 1 for ``first`` on in steps; 0 for what is unknown or past the ``highest``."""
    code = np.rint((values - first) / step) + 1
    return np.where((code >= 1) & (code <= highest), code, 0).astype(np.int64)


def _payload(table: pl.DataFrame) -> npt.NDArray[np.uint8]:
    payload = np.zeros((len(table), LONG), np.uint8)
    source = table["source"].cast(pl.Enum(SOURCES)).cast(pl.String).fill_null("unknown")
    own = source.is_in(["uat", "adsb"]).to_numpy()
    relayed = (source == "adsr").to_numpy()
    icao = table["object_id"].str.starts_with("icao:").to_numpy()
    full = own | relayed
    _put(payload, 1, 1, 5, np.where(full, _FULL, _AUXILIARY))
    _put(payload, 1, 6, 3, np.where(icao, np.where(own, 0, 2), np.where(own, 1, np.where(relayed, 6, 3))))
    _put(payload, 2, 1, 24, table["object_id"].str.slice(5).str.to_integer(base=16).to_numpy())
    _position(payload, table)
    ground = table["on_ground"].fill_null(False).to_numpy()
    _put(payload, 13, 1, 2, np.where(ground, 2, 0))
    _in_the_air(payload, table, ~ground)
    _on_the_ground(payload, table, ground)
    _mode_status(payload, table, full)
    return payload


def _position(payload: npt.NDArray[np.uint8], table: pl.DataFrame) -> None:
    lat, lon = _numbers(table, "lat_deg"), _numbers(table, "lon_deg")
    known = np.isfinite(lat) & np.isfinite(lon)
    nic = np.where(known, np.nan_to_num(_numbers(table, "nic")), 0).astype(np.int64)
    y = np.rint(np.where(known, lat, 0.0) / _LSB_DEG).astype(np.int64)
    x = np.rint(np.where(known, lon, 0.0) / _LSB_DEG).astype(np.int64)
    y = np.maximum(y, 1 - (1 << 22))
    y[known & (x == 0) & (y == 0) & (nic == 0)] = 1
    _put(payload, 5, 1, 23, y)
    _put(payload, 7, 8, 24, x)
    _put(payload, 12, 5, 4, nic)
    baro, geom = (_steps(_numbers(table, n), 25.0, -1000.0, 4094) for n in ("alt_baro_ft", "alt_geom_ft"))
    first = (baro == 0) & (geom != 0)  # the geometric one is the primary altitude
    _put(payload, 10, 8, 1, first)
    _put(payload, 11, 1, 12, np.where(first, geom, baro))
    _put(payload, 30, 1, 12, np.where(first, 0, geom))


def _in_the_air(payload: npt.NDArray[np.uint8], table: pl.DataFrame, air: npt.NDArray[np.bool_]) -> None:
    speed, track = _numbers(table, "gs_kt"), np.radians(_numbers(table, "track_deg"))
    north, east = speed * np.cos(track), speed * np.sin(track)
    fast = air & (np.maximum(np.abs(north), np.abs(east)) > 1021.0)
    step = np.where(fast, 4.0, 1.0)
    payload[fast, 12] |= 0x40  # airborne, supersonic
    for byte, bit, component in ((13, 4, north), (14, 7, east)):
        code = _steps(np.abs(component) / step, 1.0, 0.0, 1022)
        # Code 1 is a speed of 0: a known component beyond 4084 kt makes both unknown.
        code[~air] = 0
        _put(payload, byte, bit, 1, (code > 0) & (component < 0))
        _put(payload, byte, bit + 1, 10, code)
    baro, geom = _numbers(table, "vrate_fpm"), _numbers(table, "vrate_geom_fpm")
    rate = np.where(np.isnan(baro), geom, baro)
    code = np.where(air, _steps(np.abs(rate) / 64.0, 1.0, 0.0, 510), 0)
    _put(payload, 16, 2, 1, air & np.isfinite(baro))
    _put(payload, 16, 3, 1, (code > 0) & (rate < 0))
    _put(payload, 16, 4, 9, code)


def _on_the_ground(payload: npt.NDArray[np.uint8], table: pl.DataFrame, ground: npt.NDArray[np.bool_]) -> None:
    track, heading = _numbers(table, "track_deg"), _numbers(table, "heading_deg")
    _put(payload, 13, 5, 10, np.where(ground, _steps(_numbers(table, "gs_kt"), 1.0, 0.0, 1022), 0))
    kind = np.where(np.isfinite(track), 1, np.where(np.isfinite(heading), 3, 0))
    angle = np.nan_to_num(np.where(np.isfinite(track), track, heading))
    _put(payload, 14, 7, 2, np.where(ground, kind, 0))
    _put(payload, 15, 1, 9, np.where(ground, np.rint(angle * (512.0 / 360.0)).astype(np.int64) % 512, 0))


def _mode_status(payload: npt.NDArray[np.uint8], table: pl.DataFrame, full: npt.NDArray[np.bool_]) -> None:
    name = table["callsign"].str.to_uppercase()
    name = pl.select(pl.when(name.str.contains(r"^[0-9A-Z ]{1,8}$")).then(name)).to_series()
    squawk = table["squawk"]
    squawk = pl.select(pl.when(squawk.str.contains("^[0-7]{4}$")).then(squawk)).to_series()
    called = name.is_not_null().to_numpy()
    version = table["adsb_version"].cast(pl.Int64).fill_null(2)
    squawk = squawk.set(version == 0, None)  # without the flag for it, it would be a call sign
    text = pl.select(pl.coalesce(name, squawk)).to_series()
    letters = np.full((len(table), 8), 37, np.int64)
    for i, said in enumerate(text.to_list()):
        if said is not None:
            letters[i] = [_ALPHABET.index(c) for c in said.ljust(8)]
    category = table["category"]
    code = pl.select(
        pl.when(category.str.contains("^[A-D][0-7]$")).then(
            category.str.slice(0, 1).replace_strict(dict(zip("ABCD", range(4), strict=True)), default=0) * 8
            + category.str.slice(1, 1).str.to_integer(strict=False)
        )
    ).to_series()
    first = code.cast(pl.Int64).fill_null(0).to_numpy()
    places = {n: k for k, n in enumerate(EMERGENCIES)}
    words = (
        (18, first * 1600 + letters[:, 0] * 40 + letters[:, 1]),
        (20, letters[:, 2] * 1600 + letters[:, 3] * 40 + letters[:, 4]),
        (22, letters[:, 5] * 1600 + letters[:, 6] * 40 + letters[:, 7]),
    )
    for byte, word in words:
        _put(payload, byte, 1, 16, np.where(full, word, 0))
    emergency = table["emergency"].replace_strict(places, default=0, return_dtype=pl.Int64).fill_null(0).to_numpy()
    _put(payload, 24, 1, 3, np.where(full, emergency, 0))
    _put(payload, 24, 4, 3, np.where(full, version.to_numpy(), 0))
    _put(payload, 27, 7, 1, full & called)
    for byte, bit, width, column in ((24, 7, 2, "sil"), (26, 1, 4, "nac_p"), (26, 5, 3, "nac_v")):
        _put(payload, byte, bit, width, np.where(full, np.nan_to_num(_numbers(table, column)), 0).astype(np.int64))
