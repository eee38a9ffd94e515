"""The archive: what was acknowledged stays, twice is once, and tables give back the reports."""

import errno
import gzip
import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import line_link
from line_link import document
from testigos import registry
from testigos.errors import ArchiveError
from testigos.io import Account, excerpts, reports, reports_from_excerpts, write_excerpts
from testigos.schema import REPORTS, conform
from testigos.store import Archive
from testigos.store.files import locked
from testigos.store.tables import BUCKETS, bucket_of, restored, stored_form

ORDER = ["object_id", "time_ns", "segment", "offset"]
S_NS = 1_000_000_000
EMPTY = pl.DataFrame(schema={c.name: c.dtype for c in REPORTS.values()})


@pytest.fixture(autouse=True)
def _only_lines(monkeypatch):
    monkeypatch.setitem(sys.modules, "testigos.links.lines", line_link)
    monkeypatch.setattr(registry, "link_names", lambda: ("lines",))
    registry.link.cache_clear()
    yield
    registry.link.cache_clear()


@pytest.fixture
def folder(tmp_path):
    """Twelve documents over three days, one of them damaged, one that no link knows."""
    place = tmp_path / "day"
    place.mkdir()
    for i in range(12):
        content = document(i, rows=300 * (i + 1))
        (place / f"{i:02}.json").write_bytes(gzip.compress(content, mtime=0) if i % 3 else content)
    (place / "bad.json").write_bytes(b"L,icao:000001,1700000000.123456,1.23456789,2\n\xff\xfe\nrubbish")
    (place / "readme.txt").write_bytes(b"hello")
    return place


def tree(folder: Path) -> dict[str, str]:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def table(given) -> pl.DataFrame:
    return pl.concat([EMPTY, *given]).sort(ORDER, maintain_order=True)


def test_the_tables_give_back_exactly_what_the_links_gave(folder, tmp_path):
    archive = Archive(tmp_path / "archive")
    account = archive.ingest(folder)
    assert table(archive.reports()).equals(table(reports(folder)))
    assert (account.documents, account.added, account.known) == (14, 14, 0)
    assert account.rows == len(table(reports(folder)))
    assert account.unrecognised == ["readme.txt"]
    assert archive.verify() == []


def test_an_archive_is_a_source_with_the_same_frame_ids_as_the_files(folder, tmp_path):
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder)
    from_archive, from_files = Account(), Account()
    assert table(reports(archive, account=from_archive)).equals(table(reports(folder, account=from_files)))
    assert from_archive == from_files


def test_evidence_from_an_archive_is_that_from_the_files(folder, tmp_path):
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder)
    write_excerpts(excerpts(archive, ["icao:000003"]), tmp_path / "a")
    write_excerpts(excerpts(folder, ["icao:000003"]), tmp_path / "b")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    again = table(reports_from_excerpts(tmp_path / "a"))
    assert again.equals(table(archive.reports(objects=["icao:000003"])))


def test_ingesting_again_changes_no_byte(folder, tmp_path):
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder)
    before = tree(archive.path)
    account = archive.ingest([folder, folder / "01.json"])
    assert (account.added, account.known, account.rows) == (0, 15, 0)
    assert tree(archive.path) == before


def test_tables_are_the_same_bytes_whatever_the_order_and_the_portions(folder, tmp_path):
    whole = Archive(tmp_path / "whole")
    whole.ingest(folder)
    files = sorted(folder.iterdir())
    for seed in range(3):
        random.Random(seed).shuffle(files)
        parts = Archive(tmp_path / f"parts{seed}")
        for i in range(0, len(files), 5):
            parts.ingest(files[i : i + 5])
        assert tree(parts.path / "tables") == tree(whole.path / "tables")
        assert parts.verify() == []


def test_rows_that_do_not_fit_in_memory_are_put_aside_with_the_same_result(folder, tmp_path, monkeypatch):
    archive = Archive(tmp_path / "a")
    archive.ingest(folder)
    monkeypatch.setattr("testigos.store.tables._SPILL_ROWS", 100)
    monkeypatch.setattr("testigos.io.read._ROWS", 1000)
    other = Archive(tmp_path / "b")
    other.ingest(folder)
    assert tree(other.path) == tree(archive.path)


