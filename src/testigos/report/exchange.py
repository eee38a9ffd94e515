"""The same content for other programs: GeoJSON, KML and Parquet.

Sources: RFC 7946 (GeoJSON); OGC 12-007r2 (KML 2.3), which took ``Track`` and ``MultiTrack`` from the gx extension.
Altitudes in KML are pressure altitudes in metres, where nothing better was transmitted; GeoJSON has none, since
its third coordinate would have to be a height above the ellipsoid.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from lxml import etree

from testigos import schema, words
from testigos.findings.phrases import place_phrase
from testigos.findings.scene import finding_ids, sentence
from testigos.model import Finding, iso_utc, parse_utc
from testigos.report.content import Content, colours, flown
from testigos.report.maps import GAP_S
from testigos.report.stretches import centre, stretch
from testigos.report.subjects import observed, subjects
from testigos.units import FT_M, S_NS

__all__ = ["geojson", "kml", "parquet"]

_KML: Final = "http://www.opengis.net/kml/2.2"
_USED: Final = (
    *("object_id", "leg", "time_ns", "status", "lat_deg", "lon_deg"),
    *("alt_baro_ft", "alt_msl_ft", "alt_geom_ft", "segment", "offset"),
)
#: Drawn as what they are: a track, its ends, a line to a place; who somebody is has no place.
_DRAWN: Final = frozenset({"identity", "sortie", "approach"})
_NAMED: Final = 4
_LONG: Final = 1_000
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


@dataclass(frozen=True)
class _Shape:
    """Where a finding is on a map: lines or points, as longitude and latitude."""

    lines: list[list[list[float]]]
    points: list[list[float]]

    def geometry(self) -> dict[str, Any]:
        """As GeoJSON."""
        if self.lines:
            return {"type": "MultiLineString", "coordinates": self.lines}
        return {"type": "MultiPoint", "coordinates": self.points}


def _at(fixes: pl.DataFrame, subject: str, time_ns: int) -> list[float] | None:
    """Where a subject was at a time, by its nearest fix; null where that is more than ``GAP_S`` away."""
    own = stretch(fixes, subject, time_ns - int(GAP_S) * S_NS, time_ns + int(GAP_S) * S_NS)
    if own.is_empty():
        return None
    return _pairs(own[[int(np.argmin(np.abs(own["time_ns"].to_numpy() - time_ns)))]])[0]


def _shape(finding: Finding, fixes: pl.DataFrame, spots: Mapping[str, list[float]]) -> _Shape | None:
    """What was flown where a finding has a centre, the closest points of who kept company, else the deciding fixes."""
    if centre(finding) is not None and finding.subjects:
        flown_then = stretch(fixes, finding.subjects[0], finding.start_ns, finding.end_ns)
        lines = [_pairs(p) for p in _parts(flown_then) if len(p) > 1]
        if lines:
            return _Shape(lines, [])
    lines = []
    for pair in finding.details.get("pairs") or ():
        if pair.get("closest_at"):
            ends = [_at(fixes, s, parse_utc(pair["closest_at"])) for s in pair["subjects"]]
            known = [e for e in ends if e is not None]
            if len(known) == 2 and abs(known[0][0] - known[1][0]) <= 180.0:
                lines.append(known)
    points = [spots[e] for e in finding.evidence if e in spots]
    return _Shape(lines, points) if lines or points else None


def _shapes(content: Content) -> Iterator[tuple[str, Finding, _Shape]]:
    """Findings that are neither a track nor a line to a place, with where they are."""
    numbered = zip(finding_ids(content.findings), content.findings, strict=True)
    others = [(n, f) for n, f in numbered if f.kind not in _DRAWN]
    if not others:
        return
    fixes = flown(content.tracks.select(_USED))
    wanted = [e.partition(":") for _, f in others for e in f.evidence]
    keys = pl.DataFrame(
        {"segment": [int(e[0], 16) for e in wanted], "offset": [int(e[2]) for e in wanted]},
        schema={"segment": pl.UInt64, "offset": pl.UInt64},
    ).unique()
    rows = fixes.join(keys, on=["segment", "offset"], how="semi", maintain_order="left")
    names = (f"{a:016x}:{b}" for a, b in zip(rows["segment"].to_list(), rows["offset"].to_list(), strict=True))
    spots = dict(zip(names, _pairs(rows), strict=True))
    for number, finding in others:
        shape = _shape(finding, fixes, spots)
        if shape is not None:
            yield number, finding, shape


def geojson(content: Content) -> bytes:
    """``tracks.geojson``: a feature for each leg (its pieces between gaps, with the times of its fixes), each
    sortie's ends, each approach (from the deciding fix to the nearest point), and each other finding: what was
    flown in an orbit, the closest points of who kept company, else the deciding fixes."""
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
    for number, f, shape in _shapes(content):
        add(
            shape.geometry(), kind=f.kind, finding=number, objects=list(f.subjects),
            name=words.join([labels.get(s, words.name(s)) for s in f.subjects]),
            start=iso_utc(f.start_ns), end=iso_utc(f.end_ns), sentence=sentence(f, labels, content.unit),
            confidence=f.confidence, measures={k: m.as_dict() for k, m in f.measures.items()},
        )  # fmt: skip
    collection: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if content.simulated:
        collection["simulated"] = True
    return msgspec.json.encode(collection) + b"\n"


def _colour(web: str) -> str:
    """KML's aabbggrr of #rrggbb."""
    return f"ff{web[5:7]}{web[3:5]}{web[1:3]}"


def kml(content: Content) -> bytes:
    """``tracks.kml``: a folder for each object with its tracks in time and its approaches, one for each other kind."""
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
    kinds: dict[str, Any] = {}
    for number, f, shape in _shapes(content):
        if f.kind not in kinds:
            kinds[f.kind] = element(document, "Folder")
            element(kinds[f.kind], "name", words.name(f"Findings: {f.kind}"))
        mark = element(kinds[f.kind], "Placemark")
        who = words.join([labels.get(s, words.name(s)) for s in f.subjects[:_NAMED]])
        element(mark, "name", f"{number}: {who}" + (" and others" if len(f.subjects) > _NAMED else ""))
        said = words.name(sentence(f, labels, content.unit), _LONG)
        element(mark, "description", f"{said} Confidence {f.confidence:.2f}.")
        span = element(mark, "TimeSpan")
        element(span, "begin", iso_utc(f.start_ns))
        element(span, "end", iso_utc(max(f.start_ns, f.end_ns)))
        style = element(element(mark, "Style"), "LineStyle")
        element(style, "color", _colour(tint.get(f.subjects[0], "#55606b") if f.subjects else "#55606b"))
        element(style, "width", "5")
        several = element(mark, "MultiGeometry")
        for drawn in shape.lines:
            line = element(several, "LineString")
            element(line, "tessellate", "1")
            element(line, "coordinates", " ".join(f"{x},{y}" for x, y in drawn))
        for x, y in [] if shape.lines else shape.points:
            element(element(several, "Point"), "coordinates", f"{x},{y}")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def parquet(content: Content) -> bytes:
    """``tracks.parquet``: all rows, refused ones with their status, columns of ``schema.TRACKS``."""
    buffer = BytesIO()
    schema.conform(content.tracks, schema.TRACKS).write_parquet(buffer, compression="zstd", statistics=True)
    return buffer.getvalue()
