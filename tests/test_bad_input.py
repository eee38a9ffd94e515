"""Bad input, end to end through the command line: a clear word, and nothing lost."""

import bz2
import gzip
import io
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from testigos.cli import main
from testigos.errors import ArchiveError
from testigos.store import Archive

HERE = "11.4,-63.1"
CLEAN_ADDRESS = 0xAE503D
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and limits")
NOT_ROOT = pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")


def line(minute: int, lat: str, lon: str, address: int = CLEAN_ADDRESS, hour: int = 18) -> str:
    stamp = f"2025/10/23,{hour:02}:{minute:02}:00.000"
    return f"MSG,3,1,1,{address:06X},1,{stamp},{stamp},,25000,,,{lat},{lon},,,0,0,0,0\n"


def flight(address: int = CLEAN_ADDRESS, fixes: int = 20) -> bytes:
    """SBS lines of an aircraft that passes Los Testigos."""
    return "".join(line(i, f"{12 - i * 0.05:.4f}", "-63.0000", address) for i in range(fixes)).encode()


@pytest.fixture(autouse=True)
def _own_cache(world):
    """The world's cache is the tests' own."""


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "story"


@pytest.fixture
def good(tmp_path) -> Path:
    path = tmp_path / "good.txt"
    path.write_bytes(flight())
    return path


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, [str(a) for a in arguments], input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def told(result: Result, *words: str) -> None:
    """It ended well."""
    assert result.exit_code == 0, result.output
    for word in words:
        assert word in result.output


def refused(result: Result, *words: str) -> None:
    """It ended with a word to the user, and no traceback."""
    assert result.exit_code in (1, 2)
    assert "Error: " in result.output
    assert "Traceback" not in result.output
    for word in words:
        assert word in result.output


def tracks(out: Path) -> pl.DataFrame:
    return pl.read_parquet(out / "tracks.parquet")


def account(out: Path) -> dict[str, str]:
    return dict(json.loads((out / "manifest.json").read_bytes())["account"])


def leftovers(out: Path) -> list[str]:
    return [p.name for p in out.parent.iterdir() if p.name.startswith(f".{out.name}")]


# --- what cannot be read at all ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("nothing", b"", "empty"),
        ("photo.json", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(range(256)) * 4, "no link recognises it"),
        ("program.csv", b"\x7fELF\x02\x01\x01" + bytes(2000), "no link recognises it"),
        ("zeros.bin", bytes(5000), "no link recognises it"),
        ("empty.gz", gzip.compress(b"", mtime=0), "empty"),
        ("cut.gz", gzip.compress(flight(), mtime=0)[:9], "cut"),
        ("prose.txt", "Zwei Flugzeuge über dem Meer.\n".encode("latin-1") * 9, "no link recognises it"),
    ],
)
def test_a_file_that_holds_no_tracks_is_named_and_nothing_is_written(tmp_path, out, name, data, says):
    path = tmp_path / name
    path.write_bytes(data)
    refused(run("report", path, "--near", HERE, "--out", out), name, says)
    assert not out.exists()
    assert leftovers(out) == []


def test_a_missing_file_is_named(tmp_path, out):
    refused(run("report", tmp_path / "gone.json", "--out", out), "gone.json", "no such file")


def test_an_empty_folder_is_named(tmp_path, out):
    (tmp_path / "void").mkdir()
    refused(run("report", tmp_path / "void", "--out", out), "void", "without files")


def test_a_host_that_refuses_is_told(out, monkeypatch):
    monkeypatch.setattr("testigos.io.fetch.time.sleep", lambda _: None)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    refused(run("report", f"http://127.0.0.1:{port}/day.tar", "--out", out), f"127.0.0.1:{port}", "tries failed")


@pytest.mark.parametrize("url", ["http://", "http://[bad", "http://host:port/x", "https://ex ample/%zz"])
def test_an_address_that_is_none_is_told(out, monkeypatch, url):
    monkeypatch.setattr("testigos.io.fetch.time.sleep", lambda _: None)
    refused(run("report", url, "--out", out))


@NOT_ROOT
def test_a_file_one_may_not_read_is_named(tmp_path, good, out):
    secret = tmp_path / "secret.txt"
    secret.write_bytes(flight(0xAE503E))
    secret.chmod(0)
    told(run("report", good, secret, "--near", HERE, "--out", out), "secret.txt", "Permission denied")


