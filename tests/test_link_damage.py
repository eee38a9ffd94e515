"""What every link obeys on damaged bytes; a file beside ``test_link_laws``, so that both run side by side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from feeding import feed
from test_link_laws import LAWS, LINKS, inputs
from testigos import registry


@st.composite
def mangled(draw, originals):
    raw = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(raw) - 1, 0)))
        match draw(st.sampled_from(["flip", "delete", "insert", "truncate", "repeat"])):
            case "flip" if raw:
                raw[at] ^= draw(st.integers(1, 255))
            case "delete":
                del raw[at : at + draw(st.integers(1, 20))]
            case "insert":
                raw[at:at] = draw(st.binary(min_size=1, max_size=8))
            case "truncate":
                del raw[at:]
            case "repeat":
                raw[at:at] = raw[at : at + draw(st.integers(1, 40))]
    return bytes(raw)


@pytest.mark.parametrize("name", LINKS)
@settings(LAWS, max_examples=150)
@given(data=st.data())
def test_damage_raises_nothing_and_loses_no_frame_however_it_is_cut(name, data):
    raw = data.draw(mangled(inputs(name)))
    cut = data.draw(st.integers(0, len(raw)))
    link = registry.link(name)
    whole, spans = feed(link, [raw])
    table, cut_spans = feed(link, [raw[:cut], raw[cut:]])
    assert cut_spans == spans
    assert_frame_equal(table, whole)


@pytest.mark.parametrize("name", LINKS)
@LAWS
@given(raw=st.binary(max_size=300))
def test_noise_raises_nothing(name, raw):
    feed(registry.link(name), [raw])
