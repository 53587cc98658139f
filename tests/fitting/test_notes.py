"""What the user of a fit is told, to the letter."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from interpret_inn.data import samples
from interpret_inn.errors import InnWarning, PluginError
from interpret_inn.fitting.notes import (
    about_data,
    copies,
    fixed_concepts,
    idle_settings,
    odd_outputs,
    skipped_steps,
    unprepared,
    unsaid,
)
from interpret_inn.translating.settings import FitSettings
from interpret_inn.types import Concept, Plan


def pooled(*inputs, skipped=(), notes=()):
    """A pool of sources with these inputs; inputs of the first were skipped for these reasons."""
    parts = []
    for number, data in enumerate(inputs):
        given = samples(data)
        given.skipped = tuple(skipped) if number == 0 else ()
        source = SimpleNamespace(samples=given, notes=(f"Note {number}.",))
        parts.append(SimpleNamespace(source=source, plan=Plan(notes=(f"Plan {number}.",))))
    return SimpleNamespace(parts=parts, unique=lambda: parts, notes=list(notes))


def examined(told, count, **options):
    """What is found odd, and how many inputs were examined; inputs count up from 0."""
    seen = []

    def examine(prepared, outputs):
        assert torch.equal(outputs, 2 * prepared)
        seen.append(prepared[:, 0].tolist())
        return told

    backbone = SimpleNamespace(
        name="toy", examine=examine, prepare=torch.as_tensor, outputs=lambda prepared: 2 * prepared
    )
    pool = pooled(torch.arange(float(count))[:, None], -torch.ones(90, 1))
    found = odd_outputs(backbone, pool, **options)
    (inputs,) = seen
    assert inputs == list(range(len(inputs)))
    return found, len(inputs)


@pytest.mark.parametrize(
    ("count", "options", "expected"),
    [
        (100, {}, 64),
        (30, {}, 30),
        (100, {"most": 7}, 7),
        (100, {"most": 1}, 1),
        (100, {"most": 0}, 1),  # which `encode` refuses, in words
        (100, {"most": 90}, 64),
    ],
)
def test_the_first_inputs_are_examined_as_many_as_fit(count, options, expected):
    assert examined([], count, **options) == ([], expected)


def test_each_odd_thing_is_warned_of():
    with pytest.warns(InnWarning) as told:
        assert examined(("All grey.", "Few."), 9)[0] == ["All grey.", "Few."]
        assert examined("One sentence.", 9)[0] == ["One sentence."]
    assert [str(one.message) for one in told] == ["All grey.", "Few.", "One sentence."]
    assert odd_outputs(SimpleNamespace(examine=None), pooled(torch.zeros(9, 1))) == []
    with pytest.raises(PluginError, match="`examine` of the backbone 'toy' failed: TypeError"):
        examined(3, 9)


@pytest.mark.parametrize(
    ("given", "first", "said"),
    [
        (False, (9, 3, 4, 4), 1),
        (True, (9, 3, 4, 4), 0),
        (False, (9, 4), 0),
        (False, (9, 2, 3, 4, 4), 0),
        (False, (9, 3, 4), 0),
    ],
)
def test_images_that_nobody_said_how_to_prepare_are_told_of(given, first, said):
    backbone = SimpleNamespace(preprocess_given=given, prepare=lambda batch: torch.stack(list(batch)))
    other = torch.zeros(9, 3, 4, 4) if len(first) != 4 else torch.zeros(9, 4)
    found = unprepared(backbone, pooled(torch.zeros(first), other))
    assert len(found) == said
    assert all(sentence.startswith("Images are only scaled to [0, 1]") for sentence in found)


@pytest.mark.parametrize(
    ("skipped", "said"),
    [
        (["a"], "1 input was left out of the fit: a."),
        (["a", "b"], "2 inputs were left out of the fit: a; b."),
        (["a", "b", "c"], "3 inputs were left out of the fit: a; b; c."),
        (["a", "b", "c", "d"], "4 inputs were left out of the fit: a; b; c; …."),
    ],
)
def test_inputs_that_were_left_out_are_counted_and_three_are_named(skipped, said):
    with pytest.warns(InnWarning) as told:
        found = about_data(pooled(torch.zeros(9, 4), skipped=skipped), validates=True)
    assert [str(one.message) for one in told] == [said]
    assert found == [said, "Note 0.", "Plan 0."]


def test_notes_of_the_pool_and_of_all_sources_are_kept():
    pool = pooled(torch.zeros(9, 4), torch.zeros(9, 4), notes=["Shared."])
    with pytest.warns(InnWarning) as told:
        found = about_data(pool, validates=False)
    assert [str(one.message) for one in told] == ["Shared."]
    small = "The validation split was too small for pairs, so the fit ran all its steps."
    assert found == ["Shared.", small, "Note 0.", "Plan 0.", "Note 1.", "Plan 1."]


def test_skipped_steps_are_counted_if_there_are_any():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert skipped_steps(0, 9) == []
    with pytest.warns(InnWarning, match=r"^1 of 9 training steps were skipped"):
        (note,) = skipped_steps(1, 9)
    assert note.startswith("1 of 9 training steps were skipped")


def test_copies_are_counted_among_the_test_samples():
    rows = torch.tensor([[1.0], [2], [3], [1], [2], [1], [4]])
    split = {"train": torch.tensor([0, 1, 2]), "test": torch.tensor([3, 4, 5, 6])}
    data = SimpleNamespace(pool=SimpleNamespace(indices=split.get), rows=lambda indices: rows[indices])
    with pytest.warns(InnWarning, match="^3 of 4 test samples are copies of training samples"):
        (note,) = copies(data)
    assert note.startswith("3 of 4 test samples")
    rows[3:] += 9
    assert copies(data) == []


@pytest.mark.parametrize(("blocks", "idle"), [(0, True), (1, False), (2, False)])
def test_settings_of_training_do_nothing_where_nothing_is_trained(blocks, idle):
    found = idle_settings(FitSettings(blocks=blocks), ["steps", "noise", "clip"])
    assert len(found) == idle
    assert all("nothing is trained, so that clip, steps did nothing" in note for note in found)
    assert idle_settings(FitSettings(blocks=blocks), ["noise"]) == []


def test_a_conditional_flow_takes_no_setting_of_training():
    (found,) = idle_settings(FitSettings(), ["steps", "noise", "blocks"], conditional=True)
    assert found == (
        "A conditional flow has a closed form and nothing is trained, so that blocks, steps did nothing. Type "
        "flow='joint' for a flow that is trained."
    )
    assert idle_settings(FitSettings(), ["noise", "flow"], conditional=True) == []


def categories(name, *values):
    return Concept(name, "categorical", np.array(values), tuple("abcdef"))


def test_a_concept_that_is_a_function_of_another_is_said_with_what_its_effect_means():
    kind, breed = categories("kind", 0, 0, 1, 1, 1, 1, -1), categories("class", 0, 0, 1, 1, 2, 2, 2)
    (note,) = fixed_concepts([breed, kind])
    assert note == (
        "kind is fixed by class: each value of class has one value of kind. The factor kind is what class leaves over, "
        "and an effect of it is that of this rest, not of kind as a whole. Fit kind without class for the whole."
    )
    assert (note.kind, note.concepts) == ("fixed", ("kind", "class"))


def test_two_concepts_that_are_functions_of_each_other_say_the_same():
    one, other = categories("one", 0, 0, 1, 1), categories("other", 2, 2, 0, 0)
    (note,) = fixed_concepts([one, other])
    assert note == "one and other say the same: no method can tell them apart. Leave one out."
    assert (note.kind, note.concepts) == ("same", ("one", "other"))


@pytest.mark.parametrize(
    "other",
    [
        categories("other", 0, 1, 2, 3),  # each value once: it would say anything
        categories("other", 0, 0, -1, -1),  # where both are known, nothing varies
        categories("other", 1, 0, 1, 0),
        Concept("other", "numeric", None),
        Concept("other", "numeric", np.array([0.1, 0.2, 0.3, 0.4])),
    ],
)
def test_concepts_that_are_no_functions_of_each_other_are_not_noted(other):
    assert fixed_concepts([categories("one", 0, 0, 1, 1), other]) == []


def test_warnings_that_no_note_repeats_are_told_once_with_their_place():
    heard = [("A.", "In the training split"), ("B.", "In the validation split"), ("B.", ""), ("C.", "")]
    assert unsaid(heard, ["A."]) == ["B. (In the validation split.)", "C."]
