"""The paragraph at the head of a report, from findings alone.

Rules (own):

* Aircraft of one type with one beginning (the same airfield, or first seen in the air) are told together, and
  two or more are "at least" so many: nothing proves that there were no others.
* Groups come by role (bombers first, see ``subjects.ROLES``), then by how near they came. Where any aircraft
  is military, the others are only counted. Six groups are told, the rest counted.
* Departures after the first group's are told as minutes later, with the range that the groups' spread gives.
* A group's nearest aircraft is told for each place, the farthest place first. The verb is *suggest* where a
  position is multilaterated or its error assumed, *show* where the aircraft's own quality figures carry it.
* A gap that decides an interval is named. A hard bound is told as *cannot have come nearer than*, its lack as
  *not observable*. Of other groups the nearest aircraft and place is told, up to 200 nautical miles.
* A track that ends in the air was *lost from view*; where it was heading then is told if all airfields ahead are of
  one country.
* Who kept company within a group is told after its departure, the longest company first, at most two; what a tanker
  did, by its grade, after the group's nearest approach; the orbit of others that are not the main group there too.
* A group that was in the same area days before the main one is told last, in one clause, by how long before.
* What integrity tests suspect of a group's positions is told after its course, with a warning where the nearest ones
  are among them; then where it is suspected of having gone dark. The longest two of each.
* Company, tankers, orbits, courses and days before are told in the words of their findings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from testigos import words
from testigos.findings.phrases import (
    bound,
    deciding_time,
    end_phrase,
    end_time,
    is_vague,
    land_note,
    place_phrase,
)
from testigos.findings.scene import finding_ids, sentence
from testigos.model import Finding
from testigos.report.subjects import ROLES, Subject, observed, subjects
from testigos.units import NMI_M, LengthUnit

__all__ = ["Clause", "paragraph", "plain"]

_MAX_GROUPS: Final = 6
_MAX_NAMED: Final = 4
_MAX_COMPANY: Final = 2
_MAX_DOUBTS: Final = 2
_NEAR_M: Final = 200 * NMI_M
_MINUTE_NS: Final = 60_000_000_000


@dataclass(frozen=True)
class Clause:
    """A sentence of the paragraph and the ids of the findings it rests on."""

    text: str
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Group:
    members: tuple[Subject, ...]
    airfield: str | None  # of departure; null where first seen in the air

    @property
    def noun(self) -> str:
        return self.members[0].kind or "aircraft of unknown type"

    @property
    def nearest_m(self) -> float:
        return min(s.nearest_m for s in self.members)

    @property
    def starts_ns(self) -> list[int]:
        return sorted(
            end_time(flown[1].departure, flown[1].start_ns) for s in self.members if (flown := s.sortie()) is not None
        )


def plain(clauses: Sequence[Clause]) -> str:
    """The paragraph as one line of text."""
    return " ".join(c.text for c in clauses)


def _groups(every: Sequence[Subject]) -> list[_Group]:
    keyed: dict[tuple[str, str], list[Subject]] = {}
    for subject in every:
        flown = subject.sortie()
        departure = (flown[1].departure if flown else None) or {}
        field = str(departure.get("icao") or departure.get("name")) if departure.get("status") == "airfield" else ""
        keyed.setdefault((subject.kind or "", field), []).append(subject)
    groups = []
    for (_, field), members in keyed.items():
        members.sort(key=lambda s: (s.nearest_m, s.label, s.object_id))
        groups.append(_Group(tuple(members), field or None))

    def rank(group: _Group) -> tuple[int, float, str, str]:
        role = group.members[0].role
        place = ROLES.index(role) if role in ROLES else len(ROLES)
        return place, group.nearest_m, group.noun, group.members[0].object_id

    return sorted(groups, key=rank)


def _who(group: _Group) -> str:
    """The group as the subject of a sentence, not capitalised."""
    members = group.members
    n = len(members)
    sure = all(s.confidence is None or s.confidence >= 0.7 for s in members)
    if members[0].kind is None:
        text = f"at least {words.count(n)} aircraft of unknown type" if n > 1 else "an aircraft of unknown type"
    elif sure:
        text = f"at least {words.count(n)} {words.plural(group.noun)}" if n > 1 else words.an(group.noun)
    else:
        text = (
            f"what appear to be at least {words.count(n)} {words.plural(group.noun)}"
            if n > 1
            else f"what appears to be {words.an(group.noun)}"
        )
    labels = sorted(s.label for s in members if s.callsigns)
    if labels and len(labels) <= _MAX_NAMED:
        text += f", call sign{'s' if len(labels) > 1 else ''} {words.join(labels)},"
    elif labels:
        text += f", among them {words.join(labels[:_MAX_NAMED])},"
    return text


def _later(reference: Sequence[int], times: Sequence[int]) -> str:
    """How much later ``times`` are than ``reference``: both sorted, in nanoseconds."""
    low, high = (times[0] - reference[-1]) / _MINUTE_NS, (times[-1] - reference[0]) / _MINUTE_NS
    middle = (low + high) / 2
    word = "later" if middle > 0 else "earlier"
    size = abs(middle)
    if size < 2:
        return "at about the same time"
    small, large = (low, high) if middle > 0 else (-high, -low)
    about = round(size / 5) * 5
    if not small <= about <= large:  # a rounder number only where the range has one
        about = round(size)
    text = f"some {about} minutes {word}" if about < 180 else f"some {words.duration(size * 60)} {word}"
    if round(small) != round(large) and small >= 0 and about < 180:
        text += f" ({round(small)} to {round(large)} minutes)"
    return text


def _departure(group: _Group, reference: _Group | None, day: str) -> Clause | None:
    """Who it was and where from; null where the group has no sortie."""
    flown = [(s, f) for s in group.members if (f := s.sortie()) is not None]
    if not flown:
        return None
    rests_on = tuple(n for s, f in flown for n in ((s.identity[0],) if s.identity else ()) + (f[0],))
    times = group.starts_ns
    own_day = words.day(times[0])
    on_day = "" if own_day == day else f" on {own_day}"
    if group.airfield is not None:
        text = f"{_who(group)} {end_phrase(flown[0][1][1].departure, True)}"
        at = f"at {words.clocks(times)}{on_day}"
        if reference is not None:
            at = f"{_later(reference.starts_ns, times)}, {at}"
        return Clause(f"{text} {at}.", rests_on)
    if len(flown) == 1:
        return Clause(
            f"{_who(group)} {end_phrase(flown[0][1][1].departure, True)} at {words.minute(times[0])}{on_day}.",
            rests_on,
        )
    return Clause(f"{_who(group)} were first seen in the air, at {words.clocks(times)}{on_day}.", rests_on)


def _track_clause(numbered: Sequence[tuple[str, Finding]], verb_subject: str) -> str:
    """``Tracks, which have ..., suggest that`` for the approaches that the sentence tells."""
    findings = [f for _, f in numbered]
    flaws = []
    holes = [float(f.details["gap"]["seconds"]) for f in findings if f.details.get("gap")]
    if holes:
        flaws.append(f"have {words.gap(max(holes))}")
    sources = {f.details.get("source") for f in findings}
    if "mlat" in sources:
        flaws.append("include multilaterated positions")
    assumed = {f.measures["fix_error"].value for f in findings if f.details.get("radius_basis") == "assumed_by_user"}
    if assumed:
        flaws.append(f"are taken, without proof, to be good to {max(a or 0.0 for a in assumed):,.0f} metres")
    elif "mlat" not in sources and any(is_vague(f) for f in findings):
        flaws.append("do not say how accurate they are")
    vague = any(is_vague(f) for f in findings)
    if vague:
        flaws.append("may not be entirely accurate")
    verb = "suggest" if vague else "show"
    return f"Tracks{f', which {words.join(flaws)},' if flaws else ''} {verb} that {verb_subject}"


def _approach(group: _Group, unit: LengthUnit) -> list[Clause]:
    """How near the group came: its nearest aircraft for each place, the bound, the territorial sea."""
    best: dict[str, tuple[str, Finding, Subject]] = {}
    for subject in group.members:
        for number, finding in subject.approaches:
            phrase = place_phrase(finding.place)
            if observed(finding) < float("inf") and (
                phrase not in best or observed(finding) < observed(best[phrase][1])
            ):
                best[phrase] = (number, finding, subject)
    if not best:
        return []
    mainland = {(f.start_ns, observed(f)) for _, f, _ in best.values() if (f.place or {}).get("kind") == "mainland"}
    best = {
        phrase: found
        for phrase, found in best.items()
        # where a country's nearest land is its mainland, the mainland says it all
        if (found[1].place or {}).get("kind") != "country" or (found[1].start_ns, observed(found[1])) not in mainland
    }
    told = sorted(best.items(), key=lambda item: (-observed(item[1][1]), item[0]))
    by_subject: dict[str, list[tuple[str, str, Finding]]] = {}
    for phrase, (number, finding, subject) in told:
        by_subject.setdefault(subject.label, []).append((phrase, number, finding))
    clauses = []
    for label, items in by_subject.items():
        numbered = [(n, f) for _, n, f in items]
        parts = []
        at_once = len({deciding_time(f) for _, _, f in items}) == 1
        over = [phrase for phrase, _, f in items if f.details.get("over_land")]
        if any("mainland" in phrase for phrase in over):  # which says it more exactly
            over = [phrase for phrase in over if not phrase.startswith("any land")]
        for i, (phrase, _, finding) in enumerate(i for i in items if not i[2].details.get("over_land")):
            measure = finding.measures["distance"]
            assert measure.value is not None
            digits = words.decimals(measure, unit)
            value = words.length(measure.value, unit, digits) if i == 0 else words.number(measure.value, unit, digits)
            interval = words.span(measure, unit)
            part = f"{value}{f' ({interval})' if interval else ''} of {phrase}{land_note(finding.place)}"
            parts.append(part if at_once else f"{part} at {words.minute(deciding_time(finding))}")
        when = f", at {words.clock(deciding_time(items[0][2]))}" if at_once and parts else ""
        did = [f"came within about {words.join(parts)}"] if parts else []
        did += [f"flew over {words.join(over)}"] if over else []
        text = f"{_track_clause(numbered, label)} {words.join(did)}{when}"
        clauses.append(Clause(text + ".", tuple(n for n, _ in numbered)))
        clauses += _bounds(label, [i for i in items if not i[2].details.get("over_land")], unit)
    sea = _territorial([(phrase, n, f, s.label) for phrase, (n, f, s) in told])
    return clauses + ([sea] if sea else [])


def _bounds(label: str, items: Sequence[tuple[str, str, Finding]], unit: LengthUnit) -> list[Clause]:
    """What it cannot have done, as far as the quality of the fixes allows to say."""
    hard = [(p, f, b) for p, _, f in items if (b := bound(f)) is not None and b.low is not None and b.low > 0]
    rest = [(p, f) for p, _, f in items if (b := bound(f)) is None or not b.low]
    sentences = []
    if hard:
        parts = []
        for i, (phrase, finding, b) in enumerate(hard):
            assert b.low is not None
            digits = words.decimals(finding.measures["distance"], unit)
            value = words.length(b.low, unit, digits, "down") if i == 0 else words.number(b.low, unit, digits, "down")
            parts.append(f"{value} to {phrase}")
        sentences.append(f"It cannot have come nearer than {words.join(parts)}.")
    for known, text in (
        (True, "How much nearer than these intervals it may have come to {} has no certain bound."),
        (False, "How much nearer than it was seen it may have come to {} is not observable."),
    ):
        places = [p for p, f in rest if (f.measures["distance"].low is not None) == known]
        if places:
            sentences.append(
                text.format(words.join(places) if len(places) < max(len(items), 2) else "any of these places")
            )
    return [Clause(" ".join(sentences), tuple(n for _, n, _ in items))] if sentences else []


def _territorial(told: Sequence[tuple[str, str, Finding, str]]) -> Clause | None:
    """Entry into the 12 nautical miles, for the place where it is most in question."""
    ranked = {"entered": 0, "seen_inside": 1, "cannot_tell": 2, "not_entered": 3}
    known = [
        (ranked[str(sea["status"])], number, label, sea, place_phrase(finding.place))
        for _, number, finding, label in told
        if (sea := finding.details.get("territorial_sea") or {}).get("status") in ranked
        and not finding.details.get("over_land")
    ]
    if not known:
        return None
    worst = min(k[0] for k in known)
    label = next(k[2] for k in known if k[0] == worst)
    same = [k for k in known if k[0] == worst and k[2] == label]
    likely = any((k[3].get("level") or 1.0) < 1.0 for k in same)
    of = words.join([k[4] for k in same]).replace(" and ", " or ") if worst == 3 else words.join([k[4] for k in same])
    limit = f"12 nautical miles (the breadth of the territorial sea) of {of}"
    text = (
        f"{label} came within {limit}",
        f"{label} was seen within {limit}",
        f"whether {label} came within {limit} is not observable",
        f"{label} did not come within {limit}",
    )[worst]
    return Clause(f"{'very probably (95 %) ' if likely else ''}{text}.", tuple(k[1] for k in same))


def _nearest_in_brief(group: _Group, unit: LengthUnit) -> Clause | None:
    """One place, one aircraft: enough for a group that the story is not about."""
    candidates = [(observed(f), n, f, s) for s in group.members for n, f in s.approaches if observed(f) < float("inf")]
    if not candidates:
        return None
    nearest_m, number, finding, subject = min(candidates, key=lambda c: (c[0], c[1]))
    if nearest_m > _NEAR_M:
        return None
    measure = finding.measures["distance"]
    assert measure.value is not None
    digits = words.decimals(measure, unit)
    who = subject.label
    if len(group.members) > 1:
        who = f"the nearest of the {words.plural(group.noun) if group.members[0].kind else 'aircraft'}, {who},"
    verb = "appears to have come" if is_vague(finding) else "came"
    if finding.details.get("over_land"):
        verb = "appears to have flown" if is_vague(finding) else "flew"
        return Clause(f"{who} {verb} over {place_phrase(finding.place)}.", (number,))
    interval = words.span(measure, unit)
    longest = finding.measures.get("longest_gap")
    unseen = ""
    if not interval:
        unseen = ", how much nearer is not observable"
        if longest is not None and (longest.value or 0.0) >= 600.0:
            unseen = f", on a track with {words.gap(longest.value or 0.0)};{unseen[1:]}"
    text = (
        f"{who} {verb} within about {words.length(measure.value, unit, digits)}"
        f"{f' ({interval})' if interval else ''} of {place_phrase(finding.place)}{land_note(finding.place)}{unseen}."
    )
    return Clause(text, (number,))


def _arrival(group: _Group) -> Clause | None:
    """Where the sorties ended: landings by airfield, then tracks that were lost in the air."""
    landed: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    lost: list[tuple[str, str, str]] = []
    for subject in sorted(group.members, key=lambda s: s.label):
        flown = subject.sortie()
        if flown is None or flown[1].arrival is None:
            continue
        number, finding = flown
        phrase, when = end_phrase(finding.arrival, False), end_time(finding.arrival, finding.end_ns)
        day = words.day(when)
        begun = words.day(end_time(finding.departure, finding.start_ns))
        later = "" if day == begun else f" on {day}"
        if finding.arrival is not None and finding.arrival.get("status") == "airfield":
            landed.setdefault((phrase, later), []).append((subject.label, number, when))
        else:
            lost.append((subject.label, number, f"{phrase} at {words.minute(when)}{later}"))
    parts = [
        f"{words.join([x[0] for x in items])} {phrase} at {words.clocks(x[2] for x in items)}{later}"
        for (phrase, later), items in landed.items()
    ]
    if len(lost) > 3:
        names = [x[0] for x in lost[:_MAX_NAMED]] + (["others"] if len(lost) > _MAX_NAMED else [])
        parts.append(f"the tracks of {words.join(names)} were lost in the air")
    else:
        parts += [f"{label} {phrase}" for label, _, phrase in lost]
    if not parts:
        return None
    rests_on = tuple(x[1] for items in landed.values() for x in items) + tuple(x[1] for x in lost)
    return Clause("; ".join(parts) + ".", rests_on)


class _Words:
    """Findings that say themselves what they are, by kind, with their ids."""

    def __init__(self, findings: Sequence[Finding], every: Sequence[Subject], unit: LengthUnit) -> None:
        self._numbered = list(zip(finding_ids(findings), findings, strict=True))
        self._names = {s.object_id: s.label for s in every}
        self._unit = unit

    def of(self, kind: str, group: _Group, relation: str | None = None) -> list[tuple[str, Finding]]:
        """Findings of a kind that the group's members are in, the longest first."""
        members = {s.object_id for s in group.members}
        found = [
            (n, f)
            for n, f in self._numbered
            if f.kind == kind and members & set(f.subjects) and f.details.get("relation") == relation
        ]
        return sorted(found, key=lambda item: (item[1].start_ns - item[1].end_ns, item[0]))

    def say(self, number: str, finding: Finding) -> Clause:
        """The finding's own sentence."""
        return Clause(sentence(finding, self._names, self._unit), (number, *finding.details.get("of", ())))


