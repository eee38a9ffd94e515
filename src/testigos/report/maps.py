"""A map as SVG: land, the 12 nautical miles off it, tracks with their gaps, nearest points, scale, graticule."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.report.view import DEGREE_M, View
from testigos.units import NMI_M, LengthUnit

__all__ = ["GAP_S", "Measured", "Spot", "Stay", "Trace", "draw"]

Floats = npt.NDArray[np.float64]

GAP_S: Final = 120.0  #: own rule: two fixes further apart in time are joined by a dashed line
_STEPS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
_LETTER: Final = 6.0  # pixels a letter of a label takes, on average


@dataclass(frozen=True)
class Trace:
    """The fixes of one aircraft in the order of time; ``seconds`` since anything, ``coarse`` is multilaterated."""

    label: str
    colour: str
    lat_deg: Floats
    lon_deg: Floats
    seconds: Floats
    coarse: npt.NDArray[np.bool_]
    other: bool = False  # one of those that the report is not about


@dataclass(frozen=True)
class Measured:
    """A fix, the nearest point of a place, and what is written along the line between them."""

    lat_deg: float
    lon_deg: float
    place_lat_deg: float
    place_lon_deg: float
    text: str
    place: str
    colour: str
    href: str


@dataclass(frozen=True)
class Spot:
    """A place with a name: an airfield, or where a track begins or ends (``open`` circle)."""

    lat_deg: float
    lon_deg: float
    text: str
    open: bool = False


@dataclass(frozen=True)
class Stay:
    """A stretch of a track to be pointed out: an orbit, with its name and where it is written."""

    trace: Trace
    lat_deg: float
    lon_deg: float
    text: str
    href: str
    title: str


@dataclass
class _Labels:
    """Boxes already written in; a label that finds no free place is left out."""

    view: View
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)

    def block(self, x: float, y: float, half: float) -> None:
        self.boxes.append((x - half, y - half, x + half, y + half))

    def place(self, text: str, spots: Sequence[tuple[float, float, str]], css: str, needed: bool = False) -> str:
        """The label at the first of ``spots`` (x, y, anchor) that is free."""
        width = len(text) * _LETTER
        chosen = None
        for x, y, anchor in spots:
            left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
            box = (left - 2, y - 11, left + width + 2, y + 4)
            inside = box[0] >= 2 and box[2] <= self.view.width - 2 and box[1] >= 2 and box[3] <= self.view.height - 2
            free = not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in self.boxes)
            if inside and free:
                chosen = (x, y, anchor, box)
                break
            if inside and needed and chosen is None:
                chosen = (x, y, anchor, box)
        if chosen is None:
            return ""
        x, y, anchor, box = chosen
        self.boxes.append(box)
        return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _path(x: Floats, y: Floats, closed: bool = False) -> str:
    """SVG path data in half pixels, relative, without repeats; one point becomes a dot."""
    points = np.column_stack([np.rint(x * 2), np.rint(y * 2)]).astype(np.int64)
    moved = np.ones(len(points), bool)
    moved[1:] = (np.diff(points, axis=0) != 0).any(axis=1)
    points = points[moved]
    steps = np.diff(points, axis=0).tolist()
    head = f"M{points[0, 0]} {points[0, 1]}"
    if not steps:
        return head + "h0"
    return head + "l" + " ".join(f"{a} {b}" for a, b in steps) + ("z" if closed else "")


def _land(land: pl.DataFrame, view: View) -> str:
    if land.is_empty():
        return ""
    # The rings were cut in the box's own longitudes; wrapping them again would tear them.
    x = (land["lon_deg"].to_numpy() - view.west) * view.cos_lat * view.scale
    y = (view.north - land["lat_deg"].to_numpy()) * view.scale
    edges = [0, *(np.flatnonzero(np.diff(land["ring"].to_numpy())) + 1).tolist(), len(x)]
    return "".join(_path(x[a:b], y[a:b], closed=True) for a, b in pairwise(edges))


def _degrees(value: float, positive: str, negative: str) -> str:
    text = f"{abs(value):g}°"
    return text if value == 0 else f"{text} {positive if value > 0 else negative}"


def _graticule(view: View) -> str:
    span = max(view.north - view.south, (view.east - view.west) * view.cos_lat)
    step = next((s for s in _STEPS if span / s <= 6), _STEPS[-1])
    parts = []
    for k in range(math.ceil(view.west / step), math.floor(view.east / step) + 1):
        x = (k * step - view.west) * view.cos_lat * view.scale
        name = _degrees((k * step + 180.0) % 360.0 - 180.0, "E", "W")
        parts.append(f'<path class="grid" d="M{x:.1f} 0V{view.height:.1f}"/>')
        if 25 < x < view.width - 25:
            parts.append(f'<text class="tick" x="{x:.1f}" y="{view.height - 5:.1f}" text-anchor="middle">{name}</text>')
    for k in range(math.ceil(view.south / step), math.floor(view.north / step) + 1):
        y = (view.north - k * step) * view.scale
        parts.append(f'<path class="grid" d="M0 {y:.1f}H{view.width:.1f}"/>')
        if 20 < y < view.height - 25:
            parts.append(f'<text class="tick" x="5" y="{y - 3:.1f}">{_degrees(k * step, "N", "S")}</text>')
    return "".join(parts)


def _scale_bar(view: View, unit: LengthUnit) -> str:
    pixel_m = DEGREE_M / view.scale
    target = 0.22 * view.width * pixel_m / unit.metres
    power = 10.0 ** math.floor(math.log10(target))
    value = max(m * power for m in (1.0, 2.0, 5.0) if m * power <= target)
    length = value * unit.metres / pixel_m
    x, y = view.width - 14 - length, view.height - 24
    return (
        f'<path class="scale" d="M{x:.1f} {y - 5:.1f}v5h{length:.1f}v-5"/>'
        f'<text class="tick strong" x="{x + length / 2:.1f}" y="{y - 6:.1f}" text-anchor="middle">'
        f"{value:g} {escape(unit.name)}</text>"
    )


def _trace(trace: Trace, view: View) -> str:
    x, y = view.project(trace.lat_deg, trace.lon_deg)
    if len(x) == 0:
        return ""
    # a step over the edge of the world is no step
    jump = np.abs(np.diff(x)) > 180.0 * view.cos_lat * view.scale
    hole = (np.diff(trace.seconds) > GAP_S) & ~jump
    change = np.diff(trace.coarse.astype(np.int8)) != 0
    solid: dict[bool, list[str]] = {False: [], True: []}
    starts = [0, *(np.flatnonzero(hole | jump | change) + 1).tolist()]
    for start, stop in zip(starts, [*starts[1:], len(x)], strict=True):
        # a part runs on to the first fix of the next one where only the source changes
        last = stop + 1 if stop < len(x) and not (hole[stop - 1] or jump[stop - 1]) else stop
        solid[bool(trace.coarse[start])].append(_path(x[start:last], y[start:last]))
    dashed = "".join(_path(x[i : i + 2], y[i : i + 2]) for i in np.flatnonzero(hole).tolist())
    parts = [f'<g class="trace{" other" if trace.other else ""}" style="stroke:{trace.colour}" transform="scale(.5)">']
    if dashed:
        parts.append(f'<path class="hole" d="{dashed}"/>')
    for coarse, css in ((True, "coarse"), (False, "fine")):
        if solid[coarse]:
            parts.append(f'<path class="{css}" d="{"".join(solid[coarse])}"/>')
    return "".join(parts) + f"<title>{escape(trace.label)}</title></g>"


def _stay(stay: Stay, view: View) -> str:
    """A wide light line under the stretch, with a link to the finding."""
    drawn = _trace(stay.trace, view).replace('class="trace', 'class="stay', 1)
    return f'<a href="{escape(stay.href)}"><title>{escape(stay.title)}</title>{drawn}</a>'


def _measured(measured: Sequence[Measured], view: View, labels: _Labels) -> str:
    lines, texts = [], []
    for m in measured:
        xs, ys = view.project([m.lat_deg, m.place_lat_deg], [m.lon_deg, m.place_lon_deg])
        (x1, x2), (y1, y2) = xs.tolist(), ys.tolist()
        labels.block(x1, y1, 5)
        labels.block(x2, y2, 5)
        lines.append(
            f'<path class="measure" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'
            f'<circle class="nearest" cx="{x2:.1f}" cy="{y2:.1f}" r="3.2"/>'
            f'<circle class="fix" cx="{x1:.1f}" cy="{y1:.1f}" r="3.6" style="fill:{m.colour}"/>'
        )
    for m in measured:
        xs, ys = view.project([m.lat_deg, m.place_lat_deg], [m.lon_deg, m.place_lon_deg])
        (x1, x2), (y1, y2) = xs.tolist(), ys.tolist()
        along = [(x1 + t * (x2 - x1), y1 + t * (y2 - y1)) for t in (0.55, 0.7, 0.4, 0.82, 0.28)]
        spots = [(x + dx, y + dy, a) for x, y in along for dx, dy, a in ((7, 4, "start"), (-7, 4, "end"))]
        text = labels.place(m.text, spots, "distance", needed=True)
        texts.append(f'<a href="{escape(m.href)}">{text}</a>' if text else "")
        below = y2 >= y1
        away = [
            (x2, y2 + (16 if below else -9), "middle"),
            (x2 + 8, y2 + 4, "start"),
            (x2 - 8, y2 + 4, "end"),
        ]
        away += [(x2, y2 + (-9 if below else 16), "middle")]
        texts.append(labels.place(m.place, away, "place"))
    return "".join(lines) + "".join(texts)


def draw(
    view: View,
    land: pl.DataFrame,
    traces: Sequence[Trace],
    unit: LengthUnit,
    *,
    measured: Sequence[Measured] = (),
    spots: Sequence[Spot] = (),
    stays: Sequence[Stay] = (),
    title: str,
    number: int,
) -> str:
    """The map; strings are escaped here. ``land`` as :func:`testigos.report.land.land` gives it."""
    labels = _Labels(view)
    shape = _land(land, view)
    band = 2 * 12 * NMI_M / DEGREE_M * view.scale
    clip = f"map-{number}"
    parts = [
        f'<svg class="map" viewBox="0 0 {view.width:.0f} {view.height:.0f}" role="group" '
        f'aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'
        f'<clipPath id="{clip}"><rect width="{view.width:.0f}" height="{view.height:.0f}"/></clipPath>'
        f'<g clip-path="url(#{clip})"><rect class="sea" width="100%" height="100%"/>',
    ]
    if shape:
        # A stroke of twice 12 nautical miles around all land, under the land, is the 12-mile zone.
        parts.append(
            f'<path class="zone" transform="scale(.5)" style="stroke-width:{band * 2:.1f}" d="{shape}"/>'
            f'<path class="land" transform="scale(.5)" d="{shape}"/>'
        )
    parts.append(_graticule(view))
    parts += [_stay(s, view) for s in stays]
    parts += [_trace(t, view) for t in traces]
    body = _measured(measured, view, labels)
    for spot in spots:
        xs, ys = view.project([spot.lat_deg], [spot.lon_deg])
        x, y = float(xs[0]), float(ys[0])
        if not view.contains(x, y):
            continue
        parts.append(f'<circle class="{"open" if spot.open else "spot"}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
        around = [(x + 7, y + 4, "start"), (x - 7, y + 4, "end"), (x, y - 8, "middle"), (x, y + 17, "middle")]
        parts.append(labels.place(spot.text, around, "place"))
    parts.append(body)
    written: list[tuple[float, float, str]] = []
    for stay in stays:
        (x,), (y,) = (axis.tolist() for axis in view.project([stay.lat_deg], [stay.lon_deg]))
        if any(abs(x - a) + abs(y - b) < 80.0 and text == stay.text for a, b, text in written):
            continue  # two in one orbit need its name once
        written.append((x, y, stay.text))
        below = float(np.max(view.project(stay.trace.lat_deg, stay.trace.lon_deg)[1], initial=y))
        parts.append(labels.place(stay.text, [(x, y + 4, "middle"), (x, below + 15, "middle")], "stay-name"))
    names: set[str] = set()
    for trace in reversed(traces):
        if trace.label not in names:
            parts.append(_name(trace, view, labels))
            names.add(trace.label)
    parts.append(_scale_bar(view, unit))
    return "".join(parts) + "</g></svg>"


def _name(trace: Trace, view: View, labels: _Labels) -> str:
    """The aircraft's name beside its track, where there is room."""
    x, y = view.project(trace.lat_deg, trace.lon_deg)
    inside = np.flatnonzero((x > 20) & (x < view.width - 20) & (y > 20) & (y < view.height - 30))
    if len(inside) == 0:
        return ""
    spots = []
    for part in (0.25, 0.4, 0.6, 0.12, 0.75, 0.9, 0.03):
        i = int(inside[int(part * (len(inside) - 1))])
        px, py = float(x[i]), float(y[i])
        spots += [
            (px + 8, py - 4, "start"),
            (px - 8, py - 4, "end"),
            (px + 8, py + 13, "start"),
            (px - 8, py + 13, "end"),
        ]
    css = "other-name" if trace.other else "name"
    text = labels.place(trace.label, spots, css)
    return text if trace.other else text.replace(f'class="{css}"', f'class="{css}" style="fill:{trace.colour}"', 1)
