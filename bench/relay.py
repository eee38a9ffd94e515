"""How a relay keeps up: batches of reports to many customers, what idle ones cost, how late updates come.

    python bench/relay.py latency      50,000 reports/s in, 100 customers of ten kinds, each with an area of its own
    python bench/relay.py idle         1,000 customers connected, whom nothing is for
    python bench/relay.py              both

The relay runs in a process of its own, as ``testigos relay`` does; feeders and customers in others, on loopback.
Reports are SBS lines by several listeners, each aircraft four times a second. Lateness is counted from the moment a
line is handed to the kernel until a customer has the update that holds it, less the batch: the customer looks
up the time of sending by the position, which is unique. A machine with two processors runs the feeder, all customers
and the relay, so the relay has less than the whole of it.
"""

import argparse
import json
import multiprocessing
import os
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

AIRCRAFT = 12_500
ROUND_S = 0.25  # each aircraft four times a second: 50,000 reports/s


def free_ports(count: int) -> list[int]:
    """Ports that nobody has now, all different."""
    wires = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [wire.getsockname()[1] for wire in wires]
    for wire in wires:
        wire.close()
    return ports


def started(config: str) -> tuple[subprocess.Popen, Path]:
    folder = Path(tempfile.mkdtemp())
    (folder / "relay.toml").write_text(config, encoding="utf-8")
    with open(folder / "log", "wb") as log:
        words = [sys.executable, "-m", "testigos", "relay", str(folder / "relay.toml")]
        process = subprocess.Popen(words, stderr=log)
    end = time.monotonic() + 300
    while b'"started"' not in (folder / "log").read_bytes():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < end
        time.sleep(0.1)
    return process, folder


