"""Edits on the fitted toy: what they change, what they hold, and what they refuse."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import interpret_inn as inn
from interpret_inn.translating.codec import Codec
from interpret_inn.translating.edits import Edit
from interpret_inn.types import Concept, Factor


def applied(toy: Any, images: Any, *edits: Edit) -> Tensor:
    codes: Tensor = toy.interpreter.translator.edited(toy.interpreter.encode(images), list(edits))
    return codes


def code_of(toy: Any, images: Any, factor: str) -> Tensor:
    codes: Tensor = toy.interpreter.encode(images)[..., toy.interpreter.factors[factor].slice]
    return codes


# --- swap -----------------------------------------------------------------------------------------------


def test_a_swap_takes_the_factor_and_leaves_the_rest(toy: Any) -> None:
    images, donors = toy.fresh[:6], toy.fresh[10:16]
    codes, edited = toy.interpreter.encode(images), applied(toy, images, inn.edits.swap("shape", donors))
    for factor in toy.interpreter.factors:
        wanted = code_of(toy, donors if factor.name == "shape" else images, factor.name)
        torch.testing.assert_close(edited[:, factor.slice], wanted)
    assert torch.equal(codes, toy.interpreter.encode(images))  # nothing was changed in place


def test_one_donor_serves_all_inputs(toy: Any) -> None:
    edited = applied(toy, toy.fresh[:6], inn.edits.swap("hue", toy.fresh[20:21]))
    one = code_of(toy, toy.fresh[20:21], "hue")
    torch.testing.assert_close(edited[:, toy.interpreter.factors["hue"].slice], one.expand(6, -1))


def test_donors_come_in_any_form_and_any_number_of_batches(toy: Any) -> None:
    images, donors = toy.fresh, toy.fresh[::-1].copy()
    expected = applied(toy, images, inn.edits.swap("shape", donors))
    for form in (list(donors), torch.from_numpy(donors), donors.astype(np.float32) / 255):
        torch.testing.assert_close(
            applied(toy, images, inn.edits.swap("shape", form)), expected, atol=1e-4, rtol=1e-4
        )
    outputs = toy.interpreter.run(images, inn.edits.swap("shape", donors))
    assert outputs.shape == (150, 3)


def test_donor_codes_stand_for_donors(toy: Any) -> None:
    codes = toy.interpreter.encode(toy.fresh[10:16])
    expected = applied(toy, toy.fresh[:6], inn.edits.swap("shape", toy.fresh[10:16]))
    for given in (codes, codes.numpy(), codes.double()):
        edit = inn.edits.swap("shape", donor_codes=given)
        torch.testing.assert_close(applied(toy, toy.fresh[:6], edit), expected)
    one = applied(toy, toy.fresh[:6], inn.edits.swap("shape", donor_codes=codes[0]))
    torch.testing.assert_close(one, applied(toy, toy.fresh[:6], inn.edits.swap("shape", toy.fresh[10:11])))


def test_swapping_the_shape_moves_the_prediction_to_the_donors(toy: Any) -> None:
    before = toy.interpreter.run(toy.fresh).argmax(1)
    donors = toy.fresh[torch.arange(149, -1, -1).numpy()]
    wanted = toy.interpreter.run(donors).argmax(1)
    after = toy.interpreter.run(toy.fresh, inn.edits.swap("shape", donors)).argmax(1)
    differ = before != wanted
    assert (after == wanted)[differ].float().mean() > 0.5 > (after == before)[differ].float().mean()


# --- set_to, add, resample ---------------------------------------------------------------------------------


def test_set_takes_numbers_rows_and_names_of_categories(toy: Any) -> None:
    factor = toy.interpreter.factors["shape"]
    row = torch.linspace(-1, 1, factor.size)
    rows = torch.stack([row * scale for scale in range(4)])
    images = toy.fresh[:4]
    assert torch.equal(
        applied(toy, images, inn.edits.set_to("shape", row))[:, factor.slice], row.expand(4, -1)
    )
    assert torch.equal(applied(toy, images, inn.edits.set_to("shape", rows))[:, factor.slice], rows)
    assert torch.equal(
        applied(toy, images, inn.edits.set_to("shape", row.tolist()))[:, factor.slice], row.expand(4, -1)
    )
    assert (
        applied(toy, images, inn.edits.set_to("hue", 0.5))[:, toy.interpreter.factors["hue"].slice] == 0.5
    ).all()
    named = applied(toy, images, inn.edits.set_to("shape", "2"))[:, factor.slice]
    members = toy.interpreter.fitted.concept(factor).values == 2
    torch.testing.assert_close(
        named[0], toy.interpreter.fitted.reference_codes[torch.from_numpy(members), factor.slice].mean(0)
    )


def test_a_class_without_a_stored_sample_names_those_that_have_one(toy: Any) -> None:
    fitted, factor = toy.interpreter.fitted, toy.interpreter.factors["shape"]
    shape = fitted.concept(factor)
    lacking = dataclasses.replace(shape, values=np.where(shape.values == 1, -1, shape.values))
    others = tuple(lacking if concept is shape else concept for concept in fitted.concepts)
    wanted = "No stored sample of 'shape' is '1', so it has no mean code. Classes that have one: '0', '2'."
    with pytest.raises(inn.EditError, match=wanted):
        dataclasses.replace(fitted, concepts=others).class_code(factor, "1")


def test_setting_a_category_makes_the_model_say_it(toy: Any) -> None:
    for shape in range(3):
        outputs = toy.interpreter.run(toy.fresh, inn.edits.set_to("shape", str(shape)))
        assert (outputs.argmax(1) == shape).float().mean() > 0.8


def test_add_moves_by_what_was_given(toy: Any) -> None:
    factor, images = toy.interpreter.factors["hue"], toy.fresh[:4]
    before = toy.interpreter.encode(images)[:, factor.slice]
    delta = torch.arange(factor.size) * 0.1
    torch.testing.assert_close(applied(toy, images, inn.edits.add("hue", 1))[:, factor.slice], before + 1)
    torch.testing.assert_close(
        applied(toy, images, inn.edits.add("hue", delta))[:, factor.slice], before + delta
    )
    torch.testing.assert_close(
        applied(toy, images, inn.edits.add("hue", 0.0)), toy.interpreter.encode(images)
    )


def test_resample_draws_stored_codes_by_its_seed(toy: Any) -> None:
    factor, reference = toy.interpreter.factors["hue"], toy.interpreter.fitted.reference_codes
    first = applied(toy, toy.fresh[:20], inn.edits.resample("hue", seed=1))[:, factor.slice]
    again = applied(toy, toy.fresh[:20], inn.edits.resample("hue", seed=1))[:, factor.slice]
    other = applied(toy, toy.fresh[:20], inn.edits.resample("hue", seed=2))[:, factor.slice]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len(first.unique(dim=0)) > 15  # each input gets its own
    assert torch.cdist(first, reference[:, factor.slice]).min(1).values.max() < 1e-3
    prior = applied(toy, toy.fresh, inn.edits.resample("hue", from_prior=True))[:, factor.slice]
    assert 0.8 < prior.std() < 1.2


# --- several --------------------------------------------------------------------------------------------


def test_edits_are_applied_in_order(toy: Any) -> None:
    images = toy.fresh[:3]
    factor = toy.interpreter.factors["hue"]
    set_then_add = applied(toy, images, inn.edits.set_to("hue", 1.0), inn.edits.add("hue", 0.5))
    add_then_set = applied(toy, images, inn.edits.add("hue", 0.5), inn.edits.set_to("hue", 1.0))
    assert (set_then_add[:, factor.slice] == 1.5).all()
    assert (add_then_set[:, factor.slice] == 1.0).all()
    both = [
        inn.edits.set_to("hue", 1.0),
        inn.edits.set_to("shape", [0.5] * toy.interpreter.factors["shape"].size),
    ]
    assert torch.equal(toy.interpreter.run(images, both), toy.interpreter.run(images, both[::-1]))
    assert torch.equal(toy.interpreter.run(images, both[0]), toy.interpreter.run(images, both[:1]))


def test_no_edits_at_all_are_the_bare_model(toy: Any) -> None:
    bare = toy.interpreter.run(toy.fresh[:3])
    assert torch.equal(toy.interpreter.run(toy.fresh[:3], []), bare)
    assert torch.equal(toy.interpreter.run(toy.fresh[:3], None), bare)


# --- hold -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("edited", "held"), [("shape", "hue"), ("hue", "shape"), ("residual", "shape")])
def test_hold_keeps_a_probe_and_the_edited_factor_is_as_asked(edited: str, held: str, toy: Any) -> None:
    translator, donors = toy.interpreter.translator, toy.fresh[::-1].copy()
    before = toy.interpreter.encode(toy.fresh)
    free = applied(toy, toy.fresh, inn.edits.swap(edited, donors))
    kept = applied(toy, toy.fresh, inn.edits.swap(edited, donors, hold=[held]))
    factor = toy.interpreter.factors[edited]
    assert torch.equal(kept[:, factor.slice], free[:, factor.slice])
    read = translator.probe(held)

    def scores(codes: Tensor) -> Tensor:
        found = torch.from_numpy(read.scores(translator.white(codes).numpy()))
        return found - found.mean(1, keepdim=True) if len(read.classes) else found

    moved = (scores(free) - scores(before)).abs().mean()
    with_hold = (scores(kept) - scores(before)).abs().mean()
    assert with_hold < 0.2 * moved
    assert (kept - free).abs().max() > 1e-4  # it took a move elsewhere


def test_several_concepts_can_be_held_at_once(toy: Any) -> None:
    edited = applied(toy, toy.fresh[:5], inn.edits.resample("residual", hold=["shape", "hue"]))
    assert bool(edited.isfinite().all())
    outputs = toy.interpreter.run(toy.fresh[:5], inn.edits.resample("residual", hold=["shape", "hue"]))
    assert outputs.shape == (5, 3)


# --- refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (
            lambda t: inn.edits.swap("shape"),
            inn.EditError,
            r"found neither\. Type swap\('shape', donor_images\)",
        ),
        (
            lambda t: inn.edits.swap("shape", t.fresh, donor_codes=torch.zeros(1, 32)),
            inn.EditError,
            "found both",
        ),
        (
            lambda t: inn.edits.swap("shape", t.fresh[:3]),
            inn.EditError,
            r"one donor, or one for each of 5 inputs, found 3",
        ),
        (
            lambda t: inn.edits.swap("shape", donor_codes=torch.zeros(5, 31)),
            inn.EditError,
            r"donor codes of 32 axes, found 31",
        ),
        (
            lambda t: inn.edits.swap("shape", donor_codes=torch.zeros(31)),
            inn.EditError,
            r"donor codes of 32 axes, found 31",
        ),
        (
            lambda t: inn.edits.swap("shapes", t.fresh[:5]),
            inn.ConceptError,
            r"no factor 'shapes'\. Did you mean 'shape'",
        ),
        (
            lambda t: inn.edits.set_to("shape", torch.zeros(99)),
            inn.EditError,
            r"numbers for the factor 'shape', found 99",
        ),
        (
            lambda t: inn.edits.set_to("shape", torch.zeros(5, 99)),
            inn.EditError,
            r"numbers for the factor 'shape', found 99",
        ),
        (
            lambda t: inn.edits.set_to("hue", torch.zeros(4, t.interpreter.factors["hue"].size)),
            inn.EditError,
            r"a value for each of 5 inputs, or one for all of them, found shape \(4, ",
        ),
        (
            lambda t: inn.edits.set_to("hue", float("nan")),
            inn.EditError,
            r"would put values into 'hue' that are not finite",
        ),
        (
            lambda t: inn.edits.set_to("hue", None),
            inn.EditError,
            r"expected numbers for the factor 'hue', found NoneType",
        ),
        (
            lambda t: inn.edits.add("hue", "far"),
            inn.EditError,
            r"expected numbers for the factor 'hue', found str",
        ),
        (
            lambda t: inn.edits.set_to("hue", "red"),
            inn.EditError,
            r"only factors of categorical concepts have classes",
        ),
        (
            lambda t: inn.edits.set_to("residual", "x"),
            inn.EditError,
            r"Expected numbers for the factor 'residual'",
        ),
        (
            lambda t: inn.edits.set_to("shape", "9"),
            inn.EditError,
            r"'shape' has no class '9'\. Known: '0', '1', '2'",
        ),
        (
            lambda t: inn.edits.add("shape", 0.1, hold="hue"),
            inn.EditError,
            r"found 'hue'\. Type hold=\['hue'\]",
        ),
        (lambda t: inn.edits.add("shape", 0.1, hold=["shape"]), inn.EditError, r"Take 'shape' out of hold"),
        (
            lambda t: inn.edits.add("shape", 0.1, hold=["huh"]),
            inn.ConceptError,
            r"no concept 'huh' with values to read",
        ),
        (
            lambda t: inn.edits.add("hue", 0.1, hold=["residual"]),
            inn.ConceptError,
            r"no concept 'residual' with values",
        ),
        (lambda t: "shape", inn.EditError, r"Expected edits from interpret_inn\.edits, found str"),
        (lambda t: [inn.edits.add("hue", 1.0), ("shape", 1)], inn.EditError, r"edits, found tuple"),
        (lambda t: inn.edits.add, inn.EditError, r"Expected edits from interpret_inn\.edits, found function"),
    ],
)
def test_edits_that_do_not_fit_say_why(make: Any, kind: Any, text: str, toy: Any) -> None:
    with pytest.raises(kind, match=text):
        toy.interpreter.run(toy.fresh[:5], make(toy))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in toy.model.modules())


def test_numbers_on_a_factor_without_categories_are_codes(toy: Any) -> None:
    for number in (1, np.int64(1), 1.0, torch.tensor(1)):
        codes = applied(toy, toy.fresh[:2], inn.edits.set_to("hue", number))
        assert (codes[:, toy.interpreter.factors["hue"].slice] == 1).all()


@pytest.mark.parametrize(
    "number", [1, np.int64(1), 1.0, np.float32(1), torch.tensor(1), np.array(1)], ids=repr
)
def test_a_bare_number_on_a_factor_of_classes_is_refused(number: Any, toy: Any) -> None:
    size = toy.interpreter.factors["shape"].size
    text = (
        r"expected the name of a class \('0', '1', '2'\), or a code of \d+ numbers .*found one bare number\. "
        rf"Type set_to\('shape', '1'\) for the class, or set_to\('shape', \[1\.0\] \* {size}\) for that code"
    )
    with pytest.raises(inn.EditError, match=text):
        toy.interpreter.run(toy.fresh[:2], inn.edits.set_to("shape", number))


@pytest.mark.parametrize("number", [7, True, np.bool_(False), 0.5], ids=repr)
def test_a_bare_number_that_names_no_class_is_refused_too(number: Any, toy: Any) -> None:
    with pytest.raises(
        inn.EditError, match=r"found one bare number\. Type set_to\('shape', '[01]'\) for the class"
    ):
        toy.interpreter.run(toy.fresh[:2], inn.edits.set_to("shape", number))


@pytest.mark.parametrize(
    ("classes", "listed"),
    [("abcde", "'d', 'e'"), ("abcdef", "'d', 'e' and 1 more"), ("abcdefg", "'d', 'e' and 2 more")],
)
def test_the_first_five_classes_are_listed(classes: str, listed: str) -> None:
    concept = Concept("kind", "categorical", np.arange(len(classes)), classes=tuple(classes))
    translator: Any = SimpleNamespace(
        factors={"kind": Factor("kind", 0, 2)},
        fitted=SimpleNamespace(reference_codes=torch.zeros(0, 2), concept=lambda factor: concept),
    )
    with pytest.raises(
        inn.EditError, match=rf"\('a', 'b', 'c', {listed}\), or a code .*Type set_to\('kind', 'a'\)"
    ):
        inn.edits.set_to("kind", 0.5).begin(translator, None)


def test_how_far_codes_lie_beyond_those_of_the_data(toy: Any) -> None:
    translator, factor = toy.interpreter.translator, toy.interpreter.factors["hue"]
    fitted = translator.fitted
    codes = fitted.reference_codes[:, factor.slice]
    low, high = codes.amin(0), codes.amax(0)
    assert translator.beyond(factor, (low + high) / 2) == 0
    assert translator.beyond(factor, torch.stack([high + 0.5, low - 0.25])) == pytest.approx(0.5, abs=1e-5)
    fewer = dataclasses.replace(fitted, reference_codes=fitted.reference_codes[:, : factor.start])
    assert Codec(translator.backbone, fewer).beyond(factor, high + 0.5) == 0  # its axes were not stored


def test_codes_far_outside_the_data_warn_once_in_a_call(toy: Any) -> None:
    it, text = toy.interpreter, r"of 'hue' that lie .* outside those of the data .*swap\('hue', donor\)"
    high = float(it.fitted.reference_codes[:, it.factors["hue"].slice].max())
    low = float(it.fitted.reference_codes[:, it.factors["hue"].slice].min(0).values.max())
    for edit in (
        inn.edits.set_to("hue", high + 4.1),
        inn.edits.set_to("hue", low - 4.1),
        inn.edits.add("hue", 200),
    ):
        with pytest.warns(inn.InnWarning, match=text) as caught:
            it.run(toy.fresh, edit)  # several batches
        assert len(caught) == 1
        assert caught[0].filename == __file__  # the caller's own line is named
    it.run(toy.fresh, inn.edits.set_to("hue", low + 1))  # nothing is said of codes as the data have them
    it.run(toy.fresh, inn.edits.set_to("hue", low - 3.9))  # nor near them
    it.run(toy.fresh[:9], inn.edits.swap("hue", toy.fresh[9:18]))
    it.run(toy.fresh[:9], inn.edits.swap("hue", donor_codes=it.encode(toy.fresh[:1]) + 50))  # nor of donors


def test_edits_read_as_they_were_typed() -> None:
    assert repr(inn.edits.swap("digit", np.zeros(3))) == "swap('digit')"
    assert repr(inn.edits.set_to("digit", "7", hold=["colour"])) == "set_to('digit', '7', hold=['colour'])"
    assert repr(inn.edits.add("digit", torch.zeros(3))) == "add('digit', …)"
    assert (
        repr(inn.edits.resample("digit", seed=3, from_prior=True))
        == "resample('digit', seed=3, from_prior=True)"
    )
