"""Who is who: the state behind an ICAO address, military address blocks, operators, aircraft types.

Our own tables hold public facts (``world/data/README.md`` names their sources). Where ``data update`` has
fetched an aircraft database, it is read as well, and each answer says which table it rests on.
"""

import hashlib
import io
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.model import DataSource
from testigos.world import coast, update

__all__ = ["DEFAULT_MAX_SPEED_KT", "AddressInfo", "AircraftType", "Identity", "Operator", "open_identity"]

#: Speed limit of an aircraft of unknown type, for bounds: above the Mach limit of every subsonic type of the table.
DEFAULT_MAX_SPEED_KT: Final = 600.0

#: Columns of ``Identity.aircraft``.
AIRCRAFT: Final[dict[str, pl.DataType]] = {
    "address": pl.String(),
    "registration": pl.String(),
    "type_code": pl.String(),
    "operator": pl.String(),
    "military": pl.Boolean(),
    "basis": pl.String(),
}

_OWN: Final = ("address_blocks", "callsigns", "types", "countries")


@dataclass(frozen=True)
class AddressInfo:
    """What is known of an address. ``military`` is null where no table says; ``basis`` says which did."""

    object_id: str
    country_iso2: str | None = None
    country: str | None = None
    military: bool | None = None
    block: str | None = None
    registration: str | None = None
    type_code: str | None = None
    operator: str | None = None
    basis: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operator:
    """Whose call sign it is. ``kind``: "designator" (three-letter, ICAO Doc 8585) or "word" (in fixed public use)."""

    prefix: str
    name: str
    country_iso2: str | None
    military: bool
    kind: str


@dataclass(frozen=True)
class AircraftType:
    """An ICAO type designator in plain words.

    ``max_speed_kt``: true air speed that it cannot exceed, from the public figure in ``speed_basis``; Mach limits
    are turned into knots at 625 kt (the speed of sound at 26,000 ft, 20 °C above standard). ``military`` is null
    where both kinds fly; then ``military_name`` and ``military_role`` are what armed forces (of ``military_iso2``,
    or any) call theirs.
    """

    type_code: str
    name: str
    role: str
    military: bool | None
    max_speed_kt: float
    speed_basis: str
    military_name: str | None = None
    military_role: str | None = None
    military_iso2: str | None = None

    def as_flown(self, military: bool | None, iso2: str | None) -> tuple[str, str]:
        """Name and role, in the military version of that state where there is one and it is military."""
        own = military and self.military_name and self.military_iso2 in (None, iso2)
        if own and self.military_name:
            return self.military_name, self.military_role or self.role
        return self.name, self.role


