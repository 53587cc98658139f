"""Which of several fits is the simplest, and how sure that is."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor, nn

import interpret_inn as inn
from interpret_inn import comparing
from interpret_inn.backbones import Backbone
from interpret_inn.flows import InvertibleNetwork
from interpret_inn.metrics.traversals import pixel_distance, tpl

PLACES = torch.linspace(-2, 2, 16)


class Spot(nn.Module):
    """Latents (B, 3) to images (B, 1, 16, 16): a spot, its place across and down, and how bright it is."""

    def forward(self, latents: Tensor) -> Tensor:
        across, down = (torch.tanh(latents[:, axis, None] / 2) * 1.5 for axis in (0, 1))
        spot = (
            torch.exp(-8 * (PLACES - down) ** 2)[:, :, None] * torch.exp(-8 * (PLACES - across) ** 2)[:, None]
        )
        return (spot * (0.5 + torch.sigmoid(latents[:, 2])[:, None, None] / 2))[:, None]


def draw(n: int, generator: Generator) -> Tensor:
    return torch.randn(n, 3, generator=generator)


def spots(**options: Any) -> inn.Interpreter:
    known = {"preprocess": "identity", "kind": "generator", "sample_inputs": draw, "value_range": (0, 1)}
    return inn.Interpreter(Backbone(Spot().eval(), ".:in", **known | options))


def rotation(size: float, seed: int = 0) -> Tensor:
    drawn = torch.randn(3, 3, generator=Generator().manual_seed(seed))
    return torch.matrix_exp(size * (drawn - drawn.T))


@pytest.fixture(scope="module")
def turned(small: dict[str, Any], cache_of_tests: None) -> Callable[[Tensor], inn.Interpreter]:
    """Fits of one model whose axes are the latents turned by a rotation (3, 3)."""
    latents = draw(400, Generator().manual_seed(7))
    it = spots()
    labels = {"across": latents[:, 0].numpy(), "down": latents[:, 1].numpy()}
    it.fit("labels", data=latents, labels=labels, **small)

    def make(turn: Tensor) -> inn.Interpreter:
        flow = it.fitted.network
        network = InvertibleNetwork(flow.whitening, flow.shape, Generator().manual_seed(0))
        white = flow.whitening(torch.eye(3))[0] - flow.whitening(torch.zeros(3, 3))[0]
        u, _, v = torch.linalg.svd(white)  # whitened latents are the latents turned, up to a few percent
        network.align((turn @ u @ v).T)
        reference = network(latents)[0].detach()
        return inn.Interpreter(
            it.backbone, fitted=dataclasses.replace(it.fitted, network=network, reference_codes=reference)
        )

    return make


@pytest.fixture(scope="module")
def found(turned: Any) -> comparing.Selection:
    return inn.select({"mixed": turned(rotation(0.6)), "true": turned(torch.eye(3)), "bare": (Spot(), 3)})


def test_the_true_axes_are_chosen_and_surely(found: comparing.Selection) -> None:
    assert set(found.order[:2]) == {"true", "bare"}
    assert found.order[2] == "mixed"
    true, mixed = found.candidates["true"], found.candidates["mixed"]
    assert mixed.first < 0.01
    assert mixed.behind.low > 0
    assert true.lengths.score.value == pytest.approx(found.candidates["bare"].lengths.score.value, rel=0.1)
    assert found.starts == 10
    assert found.sure == found.candidates[found.best].first
    assert sum(one.first for one in found.candidates.values()) == pytest.approx(1)


def test_axes_are_those_of_the_truth(turned: Any) -> None:
    """Each axis of the flow aligned with the truth does what the latent does, as far as 280 samples have it."""
    fitted = inn.lengths(turned(torch.eye(3)), starts=4).axes
    assert fitted == pytest.approx(tpl(Spot(), 3, starts=4).axes, abs=0.02)


def test_one_code_twice_is_not_told_apart(turned: Any) -> None:
    it = turned(torch.eye(3))
    found = inn.select([it, it], starts=4, steps=6)
    assert found.order == ("1", "2")
    assert found.sure == pytest.approx(
        0.5, abs=0.05
    )  # what stored codes say of their own spread is drawn for each
    assert found.candidates["2"].behind.value == 0
    assert found.notes == ()


def test_two_turns_that_are_alike_are_hardly_told_apart(turned: Any) -> None:
    """Across and down change places: by symmetry as simple, though from other starting points."""
    swapped = torch.eye(3)[[1, 0, 2]]
    found = inn.select({"a": turned(torch.eye(3)), "b": turned(swapped)}, starts=8, steps=8)
    assert found.sure < 0.95
    assert found.candidates[found.order[1]].behind.low <= 1e-3


def test_it_is_what_lengths_measures(turned: Any) -> None:
    it = turned(rotation(0.3))
    options: dict[str, Any] = {"starts": 3, "steps": 5, "distance": pixel_distance, "span": 2.0, "seed": 5}
    alone, beside = inn.lengths(it, **options), inn.select({"it": it}, **options)
    lengths = beside.candidates["it"].lengths
    assert np.array_equal(lengths.each, alone.each)
    assert np.array_equal(lengths.active, alone.active)
    assert lengths.factors == alone.factors
    assert lengths.score.value == pytest.approx(alone.score.value)
    assert lengths.threshold == alone.threshold == beside.threshold
    assert (beside.best, beside.sure, beside.notes) == ("it", 1.0, ())
    bare = inn.select({"bare": (Spot(), 3)}, **options).candidates["bare"].lengths
    assert np.array_equal(bare.each, tpl(Spot(), 3, **options).each)


def test_all_start_from_the_same_images(turned: Any, generator_at: Any, faces: Any, small: Any) -> None:
    seen: list[Tensor] = []

    def bare(codes: Tensor) -> Tensor:
        seen.append(codes)
        return Spot()(codes)

    it = turned(torch.eye(3))
    inn.select({"it": it, "bare": (bare, 3)}, starts=2, steps=3)
    assert torch.equal(seen[0].reshape(2, 3, 3)[:, 0, 1:], it.sample_inputs(2)[:, 1:])
    seen.clear()
    given = draw(2, Generator().manual_seed(9))
    inn.select({"it": it, "bare": (bare, 3)}, inputs=given, steps=3)
    assert torch.equal(seen[0].reshape(2, 3, 3)[:, 0, 1:], given[:, 1:])
    inner = inn.Interpreter(generator_at("first"))
    inner.fit("labels", data=faces.inputs, labels={"tilt": faces.inputs[:, 1].numpy()}, **small)
    both = inn.select({"latents": faces.interpreter, "inner": inner}, starts=2, steps=3)
    assert both.notes == ()  # 12 axes each, the same latents


def test_fits_of_one_autoencoder_start_from_what_one_of_them_stored(maps: Any) -> None:
    it, images = maps
    other = inn.Interpreter(
        it.backbone, fitted=dataclasses.replace(it.fitted, reference_codes=it.fitted.reference_codes.flip(0))
    )
    given = inn.select([it, other], inputs=images[:5], starts=3, steps=3)
    assert given.starts == 3
    assert given.sure == pytest.approx(0.5, abs=0.05)
    if it.fitted.layout.name != "flat":
        with pytest.raises(
            inn.InputError, match=r"Candidate '1': Expected inputs to start the traversals from"
        ):
            inn.select([it, other])
        return
    assert inn.select([it, other], starts=3, steps=3).sure == pytest.approx(0.5, abs=0.05)
    with pytest.raises(inn.InputError, match=r"at least two inputs to start traversals from, found 1"):
        inn.select([it, other], inputs=images[:1])


def test_a_code_of_other_starting_points_gets_a_note(turned: Any) -> None:
    it = turned(torch.eye(3))
    away = (it.backbone.model, torch.eye(3))
    assert inn.select({"it": it, "bare": away}, starts=2, steps=3).notes == ()
    stray = inn.Interpreter(copy.copy(it.backbone), fitted=it.fitted)
    stray.backbone.sample_inputs = lambda n, generator: draw(n, generator) + 1
    assert (
        "Not all traversals start from the same images" in inn.select([it, stray], starts=2, steps=3).notes[0]
    )


def test_other_models_ranges_and_numbers_of_axes_get_notes(turned: Any, faces: Any) -> None:
    it = turned(torch.eye(3))
    notes = inn.select({"spots": it, "faces": faces.interpreter}, starts=2, steps=3).notes
    assert any("of different models" in note for note in notes)
    signed = inn.Interpreter(copy.copy(it.backbone), fitted=it.fitted)
    signed.backbone.value_range = (-1.0, 1.0)
    notes = inn.select([it, signed], starts=2, steps=3).notes
    assert notes[0].startswith("The images have different ranges (-1 to 1, 0 to 1)")
    notes = inn.select({"it": it, "two": (it.backbone.model, torch.eye(3)[:2])}, starts=2, steps=3).notes
    assert notes == (
        "The candidates have different numbers of axes (two 2, it 3): what is not traversed is not counted.",
    )
    notes = inn.select([it], starts=2, steps=3, threshold=0.95).notes
    assert "do not count" in notes[0]


def test_fits_that_differ_in_their_draws_alone_are_not_told_apart_surely() -> None:
    """Their traversals differ by what 4,096 draws say of a standard deviation, from all starting points alike."""

    def fitted(seed: int) -> inn.Interpreter:
        it = inn.wrap(Spot(), backbone="generator", latents="normal", latent_shape=3, value_range=(0, 1))
        return it.fit("directions", seed=seed, cache=None, checkpoint=None)

    fits = {str(seed): fitted(seed) for seed in range(4)}
    pairs = [inn.select({"a": fits[a], "b": fits[b]}, steps=8) for a in fits for b in fits if a < b]
    behind = [found.candidates[found.order[1]].behind for found in pairs]
    assert sum(score.low > 0 for score in behind) <= 1
    assert sum(found.sure > 0.95 for found in pairs) <= 1


def test_a_module_in_training_mode_is_given_back_as_it_was() -> None:
    class Noisy(Spot):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.drop = nn.BatchNorm2d(1, affine=False), nn.Dropout()

        def forward(self, latents: Tensor) -> Tensor:
            found: Tensor = self.drop(self.norm(super().forward(latents)))
            return found

    model = Noisy().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    inn.select({"a": (model, 3), "b": (lambda z: torch.rand(len(z), 1, 8, 8), 3)}, starts=2, steps=3)
    assert model.training and model.norm.training and model.drop.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


class Deaf(nn.Module):
    def forward(self, latents: Tensor) -> Tensor:
        return (0 * latents).sum(1)[:, None, None, None].expand(-1, 1, 8, 8)


def test_a_generator_that_ignores_its_latents_comes_last(turned: Any) -> None:
    found = inn.select({"deaf": (Deaf(), 3), "it": turned(torch.eye(3))}, starts=3, steps=4)
    assert found.order == ("it", "deaf")
    assert (found.sure, found.candidates["deaf"].lengths.score.value) == (1.0, 0.0)
    assert any(note.startswith("No axis of 'deaf' moves the images") for note in found.notes)
    assert found.table[2] == ("deaf", "0 [0, 0]", "0 %", "–", "0 of 3")
    with pytest.warns(inn.InnWarning, match=r"No candidate moves the images"):
        none = inn.select([(Deaf(), 3), (Deaf(), 2)], starts=3, steps=4)
    assert none.sure == 0.5


def test_it_is_shown_as_a_table_and_escaped(turned: Any) -> None:
    it = turned(torch.eye(3))
    found = inn.select(
        {"<b>true</b>": it, "two & more": (it.backbone.model, torch.eye(3)[:2])}, starts=3, steps=4
    )
    lines = str(found).splitlines()
    assert lines[0].split()[:2] == ["candidate", "length"]
    assert lines[1].startswith("two & more")
    assert lines[2].startswith("<b>true</b>")
    assert lines[3].startswith("The candidates have different numbers of axes (two & more 2, <b>true</b> 3)")
    assert len(found.table) == 3
    page = found._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;true" in page
    assert page.count("<tr>") == 3
    assert page.count("<p>") == 1
    assert repr(found) == "Selection(best 'two & more', sure 1.00, of 2)"


def test_what_is_no_candidate_is_refused(turned: Any, toy: Any) -> None:
    it = turned(torch.eye(3))
    cases: list[tuple[Any, type[Exception], str]] = [
        ({}, inn.InputError, r"at least one candidate to select from, found none"),
        ([], inn.InputError, r"at least one candidate to select from, found none"),
        (it, inn.InputError, r"mapping from names to candidates, or a sequence of them, found Interpreter"),
        ("it", inn.InputError, r"or a sequence of them, found str"),
        ({1: it, "1": it}, inn.InputError, r"candidates of different names, found '1' twice"),
        (
            {"mine": 3},
            inn.InputError,
            r"fitted interpreters or pairs \(generate, axes\), found int for 'mine'",
        ),
        ([Spot()], inn.InputError, r"found Spot for '1'"),
        ({"new": spots()}, inn.NotFittedError, r"Candidate 'new': This interpreter has not been fitted yet"),
        ({"bare": (Spot(), 0)}, inn.InputError, r"Candidate 'bare': Expected axes to be the number of axes"),
    ]
    for candidates, kind, text in cases:
        with pytest.raises(kind, match=text):
            inn.select(candidates)
    with pytest.raises(inn.BackboneError, match=r"Candidate 'toy': Expected a model that makes images"):
        inn.select({"toy": toy.interpreter}, inputs=toy.fresh[:4])
    with pytest.raises(inn.InputError, match=r"starts to be a whole number, at least 2, found 1"):
        inn.select([it], starts=1)
    with pytest.raises(inn.InputError, match=r"steps to be a whole number"):
        inn.select([it], steps=1)
