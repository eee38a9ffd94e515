"""readsb's aircraft lists: whole feet, tenths of knots. Source: readsb README-json.md, json_out.c."""

import polars as pl

STEPS = {
    "time_ns": 500_000,
    "lat_deg": 5.1e-7,
    "lon_deg": 5.1e-7,
    "alt_baro_ft": 0.5,
    "alt_geom_ft": 0.5,
    "gs_kt": 0.0501,
    "track_deg": 0.00502,
    "heading_deg": 0.00502,
    "roll_deg": 0.00502,
    "vrate_fpm": 0.5,
    "vrate_geom_fpm": 0.5,
    "ias_kt": 0.5,
    "tas_kt": 0.5,
    "rc_m": 1.0,
}


def said(track: pl.DataFrame) -> pl.DataFrame:
    """Only a pressure altitude says that an aircraft is in the air; only positions have integrity."""
    high = pl.col("alt_baro_ft").is_null() & ~pl.col("on_ground")
    placed = pl.col("lat_deg").is_not_null()
    return track.with_columns(
        pl.when(~high.fill_null(False)).then("on_ground").alias("on_ground"),
        *(pl.when(placed).then(n).alias(n) for n in ("nic", "rc_m")),
    )
