"""Refuelling: a tanker on station, with whom it was seen, and how far what was seen bears the word.

Tanker is who a type, an address or a database calls one. Three grades, of which no higher is given than the data bear;
own rules, on figures that are public (NATO ATP-3.3.4.2 and FAA Order JO 7610.4: receivers come within a mile astern at
the tanker's speed and altitude, and contacts last minutes):

- *consistent with refuelling*: the tanker and another that is no tanker kept company (see ``formation``), and for
  ``CONTACT_S`` both were surely (95 %) within ``CONTACT_M`` of each other, within ``CONTACT_FT`` of altitude and
  ``CONTACT_KT`` of speed. That fuel flowed nobody can see.
- *seen together*: they kept company, and the errors of their positions leave more than that open. Multilaterated
  positions never bear more: two of them can each be a mile off.
- *on station, no partner visible*: it stayed in an orbit (see ``orbit``), and nobody else was seen in its company then.
  Partners that send no position are invisible, so this is not "nobody was there".

Two tankers in company are a formation, and nothing is said of refuelling.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import words
from testigos.findings.scene import Scene, finding_ids, frame_ids, in_question
from testigos.geo import distance_m
from testigos.model import Finding, Interval, Method, iso_utc, parse_utc
from testigos.units import NMI_M, S_NS, LengthUnit

__all__ = ["KIND", "METHOD", "RANK", "find", "sentence"]

KIND: Final = "refuelling"
RANK: Final = 6
METHOD: Final = Method("refuelling: time in contact between company, tankers on station", "1")

CONTACT_M: Final = NMI_M
CONTACT_FT: Final = 1_000.0
CONTACT_KT: Final = 30.0
CONTACT_S: Final = 300.0
_SILENT_S: Final = 60.0  #: between fixes farther apart nothing is interpolated

Floats = npt.NDArray[np.float64]


def _column(rows: pl.DataFrame, *names: str) -> Floats:
    """The first of some columns that is known, row by row; NaN where none is."""
    value = rows.select(pl.coalesce([pl.col(n).cast(pl.Float64) for n in names])).to_series()
    return np.asarray(value.fill_null(np.nan).to_numpy(), np.float64)


def _together(tanker: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """At each fix of the tanker where the other's fixes are close in time: time_s, apart_m, doubt_m, feet, knots."""
    now, then = tanker["time_ns"].to_numpy() / S_NS, other["time_ns"].to_numpy() / S_NS
    after = np.clip(np.searchsorted(then, now), 1, max(len(then) - 1, 1))
    if len(then) < 2:
        return pl.DataFrame(schema=dict.fromkeys(("time_s", "apart_m", "doubt_m", "feet", "knots"), pl.Float64))
    span = then[after] - then[after - 1]
    part = np.clip((now - then[after - 1]) / np.maximum(span, 1e-9), 0.0, 1.0)

    def between(values: Floats) -> Floats:
        return np.asarray(values[after - 1] + part * (values[after] - values[after - 1]))

    lon = np.unwrap(_column(other, "lon_deg"), period=360.0)
    apart = distance_m(
        _column(tanker, "lat_deg"), _column(tanker, "lon_deg"), between(_column(other, "lat_deg")), between(lon)
    )
    # straight between fixes: a turn of 30 degrees of bank leaves less than this in a minute
    bend = np.minimum((span / 2.0) ** 2 * 2.0, 2_000.0) * (np.minimum(part, 1.0 - part) > 0.0)
    altitude = ("alt_baro_ft", "alt_msl_ft", "alt_geom_ft")
    inside = (now >= then[after - 1]) & (now <= then[after]) & (span <= _SILENT_S)
    return pl.DataFrame(
        {
            "time_s": now,
            "apart_m": apart,
            "doubt_m": _column(tanker, "radius95_m") + between(_column(other, "radius95_m")) + bend,
            "feet": np.abs(_column(tanker, *altitude) - between(_column(other, *altitude))),
            "knots": np.abs(_column(tanker, "gs_kt") - between(_column(other, "gs_kt"))),
        }
    ).filter(pl.Series(inside))


def _contact_s(met: pl.DataFrame) -> tuple[float, float]:
    """Seconds surely in contact, and seconds at most; between fixes at most ``_SILENT_S`` apart."""
    if len(met) < 2:
        return 0.0, 0.0
    step = np.minimum(np.diff(met["time_s"].to_numpy()), _SILENT_S)
    apart, doubt = met["apart_m"].to_numpy(), met["doubt_m"].to_numpy()
    alike = ~(met["feet"].to_numpy() > CONTACT_FT) & ~(met["knots"].to_numpy() > CONTACT_KT)
    known = np.isfinite(met["feet"].to_numpy()) & np.isfinite(met["knots"].to_numpy())
    sure = alike & known & (apart + doubt <= CONTACT_M)  # a doubt that is NaN makes nothing sure
    maybe = alike & ~(apart - np.nan_to_num(doubt, nan=np.inf) > CONTACT_M)
    return float(step[sure[:-1] & sure[1:]].sum()), float(step[maybe[:-1] | maybe[1:]].sum())


