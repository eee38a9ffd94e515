"""What decoding remembers: of whom, for how long, and in how much memory."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testigos.links import beast
from testigos.links._modes import Options
from testigos.modes import columns as c
from testigos.modes import encode as e
from testigos.modes.decode import FORGOTTEN_S, State, decode

HOUR_NS = 3600 * 10**9


def all_calls(addresses):
    """A DF 11 of each address, which announces it."""
    return e.all_call(np.asarray(addresses), np.full(len(addresses), 5))


def run(payload, clock_ns, cuts=()):
    """Columns of the messages, decoded in pieces: object keys, status, squawk, places."""
    state, rows = State.fresh(), []
    size = np.where(payload[:, 0] >> 3 >= 16, 14, 7).astype(np.uint8)
    edges = [0, *sorted(cuts), len(size)]
    for a, b in itertools.pairwise(edges):
        for out, _, count in decode(payload[a:b].copy(), size[a:b], clock_ns[a:b], state, chunk=64):
            slot = out.u32[c.SLOT, :count]
            known = slot != c.NONE32
            key = np.where(known, state.keys[np.where(known, slot, 0)] if state.used else 0, 0)
            rows += zip(
                key.tolist(), out.u8[c.STATUS, :count].tolist(), out.u64[c.TRANSMISSION, :count].tolist(),
                np.nan_to_num(out.f64[c.LAT_DEG, :count], nan=-1.0).tolist(), strict=True,
            )  # fmt: skip
    return rows, state


def test_what_was_silent_for_long_is_dropped_when_room_is_needed():
    n = 200_000
    payload = all_calls(np.arange(1, n + 1))
    clock = np.arange(n) * (HOUR_NS // 100)  # 100 an hour for 83 days
    rows, state = run(payload, clock)
    assert len(rows) == n
    assert len(state.air) <= 1024
    assert state.keys[state.used - 1] == n


def test_all_that_were_heard_lately_are_kept_however_many():
    n = 5_000
    payload = np.concatenate([all_calls(np.arange(1, n + 1))] * 2)
    rows, state = run(payload, np.arange(2 * n) * 1_000_000)
    assert state.used == n
    assert [r[0] for r in rows[n:]] == list(range(1, n + 1))


def positions(address, hours):
    """Even and odd positions on the ground, which the last track alone can place, at these hours."""
    odd = np.arange(2) % 2
    me = e.surface_position(np.full(2, 7), np.full(2, 1), np.zeros(2), odd, np.full(2, 18.44), np.full(2, -66.0))
    two = e.extended(me, np.full(2, address), np.full(2, 17), np.full(2, 4))
    return np.concatenate([two] * len(hours)), np.concatenate([[h * HOUR_NS, h * HOUR_NS + 10**9] for h in hours])


@pytest.mark.parametrize("others", [0, 600])
def test_an_aircraft_is_forgotten_after_the_same_time_whoever_else_is_about(others):
    # an excerpt of one aircraft's frames has to give the rows that it had among all others
    own, own_ns = positions(0xABC123, [0.0, 3.9, 3.9 + FORGOTTEN_S / 3600 + 0.01])
    crowd = all_calls(np.arange(1, others + 1)) if others else np.zeros((0, 14), np.uint8)
    crowd_ns = np.linspace(3.95, 7.9, others) * HOUR_NS
    when = np.concatenate([own_ns, crowd_ns]).astype(np.int64)
    order = np.argsort(when, kind="stable")
    rows, _ = run(np.concatenate([own, crowd])[order], when[order])
    mine = [r for r in rows if r[0] == 0xABC123]
    assert len(mine) == 6
    alone, _ = run(own, own_ns.astype(np.int64))
    assert mine == alone


@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 3 * HOUR_NS)), min_size=1, max_size=900),
    st.lists(st.integers(0, 900), max_size=5),
)
@settings(max_examples=40, deadline=None)
def test_rows_are_the_same_however_the_messages_were_cut(messages, cuts):
    payload = all_calls(np.array([a + 1 for a, _ in messages]))
    clock = np.cumsum([t for _, t in messages]).astype(np.int64)
    whole, _ = run(payload, clock)
    assert run(payload, clock, [k for k in cuts if k <= len(messages)])[0] == whole


def test_rows_keep_their_objects_where_room_is_made_in_between():
    n = 3_000
    payload = all_calls(np.arange(1, n + 1))
    size, stamp = np.full(n, 7, np.uint8), np.arange(n, dtype=np.uint64) * 12_000_000 * 60
    data = beast.encode_frames(payload, size, stamp, np.full(n, 100, np.uint8))
    link = beast.configured(Options(began_ns=0))
    rows, carry = link.decode(link.split(data, True)[0], None)
    assert rows["object_id"].to_list() == [f"icao:{k:06x}" for k in range(1, n + 1)]
    assert len(carry.state.air) < n
