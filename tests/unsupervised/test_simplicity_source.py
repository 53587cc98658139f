"""Simplicity from end to end: known axes are found, and what cannot be done is said."""

import pytest
import torch

import interpret_inn as inn
from interpret_inn.errors import ConceptError, PluginError
from interpret_inn.testing import check_concept_source, toy_classifier, toy_images
from interpret_inn.testing.toys import ToyView
from interpret_inn.types import Preparation
from interpret_inn_unsupervised.simplicity import simplicity_source

from .conftest import AXES, aligned

QUICK = {"cache": None, "checkpoint": None}


@pytest.fixture
def few_turns(monkeypatch):
    """Of the search for the rotation, where it matters only that there is one."""
    monkeypatch.setattr(simplicity_source, "_TURNS", 3)


def found_axes(interpreter: inn.Interpreter) -> torch.Tensor:
    """Directions in the latents, as columns, in which the code's axes point."""
    steps = torch.eye(interpreter.factors.total)
    return (interpreter.invert(steps) - interpreter.invert(torch.zeros_like(steps))).T


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_turned_axes_are_found(wrapped, seed):
    interpreter, true = wrapped(seed)
    interpreter.fit("simplicity", points=400, **QUICK)
    assert min(aligned(found_axes(interpreter), true[:, :4])) > 0.95
    assert interpreter.fitted.record.steps == 0
    assert [name for name in interpreter.factors.names if name != "residual"] == [
        f"factor {number}" for number in range(1, 5)
    ]


@pytest.mark.slow
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
    interpreter.fit("simplicity", embed=lambda images: images.flatten(1), **QUICK)
    assert min(aligned(found_axes(interpreter), torch.eye(6))) < 0.95


@pytest.mark.slow
def test_couplings_make_the_axes_no_longer_and_stay_invertible(wrapped):
    plain, _ = wrapped()
    turned = plain.fit("simplicity", points=300, **QUICK)
    bent, _ = wrapped()
    bent.fit("simplicity_couplings", points=300, steps=30, every=10, **QUICK)
    assert len(bent.fitted.record.history) == 3
    latents = bent.sample_inputs(50, seed=5)
    torch.testing.assert_close(bent.invert(bent.encode(latents)), latents, atol=1e-4, rtol=1e-4)
    lengths = [inn.lengths(one).score.value for one in (bent, turned)]
    assert lengths[0] < 1.1 * lengths[1]


@pytest.mark.slow
def test_a_fit_that_was_stopped_goes_on_to_the_same_end(wrapped, tmp_path, monkeypatch, few_turns):
    from interpret_inn.fitting.trainer import Trainer

    options = {"points": 60, "steps": 12, "every": 4, "images": 3}
    options |= {"cache": None, "checkpoint": tmp_path}
    whole = wrapped()[0].fit("simplicity_couplings", **options).fitted.reference_codes
    taken, step = [], Trainer._step

    def killed(self):
        if len(taken) == 6:
            raise KeyboardInterrupt
        taken.append(1)
        step(self)

    monkeypatch.setattr(Trainer, "_step", killed)
    interpreter = wrapped()[0]
    with pytest.raises(KeyboardInterrupt):
        interpreter.fit("simplicity_couplings", **options)
    monkeypatch.setattr(Trainer, "_step", step)
    torch.testing.assert_close(
        interpreter.fit("simplicity_couplings", **options).fitted.reference_codes, whole
    )


