"""The trainer: stopped and resumed, stopped early, and held when a loss is not finite."""

import dataclasses
import math
import time

import pytest
import torch
from torch import Generator, nn

from interpret_inn.errors import ConceptError, FitError, PluginError
from interpret_inn.fitting.checkpoint import Checkpoint
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.trainer import Trainer
from interpret_inn.flows import FlowShape, InvertibleNetwork, fit_whitening
from interpret_inn.translating.settings import FitRecord, FitSettings
from interpret_inn.types import Plan

SMALL = FitSettings(steps=24, pairs=32, blocks=2, hidden=8, every=4, warm_up=3, patience=100)


def weights(trainer):
    return torch.cat([value.flatten().double() for value in trainer.trained.state_dict().values()])


@pytest.fixture
def make(world):
    """Makes a trainer on the small world; the same arguments make the same one."""

    def made(source=None, *, settings=SMALL, positions=1, **options):
        source = source or world.source()
        pool = Pool([source], seed=0)
        pool.follow([getattr(source, "plan", Plan())])
        whitening = fit_whitening(world.rows)
        network = InvertibleNetwork(
            whitening, FlowShape(6, 6, settings.blocks, settings.hidden, 1), Generator().manual_seed(0)
        )
        white = whitening(world.rows)[0][:, None].repeat(1, positions, 1)
        white = white + 0.1 * torch.arange(positions)[:, None]
        return Trainer(
            network, white, pool=pool, sizes=(2, 2, 2), settings=settings, seed=0,
            **{"backbone": world.backbone(), **options},
        )  # fmt: skip

    return made


def test_it_learns_and_keeps_the_best_weights(make):
    steps = []
    trainer = make(settings=FitSettings(steps=120, pairs=64, hidden=16, every=10), observers=[steps.append])
    before = float(trainer._loss(*trainer.validation).detach())
    began = time.perf_counter()
    record = trainer.run()
    took = time.perf_counter() - began
    held_out = [row[2] for row in record.history]
    assert min(held_out) < before - 0.05
    assert (record.steps, len(record.history), record.stopped_early) == (120, 12, False)
    assert record.best_step == record.history[held_out.index(min(held_out))][0]
    assert float(trainer._loss(*trainer.validation).detach()) == pytest.approx(min(held_out), abs=1e-6)
    assert [(s.step, s.steps, s.loss, s.validation) for s in steps] == [
        (step, 120, loss, held) for step, loss, held in record.history
    ]
    assert 0 < steps[0].seconds < steps[-1].seconds <= record.seconds <= took


def test_the_loss_is_the_mean_over_pairs_and_axes_in_nats(make):
    """Nothing is shared and nothing moved: each number of both samples is standard normal on its own."""
    trainer = make(settings=dataclasses.replace(SMALL, blocks=0))
    pairs, noise = trainer.validation
    pairs = pairs._replace(rho=torch.zeros_like(pairs.rho))
    codes = trainer.white[torch.cat((pairs.first, pairs.second))] + noise
    expected = -torch.distributions.Normal(0.0, 1.0).log_prob(codes).mean()
    torch.testing.assert_close(trainer._loss(pairs, noise), expected)


def test_the_noise_is_the_whitened_noise_floor(make, world):
    trainer = make()
    floor = 0.1 * float(world.rows.var(0).mean().sqrt())
    expected = floor / (torch.linalg.eigvalsh(world.rows.T.cov()).flip(0) + floor**2).sqrt()
    torch.testing.assert_close(trainer.validation[1].std(0), expected, rtol=0.1, atol=0)


