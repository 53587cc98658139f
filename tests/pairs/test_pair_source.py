"""Which pairs are drawn, with what correlation, and what stays together."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Generator, nn

import interpret_inn as inn
from interpret_inn.errors import ConceptError, InnWarning
from interpret_inn.testing import check_concept_source, toy_classifier, toy_images
from interpret_inn.types import SAME, ConceptSource
from interpret_inn_pairs import build

pytestmark = pytest.mark.usefixtures("hasty_probes")

NUMBERS = np.arange(40).reshape(-1, 2)
ROWS = torch.arange(400.0).reshape(100, 4)


def drawn(source, n=2000, among=None, seed=0):
    among = torch.arange(len(source.samples)) if among is None else among
    return source.sample_pairs(n, Generator().manual_seed(seed), among)


def both_forms(images):
    yield build({"hue": (images[:40], images[40:]), "shape": (images[40:70], images[:30])})
    yield build(images, indices={"hue": NUMBERS, "shape": NUMBERS[::-1] + 40})


@pytest.mark.parametrize("options", [{}, {"correlation": 0.8}, {"differs": True}, {"differs": ["shape"]}])
def test_it_keeps_the_contract(images, options):
    for source in (
        build({"hue": (images[:40], images[40:]), "shape": (images[40:70], images[:30])}, **options),
        build(images, indices={"hue": NUMBERS, "shape": NUMBERS[::-1] + 40}, **options),
    ):
        assert isinstance(source, ConceptSource)
        assert len(check_concept_source(source)) >= 14


def test_it_is_found_by_name(images):
    source = inn.concept_source("pairs", data={"hue": (images[:40], images[40:])})
    assert source.name == "pairs"
    assert [(concept.name, concept.kind, concept.values) for concept in source.concepts] == [
        ("hue", "unlabelled", None)
    ]


def test_every_pair_is_one_that_was_given_and_either_end_comes_first(images):
    for source in both_forms(images):
        pairs = drawn(source)
        assert torch.equal(pairs.rho[:, :2].argmax(1), (pairs.rho[:, 1] > 0).long())
        for place in range(2):
            mine = pairs.rho[:, place] > 0
            ends = source._named[place].ends
            known = {tuple(pair) for pair in ends.tolist()}
            found = list(zip(pairs.first[mine].tolist(), pairs.second[mine].tolist(), strict=True))
            turned = [pair[::-1] for pair in found]
            assert all((pair in known) != (back in known) for pair, back in zip(found, turned, strict=True))
            assert 0.4 < np.mean([pair in known for pair in found]) < 0.6
            assert {pair if pair in known else pair[::-1] for pair in found} == known


def test_concepts_are_drawn_evenly_however_many_pairs_they_have(images):
    source = build(images, indices={"few": NUMBERS[:10], "many": np.arange(20, 80).reshape(-1, 2)})
    shares = (drawn(source, 4000).rho[:, :2] > 0).float().mean(0)
    assert torch.allclose(shares, torch.tensor([0.5, 0.5]), atol=0.03)


def test_rho_is_what_was_said(images):
    pairs = {"a": NUMBERS, "b": NUMBERS + 40}
    rows = set(map(tuple, drawn(build(images, indices=pairs)).rho.tolist()))
    same = torch.tensor(SAME).item()
    assert rows == {(same, 0, 0), (0, same, 0)}
    source = build(images, indices=pairs, correlation={"a": 0.5}, differs="b")
    assert set(map(tuple, drawn(source).rho.tolist())) == {(0.5, 0, 0), (same, 0, same)}


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_pairs_are_never_split(data):
    count = data.draw(st.integers(60, 100))
    place = st.integers(0, count - 1)
    pair = st.tuples(place, place).filter(lambda both: both[0] != both[1])
    named = {name: data.draw(st.lists(pair, min_size=10, max_size=25)) for name in "ab"}
    values = data.draw(st.one_of(st.none(), st.lists(st.integers(0, 80), min_size=count, max_size=count)))
    try:
        source = build(
            torch.randn(count, 4), indices={k: np.array(v) for k, v in named.items()}, groups=values
        )
    except ConceptError as error:
        assert "from at least 10 groups" in str(error) or "connected in steps" in str(error)
        return
    groups = source.samples.groups
    assert groups.shape == (count,)
    assert groups.dtype == np.int64
    for first, second in (pair for pairs in named.values() for pair in pairs):
        assert groups[first] == groups[second]
    if values is not None:
        for value in set(values):
            assert len(set(groups[np.array(values) == value])) == 1
    # and no more than that is held together
    links = [p for pairs in named.values() for p in pairs]
    links += [] if values is None else [(values.index(v), k) for k, v in enumerate(values)]
    reach = np.eye(count, dtype=int)
    for first, second in links:
        reach[first, second] = reach[second, first] = 1
    for _ in range(7):
        reach = (reach @ reach > 0).astype(int)
    assert np.array_equal(reach > 0, groups[:, None] == groups[None])


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 99), min_size=1))
def test_both_ends_stand_in_among(chosen):
    source = build(ROWS, indices={"a": np.arange(100).reshape(-1, 2)})
    among = torch.tensor(sorted(chosen))
    if not any(2 * k in chosen and 2 * k + 1 in chosen for k in range(50)):
        with pytest.raises(ConceptError, match="Expected pairs with both images among"):
            drawn(source, 10, among)
        return
    pairs = drawn(source, 50, among)
    assert set(pairs.first.tolist()) | set(pairs.second.tolist()) <= chosen


def test_a_concept_without_pairs_in_a_part_is_said_once(images):
    source = build(images, indices={"a": NUMBERS, "b": NUMBERS + 40})
    with pytest.warns(InnWarning, match=r"No pair of \['b'\] has both images among 30 samples"):
        pairs = drawn(source, 100, torch.arange(30))
    assert not pairs.rho[:, 1].any()
    drawn(source, 100, torch.arange(30))


def test_images_that_are_one_object_are_encoded_once_and_kept_together(images):
    first = images[:40]
    source = build({"a": (first, images[40:]), "b": (first[:30], images[:30]), "c": (images[5:45], first)})
    assert len(source.samples) == 40 + 40 + 30 + 30 + 40
    pairs = {one.name: one.ends for one in source._named}
    assert np.array_equal(pairs["a"][:, 0], pairs["c"][:, 1])
    groups = source.samples.groups
    assert groups[pairs["a"][7, 1]] == groups[pairs["c"][7, 0]]


def test_groups_of_pairs_mean_the_same_in_all_concepts(images):
    people = {"a": [f"person {k // 2}" for k in range(40)], "b": [f"person {k}" for k in range(30)]}
    source = build({"a": (images[:40], images[40:]), "b": (images[40:70], images[:30])}, groups=people)
    (a, b), groups = (one.ends for one in source._named), source.samples.groups
    assert groups[a[0, 0]] == groups[a[1, 1]] == groups[b[0, 0]]
    assert groups[a[2, 0]] != groups[a[0, 0]]
    assert source.notes == (
        "Images that pairs connect are never split: 140 paired images are in 30 groups, the largest of 6.",
    )


def test_inputs_of_two_sets_come_in_one_form(images):
    source = build({"a": (images[:40], images[40:])})
    assert source.samples.take([3, 60]).shape == (2, 24, 24, 3)
    rows = build({"a": (ROWS[:50], ROWS[50:])})
    assert torch.equal(rows.samples.take([3, 60]), ROWS[[3, 60]])
    assert source.samples.names[41] == "a, second 1"


def test_pictures_are_shown_and_other_inputs_are_not(images):
    for some in (
        images,
        torch.from_numpy(images).permute(0, 3, 1, 2) / 255,
        list(map(Image.fromarray, images)),
    ):
        (gallery,) = build(some, indices={"hue": NUMBERS}).illustrations()
        assert gallery.group == "hue"
        assert [len(row) for row in gallery.cells] == [6, 6]
        assert np.array_equal(gallery.cells[1][0], images[1])
        assert "The two images share 'hue', and are independent in all else." in gallery.caption
    assert build(ROWS, indices={"a": NUMBERS}).illustrations() == ()
    assert build(images / 255 - 0.5, indices={"a": NUMBERS}).illustrations() == ()


@pytest.mark.slow
def test_it_fits_beside_other_sources_and_reports():
    images, labels = toy_images(300)
    order = np.argsort(labels["hue"]).reshape(-1, 2)
    interpreter = inn.wrap(toy_classifier(), "head:in").fit(
        inn.concept_source("pairs", data=images, indices={"hue": order}),
        inn.concept_source("labels", data=images, labels={"shape": labels["shape"]}),
        cache=None, checkpoint=None, steps=20,
    )  # fmt: skip
    assert interpreter.factors.names == ("hue", "shape", "residual")
    explanation = interpreter.explain(resamples=2, localizer=None)
    assert "Pairs of 'hue'" in [gallery.title for gallery in explanation.galleries]


def test_images_in_two_sets_fit_and_report(images):
    model = nn.Sequential(nn.Flatten(), nn.Linear(24 * 24 * 3, 12)).eval()
    interpreter = inn.wrap(model, "1", preprocess="identity")
    some = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    interpreter.fit(
        "pairs", data={"a": (some[:40], some[40:])}, cache=None, checkpoint=None, steps=20, samples_per_axis=1
    )
    assert interpreter.factors.names == ("a", "residual")
    assert interpreter.explain(resamples=2, localizer=None, examples=2)
