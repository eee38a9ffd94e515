"""A relay at work on loopback: what goes in comes out in each customer's format, and each customer for itself."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
from websockets.sync.client import connect as ws_connect

from relaying import Running, Server, config, free_port, reading, sbs_line, until
from testigos.relay.config import Customer, Input, Limits, Policy, Spool, Web

IN = Input(url="sbs+listen://:0", name="in")


def feed(port: int, *lines: bytes) -> socket.socket:
    wire = socket.create_connection(("127.0.0.1", port), timeout=60)
    wire.sendall(b"".join(lines))
    return wire


def get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.read()


class Flight:
    """An aircraft that flies east at 200 m/s; a line for each place it is at."""

    def __init__(self, address: str = "ae503d", lat: float = 11.0, lon: float = -63.0) -> None:
        self.address, self.lat, self.lon = address, lat, lon
        self.at_ns = time.time_ns() - 10**9
        self.step_deg = 200.0 / 111_320.0 / 0.98

    def line(self, seconds: float = 0.2) -> bytes:
        self.at_ns += round(seconds * 1e9)
        self.lon += seconds * self.step_deg
        return sbs_line(self.address, self.lat, self.lon, time_ns=self.at_ns)


def test_what_one_net_says_every_customer_hears_in_its_own_format(tmp_path):
    port, udp = free_port(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(60)
    running = Running(config(
        IN,
        Customer(url="sbs+listen://:0", name="sbs"),
        Customer(url=f"readsb_json+http://:{port}/data/aircraft.json", name="page"),
        Customer(url=f"gdl90+udp://127.0.0.1:{udp.getsockname()[1]}", name="tablet"),
        Customer(url=f"jsonl+ws://:{port}/stream", name="browser"),
        Customer(url=f"jsonl+file://{tmp_path}/out.jsonl", name="file"),
        web=Web(port=port),
    ))  # fmt: skip
    with running as node, reading(node.outlet("sbs").port) as sbs, ws_connect(f"ws://127.0.0.1:{port}/stream") as ws:
        until(lambda: node.outlet("sbs").clients and node.outlet("browser").clients)
        flight = Flight()
        with feed(node.source("in").port, flight.line()):
            until(lambda: b"AE503D" in sbs.data)
            fields = sbs.data.splitlines()[0].split(b",")
            assert float(fields[14]) == pytest.approx(flight.lat, abs=5e-6)
            assert float(fields[15]) == pytest.approx(flight.lon, abs=5e-6)
            aircraft = json.loads(get(port, "/data/aircraft.json"))["aircraft"]
            assert [a["hex"] for a in aircraft] == ["ae503d"]
            assert json.loads(get(port, "/data/receiver.json"))["refresh"] == 1000
            row = json.loads(ws.recv(timeout=60).splitlines()[0])
            assert [row["lon_deg"], row["lat_deg"]] == pytest.approx([flight.lon, flight.lat], abs=6e-6)
            kinds = set()
            until(lambda: kinds.add(udp.recv(2000)[1]) or {0, 20} <= kinds)
            row = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
            assert row["object_id"] == "icao:ae503d"
            assert row["via"] == "testigos"
            assert json.loads(get(port, "/healthz"))["status"] == "ok"
            told = json.loads(get(port, "/status.json"))
            assert told["objects"]["live"] == 1
            assert 'testigos_customer_sent_total{customer="sbs"} 1.0' in get(port, "/metrics").decode()
            assert "<h2>Customers</h2>" in get(port, "/").decode()
            for name in ("sbs", "page", "tablet", "browser", "file"):
                account = node.account(name)
                assert (account["sent"], account["dropped"]) == (1, 0), name
    udp.close()


def test_a_path_that_nobody_serves_is_not_found():
    port = free_port()
    with Running(config(IN, web=Web(port=port))), pytest.raises(urllib.error.HTTPError, match="404"):
        get(port, "/data/aircraft.json")


def test_a_customer_that_reads_a_byte_a_second_slows_no_other_and_its_queue_stays_small():
    running = Running(config(IN, Customer(url="jsonl+listen://:0", name="out"), limits=Limits(queue_bytes=20_000)))
    with running as node:
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", node.outlet("out").port))
        with reading(node.outlet("out").port) as quick, slow:
            until(lambda: len(node.outlet("out").clients) == 2)
            for client in node.outlet("out").clients:
                client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            slow.settimeout(60)
            data, enough = bytearray(), threading.Event()

            def sip():
                while not enough.wait(1.0):
                    data.extend(slow.recv(1))

            sipping = threading.Thread(target=sip, daemon=True)
            sipping.start()
            flights = [Flight(f"{n:06x}", 5.0 + 0.05 * n) for n in range(1, 200)]
            with feed(node.source("in").port) as wire:
                for round_ in range(1, 31):
                    wire.sendall(b"".join(f.line(1.0 if round_ == 0 else 0.25) for f in flights))
                    until(lambda n=round_: quick.data.count(b"\n") >= 199 * n)
            held = max(node.outlet("out").clients, key=lambda c: c.held)
            assert held.account.replaced > 0
            assert held.held <= 199
            assert held.transport.get_write_buffer_size() <= 20_000 + 2_000
            until(lambda: len(data) >= 3)
            enough.set()
            sipping.join()
            # when it takes more it has the newest of each

            def newest():
                data.extend(slow.recv(1 << 16))
                lines = [json.loads(line) for line in data.splitlines(keepends=True) if line.endswith(b"\n")]
                last = {row["object_id"]: row["lon_deg"] for row in lines}
                return len(last) == 199 and all(
                    abs(last[f"icao:{f.address}"] - f.lon) < 1e-5 for f in flights
                )  # fmt: skip

            until(newest)
            until(lambda: held.held == 0)
            assert held.account.waiting == 0


def test_an_object_that_is_urgent_goes_first_to_one_that_was_held_up():
    running = Running(config(IN, Customer(url="jsonl+listen://:0", name="out")))
    with running as node, reading(node.outlet("out").port) as reader:
        client = until(lambda: node.outlet("out").clients)[0]
        client.transport.pause_reading()
        client.pause_writing()
        flights = [Flight(f"{n:06x}", 5.0 + 0.05 * n) for n in range(1, 20)]
        lines = [f.line() for f in flights]
        squawk = sbs_line("000013", 5.95, flights[-1].lon).decode().split(",")
        squawk[1], squawk[17], squawk[14], squawk[15], squawk[11] = "6", "7700", "", "", ""
        with feed(node.source("in").port, *lines, ",".join(squawk).encode()):
            until(lambda: client.held == 19)
            client.resume_writing()
            until(lambda: reader.data.count(b"\n") == 19)
        assert json.loads(reader.data.splitlines()[0])["squawk"] == "7700"


def test_a_durable_customer_that_was_away_gets_all_it_missed_in_order(tmp_path):
    peer = Server()
    running = Running(config(
        IN, Customer(url=f"jsonl+tcp://127.0.0.1:{peer.port}", name="tak", durable=True),
        spool=Spool(folder=str(tmp_path / "spool")),
    ))  # fmt: skip
    sent: list[str] = []
    with running as node, feed(node.source("in").port) as wire:

        def say(count: int) -> None:
            for _ in range(count):
                sent.append(f"{len(sent) + 1:06x}")
                wire.sendall(Flight(sent[-1], 5.0 + len(sent) / 10).line())
                until(lambda: node.account("tak")["offered"] >= len(sent))

        say(3)  # nobody was ever there
        peer.open()
        until(lambda: peer.data.count(b"\n") >= 3)
        say(3)
        until(lambda: peer.data.count(b"\n") >= 6)
        peer.close()
        say(5)  # away
        peer.open()
        until(lambda: peer.connections == 2)
        say(2)
        until(lambda: node.account("tak")["waiting"] == 0)
        got = [json.loads(line)["object_id"].removeprefix("icao:") for line in peer.data.splitlines()]
        # at least once: what was not acknowledged when the connection broke may come twice, in order
        assert list(dict.fromkeys(got)) == sent
        assert node.account("tak")["sent"] == node.account("tak")["offered"]
        assert node.account("tak")["dropped"] == 0
    peer.close()


def test_what_waits_for_a_durable_customer_survives_sigkill(tmp_path):
    peer, port = Server(), free_port()
    file = tmp_path / "relay.toml"
    file.write_text(
        f'batch_ms = 20\n[spool]\nfolder = "spool"\n[[input]]\nurl = "sbs+listen://:{port}"\n'
        f'[[customer]]\nurl = "jsonl+tcp://127.0.0.1:{peer.port}"\nname = "tak"\ndurable = true\n',
        encoding="utf-8",
    )

    def begin() -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-m", "testigos", "relay", str(file)], stderr=subprocess.PIPE)
        for line in process.stderr:
            if b'"started"' in line:
                break
        threading.Thread(target=process.stderr.read, daemon=True).start()
        return process

    flights = [Flight(f"{n:06x}", 5.0 + n / 10) for n in range(1, 31)]
    process = begin()
    backlog = lambda: sum(f.stat().st_size for f in (tmp_path / "spool").glob("*.sqlite*"))  # noqa: E731
    try:
        with feed(port) as wire:
            before = backlog()
            for flight in flights:
                wire.sendall(flight.line())
                time.sleep(0.02)
            until(lambda: backlog() > before)
            time.sleep(1.0)
            wire.sendall(Flight("ffffff").line())  # whatever becomes of this one
            process.send_signal(signal.SIGKILL)
        process.wait()
        peer.open()
        process = begin()
        until(lambda: peer.data.count(b"\n") >= 30)
        got = list(dict.fromkeys(json.loads(line)["object_id"] for line in peer.data.splitlines()))
        assert got[:30] == [f"icao:{f.address}" for f in flights]
    finally:
        process.kill()
        process.wait()
        peer.close()


def test_a_changed_file_is_taken_while_it_runs_and_a_bad_one_refused_with_its_line(tmp_path):
    port, web = free_port(), free_port()
    file = tmp_path / "relay.toml"
    text = f'batch_ms = 20\n[web]\nport = {web}\n[[input]]\nname = "in"\nurl = "sbs+listen://:{port}"\n'
    customer = '[[customer]]\nname = "a"\nurl = "jsonl+listen://:{}"\n'
    ports = free_port(), free_port()
    file.write_text(text + customer.format(ports[0]), encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-m", "testigos", "relay", str(file)], stderr=subprocess.PIPE)
    told: list[dict] = []

    def read_log() -> None:
        told.extend(map(json.loads, process.stderr))

    threading.Thread(target=read_log, daemon=True).start()
    try:
        until(lambda: any(t["event"] == "started" for t in told), 300)
        flight = Flight()
        with feed(port, flight.line()) as wire, reading(ports[0]) as first:
            file.write_text(text + customer.format(ports[0]) + 'colour = "red"\n', encoding="utf-8")
            refused = until(lambda: [t for t in told if t["event"] == "config_refused"])
            assert refused[0]["line"] == 10
            assert "colour" in refused[0]["reason"]
            wire.sendall(flight.line())
            until(lambda: first.data.count(b"\n") >= 1)
            more = customer.format(ports[1]).replace('"a"', '"b"')
            file.write_text(text + customer.format(ports[0]) + more, encoding="utf-8")
            until(lambda: any(t["event"] == "reloaded" for t in told))
            with reading(ports[1]) as second:
                before = first.data.count(b"\n")
                until(lambda: len(json.loads(get(web, "/status.json"))["customers"]) == 2)
                until(lambda: json.loads(get(web, "/status.json"))["customers"][1]["clients"] == 1)
                wire.sendall(flight.line())
                until(lambda: second.data.count(b"\n") >= 1 and first.data.count(b"\n") > before)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


class Clock:
    """A clock that does what it is told: it runs, and can be set."""

    def __init__(self) -> None:
        self.apart_ns = 0
        self.passed_s = 0.0  # more than has passed

    def time_ns(self) -> int:
        return time.time_ns() + self.apart_ns + round(self.passed_s * 1e9)

    def monotonic(self) -> float:
        return time.monotonic() + self.passed_s


def test_a_clock_that_jumps_is_told_and_objects_stay(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("testigos.relay.node._BELIEVED_S", 0.5)
    running = Running(config(IN, Customer(url="jsonl+listen://:0", name="out")), clock)
    with running as node, reading(node.outlet("out").port) as reader:
        until(lambda: node.outlet("out").clients)
        flight = Flight()
        with feed(node.source("in").port, flight.line()) as wire:
            until(lambda: reader.data.count(b"\n") == 1)
            clock.apart_ns = 3600 * 10**9
            until(lambda: node.said("clock_jump", followed=False))
            wire.sendall(flight.line())
            until(lambda: reader.data.count(b"\n") == 2)
            clock.apart_ns = 0
            time.sleep(0.2)
            assert not node.said("clock_jump", followed=True), "it was not for long"
            clock.apart_ns = -3600 * 10**9
            until(lambda: node.said("clock_jump", followed=True))
            until(lambda: node.said("picture_begun_anew"))
            flight.at_ns -= 3600 * 10**9
            wire.sendall(flight.line())
            until(lambda: reader.data.count(b"\n") >= 3)


def test_a_durable_customer_that_was_away_for_ten_minutes_misses_nothing_and_another_notices_nothing(tmp_path):
    clock, peer = Clock(), Server()
    running = Running(config(
        IN, Customer(url=f"jsonl+tcp://127.0.0.1:{peer.port}", name="away", durable=True),
        Customer(url="jsonl+listen://:0", name="there"), spool=Spool(folder=str(tmp_path / "spool")),
    ), clock)  # fmt: skip
    flight, sent = Flight(), 0
    with running as node, reading(node.outlet("there").port) as reader, feed(node.source("in").port) as wire:
        until(lambda: node.outlet("there").clients)

        def say() -> None:
            nonlocal sent
            wire.sendall(flight.line(5.0))
            clock.passed_s += 5.0
            sent += 1
            until(lambda: reader.data.count(b"\n") >= sent)

        peer.open()
        say()
        until(lambda: peer.data.count(b"\n") >= 1)
        peer.close()
        for _ in range(120):  # ten minutes by the node's clock
            say()
        assert not node.said("clock_jump")
        peer.open()
        until(lambda: node.account("away")["waiting"] == 0)
        say()
        until(lambda: node.account("away")["sent"] >= sent)
        got = list(dict.fromkeys(bytes(peer.data).splitlines()))  # at least once
        assert got == bytes(reader.data).splitlines()
        assert node.account("away")["dropped"] == node.account("there")["dropped"] == 0
        assert node.account("there")["replaced"] == 0
    peer.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of 256 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip(f"no file system can be made here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_fills_up_loses_what_is_counted_and_what_it_has_comes_when_the_customer_does(small_disk):
    peer = Server()
    running = Running(config(
        IN, Customer(url=f"jsonl+tcp://127.0.0.1:{peer.port}", name="away", durable=True),
        Customer(url="jsonl+listen://:0", name="there"), spool=Spool(folder=str(small_disk / "spool")),
    ))  # fmt: skip
    flights = [Flight(f"{n:06x}", n / 10) for n in range(1, 101)]
    with running as node, reading(node.outlet("there").port) as reader, feed(node.source("in").port) as wire:
        until(lambda: node.outlet("there").clients)

        def say() -> None:
            before = node.account("there")["sent"]
            wire.sendall(b"".join(flight.line() for flight in flights))
            until(lambda: node.account("there")["sent"] >= before + 100)

        while not node.said("spool", name="away"):
            say()
        say()
        account = node.account("away")
        assert account["dropped"] > 0
        assert account["offered"] == account["waiting"] + account["dropped"]
        until(lambda: reader.data.count(b"\n") == node.account("there")["sent"])
        assert node.account("there")["dropped"] == 0, "another customer has nothing to do with it"
        kept = account["waiting"]
        peer.open()
        until(lambda: node.account("away")["waiting"] == 0)
        got = list(dict.fromkeys(bytes(peer.data).splitlines()))
        assert got[:kept] == bytes(reader.data).splitlines()[:kept]
        say()
        until(lambda: node.said("spool_well_again", name="away"))
        until(lambda: node.account("away")["sent"] == kept + 100)
    peer.close()


def test_an_input_that_falls_silent_is_told_and_so_is_its_return():
    with Running(config(Input(url="sbs+listen://:0", name="in", silent_s=0.3))) as node:
        until(lambda: node.said("silent", name="in"))
        with feed(node.source("in").port, Flight().line()):
            until(lambda: node.said("heard_again", name="in"))


@pytest.mark.parametrize(
    "garbage",
    [b"\x00" * 100_000, b"A" * 3_000_000, b"MSG," * 10_000 + b"\n", bytes(range(256)) * 400, b"\xff\xfe\n" * 5000,
     b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><event>&a;</event>"],
    ids=["zeros", "an endless line", "fields", "every byte", "no text", "entities"],
)  # fmt: skip
@pytest.mark.parametrize("link", ["sbs", "beast", "cot", "aivdm", "jsonl"])
def test_garbage_on_a_listener_harms_nobody(link, garbage):
    running = Running(config(
        IN, Input(url=f"{link}+listen://:0", name="bad"), Customer(url="jsonl+listen://:0", name="out"),
        limits=Limits(message_bytes=100_000),
    ))  # fmt: skip
    with running as node, reading(node.outlet("out").port) as reader:
        until(lambda: node.outlet("out").clients)
        with feed(node.source("bad").port, garbage), feed(node.source("in").port, Flight().line()):
            until(lambda: reader.data.count(b"\n") == 1)
            until(lambda: node.source("bad").received >= len(garbage))
            assert all(f._following is None or f._following.unfinished <= 100_000 for f in node.source("bad").feeds)
        assert node.node.counters["failed"] == 0


def test_a_listener_takes_no_more_clients_than_allowed():
    running = Running(config(IN, Customer(url="sbs+listen://:0", name="out", most_clients=2)))
    with running as node:
        wires = [socket.create_connection(("127.0.0.1", node.outlet("out").port)) for _ in range(3)]
        until(lambda: len(node.outlet("out").clients) == 2 and node.outlet("out").refused == 1)
        for wire in wires:
            wire.close()
        until(lambda: not node.outlet("out").clients)


def test_the_account_of_a_client_that_left_stays_in_that_of_its_customer():
    with Running(config(IN, Customer(url="sbs+listen://:0", name="out"))) as node:
        flight = Flight()
        with feed(node.source("in").port) as wire:
            with reading(node.outlet("out").port) as reader:
                until(lambda: node.outlet("out").clients)
                wire.sendall(flight.line())
                until(lambda: reader.data)
            until(lambda: not node.outlet("out").clients)
            wire.sendall(flight.line())
            until(lambda: node.account("out")["produced"] == 2)
            account = node.account("out")
            assert (account["sent"], account["dropped"], account["waiting"]) == (1, 1, 0)


def test_a_listener_is_on_loopback_alone():
    with Running(config(Input(url="sbs+listen://:0", name="in"))) as node:
        own = next((a[4][0] for a in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)), "127.0.0.1")
        if own.startswith("127."):
            pytest.skip("this machine has no other address")
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection((own, node.source("in").port), timeout=2)


def test_a_policy_holds_on_the_wire():
    policy = Policy(area=(-64, 10, -60, 12), decimals=1, without=("squawk",))
    running = Running(config(IN, Customer(url="jsonl+listen://:0", name="out", policy=policy)))
    with running as node, reading(node.outlet("out").port) as reader:
        until(lambda: node.outlet("out").clients)
        with feed(node.source("in").port, Flight().line(), Flight("a00001", 13.0).line()):
            until(lambda: node.account("out")["produced"] == 2)
            until(lambda: reader.data.count(b"\n") == 1)
        row = json.loads(reader.data)
        assert (row["lat_deg"], row["lon_deg"]) == (11.0, -63.0)
        assert node.account("out")["withheld"] == 1