def _company(group: _Group, told: _Words) -> list[Clause]:
    members = {s.object_id for s in group.members}
    own = [(n, f) for n, f in told.of("formation", group) if set(f.subjects) <= members]
    return [told.say(n, f) for n, f in own[:_MAX_COMPANY]]


def _doubts(group: _Group, told: _Words, said: Sequence[Clause]) -> list[Clause]:
    """What is suspected of the group's positions, and where it is suspected of having gone dark.

    ``said`` is what was told of its course: where that rests on suspected positions, it is said.
    """
    clauses = []
    rests_on = {n for clause in said for n in clause.findings}
    for number, finding in told.of("integrity", group)[:_MAX_DOUBTS]:
        clauses.append(told.say(number, finding))
        near = {
            s.label: n
            for s in group.members
            for n, f in s.approaches
            if n in rests_on
            and s.object_id in finding.subjects
            and finding.start_ns <= deciding_time(f) <= finding.end_ns
        }
        if near:
            text = f"How near {words.join(sorted(near))} came is told from positions of that time, and may be wrong."
            clauses.append(Clause(text, (number, *near.values())))
    dark = [(n, f) for n, f in told.of("gap", group) if f.details.get("verdict") == "went_dark"]
    return clauses + [told.say(n, f) for n, f in dark[:_MAX_DOUBTS]]


