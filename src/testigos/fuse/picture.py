"""The live picture of one node: reports in, what is shown of each object out, batch by batch.

One object is one track, by its name. Reports may come late, in any order, from any number of inputs: what is shown is a
function of the set of reports, as long as none is more than ``Settings.late_s`` late (``_picture_fold`` says how).
Plots without a name are given to the track that they fit when they come; which that is rests on what was known then.

Rules, own ones:

- The position shown is the last one reported that the filter's gate let through, with its own time.
- Of every other column the value that was reported last is shown, whatever became of the report's position. A value
  that changes while the object moves is shown for ``values_s``, of other than aircraft until the object is dead.
- A report that came through this node (column ``via``) is not used. A report without a time is taken for one of now,
  unless it only repeats what is known (``_picture_echo``). One with neither time nor position, by another input than
  the object is known from, tells only what nobody has told.
- An object that is not heard is coasting, then stale, then dead (``_picture_life``); the dead are said once.
- Two transmitters under one name are two tracks; the second is called ``name#2``. What comes without a position
  counts for the first. Which of the two said a value is settled when it comes, by what is known then: their positions
  do not depend on the order of arrival, their values may.

No clock is read here: the caller says what time it is.
"""

from collections import Counter
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.fuse import _picture_arrays as arrays
from testigos.fuse import _picture_echo as echo
from testigos.fuse import _picture_life as lives
from testigos.fuse import _picture_plots as plots
from testigos.fuse import _picture_rows as shown
from testigos.fuse import _picture_values as values
from testigos.fuse._picture_arrays import Said
from testigos.fuse._picture_fold import close, fold, insert
from testigos.fuse._picture_joins import Joined, Joining
from testigos.fuse._picture_kinds import CATEGORIES, DISTRESS, kind_of
from testigos.fuse._picture_said import Batch, batch
from testigos.fuse._picture_settings import DEFAULT, Settings
from testigos.fuse._picture_texts import Numbers, Texts
from testigos.fuse.association import associate
from testigos.fuse.filter import Filters
from testigos.kernels import kernel
from testigos.schema import KINDS, PICTURE, SOURCES, STATUSES, conform
from testigos.units import KT_MPS, S_NS

__all__ = ["DEFAULT", "FATES", "Joining", "Picture", "Settings"]

Ints = npt.NDArray[np.int64]

#: What can become of a report; each is in exactly one. The statuses of those that are not used follow.
FATES: Final = (
    "produced",  # something new
    "duplicates",  # said before, by this input or another
    "echoes",  # without a time, and only what is known
    "looped",  # it came through this node
    "late",  # too late to tell anything of the position; values that are still the newest are used
    "ahead",  # from the future
    "refused",  # the filter's gate refused the position; the other values are used
    "no_object",  # neither a name nor a position
    "merged",  # a plot without a name that belongs to a track
    "tentative",  # a plot without a name that belongs to none yet
    *STATUSES,
)
_PENDING: Final = 255
_FATE: Final = {name: np.uint8(k) for k, name in enumerate(FATES)}
_HEARD: Final = np.array([name in ("produced", "duplicates", "refused", "merged") for name in FATES])
_STATUS_FATE: Final = len(FATES) - len(STATUSES)
_FASTEST_MPS: Final = (600.0, 60.0, 120.0)  # by kind of motion: faster than any aircraft, vessel, drone
_MOTION: Final = {"vessel": 1, "drone": 2, "person": 1}
_CROWDED: Final = 100_000  # so many texts are looked through for those that nobody says any more
_TRANSMISSIONS: Final = 16


class _Buried(NamedTuple):
    """What is remembered of the dead, so that echoes do not raise them."""

    until_ns: int
    learned: int
    places: tuple[npt.NDArray[Any], ...]
    next: int


