"""A relay from start to end: from a file, that is read again when it changes, or from what the command line says."""

import asyncio
import contextlib
import gc
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from testigos.errors import ConfigError
from testigos.relay.config import Config, Customer, Input, load
from testigos.relay.endpoints import endpoint
from testigos.relay.logs import teller
from testigos.relay.node import Node

__all__ = ["check", "run"]

_LOOK_S = 1.0


def check(config: Config) -> list[str]:
    """Makes all that a node needs but connections, and says in a line each what it would do. Raises ``ConfigError``."""
    from testigos.relay.secrets import client_context, password, server_context

    everybody: list[Input | Customer] = [*config.input, *config.customer]
    for item in everybody:
        place = endpoint(item.url)
        password(item)
        if place.transport in ("tls", "wss", "https", "mqtts") and not (
            place.transport in ("wss", "https") and item in config.customer
        ):
            client_context(item.tls)
        elif item.tls is not None and item.tls.cert is not None:
            server_context(item.tls)
    told = [f"node {config.name}: a batch every {config.batch_ms} ms"]
    told += [f"hears {i.name}" + (f" ({i.url})" if i.name != i.url else "") for i in config.input]
    for customer in config.customer:
        kept = ", what it misses is kept" if customer.durable else ""
        told.append(f"tells {customer.name}" + (f" ({customer.url})" if customer.name != customer.url else "") + kept)
    if config.mesh is not None:
        told.append(
            f"shares {config.mesh.share} by {config.mesh.url} with {', '.join(config.mesh.peers) or 'nobody yet'}"
        )
    if config.web is not None:
        told.append(f"serves its state at http://{config.web.host}:{config.web.port}/")
    return told


def run(
    source: Config | Path, *, stop: Callable[[], bool] | None = None, ready: Callable[[Node], None] | None = None
) -> None:
    """Relays until told to stop, by SIGINT, SIGTERM or ``stop``.

    A file is read again when it changes and on SIGHUP; one that cannot be is refused with the line and the reason, and
    the relay goes on as before. ``ready`` is given the node when it is at work. Raises ``ConfigError``.
    """
    config = load(source) if isinstance(source, Path) else source
    asyncio.run(_run(config, source if isinstance(source, Path) else None, stop, ready))


async def _run(
    config: Config, file: Path | None, stop: Callable[[], bool] | None, ready: Callable[[Node], None] | None
) -> None:
    node = Node(config)
    told = teller(config.name)
    ending, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def end(number: int) -> None:
        if ending.is_set():  # the second time at once, even if kernels are being compiled
            os._exit(128 + number)
        ending.set()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end, number)
        loop.add_signal_handler(signal.SIGHUP, again.set)

    async def watch() -> None:
        seen = _stamp(file)
        while not ending.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(again.wait(), _LOOK_S)
            if stop is not None and stop():
                ending.set()
            now = _stamp(file)
            if file is None or not (again.is_set() or now != seen):
                again.clear()
                continue
            again.clear()
            seen = now
            try:
                fresh = load(file)
                check(fresh)
                await node.reload(fresh)
            except ConfigError as error:
                told("config_refused", reason=str(error), line=error.line)

    watching = asyncio.create_task(watch())

    async def announce() -> None:
        await node.started.wait()
        if threading.current_thread() is threading.main_thread():  # the process is ours
            gc.collect()
            gc.freeze()  # what is there now stays: to look through it for what is of no use would delay a batch
        told("started", inputs=len(node.sources), customers=len(node.outlets))
        if ready is not None:
            ready(node)

    announcing = asyncio.create_task(announce())
    try:
        await node.run(ending)
        told("stopped")
    finally:
        watching.cancel()
        announcing.cancel()
        await asyncio.gather(watching, announcing, return_exceptions=True)


def _stamp(file: Path | None) -> tuple[int, int] | None:
    if file is None:
        return None
    with contextlib.suppress(OSError):
        told = os.stat(file)
        return told.st_mtime_ns, told.st_size
    return None
