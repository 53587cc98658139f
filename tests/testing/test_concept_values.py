"""What the contract says of a concept's values and how far pairs agree in them; labels are read by the same bounds."""

import math
import re
from typing import Any

import numpy as np
import pytest

from interpret_inn import errors
from interpret_inn.testing.concept_values import agreement
from interpret_inn.types import Concept
from interpret_inn.types.concept_faults import concept_faults, group_faults, is_text, value_faults
from interpret_inn_labels.label_reading import read_concepts


@pytest.mark.parametrize(
    ("concept", "said"),
    [
        (Concept("free", "unlabelled", np.zeros(3)), "is unlabelled and yet has values"),
        (Concept("size", "numeric"), "found NoneType"),
        (Concept("size", "numeric", np.zeros(2)), r"for each of 3 samples, found shape \(2,\)"),
        (Concept("size", "numeric", np.zeros(3, np.float32)), r"Expected float64 \(N,\) or \(N, d\)"),
        (Concept("size", "numeric", np.zeros((3, 2, 2))), r"Expected float64 \(N,\) or \(N, d\)"),
        (Concept("size", "numeric", np.zeros((3, 0))), r"Expected float64 \(N,\) or \(N, d\)"),
        (Concept("size", "numeric", np.array([0, 1, math.inf])), "found infinite ones"),
        (Concept("size", "numeric", np.array([0, -1e300, math.nan])), r"up to 1e\+100, found up to 1e\+300"),
        (Concept("size", "numeric", np.full(3, math.nan)), "no sample has a value"),
        (
            Concept("size", "numeric", np.array([[0, math.nan], [math.nan, 0], [math.nan] * 2])),
            "no sample has a value",
        ),
        (Concept("shape", "categorical", np.full(3, -1), ("a", "b")), "no sample has a value"),
        (Concept("hue", "cyclic", np.full(3, math.nan)), "no sample has a value"),
        (Concept("hue", "cyclic", np.array([0, 1, -math.inf])), "found infinite ones"),
        (Concept("hue", "cyclic", np.zeros((3, 2))), r"Expected float64 \(N,\) for"),
        (Concept("hue", "cyclic", np.array([0, 90.0, 180.0])), "Expected radians for 'hue', found up to 180"),
        (Concept("shape", "categorical", np.zeros(3)), "Expected int64"),
        (Concept("shape", "categorical", np.array([0, 1, 2]), ("a", "b")), "found 0 to 2"),
        (Concept("shape", "categorical", np.array([0, -2, 1]), ("a", "b")), "found -2 to 1"),
    ],
)
def test_wrong_values_are_named(concept: Concept, said: str) -> None:
    (fault,) = value_faults(concept, 3)
    with pytest.raises(ValueError, match=said):
        raise ValueError(fault)


@pytest.mark.parametrize(
    "concept",
    [
        Concept("free", "unlabelled"),
        Concept("size", "numeric", np.array([0.0, math.nan, 3.0])),
        Concept("place", "numeric", np.zeros((3, 2))),
        Concept("hue", "cyclic", np.array([-3.0, math.nan, 6.28])),
        Concept("shape", "categorical", np.array([0, -1, 1]), ("a", "b")),
    ],
)
def test_right_values_pass(concept: Concept) -> None:
    assert not list(value_faults(concept, 3))


@pytest.mark.parametrize(
    ("concepts", "said"),
    [
        ([Concept(None, "numeric")], "Expected names"),  # type: ignore[arg-type]
        ([Concept("a\ud800", "numeric")], r"Expected names .*ud800"),
        ([Concept("size", "number")], "Expected kinds out of .*number"),  # type: ignore[arg-type]
        ([Concept("size", ["numeric"])], "Expected kinds out of"),  # type: ignore[arg-type]
        ([Concept("shape", "categorical", None, (0, 1))], "Expected classes of 'shape' as a tuple of names"),  # type: ignore[arg-type]
        ([Concept("shape", "categorical", None, "ab")], "Expected classes"),  # type: ignore[arg-type]
        ([Concept("residual", "numeric")], "named 'residual'"),
        ([Concept("size", "numeric")] * 2, "name once"),
    ],
)
def test_wrong_concepts_are_named(concepts: list[Concept], said: str) -> None:
    (fault,) = concept_faults("source", concepts)
    assert re.search(said, fault)
    fault.encode()


def test_text_is_what_can_be_written() -> None:
    assert all(map(is_text, ("hue", "\U0001f600", "")))
    assert not any(map(is_text, (None, 3, "\ud800", "a\udfffb")))


@pytest.mark.parametrize(
    "groups", [np.zeros(2, np.int64), np.array(["a", "b", "c"]), np.zeros(3), [[1], [1, 2]]]
)
def test_groups_are_a_whole_number_for_each_sample(groups: Any) -> None:
    assert [fault[:15] for fault in group_faults(groups, 3)] == ["Expected groups"]
    assert not list(group_faults(None, 3))
    assert not list(group_faults(np.array([1, 1, 2]), 3))


@pytest.mark.parametrize(("over", "refused"), [(5e-5, False), (2e-4, True)])
def test_angles_that_labels_take_pass_the_contract(over: float, refused: bool) -> None:
    angles = np.array([0.0, 1.0, 2 * math.pi + over])
    assert bool(list(value_faults(Concept("hue", "cyclic", angles), 3))) is refused
    if refused:
        with pytest.raises(errors.ConceptError, match="radians"):
            read_concepts({"hue": angles}, {"hue": "cyclic"}, count=3)
    else:
        assert read_concepts({"hue": angles}, {"hue": "cyclic"}, count=3)[0][0].kind == "cyclic"


def test_agreement_by_kind() -> None:
    index = np.arange(100)
    numbers = np.stack([np.linspace(0, 1, 100), np.linspace(1, 0, 100)], 1)
    for kind, values in (("categorical", index % 5), ("numeric", numbers), ("cyclic", numbers[:, 0])):
        found = agreement(Concept("c", kind, values), index, index)  # type: ignore[arg-type]
        assert found is not None and found.known == 100
        assert found.value == pytest.approx(1.0)
    opposite = agreement(Concept("c", "numeric", numbers), index, index[::-1])
    assert opposite is not None and opposite.value == pytest.approx(-1.0)
    gaps = np.where(index % 2, np.nan, index)
    halves = agreement(Concept("c", "numeric", gaps), index, index)
    assert halves is not None and (halves.known, halves.value) == (50, pytest.approx(1.0))
    assert agreement(Concept("c", "unlabelled"), index, index) is None
    assert agreement(Concept("c", "categorical", np.full(100, -1)), index, index) is None
