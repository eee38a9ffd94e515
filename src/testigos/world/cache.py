"""Where derived and downloaded data lives between runs, and how a file gets there whole or not at all."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Notify", "folder", "quiet", "replace_file", "sha256_of"]

Notify = Callable[[str], None]  #: told what takes long, in a few words


def quiet(message: str) -> None:
    """A ``Notify`` that tells nobody."""


def folder(name: str = "") -> Path | None:
    """The cache folder (``$TESTIGOS_CACHE``, else ``$XDG_CACHE_HOME/testigos``, else ``~/.cache/testigos``).

    Made if missing; null where it cannot be made or written to.
    """
    root = os.environ.get("TESTIGOS_CACHE")
    try:
        if root:
            path = Path(root)
        else:
            base = os.environ.get("XDG_CACHE_HOME")
            path = (Path(base) if base else Path.home() / ".cache") / "testigos"
        path = path / name
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return None
    return path if os.access(path, os.W_OK) else None


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Let ``write`` make a file beside ``path``, then put it in its place in one step.

    Raises ``OSError``; whatever happens, ``path`` is the old file or the whole new one.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, remembered in the cache folder for as long as size and time of change stay the same.

    Raises ``OSError`` where the file cannot be read.
    """
    stat = path.stat()
    mark = [stat.st_size, stat.st_mtime_ns]
    root = folder()
    record = root / "hashes.json" if root else None
    known: dict[str, list[Any]] = {}
    if record is not None and record.exists():
        try:
            known = msgspec.json.decode(record.read_bytes(), type=dict[str, list[Any]])
        except (OSError, ValueError):  # also what is not UTF-8
            known = {}  # only a memory: made again
    if (entry := known.get(str(path))) and entry[:2] == mark and len(entry) == 3:
        return str(entry[2])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if record is not None and stat.st_size > 1_000_000:
        known[str(path)] = [*mark, digest]
        text = msgspec.json.encode(dict(sorted(known.items())))
        with contextlib.suppress(OSError):  # it is hashed again next time
            replace_file(record, lambda p: p.write_bytes(text))
    return digest
