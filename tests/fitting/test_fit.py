"""A whole fit: what it leaves behind, what it leaves alone, and what it refuses."""

import dataclasses
import math
import time
import warnings

import numpy as np
import pytest
import torch

from interpret_inn.data.process import derived_seed
from interpret_inn.errors import ConceptError, FitError, InnWarning
from interpret_inn.fitting import fit as fit_module
from interpret_inn.fitting.fit import _whiten, fit
from interpret_inn.fitting.joint_fit import unfitted_network
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.rows import StoredRows
from interpret_inn.fitting.sizes import concept_scores
from interpret_inn.fitting.store import FitData
from interpret_inn.translating.settings import FitSettings
from interpret_inn.types import Pairs

SMALL = FitSettings(steps=12, pairs=32, blocks=2, hidden=8, every=4, patience=100)


@pytest.fixture
def fitted_to(world):
    """Fits the small world; only what is named differs."""

    def run(*sources, **options):
        options = {"seed": 0, "settings": SMALL, "cache": None, "checkpoint": None} | options
        return fit(world.backbone(), sources or [world.source()], **options)

    return run


def weights(fitted):
    return torch.cat([value.flatten().double() for value in fitted.network.state_dict().values()])


def test_what_a_fit_leaves_behind(fitted_to, world):
    began = time.perf_counter()
    fitted, data = fitted_to()
    took = time.perf_counter() - began
    assert fitted.factors.names == ("shape", "side", "residual")
    assert fitted.factors.total == 6
    assert fitted.raw_scores.keys() == {"shape", "side", "residual"}
    assert fitted.raw_scores["shape"] > 0.1
    assert fitted.split == (210, 30, 60)
    assert fitted.z_shape == (6,)
    assert [concept.name for concept in fitted.concepts] == ["shape", "side"]
    assert not fitted.network.training
    assert not any(parameter.requires_grad for parameter in fitted.network.parameters())
    assert fitted.timings["encode"] > 0 and fitted.timings["fit"] > 0
    assert fitted.timings["encode"] + fitted.timings["fit"] <= took

    part = data.pool.indices("train")
    assert torch.equal(data.rows(part)[:, 0], world.rows[part])
    torch.testing.assert_close(fitted.reference_codes, fitted.network(world.rows[part])[0])
    assert fitted.concepts[0].values.tolist() == world.labels["shape"][part.numpy()].tolist()


def test_rows_come_in_the_order_they_are_asked_for(fitted_to, world):
    far = world.of(world.rows[:50] + 1, {"far": world.labels["side"][:50]}, name="far")
    _, data = fitted_to(world.source(), far)
    rows = data.rows(torch.tensor([310, 2, 349, 0, 2]))[:, 0]
    expected = torch.stack(
        [world.rows[10] + 1, world.rows[2], world.rows[49] + 1, world.rows[0], world.rows[2]]
    )
    assert torch.equal(rows, expected)
    assert torch.equal(
        data.rows(torch.tensor([300, 299]))[:, 0], world.rows[[0, 299]] + torch.tensor([[1.0], [0]])
    )
    inputs = data.test_inputs()
    tests = data.pool.indices("test")
    assert len(inputs) == len(tests) == 70
    assert torch.equal(torch.stack(list(inputs.take([0, 69]))), data.rows(tests[[0, 69]])[:, 0])


def test_sizes_may_be_given(fitted_to):
    fitted, _ = fitted_to(sizes={"side": 1})
    assert fitted.factors["side"].size == 1
    assert math.isnan(fitted.raw_scores["side"])
    with pytest.raises(
        ConceptError, match=r"size was given for 'sid', which is no concept. Did you mean 'side'"
    ):
        fitted_to(sizes={"sid": 1})


def test_scores_are_measured_in_the_representations_own_units(fitted_to, world):
    fitted, data = fitted_to()
    generator = torch.Generator().manual_seed(derived_seed(0, "sizes"))
    pairs = data.pool.sample(8192, generator, split="train")
    used, places = torch.cat(pairs[:2]).unique(return_inverse=True)
    expected = concept_scores(world.rows[used], Pairs(*places.chunk(2), pairs.rho))
    found = [fitted.raw_scores[name] for name in ("shape", "side")]
    assert found == pytest.approx(expected.tolist(), rel=1e-4)


