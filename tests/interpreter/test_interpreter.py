"""`Interpreter` on the toy: translating, editing and attaching, and what it says when asked wrongly."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import interpret_inn as inn
from interpret_inn.testing import ToyClassifier, toy_classifier, toy_images

pytestmark = pytest.mark.usefixtures("hasty_probes")


def prepared(images: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(images)).movedim(-1, 1).float() / 255


# --- names and states -----------------------------------------------------------------------------------


def test_every_public_name_is_there() -> None:
    assert all(hasattr(inn, name) for name in inn.__all__)
    assert sorted(inn.__all__) == inn.__all__
    for name in ("wrap", "load", "sites", "concept_source", "register", "hookimpl", "plugins", "edits"):
        assert name in inn.__all__
    kinds = [vars(inn)[name] for name in inn.__all__ if name.endswith("Error")]
    assert all(issubclass(kind, inn.InnError) for kind in kinds)


def test_it_says_what_it_is(toy: Any) -> None:
    assert repr(inn.wrap(toy.model, "head:in")) == "Interpreter('ToyClassifier', site 'head:in', not fitted)"
    shown = repr(toy.interpreter)
    assert shown.startswith("Interpreter('ToyClassifier', site 'head:in', Factors(shape: ")


def test_fit_returns_the_interpreter_itself(toy: Any, small: dict[str, Any]) -> None:
    interpreter = inn.wrap(toy.model, "head:in")
    assert (
        interpreter.fit("labels", data=toy.images[:160], labels=toy.labels["shape"][:160], **small)
        is interpreter
    )
    assert interpreter.factors.names == ("label", "residual")


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.factors,
        lambda it: it.fitted,
        lambda it: it.encode(np.zeros((1, 24, 24, 3), np.uint8)),
        lambda it: it.invert(torch.zeros(1, 32)),
        lambda it: it.run(np.zeros((1, 24, 24, 3), np.uint8), inn.edits.add("shape", 1.0)),
        lambda it: it.traverse(np.zeros((1, 24, 24, 3), np.uint8), "shape"),
        lambda it: it.explain(np.zeros((1, 24, 24, 3), np.uint8)),
        lambda it: it.explain(),
        lambda it: it.report(),
        lambda it: it.check(np.zeros((1, 24, 24, 3), np.uint8)),
        lambda it: it.evaluation,
    ],
)
def test_before_a_fit_it_says_what_to_type(toy: Any, call: Any) -> None:
    with pytest.raises(
        inn.NotFittedError, match=r'has not been fitted yet\. Type interpreter\.fit\("labels"'
    ):
        call(inn.wrap(toy.model, "head:in"))


def test_nothing_is_saved_before_a_fit(toy: Any, tmp_path: Any) -> None:
    with pytest.raises(inn.NotFittedError, match="not been fitted"):
        inn.wrap(toy.model, "head:in").save(tmp_path / "artefact")
    assert not list(tmp_path.iterdir())


def test_an_unedited_run_needs_no_fit_and_is_the_bare_model(toy: Any) -> None:
    outputs = inn.wrap(toy.model, "head:in").run(toy.fresh[:5])
    assert torch.equal(outputs, toy.model(prepared(toy.fresh[:5])).detach())


# --- translating ----------------------------------------------------------------------------------------


def test_codes_translate_exactly_both_ways(toy: Any) -> None:
    codes = toy.interpreter.encode(toy.fresh[:20])
    assert codes.shape == (20, 32)
    assert codes.dtype == torch.float32
    assert not codes.requires_grad
    z = toy.model.features(prepared(toy.fresh[:20])).detach()
    torch.testing.assert_close(toy.interpreter.invert(codes), z, atol=1e-4, rtol=1e-4)


def test_factors_cover_the_whole_code_in_order(toy: Any) -> None:
    factors = toy.interpreter.factors
    assert factors.names == ("shape", "hue", "residual")
    assert sum(factors.sizes) == factors.total == 32
    assert [factor.start for factor in factors][1:] == [factor.stop for factor in factors][:-1]


def test_more_inputs_than_one_batch_are_the_same_as_one_by_one(toy: Any) -> None:
    whole = toy.interpreter.encode(toy.fresh)
    assert len(whole) == 150
    parts = torch.cat([toy.interpreter.encode(toy.fresh[at : at + 50]) for at in range(0, 150, 50)])
    torch.testing.assert_close(whole, parts, atol=1e-4, rtol=1e-4)
    outputs = toy.interpreter.run(toy.fresh, inn.edits.set_to("hue", 0.5))
    assert outputs.shape == (150, 3)
    few = toy.interpreter.run(toy.fresh[100:], inn.edits.set_to("hue", 0.5))
    torch.testing.assert_close(outputs[100:], few, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("codes", [torch.zeros(2, 31), torch.zeros(32)])
def test_codes_of_another_width_are_refused(toy: Any, codes: torch.Tensor) -> None:
    with pytest.raises(inn.EditError, match=r"Expected codes of 32 axes, \(B, 32\), found \("):
        toy.interpreter.invert(codes)


def test_inputs_and_codes_must_be_as_many(toy: Any) -> None:
    with pytest.raises(inn.EditError, match=r"Expected as many inputs as codes \(2\), found 3"):
        toy.interpreter.invert(torch.zeros(2, 32), toy.fresh[:3])


# --- traversals --------------------------------------------------------------------------------------------


def test_a_traversal_passes_through_the_input_itself(toy: Any) -> None:
    it = toy.interpreter
    factor = it.factors["shape"]
    own = it.translator.axes["shape"].position(it.encode(toy.fresh[:1])[:, factor.slice])
    outputs = it.traverse(toy.fresh[:1], "shape", [-2.0, float(own), 2.0])
    assert outputs.shape == (3, 1, 3)
    torch.testing.assert_close(outputs[1], it.run(toy.fresh[:1]), atol=1e-3, rtol=1e-3)
    assert not torch.allclose(outputs[0], outputs[2], atol=1e-2)


def test_steps_of_a_traversal(toy: Any) -> None:
    assert toy.interpreter.traverse(toy.fresh, "hue").shape == (9, 150, 3)
    five = toy.interpreter.traverse(toy.fresh[:2], "hue", 5)
    given = toy.interpreter.traverse(toy.fresh[:2], "hue", [-2.5, -1.25, 0.0, 1.25, 2.5])
    torch.testing.assert_close(five, given)
    assert toy.interpreter.traverse(toy.fresh[:2], "residual", np.array([0.0, 1.0])).shape == (2, 2, 3)


@pytest.mark.parametrize("steps", [0, [], -3, [[0.0]], "many", [float("nan")]])
def test_steps_that_are_none_are_refused(toy: Any, steps: Any) -> None:
    with pytest.raises(inn.EditError, match=r"Expected at least one step of a traversal|Expected steps"):
        toy.interpreter.traverse(toy.fresh[:2], "hue", steps)


def test_an_unknown_factor_is_named_with_the_nearest(toy: Any) -> None:
    with pytest.raises(inn.ConceptError, match=r"There is no factor 'hues'\. Did you mean 'hue'"):
        toy.interpreter.traverse(toy.fresh[:2], "hues")


# --- attached -------------------------------------------------------------------------------------------


def test_in_a_with_block_the_model_runs_as_ever_and_is_listened_to(toy: Any) -> None:
    inputs = prepared(toy.fresh[:4])
    bare = toy.model(inputs)
    with toy.interpreter as attached:
        assert attached is toy.interpreter
        with pytest.raises(inn.SiteError, match="was not reached"):
            _ = attached.captured
        assert torch.equal(toy.model(inputs), bare)
        assert torch.equal(attached.captured, toy.model.features(inputs))
        assert attached.encode(toy.fresh[:4]).shape == (4, 32)  # calls work in it as well
    assert torch.equal(toy.model(inputs), bare)
    with pytest.raises(inn.BackboneError, match=r"Nothing is captured outside a `with interpreter:` block"):
        _ = toy.interpreter.captured


def test_attaching_twice_is_refused_and_harmless(toy: Any) -> None:
    with toy.interpreter:
        with pytest.raises(inn.BackboneError, match="attached already"), toy.interpreter:
            pass
        toy.model(prepared(toy.fresh[:2]))
        assert toy.interpreter.captured.shape == (2, 32)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in toy.model.modules())


# --- models of other kinds ------------------------------------------------------------------------------


class Several(nn.Module):
    """Outputs are a structure, and the site is a part of one."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = ToyClassifier()
        self.inner.load_state_dict(toy_classifier().state_dict())

    def forward(self, inputs: torch.Tensor) -> dict[str, Any]:
        logits = self.inner(inputs)
        return {"logits": logits, "pair": (logits * 2, None)}


