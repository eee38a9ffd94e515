"""Integrity: what positions under one address say against each other, against the laws of motion, against others.

Seven tests, each told by its name, at most one finding for a test and an object (for ``accuracy_drop``: a cell and an
hour). They look at refused positions too, since an invented one is found among the refused. None of them says who or
what is the cause; each has innocent explanations, which its caveats name. All thresholds are own rules, chosen on the
captures and the simulations of ``bench/integrity.py``, none on the test that its figures come from.

A *strand* is a chain of positions under one address that an object no faster than 600 m/s (as in fusion) could have
flown. Positions of multilateration and of ground radar are left out of all tests but ``mlat_disagrees``.

``unreachable_jump``
    A strand begins more than 5 km out of reach of all others (20 s of a jet's flight: smaller ones are late time
    stamps). Either it goes on for 5 positions and 30 s, or there are 3 strays in ten minutes; fewer are bad bits.
``duplicate_address``
    Two strands of 5 positions and 30 s take turns at least 4 times, a median of 5 km or more apart, and one is not the
    other at another time; or two call signs take turns 6 times in half an hour in one piece of the input.
``time_fault``
    At least 3 times: a position repeated under new times for 20 s or more at 100 kt or more (receivers repeat for a few
    seconds, this long only by fault); a step along the course that is 5 s (and half of its own time, and 500 m) too
    long or too short for the speed said; a time 10 s or more before that of the frame before it, in a list that else
    goes forward. Or two strands that are one way flown at two times: two clocks.
``kinematics``
    For a minute and more, over windows of 30 to 90 s: faster than all speeds said by 15 %, 25 m/s (a gust, and the
    latency of speeds) and the errors of both ends; slower by as much on a straight way; an altitude that changes by
    2,000 ft/min more or less than any rate said; a way 30 degrees off the course said. A speed and course that are the
    same to the digit for a minute count as old and not as said, as histories repeat them.
``mlat_disagrees``
    Four multilaterated positions in a row are farther from where the aircraft says it is, at most 15 s before or after,
    than one and a half times both 95 % radii and what a turn in between can do.
``beyond_horizon``
    Five positions are heard 25 % and 20 km beyond the radio horizon of the receiver that heard them (earth of 4/3
    radius, Recommendation ITU-R P.528). Only for receivers whose place is known (``scene.receivers``).
``accuracy_drop``
    In a cell of 111 km by 111 km and a full hour, at least 3 aircraft, each with good positions elsewhere or before,
    say for a minute and 3 times that theirs are poor: NIC under 7 or NACp under 8, the least that 14 CFR 91.227 (c)
    allows. Chance must do so in less than 1 of 10,000 cells, given how often it happens farther than two cells away
    (at least 1 %; 5 % if nobody was seen there), and the share must be twice that in the hours before, if there are
    any. Everybody heard is counted (survey ``accuracy``), not the subjects alone.

How often each test speaks up without a cause is the measure ``false_alarm_rate``, in findings an hour of flight: from
``python bench/integrity.py --count 400``, on captures judged by eye and simulated flights without faults.
"""

from collections.abc import Mapping
from typing import Final

import polars as pl

from testigos import words
from testigos.findings._accuracy import ACCURACY, accuracy_drop
from testigos.findings._motion import kinematics, time_fault
from testigos.findings._places import beyond_horizon, conflicting_places, conflicting_signs, mlat_disagrees
from testigos.findings._suspicion import Fixes, Suspicion, fixes
from testigos.findings.scene import Scene, frame_ids
from testigos.model import Finding, Interval, Method
from testigos.units import LengthUnit

__all__ = ["KIND", "METHOD", "RANK", "SURVEYS", "TESTS", "find", "sentence"]

KIND: Final = "integrity"
RANK: Final = 9
METHOD: Final = Method("integrity: strands, times, motion, multilateration, horizon, accuracy by cell and hour", "1")
SURVEYS: Final = (ACCURACY,)

TESTS: Final = (
    "unreachable_jump", "duplicate_address", "time_fault", "kinematics", "mlat_disagrees", "beyond_horizon",
    "accuracy_drop",
)  # fmt: skip

#: Findings without a cause, and the hours of flight in which they came: bench/integrity.py, 24 November 2026.
FALSE_ALARMS: Final[Mapping[str, tuple[int, float]]] = dict.fromkeys(TESTS, (0, 3_489.0))

