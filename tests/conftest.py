"""What tests share: the folder of real captures beside the project, which is no part of it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[1] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real captures and reference data; the test skips where they are missing."""
    if not SHARED.is_dir():
        pytest.skip("the folder ../shared/data with real captures is missing")
    return SHARED.resolve()


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """The world from the installed packages alone: its cache is empty, whatever the user has fetched."""
    from testigos.world import open_world

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TESTIGOS_CACHE", str(tmp_path_factory.mktemp("cache")))
        opened = open_world()
        # read now, while the cache is the empty one
        assert len(opened.coast.polygons) > 100_000
        assert len(opened.airfields.table) > 10_000
        assert len(opened.identity.blocks) > 100
        yield opened
