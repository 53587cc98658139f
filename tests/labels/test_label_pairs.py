import warnings

import numpy as np
import pytest
import torch
from scipy.special import ndtri

from interpret_inn.errors import ConceptError, DataError, InnWarning
from interpret_inn.types import Concept, ConceptSource
from interpret_inn_labels import LabelSource, association


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def scores(values):
    return ndtri((values.argsort().argsort() + 0.5) / len(values))


def pairs_of(source, n=20_000, among=None, seed=0):
    among = torch.arange(len(source.samples)) if among is None else among
    pairs = source.sample_pairs(n, generator(seed), among)
    assert pairs.first.dtype == pairs.second.dtype == torch.int64
    assert pairs.rho.dtype == torch.float32
    assert pairs.rho.shape == (n, len(source.concepts) + 1)
    assert torch.isin(pairs.first, among).all()
    assert torch.isin(pairs.second, among).all()
    assert (pairs.rho[:, -1] == 0).all()
    assert ((pairs.rho != 0).sum(1) <= 1).all()
    assert (pairs.rho.abs() < 1).all()
    assert (pairs.first != pairs.second).all()
    return pairs.first.numpy(), pairs.second.numpy(), pairs.rho.numpy()


def test_it_is_a_concept_source(source_of, random):
    assert isinstance(source_of(digit=random.integers(0, 3, 60)), ConceptSource)


def test_a_shared_class_is_equal_and_the_other_is_independent(source_of, random):
    digit, shape = random.integers(0, 5, 2000), random.integers(0, 3, 2000)
    first, second, rho = pairs_of(source_of(digit=digit, shape=shape))
    for column, (shared, other) in enumerate([(digit, shape), (shape, digit)]):
        mine = rho[:, column] != 0
        np.testing.assert_allclose(rho[mine, column], 0.975)
        assert mine.mean() == pytest.approx(0.5, abs=0.02)
        np.testing.assert_array_equal(shared[first[mine]], shared[second[mine]])
        chance = (np.bincount(other) ** 2).sum() / 2000**2
        assert (other[first[mine]] == other[second[mine]]).mean() == pytest.approx(chance, abs=0.02)


def test_a_class_is_drawn_as_often_as_it_occurs(source_of):
    digit = np.repeat([0, 1, 2], [1000, 100, 10])
    first, second, _ = pairs_of(source_of(digit=digit), n=50_000)
    np.testing.assert_allclose(
        np.bincount(digit[first]) / 50_000, np.array([1000, 100, 10]) / 1110, atol=0.01
    )
    assert np.bincount(second, minlength=1110).max() < 120  # 45 expected for each


@pytest.mark.parametrize("strength", [0.975, 0.5])
def test_numbers_correlate_as_told(source_of, random, strength):
    values = random.gamma(1.0, size=3000)  # skewed: only ranks count
    first, second, rho = pairs_of(source_of(size=values, strength=strength))
    u, grades = scores(values), np.unique(rho[:, 0])
    np.testing.assert_allclose(grades, strength * np.array([0.72, 0.92, 1.0]), rtol=1e-6)
    for grade in grades:
        mine = rho[:, 0] == grade
        assert np.corrcoef(u[first[mine]], u[second[mine]])[0, 1] == pytest.approx(grade, abs=0.02)
    assert (rho[:, 0] == grades[-1]).mean() == pytest.approx(0.6, abs=0.02)
    drawn = np.bincount(second, minlength=3000)
    assert drawn.std() == pytest.approx(np.sqrt(20_000 / 3000), rel=0.1)  # no sample is favoured


def test_ties_among_numbers_are_drawn_evenly(source_of):
    values = np.repeat([0.0, 1.0, 2.0, 3.0], [500, 300, 150, 50])
    first, second, rho = pairs_of(source_of(size=values))
    for end in (first, second):
        np.testing.assert_allclose(
            np.bincount(values[end].astype(int)) / len(end), [0.5, 0.3, 0.15, 0.05], atol=0.01
        )
        assert np.bincount(end, minlength=1000).max() < 50
    assert (values[first] == values[second])[rho[:, 0] > 0.95].mean() > 0.8


def test_angles_turn_by_any_distance(source_of, random):
    angles = np.mod(random.normal(0, 3, 3000), 2 * np.pi)
    first, second, rho = pairs_of(source_of(angle=angles))
    place = angles.argsort().argsort() / 3000
    turned = 2 * np.pi * (place[second] - place[first])
    np.testing.assert_allclose(rho[:, 0], 0.975 * np.cos(turned), atol=0.01)
    assert rho.min() < -0.97
    assert abs(rho[:, 0].mean()) < 0.02


