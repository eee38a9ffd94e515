"""The live picture: what is shown of each object, whatever the order, the inputs and the echoes of its reports."""

import dataclasses
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testigos.fuse.joins import Joiner
from testigos.fuse.picture import DEFAULT, FATES, Picture
from testigos.geo import destination, distance_m
from testigos.links import gdl90
from testigos.schema import ALL, PICTURE, violations

T0 = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
TYPES = {n: c.dtype for n, c in ALL.items()} | {"input": pl.UInt16(), "link": pl.String()}
PLANE = "icao:ae503d"


def table(*rows: dict) -> pl.DataFrame:
    names = dict.fromkeys(n for row in rows for n in row)
    return pl.DataFrame(list(rows), schema={n: TYPES[n] for n in names})


def report(at_s: float, lat: float | None = None, lon: float | None = None, **more) -> dict:
    """A report at so many seconds; of the plane by ADS-B, where nothing else is said."""
    base = {"object_id": PLANE, "time_ns": T0 + round(at_s * 1e9), "source": "adsb", "input": 1, "link": "beast"}
    base |= {"status": "no_position"} if lat is None else {"status": "ok", "lat_deg": lat, "lon_deg": lon}
    return base | more


def flown(at_s: float, lat: float = 11.9, lon: float = -62.5, speed_mps: float = 200.0, track: float = 90.0):
    """Where who flies straight is."""
    north, east = destination(lat, lon, track, speed_mps * at_s)
    return float(north), float(east)


def flight(times, **more) -> list[dict]:
    return [report(t, *flown(t), nac_p=9, alt_baro_ft=30_000.0, **more) for t in times]


def feed(picture: Picture, rows: list[dict], step_s: float = 0.1) -> pl.DataFrame:
    """The rows each when it is said, in batches; all that came out."""
    out = [picture.rows().clear()]
    rows = sorted(rows, key=lambda r: r["time_ns"])
    now = T0
    while rows:
        now = max(now + round(step_s * 1e9), rows[0]["time_ns"])
        batch = [r for r in rows if r["time_ns"] <= now]
        rows = rows[len(batch) :]
        out.append(picture.update(table(*batch), now))
    return pl.concat(out)


def wait(picture: Picture, at_s: float) -> pl.DataFrame:
    return picture.update(pl.DataFrame(), T0 + round(at_s * 1e9))


def only(rows: pl.DataFrame) -> dict:
    assert len(rows) == 1
    return rows.row(0, named=True)


# ---- what is shown ----


def test_the_position_shown_is_the_last_reported_one_with_its_own_time_and_the_accuracy_that_it_claims() -> None:
    picture = Picture("a")
    feed(picture, flight(np.arange(0, 20, 0.5), gs_kt=389.0, track_deg=90.0))
    row = only(picture.rows())
    assert (row["lat_deg"], row["lon_deg"]) == flown(19.5)
    assert row["time_ns"] == T0 + 19_500_000_000
    # NACp 9 is 30 m, and 0.6 s of latency at 389 kt are 120 m
    assert row["radius95_m"] == pytest.approx(30.0 + 0.6 * 389 * 1852 / 3600, abs=0.1)
    assert row["velocity_east_mps"] == pytest.approx(200.0, abs=2.0)
    assert row["velocity_north_mps"] == pytest.approx(0.0, abs=2.0)
    assert row["state"] == "live"
    assert row["kind"] == "aircraft"
    assert violations(picture.rows(), PICTURE) == []


def test_where_nothing_says_how_good_a_position_is_no_radius_is_published() -> None:
    picture = Picture("a")
    feed(picture, [report(t, *flown(t), source="flarm", object_id="flarm:dd1234") for t in range(10)])
    assert only(picture.rows())["radius95_m"] is None
    wait(picture, 30)
    assert only(picture.rows())["radius95_m"] is None


