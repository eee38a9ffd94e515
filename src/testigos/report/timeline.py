"""Findings against time as SVG: a row for each aircraft, what it did and when it was in view.

Rules (own): a thick line is drawn where fixes follow each other, a thin one where they do not; below it stand findings
that have a beginning and an end, whatever their kind, each with a link to its text. Kinds that are about who somebody
is, how flights relate, or how many there were have no place on one aircraft's row. Days out of view are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from testigos import words
from testigos.findings.phrases import deciding_time, place_phrase
from testigos.model import Finding, parse_utc
from testigos.report.content import Content, flown, leads, ranked
from testigos.report.maps import GAP_S
from testigos.report.subjects import Subject, observed
from testigos.units import S_NS

__all__ = ["Timeline", "drawn"]

_WIDTH: Final = 760.0
_LEFT, _RIGHT, _HEAD, _FOOT = 118.0, 12.0, 24.0, 22.0
_LANE: Final = 15.0
_LETTER: Final = 5.6  # pixels a letter takes in a bar, on average
_QUIET_NS: Final = 6 * 3600 * S_NS  #: so long without any finding begins a new panel
_MAX_ROWS: Final = 16
_MAX_PANELS: Final = 4
_STEPS_MIN: Final = (5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440)
#: Told elsewhere: they have no time of their own on the row of one aircraft.
_NOT_HERE: Final = frozenset({"identity", "sortie", "approach", "sequence", "activity", "presence"})
_CALLED: Final = {"formation": "company", "refuelling": "tanker"}
_TINT: Final = {"formation": "#cfe0ee", "orbit": "#f3dfae", "refuelling": "#d7e8d2", "gap": "#e2dfd8"}
_OTHER_TINT: Final = "#e9d9ea"


@dataclass(frozen=True)
class Timeline:
    """The drawing, and how many rows and days did not fit in it."""

    svg: str
    rows_left_out: int
    panels_left_out: int


@dataclass(frozen=True)
class _Bar:
    start_ns: int
    end_ns: int
    kind: str
    text: str
    href: str
    title: str
    solid: tuple[tuple[int, int], ...] = ()


def _bar(number: str, finding: Finding, sentence: str) -> _Bar:
    details = finding.details
    text = str(details.get("pattern") or details.get("test") or _CALLED.get(finding.kind, finding.kind))
    solid = [
        (parse_utc(span["start"]), parse_utc(span["end"]))
        for pair in details.get("pairs") or ()
        for span in pair.get("spans") or ()
    ]
    return _Bar(
        finding.start_ns, max(finding.start_ns, finding.end_ns), finding.kind, words.name(text).replace("_", " "),
        f"#{number}", sentence, tuple(solid),
    )  # fmt: skip


def _lanes(bars: Sequence[_Bar]) -> list[list[_Bar]]:
    """Bars in as few lanes as they need."""
    lanes: list[list[_Bar]] = []
    for bar in sorted(bars, key=lambda b: (b.start_ns, b.end_ns, b.href)):
        lane = next((ln for ln in lanes if ln[-1].end_ns <= bar.start_ns), None)
        if lane is None:
            lanes.append([bar])
        else:
            lane.append(bar)
    return lanes


def _panels(times: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches of time that hold everything, without long silences between."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(times):
        if found and start - found[-1][1] <= _QUIET_NS:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _seen(times: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Stretches without a gap."""
    if len(times) == 0:
        return []
    cut = np.flatnonzero(np.diff(times) > GAP_S * S_NS)
    starts, ends = times[np.append(0, cut + 1)], times[np.append(cut, len(times) - 1)]
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


@dataclass(frozen=True)
class _Row:
    subject: Subject
    seen: tuple[tuple[int, int], ...]
    bars: tuple[_Bar, ...]
    marks: tuple[tuple[int, str, str], ...]


def _rows(content: Content, every: Sequence[Subject], numbered: Mapping[str, Finding], said: Mapping[str, str]) -> Any:
    fixes = flown(content.tracks.select(_NEEDED)).partition_by("object_id", as_dict=True, maintain_order=True)
    shown = ranked(leads(every))
    rows = []
    for subject in shown[:_MAX_ROWS]:
        table = fixes.get((subject.object_id,))
        bars = tuple(
            _bar(n, f, said[n])
            for n, f in numbered.items()
            if subject.object_id in f.subjects and f.kind not in _NOT_HERE
        )
        best: dict[int, tuple[float, int, str, str]] = {}
        for n, f in subject.approaches:
            if observed(f) < float("inf"):
                when = deciding_time(f)
                leg = next((k for k, (_, s) in enumerate(subject.sorties) if s.start_ns <= when <= s.end_ns), -1)
                near = (observed(f), when, f"#{n}", f"nearest to {place_phrase(f.place)}, {words.minute(when)}")
                best[leg] = min(best.get(leg, near), near)
        seen = () if table is None else tuple(_seen(table["time_ns"].to_numpy()))
        rows.append(_Row(subject, seen, bars, tuple(b[1:] for b in best.values())))
    return rows, max(0, len(shown) - _MAX_ROWS)


_NEEDED: Final = ("object_id", "time_ns", "status", "lat_deg", "segment", "offset")


