"""Cases of findings: flights as plans, what receivers make of them, and what must be found, from a TOML file.

A file has a ``description``, optionally a ``[question]`` (``near`` and the like), and lists:

``[[flight]]``
    ``object_id``, ``start`` (UTC), ``waypoints`` (rows of lat_deg, lon_deg, alt_ft, gs_kt; the last two may be left
    out where they stay as they were), and any field of ``sim.observe.Equipment`` (``callsign``, ``type_code``,
    ``squawk`` are given if missing). ``from`` and ``to`` name airfields of the simulated story; without them the flight
    begins or ends in the air. One with ``behind = "icao:…"`` follows another: ``apart_s``, ``trail_s``, ``join_s``,
    ``right_m``, ``above_ft`` as for ``sim.truth.wingman``. With ``heard_as`` it is reported under that address.
``[[crowd]]``
    ``count`` more flights straight across the box ``lat_deg``, ``lon_deg`` (each ``[low, high]``), one way or the
    other, beginning between ``start`` and ``end``; ``seed``, ``alt_ft``, ``gs_kt``, ``mlat`` (sends no position).
``[[outage]]``
    ``object_id`` (``everybody`` for all), ``start``, ``end``: when nothing of it is received.
``[[fault]]``
    ``object_id``, ``start``, ``end``, ``kind`` (a name of ``sim.faults``) and what that takes: what is wrong with its
    reports.
``[[site]]``
    Receivers: ``name``, ``lat_deg``, ``lon_deg``, ``height_m``. Without any, everything is seen: ``[everywhere]``.
``[[expect]]``
    One finding: ``kind``, ``subjects`` (in any order), and what of it is checked: ``measures`` (name = [low, high]
    around the value), ``covers`` (measures whose interval must hold a number), ``details`` (equal), ``between``
    (start and end must lie within), ``says`` (parts of the sentence).
``[[refuse]]``
    ``kind``, and if given ``subjects`` and ``details``: no such finding may be there.
"""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from testigos.findings import find_all, scene, survey_all
from testigos.fuse import tracks as fuse_tracks
from testigos.model import Finding, Question, iso_utc, parse_utc
from testigos.sim.faults import FAULTS
from testigos.sim.observe import Equipment, Outage, Site, observe
from testigos.sim.story import FIELDS
from testigos.sim.truth import Plan, Waypoint, fly, wingman
from testigos.world import World

FOLDER = Path(__file__).parent / "cases"
_WINGMAN = ("apart_s", "trail_s", "join_s", "right_m", "above_ft")
_EQUIPMENT = {f.name for f in dataclasses.fields(Equipment)}


def paths() -> list[Path]:
    return sorted(FOLDER.glob("*/*.toml"))


def _sites(case: Mapping[str, Any], truths: Sequence[pl.DataFrame]) -> list[Site]:
    if "site" in case:
        return [Site(**s) for s in case["site"]]
    # five masts round each stretch of the flights, so that everything is heard, by multilateration too
    spots = {
        (round(lat / 2.0) * 2.0 + a, round(lon / 2.0) * 2.0 + b)
        for t in truths
        for lat, lon in t.select("lat_deg", "lon_deg").gather_every(300).iter_rows()
        for a, b in ((0.0, 0.0), (0.9, 0.9), (-0.9, 0.9), (0.9, -0.9), (-0.9, -0.9))
    }
    return [Site(f"mast {i}", lat, lon, 300.0) for i, (lat, lon) in enumerate(sorted(spots))]


def _flights(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those named, and the crowds."""
    every = list(case["flight"])
    for number, crowd in enumerate(case.get("crowd", ())):
        rng = np.random.default_rng(crowd["seed"])
        first, last = parse_utc(crowd["start"]), parse_utc(crowd["end"])
        for i in range(crowd["count"]):
            ends = [[rng.uniform(*crowd["lat_deg"]), lon] for lon in crowd["lon_deg"]][:: rng.choice([1, -1])]
            ends[0] += [crowd.get("alt_ft", 35_000), crowd.get("gs_kt", 450)]
            told = {"object_id": f"icao:c{number}{i:04x}", "callsign": f"QQ{number}{i:03d}", "type_code": "A320"}
            told |= {"start": iso_utc(int(rng.uniform(first, last))), "waypoints": ends}
            every.append(told | ({"adsb": False} if crowd.get("mlat") else {}))
    return every


def truths(case: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """The true track of every flight, by object."""
    made: dict[str, pl.DataFrame] = {}
    for flight in _flights(case):
        name = flight["object_id"]
        if "behind" in flight:
            made[name] = wingman(made[flight["behind"]], name, **{k: flight[k] for k in _WINGMAN if k in flight})
        else:
            ways = [Waypoint(*row) for row in flight["waypoints"]]
            start, end = (FIELDS.get(flight.get(k, "")) for k in ("from", "to"))
            made[name] = fly(Plan(name, parse_utc(flight["start"]), ways, departure=start, arrival=end))
    return made


def tracks(case: Mapping[str, Any]) -> pl.DataFrame:
    """What fusion makes of what receivers heard."""
    flown = truths(case)
    sites = _sites(case, list(flown.values()))
    outages = [
        Outage(name, parse_utc(o["start"]), parse_utc(o["end"]))
        for o in case.get("outage", ())
        for name in (flown if o["object_id"] == "everybody" else [o["object_id"]])
    ]
    reports = []
    for flight in _flights(case):
        told = {"callsign": flight["object_id"][-4:].upper(), "type_code": "", "squawk": "2000"}
        told |= {k: v for k, v in flight.items() if k in _EQUIPMENT}
        told |= {k: parse_utc(told[k]) for k in ("on_ns", "off_ns") if k in told}
        heard = observe(flown[flight["object_id"]], Equipment(**told), sites, outages)
        for fault in (f for f in case.get("fault", ()) if f["object_id"] == flight["object_id"]):
            asked = {k: v for k, v in fault.items() if k not in ("object_id", "start", "end", "kind")}
            heard = FAULTS[fault["kind"]](heard, parse_utc(fault["start"]), parse_utc(fault["end"]), **asked)
        reports.append(heard.with_columns(pl.lit(flight.get("heard_as", flight["object_id"])).alias("object_id")))
    rows = pl.concat(reports, how="diagonal_relaxed")
    # a frame for each row, so that findings have evidence
    rows = rows.with_columns(
        pl.lit(1, pl.UInt64).alias("segment"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset")
    )
    return fuse_tracks(rows)[0]


def found(case: Mapping[str, Any], world: World) -> list[Finding]:
    """All findings of a case."""
    asked = dict(case.get("question", {}))
    asked |= {k: tuple(asked[k]) for k in ("near", "subjects") if k in asked}
    fused, here = tracks(case), scene(Question(**asked), world)
    return find_all(fused, dataclasses.replace(here, surveys=survey_all(fused, fused, here)))


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))
