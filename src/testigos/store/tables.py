"""Reports as Parquet: the working copy of the archive, rebuilt from it at any time.

``tables/reports/date=YYYY-MM-DD/bucket=NN/part-<hash>.parquet``: one file a UTC day and bucket, sorted by
object and time, named by its content; ``bucket`` is the first 8 bytes of SHA-256 of the object id,
big-endian, modulo 16. Rows without a time are under ``date=__HIVE_DEFAULT_PARTITION__``, which readers of
such trees take as null.
``tables/state.json`` names the files that count and the documents in them; it is replaced last.

Numbers are stored in steps where that loses nothing, file by file, and the column's name says the step:
``lat_deg_e6`` are millionths of a degree, ``alt_baro_25ft`` units of 25 ft, ``time_ms`` milliseconds.
A source that is finer keeps its own column. Columns that are null throughout a file are left out of it.
"""

import io
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from testigos.errors import ArchiveError
from testigos.schema import REPORTS, conform
from testigos.store.files import put
from testigos.units import DAY_S, S_NS

__all__ = ["BUCKETS", "Box", "Tables", "bucket_of"]

BUCKETS: Final = 16
_ROW_GROUP: Final = 250_000
_SPILL_ROWS: Final = 1_000_000
_NULL: Final = "__HIVE_DEFAULT_PARTITION__"
_ORDER: Final = ("object_id", "time_ns", "segment", "offset")

#: South, west, north, east in degrees; west > east crosses the antimeridian.
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Step:
    """A column stored as integers: value = integer × ``up`` / ``down``."""

    column: str
    stored: str
    dtype: type[pl.DataType]
    up: int = 1
    down: int = 1

    def back(self, stored: pl.Series) -> pl.Series:
        dtype = REPORTS[self.column].dtype
        if dtype.is_integer():
            return (stored.cast(pl.Int64) * self.up).cast(dtype).alias(self.column)
        # NumPy: Polars divides by a scalar by multiplying with its reciprocal, which is not the same number
        value = stored.cast(pl.Float64).to_numpy() * self.up / self.down
        return pl.Series(self.column, value, nan_to_null=True).cast(dtype)

    def forth(self, value: pl.Series) -> pl.Series:
        exact = value.dtype.is_integer()
        whole = value // self.up if exact else (value.cast(pl.Float64) * self.down / self.up).round()
        return whole.cast(self.dtype, strict=False).alias(self.stored)


_ALTITUDES: Final = ("alt_baro", "alt_geom", "alt_msl")
#: The first step that loses nothing is used.
_STEPS: Final = (
    _Step("time_ns", "time_ms", pl.Int64, up=1_000_000),
    _Step("lat_deg", "lat_deg_e6", pl.Int32, down=1_000_000),
    _Step("lon_deg", "lon_deg_e6", pl.Int32, down=1_000_000),
    *(_Step(f"{name}_ft", f"{name}_25ft", pl.Int16, up=25) for name in _ALTITUDES),
    *(_Step(f"{name}_ft", f"{name}_1ft", pl.Int32) for name in _ALTITUDES),
    *(_Step(name, f"{name}_e1", pl.Int16, down=10) for name in ("gs_kt", "ias_kt", "tas_kt", "rssi_dbfs")),
    *(_Step(name, f"{name}_e2", pl.UInt16, down=100) for name in ("track_deg", "heading_deg")),
    _Step("roll_deg", "roll_deg_e2", pl.Int16, down=100),
    _Step("vrate_fpm", "vrate_1fpm", pl.Int16),
    _Step("vrate_geom_fpm", "vrate_geom_1fpm", pl.Int16),
    _Step("rc_m", "rc_m_e1", pl.Int32, down=10),
    _Step("offset", "offset_32", pl.UInt32),
)
_BACK: Final = {step.stored: step for step in _STEPS}


@lru_cache(maxsize=1 << 16)
def bucket_of(object_id: str | None) -> int:
    """Bucket of an object, the same on every machine; rows without an object share one.

    >>> bucket_of("icao:ae503d")
    0
    """
    return int.from_bytes(sha256((object_id or "").encode()).digest()[:8], "big") % BUCKETS


