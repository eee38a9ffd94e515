"""A GeoJSON file as a place."""

import hashlib
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from testigos.errors import InputError, SourceUnavailable, UnknownName
from testigos.model import DataSource
from testigos.world import coast, names
from testigos.world.places import Place

__all__ = ["read_area"]


def _positions(value: object, what: str) -> list[tuple[float, float]]:
    if not isinstance(value, list):
        raise ValueError(f"{what} should be a list of positions, is {type(value).__name__}")
    points = []
    for item in value:
        if not (isinstance(item, list) and len(item) >= 2 and all(isinstance(v, int | float) for v in item[:2])):
            raise ValueError(f"{what} has {str(item)[:40]!r} where a position [longitude, latitude] should be")
        lon, lat = float(item[0]), float(item[1])
        if not (math.isfinite(lon) and math.isfinite(lat) and abs(lat) <= 90 and abs(lon) <= 180):
            raise ValueError(
                f"{what} has the position [{lon}, {lat}], which is not on Earth; GeoJSON is longitude first"
            )
        points.append((lat, lon))
    return points


def _turns_left(ring: list[tuple[float, float]]) -> bool:
    area = 0.0
    for (lat1, lon1), (lat2, lon2) in pairwise(ring):
        area += ((lon2 - lon1 + 180.0) % 360.0 - 180.0) * (lat1 + lat2)
    return area < 0.0


def _lines(geometry: Any, what: str) -> list[tuple[list[tuple[float, float]], bool]]:
    """The lines of a geometry, and whether each is part of a polygon's outline."""
    if not isinstance(geometry, dict):
        raise ValueError(f"{what} has no geometry")
    kind, at = geometry.get("type"), geometry.get("coordinates")
    if kind == "GeometryCollection":
        members = geometry.get("geometries")
        return [line for g in members for line in _lines(g, what)] if isinstance(members, list) else []
    if kind not in ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"):
        raise ValueError(f"{what} is {kind!r}; a place is made of points, lines and polygons")
    if kind == "Point":
        return [(_positions([at], what), False)]
    if not isinstance(at, list):
        raise ValueError(f"{what} has no coordinates")
    if kind == "MultiPoint":
        return [([p], False) for p in _positions(at, what)]
    if kind == "LineString":
        return [(_positions(at, what), False)]
    if kind == "MultiLineString":
        return [(_positions(line, what), False) for line in at]
    lines = []
    for rings in at if kind == "MultiPolygon" else [at]:
        if not isinstance(rings, list):
            raise ValueError(f"{what} should be a list of rings")
        for nth, ring in enumerate(rings):
            points = _positions(ring, what)
            if points and points[0] != points[-1]:
                points.append(points[0])
            if len(points) < 4:
                raise ValueError(f"{what} has a ring of {len(points)} positions; it needs at least 4")
            # outlines with the land on the left: counter-clockwise outside, clockwise round a hole
            lines.append((points if _turns_left(points) == (nth == 0) else points[::-1], True))
    return lines


def _features(document: object) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        raise ValueError(f"is a {type(document).__name__}, not a GeoJSON object")
    kind = document.get("type")
    if kind == "FeatureCollection":
        members = document.get("features")
        if not isinstance(members, list) or not all(isinstance(m, dict) for m in members):
            raise ValueError("has no list of features")
        return members
    return [document if kind == "Feature" else {"geometry": document, "properties": None}]


def _called(feature: dict[str, Any]) -> list[str]:
    """What a feature goes by: its id, and the properties that name it."""
    properties = feature.get("properties")
    known = properties if isinstance(properties, dict) else {}
    named = [feature.get("id"), *(known.get(key) for key in ("name", "id", "icao", "ident"))]
    return [str(n) for n in named if isinstance(n, str | int)]


def read_area(path: Path, feature_name: str | None = None) -> Place:
    """A place of kind "area" from a GeoJSON file (RFC 7946): all its polygons, lines and points together.

    ``feature_name``: only the features with this ``id``, or ``name``, ``id``, ``icao`` or ``ident`` among their
    properties, in any case. Raises ``UnknownName`` where there is none.

    Lines between positions are taken as geodesics, in pieces of at most 10 km; each feature has its own
    ``polygon`` number. Raises ``SourceUnavailable`` where the file cannot be read, ``InputError`` where it is no
    GeoJSON or has nothing in it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceUnavailable(f"{path}: {error.strerror or error}") from error
    rows: list[tuple[float, float, float, float, int]] = []
    called = path.stem
    try:
        features = _features(msgspec.json.decode(data))
        if feature_name is not None:
            every, wanted = features, feature_name.casefold()
            features = [f for f in every if wanted in [n.casefold() for n in _called(f)]]
            called = feature_name
            if not features:
                raise UnknownName(f"feature of {path.name}", feature_name, {n for f in every for n in _called(f)})
        for number, feature in enumerate(features):
            for points, _ in _lines(feature.get("geometry"), f"feature {number}"):
                pairs = pairwise(points) if len(points) != 1 else [(points[0], points[0])]
                rows.extend((*a, *b, number) for a, b in pairs if a != b or len(points) == 1)
        properties = features[0].get("properties") if len(features) == 1 else None
        if isinstance(properties, dict) and isinstance(properties.get("name"), str):
            called = properties["name"]
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: {error}") from error
    if not rows:
        raise InputError(f"{path}: no point, line or polygon in it")
    digest = hashlib.sha256(data).hexdigest()
    raw = pl.DataFrame(
        rows,
        schema={c: coast.SEGMENTS[c] for c in ("lat1_deg", "lon1_deg", "lat2_deg", "lon2_deg", "polygon")},
        orient="row",
    ).with_columns(pl.lit(False).alias("mainland"), pl.lit(None, pl.String).alias("island"))
    slug = names.fold(called if feature_name else path.stem).replace(" ", "-") or "area"
    return Place(
        called,
        "area",
        f"area-{slug}-{digest[:8]}",
        coast.cut(raw),
        None,
        0.0,
        DataSource(path.name, "", digest, note="given by the user"),
    )
