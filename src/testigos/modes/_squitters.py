"""The messages of a row of a table, one row after another: the kernel of ``encode_rows.squitters``.

The same fields as ``encode`` writes over arrays, from the same documents: ICAO Annex 10 volume IV (5th edition) 3.1.2,
Doc 9871 (2nd edition) appendices A to C, RTCA DO-260B 2.2.3. Words of 56 bits are whole numbers whose highest bit is
bit 1 of the specification. Tests hold the two to the same bits.
"""

import math
from typing import Final

import numpy as np

from testigos.kernels import kernel
from testigos.modes.encode import cpr_edges, movement_bounds, remainders

__all__ = ["MOST", "write_rows"]

MOST: Final = 7  #: messages of a row

_ADSB, _ADSR, _TISB, _MODE_S = range(4)
(
    _LAT, _LON, _BARO, _GEOM, _GS, _TRACK, _RATE, _RATE_GEOM, _IAS, _TAS, _HEADING, _NIC, _RC, _NAC_P, _NAC_V, _SIL,
    _VERSION,
) = range(17)  # fmt: skip
_ID, _CALLSIGN, _SQUAWK, _CATEGORY, _EMERGENCY = range(5)
_FASTEST_KT: Final = 1_021.5  # what the fields of subtypes 1 and 3 can hold
_LARGEST_DIFFERENCE_FT: Final = 3_137.0
_REMAINDERS: Final = remainders().astype(np.int64)
_EDGES: Final = cpr_edges()
_BOUNDS: Final = movement_bounds()
_GRAY_C: Final = np.array([0b001, 0b011, 0b010, 0b110, 0b100])
_CPR_BITS: Final = (1 << 17) - 1


@kernel
def _nearest(value, step):  # type: ignore[no-untyped-def]
    """Whole steps nearest to a value; 0 where it is unknown."""
    steps = np.floor(value / step + 0.5)
    return np.int64(steps) if math.isfinite(value) else np.int64(0)


@kernel
def _magnitude(value, step, most):  # type: ignore[no-untyped-def]
    """1 + whole steps of a value without its sign, at most ``most``; 0 where unknown."""
    return min(_nearest(abs(value), step) + 1, most) if math.isfinite(value) else 0


@kernel
def _whole(value):  # type: ignore[no-untyped-def]
    """A code; 0 where unknown."""
    return np.int64(value) if math.isfinite(value) else np.int64(0)


@kernel
def _place(edges, value, right):  # type: ignore[no-untyped-def]
    """How many of the rising edges are below a value, or with ``right`` not above it."""
    low, high = 0, len(edges)
    while low < high:
        middle = (low + high) >> 1
        if edges[middle] < value or (right and edges[middle] == value):
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _cpr(lat, lon, odd, surface):  # type: ignore[no-untyped-def]
    """Encoded latitude and longitude side by side, 34 bits. Source: Doc 9871 C.2.6.3."""
    steps = 524_288.0 if surface else 131_072.0
    lat_zone = 360.0 / (60 - odd)
    y = np.floor(steps * (lat % lat_zone) / lat_zone + 0.5)
    rounded = lat_zone * (y / steps + np.floor(lat / lat_zone))
    lon_zone = 360.0 / max(59 - _place(_EDGES, abs(rounded), False) - odd, 1)
    x = np.floor(steps * (lon % lon_zone) / lon_zone + 0.5)
    return (np.int64(y) & _CPR_BITS) << 17 | (np.int64(x) & _CPR_BITS)


@kernel
def _gillham(hundreds):  # type: ignore[no-untyped-def]
    """The 13 bits of an altitude in hundreds of feet. Source: Annex 10 volume IV, appendix to chapter 3."""
    n = min(max(hundreds, -12), 1_267) + 12
    five, one = n // 5, n % 5
    c = _GRAY_C[4 - one if five & 1 else one]
    g = five ^ (five >> 1)  # D2 D4 A1 A2 A4 B1 B2 B4
    code = (c >> 2) << 12 | (g >> 5 & 1) << 11 | (c >> 1 & 1) << 10 | (g >> 4 & 1) << 9 | (c & 1) << 8
    return (
        code | (g >> 3 & 1) << 7 | (g >> 2 & 1) << 5 | (g >> 1 & 1) << 3 | (g >> 7 & 1) << 2 | (g & 1) << 1 | g >> 6 & 1
    )


@kernel
def _altitude13(alt):  # type: ignore[no-untyped-def]
    """The AC field. Source: Annex 10 volume IV 3.1.2.6.5.4."""
    if not (-1_250.0 <= alt < 126_750.0):
        return np.int64(0)
    steps = _nearest(alt + 1_000.0, 25.0)
    if steps < 0 or steps > 0x7FF:
        return np.int64(_gillham(_nearest(alt, 100.0)))
    return np.int64((steps >> 5) << 7 | (steps >> 4 & 1) << 5 | 1 << 4 | steps & 15)


