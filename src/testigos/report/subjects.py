"""Findings arranged by the aircraft they are about, with the name each goes by in the text."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from testigos import words
from testigos.findings.phrases import deciding_time
from testigos.findings.scene import finding_ids
from testigos.model import Finding

__all__ = ["ROLES", "Subject", "observed", "subjects"]

#: Roles in the order in which a story tells them; others follow, by name.
ROLES: Final = (
    "bomber",
    "fighter",
    "attack",
    "tanker",
    "reconnaissance",
    "maritime patrol",
    "relay",
    "transport",
)


@dataclass
class Subject:
    """One aircraft and its findings, each with its id.

    ``kind`` is the plain name of the type ("B-1B Lancer") or null, ``label`` what the text calls the aircraft.
    """

    object_id: str
    label: str
    kind: str | None = None
    role: str | None = None
    callsigns: tuple[str, ...] = ()
    military: bool | None = None
    confidence: float | None = None
    identity: tuple[str, Finding] | None = None
    sorties: list[tuple[str, Finding]] = field(default_factory=list)
    approaches: list[tuple[str, Finding]] = field(default_factory=list)

    @property
    def nearest_m(self) -> float:
        """Least observed distance to any place; infinite where there is none."""
        return min((observed(f) for _, f in self.approaches), default=float("inf"))

    def sortie(self) -> tuple[str, Finding] | None:
        """The sortie with the nearest approach in it, else the first."""
        if not self.sorties:
            return None
        if self.approaches:
            nearest = min(self.approaches, key=lambda a: (observed(a[1]), a[0]))[1]
            when = deciding_time(nearest)
            for numbered in self.sorties:
                if numbered[1].start_ns <= when <= numbered[1].end_ns:
                    return numbered
        return self.sorties[0]


def observed(finding: Finding) -> float:
    """The observed distance of an approach in metres; infinite where unknown."""
    measure = finding.measures.get("distance")
    return float("inf") if measure is None or measure.value is None else measure.value


def _label(finding: Finding | None, object_id: str) -> str:
    signs = [words.name(s) for s in (finding.details.get("callsigns") or ())] if finding else []
    return "/".join(signs[:2]) if signs else object_id


def subjects(findings: Sequence[Finding]) -> list[Subject]:
    """All subjects of the findings in the order of their ids; equal call signs are told apart by address."""
    found: dict[str, Subject] = {}
    for number, finding in zip(finding_ids(findings), findings, strict=True):
        for object_id in finding.subjects:
            # a registration is a name by itself; an address says whose it is
            name = words.name(object_id.removeprefix("reg:"))
            subject = found.setdefault(object_id, Subject(object_id, name))
            if finding.kind == "identity":
                details = finding.details
                subject.identity = (number, finding)
                subject.label = _label(finding, subject.label)
                kind = details.get("type_name") or details.get("type_code")
                subject.kind = words.name(kind).removesuffix(" family") if kind else None
                subject.role = details.get("role")
                subject.callsigns = tuple(words.name(s) for s in details.get("callsigns") or ())
                subject.military = details.get("military")
                subject.confidence = finding.confidence
            elif finding.kind == "sortie":
                subject.sorties.append((number, finding))
            elif finding.kind == "approach":
                subject.approaches.append((number, finding))
    for subject in found.values():
        if not subject.callsigns:  # no identity finding: what the sorties were flown as
            signs = dict.fromkeys(
                words.name(f.details["callsign"]) for _, f in subject.sorties if f.details.get("callsign")
            )
            subject.callsigns = tuple(signs)
            subject.label = "/".join(subject.callsigns[:2]) or subject.label
    shared = Counter(s.label for s in found.values())
    for subject in found.values():
        if shared[subject.label] > 1:
            subject.label = f"{subject.label} ({words.name(subject.object_id)})"
        subject.sorties.sort(key=lambda s: (s[1].start_ns, s[0]))
    return [found[k] for k in sorted(found)]
