"""Numbers and lists as a reader wants them: short, honest about precision, never `nan`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from interpret_inn.types import Score

MISSING = "–"
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def percent(share: float) -> str:
    """A share as a percentage; one decimal near 0 and 1, where it matters.

    >>> [percent(x) for x in (0.0, 0.0001, 0.004, 0.0996, 0.974, 0.9961, 0.9999, 1.0, float("nan"))]
    ['0%', '<0.1%', '0.4%', '10%', '97%', '99.6%', '>99.9%', '100%', '–']
    """
    if not math.isfinite(share):
        return MISSING
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    if 0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    digits = 1 if abs(share) < 0.01 or 0.99 < share < 1 else 0
    return f"{share:.{digits}%}".replace("-", "−")


def number(value: float) -> str:
    """A number with two decimals, or with a power of ten where these would show nothing.

    >>> [number(x) for x in (0.0, 0.314, -1.2, 0.0312, 3.2e-6, 1e-4, 1234.5, 2.5e7)]
    ['0', '0.31', '−1.20', '0.031', '3.2·10⁻⁶', '10⁻⁴', '1234', '2.5·10⁷']
    >>> number(float("nan")), number(float("inf"))
    ('–', '∞')
    """
    if math.isnan(value):
        return MISSING
    size = abs(value)
    if math.isinf(size):
        return "∞" if value > 0 else "−∞"
    if size == 0:
        return "0"
    if size < 1e-3 or size >= 1e5:
        digits, exponent = f"{value:.1e}".split("e")
        times = "" if digits == "1.0" else f"{digits}·"
        return f"{times}10{str(int(exponent)).translate(_SUPERSCRIPT)}".replace("-", "−")
    decimals = 3 if size < 0.1 else 2 if size < 100 else 0
    return f"{value:.{decimals}f}".replace("-", "−")


def score_text(value: float, kind: str) -> str:
    """The score of a probe: a percentage for `accuracy`, a number for `r2`.

    >>> score_text(0.974, "accuracy"), score_text(0.314, "r2")
    ('97%', '0.31')
    """
    return percent(value) if kind == "accuracy" else number(value)


def interval_text(score: Score, kind: str) -> str:
    """The 95 % interval of a score, empty if none was computed.

    >>> interval_text(Score(0.97, 0.95, 0.98), "accuracy"), interval_text(Score(0.3), "r2")
    ('95% to 98%', '')
    """
    if not (math.isfinite(score.low) and math.isfinite(score.high)):
        return ""
    return f"{score_text(score.low, kind)} to {score_text(score.high, kind)}"


def count(amount: int, noun: str) -> str:
    """A number of things, small numbers as words.

    >>> count(1, "concept"), count(3, "concept"), count(1257, "input")
    ('one concept', 'three concepts', '1,257 inputs')
    """
    word = _WORDS[amount] if 0 <= amount < len(_WORDS) else f"{amount:,}"
    return f"{word} {noun}{'' if amount == 1 else 's'}"


def listing(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
