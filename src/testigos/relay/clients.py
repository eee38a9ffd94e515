"""Who is spoken to: one class a way of sending, each with a bounded queue of its own.

A client that keeps up is handed the bytes of its stream. One that does not is held: of each object that had news, only
that it had any is remembered, and when the client takes more it gets the objects as they are then, the urgent and the
oldest first. So newer state replaces older, what is stale expires, the queue cannot grow beyond the picture, and nobody
else waits. A durable client's updates go through its backlog instead, in order and complete.

The account of each: offered = sent + replaced + expired + dropped + waiting.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from testigos.relay.spool import Backlog
from testigos.relay.streams import Offer, Stream

__all__ = ["Account", "Asking", "Client", "Datagrams", "Durable", "File", "Publishing", "Wire"]

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_DATAGRAM_BYTES: Final = 1400  # less than an Ethernet frame carries after IPv6 and UDP
_TOGETHER: Final = frozenset({"gdl90", "sbs", "beast", "avr", "uat", "aivdm"})  # several messages may share a datagram
_TIMEOUT_MS: Final = 300_000  # how long a peer may take nothing: a slow one is no dead one
_SIOCOUTQ: Final = 0x5411  # Linux: bytes that the peer has not acknowledged


@dataclass(slots=True)
class Account:
    """What became of what a client was offered; ``waiting`` is what it may still get."""

    offered: int = 0
    sent: int = 0
    replaced: int = 0
    expired: int = 0
    dropped: int = 0
    bytes: int = 0

    @property
    def waiting(self) -> int:
        """The rest."""
        return self.offered - self.sent - self.replaced - self.expired - self.dropped


@dataclass(eq=False)
class Client:
    """What all clients have. ``ready`` says that it takes more; ``held`` how many objects wait."""

    name: str
    stream: Stream
    queue_bytes: int
    account: Account = field(default_factory=Account)
    held: int = 0
    closed: bool = False
    _waits: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))

    @property
    def ready(self) -> bool:
        """Does it take bytes now?"""
        raise NotImplementedError

    @property
    def room(self) -> int:
        """How many bytes it takes now."""
        return self.queue_bytes

    def send(self, offer: Offer) -> int:
        """Sends what there is room for at once; gives how many rows that were."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends it."""
        self.closed = True

    def give(self, offer: Offer, now_ns: int) -> None:
        """Takes a batch of its stream: sent, or held."""
        if not len(offer):
            return
        self.account.offered += len(offer)
        sent = self._sent(offer) if self.ready and not self.held else 0
        if sent < len(offer):
            self._hold(offer.slot[sent:])

    def beat(self, data: bytes) -> None:
        """Takes bytes that are no update (a heartbeat), if it can now."""

    def _sent(self, offer: Offer) -> int:
        room = self.room
        if len(offer.data) > room:
            fits = max(int(np.searchsorted(offer.start, room, side="right")) - 1, 1)
            offer = offer.part(0, min(fits, len(offer)))
        sent = self.send(offer)
        self.account.sent += sent
        self.account.bytes += int(offer.start[sent])
        return sent

    def _hold(self, slots: Ints) -> None:
        need = int(slots.max()) + 1
        if need > len(self._waits):
            self._waits = np.concatenate([self._waits, np.zeros(max(need, 1024) - len(self._waits), np.bool_)])
        fresh = np.unique(slots)
        again = int(self._waits[fresh].sum()) + len(slots) - len(fresh)
        self._waits[fresh] = True
        self.account.replaced += again
        self.held += len(slots) - again

    @property
    def waiting_slots(self) -> Ints:
        """The objects whose news it has not got."""
        return np.flatnonzero(self._waits)

    def catch_up(self, offer: Offer, settled: Ints, over: Ints) -> None:
        """Takes current rows of objects that wait; those of ``over`` are of no use any more."""
        sent = self._sent(offer) if len(offer) and self.ready else 0
        if sent:
            self._waits[settled[:sent]] = False
            self.held -= sent
        self.expire(over)

    def expire(self, gone: Ints) -> None:
        """Objects that are no more are not waited for."""
        known = gone[gone < len(self._waits)]
        count = int(self._waits[known].sum())
        if count:
            self._waits[known] = False
            self.held -= count
            self.account.expired += count