_INNOCENT: Final = {
    "unreachable_jump": (
        "bits that were received wrongly, two aircraft with one address by mistake, a wrong clock of a receiver and a "
        "wrongly resolved position do the same",
    ),
    "duplicate_address": (
        "a wrongly coded transponder does the same, and so does a feed that mixes two sources under one address",
    ),
    "time_fault": ("most likely the receiver or the history has a wrong clock, or repeats old positions as new ones",),
    "kinematics": (
        "a drifting inertial system, a faulty sensor and a wrong clock of the receiver do the same",
        "speed and course may be older than the position",
    ),
    "mlat_disagrees": (
        "multilateration is wrong by kilometres where receivers are few or stand on one side",
        "a drifting inertial system of the aircraft does the same",
    ),
    "beyond_horizon": (
        "layers of warm air carry signals far beyond the horizon at times",
        "the place of the receiver may be told wrongly, or others' messages may be passed on by it",
    ),
    "accuracy_drop": (
        "interference with satellite navigation is one explanation; exercises that were announced, and aircraft of one "
        "type with one fault, are others",
        "everybody heard there was counted, and the frames of the others are not in the evidence",
    ),
}
_CONTRADICTS: Final = {
    "too_fast": "faster than the speed it said",
    "too_slow": "slower than the speed it said",
    "vertical_rate": "in altitude otherwise than the rate it said",
    "course": "in another direction than the course it said",
}
_FAULTS: Final = {
    "repeated_positions": "positions were repeated under new times",
    "shifted": "positions came too early or too late on their way",
    "runs_backwards": "times ran backwards",
    "two_clocks": "one way was reported at two times",
}


def _rate(test: str) -> Interval | None:
    """Findings an hour of flight where nothing was wrong; the high end is the 95 % bound of a Poisson rate."""
    measured = FALSE_ALARMS.get(test)
    if measured is None:
        return None
    count, hours = measured
    # Source: the usual approximation by Wilson and Hilferty (1931) of the upper bound; 3.0 where none was seen.
    most = 3.0 if count == 0 else (count + 1) * (1 - 1 / (9 * (count + 1)) + 1.645 / (3 * (count + 1) ** 0.5)) ** 3
    return Interval(round(count / hours, 6), "1/h", 0.0, round(most / hours, 6), 0.95)


def _finding(s: Suspicion, f: Fixes, faulty: frozenset[str]) -> Finding:
    times = f.table["time_ns"]
    measures = {name: Interval(value, unit, low, high) for name, (value, low, high, unit) in s.measures.items()}
    rate = _rate(s.test)
    if rate is not None:
        measures["false_alarm_rate"] = rate
    caveats = list(_INNOCENT[s.test])
    if s.test != "time_fault" and faulty & set(s.subjects):
        caveats.append("the times of this track are suspected too, which can be the cause")
    basis = [b for b in f.table["radius_basis"][s.rows].unique().to_list() if b]
    if "assumed_mlat" in basis:
        caveats.append("the 95 % radius of multilaterated positions is assumed: 1852 m")
    if s.test in ("unreachable_jump", "duplicate_address", "kinematics") and not basis:
        caveats.append("the positions say nothing of their quality; they were taken to be good to a kilometre")
    place = None
    if s.test == "accuracy_drop":
        place = {"name": "a cell of 111 km by 111 km", "kind": "cell"}
    return Finding(
        kind=KIND,
        subjects=s.subjects,
        start_ns=int(times[s.first]),
        end_ns=int(times[s.last]),
        confidence=round(s.confidence, 2),
        method=METHOD,
        measures=measures,
        place=place,
        details={"test": s.test, **s.details},
        reasons=(_reason(s),),
        caveats=tuple(caveats),
        evidence=frame_ids(f.table[s.rows]),
    )


def _reason(s: Suspicion) -> str:
    value = {name: measure[0] for name, measure in s.measures.items()}
    n = f"{value.get('positions') or 0:.0f}"
    if s.test == "unreachable_jump":
        return f"{n} positions begin {value['excess'] or 0:.0f} m beyond what 600 m/s could have reached"
    if s.test == "duplicate_address":
        by = f"{value['alternations'] or 0:.0f} changes to and fro"
        return f"{by} between two call signs" if s.details["why"] == "call_signs" else f"{n} positions, {by}"
    if s.test == "time_fault":
        return "; ".join(_FAULTS[fault] for fault in s.details["faults"])
    if s.test == "kinematics":
        return f"{n} positions moved " + "; ".join(_CONTRADICTS[c] for c in s.details["against"])
    if s.test == "mlat_disagrees":
        return f"{n} of {value['compared'] or 0:.0f} positions that could be compared are outside of both errors"
    if s.test == "beyond_horizon":
        return f"{n} positions were heard from beyond the horizon of {words.join(s.details['receivers'])}"
    return (
        f"{value['affected'] or 0:.0f} of {value['aircraft'] or 0:.0f} aircraft there said that their positions were "
        f"poor; by chance with a probability of {s.details['by_chance']}"
    )


