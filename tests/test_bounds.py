"""Compiled kernels check no index; here they run uncompiled, where one past an array's end is an error.

An uncompiled kernel that computes something else would look elsewhere too, so both must give the same rows.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from feeding import feed
from testigos import registry
from testigos.links import frames_csv
from testigos.links._modes import Options
from testigos.modes import encode
from testigos.sim.traffic import traffic

TESTS = Path(__file__).parent


def cut_short(name: str) -> pl.DataFrame:
    """The rows of damage, and of each vector, cut at many places and with a last line of few fields."""
    # damage after which a frame can end at nearly every byte
    documents = [
        pattern * 64 for pattern in (b"{", b"x{}", b"[", b'"', b"}{", b"x\n", b",x", b"\x1a", b"x\x1a1", b"*", b"-;")
    ]
    for path in sorted((TESTS / "vectors" / name).glob("*.json")):
        data = json.loads(path.read_text("utf-8"))["input"]
        raw = data["text"].encode() if "text" in data else bytes.fromhex(data["hex"])
        ends = sorted({len(raw) * k // 12 for k in range(1, 13)} | {max(0, len(raw) - k) for k in range(1, 4)})
        documents += [raw[:end] for end in ends]
        for number, line in enumerate(raw.split(b"\n")[:6]):
            documents.append(raw[: len(raw) // 3] + b"\n" + line[: 2 + 3 * number])
    return pl.concat(feed(registry.link(name), [document])[0] for document in documents)


def every_format(_: str) -> pl.DataFrame:
    """The rows of generated traffic, among which are messages of every format and type with random content."""
    rng = np.random.default_rng(1)
    payload = rng.integers(0, 256, (2048, 14)).astype(np.uint8)
    formats = np.arange(2048) % 32
    payload[:, 0] = payload[:, 0] & 7 | formats << 3
    # half are extended squitters: all 32 types and 8 subtypes four times
    payload[::2, 0], payload[::2, 4] = rng.integers(0b10001_000, 0b10011_000, 1024), np.arange(1024) & 255
    size = np.where(payload[:, 0] >> 7 != 0, 14, 7).astype(np.uint8)
    addresses = np.array([0x3C6586, 0x4840D6, 0xA835AF, 0xE80451])[rng.integers(0, 4, 2048)]
    named = np.isin(payload[:, 0] >> 3, (11, 17, 18))
    payload[named, 1:4] = addresses.astype(">u4").view(np.uint8).reshape(-1, 4)[named, 1:]
    for length in (7, 14):
        which = np.flatnonzero(size == length)
        check = encode.parity(payload[which], length) ^ np.where(named[which], 0, addresses[which]).astype(np.uint32)
        payload[which, length - 3 : length] = check.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:]
    world = traffic(aircraft=6, seconds=8.0)
    payload, size = np.concatenate([world.payload, payload]), np.concatenate([world.size, size])
    order = rng.permutation(len(size))
    time_ns = np.arange(len(size)) * 5_000_000
    unknown, zeros = np.zeros(len(size), np.uint64), np.zeros(len(size), np.uint8)
    document = frames_csv.encode_frames(payload[order], size[order], unknown, zeros, time_ns)
    near = Options(receiver_lat_deg=50.0, receiver_lon_deg=8.0, range_m=400_000.0, repair=True)
    tables = [feed(frames_csv.configured(options), [document])[0] for options in (Options(), near)]
    assert tables[0].filter(pl.col("object_id").is_not_null()).height > 1000
    return pl.concat(tables)


def uncompiled(make: Callable[[str], pl.DataFrame], name: str, folder: Path) -> pl.DataFrame:
    """What ``make`` gives in a process that compiles nothing."""
    code = f"import sys, test_bounds as t; t.{make.__name__}({name!r}).write_parquet(sys.argv[1])"
    ran = subprocess.run(
        # integers that wrap warn when uncompiled
        [sys.executable, "-W", "ignore::RuntimeWarning", "-c", code, str(folder / "rows.parquet")],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return pl.read_parquet(folder / "rows.parquet")


@pytest.mark.parametrize("name", registry.link_names())
def test_no_kernel_reads_outside_its_buffer_when_a_document_is_cut_short(name: str, tmp_path: Path) -> None:
    assert_frame_equal(uncompiled(cut_short, name, tmp_path), cut_short(name))


def test_no_kernel_reads_outside_its_tables_whatever_a_message_says(tmp_path: Path) -> None:
    assert_frame_equal(uncompiled(every_format, "", tmp_path), every_format(""))
