"""Fits to other samples: each sample is judged by a flow and probes that never saw its group."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn.explaining import refits as module
from interpret_inn.explaining.evaluation import probed
from interpret_inn.explaining.evidence import Refits
from interpret_inn.explaining.records import plain
from interpret_inn.explaining.refits import with_refits
from interpret_inn.fitting.fit import refit
from interpret_inn.fitting.folds import folds
from interpret_inn.fitting.rows import StoredRows
from interpret_inn.metrics.probes import fit_linear_probe
from interpret_inn.translating.settings import FitSettings
from interpret_inn.translating.translator import Translator
from interpret_inn.types import Plan, ProbeScores, Score
from interpret_inn.types.concepts import Concept

pytestmark = pytest.mark.usefixtures("hasty_probes")

N, AXES = 80, 6
GROUPS = np.arange(N) // 2


class Counted(nn.Module):
    """The identity, which counts how often it is run."""

    runs = 0

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        return rows * 1.0


def rows_of(values: np.ndarray[Any, Any], *, seed: int = 0) -> torch.Tensor:
    """Rows (N, 6): the third axis tells a number, less some noise."""
    rows = np.random.default_rng(seed).normal(size=(N, AXES))
    rows[:, 2] += 2 * values
    return torch.from_numpy(rows).float()


def fitted(labels: dict[str, Any], rows: torch.Tensor, **options: Any) -> inn.Interpreter:
    model = nn.Sequential(Counted()).eval()
    known = {"cache": None, "checkpoint": None, "explained": 1.0, "samples_per_axis": 1.0, "refits": 5}
    it = inn.wrap(model, "0", preprocess="identity")
    return it.fit("labels", data=rows, labels=labels, **known | options)


NUMBERS = np.random.default_rng(1).normal(size=N)


@pytest.fixture(scope="module")
def it(hasty_probes: None) -> inn.Interpreter:
    """A fit to one number, in groups of two, with five refits."""
    return fitted({"number": NUMBERS}, rows_of(NUMBERS), groups=GROUPS)


@pytest.fixture(scope="module")
def found(it: inn.Interpreter) -> Refits:
    assert it.evaluation.refits is not None
    return it.evaluation.refits


def each(it: inn.Interpreter) -> list[Any]:
    """The data of each refit."""
    seed = module.derived_seed(it.fitted.seed, "refits")
    return list(folds(it._data, 5, seed=seed))


def test_the_score_of_a_refit_is_that_of_a_flow_and_a_probe_without_its_fold(
    it: inn.Interpreter, found: Refits
) -> None:
    fold = each(it)[1]
    flow = refit(it.backbone, fold, seed=0, settings=it.fitted.settings)
    train, test = (fold.pool.indices(part).numpy() for part in ("train", "test"))
    codes = flow.network(rows_of(NUMBERS))[0].numpy()[:, flow.factors["number"].slice]
    probe = fit_linear_probe(codes[train], NUMBERS[train], kind="numeric", groups=GROUPS[train])
    error = np.square(probe.predict(codes[test]) - NUMBERS[test]).sum()
    wanted = 1 - error / np.square(NUMBERS[test] - NUMBERS[test].mean()).sum()
    assert found.scores["number"]["number"].linear.parts["refit 2"] == pytest.approx(wanted, abs=1e-6)


def test_a_refit_knows_nothing_of_its_fold(it: inn.Interpreter) -> None:
    """Other rows and values in its test split: the flow stays the same, bit for bit."""
    fold = each(it)[0]
    test = fold.pool.indices("test")
    other = rows_of(NUMBERS)
    other[test] = 100.0
    values = NUMBERS.copy()
    values[test] = np.nan
    changed = fold._replace(stored=(StoredRows(other[:, None], positions=None),))
    changed.pool.parts = [
        dataclasses.replace(part, concepts=(Concept("number", "numeric", values),))
        for part in fold.pool.parts
    ]
    flows = [refit(it.backbone, data, seed=0, settings=it.fitted.settings) for data in (each(it)[0], changed)]
    mine, theirs = (flow.network.state_dict() for flow in flows)
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_the_mean_of_an_r2_is_that_of_all_folds_together(it: inn.Interpreter, found: Refits) -> None:
    own = found.scores["number"]["number"].linear
    parts = np.array(list(own.parts.values()))
    tests = [NUMBERS[fold.pool.indices("test").numpy()] for fold in each(it)]
    squares = np.array([np.square(values - values.mean()).sum() for values in tests])
    assert own.value == pytest.approx(1 - ((1 - parts) * squares).sum() / squares.sum())
    assert own.low < own.value < own.high
    assert found.count == 5
    assert 0 < found.carried["number"] <= 5
    assert found.chance == {"number": 0}


def test_the_fit_and_the_global_state_are_left_alone_and_no_model_is_run(it: inn.Interpreter) -> None:
    again = fitted({"number": NUMBERS}, rows_of(NUMBERS), groups=GROUPS)
    without = fitted({"number": NUMBERS}, rows_of(NUMBERS), groups=GROUPS, refits=0)
    counted = again.backbone.model[0]
    before, runs, state = again.encode(rows_of(NUMBERS)), counted.runs, torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002
    with torch.inference_mode():
        evaluation = with_refits(it.evaluation, again.translator, again._data)
    assert counted.runs == runs
    assert torch.equal(torch.get_rng_state(), state)
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    assert torch.equal(again.encode(rows_of(NUMBERS)), before)
    assert torch.equal(without.encode(rows_of(NUMBERS)), before)
    assert evaluation.refits.scores == it.evaluation.refits.scores
    none = with_refits(it.evaluation, without.translator, without._data)
    assert none.refits == Refits(reason="None were asked for (refits=0).")


@pytest.mark.slow
def test_classes_and_angles_with_gaps_and_sizes_that_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    classes = np.where(NUMBERS > 0, "high", "low").astype(object)
    classes[::9] = None
    turn = np.random.default_rng(2).uniform(-np.pi, np.pi, N)
    rows = rows_of(NUMBERS)
    rows[:, :2] = 4 * torch.from_numpy(np.stack([np.cos(turn), np.sin(turn)], 1)) + 0.3 * rows[:, :2]
    turn[::7] = np.nan
    sizes: list[dict[str, int]] = []

    def spied(*given: Any, **options: Any) -> Any:
        flow = refit(*given, **options)
        sizes.append(dict(zip(flow.factors.names, flow.factors.sizes, strict=True)))
        return flow

    monkeypatch.setattr(module, "refit", spied)
    labels, kinds = {"class": classes, "turn": turn}, {"class": "categorical", "turn": "cyclic"}
    it = fitted(labels, rows, kinds=kinds, sizes={"class": 2}, refits=2)
    found = it.evaluation.refits
    assert found is not None
    assert [size["class"] for size in sizes] == [2, 2]
    assert found.count == 2
    own = {name: found.scores[name][name].linear for name in labels}
    assert own["class"].value > 0.6
    assert 0 <= own["class"].low < own["class"].high <= 1
    assert own["turn"].value > 0.8
    high = np.mean(NUMBERS[np.arange(N) % 9 > 0] > 0)
    assert found.chance["class"] == pytest.approx(max(high, 1 - high))
    assert math.isfinite(found.representation["turn"].kernel.value)
    assert math.isnan(found.representation["turn"].network.value)


def test_shuffled_numbers_are_not_carried(it: inn.Interpreter) -> None:
    random = np.random.default_rng(3)
    other = fitted({"number": random.permutation(NUMBERS)}, rows_of(NUMBERS))
    found = with_refits(it.evaluation, other.translator, other._data)
    assert found.refits is not None
    assert found.refits.scores["number"]["number"].linear.low < 0
    assert found.verdicts["number"].carried.holds is not True


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"refits": None},
            "The training split is large (56 samples or groups). Type fit(…, refits=5) for some.",
        ),
        pytest.param(
            {"flow": "joint", "blocks": 0},
            "A flow that is trained is not refitted, as each refit would take as long",
            marks=pytest.mark.slow,
        ),
        ({"groups": np.arange(N) // 4}, "They need at least 25 samples (groups of samples), found 20."),
    ],
)
def test_why_there_are_none(options: dict[str, Any], reason: str) -> None:
    it = fitted({"number": NUMBERS}, rows_of(NUMBERS), **options)
    assert module._reason_against(it.translator, it._data).startswith(reason)


def test_they_are_made_of_few_samples_and_few_concepts_unless_the_fit_says_otherwise(
    it: inn.Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = dataclasses.replace(it.fitted, settings=dataclasses.replace(it.fitted.settings, refits=None))
    translator = Translator(it.backbone, asked)
    monkeypatch.setattr(module, "AUTOMATIC", 29)
    assert module._reason_against(translator, it._data) == ""
    monkeypatch.setattr(module, "AUTOMATIC", 28)  # of 40 groups, 28 are for training
    assert "large (28 samples or groups)" in module._reason_against(translator, it._data)
    monkeypatch.setattr(module, "AUTOMATIC", 500)
    monkeypatch.setattr(module, "MOST_CONCEPTS", 0)
    assert "long with 1 concepts" in module._reason_against(translator, it._data)
    assert module._reason_against(it.translator, it._data) == ""


def test_the_help_of_the_setting_says_when_they_are_made() -> None:
    words = " ".join((FitSettings.__doc__ or "").split())
    assert module.MOST_CONCEPTS == 3
    assert (
        f"five if there are at least {module.FEWEST * module.FOLDS} samples, fewer than 500 in the "
        "training split, and at most three concepts have values, else none"
    ) in words


def test_one_that_fails_leaves_the_rest_of_the_evaluation(
    it: inn.Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise inn.ConceptError("Expected fewer concepts than axes.")

    monkeypatch.setattr(module, "refit", fails)
    found = with_refits(it.evaluation, it.translator, it._data)
    assert found.refits == Refits(reason="One of them failed. Expected fewer concepts than axes.")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("cannot reshape array of size 0"), "ValueError: cannot reshape array of size 0"),
        (torch.linalg.LinAlgError("did not converge"), "LinAlgError: did not converge"),
        (ZeroDivisionError("float division"), "ZeroDivisionError: float division"),
        (IndexError("index 3 is out of bounds"), "IndexError: index 3 is out of bounds"),
    ],
)
@pytest.mark.parametrize("place", ["refit", "folds", "_summary"])
def test_one_that_fails_in_numbers_does_so_too(
    it: inn.Interpreter, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str, place: str
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise error

    if place == "_summary":
        monkeypatch.setattr(module, "_refit", lambda *_: None)
    monkeypatch.setattr(module, place, fails)
    found = with_refits(it.evaluation, it.translator, it._data)
    assert found.refits == Refits(reason=f"One of them failed. {said}")


def test_they_are_saved_and_loaded(it: inn.Interpreter, found: Refits, tmp_path: Any) -> None:
    it.save(tmp_path / "saved")
    loaded = inn.load(tmp_path / "saved", nn.Sequential(Counted()).eval())
    assert plain(loaded.evaluation.refits) == plain(found)
    assert loaded.evaluation.verdicts == it.evaluation.verdicts
    assert "over 5 refits to other samples" in it.evaluation.verdicts["number"].carried.sentence


# --- what is known beforehand -----------------------------------------------------------------------


@pytest.mark.slow
def test_a_group_in_two_folds_would_be_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows tell which group they are of, and classes are drawn by group: all that can be learnt is known by leaks."""
    random = np.random.default_rng(5)
    groups = np.arange(N) // 2
    rows = 3 * random.normal(size=(N // 2, 12))[groups] + 0.05 * random.normal(size=(N, 12))
    data, labels = torch.from_numpy(rows).float(), random.integers(0, 2, N // 2)[groups]
    it = fitted({"class": labels}, data, groups=groups, kinds={"class": "categorical"})
    monkeypatch.setattr("interpret_inn.explaining.refits.probed", nearest)
    found = module._measured(it.translator, it._data, 5).own("class")
    assert found is not None
    assert found.value < 0.65
    assert found.low < 0.5
    monkeypatch.setattr("interpret_inn.fitting.folds.separable_groups", lambda pool: np.arange(pool.rows))
    leaking = module._measured(it.translator, it._data, 5).own("class")
    assert leaking is not None
    assert leaking.low > 0.6


def nearest(translator: Translator, data: Any, *, networks: bool) -> Any:
    """A probe that takes the class of the training sample whose rows are the nearest."""
    assert not networks
    table = probed(translator, data, networks=False)
    rows = [data.rows(data.pool.indices(split))[:, 0] for split in ("train", "test")]
    values = [data.pool.concepts_at(data.pool.indices(split))[0].values for split in ("train", "test")]
    right = float((values[0][torch.cdist(rows[1], rows[0]).argmin(1).numpy()] == values[1]).mean())
    cell = ProbeScores(Score(right), Score(math.nan), Score(right))
    scores = {"class": dict.fromkeys(table.leakage.factors, cell)}
    told = dataclasses.replace(table.leakage, scores=scores)
    return table._replace(found=table.found._replace(leakage=told))


def test_the_interval_holds_the_score_on_thousands_of_new_samples(it: inn.Interpreter, found: Refits) -> None:
    random = np.random.default_rng(8)
    values = random.normal(size=5000)
    rows = torch.from_numpy(random.normal(size=(5000, AXES))).float()
    rows[:, 2] += 2 * torch.from_numpy(values).float()
    train = it._data.pool.indices("train").numpy()
    own = it.fitted.factors["number"].slice
    codes = [it.fitted.network(some)[0].numpy()[:, own] for some in (rows_of(NUMBERS)[train], rows)]
    probe = fit_linear_probe(codes[0], NUMBERS[train], kind="numeric", groups=GROUPS[train])
    truth = 1 - np.square(probe.predict(codes[1]) - values).mean() / values.var()
    assert 0.7 < truth < 0.8  # of the variance, four fifths can be known
    score = found.own("number")
    assert score is not None
    assert score.low < truth < score.high
    assert score.high - score.low < 0.7


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::interpret_inn.InnWarning")
def test_a_class_that_a_fold_lacks_counts_as_missed_and_a_concept_of_too_few_has_no_figure() -> None:
    classes = np.where(NUMBERS > 0, 1, 0)
    classes[:2] = 2
    few = np.full(N, np.nan)
    few[:20] = NUMBERS[:20]
    kinds = {"class": "categorical", "few": "numeric"}
    it = fitted({"class": classes, "few": few}, rows_of(NUMBERS), kinds=kinds)
    found = it.evaluation.refits
    assert found is not None
    own = found.own("class")
    assert own is not None
    assert 0.6 < own.value < 1
    assert found.own("few") is None
    assert "refits" not in it.evaluation.verdicts["few"].carried.sentence


@pytest.mark.slow
def test_at_positions_a_sample_stays_whole() -> None:
    random = np.random.default_rng(4)
    rows = torch.from_numpy(random.normal(size=(N, 3, AXES))).float()
    rows[:, :, 2] += 2 * torch.from_numpy(NUMBERS).float()[:, None]
    it = inn.wrap(nn.Sequential(Counted()).eval(), "0", preprocess="identity", layout="positions")
    it.fit("labels", data=rows, labels={"number": NUMBERS}, cache=None, checkpoint=None, refits=5)
    found = it.evaluation.refits
    assert found is not None
    own = found.own("number")
    assert own is not None
    assert own.low > 0.5


def test_a_source_that_was_shown_the_training_split_is_not_refitted(it: inn.Interpreter) -> None:
    source = inn.concept_source("labels", data=rows_of(NUMBERS), labels={"number": NUMBERS}, groups=GROUPS)
    source.prepare = lambda _: Plan(sizes={"number": 1})
    other = inn.wrap(nn.Sequential(Counted()).eval(), "0", preprocess="identity")
    other.fit(source, cache=None, checkpoint=None, refits=5)
    reason = "The source 'labels' was prepared by this fit's own training split"
    assert module._reason_against(other.translator, other._data).startswith(reason)
