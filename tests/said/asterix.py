"""ASTERIX: 021 of aircraft's own words, 062 of all else; no date. Source: EUROCONTROL-SPEC-0149, parts 9 and 12."""

import math

import polars as pl

from testigos.schema import ALL
from testigos.units import KT_MPS

STEPS = {
    "lat_deg": 180 / 2**25 / 2 * 1.001,
    "lon_deg": 180 / 2**25 / 2 * 1.001,
    "alt_baro_ft": 12.51,
    "alt_geom_ft": 3.126,
    "gs_kt": 3600 / 2**14 / 2 * 1.001,  # SAID has the steps of components, and of the ground
    "track_deg": 360 / 2**16 / 2 * 1.02,
    "heading_deg": 360 / 2**16 / 2 * 1.02,
    "vrate_fpm": 3.126,
    "vrate_geom_fpm": 3.126,
    "ias_kt": 3600 / 2**14 / 2 * 1.001,
    "tas_kt": 0.501,
    "roll_deg": 0.00501,
    "rc_m": 1e-3,
}
#: I021/090, PIC 14 to 1, in metres
_BOUNDS_M = (7.5, 25, 75, 185.2, 370.4, 555.6, 926, 1_111.2, 1_852, 3_704, 7_408, 14_816, 18_520, 37_040)


def said(track: pl.DataFrame) -> pl.DataFrame:
    """No date; each category without what it has no item for."""
    rows = [_own(row) if row["source"] in ("adsb", "uat") else _tracked(row) for row in track.rows(named=True)]
    return pl.DataFrame(rows, {n: ALL[n].dtype for n in track.columns})


def _plain(row: dict) -> dict:
    return dict(row) | {"time_ns": None, "status": "no_time", "registration": None}


def _own(row: dict) -> dict:
    said = _plain(row) | {"type_code": None}
    if row["on_ground"]:
        if row["gs_kt"] is not None and row["gs_kt"] < 255.9:
            said["gs_kt"] = round(row["gs_kt"] * 8) / 8
            if row["track_deg"] is not None:
                said["track_deg"] = round(row["track_deg"] / 2.8125) % 128 * 2.8125
        else:
            said["gs_kt"] = said["track_deg"] = None
    elif row["gs_kt"] is None or row["track_deg"] is None:
        said["gs_kt"] = said["track_deg"] = None
    version = said["adsb_version"] = 2 if row["adsb_version"] is None else row["adsb_version"]
    said["rc_m"] = None if row["rc_m"] is None else min(m for m in _BOUNDS_M if m >= row["rc_m"] * 0.9999)
    quality = ("nic", "nac_v", "nac_p", "sil")
    second = row["rc_m"] is not None or row["nac_p"] is not None or row["sil"] is not None
    first = second or row["nic"] is not None or row["nac_v"] is not None
    for name, there in zip(quality, (first, first, second, second), strict=True):
        said[name] = (row[name] or 0) if there and version else None
    return said


def _tracked(row: dict) -> dict:
    said = _plain(row)
    said["source"] = {"mlat": "mlat", "adsc": "adsc", "adsr": "adsb", "mode_s": "radar"}.get(row["source"], "unknown")
    said["on_ground"] = row["on_ground"] or None
    for name in ("heading_deg", "nic", "nac_p", "nac_v", "sil", "rc_m", "adsb_version"):
        said[name] = None
    if row["gs_kt"] is not None and row["track_deg"] is not None:
        angle = math.radians(row["track_deg"])
        east, north = (round(row["gs_kt"] * KT_MPS * 4 * part(angle)) for part in (math.sin, math.cos))
        said["gs_kt"] = math.hypot(east, north) / 4 / KT_MPS
        said["track_deg"] = math.degrees(math.atan2(east, north)) % 360 if east or north else None
    return said
