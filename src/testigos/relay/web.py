"""What a relay serves by HTTP: documents and WebSockets of customers, health, numbers, and a page for people.

One server an address. Which document a path is, is asked at each request, so that a reload needs no new server.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from testigos.links import readsb_json
from testigos.relay.clients import Asking
from testigos.relay.config import Tls
from testigos.relay.health import health, metrics, page, status
from testigos.relay.outlets import Outlet
from testigos.relay.secrets import server_context

__all__ = ["serving"]

_TYPES = {
    "readsb_json": "application/json", "geojson": "application/geo+json", "jsonl": "application/x-ndjson",
    "cot": "application/xml", "sbs": "text/csv", "signalk": "application/x-ndjson", "aivdm": "text/plain",
}  # fmt: skip
#: Pages of another origin, such as a tar1090 elsewhere, may read what anybody may.
_OPEN = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}


class _Server(uvicorn.Server):
    """One of several, in a process that has signal handlers of its own."""

    def capture_signals(self) -> Any:
        """None are."""
        return contextlib.nullcontext()


@contextlib.asynccontextmanager
async def serving(node: Any) -> AsyncIterator[None]:
    """Serves what the node's configuration asks for, as long as the block lasts. Raises ``OSError``."""
    addresses: dict[tuple[str, int], tuple[Tls | None, bool]] = {}
    for outlet in node.outlets:
        if outlet.served:
            tls = outlet.config.tls if outlet.place.transport in ("https", "wss") else None
            addresses.setdefault(outlet.place.place, (tls, False))
    web = node.config.web
    if web is not None:
        addresses[web.host, web.port] = (web.tls, True)
    servers, tasks = [], []
    node.web_ports = {}
    try:
        for (host, port), (tls, told) in addresses.items():
            config = uvicorn.Config(
                _app(node, (host, port), told), host=host, port=port, log_config=None, lifespan="off",
                access_log=False, limit_concurrency=node.config.limits.clients, ws_max_size=1 << 16,
                timeout_graceful_shutdown=1, server_header=False,
            )  # fmt: skip
            config.load()
            if tls is not None:
                config.ssl = server_context(tls)
            wire = config.bind_socket() if port == 0 else None
            server = _Server(config)
            servers.append(server)
            tasks.append(asyncio.create_task(_served(server, [wire] if wire else None)))
            while not server.started:
                if tasks[-1].done():
                    raise OSError(f"{host}:{port} cannot be served: {tasks[-1].exception() or 'it is taken'}")
                await asyncio.sleep(0.01)
            node.web_ports[host, port] = server.servers[0].sockets[0].getsockname()[1]
            node.told("serving", host=host, port=node.web_ports[host, port])
        yield
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks, return_exceptions=True)


async def _served(server: _Server, sockets: Any) -> None:
    try:
        await server.serve(sockets)
    except SystemExit:  # uvicorn's way to say that an address is taken
        raise OSError("the address is taken") from None


def _app(node: Any, address: tuple[str, int], told: bool) -> Starlette:
    def outlet_at(path: str, transports: tuple[str, ...]) -> Outlet | None:
        outlets: list[Outlet] = node.outlets
        for outlet in outlets:
            place = outlet.place
            if place.place == address and place.transport in transports and path == (place.path or "/"):
                return outlet
        return None

    async def document(request: Request) -> Response:
        path = request.url.path
        outlet = outlet_at(path, ("http", "https"))
        if outlet is not None:
            return await _document(node, outlet)
        folder, _, last = path.rpartition("/")
        if last == "receiver.json":
            outlet = outlet_at(f"{folder}/aircraft.json", ("http", "https"))
            if outlet is not None and outlet.stream.link == "readsb_json":
                data = readsb_json.receiver(None, None, f"testigos {version('testigos')}", 1000)
                return Response(data, media_type="application/json", headers=_OPEN)
        return Response("not found\n", 404, media_type="text/plain")

    async def socket(wire: WebSocket) -> None:
        outlet = outlet_at(wire.url.path, ("ws", "wss"))
        if outlet is None:
            await wire.close(1008)
            return
        await outlet.websocket(wire)

    async def numbers(request: Request) -> Response:
        data, kind = await node.in_worker(lambda: metrics(node))
        return Response(data, headers={"Content-Type": kind})

    async def well(request: Request) -> Response:
        told = health(node)
        return JSONResponse(told, 200 if told["status"] == "ok" else 503)

    async def shown(request: Request) -> Response:
        return JSONResponse(await node.in_worker(lambda: status(node)))

    async def people(request: Request) -> Response:
        return HTMLResponse(page(await node.in_worker(lambda: status(node))))

    routes: list[Any] = []
    if told:
        routes += [Route("/metrics", numbers), Route("/healthz", well), Route("/status.json", shown)]
        routes += [Route("/", people)]
    routes += [Route("/{path:path}", document), WebSocketRoute("/{path:path}", socket)]
    return Starlette(routes=routes)


async def _document(node: Any, outlet: Outlet) -> Response:
    """The whole picture as the customer may see it; what was news since the last time counts as sent."""
    stream = outlet.stream

    def made() -> bytes:
        table = node.whole(stream)
        if stream.link == "readsb_json":
            return readsb_json.encode(table, now_ns=node.now_ns)
        data = _plain(stream, table)
        if stream.link == "geojson":
            return b'{"type":"FeatureCollection","features":[' + b",".join(data.splitlines()) + b"]}\n"
        return data

    data = await node.in_worker(made)
    for client in outlet.clients:
        if isinstance(client, Asking):
            client.asked(len(data))
    return Response(data, media_type=_TYPES.get(stream.link, "application/octet-stream"), headers=_OPEN)


def _plain(stream: Any, table: Any) -> bytes:
    from testigos.registry import link as link_named

    pieces = link_named(stream.link).pieces(table, **stream.options)  # type: ignore[attr-defined]
    data: bytes = pieces.data.tobytes()
    return data
