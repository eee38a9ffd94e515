"""Queues of customers: bounded, newest first of all, and every update accounted for."""

import asyncio
import os
import socket
import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from relaying import NOW_NS, picture
from testigos.errors import ArchiveError
from testigos.relay.clients import Asking, Client, Datagrams, File, Publishing
from testigos.relay.config import Policy
from testigos.relay.policy import Rule
from testigos.relay.spool import Backlog
from testigos.relay.streams import Offer, Stream

STREAM = Stream("sbs", Rule(Policy()))


def offer(*slots: int, size: int = 10) -> Offer:
    count = len(slots)
    data = b"".join(b"%0*d" % (size, s) for s in slots)
    return Offer(data, np.arange(count + 1, dtype=np.int64) * size, np.array(slots, np.int64))


class Plain(Client):
    """A client that takes bytes when it is told to."""

    open = True

    @property
    def ready(self):
        return self.open

    def send(self, offer):
        self.got = getattr(self, "got", b"") + offer.data
        return len(offer)


def balanced(client: Client) -> bool:
    return client.account.waiting == client.held == len(client.waiting_slots)


def test_a_client_that_keeps_up_is_sent_everything_at_once():
    client = Plain("a", STREAM, 1000)
    client.give(offer(1, 2, 3), NOW_NS)
    assert (client.account.sent, client.account.waiting, client.account.bytes) == (3, 0, 30)


def test_of_one_that_does_not_only_the_objects_wait_and_newer_news_replaces_older():
    client = Plain("a", STREAM, 1000)
    client.open = False
    for _ in range(1000):
        client.give(offer(1, 2), NOW_NS)
    assert client.account.offered == 2000
    assert client.account.replaced == 1998
    assert client.waiting_slots.tolist() == [1, 2]
    assert balanced(client)


def test_it_is_caught_up_before_anything_new_and_what_is_gone_expires():
    client = Plain("a", STREAM, 1000)
    client.open = False
    client.give(offer(1, 2, 3), NOW_NS)
    client.open = True
    client.give(offer(4), NOW_NS)
    assert client.account.sent == 0, "an update must not overtake those that wait"
    now = offer(1, 4)
    client.catch_up(now, now.slot, np.array([2], np.int64))
    assert client.waiting_slots.tolist() == [3]
    client.expire(np.array([3, 99], np.int64))
    assert (client.account.sent, client.account.expired, client.account.waiting) == (2, 2, 0)
    client.give(offer(5), NOW_NS)
    assert client.account.sent == 3


def test_a_batch_larger_than_the_queue_is_cut_between_rows():
    client = Plain("a", STREAM, 35)
    client.give(offer(1, 2, 3, 4, 5), NOW_NS)
    assert client.got == offer(1, 2, 3).data
    assert client.waiting_slots.tolist() == [4, 5]


class Queue(RuleBasedStateMachine):
    """Whatever happens in whatever order, the account of a client adds up."""

    def __init__(self):
        super().__init__()
        self.client = Plain("a", STREAM, 55)
        self.client.got = b""

    @rule(slots=st.lists(st.integers(0, 12), min_size=1, max_size=8, unique=True))
    def news(self, slots):
        self.client.give(offer(*slots), NOW_NS)

    @rule(open_=st.booleans())
    def door(self, open_):
        self.client.open = open_

    @rule(gone=st.lists(st.integers(0, 12), max_size=3, unique=True))
    def death(self, gone):
        self.client.expire(np.array(gone, np.int64))

    @rule()
    def catching_up(self):
        slots = self.client.waiting_slots
        if len(slots):
            now = offer(*slots.tolist())
            self.client.catch_up(now, now.slot, np.zeros(0, np.int64))

    @invariant()
    def adds_up(self):
        assert balanced(self.client)
        assert len(self.client.got) == self.client.account.bytes == 10 * self.client.account.sent


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=60, deadline=None, stateful_step_count=30)


def test_who_asks_gets_what_is_there_and_what_was_replaced_in_between_is_counted():
    client = Asking("a", STREAM, 1000)
    client.give(offer(1, 2), NOW_NS)
    client.give(offer(2, 3), NOW_NS)
    client.asked(500)
    assert (client.account.sent, client.account.replaced, client.account.waiting) == (3, 1, 0)


def test_datagrams_hold_whole_messages_and_no_more_than_a_frame_takes():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(5)
        client = Datagrams("a", STREAM, 1 << 20, socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ear.getsockname())
        client.give(offer(*range(100), size=100), NOW_NS)
        sizes = [len(ear.recv(65536)) for _ in range(8)]
        assert sizes == [1400] * 7 + [200]
        client.close()


def test_a_message_longer_than_any_datagram_is_dropped_and_counted():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        client = Datagrams("a", STREAM, 1 << 20, socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ear.getsockname())
        client.give(offer(1, size=70_000), NOW_NS)
        assert (client.account.sent, client.account.dropped) == (0, 1)
        client.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_file_on_a_full_disk_makes_updates_wait_and_says_why():
    client = File("a", STREAM, 1 << 20, "/dev/full")
    client.give(offer(1, 2), NOW_NS)
    assert client.account.sent == 0
    assert client.account.waiting == 2
    assert client.trouble == "No space left on device"
    client.close()


def test_a_file_is_appended_to(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"before")
    client = File("a", STREAM, 1 << 20, str(path))
    client.give(offer(7), NOW_NS)
    client.close()
    assert path.read_bytes() == b"before0000000007"


