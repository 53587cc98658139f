"""A `Batch` gives other codes of the same inputs, and refuses codes that do not fit them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import interpret_inn as inn

from .batches import CASES, Fit, batch_of, seeded

pytestmark = pytest.mark.usefixtures("hasty_probes")


@pytest.mark.parametrize("case", CASES)
def test_a_redrawn_factor_is_of_stored_codes_and_the_rest_stays(case: str, fit_of: Fit, toy: Any) -> None:
    it = fit_of(case)
    factor = it.factors["hue"]
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:3])
    redrawn = batch.redrawn(factor, 4, seeded(1))
    assert redrawn.varied
    drawn = it.translator.draw(factor, 12, seeded(1)).reshape(
        4, 3, *[1] * (batch.codes.ndim - 2), factor.size
    )
    assert torch.equal(redrawn.codes[..., factor.slice], drawn.expand(4, *batch.codes.shape[:-1], -1))
    others = [axis for axis in range(it.factors.total) if not factor.start <= axis < factor.stop]
    assert torch.equal(
        redrawn.codes[..., others], batch.codes[..., others].expand(4, *batch.codes.shape[:-1], -1)
    )
    assert torch.equal(batch.codes, batch.own)


@pytest.mark.parametrize("case", CASES)
def test_traversals_put_the_factor_at_positions(case: str, fit_of: Fit, toy: Any) -> None:
    it = fit_of(case)
    factor, positions = it.factors["hue"], torch.tensor([-2.0, 0.0, 1.5])
    with it.backbone.session():
        moved = batch_of(it, toy.fresh[:3]).traversed(factor, positions)
    found = it.translator.axes["hue"].position(moved.codes[..., factor.slice])
    wanted = positions.reshape(-1, *[1] * (found.ndim - 1)).expand_as(found)
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)


def test_held_concepts_read_as_before_in_every_variant(toy: Any) -> None:
    it = toy.interpreter
    factor = it.factors["residual"]
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:6])
        free = batch.redrawn(factor, 3, seeded())
    held = batch.with_factor(factor, free.codes[..., factor.slice], hold=["shape"])
    read = it.translator.probe("shape")

    def scores(codes: Tensor) -> Tensor:
        found = torch.from_numpy(read.scores(it.translator.white(codes.reshape(-1, codes.shape[-1])).numpy()))
        return (found - found.mean(1, keepdim=True)).reshape(*codes.shape[:-1], -1)

    before = scores(batch.codes)
    assert (scores(held.codes) - before).abs().mean() < 0.2 * (scores(free.codes) - before).abs().mean()


def test_a_path_puts_all_inputs_at_its_stops(fit_of: Fit, toy: Any) -> None:
    it = fit_of("positions")
    factor = it.factors["hue"]
    path = torch.randn(5, factor.size, generator=seeded())
    with it.backbone.session():
        moved = batch_of(it, toy.fresh[:2]).with_path(factor, path)
    assert torch.equal(moved.codes[..., factor.slice], path[:, None, None].expand(5, 2, 16, -1))


def test_the_summary_is_the_mean_over_positions_of_leading_axes(fit_of: Fit, toy: Any) -> None:
    for case in ("head", "positions"):
        it = fit_of(case)
        leading = it.fitted.network.shape.leading
        with it.backbone.session():
            batch = batch_of(it, toy.fresh[:3])
        codes = batch.codes[..., :leading]
        torch.testing.assert_close(batch.summary(), codes.mean(1) if codes.ndim == 3 else codes)
        redrawn = batch.redrawn(it.factors["hue"], 2, seeded())
        assert redrawn.summary().shape == (2, 3, leading)
        one = redrawn.random_position(seeded())
        assert one.shape == (2, 3, leading)
        of_all = redrawn.codes[..., :leading].reshape(2, 3, -1, leading)
        assert bool((of_all == one[:, :, None]).all(-1).any(-1).all())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda b, f: b.with_codes(b.codes[:2]),
            r"Expected codes \(3, 32\), or \(M, 3, 32\), found \(2, 32\)",
        ),
        (lambda b, f: b.with_codes(b.codes[None, None]), r"found \(1, 1, 3, 32\)"),
        (
            lambda b, f: b.with_factor(f, torch.zeros(2, f.size)),
            r"Expected values that fit \d+ axes of codes \(3, 32\)",
        ),
        (lambda b, f: b.with_factor(f, torch.zeros(f.size + 1)), r"Expected values that fit"),
        (lambda b, f: b.with_factor(f, torch.zeros(f.size), hold=["hue"]), r"Take 'hue' out of hold"),
        (lambda b, f: b.with_factor(f, torch.zeros(f.size), hold="shape"), r"Type hold=\['shape'\]"),
    ],
)
def test_what_does_not_fit_is_refused(change: Any, text: str, toy: Any) -> None:
    with toy.interpreter.backbone.session():
        batch = batch_of(toy.interpreter, toy.fresh[:3])
    with pytest.raises(inn.EditError, match=text):
        change(batch, toy.interpreter.factors["hue"])


def test_one_input_does_not_stand_for_several_rows(toy: Any) -> None:
    """Rows for several inputs must not turn a batch of one into a batch of several."""
    factor = toy.interpreter.factors["hue"]
    with toy.interpreter.backbone.session():
        batch = batch_of(toy.interpreter, toy.fresh[:1])
    with pytest.raises(inn.EditError, match="Expected values that fit"):
        batch.with_factor(factor, torch.zeros(4, factor.size))
