"""What is usual: tails of the distribution, coverage, zones newly heard, and what too little history says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testigos.fuse.history import LEAST_DAYS, covered, expected, tail


@given(st.integers(1, 60), st.floats(0.05, 40), st.floats(0.01, 2))
def test_a_tail_is_what_the_probabilities_of_smaller_numbers_leave(n, mean, spread):
    size = 1 / spread
    below = sum(
        math.exp(
            math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1)
            + size * math.log(size / (size + mean)) + k * math.log(mean / (size + mean))
        )
        for k in range(n)
    )  # fmt: skip
    assert tail(n, mean, spread) == pytest.approx(1 - below, abs=1e-9)


def _month(today, control=40.0, days=21):
    kind = np.full((days, 1), 4.0)
    kind[-1] = today
    heard = np.full((days, 1), 40.0)
    heard[-1] = control
    base = np.arange(days) < days - 1
    return expected(kind, kind, heard, np.arange(days) % 7, days - 1, base)


def test_twelve_where_four_are_usual_are_improbable_and_five_are_not():
    assert _month(14).probability < 0.01
    assert _month(5).probability > 0.1
    assert _month(5).low < 4 < _month(5).high


def test_three_times_as_many_where_three_times_as_much_is_heard_are_expected():
    assert _month(12, control=120.0).mean == pytest.approx(12, rel=0.1)
    assert _month(12, control=120.0).probability > 10 * _month(12).probability


def test_with_less_than_a_week_or_on_a_day_hardly_heard_nothing_is_expected():
    assert _month(9, days=LEAST_DAYS) is None
    assert _month(9, days=LEAST_DAYS + 1) is not None
    assert _month(9, control=3.0) is None


def test_what_is_in_a_zone_newly_heard_is_not_held_against_the_baseline():
    days = 15
    control = np.column_stack((np.full(days, 40.0), np.zeros(days)))
    kind = np.column_stack((np.full(days, 2.0), np.zeros(days)))
    control[-1, 1], kind[-1, 1] = 30.0, 9.0
    known = expected(kind, kind, control, np.arange(days) % 7, days - 1, np.arange(days) < days - 1)
    assert (known.count, known.fresh) == (2, 9)


def test_without_any_control_no_day_is_covered():
    assert not covered(np.zeros((4, 2))).any()