# --- what is damaged in part -------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gzip", "bzip2"])
def test_of_a_cut_compressed_file_what_is_there_is_told_and_the_cut_named(tmp_path, out, pack):
    path = tmp_path / "cut"
    lines = b"".join(flight(CLEAN_ADDRESS + k) for k in range(900))
    packed = pack(lines)
    path.write_bytes(packed[: len(packed) * 2 // 3])
    told(run("report", path, "--near", HERE, "--subject", "icao:ae503d", "--out", out), "cut", "data end early")
    assert len(tracks(out)) == 20
    assert run("verify", out).exit_code == 0


def tar_of(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return held.getvalue()


def test_of_a_cut_tar_the_whole_members_are_told_and_the_cut_one_named(tmp_path, out):
    path = tmp_path / "day.tar"
    path.write_bytes(tar_of({"one.txt": flight(), "two.txt": flight(0xAE503E)})[: 512 + 2048 + 512 + 700])
    told(run("report", path, "--near", HERE, "--out", out), "two.txt", "cut")
    assert dict(tracks(out)["object_id"].value_counts().iter_rows()) == {"icao:ae503d": 20, "icao:ae503e": 1}
    # positions that nothing vouches for carry no interval
    approaches = [f for f in json.loads((out / "findings.json").read_bytes()) if f["kind"] == "approach"]
    assert [f["measures"]["distance"]["low"] for f in approaches] == [None, None]


def test_in_a_mixed_folder_the_good_is_told_and_the_bad_named(tmp_path, out):
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "good.txt").write_bytes(flight())
    table = ["time,icao24,lat,lon", "1761242592,ae503f,11.9,-62.5", "1761242652,ae503f,11.8,-62.5"]
    (folder / "good.csv").write_text("\n".join(table) + "\n")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(500))
    (folder / "empty.json").write_bytes(b"")
    (folder / "cut.gz").write_bytes(gzip.compress(flight(0xAE503E))[:-20])
    result = run("report", folder, "--near", HERE, "--out", out)
    told(result, "photo.jpg", "empty.json", "cut.gz")
    assert {"icao:ae503d", "icao:ae503f"} <= set(tracks(out)["object_id"])
    listed = account(out)
    assert listed["documents of no known format"] == "1"
    assert {"problem: photo.jpg", "problem: empty.json", "problem: cut.gz"} <= set(listed)


def test_lines_that_are_damaged_or_not_utf8_stay_as_rows_and_are_counted(tmp_path, out):
    lines = flight().splitlines(keepends=True)
    lines[5] = b"MSG,3,1,1,AE50\xff\xfe,1,,,,,,,\n"
    lines[9] = lines[9][:40] + b"\n"
    path = tmp_path / "damaged.txt"
    path.write_bytes(b"".join(lines))
    told(run("report", path, "--near", HERE, "--out", out), "2 malformed", "18 ok")
    assert account(out)["rows: malformed"] == "2"


def test_a_name_that_is_not_utf8_is_read_and_told(tmp_path, out):
    folder = os.fsencode(tmp_path / "names")
    os.mkdir(folder)
    try:
        with open(folder + b"/t\xe9moins.txt", "wb") as file:
            file.write(flight())
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    told(run("report", tmp_path / "names", "--near", HERE, "--out", out))
    assert "t\ufffdmoins.txt" in (out / "manifest.json").read_text("utf-8")
    assert run("verify", out).exit_code == 0


def test_times_out_of_order_give_the_track_in_order(tmp_path, good, out):
    shuffled = flight().splitlines(keepends=True)
    path = tmp_path / "shuffled.txt"
    path.write_bytes(b"".join(shuffled[::-2] + shuffled[::2]))
    told(run("report", path, "--near", HERE, "--out", out))
    told(run("report", good, "--near", HERE, "--out", out.with_name("in-order")))
    fields = ["time_ns", "lat_deg", "lon_deg", "status", "leg"]
    assert tracks(out).select(fields).equals(tracks(out.with_name("in-order")).select(fields))


def test_a_file_that_is_there_twice_counts_once(tmp_path, good, out):
    folder = tmp_path / "twice"
    (folder / "copies").mkdir(parents=True)
    shutil.copy(good, folder / "a.txt")
    shutil.copy(good, folder / "copies" / "b.txt")
    (folder / "c.gz").write_bytes(gzip.compress(good.read_bytes()))
    told(run("report", folder, "--near", HERE, "--out", out), "20 rows")
    assert len(tracks(out)) == 20
    assert account(out)["documents that were there more than once"] == "2"


@pytest.mark.parametrize(
    ("lat", "lon", "near"),
    [
        (["89.9", "90.0", "89.9"], ["10.0", "0.0", "-170.0"], "89.99,5"),
        (["-89.9", "-90.0", "-89.9"], ["10.0", "0.0", "-170.0"], "-90,0"),
        (["-16.9", "-16.9", "-16.9"], ["179.8", "180.0", "-179.8"], "Fiji"),
        (["0.0", "0.0", "0.0"], ["-179.9", "-180.0", "179.9"], "0,180"),
    ],
    ids=["north pole", "south pole", "antimeridian", "equator"],
)
def test_positions_at_the_poles_and_across_the_antimeridian_are_told_and_verify(tmp_path, out, lat, lon, near):
    path = tmp_path / "edge.txt"
    path.write_text("".join(line(i * 2, a, b) for i, (a, b) in enumerate(zip(lat, lon, strict=True))))
    told(run("report", path, "--near", near, "--out", out))
    assert set(tracks(out)["status"]) == {"ok"}
    distances = [
        f["measures"]["distance"]["value"]
        for f in json.loads((out / "findings.json").read_bytes())
        if f["kind"] == "approach"
    ]
    assert distances
    assert min(distances) < 20_000
    told(run("verify", out))


def test_a_track_without_a_position_is_counted_and_no_finding_places_it(tmp_path, good, out):
    path = tmp_path / "heard.txt"
    stamp = "2025/10/23,18:03:12.000"
    silent = f"MSG,1,1,1,AE503E,1,{stamp},{stamp},BARB21,,,,,,,,,,,\n"
    path.write_text(silent * 3)
    alone = run("report", path, "--near", HERE, "--out", out)
    told(alone, "3 no_position")
    assert json.loads((out / "findings.json").read_bytes()) == []
    told(run("verify", out))
    together = run("report", path, good, "--near", HERE, "--out", out)
    told(together, "3 no_position", "20 ok")


def test_nothing_that_the_filters_keep_is_a_report_that_says_so(good, out):
    for filters in (
        ["--between", "2024-01-01", "2024-01-02"],
        ["--subject", "icao:000001"],
        ["--near", "Iceland", "--within", "10nmi"],
    ):
        result = run("report", good, "--out", out, *filters)
        told(result, "20 rows")
        assert json.loads((out / "findings.json").read_bytes()) == []
        text = (out / "report.md").read_text()
        assert result.stdout.strip()
        assert result.stdout.strip() in " ".join(text.split())
        told(run("verify", out))


# --- what was asked wrongly -------------------------------------------------------------------------------


def test_a_place_that_is_unknown_offers_the_nearest_names(good, out):
    refused(run("report", good, "--near", "Venezuala", "--out", out), "Venezuala", "did you mean", "Venezuela")
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--between", "yesterday", "2025-10-24"], "ISO 8601"),
        (["--between", "2025-10-24", "2025-10-23"], "not before"),
        (["--between", "2025-10-23T12Z"], "2 arguments"),
        (["--between", "0001-01-01", "2025-10-24"], ""),
        (["--within", "200"], "nmi"),
        (["--within", "nannmi"], "not a length"),
        (["--columns", "time"], "write name=column"),
        (["--columns", "tim=ts,lat=y,lon=x"], "tim"),
        (["--columns", "=,="], "--columns"),
        (["--link", "sbz"], "did you mean 'sbs'"),
        (["--units", "furlong"], "furlong"),
        (["--near", ""], ""),
        (["--near", "91,0"], "latitude"),
        (["--near", "nan,0"], ""),
        (["--near", "gone.geojson"], "gone.geojson"),
    ],
)
def test_an_option_that_makes_no_sense_is_explained(good, out, options, says):
    result = run("report", good, "--out", out, *options)
    if says:
        refused(result, says)
        assert not out.exists()
    else:  # odd, but there is an answer or a word about it
        assert result.exit_code in (0, 1, 2)
        assert "Traceback" not in result.output


