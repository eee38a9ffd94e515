"""Company: objects that kept together, how far apart, from when to when, and who joined and left.

Two sorties *meet* while they are within 5 nautical miles and 3,500 ft of each other (an unknown altitude is let pass).
They *kept company* where

- in such meetings, each of half a minute or more, both moved alike, for ten minutes in all and for most of each:
  courses within 45 degrees, speeds within a factor of 1.25, over two minutes (aircraft in trail turn one after the
  other, hence not less);
- for five minutes of it their places relative to each other changed by less than 15 knots, on average over eight
  minutes (or what a silence leaves of them, four at least): strangers on converging ways are past each other sooner;
- neither just drifted past the other: no even drift (95 % of the variance) over more than 5 nautical miles;
- below 18,000 ft only time within 2.5 nautical miles and 900 ft counts, because arrivals in trail, parallel approaches
  and holding stacks look the same from 3 nautical miles or 1,000 ft on;
- and one thing more that strangers on one airway do not share: ten minutes closer than controllers keep them apart
  (less than 4 nautical miles and 900 ft; standard separation is 5 nautical miles or 1,000 ft, ICAO Doc 4444, 5.3 and
  8.7.3); or turns together by 120 degrees over a way of 30 nautical miles or more (a holding pattern is smaller); or
  both are called military; or call signs in a row, such as BARB21 and BARB22 (four letters or more: three are an
  airline).

The figures are own rules. A standard formation keeps within 1 nautical mile and 100 ft (FAA Order JO 7110.65, pilot/
controller glossary, "formation flight"); cells of tankers, and receivers on their way to them, keep 1 to 3 nautical
miles and 500 to 1,000 ft, and multilateration adds a mile; hence 5.

Meetings up to three minutes apart are one: a wild fix must not end it. In a silence of over ten minutes nothing is
interpolated: it belongs to the time together (as its upper end only) where nothing speaks against it, and bounds when
they parted where something does. Pairs whose times overlap and are alike in length (a third at least) are one finding;
a short meeting of two long companions with others is a finding of its own.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import words
from testigos.findings._company import (
    DRIFT_S,
    EXTENT_M,
    LEAST_S,
    NEAR_FT,
    NEAR_M,
    TURN_DEG,
    Company,
    Flown,
    Measure,
    alike_s,
    company,
    longest_s,
)
from testigos.findings._pairs import Meetings, meetings, surface
from testigos.findings.scene import Scene, frame_ids
from testigos.model import Finding, Interval, Method, iso_utc, parse_utc
from testigos.units import KT_MPS, S_NS, LengthUnit

__all__ = ["KIND", "METHOD", "RANK", "find", "sentence"]

KIND: Final = "formation"
RANK: Final = 4
METHOD: Final = Method("formation: meetings by a grid of space and time, likeness of motion, silences by reach", "1")

_ALTITUDES: Final = ("alt_baro_ft", "alt_msl_ft", "alt_geom_ft")
_SIGN: Final = re.compile(r"([A-Z]{4,})(\d{1,3})")
_ALIKE: Final = 3.0  # how many times longer than another a pair's time may be to be told with it
_FASTEST_ADD_MPS: Final = 2.0  # as for a closest approach: bench/gaps.py

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class _Legs(NamedTuple):
    """Sorties in the order of the table: where each begins, and the columns that company needs."""

    table: pl.DataFrame
    base_ns: int
    first: Ints
    stop: Ints
    number: Ints
    time_s: Floats
    lat: Floats
    lon: Floats
    alt: Floats
    xyz: Floats
    speed_mps: Floats
    radius_m: Floats


class _Pair(NamedTuple):
    """Two sorties that kept company, by their numbers."""

    a: int
    b: int
    what: Company
    reasons: tuple[str, ...]
    confidence: float


def _column(table: pl.DataFrame, name: str) -> Floats:
    return table[name].cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)


def _legs(tracks: pl.DataFrame, scene: Scene) -> _Legs:
    question = scene.question
    keep = (pl.col("status") == "ok") & pl.col("lat_deg").is_not_null() & ~pl.col("on_ground").fill_null(False)
    if question.start_ns is not None:
        keep &= pl.col("time_ns") >= question.start_ns
    if question.end_ns is not None:
        keep &= pl.col("time_ns") < question.end_ns
    table = tracks.filter(keep)
    number = table.select(pl.struct("object_id", "leg").rle_id()).to_series().cast(pl.Int64).to_numpy()
    first = np.flatnonzero(np.diff(number, prepend=-1))
    time_ns = table["time_ns"].to_numpy()
    base = int(time_ns.min()) if len(time_ns) else 0
    # one kind of altitude for all of a sortie: pressure, where it has any
    alt = np.full(len(table), np.nan)
    for name in reversed(_ALTITUDES):
        said = _column(table, name)
        has = np.bincount(number, np.isfinite(said), len(first)) > 0.5 * np.bincount(number, minlength=len(first))
        alt = np.where(has[number], said, alt)
    lat, lon = table["lat_deg"].to_numpy(), table["lon_deg"].to_numpy()
    return _Legs(table, base, first, np.append(first[1:], len(table)), number, (time_ns - base) / S_NS,
                 lat, lon, alt, surface(lat, lon), _column(table, "gs_kt") * KT_MPS,
                 _column(table, "radius95_m"))  # fmt: skip


def _flown(legs: _Legs, k: int) -> Flown:
    rows = slice(int(legs.first[k]), int(legs.stop[k]))
    time_s, xyz, speed = legs.time_s[rows], legs.xyz[rows], legs.speed_mps[rows]
    if not np.isfinite(speed).any():
        # over a minute or more, else the noise of fixes counts as speed
        before = np.searchsorted(time_s, time_s - 60.0, side="right") - 1
        good = before >= 0
        speed = np.linalg.norm(xyz[good] - xyz[before[good]], axis=1) / (time_s[good] - time_s[before[good]])
    known = speed[np.isfinite(speed)]
    fastest = float(np.quantile(known, 0.95)) if len(known) else 300.0
    return Flown(time_s, xyz, legs.alt[rows], legs.radius_m[rows], fastest + _FASTEST_ADD_MPS)


def _signs(legs: _Legs, k: int) -> set[str]:
    said = legs.table["callsign"][int(legs.first[k]) : int(legs.stop[k])]
    return {str(s) for s in said.drop_nulls().unique().to_list()}


def _in_a_row(one: Iterable[str], two: Iterable[str]) -> bool:
    for a in map(_SIGN.fullmatch, one):
        for b in map(_SIGN.fullmatch, two):
            if a and b and a[1] == b[1] and 0 < abs(int(a[2]) - int(b[2])) < 10:
                return True
    return False


def _support(c: Company, military: bool, in_a_row: bool) -> tuple[tuple[str, ...], float]:
    """What tells them from strangers on one way, and the confidence that follows. Own rule, uncalibrated."""
    reasons, confidence = [], 0.5
    if c.civil_s >= LEAST_S:
        reasons.append(
            f"{c.civil_s / 60:.0f} minutes closer than air traffic control keeps strangers apart"
            + ("" if c.civil_high_s >= LEAST_S else ", mostly below 18,000 ft, where not everybody is kept apart")
        )
        confidence += 0.35 if c.civil_high_s >= LEAST_S else 0.15
    if c.turned_deg >= TURN_DEG and c.extent_m >= EXTENT_M:
        reasons.append(f"they turned together, by {c.turned_deg:.0f} degrees in all")
        confidence += 0.35 if c.turned_deg >= 360.0 else 0.25
    if military:
        reasons.append("data call both military")
        confidence += 0.15
    if in_a_row:
        reasons.append("their call signs follow on each other")
        confidence += 0.15
    return tuple(reasons), confidence


def _kept(legs: _Legs, scene: Scene) -> list[_Pair]:
    """All pairs that kept company."""
    met = meetings(legs.number, legs.time_s, legs.lat, legs.lon, legs.alt, within_m=NEAR_M, within_ft=NEAR_FT)
    objects = legs.table["object_id"].gather(legs.first.tolist())
    name = objects.rle_id().to_numpy() if len(objects) else np.zeros(0, np.int64)
    new = np.flatnonzero((np.diff(met.first, prepend=-1) != 0) | (np.diff(met.second, prepend=-1) != 0))
    bounds = np.append(new, len(met.first))
    alike = alike_s(
        met.start_s, met.end_s, met.first, met.second, legs.first, legs.stop, legs.time_s, legs.xyz, legs.alt
    )
    lasted = np.add.reduceat(alike, new) if len(new) else np.zeros(0)
    longest = longest_s(met.start_s, met.end_s, alike, bounds)
    military = {f.subjects[0]: bool(f.details.get("military")) for f in scene.found if f.kind == "identity"}
    flown: dict[int, Flown] = {}
    pairs = []
    # the look is coarse: what is near to the limit has its chance
    for at in np.flatnonzero((lasted >= 0.8 * LEAST_S) & (longest >= 0.8 * DRIFT_S)).tolist():
        rows = slice(int(bounds[at]), int(bounds[at + 1]))
        # from the first to the last that can count: a day of chance meetings is long
        counts = np.flatnonzero(alike[rows] > 0.0)
        rows = slice(rows.start + int(counts[0]), rows.start + int(counts[-1]) + 1)
        a, b = int(met.first[new[at]]), int(met.second[new[at]])
        if name[a] == name[b]:
            continue
        for k in (a, b):
            if k not in flown:
                flown[k] = _flown(legs, k)
        what = company(flown[a], flown[b], Meetings._make(c[rows] for c in met))
        if what is None:
            continue
        both = military.get(objects[a], False) and military.get(objects[b], False)
        reasons, confidence = _support(what, both, _in_a_row(_signs(legs, a), _signs(legs, b)))
        if reasons:
            pairs.append(_Pair(a, b, what, reasons, confidence))
    return pairs


def _groups(pairs: list[_Pair]) -> list[list[_Pair]]:
    """Pairs of one company: a member in common, times that overlap and are alike in length."""
    groups: list[list[_Pair]] = []
    of: dict[int, list[int]] = {}  # the groups that a sortie is in
    order = sorted(pairs, key=lambda p: (p.what.joined[0] - p.what.left[0], p.a, p.b))
    for pair in order:
        lasts = pair.what.left[0] - pair.what.joined[0]
        near = [
            g
            for g in dict.fromkeys(of.get(pair.a, []) + of.get(pair.b, []))
            if groups[g]
            and groups[g][0].what.left[0] - groups[g][0].what.joined[0] <= _ALIKE * lasts
            and any(
                {pair.a, pair.b} & {p.a, p.b}
                and p.what.joined[0] < pair.what.left[0]
                and pair.what.joined[0] < p.what.left[0]
                for p in groups[g]
            )
        ]
        home = near[0] if near else len(groups)
        if not near:
            groups.append([])
        for g in near[1:]:
            groups[home] += groups[g]
            for p in groups[g]:
                of[p.a] = [home if x == g else x for x in of[p.a]]
                of[p.b] = [home if x == g else x for x in of[p.b]]
            groups[g] = []
        groups[home].append(pair)
        for k in (pair.a, pair.b):
            of.setdefault(k, []).append(home)
    return [sorted(g, key=lambda p: (p.what.joined[0], p.a, p.b)) for g in groups if g]


def _interval(of: Measure, unit: str, digits: int = 1) -> Interval:
    """Rounded outwards; the level is claimed only with a bound."""
    value, low, high = (None if np.isnan(x) else float(x) for x in of)
    scale = 10.0**digits
    return Interval(
        None if value is None else round(value, digits),
        unit,
        None if low is None else float(np.floor(low * scale)) / scale,
        None if high is None else float(np.ceil(high * scale)) / scale,
        None if low is None and high is None else 0.95,
    )


def _of_all(several: list[Measure]) -> Measure:
    """The median of what pairs have, between the least low end and the greatest high end; NaN passes through."""
    values = np.array(several)
    seen = values[np.isfinite(values[:, 0])]
    if not len(seen):
        return (np.nan, np.nan, np.nan)
    return (float(np.median(seen[:, 0])), float(np.min(seen[:, 1])), float(np.max(seen[:, 2])))


class _Clock(NamedTuple):
    base_ns: int

    def ns(self, time_s: float) -> int:
        return self.base_ns + round(time_s * S_NS)

    def iso(self, time_s: float) -> str | None:
        return None if np.isnan(time_s) else iso_utc(self.ns(time_s))


def _members(group: list[_Pair], legs: _Legs, clock: _Clock) -> list[dict[str, Any]]:
    """Each sortie with when it joined and left, in the order of joining."""
    out = []
    for k in sorted({k for p in group for k in (p.a, p.b)}):
        mine = [p.what for p in group if k in (p.a, p.b)]
        came, went = min(mine, key=lambda c: c.joined[0]), max(mine, key=lambda c: c.left[0])
        signs = sorted(_signs(legs, k))
        out.append(
            {
                "subject": legs.table["object_id"][int(legs.first[k])],
                "leg": int(legs.table["leg"][int(legs.first[k])]),
                "callsign": signs[0] if signs else None,
                "joined": clock.iso(came.joined[0]),
                "joined_earliest": clock.iso(came.joined[1]),
                "joined_latest": clock.iso(came.joined[2]),
                "joined_how": "first_seen" if came.open_start else "approached",
                "left": clock.iso(went.left[0]),
                "left_earliest": clock.iso(went.left[1]),
                "left_latest": clock.iso(went.left[2]),
                "left_how": "lost" if went.open_end else "separated",
            }
        )
    return sorted(out, key=lambda m: (m["joined"], m["subject"]))


def _told(pair: _Pair, legs: _Legs, clock: _Clock) -> dict[str, Any]:
    c = pair.what

    def stretch(start_s: float, end_s: float) -> dict[str, Any]:
        return {"start": clock.iso(start_s), "end": clock.iso(end_s), "seconds": round(end_s - start_s, 1)}

    return {
        "subjects": [legs.table["object_id"][int(legs.first[k])] for k in (pair.a, pair.b)],
        "together": _interval(c.together_s, "s").as_dict(),
        "separation": _interval(c.separation_m, "m").as_dict(),
        "separation_min": _interval(c.closest_m, "m").as_dict(),
        "closest_at": clock.iso(c.closest_s),
        "closest_vertical_ft": None if np.isnan(c.closest_ft) else round(c.closest_ft),
        "vertical_separation": _interval(c.vertical_ft, "ft", 0).as_dict(),
        "spans": [stretch(s.start_s, s.end_s) for s in c.spans],
        "unseen": [stretch(*s) for s in c.bridged],
        "apart": [stretch(*s) for s in c.apart],
        "reasons": list(pair.reasons),
    }


def _union_s(spans: Iterable[tuple[float, float]]) -> float:
    """How long at least one of the stretches lasts."""
    total, until = 0.0, -np.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def _together(group: list[_Pair]) -> Measure:
    """How long any two of a group were together: of one pair its own, of more what the longest lower end bears."""
    if len(group) == 1:
        return group[0].what.together_s
    cs = [p.what for p in group]
    value = max(max(c.together_s[0] for c in cs), _union_s((s.start_s, s.end_s) for c in cs for s in c.spans))
    lows = [c.together_s[1] for c in cs if not np.isnan(c.together_s[1])]
    # outwards each as far as any; null where any is open
    starts, ends = [c.joined[1] for c in cs], [c.left[2] for c in cs]
    high = max(ends) - min(starts) if not np.isnan([*starts, *ends]).any() else np.nan
    return (value, max(lows) if lows else np.nan, max(high, value))


def _evidence(group: list[_Pair], legs: _Legs) -> tuple[str, ...]:
    """The fixes round the closest point, and each member's first and last of its time in company."""
    least = min(group, key=lambda p: p.what.closest_m[0])
    rows: set[int] = set()
    for k in sorted({k for p in group for k in (p.a, p.b)}):
        mine = [p.what for p in group if k in (p.a, p.b)]
        first, stop = int(legs.first[k]), int(legs.stop[k])
        times = legs.time_s[first:stop]
        came, went = min(c.joined[0] for c in mine), max(c.left[0] for c in mine)
        wanted = [int(np.searchsorted(times, came)), int(np.searchsorted(times, went, side="right")) - 1]
        if k in (least.a, least.b):
            after = int(np.searchsorted(times, least.what.closest_s))
            wanted += [after - 1, after]
        rows |= {first + min(max(w, 0), stop - first - 1) for w in wanted}
    table = legs.table[sorted(rows)].sort("time_ns", "object_id", maintain_order=True)
    return frame_ids(table)


