"""The plan of a source names sizes, notes, a rotation and a loss, and what cannot be used of it is said."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from interpret_inn.errors import ConceptError, InnWarning, PluginError
from interpret_inn.fitting.fit import fit
from interpret_inn.types import Plan

from .curious import SMALL, Curious

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
