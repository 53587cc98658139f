from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from interpret_inn.backbones import Backbone, Layout, adapt_module, primary
from interpret_inn.errors import BackboneError, InputError, SiteError


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(3, 4, 3, 2),
            norm=nn.BatchNorm2d(4),
            act=nn.ReLU(inplace=True),
            pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            fc=nn.Linear(4, 5),
        )
    ).eval()


SITES = {
    "conv": (Layout("pooled"), (4, 5, 5)),
    "norm": (Layout("pooled"), (4, 5, 5)),
    "act:in": (Layout("pooled"), (4, 5, 5)),
    "pool": (Layout("flat"), (4, 1, 1)),
    "fc:in": (Layout("vector"), (4,)),
    ".": (Layout("vector"), (5,)),
    ".:in": (Layout("pooled"), (3, 12, 12)),
}
X = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("site", SITES)
def test_every_site_is_read_and_written(site: str) -> None:
    model = network()
    backbone = Backbone(model, site)
    bare = model(X).detach()
    z = backbone.represent(X)
    layout, shape = SITES[site]
    assert (backbone.layout, backbone.z_shape) == (layout, shape)
    assert z.shape == (6, *shape)
    assert not z.requires_grad
    # matrix products of other sizes round differently on some processors
    torch.testing.assert_close(backbone.represent(X[:2]), backbone.represent(X)[:2], rtol=0, atol=1e-6)
    assert torch.equal(backbone.outputs(X), bare)
    seen: list[Tensor] = []
    unedited = backbone.rewritten(X, lambda found: seen.append(found) or found)  # type: ignore[func-returns-value]
    assert torch.equal(unedited, bare)
    assert torch.equal(seen[0], z)
    swapped = backbone.rewritten(X, lambda found: found.flip(0))
    torch.testing.assert_close(swapped, bare.flip(0))
    rows, carried = backbone.layout.to_rows(z)
    assert rows.shape == (6 * backbone.positions, backbone.width)
    assert torch.equal(backbone.layout.from_rows(rows, carried), z)


def test_later_reads_stop_at_the_site() -> None:
    ran: list[int] = []
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    model[2].register_forward_hook(lambda *_: ran.append(1))
    backbone = Backbone(model, "0", preprocess="identity")
    for _ in range(3):
        backbone.represent(torch.rand(1, 2))
    assert len(ran) == 1


def test_the_tail_gives_the_outputs_from_the_representation_alone() -> None:
    model = network()
    backbone = Backbone(model)
    assert str(backbone.address) == "fc:in"
    assert not backbone.has_tail
    assert backbone.tail(torch.zeros(1, 4)) is None
    z = backbone.represent(X)
    assert backbone.has_tail
    assert torch.equal(backbone.tail(z), model(X))
    assert torch.equal(backbone.tail(z + 1), backbone.rewritten(X, lambda found: found + 1))


@pytest.mark.parametrize("site", ["conv", "fc", "norm:in", "fc:in:0"])
def test_other_sites_have_no_tail(site: str) -> None:
    backbone = Backbone(network(), site)
    assert backbone.tail(backbone.represent(X)) is None


def test_a_head_whose_output_is_not_the_models_has_no_tail() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x) * 2  # type: ignore[no-any-return]

    backbone = Backbone(Scaled(), "fc:in", preprocess="identity")
    assert backbone.tail(backbone.represent(torch.rand(2, 3))) is None
    with pytest.raises(
        SiteError, match=r"No site was given, and the last linear layer 'fc' does not make the outputs"
    ):
        Backbone(Scaled(), preprocess="identity").represent(torch.rand(2, 3))


def test_one_forward_gives_the_site_and_the_bare_outputs() -> None:
    model = network()
    for site in ("conv", "fc:in"):
        backbone = Backbone(model, site)
        for _ in range(2):
            z, outputs = backbone.run_through(X)
            assert torch.equal(z, backbone.represent(X))
            assert torch.equal(outputs, model(X))
        ran: list[int] = []
        hook = model.register_forward_hook(lambda *_, ran=ran: ran.append(1))
        backbone.run_through(X)
        hook.remove()
        assert ran == [1]


