"""As Cursor on Target in XML, but doubles are exact. Source: ATAK-CIV, commoncommo, cotevent.proto, track.proto."""

from said import cot

STEPS = {n: step for n, step in cot.STEPS.items() if n not in ("lat_deg", "lon_deg", "alt_geom_ft")}
TRACK = cot.TRACK
