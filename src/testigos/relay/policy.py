"""What each customer may have: rows of the picture in, which of them it gets and why not the others.

Checks go in the order of ``REASONS``; a row is withheld for the first that it fails. Own rules: an object whose
position is unknown is in no area; an unknown altitude passes unless ``alt_known``; an object that nothing calls
military is not.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.kernels import kernel
from testigos.matrix import UNKNOWN, codes, numbers, whole_numbers
from testigos.relay.config import Policy
from testigos.schema import KINDS, PICTURE, STATES
from testigos.world.areas import read_area
from testigos.world.places import Place

__all__ = ["REASONS", "Choice", "Passed", "Rows", "Rule"]

#: Why a row is withheld.
REASONS: Final = (
    "no_news",  # the format cannot say that an object is silent or gone
    "came_from_there",  # the customer is where the position came from
    "licence",
    "kind",
    "identity",  # not among ``only``, or among ``never``
    "privacy",
    "military",
    "simulated",
    "area",
    "altitude",
    "integrity",
    "rate",  # less than ``every_s`` after the last one; the newest is given when the time has come
)

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
DEAD: Final = STATES.index("dead")
_CROWD: Final = 64  # so many objects at once are worth the trouble of spreading them ...
_CROWDED: Final = 1.5  # ... where they are so many times those that would go if all were spread evenly
_SHOWABLE: Final = np.array([s in ("live", "coasting") for s in STATES])
_ALWAYS: Final = frozenset({"object_id", "time_ns", "status", "state", "slot", "source", "input", "link", "via"})


class Passed(NamedTuple):
    """What a rule says of rows; none of it is to be changed."""

    left: Mask  #: may go, whenever
    own: Ints  #: their numbers, of those of the batch
    late: Ints  #: of the others
    withheld: dict[str, Mask]  #: the rest by reason, the rate apart
    counts: dict[str, int]  #: how many these are of those of the batch


class Choice(NamedTuple):
    """Which rows a rule lets go, and what became of the others."""

    go: Ints
    produced: int
    withheld: dict[str, int]


class Rows:
    """A table of ``schema.PICTURE``, with the columns that policies look at as arrays; read once for all customers.

    The first ``own`` rows are those of a batch, by default all; the others are for streams that held them back.
    """

    def __init__(self, table: pl.DataFrame, own: int | None = None) -> None:
        self.table = table
        self.own = len(table) if own is None else own
        self.passed: dict[Any, Passed] = {}  #: what rules said of them that ask the same

    def _number(self, name: str) -> npt.NDArray[np.float64]:
        made = numbers(self.table, (name,))
        return np.asarray(made[0])

    def _code(self, name: str) -> Ints:
        made = codes(self.table, (name,))
        return np.asarray(made[0])

    def _whole(self, name: str) -> Ints:
        made = whole_numbers(self.table, (name,))
        return np.asarray(made[0])

    @cached_property
    def said(self) -> pl.DataFrame:
        """The columns in which anything is said: to write some rows of most tables costs much less from these."""
        return pl.DataFrame([c for c in self.table.get_columns() if c.null_count() < len(self.table)])

    slot = cached_property(lambda self: self._whole("slot"))
    time_ns = cached_property(lambda self: np.maximum(self._whole("time_ns"), 0))
    input = cached_property(lambda self: self._whole("input"))
    lat_deg = cached_property(lambda self: self._number("lat_deg"))
    lon_deg = cached_property(lambda self: self._number("lon_deg"))
    state = cached_property(lambda self: self._code("state"))
    military = cached_property(lambda self: self._code("military") == 1)
    simulated = cached_property(lambda self: self._code("simulated") == 1)
    private = cached_property(lambda self: self._code("private") == 1)
    urgent = cached_property(lambda self: self._code("urgent") == 1)
    gone = cached_property(lambda self: self.slot[self.state == DEAD])
    radius95_m = cached_property(lambda self: self._number("radius95_m"))
    nic = cached_property(lambda self: self._number("nic"))

    @cached_property
    def alt_ft(self) -> npt.NDArray[np.float64]:
        """Whichever altitude is known, 0 on the ground."""
        baro, geom, msl = (self._number(n) for n in ("alt_baro_ft", "alt_geom_ft", "alt_msl_ft"))
        known = np.where(np.isnan(baro), np.where(np.isnan(geom), msl, geom), baro)
        return np.where(np.isnan(known) & (self._code("on_ground") == 1), 0.0, known)

    @cached_property
    def kind(self) -> Ints:
        """Numbers of ``KINDS``."""
        kind = self._code("kind")
        return np.where(kind == UNKNOWN, KINDS.index("unknown"), kind)

    def __len__(self) -> int:
        return len(self.table)


def _said(names: Iterable[str] | None, file: str | None) -> tuple[frozenset[str], tuple[str, ...]] | None:
    """Names and beginnings, folded; null where nothing is said."""
    if names is None and file is None:
        return None
    listed = [n.strip() for n in names or ()]
    if file is not None:
        text = Path(file).read_text(encoding="utf-8")
        listed += [line.partition("#")[0].strip() for line in text.splitlines()]
    folded = [n.casefold() for n in listed if n]
    whole = frozenset(n for n in folded if not n.endswith("*"))
    return whole, tuple(n[:-1] for n in folded if n.endswith("*"))


def _among(table: pl.DataFrame, said: tuple[frozenset[str], tuple[str, ...]]) -> Mask:
    """Rows whose id, another id, call sign, name or registration is meant."""
    whole, begins = said
    found = np.zeros(len(table), np.bool_)
    for column in ("object_id", "callsign", "registration", "vessel_name"):
        names = table[column].str.to_lowercase()
        found |= names.is_in(list(whole)).fill_null(False).to_numpy()
        for begin in begins:
            found |= names.str.starts_with(begin).fill_null(False).to_numpy()
    others = table["also"].drop_nulls()
    if len(others):
        for row in np.flatnonzero(table["also"].is_not_null().to_numpy()):
            ids = str(table["also"][int(row)]).casefold().split()
            found[row] |= any(i in whole or i.startswith(begins) for i in ids)
    return found


class Rule:
    """A policy made ready. ``barred``: numbers of inputs whose positions the customer is never given.

    ``licences``: of each input, by number, null where it has none. ``states``: of objects of which updates are given.
    ``batch_s``: how often it is asked. Streams can have one rule together, if they ask it for the same rows.
    Raises ``InputError`` for a file that is no area.
    """

    def __init__(
        self,
        policy: Policy,
        licences: Sequence[str | None] = (),
        barred: frozenset[int] = frozenset(),
        states: frozenset[str] = frozenset(STATES),
        batch_s: float = 0.1,
    ) -> None:
        self.policy = policy
        self._states = np.array([s in states for s in STATES])
        self._barred = np.array(sorted(barred), np.int64)
        allowed = policy.licences
        self._licensed = None if allowed is None else np.array([x in allowed for x in (*licences, None)])
        self._only = _said(policy.only, policy.only_file)
        self._never = _said(policy.never, policy.never_file)
        self._private = _said((), policy.privacy_file) if policy.privacy == "honour" else None
        self._kinds = None if policy.kinds is None else np.array([KINDS.index(k) for k in policy.kinds])
        self._place: Place | None = None if policy.area_file is None else read_area(Path(policy.area_file))
        self._hidden = tuple(
            n
            for n in PICTURE
            if n not in _ALWAYS and ((policy.fields is not None and n not in policy.fields) or n in policy.without)
        )
        self._every_ns, self._batch_ns = round(policy.every_s * 1e9), round(batch_s * 1e9)
        files = (policy.area_file, policy.only_file, policy.never_file, policy.privacy_file)
        # what is asked of a row: rules that ask the same are answered once; files may have changed in between
        asked = msgspec.structs.replace(policy, every_s=0.0, delay_s=0.0, decimals=None, fields=None, without=())
        self._asks: Any = (asked, states, barred, *licences) if files == (None,) * len(files) else self
        #: Rules of equal marks are the same; null where it has files, which change, or the rows wait.
        self.mark = (policy, self._asks, batch_s) if self._asks is not self and not policy.delay_s else None
        self._last_ns = np.zeros(0, np.int64)
        self._waiting = np.zeros(0, np.bool_)

    @property
    def form(self) -> tuple[tuple[str, ...], int | None]:
        """What ``shaped`` does: customers with equal forms can share bytes."""
        return self._hidden, self.policy.decimals

    def shaped(self, table: pl.DataFrame) -> pl.DataFrame:
        """The table with what the customer may see: columns left out are null, positions are rounded."""
        changes = [pl.lit(None, PICTURE[n].dtype).alias(n) for n in self._hidden]
        decimals = self.policy.decimals
        if decimals is not None:
            given = {"lat_deg", "lon_deg"} & set(table.columns) - set(self._hidden)
            changes += [pl.col(n).round(decimals) for n in given]
        return table.with_columns(changes) if changes else table

    def passing(self, rows: Rows, late: bool = False) -> Passed:
        """Which rows may go. ``late``: they were news when something else held them up, and may be silent by now."""
        found = rows.passed.get((self._asks, late))
        if found is None:
            left, withheld = self._passing(rows, late)
            numbers, own = np.flatnonzero(left), rows.own
            first = int(np.searchsorted(numbers, own))
            counts = {reason: int(np.count_nonzero(lost[:own])) for reason, lost in withheld.items()}
            found = Passed(left, numbers[:first], numbers[first:], withheld, counts)
            rows.passed[self._asks, late] = found
        return found

    def _passing(self, rows: Rows, late: bool) -> tuple[Mask, dict[str, Mask]]:
        table, policy = rows.table, self.policy
        left = np.ones(len(rows), np.bool_)
        withheld: dict[str, Mask] = {}

        def keep(reason: str, good: Mask) -> None:
            lost = left & ~good
            if lost.any():
                withheld[reason] = lost
                left[lost] = False

        keep("no_news", (_SHOWABLE if late else self._states)[rows.state])
        if len(self._barred):
            keep("came_from_there", ~np.isin(rows.input, self._barred))
        if self._licensed is not None:
            keep("licence", self._licensed[np.where(rows.input < 0, -1, rows.input)])
        if self._kinds is not None:
            keep("kind", np.isin(rows.kind, self._kinds))
        if self._only is not None:
            keep("identity", _among(table, self._only))
        if self._never is not None and (self._never[0] or self._never[1]):
            keep("identity", ~_among(table, self._never))
        if policy.privacy == "honour":
            listed = _among(table, self._private) if self._private else np.zeros(len(rows), np.bool_)
            keep("privacy", ~(listed | rows.private))
        if policy.military != "any":
            keep("military", rows.military == (policy.military == "only"))
        if policy.simulated != "any":
            keep("simulated", rows.simulated == (policy.simulated == "only"))
        if policy.area is not None:
            west, south, east, north = policy.area
            lon, lat = rows.lon_deg, rows.lat_deg
            across = (lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
            keep("area", across & (lat >= south) & (lat <= north))
        if self._place is not None:
            inside = np.isfinite(rows.lat_deg) & left
            inside[inside] = self._place.contains(rows.lat_deg[inside], rows.lon_deg[inside])
            keep("area", inside)
        if policy.alt_ft is not None:
            low, high = policy.alt_ft
            known = np.isfinite(rows.alt_ft)
            keep("altitude", ((rows.alt_ft >= low) & (rows.alt_ft <= high)) | ~(known | policy.alt_known))
        if policy.most_radius_m is not None:
            keep("integrity", rows.radius95_m <= policy.most_radius_m)
        if policy.least_nic is not None:
            keep("integrity", rows.nic >= policy.least_nic)
        return left, withheld

    def choose(self, rows: Rows, asked: Mask | None, now_ns: int) -> Choice:
        """Which rows go now, those that are not the batch's own only where they are ``asked``."""
        passed = self.passing(rows)
        chosen, produced, withheld = passed.own, rows.own, Counter(passed.counts)
        if asked is not None and asked.any():
            chosen = np.concatenate([chosen, passed.late[asked[passed.late - rows.own]]])
            produced += int(np.count_nonzero(asked))
            for reason, lost in passed.withheld.items():
                withheld[reason] += int(np.count_nonzero(lost[rows.own :] & asked))
        go = self._due(rows, chosen, now_ns)
        if len(chosen) > len(go):
            withheld["rate"] += len(chosen) - len(go)
        return Choice(go, produced, withheld)

    def _due(self, rows: Rows, chosen: Ints, now_ns: int) -> Ints:
        """Of chosen rows, those that ``every_s`` lets go now; the slots of the others wait. Urgent ones never do.

        Where many go at once, the next update of each may wait for up to twice as long, so that they do not go all at
        once ever after.
        """
        if not self._every_ns:
            return chosen
        self._grow(rows.slot)
        go = np.empty(len(chosen), np.int64)
        go = go[: _due(chosen, rows.slot, rows.urgent, self._last_ns, self._waiting, self._every_ns, now_ns, go)]
        if len(go) > _CROWD and len(go) * self._every_ns > _CROWDED * self._batch_ns * np.count_nonzero(self._last_ns):
            # golden ratio: neighbouring slots are spread evenly
            slot = rows.slot[go]
            self._last_ns[slot] = now_ns + (slot * 0.6180339887498949 % 1.0 * self._every_ns).astype(np.int64)
        if len(rows.gone):
            self._last_ns[rows.gone], self._waiting[rows.gone] = 0, False
        return go

    def waited(self, now_ns: int) -> Ints:
        """Slots that were held back and whose time has come; they wait no more."""
        if not self._every_ns:
            return np.zeros(0, np.int64)
        slots = np.empty(len(self._waiting), np.int64)
        return slots[: _waited(self._last_ns, self._waiting, self._every_ns, now_ns, slots)]

    def _grow(self, slots: Ints) -> None:
        need = int(slots.max()) + 1 if len(slots) else 0
        if need > len(self._last_ns):
            size = max(need, 2 * len(self._last_ns), 1024)
            self._last_ns = np.concatenate([self._last_ns, np.zeros(size - len(self._last_ns), np.int64)])
            self._waiting = np.concatenate([self._waiting, np.zeros(size - len(self._waiting), np.bool_)])


@kernel
def _due(chosen, slot, urgent, last, waiting, every, now, go):  # type: ignore[no-untyped-def]
    """Rows that go, into ``go``; how many they are."""
    count = 0
    for i in chosen:
        g = slot[i]
        if urgent[i] or now - last[g] >= every:
            go[count] = i
            count += 1
            last[g], waiting[g] = now, False
        else:
            waiting[g] = True
    return count


@kernel
def _waited(last, waiting, every, now, slots):  # type: ignore[no-untyped-def]
    count = 0
    for g in range(len(waiting)):
        if waiting[g] and now - last[g] >= every:
            slots[count], waiting[g] = g, False
            count += 1
    return count
