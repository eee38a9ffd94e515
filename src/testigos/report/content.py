"""Everything that a report shows, before it takes any form; the same content gives the same bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos.model import Finding, Question
from testigos.report.land import empty
from testigos.report.subjects import Subject, subjects
from testigos.units import LengthUnit

__all__ = ["COLOURS", "OTHERS", "Content", "Line", "colours", "flown", "leading", "leads", "ranked", "seconds"]

#: Told apart by people with any colour vision, and in print. Own choice after Okabe and Ito (2008).
COLOURS: Final = ("#b3261e", "#1d5f9e", "#b86e00", "#1f7a5c", "#7a4a9e", "#55606b", "#8a5a2b", "#a83a74")
OTHERS: Final = "#8b949c"


class Line(Protocol):
    """What is needed of :class:`testigos.world.places.Place`."""

    def nearest(self, lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike) -> Any:
        """Gives ``distance_m`` (N,) of N points."""

    def contains(self, lat_deg: npt.ArrayLike, lon_deg: npt.ArrayLike) -> Any:
        """Gives for N points whether each is inside, (N,)."""


@dataclass(frozen=True)
class Content:
    """``places`` by name and kind; ``frames`` are raw bytes by frame id; ``documents`` what was read.

    ``land`` as in :mod:`testigos.report.land`, map 0 the near one, map 1 the far one. ``account`` are lines of
    what was read and refused, in the order of print. ``columns`` is the user's column map for tables. ``verdicts``
    on claims are as in ``verdicts.json``.
    """

    findings: Sequence[Finding]
    tracks: pl.DataFrame
    question: Question
    unit: LengthUnit
    simulated: bool
    version: str
    places: Mapping[tuple[str, str], Line] = field(default_factory=dict)
    land: pl.DataFrame = field(default_factory=empty)
    frames: Mapping[str, bytes] = field(default_factory=dict)
    documents: Sequence[Mapping[str, str]] = ()
    account: Sequence[tuple[str, str]] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    verdicts: Sequence[Mapping[str, Any]] = ()


def flown(tracks: pl.DataFrame) -> pl.DataFrame:
    """The fixes that count, with the frame id of each, ordered by object and time."""
    return tracks.filter(
        (pl.col("status") == "ok") & pl.col("lat_deg").is_not_null() & pl.col("time_ns").is_not_null()
    ).sort("object_id", "time_ns", "segment", "offset", maintain_order=True)


def colours(every: Sequence[Subject]) -> dict[str, str]:
    """A colour for each subject of :func:`leads`, the nearest first; from the ninth on they repeat. Others: grey."""
    told = ranked(leads(every))
    return {s.object_id: OTHERS for s in every} | {s.object_id: COLOURS[i % len(COLOURS)] for i, s in enumerate(told)}


def leads(every: Sequence[Subject]) -> list[Subject]:
    """Whom the report is about: the military ones where there are any, else all."""
    return [s for s in every if s.military] or list(every)


def ranked(every: Sequence[Subject]) -> list[Subject]:
    """Military ones first, then the nearest."""
    return sorted(every, key=lambda s: (not s.military, s.nearest_m, s.label, s.object_id))


def seconds(table: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Times of rows in seconds since 1970."""
    return np.asarray(table["time_ns"].to_numpy() / 1e9, np.float64)


def leading(content: Content, most: int) -> list[Subject]:
    """The subjects a figure shows, the nearest first; military ones before all others."""
    return ranked(subjects(content.findings))[:most]
