"""What a relay hears: one coroutine an input, which connects, listens or asks, again and again.

Bytes wait in feeds until the next batch; a feed is one document (a connection of a listener, say) and is decoded as
``testigos decode`` would decode a record of it. A peer that sends more than a batch may hold is held back by TCP;
datagrams beyond it are counted as lost. A message longer than allowed is cut there, and counts as damaged.
"""

import asyncio
import contextlib
import itertools
import os
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from testigos.errors import TestigosError
from testigos.io.follow import Following
from testigos.io.live import Arrival
from testigos.io.options import configured
from testigos.io.stamped import Record, record_of
from testigos.links._modes import Options
from testigos.registry import Link
from testigos.registry import link as link_named
from testigos.relay.config import Input, Limits
from testigos.relay.endpoints import Endpoint, endpoint
from testigos.relay.secrets import client_context, password, server_context
from testigos.schema import ALL, PICTURE

__all__ = ["FUSED", "LINES", "Feed", "Source", "Told", "retrying"]

Told = Callable[..., None]

#: Columns that the picture takes.
FUSED: Final = frozenset(
    {*(n for n in PICTURE if n in ALL), "accuracy95_m", "height_accuracy95_m", "transmission", "position_accurate"}
)
_SERIAL: Final = itertools.count()
#: Formats of lines.
LINES: Final = frozenset({"aivdm", "sbs", "avr", "uat", "ogn", "jsonl", "geojson", "jet1090", "flarm_json", "signalk"})
_PAUSE_S, _LONGEST_S = 0.5, 30.0
_CONNECT_S: Final = 10.0
_FETCH_BYTES: Final = 64 << 20  # the longest document that is asked for


async def retrying(name: str, attempt: Callable[[], Any], told: Told) -> None:
    """Runs ``attempt`` for ever: when it ends or fails, again after a pause that doubles, and is short after success.

    ``attempt`` gives whether it got anywhere.
    """
    pause, last = _PAUSE_S, ""
    while True:
        began = asyncio.get_running_loop().time()
        try:
            worked = bool(await attempt())
            reason = "the other end closed the connection"
        except (OSError, EOFError, TimeoutError, TestigosError) as error:
            worked, reason = False, (getattr(error, "strerror", None) or str(error) or error.__class__.__name__)
        except _broken() as error:
            worked, reason = False, str(error) or error.__class__.__name__
        if asyncio.get_running_loop().time() - began > _LONGEST_S:
            worked = True
        if worked:
            pause = _PAUSE_S
        if reason != last or worked:
            told("lost", name=name, reason=reason)
            last = reason
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_S)


def _broken() -> tuple[type[Exception], ...]:
    """What the libraries of transports raise when a connection fails."""
    import aiomqtt
    import httpx
    import nats.errors
    import websockets

    return aiomqtt.MqttError, httpx.HTTPError, nats.errors.Error, websockets.WebSocketException


@dataclass(eq=False)
class Feed:
    """One document that grows: bytes wait in it until they are taken."""

    number: int
    name: str
    link: Link
    record: Record
    limits: Limits
    whole: bool = False  #: each piece is a document of its own
    serial: str = ""  #: no other feed has it
    apart: bool = False  #: pieces are datagrams: no message goes on in a later one, and damage ends with its own batch
    recorded: list[bytes] = field(default_factory=list)  #: what was decoded last, as it would be recorded
    held: list[bytes] = field(default_factory=list)
    size: int = 0
    first_ns: int = 0
    ended: bool = False
    overrun: int = 0
    cut: int = 0
    transport: asyncio.Transport | None = None
    _following: Following | None = None

    def add(self, data: bytes, now_ns: int) -> None:
        """Bytes came."""
        if not data:
            return
        if self.size + len(data) > self.limits.batch_bytes and self.transport is None:
            self.overrun += 1
            return
        if not self.held:
            self.first_ns = now_ns
        self.held.append(data)
        self.size += len(data)
        if self.size >= self.limits.batch_bytes and self.transport is not None:
            self.transport.pause_reading()

    def take(self) -> list[Arrival]:
        """What came since the last time."""
        if not self.held and not self.ended:
            return []
        pieces = self.held if self.whole else [b"".join(self.held)]
        taken = [Arrival(self.number, self.first_ns, p) for p in pieces]
        if self.ended:
            taken = [*taken[:-1], Arrival(self.number, self.first_ns, taken[-1].data if taken else b"", ended=True)]
        self.held, self.size = [], 0
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
        return taken

    def rows(self, arrivals: list[Arrival]) -> list[pl.DataFrame]:
        """What they say: columns of ``schema.ALL``."""
        tables = []
        self.recorded = []
        for arrival in arrivals:
            if self._following is None:
                self._following = Following(self.name, self.link, FUSED)
            data = self.record.add(arrival)
            self.recorded.append(data)
            table, _ = self._following.add(data, final=self.whole or self.apart or arrival.ended)
            if self._following.unfinished > self.limits.message_bytes:
                self.cut += 1
                tables.append(table)
                table, _ = self._following.add(b"", final=True)
            if self.whole:
                self._following = None
            if len(table):
                tables.append(table)
        return tables


