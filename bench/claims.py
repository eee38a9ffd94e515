"""How often is a verdict right, and is anything contradicted that nobody could have seen?

Run: ``python bench/claims.py``. Sentences are made from the true tracks of the simulated story, with altered times,
distances, counts and types; their verdicts are held against what the truth says:

==========  ===========================================================================================================
true        the statement is true, and its parts were in view: *supported* is right
false       it is false, and the aircraft was in view, or known to be on the ground, all the time: *contradicted*
unseen      true or false, but the deciding part was out of view, or is about aircraft that nobody can know of:
            *not observable* is right
part        some of it was seen, the rest nobody can know: *partly*
==========  ===========================================================================================================

Thresholds lie at least a tenth of the true distance away from it. What was in view follows from the outages and ends of
the simulation, not from the verdicts.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from testigos import api, geo
from testigos.claims import judge, parse, places, resolved
from testigos.findings import find_all, scene, survey_all
from testigos.model import Question
from testigos.sim.story import story_truth, write_story
from testigos.units import S_NS
from testigos.words import day
from testigos.world import World, open_world

RIGHT: Final = {"true": "supported", "false": "contradicted", "unseen": "not_observable", "part": "partly"}

#: Who is who in the story: call sign, type, role, and the airfields at which a track is seen to begin and end.
CAST: Final = {
    "icao:afd021": ("BARB21", "B-1", "bomber", "KDYS", "KDYS"),
    "icao:afd022": ("BARB22", "B-1", "bomber", "KDYS", "KDYS"),
    "icao:afd061": ("BOLT61", "KC-135", "tanker", "KMCF", "KMCF"),
    "icao:afd062": ("BOLT62", "KC-135", "tanker", "KMCF", "KMCF"),
    "icao:afd071": ("VEIL17", "RC-135", "reconnaissance", None, None),
    "icao:afd041": ("BEACN41", "E-11", "relay", "KWRB", None),
    "icao:afd051": ("RAZOR51", "B-52", "bomber", None, None),
    "icao:afd052": ("RAZOR52", "B-52", "bomber", None, None),
    "icao:afd053": ("RAZOR53", "B-52", "bomber", None, None),
    "icao:0c6ff1": ("QQA101", "A320", "airliner", "KMIA", "TTPP"),
    "icao:0aaff3": ("QQB402", "B738", "airliner", "TBPB", "KMIA"),
    "icao:0aaff4": ("QQD330", "A320", "airliner", "SKBO", "TJSJ"),
    "icao:0beff5": ("QQE512", "E190", "airliner", "TNCC", "TJSJ"),
}
OTHER_TYPES: Final = ("B-2", "B-52", "B-1", "KC-46", "RC-135", "A330")
PLACES: Final = ("mainland Venezuela", "Los Testigos", "Puerto Rico", "Aruba", "Grenada", "Curaçao")
UNITS: Final = (("nautical miles", 1852.0), ("statute miles", 1609.344), ("km", 1000.0))

Case = tuple[str, str, str]  # family, sentence, what it is


def _clock(time_ns: int) -> str:
    seconds = time_ns // S_NS % 86_400
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}Z"


def _at(time_ns: int) -> str:
    return f"{_clock(time_ns)} on {day(time_ns)}"


def _airborne(track: pl.DataFrame) -> tuple[int, int]:
    flying = track.filter(~pl.col("on_ground"))["time_ns"]
    return int(flying[0]), int(flying[-1])


def distances(tracks: dict[str, pl.DataFrame], seen: dict[str, tuple[int, int]], world: World) -> Iterator[Case]:
    """Nearest approaches, of a day's flight and at a time, with shrunk and stretched distances."""
    number = 0
    for who, track in tracks.items():
        sign, *_, left, landed = CAST[who]
        for name in PLACES:
            place = world.resolve(name)
            way = place.nearest(track["lat_deg"].to_numpy(), track["lon_deg"].to_numpy()).distance_m
            least = float(way.min())
            if least < 20_000.0 or least > 1_500_000.0:
                continue
            for factor in (0.4, 0.8, 1.25, 2.0):
                unit, metres = UNITS[number % 3]
                number += 1
                said = max(1, round(least * factor / metres))
                if abs(said * metres - least) < 0.1 * least:
                    continue
                is_true = said * metres >= least
                kind = "true" if is_true else "false" if left and landed else "unseen"
                yield (
                    "distance",
                    f"{sign} came within {said} {unit} of {name} on {day(int(track['time_ns'][0]))}.",
                    kind,
                )
            # ten minutes, of which the track was in view before and after
            at = int(
                np.clip(int(track["time_ns"][int(way.argmin())]), seen[who][0] + 900 * S_NS, seen[who][1] - 900 * S_NS)
            )
            for shift in (-5400, 0, 5400):
                when = at + shift * S_NS
                if not seen[who][0] + 700 * S_NS < when < seen[who][1] - 700 * S_NS:
                    continue
                when -= when % (60 * S_NS)
                then = np.abs(track["time_ns"].to_numpy() - when) <= 300 * S_NS
                near = float(way[then].min())
                said = round(least * 1.3 / 1852.0)
                if abs(said * 1852.0 - near) < 0.2 * near + 20_000.0:
                    continue
                kind = "true" if said * 1852.0 >= near else "false"
                yield "distance then", f"{sign} came within {said} nautical miles of {name} at {_at(when)}.", kind


