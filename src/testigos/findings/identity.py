"""Identity: who an object is, by which data, and how sure that is.

An address says which state issued it, never who flies: addresses are copied and mistyped. So the confidence
grows with independent statements that agree, and falls where they contradict each other.
"""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from testigos import words
from testigos.findings.phrases import country_phrase
from testigos.findings.scene import Scene, by_object, frame_ids
from testigos.model import Finding, Method
from testigos.units import LengthUnit
from testigos.world import World
from testigos.world.identity import AddressInfo

__all__ = ["KIND", "METHOD", "RANK", "find", "is_military", "sentence"]

KIND: Final = "identity"
RANK: Final = 1
METHOD: Final = Method("identity: address, call sign, aggregator and databases side by side", "1")


def is_military(row: Mapping[str, Any], world: World) -> bool:
    """Does anything call this object military?

    ``row``: ``object_id``, ``callsign``, ``military``, ``type_code`` as reported (each may be null).
    """
    if row["military"] or world.identity.who(row["object_id"]).military:
        return True
    operator = world.identity.operator(row["callsign"])
    kind = world.identity.aircraft_type(row["type_code"])
    return bool((operator and operator.military) or (kind and kind.military))


def _said(table: pl.DataFrame, column: str) -> list[Any]:
    """Distinct values of a column, the most frequent first."""
    counts = table[column].drop_nulls().value_counts().sort(["count", column], descending=[True, False])
    return counts[column].to_list()


def _identity(subject: str, table: pl.DataFrame, scene: Scene) -> Finding:
    identity = scene.world.identity
    known: AddressInfo = identity.who(subject)
    signs, registrations, types = (_said(table, c) for c in ("callsign", "registration", "type_code"))
    reasons = list(known.basis)
    caveats = ["an address can be copied or set wrong; nothing here proves which airframe transmitted"]
    agree, contradict = 0, 0

    type_code = types[0] if types else known.type_code
    if types and known.type_code:
        agree, contradict = _weigh(types[0] == known.type_code, agree, contradict)
    registration = registrations[0] if registrations else known.registration
    if registrations and known.registration:
        agree, contradict = _weigh(registrations[0] == known.registration, agree, contradict)
    if types or registrations:
        reasons.append("the feed's own database gives " + " and ".join(str(v) for v in (*registrations, *types)))

    operators = [o for o in map(identity.operator, signs) if o is not None]
    for operator in {o.prefix: o for o in operators}.values():
        reasons.append(f"call sign prefix {operator.prefix} is of {operator.name}")
        if known.country_iso2 and operator.country_iso2:
            agree, contradict = _weigh(operator.country_iso2 == known.country_iso2, agree, contradict)
    kind = identity.aircraft_type(type_code)
    said_military = [m for m in (known.military, True if table["military"].any() else None) if m is not None]
    said_military += [True for o in operators if o.military] + [True for k in (kind,) if k and k.military]
    military = any(said_military) if said_military else None
    if table["military"].any():
        reasons.append("the feed marks it as military")
    if said_military.count(True) > 1:
        agree += 1
    name, role = kind.as_flown(military, known.country_iso2) if kind else (None, None)
    if contradict:
        caveats.append("statements about it contradict each other; see the reasons")
    if len(signs) > 1:
        caveats.append("it used more than one call sign")
    details = {
        "callsigns": signs,
        "registration": registration,
        "type_code": type_code,
        "type_name": name,
        "role": role,
        "country_iso2": known.country_iso2,
        "country": known.country,
        "military": military,
        "operator": known.operator or (operators[0].name if operators else None),
    }
    named = table.filter(pl.any_horizontal(pl.col("callsign", "registration", "type_code").is_not_null()))
    return Finding(
        kind=KIND,
        subjects=(subject,),
        start_ns=int(table["time_ns"][0]),
        end_ns=int(table["time_ns"][-1]),
        confidence=_confidence(known.country_iso2 is not None, type_code is not None, agree, contradict),
        method=METHOD,
        details=details,
        reasons=tuple(reasons),
        caveats=tuple(caveats),
        evidence=frame_ids((named if len(named) else table)[:1]),
        data=tuple(identity.sources),
    )


def _weigh(same: bool, agree: int, contradict: int) -> tuple[int, int]:
    return (agree + 1, contradict) if same else (agree, contradict + 1)


def _confidence(state: bool, kind: bool, agree: int, contradict: int) -> float:
    """Own rule, uncalibrated: an address in a known block 0.5, a type 0.2 more; 0.1 for each agreement."""
    base = 0.3 + 0.2 * state + 0.2 * kind + 0.1 * min(agree, 2) - 0.25 * min(contradict, 2)
    return round(min(0.9, max(0.1, base)), 2)


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """One finding for each object that has a row in ``tracks`` (columns of ``schema.TRACKS``)."""
    return [_identity(subject, table, scene) for subject, table in by_object(tracks)]


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """Who it is, as far as data says."""
    details = finding.details
    subject = words.name(finding.subjects[0])
    kind = details.get("type_name") or details.get("type_code")
    text = (
        f"{subject} is {words.an(words.name(kind))}"
        if kind
        else f"{subject} is an aircraft of a type that no data set names"
    )
    if finding.confidence < 0.7 and kind:
        text = f"{subject} appears to be {words.an(words.name(kind))}"
    extra = []
    if details.get("registration"):
        extra.append(f"registration {words.name(details['registration'])}")
    if details.get("operator"):
        extra.append(f"operator {words.name(details['operator'])}")
    country = details.get("country") or details.get("country_iso2")
    if country:
        extra.append(f"an address of {country_phrase(words.name(country))}")
    if details.get("military"):
        extra.append("military")
    if extra:
        text += f" ({', '.join(extra)})"
    signs = [words.name(s) for s in details.get("callsigns") or ()]
    if signs:
        text += f", flying as {words.join(signs)}"
    return text + "."
