"""The exceptions a caller can do something about.

Everything else is a defect of ours and surfaces as what it is. Damaged *input rows* are never
exceptions: they are rows with a status (see :mod:`testigos.schema`).

* TestigosError

  * InputError: a source that cannot be opened or read as a whole

    * UnknownFormat: no link recognises the bytes
    * SourceUnavailable: a file, host or archive that isn't there or stopped answering
    * ConfigError: a configuration that says what cannot be; tells the line

  * UnknownName: a name that is in no registry; offers the nearest ones
  * ArchiveError: an archive that is damaged, locked or full
  * VerifyError: a bundle whose evidence does not carry its numbers
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "ArchiveError",
    "ConfigError",
    "InputError",
    "SourceUnavailable",
    "TestigosError",
    "UnknownFormat",
    "UnknownName",
    "VerifyError",
]


class TestigosError(Exception):
    """Base of all errors that a caller can mend; its text says what, where and what to try."""

    __test__ = False  # the name begins with "Test"; it is no test


class InputError(TestigosError):
    """A source that cannot be read as a whole."""


class UnknownFormat(InputError):
    """No link recognises the bytes."""


class SourceUnavailable(InputError):
    """A file, host or archive that isn't there or stopped answering."""


class ConfigError(InputError):
    """A configuration that says what cannot be; ``line`` counts from 1, null where no line is to blame."""

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.line = line


class UnknownName(TestigosError):
    """A name that is in no registry.

    >>> str(UnknownName("link", "beats", ["aivdm", "avr", "beast"]))
    "no link named 'beats'; did you mean 'beast'? known: aivdm, avr, beast"
    """

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        folded = {n.casefold(): n for n in names}
        near = [folded[m] for m in get_close_matches(name.casefold(), folded, n=3, cutoff=0.6)]
        text = f"no {what} named {name!r}"
        if near:
            text += "; did you mean " + " or ".join(repr(n) for n in near) + "?"
        if 0 < len(names) <= 30:
            text += ("" if near else ";") + " known: " + ", ".join(names)
        super().__init__(text)
        self.near = near


class ArchiveError(TestigosError):
    """An archive that is damaged, locked or full."""


class VerifyError(TestigosError):
    """A bundle whose evidence does not carry its numbers."""