def _deeds(group: _Group, main: bool, told: _Words) -> list[Clause]:
    """What tankers did, else how others stayed; and where who was lost was heading."""
    fuel = told.of("refuelling", group)
    with_others = [(n, f) for n, f in fuel if len(f.subjects) > 1]
    clauses = [told.say(n, f) for n, f in with_others[:_MAX_COMPANY]]
    if fuel and not with_others:
        clauses.append(_alone(group, fuel))
    if not fuel and not main:
        clauses += [told.say(n, f) for n, f in told.of("orbit", group)[:1]]
    return clauses + [told.say(n, f) for n, f in told.of("sequence", group, "toward")[:1]]


def _alone(group: _Group, stays: Sequence[tuple[str, Finding]]) -> Clause:
    """Tankers on station without a visible partner, together."""
    labels = sorted({s.label for s in group.members for _, f in stays if s.object_id in f.subjects})
    start, end = min(f.start_ns for _, f in stays), max(f.end_ns for _, f in stays)
    one = len(labels) == 1
    return Clause(
        f"{words.join(labels)} {'was' if one else 'were'} on station from {words.minute(start)} to {words.minute(end)}"
        f"{'' if words.day(start) == words.day(end) else f' on {words.day(end)}'}; no partner was visible, and whether "
        f"{'it' if one else 'they'} refuelled one that sent no position is not observable.",
        tuple(n for n, _ in stays) + tuple(i for _, f in stays for i in f.details.get("of", ())),
    )


