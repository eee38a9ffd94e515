"""What a customer may have: rows are withheld for the first reason that holds, and the account adds up."""

import itertools
import json
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relaying import NOW_NS, picture
from testigos.registry import link
from testigos.relay.config import Policy
from testigos.relay.policy import REASONS, Rows, Rule
from testigos.relay.streams import Stream, distribute, gathered, states_told

S_NS = 10**9
HERE = {"lat_deg": 11.0, "lon_deg": -63.0}
TOLD = ("jsonl", "cot", "sbs")


def passing(policy: Policy, *rows: dict, **more) -> tuple[list[bool], dict[str, list[bool]]]:
    passed = Rule(policy, **more).passing(Rows(picture(*rows)))
    left, withheld = passed.left, passed.withheld
    return left.tolist(), {reason: lost.tolist() for reason, lost in withheld.items()}


@pytest.mark.parametrize(
    ("policy", "good", "bad", "reason"),
    [
        (Policy(area=(-70, 8, -58, 16)), HERE, {"lat_deg": 7.9, "lon_deg": -63.0}, "area"),
        (Policy(area=(170, -10, -170, 10)), {"lat_deg": 0.0, "lon_deg": -175.0}, {"lat_deg": 0.0}, "area"),
        (Policy(area=(-70, 8, -58, 16)), HERE, {"lat_deg": None, "lon_deg": None}, "area"),
        (Policy(kinds=("vessel",)), {"kind": "vessel"}, {"kind": "aircraft"}, "kind"),
        (Policy(kinds=("vessel",)), {"kind": "vessel"}, {"kind": None}, "kind"),
        (Policy(only=("icao:ae*",)), {"object_id": "icao:ae503d"}, {"object_id": "icao:a0503d"}, "identity"),
        (Policy(only=("BARB2*",)), {"callsign": "BARB21"}, {"callsign": "BARB11"}, "identity"),
        (Policy(only=("icao:ae503d",)), {"object_id": "flarm:ae5", "also": "icao:ae503d x:1"}, {}, "identity"),
        (Policy(never=("86-0033",)), {"registration": "86-0034"}, {"registration": "86-0033"}, "identity"),
        (Policy(military="only"), {"military": True}, {"military": None}, "military"),
        (Policy(military="none"), {"military": None}, {"military": True}, "military"),
        (Policy(simulated="none"), {}, {"simulated": True}, "simulated"),
        (Policy(alt_ft=(0, 10_000)), {"alt_baro_ft": 9_999.0}, {"alt_baro_ft": 10_001.0}, "altitude"),
        (Policy(alt_ft=(0, 10_000)), {"alt_baro_ft": None}, {"alt_geom_ft": 30_000.0}, "altitude"),
        (Policy(alt_ft=(0, 10_000), alt_known=True), {"on_ground": True}, {"alt_baro_ft": None}, "altitude"),
        (Policy(most_radius_m=200.0), {"radius95_m": 199.0}, {"radius95_m": 201.0}, "integrity"),
        (Policy(most_radius_m=200.0), {"radius95_m": 199.0}, {"radius95_m": None}, "integrity"),
        (Policy(least_nic=7), {"nic": 7}, {"nic": 6}, "integrity"),
    ],
)  # fmt: skip
def test_a_policy_withholds_what_it_says(policy, good, bad, reason):
    left, withheld = passing(policy, good, bad)
    assert left == [True, False]
    assert withheld == {reason: [False, True]}


def test_licences_are_those_of_the_input_of_the_position():
    rows = [{"input": 0}, {"input": 1}, {"input": 2}, {"input": None}]
    left, _ = passing(Policy(licences=("CC0",)), *rows, licences=["CC0", None, "CC-BY"])
    assert left == [True, False, False, False]


def test_what_came_from_a_customer_does_not_go_back_to_it():
    left, withheld = passing(Policy(), {"input": 0}, {"input": 1}, barred=frozenset({1}))
    assert left == [True, False]
    assert withheld == {"came_from_there": [False, True]}


def test_lists_in_files_have_one_name_a_line_and_remarks(tmp_path):
    names = tmp_path / "names"
    names.write_text("# ours\nicao:ae503d   # the first\n\nBARB*\n", encoding="utf-8")
    left, _ = passing(Policy(only_file=str(names)), {"object_id": "icao:AE503D"}, {"callsign": "barb22"}, {})
    assert left == [True, True, False]


def test_privacy_lists_are_honoured_on_request_alone(tmp_path):
    names = tmp_path / "names"
    names.write_text("icao:a00001\n", encoding="utf-8")
    rows = [{"object_id": "icao:a00001"}, {"object_id": "icao:a00002"}]
    left, withheld = passing(Policy(privacy="honour", privacy_file=str(names)), *rows)
    assert left == [False, True]
    assert "privacy" in withheld
    assert passing(Policy(), *rows)[0] == [True, True]


def test_an_area_file_is_a_place_with_holes_and_corners(tmp_path):
    file = tmp_path / "area.geojson"
    ring = [[-64, 11], [-62, 11], [-62, 12], [-64, 12], [-64, 11]]
    file.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}), encoding="utf-8")
    rows = [{"lat_deg": 11.5, "lon_deg": -63.0}, {"lat_deg": 12.5, "lon_deg": -63.0}, {"lat_deg": None}]
    assert passing(Policy(area_file=str(file)), *rows)[0] == [True, False, False]


def test_the_silent_and_the_gone_are_told_only_in_formats_that_can_say_so():
    rows = Rows(picture(*({"state": s} for s in ("live", "coasting", "stale", "dead"))))
    told = {
        name: Rule(Policy(), states=states_told(name)).passing(rows).left.tolist() for name in ("jsonl", "cot", "sbs")
    }
    assert told == {"jsonl": [True] * 4, "cot": [True, True, False, False], "sbs": [True, False, False, False]}