class Picture:
    """One node's picture.

    ``node``: its name, as in the column ``via``. ``joiner``: asked once a second which slots are one object.
    ``room``: for so many objects; it grows where there are more.
    """

    def __init__(
        self, node: str, *, settings: Settings = DEFAULT, joiner: Joining | None = None, room: int = 1024
    ) -> None:
        self.node = node
        self.settings = settings
        #: What became of reports, by the names of ``FATES``.
        self.counters: Counter[str] = Counter()
        self._now_ns = 0
        self._nodes, self._states, self._slots = (
            arrays.new_nodes(256 * room),
            arrays.new_states(64 * room),
            arrays.new_slots(room),
        )
        self._values, self._life, self._known = values.new_values(room), lives.new_life(room), echo.new_known(room)
        self._heard = np.zeros((room, _TRANSMISSIONS), np.int64), np.zeros((room, _TRANSMISSIONS), np.int64)
        self._id: npt.NDArray[Any] = np.empty(room, object)
        self._distress = np.zeros(room, np.bool_)
        self._changed = np.zeros(room, np.bool_)  # since something was told
        self._joined = Joined(joiner, room)
        self._slot_of: dict[str, int] = {}
        self._buried: dict[str, _Buried] = {}
        self._closing: list[int] = []
        self._born: list[int] = []  # slots that are new in this batch
        self._found = Numbers()
        self._texts, self._names = Texts(), Texts()
        none = pl.Series([""])
        self._names.numbers(none, none.hash().to_numpy())
        self._loops: dict[int, bool] = {0: False}
        self._tentative: plots.Tentative | None = None
        self._tracks = 0
        s = settings
        self._rules = np.array([s.same_s * S_NS, s.transmission_s * S_NS, s.same_deg, s.twin_m, *_FASTEST_MPS])
        self._echo_rules = np.array(
            [s.same_deg, s.same_ft, s.repeat_row_s * S_NS, s.repeats_s * S_NS, s.moved_m], np.float64
        )
        self._nobody = conform(pl.DataFrame(), PICTURE)
        self._patience, self._assumed = s.patience_ns(), s.assumed_m()

    # ---- reports in ----

    def update(self, reports: pl.DataFrame, now_ns: int) -> pl.DataFrame:
        """What changed by ``reports`` (columns of ``schema.ALL``, ``input`` and ``link``) and by the time ``now_ns``.

        A row of ``schema.PICTURE`` for every object of which something new is shown, in the order of slots. A row
        with the state ``dead`` comes once; its slot is free from the next update on. ``now_ns`` does not go back.
        Raises ``polars.exceptions.PolarsError`` where a column is not of the schema's type and cannot be cast.
        """
        self.take(reports, now_ns)
        return self.changes(now_ns)

    def take(self, reports: pl.DataFrame, now_ns: int) -> None:
        """Uses reports as ``update`` does; ``changes`` says later what that made of the picture."""
        now = self._now_ns = max(now_ns, self._now_ns)
        self._bury(now)
        if len(self._texts) > _CROWDED:
            self._tidy()
        if len(reports):
            before = self._changed
            b = batch(reports, now, self._names, self._texts, self.settings.velocity95_mps)
            self._changed = self._take(b, now)
            self._changed[: len(before)] |= before

    def changes(self, now_ns: int) -> pl.DataFrame:
        """What changed by all that was taken since the last time, and by the time; as ``update`` gives it."""
        now = self._now_ns = max(now_ns, self._now_ns)
        changed, self._changed = self._changed, np.zeros(len(self._id), np.bool_)
        due = np.flatnonzero(self._life.due <= now)
        if len(due):
            due = due[self._life.alive[due]]
            self._age(due, now)
            changed[due] = True
        apart = self._join(now, changed)
        if apart is None and not changed.any():
            return self._nobody
        dying = np.flatnonzero(changed & self._life.alive & (self._life.phase == lives.DEAD))
        rows = self._rows(np.flatnonzero(changed & self._life.alive), now)
        self._die(dying)
        if apart is not None:
            rows = pl.concat([rows, apart]).sort("slot")
        return rows

    def rows(self, slots: npt.NDArray[np.uint32] | None = None) -> pl.DataFrame:
        """Rows of ``schema.PICTURE`` as of the last update: of ``slots``, or of all that are alive."""
        alive = self._life.alive
        wanted = np.flatnonzero(alive) if slots is None else np.asarray(slots, np.int64)
        return self._rows(wanted[(wanted < len(alive)) & alive[np.minimum(wanted, len(alive) - 1)]], self._now_ns)

    def _take(self, b: Batch, now: int) -> npt.NDArray[np.bool_]:
        """Uses a batch; which slots changed."""
        said, s = b.said, self.settings
        size = len(said.time)
        fate = np.where(b.usable, _PENDING, b.status + _STATUS_FATE).astype(np.uint8)
        named = b.named.copy()
        fate[(fate == _PENDING) & ~named & ~b.placed] = _FATE["no_object"]
        fate[(fate == _PENDING) & self._looped(said.via)] = _FATE["looped"]
        fate[(fate == _PENDING) & (said.time > now + round(s.ahead_s * S_NS))] = _FATE["ahead"]
        late = said.time < now - round(s.late_s * S_NS)
        slot = np.full(size, -1, np.int64)
        named &= fate == _PENDING
        if named.any():
            self._find(b, named, late, slot, fate)
        # in the order of time, so that few have to be told again
        order = np.argsort(said.time, kind="stable")
        self._judge(b, order[(named & b.placed & (fate == _PENDING) & ~late)[order]], slot, fate, now)
        again = named & ~b.placed & (said.hash != 0) & (fate == _PENDING)
        if again.any():
            _heard(*self._heard, order[again[order]], slot, said.hash, said.time, s.transmission_s * 1e9, fate)
        going = named & ((fate == _PENDING) | (fate == _FATE["duplicates"]) & ~b.untimed)
        node = np.full(size, -1, np.int64)
        weak = b.untimed & ~b.placed & (said.input != self._life.learned[np.maximum(slot, 0)])
        moves = going & ~late & ~weak & (said.flags & (arrays.PLACED | arrays.VELOCITY | arrays.QUALITY) > 0)
        touched = self._fold(said, order[moves[order]], slot, node, now)
        nameless = (fate == _PENDING) & ~named & ~late
        if nameless.any():
            touched = np.concatenate((touched, self._plots(b, order[nameless[order]], slot, node, fate, now)))
            going |= nameless & (slot >= 0)
        verdict = np.where(node >= 0, self._nodes.verdict[node], 0)
        fate[(fate == _PENDING) & late] = _FATE["late"]
        fate[(fate == _PENDING) & b.placed & (node < 0)] = _FATE["late"]
        fate[(fate == _PENDING) & (verdict == arrays.DUPLICATE)] = _FATE["duplicates"]
        fate[(fate == _PENDING) & (verdict == arrays.REFUSED_AT)] = _FATE["refused"]
        moved = (verdict == arrays.MAIN) | (verdict == arrays.TWIN)
        target = np.where(verdict == arrays.TWIN, self._slots.twin[slot], slot)
        news = self._put(b, np.flatnonzero(going & (slot >= 0)), target, weak)
        fate[(fate == _PENDING) & weak & (news == 0)] = _FATE["echoes"]
        # what says nothing new says at least that it is still there, if it is newer than all before
        older = said.time <= self._life.seen[np.maximum(slot, 0)]
        fate[(fate == _PENDING) & ~moved & (news == 0) & older] = _FATE["duplicates"]
        fate[fate == _PENDING] = _FATE["produced"]
        counts = np.bincount(fate, minlength=len(FATES))
        self.counters.update({FATES[k]: int(counts[k]) for k in np.flatnonzero(counts)})
        return self._touch(b, order, slot, target, fate, moved, news, touched, late, now)

    def _touch(
        self, b: Batch, order: Ints, slot: Ints, target: Ints, fate: npt.NDArray[np.uint8],
        moved: npt.NDArray[np.bool_], news: npt.NDArray[np.uint8], touched: Ints, late: npt.NDArray[np.bool_], now: int,
    ) -> npt.NDArray[np.bool_]:  # fmt: skip
        """Who is alive by what came, and which slots changed."""
        life, slots = self._life, self._slots
        used = (slot >= 0) & _HEARD[fate]
        own = b.said.input == life.learned[np.maximum(slot, 0)]
        seen = used & (~b.untimed | own | (fate == _FATE["produced"])) & ~late
        rows = order[(used & ~late)[order]]
        lives.hear(life, rows, target, seen, b.said)
        places = order[moved[order]]
        life.learned[target[places]] = b.said.input[places]
        changed = np.zeros(len(self._id), np.bool_)
        told = moved | ((news == 2) & (slot >= 0))
        changed[target[told]] = True
        changed[self._born] = True
        self._born = []
        twins = slots.twin[touched]
        twins = twins[twins >= 0]
        # what comes late or says nothing new of itself can have others judged anew
        again = np.concatenate((touched, twins))
        changed[again[slots.moved[again]]] = True
        # a second track that is none any more, now that something came late
        gone = twins[(slots.state[twins] < 0) & life.alive[twins]]
        for t in gone.tolist():  # what was given to it is the first one's
            g = int(slots.of[t])
            values.give_back(self._values, t, g, self._texts.rank)
            lives.give_back(life, t, g)
            changed[g] = True
        life.alive[target[used & ~late]] = True
        self._named(twins[slots.state[twins] >= 0])
        heard = np.zeros(len(self._id), np.bool_)
        heard[target[used & ~late]] = heard[again] = True
        both = np.flatnonzero(heard & (slots.of >= 0))
        before = life.phase[both]
        self._age(both, now)
        changed[both[life.phase[both] != before]] = True  # live again, or not for much longer
        life.alive[gone] = True
        life.phase[gone] = lives.DEAD
        changed[gone] = True
        self._joined.see(b, places, target[places], self._states.floats[slots.state[target[places]], arrays.RADIUS])
        return changed

    def _looped(self, via: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Whether reports came through this node."""
        if not via.any():
            return np.zeros(len(via), np.bool_)
        for number in np.unique(via).tolist():
            if number not in self._loops:
                self._loops[number] = self.node in self._names[number].split()
        loops = np.array([k for k, is_loop in self._loops.items() if is_loop], np.int64)
        return np.isin(via, loops)

    def _find(
        self, b: Batch, named: npt.NDArray[np.bool_], late: npt.NDArray[np.bool_], slot: Ints, fate: Any
    ) -> None:  # fmt: skip
        """The slot of each named row; new ones for who is new, unless it is a late word or an echo of the dead."""
        assert b.object_id is not None
        slot[:] = np.where(named, self._found.find(b.hash), -1)
        first = len(self._born)
        new = np.flatnonzero(named & (slot < 0))
        for i, full in zip(new.tolist(), b.object_id[new].to_list() if len(new) else (), strict=True):
            # another node's second track is the address again: which one it is, is found here too
            name, mark, _ = full.partition("#")
            found = self._slot_of.get(name, -1)
            if mark and found >= 0 and full == f"{name}#2" and self._found.find(b.hash[i : i + 1])[0] < 0:
                self._found.set(b.hash[i : i + 1], np.array([found]))
            if found < 0:
                if late[i]:
                    fate[i], named[i] = _FATE["late"], False
                    continue
                if b.untimed[i] and self._raises(b, i, name):
                    fate[i], named[i] = _FATE["echoes"], False
                    continue
                found = self._new_slot(name, int(b.said.source[i]), int(b.said.input[i]))
            slot[i] = found
        self._file(self._born[first:])

    def _file(self, slots: list[int]) -> None:
        """Makes new slots known by the hash of their name."""
        if slots:
            self._found.set(pl.Series([self._id[g] for g in slots], dtype=pl.String).hash().to_numpy(), np.array(slots))

    def _raises(self, b: Batch, i: int, name: str) -> bool:
        """Whether a row without a time only repeats what a dead object said."""
        dead = self._buried.get(name)
        if dead is None or dead.learned == int(b.said.input[i]):
            return False
        if b.placed[i]:
            lat, lon, alt = dead.places[:3]
            s = self.settings
            same = (np.abs(lat - b.said.lat[i]) <= s.same_deg) & (np.abs(lon - b.said.lon[i]) <= s.same_deg)
            same &= ~(np.abs(alt - b.alt_ft[i]) > s.same_ft)
            if not same.any():
                return False
        # as long as it echoes, it is remembered
        self._buried[name] = dead._replace(until_ns=self._now_ns + round(self.settings.buried_s * S_NS))
        return True

    def _judge(self, b: Batch, rows: Ints, slot: Ints, fate: npt.NDArray[np.uint8], now: int) -> None:
        """Echoes and repetitions among rows with a position, in the order of time."""
        if not len(rows):
            return
        verdict = np.zeros(len(slot), np.uint8)
        c = values.NUMBER["gs_kt"]
        at = np.maximum(slot, 0)
        fresh = self._values.time[at, c] >= now - round(self.settings.values_s * S_NS)
        speed = np.where(fresh, np.nan_to_num(self._values.value[at, c]) * KT_MPS, 0.0)
        echo.judge(
            self._known, rows, slot, b.untimed, b.said.lat, b.said.lon, b.alt_ft, b.said.time, b.said.input,
            self._life.learned, speed, self._echo_rules, verdict,
        )  # fmt: skip
        fate[verdict == echo.DUPLICATE] = _FATE["duplicates"]
        fate[verdict == echo.ECHO] = _FATE["echoes"]

    def _fold(self, said: Said, rows: Ints, slot: Ints, node: Ints, now: int) -> Ints:
        """Puts rows, in the order of time, into their tracks; the slots of these."""
        self._nodes = arrays.wider(self._nodes, len(rows) + 1)
        touched = np.empty(len(rows), np.int64)
        touched = touched[: insert(self._nodes, self._slots, said, rows, slot, node, touched)]
        # a slot keeps a few states at hand and one of its new nodes may keep one, each with that of a second track
        self._states = arrays.wider(self._states, 2 * (len(rows) + 6 * len(touched)) + 64)
        self._reserve(len(touched))
        fold(
            self._nodes, self._states, self._slots, touched, self._rules, self._assumed,
            now - round(self.settings.late_s * S_NS),
        )  # fmt: skip
        return touched

    def _plots(
        self, b: Batch, rows: Ints, slot: Ints, node: Ints, fate: npt.NDArray[np.uint8], now: int
    ) -> Ints:  # fmt: skip
        """Rows without a name: to the tracks that they fit, or to tracks that begin."""
        said, s = b.said, self.settings
        radius = np.where(np.isnan(said.epu), self._assumed[said.source], said.epu).astype(np.float64)
        alive = np.flatnonzero(self._life.alive & (self._slots.state >= 0) & (self._life.phase <= lives.COASTING))
        alive = alive[self._states.ints[self._slots.state[alive], arrays.COUNT] > 0]
        st = self._states
        filters = Filters(st.motions, st.state, st.last, st.used, st.refused, st.kind)
        touched = [np.empty(0, np.int64)]
        for input_number in np.unique(said.input[rows]).tolist():
            mine = rows[said.input[rows] == input_number]
            found = np.full(len(mine), -1, np.int64)
            if len(alive):
                states = self._slots.state[alive]
                where = {int(q): int(g) for q, g in zip(states, alive, strict=True)}
                given = associate(
                    filters, states, said.time[mine], said.lat[mine], said.lon[mine], np.square(radius[mine] / 2.4477)
                )
                fits = (given.slot >= 0) & ~(given.nis > s.plot_gate)
                found = np.array([where.get(int(q), -1) if f else -1 for q, f in zip(given.slot, fits, strict=True)])
            # a second track has its nodes in the list of the first
            slot[mine] = np.where(found >= 0, self._slots.of[found], -1)
            fate[mine[found >= 0]] = _FATE["merged"]
            rest = mine[found < 0]
            fate[rest] = _FATE["tentative"]
            self._begin(b, rest, radius, slot, node, fate, now, touched)
        merged = rows[fate[rows] == _FATE["merged"]]
        touched.append(self._fold(said, merged, slot, node, now))
        return np.concatenate(touched)

    def _begin(
        self, b: Batch, rows: Ints, radius: npt.NDArray[np.float64], slot: Ints, node: Ints,
        fate: npt.NDArray[np.uint8], now: int, touched: list[Ints],
    ) -> None:  # fmt: skip
        if not len(rows):
            return
        if self._tentative is None:
            self._tentative = plots.new_tentative(4096, b.said)
        s = self.settings
        for i, before in plots.begin(self._tentative, b.said, rows, radius, s.fastest_mps, s.scan_s):
            self._tracks += 1
            g = self._new_slot(f"track:{self.node}-{self._tracks}", int(b.said.source[i]), int(b.said.input[i]))
            self._file([g])
            slot[i], fate[i] = g, _FATE["produced"]
            first = Said(*(np.array(v, of.dtype) for v, of in zip(zip(*before, strict=True), b.said, strict=True)))
            self._fold(first, np.arange(len(before)), np.full(len(before), g), np.full(len(before), -1), now)
            touched.append(self._fold(b.said, np.array([i]), slot, node, now))

    def _put(self, b: Batch, rows: Ints, target: Ints, weak: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """Keeps what rows say, those that are ``weak`` only what is not known; what was new in each."""
        news = np.zeros(len(target), np.uint8)
        values.put(
            self._values, b.columns, b.values, rows, target, weak, b.said.time, b.said.input, b.said.link, b.said.via,
            b.said.offset, values.IS_TEXT, self._texts.rank, values.IS_SILENT, news,
        )  # fmt: skip
        return news

    def _tidy(self) -> None:
        """Forgets texts that nobody says any more."""
        held = self._values.value[:, values.IS_TEXT]
        known = ~np.isnan(held)
        moved = self._texts.kept(held[known].astype(np.int64))
        held[known] = moved[held[known].astype(np.int64)]
        self._values.value[:, values.IS_TEXT] = held

    # ---- slots ----

    def _reserve(self, count: int) -> None:
        """Room for so many more slots."""
        self._slots = arrays.wider(self._slots, count)
        size, old = len(self._slots.of), len(self._id)
        if size == old:
            return
        self._values, self._life = values.grown(self._values, size), lives.grown(self._life, size)
        self._known = echo.grown(self._known, size)
        more = size - old
        self._heard = tuple(np.concatenate((h, np.zeros((more, _TRANSMISSIONS), np.int64))) for h in self._heard)  # type: ignore[assignment]
        self._id = np.concatenate((self._id, np.empty(more, object)))
        self._distress = np.concatenate((self._distress, np.zeros(more, np.bool_)))
        self._joined.grow(size)

    def _new_slot(self, name: str, source: int, input_number: int) -> int:
        self._reserve(1)
        slots = self._slots
        slots.left[0] -= 1
        g = int(slots.free[slots.left[0]])
        slots.of[g] = g
        kind = kind_of(name, SOURCES[source])
        # by the name alone, whoever says it first
        slots.motion[g] = _MOTION.get(kind_of(name, "unknown"), 0)
        self._life.base[g] = KINDS.index(kind)
        self._life.learned[g] = input_number
        self._life.alive[g] = True
        self._born.append(g)
        self._id[g] = name
        self._slot_of[name] = g
        self._distress[g] = DISTRESS.match(name) is not None
        dead = self._buried.pop(name, None)
        if dead is not None:
            for kept, places in zip(self._known[:5], dead.places, strict=True):
                kept[g] = places
            self._known.next[g] = dead.next
        return g

    def _named(self, twins: Ints) -> None:
        """Second tracks that are shown now for the first time get their name."""
        for t in twins[[self._id[t] is None for t in twins.tolist()]].tolist() if len(twins) else ():
            g = int(self._slots.of[t])
            self._id[t] = f"{self._id[g]}#2"
            self._slot_of[self._id[t]] = t
            self._life.base[t], self._life.learned[t] = self._life.base[g], self._life.learned[g]
            self._life.alive[t] = True

    def _age(self, touched: Ints, now: int) -> None:
        """Deadlines of slots anew."""
        if not len(touched):
            return
        kinds = np.full(len(self._texts) + 1, -1, np.int64)
        for category, kind in CATEGORIES.items():
            number = self._texts.number(category)
            if number >= 0:
                kinds[number] = KINDS.index(kind)
        lives.age(self._life, self._slots, self._states, self._values, touched, kinds, self._patience, now)

    def _die(self, dying: Ints) -> None:
        """Slots that were said to be dead; an address is given up when all its tracks are."""
        self._life.alive[dying] = False
        self._life.due[dying] = np.iinfo(np.int64).max
        for g in np.unique(self._slots.of[dying]).tolist():
            twin = int(self._slots.twin[g])
            if g >= 0 and not self._life.alive[g] and not (twin >= 0 and self._life.alive[twin]):
                self._closing.append(g)

    def _bury(self, now: int) -> None:
        """Gives up the slots that died in the update before."""
        if self._closing:
            gone = self._closing
            twins = [int(self._slots.twin[g]) for g in gone]
            until = now + round(self.settings.buried_s * S_NS)
            for g in gone:
                places = tuple(np.array(v[g]) for v in self._known[:5])
                self._buried[self._id[g]] = _Buried(until, int(self._life.learned[g]), places, int(self._known.next[g]))
            close(self._nodes, self._states, self._slots, np.array(gone))
            both = np.array([*gone, *(t for t in twins if t >= 0)])
            gone_names = [str(self._id[g]) for g in both.tolist() if self._id[g] is not None]
            for name in gone_names:
                del self._slot_of[name]
            gone_names += [f"{self._id[g]}#2" for g in gone]
            self._found.unset(pl.Series(gone_names, dtype=pl.String).hash().to_numpy())
            self._id[both] = None
            self._distress[both] = False
            self._values.value[both] = np.nan
            lives.reset(self._life, both)
            echo.forget(self._known, both)
            self._heard[0][both] = 0
            self._joined.forget(both)
            self._closing = []
        if self._buried:
            # they are in the order of their burial, but for those that echoes keep
            for name in [n for n, dead in self._buried.items() if dead.until_ns <= now]:
                del self._buried[name]

    # ---- joins ----

    def _join(self, now: int, changed: npt.NDArray[np.bool_]) -> pl.DataFrame | None:
        """Asks who is one object; ``changed`` gets those whose row is another. Rows that are shown no more, as dead."""
        moved = self._joined.step(now, self._life, self._values, self._id, self._texts)
        gone = None
        if moved is not None:
            changed[moved.shown] = True
            if len(moved.hidden):
                gone = self._made(moved.hidden, now).with_columns(pl.lit("dead", PICTURE["state"].dtype).alias("state"))
        # what is hidden shows in the row of its leader
        if self._joined.clusters:
            lead = self._joined.lead
            hidden = np.flatnonzero(changed & (lead != np.arange(len(lead))))
            changed[lead[hidden]] = True
            self._die(hidden[(self._life.phase[hidden] == lives.DEAD) & self._life.alive[hidden]])
            changed[hidden] = False
        return gone

    # ---- the picture out ----

    def _rows(self, slots: Ints, now: int) -> pl.DataFrame:
        """Rows of those of the slots that are not shown in another's."""
        return self._made(slots[self._joined.lead[slots] == slots], now)

    def _made(self, slots: Ints, now: int) -> pl.DataFrame:
        if not len(slots):
            return self._nobody
        made = shown.Shown(slots, self._values, self._life, now, round(self.settings.values_s * S_NS))
        also: list[str | None] | None = None
        distress = self._distress[slots]
        clusters = self._joined.clusters
        if clusters:
            also = [None] * len(slots)
            for row in np.flatnonzero(np.isin(slots, list(clusters))).tolist():
                members = clusters[int(slots[row])]
                members = members[self._life.alive[members]]
                if len(members) < 2:
                    continue
                shown.merged(made, self._values, self._life, self._states, self._slots, row, members)
                also[row] = " ".join(sorted(str(self._id[m]) for m in members if m != slots[row]))
                distress[row] = self._distress[members].any()
        return shown.table(
            made, self._id, also, distress, self._slots, self._states, self._values, self._life, self._texts,
            self._names, now,
        )  # fmt: skip

    def said_by(self, object_id: str) -> list[dict[str, Any]]:
        """Who said what is shown of an object: column, value, time_ns, input, link, offset and via of each value.

        An empty list where the object is not in the picture.
        """
        g = self._slot_of.get(object_id, -1)
        if g < 0 or not self._life.alive[g]:
            return []
        row = self._made(np.array([self._joined.lead[g]]), self._now_ns).row(0, named=True)
        members = self._joined.members(g)
        by = {n: row[n] for n in ("time_ns", "input", "link", "offset", "via")}
        told = [{"column": n, "value": row[n], **by} for n in ("lat_deg", "lon_deg", "source") if row[n] is not None]
        held = self._values
        for number, name in enumerate(values.COLUMNS):
            said = members[~np.isnan(held.value[members, number])]
            if name in row and row[name] is not None and len(said) and name != "stale_ns":
                m = said[held.time[said, number].argmax()]
                told.append(
                    {
                        "column": name,
                        "value": row[name],
                        "time_ns": int(held.time[m, number]),
                        "input": int(held.input[m, number]),
                        "link": self._names[int(held.link[m, number])] or None,
                        "offset": int(np.int64(held.offset[m, number]).astype(np.uint64)),
                        "via": self._names[int(held.via[m, number])] or None,
                    }
                )
        return told


@kernel
def _heard(hashes, times, rows, slot, said_hash, time, within_ns, fate):  # type: ignore[no-untyped-def]
    """Rows whose payload was heard a moment ago become duplicates."""
    for r in range(len(rows)):
        i = rows[r]
        g = slot[i]
        oldest, found = 0, False
        for k in range(hashes.shape[1]):
            if hashes[g, k] == said_hash[i] and abs(time[i] - times[g, k]) <= within_ns:
                found = True
                break
            if times[g, k] < times[g, oldest]:
                oldest = k
        if found:
            fate[i] = 1  # duplicates
        else:
            hashes[g, oldest], times[g, oldest] = said_hash[i], time[i]
