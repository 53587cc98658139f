"""Changes of outputs against literal loops."""

import math

import numpy as np
import pytest
import torch

from interpret_inn import errors
from interpret_inn.effects.changes import RedrawEffects, measure, output_kind


def changed(base, edited, *, kind=None, groups=None, seed=0, **options):
    """What edits did, summed up over inputs."""
    kind = output_kind(base) if kind is None else kind
    return measure(base, edited, kind=kind, **options).scores(kind, groups=groups, seed=seed)


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    base = 3 * torch.randn(12, 5, generator=generator)
    return base, base + torch.randn(7, 12, 5, generator=generator)


def test_class_figures_equal_literal_loops(logits):
    base, edited = logits
    effects = measure(base, edited, kind="classes")
    for i in range(12):
        before = np.exp(base[i].double().numpy())
        before /= before.sum()
        flips, divergences, classes, changes = [], [], [], []
        for m in range(7):
            after = np.exp(edited[m, i].double().numpy())
            after /= after.sum()
            flips.append(after.argmax() != before.argmax())
            divergences.append(sum(p * math.log(p / q) for p, q in zip(before, after, strict=True)))
            classes.append(int(after.argmax()))
            changes.append(abs(after[before.argmax()] - before[before.argmax()]))
        assert effects.flip[i] == pytest.approx(np.mean(flips))
        assert effects.kl[i] == pytest.approx(np.mean(divergences))
        assert effects.class_std[i] == pytest.approx(np.std(classes))
        assert effects.change[i] == pytest.approx(np.mean(changes))
    found = changed(base, edited)
    for name in ("flip", "kl", "class_std", "change"):
        score = getattr(found, "flip_rate" if name == "flip" else name)
        assert score.value == pytest.approx(getattr(effects, name).mean())
        assert score.low <= score.value <= score.high


def test_nothing_changes_where_nothing_was_edited(logits):
    base = logits[0]
    found = changed(base, base.expand(3, -1, -1))
    assert found.flip_rate.value == found.kl.value == found.class_std.value == found.change.value == 0
    assert 0 < found.flip_rate.high < 0.3  # twelve inputs do not prove that no input flips


def test_batches_joined_are_the_whole(logits):
    base, edited = logits
    parts = [measure(base[rows], edited[:, rows], kind="classes") for rows in (slice(0, 5), slice(5, 12))]
    joined, whole = RedrawEffects.joined(parts), measure(base, edited, kind="classes")
    for one, other in zip(joined, whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert joined.scores("classes", seed=1).flip_rate == changed(base, edited, seed=1).flip_rate


def test_groups_of_inputs_are_drawn_together(logits):
    base, edited = logits
    repeated, edits = base.repeat_interleave(4, 0), edited.repeat_interleave(4, 1)
    groups = np.repeat(np.arange(12), 4)
    alone, together = changed(repeated, edits), changed(repeated, edits, groups=groups)
    assert together.kl.high - together.kl.low > 1.5 * (alone.kl.high - alone.kl.low)


def test_targets(logits):
    base, edited = logits
    probabilities = edited.double().softmax(2)[..., 3] - base.double().softmax(1)[:, 3]
    for target in (3, -2):
        change = measure(base, edited, kind="classes", target=target).change
        np.testing.assert_allclose(change, probabilities.abs().mean(0))
    margin = measure(base, edited, kind="classes", target=lambda out: out[:, 0] - out[:, 1]).change
    expected = ((edited[..., 0] - edited[..., 1]) - (base[:, 0] - base[:, 1])).abs().mean(0)
    np.testing.assert_allclose(margin, expected, rtol=1e-5)
    column = measure(base, edited, kind="scalar", target=2).change
    np.testing.assert_allclose(column, (edited[..., 2] - base[:, 2]).abs().mean(0), rtol=1e-6)
    single = measure(base, edited, kind="classes", target=lambda out: (out[:, 0] - out[:, 1])[:, None]).change
    np.testing.assert_array_equal(single, margin)
    first = [measure(base, edited, kind="classes", target=target).change for target in (0, -5)]
    np.testing.assert_array_equal(*first)
    every = measure(base, edited, kind="scalar").change
    np.testing.assert_allclose(every, (edited - base).abs().mean((0, 2)), rtol=1e-6)


def test_images_are_compared_in_units_of_their_range():
    base = torch.zeros(4, 3, 8, 8)
    base[:, :, 0] = 255.0
    found = changed(base, torch.stack([base + 25.5, base - 25.5]))
    assert output_kind(base) == "image"
    assert found.change.value == pytest.approx(0.1)
    assert math.isnan(found.flip_rate.value)
    assert math.isnan(found.kl.value)
    assert changed(base, (base + 25.5)[None], value_range=510.0).change.value == pytest.approx(0.05)
    far = base + 1000  # the width of the range counts, and not where it lies
    assert changed(far, (far + 25.5)[None]).change.value == pytest.approx(
        changed(base, (base + 25.5)[None]).change.value
    )
    brightness = changed(base, (base + 25.5)[None], target=lambda pictures: pictures.mean((1, 2, 3)))
    assert brightness.change.value == pytest.approx(25.5)
    flat = torch.zeros(2, 1, 2, 2)
    assert changed(flat, (flat + 1)[None]).change.value == 1.0


def test_kinds_are_told_by_shape():
    assert output_kind(torch.zeros(2, 10)) == output_kind(torch.zeros(3, 2)) == "classes"
    two = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert measure(two, torch.stack([two, two.flip(1)]), kind="classes").flip.tolist() == [0.5, 0.5]
    assert output_kind(torch.zeros(2, 1)) == output_kind(torch.zeros(2)) == "scalar"
    assert output_kind(torch.zeros(2, 3, 4, 4)) == "image"
    assert changed(torch.zeros(4, 1), torch.ones(2, 4, 1)).change.value == 1.0


def test_outputs_that_are_not_finite_give_nan_and_not_a_number_that_looks_fine(logits):
    base, edited = logits
    edited[2, 3] = math.nan
    assert math.isnan(changed(base, edited).kl.value)


def test_errors_say_what_was_found(logits):
    base, edited = logits
    with pytest.raises(errors.InputError, match=r"edited outputs \(M, 12, 5\), found \(7, 11, 5\)"):
        changed(base, edited[:, :11])
    with pytest.raises(errors.InputError, match="outputs of at least one edit, found none"):
        changed(base, edited[:0])
    with pytest.raises(
        errors.InputError, match=r"logits \(B, C\) of at least two classes, found outputs \(12, 1\)"
    ):
        changed(base[:, :1], edited[:, :, :1], kind="classes")
    with pytest.raises(errors.InputError, match="a target from 0 to 4, found 5"):
        changed(base, edited, target=5)
    with pytest.raises(errors.InputError, match="a target from 0 to 4, found -6"):
        changed(base, edited, target=-6)
    with pytest.raises(
        errors.InputError, match=r"one score for each of 12 outputs, found an array \(12, 5\)"
    ):
        changed(base, edited, target=lambda outputs: outputs)


def test_logits_that_only_move_together_diverge_by_nothing_and_never_by_less():
    base = 5 * torch.randn(2000, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    divergence = measure(base, base[None] + 1.7, kind="classes").kl
    assert divergence.min() >= 0 and divergence.max() < 1e-12
