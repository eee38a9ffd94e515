"""The story of 23 October 2025, simulated: two bombers near Venezuela, and who else was about.

What the press reported is in the plan: two B-1Bs with the call signs BARB21 and BARB22 from Dyess, KC-135s
from MacDill some 90 minutes later, an RC-135 about, an E-11A toward Puerto Rico, tracks near 11.9 N 62.5 W, and a week
before three B-52s in the same area.
All else is invented: addresses, other call signs, times, routes, altitudes, the other traffic. Nothing here
is evidence of where any aircraft was.

The bombers come through the Anegada Passage, go past Isla de Aves, over 11.9 N 62.5 W, and turn back to the
right, which brings them nearer to Los Testigos than that point is. Each is out of sight for some time: the
leader for 14 minutes just after its closest point, the second for 9 minutes across it.

The leader's true least distances, to the full-resolution GSHHG coast with Isla de Aves corrected: 38.7 km to
any Venezuelan land (which is Isla de Aves), 54.1 km to Los Testigos, 109.3 km to the mainland.
"""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

import polars as pl

from testigos.claims.model import Claim
from testigos.claims.read import claims_of
from testigos.model import parse_utc
from testigos.sim.observe import Equipment, Outage, observe
from testigos.sim.sites import SITES
from testigos.sim.truth import Airfield, Performance, Plan, Waypoint, fly, wingman
from testigos.sim.write import write_notice, write_traces
from testigos.units import S_NS

__all__ = ["Actor", "actors", "outages", "story_claims", "story_reports", "story_truth", "write_story"]

#: Position and true runway direction. Source: FAA and AIP aerodrome data as in OurAirports (public domain).
FIELDS: Final = {
    f.icao: f
    for f in (
        Airfield("KDYS", 32.4208, -99.8546, 1_789.0, 168.8),
        Airfield("KBAD", 32.5018, -93.6627, 166.0, 150.0),
        Airfield("KMCF", 27.8493, -82.5212, 14.0, 40.5),
        Airfield("KWRB", 32.6401, -83.5919, 294.0, 144.0),
        Airfield("KMIA", 25.7869, -80.2951, 9.0, 87.0),
        Airfield("KJFK", 40.6398, -73.7789, 13.0, 121.0),
        Airfield("TTPP", 10.5954, -61.3373, 58.0, 90.0),
        Airfield("TBPB", 13.0746, -59.4925, 169.0, 75.9),
        Airfield("TGPY", 12.0042, -61.7862, 41.0, 90.3),
        Airfield("SKBO", 4.7016, -74.1469, 8_361.0, 127.0),
        Airfield("TJSJ", 18.4394, -66.0018, 9.0, 67.0),
        Airfield("TJRV", 18.2453, -65.6434, 38.0, 70.0),
        Airfield("TNCC", 12.1889, -68.9598, 29.0, 102.2),
    )
}
_BOMBER: Final = Performance(4_500.0, 3_500.0, 165.0, 155.0, 320.0, 25.0)
_TANKER: Final = Performance(2_300.0, 2_500.0, 150.0, 140.0, 270.0, 25.0)
_JET: Final = Performance()
_PROP: Final = Performance(1_500.0, 1_500.0, 110.0, 105.0, 200.0, 25.0)


@dataclass(frozen=True)
class Actor:
    """One aircraft of the story: its true track and what it sends."""

    truth: pl.DataFrame
    equipment: Equipment


def _w(lat: float, lon: float, alt: float | None = None, gs: float | None = None) -> Waypoint:
    return Waypoint(lat, lon, alt, gs)


def _racetrack(
    south: float, west: float, north: float, east: float, times: int, alt: float, gs: float
) -> list[Waypoint]:
    """Right-hand circuits round the four corners, entered at the south-west."""
    corners = [(south, west), (north, west), (north, east), (south, east)]
    return [_w(lat, lon, alt, gs) for _ in range(times) for lat, lon in corners]


def _bombers() -> list[Actor]:
    field = FIELDS["KDYS"]
    out = [
        _w(31.2, -97.0, 25_000, 490), _w(29.6, -94.6), _w(27.9, -89.0), _w(24.7, -83.2), _w(23.9, -80.8),
        _w(22.4, -77.0), _w(21.2, -73.5), _w(20.1, -69.5), _w(19.2, -65.6), _w(18.5, -63.6), _w(15.7, -63.2),
        _w(13.5, -62.75), Waypoint(11.9, -62.5, fly_over=True),
    ]  # fmt: skip
    back = [
        _w(13.2, -63.0, 26_000), _w(15.7, -63.25), _w(18.5, -63.75), _w(19.5, -66.0), _w(20.4, -69.5),
        _w(21.5, -73.5), _w(22.7, -77.0), _w(24.1, -81.0), _w(25.0, -83.4), _w(28.2, -89.5), _w(29.8, -94.8),
    ]  # fmt: skip
    start = parse_utc("2025-10-23T14:02:00")
    lead = fly(Plan("icao:afd021", start, out + back, _BOMBER, field, field))
    second = wingman(lead, "icao:afd022", apart_s=120.0, trail_s=18.0, join_s=2_400.0, above_ft=-500.0)
    return [
        Actor(lead, Equipment("BARB21", "B1", "1621", adsb=False, military=True, category=None)),
        Actor(second, Equipment("BARB22", "B1", "1622", adsb=False, military=True, category=None)),
    ]