@dataclass(eq=False)
class Source:
    """One input: its feeds, and what is known of it."""

    number: int
    config: Input
    limits: Limits
    now_ns: Callable[[], int]
    told: Told
    feeds: list[Feed] = field(default_factory=list)
    connected: bool = False
    last_ns: int = 0
    silent: bool = False
    received: int = 0
    overrun: int = 0
    cut: int = 0
    refused: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    late_ns: int = 0  #: how far behind the node's clock the newest report was

    def __post_init__(self) -> None:
        self.place: Endpoint = endpoint(self.config.url)
        self.last_ns = self.now_ns()

    @property
    def name(self) -> str:
        """As configured."""
        return self.config.name

    def _link(self) -> tuple[Link, Record]:
        receiver = self.config.receiver or (None, None)
        told = Options(None, receiver[0], receiver[1], self.config.range_m)
        named = link_named(self.place.link)
        if getattr(named, "UNDATED", False):  # the date is today's
            made = configured(named, Options(self.now_ns(), receiver[0], receiver[1], self.config.range_m))
            return made, Record(made)
        record = record_of(self.place.link, told)
        return configured(record.link, told), record

    def feed(self, whole: bool = False) -> Feed:
        """A new document of this input."""
        link, record = self._link()
        made = Feed(self.number, self.name, link, record, self.limits, whole, f"{self.now_ns()}.{next(_SERIAL)}")
        self.feeds.append(made)
        return made

    def heard(self, feed: Feed, data: bytes) -> None:
        """Bytes for one of its feeds."""
        now = self.now_ns()
        self.last_ns = now
        self.received += len(data)
        if self.silent:
            self.silent = False
            self.told("heard_again", name=self.name)
        feed.add(data, now)

    def take(self) -> list[tuple[Feed, list[Arrival]]]:
        """What came on all feeds; those that have ended are forgotten after it."""
        taken = [(feed, arrivals) for feed in self.feeds if (arrivals := feed.take())]
        for feed in self.feeds:
            self.overrun += feed.overrun
            feed.overrun = 0
        self.feeds = [feed for feed in self.feeds if not feed.ended]
        return taken

    def decode(self, taken: list[tuple[Feed, list[Arrival]]]) -> list[pl.DataFrame]:
        """Rows with the number of the input, and the format."""
        tables = []
        for feed, arrivals in taken:
            tables += feed.rows(arrivals)
            self.cut += feed.cut
            feed.cut = 0
        for table in tables:
            for status, count in table["status"].value_counts().iter_rows():
                self.rows[str(status)] += count
        origin = pl.Series("input", [self.number], pl.UInt16), pl.Series("link", [self.place.link])
        return [table.hstack([said.new_from_index(0, len(table)) for said in origin]) for table in tables]

    def check(self) -> None:
        """Tells of silence."""
        quiet_s = (self.now_ns() - self.last_ns) * 1e-9
        if not self.silent and quiet_s > self.config.silent_s:
            self.silent = True
            self.told("silent", name=self.name, seconds=round(quiet_s))

    async def run(self) -> None:
        """Hears until cancelled."""
        ways = {
            "tcp": self._connect, "tls": self._connect, "listen": self._listen, "listen+tls": self._listen,
            "udp": self._datagrams, "multicast": self._datagrams, "http": self._ask, "https": self._ask,
            "ws": self._websocket, "wss": self._websocket, "mqtt": self._mqtt, "mqtts": self._mqtt,
            "nats": self._nats, "file": self._file,
        }  # fmt: skip
        try:
            await retrying(self.name, ways[self.place.transport], self.told)
        finally:
            self.connected = False

    @contextlib.contextmanager
    def _open(self, whole: bool = False) -> Any:
        """A feed for as long as a connection lasts."""
        feed = self.feed(whole)
        self.connected = True
        self.told("connected", name=self.name)
        try:
            yield feed
        finally:
            self.connected = False
            feed.ended = True
            feed.transport = None

    async def _connect(self) -> bool:
        loop = asyncio.get_running_loop()
        context = client_context(self.config.tls) if self.place.transport == "tls" else None
        name = (self.config.tls.server_name if self.config.tls else None) or self.place.host
        async with asyncio.timeout(_CONNECT_S):
            transport, protocol = await loop.create_connection(
                lambda: _Hearing(self), *self.place.place, ssl=context, server_hostname=name if context else None
            )
        try:
            await protocol.over
        finally:
            transport.close()
        return protocol.heard

    async def _listen(self) -> bool:
        loop = asyncio.get_running_loop()
        context = None
        if self.place.transport == "listen+tls":
            assert self.config.tls is not None
            context = server_context(self.config.tls)
        server = await loop.create_server(lambda: _Hearing(self), *self.place.place, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        self.told("listening", name=self.name, port=self.port)
        try:
            await asyncio.Future()
        finally:
            server.close()
            for feed in self.feeds:
                if feed.transport is not None:
                    feed.transport.close()
        return True

    async def _datagrams(self) -> bool:
        loop = asyncio.get_running_loop()
        with self._open() as feed:
            feed.apart = True
            wire = _datagram_socket(self.place, self.config.multicast_interface)
            transport, _ = await loop.create_datagram_endpoint(lambda: _Catching(self, feed), sock=wire)
            self.port = wire.getsockname()[1]
            try:
                await asyncio.Future()
            finally:
                transport.close()
        return True

    async def _ask(self) -> bool:
        import httpx

        url = f"{self.place.transport}://{self.place.host}:{self.place.port}{self.place.path}"
        verify = client_context(self.config.tls) if self.place.transport == "https" else True
        secret = password(self.config)
        auth = (self.config.user, secret or "") if self.config.user else None
        async with httpx.AsyncClient(verify=verify, timeout=_CONNECT_S, auth=auth) as client:
            with self._open(whole=True) as feed:
                while True:
                    async with client.stream("GET", url) as answer:
                        answer.raise_for_status()
                        body = bytearray()
                        async for piece in answer.aiter_bytes():
                            body += piece
                            if len(body) > _FETCH_BYTES:
                                raise EOFError(f"the document is longer than {_FETCH_BYTES} bytes")
                    self.heard(feed, bytes(body))
                    await asyncio.sleep(self.config.every_s)

    async def _websocket(self) -> bool:
        from websockets.asyncio.client import connect

        url = f"{self.place.transport}://{self.place.host}:{self.place.port}{self.place.path}"
        context = client_context(self.config.tls) if self.place.transport == "wss" else None
        async with connect(url, ssl=context, max_size=self.limits.message_bytes, open_timeout=_CONNECT_S) as wire:
            with self._open() as feed:
                async for message in wire:
                    data = message.encode() if isinstance(message, str) else message
                    self.heard(feed, _ended(self.place.link, data))
        return True

    async def _mqtt(self) -> bool:
        async with mqtt_client(self.place, self.config) as client:
            with self._open() as feed:
                await client.subscribe(self.place.path.removeprefix("/") or "#")
                async for message in client.messages:
                    payload = message.payload
                    if isinstance(payload, bytes | bytearray) and len(payload) <= self.limits.message_bytes:
                        self.heard(feed, _ended(self.place.link, bytes(payload)))
                    else:
                        self.refused += 1
        return True

    async def _nats(self) -> bool:
        async with nats_client(self.place, self.config) as client:
            with self._open() as feed:
                subscription = await client.subscribe(self.place.path.removeprefix("/").replace("/", ".") or ">")
                async for message in subscription.messages:
                    self.heard(feed, _ended(self.place.link, message.data))
        return True

    async def _file(self) -> bool:
        with self._open() as feed, open(self.place.path, "rb") as handle:
            while True:
                data = handle.read(self.limits.batch_bytes // 2)
                if data:
                    self.heard(feed, data)
                elif os.stat(self.place.path).st_size < handle.tell():
                    return True  # cut short: read again from the start
                await asyncio.sleep(0.1 if not data else 0.0)


def _ended(link: str, data: bytes) -> bytes:
    """A message of a transport that keeps them apart, so that it is apart in a stream too."""
    if link in LINES and not data.endswith(b"\n"):
        return data + b"\n"
    if link == "tak" and data[:3] == b"\xbf\x01\xbf":
        # as TAK servers frame it: a mesh message has no length
        return b"\xbf" + _varint(len(data) - 3) + data[3:]
    return data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class _Hearing(asyncio.Protocol):
    """One connection: ours, or of a listener."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._feed: Feed | None = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if len(self._source.feeds) >= self._source.limits.clients:
            self._source.refused += 1
            transport.abort()
            return
        wire = transport.get_extra_info("socket")
        if wire is not None:
            with contextlib.suppress(OSError):
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._feed = self._source.feed()
        self._feed.transport = transport
        self._source.connected = True
        self._source.told("connected", name=self._source.name)

    def data_received(self, data: bytes) -> None:
        if self._feed is not None:
            self.heard = True
            self._source.heard(self._feed, data)

    def connection_lost(self, error: Exception | None) -> None:
        if self._feed is not None:
            self._feed.ended = True
            self._feed.transport = None
            self._source.connected = any(f.transport is not None for f in self._source.feeds)
        if not self.over.done():
            if error is None:
                self.over.set_result(None)
            else:
                self.over.set_exception(error)
                self.over.exception()  # a listener asks no one


class _Catching(asyncio.DatagramProtocol):
    def __init__(self, source: Source, feed: Feed) -> None:
        self._source, self._feed = source, feed

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._source.heard(self._feed, _ended(self._source.place.link, data))


def _datagram_socket(place: Endpoint, interface: str | None) -> socket.socket:
    """Bound to the place; a group is joined at ``interface``."""
    family, kind, protocol, _, address = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_DGRAM)[0]
    wire = socket.socket(family, kind, protocol)
    wire.setblocking(False)
    with contextlib.suppress(OSError):
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    if place.transport == "multicast":
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wire.bind(address)
        if family == socket.AF_INET6:
            joined = socket.inet_pton(socket.AF_INET6, place.host) + struct.pack("@I", 0)
            wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, joined)
        else:
            joined = socket.inet_aton(place.host) + socket.inet_aton(interface or "0.0.0.0")
            wire.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
    else:
        wire.bind(address)
    return wire


@contextlib.asynccontextmanager
async def mqtt_client(place: Endpoint, config: Any) -> AsyncIterator[Any]:
    """A connection to an MQTT broker; with ``mqtts`` its certificate is verified."""
    import aiomqtt

    context = client_context(config.tls) if place.transport == "mqtts" else None
    async with aiomqtt.Client(
        place.host, place.port, username=config.user, password=password(config), tls_context=context, timeout=_CONNECT_S
    ) as client:
        yield client


@contextlib.asynccontextmanager
async def nats_client(place: Endpoint, config: Any) -> AsyncIterator[Any]:
    """A connection to a NATS server, which breaks when the server is gone."""
    import nats

    gone = asyncio.Event()

    async def closed() -> None:
        gone.set()

    async def quiet(error: Exception) -> None:
        """What goes wrong ends the connection, and is told then."""

    client = await nats.connect(
        f"nats://{place.host}:{place.port}",
        allow_reconnect=False,
        max_reconnect_attempts=1,
        connect_timeout=round(_CONNECT_S),
        closed_cb=closed,
        error_cb=quiet,
        user=config.user,
        password=password(config),
        tls=client_context(config.tls) if config.tls is not None else None,
    )
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            await client.close()
