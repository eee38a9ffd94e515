"""GeoJSON: features with a point, one a line or in a FeatureCollection.

    {"type":"Feature","id":"icao:ae503d","geometry":{"type":"Point","coordinates":[-62.5,11.9,7620.0]},
     "properties":{"time":"2025-10-23T18:03:12.500Z","time_ns":1761242592500000000,"callsign":"BARB21", ...}}

The id is the object's name, the third coordinate the height above the ellipsoid in metres. Properties have the names of
the schema's columns, and ``time``, in ISO 8601, for whoever does not count nanoseconds. Coordinates have seven decimals
(1 cm), the height two; properties are exact, as in ``jsonl``.

Own rules for what others write: an id without an authority gets ``feature:`` before it, and where there is no id the
property ``object_id`` is one; of the time ``time_ns`` counts, then ``time``; the height counts where no property says
``alt_geom_ft``. A feature without a geometry has no position, and one of another geometry than a point is malformed.
"""

import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel
from testigos.links._json import (
    ABSENT,
    CONTAINER,
    NULL,
    NUMBER,
    STRING,
    Cells,
    array_cells,
    key_table,
    object_cells,
    says,
    texts,
)
from testigos.links._json_columns import GIVES, columns, flat, laid_out, put_columns, read_columns, row_table
from testigos.links._json_write import ESCAPED as ESCAPED_SIZE
from testigos.links._json_write import put_text
from testigos.links._put import DIGITS, STAMP, literal, put, put_decimal, put_iso
from testigos.links._readsb_split import split_documents
from testigos.links._rows import gathered
from testigos.links._series import filled, only, stacked
from testigos.links._text import times
from testigos.matrix import numbers, whole_numbers
from testigos.matrix import texts as wordings
from testigos.registry import Frames, Pieces
from testigos.units import FT_M

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "collection", "decode", "encode", "pieces", "recognise", "split"]

NAME: Final = "geojson"
SPEC: Final = "RFC 7946, The GeoJSON Format; one feature a line as in https://jsonlines.org"
CHECKED: Final = False

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: How documents divide: elements are objects, which begin so as we write them, in the array ``features``.
_FEATURES: Final = (False, *(literal(word) for word in ('"type":"Feature"', '"features"', '"features"')))
_TOP: Final = ("type", "id", "geometry", "properties")
_TOP_KEYS: Final = key_table(_TOP)
_SHAPE: Final = ("type", "coordinates")
_SHAPE_KEYS: Final = key_table(_SHAPE)
_TIME_KEYS: Final = key_table(("time",))
_LOWEST_FT, _HIGHEST_FT = -3_000.0, 200_000.0  # as the schema has it
_AUTHORITY: Final = re.compile("[a-z][a-z0-9_-]*:.")
#: Not among the properties: what stands elsewhere, and numbers that mean nothing outside the node that gave them.
_LEFT: Final = ("object_id", "lat_deg", "lon_deg", "slot", "input")
_FEATURE: Final = re.compile(rb'"type"\s*:\s*"Feature(?:Collection)?"')


def recognise(head: bytes) -> int:
    """95 where the document begins with a Feature or a FeatureCollection, else 0."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    found = _FEATURE.search(text[:4096]) if text.startswith(b"{") else None
    return 95 if found and (b'"geometry"' in text or b'"features"' in text) else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame a feature; what stands in a collection before and after its features is context."""
    return split_documents(buffer, final, _FEATURES, lambda header: True)


# ---- reading ----


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a feature; nothing is carried."""
    of = np.flatnonzero(~frames.context)
    if not len(of):
        return gathered([], GIVES), carry
    found = Frames(frames.buffer, frames.start[of], frames.stop[of], frames.context[of])
    raw = np.frombuffer(frames.buffer, np.uint8)
    top = object_cells(raw, found.start, found.stop, _TOP_KEYS)
    kind = dict(zip(_TOP, top.kind, strict=True))
    good = top.valid & says(raw, top, 0, "Feature")
    for key in ("geometry", "properties"):
        good &= (kind[key] == CONTAINER) | (kind[key] <= NULL)
    lat, lon, height, shaped = _points(raw, top, good)
    good &= shaped
    inside = good & (kind["properties"] == CONTAINER)
    first, last = _spans(top, 3, inside)
    cells = flat(raw, first, last)
    good &= cells.valid | ~inside
    said = read_columns(raw, cells, good & inside)
    made, odd = said.columns, said.odd
    wrong = (np.abs(lat) > 90.0) | (np.abs(lon) > 180.0)
    odd |= wrong & good
    placed = good & ~wrong & np.isfinite(lat) & np.isfinite(lon)
    made |= stacked(("lat_deg", "lon_deg"), np.where(placed, (lat, lon), np.nan))
    feet = height / FT_M
    measured = placed & (feet >= _LOWEST_FT) & (feet <= _HIGHEST_FT)
    odd |= placed & np.isfinite(feet) & ~measured
    heights = stacked(("alt_geom_ft",), np.where(measured, feet, np.nan).astype(np.float32)[None])["alt_geom_ft"]
    made["alt_geom_ft"] = filled(made["alt_geom_ft"], heights) if "alt_geom_ft" in made else heights
    if "time_ns" not in made or made["time_ns"].null_count():
        moment = _moments(raw, first, last, good & inside)
        made["time_ns"] = filled(made["time_ns"], moment) if "time_ns" in made else moment
    name = _names(raw, top, good)
    made["object_id"] = filled(name, made["object_id"]) if "object_id" in made else name
    return row_table(found, said, ~good), carry


def _spans(cells: Cells, column: int, wanted: Flags) -> tuple[Ints, Ints]:
    """Where a column's containers are; empty where they are not wanted."""
    return tuple(np.where(wanted, span[column], 0).astype(np.int64) for span in (cells.first, cells.last))  # type: ignore[return-value]