def stored_form(table: pl.DataFrame) -> pl.DataFrame:
    """Reports as they are stored: in steps where that is lossless, without columns of nulls only."""
    present = [name for name in table.columns if table[name].null_count() < len(table)]
    slim = table.select(present).with_columns(pl.col(pl.Enum).cast(pl.String))
    done: set[str] = set()
    for step in _STEPS:
        if step.column not in present or step.column in done:
            continue
        whole = step.forth(slim[step.column])
        if step.back(whole).equals(slim[step.column], null_equal=True):
            done.add(step.column)
            slim = slim.insert_column(slim.columns.index(step.column), whole).drop(step.column)
    return slim


def restored(table: pl.DataFrame) -> pl.DataFrame:
    """The reports of ``stored_form``, equal to what the links gave."""
    return conform(pl.DataFrame([_BACK[s.name].back(s) if s.name in _BACK else s for s in table]))


class Part(msgspec.Struct, frozen=True):
    """One file of the tables."""

    path: str
    rows: int
    sha256: str


class State(msgspec.Struct, frozen=True):
    """Which files count, and the ids of the documents whose rows are in them; both sorted."""

    version: int = 1
    documents: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass
class _Pile:
    """Rows by partition, partly on disk."""

    folder: Path
    held: dict[tuple[str, int], list[pl.DataFrame]] = field(default_factory=dict)
    spilled: dict[tuple[str, int], list[Path]] = field(default_factory=dict)
    rows: int = 0

    def add(self, table: pl.DataFrame) -> None:
        ids = table["object_id"].unique()
        buckets = pl.DataFrame(
            {"object_id": ids, "bucket": [bucket_of(i) for i in ids]},
            schema={"object_id": pl.String, "bucket": pl.Int32},
        )
        keyed = table.with_columns(day=pl.col("time_ns") // (DAY_S * S_NS)).join(
            buckets, on="object_id", how="left", nulls_equal=True, maintain_order="left"
        )
        for (day, bucket), part in keyed.partition_by("day", "bucket", as_dict=True, include_key=False).items():
            self.held.setdefault((_date(day), bucket), []).append(part)
        self.rows += len(table)
        if self.rows >= _SPILL_ROWS:
            self.spill()

    def spill(self) -> None:
        for key, tables in self.held.items():
            files = self.spilled.setdefault(key, [])
            path = self.folder / f"{key[0]}-{key[1]:02d}-{len(files):06d}.arrow"
            content = io.BytesIO()
            pl.concat(tables).write_ipc(content, compression="lz4")
            self.folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.getvalue())
            files.append(path)
        self.held, self.rows = {}, 0

    def partitions(self) -> list[tuple[str, int]]:
        return sorted({*self.held, *self.spilled})

    def taken(self, key: tuple[str, int]) -> list[pl.DataFrame]:
        files = self.spilled.pop(key, [])
        tables = [pl.read_ipc(path) for path in files] + self.held.pop(key, [])
        for path in files:
            path.unlink()
        return tables


def _date(day: int | None) -> str:
    if day is None:
        return _NULL
    return str(pl.select(pl.lit(day, pl.Int32).cast(pl.Date)).item())