@kernel
def _identity13(code):  # type: ignore[no-untyped-def]
    """The ID field of a Mode A code. Source: Annex 10 volume IV 3.1.2.6.7.1, 3.1.1.6."""
    a, b, c, d = code >> 9 & 7, code >> 6 & 7, code >> 3 & 7, code & 7
    high = (c & 1) << 12 | (a & 1) << 11 | (c >> 1 & 1) << 10 | (a >> 1 & 1) << 9 | c >> 2 << 8 | a >> 2 << 7
    return high | (b & 1) << 5 | (d & 1) << 4 | (b >> 1 & 1) << 3 | (d >> 1 & 1) << 2 | b >> 2 << 1 | d >> 2


@kernel
def _letters(data, low, high):  # type: ignore[no-untyped-def]
    """Eight characters of six bits each; those that the alphabet lacks are left out. Source: Doc 9871 table A-2-8."""
    word, size = np.int64(0), 0
    for k in range(low, high):
        c = np.int64(data[k])
        c = c - 32 if 97 <= c <= 122 else c
        code = c - 64 if 65 <= c <= 90 else c if c == 32 or 48 <= c <= 57 else 0
        if code > 0 and size < 8:
            word = word << 6 | code
            size += 1
    for _ in range(size, 8):
        word = word << 6 | 32
    return word


@kernel
def _containment(tables, counts, ground, version, nic, rc):  # type: ignore[no-untyped-def]
    """The row of a table of containment that can be said and is nearest to a NIC and a radius."""
    which = (3 if ground else 0) + min(version, 2)
    wanted = rc if math.isfinite(rc) else 1e9
    best, least = 0, np.inf
    for k in range(counts[which]):
        apart = 0.0
        if math.isfinite(nic):
            apart = abs(tables[which, k, 1] - nic) * 1e6
            if tables[which, k, 1] > nic:
                apart += 1e12
        radius = tables[which, k, 2]
        apart += 1e-6 * radius if radius >= wanted - 0.5 else 2e4 - 1e-6 * radius
        if apart < least:
            best, least = k, apart
    return which, best


@kernel
def _put(payload, size, m, head, body, length, overlay):  # type: ignore[no-untyped-def]
    """A message of 32 header bits, 56 more bits where it is long, and the parity with its overlay."""
    for k in range(4):
        payload[m, k] = head >> (24 - 8 * k) & 0xFF
    if length == 14:
        for k in range(7):
            payload[m, 4 + k] = body >> (48 - 8 * k) & 0xFF
    else:
        for k in range(7):
            payload[m, 7 + k] = 0
    rest = np.int64(0)
    for k in range(length - 3):
        rest = (rest << 8 & 0xFFFFFF) ^ _REMAINDERS[(rest >> 16) ^ np.int64(payload[m, k])]
    rest ^= overlay
    for k in range(3):
        payload[m, length - 3 + k] = rest >> (16 - 8 * k) & 0xFF
    size[m] = length
    return m + 1


@kernel
def _vertical(number, i):  # type: ignore[no-untyped-def]
    """Bits 36 to 56 of TC 19. Source: Doc 9871 A.2.3.5."""
    barometric = math.isfinite(number[_RATE, i])
    rate = number[_RATE, i] if barometric else number[_RATE_GEOM, i]
    apart = number[_GEOM, i] - number[_BARO, i]
    if not abs(apart) <= _LARGEST_DIFFERENCE_FT:
        apart = np.nan
    made = (1 if barometric else 0) << 20 | (1 if rate < 0.0 else 0) << 19 | _magnitude(rate, 64.0, 511) << 10
    return made | (1 if apart < 0.0 else 0) << 7 | _magnitude(apart, 25.0, 127)