def _tankers() -> list[Actor]:
    field = FIELDS["KMCF"]
    way = [
        _w(26.2, -83.3, 27_000, 440), _w(24.3, -82.2), _w(23.4, -79.6), _w(21.9, -75.2), _w(20.2, -69.6),
        _w(18.2, -67.9), _w(16.9, -66.4),
        *_racetrack(16.5, -65.6, 16.82, -64.4, 4, 27_000, 430),
        _w(17.3, -66.6, 30_000, 445), _w(18.5, -68.1), _w(20.5, -69.9), _w(22.2, -75.4), _w(23.7, -79.8),
        _w(24.6, -82.3), _w(26.4, -83.4),
    ]  # fmt: skip
    lead = fly(Plan("icao:afd061", parse_utc("2025-10-23T15:32:00"), way, _TANKER, field, field))
    second = wingman(lead, "icao:afd062", apart_s=150.0, trail_s=16.0, join_s=3_600.0, right_m=1_500.0,
                     above_ft=1_000.0)  # fmt: skip
    return [
        Actor(lead, Equipment("BOLT61", "K35R", "3461", military=True, category="A5", nac_p=9)),
        Actor(second, Equipment("BOLT62", "K35R", "3462", military=True, category="A5", nac_p=9)),
    ]


def _others() -> list[Actor]:
    ears = [
        _w(38.5, -95.0, 31_000, 455), _w(33.0, -92.0), _w(28.5, -90.0), _w(21.9, -85.6), _w(17.5, -79.5),
        _w(14.4, -71.5),
        *_racetrack(13.7, -70.5, 14.05, -66.5, 3, 33_000, 440),
        _w(16.5, -76.5, 34_000, 460), _w(19.5, -82.5), _w(21.9, -85.8), _w(27.0, -89.5),
    ]  # fmt: skip
    relay = [_w(30.5, -79.5, 43_000, 470), _w(26.5, -74.0), _w(21.5, -68.6), _w(19.3, -66.6)]
    return [
        Actor(
            fly(Plan("icao:afd071", parse_utc("2025-10-23T11:40:00"), ears, _TANKER)),
            Equipment("VEIL17", "R135", "2517", military=True, category="A5", nac_p=8, nic=7,
                      on_ns=parse_utc("2025-10-23T13:05:00")),
        ),
        Actor(
            fly(Plan("icao:afd041", parse_utc("2025-10-23T16:20:00"), relay, _JET,
                     FIELDS["KWRB"], FIELDS["TJRV"])),
            Equipment("BEACN41", "GLEX", "5241", military=True, nac_p=10,
                      off_ns=parse_utc("2025-10-23T19:05:00")),
        ),
    ]  # fmt: skip


def _week_before() -> list[Actor]:
    """Three B-52s on 16 October: through the Mona Passage and home the same way."""
    field = FIELDS["KBAD"]
    out = [
        _w(28.9, -91.5, 31_000, 450), _w(25.0, -84.0), _w(23.9, -80.9), _w(22.3, -77.1), _w(21.3, -73.4),
        _w(20.0, -69.4), _w(18.2, -67.9), _w(15.2, -66.2), _w(13.0, -63.6, 27_000, 430), _w(12.2, -62.9),
        _w(13.3, -62.6), _w(15.6, -65.9, 33_000, 450), _w(18.3, -67.8), _w(20.3, -69.6), _w(21.5, -73.6),
        _w(22.6, -77.2), _w(24.0, -81.0), _w(25.3, -84.1), _w(28.9, -91.2),
    ]  # fmt: skip
    lead = fly(Plan("icao:afd051", parse_utc("2025-10-16T13:40:00"), out, _BOMBER, field, field))
    others = [
        wingman(lead, f"icao:afd05{k}", apart_s=90.0 * (k - 1), trail_s=14.0 * (k - 1), right_m=700.0 * (k - 1),
                above_ft=500.0 * (k - 1))
        for k in (2, 3)
    ]  # fmt: skip
    return [
        Actor(truth, Equipment(f"RAZOR5{k}", "B52", f"155{k}", adsb=False, military=True, category=None))
        for k, truth in enumerate([lead, *others], 1)
    ]


