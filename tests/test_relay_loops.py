"""Rings of relays: nothing comes round again, through any chain of formats, with foreign programs in between."""

import contextlib
import csv
import io
import json
import shutil
import socket
import subprocess
import threading
import time

import pytest

from relaying import Running, config, free_port, sbs_line, until
from testigos.relay.config import Customer, Input

STEPS = 12


class Flight:
    """An aircraft that flies east at 200 m/s."""

    def __init__(self) -> None:
        self.lon = -63.0

    def line(self, seconds: float) -> bytes:
        self.lon += 200.0 / 111_320.0 / 0.98 * seconds
        return sbs_line("ae503d", 11.0, self.lon)


def ring(stack: contextlib.ExitStack, formats: tuple[str, str, str]) -> list[Running]:
    """A tells B tells C tells A, each in its own format; A hears a feeder too."""
    ports = [free_port() for _ in range(3)]
    nodes = []
    for number, name in enumerate("abc"):
        heard, told = formats[number - 1], formats[number]
        parts = [Input(url=f"{heard}+listen://:{ports[number]}", name="ring")]
        parts += [Input(url="sbs+listen://:0", name="feeder")] if number == 0 else []
        parts += [Customer(url=f"{told}+tcp://127.0.0.1:{ports[(number + 1) % 3]}", name="next")]
        nodes.append(stack.enter_context(Running(config(*parts, name=name))))
    return nodes


@pytest.mark.parametrize(
    "formats",
    [
        ("sbs", "sbs", "sbs"),
        ("beast", "beast", "beast"),
        ("gdl90", "gdl90", "gdl90"),
        ("cot", "tak", "jsonl"),
        ("sbs", "gdl90", "cot"),
        ("beast", "sbs", "geojson"),
        ("asterix", "cot", "sbs"),
    ],
    ids="-".join,
)
def test_a_ring_of_three_nodes_passes_everything_on_once(formats):
    with contextlib.ExitStack() as stack:
        nodes = ring(stack, formats)
        until(lambda: all(n.outlet("next").connected for n in nodes))
        feeder = stack.enter_context(socket.create_connection(("127.0.0.1", nodes[0].source("feeder").port)))
        flight = Flight()
        for _ in range(STEPS):
            feeder.sendall(flight.line(0.3))
            time.sleep(0.3)
        until(lambda: nodes[2].account("next")["sent"] >= STEPS / 2)
        time.sleep(1.0)  # a storm would show by now
        for node in nodes:
            sent = node.account("next")["sent"]
            # an object's call sign, velocity and place may come in messages of their own; each once
            assert STEPS / 2 <= sent <= 3 * STEPS, f"{node.node.config.name}: {sent} sent"
        settled = [node.account("next")["sent"] for node in nodes]
        time.sleep(1.0)
        assert [node.account("next")["sent"] for node in nodes] == settled, (
            "nothing was said, and yet something is sent"
        )
        counters = nodes[0].node.picture.counters
        back = sum(nodes[0].source("ring").rows.values())
        assert back > 0, "nothing ever came round, so nothing was tried"
        assert counters["looped"] + counters["echoes"] + counters["duplicates"] > 0


def test_an_object_that_only_echoes_keep_alive_is_heard_no_more():
    """When the feeder stops, what still circulates must not look fresh."""
    with contextlib.ExitStack() as stack:
        nodes = ring(stack, ("sbs", "gdl90", "sbs"))
        until(lambda: all(n.outlet("next").connected for n in nodes))
        with socket.create_connection(("127.0.0.1", nodes[0].source("feeder").port)) as feeder:
            flight = Flight()
            for _ in range(8):
                feeder.sendall(flight.line(0.3))
                time.sleep(0.3)
        until(lambda: nodes[2].account("next")["sent"] > 0)
        time.sleep(0.5)
        seen = [int(n.node.picture.rows()["seen_ns"].max()) for n in nodes]
        time.sleep(3.0)
        assert [int(n.node.picture.rows()["seen_ns"].max()) for n in nodes] == seen


