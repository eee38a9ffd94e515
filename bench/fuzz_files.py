"""Damage to files of other people: compressed and packed input, GeoJSON places, reports given to verify, archives.

    python bench/fuzz_files.py --seconds 300

Mutations are random, from a fixed seed, so the same number of rounds tries the same damage. What must hold:
reading gives rows or an ``InputError``; a place resolves or is a ``TestigosError``; ``verify`` lists problems and
raises nothing; an archive gives what is whole or an ``ArchiveError``.
"""

import argparse
import bz2
import gzip
import io
import json
import lzma
import random
import shutil
import sys
import tarfile
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import zstandard

from testigos import api
from testigos import io as tio
from testigos.errors import ArchiveError, InputError, TestigosError
from testigos.model import Question
from testigos.report import verify
from testigos.store import Archive
from testigos.world.areas import read_area

Round = Callable[[random.Random], None]


def log(aircraft: int = 2, lines: int = 40) -> bytes:
    """SBS lines of aircraft that pass Los Testigos."""
    made = []
    for i in range(lines):
        stamp = f"2025/10/23,18:{i // 2:02}:{i % 2 * 30:02}.000"
        lat = f"{12 - i * 0.02:.4f}"
        made += [
            f"MSG,3,1,1,{0xAE503D + k:06X},1,{stamp},{stamp},,25000,,,{lat},{-63 - k * 0.1:.4f},,,0,0,0,0\n"
            for k in range(aircraft)
        ]
    return "".join(made).encode()


def mutated(data: bytes, dice: random.Random) -> bytes:
    """One to four wounds: bits, bytes, a hole, a doubling, a cut, a number made odd."""
    raw = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(raw) + 1)
        match dice.randrange(7):
            case 0 if at < len(raw):
                raw[at] ^= 1 << dice.randrange(8)
            case 1 if at < len(raw):
                raw[at] = dice.choice(b"\0\xff09-.e,:\"'[]{}nt\n")
            case 2:
                del raw[at : at + dice.randint(1, 60)]
            case 3:
                raw[at:at] = raw[at : at + dice.randint(1, 60)]
            case 4:
                del raw[at:]
            case 5:
                odd = (b"1e999", b"-1", b"null", b"NaN", b"99999999999999999999", b"[]", b'""', b"{}", b"true", b"\xff")
                raw[at:at] = dice.choice(odd)
            case 6:
                digits = [i for i, byte in enumerate(raw) if 48 <= byte <= 57]
                if digits:
                    spot = dice.choice(digits)
                    raw[spot : spot + 1] = dice.choice((b"", b"-", b"e", b"9" * 12, b"null", b'"'))
    return bytes(raw)


def retyped(value: object, dice: random.Random, chance: float = 0.02) -> object:
    """A JSON value in which some parts have become something else."""
    if dice.random() < chance:
        return dice.choice(
            (
                None,
                True,
                -1,
                1e308,
                10**30,
                "",
                "x",
                [],
                {},
                [None],
                {"a": 1},
                "\ud800".encode("utf-16", "surrogatepass").hex(),
            )
        )
    if isinstance(value, dict):
        return {k: retyped(v, dice, chance) for k, v in value.items() if dice.random() > chance / 2}
    if isinstance(value, list):
        return [retyped(v, dice, chance) for v in value]
    return value


def packed_round(folder: Path) -> Round:
    """Compressed and packed input."""
    line = log()
    tars = []
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w", format=form) as tar:
            for name in ("a.txt", "b" * 120 + "/c.txt", "d.gz"):
                data = gzip.compress(line, mtime=0) if name == "d.gz" else line + name.encode() + b"\n"
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        tars.append(held.getvalue())
    packers = (
        lambda d: gzip.compress(d, mtime=0),
        zstandard.ZstdCompressor().compress,
        bz2.compress,
        lzma.compress,
        lambda d: d,
    )
    files = [pack(raw) for raw in (line, *tars) for pack in packers]
    file = folder / "input"

    def check(dice: random.Random) -> None:
        file.write_bytes(mutated(dice.choice(files), dice))
        account = tio.Account()
        try:
            rows = sum(len(t) for t in tio.reports(file, account=account))
        except InputError:
            return
        assert rows == account.total_rows

    return check


def place_round(folder: Path) -> Round:
    """GeoJSON files as places."""
    ring = [[-63.2, 11.3], [-63.0, 11.3], [-63.0, 11.5], [-63.2, 11.5], [-63.2, 11.3]]
    hole = [[-63.15, 11.35], [-63.15, 11.4], [-63.1, 11.4], [-63.15, 11.35]]
    kinds: list[tuple[str, object]] = [
        ("Polygon", [ring, hole]),
        ("MultiPolygon", [[ring], [hole]]),
        ("LineString", ring),
        ("MultiLineString", [ring, hole]),
        ("Point", ring[0]),
        ("MultiPoint", ring),
    ]
    geometries: list[dict[str, object]] = [{"type": k, "coordinates": c} for k, c in kinds]
    documents: list[object] = [
        *geometries,
        {"type": "GeometryCollection", "geometries": geometries},
        {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": {"name": "Here"}, "geometry": g} for g in geometries],
        },
    ]
    file = folder / "place.geojson"
    lat, lon = [11.4, -90.0, 90.0], [-63.1, 180.0, -180.0]

    def check(dice: random.Random) -> None:
        document = dice.choice(documents)
        if dice.random() < 0.7:
            data = json.dumps(retyped(document, dice, 0.06)).encode()
        else:
            data = mutated(json.dumps(document).encode(), dice)
        file.write_bytes(data)
        try:
            place = read_area(file)
        except TestigosError:
            return
        place.contains(lat, lon)
        assert (place.nearest(lat, lon).distance_m >= 0).all()
        assert len(place.box) == 4

    return check


