"""Claims to verdicts: who is meant, what was found of each, and what that comes to.

Rules (own; a table of them is in ``docs/claims.md``):

- Names (call signs, addresses): every one must fit. All supported: *supported*. One contradicted and none supported:
  *contradicted*. Some of each, or some supported and others open: *partly*.
- "The B-1s": the same, for those that tracks show.
- "A B-1", "at least two B-1s": as many of any must fit. They are never *contradicted* for want of tracks: others can
  have been there unseen, so too few is *not observable*, or *partly* where some were seen. "Exactly" and "at most"
  are contradicted by more.
- A denial turns every part round. "No B-1 …" is contradicted by one; nothing that is not seen supports it.
- What could not have been seen is *not observable*.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from testigos import words
from testigos.claims.case import Case, bearers, case, fits, label, seen_as, told_of
from testigos.claims.english import say_who
from testigos.claims.model import Amount, Claim, Count, Part, Reading, Verdict, Who
from testigos.claims.parts import CONTRADICTED, OPEN, PARTLY, PARTS, SUPPORTED, came_within, company_of, delays
from testigos.claims.parts import refuelled_with as refuelled_with_any
from testigos.findings import Scene
from testigos.model import Finding
from testigos.world import Place

__all__ = ["judge"]

_FLIPPED: Final = {SUPPORTED: CONTRADICTED, CONTRADICTED: SUPPORTED, OPEN: OPEN, PARTLY: OPEN}
_MOST_PARTS: Final = 12  #: told of a claim about any aircraft; those that decide come first
_ORDER: Final = {SUPPORTED: 0, CONTRADICTED: 1, PARTLY: 2, OPEN: 3}

_Ask = Callable[[str], Part]


def judge(claims: Sequence[Claim], findings: Sequence[Finding], tracks: pl.DataFrame, scene: Scene) -> list[Verdict]:
    """A verdict on each claim (see ``read.resolved``), by findings on ``tracks``.

    ``scene`` must know the places that claims name; its question's window is that of the tracks.
    """
    here = case(findings, tracks, scene)
    return [_judged(claim, here) for claim in claims]


def _asker(claim: Claim, here: Case) -> _Ask:
    if claim.what in ("in_company", "refuelled"):
        ask = company_of if claim.what == "in_company" else refuelled_with_any
        others = None if claim.other is None else _meant(claim.other, claim, here)
        return lambda subject: ask(subject, others, claim, here)
    if claim.what == "came_within":
        return lambda subject: came_within(subject, claim, here)
    part = PARTS[claim.what]
    return lambda subject: part(subject, claim, here)


def _meant(who: Who, claim: Claim, here: Case) -> list[str]:
    """Everybody whom a description can mean."""
    if who.named:
        return [s for name in who.named for s in bearers(name, claim.when, here)]
    return seen_as(who, claim.when, here)


def _judged(claim: Claim, here: Case) -> Verdict:
    parts, ruling = _weighed(claim, here)
    readings = tuple(_readings(claim, here))
    deciding = [p for p in parts if p.ruling == ruling] or list(parts)
    kept = sorted(parts, key=lambda p: _ORDER[p.ruling])[:_MOST_PARTS] if not claim.who.named else parts
    sure = [p.confidence for p in deciding] or [0.0]
    because = "; ".join(dict.fromkeys(p.because for p in _told(parts, deciding, ruling)))
    change = next((p.change for p in deciding if p.change), "tracks of this time and area")
    if ruling == PARTLY:
        change = next((p.change for p in parts if p.ruling == OPEN and p.change), change)
    if ruling == OPEN and claim.negated and not claim.who.named and not claim.who.definite:
        because = f"no track shows one; that none was there is not observable{f' ({because})' if because else ''}"
        change = "one track that shows it would contradict the claim; nothing that is not seen can support it"
    caveats = dict.fromkeys(c for p in deciding for c in p.caveats)
    if claim.how_many is not None and claim.how_many.relation == "at_least" and ruling == SUPPORTED:
        caveats["whether there were more is not observable"] = None
    return Verdict(
        claim, ruling, because[:1].upper() + because[1:] + ".", round(min(sure), 3) if ruling != OPEN else 0.0, change,
        tuple(kept), readings, tuple(caveats),
    )  # fmt: skip


def _told(parts: Sequence[Part], deciding: Sequence[Part], ruling: str) -> Sequence[Part]:
    """The parts that a reader needs: those that decide, or some of each kind."""
    if ruling != PARTLY:
        return deciding[:3]
    return [p for kind in _ORDER for p in [q for q in parts if q.ruling == kind][:2]]


def _weighed(claim: Claim, here: Case) -> tuple[list[Part], str]:
    """Parts and what they come to, denials turned round."""
    if claim.what == "left_after":
        return _after(claim, here)
    if claim.what == "in_company" and claim.other is None and len(claim.who.named) > 1:
        return _together(claim, here)
    ask = _asker(claim, here)
    if claim.who.named:
        return _all([p for name in claim.who.named for p in _of_name(name, claim, ask, here)], claim)
    subjects = seen_as(claim.who, claim.when, here)
    parts = [ask(subject) for subject in subjects]
    if claim.who.definite:
        asked = 1 if claim.how_many is None else claim.how_many.n
        if len(subjects) < asked:
            text = f"tracks show {words.count(len(subjects))} of {say_who(claim.who, claim.how_many)}"
            parts.append(Part(OPEN, text, change=f"tracks of {say_who(replace(claim.who, definite=False))}"))
        return _all(parts, claim)
    ruling = _any(parts, claim)
    if ruling == PARTLY and claim.how_many is not None:
        seen = sum(p.ruling == SUPPORTED for p in parts)
        more = "whether there were more" if seen >= claim.how_many.n else "whether others did"
        text = f"tracks show {words.count(seen)}; {more} is not observable"
        parts.append(Part(OPEN, text, change=f"a track of another {say_who(replace(claim.who)).split(' ', 1)[-1]}"))
    return parts, ruling


def _of_name(name: str, claim: Claim, ask: _Ask, here: Case) -> list[Part]:
    """What was found of a call sign or address; of several aircraft that bear it, the one that fits best."""
    subjects = bearers(name, claim.when, here)
    if not subjects:
        shown = name if ":" in name else f"the call sign {name}"
        return [Part(OPEN, f"no track goes by {shown}", change=f"a track of {name}")]
    described = [p for p in (_described(s, claim.who, here) for s in subjects) if p is not None]
    told = [ask(s) for s in subjects]
    best = min(told, key=lambda p: _ORDER[p.ruling] if p.ruling != CONTRADICTED else 9)
    return [best, *described[:1]] if described and claim.what != "was" else [best]


def _described(subject: str, who: Who, here: Case) -> Part | None:
    """A part where data contradict what a name is called."""
    known = here.identity(subject)
    if known is None or not who.described or fits(who, known[1], here) is not False:
        return None
    text = f"data call {label(subject, here)} {told_of(known[1])}"
    return Part(CONTRADICTED, text, subject, None, (known[0],), known[1].evidence[:1], known[1].confidence,
                "another source for its type")  # fmt: skip


def _all(parts: list[Part], claim: Claim) -> tuple[list[Part], str]:
    """Every part must hold."""
    if claim.negated:
        parts = [replace(p, ruling=_FLIPPED[p.ruling]) for p in parts]
    rulings = {p.ruling for p in parts}
    if rulings == {SUPPORTED}:
        return parts, SUPPORTED
    if rulings & {SUPPORTED, PARTLY}:
        return parts, PARTLY
    return parts, CONTRADICTED if CONTRADICTED in rulings else OPEN


def _any(parts: list[Part], claim: Claim) -> str:
    """As many as claimed must hold, whoever they are."""
    count = claim.how_many or Count("at_least", 1)
    seen = sum(p.ruling == SUPPORTED for p in parts)
    if claim.negated:
        return CONTRADICTED if seen else OPEN
    if count.relation != "at_least" and seen > count.n:
        return CONTRADICTED
    if count.relation == "at_most":
        return OPEN
    if seen >= count.n:
        return SUPPORTED if count.relation == "at_least" else PARTLY
    return PARTLY if seen or any(p.ruling == PARTLY for p in parts) else OPEN


def _together(claim: Claim, here: Case) -> tuple[list[Part], str]:
    """Several names in company: each but the first with one of the others."""
    subjects, missing = [], []
    for name in claim.who.named:
        found = bearers(name, claim.when, here)
        subjects.append(found)
        if not found:
            missing.append(Part(OPEN, f"no track goes by {name}", change=f"a track of {name}"))
    parts: list[Part] = []
    for i, mine in enumerate(subjects):
        others = [s for j, theirs in enumerate(subjects) if j != i for s in theirs]
        if i == 0 and len(subjects) == 2:
            continue
        parts += [company_of(s, others, claim, here) for s in mine[:1] if others]
    return _all([*parts, *missing], claim)


def _after(claim: Claim, here: Case) -> tuple[list[Part], str]:
    """A delay: of named or definite groups it can be contradicted, of any aircraft not."""
    assert claim.other is not None
    part = delays(claim, _meant(claim.other, replace(claim, when=None), here), _meant(claim.who, claim, here), here)
    known = all(w.named or w.definite for w in (claim.who, claim.other))
    if part.ruling == CONTRADICTED and not known:
        part = replace(part, ruling=OPEN, because=f"{part.because}; whether others left unseen is not observable")
    parts, ruling = _all([part], claim)
    asked = 1 if claim.how_many is None or claim.negated else claim.how_many.n
    few = asked > len(_meant(claim.who, claim, here))
    return parts, PARTLY if few and ruling == SUPPORTED else ruling


def _readings(claim: Claim, here: Case) -> list[Reading]:
    """Other ways to read a claim, where words leave them open."""
    made = []
    near = claim.how_near
    if claim.what == "came_within" and near is not None and any("statute" in n for n in claim.notes):
        other = replace(claim, how_near=Amount(near.relation, near.value, "nmi"), notes=())
        made.append(Reading("with nautical miles", _weighed(other, here)[1]))
    if claim.what == "came_within" and claim.where is not None:
        place = here.scene.world.resolve(claim.where)
        if place.kind == "country":
            part = place.parts()["mainland"]
            made.append(Reading(f"of the mainland of {place.name} alone", _weighed_at(claim, part, here)))
    return made


def _weighed_at(claim: Claim, part: Place, here: Case) -> str:
    """What a claim comes to if it means that part of a country."""

    def ask(subject: str) -> Part:
        return came_within(subject, claim, here, part)

    if claim.who.named:
        return _all([p for name in claim.who.named for p in _of_name(name, claim, ask, here)], claim)[1]
    parts = [ask(subject) for subject in seen_as(claim.who, claim.when, here)]
    return _all(parts, claim)[1] if claim.who.definite else _any(parts, claim)