def foreign(listen: int, to: int, stop: threading.Event) -> threading.Thread:
    """A program that knows nothing of marks: reads SBS with the csv module, and writes lines of its own."""

    def work() -> None:
        server = socket.create_server(("127.0.0.1", listen))
        server.settimeout(60)
        wire, _ = server.accept()
        until(lambda: _connects(to))
        with socket.create_connection(("127.0.0.1", to)) as out, wire, server:
            wire.settimeout(0.2)
            rest = b""
            while not stop.is_set():
                try:
                    rest += wire.recv(65536)
                except TimeoutError:
                    continue
                *lines, rest = rest.split(b"\r\n")
                for row in csv.reader(io.StringIO("\n".join(x.decode() for x in lines))):
                    if len(row) == 22 and row[14]:
                        row[2:6] = ["111", "11111", row[4].lower(), "111111"]
                        out.sendall((",".join(row) + "\n").encode())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_foreign_program_in_the_ring_makes_no_storm():
    one, other, between = free_port(), free_port(), free_port()
    stop = threading.Event()
    thread = foreign(between, one, stop)
    a = config(Input(url=f"sbs+listen://:{one}", name="ring"), Input(url="sbs+listen://:0", name="feeder"),
               Customer(url=f"cot+tcp://127.0.0.1:{other}", name="next"), name="a")  # fmt: skip
    b = config(Input(url=f"cot+listen://:{other}", name="ring"),
               Customer(url=f"sbs+tcp://127.0.0.1:{between}", name="next"), name="b")  # fmt: skip
    with Running(a) as first, Running(b) as second:
        until(lambda: first.outlet("next").connected and second.outlet("next").connected)
        flight = Flight()
        with socket.create_connection(("127.0.0.1", first.source("feeder").port)) as feeder:
            for _ in range(STEPS):
                feeder.sendall(flight.line(0.3))
                time.sleep(0.3)
        until(lambda: sum(first.source("ring").rows.values()) >= STEPS / 2)
        time.sleep(1.0)
        sent = first.account("next")["sent"]
        assert STEPS / 2 <= sent <= 2 * STEPS
        time.sleep(1.0)
        assert first.account("next")["sent"] == sent
        stop.set()
    thread.join(5)


@pytest.fixture
def mosquitto(tmp_path):
    """A broker of its own, on loopback; skips where there is none."""
    program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if program is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    file = tmp_path / "mosquitto.conf"
    file.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
    process = subprocess.Popen([program, "-c", str(file)], stderr=subprocess.DEVNULL)
    until(lambda: _connects(port))
    yield port
    process.terminate()
    process.wait(10)


def test_nodes_that_share_a_broker_drop_what_they_said_themselves(mosquitto):
    def node(name: str, *more: Input) -> Running:
        return Running(config(
            Input(url=f"jsonl+mqtt://127.0.0.1:{mosquitto}/testigos/#", name="broker"), *more,
            # the broker is heard and told: by its address alone it would be barred, so it is told by another name
            Customer(url=f"jsonl+mqtt://localhost:{mosquitto}/testigos/{name}/{{object_id}}", name="next"), name=name,
        ))  # fmt: skip

    with node("a", Input(url="sbs+listen://:0", name="feeder")) as a, node("b") as b:
        until(lambda: all(n.outlet("next").connected and n.source("broker").connected for n in (a, b)))
        flight = Flight()
        with socket.create_connection(("127.0.0.1", a.source("feeder").port)) as feeder:
            for _ in range(STEPS):
                feeder.sendall(flight.line(0.3))
                time.sleep(0.3)
        until(lambda: b.account("next")["sent"] >= STEPS / 2)
        time.sleep(1.0)
        for one in (a, b):
            assert STEPS / 2 <= one.account("next")["sent"] <= 2 * STEPS
            assert one.node.picture.counters["looped"] > 0


def test_mosquitto_sub_hears_an_update_a_message(mosquitto):
    if shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto_sub is not installed")
    listener = subprocess.Popen(
        ["mosquitto_sub", "-p", str(mosquitto), "-t", "sky/#", "-F", "%t %p", "-C", "3"],
        stdout=subprocess.PIPE,
        text=True,
    )
    running = Running(config(
        Input(url="sbs+listen://:0", name="feeder"),
        Customer(url=f"geojson+mqtt://127.0.0.1:{mosquitto}/sky/{{kind}}/{{object_id}}", name="out"),
    ))  # fmt: skip
    with running as node, socket.create_connection(("127.0.0.1", node.source("feeder").port)) as feeder:
        until(lambda: node.outlet("out").connected)
        flight, places = Flight(), []
        for _ in range(3):
            feeder.sendall(flight.line(0.3))
            places.append(flight.lon)
            time.sleep(0.3)
        told = [line.split(" ", 1) for line in listener.communicate(timeout=60)[0].splitlines()]
    assert {topic for topic, _ in told} == {"sky/aircraft/icao:ae503d"}
    found = [json.loads(payload)["geometry"]["coordinates"][0] for _, payload in told]
    assert found == pytest.approx(places, abs=6e-6)
