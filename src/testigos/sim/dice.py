"""Reproducible chance: raw Philox words turned into numbers by our own arithmetic.

NumPy promises a stable stream for its bit generators but not for the distributions built on them, so only the
raw words are used here.
"""

import hashlib

import numpy as np
import numpy.typing as npt

__all__ = ["Dice"]

Floats = npt.NDArray[np.float64]


class Dice:
    """A stream of numbers that its name alone determines.

    >>> bool((Dice("story", "BARB21").uniform(3) == Dice("story", "BARB21").uniform(3)).all())
    True
    """

    def __init__(self, *name: str | int) -> None:
        digest = hashlib.sha256("\x00".join(map(str, name)).encode()).digest()
        self._words = np.random.Philox(key=int.from_bytes(digest[:16], "big"))

    def uniform(self, count: int, low: float = 0.0, high: float = 1.0) -> Floats:
        """``count`` numbers in [low, high)."""
        words = np.asarray(self._words.random_raw(count), np.uint64)
        return low + (high - low) * (words >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(self, count: int) -> Floats:
        """``count`` standard normal numbers. Source: G. Box and M. Muller, Ann. Math. Stat. 29 (1958)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(count)))
        return np.asarray(radius * np.cos(2.0 * np.pi * self.uniform(count)))

    def correlated(self, step_s: Floats, tau_s: float) -> Floats:
        """Standard normal numbers that forget each other over ``tau_s`` (first-order Gauss-Markov).

        ``step_s[i]`` is the time since the number before; the first is ignored.
        """
        fresh = self.normal(len(step_s))
        keep = np.exp(-np.asarray(step_s) / tau_s)
        out = fresh.copy()
        for i in range(1, len(out)):
            out[i] = keep[i] * out[i - 1] + np.sqrt(1.0 - keep[i] ** 2) * fresh[i]
        return out

    def integer(self, low: int, high: int) -> int:
        """One whole number in [low, high)."""
        return low + int(self.uniform(1)[0] * (high - low))
