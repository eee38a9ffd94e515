"""The figures of a report: the map of the area, the map of the whole way, distance and altitude in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from testigos import words
from testigos.findings.phrases import deciding_time, place_phrase
from testigos.findings.scene import finding_ids, sentence
from testigos.model import Finding, Interval, parse_utc
from testigos.report import charts, maps
from testigos.report.content import OTHERS, Content, colours, flown, leading, leads, seconds
from testigos.report.stretches import apart, centre, steady, stretch
from testigos.report.subjects import Subject, observed, subjects
from testigos.report.timeline import drawn
from testigos.report.view import View, fit
from testigos.units import S_NS, LengthUnit

__all__ = ["Figure", "figures", "views"]

_WIDTH: Final = 760.0
_MAX_TRACES: Final = 40
_MAX_CHARTED: Final = 3
_MAX_STAYS: Final = 12
_MAX_PAIRS: Final = 4
_AROUND_NS: Final = 6 * 3600 * S_NS
_PALETTE: Final = ("#b3261e", "#1d5f9e", "#9a5c00", "#1f7a5c", "#7a4a9e")


@dataclass(frozen=True)
class Figure:
    """An SVG drawing (safe as it is) and its caption (plain text)."""

    svg: str
    caption: str
    id: str
    wide: bool = False  # charts in which text would be too small on a narrow screen; they scroll there


def _nearest_subjects(every: Sequence[Subject]) -> list[Subject]:
    """Those whose approaches the near map and the charts show: all within three times the nearest."""
    near = sorted((s for s in leads(every) if s.nearest_m < float("inf")), key=lambda s: (s.nearest_m, s.object_id))
    return [s for s in near if s.nearest_m <= 3 * near[0].nearest_m + 20_000.0][:_MAX_CHARTED]


def views(content: Content) -> list[tuple[int, View]]:
    """The maps to draw, by number: 0 around the nearest points, 1 around all tracks. Either may be missing."""
    found = []
    near = _nearest_subjects(subjects(content.findings))[:1]
    points = [
        (p["lat_deg"], p["lon_deg"])
        for s in near
        for _, f in s.approaches
        for p in (f.details, f.place or {})
        if p.get("lat_deg") is not None and p.get("lon_deg") is not None and observed(f) <= 5 * s.nearest_m + 200_000.0
    ]
    if points:
        lat, lon = zip(*points, strict=True)
        found.append((0, fit(lat, lon, width=_WIDTH, margin=0.45, least_m=120_000.0, ratios=(0.55, 0.8))))
    fixes = flown(content.tracks).filter(
        pl.col("object_id").is_in([s.object_id for s in leading(content, _MAX_TRACES)])
    )
    if len(fixes):
        whole = fit(fixes["lat_deg"], fixes["lon_deg"], width=_WIDTH, margin=0.07, least_m=60_000.0)
        if not found or whole.east - whole.west > 1.3 * (found[0][1].east - found[0][1].west):
            found.append((1, whole))
    return found


def _traces(content: Content, shown: Sequence[Subject], tint: dict[str, str]) -> list[maps.Trace]:
    fixes = flown(content.tracks)
    return [
        maps.Trace(
            subject.label,
            tint[subject.object_id],
            table["lat_deg"].to_numpy(),
            table["lon_deg"].to_numpy(),
            seconds(table),
            (table["source"].cast(pl.String) == "mlat").fill_null(False).to_numpy(),
            other=tint[subject.object_id] == OTHERS,
        )
        for subject in reversed(shown)  # the nearest on top
        for table in fixes.filter(pl.col("object_id") == subject.object_id).partition_by("leg", maintain_order=True)
    ]


def _measured(near: Sequence[Subject], unit: LengthUnit, tint: dict[str, str]) -> list[maps.Measured]:
    made, told = [], set()
    for subject in near:
        for number, f in sorted(subject.approaches, key=lambda a: (observed(a[1]), a[0])):
            place, d = f.place or {}, f.details
            known = None not in (
                place.get("lat_deg"),
                place.get("lon_deg"),
                d.get("lat_deg"),
                d.get("lon_deg"),
            )
            if not known or place_phrase(place) in told or observed(f) == float("inf") or d.get("over_land"):
                continue
            told.add(place_phrase(place))
            measure = f.measures["distance"]
            text = f"{words.number(observed(f), unit, words.decimals(measure, unit))} {unit.symbol}"
            name = words.name(place.get("island") or place_phrase(place))
            made.append(
                maps.Measured(
                    d["lat_deg"], d["lon_deg"], place["lat_deg"], place["lon_deg"], text, name,
                    tint[subject.object_id], f"#{number}",
                )
            )  # fmt: skip
    return made


def _spots(shown: Sequence[Subject]) -> list[maps.Spot]:
    made: dict[tuple[object, ...], maps.Spot] = {}
    for subject in shown:
        for _, sortie in subject.sorties:
            for end, word in ((sortie.departure, "first seen"), (sortie.arrival, "lost")):
                if not end or end.get("lat_deg") is None or end.get("lon_deg") is None:
                    continue
                known = end.get("status") == "airfield"
                text = words.name(end.get("name") or end.get("icao")) if known else f"{subject.label} {word}"
                place = ("", 0.0) if known else (round(end["lat_deg"], 1), round(end["lon_deg"], 1))
                key = (*place, text)
                made.setdefault(key, maps.Spot(end["lat_deg"], end["lon_deg"], text, open=not known))
    return list(made.values())


def _stays(content: Content, shown: Sequence[Subject], tint: dict[str, str]) -> list[maps.Stay]:
    """Findings that have a centre: orbits, of the aircraft that the report is about."""
    fixes, told = flown(content.tracks), {s.object_id: s for s in leads(shown)}
    labels = {s.object_id: s.label for s in shown}
    made: list[maps.Stay] = []
    for number, f in zip(finding_ids(content.findings), content.findings, strict=True):
        at = centre(f)
        own = told.get(f.subjects[0]) if f.subjects else None
        if at is None or own is None or len(made) == _MAX_STAYS:
            continue
        table = stretch(fixes, own.object_id, f.start_ns, f.end_ns)
        lat, lon = table["lat_deg"].to_numpy(), table["lon_deg"].to_numpy()
        trace = maps.Trace(own.label, tint[own.object_id], lat, lon, seconds(table), np.zeros(len(table), bool))
        text = words.name(f.details.get("pattern") or f.kind).replace("_", " ")
        title = sentence(f, labels, content.unit)
        made.append(maps.Stay(trace, at["lat_deg"], at["lon_deg"], text, f"#{number}", title))
    return made


def _near_map(content: Content, view: View, tint: dict[str, str], near: Sequence[Subject]) -> Figure:
    shown = leading(content, _MAX_TRACES)
    svg = maps.draw(
        view, content.land.filter(pl.col("map") == 0), _traces(content, shown, tint), content.unit,
        measured=_measured(near, content.unit, tint), spots=_spots(leads(shown)), stays=_stays(content, shown, tint),
        title="Map of the nearest approach", number=0,
    )  # fmt: skip
    return Figure(
        svg,
        "The nearest approach. Thin straight lines join the deciding fixes to the nearest points of each place. "
        "Thick tracks are broadcast positions, thin ones multilaterated; dashed stretches are gaps without any "
        "fix, and what is drawn there is only the straight line. A wide light line marks an orbit. Shaded water lies "
        "within 12 nautical miles of a coast. Grey: aircraft that the report is not about.",
        "map-near",
    )


def _far_map(content: Content, view: View, tint: dict[str, str]) -> Figure:
    shown = leading(content, _MAX_TRACES)
    svg = maps.draw(
        view, content.land.filter(pl.col("map") == 1), _traces(content, shown, tint), content.unit,
        spots=_spots(leads(shown)), stays=_stays(content, shown, tint), title="Map of all tracks", number=1,
    )  # fmt: skip
    return Figure(
        svg,
        "All tracks. Filled dots are airfields, open ones the points where a track begins or ends in the air. A wide "
        "light line marks an orbit; dashed stretches are gaps without any fix.",
        "map-far",
    )


def _distance_chart(content: Content, subject: Subject, number: int) -> Figure | None:
    """Distance to each place around the deciding times."""
    fixes = flown(content.tracks).filter(pl.col("object_id") == subject.object_id)
    usable = [
        (n, f, line)
        for n, f in sorted(subject.approaches, key=lambda a: (observed(a[1]), a[0]))
        if f.place and (line := content.places.get((str(f.place.get("name")), str(f.place.get("kind"))))) is not None
        and observed(f) < float("inf")
    ]  # fmt: skip
    if not usable or len(fixes) < 2:
        return None
    first = usable[0][1]
    fixes = fixes.filter(pl.col("leg") == first.details["leg"]) if first.details.get("leg") is not None else fixes
    unit = content.unit
    error = fixes["radius95_m"].cast(pl.Float64).fill_null(np.nan).to_numpy() / unit.metres
    lines: list[charts.Line] = []
    seen: set[str] = set()
    for n, f, line in usable:
        phrase = place_phrase(f.place)
        if phrase in seen or f.details.get("leg") != first.details.get("leg") or len(lines) == len(_PALETTE):
            continue
        seen.add(phrase)
        where = fixes["lat_deg"].to_numpy(), fixes["lon_deg"].to_numpy()
        distance = np.where(line.contains(*where), 0.0, line.nearest(*where).distance_m)
        measure = f.measures["distance"]
        mark = charts.Mark(
            deciding_time(f), observed(f) / unit.metres,
            None if measure.low is None else measure.low / unit.metres,
            None if measure.high is None else measure.high / unit.metres, f"#{n}",
        )  # fmt: skip
        lines.append(
            charts.Line(phrase, _PALETTE[len(lines)], fixes["time_ns"].to_numpy(), distance / unit.metres, error, mark)
        )
    if not lines:
        return None
    farthest = max(line.mark.value for line in lines if line.mark)
    top = max(2.5 * farthest, 50_000.0 / unit.metres)
    within = np.flatnonzero(np.any([line.value <= top for line in lines], axis=0))
    times = fixes["time_ns"].to_numpy()
    start, stop = (int(times[within[0]]), int(times[within[-1]])) if len(within) else (int(times[0]), int(times[-1]))
    pad = max((stop - start) // 20, 5 * 60 * S_NS)
    start, stop = max(start - pad, int(times[0])), min(stop + pad, int(times[-1]))
    svg = charts.chart(
        lines, axis=f"Distance of {subject.label} from the nearest point, {unit.name} · {words.days(start, stop)}",
        start_ns=start, stop_ns=stop, top=top, title=f"Distance of {subject.label} in time", height=260.0,
        clip=f"distance-{number}",
    )  # fmt: skip
    return Figure(
        svg,
        f"Distance of {subject.label} from each place. Dots are the observed minima, bars their intervals, "
        "the bands around the curves the 95\u00a0% error of each fix. Grey: no fix.",
        f"distance-{number}",
        wide=True,
    )


def _interval(data: object) -> Interval | None:
    """A measure of a pair, as details have it."""
    known = isinstance(data, Mapping) and data.get("value") is not None
    return Interval(**data) if known and isinstance(data, Mapping) else None


def _separation_chart(content: Content, number: str, finding: Finding, labels: Mapping[str, str]) -> Figure | None:
    """How far apart those who kept company were while both were in view, with the limit of what counts as company."""
    fixes, unit = flown(content.tracks), content.unit
    pad = max((finding.end_ns - finding.start_ns) // 15, 5 * 60 * S_NS)
    start, stop = finding.start_ns - pad, finding.end_ns + pad
    lines: list[charts.Line] = []
    for pair in finding.details.get("pairs") or ():
        if len(lines) == _MAX_PAIRS:
            break
        a, b = (stretch(fixes, s, start, stop) for s in pair["subjects"])
        one = apart(a, b)
        if len(one.time_ns) == 0:
            continue
        least, mark = _interval(pair.get("separation_min")), None
        if least is not None and least.value is not None and pair.get("closest_at"):
            low, high = (None if x is None else x / unit.metres for x in (least.low, least.high))
            mark = charts.Mark(parse_utc(pair["closest_at"]), least.value / unit.metres, low, high, f"#{number}")
        name = " – ".join(labels.get(s, words.name(s)) for s in pair["subjects"])
        value, curve = one.metres / unit.metres, steady(one) / unit.metres
        error = one.error_m / unit.metres
        lines.append(charts.Line(name, _PALETTE[len(lines)], one.time_ns, curve, error, mark, value))
    if not lines:
        return None
    within = finding.details.get("within_m")
    limit = None if within is None else (within / unit.metres, f"company: within {words.length(within, unit)}")
    inside = [float(np.nanmax(line.value + np.nan_to_num(line.error))) for line in lines if line.error is not None]
    top = max(inside) * 1.05
    if limit is not None:
        top = min(max(top, 1.3 * limit[0]), 3.0 * limit[0])
    who = words.join([labels.get(s, words.name(s)) for s in finding.subjects])
    svg = charts.chart(
        lines, axis=f"Separation of {who}, {unit.name} · {words.days(start, stop)}", start_ns=start, stop_ns=stop,
        top=top, title=f"Separation of {who} in time", height=230.0, limit=limit, clip=f"separation-{number}",
    )  # fmt: skip
    return Figure(
        svg,
        f"Horizontal separation of {who}, at the fixes of one while the other was in view: points at single fixes, "
        "the curve through the median of nine in a row. The band is the 95\u00a0% error of both positions, the dot the "
        "least observed with its interval. Dashed and grey: not in view together.",
        f"separation-{number}",
        wide=True,
    )


def _separations(content: Content, every: Sequence[Subject]) -> list[Figure | None]:
    """Of the longest companies of the aircraft that the report is about."""
    labels = {s.object_id: s.label for s in every}
    told = {s.object_id for s in leads(every)}
    found = [
        (n, f)
        for n, f in zip(finding_ids(content.findings), content.findings, strict=True)
        if f.details.get("pairs") and told.intersection(f.subjects)
    ]
    found.sort(key=lambda nf: (nf[1].start_ns - nf[1].end_ns, nf[0]))
    return [_separation_chart(content, n, f, labels) for n, f in found[:_MAX_CHARTED]]


def _timeline(content: Content, every: Sequence[Subject], tint: dict[str, str]) -> Figure | None:
    labels = {s.object_id: s.label for s in every}
    numbered = dict(zip(finding_ids(content.findings), content.findings, strict=True))
    made = drawn(content, every, tint, numbered, {n: sentence(f, labels, content.unit) for n, f in numbered.items()})
    if made is None:
        return None
    out = "".join(
        f" {words.count(n).capitalize()} further {what} left out."
        for n, what in ((made.rows_left_out, "aircraft are"), (made.panels_left_out, "stretches of time are"))
        if n
    )
    return Figure(
        made.svg,
        "Who was in view, and what was found. A thick line: fixes follow each other; thin: out of view. Diamonds are "
        "the nearest approaches. Boxes are findings, each with a link to its text; in a pale part of a box not all "
        "were in view. "
        f"Times are UTC.{out}",
        "timeline",
        wide=True,
    )


def _altitude_chart(content: Content, near: Sequence[Subject], tint: dict[str, str]) -> Figure | None:
    fixes = flown(content.tracks)
    flight = next((f for s in near[:1] if (f := s.sortie()) is not None), None)
    if flight is not None:  # flights of other days would squeeze this one to a line
        fixes = fixes.filter(
            pl.col("time_ns").is_between(flight[1].start_ns - _AROUND_NS, flight[1].end_ns + _AROUND_NS)
        )
    lines = []
    for subject in near:
        own = fixes.filter(pl.col("object_id") == subject.object_id)
        alt = own.select(pl.coalesce("alt_baro_ft", "alt_msl_ft", "alt_geom_ft").cast(pl.Float64))
        value = alt.to_series().fill_null(np.nan).to_numpy()
        if np.isfinite(value).any():
            lines.append(charts.Line(subject.label, tint[subject.object_id], own["time_ns"].to_numpy(), value))
    if not lines:
        return None
    start = min(int(line.time_ns[0]) for line in lines)
    stop = max(int(line.time_ns[-1]) for line in lines)
    highest = max(float(np.nanmax(line.value)) for line in lines)
    svg = charts.chart(
        lines, axis=f"Altitude, feet (pressure altitude where it is transmitted) · {words.days(start, stop)}",
        start_ns=start, stop_ns=stop,
        top=max(1.08 * highest, 1_000.0), title="Altitude in time", height=210.0, gaps_of=len(lines),
    )  # fmt: skip
    return Figure(svg, "Altitude of the nearest aircraft. Dashed: no fix.", "altitude", wide=True)


def figures(content: Content) -> list[Figure]:
    """All figures, in the order of the page."""
    every = subjects(content.findings)
    tint = colours(every)
    near = _nearest_subjects(every)
    made: list[Figure | None] = []
    for number, view in views(content):
        made.append(_near_map(content, view, tint, near) if number == 0 else _far_map(content, view, tint))
    made.append(_timeline(content, every, tint))
    made += [_distance_chart(content, s, i + 1) for i, s in enumerate(near)]
    made += _separations(content, every)
    made.append(_altitude_chart(content, near or leading(content, _MAX_CHARTED), tint))
    return [f for f in made if f is not None]