def _pair(number: str, company: Finding, pair: Mapping[str, Any], tanker: str, usable: pl.DataFrame) -> Finding:
    other = next(s for s in pair["subjects"] if s != tanker)
    start, end = parse_utc(pair["spans"][0]["start"]), parse_utc(pair["spans"][-1]["end"])
    in_time = usable.filter(pl.col("time_ns").is_between(start, end))
    own, partner = (in_time.filter(pl.col("object_id") == s) for s in (tanker, other))
    met = _together(own, partner)
    sure_s, most_s = _contact_s(met)
    consistent = sure_s >= CONTACT_S
    least = met.row(int(np.argmin(met["apart_m"].to_numpy())), named=True) if len(met) else None
    knots = met["knots"].drop_nans()
    measures = {
        "contact": Interval(round(sure_s, 1), "s", round(sure_s, 1), round(max(most_s, sure_s), 1), 0.95),
        "separation_min": Interval(**pair["separation_min"]),
        "vertical_separation": Interval(**pair["vertical_separation"]),
        "speed_difference": Interval(round(float(np.median(knots.to_numpy())), 1) if len(knots) else None, "kt"),
    }
    close = pl.concat([own.head(1), own.tail(1), partner.head(1), partner.tail(1)])
    if least is not None:
        moment = int(least["time_s"] * S_NS)
        near = [t.sort((pl.col("time_ns") - moment).abs()).head(1) for t in (own, partner)]
        close = pl.concat([close, *near])
    mlat = "mlat" in in_time["source"].cast(pl.String).unique().to_list()
    caveats = ["that fuel flowed nobody can see"]
    if mlat:
        caveats.append("multilaterated positions cannot show that they were within a mile of each other")
    if not consistent and not mlat:
        caveats.append("their positions do not show them within a mile of each other for five minutes")
    return Finding(
        kind=KIND,
        subjects=(tanker, other),
        start_ns=start,
        end_ns=end,
        confidence=round(company.confidence * (0.9 if consistent else 1.0), 2),
        method=METHOD,
        measures=measures,
        details={
            "grade": "consistent_with_refuelling" if consistent else "seen_together",
            "nearest": None if least is None else iso_utc(int(least["time_s"] * S_NS)),
            "of": [number],
        },
        reasons=(
            f"in contact (within {CONTACT_M:.0f} m, {CONTACT_FT:.0f} ft and {CONTACT_KT:.0f} kt) for {sure_s:.0f} s "
            f"surely, for {max(most_s, sure_s):.0f} s at most",
        ),
        caveats=tuple(caveats),
        evidence=frame_ids(close.sort("object_id", "time_ns")),
    )


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """Tankers with partners, pair by pair, and tankers on station without; from ``scene.found`` and the tracks."""
    tankers = {f.subjects[0] for f in scene.found if f.kind == "identity" and f.details.get("role") == "tanker"}
    if not tankers:
        return []
    usable = in_question(tracks, scene).filter(
        pl.col("object_id").is_in({s for f in scene.found if f.kind == "formation" for s in f.subjects} | tankers)
    )
    numbered = list(zip(finding_ids(scene.found), scene.found, strict=True))
    found = []
    for number, company in numbered:
        if company.kind != "formation":
            continue
        for pair in company.details["pairs"]:
            of_both = [s for s in pair["subjects"] if s in tankers]
            if len(of_both) == 1 and pair["spans"]:
                found.append(_pair(number, company, pair, of_both[0], usable))
    for number, orbit in numbered:
        if orbit.kind != "orbit" or orbit.subjects[0] not in tankers or orbit.details.get("pattern") == "loiter":
            continue
        tanker = orbit.subjects[0]
        met = [f for f in found if tanker in f.subjects and f.start_ns < orbit.end_ns and f.end_ns > orbit.start_ns]
        if met:
            continue
        found.append(
            Finding(
                kind=KIND,
                subjects=(tanker,),
                start_ns=orbit.start_ns,
                end_ns=orbit.end_ns,
                confidence=orbit.confidence,
                method=METHOD,
                measures={"time_on_station": orbit.measures["time_on_station"]},
                details={"grade": "on_station_no_partner_visible", "of": [number]},
                reasons=("it stayed in an orbit, and nobody else was seen in its company then",),
                caveats=("partners that send no position are not visible",),
                evidence=orbit.evidence,
            )
        )
    return sorted(found, key=lambda f: (f.subjects, f.start_ns))


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """What was seen of a tanker and its partner, no more than the grade."""
    who = names[finding.subjects[0]]
    when = f"from {words.minute(finding.start_ns)} on {words.day(finding.start_ns)} to {words.minute(finding.end_ns)}"
    grade = finding.details["grade"]
    if grade == "on_station_no_partner_visible":
        return (
            f"{who}, a tanker, was on station {when}; no partner was visible, "
            "and whether one was there that sent no position is not observable."
        )
    other = names[finding.subjects[1]]
    contact, least = finding.measures["contact"], finding.measures["separation_min"]
    near = ""
    if least.value is not None:
        interval = words.span(least, unit)
        near = f", as near as {words.length(least.value, unit, words.decimals(least, unit))}"
        near += f" ({interval})" if interval else ""
    if grade == "consistent_with_refuelling":
        return (
            f"What was seen of {other} and the tanker {who} {when} is consistent with refuelling: they were within a "
            f"nautical mile of each other for at least {words.duration(contact.low or 0.0)}{near}; "
            "that fuel flowed is not observable."
        )
    return f"{other} and the tanker {who} were seen together {when}{near}; whether it refuelled is not observable."
