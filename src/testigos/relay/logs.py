"""Structured logs: a JSON object a line on standard error, with UTC, level, event and what it is about.

Nothing that is told ever holds a secret: passwords are read where they are used, and addresses cannot have any.
"""

import logging
import sys
from collections.abc import Callable
from typing import IO, Any

import msgspec

from testigos.model import iso_utc

__all__ = ["log_lines", "teller"]

_LOG = logging.getLogger("testigos.relay")
_LEVELS = {
    "lost": logging.WARNING, "silent": logging.WARNING, "clock_jump": logging.WARNING, "overload": logging.WARNING,
    "refused": logging.WARNING, "config_refused": logging.ERROR, "spool": logging.ERROR, "failed": logging.ERROR,
}  # fmt: skip


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {"time": iso_utc(int(record.created * 1e9)), "level": record.levelname.lower()}
        told["event"] = record.getMessage()
        told |= getattr(record, "about", {})
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(told, enc_hook=str).decode()


def log_lines(to: IO[str] | None = None, level: int = logging.INFO) -> None:
    """Sends what relays tell to a stream (null: standard error), once."""
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(_Lines())
    _LOG.handlers = [handler]
    _LOG.propagate = False
    _LOG.setLevel(level)


def teller(node: str) -> Callable[..., None]:
    """``told(event, **about)`` of a node."""

    def told(event: str, **about: Any) -> None:
        _LOG.log(_LEVELS.get(event, logging.INFO), event, extra={"about": {"node": node, **about}})

    return told
