"""Trace documents as readsb writes them.

Source: readsb README-json.md, "trace jsons"; json_out.c for the layout of lines and the number of digits.
"""

from typing import Any, Final, cast

import msgspec
import polars as pl

from testigos.links._readsb import NAMES, QUALITY_NS, VOUCHED, object_id

__all__ = ["encode"]

_DETAIL_EVERY: Final = 4  # as readsb's json_out.c writes details with every fourth row
_STALE_NS: Final = 20 * 10**9  # specification: no position for 20 seconds before this one
_OTHERS: Final = {"adsb": "adsb_other", "adsr": "adsr_other", "tisb": "tisb_other"}
_WRITTEN: Final = (
    "time_ns",
    "status",
    "source",
    "lat_deg",
    "lon_deg",
    "alt_baro_ft",
    "alt_geom_ft",
    "on_ground",
    "gs_kt",
    "track_deg",
    "vrate_fpm",
    "vrate_geom_fpm",
    "ias_kt",
    "tas_kt",
    "roll_deg",
    "heading_deg",
    "callsign",
    "squawk",
    "category",
    "emergency",
    "nic",
    "rc_m",
    "nac_p",
    "nac_v",
    "sil",
    "adsb_version",
    "new_leg",
)


def encode(tracks: pl.DataFrame) -> bytes:
    """The trace document of one object as readsb writes it: a row a line, details with every fourth.

    ``tracks`` has columns of ``schema.REPORTS`` (missing ones count as null), rows of one ``icao:`` or ``anon:``
    object in the order of time; rows without a time are left out. Times are written to 0.01 s, positions to
    1e-6 deg, speed, angles and roll to 0.1, the rest to whole units. Details also stand where what they carry
    changes, so that reading gives back every row; only a call sign, squawk or category that ends without a
    successor lives on, as the link carries it.

    Raises ``ValueError`` unless the rows are of exactly one such object.

    >>> rows = pl.DataFrame({"object_id": ["icao:ae503d"], "time_ns": [1_500_000_000], "source": ["mlat"],
    ...                      "lat_deg": [11.4], "lon_deg": [-63.1], "alt_baro_ft": [25_000.0]})
    >>> print(encode(rows).decode().splitlines()[3])
    [0.00,11.400000,-63.100000,25000,null,null,1,null,{"type":"mlat","nic":0,"rc":0},"mlat",null,null,null,null] ]
    """
    ids = tracks["object_id"].unique().to_list()
    authority, _, address = (ids[0] or "").partition(":") if len(ids) == 1 else ("", "", "")
    if authority not in ("icao", "anon") or object_id(address) is None:
        raise ValueError(f"a trace holds one icao: or anon: object, not {sorted(map(str, ids))}")
    rows = tracks.filter(pl.col("time_ns").is_not_null())
    base = (cast(int, rows["time_ns"].min()) // 10**6) * 10**6 if len(rows) else 0
    lists = [rows[c].to_list() if c in rows.columns else [None] * len(rows) for c in _WRITTEN]
    lines = []
    said: tuple[object, ...] = ()
    said_ns, last_ns = 0, None
    for i, values in enumerate(zip(*lists, strict=True)):
        row = dict(zip(_WRITTEN, values, strict=True))
        state = _state(row, authority)
        time_ns = row["time_ns"]
        details = "null"
        passing = row["tas_kt"] is not None or (row["heading_deg"] is not None and not row["on_ground"])
        due = i % _DETAIL_EVERY == 0 or time_ns - said_ns > QUALITY_NS or row["new_leg"] or passing
        if due or state != said:
            details, said, said_ns = _written_details(row, state), state, time_ns
        stale = last_ns is None or time_ns - last_ns > _STALE_NS or row["status"] == "stale"
        lines.append(_written_row(row, base, stale, details, cast(str | None, state[0])))
        last_ns = time_ns
    head = [f'{{"icao":"{"~" if authority == "anon" else ""}{address}"']
    for key, column in (("r", "registration"), ("t", "type_code")):
        value = _first(rows, column)
        if value is not None:
            head.append(f'"{key}":{msgspec.json.encode(value).decode()}')
    military = _first(rows, "military")
    if military is not None:
        head.append(f'"dbFlags":{int(military)}')
    if _first(rows, "simulated"):
        head.append('"simulated":true')
    head.append(f'"timestamp": {base // 10**9}.{base // 10**6 % 1000:03d}')
    head.append('"trace":[ ')
    return (",\n".join(head) + "\n" + ",\n".join(lines) + " ]\n }\n").encode()


def _first(rows: pl.DataFrame, column: str) -> Any:
    values = rows[column].drop_nulls().head(1).to_list() if column in rows.columns else []
    return values[0] if values else None


def _state(row: dict[str, Any], authority: str) -> tuple[object, ...]:
    """What details say and following rows inherit, in the order of :func:`_written_details`."""
    source = row["source"]
    kind = None if source in (None, "unknown") else NAMES.get(source, "other")
    if authority == "anon":
        kind = _OTHERS.get(source, kind)
    vouched = source in VOUCHED
    nic, rc = (row["nic"], row["rc_m"]) if vouched else (0, 0)
    if nic == 0:
        rc = 0
    return (
        kind,
        row["callsign"],
        row["squawk"],
        row["emergency"],
        row["category"],
        nic,
        None if rc is None else round(rc),
        row["adsb_version"],
        *((row["nac_p"], row["nac_v"], row["sil"]) if vouched else (None, None, None)),
    )


def _written_details(row: dict[str, Any], state: tuple[object, ...]) -> str:
    kind, flight, squawk, emergency, category, nic, rc, version, nac_p, nac_v, sil = state
    heading = None if row["on_ground"] else row["heading_deg"]
    found = {
        "type": kind,
        "flight": f"{flight:<8}" if flight else None,
        "tas": None if row["tas_kt"] is None else round(row["tas_kt"]),
        "true_heading": None if heading is None else round(heading, 2),
        "squawk": squawk,
        "emergency": emergency,
        "category": category,
        "nic": nic,
        "rc": rc,
        "version": version,
        "nac_p": nac_p,
        "nac_v": nac_v,
        "sil": sil,
    }
    return msgspec.json.encode({k: v for k, v in found.items() if v is not None}).decode()


def _written_row(row: dict[str, Any], base: int, stale: bool, details: str, kind: str | None) -> str:
    def put(value: float | None, digits: int = 0) -> str:
        return "null" if value is None else f"{value:.{digits}f}"

    hundredths = (row["time_ns"] - base + 5_000_000) // 10_000_000
    altitude, geom_alt = row["alt_baro_ft"], row["alt_geom_ft"]
    rate, geom_rate = row["vrate_fpm"], row["vrate_geom_fpm"]
    flags = int(stale) | 2 * bool(row["new_leg"])
    if rate is None and geom_rate is not None:
        rate = geom_rate
        flags |= 4
    if altitude is None and geom_alt is not None and not row["on_ground"]:
        altitude = geom_alt
        flags |= 8
    cells = (
        f"{hundredths // 100}.{hundredths % 100:02d}",
        put(row["lat_deg"], 6),
        put(row["lon_deg"], 6),
        '"ground"' if row["on_ground"] else put(altitude),
        put(row["gs_kt"], 1),
        put(row["heading_deg"] if row["on_ground"] else row["track_deg"], 1),
        str(flags),
        put(rate),
        details,
        "null" if kind is None else f'"{kind}"',
        put(geom_alt),
        put(geom_rate),
        put(row["ias_kt"]),
        put(row["roll_deg"], 1),
    )
    return f"[{','.join(cells)}]"