@kernel
def _velocity(number, i, kind, anonymous):  # type: ignore[no-untyped-def]
    """TC 19: over ground where speed and track are known, else through the air. Source: Doc 9871 A.2.3.5."""
    nac_p, nac_v = _whole(number[_NAC_P, i]), _whole(number[_NAC_V, i])
    head = np.int64(2 if kind != _ADSB and anonymous else 0)
    if kind == _TISB:  # four bits of NACp where ADS-B has IFR capability and NACv (Doc 9871 table B-3-4)
        head |= nac_p >> 3
        nac_v = nac_p & 7
    head = (head & 3) << 3 | (nac_v & 7)
    gs = number[_GS, i]
    track = 0.0 if gs == 0.0 else number[_TRACK, i]  # no movement has no direction
    over_ground = math.isfinite(gs) and math.isfinite(track)
    true = math.isfinite(number[_TAS, i])
    speed = number[_TAS, i] if true else number[_IAS, i]
    if not over_ground and math.isfinite(speed):
        fast = speed > _FASTEST_KT
        heading = number[_HEADING, i]
        made = (4 if fast else 3) << 48 | head << 43 | (1 if math.isfinite(heading) else 0) << 42
        made |= (_nearest(heading, 360.0 / 1_024) & 1_023) << 32 | (1 if true else 0) << 31
        made |= _magnitude(speed / (4 if fast else 1), 1.0, 1_023) << 21
    else:
        east, north = np.nan, np.nan
        if over_ground:
            angle = math.radians(track)
            east, north = gs * math.sin(angle), gs * math.cos(angle)
        fast = max(abs(east), abs(north)) > _FASTEST_KT
        scale = 4.0 if fast else 1.0
        made = (2 if fast else 1) << 48 | head << 43 | (1 if east < 0.0 else 0) << 42
        made |= _magnitude(east / scale, 1.0, 1_023) << 32 | (1 if north < 0.0 else 0) << 31
        made |= _magnitude(north / scale, 1.0, 1_023) << 21
    return np.int64(19) << 51 | np.int64(made) | _vertical(number, i)


@kernel
def _position(number, i, odd, tc, bit8, ground, other):  # type: ignore[no-untyped-def]
    """TC 5 to 8 on the ground, else 9 to 18 and 20 to 22. Source: Doc 9871 A.2.3.2, A.2.3.3."""
    place = _cpr(number[_LAT, i], number[_LON, i], odd, ground) | odd << 34
    if ground:
        gs, track = number[_GS, i], number[_TRACK, i]
        movement = 1 + _place(_BOUNDS, abs(gs), True) if math.isfinite(gs) else 0
        made = movement << 44 | (1 if math.isfinite(track) else 0) << 43
        made |= (_nearest(track, 360.0 / 128) & 127) << 36 | (1 if other else 0) << 35
    else:
        alt = number[_BARO, i] if math.isfinite(number[_BARO, i]) else number[_GEOM, i]
        code = _altitude13(alt)
        made = bit8 << 48 | ((code >> 7 << 6) | (code & 0x3F)) << 36
    return np.int64(tc) << 51 | np.int64(made) | place


@kernel
def _state(data, low, high, words, word_at):  # type: ignore[no-untyped-def]
    """The code of an emergency's name; 0 where it is none."""
    for n in range(1, len(word_at) - 1):
        same = high - low == word_at[n + 1] - word_at[n]
        k = 0
        while same and k < high - low:
            same = data[low + k] == words[word_at[n] + k]
            k += 1
        if same and high > low:
            return n
    return 0


@kernel
def _octal(data, low, high):  # type: ignore[no-untyped-def]
    """The number that four octal digits write; -1 where it is something else."""
    code = 0 if high - low == 4 else -1
    for k in range(low, min(high, low + 4)):
        digit = int(data[k]) - 48
        code = code << 3 | digit if code >= 0 and 0 <= digit <= 7 else -1
    return code


@kernel
def _category(data, low, high):  # type: ignore[no-untyped-def]
    """8 * set + number; -1 where it is something else."""
    if high - low != 2 or not (65 <= data[low] <= 68 and 48 <= data[low + 1] <= 55):
        return -1
    return 8 * (np.int64(data[low]) - 65) + np.int64(data[low + 1]) - 48


@kernel
def _replies(payload, size, m, address, ground, alt, callsign, code):  # type: ignore[no-untyped-def]
    """Replies of a transponder: all-call, altitude and call sign, squawk. Source: Annex 10 volume IV 3.1.2.6."""
    m = _all_call(payload, size, m, address, ground)
    status = np.int64(1 if ground else 0)
    if callsign != 0:
        head = np.int64(20) << 27 | status << 24 | _altitude13(alt)
        m = _put(payload, size, m, head, np.int64(0x20) << 48 | callsign, 14, address)
    elif math.isfinite(alt):
        m = _put(payload, size, m, np.int64(4) << 27 | status << 24 | _altitude13(alt), 0, 7, address)
    if code >= 0:
        m = _put(payload, size, m, np.int64(5) << 27 | status << 24 | _identity13(code), 0, 7, address)
    return m


@kernel
def _all_call(payload, size, m, address, ground):  # type: ignore[no-untyped-def]
    """DF 11. Source: Annex 10 volume IV 3.1.2.5.2.2."""
    return _put(payload, size, m, np.int64(11) << 27 | np.int64(4 if ground else 5) << 24 | address, 0, 7, 0)


