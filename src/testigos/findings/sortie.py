"""Sorties: when and where an object was first and last seen, and the airfields only where the data bear them."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from testigos import words
from testigos.findings._edges import columns, edges, states
from testigos.findings._ends import airfield_ends
from testigos.findings.phrases import end_phrase, end_time
from testigos.findings.scene import Scene, frame_ids
from testigos.model import Finding, Interval, Method, iso_utc
from testigos.units import S_NS, LengthUnit

__all__ = ["KIND", "METHOD", "RANK", "find", "sentence"]

KIND: Final = "sortie"
RANK: Final = 2
METHOD: Final = Method("sortie: legs by ground contact and silence; airfields by altitude, speed and geometry", "1")

_ALTITUDES: Final = ("alt_msl_ft", "alt_baro_ft", "alt_geom_ft")
_EDGE: Final = ("object_id", "time_ns", "leg", "lat_deg", "lon_deg", "on_ground", *_ALTITUDES, "segment", "offset")

Row = dict[str, Any]


def _end(departing: bool, row: Row, on_ground: bool, contact_ns: int, field: Row | None, probability: float) -> Row:
    alt_ft = next((row[n] for n in _ALTITUDES if row[n] is not None), None)
    end: Row = {
        "status": "first_seen" if departing else "lost",
        "icao": None,
        "name": None,
        "lat_deg": row["lat_deg"],
        "lon_deg": row["lon_deg"],
        "alt_ft": None if row["on_ground"] else alt_ft,
        "on_ground": on_ground,
        # when it left the ground, or touched it: the first fix in the air and the first back on the ground
        "time": iso_utc(contact_ns),
        "seen": iso_utc(row["time_ns"]),
        "confidence": round(1.0 - probability, 3),
    }
    if field is not None:
        end |= {
            "status": "airfield",
            "icao": field["icao"],
            "name": field["name"],
            "confidence": round(probability, 3),
        }
    return end


def _told(legs: pl.DataFrame) -> pl.DataFrame:
    """One row a sortie: its commonest call sign, its first type, how many fixes each source gave."""
    said = legs.group_by("number", maintain_order=True).agg(pl.col("type_code").drop_nulls().first())
    signs = (
        legs.drop_nulls("callsign")
        .group_by("number", "callsign")
        .len()
        .sort("number", "len", "callsign", descending=[False, True, False])
        .unique("number", keep="first", maintain_order=True)
        .select("number", "callsign")
    )
    sources = (
        legs.group_by("number", pl.col("source").cast(pl.String))
        .len()
        .sort("number", "source")
        .group_by("number", maintain_order=True)
        .agg("source", "len")
    )
    return said.join(signs, on="number", how="left").join(sources, on="number", how="left").sort("number")


def _sortie(
    ends: tuple[Row, Row], edge: pl.DataFrame, told: Row, measures: dict[str, Interval], here: Scene
) -> Finding:
    departure, arrival = ends
    first, last = edge.iter_rows(named=True)
    caveats = []
    if departure["status"] != "airfield":
        caveats.append("where it came from is not observable: the track begins " + _where(departure))
    if arrival["status"] != "airfield":
        caveats.append("where it went is not observable: the track ends " + _where(arrival))
    caveats.append("the distance flown is along the fixes: a lower bound between them, an upper one on noise")
    fixes = sum(told["len"])
    return Finding(
        kind=KIND,
        subjects=(first["object_id"],),
        start_ns=first["time_ns"],
        end_ns=last["time_ns"],
        confidence=min((e["confidence"] for e in ends if e["status"] == "airfield"), default=0.95),
        method=METHOD,
        measures=measures,
        departure=departure,
        arrival=arrival,
        details={
            "leg": first["leg"],
            "callsign": told["callsign"],
            "type_code": told["type_code"],
            "sources": dict(zip(told["source"], told["len"], strict=True)),
            "fixes": fixes,
        },
        reasons=(f"{fixes} fixes in a row that belong to one flight",),
        caveats=tuple(caveats),
        evidence=frame_ids(edge),
        data=(here.world.airfields.source,),
    )


def _where(end: Row) -> str:
    if end["on_ground"]:
        return "on the ground, at no known airfield"
    if end["alt_ft"] is None:
        return "at an unknown altitude"
    return f"in the air, at {end['alt_ft']:,.0f} ft"


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """One finding for each leg that has a usable fix in the question's window.

    ``tracks``: columns of ``schema.TRACKS``. The whole leg counts, also where it leaves the window.
    """
    usable = tracks.filter(pl.col("status") == "ok")
    if usable.is_empty():
        return []
    number = usable.select(pl.struct("object_id", "leg").rle_id()).to_series().alias("number")
    first = np.flatnonzero(np.diff(number.to_numpy().astype(np.int64), prepend=-1))
    stop = np.append(first[1:], len(usable))
    time_ns = usable["time_ns"].to_numpy()
    question, wanted = scene.question, np.ones(len(first), np.bool_)
    if question.start_ns is not None:
        wanted &= time_ns[stop - 1] >= question.start_ns
    if question.end_ns is not None:
        wanted &= time_ns[first] < question.end_ns

    fixes = columns(usable)
    moving = states(fixes, first, stop)
    fields = scene.world.airfields
    ends = airfield_ends(moving, fields)
    flown = edges(fixes, first, stop)
    contact_ns = time_ns[np.concatenate((flown.took_off, flown.touched))].tolist()
    told = _told(usable.select("callsign", "type_code", "source").with_columns(number)).to_dicts()
    edge = usable[np.concatenate((first, stop - 1))].select(_EDGE)
    outer = edge.to_dicts()
    n = len(first)
    found = []
    for k in np.flatnonzero(wanted).tolist():
        both = []
        for i in (k, n + k):
            row = int(ends.row[i])
            field = fields.table.row(row, named=True) if row >= 0 else None
            ground = bool(moving.on_ground[i])
            both.append(_end(i == k, outer[i], ground, contact_ns[i], field, float(ends.probability[i])))
        way = round(float(flown.way_m[k]), 1)
        seconds = (outer[n + k]["time_ns"] - outer[k]["time_ns"]) / S_NS
        measures = {
            "duration": Interval(round(seconds, 3), "s"),
            "distance_flown": Interval(way, "m", way, None, None),
        }
        if stop[k] - first[k] > 1:
            measures["longest_gap"] = Interval(round(float(flown.longest_gap_s[k]), 3), "s")
        found.append(_sortie((both[0], both[1]), edge[[k, n + k]], told[k], measures, scene))
    return found


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """Where it came from and where it was lost or landed."""
    label = names[finding.subjects[0]]
    start = end_time(finding.departure, finding.start_ns)
    end = end_time(finding.arrival, finding.end_ns)
    later = "" if words.day(start) == words.day(end) else f" on {words.day(end)}"
    text = (
        f"{label} {end_phrase(finding.departure, True)} at {words.minute(start)} on {words.day(start)} "
        f"and {end_phrase(finding.arrival, False)} at {words.minute(end)}{later}"
    )
    flown, lasted = finding.measures.get("distance_flown"), finding.measures.get("duration")
    known = []
    if lasted is not None and lasted.value is not None:
        known.append(words.duration(lasted.value))
    if flown is not None and flown.value is not None:
        known.append(words.length(flown.value, unit))
    if known:
        text += f", after {words.join(known)}"
    longest = finding.measures.get("longest_gap")
    if longest is not None and longest.value is not None and longest.value >= 60:
        text += f"; its track has {words.gap(longest.value)}"
    return text + "."
