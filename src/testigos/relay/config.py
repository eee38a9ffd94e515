"""What a relay is told: a TOML file, or addresses on the command line.

Every setting is a field of one of the classes here; unknown ones are refused, with their line. Secrets stand in files
or in the environment, never here.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from testigos.errors import ConfigError, TestigosError
from testigos.registry import link
from testigos.relay.endpoints import Endpoint, endpoint
from testigos.schema import KINDS, PICTURE

__all__ = ["Config", "Customer", "Input", "Limits", "Mesh", "Policy", "Spool", "Tls", "Web", "from_urls", "load"]


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Certificates, as PEM files. Whom one connects to is verified against ``ca``, or what the system trusts.

    A listener that is given ``ca`` takes only clients with a certificate of it. ``verify`` is false in tests alone.
    """

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    key_password_file: str | None = None
    key_password_env: str | None = None
    server_name: str | None = None
    verify: bool = True


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a customer may have. Nothing is withheld by what is not said.

    ``area``: west, south, east, north in degrees; west may exceed east. ``area_file``: a GeoJSON file. ``alt_ft``:
    lowest and highest, by whichever altitude is known; unknown ones pass unless ``alt_known``. ``only`` and ``never``:
    object ids, call signs or registrations, ``*`` at the end stands for anything; ``only_file`` and ``never_file`` have
    one a line. ``every_s``: the least time between two updates of an object. ``decimals``: of degrees. ``delay_s``: how
    long everything is held back. ``fields`` and ``without``: columns. ``most_radius_m``, ``least_nic``: objects of
    worse or unknown integrity are withheld. ``privacy``: ``honour`` withholds what asks not to be tracked, and those
    in ``privacy_file``. ``licences``: of the inputs whose positions may be passed on.
    """

    area: tuple[float, float, float, float] | None = None
    area_file: str | None = None
    alt_ft: tuple[float, float] | None = None
    alt_known: bool = False
    kinds: tuple[str, ...] | None = None
    only: tuple[str, ...] | None = None
    only_file: str | None = None
    never: tuple[str, ...] = ()
    never_file: str | None = None
    military: Literal["any", "only", "none"] = "any"
    simulated: Literal["any", "only", "none"] = "any"
    every_s: float = 0.0
    decimals: int | None = None
    delay_s: float = 0.0
    fields: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    most_radius_m: float | None = None
    least_nic: int | None = None
    privacy: Literal["ignore", "honour"] = "ignore"
    privacy_file: str | None = None
    licences: tuple[str, ...] | None = None


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One net that is heard. ``receiver``: latitude and longitude of the receiver or radar, where raw frames need it.

    ``silent_s``: after which silence it is told. ``multicast_interface``: the address of the interface.
    """

    url: str
    name: str = ""
    licence: str | None = None
    receiver: tuple[float, float] | None = None
    range_m: float | None = None
    silent_s: float = 60.0
    every_s: float = 1.0
    tls: Tls | None = None
    user: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    multicast_interface: str | None = None


class Customer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the picture goes to. ``policy``: its name, or the settings themselves.

    ``durable``: what it should have had while it was away is kept on disk and given to it on its return.
    ``not_from``: inputs whose positions it is never given (it hears them itself); the input at the same host and port
    is always one. ``ownship``: the object that GDL 90 calls ownship. ``most_clients``: of a listener.
    """

    url: str
    name: str = ""
    policy: str | Policy = Policy()
    durable: bool = False
    not_from: tuple[str, ...] = ()
    tls: Tls | None = None
    user: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    ownship: str | None = None
    most_clients: int = 1000
    multicast_interface: str | None = None
    ttl: int = 1


class Web(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where ``/metrics``, ``/healthz`` and the status page are served; null: nowhere."""

    host: str = "127.0.0.1"
    port: int = 0
    tls: Tls | None = None


