"""Which tracks of different links are one object: scored links between tracks, that can be undone at any time.

Tracks are never merged. A *link* says that two tracks are taken for one object, how sure that is, and why; it is made
when its posterior has been above 0.999 for three seconds, and undone when it falls below one half. Every second all
of it is judged again from the positions as they were reported.

**The score** of two tracks is a log likelihood ratio, one object against two:

- *places*: how far apart they are at the same times, against what errors, offsets, latencies and drift explain
  (``fuse/_joins.py`` has the formula). The alternative is a stranger of the traffic that is really around: its density
  is that of the other tracks of the same system near by, one in a circle of 500 m + 50 s of flight at least. Or it is
  one that keeps company: 1 in 1,000 does, 1 in 20 where a companion is seen. So in dense traffic and in a formation the
  same distance says less.
- *altitudes*, of the same kind or with an allowance for pressure and temperature.
- *identity*: the same address, call sign, squawk, category for it, others against it, limited to 8 nats.
  An address that two transmitters of one system use says little. A squawk that many have says next to nothing.

Where one track could be either of two others that cannot be one, each of these is the other's *rival*:

    log odds(a, b) = score(a, b) - log(1 + exp(best score of a with a rival of b, or of b with a rival of a))

**Identity alone never joins**: places and altitudes together must speak for it (:data:`MOTION_LEAST`), over three fixes
of the rarer track at least. So a track is not given to a spoofed position that bears its address.

**Clusters**: links are taken best first, those that hold before new ones; one is refused that would put together two
tracks of one system, two authoritative addresses, or any two that were compared and do not fit.

Source: own rule, measured in bench/joins.py. For the setting: Y. Bar-Shalom and X.-R. Li, Multitarget-Multisensor
Tracking: Principles and Techniques (1995), chapter 8, track-to-track association.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from testigos import schema
from testigos.fuse import _joins as kernels
from testigos.fuse import _nearby as nearby
from testigos.fuse._joins import FIELDS
from testigos.fuse._nearby import KEPT, CloudOf, History, Identity, Motion
from testigos.fuse._strands import LIVE, follow

__all__ = ["Decisions", "Joiner", "Scores", "Strands", "crowd", "empty_history", "empty_identity", "reason_words",
           "score", "strand_name", "strands"]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint32]

JOIN: Final = math.log(999.0)  #: log odds of a posterior of 0.999
PART: Final = 0.0
LASTS_NS: Final = 3_000_000_000
MOTION_LEAST: Final = 2.0  #: log likelihood ratio of places and altitudes without which nothing is joined
_MOTION_PARTS: Final = -3.0
_FITS: Final = -2.0  # two members of a cluster score that at least
_COMPANY: Final = 0.001
_COMPANY_SEEN: Final = 0.05
_HOPELESS: Final = -8.0
_FORGOTTEN_NS: Final = 120_000_000_000

#: Squawks that many have at once, beside all that end in 00, which are no discrete codes: 1201 to 1203, 1255 and 1277
#: of VFR, gliders, formations, fire fighting, search; conspicuity codes of Europe; 7777 of tests. Source: FAA Orders
#: JO 7110.65, paragraph 5-2-7, and 7110.66B, paragraph 5; for Europe the national lists (own choice).
COMMON_SQUAWKS: Final = tuple(
    int(code, 8)
    for code in ("1201", "1202", "1203", "1255", "1277", "0021", "0022", "0033", "7001", "7004", "7007", "7010", "7777")
)

REASONS: Final = (
    "motion",  # places over time
    "same_altitude",
    "same_address",
    "same_callsign",
    "same_squawk",
    "same_category",
    "other_altitude",
    "other_address",
    "other_callsign",
    "other_squawk",
    "other_category",
    "shared_address",  # two transmitters of one system say this address
    "company",  # somebody keeps company here, so that nearness says less
    "rival",  # it could be somebody else as well
)
_BIT: Final = {name: 1 << k for k, name in enumerate(REASONS)}

_AUTHORITATIVE: Final = frozenset({"adsb", "mode_s", "mlat", "uat", "radar", "adsc"})


def reason_words(bits: int) -> tuple[str, ...]:
    """The codes of :data:`REASONS` that a word of bits stands for.

    >>> reason_words(5)
    ('motion', 'same_address')
    """
    return tuple(name for name, bit in _BIT.items() if int(bits) & bit)


def strand_name(object_id: str, number: int) -> str:
    """The name of another transmitter that uses a name.

    >>> strand_name("icao:ae503d", 1), strand_name("icao:ae503d", 2)
    ('icao:ae503d', 'icao:ae503d#2')
    """
    return object_id if number < 2 else f"{object_id}#{number}"


def empty_history(slots: int) -> History:
    """Rings for ``slots`` tracks, with nothing in them."""
    ring = (slots, KEPT)
    return History(
        np.zeros(slots, np.int64), np.zeros(slots, np.int64), np.zeros(ring, np.int64), np.zeros((*ring, 3)),
        np.zeros((*ring, 3)), np.zeros(ring), np.zeros(ring), np.zeros(ring),
    )  # fmt: skip


def empty_identity(slots: int) -> Identity:
    """Identities of ``slots`` tracks of which nothing is known."""
    made = [np.zeros(slots, np.int64) for _ in range(7)]
    made[4][:] = -1
    return Identity(np.zeros(slots, np.bool_), *made)


def _text(value: str | None) -> int:
    """The first eight letters and digits as a number; 0 for none."""
    packed = 0
    for byte in "".join(filter(str.isalnum, value or "")).upper().encode("ascii", "ignore")[:8]:
        packed = packed << 7 | byte
    return packed


def _squawk(value: str | None) -> int:
    try:
        code = int(value or "", 8)
    except ValueError:
        return -1
    return code if 0 <= code < 4096 else -1


def _category(value: str | None) -> int:
    if value is None or len(value) != 2 or value[0] not in "ABCD" or not "1" <= value[1] <= "7":
        return 0
    return 16 * ("ABCD".index(value[0]) + 1) + int(value[1])


def _address(object_id: str | None, source: str | None) -> tuple[int, int]:
    """Authority and number of an address, see ``Identity``."""
    authority, _, rest = (object_id or "").partition("#")[0].partition(":")
    try:
        if authority == "icao":
            return (1 if source in _AUTHORITATIVE else 2), int(rest, 16) + 1
        if authority == "mmsi":
            return 4, int(rest)
    except ValueError:
        pass
    return 3, 0


def _describe(identity: Identity, slot: Ints, system: Iterable[int], **said: Sequence[str | None]) -> None:
    kinds = {name: k + 1 for k, name in enumerate(schema.KINDS)}
    columns = [said[n] for n in ("object_id", "source", "kind", "callsign", "squawk", "category")]
    for s, of, object_id, source, kind, callsign, squawk, category in zip(slot, system, *columns, strict=True):
        identity.named[s], identity.system[s] = True, of
        identity.authority[s], identity.address[s] = _address(object_id, source)
        identity.kind[s] = kinds.get(kind or "", 0)
        identity.callsign[s] = _text(callsign)
        identity.squawk[s] = _squawk(squawk)
        identity.category[s] = _category(category)


def _motion(now_ns: int, history: History, identity: Identity) -> Motion:
    h = history
    return Motion(*nearby.motion(now_ns, h.seen, h.time_ns, h.xyz_m, h.velocity_mps, h.sigma_m, identity.named))


def _near(moving: Motion, identity: Identity) -> tuple[Ints, CloudOf, Bools]:
    """Candidates, sorted; how many of the same system are round each slot; whose address two of a system say."""
    slots = len(moving.gate_m)
    cloud = CloudOf(np.zeros(slots, np.int64), np.zeros(slots, np.int64))
    shared = np.zeros(slots, np.bool_)
    live = np.flatnonzero(moving.gate_m > 0.0)
    small = moving.gate_m[live] <= 0.5 * nearby.FINE_M
    parts = []
    for fine, who in ((False, live), (True, live[small])):
        if len(who) == 0 or (not fine and small.all()):
            continue
        cell = nearby.cells(moving.xyz_m, who, nearby.FINE_M if fine else nearby.COARSE_M)
        order = np.argsort(cell)  # the order within a cell changes nothing
        parts.append(
            nearby.near_pairs(
                who[order], cell[order], fine, moving.xyz_m, moving.velocity_mps, moving.speed_mps, moving.gate_m,
                identity.system, cloud.near, cloud.along,
            )
        )  # fmt: skip
    named = live[identity.address[live] > 0]
    named = named[np.argsort(identity.address[named])]
    parts.append(
        nearby.twins(named, moving.xyz_m, moving.gate_m, identity.system, identity.authority, identity.address, shared)
    )
    keys = np.sort(np.concatenate(parts))
    return keys[np.diff(keys, prepend=-1) != 0], cloud, shared


def crowd(now_ns: int, history: History, identity: Identity) -> CloudOf:
    """How many others of the same system are near each slot, and how many of them go the same way."""
    return _near(_motion(now_ns, history, identity), identity)[1]


class Scores(NamedTuple):
    """What speaks for each pair (M,) being one object, in nats: ``llr`` in all, ``motion`` places and altitudes."""

    llr: Floats
    motion: Floats
    identity: Floats
    samples: Floats
    reasons: Words


_SQUAWK_COMMON: Final = np.isin(np.arange(4096), COMMON_SQUAWKS) | (np.arange(4096) % 64 == 0)


def _scored(
    keys: Ints, rows: Ints, sums: Floats, identity: Identity, moving: Motion, cloud: CloudOf, shared: Bools
) -> tuple[Scores, Bools]:
    """Scores, and whether what the two say rules out that they are one."""
    a, b = keys >> 32, keys & 0xFFFFFFFF
    wide = 500.0 + 50.0 * moving.speed_mps
    seen = np.where(moving.gate_m <= 0.5 * nearby.FINE_M, nearby.FINE_M, nearby.COARSE_M)
    density = np.maximum(1.0 / (np.pi * wide**2), cloud.near / (np.pi * seen**2))
    accompanied = (cloud.along[a] > 0) | (cloud.along[b] > 0)
    place, height = kernels.kinematic_of(
        rows, sums, np.maximum(density[a], density[b]), np.where(accompanied, _COMPANY_SEEN, _COMPANY)
    )
    known, bits, never = kernels.alike(keys, *identity[1:], shared, _SQUAWK_COMMON)
    for where, name in (
        (place > 3.0, "motion"), (height > 1.0, "same_altitude"), (height < -2.0, "other_altitude"),
        (accompanied, "company"),
    ):  # fmt: skip
        bits |= where.astype(np.uint32) * np.uint32(_BIT[name])
    return Scores(place + height + known, place + height, known, sums[rows, kernels.SAMPLES], bits), never


def score(
    slot_a: npt.ArrayLike, slot_b: npt.ArrayLike, history: History, identity: Identity, now_ns: int | None = None
) -> Scores:
    """What the rings alone say of pairs of slots (M,) each being one object; nothing is remembered.

    ``now_ns`` is the time at which the traffic around is looked at; the last fix of all if null.
    """
    a, b = (np.asarray(s, np.int64) for s in (slot_a, slot_b))
    low, high = np.minimum(a, b), np.maximum(a, b)
    if now_ns is None:
        now_ns = int(history.time_ns.max(initial=0))
    moving = _motion(now_ns, history, identity)
    _, cloud, shared = _near(moving, identity)
    rows = np.arange(len(a))
    sums, done = np.zeros((len(a), FIELDS)), np.zeros(len(a), np.int64)
    h = history
    keys = low << 32 | high
    kernels.sample(keys, rows, sums, done, h.seen, h.time_ns, h.xyz_m, h.velocity_mps, h.sigma_m,
                   h.baro_ft, h.geom_ft, moving.interval_s)  # fmt: skip
    return _scored(keys, rows, sums, identity, moving, cloud, shared)[0]


class Decisions(NamedTuple):
    """What a step decided: links made and undone in it, all links that hold, and the lowest slot of each cluster."""

    joined_a: Words
    joined_b: Words
    parted_a: Words
    parted_b: Words
    slot_a: Words
    slot_b: Words
    score: Floats
    reasons: Words
    since_ns: Ints
    cluster: Words


class Joiner:
    """Links between tracks, kept up to date: ``see`` and ``name`` tracks, ``step`` once a second.

    State is the rings, the identities, and of each pair that is or was near: sums of its differences, since when it
    scores enough, and since when it is joined. What comes out depends on what went in alone.
    """

    def __init__(self, slots: int = 256) -> None:
        self.history, self.identity = empty_history(slots), empty_identity(slots)
        self._keys, self._rows = np.empty(0, np.int64), np.empty(0, np.int64)
        self._free = np.empty(0, np.int64)
        self._sums = np.zeros((0, FIELDS))
        self._done_ns, self._since_ns, self._enough_ns, self._near_ns = (np.zeros(0, np.int64) for _ in range(4))
        self._born = np.zeros((0, 2), np.int64)
        self._forbidden = np.zeros(0, np.bool_)
        self._told: list[int] = []

    def _room(self, slot: npt.NDArray[Any]) -> Ints:
        slot = np.asarray(slot, np.int64)
        have, need = len(self.history.seen), int(slot.max(initial=-1)) + 1
        if need > have:
            more = max(need, 2 * have) - have
            for_history, for_identity = empty_history(more), empty_identity(more)
            self.history = History._make(map(np.concatenate, zip(self.history, for_history, strict=True)))
            self.identity = Identity._make(map(np.concatenate, zip(self.identity, for_identity, strict=True)))
        return slot

    def see(
        self,
        slot: npt.ArrayLike,
        time_ns: npt.ArrayLike,
        lat_deg: npt.ArrayLike,
        lon_deg: npt.ArrayLike,
        radius95_m: npt.ArrayLike,
        alt_baro_ft: npt.ArrayLike,
        alt_geom_ft: npt.ArrayLike,
        gs_kt: npt.ArrayLike,
        track_deg: npt.ArrayLike,
    ) -> None:
        """Remember accepted positions (M,), as they were reported; NaN where a value is unknown.

        What is not later than the last position of its slot is passed over.
        """
        who = self._room(np.asarray(slot))
        floats = [
            np.ascontiguousarray(v, np.float64)
            for v in (lat_deg, lon_deg, radius95_m, alt_baro_ft, alt_geom_ft, gs_kt, track_deg)
        ]
        h = self.history
        nearby.remember(h.seen, h.time_ns, h.xyz_m, h.velocity_mps, h.sigma_m, h.baro_ft, h.geom_ft, who,
                         np.ascontiguousarray(time_ns, np.int64), *floats)  # fmt: skip

    def name(
        self,
        slot: npt.ArrayLike,
        system: Iterable[int],
        object_id: Sequence[str | None],
        source: Sequence[str | None],
        kind: Sequence[str | None],
        callsign: Sequence[str | None],
        squawk: Sequence[str | None],
        category: Sequence[str | None],
    ) -> None:
        """Say what slots (M,) are: new ones, and those whose identity changed.

        Within one ``system`` (a whole number) an object has one name. The others are as in ``schema``.
        """
        who = self._room(np.asarray(slot))
        _describe(self.identity, who, system, object_id=object_id, source=source, kind=kind, callsign=callsign,
                  squawk=squawk, category=category)  # fmt: skip

    def forget(self, slot: npt.ArrayLike) -> None:
        """Slots died; from now on they are somebody else's."""
        who = self._room(np.asarray(slot))
        self.history.seen[who] = 0
        self.history.born[who] += 1
        self.identity.named[who] = False

    def forbid(self, slot_a: int, slot_b: int) -> None:
        """These two are not one object, whatever seems so, as long as both live."""
        low, high = sorted((int(slot_a), int(slot_b)))
        self._room(np.array([high]))
        self._told.append(low << 32 | high)

    def _more_rows(self, need: int) -> None:
        if need <= len(self._free):
            return
        have = len(self._done_ns)
        more = max(need, have, 1024)
        self._free = np.concatenate([np.arange(have + more - 1, have - 1, -1), self._free])
        self._sums = np.concatenate([self._sums, np.zeros((more, FIELDS))])
        for field in ("_done_ns", "_since_ns", "_enough_ns", "_near_ns"):
            setattr(self, field, np.concatenate([getattr(self, field), np.zeros(more, np.int64)]))
        self._born = np.concatenate([self._born, np.zeros((more, 2), np.int64)])
        self._forbidden = np.concatenate([self._forbidden, np.zeros(more, np.bool_)])

    def _pairs(self, now_ns: int, near: Ints) -> Ints:
        """Bring the pairs up to date with who is near; gives the keys of links that died with a slot."""
        keys, rows = self._keys, self._rows
        born = self.history.born
        alive = (self._born[rows, 0] == born[keys >> 32]) & (self._born[rows, 1] == born[keys & 0xFFFFFFFF])
        stays = (self._since_ns[rows] > 0) | self._forbidden[rows]
        stays |= now_ns - self._near_ns[rows] < _FORGOTTEN_NS
        keep = alive & stays
        dead: Ints = keys[~alive & (self._since_ns[rows] > 0)]
        gone = rows[~keep]
        self._more_rows(len(near) + len(self._told))
        told = np.array(self._told, np.int64)
        self._told = []
        if len(told):
            near = np.union1d(near, told)
        self._keys, self._rows, fresh = kernels.merge(keys, rows, keep, near, self._free)
        new = self._rows[fresh]
        self._free = np.concatenate([self._free[: len(self._free) - len(new)], gone])
        self._sums[new] = 0.0
        for field in (self._done_ns, self._since_ns, self._enough_ns):
            field[new] = 0
        self._forbidden[new] = False
        self._born[new, 0] = born[self._keys[fresh] >> 32]
        self._born[new, 1] = born[self._keys[fresh] & 0xFFFFFFFF]
        self._near_ns[self._rows[np.searchsorted(self._keys, near)]] = now_ns
        if len(told):
            self._forbidden[self._rows[np.searchsorted(self._keys, told)]] = True
        return dead

    def step(self, now_ns: int) -> Decisions:
        """Judge everything again at ``now_ns`` (UTC)."""
        h, i = self.history, self.identity
        moving = _motion(now_ns, h, i)
        near, cloud, shared = _near(moving, i)
        dead = self._pairs(now_ns, near)
        keys, rows = self._keys, self._rows
        a, b = keys >> 32, keys & 0xFFFFFFFF
        kernels.sample(keys, rows, self._sums, self._done_ns, h.seen, h.time_ns, h.xyz_m, h.velocity_mps, h.sigma_m,
                       h.baro_ft, h.geom_ft, moving.interval_s)  # fmt: skip
        live = moving.gate_m > 0.0
        scores, never = _scored(keys, rows, self._sums, i, moving, cloud, shared)
        late_ns = (5e9 + 3e9 * moving.interval_s).astype(np.int64)
        fresh = live & (now_ns - moving.last_ns <= late_ns)
        facts = (i.system, i.authority, i.address, i.kind)
        rival = kernels.rivals(keys, scores.llr, fresh, *facts, len(fresh))
        odds = scores.llr - np.logaddexp(0.0, rival)
        bits = scores.reasons | (rival > 0.0).astype(np.uint32) * np.uint32(_BIT["rival"])

        was = self._since_ns[rows] > 0
        never |= self._forbidden[rows]
        enough = (odds > JOIN) & (scores.motion >= MOTION_LEAST) & (scores.samples >= 3.0) & ~never
        since = np.where(enough, np.where(self._enough_ns[rows] > 0, self._enough_ns[rows], now_ns), 0)
        self._enough_ns[rows] = since
        holds = was & (odds >= PART) & (scores.motion >= _MOTION_PARTS) & ~never
        wanted = holds | (enough & (now_ns - since >= LASTS_NS))
        chosen = np.flatnonzero(wanted)
        order = chosen[np.argsort(-odds[chosen], kind="stable")]  # equal ones stay in the order of their keys
        order = np.concatenate([order[was[order]], order[~was[order]]])
        cluster, taken = kernels.clusters(order, keys, scores.llr, scores.samples >= 3.0, fresh, *facts, _FITS)
        is_now = np.zeros(len(keys), np.bool_)
        is_now[order[taken]] = True
        made, undone = is_now & ~was, was & ~is_now
        self._since_ns[rows[made]] = now_ns
        self._since_ns[rows[undone]] = 0
        self._enough_ns[rows[~is_now & wanted]] = 0
        # what is hopeless and was far is not waited for
        self._near_ns[rows[(scores.llr < _HOPELESS) & ~is_now]] -= _FORGOTTEN_NS // 8

        def words(values: Ints) -> Words:
            return values.astype(np.uint32)

        parted = np.sort(np.concatenate([dead, keys[undone]]))
        return Decisions(
            words(a[made]), words(b[made]), words(parted >> 32), words(parted & 0xFFFFFFFF), words(a[is_now]),
            words(b[is_now]), odds[is_now], bits[is_now], self._since_ns[rows[is_now]], words(cluster),
        )  # fmt: skip


