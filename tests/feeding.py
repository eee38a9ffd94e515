"""A driver for tests: bytes in any pieces into a link, rows out with their place in the whole document."""

import pickle
from collections.abc import Iterable

import polars as pl

from testigos.registry import Link
from testigos.schema import ALL, conform, violations

#: What may stand between frames: blanks, commas, brackets, a byte order mark.
SEPARATORS = b" \t\r\n,[]{}\xef\xbb\xbf"


def feed(link: Link, chunks: Iterable[bytes]) -> tuple[pl.DataFrame, list[tuple[int, int, bool]]]:
    """The rows, and start, stop and context of every frame, both counted from the first byte.

    Fails where a link breaks what every link promises, whatever the bytes are.
    """
    pieces = list(chunks) or [b""]
    tables, seen = [], []
    carry, rest, base, covered = None, b"", 0, 0
    for number, piece in enumerate(pieces):
        buffer = rest + piece
        final = number == len(pieces) - 1
        found, rest = link.split(buffer, final)
        assert buffer.endswith(rest)
        assert not (final and rest)
        before = pickle.dumps(carry)
        rows, after = link.decode(found, carry)
        assert pickle.dumps(carry) == before, "the carry was changed in place"
        carry = after
        spans = list(zip(found.start.tolist(), found.stop.tolist(), found.context.tolist(), strict=True))
        for start, stop, _ in spans:
            assert covered <= base + start < base + stop <= base + len(buffer) - len(rest), "frames overlap"
            assert not buffer[covered - base : start].strip(SEPARATORS), "bytes in no frame"
            covered = base + stop
        consumed = len(buffer) - len(rest)
        assert not buffer[covered - base : consumed].strip(SEPARATORS), "bytes in no frame"
        covered = base + consumed
        assert sorted(rows.columns) == sorted(link.GIVES)
        assert dict(rows.schema) == {n: ALL[n].dtype for n in rows.columns}
        offsets = rows["offset"].to_list()
        assert offsets == sorted(offsets)
        lengths = dict(zip(offsets, rows["length"].to_list(), strict=True))
        assert lengths == {a: b - a for a, b, context in spans if not context}, "a frame made no row"
        tables.append(rows.with_columns(pl.col("offset") + base))
        seen += [(base + a, base + b, context) for a, b, context in spans]
        base += consumed
    table = conform(pl.concat(tables), ALL)
    assert violations(table, ALL) == []
    assert table["status"].null_count() == 0
    damaged = table.filter(pl.col("status") == "malformed").drop("status", "segment", "offset", "length", "receiver")
    assert damaged.null_count().sum_horizontal().sum() == damaged.width * damaged.height, (
        "a malformed row says something"
    )
    return table, seen
