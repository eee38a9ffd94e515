"""A report's folder: complete, the same on every run, and every alteration found."""

import json
import shutil
from pathlib import Path

import pytest

from testigos import api
from testigos.errors import InputError
from testigos.model import Question, parse_utc
from testigos.report import verify
from testigos.sim.story import write_story

QUESTION = Question(near=("Venezuela", "Los Testigos"), military=True)


@pytest.fixture(scope="module")
def traces(tmp_path_factory) -> Path:
    """The simulated traces of the two bombers and one airliner."""
    tree = write_story(tmp_path_factory.mktemp("story"))
    kept = tmp_path_factory.mktemp("traces")
    bombers = [p for p in sorted(tree.rglob("trace_full_*.json")) if b'"B1"' in _plain(p)]
    others = [p for p in sorted(tree.rglob("trace_full_*.json")) if b'"B738"' in _plain(p)]
    for path in [*bombers, *others[:1]]:
        shutil.copy(path, kept / f"{path.parts[-4]}-{path.name}")
    return kept


def _plain(path: Path) -> bytes:
    import gzip

    return gzip.decompress(path.read_bytes())


@pytest.fixture(scope="module")
def made(traces, tmp_path_factory, world) -> Path:
    out = tmp_path_factory.mktemp("made") / "story"
    api.report(traces, out, QUESTION, world=world)
    return out


