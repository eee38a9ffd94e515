"""What a format can say of a track, for formats that cannot say all: the laws compare this with what is read back.

Written from the specification, by other means than the encoder: rows in plain Python.
"""

import math
from collections.abc import Callable

import polars as pl

from testigos.schema import ALL

_UAT_RC_M = (None, 37_040, 14_816, 7_408, 3_704, 1_852, 1_111.2, 370.4, 185.2, 75, 25, 7.5)


def uat(track: pl.DataFrame) -> pl.DataFrame:
    """DO-282B: own broadcasts with mode status, rebroadcasts of radar without; velocity in whole knots of two axes."""
    return pl.DataFrame([_uat_row(row) for row in track.rows(named=True)], {n: ALL[n].dtype for n in track.columns})


def _uat_row(row: dict) -> dict:
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
    said["rc_m"] = _UAT_RC_M[said["nic"]] if placed else None
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


def gdl90(track: pl.DataFrame) -> pl.DataFrame:
    """560-1058-00 Rev A: no date, one vertical rate, one direction, two kinds of source."""
    return pl.DataFrame([_gdl90_row(row) for row in track.rows(named=True)], {n: ALL[n].dtype for n in track.columns})


def _gdl90_row(row: dict) -> dict:
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


SAID: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {"uat": uat, "gdl90": gdl90}
