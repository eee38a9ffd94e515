"""Verdicts as files: for programs, for readers, as schema.org ClaimReview, and as W3C PROV.

Sources: schema.org, ClaimReview, Claim and Rating (required by those who show them: ``claimReviewed``, ``reviewRating``
with ``alternateName``, ``url``); W3C, PROV-O: The PROV Ontology (2013), written as JSON-LD with its context inside.

The ``url`` of a ClaimReview must be the page on which it is published. Nobody knows that here, so it is the place of
the verdict in this folder; put your own before you publish.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import msgspec

from testigos import words
from testigos.claims.model import Claim, Part, Verdict
from testigos.claims.read import claims_json, kept_json
from testigos.findings.scene import finding_ids
from testigos.model import Finding

__all__ = ["FILES", "SAID", "claim_files", "claimreview", "lines", "prov", "topics", "verdicts_json", "verdicts_md"]

#: What ``claim_files`` gives: claims as they were read, verdicts for programs and readers, and two exchange formats.
FILES: Final = ("claims.json", "verdicts.json", "verdicts.md", "claimreview.jsonld", "prov.jsonld")
SAID: Final = {
    "supported": "supported",
    "contradicted": "contradicted",
    "partly": "partly supported",
    "not_observable": "not observable",
}
_RATING: Final = {"supported": 5, "partly": 3, "contradicted": 1}  # what is not observable has no number
_SIMULATED: Final = "Simulated: these verdicts rest on invented tracks and are evidence of nothing."
_MARKUP: Final = str.maketrans({c: f"\\{c}" for c in "\\`*_[]<>#|"})


def _part(part: Part) -> dict[str, Any]:
    return {
        "ruling": part.ruling,
        "subject": part.subject,
        "because": part.because,
        "measure": None if part.measure is None else part.measure.as_dict(),
        "findings": list(part.findings),
        "evidence": list(part.evidence),
        "confidence": part.confidence,
        "change": part.change,
        "caveats": list(part.caveats),
    }


def verdicts_json(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Verdicts as plain objects; lengths are metres, durations and times of day seconds, times ISO 8601 UTC."""
    told = claims_json([v.claim for v in verdicts])
    return [
        {
            "claim": claim,
            "verdict": verdict.ruling,
            "because": verdict.because,
            "confidence": verdict.confidence,
            "change": verdict.change,
            "readings": [{"says": r.says, "verdict": r.ruling} for r in verdict.readings],
            "parts": [_part(p) for p in verdict.parts],
            "findings": list(verdict.findings),
            "evidence": list(verdict.evidence),
            "caveats": list(verdict.caveats),
        }
        for claim, verdict in zip(told, verdicts, strict=True)
    ]


def topics(verdicts: Sequence[Verdict]) -> list[tuple[str, list[Verdict]]]:
    """Verdicts by the topic of their claims, so that statements that conflict stand side by side; in their order."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.claim.topic, []).append(verdict)
    return list(found.items())


def _source(claim: Claim) -> str:
    return ", ".join(words.name(t, 200) for t in (claim.source, claim.date) if t)


def lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Verdicts as they are printed."""
    told: list[str] = []
    for topic, several in topics(verdicts):
        if topic:
            told.append(words.name(topic, 200))
        for verdict in several:
            source = _source(verdict.claim)
            told.append(
                f"{SAID[verdict.ruling].upper()}: “{words.name(verdict.claim.text, 400)}”"
                + (f" ({source})" if source else "")
            )
            told.append(f"  {verdict.because}")
            told += [f"  Read {r.says}: {SAID[r.ruling]}." for r in verdict.readings if r.ruling != verdict.ruling]
            told.append(f"  What would change it: {verdict.change}.")
    return told


def verdicts_md(verdicts: Sequence[Verdict], simulated: bool) -> str:
    """Verdicts for readers, as Markdown."""

    def safe(text: object) -> str:
        return words.name(text, 1000).translate(_MARKUP)

    told = ["# Verdicts", ""]
    if simulated:
        told += [f"**{_SIMULATED}**", ""]
    for topic, several in topics(verdicts):
        if topic:
            told += [f"## {safe(topic)}", ""]
        for verdict in several:
            claim = verdict.claim
            told += [f"### {safe(claim.text)}", ""]
            told.append(f"- **{SAID[verdict.ruling].capitalize()}.** {safe(verdict.because)}")
            if claim.source or claim.date:
                told.append(f"- Said by: {safe(_source(claim))}")
            if claim.quotation:
                told.append(f"- In their words: “{safe(claim.quotation)}”")
            told += [f"- How it was read: {safe(n)}." for n in claim.notes]
            told += [f"- Read {safe(r.says)}: {SAID[r.ruling]}." for r in verdict.readings]
            told.append(f"- What would change it: {safe(verdict.change)}.")
            told += [f"- Note: {safe(c).rstrip('.')}." for c in verdict.caveats]
            if verdict.findings:
                told.append(f"- Rests on: {', '.join(verdict.findings)}")
            if verdict.evidence:
                told.append(f"- Deciding frames: {', '.join(f'`{e}`' for e in verdict.evidence[:20])}")
            told.append("")
    return "\n".join(told)


def _page(verdict: Verdict) -> str:
    return f"verdicts.json#{verdict.claim.id}"


