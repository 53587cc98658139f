"""What is warned of during a fit stands on the page, once."""

from typing import Any

import numpy as np
import pytest

import interpret_inn as inn
from interpret_inn.explaining.doubts import doubts


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::interpret_inn.InnWarning")
def test_every_warning_of_a_fit_is_a_doubt_of_its_page_once(toy: Any) -> None:
    labels = np.where(toy.labels["shape"][:90] == 0, "square", "other").astype(object)
    labels[:1] = "rare"  # too few to be paired
    labels[2:20:3] = None
    with pytest.warns(inn.InnWarning) as told:
        it = inn.wrap(toy.model, "head:in").fit(
            "labels", data=toy.images[:90], labels={"kind": labels}, cache=None, checkpoint=None, refits=0
        )
    explanation = it.explain(toy.fresh[:10], examples=1, resamples=1, localizer=None)
    shown = [doubt.text for doubt in doubts(explanation)]
    said = {str(one.message).split(" (In the ")[0] for one in told}
    assert any("('rare') have fewer than 2 samples" in message for message in said)
    for message in said:
        assert sum(text.startswith(message) for text in shown) == 1, message
    assert not any("labels are missing" in text for text in shown), "that is a formality"
    assert any("labels are missing" in note for note in explanation.warnings)


@pytest.mark.slow
def test_a_kind_that_is_fixed_by_a_class_is_noted_and_comes_first(toy: Any) -> None:
    names = toy.labels["shape"]
    labels = {"class": names, "kind": (names == 0).astype(int)}
    it = inn.wrap(toy.model, "head:in").fit(
        "labels", data=toy.images, labels=labels, cache=None, checkpoint=None, refits=0
    )
    (note,) = [note for note in it.fitted.notes if "fixed by" in note]
    assert note.startswith(
        "kind is fixed by class: each value of class has one value of kind. The factor kind is what"
    )
    explanation = it.explain(toy.fresh[:10], examples=1, resamples=1, localizer=None)
    found = doubts(explanation)
    assert found[0].text == note
    assert [doubt.kind for doubt in found if set(doubt.concepts) == {"class", "kind"}] == ["fixed"]
    carried = explanation.verdicts["kind"].carried
    assert carried.holds is None
    assert (
        "class goes together with it in the data, and its true value alone gives 100%; none of"
        in carried.sentence
    )
