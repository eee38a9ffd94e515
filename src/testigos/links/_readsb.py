"""What the formats of readsb share: its names for sources, its address notation, its fields.

Source: readsb README-json.md, "aircraft.json and --json-port".
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel
from testigos.links._series import only, stacked
from testigos.registry import Frames
from testigos.schema import REPORTS, SOURCES, STATUSES

__all__ = [
    "EMERGENCIES",
    "IDENTITY_NS",
    "NAMES",
    "QUALITY",
    "QUALITY_NS",
    "VOUCHED",
    "Floats",
    "audit",
    "emergencies",
    "emergency",
    "flags_column",
    "matching",
    "object_id",
    "patterned",
    "quality",
    "seconds_us",
    "source_codes",
    "source_names",
    "sources",
    "status_column",
    "table",
    "timed",
]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: readsb's ``type`` -> how the position was obtained.
TYPES: Final = {
    "adsb_icao": "adsb",
    "adsb_icao_nt": "adsb",
    "adsb_other": "adsb",
    "adsr_icao": "adsr",
    "adsr_other": "adsr",
    "tisb_icao": "tisb",
    "tisb_other": "tisb",
    "tisb_trackfile": "tisb",
    "adsc": "adsc",
    "mlat": "mlat",
    "mode_s": "mode_s",
    "mode_ac": "mode_ac",
    "uat": "uat",
    "other": "other",
    "unknown": "unknown",
}

#: The other way round, for writing; what readsb has no word for is ``other``.
NAMES: Final = {
    "adsb": "adsb_icao",
    "adsr": "adsr_icao",
    "tisb": "tisb_icao",
    "adsc": "adsc",
    "mlat": "mlat",
    "mode_s": "mode_s",
    "mode_ac": "mode_ac",
}

#: Sources whose reports carry the integrity and accuracy of the very position. readsb prints the aircraft's
#: own figures (or zeros) beside a position from elsewhere, MLAT for one, and there they vouch for nothing.
VOUCHED: Final = ("adsb", "adsr", "tisb", "uat")

#: Quality fields: readsb's key -> column.
QUALITY: Final = {"nic": "nic", "rc": "rc_m", "nac_p": "nac_p", "nac_v": "nac_v", "sil": "sil"}

#: Emergency states by their code (readsb.h, emergency_t; as in DO-260B 2.2.3.2.7.8.1.1).
EMERGENCIES: Final = ("none", "general", "lifeguard", "minfuel", "nordo", "unlawful", "downed", "reserved")

#: How long what details say counts for the rows after them.
QUALITY_NS: Final = 180 * 10**9  # own rule: six of readsb's usual 30 s intervals
IDENTITY_NS: Final = 600 * 10**9  # own rule

_SOURCES: Final = pl.Series(SOURCES, dtype=pl.Enum(SOURCES))
_STATUSES: Final = pl.Series(STATUSES, dtype=pl.Enum(STATUSES))
_UNKNOWN: Final = SOURCES.index("unknown")
_VOUCHES: Final = np.array([name in VOUCHED for name in SOURCES])
#: What Unicode calls white space; Python also counts four separators among the control characters.
_BLANKS: Final = "".join(c for c in map(chr, range(0x3001)) if c.isspace() and not 0x1C <= ord(c) <= 0x1F)

_ADDRESS: Final = re.compile(r"\A(~?)([0-9A-Fa-f]{6})\Z")


def object_id(address: object) -> str | None:
    """Our name for readsb's address; null where it is none.

    >>> object_id("AE503D"), object_id("~2a1b3c"), object_id("hello")
    ('icao:ae503d', 'anon:2a1b3c', None)
    """
    found = _ADDRESS.match(address) if isinstance(address, str) else None
    if found is None:
        return None
    return ("anon:" if found[1] else "icao:") + found[2].lower()


def source_codes(types: Sequence[str | None]) -> npt.NDArray[np.uint32]:
    """Places in SOURCES of readsb's ``type``; that of ``unknown`` where it is absent or not known."""
    return np.array([SOURCES.index(TYPES.get(t or "", "unknown")) for t in types], np.uint32)


def source_names(codes: npt.NDArray[np.uint32]) -> pl.Series:
    """Places in SOURCES as a column."""
    return _SOURCES[pl.Series(codes)].alias("source")


def sources(types: pl.Series) -> pl.Series:
    """readsb's ``type`` as a column of SOURCES; ``unknown`` where it is absent or not known."""
    names = types.replace_strict(TYPES, default="unknown", return_dtype=pl.String).fill_null("unknown")
    return names.cast(pl.Enum(SOURCES)).alias("source")