def test_colours_are_near_and_the_correlation_is_the_one_reached(source_of, random):
    colours = random.random((4000, 3))
    first, second, rho = pairs_of(source_of(colour=colours))
    for grade in np.unique(rho[:, 0]):
        mine = rho[:, 0] == grade
        for channel in range(3):
            u = scores(colours[:, channel])
            assert np.corrcoef(u[first[mine]], u[second[mine]])[0, 1] == pytest.approx(grade, abs=0.04)
    assert 0.93 < rho.max() < 0.975
    drawn = np.bincount(second, minlength=4000)
    assert drawn.max() < 25  # 5 expected
    assert (drawn > 0).mean() > 0.9
    np.testing.assert_allclose(colours[second].mean(0), colours.mean(0), atol=0.02)
    np.testing.assert_allclose(colours[second].std(0), colours.std(0), atol=0.02)


def test_colours_of_a_palette_are_equal(source_of, random):
    palette = random.random((6, 3))
    which = random.integers(0, 6, 900)
    first, second, rho = pairs_of(source_of(colour=palette[which]))
    assert (which[first] == which[second])[rho[:, 0] == rho[:, 0].max()].mean() > 0.8
    np.testing.assert_allclose(np.bincount(which[second]) / 20_000, np.bincount(which) / 900, atol=0.06)


def test_colours_on_a_line_and_in_many_axes(source_of, random):
    grey = np.repeat(random.random((800, 1)), 3, axis=1)
    _first, _second, rho = pairs_of(source_of(colour=grey))
    assert rho.max() == pytest.approx(0.975, abs=0.01)
    many = source_of(position=random.random((150, 6)))
    _, _, rho = pairs_of(many)
    assert 0.2 < rho.max() < 0.78
    assert "position: among 150 samples the nearest partners reach a correlation of 0." in " ".join(
        many.notes
    )


def test_correlated_categories_become_independent(source_of, random):
    digit = random.integers(0, 5, 4000)
    colour = np.where(random.random(4000) < 0.9, digit, random.integers(0, 5, 4000))
    assert (
        association([Concept("a", "categorical", digit), Concept("b", "categorical", colour)])["a"]["b"]
        > 0.85
    )
    for balance, expected in ((True, 0.2), (False, 0.8)):
        first, second, rho = pairs_of(source_of(digit=digit, colour=colour, balance=balance))
        mine = rho[:, 0] != 0
        same = (colour[first[mine]] == colour[second[mine]]).mean()
        assert same > expected if not balance else same == pytest.approx(expected, abs=0.04)
        agree = (digit[first] == colour[first]).mean()
        assert agree > 0.85 if not balance else agree == pytest.approx(0.2, abs=0.03)


def test_correlated_colours_and_numbers_become_independent(source_of, random):
    digit = random.integers(0, 4, 6000)
    hue = np.where(random.random(6000) < 0.8, digit, random.integers(0, 4, 6000))
    colours = np.clip(np.eye(4)[hue][:, :3] * 0.6 + random.random((6000, 3)) * 0.4, 0, 1)
    size = hue + random.random(6000)
    for other in ({"colour": colours}, {"size": size}):
        first, second, rho = pairs_of(source_of(digit=digit, **other))
        mine = rho[:, 1] != 0  # share the colour (size), not the digit
        assert (digit[first[mine]] == digit[second[mine]]).mean() == pytest.approx(0.25, abs=0.06)
        alone = rho[:, 0] != 0  # share the digit: the hue must be free
        assert (hue[first[alone]] == hue[second[alone]]).mean() == pytest.approx(0.25, abs=0.06)
        first, second, rho = pairs_of(source_of(digit=digit, **other, balance=False))
        mine = rho[:, 1] != 0
        assert (digit[first[mine]] == digit[second[mine]]).mean() > 0.5


def test_missing_labels_are_not_paired_by_that_concept(source_of, random):
    digit, size = random.integers(0, 3, 900), random.random(900)
    digit[:300], size[600:] = -1, np.nan
    first, second, rho = pairs_of(source_of(digit=digit, size=size))
    by_digit, by_size = rho[:, 0] != 0, rho[:, 1] != 0
    assert (digit[first[by_digit]] >= 0).all()
    assert (digit[second[by_digit]] >= 0).all()
    assert not np.isnan(size[first[by_size]] + size[second[by_size]]).any()
    assert np.isnan(size[first[by_digit]]).any()


