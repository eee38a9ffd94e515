"""Charts against time as SVG: distance to places with its error and gaps, and altitude."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from testigos import words
from testigos.report.maps import GAP_S
from testigos.units import S_NS

__all__ = ["Line", "Mark", "chart"]

Floats = npt.NDArray[np.float64]
Scale = Callable[[npt.ArrayLike], Floats]

_WIDTH: Final = 760.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 150.0, 10.0, 26.0
_TIME_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)  # minutes


@dataclass(frozen=True)
class Mark:
    """A value with its interval, to be pointed out."""

    time_ns: int
    value: float
    low: float | None
    high: float | None
    href: str


@dataclass(frozen=True)
class Line:
    """One curve: N times and values in the axis's unit, an optional error of each, a mark."""

    label: str
    colour: str
    time_ns: npt.NDArray[np.int64]
    value: Floats
    error: Floats | None = None
    mark: Mark | None = None
    single: Floats | None = None  # values behind a smoothed curve, drawn as faint points


def _nice(limit: float, about: int) -> float:
    raw = limit / about
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= raw)


def _thinned(x: Floats, y: Floats) -> npt.NDArray[np.intp]:
    """First, last, lowest and highest of each half pixel column."""
    column = np.floor(x * 2).astype(np.int64)
    order = np.lexsort((y, column))
    edge = np.flatnonzero(np.diff(column[order], prepend=column[order][0] - 1))
    low, high = order[edge], order[np.append(edge[1:], len(order)) - 1]
    first = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
    last = np.append(first[1:], len(column)) - 1
    return np.unique(np.concatenate([low, high, first, last]))


def _points(x: Floats, y: Floats) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def chart(
    lines: Sequence[Line],
    *,
    axis: str,
    start_ns: int,
    stop_ns: int,
    top: float,
    title: str,
    height: float = 220.0,
    gaps_of: int = 0,
    limit: tuple[float, str] | None = None,
    clip: str = "",
) -> str:
    """The chart from ``start_ns`` to ``stop_ns`` and 0 to ``top``; gaps of line ``gaps_of`` are shaded.

    ``axis`` names what is shown and its unit; ``limit`` is a value to compare with, and its name; ``clip`` is
    told apart from all other charts of the page, else the title is. Strings are escaped here.
    """
    inner_w, inner_h = _WIDTH - _LEFT - _RIGHT, height - _TOP - _BOTTOM
    span = max(stop_ns - start_ns, S_NS)

    def px(time_ns: npt.ArrayLike) -> Floats:
        return np.asarray(_LEFT + (np.asarray(time_ns, np.int64) - start_ns) / span * inner_w)

    def py(value: npt.ArrayLike) -> Floats:
        return np.asarray(_TOP + (1.0 - np.asarray(value, np.float64) / top) * inner_h)

    clip = "chart-" + "".join(c if c.isalnum() and c.isascii() else "-" for c in (clip or title).lower())
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH:.0f} {height:.0f}" role="group" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'
        f'<clipPath id="{clip}"><rect x="{_LEFT}" y="{_TOP}" width="{inner_w}" height="{inner_h}"/></clipPath>'
    ]
    step = _nice(top, 4)
    for k in range(int(top / step + 1e-9) + 1):
        y = float(py(k * step))
        parts.append(
            f'<path class="grid" d="M{_LEFT} {y:.1f}h{inner_w}"/>'
            f'<text class="tick" x="{_LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{k * step:,.10g}</text>'
        )
    minutes = span / S_NS / 60
    every = next((s for s in _TIME_STEPS if minutes / s <= 8), math.ceil(minutes / 8 / 1440) * 1440) * 60 * S_NS
    for k in range(-(-start_ns // every), stop_ns // every + 1):
        x = float(px(k * every))
        parts.append(
            f'<path class="grid" d="M{x:.1f} {_TOP}v{inner_h}"/>'
            f'<text class="tick" x="{x:.1f}" y="{height - 9}" text-anchor="middle">{words.minute(k * every)}</text>'
        )
    parts.append(f'<g clip-path="url(#{clip})">')
    if gaps_of < len(lines):
        times = lines[gaps_of].time_ns
        holes = np.flatnonzero(np.diff(times) > GAP_S * S_NS)
        for i in holes.tolist():
            a, b = float(px(times[i])), float(px(times[i + 1]))
            if b > _LEFT and a < _WIDTH - _RIGHT and b - a >= 1:
                parts.append(f'<rect class="gap" x="{a:.1f}" y="{_TOP}" width="{b - a:.1f}" height="{inner_h}"/>')
                if b - a > 46:
                    text = words.duration((int(times[i + 1]) - int(times[i])) / S_NS)
                    middle = (max(a, _LEFT) + min(b, _WIDTH - _RIGHT)) / 2
                    parts.append(
                        f'<text class="tick" x="{middle:.1f}" y="{_TOP + 12}" text-anchor="middle">no fix</text>'
                    )
                    parts.append(
                        f'<text class="tick" x="{middle:.1f}" y="{_TOP + 24}" text-anchor="middle">{text}</text>'
                    )
    parts += [_line(line, px(line.time_ns), py) for line in lines]
    if limit is not None and limit[0] <= top:
        y = float(py(limit[0]))
        parts.append(
            f'<path class="limit" d="M{_LEFT} {y:.1f}h{inner_w}"/>'
            f'<text class="tick limit-name" x="{_LEFT + inner_w - 6}" y="{y - 5:.1f}" text-anchor="end">'
            f"{escape(limit[1])}</text>"
        )
    parts.append("</g>")
    parts += [_mark(line, float(px(line.mark.time_ns)), py) for line in lines if line.mark is not None]
    parts.append(_legend(lines, py, height - _BOTTOM))
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP}v{inner_h}h{inner_w}"/></svg>')
    return f'<p class="axis-name">{escape(axis)}</p>' + "".join(parts)


def _line(line: Line, x: Floats, py: Scale) -> str:
    seen = np.isfinite(line.value)
    x, value, times = x[seen], line.value[seen], line.time_ns[seen]
    error = None if line.error is None else line.error[seen]
    if len(x) == 0:
        return ""
    parts = []
    if line.single is not None:
        points = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x.tolist(), py(line.single[seen]).tolist(), strict=True))
        parts.append(f'<path class="single" style="stroke:{line.colour}" d="{points}"/>')
    cuts = [0, *(np.flatnonzero(np.diff(times) > GAP_S * S_NS) + 1).tolist(), len(x)]
    for start, stop in pairwise(cuts):
        keep = start + _thinned(x[start:stop], value[start:stop])
        if error is not None and np.isfinite(error[keep]).any():
            e = np.nan_to_num(error[keep])
            edge_x = np.concatenate([x[keep], x[keep][::-1]])
            edge_y = np.concatenate([py(value[keep] + e), py(np.maximum(value[keep] - e, 0.0))[::-1]])
            parts.append(f'<polygon class="band" style="fill:{line.colour}" points="{_points(edge_x, edge_y)}"/>')
        if len(keep) == 1:
            y = float(py(value[keep])[0])
            parts.append(f'<circle cx="{x[keep[0]]:.1f}" cy="{y:.1f}" r="1.4" style="fill:{line.colour}"/>')
        parts.append(
            f'<polyline class="curve" style="stroke:{line.colour}" points="{_points(x[keep], py(value[keep]))}"/>'
        )
    for i in cuts[1:-1]:
        ends_x, ends_y = x[[i - 1, i]], py(value[[i - 1, i]])
        parts.append(f'<polyline class="curve hole" style="stroke:{line.colour}" points="{_points(ends_x, ends_y)}"/>')
    return "".join(parts)


