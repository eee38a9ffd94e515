"""Links with what a user knows beside the bytes: when they began, where the receiver stood.

Evidence and archives keep a link as text: its name, and after a question mark the options that are not their
defaults, such as ``beast?began_ns=1761220800000000000&repair=true``. So whoever reads them decodes as before.
"""

from functools import cache
from typing import Any, Final

from testigos.errors import InputError
from testigos.links._modes import Options
from testigos.registry import Link
from testigos.registry import link as link_named

__all__ = ["configured", "link_from_text", "takes_options", "text_of"]

_WHOLE: Final = ("began_ns",)
_FLAGS: Final = {"true": True, "false": False}


@cache
def _made(name: str, options: Options) -> Link:
    made: Link = link_named(name).configured(options)  # type: ignore[attr-defined]
    return made


def takes_options(link: Link) -> bool:
    """Does it read raw frames, which have receivers' stamps, or what has a time of day and no date?"""
    return "stamp" in link.GIVES or getattr(link, "UNDATED", False)


def configured(link: Link, options: Options | None) -> Link:
    """The link with ``options`` where it takes any; else as it is."""
    if options is None or options == Options() or not (takes_options(link) and hasattr(link, "configured")):
        return link
    return _made(link.NAME, options)


def text_of(link: Link) -> str:
    """A link as text, options included.

    >>> text_of(link_from_text("beast?began_ns=1761220800000000000&repair=true"))
    'beast?began_ns=1761220800000000000&repair=true'
    """
    options = getattr(link, "options", None)
    told = options.as_dict() if isinstance(options, Options) else {}
    said = (f"{k}={str(v).lower() if isinstance(v, bool) else repr(v)}" for k, v in told.items())
    return f"{link.NAME}?{'&'.join(said)}" if told else link.NAME


def _value(name: str, text: str) -> Any:
    if text in _FLAGS:
        return _FLAGS[text]
    return int(text) if name in _WHOLE else float(text)


def link_from_text(text: str) -> Link:
    """The link that ``text_of`` wrote down. Raises ``UnknownName``, ``InputError`` for options that are none."""
    name, mark, rest = text.partition("?")
    link = link_named(name)
    if not mark:
        return link
    try:
        told = {k: _value(k, v) for k, _, v in (pair.partition("=") for pair in rest.split("&"))}
        return configured(link, Options.from_dict(told))
    except ValueError as error:
        raise InputError(f"{text!r}: {error}") from None