class Strands:
    """Transmitters under one name, told apart as their reports come.

    A report belongs to the strand that would be nearest by then, among those that can reach it: from the place where a
    strand would be, had it gone on, at most

        50 m + 4 (sigma + sigma') + 2 s v + min((6 m/s² + 0.03 v/s) dt² / 2, min(600 m/s, 2 v + 40 m/s) dt)

    and 600 m/s from its last place while no velocity is known. One that none can reach begins a tentative strand (0).
    After three consistent reports that is another transmitter (2, 3, 4), if the others were heard twice meanwhile; or
    it is the one that jumped, and gets its number, if that has been silent for ten seconds and four of its intervals.
    """

    def __init__(self) -> None:
        self._state: list[npt.NDArray[Any]] = []
        self._grow(256)

    def _grow(self, names: int) -> None:
        whole = [np.full((names, LIVE), k, np.int64) for k in (-1, 0, 0, 0, 0)]
        fresh = [*whole, np.zeros((names, LIVE, 3)), np.full((names, LIVE, 3), np.nan), np.zeros((names, LIVE))]
        self._state = [np.concatenate(pair) for pair in zip(self._state, fresh, strict=True)] if self._state else fresh

    def step(
        self,
        name: npt.ArrayLike,
        time_ns: npt.ArrayLike,
        lat_deg: npt.ArrayLike,
        lon_deg: npt.ArrayLike,
        radius95_m: npt.ArrayLike,
        gs_kt: npt.ArrayLike,
        track_deg: npt.ArrayLike,
    ) -> npt.NDArray[np.uint8]:
        """The strand of each report (M,), in order of arrival: 0 for none yet, 1 for the first transmitter of a name.

        ``name`` numbers the names from 0; ``radius95_m``, ``gs_kt``, ``track_deg`` are NaN where unknown. A report
        without a position is 0 and changes nothing.
        """
        names = np.asarray(name, np.int64)
        have, need = len(self._state[0]), int(names.max(initial=-1)) + 1
        if need > have:
            self._grow(max(need, 2 * have) - have)
        lat, lon, radius, gs, track = (
            np.asarray(v, np.float64) for v in (lat_deg, lon_deg, radius95_m, gs_kt, track_deg)
        )
        here = np.flatnonzero(np.isfinite(lat) & np.isfinite(lon))
        sigma = np.where(radius > 0.0, radius, nearby.UNKNOWN_SIGMA_M * nearby.RADIUS_SIGMAS) / nearby.RADIUS_SIGMAS
        out = np.zeros(len(names), np.uint8)
        out[here] = follow(
            names[here], np.asarray(time_ns, np.int64)[here], lat[here], lon[here], sigma[here], gs[here],
            track[here], *self._state,
        )  # fmt: skip
        return out

    def forget(self, name: npt.ArrayLike) -> None:
        """Names that from now on are somebody else's."""
        names = np.asarray(name, np.int64)
        self._state[0][names[names < len(self._state[0])]] = -1

    def several(self) -> npt.NDArray[np.intp]:
        """Names that more than one transmitter uses."""
        return np.flatnonzero(np.any(self._state[0] > 1, axis=1))


def strands(
    name: npt.ArrayLike,
    time_ns: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    radius95_m: npt.ArrayLike,
    gs_kt: npt.ArrayLike,
    track_deg: npt.ArrayLike,
) -> npt.NDArray[np.uint8]:
    """The strand of each report (M,) of a whole recording, see :class:`Strands`."""
    return Strands().step(name, time_ns, lat_deg, lon_deg, radius95_m, gs_kt, track_deg)