def test_values_are_those_last_said_whatever_said_them_and_null_overwrites_nothing() -> None:
    picture = Picture("a")
    feed(
        picture,
        [
            report(0.0, *flown(0.0), alt_baro_ft=30_000.0, callsign="BARB21"),
            report(0.2, alt_geom_ft=31_000.0, link="sbs", input=2, offset=77),
            report(0.4, callsign="BARB22", squawk="1200"),
            report(0.6, *flown(0.6)),
            # older than what is known, and said later
            report(0.3, callsign="OLD", alt_msl_ft=30_500.0),
        ],
        step_s=0.01,
    )
    picture.update(table(report(0.3, callsign="OLD", alt_msl_ft=30_500.0)), T0 + SECOND)
    row = only(picture.rows())
    shown = {n: row[n] for n in ("callsign", "alt_baro_ft", "alt_geom_ft", "alt_msl_ft", "squawk")}
    assert shown == {
        "callsign": "BARB22",
        "alt_baro_ft": 30_000.0,
        "alt_geom_ft": 31_000.0,
        "alt_msl_ft": 30_500.0,
        "squawk": "1200",
    }
    said = {s["column"]: s for s in picture.said_by(PLANE)}
    assert said["alt_geom_ft"] == {
        "column": "alt_geom_ft",
        "value": 31_000.0,
        "time_ns": T0 + SECOND // 5,
        "input": 2,
        "link": "sbs",
        "offset": 77,
        "via": None,
    }
    assert said["lat_deg"]["time_ns"] == T0 + 600_000_000
    assert said["callsign"]["value"] == "BARB22"


def test_altitudes_and_speeds_of_aircraft_expire_names_do_not() -> None:
    picture = Picture("a")
    feed(picture, [report(0, *flown(0), alt_baro_ft=30_000.0, gs_kt=400.0, track_deg=90.0, callsign="BARB21")])
    for t in range(1, 70):
        picture.update(table(report(t, *flown(t))), T0 + t * SECOND)
    row = only(picture.rows())
    assert (row["alt_baro_ft"], row["gs_kt"], row["callsign"]) == (None, None, "BARB21")


def test_a_position_that_cannot_be_is_counted_and_not_shown_but_a_new_place_that_stays_is() -> None:
    picture = Picture("a")
    feed(picture, flight(np.arange(0, 20, 0.5)))
    feed(picture, [report(20.0, 40.0, 10.0)])
    assert picture.counters["refused"] == 1
    assert only(picture.rows())["lat_deg"] == flown(19.5)[0]
    feed(picture, [report(20.5 + t, *flown(t, 40.0, 10.0)) for t in range(8)])
    assert only(picture.rows())["lat_deg"] == pytest.approx(40.0, abs=0.01)


def test_two_transmitters_under_one_address_are_two_tracks_each_in_its_place() -> None:
    picture = Picture("a")
    rows = flight(np.arange(0, 30, 0.5))
    rows += [report(t + 0.25, *flown(t, 47.0, 8.0, 180.0, 0.0), nac_p=9) for t in np.arange(0, 30, 0.5)]
    feed(picture, rows)
    shown = {r["object_id"]: r for r in picture.rows().rows(named=True)}
    assert set(shown) == {PLANE, f"{PLANE}#2"}
    places = sorted(r["lat_deg"] for r in shown.values())
    assert places[0] == pytest.approx(11.9, abs=0.01)
    assert places[1] == pytest.approx(47.04, abs=0.02)
    assert shown[PLANE]["slot"] != shown[f"{PLANE}#2"]["slot"]
    # the name that another node gives to the second track is the address again
    last = shown[f"{PLANE}#2"]
    picture.update(table(report(30.0, *flown(30.0), object_id=f"{PLANE}#2")), T0 + 30 * SECOND)
    assert last["object_id"] in picture.rows()["object_id"].to_list()
    assert len(picture.rows()) == 2
    # and both die
    dead = pl.concat([wait(picture, t) for t in range(31, 2000, 10)]).filter(pl.col("state") == "dead")
    assert sorted(dead["object_id"]) == [PLANE, f"{PLANE}#2"]
    assert len(picture.rows()) == 0
    assert picture.said_by(PLANE) == []


@pytest.mark.parametrize(
    ("object_id", "more", "kind"),
    [
        ("icao:ae503d", {"source": "adsb"}, "aircraft"),
        ("icao:ae503d", {"source": "adsb", "category": "C2"}, "vehicle"),
        ("icao:ae503d", {"source": "adsb", "category": "B6"}, "drone"),
        ("icao:ae503d", {"source": "adsb", "kind": "vessel"}, "vessel"),
        ("mmsi:366730000", {"source": "ais"}, "vessel"),
        ("mmsi:111232506", {"source": "ais"}, "aircraft"),
        ("mmsi:992351000", {"source": "ais"}, "fixed"),
        ("mmsi:002320001", {"source": "ais"}, "fixed"),
        ("mmsi:972123456", {"source": "ais"}, "person"),
        ("rid:1581F", {"source": "other"}, "drone"),
        ("uid:x", {"source": "unknown"}, "unknown"),
    ],
)
def test_the_kind_is_what_the_report_says_or_follows_from_the_name(object_id: str, more: dict, kind: str) -> None:
    picture = Picture("a")
    assert only(picture.update(table(report(0, 10.0, 20.0, object_id=object_id, **more)), T0))["kind"] == kind


