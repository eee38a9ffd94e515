"""Everyday civil traffic round the story: airliners between the southern United States and the Caribbean.

Routes join airfields that are really there; how often each is flown, by whom and when, is invented. Each aircraft of
the fleet flies one route, there on one day and back on the next, so that a history has the same aircraft again and
again. Traffic follows the clock (most of it departs between 11 and 23 UTC, morning to evening there) and the weekday
(a sixth more from Friday to Sunday).
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl

from testigos import geo
from testigos.model import parse_utc
from testigos.sim.dice import Dice
from testigos.sim.observe import Equipment, Outage, Site, observe
from testigos.sim.sites import SITES
from testigos.sim.truth import Performance, Plan, Waypoint, fly
from testigos.sim.write import write_notice, write_traces
from testigos.units import S_NS

__all__ = ["FLEET", "civil_day", "civil_history", "write_background"]

FLEET: Final = 256  #: aircraft in all; addresses are invented
_ADDRESS: Final = 0x0C6E00
_EPOCH: Final = date(1970, 1, 1)

#: To a tenth of a degree, which is where these flights come into view and go out of it. Source: OurAirports.
_PORTS: Final = {
    "KATL": (33.6, -84.4), "KMIA": (25.8, -80.3), "KMCO": (28.4, -81.3), "KIAH": (30.0, -95.3),
    "KFLL": (26.1, -80.2), "KJFK": (40.6, -73.8), "TJSJ": (18.4, -66.0), "TNCM": (18.0, -63.1),
    "TAPA": (17.1, -61.8), "TFFR": (16.3, -61.5), "TFFF": (14.6, -61.0), "TBPB": (13.1, -59.5),
    "TGPY": (12.0, -61.8), "TTPP": (10.6, -61.3), "TNCC": (12.2, -69.0), "TNCA": (12.5, -70.0),
    "MDPC": (18.6, -68.4), "SKBO": (4.7, -74.1), "SVMI": (10.6, -67.0),
}  # fmt: skip
#: From, to, and how often in a hundred flights.
_ROUTES: Final = (
    ("KMIA", "TTPP", 8), ("KMIA", "TBPB", 7), ("KJFK", "TTPP", 5), ("KJFK", "TBPB", 4), ("KMIA", "TGPY", 5),
    ("KATL", "TNCM", 5), ("KFLL", "TJSJ", 9), ("KMCO", "TJSJ", 8), ("KMIA", "TNCC", 7), ("KATL", "TNCA", 5),
    ("KMIA", "SVMI", 3), ("TJSJ", "TTPP", 4), ("TJSJ", "TBPB", 4), ("TFFR", "TFFF", 6), ("TBPB", "TGPY", 6),
    ("MDPC", "KMIA", 6), ("SKBO", "TJSJ", 4), ("KIAH", "TJSJ", 4),
)  # fmt: skip
_SHORT_M: Final = 450_000.0  # turboprops fly these
#: Departures by hour of the day (UTC), in parts of the whole.
_HOURS: Final = (2, 2, 1, 1, 0, 0, 1, 1, 2, 4, 6, 7, 8, 8, 7, 6, 6, 7, 7, 7, 6, 5, 4, 3)


def _drawn(weights: Sequence[int], at: float) -> int:
    """Which of some weights the part ``at`` (in [0, 1)) of their sum falls on."""
    left = at * sum(weights)
    for i, weight in enumerate(weights):
        left -= weight
        if left < 0.0:
            return i
    return len(weights) - 1


def _plan(aircraft: int, day: date, seed: str) -> tuple[Plan, Equipment]:
    """The flight of one aircraft of the fleet on a day."""
    own = Dice(seed, "aircraft", aircraft)
    route, kind, sign = own.uniform(3).tolist()
    begin, end, _ = _ROUTES[_drawn([r[2] for r in _ROUTES], route)]
    (lat, lon), (to_lat, to_lon) = _PORTS[begin], _PORTS[end]
    length, _, _ = geo.inverse(lat, lon, to_lat, to_lon)
    short = length < _SHORT_M
    dice = Dice(seed, "flight", aircraft, day.isoformat())
    hour, minute, aside, level = dice.uniform(4).tolist()
    number = (day - _EPOCH).days
    if (number + aircraft) % 2:
        (lat, lon), (to_lat, to_lon) = (to_lat, to_lon), (lat, lon)
    _, azimuth, _ = geo.inverse(lat, lon, to_lat, to_lon)
    cruise = (15_000.0 if short else 31_000.0) + 2_000.0 * int(level * (4 if short else 5))
    cruise += 1_000.0 * ((azimuth % 360.0) >= 180.0)  # westbound levels are the even ones
    fast = 270.0 if short else 440.0 + 30.0 * level
    middle = geo.direct(lat, lon, azimuth + 8.0 * (aside - 0.5), length / 2.0)
    way = [
        Waypoint(*geo.direct(lat, lon, azimuth, 8_000.0), 5_000.0, 230.0),
        Waypoint(*middle, cruise, fast),
        Waypoint(*geo.direct(to_lat, to_lon, azimuth + 180.0, 0.28 * length if short else 190_000.0)),
        Waypoint(to_lat, to_lon, 4_000.0, 220.0),
    ]
    start = parse_utc(f"{day.isoformat()}T00:00:00Z") + int((_drawn(_HOURS, hour) + minute) * 3_600) * S_NS
    type_code = "AT76" if short else ("A320", "B738", "A321", "E190")[int(kind * 4)]
    sign_of = f"QQ{'ABCDEFGH'[int(sign * 8)]}{100 + (aircraft * 37 + number % 2) % 900}"
    equipment = Equipment(sign_of, type_code, f"{2100 + aircraft % 67:04d}", category="A2" if short else "A3",
                          nac_p=(8, 9, 10)[aircraft % 3])  # fmt: skip
    performance = Performance(1_500.0, 1_500.0, 110.0, 105.0, 200.0) if short else Performance()
    return Plan(f"icao:{_ADDRESS + aircraft:06x}", start, way, performance), equipment


def _flying(day: date, flights: int, seed: str) -> list[int]:
    """Which aircraft of the fleet fly on a day."""
    many = min(FLEET, round(flights * (7 / 6 if day.weekday() >= 4 else 1.0)))
    order = Dice(seed, "day", day.isoformat()).uniform(FLEET)
    return sorted(sorted(range(FLEET), key=lambda k: (order[k], k))[:many])


def civil_day(
    day: date,
    flights: int = 40,
    *,
    seed: str = "background",
    sites: Sequence[Site] = SITES,
    outages: Sequence[Outage] = (),
    every_s: float = 0.0,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """True tracks and reports of the civil flights that depart on a day, by object and time.

    At most ``FLEET`` flights, each of another aircraft. ``every_s``: of an aircraft's reports at most one in so many
    seconds is kept, for a history that need not be dense.

    >>> from datetime import date
    >>> truth, reports = civil_day(date(2025, 10, 23), 2)
    >>> truth["object_id"].n_unique(), set(reports["source"])
    (2, {'adsb'})
    """
    truths, heard = [], []
    for aircraft in _flying(day, flights, seed):
        plan, equipment = _plan(aircraft, day, seed)
        truth = fly(plan)
        reports = observe(truth, equipment, sites, outages, seed=f"{seed} {day.isoformat()}")
        if every_s > 0.0:
            part = pl.col("time_ns") // int(every_s * S_NS)
            reports = reports.filter(pl.col("status") == "ok").filter(part != part.shift(1).fill_null(-1))
        truths.append(truth)
        heard.append(reports)
    return pl.concat(truths), pl.concat(heard)


def civil_history(
    first: date, days: int, flights: int = 16, *, seed: str = "background", sites: Sequence[Site] = SITES,
    every_s: float = 60.0,
) -> Iterator[tuple[date, pl.DataFrame]]:  # fmt: skip
    """The reports of each of some days, sparse: enough to count who was there, hour by hour."""
    for k in range(days):
        day = first + timedelta(days=k)
        yield day, civil_day(day, flights, seed=seed, sites=sites, every_s=every_s)[1]


def write_background(
    folder: str | Path, first: date, days: int, flights: int = 16, *, seed: str = "background", every_s: float = 60.0
) -> Path:
    """Write civil traffic of some days as readsb traces into ``folder/globe_history``, as ``write_story`` does.

    An aircraft whose flight ends after midnight has the rest of it in the trace of the next day, with that day's own.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    tree = root / "globe_history"
    everything = pl.concat([reports for _, reports in civil_history(first, days, flights, seed=seed, every_s=every_s)])
    write_traces(everything.sort("object_id", "time_ns", maintain_order=True), tree)
    write_notice(root)
    return tree
