"""Whom a relay speaks to: one coroutine a customer, which connects, listens or publishes, again and again.

A customer is one stream of updates and the clients that take it: one for a connection of ours, any number for a
listener. Its account is that of all clients it has had.
"""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import polars as pl

from testigos.relay.clients import Account, Asking, Client, Datagrams, Durable, File, Publishing, Wire
from testigos.relay.config import Config, Customer
from testigos.relay.endpoints import Endpoint, endpoint
from testigos.relay.inputs import LINES, Told, mqtt_client, nats_client, retrying
from testigos.relay.secrets import client_context, server_context
from testigos.relay.spool import Backlog
from testigos.relay.streams import Offer, Stream

__all__ = ["Outlet"]

_CONNECT_S: Final = 10.0
_SERVED: Final = ("http", "https", "ws", "wss")


def topics(template: str) -> Callable[[pl.DataFrame], tuple[str, ...]]:
    """A name for each row; in ids, characters that brokers give a meaning become underscores.

    >>> topics("t/{kind}/{object_id}")(pl.DataFrame({"object_id": ["icao:ae503d"], "kind": ["aircraft"]}))
    ('t/aircraft/icao:ae503d',)
    """

    def made(table: pl.DataFrame) -> tuple[str, ...]:
        safe = pl.col("object_id").fill_null("unknown").str.replace_all(r"[/+#*>.\s\x00-\x1f]", "_")
        kind = pl.col("kind").cast(pl.String).fill_null("unknown")
        parts = table.select(o=safe, k=kind)
        rows = zip(parts["o"].to_list(), parts["k"].to_list(), strict=True)
        return tuple(template.replace("{object_id}", o).replace("{kind}", k) for o, k in rows)

    return made


