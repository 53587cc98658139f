"""`fit`: what it takes, what it leaves, and what happens when it is stopped."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.testing import toy_classifier
from interpret_inn.types import FitStep

pytestmark = pytest.mark.usefixtures("hasty_probes")


@pytest.fixture(scope="module")
def labelled(toy: Any) -> dict[str, Any]:
    """Half of the toy's images with their shapes, as options of the source "labels"."""
    return {
        "data": toy.images[:200],
        "labels": {"shape": toy.labels["shape"][:200]},
        "kinds": {"shape": "categorical"},
    }


@pytest.fixture
def fresh(toy: Any) -> inn.Interpreter:
    return inn.wrap(toy.model, "head:in")


def same_flow(a: inn.Interpreter, b: inn.Interpreter) -> bool:
    first, second = a.fitted.network.state_dict(), b.fitted.network.state_dict()
    return all(torch.equal(first[name], second[name]) for name in first)


# --- what it takes --------------------------------------------------------------------------------------


def test_sources_by_name_or_as_objects_are_the_same(fresh: Any, toy: Any, labelled: Any, small: Any) -> None:
    fresh.fit("labels", **labelled, **small)
    other = inn.wrap(toy.model, "head:in").fit(inn.concept_source("labels", **labelled), **small)
    assert same_flow(fresh, other)


def test_several_sources_become_factors_of_one_code(fresh: Any, toy: Any, labelled: Any, small: Any) -> None:
    shape = inn.concept_source("labels", **labelled)
    hue = inn.concept_source(
        "labels", data=toy.images[:200], labels={"hue": toy.labels["hue"][:200]}, kinds={"hue": "cyclic"}
    )
    fresh.fit(shape, hue, **small)
    assert fresh.factors.names == ("shape", "hue", "residual")
    assert sum(fresh.fitted.split) == 200  # the same images are encoded and split once
    with pytest.raises(inn.ConceptError, match=r"The concept 'shape' is named by both 'labels' and 'labels'"):
        fresh.fit(shape, shape, **small)


def test_the_seed_decides_and_the_global_one_does_not(toy: Any, labelled: Any, small: Any) -> None:
    made = []
    for global_seed, seed in ((0, 5), (1, 5), (1, 6)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(global_seed)
            made.append(inn.wrap(toy.model, "head:in").fit("labels", **labelled, seed=seed, **small))
    assert same_flow(made[0], made[1])
    assert not same_flow(made[1], made[2])


def test_sizes_may_be_given(fresh: Any, labelled: Any, small: Any) -> None:
    fresh.fit("labels", **labelled, sizes={"shape": 4}, **small)
    assert fresh.factors["shape"].size == 4
    assert np.isnan(fresh.fitted.raw_scores["shape"])


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"step": 5}, inn.ConceptError, r"takes 'step'\. Did you mean 'steps'"),
        ({"steps": 0}, inn.FitError, r"Expected steps of at least 1, found 0"),
        ({"noise": 0}, inn.FitError, r"Expected noise above 0, found 0"),
        ({"explained": 2}, inn.FitError, r"Expected explained in \(0, 1\], found 2"),
        ({"weight_decay": -1}, inn.FitError, r"Expected weight_decay of at least 0, found -1"),
        (
            {"sizes": {"shapes": 3}},
            inn.ConceptError,
            r"A size was given for 'shapes', which is no concept\. Did you",
        ),
        (
            {"sizes": {"shape": 0}},
            inn.ConceptError,
            r"Expected a whole number of axes, at least 1, for 'shape', found 0",
        ),
        (
            {"sizes": {"shape": 12}},
            inn.ConceptError,
            r"leave at least 1 of 12 axes to the residual, found \{'shape': 12\}",
        ),
        ({"batch_size": 0}, inn.InputError, r'Expected batch_size="auto" or a number from 1, found 0'),
    ],
)
def test_options_that_cannot_be_used_are_named(
    options: Any, kind: Any, text: str, fresh: Any, labelled: Any, small: Any
) -> None:
    with pytest.raises(kind, match=text):
        fresh.fit("labels", **labelled, **small | options)
    with pytest.raises(inn.NotFittedError):
        _ = fresh.fitted


