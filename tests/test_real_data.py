"""What the whole chain says of real captures whose truth is known. They are no part of the project."""

from dataclasses import replace

import polars as pl
import pytest

from testigos import api
from testigos.model import Question
from testigos.world import World, identity

SPAR19 = "fr24/2ce4f83f.json"
KC10 = ("kml/82-0193-track-press_alt_uncorrected.kml", "kml/86-0033-track-press_alt_uncorrected.kml")


def sorties(path, world):
    tracks = api.tracks(api.read([path]))
    return [f for f in api.find(tracks, Question(), world) if f.kind == "sortie"]


def test_spar19_departs_subang_and_lands_at_songshan(shared, world):
    (sortie,) = sorties(shared / SPAR19, world)
    assert sortie.subjects == ("icao:ae503d",)
    for end, icao in ((sortie.departure, "WMSA"), (sortie.arrival, "RCSS")):
        assert (end["status"], end["icao"]) == ("airfield", icao)
        assert end["on_ground"]
        assert end["confidence"] > 0.9


@pytest.mark.parametrize("name", KC10)
def test_a_tanker_that_vanishes_at_26000_ft_is_lost_and_lands_nowhere(shared, world, name):
    (sortie,) = sorties(shared / name, world)
    assert sortie.arrival["status"] == "lost"
    assert sortie.arrival["icao"] is None
    assert sortie.arrival["alt_ft"] > 26_000.0
    assert any("not observable" in caveat for caveat in sortie.caveats)


@pytest.mark.parametrize("name", KC10)
def test_a_tanker_first_seen_low_beside_travis_departs_there(shared, world, name):
    (sortie,) = sorties(shared / name, world)
    assert sortie.departure["alt_ft"] < 2_000.0
    assert (sortie.departure["status"], sortie.departure["icao"]) == ("airfield", "KSUU")
    assert 0.5 <= sortie.departure["confidence"] < 1.0


@pytest.mark.parametrize(
    ("name", "departure", "arrival"),
    [
        ("FlightAware_FDX1273_KBOS_KMEM_20221108", "KBOS", "KMEM"),
        ("FlightAware_ITY621_KLAX_LIRF_20221014", "KLAX", "LIRF"),
        ("VB7083-32eca57a-1", "MMMY", "MMHO"),
    ],
)
def test_airliners_have_the_airfields_that_their_schedules_say(shared, world, name, departure, arrival):
    (sortie,) = sorties(shared / "kml" / f"{name}.kml", world)
    assert (sortie.departure["icao"], sortie.arrival["icao"]) == (departure, arrival)


def test_a_track_cut_at_cruise_altitude_is_first_seen_and_lost_there(shared, world):
    tracks = api.tracks(api.read([shared / SPAR19])).filter(pl.col("alt_baro_ft") > 30_000.0)
    (sortie,) = (f for f in api.find(tracks, Question(), world) if f.kind == "sortie")
    assert (sortie.departure["status"], sortie.arrival["status"]) == ("first_seen", "lost")
    assert sortie.departure["icao"] is sortie.arrival["icao"] is None


def test_a_tanker_on_station_has_no_visible_partner_and_none_is_invented(shared, world):
    # that it is a tanker a database says, as after ``testigos data update``
    database = identity.read_plane_alert((shared / "identity" / "plane-alert-db.csv").read_bytes())
    told = World()
    told.identity = replace(world.identity, aircraft=database)
    tracks = api.tracks(api.read([shared / "flights" / "inflight_refuelling.json.gz"]))
    found = [f for f in api.find(tracks, Question(), told) if f.kind == "refuelling"]
    assert [(f.subjects, f.details["grade"]) for f in found] == [(("icao:3b7777",), "on_station_no_partner_visible")]


def test_two_tankers_in_company_are_on_station_and_not_said_to_refuel(shared, world):
    tracks = api.tracks(api.read([shared / name for name in KC10]))
    found = api.find(tracks, Question(), world)
    assert [f for f in found if f.kind == "formation"]
    assert not [f for f in found if f.kind == "refuelling" and len(f.subjects) > 1]
