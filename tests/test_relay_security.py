"""TLS is verified both ways, secrets are in no log, and what is hostile is refused."""

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import time

import pytest

from relaying import Running, certificates, config, free_port, reading, sbs_line, until
from testigos.errors import ConfigError
from testigos.relay.config import Customer, Input, Tls, load
from testigos.relay.secrets import client_context, server_context

IN = Input(url="sbs+listen://:0", name="in")


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("pki"))


def tls(pki, name: str | None = None, ca: str | None = "ca", **more) -> Tls:
    cert = {"cert": str(pki / f"{name}.pem"), "key": str(pki / f"{name}.key")} if name else {}
    return Tls(ca=str(pki / f"{ca}.pem") if ca else None, **cert, **more)


def listening(pki, **more) -> Running:
    return Running(config(IN, Customer(url="sbs+listen+tls://:0", name="out", tls=tls(pki, "server", **more))))


def heard(node: Running, context: ssl.SSLContext) -> bytes:
    """What a TLS client is told; raises what the handshake or the first read raises."""
    plain = socket.create_connection(("127.0.0.1", node.outlet("out").port), timeout=30)
    feeder = socket.create_connection(("127.0.0.1", node.source("in").port))
    with plain, feeder, context.wrap_socket(plain, server_hostname="localhost") as wire:
        wire.settimeout(0.2)
        for n in range(300):
            feeder.sendall(sbs_line("ae503d", 11.0, -63.0 + n * 4e-4))
            try:
                return wire.recv(1000)
            except TimeoutError:
                continue
    raise AssertionError("nothing came")


def test_a_client_with_a_certificate_of_the_authority_is_told(pki):
    with listening(pki) as node:
        assert b"AE503D" in heard(node, client_context(tls(pki, "client")))


@pytest.mark.parametrize("who", [None, "stranger", "expired"])
def test_a_client_without_a_good_certificate_is_refused_and_the_good_one_is_still_told(pki, who):
    with listening(pki) as node:
        told = b""
        with contextlib.suppress(ssl.SSLError, OSError):  # TLS 1.3 says it at the first read, or ends there
            told = heard(node, client_context(tls(pki, who)))
        assert told == b""
        assert not node.outlet("out").clients
        assert b"AE503D" in heard(node, client_context(tls(pki, "client")))


def test_tls_below_1_2_is_not_spoken(pki):
    context = server_context(tls(pki, "server"))
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert client_context(None).minimum_version >= ssl.TLSVersion.TLSv1_2
    assert client_context(None).verify_mode == ssl.CERT_REQUIRED
    assert client_context(None).check_hostname


def peer(pki, name: str) -> tuple[socket.socket, ssl.SSLContext]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / f"{name}.pem", pki / f"{name}.key")
    return socket.create_server(("127.0.0.1", 0)), context


@pytest.mark.parametrize("name", ["expired", "stranger"])
def test_a_server_with_a_bad_certificate_is_told_nothing(pki, name):
    server, context = peer(pki, name)
    server.settimeout(60)
    url = f"sbs+tls://127.0.0.1:{server.getsockname()[1]}"
    with server, Running(config(IN, Customer(url=url, name="out", tls=tls(pki)))) as node:
        wire, _ = server.accept()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(wire, server_side=True).recv(1)
        until(lambda: any("certificate" in a.get("reason", "") for e, a in node.events if e == "lost"))


def test_a_server_with_a_good_certificate_is_told_and_sees_ours(pki):
    server, context = peer(pki, "server")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pki / "ca.pem")
    server.settimeout(60)
    url = f"sbs+tls://127.0.0.1:{server.getsockname()[1]}"
    with server, Running(config(IN, Customer(url=url, name="out", tls=tls(pki, "client")))) as node:
        plain, _ = server.accept()
        wire = context.wrap_socket(plain, server_side=True)
        assert ("commonName", "client") in [p for part in wire.getpeercert()["subject"] for p in part]
        until(lambda: node.outlet("out").connected)
        with socket.create_connection(("127.0.0.1", node.source("in").port)) as feeder:
            feeder.sendall(sbs_line("ae503d", 11.0, -63.0))
            wire.settimeout(60)
            assert b"AE503D" in wire.recv(1000)
        wire.close()


def test_a_key_that_does_not_fit_is_said_with_its_file(pki):
    with pytest.raises(ConfigError, match=r"client\.pem.*"):
        client_context(Tls(cert=str(pki / "client.pem"), key=str(pki / "server.key")))


