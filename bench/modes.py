"""How fast are raw Mode S messages decoded, against the packages and programs that do it too?

Run: ``python bench/modes.py``, or parts of it, such as ``python bench/modes.py columns live``. All input is
generated (``sim.traffic``), the same on every run; ``../shared/data/beast/long_flight.csv`` is measured too where it
lies beside the repository. A rate is messages in a second of processor time, of all threads, system time included.

=========  ==================================================================================================
columns    Beast bytes to columns with every field, and what rs1090, pyModeS, readsb and dump1090 need for them
table      the same as Polars tables, and as a Parquet file (``testigos decode FILE -o x.parquet``)
live       over loopback in batches of 50 ms on one core: 500,000 messages a second, and as many as go
memory     resident memory over an hour of receiver time with aircraft that come and go
compile    what the first run ever takes, and the second
profile    nanoseconds a message, by part
=========  ==================================================================================================
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

import corpus
import receivers
from run import Rate, Work, machine, shown, timed
from testigos import api
from testigos.io.follow import Following
from testigos.links import beast, frames_csv
from testigos.links._modes import Options, Raw, fresh
from testigos.links._modes_time import no_events, times
from testigos.modes import decode as kernels
from testigos.sim.receivers import TICKS_PER_S, heard
from testigos.sim.traffic import START_NS, traffic

PIECE_BYTES = 1 << 20
BEGAN = Options(began_ns=START_NS)
REAL = corpus.SHARED / "beast" / "long_flight.csv"
PYMODES_MESSAGES = 20_000
RS1090_MESSAGES = 200_000
LIVE_PER_S = 500_000
LIVE_S = 10.0


@cache
def generated(aircraft: int = 3_000, seconds: float = 60.0) -> bytes:
    """What one receiver hears of a world's traffic: some 350 messages of each aircraft and minute."""
    return heard(traffic(aircraft, seconds), receivers=1)[0].data


@cache
def real() -> bytes:
    """The real capture as Beast bytes."""
    frames, _ = frames_csv.split(REAL.read_bytes(), True)
    raw = frames_csv._messages(frames)[0]
    whole = raw.size > 0
    return beast.encode_frames(raw.payload[whole], raw.size[whole], raw.stamp[whole], raw.signal[whole])


def inputs() -> Iterator[tuple[str, bytes]]:
    """What is measured."""
    yield "generated traffic", generated()
    if REAL.exists():
        yield "long_flight.csv as Beast", real()


def pieces(data: bytes) -> Iterator[bytes]:
    """As a file is read."""
    return (data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES))


def to_columns(data: bytes) -> int:
    """Framing, unpacking, clocks, and every field of every message into columns that are used again."""
    carry, rest, count = fresh(BEGAN), b"", 0
    state, clock = carry.state, carry.clock
    for piece in pieces(data):
        frames, rest = beast.split(rest + piece)
        raw, events = beast._messages(frames)
        clock_ns, _, _, _, clock = times(raw.stamp, raw.size, events, clock)
        for _, _, chunk in kernels.decode(raw.payload, raw.size, clock_ns, state):
            count += chunk
    return count


def to_tables(data: bytes) -> int:
    """The same as Polars tables with every column that the link gives."""
    link, carry, rest, count = beast.configured(BEGAN), None, b"", 0
    for piece in pieces(data):
        frames, rest = link.split(rest + piece)
        table, carry = link.decode(frames, carry)
        count += len(table)
    return count


def to_file(source: Path, out: Path) -> None:
    """What ``testigos decode SOURCE -o OUT`` does."""
    api.write(api.decode(source, options=BEGAN), out)


@cache
def unpacked(data: bytes) -> tuple[Raw, Any]:
    """All messages and their times."""
    raw, events = beast._messages(beast.split(data, True)[0])
    return raw, times(raw.stamp, raw.size, events, fresh(BEGAN).clock)[0]


def hexadecimal(data: bytes, most: int) -> tuple[list[str], list[float]]:
    """Messages and times as the packages want them: Mode S alone, without damaged ones."""
    raw, clock_ns = unpacked(data)
    chosen = np.flatnonzero(raw.size >= 7)[:most].tolist()
    return [raw.payload[i, : raw.size[i]].tobytes().hex() for i in chosen], [clock_ns[i] * 1e-9 for i in chosen]


