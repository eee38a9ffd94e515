"""The parity of Mode S: against division bit by bit, and published messages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from squitters import frame, remainder
from testigos.modes.parity import mended_bit, syndrome56, syndrome112, syndromes


def rows(*messages: bytes) -> np.ndarray:
    return np.array([list(m.ljust(14, b"\0")) for m in messages], np.uint8)


def syndrome(message: bytes) -> int:
    table = rows(message)
    return int(syndrome112(table, 0) if len(message) == 14 else syndrome56(table, 0))


@pytest.mark.parametrize(
    ("message", "left"),
    [
        # "The 1090 MHz Riddle" (Sun, 2nd edition), section on error control
        ("8D406B902015A678D4D220AA4BDA", 0),
        # the same, all-call replies: interrogator code 6 with code label 1
        ("5D484FDEA248F5", 0x16),
        # the same, surveillance replies: the address is what is left
        ("2A00516D492B80", 0x510AF9),
        # pyModeS, tests of the parity
        ("8D4CA251204994B1C36E60A5343D", 0x10),
    ],
)
def test_a_published_message_leaves_its_published_remainder(message, left):
    raw = bytes.fromhex(message)
    assert remainder(int.from_bytes(raw), 8 * len(raw)) == syndrome(raw)
    assert syndrome(raw) == left


@settings(deadline=None)
@given(st.binary(min_size=14, max_size=14) | st.binary(min_size=7, max_size=7))
def test_any_message_leaves_what_division_leaves(message):
    assert syndrome(message) == remainder(int.from_bytes(message), 8 * len(message))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.none() | st.integers(0, 2**56 - 1), st.integers(0, 2**24 - 1))
def test_an_address_on_the_parity_is_what_is_left(head, body, address):
    assert syndrome(frame(head, body, address)) == address


def test_many_messages_at_once_leave_the_same_as_one_by_one():
    messages = [frame(0x8D406B90, 0x2015A678D4D220, 5), frame(0x5D484FDE, None, 7), b"\x12\x34"]
    size = np.array([len(m) for m in messages], np.uint8)
    assert syndromes(rows(*messages), size).tolist() == [5, 7, 0]


@pytest.mark.parametrize("size", [7, 14])
def test_each_single_wrong_bit_is_named(size):
    message = frame(0x8D406B90, 0x2015A678D4D220 if size == 14 else None)
    for bit in range(1, 8 * size + 1):
        wrong = (int.from_bytes(message) ^ 1 << (8 * size - bit)).to_bytes(size)
        assert mended_bit(np.uint32(syndrome(wrong)), size) == bit


@pytest.mark.parametrize("size", [7, 14])
def test_no_two_wrong_bits_pass_for_one(size):
    single = [remainder(1 << place, 8 * size) for place in range(8 * size)]
    assert len(set(single)) == 8 * size
    named = {mended_bit(np.uint32(a ^ b), size) for k, a in enumerate(single) for b in single[:k]}
    assert named == {0}


def test_a_whole_message_has_no_bit_to_mend():
    assert mended_bit(np.uint32(0), 14) == 0
    assert mended_bit(np.uint32(0), 7) == 0


def test_a_bit_of_the_first_half_of_a_long_message_is_no_bit_of_a_short_one():
    assert mended_bit(np.uint32(remainder(1 << 80, 112)), 14) == 112 - 80
    assert mended_bit(np.uint32(remainder(1 << 80, 112)), 7) == 0
