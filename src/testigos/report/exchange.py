"""The same content for other programs: GeoJSON, KML and Parquet.

Sources: RFC 7946 (GeoJSON); OGC 12-007r2 (KML 2.3), which took ``Track`` and ``MultiTrack`` from the gx extension.
Altitudes in KML are pressure altitudes in metres, where nothing better was transmitted; GeoJSON has none, since
its third coordinate would have to be a height above the ellipsoid.
"""

from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from lxml import etree

from testigos import schema, words
from testigos.findings.phrases import place_phrase
from testigos.findings.scene import finding_ids
from testigos.model import iso_utc
from testigos.report.content import Content, colours, flown
from testigos.report.maps import GAP_S
from testigos.report.subjects import observed, subjects
from testigos.units import FT_M, S_NS

__all__ = ["geojson", "kml", "parquet"]

_KML: Final = "http://www.opengis.net/kml/2.2"
_USED: Final = (
    *("object_id", "leg", "time_ns", "status", "lat_deg", "lon_deg"),
    *("alt_baro_ft", "alt_msl_ft", "alt_geom_ft", "segment", "offset"),
)
_GX: Final = "http://www.google.com/kml/ext/2.2"


def _parts(table: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """A track in pieces without a gap and without a step over the antimeridian."""
    time, lon = table["time_ns"].to_numpy(), table["lon_deg"].to_numpy()
    cuts = (np.diff(time) > GAP_S * S_NS) | (np.abs(np.diff(lon)) > 180.0)
    edges = [0, *(np.flatnonzero(cuts) + 1).tolist(), len(table)]
    for start, stop in pairwise(edges):
        yield table[start:stop]


def _legs(content: Content) -> Iterator[tuple[str, int | None, pl.DataFrame]]:
    fixes = flown(content.tracks.select(_USED))  # sorting all columns of a long track takes much memory
    for (oid, leg), table in fixes.partition_by("object_id", "leg", as_dict=True, maintain_order=True).items():
        yield str(oid), leg, table


def _pairs(table: pl.DataFrame) -> list[list[float]]:
    return [
        [round(x, 6), round(y, 6)] for x, y in zip(table["lon_deg"].to_list(), table["lat_deg"].to_list(), strict=True)
    ]


def geojson(content: Content) -> bytes:
    """``tracks.geojson``: a feature for each leg (its pieces between gaps, with the times of its fixes), each
    sortie's ends, each approach (from the deciding fix to the nearest point)."""
    labels = {s.object_id: s.label for s in subjects(content.findings)}
    features: list[dict[str, Any]] = []

    def add(geometry: dict[str, Any], **properties: Any) -> None:
        extra = {"simulated": True} if content.simulated else {}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties | extra})

    for oid, leg, table in _legs(content):
        parts = list(_parts(table))
        lines = [p for p in parts if len(p) > 1]
        name = labels.get(oid, words.name(oid))
        common = {"kind": "track", "object_id": oid, "name": name, "leg": leg, "gap_s": GAP_S}
        if lines:
            add(
                {"type": "MultiLineString", "coordinates": [_pairs(p) for p in lines]},
                **common,
                times=[[iso_utc(t) for t in p["time_ns"].to_list()] for p in lines],
            )
        alone = [p for p in parts if len(p) == 1]
        if alone:
            add(
                {"type": "MultiPoint", "coordinates": [_pairs(p)[0] for p in alone]},
                **common,
                times=[iso_utc(p["time_ns"][0]) for p in alone],
            )
    for number, f in zip(finding_ids(content.findings), content.findings, strict=True):
        name = labels.get(f.subjects[0], "") if f.subjects else ""
        for end, side in ((f.departure, "departure"), (f.arrival, "arrival")):
            if end and end.get("lat_deg") is not None and end.get("lon_deg") is not None:
                add(
                    {"type": "Point", "coordinates": [round(end["lon_deg"], 6), round(end["lat_deg"], 6)]},
                    kind=side, finding=number, object_id=f.subjects[0], name=name, status=end.get("status"),
                    icao=end.get("icao"), airfield=end.get("name"), time=end.get("time"),
                )  # fmt: skip
        place, d = f.place or {}, f.details
        if f.kind != "approach" or None in (
            place.get("lat_deg"),
            place.get("lon_deg"),
            d.get("lat_deg"),
            d.get("lon_deg"),
        ):
            continue
        ends = [
            [round(d["lon_deg"], 6), round(d["lat_deg"], 6)],
            [round(place["lon_deg"], 6), round(place["lat_deg"], 6)],
        ]
        if abs(ends[0][0] - ends[1][0]) > 180.0:  # RFC 7946 section 3.1.9: no line crosses the antimeridian
            geometry: dict[str, Any] = {"type": "MultiPoint", "coordinates": ends}
        else:
            geometry = {"type": "LineString", "coordinates": ends}
        add(
            geometry, kind="approach", finding=number, object_id=f.subjects[0], name=name, place=place_phrase(place),
            time=d.get("time"), measures={k: m.as_dict() for k, m in f.measures.items()},
        )  # fmt: skip
    collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if content.simulated:
        collection["simulated"] = True
    return msgspec.json.encode(collection) + b"\n"