@kernel
def _status(number, i, version, ground, a, c, bit56):  # type: ignore[no-untyped-def]
    """TC 31. Source: Doc 9871 A.2.3.10 (version 0), B.2.3.10 (1), C.2.3.10 (2)."""
    first = 0
    if ground and version >= 2:
        first = ((_whole(number[_NAC_V, i]) << 1 | c) & 0xFFF) << 4
    body = a << 12 | (_whole(number[_NAC_P, i]) & 15) << 8 | (_whole(number[_SIL, i]) & 3) << 4 | (1 if bit56 else 0)
    made = (1 if ground else 0) << 48 | (first & 0xFFFF) << 32 | (version & 7) << 13 | (body if version > 0 else 0)
    return np.int64(31) << 51 | np.int64(made)


@kernel
def write_rows(  # type: ignore[no-untyped-def]
    address, anonymous, kinds, ground, usable, number, data, text, tables, counts, words, word_at, payload, size, row
):
    """The messages of every row that has an address, in order; gives how many there are.

    ``kinds`` (N,): what each row becomes; ``number`` (17, N); ``text`` (5, N + 1); ``tables`` (6, K, 5) of containment
    in the air and on the ground in versions 0 to 2, of which ``counts`` (6,) rows count; ``payload`` (7 N, 14).
    """
    m = 0
    for i in range(len(address)):
        if address[i] < 0:
            continue
        first = m
        own, kind, other, below = address[i], kinds[i], anonymous[i], ground[i]
        callsign = _letters(data, text[_CALLSIGN, i], text[_CALLSIGN, i + 1])
        if text[_CALLSIGN, i] == text[_CALLSIGN, i + 1]:
            callsign = np.int64(0)
        code = _octal(data, text[_SQUAWK, i], text[_SQUAWK, i + 1])
        if kind == _MODE_S:
            m = _replies(payload, size, m, own, below, number[_BARO, i], callsign, code)
            for k in range(first, m):
                row[k] = i
            continue
        version = _whole(number[_VERSION, i]) if math.isfinite(number[_VERSION, i]) else np.int64(2)
        which, best = _containment(tables, counts, below, version, number[_NIC, i], number[_RC, i])
        tc, a, b = np.int64(tables[which, best, 0]), np.int64(tables[which, best, 3]), np.int64(tables[which, best, 4])
        if not below and not math.isfinite(number[_BARO, i]) and math.isfinite(number[_GEOM, i]):
            tc = np.int64(20 if tc == 9 else 21 if tc == 10 else 22)  # heights have codes for NIC 11, 10 and 0 only
        df = 17 if kind == _ADSB and not other else 18
        cf = 6 if kind == _ADSR else (5 if other else 2) if kind == _TISB else 1
        head = np.int64(df) << 27 | np.int64((4 if below else 5) if df == 17 else cf) << 24 | own
        nameable = not (kind == _ADSR and other)
        category = _category(data, text[_CATEGORY, i], text[_CATEGORY, i + 1])
        if nameable and (callsign != 0 or category >= 0):
            shown = max(category, 0)
            me = np.int64(4 - (shown >> 3)) << 51 | np.int64(shown & 7) << 48 | callsign
            m = _put(payload, size, m, head, me, 14, 0)
        told = math.isfinite(number[_VERSION, i]) or math.isfinite(number[_NIC, i])
        told = told or math.isfinite(number[_NAC_P, i]) or math.isfinite(number[_SIL, i])
        if kind != _TISB and told:
            me = _status(number, i, version, below, a, b, kind == _ADSR and other)
            m = _put(payload, size, m, head, me, 14, 0)
        state = _state(data, text[_EMERGENCY, i], text[_EMERGENCY, i + 1], words, word_at)
        if nameable and kind != _TISB and (code >= 0 or state > 0):
            me = np.int64(28) << 51 | np.int64(1) << 48 | np.int64(state) << 45
            m = _put(payload, size, m, head, me | np.int64(_identity13(max(code, 0))) << 32, 14, 0)
        placed = usable[i] and math.isfinite(number[_LAT, i]) and math.isfinite(number[_LON, i])
        bit8 = (1 if other else 0) if kind != _ADSB else b if version >= 2 else 0
        if placed:
            me = _position(number, i, 0, tc, bit8, below, kind != _ADSB and other)
            m = _put(payload, size, m, head, me, 14, 0)
        moves = math.isfinite(number[_BARO, i]) and math.isfinite(number[_GEOM, i])
        for k in (_GS, _IAS, _TAS, _RATE, _RATE_GEOM):
            moves = moves or math.isfinite(number[k, i])
        if moves and not below:
            m = _put(payload, size, m, head, _velocity(number, i, kind, other), 14, 0)
        if placed:
            me = _position(number, i, 1, tc, bit8, below, kind != _ADSB and other)
            m = _put(payload, size, m, head, me, 14, 0)
        if m == first:
            m = _all_call(payload, size, m, own, below)
        for k in range(first, m):
            row[k] = i
    return m
