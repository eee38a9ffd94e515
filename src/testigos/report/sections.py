"""Lists of the page: how sure each sentence is, verdicts on claims, findings by kind. A new kind needs nothing here."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from testigos import registry, words
from testigos.findings.scene import sentence
from testigos.model import Finding, Interval
from testigos.report.content import OTHERS, Content, leads, ranked
from testigos.report.paragraph import Clause
from testigos.report.subjects import Subject
from testigos.units import LengthUnit

__all__ = ["anchor", "by_kind", "measured", "percent", "sure", "verdicts"]

_OPENLY: Final = 12  #: findings of a kind that are shown at once; the others unfold
_FRAMES: Final = 12  #: frames of a sentence that are linked; its findings have them all
_NAMED: Final = 4
_MEASURES: Final = {
    "distance": "observed distance", "distance_bound": "certain bound", "longest_gap": "longest gap",
    "fix_error": "error of the fix (95 %)", "distance_flown": "distance along the fixes",
}  # fmt: skip
_PLAIN: Final = frozenset({"fix_error", "distance_flown"})  # their interval says nothing to a reader
_UNITS: Final = {"1": "", "ft": " feet", "deg": " degrees", "kt": " knots", "d": " days", "fpm": " feet a minute"}
SAID: Final = {
    "supported": "supported", "contradicted": "contradicted", "partly": "partly supported",
    "not_observable": "not observable",
}  # fmt: skip


def anchor(frame: str) -> str:
    """The id of a frame's row in the page.

    >>> anchor("0123456789abcdef:400")
    'fix-0123456789abcdef-400'
    """
    return "fix-" + "".join(c if c.isalnum() else "-" for c in frame)


def percent(confidence: float) -> str:
    """A confidence as the page shows it, never rounded up to certainty.

    >>> percent(0.8), percent(0.998), percent(1.0)
    ('80 %', '99 %', '100 %')
    """
    return f"{min(round(confidence * 100), 99) if confidence < 1.0 else 100} %"


def _number(value: float, unit: str) -> str:
    if unit == "s":
        return words.duration(value) if value >= 0 else f"{value:,.0f} seconds"
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
    return f"{digits}{_UNITS.get(unit, f' {unit}')}"


def measured(key: str, measure: Interval, unit: LengthUnit) -> str | None:
    """A measure with its interval in words; null where it says nothing.

    >>> from testigos.units import LENGTH_UNITS
    >>> measured("duration", Interval(5_500.0, "s", 4_200.0, 6_360.0, 0.95), LENGTH_UNITS["nmi"])
    '92 minutes (95 %: 70 minutes to 106 minutes)'
    >>> measured("laps", Interval(4.0, "1", 4.0), LENGTH_UNITS["nmi"])
    'at least 4'
    """
    value, low, high = measure.value, measure.low, measure.high
    if measure.unit == "m":
        digits = 2 if key == "fix_error" else 0 if key == "distance_flown" else words.decimals(measure, unit)
        span = None if key in _PLAIN else words.span(measure, unit)
        if value is None and span is None:
            if low is None and high is None:
                return "not observable"
            digits = words.decimals(Interval(high if low is None else low, "m"), unit)
            return (
                f"at least {words.length(low, unit, digits, 'down')}"
                if low is not None
                else f"at most {words.length(high or 0.0, unit, digits, 'up')}"
            )
        if value is None:
            return f"{span} {unit.name}"
        text = words.length(value, unit, digits)
        return f"{text} ({span})" if span else text
    if low is not None and high is not None:
        level = (
            "" if measure.level is None else "certainly " if measure.level >= 1 else f"{measure.level * 100:.4g} %: "
        )
        both = f"{level}{_number(low, measure.unit)} to {_number(high, measure.unit)}"
        return both if value is None else f"{_number(value, measure.unit)} ({both})"
    if low is not None and (value is None or value == low):
        return f"at least {_number(low, measure.unit)}"
    if high is not None and (value is None or value == high):
        return f"at most {_number(high, measure.unit)}"
    return None if value is None else _number(value, measure.unit)


def _measures(finding: Finding, unit: LengthUnit) -> list[tuple[str, str]]:
    told = (
        (_MEASURES.get(k, words.name(k).replace("_", " ")), measured(k, m, unit)) for k, m in finding.measures.items()
    )
    return [(name, text) for name, text in told if text is not None]


def sure(clauses: Sequence[Clause], numbered: Mapping[str, Finding]) -> list[dict[str, Any]]:
    """Each sentence of the paragraph with its confidence (the least of its findings') and the frames it rests on."""
    rows = []
    for i, clause in enumerate(clauses):
        own = [(n, numbered[n]) for n in clause.findings]
        frames = list(dict.fromkeys(e for _, f in own for e in f.evidence))
        rows.append(
            {
                "id": f"sentence-{i + 1}",
                "text": clause.text,
                "brief": words.name(clause.text.removeprefix("SIMULATED: "), 90),
                "confidence": percent(min(f.confidence for _, f in own)) if own else None,
                "findings": list(dict.fromkeys(clause.findings)),
                "evidence": [(e, anchor(e)) for e in frames[:_FRAMES]],
                "more": max(0, len(frames) - _FRAMES),
            }
        )
    return rows


def verdicts(content: Content, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Verdicts by topic, those on one topic side by side. ``content.verdicts`` as in ``verdicts.json``."""
    cards = []
    for i, verdict in enumerate(content.verdicts):
        claim = verdict["claim"]
        numbers = []
        for part in verdict["parts"]:
            if part.get("measure") is None:
                continue
            text = measured("", Interval(**part["measure"]), content.unit)
            subject = part.get("subject")
            who = labels.get(subject, words.name(subject)) if subject else ""
            numbers.append((who, text or "not observable"))
        source = ", ".join(words.name(t, 200) for t in (claim.get("source"), claim.get("date")) if t)
        cards.append(
            {
                "id": f"verdict-{i + 1}",
                "topic": words.name(claim.get("topic") or "", 200),
                "ruling": verdict["verdict"],
                "said": SAID.get(verdict["verdict"], words.name(verdict["verdict"])),
                "text": words.name(claim.get("text") or "", 400),
                "source": source,
                "quotation": words.name(claim.get("quotation") or "", 600),
                "because": words.name(verdict["because"], 1000),
                "confidence": percent(verdict["confidence"]) if verdict["verdict"] != "not_observable" else None,
                "change": words.name(verdict["change"], 400),
                "readings": [
                    (words.name(r["says"], 400), SAID.get(r["verdict"], words.name(r["verdict"])))
                    for r in verdict["readings"]
                ],
                "notes": [words.name(n, 400) for n in claim.get("notes") or ()],
                "caveats": [words.name(c, 400) for c in verdict["caveats"]],
                "numbers": list(dict.fromkeys(numbers)),
                "findings": list(verdict["findings"]),
                "evidence": [(e, anchor(e)) for e in verdict["evidence"][:_FRAMES]],
                "more": max(0, len(verdict["evidence"]) - _FRAMES),
            }
        )
    topics = list(dict.fromkeys(c["topic"] for c in cards))
    return [{"topic": topic, "cards": [c for c in cards if c["topic"] == topic]} for topic in topics]


def _called(kind: str) -> tuple[int, str, str]:
    """Rank, title and one line on a kind, from its finder's own documentation."""
    if kind not in registry.finders():
        return 99, kind.replace("_", " ").capitalize(), ""
    finder = registry.finder(kind)
    line = (finder.__doc__ or "").strip().partition("\n")[0]
    title, colon, text = line.partition(": ")
    if not colon:
        return finder.RANK, kind.replace("_", " ").capitalize(), line
    return finder.RANK, title, text[:1].upper() + text[1:]


def _card(
    number: str, finding: Finding, labels: Mapping[str, str], tint: Mapping[str, str], unit: LengthUnit
) -> dict[str, Any]:
    named = [labels.get(s, words.name(s)) for s in finding.subjects]
    if len(named) > _NAMED:
        named = [*named[: _NAMED - 1], f"{len(named) - _NAMED + 1} others"]
    return {
        "id": number,
        "kind": finding.kind,
        "who": words.join(named),
        "colour": tint.get(finding.subjects[0], OTHERS) if finding.subjects else OTHERS,
        "sentence": sentence(finding, labels, unit),
        "confidence": percent(finding.confidence),
        "measures": _measures(finding, unit),
        "reasons": [words.name(r, 400) for r in finding.reasons],
        "caveats": [words.name(c, 400) for c in finding.caveats],
        "evidence": [(frame, anchor(frame)) for frame in finding.evidence],
        "method": f"{finding.method.name} ({finding.method.version})",
    }


def by_kind(
    numbered: Mapping[str, Finding], every: Sequence[Subject], tint: Mapping[str, str], unit: LengthUnit
) -> list[dict[str, Any]]:
    """Findings by kind, in the order in which finders run; those about the report's aircraft first."""
    labels = {s.object_id: s.label for s in every}
    place = {s.object_id: i for i, s in enumerate(ranked(every))}
    told = {s.object_id for s in leads(every)}

    def order(item: tuple[str, Finding]) -> tuple[Any, ...]:
        f = item[1]
        mine = not f.subjects or any(s in told for s in f.subjects)
        return not mine, min((place.get(s, len(place)) for s in f.subjects), default=-1), f.start_ns

    found = []
    for kind, items in groupby(sorted(numbered.items(), key=lambda i: i[1].kind), key=lambda i: i[1].kind):
        several = sorted(items, key=order)  # stable: ids stay in order
        rank, title, text = _called(kind)
        about = sum(not order(item)[0] for item in several)
        openly = min(about or len(several), _OPENLY)
        cards = [_card(n, f, labels, tint, unit) for n, f in several]
        least, most = (percent(pick(f.confidence for _, f in several)) for pick in (min, max))
        found.append(
            (
                rank,
                kind,
                {
                    "kind": kind,
                    "title": title,
                    "text": text,
                    "count": len(cards),
                    "confidence": least if least == most else f"{least} to {most}",
                    "cards": cards[:openly],
                    "more": cards[openly:],
                },
            )
        )
    return [section for _, _, section in sorted(found, key=lambda x: x[:2])]
