"""Fits at positions: whole inputs go by means over positions, and single positions by single positions."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import interpret_inn as inn
from interpret_inn.explaining.records import Explanation
from interpret_inn.metrics.probes import fit_linear_probe
from interpret_inn.saving import write_artefact
from interpret_inn.translating.translator import Translator

pytestmark = pytest.mark.slow
PLACES = 8


class Pooling(nn.Module):
    """Its input is the layer that is explained: a map, whose mean over positions the head reads."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Identity()
        self.head = nn.Linear(channels, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(inputs).mean((2, 3)))
        return logits


def noisy(count: int, seed: int) -> tuple[Tensor, dict[str, np.ndarray[Any, Any]]]:
    """Maps (count, 3, 8, 8) of which a place and a mean over positions tell `side` by different channels.

    The first channel has it under noise of single positions, which the mean takes away; the second together with the
    number `blur`, which is the same at all places of a map, so that it stays.
    """
    draw = np.random.default_rng(seed)
    side, blur = draw.integers(0, 2, count), draw.normal(size=count)
    noise = draw.normal(size=(count, 3, PLACES, PLACES))
    signed = (2 * side - 1)[:, None, None]
    maps = np.stack(
        [signed + 3 * noise[:, 0], signed + blur[:, None, None] + 0.3 * noise[:, 1], noise[:, 2]], 1
    )
    return torch.tensor(maps, dtype=torch.float32), {"side": side, "blur": blur}


def ringed(count: int, seed: int) -> tuple[Tensor, dict[str, np.ndarray[Any, Any]]]:
    """Maps (count, 3, 8, 8) with a number of the whole map, and a ring on which each place lies by itself."""
    draw = np.random.default_rng(seed)
    number, angle = draw.normal(size=count), draw.uniform(0, 2 * np.pi, (count, PLACES, PLACES))
    first = number[:, None, None] + 0.05 * draw.normal(size=angle.shape)
    maps = np.stack([first, 3 * np.cos(angle), 3 * np.sin(angle)], 1)
    return torch.tensor(maps, dtype=torch.float32), {"number": number}