def test_each_sample_of_a_pair_is_taken_at_a_position_of_its_own(make):
    trainer = make(positions=3)
    drawn = trainer.pool.sample(200, Generator().manual_seed(1), split="train")
    pairs, _ = trainer._draw(200, Generator().manual_seed(1), "train")
    assert torch.equal(pairs.first // 3, drawn.first)
    assert torch.equal(pairs.second // 3, drawn.second)
    positions = torch.stack((pairs.first % 3, pairs.second % 3))
    assert set(positions.flatten().tolist()) == {0, 1, 2}
    assert not torch.equal(positions[0], positions[1])
    both = make(positions=2)._draw(200, Generator().manual_seed(1), "train")[0]
    assert set((both.first % 2).tolist()) == {0, 1}


def test_weights_that_do_not_improve_on_the_start_are_not_taken(make):
    """A step of nearly nothing: each loss in the history is the mean over its own steps."""
    still = dataclasses.replace(SMALL, steps=8, learning_rate=1e-30, weight_decay=0.0)
    trainer, twin = make(settings=still), make(settings=still)
    record = trainer.run()
    assert (record.steps, record.best_step, record.stopped_early) == (8, 0, False)
    generator = Generator().manual_seed(0)
    losses = [float(twin._loss(*twin._draw(32, generator, "train")).detach()) for _ in range(8)]
    assert [loss for _, loss, _ in record.history] == pytest.approx(
        [sum(losses[:4]) / 4, sum(losses[4:]) / 4]
    )
    stopped = make(settings=dataclasses.replace(still, patience=1)).run()
    assert (stopped.steps, stopped.best_step, stopped.stopped_early) == (4, 0, True)


def test_the_same_seed_gives_the_same_weights(make):
    one, same = make(), make()
    one.run(), same.run()
    assert torch.equal(weights(one), weights(same))


@pytest.mark.parametrize("validations", [1, 3, 6])
@pytest.mark.parametrize("positions", [1, 3])
def test_a_fit_that_was_stopped_and_resumed_is_the_same_to_the_last_bit(
    make, killer, tmp_path, validations, positions
):
    whole = make(positions=positions)
    expected = whole.run()

    checkpoint = Checkpoint(tmp_path / "fit.safetensors", "key")
    with pytest.raises(killer.Stop):
        make(positions=positions, checkpoint=checkpoint, observers=[killer(validations)]).run()
    assert checkpoint.path.exists()
    resumed = make(positions=positions, checkpoint=checkpoint)
    found = resumed.run()

    assert torch.equal(weights(resumed), weights(whole))
    assert found.history == expected.history
    assert (found.steps, found.best_step) == (expected.steps, expected.best_step)
    assert not checkpoint.path.exists(), "a fit that is done leaves no checkpoint"


def test_a_fit_may_be_stopped_again_and_again(make, killer, tmp_path):
    whole = make()
    whole.run()
    checkpoint = Checkpoint(tmp_path / "fit.safetensors", "key")
    for _ in range(5):
        with pytest.raises(killer.Stop):
            make(checkpoint=checkpoint, observers=[killer(1)]).run()
    resumed = make(checkpoint=checkpoint)
    assert resumed.run().steps == 24
    assert torch.equal(weights(resumed), weights(whole))


def test_a_resumed_fit_still_stops_early(make, killer, tmp_path):
    settings = FitSettings(steps=200, pairs=32, hidden=8, every=2, patience=3, learning_rate=0.5)
    whole = make(settings=settings)
    expected = whole.run()
    assert expected.stopped_early
    assert expected.steps == expected.best_step + 3 * 2 < 200
    checkpoint = Checkpoint(tmp_path / "fit.safetensors", "key")
    with pytest.raises(killer.Stop):
        validations = len(expected.history)
        make(settings=settings, checkpoint=checkpoint, observers=[killer(validations)]).run()
    resumed = make(settings=settings, checkpoint=checkpoint)
    assert resumed.run().history == expected.history
    assert torch.equal(weights(resumed), weights(whole))


def test_without_pairs_to_stop_on_it_runs_all_steps(make, world):
    """The validation split is small, and a source may find no pair in it."""
    source = world.source()
    draw = source.sample_pairs

    def refuses_small_parts(n, generator, among):
        if len(among) < 50:
            raise ConceptError("no two of a class")
        return draw(n, generator, among)

    source.sample_pairs = refuses_small_parts
    record = make(source, settings=FitSettings(steps=12, pairs=32, hidden=8, every=2, patience=1)).run()
    assert (record.steps, record.stopped_early) == (12, False)
    assert all(loss == held_out for _, loss, held_out in record.history)


# --- losses of sources ------------------------------------------------------------------------------


def test_an_added_loss_is_told_what_it_may_use_and_its_modules_are_trained(make, world, killer, tmp_path):
    seen, validated = [], []

    def made(**options):
        recognizer = nn.Linear(6, 1)
        with torch.no_grad():
            recognizer.weight.fill_(1.0), recognizer.bias.fill_(1.0)

        def loss(context):
            inputs = torch.randn(4, 6, generator=context.generator)
            if torch.is_grad_enabled():
                seen.append((context.step, context.backbone, context.network))
            else:
                validated.append((context.step, inputs))
            return recognizer(context.network.blocks(inputs)[0]).square().mean()

        return make(world.lossy(loss, module=recognizer), **options)

    whole = made()
    record = whole.run()
    assert [step for step, _, _ in seen] == list(range(24))
    assert seen[0][1:] == (whole.backbone, whole.network)
    # it counts in validation, too, the first of which is before any step, and draws the same each time
    assert [step for step, _ in validated] == [0, *(step for step, _, _ in record.history)]
    assert all(torch.equal(inputs, validated[0][1]) for _, inputs in validated)
    recognizer = whole.trained[1]
    assert float(recognizer.bias.detach()) != 1.0

    checkpoint = Checkpoint(tmp_path / "fit.safetensors", "key")
    with pytest.raises(killer.Stop):
        made(checkpoint=checkpoint, observers=[killer(2)]).run()
    resumed = made(checkpoint=checkpoint)
    resumed.run()
    assert torch.equal(weights(resumed), weights(whole))


def test_the_held_out_loss_holds_what_a_source_adds(make, world):
    plain, more = (
        make(world.lossy(lambda context: 0.0)).run(),
        make(world.lossy(lambda context: torch.tensor(2.0))).run(),
    )
    assert [c - b for (_, _, b), (_, _, c) in zip(plain.history, more.history, strict=True)] == (
        pytest.approx([2.0] * len(plain.history), abs=1e-5)
    )


def test_a_flow_without_couplings_is_not_trained(make, world):
    trainer = make(world.lossy(lambda context: 1 / 0), settings=dataclasses.replace(SMALL, blocks=0))
    assert trainer.run() == FitRecord(0, 0, False, 0.0, ())


def nan_at(*steps):
    """A loss that is not finite in these training steps."""
    return lambda context: torch.tensor(math.nan if context.step in steps and not context.validating else 0.0)


def test_a_validation_loss_that_is_not_finite_ends_the_fit_in_words(make, world):
    def loss(context):
        return torch.tensor(math.nan if context.validating and context.step else 0.0)

    with pytest.raises(
        FitError, match=r"'classes', found NaN .* when the weights were validated at step 4\."
    ):
        make(world.lossy(loss)).run()
    trainer = make()
    trainer.network.blocks.register_forward_hook(lambda module, given, found: (found[0], found[1] * math.nan))
    with pytest.raises(FitError, match=r"Expected a finite validation loss, found nan at step 0"):
        trainer.run()


def test_a_loss_is_one_number_in_any_shape(make, world):
    plain, shaped = (
        make(world.lossy(lambda context, made=made: made)) for made in (2, torch.full((1, 1), 2.0))
    )
    plain.run(), shaped.run()
    assert torch.equal(weights(plain), weights(shaped))


def test_skipped_steps_are_counted_also_over_a_stop(make, world, killer, tmp_path):
    checkpoint = Checkpoint(tmp_path / "fit.safetensors", "key")
    with pytest.raises(killer.Stop):
        make(world.lossy(nan_at(1, 2, 9)), checkpoint=checkpoint, observers=[killer(2)]).run()
    resumed = make(world.lossy(nan_at(1, 2, 9)), checkpoint=checkpoint)
    resumed.run()
    assert resumed.skipped == 3


def test_a_step_that_is_not_finite_is_not_taken(make, world):
    clean = make(world.lossy(nan_at())).run()
    trainer = make(world.lossy(nan_at(1, 2, 9)))
    record = trainer.run()
    assert record.steps == 24
    assert bool(weights(trainer).isfinite().all())
    # and it counts neither for nor against the loss: a mean over what was taken
    assert [loss for _, loss, _ in record.history] == pytest.approx(
        [loss for _, loss, _ in clean.history], rel=0.3
    )


def test_a_gradient_that_is_not_finite_is_not_taken_either(make, world):
    def loss(context):
        parameter = next(context.network.blocks.parameters())
        return (parameter * 0).sum().sqrt() if context.step == 2 else parameter.sum() * 0  # d√x at 0 is inf

    trainer = make(world.lossy(loss))
    trainer.run()
    assert bool(weights(trainer).isfinite().all())


def test_twenty_bad_steps_in_a_row_end_the_fit(make, world):
    with pytest.raises(FitError) as caught:
        make(world.lossy(nan_at(*range(3, 99)))).run()
    assert str(caught.value).startswith("Expected a finite loss of the concept source 'classes', found NaN")

    trainer = make()
    trainer.network.blocks.register_forward_hook(
        lambda module, given, found: (found[0], found[1] * math.nan) if torch.is_grad_enabled() else found
    )
    with pytest.raises(FitError) as caught:
        trainer.run()
    assert str(caught.value) == (
        "The loss was not finite for 20 steps in a row (up to step 20). Expected a lower learning_rate than "
        f"{SMALL.learning_rate:g}, or a higher noise than {SMALL.noise:g}."
    )


def test_nineteen_bad_steps_in_a_row_are_survived(make, world):
    settings = FitSettings(steps=40, pairs=32, hidden=8, every=5, patience=100)
    trainer = make(world.lossy(nan_at(*range(19), *range(20, 39))), settings=settings)
    record = trainer.run()
    assert record.steps == 40
    assert math.isnan(record.history[0][1]), "no step was taken, so there is no loss to tell"
    assert bool(weights(trainer).isfinite().all())


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"steps": 0}, "Expected steps of at least 1, found 0."),
        ({"hidden": -3}, "Expected hidden of at least 1, found -3."),
        ({"learning_rate": 0.0}, "Expected learning_rate above 0, found 0.0."),
        ({"noise": math.nan}, "Expected noise above 0, found nan."),
        ({"weight_decay": -1.0}, "Expected weight_decay of at least 0, found -1.0."),
        ({"warm_up": -1}, "Expected warm_up of at least 0, found -1."),
        ({"explained": 1.5}, "Expected explained in (0, 1], found 1.5."),
        ({"explained": 0.0}, "Expected explained in (0, 1], found 0.0."),
        ({"steps": True}, "Expected steps to be a whole number, found True."),
    ],
)
def test_settings_that_cannot_be_are_refused(options, text):
    with pytest.raises(FitError) as caught:
        FitSettings(**options)
    assert str(caught.value) == text


