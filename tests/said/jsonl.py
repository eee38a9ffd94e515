"""Lines of rows: everything, and exactly. Below 1e-5 a float has no more than 22 decimals."""

_FLOATS = (
    *("lat_deg", "lon_deg"),
    *("alt_baro_ft", "alt_geom_ft", "gs_kt", "track_deg", "heading_deg", "vrate_fpm", "vrate_geom_fpm", "ias_kt"),
    *("tas_kt", "roll_deg", "rc_m"),
)
STEPS = dict.fromkeys(_FLOATS, 1e-22)
