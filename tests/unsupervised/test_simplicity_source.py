"""Simplicity from end to end: known axes are found, and what cannot be done is said."""

import pytest
import torch

import interpret_inn as inn
from interpret_inn.errors import ConceptError, PluginError
from interpret_inn.testing import check_concept_source, toy_classifier, toy_images
from interpret_inn.testing.views import ToyView

from .conftest import AXES, aligned

QUICK = {"cache": None, "checkpoint": None}


def found_axes(interpreter: inn.Interpreter) -> torch.Tensor:
    """Directions in the latents, as columns, in which the code's axes point."""
    steps = torch.eye(interpreter.factors.total)
    return (interpreter.invert(steps) - interpreter.invert(torch.zeros_like(steps))).T


@pytest.mark.parametrize("seed", [1, 2])
def test_turned_axes_are_found(wrapped, seed):
    interpreter, true = wrapped(seed)
    interpreter.fit("simplicity", flow="rotation", points=400, **QUICK)
    assert min(aligned(found_axes(interpreter), true[:, :4])) > 0.95
    assert interpreter.fitted.record.steps == 0
    assert [name for name in interpreter.factors.names if name != "residual"] == [
        f"factor {number}" for number in range(1, 5)
    ]


def test_the_control_where_no_axes_are_better_than_others_finds_others(wrapped):
    """Latents of one strength that are only added up: nothing tells axes apart."""

    class Sum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            weight = torch.linalg.qr(torch.randn(64, 6, generator=torch.Generator().manual_seed(0))).Q
            self.register_buffer("weight", weight)

        def forward(self, latents):
            return (latents @ self.weight.T).reshape(-1, 1, 8, 8)

    interpreter = inn.wrap(Sum(), backbone="generator", latents="normal", latent_shape=6)
    interpreter.fit("simplicity", flow="rotation", embed=lambda images: images.flatten(1), **QUICK)
    assert min(aligned(found_axes(interpreter), torch.eye(6))) < 0.95


def test_couplings_make_the_axes_no_longer_and_stay_invertible(wrapped):
    plain, _ = wrapped()
    turned = plain.fit("simplicity", flow="rotation", points=300, **QUICK)
    bent, _ = wrapped()
    bent.fit("simplicity", points=300, steps=30, every=10, **QUICK)
    assert len(bent.fitted.record.history) == 3
    latents = bent.sample_inputs(50, seed=5)
    torch.testing.assert_close(bent.invert(bent.encode(latents)), latents, atol=1e-4, rtol=1e-4)
    lengths = [inn.explore.lengths(one).score.value for one in (bent, turned)]
    assert lengths[0] < 1.1 * lengths[1]


def test_a_fit_that_was_stopped_goes_on_to_the_same_end(wrapped, tmp_path, monkeypatch):
    from interpret_inn.fitting.trainer import Trainer

    options = {"points": 60, "steps": 12, "every": 4, "images": 3, "cache": None, "checkpoint": tmp_path}
    whole = wrapped()[0].fit("simplicity", **options).fitted.bank
    taken, step = [], Trainer._step

    def killed(self):
        if len(taken) == 6:
            raise KeyboardInterrupt
        taken.append(1)
        step(self)

    monkeypatch.setattr(Trainer, "_step", killed)
    interpreter = wrapped()[0]
    with pytest.raises(KeyboardInterrupt):
        interpreter.fit("simplicity", **options)
    monkeypatch.setattr(Trainer, "_step", step)
    torch.testing.assert_close(interpreter.fit("simplicity", **options).fitted.bank, whole)


