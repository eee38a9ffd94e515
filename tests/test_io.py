"""Documents from everywhere, reports with the place of their bytes, and evidence that gives them back."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import random
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import polars as pl
import pytest
import zstandard

import line_link
from line_link import document
from testigos import registry
from testigos.errors import InputError, SourceUnavailable, UnknownFormat
from testigos.io import (
    Account,
    Sources,
    documents,
    excerpts,
    reports,
    reports_from_excerpts,
    segments,
    write_excerpts,
)
from testigos.io.fetch import fetch
from testigos.io.streams import ByteStream, decompressed
from testigos.io.tar import members
from testigos.schema import REPORTS, violations

KEY = ["segment", "offset"]


@pytest.fixture(autouse=True)
def _only_lines(monkeypatch):
    monkeypatch.setitem(sys.modules, "testigos.links.lines", line_link)
    monkeypatch.setattr(registry, "link_names", lambda: ("lines",))
    registry.link.cache_clear()
    yield
    registry.link.cache_clear()


@pytest.fixture
def folder(tmp_path):
    """Ten documents, two levels deep, some compressed."""
    place = tmp_path / "day"
    (place / "00").mkdir(parents=True)
    for i in range(10):
        content = document(i)
        path = place / ("00" if i % 2 else ".") / f"{i:02}.json"
        path.write_bytes(gzip.compress(content, mtime=0) if i % 3 else content)
    return place


def table(*sources, **options) -> pl.DataFrame:
    return pl.concat(list(reports(list(sources), **options)))


def tar_of(folder: Path, mode: str = "w", format: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=format) as tar:
        tar.add(folder, arcname=".")
    return out.getvalue()


def same_rows(a: pl.DataFrame, b: pl.DataFrame) -> bool:
    return a.sort(KEY).equals(b.sort(KEY))


def problems(account: Account) -> str:
    return "\n".join(f"{name}: {text}" for name, text in account.problems)


# --- where bytes come from -------------------------------------------------------------------------------


def test_a_folder_gives_every_document_once_in_the_order_of_names(folder):
    names = [d.name for d in documents([folder])]
    assert names == sorted(names)
    assert len(names) == 10
    assert "00/01.json" in names


def test_the_order_in_which_sources_are_named_changes_nothing(folder):
    files = [p for p in folder.rglob("*") if p.is_file()]
    random.Random(1).shuffle(files)
    assert table(*files).equals(table(*reversed(files)))
    assert same_rows(table(*files), table(folder))


@pytest.mark.parametrize(
    ("compress", "times"),
    [
        (lambda b: gzip.compress(b, mtime=0), 1),
        (lambda b: gzip.compress(b, mtime=0), 2),
        (zstandard.compress, 1),
        (zstandard.compress, 2),
        (bz2.compress, 1),
        (lzma.compress, 1),
    ],
)
def test_compression_is_known_by_its_magic_whatever_the_suffix(tmp_path, compress, times):
    content = document(1)
    packed = content
    for _ in range(times):
        packed = compress(packed)
    (tmp_path / "x.json").write_bytes(packed)
    (given,) = [b"".join(d.chunks()) for d in documents([tmp_path])]
    assert given == content


def test_gzip_members_one_after_another_are_one_document_and_padding_is_no_problem(tmp_path):
    parts = [document(i) for i in range(3)]
    (tmp_path / "x.gz").write_bytes(b"".join(gzip.compress(p) for p in parts) + bytes(100))
    told = []
    (given,) = [b"".join(d.chunks()) for d in documents([tmp_path], lambda *note: told.append(note))]
    assert given == b"".join(parts)
    assert told == []


def test_what_follows_the_compressed_data_is_told(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(document(1)) + b"garbage")
    account = Account()
    assert len(table(tmp_path, account=account)) == 50
    assert "7 bytes after the end of the gzip data" in problems(account)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress])
def test_cut_compressed_data_give_what_can_be_had_and_a_note(tmp_path, compress):
    noise = random.Random(2)
    content = b"".join(b"L,icao:1,1700000000,%f,2\n" % noise.random() for _ in range(100_000))
    packed = compress(content)
    (tmp_path / "x").write_bytes(packed[: len(packed) * 2 // 3])
    told = []
    (given,) = [b"".join(d.chunks()) for d in documents([tmp_path], lambda *note: told.append(note))]
    assert content.startswith(given)
    assert len(given) > len(content) // 10
    assert "cut" in told[0][1]


def zstd_checked(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


@pytest.mark.parametrize("compress", [gzip.compress, zstd_checked, bz2.compress, lzma.compress])
def test_damaged_compressed_data_are_told_and_raise_nothing(tmp_path, compress):
    for seed in range(30):
        packed = bytearray(compress(document(seed, rows=2000)))
        at = random.Random(seed).randrange(10, len(packed))
        packed[at] ^= 0x5A
        told = []
        stream = decompressed(iter([bytes(packed)]), "x", lambda *note, told=told: told.append(note))
        given = b"".join(stream.take())
        assert told or given == document(seed, rows=2000)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress])
def test_a_bomb_is_a_long_stream_of_small_pieces(compress):
    packed = compress(bytes(100 << 20))
    largest = total = 0
    for piece in decompressed(iter([packed]), "x", lambda *note: None).take():
        largest, total = max(largest, len(piece)), total + len(piece)
    assert total == 100 << 20
    assert largest <= 70 << 20 if compress is zstandard.compress else largest <= 1 << 20


def test_a_stream_gives_the_same_bytes_however_it_is_taken():
    noise = random.Random(3)
    content = noise.randbytes(5000)
    for _ in range(50):
        cuts = sorted(noise.randrange(5000) for _ in range(20))
        stream = ByteStream(content[a:b] for a, b in zip([0, *cuts], [*cuts, 5000], strict=True))
        taken = b""
        while stream.peek(1):
            size = noise.randrange(1, 400)
            match noise.randrange(4):
                case 0:
                    taken += stream.read(size)
                case 1:
                    taken += b"".join(stream.take(size))
                case 2:
                    got = stream.read(size)
                    stream.unread(got)
                case _:
                    assert stream.peek(size) == content[len(taken) : len(taken) + size]
            assert stream.position == len(taken)
        assert taken == content


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_reads_as_the_folder_that_went_in(folder, tmp_path, mode, format):
    (tmp_path / "x.tar").write_bytes(tar_of(folder, mode, format))
    account = Account()
    assert same_rows(table(tmp_path / "x.tar", account=account), table(folder))
    assert account.problems == []
    assert {d.name for d in documents([tmp_path / "x.tar"])} == {d.name for d in documents([folder])}


def test_long_names_in_a_tar_are_kept_whole(tmp_path):
    name = "a" * 90 + "/" + "b" * 150 + "é.json"
    for format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(tmp_path / "x.tar", "w", format=format) as tar:
            info = tarfile.TarInfo(name)
            info.size = 5
            tar.addfile(info, io.BytesIO(b"hello"))
        assert [d.name for d in documents([tmp_path / "x.tar"])] == [name]


def test_a_tar_in_a_tar_is_read_too(folder, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "inner.tar.gz").write_bytes(tar_of(folder, "w:gz"))
    (tmp_path / "x.tar").write_bytes(tar_of(tmp_path / "in"))
    assert same_rows(table(tmp_path / "x.tar"), table(folder))
    assert "inner.tar.gz/00/01.json" in {d.name for d in documents([tmp_path / "x.tar"])}


def split_in(place: Path, data: bytes, parts: int) -> list[Path]:
    place.mkdir(exist_ok=True)
    size = -(-len(data) // parts)
    paths = [place / f"day.tar.a{'abcdefghij'[i]}" for i in range(parts)]
    for i, path in enumerate(paths):
        path.write_bytes(data[i * size : (i + 1) * size])
    return paths


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_split_tar_reads_whole_in_any_order_of_its_parts_and_as_a_folder(folder, tmp_path, mode):
    parts = split_in(tmp_path / "parts", tar_of(folder, mode), 4)
    account = Account()
    assert same_rows(table(*reversed(parts), account=account), table(folder))
    assert same_rows(table(tmp_path / "parts"), table(folder))
    assert account.problems == []
    assert account.documents == 10


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_a_split_tar_without_one_part_gives_the_documents_that_are_whole_and_says_so(folder, tmp_path, lost):
    big = folder / "00"
    for i in range(40):
        (big / f"more{i}.json").write_bytes(document(100 + i))
    parts = split_in(tmp_path / "parts", tar_of(folder), 4)
    parts[lost].unlink()
    account = Account()
    got = table(tmp_path / "parts", account=account)
    assert 20 <= got["segment"].n_unique() <= 45
    text = problems(account)
    assert "missing" in text
    whole = table(folder)
    intact = got.filter(pl.col("segment").is_in(whole["segment"].implode()))
    assert len(intact) > 0.9 * len(got.filter(status="ok"))
    expected = whole.filter(pl.col("segment").is_in(intact["segment"].implode()))
    assert same_rows(intact, expected)


def test_a_damaged_tar_header_costs_one_member(folder, tmp_path):
    data = bytearray(tar_of(folder))
    at = data.index(b"./00/05.json")
    data[at + 150] ^= 0xFF
    (tmp_path / "x.tar").write_bytes(data)
    account = Account()
    assert table(tmp_path / "x.tar", account=account)["segment"].n_unique() == 9
    assert "damaged tar header" in problems(account)


def test_links_in_a_tar_are_told_and_never_followed(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        link = tarfile.TarInfo("passwd.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        info = tarfile.TarInfo("a.json")
        info.size = len(document(1))
        tar.addfile(info, io.BytesIO(document(1)))
    account = Account()
    assert len(table(tmp_path / "x.tar", account=account)) == 50
    assert "a link to '/etc/passwd'" in problems(account)


def test_mangled_tars_raise_nothing(folder):
    data = tar_of(folder)
    for seed in range(60):
        noise = random.Random(seed)
        mangled = bytearray(data)
        for _ in range(5):
            mangled[noise.randrange(len(mangled))] = noise.randrange(256)
        del mangled[noise.randrange(len(mangled)) :]
        stream = ByteStream(iter([bytes(mangled)]))
        for _, body in members(stream, "x", lambda *note: None):
            for _ in body:
                pass
        assert stream.position == len(mangled)


def test_standard_input_is_a_source_and_can_be_read_twice(monkeypatch):
    piped = io.TextIOWrapper(io.BytesIO(gzip.compress(document(1))))
    monkeypatch.setattr(sys, "stdin", piped)
    with Sources("-") as sources:
        first, second = (pl.concat(list(reports(sources))) for _ in range(2))
    assert len(first) == 50
    assert first.equals(second)


def test_a_missing_file_and_an_empty_folder_are_unavailable(tmp_path):
    with pytest.raises(SourceUnavailable, match="no such file"):
        table(tmp_path / "nothing.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceUnavailable, match="without files"):
        table(tmp_path / "empty")


def test_a_dangling_link_in_a_folder_is_told_and_the_rest_is_read(folder):
    (folder / "dangling.json").symlink_to(folder / "nowhere")
    account = Account()
    assert len(table(folder, account=account)) == 500
    assert "dangling.json: cannot be read" in problems(account)


# --- http ------------------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Serves ``content``; ``answers`` says how each request in turn is to go wrong."""

    daemon_threads = True
    content = b""
    answers: list[str]
    ranges: bool = True
    tag = '"one"'

    def handle_error(self, request, client_address):
        pass


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.seen.append(self.headers.get("Range"))
        answer = server.answers.pop(0) if server.answers else ""
        if answer.isdigit() and len(answer) == 3:
            self.send_error(int(answer))
            return
        if answer == "hang":
            server.release.wait(10)
            return
        wanted = self.headers.get("Range") if server.ranges else None
        if wanted and self.headers.get("If-Range", server.tag) == server.tag:
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            last = len(server.content) - 1
            self.send_header("Content-Range", f"bytes {begin}-{last}/{len(server.content)}")
        else:
            begin = 0
            self.send_response(200)
        body = server.content[begin:]
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", server.tag)
        self.end_headers()
        if answer.startswith("cut"):
            self.wfile.write(body[: int(answer[3:])])
            if server.changes:
                server.content, server.tag = server.changes.pop(0), '"two"'
            return
        self.wfile.write(body)


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    given = Server(("127.0.0.1", 0), Handler)
    given.answers, given.seen, given.changes = [], [], []
    given.release = threading.Event()
    given.content = gzip.compress(document(1, rows=5000), mtime=0)
    thread = threading.Thread(target=given.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield given
    given.release.set()
    given.shutdown()
    thread.join()
    given.server_close()


def get(server: Server, fragment: str = "", **options) -> bytes:
    out = io.BytesIO()
    url = f"http://127.0.0.1:{server.server_address[1]}/a/x.gz{fragment}"
    assert fetch(url, out, pause_s=0.0, **options) == len(out.getvalue())
    return out.getvalue()


def test_a_url_is_a_source_named_without_its_query(server, tmp_path):
    url = f"http://127.0.0.1:{server.server_address[1]}/a/x.gz"
    got = table(url + "?key=secret")
    (tmp_path / "x").write_bytes(server.content)
    assert got.equals(table(tmp_path / "x"))
    assert [d.name for d in documents(url + "?key=secret")] == [url]


def test_a_broken_transfer_is_resumed_where_it_broke(server):
    server.answers = ["cut1000", "cut500"]
    assert get(server) == server.content
    assert server.seen == [None, "bytes=1000-", "bytes=1500-"]


def test_a_server_without_ranges_is_asked_for_all_again(server):
    server.answers, server.ranges = ["cut1000"], False
    assert get(server) == server.content


def test_a_document_that_changes_between_two_tries_is_taken_whole(server):
    server.answers = ["cut1000"]
    server.changes = [gzip.compress(document(2, rows=4000))]
    assert get(server) == server.content
    assert server.seen == [None, "bytes=1000-"]


def test_a_passing_failure_of_the_server_is_tried_again(server):
    server.answers = ["503", "429"]
    assert get(server) == server.content


def test_a_document_that_is_not_there_is_not_asked_for_again(server):
    server.answers = ["404"]
    with pytest.raises(SourceUnavailable, match="HTTP 404"):
        get(server)
    assert len(server.seen) == 1


def test_a_server_that_keeps_failing_is_given_up_with_what_came(server):
    server.answers = ["cut1000"] + ["500"] * 10
    with pytest.raises(SourceUnavailable, match="1000 bytes came, 3 tries failed"):
        get(server, tries=3)


def test_a_server_that_stops_answering_is_given_up(server):
    server.answers = ["hang"] * 5
    with pytest.raises(SourceUnavailable, match="2 tries failed"):
        get(server, tries=2, timeout=httpx.Timeout(0.1))


def test_a_host_that_is_not_there_is_unavailable(monkeypatch):
    with pytest.raises(SourceUnavailable):
        fetch("http://127.0.0.1:9/x", io.BytesIO(), tries=2, pause_s=0.0)


def test_a_checksum_in_the_url_is_checked(server):
    right = hashlib.sha256(server.content).hexdigest()
    assert get(server, f"#sha256={right}") == server.content
    with pytest.raises(InputError, match="should be 00"):
        get(server, "#sha256=" + "00" * 32)


# --- reports ---------------------------------------------------------------------------------------------


def test_every_row_says_where_its_bytes_are(folder):
    content = {}
    for found in documents([folder]):
        data = b"".join(found.chunks())
        content[int(hashlib.sha256(data).hexdigest()[:16], 16)] = data
    for row in table(folder).iter_rows(named=True):
        line = content[row["segment"]][row["offset"] : row["offset"] + row["length"]]
        assert line.startswith(f"L,{row['object_id']},".encode())
        assert line.endswith(b"\n")


def test_tables_have_the_columns_of_the_schema_and_hold_its_ranges(folder):
    for given in reports([folder]):
        assert given.columns == list(REPORTS)
        assert violations(given) == []


def test_the_account_says_what_became_of_the_input(folder):
    (folder / "empty.json").write_bytes(b"")
    (folder / "readme.txt").write_bytes(b"hello")
    (folder / "bad.json").write_bytes(b"L,icao:1,1700000000,1,2\nL,icao:1,\xff\xfe,1,2\nrubbish")
    (folder / "zcopy.json").write_bytes(document(4))
    account = Account()
    got = table(folder, account=account)
    assert account.documents == 14
    assert account.rows == {"ok": 501, "malformed": 2}
    assert account.links == {"lines": 503}
    assert account.frames == account.total_rows == len(got) == 503
    assert account.duplicates == [("zcopy.json", "04.json")]
    assert account.unrecognised == ["readme.txt"]
    assert "empty.json: empty" in problems(account)
    assert "readme.txt: no link recognises it" in problems(account)
    assert account.bytes == sum(len(b"".join(d.chunks())) for d in documents([folder]))


def test_input_that_nothing_recognises_is_an_error_that_says_why(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(UnknownFormat, match="a: empty"):
        list(reports([tmp_path]))
    (tmp_path / "b").write_bytes(b"\xff\xfe not any of ours")
    with pytest.raises(UnknownFormat, match="no link recognises it"):
        list(reports([tmp_path]))


def test_a_link_given_by_name_or_itself_is_used_instead_of_recognising(tmp_path):
    (tmp_path / "a").write_bytes(b"x\nL,icao:1,1700000000,1,2\n")
    assert table(tmp_path, link="lines")["status"].to_list() == ["malformed", "ok"]
    assert table(tmp_path, link=line_link).equals(table(tmp_path, link="lines"))


def test_only_the_rows_of_the_objects_asked_for_are_given_but_all_are_counted(folder):
    account = Account()
    got = table(folder, objects=["icao:000003"], account=account)
    assert set(got["object_id"]) == {"icao:000003"}
    assert account.rows == {"ok": 500}


@pytest.mark.parametrize("size", [64, 1000, 1 << 20])
def test_segments_and_pieces_of_any_size_give_the_same_rows(folder, monkeypatch, size):
    whole = table(folder)
    monkeypatch.setattr(segments, "_PIECE_BYTES", size)
    assert table(folder).equals(whole)


def small_segments(monkeypatch, size: int = 1000) -> None:
    for name in ("segments", "read", "excerpts"):
        monkeypatch.setattr(sys.modules[f"testigos.io.{name}"], "SEGMENT_BYTES", size)
    monkeypatch.setattr(segments, "_PIECE_BYTES", 300)


def test_a_frame_across_two_segments_belongs_to_the_one_it_begins_in(tmp_path, monkeypatch):
    small_segments(monkeypatch)
    data = document(1, rows=200)
    (tmp_path / "x").write_bytes(data)
    blocks = [data[i : i + 1000] for i in range(0, len(data), 1000)]
    keys = [int(hashlib.sha256(b).hexdigest()[:16], 16) for b in blocks]
    got = table(tmp_path)
    begins = np.array([keys.index(k) for k in got["segment"]]) * 1000 + got["offset"].to_numpy().astype(int)
    for begin, row in zip(begins.tolist(), got.iter_rows(named=True), strict=True):
        assert data[begin : begin + row["length"]].startswith(f"L,{row['object_id']}".encode())
    assert len(got) == 200
    assert got["receiver"].unique().to_list() == ["receiver 1"]


@pytest.mark.parametrize("end", [0, 1, 500])
def test_a_document_of_whole_segments_is_read_to_its_end(tmp_path, monkeypatch, end):
    small_segments(monkeypatch)
    data = document(1, rows=400)[: 3000 + end]
    (tmp_path / "x").write_bytes(data)
    got = table(tmp_path)
    assert got["length"].sum() + len(b"#receiver 1\n") == len(data)


def test_copies_of_long_documents_are_read_once_and_what_they_begin_alike_too(tmp_path, monkeypatch):
    small_segments(monkeypatch)
    data = document(1, rows=200)
    (tmp_path / "a").write_bytes(data)
    alone = table(tmp_path)
    (tmp_path / "b").write_bytes(data)
    (tmp_path / "c").write_bytes(data[:-10] + b"9\nL,icao:000009,1700000000,1,2\n")
    account = Account()
    got = table(tmp_path, account=account)
    assert account.duplicates == [("b", "a")]
    assert got.filter(object_id="icao:000009").height == 1
    # only the frame that runs out of what is alike may come again
    assert got.height - got.select(KEY).unique().height <= 1
    assert same_rows(got.unique().filter(pl.col("segment").is_in(alone["segment"].implode())), alone)


def test_links_that_allow_it_decode_small_documents_together_with_the_same_result(folder, monkeypatch):
    (folder / "05b.json").write_bytes(b"L,icao:000001,1700000000,1,2\n")  # has no receiver, and gets none
    apart = table(folder)
    calls = []
    decode = line_link.decode

    def counted(given, carry):
        calls.append(len(given))
        return decode(given, carry)

    monkeypatch.setattr(line_link, "decode", counted)
    monkeypatch.setattr(line_link, "FRESH_START", b"#", raising=False)
    assert table(folder).equals(apart)
    assert calls == [408, 1, 102]


def test_a_long_tar_stream_stays_within_little_memory(tmp_path):
    """200 MB in documents of 50 MB; what is held are segments, not documents."""
    line = b"#" + b"x" * 999_998 + b"\n"
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz", compresslevel=1) as tar:
        for i in range(4):
            info = tarfile.TarInfo(f"{i}.json")
            info.size = 50_000_000 + len(document(i))
            tar.addfile(info, io.BytesIO(line * 50 + document(i)))
    script = (
        "import sys, resource, line_link; line_link.install()\n"
        "from testigos.io import reports\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); rows = sum(len(t) for t in reports(sys.argv[1]))\n"
        "print(rows, (peak() - before) // 1024)\n"
    )
    run = [sys.executable, "-c", script, str(tmp_path / "x.tar.gz")]
    environment = {**os.environ, "PYTHONPATH": str(Path(line_link.__file__).parent)}
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
    rows, grown_mib = map(int, done.stdout.split())
    assert rows == 200
    assert grown_mib < 190


# --- evidence --------------------------------------------------------------------------------------------


OBJECTS = ["icao:000002", "icao:000004"]


def test_evidence_gives_back_the_reports_of_its_objects_and_nothing_else(folder, tmp_path):
    write_excerpts(excerpts(folder, OBJECTS), tmp_path / "evidence")
    whole = table(folder)
    again = pl.concat(list(reports_from_excerpts(tmp_path / "evidence")))
    assert same_rows(again, whole.filter(pl.col("object_id").is_in(OBJECTS)))


def test_evidence_can_be_asked_for_by_frames(folder, tmp_path):
    wanted = table(folder).filter(pl.col("object_id").is_in(OBJECTS))
    by_frames = write_excerpts(excerpts(folder, wanted), tmp_path / "a")
    by_objects = write_excerpts(excerpts(folder, OBJECTS), tmp_path / "b")
    assert [p.read_bytes() for p in by_frames] == [p.read_bytes() for p in by_objects]


def test_evidence_is_the_same_whatever_the_order_of_the_excerpts(folder, tmp_path):
    found = list(excerpts(folder, OBJECTS))
    first = write_excerpts(found, tmp_path / "a")
    second = write_excerpts(reversed(found), tmp_path / "b")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_evidence_of_documents_of_several_segments_keeps_ids_and_context(tmp_path, monkeypatch):
    small_segments(monkeypatch)
    (tmp_path / "in").mkdir()
    for i in range(3):
        (tmp_path / "in" / str(i)).write_bytes(document(i, rows=300))
    for wanted in (OBJECTS, table(tmp_path / "in").filter(pl.col("object_id").is_in(OBJECTS))):
        write_excerpts(excerpts(tmp_path / "in", wanted), tmp_path / "evidence")
        again = pl.concat(list(reports_from_excerpts(tmp_path / "evidence")))
        assert same_rows(again, table(tmp_path / "in", objects=OBJECTS))
        assert again["receiver"].null_count() == 0


def test_documents_without_the_objects_are_not_in_the_evidence(tmp_path):
    (tmp_path / "a").write_bytes(b"#one\nL,icao:1,1700000000,1,2\n")
    (tmp_path / "b").write_bytes(b"#two\nL,icao:2,1700000000,1,2\n")
    assert [e.document for e in excerpts(tmp_path, ["icao:2"])] == ["b"]


def test_evidence_that_lacks_bytes_is_an_error(folder, tmp_path):
    paths = write_excerpts(excerpts(folder, OBJECTS), tmp_path / "evidence")
    paths[0].write_bytes(paths[0].read_bytes()[:-1])
    with pytest.raises(InputError, match="bytes"):
        list(reports_from_excerpts(tmp_path / "evidence"))
    paths[0].unlink()
    with pytest.raises(InputError, match="No such file"):
        list(reports_from_excerpts(tmp_path / "evidence"))
    (tmp_path / "evidence" / "frames.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not a table of frames"):
        list(reports_from_excerpts(tmp_path / "evidence"))
