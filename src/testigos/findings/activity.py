"""Activity: how many of which kind were in an area on a day or in an hour, and whether that is unusual.

Counted over everybody heard (``_census``), not only over whom the report follows. For each place one finding gives the
counts in the question's window; each *flurry*, a count above what the other days at hand let expect, is one more.

Own rules, beside those of ``fuse.history``, which says what is expected:

- The days of the window are held against those outside of it; where these are fewer than ``LEAST_DAYS``, and without
  a window, each day against all others. With fewer than that, nothing is called usual or unusual.
- Civil traffic is the control: it tells better coverage from more flying. Where none was heard nothing is called
  unusual, and neither is what a day brought on which little of it was heard.
- Two questions are put for each kind and day: so many in the day, and so many in its busiest hour. A count is a flurry
  where its probability is below ``ALARMS`` a month over the number of questions a day, and it is at least ``LEAST``
  above what is expected. That bounds the false alarms from above; since the questions overlap and counts are whole,
  those that come are far fewer: less than one a month where receivers come and go (bench/activity.py).
- Kinds are all military aircraft together, and each role of them. Where a role is a flurry, their total that day is not
  told once more.
- More of a kind than usual says nothing of why.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import words
from testigos.findings._census import HISTORY, HOUR_NS, areas, nearness, within_m
from testigos.findings.phrases import place_phrase
from testigos.findings.scene import Scene, frame_ids, in_question
from testigos.fuse.history import LEAST_DAYS, Expected, busiest_hour, covered, expected
from testigos.model import Finding, Interval, Method, Question, iso_utc
from testigos.units import LengthUnit
from testigos.world import Place

__all__ = ["ALARMS", "KIND", "LEAST", "METHOD", "RANK", "SURVEYS", "Judged", "find", "judge", "sentence"]

KIND: Final = "activity"
RANK: Final = 11
METHOD: Final = Method("activity: counts against other days, by the ratio to civil traffic", "1")
SURVEYS: Final = (HISTORY,)

ALARMS: Final = 4.0  #: false alarms a month that the questions of a report may at most come to together
LEAST: Final = 3.0  #: above what is expected: fewer are two that happened to come
_MOST_DAYS: Final = 31  # told in a finding
_MOST: Final = 20  # flurries told of a place, and frames of evidence
_EPOCH: Final = date(1970, 1, 1)
_DAY_NS: Final = 24 * HOUR_NS

_PLAIN: Final = frozenset({"bomber", "fighter", "tanker"})  # roles that only armed forces have, as nouns
_NOUNS: Final = frozenset({"transport", "helicopter", "trainer", "airliner", "turboprop", "business jet"})

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """One kind on one day (since 1970), against others. ``known`` is null where nothing can be expected.

    ``probability`` of the day's count, ``hour_probability`` of its busiest ``hour`` (``most``; ``usual`` expected).
    """

    kind: str
    day: int
    count: int
    known: Expected | None
    probability: float = 1.0
    hour: int = 0
    most: int = 0
    usual: float = 0.0
    hour_probability: float = 1.0
    flurry: str | None = None  # "day", "hour"


@dataclass(frozen=True)
class _Counts:
    """Counts of one place: days (D,), and by kind the objects by day and zone (D, Z) and by day and hour (D, 24)."""

    days: npt.NDArray[np.int64]
    zones: Mapping[str, Floats]
    hours: Mapping[str, Floats]


def _counts(table: pl.DataFrame) -> _Counts:
    by_day, by_hour = (table.filter(pl.col("span") == span) for span in ("day", "hour"))
    days = by_day["start"].unique().sort().to_numpy().astype(np.int64)
    zones = by_day["zone"].unique().sort().to_numpy()
    kinds = sorted({"civil", "military", *by_day["kind"].unique()})
    a, b = {}, {}
    for kind in kinds:
        a[kind], b[kind] = np.zeros((len(days), len(zones))), np.zeros((len(days), 24))
        of = by_day.filter(pl.col("kind") == kind)
        at = np.searchsorted(days, of["start"].to_numpy()), np.searchsorted(zones, of["zone"].to_numpy())
        a[kind][at] = of["objects"].to_numpy()
        of = by_hour.filter(pl.col("kind") == kind)
        hour = of["start"].to_numpy()
        b[kind][np.searchsorted(days, hour // 24), hour % 24] = of["objects"].to_numpy()
    return _Counts(days, a, b)


def _asked(days: npt.NDArray[np.int64], question: Question) -> npt.NDArray[np.bool_]:
    """The days that the question's window touches."""
    asked = np.ones(len(days), np.bool_)
    if question.start_ns is not None:
        asked &= days >= question.start_ns // _DAY_NS
    if question.end_ns is not None:
        asked &= days < -(-question.end_ns // _DAY_NS)
    return asked


def judge(table: pl.DataFrame, question: Question, places: int = 1) -> list[Judged]:
    """Every military kind on every day asked for, in order of day and kind.

    ``table``: the excerpt of the survey for one place; ``places``: how many are asked about.
    """
    counts = _counts(table)
    if not len(counts.days):
        return []
    control, hourly = counts.zones["civil"], counts.hours["civil"]
    heard = covered(control)
    asked = _asked(counts.days, question)
    outside = heard & ~asked
    weekday = (counts.days + 3) % 7  # 1 January 1970 was a Thursday
    kinds = [k for k in counts.zones if k != "civil" and counts.zones[k].any()]
    limit = ALARMS / 30.0 / (2 * max(1, len(kinds)) * max(1, places))
    found = []
    for day in np.flatnonzero(asked).tolist():
        base = outside if outside.sum() >= LEAST_DAYS else heard & (np.arange(len(heard)) != day)
        for kind in kinds:
            of, hours = counts.zones[kind], counts.hours[kind]
            number, count = int(counts.days[day]), int(of[day].sum())
            if not count:
                continue
            known = expected(of, counts.zones["military"], control, weekday, day, base)
            if known is None:
                found.append(Judged(kind, number, count, None))
                continue
            at, usual, hour_p = int(hours[day].argmax()), 0.0, 1.0
            if not known.fresh:
                at, usual, hour_p = busiest_hour(hours, hourly, day, base, known)
            most, p = int(hours[day, at]), known.probability
            flurry = None
            if p < limit and known.count >= known.mean + LEAST:
                flurry = "day"
            elif hour_p < limit and most >= usual + LEAST:
                flurry = "hour"
            found.append(Judged(kind, number, count, known, p, at, most, usual, hour_p, flurry))
    return found


def _told(judged: list[Judged]) -> list[Judged]:
    """Flurries to tell: a day's total only where no role explains it; the least probable first where they are many."""
    flurries = [j for j in judged if j.flurry]
    roles = {j.day for j in flurries if j.kind != "military"}
    left = [j for j in flurries if j.kind != "military" or j.day not in roles]
    left.sort(key=lambda j: (min(j.probability, j.hour_probability), j.day, j.kind))
    return sorted(left[:_MOST], key=lambda j: (j.day, j.kind))


def _iso_day(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()


def _round(value: float, digits: int = 3) -> float:
    """To so many significant digits."""
    return float(f"{value:.{digits}g}")


def _expected(mean: float, low: float, high: float) -> Interval:
    return Interval(_round(mean), "1", np.floor(low * 100).item() / 100, np.ceil(high * 100).item() / 100, 0.95)


def _who(here: Scene) -> dict[str, set[str]]:
    """The military subjects of the report by kind, as their identity was found."""
    kinds: dict[str, set[str]] = {}
    for finding in here.found:
        if finding.kind == "identity" and finding.details.get("military"):
            for kind in {"military", str(finding.details.get("role") or "military")}:
                kinds.setdefault(kind, set()).add(finding.subjects[0])
    return kinds


def _first_fixes(tracks: pl.DataFrame, place: Place, military: set[str], here: Scene) -> pl.DataFrame:
    """The first fix in the area of each military object and day."""
    columns = ("object_id", "time_ns", "lat_deg", "lon_deg", "segment", "offset")
    rows = in_question(tracks, here).filter(
        pl.col("object_id").is_in(sorted(military))
        & pl.col("object_id").str.starts_with("icao:")
        & ~pl.col("on_ground").fill_null(False)
        & pl.col("lat_deg").is_not_null()
        & pl.col("lon_deg").is_not_null()
    )
    rows = rows.select(columns)
    return (
        rows.filter(nearness(rows, place, here).is_finite())
        .with_columns((pl.col("time_ns") // _DAY_NS).alias("day"))
        .sort("time_ns", "object_id", "offset")
        .unique(["object_id", "day"], keep="first", maintain_order=True)
    )


def _caveats(here: Scene, window: bool) -> list[str]:
    caveats = [
        "counts are of ICAO addresses heard in the air there: at least so many; who sends no position is not counted",
        "it is counted over everybody heard, and only the subjects' frames are in the evidence",
        "days and hours are those of UTC",
    ]
    if window:
        caveats.append("kinds rest on the tables of identity and on what the feed says")
    return caveats


def _baseline_caveats(known: Expected) -> Iterator[str]:
    yield (
        "coverage is corrected by the civil traffic heard in the same parts of the area; a receiver that hears only "
        "where such aircraft fly would not show in it"
    )
    if not known.weekday:
        yield "the history is too short to correct for the weekday"
    if known.fresh:
        yield (
            f"{known.fresh} more were in parts of the area where hardly anybody was heard before, and are not held "
            "against it"
        )


def _place(place: Place) -> dict[str, Any]:
    return {"name": place.name, "kind": place.kind, "country": place.country_iso2}


def _flurry(j: Judged, place: Place, rows: pl.DataFrame, kinds: int, places: int, here: Scene) -> Finding | None:
    """The finding of a flurry; null where none of the counted is a subject, so that nothing could be shown."""
    who = _who(here)
    of = rows.filter((pl.col("day") == j.day) & pl.col("object_id").is_in(sorted(who.get(j.kind, who["military"]))))
    if of.is_empty() or j.known is None:
        return None
    known, by_hour = j.known, j.flurry == "hour"
    start = j.day * _DAY_NS + (j.hour * HOUR_NS if by_hour else 0)
    count, p = (j.most, j.hour_probability) if by_hour else (known.count, j.probability)
    share = j.usual / known.mean if by_hour else 1.0
    questions = 2 * kinds * places
    return Finding(
        kind=KIND,
        subjects=tuple(dict.fromkeys(of["object_id"])),
        start_ns=start,
        end_ns=start + (HOUR_NS if by_hour else _DAY_NS),
        confidence=round(min(0.95, max(0.5, 1.0 - p * questions)), 2),
        method=METHOD,
        measures={
            "count": Interval(float(count), "1", float(count), None, None),
            "expected": _expected(known.mean * share, known.low * share, known.high * share),
            "probability": Interval(_round(p), "1"),
            "within": Interval(within_m(here), "m"),
        },
        place=_place(place),
        details={
            "flurry": True,
            "of": j.kind,
            "span": j.flurry,
            "day": _iso_day(j.day),
            "time": iso_utc(start),
            "history_days": known.days,
            "coverage": _round(known.coverage),
            "weekday_corrected": known.weekday,
            "questions_a_day": questions,
        },
        reasons=(
            f"{count} counted, {known.mean * share:.2g} to be expected from {known.days} other days",
            f"civil traffic that day was {known.coverage:.2f} of what it was on those days",
            f"of {questions} questions a day one would be answered so by chance {p * questions * 30:.2g} times a month",
        ),
        caveats=(*_caveats(here, False), *_baseline_caveats(known)),
        evidence=frame_ids(of)[:_MOST],
        data=tuple(here.world.identity.sources),
    )


def _status(judged: list[Judged], counts: _Counts) -> str:
    if any(j.flurry for j in judged):
        return "flurry"
    if any(j.known for j in judged):
        return "usual" if all(j.known for j in judged) else "partly_usual"
    return "no_control" if len(counts.days) > LEAST_DAYS else "too_little_history"


def _summary(place: Place, table: pl.DataFrame, judged: list[Judged], rows: pl.DataFrame, here: Scene) -> Finding:
    counts = _counts(table)
    window = table.filter(pl.col("span") == "window")
    kinds = {k: int(n) for k, n in window.select("kind", "objects").iter_rows()}
    civil = dict(zip(counts.days.tolist(), counts.zones["civil"].sum(axis=1).astype(int).tolist(), strict=True))
    total = [j for j in judged if j.kind == "military"]
    status = _status(judged, counts)
    heard = covered(counts.zones["civil"])
    told = [
        {
            "day": _iso_day(j.day),
            "military": j.count,
            "civil": civil[j.day],
            "expected": None if j.known is None else _round(j.known.mean),
            "probability": None if j.known is None else _round(j.probability),
            "coverage": None if j.known is None else _round(j.known.coverage),
        }
        for j in total[-_MOST_DAYS:]
    ]
    days = len(counts.days)
    known = next((j.known for j in reversed(total) if j.known is not None), None)
    count = float(kinds.get("military", 0))
    caveats = [*_caveats(here, True), *(() if known is None else _baseline_caveats(known))]
    if status == "too_little_history":
        caveats.append(f"too little history to say whether this is unusual: it takes {LEAST_DAYS} other days or more")
    if status == "no_control":
        caveats.append("too little civil traffic was heard to tell more flying from better coverage")
    if status == "partly_usual":
        caveats.append("on some of the days too little was heard to say whether they were unusual")
    return Finding(
        kind=KIND,
        subjects=tuple(dict.fromkeys(rows["object_id"])),
        start_ns=int(rows["time_ns"][0]),
        end_ns=max(int(rows["time_ns"][-1]), min((total[-1].day + 1) * _DAY_NS, here.question.end_ns or 1 << 62)),
        confidence=0.8,
        method=METHOD,
        measures={
            "count": Interval(count, "1", count, None, None),
            "within": Interval(within_m(here), "m"),
            "history": Interval(float(heard.sum()), "d"),
        },
        place=_place(place),
        details={
            "flurry": False,
            "of": "military",
            "status": status,
            "kinds": {k: n for k, n in sorted(kinds.items()) if k not in ("military", "civil")},
            "civil": kinds.get("civil", 0),
            "days": told,
            "days_with_any": len(total),
            "days_asked": int(_asked(counts.days, here.question).sum()),
            "days_at_hand": days,
        },
        reasons=(f"{kinds.get('military', 0)} military and {kinds.get('civil', 0)} other aircraft were heard there",),
        caveats=tuple(caveats),
        evidence=frame_ids(rows)[:_MOST],
        data=tuple(here.world.identity.sources),
    )


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """For each place the military aircraft counted near it, and the flurries among them.

    ``tracks``: columns of ``schema.TRACKS``; the counts are those of the survey "history", without which there is no
    answer. Nothing is told where no counted aircraft is a subject of the report: no frame could show it.
    """
    history = scene.surveys.get(HISTORY.name)
    military = _who(scene).get("military", set())
    if history is None or history.is_empty() or not military:
        return []
    places = areas(scene)
    found = []
    for place in places:
        table = history.filter(pl.col("place") == place.key)
        judged = judge(table, scene.question, len(places))
        rows = _first_fixes(tracks, place, military, scene)
        if not judged or rows.is_empty():
            continue
        found.append(_summary(place, table, judged, rows, scene))
        kinds = table.filter((pl.col("span") == "day") & (pl.col("kind") != "civil"))["kind"].n_unique()
        told = (_flurry(j, place, rows, kinds, len(places), scene) for j in _told(judged))
        found += [f for f in told if f is not None]
    return found


def _called(kind: str, n: int) -> str:
    """So many of a kind in words."""
    if kind == "military":
        noun = "military aircraft"
    elif kind in _PLAIN:
        noun = kind
    else:
        noun = f"military {kind}" if kind in _NOUNS or kind.endswith("aircraft") else f"{kind} aircraft"
    return f"{words.count(n)} {noun if n == 1 else words.plural(noun)}"


def _seldom(p: float) -> str:
    return "less than one in a million" if p < 1e-6 else f"about one in {_round(1.0 / p, 2):,.0f}"


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """How many, against how many are to be expected, or why nothing can be expected."""
    details = finding.details
    count = finding.measures["count"].value or 0.0
    reach = finding.measures["within"].value or 0.0
    where = f"within {words.length(reach, unit)} of {place_phrase(finding.place)}"
    number = _called(str(details["of"]), int(count))
    verb = "was" if count == 1 else "were"
    if not details["flurry"]:
        when = words.days(finding.start_ns, max(finding.start_ns, finding.end_ns - 1))
        text = f"At least {number} {verb} seen {where} on {when}"
        kinds = [_called(k, n) for k, n in sorted(details["kinds"].items(), key=lambda kn: (-kn[1], kn[0]))]
        text += f" ({words.join(kinds)} among them)" if kinds else ""
        days = int(finding.measures["history"].value or 0)
        tail = {
            "usual": f"; no day of them stands out from the {days} days at hand",
            "partly_usual": f"; where enough was heard, no day stands out from the {days} days at hand",
            "flurry": "; that is unusual on at least one day or hour",
            "no_control": "; with so little other traffic heard, whether this is unusual is not observable",
            "too_little_history": "; there is too little history to say whether this is unusual",
        }
        return f"{text}{tail[str(details['status'])]}."
    usual, p = finding.measures["expected"], finding.measures["probability"].value or 0.0
    start = finding.start_ns
    when = f"on {words.day(start)}"
    if details["span"] == "hour":
        when = f"between {words.minute(start)} and {words.minute(finding.end_ns)} {when}"
    corrected = "coverage and weekday" if details["weekday_corrected"] else "coverage"
    return (
        f"At least {number} {verb} seen {where} {when}, where {usual.value:.2g} "
        f"(95 %: {usual.low:.2g} to {usual.high:.2g}) would be expected from {details['history_days']} other days, "
        f"corrected for {corrected}; so many by chance would be {_seldom(p)}."
    )
