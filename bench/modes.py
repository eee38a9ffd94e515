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

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import corpus
import receivers
from run import Rate, Work, machine, shown, timed
from testigos import api
from testigos.links import beast, frames_csv
from testigos.links._modes import Options, Raw, fresh
from testigos.links._modes_time import times
from testigos.modes import decode as kernels
from testigos.sim.receivers import TICKS_PER_S, heard
from testigos.sim.traffic import START_NS, traffic

PIECE_BYTES = 4 << 20  # as io.segments hands them on
BEGAN = Options(began_ns=START_NS)
REAL = corpus.SHARED / "beast" / "long_flight.csv"
PYMODES_MESSAGES = 20_000
RS1090_MESSAGES = 200_000
LIVE_PER_S = 500_000
LIVE_S = 10.0


@cache
def generated(aircraft: int = 400, seconds: float = 360.0) -> bytes:
    """What one receiver hears of so many aircraft about: some 350 messages of each and minute."""
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
    yield "400 aircraft about", generated()
    yield "3,000 aircraft about", generated(3_000, 50.0)
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
                with contextlib.suppress(DecodeError):
                    pipe.decode(text, timestamp=stamp)

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
    """Runs as a process of its own: sends whole messages every 50 ms, or as fast as it goes where ``per_s`` is 0."""
    data = generated()
    edges = np.append(beast.split(data, True)[0].start, len(data))
    step = int(per_s * 0.05) if per_s else 25_000
    with socket.create_server(("127.0.0.1", port)) as server:
        print("listening", flush=True)
        peer, _ = server.accept()
        with peer, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            begin = due = time.monotonic()
            first = sent = 0
            while time.monotonic() - begin < seconds:
                last = min(first + step, len(edges) - 1)
                peer.sendall(data[edges[first] : edges[last]])
                sent += last - first
                first = last % (len(edges) - 1)
                if per_s:
                    due += 0.05
                    time.sleep(max(due - time.monotonic(), 0.0))
            print(sent, round(time.monotonic() - begin, 3), flush=True)
            peer.shutdown(socket.SHUT_WR)


