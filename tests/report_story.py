"""Findings and tracks made by hand: two bombers, two tankers, a relay aircraft. All invented."""

import numpy as np
import polars as pl

from testigos import schema
from testigos.model import DataSource, Finding, Interval, Method, iso_utc, parse_utc

COAST = DataSource("GSHHG", "2.3.7", "c0" * 32, "LGPL-3.0-or-later", "full resolution")
NMI = 1852.0
SEGMENT = 0x0123456789ABCDEF

B1A, B1B, K1, K2, E11 = "icao:ae04aa", "icao:ae04ab", "icao:ae0101", "icao:ae0102", "icao:ae5a01"
DYESS = {"icao": "KDYS", "name": "Dyess AFB", "lat_deg": 32.4208, "lon_deg": -99.8546}
MACDILL = {"icao": "KMCF", "name": "MacDill AFB", "lat_deg": 27.8493, "lon_deg": -82.5212}


def at(text: str) -> int:
    return parse_utc(f"2025-10-23T{text}Z")


def frame(n: int) -> str:
    return f"{SEGMENT:016x}:{n * 200}"


def identity(oid: str, sign: str, kind: str, code: str, role: str, confidence: float = 0.95) -> Finding:
    return Finding(
        "identity", (oid,), at("14:00"), at("22:00"), confidence, Method("identity", "1"),
        details={
            "callsigns": [sign], "registration": None, "type_code": code, "type_name": kind, "role": role,
            "country_iso2": "US", "country": "United States", "military": True, "operator": None,
        },
        reasons=("address block US military (AE0000-AFFFFF)",), evidence=(frame(1),), data=(COAST,),
    )  # fmt: skip


def end(status: str, time: int, field: dict | None = None, lat: float = 20.1, lon: float = -70.0) -> dict:
    place = field or {"icao": None, "name": None, "lat_deg": lat, "lon_deg": lon}
    return {
        **place, "status": status, "alt_ft": 26_025.0 if status != "airfield" else 1_800.0, "time": iso_utc(time),
        "confidence": 0.97 if status == "airfield" else 0.9,
    }  # fmt: skip


def sortie(oid: str, sign: str, departure: dict, arrival: dict, start: int, stop: int) -> Finding:
    return Finding(
        "sortie", (oid,), start, stop, 0.9, Method("sortie", "1"),
        {
            "duration": Interval((stop - start) / 1e9, "s"),
            "distance_flown": Interval(3_900e3, "m", 3_880e3, 4_000e3, 0.95),
            "longest_gap": Interval(840.0, "s"),
        },
        departure=departure, arrival=arrival,
        details={"leg": 0, "callsign": sign, "sources": {"adsb": 50, "mlat": 12}, "fixes": 62},
        caveats=("the track ends in the air: no landing was observed",), evidence=(frame(0), frame(4)), data=(COAST,),
    )  # fmt: skip


def approach(
    oid: str,
    place: dict,
    value_nmi: float,
    low_nmi: float,
    high_nmi: float,
    bound_nmi: float | None,
    time: int,
    source: str = "mlat",
    sea: str | None = None,
) -> Finding:
    measures = {
        "distance": Interval(value_nmi * NMI, "m", low_nmi * NMI, high_nmi * NMI, 0.95),
        "longest_gap": Interval(840.0, "s"),
        "fix_error": Interval(0.4 * NMI, "m"),
    }
    if bound_nmi is not None:
        measures["distance_bound"] = Interval(None, "m", bound_nmi * NMI, high_nmi * NMI + 900.0, 1.0)
    return Finding(
        "approach", (oid,), at("17:00"), at("19:00"), 0.8, Method("approach", "1"), measures,
        place={"polygon": 17, "mainland": None, "island": None, "country": "Venezuela", **place},
        details={
            "time": iso_utc(time), "lat_deg": 11.9, "lon_deg": -62.5, "alt_ft": 27_000.0, "source": source,
            "radius_basis": "assumed_mlat" if source == "mlat" else "nac_p",
            "territorial_sea": {"status": sea} if sea else None,
            "gap": {"start": iso_utc(time - 840 * 10**9), "end": iso_utc(time), "seconds": 840.0},
        },
        reasons=("an MLAT position is taken to be within 926 m (95 %)",),
        caveats=("the coast data set is accurate to 500 m",), evidence=(frame(2), frame(3)), data=(COAST,),
    )  # fmt: skip


