"""The documents are true: examples run, commands and options exist, and nothing that exists goes unnamed."""

import doctest
import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import click
import pytest

import testigos
from testigos import registry
from testigos.cli import main

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
]
SOURCE = ROOT / "src" / "testigos"
MODULES = sorted(m.name for m in pkgutil.walk_packages(testigos.__path__, "testigos."))


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _commands(path: Path) -> list[str]:
    lines = "".join(_blocks(path, "console")).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def _cli() -> dict[str, click.Command]:
    """Every command by its full name."""
    found: dict[str, click.Command] = {}

    def walk(name: str, command: click.Command) -> None:
        if isinstance(command, click.Group):
            for sub in sorted(command.commands):
                walk(f"{name} {sub}", command.commands[sub])
        else:
            found[name] = command

    walk("testigos", main)
    return found


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_hold(name: str) -> None:
    flags = doctest.NORMALIZE_WHITESPACE  # a line of an example cannot end in a blank
    assert doctest.testmod(importlib.import_module(name), optionflags=flags).failed == 0


@pytest.mark.parametrize(
    ("path", "command"),
    [(p, c) for p in DOCUMENTS for c in _commands(p)],
    ids=lambda v: v.name if isinstance(v, Path) else v,
)
def test_a_documented_command_is_one_that_the_command_line_takes(
    path: Path, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("story", "demo-report"):
        (tmp_path / folder).mkdir()
    words = shlex.split(command, comments=True)
    assert words.pop(0) == "testigos"
    context, at = click.Context(main, info_name="testigos"), main
    while isinstance(at, click.Group):
        name, at, words = at.resolve_command(context, words)
        context = at.make_context(name, list(words), parent=context)
        words = [*context._protected_args, *context.args] if isinstance(at, click.Group) else []
    assert words == []


@pytest.mark.parametrize("name", _cli())
def test_every_command_and_option_is_in_the_reference(name: str) -> None:
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", _read("docs/cli.md"), re.MULTILINE | re.DOTALL))
    assert name in sections
    options = {o for p in _cli()[name].params if isinstance(p, click.Option) for o in p.opts if o.startswith("--")}
    described = set(re.findall(r"`(--[a-z-]+)", sections[name]))
    assert described == options


def test_the_reference_names_no_command_that_does_not_exist() -> None:
    assert set(re.findall(r"^## (.+)", _read("docs/cli.md"), re.MULTILINE)) == set(_cli())


def test_every_format_is_in_the_readme_with_what_it_can() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes|–) \| (yes|–) \|", _read("README.md"), re.MULTILINE)
    told = {name: writes == "yes" for name, reads, writes in rows if reads == "yes"}
    assert told == {n: hasattr(registry.link(n), "encode") for n in registry.link_names()}


def test_every_kind_of_finding_is_described() -> None:
    assert set(re.findall(r"^## (.+)", _read("docs/findings.md"), re.MULTILINE)) == set(registry.finders())


def test_every_module_is_in_the_code_map() -> None:
    text = _read("ARCHITECTURE.md")
    modules = {f.relative_to(SOURCE).as_posix() for f in SOURCE.rglob("*.py") if f.name != "__init__.py"}
    one_each = {m for m in modules if not m.startswith("links/") or m.startswith("links/_")}
    assert {m for m in one_each if f"`{m}`" not in text} == set()
    assert set(re.findall(r"`((?!bench/)[a-z_]+/[a-z_]+\.py)`", text)) <= modules


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [t for t in targets if not (path.parent / t).exists()] == []


@pytest.mark.parametrize("path", [p for p in DOCUMENTS if _blocks(p, "python")], ids=lambda p: p.name)
def test_the_python_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from testigos.sim.observe import observe
    from testigos.sim.sites import SITES
    from testigos.sim.story import actors, outages
    from testigos.sim.write import write_traces

    monkeypatch.chdir(tmp_path)
    lead = actors()[0]
    write_traces(observe(lead.truth, lead.equipment, SITES, outages()), tmp_path / "tracks")
    names: dict[str, object] = {}
    for number, block in enumerate(_blocks(path, "python")):
        exec(compile(block, f"{path.name}, python block {number + 1}", "exec"), names)