def _finding(group: list[_Pair], legs: _Legs) -> Finding:
    clock = _Clock(legs.base_ns)
    members = _members(group, legs, clock)
    whats = [p.what for p in group]
    start, end = min(c.joined[0] for c in whats), max(c.left[0] for c in whats)
    rows = pl.concat(
        legs.table[int(legs.first[k]) : int(legs.stop[k])]
        .select("time_ns", "source", "radius_basis")
        .filter(pl.col("time_ns").is_between(clock.ns(start), clock.ns(end)))
        for k in sorted({k for p in group for k in (p.a, p.b)})
    )
    sources = sorted({str(s) for s in rows["source"].drop_nulls().unique().to_list()})
    bases = sorted({str(s) for s in rows["radius_basis"].drop_nulls().unique().to_list()})
    separation = _interval(_of_all([c.separation_m for c in whats]), "m")
    least = min(whats, key=lambda c: c.closest_m[0])
    closest = (least.closest_m[0], *np.min([c.closest_m[1:] for c in whats], axis=0).tolist())
    measures = {
        "duration": _interval(_together(group), "s"),
        "separation": separation,
        "separation_min": _interval(closest, "m"),
    }
    vertical = _interval(_of_all([c.vertical_ft for c in whats]), "ft", 0)
    if vertical.value is not None:
        measures["vertical_separation"] = vertical
    caveats = ["nothing shows whether others were with them, whom no receiver heard or who sent no position"]
    confidence = min(0.97, max(p.confidence for p in group))
    if separation.low is None:
        confidence = min(confidence, 0.85)
        caveats.append("positions that say nothing of their quality: no interval is given for the separation")
    if "mlat" in sources:
        confidence = min(confidence, 0.9)
        caveats.append("multilaterated positions: two of them can each be 1,852 m off (95 %, assumed)")
    if "assumed_by_user" in bases:
        caveats.append("the 95 % radius of positions is the user's assumption")
    if vertical.value is None:
        caveats.append("how far apart in height they were is not observable")
    if any(c.open_start for c in whats) or any(c.open_end for c in whats):
        caveats.append("a track begins or ends in company: how long it was together before or after is not observable")
    if any(c.bridged for c in whats):
        caveats.append("in silences it is not observable whether they were together; the time together counts without")
    reasons = list(dict.fromkeys(r for p in group for r in p.reasons))
    return Finding(
        kind=KIND,
        subjects=tuple(dict.fromkeys(m["subject"] for m in members)),
        start_ns=clock.ns(start),
        end_ns=clock.ns(end),
        confidence=round(confidence, 2),
        method=METHOD,
        measures=measures,
        details={
            "at_least": len({m["subject"] for m in members}),
            "members": members,
            "pairs": [_told(p, legs, clock) for p in group],
            "closest_at": clock.iso(least.closest_s),
            "within_m": NEAR_M,
            "within_ft": NEAR_FT,
            "sources": sources,
            "radius_basis": bases,
        },
        reasons=(
            f"steady places relative to each other for {max(c.core_s for c in whats) / 60:.0f} minutes",
            *reasons,
        ),
        caveats=tuple(caveats),
        evidence=_evidence(group, legs),
    )


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """One finding for each company of two sorties or more.

    ``tracks``: columns of ``schema.TRACKS``; only ``ok`` rows in the air and in the question's window count.
    """
    legs = _legs(tracks, scene)
    if len(legs.first) < 2:
        return []
    found = [_finding(group, legs) for group in _groups(_kept(legs, scene))]
    return sorted(found, key=lambda f: (f.subjects, f.start_ns))


