"""Traces of readsb say all that a track of the laws has. Source: readsb README-json.md."""

STEPS = {
    "time_ns": 5_000_000,
    "lat_deg": 5.1e-7,
    "lon_deg": 5.1e-7,
    "alt_baro_ft": 0.5,
    "alt_geom_ft": 0.5,
    "gs_kt": 0.0501,
    "track_deg": 0.0501,
    "heading_deg": 0.0501,
    "vrate_fpm": 0.5,
    "vrate_geom_fpm": 0.5,
    "ias_kt": 0.5,
    "tas_kt": 0.5,
    "roll_deg": 0.0501,
    "rc_m": 0.5,
}