def test_options_without_a_named_source_are_refused(fresh: Any, labelled: Any, small: Any) -> None:
    source = inn.concept_source("labels", **labelled)
    with pytest.raises(
        inn.ConceptError, match=r"Expected settings of the fit, found \['step'\]\. Did you mean 'steps'"
    ):
        fresh.fit(source, step=3)
    with pytest.raises(inn.ConceptError, match=r"Expected at least one concept source, found none"):
        fresh.fit()
    with pytest.raises(inn.PluginError, match=r"There is no concept source 'label'\. Did you mean 'labels'"):
        fresh.fit("label", data=None)


def test_what_is_no_source_is_refused(fresh: Any, toy: Any) -> None:
    with pytest.raises(
        inn.ConceptError,
        match=r"Expected a concept source or the name of one, found an object of type ndarray",
    ):
        fresh.fit(toy.images)


# --- what it leaves -------------------------------------------------------------------------------------


def test_a_fit_that_fails_leaves_the_one_before(fresh: Any, toy: Any, labelled: Any, small: Any) -> None:
    fresh.fit("labels", **labelled, **small)
    before = fresh.encode(toy.fresh[:3])
    with pytest.raises(inn.ConceptError, match="leave at least 1 of 12 axes"):
        fresh.fit("labels", **labelled, sizes={"shape": 99}, **small)
    assert torch.equal(fresh.encode(toy.fresh[:3]), before)
    assert fresh.evaluation.summaries[0].name == "shape"  # its data are still at hand
    assert len(fresh.explain(examples=2, resamples=1, localizer=None).examples) == 2


@pytest.mark.slow
def test_explaining_without_inputs_takes_the_test_split(
    fresh: Any, toy: Any, labelled: Any, small: Any
) -> None:
    fresh.fit("labels", **labelled, **small)
    explanation = fresh.explain(examples=40, resamples=1, localizer=None)
    assert explanation.checks.samples == fresh.fitted.split[2] == 40
    tested = {int(name) for name in (example.name for example in explanation.examples)}
    assert tested == set(fresh._data.pool.indices("test").tolist())  # named by their place in the data


# --- stopped and made again -----------------------------------------------------------------------------


class Interrupting:
    """An observer that stops the fit, as Ctrl-C would."""

    def __init__(self, at: int) -> None:
        self.at = at

    @inn.hookimpl
    def inn_after_fit_step(self, step: FitStep) -> None:
        if step.step >= self.at:
            raise KeyboardInterrupt


@pytest.fixture
def interrupting() -> Iterator[Any]:
    names: list[str] = []

    def start(at: int) -> None:
        names.append(inn.register(Interrupting(at), name="interrupting"))

    def stop() -> None:
        while names:
            inn.unregister(names.pop())

    start.stop = stop  # type: ignore[attr-defined]
    yield start
    stop()


def test_an_interrupted_fit_made_again_gives_the_same(
    toy: Any, labelled: Any, small: Any, interrupting: Any, tmp_path: Path, folder_state: Any
) -> None:
    settings = small | {"steps": 24, "every": 6, "cache": tmp_path / "rows", "checkpoint": tmp_path / "fits"}
    whole = inn.wrap(toy.model, "head:in").fit("labels", **labelled, **settings | {"checkpoint": None})
    stopped = inn.wrap(toy.model, "head:in")
    interrupting(12)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit("labels", **labelled, **settings)
    assert len(folder_state(tmp_path / "fits")) == 1
    with pytest.raises(inn.NotFittedError):
        stopped.encode(toy.fresh[:1])
    with pytest.raises(KeyboardInterrupt):  # it goes on where it was, and is stopped at once
        stopped.fit("labels", **labelled, **settings)
    interrupting.stop()
    stopped.fit("labels", **labelled, **settings)
    assert same_flow(whole, stopped)
    assert [row[0] for row in stopped.fitted.record.history] == [6, 12, 18, 24]
    assert stopped.fitted.record.history == whole.fitted.record.history
    assert torch.equal(stopped.encode(toy.fresh), whole.encode(toy.fresh))
    assert folder_state(tmp_path / "fits") == []


