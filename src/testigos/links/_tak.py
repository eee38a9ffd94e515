"""Messages of TAK Protocol version 1 as kernels: where they begin and end, what is in them, and writing them.

Source: ATAK-CIV, commoncommo, protocol.txt and its .proto files; the numbers of fields are theirs.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.kernels import kernel
from testigos.links._cot import SIGMAS95, SIGMAS95_HEIGHT, UNKNOWN_M
from testigos.links._cot_said import (
    COURSE,
    GEOM,
    HEIGHT,
    HOW_AT,
    HOW_NAMES,
    LAT,
    LON,
    RADIUS,
    SIMULATED,
    SPEED,
    TIME,
    TYPE,
    TYPE_AT,
    TYPE_NAMES,
    Written,
    how_of,
    label_of,
    longest_uid,
    sayable,
    stale_of,
    type_of,
    uid_of,
)
from testigos.links._cot_scan import COLUMN, LONGEST
from testigos.links._cot_write import FIXED_ROOM, TEXT_ROOM, put_details
from testigos.links._protobuf import (
    FIXED64,
    LENGTH,
    VARINT,
    get_double,
    get_field,
    get_varint,
    put_double,
    put_varint,
    skip_value,
    varint_size,
)
from testigos.links._xml import ABSENT, PLAIN, RAW, clean, put_clean, put_run
from testigos.registry import Frames
from testigos.registry import frames as make_frames
from testigos.units import FT_M, KT_MPS

__all__ = ["DAMAGED", "DOUBLES", "SILENT", "begins", "put_messages", "read_messages", "split_messages"]

#: Doubles of an event, in the order of its fields, and of its track.
DOUBLES: Final = ("point.lat", "point.lon", "point.hae", "point.ce", "point.le", "track.speed", "track.course")
DAMAGED, SILENT, _SAYS = 0, 1, 2  #: what became of a message; a silent one has no event

_MAGIC, _MESH = 0xBF, 0x01
_IN_CONTROL, _IN_EVENT = 1, 2  # TakMessage
_IN_TYPE, _IN_OPEX, _IN_UID, _IN_SEND, _IN_START, _IN_STALE, _IN_HOW = 1, 4, 5, 6, 7, 8, 9  # CotEvent
_IN_LAT, _IN_LON, _IN_HAE, _IN_CE, _IN_LE, _IN_DETAIL = range(10, 16)
_IN_XML, _IN_CONTACT, _IN_TRACK = 1, 2, 7  # Detail
_IN_CALLSIGN = 2  # Contact
_IN_SPEED, _IN_COURSE = 1, 2  # Track
_AT_TYPE, _AT_UID, _AT_OPEX = COLUMN["event.type"], COLUMN["event.uid"], COLUMN["event.opex"]
_AT_HOW, _AT_CALLSIGN, _AT_POINT = COLUMN["event.how"], COLUMN["contact.callsign"], COLUMN["point.+"]
_LATEST_MS: Final = 9_000_000_000_000  # more is out of the range of times too
_MOST_HEADER: Final = 4
_SIZE_ROOM: Final = 2  # for the size of a message that is being written

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

# ---- framing ----


@kernel
def _well(data, at, stop):  # type: ignore[no-untyped-def]
    """Do fields fill the bytes?"""
    while at < stop:
        _, wire, value = get_field(data, at, stop)
        at = skip_value(data, value, stop, wire) if value >= 0 else -1
        if at < 0:
            return False
    return True


@kernel
def _fields_end(data, at, stop):  # type: ignore[no-untyped-def]
    """Where the fields that begin at ``at`` end, and whether they do so well: at ``stop`` or before 0xbf.

    1: they do; 0: what follows is no field; -1: the bytes end in a field.
    """
    while at < stop:
        if data[at] == _MAGIC:
            return at, 1
        field, wire, value = get_field(data, at, stop)
        if value < 0:
            return at, (-1 if stop - at < 10 and get_varint(data, at, stop)[1] < 0 else 0)
        then = skip_value(data, value, stop, wire)
        if then < 0:
            return at, (-1 if then == -1 else 0)
        if field == _IN_EVENT and wire == LENGTH and not _well(data, get_varint(data, value, stop)[1], then):
            return at, 0  # a message that was cut takes the next one's bytes for its own
        at = then
    return at, 1


@kernel
def _header(data, at, stop):  # type: ignore[no-untyped-def]
    """Size of the header at ``at``, 0 where there is none, -1 where not all of it is here; and of its message.

    The message of a mesh has the size -1.
    """
    if data[at] != _MAGIC:
        return 0, 0
    if at + 1 >= stop:
        return -1, 0
    if data[at + 1] == _MESH:
        if at + 2 >= stop:
            return -1, 0
        if data[at + 2] == _MAGIC:
            return 3, -1
    size, then = get_varint(data, at + 1, min(stop, at + _MOST_HEADER))
    if then < 0:
        return (-1 if at + _MOST_HEADER > stop else 0), 0
    return (then - at if size <= LONGEST else 0), size


@kernel
def _next_header(data, at, stop):  # type: ignore[no-untyped-def]
    """The next header before an event or a control; -1 where the bytes end before one, or before one can tell."""
    while at < stop:
        head, size = _header(data, at, stop)
        if head < 0 or (head > 0 and at + head >= stop):
            return -1
        if head > 0 and (size < 0 or size >= 2):
            tag = data[at + head]
            if tag == (_IN_CONTROL << 3 | LENGTH) or tag == (_IN_EVENT << 3 | LENGTH):
                return at
        at += 1
    return -1


@kernel
def _frame_end(data, begin, stop, sure):  # type: ignore[no-untyped-def]
    """Where the frame at ``begin`` ends; -1 where more bytes must tell. ``sure``: there will be no more."""
    head, size = _header(data, begin, stop)
    if head < 0 and not sure:
        return -1
    if head > 0 and size >= 0:
        end = begin + head + size
        if end > stop and not sure:
            return -1
        if end <= stop:
            reached, well = _fields_end(data, begin + head, end)
            if well == 1 and reached == end:
                return end
    elif head > 0:
        reached, well = _fields_end(data, begin + head, stop)
        if well == 1 and (reached < stop or sure):
            return reached
        if well != 0 and not sure:
            return -1
    end = _next_header(data, begin + 1, stop)
    if end >= 0:
        return end
    return stop if sure else -1


@kernel
def _split(data, final, start, stop):  # type: ignore[no-untyped-def]
    """Finds the frames; gives their number, or -1 where they need more room, and how many bytes they cover."""
    size, count, at = len(data), 0, 0
    while at < size:
        most = min(size, at + LONGEST)
        end = _frame_end(data, at, most, final or most == at + LONGEST)
        if end < 0:
            break
        if count == len(start):
            return -1, 0
        start[count], stop[count] = at, end
        count += 1
        at = end
    return count, at


def split_messages(buffer: bytes, final: bool) -> tuple[Frames, bytes]:
    """A frame a message with its header; what is none is a frame up to the next header.

    >>> found, rest = split_messages(bytes.fromhex("bf020a00" "00" "bf01bf0a00" "bf0212"), False)
    >>> found.start.tolist(), found.stop.tolist(), rest
    ([0, 4, 5], [4, 5, 10], b'\\xbf\\x02\\x12')
    """
    data = np.frombuffer(buffer, np.uint8)
    room = 64 + len(data) // 64
    while True:
        start, stop = np.empty(room, np.int64), np.empty(room, np.int64)
        count, used = _split(data, final, start, stop)
        if count >= 0:
            return make_frames(buffer, start[:count], stop[:count]), buffer[used:]
        room *= 8


def begins(head: bytes) -> bool:
    """Does a header stand at the beginning, before an event or a control?"""
    return head[:1] == b"\xbf" and bool(_next_header(np.frombuffer(head, np.uint8), 0, len(head)) == 0)


# ---- reading ----


@kernel
def _note(data, low, high, k, row, kind, first, last):  # type: ignore[no-untyped-def]
    """Notes a text; is it one that XML could say?"""
    if not clean(data, low, high):
        return False
    kind[k, row] = RAW if high > low else ABSENT
    first[k, row] = low if high > low else 0
    last[k, row] = high if high > low else 0
    return True


@kernel
def _contact(data, at, stop, row, kind, first, last):  # type: ignore[no-untyped-def]
    """Reads a contact; false where it is damaged, as with all that follow."""
    while at < stop:
        field, wire, value = get_field(data, at, stop)
        at = skip_value(data, value, stop, wire) if value >= 0 else -1
        if at < 0:
            return False
        if wire == LENGTH and field == _IN_CALLSIGN:
            size, value = get_varint(data, value, stop)
            if not _note(data, value, value + size, _AT_CALLSIGN, row, kind, first, last):
                return False
    return True


@kernel
def _track(data, at, stop, row, doubles):  # type: ignore[no-untyped-def]
    for k in range(5, 7):
        if np.isnan(doubles[k, row]):
            doubles[k, row] = 0.0  # proto3 does not write zeros
    while at < stop:
        field, wire, value = get_field(data, at, stop)
        at = skip_value(data, value, stop, wire) if value >= 0 else -1
        if at < 0:
            return False
        if wire == FIXED64 and _IN_SPEED <= field <= _IN_COURSE:
            doubles[4 + field, row] = get_double(data, value)
    return True


@kernel
def _detail(data, at, stop, row, kind, first, last, doubles, xml):  # type: ignore[no-untyped-def]
    while at < stop:
        field, wire, value = get_field(data, at, stop)
        at = skip_value(data, value, stop, wire) if value >= 0 else -1
        if at < 0:
            return False
        if wire != LENGTH:
            continue
        size, value = get_varint(data, value, stop)
        if field == _IN_XML:
            xml[0, row], xml[1, row] = value, value + size
        elif field == _IN_CONTACT:
            if not _contact(data, value, value + size, row, kind, first, last):
                return False
        elif field == _IN_TRACK and not _track(data, value, value + size, row, doubles):
            return False
    return True


@kernel
def _event(data, at, stop, row, kind, first, last, doubles, times, xml):  # type: ignore[no-untyped-def]
    for k in range(5):
        if kind[_AT_POINT, row] == ABSENT:
            doubles[k, row] = 0.0
    kind[_AT_POINT, row] = PLAIN
    while at < stop:
        field, wire, value = get_field(data, at, stop)
        at = skip_value(data, value, stop, wire) if value >= 0 else -1
        if at < 0:
            return False
        if wire == FIXED64 and _IN_LAT <= field <= _IN_LE:
            doubles[field - _IN_LAT, row] = get_double(data, value)
        elif wire == VARINT and _IN_SEND <= field <= _IN_STALE:
            times[field - _IN_SEND, row] = min(get_varint(data, value, stop)[0], _LATEST_MS)
        elif wire == LENGTH:
            size, value = get_varint(data, value, stop)
            k = -1
            if field == _IN_DETAIL:
                if not _detail(data, value, value + size, row, kind, first, last, doubles, xml):
                    return False
            elif field == _IN_TYPE:
                k = _AT_TYPE
            elif field == _IN_UID:
                k = _AT_UID
            elif field == _IN_OPEX:
                k = _AT_OPEX
            elif field == _IN_HOW:
                k = _AT_HOW
            if k >= 0 and not _note(data, value, value + size, k, row, kind, first, last):
                return False
    return True


@kernel
def _message(data, begin, end, row, kind, first, last, doubles, times, xml):  # type: ignore[no-untyped-def]
    """Reads a frame: ``DAMAGED``, ``SILENT`` or ``_SAYS``."""
    head, size = _header(data, begin, end)
    if head <= 0 or (size >= 0 and begin + head + size != end):
        return DAMAGED
    at, state = begin + head, SILENT
    while at < end:
        field, wire, value = get_field(data, at, end)
        at = skip_value(data, value, end, wire) if value >= 0 else -1
        if at < 0:
            return DAMAGED
        if field == _IN_EVENT and wire == LENGTH:
            size, value = get_varint(data, value, end)
            if not _event(data, value, value + size, row, kind, first, last, doubles, times, xml):
                return DAMAGED
            state = _SAYS
    return state


@kernel
def read_messages(data, start, stop, kind, first, last, doubles, times, xml, state):  # type: ignore[no-untyped-def]
    """Reads frames: texts into cells, doubles (7, N), times in ms (3, N), spans of xmlDetail (2, N), state (N,)."""
    for row in range(len(start)):
        state[row] = _message(data, start[row], stop[row], row, kind, first, last, doubles, times, xml)
        if state[row] == DAMAGED:
            xml[0, row] = xml[1, row] = 0
            for k in range(kind.shape[0]):
                kind[k, row], first[k, row], last[k, row] = ABSENT, 0, 0


# ---- writing ----


@kernel
def _put_text(out, at, field, data, low, high):  # type: ignore[no-untyped-def]
    """A field of bytes, unless they are none."""
    if high <= low:
        return at
    out[at] = field << 3 | LENGTH
    at = put_varint(out, at + 1, high - low)
    return put_run(out, at, data, low, high)


@kernel
def _put_number(out, at, field, value):  # type: ignore[no-untyped-def]
    if value <= 0:
        return at
    out[at] = field << 3 | VARINT
    return put_varint(out, at + 1, value)


@kernel
def _metres(value):  # type: ignore[no-untyped-def]
    """Known metres; cotevent.proto has a number for unknown ones, and 0 would not be written."""
    return value if abs(value) < UNKNOWN_M else UNKNOWN_M


@kernel
def _sized(out, begin, end):  # type: ignore[no-untyped-def]
    """Writes how many bytes stand after ``begin + _SIZE_ROOM``, and moves them where that takes not so many bytes.

    Gives the place after them. So messages in messages are written where they stay, for their sizes mostly fit.
    """
    size = end - begin - _SIZE_ROOM
    shift = varint_size(size) - _SIZE_ROOM
    if shift < 0:
        for k in range(begin + _SIZE_ROOM, end):
            out[k + shift] = out[k]
    elif shift > 0:
        for k in range(end - 1, begin + _SIZE_ROOM - 1, -1):
            out[k + shift] = out[k]
    put_varint(out, begin, size)
    return end + shift


@kernel
def _put_detail(out, at, data, start, numbers, codes, i, word, size, spare):  # type: ignore[no-untyped-def]
    """The fields of a row's detail."""
    out[at] = _IN_XML << 3 | LENGTH
    begin = at + 1
    at = put_details(out, begin + _SIZE_ROOM, data, start, numbers, codes, i, word, size, False)
    at = _sized(out, begin, at)
    shown, _ = label_of(start, i)
    if shown < 0:
        named = put_clean(spare, 0, word, 0, size)
    else:
        named = put_clean(spare, 0, data, start[shown, i], start[shown, i + 1])
    if named > 0:
        out[at] = _IN_CONTACT << 3 | LENGTH
        at = put_varint(out, at + 1, named + 1 + varint_size(named))
        at = _put_text(out, at, _IN_CALLSIGN, spare, 0, named)
    speed, course = numbers[SPEED, i] * KT_MPS, numbers[COURSE, i]
    if abs(numbers[SPEED, i]) < 1e6 and abs(course) < 1e6:
        out[at] = _IN_TRACK << 3 | LENGTH
        out[at + 1] = (9 if speed != 0.0 else 0) + (9 if course != 0.0 else 0)
        at = put_double(out, at + 2, _IN_SPEED, speed)
        at = put_double(out, at, _IN_COURSE, course)
    return at


