"""A tar stream of 2 GB within 1 GiB of memory: read, and told as a report.

    python bench/huge_tar.py [--gb 2] [--reading-only]

The tar is made here (deterministic): readsb traces from all round the world, one in forty near Venezuela, and a log
of SBS lines as one long member. It is piped into ``testigos.io.reports``, then into ``testigos report - --near
Venezuela``.
"""

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

LIMIT_MIB = 1024

READER = """
import resource, sys, time
from testigos.io import Account, reports

account = Account()
began = time.process_time()
rows = sum(len(table) for table in reports("-", account=account))
cpu = time.process_time() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"reading: {account.bytes / 1e9:.2f} GB, {account.documents:,} documents, {rows:,} rows: {cpu:.1f} s CPU, "
      f"{rows / cpu:,.0f} rows/s, peak {peak:.0f} MiB, problems {len(account.problems)}")
sys.exit(peak > float(sys.argv[1]))
"""

REPORTER = """
import resource, sys, time
from testigos.cli import main

limit, out = float(sys.argv[1]), sys.argv[2]
began, clock = time.process_time(), time.monotonic()
code = main(["report", "-", "--near", "Venezuela", "--out", out], standalone_mode=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"report: {time.process_time() - began:.1f} s CPU, {time.monotonic() - clock:.0f} s, peak {peak:.0f} MiB")
sys.exit(bool(code) or peak > limit)
"""


def trace(number: int, rows: int = 2000) -> bytes:
    """A trace of the layout that readsb writes, details at every fourth row."""
    points = []
    for i in range(rows):
        detail = {"type": "adsb_icao", "flight": f"TST{number % 10_000:04}", "nic": 8, "rc": 186, "nac_p": 9}
        lat, lon = 10 + number % 40 + i * 0.001, (120 + number % 40 * 8 - i * 0.0013) % 360 - 180
        first = [round(i * 4.7, 2), round(lat, 6), round(lon, 6), 25 * (400 + i % 900), 431.5, 287.1, 0, -64]
        last = ["adsb_icao", 34_000 + i % 600, None, 290, -1.2]
        points.append([*first, detail if i % 4 == 0 else None, *last])
    text = json.dumps({"icao": "000000", "timestamp": 1_700_000_000 + number, "trace": points})
    return text.encode()


class Log(io.RawIOBase):
    """SBS lines of 400 aircraft, made as they are read."""

    def __init__(self, size: int) -> None:
        self.left, self.lines, self.held = size, self._lines(), b""

    @staticmethod
    def _lines() -> Iterator[bytes]:
        for second in range(10**9):
            h, m, s = second // 3600 % 24, second // 60 % 60, second % 60
            stamp = f"2023/11/{14 + second // 86_400:02},{h:02}:{m:02}:{s:02}.000"
            moved = second % 3600 * 0.001
            yield b"".join(
                f"MSG,3,1,1,{0xA00000 + i:06X},1,{stamp},{stamp},,{30_000 + second % 99},,,"
                f"{20 + i % 20 + moved:.5f},{-80 + i * 0.1 + moved:.5f},,,0,0,0,0\n".encode()
                for i in range(400)
            )

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        want = self.left if size < 0 else min(size, self.left)
        while len(self.held) < want:
            self.held += next(self.lines)
        data, self.held = self.held[:want], self.held[want:]
        self.left -= want
        return data


def write(into: IO[bytes], size: int) -> None:
    """The tar of ``size`` bytes: traces, three quarters of it, and the log."""
    # texts of 40 regions, renumbered: making the input must not take longer than reading it
    bases = [trace(region) for region in range(40)]
    written = number = 0
    with tarfile.open(fileobj=into, mode="w|") as tar:
        while written < size * 3 // 4:
            data = bases[number % 40].replace(b'"000000"', f'"{number:06x}"'.encode(), 1)
            info = tarfile.TarInfo(f"traces/{number % 256:02x}/trace_full_{number:06x}.json")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
            written, number = written + len(data), number + 1
        info = tarfile.TarInfo("sbs.log")
        info.size = size - written
        tar.addfile(info, Log(info.size))


def run(program: str, size: int, *arguments: str) -> int:
    """Its exit code, with the tar on its standard input."""
    command = [sys.executable, "-c", program, str(LIMIT_MIB), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        write(process.stdin, size)
        process.stdin.close()
    except BrokenPipeError:
        print("it stopped reading", file=sys.stderr)
    return process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=2.0)
    parser.add_argument("--reading-only", action="store_true")
    options = parser.parse_args()
    size = int(options.gb * 1e9)
    code = run(READER, size)
    if not options.reading_only:
        with tempfile.TemporaryDirectory() as folder:
            code |= run(REPORTER, size, str(Path(folder) / "story"))
    return code


if __name__ == "__main__":
    sys.exit(main())
