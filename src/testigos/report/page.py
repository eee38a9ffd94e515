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
from testigos.findings.scene import finding_ids
from testigos.model import Finding, iso_utc
from testigos.report import sections
from testigos.report.content import Content, colours, flown, leads, ranked
from testigos.report.figures import figures
from testigos.report.paragraph import Clause, paragraph
from testigos.report.sections import anchor
from testigos.report.subjects import Subject, observed, subjects
from testigos.units import NMI_M, LengthUnit

__all__ = ["html", "markdown"]

_RAW_BYTES: Final = 160  # of a frame are shown; the evidence has them all
_MAX_FIXES: Final = 2_000
_FAR_M: Final = 200 * NMI_M  # as far as a report looks unless it is told otherwise
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
    for i, verdict in enumerate(content.verdicts):
        for frame in verdict["evidence"]:
            used.setdefault(frame, []).append(f"verdict-{i + 1}")
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
        several = [labels.get(s, "") for s in finding.subjects]
        label = words.join(several if len(several) <= 4 else [*several[:3], f"{len(several) - 3} others"])
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
        who = "; ".join(names) if any(" and " in n for n in names) else words.join(names)
        made.append(Clause(f"{who}: {text}." if who else f"{text}.", tuple(numbers) if len(numbers) <= 8 else ()))
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


def _context(content: Content) -> dict[str, Any]:
    ids = finding_ids(content.findings)
    numbered = dict(zip(ids, content.findings, strict=True))
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
    reach = content.question.within_m or _FAR_M
    near = {r.id for r in rows if r.object_id in told and observed(numbered[r.id]) <= reach}
    near = near or {r.id for r in rows if r.object_id in told}
    clauses = paragraph(content.findings, content.unit, content.simulated)
    methods = sorted({(f.kind, f.method.name, f.method.version) for f in content.findings})
    fixes = _fixes(content, ids, labels)
    return {
        "title": _title(content),
        "simulated": content.simulated,
        "ordinal": {number: i + 1 for i, number in enumerate(ids)},
        "paragraph": sections.sure(clauses, numbered),
        "topics": sections.verdicts(content, labels),
        "rows": [r for r in rows if r.id in near],
        "other_rows": [r for r in rows if r.id not in near],
        "unit": content.unit,
        "kinds": sections.by_kind(numbered, every, tint, content.unit),
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
    drawn = [{"svg": Markup(f.svg), "caption": f.caption, "id": f.id, "wide": f.wide} for f in figures(content)]
    text = _environment().get_template("report.html").render(**_context(content), figures=drawn)
    return text.encode("utf-8", "replace")


def markdown(content: Content) -> bytes:
    """``report.md``: the page without its figures; markup in the input is escaped."""
    return _environment().get_template("report.md").render(**_context(content)).encode("utf-8", "replace")