def ends(tracks: dict[str, pl.DataFrame], seen: dict[str, tuple[int, int]]) -> Iterator[Case]:
    """Departures and landings, from and at other fields, earlier and later."""
    fields = ("KDYS", "KMCF", "KBAD", "TJSJ", "KMIA")
    for who, track in tracks.items():
        sign, *_, left, landed = CAST[who]
        start, end = _airborne(track)
        date = day(start)
        for verb, field, time in (("left", left, start), ("landed at", landed, end)):
            for other in fields[:3]:
                if other == field:
                    continue
                kind = "false" if field else "unseen"
                yield "airfield", f"{sign} {verb} {other} on {day(time)}.", kind
            if field is None:
                continue
            yield "airfield", f"{sign} {verb} {field} on {day(time)}.", "true"
            for minutes in (-90, -20, 0, 20, 90):
                when = time + minutes * 60 * S_NS
                inside = seen[who][0] + 600 * S_NS < when < seen[who][1] - 600 * S_NS
                # so shortly before or after, it had no time for another flight
                soon = abs(minutes) < 30 and minutes != 0
                kind = "true" if minutes == 0 else "false" if inside or soon else "unseen"
                yield "time", f"{sign} {verb} {field} at {_at(when)}.", kind
        yield "time", f"{sign} flew on {date}.", "true"


def counts() -> Iterator[Case]:
    """How many of which type, and denials."""
    on = {"23": "on 23 October 2025", "16": "on 16 October 2025"}
    for noun, field, n in (("B-1", "Dyess AFB", 2), ("KC-135", "MacDill AFB", 2), ("E-11", "Robins AFB", 1)):
        for said in range(1, 5):
            plural = "" if said == 1 else "s"
            kind = "true" if said <= n else "part"
            yield "count", f"At least {said} {noun}{plural} left {field} {on['23']}.", kind
            kind = "part" if said >= n else "false"
            yield "count", f"Exactly {said} {noun}{plural} left {field} {on['23']}.", kind
        yield "denial", f"No {noun} left {field} {on['23']}.", "false"
        yield "type", f"A B-2 left {field} {on['23']}.", "unseen"
        yield "denial", f"No B-2 left {field} {on['23']}.", "unseen"
    for place, near in (("Venezuela", 120), ("Los Testigos", 120), ("mainland Venezuela", 150)):
        for noun, day_, n in (
            ("B-1", "23", 2),
            ("B-52", "16", 3),
            ("RC-135", "23", 0 if place == "Los Testigos" else 1),
        ):
            where = f"within {near} nautical miles of {place} {on[day_]}"
            for said in (1, 2, 3, 4):
                kind = "true" if said <= n else "part" if n else "unseen"
                yield "count", f"At least {said} {noun}{'' if said == 1 else 's'} came {where}.", kind
            yield "denial", f"No {noun} came {where}.", "false" if n else "unseen"
            yield "denial", f"No {noun} flew near {place} {on['16' if day_ == '23' else '23']}.", "unseen"
        for noun in ("B-2", "F-35", "KC-46"):
            yield "type", f"A {noun} came within {near} nautical miles of {place} {on['23']}.", "unseen"
            yield "denial", f"No {noun} came within {near} nautical miles of {place} {on['23']}.", "unseen"
        yield "denial", f"BARB21 did not fly over {place} {on['23']}.", "true"
        yield "denial", f"BARB21 flew over {place} {on['23']}.", "false"


def types() -> Iterator[Case]:
    """What they were."""
    for sign, kind, role, *_ in CAST.values():
        yield "type", f"{sign} was {'an' if kind[0] in 'AER' else 'a'} {kind}.", "true"
        yield "type", f"{sign} was a {role} aircraft.".replace("bomber aircraft", "bomber").replace(
            "tanker aircraft", "tanker").replace("airliner aircraft", "airliner"), "true"  # fmt: skip
        for other in OTHER_TYPES[:3]:
            if other != kind:
                yield "type", f"{sign} was a {other}.", "false"
        yield "type", f"{sign} was not a {kind}.", "false"


