"""Factors sorted by their effect: the codes are the old ones in another order, and nothing else changes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.data import samples
from interpret_inn.explaining.ordering import ordered_by_effect
from interpret_inn.fitting.fit import fit
from interpret_inn.flows.coupling import CouplingBlock
from interpret_inn.translating.fitted import PositionMeans
from interpret_inn.translating.settings import FitSettings
from interpret_inn.translating.translator import Translator
from interpret_inn.types import SAME, Concept, Pairs, Plan, Preparation

WEIGHTS = torch.tensor([0.0, 0.3, 3.0, 0.1, 1.0, 0.02])
"""How much the outputs depend on each axis of the site."""


class Weighted(nn.Module):
    """Rows (B, 6), which the site carries, to outputs that weigh the axes differently."""

    def __init__(self, outputs: str) -> None:
        super().__init__()
        self.site, self.outputs = nn.Identity(), outputs
        self.weights = nn.Parameter(WEIGHTS.clone())

    def forward(self, rows: Tensor) -> Tensor:
        z = self.site(rows) * self.weights
        if self.outputs == "classes":
            return torch.stack([z.sum(1), -z.sum(1), torch.zeros(len(z))], 1)
        return z[:, :, None, None].expand(-1, -1, 2, 2) if self.outputs == "image" else z.sum(1)


class Unnamed:
    """Independent factors of given sizes, ordered afterwards."""

    def __init__(
        self, rows: Any, sizes: dict[str, int], *, ordered: bool = True, name: str = "unnamed"
    ) -> None:
        self.name, self.ordered, self._axes = name, ordered, sizes
        self.samples = samples(rows)
        self.concepts = [Concept(concept, "unlabelled") for concept in sizes]

    def prepare(self, context: Preparation) -> Plan:
        return Plan(sizes=self._axes)

    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        first = torch.randint(len(among), (n,), generator=generator)
        second = (first + 1 + torch.randint(len(among) - 1, (n,), generator=generator)) % len(among)
        return Pairs(among[first], among[second], torch.zeros(n, len(self.concepts) + 1))


class Sided(Unnamed):
    """One labelled concept beside them: the sign of the first axis."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__(rows, {"side": 1}, ordered=False, name="sided")
        self.values = (rows[:, 0] > 0).long()
        self.concepts = [Concept("side", "categorical", self.values.numpy(), ("left", "right"))]

    def sample_pairs(self, n: int, generator: Generator, among: Tensor) -> Pairs:
        pairs = super().sample_pairs(n, generator, among)
        same = self.values[pairs.first] == self.values[pairs.second]
        first, second = pairs.first[same], pairs.second[same]
        again = torch.arange(n) % len(first)
        return Pairs(first[again], second[again], torch.tensor([[SAME, 0.0]]).repeat(n, 1))


@pytest.fixture(scope="module")
def rows() -> Tensor:
    """Axes of about one strength each, so that the principal axes are those of the site."""
    noise = torch.randn(300, 6, generator=Generator().manual_seed(0))
    return noise * torch.tensor([1.5, 1.4, 1.3, 1.2, 1.1, 1.0])


SMALL = FitSettings(
    steps=6, pairs=32, blocks=3, hidden=8, every=3, noise=0.05, explained=1.0, samples_per_axis=1
)
SIZES = {"factor 1": 1, "factor 2": 2, "factor 3": 1}


def fitted_to(*sources: Any, outputs: str = "classes") -> tuple[Translator, Any]:
    backbone = Backbone(Weighted(outputs).eval(), "site", preprocess="identity")
    fitted, data = fit(backbone, sources, seed=0, settings=SMALL, cache=None, checkpoint=None)
    return Translator(backbone, fitted), data


def strengths(translator: Translator, rows: Tensor) -> dict[str, float]:
    """RedrawEffects measured another way: each row takes the code of every one of 40 other rows."""
    codes, base = translator.encode(rows), translator.backbone.outputs(rows).detach()
    found = {}
    for factor in translator.factors.named:
        total = 0.0
        for shift in range(1, 41):
            changed = codes.clone()
            changed[:, factor.slice] = codes.roll(shift, 0)[:, factor.slice]
            after = translator.backbone.outputs(translator.invert(changed, None)).detach()
            if base.ndim == 2:
                before = base.log_softmax(1)
                total += float((before.exp() * (before - after.log_softmax(1))).sum(1).mean())
            else:
                total += float((after - base).reshape(len(base), -1).square().mean(1).sqrt().mean())
        found[factor.name] = total
    return found


# --- the flow alone ---------------------------------------------------------------------------------


