"""An hour of a relay: seven inputs, eleven customers, each read by a foreign program, and every update accounted for.

    python bench/relay_hour.py                 an hour
    python bench/relay_hour.py --minutes 2

The relay runs in a process of its own on loopback. What it hears is simulated (``relay_feeds.py``): 40 objects an
input, with damage, broken connections, an input that pauses, and aircraft that two inputs hear. One more customer
(jsonl) has every update in full; what any other one reads (``relay_readers.py``) must be such an update, to half a step
of its format:

=========== ============================ ====================================================================
customer    read by                      policy
=========== ============================ ====================================================================
sbs         csv of Python                positions to four decimals
beast       rs1090
ais         pyais                        vessels
radar       libasterix                   aircraft, every 5 s
tak         takproto, by UDP             an area, every 2 s
cot         lxml, by TCP
tablet      a reader of GDL 90 in here   aircraft, every second, an area
mqtt        mosquitto_sub, json          all but squawks
map         urllib, json                 as a tar1090 page
slow        json                         reads less than it is given, with pauses
durable     compared byte by byte        is away again and again, and has all in order at the end
=========== ============================ ====================================================================

Exit status 1 where a value is no update's, an account does not add up, or a customer did not get what was sent to it.
"""

import argparse
import array
import collections
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from relay_feeds import FEEDS, OBJECTS, Body, Sbs
from relay_readers import (
    AisReader,
    CotReader,
    Reading,
    Reference,
    SquitterReader,
    TabletReader,
    feature,
    hashed,
    page,
    radar,
    sbs,
    tak,
)

CLEAR = threading.Event()  # set at the end


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as wire:
        wire.bind(("127.0.0.1", 0))
        return wire.getsockname()[1]


# ---- how they are read ----


def guarded(reading: Reading, read, *what) -> None:
    try:
        read(reading, *what)
    except Exception as error:
        reading.fault(f"{type(error).__name__}: {error}: {what!r:.300}")


def by_line(handle, take) -> None:
    for line in handle:
        if line.strip():
            take(line)


def connected(port: int, small: bool = False) -> socket.socket:
    wire = socket.socket()
    if small:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    wire.connect(("127.0.0.1", port))
    return wire


def slowly(wire: socket.socket, take) -> None:
    """15 kB a second at most, with pauses, but of less than the 30 s after which it is given up; at the end all."""
    rest, began = b"", time.monotonic()
    wire.settimeout(1.0)
    while True:
        if not CLEAR.is_set():
            pausing = (time.monotonic() - began) % 60 > 50
            if CLEAR.wait(0.1) is False and pausing:
                continue
        try:
            data = wire.recv(1 << 16 if CLEAR.is_set() else 1500)
        except TimeoutError:
            continue
        except OSError as error:
            print(f"slow: {error}", flush=True)
            return
        if not data:
            return
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            take(line)


def datagrams(wire: socket.socket, take) -> None:
    while True:
        take(wire.recv(1 << 16))


def asking(port: int, take) -> None:
    while not CLEAR.wait(2.0):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/data/aircraft.json", timeout=30) as answer:
            take(answer.read())


def udp() -> socket.socket:
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    wire.bind(("127.0.0.1", 0))
    return wire


def lost(wire: socket.socket) -> int:
    """Datagrams that the system threw away because they were not read in time."""
    inode = os.fstat(wire.fileno()).st_ino
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        cells = line.split()
        if int(cells[9]) == inode:
            return int(cells[-1])
    return 0