class Spool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where durable customers' updates wait, and how much of them: the oldest give way."""

    folder: str = "spool"
    most_mb: int = 1024
    most_age_s: float = 86_400.0


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Against peers that send too much: bytes of one message, bytes of one input in a batch, clients in all."""

    message_bytes: int = 1 << 20
    batch_bytes: int = 8 << 20
    clients: int = 10_000
    queue_bytes: int = 256 << 10


class Mesh(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Other nodes, over NATS JetStream. ``url``: this node's broker, ``nats://host:port``.

    ``domain``: its JetStream domain, where brokers are leaf nodes of each other. ``peers``: node names, each with the
    domain of its broker (empty: the same). ``share``: what this node gives, its raw frames or its picture.
    """

    url: str
    domain: str | None = None
    peers: dict[str, str] = {}
    share: Literal["raw", "tracks"] = "raw"
    keep_mb: int = 1024
    keep_s: float = 86_400.0
    tls: Tls | None = None
    user: str | None = None
    password_file: str | None = None
    password_env: str | None = None


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A relay. ``name`` marks what it passes on, so that nothing comes round again."""

    name: str = "testigos"
    batch_ms: int = 100
    input: tuple[Input, ...] = ()
    customer: tuple[Customer, ...] = ()
    policy: dict[str, Policy] = {}
    web: Web | None = None
    spool: Spool = Spool()
    limits: Limits = Limits()
    mesh: Mesh | None = None


_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SERVED: Final = ("http", "https", "ws", "wss")
_DURABLE: Final = ("tcp", "tls", "mqtt", "mqtts", "nats")


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Number, table (as ``customer[1]``) and key of every line that says something."""
    table, seen = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if head := re.match(r"\[\[\s*([^\]]+?)\s*\]\]", bare):
            seen[head[1]] = seen.get(head[1], -1) + 1
            table = f"{head[1]}[{seen[head[1]]}]"
            yield number, table, ""
        elif head := re.match(r"\[\s*([^\]]+?)\s*\]", bare):
            outer = head[1].partition(".")[0]
            table = head[1].replace(outer, f"{outer}[{seen[outer]}]", 1) if outer in seen else head[1]
            yield number, table, ""
        elif key := re.match(r"([A-Za-z0-9_.\"'-]+)\s*=", bare):
            yield number, table, key[1]


def _line_of(text: str, path: str) -> int | None:
    """The line of what stands at a path such as ``customer[0].tls.ca``: that of its nearest part that is found."""
    best, length = None, 0
    for number, table, key in _lines(text):
        whole = f"{table}.{key}".strip(".") if key else table
        if (path == whole or path.startswith((whole + ".", whole + "["))) and len(whole) > length:
            best, length = number, len(whole)
    return best