@pytest.mark.parametrize("kind", ["digit", "size", "angle", "colour"])
def test_groups_are_never_paired(source_of, random, kind):
    groups = random.integers(0, 30, 600)
    values = {
        "digit": groups % 3,
        "size": groups / 10 + 0.001 * random.random(600),
        "angle": groups / 5,
        "colour": random.random((30, 3))[groups],
    }[kind]
    first, second, rho = pairs_of(source_of(groups, **{kind: values}), n=5000)
    assert (groups[first] != groups[second]).all()
    if kind == "digit":
        np.testing.assert_array_equal(values[first], values[second])
    assert (rho[:, 0] != 0).mean() > 0.9


def test_two_groups_far_apart_end_as_independent_pairs(source_of):
    # With two groups of one value each, nobody of another group has a value near one's own at 0.975 …
    groups = np.repeat([0, 1], [990, 10])
    first, second, rho = pairs_of(source_of(groups, size=groups.astype(float)), n=4000)
    assert (groups[first] != groups[second]).all()
    assert (rho[:, 0] == 0).any()  # … so that it is drawn independently, and told so


def test_classes_of_one_sample_are_left_out_with_a_warning(source_of):
    digit = np.array([0, 0, 0, 1, 1, 2, 3])
    source = source_of(digit=digit)
    text = (
        r"digit: 2 of 4 classes \('c2', 'c3'\) have fewer than 2 samples of different groups among 7 samples"
    )
    with pytest.warns(InnWarning, match=text):
        first, _second, _ = pairs_of(source, n=500)
    assert set(digit[first]) == {0, 1}
    assert any("'c2', 'c3'" in note for note in source.notes)
    pairs_of(source, n=500)  # said once


def test_a_class_of_which_the_fit_learns_no_sample_is_told(source_of):
    digit = np.array([0, 1] * 20 + [3, 3, 0, 1, -1, 1])
    source = source_of(digit=digit)
    text = (
        r"digit: 1 of 4 classes \('c3'\) has no sample among the 40 that the fit learns from \(2 among the others\): "
        r"these count as missed. Give more of it, or leave it out."
    )
    with pytest.warns(InnWarning, match=text):
        pairs_of(source, n=50, among=torch.arange(40))
    assert any("'c3'" in note for note in source.notes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source.sample_pairs(50, generator(0), torch.tensor([0, 1, 2, 3, 42, 43]))  # fewer: another split


def test_a_concept_that_does_not_vary_here_is_left_out(source_of, random):
    size, digit = random.random(50), random.integers(0, 2, 50)
    size[:20] = 0.5
    source = source_of(digit=digit, size=size)
    with pytest.warns(
        UserWarning, match="size: 1 distinct values in 20 groups among 20 samples; it is left out"
    ):
        _, _, rho = pairs_of(source, n=300, among=torch.arange(20))
    assert (rho[:, 1] == 0).all()
    assert (rho[:, 0] != 0).all()


@pytest.mark.filterwarnings("ignore:digit")
def test_nothing_to_pair(source_of):
    text = "Expected at least two samples to pair in at least one concept, found none among 4 samples. digit"
    with pytest.raises(ConceptError, match=text):
        pairs_of(source_of(digit=np.arange(4)), n=1)
    identity = np.repeat(np.arange(5), 4)
    with pytest.raises(ConceptError, match="coarser groups or classes"):
        pairs_of(source_of(identity, digit=identity), n=1)


def test_only_the_generator_decides(source_of, random):
    columns = {
        "digit": random.integers(0, 4, 400),
        "size": random.random(400),
        "angle": random.random(400),
        "colour": random.random((400, 3)),
    }
    among = torch.arange(0, 400, 2)
    state = torch.get_rng_state(), np.random.get_state()[1].tobytes()  # noqa: NPY002
    one, other = (source_of(**columns).sample_pairs(300, generator(3), among) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    different = source_of(**columns).sample_pairs(300, generator(4), among)
    assert not torch.equal(one.first, different.first)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert np.random.get_state()[1].tobytes() == state[1]  # noqa: NPY002


def test_a_fit_can_be_resumed_from_the_generators_state(source_of, random):
    source = source_of(digit=random.integers(0, 4, 400), colour=random.random((400, 3)))
    running = generator(1)
    source.sample_pairs(100, running, torch.arange(400))
    state = running.get_state()
    expected = source.sample_pairs(100, running, torch.arange(400))
    resumed = generator()
    resumed.set_state(state)
    found = source_of(digit=source.concepts[0].values, colour=source.concepts[1].values).sample_pairs(
        100, resumed, torch.arange(400)
    )
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))


