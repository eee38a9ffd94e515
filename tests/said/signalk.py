"""Signal K: SI units; no quality of position, no year of an arrival. Source: Signal K specification 1.7.0."""

import polars as pl
from hypothesis import strategies as st

from testigos.schema import ALL, conform

STEPS = {
    "time_ns": 500_000,
    "lat_deg": 0.51e-7,
    "lon_deg": 0.51e-7,
    "alt_msl_ft": 0.02,
    "gs_kt": 1.1e-3,
    "track_deg": 3.1e-4,
    "heading_deg": 3.1e-4,
    "heading_mag_deg": 3.1e-4,
    "rot_degpmin": 3e-4,
    "draught_m": 5.1e-3,
    **{f"to_{side}_m": 1.1e-2 for side in ("bow", "stern", "port", "starboard")},
}

_KINDS = {"366730123": "vessel", "993692001": "fixed", "003669987": "fixed", "111366001": "aircraft"}
_TEXT = st.text('AZ09 "\\{}\t\x01é€', min_size=1, max_size=6).map(str.rstrip).filter(bool)


@st.composite
def _track(draw):
    maybe = lambda values: st.one_of(st.none(), values)  # noqa: E731
    number = lambda low, high: maybe(st.floats(low, high, width=32))  # noqa: E731
    mmsi = draw(st.sampled_from(sorted(_KINDS)))
    rows, time_ns = [], 1_761_242_592_500_000_000
    for _ in range(draw(st.integers(1, 8))):
        time_ns += draw(st.integers(0, 400)) * 1_000_000_000 + draw(st.integers(0, 999)) * 1_000_000
        placed = draw(st.booleans())
        built, wide = draw(st.booleans()), draw(st.booleans())
        rows.append(
            {
                "object_id": f"mmsi:{mmsi}",
                "time_ns": time_ns,
                "status": "ok" if placed else "no_position",
                "source": draw(st.sampled_from(["ais", "other", "radar", None])),
                "lat_deg": draw(st.floats(-90, 90)) if placed else None,
                "lon_deg": draw(st.floats(-180, 180)) if placed else None,
                "alt_msl_ft": draw(number(-2_000, 13_000)) if placed else None,
                "gs_kt": draw(number(0, 2_000)),
                "track_deg": draw(number(0, 359)),
                "heading_deg": draw(number(0, 359)),
                "heading_mag_deg": draw(number(0, 359)),
                "callsign": draw(maybe(_TEXT)),
                "receiver": draw(maybe(_TEXT)),
                "vessel_name": draw(maybe(_TEXT)),
                "imo": draw(maybe(st.integers(1, 9_999_999))),
                "ship_type": draw(maybe(st.integers(1, 255))),
                "nav_status": draw(maybe(st.integers(0, 15))),
                "rot_degpmin": draw(number(-720, 720)),
                "draught_m": draw(number(0, 25.5)),
                "destination": draw(maybe(_TEXT)),
                "eta": draw(maybe(st.just("12-31T23:59"))),
                "to_bow_m": draw(st.floats(0, 511, width=32)) if built else None,
                "to_stern_m": draw(st.floats(0, 500, width=32)) if built else None,
                "to_port_m": draw(st.floats(0.125, 60, width=32)) if wide else None,
                "to_starboard_m": draw(st.floats(0.125, 60, width=32)) if wide else None,
                "manoeuvre": draw(maybe(st.integers(1, 2))),
                "kind": _KINDS[mmsi],
                "via": draw(maybe(_TEXT)),
            }
        )
    return conform(pl.DataFrame(rows, infer_schema_length=None), ALL)


TRACK = _track()


def said(track: pl.DataFrame) -> pl.DataFrame:
    """All but the arrival, and the states that have no name."""
    rows = []
    for row in track.rows(named=True):
        said = dict(row) | {"eta": None}
        said["source"] = "ais" if row["source"] == "ais" else "other"
        said["receiver"] = row["receiver"] or "signalk"
        if row["nav_status"] in (11, 12, 13, 15):
            said["nav_status"] = None
        rows.append(said)
    return pl.DataFrame(rows, {n: ALL[n].dtype for n in track.columns})
