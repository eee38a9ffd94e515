"""Sequence: how sorties relate to each other, in time and in place.

Only sorties of aircraft that something calls military are related, or those asked for by name: between any two of a
day's airliners there is some relation. Sorties of one type, with one beginning (the same airfield, or in the air), that
began within ``WAVE_S`` of the one before are a *group*. Three relations, own rules:

- ``departed_after``: the first group that left an airfield (bombers before others, as in the paragraph), and another
  that left an airfield within ``SAME_DAY_S`` of it. The delay is from every departure of one to every one of the other:
  its value the middle of all, its interval the least and the greatest, and ``LATE_S`` on either side, since a departure
  is the first fix in the air, which comes late.
- ``same_area``: two groups whose nearest approaches to one place were both within ``AREA_M`` of it and at least
  ``APART_S`` apart. The interval of the days between is from their members, and holds the time that a nearest fix
  stands for: the longest silence at it.
- ``toward``: a sortie that was lost in the air, when all airfields of ``AHEAD_M`` ahead, within ``AHEAD_DEG`` of its
  last course, are of one country or territory. It says where it was heading, not where it went.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product
from statistics import median
from typing import Any, Final

import numpy as np
import polars as pl

from testigos import words
from testigos.findings.phrases import country_phrase, deciding_time, end_phrase, end_time, place_phrase
from testigos.findings.scene import Scene, finding_ids, frame_ids, in_question
from testigos.geo import inverse_arrays
from testigos.model import Finding, Interval, Method
from testigos.units import NMI_M, S_NS, LengthUnit
from testigos.world.coast import countries_at

__all__ = ["KIND", "METHOD", "RANK", "find", "sentence"]

KIND: Final = "sequence"
RANK: Final = 10
METHOD: Final = Method("sequence: groups of sorties, their delays, areas and last courses", "1")

WAVE_S: Final = 3_600.0
LATE_S: Final = 60.0
SAME_DAY_S: Final = 12 * 3_600.0
APART_S: Final = 20 * 3_600.0
AREA_M: Final = 200 * NMI_M
AHEAD_M: Final = 100_000.0  #: as far as the airfields in the evidence reach
AHEAD_DEG: Final = 20.0
_DAY_S: Final = 86_400.0
_BROAD: Final = {"mainland": 1, "country": 2}
_ROLES: Final = ("bomber", "fighter", "attack", "tanker", "reconnaissance", "maritime patrol", "relay", "transport")


@dataclass(frozen=True)
class _Group:
    """Sorties of one type with one beginning, and the ids of what they rest on."""

    type_name: str | None
    role: str | None
    sorties: tuple[tuple[str, Finding], ...]

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(sorted({s for _, f in self.sorties for s in f.subjects}))

    @property
    def departures_ns(self) -> list[int]:
        return sorted(end_time(f.departure, f.start_ns) for _, f in self.sorties)

    @property
    def airfield(self) -> Mapping[str, Any] | None:
        departure = self.sorties[0][1].departure or {}
        return departure if departure.get("status") == "airfield" else None

    @property
    def rank(self) -> tuple[int, int]:
        return (_ROLES.index(self.role) if self.role in _ROLES else len(_ROLES), self.departures_ns[0])

    def told(self) -> dict[str, Any]:
        """What wording needs."""
        return {
            "subjects": list(self.subjects),
            "type_name": self.type_name,
            "departure": dict(self.airfield) if self.airfield else None,
        }


def _groups(scene: Scene) -> list[_Group]:
    identities = {f.subjects[0]: f.details for f in scene.found if f.kind == "identity"}
    asked = set(scene.question.subjects)
    by: dict[tuple[str | None, str | None, str], list[tuple[str, Finding]]] = {}
    for number, finding in zip(finding_ids(scene.found), scene.found, strict=True):
        subject = finding.subjects[0] if finding.subjects else ""
        who = identities.get(subject, {})
        if finding.kind != "sortie" or not (who.get("military") or subject in asked):
            continue
        departure = finding.departure or {}
        field = str(departure.get("icao")) if departure.get("status") == "airfield" else ""
        by.setdefault((who.get("type_name"), who.get("role"), field), []).append((number, finding))
    groups = []
    for (name, role, _), sorties in by.items():
        sorties.sort(key=lambda s: (end_time(s[1].departure, s[1].start_ns), s[0]))
        wave = [sorties[0]]
        for before, sortie in pairwise(sorties):
            apart_ns = end_time(sortie[1].departure, sortie[1].start_ns) - end_time(
                before[1].departure, before[1].start_ns
            )
            if apart_ns > WAVE_S * S_NS:
                groups.append(_Group(name, role, tuple(wave)))
                wave = []
            wave.append(sortie)
        groups.append(_Group(name, role, tuple(wave)))
    return sorted(groups, key=lambda g: (g.rank, g.subjects))


def _evidence(findings: Sequence[Finding], first: bool) -> tuple[str, ...]:
    """The first or last frames of findings."""
    return tuple(dict.fromkeys(f.evidence[0 if first else -1] for f in findings if f.evidence))


def _departed_after(groups: Sequence[_Group]) -> Iterator[Finding]:
    leaving = [g for g in groups if g.airfield is not None]
    for lead in leaving[:1]:
        for other in leaving[1:]:
            delays = [(b - a) / S_NS for a, b in product(lead.departures_ns, other.departures_ns)]
            if abs(median(delays)) > SAME_DAY_S:
                continue
            both = [*lead.sorties, *other.sorties]
            yield Finding(
                kind=KIND,
                subjects=(*lead.subjects, *other.subjects),
                start_ns=min(lead.departures_ns[0], other.departures_ns[0]),
                end_ns=max(lead.departures_ns[-1], other.departures_ns[-1]),
                confidence=min(f.confidence for _, f in both),
                method=METHOD,
                measures={"delay": _interval(delays)},
                details={
                    "relation": "departed_after",
                    "first": lead.told(),
                    "second": other.told(),
                    "of": [n for n, _ in both],
                },
                reasons=(f"{len(delays)} pairs of departures",),
                caveats=("a departure is the first fix in the air", "that one followed the other proves no purpose"),
                evidence=_evidence([f for _, f in both], True),
            )


def _interval(delays: Sequence[float]) -> Interval:
    return Interval(round(median(delays), 3), "s", round(min(delays) - LATE_S, 3), round(max(delays) + LATE_S, 3), 0.95)


_Approaches = Mapping[str, list[tuple[str, Finding]]]


def _nearest(group: _Group, approaches: _Approaches, place: str) -> list[tuple[str, Finding]]:
    """Of each sortie its approach to a place, where it came into the area."""
    found = []
    for _, sortie in group.sorties:
        for number, approach in approaches.get(sortie.subjects[0], []):
            value = approach.measures["distance"].value
            if (
                (approach.place or {}).get("name") == place
                and approach.details.get("leg") == sortie.details.get("leg")
                and value is not None
                and value <= AREA_M
            ):
                found.append((number, approach))
    return found


def _same_area(groups: Sequence[_Group], scene: Scene) -> Iterator[Finding]:
    approaches: dict[str, list[tuple[str, Finding]]] = {}
    places: dict[str, Mapping[str, Any]] = {}
    for number, finding in zip(finding_ids(scene.found), scene.found, strict=True):
        if finding.kind == "approach" and finding.place is not None:
            approaches.setdefault(finding.subjects[0], []).append((number, finding))
            places.setdefault(finding.place["name"], finding.place)
    for earlier, later in combinations(sorted(groups, key=lambda g: (g.departures_ns[0], g.subjects)), 2):
        # an island says more than the mainland, and that more than the country
        for name, place in sorted(places.items(), key=lambda p: _BROAD.get(str(p[1].get("kind")), 0)):
            a, b = _nearest(earlier, approaches, name), _nearest(later, approaches, name)
            if not a or not b:
                continue
            apart = [
                (deciding_time(g) - deciding_time(f), _silence_s(f) + _silence_s(g)) for (_, f), (_, g) in product(a, b)
            ]
            if min(t for t, _ in apart) < APART_S * S_NS:
                continue
            days = [t / S_NS / _DAY_S for t, _ in apart]
            slack = [s / _DAY_S for _, s in apart]
            both = [*a, *b]
            yield Finding(
                kind=KIND,
                subjects=(*earlier.subjects, *later.subjects),
                start_ns=min(deciding_time(f) for _, f in a),
                end_ns=max(deciding_time(f) for _, f in b),
                confidence=min(f.confidence for _, f in both),
                method=METHOD,
                measures={
                    "days_before": Interval(
                        round(median(days), 4), "d",
                        round(min(d - s for d, s in zip(days, slack, strict=True)), 4),
                        round(max(d + s for d, s in zip(days, slack, strict=True)), 4), 0.95,
                    ),
                    "earlier_distance": min((f.measures["distance"] for _, f in a), key=lambda m: m.value or 0.0),
                    "later_distance": min((f.measures["distance"] for _, f in b), key=lambda m: m.value or 0.0),
                },
                place={k: place.get(k) for k in ("name", "kind", "country")},
                details={
                    "relation": "same_area",
                    "first": earlier.told(),
                    "second": later.told(),
                    "of": [n for n, _ in both],
                },
                reasons=(f"both came within {AREA_M / NMI_M:.0f} nautical miles of it",),
                caveats=("others may have been there between, unseen",),
                evidence=(*_evidence([f for _, f in a], True), *_evidence([f for _, f in b], True)),
            )  # fmt: skip
            break


def _silence_s(approach: Finding) -> float:
    """How long before or after its nearest fix an aircraft may really have been nearest."""
    hole = approach.details.get("gap")
    return float(hole["seconds"]) if hole else 60.0


def _toward(group: _Group, tracks: pl.DataFrame, scene: Scene) -> Iterator[Finding]:
    for number, sortie in group.sorties:
        arrival = sortie.arrival or {}
        if arrival.get("status") != "lost" or arrival.get("on_ground"):
            continue
        rows = tracks.filter(pl.col("object_id") == sortie.subjects[0], pl.col("leg") == sortie.details["leg"])
        last = rows.filter(pl.col("track_deg").is_not_null()).tail(1)
        if not len(last) or sortie.end_ns - int(last["time_ns"][0]) > 60 * S_NS:
            continue
        row = last.row(0, named=True)
        near = scene.world.airfields.within([row["lat_deg"]], [row["lon_deg"]], AHEAD_M)
        if not len(near):
            continue
        way_m, bearing, _ = inverse_arrays(
            np.full(len(near), row["lat_deg"]), np.full(len(near), row["lon_deg"]),
            near["lat_deg"].to_numpy(), near["lon_deg"].to_numpy(),
        )  # fmt: skip
        off = np.abs((np.asarray(bearing) - row["track_deg"] + 180.0) % 360.0 - 180.0)
        ahead = np.flatnonzero((off <= AHEAD_DEG) & (way_m <= AHEAD_M))
        # by time zone, which tells territories apart
        countries = {str(c) for c in countries_at(near["lat_deg"].to_numpy()[ahead], near["lon_deg"].to_numpy()[ahead])}
        if len(countries) != 1:
            continue
        code = countries.pop()
        names = {r["iso2"]: r["name"] for r in scene.world.identity.countries.iter_rows(named=True)}
        at = ahead[int(np.argmin(way_m[ahead]))]
        yield Finding(
            kind=KIND,
            subjects=sortie.subjects,
            start_ns=int(row["time_ns"]),
            end_ns=sortie.end_ns,
            confidence=0.7,
            method=METHOD,
            measures={
                "distance": Interval(round(float(way_m[at]), 1), "m"),
                "course_error": Interval(round(float(off[at]), 1), "deg"),
            },
            place={"name": names.get(code, code), "country": code},
            details={
                "relation": "toward",
                "first": group.told(),
                "airfield": near["name"][int(at)],
                "airfields_ahead": len(ahead),
                "of": [number],
            },
            reasons=(
                f"all {len(ahead)} airfields within {AHEAD_M / 1000:.0f} km and {AHEAD_DEG:.0f} degrees of its last "
                f"course are in {names.get(code, code)}",
            ),
            caveats=("where it went is not observable; it may have turned",),
            evidence=frame_ids(last),
            data=(scene.world.airfields.source,),
        )


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """Relations between the groups of sorties in ``scene.found``, in the order of this module's list."""
    groups = _groups(scene)
    usable = in_question(tracks, scene)
    return [
        *_departed_after(groups),
        *_same_area(groups, scene),
        *(finding for group in groups for finding in _toward(group, usable, scene)),
    ]


