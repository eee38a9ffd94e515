"""Sorties: when and where an object was first and last seen, and the airfields only where the data bear them."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.findings._ends import State, airfield_end
from testigos.findings.scene import Scene, by_leg, frame_ids
from testigos.geo import distance_m, inverse_arrays
from testigos.model import Finding, Interval, Method, iso_utc
from testigos.units import S_NS

__all__ = ["KIND", "METHOD", "RANK", "find"]

KIND: Final = "sortie"
RANK: Final = 2
METHOD: Final = Method("sortie: legs by ground contact and silence; airfields by altitude, speed and geometry", "1")

_RUN_S: Final = 90.0  # how much of the track shows how it moves at its end
_FAST_KT: Final = 60.0  # nobody taxies faster

Floats = npt.NDArray[np.float64]


def _state(table: pl.DataFrame, departing: bool) -> State:
    """How the track moves at its first or last fix, seen outwards."""
    edge = 0 if departing else len(table) - 1
    time_s = table["time_ns"].to_numpy() / S_NS
    near = np.flatnonzero(np.abs(time_s - time_s[edge]) <= _RUN_S)
    inner = int(near[-1] if departing else near[0])
    if inner == edge and len(table) > 1:
        inner = 1 if departing else len(table) - 2  # the only other fix may be minutes away: still a direction
    row, other = table.row(edge, named=True), table.row(inner, named=True)
    alt = _altitude(row)
    dt = abs(time_s[edge] - time_s[inner])
    apart, azimuth, _ = (
        float(v) for v in inverse_arrays(other["lat_deg"], other["lon_deg"], row["lat_deg"], row["lon_deg"])
    )
    course = row["track_deg"]
    if course is not None:
        course = (course + 180.0) % 360.0 if departing else course
    elif apart > 200.0:
        course = azimuth
    speed = row["gs_kt"]
    if speed is None and dt > 0:
        speed = apart / dt / (1852.0 / 3600.0)
    inner_alt = _altitude(other)
    sink = None
    if alt is not None and inner_alt is not None and dt >= 10.0:
        sink = (inner_alt - alt) / dt * 60.0
    elif row["vrate_fpm"] is not None:
        sink = row["vrate_fpm"] if departing else -row["vrate_fpm"]
    ground = bool(row["on_ground"]) and (speed is None or speed < 250.0)
    return State(row["lat_deg"], row["lon_deg"], alt, ground, course, sink, speed, departing)


def _altitude(row: dict[str, Any]) -> float | None:
    for name in ("alt_msl_ft", "alt_baro_ft", "alt_geom_ft"):
        if row[name] is not None:
            return float(row[name])
    return None


def _contact(table: pl.DataFrame, departing: bool) -> tuple[int, int]:
    """Rows between which it left the ground (or came back): the last on it and the first off it.

    Both are the track's own end where it was never seen on the ground.
    """
    ground = table["on_ground"].fill_null(False).to_numpy()
    air = np.flatnonzero(~ground)
    edge = 0 if departing else len(table) - 1
    if len(air) == 0:
        return edge, edge
    off = int(air[0] if departing else air[-1])
    return (max(off - 1, 0), off) if departing else (min(off + 1, len(table) - 1), off)


def _end(table: pl.DataFrame, departing: bool, scene: Scene) -> dict[str, Any]:
    row = table.row(0 if departing else len(table) - 1, named=True)
    state = _state(table, departing)
    fields = scene.world.airfields
    found = airfield_end(state, fields)
    on, off = _contact(table, departing)
    end: dict[str, Any] = {
        "status": "first_seen" if departing else "lost",
        "icao": None,
        "name": None,
        "lat_deg": row["lat_deg"],
        "lon_deg": row["lon_deg"],
        "alt_ft": None if row["on_ground"] else state.alt_ft,
        "on_ground": state.on_ground,
        # when it left the ground, or touched it: the first fix in the air and the first back on the ground
        "time": iso_utc(int(table["time_ns"][off if departing else on])),
        "seen": iso_utc(row["time_ns"]),
        "confidence": round(1.0 - found.probability, 3),
    }
    if found.row >= 0:
        field = fields.table.row(found.row, named=True)
        end |= {
            "status": "airfield",
            "icao": field["icao"],
            "name": field["name"],
            "confidence": round(found.probability, 3),
        }
    return end


def _sortie(subject: str, leg: int, table: pl.DataFrame, scene: Scene) -> Finding:
    time_ns = table["time_ns"]
    lat, lon = table["lat_deg"].to_numpy(), table["lon_deg"].to_numpy()
    steps = distance_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    dt = np.diff(time_ns.to_numpy()) / S_NS
    departure, arrival = _end(table, True, scene), _end(table, False, scene)
    kinds = table["source"].cast(pl.String).value_counts(sort=True)
    signs = table["callsign"].drop_nulls().value_counts().sort(["count", "callsign"], descending=[True, False])
    measures = {
        "duration": Interval(round(float(dt.sum()), 3), "s"),
        "distance_flown": Interval(round(float(steps.sum()), 1), "m", round(float(steps.sum()), 1), None, None),
    }
    if len(dt):
        measures["longest_gap"] = Interval(round(float(dt.max()), 3), "s")
    caveats = []
    if departure["status"] != "airfield":
        caveats.append("where it came from is not observable: the track begins " + _where(departure))
    if arrival["status"] != "airfield":
        caveats.append("where it went is not observable: the track ends " + _where(arrival))
    caveats.append("the distance flown is along the fixes: a lower bound between them, an upper one on noise")
    ends = [e["confidence"] for e in (departure, arrival) if e["status"] == "airfield"]
    return Finding(
        kind=KIND,
        subjects=(subject,),
        start_ns=int(time_ns[0]),
        end_ns=int(time_ns[-1]),
        confidence=min(ends, default=0.95),
        method=METHOD,
        measures=measures,
        departure=departure,
        arrival=arrival,
        details={
            "leg": leg,
            "callsign": signs["callsign"][0] if len(signs) else None,
            "type_code": _first(table, "type_code"),
            "sources": dict(sorted(zip(kinds["source"], kinds["count"], strict=True))),
            "fixes": len(table),
        },
        reasons=(f"{len(table)} fixes in a row that belong to one flight",),
        caveats=tuple(caveats),
        evidence=frame_ids(table[[0, -1]]),
        data=(scene.world.airfields.source,),
    )


def _where(end: dict[str, Any]) -> str:
    if end["on_ground"]:
        return "on the ground, at no known airfield"
    if end["alt_ft"] is None:
        return "at an unknown altitude"
    return f"in the air, at {end['alt_ft']:,.0f} ft"


def _first(table: pl.DataFrame, column: str) -> Any:
    values = table[column].drop_nulls()
    return values[0] if len(values) else None


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """One finding for each leg that has a usable fix in the question's window.

    ``tracks``: columns of ``schema.TRACKS``. The whole leg counts, also where it leaves the window.
    """
    usable = tracks.filter(pl.col("status") == "ok")
    question = scene.question
    found = []
    for (subject, leg), table in by_leg(usable):
        first, last = int(table["time_ns"][0]), int(table["time_ns"][-1])
        if question.start_ns is not None and last < question.start_ns:
            continue
        if question.end_ns is not None and first >= question.end_ns:
            continue
        found.append(_sortie(subject, leg, table, scene))
    return found
