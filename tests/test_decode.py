"""``testigos decode``: every row and column, as Parquet and as lines of JSON; and what is told of raw frames."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from testigos import api, io, registry
from testigos.cli import main
from testigos.errors import InputError
from testigos.io.options import configured, link_from_text, text_of
from testigos.io.summary import Summary
from testigos.links._modes import Options
from testigos.links.beast import encode_frames
from testigos.model import Question, parse_utc
from testigos.modes import encode
from testigos.registry import link as link_named
from testigos.schema import ALL, conform
from testigos.sim.observe import observe
from testigos.sim.sites import SITES
from testigos.sim.story import actors
from testigos.store import Archive
from testigos.store._pages import dictionary, differences, packed
from testigos.store.lines import json_lines
from testigos.store.outputs import write_rows
from testigos.store.parquet import ParquetFile

BEGAN_NS = parse_utc("2025-10-23T12:00Z")
TYPES = {column.name: column.dtype for column in ALL.values()}
#: mode-s.org, The 1090 MHz Riddle: an identification and a velocity.
MESSAGES = ("8D4840D6202CC371C32CE0576098", "8D485020994409940838175B284F")


def capture(path: Path, repeats: int = 40, step: int = 12_000_000, hurt: bool = False) -> Path:
    """The messages again and again, a second apart, as Beast; ``hurt``: one bit of the last is wrong."""
    payload = np.array([list(bytes.fromhex(text)) for text in MESSAGES] * repeats, np.uint8)
    payload[-1, 6] ^= 1 if hurt else 0
    count = len(payload)
    stamp = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(step)
    path.write_bytes(encode_frames(payload, np.full(count, 14, np.uint8), stamp, np.full(count, 99, np.uint8)))
    return path


def table(rows: int, seed: int = 1) -> pl.DataFrame:
    """Rows with every column: some full, some empty, most with holes, and numbers at the ends of their types."""
    dice = np.random.default_rng(seed)
    columns = []
    for number, column in enumerate(ALL.values()):
        dtype = column.dtype
        if isinstance(dtype, pl.Enum):
            values = dtype.categories.gather(dice.integers(0, len(dtype.categories), rows)).cast(dtype)
        elif dtype == pl.String:
            values = pl.Series([f"é\n{i}" for i in dice.integers(0, 9 if number % 2 else 1 << 40, rows)], dtype=dtype)
        elif dtype == pl.Boolean:
            values = pl.Series(dice.integers(0, 2, rows).astype(bool))
        elif dtype.is_float():
            values = pl.Series(dice.choice([0.0, -0.0, 1e-7, 25.0, 1e30], rows) * dice.choice([1.0, 1.1], rows))
        else:
            low, high = dtype.to_python() and (dtype.min(), dtype.max())  # type: ignore[attr-defined]
            ends = pl.select(low.alias("low"), high.alias("high")).row(0)
            spread = dice.integers(*ends, rows, dtype=f"{'u' if ends[0] == 0 else ''}int{8 * 8}", endpoint=True)
            values = pl.Series(spread if number % 3 else spread % 7).cast(dtype)
        share = (1.0, 0.0, 0.5, 0.02)[number % 4]
        known = pl.Series(dice.random(rows) < share)
        columns.append(pl.select(pl.when(known).then(values.cast(dtype))).to_series().alias(column.name))
    return pl.DataFrame(columns)


def written(path: Path, *tables: pl.DataFrame) -> Path:
    with ParquetFile(path, TYPES) as file:
        for rows in tables:
            file.add(rows)
    return path


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 127, 128, 129, 130, 5_000])
def test_parquet_is_read_back_as_it_was(tmp_path: Path, rows: int) -> None:
    one, two = table(rows, 1), table(rows, 2)
    path = written(tmp_path / "a.parquet", one, two)
    assert pl.read_parquet(path).equals(pl.concat([one, two]))


def test_another_program_reads_the_same_from_parquet(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    rows = table(3_000)
    path = written(tmp_path / "a.parquet", rows)
    found = duckdb.sql(f"select * from '{path}'").fetchall()
    assert found == rows.with_columns(pl.col(pl.Enum).cast(pl.String)).rows()


def test_parquet_without_rows_has_its_columns(tmp_path: Path) -> None:
    assert pl.read_parquet(written(tmp_path / "a.parquet")).schema == pl.Schema(TYPES)


def test_parquet_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"before")

    def tables():
        yield table(10)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_rows(tables(), str(path))
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]
    assert path.read_bytes() == b"before"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl"])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f".new-{name}").symlink_to("/dev/full")
    with pytest.raises(InputError, match="No space left"):
        write_rows([table(20_000)], str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("a.parquet", "a.jsonl"):
        with pytest.raises(InputError, match="cannot be written"):
            write_rows([], str(tmp_path / "missing" / name))


def test_the_same_rows_in_other_tables_are_the_same_lines_and_parquet_of_the_same_rows(tmp_path: Path) -> None:
    rows = table(1000)
    write_rows([rows], str(tmp_path / "a.jsonl"))
    write_rows([rows[:1], rows[1:600], rows[600:]], str(tmp_path / "b.jsonl"))
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    write_rows([rows], str(tmp_path / "a.parquet"))
    write_rows([rows[:1], rows[1:600], rows[600:]], str(tmp_path / "b.parquet"))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_lines_of_json_say_what_the_rows_say() -> None:
    rows = table(300)
    for line, row in zip(json_lines(rows).splitlines(), rows.to_dicts(), strict=True):
        known = {name: value for name, value in row.items() if value is not None}
        told = json.loads(line)
        assert told.keys() == known.keys()
        for name, value in told.items():
            same = np.float32(value) == np.float32(known[name]) if ALL[name].dtype == pl.Float32 else None
            assert value == known[name] if same is None else same


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1, max_size=300))
@settings(deadline=None, max_examples=50)
def test_any_differences_are_read_back(tmp_path_factory: pytest.TempPathFactory, numbers: list[int]) -> None:
    path = tmp_path_factory.mktemp("d") / "a.parquet"
    rows = conform(pl.DataFrame({"time_ns": pl.Series(numbers, dtype=pl.Int64)}), ALL)
    assert pl.read_parquet(written(path, rows))["time_ns"].to_list() == numbers
    assert differences(np.array(numbers))


@given(st.lists(st.integers(0, 1 << 15), min_size=1, max_size=100))
@settings(deadline=None, max_examples=50)
def test_packed_numbers_are_at_their_bits(numbers: list[int]) -> None:
    width = max(max(numbers).bit_length(), 1)
    run = packed(np.array(numbers, np.uint16), width)
    bits = int.from_bytes(run[-width * -(-len(numbers) // 8) :], "little")
    assert [bits >> i * width & (1 << width) - 1 for i in range(len(numbers))] == numbers


def test_too_many_distinct_keys_make_no_dictionary() -> None:
    assert dictionary(np.arange(100, dtype=np.uint32), 40) is None
    assert dictionary(np.arange(100, dtype=np.uint32) % 40, 40) is not None


# ---- options ----


def test_a_link_with_options_is_text_and_back() -> None:
    options = Options(BEGAN_NS, -33.25, 150.125, 400_000.0, True, False)
    link = configured(link_named("beast"), options)
    assert link_from_text(text_of(link)).options == options  # type: ignore[attr-defined]
    assert text_of(link_named("beast")) == "beast"
    assert configured(link_named("sbs"), options) is link_named("sbs")
    assert configured(link, Options()) is link


@pytest.mark.parametrize("text", ["beast?what=1", "beast?began_ns=noon", "beast?"])
def test_options_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        link_from_text(text)


def test_beast_without_a_date_is_told_what_to_do_and_has_rows(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.beast")
    account = io.Account()
    rows = api.read(path, account=account)
    assert rows["time_ns"].null_count() == len(rows) == 80
    assert "--began" in account.problems[0][1]
    account = io.Account()
    rows = api.read(path, account=account, options=Options(began_ns=BEGAN_NS))
    assert rows["time_ns"].to_list() == [BEGAN_NS + 1_000_000_000 * i for i in range(80)]
    assert account.problems == []


def test_an_archive_keeps_what_was_told_of_a_document(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.beast")
    options = Options(began_ns=BEGAN_NS)
    archive = tmp_path / "archive"
    Archive(archive).ingest(path, options=options)
    assert pl.concat(Archive(archive).reports())["time_ns"].min() == BEGAN_NS
    assert api.read(archive)["time_ns"].min() == BEGAN_NS
    again = Archive(archive).ingest(path, options=Options(began_ns=BEGAN_NS + 1))
    assert "is kept already" in again.problems[0][1]


def test_evidence_of_some_objects_gives_their_rows_again_with_their_times(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.beast")
    options = Options(began_ns=BEGAN_NS)
    rows = api.read(path, options=options)
    kept = io.excerpts(path, ["icao:485020"], options=options)
    io.write_excerpts(kept, tmp_path / "evidence")
    again = pl.concat(io.reports_from_excerpts(tmp_path / "evidence"))
    assert len(again) < len(rows)
    mine = pl.col("object_id") == "icao:485020"
    assert again.filter(mine).equals(rows.filter(mine))


# ---- the command ----


def run(*arguments: object) -> tuple[str, str]:
    done = CliRunner().invoke(main, ["decode", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout, done.stderr


def test_the_command_writes_every_row_in_each_form(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.beast", hurt=True)
    told = (path, "--began", "2025-10-23T12:00Z")
    shown, summary = run(*told)
    run(*told, "-o", tmp_path / "a.jsonl")
    run(*told, "-o", tmp_path / "a.parquet")
    assert shown == (tmp_path / "a.jsonl").read_text()
    rows = pl.read_parquet(tmp_path / "a.parquet")
    assert rows.schema == pl.Schema(TYPES)
    assert [json.loads(line)["status"] for line in shown.splitlines()] == rows["status"].to_list()
    assert rows["status"].to_list().count("parity_failed") == 1
    assert "DF 17 80" in summary
    assert "1 parity_failed" in summary
    assert "Objects: 2" in summary


def test_repair_mends_one_bit_and_says_so(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.beast", hurt=True)
    shown, summary = run(path, "--began", "2025-10-23T12:00Z", "--repair")
    assert [json.loads(line).get("repaired_bit") for line in shown.splitlines()][-1] == 56
    assert "Repaired: 1" in summary


def test_an_output_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["decode", str(capture(tmp_path / "a.beast")), "-o", str(tmp_path / "a.txt")])
    assert done.exit_code == 1
    assert ".parquet" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["--receiver", "91,0"], ["--receiver", "here"], ["--for", "10"], ["--began", "noon"], ["--range", "9"]],
)
def test_a_value_that_is_none_is_refused_with_an_example(tmp_path: Path, arguments: list[str]) -> None:
    done = CliRunner().invoke(main, ["decode", str(capture(tmp_path / "a.beast")), *arguments])
    assert done.exit_code == 2


def test_silence_of_a_receiver_is_a_gap(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.beast", repeats=1, step=12_000_000 * 45)
    summary = Summary()
    for _ in summary.counted(api.decode(path, options=Options(began_ns=BEGAN_NS))):
        pass
    assert summary.gaps == [("a.beast", BEGAN_NS, BEGAN_NS + 45_000_000_000)]
    assert "Gap: a.beast silent for 45 s from 2025-10-23T12:00:00.000Z" in summary.lines()


def flight(path: Path, seconds: int = 600) -> Path:
    """An aircraft that flies past Los Testigos at 400 kt, two positions a second, as Beast; and another far off."""
    at = np.arange(2 * seconds)
    lon = -64.0 + at * (400 / 3600 / 60 / 2 / np.cos(np.radians(11.2)))
    here = encode.airborne_position(11, encode.altitude_code12(np.full(len(at), 25_000.0)), at % 2, 11.2, lon)
    there = encode.airborne_position(11, encode.altitude_code12(np.full(len(at), 30_000.0)), at % 2, 50.0, lon)
    payload = np.stack([encode.extended(here, 0xAE503D), encode.extended(there, 0x3B7777)], axis=1).reshape(-1, 14)
    count = len(payload)
    stamp = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(3_000_000)
    path.write_bytes(encode_frames(payload, np.full(count, 14, np.uint8), stamp, np.full(count, 99, np.uint8)))
    return path


def test_a_report_on_beast_is_made_and_verified_like_any_other(tmp_path: Path, world) -> None:
    path = flight(tmp_path / "a.beast")
    question = Question(near=("Los Testigos",), within_m=100_000.0)
    done = api.report(path, tmp_path / "story", question, options=Options(began_ns=BEGAN_NS), world=world)
    assert [f.subjects for f in done.findings if f.kind == "approach"] == [("icao:ae503d",)]
    assert api.verify(tmp_path / "story") == []
    assert f"beast?began_ns={BEGAN_NS}" in (tmp_path / "story" / "manifest.json").read_text()


def test_a_report_on_beast_without_a_date_finds_nothing_and_says_why(tmp_path: Path, world) -> None:
    path = flight(tmp_path / "a.beast", 20)
    done = api.report(path, tmp_path / "story", Question(near=("Los Testigos",)), world=world)
    assert done.findings == ()
    assert "--began" in (tmp_path / "story" / "report.md").read_text()


def test_a_flight_heard_as_beast_gives_the_findings_of_its_trace(tmp_path: Path, world) -> None:
    tanker = actors()[2]
    rows = observe(tanker.truth, tanker.equipment, SITES)
    (tmp_path / "a.beast").write_bytes(registry.link("beast").encode(rows))
    (tmp_path / "a.json").write_bytes(registry.link("readsb_trace").encode(rows))
    question = Question(near=("Puerto Rico", "Isla de Aves"))
    # that it is a tanker Mode S does not say; the trace has it from a database
    heard, traced = (
        [
            f
            for f in api.report(tmp_path / name, tmp_path / f"of-{name}", question, world=world).findings
            if f.kind != "refuelling"
        ]
        for name in ("a.beast", "a.json")
    )
    assert {f.kind for f in heard} >= {"identity", "sortie", "approach", "orbit"}
    assert [(f.kind, f.subjects, f.place and f.place["name"]) for f in heard] == [
        (f.kind, f.subjects, f.place and f.place["name"]) for f in traced
    ]
    for a, b in zip(heard, traced, strict=True):
        if a.kind == "approach":
            assert a.measures["distance"].value == pytest.approx(b.measures["distance"].value, abs=50.0)
            assert a.measures["distance"].low == pytest.approx(b.measures["distance"].low, abs=2_000.0)
        if a.kind == "sortie":
            assert (a.departure["icao"], a.arrival["icao"]) == (b.departure["icao"], b.arrival["icao"])
    assert api.verify(tmp_path / "of-a.beast") == []
