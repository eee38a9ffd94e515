"""The command line; each command calls public names only."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from testigos import __version__
from testigos.errors import TestigosError
from testigos.units import LENGTH_UNITS, parse_length

__all__ = ["main"]


def _say_when_compiling() -> None:
    """Tell once, on stderr, that kernels are being compiled: the first run only, they are cached on disk."""
    from numba.core import event

    class Tell(event.Listener):
        told = False

        def on_start(self, _event: Any) -> None:
            if not Tell.told:
                Tell.told = True
                click.echo("Compiling kernels; this happens on the first run only …", err=True)

        def on_end(self, _event: Any) -> None:
            pass

    event.register("numba:compile", Tell())  # type: ignore[no-untyped-call]


def _teaching(command: Callable[..., Any]) -> Callable[..., Any]:
    """Errors that a user can mend become one line on stderr and exit code 1."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        _say_when_compiling()
        try:
            return command(*args, **options)
        except TestigosError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(f"{error.filename or ''}: {error.strerror or error}".lstrip(": ")) from error

    return run


class _Length(click.ParamType[float]):
    name = "length"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        try:
            return parse_length(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Utc(click.ParamType[int]):
    name = "utc"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        from testigos.model import parse_utc

        try:
            return parse_utc(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time: give ISO 8601 in UTC, such as 2025-10-23T12Z", param, ctx)


class _Columns(click.ParamType[dict[str, str]]):
    name = "columns"

    def convert(self, value: Any, param: Any, ctx: Any) -> dict[str, str]:
        from testigos.links.csv import configured

        if isinstance(value, dict):
            return value
        try:
            columns = dict(pair.split("=", 1) for pair in str(value).split(","))
            configured(columns)
        except ValueError as error:
            self.fail(f"{value!r}: {error}; write name=column, such as time=ts,lat=y", param, ctx)
        return columns


def _tell_account(account: Any) -> None:
    """What was read and what was wrong with it, on stderr."""
    rows = ", ".join(f"{n:,} {status}" for status, n in sorted(account.rows.items()))
    click.echo(f"Read {account.documents:,} documents, {account.total_rows:,} rows ({rows or 'none'}).", err=True)
    for document, text in account.problems[:20]:
        click.echo(f"  {document}: {text}", err=True)
    if len(account.problems) > 20:
        click.echo(f"  … and {len(account.problems) - 20} more", err=True)


def _tell_verdicts(verdicts: Any) -> None:
    """Claims and what they come to, on stdout."""
    from testigos.claims import lines

    if verdicts:
        click.echo("")
    for line in lines(verdicts):
        click.echo(line)


def _span(between: tuple[int, int] | None) -> tuple[int | None, int | None]:
    """The window of ``--between``."""
    if between is not None and between[0] >= between[1]:
        raise click.BadParameter("the start is not before the end", param_hint="--between")
    return between or (None, None)


class _Place(click.ParamType[tuple[float, float]]):
    name = "lat,lon"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, float]:
        try:
            lat, lon = (float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not a position: give degrees as lat,lon, such as 18.44,-66.0", param, ctx)
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            self.fail(f"{value!r}: latitude is within 90 degrees, longitude within 180", param, ctx)
        return lat, lon


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        text = str(value).strip().lower()
        factors = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
        digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
        try:
            seconds = float(digits) * factors[text[len(digits) :].strip()]
            assert 0 < seconds < float("inf")
        except (AssertionError, KeyError, ValueError):
            self.fail(f"{value!r} is not a duration: give a number and one of s, min, h, d, such as 10min", param, ctx)
        return seconds


_sources = click.argument("sources", metavar="TRACKS...", nargs=-1, required=True)
_by_link = click.option("--link", help="The format, where it is not to be recognised; see 'testigos links'.")
_by_columns = click.option("--columns", type=_Columns(), help="Column map for tables: time=ts,lat=y,lon=x,…")
_for = click.option("--for", "seconds", type=_Duration(), help="Stop after this long (live sources), such as 10min.")


def _raw_frames(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of raw frames (Beast, AVR), given to the command as one."""

    @click.option("--began", type=_Utc(), help="Raw frames: UTC of the first, where the input holds no date.")
    @click.option("--receiver", type=_Place(), help="Raw frames: where the receiver is, such as 18.44,-66.0.")
    @click.option("--range", "range_m", type=_Length(), help="Raw frames: positions farther from it are refused.")
    @click.option("--repair", is_flag=True, help="Raw frames: mend single wrong bits, and mark such rows.")
    @wraps(command)
    def run(
        *args: Any,
        began: int | None,
        receiver: tuple[float, float] | None,
        range_m: float | None,
        repair: bool,
        **others: Any,
    ) -> Any:
        from testigos.links._modes import Options

        lat, lon = receiver or (None, None)
        return command(*args, options=Options(began, lat, lon, range_m, repair), **others)

    return run


@contextmanager
def _until_stopped(seconds: float | None) -> Iterator[Callable[[], bool]]:
    """Whether to stop: after so many seconds, on Ctrl-C or when terminated; the second Ctrl-C stops at once."""
    end = None if seconds is None else time.monotonic() + seconds
    told: list[int] = []
    before = {}

    def stop(number: int, _: Any) -> None:
        if told:
            sys.exit(128 + number)
        told.append(number)

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(told) or (end is not None and time.monotonic() >= end)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(document: str, text: str) -> None:
    """Problems are said at once where there is no end to wait for."""
    click.echo(f"  {document}: {text}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """From public tracks to a sentence one can defend."""
    # A killed report clears up as an interrupted one does.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    # Output may be piped to something that closes early, and terminals may not speak UTF-8.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


@main.command()
@_sources
@click.option("--near", multiple=True, help="A place: country, island, airfield, 'lat,lon' or a GeoJSON file.")
@click.option("--within", type=_Length(), help="Only objects that came this near, such as 200nmi.")
@click.option("--between", type=_Utc(), nargs=2, metavar="START END", help="Only this time: 2025-10-23T12Z …")
@click.option("--military", is_flag=True, help="Only military aircraft.")
@click.option("--subject", "subjects", multiple=True, help="Only this object, such as icao:ae503d.")
@click.option("--assume-radius", type=_Length(), help="95 % radius of positions that nothing vouches for.")
@click.option("--units", type=click.Choice(list(LENGTH_UNITS)), default="nmi", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("story"), show_default=True)
@_by_link
@_by_columns
@_raw_frames
@_teaching
def report(
    sources: tuple[str, ...],
    near: tuple[str, ...],
    within: float | None,
    between: tuple[int, int] | None,
    military: bool,
    subjects: tuple[str, ...],
    assume_radius: float | None,
    units: str,
    out: Path,
    link: str | None,
    columns: dict[str, str] | None,
    options: Any,
) -> None:
    """Write what tracks show, with the evidence, as a folder (report.html, findings.json, …).

    TRACKS are files, folders, tar archives (split ones too), URLs, an archive made by 'ingest', or - for
    standard input.
    """
    from testigos import api
    from testigos.model import Question

    start, end = _span(between)
    question = Question(near, within, start, end, military, subjects, assume_radius)
    told = api.report(
        list(sources), out, question, units=units, link=link, columns=columns, options=options, progress=True
    )
    _tell_account(told.account)
    click.echo(told.paragraph)
    click.echo(f"\n{len(told.findings)} findings in {told.folder}/report.html", err=True)


@main.command()
@click.argument("claims", metavar="CLAIMS")
@click.option("--against", "sources", multiple=True, required=True, help="Tracks, as for 'report'; more than once.")
@click.option("--near", multiple=True, help="A place beside those that the claims name.")
@click.option("--within", type=_Length(), help="Only objects that came this near, such as 200nmi.")
@click.option("--between", type=_Utc(), nargs=2, metavar="START END", help="Only this time: 2025-10-23T12Z …")
@click.option("--military", is_flag=True, help="Only military aircraft.")
@click.option("--subject", "subjects", multiple=True, help="Only this object, such as icao:ae503d.")
@click.option("--assume-radius", type=_Length(), help="95 % radius of positions that nothing vouches for.")
@click.option("--units", type=click.Choice(list(LENGTH_UNITS)), default="nmi", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("verdicts"), show_default=True)
@_by_link
@_by_columns
@_raw_frames
@_teaching
def check(
    claims: str,
    sources: tuple[str, ...],
    near: tuple[str, ...],
    within: float | None,
    between: tuple[int, int] | None,
    military: bool,
    subjects: tuple[str, ...],
    assume_radius: float | None,
    units: str,
    out: Path,
    link: str | None,
    columns: dict[str, str] | None,
    options: Any,
) -> None:
    """Hold statements against tracks, and write a report with a verdict on each.

    CLAIMS is a TOML or JSON file, a text with a sentence a line, or one sentence in quotation marks, such as
    "BARB21 came within 50 miles of Los Testigos on 23 October 2025."
    """
    from testigos import api
    from testigos.model import Question

    start, end = _span(between)
    question = Question(near, within, start, end, military, subjects, assume_radius)
    told = api.check(
        claims, list(sources), out, question, units=units, link=link, columns=columns, options=options, progress=True
    )
    _tell_account(told.account)
    _tell_verdicts(told.verdicts)
    click.echo(f"\n{len(told.verdicts)} verdicts in {told.folder}/verdicts.md", err=True)


@main.command()
@_teaching
def links() -> None:
    """List every format: whether it is read and written, and the columns it fills."""
    from rich.console import Console
    from rich.table import Table

    from testigos import registry

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("link", "reads", "writes", "checksum", "columns it fills"):
        table.add_column(title, overflow="fold")
    for name in registry.link_names():
        link = registry.link(name)
        writes = "yes" if hasattr(link, "encode") else "-"
        table.add_row(name, "yes", writes, "yes" if link.CHECKED else "-", ", ".join(link.GIVES))
    Console().print(table)


@main.command()
@_sources
@click.option("--into", type=click.Path(path_type=Path), required=True, help="The archive's folder.")
@_by_link
@_by_columns
@_raw_frames
@_for
@_teaching
def ingest(
    sources: tuple[str, ...],
    into: Path,
    link: str | None,
    columns: dict[str, str] | None,
    options: Any,
    seconds: float | None,
) -> None:
    """Keep raw input as evidence, and its reports as Parquet; the same input twice changes nothing.

    Live sources, such as beast://host:30005, are recorded until stopped.
    """
    from testigos import api
    from testigos.io import Account
    from testigos.links.csv import configured
    from testigos.store import Archive

    if api.live_sources(sources):
        with _until_stopped(seconds) as stop:
            account = api.record(sources, into, options=options, account=Account(told=_say), stop=stop)
    else:
        reader = configured(columns) if columns else link
        account = Archive(into).ingest(list(sources), link=reader, options=options, progress=True)
    click.echo(
        f"{account.documents:,} documents: {account.added:,} new, {account.known:,} known already; "
        f"{account.rows:,} rows added to {into}"
    )
    for document, text in account.problems:
        click.echo(f"  {document}: {text}", err=True)


@main.command()
@_sources
@click.option("-o", "--out", default="-", show_default=True, help="A .parquet or .jsonl file, or - for lines of JSON.")
@click.option("--merge", is_flag=True, help="One row for what several receivers heard of one transmission.")
@_by_link
@_by_columns
@_raw_frames
@_for
@_teaching
def decode(
    sources: tuple[str, ...],
    out: str,
    merge: bool,
    link: str | None,
    columns: dict[str, str] | None,
    options: Any,
    seconds: float | None,
) -> None:
    """Write every row with every column, as Parquet or as lines of JSON; a summary goes to standard error.

    TRACKS are as for 'report', or live: beast://host:30005, avr://, sbs://, uat://, jet1090://.
    """
    from testigos import api
    from testigos.io import Account, Summary

    live = bool(api.live_sources(sources))
    account = Account(told=_say if live else None)
    summary = Summary()
    began = time.monotonic()
    with _until_stopped(seconds) as stop:
        tables = api.decode(
            sources, link=link, columns=columns, options=options, account=account, stop=stop, progress=out != "-"
        )
        try:
            api.write(summary.counted(tables), out, merge=merge, live=live)
        except BrokenPipeError:  # whoever read has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _tell_account(account)
    for line in summary.lines():
        click.echo(line, err=True)
    click.echo(f"{summary.rows / max(time.monotonic() - began, 1e-9):,.0f} rows a second", err=True)


class _TwoLists(click.Command):
    """A command whose arguments are two lists with ``--`` between, which click would swallow."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, ["::" if a == "--" else a for a in args])


@main.command(cls=_TwoLists)
@click.argument("addresses", metavar="CONFIG | INPUT... -- CUSTOMER...", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Only say whether the configuration is good, and what it does.")
@click.option("--name", default="testigos", show_default=True, help="The node's name, where no file says it.")
@click.option("--quiet", is_flag=True, help="Tell only what goes wrong.")
@_teaching
def relay(addresses: tuple[str, ...], check: bool, name: str, quiet: bool) -> None:
    """Hear every net, fuse, and speak to each customer in its own format.

    CONFIG is a TOML file. Or name INPUTs and CUSTOMERs by address, with -- between them, such as
    beast+tcp://localhost:30005 -- sbs+listen://:30003 cot+tls://tak:8089. See docs/relay.md.
    """
    import logging

    # batches of a relay are small: handing them to several threads takes longer than what is done to them
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    from testigos import api
    from testigos.relay.logs import log_lines

    log_lines(level=logging.WARNING if quiet else logging.INFO)
    if "::" in addresses:
        at = addresses.index("::")
        config = api.relay_config(addresses[:at], addresses[at + 1 :], name=name)
    elif len(addresses) == 1 and "://" not in addresses[0]:
        config = api.relay_config(addresses[0])
    else:
        raise click.UsageError("name one configuration file, or inputs and customers with -- between them")
    if check:
        for line in api.relay_check(config):
            click.echo(line)
        return
    api.relay(config if "::" in addresses else Path(addresses[0]))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@_teaching
def verify(folder: Path) -> None:
    """Rebuild every number of a report from the evidence in its folder."""
    from testigos import api

    problems = api.verify(folder)
    for problem in problems:
        click.echo(problem)
    if problems:
        count = f"{len(problems)} things do" if len(problems) > 1 else "one thing does"
        raise click.ClickException(f"{folder}: {count} not hold")
    click.echo(f"{folder}: every file is unaltered and every number follows from the evidence")


@main.group()
def data() -> None:
    """Reference data: what is here, and newer data into a local cache."""


@data.command("list")
@_teaching
def data_list() -> None:
    """List reference data with version, licence and where it is from."""
    from rich.console import Console
    from rich.table import Table

    from testigos.world import update

    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("name", "what", "licence", "here"):
        table.add_column(title, overflow="fold")
    for item in update.list_data():
        table.add_row(item.name, item.what, item.licence, item.version or "-")
    Console().print(table)


@data.command("update")
@click.argument("names", nargs=-1)
@_teaching
def data_update(names: tuple[str, ...]) -> None:
    """Fetch newer reference data (all, or those named); offline it says so and goes on."""
    from testigos.world import update

    for done in update.update(names or None):
        click.echo(str(done))


@main.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("demo-report"), show_default=True)
@_teaching
def demo(out: Path) -> None:
    """Tell the story of 23 October 2025 from simulated bytes, with a verdict on what was said of it."""
    import tempfile

    from testigos import api
    from testigos.model import Question
    from testigos.report import sentences
    from testigos.sim.story import story_claims, write_story

    with tempfile.TemporaryDirectory() as folder:
        tree = write_story(Path(folder))
        question = Question(near=("Venezuela", "Los Testigos"))
        told = api.check(story_claims(), tree, out, question, progress=True)
    click.echo(told.paragraph)
    click.echo("\nHow sure each sentence is, and the findings and frames that it rests on:")
    for row in sentences(told.findings, simulated=True):
        frames = len(row["evidence"]) + row["more"]
        rests = f"  [{', '.join(row['findings'])}; {frames} frames]" if row["findings"] else ""
        click.echo(f"{row['confidence'] or '-':>5}  {row['brief']}{rests}")
    _tell_verdicts(told.verdicts)
    click.echo(f"\nThe report is {out}/report.html; check it with: {sys.argv[0]} verify {out}", err=True)
