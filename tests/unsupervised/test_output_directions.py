import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.errors import PluginError
from interpret_inn.fitting.output_gradients import output_gradients
from interpret_inn.fitting.pool import Pool
from interpret_inn.flows import fit_whitening
from interpret_inn.types import LossContext, Plan, Preparation
from interpret_inn_unsupervised import build


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERPRET_INN_CACHE", str(tmp_path / "cache"))


def linear(weight: torch.Tensor, *after: nn.Module) -> nn.Module:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data = weight
    return nn.Sequential(nn.Identity(), layer, *after).eval()


@pytest.fixture(scope="module")
def rows() -> torch.Tensor:
    """400 rows of 6 axes, of different variances and correlated."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(400, 6, generator=generator) @ torch.randn(6, 6, generator=generator) + 1


def gradients_of(model: nn.Module, rows: torch.Tensor):
    backbone = Backbone(model, "1:in", preprocess="identity")
    backbone.represent(rows[:2])
    pool = Pool([build(rows)], seed=0)
    whitening = fit_whitening(rows)
    return output_gradients(backbone, pool.parts[0], whitening, seed=0), whitening


def by_white(weight: torch.Tensor, whitening) -> torch.Tensor:
    """The Jacobian of a linear map by the whitened axes, column by column."""
    white = torch.eye(6)
    base = whitening.inverse(torch.zeros(1, 6))[0]
    return torch.stack([(weight @ (whitening.inverse(axis[None])[0] - base)[0]) for axis in white], 1)


def test_a_model_with_one_number_for_each_input_has_the_gradients_of_that_number(rows) -> None:
    weight = torch.randn(1, 6, generator=torch.Generator().manual_seed(1))
    found, whitening = gradients_of(linear(weight, nn.Flatten(0)), rows)
    jacobian = by_white(weight, whitening).double()
    assert torch.linalg.norm(found - jacobian.T @ jacobian) < 0.15 * torch.linalg.norm(found)


def test_gradients_of_a_linear_model_are_those_of_its_matrix(rows) -> None:
    weight = torch.randn(3, 6, generator=torch.Generator().manual_seed(1))
    found, whitening = gradients_of(linear(weight, nn.Unflatten(1, (3, 1, 1))), rows)
    jacobian = by_white(weight, whitening).double()
    expected = jacobian.T @ jacobian
    assert found.dtype == torch.float64
    assert torch.linalg.norm(found - expected) < 0.15 * torch.linalg.norm(expected)


def test_gradients_of_logits_are_the_fisher_information(rows) -> None:
    weight = 0.3 * torch.randn(4, 6, generator=torch.Generator().manual_seed(2))
    found, whitening = gradients_of(linear(weight), rows)
    jacobian = by_white(weight, whitening).double()
    train_part = Pool([build(rows)], seed=0).parts[0].split.train
    chances = (rows[train_part] @ weight.T).double().softmax(1)
    fisher = torch.stack([torch.diag(p) - torch.outer(p, p) for p in chances]).mean(0)
    expected = jacobian.T @ fisher @ jacobian
    assert torch.linalg.norm(found - expected) < 0.2 * torch.linalg.norm(expected)


class TwoDirections(nn.Module):
    """Latents (B, 8) to images (B, 1, 4, 4): the first direction counts most, the second less, others hardly."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(4)
        turned = torch.linalg.qr(torch.randn(8, 8, generator=generator)).Q
        weight = torch.linalg.qr(torch.randn(16, 8, generator=generator)).Q * torch.tensor([4, 2, *[0.1] * 6])
        self.register_buffer("turned", turned)
        self.inner = nn.Linear(8, 16, bias=False)
        self.inner.weight.data = weight @ turned.T

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.inner(latents).reshape(-1, 1, 4, 4)


@pytest.mark.slow
def test_factors_begin_with_what_the_output_answers_to_most() -> None:
    model = TwoDirections()
    latents = torch.randn(600, 8, generator=torch.Generator().manual_seed(5))
    interpreter = inn.wrap(model, "inner:in", preprocess="identity")
    interpreter.fit("unsupervised", data=latents, steps=20, cache=None, checkpoint=None)
    assert interpreter.factors.sizes == (1, 7)  # 16 of 20.06 is just about 80 %
    interpreter.fit("unsupervised", data=latents, factors=2, steps=20, cache=None, checkpoint=None)
    for number, name in enumerate(interpreter.factors.names[:2]):
        codes = interpreter.encode(latents)[:, interpreter.factors[name].slice]
        told = np.corrcoef(codes[:, 0].numpy(), (latents @ model.turned[:, number]).numpy())[0, 1]
        assert abs(told) > 0.98


