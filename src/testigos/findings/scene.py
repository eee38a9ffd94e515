"""What finders share: the question, the places it names, and the world that answers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from testigos import registry
from testigos.errors import InputError
from testigos.model import Finding, Question
from testigos.units import LengthUnit
from testigos.world import Place, World

__all__ = ["Scene", "by_leg", "by_object", "find_all", "finding_ids", "frame_ids", "in_question", "scene", "sentence"]


@dataclass(frozen=True)
class Scene:
    """A question in its world. ``targets`` are the places it names, countries in all their parts.

    ``found`` are the findings of the kinds with a lower rank, for those that rest on others. ``surveys`` are the
    excerpts of what was counted over everybody heard, by name (see ``findings.survey``); one may be missing.
    ``receivers``: latitude, longitude and height of the antenna in metres, by name, where they are known.
    """

    question: Question
    world: World
    targets: tuple[Place, ...]
    found: tuple[Finding, ...] = ()
    surveys: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    receivers: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


def scene(question: Question, world: World) -> Scene:
    """Resolve the question's places, each once.

    Raises ``UnknownName`` for a place that nothing knows, ``InputError`` for one without a coast.
    """
    targets: dict[str, Place] = {}
    for name in question.near:
        parts = [part for part in world.resolve(name).parts().values() if len(part.segments)]
        if not parts:
            raise InputError(f"{name}: has no coast to be near to; name a point, an airfield or a GeoJSON area")
        targets.update((part.key, part) for part in parts)
    return Scene(question, world, tuple(targets.values()))


def find_all(tracks: pl.DataFrame, here: Scene) -> list[Finding]:
    """Findings of every kind, ordered by kind, subject and time.

    ``tracks``: columns of ``schema.TRACKS``, as ``fuse.tracks`` gives them.
    """
    finders = sorted((registry.finder(k) for k in registry.finders()), key=lambda f: (f.RANK, f.KIND))
    found: tuple[Finding, ...] = here.found
    for finder in finders:
        found += tuple(finder.find(tracks, replace(here, found=found)))
    return list(found)


def sentence(finding: Finding, names: Mapping[str, str], unit: LengthUnit) -> str:
    """The sentence of a finding, in the reader's unit; ``names``: what the text calls each subject."""
    if finding.kind not in registry.finders():
        return finding.sentence or f"{finding.kind}: {', '.join(names.get(s, s) for s in finding.subjects)}."
    told = {s: names.get(s) or s for s in finding.subjects}
    return str(registry.finder(finding.kind).sentence(finding, told, unit))


def in_question(tracks: pl.DataFrame, here: Scene) -> pl.DataFrame:
    """The rows that count: ``ok``, and in the question's window."""
    usable = tracks.filter(pl.col("status") == "ok")
    if here.question.start_ns is not None:
        usable = usable.filter(pl.col("time_ns") >= here.question.start_ns)
    if here.question.end_ns is not None:
        usable = usable.filter(pl.col("time_ns") < here.question.end_ns)
    return usable


def by_object(tracks: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of each object, in their order."""
    for (subject,), table in tracks.partition_by("object_id", as_dict=True, maintain_order=True).items():
        yield str(subject), table


def by_leg(tracks: pl.DataFrame) -> Iterator[tuple[tuple[str, int], pl.DataFrame]]:
    """The rows of each sortie, by object and number of the leg, in their order."""
    parts = tracks.partition_by("object_id", "leg", as_dict=True, maintain_order=True)
    for (subject, leg), table in parts.items():
        yield (str(subject), int(leg)), table


def frame_ids(rows: pl.DataFrame) -> tuple[str, ...]:
    """Frame ids of rows, in their order, each once."""
    pairs = zip(rows["segment"].to_list(), rows["offset"].to_list(), strict=True)
    return tuple(dict.fromkeys(f"{segment:016x}:{offset}" for segment, offset in pairs if segment is not None))


def finding_ids(findings: Sequence[Finding]) -> list[str]:
    """An id for each: its kind and its number among that kind, from 1, in the given order."""
    seen: Counter[str] = Counter()
    ids = []
    for finding in findings:
        seen[finding.kind] += 1
        ids.append(f"{finding.kind}-{seen[finding.kind]}")
    return ids
