"""Where events of Cursor on Target begin and end in a stream, and what stands in one: a strict scanner of XML.

``split_events`` cuts; it must get on with anything. ``scan`` reads one event, or the inside of a ``detail``, and
refuses what is not well-formed, and any document type. Nothing is recursive: an element lies at most 32 deep.

Source: W3C, XML 1.0; TAK protocol.txt ("Traditional Protocol") for events in a stream.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.kernels import kernel
from testigos.links._put import literal
from testigos.links._xml import ABSENT, ATTRIBUTE, PLAIN, TEXT, clean, literals, name_end, reference
from testigos.registry import Frames
from testigos.registry import frames as make_frames

__all__ = ["COLUMN", "LONGEST", "Cells", "empty_cells", "scan", "split_events"]

LONGEST: Final = 256 * 1024  #: an event of more bytes is malformed
_DEPTH: Final = 32
_MOST: Final = 128  # attributes of an element

#: Elements, and those of their attributes that are read; ``+`` is the element itself.
READ: Final[dict[str, tuple[str, ...]]] = {
    "event": ("version", "uid", "type", "how", "time", "stale", "opex"),
    "point": ("+", "lat", "lon", "hae", "ce", "le"),
    "contact": ("callsign",),
    "track": ("course", "speed"),
    "remarks": ("+",),  # its content
    "_flow-tags_": ("+",),  # its attributes
    "testigos": (
        *("+", "id", "label", "kind", "source", "squawk", "category", "emergency", "registration", "type_code"),
        *("military", "on_ground", "simulated", "alt_baro_ft", "alt_msl_ft", "vrate_fpm", "vrate_geom_fpm"),
        *("ias_kt", "tas_kt", "heading_deg", "rc_m", "nic", "nac_p", "nac_v", "sil", "adsb_version"),
        *("vessel_name", "imo", "ship_type", "nav_status", "rot_degpmin", "draught_m", "destination", "to_bow_m"),
        *("to_stern_m", "to_port_m", "to_starboard_m", "remarks"),
    ),
}
_ELEMENTS: Final = tuple(READ)
_IS_DETAIL: Final = 30  # beside the numbers of elements
_EVENT, _POINT, _CONTACT, _TRACK, _REMARKS, _FLOW, _OWN = range(len(_ELEMENTS))
_KEYS: Final = tuple((e, a) for e, names in READ.items() for a in names)
#: Which column of :class:`Cells` is ``element.attribute``.
COLUMN: Final = {f"{e}.{a}": k for k, (e, a) in enumerate(_KEYS)}

_AT_POINT: Final = COLUMN["point.+"]
_AT_REMARKS: Final = COLUMN["remarks.+"]
_AT_FLOW: Final = COLUMN["_flow-tags_.+"]
_AT_OWN: Final = COLUMN["testigos.+"]


def _packed(name: str) -> tuple[int, int]:
    padded = name.encode("ascii").ljust(16, b"\0")
    assert len(padded) == 16
    return int.from_bytes(padded[:8], "little"), int.from_bytes(padded[8:], "little")


_LOW: Final = np.array([_packed(a)[0] for _, a in _KEYS], np.uint64)
_HIGH: Final = np.array([_packed(a)[1] for _, a in _KEYS], np.uint64)
_OF: Final = np.cumsum([0, *(len(names) for names in READ.values())]).astype(np.int64)
_NAMES, _NAME_AT = literals(_ELEMENTS)
_DETAIL: Final = literal("detail")
_BEGIN, _FINISH, _DECLARATION = literal("<event"), literal("</event"), literal("<?xml")
_COMMENT, _CDATA, _DOCTYPE = literal("<!--"), literal("<![CDATA["), literal("<!DOCTYPE")


@dataclass(frozen=True, slots=True)
class Cells:
    """What was found of the K columns of ``COLUMN`` in N events: spans of bytes, (K, N).

    ``kind`` is a constant of ``links._xml``; where it is ``ABSENT`` the span is empty. ``valid`` (N,): well-formed.
    """

    valid: npt.NDArray[np.bool_]
    kind: npt.NDArray[np.uint8]
    first: npt.NDArray[np.int32]
    last: npt.NDArray[np.int32]


def empty_cells(size: int) -> Cells:
    """Cells of so many events in which nothing was found."""
    shape = (len(_KEYS), size)
    return Cells(np.zeros(size, np.bool_), np.zeros(shape, np.uint8), np.zeros(shape, np.int32),
                 np.zeros(shape, np.int32))  # fmt: skip


# ---- cutting ----


@kernel
def _starts(data, at, stop, text):  # type: ignore[no-untyped-def]
    """1 where ``text`` stands at ``at``, 0 where not, -1 where the bytes end before one can tell."""
    for k in range(len(text)):
        if at + k >= stop:
            return -1
        if data[at + k] != text[k]:
            return 0
    return 1


@kernel
def _tag(data, at, stop, text):  # type: ignore[no-untyped-def]
    """Like ``_starts``, and the name must end there."""
    found = _starts(data, at, stop, text)
    if found < 1:
        return found
    at += len(text)
    if at >= stop:
        return -1
    c = data[at]
    return 1 if c == 32 or c == 9 or c == 10 or c == 13 or c == 47 or c == 62 or c == 63 else 0


@kernel
def _after(data, at, stop, a, b, c):  # type: ignore[no-untyped-def]
    """Past the next bytes ``a b c`` (without ``a`` where it is 0); -1 where they are not there."""
    if a == 0:
        while at + 1 < stop:
            if data[at] == b and data[at + 1] == c:
                return at + 2
            at += 1
        return -1
    while at + 2 < stop:
        if data[at] == a and data[at + 1] == b and data[at + 2] == c:
            return at + 3
        at += 1
    return -1


@kernel
def _event_end(data, at, stop):  # type: ignore[no-untyped-def]
    """Where the event whose ``<event`` is at ``at`` ends: at its end tag, or where damage shows; -1: not yet.

    Damage shows where a ``<`` stands in a tag, and the event is over where another one or a declaration begins.
    """
    at += len(_BEGIN)
    tag, quote, root = True, 0, True
    while at < stop:
        c = data[at]
        if tag:
            if quote:
                if c == quote:
                    quote = 0
                elif c == 60:
                    quote, tag, root = 0, False, False
                    continue
            elif c == 34 or c == 39:
                quote = c
            elif c == 62:
                if root and data[at - 1] == 47:
                    return at + 1
                tag = root = False
            elif c == 60:
                tag = root = False
                continue
            at += 1
            continue
        if c != 60:
            at += 1
            continue
        if at + 1 >= stop:
            return -1
        d = data[at + 1]
        if d == 47:
            found = _tag(data, at, stop, _FINISH)
            if found < 0:
                return -1
            if found > 0:
                at += len(_FINISH)
                while at < stop and data[at] != 62 and data[at] != 60:
                    at += 1
                if at >= stop:
                    return -1
                return at + 1 if data[at] == 62 else at
        elif d == 33:
            found = _starts(data, at, stop, _COMMENT)
            if found < 0:
                return -1
            if found > 0:
                at = _after(data, at + 4, stop, 45, 45, 62)
                if at < 0:
                    return -1
                continue
            found = _starts(data, at, stop, _CDATA)
            if found < 0:
                return -1
            if found > 0:
                at = _after(data, at + 9, stop, 93, 93, 62)
                if at < 0:
                    return -1
                continue
        elif d == 63:
            found = _tag(data, at, stop, _DECLARATION)
            if found < 0:
                return -1
            if found > 0:
                return at
            at = _after(data, at + 2, stop, 0, 63, 62)
            if at < 0:
                return -1
            continue
        elif d == 101:
            found = _tag(data, at, stop, _BEGIN)
            if found < 0:
                return -1
            if found > 0:
                return at
        tag = True
        at += 1
    return -1


@kernel
def _next_begin(data, at, stop):  # type: ignore[no-untyped-def]
    """The next place where an event or a declaration begins, and whether it is an event; -1 where there is none."""
    while at < stop:
        if data[at] == 60:
            event, declaration = _tag(data, at, stop, _BEGIN), _tag(data, at, stop, _DECLARATION)
            if event > 0 or declaration > 0:
                return at, event > 0
            if event < 0 or declaration < 0:
                return -1, False
        at += 1
    return -1, False


@kernel
def _frame(data, begin, stop):  # type: ignore[no-untyped-def]
    """Where the frame at ``begin`` ends, and whether it is a declaration alone; -1 where more bytes must tell."""
    at = begin
    found = _tag(data, at, stop, _DECLARATION)
    if found < 0:
        return -1, False
    if found > 0:
        at = _after(data, at + 5, stop, 0, 63, 62)
        if at < 0:
            return -1, False
        alone = at
        while at < stop and (data[at] == 32 or data[at] == 9 or data[at] == 10 or data[at] == 13):
            at += 1
        if at >= stop:
            return -1, False
        event, typed = _tag(data, at, stop, _BEGIN), _starts(data, at, stop, _DOCTYPE)
        if event < 0 or typed < 0:
            return -1, False
        if event == 0 and typed == 0:
            return alone, True
    if _starts(data, at, stop, _DOCTYPE) > 0:  # with the event that it is of
        at, event = _next_begin(data, at + 1, stop)
        if at < 0 or not event:
            return at, False
    found = _tag(data, at, stop, _BEGIN)
    if found > 0:
        return _event_end(data, at, stop), False
    if found < 0 or _starts(data, at, stop, _DOCTYPE) < 0:
        return -1, False
    return _next_begin(data, at + 1, stop)[0], False


@kernel
def _damage_end(data, begin, stop):  # type: ignore[no-untyped-def]
    """Where a frame ends whose end is not among the bytes, and whether it is a declaration alone."""
    at = begin + 1
    if _tag(data, begin, stop, _DECLARATION) > 0:
        at = _after(data, begin + 5, stop, 0, 63, 62)
        if at < 0:
            return stop, False
        end = at
        while at < stop and (data[at] == 32 or data[at] == 9 or data[at] == 10 or data[at] == 13):
            at += 1
        if at == stop:
            return end, True
        at += 1
    end = _next_begin(data, at, stop)[0]
    return (stop if end < 0 else end), False


@kernel
def _split(data, final, start, stop, context):  # type: ignore[no-untyped-def]
    """Finds the frames; gives their number, or -1 where they need more room, and how many bytes they cover."""
    size, count, at, used = len(data), 0, 0, 0
    while at < size:
        c = data[at]
        if c == 32 or c == 9 or c == 10 or c == 13:
            at += 1
            used = at
            continue
        if c == 0xEF and (at + 2 < size or not final):  # a byte order mark
            if at + 2 >= size:
                break
            if data[at + 1] == 0xBB and data[at + 2] == 0xBF:
                at += 3
                used = at
                continue
        most = min(size, at + LONGEST)
        end, alone = _frame(data, at, most)
        if end < 0:
            if not final and most < at + LONGEST:
                break
            end, alone = _damage_end(data, at, most)
        if count == len(start):
            return -1, 0
        tail = end
        while data[tail - 1] == 32 or data[tail - 1] == 9 or data[tail - 1] == 10 or data[tail - 1] == 13:
            tail -= 1
        start[count], stop[count], context[count] = at, tail, alone
        count += 1
        at = used = end
    return count, used


def split_events(buffer: bytes, final: bool) -> tuple[Frames, bytes]:
    """A frame an event, with the XML declaration before it; a declaration alone is context; all else is a frame.

    White space and byte order marks between frames are in none. No frame is longer than ``LONGEST``.

    >>> found, rest = split_events(b'<?xml version="1.0"?>\\n<event uid="1/>"/> junk<event>', False)
    >>> found.start.tolist(), found.stop.tolist(), rest
    ([0, 41], [40, 45], b'<event>')
    """
    data = np.frombuffer(buffer, np.uint8)
    room = 64 + len(data) // 64
    while True:
        start, stop, context = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.bool_)
        count, used = _split(data, final, start, stop, context)
        if count >= 0:
            return make_frames(buffer, start[:count], stop[:count], context[:count]), buffer[used:]
        room *= 8


# ---- reading ----


@kernel
def _same(data, a, b, text, low, high):  # type: ignore[no-untyped-def]
    same, k = b - a == high - low, 0
    while same and k < b - a:
        same = data[a + k] == text[low + k]
        k += 1
    return same


@kernel
def _skip_blank(data, at, stop):  # type: ignore[no-untyped-def]
    while at < stop and (data[at] == 32 or data[at] == 9 or data[at] == 10 or data[at] == 13):
        at += 1
    return at


@kernel
def _key(data, a, b, element, guess):  # type: ignore[no-untyped-def]
    """The column of an attribute's name, -1 where it is not read; the search begins at ``guess``."""
    if b - a > 16:
        return -1
    low, high = np.uint64(0), np.uint64(0)
    for k in range(b - a):
        if k < 8:
            low |= np.uint64(data[a + k]) << np.uint64(8 * k)
        else:
            high |= np.uint64(data[a + k]) << np.uint64(8 * (k - 8))
    bottom, top = _OF[element], _OF[element + 1]
    if guess < bottom or guess >= top:
        guess = bottom
    for k in range(guess, top):
        if _LOW[k] == low and _HIGH[k] == high:
            return k
    for k in range(bottom, guess):
        if _LOW[k] == low and _HIGH[k] == high:
            return k
    return -1