def cpu_s(process: subprocess.Popen) -> float:
    """Processor seconds of a process so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status(port: int) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status.json") as answer:
        return json.load(answer)


def place(aircraft: int, step: int) -> tuple[int, int]:
    """Latitude and longitude in 1e-5 degrees: unique for each aircraft and step, and a flight at 200 m/s."""
    lat = -6_000_000 + 960 * aircraft  # rows of latitude 960 steps apart
    lon = -17_000_000 + (aircraft * 7919) % 30_000_000 + 45 * step
    return lat, lon


def feed(port: int, first: int, last: int, rounds: int, begin: float, sent: multiprocessing.Queue) -> None:
    """Sends the aircraft's lines evenly over each round."""
    wire = socket.create_connection(("127.0.0.1", port))
    times = []
    slices = 25
    for step in range(rounds):
        for part in range(slices):
            due = begin + (step + part / slices) * ROUND_S
            if (left := due - time.time()) > 0:
                time.sleep(left)
            now = time.time()
            stamp = time.strftime("%Y/%m/%d,%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}"
            lines = []
            for aircraft in range(first + part, last, slices):
                lat, lon = place(aircraft, step)
                where = f"{lat / 1e5:.5f},{lon / 1e5:.5f}"
                lines.append(f"MSG,3,1,1,{aircraft + 1:06X},1,{stamp},{stamp},,30000,,,{where},,,0,0,0,0\r\n")
            wire.sendall("".join(lines).encode())
            times.append((step, part, now))
    sent.put((first, slices, times))
    time.sleep(2)


def listen(ports: list[int], seconds: float, found: multiprocessing.Queue, show: int) -> None:
    """Reads many customers' lines; keeps when those of one of them came."""
    selector = selectors.DefaultSelector()
    for number, port in enumerate(ports):
        wire = socket.create_connection(("127.0.0.1", port))
        wire.setblocking(False)
        selector.register(wire, selectors.EVENT_READ, number)
    end = time.time() + seconds
    kept: list[tuple[float, bytes]] = []
    size = 0
    while time.time() < end:
        for key, _ in selector.select(0.2):
            data = key.fileobj.recv(1 << 20)
            size += len(data)
            if key.data == show:
                kept.append((time.time(), data))
    lines, rest = [], b""
    for when, data in kept:
        *whole, rest = (rest + data).split(b"\n")
        lines += [(when, line) for line in whole]
    arrived = []
    for when, line in lines:
        cells = line.split(b",")
        if cells[:2] == [b"MSG", b"3"]:
            arrived.append((int(cells[4], 16) - 1, round(float(cells[15]) * 1e5), when))
    found.put((size, arrived))


def latency(seconds: float, aircraft_count: int, batch_ms: int) -> bool:
    feeders, kinds = 4, ["sbs", "jsonl", "geojson", "cot", "tak", "gdl90", "beast", "signalk", "asterix", "sbs"]
    web, *ports = free_ports(1 + feeders + 100)
    inputs, customers = ports[:feeders], ports[feeders:]
    text = f"batch_ms = {batch_ms}\n[web]\nport = {web}\n[limits]\nqueue_bytes = 4194304\n"
    for port in inputs:
        text += f'[[input]]\nurl = "sbs+listen://:{port}"\n'
    for number, port in enumerate(customers):
        # a tenth of the world each, every object once a second; the first sees all of its share at once
        west = -180 + 36 * (number // 10)
        every = 0 if number == 0 else 1
        text += (
            f'[[customer]]\nname = "c{number}"\nurl = "{kinds[number % 10]}+listen://:{port}"\n'
            f"policy = {{ area = [{west}, -90, {west + 36}, 90], every_s = {every} }}\n"
        )
    process, _ = started(text)
    context = multiprocessing.get_context("fork")
    sent, found = context.Queue(), context.Queue()
    rounds = round(seconds / ROUND_S)
    listener = context.Process(target=listen, args=(customers, seconds + 4, found, 0))
    listener.start()
    time.sleep(1)
    begin = time.time() + 1
    share = aircraft_count // feeders
    workers = [
        context.Process(target=feed, args=(port, n * share, (n + 1) * share, rounds, begin, sent))
        for n, port in enumerate(inputs)
    ]
    before = cpu_s(process)
    for worker in workers:
        worker.start()
    times = {}
    for _ in workers:
        first, slices, told = sent.get()
        for step, part, when in told:
            times[first // share, step, part] = when
    used = cpu_s(process) - before
    size, arrived = found.get()
    late = []
    warm = rounds // 4
    for aircraft, lon, when in arrived:
        step = (lon - (-17_000_000 + (aircraft * 7919) % 30_000_000)) // 45
        feeder = aircraft // share
        part = (aircraft - feeder * share) % slices
        if step >= warm and (feeder, step, part) in times:
            late.append(when - times[feeder, step, part])
    told = status(web)
    process.terminate()
    process.wait()
    for worker in [*workers, listener]:
        worker.join()
    late.sort()
    reports = aircraft_count * rounds
    p50, p99 = statistics.median(late), late[int(len(late) * 0.99)]
    sent_updates = sum(c["sent"] for c in told["customers"])
    formats = len(set(kinds))
    print(f"{reports / seconds:,.0f} reports/s in for {seconds:g} s, {len(customers)} customers of {formats} formats")
    print(f"objects {told['objects']}; reports {told['reports']}")
    print(f"{sent_updates:,} updates sent, {size / 1e6:,.0f} MB; batches {told['batches']}")
    print(f"processor: {used / seconds:.2f} of a core ({reports / used:,.0f} reports a CPU-second)")
    print(f"from sending to the customer, {len(late):,} updates: median {p50 * 1e3:.0f} ms, 99 % {p99 * 1e3:.0f} ms")
    beyond = p99 - batch_ms / 1000
    print(f"beyond the batch of {batch_ms} ms: 99 % {beyond * 1e3:.0f} ms (goal 50)")
    return beyond <= 0.05


def idle(seconds: float) -> bool:
    port, feeder, web = free_ports(3)
    text = (
        f'[web]\nport = {web}\n[[input]]\nurl = "sbs+listen://:{feeder}"\n'
        f'[[customer]]\nname = "idle"\nurl = "jsonl+listen://:{port}"\nmost_clients = 2000\n'
        f'policy = {{ kinds = ["vessel"] }}\n'
    )
    process, _ = started(text)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    figures = []
    wires: list[socket.socket] = []
    for count in (0, 1000):
        while len(wires) < count:
            wires.append(socket.create_connection(("127.0.0.1", port)))
        time.sleep(2)
        before, began = cpu_s(process), time.monotonic()
        time.sleep(seconds)
        figures.append((cpu_s(process) - before) / (time.monotonic() - began))
    connected = status(web)["customers"][0]["clients"]
    process.terminate()
    process.wait()
    print(f"no customer: {figures[0]:.1%} of a core; {connected} idle ones: {figures[1]:.1%} (goal below 10 %)")
    return figures[1] < 0.1 and connected == 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", choices=["latency", "idle", []], default=[])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--aircraft", type=int, default=AIRCRAFT, help="four reports a second each")
    parser.add_argument("--batch-ms", type=int, default=100, help="of the relay")
    given = parser.parse_args()
    works = {"latency": lambda s: latency(s, given.aircraft, given.batch_ms), "idle": idle}
    good = [works[w](given.seconds) for w in given.what or ["latency", "idle"]]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
