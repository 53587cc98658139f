import numpy as np
import pytest
import torch

from interpret_inn.errors import ConceptError
from interpret_inn.types import Remark
from interpret_inn_labels.label_reading import read_concepts


def read(values, kind=None, **options):
    kinds = None if kind is None else {"x": kind}
    (concept,), notes = read_concepts({"x": values}, kinds, count=len(values), **options)
    return concept, notes


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        (["10", "2", "10", "2"], "categorical", ("10", "2")),  # folder names
        (["0.25", "0.5", "0.75", "1"], "numeric", ()),
        ([True, False, True, False], "categorical", ("False", "True")),
        ([3, 5, 3, 5], "categorical", ("3", "5")),
        (np.arange(500) % 50, "categorical", tuple(map(str, range(50)))),  # class numbers
        (np.arange(500) % 50 + 18, "numeric", ()),  # ages
        (np.arange(10), "numeric", ()),  # all distinct
        ([0.1, 0.2, 0.3, 0.4], "numeric", ()),
        ([1.0, 2.0, 1.0, 2.0], "numeric", ()),
        ([1.0, float("nan"), 2.0, 1.0, 2.0], "categorical", ("1", "2")),  # integers with a gap
        (np.array([1000000.0, np.nan, 1000001.0, 1e6, 1000001.0]), "categorical", ("1000000", "1000001")),
        (np.random.default_rng(0).random((9, 3)), "numeric", ()),
        (torch.tensor([0, 1, 1, 0]), "categorical", ("0", "1")),
        (torch.rand(5, 3, generator=torch.Generator().manual_seed(0)).bfloat16(), "numeric", ()),
        ([torch.tensor(0), torch.tensor(1), torch.tensor(1), torch.tensor(0)], "categorical", ("0", "1")),
    ],
)
def test_kinds_are_guessed_and_said(values, kind, classes):
    concept, notes = read(values)
    assert (concept.kind, concept.classes, concept.guessed) == (kind, classes, True)
    assert any(f"x: taken as {kind}" in note and 'kinds={"x": ' in note for note in notes)


def test_of_text_nothing_is_said_as_it_can_be_nothing_else():
    concept, notes = read(["cat", "dog", "cat", "dog"])
    assert (concept.kind, concept.classes, concept.guessed, notes) == (
        "categorical",
        ("cat", "dog"),
        True,
        (),
    )


def test_a_guess_casts_no_doubt():
    assert all(isinstance(note, Remark) for note in read([3, 5, 3, 5])[1])


def test_a_given_kind_is_not_a_guess():
    concept, notes = read([3, 4, 5, 3], "numeric")
    assert (concept.kind, concept.guessed, notes) == ("numeric", False, ())
    np.testing.assert_array_equal(concept.values, [3.0, 4.0, 5.0, 3.0])
    assert read([0.5, 1.5, 0.5], "categorical")[0].classes == ("0.5", "1.5")
    assert read(["1", "2", ""], "numeric")[0].values.tolist()[:2] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", "b", None, "a", "", " "], [0, 1, -1, 0, -1, -1]),
        ([1, 2, None, 1, float("nan"), 2], [0, 1, -1, 0, -1, 1]),
        ([True, None, False], [1, -1, 0]),
        (np.ma.masked_array([1, 2, 1, 2, 1], [0, 0, 1, 0, 0]), [0, 1, -1, 1, 0]),
        (np.array([0, 1, 2, -1, 0, 1, 2]), [0, 1, 2, -1, 0, 1, 2]),
        (np.array([-1, 1, 1, -1]), [0, 1, 1, 0]),  # two categories, as in attributes
        (np.array([-2, -1, -1, -2]), [0, 1, 1, 0]),
    ],
)
def test_missing_categories(values, expected):
    concept, _ = read(values)
    assert concept.kind == "categorical"
    assert concept.values.tolist() == expected
    assert concept.values.dtype == np.int64


def test_missing_numbers():
    np.testing.assert_array_equal(read([0.5, None, 1.5])[0].values, [0.5, np.nan, 1.5])
    np.testing.assert_array_equal(read([-1, 5, None, 7], "numeric")[0].values, [-1, 5, np.nan, 7])
    colours = read([(0.1, 0.2, 0.3), None, (0.4, float("nan"), 0.6), (0.7, 0.8, 0.9)])[0].values
    np.testing.assert_array_equal(np.isnan(colours), np.repeat([[False], [True], [True], [False]], 3, axis=1))


def test_what_is_missing_is_said():
    assert (
        "x: 2 labels are −1, taken as missing; give text if −1 is a class." in read([0, 1, -1, 0, 1, -1])[1]
    )
    assert "x: 1 of 3 labels are missing; those samples are not paired by it." in read(["a", "b", None])[1]


