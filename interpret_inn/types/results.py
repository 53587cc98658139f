"""What plugins return, and what observers of a fit receive."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, SupportsIndex, overload

from interpret_inn.renamed import with_old_names
from interpret_inn.types.numbers import Picture


@dataclass(frozen=True)
class Score:
    """A number with its 95 % interval and its parts.

    It can be used as a number: `float(score)`, `round(score, 2)`, `f"{score:.2f}"`, and functions that call `float`
    (`math.isfinite`, `numpy.float64`). It has no order, as `score > 0.5` does not say whether the value or the whole
    interval is meant: write `float(score) > 0.5` or `score.low > 0.5`.

    Attributes:
        value: The score itself.
        low: Lower end of the interval; NaN if none was computed.
        high: Upper end.
        parts: The numbers that the score is made of, by name.

    >>> score = Score(0.8731, 0.8512, 0.8902)
    >>> float(score), round(score, 2), f"{score:.1%}"
    (0.8731, 0.87, '87.3%')
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")
    parts: Mapping[str, float] = field(default_factory=dict)

    def __float__(self) -> float:
        return float(self.value)

    @overload
    def __round__(self, digits: None = None) -> int: ...
    @overload
    def __round__(self, digits: SupportsIndex) -> float: ...
    def __round__(self, digits: SupportsIndex | None = None) -> float:
        return round(float(self.value), digits)

    def __format__(self, specification: str) -> str:
        return format(float(self.value), specification) if specification else str(self)


@with_old_names
@dataclass(frozen=True)
class ProbeScores:
    """How well probes predict a concept from a code, by accuracy or R².

    Attributes:
        linear: Of a linear probe.
        network: Of a small network: the median of three.
        kernel: Of kernel ridge regression; NaN in what an earlier version measured.
    """

    linear: Score
    network: Score
    kernel: Score = field(default_factory=lambda: Score(math.nan))


class Note(str):
    """A sentence that the reader of a report should know, and what kind of doubt it casts.

    Attributes:
        kind: A key of the report's table of doubts, by whose order they stand on the page, such as `fixed` (one concept
            is a function of another) or `same` (two say the same). An unknown kind counts as any other note.
        concepts: The concepts that it speaks of.

    >>> note = Note("kind is fixed by class.", "fixed", ("kind", "class"))
    >>> note, note.kind
    ('kind is fixed by class.', 'fixed')
    """

    kind: str
    concepts: tuple[str, ...]

    def __new__(cls, text: str, kind: str = "note", concepts: Iterable[str] = ()) -> Self:
        """A sentence of this kind."""
        note = super().__new__(cls, text)
        note.kind, note.concepts = kind, tuple(concepts)
        return note


class Remark(Note):
    """A note that casts no doubt: a report keeps it apart, in a folded list of settings and formalities.

    >>> Remark("hue: taken as numbers.")
    'hue: taken as numbers.'
    """

    def __new__(cls, text: str, kind: str = "formality", concepts: Iterable[str] = ()) -> Self:
        """A sentence on a setting."""
        return super().__new__(cls, text, kind, concepts)


@dataclass(frozen=True)
class Section:
    """A part of a report.

    Attributes:
        title: Its heading, plain text.
        html: Its body. The plugin escapes all text that is not markup.
        data: The same content for the JSON file.
    """

    title: str
    html: str
    data: Mapping[str, Any] = field(default_factory=dict)


@with_old_names
class FitStep(NamedTuple):
    """The course of a fit, which its observers receive after each validation.

    Attributes:
        step: Number of steps done.
        steps: Number of steps planned.
        loss: Mean loss per pair and axis since the last validation, in nats.
        validation: The same on the validation split.
        seconds: Time since the fit began, in this process and in those that it was resumed from.
    """

    step: int
    steps: int
    loss: float
    validation: float
    seconds: float


@dataclass(frozen=True)
class Gallery:
    """A grid of pictures, or of short texts, for the report.

    Attributes:
        title: A few words, plain text.
        caption: What can be seen in it: a sentence or two, plain text.
        cells: R rows of C pictures or texts.
        rows: Heads of the R rows; empty for none.
        columns: Heads of the C columns; empty for none.
        group: A heading that galleries share, such as a factor's name; empty for none.
    """

    title: str
    caption: str
    cells: tuple[tuple[Picture | str, ...], ...] = field(repr=False)
    rows: tuple[Picture | str, ...] = field(default=(), repr=False)
    columns: tuple[Picture | str, ...] = field(default=(), repr=False)
    group: str = ""
