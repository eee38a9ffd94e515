"""Rows as events of Cursor on Target in XML, and the inside of ``detail``, which the protobuf of TAK takes too.

How a row is called stands in ``links/_cot_said.py``.

**detail**: the contact is the call sign, else the vessel's name, registration, uid, and then our element says
``label``. Pressure altitude is no height above the ellipsoid: it stands in remarks and in our element. ``track`` holds
what is known of the two. Flow tags bear the time of the position: a link has no clock.

Steps: 1 ms, 1e-7 degrees, 0.01 m of height and errors, 0.001 m/s, 0.01 degrees of track and heading, 1 ft, 1 ft/min,
0.1 kt of air speeds, 0.1 m of ``rc_m`` and draught, 0.01 degrees a minute of turn, 1 m of a ship's size.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from testigos.kernels import kernel
from testigos.links._cot import SIGMAS95, SIGMAS95_HEIGHT, UNKNOWN_M, put_node
from testigos.links._cot_said import (
    BARO,
    CATEGORY,
    CODES,
    COURSE,
    EMERGENCY,
    GEOM,
    HEIGHT,
    HOW_AT,
    HOW_NAMES,
    ID,
    KIND,
    LAT,
    LON,
    NUMBERS,
    OWN_CODES,
    OWN_NUMBERS,
    OWN_TEXTS,
    RADIUS,
    REGISTRATION,
    REMARKS,
    SIMULATED,
    SOURCE,
    SPEED,
    SQUAWK,
    TEXTS,
    TIME,
    TYPE,
    TYPE_AT,
    TYPE_CODE,
    TYPE_NAMES,
    VIA,
    Written,
    how_of,
    label_of,
    longest_uid,
    names_itself,
    sayable,
    stale_of,
    type_of,
    uid_of,
)
from testigos.links._cot_scan import LONGEST
from testigos.links._put import literal, put_integer, put_iso
from testigos.links._xml import literals, put_fixed, put_rounded, put_run, put_xml
from testigos.schema import KINDS, SOURCES
from testigos.units import FT_M, KT_MPS

__all__ = ["FIXED_ROOM", "TEXT_ROOM", "put_details", "put_events", "put_word"]

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_TEXT_NAMES, _TEXT_AT = literals(tuple(f' {n}="' for n in TEXTS))
_NUMBER_NAMES, _NUMBER_AT = literals(tuple(f' {n}="' for n in NUMBERS))
_CODE_NAMES, _CODE_AT = literals(tuple(f' {n}="' for n in CODES))
_SOURCE_NAMES, _SOURCE_AT = literals(SOURCES)
_KIND_NAMES, _KIND_AT = literals(KINDS)
_NOT_KNOWN: Final = SOURCES.index("unknown")
_DECIMALS: Final = np.array([0] * 7 + [0, 0, 0, 0, 1, 1, 2, 1, 2, 1, 0, 0, 0, 0], np.int64)
_HEAD: Final = literal('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<event version="2.0" uid="')
_TYPE_IS, _HOW_IS, _TIME_IS, _START_IS = (literal(f'" {n}="') for n in ("type", "how", "time", "start"))
_STALE_IS, _OPEX, _POINT = literal('" stale="'), literal('" opex="s'), literal('"><point lat="')
_LON_IS, _HAE_IS, _CE_IS, _LE_IS = (literal(f'" {n}="') for n in ("lon", "hae", "ce", "le"))
_DETAIL, _END = literal('"/><detail>'), literal("</detail></event>")
_UNKNOWN, _CLOSE, _SLASH = literal("9999999.0"), literal('"/>'), literal("/>")
_CONTACT, _TRACK = literal('<contact callsign="'), literal("<track")
_COURSE_IS, _SPEED_IS = literal(' course="'), literal(' speed="')
_REMARKS_TAG, _REMARKS_END = literal("<remarks>"), literal("</remarks>")
_FLOW, _OWN, _OWN_ID = literal("<_flow-tags_"), literal("<testigos"), literal(' id="')
_LABEL, _LABEL_NAMES, _MINE = (
    literal(' label="'),
    literals(("vessel_name", "registration", "uid")),
    literal('remarks="1"'),
)
_LABELS, _LABEL_AT = _LABEL_NAMES
_SOURCE_IS, _KIND_IS = literal(' source="'), literal(' kind="')
_WORD_SQUAWK, _WORD_CATEGORY, _COMMA = literal("squawk "), literal("category "), literal(", ")
_WORD_EMERGENCY, _WORD_BARO = literal("emergency "), literal(" ft pressure altitude")

FIXED_ROOM: Final = 2200  # of an event without its texts
TEXT_ROOM: Final = 20  # of a byte of text: written three times as a reference of six; a node brings a time


# ---- writing ----


@kernel
def put_word(out, at, words, begin, k):  # type: ignore[no-untyped-def]
    """One of ``literals``."""
    return put_run(out, at, words, begin[k], begin[k + 1])


@kernel
def _put_part(out, at, begin, data, low, high):  # type: ignore[no-untyped-def]
    """A text of remarks, after a comma where something stands before it."""
    if at > begin:
        at = put_fixed(out, at, _COMMA)
    return put_xml(out, at, data, low, high)


@kernel
def _put_remarks(out, at, data, start, numbers, i):  # type: ignore[no-untyped-def]
    before = at
    at = begin = put_fixed(out, at, _REMARKS_TAG)
    if start[REMARKS, i + 1] > start[REMARKS, i]:
        at = put_xml(out, at, data, start[REMARKS, i], start[REMARKS, i + 1])
    else:
        if start[SQUAWK, i + 1] > start[SQUAWK, i]:
            at = put_fixed(out, at, _WORD_SQUAWK)
            at = put_xml(out, at, data, start[SQUAWK, i], start[SQUAWK, i + 1])
        if start[EMERGENCY, i + 1] > start[EMERGENCY, i]:
            at = _put_part(out, at, begin, _WORD_EMERGENCY, 0, len(_WORD_EMERGENCY))
            at = put_xml(out, at, data, start[EMERGENCY, i], start[EMERGENCY, i + 1])
        if start[CATEGORY, i + 1] > start[CATEGORY, i]:
            at = _put_part(out, at, begin, _WORD_CATEGORY, 0, len(_WORD_CATEGORY))
            at = put_xml(out, at, data, start[CATEGORY, i], start[CATEGORY, i + 1])
        for t in (REGISTRATION, TYPE_CODE):
            if start[t, i + 1] > start[t, i]:
                at = _put_part(out, at, begin, data, start[t, i], start[t, i + 1])
        if abs(numbers[BARO, i]) < 1e9:
            if at > begin:
                at = put_fixed(out, at, _COMMA)
            at = put_rounded(out, at, numbers[BARO, i], 0)
            at = put_fixed(out, at, _WORD_BARO)
    return before if at == begin else put_fixed(out, at, _REMARKS_END)


@kernel
def _put_flow(out, at, data, low, high, time_ns):  # type: ignore[no-untyped-def]
    """The nodes of ``data[low:high]`` as flow tags; a node that comes again is named once, as XML demands (3.1)."""
    at = put_fixed(out, at, _FLOW)
    k = low
    while k < high:
        if data[k] <= 32:
            k += 1
            continue
        end = k
        while end < high and data[end] > 32:
            end += 1
        again, j = False, low
        while j < k and not again:
            if data[j] <= 32:
                j += 1
                continue
            stop = j
            while stop < k and data[stop] > 32:
                stop += 1
            again, m = stop - j == end - k, 0
            while again and m < end - k:
                again = data[j + m] == data[k + m]
                m += 1
            j = stop
        if not again:
            out[at] = 32
            at = put_node(out, at + 1, data, k, end)
            out[at], out[at + 1] = 61, 34
            at = put_iso(out, at + 2, time_ns)
            out[at] = 34
            at += 1
        k = end
    return put_fixed(out, at, _SLASH)


@kernel
def _put_own(out, at, data, start, numbers, codes, i, word, size, label):  # type: ignore[no-untyped-def]
    """Our element."""
    at = put_fixed(out, at, _OWN)
    low, high = start[ID, i], start[ID, i + 1]
    if high > low and not names_itself(word, size, data, low, high):
        at = put_fixed(out, at, _OWN_ID)
        at = put_xml(out, at, data, low, high)
        out[at] = 34
        at += 1
    if label >= 0:
        at = put_fixed(out, at, _LABEL)
        at = put_word(out, at, _LABELS, _LABEL_AT, label)
        out[at] = 34
        at += 1
    if 0 <= codes[KIND, i] < len(_KIND_AT) - 1:
        at = put_fixed(out, at, _KIND_IS)
        at = put_word(out, at, _KIND_NAMES, _KIND_AT, codes[KIND, i])
        out[at] = 34
        at += 1
    if 0 <= codes[SOURCE, i] < len(_SOURCE_AT) - 1 and codes[SOURCE, i] != _NOT_KNOWN:
        at = put_fixed(out, at, _SOURCE_IS)
        at = put_word(out, at, _SOURCE_NAMES, _SOURCE_AT, codes[SOURCE, i])
        out[at] = 34
        at += 1
    for t in range(OWN_TEXTS, start.shape[0]):
        if start[t, i + 1] > start[t, i]:
            at = put_word(out, at, _TEXT_NAMES, _TEXT_AT, t)
            at = put_xml(out, at, data, start[t, i], start[t, i + 1])
            out[at] = 34
            at += 1
    for t in range(OWN_CODES, codes.shape[0]):
        if codes[t, i] >= 0:
            at = put_word(out, at, _CODE_NAMES, _CODE_AT, t)
            at = put_integer(out, at, codes[t, i])
            out[at] = 34
            at += 1
    for t in range(OWN_NUMBERS, numbers.shape[0]):
        if abs(numbers[t, i]) < 1e9:
            at = put_word(out, at, _NUMBER_NAMES, _NUMBER_AT, t)
            at = put_rounded(out, at, numbers[t, i], _DECIMALS[t])
            out[at] = 34
            at += 1
    if start[REMARKS, i + 1] > start[REMARKS, i]:
        out[at] = 32
        at = put_fixed(out, at + 1, _MINE)
    return put_fixed(out, at, _SLASH)


@kernel
def _put_track(out, at, numbers, i):  # type: ignore[no-untyped-def]
    """The element of what is known of course and speed, if anything is."""
    speed, course = numbers[SPEED, i], numbers[COURSE, i]
    if not (abs(speed) < 1e6 or abs(course) < 1e6):
        return at
    at = put_fixed(out, at, _TRACK)
    if abs(course) < 1e6:
        at = put_fixed(out, at, _COURSE_IS)
        at = put_rounded(out, at, course, 2)
        out[at] = 34
        at += 1
    if abs(speed) < 1e6:
        at = put_fixed(out, at, _SPEED_IS)
        at = put_rounded(out, at, speed * KT_MPS, 3)
        out[at] = 34
        at += 1
    return put_fixed(out, at, _SLASH)


@kernel
def put_details(out, at, data, start, numbers, codes, i, word, size, xml):  # type: ignore[no-untyped-def]
    """The inside of a row's ``detail``; without ``xml`` not what the protobuf of TAK has messages for."""
    shown, label = label_of(start, i)
    if xml:
        at = put_fixed(out, at, _CONTACT)
        if shown < 0:
            at = put_xml(out, at, word, 0, size)
        else:
            at = put_xml(out, at, data, start[shown, i], start[shown, i + 1])
        at = put_fixed(out, at, _CLOSE)
    if xml or not (abs(numbers[SPEED, i]) < 1e6 and abs(numbers[COURSE, i]) < 1e6):
        at = _put_track(out, at, numbers, i)
    at = _put_remarks(out, at, data, start, numbers, i)
    if start[VIA, i + 1] > start[VIA, i]:
        at = _put_flow(out, at, data, start[VIA, i], start[VIA, i + 1], codes[TIME, i])
    return _put_own(out, at, data, start, numbers, codes, i, word, size, label)


