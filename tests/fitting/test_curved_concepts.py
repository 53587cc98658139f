"""Concepts that no line tells: found, a joint flow tried, and kept only if it keeps concepts further apart."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Generator, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.fitting import curved_concepts
from interpret_inn.fitting.fit import fit
from interpret_inn.fitting.joint_fit import fit_joint
from interpret_inn.fitting.pool import Pool
from interpret_inn.flows import Conditional
from interpret_inn.translating.settings import FitSettings


def layer(*, curved, samples=900):
    """Rows (N, 4) and a number: a line tells it of the first axis, or of the length of two axes alone."""
    rows = torch.randn(samples, 4, generator=Generator().manual_seed(0))
    noise = 0.1 * torch.randn(samples, generator=Generator().manual_seed(1))
    number = (rows[:, :2].norm(dim=1) if curved else rows[:, 0]) + noise
    return rows, number.numpy().astype(np.float64)


def labelled(*, curved):
    rows, number = layer(curved=curved)
    return rows, inn.concept_source(
        "labels", data=rows, labels={"number": number}, kinds={"number": "numeric"}
    )


def fitted(*, curved):
    backbone = Backbone(nn.Sequential(nn.Identity()).eval(), "0", preprocess="identity")
    source = labelled(curved=curved)[1]
    return fit(backbone, [source], seed=0, settings=FitSettings(), cache=None, checkpoint=None)[0]


def is_conditional(found):
    return any(isinstance(part, Conditional) for part in found.network.modules())


def tried(found):
    return [note for note in found.notes if "not by lines" in note]


@pytest.fixture
def apart(monkeypatch):
    """Sets by how much flows keep concepts apart: the conditional one, a trial, the trained one. Few steps will do."""

    steps = []

    def short(task):
        steps.append(task.settings.steps)
        return fit_joint(dataclasses.replace(task, settings=FitSettings(steps=2)))

    monkeypatch.setattr(curved_concepts, "fit_joint", short)

    def given(*told):
        rest = iter(told)
        monkeypatch.setattr(curved_concepts, "_apart", lambda task, flow: next(rest))
        return steps

    return given


def test_a_concept_of_a_line_has_no_joint_flow():
    found = fitted(curved=False)
    assert is_conditional(found)
    assert not tried(found)


@pytest.mark.parametrize(("joint", "kept"), [(0.25, False), (0.35, True)])
def test_a_joint_flow_is_kept_if_it_keeps_concepts_clearly_further_apart(apart, joint, kept):
    steps = apart(0.2, 0.21, joint)
    found = fitted(curved=True)
    assert is_conditional(found) is not kept
    assert steps == [250, 1000]
    words = "is kept" if kept else "is not kept"
    assert len(tried(found)) == 1
    assert f"was trained too and {words}" in tried(found)[0]
    assert (
        f"by {joint:.2f}, added up over concepts; those of the conditional flow by 0.20." in tried(found)[0]
    )


def test_a_joint_flow_that_is_behind_after_a_trial_is_not_trained_on(apart):
    steps = apart(0.2, 0.19)
    found = fitted(curved=True)
    assert is_conditional(found)
    assert steps == [250]
    assert "was tried for a few steps and is not kept" in tried(found)[0]


@pytest.mark.parametrize(
    ("own", "least", "most"), [((0, 2), 0.6, 1.0), ((2, 4), -1.0, -0.6), ((0, 1), -0.3, 0.3)]
)
def test_what_other_axes_tell_counts_against_a_flow(own, least, most):
    """The length of the first two axes: a factor that has both tells it, the others tell nothing; and the other way."""
    rows, source = labelled(curved=True)
    task = SimpleNamespace(data=SimpleNamespace(pool=Pool([source], seed=0)), white=rows[:, None], seed=0)
    network = SimpleNamespace(blocks=lambda given: (given,))
    flow = SimpleNamespace(network=network, factors={"number": SimpleNamespace(slice=slice(*own))})
    assert least < curved_concepts._apart(task, flow) < most
