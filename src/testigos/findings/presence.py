"""Presence: a ledger of who has been in an area, since when, how often and for how long.

One finding for each subject and place, over all days at hand up to the end of the question's window: also what was
heard of a subject before the window counts, since "since when" asks for it. The area is that of ``activity``: within
the report's distance of the place, decided for cells of a fortieth of it. Own rules:

- Fixes in the area that are no more than ``VISIT_S`` apart are one visit. Two visits are sure only where it was seen
  elsewhere between them; else it may have stayed all along, unheard.
- Time in the area: surely that between fixes there no more than ``SEEN_S`` apart; at most the whole of each visit less
  what it was seen outside of the area; before the first fix of a visit and after its last nothing is known.
- Who was there already within ``VISIT_S`` of the beginning of the data may have been there before it.
- Of many the ``MOST`` first are told: military ones, then those who came nearest.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from testigos import words
from testigos.findings._census import HOUR_NS, areas, nearness, within_m
from testigos.findings.phrases import place_phrase
from testigos.findings.scene import Scene, by_object, frame_ids
from testigos.model import Finding, Interval, Method, iso_utc
from testigos.units import S_NS, LengthUnit
from testigos.world import Place

__all__ = ["KIND", "METHOD", "MOST", "RANK", "find", "sentence"]

KIND: Final = "presence"
RANK: Final = 12
METHOD: Final = Method("presence: visits to an area by its fixes", "1")
MOST: Final = 50  #: objects told of a place

VISIT_S: Final = 6 * 3_600  #: a crew's turn-around; a shorter silence does not make two visits
SEEN_S: Final = 600  #: the longest silence through which an object is taken to be where it was, as in companies
_VISITS: Final = 10  # listed in the details


def _rows(tracks: pl.DataFrame, here: Scene) -> pl.DataFrame:
    """Fixes of all days at hand, up to the end of the window."""
    rows = tracks.filter((pl.col("status") == "ok") & pl.col("lat_deg").is_not_null() & pl.col("lon_deg").is_not_null())
    if here.question.end_ns is not None:
        rows = rows.filter(pl.col("time_ns") < here.question.end_ns)
    return rows.select("object_id", "time_ns", "lat_deg", "lon_deg", "source", "segment", "offset")


def _begins(rows: pl.DataFrame, place: Place, here: Scene) -> int:
    """When the data at hand begin: with the hour of the first who was counted there, or the first fix."""
    first = int(rows["time_ns"].min())  # type: ignore[arg-type]
    history = here.surveys.get("history")
    if history is not None:
        hours = history.filter((pl.col("place") == place.key) & (pl.col("span") == "hour"))["start"]
        if len(hours):
            first = min(first, int(hours.min()) * HOUR_NS)  # type: ignore[arg-type]
    return first


def _presence(subject: str, rows: pl.DataFrame, place: Place, begins_ns: int, others: int, here: Scene) -> Finding:
    """``rows``: all fixes of one object in order of time, with ``near_m``, infinite outside of the area."""
    inside = np.isfinite(rows["near_m"].to_numpy())
    time_s = rows["time_ns"].to_numpy() / S_NS
    there = np.flatnonzero(inside)
    steps = np.diff(time_s)
    both = inside[1:] & inside[:-1]
    silence = np.diff(time_s[there])
    away = np.diff(there) > 1  # seen elsewhere between two fixes in the area
    parted = silence > VISIT_S
    first = there[np.concatenate(([True], parted))]
    last = there[np.concatenate((parted, [True]))]
    least_s = float(steps[both & (steps <= SEEN_S)].sum())
    # within a visit, between fixes outside no time can be inside, however short the looks out
    out = ~inside[1:] & ~inside[:-1] & (steps <= SEEN_S)
    within = np.zeros(len(steps), np.bool_)
    for a, b in zip(first.tolist(), last.tolist(), strict=True):
        within[a:b] = True
    most_s = float((time_s[last] - time_s[first]).sum() - steps[out & within].sum())
    near_m = float(rows["near_m"].to_numpy()[there].min())
    visits = [
        {"start": iso_utc(int(rows["time_ns"][a])), "end": iso_utc(int(rows["time_ns"][b]))}
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]
    start_ns, end_ns = int(rows["time_ns"][int(there[0])]), int(rows["time_ns"][int(there[-1])])
    before = start_ns - begins_ns <= VISIT_S * S_NS
    mlat = bool((rows["source"].cast(pl.String).to_numpy()[there] == "mlat").all())
    caveats = [
        "it may have been there at other times, unheard",
        "whether a fix is in the area is decided for a cell of a fortieth of its reach",
    ]
    if before:
        caveats.append(f"the data at hand begin at {iso_utc(begins_ns)}: it may have been there before")
    if bool((parted & ~away).any()):
        caveats.append("between some visits it was not heard at all, and may have stayed")
    if others:
        caveats.append(f"{others} more of the report's subjects were in the area, and are not told one by one")
    if mlat:
        caveats.append("all its positions there are multilaterated (1,852 m, assumed)")
    ends = sorted({int(i) for i in (*first[:_VISITS], *last[:_VISITS], there[-1])})
    return Finding(
        kind=KIND,
        subjects=(subject,),
        start_ns=start_ns,
        end_ns=end_ns,
        confidence=0.8 if mlat else 0.95,
        method=METHOD,
        measures={
            "time_present": Interval(round(least_s, 3), "s", round(least_s, 3), None, None),
            "time_while_followed": Interval(None, "s", round(least_s, 3), round(max(most_s, least_s), 3), None),
            "visits": Interval(float(len(visits)), "1", float(1 + int((parted & away).sum())), None, None),
            "within": Interval(within_m(here), "m"),
        },
        place={"name": place.name, "kind": place.kind, "country": place.country_iso2},
        details={
            "first_seen": iso_utc(start_ns),
            "last_seen": iso_utc(end_ns),
            "visits": visits[:_VISITS],
            "data_begin": iso_utc(begins_ns),
            "maybe_before": before,
            "nearest_m": round(near_m, -2),
            "others": others,
        },
        reasons=(f"{len(there)} fixes in the area, {len(inside) - len(there)} elsewhere",),
        caveats=tuple(caveats),
        evidence=frame_ids(rows[ends]),
        data=(place.source,),
    )


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """One finding for each object of ``tracks`` (columns of ``schema.TRACKS``) and place that it was near to.

    Only those with a fix in the area within the question's window are told.
    """
    rows = _rows(tracks, scene)
    military = {f.subjects[0] for f in scene.found if f.kind == "identity" and f.details.get("military")}
    since = scene.question.start_ns
    found = []
    for place in areas(scene):
        if rows.is_empty():
            break
        near = rows.with_columns(nearness(rows, place, scene).alias("near_m"))
        inside = near.filter(pl.col("near_m").is_finite())
        if since is not None:
            inside = inside.filter(pl.col("time_ns") >= since)
        least = inside.group_by("object_id").agg(pl.col("near_m").min()).sort("near_m", "object_id")
        order = sorted(least["object_id"].to_list(), key=lambda o: o not in military)
        told, begins = set(order[:MOST]), _begins(rows, place, scene)
        for subject, table in by_object(near.filter(pl.col("object_id").is_in(sorted(told)))):
            found.append(_presence(subject, table, place, begins, len(order) - len(told), scene))
    return found


def _moment(time_ns: int) -> str:
    return f"{words.minute(time_ns)} on {words.day(time_ns)}"


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """Since when it has been there, how often, and for how long at least."""
    details: Mapping[str, Any] = finding.details
    reach, visits = finding.measures["within"].value or 0.0, finding.measures["visits"]
    where = f"within {words.length(reach, unit)} of {place_phrase(finding.place)}"
    start, end = finding.start_ns, finding.end_ns
    who = names[finding.subjects[0]]
    if start == end:
        text = f"{who} was seen {where} once, at {_moment(start)}"
    elif words.minute(start) == words.minute(end) and end - start < HOUR_NS:
        text = f"{who} was seen {where} at {_moment(start)}"
    elif words.day(start) == words.day(end):
        text = f"{who} was seen {where} from {words.minute(start)} to {_moment(end)}"
    else:
        text = f"{who} was first seen {where} at {_moment(start)} and last at {_moment(end)}"
    number, sure = int(visits.value or 1), int(visits.low or 1)
    if number > 1:
        surely = "" if sure == number else f" (surely in {words.count(sure)}, for what lies between was not heard)"
        text += f", in {words.count(number)} visits{surely}"
    least = finding.measures["time_present"].value or 0.0
    if least >= 60 and (number > 1 or least < 0.9 * (end - start) / S_NS):
        text += f", for at least {words.duration(least)}"
    if details["maybe_before"]:
        text += "; what was there before the data begin is not observable"
    return text + "."
