"""The records of an explanation: what was computed for some inputs, and how sure it is.

Scores of factors are from the test split. Arrays in here are small (thumbnails, maps of a few hundred points). The
JSON file beside a report holds all of it but the pictures.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from interpret_inn.effects.changes import OutputKind
from interpret_inn.effects.records import Effect
from interpret_inn.explaining.evidence import (
    BesideErasure,
    Checks,
    Drift,
    FactorSummary,
    Leakage,
    Refits,
    Verdict,
)
from interpret_inn.explaining.verdicts import verdicts
from interpret_inn.renamed import with_old_names
from interpret_inn.types import ConceptKind, FloatArray, Gallery, IntArray, Score, Scores, Section, Space
from interpret_inn.types import Picture as Picture
from interpret_inn.types import ProbeScores as ProbeScores

FlowKind = Literal["conditional", "joint", "rotation"]
"""Kinds of flow that a fit may end with."""


@dataclass(frozen=True)
class Redraw:
    """How the output changes when one factor alone is redrawn from the data.

    Attributes:
        kind: What the outputs are; `scalar` is any tensor that is neither logits (B, C) nor images.
        flip_rate: Share of edits that change the predicted class (NaN unless `classes`).
        kl: Mean KL divergence from the unedited to the edited prediction, in nats (NaN unless `classes`).
        class_std: Standard deviation of the predicted class's index over edits of one input, averaged over
            inputs: the figure of Esser, Rombach and Ommer (2020) (NaN unless `classes`).
        change: Mean absolute change of the target, which is the caller's, or by default for `classes` the probability
            of the class predicted without edit, for `image` the root mean squared difference in units of the
            range of values, else all outputs.
        left_data: Share of edited representations further from the data than 99 % of the data are from each other; at
            positions, of single positions from single positions.
        random_slice: The flip rate, else the change, when random directions of the code are redrawn, as many as the
            factor has axes; None for the residual.
    """

    kind: OutputKind
    flip_rate: Score
    kl: Score
    class_std: Score
    change: Score
    left_data: float
    random_slice: Score | None = None


@dataclass(frozen=True)
class Outcome:
    """A prediction in a few words: the top classes with their probabilities, or a number."""

    labels: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class ExampleFactor:
    """One factor in one input: its value and its effect.

    Attributes:
        value: Position along the factor's main direction, in standard deviations of the data; at positions of the mean
            over positions, in standard deviations of such means.
        percentile: Percentage of the data below that position, 0 to 100; at positions of means over positions.
        label: What the linear probe predicts of the concept ("7", "0.31"); empty if the factor has no concept with
            values.
        resample_flip: Share of redraws that change the predicted class; NaN if there are no classes, or redraws of
            this input were not measured.
        swap: The prediction after the factor was taken from `donor`.
        donor: Index of the donor among the examples.
    """

    value: float
    percentile: float
    label: str
    resample_flip: float
    swap: Outcome
    donor: int


@dataclass(frozen=True)
class Example:
    """One input: its picture, the model's prediction, and the value and effect of each factor."""

    name: str
    picture: Picture | None = field(repr=False)
    prediction: Outcome
    factors: Mapping[str, ExampleFactor]
    edited: Mapping[str, Picture] = field(default_factory=dict, repr=False)
    """For models whose output is an image: the picture after each factor's swap."""


@dataclass(frozen=True)
class FactorMap:
    """Factor codes of test samples laid out in the plane.

    Attributes:
        points: float64 (M, 2).
        colour: float64 (M,), the concept's value (class index, number or angle; of several numbers their position along
            their leading principal axis), NaN where missing.
        kind: The concept's kind; `unlabelled` without values.
        classes: Names of its classes, by index.
        method: How the plane was chosen, in words.
    """

    points: FloatArray
    colour: FloatArray
    kind: ConceptKind
    classes: tuple[str, ...]
    method: str


@dataclass(frozen=True)
class Neighbours:
    """Real samples along a factor's main direction, from its low end to its high end.

    Attributes:
        positions: float64 (S,), in standard deviations of the data.
        indices: int64 (S, R), the R samples nearest to each position.
        pictures: `S` rows of `R` pictures; empty if inputs are not images.
        values: `S` rows of `R` values of the concept, as text, which the linear probe predicts; empty if the factor has
            no concept with values.
    """

    positions: FloatArray
    indices: IntArray
    pictures: tuple[tuple[Picture, ...], ...] = field(repr=False)
    values: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Traversal:
    """The output while one factor of one example moves along its main direction, all else kept.

    Attributes:
        example: Index of the example.
        positions: float64 (S,), in standard deviations of the data.
        labels: Names of the curves: classes that lead at some position, or one name for a number.
        curves: float64 (S, len(labels)), probabilities of these classes, or values of the number.
        pictures: `S` pictures where the output is an image.
        here: Where the example itself stands, in the units of `positions`. At positions these are standard deviations
            of single positions, and not those of its `value`. NaN: not known.
    """

    example: int
    positions: FloatArray
    labels: tuple[str, ...]
    curves: FloatArray
    pictures: tuple[Picture, ...] = field(default=(), repr=False)
    here: float = math.nan


