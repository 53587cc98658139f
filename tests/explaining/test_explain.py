"""Explanations of the fitted toy: redraws, examples, neighbours, traversals, targets, warnings and timings."""

import dataclasses
import json
from importlib.metadata import PackageNotFoundError
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import interpret_inn as inn
from interpret_inn.data import samples
from interpret_inn.explaining import explain as module
from interpret_inn.explaining import records
from interpret_inn.explaining.doubts import warnings_of
from interpret_inn.explaining.examples import _donors
from interpret_inn.explaining.flow_record import flow_record
from interpret_inn.explaining.output_pictures import thumbnail
from interpret_inn.explaining.records import Explanation, Outcome, plain
from interpret_inn.explaining.survey import IMAGE_PIXELS, effort, survey

pytestmark = pytest.mark.usefixtures("hasty_probes")


@pytest.fixture(scope="module")
def explanation(toy: Any) -> Explanation:
    return toy.interpreter.explain(toy.fresh, examples=6, resamples=8, localizer=None)


def test_it_says_what_was_explained(explanation: Explanation, toy: Any) -> None:
    assert explanation.model == "ToyClassifier"
    assert explanation.site == "head:in"
    assert explanation.layout == "vector"
    assert explanation.shape == (32,)
    assert explanation.axes == (32, toy.interpreter.fitted.network.shape.leading)
    assert explanation.split == (280, 40, 80)
    assert explanation.flow == flow_record(toy.interpreter.fitted)
    assert explanation.versions["seed"] == "0"
    assert {"interpret-inn", "torch"} <= set(explanation.versions)
    assert explanation.skipped == ()
    assert explanation.checks.samples == 128  # of 150: the first two batches of 64
    json.dumps(plain(explanation), allow_nan=False)


def test_timings_add_up(explanation: Explanation) -> None:
    timings = dict(explanation.timings)
    total = timings.pop("total")
    assert {"encode", "fit", "explain"} <= set(timings)
    assert total == pytest.approx(sum(timings.values()))
    assert all(seconds > 0 for seconds in timings.values())


def test_the_decision_depends_on_the_shape(explanation: Explanation) -> None:
    redraws = explanation.redraws
    assert set(redraws) == {"shape", "hue", "residual"}
    for redraw in redraws.values():
        assert redraw.kind == "classes"
        for score in (redraw.flip_rate, redraw.kl, redraw.class_std, redraw.change):
            assert score.low <= score.value <= score.high
        assert 0 <= redraw.flip_rate.value <= 1
        assert redraw.kl.value >= 0
        assert 0 <= redraw.left_data <= 1
    assert redraws["shape"].flip_rate.value > 2 * redraws["hue"].flip_rate.value
    assert redraws["shape"].kl.value > redraws["hue"].kl.value


def test_examples_tell_what_each_factor_is_and_does(explanation: Explanation, toy: Any) -> None:
    assert len(explanation.examples) == 6
    for example in explanation.examples:
        place = int(example.name)
        assert np.array_equal(example.picture, toy.fresh[place])
        logits = toy.interpreter.run(toy.fresh[place : place + 1])
        assert example.prediction.labels[0] == f"class {int(logits.argmax())}"
        assert sum(example.prediction.values) == pytest.approx(1, abs=1e-6)
        assert set(example.factors) == {"shape", "hue", "residual"}
        for factor in example.factors.values():
            assert 0 <= factor.percentile <= 100
            assert 0 <= factor.resample_flip <= 1
            assert 0 <= factor.donor < 6
        assert example.factors["shape"].label in "012"
        assert example.factors["residual"].label == ""


def test_a_swap_in_an_example_is_the_swap_of_run(explanation: Explanation, toy: Any) -> None:
    example = explanation.examples[0]
    row = example.factors["shape"]
    ours, donor = (int(explanation.examples[i].name) for i in (0, row.donor))
    edit = inn.edits.swap("shape", toy.fresh[donor : donor + 1])
    logits = toy.interpreter.run(toy.fresh[ours : ours + 1], edit).double()
    top = logits.softmax(1).max(1)
    assert row.swap.labels[0] == f"class {int(top.indices)}"
    assert row.swap.values[0] == pytest.approx(float(top.values), abs=1e-4)


def test_donors_are_of_another_class_where_there_is_one() -> None:
    def said(*labels: str) -> list[Outcome]:
        return [Outcome((label,), (1.0,)) for label in labels]

    assert _donors(said("a", "a", "b")) == [2, 2, 0]
    assert _donors(said("a", "a")) == [1, 0]
    assert _donors(said("a")) == [0]
    runners_up = [Outcome(labels, (0.6, 0.4)) for labels in (("a", "b"), ("a", "c"), ("b", "a"))]
    assert _donors(runners_up) == [2, 2, 0]


