"""A relay at work: every batch, what came in is decoded and fused, and each customer is handed what is for it.

One event loop moves bytes; one worker thread owns the picture, decodes, chooses and writes, so that nothing needs a
lock. Time is the monotonic clock's, set by the system's at the start: when the system's clock jumps that is told, and
followed once it has stood for ``_BELIEVED_S``.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.fuse.joins import Joiner
from testigos.fuse.picture import Picture
from testigos.io.live import Arrival, Clock, HostClock
from testigos.links import gdl90
from testigos.registry import link as link_named
from testigos.relay.clients import Client, Durable
from testigos.relay.config import Config, Customer, Input, policy_of
from testigos.relay.endpoints import endpoint
from testigos.relay.inputs import Source, Told
from testigos.relay.logs import teller
from testigos.relay.mesh import Mesh
from testigos.relay.outlets import Outlet
from testigos.relay.policy import Rows, Rule
from testigos.relay.streams import Offer, Stream, distribute, states_told
from testigos.schema import ALL, PICTURE, STATES, conform
from testigos.units import S_NS

__all__ = ["Node"]

Ints = npt.NDArray[np.int64]

_JUMP_NS: Final = S_NS  #: more than a clock that is disciplined ever differs
_BELIEVED_S: Final = 30.0
_EARLY_BYTES: Final = 1 << 15  # some hundred reports


_NO_REPORTS: Final = conform(pl.DataFrame(), ALL).with_columns(
    pl.lit(None, pl.UInt16).alias("input"), pl.lit(None, pl.String).alias("link")
)


def _picture(node: str) -> Picture:
    """With room for a busy net: what it does not use is not taken from the system, but to grow takes time."""
    return Picture(node, joiner=Joiner(), room=8192)


class _NodeClock:
    """UTC that never jumps by itself."""

    def __init__(self, clock: Clock, told: Told) -> None:
        self._clock, self._told = clock, told
        self._offset_ns = clock.time_ns() - round(clock.monotonic() * 1e9)
        self._jumped_at: float | None = None
        self.jumps = 0

    def now_ns(self) -> int:
        return self._offset_ns + round(self._clock.monotonic() * 1e9)

    def check(self) -> int:
        """Looks at the system's clock; gives by how much this one was set, in ns."""
        apart = self._clock.time_ns() - self.now_ns()
        if abs(apart) < _JUMP_NS:
            self._jumped_at = None
            return 0
        now = self._clock.monotonic()
        if self._jumped_at is None:
            self._jumped_at = now
            self.jumps += 1
            self._told("clock_jump", seconds=round(apart / S_NS, 3), followed=False)
        elif now - self._jumped_at >= _BELIEVED_S:
            self._jumped_at = None
            self._offset_ns += apart
            self._told("clock_jump", seconds=round(apart / S_NS, 3), followed=True)
            return apart
        return 0


@dataclass
class Lag:
    """How long batches take: the last few thousand, in seconds."""

    work_s: list[float] = field(default_factory=list)
    skipped: int = 0

    def add(self, seconds: float) -> None:
        """One more batch."""
        self.work_s.append(seconds)
        if len(self.work_s) > 4096:
            del self.work_s[:2048]


