"""`explain(…, counterfactuals=…)` from end to end: what is taken, what comes of it, and what is refused."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from interpret_inn.errors import ConceptError, DataError, PluginError

from .tiny import COLOURS, recoloured

pytestmark = pytest.mark.usefixtures("hasty_probes")


def explained(coloured: Any, counterfactuals: Any, inputs: Any = "first", **options: Any) -> Any:
    shown = coloured.images[:8] if isinstance(inputs, str) else inputs
    return coloured.interpreter.explain(
        shown, counterfactuals=counterfactuals, examples=1, resamples=1, localizer=None, **options
    )


def by_name(pictures, value):
    return recoloured(pictures, COLOURS.index(value))


def sides(coloured, count=40):
    first = coloured.images[:count]
    after = (coloured.colour[:count] + 1) % 3
    return first, recoloured(first, after), coloured.colour[:count], after


def test_pairs_of_images_give_the_share_of_decisions_that_change(coloured):
    first, second, *_ = sides(coloured)
    expected = 1 - coloured.marked[:40].mean()
    explanation = explained(coloured, {"colour": (first, second)})
    effect = explanation.effects["colour"]
    bases = {name: effect.basis for name, effect in explanation.effects.items()}
    assert bases == {"colour": "measured", "mark": "estimated"}
    assert effect.flip_rate.value == pytest.approx(expected)
    assert effect.values == {}
    assert "If only colour were different, the model would decide differently in about" in repr(explanation)
    forms = {
        "tensors": [torch.from_numpy(one).movedim(-1, 1) for one in (first, second)],
        "pictures": [[Image.fromarray(picture) for picture in one] for one in (first, second)],
        "streams": [iter([(picture, 0) for picture in one]) for one in (first, second)],
        "a loader": [torch.utils.data.DataLoader(list(one), batch_size=7) for one in (first, second)],
    }
    for given in forms.values():
        again = explained(coloured, {"colour": tuple(given)}).effects["colour"]
        assert again.flip_rate == effect.flip_rate


def test_values_are_names_or_indices_of_the_fits_classes(coloured):
    first, second, before, after = sides(coloured, 18)  # too few to calibrate by
    own = coloured.interpreter.fitted.concepts[0].classes
    names = [[COLOURS[index] for index in one] for one in (before, after)]
    by_names = explained(coloured, {"colour": (first, second, *names)}).effects["colour"]
    assert by_names.values["red"]["green"].value == pytest.approx(
        1 - coloured.marked[:18][before == 0].mean()
    )
    indices = [[own.index(name) for name in one] for one in names]
    assert explained(coloured, {"colour": (first, second, *indices)}).effects["colour"] == by_names
    some = [[None, *names[0][1:]], names[1]]
    left_out = explained(coloured, {"colour": (first, second, *some)}).effects["colour"]
    assert left_out.inputs == 17 and "1 of 18 pairs were left out" in left_out.notes[0]


def test_numbers_as_values(coloured):
    first, second, *_ = sides(coloured)
    given = (first, second, np.zeros(40), np.ones(40))
    effect = explained(coloured, {"mark": given}).effects["mark"]
    assert effect.inputs == 40 and len(effect.values) == 1


def test_a_function_renders_the_test_split_whose_values_are_known(coloured):
    split = coloured.interpreter._data.pool.indices("test").numpy()
    report = coloured.interpreter.report(
        counterfactuals={"colour": by_name}, examples=1, resamples=1, localizer=None
    )
    effect = report.explanation.effects["colour"]
    assert effect.inputs == len(split)
    assert effect.flip_rate.value == pytest.approx(1 - coloured.marked[split].mean())
    assert not any("not known" in note for note in effect.notes)
    given = explained(coloured, {"colour": by_name}, coloured.images[split]).effects["colour"]
    assert any("not known" in note for note in given.notes)
    found = report.to_dict()["effects"]["colour"]
    assert found["flip_rate"] == effect.flip_rate.value and found["basis"] == "measured"
    assert found["intervals"]["flip_rate"] == [effect.flip_rate.low, effect.flip_rate.high]
    assert found["at"]["data"]["value"] == effect.flip_rate.value and found["p"] is None
    assert found["values"]["red"]["blue"]["low"] == effect.values["red"]["blue"].low
    assert found["sentence"] == effect.sentence and found["inputs"] == len(split)
    assert set(found) >= {"kl", "change", "class_std", "by_class", "null", "notes", "kind"}


def test_without_counterfactuals_labels_give_an_estimate(coloured):
    explanation = explained(coloured, None)
    assert {effect.basis for effect in explanation.effects.values()} == {"estimated"}
    assert explained(coloured, {}).effects == explanation.effects
    colour, truth = explanation.effects["colour"].flip_rate, 1 - coloured.marked.mean()
    assert colour.low <= truth <= colour.high


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            lambda a, b: {"color": (a, b)},
            r"given for 'color', which is no concept of this fit\. Did you mean 'colour'",
        ),
        (
            lambda a, b: {"colour": (a, b[:30])},
            "as many second images of 'colour' as first ones, found 40 and 30",
        ),
        (lambda a, b: {"colour": (a[:1], b[:1])}, "at least 2 pairs of images of 'colour', found 1"),
        (lambda a, b: {"colour": a}, r"Expected \(images_a, images_b\), .* found .*ndarray"),
        (lambda a, b: {"colour": (a, b, [0])}, r"Expected \(images_a, images_b\), .* found tuple of 3"),
        (lambda a, b: {"colour": (a, b, [0] * 40, [1] * 39)}, "one value of 'colour' for each of 40 images"),
        (
            lambda a, b: {"colour": (a, b, ["red"] * 40, ["gren"] * 40)},
            r"no value 'gren'\. Did you mean 'green'",
        ),
        (lambda a, b: {"colour": (a, b, [0] * 40, [7] * 40)}, "indices from 0 to 2, found 7"),
        (lambda a, b: {"colour": (a, b, [0] * 40, [0.5] * 40)}, "indices from 0 to 2, found 0.5"),
        (
            lambda a, b: {"mark": (a, b, ["x"] * 40, ["y"] * 40)},
            "Expected numbers as values of 'mark', found 'x'",
        ),
        (
            lambda a, b: {"mark": (a, b, np.zeros((40, 2)), np.ones((40, 2)))},
            "values of 'mark' like those of the fit",
        ),
        (lambda a, b: {"mark": (a, b, np.zeros((40, 2)), np.ones(40))}, "of one shape on both sides"),
        (lambda a, b: {"colour": (a, b, [0] * 40, [0] * 40)}, "that differ in 'colour', found 0 among 40"),
        (lambda a, b: [("colour", (a, b))], "by the name of the concept in which they differ, found list"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_runs(coloured, monkeypatch, given, message):
    first, second, *_ = sides(coloured)
    model = coloured.interpreter.backbone.model
    runs = []
    with (
        model.register_forward_pre_hook(lambda *_: runs.append(1)),
        pytest.raises(ConceptError, match=message),
    ):
        explained(coloured, given(first, second))
    assert not runs


def test_images_that_cannot_be_read_are_refused(coloured, tmp_path):
    first, second, *_ = sides(coloured, 12)
    for place, picture in enumerate(first):
        Image.fromarray(picture).save(tmp_path / f"{place:02}.png")
    (tmp_path / "05.png").write_bytes(b"no picture")
    with pytest.raises(
        ConceptError, match=r"read all of the first images of 'colour', found 1 that cannot be read"
    ):
        explained(coloured, {"colour": (tmp_path, second)})
    with pytest.raises(DataError):
        explained(coloured, {"colour": (3, second)})


def test_a_function_that_raises_leaves_the_interpreter_usable(coloured):
    def fails(pictures, value):
        raise RuntimeError("out of paint")

    with pytest.raises(
        PluginError, match=r"counterfactuals of 'colour' failed on .* RuntimeError: out of paint"
    ):
        explained(coloured, {"colour": fails})
    assert not coloured.interpreter.backbone.model.head._forward_pre_hooks
    assert coloured.interpreter.explain(coloured.images[:4], examples=1, resamples=1, localizer=None)


def test_the_page_shows_the_effect(coloured):
    report = coloured.interpreter.report(
        coloured.images[:8],
        counterfactuals={"colour": sides(coloured)},
        examples=1,
        resamples=1,
        localizer=None,
    )
    page = " ".join(report.to_html().split())
    section = re.search(r'<section id="effects".*?</section>', page)
    assert section and report.explanation.effects["colour"].sentence in section[0]
    assert "What the decision depends on" in section[0] and "Redraws of each factor" in page


def test_names_of_a_concept_without_values_may_be_missing() -> None:
    from interpret_inn.effects.given import read_counterfactuals
    from interpret_inn.types import Concept

    images = np.zeros((3, 2))
    given = {"style": (images, images + 1, ["old", None, "new"], ["new", "old", "old"])}
    pairs = read_counterfactuals(given, [Concept("style", "unlabelled")])[0]
    assert pairs.before.classes == ("new", "old")
    assert pairs.before.values.tolist() == [1, -1, 0]
    assert pairs.after.values.tolist() == [0, 1, 1]


def test_rows_of_numbers_are_a_value_if_all_of_them_are_equal() -> None:
    from interpret_inn.effects.rendered import _same
    from interpret_inn.types import Concept

    mine = Concept("place", "numeric", np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 1.0]]))
    values = Concept("place", "numeric", np.array([[5.0, 5.0], [0.0, 1.0]]))
    assert _same(mine, values, 1).tolist() == [True, False, False]
    assert _same(mine, values, 0).tolist() == [False, False, False]