def _airliners() -> list[Actor]:
    def one(
        name: str, number: int, type_code: str, start: str, ends: str, way: list[Waypoint], nac_p: int = 9,
        performance: Performance = _JET,
    ) -> Actor:  # fmt: skip
        a, b = ends.split("-")
        plan = Plan(f"icao:{number:06x}", parse_utc(start), way, performance, FIELDS[a], FIELDS[b])
        return Actor(fly(plan), Equipment(name, type_code, f"{2100 + number % 67:04d}", nac_p=nac_p))

    hop = [_w(11.6, -61.8, 11_000, 260), _w(11.0, -61.75, 11_000, 260)]
    start, grenada, trinidad = parse_utc("2025-10-23T17:50:00"), FIELDS["TGPY"], FIELDS["TTPP"]
    there = fly(Plan("icao:0ccff7", start, hop, _PROP, grenada, trinidad))
    again = int(there.get_column("time_ns")[-1]) + 2_400 * S_NS
    home = fly(Plan("icao:0ccff7", again, hop[::-1], _PROP, trinidad, grenada, leg=1))
    return [
        one("QQA101", 0x0C6FF1, "A320", "2025-10-23T15:40:00", "KMIA-TTPP",
            [_w(24.0, -77.0, 37_000, 465), _w(19.5, -69.0), _w(15.0, -64.2), _w(12.2, -62.0)]),
        one("QQA215", 0x0C6FF2, "B738", "2025-10-23T21:05:00", "KJFK-TTPP",
            [_w(36.0, -71.5, 35_000, 470), _w(26.0, -66.5), _w(18.8, -63.0), _w(13.0, -61.9)], 10),
        one("QQB402", 0x0AAFF3, "B738", "2025-10-23T18:20:00", "TBPB-KMIA",
            [_w(15.6, -60.6, 36_000, 445), _w(19.0, -64.2), _w(21.8, -73.0), _w(24.4, -78.1)]),
        one("QQD330", 0x0AAFF4, "A320", "2025-10-23T16:30:00", "SKBO-TJSJ",
            [_w(8.6, -74.2, 35_000, 455), _w(12.9, -72.3), _w(17.0, -67.2)], 10),
        one("QQE512", 0x0BEFF5, "E190", "2025-10-23T18:40:00", "TNCC-TJSJ",
            [_w(13.6, -68.4, 33_000, 440), _w(17.2, -66.6)], 8),
        Actor(
            pl.concat([there, home]),
            Equipment("QQC77", "AT76", "4377", category="A2", legs=("QQC77", "QQC78")),
        ),
    ]  # fmt: skip


def actors() -> list[Actor]:
    """Everyone in the story, true tracks included; the bombers first."""
    return [*_bombers(), *_tankers(), *_others(), *_airliners(), *_week_before()]


def outages() -> tuple[Outage, ...]:
    """When the network loses whom: the two gaps at the closest point, and one on a tanker's racetrack."""
    return (
        Outage("icao:afd021", parse_utc("2025-10-23T19:22:30"), parse_utc("2025-10-23T19:36:30")),
        Outage("icao:afd022", parse_utc("2025-10-23T19:15:30"), parse_utc("2025-10-23T19:24:30")),
        Outage("icao:afd061", parse_utc("2025-10-23T19:50:00"), parse_utc("2025-10-23T19:57:00")),
    )


def story_truth() -> pl.DataFrame:
    """True tracks of everyone, one row a second: columns :data:`testigos.sim.truth.TRUTH`."""
    return pl.concat([a.truth for a in actors()])


def story_reports() -> pl.DataFrame:
    """What the simulated network made of it: columns of ``schema.REPORTS``, by object and time."""
    return pl.concat([observe(a.truth, a.equipment, SITES, outages()) for a in actors()])


def story_claims() -> list[Claim]:
    """What was said of that day, in our words (``claims.toml``)."""
    return claims_of(files("testigos.sim").joinpath("claims.toml").read_text("utf-8"), "claims.toml")


def write_story(folder: str | Path) -> Path:
    """Write the story as a tree of gzipped readsb traces, as ``readsb --write-globe-history`` leaves it.

    ``folder`` gets ``globe_history/`` (the input for a report), ``truth.parquet`` (never part of the input)
    and ``SIMULATED.txt``. Every trace's header says that it is simulated. Returns the path of
    ``globe_history``.

    Source: layout of readsb, README-json.md, "trace jsons".
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    everyone = actors()
    tree = root / "globe_history"
    for actor in everyone:
        reports = observe(actor.truth, actor.equipment, SITES, outages())
        write_traces(reports, tree)
    pl.concat([a.truth for a in everyone]).write_parquet(root / "truth.parquet", compression="zstd")
    write_notice(root)
    return tree