@pytest.mark.slow
def test_structured_outputs_are_joined_over_batches(toy: Any, small: dict[str, Any]) -> None:
    it = inn.wrap(Several(), "inner.head:in")
    it.fit("labels", data=toy.images[:160], labels=toy.labels["shape"][:160], **small)
    outputs = it.run(toy.fresh, inn.edits.add("label", 0.0))
    assert set(outputs) == {"logits", "pair"}
    assert outputs["logits"].shape == (150, 3)
    assert outputs["pair"][0].shape == (150, 3)
    assert outputs["pair"][1] is None
    torch.testing.assert_close(
        outputs["logits"], toy.model(prepared(toy.fresh)).detach(), atol=1e-3, rtol=1e-3
    )
    assert it.traverse(toy.fresh[:3], "label", 3).shape == (3, 3, 3)
    assert it.explain(toy.fresh[:12], localizer=None).redraws["label"].kind == "classes"


class Record:
    """An output that cannot be joined."""

    def __init__(self, logits: torch.Tensor) -> None:
        self.logits = logits


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = toy_classifier()

    def forward(self, inputs: torch.Tensor) -> Record:
        return Record(self.inner(inputs))


def test_outputs_that_cannot_be_joined_are_named(toy: Any) -> None:
    with pytest.raises(
        inn.InputError, match=r"Outputs such as Record cannot be joined over batches\. Pass at most 64"
    ):
        inn.wrap(Odd(), "inner.head:in").run(toy.fresh)
    assert isinstance(
        inn.wrap(Odd(), "inner.head:in").run(toy.fresh[:64]), Record
    )  # one batch needs no joining


def test_half_precision_models_keep_their_precision(small: dict[str, Any]) -> None:
    images, labels = toy_images(160, seed=4)
    model = toy_classifier().bfloat16()
    it = inn.wrap(model, "head:in").fit("labels", data=images, labels=labels["shape"], **small)
    assert it.encode(images[:3]).dtype == torch.float32
    assert it.run(images[:3], inn.edits.add("label", 0.0)).dtype == torch.bfloat16
    assert it.invert(it.encode(images[:3]), images[:3]).dtype == torch.bfloat16
