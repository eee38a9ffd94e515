"""Numbers, lengths, times and names as a reader meets them.

Rules (own): a unit is always spelt out; the number of decimals follows the width of the interval; a printed
interval is rounded outwards, so it never claims more than the computed one; times are UTC and end in Z.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from testigos.model import Interval
from testigos.units import S_NS, LengthUnit

__all__ = [
    "MONTHS",
    "NUMBERS",
    "altitude",
    "an",
    "clock",
    "clocks",
    "count",
    "day",
    "days",
    "decimals",
    "duration",
    "gap",
    "join",
    "length",
    "minute",
    "name",
    "number",
    "plural",
    "point",
    "span",
]

NUMBERS: Final = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
#: Letters whose spoken name begins with a vowel sound: "an F-16", "an RC-135".
_VOWEL_LETTERS: Final = frozenset("AEFHILMNORSX8")


def name(text: object, limit: int = 64) -> str:
    """A string of the input as one harmless line: what cannot be printed becomes a question mark.

    Direction marks, controls and line ends are not printable; markup is left to the writer of each format.

    >>> name("BARB\\u202e21\\n")
    'BARB?21?'
    """
    line = "".join(c if c.isprintable() else "?" for c in str(text))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def count(n: int) -> str:
    """A small number as a word, a larger one in digits.

    >>> count(2), count(40)
    ('two', '40')
    """
    return NUMBERS[n] if 0 <= n < len(NUMBERS) else f"{n:,}"


def plural(noun: str) -> str:
    """More than one of a thing, type designations included.

    >>> plural("B-1B Lancer"), plural("B-52H Stratofortress"), plural("E-11A")
    ('B-1B Lancers', 'B-52H Stratofortresses', 'E-11As')
    """
    if noun.endswith(("aircraft", "craft")):
        return noun
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def an(noun: str) -> str:
    """The noun with its article, by how its beginning is spoken.

    >>> an("RC-135"), an("KC-135R"), an("E-11A"), an("aircraft"), an("Boeing 737")
    ('an RC-135', 'a KC-135R', 'an E-11A', 'an aircraft', 'a Boeing 737')
    """
    first = noun.split(" ", 1)[0]
    spelt = len(first) < 2 or not first[1:2].islower()
    vowel = noun[:1].upper() in (_VOWEL_LETTERS if spelt else frozenset("AEIOU8"))
    return f"{'an' if vowel else 'a'} {noun}"


def join(parts: Sequence[str]) -> str:
    """A list in a sentence.

    >>> join(["a", "b", "c"])
    'a, b and c'
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def decimals(measure: Interval, unit: LengthUnit) -> int:
    """Decimals worth printing: none for an interval of ten units or more, one from 0.2 units, else two.

    Without an interval none from ten units up, one below.
    """
    if measure.low is None or measure.high is None:
        return 0 if measure.value is None or measure.value >= 10 * unit.metres else 1
    width = (measure.high - measure.low) / unit.metres
    return 0 if width >= 10 else 1 if width >= 0.195 else 2


def number(metres: float, unit: LengthUnit, digits: int, towards: str = "near") -> str:
    """Metres in a unit, rounded to the nearest, ``down`` or ``up``.

    >>> from testigos.units import LENGTH_UNITS
    >>> number(79_530.0, LENGTH_UNITS["nmi"], 1), number(79_530.0, LENGTH_UNITS["nmi"], 1, "up")
    ('42.9', '43.0')
    """
    value = metres / unit.metres
    if towards != "near":
        # One part in 1e9 keeps 3.0000000000000004 from becoming 3.1.
        scaled = value * 10**digits
        slack = 1e-9 * max(1.0, abs(scaled))
        value = (math.floor(scaled + slack) if towards == "down" else math.ceil(scaled - slack)) / 10**digits
    return f"{value:,.{digits}f}"


def length(metres: float, unit: LengthUnit, digits: int = 0, towards: str = "near") -> str:
    """Metres with the unit spelt out.

    >>> from testigos.units import LENGTH_UNITS
    >>> length(1852.0 * 43.1, LENGTH_UNITS["nmi"], 1)
    '43.1 nautical miles'
    """
    return f"{number(metres, unit, digits, towards)} {unit.name}"