def _points(raw: npt.NDArray[np.uint8], top: Cells, good: Flags) -> tuple[Floats, Floats, Floats, Flags]:
    """Latitude, longitude and height of each, NaN where there is none, and where the geometry is a point or none."""
    there = good & (top.kind[2] == CONTAINER)
    shape = object_cells(raw, *_spans(top, 2, there), _SHAPE_KEYS)
    point = says(raw, shape, 0, "Point") & (shape.kind[1] == CONTAINER)
    cells = array_cells(raw, *_spans(shape, 1, there & point), 3)
    whole = cells.valid & (cells.kind[0] == NUMBER) & (cells.kind[1] == NUMBER)
    whole &= (cells.kind[2] == NUMBER) | (cells.kind[2] == ABSENT)
    whole &= there & shape.valid
    lon, lat, height = (np.where(whole, cells.number[k], np.nan) for k in range(3))
    return lat, lon, height, whole | ~there


def _moments(raw: npt.NDArray[np.uint8], first: Ints, last: Ints, good: Flags) -> pl.Series:
    """The property ``time``."""
    cells = object_cells(raw, first, last, _TIME_KEYS)
    said = good & (cells.kind[0] == STRING)
    begin, end = _spans(cells, 0, said)
    value, known, _ = times(raw, begin, end)
    known &= said & (value >= 0)
    return only(pl.Series("time_ns", value), known)


def _names(raw: npt.NDArray[np.uint8], top: Cells, good: Flags) -> pl.Series:
    """Names of objects, from the ids."""
    said = texts(raw, top, 1, lambda name: name if _AUTHORITY.match(name) else f"feature:{name}")
    number = top.kind[1] == NUMBER
    if number.any():  # ids may be numbers
        whole = number & np.isfinite(top.number[1]) & (top.number[1] == np.rint(top.number[1]))
        ids = [f"feature:{int(x)}" if n else None for n, x in zip(whole.tolist(), top.number[1].tolist(), strict=True)]
        said = said.zip_with(pl.Series(~number), pl.Series(ids, dtype=pl.String))
    return only(said, good).alias("object_id")


# ---- writing ----

_HEAD, _NO_POINT = literal('{"type":"Feature","id":"'), literal('","geometry":null,"properties":{')
_POINT, _PROPERTIES = literal('","geometry":{"type":"Point","coordinates":['), literal(']},"properties":{')
_TIME, _END = literal(',"time":"'), literal("}}\n")
_SIZE: Final = 140 + 3 * DIGITS + STAMP


def encode(tracks: pl.DataFrame) -> bytes:
    r"""Features, one a line.

    >>> row = {"object_id": "icao:ae503d", "time_ns": 1_500_000_000, "lat_deg": 1.5, "lon_deg": -2.25, "squawk": "7700"}
    >>> print(encode(pl.DataFrame([row])).decode().replace(',"prop', ',\n"prop'), end="")
    {"type":"Feature","id":"icao:ae503d","geometry":{"type":"Point","coordinates":[-2.2500000,1.5000000]},
    "properties":{"time":"1970-01-01T00:00:01.500Z","time_ns":1500000000,"squawk":"7700"}}
    """
    return pieces(tracks).data.tobytes()


def collection(tracks: pl.DataFrame) -> bytes:
    """The same features as one FeatureCollection, which most maps want.

    >>> collection(pl.DataFrame())
    b'{"type":"FeatureCollection","features":[\\n]}\\n'
    """
    lines = encode(tracks)  # no line feed stands within a feature
    return b'{"type":"FeatureCollection","features":[\n' + lines[:-1].replace(b"\n", b",\n") + lines[-1:] + b"]}\n"


def pieces(tracks: pl.DataFrame) -> Pieces:
    """A feature for each row that has a name (columns of ``schema.ALL`` or ``PICTURE``), with its line feed."""
    names = columns(tracks, _LEFT)
    layout = laid_out(tracks, names)
    who = wordings(tracks, ("object_id",))
    start = np.zeros(len(tracks) + 1, np.int64)
    room = layout.text_room() + ESCAPED_SIZE * len(who.data) + len(tracks) * (layout.room() + _SIZE)
    out = np.empty(room, np.uint8)
    place = numbers(tracks, ("lat_deg", "lon_deg", "alt_geom_ft"))
    when = whole_numbers(tracks, ("time_ns",))[0]
    _write(who.data, who.start[0], when, place, out, start, layout.arrays)
    return Pieces(out[: start[-1]], start)


@kernel
def _write(data, text, when, place, out, start, layout):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(len(when)):
        start[i] = at
        if text[i + 1] == text[i]:
            continue
        at = put_text(out, put(out, at, _HEAD), data, text[i], text[i + 1])
        if np.isfinite(place[0, i]) and np.isfinite(place[1, i]):
            at = put_decimal(out, put(out, at, _POINT), place[1, i], 7)
            out[at] = 44
            at = put_decimal(out, at + 1, place[0, i], 7)
            if np.isfinite(place[2, i]):
                out[at] = 44
                at = put_decimal(out, at + 1, place[2, i] * FT_M, 2)
            at = put(out, at, _PROPERTIES)
        else:
            at = put(out, at, _NO_POINT)
        at -= 1  # the comma before the first property takes the place of the brace, which comes back
        begin = at
        if when[i] >= 0:
            at = put_iso(out, put(out, at, _TIME), when[i])
            out[at] = 34
            at += 1
        at = max(put_columns(out, at, i, *layout), begin + 1)
        out[begin] = 123
        at = put(out, at, _END)
    start[len(when)] = at
