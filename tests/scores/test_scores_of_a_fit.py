"""An interpreter scores its own test part or the inputs and labels that it is given, and shows scores in its report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import interpret_inn as inn
from interpret_inn import metrics
from interpret_inn.plugin import PluginWarning, get_manager
from interpret_inn.scoring.known_values import known_factors
from interpret_inn.testing import toy_images
from interpret_inn.testing.contract import same
from interpret_inn.types import Concept, MetricSpec, Score

from .known_codes import registered


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_scores_of_a_call_are_those_of_the_report(toy: Any, small: Any) -> None:
    images, labels = toy.images[:200], {name: values[:200] for name, values in toy.labels.items()}
    it = inn.wrap(toy.model, "head:in").fit("labels", data=images, labels=labels, seed=3, **small)
    shown, name = it.evaluation.scores, "factor_vae_score"
    assert shown is not None
    assert it.scores(names=name)[name] == shown[name]
    assert it.scores(names=name, seed=0)[name] != shown[name]
    given = [it.scores(images, labels, names=name, seed=seed)[name] for seed in (None, 3)]
    assert given[0] == given[1]