def test_the_model_is_given_back_and_no_global_state_is_touched(wrapped):
    interpreter, _ = wrapped()
    model = interpreter.backbone.model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    interpreter.fit("simplicity", points=40, steps=3, images=2, **QUICK)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and not any(p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_generator_that_ignores_its_latents_is_said():
    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 4)

        def forward(self, latents):
            return torch.linspace(0, 1, 64).reshape(1, 1, 8, 8).expand(len(latents), 1, 8, 8) + 0 * (
                latents.sum()
            )

    interpreter = inn.wrap(Fixed(), backbone="generator", latent_shape=4)
    interpreter.fit("simplicity", steps=2, **QUICK)
    assert any("do not change with the representation" in note for note in interpreter.fitted.notes)
    assert interpreter.factors.names == ("factor 1", "residual")
    assert torch.isfinite(interpreter.encode(interpreter.sample_inputs(5))).all()


def test_models_that_make_no_images_are_refused():
    images, _ = toy_images(200)
    with pytest.raises(ConceptError, match="Expected a model that makes images"):
        inn.wrap(toy_classifier()).fit("simplicity", data=images, **QUICK)


def test_sites_from_which_alone_nothing_comes_are_refused(spots):
    model, _ = spots()
    interpreter = inn.wrap(model, "turn", backbone="generator", value_range=(0, 1))
    with pytest.raises(inn.BackboneError, match="Expected a site from which alone Spots makes its outputs"):
        interpreter.fit("simplicity", **QUICK)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"factors": "many"}, "Expected factors=\"auto\" or a number, found 'many'"),
        ({"factors": 0}, "Expected factors to be a whole number, at least 1, found 0"),
        ({"flow": "spline"}, 'Expected flow="couplings" or flow="rotation", found \'spline\''),
        ({"recognition": -1}, "Expected recognition as a number of at least 0, found -1"),
        ({"stride": 0}, "Expected stride as a number above 0, found 0"),
        ({"simplicity": float("nan")}, "Expected simplicity as a number of at least 0, found nan"),
        ({"points": 1}, "Expected points to be a whole number, at least 2, found 1"),
        ({"embed": 3}, "Expected a function of images in embed=, found int"),
        ({"seed": -1}, "Expected seed to be a whole number, at least 0, found -1"),
    ],
)
def test_options_that_cannot_be_used_are_said(options, text):
    with pytest.raises(ConceptError, match=text):
        inn.concept_source("simplicity", data=torch.randn(20, 4), **options)


def test_more_factors_than_axes_are_said(wrapped):
    with pytest.raises(ConceptError, match=f"Expected fewer factors than axes of the representation, {AXES}"):
        wrapped()[0].fit("simplicity", factors=AXES, **QUICK)


def test_seeing_without_watching_is_said():
    source = inn.concept_source("simplicity", data=torch.randn(20, 4))
    with pytest.raises(ConceptError, match="Expected to watch the model before seeing"):
        source.see(torch.randn(14, 4), torch.ones(4))


@pytest.mark.parametrize("flow", ["rotation", "couplings"])
def test_it_keeps_the_contract_of_sources(flow):
    made = inn.concept_source("simplicity", data=torch.randn(30, 4), points=4, starts=1, flow=flow)
    check_concept_source(made)


def test_settings_that_there_are_not_are_refused(wrapped):
    source = inn.concept_source("simplicity", data=torch.randn(200, AXES))
    source.settings = {"stepz": 3}
    with pytest.raises(PluginError, match=r"asks for settings of the fit that there are not: \['stepz'\]"):
        wrapped()[0].fit(source, **QUICK)


def test_what_the_caller_sets_counts_before_what_the_source_wishes(wrapped):
    interpreter = wrapped()[0].fit("simplicity", points=20, blocks=0, **QUICK)
    assert interpreter.fitted.settings.blocks == 0
    assert interpreter.fitted.settings.explained == 1.0


def test_the_toy_view_is_what_sources_are_shown():
    view = ToyView(5)
    white, rest = view.samples(3, torch.Generator().manual_seed(0))
    assert view.outputs(white, rest).shape == (3, 1, 8, 8)
    assert torch.equal(view.seen(white), white)
    with pytest.raises(inn.SiteError, match="There is no layer 'affin'"):
        view.layer("affin", white)
