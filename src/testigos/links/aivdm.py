"""AIS as receivers and shore networks speak it: AIVDM and AIVDO sentences, with or without tag blocks.

    \\s:b1,c:1*5E\\!AIVDM,1,1,,A,15MgK4?P?wG?d`0E`Ah>4?v20000,0*61

A message of several sentences is put together by talker, sequence number and channel, and by station and group where
tag blocks name them. Its last sentence makes its row; those before make rows that only say who speaks. A sentence
whose predecessor is missing is ``malformed``; so is a message that is shorter than its type, or much longer. Where
the checksum does not hold nothing is read (``parity_failed``). Other sentences and empty ones make a row that says
nothing; lines that begin with # are context.

Own rules:

- The time is that of the tag block (c), else a time that a logger wrote before the sentence or after it, else that
  which a base station says itself (types 4 and 11), else unknown (``no_time``). It is the time of reception. Where the
  message names another second of the minute, from 10 s before to 1 s after, the time is that second.
- ``receiver`` is the station of the tag block (s). Its text (t) is ``via`` where it begins with >, as ``encode``
  writes it: ``>first>second``. Reserved characters are ^hh there, as NMEA 0183 has it.
- What the message calls not available is null, and so are turns that are only known to be faster than 5 degrees in
  30 s, dimensions that add up to nothing, and an expected arrival of which a part is missing.
- ``kind`` follows from the type of the message, and from the MMSI where that says more (ITU-R M.585).
- The altitude of aircraft (type 9) is taken as above mean sea level, whatever it was measured with.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links import _ais as ais
from testigos.links._ais_write import written
from testigos.links._nmea import STAMP, STAMP_END, WIDTH, layout, split_sentences
from testigos.links._rows import gathered
from testigos.links._series import only, stacked
from testigos.links._text import bytes_of, distinct, times
from testigos.registry import Frames, Pieces
from testigos.schema import KINDS, SOURCES, STATUSES, unknown

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "pieces", "recognise", "split"]

NAME: Final = "aivdm"
SPEC: Final = "ITU-R M.1371-5, annex 8; IEC 61162-1 and NMEA 0183 v4.10; https://gpsd.gitlab.io/gpsd/AIVDM.html"
CHECKED: Final = True
GIVES: Final = (
    *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_msl_ft", "gs_kt", "track_deg"),
    *("heading_deg", "callsign", "receiver", "offset", "length", "ais_type", "vessel_name", "imo", "ship_type"),
    *("nav_status", "rot_degpmin", "draught_m", "destination", "eta", "to_bow_m", "to_stern_m", "to_port_m"),
    *("to_starboard_m", "position_accurate", "raim", "epfd", "manoeuvre", "kind", "via"),
)

_LINE: Final = re.compile(rb"^[^\n]*![A-Z]{2}VD[MO],[1-9],[1-9],\d?,[^,\n]?,[0-W`-w]*,[0-5]\*", re.MULTILINE)
_QUOTED: Final = re.compile(r"\^([0-9A-Fa-f]{2})")
_CODES: Final = {
    name: pl.Series([*values, None], dtype=pl.Enum(values))
    for name, values in (("status", STATUSES), ("source", SOURCES), ("kind", KINDS))
}
_CHUNK: Final = 4096  #: sentences whose layout fits a cache
_AIS, _UNKNOWN = SOURCES.index("ais"), SOURCES.index("unknown")
_NONE: Final = len(SOURCES)
_TENS: Final = 10 ** np.arange(8, -1, -1)
_SAYS_NOTHING: Final = tuple(STATUSES.index(name) for name in ("malformed", "parity_failed"))


def recognise(head: bytes) -> int:
    """95 where at least half of the lines hold a sentence of AIS, 60 where some do, else 0."""
    whole = head[: head.rfind(b"\n") + 1] or head
    found = len(_LINE.findall(whole))
    return 95 if found and 2 * found >= whole.count(b"\n") else 60 if found else 0


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """A frame a sentence with what stands around it on its line."""
    return split_sentences(buffer, final)


# ---- reading ----


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """A row a sentence; ``carry`` are the messages of which not all sentences have come."""
    start, stop = frames.start, frames.stop
    if frames.context.any():
        start, stop = start[~frames.context], stop[~frames.context]
    if not len(start):
        return gathered([], GIVES), carry
    data, size = bytes_of(frames.buffer), len(start)
    pending = ais.fresh() if carry is None else ais.Pending(*(part.copy() for part in carry))
    out, text, at = ais.allocate(size), np.empty(1024 + 32 * size, np.uint8), 0
    for first in range(0, size, _CHUNK):
        low, high = start[first : first + _CHUNK], stop[first : first + _CHUNK]
        found = np.zeros((len(low), WIDTH), np.int64)
        layout(data, low, high, found)
        time_ns, known, _ = times(data, found[:, STAMP], found[:, STAMP_END])
        text, at = ais.read(data, found, np.where(known & (time_ns >= 0), time_ns, -1), pending, out, first, text, at)
    return _table(out, text, start, stop), pending


def _table(
    out: ais.Out, text: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]
) -> pl.DataFrame:
    """Rows of the columns ``GIVES``. Series by series, for expressions take longer on small batches than all else."""
    kind, of_ais = out.small[-1], ~np.isnan(out.small[0])
    source = np.where(of_ais, _AIS, np.where(np.isin(out.status, _SAYS_NOTHING), _NONE, _UNKNOWN))
    arrays: dict[str, pl.Series] = {
        "object_id": _names(out.mmsi),
        "time_ns": only(pl.Series(out.time_ns), out.time_ns >= 0),
        "status": _CODES["status"][pl.Series(out.status)],
        "source": _CODES["source"][pl.Series(source.astype(np.uint32))],
        "kind": _CODES["kind"][pl.Series(np.where(np.isnan(kind), len(KINDS), kind).astype(np.uint32))],
        "lon_deg": pl.Series(out.place[0], nan_to_null=True),
        "lat_deg": pl.Series(out.place[1], nan_to_null=True),
        "ais_type": pl.Series(out.small[0], nan_to_null=True).cast(pl.UInt8),
        "offset": pl.Series(start.astype(np.uint64)),
        "length": pl.Series((stop - start).astype(np.uint32)),
    }
    seen = {kind for kind in range(64) if out.types[kind]}
    for names, values in ((ais.FLOATS, out.floats), (ais.SMALL, out.small)):
        of = [k for k, name in enumerate(names) if name not in arrays and seen & ais.WHERE[name]]
        arrays |= stacked([names[k] for k in of], values[of])
    if 5 in seen:
        arrays["imo"] = pl.Series(out.imo, nan_to_null=True).cast(pl.UInt32)
    for k, name in enumerate(ais.TEXTS):
        may = name not in ais.WHERE or seen & ais.WHERE[name]
        said = _texts(text, out.span[:, k], _CLEAN.get(name, str)) if may else None
        if said is not None:
            arrays[name] = said
    return pl.DataFrame([arrays[name].alias(name) if name in arrays else unknown(name, len(start)) for name in GIVES])


def _texts(
    text: npt.NDArray[np.uint8], span: npt.NDArray[np.int64], clean: Callable[[str], str | None]
) -> pl.Series | None:
    """A column of texts, of which most are empty; null where all are."""
    of = np.flatnonzero(span[:, 1] > span[:, 0])
    if not len(of):
        return None
    begin, end = span[of, 0], span[of, 1]
    code, first = distinct(text, begin, end)
    spans = zip(begin[first].tolist(), end[first].tolist(), strict=True)
    names = [None, *(clean(text[low:high].tobytes().decode("utf-8", "replace")) for low, high in spans)]
    place = np.zeros(len(span), np.uint32)
    place[of] = code + np.uint32(1)
    return pl.Series(names, dtype=pl.String)[pl.Series(place)]


def _names(mmsi: npt.NDArray[np.int64]) -> pl.Series:
    """``mmsi:`` and nine digits."""
    code, distinct_mmsi = np.empty(len(mmsi), np.uint32), np.empty(len(mmsi), np.int64)
    count = ais.numbered(mmsi, code, distinct_mmsi)
    letters = np.empty((count, 14), np.uint8)
    letters[:, :5] = np.frombuffer(b"mmsi:", np.uint8)
    letters[:, 5:] = distinct_mmsi[:count, None] // _TENS % 10 + 48
    names = letters.tobytes().decode()
    return pl.Series([None, *(names[at : at + 14] for at in range(0, len(names), 14))], dtype=pl.String)[
        pl.Series(code)
    ]


def _unquoted(text: str) -> str:
    """Characters that were written as ^hh."""
    raw = _QUOTED.sub(lambda m: chr(int(m[1], 16)), text) if "^" in text else text
    try:  # other than ASCII is UTF-8 in ours
        return raw.encode("latin-1").decode()
    except UnicodeError:
        return raw


def _way(text: str) -> str | None:
    """The nodes of ``>first>second``, with blanks between."""
    return " ".join(_unquoted(node) for node in text[1:].split(">")) or None if text[:1] == ">" else None


_CLEAN: Final = {"receiver": _unquoted, "via": _way}


# ---- writing ----


def pieces(tracks: pl.DataFrame, station: str = NAME) -> Pieces:
    """Sentences of each row that has an MMSI, each with a tag block: where it is, then what it is.

    A row makes a position report if anything is known that such a report says: type 1 to 3, 9, 11, 18, 21 or 27 as its
    ``ais_type`` is, 18 for types 19 and 24. Without a type what is fixed is an aid to navigation (21), or a base
    station (4) where the MMSI is one; aircraft are of type 9, all others of type 1. If anything is known that does not
    change on the way, a message of type 5 in two sentences follows, from class B type 24 in two parts. Letters are
    capitals there, and those that have no code are ?.

    The time goes into the tag block, in whole seconds where it is such, else in milliseconds, and its second into the
    report. The station is ``receiver``, else ``station``; ``via`` goes into the text. Steps: 1.7e-6 degrees (1.7e-3 in
    type 27), 0.1 kt and 0.1 degrees (1 of each in type 27, 1 kt in type 9), 1 degree of heading, 0.1 m of draught,
    1 m of all else. The sequence number of two sentences is the last digit of the MMSI.
    """
    return written(tracks, station)


def encode(tracks: pl.DataFrame, station: str = NAME) -> bytes:
    """What ``pieces`` gives, joined.

    >>> row = {"object_id": "mmsi:366730000", "time_ns": 1_500_000_000, "lat_deg": 37.8, "lon_deg": -122.4}
    >>> encode(pl.DataFrame([row]), "b1")
    b'\\\\s:b1,c:1*5E\\\\!AIVDM,1,1,,A,15MgK4?P?wG?d`0E`Ah>4?v20000,0*61\\r\\n'
    """
    return pieces(tracks, station).data.tobytes()