def test_queries_give_the_rows_asked_for_and_no_others(folder, tmp_path):
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder)
    everything = table(archive.reports())
    objects = ["icao:000001", "icao:000004", "icao:ffffff"]
    assert table(archive.reports(objects=objects)).equals(everything.filter(pl.col("object_id").is_in(objects)))
    start, end = 1_700_080_000 * S_NS, 1_700_180_000 * S_NS
    window = (pl.col("time_ns") >= start) & (pl.col("time_ns") < end)
    assert table(archive.reports(start_ns=start, end_ns=end)).equals(everything.filter(window))
    inside = pl.col("lat_deg").is_between(0.2, 0.5) & pl.col("lon_deg").is_between(1, 2)
    assert table(archive.reports(box=(0.2, 1, 0.5, 2))).equals(everything.filter(inside))
    around = pl.col("lat_deg").is_between(-1, 9) & ((pl.col("lon_deg") >= 20) | (pl.col("lon_deg") <= 1))
    assert table(archive.reports(box=(-1, 20, 9, 1))).equals(everything.filter(around))
    assert 0 < len(everything.filter(inside)) < len(everything.filter(around)) < len(everything)


def test_the_bucket_of_an_object_never_changes():
    """By hand: SHA-256 of "abc" begins ba7816bf 8f01cfea (FIPS 180-2, B.1): the last digit is a."""
    assert bucket_of("abc") == 0xA
    assert {bucket_of(f"icao:{i:06x}") for i in range(500)} == set(range(BUCKETS))


def test_numbers_are_stored_in_steps_only_where_that_loses_nothing():
    noise = random.Random(5)
    coarse = conform(
        pl.DataFrame(
            {
                "time_ns": [noise.randrange(10**12) * 1_000_000 for _ in range(5000)],
                "lat_deg": [round(noise.uniform(-90, 90), 6) for _ in range(5000)],
                "lon_deg": [round(noise.uniform(-180, 180), 6) for _ in range(4999)] + [None],
                "alt_baro_ft": [noise.randrange(-40, 2000) * 25.0 for _ in range(5000)],
                "gs_kt": [round(noise.uniform(0, 600), 1) for _ in range(5000)],
                "track_deg": [round(noise.uniform(0, 360), 2) for _ in range(5000)],
                "rssi_dbfs": [round(noise.uniform(-50, 0), 1) for _ in range(5000)],
            }
        )
    )
    names = {
        "time_ms",
        "lat_deg_e6",
        "lon_deg_e6",
        "alt_baro_25ft",
        "gs_kt_e1",
        "track_deg_e2",
        "rssi_dbfs_e1",
    }
    assert set(stored_form(coarse).columns) == names
    assert restored(stored_form(coarse)).equals(coarse)
    for column, value in [
        ("time_ns", 1),
        ("lat_deg", 1.23456789),
        ("gs_kt", 4000.0),
        ("alt_baro_ft", 30_010.5),
    ]:
        fine = coarse.with_columns(pl.Series(column, [value, *coarse[column][1:]], coarse[column].dtype))
        assert column in stored_form(fine).columns
        assert restored(stored_form(fine)).equals(fine)


def test_the_tables_are_plain_parquet_for_others(folder, tmp_path):
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder)
    pattern = archive.path / "tables" / "reports" / "**" / "*.parquet"
    read = pl.scan_parquet(pattern, hive_partitioning=True, missing_columns="insert", extra_columns="ignore")
    counted = read.group_by("date").len().collect()
    assert counted["len"].sum() == len(table(archive.reports()))
    assert counted["date"].null_count() == 1


# --- what must survive -----------------------------------------------------------------------------------


KILLED = """
import os, signal, sys
import line_link
line_link.install()
import testigos.store.packs as packs
from testigos.store import Archive

packs._PACK_BYTES = 3000
rename, left = os.replace, int(sys.argv[3])

def replace(*args):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(*args)

os.replace = replace
Archive(sys.argv[2]).ingest(sys.argv[1])
"""


def test_an_ingest_killed_anywhere_keeps_what_it_acknowledged_and_goes_on(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("testigos.store.packs._PACK_BYTES", 3000)
    whole = Archive(tmp_path / "whole")
    whole.ingest(folder)
    expected, rows = tree(whole.path), table(reports(folder))
    packs = len(list((whole.path / "raw").glob("*.zst")))
    assert packs >= 3
    killed = 0
    environment = {**os.environ, "PYTHONPATH": str(Path(line_link.__file__).parent)}
    for replacements in [1, 2, 3, 4, 5, 7, 9, 20, 1000]:
        place = tmp_path / str(replacements)
        run = [sys.executable, "-c", KILLED, str(folder), str(place), str(replacements)]
        code = subprocess.run(run, env=environment, timeout=120, check=False).returncode
        assert code in (0, -signal.SIGKILL)
        killed += code != 0
        left = Archive(place)
        assert left.verify() == []
        kept = table(left.reports())
        assert kept.join(rows, on=["segment", "offset"], how="anti").is_empty()
        left.ingest(folder)
        assert tree(place) == expected
    assert 5 <= killed < 9


def noise_file(path: Path, seed: int) -> Path:
    noise = random.Random(seed)
    lines = [f"L,icao:{noise.randrange(1 << 24):06x},{1.7e9 + noise.random() * 1e5},1.5,2\n" for _ in range(20_000)]
    path.write_text("".join(lines))
    return path


def test_a_full_disk_loses_nothing_that_was_acknowledged_and_says_so(tmp_path):
    first, second = noise_file(tmp_path / "1", 1), noise_file(tmp_path / "2", 2)
    archive = Archive(tmp_path / "archive")
    archive.ingest(first)
    before = tree(archive.path)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ArchiveError, match="1 documents acknowledged so far are safe"):
            archive.ingest(second)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert tree(archive.path) == before
    assert archive.verify() == []
    archive.ingest(second)
    assert table(archive.reports()).equals(table(reports([first, second])))