def test_principal_axes_may_be_asked_for() -> None:
    model = TwoDirections()
    scales = torch.tensor([1, 1, 1, 5, 1, 1, 1, 1.0])
    latents = torch.randn(600, 8, generator=torch.Generator().manual_seed(5)) * scales
    interpreter = inn.wrap(model, "inner:in", preprocess="identity")
    interpreter.fit(
        "unsupervised", data=latents, factors=1, directions="principal", steps=20, cache=None, checkpoint=None
    )
    codes = interpreter.encode(latents)[:, 0]
    assert abs(np.corrcoef(codes.numpy(), latents[:, 3].numpy())[0, 1]) > 0.98


def test_beside_labels_it_turns_only_what_they_leave() -> None:
    model = TwoDirections()
    latents = torch.randn(600, 8, generator=torch.Generator().manual_seed(5))
    side = (latents @ model.turned[:, 0] > 0).numpy().astype(int)
    interpreter = inn.wrap(model, "inner:in", preprocess="identity")
    interpreter.fit(
        inn.concept_source("labels", data=latents, labels={"side": side}),
        inn.concept_source("unsupervised", data=latents, factors=1),
        sizes={"side": 1}, steps=20, cache=None, checkpoint=None,
    )  # fmt: skip
    codes = interpreter.encode(latents)
    known = {"side": 0, "factor 1": 1}
    for name, number in known.items():
        mine = codes[:, interpreter.factors[name].slice][:, 0]
        told = np.corrcoef(mine.numpy(), (latents @ model.turned[:, number]).numpy())[0, 1]
        assert abs(told) > 0.85


class Steps(nn.Module):
    """Outputs that no gradient comes from."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Identity()

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.inner(rows).argmax(1).float()[:, None, None, None].expand(-1, 1, 2, 2)


def test_without_gradients_it_takes_principal_axes_and_says_so(rows) -> None:
    interpreter = inn.wrap(Steps(), "inner", preprocess="identity")
    interpreter.fit("unsupervised", data=rows, steps=10, cache=None, checkpoint=None)
    notes = " ".join(interpreter.fitted.notes)
    assert "begin as principal axes" in notes
    assert "No gradient comes from the outputs of Steps to 'inner'" in notes
    assert "of the variance of the representation" in notes


def test_the_model_is_left_alone_and_keeps_no_gradients(rows) -> None:
    model = linear(torch.ones(3, 6), nn.ReLU(inplace=True), nn.Unflatten(1, (3, 1, 1))).train()
    inn.wrap(model, "0", preprocess="identity").fit(
        "unsupervised", data=rows, steps=5, cache=None, checkpoint=None
    )
    assert model.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


def test_a_matrix_that_is_no_rotation_is_refused(rows) -> None:
    source = build(rows, factors=2)
    source.prepare = lambda context: Plan(rotation=lambda span: torch.ones(3, 2))  # type: ignore[method-assign]
    with pytest.raises(
        PluginError, match=r"rotated 6 axes by a matrix of shape \(3, 2\); expected an orthogonal"
    ):
        inn.wrap(linear(torch.ones(3, 6)), "1:in", preprocess="identity").fit(
            source, cache=None, checkpoint=None
        )


def interrupted(prepare: Callable[[Preparation], Plan]) -> Callable[[Preparation], Plan]:
    """The plan with a loss that interrupts the fit after 60 steps."""

    def loss(context: LossContext) -> torch.Tensor:
        if context.step > 60:
            raise KeyboardInterrupt
        return torch.zeros(())

    return lambda context: dataclasses.replace(prepare(context), loss=loss)


@pytest.mark.slow
def test_where_it_begins_is_part_of_what_a_stopped_fit_is_known_by(rows, tmp_path) -> None:
    found = []
    for directions in ("output", "principal"):
        source = build(rows, factors=2, directions=directions)
        source.prepare = interrupted(source.prepare)  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            inn.wrap(linear(torch.ones(3, 6)), "1:in", preprocess="identity").fit(
                source, cache=None, checkpoint=tmp_path / "fits", steps=100
            )
        found.append({path.name for path in (tmp_path / "fits").iterdir()})
    assert len(found[1]) == 2
