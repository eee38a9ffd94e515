"""A report as a folder: the page, the tables, and the evidence that every number can be rebuilt from.

::

    report.html  report.md  findings.json  findings.schema.json
    tracks.geojson  tracks.kml  tracks.parquet
    evidence/frames.csv  evidence/frames/*.bin      the raw frames (see testigos.io.excerpts)
    evidence/world/                                 the coast, airfields and tables that were used
    evidence/world/map.parquet                      the land that the maps show; no number rests on it
    claims.json  verdicts.json  verdicts.md  claimreview.jsonld  prov.jsonld        where claims were held against it
    evidence/surveys/*.parquet                      what was counted over everybody heard, near the subjects
    manifest.json                                   question, versions, documents, SHA-256 of every file

The folder is written beside its place and moved there when complete; the same input gives the same bytes.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from testigos.errors import InputError
from testigos.findings import Scene
from testigos.findings.scene import finding_ids
from testigos.fuse import TracksNotes
from testigos.io import Account, Excerpt, write_excerpts
from testigos.model import Finding, Question
from testigos.report import exchange, page
from testigos.report.content import Content
from testigos.report.figures import views
from testigos.report.land import LAND, empty, land
from testigos.report.paragraph import paragraph, plain
from testigos.report.published import findings_json, pretty_json, published
from testigos.report.sections import sure
from testigos.units import LENGTH_UNITS

__all__ = ["MANIFEST", "Written", "paragraph_text", "rendered", "sentences", "with_verdicts", "write_report"]

MANIFEST: Final = "manifest.json"
EVIDENCE: Final = "evidence"
WORLD: Final = "evidence/world"
MAP: Final = "evidence/world/map.parquet"
SURVEYS: Final = "evidence/surveys"
VERDICTS: Final = "verdicts.json"
FORMAT: Final = 1
#: Their versions can change the last digit of a number, so the manifest names them.
_PACKAGES: Final = ("numba", "numpy", "polars", "tzfpy")
_MAX_PROBLEMS: Final = 50
_MAX_CLOCKS: Final = 50


@dataclass(frozen=True)
class Written:
    """A report that was written: its folder, the findings with their sentences, the paragraph, the files."""

    folder: Path
    findings: tuple[Finding, ...]
    paragraph: str
    simulated: bool
    paths: tuple[Path, ...]


def paragraph_text(findings: Sequence[Finding], units: str = "nmi", simulated: bool = False) -> str:
    """The paragraph as one line. Raises ``KeyError`` for a unit that is not in ``units.LENGTH_UNITS``."""
    return plain(paragraph(findings, LENGTH_UNITS[units], simulated))


def sentences(findings: Sequence[Finding], units: str = "nmi", simulated: bool = False) -> list[dict[str, Any]]:
    """Each sentence of the paragraph: ``text``, ``brief``, ``confidence`` (text; null without findings), the ids of its
    ``findings``, ``evidence`` frames (the first of them; ``more`` follow).
    """
    numbered = dict(zip(finding_ids(findings), findings, strict=True))
    return sure(paragraph(findings, LENGTH_UNITS[units], simulated), numbered)


def rendered(content: Content) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file that follows from content alone; one at a time, since some are large."""
    yield "findings.json", findings_json(content.findings, content.unit)
    yield "report.html", page.html(content)
    yield "report.md", page.markdown(content)
    yield "tracks.geojson", exchange.geojson(content)
    yield "tracks.kml", exchange.kml(content)
    yield "tracks.parquet", exchange.parquet(content)


def with_verdicts(content: Content, beside: Mapping[str, bytes], evidence: Path) -> Content:
    """Content with the verdicts that are among the files ``beside`` it, and the raw frames that decide them."""
    if VERDICTS not in beside:
        return content
    verdicts = msgspec.json.decode(beside[VERDICTS], type=list[dict[str, Any]])
    frames = frames_of(evidence, (e for v in verdicts for e in v["evidence"]))
    return replace(content, verdicts=verdicts, frames={**content.frames, **frames})


def question_json(question: Question) -> dict[str, Any]:
    """A question as the manifest has it."""
    return asdict(question)


def question_of(mapping: Mapping[str, Any]) -> Question:
    """A question as it was; raises ``msgspec.ValidationError`` where the mapping is none."""
    return msgspec.convert(dict(mapping), Question)