@kernel
def _put_metres(out, at, value, least):  # type: ignore[no-untyped-def]
    """Metres with two decimals, the known ones below the number that stands for unknown."""
    if not abs(value) < UNKNOWN_M:
        return put_fixed(out, at, _UNKNOWN)
    return put_rounded(out, at, max(value, least), 2)


@njit(cache=True, nogil=True)
def _put_events(data, start, numbers, codes, out, piece):  # type: ignore[no-untyped-def]
    at, word = 0, np.empty(longest_uid(start), np.uint8)
    for i in range(len(piece) - 1):
        begin = at
        piece[i + 1] = at
        if not sayable(start, numbers, codes, i):
            continue
        at = put_fixed(out, at, _HEAD)
        size = uid_of(word, data, start, i)
        at = put_xml(out, at, word, 0, size)
        at = put_fixed(out, at, _TYPE_IS)
        if start[TYPE, i + 1] > start[TYPE, i]:
            at = put_xml(out, at, data, start[TYPE, i], start[TYPE, i + 1])
        else:
            at = put_word(out, at, TYPE_NAMES, TYPE_AT, type_of(data, start, codes, i))
        at = put_fixed(out, at, _HOW_IS)
        at = put_word(out, at, HOW_NAMES, HOW_AT, how_of(codes, i))
        at = put_fixed(out, at, _TIME_IS)
        stamp = at
        at = put_iso(out, at, codes[TIME, i])
        end = at
        at = put_fixed(out, at, _START_IS)
        at = put_run(out, at, out, stamp, end)
        at = put_fixed(out, at, _STALE_IS)
        at = put_iso(out, at, stale_of(codes, i))
        if codes[SIMULATED, i] == 1:
            at = put_fixed(out, at, _OPEX)
        at = put_fixed(out, at, _POINT)
        at = put_rounded(out, at, numbers[LAT, i], 7)
        at = put_fixed(out, at, _LON_IS)
        at = put_rounded(out, at, numbers[LON, i], 7)
        at = put_fixed(out, at, _HAE_IS)
        at = _put_metres(out, at, numbers[GEOM, i] * FT_M, -UNKNOWN_M)
        at = put_fixed(out, at, _CE_IS)
        at = _put_metres(out, at, numbers[RADIUS, i] / SIGMAS95, 0.01)
        at = put_fixed(out, at, _LE_IS)
        at = _put_metres(out, at, numbers[HEIGHT, i] / SIGMAS95_HEIGHT, 0.01)
        at = put_fixed(out, at, _DETAIL)
        at = put_details(out, at, data, start, numbers, codes, i, word, size, True)
        at = put_fixed(out, at, _END)
        if at - begin > LONGEST:
            at = begin
        piece[i + 1] = at
    return at


def put_events(rows: Written) -> tuple[Bytes, Ints]:
    """The XML of the rows' events and where each begins, (N + 1,); empty where a row lacks name, time or position.

    So is one that would be longer than a reader takes.
    """
    out = np.empty(len(rows) * FIXED_ROOM + len(rows.data) * TEXT_ROOM, np.uint8)
    piece = np.zeros(len(rows) + 1, np.int64)
    size = _put_events(rows.data, rows.start, rows.numbers, rows.codes, out, piece)
    return out[:size], piece
