"""Crossing: when an object went over a line into a place or out of it, as far as its fixes tell.

The lines are those of the places asked for: the coast of countries and islands, the 12 nautical miles off it, and the
outline of an area given as GeoJSON (a flight information region, say). Points and airfields have none.

Own rules:

- A fix is *surely* inside or outside where it is farther from the line than its 95 % radius and the error of the line.
  The others are doubtful; so is every fix that nothing says the quality of.
- A crossing is told between a sure fix on one side and the next sure one on the other. It happened between the two:
  that is the time of the finding, at the level of the radii (95 %). The best guess is where the distance changes
  sign, straight between the fixes.
- Where an object was seen on the other side and never surely so, before it came back or its track ended, it *may have
  crossed*. A track that only touches its own error's width says nothing.
- In a gap it can have gone in and come out again unseen; only the closest approach bounds that.
- No more than ``MOST`` of one sortie, place and line are told; whoever follows a coast crosses it often.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import words
from testigos.findings.phrases import place_phrase
from testigos.findings.scene import Scene, by_leg, frame_ids, in_question
from testigos.model import Finding, Interval, Method, iso_utc
from testigos.units import NMI_M, S_NS, LengthUnit
from testigos.world import Place
from testigos.world.places import TERRITORIAL_SEA_M, TERRITORIAL_SEA_NOTE

__all__ = ["KIND", "METHOD", "MOST", "RANK", "find", "sentence"]

KIND: Final = "crossing"
RANK: Final = 8
METHOD: Final = Method("crossing: sure fixes on either side of a line", "1")
MOST: Final = 12

_COASTS: Final = ("country", "mainland", "island", "islands")
_FAR_M: Final = 100 * NMI_M  # a line that no fix comes near is crossed only in a gap, and then told by the approach

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def _passages(beyond_m: Floats, margin_m: Floats) -> Iterator[tuple[int, int, bool]]:
    """Of signed distances outside a line (N,): rows before and after each crossing, and whether both are sure.

    >>> far = np.array([9.0, 5.0, 1.0, -1.0, -6.0, -1.0])
    >>> list(_passages(far, np.full(6, 3.0)))
    [(1, 4, True)]
    >>> list(_passages(np.array([9.0, 1.0, -1.0, 8.0]), np.full(4, 3.0)))
    [(0, 2, False), (2, 3, False)]
    """
    inside = beyond_m < 0.0
    sure = np.abs(beyond_m) > margin_m  # a margin that is NaN makes nothing sure
    known = np.flatnonzero(sure)
    turned = np.flatnonzero(inside[known][1:] != inside[known][:-1])
    certain = [(int(known[k]), int(known[k + 1])) for k in turned]
    # doubtful fixes on the other side of what is surely one side: in, and out again or never seen again
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    doubtful: list[tuple[int, int]] = []
    for k in edges.tolist():
        if any(a <= k < b for a, b in certain):
            continue
        before = known[known <= k]
        after = known[known > k]
        out_of_a_sure_side = len(before) and inside[before[-1]] == inside[k]
        back_to_one = len(after) and inside[after[0]] == inside[k + 1]
        doubtful.append((int(before[-1]) if out_of_a_sure_side else k, int(after[0]) if back_to_one else k + 1))
    for a, b in sorted([*certain, *doubtful]):
        yield a, b, (a, b) in certain


def _lines(place: Place, near_m: Floats, over: npt.NDArray[np.bool_]) -> Iterator[tuple[str, Floats]]:
    """Each line of a place, and how far outside it every fix is; negative inside."""
    outside = np.where(over, -near_m, near_m)
    if place.kind in _COASTS:
        yield "coast", outside
        yield "territorial_sea", outside - TERRITORIAL_SEA_M
    elif place.kind == "area":
        yield "outline", outside


def _crossing(
    subject: str, leg: int, table: pl.DataFrame, place: Place, line: str, beyond: Floats, passage: tuple[int, int, bool]
) -> Finding:
    a, b, sure = passage
    time_ns = table["time_ns"].to_numpy()
    edge = a + int(np.flatnonzero((beyond[a + 1 : b + 1] < 0.0) != (beyond[a:b] < 0.0))[0])
    share = float(beyond[edge] / (beyond[edge] - beyond[edge + 1]))
    guess_ns = int(time_ns[edge] + share * (time_ns[edge + 1] - time_ns[edge]))
    inward = bool(beyond[b] < 0.0)
    took_s = round(float(time_ns[b] - time_ns[a]) / S_NS, 3)
    mlat = "mlat" in table["source"].cast(pl.String)[a : b + 1].to_list()
    caveats = ["in a gap of its track it can have gone in and out unseen"]
    if place.coast_error_m > 0:
        caveats.append(f"the coast is known to about {place.coast_error_m:.0f} m")
    if line == "territorial_sea":
        caveats.append(TERRITORIAL_SEA_NOTE)
    if not sure:
        caveats.append("no fix on the other side is farther from the line than its own error")
    return Finding(
        kind=KIND,
        subjects=(subject,),
        start_ns=int(time_ns[a]),
        end_ns=int(time_ns[b]),
        confidence=(0.8 if mlat else 0.95) if sure else 0.5,
        method=METHOD,
        measures={"time_uncertainty": Interval(took_s, "s")},
        place={"name": place.name, "kind": place.kind, "country": place.country_iso2},
        details={
            "leg": leg,
            "line": line,
            "direction": "in" if inward else "out",
            "certain": sure,
            "level": 0.95 if sure else None,
            "time": iso_utc(guess_ns),
            "source": "mlat" if mlat else str(table["source"][b]),
        },
        reasons=(
            f"the last fix on one side at {iso_utc(int(time_ns[a]))}",
            f"the first on the other side at {iso_utc(int(time_ns[b]))}",
        ),
        caveats=tuple(caveats),
        evidence=frame_ids(table[sorted({a, edge, edge + 1, b})]),
        data=(place.source,),
    )


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """The crossings of each sortie of the lines of each place asked for.

    ``tracks``: columns of ``schema.TRACKS``; only ``ok`` rows count, and only those in the question's window.
    """
    places = [p for p in scene.targets if p.kind in _COASTS or p.kind == "area"]
    if not places:
        return []
    found = []
    for (subject, leg), table in by_leg(in_question(tracks, scene)):
        lat, lon = table["lat_deg"].to_numpy(), table["lon_deg"].to_numpy()
        radius = table["radius95_m"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        told: set[tuple[str | None, str, int, int]] = set()
        for place in places:
            near = place.nearest(lat, lon).distance_m
            over = place.contains(lat, lon)
            if near.min() > _FAR_M and not over.any():
                continue
            for line, beyond in _lines(place, near, over):
                # a country comes after its mainland: the same coast is told once
                passages = [
                    p for p in _passages(beyond, radius + place.coast_error_m)
                    if (place.country_iso2, line, p[0], p[1]) not in told or place.kind != "country"
                ]  # fmt: skip
                told |= {(place.country_iso2, line, p[0], p[1]) for p in passages if place.kind == "mainland"}
                found += [_crossing(subject, leg, table, place, line, beyond, p) for p in passages[:MOST]]
    return found


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """Who went over which line, when, and how sure that is."""
    details: Mapping[str, Any] = finding.details
    who, place = names[finding.subjects[0]], place_phrase(finding.place)
    inward = details["direction"] == "in"
    line = {
        "coast": f"the coast of {place} {'inland' if inward else 'out to sea'}",
        "territorial_sea": f"{'into' if inward else 'out of'} the 12 nautical miles off {place}",
        "outline": f"the outline of {place} {'inward' if inward else 'outward'}",
    }[details["line"]]
    verb = "went" if details["line"] == "territorial_sea" else "crossed"
    if not details["certain"]:
        verb = "may have gone" if verb == "went" else "may have crossed"
    likely = "very probably " if details["certain"] else ""
    start, end = finding.start_ns, finding.end_ns
    between = f"between {words.clock(start)} and {words.clock(end)} on {words.day(end)}"
    if words.day(start) != words.day(end):
        between = f"between {words.minute(start)} on {words.day(start)} and {words.minute(end)} on {words.day(end)}"
    vague = " (multilaterated positions)" if details["source"] == "mlat" else ""
    return f"{who} {likely}{verb} {line} {between}{vague}."
