"""`wrap(model, backbone=…, **options)`, `Backbone` objects, and `load`, which needs none of it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

import interpret_inn as inn
from interpret_inn.backbones import Backbone, Preprocess, adapt_module
from interpret_inn.types import BackboneSpec

pytestmark = pytest.mark.usefixtures("hasty_probes")

CALLS: list[dict[str, Any]] = []


class Maker(nn.Module):
    """Latents (B, 6) to images (B, 3, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.make = nn.Sequential(nn.Linear(6, 24), nn.Tanh(), nn.Linear(24, 192), nn.Sigmoid())

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.make(latents).reshape(-1, 3, 8, 8)
        return images


def adapt(
    model: Any,
    site: str | None = None,
    *,
    preprocess: Any = None,
    layout: str | None = None,
    spread: float = 1.0,
    bounds: tuple[float, float] = (0.0, 1.0),
    draw: Any = None,
) -> Backbone | None:
    """Makes of latents what a plugin for generators makes of them, and notes what it was called with."""
    CALLS.append({"site": site, "layout": layout, "spread": spread, "bounds": bounds, "draw": draw})
    if not isinstance(model, Maker):
        return None

    def sample(n: int, generator: Generator) -> Tensor:
        return spread * torch.randn(n, 6, generator=generator) if draw is None else draw(n, generator)

    return Backbone(
        model, site or ".:in", preprocess=preprocess or "identity", layout=layout, kind="generator",
        sample_inputs=sample, value_range=bounds, input_shape=(6,),
    )  # fmt: skip


class Kinds:
    @inn.hookimpl
    def inn_backbones(self) -> Iterator[BackboneSpec]:
        yield BackboneSpec("maker", "Makes images of latents.", adapt, claims=lambda model, site: False)


@pytest.fixture(autouse=True)
def kinds() -> Iterator[None]:
    CALLS.clear()
    name = inn.register(Kinds(), name="kinds")
    yield
    inn.unregister(name)


@pytest.fixture
def model() -> Maker:
    return made()


def made() -> Maker:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Maker().eval()


@pytest.fixture(scope="module")
def saved(small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read by several tests, and changed by none."""
    name = inn.register(Kinds(), name="kinds of the saved one")
    it = inn.wrap(made(), backbone="maker", spread=2.0, bounds=(-1, 1))
    it.fit("labels", labels=np.arange(4096.0), sizes={"label": 2}, **small)
    folder = tmp_path_factory.mktemp("kinds") / "saved"
    it.save(folder)
    inn.unregister(name)
    return folder


# --- by name ----------------------------------------------------------------------------------------


def test_the_named_kind_adapts_with_the_options(model: Maker) -> None:
    it = inn.wrap(model, backbone="maker", spread=3.0)
    assert it.backbone.kind == "generator"
    assert str(it.backbone.address) == ".:in"
    assert it.backbone.adapter == ("maker", {"spread": 3.0})
    assert CALLS == [{"site": None, "layout": None, "spread": 3.0, "bounds": (0.0, 1.0), "draw": None}]
    it = inn.wrap(model, "make.0", backbone="maker", layout="vector", class_names=["a", "b"])
    assert (CALLS[-1]["site"], CALLS[-1]["layout"]) == ("make.0", "vector")
    assert it.backbone.class_names == ["a", "b"]


def test_who_claims_nothing_is_not_asked(model: Maker) -> None:
    it = inn.wrap(model, "make.0")
    assert it.backbone.adapter is None
    assert it.backbone.kind == "module"
    assert CALLS == []


def test_claims_that_fail_are_named(model: Maker) -> None:
    class Broken:
        @inn.hookimpl
        def inn_backbones(self) -> Iterator[BackboneSpec]:
            yield BackboneSpec("broken", "Fails.", adapt, claims=lambda model, site: 1 / 0)

    name = inn.register(Broken(), name="broken")
    try:
        with pytest.raises(inn.PluginError, match=r"The backbone 'broken' of .* failed\. ZeroDivisionError"):
            inn.wrap(model, "make.0")
    finally:
        inn.unregister(name)


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"backbone": "makr"}, inn.PluginError, r"There is no backbone 'makr'\. Did you mean 'maker'"),
        (
            {"backbone": "maker", "spred": 2.0},
            inn.PluginError,
            r"The backbone 'maker' of .* takes no option 'spred'\. Did you mean 'spread'",
        ),
        (
            {"latents": "normal", "spread": 1.0},
            inn.BackboneError,
            r"Expected options only together with a kind of backbone, found \['latents', 'spread'\]\. "
            r'Type backbone="generator", say\.',
        ),
    ],
)
def test_names_and_options_that_do_not_fit(model: Maker, arguments: Any, kind: Any, text: str) -> None:
    with pytest.raises(kind, match=text):
        inn.wrap(model, **arguments)


def test_a_model_of_another_kind_is_refused() -> None:
    with pytest.raises(
        inn.BackboneError, match=r"Expected a model that can be wrapped as 'maker', found Linear\."
    ):
        inn.wrap(nn.Linear(2, 2), backbone="maker")


def test_what_is_no_backbone_is_refused(model: Maker) -> None:
    class Wrong:
        @inn.hookimpl
        def inn_backbones(self) -> Iterator[BackboneSpec]:
            yield BackboneSpec("wrong", "Gives a module.", lambda model, site: model)

    name = inn.register(Wrong(), name="wrong")
    try:
        with pytest.raises(inn.PluginError, match=r"(?s)to give a Backbone for Maker\(.*; found Maker\."):
            inn.wrap(model, backbone="wrong")
    finally:
        inn.unregister(name)


# --- Backbone objects -------------------------------------------------------------------------------


def test_a_backbone_is_taken_as_it_is(model: Maker) -> None:
    backbone = adapt_module(model, "make.0", preprocess="identity")
    it = inn.wrap(backbone)
    assert it.backbone is backbone
    assert CALLS == []
    assert inn.wrap(backbone, class_names=["a"]).backbone.class_names == ["a"]


@pytest.mark.parametrize(
    "beside", [{"site": "make.0"}, {"backbone": "maker"}, {"layout": "flat"}, {"preprocess": "identity"}]
)
def test_a_backbone_comes_alone(model: Maker, beside: dict[str, Any]) -> None:
    with pytest.raises(
        inn.BackboneError,
        match=f"Expected a Backbone alone, found it together with {next(iter(beside))}. Give these to the Backbone",
    ):
        inn.wrap(adapt_module(model, "make.0"), **beside)


# --- saved and loaded -------------------------------------------------------------------------------


def test_kind_and_options_are_stored(saved: Path) -> None:
    about = json.loads((saved / "interpreter.json").read_text())
    assert about["backbone"] == {"kind": "maker", "options": {"spread": 2.0, "bounds": [-1, 1]}, "lost": []}


def test_load_adapts_as_wrap_did(model: Maker, saved: Path) -> None:
    CALLS.clear()
    it = inn.load(saved, model)
    assert it.backbone.kind == "generator"
    assert it.backbone.value_range == (-1, 1)
    assert [(call["site"], call["spread"], call["bounds"]) for call in CALLS] == [(".:in", 2.0, [-1, 1])]
    assert it.backbone.adapter == ("maker", {"spread": 2.0, "bounds": [-1, 1]})
    latents = it.sample_inputs(3)
    torch.testing.assert_close(it.invert(it.encode(latents)), latents, atol=1e-4, rtol=1e-4)


def test_load_takes_other_options_and_other_kinds(model: Maker, saved: Path) -> None:
    assert inn.load(saved, model, spread=5.0).backbone.adapter == (
        "maker",
        {"spread": 5.0, "bounds": [-1, 1]},
    )
    assert inn.load(saved, model, backbone="maker").backbone.value_range == (
        -1,
        1,
    )  # the same kind keeps its options
    with pytest.raises(inn.PluginError, match="takes no option 'spred'"):
        inn.load(saved, model, spred=1.0)
    with pytest.raises(
        inn.BackboneError,
        match=r"Expected options of the kind of backbone, found \['layout', 'site'\], whic",
    ):
        inn.load(saved, model, layout="flat", site="make.0")


def test_load_takes_a_backbone_alone(model: Maker, saved: Path) -> None:
    backbone = Backbone(model, ".:in", preprocess="identity", layout="vector:channels_first")
    assert inn.load(saved, backbone).backbone is backbone
    with pytest.raises(
        inn.BackboneError, match="a Backbone alone, found it together with preprocess, spread"
    ):
        inn.load(saved, backbone, preprocess=Preprocess.identity(), spread=2.0)
    with pytest.raises(inn.ArtefactError, match=r"another site: expected \.:in, found make.0"):
        inn.load(saved, Backbone(model, "make.0", preprocess="identity"))


@pytest.mark.slow
def test_an_option_that_cannot_be_stored_is_asked_for(model: Maker, small: Any, tmp_path: Path) -> None:
    def halves(n: int, generator: Generator) -> Tensor:
        return torch.rand(n, 6, generator=generator) / 2

    it = inn.wrap(model, backbone="maker", draw=halves, spread=float("inf"))
    it.fit("labels", labels=np.arange(4096.0), sizes={"label": 2}, **small).save(tmp_path / "saved")
    about = json.loads((tmp_path / "saved" / "interpreter.json").read_text())
    assert about["backbone"] == {"kind": "maker", "options": {}, "lost": ["draw", "spread"]}
    with pytest.raises(
        inn.ArtefactError,
        match=r"was wrapped with draw, spread, which cannot be stored. Give the same again: "
        r"load\(path, model, draw=…, spread=…\)\.",
    ):
        inn.load(tmp_path / "saved", model)
    loaded = inn.load(tmp_path / "saved", model, draw=halves, spread=1.0)
    assert torch.equal(loaded.sample_inputs(4, seed=2), it.sample_inputs(4, seed=2))


def test_a_plain_artefact_takes_no_options(toy: Any, tmp_path: Path) -> None:
    toy.interpreter.save(tmp_path / "plain")
    assert json.loads((tmp_path / "plain" / "interpreter.json").read_text())["backbone"] is None
    with pytest.raises(inn.BackboneError, match=r"only together with a kind of backbone, found \['spread'\]"):
        inn.load(tmp_path / "plain", toy.model, spread=2.0)
