"""Closest approach: how near an object came to a place, as observed, at 95 %, and at the very least.

The observed value is at a fix, to be found again in the evidence. The interval accounts for the error of the
fixes, the error of the coast, and what can have happened between fixes (see ``_prism``), at the speeds the
object was seen to fly (95 %) and at the highest it can fly (bound). Before the first fix and after the last
nothing is bounded, and the caveats say so.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import words
from testigos.findings._prism import lower_bound
from testigos.findings.phrases import bound, deciding_time, land_note, place_phrase, territorial_phrase
from testigos.findings.scene import Scene, by_leg, frame_ids, in_question
from testigos.geo import distance_m
from testigos.model import Finding, Interval, Method, iso_utc
from testigos.units import KT_MPS, S_NS, LengthUnit
from testigos.world import Place
from testigos.world.places import TERRITORIAL_SEA_M, TERRITORIAL_SEA_NOTE

__all__ = ["KIND", "METHOD", "RANK", "find", "sentence"]

KIND: Final = "approach"
RANK: Final = 3
METHOD: Final = Method("approach: fixes, space-time prisms on the ellipsoid", "1")

FAR_M: Final = 40 * TERRITORIAL_SEA_M  #: beyond it the territorial sea is no question, whatever a fix is worth
WIND_MPS: Final = 100.0  #: a jet stream; on top of the type's air speed
#: 95 %: how much faster than at either side of a gap, and than usual, it flew in it. Chosen in bench/gaps.py.
SPEED95_ADD_MPS: Final = 2.0
_SIDE_S: Final = 60.0  # how long before and after a gap its speed is looked at, where the fixes do not say it
_GAP_S: Final = 60.0  #: a silence worth a word

Floats = npt.NDArray[np.float64]


class _Fixes(NamedTuple):
    """The fixes of one sortie as arrays (N,)."""

    table: pl.DataFrame
    time_s: Floats
    lat: Floats
    lon: Floats
    speed_mps: Floats
    radius95: Floats
    radius_max: Floats


def _fixes(table: pl.DataFrame) -> _Fixes:
    def column(name: str) -> Floats:
        return table[name].cast(pl.Float64).fill_null(np.nan).to_numpy().astype(np.float64)

    return _Fixes(
        table,
        table["time_ns"].to_numpy() / S_NS,
        table["lat_deg"].to_numpy(),
        table["lon_deg"].to_numpy(),
        column("gs_kt") * KT_MPS,
        column("radius95_m"),
        column("radius_max_m"),
    )


def _speeds(f: _Fixes) -> tuple[Floats, Floats]:
    """Speed over ground on arrival at each fix and on leaving it, in m/s: as said, or as flown; NaN unknown."""
    n = len(f.time_s)
    here = np.arange(n)
    first = np.clip(np.searchsorted(f.time_s, f.time_s - _SIDE_S), 0, np.maximum(here - 1, 0))
    last = np.clip(np.searchsorted(f.time_s, f.time_s + _SIDE_S, side="right") - 1, np.minimum(here + 1, n - 1), n - 1)

    def flown(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> Floats:
        dt = f.time_s[b] - f.time_s[a]
        # straight, and not over an instant: the noise of fixes must not count as a speed
        way = distance_m(f.lat[a], f.lon[a], f.lat[b], f.lon[b])
        return np.asarray(np.divide(way, dt, out=np.full(n, np.nan), where=dt >= _SIDE_S / 4))

    said = np.isfinite(f.speed_mps)
    return np.where(said, f.speed_mps, flown(first, here)), np.where(said, f.speed_mps, flown(here, last))


def likely_reach(f: _Fixes) -> Floats:
    """The longest way between each fix and the next at 95 %, without their radii: (N - 1,) metres.

    Own rule: an object hardly ever flies faster on average, while unseen, than at one side of the gap or than it
    usually does. Coverage and widths are measured in bench/gaps.py.
    """
    dt = np.diff(f.time_s)
    if len(dt) == 0:
        return dt
    arriving, leaving = _speeds(f)
    if np.isfinite(f.speed_mps).any():
        usual = np.nanmedian(f.speed_mps)
    else:
        usual = np.median(distance_m(f.lat[:-1], f.lon[:-1], f.lat[1:], f.lon[1:]) / np.maximum(dt, 1.0))
    # fmax passes over unknown speeds
    speed = np.fmax(np.fmax(arriving[:-1], leaving[1:]), usual)
    return np.asarray(dt * (speed + SPEED95_ADD_MPS))


def _lower(f: _Fixes, near: Floats, reach: Floats, radius: Floats, place: Place) -> tuple[float | None, int]:
    """Lower bound and its pair; null where a fix that could decide has no radius."""
    if np.isnan(radius).all():  # a lone fix has no neighbour that would tell
        return None, -1
    total = reach + radius[:-1] + radius[1:]
    unknown = np.isnan(total)
    least = float(np.nanmin(near))
    if unknown.any():
        # a fix without radius is harmless only where it is far from deciding, even if it were 50 km off
        doubtful = 0.5 * (near[:-1] + near[1:] - reach) - 50_000.0
        if (doubtful[unknown] < least).any():
            return None, -1
        total = np.where(unknown, reach + 100_000.0, total)
    bound = lower_bound(f.lat, f.lon, near, total, place.index)
    single = near - np.where(np.isnan(radius), 50_000.0, radius)
    return max(0.0, min(bound.distance_m, float(single.min()))), bound.pair


def _territorial(value: float, low: float | None, high: float | None, hard: float | None) -> dict[str, Any]:
    """Did it come within 12 nautical miles of this coast, and at what level is that known?

    ``seen_inside``: a fix lies there, but nothing says how good it is. ``far``: so does none that could.
    """
    status, level = "cannot_tell", None
    if low is None:
        status = "seen_inside" if value < TERRITORIAL_SEA_M else "far" if value > FAR_M else status
    if high is not None and high < TERRITORIAL_SEA_M:
        status, level = "entered", 0.95
    elif hard is not None and hard > TERRITORIAL_SEA_M:
        status, level = "not_entered", 1.0
    elif low is not None and low > TERRITORIAL_SEA_M:
        status, level = "not_entered", 0.95
    return {
        "status": status,
        "level": level,
        "limit_m": TERRITORIAL_SEA_M,
        "observed_inside": value < TERRITORIAL_SEA_M,
    }


def _approach(subject: str, leg: int, f: _Fixes, place: Place, here: Scene) -> Finding:
    found = place.nearest(f.lat, f.lon)
    over = place.contains(f.lat, f.lon)
    near = np.where(over, 0.0, found.distance_m)
    at = int(near.argmin())
    value = float(near[at])
    coast_error = float(place.coast_error_m)

    identity = here.world.identity
    code = f.table["type_code"].drop_nulls()
    type_code = code[0] if len(code) else identity.who(subject).type_code
    kind = identity.aircraft_type(type_code)
    # an object is never bounded by less than it was seen to fly
    seen_mps = float(np.nanmax(f.speed_mps)) if np.isfinite(f.speed_mps).any() else 0.0
    limit_mps = max(identity.max_speed_kt(type_code) * KT_MPS + WIND_MPS, seen_mps)
    low95, pair95 = _lower(f, near, likely_reach(f), f.radius95, place)
    hard, _ = _lower(f, near, np.diff(f.time_s) * limit_mps, f.radius_max, place)
    low95 = None if low95 is None else max(0.0, low95 - coast_error)
    hard = None if hard is None else max(0.0, hard - coast_error)
    if low95 is not None and hard is not None:
        low95 = max(low95, hard)
    highs = near + f.radius95
    high95 = float(np.nanmin(highs)) + coast_error if low95 is not None else None
    most = near + f.radius_max
    hard_high = float(np.nanmin(most)) + coast_error if hard is not None else None

    dt = np.diff(f.time_s)
    gap = None
    decides = [at]
    if pair95 >= 0 and len(dt):
        decides = sorted({at, pair95, pair95 + 1})
        if dt[pair95] >= _GAP_S:
            gap = {
                "start": iso_utc(int(f.table["time_ns"][pair95])),
                "end": iso_utc(int(f.table["time_ns"][pair95 + 1])),
                "seconds": round(float(dt[pair95]), 3),
            }
    row = f.table.row(at, named=True)
    basis, radius = row["radius_basis"], row["radius95_m"]
    measures = {"distance": _interval(value, low95, high95, 0.95)}
    if hard is not None:
        measures["distance_bound"] = _interval(None, hard, hard_high, 1.0)
    if len(dt):
        measures["longest_gap"] = Interval(round(float(dt.max()), 3), "s")
    if radius is not None:
        measures["fix_error"] = Interval(round(float(radius), 1), "m", 0.0, round(float(radius), 1), 0.95)
    caveats = ["nothing is known before the first fix and after the last"]
    if coast_error > 0:
        caveats.append(f"the coast is known to about {coast_error:.0f} m")
    if low95 is None:
        caveats.append("a deciding position says nothing of its quality, so no interval is given")
    elif hard is None:
        caveats.append("a deciding position has no containment radius, so no certain bound is given")
    if basis == "assumed_mlat":
        caveats.append(f"the 95 % radius of multilaterated positions is assumed: {radius:.0f} m")
    if basis == "assumed_by_user":
        caveats.append(f"the 95 % radius of the positions is the user's assumption: {radius:.0f} m")
    if hard is not None:
        of = kind.name if kind else "an aircraft of unknown type"
        caveats.append(f"the bound takes {limit_mps:.0f} m/s over ground as the highest speed of {of}")
    details = {
        "leg": leg,
        "time": iso_utc(row["time_ns"]),
        "lat_deg": row["lat_deg"],
        "lon_deg": row["lon_deg"],
        "alt_ft": row["alt_baro_ft"] if row["alt_baro_ft"] is not None else row["alt_msl_ft"],
        "source": row["source"],
        "radius_basis": basis,
        "gap": gap,
        "speed_limit_mps": round(limit_mps, 1),
        "over_land": bool(over[at]),
    }
    if place.kind in ("country", "mainland", "island", "islands"):
        details["territorial_sea"] = _territorial(value, low95, high95, hard)
        if value < FAR_M and (low95 is None or low95 < 2 * TERRITORIAL_SEA_M):
            caveats.append(TERRITORIAL_SEA_NOTE)
    segment = place.segments.row(int(found.segment[at]), named=True)
    return Finding(
        kind=KIND,
        subjects=(subject,),
        start_ns=row["time_ns"],
        end_ns=row["time_ns"],
        confidence=_confidence(low95, basis, row["source"]),
        method=METHOD,
        measures=measures,
        place={
            "name": place.name,
            "kind": place.kind,
            "country": place.country_iso2,
            "lat_deg": round(float(found.lat_deg[at]), 6),
            "lon_deg": round(float(found.lon_deg[at]), 6),
            "polygon": segment["polygon"],
            "mainland": segment["mainland"],
            "island": segment["island"],
        },
        details=details,
        reasons=(
            f"{len(near)} fixes measured against {len(place.index)} segments of {place.source.name}",
            f"the deciding fix is from {row['source']}, its error from {basis or 'nothing'}",
        ),
        caveats=tuple(caveats),
        evidence=frame_ids(f.table[decides]),
        data=(place.source,),
    )


def _interval(value: float | None, low: float | None, high: float | None, level: float) -> Interval:
    """Rounded to 0.1 m, outwards; the level is claimed only with bounds."""
    return Interval(
        None if value is None else round(value, 1),
        "m",
        None if low is None else np.floor(low * 10.0).item() / 10.0,
        None if high is None else np.ceil(high * 10.0).item() / 10.0,
        None if low is None else level,
    )


def _confidence(low95: float | None, basis: str | None, source: str) -> float:
    """How sure the claim is as a whole: the interval's level where it rests on what the aircraft said."""
    if low95 is None:
        return 0.5
    return 0.95 if basis in ("nac_p", "rc") else 0.8


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """The closest approach of each sortie to each place asked for.

    ``tracks``: columns of ``schema.TRACKS``; only ``ok`` rows count, and only those in the question's window.
    """
    return [
        _approach(subject, leg, _fixes(table), place, scene)
        for (subject, leg), table in by_leg(in_question(tracks, scene))
        for place in scene.targets
    ]


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """How near it came, with the interval and what is impossible."""
    label = names[finding.subjects[0]]
    place = place_phrase(finding.place)
    measure = finding.measures.get("distance")
    if measure is None or measure.value is None:
        return f"How near {label} came to {place} is not observable."
    when = deciding_time(finding)
    at = f"at {words.clock(when)} on {words.day(when)}"
    if finding.details.get("over_land"):
        clause = "a multilaterated position" if finding.details.get("source") == "mlat" else ""
        return f"{label} was observed over {place} {at}{f' ({clause})' if clause else ''}."
    text = (
        f"{label} was observed {words.length(measure.value, unit, words.decimals(measure, unit))} "
        f"from {place}{land_note(finding.place)} {at}"
    )
    extra = []
    interval = words.span(measure, unit)
    if interval:
        extra.append(interval)
    error = finding.measures.get("fix_error")
    if error is not None and error.value is not None:
        extra.append(
            f"fix error {words.length(error.value, unit, 1 if error.value >= 0.05 * unit.metres else 2, 'up')}"
        )
    if finding.details.get("source") == "mlat":
        extra.append("a multilaterated position")
    text += f" ({'; '.join(extra)})" if extra else ""
    hole = finding.details.get("gap")
    if hole:
        text += f"; the track has {words.gap(float(hole['seconds']))}"
    hard = bound(finding)
    if hard is not None and hard.low is not None:
        text += (
            f"; it cannot have come nearer than {words.length(hard.low, unit, words.decimals(measure, unit), 'down')}"
            if hard.low > 0
            else "; its fixes leave it possible that it was over it"
        )
    else:
        text += f"; how much nearer {'than that ' if interval else ''}it may have come has no certain bound"
    sea = territorial_phrase(finding)
    return text + (f"; {sea}" if sea else "") + "."