def test_columns_that_are_withheld_are_null_and_positions_are_rounded():
    table = picture({"callsign": "BARB21", "squawk": "1200", "lat_deg": 11.41784, "lon_deg": -63.04085})
    shaped = Rule(Policy(without=("squawk",), decimals=2)).shaped(table)
    assert shaped.select("callsign", "squawk", "lat_deg", "lon_deg").row(0) == ("BARB21", None, 11.42, -63.04)
    shaped = Rule(Policy(fields=("lat_deg", "lon_deg"))).shaped(table)
    assert shaped.select("object_id", "callsign", "lat_deg").row(0) == ("icao:000001", None, 11.41784)


class Customers:
    """Streams over batches of rows, with a picture that remembers the last row of each slot."""

    def __init__(self, *streams: Stream) -> None:
        self.streams, self.now = list(streams), pl.DataFrame()

    def batch(self, *rows: dict, at_s: float = 0.0) -> list[list[str]]:
        table = picture(*rows)
        both = pl.concat([self.now, table]) if len(self.now) else table
        self.now = both.unique("slot", keep="last", maintain_order=True)
        current = lambda slots: self.now.filter(pl.col("slot").cast(pl.Int64).is_in(slots.tolist()))  # noqa: E731
        found = distribute(self.streams, Rows(table), NOW_NS + round(at_s * S_NS), current)
        for stream in self.streams:
            assert stream.produced == sum(stream.withheld.values()) + stream.untold + stream.offered
            assert set(stream.withheld) <= set(REASONS)
        return [[json.loads(line)["object_id"] for line in offer.data.splitlines()] for _, offer in found]


def test_an_object_comes_no_oftener_than_every_s_and_its_newest_state_is_not_lost():
    stream = Stream("jsonl", Rule(Policy(every_s=1.0)))
    one = Customers(stream)
    assert one.batch({"slot": 0}, {"slot": 1}, at_s=0.0) == [["icao:000001", "icao:000002"]]
    assert one.batch({"slot": 0, "callsign": "NEW1"}, at_s=0.4) == [[]]
    assert one.batch({"slot": 0, "callsign": "NEW2", "urgent": False}, at_s=0.8) == [[]]
    assert one.batch(at_s=0.9) == [[]]
    assert one.batch(at_s=1.0) == [["icao:000001"]], "what was held back comes when its time has come"
    assert one.batch(at_s=2.5) == [[]]


def test_objects_that_came_all_at_once_do_not_go_all_at_once_ever_after():
    one = Customers(Stream("jsonl", Rule(Policy(every_s=1.0), batch_s=0.1)))
    rows = [{"slot": n} for n in range(200)]
    went: dict[str, list[float]] = {}
    for tenth in range(60):
        (got,) = one.batch(*rows, at_s=tenth / 10)
        assert tenth == 0 or len(got) < 60
        for name in got:
            went.setdefault(name, []).append(tenth / 10)
    for times in went.values():
        apart = [round(b - a, 1) for a, b in pairwise(times)]
        assert 1.0 <= apart[0] <= 2.1
        assert set(apart[1:]) == {1.0}


def test_what_is_urgent_does_not_wait():
    one = Customers(Stream("jsonl", Rule(Policy(every_s=60.0))))
    one.batch({"slot": 0}, at_s=0.0)
    assert one.batch({"slot": 0, "urgent": True}, at_s=0.1) == [["icao:000001"]]


def test_a_delay_holds_everything_back_and_only_the_newest_of_an_object_comes():
    one = Customers(Stream("jsonl", Rule(Policy(delay_s=10.0))))
    assert one.batch({"slot": 0}, at_s=0.0) == [[]]
    assert one.batch({"slot": 0}, {"slot": 1}, at_s=0.1) == [[]]
    assert one.batch(at_s=9.9) == [[]]
    assert one.batch(at_s=10.2) == [["icao:000001", "icao:000002"]]


def test_customers_of_one_format_share_bytes_and_each_gets_only_its_own_rows():
    streams = [Stream("jsonl", Rule(Policy(kinds=(kind,)))) for kind in ("aircraft", "vessel")]
    streams.append(Stream("jsonl", Rule(Policy())))
    got = Customers(*streams).batch({"kind": "aircraft"}, {"kind": "vessel"}, {"kind": "aircraft"})
    assert got == [["icao:000001", "icao:000003"], ["icao:000002"], ["icao:000001", "icao:000002", "icao:000003"]]


def test_what_a_format_cannot_say_is_counted_as_untold():
    stream = Stream("sbs", Rule(Policy()))
    rows = Rows(picture({"object_id": "mmsi:366730000"}, {"object_id": "icao:ae503d"}))
    [(_, offer)] = distribute([stream], rows, NOW_NS, lambda slots: picture())
    assert (len(offer), stream.untold, stream.offered) == (1, 1, 1)
    assert b"AE503D" in offer.data


@settings(deadline=None, max_examples=50)
@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_gathered_rows_are_the_bytes_of_those_rows(chosen):
    table = picture(*({"object_id": f"icao:{n:06x}"} for n in range(len(chosen))))
    pieces = link("jsonl").pieces(table)
    of = np.flatnonzero(chosen)
    data, start = gathered(pieces, of)
    assert [data[a:b] for a, b in itertools.pairwise(start)] == [
        pieces.data[pieces.start[i] : pieces.start[i + 1]].tobytes() for i in of
    ]