def test_what_to_draw_from_may_change_in_place(source_of, random):
    source = source_of(digit=random.integers(0, 2, 400))
    among = torch.arange(100)
    pairs_of(source, among=among)
    among += 300
    pairs_of(source, among=among)
    for start in range(6):
        pairs_of(source, n=50, among=torch.arange(start, start + 100))


def test_notes_tell_the_effective_number_and_associations(source_of, random):
    digit = random.integers(0, 3, 1500)
    colour = np.where(random.random(1500) < 0.9, digit, random.integers(0, 3, 1500))
    source = source_of(digit=digit, colour=colour)
    assert source.notes == ()
    source.sample_pairs(10, generator(), torch.arange(1500))
    source.sample_pairs(10, generator(), torch.arange(200))
    text = " ".join(source.notes)
    assert "Weights that make the concepts independent leave an effective " in text
    assert "colour and digit go together in the data (association 0.89" in text
    assert "; 0.0" in text
    weights = source.sample_weights(torch.arange(1500))
    assert weights.mean().item() == pytest.approx(1.0)
    assert f"an effective {weights.sum() ** 2 / weights.square().sum():.0f} of 1500 samples" in text


def test_few_samples(source_of):
    first, second, _ = pairs_of(source_of(size=np.array([0.1, 0.2])), n=100)
    assert set(zip(first, second, strict=True)) == {(0, 1), (1, 0)}
    pairs_of(source_of(colour=np.array([[0.1, 0.2], [0.3, 0.1]])), n=100)
    pairs_of(source_of(digit=np.array([0, 0])), n=100)
    assert len(pairs_of(source_of(digit=np.array([0, 0])), n=0)[0]) == 0


@pytest.mark.parametrize(
    ("among", "text"),
    [
        (torch.arange(0), r"found torch.int64 of shape \(0,\)"),
        (torch.rand(3), r"found torch.float32 of shape \(3,\)"),
        (torch.ones(10, dtype=torch.bool), "found torch.bool"),
        (torch.arange(4).reshape(2, 2), r"found torch.int64 of shape \(2, 2\)"),
        (torch.tensor([-1, 2]), "from 0 to 9, found -1 to 2"),
        (torch.tensor([1, 10]), "from 0 to 9, found 1 to 10"),
    ],
)
def test_indices_are_checked(source_of, among, text):
    with pytest.raises(ConceptError, match=text):
        source_of(digit=np.arange(10) % 2).sample_pairs(5, generator(), among)


def test_arguments_are_checked(source_of):
    source = source_of(digit=np.arange(10) % 2)
    with pytest.raises(ConceptError, match="of 0 or more, found -1"):
        source.sample_pairs(-1, generator(), torch.arange(10))
    for strength in (0, 1, 1.5):
        with pytest.raises(ConceptError, match="Expected a strength between 0 and 1, both excluded, found"):
            source_of(digit=np.arange(10) % 2, strength=strength)
    with pytest.raises(ConceptError, match="Expected at least one concept, found none"):
        LabelSource(source.samples, [])
    with pytest.raises(ConceptError, match="Expected 10 values of 'x', found 3"):
        LabelSource(source.samples, [Concept("x", "numeric", np.arange(3.0))])
    with pytest.raises(ConceptError, match="Expected 10 values of 'x', found none"):
        LabelSource(source.samples, [Concept("x", "unlabelled")])
    source.samples.groups = np.arange(3)
    with pytest.raises(DataError, match="Expected groups with one value for each of 10 samples, found 3"):
        LabelSource(source.samples, source.concepts)


def test_two_columns_that_say_the_same_are_told(source_of, random):
    bright = random.random(200)
    other = random.integers(0, 3, 200)
    source = source_of(bright=bright, bright2=2 * bright + 1, other=other)
    pairs_of(source, n=50)
    assert [note for note in source.notes if "bright2" in note] == [
        "bright and bright2 say the same: no method can tell them apart (association 1.00 by weight). Leave one out."
    ]