def followed(per_s: float, seconds: float) -> None:
    """Runs as a process of its own, on one core: follows one source and prints what came of it."""
    cores = sorted(os.sched_getaffinity(0))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    to_tables(generated()[: 4 << 20])  # kernels are warm
    command = [sys.executable, __file__, "--feed", str(port), str(per_s), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as feeder:
        assert feeder.stdout is not None
        os.sched_setaffinity(feeder.pid, {cores[-1]})
        os.sched_setaffinity(0, {cores[0]})
        feeder.stdout.readline()
        rows, late_ms = 0, []
        begin, end = time.process_time(), 0.0
        for table in api.decode([f"beast://127.0.0.1:{port}"], stop=lambda: feeder.poll() is not None):
            if len(table):
                rows += len(table)
                late_ms.append((time.time_ns() - int(table["time_ns"].max() or 0)) / 1e6)
                end = time.process_time()
        sent, took = feeder.stdout.readline().split()
    asked = f"{per_s:,.0f} messages a second" if per_s else "as fast as it goes"
    print(
        f"Live, {asked}, one core: sent {int(sent) / float(took):,.0f} a second for {float(took):.1f} s, "
        f"rows for {rows / int(sent):.4f} of them; {rows / (end - begin):,.0f} rows in a second of processor time; "
        f"the last row of a batch was ready {np.median(late_ms):.0f} ms after it came (99 %: "
        f"{np.percentile(late_ms, 99):.0f} ms)",
        flush=True,
    )


def measured_live() -> None:
    """Goal: 500,000 messages a second on one core."""
    generated()
    for per_s in (LIVE_PER_S, 0):
        _child("--follow", str(per_s), str(LIVE_S), threads=1)


def resident_mib() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def measured_memory() -> None:
    """An hour of receiver time: each minute 300 other aircraft, so 18,000 in all, and 6 million messages."""
    link, carry, rest, count = beast.configured(BEGAN), None, b"", 0
    for minute in range(61):
        if minute % 10 == 0:
            print(f"Memory after {minute} minutes and {count:,} messages: {resident_mib():,.0f} MiB", flush=True)
        raw, _ = beast._messages(beast.split(heard(traffic(300, 60.0, seed=minute), receivers=1)[0].data, True)[0])
        whole = raw.size > 0
        stamp = raw.stamp[whole] + np.uint64(minute * 60 * TICKS_PER_S)
        for piece in pieces(beast.encode_frames(raw.payload[whole], raw.size[whole], stamp, raw.signal[whole])):
            frames, rest = link.split(rest + piece)
            table, carry = link.decode(frames, carry)
            count += len(table)


def measured_compile() -> None:
    """The first run ever compiles kernels, later ones load them."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.beast"
        source.write_bytes(generated(300, 10.0))
        for run in ("first", "second"):
            begin = time.monotonic()
            command = [sys.executable, "-m", "testigos", "decode", str(source), "--began", "2025-10-23T12:00Z"]
            environment = dict(os.environ, NUMBA_CACHE_DIR=f"{folder}/kernels")
            subprocess.run([*command, "-o", f"{folder}/out.parquet"], env=environment, check=True, capture_output=True)
            print(f"The {run} run of testigos decode on a small file: {time.monotonic() - begin:.1f} s", flush=True)


def measured_profile() -> None:
    """Where the time goes."""
    for name, data in inputs():
        framed, rest = [], b""
        for piece in pieces(data):
            frames, rest = beast.split(rest + piece)
            framed.append(frames)
        raws = [beast._messages(frames) for frames in framed]
        clocks: list[Any] = []

        def split(data: bytes = data) -> None:
            left = b""
            for piece in pieces(data):
                _, left = beast.split(left + piece)

        def unpack(framed: list[Any] = framed) -> None:
            for frames in framed:
                beast._messages(frames)

        def told(raws: list[Any] = raws, clocks: list[Any] = clocks) -> None:
            clocks.clear()
            clock = fresh(BEGAN).clock
            for raw, events in raws:
                clock_ns, _, _, _, clock = times(raw.stamp, raw.size, events, clock)
                clocks.append(clock_ns)

        def decoded(raws: list[Any] = raws, clocks: list[Any] = clocks) -> None:
            state = fresh(BEGAN).state
            for (raw, _), clock_ns in zip(raws, clocks, strict=True):
                for _ in kernels.decode(raw.payload, raw.size, clock_ns, state):
                    pass

        count = sum(map(len, framed))
        parts = (("framing", split), ("unpacking", unpack), ("clocks", told), ("decoding", decoded))
        spent = [(part, timed(part, count, lambda work=work: work).seconds / count * 1e9) for part, work in parts]
        print(f"Profile, {name}: " + ", ".join(f"{part} {ns:.0f} ns" for part, ns in spent), flush=True)
    raw, clock_ns = unpacked(generated())
    df, tc = raw.payload[:, 0] >> 3, raw.payload[:, 4] >> 3
    squitter = (df == 17) | (df == 18)
    kinds = {
        "airborne position": squitter & (tc >= 9) & (tc <= 18), "surface position": squitter & (tc >= 5) & (tc <= 8),
        "velocity": squitter & (tc == 19), "other squitters": squitter & ((tc < 5) | (tc > 19)),
        "Comm-B": (df == 20) | (df == 21), "DF 0, 4, 5, 11, 16": np.isin(df, [0, 4, 5, 11, 16]),
    }  # fmt: skip
    known = fresh(BEGAN).state
    for _ in kernels.decode(raw.payload, raw.size, clock_ns, known):
        pass
    for name, chosen in kinds.items():
        payload, size, when = raw.payload[chosen].copy(), raw.size[chosen], clock_ns[chosen]

        def alone(payload: Any = payload, size: Any = size, when: Any = when) -> None:
            for _ in kernels.decode(payload, size, when, known.copy()):
                pass

        spent_s = timed(name, len(size), lambda alone=alone: alone).seconds
        print(f"  {name}: {chosen.mean():.1%} of messages, {spent_s / len(size) * 1e9:.0f} ns each", flush=True)


def _child(*arguments: str, threads: int) -> None:
    environment = dict(os.environ, POLARS_MAX_THREADS=str(threads), NUMBA_NUM_THREADS=str(threads))
    subprocess.run([sys.executable, __file__, *arguments], env=environment, check=True)


PARTS = {
    "columns": measured_columns, "table": measured_table, "live": measured_live, "memory": measured_memory,
    "compile": measured_compile, "profile": measured_profile,
}  # fmt: skip


def main() -> int:
    """Print what was asked for, or everything."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help="what to measure")
    parser.add_argument("--feed", nargs=3, type=float, help=SUPPRESS)
    parser.add_argument("--follow", nargs=2, type=float, help=SUPPRESS)
    options = parser.parse_args()
    if options.feed:
        fed(int(options.feed[0]), *options.feed[1:])
    elif options.follow:
        followed(*options.follow)
    else:
        print(f"{machine()}\n", flush=True)
        for name in options.part or PARTS:
            PARTS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
