"""UAT: own broadcasts with mode status, rebroadcasts of radar without. Source: DO-282B."""

import math

import polars as pl

from testigos.schema import ALL

STEPS = {
    "time_ns": 500_000,
    "lat_deg": 2.2e-5,  # a whole step: the south pole and 0 N 0 E have no code of their own
    "lon_deg": 1.1e-5,
    "alt_baro_ft": 12.5,
    "alt_geom_ft": 12.5,
    "gs_kt": 0.5,  # on the ground; in the air SAID has the whole knots of each component
    "track_deg": 1e-3,
    "heading_deg": 0.36,
    "vrate_fpm": 32.0,
    "vrate_geom_fpm": 32.0,
    "rc_m": 1e-3,
}

_RC_M = (None, 37_040, 14_816, 7_408, 3_704, 1_852, 1_111.2, 370.4, 185.2, 75, 25, 7.5)


def said(track: pl.DataFrame) -> pl.DataFrame:
    """DO-282B: own broadcasts with mode status, rebroadcasts of radar without; velocity in whole knots of two axes."""
    return pl.DataFrame([_row(row) for row in track.rows(named=True)], {n: ALL[n].dtype for n in track.columns})


def _row(row: dict) -> dict:
    said = dict(row)
    broadcast = row["source"] in ("adsb", "uat")
    if not broadcast and row["source"] != "adsr":
        said["source"] = "tisb"
        for name in ("callsign", "squawk", "category", "emergency", "nac_p", "nac_v", "sil", "adsb_version"):
            said[name] = None
    else:
        said["source"] = "uat" if broadcast else "adsr"
        for name in ("nac_p", "nac_v", "sil"):
            said[name] = row[name] or 0
        said["adsb_version"] = 2 if row["adsb_version"] is None else row["adsb_version"]
        # Version 0 has no flag that tells a squawk from a call sign.
        said["squawk"] = row["squawk"] if row["callsign"] is None and said["adsb_version"] != 0 else None
    placed = row["lat_deg"] is not None
    said["nic"] = (row["nic"] or 0) if placed else None
    said["rc_m"] = _RC_M[said["nic"]] if placed else None
    said["on_ground"] = bool(row["on_ground"])
    if said["on_ground"]:
        said["vrate_fpm"] = said["vrate_geom_fpm"] = None
        if row["track_deg"] is not None:
            said["heading_deg"] = None
        return said
    said["heading_deg"] = None
    if row["vrate_fpm"] is not None:
        said["vrate_geom_fpm"] = None
    said["gs_kt"] = said["track_deg"] = None
    if row["gs_kt"] is not None and row["track_deg"] is not None:
        angle = math.radians(row["track_deg"])
        north, east = (round(row["gs_kt"] * part(angle)) for part in (math.cos, math.sin))
        said["gs_kt"] = math.hypot(north, east)
        said["track_deg"] = math.degrees(math.atan2(east, north)) % 360.0 if north or east else None
    return said