def _days_before(group: _Group, main: _Group, told: _Words) -> Clause | None:
    """That a group was in the main one's area days before, with when and how near; null where it was not."""
    theirs, ours = {s.object_id for s in group.members}, {s.object_id for s in main.members}
    for number, finding in told.of("sequence", group, "same_area"):
        first, second = (set(finding.details[k]["subjects"]) for k in ("first", "second"))
        if first <= theirs and second <= ours:
            return told.say(number, finding)
    return None


def _comparable(group: _Group, main: _Group) -> bool:
    """Did both leave airfields, within half a day?"""
    both = group.airfield is not None and main.airfield is not None
    return both and abs(group.starts_ns[0] - main.starts_ns[0]) < 720 * _MINUTE_NS


def _course(group: _Group, in_full: bool, unit: LengthUnit) -> list[Clause]:
    """What the group did after its departure."""
    near = _approach(group, unit) if in_full else [_nearest_in_brief(group, unit)]
    return [c for c in (*near, _arrival(group)) if c is not None]


def _capital(clause: Clause) -> Clause:
    if ":" in clause.text.split(" ", 1)[0]:  # an address begins with its authority, in small letters
        return clause
    return Clause(clause.text[:1].upper() + clause.text[1:], clause.findings)


def paragraph(findings: Sequence[Finding], unit: LengthUnit, simulated: bool = False) -> list[Clause]:
    """The paragraph as clauses, each with the ids of its findings (``subjects.finding_ids``).

    It begins with ``SIMULATED:`` where any input says that it is simulated. Without findings it says that
    nothing could be found, never that nothing happened.

    >>> from testigos.units import LENGTH_UNITS
    >>> plain(paragraph([], LENGTH_UNITS["nmi"]))
    'Nothing in these tracks answers the question; that is not proof that nothing was there.'
    """
    every = subjects(findings)
    groups = _groups([s for s in every if s.military] or every)
    clauses: list[Clause] = []
    if not groups:
        clauses.append(
            Clause("Nothing in these tracks answers the question; that is not proof that nothing was there.")
        )
    # The story is about the first group that came near a place, in the order of roles.
    main = next((g for g in groups if g.nearest_m < float("inf")), groups[0] if groups else None)
    told = groups[:_MAX_GROUPS]
    # Departures that are told as "minutes later" follow the one that they are later than.
    says = _Words(findings, every, unit)
    before = {
        id(g): clause
        for g in told
        if main is not None and g is not main and (clause := _days_before(g, main, says)) is not None
    }
    early = [g for g in told if main is not None and (g is main or _comparable(g, main))]
    late = [g for g in told if g not in early and id(g) not in before]
    day = ""
    for group in early:
        first = _departure(group, None if group is main else main, day)
        if first is not None:
            day = day or words.day(group.starts_ns[0])
            clauses.append(first)
            clauses += _company(group, says)
    for group in early:
        course = _course(group, group is main, unit)
        clauses += course + _doubts(group, says, course)
        clauses += _deeds(group, group is main, says)
    for group in late:
        first = _departure(group, None, day)
        if first is not None:
            day = day or words.day(group.starts_ns[0])
            clauses.append(first)
            clauses += _company(group, says)
        course = _course(group, group is main, unit)
        clauses += course + _doubts(group, says, course)
        clauses += _deeds(group, group is main, says)
    clauses += before.values()
    clauses = [_capital(c) for c in clauses]
    rest = len(every) - sum(len(g.members) for g in told)
    if rest:
        them = "other aircraft are" if rest > 1 else "other aircraft is"
        clauses.append(_capital(Clause(f"{words.count(rest)} {them} told of in the findings only.")))
    if simulated and clauses:
        clauses[0] = Clause(f"SIMULATED: {clauses[0].text}", clauses[0].findings)
    return clauses