def test_a_block_puts_its_axes_in_another_order() -> None:
    generator = Generator().manual_seed(0)
    block = CouplingBlock(
        7, hidden=8, depth=1, generator=generator, order=torch.randperm(7, generator=generator)
    )
    inputs = torch.randn(20, 7, generator=generator)
    before, logabsdet = block(inputs)
    for _ in range(2):  # also when it is done again
        order = torch.randperm(7, generator=generator)
        block.reorder(order)
        after, same = block(inputs)
        assert torch.equal(after, before[:, order])
        assert torch.equal(same, logabsdet)
        back, inverse = block.inverse(after)
        torch.testing.assert_close(back, inputs)
        torch.testing.assert_close(inverse, -logabsdet)
        before = after


# --- after a fit ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("outputs", ["classes", "image", "scalar"])
def test_codes_are_the_old_ones_in_the_order_of_their_effect(rows: Tensor, outputs: str) -> None:
    translator, data = fitted_to(Unnamed(rows, SIZES), outputs=outputs)
    translator.fitted.raw_scores = {name: float(k) for k, name in enumerate(translator.factors.names)}
    translator.fitted.position_means = PositionMeans(rows[:9] + 1, rows[:9])
    old, kept = copy.deepcopy(translator.fitted), translator.encode(rows)
    expected = strengths(translator, rows)
    ranking = sorted(expected, key=lambda name: -expected[name])
    assert ranking != list(SIZES)  # else nothing would be seen here

    fitted = ordered_by_effect(translator, data)
    new = Translator(translator.backbone, fitted)
    assert fitted.factors.names == (*SIZES, "residual")
    assert [f.size for f in fitted.factors.named] == [old.factors[name].size for name in ranking]
    assert list(fitted.raw_scores) == [*SIZES, "residual"]
    assert list(fitted.raw_scores.values()) == [old.raw_scores[name] for name in [*ranking, "residual"]]
    order = [axis for name in [*ranking, "residual"] for axis in range(6)[old.factors[name].slice]]
    assert torch.equal(new.encode(rows), kept[:, order])
    assert torch.equal(fitted.reference_codes, old.reference_codes[:, order])
    assert fitted.position_means is not None
    assert torch.equal(fitted.position_means.codes, rows[:9, order] + 1)
    assert torch.equal(fitted.position_means.white, rows[:9])  # no axis of the representation has moved
    torch.testing.assert_close(new.invert(new.encode(rows), None), rows, atol=1e-5, rtol=1e-5)
    found = list(strengths(new, rows).values())
    assert found == sorted(found, reverse=True)
    torch.testing.assert_close(found, sorted(expected.values(), reverse=True), rtol=1e-4, atol=1e-4)
    assert fitted.concepts == old.concepts
    assert fitted.reference_groups is old.reference_groups or np.array_equal(
        fitted.reference_groups, old.reference_groups
    )


@pytest.mark.parametrize("weights", [WEIGHTS, WEIGHTS.flip(0)])
def test_sizes_that_were_asked_for_stay_with_their_names(rows: Tensor, weights: Tensor) -> None:
    model = Weighted("classes")
    model.weights = nn.Parameter(weights.clone())
    asked = {"a": 1, "b": 2, "c": 1}
    fitted, data = fit(
        Backbone(model.eval(), "site", preprocess="identity"), [Unnamed(rows, asked)], seed=0, settings=SMALL,
        cache=None, checkpoint=None,
    )  # fmt: skip
    translator = Translator(Backbone(model.eval(), "site", preprocess="identity"), fitted)
    old = translator.encode(rows)
    kept = {factor.name: factor.slice for factor in fitted.factors}
    new = Translator(translator.backbone, ordered_by_effect(translator, data))
    assert {factor.name: factor.size for factor in new.factors.named} == asked
    assert torch.equal(new.encode(rows)[:, new.factors["b"].slice], old[:, kept["b"]])
    found = strengths(new, rows)
    assert found["a"] > found["c"]  # these two may change places


def test_doing_it_again_changes_nothing(rows: Tensor) -> None:
    translator, data = fitted_to(Unnamed(rows, SIZES))
    once = Translator(translator.backbone, ordered_by_effect(translator, data))
    assert ordered_by_effect(once, data) is once.fitted


def test_who_does_not_ask_is_left_alone(rows: Tensor) -> None:
    translator, data = fitted_to(Unnamed(rows, SIZES, ordered=False))
    assert ordered_by_effect(translator, data) is translator.fitted


