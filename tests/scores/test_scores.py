"""Scores through `inn_metrics`: by the built-in plugin, by strangers, of a fit's own data and of given ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest

import interpret_inn as inn
import interpret_inn_scores
from interpret_inn import metrics
from interpret_inn.metrics.disentanglement import information
from interpret_inn.plugin import PluginWarning, get_manager
from interpret_inn.scoring.known_values import known_factors
from interpret_inn.scoring.score_table import Scored, ScoreRequest, score_table
from interpret_inn.testing import check_metric, toy_images
from interpret_inn.testing.contract import same
from interpret_inn.types import Concept, Factors, MetricSpec, Score, Scores

SPECS = {spec.name: spec for spec in interpret_inn_scores.inn_metrics()}
FACTORS = Factors.from_sizes({"shape": 2, "size": 1}, total=5)
SLICES = [slice(0, 2), slice(2, 3), slice(3, 5)]


@contextmanager
def registered(*specs: MetricSpec) -> Iterator[None]:
    class Strange:
        @inn.hookimpl
        def inn_metrics(self) -> list[MetricSpec]:
            return list(specs)

    name = inn.register(Strange(), name="strange")
    try:
        yield
    finally:
        inn.unregister(name)


def coded(count: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (N, 5) in which a category takes two axes and a number one; the category and the number."""
    rng = np.random.default_rng(seed)
    shape, size = rng.integers(0, 4, count), rng.uniform(0, 1, count)
    codes = np.column_stack([shape % 2, shape // 2, 3 * size, np.zeros((count, 2))])
    return codes + 0.1 * rng.normal(size=codes.shape), shape, size


def concepts_of(shape: np.ndarray, size: np.ndarray) -> list[Concept]:
    return [
        Concept("shape", "categorical", shape.astype(np.int64), tuple("abcd")),
        Concept("size", "numeric", size.astype(np.float64)),
    ]


def table(codes: np.ndarray, concepts: list[Concept], groups: Any = None, **request: Any) -> Scores:
    return score_table(Scored(codes, FACTORS, concepts, groups), ScoreRequest(**request))


# --- the plugin ---------------------------------------------------------------------------------------------


@pytest.fixture
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mig` and `modularity` fit 50 trees for each group and factor, for figures that nothing here looks at."""
    monkeypatch.setattr(information, "_TREES", 5)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_the_plugin_keeps_the_contract_of_metrics(name: str, small_forests: None) -> None:
    spec = SPECS[name]
    if name == "dci":  # boosting takes seconds a factor
        spec = dataclasses.replace(spec, evaluate=partial(spec.evaluate, estimator="linear"))
    assert check_metric(spec)


def test_it_is_installed_as_a_plugin_of_its_own() -> None:
    row = next(row for row in inn.plugins() if row.name == "scores")
    assert row.contributions == {"metric": tuple(SPECS)}
    assert {spec.name for spec in SPECS.values() if spec.quick} == {
        "sap", "sap_continuous", "factor_vae_score", "irs"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "by_hand"),
    [
        ("mig", metrics.mig),
        ("modularity", metrics.modularity),
        ("sap", metrics.sap),
        ("explicitness", metrics.explicitness),
        ("factor_vae_score", metrics.factor_vae_score),
        ("beta_vae_score", metrics.beta_vae_score),
        ("irs", metrics.irs),
    ],
)
def test_scores_are_those_of_the_functions(
    name: str, by_hand: Callable[..., metrics.CodeScore], small_forests: None
) -> None:
    codes, shape, size = coded()
    bins = metrics.discretise(size[:, None], 10, method="quantile")[:, 0]
    found = table(codes, concepts_of(shape, size), names=name, seed=3)
    expected = by_hand(codes, np.column_stack([shape, bins]), groups=SLICES, seed=3).score.value
    assert float(found[name]) == pytest.approx(expected, abs=1e-12)
    assert found.factors == ("shape", "size") and found.samples == 400 and not found.notes


def test_options_of_a_metric_go_by_its_name() -> None:
    codes, shape, size = coded()
    found = table(
        codes, concepts_of(shape, size), names=("dci", "sap"), options={"dci": {"estimator": "linear"}}
    )
    factors = np.column_stack([shape, metrics.discretise(size[:, None], 10, method="quantile")[:, 0]])
    by_hand = metrics.dci(codes, factors, groups=SLICES, estimator="linear")
    assert float(found["dci"]) == pytest.approx(by_hand.score.value, abs=1e-12)
    assert dict(found["dci"].parts) == pytest.approx(
        {name: float(score) for name, score in by_hand.further.items()}
    )
    assert np.isfinite(found["sap"].low)


def test_numbers_are_scored_as_numbers_and_categories_are_no_numbers() -> None:
    codes, shape, size = coded()
    found = table(codes, concepts_of(shape, size), names="sap_continuous")
    by_hand = metrics.sap(codes, size[:, None], kind="continuous", groups=SLICES)
    assert float(found["sap_continuous"]) == pytest.approx(by_hand.score.value, abs=1e-12)
    without = table(codes, concepts_of(shape, size)[:1], names=("sap_continuous", "sap"))
    assert "sap" in without
    assert without.left_out["sap_continuous"] == "It needs concepts whose values are numbers, found shape."


def test_total_correlation_needs_no_values() -> None:
    codes, _, _ = coded()
    found = table(codes, [], names=("total_correlation", "mig"))
    by_hand = metrics.total_correlation(codes, groups=SLICES).score.value
    assert float(found["total_correlation"]) == pytest.approx(by_hand)
    assert found.left_out == {"mig": "It needs concepts with known values, found none."}


def test_shuffled_labels_score_at_chance() -> None:
    codes, shape, size = coded(1000)
    order = np.random.default_rng(1).permutation(1000)
    names = ("mig", "sap", "explicitness", "factor_vae_score", "sap_continuous")
    true = table(codes, concepts_of(shape, size), names=names)
    found = table(codes, concepts_of(shape[order], size[order]), names=names)
    assert float(true["mig"]) > 0.5 > 0.05 > float(found["mig"])
    assert float(found["sap"]) < 0.08 < float(true["sap"])
    assert float(found["explicitness"]) == pytest.approx(0.5, abs=0.06)
    assert float(found["factor_vae_score"]) < 0.65 < float(true["factor_vae_score"])
    assert float(found["sap_continuous"]) < 0.02 < float(true["sap_continuous"])


# --- which samples, which values ----------------------------------------------------------------------------


def test_samples_without_a_value_are_left_out() -> None:
    codes, shape, size = coded()
    gaps_shape, gaps_size = shape.copy(), size.copy()
    gaps_shape[:40], gaps_size[30:90] = -1, np.nan
    found = table(codes, concepts_of(gaps_shape, gaps_size), names="irs")
    rows = slice(90, None)
    alone = table(codes[rows], concepts_of(shape[rows], size[rows]), names="irs")
    assert found.samples == 310 and float(found["irs"]) == float(alone["irs"])


def test_concepts_that_share_no_samples_are_not_scored_together() -> None:
    codes, shape, size = coded()
    shape[250:], size[:250] = -1, np.nan
    found = table(codes, concepts_of(shape, size))
    assert found.factors == ("shape",) and found.samples == 250
    assert found.notes == ("size is left out: 0 samples have its value and those of the others.",)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros(100, np.int64), "name is left out: it has one value only."),
        (np.arange(100), "name is left out: 100 values for 100 samples are too many."),
        (np.full(100, -1), "name is left out: 0 samples have its value and those of the others."),
    ],
)
def test_values_that_tell_nothing_are_named(values: np.ndarray, said: str) -> None:
    known = known_factors([Concept("name", "categorical", values)], 100)
    assert known.names == () and known.notes == (said,)


def test_rows_of_numbers_and_angles_make_one_factor_each() -> None:
    rng = np.random.default_rng(0)
    colour, angle = rng.random((300, 3)), rng.uniform(-np.pi, np.pi, 300)
    known = known_factors([Concept("colour", "numeric", colour), Concept("turn", "cyclic", angle)], 300)
    assert known.classes.shape == (300, 2) and known.numbers.shape == (300, 5)
    assert [len(np.unique(column)) for column in known.classes.T] == [10, 10]
    for number in range(10):  # a class is an arc, also across ±π
        members = np.exp(1j * angle[known.classes[:, 1] == number])
        assert abs(members.mean()) > 0.95
    few = known_factors([Concept("turn", "cyclic", angle[:60])], 60)
    assert len(np.unique(few.classes)) == 3


def test_variants_of_one_thing_stay_on_one_side_and_get_no_interval() -> None:
    """Codes that only say which thing a sample is of tell nothing of other things."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 6)
    shape = rng.integers(0, 4, 60)[groups]
    codes = np.eye(60)[groups] * 20 + 0.01 * rng.normal(size=(360, 60))
    factors = Factors.from_sizes({"shape": 30}, total=60)
    request = ScoreRequest(names=("explicitness",))
    apart = score_table(Scored(codes, factors, concepts_of(shape, shape)[:1]), request)
    together = score_table(Scored(codes, factors, concepts_of(shape, shape)[:1], groups), request)
    assert float(apart["explicitness"]) > 0.95 and np.isfinite(apart["explicitness"].low)
    assert float(together["explicitness"]) < 0.7 and np.isnan(together["explicitness"].low)
    assert together.notes[0].startswith("Several samples are variants of one thing")


# --- strangers ----------------------------------------------------------------------------------------------


def test_a_metric_is_given_what_it_takes() -> None:
    seen: dict[str, Any] = {}

    def plain(codes: Any, factors: Any) -> Score:
        seen["plain"] = codes.shape, factors.shape, codes.dtype, factors.dtype
        codes[:] = 0  # its own copy
        return Score(0.25, 0.2, 0.3)

    def knowing(codes: Any, factors: Any, *, groups: Any, seed: int, power: int = 1) -> Score:
        seen["knowing"] = groups, seed, power, float(np.abs(codes).max())
        return Score(0.5)

    codes, shape, size = coded()
    with registered(MetricSpec("plain", "A.", plain), MetricSpec("knowing", "B.", knowing, quick=False)):
        found = table(
            codes, concepts_of(shape, size), names=("plain", "knowing"), seed=7,
            options={"knowing": {"power": 2}},
        )  # fmt: skip
        quick = table(codes, concepts_of(shape, size))
    assert seen["plain"] == ((400, 5), (400, 2), np.float64, np.float64)
    assert seen["knowing"][:3] == (SLICES, 7, 2) and seen["knowing"][3] > 0
    assert (float(found["plain"]), float(found["knowing"])) == (0.25, 0.5)
    assert "plain" in quick and "knowing" not in quick and "knowing" in quick.on_request


@pytest.mark.parametrize(
    ("evaluate", "said"),
    [
        (lambda codes, factors: 1 / 0, "failed. ZeroDivisionError: division by zero"),
        (lambda codes, factors: 0.5, "to give a Score, found an object of type float"),
        (lambda codes, factors: Score("high"), "Expected numbers in a Score, found {'value': 'high'}"),
        (lambda codes, factors: Score("0.5"), "Expected numbers in a Score, found {'value': '0.5'}"),
        (lambda codes, factors: Score(float("nan")), "Expected a number, found NaN"),
        (lambda codes, factors: Score(0.5, 0.6, 0.7), "holds the value, found 0.6 to 0.7 for 0.5"),
        (lambda codes: Score(1.0), "cannot be called so: too many positional arguments"),
    ],
)
def test_a_metric_that_fails_is_named_and_costs_nothing_else(evaluate: Any, said: str) -> None:
    codes, shape, size = coded()
    with (
        registered(MetricSpec("bad", "A.", evaluate)),
        pytest.warns(PluginWarning, match="left out") as warned,
    ):
        found = table(codes, concepts_of(shape, size))
    assert "bad" not in found and "sap" in found
    assert said in found.left_out["bad"] and said in str(warned[0].message)
    assert "the plugin 'strange' (registered by a call of register)" in found.left_out["bad"]


def test_data_that_do_not_suit_are_a_reason_and_no_failure() -> None:
    def refusing(codes: Any, factors: Any) -> Score:
        raise inn.InputError("Expected more.")

    codes, shape, size = coded()
    with registered(MetricSpec("refusing", "A.", refusing)):
        assert table(codes, concepts_of(shape, size), names="refusing").left_out == {
            "refusing": "Expected more."
        }


def test_names_and_options_that_do_not_exist_are_refused() -> None:
    codes, shape, size = coded()
    concepts = concepts_of(shape, size)
    with pytest.raises(inn.PluginError, match=r"no metric 'mik'\. Did you mean 'mig'"):
        table(codes, concepts, names="mik")
    with pytest.raises(inn.PluginError, match=r"'mig' of the plugin 'scores'.*takes no option 'bin'"):
        table(codes, concepts, names="mig", options={"mig": {"bin": 3}})
    with pytest.raises(inn.PluginError, match="the metric 'dci', which is not asked for"):
        table(codes, concepts, names="mig", options={"dci": {}})


def test_a_record_with_another_kind_of_values_is_refused() -> None:
    with (
        pytest.raises(inn.PluginError, match="'suits' of the metric 'a' to be one of any, classes"),
        registered(MetricSpec("a", "A.", lambda codes, factors: Score(1.0), suits="class")),  # type: ignore[arg-type]
    ):
        pass


# --- an interpreter -----------------------------------------------------------------------------------------


def test_without_inputs_the_test_part_is_scored(toy: Any) -> None:
    interpreter = toy.interpreter
    part = interpreter._data.pool.indices("test").numpy()
    codes = interpreter.encode(toy.images[part]).double().numpy()
    shape, hue = toy.labels["shape"][part], toy.labels["hue"][part]
    known = known_factors([Concept("shape", "categorical", shape), Concept("hue", "cyclic", hue)], len(part))
    slices = [factor.slice for factor in interpreter.factors]
    by_hand = metrics.irs(codes, known.classes, groups=slices)
    found = interpreter.scores()
    assert list(found) == ["sap", "sap_continuous", "factor_vae_score", "irs"]
    assert float(found["irs"]) == pytest.approx(by_hand.score.value, abs=1e-4)  # float32 codes
    assert found.factors == ("shape", "hue") and found.samples == len(part)
    assert str(found).startswith("score") and "irs" in str(found) and repr(found) == str(found)


def test_inputs_and_labels_of_ones_own(toy: Any) -> None:
    _, labels = toy_images(150, seed=2)
    named = np.array(["square", "disc", "cross"], object)[labels["shape"]]
    one = toy.interpreter.scores(toy.fresh, labels, names=("irs", "factor_vae_score"))
    other = toy.interpreter.scores(toy.fresh, {"shape": named, "hue": labels["hue"]}, names=("irs",))
    assert one.samples == 150 and one.factors == ("shape", "hue")
    assert float(other["irs"]) == pytest.approx(float(one["irs"]))
    named[:30] = None
    assert toy.interpreter.scores(toy.fresh, {"shape": named}).samples == 120
    further = toy.interpreter.scores(toy.fresh, {"place": labels["hue"]}, names="sap_continuous")
    assert further.factors == ("place",) and "sap_continuous" in further
    assert list(toy.interpreter.scores(toy.fresh, names=("total_correlation",))) == ["total_correlation"]


def test_labels_that_do_not_fit_are_refused(toy: Any) -> None:
    with pytest.raises(inn.InputError, match=r"labels of 'shape': one for each of 150 inputs"):
        toy.interpreter.scores(toy.fresh, {"shape": [1, 2]})
    with pytest.raises(inn.InputError, match=r"labels by concept, found list. Type labels={'shape': …}"):
        toy.interpreter.scores(toy.fresh, [1] * 150)
    with pytest.raises(inn.InputError, match="found labels alone"):
        toy.interpreter.scores(labels=toy.labels)
    with pytest.raises(inn.NotFittedError):
        inn.wrap(toy.model, "head:in").scores()


def test_after_a_load_it_says_what_to_give(toy: Any, tmp_path: Any) -> None:
    toy.interpreter.save(tmp_path / "saved")
    loaded = inn.load(tmp_path / "saved", toy.model)
    with pytest.raises(inn.FitError, match=r"Type scores\(images, \{'shape': …\}\)"):
        loaded.scores()
    assert same(loaded.evaluation.scores, toy.interpreter.evaluation.scores)


def test_the_report_shows_the_scores_and_a_strangers(toy: Any) -> None:
    def failing(codes: Any, factors: Any) -> Score:
        raise OSError("no disk")

    specs = (
        MetricSpec("strange_one", "What a stranger asks.", lambda codes, factors: Score(0.25, 0.2, 0.3)),
        MetricSpec("strange_two", "What fails.", failing),
    )
    with registered(*specs), pytest.warns(PluginWarning, match="'strange_two' of the plugin 'strange'"):
        report = toy.interpreter.report(toy.fresh[:40], localizer=None)
    page, data = report.to_html(), report.to_dict()["scores"]
    assert data["values"]["strange_one"] == 0.25 and data["intervals"]["strange_one"] == [0.2, 0.3]
    assert set(data["values"]) == {"sap", "sap_continuous", "factor_vae_score", "irs", "strange_one"}
    assert "OSError: no disk" in data["left_out"]["strange_two"]
    section = page[page.index('<section id="scores"') :]
    section = section[: section.index("</section>")]
    for text in ("What a stranger asks.", "0.20 to 0.30", "no disk", "factor_vae_score", "shape, hue"):
        assert text in section
    assert '<a href="#scores">Scores</a>' in page
    gone = toy.interpreter.report(toy.fresh[:40], localizer=None).to_dict()["scores"]
    assert "strange_one" not in gone["values"] and not gone["left_out"]


def test_no_metric_leaves_no_section(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(get_manager()), "metrics", lambda self: ())
    report = toy.interpreter.report(toy.fresh[:40], localizer=None)
    assert 'id="scores"' not in report.to_html() and report.to_dict()["scores"]["values"] == {}


def test_scores_that_say_nothing_of_one_concept_are_left_out():
    codes, shape, _ = coded()
    found = table(codes, concepts_of(shape, shape)[:1], names="all")
    alone = {"factor_vae_score", "beta_vae_score", "modularity", "dci"}
    assert alone <= set(found.left_out) and not alone & set(found)
    reason = found.left_out["factor_vae_score"]
    assert reason == "It needs at least 2 concepts with known values, found shape: of fewer it says nothing."
    assert {"mig", "sap", "irs", "explicitness"} <= set(found)


@pytest.mark.parametrize("fewest", [0, True, "2"])
def test_the_fewest_concepts_are_a_number(fewest: Any):
    spec = MetricSpec("odd", "Odd.", lambda codes, factors: Score(1.0), fewest_concepts=fewest)
    with (
        pytest.raises(inn.PluginError, match="'fewest_concepts' of the metric 'odd' to be a whole number"),
        registered(spec),
    ):
        pass


def test_chance_is_measured_beside_scores_of_votes() -> None:
    codes, shape, size = coded(200)
    found = table(codes, concepts_of(shape, size), names=("factor_vae_score", "beta_vae_score"))
    for name in found:
        assert 0.4 < found[name].parts["chance"] < 0.8 < float(found[name])
        assert "chance" in found.summaries[name]
    assert "  chance" in str(found)


def test_scores_of_a_call_are_those_of_the_report(toy: Any, small: Any) -> None:
    images, labels = toy.images[:200], {name: values[:200] for name, values in toy.labels.items()}
    it = inn.wrap(toy.model, "head:in").fit("labels", data=images, labels=labels, seed=3, **small)
    shown, name = it.evaluation.scores, "factor_vae_score"
    assert shown is not None
    assert it.scores(names=name)[name] == shown[name]
    assert it.scores(names=name, seed=0)[name] != shown[name]
    given = [it.scores(images, labels, names=name, seed=seed)[name] for seed in (None, 3)]
    assert given[0] == given[1]


@pytest.mark.parametrize("count", [1, 4])
def test_too_few_groups_are_a_reason(count: int) -> None:
    codes, shape, size = coded()
    found = table(codes, concepts_of(shape, size), np.arange(400) % count)
    said = f"It learns from some groups and is tested on others: it needs at least 5, found {count}."
    assert found.left_out == {"sap": said}
