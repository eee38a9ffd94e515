"""From decoded columns to rows of ``schema.ALL``: ranges, statuses, where each row came from."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.links._series import known, only
from testigos.registry import Frames
from testigos.schema import ALL, SOURCES, STATUSES, unknown

__all__ = ["SQUAWKS", "address", "ascii_rows", "gathered", "object_ids", "rows", "squawk_digits"]

_OK, _NO_POSITION, _NO_TIME, _OUT_OF_RANGE, _MALFORMED = (
    STATUSES.index(n) for n in ("ok", "no_position", "no_time", "out_of_range", "malformed")
)
_STATUSES, _SOURCES = (pl.Series(n, dtype=pl.Enum(n)) for n in (STATUSES, SOURCES))
_SOURCE_UNKNOWN: Final = SOURCES.index("unknown")
#: Squawks by their number; the last one is null.
SQUAWKS: Final = pl.Series([*(f"{number:04o}" for number in range(4096)), None])
#: How an object's id begins, by whether its address is anonymous, and its address.
_PREFIXES: Final = np.array([list(b"icao:"), list(b"anon:")], np.uint8)
_DIGITS: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
_NIBBLES: Final = np.arange(20, -1, -4)
_HEX: Final = re.compile(r"~?[0-9a-fA-F]{6}")
_OCTAL: Final = re.compile(r"[0-7]{1,4}")


def address(text: str) -> str | None:
    """An object id of a 24-bit address in hex; null where it is none.

    >>> address("AE503D"), address("~2a1b3c"), address("AE50")
    ('icao:ae503d', 'anon:2a1b3c', None)
    """
    if not _HEX.fullmatch(text):
        return None
    return f"anon:{text[1:].lower()}" if text[0] == "~" else f"icao:{text.lower()}"


def squawk_digits(text: str) -> str | None:
    """Four octal digits; writers that print a number drop leading zeros. Null where it is no squawk.

    >>> squawk_digits("574"), squawk_digits("7700"), squawk_digits("8123")
    ('0574', '7700', None)
    """
    return text.zfill(4) if _OCTAL.fullmatch(text) else None


def gathered(parts: Sequence[pl.DataFrame], gives: Sequence[str]) -> pl.DataFrame:
    """The parts, one below the other, with exactly the columns ``gives``; missing ones are null."""
    if not parts:
        return pl.DataFrame([unknown(n, 0) for n in gives])
    table = pl.concat(parts, how="diagonal") if len(parts) > 1 else parts[0]
    given = set(table.columns)
    return pl.DataFrame([table.get_column(n) if n in given else unknown(n, len(table)) for n in gives])


def ascii_rows(letters: npt.NDArray[np.uint8]) -> list[str]:
    """Each row of ASCII characters as a text.

    >>> ascii_rows(np.array([[72, 105], [89, 111]], np.uint8))
    ['Hi', 'Yo']
    """
    text, width = letters.tobytes().decode("ascii"), letters.shape[1]
    return [text[at : at + width] for at in range(0, len(text), width)]


def object_ids(address: npt.NDArray[np.int64]) -> pl.Series:
    """Names of 24-bit addresses: with bit 24 they are anonymous, negative ones are none.

    >>> object_ids(np.array([0xAE503D, 0x12A1B3C, -1])).to_list()
    ['icao:ae503d', 'anon:2a1b3c', None]
    """
    digits = _DIGITS[address[:, None] >> _NIBBLES & 15]
    names: list[str | None] = [*ascii_rows(np.concatenate([_PREFIXES[address >> 24 & 1], digits], axis=1))]
    for i in np.flatnonzero(address < 0).tolist():
        names[i] = None
    return pl.Series(names, dtype=pl.String)


def rows(
    frames: Frames,
    of: npt.NDArray[np.int64],
    columns: Mapping[str, Any],
    malformed: npt.NDArray[np.bool_],
    unusable: npt.NDArray[np.bool_] | None = None,
) -> pl.DataFrame:
    """A row for each frame number in ``of``, with its status.

    ``columns`` holds arrays or series by schema name, as long as ``of``; NaN counts as unknown. ``malformed``
    rows lose all their values; ``unusable`` marks rows where a field held something that its column cannot.
    A value outside the range of its column becomes null and its row ``out_of_range``.

    Small batches pay for each query of Polars, so there is none where nothing is wrong.
    """
    size = len(of)
    outside = np.zeros(size, np.bool_) if unusable is None else unusable.copy()
    bad = malformed if malformed.any() else None
    made = {name: _column(name, columns[name], bad, outside) for name in columns}
    for name in ("object_id", "time_ns"):
        made.setdefault(name, unknown(name, size))
    if "source" not in made:
        unsaid = _SOURCES.new_from_index(_SOURCE_UNKNOWN, size).alias("source")
        made["source"] = unsaid if bad is None else only(unsaid, ~bad)
    status = np.full(size, _OK, np.uint32)
    placed = "lat_deg" in made and "lon_deg" in made
    status[~(known(made["lat_deg"]) & known(made["lon_deg"])) if placed else slice(None)] = _NO_POSITION
    status[~known(made["time_ns"])] = _NO_TIME
    status[outside] = _OUT_OF_RANGE
    status[malformed] = _MALFORMED
    made["status"] = _STATUSES[status].alias("status")
    made["offset"] = pl.Series("offset", frames.start[of].astype(np.uint64))
    made["length"] = pl.Series("length", (frames.stop[of] - frames.start[of]).astype(np.uint32))
    return pl.DataFrame([made[name] for name in ALL if name in made])


def _column(
    name: str, said: Any, bad: npt.NDArray[np.bool_] | None, outside: npt.NDArray[np.bool_]
) -> pl.Series:  # fmt: skip
    """Values as the schema has them, null where a row is ``bad``; marks those that are ``outside`` its range."""
    column = ALL[name]
    if isinstance(said, np.ndarray) and said.dtype.kind == "f":
        if column.low is not None and column.high is not None:
            wrong = (said < column.low) | (said > column.high)
            if wrong.any():
                outside |= wrong
                said = np.where(wrong, np.nan, said)
        if bad is not None:
            said = np.where(bad, np.nan, said)
        single = column.dtype == pl.Float32
        series = pl.Series(name, said.astype(np.float32) if single else said, nan_to_null=True)
        return series if series.dtype == column.dtype else series.cast(column.dtype)
    series = said.alias(name) if isinstance(said, pl.Series) else pl.Series(name, said)
    if series.dtype.is_float():
        series = series.fill_nan(None)
    if column.low is not None and column.high is not None:
        least, most = series.min(), series.max()
        if least is not None and (least < column.low or most > column.high):  # type: ignore[operator]
            inside = series.is_between(column.low, column.high).fill_null(True)
            outside |= ~inside.to_numpy()
            series = only(series, inside)
    if bad is not None:
        series = only(series, ~bad)
    return series if series.dtype == column.dtype else series.cast(column.dtype)
