"""Which of several fits is the simplest, without labels, and how sure that is."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from interpret_inn.comparing.candidates import Candidate, Code, blamed, codes_of
from interpret_inn.comparing.fit_lengths import (
    AT_ONCE,
    SPAN,
    STARTS,
    STEPS,
    THRESHOLD,
    TraversalSettings,
    check_starts,
)
from interpret_inn.errors import warn
from interpret_inn.metrics.traversals import (
    Distance,
    Ranking,
    TraversalLengths,
    multi_scale_pixels,
    rank,
)
from interpret_inn.metrics.traversals.lengths import check_traversals
from interpret_inn.types import FloatArray, Score
from interpret_inn.types.numbers import SMALLEST

_LEFT_OUT = 0.1  # share of a code's length in axes that do not count, above which a note says so


@dataclass(frozen=True)
class Standing:
    """How a candidate compares with the others.

    Attributes:
        lengths: Lengths of its axes; the threshold is the same for all candidates.
        first: Share of resamples in which it is the shortest.
        behind: How much longer it is than the best, from the same starting points; 0 for the best itself, NaN if no
            axis moves the images.
    """

    lengths: TraversalLengths
    first: float
    behind: Score


@dataclass(frozen=True)
class Selection:
    """Candidates by traversal perceptual length, the shortest first.

    Attributes:
        candidates: By name, in order.
        threshold: Length that an axis needs to count, the same for all.
        starts: Number of starting points.
        notes: What to know before one is chosen, in plain sentences.
    """

    candidates: Mapping[str, Standing]
    threshold: float
    starts: int
    notes: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """Names, the shortest first; those that move no image come last."""
        return tuple(self.candidates)

    @property
    def best(self) -> str:
        """Name of the first."""
        return self.order[0]

    @property
    def sure(self) -> float:
        """Share of resamples of the starting points in which the first is the shortest; 1 for a single candidate.

        Of two equal candidates one comes first by chance, with any share from 0.5 to 1.
        """
        return self.candidates[self.best].first

    @property
    def table(self) -> tuple[tuple[str, ...], ...]:
        """The candidates as rows of texts, the heads first."""
        heads = ("candidate", "length [95 %]", "first in", "longer by [95 %]", "axes that act")
        rows = [
            (
                name,
                _shown(one.lengths.score),
                f"{one.first:.0%}".replace("%", " %"),
                "–" if name == self.best or math.isnan(one.behind.value) else _shown(one.behind),
                f"{int(one.lengths.active.sum())} of {len(one.lengths.axes)}",
            )
            for name, one in self.candidates.items()
        ]
        return (heads, *rows)

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.table, strict=True)]
        rows = [[cell.ljust(w) for cell, w in zip(row, widths, strict=True)] for row in self.table]
        return "\n".join(["  ".join(row).rstrip() for row in rows] + list(self.notes))

    def __repr__(self) -> str:
        return f"Selection(best {self.best!r}, sure {self.sure:.2f}, of {len(self.candidates)})"

    def _repr_html_(self) -> str:
        def row(cells: Sequence[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        heads, *rows = self.table
        below = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        body = "".join(row(cells, "td") for cells in rows)
        return f"<table><thead>{row(heads, 'th')}</thead><tbody>{body}</tbody></table>{below}"


def select(
    candidates: Mapping[str, Candidate] | Sequence[Candidate],
    *,
    inputs: Any = None,
    distance: Distance = multi_scale_pixels,
    starts: int = STARTS,
    steps: int = STEPS,
    span: float = SPAN,
    threshold: float = THRESHOLD,
    relative: bool = True,
    at_once: int = AT_ONCE,
    seed: int = 0,
) -> Selection:
    """Ranks fits by traversal perceptual length, which needs no labels, and says how sure the ranking is.

    All candidates are traversed as `inn.lengths` does, from the same images if they are of one model:
    latents drawn by one seed, the same inputs, or the same stored representations. Differences are therefore paired.
    Starting points are resampled 2,000 times for the intervals and for how often each candidate is the shortest. Each
    resample also varies how far the axes of a fit are traversed, by the error of the standard deviations of its stored
    codes (independently between fits). The threshold is one length for all candidates, a share of the median of all
    their axes.

    Args:
        candidates: Fitted interpreters by name, or several of them, which are then named "1", "2" …; also pairs
            (generate, axes) as `interpret_inn.metrics.traversals.tpl` takes them, whose codes are N(0, I). A module
            runs in evaluation mode and is given back as it was.
        inputs: Inputs to start from, of which up to `starts` are taken; None: inputs that a model draws itself, else
            codes that a fit stored. A pair starts from them if they are codes (S, D) of its width, else from N(0, I).
        distance: Of two batches of images; its units are those of lengths.
        starts: Number of starting points, two at least.
        steps: Images on each traversal.
        span: How far a traversal reaches to either side, in standard deviations.
        threshold: Length that an axis needs to count.
        relative: The threshold is a share of the median length of all candidates' axes (and a hundredth of the longest
            at least); False: it is a length itself, and a candidate's score does not depend on the others.
        at_once: Images in one forward.
        seed: Of starting points and resamples.

    Returns:
        The candidates in order. A candidate without an axis that moves the images has length 0 and comes last.

    Raises:
        BackboneError: a candidate makes no images.
        InputError: no candidates, something else, two candidates of one name, or numbers that cannot be used.
        NotFittedError: a candidate has not been fitted.

    Warns:
        InnWarning: no candidate moves the images.
    """
    check_traversals(steps=steps, at_once=at_once, span=span, threshold=threshold)
    check_starts(starts, least=2)
    codes = codes_of(candidates, inputs=inputs, starts=starts, seed=seed)
    chosen = selected(
        codes,
        TraversalSettings(distance, steps, span, at_once),
        threshold=threshold,
        relative=relative,
        seed=seed,
    )
    if not chosen.candidates[chosen.best].lengths.active.any():
        warn("No candidate moves the images, so there is nothing to select.")
    return chosen


def selected(
    codes: Mapping[str, Code],
    settings: TraversalSettings,
    *,
    threshold: float = THRESHOLD,
    relative: bool = True,
    seed: int = 0,
) -> Selection:
    """Traverses and ranks codes; see `select`."""
    each = {}
    for name, code in codes.items():
        with blamed(name):
            each[name] = code.each(settings)
    errors = [code.error for code in codes.values()]
    ranking = rank(list(each.values()), errors=errors, threshold=threshold, relative=relative, seed=seed)
    names = list(codes)
    standings = {
        names[i]: _standing(ranking, i, each[names[i]], codes[names[i]].factors) for i in ranking.order
    }
    notes = (*_of_models(codes), *_of_axes(codes, standings))
    return Selection(standings, ranking.threshold, len(next(iter(each.values()))), notes)


def _standing(ranking: Ranking, place: int, each: FloatArray, factors: tuple[str, ...]) -> Standing:
    found = TraversalLengths(
        ranking.scores[place], each.mean(0), ranking.active[place], ranking.threshold, each, factors
    )
    return Standing(found, float(ranking.first[place]), ranking.behind[place])


def _of_models(codes: Mapping[str, Code]) -> list[str]:
    """Notes on comparisons that differing models, ranges or starting points make less sure."""
    ranges = sorted({code.value_range for code in codes.values() if code.value_range is not None})
    notes, (first, *others) = [], codes.values()
    if len(ranges) > 1:
        listed = ", ".join(f"{low:g} to {high:g}" for low, high in ranges)
        notes.append(
            f"The images have different ranges ({listed}), so that their lengths cannot be compared."
        )
    if len({code.model for code in codes.values()}) > 1:
        notes.append(
            "The candidates are of different models, as far as can be told: lengths only compare codes of images of "
            "one kind and range, and traversals start from different images."
        )
    elif not all(_same(first, other) for other in others):
        notes.append(
            "Not all traversals start from the same images, which makes differences less sure. Give inputs=."
        )
    return notes


def _same(first: Code, second: Code) -> bool:
    a, b = first.origin, second.origin.to(first.origin)
    return a.shape == b.shape and torch.equal(a, b)


def _of_axes(codes: Mapping[str, Code], standings: Mapping[str, Standing]) -> list[str]:
    """Notes on axes that the scores do not count."""
    notes = []
    counts = {name: len(one.lengths.axes) for name, one in standings.items()}
    if len({code.model for code in codes.values()}) == 1 and len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        notes.append(
            f"The candidates have different numbers of axes ({listed}): what is not traversed is not counted."
        )
    for name, one in standings.items():
        axes, active = one.lengths.axes, one.lengths.active
        left_out = 1 - float(axes[active].sum()) / max(float(axes.sum()), SMALLEST)
        if not active.any():
            notes.append(f"No axis of {name!r} moves the images: its length is 0, and it comes last.")
        elif left_out > _LEFT_OUT:
            notes.append(
                f"{left_out:.0%} of the length of {name!r} lies in axes that are shorter than the threshold and do not "
                "count. Type threshold=0, relative=False to count all."
            )
    return notes


def _shown(score: Score) -> str:
    """A score with its interval."""
    return f"{score.value:.3g} [{score.low:.3g}, {score.high:.3g}]".replace("-", "−")