def test_the_model_is_given_back_and_no_global_state_is_touched(wrapped, few_turns):
    interpreter, _ = wrapped()
    model = interpreter.backbone.model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    interpreter.fit("simplicity_couplings", points=40, steps=3, images=2, **QUICK)
    assert interpreter.fitted.record.steps == 3
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and not any(p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize("source", ["simplicity", "simplicity_couplings"])
def test_a_generator_that_ignores_its_latents_is_said(source):
    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(4, 4)

        def forward(self, latents):
            return torch.linspace(0, 1, 64).reshape(1, 1, 8, 8).expand(len(latents), 1, 8, 8) + 0 * (
                latents.sum()
            )

    interpreter = inn.wrap(Fixed(), backbone="generator", latent_shape=4)
    interpreter.fit(source, steps=2, **QUICK)
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


SHARED = [
    ({"factors": "many"}, "Expected factors=\"auto\" or a number, found 'many'"),
    ({"factors": 0}, "Expected factors to be a whole number, at least 1, found 0"),
    ({"orthogonality": float("nan")}, "Expected orthogonality as a number of at least 0, found nan"),
    ({"points": 1}, "Expected points to be a whole number, at least 2, found 1"),
    ({"embed": 3}, "Expected a function of images in embed=, found int"),
    ({"seed": -1}, "Expected seed to be a whole number, at least 0, found -1"),
]
TRAINING = [
    ({"recognition": -1}, "Expected recognition as a number of at least 0, found -1"),
    ({"stride": 0}, "Expected stride as a number above 0, found 0"),
    ({"simplicity": float("nan")}, "Expected simplicity as a number of at least 0, found nan"),
]


@pytest.mark.parametrize(
    ("source", "options", "text"),
    [
        *(("simplicity", *each) for each in SHARED),
        *(("simplicity_couplings", *each) for each in [*SHARED, *TRAINING]),
    ],
)
def test_options_that_cannot_be_used_are_said(source, options, text):
    with pytest.raises(ConceptError, match=text):
        inn.concept_source(source, data=torch.randn(20, 4), **options)


@pytest.mark.parametrize(
    ("option", "text"),
    [
        *(
            (name, rf"{name}= is an option of the concept source 'simplicity_couplings', .* {name}=…\)")
            for name in ("simplicity", "recognition", "constriction", "area", "stride", "images", "ramp")
        ),
    ],
)
def test_the_rotation_takes_no_options_of_the_training(wrapped, option, text):
    with pytest.raises(ConceptError, match=text):
        wrapped()[0].fit("simplicity", **{option: 2}, **QUICK)


def test_misspelt_options_are_named(wrapped):
    with pytest.raises(PluginError, match=r"'simplicity' takes no option 'starts_'. Did you mean 'starts'"):
        wrapped()[0].fit("simplicity", starts_=2, **QUICK)
    with pytest.raises(PluginError, match=r"takes no option 'recogniton'. Did you mean 'recognition'"):
        wrapped()[0].fit("simplicity_couplings", recogniton=2.0, **QUICK)


def test_more_factors_than_axes_are_said(wrapped):
    with pytest.raises(ConceptError, match=f"Expected fewer factors than axes of the representation, {AXES}"):
        wrapped()[0].fit("simplicity", factors=AXES, **QUICK)


@pytest.mark.parametrize("source", ["simplicity", "simplicity_couplings"])
def test_it_keeps_the_contract_of_sources(source, few_turns):
    check_concept_source(inn.concept_source(source, data=torch.randn(30, 4), points=4, starts=1))


def test_couplings_without_recognizer_and_masks_keep_the_contract_too(few_turns):
    options = {"recognition": 0, "constriction": 0, "points": 4, "starts": 1}
    check_concept_source(inn.concept_source("simplicity_couplings", data=torch.randn(30, 4), **options))


def test_settings_that_there_are_not_are_refused(wrapped):
    source = inn.concept_source("simplicity", data=torch.randn(200, AXES))
    source.settings = {"stepz": 3}
    with pytest.raises(PluginError, match=r"asks for settings of the fit that there are not: \['stepz'\]"):
        wrapped()[0].fit(source, **QUICK)


def test_what_the_caller_sets_counts_before_what_the_source_wishes(wrapped, few_turns):
    interpreter = wrapped()[0].fit("simplicity_couplings", points=20, blocks=1, steps=2, images=2, **QUICK)
    assert interpreter.fitted.settings.blocks == 1
    assert interpreter.fitted.settings.hidden == 64
    assert interpreter.fitted.settings.explained == 1.0


def test_the_toy_view_is_what_sources_are_shown():
    view = ToyView(5)
    white, rest = view.samples(3, torch.Generator().manual_seed(0))
    assert view.outputs(white, rest).shape == (3, 1, 8, 8)
    assert torch.equal(view.seen(white), white)
    with pytest.raises(inn.SiteError, match="There is no layer 'affin'"):
        view.layer("affin", white)


@pytest.mark.slow
def test_the_kept_weights_are_the_best_by_the_whole_objective(wrapped):
    """The ramp lets the recognizer in slowly, but looks weigh it fully: else nothing would ever beat the start."""
    interpreter, _ = wrapped()
    options = {"recognition": 1.0, "constriction": 0.5, "points": 200, "steps": 60, "every": 20}
    interpreter.fit("simplicity_couplings", **options, **QUICK)
    history = interpreter.fitted.record.history
    assert interpreter.fitted.record.best_step > 0
    assert history[-1][2] < history[0][2]


@pytest.mark.slow
def test_masks_shrink_to_where_a_factor_acts(wrapped):
    interpreter, _ = wrapped()
    source = inn.concept_source(
        "simplicity_couplings", data=interpreter.sample_inputs(2000), constriction=1.0, points=200
    )
    interpreter.fit(source, **QUICK)
    with torch.no_grad():
        areas = source.parts.masks().mean((1, 2))
    assert areas.min() < 0.5


@pytest.mark.slow
def test_dead_codes_become_no_factors(wrapped):
    """Data that hardly vary along some axes: a step of 1 there is none of the data's."""
    interpreter, true = wrapped()
    latents = interpreter.sample_inputs(600) @ true
    latents[:, 1:3] *= 1e-3  # across and the upper bar stay as they are
    interpreter.fit("simplicity", data=latents @ true.T, points=200, **QUICK)
    assert len(interpreter.factors.named) == 2


def test_the_seed_of_the_fit_is_the_source_s(wrapped, few_turns):
    codes = []
    for seed in (0, 0, 1):
        interpreter = wrapped()[0].fit("simplicity", points=20, seed=seed, **QUICK)
        data = interpreter.sample_inputs(8, seed=3)
        codes.append(interpreter.encode(data))
    assert torch.equal(codes[0], codes[1])
    assert not torch.allclose(codes[0], codes[2], atol=1e-3)


def test_factors_of_several_axes_are_refused_where_couplings_are_trained(wrapped, few_turns):
    with pytest.raises(
        ConceptError, match="Expected factors of one axis each for 'simplicity_couplings', found 3 axes"
    ):
        wrapped()[0].fit(
            "simplicity_couplings", factors=2, sizes={"factor 1": 2}, points=20, steps=2, **QUICK
        )


def test_beside_other_factors_its_own_axes_are_stepped(wrapped, few_turns):
    interpreter, true = wrapped()
    latents = interpreter.sample_inputs(400)
    labels = inn.concept_source("labels", data=latents, labels={"across": (latents @ true[:, 0]).numpy()})
    source = inn.concept_source("simplicity_couplings", data=latents, factors=2, points=30, images=2)
    interpreter.fit(labels, source, steps=3, sizes={"across": 1}, **QUICK)
    assert interpreter.factors.names == ("across", "factor 1", "factor 2", "residual")


def test_distances_are_told_apart_by_what_they_make_of_images(wrapped, few_turns):
    keys, generator = [], torch.Generator()
    for scale in (1.0, 1.0, 2.0):
        source = inn.concept_source(
            "simplicity",
            data=torch.randn(50, AXES),
            points=2,
            embed=lambda images, s=scale: s * images.flatten(1),
        )
        white = torch.randn(40, AXES, generator=torch.Generator().manual_seed(0))
        view, ones = ToyView(AXES), torch.ones(AXES)
        plan = source.prepare(Preparation(white, ones, lambda: torch.eye(AXES), view, generator))
        keys.append((source.key, plan.key))
    assert keys[0] == keys[1] != keys[2]


def test_generators_with_noise_of_their_own_are_refused_by_name(spots):
    class Noisy(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.spots = spots()[0]

        def forward(self, latents):
            images = self.spots(latents)
            return images + 0.1 * torch.randn_like(images)

    interpreter = inn.wrap(Noisy(), backbone="generator", latent_shape=AXES, value_range=(-2, 3))
    with (
        pytest.warns(inn.InnWarning, match="draws random numbers of its own"),
        pytest.raises(inn.BackboneError, match="found that it draws random numbers of its own"),
    ):
        interpreter.fit("simplicity", **QUICK)


@pytest.mark.slow
def test_wide_latents_are_all_looked_at_or_it_is_said():
    class Wide(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(300, 64)

        def forward(self, latents):
            return torch.sigmoid(self.linear(latents)).reshape(-1, 1, 8, 8)

    interpreter = inn.wrap(Wide(), backbone="generator", latent_shape=300, value_range=(0, 1))
    interpreter.fit("directions", **QUICK)
    assert min(aligned(found_axes(interpreter), torch.eye(300))) > 0.9
    interpreter.fit("directions", axes=50, **QUICK)
    assert any("Only 50 of the 300 axes" in note for note in interpreter.fitted.notes)


def test_beside_a_source_that_learns_the_flow_is_trained(wrapped, few_turns):
    interpreter, true = wrapped()
    latents = interpreter.sample_inputs(400, seed=1)
    known = inn.concept_source("labels", data=latents, labels={"across": (latents @ true[:, 0]).numpy()})
    simple = inn.concept_source("simplicity", data=latents, factors=1, points=20)
    for sources in ((known, simple), (simple, known)):
        interpreter.fit(*sources, steps=3, pairs=16, hidden=8, **QUICK)
        assert interpreter.fitted.settings.blocks == 4 and interpreter.fitted.record.steps == 3


def test_settings_that_do_nothing_are_said(wrapped, few_turns):
    interpreter, _ = wrapped()
    interpreter.fit("simplicity", points=20, steps=500, hidden=9, **QUICK)
    assert any("so that hidden, steps did nothing" in note for note in interpreter.fitted.notes)
    with pytest.raises(
        inn.FitError, match="'simplicity_couplings' trains something of its own, found blocks=0"
    ):
        interpreter.fit("simplicity_couplings", blocks=0, points=20, **QUICK)


def test_an_embedding_in_training_mode_is_left_as_it_was(wrapped, few_turns):
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(256, affine=False)).train()
    before = network[1].running_mean.clone()
    interpreter, _ = wrapped()
    interpreter.fit("simplicity", points=20, embed=network, **QUICK)
    assert network.training and network[1].training
    assert torch.equal(network[1].running_mean, before)


def test_the_rotation_has_no_option_flow_any_more():
    """In a fit, `flow` is a setting; the source alone had an option of this name."""
    with pytest.raises(
        ConceptError, match=r"takes no option 'flow' any more.*'simplicity_couplings' for couplings"
    ):
        inn.concept_source("simplicity", data=torch.randn(20, 4), flow=True)