def test_a_head_that_gives_another_structure_is_no_tail() -> None:
    class Wrapping(nn.Module):
        def __init__(self, kind: type) -> None:
            super().__init__()
            self.fc, self.kind = Listing(), kind

        def forward(self, x: Tensor) -> Any:
            return self.kind(self.fc(x))

    class Listing(nn.Linear):
        def __init__(self) -> None:
            super().__init__(3, 2)

        def forward(self, x: Tensor) -> Any:  # type: ignore[override]
            return [super().forward(x)]

    for kind, expected in ((list, True), (tuple, False)):
        backbone = Backbone(Wrapping(kind), "fc:in", preprocess="identity")
        backbone.represent(torch.rand(2, 3))
        assert backbone.has_tail == expected


def test_inputs_of_its_own_are_drawn_by_seed() -> None:
    backbone = Backbone(network(), sample_inputs=lambda n, g: torch.rand(n, 3, 12, 12, generator=g))
    drawn = backbone.draw_inputs(2, seed=1)
    assert torch.equal(drawn, backbone.draw_inputs(2, seed=1))
    assert not torch.equal(drawn, backbone.draw_inputs(2, seed=2))
    with pytest.raises(InputError, match="Expected at least 1 input to draw, found 0"):
        backbone.draw_inputs(0, seed=0)
    with pytest.raises(BackboneError, match="has no inputs of its own to draw"):
        Backbone(network()).draw_inputs(1, seed=0)


def test_a_module_that_wants_more_than_z_has_no_tail() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x + y

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Two()

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x, x)  # type: ignore[no-any-return]

    backbone = Backbone(Outer(), "inner:in", preprocess="identity")
    assert backbone.tail(backbone.represent(torch.rand(2, 3))) is None


def test_inputs_are_prepared_for_the_model() -> None:
    model = network().double()
    backbone = Backbone(model, "conv")
    prepared = backbone.prepare(np.zeros((2, 12, 12, 3), np.uint8))
    assert prepared.dtype == torch.float64
    assert prepared.shape == (2, 3, 12, 12)
    assert backbone.represent(prepared).dtype == torch.float64
    assert Backbone(nn.ReLU(), ".", preprocess="identity").prepare(torch.tensor([1, 2])).dtype == torch.int64
    half = Backbone(nn.Linear(2, 2).bfloat16(), ".", preprocess="identity")
    z = half.represent(half.prepare(torch.rand(2, 2)))
    assert half.layout.to_rows(z)[0].dtype == torch.float32


def test_a_run_of_its_own() -> None:
    class Coder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = nn.Linear(4, 2), nn.Linear(2, 4)

        def forward(self, x: Tensor) -> Tensor:
            raise NotImplementedError

    model = Coder()
    backbone = Backbone(
        model,
        "decoder:in",
        preprocess="identity",
        kind="autoencoder",
        run=lambda m, x: m.decoder(m.encoder(x)),
    )
    x = torch.rand(3, 4)
    assert torch.equal(backbone.represent(x), model.encoder(x))
    assert backbone.has_tail
    with pytest.raises(
        BackboneError, match=r"Coder raised on inputs float32 \(3, 4\) on cpu: NotImplementedError"
    ):
        Backbone(model, "encoder", preprocess="identity").represent(x)


def test_a_model_that_raises_is_named_with_its_inputs() -> None:
    backbone = Backbone(network(), "conv", name="timm:small")
    with pytest.raises(
        BackboneError, match=r"timm:small raised on inputs float32 \(2, 1, 4, 4\) on cpu"
    ) as caught:
        backbone.outputs(torch.rand(2, 1, 4, 4))
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("x"), RuntimeError("CUDA out of memory"), MemoryError()]
)
def test_too_little_memory_is_the_callers_to_answer(error: Exception) -> None:
    def run(model: nn.Module, inputs: Tensor) -> Any:
        raise error

    with pytest.raises(type(error)) as caught:
        Backbone(network(), "conv", run=run).outputs(X)
    assert caught.value is error


def test_what_a_rewrite_raises_comes_as_it_is() -> None:
    backbone = Backbone(network(), "conv")

    def rewrite(z: Tensor) -> Tensor:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        backbone.rewritten(X, rewrite)
    with pytest.raises(SiteError, match=r"expected the rewrite to return a tensor of the same shape"):
        backbone.rewritten(X, lambda z: z[:1])