def test_an_encrypted_key_takes_its_password_from_a_file_or_the_environment(pki, tmp_path, monkeypatch):
    key = tmp_path / "locked.key"
    subprocess.run(["openssl", "ec", "-aes256", "-passout", "pass:hush", "-in", pki / "client.key", "-out", key],
                   check=True, capture_output=True)  # fmt: skip
    (tmp_path / "word").write_text("hush\n", encoding="utf-8")
    monkeypatch.setenv("WORD", "hush")
    monkeypatch.setenv("WRONG", "loud")
    plain = {"cert": str(pki / "client.pem"), "key": str(key)}
    client_context(Tls(**plain, key_password_file=str(tmp_path / "word")))
    client_context(Tls(**plain, key_password_env="WORD"))
    for more in ({}, {"key_password_env": "WRONG"}):
        with pytest.raises(ConfigError) as caught:
            client_context(Tls(**plain, **more))
        assert "loud" not in str(caught.value)


def test_no_secret_reaches_the_log(tmp_path):
    port = free_port()
    (tmp_path / "word").write_text("correct-horse\n", encoding="utf-8")
    (tmp_path / "relay.toml").write_text(
        f'batch_ms = 20\n[[input]]\nurl = "jsonl+mqtt://127.0.0.1:{port}/t"\nuser = "me"\npassword_file = "word"\n'
        f'[[input]]\nurl = "jsonl+nats://127.0.0.1:{port}/t"\nname = "n"\nuser = "me"\npassword_env = "BATTERY"\n'
        f'[[customer]]\nurl = "geojson+mqtt://127.0.0.1:{port}/t"\nname = "c"\nuser = "me"\npassword_env = "BATTERY"\n',
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "testigos", "relay", str(tmp_path / "relay.toml")],
        stderr=subprocess.PIPE, env={**os.environ, "BATTERY": "staple-gun"},
    )  # fmt: skip
    lost = set()
    log = b""
    for line in process.stderr:
        log += line
        told = json.loads(line)
        if told["event"] == "lost":
            lost.add(told["name"])
        if len(lost) == 3:
            break
    process.terminate()
    log += process.stderr.read()
    process.wait(60)
    assert b"correct-horse" not in log
    assert b"staple-gun" not in log


def test_a_missing_secret_is_refused_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.delenv("NOBODY", raising=False)
    file = tmp_path / "relay.toml"
    file.write_text('[[input]]\nurl = "jsonl+mqtt://127.0.0.1:1/t"\npassword_env = "NOBODY"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="NOBODY is not in the environment") as caught:
        load(file)
    assert caught.value.line == 3


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "' + b"&a;" * 500 + b'"><!ENTITY c "'
    + b"&b;" * 500 + b'">]><event version="2.0" uid="x" type="a-n-A" time="2025-10-23T12:00:00Z" '
    b'start="2025-10-23T12:00:00Z" stale="2025-10-23T12:01:00Z" how="m-g"><point lat="1" lon="2" hae="0" ce="1" '
    b'le="1"/><detail><remarks>&c;</remarks></detail></event>\n'
)  # fmt: skip
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><event version="2.0" uid="&f;" '
    b'type="a-n-A" time="2025-10-23T12:00:00Z" start="2025-10-23T12:00:00Z" stale="2025-10-23T12:01:00Z" how="m-g">'
    b'<point lat="1" lon="2" hae="0" ce="1" le="1"/></event>\n'
)  # fmt: skip


@pytest.mark.parametrize("hostile", [LAUGHS, OUTSIDE], ids=["a billion laughs", "a file of this machine"])
def test_hostile_xml_gives_nothing_and_the_next_event_is_heard(hostile):
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    stale = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    good = (
        f'<event version="2.0" uid="ICAO-AE503D" type="a-n-A-M-F" time="{stamp}" start="{stamp}" stale="{stale}" '
        'how="m-g"><point lat="11" lon="-63" hae="0" ce="10" le="10"/></event>'
    ).encode()
    running = Running(config(Input(url="cot+listen://:0", name="in"), Customer(url="jsonl+listen://:0", name="out")))
    with running as node, reading(node.outlet("out").port) as reader:
        until(lambda: node.outlet("out").clients)
        with socket.create_connection(("127.0.0.1", node.source("in").port)) as wire:
            wire.sendall(hostile + good)
            until(lambda: b"icao:ae503d" in reader.data)
        assert b"root:" not in reader.data
        assert b"haha" not in reader.data
        assert node.source("in").rows["malformed"] >= 1
