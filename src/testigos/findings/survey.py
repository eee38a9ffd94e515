"""What findings need to know of everybody who was heard, and not only of whom they are about.

Was a receiver hearing others when this aircraft fell silent? Were the positions of all wrong at once? A finder that
asks such things names in ``SURVEYS`` what is to be counted while the input is read. A survey is an aggregate: the
frames it was made of are not all in a report's evidence, but the excerpt that findings rested on is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from testigos import registry
from testigos.errors import InputError
from testigos.findings.scene import Scene

__all__ = ["Survey", "Surveyed", "survey_all", "surveys"]

_FEW = 64  # small tables that wait until they are joined


@dataclass(frozen=True)
class Survey:
    """How something is counted over all reports.

    ``count``: reports of one batch (columns of ``schema.REPORTS``, any part of the input) to a small table.
    ``join``: adds such tables up, in any order and grouping; of none it gives an empty table with its columns.
    ``excerpt``: what findings on ``tracks`` need of the joined table, sorted so that equal input gives equal rows.
    """

    name: str
    count: Callable[[pl.DataFrame, Scene], pl.DataFrame]
    join: Callable[[Sequence[pl.DataFrame]], pl.DataFrame]
    excerpt: Callable[[pl.DataFrame, pl.DataFrame, Scene], pl.DataFrame]


def surveys() -> tuple[Survey, ...]:
    """Those that finders ask for, each once, by name. Raises ``InputError`` where two differ under one name."""
    named: dict[str, Survey] = {}
    for kind in registry.finders():
        for survey in getattr(registry.finder(kind), "SURVEYS", ()):
            if named.setdefault(survey.name, survey) != survey:
                raise InputError(f"{kind}: there is another survey named {survey.name!r}")
    return tuple(named[name] for name in sorted(named))


@dataclass
class Surveyed:
    """Counts that grow as batches are read; memory stays that of the joined tables."""

    scene: Scene
    tables: dict[str, list[pl.DataFrame]] = field(default_factory=dict)

    def add(self, batch: pl.DataFrame) -> None:
        """Counts a batch of reports into every survey."""
        for survey in surveys():
            waiting = self.tables.setdefault(survey.name, [])
            counted = survey.count(batch, self.scene)
            if len(counted):
                waiting.append(counted)
            if len(waiting) >= _FEW:
                waiting[:] = [survey.join(waiting)]

    def excerpts(self, tracks: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """What the findings on tracks need of each survey, by its name."""
        return {
            survey.name: survey.excerpt(survey.join(self.tables.get(survey.name, [])), tracks, self.scene)
            for survey in surveys()
        }


def survey_all(reports: pl.DataFrame, tracks: pl.DataFrame, here: Scene) -> dict[str, pl.DataFrame]:
    """Excerpts of all surveys where all there is to count is one table."""
    counted = Surveyed(here)
    counted.add(reports)
    return counted.excerpts(tracks)
