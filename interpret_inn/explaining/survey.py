"""The survey of the inputs that are explained: one pass over them that keeps little of each and measures redraws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from tqdm import tqdm

from interpret_inn.backbones import Backbone, drop_wrong_tail
from interpret_inn.data import is_stream
from interpret_inn.data.process import derived_seed
from interpret_inn.effects.changes import OutputKind, RedrawEffects, Target, measure, output_kind
from interpret_inn.errors import InputError
from interpret_inn.explaining.checks import BatchChecks, check_batch
from interpret_inn.explaining.chosen_inputs import choose_inputs
from interpret_inn.explaining.output_pictures import picture_of, thumbnail
from interpret_inn.explaining.random_slices import RandomSlices
from interpret_inn.explaining.records import Picture
from interpret_inn.translating.batch import Batch
from interpret_inn.translating.encoding import prepared
from interpret_inn.translating.translator import Translator
from interpret_inn.types import IntArray

INPUTS = 512
"""Inputs that a survey takes, spread evenly over those given."""
WITH_TAIL, WITHOUT_TAIL = (512, 32), (64, 8)
"""Inputs whose redraws are measured, and edits of each, if the tail can run alone and if not."""
IMAGE_PIXELS = 2**22
"""Pixels of output images that a factor's redraws may take: 1024 images of 64 by 64. If these are too few for all edits
of all inputs, each input is edited less often, down to as often as without a tail; then fewer inputs are edited."""
_CHECKED = 128
"""Inputs that are checked, up to the end of a batch: checks run the model up to three times more."""


@dataclass
class Survey:
    """The results of one pass over the inputs.

    Attributes:
        names: Of the n inputs.
        examples: The first inputs, with their outputs.
        pictures: Thumbnails of the inputs, or of the outputs if only these are pictures, or None.
        codes: Their leading axes, float (n, d), at positions the mean over these.
        probe_inputs: What linear probes of concepts read of them, float (n, d); see `Codec.probe_input`.
        outputs: Primary outputs, (n, ...).
        kind: What the outputs are.
        value_range: The values that are black and white in pictures of outputs: the ends of the model's own range, else
            the smallest and the largest value seen.
        redraw_effects: By factor, of the m inputs in `order`.
        slice_effects: By named factor, what redraws of random slices as large as the factor did in these.
        order: int (m,), the indices of the inputs whose redraws were measured.
        edited: By factor, codes (m, d) after one edit each, at positions of one random position: reference codes, with
            which they are compared, are of single positions too.
        checks: Of the first batches.
        skipped: Inputs that could not be read, each with the reason.
        groups: int (m,), the groups of the inputs in `order`: intervals draw whole groups. None: all apart.
    """

    names: list[str]
    examples: Batch
    pictures: list[Picture] | None
    codes: Tensor
    probe_inputs: Tensor
    outputs: Tensor
    kind: OutputKind
    value_range: tuple[float, float]
    redraw_effects: dict[str, RedrawEffects]
    slice_effects: dict[str, RedrawEffects]
    order: list[int]
    edited: dict[str, Tensor]
    checks: list[BatchChecks]
    skipped: tuple[str, ...]
    groups: IntArray | None = None

    def strongest(self, most: int) -> list[str]:
        """Names of up to `most` factors, those whose redraws change the output most; the strongest first."""
        strength = {name: float(effects.change.mean()) for name, effects in self.redraw_effects.items()}
        return sorted(strength, key=lambda name: -strength[name])[:most]


@torch.no_grad()
def survey(
    translator: Translator,
    inputs: Any,
    *,
    target: Target = None,
    resamples: int | None = None,
    examples: int,
    seed: int = 0,
    most: int = INPUTS,
) -> Survey:
    """Goes over the inputs once, batch by batch, and keeps little of each.

    Args:
        translator: Backbone and flow.
        inputs: The inputs that are explained.
        target: See `measure`.
        resamples: Edits of each input; None: by what a forward costs, and by the pixels of outputs that are images.
        examples: How many inputs are kept whole.
        seed: Of the edits.
        most: Inputs that are taken at most, spread evenly over those given.

    Raises:
        InputError: there are no inputs.
    """

    def over() -> Survey:
        once = _Pass(translator, target=target, resamples=resamples, examples=examples, seed=seed)
        return once.over(inputs, most)

    known_before = translator.backbone.lost_tail
    found = over()
    if translator.backbone.lost_tail and not known_before and not is_stream(inputs):
        return over()  # some redraws were made by the tail: make all of them anew
    return found


def effort(backbone: Backbone, outputs: Tensor, resamples: int | None) -> tuple[int, int]:
    """How many inputs' redraws are measured, and by how many edits of each.

    Args:
        backbone: The model: a tail that runs alone makes edits cheap.
        outputs: Outputs of some inputs, (B, ...).
        resamples: Edits of each input that the caller asked for; None: as many as are cheap.
    """
    if not backbone.has_tail:
        return WITHOUT_TAIL[0], resamples or WITHOUT_TAIL[1]
    most, edits = WITH_TAIL
    if output_kind(outputs) != "image":
        return most, resamples or edits
    images = IMAGE_PIXELS // outputs[0, 0].numel()
    edits = resamples or min(max(images // most, WITHOUT_TAIL[1]), edits)
    return min(max(images // edits, WITHOUT_TAIL[0]), most), edits


class _Pass:
    """One pass over the inputs, and what it has kept so far."""

    def __init__(
        self, translator: Translator, *, target: Target, resamples: int | None, examples: int, seed: int
    ) -> None:
        self.translator, self.target, self.resamples, self.wanted = translator, target, resamples, examples
        self.examples: list[Batch] = []
        self.generator = Generator().manual_seed(seed)
        self.position_generator = Generator().manual_seed(derived_seed(seed, "places"))
        self.seed = seed
        self.names: list[str] = []
        self.codes: list[Tensor] = []
        self.position_means: list[Tensor] = []
        self.outputs: list[Tensor] = []
        self.pictures: list[Picture] | None = []
        self.slices = RandomSlices(translator, seed)
        self.effects: dict[str, list[RedrawEffects]] = {factor.name: [] for factor in translator.factors}
        self.edited: dict[str, list[Tensor]] = {factor.name: [] for factor in translator.factors}
        self.order: list[int] = []
        self.checks: list[BatchChecks] = []

    def over(self, inputs: Any, most: int) -> Survey:
        """The survey of up to `most` inputs."""
        chosen = choose_inputs(inputs, most)
        with self.translator.backbone.session():
            bar = tqdm(chosen.batches, desc="explain", total=chosen.count, disable=None, leave=False)
            for names, batch in bar:
                self._take(
                    names, prepared(self.translator.backbone, batch, start=len(self.names), names=names)
                )
        if not self.names:
            raise InputError("Expected at least one input to explain, found none.")
        outputs, kind = torch.cat(self.outputs), output_kind(self.outputs[0])
        value_range = self._range(outputs)
        # A generator's inputs are no pictures: its outputs stand for them.
        if self.pictures is None and kind == "image":
            self.pictures = [thumbnail(picture_of(image, *value_range)) for image in outputs]
        codes = torch.cat(self.codes)
        return Survey(
            names=self.names,
            examples=Batch.joined(self.examples),
            pictures=self.pictures or None,
            codes=codes,
            probe_inputs=torch.cat(self.position_means) if self.position_means else self._whole(codes),
            outputs=outputs,
            kind=kind,
            value_range=value_range,
            redraw_effects=self._effects(self.effects, kind, value_range),
            slice_effects=self._effects(self.slices.effects, kind, value_range),
            order=self.order,
            edited={name: torch.cat(parts) for name, parts in self.edited.items()},
            checks=self.checks,
            skipped=chosen.skipped,
            groups=None if chosen.groups is None else chosen.groups[self.order],
        )

    def _take(self, names: Sequence[str], ready: Tensor) -> None:
        """Keeps what is needed of one batch of inputs as the model takes them."""
        done = len(self.names)
        batch = self.translator.batch(ready, outputs=True)
        outputs = batch.primary_outputs()
        drop_wrong_tail(self.translator.backbone, batch.z, outputs)
        if done < self.wanted:
            self.examples.append(batch.take(slice(0, self.wanted - done)))
        self.names.extend(names)
        self.codes.append(batch.summary())
        if batch.own.ndim == 3:
            self.position_means.append(self._whole(batch.own))
        self.outputs.append(outputs)
        self._keep_pictures(ready)
        if done < _CHECKED:
            self.checks.append(check_batch(batch, seed=self.seed))
        most, edits = effort(self.translator.backbone, outputs, self.resamples)
        n = min(max(0, most - len(self.order)), len(batch))
        if n:
            self._measure(batch.take(slice(0, n)), edits)
            self.order.extend(range(done, done + n))

    def _whole(self, codes: Tensor) -> Tensor:
        """What probes read of inputs with these codes, (n, d) on the CPU."""
        return self.translator.probe_input(codes.to(self.translator.fitted.reference_codes)).cpu()

    def _range(self, outputs: Tensor) -> tuple[float, float]:
        """The model's own range of values, else that of these outputs."""
        return self.translator.backbone.value_range or (float(outputs.min()), float(outputs.max()))

    def _effects(
        self, found: dict[str, list[RedrawEffects]], kind: OutputKind, value_range: tuple[float, float]
    ) -> dict[str, RedrawEffects]:
        """The effects by factor; changes of images in units of the range of all outputs."""
        unit = 1.0
        if kind == "image" and self.target is None:
            unit = (value_range[1] - value_range[0]) or 1.0
        return {name: RedrawEffects.joined(parts).in_units(unit) for name, parts in found.items()}

    def _keep_pictures(self, ready: Tensor) -> None:
        shown = self.translator.backbone.preprocess.undo(ready) if self.pictures is not None else None
        if shown is None:
            self.pictures = None
        elif self.pictures is not None:
            self.pictures.extend(thumbnail(picture) for picture in shown)

    def _measure(self, batch: Batch, edits: int) -> None:
        outputs = batch.primary_outputs()
        kind = output_kind(outputs)
        for factor in self.translator.factors:
            redrawn = batch.redrawn(factor, edits, self.generator)
            self.effects[factor.name].append(  # images in plain units: their range is known at the end
                measure(outputs, redrawn.outputs(), kind=kind, target=self.target, value_range=1.0)
            )
            self.edited[factor.name].append(redrawn.random_position(self.position_generator)[0])
            self.slices.measure(batch, factor, edits, outputs, kind=kind, target=self.target)
