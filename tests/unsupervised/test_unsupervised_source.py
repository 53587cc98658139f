import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import interpret_inn as inn
from interpret_inn.errors import BackboneError, ConceptError, DataError
from interpret_inn.testing import check_concept_source, toy_images
from interpret_inn.testing.toys import ToyView
from interpret_inn.types import ConceptSource, Preparation
from interpret_inn_unsupervised import build

IMAGES = toy_images(120)[0]


def shown(*variances: float) -> Preparation:
    """What a fit shows of a representation with these variances, whose model gives no gradient."""

    def none() -> torch.Tensor:
        raise BackboneError("No gradient comes from the outputs.")

    values = torch.tensor(variances)
    white, view = torch.zeros(5, len(values)), ToyView(len(values))
    return Preparation(white, values, none, view, torch.Generator())


@pytest.mark.parametrize(
    "options",
    [{}, {"factors": 3}, {"factors": {"a": 2, "b": 1}}, {"size": 2}, {"groups": np.arange(120) // 4}],
)
def test_it_keeps_the_contract(options) -> None:
    source = build(IMAGES, **options)
    assert isinstance(source, ConceptSource)
    assert check_concept_source(source)
    source.prepare(shown(*torch.linspace(5, 1, 9).tolist()))
    assert check_concept_source(source)


def test_pairs_have_nothing_in_common() -> None:
    source = build(IMAGES, factors=2)
    among = torch.arange(0, 120, 3)
    pairs = source.sample_pairs(4000, torch.Generator().manual_seed(0), among)
    assert pairs.rho.shape == (4000, 3)
    assert not pairs.rho.any()
    assert set(pairs.first.tolist()) == set(pairs.second.tolist()) == set(among.tolist())
    both = np.corrcoef(pairs.first.numpy(), pairs.second.numpy())[0, 1]
    assert abs(both) < 0.06


def test_auto_takes_the_axes_that_hold_most_of_the_variance() -> None:
    source = build(IMAGES, directions="principal")
    plan = source.prepare(shown(5, 3, 1, 0.5, 0.5))
    assert plan.sizes == {"factor 1": 1, "factor 2": 1}
    assert [concept.name for concept in source.concepts] == ["factor 1", "factor 2"]
    assert plan.concepts == source.concepts
    assert plan.notes == (
        "2 factors were chosen, of 1 axis each: the directions that they begin with make up 80% of the variance of "
        "the representation. Type factors=… for another number.",
    )


def test_auto_in_groups_of_axes_rounds_up_and_leaves_a_residual() -> None:
    source = build(IMAGES, size=2, directions="principal")
    assert source.prepare(shown(*[1] * 9)).sizes == {f"factor {k}": 2 for k in range(1, 5)}
    plan = source.prepare(shown(9, 0.1, 0.1))
    assert plan.sizes == {"factor 1": 2}
    assert plan.notes[0].startswith("1 factor was chosen, of 2 axes each")


def test_seeing_another_representation_chooses_anew() -> None:
    source = build(IMAGES, most=4)
    assert len(source.prepare(shown(*[1] * 30)).concepts) == len(source.concepts) == 4
    assert len(source.prepare(shown(9, 1)).concepts) == len(source.concepts) == 1


@settings(deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=40), st.integers(1, 5), st.integers(1, 12))
def test_auto_never_takes_all_axes(found, size, most) -> None:
    source = build(IMAGES, size=size, most=most)
    axes = sorted(found, reverse=True)
    if size >= len(axes):
        with pytest.raises(ConceptError):
            source.prepare(shown(*axes))
        return
    plan = source.prepare(shown(*axes))
    assert 1 <= len(plan.concepts) <= most
    assert sum(plan.sizes.values()) < len(axes)


def test_a_given_number_stays() -> None:
    source = build(IMAGES, factors=3, size=2, directions="principal")
    plan = source.prepare(shown(9, 1, 1, 1, 1, 1, 1))
    assert plan.sizes == {"factor 1": 2, "factor 2": 2, "factor 3": 2}
    assert plan.notes == ()


def test_names_and_sizes_may_be_given() -> None:
    plan = build(IMAGES, factors={"shape": 4, "place": 2}).prepare(shown(*[1] * 9))
    assert plan.sizes == {"shape": 4, "place": 2}


def test_where_no_gradient_comes_it_says_so() -> None:
    plan = build(IMAGES, factors=1).prepare(shown(2, 1))
    assert plan.notes == (
        'The factors begin as principal axes (directions="principal"). No gradient comes from the outputs.',
    )


def test_labels_that_come_with_the_data_are_left_alone() -> None:
    source = build((IMAGES, np.arange(120) % 3), factors=1)
    assert [concept.kind for concept in source.concepts] == ["unlabelled"]
    assert len(source.samples) == 120


WRONG = [
    ({"factors": 0}, "Expected factors to be a whole number, at least 1, found 0"),
    ({"factors": 2.5}, "Expected factors to be a whole number, at least 1, found 2.5"),
    ({"factors": True}, "found True"),
    ({"factors": "many"}, "Expected factors=\"auto\", a number, or a mapping .* found 'many'"),
    ({"factors": {}}, "Expected at least one factor, found none"),
    ({"factors": {"a": 0}}, "Expected factors.'a'. to be a whole number"),
    ({"factors": {"a": 2}, "size": 2}, "found both .size=2.. Leave size out"),
    ({"factors": {"residual": 2}}, "Expected names of factors other than 'residual'"),
    ({"size": 0}, "Expected size to be a whole number, at least 1, found 0"),
    ({"directions": "best"}, 'Expected directions="output" or directions="principal", found \'best\''),
    ({"most": "all"}, "Expected most to be a whole number, at least 1, found 'all'"),
]


@pytest.mark.parametrize(("options", "text"), WRONG, ids=[str(options) for options, _ in WRONG])
def test_wrong_options_are_refused(options, text) -> None:
    with pytest.raises(ConceptError, match=text):
        build(IMAGES, **options)


def test_more_axes_than_there_are_is_refused() -> None:
    with pytest.raises(ConceptError, match=r"fewer than 3 axes together.* found 3 factors of 3 axes"):
        build(IMAGES, factors=3).prepare(shown(3, 2, 1))
    with pytest.raises(
        ConceptError, match="Expected a size below 2, the axes that the representation has here"
    ):
        build(IMAGES, size=2).prepare(shown(3, 2))


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_samples_to_draw_from_are_refused(count) -> None:
    with pytest.raises(ConceptError, match=f"Expected at least 2 samples to draw pairs from, found {count}"):
        build(IMAGES).sample_pairs(3, torch.Generator(), torch.arange(count))


def test_it_is_found_by_its_name() -> None:
    assert inn.concept_source("unsupervised", data=IMAGES).name == "unsupervised"


def test_no_data_at_all_is_refused() -> None:
    with pytest.raises(DataError):
        build([])
