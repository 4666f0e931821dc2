"""Shares of a count, and how sure a few cases make them. Pure arithmetic.

A share of few cases says little, so none stands without its interval: 95 % by Wilson's score method. Two shares are
compared by their difference, whose interval comes from the two of Wilson's.

E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
Statistical Association 22 (1927). R. G. Newcombe, "Interval estimation for the difference between independent
proportions", Statistics in Medicine 17 (1998), method 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964
"""Of the normal distribution: 95 % lie within so many standard deviations."""
DIGITS = 4
"""Of a share in plain data."""


def wilson(n: int, of: int) -> tuple[float, float]:
    """The ends of Wilson's score interval, 95 %, for n of `of` cases; nothing is known of none: 0 to 1."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = n / of, Z * Z
    middle = share + z2 / (2 * of)
    half = Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low = 0.0 if n == 0 else max(0.0, min(share, (middle - half) / (1 + z2 / of)))
    high = 1.0 if n == of else min(1.0, max(share, (middle + half) / (1 + z2 / of)))
    return low, high


@dataclass(frozen=True, slots=True)
class Rate:
    """n of `of` cases. low, high: the ends of its 95 % interval, 0 to 1. Raises ValueError for more than all."""

    n: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.n <= self.of:
            raise ValueError(f"{self.n} of {self.of} is no share")

    @property
    def share(self) -> float:
        """0 to 1; 0 where there is no case."""
        return self.n / self.of if self.of else 0.0

    @property
    def low(self) -> float:
        return wilson(self.n, self.of)[0]

    @property
    def high(self) -> float:
        return wilson(self.n, self.of)[1]

    def data(self) -> dict[str, float | int | None]:
        """Plain data: n, of, rate, low, high. The last three are None where there is no case."""
        if not self.of:
            return {"n": 0, "of": 0, "rate": None, "low": None, "high": None}
        rate, low, high = (round(value, DIGITS) for value in (self.share, self.low, self.high))
        return {"n": self.n, "of": self.of, "rate": rate, "low": low, "high": high}


@dataclass(frozen=True, slots=True)
class Difference:
    """One share minus another, of cases that have nothing to do with each other. low, high: its 95 % interval."""

    first: Rate
    second: Rate

    @property
    def value(self) -> float:
        """-1 to 1."""
        return self.first.share - self.second.share

    @property
    def low(self) -> float:
        reach = math.hypot(self.first.share - self.first.low, self.second.high - self.second.share)
        return max(-1.0, self.value - reach)

    @property
    def high(self) -> float:
        reach = math.hypot(self.first.high - self.first.share, self.second.share - self.second.low)
        return min(1.0, self.value + reach)

    def data(self) -> dict[str, float | None]:
        """Plain data: difference, low, high; None each where one of the two has no case."""
        if not (self.first.of and self.second.of):
            return {"difference": None, "low": None, "high": None}
        value, low, high = (round(value, DIGITS) for value in (self.value, self.low, self.high))
        return {"difference": value, "low": low, "high": high}
