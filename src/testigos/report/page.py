"""The page (HTML) and its plain twin (Markdown): the same words, tables and caveats."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from testigos import words
from testigos.findings.phrases import bound, deciding_time, land_note, place_phrase
from testigos.findings.scene import finding_ids, sentence
from testigos.model import Finding, iso_utc
from testigos.report.content import Content, colours, flown, leads, ranked
from testigos.report.figures import figures
from testigos.report.paragraph import Clause, paragraph
from testigos.report.subjects import Subject, observed, subjects
from testigos.units import LengthUnit

__all__ = ["html", "markdown"]

_RAW_BYTES: Final = 160  # of a frame are shown; the evidence has them all
_MAX_FIXES: Final = 2_000
#: Words of a caveat that says what could not be seen.
_UNSEEN: Final = ("not observable", "nothing is known", "unknown")
_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>#|~])")


@dataclass(frozen=True)
class Fix:
    """A fix that a number rests on, as the table shows it."""

    id: str
    frame: str
    subject: str
    time: str
    position: str
    altitude: str
    source: str
    error: str
    raw: str
    used_by: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """An approach in the table of distances."""

    id: str
    object_id: str
    subject: str
    colour: str
    place: str
    value: str
    interval: str
    bound: str
    time: str


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("testigos.report"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["md"] = lambda text: _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))
    environment.filters["clean"] = lambda text: words.name(text, 400)
    return environment


def anchor(frame: str) -> str:
    """The id of a frame's row in the page.

    >>> anchor("0123456789abcdef:400")
    'fix-0123456789abcdef-400'
    """
    return "fix-" + "".join(c if c.isalnum() else "-" for c in frame)


def raw_text(data: bytes | None) -> str:
    """A frame as a person can compare it: text where it is text, else hex; the middle of a long one left out."""
    if data is None:
        return "not in this bundle"
    cut = len(data) > _RAW_BYTES
    try:
        text = data.decode("utf-8")
        if all(c.isprintable() or c in "\r\n\t" for c in text):
            text = " ".join(text.split())
            return text[:_RAW_BYTES] + "…" if len(text) > _RAW_BYTES else text
    except UnicodeDecodeError:
        pass
    head = data[: _RAW_BYTES // 3]
    return head.hex(" ") + (" …" if cut or len(head) < len(data) else "")


def _fixes(content: Content, ids: Sequence[str], labels: Mapping[str, str]) -> list[Fix]:
    used: dict[str, list[str]] = {}
    for number, finding in zip(ids, content.findings, strict=True):
        for frame in finding.evidence:
            used.setdefault(frame, []).append(number)
    if not used:
        return []
    wanted = pl.DataFrame(
        {
            "segment": [int(f.partition(":")[0], 16) for f in used],
            "offset": [int(f.partition(":")[2]) for f in used],
        },
        schema={"segment": pl.UInt64, "offset": pl.UInt64},
    )
    rows = flown(content.tracks).join(wanted, on=["segment", "offset"], how="semi", maintain_order="left")
    made = []
    for row in rows.iter_rows(named=True):
        frame = f"{row['segment']:016x}:{row['offset']}"
        users = tuple(n for n in used[frame])
        alt = next((row[n] for n in ("alt_baro_ft", "alt_msl_ft", "alt_geom_ft") if row[n] is not None), None)
        radius = row["radius95_m"]
        made.append(
            Fix(
                anchor(frame),
                frame,
                labels.get(row["object_id"], words.name(row["object_id"])),
                iso_utc(row["time_ns"]),
                words.point(row["lat_deg"], row["lon_deg"], 5),
                "on the ground" if row["on_ground"] else "" if alt is None else f"{alt:,.0f} ft",
                str(row["source"] or "unknown"),
                f"{radius:,.0f} m ({row['radius_basis']})" if radius is not None else "not known",
                raw_text(content.frames.get(frame)),
                users,
            )
        )
    return made[:_MAX_FIXES]


def _row(number: str, finding: Finding, subject: Subject, colour: str, unit: LengthUnit) -> Row:
    measure = finding.measures["distance"]
    digits = words.decimals(measure, unit)
    hard = bound(finding)
    when = deciding_time(finding)
    return Row(
        number,
        subject.object_id,
        subject.label,
        colour,
        place_phrase(finding.place) + land_note(finding.place),
        "over it" if finding.details.get("over_land") else words.number(observed(finding), unit, digits),
        (words.span(measure, unit) or "not observable").removeprefix("95 %: "),
        words.number(hard.low, unit, digits, "down")
        if hard is not None and hard.low is not None
        else "no certain bound",
        f"{words.clock(when)}, {words.day(when)}",
    )


def _not_observable(findings: Sequence[Finding], ids: Sequence[str], labels: Mapping[str, str]) -> list[Clause]:
    """What these tracks cannot answer, told once for all aircraft of which it is true."""
    found: dict[str, dict[str, list[str]]] = {}
    for number, finding in zip(ids, findings, strict=True):
        label = labels.get(finding.subjects[0], "") if finding.subjects else ""
        texts = [words.name(c, 400) for c in finding.caveats if any(mark in c for mark in _UNSEEN)]
        if (finding.details.get("territorial_sea") or {}).get("status") == "cannot_tell":
            texts.append(f"whether it came within 12 nautical miles of {place_phrase(finding.place)} is not observable")
        if finding.kind == "approach" and bound(finding) is None:
            texts.append("how much nearer than its interval it may have come has no certain bound")
        for text in texts:
            found.setdefault(text, {}).setdefault(label, []).append(number)
    made = []
    for text, by in found.items():
        names = list(by) if len(by) <= 6 else [*list(by)[:5], f"{len(by) - 5} others"]
        numbers = [n for listed in by.values() for n in listed]
        made.append(Clause(f"{words.join(names)}: {text}.", tuple(numbers) if len(numbers) <= 8 else ()))
    return made


def _title(content: Content) -> str:
    near = words.join([words.name(n) for n in content.question.near])
    times = [f.start_ns for f in content.findings] + [f.end_ns for f in content.findings]
    text = f"Aircraft near {near}" if near else "Aircraft and where they flew"
    if times:
        text += f", {words.days(min(times), max(times))}"
    return text


def _asked(content: Content) -> list[tuple[str, str]]:
    q = content.question
    rows = [("Near", words.join([words.name(n) for n in q.near]) or "anywhere")]
    if q.within_m is not None:
        rows.append(
            (
                "Within",
                words.length(q.within_m, content.unit, 0 if q.within_m >= 10 * content.unit.metres else 1),
            )
        )
    if q.start_ns is not None or q.end_ns is not None:
        begin = iso_utc(q.start_ns) if q.start_ns is not None else "the beginning"
        rows.append(("Between", f"{begin} and {iso_utc(q.end_ns) if q.end_ns is not None else 'the end'}"))
    rows.append(("Who", "military aircraft only" if q.military else "all aircraft"))
    if q.subjects:
        rows.append(("Only", words.join([words.name(s) for s in q.subjects])))
    if q.assume_radius_m is not None:
        rows.append(("Assumed", f"fixes of unknown quality lie within {q.assume_radius_m:,.0f} m (95 %)"))
    return rows


def _sources(findings: Sequence[Finding]) -> list[dict[str, str]]:
    found = {(d.name, d.version, d.sha256): d for f in findings for d in f.data}
    return [
        {"name": d.name, "version": d.version, "sha256": d.sha256, "licence": d.licence, "note": d.note}
        for _, d in sorted(found.items())
    ]


def _cards(content: Content, ids: Sequence[str], every: Sequence[Subject]) -> list[dict[str, Any]]:
    tint = colours(every)
    by_id = dict(zip(ids, content.findings, strict=True))
    labels = {s.object_id: s.label for s in every}
    cards = []
    for subject in ranked(every):
        own = [(n, f) for n, f in by_id.items() if f.subjects and f.subjects[0] == subject.object_id]
        cards.append(
            {
                "label": subject.label,
                "object_id": words.name(subject.object_id),
                "kind": subject.kind or "type unknown",
                "colour": tint[subject.object_id],
                "findings": [_card(n, f, labels, content.unit) for n, f in own],
            }
        )
    return cards


def _measure_rows(finding: Finding, unit: LengthUnit) -> list[tuple[str, str]]:
    rows = []
    names = {
        "distance": "observed distance", "distance_bound": "certain bound", "longest_gap": "longest gap",
        "fix_error": "error of the fix (95 %)", "duration": "duration", "distance_flown": "distance along the fixes",
    }  # fmt: skip
    for key, measure in finding.measures.items():
        name = names.get(key, words.name(key).replace("_", " "))
        if measure.unit == "m":
            parts = []
            if measure.value is not None:
                digits = words.decimals(measure, unit)
                if key in ("fix_error", "distance_flown"):
                    digits = 2 if key == "fix_error" else 0
                parts.append(words.length(measure.value, unit, digits))
            span = words.span(measure, unit) if key not in ("fix_error", "distance_flown") else None
            if span:
                parts.append(f"({span})" if parts else f"{span} {unit.name}")
            rows.append((name, " ".join(parts) or "not observable"))
        elif measure.value is not None:
            rows.append(
                (
                    name,
                    words.duration(measure.value) if measure.unit == "s" else f"{measure.value:,.6g} {measure.unit}",
                )
            )
    return rows


def _card(number: str, finding: Finding, labels: Mapping[str, str], unit: LengthUnit) -> dict[str, Any]:
    return {
        "id": number,
        "kind": finding.kind,
        "sentence": sentence(finding, labels, unit),
        "confidence": f"{finding.confidence:.0%}".replace("%", " %"),
        "measures": _measure_rows(finding, unit),
        "reasons": [words.name(r, 400) for r in finding.reasons],
        "caveats": [words.name(c, 400) for c in finding.caveats],
        "evidence": [(frame, anchor(frame)) for frame in finding.evidence],
        "method": f"{finding.method.name} ({finding.method.version})",
    }


def _context(content: Content) -> dict[str, Any]:
    ids = finding_ids(content.findings)
    every = subjects(content.findings)
    tint = colours(every)
    labels = {s.object_id: s.label for s in every}
    rows = [
        _row(n, f, s, tint[s.object_id], content.unit)
        for s in ranked(every)
        for n, f in sorted(s.approaches, key=lambda a: (observed(a[1]), a[0]))
        if observed(f) < float("inf")
    ]
    told = {s.object_id for s in leads(every)}
    methods = sorted({(f.kind, f.method.name, f.method.version) for f in content.findings})
    fixes = _fixes(content, ids, labels)
    return {
        "title": _title(content),
        "simulated": content.simulated,
        "ordinal": {number: i + 1 for i, number in enumerate(ids)},
        "paragraph": paragraph(content.findings, content.unit, content.simulated),
        "rows": [r for r in rows if r.object_id in told],
        "other_rows": [r for r in rows if r.object_id not in told],
        "unit": content.unit,
        "cards": _cards(content, ids, every),
        "fixes": fixes,
        "shown": {f.frame for f in fixes},
        "not_observable": _not_observable(content.findings, ids, labels),
        "asked": _asked(content),
        "methods": methods,
        "sources": _sources(content.findings),
        "documents": content.documents,
        "account": content.account,
        "version": content.version,
    }


def html(content: Content) -> bytes:
    """``report.html``: one file, no script, nothing from outside; every string of the input is escaped."""
    drawn = [{"svg": Markup(f.svg), "caption": f.caption, "id": f.id} for f in figures(content)]
    text = _environment().get_template("report.html").render(**_context(content), figures=drawn)
    return text.encode("utf-8", "replace")


def markdown(content: Content) -> bytes:
    """``report.md``: the page without its figures; markup in the input is escaped."""
    return _environment().get_template("report.md").render(**_context(content)).encode("utf-8", "replace")
