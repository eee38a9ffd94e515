"""Reference data from a loopback server: whole or not at all."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from testigos.errors import SourceUnavailable, UnknownName
from testigos.world import airfields, identity, update

ALERT = (
    b"$ICAO,$Registration,$Operator,$Type,$ICAO Type,#CMPG,$Tag 1,$#Tag 2,$#Tag 3,Category,$#Link\n"
    b"AE04D7,86-0133,USAF,Rockwell B-1B Lancer,B1,Mil,,,,USAF,\n"
)
RUNWAYS = (
    b'"id","airport_ref","airport_ident","length_ft","closed"\n'
    b'1,1,"KDYS",13500,0\n2,1,"KDYS",3501,0\n3,1,"KDYS",99999,1\n'
)
DB = gzip.compress(b"ae04d7;86-0133;B1;10;ROCKWELL B-1 Lancer;;\n", mtime=0)


class Server(BaseHTTPRequestHandler):
    files: dict[str, bytes]
    asked: list[tuple[str, str | None]]

    def do_GET(self):
        self.asked.append((self.path, self.headers.get("If-None-Match")))
        content = self.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        etag = f'"{hash(content) & 0xFFFF}"'
        if self.headers.get("If-None-Match") == etag:
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("ETag", etag)
        self.send_header("Last-Modified", "Sun, 23 Nov 2025 00:00:00 GMT")
        self.send_header("Content-Length", str(len(content) + (100 if "cut" in self.path else 0)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    monkeypatch.setenv("TESTIGOS_CACHE", str(tmp_path / "cache"))
    handler = type("Own", (Server,), {"files": {"/alert": ALERT, "/runways": RUNWAYS, "/db": DB}, "asked": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    handler.root = f"http://127.0.0.1:{server.server_port}"
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(served, name, path):
    (done,) = update.update([name], urls={name: served.root + path})
    return done


def test_a_fetched_data_set_is_used(served):
    assert fetch(served, "plane-alert-db", "/alert").status == "new"
    assert fetch(served, "tar1090-db", "/db").status == "new"
    assert fetch(served, "ourairports-runways", "/runways").status == "new"
    who = identity.open_identity()
    assert who.who("icao:ae04d7").registration == "86-0133"
    assert [s.name for s in who.sources] == ["testigos identity tables", "plane-alert-db", "tar1090-db"]
    fields = airfields.open_airfields()
    assert fields.row("KDYS")["runway_ft"] == 13_500
    assert fields.row("KMCF")["runway_ft"] is None
    assert "ourairports-runways" in fields.source.name
    listed = {d.name: d for d in update.list_data()}
    assert listed["plane-alert-db"].version == "Sun, 23 Nov 2025 00:00:00 GMT"
    assert listed["ourairports-airports"].status == "missing"
    assert "ODbL" in str(listed["plane-alert-db"])


def test_what_did_not_change_is_not_fetched_again(served):
    fetch(served, "plane-alert-db", "/alert")
    assert fetch(served, "plane-alert-db", "/alert").status == "unchanged"
    assert served.asked[0][1] is None
    assert served.asked[1][1] is not None


@pytest.mark.parametrize(
    ("path", "content", "says"),
    [
        ("/gone", None, "404"),
        ("/other", b"<html>not found</html>", "does not begin"),
        ("/empty", b"", "does not begin"),
        ("/gzip", b"\x1f\x8bdamaged", "gzip"),
        ("/cut", ALERT, "going on|bytes came"),
    ],
)
def test_a_bad_answer_leaves_the_old_data(served, path, content, says):
    fetch(served, "plane-alert-db", "/alert")
    before = update.installed("plane-alert-db")[1]
    if content is not None:
        served.files[path] = content
    done = fetch(served, "plane-alert-db", path)
    assert done.status == "failed"
    assert __import__("re").search(says, done.detail)
    assert update.installed("plane-alert-db")[1] == before


def test_offline_says_so_and_goes_on_with_the_others(served):
    urls = {"plane-alert-db": "http://127.0.0.1:9/x", "tar1090-db": served.root + "/db"}
    first, second = update.update(["plane-alert-db", "tar1090-db"], urls=urls)
    assert first.status == "failed"
    assert "going on" in first.detail
    assert second.status == "new"


def test_a_file_that_was_altered_counts_as_missing(served):
    fetch(served, "plane-alert-db", "/alert")
    path, _ = update.installed("plane-alert-db")
    path.write_bytes(path.read_bytes().replace(b"B1", b"B2"))
    assert update.installed("plane-alert-db") is None
    assert identity.open_identity().aircraft is None
    assert fetch(served, "plane-alert-db", "/alert").status == "new"


def test_an_unknown_data_set_or_no_folder_is_an_error(served, tmp_path, monkeypatch):
    with pytest.raises(UnknownName, match="plane-alert-db"):
        update.update(["plane-alert"])
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TESTIGOS_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(SourceUnavailable, match="TESTIGOS_CACHE"):
        update.update()
