"""Which flow a fit uses: what is asked for, and else what the sources and the settings need."""

import dataclasses

import pytest
import torch

from interpret_inn.errors import FitError
from interpret_inn.fitting.choosing_flow import chosen_flow
from interpret_inn.fitting.flow_task import FlowTask
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.store import FitData
from interpret_inn.flows import fit_whitening
from interpret_inn.translating.settings import OF_TRAINING, FitSettings
from interpret_inn.types import SAME, Concept, Pairs, Plan


class Unlabelled:
    """A source whose only concept has no values; its pairs share it, or all but it."""

    name = "unlabelled"

    def __init__(self, rows, *, rest):
        self.samples, self.rest = rows, rest
        self.concepts = (Concept("something", "unlabelled"),)

    def sample_pairs(self, n, generator, among):
        rho = torch.full((n, 2), SAME)
        rho[:, 0 if self.rest else 1] = 0
        return Pairs(among[:1].expand(n), among[1:2].expand(n), rho)


@pytest.fixture
def choose(world):
    def chosen(source=None, *, plan=None, **settings):
        pool = Pool([source or world.source()], seed=0)
        if plan is not None:
            pool.follow([plan])
        whitening = fit_whitening(world.rows)
        white = whitening(world.rows)[0][:, None]
        data = FitData(pool, ())
        return chosen_flow(
            FlowTask(world.backbone(), data, whitening, white, FitSettings(**settings), seed=0)
        )

    return chosen


TURNED = Plan(rotation=torch.eye(1))
LOSS = Plan(loss=lambda context: torch.zeros(()))


def test_by_default_it_is_conditional(choose, world):
    assert choose() == choose(flow="conditional") == "conditional"


def test_pairs_alone_are_fitted_by_a_joint_flow_unless_the_other_is_named(choose, world):
    source = Unlabelled(world.source().samples, rest=False)
    assert choose(source) == "joint"
    assert choose(source, flow="conditional") == "conditional"


def test_a_flow_that_is_named_is_taken(choose):
    assert choose(flow="joint") == "joint"
    assert choose(flow="conditional", steps=7) == "conditional"


@pytest.mark.parametrize("name", OF_TRAINING)
def test_every_setting_of_training_asks_for_a_joint_flow(choose, name):
    default = getattr(FitSettings(), name)
    assert choose(**{name: default + 1}) == "joint"
    assert choose(**{name: default}) == "conditional"


def test_other_settings_do_not(choose):
    others = {field.name for field in dataclasses.fields(FitSettings)} - set(OF_TRAINING) - {"flow"}
    assert others == {"noise", "explained", "axes", "samples_per_axis", "refits"}
    assert choose(noise=0.2, explained=0.9, axes=4, samples_per_axis=5.0, refits=5) == "conditional"


@pytest.mark.parametrize("plan", [TURNED, LOSS], ids=["rotation", "loss"])
def test_plans_that_turn_or_train_need_a_joint_flow(choose, plan):
    assert choose(plan=plan) == choose(plan=plan, flow="joint") == "joint"
    with pytest.raises(
        FitError,
        match=r"conditional flow can be fitted to, found 'classes', which turns .* Type flow='joint'",
    ):
        choose(plan=plan, flow="conditional")


def test_ordered_sources_need_a_joint_flow(choose, world):
    source = Unlabelled(world.source().samples, rest=False)
    source.ordered = True
    assert choose(source) == "joint"
    with pytest.raises(FitError, match="found 'unlabelled'"):
        choose(source, flow="conditional")


def test_pairs_that_share_the_residual_need_a_joint_flow(choose, world):
    source = Unlabelled(world.source().samples, rest=True)
    assert choose(source) == "joint"
    with pytest.raises(FitError, match="found 'unlabelled', whose pairs share all but one concept"):
        choose(source, flow="conditional")


@pytest.mark.parametrize(
    ("name", "hint"), [("conditionl", "Did you mean 'conditional'"), (None, ""), ("", "")]
)
def test_unknown_flows_are_refused(name, hint):
    with pytest.raises(FitError, match=f"There is no flow {name!r}.*{hint}"):
        FitSettings(flow=name)