class Wire(Client, asyncio.Protocol):
    """A TCP or TLS connection, ours or theirs. What the peer says is thrown away."""

    def __init__(self, name: str, stream: Stream, queue_bytes: int, ended: Callable[["Wire", str], None]) -> None:
        super().__init__(name, stream, queue_bytes)
        self._ended = ended
        self.transport: asyncio.Transport | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio says that the connection stands."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._paused = False
        transport.set_write_buffer_limits(high=self.queue_bytes, low=self.queue_bytes // 4)
        wire = transport.get_extra_info("socket")
        if wire is not None:
            with contextlib.suppress(OSError):
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                if sys.platform == "linux":
                    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _TIMEOUT_MS)

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio says that the connection broke."""
        self.transport = None
        self._ended(self, _reason(error))

    def pause_writing(self) -> None:
        """asyncio says that the peer does not keep up."""
        self._paused = True

    def resume_writing(self) -> None:
        """asyncio says that it does again."""
        self._paused = False

    @property
    def ready(self) -> bool:
        """Connected, and not behind."""
        return self.transport is not None and not self._paused and not self.transport.is_closing()

    @property
    def room(self) -> int:
        """What the queue has left."""
        held = self.transport.get_write_buffer_size() if self.transport is not None else 0
        return max(self.queue_bytes - held, 1)

    def send(self, offer: Offer) -> int:
        """Into the transport."""
        assert self.transport is not None
        self.transport.write(offer.data)
        return len(offer)

    def beat(self, data: bytes) -> None:
        """As it is."""
        if self.ready and self.transport is not None:
            self.transport.write(data)

    def close(self) -> None:
        """Sends what is queued if the peer takes it soon, and ends."""
        self.closed = True
        if self.transport is not None:
            self.transport.close()


def _reason(error: Exception | None) -> str:
    if error is None:
        return "the other end closed the connection"
    return getattr(error, "strerror", None) or str(error) or error.__class__.__name__


def _keep(backlog: Backlog, account: Account, offer: Offer, now_ns: int) -> None:
    """Into a backlog, with what it refuses and what gives way for it."""
    refused, outdated = backlog.refused, backlog.outdated
    account.offered += len(offer)
    backlog.add(offer, now_ns)
    account.dropped += backlog.refused - refused
    account.expired += backlog.outdated - outdated


class Durable(Wire):
    """A connection of ours whose updates go through a backlog, so that none is lost while it is away.

    What the peer's system has not acknowledged when a connection breaks is sent again on the next: at least once. With
    TLS, whose bytes cannot be told apart, all counts as acknowledged when nothing is left to acknowledge.
    """

    def __init__(
        self,
        name: str,
        stream: Stream,
        queue_bytes: int,
        ended: Callable[[Wire, str], None],
        backlog: Backlog,
        ciphered: bool,
    ) -> None:
        super().__init__(name, stream, queue_bytes, ended)
        self.backlog = backlog
        self._ciphered = ciphered
        self._cursor = 0
        self._written = 0
        self._unconfirmed: deque[tuple[int, int]] = deque()  # bytes written before the end of a batch, its seq
        self.account.offered = backlog.updates  # of an earlier run

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """What was not acknowledged goes again."""
        super().connection_made(transport)
        self._cursor = self._written = 0
        self._unconfirmed.clear()

    def give(self, offer: Offer, now_ns: int) -> None:
        """Into the backlog, and from there to the peer."""
        if len(offer):
            _keep(self.backlog, self.account, offer, now_ns)
        self.work()

    def work(self) -> None:
        """Sends what there is room for, and notes what has arrived."""
        self._confirm()
        if not self.ready or self.transport is None:
            return
        for kept in self.backlog.after(self._cursor, self.room):
            self.transport.write(kept.offer.data)
            self._cursor = kept.seq
            self._written += len(kept.offer.data)
            self._unconfirmed.append((self._written, kept.seq))
            if self._paused:
                break

    def _confirm(self) -> None:
        if self.transport is None or not self._unconfirmed:
            return
        left = self.transport.get_write_buffer_size() + _unacknowledged(self.transport)
        arrived = self._written - left if not (self._ciphered and left) else 0
        seq = None
        while self._unconfirmed and self._unconfirmed[0][0] <= arrived:
            seq = self._unconfirmed.popleft()[1]
        if seq is not None:
            self.account.sent += self.backlog.done(seq)
            self.account.bytes = arrived

    def close(self) -> None:
        """What is not acknowledged stays in the backlog."""
        self._confirm()
        super().close()
        self.backlog.close()


def _unacknowledged(transport: asyncio.Transport) -> int:
    """Bytes that the system still keeps for the peer."""
    wire = transport.get_extra_info("socket")
    if wire is None or sys.platform != "linux":
        return 0
    try:
        return int(struct.unpack("i", fcntl.ioctl(wire.fileno(), _SIOCOUTQ, b"\0\0\0\0"))[0])
    except OSError:
        return 1


class Datagrams(Client):
    """UDP to one address or a group. Nothing comes back, so nothing is known of what arrives."""

    def __init__(self, name: str, stream: Stream, queue_bytes: int, wire: socket.socket, to: tuple[Any, ...]) -> None:
        super().__init__(name, stream, queue_bytes)
        self._wire, self._to = wire, to
        self._together = stream.link in _TOGETHER
        wire.setblocking(False)

    @property
    def ready(self) -> bool:
        """Always."""
        return not self.closed

    def send(self, offer: Offer) -> int:
        """A datagram a message, or as many as go into one."""
        start, first = offer.start.tolist(), 0
        while first < len(offer):
            last = first + 1
            while self._together and last < len(offer) and start[last + 1] - start[first] <= _DATAGRAM_BYTES:
                last += 1
            try:
                self._wire.sendto(offer.data[start[first] : start[last]], self._to)
            except BlockingIOError:
                return first  # the system's queue is full: the rest waits
            except OSError as error:
                if error.errno not in (errno.ECONNREFUSED, errno.EMSGSIZE, errno.ENETUNREACH, errno.EHOSTUNREACH):
                    raise
                # nobody is there now, or the message is too long for any datagram
                self.account.dropped += last - first
                self.account.sent -= last - first
            first = last
        return len(offer)

    def beat(self, data: bytes) -> None:
        """A datagram of its own."""
        with contextlib.suppress(OSError):
            self._wire.sendto(data, self._to)

    def close(self) -> None:
        """Closes the socket."""
        super().close()
        self._wire.close()


class File(Client):
    """Appends to a file; a disk that is full makes it wait."""

    def __init__(self, name: str, stream: Stream, queue_bytes: int, path: str) -> None:
        super().__init__(name, stream, queue_bytes)
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.trouble: str | None = None

    @property
    def ready(self) -> bool:
        """Always: writing says when the disk is full."""
        return not self.closed

    def send(self, offer: Offer) -> int:
        """Whole rows only: what was written of the last one is taken back."""
        size = 0
        try:
            size = os.write(self._handle, offer.data)
            self.trouble = None
        except OSError as error:
            self.trouble = error.strerror
        whole = int(np.searchsorted(offer.start, size, side="right")) - 1
        extra = size - int(offer.start[whole])
        if extra:
            os.ftruncate(self._handle, os.fstat(self._handle).st_size - extra)
        return whole

    def close(self) -> None:
        """Closes the file."""
        super().close()
        with contextlib.suppress(OSError):
            os.close(self._handle)


class Publishing(Client):
    """A broker or a WebSocket: something takes batches from ``queue`` and says what became of them.

    ``backlog``: as for ``Durable``; a batch is done when the broker has acknowledged it.
    """

    def __init__(self, name: str, stream: Stream, queue_bytes: int, backlog: Backlog | None = None) -> None:
        super().__init__(name, stream, queue_bytes)
        self.backlog = backlog
        self.connected = False
        self._queue: deque[Offer] = deque()
        self._size = 0
        self._news = asyncio.Event()
        if backlog is not None:
            self.account.offered = backlog.updates

    @property
    def ready(self) -> bool:
        """Connected, and not behind."""
        return self.connected and self._size < self.queue_bytes

    @property
    def room(self) -> int:
        """What the queue has left."""
        return max(self.queue_bytes - self._size, 1)

    def send(self, offer: Offer) -> int:
        """Into the queue; it counts as sent, and is taken back if it was not."""
        self._queue.append(offer)
        self._size += len(offer.data)
        self._news.set()
        return len(offer)

    def give(self, offer: Offer, now_ns: int) -> None:
        """Through the backlog, where there is one."""
        if self.backlog is None:
            super().give(offer, now_ns)
            return
        if len(offer):
            _keep(self.backlog, self.account, offer, now_ns)
            self._news.set()

    def beat(self, data: bytes) -> None:
        """In its place between updates."""
        if self.ready:
            self.send(Offer(data, np.array([0, len(data)], np.int64), np.zeros(0, np.int64)))

    def lost(self) -> None:
        """The connection broke: what is queued was not sent, and its objects wait."""
        self.connected = False
        while self._queue:
            self._unsent(self._queue.popleft())
        self._size = 0

    def _unsent(self, offer: Offer) -> None:
        if len(offer):
            self.account.sent -= len(offer)
            self.account.bytes -= len(offer.data)
            self._hold(offer.slot)

    async def run(self, publish: Callable[[Offer], Any]) -> None:
        """Publishes until cancelled, or until ``publish`` raises, which means that the connection broke."""
        self.connected = True
        try:
            while True:
                if self.backlog is not None:
                    await self._replay(publish)
                while self._queue:
                    offer = self._queue[0]
                    await publish(offer)
                    self._queue.popleft()
                    self._size -= len(offer.data)
                self._news.clear()
                if not self._queue and not (self.backlog is not None and self.backlog.updates):
                    await self._news.wait()
        finally:
            self.lost()

    async def _replay(self, publish: Callable[[Offer], Any]) -> None:
        assert self.backlog is not None
        for kept in list(self.backlog.after(0, self.queue_bytes)):
            await publish(kept.offer)
            self.account.sent += self.backlog.done(kept.seq)
            self.account.bytes += len(kept.offer.data)

    def close(self) -> None:
        """Closes the backlog."""
        super().close()
        if self.backlog is not None:
            self.backlog.close()


class Asking(Client):
    """Customers that ask for the whole picture when they want it (HTTP): what was news since then counts as sent."""

    @property
    def ready(self) -> bool:
        """Never by itself."""
        return False

    def send(self, offer: Offer) -> int:
        """Nothing is sent unasked."""
        return 0

    def asked(self, size: int) -> None:
        """The picture was given, in so many bytes."""
        self.account.sent += self.held
        self.account.bytes += size
        self._waits[:] = False
        self.held = 0

    def catch_up(self, offer: Offer, settled: Ints, over: Ints) -> None:
        """Only what is no more is settled."""
        self.expire(over)