@pytest.mark.parametrize(
    ("more", "urgent"),
    [
        ({}, False),
        ({"squawk": "1200", "emergency": "none"}, False),
        ({"squawk": "7700"}, True),
        ({"squawk": "7500"}, True),
        ({"emergency": "nordo"}, True),
        ({"object_id": "mmsi:970123456", "source": "ais"}, True),
        ({"object_id": "mmsi:972123456", "source": "ais"}, True),
        ({"object_id": "mmsi:366730000", "source": "ais", "nav_status": 14}, True),
        ({"object_id": "mmsi:366730000", "source": "ais", "nav_status": 0}, False),
    ],
)
def test_who_says_an_emergency_is_urgent(more: dict, urgent: bool) -> None:
    assert only(Picture("a").update(table(report(0, 10.0, 20.0, **more)), T0))["urgent"] is urgent


# ---- what is counted ----


def test_each_report_has_one_fate_and_bad_ones_move_nothing() -> None:
    picture = Picture("a")
    rows = [
        report(0, 10.0, 20.0),
        report(0, 10.0, 20.0, input=2),
        report(0, 11.0, 21.0) | {"status": "malformed"},
        report(0, 11.0, 21.0) | {"status": "parity_failed"},
        report(0, 11.0, 21.0) | {"status": "unconfirmed"},
        report(0, object_id=None),
        report(0, 10.0, 20.0, object_id="icao:000001", via="b a c"),
        report(0, 10.0, 20.0, object_id="icao:000002", via="b aa c"),
        report(60, 10.0, 20.0, object_id="icao:000003"),
        report(-60, 10.0, 20.0, object_id="icao:000004"),
        report(0, 11.0, 21.0, callsign="OUT", object_id="icao:000005") | {"status": "out_of_range"},
    ]
    picture.update(table(*rows), T0)
    assert picture.counters == {
        "produced": 3,
        "duplicates": 1,
        "malformed": 1,
        "parity_failed": 1,
        "unconfirmed": 1,
        "no_object": 1,
        "looped": 1,
        "ahead": 1,
        "late": 1,
    }
    assert set(picture.counters) <= set(FATES)
    shown = {r["object_id"]: r for r in picture.rows().rows(named=True)}
    assert set(shown) == {PLANE, "icao:000002", "icao:000005"}
    assert shown["icao:000005"]["status"] == "no_position"
    assert shown["icao:000005"]["callsign"] == "OUT"
    assert shown["icao:000002"]["via"] == "b aa c"


def test_the_same_transmission_by_another_receiver_changes_nothing_but_when_it_was_seen() -> None:
    picture = Picture("a")
    picture.update(table(report(0, 10.0, 20.0, transmission=5), report(0.1, gs_kt=400.0, track_deg=1.0)), T0 + SECOND)
    # another receiver's clock is 0.4 s ahead, and its position has another rounding
    again = table(report(0.4, 10.000_2, 20.0, transmission=5, input=2))
    assert len(picture.update(again, T0 + SECOND)) == 0
    row = only(picture.rows())
    assert (row["lat_deg"], row["time_ns"], row["input"], row["seen_ns"]) == (10.0, T0, 1, T0 + 400_000_000)
    assert picture.counters["duplicates"] == 1


def test_a_report_that_is_too_late_gives_no_position_but_a_name_that_nobody_said() -> None:
    picture = Picture("a")
    feed(picture, flight(range(60)))
    picture.update(table(report(10.2, *flown(10.2), callsign="BARB21")), T0 + 60 * SECOND)
    assert picture.counters["late"] == 1
    row = only(picture.rows())
    assert (row["callsign"], row["time_ns"]) == ("BARB21", T0 + 59 * SECOND)


def test_an_empty_batch_and_columns_without_values_are_no_trouble() -> None:
    picture = Picture("a")
    assert picture.update(pl.DataFrame(), T0).schema == {n: c.dtype for n, c in PICTURE.items()}
    assert len(picture.update(table(report(0, 1.0, 2.0)).clear(), T0)) == 0
    bare = pl.DataFrame(
        {"object_id": [PLANE, None], "time_ns": [T0, None], "status": ["ok", "malformed"], "source": ["ais", None]}
    )
    assert only(picture.update(bare, T0))["status"] == "no_position"


