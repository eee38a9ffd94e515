"""Receivers: clocks are found and related, one transmission is one row that names all who heard it."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testigos.fuse import tracks
from testigos.fuse.clocks import bend, relation
from testigos.fuse.receivers import heard_by_many, merged, merged_with_notes
from testigos.io import reports
from testigos.io.excerpts import excerpts, reports_from_excerpts, write_excerpts
from testigos.links.frames_csv import encode_frames
from testigos.schema import ALL, HEARD, TRACKS, conform, violations

T0 = 1_761_220_800_000_000_000
S = 1_000_000_000
HERTZ = 12_000_000
WRAP = 1 << 48
C = 0.299792458  # m/ns


class Sky:
    """Transmissions of a few minutes: when, from where, what. A fifth of them say what was said before."""

    def __init__(self, count=4_000, seconds=240, seed=5, repeating=0.2):
        rng = np.random.default_rng(seed)
        self.time = np.sort(rng.integers(0, seconds * S, count))
        self.payload = rng.permutation(np.arange(1, count + 1)).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        again = rng.random(count) < repeating
        self.payload[again] = rng.integers(1, 200, again.sum()).astype(np.uint64)
        self.place = rng.uniform(-150e3, 150e3, (count, 2))
        # no two of one payload at once: an aircraft does not say the same twice in 20 ms
        order = np.lexsort((self.time, self.payload))
        close = (np.diff(self.time[order]) < 20_000_000) & (np.diff(self.payload[order]) == 0)
        kept = np.ones(count, bool)
        kept[order[1:][close]] = False
        self.time, self.payload, self.place = self.time[kept], self.payload[kept], self.place[kept]


class Receiver:
    """Hears a share of the sky and stamps it by its own clock."""

    def __init__(
        self, sky, name, seed, *, drift=0.0, start=0, share=0.85, wrong_s=0.0, jitter_s=0.0, restart_s=None,
        step_s=None, stamps="counter",
    ):  # fmt: skip
        rng = np.random.default_rng(seed)
        here = rng.uniform(-100e3, 100e3, 2)
        self.rows = np.flatnonzero(rng.random(len(sky.time)) < share)
        heard = sky.time[self.rows] + np.hypot(*(sky.place[self.rows] - here).T) / C + rng.normal(0, 50, len(self.rows))
        local = heard * (1 + drift)
        ticks = np.floor(local * HERTZ / 1e9).astype(np.int64) + start
        if restart_s is not None:
            late = heard > restart_s * S
            ticks[late] -= ticks[late][0] - 17
        if step_s is not None:  # set on by 3 s in the middle, which its times do not tell
            ticks += np.where(heard > step_s * S, 3 * HERTZ, 0)
            local = local + np.where(heard > step_s * S, 3 * S, 0)
        ticks %= WRAP
        host = heard + np.abs(rng.normal(0, jitter_s * S, len(heard))) if jitter_s else local
        if stamps == "gps":
            host = heard
            day = np.rint(heard).astype(np.int64) + 43_200 * S
            ticks = (day // S << 30) | (day % S)
        self.table = pl.DataFrame(
            {
                "time_ns": np.rint(host).astype(np.int64) + T0 + round(wrong_s * S),
                "transmission": sky.payload[self.rows],
                "offset": np.arange(len(self.rows), dtype=np.uint64),
            }
        ).with_columns(
            object_id=pl.lit("icao:abc123"),
            status=pl.lit("no_position", ALL["status"].dtype),
            source=pl.lit("adsb", ALL["source"].dtype),
            stamp=pl.Series(ticks.astype(np.uint64)) if stamps else pl.lit(None, pl.UInt64),
            receiver=pl.lit(name, pl.String),
            rssi_dbfs=pl.lit(-10.0 - seed, pl.Float32),
            segment=pl.lit(seed, pl.UInt64),
        )


def heard_of(sky, receivers):
    """The merged table, its notes, and for each of its rows the transmissions that its entries truly are."""
    table, notes = merged_with_notes(pl.concat(r.table for r in receivers))
    truth = {r.table["segment"][0]: r.rows for r in receivers}
    true = [{int(truth[e["segment"]][e["offset"]]) for e in heard} for heard in table["heard"].to_list()]
    return table, notes, true


def expect_one_row_each(sky, receivers, within_ns=None):
    table, notes, true = heard_of(sky, receivers)
    assert [len(t) for t in true] == [1] * len(true)
    numbers = np.array([t.pop() for t in true])
    assert sorted(numbers) == sorted(set(np.concatenate([r.rows for r in receivers]).tolist()))
    if within_ns is not None:
        off = table["time_ns"].to_numpy() - T0 - sky.time[numbers]
        assert np.abs(off).max() < within_ns
    return table, notes


def test_clocks_that_drift_wrap_restart_and_are_set_wrong_give_one_row_a_transmission():
    sky = Sky()
    receivers = [
        Receiver(sky, "gps", 1, stamps="gps"),
        Receiver(sky, "wraps", 2, drift=90e-6, start=WRAP - 100 * HERTZ, wrong_s=-2.5),
        Receiver(sky, "restarts", 3, drift=-95e-6, start=10**12, restart_s=120, jitter_s=0.4),
    ]
    table, notes = expect_one_row_each(sky, receivers, within_ns=1_300_000)
    assert notes.came - notes.left == sum(len(r.rows) for r in receivers) - len(table)
    assert [(c.receiver, c.kind, c.reference) for c in notes.clocks] == [
        ("gps", "gps", True), *[("restarts", "counter", False)] * 2, *[("wraps", "counter", False)] * 2,
    ]  # fmt: skip
    drifts = [c.drift_ppm for c in notes.clocks if c.drift_ppm is not None]
    assert drifts == pytest.approx([95, 95, -90, -90], abs=1.0)
    assert all(c.scatter_ms < 0.7 for c in notes.clocks if c.scatter_ms is not None)
    assert notes.clocks[3].offset_s == pytest.approx(2.5, abs=0.02)
    said = [clock.said() for clock in notes.clocks]
    assert said[0] == f"GPS time, {len(receivers[0].rows):,} rows, moved by +0.000000 s, gives the time"
    assert said[3].startswith("counter of 12 MHz, ")
    assert "drift -90.0" in said[3] or "drift -89.9" in said[3]


def test_every_entry_keeps_what_its_receiver_said():
    sky = Sky(count=300, seconds=20)
    receivers = [Receiver(sky, "a", 1, stamps="gps"), Receiver(sky, "b", 2, drift=2e-5)]
    table, _ = expect_one_row_each(sky, receivers)
    frames = table.select(pl.col("heard").explode()).unnest("heard").sort("segment", "offset")
    came = pl.concat(r.table for r in receivers).sort("segment", "offset")
    kept = ["receiver", "stamp", "rssi_dbfs", "segment", "offset"]
    assert frames.select(kept).equals(came.select(kept))
    assert (frames["time_ns"] - came["time_ns"]).abs().max() < 0.02 * S


def test_with_three_receivers_the_one_that_is_hours_off_follows_the_others():
    sky = Sky()
    receivers = [
        Receiver(sky, "a", 1, drift=1e-5, wrong_s=7_200.0, share=0.95),
        Receiver(sky, "b", 2, drift=-2e-5),
        Receiver(sky, "c", 3, drift=5e-6, wrong_s=0.02),
    ]
    _, notes = expect_one_row_each(sky, receivers, within_ns=60_000_000)
    assert [round(c.offset_s) for c in notes.clocks] == [-7_200, 0, 0]


def test_the_jitter_of_a_host_is_taken_out_by_the_counter():
    sky = Sky()
    receivers = [Receiver(sky, "a", 1, drift=3e-5, jitter_s=0.4), Receiver(sky, "b", 2, drift=-3e-5, jitter_s=0.4)]
    table, notes, _ = heard_of(sky, receivers)
    expect_one_row_each(sky, receivers)
    steps = np.diff(np.sort(table["time_ns"].to_numpy())) - np.diff(
        np.unique(np.concatenate([sky.time[r.rows] for r in receivers]))
    )
    assert np.abs(steps).max() < 2_000_000
    assert all(c.scatter_ms < 1.0 for c in notes.clocks if c.scatter_ms)


def test_a_clock_that_was_set_unseen_is_followed_on():
    sky = Sky(repeating=0.0)
    receivers = [Receiver(sky, "a", 1, stamps="gps"), Receiver(sky, "b", 2, drift=4e-5, step_s=100)]
    table, _, true = heard_of(sky, receivers)
    assert max(map(len, true)) == 1
    assert len(table) <= len(np.unique(np.concatenate([r.rows for r in receivers]))) + 2
    numbers = np.array([t.pop() for t in true])
    assert np.percentile(np.abs(table["time_ns"].to_numpy() - T0 - sky.time[numbers]), 99.5) < 1_300_000


def test_host_times_alone_relate_receivers_within_their_jitter():
    sky = Sky(count=800, repeating=0.0)
    receivers = [
        Receiver(sky, "a", 1, stamps=None),
        Receiver(sky, "b", 2, stamps=None, wrong_s=5.0, jitter_s=0.008),
    ]
    _, notes, true = heard_of(sky, receivers)
    assert max(map(len, true)) == 1
    assert {c.kind for c in notes.clocks} == {"host"}
    shared = len(np.intersect1d(receivers[0].rows, receivers[1].rows))
    assert notes.came - notes.left > 0.98 * shared


def test_a_receiver_that_hears_nothing_in_common_keeps_its_times():
    sky = Sky(count=400)
    one, other = Receiver(sky, "a", 1, drift=2e-5), Receiver(sky, "b", 2, drift=-2e-5)
    apart = other.table.with_columns(pl.col("transmission") + 1)
    table, notes = merged_with_notes(pl.concat([one.table, apart]))
    assert notes.left == notes.came
    assert sorted(table["time_ns"]) == sorted([*one.table["time_ns"], *apart["time_ns"]])
    assert {len(h) for h in table["heard"].to_list()} == {1}


def rows(*said, **columns):
    """Rows of (receiver, payload, milliseconds)."""
    return pl.DataFrame(
        {
            "receiver": [r for r, _, _ in said],
            "transmission": pl.Series([p for _, p, _ in said], dtype=pl.UInt64),
            "time_ns": pl.Series([None if ms is None else T0 + round(ms * 1e6) for _, _, ms in said], dtype=pl.Int64),
            "segment": pl.Series([3] * len(said), dtype=pl.UInt64),
            "offset": pl.Series(range(len(said)), dtype=pl.UInt64),
            "status": pl.Series(["no_position"] * len(said), dtype=ALL["status"].dtype),
            "source": pl.Series(["adsb"] * len(said), dtype=ALL["source"].dtype),
        }
    ).with_columns(**columns)


def witnesses(table):
    return [[e["receiver"] for e in heard] for heard in table["heard"].to_list()]


def test_without_enough_in_common_only_what_agrees_in_time_is_merged():
    table = merged(rows(("a", 1, 0.0), ("b", 1, 0.4), ("b", 2, 5.0), ("a", 2, 9.0)))
    assert witnesses(table) == [["a", "b"], ["b"], ["a"]]


def test_two_rows_of_one_receiver_are_never_one_transmission():
    table = merged(rows(("a", 1, 0.0), ("a", 1, 0.1), ("b", 1, 0.2), ("b", 1, 0.3), ("b", 1, 0.4)))
    assert witnesses(table) == [["a", "b"], ["a", "b"], ["b"]]


def test_the_best_status_is_given_with_the_earliest_time():
    status = pl.Series(["parity_failed", "ok", "no_position", "ok"], dtype=ALL["status"].dtype)
    table = merged(rows(("a", 1, 0.0), ("b", 1, 0.3), ("c", 1, 0.5), ("d", 1, 0.6), status=status))
    row = table.row(0, named=True)
    assert (len(table), row["status"], row["receiver"], row["time_ns"]) == (1, "ok", "b", T0)
    assert witnesses(table) == [["a", "b", "c", "d"]]


def test_rows_without_time_or_payload_and_those_of_multilateration_stay_alone():
    source = pl.Series(["adsb", "adsb", "mlat", "mlat", "mode_ac", "mode_ac"], dtype=ALL["source"].dtype)
    table = merged(
        rows(
            ("a", None, 0.0), ("b", 1, None), ("a", 2, 1.0), ("b", 2, 1.0), ("a", 3, 2.0), ("b", 3, 2.0), source=source
        )
    )
    assert witnesses(table) == [["a"], ["a"], ["b"], ["a"], ["b"], ["b"]]
    assert table["time_ns"].to_list()[-1] is None


def test_rows_that_were_merged_before_stay_as_they_are_beside_new_ones():
    first = merged(rows(("a", 1, 0.0), ("b", 1, 0.4)))
    both = merged(pl.concat([first, rows(("c", 1, 0.2), ("d", 1, -5.0)).with_columns(heard=pl.lit(None, HEARD.dtype))]))
    assert witnesses(both) == [["d"], ["a", "b"], ["c"]]


def test_an_empty_table_and_one_receiver_are_no_error():
    empty = merged(conform(pl.DataFrame(), ALL))
    assert (len(empty), empty.schema["heard"]) == (0, HEARD.dtype)
    alone = rows(("a", 1, 0.0), ("a", 1, 3.0))
    assert merged(alone).drop("heard").equals(alone)
    assert not heard_by_many(alone)
    assert heard_by_many(rows(("a", 1, 0.0), ("b", 2, 3.0)))
    assert not heard_by_many(rows(("a", None, 0.0), ("b", None, 3.0)))


SAID = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from([1, 2, 3, None]),
        st.one_of(st.none(), st.integers(0, 40).map(lambda k: k * 0.25)),
    ),
    max_size=24,
)


@settings(max_examples=150, deadline=None)
@given(SAID, st.randoms(use_true_random=False))
def test_order_changes_nothing_no_row_vanishes_and_a_second_merge_changes_nothing(said, random):
    table = rows(*said)
    shuffled = list(range(len(table)))
    random.shuffle(shuffled)
    once = merged(table)
    assert once.equals(merged(table[shuffled]), null_equal=True)
    assert once.equals(merged(once), null_equal=True)
    entries = once.select(pl.col("heard").explode()).unnest("heard") if len(once) else pl.DataFrame({"offset": []})
    assert sorted(entries["offset"]) == list(range(len(said)))
    for heard in once["heard"].to_list():
        assert len({e["receiver"] for e in heard}) == len(heard)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_move_a_clock(seed, random):
    sky = Sky(count=300, seconds=60, seed=seed)
    table = pl.concat(
        [
            Receiver(sky, "a", 1, drift=8e-5, start=WRAP - 20 * HERTZ, jitter_s=0.2).table,
            Receiver(sky, "b", 2, restart_s=30, start=10**11).table,
            Receiver(sky, "c", 3, stamps=None, wrong_s=1.0).table,
        ]
    )
    shuffled = list(range(len(table)))
    random.shuffle(shuffled)
    assert merged(table).equals(merged(table[shuffled]), null_equal=True)


def test_a_relation_is_found_among_a_majority_of_false_pairs():
    rng = np.random.default_rng(2)
    local = np.sort(rng.integers(0, 600 * S, 900))
    other = local + 12_345 * S + (local * 60e-6).astype(np.int64) + rng.integers(-400_000, 400_000, 900)
    false = rng.random(900) < 0.6
    other[false] += rng.integers(-300 * S, 300 * S, false.sum())
    made = relation(local, other)
    assert made is not None
    assert made.drift * 1e6 == pytest.approx(60, abs=1)
    assert abs(made.at(np.array([300 * S]))[0] - (12_345 * S + 300 * S * 60e-6)) < 200_000


def test_pairs_that_agree_on_nothing_relate_nothing():
    rng = np.random.default_rng(3)
    assert relation(rng.integers(0, 600 * S, 200), rng.integers(0, 600 * S, 200)) is None
    assert relation(np.array([1, 2]), np.array([1, 2])) is None


def test_a_line_follows_a_drift_that_changes():
    x = np.arange(0.0, 600.0, 0.5)
    y = 1e-5 * x + 2e-8 * x * x
    line = bend(x, y)
    assert np.abs(line.at(x) - y).max() < 5e-5


@pytest.mark.parametrize("name", ["set_1.csv", "set_2.csv"])
def test_real_sensors_with_gps_time_agree_on_every_transmission(shared, name):
    made = []
    for number, measured in pl.read_csv(shared / "mlat" / name).select("id", "measurements").iter_rows():
        made += [(str(sensor), number, time_ns) for sensor, time_ns, _ in json.loads(measured)]
    table = pl.DataFrame(made, schema={"receiver": pl.String, "transmission": pl.UInt64, "gps": pl.Int64}, orient="row")
    gps = table["gps"].cast(pl.UInt64)
    table = conform(
        table.select("receiver", "transmission", (pl.col("gps") + T0).alias("time_ns")).with_columns(
            stamp=(gps // S) * (1 << 30) + gps % S,
            status=pl.lit("no_position"),
            segment=pl.lit(1, pl.UInt64),
            offset=pl.int_range(pl.len()).cast(pl.UInt64),
        ),
        ALL,
    )
    found, notes = merged_with_notes(table)
    assert (len(found), notes.came) == (table["transmission"].n_unique(), len(table))
    assert {len(set(w)) for w in witnesses(found)} == {5}
    # sensors of GPS are right: none is moved, and what is left is the way through the air
    assert all(c.offset_s == 0 for c in notes.clocks)
    shares = [c.scatter_ms for c in notes.clocks if c.scatter_ms is not None]
    assert len(shares) > 10
    assert max(shares) < 1.0
    # with times of a host's clock instead, the stamps give the same; who is heard once has no clock
    table = table.filter(pl.len().over("receiver") >= 5)
    jitter = pl.Series(np.random.default_rng(1).integers(0, 200_000_000, len(table)))
    again = merged(table.with_columns(pl.col("time_ns") + jitter))
    assert len(again) == table["transmission"].n_unique()


def test_tracks_merge_what_several_receivers_heard_and_name_them():
    sky = Sky(count=200, seconds=60, repeating=0.0)
    receivers = [Receiver(sky, "a", 1, stamps="gps"), Receiver(sky, "b", 2, drift=2e-5, wrong_s=3.0)]
    table = conform(pl.concat(r.table for r in receivers))
    fused, notes = tracks(table)
    assert len(fused) == len(np.union1d(receivers[0].rows, receivers[1].rows))
    assert notes.heard_again == len(table) - len(fused)
    assert [c.receiver for c in notes.clocks] == ["a", "b"]
    assert violations(fused, TRACKS) == []
    assert max(len(w) for w in witnesses(fused)) == 2
    alone = tracks(conform(receivers[0].table))[0]
    assert alone["heard"].null_count() == len(alone)


def test_documents_of_raw_frames_name_their_receiver_and_so_does_their_evidence(tmp_path):
    # the frame of an identification that textbooks on ADS-B decode
    payload = np.frombuffer(bytes.fromhex("8D4840D6202CC371C32CE0576098"), np.uint8)[None, :]
    names = []
    for number, name in enumerate(["north/dump.csv", "south/dump.csv"]):
        at = np.array([T0 + number * 300_000])
        data = encode_frames(payload, np.array([14]), np.array([1000 + number]), np.array([99]), time_ns=at)
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(data)
        names.append(str(tmp_path / name))
    table = pl.concat(reports(names))
    receivers = ["dump.csv", "dump.csv (2)"]
    assert sorted(table["receiver"]) == receivers
    fused, _ = tracks(table)
    assert [sorted(w) for w in witnesses(fused)] == [receivers]
    folder = tmp_path / "evidence"
    write_excerpts(excerpts(names, ["icao:4840d6"]), folder)
    assert tracks(pl.concat(reports_from_excerpts(folder)))[0].equals(fused, null_equal=True)
