"""The package as others get it: what importing does, what it names, what the wheel holds."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import testigos as ts

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "testigos"


def _python(code: str, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("module", ["testigos", "testigos.cli"])
def test_importing_loads_neither_tables_nor_a_compiler(module: str) -> None:
    heavy = _python(
        f"import sys, {module}; print(*sorted({{'numba', 'numpy', 'polars', 'httpx', 'lxml'}} & set(sys.modules)))"
    )
    assert heavy.split() == []


def test_importing_every_module_compiles_nothing() -> None:
    listening = """
import importlib, pkgutil
from numba.core import event
class Heard(event.Listener):
    compiled = []
    def on_start(self, e): self.compiled.append(str(e.data))
    def on_end(self, e): pass
event.register("numba:compile", Heard())
import testigos
names = [m.name for m in pkgutil.walk_packages(testigos.__path__, "testigos.") if not m.name.endswith("__main__")]
for name in names: importlib.import_module(name)
print(len(names), *Heard.compiled)
"""
    count, *compiled = _python(listening).split()
    assert int(count) > 40
    assert compiled == []


@pytest.mark.parametrize("name", ts.__all__)
def test_every_public_name_resolves_and_says_what_it_is(name: str) -> None:
    thing = getattr(ts, name)
    assert callable(thing)
    assert thing.__doc__


def test_a_public_name_stays_a_function_when_a_subpackage_of_that_name_is_imported() -> None:
    _python("import testigos as ts, testigos.report.bundle; assert ts.report.__module__ == 'testigos.api', ts.report")


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nearby'"):
        _ = ts.nearby


def test_the_version_is_that_of_the_project_file() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == ts.__version__


def test_every_dependency_is_pinned_by_version_and_hash_and_no_registry_is_named() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = {}
    for block in text.replace("\\\n", " ").splitlines():
        name, *hashes = block.split()
        assert "==" in name, block
        assert hashes, f"{name} has no hash"
        assert all(h.startswith("--hash=sha256:") for h in hashes), name
        pinned[name.partition("==")[0]] = name
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    names = {w.partition(">=")[0] for w in [*wanted, *project["build-system"]["requires"]]}
    assert names <= set(pinned)
    assert "://" not in text


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: Path) -> None:
    held = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    files = (f for f in SOURCE.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
    assert held == {f"testigos/{f.relative_to(SOURCE).as_posix()}" for f in files}
    assert {"testigos/py.typed", "testigos/report/findings.schema.json", "testigos/world/data/islands.csv"} <= held


def test_the_wheel_carries_the_licence_and_the_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {n.partition(".dist-info/")[2]: n for n in archive.namelist() if ".dist-info/" in n}
        assert "licenses/LICENSE" in inside
        assert "testigos = testigos.cli:main" in archive.read(inside["entry_points.txt"]).decode()


def test_the_package_from_the_wheel_finds_its_links_and_data(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    told = _python(
        "import testigos; from testigos import registry; from testigos.report.published import json_schema;"
        "from testigos.world.coast import table;"
        "print(testigos.__file__, len(registry.link_names()), len(registry.finders()), json_schema()['type'],"
        " len(table('islands')))",
        PYTHONPATH=str(tmp_path),
    )
    where, links, finders, schema, islands = told.split()
    assert Path(where).is_relative_to(tmp_path)
    assert int(links) >= 9
    assert int(finders) >= 3
    assert schema == "array"
    assert int(islands) > 80