def _colour(web: str) -> str:
    """KML's aabbggrr of #rrggbb."""
    return f"ff{web[5:7]}{web[3:5]}{web[1:3]}"


def kml(content: Content) -> bytes:
    """``tracks.kml``: a folder for each object with its tracks in time, and the approaches."""
    every = subjects(content.findings)
    labels, tint = {s.object_id: s.label for s in every}, colours(every)

    def element(parent: Any, tag: str, text: str | None = None, space: str = _KML) -> Any:
        made = etree.SubElement(parent, f"{{{space}}}{tag}")
        made.text = text
        return made

    root = etree.Element(f"{{{_KML}}}kml", nsmap={None: _KML, "gx": _GX})
    document = element(root, "Document")
    element(document, "name", ("SIMULATED: " if content.simulated else "") + "Testigos tracks")
    folders: dict[str, Any] = {}

    def folder(oid: str) -> Any:
        if oid not in folders:
            made = folders[oid] = element(document, "Folder")
            element(made, "name", labels.get(oid, words.name(oid)))
            element(made, "description", words.name(oid))
        return folders[oid]

    def placemark(oid: str, name: str) -> Any:
        made = element(folder(oid), "Placemark")
        element(made, "name", name)
        style = element(element(made, "Style"), "LineStyle")
        element(style, "color", _colour(tint.get(oid, "#55606b")))
        element(style, "width", "2")
        return made

    for oid, leg, table in _legs(content):
        mark = placemark(oid, f"{labels.get(oid, words.name(oid))}, leg {0 if leg is None else leg}")
        multi = element(mark, "MultiTrack", space=_GX)
        element(multi, "interpolate", "0", space=_GX)
        feet = pl.coalesce("alt_baro_ft", "alt_msl_ft", "alt_geom_ft").cast(pl.Float64)
        for part in _parts(table):
            track = element(multi, "Track", space=_GX)
            metres = part.select((feet * FT_M).alias("m")).to_series().to_list()
            known = all(m is not None for m in metres)
            element(track, "altitudeMode", "absolute" if known else "clampToGround")
            for t in part["time_ns"].to_list():
                element(track, "when", iso_utc(t))
            for (x, y), m in zip(_pairs(part), metres, strict=True):
                element(track, "coord", f"{x} {y} {round(m, 1) if known else 0}", space=_GX)
    for number, f in zip(finding_ids(content.findings), content.findings, strict=True):
        place, d = f.place or {}, f.details
        if f.kind != "approach" or None in (
            place.get("lat_deg"),
            place.get("lon_deg"),
            d.get("lat_deg"),
            d.get("lon_deg"),
        ):
            continue
        oid = f.subjects[0]
        unit, measure = content.unit, f.measures["distance"]
        far = words.length(observed(f), unit, words.decimals(measure, unit)) if measure.value is not None else "unknown"
        mark = placemark(oid, f"{number}: {labels.get(oid, '')}, {far} from {place_phrase(place)}")
        line = element(mark, "LineString")
        element(line, "tessellate", "1")
        ends = ((d["lon_deg"], d["lat_deg"]), (place["lon_deg"], place["lat_deg"]))
        element(line, "coordinates", " ".join(f"{round(x, 6)},{round(y, 6)}" for x, y in ends))
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def parquet(content: Content) -> bytes:
    """``tracks.parquet``: all rows, refused ones with their status, columns of ``schema.TRACKS``."""
    buffer = BytesIO()
    schema.conform(content.tracks, schema.TRACKS).write_parquet(buffer, compression="zstd", statistics=True)
    return buffer.getvalue()
