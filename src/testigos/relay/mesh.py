"""Nodes that share what they hear, over NATS JetStream.

Each node has a stream of its own, ``testigos_<node>``, at its own broker: what it gives is kept there for whoever was
away, and waits in a backlog on this machine while the broker is. Its peers read that stream, each with a durable
consumer, through whatever leaf nodes lie between; one that is cut off goes on alone and catches up when it is back.

Shared are the raw frames (``raw``: every node decodes and fuses the same reports, so that their pictures agree) or the
node's picture (``tracks``: less to carry, but fused before it is fused). A message holds one batch::

    zstd(MessagePack [{"n": node, "k": "raw", "f": feed, "i": input, "l": link, "o": options, "e": ends, "d": …}, …])

``"k": "tracks"`` has lines of ``jsonl`` as ``"d"``.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
import zstandard

from testigos.errors import TestigosError
from testigos.io.follow import Following
from testigos.links._modes import Options
from testigos.model import iso_utc
from testigos.registry import Link
from testigos.registry import link as link_named
from testigos.relay.clients import Publishing
from testigos.relay.config import Config, Policy
from testigos.relay.inputs import FUSED, Source, Told, retrying
from testigos.relay.policy import Rule
from testigos.relay.secrets import client_context, password
from testigos.relay.spool import Backlog
from testigos.relay.streams import Offer, Stream

__all__ = ["Mesh"]

_MESSAGE_BYTES: Final = 512 << 10  # a NATS server takes 1 MiB by default
_LONGEST_BYTES: Final = 64 << 20  # what a message may unpack to
_FIRST_S: Final = 600.0  # how far back a node reads a peer that it never read before
_HELD: Final = 256  # messages that wait for the next batch
_FOLLOWED: Final = 4096  # feeds of a peer that are remembered


class _Part(msgspec.Struct, omit_defaults=True):
    """What one feed said in a batch."""

    n: str
    k: str
    d: bytes
    f: str = ""
    i: str = ""
    l: str = ""
    o: dict[str, Any] = {}
    e: bool = False  # what is unfinished will stay so


_READER: Final = msgspec.msgpack.Decoder(list[_Part])


def pack(parts: list[_Part]) -> list[bytes]:
    """Messages that hold the parts, each small enough."""
    messages: list[bytes] = []
    some: list[_Part] = []
    size = 0
    for part in parts:
        for at in range(0, len(part.d), _MESSAGE_BYTES):
            last = at + _MESSAGE_BYTES >= len(part.d)
            piece = msgspec.structs.replace(part, d=part.d[at : at + _MESSAGE_BYTES], e=part.e and last)
            if some and size + len(piece.d) > _MESSAGE_BYTES:
                messages.append(_packed(some))
                some, size = [], 0
            some.append(piece)
            size += len(piece.d)
    if some:
        messages.append(_packed(some))
    return messages


def _packed(parts: list[_Part]) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(parts))


def unpack(message: bytes) -> list[_Part]:
    """The parts of a message. Raises ``ValueError`` on bytes that are none."""
    try:
        plain = zstandard.ZstdDecompressor().decompress(message, max_output_size=_LONGEST_BYTES)
        return _READER.decode(plain)
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise ValueError(f"no message of a mesh: {error}") from None


def _made(part: _Part) -> Link:
    link = link_named(part.l)
    if part.o and hasattr(link, "configured"):
        made: Link = link.configured(Options.from_dict(part.o))
        return made
    return link


@dataclass(eq=False)
class Mesh:
    """This node among others. ``number``: the number of a peer's reports as an input."""

    config: Config
    number: Callable[[str], int]
    now_ns: Callable[[], int]
    told: Told
    name: str = "mesh"
    held: list[Any] = field(default_factory=list)
    connected: bool = False
    counters: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        assert self.config.mesh is not None
        self.mesh = self.config.mesh
        spool = self.config.spool
        self._backlog = Backlog(
            Path(spool.folder),
            f"mesh {self.config.name}",
            most_bytes=self.mesh.keep_mb << 20,
            most_age_s=self.mesh.keep_s,
        )
        self.client = Publishing(self.name, Stream("jsonl", Rule(Policy())), 4 << 20, self._backlog)
        self._followed: dict[tuple[str, str], Following] = {}
        for peer in self.mesh.peers:
            self.number(peer)
        self._last: dict[str, int] = {}  # numbers in peers' streams
        self._sequence = 0

    # ---- giving ----

    def prepared(self, taken: list[tuple[Source, Any]], table: pl.DataFrame) -> list[bytes]:
        """In the worker: the messages of a batch."""
        node = self.config.name
        if self.mesh.share == "tracks":
            if not len(table):
                return []
            pieces = link_named("jsonl").pieces(table.drop("slot", "input", "offset"))  # type: ignore[attr-defined]
            return pack([_Part(n=node, k="tracks", d=pieces.data.tobytes())]) if len(pieces.data) else []
        parts = []
        for source, feeds in taken:
            for feed, _ in feeds:
                if feed.recorded:
                    link, options = feed.link.NAME, getattr(feed.link, "options", None)
                    told = options.as_dict() if isinstance(options, Options) else {}
                    data, ends = b"".join(feed.recorded), feed.apart or feed.whole
                    parts.append(
                        _Part(
                            n=node,
                            k="raw",
                            f=feed.serial,
                            i=source.name,
                            l=link,
                            o=told,
                            d=data,
                            e=ends,
                        )
                    )
        return pack(parts)

    def give(self, messages: list[bytes], now_ns: int) -> None:
        """Into the backlog, and from there to the broker."""
        for message in messages:
            # unique, so that the broker drops what it was given twice
            name = f"{self.config.name}.{now_ns}.{self._sequence}"
            self._sequence += 1
            one = Offer(message, np.array([0, len(message)], np.int64), np.zeros(1, np.int64), (name,))
            self.client.give(one, now_ns)

    # ---- taking ----

    def take(self) -> list[Any]:
        """Messages that came since the last batch."""
        taken, self.held = self.held, []
        return taken

    def decode(self, taken: list[Any]) -> list[pl.DataFrame]:
        """In the worker: reports in messages of peers."""
        tables = []
        for data in taken:
            try:
                parts = unpack(data)
            except ValueError:
                self.counters["malformed"] += 1
                continue
            for part in parts:
                if part.n not in self.mesh.peers:
                    self.counters["stranger"] += 1
                    continue
                try:
                    tables.append(self._rows(part))
                except (TestigosError, ValueError, TypeError):
                    self.counters["malformed"] += 1
        return [table for table in tables if len(table)]

    def _rows(self, part: _Part) -> pl.DataFrame:
        self.counters["parts"] += 1
        key = part.n, part.f if part.k == "raw" else "tracks"
        following = self._followed.get(key)
        if following is None:
            link = _made(part) if part.k == "raw" else link_named("jsonl")
            while len(self._followed) >= _FOLLOWED:
                del self._followed[next(iter(self._followed))]
            following = self._followed[key] = Following(part.i or part.n, link, FUSED)
        table, _ = following.add(part.d, final=part.e)
        if following.unfinished > self.config.limits.message_bytes:
            following.add(b"", final=True)
        through = pl.lit(part.n)
        via = pl.coalesce("via", through) if part.k != "raw" and "via" in table.columns else through
        return table.with_columns(
            via.alias("via"),
            pl.lit(self.number(part.n), pl.UInt16).alias("input"),
            pl.lit(following.link.NAME).alias("link"),
        )

    # ---- the broker ----

    async def run(self) -> None:
        """Gives and takes until cancelled."""
        try:
            await retrying(self.name, self._connected, self.told)
        finally:
            self.client.close()

    async def _connected(self) -> bool:
        import nats

        secret = password(self.mesh)
        gone = asyncio.get_running_loop().create_future()

        async def closed() -> None:
            if not gone.done():
                gone.set_result(None)

        async def quiet(error: Exception) -> None:
            """What goes wrong ends the connection, and is told then."""

        broker = await nats.connect(
            self.mesh.url, allow_reconnect=False, max_reconnect_attempts=1, connect_timeout=10,
            closed_cb=closed, error_cb=quiet,
            user=self.mesh.user, password=secret, ping_interval=10, max_outstanding_pings=2,
            tls=client_context(self.mesh.tls) if self.mesh.tls is not None else None,
        )  # fmt: skip
        tasks = [asyncio.ensure_future(self._give(broker))]
        tasks += [asyncio.ensure_future(self._take(broker, peer, domain)) for peer, domain in self.mesh.peers.items()]
        self.connected = True
        self.told("connected", name=self.name)
        try:
            done, _ = await asyncio.wait([gone, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task is not gone:
                    task.result()
        finally:
            self.connected = False
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(Exception):
                await broker.close()
        return True

    async def _give(self, broker: Any) -> None:
        from nats.js.api import DiscardPolicy, StorageType, StreamConfig

        own = f"testigos_{self.config.name}"
        jets = broker.jetstream(domain=self.mesh.domain) if self.mesh.domain else broker.jetstream()
        wanted = StreamConfig(
            name=own, subjects=[f"testigos.{self.config.name}.>"], storage=StorageType.FILE,
            discard=DiscardPolicy.OLD, max_bytes=self.mesh.keep_mb << 20, max_age=self.mesh.keep_s,
        )  # fmt: skip
        await jets.add_stream(wanted)
        subject = f"testigos.{self.config.name}.{self.mesh.share}"

        async def publish(offer: Offer) -> None:
            await jets.publish(subject, offer.data, headers={"Nats-Msg-Id": offer.names[0]}, stream=own)

        await self.client.run(publish)

    async def _take(self, broker: Any, peer: str, domain: str) -> None:
        from nats.errors import TimeoutError as NoMessage
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
        from nats.js.errors import NotFoundError

        jets = broker.jetstream(domain=domain) if domain else broker.jetstream()
        stream, durable = f"testigos_{peer}", self.config.name
        while True:
            try:
                try:
                    await jets.consumer_info(stream, durable)
                except NotFoundError:
                    self._last[peer] = 0
                    since = iso_utc(self.now_ns() - round(_FIRST_S * 1e9))
                    await jets.add_consumer(
                        stream,
                        ConsumerConfig(
                            durable_name=durable, ack_policy=AckPolicy.ALL, deliver_policy=DeliverPolicy.BY_START_TIME,
                            opt_start_time=since,  # type: ignore[arg-type]
                            max_ack_pending=-1,
                        ),
                    )  # fmt: skip
                pull = await jets.pull_subscribe_bind(durable=durable, stream=stream)
                self.told("connected", name=f"mesh:{peer}")
                while True:
                    if len(self.held) >= _HELD:
                        await asyncio.sleep(self.config.batch_ms / 1000.0)
                        continue
                    try:
                        messages = await pull.fetch(64, timeout=5)
                    except (NoMessage, TimeoutError):
                        await jets.consumer_info(stream, durable)  # is it still there?
                        continue
                    for message in messages:
                        # what was not acknowledged before a break comes again
                        number = message.metadata.sequence.stream
                        if number > self._last.get(peer, 0):
                            self._last[peer] = number
                            self.held.append(message.data)
                    if messages:
                        await messages[-1].ack()
            except _absent() as error:
                # the peer's broker cannot be reached, or it never gave anything: later
                self.told("peer_away", name=f"mesh:{peer}", reason=str(error) or error.__class__.__name__)
                await asyncio.sleep(2.0)


def _absent() -> tuple[type[Exception], ...]:
    import nats.errors
    import nats.js.errors

    return (nats.js.errors.Error, nats.errors.NoRespondersError, nats.errors.TimeoutError, TimeoutError)
