"""GDL 90: no date, one vertical rate, one direction, two kinds of source. Source: 560-1058-00 Rev A."""

import polars as pl

from testigos.schema import ALL

STEPS = {
    "lat_deg": 2.2e-5,  # a whole step: 0 N 0 E has no code of its own
    "lon_deg": 1.1e-5,
    "alt_baro_ft": 12.5,
    "gs_kt": 0.5,
    "track_deg": 0.71,
    "heading_deg": 0.71,
    "vrate_fpm": 32.0,
}


def said(track: pl.DataFrame) -> pl.DataFrame:
    """560-1058-00 Rev A: no date, one vertical rate, one direction, two kinds of source."""
    return pl.DataFrame([_row(row) for row in track.rows(named=True)], {n: ALL[n].dtype for n in track.columns})


def _row(row: dict) -> dict:
    said = dict(row) | {"time_ns": None, "status": "no_time"}
    broadcast = row["source"] in ("adsb", "uat", "adsc")
    said["source"] = "adsb" if broadcast else "tisb"
    said["on_ground"] = bool(row["on_ground"])
    said["nic"] = (row["nic"] or 0) if row["lat_deg"] is not None else None
    said["nac_p"] = row["nac_p"] or 0
    if row["track_deg"] is not None:
        said["heading_deg"] = None
    if row["vrate_fpm"] is None:
        said["vrate_fpm"] = row["vrate_geom_fpm"]
    alt = row["alt_baro_ft"]
    said["alt_baro_ft"] = alt if alt is not None and -1_012.5 <= alt < 101_362.5 else None
    return said
