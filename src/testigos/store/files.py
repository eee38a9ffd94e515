"""Files that are there whole or not at all, and one writer at a time."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testigos.errors import ArchiveError

__all__ = ["locked", "put", "synced_folder", "writing"]


@contextmanager
def writing(place: Path, kept: str) -> Iterator[None]:
    """Turns what the file system refuses into an ``ArchiveError`` that says what is safe."""
    try:
        yield
    except OSError as error:
        where = error.filename or place
        raise ArchiveError(f"{where}: {error.strerror or error}; {kept}") from error


def synced_folder(folder: Path) -> None:
    """Makes the names in a folder durable, where the system can."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def put(path: Path, content: bytes) -> None:
    """Writes a file durably under its name, or leaves things as they were. Raises ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".new-{path.name}")
    try:
        with open(fresh, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    synced_folder(path.parent)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file ``path``; the system lets go of it when the process ends, however it ends.

    Raises ``ArchiveError`` if another process holds it.
    """
    with writing(path, "nothing was changed"):
        file = open(path, "a+b")  # noqa: SIM115  (closed below)
    with file:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ArchiveError(f"{path.parent}: another process is writing to it; try again later") from None
        yield
