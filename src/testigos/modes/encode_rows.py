"""Rows of a table to Mode S payloads: a few messages a row, which together say what it says.

Own rules. A row of source ``adsb`` becomes ADS-B (DF 17, or DF 18 with CF 1 where ICAO did not assign the address),
``adsr`` ADS-R, ``mode_s`` replies to an interrogation, and all others TIS-B, which has neither quality nor
emergency. Messages of a row go in this order, so that whoever carries values forward knows them at the position:

1. identification, where there is a call sign or a category;
2. operational status (ADS-B and ADS-R), where anything is known of version or quality;
3. emergency and squawk (ADS-B and ADS-R);
4. even position, velocity, odd position. A position that was refused is left out.

What a format must say and the row does not know is 0, and the version 2. A row of which nothing can be said but
the name is an all-call reply.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.matrix import UNKNOWN, addresses, codes, numbers, texts, whole_numbers
from testigos.modes._squitters import MOST, write_rows
from testigos.schema import SOURCES, STATUSES

__all__ = ["CONTAINMENT_AIRBORNE", "CONTAINMENT_SURFACE", "EMERGENCIES", "Squitters", "squitters"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Containment in the air: type code, NIC, radius m (NaN: unknown), NIC supplements A and B. Source: Doc 9871 table C-2.
CONTAINMENT_AIRBORNE: Final = (
    (9, 11, 7.5, 0, 0), (10, 10, 25.0, 0, 0), (11, 9, 75.0, 1, 1), (11, 8, 185.2, 0, 0), (12, 7, 370.4, 0, 0),
    (13, 6, 555.6, 0, 1), (13, 6, 926.0, 0, 0), (13, 6, 1_111.2, 1, 1), (14, 5, 1_852.0, 0, 0),
    (15, 4, 3_704.0, 0, 0), (16, 3, 7_408.0, 1, 1), (16, 2, 14_816.0, 0, 0), (17, 1, 37_040.0, 0, 0),
    (18, 0, np.nan, 0, 0),
)  # fmt: skip

#: Containment on the ground: type code, NIC, radius m, NIC supplements A and C. Source: as above.
CONTAINMENT_SURFACE: Final = (
    (5, 11, 7.5, 0, 0), (6, 10, 25.0, 0, 0), (7, 9, 75.0, 1, 0), (7, 8, 185.2, 0, 0), (8, 7, 370.4, 1, 1),
    (8, 6, 555.6, 1, 0), (8, 6, 1_111.2, 0, 1), (8, 0, np.nan, 0, 0),
)  # fmt: skip

#: Names of the emergency states, by their code. Source: DO-260B table 2-78 (2.2.3.2.7.8.1.1); names as readsb's.
EMERGENCIES: Final = ("none", "general", "lifeguard", "minfuel", "nordo", "unlawful", "downed", "reserved")

_NUMBERS: Final = (
    *("lat_deg", "lon_deg", "alt_baro_ft", "alt_geom_ft", "gs_kt", "track_deg", "vrate_fpm", "vrate_geom_fpm"),
    *("ias_kt", "tas_kt", "heading_deg", "nic", "rc_m", "nac_p", "nac_v", "sil", "adsb_version"),
)
_TEXTS: Final = ("object_id", "callsign", "squawk", "category", "emergency")

_ADSB, _ADSR, _TISB, _MODE_S = range(4)
#: What a row of each source becomes, of an unknown one at the end.
_KINDS: Final = np.array([{"adsb": _ADSB, "adsr": _ADSR, "mode_s": _MODE_S}.get(s, _TISB) for s in (*SOURCES, "")])
_OK: Final = STATUSES.index("ok")


def _containment() -> tuple[Floats, Integers]:
    """Containment in the air and then on the ground that versions 0, 1 and 2 can say, and how many rows each has."""
    made, counts = np.zeros((6, len(CONTAINMENT_AIRBORNE), 5)), np.zeros(6, np.int64)
    for ground in (False, True):
        for version in range(3):
            table = np.array(CONTAINMENT_SURFACE if ground else CONTAINMENT_AIRBORNE)
            if version < 2:  # there was one supplement, A; type code 8 said nothing
                silent = (table[:, 0] == 8) & (table[:, 1] > 0)
                table = table[~(silent if ground else table[:, 3] != table[:, 4])]
            if version == 0:  # and in version 0 none
                table = table[table[:, 3] == 0]
            table[:, 2] = np.nan_to_num(table[:, 2], nan=1e9)
            made[3 * ground + version, : len(table)], counts[3 * ground + version] = table, len(table)
    return made, counts


_TABLES, _COUNTS = _containment()
_WORDS: Final = np.frombuffer("".join(EMERGENCIES).encode(), np.uint8)
_WORD_AT: Final = np.cumsum([0, *(len(name) for name in EMERGENCIES)])


@dataclass(frozen=True)
class Squitters:
    """Messages in order: ``payload`` (M, 14), ``size`` (7 or 14), ``time_ns`` and ``source`` of their row, its number.

    ``source`` is the place in ``schema.SOURCES``, -1 where unknown.
    """

    payload: npt.NDArray[np.uint8]
    size: npt.NDArray[np.uint8]
    time_ns: Integers
    row: Integers
    source: Integers

    def __len__(self) -> int:
        return len(self.size)


def squitters(table: pl.DataFrame) -> Squitters:
    """Messages that say the rows of a table (columns of ``schema.REPORTS``, any of them).

    Rows without an ``icao:`` or ``anon:`` name are left out. Steps of what can be read back: 25 ft (100 ft above
    50,175), half a CPR step, 1 kt of each component of velocity (4 kt where one exceeds 1,021 kt), 64 ft/min; on the
    ground the steps of the movement field and 2.8 degrees.

    >>> row = {"object_id": "icao:4840d6", "time_ns": 5, "source": "adsb", "callsign": "KLM1023"}
    >>> squitters(pl.DataFrame([row])).payload.tobytes().hex()
    '8d4840d6202cc371c32ce0576098'
    """
    rows = len(table)
    said = texts(table, _TEXTS)
    address, anonymous = addresses(said)
    code = codes(table, ("source", "on_ground", "status"))
    usable = (code[2] == UNKNOWN) | (code[2] == _OK)
    most = MOST * int((address != UNKNOWN).sum())
    payload, size = np.empty((most, 14), np.uint8), np.empty(most, np.uint8)
    row = np.empty(most, np.int64)
    count = write_rows(
        address, anonymous, _KINDS[code[0]], code[1] == 1, usable, numbers(table, _NUMBERS), said.data, said.start,
        _TABLES, _COUNTS, _WORDS, _WORD_AT, payload, size, row,
    )  # fmt: skip
    row = row[:count]
    time_ns = whole_numbers(table, ("time_ns",))[0]
    if (time_ns == UNKNOWN).any():  # that of the last row that has a name and a time
        timed = (time_ns != UNKNOWN) & (address != UNKNOWN)
        last = np.maximum.accumulate(np.where(timed, np.arange(rows), -1))
        time_ns = np.where(last >= 0, time_ns[last], 0)
    return Squitters(payload[:count], size[:count], time_ns[row], row, code[0][row])