def test_a_disk_that_fills_while_tables_are_made_keeps_the_raw_input_and_completes_later(folder, tmp_path, monkeypatch):
    import testigos.store.tables as tables

    put = tables.put
    for good in (0, 1, 20):
        archive = Archive(tmp_path / f"archive{good}")
        left = good

        def failing(path, content):
            nonlocal left
            left -= 1
            if left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            put(path, content)

        monkeypatch.setattr(tables, "put", failing)
        with pytest.raises(ArchiveError, match="ingest again to complete the tables"):
            archive.ingest(folder)
        monkeypatch.setattr(tables, "put", put)
        again = Archive(archive.path)
        assert again.verify() == []
        assert table(again.reports()).equals(table(reports(folder)))
        again.ingest(folder)
        whole = Archive(tmp_path / f"whole{good}")
        whole.ingest(folder)
        assert tree(again.path) == tree(whole.path)


def test_a_second_writer_is_refused(folder, tmp_path):
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder / "01.json")
    with locked(archive.path / "lock"), pytest.raises(ArchiveError, match="another process is writing"):
        archive.ingest(folder)


def test_altered_bytes_are_found(folder, tmp_path):
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder)
    for path in [*archive.path.glob("raw/*.zst"), next(archive.path.glob("tables/reports/*/*/*.parquet"))]:
        good = path.read_bytes()
        path.write_bytes(good[:-20] + bytes([good[-20] ^ 1]) + good[-19:])
        (problem,) = Archive(archive.path).verify()
        assert str(path) in problem
        path.write_bytes(good)
    assert archive.verify() == []
    index = next(archive.path.glob("raw/*.jsonl"))
    index.write_bytes(index.read_bytes()[:-5])
    with pytest.raises(ArchiveError, match="damaged index"):
        Archive(archive.path)


def test_a_segment_is_had_by_its_hash(folder, tmp_path):
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder)
    assert archive.segment(hashlib.sha256(document(4, rows=1500)).hexdigest()) == document(4, rows=1500)
    with pytest.raises(ArchiveError, match="no segment"):
        archive.segment("00" * 32)


def test_what_is_no_archive_is_not_taken_for_one(folder, tmp_path):
    assert not Archive.is_archive(folder)
    assert not Archive.is_archive(tmp_path / "nothing")
    with pytest.raises(ArchiveError, match="is no archive"):
        Archive(folder)
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder)
    assert Archive.is_archive(archive.path)


def test_documents_that_no_link_knows_are_kept_and_read_once_one_does(folder, tmp_path, monkeypatch):
    archive = Archive(tmp_path / "archive")
    monkeypatch.setattr(line_link, "recognise", lambda head: 0)
    account = archive.ingest(folder)
    assert len(account.unrecognised) == 14
    assert account.rows == 0
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "testigos.links.lines", line_link)
    monkeypatch.setattr(registry, "link_names", lambda: ("lines",))
    registry.link.cache_clear()
    archive.ingest(folder)
    assert table(archive.reports()).equals(table(reports(folder)))


def test_columns_of_the_tables_are_those_of_the_schema(folder, tmp_path):
    archive = Archive(tmp_path / "archive")
    archive.ingest(folder)
    for given in archive.reports():
        assert given.columns == list(REPORTS)
        assert given.schema == pl.Schema({c.name: c.dtype for c in REPORTS.values()})


def test_problems_met_when_a_document_was_ingested_are_told_when_it_is_read(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(document(1, rows=9000))[:-2000])
    archive = Archive(tmp_path / "archive")
    archive.ingest(tmp_path / "x.gz")
    account = Account()
    list(reports(archive, account=account))
    assert [name for name, _ in account.problems] == ["x.gz"]
    assert "cut" in account.problems[0][1]
