"""Compiled kernels check no index; here they run uncompiled, where one outside its array is an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testigos import registry

TESTS = Path(__file__).parent

CUT_SHORT = """
import json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore", RuntimeWarning)  # integers that wrap warn when uncompiled
sys.path.insert(0, sys.argv[1])
from feeding import feed
from testigos import registry
name = sys.argv[2]
fed = 0
for path in sorted(Path(sys.argv[1], "vectors", name).glob("*.json")):
    data = json.loads(path.read_text("utf-8"))["input"]
    raw = data["text"].encode() if "text" in data else bytes.fromhex(data["hex"])
    ends = sorted({len(raw) * k // 12 for k in range(1, 13)} | {max(0, len(raw) - k) for k in range(1, 4)})
    for end in ends:
        feed(registry.link(name), [raw[:end]])
        fed += 1
    for number, line in enumerate(raw.split(b"\\n")[:6]):  # a last line of few fields
        feed(registry.link(name), [raw[: len(raw) // 3] + b"\\n" + line[: 2 + 3 * number]])
        fed += 1
print(fed)
"""


@pytest.mark.parametrize("name", registry.link_names())
def test_no_kernel_reads_outside_its_buffer_when_a_document_is_cut_short(name: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CUT_SHORT, str(TESTS), name],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert int(ran.stdout) > 10