def test_the_residual_and_axes_outside_the_blocks_stay(rows: Tensor) -> None:
    """Wide rows: only some axes enter the blocks, and the reference codes holds all."""
    wide = torch.cat([rows, 0.01 * rows[:, :3] ** 2], 1)
    model = Weighted("scalar")
    model.weights = nn.Parameter(torch.cat([WEIGHTS, torch.ones(3)]))
    backbone = Backbone(model.eval(), "site", preprocess="identity")
    settings = FitSettings(steps=4, pairs=32, blocks=2, hidden=8, every=2, axes=6)
    fitted, data = fit(
        backbone,
        [Unnamed(wide, {"a": 1, "b": 1, "c": 1})],
        seed=0,
        settings=settings,
        cache=None,
        checkpoint=None,
    )
    assert (fitted.network.shape.leading, fitted.factors.total) == (6, 9)
    translator = Translator(backbone, fitted)
    before, reference = translator.encode(wide), fitted.reference_codes
    new = Translator(backbone, ordered_by_effect(translator, data))
    after = new.encode(wide)
    assert not torch.equal(after, before)
    assert torch.equal(after[:, 3:], before[:, 3:])
    assert torch.equal(new.fitted.reference_codes[:, 3:], reference[:, 3:])
    assert torch.equal(after[:, :3].sort(1).values, before[:, :3].sort(1).values)


@pytest.mark.slow
def test_several_sources_each_keep_their_places(rows: Tensor) -> None:
    """Only the unnamed factors are sorted, among themselves, whatever stands around them."""
    before, after = Sided(rows), Unnamed(rows, {"z": 1}, name="after")
    translator, data = fitted_to(before, Unnamed(rows, {"a": 1, "b": 1, "c": 1}), after)
    old = translator.encode(rows)
    expected = strengths(translator, rows)
    ranking = sorted("abc", key=lambda name: -expected[name])
    new = Translator(translator.backbone, ordered_by_effect(translator, data))
    assert new.factors.names == ("side", "a", "b", "c", "z", "residual")
    codes = new.encode(rows)
    for name, place in zip("abc", ranking, strict=True):
        assert torch.equal(codes[:, new.factors[name].slice], old[:, translator.factors[place].slice])
    for name in ("side", "z", "residual"):
        assert torch.equal(codes[:, new.factors[name].slice], old[:, translator.factors[name].slice])
    assert new.fitted.concept(new.factors["side"]).values is not None  # type: ignore[union-attr]


def test_concepts_with_values_cannot_be_ordered(rows: Tensor) -> None:
    source = Sided(rows)
    source.ordered = True
    with pytest.raises(
        inn.PluginError,
        match=r"The concept source 'sided' is `ordered`, but its concepts \['side'\] have values; expected only "
        "unlabelled concepts, as their names go to other factors after the fit.",
    ):
        fitted_to(source)


def test_effects_are_of_the_sources_own_samples(rows: Tensor) -> None:
    other = Unnamed(rows[:50] + 0.1, {"x": 1}, ordered=False, name="other")
    mine = Unnamed(rows, {"a": 1, "b": 1})
    translator, data = fitted_to(other, mine)
    asked: list[int] = []
    take: Callable[..., Any] = mine.samples.take
    mine.samples.take = lambda places: (asked.extend(places), take(places))[1]  # type: ignore[method-assign]
    ordered_by_effect(translator, data)
    assert set(asked) <= set(data.pool.parts[1].split.train.tolist())  # and never a test sample
    assert len(asked) == 64


# --- through the interpreter ------------------------------------------------------------------------


@pytest.mark.slow
def test_fit_orders_and_saving_keeps_it(rows: Tensor, tmp_path: Path, small: dict[str, Any]) -> None:
    model = Weighted("classes").eval()
    it = inn.wrap(Backbone(model, "site", preprocess="identity"))
    with pytest.MonkeyPatch.context() as patch:
        kept: dict[str, Any] = {}
        plain = ordered_by_effect

        def spy(translator: Translator, data: Any) -> Any:
            kept["before"] = translator.encode(rows)
            return plain(translator, data)

        patch.setattr("interpret_inn.interpreter.ordered_by_effect", spy)
        it.fit(Unnamed(rows, SIZES), **small | {"axes": 6, "noise": 0.05})
    codes = it.encode(rows)
    assert not torch.equal(codes, kept["before"])
    assert torch.equal(codes.sort(1).values, kept["before"].sort(1).values)
    found = list(strengths(it.translator, rows).values())
    assert found == sorted(found, reverse=True)
    assert it.check(rows).passed
    it.save(tmp_path / "saved")
    loaded = inn.load(tmp_path / "saved", inn.wrap(it.backbone).backbone)
    assert torch.equal(loaded.encode(rows), codes)
    assert torch.equal(loaded.invert(codes), it.invert(codes))
    assert loaded.factors.sizes == it.factors.sizes
    assert [summary.name for summary in it.evaluation.summaries] == list(it.factors.names)
