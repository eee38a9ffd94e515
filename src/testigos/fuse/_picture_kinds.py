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

_MMSI: Final = {
    **{"111": "aircraft", "00": "fixed", "99": "fixed", "972": "person", "970": "other", "974": "other"},
    # base stations and aids to navigation by the first; search and rescue, man overboard, beacons by the others
}
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
        digits = object_id[5:].zfill(9)
        return next((kind for head, kind in _MMSI.items() if digits.startswith(head)), "vessel")
    return _AUTHORITIES.get(authority) or ("unknown" if authority == "track" else _SOURCES.get(source, "unknown"))


def rank_of(object_id: str) -> int:
    """How good a name is: the lowest is shown."""
    authority = object_id.partition(":")[0]
    return _RANK.index(authority) if authority in _RANK else len(_RANK) - 2
