"""Sources see the representation before a fit, and choose their concepts by it."""

from __future__ import annotations

import pytest
import torch

import interpret_inn as inn
from interpret_inn.errors import ConceptError, PluginError
from interpret_inn.fitting.fit import fit

from .curious import SMALL, Curious


def test_a_source_sees_the_fit_part_whitened_and_the_variances(fitted_to, world):
    source = Curious(world.rows)
    fitted, data = fitted_to(source)
    ((white, variances),) = source.seen
    part = world.rows[data.pool.indices("train")].double()
    assert white.shape == (210, 6)
    expected = torch.linalg.eigvalsh(part.T.cov()).flip(0)
    torch.testing.assert_close(variances.double(), expected, rtol=1e-3, atol=1e-4)
    assert (variances.diff() <= 0).all()
    # what is seen are the very rows, along these axes, in units of their spread and the noise floor's
    floor = float(fitted.network.whitening.noise) ** 2
    torch.testing.assert_close(white.var(0), variances / (variances + floor), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(white, fitted.network.whitening(part.float())[0], atol=1e-5, rtol=1e-5)
    assert white.mean(0).abs().max() < 1e-5


def test_what_it_chooses_are_the_factors(fitted_to, world):
    source = Curious(world.rows, 3)
    fitted, data = fitted_to(source)
    assert fitted.factors.names == ("curious 1", "curious 2", "curious 3", "residual")
    assert [concept.name for concept in fitted.concepts] == ["curious 1", "curious 2", "curious 3"]
    assert data.pool.names == ("curious 1", "curious 2", "curious 3")


def test_columns_of_other_sources_move_with_it(fitted_to, world):
    before, after = Curious(world.rows, 2, name="before"), Curious(world.rows, 1, name="after")
    fitted, data = fitted_to(before, world.source(), after)
    assert fitted.factors.names == ("before 1", "before 2", "shape", "side", "after 1", "residual")
    shares = data.pool.sample(600, torch.Generator().manual_seed(0), split="train").rho
    assert ((shares > 0).sum(0) > 0).tolist() == [False, False, True, True, False, False]


def test_positions_are_rows_of_their_own(world):
    class Map(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.site = torch.nn.Identity()

        def forward(self, maps):
            return self.site(maps).mean((2, 3))

    maps = torch.randn(100, 4, 3, 2, generator=torch.Generator().manual_seed(0))
    source = Curious(maps, 1)
    backbone = inn.backbones.Backbone(Map(), "site", preprocess="identity", layout="positions")
    fit(backbone, [source], seed=0, settings=SMALL, cache=None, checkpoint=None)
    ((white, variances),) = source.seen
    assert white.shape == (70 * 6, 4)
    assert variances.shape == (4,)


def test_changing_what_is_seen_changes_no_fit(fitted_to, world):
    class Rude(Curious):
        def prepare(self, context):
            plan = super().prepare(context)
            context.white.zero_()
            context.variances.zero_()
            return plan

    one, _ = fitted_to(Curious(world.rows))
    other, _ = fitted_to(Rude(world.rows))
    assert torch.equal(one.reference_codes, other.reference_codes)


def test_too_many_are_refused_like_any_concepts(fitted_to, world):
    with pytest.raises(ConceptError, match="Expected fewer concepts than axes, found 6 concepts and 6 axes"):
        fitted_to(Curious(world.rows, 6))
    with pytest.raises(ConceptError, match="Expected at least one concept, found none in any source"):
        fitted_to(Curious(world.rows, 0))


def test_what_it_raises_names_it(fitted_to, world):
    with pytest.raises(
        PluginError, match=r"The concept source 'curious' failed to prepare the fit: KeyError: 'x'"
    ):
        fitted_to(Curious(world.rows, error=KeyError("x")))
    with pytest.raises(ConceptError, match=r"^Too few axes\.$"):
        fitted_to(Curious(world.rows, error=ConceptError("Too few axes.")))


def test_a_fit_keeps_its_concepts_when_the_source_is_used_again(fitted_to, world):
    """At the next site the same source may choose other concepts; the first fit can still be evaluated."""
    source = Curious(world.rows, 3)
    _, data = fitted_to(source)
    source.count = 1
    fitted_to(source)
    names = [concept.name for concept in data.pool.concepts_at(torch.arange(5))]
    assert names == ["curious 1", "curious 2", "curious 3"]


def test_two_fits_with_one_source_are_both_explained(world):
    source = Curious(world.rows, 3)
    first, second = inn.wrap(world.backbone()), inn.wrap(world.backbone())
    settings = {"steps": 3, "pairs": 16, "blocks": 2, "hidden": 8, "cache": None, "checkpoint": None}
    first.fit(source, **settings)
    source.count = 1
    second.fit(source, **settings)
    assert [line.name for line in first.evaluation.summaries] == [
        *(f"curious {k}" for k in (1, 2, 3)),
        "residual",
    ]
    assert len(first.explain(examples=2, resamples=1, localizer=None).factors) == 4


def test_each_source_is_asked_once_and_its_draws_follow_the_seed(fitted_to, world):
    draws = []
    for seed in (0, 0, 1):
        source = Curious(world.rows)
        fitted_to(source, seed=seed)
        assert len(source.contexts) == 1
        draws.append(torch.rand(3, generator=source.contexts[0].generator))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_the_model_and_its_gradients_can_be_asked_for(fitted_to, world):
    matrices = []

    class Asking(Curious):
        def prepare(self, context):
            matrices.append(context.output_gradients())
            assert (context.model.axes, context.model.width) == (6, 6)
            return super().prepare(context)

    fitted_to(Asking(world.rows))
    (matrix,) = matrices
    assert matrix.shape == (6, 6) and matrix.dtype == torch.float64
    torch.testing.assert_close(matrix, matrix.T)
