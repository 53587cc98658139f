"""The contract of backbones, each check with its saboteur."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from interpret_inn.backbones import Backbone, Layout, adapt_module
from interpret_inn.testing import (
    ContractError,
    check_backbone,
    toy_classifier,
    toy_images,
)
from interpret_inn.testing.networks import BACKBONE_CHECKS

IMAGES, LABELS = toy_images(8)


def names(checks: Any) -> list[str]:
    return [check.__name__.strip("_") for check in checks]


@pytest.mark.parametrize("site", ["head:in", "features.2", "."])
def test_a_good_backbone_passes_every_check(site: str) -> None:
    assert list(check_backbone(adapt_module(toy_classifier(), site), IMAGES)) == names(BACKBONE_CHECKS)


def replace(name: str, method: Callable[..., Any]) -> Callable[[Backbone], None]:
    """Puts a method in a backbone's place; it gets the old one first."""

    def sabotage(backbone: Backbone) -> None:
        old = getattr(backbone, name)
        setattr(backbone, name, lambda *arguments: method(old, *arguments))

    return sabotage


noise = iter(torch.linspace(0, 1, 1000))


class LossyLayout(Layout):
    def to_rows(self, z: Tensor) -> tuple[Tensor, None]:
        return z.half().float(), None

    def from_rows(self, rows: Tensor, carried: None) -> Tensor:
        return rows


class OddLayout(LossyLayout):
    def to_rows(self, z: Tensor) -> tuple[Tensor, None]:
        return z[None], None


def give_layout(layout: Any) -> Callable[[Backbone], None]:
    return lambda backbone: setattr(backbone, "_layout", layout)


def leave_hook(old: Any, prepared: Tensor) -> Any:
    MODELS[-1].head.register_forward_hook(lambda *given: None)
    return old(prepared)


def leave_evaluating(old: Any, prepared: Tensor) -> Any:
    MODELS[-1].eval()
    return old(prepared)


def swallow(old: Any, prepared: Tensor, rewrite: Any) -> Any:
    try:
        return old(prepared, rewrite)
    except Exception:
        return None


MODELS: list[Any] = []
BACKBONE_SABOTAGE: dict[str, list[tuple[Callable[[Backbone], None], str]]] = {
    "members": [(lambda backbone: setattr(backbone, "model", 3), "Expected model to be an nn.Module")],
    "prepares": [
        (replace("prepare", lambda old, batch: old(batch) + next(noise)), "something else the second time"),
        (replace("prepare", lambda old, batch: batch), "found ndarray"),
    ],
    "represents": [
        (replace("represent", lambda old, x: old(x) + next(noise)), "something else the second time"),
        (replace("represent", lambda old, x: old(x)[:1]), r"found Tensor \(1, 32\)"),
        (replace("represent", lambda old, x: old(x) / 0), "not finite"),
        (replace("represent", lambda old, x: old(x) * 0), "first two inputs are equal"),
        (replace("represent", lambda old, x: old(x).requires_grad_()), "graph of gradients"),
    ],
    "layout_inverts": [
        (give_layout(LossyLayout("vector")), "not z to the last bit"),
        (give_layout(OddLayout("vector")), r"a multiple of 8, found \(1, 8, 32\)"),
    ],
    "unedited_is_identical": [
        (
            replace("rewritten", lambda old, x, rewrite: old(x, rewrite) * 1.0001),
            "not those of the bare model",
        ),
        (replace("tail", lambda old, z: old(z) + 1e-3), r"tail\(z\) gives other outputs"),
        (
            lambda backbone: setattr(backbone, "tail", lambda z: z) or fix(backbone),
            "has_tail is False and yet",
        ),
    ],
    "edits_arrive": [
        (replace("rewritten", lambda old, x, rewrite: old(x, lambda z: z)), "the outputs: it is lost")
    ],
    "given_back": [
        (replace("represent", leave_hook), "not given back as found after use: changed are its hooks"),
        (replace("outputs", leave_evaluating), "after use: changed are its training flags"),
        (replace("rewritten", swallow), "An error that a rewrite raises is swallowed"),
    ],
    "identifies": [
        (replace("fingerprint", lambda old: "same"), "stays when a weight changes"),
        (replace("fingerprint", lambda old: str(next(noise))), "Expected a fingerprint that stays"),
    ],
}


def make_it(**members: Any) -> Callable[[Backbone], None]:
    """Gives a backbone members as an adapter might."""

    def sabotage(backbone: Backbone) -> None:
        for name, member in members.items():
            setattr(backbone, name, member)

    return sabotage


def images_from(low: float) -> Any:
    """Outputs that are images of values from `low` up."""
    return lambda prepared: low + torch.zeros(len(prepared), 3, 4, 4)


def draw(n: int, generator: torch.Generator, size: int = 24) -> Tensor:
    return torch.rand(n, 3, size, size, generator=generator)


def draw_alike(n: int, generator: torch.Generator) -> Tensor:
    return torch.zeros(n, 3, 24, 24)


def draw_small(n: int, generator: torch.Generator) -> Tensor:
    return draw(n, generator, 16)


def draw_anew(n: int, generator: torch.Generator) -> Tensor:
    return draw(n, generator) * 0 + next(noise)


BACKBONE_SABOTAGE |= {
    "draws": [
        (make_it(sample_inputs=lambda n, generator: [1] * n), r"found \[1, 1, 1\]"),
        (make_it(sample_inputs=draw_anew), "other inputs for a generator of the same seed"),
        (make_it(sample_inputs=draw_alike), "the same inputs for generators of different seeds"),
        (make_it(sample_inputs=draw_small), "another shape than prepare"),
    ],
    "ranges": [
        (
            make_it(value_range=(0, 1), outputs=images_from(-1)),
            "value_range is 0 to 1, and yet images reach from -1 to -1",
        ),
    ],
}


def fix(backbone: Any) -> None:
    """Makes `has_tail` False for good."""
    backbone.__class__ = type(
        "Tailless", (Backbone,), {"has_tail": property(lambda self: False, lambda *_: None)}
    )


def test_no_backbone_check_is_without_a_saboteur() -> None:
    assert list(BACKBONE_SABOTAGE) == names(BACKBONE_CHECKS)


@pytest.mark.parametrize(
    ("check", "sabotage", "text"),
    [(key, *each) for key, several in BACKBONE_SABOTAGE.items() for each in several],
)
def test_every_backbone_check_finds_its_saboteur(check: str, sabotage: Any, text: str) -> None:
    backbone = adapt_module(toy_classifier(), "head:in")
    backbone.represent(backbone.prepare(IMAGES))
    MODELS[:] = [backbone.model]
    sabotage(backbone)
    with pytest.raises(ContractError, match=f"- {check}: .*{text}"):
        check_backbone(backbone, IMAGES)
