"""Names to links: found by file name, recognised by content."""

import json
from pathlib import Path

import pytest

from testigos import registry
from testigos.errors import UnknownFormat, UnknownName

VECTORS = sorted((Path(__file__).parent / "vectors").glob("*/*.json"))


def first_bytes(path):
    given = json.loads(path.read_text(encoding="utf-8"))["input"]
    return given["text"].encode() if "text" in given else bytes.fromhex(given["hex"])


@pytest.mark.parametrize("path", VECTORS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_at_most_one_link_is_sure_of_a_document(path):
    head = first_bytes(path)
    sure = [n for n in registry.link_names() if registry.link(n).recognise(head) >= registry.SURE]
    assert len(sure) <= 1
    for likely in registry.link_names():
        try:
            alone = registry.recognise(head)
        except UnknownFormat:
            continue
        assert registry.recognise(head, likely=registry.link(likely)) is alone


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'kml'"):
        registry.link("kmz")
    with pytest.raises(UnknownName, match="known: activity, approach"):
        registry.finder("landing")


def test_bytes_that_no_link_knows_are_told_with_what_they_begin_with():
    with pytest.raises(UnknownFormat, match=r"photo\.jpg.*JFIF"):
        registry.recognise(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "photo.jpg")
