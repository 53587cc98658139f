"""Pairs that sources themselves know to differ in one concept alone."""

import re

import numpy as np
import pytest
import torch

import interpret_inn as inn
from interpret_inn.effects.bases import effects_of
from interpret_inn.errors import InnWarning
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.store import FitData
from interpret_inn.testing import check_concept_source
from interpret_inn.testing.contract import ContractError
from interpret_inn.types.counterfactuals import counterfactual_faults

from .tiny import Tiny, images, recoloured, tiny


def pictures(count=120, marked=0.25):
    rng = np.random.default_rng(1)
    return images(rng.integers(0, 3, count), rng.random(count) < marked)


def effects(source, counterfactuals=None):
    """As `explain` has them after a fit to this source: its test split is known, and the model."""
    data = FitData(Pool([source], seed=0), ())
    return effects_of(tiny(), source.concepts, data, None, counterfactuals)


def turned(picture, amount, generator):
    """Channels turn by one or two: another colour, and the mark stays where it is."""
    return picture.roll(1 if amount < 0.5 else 2, 0)


def test_two_variants_of_a_picture_differ_in_their_transform_alone():
    given = pictures(60)
    source = inn.concept_source(
        "transforms", data=given, transforms={"turn": turned, "flip": "flip"}, variants=3
    )
    check_concept_source(source)
    pairs = source.counterfactual_pairs(torch.arange(len(source.samples)))
    for name, number in (("turn", 0), ("flip", 1)):
        ends = pairs[name]
        assert (source.samples.transform[ends] == number).all()
        assert (source.samples.source[ends[:, 0]] == source.samples.source[ends[:, 1]]).all()
        amounts = source.samples.amounts[name][ends]
        assert (amounts[:, 0] != amounts[:, 1]).all()
    assert len(pairs["turn"]) == 60 * 3  # each two of three
    assert len(pairs["flip"]) == 60 * 2  # those of which one is done and one is not
    some = torch.arange(0, len(source.samples), 2)
    assert np.isin(source.counterfactual_pairs(some)["turn"], some.numpy()).all()


def test_a_fit_to_transforms_measures_their_effects_on_its_test_split():
    given = pictures()
    source = inn.concept_source("transforms", data=given, transforms={"turn": turned, "flip": "flip"})
    found = effects(source)
    assert set(found) == {"turn", "flip"}
    turn, flip = found["turn"], found["flip"]
    test = Pool([source], seed=0).parts[0].split.test
    model = inn.wrap(Tiny(), "head:in")
    for effect in (turn, flip):
        ends = source.counterfactual_pairs(test)[effect.concept]
        outputs = [model.run(source.samples.take(side.tolist())).argmax(1) for side in ends.T]
        assert effect.inputs == len(ends)
        assert effect.flip_rate.value == pytest.approx(float((outputs[0] != outputs[1]).double().mean()))
    assert set(flip.values) == {"as it is", "mirrored"}
    assert "come from the source 'transforms'" in turn.notes[0]
    mine = effects(source, {"flip": (given[:30], given[:30, :, ::-1].copy())})
    assert mine["flip"].inputs == 30 and mine["turn"] == turn


def test_pairs_that_share_all_but_a_concept_count_and_others_do_not(monkeypatch):
    given = pictures(80, marked=0)
    other = recoloured(given, (given.reshape(80, -1, 3)[:, 8:].mean(1).argmax(1) + 1) % 3)
    source = inn.concept_source(
        "pairs", data={"colour": (given, other), "side": (given, other)}, differs=["colour"]
    )
    check_concept_source(source)
    assert list(source.counterfactual_pairs(torch.arange(160))) == ["colour"]
    assert len(source.counterfactual_pairs(torch.arange(100))["colour"]) == 20  # whose both ends are there
    monkeypatch.setattr("interpret_inn.effects.source_pairs.MOST", 10)
    found = effects(source)
    assert list(found) == ["colour"]
    assert found["colour"].flip_rate.value == 1 and found["colour"].inputs == 10
    assert found["colour"].values == {} and "10 of 16 pairs were run" in found["colour"].notes[1]


def test_labels_and_sketches_know_of_none():
    assert effects(labelled()[0]) == {}
    halves = [np.random.default_rng(0).integers(0, top, (96, 96, 3), dtype=np.uint8) for top in (60, 250)]
    source = inn.concept_source("sketches", data=pictures(20), sketches=halves, keep=None)
    assert source.counterfactual_pairs(torch.arange(40)) == {}


def labelled(**members):
    """A source of labels with other counterfactual pairs."""
    rng = np.random.default_rng(2)
    data, labels = pictures(60), {name: rng.integers(0, 2, 60) for name in ("colour", "mark")}
    source = inn.concept_source(
        "labels", data=data, labels=labels, kinds=dict.fromkeys(labels, "categorical")
    )
    for name, value in members.items():
        setattr(source, name, value)
    return source, labels


def differing(labels, *, both):
    """Pairs of samples that differ in colour and are alike in the mark, or not."""
    first, second = np.nonzero(np.triu(labels["colour"][:, None] != labels["colour"][None]))
    alike = labels["mark"][first] == labels["mark"][second]
    return np.stack([first, second], 1)[~alike if both else alike]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (lambda labels: [1], "to give a mapping by concept, found list"),
        (lambda labels: {"color": [[0, 1]]}, "by the names of its concepts, found 'color'"),
        (lambda labels: {"colour": [[0, 1, 2]]}, r"pairs of 'colour' to be whole numbers \(n, 2\)"),
        (lambda labels: {"colour": [[0.5, 1]]}, r"pairs of 'colour' to be whole numbers \(n, 2\)"),
        (lambda labels: {"colour": [[0, 600]]}, "among the samples it was asked for, found others"),
        (
            lambda labels: {"colour": np.flatnonzero(labels["colour"])[:2].repeat(2).reshape(2, 2)},
            "paired with itself",
        ),
        (lambda labels: {"colour": np.flatnonzero(labels["colour"])[None, :2]}, "have the same value of it"),
        (lambda labels: {"colour": differing(labels, both=True)}, "'colour' differ in 'mark' too"),
    ],
)
def test_the_contract_and_the_library_name_what_is_wrong(found, message):
    source, labels = labelled()
    everything = torch.arange(60)
    source.counterfactual_pairs = lambda among: found(labels)
    faults = " ".join(
        counterfactual_faults(source.counterfactual_pairs(everything), source.concepts, everything)
    )
    assert re.search(message, faults)
    with pytest.raises(ContractError, match="counterfactuals: "):
        check_concept_source(source)


def test_a_source_that_fails_is_passed_over_with_a_warning():
    source, _ = labelled(counterfactual_pairs=lambda among: 1 / 0)
    with pytest.warns(InnWarning, match=r"counterfactual_pairs\(\) of the concept source 'labels' failed"):
        assert effects(source) == {}


def test_good_pairs_keep_the_contract():
    source, labels = labelled()
    everything = differing(labels, both=False)

    def pairs(among):
        return {"colour": torch.from_numpy(everything[np.isin(everything, among.numpy()).all(1)])}

    source.counterfactual_pairs = pairs
    assert "counterfactuals" in check_concept_source(source)
