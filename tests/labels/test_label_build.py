import numpy as np
import pytest
import torch

import interpret_inn_labels
from interpret_inn.errors import ConceptError
from interpret_inn.testing import check_concept_source
from interpret_inn.types import ConceptSource


@pytest.fixture
def images(random):
    return random.integers(0, 255, (40, 8, 8, 3), dtype=np.uint8)


def test_the_hook_lists_the_source():
    (spec,) = interpret_inn_labels.inn_concept_sources()
    assert spec.name == "labels"
    assert spec.build is interpret_inn_labels.build
    assert "\n" not in spec.summary


def test_arrays_and_labels(images, random):
    labels = {"digit": np.arange(40) % 4, "colour": random.random((40, 3))}
    source = interpret_inn_labels.build(images, labels=labels, groups=np.arange(40) // 2)
    assert isinstance(source, ConceptSource)
    assert [(concept.name, concept.kind) for concept in source.concepts] == [
        ("digit", "categorical"),
        ("colour", "numeric"),
    ]
    assert len(source.samples) == 40
    pairs = source.sample_pairs(64, torch.Generator().manual_seed(0), torch.arange(40))
    assert (pairs.first // 2 != pairs.second // 2).all()


def test_labels_from_the_items(images):
    source = interpret_inn_labels.build([(image, index % 3) for index, image in enumerate(images)])
    (concept,) = source.concepts
    assert (concept.name, concept.kind, concept.guessed) == ("label", "categorical", True)
    assert concept.values.tolist() == [index % 3 for index in range(40)]
    assert any("label: taken as categorical (3 classes)" in note for note in source.notes)


def test_no_labels_anywhere(images):
    with pytest.raises(ConceptError, match="Expected labels, found none in the data"):
        interpret_inn_labels.build(images)


def test_samples_of_a_stranger_need_not_know_labels(source_of):
    samples = source_of(digit=np.arange(10) % 2).samples
    with pytest.raises(ConceptError, match="Expected labels, found none"):
        interpret_inn_labels.build(samples)
    assert len(interpret_inn_labels.build(samples, labels=np.arange(10) % 2).concepts) == 1


def test_options_reach_the_source(images):
    source = interpret_inn_labels.build(
        images, labels=np.arange(40.0), kinds={"label": "numeric"}, balance=False, strength=0.5
    )
    pairs = source.sample_pairs(64, torch.Generator().manual_seed(0), torch.arange(40))
    assert pairs.rho.max().item() == pytest.approx(0.5)
    assert not source.concepts[0].guessed


def test_the_contract_of_concept_sources(random):
    labels = {
        "digit": random.integers(0, 4, 300),
        "size": random.random(300),
        "angle": random.random(300) * 6,
        "colour": random.random((300, 3)),
        "seen": [None if index % 3 else bool(index % 2) for index in range(300)],
    }
    images = random.random((300, 4, 4, 3), dtype=np.float32)
    check_concept_source(interpret_inn_labels.build(images, labels=labels, kinds={"angle": "cyclic"}))