class Away:
    """The durable customer: listens, is away now and then, keeps a hash of every line."""

    def __init__(self, port: int) -> None:
        self.port, self.hashes, self.times_away = port, array.array("Q"), 0
        self.listener: socket.socket | None = None
        self.wire: socket.socket | None = None

    def open(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, args=(self.listener,), daemon=True).start()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                wire, _ = listener.accept()
            except OSError:
                return
            self.wire = wire
            rest = b""
            try:
                while data := wire.recv(1 << 16):
                    *whole, rest = (rest + data).split(b"\n")
                    self.hashes.extend(hashed(line) for line in whole)
            except OSError:
                pass

    def close(self) -> None:
        self.times_away += 1
        assert self.listener is not None
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.wire is not None:
            self.wire.shutdown(socket.SHUT_RDWR)
            self.wire.close()

    def against(self, whole: array.array) -> tuple[int, int, str]:
        """How many lines came, how many twice, and what is not in order."""
        at = twice = 0
        for number, one in enumerate(self.hashes):
            if at < len(whole) and whole[at] == one:
                at += 1
                continue
            # sent again: back to where that one stands, and on from there
            back = next((k for k in range(at - 1, max(at - 50_000, -1), -1) if whole[k] == one), None)
            if back is None:
                return at, twice, f"line {number} of {len(self.hashes)} is none of the reference at {at}"
            twice += at - back
            at = back + 1
        return at, twice, "" if at == len(whole) else f"{len(whole) - at} at the end are missing"


# ---- the relay ----

AREAS = {"alps": (5.0, 43.0, 12.0, 50.0), "plains": (-105.0, 38.0, -99.0, 42.0)}
WITHHELD = ("withheld", "untold", "offered")


def configuration(ports: dict[str, int], inputs: list[tuple[str, str]], batch_ms: int) -> str:
    text = f'name = "hour"\nbatch_ms = {batch_ms}\n[web]\nport = {ports["web"]}\n[spool]\nfolder = "spool"\n'
    for name, url in inputs:
        text += f'[[input]]\nname = "{name}"\nurl = "{url}"\nreceiver = [47.0, 8.0]\n'
    west, south, east, north = AREAS["alps"]
    customers = {
        "reference": ("jsonl+listen", "", ""),
        "sbs": ("sbs+listen", "decimals = 4", ""),
        "beast": ("beast+listen", "", ""),
        "ais": ("aivdm+udp", 'kinds = ["vessel"]', ""),
        "radar": ("asterix+udp", 'kinds = ["aircraft"], every_s = 5', ""),
        "tak": ("tak+udp", f"area = [{west}, {south}, {east}, {north}], every_s = 2", ""),
        "cot": ("cot+listen", "", ""),
        "tablet": ("gdl90+udp", 'kinds = ["aircraft"], every_s = 1, area = [-105, 38, 12, 50]', ""),
        "mqtt": ("geojson+mqtt", 'without = ["squawk"]', "/hour/{kind}/{object_id}"),
        "map": ("readsb_json+http", "", "/data/aircraft.json"),
        "slow": ("geojson+listen", "", ""),
        "durable": ("jsonl+tcp", "", ""),
    }
    for name, (way, policy, path) in customers.items():
        text += (
            f'[[customer]]\nname = "{name}"\nurl = "{way}://127.0.0.1:{ports[name]}{path}"\npolicy = {{ {policy} }}\n'
        )
        text += "durable = true\n" if name == "durable" else ""
    return text


def status(port: int) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status.json", timeout=60) as answer:
        return json.load(answer)


def unbalanced(told: dict) -> list[str]:
    """Customers whose account does not add up."""
    found = []
    for c in told["customers"]:
        gone = sum(c["withheld"].values()) + c["untold"]
        rest = c["sent"] + c["replaced"] + c["expired"] + c["dropped"] + c["waiting"]
        if c["produced"] != gone + c["offered"] or c["offered"] != rest or c["waiting"] < 0:
            found.append(f"{c['name']}: produced {c['produced']} = {gone} + offered {c['offered']} = {rest}")
    return found


def used(pid: int) -> tuple[float, int]:
    """Processor seconds and resident bytes of a process."""
    cells = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return (int(cells[11]) + int(cells[12])) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")


