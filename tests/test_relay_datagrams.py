"""What a datagram is to a relay: messages of its own, whatever came before it; and that an account is of one moment."""

import socket
import threading
import time

import takproto

from relaying import Running, config, free_port, reading, sbs_line, until
from testigos.relay.config import Customer, Input, Limits
from testigos.relay.inputs import Source


def udp() -> socket.socket:
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind(("127.0.0.1", 0))
    wire.settimeout(60)
    return wire


# Category 062, a record of I062/010, 070, 105, 040 at 45.5 N 9.25 W: an example by hand, EUROCONTROL part 9
PLOT = bytes.fromhex("3e0014 9908 0102 003039 00816c17ffe5b05b 004d")


def test_a_damaged_datagram_does_not_swallow_those_after_it():
    source = Source(
        0, Input(url=f"asterix+udp://127.0.0.1:{free_port()}"), Limits(), time.time_ns, lambda *_, **__: None
    )
    damaged = source.feed()
    damaged.apart = True
    source.heard(damaged, bytes.fromhex("3effff") + bytes(27))  # says that it has 65535 bytes
    first = source.decode(source.take())
    source.heard(damaged, PLOT)
    second = source.decode(source.take())
    assert [t["status"].to_list() for t in first] == [["malformed"]]
    assert [t["lat_deg"].round(3).to_list() for t in second] == [[45.5]]


def test_a_stream_that_is_cut_in_the_middle_of_a_message_goes_on():
    source = Source(
        0, Input(url=f"asterix+tcp://127.0.0.1:{free_port()}"), Limits(), time.time_ns, lambda *_, **__: None
    )
    feed, tables = source.feed(), []
    for piece in (PLOT[:9], PLOT[9:]):
        source.heard(feed, piece)
        tables += source.decode(source.take())
    assert [x for t in tables for x in t["lat_deg"].round(3).to_list()] == [45.5]


def test_an_input_by_udp_hears_on_after_a_damaged_datagram():
    port = free_port()
    running = Running(config(Input(url=f"asterix+udp://127.0.0.1:{port}", name="radar")))
    with running as node, udp() as wire:
        until(lambda: node.source("radar").connected)
        wire.sendto(bytes.fromhex("3effff") + bytes(27), ("127.0.0.1", port))
        until(lambda: node.source("radar").rows["malformed"])
        wire.sendto(PLOT, ("127.0.0.1", port))
        until(lambda: node.node.counters["reports"] >= 2)
        assert node.source("radar").rows["malformed"] == 1


def test_events_by_udp_have_the_header_of_a_mesh_and_a_stream_has_lengths():
    with udp() as wire:
        running = Running(config(
            Input(url="sbs+listen://:0", name="in"),
            Customer(url=f"tak+udp://127.0.0.1:{wire.getsockname()[1]}", name="mesh"),
            Customer(url="tak+listen://:0", name="stream"),
        ))  # fmt: skip
        with running as node, reading(node.outlet("stream").port) as stream:
            until(lambda: node.outlet("stream").clients)
            with socket.create_connection(("127.0.0.1", node.source("in").port)) as feeder:
                feeder.sendall(sbs_line("ae503d", 11.5, -63.25))
                datagram = wire.recv(65536)
                until(lambda: stream.data)
        assert datagram[:3] == b"\xbf\x01\xbf"
        assert stream.data[:1] == b"\xbf"
        assert stream.data[1:3] != b"\x01\xbf"
        event = takproto.parse_mesh(bytearray(datagram)).cotEvent
        assert (event.uid, event.lat, event.lon) == ("ICAO-AE503D", 11.5, -63.25)


def test_what_is_asked_in_the_worker_is_asked_between_two_batches():
    running = Running(
        config(Input(url="sbs+listen://:0", name="in"), Customer(url="sbs+listen://:0", name="out"), batch_ms=10)
    )
    with running as node, reading(node.outlet("out").port):
        until(lambda: node.outlet("out").clients)
        ended = threading.Event()

        def feed() -> None:
            with socket.create_connection(("127.0.0.1", node.source("in").port)) as feeder:
                step = 0
                while not ended.wait(0.005):
                    step += 1
                    feeder.sendall(b"".join(sbs_line(f"{n:06x}", 10 + n / 10, 20 + step / 1e5) for n in range(1, 20)))

        def look() -> tuple[int, int]:
            outlet = node.outlet("out")
            return outlet.stream.offered, outlet.account().offered

        async def asked() -> list[tuple[int, int]]:
            return [await node.node.in_worker(look) for _ in range(2000)]

        feeding = threading.Thread(target=feed)
        feeding.start()
        try:
            until(lambda: node.account("out")["offered"])
            looks = node.do(asked())
        finally:
            ended.set()
            feeding.join()
        assert looks[-1] > looks[0]
        # what the stream offered its clients have been given
        assert [one for one in looks if one[0] != one[1]] == []
