"""What tests of the relay share: rows of a picture, a node at work in a thread, certificates, free ports, peers."""

import asyncio
import contextlib
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from testigos.relay.config import Config, Customer, Input, _faults, _named
from testigos.relay.node import Node
from testigos.schema import PICTURE, conform

NOW_NS = 1_761_242_592_500_000_000


def picture(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of a picture; what is not said is an aircraft that is live."""
    usual = {"state": "live", "kind": "aircraft", "status": "ok", "source": "adsb", "time_ns": NOW_NS, "input": 0}
    made = [{"slot": n, "object_id": f"icao:{n + 1:06x}", "lat_deg": 10.0, "lon_deg": 20.0} | usual | r
            for n, r in enumerate(rows)]  # fmt: skip
    return conform(pl.DataFrame(made, infer_schema_length=None), PICTURE)


def sbs_line(address: str, lat: float, lon: float, alt: int = 10_000, time_ns: int | None = None) -> bytes:
    """A position as a plain SBS feeder sends it."""
    stamp = time.gmtime((time.time_ns() if time_ns is None else time_ns) // 10**9)
    ms = (time.time_ns() if time_ns is None else time_ns) // 10**6 % 1000
    when = time.strftime("%Y/%m/%d,%H:%M:%S", stamp) + f".{ms:03d}"
    return f"MSG,3,1,1,{address.upper()},1,{when},{when},,{alt},,,{lat:.5f},{lon:.5f},,,0,0,0,0\r\n".encode()


def config(*parts: Input | Customer, **settings: Any) -> Config:
    """A configuration of inputs and customers."""
    inputs = tuple(p for p in parts if isinstance(p, Input))
    customers = tuple(p for p in parts if isinstance(p, Customer))
    made = Config(input=inputs, customer=customers, **({"batch_ms": 20} | settings))
    assert list(_faults(made)) == []
    return _named(made)


class Running:
    """A node at work in a thread of its own."""

    def __init__(self, settings: Config, clock: Any = None) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._settings, self._clock = settings, clock
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def told(self, event: str, **about: Any) -> None:
        self.events.append((event, about))

    def said(self, event: str, **about: Any) -> bool:
        """Was that told?"""
        return any(e == event and about.items() <= a.items() for e, a in list(self.events))

    def _run(self) -> None:
        async def work() -> None:
            self.loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            self.node = Node(self._settings, clock=self._clock, told=self.told)
            task = asyncio.ensure_future(self.node.run(self._stop))
            started = asyncio.ensure_future(self.node.started.wait())
            await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
            started.cancel()
            self._ready.set()
            await task

        try:
            asyncio.run(work())
        except BaseException as error:
            self.failure = error
        finally:
            self._ready.set()

    def __enter__(self) -> "Running":
        self.thread.start()
        assert self._ready.wait(300)
        if self.failure is not None:
            raise self.failure
        until(lambda: all(o.port for o in self.node.outlets if o.place.transport.startswith("listen")))
        return self

    def __exit__(self, *_: object) -> None:
        if self._stop is not None and self.thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
        self.thread.join(30)
        assert not self.thread.is_alive()
        if self.failure is not None:
            raise self.failure

    def outlet(self, name: str) -> Any:
        return next(o for o in self.node.outlets if o.name == name)

    def source(self, name: str) -> Any:
        return next(s for s in self.node.sources if s.name == name)

    def do(self, coroutine: Any) -> Any:
        """Runs something in the node's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def account(self, name: str) -> dict[str, int]:
        """Of a customer; checks that it adds up."""

        def told() -> dict[str, int]:
            outlet = self.outlet(name)
            account, stream = outlet.account(), outlet.stream
            return {
                "produced": stream.produced, "withheld": sum(stream.withheld.values()), "untold": stream.untold,
                "sent": account.sent, "replaced": account.replaced, "expired": account.expired,
                "dropped": account.dropped, "waiting": account.waiting, "offered": account.offered,
                "stream_offered": stream.offered,
            }  # fmt: skip

        found: dict[str, int] = self.do(self.node.in_worker(told))
        assert found["produced"] == found["withheld"] + found["untold"] + found["stream_offered"]
        assert found["waiting"] >= 0
        return found


def until(true: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Waits until something holds; fails where it never does."""
    end = time.monotonic() + seconds
    while not (found := true()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.01)
    return found


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        return int(wire.getsockname()[1])


@contextlib.contextmanager
def reading(port: int) -> Iterator["Reader"]:
    """A TCP client that reads all it is given."""
    reader = Reader(port)
    try:
        yield reader
    finally:
        with contextlib.suppress(OSError):  # a thread that waits in recv keeps the connection until it is shut down
            reader.wire.shutdown(socket.SHUT_RDWR)
        reader.wire.close()
        reader.thread.join(5)


class Reader:
    def __init__(self, port: int) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.data = bytearray()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while piece := self.wire.recv(1 << 16):
                self.data += piece


class Server:
    """A TCP peer that a customer connects to: keeps what it is told, can be closed and opened again."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.data = bytearray()
        self.connections = 0
        self._listener: socket.socket | None = None
        self._wires: list[socket.socket] = []

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, _ = listener.accept()
                self._wires.append(wire)
                self.connections += 1
                threading.Thread(target=self._read, args=(wire,), daemon=True).start()

    def _read(self, wire: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := wire.recv(1 << 16):
                self.data += piece

    def close(self) -> None:
        if self._listener is not None:
            # a thread that waits in accept keeps the port until it is shut down
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for wire in self._wires:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()
        self._wires = []


def certificates(folder: Path) -> Path:
    """An authority, certificates of it for a server and a client, one that expired, and one of another authority.

    Skips where openssl is missing.
    """
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")

    def run(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, cwd=folder, capture_output=True)

    for ca in ("ca", "other"):
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-subj", f"/CN={ca}")  # fmt: skip
    (folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n", encoding="utf-8")
    for name, ca, days in (("server", "ca", 2), ("client", "ca", 2), ("stranger", "other", 2), ("expired", "ca", -1)):
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", "-subj", f"/CN={name}")  # fmt: skip
        until_when = (
            ["-days", str(days)] if days > 0 else ["-not_before", "20200101000000Z", "-not_after", "20200102000000Z"]
        )
        words = ["x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial",
                 "-out", f"{name}.pem", "-extfile", "san"]  # fmt: skip
        try:
            run(*words, *until_when)
        except subprocess.CalledProcessError:  # OpenSSL before 3.4 has no dates for x509: a day that is over
            run(*words, "-days", "-1")
    return folder
