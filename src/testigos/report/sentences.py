"""One finding, one sentence, in the reader's unit and hedged as the measures are.

Rules (own): *was observed* for what a fix shows; *cannot have* only for a hard bound; *not observable* where
nothing supports an answer; *lost from view* for a track that ends in the air, never *landed*.
"""

from collections.abc import Mapping
from typing import Any, Final

from testigos.model import Finding, Interval
from testigos.report import words
from testigos.report.subjects import deciding_time, end_time
from testigos.units import LengthUnit

__all__ = ["bound", "end_phrase", "is_vague", "land_note", "place_phrase", "sentence", "territorial_phrase"]

_WITH_ARTICLE: Final = frozenset(
    {
        "Bahamas", "Netherlands", "United States", "United Kingdom", "Dominican Republic", "Philippines",
        "Maldives", "Seychelles", "Comoros", "Gambia", "United Arab Emirates", "Czech Republic", "Marshall Islands",
        "Solomon Islands", "Central African Republic", "Cayman Islands", "British Virgin Islands",
        "U.S. Virgin Islands", "Turks and Caicos Islands", "Faroe Islands", "Falkland Islands", "Cook Islands",
    }
)  # fmt: skip


def _country(name: str) -> str:
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
            return f"any land of {_country(bare)}"
        return f"the mainland of {_country(bare)}" if bare in _WITH_ARTICLE else f"mainland {bare}"
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


def _identity(finding: Finding, label: str) -> str:
    details = finding.details
    subject = words.name(finding.subjects[0])
    kind = details.get("type_name") or details.get("type_code")
    text = (
        f"{subject} is {words.an(words.name(kind))}"
        if kind
        else f"{subject} is an aircraft of a type that no data set names"
    )
    if finding.confidence < 0.7 and kind:
        text = f"{subject} appears to be {words.an(words.name(kind))}"
    extra = []
    if details.get("registration"):
        extra.append(f"registration {words.name(details['registration'])}")
    if details.get("operator"):
        extra.append(f"operator {words.name(details['operator'])}")
    country = details.get("country") or details.get("country_iso2")
    if country:
        extra.append(f"an address of {_country(words.name(country))}")
    if details.get("military"):
        extra.append("military")
    if extra:
        text += f" ({', '.join(extra)})"
    signs = [words.name(s) for s in details.get("callsigns") or ()]
    if signs:
        text += f", flying as {words.join(signs)}"
    return text + "."


def _sortie(finding: Finding, label: str, unit: LengthUnit) -> str:
    start = end_time(finding.departure, finding.start_ns)
    end = end_time(finding.arrival, finding.end_ns)
    later = "" if words.day(start) == words.day(end) else f" on {words.day(end)}"
    text = (
        f"{label} {end_phrase(finding.departure, True)} at {words.minute(start)} on {words.day(start)} "
        f"and {end_phrase(finding.arrival, False)} at {words.minute(end)}{later}"
    )
    flown, lasted = finding.measures.get("distance_flown"), finding.measures.get("duration")
    known = []
    if lasted is not None and lasted.value is not None:
        known.append(words.duration(lasted.value))
    if flown is not None and flown.value is not None:
        known.append(words.length(flown.value, unit))
    if known:
        text += f", after {words.join(known)}"
    longest = finding.measures.get("longest_gap")
    if longest is not None and longest.value is not None and longest.value >= 60:
        text += f"; its track has {words.gap(longest.value)}"
    return text + "."


def _approach(finding: Finding, label: str, unit: LengthUnit) -> str:
    place = place_phrase(finding.place)
    measure = finding.measures.get("distance")
    if measure is None or measure.value is None:
        return f"How near {label} came to {place} is not observable."
    when = deciding_time(finding)
    at = f"at {words.clock(when)} on {words.day(when)}"
    if finding.details.get("over_land"):
        clause = "a multilaterated position" if finding.details.get("source") == "mlat" else ""
        return f"{label} was observed over {place} {at}{f' ({clause})' if clause else ''}."
    text = (
        f"{label} was observed {words.length(measure.value, unit, words.decimals(measure, unit))} "
        f"from {place}{land_note(finding.place)} {at}"
    )
    extra = []
    interval = words.span(measure, unit)
    if interval:
        extra.append(interval)
    error = finding.measures.get("fix_error")
    if error is not None and error.value is not None:
        extra.append(
            f"fix error {words.length(error.value, unit, 1 if error.value >= 0.05 * unit.metres else 2, 'up')}"
        )
    if finding.details.get("source") == "mlat":
        extra.append("a multilaterated position")
    text += f" ({'; '.join(extra)})" if extra else ""
    hole = finding.details.get("gap")
    if hole:
        text += f"; the track has {words.gap(float(hole['seconds']))}"
    hard = bound(finding)
    if hard is not None and hard.low is not None:
        text += (
            f"; it cannot have come nearer than {words.length(hard.low, unit, words.decimals(measure, unit), 'down')}"
            if hard.low > 0
            else "; its fixes leave it possible that it was over it"
        )
    else:
        text += f"; how much nearer {'than that ' if interval else ''}it may have come has no certain bound"
    sea = territorial_phrase(finding)
    return text + (f"; {sea}" if sea else "") + "."


def sentence(finding: Finding, label: str, unit: LengthUnit) -> str:
    """The sentence of a finding; a kind that this module does not know keeps the finder's own sentence, if any.

    ``label`` is what the text calls the subject.

    >>> from testigos.model import Method
    >>> from testigos.units import LENGTH_UNITS
    >>> made = Finding(
    ...     "approach", ("icao:ae04aa",), 0, 0, 0.9, Method("approach", "1"),
    ...     {"distance": Interval(79_821.0, "m", 79_636.0, 80_006.0, 0.95)},
    ...     place={"name": "Los Testigos", "kind": "islands"}, details={"source": "adsb", "radius_basis": "nac_p"})
    >>> print(sentence(made, "BARB21", LENGTH_UNITS["nmi"]).split(";")[0])
    BARB21 was observed 43.1 nautical miles from Los Testigos at 00:00:00Z on 1 January 1970 (95 %: 43.0 to 43.2)
    """
    if finding.kind == "identity":
        return _identity(finding, label)
    if finding.kind == "sortie":
        return _sortie(finding, label, unit)
    if finding.kind == "approach":
        return _approach(finding, label, unit)
    return finding.sentence or f"{finding.kind}: {label}."