@dataclass(frozen=True)
class Identity:
    """The tables. ``aircraft``: ``address`` (six hex digits), ``registration``, ``type_code``, ``operator``,
    ``military``, ``basis``; one row an address and database, null where no database was fetched.
    """

    blocks: pl.DataFrame
    callsigns: pl.DataFrame
    type_table: pl.DataFrame
    countries: pl.DataFrame
    aircraft: pl.DataFrame | None = None
    sources: tuple[DataSource, ...] = field(default=())

    def who(self, object_id: str) -> AddressInfo:
        """What the tables say of an object, e.g. ``icao:ae503d``; only ICAO addresses say anything.

        >>> me = open_identity().who("icao:ae503d")
        >>> me.country, me.military, me.block
        ('United States', True, 'adf7c8-afffff')
        """
        return self.who_all([object_id])[0]

    def who_all(self, object_ids: Iterable[str]) -> list[AddressInfo]:
        """:meth:`who` for many objects."""
        return [self._who(i) for i in object_ids]

    def operator(self, callsign: str | None) -> Operator | None:
        """Whose call sign it is; null where nothing says.

        A designator must be followed by a digit or a letter and digit; a longer prefix wins. Tactical call
        signs (two words and numbers chosen for a day) say nothing, and none is guessed.

        >>> open_identity().operator("RCH871").name
        'USAF Air Mobility Command (Reach)'
        """
        text = (callsign or "").strip().upper()
        for length in range(min(len(text) - 1, 5), 2, -1):
            row = self._operators.get(text[:length])
            rest = text[length:]
            if row is not None and any(c.isdigit() for c in rest) and rest.isalnum():
                return row
        return None

    def aircraft_type(self, type_code: str | None) -> AircraftType | None:
        """An aircraft type by its ICAO designator (Doc 8643); null where our table has it not.

        >>> open_identity().aircraft_type("B1").name
        'B-1B Lancer'
        """
        return self._types.get((type_code or "").strip().upper())

    def max_speed_kt(self, type_code: str | None) -> float:
        """True air speed in knots that an aircraft of this type cannot exceed; 600 for an unknown type.

        Unknown fighters can be faster: a caller who may have one must say so.
        """
        known = self.aircraft_type(type_code)
        return known.max_speed_kt if known else DEFAULT_MAX_SPEED_KT

    @cached_property
    def _by_address(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The addresses of ``aircraft`` in ascending order, and the row of each."""
        if self.aircraft is None:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        number = self.aircraft["address"].str.to_integer(base=16, dtype=pl.Int64).to_numpy()
        order = np.argsort(number, kind="stable").astype(np.int64)
        return number[order], order

    def _aircraft(self, address: int) -> list[dict[str, Any]]:
        numbers, order = self._by_address
        low, high = np.searchsorted(numbers, [address, address + 1])
        if self.aircraft is None or low == high:
            return []
        return self.aircraft[order[low:high]].to_dicts()

    @cached_property
    def _blocks(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        rows = [
            row | {"low": int(row["first"], 16), "high": int(row["last"], 16)}
            for row in self.blocks.iter_rows(named=True)
        ]
        return [r for r in rows if r["military"] == "no"], [r for r in rows if r["military"] == "yes"]

    @cached_property
    def _operators(self) -> dict[str, Operator]:
        return {
            r["prefix"]: Operator(r["prefix"], r["operator"], r["iso2"], r["military"] == "yes", r["kind"])
            for r in self.callsigns.iter_rows(named=True)
        }

    @cached_property
    def _types(self) -> dict[str, AircraftType]:
        return {
            r["type_code"]: AircraftType(
                r["type_code"],
                r["name"],
                r["role"],
                None if r["military"] is None else r["military"] == "yes",
                float(r["max_speed_kt"]),
                r["speed_basis"],
                r["military_name"],
                r["military_role"],
                r["military_iso2"],
            )
            for r in self.type_table.iter_rows(named=True)
        }

    @cached_property
    def _names(self) -> dict[str, str]:
        return dict(self.countries.select("iso2", "name").iter_rows())

    def _who(self, object_id: str) -> AddressInfo:
        address = _hex(object_id)
        if address is None:
            return AddressInfo(object_id, basis=("not an ICAO address",))
        value = int(address, 16)
        states, military = self._blocks
        state, block = _holding(states, value), _holding(military, value)
        basis = []
        if state is None:
            basis.append("address in no state's block")
        else:
            of = self._names.get(state["iso2"], state["note"] or "")
            basis.append(f"address block {state['first']}-{state['last']} of {of} (ICAO Annex 10)")
        if block is not None:
            basis.append(f"military address block {block['first']}-{block['last']}")
        rows = self._aircraft(value)
        merged: dict[str, Any] = {}
        for row in rows:
            basis.append(row["basis"])
            for name in ("registration", "type_code", "operator", "military"):
                if merged.get(name) is None:
                    merged[name] = row[name]
        is_military = True if block is not None or any(r["military"] for r in rows) else merged.get("military")
        return AddressInfo(
            object_id,
            state["iso2"] if state else None,
            self._names.get(state["iso2"]) if state else None,
            is_military,
            f"{block['first']}-{block['last']}" if block else None,
            merged.get("registration"),
            merged.get("type_code"),
            merged.get("operator"),
            tuple(basis),
        )


def _holding(blocks: list[dict[str, Any]], value: int) -> dict[str, Any] | None:
    """The block that a number is in; blocks are in ascending order and do not overlap."""
    at = bisect_right(blocks, value, key=lambda b: b["low"]) - 1
    return blocks[at] if at >= 0 and value <= blocks[at]["high"] else None


def _hex(object_id: str) -> str | None:
    """The six hex digits of an ICAO address, null for any other object."""
    kind, _, rest = object_id.partition(":")
    if kind != "icao" or len(rest) != 6:
        return None
    return rest if all(c in "0123456789abcdef" for c in rest) else None


def own_tables() -> tuple[dict[str, pl.DataFrame], DataSource]:
    """Our tables of facts by name, and where they are from; the hash is of the files one after another."""
    digest = hashlib.sha256()
    for name in _OWN:
        digest.update(files("testigos.world").joinpath("data", f"{name}.csv").read_bytes())
    source = DataSource(
        "testigos identity tables",
        "1",
        digest.hexdigest(),
        "Apache-2.0 (facts)",
        "ICAO Annex 10 Vol. III, public lists of military blocks, ICAO Docs 8585 and 8643",
    )
    return {name: coast.table(name) for name in _OWN}, source


def _text(column: str) -> pl.Expr:
    trimmed = pl.col(column).str.strip_chars()
    return pl.when(trimmed != "").then(trimmed)


def read_plane_alert(data: bytes) -> pl.DataFrame:
    """Rows of ``Identity.aircraft`` from plane-alert-db's CSV. Columns: its own README."""
    raw = pl.read_csv(io.BytesIO(data), infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy")
    return raw.select(
        # a spreadsheet took the leading zeros of some
        pl.col("$ICAO").str.strip_chars().str.to_lowercase().str.zfill(6).alias("address"),
        _text("$Registration").alias("registration"),
        _text("$ICAO Type").alias("type_code"),
        _text("$Operator").alias("operator"),
        # its groups: military, government, police, civil; only the first and last are plain
        pl.col("#CMPG")
        .replace_strict({"Mil": True, "Civ": False}, default=None, return_dtype=pl.Boolean)
        .alias("military"),
        pl.format("plane-alert-db: {}", pl.col("$Operator").fill_null("")).alias("basis"),
    ).filter(pl.col("address").str.contains("^[0-9a-f]{6}$"))


def read_tar1090_db(data: bytes) -> pl.DataFrame:
    """Rows of ``Identity.aircraft`` from tar1090-db's ``aircraft.csv`` (unpacked).

    Columns, by semicolons: address, registration, type, flags (first digit: military), description, year, owner.
    """
    columns = ["address", "registration", "type_code", "flags", "description", "year", "operator"]
    raw = pl.read_csv(
        io.BytesIO(data),
        separator=";",
        has_header=False,
        new_columns=columns,
        schema_overrides={f"column_{i}": pl.String for i in range(1, 8)},
        infer_schema=False,
        quote_char=None,
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
    )
    missing = [pl.lit(None, pl.String).alias(c) for c in columns if c not in raw.columns]
    return (
        raw.with_columns(missing)
        .select(
            pl.col("address").str.strip_chars().str.to_lowercase(),
            _text("registration").alias("registration"),
            _text("type_code").alias("type_code"),
            _text("operator").alias("operator"),
            pl.when(pl.col("flags").str.starts_with("1")).then(True).alias("military"),
            pl.lit("tar1090-db").alias("basis"),
        )
        .filter(pl.col("address").str.contains("^[0-9a-f]{6}$"))
    )


def open_identity() -> Identity:
    """Our tables, and the aircraft databases that ``data update`` fetched."""
    tables, source = own_tables()
    frames, sources = [], [source]
    for name, read in (("plane-alert-db", read_plane_alert), ("tar1090-db", read_tar1090_db)):
        found = update.installed(name)
        if found is not None:
            frames.append(read(update.unpacked(found[0])))
            sources.append(found[1])
    return Identity(
        tables["address_blocks"],
        tables["callsigns"],
        tables["types"],
        tables["countries"],
        pl.concat(frames) if frames else None,
        tuple(sources),
    )
