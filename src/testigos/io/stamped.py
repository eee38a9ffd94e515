"""Live bytes made into a document that says when they came, in a form that its link reads anyway.

So decoding live and decoding the record are the same, and a record is evidence with times:

=======  ====================================================================================================
source   record
=======  ====================================================================================================
beast    Beast; before the messages of a batch stands one of type 0xe8 with the host's time in milliseconds, as
         ``readsb --dump-beast`` writes it; the receiver's own stamps are kept, but are not the time
avr      ``frames_csv``: each line gets the host's time of its batch
uat      the lines, each after nanoseconds since a START line, as Stratux logs them
others   as they came: they say the time themselves
=======  ====================================================================================================

A message that a broken connection cut stays, and what follows begins anew. Where a user says when the bytes began
(``Options.began_ns``) the host's clock has no say: Beast and AVR are recorded as they came.
"""

from datetime import UTC, datetime
from typing import Final

from testigos.io.live import Arrival
from testigos.links._modes import Options
from testigos.registry import Link
from testigos.registry import link as link_named
from testigos.units import DAY_S, S_NS

__all__ = ["Record", "record_of"]

_ESCAPE: Final = b"\x1a"
_HOST_TIME: Final = b"\x1a\xe8"
_DAYS: Final = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
_MONTHS: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Record:
    """Turns arrivals of one source into the bytes of a document; ``link`` reads them."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def add(self, arrival: Arrival) -> bytes:
        """What the record grows by; text whose connection broke ends its line."""
        cut = arrival.ended and not arrival.data.endswith(b"\n")
        return arrival.data + b"\n" if cut else arrival.data


class _Beast(Record):
    """Whole messages; ``timed``: with the host's time before them."""

    def __init__(self, link: Link, timed: bool) -> None:
        super().__init__(link)
        self._timed = timed
        self._rest = b""

    def add(self, arrival: Arrival) -> bytes:
        buffer = self._rest + arrival.data
        _, self._rest = self.link.split(buffer)
        whole = buffer[: len(buffer) - len(self._rest)]
        if arrival.ended:
            # half an escape would make what follows part of a body
            cut = len(self._rest) - len(self._rest.rstrip(_ESCAPE))
            whole, self._rest = buffer + _ESCAPE * (cut % 2), b""
        if not (whole and self._timed):
            return whole
        return _HOST_TIME + (arrival.time_ns // 1_000_000).to_bytes(8, "little") + whole


class _Lines(Record):
    """Text, a line at a time."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._rest = b""

    def add(self, arrival: Arrival) -> bytes:
        *lines, self._rest = (self._rest + arrival.data).splitlines(keepends=True) or [b""]
        if self._rest.endswith(b"\n") or (self._rest and arrival.ended):
            lines, self._rest = [*lines, self._rest], b""
        return b"".join(self.stamped(line.strip(), arrival.time_ns) for line in lines if line.strip())

    def stamped(self, line: bytes, time_ns: int) -> bytes:
        """One line with its time."""
        raise NotImplementedError


class _Avr(_Lines):
    def add(self, arrival: Arrival) -> bytes:
        # some writers put no end of line after a message
        data = arrival.data.replace(b";", b";\n")
        return super().add(Arrival(arrival.source, arrival.time_ns, data, arrival.ended))

    def stamped(self, line: bytes, time_ns: int) -> bytes:
        text = line.rstrip(b";")
        mark, digits = text[:1], text[1:]
        kinds = {4: b"1a31", 14: b"1a32", 28: b"1a33"}
        if mark == b"*" and len(digits) in kinds:
            text = digits
        elif mark == b"@" and len(digits) - 12 in kinds:
            text = kinds[len(digits) - 12] + digits[:12] + b"00" + digits[12:]
        elif mark == b"<" and len(digits) - 14 in kinds:
            text = kinds[len(digits) - 14] + digits
        return b"%d.%09d,%s\n" % (*divmod(time_ns, S_NS), text)


class _Uat(_Lines):
    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._began_ns: int | None = None

    def stamped(self, line: bytes, time_ns: int) -> bytes:
        start = b""
        if self._began_ns is None or not 0 <= time_ns - self._began_ns < DAY_S * S_NS:
            self._began_ns = time_ns - time_ns % S_NS
            when = datetime.fromtimestamp(self._began_ns // S_NS, UTC)
            date = f"{_DAYS[when.weekday()]} {_MONTHS[when.month - 1]} {when.day:2d}"
            start = f"START,{date} {when:%H:%M:%S} +0000 UTC {when.year}\n".encode()
        return start + b"%d,%s\n" % (time_ns - self._began_ns, line)


def record_of(scheme: str, options: Options | None) -> Record:
    """The record of a source of that scheme, which is the name of a link."""
    link = link_named(scheme)
    began = options is not None and options.began_ns is not None
    if scheme == "beast":
        return _Beast(link, timed=not began)
    if scheme == "avr":
        return Record(link) if began else _Avr(link_named("frames_csv"))
    if scheme == "uat":
        return _Uat(link)
    return Record(link)
