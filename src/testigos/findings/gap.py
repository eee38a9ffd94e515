"""Gap: where a track went dark, told apart from where nobody could have been heard.

A silence is at least five minutes and ten times the usual interval between the sortie's fixes; the ten longest of a
sortie are told of, and its end in the air at 10,000 ft or higher, for the ten minutes after. Reception is judged by
everybody else who was about in the same cells, altitude bands and minutes (``fuse.coverage``); its own company is no
witness, and fewer than ``WITNESSES`` say nothing:

- *went dark* (suspected): the chance that one like the others is not heard at all is ``BY_CHANCE`` at most;
- *edge of coverage*: others were heard there less than half of the time;
- *not observable*: nobody, or too few, were there for more to be said. If those about were heard before and after and
  hardly then, receivers were out of order.

Where the straight way from fix to fix is less than ``STRAIGHT`` of what the speed makes of the time, the object turned
somewhere. Then a second way is looked at, on as it flew for half of the time and so into the fix after it, and the one
that accuses it least decides.

Of multilaterated tracks only others that were multilaterated tell, since a position then takes four receivers. Why an
aircraft was silent no track can say.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from testigos import words
from testigos.findings._silence import COVERAGE, Silence, own_hash, silences
from testigos.findings.scene import Scene, frame_ids
from testigos.fuse.coverage import Reception, cover, reception
from testigos.geo import distance_m
from testigos.model import Finding, Interval, Method
from testigos.units import S_NS, LengthUnit

__all__ = ["KIND", "METHOD", "RANK", "SURVEYS", "find", "sentence"]

KIND: Final = "gap"
RANK: Final = 7
METHOD: Final = Method("gap: silence against the reception of others in cell, altitude band and ten minutes", "1")
SURVEYS: Final = (COVERAGE,)

BY_CHANCE: Final = 0.01
WITNESSES: Final = 3
SELDOM: Final = 0.5
_OUT: Final = (0.3, 0.7)  # the share heard when receivers are out of order, and when they are not


def _verdict(seen: Reception) -> tuple[str, bool]:
    """The class, and whether receivers were out of order."""
    out = seen.during is not None and seen.around is not None and seen.during <= _OUT[0] and seen.around >= _OUT[1]
    out = out and seen.about >= WITNESSES
    if seen.chance <= BY_CHANCE and seen.others >= WITNESSES:
        return "went_dark", False
    if out or seen.share is None or seen.others < WITNESSES:
        return "not_observable", out
    if seen.share < SELDOM:
        return "edge_of_coverage", False
    return "not_observable", False


def _finding(quiet: Silence, seen: Reception) -> Finding:
    verdict, out = _verdict(seen)
    known = seen.known_min > 0
    many = float(seen.expected_min * quiet.rate)
    spread = 1.96 * (seen.doubt_min * quiet.rate + many**0.5)
    seconds = (quiet.end_ns - quiet.start_ns) / S_NS
    ends = quiet.fixes
    lat, lon = ends["lat_deg"].to_numpy(), ends["lon_deg"].to_numpy()
    bounded = quiet.which == "silence"
    measures = {
        "duration": Interval(seconds if bounded else None, "s", round(seconds, 1), seconds if bounded else None, 1.0),
        "way": Interval(round(float(distance_m(lat[0], lon[0], lat[1], lon[1])), 1) if bounded else None, "m"),
        "expected_reports": Interval(
            round(many, 1) if known else None,
            "1",
            round(max(0.0, many - spread), 1) if known else None,
            round(many + spread, 1) if known else None,
            0.95 if known else None,
        ),
        "probability": Interval(float(f"{max(seen.chance, 1e-6):.2g}") if known else None, "1"),
    }
    reasons = [
        f"{seen.others} others were about, and something is known of {seen.known_min} of {len(quiet.minute)} minutes"
    ]
    if seen.share is not None:
        reasons.append(f"they were heard in {100 * seen.share:.0f} % of their minutes there")
    if out:
        reasons.append(
            f"of all about, {100 * (seen.around or 0):.0f} % of the minutes before and after were heard and "
            f"{100 * (seen.during or 0):.0f} % of those between"
        )
    caveats = ["the others were counted over frames that are not in this report's evidence"] if known else []
    if verdict == "went_dark":
        caveats.append("equipment that failed or was shadowed is silent too; why it was silent is not observable")
    if not bounded:
        caveats.append("that it flew straight on is assumed")
    if quiet.aside:
        caveats.append("it did not fly straight meanwhile: on as it went, and in as it came, is taken as another way")
    confidence = {
        "went_dark": min(0.95, 1.0 - seen.chance),
        "edge_of_coverage": 0.7,
        "not_observable": 0.9 if out or not known else 0.6,
    }[verdict]
    return Finding(
        kind=KIND,
        subjects=(quiet.subject,),
        start_ns=quiet.start_ns,
        end_ns=quiet.end_ns,
        confidence=round(confidence, 2),
        method=METHOD,
        measures=measures,
        details={
            "verdict": verdict,
            "which": quiet.which,
            "receivers_out": out,
            "others": seen.others,
            "minutes": len(quiet.minute),
            "known_minutes": seen.known_min,
            "multilaterated": quiet.mlat,
        },
        reasons=tuple(reasons),
        caveats=tuple(caveats),
        evidence=frame_ids(ends),
    )


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """Silences with what others tell of reception there; ends in the air only where that is anything."""
    counts = scene.surveys.get(COVERAGE.name)
    known = cover(counts) if counts is not None else {}
    company = [f.subjects for f in scene.found if f.kind == "formation"]
    found = []
    for quiet in silences(tracks, scene):
        own = {quiet.subject}.union(*(c for c in company if quiet.subject in c))
        hashes = [own_hash(s) for s in sorted(own)]
        ways = [(quiet.lat_deg, quiet.lon_deg)] + ([quiet.aside] if quiet.aside else [])
        seen = [
            reception(known, hashes, *way, quiet.level, quiet.minute, mlat=quiet.mlat, share=quiet.share)
            for way in ways
        ]
        # whatever accuses it least
        finding = _finding(quiet, max(seen, key=lambda one: one.chance))
        if quiet.which == "silence" or finding.details["verdict"] != "not_observable":
            found.append(finding)
    return found


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """What was not heard, and what that is worth."""
    who, told = names[finding.subjects[0]], finding.details
    start, end = words.minute(finding.start_ns), words.minute(finding.end_ns)
    day = words.day(finding.start_ns)
    long = words.duration((finding.end_ns - finding.start_ns) / S_NS)
    if told["which"] == "lost":
        quiet = f"Nothing more was heard of {who} after {start} on {day}"
    elif told["which"] == "appeared":
        quiet = f"Nothing was heard of {who} before {end} on {day}"
    else:
        quiet = f"Nothing was heard of {who} from {start} on {day} to {end} ({long})"
    if told["verdict"] == "went_dark":
        reports = finding.measures["expected_reports"]
        many = f"{reports.value:.0f}" if reports.value is not None else "some"
        when = "" if told["which"] == "silence" else " within ten minutes"
        return (
            f"{quiet}, though {told['others']} others were heard there and then: some {many} reports of it were "
            f"expected{when} and none came. It is suspected of having stopped sending; why is not observable."
        )
    if told["verdict"] == "edge_of_coverage":
        return f"{quiet}; others were seldom heard there either: this is the edge of what receivers reach."
    if told["receivers_out"]:
        return (
            f"{quiet}; hardly anybody else was heard then, so receivers were out of order, and more is not observable."
        )
    return f"{quiet}; too few others were there to say whether it could have been heard: not observable."
