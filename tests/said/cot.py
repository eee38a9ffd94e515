"""Events say what has a name, a time and a position, to the digits that are written. Source: Event.xsd 2.0."""

import polars as pl
from hypothesis import strategies as st

from testigos.schema import conform

STEPS = {
    "time_ns": 500_000,
    "lat_deg": 5.1e-8,
    "lon_deg": 5.1e-8,
    "alt_baro_ft": 0.5,
    "alt_geom_ft": 0.005 / 0.3048 + 0.004,  # and the last bit of a float32
    "gs_kt": 0.0005 * 3600 / 1852 + 0.0001,
    "track_deg": 0.0051,
    "heading_deg": 0.0051,
    "vrate_fpm": 0.5,
    "vrate_geom_fpm": 0.5,
    "ias_kt": 0.0501,
    "tas_kt": 0.0501,
    "rc_m": 0.0511,
}


@st.composite
def rows(draw):
    """Rows with a position; names with whatever a feed may put into them."""
    number = lambda low, high: st.none() | st.floats(low, high, width=32)  # noqa: E731
    whole = lambda high: st.none() | st.integers(0, high)  # noqa: E731
    text = st.none() | st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12)
    made = []
    time_ns = 1_761_242_592_500_000_000
    for _ in range(draw(st.integers(1, 6))):
        time_ns += draw(st.integers(0, 400_000)) * 1_000_000
        row = {
            "object_id": draw(
                st.sampled_from(["icao:ae503d", "anon:2a1b3c", "mmsi:366730000", "flarm:dd1234", "reg:86-0033"])
                | st.from_regex(r"[a-z][a-z0-9_]{0,5}:[^\x00-\x1f\x7f\ufffe\uffff]{1,9}", fullmatch=True)
            ),
            "time_ns": time_ns + draw(st.integers(-499_999, 499_999)),
            "status": "ok",
            "source": draw(st.sampled_from(["adsb", "mlat", "tisb", "radar", "ais", "estimated", "other", "unknown"])),
            "lat_deg": draw(st.floats(-90, 90)),
            "lon_deg": draw(st.floats(-180, 180)),
            "on_ground": draw(st.none() | st.booleans()),
            "callsign": _said(draw(text)),
            "squawk": draw(st.none() | st.from_regex(r"[0-7]{4}", fullmatch=True)),
            "category": draw(st.none() | st.from_regex(r"[A-D][0-7]", fullmatch=True)),
            "emergency": _said(draw(text)),
            "registration": _said(draw(text)),
            "type_code": _said(draw(text)),
            "military": draw(st.none() | st.booleans()),
            "simulated": draw(st.none() | st.booleans()),
        }
        row |= {n: draw(number(-1_000, 60_000)) for n in ("alt_baro_ft", "alt_geom_ft")}
        row |= {n: draw(number(0, 700)) for n in ("gs_kt", "ias_kt", "tas_kt")}
        row |= {n: draw(number(0, 359)) for n in ("track_deg", "heading_deg")}
        row |= {n: draw(number(-6_000, 6_000)) for n in ("vrate_fpm", "vrate_geom_fpm")}
        row |= {"rc_m": draw(number(1, 20_000)), "nic": draw(whole(11)), "nac_p": draw(whole(11))}
        row |= {"nac_v": draw(whole(4)), "sil": draw(whole(3)), "adsb_version": draw(whole(2))}
        made.append(row)
    return conform(pl.DataFrame(made, infer_schema_length=None))


def _said(text: str | None) -> str | None:
    """XML 1.0, 2.2: control characters but three, U+FFFE and U+FFFF cannot be said at all."""
    if text is None:
        return None
    return "".join(c for c in text if (c >= " " or c in "\t\n\r") and c not in "\ufffe\uffff") or None


TRACK = rows()