def test_neighbours_are_real_inputs_in_the_order_of_the_factor(explanation: Explanation, toy: Any) -> None:
    codes = toy.interpreter.encode(toy.fresh)
    for factor in toy.interpreter.factors:
        found = explanation.neighbours[factor.name]
        assert found.indices.shape == (7, 4)
        assert len(found.pictures) == 7
        assert np.all(np.diff(found.positions) > 0)
    hue = explanation.neighbours["hue"]
    assert all(text.endswith("°") for row in hue.values for text in row)
    assert explanation.neighbours["residual"].values == ()
    axis = toy.interpreter.translator.axes["hue"]
    positions = axis.position(codes[:, toy.interpreter.factors["hue"].slice]).sort().values
    assert positions[0] < hue.positions[2]  # there are inputs to either side


def test_traversals_lead_through_the_input_itself(explanation: Explanation) -> None:
    for traversals in explanation.traversals.values():
        assert len(traversals) == 3
        for traversal in traversals:
            assert traversal.positions.tolist() == pytest.approx(np.linspace(-2.5, 2.5, 9).tolist())
            assert traversal.curves.shape == (9, len(traversal.labels))
            assert 2 <= len(traversal.labels) <= 4
            assert np.all((traversal.curves >= 0) & (traversal.curves <= 1))
            assert traversal.pictures == ()


def test_an_explanation_is_the_same_each_time_and_another_with_another_seed(toy: Any) -> None:
    def flips(seed: int) -> list[float]:
        found = toy.interpreter.explain(toy.fresh[:30], examples=2, resamples=3, seed=seed, localizer=None)
        return [redraw.flip_rate.value for redraw in found.redraws.values()]

    assert flips(0) == flips(0)
    assert flips(0) != flips(1)


# --- targets --------------------------------------------------------------------------------------------


def test_a_target_is_an_index_or_a_function(toy: Any) -> None:
    def change(target: Any) -> float:
        found = toy.interpreter.explain(
            toy.fresh[:40], target=target, examples=2, resamples=4, localizer=None
        )
        return found.redraws["shape"].change.value

    by_index = change(1)
    by_function = change(lambda logits: logits.double().softmax(1)[:, 1])
    assert by_index == pytest.approx(by_function, rel=1e-6)
    assert change(np.int64(1)) == by_index
    assert change(-2) == pytest.approx(by_index)
    assert change(None) > 0


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (3, r"Expected a target from 0 to 2, found 3"),
        ("cat", r"Expected a target that is the index of an output, or a function of outputs, found 'cat'"),
        (lambda logits: logits, r"gives one score for each of 20 outputs, found an array \(20, 3\)"),
    ],
)
def test_targets_that_are_none(target: Any, text: str, toy: Any) -> None:
    with pytest.raises(inn.InputError, match=text):
        toy.interpreter.explain(toy.fresh[:20], target=target, examples=2, resamples=1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"examples": 0}, r"Expected at least 1 example to show, found 0"),
        ({"resamples": 0}, r"Expected at least 1 resample of each input, found 0"),
        ({"resamples": -3}, r"Expected at least 1 resample of each input, found -3"),
    ],
)
def test_amounts_that_are_none(options: Any, text: str, toy: Any) -> None:
    with pytest.raises(inn.EditError, match=text):
        toy.interpreter.explain(toy.fresh[:20], **options)


@pytest.mark.slow
def test_a_single_input_can_be_explained(toy: Any) -> None:
    explanation = toy.interpreter.explain(toy.fresh[:1], localizer=None)
    assert len(explanation.examples) == 1
    assert explanation.examples[0].factors["shape"].donor == 0
    toy.interpreter.report(toy.fresh[:1]).to_html()


def test_more_examples_than_inputs_are_all_inputs(toy: Any) -> None:
    assert len(toy.interpreter.explain(toy.fresh[:5], examples=50, resamples=1, localizer=None).examples) == 5


def test_examples_beyond_the_first_batch(toy: Any) -> None:
    explanation = toy.interpreter.explain(toy.fresh, examples=100, resamples=1, localizer=None)
    assert len({example.name for example in explanation.examples}) == 100


# --- warnings -------------------------------------------------------------------------------------------