@dataclass(frozen=True)
class Place:
    """Where one factor acts in the examples.

    Attributes:
        factor: Its name.
        localizer: The localizer that made the masks.
        space: The images that the masks lie over: the model's inputs or outputs.
        reliability: How much better than chance the masks do what they claim; see `Masks.reliability`.
        area: Share of the images that the masks cover.
        figures: Figures of the localizer's own, by name.
        notes: What to know of the masks, in plain sentences.
        pictures: The first examples, each under its mask.
    """

    factor: str
    localizer: str
    space: Space
    reliability: Score
    area: float
    figures: Mapping[str, Score] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class FlowRecord:
    """Which flow the fit chose, and by what.

    Attributes:
        kind: `conditional`: closed forms beyond a rotation. `joint`: trained coupling blocks. `rotation`: neither.
        gain: Nats per validation sample by which the flow is likelier than the rotation that it begins with; NaN: not
            measured. See `FitRecord`.
        steps: Steps of training that were taken; 0: nothing is trained.
        best_step: The step whose weights were kept.
        stopped_early: The validation split no longer improved.
        seconds: Of the fit, without reading and whitening.
        sentence: All of it in plain words.
    """

    kind: FlowKind
    gain: float
    steps: int
    best_step: int
    stopped_early: bool
    seconds: float
    sentence: str


@with_old_names
@dataclass(frozen=True, repr=False)
class Explanation:
    """All that was computed for some inputs. The report is its picture.

    Attributes:
        model: Name of the model.
        backbone: Its kind in a word: `classifier`, `generator`, `autoencoder`, `module`.
        site: Address of the site.
        layout: How the representation became rows.
        shape: Shape of the representation of one input.
        axes: Numbers of axes of the representation, and of axes that enter the flow's blocks.
        split: Numbers of samples in the training, validation and test split.
        checks, factors, leakage, redraws, examples, maps, neighbours, traversals, drifts: see their records;
            mappings are by factor.
        timings: Seconds: `encode`, `fit`, `explain`, `total`.
        warnings: Notes of the fit, and what to distrust, in plain sentences.
        skipped: Inputs that could not be read, each with the reason.
        versions: Of this library, torch and timm, and the seed.
        sections: What plugins added.
        galleries: Grids of pictures: swaps, traversals, samples, and what the pairs of the sources look like.
        places: Where each factor acts in the first examples.
        scores: Of the factors' codes against the values of concepts; None: not measured.
        preprocess: How pictures entered the model, as `Preprocess.to_dict` says it.
        flow: Which flow was fitted; None: not known.
        refits: Scores of fits of the same size to other samples; None: not measured.
        erasure: Linear erasure beside the flow, by concept; None: not measured.
        verdicts: By concept, whether it is carried, confined and gained; of these scores.
        effects: By concept, what the output does when it alone takes another value; concepts without a basis have none.
    """

    model: str
    backbone: str
    site: str
    layout: str
    shape: tuple[int, ...]
    axes: tuple[int, int]
    split: tuple[int, int, int]
    checks: Checks
    factors: tuple[FactorSummary, ...]
    leakage: Leakage
    redraws: Mapping[str, Redraw]
    examples: tuple[Example, ...]
    maps: Mapping[str, FactorMap]
    neighbours: Mapping[str, Neighbours]
    traversals: Mapping[str, tuple[Traversal, ...]]
    drifts: tuple[Drift, ...]
    timings: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    places: tuple[Place, ...] = ()
    scores: Scores | None = None
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    flow: FlowRecord | None = None
    refits: Refits | None = None
    erasure: Mapping[str, BesideErasure] | None = None
    effects: Mapping[str, Effect] = field(default_factory=dict)

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """Whether each concept that has values is carried by its factor, confined to it, and gained by the fit."""
        return verdicts(self.leakage, self.refits)

    def __repr__(self) -> str:
        """A few lines: the fields hold thousands of numbers and pictures."""
        lines = [f"Explanation of {self.model!r} at {self.site!r}"]
        lines += [f"  {verdict.carried.sentence}" for verdict in self.verdicts.values()]
        lines += [f"  {effect.sentence}" for effect in self.effects.values()]
        for name, redraw in self.redraws.items():
            classes = math.isfinite(redraw.flip_rate.value)
            what = "changes the class in" if classes else "changes the target by"
            shown = redraw.flip_rate if classes else redraw.change
            lines.append(f"  redrawing {name} {what} {shown.value:.3f} ({shown.low:.3f} to {shown.high:.3f})")
        return "\n".join(lines)


def plain(value: Any) -> Any:
    """Turns records and arrays into what JSON can hold: NaN and infinities become None, pictures vanish.

    >>> plain({"a": float("nan"), "b": np.arange(2), "c": (1, "x")})
    {'a': None, 'b': [0, 1], 'c': [1, 'x']}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return None if value.dtype == np.uint8 and value.ndim == 3 else plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