MAINLAND = {"name": "Venezuela", "kind": "mainland", "lat_deg": 10.75, "lon_deg": -62.6, "mainland": True}
COUNTRY = {"name": "Venezuela", "kind": "country", "lat_deg": 11.41782, "lon_deg": -63.04079, "mainland": False}
TESTIGOS = {"name": "Los Testigos", "kind": "islands", "lat_deg": 11.38, "lon_deg": -63.1, "island": "Los Testigos"}


def story() -> list[Finding]:
    """In the order in which the finders give them: kind, subject, time."""
    time = at("18:03:12")

    def home(clock: str) -> dict:
        return end("airfield", at(clock), MACDILL)

    begun, gone = end("first_seen", at("16:00"), None, 25.1, -77.2), end("lost", at("19:00"), None, 19.4, -67.1)
    return [
        identity(B1A, "BARB21", "B-1B Lancer", "B1", "bomber"),
        identity(B1B, "BARB22", "B-1B Lancer", "B1", "bomber"),
        identity(K1, "PYRO21", "KC-135R Stratotanker", "K35R", "tanker"),
        identity(K2, "PYRO22", "KC-135R Stratotanker", "K35R", "tanker"),
        identity(E11, "BLKWF11", "E-11A", "GLEX", "relay", 0.6),
        sortie(B1A, "BARB21", end("airfield", at("14:02"), DYESS), end("lost", at("20:13")), at("14:02"), at("20:13")),
        sortie(B1B, "BARB22", end("airfield", at("14:04"), DYESS), end("lost", at("20:15")), at("14:04"), at("20:15")),
        sortie(K1, "PYRO21", home("15:32"), home("21:00"), at("15:32"), at("21:00")),
        sortie(K2, "PYRO22", home("15:35"), home("21:10"), at("15:35"), at("21:10")),
        sortie(E11, "BLKWF11", begun, gone, at("16:00"), at("19:00")),
        approach(B1A, MAINLAND, 69.0, 64.0, 69.4, 60.2, time, sea="not_entered"),
        approach(B1A, COUNTRY, 43.1, 38.2, 43.5, 33.7, time, sea="not_entered"),
        approach(B1A, TESTIGOS, 31.0, 27.0, 31.5, 22.0, time, sea="not_entered"),
        approach(B1B, MAINLAND, 70.0, 65.0, 70.4, 61.0, time, sea="not_entered"),
        approach(K1, COUNTRY, 120.0, 119.9, 120.1, 119.0, at("18:30"), "adsb", "not_entered"),
    ]  # fmt: skip


def tracks() -> pl.DataFrame:
    """A short track for each subject, with a gap of 14 minutes in the bombers'."""
    parts = []
    for k, (oid, sign, lat0, lon0, lat1, lon1, start) in enumerate(
        [
            (B1A, "BARB21", 16.5, -66.0, 11.9, -62.5, "17:00"),
            (B1B, "BARB22", 16.7, -66.2, 12.1, -62.7, "17:00"),
            (K1, "PYRO21", 19.0, -68.0, 14.0, -65.0, "16:30"),
            (K2, "PYRO22", 19.2, -68.0, 14.2, -65.2, "16:30"),
            (E11, "BLKWF11", 25.1, -77.2, 19.4, -67.1, "16:00"),
        ]
    ):
        n = 126
        x = np.linspace(0.0, 1.0, n)
        # in, and out again further east
        lat = lat0 + (lat1 - lat0) * np.sin(np.pi * x) ** 0.7
        lon = lon0 + (lon1 - lon0) * x * (1.3 if k < 2 else 1.0)
        seconds = np.arange(n) * 60
        keep = ~((seconds > 48 * 60) & (seconds < 62 * 60)) if k < 2 else np.ones(n, bool)
        source = np.where((np.arange(n) // 10) % 3 == 1, "mlat", "adsb") if k < 2 else np.full(n, "adsb")
        offset = (np.arange(n) + 1000 * k) * 200
        table = pl.DataFrame(
            {
                "object_id": [oid] * n, "time_ns": at(start) + seconds * 10**9, "status": ["ok"] * n,
                "source": source, "lat_deg": lat, "lon_deg": lon,
                "alt_baro_ft": 24_000.0 + 3_000.0 * np.sin(3 * x), "callsign": [sign] * n,
                "segment": pl.Series([SEGMENT] * n, dtype=pl.UInt64), "offset": offset, "length": [120] * n,
                "radius95_m": np.where(source == "mlat", 926.0, 92.6), "leg": [0] * n,
            },
            strict=False,
        ).filter(pl.Series(keep))  # fmt: skip
        parts.append(schema.conform(table, schema.TRACKS))
    return pl.concat(parts)