# ---- how long ----


def test_an_object_is_live_then_coasting_with_a_growing_radius_then_stale_then_dead_once() -> None:
    picture = Picture("a")
    feed(picture, flight(np.arange(0, 20.5, 0.5), gs_kt=389.0, track_deg=90.0))
    live = only(picture.rows())
    assert live["stale_ns"] == T0 + 80 * SECOND
    seen = [(t, r) for t in range(21, 400) for r in wait(picture, t).rows(named=True)]
    assert [(t, r["state"]) for t, r in seen] == [(30, "coasting"), (80, "stale"), (320, "dead")]
    # where it must be by now is within the radius round where it was
    for t, row in seen[:2]:
        assert row["time_ns"] == T0 + 20 * SECOND
        away = float(distance_m(row["lat_deg"], row["lon_deg"], *flown(float(t))))
        assert away < row["radius95_m"] < 3.0 * away
    assert len(picture.rows()) == 0


def test_who_is_heard_again_is_live_again_and_a_dead_slot_is_given_to_another() -> None:
    picture = Picture("a")
    slot = only(picture.update(table(report(0, 10.0, 20.0)), T0))["slot"]
    assert only(wait(picture, 15))["state"] == "coasting"
    assert only(picture.update(table(report(16, 10.0, 20.0)), T0 + 16 * SECOND))["state"] == "live"
    assert wait(picture, 400)["state"].to_list() == ["dead"]
    row = only(picture.update(table(report(401, 1.0, 2.0, object_id="icao:000001")), T0 + 401 * SECOND))
    assert (row["slot"], row["callsign"], row["alt_baro_ft"]) == (slot, None, None)


@pytest.mark.parametrize(
    ("more", "coasting_s", "stale_s", "dead_s"),
    [
        ({}, 10, 60, 300),
        ({"object_id": "mmsi:366730000", "source": "ais", "nav_status": 0}, 60, 600, 1800),
        ({"object_id": "mmsi:366730000", "source": "ais", "nav_status": 1}, 600, 1200, 3600),
        ({"object_id": "mmsi:992351000", "source": "ais"}, 600, 1800, 7200),
        ({"stale_ns": T0 + 30 * SECOND}, 10, 30, 300),
        ({"stale_ns": T0 + 90 * SECOND}, 10, 60, 300),
    ],
)
def test_patience_is_that_of_the_kind_and_the_origin_may_want_less(more, coasting_s, stale_s, dead_s) -> None:
    picture = Picture("a")
    picture.update(table(report(0, 10.0, 20.0, **more)), T0)
    around = sorted({max(s + d, 1) for s in (10, 30, coasting_s, stale_s, dead_s) for d in (-1, 0, 1)})
    seen = [(t, r["state"]) for t in around for r in wait(picture, t).rows(named=True)]
    assert seen == [(coasting_s, "coasting"), (stale_s, "stale"), (dead_s, "dead")]


def test_who_is_heard_rarely_is_waited_for_longer() -> None:
    picture = Picture("a")
    feed(picture, [report(t, *flown(t)) for t in range(0, 200, 12)])
    wait(picture, 192 + 35)
    assert only(picture.rows())["state"] == "live"
    wait(picture, 192 + 37)
    assert only(picture.rows())["state"] == "coasting"


# ---- order ----

_TIMES = st.lists(st.integers(0, 200), min_size=1, max_size=25)


@st.composite
def _heard(draw) -> list[dict]:
    """Reports of two objects within 20 s: positions that fit, a few that do not, the same again, values."""
    rows = []
    for name, lat in ((PLANE, 11.9), ("mmsi:366730000", 37.0)):
        for tenth in draw(_TIMES):
            t = tenth / 10.0
            what = draw(st.sampled_from("pppvvnqxs"))
            more = {"object_id": name, "source": draw(st.sampled_from(["adsb", "mlat", "ais"]))}
            north, east = flown(t, lat)
            if what == "p":
                more |= {"nac_p": draw(st.sampled_from([8, 9, None])), "alt_baro_ft": draw(st.sampled_from([1e4, 2e4]))}
                rows.append(report(t, north, east, **more))
            elif what == "s":  # as text with five decimals and milliseconds says it
                rows.append(report(t, round(north, 5), round(east, 5), **more) | {"link": "sbs"})
                rows.append(report(t + 0.000_4, north, east, **more))
            elif what == "x":
                rows.append(report(t, north + draw(st.sampled_from([0.5, 3.0])), east, **more))
            elif what == "v":
                rows.append(report(t, gs_kt=draw(st.sampled_from([300.0, 389.0])), track_deg=90.0, **more))
            elif what == "q":
                rows.append(report(t, nac_p=draw(st.sampled_from([5, 10])), **more))
            else:
                rows.append(report(t, callsign=draw(st.sampled_from(["ONE", "TWO"])), **more))
    return rows


