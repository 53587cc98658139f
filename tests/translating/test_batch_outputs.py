"""Outputs of a `Batch` are what the model makes of its codes, in the model's own structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.testing import ToyClassifier, toy_classifier

from .batches import CASES, Fit, batch_of, seeded

pytestmark = pytest.mark.usefixtures("hasty_probes")

CLOSE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.mark.parametrize("case", CASES)
def test_unchanged_batches_give_the_bare_outputs_bit_for_bit(case: str, fit_of: Fit, toy: Any) -> None:
    it = fit_of(case)
    with it.backbone.session():
        for outputs in (True, False):
            batch = batch_of(it, toy.fresh[:7], outputs=outputs)
            assert not batch.changed
            assert torch.equal(batch.outputs(), it.run(toy.fresh[:7]))


@pytest.mark.parametrize("case", CASES)
def test_changed_batches_give_what_the_model_makes_of_the_codes(case: str, fit_of: Fit, toy: Any) -> None:
    it = fit_of(case)
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:7])
        same = batch.with_codes(batch.codes.clone())
        assert same.changed
        torch.testing.assert_close(same.outputs(), batch.outputs(), **CLOSE)
        edited = batch.with_factor(it.factors["hue"], torch.tensor(0.5))
        torch.testing.assert_close(
            edited.outputs(), it.run(toy.fresh[:7], inn.edits.set_to("hue", 0.5)), **CLOSE
        )
        literal = it.backbone.rewritten(batch.prepared, lambda _: it.invert(edited.codes, toy.fresh[:7]))
        torch.testing.assert_close(edited.outputs(), literal, **CLOSE)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 1 << 24])
def test_variants_are_the_single_codes_one_by_one(
    case: str, size: int, fit_of: Fit, toy: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("interpret_inn.translating.batch.PASS_BYTES", size)
    it = fit_of(case)
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:4])
        varied = batch.redrawn(it.factors["residual"], 5, seeded())
        outputs = varied.outputs()
        assert outputs.shape == (5, 4, 3)
        for codes, found in zip(varied.codes, outputs, strict=True):
            torch.testing.assert_close(found, batch.with_codes(codes).outputs(), **CLOSE)
        some = varied.take(torch.tensor([3, 0, 0]))
        torch.testing.assert_close(some.outputs(), outputs[:, [3, 0, 0]], **CLOSE)


class Named(NamedTuple):
    """Outputs of a kind of their own."""

    logits: Tensor
    note: str


class Structured(nn.Module):
    """The head gives a structure, and the model another one with the same tensors, or the same one."""

    def __init__(self, outer: Callable[[Tensor], Any], inner: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.body = ToyClassifier()
        self.body.load_state_dict(toy_classifier().state_dict())
        self.head = Head(inner)
        self.outer = outer

    def forward(self, inputs: Tensor) -> Any:
        return self.outer(next(iter(self.head(self.body(inputs)))))


class Head(nn.Module):
    """One tensor in a structure."""

    def __init__(self, inner: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.inner, self.linear = inner, nn.Linear(3, 4)

    def forward(self, inputs: Tensor) -> Any:
        return self.inner(self.linear(inputs))


@pytest.mark.parametrize(
    ("outer", "inner", "tail"),
    [
        (lambda x: (x,), lambda x: (x,), True),
        (lambda x: [x], lambda x: (x,), False),
        (lambda x: Named(x, "kept"), lambda x: (x,), False),
    ],
)
def test_outputs_keep_the_models_own_structure(
    outer: Any, inner: Any, tail: bool, toy: Any, small: dict[str, Any]
) -> None:
    it = inn.wrap(Structured(outer, inner).eval(), "head:in")
    it.fit("labels", data=toy.images[:120], labels={"hue": toy.labels["hue"][:120]}, **small)
    bare, edited = it.run(toy.fresh[:3]), it.run(toy.fresh[:3], inn.edits.add("hue", 1.0))
    assert it.backbone.has_tail == tail
    assert type(edited) is type(bare)
    assert getattr(edited, "note", "kept") == "kept"
    with it.backbone.session():
        changed = batch_of(it, toy.fresh[:3]).with_factor(it.factors["hue"], torch.tensor(0.0)).outputs()
    assert type(changed) is type(bare)


class Inferring(nn.Module):
    """Runs in inference mode by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = ToyClassifier()
        self.inner.load_state_dict(toy_classifier().state_dict())

    @torch.inference_mode()
    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.inner(inputs)
        return logits


def test_models_that_run_in_inference_mode_are_edited_and_held(toy: Any, small: dict[str, Any]) -> None:
    it = inn.wrap(Inferring().eval(), "inner.head:in")
    it.fit("labels", data=toy.images[:120], labels={k: v[:120] for k, v in toy.labels.items()}, **small)
    for hold in ([], ["shape"]):
        assert it.run(toy.fresh[:3], inn.edits.resample("hue", hold=hold)).shape == (3, 3)
