"""What sources may add to a fit: they see the representation, name sizes, and leave notes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.data import samples
from interpret_inn.errors import ConceptError, PluginError
from interpret_inn.fitting.fit import fit
from interpret_inn.fitting.settings import FitSettings
from interpret_inn.types import Concept, Pairs

SMALL = FitSettings(steps=6, pairs=32, blocks=2, hidden=8, every=3, patience=100, explained=1.0, noise=0.1)


class Curious:
    """Takes as many independent factors as it is told when it sees."""

    def __init__(self, rows, count=2, *, name="curious", error=None):
        self.name, self.samples, self.count, self.error = name, samples(rows), count, error
        self.seen = []
        self._take(1)

    def _take(self, count):
        self.concepts = tuple(Concept(f"{self.name} {k + 1}", "unlabelled") for k in range(count))

    def see(self, white, variances):
        self.seen.append((white, variances))
        if self.error is not None:
            raise self.error
        self._take(self.count)

    def sample_pairs(self, n, generator, among):
        first = torch.randint(len(among), (n,), generator=generator)
        second = (first + 1) % len(among)
        return Pairs(among[first], among[second], torch.zeros(n, len(self.concepts) + 1))


@pytest.fixture
def fitted_to(world):
    def run(*sources, **options):
        options = {"seed": 0, "settings": SMALL, "cache": None, "checkpoint": None} | options
        return fit(world.backbone(), sources, **options)

    return run


# --- see --------------------------------------------------------------------------------------------


def test_a_source_sees_the_fit_part_whitened_and_the_variances(fitted_to, world):
    source = Curious(world.rows)
    fitted, data = fitted_to(source)
    ((white, variances),) = source.seen
    part = world.rows[data.pool.indices("fit")].double()
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
    shares = data.pool.sample(600, torch.Generator().manual_seed(0), part="fit").rho
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
        def see(self, white, variances):
            super().see(white.clone(), variances.clone())
            white.zero_()
            variances.zero_()

    one, _ = fitted_to(Curious(world.rows))
    other, _ = fitted_to(Rude(world.rows))
    assert torch.equal(one.bank, other.bank)


def test_too_many_are_refused_like_any_concepts(fitted_to, world):
    with pytest.raises(ConceptError, match="Expected fewer concepts than axes, found 6 concepts and 6 axes"):
        fitted_to(Curious(world.rows, 6))
    with pytest.raises(ConceptError, match="Expected at least one concept, found none in any source"):
        fitted_to(Curious(world.rows, 0))


def test_what_it_raises_names_it(fitted_to, world):
    with pytest.raises(
        PluginError, match=r"The concept source 'curious' failed to see the representation: KeyError: 'x'"
    ):
        fitted_to(Curious(world.rows, error=KeyError("x")))
    with pytest.raises(ConceptError, match=r"^Too few axes\.$"):
        fitted_to(Curious(world.rows, error=ConceptError("Too few axes.")))


def test_a_fit_keeps_its_concepts_when_the_source_is_used_again(fitted_to, world):
    """At the next site the same source may choose other concepts; the first fit can still be judged."""
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
    assert [line.name for line in first.judgement.summaries] == [
        *(f"curious {k}" for k in (1, 2, 3)),
        "residual",
    ]
    assert len(first.explain(examples=2, resamples=1, localizer=None).factors) == 4


# --- sizes ------------------------------------------------------------------------------------------


def sized(world, sizes, count=2):
    source = Curious(world.rows, count)
    source.sizes = sizes
    return source


def test_a_sources_own_sizes_are_used(fitted_to, world):
    fitted, _ = fitted_to(sized(world, {"curious 1": 3, "curious 2": np.int64(2)}))
    assert fitted.factors.sizes == (3, 2, 1)
    assert math.isnan(fitted.raw_scores["curious 1"])


def test_those_not_named_are_estimated_and_the_callers_come_first(fitted_to, world):
    source = world.source()
    source.sizes = {"shape": 3, "side": 2}
    fitted, _ = fitted_to(source, sizes={"shape": 1})
    assert (fitted.factors["shape"].size, fitted.factors["side"].size) == (1, 2)
    source.sizes = {"side": 1}
    fitted, _ = fitted_to(source)
    assert fitted.factors["side"].size == 1
    assert math.isfinite(fitted.raw_scores["shape"])
    source.sizes = None
    assert math.isfinite(fitted_to(source)[0].raw_scores["side"])


@pytest.mark.parametrize(
    "sizes",
    [{"curious 9": 1}, {"curious 1": 0}, {"curious 1": 1.5}, {"curious 1": True}, [("curious 1", 2)], 3],
)
def test_sizes_that_cannot_be_used_name_the_source(fitted_to, world, sizes):
    with pytest.raises(
        PluginError,
        match=r"The concept source 'curious' gave sizes .*; expected a whole number of axes, at least 1, by the names "
        r"of its own concepts, \['curious 1', 'curious 2'\]",
    ):
        fitted_to(sized(world, sizes))


def test_sizes_that_leave_no_residual(fitted_to, world):
    with pytest.raises(ConceptError, match="Expected sizes that leave at least 1 of 6 axes to the residual"):
        fitted_to(sized(world, {"curious 1": 3, "curious 2": 3}))


# --- notes ------------------------------------------------------------------------------------------


def test_notes_are_kept_with_the_fit_also_those_that_seeing_left(fitted_to, world):
    class Noting(Curious):
        notes = ()

        def see(self, white, variances):
            super().see(white, variances)
            self.notes = (f"{self.count} factors of {len(variances)} axes.",)

    labelled = world.source()
    labelled.notes = ["Some labels are missing."]
    fitted, _ = fitted_to(labelled, Noting(world.rows))
    assert fitted.notes == ("Some labels are missing.", "2 factors of 6 axes.")


def test_a_source_need_not_have_any_of_it(fitted_to, world):
    fitted, _ = fitted_to(world.source())
    assert fitted.notes == ()
