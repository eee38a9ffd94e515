"""Testigos: from public tracks to a sentence one can defend.

Public names only; importing this package does nothing else. Each name is loaded on first use.

>>> import testigos as ts
>>> sorted(ts.__all__)[:3]
['Finding', 'Interval', 'Question']
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Finding": "model",
    "Interval": "model",
    "Question": "model",
    "check": "api",
    "closest_approach": "api",
    "decode": "api",
    "find": "api",
    "read": "api",
    "report": "api",
    "tracks": "api",
    "verify": "api",
}
__all__ = [
    "Finding",
    "Interval",
    "Question",
    "check",
    "closest_approach",
    "decode",
    "find",
    "read",
    "report",
    "tracks",
    "verify",
]

if TYPE_CHECKING:
    from testigos.api import check, closest_approach, decode, find, read, report, tracks, verify
    from testigos.model import Finding, Interval, Question


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"testigos.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'testigos' has no attribute {name!r}")


class _Package(ModuleType):
    """``testigos.report`` is a function and a subpackage; as an attribute it is always the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system sets each subpackage as an attribute of its parent; ``from testigos.report import x``
        # works without.
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