def _final(rows: list[dict], cuts: list[int]) -> pl.DataFrame:
    picture = Picture("a")
    now = T0 + 21 * SECOND
    for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        if first < last:
            picture.update(table(*rows[first:last]), now)
    wait(picture, 22)
    rows = picture.rows().drop("slot", "input", "offset").sort("object_id")
    # which of two transmitters under one name said a value is settled when it comes
    names = rows["object_id"].str.strip_suffix("#2")
    kept = ("object_id", "time_ns", "lat_deg", "lon_deg", "status", "kind")
    return rows.with_columns(
        pl.when(pl.Series(names.is_duplicated()).not_()).then(pl.col(n)) for n in rows.columns if n not in kept
    )


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_neither_the_order_of_arrival_nor_the_cuts_change_a_bit_of_the_picture(data) -> None:
    rows = data.draw(_heard())
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=6)))
    one = _final(sorted(rows, key=lambda r: r["time_ns"]), list(range(1, len(rows))))
    other = _final(shuffled, cuts)
    assert one.equals(other)


def _by_slot(rows: pl.DataFrame) -> dict[int, dict]:
    """What is news of each; of who has no position the time is none."""
    told = rows.select("slot", *_TOLD).with_columns(pl.when(pl.col("lat_deg").is_not_null()).then("time_ns"))
    return {row["slot"]: row for row in told.iter_rows(named=True)}


_TOLD = ("object_id", "time_ns", "lat_deg", "lon_deg", "alt_baro_ft", "gs_kt", "track_deg", "callsign", "state", "kind")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_whoever_asks_for_the_whole_picture_sees_what_was_told_last_of_each(data) -> None:
    rows = data.draw(st.permutations(data.draw(_heard())))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=12)))
    picture, told = Picture("a"), {}
    for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True)):
        now = T0 + 21 * SECOND + number
        told |= _by_slot(picture.update(table(*rows[first:last]), now))
        told = {slot: row for slot, row in told.items() if row["state"] != "dead"}
        assert told == _by_slot(picture.rows())


def test_reports_that_come_late_over_many_minutes_make_the_picture_of_reports_in_time() -> None:
    dice = np.random.default_rng(3)
    rows = []
    for k in range(20):
        speed, track = dice.uniform(50, 250), dice.uniform(0, 360)
        for t in np.sort(dice.uniform(0, 300, 400)):
            lat, lon = flown(t, 10.0 + k, 20.0, speed, track)
            rows.append(report(t, lat + dice.normal(0, 1e-4), lon, object_id=f"icao:{k:06x}", nac_p=8))
    now = [T0 + round(t * 1e9) for t in np.arange(0.0, 332.0, 0.5)]
    said = np.array([r["time_ns"] for r in rows])
    finals = []
    for latest in (0.0, 29.0):
        picture = Picture("a")
        arrival = said + (dice.uniform(0, latest, len(rows)) * 1e9).astype(np.int64)
        for before, at in pairwise(now):
            due = [rows[i] for i in np.flatnonzero((arrival > before) & (arrival <= at))]
            picture.update(table(*due) if due else pl.DataFrame(), at)
        assert picture.counters["late"] == 0
        finals.append(picture.rows().drop("slot", "input", "offset").sort("object_id"))
    assert len(finals[0]) == 20
    assert finals[0].equals(finals[1])


# ---- echoes ----


def _no_time(rows: pl.DataFrame) -> pl.DataFrame:
    """Through GDL 90: no time, 2.1e-5 degrees, 25 ft."""
    data = gdl90.encode(rows.select(c for c in rows.columns if c in ALL))
    frames, rest = gdl90.split(data, final=True)
    assert rest == b""
    return gdl90.decode(frames, None)[0]