@njit(cache=True, nogil=True)
def _scan_one(data, at, stop, inside, row, kind, first, last, names, ends):  # type: ignore[no-untyped-def]
    """Is it well-formed? Fills the cells of a row. ``inside``: the bytes are the inside of a ``detail``."""
    if not clean(data, at, stop):
        return False
    base = 2 if inside else 0
    depth, detail, done, seen = base, inside, inside, 0
    remarks = -1  # depth of the content of remarks
    if not inside and _tag(data, at, stop, _DECLARATION) > 0:
        at = _after(data, at + 5, stop, 0, 63, 62)
        if at < 0:
            return False
    tags, tag_ends = np.empty(_DEPTH, np.int64), np.empty(_DEPTH, np.int64)
    while at < stop:
        c = data[at]
        if c != 60:
            if depth == 0 and not (c == 32 or c == 9 or c == 10 or c == 13):
                return False
            if c == 38:
                code, at = reference(data, at, stop)
                if code < 0:
                    return False
                continue
            if c == 93 and at + 2 < stop and data[at + 1] == 93 and data[at + 2] == 62:
                return False
            at += 1
            continue
        if at + 1 >= stop:
            return False
        d = data[at + 1]
        if d == 33:
            if _starts(data, at, stop, _COMMENT) > 0:
                end = _after(data, at + 4, stop, 0, 45, 45)
                if end < 0 or end >= stop or data[end] != 62:
                    return False
                at = end + 1
            elif depth > 0 and _starts(data, at, stop, _CDATA) > 0:
                at = _after(data, at + 9, stop, 93, 93, 62)
                if at < 0:
                    return False
            else:
                return False
        elif d == 63:
            a = at + 2
            b = name_end(data, a, stop)
            if b == a or (b - a == 3 and data[a] | 32 == 120 and data[a + 1] | 32 == 109 and data[a + 2] | 32 == 108):
                return False
            if b < stop and not (data[b] == 63 or data[b] == 32 or data[b] == 9 or data[b] == 10 or data[b] == 13):
                return False
            at = _after(data, b, stop, 0, 63, 62)
            if at < 0:
                return False
        elif d == 47:
            if depth == base:
                return False
            a = at + 2
            b = name_end(data, a, stop)
            depth -= 1
            if not _same(data, a, b, data, tags[depth], tag_ends[depth]):
                return False
            if depth == remarks:
                last[_AT_REMARKS, row] = at
                remarks = -1
            at = _skip_blank(data, b, stop)
            if at >= stop or data[at] != 62:
                return False
            at += 1
            done = done or depth == 0
        else:
            a = at + 1
            b = name_end(data, a, stop)
            if b == a or depth >= _DEPTH:
                return False
            element = -1
            if depth == 0:
                if done or not _same(data, a, b, _NAMES, _NAME_AT[_EVENT], _NAME_AT[_EVENT + 1]):
                    return False
                element = _EVENT
            elif depth == 1:
                if _same(data, a, b, _NAMES, _NAME_AT[_POINT], _NAME_AT[_POINT + 1]):
                    element = _POINT
                elif _same(data, a, b, _DETAIL, 0, len(_DETAIL)):
                    element = _IS_DETAIL
                detail = element == _IS_DETAIL
                if element >= 0 and seen >> element & 1:  # Event.xsd: each at most once
                    return False
            elif depth == 2 and detail:
                for k in range(_CONTACT, _OWN + 1):
                    if _same(data, a, b, _NAMES, _NAME_AT[k], _NAME_AT[k + 1]):
                        element = k
                        break
                if element >= 0 and seen >> element & 1:  # the first one counts
                    element = -1
            if element >= 0:
                seen |= 1 << element
            at, count, guess, closed = b, 0, 0, False
            while True:
                after = _skip_blank(data, at, stop)
                if after >= stop:
                    return False
                c = data[after]
                if c == 62:
                    at = after + 1
                    break
                if c == 47:
                    if after + 1 >= stop or data[after + 1] != 62:
                        return False
                    at, closed = after + 2, True
                    break
                low, high = after, name_end(data, after, stop)
                if after == at or high == low or count == _MOST:
                    return False
                for k in range(count):
                    if _same(data, low, high, data, names[k], ends[k]):
                        return False
                names[count], ends[count] = low, high
                count += 1
                at = _skip_blank(data, high, stop)
                if at >= stop or data[at] != 61:
                    return False
                at = _skip_blank(data, at + 1, stop)
                if at >= stop or not (data[at] == 34 or data[at] == 39):
                    return False
                quote = data[at]
                at += 1
                value, said = at, PLAIN
                while at < stop and data[at] != quote:
                    c = data[at]
                    if c == 60:
                        return False
                    if c == 38:
                        said = ATTRIBUTE
                        code, at = reference(data, at, stop)
                        if code < 0:
                            return False
                        continue
                    if c < 32:
                        said = ATTRIBUTE
                    at += 1
                if at >= stop:
                    return False
                if element >= 0 and element < _IS_DETAIL:
                    k = _key(data, low, high, element, guess)
                    if k >= 0:
                        kind[k, row], first[k, row], last[k, row] = said, value, at
                        guess = k + 1
                at += 1
            if element == _POINT:
                kind[_AT_POINT, row] = PLAIN
            elif element == _OWN:
                kind[_AT_OWN, row] = PLAIN
            elif element == _FLOW:
                kind[_AT_FLOW, row], first[_AT_FLOW, row] = PLAIN, b
                last[_AT_FLOW, row] = at - 2 if closed else at - 1
            elif element == _REMARKS and not closed:
                kind[_AT_REMARKS, row] = TEXT
                first[_AT_REMARKS, row] = last[_AT_REMARKS, row] = at
                remarks = depth
            if closed:
                done = done or depth == 0
            else:
                tags[depth], tag_ends[depth] = a, b
                depth += 1
    return done and depth == base


@njit(cache=True, nogil=True)
def _scan(data, start, stop, inside, valid, kind, first, last):  # type: ignore[no-untyped-def]
    names, ends = np.empty(_MOST, np.int64), np.empty(_MOST, np.int64)
    for row in range(len(start)):
        valid[row] = _scan_one(data, start[row], stop[row], inside, row, kind, first, last, names, ends)
        if not valid[row]:
            for k in range(kind.shape[0]):
                kind[k, row], first[k, row], last[k, row] = ABSENT, 0, 0


def scan(
    data: npt.NDArray[np.uint8],
    start: npt.NDArray[np.int64],
    stop: npt.NDArray[np.int64],
    cells: Cells,
    inside: bool = False,
) -> None:
    """Fills cells with what stands in each ``data[start:stop]``; those of events that are not valid are emptied.

    ``inside``: each is the inside of a ``detail``, not an event.
    """
    _scan(data, start, stop, inside, cells.valid, cells.kind, cells.first, cells.last)