def account_lines(account: Account, notes: TracksNotes) -> list[tuple[str, str]]:
    """What became of the input, in the order of print; the same however the input was ordered."""
    lines = [
        ("documents read", f"{account.documents:,}"),
        ("bytes", f"{account.bytes:,}"),
        ("frames", f"{account.frames:,}"),
    ]
    lines += [(f"rows: {status}", f"{n:,}") for status, n in sorted(account.rows.items()) if n]
    lines += [(f"rows by {link}", f"{n:,}") for link, n in sorted(account.links.items())]
    lines.append(("documents that were there more than once", f"{len(account.duplicates):,}"))
    lines.append(("documents of no known format", f"{len(account.unrecognised):,}"))
    fused = {k: v for k, v in asdict(replace(notes, clocks=())).items() if k != "clocks"}
    if not notes.clocks:
        fused.pop("heard_again")
    lines += [(f"fused: {k.replace('_', ' ')}", f"{v:,}") for k, v in fused.items()]
    lines += [(f"receiver {clock.receiver}", clock.said()) for clock in notes.clocks[:_MAX_CLOCKS]]
    if len(notes.clocks) > _MAX_CLOCKS:
        lines.append(("further clocks of receivers", f"{len(notes.clocks) - _MAX_CLOCKS:,}"))
    problems = sorted(set(account.problems))
    lines += [(f"problem: {document}", text) for document, text in problems[:_MAX_PROBLEMS]]
    if len(problems) > _MAX_PROBLEMS:
        lines.append(("further problems", f"{len(problems) - _MAX_PROBLEMS:,}"))
    return lines


def _frames_table(evidence: Path, *columns: str) -> pl.DataFrame:
    """Only these columns: the names and hashes would be most of a large table."""
    kinds = {"offset": pl.UInt64, "length": pl.UInt32}
    return pl.read_csv(
        evidence / "frames.csv",
        columns=list(columns),
        schema_overrides={name: kinds.get(name, pl.Categorical()) for name in columns},
    ).select(columns)


def documents_of(evidence: Path) -> list[dict[str, str]]:
    """Documents that the evidence is from, in the order of their names."""
    table = _frames_table(evidence, "document", "link", "document_id").unique().cast(pl.String).sort(pl.all())
    return [{"name": d, "link": link, "sha256": i} for d, link, i in table.iter_rows()]


def frames_of(evidence: Path, wanted: Iterable[str]) -> dict[str, bytes]:
    """The raw bytes of frames by their ids."""
    ids = sorted(set(wanted))
    keys = pl.DataFrame(
        {
            "key": [i.partition(":")[0] for i in ids],
            "offset": [int(i.partition(":")[2]) for i in ids],
            "id": ids,
        },
        schema={"key": pl.String, "offset": pl.UInt64, "id": pl.String},
    )
    # The bytes of a segment's frames follow each other in the order of the table.
    ends = pl.col("length").cast(pl.Int64).cum_sum().over("segment")
    table = _frames_table(evidence, "segment", "offset", "length").select(
        "segment",
        "offset",
        (ends - pl.col("length")).alias("begin"),
        ends.alias("end"),
    )
    named = table.join(keys.select("offset").unique(), on="offset", how="semi").with_columns(
        pl.col("segment").cast(pl.String).str.slice(0, 16).alias("key")
    )
    found: dict[str, bytes] = {}
    for (key,), rows in named.join(keys, on=["key", "offset"]).partition_by("key", as_dict=True).items():
        data = (evidence / "frames" / f"{key}.bin").read_bytes()
        for row in rows.iter_rows(named=True):
            found.setdefault(row["id"], data[row["begin"] : row["end"]])
    return found


def says_simulated(tracks: pl.DataFrame) -> bool:
    """Does the origin of any row say that it is simulated?"""
    return bool(tracks["simulated"].any())


def _named_simulated(account: Account) -> bool:
    """Was there a notice beside the documents (formats without a place for a remark)?"""
    names = [*account.unrecognised, *(document for document, _ in account.problems)]
    return any(n.replace("\\", "/").rsplit("/", 1)[-1].upper().startswith("SIMULATED") for n in names)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_names(folder: Path) -> list[str]:
    """All files in a folder but the manifest, by name, sorted."""
    found = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return sorted(n for n in found if n != MANIFEST)


def is_report(folder: Path) -> bool:
    """Is it a folder that this module wrote?"""
    try:
        return "testigos" in msgspec.json.decode((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _refuse_foreign(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"{out}: is there and is no folder; name another")
    if out.is_dir() and any(out.iterdir()) and not is_report(out):
        raise InputError(f"{out}: is not empty and holds no report of Testigos; name another folder or empty it")


def _move(made: Path, out: Path) -> None:
    """Puts the complete folder in its place; what was there is gone only after that."""
    old: Path | None = None
    if out.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent)) / "report"
        out.rename(old)
    try:
        made.rename(out)
    except OSError:
        if old is not None:
            old.rename(out)
        raise
    if old is not None:
        shutil.rmtree(old.parent, ignore_errors=True)


