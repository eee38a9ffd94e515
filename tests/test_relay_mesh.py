"""Nodes that share what they hear: alone when cut off, of one mind when together."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from relaying import Running, config, free_port, sbs_line, until
from testigos.relay.config import Customer, Input, Mesh, Spool
from testigos.relay.mesh import _Part, pack, unpack
from testigos.relay.node import _together


class Broker:
    """A NATS server with JetStream on loopback; ``leaf_of``: the port at which another takes leaf nodes."""

    def __init__(self, folder: Path, domain: str, leaf_of: int | None = None) -> None:
        program = Path(sys.executable).parent / "nats-server"
        self.program = str(program) if program.exists() else shutil.which("nats-server")
        if self.program is None:
            pytest.skip("nats-server is not installed")
        self.port, self.leaf = free_port(), free_port()
        self.folder, self.domain = folder / domain, domain
        self.folder.mkdir()
        self.remote = leaf_of
        self.process: subprocess.Popen | None = None

    def start(self) -> "Broker":
        remote = f'remotes: [{{url: "nats-leaf://127.0.0.1:{self.remote}"}}], reconnect: 1' if self.remote else ""
        text = (
            f'host: "127.0.0.1"\nport: {self.port}\nserver_name: "{self.domain}"\n'
            f'jetstream {{store_dir: "{self.folder}", domain: "{self.domain}"}}\n'
            f'leafnodes {{host: "127.0.0.1", port: {self.leaf}, {remote}}}\n'
        )
        file = self.folder / "nats.conf"
        file.write_text(text, encoding="utf-8")
        self.process = subprocess.Popen([self.program, "-c", str(file)], stderr=subprocess.DEVNULL)
        until(self._answers)
        return self

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as wire:
                return wire.recv(4) == b"INFO"
        except OSError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@pytest.fixture
def brokers(tmp_path):
    with contextlib.ExitStack() as stack:
        one = Broker(tmp_path, "one")
        two = Broker(tmp_path, "two", leaf_of=one.leaf)
        for broker in (one, two):
            stack.callback(broker.kill)
            broker.start()
        yield one, two


def node(name: str, broker: Broker, peer: str, tmp_path: Path, share: str = "raw") -> Running:
    mesh = Mesh(url=f"nats://127.0.0.1:{broker.port}", domain=name, peers={peer: peer}, share=share)
    return Running(config(
        Input(url="sbs+listen://:0", name="feeder"), Customer(url="jsonl+listen://:0", name="out"),
        name=name, mesh=mesh, spool=Spool(folder=str(tmp_path / f"spool-{name}")),
    ))  # fmt: skip


class Flights:
    """Some aircraft that fly east, told to a node."""

    def __init__(self, running: Running, addresses: list[str]) -> None:
        self.wire = socket.create_connection(("127.0.0.1", running.source("feeder").port))
        self.lon = {a: -63.0 + 0.1 * n for n, a in enumerate(addresses)}
        self.at_ns = time.time_ns()

    def fly(self, seconds: float = 0.3) -> None:
        now = time.time_ns()
        for address in self.lon:
            self.lon[address] += 200.0 / 111_320.0 / 0.98 * (now - self.at_ns) * 1e-9
            self.wire.sendall(sbs_line(address, 11.0, self.lon[address], time_ns=now))
        self.at_ns = now
        time.sleep(seconds)


OWN = ("slot", "input", "offset", "via", "link", "rssi_dbfs")  # of the node, not of the objects


def seen(running: Running, at_ns: int | None = None) -> pl.DataFrame:
    """What is of the objects, not of the node, as it is at a moment."""

    def rows() -> pl.DataFrame:
        if at_ns is not None:
            running.node.picture.update(_together([]), at_ns)
        return running.node.picture.rows()

    async def told() -> pl.DataFrame:
        return await running.node.in_worker(rows)

    return running.do(told()).sort("object_id").drop(*OWN)


def agree(one: Running, two: Running, count: int) -> None:
    """Waits until both know so many objects, and says where they differ."""

    def both() -> tuple[pl.DataFrame, pl.DataFrame]:
        moment = time.time_ns() + 10**9
        return seen(one, moment), seen(two, moment)

    def same() -> bool:
        a, b = both()
        return len(a) == count and a.equals(b)

    try:
        until(same, 30)
    except AssertionError:
        assert_frame_equal(*both())
        raise


def test_two_nodes_with_leaf_brokers_have_one_picture(brokers, tmp_path):
    with node("one", brokers[0], "two", tmp_path) as a, node("two", brokers[1], "one", tmp_path) as b:
        until(lambda: a.said("connected", name="mesh:two") and b.said("connected", name="mesh:one"))
        here, there = Flights(a, ["a00001", "a00002"]), Flights(b, ["b00001", "b00002", "b00003"])
        for _ in range(8):
            here.fly(0.1)
            there.fly(0.1)
        agree(a, b, 5)
        assert a.node.picture.counters["looped"] == 0


def test_a_node_that_is_cut_off_goes_on_alone_and_catches_up(brokers, tmp_path):
    with node("one", brokers[0], "two", tmp_path) as a, node("two", brokers[1], "one", tmp_path) as b:
        until(lambda: a.said("connected", name="mesh:two") and b.said("connected", name="mesh:one"))
        here, there = Flights(a, ["a00001"]), Flights(b, ["b00001"])
        here.fly()
        there.fly()
        agree(a, b, 2)
        brokers[0].kill()
        until(lambda: not a.node.mesh.connected)
        for _ in range(6):
            here.fly(0.1)
            there.fly(0.1)
        until(lambda: a.node.mesh.client.account.waiting > 0)
        newest = seen(a).filter(pl.col("object_id") == "icao:a00001")["lon_deg"][0]
        assert newest == pytest.approx(here.lon["a00001"], abs=1e-4), "its own picture goes on"
        brokers[0].start()
        until(lambda: a.node.mesh.connected)
        here.fly()
        there.fly()
        agree(a, b, 2)
        until(lambda: a.node.mesh.client.account.waiting == 0)
        assert a.node.mesh.client.account.dropped == 0


def test_nothing_is_lost_when_a_broker_is_killed_and_started_again(brokers, tmp_path):
    mesh = Mesh(url=f"nats://127.0.0.1:{brokers[0].port}", domain="one", peers={"n2": "one"})
    other = Mesh(url=f"nats://127.0.0.1:{brokers[0].port}", domain="one", peers={"n1": "one"})
    first = config(Input(url="sbs+listen://:0", name="feeder"), name="n1", mesh=mesh,
                   spool=Spool(folder=str(tmp_path / "s1")))  # fmt: skip
    second = config(Customer(url=f"jsonl+file://{tmp_path}/got.jsonl", name="out"), name="n2", mesh=other,
                    spool=Spool(folder=str(tmp_path / "s2")))  # fmt: skip
    with Running(first) as a, Running(second) as b:
        until(lambda: b.said("connected", name="mesh:n1"))
        flights = Flights(a, [f"a{n:05x}" for n in range(20)])
        for number in range(20):
            flights.fly(0.05)
            if number == 6:
                brokers[0].kill()
            if number == 12:
                brokers[0].start()
        rows = lambda: sum(a.source("feeder").rows.values())  # noqa: E731
        until(lambda: rows() == 400)
        until(lambda: b.node.counters["reports"] >= 400)
        time.sleep(0.5)
        assert b.node.counters["reports"] == 400, "each once"


def test_nodes_may_share_their_pictures_instead_of_frames(brokers, tmp_path):
    one, two = (node(*names, tmp_path, "tracks") for names in (("one", brokers[0], "two"), ("two", brokers[1], "one")))
    with one as a, two as b:
        until(lambda: a.said("connected", name="mesh:two") and b.said("connected", name="mesh:one"))
        here, there = Flights(a, ["a00001"]), Flights(b, ["b00001"])
        for _ in range(5):
            here.fly(0.2)
            there.fly(0.2)
        until(lambda: len(seen(a)) == len(seen(b)) == 2)
        places = ["object_id", "lat_deg", "lon_deg"]
        until(lambda: seen(a).select(places).equals(seen(b).select(places)))
        until(lambda: a.node.picture.counters["looped"] > 0)


PART = st.builds(
    _Part, n=st.sampled_from(["one", "two"]), k=st.sampled_from(["raw", "tracks"]),
    d=st.binary(max_size=2000), f=st.text(max_size=5), i=st.text(max_size=5), l=st.sampled_from(["sbs", "beast"]),
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.lists(PART, max_size=6))
def test_parts_come_back_as_they_were_packed(parts):
    back = [p for message in pack(parts) for p in unpack(message)]
    assert b"".join(p.d for p in back) == b"".join(p.d for p in parts)
    assert [p for p in back if p.d] == [p for p in parts if p.d]


def test_a_large_part_is_cut_into_messages_that_a_broker_takes():
    messages = pack([_Part(n="a", k="raw", d=bytes(range(256)) * 8192)])
    assert len(messages) == 4
    assert max(map(len, messages)) < 1 << 20


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_no_message_and_raises_nothing_else(noise):
    with contextlib.suppress(ValueError):
        unpack(noise)