@dataclass(eq=False)
class Outlet:
    """One customer: its stream, its clients, and what became of those that left."""

    config: Customer
    stream: Stream
    node: Config
    told: Told
    clients: list[Client] = field(default_factory=list)
    past: Account = field(default_factory=Account)
    refused: int = 0
    port: int = 0
    backlog: Backlog | None = None
    _server: Any = None

    def __post_init__(self) -> None:
        self.place: Endpoint = endpoint(self.config.url)
        policy = self.stream.rule.policy
        self.stream.keeps = self.place.transport in ("http", "https") and bool(policy.every_s or policy.delay_s)
        if self.place.transport in ("mqtt", "mqtts", "nats"):
            template = self.place.path.removeprefix("/") or "testigos/{object_id}"
            self.stream.topic = topics(template.replace("/", ".") if self.place.transport == "nats" else template)

    @property
    def name(self) -> str:
        """As configured."""
        return self.config.name

    @property
    def served(self) -> bool:
        """Is it the node's own web server that serves it?"""
        return self.place.transport in _SERVED

    @property
    def connected(self) -> int:
        """How many clients take updates."""
        return sum(
            c.transport is not None if isinstance(c, Wire) else c.connected if isinstance(c, Publishing) else 1
            for c in self.clients
        )

    def account(self) -> Account:
        """Of all clients it has and has had."""
        total = Account()
        for one in (self.past, *(c.account for c in self.clients)):
            for part in fields(Account):
                setattr(total, part.name, getattr(total, part.name) + getattr(one, part.name))
        return total

    def unheard(self, offer: Offer) -> None:
        """A batch that nobody was there for."""
        if not self.clients:
            self.past.offered += len(offer)
            self.past.dropped += len(offer)

    def left(self, client: Client) -> None:
        """A client is gone for good: what waited for it is dropped."""
        if client not in self.clients:
            return
        self.clients.remove(client)
        client.account.dropped += client.account.waiting
        for part in fields(Account):
            setattr(self.past, part.name, getattr(self.past, part.name) + getattr(client.account, part.name))

    async def run(self) -> None:
        """Speaks until cancelled."""
        ways = {
            "tcp": self._connect, "tls": self._connect, "listen": self._listen, "listen+tls": self._listen,
            "udp": self._datagrams, "multicast": self._datagrams, "mqtt": self._mqtt, "mqtts": self._mqtt,
            "nats": self._nats, "file": self._file,
        }  # fmt: skip
        if self.place.transport in ("http", "https"):
            self.clients.append(self._client(Asking))
        if self.served:
            return
        if self.config.durable:
            spool = self.node.spool
            most = spool.most_mb << 20
            self.backlog = Backlog(Path(spool.folder), self.name, most_bytes=most, most_age_s=spool.most_age_s)
        try:
            await retrying(self.name, ways[self.place.transport], self.told)
        finally:
            for client in list(self.clients):
                client.close()

    def _client(self, kind: Callable[..., Any], *more: Any) -> Any:
        return kind(self.name, self.stream, self.node.limits.queue_bytes, *more)

    def _first(self, kind: Callable[..., Any], *more: Any) -> Any:
        """The only client of a connection of ours: it outlives the connection."""
        if not self.clients:
            self.clients.append(self._client(kind, *more))
        return self.clients[0]

    async def _connect(self) -> bool:
        loop = asyncio.get_running_loop()
        over: asyncio.Future[str] = loop.create_future()
        ciphered = self.place.transport == "tls"
        context = client_context(self.config.tls) if ciphered else None
        name = (self.config.tls.server_name if self.config.tls else None) or self.place.host

        def ended(wire: Wire, reason: str) -> None:
            if not wire.over.done():  # type: ignore[attr-defined]
                wire.over.set_result(reason)  # type: ignore[attr-defined]

        if self.backlog is not None:
            wire = self._first(Durable, ended, self.backlog, ciphered)
        else:
            wire = self._first(Wire, ended)
        wire.over = over
        async with asyncio.timeout(_CONNECT_S):
            await loop.create_connection(
                lambda: wire, *self.place.place, ssl=context, server_hostname=name if context else None
            )
        self.told("connected", name=self.name)
        began = loop.time()
        reason = await over
        if reason and loop.time() - began < 1.0:
            raise EOFError(reason)  # a peer that refuses us at once is not asked again at once
        return True

    async def _listen(self) -> bool:
        loop = asyncio.get_running_loop()
        context = None
        if self.place.transport == "listen+tls":
            assert self.config.tls is not None
            context = server_context(self.config.tls)
        server = await loop.create_server(self._accepted, *self.place.place, ssl=context, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self.told("listening", name=self.name, port=self.port)
        try:
            await asyncio.Future()
        finally:
            server.close()
        return True

    def _accepted(self) -> asyncio.Protocol:
        def ended(wire: Wire, reason: str) -> None:
            if wire in self.clients:
                self.told("client_left", name=self.name, reason=reason, clients=len(self.clients) - 1)
            self.left(wire)

        wire: _Accepted = self._client(_Accepted, ended)
        wire.outlet = self
        return wire

    async def _datagrams(self) -> bool:
        family, kind, protocol, _, address = socket.getaddrinfo(*self.place.place, type=socket.SOCK_DGRAM)[0]
        wire = socket.socket(family, kind, protocol)
        if self.place.transport == "multicast":
            if family == socket.AF_INET6:
                wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, self.config.ttl)
            else:
                wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, struct.pack("b", self.config.ttl))
                if self.config.multicast_interface:
                    own = socket.inet_aton(self.config.multicast_interface)
                    wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
        client = self._client(Datagrams, wire, address)
        self.clients.append(client)
        try:
            await asyncio.Future()
        finally:
            client.close()
            self.left(client)
        return True

    async def _file(self) -> bool:
        client = self._client(File, self.place.path)
        self.clients.append(client)
        try:
            await asyncio.Future()
        finally:
            client.close()
            self.left(client)
        return True

    def _messages(self, offer: Offer) -> Iterator[tuple[str, bytes]]:
        """A message a row; what ends lines in a stream has no place there."""
        for number, topic in enumerate(offer.names):
            data = offer.data[int(offer.start[number]) : int(offer.start[number + 1])]
            yield topic, data.rstrip(b"\r\n") if self.place.link in LINES else data

    async def _mqtt(self) -> bool:
        client = self._first(Publishing, self.backlog)
        async with mqtt_client(self.place, self.config) as broker:
            self.told("connected", name=self.name)
            quality = 1 if self.backlog is not None else 0

            async def publish(offer: Offer) -> None:
                for topic, data in self._messages(offer):
                    await broker.publish(topic, data, qos=quality)

            await client.run(publish)
        return True

    async def _nats(self) -> bool:
        client = self._first(Publishing, self.backlog)
        async with nats_client(self.place, self.config) as broker:
            self.told("connected", name=self.name)

            async def publish(offer: Offer) -> None:
                for topic, data in self._messages(offer):
                    await broker.publish(topic, data)
                await broker.flush()

            await client.run(publish)
        return True

    async def websocket(self, wire: Any) -> None:
        """Serves one WebSocket client, until it goes."""
        if len(self.clients) >= self.config.most_clients:
            self.refused += 1
            await wire.close(1013)
            return
        client = self._client(Publishing)
        await wire.accept()
        self.clients.append(client)

        async def publish(offer: Offer) -> None:
            await wire.send_bytes(offer.data)

        async def listen() -> None:
            while (await wire.receive())["type"] != "websocket.disconnect":
                pass

        both = [asyncio.ensure_future(client.run(publish)), asyncio.ensure_future(listen())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            client.close()
            self.left(client)


class _Accepted(Wire):
    """A client of a listener: it is one once TLS, if any, is agreed on."""

    outlet: Outlet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self.outlet.clients) >= self.outlet.config.most_clients:
            self.outlet.refused += 1
            assert self.transport is not None
            self.transport.abort()
        else:
            self.outlet.clients.append(self)
