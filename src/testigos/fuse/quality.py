"""How far a position can be off: containment and accuracy categories to metres.

``radius95_m`` is where the truth is with 95 %, ``radius_max_m`` what it cannot be outside of (given the
avionics' claim). Where nothing says, both are null and no bound is ever published from them.

Source: RTCA DO-260B (2009) tables 2-14 and 2-70 (NIC, Rc), 2-71 (NACp, EPU) as given in ICAO Doc 9871 2nd
edition, appendix C. Latency: uncompensated latency measured at -0.2 to 1.6 s an aircraft.
"""

from typing import Final

import polars as pl

__all__ = ["EPU_M", "LATENCY95_S", "LATENCY_MAX_S", "MLAT95_M", "RC_M", "with_radii"]

#: NIC to containment radius Rc in metres; the supplements of NIC 6 are unknown here: the largest is taken.
RC_M: Final = {
    11: 7.5,
    10: 25.0,
    9: 75.0,
    8: 185.2,
    7: 370.4,
    6: 1111.2,
    5: 1852.0,
    4: 3704.0,
    3: 7408.0,
    2: 14_816.0,
    1: 37_040.0,
}

#: NACp to estimated position uncertainty in metres, 95 %.
EPU_M: Final = {
    11: 3.0,
    10: 10.0,
    9: 30.0,
    8: 92.6,
    7: 185.2,
    6: 555.6,
    5: 926.0,
    4: 1852.0,
    3: 3704.0,
    2: 7408.0,
    1: 18_520.0,
}

LATENCY95_S: Final = 0.6
LATENCY_MAX_S: Final = 1.6

#: 95 % radius of a multilaterated position whose origin gives no covariance: an assumption, always shown.
MLAT95_M: Final = 1852.0

_SELF_REPORTED: Final = ("adsb", "adsr", "adsc", "uat")


def with_radii(table: pl.DataFrame, assume_radius_m: float | None = None) -> pl.DataFrame:
    """The table with ``radius95_m``, ``radius_max_m`` and ``radius_basis`` for rows that have a position.

    ``assume_radius_m``: a 95 % radius that the user vouches for, for positions nothing else speaks for.
    """
    own = pl.col("source").cast(pl.String).is_in(_SELF_REPORTED)
    speed_mps = pl.col("gs_kt").cast(pl.Float64).fill_null(600.0) * (1852.0 / 3600.0)
    rc = pl.coalesce(
        pl.col("rc_m").cast(pl.Float64),
        pl.col("nic").replace_strict(RC_M, default=None, return_dtype=pl.Float64),
    )
    contained = pl.when(own & (pl.col("sil").fill_null(1) > 0) & (rc > 0)).then(rc)
    epu = pl.when(own).then(pl.col("nac_p").replace_strict(EPU_M, default=None, return_dtype=pl.Float64))
    mlat = pl.col("source") == "mlat"
    known = pl.coalesce(epu, contained)
    base = (
        pl.when(known.is_not_null())
        .then(known + LATENCY95_S * speed_mps)
        .when(mlat)
        .then(pl.lit(MLAT95_M))
        .otherwise(pl.lit(assume_radius_m, pl.Float64))
    )
    basis = (
        pl.when(epu.is_not_null())
        .then(pl.lit("nac_p"))
        .when(contained.is_not_null())
        .then(pl.lit("rc"))
        .when(mlat)
        .then(pl.lit("assumed_mlat"))
        .when(pl.lit(assume_radius_m is not None))
        .then(pl.lit("assumed_by_user"))
    )
    placed = pl.col("lat_deg").is_not_null()
    return table.with_columns(
        pl.when(placed).then(base).cast(pl.Float32).alias("radius95_m"),
        pl.when(placed).then(contained + LATENCY_MAX_S * speed_mps).cast(pl.Float32).alias("radius_max_m"),
        pl.when(placed).then(basis).alias("radius_basis"),
    )