def load(path: str | os.PathLike[str]) -> Config:
    """The configuration in a file; paths in it are from its folder. Raises ``ConfigError`` with line and reason."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from None
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        line = int(at[1]) if at else None
        raise ConfigError(f"{file}{f', line {line}' if line else ''}: no TOML: {error}", line) from None

    def blame(where: str, reason: str) -> ConfigError:
        line = _line_of(text, where)
        at = f", line {line}" if line else ""
        return ConfigError(f"{file}{at}: {where + ': ' if where else ''}{reason}", line)

    def made(said: Any, kind: Any, inside: str = "") -> Any:
        try:
            return msgspec.convert(said, kind, strict=True)
        except msgspec.ValidationError as error:
            reason, _, place = str(error).partition(" - at `")
            unknown = re.search(r"unknown field `(\w+)`", reason)
            where = inside + place.rstrip("`").removeprefix("$") + (f".{unknown[1]}" if unknown else "")
            raise blame(where.strip("."), reason) from None

    policies = plain.get("policy")
    if isinstance(policies, dict):  # one by one, for a message does not say the key of a table
        for name, said in policies.items():
            made(said, Policy, f"policy.{name}")
    config = made(plain, Config)
    config = _placed(config, file.parent)
    for where, reason in _faults(config):
        raise blame(where, reason)
    return _named(config)


def from_urls(inputs: Sequence[str], customers: Sequence[str], *, name: str = "testigos") -> Config:
    """The configuration of addresses alone. Raises ``ConfigError``."""
    config = Config(
        name=name, input=tuple(Input(url=u) for u in inputs), customer=tuple(Customer(url=u) for u in customers)
    )
    for where, reason in _faults(config):
        raise ConfigError(f"{where}: {reason}")
    return _named(config)


def _placed(config: Config, folder: Path) -> Config:
    """The same with paths from a folder made whole."""

    def whole(value: Any) -> Any:
        if isinstance(value, msgspec.Struct):
            changes = {}
            for field in value.__struct_fields__:
                said = getattr(value, field)
                if field in ("ca", "cert", "key", "folder") or field.endswith("_file"):
                    changes[field] = None if said is None else str(folder / said)
                else:
                    changes[field] = whole(said)
            return type(value)(**changes)
        if isinstance(value, tuple):
            return tuple(whole(v) for v in value)
        if isinstance(value, dict):
            return {k: whole(v) for k, v in value.items()}
        return value

    made: Config = whole(config)
    return made


def _named(config: Config) -> Config:
    """Inputs and customers without a name are called by their address."""
    replace = msgspec.structs.replace
    return replace(
        config,
        input=tuple(replace(i, name=i.name or str(endpoint(i.url))) for i in config.input),
        customer=tuple(replace(c, name=c.name or str(endpoint(c.url))) for c in config.customer),
    )


def policy_of(config: Config, customer: Customer) -> Policy:
    """The settings of a customer's policy."""
    return customer.policy if isinstance(customer.policy, Policy) else config.policy[customer.policy]


def _faults(config: Config) -> Iterator[tuple[str, str]]:
    """Where something cannot be, and why, the first first."""
    if not _NAME.fullmatch(config.name):
        yield "name", f"{config.name!r}: a node's name has letters, digits, dot, dash and underscore, 64 at most"
    if not 10 <= config.batch_ms <= 10_000:
        yield "batch_ms", "from 10 to 10000"
    if not config.input and config.mesh is None:
        yield "", "there is no input"
    for name, policy in config.policy.items():
        yield from _policy_faults(f"policy.{name}", policy)
    taken: dict[tuple[str, int, str], str] = {}
    seen: set[str] = set()
    groups: tuple[tuple[str, Sequence[Input | Customer]], ...] = (
        ("input", config.input),
        ("customer", config.customer),
    )
    for kind, group in groups:
        for number, item in enumerate(group):
            where = f"{kind}[{number}]"
            try:
                place = endpoint(item.url)
            except TestigosError as error:
                yield f"{where}.url", str(error)
                return
            name = item.name or str(place)
            if item.name and name in seen:
                yield f"{where}.name", f"there are two called {name!r}"
            seen.add(name)
            yield from _peer_faults(where, item, place)
            listens = place.transport.startswith("listen") or (
                place.transport in ("udp", "multicast") if kind == "input" else place.transport in _SERVED
            )
            shared = place.transport in (*_SERVED, "multicast")
            key = (place.host, place.port, place.path if shared else "")
            if listens and place.port:
                if key in taken:
                    yield f"{where}.url", f"{place.host}:{place.port} is taken by {taken[key]}"
                taken[key] = name
    names = {i.name for i in config.input}
    for number, customer in enumerate(config.customer):
        where = f"customer[{number}]"
        yield from _customer_faults(where, customer, config, names)
    if config.mesh is not None:
        yield from _secret_faults("mesh", config.mesh)
        if not re.fullmatch(r"(nats|tls)://[^/@\s]+", config.mesh.url):
            yield "mesh.url", f"{config.mesh.url!r}: write nats://host:port"
        for peer in (*config.mesh.peers, config.name):
            if not re.fullmatch(r"[A-Za-z0-9_-]+", peer):
                yield "mesh.peers", f"{peer!r}: nodes of a mesh have names of letters, digits, dash and underscore"
        if config.name in config.mesh.peers:
            yield "mesh.peers", "a node is no peer of itself"