def _parted(finding: Finding, names: Mapping[str, str]) -> list[str]:
    """Of more than two: who came later or left sooner, by five minutes or more."""
    out = []
    for member in finding.details["members"]:
        from_ns, to_ns = (parse_utc(member[k]) for k in ("joined", "left"))
        label = names[member["subject"]]
        if from_ns - finding.start_ns >= 300 * S_NS:
            out.append(f"{label} joined at {words.minute(from_ns)}")
        if finding.end_ns - to_ns >= 300 * S_NS:
            early, late = member["left_earliest"], member["left_latest"]
            if early and late and parse_utc(late) - parse_utc(early) >= 300 * S_NS:
                between = f"between {words.minute(parse_utc(early))} and {words.minute(parse_utc(late))}"
                out.append(f"{label} left {between}, unseen")
            else:
                lost = member["left_how"] == "lost"
                out.append(f"{label} {'was lost from view' if lost else 'left'} at {words.minute(to_ns)}")
    return out


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """Who kept company, from when to when, how far apart; and that there may have been more."""
    told = {s: words.name(names.get(s) or s) for s in finding.subjects}
    later = "" if words.day(finding.start_ns) == words.day(finding.end_ns) else f" on {words.day(finding.end_ns)}"
    verb = "kept company" if finding.confidence >= 0.8 else "appear to have kept company"
    text = f"{words.join(list(told.values()))} {verb} from {words.minute(finding.start_ns)}"
    text += f" on {words.day(finding.start_ns)} to {words.minute(finding.end_ns)}{later}"
    lasted, apart = finding.measures.get("duration"), finding.measures.get("separation")
    span_s = (finding.end_ns - finding.start_ns) / S_NS
    if lasted is not None and lasted.value is not None and lasted.value < 0.9 * span_s:
        text += f", seen together for {words.duration(lasted.value)} of it"
    if apart is not None and apart.value is not None:
        notes = [n for n in ("median", words.span(apart, unit)) if n]
        if "mlat" in finding.details.get("sources", ()):
            notes.append("multilaterated positions")
        if apart.low is None:
            notes.append("of positions whose quality nothing tells")
        text += f", {words.length(apart.value, unit, max(1, words.decimals(apart, unit)))} apart ({'; '.join(notes)})"
    if len(finding.subjects) > 2:
        text += "".join(f"; {part}" for part in _parted(finding, told))
    elif any(m.get("left_how") == "lost" for m in finding.details.get("members", ())):
        text += "; whether they were together after that is not observable"
    return text + "; nothing shows whether others were with them."
