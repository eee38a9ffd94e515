"""What the picture assumes and how patient it is, each with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from testigos.fuse.quality import MLAT95_M
from testigos.schema import KINDS, SOURCES

__all__ = ["ANCHORED", "DEFAULT", "PATIENCE", "RADII_M", "Patience", "Settings"]


@dataclass(frozen=True, slots=True)
class Patience:
    """For how many seconds without a position an object is live, may be shown, is remembered: at least.

    Whoever is heard rarely is waited for longer: 3, 6 and 12 times its usual interval.
    """

    coasting_s: float
    stale_s: float
    dead_s: float


#: By kind. Own rules; the intervals are those of the formats.
PATIENCE: Final[Mapping[str, Patience]] = {
    # ADS-B positions come twice a second, multilateration and UAT each second or so
    "aircraft": Patience(10.0, 60.0, 300.0),
    # under way: each 2 to 10 s in class A, 30 s in class B (ITU-R M.1371-5, table 1), of which many are not received
    "vessel": Patience(60.0, 600.0, 1_800.0),
    # surface vehicles on ADS-B: each 5 s when they stand
    "vehicle": Patience(15.0, 60.0, 300.0),
    # Remote ID: each second
    "drone": Patience(10.0, 30.0, 120.0),
    # aids to navigation: each 3 minutes; base stations: each 10 s
    "fixed": Patience(600.0, 1_800.0, 7_200.0),
    # phones in a Cursor on Target net: each 30 s or so
    "person": Patience(60.0, 300.0, 1_800.0),
    "other": Patience(30.0, 120.0, 600.0),
    "unknown": Patience(30.0, 120.0, 600.0),
}

#: A vessel that is at anchor or moored: each 3 minutes (ITU-R M.1371-5, table 1).
ANCHORED: Final = Patience(600.0, 1_200.0, 3_600.0)

#: 95 % radius that the filter takes for positions of which nothing says how good they are, in metres. Assumptions:
#: they weigh measurements and are never published, but for multilateration, as in ``fuse.quality``.
RADII_M: Final[Mapping[str, float]] = {
    **dict.fromkeys(SOURCES, 500.0),
    **dict.fromkeys(("adsb", "adsr", "uat"), 200.0),
    "tisb": 300.0,
    "mlat": MLAT95_M,
    "flarm": 30.0,
    "radar": 300.0,
    "ais": 100.0,  # the accuracy flag is not set: worse than 10 m (ITU-R M.1371-5, annex 8)
    "estimated": 1_000.0,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one picture. Seconds, metres and degrees."""

    #: Reports may be so late, in any order, without a difference to the result; later ones give no position.
    late_s: float = 30.0
    #: Reports from farther in the future come from a wrong clock and are not used.
    ahead_s: float = 5.0
    #: The same place of the same object within this time is one report: the coarsest formats say whole seconds.
    same_s: float = 1.0
    #: The same payload within this time is one transmission; receivers' clocks differ by less.
    transmission_s: float = 2.0
    #: Places are the same within this: more than the steps of GDL 90 (2.1e-5) and of text with five decimals.
    same_deg: float = 3e-5
    #: Altitudes are the same within this: the step of Mode S and GDL 90, and half a foot.
    same_ft: float = 25.5
    #: Without a time the same words keep an object alive no longer: no ring of relays can live on its own words.
    repeats_s: float = 3_600.0
    #: Words without a time are said again at most so often.
    repeat_row_s: float = 5.0
    #: A place said again when the object must be so far from it, by its speed, is an old one.
    moved_m: float = 100.0
    #: How long the dead are remembered, so that echoes do not raise them.
    buried_s: float = 3_600.0
    #: Altitudes, speeds and emergencies hold so long; of other than aircraft until the object is dead.
    values_s: float = 60.0
    #: Two transmitters under one address are at least this far from each other; what is nearer is a bad measurement.
    twin_m: float = 10_000.0
    #: 95 % error of velocities of which nothing says how good they are, m/s: NACv 1.
    velocity95_mps: float = 10.0
    #: A plot belongs to a track within this normalised distance squared: χ² of two degrees of freedom at 99.9 %.
    plot_gate: float = 13.8
    #: Plots without a name: nothing that a radar sees is faster, in m/s.
    fastest_mps: float = 600.0
    #: The slowest scan: long-range radars turn in 12 s.
    scan_s: float = 12.0
    patience: Mapping[str, Patience] = field(default_factory=lambda: PATIENCE)
    anchored: Patience = ANCHORED
    radii_m: Mapping[str, float] = field(default_factory=lambda: RADII_M)

    def patience_ns(self) -> npt.NDArray[np.int64]:
        """Nanoseconds (kinds + 1, 3): coasting, stale, dead; kinds by their number, anchored vessels last."""
        rows = [*(self.patience[kind] for kind in KINDS), self.anchored]
        return np.array([[p.coasting_s * 1e9, p.stale_s * 1e9, p.dead_s * 1e9] for p in rows]).astype(np.int64)

    def assumed_m(self) -> npt.NDArray[np.float64]:
        """Assumed 95 % radius by the number of the source."""
        return np.array([self.radii_m[source] for source in SOURCES])


DEFAULT: Final = Settings()
