"""What sources may plan for a fit: they see the representation, choose concepts, name sizes, and leave notes."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.data import samples
from interpret_inn.errors import ConceptError, FitError, InnWarning, PluginError
from interpret_inn.fitting.fit import fit
from interpret_inn.translating.settings import FitSettings
from interpret_inn.types import Concept, ConceptSource, Pairs, Plan, as_source

SMALL = FitSettings(steps=6, pairs=32, blocks=2, hidden=8, every=3, patience=100, explained=1.0, noise=0.1)


class Curious:
    """Takes as many independent factors as it is told when it sees."""

    def __init__(self, rows, count=2, *, name="curious", error=None):
        self.name, self.samples, self.count, self.error = name, samples(rows), count, error
        self.seen, self.contexts, self.plan = [], [], {}
        self._take(1)

    def _take(self, count):
        self.concepts = tuple(Concept(f"{self.name} {k + 1}", "unlabelled") for k in range(count))

    def prepare(self, context):
        self.contexts.append(context)
        self.seen.append((context.white.clone(), context.variances.clone()))
        if self.error is not None:
            raise self.error
        self._take(self.count)
        return Plan(concepts=self.concepts, **self.plan)

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


# --- prepare --------------------------------------------------------------------------------------------


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


# --- sizes ------------------------------------------------------------------------------------------


def sized(world, sizes, count=2):
    source = Curious(world.rows, count)
    source.plan = {"sizes": sizes}
    return source


def labelled(world, **plan):
    """Labels whose source plans something."""
    source = world.source()
    source.prepare = lambda context: Plan(**plan)
    return source


def test_a_sources_own_sizes_are_used(fitted_to, world):
    fitted, _ = fitted_to(sized(world, {"curious 1": 3, "curious 2": np.int64(2)}))
    assert fitted.factors.sizes == (3, 2, 1)
    assert math.isnan(fitted.raw_scores["curious 1"])


def test_those_not_named_are_estimated_and_the_callers_come_first(fitted_to, world):
    fitted, _ = fitted_to(labelled(world, sizes={"shape": 3, "side": 2}), sizes={"shape": 1})
    assert (fitted.factors["shape"].size, fitted.factors["side"].size) == (1, 2)
    fitted, _ = fitted_to(labelled(world, sizes={"side": 1}))
    assert fitted.factors["side"].size == 1
    assert math.isfinite(fitted.raw_scores["shape"])
    assert math.isfinite(fitted_to(labelled(world))[0].raw_scores["side"])


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


def test_sizes_that_leave_no_residual_name_the_source_that_asked(fitted_to, world):
    source = Curious(world.rows)
    source.plan = {"sizes": {"curious 1": 5, "curious 2": 2}}
    with pytest.raises(ConceptError, match=r"\{'curious 1': 5\} by the concept source 'curious'"):
        fitted_to(source, world.source(), sizes={"curious 2": 2})


def test_sizes_that_leave_no_residual(fitted_to, world):
    with pytest.raises(ConceptError, match="Expected sizes that leave at least 1 of 6 axes to the residual"):
        fitted_to(sized(world, {"curious 1": 3, "curious 2": 3}))


# --- notes ------------------------------------------------------------------------------------------


def test_notes_are_kept_with_the_fit_also_those_of_the_plan(fitted_to, world):
    class Noting(Curious):
        def prepare(self, context):
            self.plan = {"notes": [f"{self.count} factors of {len(context.variances)} axes."]}
            return super().prepare(context)

    labelled = world.source()
    labelled.notes = ["Some labels are missing."]
    fitted, _ = fitted_to(labelled, Noting(world.rows))
    assert fitted.notes == ("Some labels are missing.", "2 factors of 6 axes.")


def test_a_source_need_not_have_any_of_it(fitted_to, world):
    fitted, _ = fitted_to(world.source())
    assert fitted.notes == ()


# --- the plan ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (
            {"notes": "One sentence."},
            "gave 'One sentence.' as notes of its plan; expected a sequence of sentences",
        ),
        ({"notes": [3]}, r"gave \[3\] as notes of its plan"),
        ({"key": 3}, "gave int as the key of its plan; expected a string"),
        ({"rotation": torch.eye(6)}, "gave Tensor as the rotation of its plan; expected a function, or None"),
        ({"loss": 0.5}, "gave float as the loss of its plan; expected a function, or None"),
        ({"modules": torch.nn.Identity}, "gave modules in its plan that no loss trains"),
        ({"modules": lambda: 3, "loss": lambda context: 0.0}, "to return an nn.Module, found int"),
        ({"rotation": lambda span: torch.ones(3, 2)}, r"rotated 6 axes by a matrix of shape \(3, 2\)"),
        ({"rotation": lambda span: 1 / 0}, "'curious' failed to rotate 6 axes: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_used_of_a_plan_is_said(fitted_to, world, plan, text):
    source = Curious(world.rows)
    source.plan = plan
    with pytest.raises(PluginError, match=text):
        fitted_to(source)


@pytest.mark.parametrize("plan", [None, {"sizes": {}}, 3])
def test_what_is_no_plan_is_said(fitted_to, world, plan):
    source = world.source()
    source.prepare = lambda context: plan
    with pytest.raises(
        PluginError, match=r"as its plan; expected prepare.context. to return an interpret_inn.types.Plan"
    ):
        fitted_to(source)


@pytest.mark.parametrize("concepts", [["shape"], 3])
def test_concepts_that_are_none_are_said(fitted_to, world, concepts):
    with pytest.raises(
        PluginError, match=r"'classes' gave .* as concepts of its plan; expected a sequence of Concept"
    ):
        fitted_to(labelled(world, concepts=concepts))


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


def nearly(span):
    """A rotation that is off by a part in two thousand."""
    return torch.eye(span.shape[1]) * (1 + 2e-4)


def test_a_nearly_orthogonal_rotation_is_made_orthogonal(fitted_to, world):
    source = Curious(world.rows)
    source.plan = {"rotation": nearly}
    network = fitted_to(source, settings=dataclasses.replace(SMALL, blocks=0))[0].network
    codes = network(world.rows)[0]
    torch.testing.assert_close(network.inverse(codes)[0], world.rows, atol=1e-5, rtol=1e-5)
    matrices = [value for name, value in network.blocks.state_dict().items() if value.shape == (6, 6)]
    assert matrices
    for matrix in matrices:
        torch.testing.assert_close(matrix.T @ matrix, torch.eye(6), atol=2e-6, rtol=0)


@pytest.mark.parametrize(
    ("matrix", "said"),
    [(1.01 * torch.eye(6), r"max\|MᵀM − I\| = 0.02"), (torch.eye(6) * math.nan, "NaN or infinite")],
)
def test_a_rotation_that_is_none_is_told_how_far_it_is_off(fitted_to, world, matrix, said):
    source = Curious(world.rows)
    source.plan = {"rotation": lambda span: matrix}
    with pytest.raises(PluginError, match=f"'curious' rotated 6 axes by a matrix .*{said}"):
        fitted_to(source)


def test_a_rotation_that_writes_into_what_it_is_given_changes_no_fit(fitted_to, world):
    def rude(span):
        span.zero_()
        return torch.eye(span.shape[1])

    found = []
    for rotation in (rude, lambda span: torch.eye(span.shape[1])):
        source = Curious(world.rows)
        source.plan = {"rotation": rotation}
        found.append(fitted_to(source)[0].reference_codes)
    assert torch.equal(*found)


def test_skipped_steps_are_warned_of_once_and_noted(world):
    source = world.lossy(
        lambda context: torch.tensor(math.nan if context.step in (1, 3) and not context.validating else 0.0)
    )
    with pytest.warns(InnWarning, match="2 of 6 training steps were skipped") as told:
        fitted, _ = fit(world.backbone(), [source], seed=0, settings=SMALL, cache=None, checkpoint=None)
    assert sum("were skipped" in str(one.message) for one in told) == 1
    assert any("2 of 6 training steps were skipped" in note for note in fitted.notes)


# --- members ----------------------------------------------------------------------------------------


OLD = {
    "see": "context.white", "listen": r"context.output_gradients\(\)", "watch": "context.model",
    "turn": r"Plan\(rotation=…\)", "extra_loss": r"Plan\(loss=…\)", "modules": r"Plan\(modules=…\)",
    "sizes": r"Plan\(sizes=…\)",
}  # fmt: skip


@pytest.mark.parametrize("member", list(OLD))
def test_old_members_are_refused_with_their_new_place(fitted_to, world, member):
    source = world.source()
    setattr(source, member, lambda *arguments: None)
    with pytest.raises(PluginError, match=f"'{member}' of the concept source 'classes'.*{OLD[member]}"):
        fitted_to(source)


@pytest.mark.parametrize(
    ("member", "near"),
    [("setings", "settings"), ("ilustrations", "illustrations"), ("extra_losses", "extra_loss")],
)
def test_near_members_are_refused_with_the_right_name(fitted_to, world, member, near):
    source = world.source()
    setattr(source, member, {"steps": 3})
    with pytest.raises(PluginError, match=f"'{member}'.* is nearly '{near}'"):
        fitted_to(source)


def test_a_misspelt_attribute_of_the_context_is_named_with_the_nearest(fitted_to, world):
    source = world.source()
    source.prepare = lambda context: context.varianses
    with pytest.raises(
        PluginError, match=r"AttributeError: Preparation has no 'varianses'. Did you mean 'variances'"
    ):
        fitted_to(source)
    source.prepare = lambda context: context.model.eval()
    with pytest.raises(PluginError, match=r"ModelOfAxes has no 'eval'. Known: 'axes', 'layer'"):
        fitted_to(source)
    with pytest.raises(PluginError, match=r"TrainingContext has no 'validated'. Did you mean 'validating'"):
        fitted_to(world.lossy(lambda context: context.validated))


def test_a_misspelt_field_of_a_plan_is_named_with_the_nearest(fitted_to, world):
    source = world.source()
    source.prepare = lambda context: Plan(rotaton=None)
    with pytest.raises(PluginError, match=r"Plan takes no 'rotaton'. Did you mean 'rotation'"):
        fitted_to(source)


def test_the_model_is_in_evaluation_mode_again_after_a_loss_that_trains_it(world):
    seen = []

    def loss(context):
        seen.append(context.backbone.model.training)
        context.backbone.model.train()
        return context.network.blocks(torch.zeros(2, 6))[0].square().mean()

    fit(world.backbone(), [world.lossy(loss)], seed=0, settings=SMALL, cache=None, checkpoint=None)
    assert len(seen) > 2 and not any(seen)


def test_other_members_are_the_authors_own(fitted_to, world):
    source = world.source()
    source.values, source.colours = [1, 2], "red"
    assert fitted_to(source)[0].factors.names == ("shape", "side", "residual")


def test_a_plain_object_and_a_subclass_are_fitted_alike(fitted_to, world):
    plain = world.source()

    class Based(ConceptSource):
        name, concepts, samples = plain.name, plain.concepts, plain.samples

        def sample_pairs(self, n, generator, among):
            return plain.sample_pairs(n, generator, among)

    assert torch.equal(fitted_to(plain)[0].reference_codes, fitted_to(Based())[0].reference_codes)


def test_members_of_a_plain_object_are_asked_when_they_are_needed(world):
    source = world.source()
    asked = as_source(source)
    assert (asked.name, asked.notes, asked.key, asked.ordered, dict(asked.settings)) == (
        "classes",
        (),
        "",
        False,
        {},
    )
    assert asked.prepare(None) == Plan() and asked.illustrations() == ()
    source.notes = ["later"]
    assert asked.notes == ["later"]
    assert as_source(asked) is asked


def test_what_lacks_a_needed_member_is_no_source(world):
    source = world.source()
    del source.concepts
    with pytest.raises(
        PluginError, match=r"Expected a concept source with .*, found ClassSource without concepts"
    ):
        as_source(source)


def test_a_source_may_be_a_module_of_torch(fitted_to, world):
    plain = world.source()

    class Net(torch.nn.Module):
        name, concepts, samples = plain.name, plain.concepts, plain.samples

        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 2)

        def sample_pairs(self, n, generator, among):
            return plain.sample_pairs(n, generator, among)

    class Based(Net, ConceptSource):
        pass

    expected = fitted_to(plain)[0].reference_codes
    for source in (Net(), Based()):
        assert torch.equal(fitted_to(source)[0].reference_codes, expected)


def test_an_object_that_answers_every_name_is_a_source(fitted_to, world):
    class Answering:
        def __init__(self, source):
            self.source = source

        def __getattr__(self, name):
            found = self.__dict__.get("source")
            return getattr(found, name, None) if name[:2] != "__" else object.__getattribute__(self, name)

    asked = fitted_to(Answering(world.source()))[0].reference_codes
    assert torch.equal(asked, fitted_to(world.source())[0].reference_codes)


@pytest.mark.parametrize(
    ("member", "value"),
    [("sizes", {"small": 3}), ("sizes", (3, 4)), ("modules", ["a"]), ("see", 3), ("extra_loss", 0.5)],
)
def test_old_names_with_another_meaning_are_the_authors_own(fitted_to, world, member, value):
    source = world.source()
    setattr(source, member, value)
    assert fitted_to(source)


def test_old_sizes_by_concept_are_refused(fitted_to, world):
    source = world.source()
    source.sizes = {"shape": 2}
    with pytest.raises(PluginError, match="'sizes' of the concept source 'classes'"):
        fitted_to(source)


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("notes", "One sentence.", "notes .* to be a sequence of sentences, found 'One sentence.'"),
        ("notes", 3, "notes .* to be a sequence of sentences, found 3"),
        ("notes", [3], r"notes .* to be a sequence of sentences, found \[3\]"),
        ("key", 3, "key .* to be a string, found int"),
        ("ordered", "no", "ordered .* to be True or False, found 'no'"),
        ("prepare", 3, "prepare .* to be a method, found int"),
        ("illustrations", (), r"illustrations .* to be a method, found tuple"),
    ],
)
def test_optional_members_of_a_wrong_type_are_refused_before_anything_is_run(world, member, value, said):
    class Based(ConceptSource):
        name, concepts, samples = world.source().name, world.source().concepts, world.source().samples

        def sample_pairs(self, n, generator, among):
            raise AssertionError

    for source in (world.source(), Based()):
        setattr(source, member, value)
        with pytest.raises(PluginError, match=f"Expected {said}"):
            fit("no backbone", [source], seed=0, settings=SMALL, cache=None, checkpoint=None)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": "many"}, "'classes' cannot be used. Expected steps to be a whole number, found 'many'"),
        ({"steps": -3}, "'classes' cannot be used. Expected steps of at least 1, found -3"),
        ({"noise": None}, "Expected noise to be a number, found None"),
        ({3: 4}, r"there are not: \[3\]"),
        ({"stepz": 9, "pair": 8}, r"there are not: \['pair', 'stepz'\]\. Did you mean 'pairs'"),
        ("steps", "'classes' to be a mapping from settings of the fit to values, found 'steps'"),
    ],
)
def test_settings_of_a_source_that_cannot_be_used_name_it(world, settings, said):
    source = world.source()
    source.settings = settings
    with pytest.raises(PluginError, match=said):
        inn.Interpreter(world.backbone()).fit(source, cache=None, checkpoint=None)


def test_settings_of_the_caller_that_cannot_be_used_are_said(world):
    with pytest.raises(FitError, match="Expected steps to be a whole number, found 'many'"):
        inn.Interpreter(world.backbone()).fit(world.source(), steps="many")


def test_what_a_source_lacks_is_named_with_near_names(world):
    whole = world.source()

    class Sampels:
        name, concepts, sampels, sample_pair = whole.name, whole.concepts, whole.samples, whole.sample_pairs

    interpreter = inn.Interpreter(world.backbone())
    with pytest.raises(PluginError, match="found Sampels without samples, sample_pairs") as told:
        interpreter.fit(Sampels())
    assert "'sampels' is nearly 'samples'" in str(told.value)
    assert "'sample_pair' is nearly 'sample_pairs'" in str(told.value)
    with pytest.raises(PluginError, match=r"found the class Sampels without .*Give an object of the class"):
        interpreter.fit(Sampels)
    for other in (world.rows, Path("images"), 3):
        with pytest.raises(
            ConceptError, match="Expected a concept source or the name of one, found an object"
        ):
            interpreter.fit(other)