def _review(verdict: Verdict, simulated: bool) -> dict[str, Any]:
    claim = verdict.claim
    item: dict[str, Any] = {"@type": "Claim", "text": claim.text}
    if claim.source:
        item["author"] = {"@type": "Thing", "name": claim.source}
    if claim.date:
        item["datePublished"] = claim.date
    if claim.url:
        item["appearance"] = {"@type": "CreativeWork", "url": claim.url}
    rating: dict[str, Any] = {
        "@type": "Rating",
        "alternateName": SAID[verdict.ruling],
        "ratingExplanation": verdict.because,
    }
    if verdict.ruling in _RATING:
        rating |= {"ratingValue": _RATING[verdict.ruling], "bestRating": 5, "worstRating": 1}
    review: dict[str, Any] = {
        "@type": "ClaimReview",
        "@id": f"#review-{claim.id}",
        "url": _page(verdict),
        "claimReviewed": claim.text,
        "itemReviewed": item,
        "reviewRating": rating,
        "author": {"@type": "SoftwareApplication", "name": "Testigos", "softwareVersion": version("testigos")},
        "reviewBody": f"{verdict.because} What would change it: {verdict.change}.",
    }
    if simulated:
        review["disambiguatingDescription"] = _SIMULATED
    return review


def claimreview(verdicts: Sequence[Verdict], simulated: bool) -> dict[str, Any]:
    """All verdicts as schema.org ClaimReview, in JSON-LD."""
    return {"@context": "https://schema.org", "@graph": [_review(v, simulated) for v in verdicts]}


def prov(verdicts: Sequence[Verdict], findings: Mapping[str, Finding], simulated: bool) -> dict[str, Any]:
    """Where each verdict comes from, as W3C PROV-O in JSON-LD: claims, findings, frames, data sets, this program."""
    links = ("wasGeneratedBy", "wasDerivedFrom", "wasAttributedTo", "used", "wasAssociatedWith")
    context: dict[str, Any] = {
        "prov": "http://www.w3.org/ns/prov#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "label": "rdfs:label",
        "value": "prov:value",
    } | {name: {"@id": f"prov:{name}", "@type": "@id"} for name in links}
    program, check = f"urn:testigos:{version('testigos')}", "#check"
    used: dict[str, None] = {}
    graph: list[dict[str, Any]] = []
    named: dict[str, dict[str, Any]] = {}
    agents: dict[str, str] = {}

    def entity(key: str, **more: Any) -> str:
        named.setdefault(key, {"@id": key, "@type": "prov:Entity", **more})
        used[key] = None
        return key

    for verdict in verdicts:
        claim = verdict.claim
        of = entity(f"claims.json#{claim.id}", label=claim.text)
        if claim.source:
            agent = agents.setdefault(claim.source, f"#source-{len(agents) + 1}")
            named.setdefault(agent, {"@id": agent, "@type": "prov:Agent", "label": claim.source})
            named[of]["wasAttributedTo"] = agent
        sources = [of]
        for number in verdict.findings:
            frames = [f"urn:testigos:frame:{e}" for e in findings[number].evidence]
            data = [f"urn:sha256:{d.sha256}" for d in findings[number].data]
            for d in findings[number].data:
                entity(f"urn:sha256:{d.sha256}", label=f"{d.name} {d.version}")
            for frame in frames:
                entity(frame)
            entity(f"findings.json#{number}", label=findings[number].method.name, wasDerivedFrom=[*frames, *data])
            sources.append(f"findings.json#{number}")
        sources += [entity(f"urn:testigos:frame:{e}") for e in verdict.evidence]
        graph.append(
            {
                "@id": _page(verdict),
                "@type": "prov:Entity",
                "label": f"{SAID[verdict.ruling]}: {claim.text}",
                "value": verdict.ruling,
                "wasGeneratedBy": check,
                "wasAttributedTo": program,
                "wasDerivedFrom": list(dict.fromkeys(sources)),
            }
        )
    activity = {"@id": check, "@type": "prov:Activity", "label": "claims held against findings", "used": list(used),
                "wasAssociatedWith": program}  # fmt: skip
    agent_of = {
        "@id": program,
        "@type": ["prov:Agent", "prov:SoftwareAgent"],
        "label": f"Testigos {version('testigos')}",
    }
    told: dict[str, Any] = {"@context": context, "@graph": [agent_of, activity, *graph, *named.values()]}
    if simulated:
        activity["label"] = f"{activity['label']}. {_SIMULATED}"
    return told


def _pretty(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def claim_files(verdicts: Sequence[Verdict], findings: Sequence[Finding], simulated: bool) -> dict[str, bytes]:
    """Name and bytes of every file that verdicts come to. ``findings`` are all of the report, in their order."""
    by_id = dict(zip(finding_ids(findings), findings, strict=True))
    return {
        "claims.json": kept_json([v.claim for v in verdicts]),
        "verdicts.json": _pretty(verdicts_json(verdicts)),
        "verdicts.md": verdicts_md(verdicts, simulated).encode(),
        "claimreview.jsonld": _pretty(claimreview(verdicts, simulated)),
        "prov.jsonld": _pretty(prov(verdicts, by_id, simulated)),
    }
