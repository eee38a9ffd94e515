"""Whatever is altered in a report's folder, and however it is hidden, verify fails and says where."""

import hashlib
import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from testigos import api
from testigos.model import Question
from testigos.report import verify

QUESTION = Question(near=("Los Testigos", "11.4,-63.1"), assume_radius_m=185.0)

FILES = (
    "evidence/frames.csv",
    "evidence/frames",
    "evidence/surveys/accuracy.parquet",
    "evidence/surveys/coverage.parquet",
    "evidence/surveys/history.parquet",
    "evidence/world/address_blocks.csv",
    "evidence/world/airfields.csv",
    "evidence/world/callsigns.csv",
    "evidence/world/countries.csv",
    "evidence/world/map.parquet",
    "evidence/world/place",
    "evidence/world/types.csv",
    "evidence/world/world.json",
    "findings.json",
    "findings.schema.json",
    "report.html",
    "report.md",
    "tracks.geojson",
    "tracks.kml",
    "tracks.parquet",
)


def flight(address: int, callsign: str) -> str:
    lines = []
    for i in range(30):
        stamp = f"2025/10/23,18:{i:02}:00.000"
        common = f"1,1,{address:06X},1,{stamp},{stamp}"
        lines.append(f"MSG,3,{common},,{3000 - i * 80},,,{12 - i * 0.03:.4f},-63.2500,,,0,0,0,0\n")
        lines.append(f"MSG,1,{common},{callsign},,,,,,,,,,,\n")
    return "".join(lines)


@pytest.fixture(scope="module")
def made(tmp_path_factory, world) -> Path:
    folder = tmp_path_factory.mktemp("made")
    (folder / "log.txt").write_text(flight(0xAE503D, "BARB21") + flight(0xAE503E, "BARB22"))
    api.report(folder / "log.txt", folder / "story", QUESTION, world=world)
    return folder / "story"


@pytest.fixture
def copy(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copy"))


def rehash(folder: Path, name: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert name in manifest["files"]
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))


def texts(folder: Path) -> list[str]:
    return [str(p) for p in verify(folder)]


def find(folder: Path, start: str) -> list[str]:
    names = (p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*")) if p.is_file())
    return [n for n in names if n.startswith(start)]


def test_the_list_of_files_here_is_complete(made):
    assert verify(made) == []
    present = set(find(made, "")) - {"manifest.json"}
    assert present == {n for start in FILES for n in find(made, start)}


@pytest.mark.parametrize("start", FILES)
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0], ids=["first", "middle", "last"])
def test_one_byte_of_any_file_altered_is_found_and_the_file_named(copy, start, where):
    name = find(copy, start)[0]
    data = bytearray((copy / name).read_bytes())
    data[int(where * (len(data) - 1))] ^= 0x01
    (copy / name).write_bytes(bytes(data))
    assert any(text.startswith(f"{name}: has SHA-256") for text in texts(copy))