def test_one_column_is_named_label_and_a_column_vector_is_flat():
    concepts, _ = read_concepts(np.array([[0], [1], [0], [1]]), count=4)
    assert [(concept.name, concept.values.shape) for concept in concepts] == [("label", (4,))]


def test_a_data_frame_needs_no_pandas():
    class Frame:
        columns = ("a", "b")

        def __getitem__(self, name):
            return {"a": np.array(["x", "y", "x"]), "b": np.array([0.1, 0.2, 0.3])}[name]

        def to_dict(self):
            raise AssertionError("only a sign of being a frame")

    concepts, _ = read_concepts(Frame(), count=3)
    assert [(concept.name, concept.kind) for concept in concepts] == [("a", "categorical"), ("b", "numeric")]


def test_angles():
    assert read([0.0, 3.0, 6.28], "cyclic")[0].kind == "cyclic"
    assert read([-3.0, None, 3.0], "cyclic")[0].kind == "cyclic"
    with pytest.raises(
        ConceptError, match=r"in radians .* found 350, which looks like degrees.*np\.deg2rad\(x\)"
    ):
        read([0.0, 90.0, 350.0], "cyclic")
    with pytest.raises(ConceptError, match="Expected one angle for each sample"):
        read(np.zeros((4, 2)), "cyclic")


@pytest.mark.parametrize(
    ("labels", "kinds", "text"),
    [
        (
            {"x": [0, 1]},
            None,
            "Expected one label of 'x' for each of 3 samples, found 2 labels.*in the order",
        ),
        ({"x": ["a"] * 3}, None, "Expected at least 2 classes of 'x', found one only: 'a'"),
        ({"x": [0.5] * 3}, None, "Expected numbers of 'x' that vary, found all equal to 0.5"),
        ({"x": np.ones((3, 3))}, None, r"found all equal to \[1.0, 1.0, 1.0\]"),
        ({"x": [None] * 3}, None, "All 3 labels of 'x' are missing"),
        ({"x": [""] * 3}, None, "All 3 labels of 'x' are missing"),
        ({"x": [float("nan")] * 3}, None, "All 3 labels of 'x' are missing"),
        ({"x": np.full(3, np.nan)}, None, "All 3 labels of 'x' are missing"),
        (
            {"digit": [0.1, 0.2, 0.3]},
            {"digits": "numeric"},
            "for 'digits', which is no concept. Did you mean 'digit'",
        ),
        ({"x": [0.1, 0.2, 0.3]}, {"x": "numerical"}, "found 'numerical'. Did you mean 'numeric'"),
        ({"x": [0.1, 0.2, 0.3]}, {"x": "unlabelled"}, "found 'unlabelled'"),
        ({"x": [0.1, np.inf, 0.3]}, None, "Expected finite labels of 'x', found infinite ones"),
        ({"x": ["a", "b", "c"]}, {"x": "numeric"}, "Expected finite numbers as labels of 'x', found 'a'"),
        ({"x": ["1", "inf", "c"]}, {"x": "numeric"}, "found 'inf'"),
        ({"x": np.zeros((3, 2, 2))}, None, r"of shape \(N,\) or \(N, d\), found \(3, 2, 2\)"),
        (
            {"x": np.zeros(3, dtype=complex)},
            None,
            "Expected numbers, bools or text as labels of 'x', found complex128",
        ),
        ({"x": [(1, 2), (1, 2, 3), (1,)]}, None, "of one shape.*found rows of several lengths"),
        ({"x": ["a", 1, None]}, None, r"of one type, found \['int', 'str'\]"),
        ({"x": "abc"}, None, "Expected a list or array as labels of 'x', found str"),
        ({"x": np.eye(3, dtype=bool)}, None, "yes/no values. Give one concept for each column"),
        ({"x": np.eye(3, dtype=int)}, None, "yes/no values. Give one concept for each column"),
        ({"x": [["a", "b"]] * 3}, None, r"found shape \(3, 2\) of text"),
        ({"x": np.ones((3, 2))}, {"x": "categorical"}, "Expected one class for each sample"),
        ({}, None, "Expected at least one concept in labels, found an empty mapping"),
        ({0: [1, 2, 3]}, None, "Expected concept names that are text, found 0"),
        ({"residual": [1, 2, 3]}, None, "A concept is named 'residual'"),
    ],
)
def test_errors(labels, kinds, text):
    with pytest.raises(ConceptError, match=text):
        read_concepts(labels, kinds, count=3)


def test_skipped_items_explain_a_length_that_differs():
    with pytest.raises(
        ConceptError, match=r"3 samples \(2 items of the data could not be read and were skipped\)"
    ):
        read_concepts([0, 1, 0, 1, 0], count=3, skipped=2)


def test_yes_no_columns_may_be_called_numeric():
    assert read(np.eye(3, dtype=int), "numeric")[0].values.shape == (3, 3)