def relations(tracks: dict[str, pl.DataFrame]) -> Iterator[Case]:
    """Delays, company, orbits."""
    for who, field, first in (("KC-135s", "MacDill AFB", 90), ("E-11s", "Robins AFB", 137)):
        for minutes in (30, 60, first, 200, 300):
            kind = "true" if minutes == first else "false"
            yield (
                "delay",
                (f"The {who} left {field} about {minutes} minutes after the B-1s left Dyess AFB on 23 October 2025."),
                kind,
            )
    together = [("icao:afd021", "icao:afd022"), ("icao:afd061", "icao:afd062"), ("icao:afd051", "icao:afd053")]
    for a, b in together:
        yield "company", f"{CAST[a][0]} and {CAST[b][0]} flew together.", "true"
        yield "company", f"{CAST[a][0]} and {CAST[b][0]} did not fly together.", "false"
    dense = ["icao:0c6ff1", "icao:0aaff3", "icao:0aaff4", "icao:0beff5", "icao:afd062"]
    for i, a in enumerate(dense):
        for b in dense[i + 1 :]:
            one, other = tracks[a], tracks[b]
            both = one.join(other, on="time_ns")
            if not len(both):
                continue
            way = geo.distance_m(
                *(both[c].to_numpy() for c in ("lat_deg", "lon_deg", "lat_deg_right", "lon_deg_right"))
            )
            if float(way.min()) > 75_000.0:
                yield "company", f"{CAST[a][0]} flew in company with {CAST[b][0]}.", "false"
    for sign in ("BOLT61", "BOLT62", "VEIL17"):
        yield "orbit", f"{sign} orbited on 23 October 2025.", "true"
        yield "orbit", f"{sign} flew a racetrack on 23 October 2025.", "true"
    yield "orbit", "BARB21 orbited on 23 October 2025.", "unseen"
    for partner in ("BARB21", "BARB22"):
        yield "refuelling", f"BOLT61 refuelled {partner} on 23 October 2025.", "unseen"
    yield "unknown", "BARB77 left Dyess AFB on 23 October 2025.", "unseen"
    yield "unknown", "BARB77 came within 10 km of Los Testigos.", "unseen"


def sentences(world: World) -> list[Case]:
    """All of them."""
    truth = story_truth()
    tracks = {str(o): t for (o,), t in truth.partition_by("object_id", as_dict=True).items() if o in CAST}
    seen = {who: _airborne(track) for who, track in tracks.items()}
    # out of earshot at the end: see the plan (E-11A) and the sites (B-52s, RC-135)
    for who, hours in (("icao:afd041", 2.6), ("icao:afd071", 10.9)):
        seen[who] = (seen[who][0], seen[who][0] + round(hours * 3600) * S_NS)
    seen["icao:afd071"] = (seen["icao:afd071"][0] + 2 * 3600 * S_NS, seen["icao:afd071"][1])
    for who in ("icao:afd051", "icao:afd052", "icao:afd053"):
        seen[who] = (seen[who][0] + 900 * S_NS, seen[who][1] - 1800 * S_NS)
    return [*distances(tracks, seen, world), *ends(tracks, seen), *counts(), *types(), *relations(tracks)]


def verdicts(cases: list[Case], world: World) -> list[tuple[Case, str, str]]:
    """Each with its ruling and the reason given."""
    claims = resolved([replace(parse(text), id=f"claim-{i}") for i, (_, text, _) in enumerate(cases)], world)
    with tempfile.TemporaryDirectory() as folder:
        tracks = api.tracks(api.read(str(write_story(Path(folder)))))
    here = scene(Question(near=places(claims)), world)
    here = replace(here, surveys=survey_all(tracks, tracks, here))
    made = judge(claims, find_all(tracks, here), tracks, here)
    return [(case, v.ruling, v.because) for case, v in zip(cases, made, strict=True)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="print every sentence")
    told = parser.parse_args()
    world = open_world()
    made = verdicts(sentences(world), world)
    table = Counter((kind, ruling) for (_, _, kind), ruling, _ in made)
    rulings = ("supported", "contradicted", "partly", "not_observable")
    print(f"{'':8}" + "".join(f"{r:>16}" for r in rulings))
    for kind in RIGHT:
        print(f"{kind:8}" + "".join(f"{table[kind, r]:>16}" for r in rulings))
    right = sum(RIGHT[kind] == ruling for (_, _, kind), ruling, _ in made)
    print(f"{right} of {len(made)} right: {100 * right / len(made):.1f} %")
    grave = [m for m in made if (m[0][2], m[1]) in (("true", "contradicted"), ("false", "supported"))]
    unseen = [m for m in made if m[0][2] in ("unseen", "part") and m[1] in ("contradicted", "supported")]
    print(f"{len(grave)} the wrong way round; {len(unseen)} decided that nobody could have seen")
    families = Counter(family for (family, _, _), _, _ in made)
    fine = Counter(f for (f, _, kind), ruling, _ in made if RIGHT[kind] == ruling)
    print("; ".join(f"{f} {fine[f]}/{n}" for f, n in families.items()))
    for (family, text, kind), ruling, because in made:
        if told.all or RIGHT[kind] != ruling:
            print(f"- {family}, {kind}, {ruling}: {text} ({because})")
    return int(bool(grave or unseen) or right < 0.95 * len(made))


if __name__ == "__main__":
    sys.exit(main())
