"""What each format that is written can say of a track: the laws of links compare this with what is read back.

A module a link. ``STEPS``: half of the last digit that the encoder writes, of each column that does not come back as it
was. ``said(track)``, where the format cannot say all: the rows that must be read back, written from the specification
by other means than the encoder. ``TRACK``, where the format is not for aircraft: a strategy of rows instead of those
of the laws. ``gathered(read)``, where a row takes several messages: the rows that they make together.
"""

from importlib import import_module
from pathlib import Path

import polars as pl
from hypothesis import strategies as st

_MODULES = {p.stem: import_module(f"said.{p.stem}") for p in Path(__file__).parent.glob("[a-z]*.py")}
STEPS = {name: module.STEPS for name, module in _MODULES.items()}


def said(name: str, track: pl.DataFrame) -> pl.DataFrame:
    """What the link of that name can say of a track."""
    module = _MODULES[name]
    return module.said(track) if hasattr(module, "said") else track.clone()


def track(name: str, usual: st.SearchStrategy[pl.DataFrame]) -> st.SearchStrategy[pl.DataFrame]:
    """Rows that the link of that name is for."""
    return getattr(_MODULES.get(name), "TRACK", usual)


def gathered(name: str, read: pl.DataFrame) -> pl.DataFrame:
    """What was read, a row for each that was written."""
    module = _MODULES[name]
    return module.gathered(read) if hasattr(module, "gathered") else read