def test_what_was_queued_for_a_broker_that_broke_waits_again():
    async def story():
        client = Publishing("a", STREAM, 1000)
        got = []

        async def publish(some):
            if len(got) == 1:
                raise ConnectionError
            got.append(some.data)

        running = asyncio.ensure_future(client.run(publish))
        await asyncio.sleep(0)
        client.give(offer(1), NOW_NS)
        client.give(offer(2), NOW_NS)
        with pytest.raises(ConnectionError):
            await running
        assert got == [offer(1).data]
        assert not client.ready
        assert (client.account.sent, client.account.waiting) == (1, 1)
        assert client.waiting_slots.tolist() == [2]

    asyncio.run(story())


# ---- the spool ----


def kept(backlog: Backlog, seq: int = 0, most: int = 1 << 20) -> list[bytes]:
    return [k.offer.data for k in backlog.after(seq, most)]


def test_a_backlog_gives_back_in_order_what_was_added_also_after_a_restart(tmp_path):
    first = Backlog(tmp_path, "tak one/two", most_bytes=1 << 20, most_age_s=60)
    for n in range(5):
        assert first.add(offer(n, n + 1), NOW_NS)
    first.close()
    again = Backlog(tmp_path, "tak one/two", most_bytes=1 << 20, most_age_s=60)
    assert again.updates == 10
    assert kept(again) == [offer(n, n + 1).data for n in range(5)]
    seqs = [k.seq for k in again.after(0, 1 << 20)]
    assert again.done(seqs[2]) == 6
    assert kept(again) == [offer(n, n + 1).data for n in (3, 4)]
    one = next(iter(again.after(0, 1)))
    assert one.offer.slot.tolist() == [3, 4]
    assert one.offer.start.tolist() == [0, 10, 20]


def test_customers_whose_names_look_alike_have_backlogs_of_their_own(tmp_path):
    one, other = (Backlog(tmp_path, name, most_bytes=1 << 20, most_age_s=60) for name in ("a/b", "a_b"))
    one.add(offer(1), NOW_NS)
    assert kept(other) == []


def test_the_oldest_gives_way_where_there_is_too_much_or_it_is_too_old(tmp_path):
    backlog = Backlog(tmp_path, "a", most_bytes=45, most_age_s=60)
    for n in range(6):
        backlog.add(offer(n), NOW_NS)
    assert kept(backlog) == [offer(n).data for n in (2, 3, 4, 5)]
    assert backlog.outdated == 2
    backlog.add(offer(9), NOW_NS + 61 * 10**9)
    assert kept(backlog) == [offer(9).data]
    assert backlog.updates == 1


def test_a_disk_without_room_refuses_what_is_new_and_keeps_what_it_has(tmp_path):
    backlog = Backlog(tmp_path, "a", most_bytes=1 << 30, most_age_s=1e9)
    backlog.add(offer(1, size=1000), NOW_NS)
    # SQLite then says what it says of a disk that is full
    pages = backlog._base.execute("PRAGMA page_count").fetchone()[0]
    backlog._base.execute(f"PRAGMA max_page_count = {pages + 1}")
    assert not backlog.add(offer(2, 3, size=50_000), NOW_NS)
    assert backlog.refused == 2
    assert "full" in str(backlog.trouble)
    assert kept(backlog) == [offer(1, size=1000).data]
    backlog._base.execute("PRAGMA max_page_count = 100000")
    assert backlog.add(offer(4, size=50_000), NOW_NS)
    assert backlog.trouble is None


def test_a_backlog_that_cannot_be_begun_anew_refuses_what_comes_and_tries_again(tmp_path, monkeypatch):
    backlog = Backlog(tmp_path, "a", most_bytes=1 << 30, most_age_s=1e9)
    backlog.add(offer(1), NOW_NS)
    assert backlog.done(1) == 1

    def full():
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(backlog, "_opened", full)
        backlog._begin_anew()
        assert not backlog.add(offer(2), NOW_NS)
        assert kept(backlog) == []
        assert "full" in str(backlog.trouble)
    assert not backlog.add(offer(3), NOW_NS)
    assert backlog.add(offer(4), NOW_NS)
    assert backlog.refused == 2
    assert [k.seq for k in backlog.after(1, 1 << 20)] == [2]


def test_a_folder_that_cannot_be_made_is_said_with_its_name(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArchiveError, match="no spool can be kept"):
        Backlog(tmp_path / "file" / "spool", "a", most_bytes=1, most_age_s=1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 1000), min_size=1, max_size=5), min_size=1, max_size=20), st.integers(1, 200))
def test_a_backlog_read_in_parts_is_whole(tmp_path_factory, batches, most):
    backlog = Backlog(tmp_path_factory.mktemp("spool"), "a", most_bytes=1 << 20, most_age_s=60)
    for slots in batches:
        backlog.add(offer(*slots), NOW_NS)
    got, seq = b"", 0
    while some := list(backlog.after(seq, most)):
        got += b"".join(k.offer.data for k in some)
        seq = some[-1].seq
    assert got == b"".join(offer(*slots).data for slots in batches)


def test_current_rows_for_a_client_that_was_held_up_go_urgent_first_then_oldest():
    stream = Stream("sbs", Rule(Policy()))
    rows = picture({"time_ns": NOW_NS}, {"time_ns": NOW_NS - 5}, {"time_ns": NOW_NS, "urgent": True},
                   {"state": "stale"}, {"object_id": "mmsi:366730000"})  # fmt: skip
    found, settled, over = stream.caught_up(rows, np.arange(6), 1 << 20)
    assert found.slot.tolist() == settled.tolist() == [2, 1, 0]
    assert over.tolist() == [3, 4, 5], "stale, not to be said in this format, and dead"
    found, settled, over = stream.caught_up(rows, np.arange(6), 1)
    assert settled.tolist() == [2]
    assert over.tolist() == [3, 4, 5], "what only waits for room waits on"
