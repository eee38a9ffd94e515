"""Statements in plain English, of a documented set of forms: sentences to claims and back.

No guessing: a sentence of another form is an error that lists the forms. Words that can mean several things are read
one way, by rule, and the claim says so in ``notes``:

- "miles" alone are statute miles; "near" is within 200 nautical miles; "airspace" is the land and 12 nautical miles;
- "about" (some, around) is 10 % either way, and at least five minutes for lengths of time; a time "at" a minute is five
  minutes either way, "about" one 15;
- a number without more is "at least" so many; a plural without a number is at least two;
- "the B-1s" are those that tracks show, "B-1s" or "a B-1" any of them;
- a country is all its land, islands included, unless its mainland is named; a day is a day of UTC.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from testigos.claims.model import NEAR, Amount, Claim, Count, When, Who
from testigos.errors import InputError
from testigos.model import parse_utc
from testigos.units import DAY_S, S_NS
from testigos.words import MONTHS, NUMBERS, an, join, plural

__all__ = ["FORMS", "ROLES", "parse", "say", "say_who"]

FORMS: Final = (
    "WHO left PLACE [TIME]",
    "WHO left PLACE about 90 minutes after WHO left PLACE [TIME]",
    "WHO landed at PLACE [TIME]",
    "WHO came within 50 nautical miles of PLACE [TIME]",
    "WHO came about 30 nautical miles from PLACE [TIME]",
    "WHO stayed at least 12 nautical miles from PLACE [TIME]",
    "WHO flew near PLACE [TIME]",
    "WHO flew over PLACE [TIME]",
    "WHO entered the airspace of PLACE [TIME]",
    "WHO flew together [TIME]",
    "WHO flew in company with WHO [TIME]",
    "WHO refuelled WHO [TIME]",
    "WHO orbited [near PLACE] [TIME]",
    "WHO flew a racetrack [near PLACE] [TIME]",
    "WHO flew [TIME]",
    "WHO was a TYPE",
    "No TYPE did any of this; WHO did not do it (did not leave, land at, come within, fly over, …)",
)  #: what a sentence may say; ``docs/claims.md`` explains each

ROLES: Final = (
    "bomber", "fighter", "attack", "tanker", "reconnaissance", "maritime patrol", "relay", "transport", "airliner",
    "early warning", "trainer", "helicopter",
)  # fmt: skip
PATTERNS: Final = ("racetrack", "circle", "figure of eight", "search", "circuit")
_NOUN_ROLES: Final = ("bomber", "fighter", "tanker", "airliner", "trainer", "helicopter", "transport")
_NUMBER: Final = r"(?:\d[\d,]*(?:\.\d+)?|" + "|".join(NUMBERS[1:]) + ")"
_UNITS: Final = {
    "nautical miles": "nmi", "nautical mile": "nmi", "nmi": "nmi", "nm": "nmi", "statute miles": "mi",
    "statute mile": "mi", "miles": "mi", "mile": "mi", "mi": "mi", "kilometres": "km", "kilometers": "km",
    "kilometre": "km", "kilometer": "km", "km": "km", "metres": "m", "meters": "m", "metre": "m", "m": "m",
    "hours": "h", "hour": "h", "minutes": "min", "minute": "min", "min": "min", "seconds": "s", "second": "s",
}  # fmt: skip
_SAID_UNITS: Final = {
    "nmi": "nautical miles", "mi": "statute miles", "km": "kilometres", "m": "metres", "h": "hours", "min": "minutes",
    "s": "seconds",
}  # fmt: skip
_UNIT: Final = "(?:" + "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True)) + r")\b"
_HEDGE: Final = r"(?:within about|within|less than|no more than|at least|more than|about|around|some|roughly)"
_AMOUNT: Final = rf"(?:{_HEDGE} )?{_NUMBER} ?{_UNIT}"
_DAY: Final = rf"(?:\d{{1,2}} (?:{'|'.join(MONTHS)}) \d{{4}}|(?:{'|'.join(MONTHS)}) \d{{1,2}}, \d{{4}})"
_CLOCK: Final = r"\d{1,2}(?::\d\d(?::\d\d)?)? ?(?:Z|UTC)"
_TIME: Final = re.compile(
    rf"(?:^|,? )(?:(?P<how>at|about|around|some|before|after) (?P<at>{_CLOCK}) on (?P<day>{_DAY})"
    rf"|on (?P<day1>{_DAY})(?:,? (?P<how1>at|about|around|before|after) (?P<at1>{_CLOCK}))?"
    rf"|from (?P<first>{_DAY}) to (?P<last>{_DAY})"
    rf"|between (?P<begin>{_CLOCK})(?: on (?P<begin_day>{_DAY}))? and (?P<end>{_CLOCK}) on (?P<end_day>{_DAY}))$"
)
_CALLSIGN: Final = r"[A-Z]{3,6}\d{1,4}[A-Z]{0,2}"
_ADDRESS: Final = r"(?:icao|reg|track):[A-Za-z0-9~-]+"
_NAME: Final = rf"(?:{_ADDRESS}|call sign [A-Z0-9]{{2,8}}|{_CALLSIGN})"
_NAMES: Final = rf"{_NAME}(?:, {_NAME})*(?: and {_NAME})?"
_TYPE: Final = r"[A-Z]{1,4}-?\d[A-Z0-9]*(?:-\d+)?"
_WHO: Final = re.compile(
    r"(?:(?P<how>the|an?|no|only|exactly|at least|at most)\b ?)?"
    rf"(?:(?P<n>{_NUMBER}) )?"
    r"(?P<military>military )?"
    rf"(?:(?P<type>{_TYPE})(?P<types>s)?|(?P<role>{'|'.join(ROLES)})(?P<roles>s| aircraft)?|(?P<any>aircraft))?"
    r"(?:,? ?(?P<trailing>" + _NAMES + r"),?)?"
)
_SHALL: Final = {"at least": "at_least", "only": "exactly", "exactly": "exactly", "at most": "at_most"}
_SEVERAL: Final = Count("at_least", 2)
_PLURAL: Final = "a plural without a number is read as at least two"
_TWELVE: Final = Amount("within", 12.0, "nmi")

# What a sentence says: name of the form, verb, verb after "did not", the rest. The first that fits is meant.
_AFTER: Final = (
    rf"(?P<where>.+?) (?P<amount>{_AMOUNT}) after (?P<other>.+?) (?:left|departed|took off from) (?P<there>.+)"
)
_VERBS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("left_after", "left|departed(?: from)?|took off from", "leave|depart(?: from)?|take off from", _AFTER),
    ("left", "left|departed(?: from)?|took off from", "leave|depart(?: from)?|take off from", r"(?P<where>.+)"),
    ("landed", "landed at", "land at", r"(?P<where>.+)"),
    ("came_within", "came|passed|flew", "come|pass|fly", rf"(?P<amount>{_AMOUNT}) (?:of|from) (?P<where>.+)"),
    ("came_within", "was|were", "-", rf"(?P<amount>{_AMOUNT}) (?:of|from) (?P<where>.+)"),
    ("stayed", "stayed|remained|kept", "stay|remain|keep",
     rf"(?P<amount>at least {_NUMBER} ?{_UNIT})(?: away)? from (?P<where>.+)"),
    ("near", "flew|came|passed|was|were", "fly|come|pass", r"near (?P<where>.+)"),
    ("flew_over", "flew over|crossed the coast of", "fly over|cross the coast of", r"(?P<where>.+)"),
    ("airspace", "entered the airspace of", "enter the airspace of", r"(?P<where>.+)"),
    ("in_company", "flew", "fly", r"together"),
    ("in_company", "flew in company with", "fly in company with", r"(?P<other>.+)"),
    ("refuelled", "refuell?ed", "refuel", r"(?P<other>.+)?"),
    ("orbited", "orbited", "orbit", r"(?:near (?P<where>.+))?"),
    ("orbited", "flew an?", "fly an?", rf"(?P<pattern>{'|'.join(PATTERNS)})(?: near (?P<where>.+))?"),
    ("flew", "flew|was in the air|were in the air", "fly", r""),
    ("was", "was|were", "-", r"(?P<type>.+)"),
)  # fmt: skip


def _patterns() -> list[tuple[str, bool, re.Pattern[str]]]:
    made = []
    for what, verb, bare, rest in _VERBS:
        tail = rf"(?: {rest})?" if rest.endswith("?") else f" {rest}" if rest else ""
        negated = rf"(?:did not|didn't) (?:{bare})"
        if what in ("was", "near") or bare == "-":
            negated = rf"(?:(?:was|were) not|wasn't|weren't)|{negated}"
        made.append((what, True, re.compile(rf"^(?P<who>.+?),? (?:{negated}){tail}$")))
        made.append((what, False, re.compile(rf"^(?P<who>.+?),? (?:{verb}){tail}$")))
    return made


_FITS: Final = _patterns()


def _number(text: str) -> float:
    return float(NUMBERS.index(text.lower())) if text.lower() in NUMBERS else float(text.replace(",", ""))


def _unknown(sentence: str, why: str) -> InputError:
    forms = "\n".join(f"  {form}" for form in FORMS)
    return InputError(
        f"{sentence!r}: {why}. A sentence is one of\n{forms}\n"
        "WHO: BARB21 and BARB22; icao:ae503d; a B-1; at least two KC-135s; the tankers; no military aircraft. "
        "TIME: on 23 October 2025; at 14:03Z on 23 October 2025; about …; between 14:00Z and 15:00Z on 23 October 2025"
    )


def amount(text: str) -> tuple[Amount, tuple[str, ...]]:
    """An amount and how it was read. Raises ``ValueError``."""
    fit = re.fullmatch(rf"(?:(?P<hedge>{_HEDGE}) )?(?P<n>{_NUMBER}) ?(?P<unit>{_UNIT})", text.strip(), re.IGNORECASE)
    if fit is None:
        raise ValueError(f"{text!r} is no amount, such as 'within 50 nautical miles'")
    hedge, unit = (fit["hedge"] or "").lower(), fit["unit"].lower()
    relation = "about"
    if hedge.startswith("within") or hedge in ("less than", "no more than"):
        relation = "within"
    elif hedge in ("at least", "more than"):
        relation = "at_least"
    notes = ("miles are read as statute miles (1.609 km)",) if unit in ("mile", "miles", "mi") else ()
    return Amount(relation, _number(fit["n"]), _UNITS[unit]), notes


def _date(text: str) -> int:
    """The first instant of a day, ns since 1970. Raises ``ValueError``."""
    words = text.replace(",", "").split()
    day, month = (words[0], words[1]) if words[0].isdigit() else (words[1], words[0])
    stamp = datetime(int(words[2]), MONTHS.index(month) + 1, int(day), tzinfo=UTC)
    return int(stamp.timestamp()) * S_NS


def _clock(text: str) -> int:
    parts = [int(p) for p in re.sub(r" ?(Z|UTC)$", "", text).split(":")] + [0, 0]
    if parts[0] > 24 or parts[1] > 59 or parts[2] > 59:
        raise ValueError(f"{text!r} is no time of day")
    return (parts[0] * 3600 + parts[1] * 60 + parts[2]) * S_NS


_FULL_DAY: Final = DAY_S * S_NS
_AT_NS: Final = 300 * S_NS  #: "at 14:03Z"
_ABOUT_NS: Final = 900 * S_NS  #: "about 14:00Z"


def around(time_ns: int, about: bool) -> When:
    """What a time of day stands for, five or fifteen minutes either way."""
    slack = _ABOUT_NS if about else _AT_NS
    return When(time_ns - slack, time_ns + slack)


def _when(fit: re.Match[str]) -> When:
    if fit["first"]:
        return When(_date(fit["first"]), _date(fit["last"]) + _FULL_DAY - 1)
    if fit["begin"]:
        last = _date(fit["end_day"])
        first = _date(fit["begin_day"]) if fit["begin_day"] else last
        return When(first + _clock(fit["begin"]), last + _clock(fit["end"]))
    day = _date(fit["day"] or fit["day1"])
    how, at = fit["how"] or fit["how1"], fit["at"] or fit["at1"]
    if at is None:
        return When(day, day + _FULL_DAY - 1)
    time = day + _clock(at)
    if how == "before":
        return When(day, time)
    if how == "after":
        return When(time, day + _FULL_DAY)
    return around(time, how != "at")


def _who(text: str) -> tuple[Who, Count | None, bool, tuple[str, ...]]:
    """Whom, how many, whether none of them, and how it was read. Raises ``ValueError``."""
    text = re.sub(r"^(Call|No|A|An|The|Only|Exactly|At least|At most|" + "|".join(n.capitalize() for n in NUMBERS[1:])
                  + r"|Military|Aircraft|" + "|".join(r.capitalize() for r in ROLES) + r")s?\b",
                  lambda m: m[0].lower(), text.strip().rstrip(","))  # fmt: skip
    lead = re.fullmatch(_NAMES, text)
    fit = _WHO.fullmatch(text) if lead is None else _WHO.fullmatch("aircraft " + text)
    if fit is None or not text:
        raise ValueError(f"{text!r} says not whom: call signs (BARB21), addresses (icao:ae503d), a type or a role")
    names = re.split(r", | and ", fit["trailing"]) if fit["trailing"] else []
    if any(not re.fullmatch(_NAME, n) for n in names) or (fit["type"] and not re.fullmatch(_TYPE, fit["type"])):
        raise ValueError(f"{text!r}: call signs and types are written in capitals, such as BARB21 and B-1")
    calls = tuple(n.removeprefix("call sign ") for n in names if ":" not in n)
    addresses = tuple(n for n in names if ":" in n)
    how, n = fit["how"], int(_number(fit["n"])) if fit["n"] else None
    several = bool(fit["types"]) or (fit["roles"] or "") == "s"
    notes: tuple[str, ...] = ()
    count: Count | None = None
    if how in _SHALL:
        if n is None:
            raise ValueError(f"{text!r}: {how!r} needs a number")
        count = Count(_SHALL[how], n)
    elif n is not None and not names:
        count = Count("at_least", n)
        notes = (f"“{fit['n']}” is read as at least {fit['n']}",) if how != "the" else ()
    elif several and how is None and not names:
        count, notes = _SEVERAL, (_PLURAL,)
    if count == Count("at_least", 1):
        count = None
    if how == "no" and (count is not None or names):
        raise ValueError(f"{text!r}: “no” goes before a type or a role alone")
    role = fit["role"].lower() if fit["role"] else None
    who = Who(calls, addresses, fit["type"] or None, role, None, True if fit["military"] else None,
              how == "the" and not names)  # fmt: skip
    return who, count, how == "no", notes


def _place(text: str) -> str:
    """A place without what is said round it."""
    text = re.sub(r"^(?:the )?(?:coast|coasts) of ", "", text.strip())
    text = re.sub(r"^any land of ", "", text)
    text = re.sub(r"^the (?:mainland|mainland coast) of ", "mainland ", text)
    return re.sub(r" coast$", "", text)


def parse(sentence: str) -> Claim:
    """The claim that a sentence makes. Raises ``InputError``, whose text lists the forms."""
    text = " ".join(sentence.split()).rstrip(".").strip()
    timed = _TIME.search(text)
    body = text[: timed.start()].rstrip(",") if timed else text
    try:
        when = _when(timed) if timed else None
        if when is not None and when.start_ns > when.end_ns:
            raise ValueError("its time ends before it begins")
        for what, negated, pattern in _FITS:
            fit = pattern.match(body)
            if fit is not None and (claim := _made(what, negated, fit, when, text)) is not None:
                return claim
    except ValueError as error:
        raise _unknown(sentence, str(error)) from None
    raise _unknown(sentence, "no form fits")


def _made(what: str, negated: bool, fit: re.Match[str], when: When | None, text: str) -> Claim | None:
    got = {k: v for k, v in fit.groupdict().items() if v is not None}
    who, count, none, notes = _who(got["who"])
    if none and negated:
        raise ValueError("it denies twice")
    negated = negated or none
    if negated and count == _SEVERAL and _PLURAL in notes:  # "B-1s did not …"
        count, notes = None, tuple(n for n in notes if n != _PLURAL)
    if negated and count is not None:
        raise ValueError("a denial of a number can mean several things: deny it of any, or claim “at most”")
    where = _place(got["where"]) if "where" in got else None
    near: Amount | None = None
    long: Amount | None = None
    other: Who | None = None
    if "amount" in got:
        measured, more = amount(got["amount"])
        notes += more
        if what == "left_after":
            if not measured.is_time:
                raise ValueError(f"{got['amount']!r} is no length of time")
            long = measured
        elif measured.is_time:
            raise ValueError(f"{got['amount']!r} is no distance")
        else:
            near = measured
    if what == "came_within" and near is not None and near.relation == "at_least":
        raise ValueError("write “stayed at least … from” for a distance that nobody came below")
    if "other" in got:
        other, others, nobody, more = _who(got["other"])
        notes += tuple(n for n in more if n != _PLURAL)
        if nobody or others not in (None, _SEVERAL) or (others == _SEVERAL and _PLURAL not in more):
            raise ValueError("after the verb only “the B-1s”, “a B-1” or names can stand, without a number")
    if what == "stayed":
        assert near is not None
        near, negated, what = Amount("within", near.value, near.unit), not negated, "came_within"
    if what == "near":
        near, what = NEAR, "came_within"
        notes += ("“near” is read as within 200 nautical miles",)
    if what == "airspace":
        near, what = _TWELVE, "came_within"
        notes += ("airspace is read as the land and the 12 nautical miles before it",)
    if what == "was":
        other = _is(got["type"])
        if other is None:
            return None
    if what == "in_company" and other is None and who.named and len(who.named) < 2:
        raise ValueError("one alone does not fly together; write “in company with”")
    there = _place(got["there"]) if "there" in got else None
    return Claim(what, who, where, when, count, near, long, other, there, got.get("pattern"), negated, text=text,
                 notes=notes)  # fmt: skip


def _is(text: str) -> Who | None:
    bare = re.sub(r"^(?:an?|the) ", "", text)
    if bare == "military":
        return Who(military=True)
    try:
        who = _who(bare)[0]
    except ValueError:
        return None
    return who if who.described and not who.named else None


def _say_when(when: When | None) -> str:
    if when is None:
        return ""
    if when.start_ns % _FULL_DAY == 0 and (when.end_ns + 1) % _FULL_DAY == 0:
        first, last = _say_day(when.start_ns), _say_day(when.end_ns)
        return f" on {first}" if first == last else f" from {first} to {last}"
    return (
        f" between {_say_clock(when.start_ns)} on {_say_day(when.start_ns)} "
        f"and {_say_clock(when.end_ns)} on {_say_day(when.end_ns)}"
    )


def _say_day(time_ns: int) -> str:
    stamp = datetime.fromtimestamp(time_ns // S_NS, UTC)
    return f"{stamp.day} {MONTHS[stamp.month - 1]} {stamp.year}"


def _say_clock(time_ns: int) -> str:
    stamp = datetime.fromtimestamp(time_ns // S_NS, UTC)
    return f"{stamp:%H:%M}Z" if stamp.second == 0 else f"{stamp:%H:%M:%S}Z"


def say_number(value: float) -> str:
    """A number without a needless fraction."""
    return f"{value:.0f}" if value == int(value) else f"{value:g}"


def say_amount(measured: Amount) -> str:
    """``within 50 nautical miles``."""
    return f"{measured.relation.replace('_', ' ')} {say_number(measured.value)} {_SAID_UNITS[measured.unit]}"


def say_who(who: Who, count: Count | None = None, negated: bool = False) -> str:
    """Whom: ``at least two B-1s``, ``BARB21 and BARB22``."""
    names = join([n if ":" in n or re.fullmatch(_CALLSIGN, n) else f"call sign {n}" for n in who.named])
    noun = who.type or (who.role if who.role in _NOUN_ROLES else f"{who.role} aircraft" if who.role else "aircraft")
    if who.operator:
        noun = f"{noun} of {who.operator}"
    if names and not who.described and count is None:
        return names
    many = noun if noun.endswith("aircraft") else f"{noun}s" if who.type else plural(noun)
    kind = "military " if who.military else ""
    if names:
        lead = "the " if count is None else f"{count.relation.replace('_', ' ')} {_say_count(count.n)} "
        return f"{lead}{kind}{noun if len(who.named) == 1 else many} {names}"
    if negated:
        return f"no {kind}{noun}"
    if who.definite:
        return f"the {f'{_say_count(count.n)} ' if count else ''}{kind}{many}"
    if count is None:
        return an(kind + noun)
    return f"{count.relation.replace('_', ' ')} {_say_count(count.n)} {kind}{noun if count.n == 1 else many}"


def _say_count(n: int) -> str:
    return NUMBERS[n] if 0 < n < len(NUMBERS) else str(n)


_SAID: Final = {
    "left": ("left", "leave"), "landed": ("landed at", "land at"), "flew_over": ("flew over", "fly over"),
    "flew": ("flew", "fly"), "came_within": ("came", "come"), "in_company": ("flew", "fly"),
    "refuelled": ("refuelled", "refuel"), "orbited": ("orbited", "orbit"), "left_after": ("left", "leave"),
}  # fmt: skip


def say(claim: Claim) -> str:
    """A claim as a sentence of one of the forms; ``parse`` gives the claim back."""
    none = claim.negated and not claim.who.named and not claim.who.definite
    who = say_who(claim.who, claim.how_many, none)
    denied = claim.negated and not none
    if claim.what == "was":
        assert claim.other is not None
        be = "were" if len(claim.who.named) > 1 or claim.who.definite or claim.how_many else "was"
        kind = "military" if claim.other == Who(military=True) else say_who(claim.other)
        if be == "were" and kind != "military":
            kind = say_who(replace(claim.other, definite=True)).removeprefix("the ")
        return f"{who} {be} {'not ' if denied else ''}{kind}{_say_when(claim.when)}.".replace("\n", " ")
    past, bare = _SAID[claim.what]
    pattern = claim.pattern if claim.what == "orbited" else None
    if pattern is not None:
        past, bare = f"flew a {pattern}", f"fly a {pattern}"
    text = f"{who} {f'did not {bare}' if denied else past}"
    if claim.how_near is not None:
        near = claim.how_near
        text += f" {say_amount(near)} {'from' if near.relation == 'about' else 'of'}"
    if claim.what == "in_company":
        text += " together" if claim.other is None else f" in company with {say_who(claim.other)}"
    elif claim.what == "refuelled" and claim.other is not None:
        text += f" {say_who(claim.other)}"
    if claim.where is not None:
        text += f" near {claim.where}" if claim.what == "orbited" else f" {claim.where}"
    if claim.what == "left_after":
        assert claim.how_long is not None
        assert claim.other is not None
        text += f" {say_amount(claim.how_long)} after {say_who(claim.other)} left {claim.other_where}"
    text += _say_when(claim.when)
    return text[0].upper() + text[1:] + "." if not re.match(_ADDRESS, text) else text + "."


def time_of(text: str, about: bool = False) -> When:
    """What an ISO time or day stands for. Raises ``ValueError``."""
    time = parse_utc(text)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
        return When(time, time + _FULL_DAY - 1)
    return around(time, about)
