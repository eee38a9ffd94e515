"""Columns of small batches: what Polars takes for each series that it makes or asks is more than all their values.

So many columns are made from one array at once, as slices of its series, and nothing here is a query.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.schema import ALL, PICTURE

__all__ = ["filled", "known", "null_where", "only", "slices", "stacked"]

_TYPES: Final = {name: column.dtype for name, column in (ALL | PICTURE).items()}


def known(series: pl.Series) -> npt.NDArray[np.bool_]:
    """Which values are not null."""
    nulls = series.null_count()
    if not nulls or nulls == len(series):
        return np.full(len(series), not nulls)
    return series.is_not_null().to_numpy()


def only(series: pl.Series, where: pl.Series | npt.NDArray[np.bool_]) -> pl.Series:
    """The values where they hold; null elsewhere.

    >>> only(pl.Series([1, 2]), np.array([True, False])).to_list()
    [1, None]
    """
    if isinstance(where, np.ndarray):
        if where.all():
            return series
        where = pl.Series(where)
    return series.zip_with(where, pl.Series([None], dtype=series.dtype).new_from_index(0, len(series)))


def null_where(series: pl.Series, mask: npt.NDArray[np.bool_]) -> pl.Series:
    """The values; null where the mask says so.

    >>> null_where(pl.Series([1, 2]), np.array([True, False])).to_list()
    [None, 2]
    """
    return only(series, ~mask)


def filled(series: pl.Series, other: pl.Series) -> pl.Series:
    """The values, and those of the other column where they are null."""
    return series.zip_with(series.is_not_null(), other) if series.null_count() else series


def slices(values: npt.NDArray[Any]) -> list[pl.Series]:
    """The rows of a matrix, each as a series; NaN is null.

    >>> [s.to_list() for s in slices(np.array([[1.0, np.nan], [3.0, 4.0]]))]
    [[1.0, None], [3.0, 4.0]]
    """
    count, size = values.shape
    whole = pl.Series(values.reshape(-1), nan_to_null=True)
    return [whole.slice(k * size, size) for k in range(count)]


def stacked(names: Sequence[str], values: npt.NDArray[Any]) -> dict[str, pl.Series]:
    """The rows of a matrix as columns of the schema, of its types; NaN is null."""
    if not names:
        return {}
    made = zip(names, slices(values), strict=True)
    return {name: (s if s.dtype == _TYPES[name] else s.cast(_TYPES[name])).alias(name) for name, s in made}
