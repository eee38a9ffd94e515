"""readsb trace files: one aircraft's day, ``trace_full_*.json`` and ``trace_recent_*.json``.

A document is a header, an array of rows, and sometimes keys after it::

    {"icao":"ae503d", ..., "timestamp": 1723420800.000, "trace":[ [5.06,40.1,-75.3,36000,...], ... ] }

The header up to the array's bracket is one context frame, each row is a data frame, keys behind the array are
another context frame. The splitter keeps no state: it can resume between any two rows, and a damaged row is
left at the next place that looks like the end of one.

What changes slowly (call sign, squawk, quality) stands only in the details of some rows, every fourth as readsb
writes them, and is carried to the rows that follow. Only as far as is honest: never across a new leg or
document; quality and emergency for three minutes and only for the same kind of source; identity for ten minutes.

A header with ``"simulated":true`` is none that readsb writes: the simulator marks its traces so.

The flag that the specification calls *stale* means that nothing was received for 20 s *before* this position,
so the position itself is as good as any other. A row's status is ``stale`` only where the flag is set and a
moving aircraft has exactly the position of the row before.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, cast

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._json import (
    ABSENT,
    CONTAINER,
    ESCAPED,
    NULL,
    NUMBER,
    Cells,
    array_cells,
    key_table,
    object_cells,
    texts,
)
from testigos.links._readsb import (
    IDENTITY_NS,
    QUALITY,
    QUALITY_NS,
    Flags,
    Floats,
    audit,
    emergencies,
    flags_column,
    object_id,
    patterned,
    quality,
    sources,
    status_column,
    table,
    timed,
)
from testigos.links._readsb_split import HELD, TRACE_ROWS, split_documents
from testigos.links._readsb_write import encode
from testigos.links._series import only
from testigos.registry import Frames

__all__ = ["CHECKED", "GIVES", "NAME", "SPEC", "decode", "encode", "recognise", "split"]

NAME = "readsb_trace"
SPEC = "https://github.com/wiedehopf/readsb/blob/dev/README-json.md#trace-jsons"
CHECKED = False
FRESH_START: Final = b"{"  # a header begins its document anew
GIVES = (
    "object_id",
    "time_ns",
    "status",
    "source",
    "lat_deg",
    "lon_deg",
    "alt_baro_ft",
    "alt_geom_ft",
    "on_ground",
    "gs_kt",
    "track_deg",
    "vrate_fpm",
    "vrate_geom_fpm",
    "ias_kt",
    "tas_kt",
    "roll_deg",
    "heading_deg",
    "callsign",
    "squawk",
    "category",
    "emergency",
    "registration",
    "type_code",
    "military",
    "nic",
    "rc_m",
    "nac_p",
    "nac_v",
    "sil",
    "adsb_version",
    "new_leg",
    "simulated",
    "offset",
    "length",
)

MOVING_KT: Final = 30.0  # own rule: at this speed a position of 6 decimals cannot repeat

_DETAILS: Final = (
    "type",
    "flight",
    "squawk",
    "category",
    "emergency",
    "nic",
    "rc",
    "nac_p",
    "nac_v",
    "sil",
    "version",
    "alt_geom",
    "geom_rate",
    "ias",
    "tas",
    "roll",
    "true_heading",
)
_KEYS: Final = key_table(_DETAILS)
_TEXTS: Final = ("type", "flight", "squawk", "category", "emergency")
_NUMBERS: Final = ("nic", "rc", "nac_p", "nac_v", "sil", "version")


def recognise(head: bytes) -> int:
    """Whether the document has a trace array."""
    if re.search(rb'"trace"\s*:\s*\[', head) is None:
        return 0
    return 95 if b'"icao"' in head or b'"timestamp"' in head else 60


def _complete(header: bytes) -> bool:
    return b'"icao"' in header and b'"timestamp"' in header


def split(buffer: bytes, final: bool = False) -> tuple[Frames, bytes]:
    """Headers, rows and trailers, and what needs more bytes.

    A document whose keys stand behind its array is held back until its end is seen, up to 32 MiB.
    """
    return split_documents(buffer, final, TRACE_ROWS, _complete)


# --- decoding -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Document:
    """What a header says of all rows of its document; times in µs."""

    object_id: str | None = None
    micros: float = np.nan
    registration: str | None = None
    type_code: str | None = None
    military: bool | None = None
    simulated: bool | None = None


@dataclass(frozen=True, slots=True)
class _Carry:
    """The document, and what rows to come may inherit: values and when and by which source they were said."""

    document: _Document = field(default_factory=_Document)
    texts: tuple[str | None, ...] = (None,) * 5
    text_ns: tuple[int, ...] = (0,) * 5
    numbers: tuple[float, ...] = (np.nan,) * 6
    number_ns: int = 0
    number_source: str | None = None
    position: tuple[float, float] = (np.nan, np.nan)


_HEADER_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


def _keys(text: bytes) -> dict[str, Any]:
    try:
        found = _HEADER_DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
        return {}
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _string(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _document(keys: dict[str, Any]) -> _Document:
    stamp, flags = keys.get("timestamp"), keys.get("dbFlags")
    micros = np.nan
    if isinstance(stamp, int | Decimal) and not isinstance(stamp, bool) and 0 <= stamp < 10**15:
        micros = float(round((stamp if stamp < 10**11 else Decimal(stamp) / 1000) * 10**6))
    return _Document(
        object_id(keys.get("icao")),
        micros,
        _string(keys.get("r")),
        _string(keys.get("t")),
        bool(flags & 1) if isinstance(flags, int) and not isinstance(flags, bool) else None,
        True if keys.get("simulated") is True else None,
    )


def _documents(found: Frames, carry: _Carry) -> tuple[list[_Document], npt.NDArray[np.int64]]:
    """The documents, the carried one first, and which of them each data frame belongs to."""
    documents = [carry.document]
    opens = np.zeros(len(found), np.int64)
    header = b""
    begin = -1  # start of the header that a trailer may complete
    for i in np.flatnonzero(found.context):
        text = found.buffer[int(found.start[i]) : int(found.stop[i])]
        if text[:1] == b"{":
            documents.append(_document(_keys(text + b"]}")))
            opens[i] = 1
            header, begin = text, int(found.start[i])
        else:
            if begin >= 0 and not _complete(header) and int(found.stop[i]) - begin <= HELD and text != b"}":
                documents[-1] = _document(_keys(header + b"]," + text))
            begin = -1
    return documents, np.cumsum(opens)[~found.context]


@dataclass(frozen=True, slots=True)
class _Said:
    """The details that rows may inherit from: slot 0 is the carry, the others are the rows that have details.

    ``row`` (slots,): the row of each, -1 for the carry. ``latest`` (rows,): the last slot up to each row. ``since``
    (rows,): the first row whose details still count, -1 where the carry does. ``time_ns`` (rows,).
    """

    row: npt.NDArray[np.int64]
    latest: npt.NDArray[np.int64]
    since: npt.NDArray[np.int64]
    time_ns: npt.NDArray[np.int64]

    def inherit(self, has: Flags, carried_ns: int, age_ns: int) -> tuple[npt.NDArray[np.int64], Flags, Any]:
        """For each row the slot that it inherits from, whether it may, and for each slot when it was said.

        ``has`` (slots,): the slot says something; the last one that does counts, if it is not too old.
        """
        said_ns = np.concatenate(([carried_ns], self.time_ns[self.row[1:]]))
        slots = np.arange(len(has))
        if not has[1:].all():
            slots = np.maximum.accumulate(np.where(has, slots, 0))
        slot = slots[self.latest]
        age = self.time_ns - said_ns[slot]
        may = (age >= 0) & (age <= age_ns) & (self.row[slot] >= self.since)
        return slot, may if has[0] else may & (slot > 0), said_ns


def decode(frames: Frames, carry: Any) -> tuple[pl.DataFrame, Any]:
    """One row a trace row; a row that is no such array is ``malformed``.

    Time is the header's time stamp plus the row's seconds. On the ground the sixth value is a heading, not a track.
    """
    before: _Carry = carry or _Carry()
    documents, which = _documents(frames, before)
    data = np.flatnonzero(~frames.context)
    rows = len(data)
    raw = np.frombuffer(frames.buffer, np.uint8)
    cells = array_cells(raw, frames.start[data], frames.stop[data], 14)
    kind = cells.kind
    base = np.array([d.micros for d in documents])[which]
    nameless = np.array([d.object_id is None for d in documents])[which]
    good = _understood(raw, cells) & ~(nameless & np.isfinite(base))
    detailed = np.flatnonzero(kind[8] == CONTAINER)
    begin, end = cells.first[8, detailed].astype(np.int64), cells.last[8, detailed].astype(np.int64)
    details = object_cells(raw, begin, end, _KEYS)
    good[detailed] &= details.valid
    whole = good[detailed]
    detailed = detailed[whole]

    def cell(column: int) -> Floats:
        found = cells.number[column]
        return found if all_good else np.where(good, found, np.nan)

    def detail(key: str) -> Floats:
        return np.asarray(details.number[_DETAILS.index(key)][whole])

    def passing(key: str) -> Floats:
        found = np.full(rows, np.nan)
        found[detailed] = detail(key)
        return found

    def either(column: int, key: str) -> Floats:
        # Files from before 2022 have these in the details only.
        old = kind[column] == ABSENT
        return np.where(old & good, passing(key), cell(column)) if old.any() else cell(column)

    all_good = bool(good.all())
    flags = np.nan_to_num(cell(6)).clip(0, 15).astype(np.int8)
    time_ns, known = timed(base + np.round(cell(0) * 1e6))
    time_bad = good & ~known & np.isfinite(base)

    new_leg = (flags & 2) > 0
    opens = np.concatenate((which[:1] > 0, np.diff(which) > 0))
    has_details = np.zeros(rows, np.int64)
    has_details[detailed] = 1
    said = _Said(
        np.concatenate(([-1], detailed)),
        np.cumsum(has_details),
        np.maximum.accumulate(np.where(opens | new_leg, np.arange(rows), -1)) if rows else np.empty(0, np.int64),
        time_ns,
    )
    stated = [texts(raw, details, _DETAILS.index(k)).filter(pl.Series(whole)) for k in _TEXTS]
    stated[1:4] = [patterned(s, p) for s, p in zip(stated[1:4], (".", "^[0-7]{4}$", "^[A-D][0-7]$"), strict=True)]
    inherited, kept_texts, kept_ns = [], [], []
    for k, series in enumerate(stated):
        slots = pl.concat([pl.Series([before.texts[k]], dtype=pl.String), series])
        has = slots.is_not_null().to_numpy()
        if _TEXTS[k] == "emergency":  # as the quality: what details leave out is over
            has = np.concatenate((has[:1], np.ones(len(detailed), np.bool_)))
        age_ns = QUALITY_NS if _TEXTS[k] in ("type", "emergency") else IDENTITY_NS
        slot, may, said_ns = said.inherit(has, before.text_ns[k], age_ns)
        inherited.append(only(slots.gather(slot), may))
        keeps = bool(rows) and said.row[slot[-1]] >= said.since[-1]
        kept_texts.append(cast(str | None, slots[int(slot[-1])]) if keeps else None)
        kept_ns.append(int(said_ns[slot[-1]]) if keeps else 0)
    old = kind[9] == ABSENT
    types = texts(raw, cells, 9)
    source = sources(types.zip_with(pl.Series(~old), inherited[0]) if old.any() else types)
    code = source.to_physical().to_numpy()

    carried_source = pl.Series([before.number_source or "unknown"], dtype=source.dtype).to_physical().to_numpy()
    has = np.concatenate(([before.number_source is not None], np.ones(len(detailed), np.bool_)))
    slot, may, said_ns = said.inherit(has, before.number_ns, QUALITY_NS)
    may &= good & (np.concatenate((carried_source, code[detailed]))[slot] == code)
    slots_of = {k: np.concatenate(([v], detail(k))) for k, v in zip(_NUMBERS, before.numbers, strict=True)}
    numbers = {QUALITY.get(k, k): np.where(may, v[slot], np.nan) for k, v in slots_of.items()}
    kept = quality(numbers, code)

    on_ground = (kind[3] > NUMBER) & good
    rate, geometric = cell(7), (flags & 4) > 0
    geom_rate = either(11, "geom_rate")
    alt = cell(3)
    values = {
        "lat_deg": cell(1),
        "lon_deg": cell(2),
        "alt_baro_ft": np.where((flags & 8) > 0, np.nan, alt),
        "alt_geom_ft": np.where(((flags & 8) > 0) & ~np.isnan(alt), alt, either(10, "alt_geom")),
        "gs_kt": cell(4),
        "track_deg": np.where(on_ground, np.nan, cell(5)),
        "vrate_fpm": np.where(geometric, np.nan, rate),
        "vrate_geom_fpm": np.where(geometric & ~np.isnan(rate), rate, geom_rate),
        "ias_kt": either(12, "ias"),
        "tas_kt": passing("tas"),
        "roll_deg": either(13, "roll"),
        "heading_deg": np.where(on_ground, cell(5), passing("true_heading")),
        **kept,
        "adsb_version": numbers["version"],
    }
    columns, bad = audit(values)

    lat, lon = values["lat_deg"], values["lon_deg"]
    repeats = ((flags & 1) > 0) & ~opens & (values["gs_kt"] >= MOVING_KT)
    for values_of, last in ((lat, before.position[0]), (lon, before.position[1])):
        repeats &= np.concatenate(([last], values_of))[:-1] == values_of
    lost = np.isnan(lat) | np.isnan(lon)
    status = status_column(
        rows,
        ("malformed", ~good),
        ("out_of_range", time_bad | (bad & known)),
        ("no_time", ~known),
        ("no_position", lost),
        ("stale", repeats),
    )

    def of_document(name: str, dtype: Any) -> pl.Series:
        value = pl.Series([getattr(d, name) for d in documents], dtype=dtype).gather(which)
        return only(value, good).alias(name)

    airborne = source.is_in(["adsb", "adsr", "tisb"]).to_numpy() & (kind[3] == NUMBER)
    columns += [
        of_document("object_id", pl.String),
        only(pl.Series("time_ns", time_ns), known & good),
        status,
        only(source, good),
        flags_column("on_ground", on_ground, on_ground | (airborne & good)),
        *(
            only(s, good).alias(name)
            for name, s in zip(("callsign", "squawk", "category"), inherited[1:4], strict=True)
        ),
        only(emergencies(inherited[4]), good).alias("emergency"),
        of_document("registration", pl.String),
        of_document("type_code", pl.String),
        of_document("military", pl.Boolean),
        of_document("simulated", pl.Boolean),
        flags_column("new_leg", new_leg, good),
    ]
    after = before
    if len(documents) > 1 and (not rows or which[-1] < len(documents) - 1):
        after = _Carry(documents[-1])
    elif rows:
        last = int(slot[-1])
        keeps = has[last] and said.row[last] >= said.since[-1]
        after = _Carry(
            documents[-1],
            tuple(kept_texts),
            tuple(kept_ns),
            tuple(float(v[last]) if keeps else np.nan for v in slots_of.values()),
            int(said_ns[last]) if keeps else 0,
            (cast(str, source[int(said.row[last])]) if last else before.number_source) if keeps else None,
            (float(lat[-1]), float(lon[-1])),
        )
    return table(frames, data, columns, GIVES), after


def _understood(raw: npt.NDArray[np.uint8], cells: Cells) -> Flags:
    """Whether each row is an array whose values are of the kinds that the specification names."""
    kind = cells.kind
    good: Flags = cells.valid & (kind[0] == NUMBER) & (kind[2] != ABSENT)
    for column in (1, 2, 4, 5, 6, 7, 10, 11, 12, 13):
        good &= kind[column] <= NUMBER
    good &= (kind[1] == NUMBER) == (kind[2] == NUMBER)
    altitude = np.flatnonzero(kind[3] > NUMBER)
    first, length = cells.first[3, altitude], (cells.last[3] - cells.first[3])[altitude]
    text = raw[first[:, None] + np.minimum(np.arange(6), np.maximum(length - 1, 0)[:, None])]
    good[altitude] &= (length == 6) & (text == np.frombuffer(b"ground", np.uint8)).all(axis=1)
    good &= (kind[8] <= NULL) | (kind[8] == CONTAINER)
    good &= (kind[9] <= NULL) | ((kind[9] > NUMBER) & (kind[9] <= ESCAPED))
    return np.asarray(good)
