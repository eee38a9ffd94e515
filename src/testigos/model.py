"""The few types that are not tables: an interval, where data came from, a question, a finding."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from testigos.units import S_NS

__all__ = ["DataSource", "Finding", "Interval", "Method", "Question", "iso_utc", "parse_utc"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso_utc(time_ns: int) -> str:
    """ISO 8601 in UTC to the millisecond, with a Z.

    >>> iso_utc(1_761_242_592_500_000_000)
    '2025-10-23T18:03:12.500Z'
    """
    seconds, rest = divmod(time_ns, S_NS)
    stamp = datetime.fromtimestamp(seconds, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"


def parse_utc(text: str) -> int:
    """Nanoseconds since 1970 of an ISO 8601 time; without an offset it is taken as UTC.

    Accepts ``2025-10-23``, ``2025-10-23T12Z`` and finer. Raises ``ValueError``.

    >>> iso_utc(parse_utc("2025-10-23T12Z"))
    '2025-10-23T12:00:00.000Z'
    """
    stamp = datetime.fromisoformat(text.strip())
    stamp = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    delta = stamp - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * S_NS + delta.microseconds * 1000


@dataclass(frozen=True)
class Interval:
    """A measured value and how far it can be trusted.

    ``low``/``high`` are null where nothing supports a bound; ``level`` is the probability that the truth is
    inside (1.0: it cannot be outside, given the stated assumptions; null: no bound is claimed).
    """

    value: float | None
    unit: str
    low: float | None = None
    high: float | None = None
    level: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """As in ``findings.json``."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "level": self.level,
            "unit": self.unit,
        }


@dataclass(frozen=True)
class DataSource:
    """A data set that a finding rests on; ``sha256`` is of the bytes as read."""

    name: str
    version: str
    sha256: str
    licence: str = ""
    note: str = ""


@dataclass(frozen=True)
class Method:
    """How a finding was made; ``version`` changes whenever results can."""

    name: str
    version: str


@dataclass(frozen=True)
class Question:
    """What the user wants to know.

    ``near``: place names as the user wrote them. ``within_m``: objects are kept whose fixes come this close to
    one of them (null: no limit). ``start_ns``/``end_ns``: half-open UTC window on the fixes.
    ``military``: only aircraft that a table, call sign or the aggregator calls military.
    ``subjects``: only these object ids. ``assume_radius_m``: 95 % radius for fixes of unknown quality.
    """

    near: tuple[str, ...] = ()
    within_m: float | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    military: bool = False
    subjects: tuple[str, ...] = ()
    assume_radius_m: float | None = None


@dataclass(frozen=True)
class Finding:
    """One claim with everything that a critic needs to rebuild it.

    ``evidence`` are frame ids (``<16 hex of the segment's SHA-256>:<offset>``), in the order of time.
    ``place``, ``departure`` and ``arrival`` are plain mappings, as published in the JSON Schema
    (``report/findings.schema.json``). ``details`` holds what wording needs and no number rests on; ``sentence``
    is written by the report, in the reader's units.
    """

    kind: str
    subjects: tuple[str, ...]
    start_ns: int
    end_ns: int
    confidence: float
    method: Method
    measures: Mapping[str, Interval] = field(default_factory=dict)
    place: Mapping[str, Any] | None = None
    departure: Mapping[str, Any] | None = None
    arrival: Mapping[str, Any] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    data: tuple[DataSource, ...] = ()
    sentence: str = ""
