"""Live sources over TCP: ``beast://host:30005`` and its like, connected again whenever they break.

One thread reads all of them and gives what came within each 50 ms, with the host's time of its first byte. That is
the only place where a clock is read; what becomes of it stands in ``io.stamped``.

A connection that cannot be made, ends, or is silent for ``Patience.idle_s`` is tried again after a pause that
doubles from ``pause_s`` to ``longest_s`` and is short again once bytes have come. A peer that is slow costs
nothing; one that is faster than this program is held back by TCP.
"""

import errno
import os
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from testigos.errors import SourceUnavailable
from testigos.io.streams import Note

__all__ = ["Address", "Arrival", "Clock", "HostClock", "Patience", "address", "arrivals", "is_live"]

#: What listens where by custom: readsb, dump1090, dump978-fa.
PORTS: Final = {"avr": 30002, "beast": 30005, "jet1090": None, "sbs": 30003, "uat": 30978}
BATCH_S: Final = 0.05

_URL: Final = re.compile(r"([a-z0-9]+)://(\[[0-9a-fA-F:.%]+\]|[^\[\]:/?#@\s]+)(?::(\d{1,5}))?/?", re.IGNORECASE)
_RECEIVE_BYTES: Final = 1 << 20
_MOST_BYTES: Final = 4 << 20  # of one source in a batch
_CONNECT_S: Final = 10.0


@dataclass(frozen=True)
class Address:
    """Where a live source is; ``scheme`` is the name of its link."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Clock(Protocol):
    """Where live times come from."""

    def time_ns(self) -> int:
        """UTC in nanoseconds since 1970."""

    def monotonic(self) -> float:
        """Seconds since any moment, never backwards."""


class HostClock:
    """The clock of this machine."""

    def time_ns(self) -> int:
        """UTC in nanoseconds since 1970, as the system has it."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Seconds since the machine started."""
        return time.monotonic()


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds: between attempts, and for a silent peer."""

    pause_s: float = 0.5
    longest_s: float = 30.0
    idle_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes of source number ``source``; ``time_ns`` is when the first came, ``ended``: the connection then broke."""

    source: int
    time_ns: int
    data: bytes
    ended: bool = False


def is_live(source: object) -> bool:
    """Is it the URL of a live source?

    >>> is_live("beast://localhost:30005"), is_live("flight.beast")
    (True, False)
    """
    return isinstance(source, str) and source.partition("://")[0].lower() in PORTS and "://" in source


def address(url: str) -> Address:
    """The parts of a live URL; without a port the customary one. Raises ``SourceUnavailable``.

    >>> str(address("sbs://localhost"))
    'sbs://localhost:30003'
    """
    found = _URL.fullmatch(url)
    scheme = found[1].lower() if found else ""
    if found is None or scheme not in PORTS:
        known = ", ".join(f"{name}://host:{port or 'port'}" for name, port in PORTS.items())
        raise SourceUnavailable(f"{url}: no address of a live source; known: {known}")
    port = int(found[3]) if found[3] else PORTS[scheme]
    if port is None or not 0 < port < 1 << 16:
        raise SourceUnavailable(f"{url}: name a port from 1 to 65535, such as {scheme}://{found[2]}:4321")
    return Address(scheme, found[2].strip("[]"), port)