@pytest.mark.parametrize(("widest", "kept"), [(6, 6), (5, 4)])
def test_codes_that_are_too_wide_are_kept_by_their_leading_axes(fitted_to, monkeypatch, widest, kept):
    monkeypatch.setattr(fit_module, "WIDEST_REFERENCE", widest)
    fitted, _ = fitted_to(settings=dataclasses.replace(SMALL, axes=4))
    assert fitted.reference_codes.shape == (210, kept)


def test_nothing_global_is_changed(fitted_to, world):
    backbone = world.backbone()
    state = {name: value.clone() for name, value in backbone.model.state_dict().items()}
    before = (
        torch.get_rng_state(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
    )
    options = {"seed": 0, "settings": SMALL, "cache": None, "checkpoint": None}
    one, _ = fit(backbone, [world.source()], **options)
    with torch.no_grad():  # the fit takes gradients by itself
        same, _ = fit(backbone, [world.source()], **options)
        assert not torch.is_grad_enabled()
    unfitted_network(one)
    after = (
        torch.get_rng_state(),
        torch.get_num_threads(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
    )
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    assert torch.equal(weights(one), weights(same))
    assert all(parameter.requires_grad for parameter in backbone.model.parameters())
    assert all(torch.equal(value, state[name]) for name, value in backbone.model.state_dict().items())


def test_the_unfitted_flow_is_the_fit_before_it_saw_any_pair(fitted_to):
    fitted, _ = fitted_to(settings=dataclasses.replace(SMALL, steps=1, learning_rate=1e-30, weight_decay=0.0))
    for name, value in unfitted_network(fitted).state_dict().items():
        if name.endswith("matrix"):  # the rotation is found from pairs
            assert torch.equal(value, torch.eye(6))
        else:
            torch.testing.assert_close(value, fitted.network.state_dict()[name], atol=1e-12, rtol=0)


# --- stopped and resumed ----------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["auto", "folder"])
def test_the_same_call_goes_on_where_it_was_stopped(fitted_to, killer, tmp_path, where):
    expected, _ = fitted_to()
    place = where if where == "auto" else tmp_path / "here"
    folder = tmp_path / "cache" / "fits" if where == "auto" else place
    with pytest.raises(killer.Stop):
        fitted_to(checkpoint=place, observers=[killer(2)])
    assert len(list(folder.iterdir())) == 1

    steps = []
    found, _ = fitted_to(checkpoint=place, observers=[steps.append])
    assert [step.step for step in steps] == [12], "only what was left"
    assert torch.equal(weights(found), weights(expected))
    assert torch.equal(found.reference_codes, expected.reference_codes)
    assert found.record.history == expected.record.history
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("change", ["strength", "groups", "labels", "seed", "settings", "sizes"])
def test_another_fit_does_not_go_on_from_it(fitted_to, world, killer, tmp_path, change):
    """Also where only an option of the source differs, which shows in nothing but its pairs."""
    source, options = {
        "strength": (world.source(strength=0.6), {}),
        "groups": (world.source(groups=[i // 2 for i in range(300)]), {}),
        "labels": (world.of(world.rows, {**world.labels, "side": 1 - world.labels["side"]}), {}),
        "seed": (world.source(), {"seed": 1}),
        "settings": (world.source(), {"settings": dataclasses.replace(SMALL, clip=0.5)}),
        "sizes": (world.source(), {"sizes": {"side": 2, "shape": 1}}),
    }[change]
    with pytest.raises(killer.Stop):
        fitted_to(checkpoint=tmp_path, observers=[killer(2)])
    expected, _ = fitted_to(source, **options)
    found, _ = fitted_to(source, **options, checkpoint=tmp_path)
    assert found.record.steps == 12
    assert torch.equal(weights(found), weights(expected))


# --- what it refuses --------------------------------------------------------------------------------


def test_few_samples_cap_the_axes_with_a_warning(fitted_to, world):
    source = world.of(world.rows[:20], {name: values[:20] for name, values in world.labels.items()})
    with pytest.warns(InnWarning, match="14 training samples carry at most 4 of 6 axes") as caught:
        fitted, _ = fitted_to(source)
    assert fitted.network.shape.leading == 4
    assert str(caught[0].message) in fitted.notes
    assert fitted.factors.total == 6


def whitened(world, *, rows=None, positions=None, groups=None, origins=None, **settings):
    """The whitening of the small world's rows, or of others, and its notes."""
    rows = world.rows[:, None] if rows is None else rows
    source = world.of(rows[:, 0], {"side": world.labels["side"][: len(rows)]}, groups=groups)
    if origins is not None:
        source.samples.origins = origins
    data = FitData(Pool([source], seed=0), (StoredRows(rows, positions=positions),))
    return _whiten(data, dataclasses.replace(SMALL, **settings), 0)


def test_variants_of_one_image_carry_no_more_axes_than_the_image(world):
    for options in (
        {"groups": np.arange(40) // 2},
        {"groups": np.arange(40) // 4, "origins": np.arange(40) // 2},
    ):
        whitening, (note,) = whitened(world, rows=world.rows[:40, None], samples_per_axis=3, **options)
        assert note.startswith("14 groups of training samples carry at most 4 of 6 axes")
        assert whitening.leading == 4


def test_samples_carry_two_axes_at_least_and_all_of_them_if_there_are_just_enough(world):
    whitening, (note,) = whitened(world, samples_per_axis=1000)
    assert note.startswith("210 training samples carry at most 2 of 6 axes")
    assert whitening.leading == 2
    whitening, notes = whitened(world, samples_per_axis=35)
    assert (whitening.leading, notes) == (6, [])


def test_positions_count_as_samples(world):
    maps = torch.randn(300, 4, 6, generator=torch.Generator().manual_seed(0))
    whitening, (note,) = whitened(world, rows=maps, positions=4, samples_per_axis=210)
    assert note.startswith("210 training samples carry at most 4 of 6 axes")
    assert whitening.leading == 4


@pytest.mark.parametrize(
    ("limits", "samples"),
    [((64, 6000, 4), 16), ((64, 6 * 32, 4), 8), ((64, 6000, 20), 20), ((10**4, 10**6, 4), 210)],
)
def test_whitening_reads_a_bounded_number_of_rows(world, monkeypatch, limits, samples):
    """At most so many rows and numbers, but so many samples at least."""
    for name, limit in zip(("ROWS", "ELEMENTS", "SAMPLES"), limits, strict=True):
        monkeypatch.setattr(fit_module, f"_WHITENING_{name}", limit)
    shapes, real = [], fit_module.fit_whitening
    monkeypatch.setattr(
        fit_module, "fit_whitening", lambda rows, **how: shapes.append(rows.shape) or real(rows, **how)
    )
    maps = torch.randn(300, 4, 6, generator=torch.Generator().manual_seed(0))
    whitened(world, rows=maps, positions=4)
    assert shapes == [(4 * samples, 6)]


def test_sizes_of_the_caller_alone_are_no_wishes_of_sources(fitted_to):
    with pytest.raises(ConceptError, match=r"found \{'shape': 5, 'side': 1\}\. Give smaller sizes\.$"):
        fitted_to(sizes={"shape": 5})


def test_as_many_concepts_as_axes_are_refused(fitted_to, world):
    source = world.of(world.rows[:, :2], world.labels)
    with pytest.raises(ConceptError, match="Expected fewer concepts than axes, found 2 concepts and 2 axes"):
        fitted_to(source)


def test_one_axis_is_refused(fitted_to, world):
    source = world.of(world.rows[:, :1], world.labels)
    with pytest.raises(FitError, match=r"at least 2 axes, found 1: .* Choose a wider site"):
        fitted_to(source)


def test_constant_representations_are_refused(fitted_to, world):
    source = world.of(torch.ones(300, 6), world.labels)
    with pytest.raises(FitError, match=r"found the same for all of them. Choose another site"):
        fitted_to(source)


def test_sources_of_other_widths_are_refused(world):
    """The layout is pooled where maps of two sizes pass, but here the sizes themselves are the axes."""
    pool = Pool([world.source(), world.of(world.rows + 1, {"b": world.labels["side"]}, name="b")], seed=0)
    stored = tuple(StoredRows(torch.zeros(300, 1, width), positions=None) for width in (6, 7))
    with pytest.raises(
        FitError, match=r"Expected representations of one size from all sources, found \[6, 7\] axes"
    ):
        _whiten(FitData(pool, stored), SMALL, 0)
    stored = tuple(StoredRows(torch.zeros(300, places, 6), positions=places) for places in (9, 4))
    with pytest.raises(FitError, match=r"of one size from all sources, found \[4, 9\] positions"):
        _whiten(FitData(pool, stored), SMALL, 0)


def test_a_place_for_checkpoints_that_cannot_be_written_is_named(fitted_to, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        FitError, match=r"checkpoint .* could not be written: .* or none with checkpoint=None"
    ):
        fitted_to(checkpoint=tmp_path / "file")


def test_a_healthy_fit_warns_of_nothing(fitted_to):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted, _ = fitted_to()
    assert fitted.notes == ()
