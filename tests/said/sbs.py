"""SBS: several lines a row, no quality, one vertical rate. Source: readsb, net_io.c, modesSendSBSOutput."""

import polars as pl
from hypothesis import strategies as st

from testigos.schema import ALL, conform

STEPS = {
    "time_ns": 500_000,
    "lat_deg": 5.1e-7,
    "lon_deg": 5.1e-7,
    "alt_baro_ft": 0.5,
    "gs_kt": 0.0501,
    "track_deg": 0.0501,
    "vrate_fpm": 0.5,
}
_SCHEMA = {
    n: ALL[n].dtype
    for n in (
        *("object_id", "time_ns", "status", "source", "lat_deg", "lon_deg", "alt_baro_ft", "on_ground", "gs_kt"),
        *("track_deg", "vrate_fpm", "vrate_geom_fpm", "callsign", "squawk", "emergency"),
    )
}


@st.composite
def _rows(draw: st.DrawFn) -> pl.DataFrame:
    """An aircraft at times that differ: lines of one time are those of one row."""
    maybe = lambda values: st.one_of(st.none(), values)  # noqa: E731
    number = lambda low, high: draw(maybe(st.floats(low, high, width=32)))  # noqa: E731
    time_ns, rows = 1_761_242_592_500_000_000, []
    for _ in range(draw(st.integers(1, 8))):
        time_ns += draw(st.integers(2_000_000, 4_000_000_000))
        placed = draw(st.booleans())
        rows.append(
            {
                "object_id": "icao:ae503d",
                "time_ns": time_ns,
                "status": "ok" if placed else "no_position",
                "source": draw(st.sampled_from(["adsb", "mlat", "mode_s", "other"])),
                "lat_deg": draw(st.floats(-90, 90)) if placed else None,
                "lon_deg": draw(st.floats(-180, 180)) if placed else None,
                "alt_baro_ft": number(-1000, 60_000),
                "on_ground": draw(maybe(st.booleans())),
                "gs_kt": number(0, 700),
                "track_deg": number(0, 359),
                "vrate_fpm": number(-6000, 6000),
                "vrate_geom_fpm": number(-6000, 6000),
                "callsign": draw(maybe(st.from_regex(r"[A-Z0-9]{3,8}", fullmatch=True))),
                "squawk": draw(maybe(st.from_regex(r"[0-7]{4}", fullmatch=True))),
                "emergency": draw(st.sampled_from([None, "general", "nordo"])),
            }
        )
    return conform(pl.DataFrame(rows, _SCHEMA))


TRACK = _rows()


def gathered(read: pl.DataFrame) -> pl.DataFrame:
    """What the lines of each time say together."""
    known = [pl.col(n).drop_nulls().first() for n in read.columns if n not in ("time_ns", "status", "source")]
    kept = read.group_by("time_ns", maintain_order=True).agg(
        *known,
        source=pl.when((pl.col("source") == "adsb").any()).then(pl.lit("adsb")).otherwise(pl.lit("mode_s")),
        status=pl.when((pl.col("status") == "ok").any()).then(pl.lit("ok")).otherwise(pl.lit("no_position")),
    )
    return conform(kept, ALL)


def said(track: pl.DataFrame) -> pl.DataFrame:
    """Any of the lines 1 to 4 is of ADS-B; the air has vertical rates, an emergency is only a flag."""
    return conform(pl.DataFrame([_row(row) for row in track.rows(named=True)], _SCHEMA))


def _row(row: dict) -> dict:
    row = {n: row[n] for n in _SCHEMA}
    below = row["on_ground"] is True
    rate = row["vrate_geom_fpm"] if row["vrate_fpm"] is None else row["vrate_fpm"]
    moves = row["gs_kt"] is not None or row["track_deg"] is not None
    placed = row["lat_deg"] is not None
    lines = {
        1: row["callsign"] is not None,
        2: below and (placed or moves),
        3: placed and not below,
        4: not below and (moves or rate is not None),
    }
    row["source"] = "adsb" if any(lines.values()) else "mode_s"
    row["vrate_fpm"] = None if below else rate
    row["vrate_geom_fpm"] = None
    row["emergency"] = "emergency" if row["emergency"] or row["squawk"] in ("7500", "7600", "7700") else None
    says = lines[2] or lines[3] or lines[4] or row["squawk"] or row["emergency"] or row["alt_baro_ft"] is not None
    if row["callsign"] is not None and not says:
        row["on_ground"] = None  # the line of a call sign has no flags
    return row
