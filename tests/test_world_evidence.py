"""The part of the world beside an answer."""

import numpy as np
import polars as pl
import pytest

from testigos.errors import UnknownName, VerifyError
from testigos.world import World

NAMES = ("Venezuela", "Los Testigos", "KDYS", "11.4,-63.1")


@pytest.fixture(scope="module")
def tracks():
    return pl.DataFrame(
        {
            "object_id": ["icao:ae503d"] * 4,
            "time_ns": [1, 2, 3, 4],
            "status": ["no_position", "ok", "ok", "ok"],
            "lat_deg": [None, 32.42, 20.0, 27.85],
            "lon_deg": [None, -99.86, -70.0, -82.5],
            "leg": [0, 0, 0, 1],
        },
        schema_overrides={"leg": pl.UInt32},
    )


@pytest.fixture(scope="module")
def excerpt(world, tracks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    world.excerpt(folder, NAMES, tracks)
    return folder


def test_places_come_back_as_they_were(world, excerpt):
    again = World.from_bundle(excerpt)
    for name in NAMES:
        ours, theirs = world.resolve(name), again.resolve(name)
        assert theirs.segments.equals(ours.segments)
        assert (theirs.name, theirs.kind, theirs.key, theirs.source, theirs.note, theirs.coast_error_m) == (
            (ours.name, ours.kind, ours.key, ours.source, ours.note, ours.coast_error_m)
        )
        assert list(theirs.parts()) == list(ours.parts())
    assert len(list(excerpt.glob("place-*"))) == 4
    assert again.island_at(11.418, -63.041) == "Los Testigos"
    assert again.island_at(18.2, -66.5) is None


def test_airfields_at_the_ends_and_identities_answer_as_before(world, excerpt):
    again = World.from_bundle(excerpt)
    for lat, lon in ((32.42, -99.86), (27.85, -82.5)):
        found = [w.airfields.nearest([lat], [lon], 16, 60_000.0) for w in (world, again)]
        rows = [f.index[0][f.index[0] >= 0] for f in found]
        assert len(rows[0]) >= 15
        assert world.airfields.table[rows[0]].equals(again.airfields.table[rows[1]])
        assert np.array_equal(found[0].distance_m, found[1].distance_m, equal_nan=True)
    assert again.airfields.source == world.airfields.source
    assert len(again.airfields.table) < 500
    assert again.who("icao:ae503d") == world.who("icao:ae503d")
    assert again.operator("SPAR19") == world.operator("SPAR19")
    assert again.type_info("B1") == world.type_info("B1")
    assert again.identity.sources == world.identity.sources


def test_it_knows_nothing_else(excerpt):
    with pytest.raises(UnknownName, match="Los Testigos"):
        World.from_bundle(excerpt).resolve("Cuba")


def test_the_same_excerpt_has_the_same_bytes(world, tracks, excerpt, tmp_path):
    world.resolve("los testigos")  # an earlier question must leave no trace
    world.excerpt(tmp_path, NAMES[::-1], tracks)
    assert {p.name: p.read_bytes() for p in excerpt.iterdir()} == {p.name: p.read_bytes() for p in tmp_path.iterdir()}


def test_an_excerpt_of_no_tracks_has_no_airfields(world, tracks, tmp_path):
    world.excerpt(tmp_path, ["KDYS"], tracks.head(0))
    assert World.from_bundle(tmp_path).airfields.table.is_empty()


@pytest.mark.parametrize("name", ["world.json", "place-country-ve.parquet", "airfields.csv", "types.csv"])
def test_a_missing_or_damaged_file_is_named(excerpt, tmp_path, name):
    for path in excerpt.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).unlink()

    def use():
        world = World.from_bundle(tmp_path)
        return world.airfields.table, world.identity.blocks

    with pytest.raises(VerifyError, match=name):
        use()
    if name.endswith((".json", ".parquet")):
        (tmp_path / name).write_bytes(b"damaged")
        with pytest.raises(VerifyError, match=name):
            use()