def _mark(line: Line, x: float, py: Scale) -> str:
    assert line.mark is not None
    mark = line.mark
    y = float(py(mark.value))
    whisker = ""
    if mark.low is not None and mark.high is not None:
        low, high = float(py(mark.low)), float(py(mark.high))
        ends = "".join(f"M{x - 4:.1f} {y_end:.1f}h8" for y_end in (low, high))
        whisker = f'<path class="whisker" d="{ends}M{x:.1f} {high:.1f}V{low:.1f}"/>'
    dot = f'<circle class="fix" cx="{x:.1f}" cy="{y:.1f}" r="4" style="fill:{line.colour}"/>'
    return f'<a href="{escape(mark.href)}">{whisker}{dot}</a>'


def _legend(lines: Sequence[Line], py: Scale, bottom: float) -> str:
    """Names at the right end of the chart, pushed apart where they would overlap."""
    wanted = []
    for k, line in enumerate(lines):
        seen = line.value[np.isfinite(line.value)]
        anchor = line.mark.value if line.mark is not None else float(seen[-1]) if len(seen) else 0.0
        wanted.append((max(float(py(anchor)), _TOP + 8), k))
    wanted.sort()
    heights: list[float] = []
    for y, _ in wanted:
        heights.append(max(y, heights[-1] + 15) if heights else y)
    below = bottom - 4  # those that would be pushed out of the chart move up again
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], below)
        below = heights[i] - 15
    parts = [
        f'<text class="legend" x="{_WIDTH - _RIGHT + 8}" y="{y + 4:.1f}" style="fill:{lines[k].colour}">'
        f"{escape(lines[k].label)}</text>"
        for y, (_, k) in zip(heights, wanted, strict=True)
    ]
    return "".join(parts)
