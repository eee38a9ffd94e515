"""What is where and who is who: coast, islands, airfields, addresses, call signs, types."""

from importlib import import_module
from typing import Any

__all__ = ["Place", "World", "open_world"]

_WHERE = {"Place": "places", "World": "atlas", "open_world": "atlas"}


def __getattr__(name: str) -> Any:
    """The public names, imported when first used."""
    if name in _WHERE:
        return getattr(import_module(f"testigos.world.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
