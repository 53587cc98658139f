"""Options, layouts and names of classes that are wrong: what is said at once, and what to type."""

from typing import Any

import numpy as np
import pytest

import interpret_inn as inn
from interpret_inn.testing import toy_classifier


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda it: it.traverse([], "hue", step=5), "traverse takes no option 'step'. Did you mean 'steps'"),
        (lambda it: it.report(example=3), "report takes no option 'example'. Did you mean 'examples'"),
        (lambda it: it.explain(resample=3), "explain takes no option 'resample'. Did you mean 'resamples'"),
        (lambda it: it.scores(name="mig"), "scores takes no option 'name'. Did you mean 'names'"),
        (lambda it: it.check(image=3), "check takes no option 'image'. Known: 'inputs'"),
        (lambda it: it.run([], edit=3), "run takes no option 'edit'. Did you mean 'edits'"),
    ],
)
def test_a_misspelt_option_is_named_with_the_nearest(call: Any, text: str, toy: Any) -> None:
    with pytest.raises(inn.InputError, match=text):
        call(toy.interpreter)


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"preproces": {}}, inn.BackboneError, "no option 'preproces'. Did you mean 'preprocess'"),
        ({"class_name": []}, inn.BackboneError, "no option 'class_name'. Did you mean 'class_names'"),
        ({"class_names": "abc"}, inn.BackboneError, r"as a list of names, found 'abc'. Type \['abc'\]"),
        ({"layout": "pool"}, inn.SiteError, "Did you mean 'pooled'.*vector, flat, positions, pooled"),
        ({"layout": 3}, inn.SiteError, "no layout 3"),
    ],
)
def test_wrap_refuses_at_once(options: Any, kind: Any, text: str) -> None:
    with pytest.raises(kind, match=text):
        inn.wrap(toy_classifier(), "head:in", **options)


def test_names_of_classes_are_as_many_as_outputs(toy: Any) -> None:
    wrapped = inn.wrap(toy.model, "head:in", class_names=["a", "b"])
    with pytest.raises(
        inn.BackboneError, match="a class name for each of 3 outputs of ToyClassifier, found 2"
    ):
        wrapped.fit("labels", data=toy.images, labels=toy.labels, steps=1, cache=None, checkpoint=None)


def test_check_takes_the_test_split(toy: Any) -> None:
    assert toy.interpreter.check().samples == toy.interpreter.fitted.split[2]


def test_numbers_of_steps_may_be_numpys(toy: Any) -> None:
    assert toy.interpreter.traverse(toy.fresh[:2], "hue", np.int64(3)).shape[0] == 3


def test_preprocessing_that_nobody_gave_is_told(toy: Any, tmp_path: Any) -> None:
    said = "Images are only scaled to [0, 1]"
    assert any(note.startswith(said) for note in toy.interpreter.fitted.notes)
    given = inn.wrap(toy.model, "head:in", preprocess={})
    with pytest.warns(inn.InnWarning) as caught:
        given.fit("labels", data=toy.images[:60], labels=toy.labels["shape"][:60], steps=1, cache=tmp_path)
    assert not any(note.startswith(said) for note in given.fitted.notes)
    assert {warning.filename for warning in caught} == {__file__}
    report = toy.interpreter.report(toy.fresh[:2], examples=1, localizer=None)
    assert report.to_dict()["preprocess"] == toy.interpreter.backbone.preprocess.to_dict()
    assert "pictures are scaled to [0, 1], and not normalised" in report.to_html()
