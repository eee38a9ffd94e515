"""Coverage-guided damage to every format: nothing may raise, no frame may vanish, no cut may matter.

``python bench/fuzz.py --seconds 600`` shares the time among all formats and ``io`` (which recognises the format and
takes off compression). Seeds are the vectors in ``tests/vectors``. An input that breaks something is written to
``fuzz-<target>-crash-…`` and the exit code is 1. Needs ``atheris`` (``make fuzz`` installs it).

Kernels run uncompiled here: slower, but the fuzzer sees their branches, and an index out of bounds is an exception.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
VECTORS = ROOT / "tests" / "vectors"


def seeds(target: str) -> list[bytes]:
    """The bytes of the target's vectors; of all for ``io``."""
    found = []
    for path in sorted(VECTORS.glob("*/*.json")):
        if target in ("io", path.parent.name):
            data = json.loads(path.read_text("utf-8"))["input"]
            found.append(data["text"].encode() if "text" in data else bytes.fromhex(data["hex"]))
    return found


def link_law(name: str) -> Callable[[bytes], None]:
    """What a link must bear: any bytes, in any two pieces."""
    from feeding import feed
    from testigos import registry

    link = registry.link(name)

    def check(data: bytes) -> None:
        cut = int.from_bytes(data[:2], "little") % (len(data) + 1)
        link.recognise(data)
        try:
            whole, spans = feed(link, [data])
            pieces, cut_spans = feed(link, [data[:cut], data[cut:]])
        except OverflowError:  # Python's own powers of floats; compiled, the result is infinite
            return
        assert cut_spans == spans, f"frames differ when cut at {cut}"
        assert pieces.equals(whole), f"rows differ when cut at {cut}"

    return check


def io_law() -> Callable[[bytes], None]:
    """What reading must bear: any file. Only errors that teach may come out."""
    from testigos import io
    from testigos.errors import InputError

    file = Path(tempfile.mkdtemp(prefix="testigos-fuzz-")) / "input"

    def check(data: bytes) -> None:
        file.write_bytes(data)
        account = io.Account()
        try:
            rows = sum(len(table) for table in io.reports([file], account=account))
        except (InputError, OverflowError):  # for the second see link_law
            return
        assert rows == account.total_rows

    return check


def fuzz(target: str, seconds: int) -> None:
    """Fuzz one target in this process; libFuzzer ends the process itself."""
    import atheris

    sys.path.insert(0, str(ROOT / "tests"))
    warnings.simplefilter("ignore", RuntimeWarning)  # uncompiled, integers that wrap warn
    with atheris.instrument_imports(include=["testigos.links", "testigos.modes", "testigos.io"]):
        check = io_law() if target == "io" else link_law(target)
        check(b"")
    corpus = Path(tempfile.mkdtemp(prefix="testigos-corpus-"))
    for number, data in enumerate(seeds(target)):
        (corpus / f"seed-{number:03d}").write_bytes(data)
        check(data)  # imports what is imported late
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-timeout=60",
        "-rss_limit_mb=2048",
        "-seed=1",
        "-verbosity=0",
        "-print_final_stats=1",
        f"-artifact_prefix=fuzz-{target}-",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], check)
    atheris.Fuzz()


def main() -> int:
    """All targets, each in a process of its own; 1 where one of them broke."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600, help="in all (default: 600)")
    parser.add_argument("--target", action="append", help="only this format, or io; can be repeated")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        fuzz(options.target[0], options.seconds)
    from testigos import registry

    targets = options.target or [*registry.link_names(), "io"]
    share = max(1, options.seconds // len(targets))
    broken = []
    for target in targets:
        command = [sys.executable, __file__, "--alone", "--target", target, "--seconds", str(share)]
        environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
        units = [line.split()[-1] for line in ran.stderr.splitlines() if "number_of_executed_units" in line]
        print(
            f"{target:16} {share:4d} s {units[0] if units else '?':>9} inputs  {'broke' if ran.returncode else 'held'}"
        )
        if ran.returncode:
            broken.append(target)
            print(ran.stdout[-4000:], ran.stderr[-4000:], sep="\n", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
