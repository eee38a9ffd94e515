"""Every case of every kind of finding: what must be found, and what must not."""

from typing import Any

import pytest

import cases
from testigos import registry
from testigos.findings.scene import sentence
from testigos.model import Finding, parse_utc
from testigos.units import LENGTH_UNITS
from testigos.world import open_world


def _problems(finding: Finding, want: dict[str, Any]) -> list[str]:
    """Why a finding of the right kind and subjects is not the wanted one."""
    wrong = []
    for name, (low, high) in want.get("measures", {}).items():
        measure = finding.measures.get(name)
        if measure is None or measure.value is None or not low <= measure.value <= high:
            wrong.append(f"{name} is {measure}, not {low} to {high}")
    for name, value in want.get("covers", {}).items():
        measure = finding.measures.get(name)
        if measure is None or measure.low is None or measure.high is None or not measure.low <= value <= measure.high:
            wrong.append(f"{name} is {measure}, which does not hold {value}")
    for name, value in want.get("details", {}).items():
        if finding.details.get(name) != value:
            wrong.append(f"details {name} is {finding.details.get(name)!r}, not {value!r}")
    if "between" in want:
        first, last = (parse_utc(t) for t in want["between"])
        if not first <= finding.start_ns <= finding.end_ns <= last:
            wrong.append("is at another time")
    said = sentence(finding, {}, LENGTH_UNITS["nmi"])
    wrong += [f"does not say {text!r}: {said}" for text in want.get("says", ()) if text not in said]
    if not finding.evidence:
        wrong.append("has no evidence")
    return wrong


def _of(findings: list[Finding], want: dict[str, Any]) -> list[Finding]:
    subjects = sorted(want["subjects"]) if "subjects" in want else None
    return [f for f in findings if f.kind == want["kind"] and (subjects is None or sorted(f.subjects) == subjects)]


@pytest.mark.parametrize("path", cases.paths(), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_a_case_gives_what_it_expects_and_nothing_that_it_refuses(path):
    case = cases.read(path)
    findings = cases.found(case, open_world())
    assert case.get("expect") or case.get("refuse"), "a case that can't fail"
    for want in case.get("expect", ()):
        candidates = _of(findings, want)
        reasons = [_problems(f, want) for f in candidates]
        assert [] in reasons, (want, reasons or sorted({f.kind for f in findings}))
    for never in case.get("refuse", ()):
        details = never.get("details", {})
        there = [f for f in _of(findings, never) if all(f.details.get(k) == v for k, v in details.items())]
        assert not there, (never, there)


@pytest.mark.parametrize("kind", registry.finders())
def test_every_kind_has_cases(kind):
    assert [p for p in cases.paths() if p.parent.name == kind]