def write_report(
    out: Path,
    *,
    findings: Sequence[Finding],
    tracks: pl.DataFrame,
    notes: TracksNotes,
    scene: Scene,
    units: str,
    account: Account,
    excerpts: Iterable[Excerpt],
    columns: Mapping[str, str] | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> Written:
    """Writes the folder ``out`` and gives what it holds.

    ``tracks`` and ``findings`` as fuse and the finders gave them, ``excerpts`` the raw frames of all objects in
    ``tracks``, ``units`` a key of ``units.LENGTH_UNITS``, ``columns`` the column map that tables were read with,
    ``beside`` further files by name, which the manifest lists with the others.
    An older report there is replaced at the end.
    Raises ``InputError`` where ``out`` is something else that is not empty, or cannot be written.
    """
    if units not in LENGTH_UNITS:
        raise InputError(f"no unit named {units!r}; known: {', '.join(LENGTH_UNITS)}")
    out = Path(os.path.abspath(out))
    _refuse_foreign(out)
    made: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        made.chmod(0o755)
        written = _fill(made, findings, tracks, notes, scene, units, account, excerpts, columns or {}, beside or {})
        _move(made, out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        if made is not None and made.exists():
            with suppress(OSError):
                shutil.rmtree(made)
    paths = tuple(out / n for n in [*file_names(out), MANIFEST])
    return replace(written, folder=out, paths=paths)


def _fill(
    folder: Path,
    findings: Sequence[Finding],
    tracks: pl.DataFrame,
    notes: TracksNotes,
    scene: Scene,
    units: str,
    account: Account,
    excerpts: Iterable[Excerpt],
    columns: Mapping[str, str],
    beside: Mapping[str, bytes],
) -> Written:
    evidence = folder / EVIDENCE
    write_excerpts(excerpts, evidence)
    world_folder = folder / WORLD
    world_folder.mkdir(parents=True, exist_ok=True)
    scene.world.excerpt(world_folder, scene.question.near, tracks)
    for name, table in scene.surveys.items():
        (folder / SURVEYS).mkdir(exist_ok=True)
        table.write_parquet(folder / SURVEYS / f"{name}.parquet", compression="zstd")
    simulated = says_simulated(tracks) or _named_simulated(account)
    content = Content(
        findings,
        tracks,
        scene.question,
        LENGTH_UNITS[units],
        simulated,
        version("testigos"),
        places={(t.name, t.kind): t for t in scene.targets},
        frames=frames_of(evidence, (e for f in findings for e in f.evidence)),
        documents=documents_of(evidence),
        account=account_lines(account, notes),
        columns=columns,
    )
    content = with_verdicts(content, beside, evidence)
    shown = [land(scene.world.coast, view, number) for number, view in views(content)]
    content = replace(content, land=pl.concat(shown) if shown else empty())
    content.land.write_parquet(folder / MAP, compression="zstd")
    for name, data in rendered(content):
        (folder / name).write_bytes(data)
    for name, data in beside.items():
        (folder / name).write_bytes(data)
    schema = files("testigos.report").joinpath("findings.schema.json").read_bytes()
    (folder / "findings.schema.json").write_bytes(schema)
    (folder / MANIFEST).write_bytes(manifest(folder, content, units))
    told = published(findings, content.unit)
    return Written(
        folder,
        tuple(replace(f, sentence=p["sentence"]) for f, p in zip(findings, told, strict=True)),
        plain(paragraph(findings, content.unit, simulated)),
        simulated,
        (),
    )


def manifest(folder: Path, content: Content, units: str) -> bytes:
    """The bytes of ``manifest.json`` for the files that are in the folder."""
    sources = {(d.name, d.version, d.sha256, d.licence) for f in content.findings for d in f.data}
    return pretty_json(
        {
            "testigos": content.version,
            "packages": {name: version(name) for name in _PACKAGES},
            "format": FORMAT,
            "simulated": content.simulated,
            "question": question_json(content.question),
            "units": units,
            "columns": dict(sorted(content.columns.items())),
            "objects": sorted(content.tracks["object_id"].drop_nulls().unique().to_list()),
            "data": [{"name": n, "version": v, "sha256": s, "licence": li} for n, v, s, li in sorted(sources)],
            "documents": list(content.documents),
            "account": [list(line) for line in content.account],
            "files": {name: sha256_of(folder / name) for name in file_names(folder)},
        }
    )


def read_surveys(folder: Path) -> dict[str, pl.DataFrame]:
    """The surveys of a bundle, by name."""
    return {path.stem: pl.read_parquet(path) for path in sorted((folder / SURVEYS).glob("*.parquet"))}


def read_map(folder: Path) -> pl.DataFrame:
    """The land of a bundle's maps."""
    return pl.read_parquet(folder / MAP).cast(dict(LAND))  # type: ignore[arg-type]