def quality(values: Mapping[str, Floats], source: npt.NDArray[np.unsignedinteger]) -> dict[str, Floats]:
    """Quality columns, kept only where the position's own source (of SOURCES) vouches for them; radius 0 is unknown."""
    vouched = _VOUCHES[source]
    kept = {column: np.where(vouched, values[column], np.nan) for column in QUALITY.values()}
    kept["rc_m"] = np.where((kept["rc_m"] > 0) & (kept["nic"] != 0), kept["rc_m"], np.nan)
    return kept


def emergency(text: str) -> str | None:
    """An emergency state; ``none`` is none."""
    return None if text == "none" else text


def emergencies(texts: pl.Series) -> pl.Series:
    """Emergency states; ``none`` is none."""
    return only(texts, (texts != "none").fill_null(False).to_numpy())


def matching(pattern: str) -> Callable[[str], str | None]:
    """A function that gives a text without trailing blanks where a part of that matches; null for others.

    >>> matching("^[0-7]{4}$")("7700 "), matching(".")("  ")
    ('7700', None)
    """
    search = re.compile(pattern).search

    def clean(text: str) -> str | None:
        said = text.rstrip(_BLANKS)
        return said if search(said) else None

    return clean


def patterned(values: pl.Series, pattern: str) -> pl.Series:
    """The texts without trailing blanks that match; null for others."""
    clean = values.str.strip_chars_end()
    return only(clean, clean.str.contains(pattern).fill_null(False).to_numpy())


def seconds_us(seconds: Floats) -> Floats:
    """Whole microseconds of a Unix time in seconds, or in milliseconds where seconds would be past the year 5138.

    The step of a binary64 at today's Unix time is 0.24 µs, so that nothing finer can be meant.
    """
    return np.asarray(np.round(np.where(seconds > 1e11, seconds * 1e-3, seconds) * 1e6))


def timed(micros: Floats) -> tuple[npt.NDArray[np.int64], Flags]:
    """Times in ns of times in µs, and whether each is known and in the range of the schema."""
    low, high = REPORTS["time_ns"].low, REPORTS["time_ns"].high
    assert low is not None
    assert high is not None
    known = (micros >= low / 1e3) & (micros <= high / 1e3)
    return np.where(known, micros, 0).astype(np.int64) * 1000, known


def audit(values: dict[str, Floats]) -> tuple[list[pl.Series], Flags]:
    """Columns in the schema's types, and which rows had a value outside its range (that value is null)."""
    columns = [REPORTS[name] for name in values]
    low, high = (np.array([getattr(column, end) for column in columns], np.float64) for end in ("low", "high"))
    found = np.array(list(values.values()))
    bad = np.zeros(found.shape[1], np.bool_)
    _audit(found, low, high, np.array([column.dtype.is_integer() for column in columns]), bad)
    return list(stacked(list(values), found).values()), bad


@kernel
def _audit(found, low, high, whole, bad):  # type: ignore[no-untyped-def]
    """Values that are outside their range, or not whole where they should be, become NaN."""
    for k in range(len(found)):
        for i in range(len(bad)):
            value = found[k, i]
            if value < low[k] or value > high[k] or (whole[k] and value != np.floor(value) and not np.isnan(value)):
                found[k, i] = np.nan
                bad[i] = True


def status_column(rows: int, *ranked: tuple[str, Flags]) -> pl.Series:
    """The status of each row: the first of ``ranked`` that holds, else ``ok``."""
    codes = np.full(rows, STATUSES.index("ok"), np.uint32)
    for status, where in reversed(ranked):
        codes[where] = STATUSES.index(status)
    return _STATUSES[pl.Series(codes)].alias("status")


def flags_column(name: str, values: Flags, known: Flags) -> pl.Series:
    """A column of truths; null where not known."""
    return only(pl.Series(name, values), known)


def table(
    frames: Frames, data: npt.NDArray[np.int64], columns: list[pl.Series], gives: tuple[str, ...]
) -> pl.DataFrame:
    """The rows of frames ``data``, with their place in the buffer; columns in the order of ``gives``."""
    place = [
        pl.Series("offset", frames.start[data].astype(np.uint64)),
        pl.Series("length", (frames.stop[data] - frames.start[data]).astype(np.uint32)),
    ]
    made = {series.name: series for series in columns + place}
    return pl.DataFrame([made[name] for name in gives])
