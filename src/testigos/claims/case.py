"""What all claims are held against: findings by aircraft, whom a description fits, and how near somebody came when."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import polars as pl

from testigos import words
from testigos.claims.model import When, Who
from testigos.findings import Scene, approach
from testigos.findings.phrases import end_time
from testigos.findings.scene import finding_ids, in_question
from testigos.model import Finding, Interval
from testigos.units import NMI_M, S_NS
from testigos.world import Place

__all__ = ["Case", "Nearest", "case", "end_span", "fits", "label", "nearest", "seen_as", "sorties_of", "told_of"]

#: A departure or arrival is known to the first or last fix, and to what a slow climb or descent takes from there.
LATE_S: Final = 60.0
CLIMB_FPM: Final = 1_500.0
DESCENT_FPM: Final = 500.0
AIRFIELD_M: Final = 3 * NMI_M  #: who stayed farther from an airfield's reference point neither landed nor left there
SURE: Final = 0.8  #: the confidence from which an airfield is told without "appears to"


@dataclass(frozen=True)
class Case:
    """Findings with their ids, and the fixes. ``kept`` holds approaches that were measured for a claim."""

    findings: tuple[Finding, ...]
    ids: tuple[str, ...]
    tracks: pl.DataFrame
    scene: Scene
    legs: dict[tuple[str, int], pl.DataFrame]
    kept: dict[Any, Any] = field(default_factory=dict)

    def of(self, kind: str, subject: str | None = None) -> list[tuple[str, Finding]]:
        """Findings of a kind, with their ids; about a subject, or about all."""
        return [
            (number, finding)
            for number, finding in zip(self.ids, self.findings, strict=True)
            if finding.kind == kind and (subject is None or subject in finding.subjects)
        ]

    def identity(self, subject: str) -> tuple[str, Finding] | None:
        """Who it is."""
        return next(iter(self.of("identity", subject)), None)


def case(findings: Sequence[Finding], tracks: pl.DataFrame, scene: Scene) -> Case:
    """Arranges what was found. ``tracks`` as ``fuse.tracks`` gives them; only what the question keeps counts."""
    usable = in_question(tracks, scene).filter(pl.col("lat_deg").is_not_null() & pl.col("time_ns").is_not_null())
    usable = usable.sort("object_id", "leg", "time_ns", maintain_order=True)
    parts = usable.partition_by("object_id", "leg", as_dict=True, maintain_order=True)
    legs = {(str(o), int(n)): table for (o, n), table in parts.items()}
    return Case(tuple(findings), tuple(finding_ids(findings)), usable, scene, legs)


def told_of(who: Finding) -> str:
    """What data call an aircraft."""
    kind = who.details.get("type_name") or who.details.get("type_code")
    return words.an(words.name(kind).removesuffix(" family")) if kind else "an aircraft of unknown type"


def label(subject: str, here: Case) -> str:
    """What the text calls an aircraft."""
    found = here.identity(subject)
    signs = list(found[1].details.get("callsigns") or ()) if found else []
    return "/".join(words.name(s) for s in signs[:2]) if signs else words.name(subject.removeprefix("reg:"))


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", plain.lower())


def is_type(said: str, type_code: str | None, type_name: str | None) -> bool | None:
    """Does a type as people write it ("B-1", "KC-135") mean this one? Null where the type is unknown.

    >>> is_type("B-1", "B1", "B-1B Lancer"), is_type("B-1", "B17", "B-17"), is_type("737", "B738", "Boeing 737-800")
    (True, False, True)
    """
    if type_code is None and type_name is None:
        return None
    # "B-1" is no "B-17"; "KC-135" is a "KC-135R", "737" a "737-800"
    wanted = re.compile(r"[-\s]*".join(map(re.escape, _fold(said))) + r"(?![0-9])", re.IGNORECASE)
    name = (type_name or "").split()
    known = [type_code or "", *(" ".join(name[i:]) for i in range(len(name)))]
    return bool(_fold(said)) and any(wanted.match(text) for text in known)


def _is_called(said: str, finding: Finding, here: Case) -> bool | None:
    """Is it of a type? A designator without a name, and a name that only armed forces use, do not deny it."""
    code, name = finding.details.get("type_code"), finding.details.get("type_name")
    answer = is_type(said, code, name)
    kind = here.scene.world.type_info(code)
    military = None if kind is None else kind.military_name
    if answer is False and (name is None or (military and is_type(said, code, military))):
        return None
    return answer


def fits(who: Who, finding: Finding, here: Case) -> bool | None:
    """Does what data say of an aircraft fit a description? Null where data do not say."""
    details = finding.details
    answers: list[bool | None] = []
    if who.type is not None:
        answers.append(_is_called(who.type, finding, here))
    if who.role is not None:
        role = details.get("role")
        answers.append(None if role is None else _fold(role) == _fold(who.role))
    if who.military is not None:
        answers.append(None if details.get("military") is None else bool(details["military"]) == who.military)
    if who.operator is not None:
        operator = details.get("operator")
        answers.append(None if operator is None else _fold(who.operator) in _fold(operator))
    if False in answers:
        return False
    return None if None in answers else True


def seen_as(who: Who, when: When | None, here: Case) -> list[str]:
    """Subjects of sorties in the time that surely fit a description (names aside)."""
    found = []
    for _, finding in here.of("identity"):
        subject = finding.subjects[0]
        if (not who.described or fits(who, finding, here)) and sorties_of(subject, when, here):
            found.append(subject)
    return sorted(set(found))


def sorties_of(subject: str, when: When | None, here: Case) -> list[tuple[str, Finding]]:
    """Its sorties that the time touches."""
    return [
        (number, sortie)
        for number, sortie in here.of("sortie", subject)
        if when is None or (sortie.start_ns <= when.end_ns and sortie.end_ns >= when.start_ns)
    ]


def bearers(name: str, when: When | None, here: Case) -> list[str]:
    """Subjects that go by a call sign or an address, in that time if any did then."""
    if ":" in name:
        return [name] if here.identity(name) or here.of("sortie", name) else []
    wanted = name.upper()
    found = {f.subjects[0] for _, f in here.of("identity") if wanted in (f.details.get("callsigns") or ())}
    flown = {f.subjects[0] for _, f in here.of("sortie") if f.details.get("callsign") == wanted}
    at_the_time = {s for s in found | flown if sorties_of(s, when, here)}
    return sorted(at_the_time or found | flown)


def end_span(sortie: Finding, departing: bool) -> tuple[int, int]:
    """Between which times it left or landed, ns: what it was seen to do, and what it takes from or to the ground."""
    end = sortie.departure if departing else sortie.arrival
    time = end_time(end, sortie.start_ns if departing else sortie.end_ns)
    height = 0.0 if not end or end.get("on_ground") or end.get("alt_ft") is None else max(0.0, float(end["alt_ft"]))
    late = round((LATE_S + height / (CLIMB_FPM if departing else DESCENT_FPM) * 60.0) * S_NS)
    slack = round(LATE_S * S_NS)
    return (time - late, time + slack) if departing else (time - slack, time + late)


@dataclass(frozen=True)
class Nearest:
    """How near an aircraft came to a place in some time.

    ``measure`` holds what fixes in the time show (``high``), and what is sure of all of it (``low``, null without
    bound). ``whole``: was it seen, or known to be elsewhere, at both ends of the time?
    """

    measure: Interval
    whole: bool
    over: bool
    time_ns: int
    findings: tuple[str, ...]
    evidence: tuple[str, ...]
    confidence: float
    gap: tuple[str, str] | None
    caveats: tuple[str, ...]
    open_end: int | None = None  #: when it came into view or was lost, where that keeps the question open


def _measured(rows: pl.DataFrame, place: Place, here: Case) -> Finding:
    scene = replace(here.scene, targets=(place,), question=replace(here.scene.question, start_ns=None, end_ns=None))
    return approach.find(rows, scene)[0]


def _leg(number: str, sortie: Finding, place: Place, when: When | None, limit_m: float, here: Case) -> Nearest | None:
    """How near one sortie came; null where it has no fix in the time."""
    subject, leg = sortie.subjects[0], int(sortie.details["leg"])
    rows = here.legs.get((subject, leg))
    if rows is None:
        return None
    inside, around, before, after = rows, rows, False, False
    if when is not None:
        earlier = rows.filter(pl.col("time_ns") < when.start_ns).tail(1)
        later = rows.filter(pl.col("time_ns") > when.end_ns).head(1)
        inside = rows.filter(pl.col("time_ns").is_between(when.start_ns, when.end_ns))
        around, before, after = pl.concat([earlier, inside, later]), bool(len(earlier)), bool(len(later))
    if not len(around):
        return None
    ids: tuple[str, ...] = (number,)
    if len(inside) == len(rows):
        known = [(n, f) for n, f in here.of("approach", subject) if f.details.get("leg") == leg and _is_of(f, place)]
        wide = known[0][1] if known else _measured(rows, place, here)
        ids = (known[0][0], number) if known else ids
    else:
        wide = _measured(around, place, here)
    shown = wide if len(around) == len(inside) else _measured(inside, place, here) if len(inside) else None
    low = wide.measures["distance"].low
    value = None if shown is None else shown.measures["distance"].value
    high = None if shown is None else shown.measures["distance"].high
    if shown is not None and high is None:  # one fix alone bounds it from above, though nothing does from below
        radius = inside["radius95_m"].cast(pl.Float64).fill_null(float("inf")).to_numpy()
        way_m = place.nearest(inside["lat_deg"].to_numpy(), inside["lon_deg"].to_numpy()).distance_m
        most = float((way_m + radius).min()) + place.coast_error_m
        high = most if most < float("inf") else None
    speed = float(wide.details["speed_limit_mps"])
    whole, open_end = True, None
    for departing, seen in ((True, before), (False, after)):
        end = (sortie.departure if departing else sortie.arrival) or {}
        if seen or end.get("status") == "airfield" or end.get("on_ground"):
            continue
        row = rows[0] if departing else rows[-1]
        way = float(place.nearest(row["lat_deg"].to_numpy(), row["lon_deg"].to_numpy()).distance_m[0])
        edge = int(row["time_ns"][0])
        left_s = float("inf")
        if when is not None:
            left_s = (edge - when.start_ns if departing else when.end_ns - edge) / S_NS
        if way - speed * max(0.0, left_s) <= limit_m + (row["radius95_m"][0] or 0.0) + place.coast_error_m:
            whole, open_end = False, edge
    gap = wide.details.get("gap")
    decides = wide if shown is None else shown
    return Nearest(
        Interval(value, "m", low, high, 0.95 if low is not None else None),
        whole,
        bool(decides.details.get("over_land")) and shown is not None,
        decides.start_ns,
        ids,
        tuple(dict.fromkeys((*decides.evidence, *wide.evidence))),
        min(wide.confidence, decides.confidence),
        (str(gap["start"]), str(gap["end"])) if gap else None,
        wide.caveats,
        open_end,
    )


def _is_of(finding: Finding, place: Place) -> bool:
    of = finding.place or {}
    return bool(of.get("name") == place.name and of.get("kind") == place.kind)


def nearest(subject: str, place: Place, when: When | None, limit_m: float, here: Case) -> list[Nearest]:
    """How near each of its sorties in the time came to a place, where fixes show it.

    ``limit_m``: an end out of view matters only where it could have come this near from there.
    """
    key = ("nearest", subject, place.key, when, limit_m)
    if key not in here.kept:
        found = [_leg(n, f, place, when, limit_m, here) for n, f in sorties_of(subject, when, here)]
        here.kept[key] = [f for f in found if f is not None]
    return list(here.kept[key])