def test_a_format_forced_on_other_bytes_makes_malformed_rows(good, out):
    told(run("report", good, "--link", "readsb_trace", "--near", HERE, "--out", out), "malformed")


# --- where it cannot be written ---------------------------------------------------------------------------


def test_a_folder_with_other_things_in_it_is_left_alone(good, tmp_path):
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.txt").write_text("years of work")
    refused(run("report", good, "--near", HERE, "--out", thesis), "not empty")
    assert [p.name for p in thesis.iterdir()] == ["chapter.txt"]


def test_a_file_is_not_replaced_by_a_folder(good, tmp_path):
    refused(run("report", good, "--near", HERE, "--out", good), "no folder")
    assert good.read_bytes() == flight()
    refused(run("report", good, "--near", HERE, "--out", good / "inside"), "cannot be written")


def test_a_folder_that_cannot_be_written_is_named(good):
    refused(run("report", good, "--near", HERE, "--out", "/proc/nowhere/story"), "/proc/nowhere")


def test_a_folder_that_is_no_report_or_archive_is_no_accident(tmp_path, good):
    refused(run("verify", tmp_path / "gone"), "gone")
    (tmp_path / "void").mkdir()
    void = run("verify", tmp_path / "void")
    refused(void, "does not hold")
    assert f"is {tmp_path / 'void'} a report?" in void.output
    refused(run("ingest", good, "--into", tmp_path), "is no archive")


