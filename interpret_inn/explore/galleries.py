"""The report's galleries: grids, traversals, lines, walks and samples for the examples of an explanation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from interpret_inn.errors import EditError
from interpret_inn.explaining.output_pictures import picture_of
from interpret_inn.explaining.survey import Survey
from interpret_inn.explore.grids import crossed, line_outputs
from interpret_inn.explore.sampling import can_sample, drawn_codes, outputs_of
from interpret_inn.explore.traversals import seen_classes, wander
from interpret_inn.translating.translator import REACH, Translator
from interpret_inn.types import RESIDUAL, Factor, Gallery, Picture
from interpret_inn.types.concepts import class_name

SIDE = 8
"""Rows and columns of a swap grid, at most."""
FACTORS = 8
"""Factors with a grid of their own: those whose redraws change the output most."""
SHEET = 16
"""Factors in the sheet of all factors, at most: the first named ones, and the residual."""
_STEPS, _CLASSES = 9, 12  # columns: positions of a traversal, classes
_EXAMPLES, _LINES = 4, 3  # rows: examples that are moved, pairs of examples that a line joins
_SAMPLES = (4, 8)  # rows and columns of samples
_STEP_SIZE = 0.4  # of random walks: in eight steps they forget all but 4 % of where they began
Cell = Picture | str


def heads_of(positions: Tensor) -> tuple[str, ...]:
    """Heads of the steps of a traversal.

    >>> heads_of(torch.tensor([-2.5, 0.0, 2.5]))
    ('−2.5σ', '0σ', '+2.5σ')
    """
    return tuple(f"{p:+.1f}σ".replace("-", "−") if p else "0σ" for p in positions.tolist())


@torch.no_grad()
def report_galleries(translator: Translator, survey: Survey) -> tuple[Gallery, ...]:
    """Galleries of an explanation's examples.

    For models that give images: swap grids, a sheet of all factors, traversals through classes, straight lines
    between inputs, random walks and samples. For classifiers: swap grids and traversals through classes, with the names
    of predicted classes as cells, if the outputs can be made from the site alone (running the whole model for each cell
    would take too long). None for other outputs.

    Args:
        translator: Backbone and flow.
        survey: The survey of all inputs, with the examples.
    """
    if (
        survey.kind == "scalar"
        or (survey.kind == "classes" and not translator.backbone.has_tail)
        or len(survey.examples) < 2
    ):
        return ()
    with translator.backbone.session():
        made = _Maker(translator, survey)
        if survey.kind == "classes":
            return (*made.grids(), *made.class_traversals())
        return (
            *made.sheet(), *made.interpolations(), *made.samples(),
            *made.grids(), *made.class_traversals(), *made.random_walks(),
        )  # fmt: skip


class _Maker:
    """Makes galleries of one explanation."""

    def __init__(self, translator: Translator, survey: Survey) -> None:
        self.translator, self.survey, self.examples = translator, survey, survey.examples
        self.strongest = [translator.factors[name] for name in survey.strongest(FACTORS)]

    def grids(self) -> list[Gallery]:
        """A swap grid for each of the strongest factors, in the factors' own order."""
        count = len(self.examples)
        columns = torch.arange(min(SIDE, (count + 1) // 2))
        rows = torch.arange(len(columns), min(count, len(columns) + SIDE))
        heads = self._heads(range(count))
        rest = self.examples.take(columns)
        caption = (
            "Each cell has the factor of the input at the left of its row, and everything else of the input at "
            "the top of its column. If the factor is clean, rows agree in what it stands for and columns in "
            "all the rest."
        )
        return [
            Gallery(
                f"{factor.name} of the rows in the columns",
                caption,
                self._cells(crossed(factor, self.examples.codes[rows], rest).primary_outputs()),
                rows=tuple(heads[i] for i in rows.tolist()),
                columns=tuple(heads[i] for i in columns.tolist()),
                group=factor.name,
            )
            for factor in self.translator.factors
            if factor in self.strongest
        ]

    def class_traversals(self) -> list[Gallery]:
        """Some examples with the mean code of each class."""
        found = []
        some = torch.arange(min(_EXAMPLES, len(self.examples)))
        heads = self._heads(some.tolist())
        for factor in self.translator.factors.named:
            names = self._classes(factor)
            if len(names) < 2:
                continue
            path = torch.stack([self.translator.class_code(factor, name) for name in names])
            outputs = self.examples.take(some).with_path(factor, path).primary_outputs()
            found.append(
                Gallery(
                    f"{factor.name} set to the mean of each class",
                    f"The input at the left with {factor.name} put at the mean code of the class at the top, "
                    "everything else kept.",
                    self._cells(outputs.transpose(0, 1)),
                    rows=heads,
                    columns=names,
                    group=factor.name,
                )
            )
        return found

    def sheet(self) -> list[Gallery]:
        """One example moved along every factor: the fourth, as the report's other traversals show three."""
        index = min(_EXAMPLES - 1, len(self.examples) - 1)
        one = torch.tensor([index])
        shown = [*self.translator.factors.named[: SHEET - 1], self.translator.factors[-1]]
        if len(shown) < 3:  # the report's other traversals show as much
            return []
        positions = torch.linspace(-REACH, REACH, _STEPS)
        cells = []
        for factor in shown:
            moved = self.examples.take(one).traversed(factor, positions)
            cells.append(self._cells(moved.primary_outputs()[None, :, 0])[0])
        return [
            Gallery(
                "One input, every factor",
                "Each row moves one factor along its main direction, in standard deviations of the data, and keeps "
                "all others.",
                tuple(cells),
                rows=tuple(factor.name for factor in shown),
                columns=heads_of(positions),
            )
        ]

    def interpolations(self) -> list[Gallery]:
        """From one example to another, in the representation and in the code."""
        pairs = torch.arange(min(2 * _LINES, len(self.examples)) // 2 * 2)
        first, second = self.examples.take(pairs[::2]), self.examples.take(pairs[1::2])
        cells: list[tuple[Cell, ...]] = []
        by_space = [
            self._cells(line_outputs(first, second, steps=_STEPS, space=space).transpose(0, 1))
            for space in ("representation", "code")
        ]
        for in_layer, in_code in zip(*by_space, strict=True):
            cells += [in_layer, in_code]
        return [
            Gallery(
                "Straight from one input to another",
                "Above in what the layer carries, below in the code. If the line through the layer shows both ends at "
                "once and the line through the code does not, the flow has learnt where data lie.",
                tuple(cells),
                rows=("layer", "code") * len(by_space[0]),
            )
        ]

    def random_walks(self) -> list[Gallery]:
        """Random walks of the factor that the output answers to most, the residual apart."""
        named = [factor for factor in self.strongest if factor.name != RESIDUAL]
        if not named:
            return []
        factor, some = named[0], self.examples.take(slice(0, _EXAMPLES))
        start = some.codes[..., factor.slice]
        generator = Generator().manual_seed(0)
        path = wander(self.translator, factor, start, _STEPS, step_size=_STEP_SIZE, generator=generator)
        return [
            Gallery(
                f"{factor.name} at random",
                f"{factor.name} wanders as the data are spread in it (an Ornstein–Uhlenbeck random walk), from the "
                "input at the left on; everything else is kept.",
                self._cells(some.with_factor(factor, path).primary_outputs().transpose(0, 1)),
                group=factor.name,
            )
        ]

    def samples(self) -> list[Gallery]:
        """New outputs, if codes alone make them."""
        if not can_sample(self.translator):
            return []
        rows, columns = _SAMPLES
        outputs = outputs_of(self.translator, drawn_codes(self.translator, rows * columns, seed=0))
        return [
            Gallery(
                "Samples",
                "Codes drawn from the Gaussian of the data’s codes, all factors at once, with no input at all.",
                self._cells(outputs.unflatten(0, (rows, columns))),
            )
        ]

    # --- helpers ---------------------------------------------------------------------------------------

    def _classes(self, factor: Factor) -> tuple[str, ...]:
        try:
            return seen_classes(self.translator, factor)[:_CLASSES]
        except EditError:
            return ()

    def _heads(self, indices: Sequence[int]) -> tuple[Cell, ...]:
        """Heads for examples: their outputs if these are images, else their pictures or their predictions."""
        outputs = self.examples.primary_outputs()[None, list(indices)]
        if self.survey.kind == "image":
            return tuple(self._cells(outputs)[0])
        if self.survey.pictures:
            return tuple(self.survey.pictures[i] for i in indices)
        return self._cells(outputs)[0]

    def _cells(self, outputs: Tensor) -> tuple[tuple[Cell, ...], ...]:
        """Outputs (R, C, ...) as pictures or names of predicted classes."""
        if self.survey.kind == "image":
            return tuple(
                tuple(picture_of(image, *self.survey.value_range) for image in row) for row in outputs
            )
        names = self.translator.backbone.class_names
        return tuple(tuple(class_name(c, names) for c in row) for row in outputs.argmax(-1).tolist())
