"""The figures of a report: the map of the area, the map of the whole way, distance and altitude in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from testigos import words
from testigos.findings.phrases import deciding_time, place_phrase
from testigos.report import charts, maps
from testigos.report.content import OTHERS, Content, colours, flown, leading, leads, seconds
from testigos.report.subjects import Subject, observed, subjects
from testigos.report.view import View, fit
from testigos.units import S_NS, LengthUnit

__all__ = ["Figure", "figures", "views"]

_WIDTH: Final = 760.0
_MAX_TRACES: Final = 40
_MAX_CHARTED: Final = 3


@dataclass(frozen=True)
class Figure:
    """An SVG drawing (safe as it is) and its caption (plain text)."""

    svg: str
    caption: str
    id: str


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


def _near_map(content: Content, view: View, tint: dict[str, str], near: Sequence[Subject]) -> Figure:
    shown = leading(content, _MAX_TRACES)
    svg = maps.draw(
        view, content.land.filter(pl.col("map") == 0), _traces(content, shown, tint), content.unit,
        measured=_measured(near, content.unit, tint), spots=_spots(shown),
        title="Map of the nearest approach", number=0,
    )  # fmt: skip
    return Figure(
        svg,
        "The nearest approach. Thin straight lines join the deciding fixes to the nearest points of each place. "
        "Thick tracks are broadcast positions, thin ones multilaterated; dashed stretches are gaps without any "
        "fix, and what is drawn there is only the straight line. Shaded water lies within 12 nautical miles of a "
        "coast.",
        "map-near",
    )


def _far_map(content: Content, view: View, tint: dict[str, str]) -> Figure:
    shown = leading(content, _MAX_TRACES)
    svg = maps.draw(
        view, content.land.filter(pl.col("map") == 1), _traces(content, shown, tint), content.unit,
        spots=_spots(shown), title="Map of all tracks", number=1,
    )  # fmt: skip
    return Figure(
        svg,
        "All tracks. Filled dots are airfields, open ones the points where a track begins or ends in the air.",
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
    palette = ("#b3261e", "#1d5f9e", "#b86e00", "#1f7a5c", "#7a4a9e")
    lines: list[charts.Line] = []
    seen: set[str] = set()
    for n, f, line in usable:
        phrase = place_phrase(f.place)
        if phrase in seen or f.details.get("leg") != first.details.get("leg") or len(lines) == len(palette):
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
            charts.Line(phrase, palette[len(lines)], fixes["time_ns"].to_numpy(), distance / unit.metres, error, mark)
        )
    if not lines:
        return None
    farthest = max(line.mark.value for line in lines if line.mark)
    top = max(2.5 * farthest, 50_000.0 / unit.metres)
    within = np.flatnonzero(np.any([line.value <= top for line in lines], axis=0))
    times = fixes["time_ns"].to_numpy()
    start, stop = (int(times[within[0]]), int(times[within[-1]])) if len(within) else (int(times[0]), int(times[-1]))
    pad = max((stop - start) // 20, 5 * 60 * S_NS)
    svg = charts.chart(
        lines, axis=f"Distance of {subject.label} from the nearest point, {unit.name}",
        start_ns=max(start - pad, int(times[0])), stop_ns=min(stop + pad, int(times[-1])), top=top,
        title=f"Distance in time {number}", height=260.0,
    )  # fmt: skip
    return Figure(
        svg,
        f"Distance of {subject.label} from each place. Dots are the observed minima, bars their intervals, "
        "the bands around the curves the 95 % error of each fix. Grey: no fix.",
        f"distance-{number}",
    )


def _altitude_chart(content: Content, near: Sequence[Subject], tint: dict[str, str]) -> Figure | None:
    fixes = flown(content.tracks)
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
        lines, axis="Altitude, feet (pressure altitude where it is transmitted)", start_ns=start, stop_ns=stop,
        top=max(1.08 * highest, 1_000.0), title="Altitude in time", height=210.0, gaps_of=len(lines),
    )  # fmt: skip
    return Figure(svg, "Altitude of the nearest aircraft. Dashed: no fix.", "altitude")


def figures(content: Content) -> list[Figure]:
    """All figures, in the order of the page."""
    every = subjects(content.findings)
    tint = colours(every)
    near = _nearest_subjects(every)
    made: list[Figure | None] = []
    for number, view in views(content):
        made.append(_near_map(content, view, tint, near) if number == 0 else _far_map(content, view, tint))
    made += [_distance_chart(content, s, i + 1) for i, s in enumerate(near)]
    made.append(_altitude_chart(content, near or leading(content, _MAX_CHARTED), tint))
    return [f for f in made if f is not None]