def _five_decimals(rows: pl.DataFrame) -> pl.DataFrame:
    """Through text with five decimals and milliseconds, as SBS has it."""
    said = ("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "gs_kt", "track_deg")
    return rows.select(*said, "callsign").with_columns(
        pl.col("lat_deg", "lon_deg").round(5),
        pl.col("time_ns") // 1_000_000 * 1_000_000,
        pl.col("gs_kt").round(0),
    )


def _ring(through, parked: bool, repeat_s: int, lasts_s: int = 60) -> tuple[list[Picture], list[int], list[tuple]]:
    """Three nodes, each the input 2 of the next; the first hears a receiver. All they say, a second each time.

    With ``repeat_s`` each node says all that it shows again so often, as relays for late customers do.
    """
    nodes = [Picture(n) for n in "abc"]
    held = [pl.DataFrame()] * 3
    said, died = [0, 0, 0], []
    for second in range(1500):
        now = T0 + second * SECOND
        given = []
        for k in range(3):
            arrived = held[k - 1]
            rows = [through(arrived).with_columns(pl.lit(2, pl.UInt16).alias("input"))] if len(arrived) else []
            if k == 0 and second < lasts_s:
                where = (10.0, 20.0) if parked else flown(second)
                moves = {} if parked else {"gs_kt": 389.0, "track_deg": 90.0}
                own = table(report(second, *where, alt_baro_ft=100.0, on_ground=parked, callsign="BARB21", **moves))
                rows.append(own.with_columns(pl.col(n).cast(TYPES[n]) for n in own.columns))
            given.append(nodes[k].update(pl.concat(rows, how="diagonal") if rows else pl.DataFrame(), now))
        for k in range(3):
            out = given[k].filter(pl.col("state").is_in(["live", "coasting"]))
            if repeat_s and second % repeat_s == 0:
                out = nodes[k].rows().filter(pl.col("state").is_in(["live", "coasting"]))
            held[k] = out.filter(pl.col("status") == "ok")
            said[k] += len(held[k])
            died += [(k, second) for s in given[k]["state"] if s == "dead"]
    return nodes, said, died


@pytest.mark.parametrize("repeat_s", [0, 5])
@pytest.mark.parametrize("parked", [False, True])
@pytest.mark.parametrize("through", [_no_time, _five_decimals])
def test_in_a_ring_of_relays_an_object_dies_everywhere_when_nobody_hears_it_any_more(through, parked, repeat_s) -> None:
    nodes, said, died = _ring(through, parked, repeat_s)
    assert sorted(k for k, _ in died) == [0, 1, 2]
    assert max(at for _, at in died) < 60 + 3 * 330
    assert all(len(n.rows()) == 0 for n in nodes)
    # no more is said than was heard, and where all is repeated no more than that
    assert max(said) <= 60 + 4 + (1500 // repeat_s if repeat_s else 0)


def test_what_is_parked_stays_as_long_as_its_own_input_says_so_without_a_time() -> None:
    picture = Picture("a")
    parked = report(0, 10.0, 20.0, alt_baro_ft=100.0) | {"status": "no_time", "time_ns": None}
    for t in range(1500):
        picture.update(table(parked), T0 + t * SECOND)
    assert only(picture.rows())["state"] == "live"
    # by another input it is but an echo
    for t in range(1500, 1900):
        picture.update(table(parked | {"input": 2}), T0 + t * SECOND)
    assert len(picture.rows()) == 0
    assert picture.counters["echoes"] > 300
    # a place that is new is news by any input
    moved = parked | {"input": 2, "lat_deg": 10.001}
    assert only(picture.update(table(moved), T0 + 1901 * SECOND))["lat_deg"] == 10.001


def test_an_old_position_without_a_time_does_not_pull_back_who_moves() -> None:
    picture = Picture("a")
    feed(picture, flight(np.arange(0, 20, 0.5), gs_kt=389.0, track_deg=90.0))
    old = report(0, *flown(12.0), alt_baro_ft=30_000.0, callsign="ECHO") | {"status": "no_time", "time_ns": None}
    for number in (1, 2):
        picture.update(table(old | {"input": number}), T0 + 20 * SECOND)
    assert picture.counters["echoes"] == 2
    row = only(picture.rows())
    assert (row["time_ns"], row["callsign"]) == (T0 + 19_500_000_000, None)


# ---- many ----


def test_a_picture_of_many_grows_and_shrinks_and_forgets_what_it_held() -> None:
    picture = Picture("a")
    for t in range(0, 40):
        rows = [report(t, 10.0 + k / 1000, 20.0 + t / 1000, object_id=f"icao:{k:06x}") for k in range(3000)]
        picture.update(table(*rows), T0 + t * SECOND)
    assert len(picture.rows()) == 3000
    assert len(picture.rows(np.array([0, 5, 4_000_000], np.uint32))) == 2
    dead = wait(picture, 1000)
    assert dead["state"].unique().to_list() == ["dead"]
    assert dead["slot"].is_sorted()
    wait(picture, 1001)
    for held in (picture._nodes, picture._states, picture._slots):
        assert held.left[0] == len(held.free)
        assert sorted(held.free.tolist()) == list(range(len(held.free)))


def test_settings_say_how_late_a_report_may_be() -> None:
    picture = Picture("a", settings=dataclasses.replace(DEFAULT, late_s=5.0))
    picture.update(table(report(0, 10.0, 20.0)), T0 + 6 * SECOND)
    assert picture.counters == {"late": 1}


# ---- plots without a name ----


def _plot(at_s: float, lat: float, lon: float, **more) -> dict:
    return report(at_s, lat, lon, object_id=None, source="radar", link="asterix", input=7, **more)


def test_a_plot_without_a_name_goes_to_the_track_that_it_fits() -> None:
    picture = Picture("a")
    feed(picture, flight(np.arange(0, 20, 0.5)))
    out = picture.update(table(_plot(20.0, *flown(20.1), squawk="4321")), T0 + 20 * SECOND)
    row = only(out)
    assert (row["object_id"], row["source"], row["input"], row["link"]) == (PLANE, "radar", 7, "asterix")
    assert (row["time_ns"], row["squawk"]) == (T0 + 20 * SECOND, "4321")
    assert picture.counters["merged"] == 1


def test_three_plots_of_five_scans_that_fit_each_other_make_a_track_clutter_makes_none() -> None:
    picture = Picture("a")
    dice = np.random.default_rng(1)
    seen = []
    for scan in range(12):
        t = 4.0 * scan
        rows = [_plot(t, dice.uniform(10, 13), dice.uniform(-64, -61)) for _ in range(5)]
        if scan not in (3, 7):
            rows.append(_plot(t + 0.5, *flown(t + 0.5)))
        out = picture.update(table(*rows), T0 + round((t + 1) * 1e9))
        seen += [(scan, r["object_id"], r["time_ns"]) for r in out.rows(named=True)]
    assert seen[0] == (2, "track:a-1", T0 + 8_500_000_000)
    assert {name for _, name, _ in seen} == {"track:a-1"}
    assert [scan for scan, _, _ in seen] == [2, 4, 5, 6, 8, 9, 10, 11]
    row = only(picture.rows())
    assert (row["kind"], row["lat_deg"]) == ("unknown", flown(44.5)[0])
    assert picture.counters == {"tentative": 62, "produced": 1, "merged": 7}


# ---- joins ----


class _Joiner:
    """Joins the slots that it is told to; notes what it is given."""

    def __init__(self) -> None:
        self.cluster = np.arange(64)
        self.names: dict[int, str] = {}
        self.positions: list[tuple[int, int]] = []
        self.forgotten: list[int] = []

    def see(self, slot, time_ns, lat_deg, lon_deg, radius95_m, *others) -> None:
        assert all(len(v) == len(slot) for v in (lat_deg, lon_deg, radius95_m, *others))
        self.positions += zip(slot.tolist(), time_ns.tolist(), strict=True)

    def name(self, slot, system, object_id, source, kind, callsign, squawk, category) -> None:
        assert len(system) == len(source) == len(kind) == len(callsign) == len(squawk) == len(category)
        self.names |= dict(zip(slot.tolist(), object_id, strict=True))

    def forget(self, slot) -> None:
        self.forgotten += np.asarray(slot).tolist()

    def step(self, now_ns):
        return type("Step", (), {"cluster": self.cluster})


def test_tracks_that_are_joined_show_as_one_row_and_a_split_restores_both() -> None:
    joiner = _Joiner()
    picture = Picture("a", joiner=joiner)
    other = "flarm:dd1234"

    def both(t: float) -> pl.DataFrame:
        rows = [
            report(t, *flown(t), callsign="BARB21"),
            report(t + 0.5, *flown(t + 0.5), object_id=other, source="flarm", registration="D-1234", input=3),
        ]
        return picture.update(table(*rows), T0 + round((t + 0.6) * 1e9))

    slots = dict(both(0.0).select("object_id", "slot").rows())
    both(2.0)
    assert joiner.names == {v: k for k, v in slots.items()}
    assert len(joiner.positions) == 4
    joiner.cluster[max(slots.values())] = min(slots.values())
    out = {r["object_id"]: r for r in both(4.0).rows(named=True)}
    assert out[other]["state"] == "dead"
    assert (out[PLANE]["also"], out[PLANE]["state"]) == (other, "live")
    assert (out[PLANE]["registration"], out[PLANE]["callsign"]) == ("D-1234", "BARB21")
    assert (out[PLANE]["lat_deg"], out[PLANE]["input"]) == (flown(4.5)[0], 3)
    assert picture.rows()["object_id"].to_list() == [PLANE]
    assert {s["column"]: s["input"] for s in picture.said_by(other)}["registration"] == 3
    # the one that is still heard keeps both alive
    late = picture.update(table(report(30.0, *flown(30.0), object_id=other, source="flarm", input=3)), T0 + 30 * SECOND)
    assert (only(late)["object_id"], only(late)["state"]) == (PLANE, "live")
    joiner.cluster = np.arange(64)
    apart = {r["object_id"]: r for r in wait(picture, 32).rows(named=True)}
    assert {name: (r["slot"], r["also"], r["registration"], r["callsign"]) for name, r in apart.items()} == {
        PLANE: (slots[PLANE], None, None, "BARB21"),
        other: (slots[other], None, "D-1234", None),
    }
    for t in range(40, 1500, 20):
        wait(picture, t)
    assert sorted(joiner.forgotten) == sorted(slots.values())


def test_the_joiner_of_this_package_takes_two_names_of_one_aircraft_for_one() -> None:
    picture = Picture("a", joiner=Joiner())
    for t in range(120):
        rows = [
            report(t, *flown(t), nac_p=9, gs_kt=389.0, track_deg=90.0, alt_baro_ft=30_000.0, callsign="DEABC"),
            report(t, *flown(t), object_id="flarm:3c1234", source="flarm", accuracy95_m=10.0, gs_kt=389.0,
                   track_deg=90.0, alt_baro_ft=30_000.0, input=2),
            report(t, *flown(t, 12.5), object_id="icao:000001", nac_p=9, alt_baro_ft=20_000.0),
        ]  # fmt: skip
        picture.update(table(*rows), T0 + t * SECOND)
    shown = {r["object_id"]: r["also"] for r in picture.rows().rows(named=True)}
    assert shown == {PLANE: "flarm:3c1234", "icao:000001": None}


def test_words_without_a_time_or_place_by_another_input_tell_only_what_nobody_told_and_keep_nobody_alive() -> None:
    picture = Picture("a")
    picture.update(table(report(0, 10.0, 20.0, callsign="BARB21")), T0)
    bare = report(0, callsign="OTHER", squawk="1200", input=2, gs_kt=9.0, track_deg=0.0)
    for t in range(1, 400):
        picture.update(table(bare | {"status": "no_time", "time_ns": None}), T0 + t * SECOND)
        if t == 2:
            row = only(picture.rows())
            assert (row["callsign"], row["squawk"], row["seen_ns"]) == ("BARB21", "1200", T0 + SECOND)
    assert len(picture.rows()) == 0
    assert picture.counters["echoes"] > 290


def test_a_plot_may_belong_to_the_second_track_of_an_address() -> None:
    picture = Picture("a")
    rows = flight(np.arange(0, 30, 0.5))
    rows += [report(t + 0.25, *flown(t, 47.0, 8.0, 180.0, 0.0), nac_p=9) for t in np.arange(0, 30, 0.5)]
    feed(picture, rows)
    north = picture.rows().filter(pl.col("lat_deg") > 40).row(0, named=True)
    out = picture.update(table(_plot(30.3, *flown(30.05, 47.0, 8.0, 180.0, 0.0), squawk="4321")), T0 + 31 * SECOND)
    row = only(out)
    assert (row["object_id"], row["input"], row["squawk"]) == (north["object_id"], 7, "4321")
    assert picture.counters["merged"] == 1


def test_an_echo_does_not_raise_the_dead_but_their_own_input_does() -> None:
    picture = Picture("a")
    parked = report(0, 10.0, 20.0, alt_baro_ft=100.0) | {"status": "no_time", "time_ns": None}
    picture.update(table(parked), T0)
    assert wait(picture, 400)["state"].to_list() == ["dead"]
    assert len(picture.update(table(parked | {"input": 2}), T0 + 401 * SECOND)) == 0
    assert picture.counters["echoes"] == 1
    assert only(picture.update(table(parked), T0 + 402 * SECOND))["state"] == "live"