def test_edits_that_leave_the_data_are_warned_of(toy: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("interpret_inn.explaining.explain.distance_to_data", lambda *_, **__: 0.5)
    explanation = toy.interpreter.explain(toy.fresh[:10], examples=1, resamples=1, localizer=None)
    assert any(
        line.startswith("50% of the redraws of the factor hue lie further") for line in explanation.warnings
    )


def test_what_was_measured_is_warned_of_if_it_is_worth_it(explanation: Explanation) -> None:
    assert explanation.warnings == warnings_of(explanation)
    some = explanation.redraws["hue"]
    away = {name: dataclasses.replace(some, left_data=x) for name, x in (("shape", 0.05), ("hue", 0.06))}
    told = set(warnings_of(dataclasses.replace(explanation, redraws=away))) - set(explanation.warnings)
    assert told == {
        "6% of the redraws of the factor hue lie further from the data than 99% of the data lie from each other, so "
        "they may overstate what the model does on real inputs."
    }


def test_versions_leave_out_packages_that_are_not_installed(monkeypatch: Any) -> None:
    def version(package: str) -> str:
        if package == "timm":
            raise PackageNotFoundError(package)
        return f"{package} 1"

    monkeypatch.setattr(module, "version", version)
    found = module._versions()
    assert (found["torch"], found["nflows"]) == ("torch 1", "nflows 1")
    assert "timm" not in found


def test_what_the_source_and_the_fit_noted_is_repeated(explanation: Explanation, toy: Any) -> None:
    assert set(toy.interpreter.fitted.notes) <= set(explanation.warnings)


# --- what is shown --------------------------------------------------------------------------------------


def test_thumbnails_are_small_and_keep_their_proportions() -> None:
    assert thumbnail(np.zeros((24, 24, 3), np.uint8)).shape == (24, 24, 3)
    assert thumbnail(np.zeros((400, 200, 3), np.uint8)).shape == (96, 48, 3)


def test_class_names_of_the_model_are_used(toy: Any, small: Any) -> None:
    from interpret_inn.backbones import Backbone

    backbone = Backbone(toy.model, "head:in", class_names=("square", "disc", "cross"), kind="classifier")
    it = inn.Interpreter(backbone).fit("labels", data=toy.images, labels=toy.labels["shape"], **small)
    explanation = it.explain(toy.fresh[:10], examples=3, resamples=1, localizer=None)
    assert explanation.backbone == "classifier"
    assert {name for e in explanation.examples for name in e.prediction.labels} == {"square", "disc", "cross"}
    assert set(explanation.traversals["label"][0].labels) <= {"square", "disc", "cross"}


def test_an_observer_is_told_of_explanations(toy: Any) -> None:
    told: list[Explanation] = []

    class Observer:
        @inn.hookimpl
        def inn_after_explain(self, explanation: Explanation) -> None:
            told.append(explanation)

    name = inn.register(Observer(), name="observer-of-explanations")
    try:
        explanation = toy.interpreter.explain(toy.fresh[:5], examples=1, resamples=1, localizer=None)
    finally:
        inn.unregister(name)
    assert told == [explanation]


def test_codes_of_resamples_are_drawn_from_the_data(toy: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    drawn: Tensor = toy.interpreter.translator.draw(toy.interpreter.factors["hue"], 7, generator)
    reference = toy.interpreter.fitted.reference_codes[:, toy.interpreter.factors["hue"].slice]
    assert torch.cdist(drawn, reference).min(1).values.max() < 1e-3


def test_its_repr_is_a_few_lines_and_no_arrays(explanation: Explanation) -> None:
    text = repr(explanation)
    assert text.startswith("Explanation of 'ToyClassifier' at 'head:in'")
    assert "redrawing shape changes the class in" in text
    assert "array" not in text and len(text.splitlines()) < 12
    assert "array" not in repr(explanation.examples[0])
    shown = {
        f"{name}.{field.name}"
        for name, record in vars(records).items()
        if dataclasses.is_dataclass(record)
        for field in dataclasses.fields(record)
        if "Picture" in str(field.type) and field.repr
    }
    assert not shown


def test_intervals_of_redraws_draw_whole_groups(toy: Any) -> None:
    """Eight copies of an image say the same thing eight times: the intervals must not shrink for it."""
    images = np.repeat(np.asarray(toy.fresh)[:12], 8, axis=0)
    grouped = samples(images, groups=np.repeat(np.arange(12), 8))
    found = survey(toy.interpreter.translator, grouped, resamples=2, examples=2)
    assert found.groups is not None
    assert found.groups.tolist() == [int(found.names[i]) // 8 for i in found.order]
    apart, together = (
        toy.interpreter.explain(inputs, examples=2, resamples=2, localizer=None).redraws["shape"].kl
        for inputs in (images, grouped)
    )
    assert together.value == pytest.approx(apart.value)
    assert (together.low, together.high) != (apart.low, apart.high)


@pytest.mark.parametrize(
    ("shape", "resamples", "wanted"),
    [
        ((3, 8, 8), None, (512, 32)),
        ((1, 28, 28), None, (512, 10)),
        ((3, 64, 64), None, (128, 8)),
        ((3, 64, 64), 1, (512, 1)),
        ((3, 64, 64), 32, (64, 32)),
        ((3, 512, 512), None, (64, 8)),
        ((10,), None, (512, 32)),
        ((10,), 5, (512, 5)),
        ((4096,), None, (512, 32)),
    ],
)
def test_large_output_images_are_edited_less_often(
    toy: Any, shape: tuple[int, ...], resamples: int | None, wanted: tuple[int, int]
) -> None:
    assert effort(toy.interpreter.backbone, torch.zeros(1, *shape), resamples) == wanted
    most, edits = wanted
    if len(shape) == 3 and resamples is None:
        assert most * edits * shape[1] * shape[2] <= max(IMAGE_PIXELS, 64 * 8 * shape[1] * shape[2])
