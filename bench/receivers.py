"""Programs that receivers run, fed over loopback and measured by the processor time that they took."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PROGRAMS", "processor_seconds"]

_TICKS = os.sysconf("SC_CLK_TCK")

#: Names on PATH, and how each is told to take Beast bytes from one port and to do nothing else.
PROGRAMS = {
    "readsb": ["--net-only", "--quiet", "--net", "--net-bind-address=127.0.0.1", "--net-bi-port={port}"],
    "dump1090-fa": ["--net-only", "--quiet", "--net-bind-address", "127.0.0.1", "--net-bi-port", "{port}"],
    "dump1090-mutability": ["--net-only", "--quiet", "--net-bind-address", "127.0.0.1", "--net-bi-port", "{port}"],
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@contextlib.contextmanager
def _running(name: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    program = shutil.which(name)
    if program is None:
        raise ImportError(f"{name} on PATH", name=name)
    command = [program, *(part.format(port=port) for part in PROGRAMS[name])]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()


def _connected(port: int) -> socket.socket:
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def processor_seconds(name: str, beast: bytes) -> float:
    """What the program used to take in all bytes: user and system time, until it stays idle.

    Raises ``ImportError`` where the program is missing. Its idle time before is taken off.
    """
    port = _free_port()
    with _running(name, port) as process, _connected(port) as peer:
        time.sleep(0.5)
        before = _used(process.pid)
        peer.sendall(beast)
        last, still = -1.0, 0
        while still < 5:
            time.sleep(0.1)
            now = _used(process.pid)
            still = still + 1 if now - last < 0.011 else 0
            last = now
        return last - before
