from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from interpret_inn.backbones import Backbone, as_found, unwrap
from interpret_inn.errors import BackboneError


class Restless(nn.Module):
    """Changes all that a forward can change."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__()
        self.norm, self.head = nn.BatchNorm1d(4), nn.Linear(4, 2)
        self.register_buffer("count", torch.zeros(1))
        self.register_buffer("other", torch.full((2,), torch.nan))
        self.head.weight.requires_grad_(False)
        self.fails, self.last = fails, None

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        self.other = torch.ones(2)
        self.last = x
        self.new = 1
        self.head.weight.requires_grad_(True)
        self.norm.train()
        x = self.norm(x + torch.rand(1) + np.random.rand() + random.random())  # noqa: NPY002
        if self.fails:
            raise ValueError("as asked")
        return self.head(x)  # type: ignore[no-any-return]


def state(model: nn.Module) -> dict[str, Any]:
    return {
        "flags": [m.training for m in model.modules()],
        "attributes": [sorted(vars(m)) for m in model.modules()],
        "buffers": [id(b) for b in model.buffers()],
        "contents": [b.clone().nan_to_num(9) for b in model.buffers()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "last": getattr(model, "last", None),
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "hooks": [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
        "grad": torch.is_grad_enabled(),
    }


def same_state(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(str(a[key]) == str(b[key]) for key in a)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_everything_is_given_back(fails: bool, training: bool) -> None:
    model = Restless(fails).train(training)
    model.norm.eval()
    x = torch.randn(6, 4)
    before = state(model)
    try:
        with as_found(model):
            assert not any(m.training for m in model.modules())
            model(x)
    except ValueError:
        assert fails
    assert same_state(before, state(model))


@pytest.mark.parametrize("method", ["outputs", "represent", "rewritten", "dry_run"])
@pytest.mark.parametrize("fails", [False, True])
def test_every_method_of_a_backbone_gives_the_model_back(method: str, fails: bool) -> None:
    model = Restless(fails).train()
    backbone, x = Backbone(model, "norm", preprocess="identity"), torch.randn(6, 4)
    arguments = (x, lambda z: z) if method == "rewritten" else (x,)
    before = state(model)
    for _ in range(2):
        if fails and method != "represent":
            with pytest.raises(BackboneError, match=r"Restless raised on inputs float32 \(6, 4\).*as asked"):
                getattr(backbone, method)(*arguments)
        elif fails:
            with pytest.raises(BackboneError, match="as asked"):
                backbone.represent(x)
        else:
            getattr(backbone, method)(*arguments)
        assert same_state(before, state(model))


def test_gradients_of_parameters_are_given_back() -> None:
    model = nn.Linear(2, 1)
    with as_found(model), torch.enable_grad():
        model(torch.ones(1, 2)).backward()
    assert model.weight.grad is None


def test_parameters_and_submodules_that_were_swapped_come_back() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    weight, act = model[0].weight, model[1]
    with as_found(model):
        model[0].weight = nn.Parameter(torch.zeros(2, 2))
        model[1] = nn.GELU()
        model.add_module("extra", nn.Tanh())
    assert model[0].weight is weight
    assert model[1] is act
    assert len(model) == 2


def test_a_model_with_noise_of_its_own_repeats_it_within_a_session() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x + torch.randn_like(x)) + torch.randn_like(x)  # type: ignore[no-any-return]

    backbone, x = Backbone(Noisy(), "inner", preprocess="identity"), torch.zeros(2, 3)
    before = torch.get_rng_state()
    with backbone.session():
        z = backbone.represent(x)
        assert torch.equal(backbone.represent(x), z)
        assert torch.equal(backbone.outputs(x), backbone.rewritten(x, lambda found: found))
    assert torch.equal(torch.get_rng_state(), before)


def test_lazy_modules_are_refused() -> None:
    model = nn.Sequential(nn.LazyLinear(3))
    with (
        pytest.raises(BackboneError, match=r"'0.weight' has no shape yet .* Run the model once"),
        as_found(model),
    ):
        pass


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_unwrapping() -> None:
    model = nn.Linear(2, 2)
    assert unwrap(model) is model
    with pytest.raises(BackboneError, match=r"DataParallel .* Pass `model.module`"):
        unwrap(nn.DataParallel(model))
    with pytest.raises(
        BackboneError, match=r"\(torch.jit\). Its parts run no hooks. Pass the model as it was"
    ):
        unwrap(torch.jit.script(model))
    with pytest.raises(BackboneError, match=r"Expected a torch.nn.Module, found str"):
        unwrap("resnet")  # type: ignore[arg-type]


def test_distributed_wrappers_are_looked_through() -> None:
    wrapper = nn.parallel.DistributedDataParallel.__new__(nn.parallel.DistributedDataParallel)
    nn.Module.__init__(wrapper)
    model = nn.Linear(2, 2)
    wrapper.module = model
    assert unwrap(wrapper) is model


@pytest.mark.slow
def test_compiled_models_run_eagerly_with_hooks() -> None:
    inner = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    wrapped, x = torch.compile(inner), torch.randn(4, 2)
    backbone = Backbone(wrapped, "0", preprocess="identity")
    assert backbone.model is inner
    assert torch.equal(backbone.represent(x), inner[0](x))


@pytest.mark.slow
def test_compiled_parts_run_eagerly_with_hooks() -> None:
    part = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    model, x = nn.Sequential(torch.compile(part, backend="eager"), nn.Linear(3, 2)), torch.randn(4, 2)
    model(x)
    backbone = Backbone(model, "0._orig_mod.0", preprocess="identity")
    assert torch.equal(backbone.represent(x), part[0](x))
    assert torch.equal(backbone.rewritten(x, torch.zeros_like), model[1](torch.zeros(4, 3)))
    compiled_in_place = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    compiled_in_place.compile(backend="eager")
    compiled_in_place(x)
    assert Backbone(compiled_in_place, "0", preprocess="identity").represent(x).shape == (4, 3)
