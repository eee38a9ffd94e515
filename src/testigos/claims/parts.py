"""What tracks say of one aircraft and one thing claimed of it: a part of a verdict.

Every function takes a subject and a claim and answers *supported*, *contradicted* or *not observable*. A measure is
held against what the claim allows as an interval: inside it the claim is supported, apart from it contradicted, and
where they overlap nobody can tell. That something did not happen is said only of an aircraft that was in view, or
known to be elsewhere, for the whole time in question.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl

from testigos import geo, words
from testigos.claims.case import AIRFIELD_M, SURE, Case, Nearest, end_span, fits, label, nearest, sorties_of, told_of
from testigos.claims.model import NEAR, Amount, Claim, Part, When
from testigos.findings.phrases import country_phrase, end_phrase, end_time, place_phrase
from testigos.model import Finding, Interval, parse_utc
from testigos.units import DAY_S, KT_MPS, LENGTH_UNITS, NMI_M, S_NS, LengthUnit
from testigos.world import Place
from testigos.world.places import point_place

__all__ = ["PARTS", "clock", "company_of", "delays", "place_of", "unit_of"]

SUPPORTED: Final = "supported"
CONTRADICTED: Final = "contradicted"
PARTLY: Final = "partly"
OPEN: Final = "not_observable"

TURN_S: Final = 1_800.0  #: between two departures an aircraft lands and takes off: no sooner than this. Own rule.
WIDE_S: Final = 12 * 3600.0  #: a time this long is a day's flying, not a moment
APART_M: Final = 5 * NMI_M  #: as far as company reaches (see ``formation``)
AROUND_S: Final = 600.0  #: fixes this long before and after the time help to tell where somebody was in it
_MOST_EVIDENCE: Final = 20


def unit_of(claim: Claim) -> LengthUnit:
    """The unit that the claim uses, for the answer."""
    used = claim.how_near.unit if claim.how_near is not None else "nmi"
    return LENGTH_UNITS["km" if used == "m" else used]


def clock(time_ns: int) -> str:
    """A time as an answer says it."""
    return f"{words.minute(time_ns)} on {words.day(time_ns + 30 * S_NS)}"


def _length(metres: float, unit: LengthUnit) -> str:
    return words.length(metres, unit, 1 if metres < 100 * unit.metres else 0)


def _between(low: float, high: float, unit: LengthUnit) -> str:
    digits = 1 if high - low < 20 * unit.metres else 0
    return f"{words.number(low, unit, digits, 'down')} to {words.length(high, unit, digits, 'up')}"


def _is_wide(when: When | None) -> bool:
    return when is None or when.end_ns - when.start_ns >= WIDE_S * S_NS


def place_of(claim: Claim, here: Case) -> Place:
    """The place a claim names, countries with all their land."""
    assert claim.where is not None
    return here.scene.world.resolve(claim.where)


def _phrase(place: Place) -> str:
    told = place_phrase({"name": place.name, "kind": place.kind, "country": place.country_iso2})
    return told if place.kind in ("country", "mainland") else country_phrase(told)


def _way(near: Nearest, name: str, of: str, unit: LengthUnit) -> str:
    """Where somebody was seen to be nearest, as a clause."""
    measure, at = near.measure, clock(near.time_ns)
    if near.over:
        return f"{name} was observed over {of.removeprefix('any land of ')} at {at}"
    if measure.value is None:
        if measure.low is None:
            return f"{name} was not seen in that time"
        return f"{name} cannot have been nearer than {_length(measure.low, unit)} to {of} then"
    text = f"{name} was observed {_length(measure.value, unit)}"
    if measure.low is not None and measure.high is not None:
        text += f" (95 %: {_between(measure.low, measure.high, unit)})"
    elif measure.high is not None:
        text += f" (95 %: at most {_length(measure.high, unit)})"
    return f"{text} from {of} at {at}"


def _of_near(near: Nearest, subject: str, ruling: str, because: str, change: str) -> Part:
    return Part(ruling, because, subject, near.measure, near.findings, near.evidence[:_MOST_EVIDENCE], near.confidence,
                change, near.caveats)  # fmt: skip


def came_within(subject: str, claim: Claim, here: Case, place: Place | None = None) -> Part:
    """Its nearest approach in the time against the distance claimed."""
    assert claim.how_near is not None
    place = place or place_of(claim, here)
    low, high = claim.how_near.span()
    unit, name, of = unit_of(claim), label(subject, here), _phrase(place)
    found = nearest(subject, place, claim.when, high, here)
    if not found:
        return _unseen(subject, claim, here)
    best = min(found, key=lambda f: (f.measure.high is None, f.measure.high or 0.0))
    if best.measure.high is None:
        best = min(found, key=lambda f: f.measure.value if f.measure.value is not None else float("inf"))
    lows = [f.measure.low for f in found]
    whole = all(f.whole for f in found)
    at_most = best.measure.high
    at_least = min((v for v in lows if v is not None), default=None) if None not in lows else None
    decides = best if at_least is None else min(found, key=lambda f: f.measure.low or 0.0)
    said = _way(best, name, of, unit)
    if at_most is not None and at_most <= high and (low == 0.0 or (at_least is not None and at_least >= low and whole)):
        change = f"proof that the deciding positions are off by more than {_length(high - at_most, unit)}"
        return _of_near(best, subject, SUPPORTED, said, change)
    if at_most is not None and at_most < low:
        change = f"proof that the deciding positions are off by more than {_length(low - at_most, unit)}"
        return _of_near(best, subject, CONTRADICTED, f"{said}, which is nearer", change)
    if at_least is not None and at_least > high and whole:
        nearer = f"nearer than {_length(high, unit)}" if high > 0.0 else "over it"
        change = (
            f"a position of {name} {nearer}, or proof that those at hand are off by more than "
            f"{_length(at_least - high, unit)}"
        )
        part = _of_near(decides, subject, CONTRADICTED, _way(decides, name, of, unit), change)
        return replace(part, caveats=(*part.caveats, "flights of it that are not in these tracks are not observable"))
    if at_least is None and at_most is None:
        change = "positions that say how good they are (or --assume-radius, if you vouch for them)"
        return _of_near(best, subject, OPEN, f"{said}, but nothing says how good its positions are", change)
    if not whole and (at_least is None or at_least > high or (low > 0.0 and at_most is not None and at_most <= high)):
        edge = next(f.open_end for f in found if f.open_end is not None)
        why = f"it was out of view at one end of the time ({clock(edge)}) and could have come as near from there"
        change = f"fixes of {name} {'before' if edge <= best.time_ns else 'after'} {clock(edge)}"
        return _of_near(best, subject, OPEN, f"{said}; {why}", change)
    change = f"fixes of {name} of better quality near {clock(best.time_ns)}"
    if decides.gap is not None:
        change = (
            f"a fix of {name} between {clock(parse_utc(decides.gap[0]))} and {clock(parse_utc(decides.gap[1]))}, "
            "or fixes of better quality"
        )
    return _of_near(best, subject, OPEN, f"{said}; the interval reaches over what is claimed", change)


def _unseen(subject: str, claim: Claim, here: Case) -> Part:
    name = label(subject, here)
    known = [n for n, _ in here.of("sortie", subject)]
    then = f" between {clock(claim.when.start_ns)} and {clock(claim.when.end_ns)}" if claim.when else ""
    return Part(OPEN, f"{name} was not in view{then}", subject, findings=tuple(known[:1]),
                change=f"fixes of {name}{then}")  # fmt: skip


def flew_over(subject: str, claim: Claim, here: Case) -> Part:
    """A fix farther inside than its error, or a bound that keeps it outside."""
    place = place_of(claim, here)
    name, of = label(subject, here), _phrase(place)
    found = nearest(subject, place, claim.when, 0.0, here)
    for near in found:
        if not near.over:
            continue
        leg = next(int(f.details["leg"]) for n, f in here.of("sortie", subject) if n in near.findings)
        rows = here.legs[subject, leg].filter(pl.col("radius95_m").is_not_null())
        if claim.when is not None:
            rows = rows.filter(pl.col("time_ns").is_between(claim.when.start_ns, claim.when.end_ns))
        if not len(rows):
            continue
        lat, lon = rows["lat_deg"].to_numpy(), rows["lon_deg"].to_numpy()
        deep = place.nearest(lat, lon).distance_m - rows["radius95_m"].to_numpy() - place.coast_error_m
        deep = np.where(place.contains(lat, lon), deep, -1.0)
        at = int(deep.argmax())
        if deep[at] > 0.0:
            time = int(rows["time_ns"][at])
            evidence = (f"{int(rows['segment'][at]):016x}:{rows['offset'][at]}",)
            change = f"proof that its positions are off by more than {_length(float(deep[at]), unit_of(claim))}"
            return Part(SUPPORTED, f"{name} was over {of} at {clock(time)}", subject, near.measure, near.findings,
                        evidence, near.confidence, change, near.caveats)  # fmt: skip
        because = f"{name} was observed over {of}, but no farther inside than its positions can be off"
        return _of_near(near, subject, OPEN, because, f"fixes of {name} of better quality near {clock(near.time_ns)}")
    part = came_within(subject, replace(claim, how_near=Amount("within", 0.0, "nmi")), here)
    if part.ruling == SUPPORTED:  # within nothing: on the line itself
        return replace(part, ruling=OPEN)
    return part


def flew(subject: str, claim: Claim, here: Case) -> Part:
    """A fix in the air in that time."""
    for number, sortie in sorties_of(subject, claim.when, here):
        rows = here.legs.get((subject, int(sortie.details["leg"])))
        if rows is None:
            continue
        if claim.when is not None:
            rows = rows.filter(pl.col("time_ns").is_between(claim.when.start_ns, claim.when.end_ns))
        rows = rows.filter(~pl.col("on_ground").fill_null(False))
        if len(rows):
            at = rows.row(0, named=True)
            text = f"{label(subject, here)} was in the air at {clock(at['time_ns'])}"
            return Part(SUPPORTED, text, subject, None, (number,), (f"{at['segment']:016x}:{at['offset']}",),
                        sortie.confidence, "proof that the transmissions are not its own")  # fmt: skip
    return _unseen(subject, claim, here)


def _end(subject: str, claim: Claim, here: Case, departing: bool, code: str) -> Part:
    """A departure from an airfield, or a landing there, against the ends of its sorties."""
    name, when = label(subject, here), claim.when
    did = "left" if departing else "landed at"
    field = words.name((claim.where if code == claim.airfield else claim.other_where) or code)
    field = f"{field.removeprefix('airfield:')} ({code})" if code not in field else field.removeprefix("airfield:")
    sorties = sorties_of(subject, when, here) if _is_wide(when) else here.of("sortie", subject)
    against: list[Part] = []
    open_: list[Part] = []
    for number, sortie in sorties:
        end = (sortie.departure if departing else sortie.arrival) or {}
        span = end_span(sortie, departing)
        inside = when is None or (when.start_ns <= span[0] and span[1] <= when.end_ns)
        apart = when is not None and (span[1] < when.start_ns or span[0] > when.end_ns)
        known = end.get("status") == "airfield" and (end.get("confidence") or 0.0) >= SURE
        evidence = sortie.evidence[:1] if departing else sortie.evidence[-1:]
        edge = sortie.start_ns if departing else sortie.end_ns
        told = f"{name} {end_phrase(end, departing)} at {clock(end_time(end, edge))}"
        measure = Interval(None, "s", round(span[0] / S_NS, 3), round(span[1] / S_NS, 3), 0.95)
        part = Part(OPEN, told, subject, measure, (number,), evidence, float(end.get("confidence") or 0.5))
        right = end.get("icao") == code
        if known and right and inside:
            return replace(part, ruling=SUPPORTED, change=f"proof that another aircraft used the call sign {name}")
        if known and right and not apart:
            open_.append(
                replace(part, change=f"fixes of {name} nearer to its {'take-off' if departing else 'landing'}")
            )
        elif known and when is not None and apart and right:
            off = min(abs(span[0] - when.end_ns), abs(when.start_ns - span[1])) / S_NS
            if off < TURN_S or _on_ground_throughout(sortie, span, when, departing):
                change = f"proof of another flight of {name} from the same airfield at the time claimed"
                against.append(replace(part, ruling=CONTRADICTED, change=change))
            else:
                open_.append(replace(part, change=f"fixes of {name} at the time claimed"))
        elif known and not right and inside:
            against.append(replace(part, ruling=CONTRADICTED, change=f"proof of another flight of {name}"))
        elif not known and not apart:
            open_.append(replace(part, change=f"fixes of {name} {'before' if departing else 'after'} {clock(edge)}"))
    if when is not None and not _is_wide(when) and not against:
        away = _was_away(subject, claim, here)
        if away is not None:
            return replace(away, because=f"{name} was not near {field} then: {away.because}")
    if open_:
        return open_[0]
    if against:
        return against[0]
    part = _unseen(subject, claim, here)
    return replace(part, because=f"no track shows that {name} {did} {field}" + ("" if when is None else " then"))


def _on_ground_throughout(sortie: Finding, span: tuple[int, int], when: When, departing: bool) -> bool:
    """Was it seen to wait on the ground during the time, before it left or after it landed?"""
    if departing:
        return sortie.start_ns <= when.start_ns and when.end_ns < span[0]
    return span[1] < when.start_ns and when.end_ns <= sortie.end_ns


def _was_away(subject: str, claim: Claim, here: Case) -> Part | None:
    """A part that contradicts, where it was seen before and after the time, and cannot have been at the airfield."""
    if claim.airfield_at is None or claim.when is None:
        return None
    place, when = point_place(*claim.airfield_at), claim.when
    for near in nearest(subject, place, when, AIRFIELD_M, here):
        low = near.measure.low
        if near.whole and low is not None and low > AIRFIELD_M:
            text = f"it was at least {_length(low, LENGTH_UNITS['nmi'])} away"
            return _of_near(near, subject, CONTRADICTED, text, "proof of another aircraft of that name")
    return None


def left(subject: str, claim: Claim, here: Case) -> Part:
    """Its departures against the airfield and the time."""
    assert claim.airfield is not None
    return _end(subject, claim, here, True, claim.airfield)


def landed(subject: str, claim: Claim, here: Case) -> Part:
    """Its landings against the airfield and the time."""
    assert claim.airfield is not None
    return _end(subject, claim, here, False, claim.airfield)


def was(subject: str, claim: Claim, here: Case) -> Part:
    """What data say it is."""
    assert claim.other is not None
    known = here.identity(subject)
    if known is None:
        return Part(OPEN, f"no data say what {label(subject, here)} is", subject, change="an aircraft database")
    number, finding = known
    answer = fits(claim.other, finding, here)
    ruling = OPEN if answer is None else SUPPORTED if answer else CONTRADICTED
    text = f"data call {label(subject, here)} {told_of(finding)}"
    if claim.other.military is not None and claim.other.type is None and claim.other.role is None:
        said = finding.details.get("military")
        text = f"{'nothing says whether' if said is None else 'data say that'} {label(subject, here)} is military"
    return Part(ruling, text, subject, None, (number,), finding.evidence[:1], finding.confidence,
                "another source for its type, such as a photograph or a registration",
                ("an address and a type are what feeds and databases say; a transponder can be wrong",))  # fmt: skip


@dataclass(frozen=True)
class _Together:
    number: str
    finding: Finding
    pair: dict[str, Any]


def _pairs(kind: str, here: Case) -> Iterator[_Together]:
    for number, finding in here.of(kind):
        for pair in finding.details.get("pairs") or ():
            yield _Together(number, finding, dict(pair))


def _overlaps(spans: Sequence[dict[str, Any]], when: When | None) -> bool:
    if when is None:
        return True
    return any(parse_utc(s["start"]) <= when.end_ns and parse_utc(s["end"]) >= when.start_ns for s in spans)


def company_of(subject: str, others: Sequence[str] | None, claim: Claim, here: Case) -> Part:
    """Its company with one of others; with anybody where others is null."""
    name = label(subject, here)
    for found in _pairs("formation", here):
        pair = [str(s) for s in found.pair.get("subjects", ())]
        partner = next((s for s in pair if s != subject), None)
        if subject not in pair or partner is None or (others is not None and partner not in others):
            continue
        if not _overlaps(found.pair.get("spans") or [], claim.when):
            continue
        apart = found.pair.get("separation") or {}
        value = apart.get("value")
        text = f"{name} and {label(partner, here)} kept company"
        measure = None
        if value is not None:
            measure = Interval(value, "m", apart.get("low"), apart.get("high"), apart.get("level"))
            text += f", {_length(value, unit_of(claim))} apart (median)"
        spans = found.pair.get("spans") or []
        if spans:
            text += f", from {clock(parse_utc(spans[0]['start']))} to {clock(parse_utc(spans[-1]['end']))}"
        return Part(SUPPORTED, text, subject, measure, (found.number,), found.finding.evidence[:_MOST_EVIDENCE],
                    found.finding.confidence, "proof that the positions of one of them are not its own",
                    found.finding.caveats)  # fmt: skip
    if others is not None and len(others) == 1 and others[0] != subject:
        return _apart(subject, others[0], claim, here)
    return Part(OPEN, f"no company of {name} was seen; who sends no position is not visible", subject,
                change=f"fixes of who was with {name}")  # fmt: skip


def _apart(subject: str, other: str, claim: Claim, here: Case) -> Part:
    """Two that were both in view all the time, and never as near as company is."""
    names = f"{label(subject, here)} and {label(other, here)}"
    shared = f"no company of {names} was seen"
    least, spans = float("inf"), 0
    evidence: tuple[str, ...] = ()
    ids: list[str] = []
    when = claim.when
    mine, theirs = sorties_of(subject, when, here), sorties_of(other, when, here)
    for number, sortie in mine:
        a = _in_time(here.legs.get((subject, int(sortie.details["leg"]))), when)
        if a is None or len(a) < 2:
            continue
        for its_number, its in theirs:
            b = _in_time(here.legs.get((other, int(its.details["leg"]))), when)
            if b is None or len(b) < 2:
                continue
            start, end = max(a["time_ns"][0], b["time_ns"][0]), min(a["time_ns"][-1], b["time_ns"][-1])
            if end <= start:
                continue
            way, row = _least_apart(a, b, int(start), int(end))
            spans += 1
            ids += [number, its_number]
            if way < least:
                least, evidence = way, (f"{int(a['segment'][row]):016x}:{a['offset'][row]}",)
    ends = [f for _, f in (*mine, *theirs)]
    seen = bool(ends) and all(
        _known_end(f, departing) or _covers(f, when, departing) for f in ends for departing in (True, False)
    )
    measure = Interval(None, "m", round(least, 1), None, 0.95) if least < float("inf") else None
    if spans and seen and least > APART_M:
        text = f"{names} were both in view and never nearer than {_length(least, unit_of(claim))}"
        return Part(CONTRADICTED, text, subject, measure, tuple(dict.fromkeys(ids)), evidence, 0.9,
                    "proof that the positions of one of them are not its own")  # fmt: skip
    why = "their silences are long enough to hide it" if seen and spans else "they were not in view all the time"
    return Part(OPEN, f"{shared}; {why}", subject, measure, tuple(dict.fromkeys(ids)), evidence, 0.5,
                f"more fixes of {names}")  # fmt: skip


def _known_end(sortie: Finding, departing: bool) -> bool:
    end = (sortie.departure if departing else sortie.arrival) or {}
    return end.get("status") == "airfield" or bool(end.get("on_ground"))


def _covers(sortie: Finding, when: When | None, departing: bool) -> bool:
    if when is None:
        return False
    return sortie.start_ns <= when.start_ns if departing else sortie.end_ns >= when.end_ns


def _in_time(rows: pl.DataFrame | None, when: When | None) -> pl.DataFrame | None:
    if rows is None or when is None:
        return rows
    inside = (pl.col("time_ns") >= when.start_ns - round(AROUND_S) * S_NS) & (
        pl.col("time_ns") <= when.end_ns + round(AROUND_S) * S_NS
    )
    return rows.filter(inside)


def _least_apart(a: pl.DataFrame, b: pl.DataFrame, start: int, end: int) -> tuple[float, int]:
    """The least distance that two can have had, metres, and the row of ``a`` at which it was."""
    ta, tb = a["time_ns"].to_numpy(), b["time_ns"].to_numpy()
    rows = np.flatnonzero((ta >= start) & (ta <= end))
    after = np.clip(np.searchsorted(tb, ta[rows]), 1, len(tb) - 1)
    before = after - 1
    t = ta[rows]
    share = np.clip((t - tb[before]) / np.maximum(tb[after] - tb[before], 1), 0.0, 1.0)
    lat, lon = b["lat_deg"].to_numpy(), np.degrees(np.unwrap(np.radians(b["lon_deg"].to_numpy())))
    blat, blon = lat[before] + share * (lat[after] - lat[before]), lon[before] + share * (lon[after] - lon[before])
    blon = (blon + 180.0) % 360.0 - 180.0
    way = geo.distance_m(a["lat_deg"].to_numpy()[rows], a["lon_deg"].to_numpy()[rows], blat, blon)
    # of unknown quality: a nautical mile, as for multilaterated ones
    radius = sum(float(x["radius95_m"].cast(pl.Float64).fill_null(NMI_M).to_numpy().max()) for x in (a, b))
    # at 600 knots: in half a silence of the one both move on, and the other can be off the straight between its fixes
    step_a = np.diff(ta[rows], prepend=start, append=end)
    half_a = np.maximum(step_a[:-1], step_a[1:]) / S_NS / 2.0
    step_b = (tb[after] - tb[before]) / S_NS
    least = way - radius - (2.0 * half_a + step_b) * 600.0 * KT_MPS
    if not len(least):
        return 0.0, 0
    at = int(least.argmin())
    return max(0.0, float(least[at])), int(rows[at])


def refuelled_with(subject: str, others: Sequence[str] | None, claim: Claim, here: Case) -> Part:
    """As far as what was seen of a tanker bears the word; that fuel flowed is not observable."""
    name = label(subject, here)
    best: Part | None = None
    for number, finding in here.of("refuelling", subject):
        partners = [s for s in finding.subjects if s != subject]
        if claim.when is not None and (finding.start_ns > claim.when.end_ns or finding.end_ns < claim.when.start_ns):
            continue
        grade = str(finding.details.get("grade"))
        if grade != "on_station_no_partner_visible" and others is not None and not set(partners) & set(others):
            continue
        contact = finding.measures.get("contact")
        both = f"{name} and {words.join([label(p, here) for p in partners])}"
        fuel = "that fuel flowed is not observable"
        told = {
            "consistent_with_refuelling": f"what was seen of {both} is consistent with refuelling; {fuel}",
            "seen_together": f"{both} were seen together; whether they were near enough to refuel is not observable",
        }.get(
            grade, f"{name} was on station and no partner was visible; whether one was there unseen is not observable"
        )
        ruling = PARTLY if grade == "consistent_with_refuelling" else OPEN
        part = Part(ruling, told, subject, contact, (number,), finding.evidence[:_MOST_EVIDENCE],
                    finding.confidence, "a witness, a picture, or audio of the contact", finding.caveats)  # fmt: skip
        if best is None or (part.ruling == PARTLY and best.ruling != PARTLY):
            best = part
    if others is not None and len(others) == 1 and others[0] != subject and (best is None or best.ruling != PARTLY):
        apart = _apart(subject, others[0], claim, here)
        if apart.ruling == CONTRADICTED:
            return apart
    return best or Part(OPEN, f"no track shows {name} with a partner; that fuel flowed is not observable", subject,
                        change=f"fixes of {name} and who was with it")  # fmt: skip


def orbited(subject: str, claim: Claim, here: Case) -> Part:
    """Its orbits against the pattern, the place and the time."""
    name = label(subject, here)
    other: Part | None = None
    for number, finding in here.of("orbit", subject):
        if claim.when is not None and (finding.start_ns > claim.when.end_ns or finding.end_ns < claim.when.start_ns):
            continue
        pattern = str(finding.details.get("pattern")).replace("_", " ")
        station = finding.measures.get("time_on_station")
        text = f"{name} flew {words.an(pattern)} from {clock(finding.start_ns)} to {clock(finding.end_ns)}"
        part = Part(SUPPORTED, text, subject, station, (number,), finding.evidence[:_MOST_EVIDENCE], finding.confidence,
                    "proof that its positions are not its own", finding.caveats)  # fmt: skip
        if claim.pattern is not None and claim.pattern != pattern:
            other = replace(part, ruling=OPEN, change="more fixes of the laps")
            continue
        if claim.where is not None:
            during = replace(claim, how_near=claim.how_near or NEAR, when=When(finding.start_ns, finding.end_ns))
            near = came_within(subject, during, here)
            if near.ruling != SUPPORTED:
                because = f"{text}, but then {near.because}"
                other = replace(near, ruling=OPEN, because=because, findings=(number, *near.findings))
                continue
            part = replace(
                part, because=f"{text}; {near.because}", evidence=(*part.evidence, *near.evidence)[:_MOST_EVIDENCE]
            )
        return part
    if claim.where is not None:
        near = came_within(subject, replace(claim, how_near=claim.how_near or NEAR), here)
        if near.ruling == CONTRADICTED:
            return near
    return other or Part(OPEN, f"no orbit of {name} was found; a short or badly seen one may be missed", subject,
                         change=f"denser fixes of {name}")  # fmt: skip


def delays(claim: Claim, first: Sequence[str], then: Sequence[str], here: Case) -> Part:
    """How long after ``first`` left their airfield ``then`` left theirs, all pairs together."""
    assert claim.how_long is not None
    assert claim.airfield is not None
    assert claim.other_airfield is not None
    low, high = claim.how_long.span()

    def departures(subjects: Sequence[str], code: str, when: When | None) -> list[tuple[str, Finding, tuple[int, int]]]:
        found = []
        for subject in subjects:
            for number, sortie in sorties_of(subject, when, here):
                end = sortie.departure or {}
                if end.get("icao") == code and (end.get("confidence") or 0.0) >= SURE:
                    span = end_span(sortie, True)
                    if when is None or (when.start_ns <= span[1] and span[0] <= when.end_ns):
                        found.append((number, sortie, span))
        return found

    late = departures(then, claim.airfield, claim.when)
    day = When(min((s[0] for *_, s in late), default=0) - DAY_S * S_NS // 2, max((s[1] for *_, s in late), default=0))
    early = departures(first, claim.other_airfield, day)
    names = [words.join(sorted({label(f.subjects[0], here) for _, f, _ in g})) for g in (late, early)]
    if not late or not early:
        missing = claim.airfield if not late else claim.other_airfield
        return Part(OPEN, f"no departure of them from {missing} is known", change=f"fixes from take-off at {missing}")
    least = min(a[0] for *_, a in late) - max(b[1] for *_, b in early)
    most = max(a[1] for *_, a in late) - min(b[0] for *_, b in early)
    middle = sum((a[0] + a[1]) / 2 for *_, a in late) / len(late) - sum((b[0] + b[1]) / 2 for *_, b in early) / len(
        early
    )
    measure = Interval(round(middle / S_NS, 1), "s", round(least / S_NS, 1), round(most / S_NS, 1), 0.95)
    order = "after" if middle >= 0 else "before"
    text = (
        f"{names[0]} left {claim.airfield} {words.duration(abs(middle / S_NS))} {order} {names[1]} left "
        f"{claim.other_airfield} (95 %: {least / S_NS / 60:.0f} to {most / S_NS / 60:.0f} minutes, every pair)"
    )
    inside = low * S_NS <= least and most <= high * S_NS
    apart = most < low * S_NS or least > high * S_NS
    ruling = SUPPORTED if inside else CONTRADICTED if apart else OPEN
    evidence = tuple(e for _, f, _ in (*early, *late) for e in f.evidence[:1])[:_MOST_EVIDENCE]
    return Part(ruling, text, None, measure, tuple(n for n, *_ in (*early, *late)), evidence,
                min(float((f.departure or {}).get("confidence") or 0.5) for _, f, _ in (*early, *late)),
                "a departure of another of them, unseen")  # fmt: skip


#: What is asked of each aircraft alone, by what is claimed.
PARTS: Final[dict[str, Callable[[str, Claim, Case], Part]]] = {
    "flew": flew, "left": left, "landed": landed, "came_within": came_within, "flew_over": flew_over,
    "orbited": orbited, "was": was,
}  # fmt: skip