@dataclass(slots=True)
class _Peer:
    """One source: not connected (no socket), connecting, or open."""

    number: int
    address: Address
    patience: Patience
    note: Note
    wire: socket.socket | None = None
    is_open: bool = False
    due: float = 0.0  # when to try again, or to give an attempt or a silent peer up
    failures: int = 0
    held: list[bytes] = field(default_factory=list)
    size: int = 0
    first_ns: int = 0
    ended: bool = False
    told: str = ""

    def connect(self, now: float, selector: selectors.BaseSelector) -> None:
        try:
            family, kind, protocol, _, place = socket.getaddrinfo(
                self.address.host, self.address.port, type=socket.SOCK_STREAM
            )[0]
            self.wire = socket.socket(family, kind, protocol)
            self.wire.setblocking(False)
            self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            error = self.wire.connect_ex(place)
            if error not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)):
                raise OSError(error, os.strerror(error))
        except OSError as error:
            self.lost(now, selector, error.strerror or str(error))
            return
        self.due = now + _CONNECT_S
        selector.register(self.wire, selectors.EVENT_WRITE, self)

    def connected(self, now: float, selector: selectors.BaseSelector) -> None:
        assert self.wire is not None
        error = self.wire.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.lost(now, selector, os.strerror(error))
            return
        self.is_open = True
        self.due = now + self.patience.idle_s
        selector.modify(self.wire, selectors.EVENT_READ, self)
        self._tell("connected")

    def receive(self, now: float, time_ns: int, selector: selectors.BaseSelector) -> None:
        assert self.wire is not None
        try:
            data = self.wire.recv(_RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.lost(now, selector, error.strerror or str(error))
            return
        if not data:
            self.lost(now, selector, "the other end closed the connection")
            return
        if not self.held:
            self.first_ns = time_ns
        self.held.append(data)
        self.size += len(data)
        self.failures = 0
        self.due = now + self.patience.idle_s

    def lost(self, now: float, selector: selectors.BaseSelector, why: str) -> None:
        if self.wire is not None:
            if self.wire in selector.get_map():
                selector.unregister(self.wire)
            self.wire.close()
            self.wire = None
        self.ended = self.ended or self.is_open
        self.is_open = False
        # 2.0 ** 60 is patience enough, and no overflow
        pause = min(self.patience.pause_s * 2.0 ** min(self.failures, 60), self.patience.longest_s)
        self.failures += 1
        self.due = now + pause
        self._tell(f"{why}; trying again")

    def _tell(self, text: str) -> None:
        if text != self.told:
            self.told = text
            self.note(str(self.address), text)

    def taken(self) -> Arrival | None:
        if not self.held and not self.ended:
            return None
        arrival = Arrival(self.number, self.first_ns, b"".join(self.held), self.ended)
        self.held, self.size, self.ended = [], 0, False
        return arrival


def arrivals(
    addresses: Sequence[Address],
    *,
    stop: Callable[[], bool],
    note: Note,
    clock: Clock | None = None,
    patience: Patience | None = None,
) -> Iterator[list[Arrival]]:
    """What came, every 50 ms, sources in their order; an empty list where nothing did. Ends after ``stop`` says so.

    ``note`` is told, with the address, whenever a connection is made or lost; the same reason again is not told.
    """
    here = clock or HostClock()
    peers = [_Peer(n, a, patience or Patience(), note) for n, a in enumerate(addresses)]
    with selectors.DefaultSelector() as selector:
        try:
            while not stop():
                _batch(peers, selector, here)
                yield [arrival for peer in peers if (arrival := peer.taken()) is not None]
        finally:
            for peer in peers:
                if peer.wire is not None:
                    peer.wire.close()


def _batch(peers: list[_Peer], selector: selectors.BaseSelector, clock: Clock) -> None:
    """One batch's worth of connecting and receiving."""
    end = time.monotonic() + BATCH_S  # real seconds: an invented clock may stand still
    while (left := end - time.monotonic()) > 0:
        now = clock.monotonic()
        for peer in peers:
            if now < peer.due:
                continue
            if peer.wire is None:
                if not peer.ended:  # what the last connection brought is taken first
                    peer.connect(now, selector)
            else:
                peer.lost(now, selector, "it is silent" if peer.is_open else "it does not answer")
        if not selector.get_map():
            time.sleep(left)
            return
        for key, _ in selector.select(left):
            peer = key.data
            if not peer.is_open:
                peer.connected(clock.monotonic(), selector)
            else:
                peer.receive(clock.monotonic(), clock.time_ns(), selector)
        if any(peer.size >= _MOST_BYTES for peer in peers):
            return
