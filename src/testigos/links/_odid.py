"""Open Drone ID by columns: what one drone's messages say together, from base64 of either of two forms.

``UAS`` is the C structure ``ODID_UAS_Data`` as the common compilers lay it out in memory (little-endian, each number
at a multiple of its size), with two Basic IDs. The 25-byte messages of the standards, alone or in a pack, are brought
into the same form, so that whoever reads it needs to know one.

Source: ASTM F3411-22a and ASD-STAN EN 4709-002 by their open implementation, opendroneid-core-c, ``opendroneid.h``
and ``opendroneid.c``; the layout by that header and by Bluemark's RemoteID-MQTT-subscriber.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from testigos.kernels import kernel

__all__ = ["HORIZONTAL_M", "INVALID_ALT_M", "UAS", "VERTICAL_M", "read_base64"]

Bytes = npt.NDArray[np.uint8]

_SIZE: Final = 920
_LEAST: Final = 914  # the flags end here; the rest is padding
_MESSAGE: Final = 25
_HEAD: Final = 3
_MOST: Final = 9  #: messages in a pack

_FIELDS: Final = {
    **{f"ua_type{k}": ("<i4", 32 * k) for k in (0, 1)},
    **{f"id_type{k}": ("<i4", 32 * k + 4) for k in (0, 1)},
    **{f"id{k}": ("S20", 32 * k + 8) for k in (0, 1)},
    **{"status": ("<i4", 64), "direction": ("<f4", 68), "speed": ("<f4", 72), "climb": ("<f4", 76)},
    **{"lat": ("<f8", 80), "lon": ("<f8", 88), "alt_baro": ("<f4", 96), "alt_geo": ("<f4", 100)},
    **{"height_type": ("<i4", 104), "height": ("<f4", 108), "across": ("<i4", 112), "upright": ("<i4", 116)},
    **{"second": ("<f4", 132), "text": ("S23", 780), "operator_lat": ("<f8", 816), "operator_lon": ("<f8", 824)},
    **{"operator": ("S20", 868), "has_id0": ("u1", 892), "has_id1": ("u1", 893), "has_location": ("u1", 894)},
    **{"has_text": ("u1", 911), "has_system": ("u1", 912), "has_operator": ("u1", 913)},
}
#: The structure, of what is used of it. Metres, degrees, m/s; enumerations as numbers.
UAS: Final = np.dtype(
    {
        "names": [*_FIELDS],
        "formats": [kind for kind, _ in _FIELDS.values()],
        "offsets": [at for _, at in _FIELDS.values()],
        "itemsize": _SIZE,
    }
)

INVALID_ALT_M: Final = -1000.0
#: 95 % by the enumerations of accuracy, which are ADS-B's (NACp) and its kin; NaN is unknown.
HORIZONTAL_M: Final = np.array(
    [np.nan, 18_520, 7_408, 3_704, 1_852, 926, 555.6, 185.2, 92.6, 30, 10, 3, 1, np.nan, np.nan, np.nan]
)
VERTICAL_M: Final = np.array([np.nan, 150, 45, 25, 10, 3, 1, *([np.nan] * 9)])

_ALPHABET: Final = np.full(256, 255, np.uint8)
_ALPHABET[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)] = np.arange(64)


@kernel
def _unpack(data, first, last, alphabet, out, size):  # type: ignore[no-untyped-def]
    """Base64 (RFC 4648) into rows of ``out``; ``size`` is how many bytes there are, -1 where it is none.

    A backslash before a stroke is JSON's.
    """
    room = out.shape[1]
    for i in range(len(first)):
        value, bits, at, pads, count, good = 0, 0, 0, 0, 0, True
        for k in range(first[i], last[i]):
            c = data[k]
            if c == 92 and k + 1 < last[i] and data[k + 1] == 47:
                continue
            count += 1
            if c == 61:  # =
                pads += 1
                continue
            digit = int(alphabet[c])
            if digit > 63 or pads > 0:
                good = False
                break
            value = (value << 6 | digit) & 0xFFFFFF
            bits += 6
            if bits >= 8:
                bits -= 8
                if at < room:
                    out[i, at] = value >> bits & 255
                at += 1
        if not good or pads > 2 or count % 4 != 0:
            at = -1
        size[i] = at


def read_base64(
    data: Bytes, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.bool_]]:
    """What each base64 text ``data[first:last]`` says, (N,) of ``UAS``, and which say anything.

    A text is the structure, a message, or a pack of messages; its size tells which.
    """
    raw, size = np.zeros((len(first), _SIZE), np.uint8), np.zeros(len(first), np.int64)
    _unpack(data, first, last, _ALPHABET, raw, size)
    whole = (size >= _LEAST) & (size <= _SIZE)
    found = np.zeros((len(first), _SIZE), np.uint8)
    found[whole] = raw[whole]
    table: npt.NDArray[np.void] = found.view(UAS)[:, 0]
    kind, many = raw[:, 0] >> 4, raw[:, 2].astype(np.int64)
    alone = (size == _MESSAGE) & (kind <= 5)
    pack = (kind == 15) & (raw[:, 1] == _MESSAGE) & (many >= 1) & (many <= _MOST)
    pack &= ~whole & ~alone & (size == _HEAD + _MESSAGE * many)
    of = np.repeat(np.flatnonzero(pack), many[pack])
    at = _HEAD + _MESSAGE * (np.arange(len(of)) - np.searchsorted(of, of))
    of = np.concatenate([np.flatnonzero(alone), of])
    at = np.concatenate([np.zeros(int(alone.sum()), np.int64), at])
    messages = raw[of[:, None], at[:, None] + np.arange(_MESSAGE)]
    # a pack holds no pack, and nothing that is no message
    strange = np.zeros(len(first), np.bool_)
    strange[of[messages[:, 0] >> 4 > 5]] = True
    _fill(table, of, messages)
    return table, whole | alone | (pack & ~strange)


def _fill(table: npt.NDArray[np.void], of: npt.NDArray[np.int64], m: Bytes) -> None:
    """Messages (M, 25) into the rows ``of`` which they belong to; of two of a kind the last counts."""

    def put(rows: npt.NDArray[np.int64], **values: Any) -> None:
        for name, value in values.items():
            table[name][rows] = value

    def text(b: Bytes, low: int, high: int) -> npt.NDArray[Any]:
        return np.ascontiguousarray(b[:, low:high]).view(f"S{high - low}")[:, 0]

    def number(b: Bytes, low: int, kind: str) -> npt.NDArray[Any]:
        size = np.dtype(kind).itemsize
        found: npt.NDArray[Any] = np.ascontiguousarray(b[:, low : low + size]).view(kind)[:, 0]
        return found

    kind = m[:, 0] >> 4
    row, b = of[kind == 0], m[kind == 0]
    place = np.arange(len(row))
    new = np.ones(len(row), np.bool_)
    new[1:] = row[1:] != row[:-1]
    second = place > np.maximum.accumulate(np.where(new, place, 0))  # the second one goes beside the first
    for n, which in enumerate((~second, second)):
        some, of_some = row[which], b[which]
        put(some, **{f"ua_type{n}": of_some[:, 1] & 15, f"id_type{n}": of_some[:, 1] >> 4})
        put(some, **{f"id{n}": text(of_some, 2, 22), f"has_id{n}": 1})
    row, b = of[kind == 1], m[kind == 1]
    flags = b[:, 1].astype(np.int64)
    speed = np.where(flags & 1, b[:, 3] * 0.75 + 255 * 0.25, b[:, 3] * 0.25)
    put(
        row, has_location=1, status=flags >> 4, direction=b[:, 2] + np.where(flags & 2, 180.0, 0.0), speed=speed,
        climb=number(b, 4, "i1") * 0.5, lat=number(b, 5, "<i4") / 1e7, lon=number(b, 9, "<i4") / 1e7,
        alt_baro=number(b, 13, "<u2") * 0.5 + INVALID_ALT_M, alt_geo=number(b, 15, "<u2") * 0.5 + INVALID_ALT_M,
        height_type=flags >> 2 & 1, height=number(b, 17, "<u2") * 0.5 + INVALID_ALT_M, across=b[:, 19] & 15,
        upright=b[:, 19] >> 4, second=number(b, 21, "<u2") / 10.0,
    )  # fmt: skip
    row, b = of[kind == 3], m[kind == 3]
    put(row, has_text=1, text=text(b, 2, 25))
    row, b = of[kind == 4], m[kind == 4]
    put(row, has_system=1, operator_lat=number(b, 2, "<i4") / 1e7, operator_lon=number(b, 6, "<i4") / 1e7)
    row, b = of[kind == 5], m[kind == 5]
    put(row, has_operator=1, operator=text(b, 2, 22))