def fitted_to(make: Callable[..., Any]) -> inn.Interpreter:
    maps, labels = make(400, 0)
    interpreter = inn.wrap(Pooling(3).eval(), "body", layout="positions", preprocess="identity")
    return interpreter.fit(
        "labels", data=maps, labels=labels, sizes=dict.fromkeys(labels, 1), blocks=0, steps=1, pairs=32,
        cache=None, checkpoint=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def noisy_fit() -> inn.Interpreter:
    return fitted_to(noisy)


@pytest.fixture(scope="module")
def ringed_fit() -> inn.Interpreter:
    return fitted_to(ringed)


@pytest.fixture(scope="module")
def explanation(noisy_fit: inn.Interpreter) -> Explanation:
    return noisy_fit.explain(noisy(300, 1)[0], examples=300, resamples=1, localizer=None)


def test_labels_of_examples_are_as_right_as_the_page_says(explanation: Explanation) -> None:
    truth = noisy(300, 1)[1]["side"]
    right = [
        example.factors["side"].label == str(truth[int(example.name)]) for example in explanation.examples
    ]
    said = explanation.leakage.representation["side"].linear
    assert said.value > 0.97
    assert np.mean(right) > 0.97


def test_labels_along_a_factor_are_those_of_the_examples(explanation: Explanation) -> None:
    said = {example.name: example.factors["side"].label for example in explanation.examples}
    names = [example.name for example in explanation.examples]
    row = explanation.neighbours["side"]
    for indices, values in zip(row.indices.tolist(), row.values, strict=True):
        assert [said[names[index]] for index in indices] == list(values)


def test_percentiles_and_deviations_are_those_of_whole_inputs(explanation: Explanation) -> None:
    for factor in ("side", "blur", "residual"):
        found = [example.factors[factor] for example in explanation.examples]
        quartiles = np.percentile([one.percentile for one in found], [25, 50, 75])
        assert quartiles == pytest.approx([25, 50, 75], abs=10)
        assert np.std([one.value for one in found]) == pytest.approx(1, abs=0.15)


def test_held_concepts_stay_in_the_mean_over_places(noisy_fit: inn.Interpreter) -> None:
    translator, (maps, labels) = noisy_fit.translator, noisy(300, 2)
    truth = fit_linear_probe(maps.mean((2, 3)).numpy(), labels["side"], kind="categorical")
    edits = {held: inn.edits.swap("blur", maps.flip(0), hold=held) for held in ((), ("side",))}
    codes = translator.encode(maps)
    before = truth.predict(maps.mean((2, 3)).numpy())
    moved = {}
    for held, edit in edits.items():
        edited = noisy_fit.invert(translator.edited(codes, [edit]), maps)
        moved[held] = np.mean(truth.predict(edited.mean((2, 3)).numpy()) != before)
    assert moved["side",] < 0.3 * moved[()]


def test_drifts_are_of_means_over_places(explanation: Explanation) -> None:
    (drift,) = (drift for drift in explanation.drifts if drift.held == "side")
    assert drift.with_hold.value < 0.3 * drift.without_hold.value


@pytest.mark.slow
def test_places_of_edits_are_compared_with_places(ringed_fit: inn.Interpreter) -> None:
    redraws = ringed_fit.explain(ringed(300, 1)[0], examples=1, resamples=1, localizer=None).redraws
    assert all(redraw.left_data < 0.05 for redraw in redraws.values())


def test_a_traversal_marks_where_the_mean_stands_among_places(
    noisy_fit: inn.Interpreter, explanation: Explanation
) -> None:
    translator, (curve, *_) = noisy_fit.translator, explanation.traversals["side"]
    name = explanation.examples[curve.example].name
    code = translator.encode(noisy(300, 1)[0][int(name)][None])
    along = translator.axes["side"].position(code[..., translator.factors["side"].slice])
    assert curve.here == pytest.approx(float(along.mean()), abs=1e-4)


def test_means_over_places_are_those_of_the_samples_of_the_reference_codes(
    noisy_fit: inn.Interpreter,
) -> None:
    fitted, data = noisy_fit.fitted, noisy_fit._data
    assert fitted.position_means is not None
    assert data is not None
    codes = noisy_fit.encode(noisy(400, 0)[0])[data.pool.indices("train")]
    torch.testing.assert_close(fitted.position_means.codes, codes.mean(1), atol=1e-4, rtol=1e-4)
    read = noisy_fit.translator.probe_input(codes)
    torch.testing.assert_close(fitted.position_means.white, read, atol=1e-4, rtol=1e-4)


def test_an_artefact_keeps_them_and_one_that_lacks_them_says_so(
    noisy_fit: inn.Interpreter, tmp_path: Path
) -> None:
    model, maps = noisy_fit.backbone.model, noisy(20, 3)[0]
    noisy_fit.save(tmp_path / "whole")
    whole = inn.load(tmp_path / "whole", model, preprocess="identity")
    for kept, own in zip(whole.fitted.position_means, noisy_fit.fitted.position_means, strict=True):
        assert torch.equal(kept, own)
    assert whole.fitted.notes == noisy_fit.fitted.notes

    older = Translator(noisy_fit.backbone, dataclasses.replace(noisy_fit.fitted, position_means=None))
    write_artefact(tmp_path / "older", older.backbone, older.fitted, noisy_fit.evaluation)
    loaded = inn.load(tmp_path / "older", model, preprocess="identity")
    assert loaded.fitted.notes[-1].endswith("not measured; fit again.")
    assert loaded.fitted.notes[:-1] == noisy_fit.fitted.notes
    loaded.save(tmp_path / "again")
    assert inn.load(tmp_path / "again", model, preprocess="identity").fitted.notes == loaded.fitted.notes
    # it goes by single positions, as its probes do
    edited = loaded.run(maps, inn.edits.swap("blur", maps.flip(0), hold=["side"]))
    assert bool(edited.isfinite().all())
    assert loaded.translator.axes_of_inputs is loaded.translator.axes
    assert loaded.fitted.notes[-1] in loaded.explain(maps, examples=2, resamples=1, localizer=None).warnings
