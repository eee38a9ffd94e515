"""Variants of the story in which something would mislead: what truly happened is kept beside what was heard.

==================  ==============================================================================================
spoofed_bomber      false broadcasts under a bomber's address lead toward Los Testigos while it flies elsewhere,
                    seen by multilateration or by its own broadcasts: at once far away, or leaving it by and by
split_in_gap        two keep company, fall silent together, and part in the silence
airliner_crossing   one to three airliners cross a tanker's racetrack, at any angle, 1,000 ft or more above or below
tanker_alone        one tanker, or two in company, on a racetrack without a receiver
coverage_grows      every day alike for three weeks; receivers are added in the middle of the last, and more is heard
surge               the same, but on the last day five to eight more bombers really come, to see that a flurry is told
==================  ==============================================================================================

Everything follows from kind, number and seed. Places and times lie in the story's region, heard by its receivers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from testigos import geo
from testigos.model import Question, parse_utc
from testigos.sim.dice import Dice
from testigos.sim.observe import Equipment, Outage, Site, observe
from testigos.sim.sites import SITES
from testigos.sim.truth import Plan, Waypoint, fly
from testigos.units import DAY_S, NMI_M, S_NS

__all__ = ["APART_M", "KINDS", "Variant", "apart_m", "variant"]

KINDS: Final = ("spoofed_bomber", "split_in_gap", "airliner_crossing", "tanker_alone", "coverage_grows", "surge")
APART_M: Final = 5 * NMI_M  #: company is closer than this
_BASE_NS: Final = parse_utc("2025-10-23T12:00:00Z")
_TESTIGOS: Final = (11.38, -63.1)
_DAYS: Final = 21


@dataclass(frozen=True)
class Variant:
    """What flew (columns of ``truth.TRUTH``), what was heard (``schema.REPORTS``, with invented places in an input),
    the question to ask, and what is true of it: object ids and times in ns, by name.
    """

    kind: str
    number: int
    truth: pl.DataFrame
    reports: pl.DataFrame
    question: Question
    expected: Mapping[str, Any] = field(default_factory=dict)


def variant(kind: str, number: int, seed: str = "variants") -> Variant:
    """The variant of a kind with a number; the same on every call.

    >>> made = variant("split_in_gap", 0)
    >>> made.expected["outage"][0] < made.expected["parted_ns"] < made.expected["outage"][1]
    True
    """
    makers = {
        "spoofed_bomber": _spoofed,
        "split_in_gap": _split,
        "airliner_crossing": _crossed,
        "tanker_alone": _alone,
        "coverage_grows": _grown,
        "surge": _grown,
    }
    return makers[kind](kind, number, f"{seed} {kind} {number}")


def apart_m(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """How far two true tracks are apart at each time that both have: time_ns, apart_m."""
    both = one.join(other, on="time_ns", suffix="_b").sort("time_ns")
    way = geo.distance_m(*(both[n].to_numpy() for n in ("lat_deg", "lon_deg", "lat_deg_b", "lon_deg_b")))
    return both.select("time_ns", pl.Series("apart_m", way))


def _table(parts: list[pl.DataFrame]) -> pl.DataFrame:
    rows = pl.concat(parts, how="diagonal_relaxed").sort("object_id", "time_ns", maintain_order=True)
    return rows.with_columns(
        pl.lit(1, pl.UInt64).alias("segment"), pl.int_range(pl.len(), dtype=pl.UInt64).alias("offset")
    )


def _made(
    kind: str, number: int, truths: list[pl.DataFrame], heard: list[pl.DataFrame], near: tuple[str, ...] = (),
    **expected: Any,
) -> Variant:  # fmt: skip
    return Variant(kind, number, pl.concat(truths), _table(heard), Question(near=near), expected)


def _bomber(sign: str, adsb: bool, dice: Dice) -> Equipment:
    return Equipment(sign, "B1", "1621", adsb=adsb, military=True, category=None, nac_p=dice.integer(8, 11))


def _spoofed(kind: str, number: int, seed: str) -> Variant:
    dice = Dice(seed)
    name, adsb, drag = "icao:afd021", dice.integer(0, 2) == 1, dice.integer(0, 2) == 1
    lat, lon, turn_lat, turn_lon, back = (
        float(x) for x in dice.uniform(5) * (1.5, 3.0, 1.5, 2.0, 2.0) + (17.0, -66.5, 14.6, -65.0, -67.0)
    )
    alt, gs = float(dice.integer(24, 33)) * 1_000.0, float(dice.uniform(1, 420.0, 480.0)[0])
    true = fly(Plan(name, _BASE_NS, [Waypoint(lat, lon, alt, gs), Waypoint(turn_lat, turn_lon), Waypoint(18.5, back)]))
    n = len(true)
    first = int(n * float(dice.uniform(1, 0.25, 0.5)[0]))
    span = int(dice.uniform(1, 600.0, 1_500.0)[0])
    here = true.row(first, named=True)
    if drag:  # it begins where the aircraft is
        begin = (here["lat_deg"], here["lon_deg"])
    else:
        begin = geo.direct(*_TESTIGOS, float(dice.uniform(1, -60.0, 30.0)[0]), float(dice.uniform(1, 1.2e5, 2.6e5)[0]))
    goal = geo.direct(*_TESTIGOS, float(dice.uniform(1, 0.0, 360.0)[0]), float(dice.uniform(1, 1e4, 5e4)[0]))
    false = fly(Plan(name, int(here["time_ns"]), [Waypoint(*begin, alt, gs), Waypoint(*goal)])).head(span)
    own = observe(true, _bomber("BARB21", adsb, dice), SITES, seed=seed)
    # broadcasts that leave the aircraft by and by replace its own: the louder sender is heard
    window = (int(false["time_ns"][0]), int(false["time_ns"][-1]))
    if drag and adsb:
        own = own.filter(~pl.col("time_ns").is_between(*window))
    invented = observe(
        false, Equipment("BARB21", "B1", "1621", military=True, category=None), SITES, seed=f"{seed} false"
    )
    return _made(
        kind, number, [true], [own, invented], ("Los Testigos",), subject=name, window=window, drag=drag,
        true_seen_meanwhile=bool(len(own.filter(pl.col("time_ns").is_between(*window))) >= 5),
        false_heard=len(invented.filter(pl.col("status") == "ok")),
    )  # fmt: skip


def _split(kind: str, number: int, seed: str) -> Variant:
    dice = Dice(seed)
    names, adsb = ("icao:afd021", "icao:afd022"), dice.integer(0, 2) == 1
    lat, lon, course, before, after, angle, trail, gs = (
        float(x)
        for x in dice.uniform(8) * (2.0, 2.5, 50.0, 1.2e5, 1e5, 60.0, 12.0, 60.0)
        + (17.0, -69.5, 90.0, 4.8e5, 3.5e5, 25.0, 6.0, 420.0)
    )
    parting = geo.direct(lat, lon, course, before)
    aside = angle if dice.integer(0, 2) else -angle
    ends = [geo.direct(*parting, course + turn, after) for turn in (-0.3 * aside, 0.7 * aside)]
    true = []
    for k, name in enumerate(names):
        way = [Waypoint(lat, lon, 27_000.0 + 500.0 * k, gs), Waypoint(*parting), Waypoint(*ends[k])]
        true.append(fly(Plan(name, _BASE_NS + int(k * trail) * S_NS, way)))
    apart = apart_m(*true)
    parted = int(apart.filter(pl.col("apart_m") > APART_M)["time_ns"][0])
    begin = parted - int(dice.uniform(1, 300.0, 900.0)[0]) * S_NS
    end = parted + int(dice.uniform(1, 240.0, 900.0)[0]) * S_NS
    silence = [Outage(name, begin, end) for name in names]
    heard = [observe(t, _bomber(f"BARB2{k + 1}", adsb, dice), SITES, silence, seed=seed) for k, t in enumerate(true)]
    return _made(kind, number, true, heard, subjects=names, parted_ns=parted, outage=(begin, end), adsb=adsb)


def _tanker(dice: Dice, name: str = "icao:afd061") -> tuple[pl.DataFrame, dict[str, float], tuple[int, int]]:
    """A tanker's flight, the middle and course of its racetrack, and its time there."""
    lat, lon, course, legs, wide, gs = (
        float(x) for x in dice.uniform(6) * (2.0, 2.5, 360.0, 7e4, 1.8e4, 50.0) + (15.0, -65.5, 0.0, 6e4, 1.5e4, 390.0)
    )
    alt, laps = float(dice.integer(24, 31)) * 1_000.0, dice.integer(3, 5)
    corners = []
    for along, aside in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        corners.append(geo.direct(*geo.direct(lat, lon, course, along * legs), course + 90.0, aside * wide))
    come, go = (geo.direct(lat, lon, course + 180.0 + float(x), 2.5e5) for x in dice.uniform(2, -40.0, 40.0))
    way = [Waypoint(*come, alt, gs), *(Waypoint(*c) for c in corners * laps), Waypoint(*go)]
    track = fly(Plan(name, _BASE_NS, way))
    far = geo.distance_m(track["lat_deg"].to_numpy(), track["lon_deg"].to_numpy(), lat, lon)
    near = np.flatnonzero(far <= float(np.hypot(legs, wide)) / 2.0 + 4e3)
    time_ns = track["time_ns"].to_numpy()
    where = {"lat": lat, "lon": lon, "course": course, "alt": alt}
    return track, where, (int(time_ns[near[0]]), int(time_ns[near[-1]]))