def test_a_checkpoint_is_of_this_very_fit(
    toy: Any, labelled: Any, small: Any, interrupting: Any, tmp_path: Path, folder_state: Any
) -> None:
    settings = small | {"steps": 12, "every": 3, "checkpoint": tmp_path}
    interrupting(6)
    for seed in (0, 1):
        with pytest.raises(KeyboardInterrupt):
            inn.wrap(toy.model, "head:in").fit("labels", **labelled, seed=seed, **settings)
    assert len(folder_state(tmp_path)) == 2
    interrupting.stop()
    (damaged, *_) = sorted(tmp_path.iterdir())
    damaged.write_bytes(b"not a checkpoint")
    texts = []
    for seed in (0, 1):
        try:
            inn.wrap(toy.model, "head:in").fit("labels", **labelled, seed=seed, **settings)
        except inn.FitError as error:
            texts.append(str(error))
    assert len(texts) == 1
    assert "cannot be read" in texts[0]
    assert "Remove it to begin anew" in texts[0]


# --- no room --------------------------------------------------------------------------------------------


def no_space(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_while_storing_says_where_and_what_to_type(
    fresh: Any, toy: Any, labelled: Any, small: Any, tmp_path: Path, monkeypatch: Any, folder_state: Any
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", no_space)
        with pytest.raises(inn.StoreError, match=r"cannot be stored in .*the disk is full.*Type cache=None"):
            fresh.fit("labels", **labelled, **small | {"cache": tmp_path})
    assert folder_state(tmp_path) == []
    with pytest.raises(inn.NotFittedError):
        fresh.encode(toy.fresh[:1])
    fresh.fit("labels", **labelled, **small | {"cache": tmp_path})  # with room it goes on
    assert any(name.endswith("manifest.json") for name in folder_state(tmp_path))


def test_a_full_disk_while_checkpointing_says_where_and_what_to_type(
    fresh: Any, labelled: Any, small: Any, tmp_path: Path, monkeypatch: Any, folder_state: Any
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("interpret_inn.fitting.checkpoint.save_file", no_space)
        with pytest.raises(inn.FitError, match=r"could not be written: .*No space left.*fit\(checkpoint=…\)"):
            fresh.fit("labels", **labelled, **small | {"checkpoint": tmp_path})
    assert folder_state(tmp_path) == []


def test_rows_are_stored_once_and_used_again(
    toy: Any, labelled: Any, small: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    settings = small | {"cache": tmp_path}
    first = inn.wrap(toy.model, "head:in").fit("labels", **labelled, **settings)
    from interpret_inn.backbones import Backbone

    runs = []
    real = Backbone.represent
    monkeypatch.setattr(
        Backbone, "represent", lambda self, inputs: runs.append(len(inputs)) or real(self, inputs)
    )
    second = inn.wrap(toy.model, "head:in").fit("labels", **labelled, **settings)
    assert sum(runs) == 1  # one image, to see that the model is still the same
    assert same_flow(first, second)


def test_weights_that_changed_since_the_fit_are_refused(small: Any, labelled: Any, tmp_path: Any) -> None:
    model = toy_classifier()
    interpreter = inn.wrap(model).fit("labels", **labelled, **small)
    with torch.no_grad():
        model.head.weight.add_(0.1)
    for call in (interpreter.explain, interpreter.report, lambda: interpreter.save(tmp_path / "saved")):
        with pytest.raises(inn.BackboneError, match=r"weights of ToyClassifier have changed since the fit"):
            call()
    assert not (tmp_path / "saved").exists()


def test_a_callers_modes_do_not_reach_the_fit(small: Any, labelled: Any) -> None:
    images = labelled["data"][:20]
    with torch.inference_mode():
        assert inn.wrap(toy_classifier()).fit("labels", **labelled, **small).check(images).passed
    with torch.autocast("cpu", torch.bfloat16):
        checks = inn.wrap(toy_classifier()).fit("labels", **labelled, **small).check(images)
    assert max(checks.round_trip_data, checks.round_trip_edited) <= checks.tolerance