def span(measure: Interval, unit: LengthUnit) -> str | None:
    """The interval of a measure, rounded outwards, with its level; null where none is claimed.

    >>> from testigos.units import LENGTH_UNITS
    >>> span(Interval(79_530.0, "m", 79_100.0, 79_960.0, 0.95), LENGTH_UNITS["nmi"])
    '95 %: 42.7 to 43.2'
    """
    if measure.low is None or measure.high is None:
        return None
    digits = decimals(measure, unit)
    text = f"{number(measure.low, unit, digits, 'down')} to {number(measure.high, unit, digits, 'up')}"
    if measure.level is None:
        return text
    if measure.level >= 1.0:
        return f"certainly {text}"
    return f"{measure.level * 100:.4g} %: {text}"


def _stamp(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // S_NS, UTC)


def clock(time_ns: int) -> str:
    """UTC to the second.

    >>> clock(1_761_242_592_500_000_000)
    '18:03:12Z'
    """
    return f"{_stamp(time_ns):%H:%M:%S}Z"


def minute(time_ns: int) -> str:
    """UTC to the nearest minute.

    >>> minute(1_761_242_592_500_000_000)
    '18:03Z'
    """
    return f"{_stamp(time_ns) + timedelta(seconds=30):%H:%M}Z"


def day(time_ns: int) -> str:
    """The date in UTC.

    >>> day(1_761_242_592_500_000_000)
    '23 October 2025'
    """
    stamp = _stamp(time_ns)
    return f"{stamp.day} {MONTHS[stamp.month - 1]} {stamp.year}"


def days(first_ns: int, last_ns: int) -> str:
    """One date or two, without repeating what they share.

    >>> days(0, 86_400_000_000_000)
    '1 to 2 January 1970'
    """
    first, last = day(first_ns), day(last_ns)
    if first == last:
        return first
    shared = first.partition(" ")[2] == last.partition(" ")[2]
    return f"{first.partition(' ')[0] if shared else first} to {last}"


def clocks(times_ns: Iterable[int]) -> str:
    """Several times to the minute, without repeats: a list of up to three, else from the first to the last.

    >>> clocks([0, 120_000_000_000])
    '00:00Z and 00:02Z'
    """
    times = sorted(times_ns)
    texts = list(dict.fromkeys(minute(t) for t in times))
    if len(texts) <= 3:
        return join(texts)
    return f"{texts[0]} to {texts[-1]}"


def duration(seconds: float) -> str:
    """A length of time with spelt-out units.

    >>> duration(45.0), duration(840.0), duration(22_260.0)
    ('45 seconds', '14 minutes', '6 hours 11 minutes')
    """
    if seconds < 90:
        return f"{seconds:.0f} second{'' if round(seconds) == 1 else 's'}"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} minutes"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} hours" + (f" {minutes} minute{'' if minutes == 1 else 's'}" if minutes else "")


def gap(seconds: float) -> str:
    """A gap by its length.

    >>> gap(840.0), gap(45.0), gap(9_000.0)
    ('a 14-minute gap', 'a 45-second gap', 'a gap of 2 hours 30 minutes')
    """
    if seconds < 90:
        return f"{'an' if round(seconds) in (8, 11, 18, *range(80, 90)) else 'a'} {seconds:.0f}-second gap"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{'an' if minutes in (8, 11, 18, *range(80, 90)) else 'a'} {minutes}-minute gap"
    return f"a gap of {duration(seconds)}"


def point(lat_deg: float, lon_deg: float, digits: int = 3) -> str:
    """A position in degrees with hemispheres.

    >>> point(11.41782, -63.04079)
    '11.418 N 63.041 W'
    """
    return (
        f"{abs(lat_deg):.{digits}f} {'S' if lat_deg < 0 else 'N'} "
        f"{abs(lon_deg):.{digits}f} {'W' if lon_deg < 0 else 'E'}"
    )


def altitude(feet: float) -> str:
    """Feet as a reader needs them: to the nearest hundred.

    >>> altitude(26_025.0)
    '26,000 feet'
    """
    return f"{round(feet, -2):,.0f} feet"
