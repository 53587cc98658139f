"""`hold_probe` on flows of which the answer is known."""

import dataclasses
from typing import Any

import torch
from torch import Generator, Tensor

from interpret_inn.metrics.probe_task import LinearProbe
from interpret_inn.translating.holding import hold_probe
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Factor


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_on_a_linear_flow_it_is_the_least_squares_move_outside_the_edited_factor() -> None:
    mixing, weight = numbers(6, 6, seed=1), numbers(2, 6, seed=2)
    before = numbers(5, 6, seed=3)
    edited = Factor("a", 0, 2)
    after = before.clone()
    after[:, :2] += 1.5
    held = hold_probe(before, after, edited=edited, weight=weight, decode=lambda codes: codes @ mixing.T)
    # literally: min |step|² with W M (after + step) = W M before and step = 0 in the edited factor
    free = (weight @ mixing)[:, 2:]
    missing = (before - after) @ (weight @ mixing).T
    step = missing @ torch.linalg.pinv(free).T
    torch.testing.assert_close(held[:, 2:], after[:, 2:] + step, atol=1e-4, rtol=1e-4)
    assert torch.equal(held[:, :2], after[:, :2])


def test_on_a_curved_flow_the_probe_is_back_where_it_was() -> None:
    weight, before = numbers(3, 6, seed=4), numbers(40, 6, seed=5)
    mixing = numbers(6, 6, seed=6) / 6 + torch.eye(6)

    def decode(codes: Tensor) -> Tensor:
        return torch.sinh(torch.asinh(codes @ mixing.T) + 0.2 * codes.roll(1, 1).tanh())

    after = before.clone()
    after[:, :2] = before[:, :2].flip(0)
    held = hold_probe(before, after, edited=Factor("a", 0, 2), weight=weight, decode=decode)
    moved = ((decode(after) - decode(before)) @ weight.T).abs().mean()
    left = ((decode(held) - decode(before)) @ weight.T).abs().mean()
    assert left < 0.05 * moved
    assert torch.equal(held[:, :2], after[:, :2])
    assert not held.requires_grad


def test_at_positions_the_mean_is_held_by_a_move_of_all_places_alike() -> None:
    weight, before = numbers(2, 6, seed=10), numbers(5, 4, 6, seed=11)

    def decode(codes: Tensor) -> Tensor:
        return (codes + 0.2 * codes.roll(1, -1).tanh()).mean(1)

    after = before.clone()
    after[..., :2] = before.flip(0)[..., :2]
    held = hold_probe(before, after, edited=Factor("a", 0, 2), weight=weight, decode=decode)
    torch.testing.assert_close(decode(held) @ weight.T, decode(before) @ weight.T, atol=1e-4, rtol=1e-4)
    move = held - after
    torch.testing.assert_close(move, move[:, :1].expand_as(move), atol=1e-5, rtol=1e-5)
    assert torch.equal(held[..., :2], after[..., :2])


def test_what_only_the_edited_factor_predicts_is_given_up_quietly() -> None:
    weight = torch.tensor([[1.0, 0, 0, 0], [0, 0, 1.0, 0]])
    before, after = torch.zeros(3, 4), torch.zeros(3, 4)
    after[:, 0] = 2
    held = hold_probe(before, after, edited=Factor("a", 0, 1), weight=weight, decode=lambda codes: codes)
    torch.testing.assert_close(held, after)


def test_many_probes_and_equal_ones_do_no_harm() -> None:
    weight = numbers(1, 8, seed=7).expand(200, 8) * torch.linspace(0.1, 2, 200)[:, None]
    before = numbers(4, 8, seed=8)
    after = before.clone()
    after[:, :3] += 1
    held = hold_probe(before, after, edited=Factor("a", 0, 3), weight=weight, decode=lambda codes: codes)
    torch.testing.assert_close(held @ weight[-1], before @ weight[-1], atol=1e-3, rtol=1e-3)
    one = hold_probe(before, after, edited=Factor("a", 0, 3), weight=weight[-1:], decode=lambda codes: codes)
    torch.testing.assert_close(held, one, atol=1e-4, rtol=1e-4)


def test_the_scale_of_a_probe_does_not_matter() -> None:
    before, weight = numbers(4, 6, seed=10), numbers(2, 6, seed=11)
    after = before.clone()
    after[:, :2] += 1
    held, *others = (
        hold_probe(before, after, edited=Factor("a", 0, 2), weight=scale * weight, decode=lambda codes: codes)
        for scale in (1, 1e-8, 1e8)
    )
    assert not torch.allclose(held, after, atol=0.1)
    for other in others:
        torch.testing.assert_close(other, held, atol=1e-4, rtol=1e-4)


def test_no_edit_is_no_move() -> None:
    before = numbers(4, 6, seed=9)
    held = hold_probe(
        before, before.clone(), edited=Factor("a", 0, 2), weight=numbers(2, 6), decode=torch.sinh
    )
    torch.testing.assert_close(held, before, atol=1e-6, rtol=1e-6)


def test_a_probe_that_predicts_nothing_holds_nothing():
    before, after = torch.randn(2, 5, 4, generator=Generator().manual_seed(0))
    held = hold_probe(
        before, after, edited=Factor("colour", 2, 4), weight=torch.zeros(2, 4), decode=lambda codes: codes
    )
    assert torch.equal(held, after)


def test_a_weight_that_all_classes_share_holds_nothing(toy: Any) -> None:
    """It moves all logits alike, so that no probability changes, and must not cost a move."""

    class Shifted(Translator):
        def probe(self, name: str) -> LinearProbe:
            read = super().probe(name)
            shared = numbers(read.weight.shape[1], seed=12).double().numpy()
            return dataclasses.replace(read, weight=read.weight + shared)

    translator = toy.interpreter.translator
    before = toy.interpreter.encode(toy.fresh[:20])
    after, hue = before.clone(), toy.interpreter.factors["hue"]
    after[:, hue.slice] = before.flip(0)[:, hue.slice]
    held = translator.hold(before, after, hue, ["shape"])
    shifted = Shifted(translator.backbone, translator.fitted).hold(before, after, hue, ["shape"])
    assert not torch.allclose(held, after, atol=1e-2)
    torch.testing.assert_close(shifted, held, atol=1e-3, rtol=1e-3)
