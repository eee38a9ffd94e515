"""What was last said of each object, column by column, each value with its time and who said it.

A value wins by its time; of two of the same time the larger one, texts by their hash: the order of arrival decides
nothing. A value that nobody says again stays, until whoever reads finds it too old.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from testigos.schema import ALL, KINDS

__all__ = ["COLUMNS", "FLEETING", "TEXTS", "Texts", "Values", "gather", "grown", "matrix", "new_values", "put"]

#: Columns of which the last value is kept.
COLUMNS: Final = (
    *("alt_baro_ft", "alt_geom_ft", "alt_msl_ft", "on_ground", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm"),
    *("ias_kt", "tas_kt", "heading_deg", "rot_degpmin", "emergency", "callsign", "squawk", "category", "registration"),
    *("type_code", "military", "nic", "rc_m", "nac_p", "nac_v", "sil", "adsb_version", "rssi_dbfs", "simulated"),
    *("vessel_name", "imo", "ship_type", "nav_status", "draught_m", "destination", "to_bow_m", "to_stern_m"),
    *("to_port_m", "to_starboard_m", "kind", "stale_ns", "uid", "cot_type", "height_accuracy95_m"),
)
#: Columns whose values do not hold for long.
FLEETING: Final = COLUMNS[: COLUMNS.index("callsign")]
#: Columns of text: their values are numbers of ``Texts``.
TEXTS: Final = frozenset(n for n in COLUMNS if ALL[n].dtype == pl.String)
#: Columns whose change alone is no news.
_SILENT: Final = ("rssi_dbfs", "stale_ns")

Floats = npt.NDArray[np.float64]


class Texts:
    """Texts by number, in the order in which they were met; ``rank`` orders them whatever that was."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._series = pl.Series("texts", [], dtype=pl.String)
        self.rank = np.zeros(64, np.int64)

    def __len__(self) -> int:
        return len(self._number)

    def __getitem__(self, number: int) -> str:
        return str(self.series()[number])

    def numbers(self, texts: Iterable[str]) -> npt.NDArray[np.int64]:
        """The number of each text; new ones get one."""
        known = self._number
        listed = list(texts)
        found = [known.get(t, -1) for t in listed]
        if -1 in found:
            for k, text in enumerate(listed):
                if found[k] < 0:
                    found[k] = self._number_of(text)
        return np.array(found, np.int64)

    def _number_of(self, text: str) -> int:
        number = self._number.get(text)
        if number is None:
            number = self._number[text] = len(self._number)
            if number >= len(self.rank):
                self.rank = np.concatenate((self.rank, np.zeros_like(self.rank)))
            self.rank[number] = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
        return number

    def number(self, text: str) -> int:
        """The number of a text; -1 if it was never met."""
        return self._number.get(text, -1)

    def series(self) -> pl.Series:
        """All texts by their number."""
        if len(self._series) < len(self._number):
            self._series = pl.Series("texts", list(self._number), dtype=pl.String)
        return self._series

    def kept(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Forgets all but these; gives the new number of each old one."""
        moved = np.full(len(self), -1, np.int64)
        numbers = np.unique(numbers)
        moved[numbers] = np.arange(len(numbers))
        names = list(self._number)
        rank = self.rank[numbers]
        self._number = {names[n]: k for k, n in enumerate(numbers.tolist())}
        self.rank = np.concatenate((rank, np.zeros(64 + len(rank), np.int64)))
        self._series = pl.Series("texts", [], dtype=pl.String)
        return moved


class Values(NamedTuple):
    """Values (C, columns), NaN where nothing was said, and who said them."""

    value: npt.NDArray[Any]
    time: npt.NDArray[Any]
    input: npt.NDArray[Any]
    link: npt.NDArray[Any]
    via: npt.NDArray[Any]
    offset: npt.NDArray[Any]


def new_values(capacity: int) -> Values:
    """Nothing said of anybody."""
    shape = (capacity, len(COLUMNS))
    return Values(
        np.full(shape, np.nan), np.zeros(shape, np.int64), np.zeros(shape, np.uint16), np.zeros(shape, np.int32),
        np.zeros(shape, np.int32), np.zeros(shape, np.int64),
    )  # fmt: skip


def grown(old: Values, capacity: int) -> Values:
    """The same with room for more."""
    made = new_values(capacity)
    for name in old._fields:
        getattr(made, name)[: len(old.value)] = getattr(old, name)
    return made


def matrix(table: pl.DataFrame, texts: Texts) -> tuple[npt.NDArray[np.int64], Floats]:
    """Numbers of the columns that ``table`` has values of, and these, (columns, N); NaN where null."""
    numbers, rows = [], []
    for number, name in enumerate(COLUMNS):
        if name not in table.columns:
            continue
        series = table[name]
        nulls = series.null_count()
        if nulls == len(series):
            continue
        if name in TEXTS:
            values = np.full(len(series), np.nan)
            if nulls:
                values[series.is_not_null().to_numpy()] = texts.numbers(series.drop_nulls().to_list())
            else:
                values[:] = texts.numbers(series.to_list())
        else:
            if series.dtype == pl.Enum:
                series = series.to_physical()
            values = (
                series.cast(pl.Float64).fill_null(np.nan).to_numpy() if nulls else series.cast(pl.Float64).to_numpy()
            )
        numbers.append(number)
        rows.append(values)
    return np.array(numbers, np.int64), np.array(rows, np.float64).reshape(len(rows), len(table))


IS_TEXT: Final = np.array([n in TEXTS for n in COLUMNS])
IS_SILENT: Final = np.array([n in _SILENT for n in COLUMNS])
NUMBER: Final = {name: k for k, name in enumerate(COLUMNS)}
KIND_NUMBER: Final = {name: k for k, name in enumerate(KINDS)}


@njit(cache=True, nogil=True)
def put(values, columns, said, rows, target, weak, time, input, link, via, offset, is_text, rank, silent, news):  # type: ignore[no-untyped-def]
    """Values ``said``, (columns, N), by ``rows`` into the slots that are their ``target``.

    ``weak`` rows fill only what is unknown. ``news[row]`` becomes 1 where a row's value is newer or new, 2 where it
    changed something.
    """
    for r in range(len(rows)):
        i = rows[r]
        g = target[i]
        t = time[i]
        for k in range(len(columns)):
            v = said[k, i]
            if v != v:
                continue
            c = columns[k]
            old = values.value[g, c]
            if old == old:
                before = values.time[g, c]
                if weak[i] or t < before:
                    continue
                if t == before:
                    if v == old:
                        continue
                    if is_text[c]:
                        if rank[int(v)] <= rank[int(old)]:
                            continue
                    elif v < old:
                        continue
            if v != old and not silent[c]:
                news[i] = 2
            elif news[i] == 0:
                news[i] = 1
            values.value[g, c], values.time[g, c] = v, t
            values.input[g, c], values.link[g, c] = input[i], link[i]
            values.via[g, c], values.offset[g, c] = via[i], offset[i]


@njit(cache=True, nogil=True)
def gather(values, slots, since, fleeting, out):  # type: ignore[no-untyped-def]
    """Values of ``slots`` as columns into ``out``, (columns, N); NaN for fleeting ones from before ``since[slot]``."""
    for i in range(len(slots)):
        g = slots[i]
        for c in range(values.value.shape[1]):
            if fleeting[c] and values.time[g, c] < since[i]:
                out[c, i] = np.nan
            else:
                out[c, i] = values.value[g, c]
