"""Many invented flights between real airfields, with their truth, to calibrate findings on.

Each is heard down to a random height at either end, as real coverage ends: from the wheels on the ground to
far up in the climb. Everything follows from the number of the flight.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import airportsdata
import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import geo
from testigos.model import parse_utc
from testigos.sim.dice import Dice
from testigos.sim.observe import Equipment, Site, observe
from testigos.sim.truth import Airfield, Performance, Plan, Waypoint, fly
from testigos.units import FT_M, NMI_M, S_NS

__all__ = ["FlightCase", "random_flight", "random_flights"]

#: Lowest height above the field, ft, at which the simulated receivers hear; the first: on the ground too.
FLOORS_FT: Final = (-1.0, 100.0, 300.0, 700.0, 1_500.0, 3_000.0, 5_000.0, 8_000.0, 12_000.0, 20_000.0)

#: type designator, performance, cruising altitude ft, cruising speed kt, shortest and longest flight nmi.
_TYPES: Final = (
    ("A320", Performance(), 36_000.0, 450.0, 200.0, 1_300.0),
    ("B738", Performance(2_600.0, 2_800.0, 150.0, 145.0), 37_000.0, 455.0, 200.0, 1_300.0),
    ("K35R", Performance(2_300.0, 2_500.0, 150.0, 140.0, 270.0), 29_000.0, 440.0, 250.0, 1_300.0),
    ("AT76", Performance(1_500.0, 1_500.0, 110.0, 105.0, 200.0), 21_000.0, 270.0, 80.0, 400.0),
    ("C56X", Performance(3_000.0, 3_000.0, 115.0, 110.0), 39_000.0, 420.0, 150.0, 900.0),
    ("BE20", Performance(2_000.0, 1_800.0, 105.0, 100.0, 200.0), 25_000.0, 260.0, 80.0, 500.0),
)


@dataclass(frozen=True)
class FlightCase:
    """One flight: its airfields (ICAO codes), truth, reports, and how low it was heard at either end."""

    number: int
    departure: str
    arrival: str
    floor_departure_ft: float
    floor_arrival_ft: float
    truth: pl.DataFrame
    reports: pl.DataFrame


@cache
def _airfields() -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """Codes, and rows of latitude, longitude, elevation ft, of airfields with scheduled traffic."""
    chosen = [
        (code, f["lat"], f["lon"], f["elevation"])
        for code, f in sorted(airportsdata.load("ICAO").items())
        if f["iata"] and abs(f["lat"]) < 65.0 and f["elevation"] < 9_000 and "Seaplane" not in f["name"]
    ]
    return tuple(c[0] for c in chosen), np.array([c[1:] for c in chosen], np.float64)


def random_flight(number: int, seed: str = "flights") -> FlightCase:
    """Flight ``number`` of the series ``seed``; the same on every call.

    Its truth has the columns of :data:`testigos.sim.truth.TRUTH`, its reports those of ``schema.REPORTS``.
    """
    dice = Dice(seed, number)
    codes, places = _airfields()
    type_code, performance, cruise_ft, cruise_kt, shortest, longest = _TYPES[dice.integer(0, len(_TYPES))]
    while True:
        a = dice.integer(0, len(codes))
        far = geo.distance_m(places[a, 0], places[a, 1], places[:, 0], places[:, 1]) / NMI_M
        near = np.flatnonzero((far > shortest) & (far < longest))
        if len(near):
            break
    b = int(near[dice.integer(0, len(near))])
    runways = dice.uniform(2, 0.0, 360.0)
    fields = [
        Airfield(codes[i], places[i, 0], places[i, 1], places[i, 2], runway)
        for i, runway in zip((a, b), runways.tolist(), strict=True)
    ]
    # A bent way with the cruising altitude that the distance allows.
    direct, azimuth, _ = geo.inverse(places[a, 0], places[a, 1], places[b, 0], places[b, 1])
    bend_deg = float(dice.uniform(1, -9.0, 9.0)[0])
    middle = geo.direct(places[a, 0], places[a, 1], azimuth + bend_deg, 0.5 * direct)
    alt = min(cruise_ft, 110.0 * direct / NMI_M + min(places[a, 2], places[b, 2]))
    plan = Plan(
        f"icao:{0xE80000 + number:06x}",
        parse_utc("2025-01-01T06:00") + dice.integer(0, 30_000_000) * S_NS,
        [Waypoint(*middle, round(alt, -3), cruise_kt)],
        performance,
        fields[0],
        fields[1],
    )
    truth = fly(plan)
    steps = np.linspace(0, len(truth) - 1, max(int(direct / 150_000.0), 1) + 2).astype(np.int64)
    along = truth[steps.tolist()]
    sites = [
        Site(f"along {i}", lat, lon, 30.0, ground)
        for i, (lat, lon, ground) in enumerate(
            zip(
                along.get_column("lat_deg"),
                along.get_column("lon_deg"),
                np.linspace(places[a, 2], places[b, 2], len(steps)) * FT_M,
                strict=True,
            )
        )
    ]
    equipment = Equipment(f"SIM{number % 100_000}", type_code, "2000", nac_p=(8, 9, 10)[dice.integer(0, 3)])
    reports = observe(truth, equipment, sites, seed=seed)
    floors = [FLOORS_FT[dice.integer(0, len(FLOORS_FT))] for _ in range(2)]
    half_ns = int(truth.get_column("time_ns")[len(truth) // 2])
    floor_ft = (
        pl.when(pl.col("time_ns") < half_ns)
        .then(floors[0] + places[a, 2] * (floors[0] >= 0.0))
        .otherwise(floors[1] + places[b, 2] * (floors[1] >= 0.0))
    )
    high = pl.col("alt_baro_ft") >= floor_ft  # null on the ground
    heard = reports.filter((floor_ft < 0.0) | high.fill_null(False))
    return FlightCase(number, codes[a], codes[b], floors[0], floors[1], truth, heard)


def random_flights(count: int, seed: str = "flights", first: int = 0) -> Iterator[FlightCase]:
    """``count`` flights of the series ``seed`` from number ``first`` on."""
    for number in range(first, first + count):
        yield random_flight(number, seed)