def _crossed(kind: str, number: int, seed: str) -> Variant:
    dice = Dice(seed)
    lead, where, station = _tanker(dice)
    true, heard = [lead], [observe(lead, Equipment("BOLT61", "K35R", "3461", military=True), SITES, seed=seed)]
    others = []
    for k in range(dice.integer(1, 4)):
        over, at, aside = (float(x) for x in dice.uniform(3) * (180.0, 1.0, 3e4) + (0.0, 0.0, -1.5e4))
        over += where["course"]
        middle = geo.direct(where["lat"], where["lon"], over + 90.0, aside)
        begin, end = geo.direct(*middle, over + 180.0, 2.5e5), geo.direct(*middle, over, 2.5e5)
        height = where["alt"] + (-2_000.0, -1_000.0, 1_000.0, 2_000.0)[dice.integer(0, 4)]
        when = station[0] + (int(at * (station[1] - station[0])) // S_NS - 1_080) * S_NS
        plan = Plan(f"icao:0c6ff{k}", when, [Waypoint(*begin, height, float(dice.integer(430, 480))), Waypoint(*end)])
        true.append(fly(plan))
        heard.append(observe(true[-1], Equipment(f"QQA{210 + 31 * k}", "B738", "2105"), SITES, seed=seed))
        others.append(plan.object_id)
    return _made(kind, number, true, heard, tankers=("icao:afd061",), others=tuple(others), station=station)


def _alone(kind: str, number: int, seed: str) -> Variant:
    dice = Dice(seed)
    lead, _, station = _tanker(dice)
    adsb = dice.integer(0, 4) > 0
    true = [lead]
    if dice.integer(0, 2):
        late = int(dice.integer(10, 25)) * S_NS
        true.append(
            lead.with_columns(
                pl.lit("icao:afd062").alias("object_id"), pl.col("time_ns") + late, pl.col("alt_baro_ft") + 1_000,
                pl.col("alt_geom_ft") + 1_000,
            )
        )  # fmt: skip
    silence = []
    for track in true:
        for _ in range(dice.integer(0, 3)):
            begin = int(dice.uniform(1, float(track["time_ns"][0]), float(track["time_ns"][-1]))[0])
            silence.append(Outage(track["object_id"][0], begin, begin + dice.integer(120, 900) * S_NS))
    heard = [
        observe(
            t, Equipment(f"BOLT6{k + 1}", "K35R", f"346{k + 1}", adsb=adsb, military=True), SITES, silence, seed=seed
        )
        for k, t in enumerate(true)
    ]
    tankers = tuple(str(t["object_id"][0]) for t in true)
    return _made(kind, number, true, heard, tankers=tankers, others=(), station=station, adsb=adsb)


def _grown(kind: str, number: int, seed: str) -> Variant:
    """Days alike but for chance; few receivers at first, more from the middle of the last week on."""
    dice = Dice(seed)
    few = [Site("St Lucia", 14.0, -61.0, 150.0), Site("Barbados", 13.1, -59.6, 150.0)]
    more = [Site("Margarita", 11.0, -64.0, 40.0), Site("Testigo Grande", 11.4, -63.1), Site("Grenada", 12.1, -61.7)]
    civil, bombers = dice.integer(16, 30), float(dice.uniform(1, 0.3, 2.0)[0])
    begins = _DAYS - 4  # the day on which more is heard
    true, heard = [], []
    for day in range(_DAYS):
        sites = few + (more if day >= begins else [])
        own = int(bombers) + (float(dice.uniform(1)[0]) < bombers % 1.0)
        if kind == "surge" and day == _DAYS - 1:
            own += 5 + dice.integer(0, 4)
        for k in range(civil + dice.integer(-3, 4) + own):
            military = k < own
            course, at = float(dice.uniform(1, 0.0, 360.0)[0]), float(dice.uniform(1, 0.0, 0.9)[0])
            middle = geo.direct(*_TESTIGOS, float(dice.uniform(1, 0.0, 360.0)[0]), float(dice.uniform(1, 0.0, 9e4)[0]))
            ends = [geo.direct(*middle, course + turn, 1.3e5) for turn in (180.0, 0.0)]
            when = _BASE_NS - DAY_S * S_NS * (_DAYS - 1 - day) + int((at - 0.5) * DAY_S) * S_NS
            name = f"icao:{(0xAFD100 if military else 0x0C6E00) + dice.integer(0, 200):06x}"
            alt = 1_000.0 * dice.integer(3, 38)  # the lower ones are below the horizon of the first receivers
            one = fly(Plan(name, when, [Waypoint(*ends[0], alt, 440.0), Waypoint(*ends[1])]))
            seen = observe(
                one, Equipment(f"BARB{k}" if military else f"QQA{k}", "B52" if military else "A320", "2000",
                               military=military), sites, seed=f"{seed} {day} {k}",
            )  # fmt: skip
            true.append(one)
            heard.append(seen)
    question = Question(near=("Los Testigos",), within_m=100_000.0)
    more_ns = (_BASE_NS // (DAY_S * S_NS) - (_DAYS - 1 - begins)) * DAY_S * S_NS
    return Variant(
        kind, number, pl.concat(true), _table(heard), question, {"surge": kind == "surge", "more_ns": more_ns}
    )
