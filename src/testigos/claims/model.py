"""What a statement says, and what tracks make of it: a claim, its parts, and a verdict."""

from dataclasses import dataclass, field
from typing import Any, Final

from testigos.model import Interval
from testigos.units import KM_M, MI_M, NMI_M

__all__ = [
    "ABOUT", "ABOUT_LEAST_S", "LENGTHS", "NEAR", "RULINGS", "TIMES", "WHAT", "Amount", "Claim", "Count", "Part",
    "Reading", "Verdict", "When", "Who",
]  # fmt: skip

#: What a claim can say of somebody, in the words of a file of claims.
WHAT: Final = {
    "flew": "was in the air",
    "left": "took off from an airfield",
    "landed": "landed at an airfield",
    "came_within": "came so near to a place",
    "flew_over": "was over a place",
    "in_company": "flew together, or with somebody",
    "refuelled": "gave fuel to somebody in the air",
    "orbited": "stayed in an orbit",
    "was": "is of a type, a role, or military",
    "left_after": "left so long after somebody else",
}
RULINGS: Final = ("supported", "contradicted", "partly", "not_observable")
LENGTHS: Final = {"nmi": NMI_M, "mi": MI_M, "km": KM_M, "m": 1.0}
TIMES: Final = {"h": 3600.0, "min": 60.0, "s": 1.0}
RELATIONS: Final = ("within", "at_least", "about")
ABOUT: Final = 0.10  #: "about": so much of the number, either way. Own rule.
ABOUT_LEAST_S: Final = 300.0  #: and at least five minutes, for lengths of time


@dataclass(frozen=True)
class Amount:
    """A length or a length of time as a statement gives it: ``within``, ``at_least`` or ``about`` so much."""

    relation: str
    value: float
    unit: str

    @property
    def is_time(self) -> bool:
        """Is it a length of time?"""
        return self.unit in TIMES

    def span(self) -> tuple[float, float]:
        """The least and the greatest that the statement allows, in metres or seconds."""
        size = self.value * (TIMES[self.unit] if self.is_time else LENGTHS[self.unit])
        if self.relation == "within":
            return 0.0, size
        if self.relation == "at_least":
            return size, float("inf")
        slack = max(ABOUT * size, ABOUT_LEAST_S if self.is_time else 0.0)
        return max(0.0, size - slack), size + slack


#: "Near" without a distance: as far as a report looks unless it is told otherwise. Own rule, said in the verdict.
NEAR: Final = Amount("within", 200.0, "nmi")


@dataclass(frozen=True)
class Count:
    """How many: ``at_least``, ``exactly`` or ``at_most``."""

    relation: str
    n: int


@dataclass(frozen=True)
class Who:
    """Whom a statement is about; every field narrows it, and none means any aircraft.

    ``definite``: "the B-1s" are those that tracks show, and no others.
    """

    callsigns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    type: str | None = None
    role: str | None = None
    operator: str | None = None
    military: bool | None = None
    definite: bool = False

    @property
    def named(self) -> tuple[str, ...]:
        """Call signs and addresses: these are looked for one by one."""
        return (*self.callsigns, *self.addresses)

    @property
    def described(self) -> bool:
        """Does it say what they are, beyond their names?"""
        return any(v is not None for v in (self.type, self.role, self.operator, self.military))


@dataclass(frozen=True)
class When:
    """From when to when something was, both ends included, ns since 1970."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Claim:
    """One statement. ``airfield`` is the ICAO code that ``where`` stands for, once the world was asked."""

    what: str
    who: Who = Who()
    where: str | None = None
    when: When | None = None
    how_many: Count | None = None
    how_near: Amount | None = None
    how_long: Amount | None = None
    other: Who | None = None
    other_where: str | None = None
    pattern: str | None = None
    negated: bool = False
    id: str = ""
    text: str = ""
    source: str = ""
    date: str = ""
    quotation: str = ""
    url: str = ""
    topic: str = ""
    simulated: bool = False
    airfield: str | None = None
    airfield_at: tuple[float, float] | None = None
    other_airfield: str | None = None
    notes: tuple[str, ...] = ()  #: how words were read that can mean several things


@dataclass(frozen=True)
class Part:
    """What was found of one part of a claim: mostly of one aircraft.

    ``measure`` is what was held against what the claim allows, ``change`` what would change this ruling.
    """

    ruling: str
    because: str
    subject: str | None = None
    measure: Interval | None = None
    findings: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    confidence: float = 1.0
    change: str = ""
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """Another way to read the claim, and what it would then come to."""

    says: str
    ruling: str


@dataclass(frozen=True)
class Verdict:
    """What tracks make of a claim. ``parts`` that decided come first."""

    claim: Claim
    ruling: str
    because: str
    confidence: float
    change: str
    parts: tuple[Part, ...] = ()
    readings: tuple[Reading, ...] = ()
    caveats: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[str, ...]:
        """Ids of the findings that it rests on."""
        return tuple(dict.fromkeys(f for p in self.parts for f in p.findings))

    @property
    def evidence(self) -> tuple[str, ...]:
        """Frame ids of the deciding fixes."""
        return tuple(dict.fromkeys(e for p in self.parts for e in p.evidence))
