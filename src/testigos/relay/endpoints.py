"""Where a relay hears and speaks: ``format+transport://host:port/path``.

=========== ============================================ ==========================================================
transport   as an input                                  as a customer
=========== ============================================ ==========================================================
tcp, tls    connects, and again when it breaks           the same
listen      accepts connections (tls: ``listen+tls``)    accepts any number of connections, each a client
udp         receives datagrams at the port               sends datagrams to the host
multicast   joins the group                              sends to the group
http, https asks for the document every second           serves the document, as the node's own web server
ws, wss     connects                                     accepts WebSocket clients
mqtt, mqtts subscribes to the topic (``#`` and ``+``)    publishes, ``{object_id}`` and ``{kind}`` in the topic
nats        subscribes to the subject                    publishes
file        reads to the end, then what is appended      appends
=========== ============================================ ==========================================================

Without a host it is the loopback address: a listener is open to others only where it is told so (``0.0.0.0``).
"""

import re
from typing import Final, NamedTuple

from testigos.errors import InputError, UnknownName
from testigos.registry import link_names

__all__ = ["Endpoint", "endpoint"]

TRANSPORTS: Final = (
    *("tcp", "tls", "listen", "listen+tls", "udp", "multicast", "http", "https", "ws", "wss", "mqtt", "mqtts"),
    *("nats", "file"),
)
_URL: Final = re.compile(
    r"([a-z0-9_]+)\+([a-z]+(?:\+tls)?)://(?:([^@/]*)@)?(\[[0-9a-fA-F:.%]+\]|[^\[\]:/?#@\s]*)(?::(\d+))?(/[^\s]*)?"
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "mqtt": 1883, "mqtts": 8883, "nats": 4222}


class Endpoint(NamedTuple):
    """The parts of a URL; ``link`` is the format, ``path`` begins with a slash or is empty."""

    link: str
    transport: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        if self.transport == "file":
            return f"{self.link}+file://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.link}+{self.transport}://{host}:{self.port}{self.path}"

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port


def endpoint(url: str) -> Endpoint:
    """The parts of a URL. Raises ``InputError``, ``UnknownName`` for a format that is none.

    >>> endpoint("cot+tls://tak:8089")
    Endpoint(link='cot', transport='tls', host='tak', port=8089, path='')
    >>> str(endpoint("sbs+listen://:30003"))
    'sbs+listen://127.0.0.1:30003'
    """
    found = _URL.fullmatch(url.strip())
    if found is None:
        raise InputError(
            f"{url!r} is no address: write format+transport://host:port, such as beast+tcp://127.0.0.1:30005"
        )
    name, transport, user, host, port, path = found.groups()
    if user is not None:
        raise InputError(
            f"{name}+{transport}://{host}: a name or password does not belong into an address; "
            "give user, and password_file or password_env"
        )
    if name not in link_names():
        raise UnknownName("link", name, link_names())
    if transport not in TRANSPORTS:
        raise UnknownName("transport", transport, TRANSPORTS)
    if transport == "file":
        if host or port or not path:
            raise InputError(f"{url!r}: a file is named by its whole path, as in {name}+file:///var/log/feed.{name}")
        return Endpoint(name, transport, "", 0, path)
    number = int(port) if port else _DEFAULT_PORTS.get(transport, 0)
    if not 0 < number < 1 << 16 and not (port == "0" and transport in ("listen", "listen+tls", "udp")):
        raise InputError(f"{url!r}: name a port from 1 to 65535")
    return Endpoint(name, transport, host.strip("[]") or "127.0.0.1", number, path or "")