def until(true, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument(
        "--slower", type=float, default=2.0, help="how many times slower objects report than they would"
    )
    parser.add_argument("--batch-ms", type=int, default=100, help="of the relay")
    asked = parser.parse_args()
    short = asked.minutes < 15
    folder = Path(tempfile.mkdtemp(prefix="relay_hour_"))
    reference = Reference()
    readings = {
        n: Reading(n, reference)
        for n in ("sbs", "beast", "ais", "radar", "tak", "cot", "tablet", "mqtt", "map", "slow")
    }
    sockets = {n: udp() for n in ("ais", "radar", "tak", "tablet")}
    ports = {n: free_port() for n in ("web", "reference", "sbs", "beast", "cot", "mqtt", "slow", "durable")}
    ports |= {n: w.getsockname()[1] for n, w in sockets.items()}
    ports["map"] = ports["web"]
    feeds, inputs = [], []
    for number, (kind, way, lat, lon, speed, alt) in enumerate(FEEDS):
        port = free_port(socket.SOCK_DGRAM if way == "udp" else socket.SOCK_STREAM)
        # the first ten of SBS are those of Beast
        bodies = [Body(n, lat, lon, speed, alt) for n in range(OBJECTS)]
        if kind is Sbs:
            for n in range(10):
                bodies[n] = Body(n, *FEEDS[0][2:])
        feeds.append(kind(way, port, bodies, asked.slower))
        inputs.append((f"in_{kind.__name__.lower()}", f"{kind.url}://127.0.0.1:{port}"))
        del number
    started: list[subprocess.Popen] = []
    (folder / "mosquitto.conf").write_text(
        f"listener {ports['mqtt']} 127.0.0.1\nallow_anonymous true\npersistence false\n"
    )
    (folder / "relay.toml").write_text(configuration(ports, inputs, asked.batch_ms), encoding="utf-8")
    away = Away(ports["durable"])
    faults: list[str] = []
    log = open(folder / "relay.log", "wb")  # noqa: SIM115
    try:
        server = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        started.append(subprocess.Popen([server, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL))
        time.sleep(1.0)
        subscribed = subprocess.Popen(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(ports["mqtt"]), "-t", "hour/#", "-F", "%p"],
            stdout=subprocess.PIPE,
        )
        started.append(subscribed)
        away.open()
        relay = subprocess.Popen([sys.executable, "-m", "testigos", "relay", str(folder / "relay.toml")], stderr=log)
        started.append(relay)
        until(
            lambda: b'"started"' in (folder / "relay.log").read_bytes() or relay.poll() is not None,
            900,  # the first time, kernels are compiled
            "the relay starts",
        )
        assert relay.poll() is None, (folder / "relay.log").read_text()

        def begin(read, *what) -> None:
            threading.Thread(target=read, args=what, daemon=True).start()

        def taker(name: str, read):
            return lambda data: guarded(readings[name], read, data)

        def stream(wire: socket.socket, take) -> None:
            while data := wire.recv(1 << 16):
                take(data)

        begin(by_line, connected(ports["reference"]).makefile("rb"), lambda line: reference.line(line.rstrip(b"\n")))
        begin(by_line, connected(ports["sbs"]).makefile("rb"), taker("sbs", sbs))
        begin(stream, connected(ports["cot"]), taker("cot", CotReader()))
        begin(stream, connected(ports["beast"]), taker("beast", SquitterReader()))
        begin(slowly, connected(ports["slow"], True), taker("slow", feature))
        begin(by_line, subscribed.stdout, taker("mqtt", feature))
        for name, read in (("ais", AisReader()), ("radar", radar), ("tak", tak), ("tablet", TabletReader())):
            begin(datagrams, sockets[name], taker(name, read))
        begin(asking, ports["web"], taker("map", page))
        until(lambda: all(c["clients"] for c in status(ports["web"])["customers"]), 60, "all customers are there")

        print(f"relay {relay.pid}, in {folder}", flush=True)
        began, cpu_began, own_began = time.time(), used(relay.pid)[0], time.process_time()
        end = began + 60 * asked.minutes
        period = 40.0 if short else 180.0  # a connection breaks
        gone, gone_s = (50.0, 15.0) if short else (600.0, 60.0)  # the durable customer goes, and stays away
        pause, pause_s = (60.0, 20.0) if short else (900.0, 120.0)  # an input pauses
        sizes: list[tuple[float, int]] = []
        next_break, next_gone, back_at, next_minute, next_look, looks = (
            began + period,
            began + gone,
            0.0,
            began + 60,
            began,
            0,
        )
        breaking = [f for f in feeds if f.out.way != "udp"]
        breaks = 0
        cpu_last, own_last = cpu_began, own_began
        while (now := time.time()) < end:
            for number, one in enumerate(feeds):
                pausing = number == int((now - began) / pause) % len(feeds) and (now - began) % pause > pause - pause_s
                if not pausing:
                    one.work(now)
            if now > next_break:
                breaking[breaks % len(breaking)].out.drop()
                breaks, next_break = breaks + 1, now + period
            if not back_at and now > next_gone and now + gone_s < end - 10:
                away.close()
                back_at = now + gone_s
            if back_at and now > back_at:
                away.open()
                back_at, next_gone = 0.0, now + gone - gone_s
            if now > next_look:
                next_look, looks = now + 10, looks + 1
                faults += [f"after {now - began:.0f} s: {fault}" for fault in unbalanced(status(ports["web"]))]
                reference.forget()
            if int(now * 10) % 10 == 0:
                for reading in readings.values():
                    reading.judge()
            if now > next_minute:
                cpu, size = used(relay.pid)
                own = time.process_time()
                sizes.append((now - began, size))
                print(
                    f"{(now - began) / 60:5.1f} min: relay {(cpu - cpu_last) / 60:.1%} of a processor, "
                    f"{size / 1e6:.0f} MB; "
                    f"this {(own - own_last) / 60:.1%}; {reference.parsed} updates; wrong "
                    f"{sum(r.wrong for r in readings.values())}; unbalanced {len(faults)}",
                    flush=True,
                )
                cpu_last, own_last, next_minute = cpu, own, next_minute + 60
            time.sleep(max(0.0, 0.1 - (time.time() - now)))
        if back_at:
            away.open()
        CLEAR.set()  # nothing more is fed; the slow one reads all it is given
        time.sleep(5.0)
        cpu, size = used(relay.pid)
        told = settled(ports["web"], reference, readings, away)
        for reading in readings.values():
            reading.judge(last=True)
        spent = time.time() - began
        relay.send_signal(signal.SIGTERM)
        if relay.wait(60):
            faults.append(f"the relay ended with {relay.returncode}")
        return report(
            told,
            reference,
            readings,
            away,
            sockets,
            feeds,
            faults,
            looks,
            breaks,
            (cpu - cpu_began) / spent,
            [*sizes, (spent, size)],
            (folder / "relay.log").read_text(),
        )
    finally:
        for process in reversed(started):
            if process.poll() is None:
                process.terminate()
                process.wait(30)
        log.close()


def settled(port: int, reference: Reference, readings: dict[str, Reading], away: Away) -> dict:
    """The account when all that was sent has been read, or after a while."""
    end = time.monotonic() + 120
    while True:
        before = status(port)
        time.sleep(1.0)
        counts = {n: r.parsed for n, r in readings.items()} | {"reference": reference.parsed}
        told = status(port)
        same = [c["sent"] for c in before["customers"]] == [c["sent"] for c in told["customers"]]
        sent = {c["name"]: c["sent"] for c in told["customers"]}
        quiet = all(counts[n] == sent[n] for n in ("reference", "cot", "slow", "mqtt"))
        calm = all(c["waiting"] == 0 for c in told["customers"] if c["name"] != "map")
        if (same and quiet and calm) or time.monotonic() > end:
            return told


def report(told, reference, readings, away, sockets, feeds, faults, looks, breaks, share, sizes, log) -> int:
    wrong = list(faults)
    print(
        f"\n{'customer':10} {'produced':>9} {'withheld':>9} {'untold':>7} {'offered':>9} {'sent':>9} "
        f"{'replaced':>8} {'expired':>7} "
        f"{'dropped':>7} {'waiting':>7} {'read':>9} {'values':>9} {'wrong':>5}"
    )
    order, twice, disorder = away.against(reference.hashes)
    for c in told["customers"]:
        name = c["name"]
        reading = readings.get(name)
        read = reading.parsed if reading else reference.parsed if name == "reference" else order
        print(
            f"{name:10} {c['produced']:9} {sum(c['withheld'].values()):9} {c['untold']:7} "
            f"{c['offered']:9} {c['sent']:9} "
            f"{c['replaced']:8} {c['expired']:7} {c['dropped']:7} {c['waiting']:7} {read:9} "
            f"{reading.values if reading else 0:9} {reading.wrong if reading else 0:5}"
        )
        if name == "map":
            continue  # a document has the whole picture: how often it was asked for is no count of updates
        missed = lost(sockets[name]) if name in sockets else 0
        expected = reference.broadcast if name in ("sbs", "beast") else c["sent"]
        if read != expected and not missed:
            wrong.append(f"{name}: {expected} were sent, {read} were read")
        if missed:
            print(f"    {missed} datagrams were not read in time")
        if name not in ("slow", "durable") and c["replaced"] + c["expired"]:
            wrong.append(f"{name}: keeps up, but {c['replaced']} were replaced and {c['expired']} expired")
        if c["dropped"]:
            wrong.append(f"{name}: {c['dropped']} were dropped")
        if reading is not None and (reading.values == 0 or reading.parsed == 0):
            wrong.append(f"{name}: nothing was compared")
    slow = next(c for c in told["customers"] if c["name"] == "slow")
    if not slow["replaced"]:
        wrong.append("slow: it was not slow enough to have anything replaced")
    if disorder:
        wrong.append(f"durable: {disorder}")
    if not away.times_away:
        wrong.append("durable: it was never away")
    wrong += unbalanced(told)
    for name, reading in readings.items():
        wrong += [f"{name}: {text}" for text in reading.faults]
    if told["failed"]:
        wrong.append(f"{told['failed']} parts of the relay failed")
    print(f"\ndurable: away {away.times_away} times; {order} of {len(reference.hashes)} in order, {twice} twice")
    print(f"tablet: reports and heartbeats; accounts looked at {looks} times; connections broken {breaks} times")
    for one, source in zip(feeds, told["inputs"], strict=True):
        rows = ", ".join(f"{n} {v}" for n, v in source["rows"].items())
        print(f"{source['name']:12} {one.rows} reports, {one.damaged} damaged; {source['bytes']} bytes; rows: {rows}")
    print(
        f"reports: {told['reports']}\nobjects: {told['objects']}; updates {told['updates']}; batches {told['batches']}"
    )
    events = collections.Counter(json.loads(line)["event"] for line in log.splitlines() if line.startswith("{"))
    print(f"log: {dict(events)}")
    tenth = next((s for t, s in sizes if t >= 600), sizes[0][1])
    print(
        f"relay: {share:.1%} of a processor; resident after 10 min (or the first) {tenth / 1e6:.0f} MB, "
        f"at the end {sizes[-1][1] / 1e6:.0f} MB"
    )
    if sizes[-1][0] > 1200 and sizes[-1][1] > 1.15 * tenth:
        wrong.append("the relay's memory grew by more than 15 %")
    print("\nall holds" if not wrong else "\nDOES NOT HOLD:\n" + "\n".join(f"- {text}" for text in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