class Node:
    """One relay. ``clock`` is for tests. Raises ``ConfigError`` where the configuration names what cannot be used."""

    def __init__(self, config: Config, *, clock: Clock | None = None, told: Told | None = None) -> None:
        self.config = config
        self.told = told or teller(config.name)
        self.clock = _NodeClock(clock or HostClock(), self.told)
        self.sources: list[Source] = []
        self.outlets: list[Outlet] = []
        self.picture = _picture(config.name)
        self.counters: Counter[str] = Counter()
        self.lag = Lag()
        self.mesh: Mesh | None = None
        self.started = asyncio.Event()
        self.now_ns = self.clock.now_ns()
        self.overloaded = False
        self.web_ports: dict[tuple[str, int], int] = {}
        self._tasks: dict[Any, asyncio.Task[None]] = {}
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="picture")
        self._inputs: list[Input] = []  # by number: never taken away, for the picture remembers numbers
        self._last_beat = 0
        self._turn = asyncio.Lock()  # between batches, when what the picture and the clients account for agrees
        for item in config.input:
            self._number(item)
        if config.mesh is not None:
            self.mesh = Mesh(config, self._mesh_input, self.clock.now_ns, self.told)
        for customer in config.customer:
            self.outlets.append(self._outlet(customer, config))

    # ---- what is configured ----

    def _number(self, item: Input) -> int:
        if item not in self._inputs:
            self._inputs.append(item)
        return self._inputs.index(item)

    def _mesh_input(self, node: str) -> int:
        """The number of another node's reports as an input."""
        return self._number(Input(url=f"mesh:{node}", name=f"mesh:{node}"))

    def _outlet(self, item: Customer, config: Config) -> Outlet:
        place = endpoint(item.url)
        barred = set()
        for number, source in enumerate(self._inputs):
            if source.name in item.not_from:
                barred.add(number)
            elif not source.url.startswith("mesh:"):
                heard = endpoint(source.url)
                if heard.place == place.place and not place.transport.startswith("listen") and place.port:
                    barred.add(number)
        licences = [i.licence for i in self._inputs]
        rule = Rule(
            policy_of(config, item), licences, frozenset(barred), states_told(place.link), config.batch_ms / 1000
        )
        rule = next((o.stream.rule for o in self.outlets if rule.mark and o.stream.rule.mark == rule.mark), rule)
        options: dict[str, Any] = {}
        if place.link == "gdl90" and item.ownship:
            options["ownship"] = item.ownship
        if place.link == "aivdm":
            options["station"] = config.name
        if place.link == "tak" and place.transport in ("udp", "multicast"):
            options["mesh"] = True
        return Outlet(item, Stream(place.link, rule, options), config, self.told)

    def _streams(self) -> list[Stream]:
        return list(dict.fromkeys(o.stream for o in self.outlets))

    async def reload(self, config: Config) -> None:
        """Goes on with another configuration: what is the same in both runs on untouched.

        The node's name, batches, spool, limits, web and mesh are those it was started with.
        """
        fixed = ("name", "batch_ms", "spool", "limits", "web", "mesh")
        changed = [name for name in fixed if getattr(config, name) != getattr(self.config, name)]
        if changed:
            self.told("needs_restart", settings=changed)
        for source in [s for s in self.sources if s.config not in config.input]:
            await self._end(source)
            self.sources.remove(source)
        for item in config.input:
            if item not in [s.config for s in self.sources]:
                self._start_source(item)
        kept = []
        for outlet in self.outlets:
            same = outlet.config in config.customer and policy_of(self.config, outlet.config) == policy_of(
                config, outlet.config
            )
            if same:
                kept.append(outlet)
            else:
                await self._end(outlet)
        held = [o.config for o in kept]
        fresh = [self._outlet(item, config) for item in config.customer if item not in held]
        self.outlets = kept + fresh
        self.config = config
        for outlet in fresh:
            if outlet.served and outlet.place.place not in self.web_ports:
                self.told("needs_restart", settings=[outlet.name])
            self._start(outlet)
        self.told("reloaded", inputs=len(self.sources), customers=len(self.outlets))

    def _start_source(self, item: Input) -> None:
        source = Source(self._number(item), item, self.config.limits, self.clock.now_ns, self.told)
        self.sources.append(source)
        self._start(source)

    def _start(self, what: Any) -> None:
        self._tasks[what] = asyncio.create_task(self._guarded(what))

    async def _guarded(self, what: Any) -> None:
        """One that fails by a defect of ours takes nobody with it: it is told, and begun again."""
        while True:
            try:
                await what.run()
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self.counters["failed"] += 1
                self.told("failed", name=getattr(what, "name", ""), reason=f"{error.__class__.__name__}: {error}")
                await asyncio.sleep(1.0)

    async def _end(self, what: Any) -> None:
        task = self._tasks.pop(what, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # ---- at work ----

    async def run(self, stop: asyncio.Event) -> None:
        """Relays until ``stop`` is set; then what is queued goes out, and all is closed."""
        from testigos.relay.web import serving

        for item in self.config.input:
            self._start_source(item)
        for outlet in self.outlets:
            self._start(outlet)
        if self.mesh is not None:
            self._start(self.mesh)
        async with serving(self):
            try:
                await self.in_worker(self._warm)
                for source in self.sources:  # a silence begins now
                    source.last_ns = self.clock.now_ns()
                self.started.set()
                await self._batches(stop)
            finally:
                for what in list(self._tasks):
                    await self._end(what)
                self._worker.shutdown(wait=True)

    def _warm(self) -> None:
        """Has kernels compiled before anybody waits for them: one row is written, read and fused in every format."""
        row = {
            "object_id": "icao:000001",
            "slot": 0,
            "status": "ok",
            "state": "live",
            "kind": "aircraft",
            "lat_deg": 1.0,
        }
        row |= {
            "lon_deg": 1.0,
            "alt_baro_ft": 1000.0,
            "gs_kt": 100.0,
            "track_deg": 90.0,
            "time_ns": self.clock.now_ns(),
        }
        row |= {"source": "adsb", "callsign": "TEST1", "squawk": "1234", "input": 0, "simulated": True}
        vessel = row | {"object_id": "mmsi:200000001", "kind": "vessel", "source": "ais", "vessel_name": "TEST"}
        table = conform(pl.DataFrame([row, vessel]), PICTURE)
        for stream in self._streams():
            stream.written(table)
        spare, now_ns = Picture("warm", joiner=Joiner()), self.clock.now_ns()
        for source in self.sources:
            feed = Source(source.number, source.config, source.limits, source.now_ns, lambda *_, **__: None).feed()
            link = link_named(source.place.link)
            data = link.pieces(table).data.tobytes() if hasattr(link, "pieces") else b""
            tables = feed.rows([Arrival(0, self.clock.now_ns(), data, ended=True)])
            reports = [t.with_columns(pl.lit(0, pl.UInt16).alias("input"), link=pl.lit(link.NAME)) for t in tables]
            spare.update(_together(reports), now_ns)
        for k in range(4):  # enough for tracks to be joined
            moved = (pl.col("time_ns") + k * S_NS // 10, pl.col("lon_deg") + k * 1e-4)
            report = table.select(c for c in table.columns if c in ALL).with_columns(*moved, link=pl.lit(""))
            report = report.with_columns(pl.lit(0, pl.UInt16).alias("input"))
            spare.update(_together([report]), now_ns + k * S_NS)

    async def _batches(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        period = self.config.batch_ms / 1000.0
        due = loop.time() + period

        async def pause(seconds: float) -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), min(seconds, period / 4))

        while not stop.is_set():
            while (left := due - loop.time()) > 0 and not self._busy() and not stop.is_set():
                await pause(left)
            async with self._turn:
                # who asks for the picture waits until what was taken of it has been told
                while (left := due - loop.time()) > 0 and not stop.is_set():
                    if left > period / 8:
                        await self._early()
                    await pause(due - loop.time())
                await asyncio.sleep(0)
                due += period
                behind = loop.time() - due
                if behind > period:  # work takes longer than batches last: larger batches cost less
                    self.lag.skipped += int(behind / period)
                    due = loop.time()
                self._overload(behind > 10 * period)
                await self._batch()

    def _busy(self) -> bool:
        """Whether so much waits that to begin with it makes the batch come sooner."""
        # other nodes are given what was heard by the batch
        return self.mesh is None and sum(f.size for s in self.sources for f in s.feeds) > _EARLY_BYTES

    async def _early(self) -> None:
        """Decodes and fuses what there is already, so that less is left to do when the batch is due."""
        taken = [(source, source.take()) for source in self.sources]
        await asyncio.get_running_loop().run_in_executor(self._worker, self._fuse, taken, [], self.clock.now_ns())

    def _overload(self, now: bool) -> None:
        if now != self.overloaded:
            self.overloaded = now
            self.told("overload" if now else "kept_up_again", skipped=self.lag.skipped)

    async def _batch(self) -> None:
        began = time.perf_counter()
        set_by = self.clock.check()
        if set_by < 0:
            self.picture = _picture(self.config.name)  # it would wait until the time is again what it was
            self.told("picture_begun_anew", seconds=round(set_by / S_NS, 3))
        self.now_ns = max(self.clock.now_ns(), 0)
        taken = [(source, source.take()) for source in self.sources]
        told = self.mesh.take() if self.mesh is not None else []
        behind = [c for o in self.outlets for c in o.clients if c.held and c.ready]
        loop = asyncio.get_running_loop()
        offers, late, dead, sent = await loop.run_in_executor(
            self._worker, self._work, taken, told, behind, self.now_ns
        )
        if self.mesh is not None:
            self.mesh.give(sent, self.now_ns)
        by_stream = dict(offers)
        beats = self._beats()
        for outlet in self.outlets:
            offer = by_stream.get(outlet.stream)
            beat = beats if outlet.stream.link == "gdl90" else b""
            if offer is not None and len(offer):
                outlet.unheard(offer)
            for client in outlet.clients:
                if beat:
                    client.beat(beat)
                if len(dead):
                    client.expire(dead)
                if offer is not None and (len(offer) or isinstance(client, Durable)):
                    client.give(offer, self.now_ns)
        for client, offer, settled, over in late:
            client.catch_up(offer, settled, over)
        for source in self.sources:
            source.check()
        self._trouble()
        self.lag.add(time.perf_counter() - began)

    def _beats(self) -> bytes:
        """GDL 90 has a heartbeat every second."""
        second = self.now_ns // S_NS
        if second == self._last_beat:
            return b""
        self._last_beat = second
        return gdl90.heartbeat(second)

    def _trouble(self) -> None:
        for outlet in self.outlets:
            for client in outlet.clients:
                about = getattr(client, "trouble", None) or (outlet.backlog.trouble if outlet.backlog else None)
                if about != getattr(client, "told_of", None):
                    client.told_of = about  # type: ignore[attr-defined]
                    self.told("spool" if about else "spool_well_again", name=client.name, reason=about)

    def _fuse(self, taken: list[tuple[Source, Any]], told: list[Any], now_ns: int) -> None:
        """In the worker: from bytes to the picture."""
        tables = [table for source, feeds in taken for table in source.decode(feeds)]
        if self.mesh is not None:
            tables += self.mesh.decode(told)
        reports = _together(tables)
        self.counters["reports"] += len(reports)
        self.picture.take(reports, now_ns)

    def _work(
        self, taken: list[tuple[Source, Any]], told: list[Any], behind: list[Client], now_ns: int
    ) -> tuple[list[tuple[Stream, Offer]], list[tuple[Client, Offer, Ints, Ints]], Ints, Any]:
        """In the worker: from bytes to what each stream has."""
        self._fuse(taken, told, now_ns)
        table = self.picture.changes(now_ns)
        self.counters["updates"] += len(table)
        rows = Rows(self._marked(table))
        offers = distribute(self._streams(), rows, now_ns, self._current)
        dead = rows.gone
        for stream in self._streams():
            stream.forget(dead)
        late = [(client, *self._caught_up(client)) for client in behind]
        sent = self.mesh.prepared(taken, rows.table) if self.mesh is not None else None
        return offers, late, dead, sent

    def _marked(self, table: pl.DataFrame) -> pl.DataFrame:
        """This node is one more that it came through."""
        name, via = self.config.name, table.get_column("via")
        if via.null_count() == len(via):
            return table.with_columns(pl.Series("via", [name]).new_from_index(0, len(via)))
        return table.with_columns(via=pl.when(pl.col("via").is_null()).then(pl.lit(name)).otherwise(via + " " + name))

    def _current(self, slots: Ints) -> pl.DataFrame:
        """Rows of slots as they are now; the dead are left out."""
        return self._marked(self.picture.rows(slots.astype(np.uint32)))

    def _caught_up(self, client: Client) -> tuple[Offer, Ints, Ints]:
        slots = client.waiting_slots
        return client.stream.caught_up(self._current(slots), slots, client.room)

    async def in_worker(self, work: Callable[[], Any]) -> Any:
        """Something that looks at the picture, between two batches."""
        async with self._turn:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def whole(self, stream: Stream) -> pl.DataFrame:
        """In the worker: all objects that a stream shows, as its customers may see them."""
        if stream.shown is not None or stream.keeps:
            table = stream.shown if stream.shown is not None else conform(pl.DataFrame(), PICTURE)
        else:
            table = self._marked(self.picture.rows())
            table = table[stream.rule.passing(Rows(table), late=True).own]
        return stream.rule.shaped(table)

    def settled(self) -> dict[str, int]:
        """Objects by state."""
        counted = dict.fromkeys(STATES, 0)
        for state, count in self.picture.rows()["state"].value_counts().iter_rows():
            counted[str(state)] = count
        return counted


def _together(tables: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Reports as the picture takes them: what it can use of each table."""
    wanted = [table for table in tables if len(table)]
    if not wanted:
        return _NO_REPORTS  # most batches of a quiet relay: to make it anew would cost the most of them
    return pl.concat(wanted, how="diagonal")
