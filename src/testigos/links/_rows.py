"""From decoded columns to rows of ``schema.ALL``: ranges, statuses, where each row came from."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.registry import Frames
from testigos.schema import ALL

__all__ = ["address", "gathered", "rows", "squawk_digits"]

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
        return pl.DataFrame(schema={n: ALL[n].dtype for n in gives})
    table = pl.concat(parts, how="diagonal") if len(parts) > 1 else parts[0]
    return table.select(pl.col(n) if n in table.columns else pl.lit(None, ALL[n].dtype).alias(n) for n in gives)


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
    """
    size = len(of)
    table = pl.DataFrame(dict(columns)).with_columns(
        pl.repeat(value, size, dtype=ALL[name].dtype, eager=True).alias(name)
        for name, value in (("object_id", None), ("time_ns", None), ("source", "unknown"))
        if name not in columns
    )
    floats = [series.name for series in table.get_columns() if series.dtype.is_float()]
    table = table.with_columns(pl.when(pl.col(n).is_nan()).then(None).otherwise(pl.col(n)).alias(n) for n in floats)
    outside = np.zeros(size, np.bool_) if unusable is None else unusable.copy()
    for name in table.columns:
        column = ALL[name]
        if column.low is None or column.high is None:
            continue
        said = table.get_column(name)
        least, most = said.min(), said.max()  # no query, as masks are: small batches have a cost for each
        if least is not None and (least < column.low or most > column.high):  # type: ignore[operator]
            inside = said.is_between(column.low, column.high).fill_null(True)
            outside |= ~inside.to_numpy()
            table = table.with_columns(pl.when(inside).then(pl.col(name)).alias(name))
    if malformed.any():
        good = pl.Series(~malformed)
        table = table.with_columns(pl.when(good).then(pl.col(n)).alias(n) for n in table.columns)
    placed = {"lat_deg", "lon_deg"} <= set(table.columns)
    missing = pl.any_horizontal(pl.col("lat_deg", "lon_deg").is_null()) if placed else pl.lit(True)
    status = (
        pl.when(pl.Series("m", malformed))
        .then(pl.lit("malformed"))
        .when(pl.Series("o", outside))
        .then(pl.lit("out_of_range"))
        .when(pl.col("time_ns").is_null())
        .then(pl.lit("no_time"))
        .when(missing)
        .then(pl.lit("no_position"))
        .otherwise(pl.lit("ok"))
    )
    table = table.with_columns(
        status.alias("status"),
        pl.Series("offset", frames.start[of].astype(np.uint64)),
        pl.Series("length", (frames.stop[of] - frames.start[of]).astype(np.uint32)),
    )
    return table.select(pl.col(n).cast(c.dtype) for n, c in ALL.items() if n in table.columns)