@kernel
def _put_event(out, at, data, start, numbers, codes, i, word, spare):  # type: ignore[no-untyped-def]
    """The fields of a row's event."""
    if start[TYPE, i + 1] > start[TYPE, i]:
        size = put_clean(spare, 0, data, start[TYPE, i], start[TYPE, i + 1])
        at = _put_text(out, at, _IN_TYPE, spare, 0, size)
    else:
        k = type_of(data, start, codes, i)
        at = _put_text(out, at, _IN_TYPE, TYPE_NAMES, TYPE_AT[k], TYPE_AT[k + 1])
    if codes[SIMULATED, i] == 1:
        spare[0] = 115
        at = _put_text(out, at, _IN_OPEX, spare, 0, 1)
    size = uid_of(word, data, start, i)
    named = put_clean(spare, 0, word, 0, size)
    at = _put_text(out, at, _IN_UID, spare, 0, named)
    ms = (codes[TIME, i] + 500_000) // 1_000_000
    at = _put_number(out, at, _IN_SEND, ms)
    at = _put_number(out, at, _IN_START, ms)
    at = _put_number(out, at, _IN_STALE, (stale_of(codes, i) + 500_000) // 1_000_000)
    k = how_of(codes, i)
    at = _put_text(out, at, _IN_HOW, HOW_NAMES, HOW_AT[k], HOW_AT[k + 1])
    at = put_double(out, at, _IN_LAT, numbers[LAT, i])
    at = put_double(out, at, _IN_LON, numbers[LON, i])
    at = put_double(out, at, _IN_HAE, _metres(numbers[GEOM, i] * FT_M))
    at = put_double(out, at, _IN_CE, _metres(numbers[RADIUS, i] / SIGMAS95))
    at = put_double(out, at, _IN_LE, _metres(numbers[HEIGHT, i] / SIGMAS95_HEIGHT))
    out[at] = _IN_DETAIL << 3 | LENGTH
    begin = at + 1
    at = _put_detail(out, begin + _SIZE_ROOM, data, start, numbers, codes, i, word, size, spare)
    return _sized(out, begin, at)


@njit(cache=True, nogil=True)
def _put_messages(data, start, numbers, codes, mesh, room, out, piece):  # type: ignore[no-untyped-def]
    at, word = 0, np.empty(longest_uid(start), np.uint8)
    spare = np.empty(room, np.uint8)
    for i in range(len(piece) - 1):
        piece[i + 1] = at
        if not sayable(start, numbers, codes, i):
            continue
        begin = at + 3 if mesh else at + 1 + _SIZE_ROOM
        out[begin] = _IN_EVENT << 3 | LENGTH
        event = begin + 1
        end = _put_event(out, event + _SIZE_ROOM, data, start, numbers, codes, i, word, spare)
        end = _sized(out, event, end)
        if end - begin + _MOST_HEADER > LONGEST:
            continue
        out[at] = _MAGIC
        if mesh:
            out[at + 1], out[at + 2] = _MESH, _MAGIC
            at = end
        else:
            at = _sized(out, at + 1, end)
        piece[i + 1] = at
    return at


def put_messages(rows: Written, mesh: bool) -> tuple[Bytes, Ints]:
    """The messages of the rows and where each begins, (N + 1,); empty where a row lacks name, time or position.

    So is one that would be longer than a reader takes.
    """
    sizes = rows.start[:, 1:] - rows.start[:, :-1]
    room = 16 + TEXT_ROOM * int(sizes.max(initial=0))  # for any one text
    out = np.empty(len(rows) * FIXED_ROOM + len(rows.data) * TEXT_ROOM, np.uint8)
    piece = np.zeros(len(rows) + 1, np.int64)
    size = _put_messages(rows.data, rows.start, rows.numbers, rows.codes, mesh, room, out, piece)
    return out[:size], piece
