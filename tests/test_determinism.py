"""The same input gives the same bytes, however it comes."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from testigos import api
from testigos.model import Question
from testigos.store import Archive

QUESTION = Question(near=("Los Testigos", "11.4,-63.1"), assume_radius_m=185.0)


def flight(address: int) -> bytes:
    """SBS lines past Los Testigos with a gap, not in the order of time."""
    lines = []
    for i in [*range(0, 20, 2), *range(1, 20, 2), *range(45, 60)]:
        stamp = f"2025/10/23,18:{i:02}:00.000"
        lat, lon = 12 - i * 0.03 - (address & 7) * 0.01, -63 + i * 0.01
        lines.append(f"MSG,3,1,1,{address:06X},1,{stamp},{stamp},,25000,,,{lat:.4f},{lon:.4f},,,0,0,0,0\n")
    return "".join(lines).encode()


def table(address: int) -> bytes:
    """The same kind of thing as a table of another format."""
    rows = [f"{1761242592 + 60 * i},{address:06x},{11.9 - i * 0.01:.4f},{-62.5 - i * 0.01:.4f}" for i in range(10)]
    return ("time,icao24,lat,lon\n" + "\n".join(rows) + "\n").encode()


DOCUMENTS = {
    "a/one.txt": flight(0xAE503D),
    "a/two.txt": flight(0xAE503E),
    "b/three.csv": table(0xAE503F),
    "b/copy-of-one.txt": flight(0xAE503D),
    "c/four.txt": flight(0xAE5040) + flight(0xAE5041),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("input")
    for name, data in DOCUMENTS.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(data)
    return root


@pytest.fixture(scope="module")
def expected(folder, tmp_path_factory, world) -> dict[str, bytes]:
    return told(folder, tmp_path_factory.mktemp("made"), world)


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def told(sources, place: Path, world) -> dict[str, bytes]:
    api.report(sources, place / "story", QUESTION, world=world)
    return tree(place / "story")


def same(made: dict[str, bytes], expected: dict[str, bytes]) -> None:
    assert sorted(made) == sorted(expected)
    assert [name for name in made if made[name] != expected[name]] == []


def packed(names) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(DOCUMENTS[name])
            tar.addfile(info, io.BytesIO(DOCUMENTS[name]))
    return held.getvalue()


def test_there_is_something_to_compare(expected):
    assert b'"approach"' in expected["findings.json"]
    assert expected["findings.json"].count(b'"approach"') >= 8


def test_two_runs_give_the_same_tree(folder, expected, tmp_path, world):
    same(told(folder, tmp_path, world), expected)


def test_the_order_of_the_sources_does_not_matter(folder, tmp_path, world):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    first = told(files, tmp_path / "1", world)
    same(told(files[::-1], tmp_path / "2", world), first)
    same(told([*files[3:], *files[:3]], tmp_path / "3", world), first)


def test_a_copy_changes_no_finding_and_no_evidence(folder, expected, tmp_path, world):
    one = folder / "a" / "one.txt"
    once = told([one], tmp_path / "1", world)
    (tmp_path / "other.txt").write_bytes(one.read_bytes())
    twice = told([one, tmp_path / "other.txt"], tmp_path / "2", world)
    assert once["findings.json"] == twice["findings.json"]
    assert once["tracks.parquet"] == twice["tracks.parquet"]


@pytest.mark.parametrize("size", [1500, 4096, 9999])
def test_a_tar_gives_the_same_tree_however_it_is_split(expected, tmp_path, world, size):
    data = packed(sorted(DOCUMENTS))
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    for number, part in enumerate(parts):
        (tmp_path / f"day.tar.a{chr(ord('a') + number)}").write_bytes(part)
    same(told(list(tmp_path.glob("day.tar.a*"))[::-1], tmp_path, world), expected)


def test_compression_does_not_matter(expected, tmp_path, world):
    path = tmp_path / "day"
    path.write_bytes(gzip.compress(packed(sorted(DOCUMENTS))))
    same(told(path, tmp_path, world), expected)


def test_the_order_in_a_tar_does_not_matter_to_findings_and_evidence(expected, tmp_path, world):
    path = tmp_path / "day.tar"
    path.write_bytes(packed(["c/four.txt", "b/three.csv", "a/two.txt", "a/one.txt", "b/copy-of-one.txt"]))
    same(told(path, tmp_path, world), expected)


def test_an_archive_gives_the_findings_tracks_and_frames_of_the_files(folder, expected, tmp_path, world):
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder)
    made = told(archive.path, tmp_path, world)
    for name in ("findings.json", "tracks.parquet", "tracks.geojson", "tracks.kml"):
        assert made[name] == expected[name], name
    frames = {n for n in expected if n.startswith("evidence/frames/")}
    assert frames == {n for n in made if n.startswith("evidence/frames/")}
    assert all(made[n] == expected[n] for n in frames)


ELSEWHERE = """
import sys
from testigos import api
from testigos.model import Question
api.report(sys.argv[1], sys.argv[2], Question(near=("Los Testigos", "11.4,-63.1"), assume_radius_m=185.0))
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONHASHSEED": "1", "POLARS_MAX_THREADS": "1", "TZ": "America/Caracas"},
        {"PYTHONHASHSEED": "77", "POLARS_MAX_THREADS": "2", "LC_ALL": "C", "NUMBA_NUM_THREADS": "1"},
    ],
    ids=["one thread", "two threads"],
)
def test_another_process_gives_the_same_tree(folder, expected, tmp_path, environment):
    out = tmp_path / "story"
    run = [sys.executable, "-c", ELSEWHERE, str(folder), str(out)]
    subprocess.run(run, env={**os.environ, **environment}, check=True, timeout=300)
    same(tree(out), expected)
