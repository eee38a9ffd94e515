"""Does a report's evidence carry its numbers? Everything is made again from the raw frames, and compared.

No network and no data package is used: the coast, airfields and tables are those in the bundle. So are the surveys,
which were counted over frames that a bundle does not hold: they are checked by their hash alone.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from testigos import schema
from testigos.findings import Scene, find_all, scene
from testigos.fuse import tracks as fuse_tracks
from testigos.io import reports_from_excerpts
from testigos.links.csv import configured
from testigos.report import bundle
from testigos.report.content import Content
from testigos.report.published import published
from testigos.units import LENGTH_UNITS
from testigos.world import World

__all__ = ["Beside", "Problem", "verify"]

#: Further files of a folder, made again from what its evidence gives: content, and the scene it was found in.
Beside = Callable[[Path, Content, Scene], Mapping[str, bytes]]

_MOST: Final = 20  # problems told of a file
_DAMAGE: Final = (Exception, pl.exceptions.PanicException)  # Polars panics over some damaged Parquet files
_AROUND: Final = 40  # characters shown on each side of a difference


@dataclass(frozen=True)
class Problem:
    """What does not hold, and in which file."""

    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


def verify(folder: Path, beside: Beside | None = None) -> list[Problem]:
    """What does not hold in a report's folder; empty if every number can be rebuilt.

    First the files against the manifest, then every finding, sentence, table and map against what the raw
    frames in ``evidence/`` give. ``beside`` makes files that others put into the folder, to be compared too.
    """
    try:
        manifest = msgspec.json.decode((folder / bundle.MANIFEST).read_bytes())
        listed = msgspec.convert(manifest["files"], dict[str, str])
        made_by = str(manifest["testigos"])
    except OSError as error:
        return [Problem(bundle.MANIFEST, f"cannot be read: {error.strerror}; is {folder} a report?")]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return [Problem(bundle.MANIFEST, f"is no manifest of a report: {error}")]
    problems = list(_hashes(folder, listed))
    try:
        problems += _rebuilt(folder, manifest, beside)
    except _DAMAGE as error:  # damaged evidence can fail anywhere; that is the answer, not an accident
        problems.append(Problem(bundle.EVIDENCE, f"cannot be rebuilt from: {type(error).__name__}: {error}"))
    if problems and made_by != version("testigos"):
        text = f"the report is by Testigos {made_by}, this is {version('testigos')}: numbers may differ for that"
        problems.append(Problem(bundle.MANIFEST, text))
    return problems


def _hashes(folder: Path, listed: Mapping[str, str]) -> Iterator[Problem]:
    present = set(bundle.file_names(folder))
    for name, expected in sorted(listed.items()):
        if name not in present:
            yield Problem(name, "is missing")
        elif (actual := bundle.sha256_of(folder / name)) != expected:
            yield Problem(name, f"has SHA-256 {actual[:16]}…, the manifest says {str(expected)[:16]}…: it was altered")
    for name in sorted(present - set(listed)):
        yield Problem(name, "is not in the manifest")


def _content(folder: Path, manifest: Mapping[str, Any]) -> tuple[Content, Scene]:
    evidence = folder / bundle.EVIDENCE
    question = bundle.question_of(manifest["question"])
    here = replace(scene(question, World.from_bundle(folder / bundle.WORLD)), surveys=bundle.read_surveys(folder))
    columns = {str(k): str(v) for k, v in manifest["columns"].items()}
    batches = list(reports_from_excerpts(evidence, link=configured(columns) if columns else None))
    reports = pl.concat(batches) if batches else schema.conform(pl.DataFrame())
    reports = reports.filter(pl.col("object_id").is_in(list(manifest["objects"])))
    tracks, _ = fuse_tracks(reports, assume_radius_m=question.assume_radius_m)
    findings = find_all(tracks, here)
    content = Content(
        findings,
        tracks,
        question,
        LENGTH_UNITS[manifest["units"]],
        bool(manifest["simulated"]) or bundle.says_simulated(tracks),
        str(manifest["testigos"]),
        places={(t.name, t.kind): t for t in here.targets},
        land=bundle.read_map(folder),
        frames=bundle.frames_of(evidence, (e for f in findings for e in f.evidence)),
        documents=bundle.documents_of(evidence),
        account=[(str(k), str(v)) for k, v in manifest["account"]],
        columns=columns,
    )
    return content, here


def _rebuilt(folder: Path, manifest: Mapping[str, Any], beside: Beside | None) -> list[Problem]:
    content, here = _content(folder, manifest)
    problems: list[Problem] = []
    more = {} if beside is None else beside(folder, content, here)
    verdicts = folder / bundle.VERDICTS
    # Who cannot make verdicts again still sees that the page shows those that are there.
    there_already = {bundle.VERDICTS: verdicts.read_bytes()} if beside is None and verdicts.exists() else {}
    content = bundle.with_verdicts(content, {**there_already, **more}, folder / bundle.EVIDENCE)
    for name, data in chain(bundle.rendered(content), more.items()):
        try:
            there = (folder / name).read_bytes()
        except OSError:
            continue  # told as missing already
        if there == data:
            continue
        if name == "findings.json":
            found = _findings(there, content)
        elif name == "tracks.parquet":
            found = _table(folder / name, content.tracks)
        else:
            found = _text(there.decode("utf-8", "replace"), data.decode())
        listed = [Problem(name, text) for text in found]
        problems += listed[:_MOST]
        if len(listed) > _MOST:
            problems.append(Problem(name, f"and {len(listed) - _MOST} more differences"))
    again = msgspec.json.decode(bundle.manifest(folder, content, manifest["units"]))
    problems += [
        Problem(bundle.MANIFEST, f"{key} is not what the evidence gives")
        for key in ("simulated", "objects", "data", "documents")
        if again[key] != manifest.get(key)
    ]
    return problems


def _number(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        text = f"{value:,.6f}".rstrip("0")
        return text + "0" if text.endswith(".") else text
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"“{text if len(text) < 160 else text[:160] + '…'}”"


def _differences(name: str, there: Any, made: Any) -> Iterator[str]:
    """Every leaf of a JSON value that differs, by its path."""
    if isinstance(there, dict) and isinstance(made, dict):
        for key in sorted({*there, *made}):
            if key not in there or key not in made:
                yield f"{name} {key} is {'missing' if key in made else 'not in the evidence'}"
            else:
                joint = f"{name}.{key}" if " " in name else f"{name} {key}"
                yield from _differences(joint, there[key], made[key])
    elif isinstance(there, list) and isinstance(made, list) and len(there) == len(made):
        for i, (a, b) in enumerate(zip(there, made, strict=True)):
            yield from _differences(f"{name}[{i}]", a, b)
    elif (type(there) is not type(made) and not (isinstance(there, int | float) and isinstance(made, int | float))) or (
        there != made and not (isinstance(there, float) and math.isnan(there))
    ):
        yield f"{name} is {_number(there)}, evidence gives {_number(made)}"


def _findings(there: bytes, content: Content) -> Iterator[str]:
    try:
        listed = msgspec.json.decode(there)
        by_id = {str(f["id"]): f for f in listed}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        yield f"is no list of findings: {error}"
        return
    made = {f["id"]: f for f in msgspec.json.decode(msgspec.json.encode(published(content.findings, content.unit)))}
    told = False
    for number in [*made, *(n for n in by_id if n not in made)]:
        if number not in by_id:
            text = f"{number} is missing"
        elif number not in made:
            text = f"{number} is not what the evidence gives"
        else:
            a, b = dict(by_id[number]), dict(made[number])
            # the measures are read as their own names: "approach-3 distance.low"
            for x in (a, b):
                measures = x.pop("measures", None)
                x.update(measures if isinstance(measures, dict) else {"measures": measures})
            for difference in _differences(number, a, b):
                told = True
                yield difference
            continue
        told = True
        yield text
    if not told:
        yield "has other bytes than the evidence gives, though the same values"


def _table(path: Path, made: pl.DataFrame) -> Iterator[str]:
    try:
        there = pl.read_parquet(path)
    except _DAMAGE as error:
        yield f"cannot be read: {error}"
        return
    made = schema.conform(made, schema.TRACKS)
    if there.columns != made.columns or there.schema != made.schema:
        yield "has other columns than the evidence gives"
    elif len(there) != len(made):
        yield f"has {len(there):,} rows, evidence gives {len(made):,}"
    else:
        for name in made.columns:
            differs = there[name].ne_missing(made[name])
            if differs.any():
                row = int(differs.arg_max() or 0)
                yield (
                    f"row {row + 1:,} {name} is {_number(there[name][row])}, evidence gives {_number(made[name][row])}"
                    f" ({int(differs.sum()):,} rows differ)"
                )


def _text(there: str, made: str) -> Iterator[str]:
    """The first difference of two texts, with what stands around it."""
    limit = min(len(there), len(made))
    start = next((i for i in range(limit) if there[i] != made[i]), limit)
    back = 0
    while back < limit - start and there[-1 - back] == made[-1 - back]:
        back += 1
    begin = max(0, start - _AROUND)
    a = " ".join(there[begin : min(len(there) - back + _AROUND, start + 3 * _AROUND)].split())
    b = " ".join(made[begin : min(len(made) - back + _AROUND, start + 3 * _AROUND)].split())
    yield f"line {there.count(chr(10), 0, start) + 1} has “{a}”, evidence gives “{b}”"