def test_the_learning_rate_rises_and_falls(make):
    rates = []
    trainer = make(
        settings=FitSettings(steps=40, pairs=8, hidden=8, warm_up=10, every=40, learning_rate=0.01)
    )
    step = trainer.optimizer.step
    trainer.optimizer.step = lambda: (rates.append(trainer.optimizer.param_groups[0]["lr"]), step())
    trainer.run()
    assert rates[0] == pytest.approx(0.001)
    assert 0.008 < max(rates) <= 0.01
    assert rates.index(max(rates)) == 9
    assert rates[-1] < 0.01 * 0.01
    assert rates[9:] == sorted(rates[9:], reverse=True)


def test_without_a_warm_up_the_learning_rate_begins_at_its_highest(make):
    rates = []
    trainer = make(settings=dataclasses.replace(SMALL, steps=4, every=4, warm_up=0, learning_rate=0.01))
    step = trainer.optimizer.step
    trainer.optimizer.step = lambda: (rates.append(trainer.optimizer.param_groups[0]["lr"]), step())
    trainer.run()
    assert rates == pytest.approx([0.01, 0.005 + 0.005 * 0.5**0.5, 0.005, 0.005 - 0.005 * 0.5**0.5])


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (
            lambda context: torch.zeros(2),
            r"Expected the loss of the concept source 'classes' to .* \(2,\)",
        ),
        (lambda context: "0", r"to be a scalar tensor, found str"),
        (lambda context: {}["x"], r"'classes' failed to compute its loss: KeyError: 'x'"),
    ],
)
def test_losses_that_are_none_are_named(make, world, loss, text):
    with pytest.raises(PluginError, match=text):
        make(world.lossy(loss)).run()


def test_an_added_loss_that_is_not_finite_is_named_however_few_the_steps(make, world):
    settings = dataclasses.replace(SMALL, steps=3, every=3)
    with pytest.raises(FitError, match=r"Expected a finite loss of the concept source 'classes'"):
        make(world.lossy(lambda context: torch.tensor(math.nan)), settings=settings).run()


def test_what_a_source_would_train_is_not_left_untrained_in_silence(make, world):
    settings = dataclasses.replace(SMALL, blocks=0)
    source = world.lossy(lambda context: torch.zeros(()), module=nn.Linear(2, 2))
    with pytest.raises(
        FitError, match=r"Expected blocks of at least 1, as the concept source 'classes' trains"
    ):
        make(source, settings=settings).run()
    assert make(world.lossy(lambda context: torch.zeros(())), settings=settings).run().steps == 0
