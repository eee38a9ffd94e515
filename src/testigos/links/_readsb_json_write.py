"""Aircraft lists as readsb writes them, and what a tar1090 page asks for beside them.

Source: readsb README-json.md, "aircraft.json" and "receiver.json"; json_out.c for the order and the number of digits.
"""

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel
from testigos.links._json_write import ESCAPED, put_text
from testigos.links._put import DIGITS, literal, put, put_decimal, put_hex, put_integer, put_name
from testigos.links._readsb import NAMES
from testigos.matrix import UNKNOWN, addresses, codes, numbers, texts, whole_numbers
from testigos.registry import Pieces
from testigos.schema import SOURCES

__all__ = ["encode", "pieces", "receiver"]

#: Keys of numbers in readsb's order, their columns, and how many decimals they have; -1: rounded up to a whole number.
_NUMBERS: Final = (
    ("alt_baro", "alt_baro_ft", 0), ("alt_geom", "alt_geom_ft", 0), ("gs", "gs_kt", 1), ("ias", "ias_kt", 0),
    ("tas", "tas_kt", 0), ("mach", "mach", 3), ("track", "track_deg", 2), ("track_rate", "track_rate_degps", 2),
    ("roll", "roll_deg", 2), ("mag_heading", "heading_mag_deg", 2), ("true_heading", "heading_deg", 2),
    ("baro_rate", "vrate_fpm", 0), ("geom_rate", "vrate_geom_fpm", 0), ("lat", "lat_deg", 6), ("lon", "lon_deg", 6),
    ("nic", "nic", 0), ("rc", "rc_m", -1), ("version", "adsb_version", 0), ("nac_p", "nac_p", 0),
    ("nac_v", "nac_v", 0), ("sil", "sil", 0), ("rssi", "rssi_dbfs", 1),
)  # fmt: skip
_COLUMNS: Final = tuple(column for _, column, _ in _NUMBERS)
_PLACES: Final = np.array([places for *_, places in _NUMBERS])
_ALT, _BEFORE_SQUAWK, _LAT, _LON, _BEFORE_AGE, _RSSI = 0, 13, 13, 14, 17, 21
_TEXTS: Final = ("object_id", "callsign", "registration", "type_code", "squawk", "emergency", "category")


