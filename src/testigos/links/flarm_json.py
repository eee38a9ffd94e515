"""FLARM positions as rs1090 prints what it decrypts: one JSON object a message, one a line or in a list.

    {"timestamp": 1655274034, ..., "icao24": "38f27b", "is_icao24": true, "actype": "Glider", "latitude": ..., ...}

Speeds are in m/s. The altitude, in m, is GNSS height above the ellipsoid: the OpenGliderNet receivers subtract the
geoid from it (their configuration, ``GeoidSepar``). Own rules: a FLARM's own address is ``flarm:`` and not ICAO's;
rs1090 does not fold its track into a circle, so that it is taken modulo 360, and is unknown at a speed of 0; kinds of
aircraft are categories only where FLARM's kind says as much.
"""

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._json import FALSE, NULL, NUMBER, STRING, TRUE, key_table, object_cells, texts
from testigos.links._json_lines import split_objects
from testigos.links._readsb import seconds_us, timed
from testigos.links._rows import gathered, rows
from testigos.registry import Frames
from testigos.units import FPM_MPS, FT_M, KT_MPS

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "recognise", "split"]

NAME: Final = "flarm_json"
SPEC: Final = "rs1090 0.7.0, rs1090.flarm; https://pastebin.com/YK2f8bfm for the packet"
CHECKED: Final = False
GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_geom_ft", "gs_kt", "track_deg"),
    *("vrate_geom_fpm", "category", "address", "offset", "length"),
)

_FIELDS: Final = (
    *("timestamp", "icao24", "is_icao24", "actype", "latitude", "longitude", "geoaltitude", "vertical_speed"),
    *("groundspeed", "track"),
)
_KEYS: Final = key_table(_FIELDS)
#: DO-260B's emitter categories of FLARM's kinds; planes are of unknown size.
_CATEGORIES: Final = {
    **{"Glider": "B1", "Helicopter": "A7", "Parachute": "B3", "Hangglider": "B4", "Paraglider": "B4"},
    **{"Balloon": "B2", "Airship": "B2", "UAV": "B6", "StaticObstacle": "C3"},
}
_LINE: Final = re.compile(rb'\s*\[?\s*\{[^\n]*?"is_icao24"\s*:')


def recognise(head: bytes) -> int:
    """95 where the first object says whether its address is of ICAO's, else 0."""
    return 95 if _LINE.match(head.removeprefix(b"\xef\xbb\xbf")) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame an object; other text is a frame too."""
    return split_objects(buffer, final)


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a message; nothing is carried."""
    of = np.arange(len(frames), dtype=np.int64)
    if not len(of):
        return gathered([], GIVES), carry
    raw = np.frombuffer(frames.buffer, np.uint8)
    cells = object_cells(raw, frames.start, frames.stop, _KEYS)

    def kind(key: str) -> npt.NDArray[np.int8]:
        return np.asarray(cells.kind[_FIELDS.index(key)])

    def number(key: str) -> npt.NDArray[np.float64]:
        return np.asarray(cells.number[_FIELDS.index(key)])

    address = texts(raw, cells, _FIELDS.index("icao24")).str.to_lowercase()
    good = cells.valid & address.str.contains("^[0-9a-f]{6}$").fill_null(False).to_numpy()
    good &= (kind("is_icao24") == TRUE) | (kind("is_icao24") == FALSE)
    good &= (kind("latitude") == NUMBER) == (kind("longitude") == NUMBER)
    unreadable = np.zeros(len(of), np.bool_)
    for key in ("timestamp", "latitude", "longitude", "geoaltitude", "vertical_speed", "groundspeed", "track"):
        unreadable |= kind(key) > NUMBER
    unreadable |= (kind("actype") != STRING) & (kind("actype") > NULL)
    authority = pl.when(pl.Series(kind("is_icao24") == TRUE)).then(pl.lit("icao:")).otherwise(pl.lit("flarm:"))
    micros, known = timed(seconds_us(number("timestamp")))
    columns: dict[str, Any] = {
        "object_id": pl.select(pl.when(pl.Series(good)).then(authority + address)).to_series(),
        "time_ns": pl.Series(micros).set(pl.Series(~known), None),
        "source": pl.repeat("flarm", len(of), dtype=pl.String, eager=True),
        "lat_deg": number("latitude"),
        "lon_deg": number("longitude"),
        "alt_geom_ft": number("geoaltitude") / FT_M,
        "gs_kt": number("groundspeed") / KT_MPS,
        "track_deg": np.where(number("groundspeed") > 0, number("track") % 360.0, np.nan),
        "vrate_geom_fpm": number("vertical_speed") / FPM_MPS,
        "category": texts(raw, cells, _FIELDS.index("actype")).replace_strict(
            _CATEGORIES, default=None, return_dtype=pl.String
        ),
        "address": pl.select(pl.when(pl.Series(good)).then(address.str.to_integer(base=16, strict=False)))
        .to_series()
        .cast(pl.UInt32),
    }
    unreadable |= np.isfinite(number("timestamp")) & ~known
    return gathered([rows(frames, of, columns, ~good, unreadable)], GIVES), carry
