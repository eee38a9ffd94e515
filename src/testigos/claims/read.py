"""Claims from files: TOML or JSON with one table each, or text with one sentence a line.

A table has either ``text``, a sentence of the forms in :mod:`testigos.claims.english`, or the fields of a claim.
Unknown keys are errors: a misspelt condition that is passed over would change the verdict.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from testigos.claims.english import PATTERNS, ROLES, amount, parse, say, time_of
from testigos.claims.model import WHAT, Amount, Claim, Count, When, Who
from testigos.errors import InputError, TestigosError
from testigos.model import iso_utc, parse_utc
from testigos.world import World

__all__ = ["claims_json", "claims_of", "places", "read_claims", "resolved"]

_NEEDS_PLACE: Final = ("came_within", "flew_over", "left", "landed", "left_after")
_NEAR_PLACE: Final = ("came_within", "flew_over", "orbited")
_FIELD: Final = ("left", "landed", "left_after")
_COUNT: Final = re.compile(r"(?:(at least|exactly|at most) )?(\d+)")


class _Who(msgspec.Struct, forbid_unknown_fields=True):
    callsigns: list[str] = []
    addresses: list[str] = []
    type: str | None = None
    role: str | None = None
    operator: str | None = None
    military: bool | None = None
    definite: bool = False


class _Item(msgspec.Struct, forbid_unknown_fields=True):
    text: str = ""
    what: str | None = None
    who: _Who | None = None
    where: str | None = None
    when: str | list[str] | None = None
    how_many: int | str | None = None
    how_near: str | None = None
    how_long: str | None = None
    other: _Who | None = None
    other_where: str | None = None
    pattern: str | None = None
    negated: bool = False
    id: str = ""
    source: str = ""
    date: str = ""
    quotation: str = ""
    url: str = ""
    topic: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    claim: list[_Item]
    simulated: bool = False


def _told(wanted: Mapping[str, str] | Sequence[str]) -> str:
    return ", ".join(wanted)


def _who(given: _Who | None) -> Who:
    if given is None:
        return Who()
    if given.role is not None and given.role not in ROLES:
        raise ValueError(f"who.role: {given.role!r} is none of {_told(ROLES)}")
    for address in given.addresses:
        if not re.fullmatch(r"[a-z]+:\S+", address):
            raise ValueError(f"who.addresses: write {address!r} with its authority, such as 'icao:ae503d'")
    return Who(
        tuple(c.upper() for c in given.callsigns), tuple(given.addresses), given.type, given.role, given.operator,
        given.military, given.definite,
    )  # fmt: skip


def _when(given: str | list[str] | None) -> When | None:
    if given is None:
        return None
    try:
        if isinstance(given, str):
            return time_of(given)
        first, last = given
        return When(time_of(first).start_ns if len(first) == 10 else parse_utc(first),
                    time_of(last).end_ns if len(last) == 10 else parse_utc(last))  # fmt: skip
    except ValueError:
        raise ValueError(
            f"when: {given!r} is no time: write a day ('2025-10-23'), a time ('2025-10-23T14:03Z') or a list of two"
        ) from None


def _count(given: int | str | None) -> Count | None:
    if given is None:
        return None
    fit = _COUNT.fullmatch(str(given).strip())
    if fit is None:
        raise ValueError(f"how_many: {given!r} is no number: write 2, 'at least 2', 'exactly 2' or 'at most 2'")
    count = Count((fit[1] or "at least").replace(" ", "_"), int(fit[2]))
    return None if count == Count("at_least", 1) else count


def _amount(key: str, given: str | None, time: bool) -> Amount | None:
    if given is None:
        return None
    try:
        measured = amount(given)[0]
    except ValueError:
        measured = None
    if measured is None or measured.is_time != time:
        example = "about 90 minutes" if time else "within 50 nmi"
        raise ValueError(f"{key}: {given!r} is none: write a relation, a number and a unit, such as '{example}'")
    return measured


def _fits(claim: Claim) -> Claim:
    """The claim, once it says what its kind needs. Raises ``ValueError``."""
    what = claim.what
    if what not in WHAT:
        raise ValueError(f"what: {what!r} is none of {_told(WHAT)}")
    if what in _NEEDS_PLACE and not claim.where:
        raise ValueError(f"where: {what!r} needs a place")
    if what == "came_within" and claim.how_near is None:
        raise ValueError("how_near: 'came_within' needs a distance, such as 'within 50 nmi'")
    if what == "left_after" and (claim.how_long is None or claim.other is None or not claim.other_where):
        raise ValueError("'left_after' needs how_long, other and other_where")
    if what == "was" and (claim.other is None or not claim.other.described):
        raise ValueError("other: 'was' needs what they are: other = {type = \"B-1\"}")
    if claim.pattern is not None and claim.pattern not in PATTERNS:
        raise ValueError(f"pattern: {claim.pattern!r} is none of {_told(PATTERNS)}")
    if claim.when is not None and claim.when.start_ns > claim.when.end_ns:
        raise ValueError("when: it ends before it begins")
    if claim.how_near is not None and claim.how_near.relation == "at_least":
        if what != "came_within":
            raise ValueError(f"how_near: {what!r} takes no 'at least'")
        # "at least 12 away" is that nobody came within
        return replace(claim, how_near=replace(claim.how_near, relation="within"), negated=not claim.negated)
    return claim


def _claim(item: _Item, number: int, simulated: bool) -> Claim:
    about = {"id": item.id or f"claim-{number}", "source": item.source, "date": item.date,
             "quotation": item.quotation, "url": item.url, "topic": item.topic, "simulated": simulated}  # fmt: skip
    if item.what is None:
        if not item.text:
            raise ValueError(f"write text (a sentence) or what, which is one of {_told(WHAT)}")
        if item.who is not None or item.where is not None or item.when is not None or item.negated:
            raise ValueError("text says it all: leave who, where, when and negated away, or write what")
        return replace(parse(item.text), **about)  # type: ignore[arg-type]
    notes: tuple[str, ...] = ()
    if item.how_near and re.search(r"\d ?(mi|miles?)\b", item.how_near):
        notes = ("miles are read as statute miles (1.609 km)",)
    claim = _fits(
        Claim(
            item.what, _who(item.who), item.where, _when(item.when), _count(item.how_many),
            _amount("how_near", item.how_near, False), _amount("how_long", item.how_long, True),
            None if item.other is None else _who(item.other), item.other_where, item.pattern, item.negated, notes=notes,
        )
    )  # fmt: skip
    return replace(claim, text=item.text or say(claim).rstrip("."), **about)  # type: ignore[arg-type]


def _parsed(text: str, name: str) -> Any:
    suffix = Path(name).suffix.lower()
    try:
        if suffix == ".toml":
            return tomllib.loads(text)
        if suffix == ".json":
            return json.loads(text)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None
    lines = [line.strip() for line in text.splitlines()]
    return {"claim": [{"text": line} for line in lines if line and not line.startswith("#")]}


def claims_of(text: str, name: str) -> list[Claim]:
    """The claims in the text of a file called ``name``. Raises ``InputError``, which says where and what to write."""
    told = _parsed(text, name)
    if isinstance(told, list):
        told = {"claim": told}
    if not isinstance(told, dict) or not isinstance(told.get("claim"), list):
        raise InputError(f"{name}: holds no claims: write [[claim]] before each (TOML), or a list of objects (JSON)")
    try:
        file = msgspec.convert({**told, "claim": []}, _File)
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {error}; beside claims there can be: simulated = true") from None
    claims = []
    for number, entry in enumerate(told["claim"], 1):
        try:
            claims.append(_claim(msgspec.convert(entry, _Item), number, file.simulated))
        except msgspec.ValidationError as error:
            keys = _told([f.name for f in msgspec.structs.fields(_Item)])
            raise InputError(f"{name}: claim {number}: {error}; the keys are {keys}") from None
        except (ValueError, InputError) as error:
            raise InputError(f"{name}: claim {number}: {error}") from None
    if not claims:
        raise InputError(f"{name}: holds no claims")
    ids = [c.id for c in claims]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise InputError(f"{name}: two claims have the id {twice[0]!r}; give each its own, or none")
    return claims


def read_claims(given: str | Path) -> list[Claim]:
    """Claims of a file (.toml, .json, or sentences one a line), or of a sentence itself. Raises ``InputError``."""
    path = Path(given)
    if isinstance(given, str) and " " in given.strip() and path.suffix.lower() not in (".toml", ".json", ".txt"):
        return [replace(parse(given), id="claim-1")]
    try:
        return claims_of(path.read_text("utf-8"), str(given))
    except OSError as error:
        raise InputError(f"{given}: {error.strerror or error}; give a file of claims, or a sentence") from None
    except UnicodeDecodeError:
        raise InputError(f"{given}: is no text in UTF-8") from None


def places(claims: Iterable[Claim]) -> tuple[str, ...]:
    """The places to which claims need distances, each once."""
    return tuple(dict.fromkeys(c.where for c in claims if c.what in _NEAR_PLACE and c.where))


def _airfield(name: str, world: World) -> tuple[str, str, tuple[float, float]]:
    """ICAO code, a note of how an airfield's name was read, and where it is. Raises ``InputError``."""
    bare = name.removeprefix("airfield:").strip()
    row = world.airfields.row(bare) if re.fullmatch(r"[A-Z0-9]{3,4}", bare) else None
    if row is None:
        found = world.airfields.named(bare)
        best = found.filter(found["rank"] == found["rank"].max()) if len(found) else found
        if len(best) > 1 or not len(best):
            world.resolve(name if name.startswith("airfield:") else f"airfield:{bare}")  # says what could be meant
            raise InputError(f"{name!r} is no single airfield; give its ICAO code")
        row = best.row(0, named=True)
    code = str(row["icao"])
    note = "" if bare.upper() in (code, row["iata"]) else f"{name} is read as {row['name']} ({code})"
    return code, note, (float(row["lat_deg"]), float(row["lon_deg"]))