def by_rs1090(data: bytes) -> tuple[int, Callable[[], Callable[[], Any]]]:
    """Batches of 1,000, its default."""
    texts, stamps = hexadecimal(data, RS1090_MESSAGES)

    def prepare() -> Callable[[], Any]:
        import rs1090

        return lambda: rs1090.decode(texts, stamps)

    return len(texts), prepare


def by_pymodes(data: bytes) -> tuple[int, Callable[[], Callable[[], Any]]]:
    """One message after another, with positions."""
    texts, stamps = hexadecimal(data, PYMODES_MESSAGES)

    def prepare() -> Callable[[], Any]:
        from pyModeS import PipeDecoder
        from pyModeS.errors import DecodeError

        def work() -> None:
            pipe = PipeDecoder(include_meteo=True)
            for text, stamp in zip(texts, stamps, strict=True):
                try:
                    pipe.decode(text, timestamp=stamp)
                except DecodeError:
                    pass

        return work

    return len(texts), prepare


def by_program(name: str, data: bytes, count: int) -> Rate:
    """A receiver's program, fed over loopback: keeps the state of aircraft and writes nothing. Best of three."""
    try:
        return Rate(name, count, min(receivers.processor_seconds(name, data) for _ in range(3)))
    except ImportError as error:
        return Rate(name, missing=str(error))


def measured_columns() -> None:
    """Goal: 10 M messages a second."""
    for name, data in inputs():
        count = to_columns(data)
        ours = timed("every field", count, lambda data=data: lambda: to_columns(data))
        peers = [
            timed("rs1090.decode (dictionaries)", *by_rs1090(data), runs=3),
            timed("pyModeS.PipeDecoder (dictionaries)", *by_pymodes(data), runs=3, limit_s=2.0),
        ]
        if len(data) > 10_000_000:  # processor time of another process is known to 10 ms
            peers += [by_program(f"{peer}", data, count) for peer in receivers.PROGRAMS]
        print(shown(Work(f"Beast bytes to columns, {name}; messages", 1e7, ours, tuple(peers))), flush=True)


def measured_table() -> None:
    """Goal: 3 M messages a second as Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in inputs():
            source, out = Path(folder) / "in.beast", Path(folder) / "out.parquet"
            source.write_bytes(data)
            count = to_tables(data)
            tables = timed("beast.decode", count, lambda data=data: lambda: to_tables(data))
            print(shown(Work(f"Beast bytes to Polars tables, {name}; messages", 0, tables)), flush=True)
            written = timed("decode -o", count, lambda s=source, o=out: lambda: to_file(s, o))
            print(shown(Work(f"Beast file to Parquet, Comm-B included, {name}; messages", 3e6, written)), flush=True)
            print(f"  {out.stat().st_size / count:.1f} bytes a message in Parquet, {len(data) / count:.1f} in Beast")


def fed(port: int, per_s: float, seconds: float) -> None:
    """Sends whole messages every 50 ms; as fast as it goes where ``per_s`` is 0. Then closes."""
    data = np.frombuffer(generated(), np.uint8).tobytes()
    edges = np.append(beast.split(data, True)[0].start, len(data))
    step = int(per_s * 0.05) if per_s else 25_000
    with socket.create_connection(("127.0.0.1", port)) as peer:
        begin = due = time.monotonic()
        first = 0
        while time.monotonic() - begin < seconds:
            last = min(first + step, len(edges) - 1)
            peer.sendall(data[edges[first] : edges[last]])
            first = last % (len(edges) - 1)
            if per_s:
                due += 0.05
                time.sleep(max(due - time.monotonic(), 0.0))


def followed(per_s: float, seconds: float) -> None:
    """Runs as a process of its own, on one core: follows one source and prints what came of it."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    to_tables(generated()[: 4 << 20])  # kernels are warm
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        relay = subprocess.Popen([sys.executable, __file__, "--feed", str(port), str(per_s), str(seconds)])
    del relay


def measured_live() -> None:
    """Goal: 500,000 messages a second on one core."""
    for per_s in (LIVE_PER_S, 0):
        _child("--follow", str(per_s), str(LIVE_S), threads=1)


def _child(*arguments: str, threads: int | None = None, **extra: str) -> None:
    environment = dict(os.environ, **extra)
    if threads is not None:
        environment["POLARS_MAX_THREADS"] = str(threads)
    subprocess.run([sys.executable, __file__, *arguments], env=environment, check=True)
