"""What a durable customer should have had while it was away, on disk until it has it.

One SQLite file a customer, written ahead (WAL): a process that is killed loses nothing that was added, a power cut at
most what the disk had not written. The oldest gives way where there is too much. A disk that is full refuses what is
new, which is counted, and takes more as soon as there is room. It may be so full that nothing can even be deleted: what
the customer has is then forgotten here alone, and when it has all, the file is begun anew.
"""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np

from testigos.errors import ArchiveError
from testigos.relay.streams import Offer

__all__ = ["Backlog"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS updates (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, time_ns INTEGER NOT NULL, count INTEGER NOT NULL,
    start BLOB NOT NULL, slot BLOB NOT NULL, names TEXT NOT NULL, data BLOB NOT NULL)
"""

_INSERT: Final = "INSERT INTO updates (time_ns, count, start, slot, names, data) VALUES (?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Kept:
    """One batch that waits."""

    seq: int
    offer: Offer


class Backlog:
    """The updates that wait for one customer, oldest first; safe across restarts. Raises ``ArchiveError``."""

    def __init__(self, folder: Path, customer: str, *, most_bytes: int, most_age_s: float) -> None:
        # names may differ only in what a file's name cannot have
        name = f"{re.sub(r'[^A-Za-z0-9._-]', '_', customer)[:80]}-{crc32(customer.encode()):08x}.sqlite"
        self.path = folder / name
        self._most_bytes, self._most_age_ns = most_bytes, round(most_age_s * 1e9)
        self.refused = 0  #: updates that the disk did not take
        self.outdated = 0  #: updates that gave way, for age or size
        self.trouble: str | None = None
        self._done = 0  # batches up to here are of no use any more, whether they could be deleted or not
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = self._opened()
            found = self._base.execute("SELECT COUNT(*), TOTAL(count), TOTAL(LENGTH(data)) FROM updates").fetchone()
        except (OSError, sqlite3.Error) as error:
            raise ArchiveError(f"{self.path}: no spool can be kept there: {error}") from None
        self.updates, self._bytes = int(found[1]), int(found[2])

    def _opened(self) -> sqlite3.Connection:
        base = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=1.0)
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=NORMAL")
        base.execute(_SCHEMA)
        return base

    def add(self, offer: Offer, now_ns: int) -> bool:
        """Keeps a batch; false where the disk does not take it (counted in ``refused``)."""
        self._give_way(now_ns, len(offer.data))
        row = (now_ns, len(offer), offer.start.tobytes(), offer.slot.tobytes(), "\n".join(offer.names), offer.data)
        try:
            self._base.execute(_INSERT, row)
        except sqlite3.Error as error:
            self.refused += len(offer)
            self.trouble = str(error)
            if not self.updates:
                self._begin_anew()
            return False
        self.trouble = None
        self.updates += len(offer)
        self._bytes += len(offer.data)
        return True

    def _give_way(self, now_ns: int, coming: int) -> None:
        over = self._bytes + coming - self._most_bytes
        last = counted = 0
        try:
            oldest = self._base.execute(
                "SELECT seq, time_ns, count, LENGTH(data) FROM updates WHERE seq > ? ORDER BY seq LIMIT 100",
                (self._done,),
            ).fetchall()
        except sqlite3.Error as error:
            self.trouble = str(error)
            return
        for seq, time_ns, count, size in oldest:
            if over <= 0 and now_ns - time_ns <= self._most_age_ns:
                break
            last, counted, over = seq, counted + count, over - size
        if last:
            self.done(last)
            self.outdated += counted

    def after(self, seq: int, most_bytes: int) -> Iterator[Kept]:
        """Batches later than ``seq``, oldest first, until they make so many bytes."""
        if not self.updates:
            return
        size, seq = 0, max(seq, self._done)
        rows = self._base.execute(
            "SELECT seq, start, slot, names, data FROM updates WHERE seq > ? ORDER BY seq LIMIT 256", (seq,)
        )
        for number, start, slot, names, data in rows:
            topics = tuple(names.split("\n")) if names else ()
            yield Kept(number, Offer(data, np.frombuffer(start, np.int64), np.frombuffer(slot, np.int64), topics))
            size += len(data)
            if size >= most_bytes:
                break
        rows.close()

    def done(self, seq: int) -> int:
        """Forgets all up to ``seq``, which the customer has; gives how many updates that were."""
        try:
            count, size = self._base.execute(
                "SELECT TOTAL(count), TOTAL(LENGTH(data)) FROM updates WHERE seq > ? AND seq <= ?", (self._done, seq)
            ).fetchone()
        except sqlite3.Error as error:
            self.trouble = str(error)
            return 0
        self._done = max(self._done, seq)
        self.updates -= int(count)
        self._bytes -= int(size)
        try:
            self._base.execute("DELETE FROM updates WHERE seq <= ?", (self._done,))
        except sqlite3.Error as error:
            self.trouble = str(error)
            if not self.updates:
                self._begin_anew()
        return int(count)

    def _begin_anew(self) -> None:
        """Gives the disk its room back; numbers go on from where they were."""
        self._base.close()
        for end in ("", "-wal", "-shm"):
            Path(f"{self.path}{end}").unlink(missing_ok=True)
        try:
            self._base = self._opened()
            self._base.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('updates', ?)", (self._done,))
        except sqlite3.Error as error:  # somebody else took the room: tried again with what comes next
            self.trouble = str(error)
            self._base.close()

    def close(self) -> None:
        """Closes the file."""
        self._base.close()