def numbers(value, path=()):
    """Every number in a JSON value, by the keys that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, (*path, key))
    elif isinstance(value, list):
        for key, inner in enumerate(value):
            yield from numbers(inner, (*path, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def test_any_number_of_any_finding_altered_with_its_hash_is_found_and_named(copy):
    path = copy / "findings.json"
    findings = json.loads(path.read_bytes())
    altered = []
    for number, finding in enumerate(findings):
        for keys in numbers(finding):
            at = findings[number]
            for key in keys[:-1]:
                at = at[key]
            at[keys[-1]] += 1
            altered.append((finding["id"], keys))
    assert len(altered) > 30
    path.write_text(json.dumps(findings, indent=1))
    rehash(copy, "findings.json")
    found = "\n".join(texts(copy))
    # verify stops telling after some in one file, but not before the first finding is through
    first = [keys for name, keys in altered if name == findings[0]["id"]]
    for keys in first:
        assert f"{findings[0]['id']} {keys[-1]} is" in found
    assert "more differences" in found


@pytest.mark.parametrize("kind", ["approach", "sortie"])
def test_one_number_altered_with_its_hash_is_named_with_what_the_evidence_gives(copy, kind):
    path = copy / "findings.json"
    findings = json.loads(path.read_bytes())
    target = next(f for f in findings if f["kind"] == kind)
    measure = sorted(target["measures"])[0]
    target["measures"][measure]["value"] = 4321.5
    path.write_text(json.dumps(findings, indent=1))
    rehash(copy, "findings.json")
    (only,) = [t for t in texts(copy) if t.startswith("findings.json")]
    assert f"{target['id']} {measure}.value is 4,321.5, evidence gives" in only


def test_evidence_altered_with_its_hash_is_found(copy):
    (name,) = find(copy, "evidence/frames/")
    data = (copy / name).read_bytes()
    assert data.count(b",11.4000,-63.25") == 2
    (copy / name).write_bytes(data.replace(b",11.4000,-63.25", b",11.4000,-63.05", 1))
    rehash(copy, name)
    found = texts(copy)
    assert any(t.startswith("findings.json: ") and "evidence gives" in t for t in found)
    assert any(t.startswith("tracks.parquet: ") and "lon_deg" in t for t in found)


def test_a_frame_left_out_with_its_hash_is_found(copy):
    (name,) = find(copy, "evidence/frames/")
    data = (copy / name).read_bytes()
    table = pl.read_csv(copy / "evidence/frames.csv")
    begin = int(table["length"][:20].sum())
    assert data[begin:].startswith(b"MSG,3")
    (copy / name).write_bytes(data[:begin] + data[begin + table["length"][20] :])
    pl.concat([table[:20], table[21:]]).write_csv(copy / "evidence/frames.csv")
    rehash(copy, name)
    rehash(copy, "evidence/frames.csv")
    assert any(t.startswith("tracks.parquet: ") for t in texts(copy))


def test_a_frame_without_a_length_is_a_problem_and_no_exception(copy):
    table = pl.read_csv(copy / "evidence/frames.csv")
    table.with_columns(pl.when(pl.int_range(pl.len()) != 5).then("length")).write_csv(copy / "evidence/frames.csv")
    rehash(copy, "evidence/frames.csv")
    assert any("a row without length" in t for t in texts(copy))


def test_a_coast_altered_with_its_hash_is_found(copy):
    place = next(n for n in find(copy, "evidence/world/place-") if "testigos" in n)
    table = pl.read_parquet(copy / place)
    table.with_columns(pl.col("lon1_deg", "lon2_deg") + 0.05).write_parquet(copy / place)
    rehash(copy, place)
    assert any(t.startswith("findings.json: ") and "distance.value" in t for t in texts(copy))


def test_an_identity_altered_with_its_hash_is_found(copy):
    name = "evidence/world/address_blocks.csv"
    text = (copy / name).read_text()
    assert "US" in text
    (copy / name).write_text(text.replace(",US,", ",VE,"))
    rehash(copy, name)
    assert any(t.startswith("findings.json: identity-") for t in texts(copy))


@pytest.mark.parametrize("key", ["question", "units", "simulated", "objects", "data", "documents", "files", "account"])
def test_a_manifest_without_one_of_its_parts_is_a_problem_and_no_exception(copy, key):
    manifest = json.loads((copy / "manifest.json").read_bytes())
    for value in ("missing", None, 7, "x", [7], {"x": 7}):
        changed = manifest | {key: value}
        if value == "missing":
            del changed[key]
        (copy / "manifest.json").write_text(json.dumps(changed))
        assert verify(copy), f"{key} = {value!r}"


@pytest.mark.parametrize("name", ["evidence/frames.csv", "evidence/world/world.json", "findings.json"])
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"[" * 50_000, b'{"a":' * 50_000, b"null", b"a,b\n1,2\n"],
    ids=["empty", "not UTF-8", "deep list", "deep object", "null", "another table"],
)
def test_a_file_replaced_with_its_hash_is_a_problem_and_no_exception(copy, name, content):
    (copy / name).write_bytes(content)
    rehash(copy, name)
    assert verify(copy)


@pytest.mark.parametrize("content", [b"[" * 50_000, b"\xff\xfe", b'{"files":{}}', b"null"])
def test_a_manifest_of_other_bytes_is_a_problem_and_no_exception(copy, content):
    (copy / "manifest.json").write_bytes(content)
    assert [p.file for p in verify(copy)] == ["manifest.json"]


def test_a_table_that_polars_panics_over_is_a_problem_and_no_exception(copy, monkeypatch):
    def panics(*_, **__):
        raise pl.exceptions.PanicException("offset + length <= self.length")

    path = copy / "tracks.parquet"
    path.write_bytes(path.read_bytes()[:-9] + b"\0" * 5 + b"PAR1")
    rehash(copy, "tracks.parquet")
    monkeypatch.setattr(pl, "read_parquet", panics)
    assert any("PanicException" in text or "offset" in text for text in texts(copy))