def resolved(claims: Sequence[Claim], world: World) -> list[Claim]:
    """Claims whose airfields are known by their codes, and whose other places exist.

    Raises ``InputError`` or ``UnknownName`` with the claim's id.
    """
    made = []
    for claim in claims:
        try:
            if claim.what in _NEAR_PLACE and claim.where:
                place = world.resolve(claim.where)
                if claim.what == "flew_over" and place.kind in ("airfield", "point"):
                    raise InputError(f"{claim.where}: nobody is over a point; write “came within … of”")
            if claim.what in _FIELD and claim.airfield is None:
                code, note, at = _airfield(claim.where or "", world)
                claim = replace(claim, airfield=code, airfield_at=at, notes=(*claim.notes, *([note] if note else [])))
                if claim.other_where:
                    code, note, _ = _airfield(claim.other_where, world)
                    notes = dict.fromkeys((*claim.notes, *([note] if note else [])))
                    claim = replace(claim, other_airfield=code, notes=tuple(notes))
        except TestigosError as error:
            raise InputError(f"{claim.id or claim.text}: {error}") from error
        made.append(claim)
    return made


def _plain(claim: Claim) -> dict[str, Any]:
    told = {k: v for k, v in asdict(claim).items() if v not in (None, "", (), False)}
    if claim.when is not None:
        told["when"] = [iso_utc(claim.when.start_ns), iso_utc(claim.when.end_ns)]
    return told


def claims_json(claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """Claims as they are published: what each says, by its fields, times as ISO 8601 UTC."""
    return [_plain(claim) for claim in claims]


def kept_json(claims: Sequence[Claim]) -> bytes:
    """Claims with nothing lost, for :func:`kept`."""
    return msgspec.json.format(msgspec.json.encode(list(claims)), indent=1) + b"\n"


def kept(data: bytes) -> list[Claim]:
    """Claims as :func:`kept_json` wrote them. Raises ``msgspec.ValidationError``."""
    return msgspec.json.decode(data, type=list[Claim])