def test_an_archive_whose_index_is_damaged_is_named(tmp_path, good, out):
    kept = tmp_path / "kept"
    told(run("ingest", good, "--into", kept))
    index = next(kept.glob("raw/*.jsonl"))
    for damage in (b"\xff\xfe", b'{"kind":"document"}', b"[" * 100_000):
        index.write_bytes(damage)
        refused(run("report", kept, "--near", HERE, "--out", out), index.name)


def test_an_archive_whose_tables_are_damaged_gives_no_number_from_them(tmp_path, good):
    kept = tmp_path / "kept"
    told(run("ingest", good, "--into", kept))
    part = next(kept.glob("tables/reports/*/*/*.parquet"))
    data = bytearray(part.read_bytes())
    data[40] ^= 0x10
    part.write_bytes(data)
    with pytest.raises(ArchiveError, match="other bytes than were written"):
        list(Archive(kept).reports())
    # a report rests on the raw input, which is whole
    told(run("report", kept, "--near", HERE, "--out", tmp_path / "story"), "20 rows")


def test_more_than_one_report_can_hold_is_refused_with_what_to_do(good, out, monkeypatch):
    monkeypatch.setattr("testigos.api._KEEP_BYTES", 0)
    monkeypatch.setattr("testigos.api._MOST_ROWS", 19)
    refused(run("report", good, "--near", HERE, "--out", out), "more than one report can hold", "--subject")
    assert not out.exists()
    monkeypatch.setattr("testigos.api._MOST_ROWS", 20)
    told(run("report", good, "--near", HERE, "--out", out))


# --- standard input, pipes, full disks, interruptions ------------------------------------------------------


def test_standard_input_is_a_source(out):
    told(run("report", "-", "--near", HERE, "--out", out, stdin=gzip.compress(flight())), "20 rows")
    assert json.loads((out / "manifest.json").read_bytes())["documents"][0]["name"] == "stdin"


def test_empty_standard_input_is_told(out):
    refused(run("report", "-", "--near", HERE, "--out", out, stdin=b""), "stdin", "empty")


def process(code: str, *arguments: object, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", code, *(str(a) for a in arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@POSIX
def test_a_reader_that_goes_away_is_no_accident():
    code = "from testigos.cli import main; main()"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.Popen([sys.executable, "-c", code, "links"], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    _, errors = done.communicate(timeout=120)
    assert b"Traceback" not in errors
    assert b"Exception ignored" not in errors


@POSIX
def test_a_disk_that_fills_up_leaves_the_older_report_and_says_so(good, out):
    told(run("report", good, "--near", HERE, "--out", out))
    before = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # room for the evidence, none for the page
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, hard))
    try:
        result = run("report", good, "--near", HERE, "--units", "km", "--out", out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    refused(result, "File too large")
    assert {p: p.read_bytes() for p in out.rglob("*") if p.is_file()} == before
    assert leftovers(out) == []


INTERRUPTED = """
import sys, time
from testigos.cli import main
from testigos.report import page

def slow(content):
    print("writing", flush=True)
    time.sleep(60)

page.html = slow
main()
"""


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_report_leaves_no_part_of_itself(good, out, number):
    started = process(INTERRUPTED, "report", good, "--near", HERE, "--out", out)
    assert started.stdout is not None
    assert started.stdout.readline() == b"writing\n"
    started.send_signal(number)
    _, errors = started.communicate(timeout=60)
    assert started.returncode != 0
    assert b"Traceback" not in errors
    assert not out.exists()
    assert leftovers(out) == []
