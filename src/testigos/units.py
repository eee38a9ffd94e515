"""Exact conversion factors, each with its definition, and lengths as a person reads them.

The kernels work in metres and seconds; tables carry the field's own units in their column names.
"""

from dataclasses import dataclass
from typing import Final

FT_M: Final = 0.3048  #: international foot, exact (1959 agreement)
NMI_M: Final = 1852.0  #: international nautical mile, exact (1929 Monaco conference)
MI_M: Final = 1609.344  #: international (statute) mile, exact: 5,280 ft
KM_M: Final = 1000.0
KT_MPS: Final = NMI_M / 3600.0  #: knot: one nautical mile an hour
FPM_MPS: Final = FT_M / 60.0  #: foot a minute
DAY_S: Final = 86_400
S_NS: Final = 1_000_000_000


@dataclass(frozen=True)
class LengthUnit:
    """A unit of length for readers; ``name`` is always spelt out in text, never just "miles"."""

    symbol: str
    name: str
    metres: float


LENGTH_UNITS: Final = {
    "nmi": LengthUnit("nmi", "nautical miles", NMI_M),
    "km": LengthUnit("km", "kilometres", KM_M),
    "mi": LengthUnit("mi", "statute miles", MI_M),
}


def parse_length(text: str) -> float:
    """Metres of a length such as ``200nmi``, ``50 mi``, ``12km``, ``926m`` or ``300ft``.

    Raises ``ValueError`` on a missing or unknown unit: a bare number would be a guess.

    >>> parse_length("12nmi")
    22224.0
    """
    factors = {"nmi": NMI_M, "nm": NMI_M, "km": KM_M, "mi": MI_M, "ft": FT_M, "m": 1.0}
    stripped = text.strip().lower().replace(" ", "")
    digits = stripped.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = stripped[len(digits) :]
    if unit not in factors:
        raise ValueError(f"{text!r} is not a length: give a number and one of nmi, km, mi, ft, m")
    try:
        value = float(digits)
    except ValueError:
        raise ValueError(f"{text!r} is not a length: {digits!r} is not a number") from None
    if not 0.0 <= value < float("inf"):
        raise ValueError(f"{text!r} is not a length: it must be finite and not negative")
    return value * factors[unit]