def test_sites_that_carry_no_representation_of_each_input() -> None:
    class Folding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.ints = nn.Identity(), nn.Identity()

        def forward(self, x: Tensor) -> Tensor:
            self.ints(x.long())
            return self.inner(x.flatten(0, 1)).view_as(x)  # type: ignore[no-any-return]

    expected = r"one representation for each of 3 inputs, found shape \(6, 4\). Choose another site"
    with pytest.raises(SiteError, match=expected):
        Backbone(Folding(), "inner", preprocess="identity").represent(torch.rand(3, 2, 4))
    with pytest.raises(SiteError, match=r"carries floating numbers, found torch.int64"):
        Backbone(Folding(), "ints", preprocess="identity").represent(torch.rand(3, 2, 4))


def test_inputs_of_several_sizes() -> None:
    pooled = Backbone(network(), "conv")
    assert pooled.represent(X).shape[1:] == (4, 5, 5)
    assert pooled.represent(X[:, :, :8, :8]).shape[1:] == (4, 3, 3)
    flat = Backbone(network(), "conv", layout="flat")
    flat.represent(X)
    with pytest.raises(
        SiteError, match=r"shape \(4, 5, 5\) as in the first run, found \(4, 3, 3\). Pass inputs of one"
    ):
        flat.represent(X[:, :, :8, :8])


def test_before_the_first_run_nothing_is_known() -> None:
    backbone = Backbone(network(), "conv")
    for name in ("layout", "z_shape", "width", "positions"):
        with pytest.raises(SiteError, match="The layout is known once inputs have run"):
            getattr(backbone, name)
    assert repr(backbone) == "Backbone('Sequential', site 'conv', not run yet)"
    backbone.represent(X)
    assert repr(backbone) == "Backbone('Sequential', site 'conv', pooled:channels_first)"


def test_bad_sites_are_refused_at_once() -> None:
    with pytest.raises(SiteError, match=r"has no module 'convv'. Did you mean 'conv'"):
        Backbone(network(), "convv")
    with pytest.raises(SiteError, match=r"ReLU has no linear layer whose input would be one. Name a site"):
        Backbone(nn.ReLU())


def test_fingerprints_tell_weights_and_buffers_apart() -> None:
    model = network()
    fingerprint = Backbone(model, "conv").fingerprint()
    assert len(fingerprint) == 64
    assert Backbone(copy.deepcopy(model), "fc").fingerprint() == fingerprint
    for name in ("conv.weight", "norm.running_mean", "norm.num_batches_tracked"):
        other = copy.deepcopy(model)
        other.state_dict()[name].add_(1)
        assert Backbone(other, "conv").fingerprint() != fingerprint
    assert Backbone(model.half(), "conv").fingerprint() != fingerprint
    assert (
        Backbone(network(), "conv").architecture() == "torch.nn.modules.container.Sequential, 145 parameters"
    )


def test_sessions_nest_and_may_let_gradients_through() -> None:
    model = network().train()
    backbone = Backbone(model, "fc:in")
    backbone.dry_run(X)
    with backbone.session(gradients=True):
        shift = torch.zeros(4, requires_grad=True)
        with backbone.session():
            assert not model.training
            out = backbone.rewritten(X, lambda z: z + shift)
        assert not model.training
        (gradient,) = torch.autograd.grad(out.sum(), shift)
    assert gradient.abs().sum() > 0
    assert model.training
    with backbone.session():
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_two_backbones_of_one_model_work_at_once() -> None:
    model = network()
    first, second = Backbone(model, "conv"), Backbone(model, "fc:in")
    expected = second.represent(X)
    with first.session():
        assert torch.equal(second.represent(X), expected)
        first.represent(X)
        inner: list[Tensor] = []
        out = first.rewritten(X, lambda z: inner.append(second.represent(X)) or z)  # type: ignore[func-returns-value]
        assert torch.equal(out, model(X))
    assert torch.equal(inner[0], expected)


def test_adapting_any_module() -> None:
    backbone = adapt_module(network(), "conv", preprocess="identity", layout="positions")
    assert backbone.represent(X).shape == (6, 4, 5, 5)
    assert (backbone.positions, backbone.width, backbone.kind) == (25, 4, "module")


def test_primary_outputs() -> None:
    x, y = torch.zeros(1), torch.ones(1)
    assert primary(x) is x
    assert primary((None, x, y)) is x
    assert primary({"loss": y, "logits": x}) is x
    assert primary({"a": {"b": [x]}}) is x
    with pytest.raises(BackboneError, match="Expected a model that returns tensors, found a tuple of"):
        primary((None, 3))
