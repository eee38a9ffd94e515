"""What is usual: the count to be expected on a day from other days, corrected for coverage and weekday.

Counts of one kind of aircraft by day and zone, beside those of a control that flies every day (civil traffic), of the
same days and zones. The rules (own; false alarms and recall are measured in bench/activity.py):

- *Coverage.* The control counted in a zone on a day, against its mean over the baseline, is how well the zone was
  covered. The kind is expected to follow it, zone by zone. Zones with less than ``THIN`` of the control a day are taken
  together; a zone in which the control appears tenfold is newly heard, and what is counted there cannot be expected nor
  held against the baseline: it is left out.
- *Weekday.* With two weeks or more, the ratio of all of the kind's sort (all military aircraft) to the control, by
  weekday, drawn towards 1 as four more of them would.
- *Chance.* Negative binomial. Its variance is ``CLUMP`` times that of independent aircraft, since military aircraft
  come in pairs; to which is added what days differ beyond that (as seen, drawn towards 15 % squared of the mean where
  little is seen), what the few of the baseline leave open, and the chance in the control.
- *Record.* Whatever the model says, a count that was reached on one day in twenty of the baseline is nothing unusual.

A flurry that lasts into the days taken as the baseline raises what is expected; then less of it stands out.
Source: ratio estimation after Cochran, Sampling Techniques (1977), chapter 6; the rest is own.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["CLUMP", "LEAST_DAYS", "THIN", "WEEKDAY_DAYS", "Expected", "busiest_hour", "covered", "expected", "tail"]

LEAST_DAYS: Final = 7  #: baseline days without which nothing is called unusual: every weekday once
WEEKDAY_DAYS: Final = 14  #: of the baseline, to correct for the weekday: each of them twice
THIN: Final = 3.0  #: of the control a day and zone, below which zones are taken together
CLUMP: Final = 1.5
_FRESH: Final = 0.1  # of today's control: with less in the baseline's mean day, a zone is newly heard
_PRIOR_SPREAD: Final = 0.15
_PRIOR_WEIGHT: Final = 11.0  # one over 0.3 squared: how surely the prior is believed
_MODEL_SPREAD: Final = 0.02  # the kind does not follow the control exactly: 14 %
_HOUR_SPREAD: Final = 0.1  # nor the hours of a day their profile
_WEEKDAY_PRIOR: Final = 4.0
_COVERED: Final = 0.2  # of the median day's control, and at least ``_LEAST_CONTROL``
_LEAST_CONTROL: Final = 5.0

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def tail(n: int, mean: float, spread: float) -> float:
    """P(N >= n) of a negative binomial with that mean, and variance mean + spread mean²; spread > 0, mean > 0.

    >>> round(tail(1, 0.5, 1e-9), 6), tail(0, 3.0, 0.2)
    (0.393469, 1.0)
    """
    if n <= 0:
        return 1.0
    size = 1.0 / spread
    log_q = math.log(mean / (size + mean))
    log_p = -math.log1p(mean / size)
    if n <= mean:  # the smaller sum is the other one
        below, term = 0.0, math.exp(size * log_p)
        for k in range(n):
            below += term
            term *= (k + size) / (k + 1.0) * math.exp(log_q)
        return max(0.0, 1.0 - below)
    # for a great size the difference of two lgamma loses all digits: the product is summed instead
    log_term = size * log_p + n * log_q
    for k in range(n):
        log_term += math.log((k + size) / (k + 1.0))
    term, above = math.exp(log_term), 0.0
    at, q = float(n), math.exp(log_q)
    while term > 1e-17 * above or at < n + 2:
        above += term
        term *= (at + size) / (at + 1.0) * q
        at += 1.0
        if term == 0.0:
            break
    return min(1.0, above)


@dataclass(frozen=True)
class Expected:
    """What a day was held against.

    ``count``: what of that day is comparable (``fresh`` more were in zones newly heard). ``mean`` with its 95 % ``low``
    and ``high``; ``spread`` as of ``tail``. ``coverage``: the day's control to the mean day's. ``days`` of the
    baseline, ``weekday``: was it corrected for. ``fitted``: (D,) means of the baseline's days, NaN of others.
    """

    count: int
    fresh: int
    mean: float
    low: float
    high: float
    spread: float
    coverage: float
    days: int
    weekday: bool
    record: int
    fitted: Floats

    @property
    def probability(self) -> float:
        """Of so many or more by chance; 1 where the baseline has seen as many."""
        return 1.0 if self.count <= self.record else float(tail(self.count, self.mean, self.spread))


def covered(control: Floats) -> Bools:
    """Days (D,) on which enough of the control (D, Z) was heard to say anything of others.

    >>> covered(np.array([[100.0], [90.0], [3.0], [0.0]])).tolist()
    [True, True, False, False]
    """
    total = control.sum(axis=1)
    heard = total[total > 0]
    if not len(heard):
        return np.zeros(len(total), np.bool_)
    return np.asarray(total >= max(_LEAST_CONTROL, _COVERED * float(np.median(heard))))


def _record(counts: Floats) -> int:
    """The count that one day in twenty reached; with fewer than twenty days the greatest."""
    return int(np.sort(counts)[len(counts) - 1 - len(counts) // 20])


def _strata(control: Floats, day: int, base: Bools) -> tuple[Ints, int, Bools]:
    """The stratum of each zone (Z,), how many there are, and which zones are newly heard."""
    mean = control[base].mean(axis=0)
    today = control[day]
    fresh = (today >= THIN) & (mean < _FRESH * today)
    thick = (mean >= THIN) & ~fresh
    number = np.where(thick, np.cumsum(thick) - 1, int(thick.sum()))
    return number.astype(np.int64), int(thick.sum()) + 1, fresh


def _summed(table: Floats, number: Ints, n: int, leave: Bools) -> Floats:
    """Columns of a table (D, Z) added up by stratum: (D, n)."""
    out = np.zeros((len(table), n))
    for zone in np.flatnonzero(~leave).tolist():
        out[:, number[zone]] += table[:, zone]
    return out


def expected(kind: Floats, sort: Floats, control: Floats, weekday: Ints, day: int, base: Bools) -> Expected | None:
    """What the baseline lets expect of a kind on a day.

    ``kind``, ``sort``, ``control``: (D, Z) distinct objects by day and zone, ``sort`` of all kinds alike; ``weekday``:
    (D,) 0 to 6; ``base``: (D,) the days of the baseline, without ``day``. Null with fewer than ``LEAST_DAYS``.
    """
    days = int(base.sum())
    if days < LEAST_DAYS or not covered(control)[day]:
        return None
    number, strata, fresh = _strata(control, day, base)
    heard = _summed(control, number, strata, fresh)
    mean = heard[base].mean(axis=0)
    # what is left of thin zones, where even together they hold too little, follows the whole
    whole = heard.sum(axis=1) / max(float(heard[base].sum(axis=1).mean()), 1e-9)
    cover = np.where(mean >= THIN, heard / np.maximum(mean, 1e-9), whole[:, None])
    seen, alike = _summed(kind, number, strata, fresh), _summed(sort, number, strata, fresh)

    factor = np.ones(7)
    corrected = days >= WEEKDAY_DAYS
    if corrected:
        even = (cover * (alike[base].sum(axis=0) / np.maximum(cover[base].sum(axis=0), 1e-9))).sum(axis=1)
        for w in range(7):
            of = base & (weekday == w)
            total = float(alike[of].sum())
            factor[w] = (total + _WEEKDAY_PRIOR) / (float(even[of].sum()) + _WEEKDAY_PRIOR)
    exposure = cover * factor[weekday][:, None]
    total = float(seen[base].sum())
    flat = exposure.mean(axis=1)
    prior = 0.5 * flat / max(float(flat[base].sum()), 1e-9)
    rate = seen[base].sum(axis=0) / np.maximum(exposure[base].sum(axis=0), 1e-9)
    parts = exposure * rate
    fitted = parts.sum(axis=1) + prior
    mu = max(float(fitted[day]), 1e-6)

    counts = seen.sum(axis=1)
    squares = float((fitted[base] ** 2).sum())
    seen_spread = float(((counts[base] - fitted[base]) ** 2 - CLUMP * fitted[base]).sum()) / max(squares, 1e-12)
    usual = float(fitted[base].mean())
    weight = days * usual**3 / (2.0 * usual + 1.0)
    spread = max(0.0, (weight * seen_spread + _PRIOR_WEIGHT * _PRIOR_SPREAD) / (weight + _PRIOR_WEIGHT))
    chance = float((parts[day] ** 2 / np.maximum(heard[day], 1.0)).sum()) / mu**2
    of_mean = CLUMP / (total + 0.5) + min(chance, 1.0) + _MODEL_SPREAD
    wide = math.exp(1.96 * math.sqrt(math.log1p(of_mean)))
    return Expected(
        count=int(counts[day]),
        fresh=int(kind[day].sum() - counts[day]),
        mean=mu,
        low=mu / wide,
        high=mu * wide,
        spread=spread + of_mean + (CLUMP - 1.0) / mu,
        coverage=float(whole[day]),
        days=days,
        weekday=corrected,
        record=_record(counts[base]),
        fitted=np.where(base, fitted, np.nan),
    )


def busiest_hour(hours: Floats, control: Floats, day: int, base: Bools, known: Expected) -> tuple[int, float, float]:
    """The hour of a day with the most of a kind, what was expected in it, and the chance of one so busy in the day.

    ``hours``, ``control``: (D, 24) distinct objects by hour. The profile of a day is that of the baseline, smoothed
    over three hours; where an hour was better covered than its day, more is expected.
    """
    at = int(hours[day].argmax())
    most = int(hours[day, at])
    if most <= _record(hours[base].max(axis=1)):
        return at, 0.0, 1.0
    told = hours[base].sum(axis=0)
    smooth = 0.5 * told + 0.25 * (np.roll(told, 1) + np.roll(told, -1))
    smooth = 0.9 * smooth + 0.1 * smooth.mean() + 0.5 / 24.0
    share = smooth / max(float(np.nansum(known.fitted)), 1e-9)
    usual = control[base].mean(axis=0) * known.coverage
    mean = np.maximum(known.mean * share * np.maximum(1.0, (control[day] + 1.0) / (usual + 1.0)), 1e-6)
    spread = known.spread - (CLUMP - 1.0) / known.mean + _HOUR_SPREAD
    none = 1.0
    for mu in mean.tolist():
        none *= 1.0 - tail(most, mu, spread + (CLUMP - 1.0) / mu)
    return at, float(mean[at]), max(0.0, 1.0 - none)
