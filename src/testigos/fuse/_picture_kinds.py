"""What an object is and whether it is in distress, by its name and by what it says.

Source: ITU-R M.585-9 (numbers of the maritime mobile service); RTCA DO-260B table 2-17 (emitter categories).
"""

import re
from typing import Final

__all__ = ["CATEGORIES", "DISTRESS", "SQUAWKS", "kind_of", "rank_of"]

#: Emitter categories that are not of aircraft.
CATEGORIES: Final = {
    "B6": "drone",
    **dict.fromkeys(("C1", "C2"), "vehicle"),
    **dict.fromkeys(("C3", "C4", "C5"), "fixed"),
}
#: Squawks of unlawful interference, lost radio, emergency.
SQUAWKS: Final = ("7500", "7600", "7700")
#: AIS search and rescue transmitters, man overboard, emergency beacons.
DISTRESS: Final = re.compile(r"mmsi:97[024]\d{6}")

_MMSI: Final = (
    (re.compile(r"mmsi:0*111\d{6}"), "aircraft"),
    (re.compile(r"mmsi:(99\d{7}|0*0\d{8}|0?0?\d{1,7})"), "fixed"),  # aids to navigation; coast stations begin with 00
    (re.compile(r"mmsi:972\d{6}"), "person"),
    (re.compile(r"mmsi:97[04]\d{6}"), "other"),
    (re.compile(r"mmsi:"), "vessel"),
)
_AUTHORITIES: Final = {"icao": "aircraft", "flarm": "aircraft", "ogn": "aircraft", "anon": "aircraft", "rid": "drone"}
_SOURCES: Final = {
    "ais": "vessel",
    **dict.fromkeys(("adsb", "adsr", "tisb", "adsc", "mlat", "mode_s", "mode_ac", "uat", "flarm"), "aircraft"),
}
#: Whose name is shown where several are taken for one object: the first.
_RANK: Final = ("icao", "mmsi", "rid", "flarm", "ogn", "uid", "anon", "track")


def kind_of(object_id: str, source: str) -> str:
    """What it is by its authority, else by how its position was obtained.

    >>> kind_of("icao:ae503d", "mlat"), kind_of("mmsi:111232506", "ais"), kind_of("mmsi:992351000", "ais")
    ('aircraft', 'aircraft', 'fixed')
    """
    authority = object_id.partition(":")[0]
    if authority == "mmsi":
        return next(kind for pattern, kind in _MMSI if pattern.match(object_id))
    return _AUTHORITIES.get(authority) or ("unknown" if authority == "track" else _SOURCES.get(source, "unknown"))


def rank_of(object_id: str) -> int:
    """How good a name is: the lowest is shown."""
    authority = object_id.partition(":")[0]
    return _RANK.index(authority) if authority in _RANK else len(_RANK) - 2