@pytest.fixture
def copy(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def problems(folder: Path) -> dict[str, str]:
    """Problems by file, joined."""
    found: dict[str, str] = {}
    for p in verify(folder):
        found[p.file] = f"{found[p.file]}; {p.text}" if p.file in found else p.text
    return found


def rehash(folder: Path, name: str) -> None:
    """What someone would do who alters a file and hides it."""
    import hashlib

    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_the_folder_holds_everything_and_its_manifest_lists_it(made):
    manifest = json.loads((made / "manifest.json").read_bytes())
    present = {p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file()} - {"manifest.json"}
    assert set(manifest["files"]) == present
    assert {
        "report.html", "report.md", "findings.json", "findings.schema.json", "tracks.geojson", "tracks.kml",
        "tracks.parquet", "evidence/frames.csv", "evidence/world/map.parquet",
    } <= present  # fmt: skip
    assert manifest["simulated"] is True
    assert manifest["units"] == "nmi"
    assert all(len(d["sha256"]) == 64 for d in manifest["documents"])


def test_a_report_as_it_was_written_verifies(made):
    assert verify(made) == []


def test_everything_that_is_written_says_simulated(made):
    for name in ("report.html", "report.md", "tracks.geojson", "tracks.kml", "manifest.json"):
        assert b"SIMULATED" in (made / name).read_bytes() or b'"simulated":' in (made / name).read_bytes(), name


def test_two_runs_give_the_same_bytes_however_the_input_is_ordered(made, traces, tmp_path, world):
    again = tmp_path / "again"
    api.report(sorted(traces.iterdir(), reverse=True), again, QUESTION, world=world)
    names = sorted(p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(again).as_posix() for p in again.rglob("*") if p.is_file())
    # documents are named as they were given: relative to the folder, or by themselves
    assert [n for n in names if (made / n).read_bytes() != (again / n).read_bytes()] == []


def test_an_altered_number_is_named_with_what_the_evidence_gives(copy):
    path = copy / "findings.json"
    findings = json.loads(path.read_bytes())
    target = next(f for f in findings if f["kind"] == "approach")
    target["measures"]["distance"]["low"] += 1234.5
    path.write_text(json.dumps(findings, indent=1))
    rehash(copy, "findings.json")
    text = problems(copy)["findings.json"]
    assert f"{target['id']} distance.low is " in text
    assert "evidence gives" in text


def test_an_altered_sentence_is_found_in_every_form(copy):
    for name in ("report.html", "report.md", "tracks.kml", "tracks.geojson"):
        path = copy / name
        path.write_text(path.read_text().replace("BARB21", "BARB27", 1))
        rehash(copy, name)
    found = problems(copy)
    for name in ("report.html", "report.md", "tracks.kml", "tracks.geojson"):
        assert "BARB27" in found[name]
        assert "BARB21" in found[name]


def test_an_altered_table_is_found_by_row_and_column(copy):
    import polars as pl

    path = copy / "tracks.parquet"
    table = pl.read_parquet(path)
    lat = table["lat_deg"].to_list()
    row = next(i for i, v in enumerate(lat) if v is not None)
    lat[row] += 0.25
    table.with_columns(pl.Series("lat_deg", lat)).write_parquet(path)
    rehash(copy, "tracks.parquet")
    assert f"row {row + 1:,} lat_deg is" in problems(copy)["tracks.parquet"]


@pytest.mark.parametrize("pattern", ["evidence/frames/*.bin", "evidence/frames.csv", "evidence/world/*"])
def test_one_altered_byte_of_the_evidence_is_found(copy, pattern):
    path = sorted(p for p in copy.glob(pattern) if p.is_file())[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x01
    path.write_bytes(bytes(data))
    assert "was altered" in problems(copy)[path.relative_to(copy).as_posix()]


def test_altered_evidence_with_a_matching_manifest_no_longer_carries_the_numbers(copy):
    frames = sorted((copy / "evidence" / "frames").glob("*.bin"), key=lambda p: -p.stat().st_size)[0]
    data = frames.read_bytes()
    # a latitude of a bomber, in the middle of its track
    spot = data.index(b",11.", len(data) // 4)
    frames.write_bytes(data[: spot + 1] + b"10." + data[spot + 4 :])
    rehash(copy, frames.relative_to(copy).as_posix())
    found = problems(copy)
    assert "tracks.parquet" in found
    assert "evidence gives" in found["tracks.parquet"]


def test_a_missing_and_an_added_file_are_found(copy):
    (copy / "report.md").unlink()
    (copy / "note.txt").write_text("hello")
    found = problems(copy)
    assert found["report.md"] == "is missing"
    assert found["note.txt"] == "is not in the manifest"


def test_a_simulated_report_cannot_be_passed_off_as_real(copy):
    manifest = json.loads((copy / "manifest.json").read_bytes())
    manifest["simulated"] = False
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert "simulated is not what the evidence gives" in problems(copy)["manifest.json"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"testigos":"1","files":[]}'])
def test_a_damaged_manifest_is_a_problem_and_no_exception(copy, content):
    (copy / "manifest.json").write_bytes(content)
    assert verify(copy)[0].file == "manifest.json"


def test_a_folder_that_is_no_report_is_a_problem_and_no_exception(tmp_path):
    assert "cannot be read" in verify(tmp_path)[0].text


def test_cut_evidence_is_a_problem_and_no_exception(copy):
    frames = sorted((copy / "evidence" / "frames").glob("*.bin"))[0]
    frames.write_bytes(frames.read_bytes()[:100])
    assert any("cannot be rebuilt" in text for text in problems(copy).values())


def test_a_folder_with_something_else_in_it_is_never_overwritten(traces, tmp_path, world):
    out = tmp_path / "thesis"
    out.mkdir()
    (out / "chapter.txt").write_text("years of work")
    with pytest.raises(InputError, match="not empty"):
        api.report(traces, out, QUESTION, world=world)
    assert [p.name for p in out.iterdir()] == ["chapter.txt"]


def test_an_older_report_is_replaced_whole(copy, traces, world):
    (copy / "stale.txt").write_text("old")
    question = Question(near=("Los Testigos",), military=True, end_ns=parse_utc("2025-10-24T12Z"))
    api.report(traces, copy, question, units="km", world=world)
    assert not (copy / "stale.txt").exists()
    assert json.loads((copy / "manifest.json").read_bytes())["units"] == "km"
    assert verify(copy) == []
    assert [p.name for p in copy.parent.iterdir() if p.name.startswith(".")] == []


def test_a_report_that_fails_leaves_the_older_one_as_it_was(copy, traces, world, monkeypatch):
    from testigos.report import page

    def fail(content):
        raise OSError(28, "No space left on device")

    before = (copy / "report.html").read_bytes()
    monkeypatch.setattr(page, "html", fail)
    with pytest.raises(InputError, match="No space left"):
        api.report(traces, copy, QUESTION, world=world)
    assert (copy / "report.html").read_bytes() == before
    assert [p.name for p in copy.parent.iterdir() if p.name.startswith(".")] == []


def test_verify_needs_no_coast_package(made, monkeypatch):
    from testigos.world import coast

    def gone(*_):
        raise AssertionError("the coast package was opened")

    monkeypatch.setattr(coast, "open_coast", gone)
    assert verify(made) == []