def _joined(words: list[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Fixed texts one after another, and where each begins."""
    return literal("".join(words)), np.concatenate([[0], np.cumsum([len(w) for w in words])]).astype(np.int64)


_KEYS, _KEY_AT = _joined([f',"{key}":' for key, *_ in _NUMBERS])
_KINDS, _KIND_AT = _joined(
    [f',"type":"{NAMES.get(s, "unknown" if s == "unknown" else "other")}"' for s in (*SOURCES, "unknown")]
)
#: Of addresses that are not ICAO's; what has no word of its own keeps that of the others.
_OTHER: Final = {"adsb": "adsb_other", "adsr": "adsr_other", "tisb": "tisb_other"}
_OTHERS, _OTHER_AT = _joined(
    [
        f',"type":"{_OTHER.get(s) or NAMES.get(s, "unknown" if s == "unknown" else "other")}"'
        for s in (*SOURCES, "unknown")
    ]
)
_MLAT, _TISB = SOURCES.index("mlat"), SOURCES.index("tisb")
_OPEN, _NOW, _HEX, _QUOTE = literal("{"), literal('"now" : '), literal('"hex":"'), literal('"')
_FLIGHT, _REGISTRATION, _TYPE, _FLAGS = (literal(f',"{key}":') for key in ("flight", "r", "t", "dbFlags"))
_GROUND, _AGE = literal(',"alt_baro":"ground"'), literal(',"seen_pos":')
_SQUAWK, _EMERGENCY, _CATEGORY = (literal(f',"{key}":') for key in ("squawk", "emergency", "category"))
_LISTS: Final = tuple(
    literal(text)
    for text in (',"mlat":[],"tisb":[]', ',"mlat":["lat","lon"],"tisb":[]', ',"mlat":[],"tisb":["lat","lon"]')
)
_NEITHER, _OF_MLAT, _OF_TISB = _LISTS
_SEEN, _LEVEL = literal(',"seen":'), literal(',"rssi":')
_NO_SIGNAL_DBFS: Final = -49.5  # readsb's level of what it heard no level of; a page wants one
_ROW_SIZE: Final = 420 + 26 * DIGITS
_MS: Final = 1_000_000


def receiver(
    lat_deg: float | None = None, lon_deg: float | None = None, version: str = "testigos", refresh_ms: int = 1000
) -> bytes:
    """``receiver.json``, which a tar1090 page reads before the first list.

    ``refresh_ms``: how often the page asks for a list. Without a position of the receiver the page has no range.
    There are no history files. Source: readsb README-json.md, "receiver.json".

    >>> receiver(11.4, -63.1, "testigos 1")
    b'{"version":"testigos 1","refresh":1000,"history":0,"lat":11.4,"lon":-63.1}'
    """
    said: dict[str, object] = {"version": version, "refresh": refresh_ms, "history": 0}
    if lat_deg is not None and lon_deg is not None:
        said |= {"lat": lat_deg, "lon": lon_deg}
    return msgspec.json.encode(said)


def encode(tracks: pl.DataFrame, now_ns: int | None = None, messages: int = 0) -> bytes:
    """The whole document ``aircraft.json`` as a tar1090 page takes it: an object a row that :func:`pieces` can say.

    ``now_ns``: the time that the list is of, by default the greatest in it; ``messages``: how many were received in
    all, from which the page counts its rate.

    >>> row = {"object_id": "icao:ae503d", "time_ns": 1_500_000_000, "lat_deg": 1.5, "lon_deg": -2.25}
    >>> print(encode(pl.DataFrame([row]), 2_000_000_000).decode())
    { "now" : 2.000,
      "messages" : 0,
      "aircraft" : [
    {"hex":"ae503d","type":"unknown","lat":1.500000,"lon":-2.250000,"seen_pos":0.500,"mlat":[],"tisb":[],"seen":0.500,"rssi":-49.5}
      ]
    }
    <BLANKLINE>
    """
    if now_ns is None:
        times = whole_numbers(tracks, ("time_ns", "seen_ns"))
        now_ns = max(0, int(times.max())) if times.size else 0
        now_ns = -(-now_ns // _MS) * _MS
    now_ms = now_ns // _MS
    head = f'{{ "now" : {now_ms // 1000}.{now_ms % 1000:03d},\n  "messages" : {messages},\n  "aircraft" : [\n'
    body = _made(tracks, now_ms * _MS, True).data.tobytes()
    return head.encode() + body + b"\n  ]\n}\n"


def pieces(tracks: pl.DataFrame, now_ns: int | None = None) -> Pieces:
    """An object for each row (columns of ``schema.ALL`` or ``PICTURE``) with an ``icao:`` or ``anon:`` name and a time.

    Without ``now_ns`` each is a line that has a ``now`` of its own, that of ``seen_ns`` or else of the row, as readsb
    writes on its JSON port; with it, each is an object of a list that was made then.

    Own rules: ``seen`` has three decimals, as ``seen_pos`` has, so that no time is lost; what is not known is left
    out, the number of messages too; a position of MLAT or TIS-B is said to be one, but not what else came with it;
    what readsb has no word for is ``other``. ``rc`` is rounded up to whole metres.
    """
    return _made(tracks, UNKNOWN if now_ns is None else now_ns // _MS * _MS, False)


def _made(tracks: pl.DataFrame, now_ns: int, listed: bool) -> Pieces:
    said = texts(tracks, _TEXTS)
    address, anonymous = addresses(said)
    start = np.zeros(len(tracks) + 1, np.int64)
    out = np.empty(ESCAPED * len(said.data) + _ROW_SIZE * int((address != UNKNOWN).sum()), np.uint8)
    code = codes(tracks, ("source", "on_ground", "military"))
    when = whole_numbers(tracks, ("time_ns", "seen_ns"))
    number = numbers(tracks, _COLUMNS)
    _write(address, anonymous, when, number, code, said.data, said.start, now_ns, listed, out, start)
    return Pieces(out[: start[-1]], start)


@kernel
def _put_seconds(out, at, ms):  # type: ignore[no-untyped-def]
    """Milliseconds as seconds with three decimals."""
    at = put_integer(out, at, ms // 1000)
    out[at] = 46
    ms %= 1000
    out[at + 1] = 48 + ms // 100
    out[at + 2] = 48 + ms // 10 % 10
    out[at + 3] = 48 + ms % 10
    return at + 4


@kernel
def _put_string(out, at, key, data, low, high, width):  # type: ignore[no-untyped-def]
    """A key and its text, filled up with blanks; nothing where there is no text."""
    if high == low:
        return at
    at = put(out, at, key)
    out[at] = 34
    at = put_text(out, at + 1, data, low, high)
    for _ in range(high - low, width):
        out[at] = 32
        at += 1
    out[at] = 34
    return at + 1


@kernel
def _put_numbers(out, at, number, i, first, stop):  # type: ignore[no-untyped-def]
    """The known ones of the columns from ``first`` on, with their keys."""
    for k in range(first, stop):
        value = number[k, i]
        if np.isnan(value):
            continue
        at = put_name(out, at, _KEYS, _KEY_AT[k], _KEY_AT[k + 1])
        places = _PLACES[k]
        if places < 0:
            at = put_integer(out, at, np.int64(np.ceil(value - 1e-3)))
        elif places == 0:
            at = put_integer(out, at, np.int64(np.rint(value)))
        else:
            at = put_decimal(out, at, value, places)
    return at


@kernel
def _write(address, anonymous, when, number, code, data, text, now_ns, listed, out, start):  # type: ignore[no-untyped-def]
    at = 0
    for i in range(len(address)):
        start[i] = at
        time_ns = when[0, i]
        if address[i] < 0 or time_ns < 0:
            continue
        if listed and at > 0:
            out[at] = 44
            out[at + 1] = 10
            at += 2
        seen_ns = max(time_ns, when[1, i])
        at = put(out, at, _OPEN)
        now = now_ns
        if now_ns < 0:
            now = -(-seen_ns // 1_000_000) * 1_000_000
            at = _put_seconds(out, put(out, at, _NOW), now // 1_000_000)
            out[at] = 44
            at += 1
        at = put(out, at, _HEX)
        if anonymous[i]:
            out[at] = 126  # ~
            at += 1
        at = put(out, put_hex(out, at, address[i], 6, False), _QUOTE)
        kind = code[0, i] if code[0, i] >= 0 else len(_KIND_AT) - 2
        if anonymous[i]:
            at = put_name(out, at, _OTHERS, _OTHER_AT[kind], _OTHER_AT[kind + 1])
        else:
            at = put_name(out, at, _KINDS, _KIND_AT[kind], _KIND_AT[kind + 1])
        at = _put_string(out, at, _FLIGHT, data, text[1, i], text[1, i + 1], 8)
        at = _put_string(out, at, _REGISTRATION, data, text[2, i], text[2, i + 1], 0)
        at = _put_string(out, at, _TYPE, data, text[3, i], text[3, i + 1], 0)
        if code[2, i] >= 0:
            at = put_integer(out, put(out, at, _FLAGS), code[2, i])
        below = code[1, i] == 1
        if below:
            at = put(out, at, _GROUND)
        at = _put_numbers(out, at, number, i, 1 if below else _ALT, _BEFORE_SQUAWK)
        at = _put_string(out, at, _SQUAWK, data, text[4, i], text[4, i + 1], 0)
        at = _put_string(out, at, _EMERGENCY, data, text[5, i], text[5, i + 1], 0)
        at = _put_string(out, at, _CATEGORY, data, text[6, i], text[6, i + 1], 0)
        placed = not (np.isnan(number[_LAT, i]) or np.isnan(number[_LON, i]))
        if placed:
            at = _put_numbers(out, at, number, i, _LAT, _BEFORE_AGE)
            at = _put_seconds(out, put(out, at, _AGE), max(0, (now - time_ns + 500_000) // 1_000_000))
        at = _put_numbers(out, at, number, i, _BEFORE_AGE, _RSSI)
        if placed and kind == _MLAT:
            at = put(out, at, _OF_MLAT)
        else:
            at = put(out, at, _OF_TISB if placed and kind == _TISB else _NEITHER)
        at = _put_seconds(out, put(out, at, _SEEN), max(0, (now - seen_ns + 500_000) // 1_000_000))
        at = put_decimal(
            out, put(out, at, _LEVEL), _NO_SIGNAL_DBFS if np.isnan(number[_RSSI, i]) else number[_RSSI, i], 1
        )
        out[at] = 125
        at += 1
        if now_ns < 0:
            out[at] = 10
            at += 1
    start[len(address)] = at
