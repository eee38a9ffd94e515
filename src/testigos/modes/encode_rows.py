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
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.modes import encode as e
from testigos.modes.encode_commb import bds20
from testigos.schema import REPORTS

__all__ = ["CONTAINMENT_AIRBORNE", "CONTAINMENT_SURFACE", "EMERGENCIES", "Squitters", "squitters"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

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
_OTHERS: Final = (
    "object_id",
    "time_ns",
    "status",
    "source",
    "callsign",
    "squawk",
    "category",
    "emergency",
    "on_ground",
)

_ADSB, _ADSR, _TISB, _MODE_S = range(4)
_IDENTITY, _STATUS, _EMERGENCY, _EVEN, _VELOCITY, _ODD = range(6)
_ORDERS: Final = 8
_FASTEST_KT: Final = 1_021.5  #: what the fields of subtypes 1 and 3 can hold
_LARGEST_DIFFERENCE_FT: Final = 3_137.0


@dataclass(frozen=True)
class Squitters:
    """Messages in order: ``payload`` (M, 14), ``size`` (7 or 14), ``time_ns`` of their row, and the row's number."""

    payload: npt.NDArray[np.uint8]
    size: npt.NDArray[np.uint8]
    time_ns: Integers
    row: Integers

    def __len__(self) -> int:
        return len(self.size)


class _Rows:
    """Columns of the rows that can be said, as arrays: NaN is null; the arrays are whole, so that parts index them."""

    def __init__(self, table: pl.DataFrame) -> None:
        missing = [pl.lit(None, REPORTS[n].dtype).alias(n) for n in (*_NUMBERS, *_OTHERS) if n not in table.columns]
        whole = table.with_columns(*missing).with_row_index("_row")
        whole = whole.filter(pl.col("object_id").str.contains("^(icao|anon):[0-9a-f]{6}$"))
        self.row: Integers = whole["_row"].cast(pl.Int64).to_numpy()
        self.value: dict[str, Floats] = {n: whole[n].cast(pl.Float64).fill_null(np.nan).to_numpy() for n in _NUMBERS}
        self.time_ns: Integers = whole["time_ns"].forward_fill().fill_null(0).to_numpy()
        self.address: Integers = whole["object_id"].str.slice(5).str.to_integer(base=16, dtype=pl.Int64).to_numpy()
        self.anonymous: Flags = whole["object_id"].str.starts_with("anon").to_numpy()
        source = whole["source"].cast(pl.String)
        self.kind: Integers = np.select(
            [(source == s).fill_null(False).to_numpy() for s in ("adsb", "adsr", "mode_s")],
            [_ADSB, _ADSR, _MODE_S], _TISB,
        )  # fmt: skip
        self.on_ground: Flags = whole["on_ground"].fill_null(False).to_numpy()
        self.callsign = e.callsign48(whole["callsign"].to_list())
        category = whole["category"].fill_null("A0")
        known = category.str.contains("^[A-D][0-7]$").to_numpy()
        self.category: Integers = np.where(
            known,
            (category.str.slice(0, 1).replace_strict({"A": 0, "B": 8, "C": 16, "D": 24}, default=0).to_numpy())
            + category.str.slice(1).str.to_integer(strict=False).fill_null(0).to_numpy(),
            0,
        )
        self.has_identity: Flags = (self.callsign != 0) | (known & whole["category"].is_not_null().to_numpy())
        squawk = whole["squawk"]
        self.has_squawk: Flags = squawk.str.contains("^[0-7]{4}$").fill_null(False).to_numpy()
        self.squawk: Integers = (
            pl.select(pl.when(pl.Series(self.has_squawk)).then(squawk).otherwise(pl.lit("0")))
            .to_series().str.to_integer(base=8, dtype=pl.Int64).to_numpy()
        )  # fmt: skip
        codes = {name: k for k, name in enumerate(EMERGENCIES)}
        self.emergency: Integers = (
            whole["emergency"].replace_strict(codes, default=0, return_dtype=pl.Int64).fill_null(0).to_numpy()
        )
        usable = (whole["status"].cast(pl.String).fill_null("ok") == "ok").to_numpy()
        self.placed: Flags = usable & self.known("lat_deg") & self.known("lon_deg")
        version = np.nan_to_num(self.value["adsb_version"], nan=2.0)
        self.version: Integers = version.astype(np.int64)
        self.containment = self._containment()

    def known(self, name: str) -> Flags:
        return np.asarray(np.isfinite(self.value[name]))

    def code(self, name: str) -> Integers:
        """A number that is 0 where unknown."""
        return np.nan_to_num(self.value[name]).astype(np.int64)

    def _containment(self) -> npt.NDArray[np.float64]:
        """Of each row: type code and NIC supplements A, and B or C (N, 3), the nearest that can be said."""
        chosen = np.zeros((len(self.row), 3))
        version = np.minimum(self.version, 2)
        geometric = ~self.known("alt_baro_ft") & self.known("alt_geom_ft")
        for ground in (False, True):
            for v in range(3):
                rows = np.flatnonzero((self.on_ground == ground) & (version == v))
                table = np.array(CONTAINMENT_SURFACE if ground else CONTAINMENT_AIRBORNE)
                if v < 2:  # there was one supplement, A; type code 8 said nothing
                    silent = (table[:, 0] == 8) & (table[:, 1] > 0)
                    table = table[~(silent if ground else table[:, 3] != table[:, 4])]
                if v == 0:  # and in version 0 none
                    table = table[table[:, 3] == 0]
                radius = np.nan_to_num(table[:, 2], nan=1e9)
                nic, rc = self.value["nic"][rows], self.value["rc_m"][rows]
                told = np.isfinite(nic)
                # among those of the same NIC the smallest that holds the radius, or the largest if none is told
                apart = np.where(told[:, None], np.abs(table[:, 1] - nic[:, None]), 0.0) * 1e6
                apart = apart + np.where((table[:, 1] > nic[:, None]) & told[:, None], 1e12, 0.0)
                wanted = np.where(np.isfinite(rc), rc, 1e9)[:, None]
                apart = apart + np.where(radius >= wanted - 0.5, 1e-6 * radius, 2e4 - 1e-6 * radius)
                chosen[rows] = table[np.argmin(apart, axis=1)][:, [0, 3, 4]]
        # heights above the ellipsoid have codes for NIC 11, 10 and 0 only
        high = geometric & ~self.on_ground
        chosen[high, 0] = np.where(chosen[high, 0] == 9, 20, np.where(chosen[high, 0] == 10, 21, 22))
        return chosen


def _envelope(rows: _Rows, which: Integers, me: e.Words) -> npt.NDArray[np.uint8]:
    kind, other, ground = rows.kind[which], rows.anonymous[which], rows.on_ground[which]
    df = np.where((kind == _ADSB) & ~other, 17, 18)
    cf = np.select([kind == _ADSR, kind == _TISB], [6, np.where(other, 5, 2)], 1)
    return e.extended(me, rows.address[which], df, np.where(df == 17, np.where(ground, 4, 5), cf))


def _position(rows: _Rows, which: Integers, odd: int) -> e.Words:
    value = {n: v[which] for n, v in rows.value.items()}
    tc, _, b = rows.containment[which].T
    rebroadcast, flag = rows.kind[which] != _ADSB, rows.anonymous[which]
    altitude = np.where(np.isfinite(value["alt_baro_ft"]), value["alt_baro_ft"], value["alt_geom_ft"])
    bit8 = np.where(rebroadcast, flag, np.where(rows.version[which] >= 2, b, 0))
    aloft = e.airborne_position(
        tc, e.altitude_code12(altitude), odd, value["lat_deg"], value["lon_deg"], bit8=bit8
    )  # fmt: skip
    below = e.surface_position(
        tc, e.movement_code(value["gs_kt"], nearest=True), value["track_deg"], odd, value["lat_deg"],
        value["lon_deg"], utc=rebroadcast & flag,
    )  # fmt: skip
    return np.where(rows.on_ground[which], below, aloft)


def _velocity(rows: _Rows, which: Integers) -> e.Words:
    value = {n: v[which] for n, v in rows.value.items()}
    barometric = np.isfinite(value["vrate_fpm"])
    tisb = rows.kind[which] == _TISB
    flag = ((rows.kind[which] != _ADSB) & rows.anonymous[which]).astype(np.int64)
    nac_p, nac_v = rows.code("nac_p")[which], rows.code("nac_v")[which]
    difference = value["alt_geom_ft"] - value["alt_baro_ft"]
    common: dict[str, Any] = {
        "vrate_fpm": np.where(barometric, value["vrate_fpm"], value["vrate_geom_fpm"]),
        "barometric": barometric,
        "geom_minus_baro_ft": np.where(np.abs(difference) <= _LARGEST_DIFFERENCE_FT, difference, np.nan),
        # TIS-B has the four bits of NACp where ADS-B has IFR capability and NACv (Doc 9871 table B-3-4)
        "bits9_10": flag << 1 | np.where(tisb, nac_p >> 3, 0),
        "nac_v": np.where(tisb, nac_p & 7, nac_v),
    }
    gs = value["gs_kt"]
    track = np.where(gs == 0.0, 0.0, value["track_deg"])  # no movement has no direction
    whole = np.isfinite(gs) & np.isfinite(track)
    east, north = np.abs(gs * np.sin(np.radians(track))), np.abs(gs * np.cos(np.radians(track)))
    over_ground = e.velocity(
        np.where(whole, gs, np.nan), np.where(whole, track, np.nan),
        supersonic=np.maximum(east, north) > _FASTEST_KT, **common,
    )  # fmt: skip
    true = np.isfinite(value["tas_kt"])
    speed = np.where(true, value["tas_kt"], value["ias_kt"])
    through_air = e.airspeed(value["heading_deg"], speed, true=true, supersonic=speed > _FASTEST_KT, **common)
    return np.where(~whole & np.isfinite(speed), through_air, over_ground)


def _status(rows: _Rows, which: Integers) -> e.Words:
    _, a, c = rows.containment[which].T.astype(np.int64)
    ground, version = rows.on_ground[which], rows.version[which]
    below = np.where(version >= 2, rows.code("nac_v")[which] << 1 | c, 0)
    return e.operational_status(
        version,
        surface=ground,
        capability_class=np.where(ground, below, 0),
        nic_a=a,
        nac_p=rows.code("nac_p")[which],
        sil=rows.code("sil")[which],
        bit56=(rows.kind[which] == _ADSR) & rows.anonymous[which],
    )


def _replies(rows: _Rows, which: Integers, order: int) -> tuple[Integers, npt.NDArray[np.uint8], int]:
    """Replies of transponders in place of squitters: altitude and call sign, squawk."""
    status = rows.on_ground.astype(np.int64)
    altitude = e.altitude_code13(rows.value["alt_baro_ft"])
    if order == _IDENTITY:
        which = which[rows.callsign[which] != 0]
        mb = bds20(rows.callsign[which])
        code = altitude[which]
        return which, e.surveillance_reply(20, rows.address[which], code, mb, flight_status=status[which]), 14
    if order == _STATUS:
        which = which[(rows.callsign[which] == 0) & rows.known("alt_baro_ft")[which]]
        return which, e.surveillance_reply(4, rows.address[which], altitude[which], flight_status=status[which]), 7
    which = which[rows.has_squawk[which]]
    code = e.identity_code(rows.squawk[which])
    return which, e.surveillance_reply(5, rows.address[which], code, flight_status=status[which]), 7


def squitters(table: pl.DataFrame) -> Squitters:
    """Messages that say the rows of a table (columns of ``schema.REPORTS``, any of them).

    Rows without an ``icao:`` or ``anon:`` name are left out. Steps of what can be read back: 25 ft (100 ft above
    50,175), half a CPR step, 1 kt of each component of velocity (4 kt where one exceeds 1,021 kt), 64 ft/min; on the
    ground the steps of the movement field and 2.8 degrees.

    >>> row = {"object_id": "icao:4840d6", "time_ns": 5, "source": "adsb", "callsign": "KLM1023"}
    >>> squitters(pl.DataFrame([row])).payload.tobytes().hex()
    '8d4840d6202cc371c32ce0576098'
    """
    rows = _Rows(table)
    parts: list[tuple[Integers, int, npt.NDArray[np.uint8], int]] = []
    squitting = rows.kind != _MODE_S
    # ADS-R has no flag in these two that tells an address that ICAO did not assign
    nameable = squitting & ~((rows.kind == _ADSR) & rows.anonymous)
    qualified = squitting & (rows.kind != _TISB)
    quality = rows.known("adsb_version") | rows.known("nac_p") | rows.known("sil") | rows.known("nic")
    moves = ~rows.on_ground & np.any(
        [rows.known(n) for n in ("gs_kt", "ias_kt", "tas_kt", "vrate_fpm", "vrate_geom_fpm")], axis=0
    )
    both = rows.known("alt_baro_ft") & rows.known("alt_geom_ft") & ~rows.on_ground
    said = np.zeros(len(rows.row), np.bool_)

    def add(order: int, which: Integers, payload: npt.NDArray[np.uint8], size: int = 14) -> None:
        parts.append((which, order, payload, size))
        said[which] = True

    which = np.flatnonzero(nameable & rows.has_identity)
    add(_IDENTITY, which, _envelope(rows, which, e.identification(rows.category[which], rows.callsign[which])))
    which = np.flatnonzero(qualified & quality)
    add(_STATUS, which, _envelope(rows, which, _status(rows, which)))
    which = np.flatnonzero(nameable & qualified & (rows.has_squawk | (rows.emergency > 0)))
    add(_EMERGENCY, which, _envelope(rows, which, e.emergency(rows.emergency[which], rows.squawk[which])))
    which = np.flatnonzero(squitting & (moves | both))
    add(_VELOCITY, which, _envelope(rows, which, _velocity(rows, which)))
    which = np.flatnonzero(squitting & rows.placed)
    for odd, order in enumerate((_EVEN, _ODD)):
        add(order, which, _envelope(rows, which, _position(rows, which, odd)))
    which = np.flatnonzero(~squitting)
    for order in (_IDENTITY, _STATUS, _EMERGENCY):
        answered, payload, size = _replies(rows, which, order)
        add(order, answered, payload, size)
    # replies are believed only of an aircraft that was announced
    which = np.flatnonzero(~squitting | ~said)
    parts.append((which, -1, e.all_call(rows.address[which], np.where(rows.on_ground[which], 4, 5)), 7))

    at = np.concatenate([which for which, *_ in parts])
    rank = np.concatenate([which * _ORDERS + order + 1 for which, order, *_ in parts])
    sequence = np.argsort(rank, kind="stable")
    payload = np.concatenate([made for *_, made, _ in parts])[sequence]
    sizes = np.concatenate([np.full(len(which), size, np.uint8) for which, _, _, size in parts])[sequence]
    at = at[sequence]
    return Squitters(payload, sizes, rows.time_ns[at], rows.row[at])
