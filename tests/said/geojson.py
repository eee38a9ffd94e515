"""GeoJSON: seven decimals of a degree; properties are exact, floats below 1e-5 to 22 decimals. Source: RFC 7946."""

_FLOATS = (
    *("alt_baro_ft", "alt_geom_ft", "gs_kt", "track_deg", "heading_deg", "vrate_fpm", "vrate_geom_fpm", "ias_kt"),
    *("tas_kt", "roll_deg", "rc_m"),
)
STEPS = dict.fromkeys(_FLOATS, 1e-22) | {"lat_deg": 5.01e-8, "lon_deg": 5.01e-8}