def find(tracks: pl.DataFrame, scene: Scene) -> list[Finding]:
    """What is suspected of each object, by test, and of each cell and hour that the objects flew in.

    ``tracks``: columns of ``schema.TRACKS``, refused rows included; ``scene.surveys`` with ``accuracy``, without which
    that test is not made, and ``scene.receivers`` for that of the horizon.
    """
    f = fixes(tracks, scene.question.start_ns, scene.question.end_ns)
    if not len(f.code):
        return []
    suspicions = [
        *conflicting_places(f),
        *conflicting_signs(f),
        *time_fault(f),
        *kinematics(f),
        *mlat_disagrees(f),
        *beyond_horizon(f, scene.receivers),
        *accuracy_drop(f, scene, scene.surveys),
    ]
    faulty = frozenset(name for s in suspicions if s.test == "time_fault" for name in s.subjects)
    found = [_finding(s, f, faulty) for s in suspicions]
    return sorted(found, key=lambda one: (one.subjects, one.start_ns, TESTS.index(one.details["test"]), one.end_ns))


def _when(finding: Finding) -> str:
    first, last = finding.start_ns, finding.end_ns
    if words.day(first) == words.day(last):
        return f"from {words.clock(first)} to {words.clock(last)} on {words.day(first)}"
    return f"from {words.clock(first)} on {words.day(first)} to {words.clock(last)} on {words.day(last)}"


def _length(measure: Interval, unit: LengthUnit) -> str:
    metres = measure.value or 0.0
    return words.length(metres, unit, 0 if metres >= 10 * unit.metres else 1)


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """What is suspected, and on what."""
    test, when, m = finding.details["test"], _when(finding), finding.measures
    who = names.get(finding.subjects[0], finding.subjects[0])
    if test == "accuracy_drop":
        cell = finding.details["cell"]
        lat, lon = 0.5 * (cell["south_deg"] + cell["north_deg"]), 0.5 * (cell["west_deg"] + cell["east_deg"])
        others = [names.get(s, s) for s in finding.subjects]
        affected, aircraft = (int(m[n].value or 0) for n in ("affected", "aircraft"))
        return (
            f"Interference with satellite navigation is suspected near {words.point(lat, lon, 1)} {when}: at least "
            f"{words.count(affected)} of {words.count(aircraft)} aircraft said that their positions had become poor, "
            f"{words.join(others)} among them."
        )
    if test == "unreachable_jump":
        count = int(m["positions"].value or 0)
        return (
            f"Positions under the address of {who} are suspected to be wrong or another's: {when}, "
            f"{words.count(count)} of them begin at least {_length(m['excess'], unit)} beyond what any aircraft could "
            "have reached."
        )
    if test == "duplicate_address" and finding.details["why"] == "call_signs":
        signs = words.join([words.name(c) for c in finding.details["callsigns"]])
        return f"Two transmitters under the address of {who} are suspected: {when} the call signs {signs} took turns."
    if test == "duplicate_address":
        places = f"{words.count(int(finding.details['tracks']))} places at once"
        return (
            f"Two transmitters under the address of {who} are suspected: {when} it was reported in {places}, "
            f"some {_length(m['separation'], unit)} apart."
        )
    if test == "time_fault":
        faults = words.join([_FAULTS[fault] for fault in finding.details["faults"]])
        sizes = []
        if "longest_repetition" in m:
            sizes.append(f"repeated for up to {words.duration(m['longest_repetition'].value or 0.0)}")
        if "shift" in m:
            sizes.append(f"off by up to {words.duration(m['shift'].value or 0.0)}")
        tail = f" ({'; '.join(sizes)})" if sizes else ""
        return f"The times of the track of {who} are suspected to be wrong {when}: {faults}{tail}."
    if test == "kinematics":
        against = words.join([_CONTRADICTS[c] for c in finding.details["against"]])
        return f"What {who} said is suspected to be wrong {when}: for a minute or more it moved {against}."
    if test == "mlat_disagrees":
        return (
            f"The position that {who} broadcast is suspected to be wrong {when}: multilateration put it some "
            f"{_length(m['separation'], unit)} away."
        )
    return (
        f"The positions under the address of {who} are suspected to be wrong {when}: they were heard from at least "
        f"{_length(m['excess'], unit)} beyond the horizon of the receiver."
    )