def drawn(
    content: Content,
    every: Sequence[Subject],
    tint: Mapping[str, str],
    numbered: Mapping[str, Finding],
    said: Mapping[str, str],
) -> Timeline | None:
    """The timeline of the subjects that the report is about; null where there is nothing to draw.

    ``numbered``: findings by id, ``said`` their sentences, ``tint`` a colour for each subject.
    """
    rows, left_out = _rows(content, every, numbered, said)
    # Where it was in view makes the panels: what lasts longer, such as a week without news, must not stretch them.
    spans = [span for row in rows for span in row.seen]
    if not spans:
        return None
    panels = _panels(spans)
    busy = sorted(panels, key=lambda p: (p[0] - p[1], p[0]))[:_MAX_PANELS]
    parts, top = [], 0.0
    for panel in sorted(busy):
        body, top = _panel(panel, rows, tint, top)
        parts.append(body)
    svg = (
        f'<svg class="chart timeline" viewBox="0 0 {_WIDTH:.0f} {top:.0f}" role="group" '
        f'aria-label="Timeline of findings" xmlns="http://www.w3.org/2000/svg"><title>Timeline of findings</title>'
        f"{''.join(parts)}</svg>"
    )
    return Timeline(svg, left_out, len(panels) - len(busy))


def _panel(panel: tuple[int, int], rows: Sequence[_Row], tint: Mapping[str, str], top: float) -> tuple[str, float]:
    start, end = panel
    pad = max((end - start) // 60, 60 * S_NS)
    start, end = start - pad, end + pad
    inner = _WIDTH - _LEFT - _RIGHT

    def px(time_ns: int) -> float:
        return _LEFT + (min(max(time_ns, start), end) - start) / (end - start) * inner

    body, y = [], top + _HEAD
    for row in rows:
        seen = [s for s in row.seen if s[1] >= start and s[0] <= end]
        lanes = _lanes([b for b in row.bars if b.end_ns >= start and b.start_ns <= end])
        if not seen and not lanes:
            continue
        colour = tint.get(row.subject.object_id, "#55606b")
        body.append(
            f'<text class="who" x="{_LEFT - 8}" y="{y + 12:.1f}" text-anchor="end" style="fill:{colour}">'
            f"{escape(_short(row.subject.label))}</text>"
        )
        if seen:
            a, b, line = px(seen[0][0]), px(seen[-1][1]), y + 8
            body.append(f'<path class="unseen" style="stroke:{colour}" d="M{a:.1f} {line:.1f}H{b:.1f}"/>')
            path = "".join(f"M{px(s):.1f} {line:.1f}H{max(px(e), px(s) + 0.6):.1f}" for s, e in seen)
            body.append(f'<path class="seen" style="stroke:{colour}" d="{path}"/>')
        for when, href, text in row.marks:
            if start <= when <= end:
                x, m = px(when), y + 8
                body.append(
                    f'<a href="{escape(href)}"><title>{escape(row.subject.label)}: {escape(text)}</title>'
                    f'<path class="diamond" d="M{x:.1f} {m - 5:.1f}l5 5l-5 5l-5 -5z"/></a>'
                )
        y += _LANE + 2
        for lane in lanes:
            for k, bar in enumerate(lane):
                following = px(lane[k + 1].start_ns) if k + 1 < len(lane) else _WIDTH
                body.append(_draw_bar(bar, px, y, following))
            y += _LANE
        y += 6
    step = next((s for s in _STEPS_MIN if (end - start) / S_NS / 60 / s <= 9), 1440 * 7) * 60 * S_NS
    grid = []
    for k in range(-(-start // step), end // step + 1):
        x = px(k * step)
        grid.append(f'<path class="grid" d="M{x:.1f} {top + _HEAD - 4:.1f}V{y:.1f}"/>')
        grid.append(
            f'<text class="tick" x="{x:.1f}" y="{y + 14:.1f}" text-anchor="middle">{words.minute(k * step)}</text>'
        )
    head = f'<text class="day" x="0" y="{top + 14:.1f}">{escape(words.days(panel[0], panel[1]))}</text>'
    return head + "".join(grid) + "".join(body), y + _FOOT


def _draw_bar(bar: _Bar, px: Any, y: float, following: float) -> str:
    a = px(bar.start_ns)
    b = max(px(bar.end_ns), a + 3.0)
    tint = _TINT.get(bar.kind, _OTHER_TINT)
    parts = [
        f'<a href="{escape(bar.href)}"><title>{escape(bar.title)}</title>'
        f'<rect class="bar" x="{a:.1f}" y="{y:.1f}" width="{b - a:.1f}" height="12" rx="2" '
        f'style="fill:{tint}{";fill-opacity:.5" if bar.solid else ""}"/>'
    ]
    for s, e in bar.solid:
        left, right = px(s), px(e)
        if right > left:
            parts.append(
                f'<rect x="{left:.1f}" y="{y:.1f}" width="{right - left:.1f}" height="12" style="fill:{tint}"/>'
            )
    wide = len(bar.text) * _LETTER + 8
    if b - a >= wide:
        parts.append(f'<text class="in-bar" x="{a + 4:.1f}" y="{y + 9.5:.1f}">{escape(bar.text)}</text>')
    elif b + wide <= min(following, _WIDTH):
        parts.append(f'<text class="in-bar" x="{b + 4:.1f}" y="{y + 9.5:.1f}">{escape(bar.text)}</text>')
    return "".join(parts) + "</a>"


def _short(label: str) -> str:
    return label if len(label) <= 17 else label[:16] + "…"
