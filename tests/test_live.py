"""Live sources: bytes over TCP on the loopback, in any pieces and at any speed."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from testigos import api, io
from testigos.errors import ArchiveError, SourceUnavailable
from testigos.io.live import Address, Arrival, Patience, address, arrivals, is_live
from testigos.io.stamped import record_of
from testigos.links._modes import Options
from testigos.links.beast import encode_frames
from testigos.model import parse_utc
from testigos.modes.parity import syndromes
from testigos.registry import link as link_named
from testigos.store import Archive, record_live

Served = tuple[int, threading.Event]
BEGAN_NS = parse_utc("2025-10-23T12:00Z")
QUICK = Patience(pause_s=0.01, longest_s=0.05, idle_s=30.0)
#: mode-s.org, The 1090 MHz Riddle: an identification, a velocity, and an even and odd position of one aircraft.
MESSAGES = (
    "8D4840D6202CC371C32CE0576098",
    "8D485020994409940838175B284F",
    "8D40621D58C382D690C8AC2863A7",
    "8D40621D58C386435CC412692AD6",
)


def capture(repeats: int = 50) -> bytes:
    """The messages again and again, 10 ms apart, as Beast; one byte of their stamps is an escape now and then."""
    one = [list(bytes.fromhex(text)) for text in MESSAGES]
    payload = np.array(one * repeats, np.uint8)
    count = len(payload)
    stamp = np.arange(count, dtype=np.uint64) * np.uint64(120_000) + np.uint64(0x1A00)
    return encode_frames(payload, np.full(count, 14, np.uint8), stamp, np.full(count, 0x1A, np.uint8))


class Clock:
    """Time that stands still at one moment, or goes on by itself for what has to wait."""

    def __init__(self, time_ns: int) -> None:
        self.now_ns = time_ns

    def time_ns(self) -> int:
        return self.now_ns

    def monotonic(self) -> float:
        return time.monotonic()


@contextmanager
def server(*connections: list[bytes], pause_s: float = 0.0, stay: bool = False) -> Iterator[Served]:
    """Serves a list of chunks for each connection, and then closes it; gives the port, and an event at the end."""
    sent, over = threading.Event(), threading.Event()

    def serve() -> None:
        for chunks in connections:
            peer, _ = listening.accept()
            with peer:
                for chunk in chunks:
                    peer.sendall(chunk)
                    time.sleep(pause_s)
                if stay and chunks is connections[-1]:
                    sent.set()
                    over.wait(30)
        sent.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], sent
        over.set()
        thread.join(10)


def cut(data: bytes, seed: int) -> list[bytes]:
    """The bytes in pieces of random lengths."""
    at = np.sort(np.random.default_rng(seed).integers(0, len(data), 40)).tolist()
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]


def followed(port: int, wanted: int, *, scheme: str = "beast", options: Options | None = None) -> pl.DataFrame:
    """Rows from a live source until so many bytes have come."""
    account = io.Account()
    tables = io.follow(
        [f"{scheme}://127.0.0.1:{port}"],
        stop=lambda: account.bytes >= wanted,
        account=account,
        options=options,
        clock=Clock(BEGAN_NS),
        patience=QUICK,
    )
    return pl.concat([table for table in tables if len(table)])


@pytest.mark.parametrize(("seed", "pause_s"), [(1, 0.0), (2, 0.005)])
@pytest.mark.parametrize("options", [None, Options(began_ns=BEGAN_NS)], ids=["arrival", "began"])
def test_cuts_and_pauses_of_the_sender_change_no_row(seed: int, pause_s: float, options: Options | None) -> None:
    data = capture()
    with server([data]) as (port, _):
        whole = followed(port, len(data), options=options)
    with server(cut(data, seed), pause_s=pause_s) as (port, _):
        pieces = followed(port, len(data), options=options)
    # where the receiver is on the loopback, and how many marks of time there are between its messages
    others = pl.exclude("receiver") if options else pl.exclude("receiver", "offset")
    assert len(whole) == 200
    assert pieces.select(others).equals(whole.select(others))


def test_with_the_beginning_told_live_rows_are_those_of_the_file(tmp_path: Path) -> None:
    data = capture()
    options = Options(began_ns=BEGAN_NS)
    (tmp_path / "a.beast").write_bytes(data)
    recorded = pl.concat(api.decode(tmp_path / "a.beast", options=options))
    with server(cut(data, 3)) as (port, _):
        live = followed(port, len(data), options=options)
    others = pl.exclude("segment", "receiver")
    assert live.select(others).equals(recorded.select(others))
    assert live["time_ns"][-1] - BEGAN_NS == 199 * 10_000_000


def test_raw_frames_have_the_time_of_their_arrival() -> None:
    data = capture(2)
    with server([data]) as (port, _):
        rows = followed(port, len(data))
    assert rows["time_ns"].unique().to_list() == [BEGAN_NS]
    assert rows["receiver"].unique().to_list() == [f"beast://127.0.0.1:{port}"]


def test_half_a_message_at_a_disconnect_is_malformed_and_the_next_connection_begins_anew() -> None:
    data = capture(2)
    half = data[:10]
    with server([data + half], [data]) as (port, _):
        rows = followed(port, 2 * len(data) + len(half))
    assert rows["status"].to_list().count("malformed") == 1
    assert rows["object_id"].drop_nulls().len() == 16


@pytest.mark.parametrize("at", range(1, 24))
def test_a_record_holds_every_message_wherever_a_connection_breaks(at: int) -> None:
    data = capture(1)
    for options in (None, Options(began_ns=BEGAN_NS)):
        record = record_of("beast", options)
        told = record.add(Arrival(0, BEGAN_NS, data + data[:at], ended=True)) + record.add(Arrival(0, BEGAN_NS, data))
        rows = link_named("beast").decode(link_named("beast").split(told, True)[0], None)[0]
        assert rows["object_id"].drop_nulls().len() == 8


def test_what_is_known_of_an_aircraft_outlives_a_connection() -> None:
    # a reply of DF 5 names its address only in its parity, so it is believed because of the message before
    reply = np.zeros((1, 14), np.uint8)
    reply[0, :4] = 0x28, 0, 0x08, 0x08
    parity = int(syndromes(reply, np.array([7], np.uint8))[0])
    reply[0, 4:7] = list((parity ^ 0x4840D6).to_bytes(3, "big"))
    size, stamp = np.array([7], np.uint8), np.array([9], np.uint64)
    second = encode_frames(reply, size, stamp, np.array([64], np.uint8))
    first = capture(1)[:25]
    with server([first], [second]) as (port, _):
        rows = followed(port, len(first + second))
    assert rows["object_id"].to_list() == ["icao:4840d6"] * 2


@pytest.mark.parametrize(
    ("scheme", "line", "link"),
    [
        ("avr", b"*8D4840D6202CC371C32CE0576098;\n", "frames_csv"),
        ("avr", b"@0000000012348D4840D6202CC371C32CE0576098;", "frames_csv"),
        ("sbs", b"MSG,1,1,1,4840D6,1,2025/10/23,12:00:00.000,2025/10/23,12:00:00.000,KLM1023,,,,,,,,,,,\n", "sbs"),
    ],
)
def test_other_formats_are_followed_and_recorded_as_they_can_be_read(scheme: str, line: bytes, link: str) -> None:
    with server([line + line]) as (port, _):
        rows = followed(port, 2 * len(line), scheme=scheme)
    assert rows["callsign"].to_list() == ["KLM1023"] * 2
    assert rows["time_ns"].to_list() == [BEGAN_NS] * 2
    record = record_of(scheme, None)
    assert link == record.link.NAME
    told = record.add(Arrival(0, BEGAN_NS, line + line[:20])) + record.add(Arrival(0, BEGAN_NS, line[20:]))
    again = record.link.decode(record.link.split(told, True)[0], None)[0]
    assert again["callsign"].to_list() == ["KLM1023"] * 2


def test_a_line_of_uat_without_a_time_gets_that_of_its_arrival() -> None:
    line = b"-" + b"00" * 18 + b";rs=0;\n"
    record = record_of("uat", None)
    told = record.add(Arrival(0, BEGAN_NS + 5, line)) + record.add(Arrival(0, BEGAN_NS + 2_000_000_000, line))
    rows = record.link.decode(record.link.split(told, True)[0], None)[0]
    assert rows["time_ns"].to_list() == [BEGAN_NS + 5, BEGAN_NS + 2_000_000_000]


def test_a_source_that_is_not_there_yet_is_tried_again_and_its_troubles_are_told_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told: list[str] = []
    found: list[Arrival] = []
    end = time.monotonic() + 20

    def late() -> None:
        time.sleep(0.3)
        with socket.create_server(("127.0.0.1", port)) as listening:
            peer, _ = listening.accept()
            peer.sendall(b"x")
            peer.close()

    thread = threading.Thread(target=late)
    thread.start()
    stop = lambda: bool(found) or time.monotonic() > end  # noqa: E731
    place = Address("sbs", "127.0.0.1", port)
    for batch in arrivals([place], stop=stop, note=lambda _, text: told.append(text), patience=QUICK):
        found += [arrival for arrival in batch if arrival.data]
    thread.join()
    assert found[0].data == b"x"
    assert len(told) == len(set(told)) or told.count("connected") > 1


def test_a_silent_peer_is_given_up() -> None:
    told: list[str] = []
    with server([b""], stay=True) as (port, _):
        end = time.monotonic() + 20
        stop = lambda: any("silent" in text for text in told) or time.monotonic() > end  # noqa: E731
        place = Address("beast", "127.0.0.1", port)
        patience = Patience(idle_s=0.1)
        for _ in arrivals([place], stop=stop, note=lambda _, text: told.append(text), patience=patience):
            pass
    assert any("silent" in text for text in told)


@pytest.mark.parametrize("url", ["beast://", "beast://host:0", "beast://host:70000", "jet1090://host", "beast://a b"])
def test_a_url_that_is_none_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(SourceUnavailable, match="://"):
        address(url)


def test_addresses_have_customary_ports_and_ipv6() -> None:
    assert address("uat://localhost").port == 30978
    assert str(address("beast://[::1]:4000")) == "beast://[::1]:4000"
    assert not any(is_live(other) for other in ("http://host/file", "beast.bin", Path("beast")))


def test_live_and_recorded_sources_are_not_mixed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(api.InputError, match="apart"):
        list(api.decode([str(tmp_path / "a"), "beast://localhost"]))


def recorded(port: int, wanted: int, archive: Archive) -> object:
    account = io.Account()
    return record_live(
        [f"beast://127.0.0.1:{port}"],
        archive,
        stop=lambda: account.bytes >= wanted,
        account=account,
        clock=Clock(BEGAN_NS),
        patience=QUICK,
    )


def test_a_recording_is_a_document_of_the_archive_with_the_rows_that_were_live(tmp_path: Path) -> None:
    data = capture()
    with server(cut(data, 5)) as (port, _):
        recorded(port, len(data), Archive(tmp_path / "archive"))
    archive = Archive(tmp_path / "archive")
    assert archive.verify() == []
    rows = pl.concat(archive.reports())
    assert len(rows) == 200
    assert rows["time_ns"].unique().to_list() == [BEGAN_NS]
    again = pl.concat(api.decode(tmp_path / "archive"))
    assert again["object_id"].n_unique() == 3
    assert not [p for p in (tmp_path / "archive" / "live").iterdir() if p.name != "lock"]


def test_what_a_killed_recorder_left_is_taken_in_by_the_next(tmp_path: Path) -> None:
    data = capture()
    record = record_of("beast", None)
    folder = tmp_path / "archive" / "live"
    Archive(tmp_path / "archive").ingest([])
    folder.mkdir()
    (folder / "beast-somewhere-20251023T120000.000Z.beast").write_bytes(record.add(Arrival(0, BEGAN_NS, data[:-5])))
    with server([data]) as (port, _):
        account = recorded(port, len(data), Archive(tmp_path / "archive"))
    assert account.added == 2  # type: ignore[attr-defined]
    assert sum(len(t) for t in Archive(tmp_path / "archive").reports()) == 399


def test_only_one_recorder_writes_to_an_archive(tmp_path: Path) -> None:
    from testigos.store.record import Recorder

    first, second = (Recorder(Archive(tmp_path / "a"), [], [], None) for _ in range(2))
    with first, pytest.raises(ArchiveError, match="another process"), second:
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_live_run_with_everything_written(tmp_path: Path, number: signal.Signals) -> None:
    data = capture()
    out = tmp_path / "rows.parquet"
    with server([data], stay=True) as (port, sent):
        program = "from testigos.cli import main; main()"
        command = [sys.executable, "-c", program, "decode", f"beast://127.0.0.1:{port}", "-o", str(out)]
        process = subprocess.Popen([*command, "--for", "100s"], stderr=subprocess.PIPE, text=True)
        assert sent.wait(60)
        time.sleep(0.5)  # what was sent is on its way
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert len(pl.read_parquet(out)) == 200
    assert "DF 17 200" in told