def _who(group: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """At least so many of a type, by their call signs."""
    labels = [names[s] for s in group["subjects"]]
    noun = words.name(group["type_name"]).removesuffix(" family") if group["type_name"] else "aircraft of unknown type"
    if len(labels) == 1:
        return f"{words.an(noun) if group['type_name'] else noun}, {labels[0]},"
    many = f"at least {words.count(len(labels))} {words.plural(noun) if group['type_name'] else noun}"
    return f"{many}, {words.join(labels)}," if len(labels) <= 4 else many


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """The relation in words."""
    details: Mapping[str, Any] = finding.details
    first = details["first"]
    if details["relation"] == "toward":
        way = finding.measures["distance"].value
        assert way is not None
        where = country_phrase(words.name((finding.place or {})["name"]))
        text = (
            f"{names[finding.subjects[0]]} was last seen heading toward {where}, "
            f"{words.length(way, unit)} from the nearest airfield ahead"
        )
        return text[0].upper() + text[1:] + "."
    second = details["second"]
    if details["relation"] == "departed_after":
        delay = finding.measures["delay"]
        assert delay.value is not None
        order = "after" if delay.value >= 0 else "before"
        low, high = sorted((abs(delay.low or 0.0), abs(delay.high or 0.0)))
        text = (
            f"{_who(second, names)} {end_phrase(second['departure'], True)} some {words.duration(abs(delay.value))} "
            f"{order} {_who(first, names)} {end_phrase(first['departure'], True)} "
            f"({words.duration(low)} to {words.duration(high)})"
        )
        return text[0].upper() + text[1:] + "."
    days = finding.measures["days_before"]
    assert days.value is not None
    earlier, later = finding.measures["earlier_distance"], finding.measures["later_distance"]
    return (
        f"{_days(days.value)} earlier, on {words.day(finding.start_ns)}, {_who(first, names)} had come within about "
        f"{_distance(earlier, unit)} of {place_phrase(finding.place)}, and {_who(second, names)} then came "
        f"within about {_distance(later, unit)}."
    )


def _distance(measure: Interval, unit: LengthUnit) -> str:
    assert measure.value is not None
    interval = words.span(measure, unit)
    text = words.length(measure.value, unit, words.decimals(measure, unit))
    return f"{text} ({interval})" if interval else text


def _days(days: float) -> str:
    whole = round(days)
    if whole == 7:
        return "A week"
    return "A day" if whole == 1 else f"{words.count(whole).capitalize()} days"