def _peer_faults(where: str, item: Input | Customer, place: Endpoint) -> Iterator[tuple[str, str]]:
    if item.tls is not None:
        for part in ("ca", "cert", "key"):
            file = getattr(item.tls, part)
            if file is not None and not os.access(file, os.R_OK):
                yield f"{where}.tls.{part}", f"{file}: cannot be read"
        if (item.tls.cert is None) != (item.tls.key is None):
            yield f"{where}.tls", "a certificate needs its key, and a key its certificate"
    serves = place.transport == "listen+tls" or (isinstance(item, Customer) and place.transport in ("https", "wss"))
    if serves and (item.tls is None or item.tls.cert is None):
        yield where, "a listener with TLS needs tls.cert and tls.key"
    yield from _secret_faults(where, item)
    if isinstance(item, Input):
        if not 0 < item.every_s < 3600 or item.silent_s <= 0:
            yield where, "every_s is from 0 to 3600, silent_s above 0"
        if item.receiver and not (abs(item.receiver[0]) <= 90 and abs(item.receiver[1]) <= 180):
            yield f"{where}.receiver", "latitude is within 90 degrees, longitude within 180"


def _secret_faults(where: str, item: Input | Customer | Mesh) -> Iterator[tuple[str, str]]:
    if item.password_file and not os.access(item.password_file, os.R_OK):
        yield f"{where}.password_file", f"{item.password_file}: cannot be read"
    if item.password_env and item.password_env not in os.environ:
        yield f"{where}.password_env", f"{item.password_env} is not in the environment"


def _customer_faults(where: str, customer: Customer, config: Config, inputs: set[str]) -> Iterator[tuple[str, str]]:
    place = endpoint(customer.url)
    if not hasattr(link(place.link), "pieces"):
        yield f"{where}.url", f"{place.link} is read only; 'testigos links' says what can be written"
    if isinstance(customer.policy, Policy):
        yield from _policy_faults(f"{where}.policy", customer.policy)
    elif customer.policy not in config.policy:
        yield f"{where}.policy", f"there is no policy {customer.policy!r}; known: {', '.join(config.policy) or 'none'}"
    if customer.durable and place.transport not in _DURABLE:
        yield f"{where}.durable", f"{place.transport}: only {', '.join(_DURABLE)} can be caught up"
    for name in customer.not_from:
        if name not in inputs:
            yield f"{where}.not_from", f"there is no input {name!r}"
    if customer.most_clients < 1:
        yield f"{where}.most_clients", "at least 1"


def _policy_faults(where: str, policy: Policy) -> Iterator[tuple[str, str]]:
    for part in ("area_file", "only_file", "never_file", "privacy_file"):
        file = getattr(policy, part)
        if file is not None and not os.access(file, os.R_OK):
            yield f"{where}.{part}", f"{file}: cannot be read"
    if policy.area is not None:
        west, south, east, north = policy.area
        if not (abs(west) <= 180 and abs(east) <= 180 and -90 <= south <= north <= 90):
            yield f"{where}.area", "west, south, east, north in degrees, south not above north"
    if policy.alt_ft is not None and policy.alt_ft[0] > policy.alt_ft[1]:
        yield f"{where}.alt_ft", "the lowest first"
    for kind in policy.kinds or ():
        if kind not in KINDS:
            yield f"{where}.kinds", f"{kind!r} is none of {', '.join(KINDS)}"
    for part in ("fields", "without"):
        for column in getattr(policy, part) or ():
            if column not in PICTURE:
                yield f"{where}.{part}", f"{column!r} is no column; known: {', '.join(PICTURE)}"
    if policy.decimals is not None and not 0 <= policy.decimals <= 9:
        yield f"{where}.decimals", "from 0 to 9"
    if policy.every_s < 0 or policy.delay_s < 0:
        yield where, "every_s and delay_s are not negative"
    if policy.privacy_file is not None and policy.privacy != "honour":
        yield f"{where}.privacy_file", 'is of no use without privacy = "honour"'
