"""The library: read, fuse, find, report, verify. The command line calls nothing else."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from testigos import claims as _claims
from testigos import io
from testigos.errors import InputError
from testigos.findings import Scene, Surveyed, find_all, survey_all
from testigos.findings import scene as make_scene
from testigos.findings.identity import is_military
from testigos.fuse import tracks as fuse_tracks
from testigos.fuse.receivers import merged
from testigos.io import Account, Sources
from testigos.links._modes import Options
from testigos.links.csv import configured
from testigos.model import Finding, Question
from testigos.registry import Link
from testigos.schema import ALL, conform
from testigos.store import Archive, IngestAccount, record_live
from testigos.store.outputs import write_nested, write_rows
from testigos.units import NMI_M
from testigos.world import World, open_world
from testigos.world.places import Place

if TYPE_CHECKING:
    from testigos.relay.config import Config as RelayConfig

__all__ = [
    "DEFAULT_WITHIN_M", "Told", "check", "closest_approach", "decode", "find", "live_sources", "read", "record",
    "relay", "relay_check", "relay_config", "report", "tracks", "verify", "write",
]  # fmt: skip

#: With more objects than ``MANY``, a report keeps those that came this near to a place, unless told otherwise.
DEFAULT_WITHIN_M: Final = 200 * NMI_M
MANY: Final = 50
_KEEP_BYTES: Final = 100 << 20  # of reports in memory; beyond it the input is read a second time
_JOIN_ROWS: Final = 1 << 15  # small tables between the large ones that come and go would hold their memory
_MOST_ROWS: Final = 5_000_000  # in one report: some GB of memory, and a page that no browser opens

Source = str | PathLike[str]


def _opened(sources: Source | Sequence[Source]) -> list[Source | Archive]:
    """Folders that are archives are opened as such."""
    one = [sources] if isinstance(sources, str | PathLike) else list(sources)
    return [Archive(s) if Archive.is_archive(s) else s for s in one]


def read(
    sources: Source | Sequence[Source],
    *,
    link: str | Link | None = None,
    columns: Mapping[str, str] | None = None,
    options: Options | None = None,
    account: Account | None = None,
) -> pl.DataFrame:
    """All reports in files, folders, tar archives, URLs or archives: columns of ``schema.REPORTS``.

    ``link`` names the format where it is not to be recognised, ``columns`` maps names of the schema to those of a
    table, ``options`` are what raw frames cannot say of themselves; ``account``, if given, is filled with what became
    of the input. Raises ``InputError`` where nothing can be read.
    """
    reader = configured(columns) if columns else link
    batches = list(io.reports(_opened(sources), link=reader, account=account, options=options))
    return pl.concat(batches) if batches else conform(pl.DataFrame())


def decode(
    sources: Source | Sequence[Source],
    *,
    link: str | Link | None = None,
    columns: Mapping[str, str] | None = None,
    options: Options | None = None,
    account: Account | None = None,
    stop: Callable[[], bool] | None = None,
    progress: bool = False,
) -> Iterator[pl.DataFrame]:
    """Everything that the sources say, as tables of the columns of ``schema.ALL``, in the order of the documents.

    ``sources`` as for ``read``, or live ones alone (``beast://host:30005``): those are followed until ``stop`` says so,
    and a table without rows says that nothing came for 50 ms. ``options`` are what raw frames cannot say of themselves.
    Raises ``InputError`` where nothing can be read, or where live sources are among others.
    """
    told = Account() if account is None else account
    several = [sources] if isinstance(sources, str | PathLike) else list(sources)
    live = live_sources(several)
    if live:
        yield from io.follow(live, stop=stop or (lambda: False), account=told, options=options)
        return
    reader = configured(columns) if columns else link
    yield from io.reports(_opened(several), link=reader, account=told, options=options, detail=True, progress=progress)


def write(tables: Iterable[pl.DataFrame], out: Source, *, merge: bool = False, live: bool = False) -> None:
    """Writes what ``decode`` gives: ``*.parquet``, ``*.jsonl``, or ``-`` for lines of JSON on standard output.

    ``merge``: what several receivers heard of one transmission is one row, which names them in the column ``heard``;
    this holds everything in memory. ``live``: lines are written as they come. Raises ``InputError``.
    """
    if merge:
        together = [table for table in tables if len(table)]
        write_nested(merged(pl.concat(together) if together else conform(pl.DataFrame(), ALL)), fspath(out))
    else:
        write_rows(tables, fspath(out), live=live)


def live_sources(sources: Sequence[Source]) -> list[str]:
    """The live URLs among sources: all of them or none. Raises ``InputError`` where live ones are among others."""
    live = [source for source in sources if isinstance(source, str) and io.is_live(source)]
    if live and len(live) < len(sources):
        other = next(source for source in sources if source not in live)
        raise InputError(f"{fspath(other)}: is not live, {live[0]} is: read recordings and live sources apart")
    return live


def record(
    urls: Sequence[str],
    into: Source,
    *,
    options: Options | None = None,
    account: Account | None = None,
    stop: Callable[[], bool] | None = None,
) -> IngestAccount:
    """Keeps what live sources send as documents of an archive, until ``stop`` says so.

    Raises ``ArchiveError``, ``SourceUnavailable`` for a URL that is none.
    """
    told = Account() if account is None else account
    return record_live(urls, Archive(into), options=options, account=told, stop=stop or (lambda: False))


def relay_config(
    inputs: Source | Sequence[str], customers: Sequence[str] = (), *, name: str = "testigos"
) -> "RelayConfig":
    """What a relay is told: in a TOML file, or by the addresses of inputs and customers. Raises ``ConfigError``."""
    from testigos.relay import config

    if isinstance(inputs, str | PathLike):
        return config.load(inputs)
    return config.from_urls(inputs, customers, name=name)


def relay_check(config: "RelayConfig") -> list[str]:
    """What a relay would do, a line each; nothing is connected. Raises ``ConfigError``."""
    from testigos.relay import run

    return run.check(config)


def relay(config: "RelayConfig | Source", *, stop: Callable[[], bool] | None = None) -> None:
    """Relays until ``stop`` says so, or a signal; a file is read again when it changes. Raises ``ConfigError``."""
    from testigos.relay import run

    run.run(Path(fspath(config)) if isinstance(config, str | PathLike) else config, stop=stop)


def tracks(reports: pl.DataFrame, *, assume_radius_m: float | None = None) -> pl.DataFrame:
    """Tracks (columns of ``schema.TRACKS``) from reports, sorted by object and time; see ``testigos.fuse``."""
    return fuse_tracks(reports, assume_radius_m=assume_radius_m)[0]


def find(tracks: pl.DataFrame, question: Question, world: World | None = None) -> list[Finding]:
    """Findings of every kind on tracks, which are all that is known of anybody.

    Raises ``UnknownName`` for a place that nothing knows.
    """
    here = make_scene(question, world or open_world())
    return find_all(tracks, replace(here, surveys=survey_all(tracks, tracks, here)))


def closest_approach(tracks: pl.DataFrame, near: str | Sequence[str], *, world: World | None = None) -> pl.DataFrame:
    """Closest approach of every sortie to places, as a table with a row a sortie and place.

    Columns: object_id, leg, place, time_ns, distance_m (observed), low95_m, high95_m (null where nothing
    supports them), bound_m (it cannot have come nearer), place_lat_deg, place_lon_deg (nearest coast point).
    """
    names = (near,) if isinstance(near, str) else tuple(near)
    found = [f for f in find(tracks, Question(near=names), world) if f.kind == "approach"]
    rows = []
    for finding in found:
        distance, bound = finding.measures["distance"], finding.measures.get("distance_bound")
        place = finding.place or {}
        rows.append(
            {
                "object_id": finding.subjects[0],
                "leg": finding.details["leg"],
                "place": place.get("name"),
                "time_ns": finding.start_ns,
                "distance_m": distance.value,
                "low95_m": distance.low,
                "high95_m": distance.high,
                "bound_m": None if bound is None else bound.low,
                "place_lat_deg": place.get("lat_deg"),
                "place_lon_deg": place.get("lon_deg"),
            }
        )
    numbers = ("distance_m", "low95_m", "high95_m", "bound_m", "place_lat_deg", "place_lon_deg")
    first = {"object_id": pl.String, "leg": pl.UInt32, "place": pl.String, "time_ns": pl.Int64}
    schema = first | dict.fromkeys(numbers, pl.Float64)
    return pl.DataFrame(rows, schema=schema)


@dataclass(frozen=True)
class Told:
    """What a report came to: its folder, the paragraph, findings, the account of the input, verdicts on claims."""

    folder: Path
    paragraph: str
    findings: tuple[Finding, ...]
    account: Account
    verdicts: tuple[_claims.Verdict, ...] = ()


def _in_window(batch: pl.DataFrame, question: Question) -> pl.DataFrame:
    rows = batch.filter(pl.col("status") == "ok")
    if question.start_ns is not None:
        rows = rows.filter(pl.col("time_ns") >= question.start_ns)
    if question.end_ns is not None:
        rows = rows.filter(pl.col("time_ns") < question.end_ns)
    return rows


def _near(
    place: Place, lat: npt.NDArray[np.float64], lon: npt.NDArray[np.float64], within_m: float
) -> npt.NDArray[np.bool_]:
    """Which positions are within a distance of a place; a box excludes most before any is measured."""
    west, south, east, north = place.box
    margin = within_m / 110_000.0
    worst = min(90.0, max(abs(south), abs(north)) + margin)
    wide = margin / max(np.cos(np.radians(worst)), 1e-6)
    span = (east - west) % 360.0
    hit = (lat >= south - margin) & (lat <= north + margin)
    if span + 2 * wide < 360.0:
        hit &= (lon - west + wide) % 360.0 <= span + 2 * wide
    rows = np.flatnonzero(hit)
    hit[rows] = place.nearest(lat[rows], lon[rows]).distance_m <= within_m
    inside = rows[~hit[rows]]
    hit[inside] = place.contains(lat[inside], lon[inside])
    return hit


def _interesting(batch: pl.DataFrame, here: Scene, within_m: float | None) -> set[str]:
    """Objects of a batch that the question keeps."""
    rows = _in_window(batch, here.question)
    if here.question.subjects:
        rows = rows.filter(pl.col("object_id").is_in(here.question.subjects))
    if within_m is not None and here.targets and len(rows):
        lat, lon = rows["lat_deg"].to_numpy(), rows["lon_deg"].to_numpy()
        rows = rows.filter(pl.Series(np.any([_near(p, lat, lon, within_m) for p in here.targets], axis=0)))
    return set(rows["object_id"].drop_nulls().unique())


def _military(batch: pl.DataFrame, here: Scene) -> set[str]:
    kinds = batch.select("object_id", "callsign", "military", "type_code").drop_nulls("object_id").unique()
    return {row["object_id"] for row in kinds.iter_rows(named=True) if is_military(row, here.world)}


def _gather(
    sources: Sources,
    surveyed: Surveyed,
    link: str | Link | None,
    options: Options | None,
    account: Account,
    progress: bool,
) -> pl.DataFrame:
    """Reports of all objects that the question keeps; the input is read again where it is too large to hold."""
    here = surveyed.scene
    question = here.question
    kept: list[pl.DataFrame] = []
    size: float = 0
    everyone: set[str] = set()
    chosen: dict[float | None, set[str]] = {question.within_m: set()}
    if question.within_m is None:
        chosen[DEFAULT_WITHIN_M] = set()
    military: set[str] = set()
    for batch in io.reports(sources, link=link, options=options, account=account, progress=progress):
        for within, objects in chosen.items():
            objects |= _interesting(batch, here, within)
        if question.military:
            military |= _military(batch, here)
        surveyed.add(batch)
        everyone |= set(batch["object_id"].drop_nulls().unique())
        size += batch.estimated_size()
        if size <= _KEEP_BYTES:
            kept.append(batch)
        else:
            kept.clear()
    within = question.within_m
    if within is None and len(everyone) > MANY and here.targets:
        within = DEFAULT_WITHIN_M
    wanted = chosen[within] & military if question.military else chosen[within]
    if size > _KEEP_BYTES:
        rows = 0
        few: list[pl.DataFrame] = []
        for batch in io.reports(sources, link=link, options=options, objects=wanted, progress=progress):
            rows += len(batch)
            if rows > _MOST_ROWS:
                raise InputError(
                    f"{len(wanted):,} objects with over {_MOST_ROWS:,} rows are more than one report can hold; "
                    "ask for fewer with --near, --within, --military or --subject"
                )
            few.append(batch)
            if sum(map(len, few)) >= _JOIN_ROWS:
                kept.append(pl.concat(few, rechunk=True))
                few = []
        kept += few
    table = pl.concat(kept) if kept else conform(pl.DataFrame())
    return table.filter(pl.col("object_id").is_in(wanted))


def report(
    sources: Source | Sequence[Source],
    out: Source,
    question: Question,
    *,
    units: str = "nmi",
    link: str | None = None,
    columns: Mapping[str, str] | None = None,
    options: Options | None = None,
    progress: bool = False,
    world: World | None = None,
    claims: Sequence[_claims.Claim] = (),
) -> Told:
    """Findings on tracks as a folder: page, text, tables, maps and the evidence to rebuild every number.

    ``columns`` maps names of the schema to those of a table, as ``links.csv.configured`` takes it; ``options``
    are what raw frames cannot say of themselves; ``claims`` are held against the findings (see ``check``).
    Raises ``InputError`` where nothing can be read, ``UnknownName`` for a place that nothing knows. See
    ``report.bundle`` for what is written; nothing is left half-written.
    """
    from testigos.report import write_report
    from testigos.report.bundle import says_simulated

    world = world or open_world()
    judged = _claims.resolved(claims, world)
    question = replace(question, near=tuple(dict.fromkeys((*question.near, *_claims.places(judged)))))
    here = make_scene(question, world)
    account = Account()
    reader = configured(columns) if columns else link
    with Sources(_opened(sources)) as opened:
        surveyed = Surveyed(here)
        # the reports have no name here: they are large, and not needed again
        fused, notes = fuse_tracks(
            _gather(opened, surveyed, reader, options, account, progress), assume_radius_m=question.assume_radius_m
        )
        here = replace(here, surveys=surveyed.excerpts(fused))
        findings = find_all(fused, here)
        verdicts = _claims.judge(judged, findings, fused, here)
        objects = sorted(set(fused["object_id"]))
        written = write_report(
            Path(fspath(out)),
            findings=findings,
            tracks=fused,
            notes=notes,
            scene=here,
            units=units,
            account=account,
            excerpts=io.excerpts(opened, objects, link=reader, options=options),
            columns=columns,
            beside=_claims.claim_files(verdicts, findings, says_simulated(fused)) if verdicts else None,
        )
    return Told(written.folder, written.paragraph, written.findings, account, tuple(verdicts))


def check(
    claims: Source | Sequence[_claims.Claim],
    against: Source | Sequence[Source],
    out: Source,
    question: Question | None = None,
    *,
    units: str = "nmi",
    link: str | None = None,
    columns: Mapping[str, str] | None = None,
    options: Options | None = None,
    progress: bool = False,
    world: World | None = None,
) -> Told:
    """A report on tracks with a verdict on every claim, in ``verdicts`` and beside the findings.

    ``claims``: a file (TOML, JSON, or a sentence a line), a sentence, or what ``claims.read_claims`` gives;
    ``question`` narrows what is looked at, and the places that claims name are added to it. Else as ``report``.
    Raises ``InputError`` where a claim cannot be understood.
    """
    given = _claims.read_claims(claims) if isinstance(claims, str | Path) else claims
    if isinstance(given, PathLike):
        given = _claims.read_claims(Path(given))
    return report(
        against, out, question or Question(), units=units, link=link, columns=columns, options=options,
        progress=progress, world=world, claims=given,
    )  # fmt: skip


def verify(folder: Source) -> list[str]:
    """What does not hold in a report's folder, as sentences; empty if every number can be rebuilt."""
    from testigos.report import verify as verify_bundle
    from testigos.report.content import Content

    def verdicts(root: Path, content: Content, here: Scene) -> Mapping[str, bytes]:
        if not (root / "claims.json").exists():
            return {}
        claims = _claims.kept((root / "claims.json").read_bytes())
        judged = _claims.judge(claims, content.findings, content.tracks, here)
        return _claims.claim_files(judged, content.findings, content.simulated)

    return [str(problem) for problem in verify_bundle(Path(fspath(folder)), verdicts)]
