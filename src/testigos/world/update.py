"""Newer reference data from the network into the cache, only when a command asks for it.

Each data set is one file, fetched whole, checked, and put in place of the old one in one step; a record
(``data.json``) says what is there: URL, licence, ETag, SHA-256. Whatever fails, the old file stays.
"""

import gzip
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from testigos.errors import SourceUnavailable, UnknownName
from testigos.model import DataSource
from testigos.world.cache import folder, replace_file

__all__ = ["DATA_SETS", "DataSet", "Outcome", "installed", "list_data", "unpacked", "update"]

_LARGEST: Final = 200 << 20  # no data set is near it; an endless answer is cut off
_RECORD: Final = "data.json"


@dataclass(frozen=True)
class DataSet:
    """A file that can be fetched; ``begins`` is what its first line must contain."""

    name: str
    what: str
    url: str
    licence: str
    begins: bytes


DATA_SETS: Final = {
    d.name: d
    for d in (
        DataSet(
            "plane-alert-db",
            "aircraft of interest: military, government, police",
            "https://raw.githubusercontent.com/sdr-enthusiasts/plane-alert-db/main/plane-alert-db.csv",
            "ODbL-1.0",
            b"$ICAO",
        ),
        DataSet(
            "tar1090-db",
            "registration and type for each address",
            "https://raw.githubusercontent.com/wiedehopf/tar1090-db/csv/aircraft.csv.gz",
            "see https://github.com/wiedehopf/tar1090-db (from Mictronics, ODC-By-1.0)",
            b";",
        ),
        DataSet(
            "ourairports-airports",
            "airfields of the world",
            "https://davidmegginson.github.io/ourairports-data/airports.csv",
            "public domain",
            b"ident",
        ),
        DataSet(
            "ourairports-runways",
            "runways with both ends",
            "https://davidmegginson.github.io/ourairports-data/runways.csv",
            "public domain",
            b"airport_ident",
        ),
    )
}


class _Entry(msgspec.Struct, frozen=True):
    url: str
    licence: str
    sha256: str
    bytes: int
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of one data set: ``status`` is "new", "unchanged", "missing" or "failed"; ``detail`` says why."""

    name: str
    what: str
    licence: str
    url: str
    status: str
    detail: str = ""
    sha256: str | None = None
    version: str | None = None

    def __str__(self) -> str:
        said = f"{self.name}: {self.status}"
        if self.version:
            said += f", of {self.version}"
        return f"{said} ({self.licence})" + (f": {self.detail}" if self.detail else "")


def _records(root: Path | None) -> dict[str, _Entry]:
    try:
        return msgspec.json.decode((root / _RECORD).read_bytes(), type=dict[str, _Entry]) if root else {}
    except (OSError, ValueError):  # also what is not UTF-8
        return {}


def installed(name: str) -> tuple[Path, DataSource] | None:
    """The file of a data set in the cache and what it is; null where it isn't there or is not what was recorded."""
    root = folder("data")
    entry = _records(root).get(name)
    if root is None or entry is None:
        return None
    path = root / name
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    if digest != entry.sha256:
        return None
    return path, DataSource(name, entry.modified or entry.etag or "undated", digest, entry.licence, entry.url)


def unpacked(path: Path) -> bytes:
    """The bytes of a file, unpacked if they are gzip. Raises ``OSError``, ``EOFError``."""
    data = path.read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def list_data() -> list[Outcome]:
    """Every data set and whether it is in the cache; no network is used."""
    made = []
    for item in DATA_SETS.values():
        found = installed(item.name)
        made.append(
            Outcome(
                item.name,
                item.what,
                item.licence,
                item.url,
                "unchanged" if found else "missing",
                "" if found else "not fetched",
                found[1].sha256 if found else None,
                found[1].version if found else None,
            )
        )
    return made


def update(
    names: Iterable[str] | None = None,
    *,
    urls: Mapping[str, str] | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
    timeout_s: float = 60.0,
) -> list[Outcome]:
    """Fetch data sets (all, or those named) that are newer than the cache's; one outcome each, never half a file.

    ``urls`` overrides where from. ``progress`` gets name, bytes so far and total (null where unknown). A host that
    cannot be reached is an outcome "failed", and the others go on. Raises ``UnknownName``, and
    ``SourceUnavailable`` where there is no cache folder to write to.
    """
    wanted = list(DATA_SETS) if names is None else list(names)
    for name in wanted:
        if name not in DATA_SETS:
            raise UnknownName("data set", name, DATA_SETS)
    root = folder("data")
    if root is None:
        raise SourceUnavailable("no folder for data: set TESTIGOS_CACHE to one that can be written to")
    made = []
    for name in wanted:
        item = DATA_SETS[name]
        url = (urls or {}).get(name, item.url)
        status, detail, entry = _fetch(item, url, root, progress, timeout_s)
        made.append(
            Outcome(
                name,
                item.what,
                item.licence,
                url,
                status,
                detail,
                entry.sha256 if entry else None,
                (entry.modified or entry.etag) if entry else None,
            )
        )
    return made


def _fetch(
    item: DataSet,
    url: str,
    root: Path,
    progress: Callable[[str, int, int | None], None] | None,
    timeout_s: float,
) -> tuple[str, str, _Entry | None]:
    import httpx

    records = _records(root)
    old = records.get(item.name) if installed(item.name) else None
    headers = {"If-None-Match": old.etag} if old and old.etag and old.url == url else {}
    try:
        with httpx.stream("GET", url, headers=headers, timeout=timeout_s, follow_redirects=True) as answer:
            if answer.status_code == 304:
                return "unchanged", "", old
            answer.raise_for_status()
            length = answer.headers.get("content-length", "")
            total = int(length) if length.isdigit() else None
            data = bytearray()
            # the bytes as the server stores them: tar1090-db is gzip by itself
            encoded = answer.headers.get("content-encoding")
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > _LARGEST:
                    return "failed", f"larger than {_LARGEST} bytes; the old data stays", old
                if progress is not None:
                    progress(item.name, len(data), None if encoded else total)
            if total is not None and not encoded and len(data) != total:
                return "failed", f"{len(data)} of {total} bytes came; the old data stays", old
            etag, modified = answer.headers.get("etag", ""), answer.headers.get("last-modified", "")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return "failed", f"{type(error).__name__}: {error}; going on with what is here", old
    content = bytes(data)
    if (problem := _problem(item, content)) is not None:
        return "failed", f"{problem}; the old data stays", old
    entry = _Entry(url, item.licence, hashlib.sha256(content).hexdigest(), len(content), etag, modified)
    status = "unchanged" if old and old.sha256 == entry.sha256 else "new"
    record = msgspec.json.encode(dict(sorted((records | {item.name: entry}).items())))
    try:
        replace_file(root / item.name, lambda p: p.write_bytes(content))
        # a crash between the two leaves a file without its record, which then counts as not there
        replace_file(root / _RECORD, lambda p: p.write_bytes(record))
    except OSError as error:
        return "failed", f"{error.strerror or error}; nothing was changed", old
    return status, "", entry


def _problem(item: DataSet, content: bytes) -> str | None:
    try:
        plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    except (OSError, EOFError) as error:
        return f"damaged gzip ({error})"
    if item.begins not in plain.split(b"\n", 1)[0]:
        return f"does not begin as {item.name} should ({plain[:30]!r})"
    return None
