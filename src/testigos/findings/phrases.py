"""Phrases that sentences of several kinds share, hedged as the measures are.

Rules (own): *was observed* for what a fix shows; *cannot have* only for a hard bound; *not observable* where
nothing supports an answer; *lost from view* for a track that ends in the air, never *landed*.
"""

from collections.abc import Mapping
from typing import Any, Final

from testigos import words
from testigos.model import Finding, Interval, parse_utc

__all__ = [
    "bound", "country_phrase", "deciding_time", "end_phrase", "end_time", "is_vague", "land_note", "place_phrase",
    "territorial_phrase",
]  # fmt: skip

_WITH_ARTICLE: Final = frozenset(
    {
        "Bahamas", "Netherlands", "United States", "United Kingdom", "Dominican Republic", "Philippines",
        "Maldives", "Seychelles", "Comoros", "Gambia", "United Arab Emirates", "Czech Republic", "Marshall Islands",
        "Solomon Islands", "Central African Republic", "Cayman Islands", "British Virgin Islands",
        "U.S. Virgin Islands", "Turks and Caicos Islands", "Faroe Islands", "Falkland Islands", "Cook Islands",
    }
)  # fmt: skip


def country_phrase(name: str) -> str:
    """A country with its article, where it has one."""
    return f"the {name}" if name in _WITH_ARTICLE else name


def place_phrase(place: Mapping[str, Any] | None) -> str:
    """What the text calls a place: ``mainland Venezuela``, ``any land of Venezuela``, ``Los Testigos``."""
    if not place:
        return "the place"
    name = words.name(place.get("name") or place.get("country") or "the place")
    kind = place.get("kind")
    if kind in ("country", "mainland"):
        bare = name
        for extra in (
            "mainland of ",
            "mainland ",
            "any land of ",
            ", any land",
            ", mainland",
            " (mainland)",
            " (any land)",
            " mainland",
        ):
            bare = bare.replace(extra, "")
        if kind == "country":
            return f"any land of {country_phrase(bare)}"
        return f"the mainland of {country_phrase(bare)}" if bare in _WITH_ARTICLE else f"mainland {bare}"
    return name


def land_note(place: Mapping[str, Any] | None) -> str:
    """Which piece of a country the nearest point is on, in brackets; empty for other places."""
    if not place or place.get("kind") != "country" or place.get("lat_deg") is None:
        return ""
    if place.get("mainland"):
        return " (on the mainland)"
    at = words.point(place["lat_deg"], place["lon_deg"])
    island = place.get("island")
    return f" ({words.name(island)}, near {at})" if island else f" (an islet near {at})"


def is_vague(finding: Finding) -> bool:
    """Do the positions rest on multilateration, an assumption, or nothing that says how good they are?"""
    basis = str(finding.details.get("radius_basis") or "")
    return basis.startswith("assumed") or not basis or finding.details.get("source") not in ("adsb", "adsr", "adsc")


def bound(finding: Finding) -> Interval | None:
    """The hard bound of an approach, where the quality of the fixes allows one."""
    measure = finding.measures.get("distance_bound")
    return None if measure is None or measure.low is None else measure


def end_phrase(end: Mapping[str, Any] | None, departing: bool) -> str:
    """How a sortie begins or ends, without its time."""
    if not end:
        return "was first seen" if departing else "was last seen"
    if end.get("status") == "airfield":
        name, icao = words.name(end.get("name") or end.get("icao") or "an airfield"), end.get("icao")
        field = f"{name} ({words.name(icao)})" if icao and icao != name else name
        if (end.get("confidence") or 0.0) < 0.8:
            return f"appears to have left {field}" if departing else f"appears to have landed at {field}"
        return f"left {field}" if departing else f"landed at {field}"
    text = "was first seen" if departing else "was lost from view"
    if end.get("on_ground"):
        text = f"was {'first' if departing else 'last'} seen on the ground"
    elif end.get("alt_ft") is not None:
        text += f" at {words.altitude(end['alt_ft'])}"
    if end.get("lat_deg") is not None and end.get("lon_deg") is not None:
        text += f" near {words.point(end['lat_deg'], end['lon_deg'], 1)}"
    return text


def territorial_phrase(finding: Finding) -> str | None:
    """What can be said of the 12 nautical miles, as a whole clause; null where the place has none."""
    sea = finding.details.get("territorial_sea") or {}
    likely = "very probably (95 %) " if (sea.get("level") or 1.0) < 1.0 else ""
    return {
        "entered": f"it {likely}came within 12 nautical miles of that coast",
        "not_entered": f"it {likely}did not come within 12 nautical miles of that coast",
        "seen_inside": "a fix of unknown quality lies within 12 nautical miles of that coast",
        "cannot_tell": "whether it came within 12 nautical miles of that coast is not observable",
    }.get(str(sea.get("status")))


def deciding_time(finding: Finding) -> int:
    """When the observed minimum of an approach was."""
    time = finding.details.get("time")
    return finding.start_ns if time is None else time if isinstance(time, int) else parse_utc(str(time))


def end_time(end: Mapping[str, Any] | None, fallback_ns: int) -> int:
    """The time of a departure or arrival."""
    time = (end or {}).get("time")
    return fallback_ns if time is None else time if isinstance(time, int) else parse_utc(str(time))
