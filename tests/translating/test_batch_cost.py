"""A `Batch` runs the model, the flow and the tail as few times as it can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch

import interpret_inn as inn
from interpret_inn.translating.batch import Batch

from .batches import CASES, Fit, batch_of, seeded

pytestmark = pytest.mark.usefixtures("hasty_probes")


class Counted(NamedTuple):
    """A fit whose forwards are counted."""

    interpreter: inn.Interpreter
    counts: Counter[str]


@pytest.fixture(params=CASES)
def counted(request: Any, fit_of: Fit, toy: Any, monkeypatch: Any) -> Counted:
    it, counts = fit_of(request.param), Counter[str]()
    it.run(toy.fresh[:2])
    with it.backbone.session():  # knows layout and tail from here on
        it.backbone.represent(it.backbone.prepare(toy.fresh[:2]))
    for name, holder, method in (
        ("model", it.backbone.model, "forward"),
        ("there", it.fitted.network, "forward"),
        ("back", it.fitted.network, "inverse"),
        ("tail", it.backbone, "tail"),
    ):
        monkeypatch.setattr(holder, method, _counting(counts, name, getattr(holder, method)))
    return Counted(it, counts)


def _counting(counts: Counter[str], name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        found = real(*arguments, **options)
        counts[name] += found is not None
        return found

    return run


def test_an_edited_run_is_one_forward_of_model_and_flow(counted: Counted, toy: Any) -> None:
    it, counts = counted
    it.run(toy.fresh[:20], [inn.edits.add("hue", 1.0), inn.edits.resample("residual")])
    assert counts == {"model": 1, "there": 1, "back": 1}
    it.run(toy.fresh, inn.edits.add("hue", 1.0))  # 150 inputs are three batches
    assert counts == {"model": 4, "there": 4, "back": 4}


def test_donors_are_run_up_to_the_site_once(counted: Counted, toy: Any) -> None:
    it, counts = counted
    it.run(toy.fresh[:20], inn.edits.swap("hue", toy.fresh[20:40]))
    assert counts == {"model": 1, "there": 2, "back": 1}  # what stops at the site does not count


def test_variants_go_through_the_tail_in_few_passes_and_else_through_the_model(
    counted: Counted, toy: Any
) -> None:
    it, counts = counted
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:5])
        batch.redrawn(it.factors["hue"], 12, seeded()).outputs()
    assert counts["there"] == 1
    if it.backbone.has_tail:
        assert (
            counts["tail"] == counts["back"] == 2
        )  # one variant, to see how much they take; then the others
    else:
        assert counts["model"] == 12
        assert counts["back"] == 12


@pytest.mark.parametrize(
    ("bytes_", "passes"), [(1, [1] * 12), (3499, [1, 4, 4, 3]), (3500, [1, 5, 5, 1]), (10**6, [1, 11])]
)
def test_passes_through_the_tail_are_as_large_as_their_bytes_allow(
    bytes_: int, passes: list[int], toy: Any, monkeypatch: Any
) -> None:
    """A variant of five inputs takes 5 · (32 + 3) numbers of 4 bytes: 700."""
    it, found = toy.interpreter, []
    tail = it.backbone.tail
    with it.backbone.session():
        varied = batch_of(it, toy.fresh[:5]).redrawn(it.factors["hue"], 12, seeded())
        assert it.backbone.has_tail
        monkeypatch.setattr("interpret_inn.translating.batch.PASS_BYTES", bytes_)
        monkeypatch.setattr(it.backbone, "tail", lambda z: (found.append(len(z) // 5), tail(z))[1])
        varied.outputs()
    assert found == passes


def test_outputs_that_were_had_on_the_way_cost_nothing(counted: Counted, toy: Any) -> None:
    it, counts = counted
    with it.backbone.session():
        batch = batch_of(it, toy.fresh[:5], outputs=True)
        assert torch.equal(batch.outputs(), it.backbone.outputs(batch.prepared))
        assert torch.equal(batch.take(slice(1, 3)).outputs(), batch.outputs()[1:3])
        assert torch.equal(Batch.joined([batch, batch.take(slice(2))]).outputs()[5:], batch.outputs()[:2])
    assert counts["model"] == 2
    assert counts["there"] == 1


def test_an_explanation_runs_no_flow_twice(counted: Counted, toy: Any) -> None:
    it, counts = counted
    assert it.evaluation.summaries
    counts.clear()
    it.explain(toy.fresh[:8], examples=2, resamples=2, localizer=None)
    checks = len(it.factors)  # round trips of edited codes go there and back again
    assert counts["there"] == 1 + checks


def test_values_for_another_number_of_inputs_are_refused_before_the_model_runs(
    counted: Counted, toy: Any
) -> None:
    it, counts = counted
    with pytest.raises(
        inn.EditError, match=r"a value for each of 9 inputs, or one for all of them, found shape \(8, "
    ):
        it.run(toy.fresh[:9], inn.edits.set_to("hue", torch.zeros(8, it.factors["hue"].size)))
    assert not counts["model"]
