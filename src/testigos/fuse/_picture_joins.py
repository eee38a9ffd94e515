"""Which slots are shown as one, by the word of a joiner; each keeps its own track, so a split restores all."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from testigos.fuse._picture_kinds import rank_of
from testigos.fuse._picture_life import Life
from testigos.fuse._picture_said import Batch
from testigos.fuse._picture_texts import Texts
from testigos.fuse._picture_values import NUMBER, Values
from testigos.schema import KINDS, SOURCES
from testigos.units import S_NS

__all__ = ["Joined", "Joining", "Moved"]

#: Within one authority one object has one name.
_SYSTEMS: Final = ("icao", "anon", "flarm", "ogn", "mmsi", "rid", "uid", "track")
_SAID: Final = [NUMBER[n] for n in ("callsign", "squawk", "category")]

Ints = npt.NDArray[np.int64]


class Joining(Protocol):
    """Who says which slots are one object (``fuse.joins.Joiner``)."""

    def see(
        self, slot: Any, time_ns: Any, lat_deg: Any, lon_deg: Any, radius95_m: Any, alt_baro_ft: Any, alt_geom_ft: Any,
        gs_kt: Any, track_deg: Any,
    ) -> None:  # fmt: skip
        """Accepted positions as they were reported, (M,) each."""

    def name(
        self, slot: Any, system: Any, object_id: Sequence[str | None], source: Sequence[str | None],
        kind: Sequence[str | None], callsign: Sequence[str | None], squawk: Sequence[str | None],
        category: Sequence[str | None],
    ) -> None:  # fmt: skip
        """Slots that are new or called something else."""

    def forget(self, slot: Any) -> None:
        """Slots that died."""

    def step(self, now_ns: int) -> Any:
        """Has ``cluster``, (S,): the lowest slot of the cluster of each slot, itself where it is alone."""


class Moved(NamedTuple):
    """Slots whose row is another now, and those that are hidden from now on."""

    shown: Ints
    hidden: Ints


class Joined:
    """Who leads whom."""

    def __init__(self, joiner: Joining | None, size: int) -> None:
        self.joiner = joiner
        self.lead: Ints = np.arange(size)  #: whose row a slot is shown in
        self.clusters: dict[int, Ints] = {}  #: members of each that leads others
        self._told: npt.NDArray[np.float64] = np.full((size, 4), -2.0)
        self._at_ns = 0

    def grow(self, size: int) -> None:
        """Room for more slots."""
        old = len(self.lead)
        self.lead = np.concatenate((self.lead, np.arange(old, size)))
        self._told = np.concatenate((self._told, np.full((size - old, 4), -2.0)))

    def members(self, slot: int) -> Ints:
        """All that are shown in the row of a slot."""
        return self.clusters.get(int(self.lead[slot]), np.array([slot]))

    def see(self, b: Batch, rows: Ints, slot: Ints, radius: npt.NDArray[np.float64]) -> None:
        """Tells the joiner of accepted positions: ``rows`` of the batch, with slot and radius of each."""
        if self.joiner is None or not len(rows):
            return
        said = b.said
        baro, geom, msl = (b.column(n)[rows] for n in ("alt_baro_ft", "alt_geom_ft", "alt_msl_ft"))
        self.joiner.see(
            slot, said.time[rows], said.lat[rows], said.lon[rows], radius, baro, np.where(np.isnan(geom), msl, geom),
            said.gs[rows].astype(np.float64), said.track[rows].astype(np.float64),
        )  # fmt: skip

    def forget(self, slots: Ints) -> None:
        """Slots that are given up."""
        self._told[slots] = -2.0
        if self.joiner is not None:
            self.joiner.forget(slots)

    def step(self, now_ns: int, life: Life, values: Values, ids: npt.NDArray[Any], texts: Texts) -> Moved | None:
        """Asks the joiner, once a second."""
        if self.joiner is None or now_ns - self._at_ns < S_NS:
            return None
        self._at_ns = now_ns
        self._name(self.joiner, life, values, ids, texts)
        return self._cluster(np.asarray(self.joiner.step(now_ns).cluster, np.int64), life.alive, ids)

    def _name(self, joiner: Joining, life: Life, values: Values, ids: npt.NDArray[Any], texts: Texts) -> None:
        now = np.column_stack((np.nan_to_num(values.value[:, _SAID], nan=-1.0), life.kind))
        new = np.flatnonzero(life.alive & (now != self._told).any(axis=1))
        if not len(new):
            return
        self._told[new] = now[new]
        said = [[texts[int(k)] if k >= 0 else None for k in now[new, column]] for column in range(len(_SAID))]
        names = [str(ids[g]) for g in new.tolist()]
        heads = [name.partition(":")[0] for name in names]
        systems = [_SYSTEMS.index(head) if head in _SYSTEMS else len(_SYSTEMS) for head in heads]
        joiner.name(
            new, np.array(systems), names, [SOURCES[k] for k in life.source[new]], [KINDS[k] for k in life.kind[new]],
            *said,
        )  # fmt: skip

    def _cluster(self, cluster: Ints, alive: npt.NDArray[np.bool_], ids: npt.NDArray[Any]) -> Moved:
        """Applies who is one object with whom; the best name of each cluster leads."""
        slots = np.arange(len(self.lead))
        lead = slots.copy()
        size = min(len(cluster), len(lead))
        together = np.flatnonzero((cluster[:size] != slots[:size]) & alive[:size])
        groups: dict[int, Ints] = {}
        for first in np.unique(cluster[together]).tolist():
            members = np.flatnonzero((cluster[:size] == first) & alive[:size])
            if len(members) > 1:
                best = min(members.tolist(), key=lambda g: (rank_of(str(ids[g])), str(ids[g])))
                lead[members] = best
                groups[best] = members
        moved = np.flatnonzero(lead != self.lead)
        shown = np.unique(np.concatenate((moved, lead[moved], self.lead[moved])))
        hidden = np.flatnonzero((lead != slots) & (self.lead == slots) & alive)
        self.lead, self.clusters = lead, groups
        return Moved(shown, hidden)
