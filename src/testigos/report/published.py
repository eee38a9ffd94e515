"""Findings as they are published: ``findings.json`` and what its schema promises."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import msgspec

from testigos.findings.scene import finding_ids, sentence
from testigos.model import DataSource, Finding, Method, iso_utc
from testigos.report.subjects import subjects
from testigos.units import LengthUnit

__all__ = ["findings_json", "json_schema", "pretty_json", "published"]


def _plain(value: Any) -> Any:
    """Only what JSON has: mappings, lists, text, numbers, booleans, null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


def _data(source: DataSource) -> dict[str, Any]:
    return {"name": source.name, "version": source.version, "sha256": source.sha256}


def _method(method: Method) -> dict[str, Any]:
    return {"name": method.name, "version": method.version}


def published(findings: Sequence[Finding], unit: LengthUnit) -> list[dict[str, Any]]:
    """The findings as plain objects, as in ``findings.schema.json``; lengths are metres, times ISO 8601 UTC.

    ``unit`` is for the sentences only.
    """
    labels = {s.object_id: s.label for s in subjects(findings)}
    made = []
    for number, finding in zip(finding_ids(findings), findings, strict=True):
        item: dict[str, Any] = {
            "kind": finding.kind,
            "id": number,
            "subjects": list(finding.subjects),
            "start": iso_utc(finding.start_ns),
            "end": iso_utc(finding.end_ns),
            "place": _plain(finding.place),
            "measures": {name: measure.as_dict() for name, measure in finding.measures.items()},
            "confidence": finding.confidence,
            "reasons": list(finding.reasons),
            "caveats": list(finding.caveats),
            "evidence": list(finding.evidence),
            "method": _method(finding.method),
            "data": [_data(d) for d in finding.data],
            "sentence": sentence(finding, labels, unit),
            "details": _plain(finding.details),
        }
        if finding.kind == "sortie":
            item["departure"] = _plain(finding.departure)
            item["arrival"] = _plain(finding.arrival)
        made.append(item)
    return made


def pretty_json(value: Any) -> bytes:
    """Indented JSON that ends in a line end; the same value gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def findings_json(findings: Sequence[Finding], unit: LengthUnit) -> bytes:
    """The bytes of ``findings.json``."""
    return pretty_json(published(findings, unit))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ``findings.json``.

    >>> json_schema()["type"]
    'array'
    """
    text = files("testigos.report").joinpath("findings.schema.json").read_bytes()
    schema: dict[str, Any] = msgspec.json.decode(text)
    return schema
