"""Orbits: where an aircraft stayed, since when, in which pattern; circles, racetracks, figures of eight, searches.

A stay is found by confinement, not by turning: a window of time in which the way flown is at least three times the
diagonal of the box that holds it, for boxes from half a nautical mile to 300 (see ``_stays``). A flight out and home
fills its box twice, an arrival with vectors less than three times, a lap of a racetrack with legs of 80 NM twice.
Fixes may be a second or a minute apart, multilaterated, or missing for a while: a silence shortens the way and never
lengthens it, and what lies in it is not counted as seen.

Within a stay the main direction of flight gives the axes; passes through the middle, with a hysteresis, give half laps.
The courses, summed and with turns back of less than 100 degrees ignored, give the turns. Then, in this order:

- turns one way (at least 70 % of all turning) and two laps or more: *search* where the laps widen steadily (rank
  correlation of their reach with time of at least 0.9, and doubled), *racetrack* where courses along one line prevail
  (the resultant of the doubled courses is at least 0.12: legs of 0.4 turn radii), *circle* where the short axis is at
  least 72 % of the long one and no four courses prevail, else *circuit*;
- turns that alternate, in at least five legs of like length: *search* where the legs advance across (rank correlation
  of at least 0.9), else *figure_of_eight* (a line flown to and fro is one too, with a short axis of almost nothing);
- else *loiter*, where it went on for 20 minutes and the way is four diagonals or more; a single full turn, or S-turns
  before landing, are nothing.

On station it is from its entry of the area that it flies again and again to its leaving it. A lap flown less than
twice is none. All thresholds are own rules; how often they are right is measured in bench/orbits.py.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import words
from testigos.findings._orbit import Shape, shape
from testigos.findings._stays import SILENCE_S, STEP_S, Clocked, clocked, stays
from testigos.findings.scene import Scene, by_leg, frame_ids
from testigos.geo import distance_m
from testigos.model import Finding, Interval, Method, iso_utc
from testigos.units import LENGTH_UNITS, NMI_M, S_NS, LengthUnit

__all__ = ["KIND", "METHOD", "RANK", "find", "sentence"]

KIND: Final = "orbit"
RANK: Final = 5
METHOD: Final = Method("orbit: confinement over all sizes, passes and turns", "1")

Floats = npt.NDArray[np.float64]

CUT_S: Final = 1_800.0  #: over a longer silence nothing is taken to go on: it is longer than most laps
#: Error of when it came on station and left, of half a lap (of a leg, where no lap repeats); of the axes, where fewer
#: than four laps tell how even they are, and of a search, with a silence in it too; and of the direction of the long
#: axis. Chosen in bench/orbits.py on one series of variants, for 95 %, and checked on others.
EDGE: Final = 0.6
EDGE_SEARCH: Final = 1.0
UNEVEN: Final = 0.08
UNEVEN_SEARCH: Final = 0.2
UNEVEN_SILENT: Final = 0.4
TILT_DEG: Final = 1.0
_NEAR_FIELD_M: Final = 40 * NMI_M  # holdings for an airfield lie within this
_NEAR_FIELD_FT: Final = 25_000.0
_MARKS: Final = 12  # of laps, as evidence
_ALTITUDES: Final = ("alt_baro_ft", "alt_msl_ft", "alt_geom_ft")
_NEEDED: Final = (
    "object_id", "leg", "time_ns", "lat_deg", "lon_deg", *_ALTITUDES, "radius95_m", "radius_basis", "source", "segment",
    "offset",
)  # fmt: skip
_NMI: Final = LENGTH_UNITS["nmi"]
_PHRASES: Final = {
    "circle": "circled",
    "racetrack": "flew a racetrack",
    "circuit": "flew circuits",
    "figure_of_eight": "flew figures of eight",
    "search": "flew parallel legs that advanced, consistent with a search or a survey,",
    "widening": "flew laps{} that widened, consistent with a search,",
    "loiter": "stayed in one area without a pattern that the fixes show,",
}


class _Fixes(NamedTuple):
    """The fixes of one stretch without a long silence; ``time_s`` from ``base_ns``, ``radius_m`` NaN if unknown."""

    table: pl.DataFrame
    base_ns: int
    time_s: Floats
    radius_m: Floats

    def at(self, time_s: float) -> int:
        """When that was, in nanoseconds."""
        return self.base_ns + round(time_s * 1000.0) * (S_NS // 1000)


def _stretches(table: pl.DataFrame) -> list[_Fixes]:
    time_ns = table["time_ns"].to_numpy()
    edges = [0, *(np.flatnonzero(np.diff(time_ns) > CUT_S * S_NS) + 1).tolist(), len(table)]
    found = []
    for first, stop in pairwise(edges):
        if stop - first >= 5:
            part = table[first:stop]
            base = int(time_ns[first])
            radius = part["radius95_m"].cast(pl.Float64).fill_null(np.nan).to_numpy()
            found.append(_Fixes(part, base, (time_ns[first:stop] - base) / S_NS, radius))
    return found


def _silences(fixes: _Fixes, start_s: float, end_s: float) -> Floats:
    """Silences that touch the time on station: rows of beginning and end, in seconds."""
    quiet = np.flatnonzero(np.diff(fixes.time_s) > SILENCE_S)
    rows = np.column_stack((fixes.time_s[quiet], fixes.time_s[quiet + 1]))
    return np.asarray(rows[(rows[:, 1] > start_s) & (rows[:, 0] < end_s)])


def _spread(values: Floats, error: float | None, unit: str, digits: int, uneven: float = UNEVEN) -> Interval:
    """The median, and the range of all but extreme laps widened by an error; no bound where that is unknown.

    Of fewer than four laps the range says little: they count as uneven by a share of them.
    """
    middle = round(float(np.median(values)), digits)
    if error is None:
        return Interval(middle, unit)
    low, high = (values.min(), values.max()) if len(values) < 10 else np.quantile(values, (0.05, 0.95))
    more = error + (uneven * middle / len(values) if len(values) < 4 else 0.0)
    return Interval(middle, unit, round(max(0.0, float(low) - more), digits), round(float(high) + more, digits), 0.95)


def _measures(f: _Fixes, s: Shape, track: Clocked, silent: Floats, ends: tuple[bool, bool]) -> dict[str, Interval]:
    start, end = float(track.time_s[s.first]), float(track.time_s[s.last])
    rows = (f.time_s >= start) & (f.time_s <= end)
    lasted = end - start
    # where on the edge of the area a stay begins is a matter of a part of half a lap
    edge = (EDGE_SEARCH if s.pattern == "search" else EDGE) * s.half_s + STEP_S
    within = np.clip(silent, start, end)
    outside = (silent[:, 1] - silent[:, 0]).sum() - (within[:, 1] - within[:, 0]).sum()
    dark = float((within[:, 1] - within[:, 0]).sum())
    low = max(0.0, lasted - dark - 2.0 * edge)
    # where an area without a pattern ends is a matter of definition: of a loiter it is at least
    high = None if any(ends) or s.pattern == "loiter" else round(lasted + 2.0 * edge + float(outside), 1)
    measures = {"time_on_station": Interval(round(lasted, 1), "s", round(low, 1), high, 0.95)}

    radius = f.radius_m[rows]
    known = radius[np.isfinite(radius)]
    error = None
    if len(known) > 0.5 * len(radius) and not (s.pattern == "search" and s.spacing_m == 0.0):
        # two extremes, each with a fix's error, and what a turn does between two steps of the clock or two fixes
        step = max(STEP_S, float(np.median(np.diff(f.time_s[rows]))) if rows.sum() > 1 else STEP_S)
        turn = max(0.5 * float(np.median(s.short_m)), 1.0)
        sag = min((s.speed_mps * step) ** 2 / (8.0 * turn), turn)
        error = float(np.median(known)) * 1.5 + 2.0 * sag + 20.0
    uneven = UNEVEN if s.pattern != "search" else UNEVEN_SILENT if dark > 0.0 else UNEVEN_SEARCH
    measures["long_axis"] = _spread(s.long_m, error, "m", 0, uneven)
    # and a long axis that is off a little in its direction makes the short one longer
    tilt = math.sin(math.radians(TILT_DEG)) * float(np.median(s.long_m))
    measures["short_axis"] = _spread(s.short_m, None if error is None else error + tilt, "m", 0, uneven)
    if s.pattern not in ("loiter", "search"):
        measures["laps"] = Interval(float(s.laps), "1", float(s.laps), None, None)
        if len(s.laps_s):
            measures["period"] = _spread(s.laps_s, 2.0 * STEP_S, "s", 1)
    if s.pattern in ("search", "racetrack") and len(s.leg_m):
        measures["leg_length"] = _spread(s.leg_m, error, "m", 0)
    if s.spacing_m > 0.0:
        measures["leg_spacing"] = Interval(round(s.spacing_m), "m")
    if s.pattern != "circle":
        measures["orientation"] = Interval(round(s.orientation_deg, 1) % 180.0, "deg")
    for name in _ALTITUDES:
        said = f.table[name].cast(pl.Float64).fill_null(np.nan).to_numpy()[rows]
        said = said[np.isfinite(said)]
        if len(said) > 0.5 * rows.sum():
            low_ft, high_ft = (round(float(q)) for q in np.quantile(said, (0.05, 0.95)))
            measures["altitude"] = Interval(round(float(np.median(said))), "ft", low_ft, high_ft, None)
            break
    return measures


def _field(subject: str, leg: int, s: Shape, altitude: Interval | None, here: Scene) -> dict[str, Any] | None:
    """The airfield that this sortie left or reached, where it may have flown the pattern for it."""
    if altitude is None or altitude.value is None or altitude.value > _NEAR_FIELD_FT:
        return None
    best: dict[str, Any] | None = None
    for finding in here.found:
        if finding.kind != "sortie" or finding.subjects != (subject,) or finding.details.get("leg") != leg:
            continue
        for end in (finding.arrival, finding.departure):
            row = here.world.airfields.row(str(end["icao"])) if end and end.get("icao") else None
            if row is None:
                continue
            far = float(distance_m(s.lat_deg, s.lon_deg, row["lat_deg"], row["lon_deg"]))
            if far <= _NEAR_FIELD_M and (best is None or far < best["distance_m"]):
                best = {"icao": row["icao"], "name": row["name"], "distance_m": round(far)}
    return best


def _confidence(s: Shape, dark: float, rough: bool) -> float:
    """Own rule, checked against the precision in bench/orbits.py."""
    sure = 0.8 if s.pattern == "loiter" or s.laps < 3 else 0.9 if s.laps < 4 else 0.95
    return round(sure * (1.0 - 0.3 * dark) - (0.1 if rough else 0.0), 2)


def _finding(subject: str, leg: int, f: _Fixes, track: Clocked, s: Shape, ends: tuple[bool, bool],
             here: Scene) -> Finding:  # fmt: skip
    start, end = float(track.time_s[s.first]), float(track.time_s[s.last])
    silent = _silences(f, start, end)
    measures = _measures(f, s, track, silent, ends)
    marks = [float(m) for m in s.marks if start <= m <= end]
    wanted = [start, *marks[:: max(1, -(-len(marks) // _MARKS))], end]
    rows = np.unique(np.clip(np.searchsorted(f.time_s, wanted), 0, len(f.time_s) - 1))
    bases = f.table["radius_basis"][int(rows[0]) : int(rows[-1]) + 1]
    sources = f.table["source"].cast(pl.String)[int(rows[0]) : int(rows[-1]) + 1]
    mlat = bool((sources == "mlat").sum() > 0.5 * len(sources))
    dark_s = float((np.clip(silent, start, end)[:, 1] - np.clip(silent, start, end)[:, 0]).sum())

    caveats = []
    if ends[0]:
        caveats.append("it was there when it was first seen: for how long before is not observable")
    if ends[1]:
        caveats.append("it was there when it was last seen: for how long after is not observable")
    if dark_s > 0.0:
        caveats.append(
            f"{words.duration(dark_s)} of it were silent: what it flew then is not observable, and laps are at least"
        )
    widening = s.pattern == "search" and s.spacing_m == 0.0
    if widening:
        caveats.append("the axes are those of the area between its first turn and its last, without an interval")
    elif measures["long_axis"].low is None:
        caveats.append("its positions say nothing of their quality, so the axes have no interval")
    elif mlat:
        caveats.append(
            f"the 95 % radius of multilaterated positions is assumed: {np.nanmedian(f.radius_m):.0f} m; "
            "they are smoothed, which rounds turns off"
        )
    if bool((bases == "assumed_by_user").any()):
        caveats.append("the 95 % radius of the positions is the user's assumption")
    if s.pattern == "loiter":
        caveats.append("a pattern finer than its fixes would not be seen")
        caveats.append("nothing repeats that would tell when it came and left, so the time is at least")
    field = _field(subject, leg, s, measures.get("altitude"), here)
    if field is not None:
        caveats.append(f"near {field['name']} ({field['icao']}), where aircraft hold before landing and train")
    turning = s.pattern in ("circle", "racetrack", "circuit") or widening
    details = {
        "leg": leg,
        "pattern": s.pattern,
        "search": None if s.pattern != "search" else "widening" if widening else "ladder",
        "direction": s.direction if turning else None,
        "centre": {"lat_deg": round(s.lat_deg, 4), "lon_deg": round(s.lon_deg, 4)},
        "legs": s.legs if s.pattern == "search" and not widening else None,
        "lap_times": [iso_utc(f.at(m)) for m in marks],
        "seen_before": not ends[0],
        "seen_after": not ends[1],
        "silent_s": round(dark_s, 1),
        "source": "mlat" if mlat else None,
        "airfield": field,
    }
    way = s.speed_mps * (end - start)
    reasons = [
        f"it flew about {words.length(way, _NMI)} within an area of "
        f"{words.number(float(np.median(s.long_m)), _NMI, 1)} by {words.length(float(np.median(s.short_m)), _NMI, 1)}"
    ]
    if s.pattern == "search" and not widening:
        reasons.append(f"at least {words.count(s.legs)} parallel legs, {words.length(s.spacing_m, _NMI, 1)} apart")
    elif s.pattern != "loiter":
        reasons.append(
            f"at least {words.count(s.laps)} laps"
            + (
                f", {s.steadiness * 100:.0f} % of the turning to the {s.direction}"
                if turning
                else " with turns that alternate"
            )
        )
    return Finding(
        kind=KIND,
        subjects=(subject,),
        start_ns=f.at(start),
        end_ns=f.at(end),
        confidence=_confidence(s, dark_s / max(end - start, 1.0), mlat),
        method=METHOD,
        measures=measures,
        details=details,
        reasons=tuple(reasons),
        caveats=tuple(caveats),
        evidence=frame_ids(f.table[rows]),
        data=(here.world.airfields.source,) if field is not None else (),
    )


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """Where each sortie stayed, in the order of object and time.

    ``tracks``: columns of ``schema.TRACKS``; only ``ok`` rows in the air and in the question's window count.
    """
    question = scene.question
    keep = (pl.col("status") == "ok") & pl.col("lat_deg").is_not_null() & ~pl.col("on_ground").fill_null(False)
    if question.start_ns is not None:
        keep &= pl.col("time_ns") >= question.start_ns
    if question.end_ns is not None:
        keep &= pl.col("time_ns") < question.end_ns
    found = []
    for (subject, leg), table in by_leg(tracks.filter(keep).select(_NEEDED)):
        for f in _stretches(table):
            known = f.radius_m[np.isfinite(f.radius_m)]
            radius = float(np.median(known)) if len(known) else 0.0
            lat, lon = f.table["lat_deg"].to_numpy(), f.table["lon_deg"].to_numpy()
            track = clocked(f.time_s, lat, lon, radius)
            for stay in stays(track, radius):
                what = shape(track, stay)
                if what is not None:
                    ends = (what.first <= 1, what.last >= len(track.time_s) - 2)
                    found.append(_finding(subject, leg, f, track, what, ends, scene))
    return found


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """What it flew, for how long, where, how large."""
    label = names[finding.subjects[0]]
    told, measures = finding.details, finding.measures
    pattern = str(told["search"] if told.get("search") == "widening" else told["pattern"])
    way = f" to the {told['direction']}" if told.get("direction") else ""
    phrase = _PHRASES.get(pattern, "stayed")
    text = f"{label} {phrase.format(way) if '{}' in phrase else phrase + way}"
    lasted = measures["time_on_station"]
    least = lasted.high is None
    text += f" for {'at least' if least else 'about'} {words.duration(float(lasted.value or 0.0))}"
    first, last = finding.start_ns, finding.end_ns
    later = "" if words.day(first) == words.day(last) else f" on {words.day(last)}"
    text += f", from {words.minute(first)} on {words.day(first)} to {words.minute(last)}{later}"
    height = measures.get("altitude")
    if height is not None and height.value is not None:
        text += f", at {words.altitude(height.value)}"
    centre = told["centre"]
    text += f", around {words.point(centre['lat_deg'], centre['lon_deg'], 2)}"
    field = told.get("airfield")
    if field:
        text += f" near {words.name(field['name'])}"
    parts = []
    laps, period = measures.get("laps"), measures.get("period")
    if laps is not None and laps.value is not None:
        parts.append(f"at least {words.count(int(laps.value))} laps")
        if period is not None and period.value is not None:
            parts[-1] += f" of about {words.duration(period.value)}"
    if told.get("legs"):
        parts.append(f"at least {words.count(int(told['legs']))} legs")
    long_axis, short_axis = measures["long_axis"], measures["short_axis"]
    if long_axis.value is not None and short_axis.value is not None:
        digits = words.decimals(long_axis, unit)
        size = f"some {words.number(long_axis.value, unit, digits)} by "
        parts.append(size + words.length(short_axis.value, unit, digits))
    if told.get("source") == "mlat":
        parts.append("by multilaterated positions")
    return f"{text} ({'; '.join(parts)})."
