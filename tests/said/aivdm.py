"""AIS: what a report and a message of static data say together. Source: ITU-R M.1371-5, annex 8."""

import math

import polars as pl
from hypothesis import strategies as st

from testigos.schema import ALL, conform

STEPS = {
    "time_ns": 500_000,
    "lat_deg": 1 / 1_200_000 + 1e-9,
    "lon_deg": 1 / 1_200_000 + 1e-9,
    "alt_msl_ft": 0.5 / 0.3048 + 0.01,
    "gs_kt": 0.0501,
    "track_deg": 0.0501,
    "heading_deg": 0.501,
    "rot_degpmin": 1e-3,  # of what SAID has in its uneven steps
    "draught_m": 0.0501,
    **{f"to_{side}_m": 0.501 for side in ("bow", "stern", "port", "starboard")},
}

_A, _B, _MARK, _BASE, _SAR, _FAR = "366730123", "338123456", "993692001", "003669987", "111366001", "211000007"
_TYPES = {_A: (None, 1, 2, 3), _B: (18,), _MARK: (21,), _BASE: (4,), _SAR: (9,), _FAR: (27,)}
_KINDS = {_MARK: "fixed", _BASE: "fixed", _SAR: "aircraft"}
_TEXT = st.from_regex(r"[A-Z0-9][A-Z0-9 '?/.+-]{0,4}[A-Z0-9]", fullmatch=True)
_LATE = ("vessel_name", "callsign", "imo", "ship_type", "draught_m", "destination", "eta", "to_bow_m", "to_stern_m")
_LATE += ("to_port_m", "to_starboard_m", "epfd")


@st.composite
def _track(draw):
    maybe = lambda values: st.one_of(st.none(), values)  # noqa: E731
    number = lambda low, high: maybe(st.floats(low, high, width=32))  # noqa: E731
    mmsi = draw(st.sampled_from(sorted(_TYPES)))
    rows, time_ns = [], 1_761_242_592_500_000_000
    for _ in range(draw(st.integers(1, 8))):
        # a time a row, for rows are put together by it
        time_ns += draw(st.integers(1, 400)) * 1_000_000_000 + draw(st.integers(0, 999)) * 1_000_000
        rows.append(
            {
                "object_id": f"mmsi:{mmsi}",
                "time_ns": time_ns,
                "status": "ok",
                "source": "ais",
                "lat_deg": draw(st.floats(-90, 90)),
                "lon_deg": draw(st.floats(-180, 180)),
                "alt_msl_ft": draw(number(0, 13_000)),
                "gs_kt": draw(number(0, 62 if mmsi == _FAR else 102)),
                "track_deg": draw(number(0, 359)),
                "heading_deg": draw(number(0, 359)),
                "callsign": draw(maybe(_TEXT)),
                "receiver": draw(maybe(st.text("az09 ,*\\é>", min_size=1, max_size=6))),
                "ais_type": draw(st.sampled_from(_TYPES[mmsi])),
                "vessel_name": draw(maybe(_TEXT)),
                "imo": draw(maybe(st.integers(1, 999_999_999))),
                "ship_type": draw(maybe(st.integers(1, 31 if mmsi == _MARK else 255))),
                "nav_status": draw(maybe(st.integers(0, 14))),
                "rot_degpmin": draw(number(-720, 720)),
                "draught_m": draw(number(0.125, 25.5)),
                "destination": draw(maybe(_TEXT)),
                "eta": draw(maybe(st.sampled_from(["01-01T00:00", "12-31T23:59", "07-04T09:05"]))),
                "to_bow_m": draw(number(1, 511)),
                "to_stern_m": draw(number(1, 511)),
                "to_port_m": draw(number(1, 63)),
                "to_starboard_m": draw(number(1, 63)),
                "position_accurate": draw(maybe(st.booleans())),
                "raim": draw(maybe(st.booleans())),
                "epfd": draw(maybe(st.integers(1, 15))),
                "manoeuvre": draw(maybe(st.integers(1, 2))),
                "kind": _KINDS.get(mmsi, "vessel"),
                "via": draw(maybe(st.lists(st.text("ab,>^!", min_size=1, max_size=4), min_size=1).map(" ".join))),
            }
        )
    return conform(pl.DataFrame(rows, infer_schema_length=None), ALL)


TRACK = _track()


def gathered(read: pl.DataFrame) -> pl.DataFrame:
    """The sentences of a time are those of a row; the type and status are those of its first one."""
    last = (pl.col(n).drop_nulls().last() for n in _LATE)
    first = (pl.col(n).first() for n in read.columns if n not in _LATE and n != "time_ns")
    merged = read.group_by("time_ns", maintain_order=True).agg(*first, *last)
    return merged.select(read.columns)


def said(track: pl.DataFrame) -> pl.DataFrame:
    """Each class of station says some of it."""
    return pl.DataFrame([_row(row) for row in track.rows(named=True)], {n: ALL[n].dtype for n in track.columns})


def _row(row: dict) -> dict:
    said = dict(row)
    mmsi = row["object_id"][5:]
    said["ais_type"] = row["ais_type"] or 1
    said["receiver"] = row["receiver"] or "aivdm"
    said["position_accurate"], said["raim"] = bool(row["position_accurate"]), bool(row["raim"])
    without = {
        _A: ("alt_msl_ft",),
        _B: ("alt_msl_ft", "nav_status", "rot_degpmin", "manoeuvre", "imo", "draught_m", "destination", "eta"),
        _MARK: (
            *("alt_msl_ft", "gs_kt", "track_deg", "heading_deg", "callsign", "imo", "nav_status", "rot_degpmin"),
            *("draught_m", "destination", "eta", "manoeuvre"),
        ),
        _BASE: (
            *("alt_msl_ft", "gs_kt", "track_deg", "heading_deg", "callsign", "imo", "nav_status", "rot_degpmin"),
            *("draught_m", "destination", "eta", "manoeuvre", "ship_type", "to_bow_m", "to_stern_m", "to_port_m"),
            "to_starboard_m",
        ),
        _SAR: ("heading_deg", "nav_status", "rot_degpmin", "manoeuvre"),
        _FAR: ("alt_msl_ft", "heading_deg", "rot_degpmin", "manoeuvre"),
    }[mmsi]
    for name in without:
        said[name] = None
    if said["rot_degpmin"] is not None:
        steps = min(round(4.733 * math.sqrt(abs(row["rot_degpmin"]))), 126)
        said["rot_degpmin"] = math.copysign((steps / 4.733) ** 2, row["rot_degpmin"])
    if mmsi in (_FAR, _SAR) and row["gs_kt"] is not None:
        said["gs_kt"] = float(round(row["gs_kt"]))
    if mmsi == _FAR:
        for name in ("lat_deg", "lon_deg"):
            said[name] = round(row[name] * 600) / 600
        if row["track_deg"] is not None:
            said["track_deg"] = float(round(row["track_deg"]) % 360)
    if row["vessel_name"] is not None:
        said["vessel_name"] = row["vessel_name"]
    sides = [said[f"to_{side}_m"] for side in ("bow", "stern", "port", "starboard")]
    bow, stern, port, starboard = (round(v) if v else 0 for v in sides)
    # no length, no beam; and where A and C are 0, B and D are length and beam
    for name, value, whole in (
        ("to_bow_m", bow, bow + stern),
        ("to_stern_m", stern, bow + stern),
        ("to_port_m", port, port + starboard),
        ("to_starboard_m", starboard, port + starboard),
    ):
        said[name] = float(value) if whole else None
    if bow == 0 and port == 0 and stern and starboard:
        said["to_bow_m"] = said["to_port_m"] = None
    return said