class Tables:
    """The Parquet tree under ``folder``, empty if missing. Raises ``ArchiveError`` on a damaged state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state_path = folder / "state.json"
        self.state = State()
        self._sound: set[str] = set()  # parts whose bytes were found to be those that were written
        if self._state_path.exists():
            try:
                self.state = msgspec.json.decode(self._state_path.read_bytes(), type=State)
            except (ValueError, OSError) as error:
                raise ArchiveError(f"{self._state_path}: damaged: {error}") from None

    def clean(self) -> None:
        """Removes what a killed writer left. Raises ``OSError``."""
        current = {self.folder / part.path for part in self.state.parts}
        for path in self.folder.glob("reports/*/*/*"):
            if path not in current:
                path.unlink()
        for path in [*self.folder.glob("spill/*"), *self.folder.glob(".new-*")]:
            path.unlink()
        if (self.folder / "spill").exists():
            (self.folder / "spill").rmdir()

    def merge(self, documents: Collection[str], tables: Iterable[pl.DataFrame]) -> int:
        """Adds reports of documents; gives the number of rows. All or nothing. Raises ``OSError``."""
        self.clean()
        pile, rows = _Pile(self.folder / "spill"), 0
        for table in tables:
            rows += len(table)
            pile.add(table)
        parts = {str(Path(part.path).parent): part for part in self.state.parts}
        replaced = []
        for key in pile.partitions():
            place = f"reports/date={key[0]}/bucket={key[1]:02d}"
            old = parts.get(place)
            parts[place] = self._write(place, old, pile.taken(key))
            if old is not None and old.path != parts[place].path:
                replaced.append(old)
        self.state = State(
            documents=tuple(sorted({*self.state.documents, *documents})),
            parts=tuple(sorted(parts.values(), key=lambda p: p.path)),
        )
        put(self._state_path, msgspec.json.format(msgspec.json.encode(self.state), indent=1))
        for part in replaced:
            (self.folder / part.path).unlink(missing_ok=True)
        self.clean()
        return rows

    def _write(self, place: str, old: Part | None, fresh: list[pl.DataFrame]) -> Part:
        before = [] if old is None else [restored(self._scan(old).collect())]
        table = pl.concat([*before, *fresh]).sort(_ORDER, maintain_order=True)
        content = io.BytesIO()
        stored_form(table).write_parquet(content, compression="lz4", row_group_size=_ROW_GROUP, statistics=True)
        data = content.getvalue()
        name = sha256(data).hexdigest()
        path = f"{place}/part-{name[:16]}.parquet"
        put(self.folder / path, data)
        return Part(path, len(table), name)

    def _scan(self, part: Part) -> pl.LazyFrame:
        path = self.folder / part.path
        if part.path not in self._sound:
            # before Polars sees the file: it panics over some that are damaged, and reads wrong numbers from others
            if (problem := self._problem(part)) is not None:
                raise ArchiveError(f"{problem}; the raw input is in raw/: delete tables/ and ingest again")
            self._sound.add(part.path)
        return pl.scan_parquet(path, hive_partitioning=False, glob=False)

    def read(
        self,
        objects: Collection[str] | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        box: Box | None = None,
    ) -> Iterator[pl.DataFrame]:
        """See ``Archive.reports``."""
        wanted = None if objects is None else sorted(objects)
        buckets = None if wanted is None else {bucket_of(name) for name in wanted}
        first = None if start_ns is None else _date(start_ns // (DAY_S * S_NS))
        last = None if end_ns is None else _date((end_ns - 1) // (DAY_S * S_NS))
        for part in self.state.parts:
            _, date, bucket, _ = part.path.split("/")
            day = date.removeprefix("date=")
            if buckets is not None and int(bucket.removeprefix("bucket=")) not in buckets:
                continue
            if (first is not None or last is not None) and day == _NULL:
                continue
            if (first is not None and day < first) or (last is not None and day > last):
                continue
            scan = self._scan(part)
            if wanted is None:
                stored: Iterable[pl.LazyFrame] = (scan.slice(at, _ROW_GROUP) for at in range(0, part.rows, _ROW_GROUP))
            elif "object_id" in scan.collect_schema():
                stored = [scan.filter(pl.col("object_id").is_in(wanted))]
            else:
                continue
            for piece in stored:
                try:
                    table = restored(piece.collect())
                except (OSError, pl.exceptions.PolarsError) as error:
                    raise ArchiveError(f"{self.folder / part.path}: cannot be read: {error}") from None
                kept = table.filter(*conditions(wanted, start_ns, end_ns, box))
                if len(kept):
                    yield kept

    def verify(self) -> list[str]:
        """What is wrong with the files, as sentences."""
        return [problem for part in self.state.parts if (problem := self._problem(part)) is not None]

    def _problem(self, part: Part) -> str | None:
        path = self.folder / part.path
        try:
            with path.open("rb") as file:
                same = file_digest(file, "sha256").hexdigest() == part.sha256
        except FileNotFoundError:
            return f"{path}: missing"
        except (OSError, ValueError) as error:
            return f"{path}: cannot be read: {error}"
        return None if same else f"{path}: has other bytes than were written"


def conditions(
    objects: Collection[str] | None, start_ns: int | None, end_ns: int | None, box: Box | None
) -> list[pl.Expr]:
    """What a row must satisfy; nothing is asked where all are null."""
    asked = [pl.lit(True)]
    if objects is not None:
        asked.append(pl.col("object_id").is_in(list(objects)))
    if start_ns is not None:
        asked.append(pl.col("time_ns") >= start_ns)
    if end_ns is not None:
        asked.append(pl.col("time_ns") < end_ns)
    if box is not None:
        south, west, north, east = box
        lat, lon = pl.col("lat_deg"), pl.col("lon_deg")
        asked.append(lat.is_between(south, north))
        asked.append(lon.is_between(west, east) if west <= east else (lon >= west) | (lon <= east))
    return asked