def bundle_round(folder: Path) -> Round:
    """Reports given to verify, with the manifest made to fit the damage or not."""
    import hashlib

    (folder / "log.txt").write_bytes(log())
    area = folder / "here.geojson"
    area.write_text(
        json.dumps({"type": "Polygon", "coordinates": [[[-63.2, 11.3], [-63, 11.3], [-63, 11.5], [-63.2, 11.3]]]})
    )
    made = folder / "made"
    api.report(folder / "log.txt", made, Question(near=("11.4,-63.1", str(area))))
    assert verify(made) == []
    names = sorted(p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file())
    evidence = [n for n in names if n.startswith("evidence/")]

    def check(dice: random.Random) -> None:
        copy = folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(made, copy)
        name = dice.choice(
            [*evidence, *evidence, "manifest.json", "findings.json", "tracks.parquet", dice.choice(names)]
        )
        data = (copy / name).read_bytes()
        if name.endswith(".json") and dice.random() < 0.5:
            damaged = json.dumps(retyped(json.loads(data), dice)).encode()
        else:
            damaged = mutated(data, dice)
        (copy / name).write_bytes(damaged)
        if name != "manifest.json" and dice.random() < 0.8:  # hidden by whoever did it
            manifest = json.loads((copy / "manifest.json").read_bytes())
            manifest["files"][name] = hashlib.sha256(damaged).hexdigest()
            (copy / "manifest.json").write_bytes(json.dumps(manifest, indent=1).encode())
        problems = verify(copy)
        assert all(str(p) for p in problems)

    return check


def archive_round(folder: Path) -> Round:
    """Archives that were damaged on disk."""
    (folder / "log.txt").write_bytes(log())
    (folder / "other.txt").write_bytes(log(5, 100))
    made = folder / "kept"
    Archive(made).ingest([folder / "log.txt", folder / "other.txt"])
    names = sorted(p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file() and p.name != "lock")

    def check(dice: random.Random) -> None:
        copy = folder / "copy-kept"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(made, copy)
        name = dice.choice(names)
        data = (copy / name).read_bytes()
        if name.endswith(("json", "jsonl")) and dice.random() < 0.6:
            records = [data.decode()] if name.endswith("json") else data.decode().splitlines()
            lines = [json.dumps(retyped(json.loads(record), dice, 0.1)) for record in records]
            (copy / name).write_text("\n".join(lines) + "\n")
        elif dice.random() < 0.1:
            (copy / name).unlink()
        else:
            (copy / name).write_bytes(mutated(data, dice))
        for act in (
            lambda: Archive(copy).verify(),
            lambda: list(Archive(copy).reports()),
            lambda: list(tio.reports(Archive(copy))),
            lambda: Archive(copy).ingest(folder / "log.txt"),
        ):
            try:
                act()
            except (ArchiveError, InputError):
                continue

    return check


ROUNDS: dict[str, Callable[[Path], Round]] = {
    "packed input": packed_round,
    "places": place_round,
    "reports": bundle_round,
    "archives": archive_round,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=300, help="in all (default: 300)")
    parser.add_argument("--target", choices=sorted(ROUNDS), action="append")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=5, help="distinct failures after which a target ends")
    options = parser.parse_args()
    targets = options.target or list(ROUNDS)
    broken = 0
    for target in targets:
        failures: dict[str, str] = {}
        with tempfile.TemporaryDirectory(prefix="testigos-fuzz-") as folder:
            check = ROUNDS[target](Path(folder))
            end = time.monotonic() + options.seconds / len(targets)
            rounds = 0
            while time.monotonic() < end and len(failures) < options.most:
                try:
                    check(random.Random(f"{options.seed} {rounds}"))
                except Exception as error:
                    where = traceback.extract_tb(error.__traceback__)[-1]
                    own = [f for f in traceback.extract_tb(error.__traceback__) if "testigos" in f.filename]
                    via = own[-1] if own else where
                    key = f"{type(error).__name__} at {where.filename}:{where.lineno} via {via.filename}:{via.lineno}"
                    failures.setdefault(key, f"round {rounds}\n{traceback.format_exc()[-1800:]}")
                rounds += 1
        broken += len(failures)
        print(f"{target:16} {rounds:8,} rounds  {f'{len(failures)} failures' if failures else 'held'}", flush=True)
        for key, text in failures.items():
            print(key, text, sep="\n", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
