"""The flow beside linear erasure on made-up codes whose truth is known."""

import math

import numpy as np
import pytest

from interpret_inn.explaining import beside_erasure as module
from interpret_inn.explaining import two_rests
from interpret_inn.explaining.beside_erasure import ErasureRows, beside_erasure
from interpret_inn.explaining.erasure_verdict import Side, compared
from interpret_inn.explaining.evidence import BesideErasure
from interpret_inn.explaining.leakage import read_factors
from interpret_inn.explaining.probed_splits import EncodedSplit, ProbedSplits
from interpret_inn.metrics.bootstrap import unseen_share
from interpret_inn.metrics.linear_erasure import fit_linear_erasure
from interpret_inn.types import Concept, Factors, Score

pytestmark = pytest.mark.usefixtures("hasty_probes")

FACTORS = Factors.from_sizes({"one": 1}, total=5)
AXES = 5


def linear(random, n):
    """A number that one axis tells, and nothing else; the flow keeps the axes as they are."""
    axes = random.normal(size=(n, AXES))
    return Concept("one", "numeric", axes[:, 0] + 0.1 * random.normal(size=n)), axes, axes


def spread(random, n):
    """A class that moves one axis and widens another, which the flow makes as wide for both classes."""
    label, codes = random.integers(0, 2, n), random.normal(size=(n, AXES))
    codes[:, 0] = 2 * label - 1 + 0.2 * codes[:, 0]
    axes = codes.copy()
    axes[:, 1] *= 0.1 + 2 * label
    return Concept("one", "categorical", label), axes, codes


def copied(random, n):
    """A number that one axis tells, and that the flow leaves in another one, too."""
    concept, axes, codes = linear(random, n)
    codes = codes.copy()
    codes[:, 3] += codes[:, 0]
    return concept, axes, codes


def curved(random, n):
    """A number that is the product of two axes, which the flow gives to its factor."""
    axes = random.normal(size=(n, AXES))
    product = axes[:, 0] * axes[:, 1]
    return Concept("one", "numeric", product), axes, np.column_stack([product, axes[:, 1:]])


def bent(random, n):
    """A number that one axis tells, and the square of another."""
    axes = random.normal(size=(n, AXES))
    value = axes[:, 0] + 0.7 * axes[:, 1] ** 2 + 0.3 * random.normal(size=n)
    return Concept("one", "numeric", value), axes, axes


def shuffled(random, n):
    """Values that nothing tells."""
    axes = random.normal(size=(n, AXES))
    return Concept("one", "numeric", random.normal(size=n)), axes, axes


def split(make, seed, n, **changes):
    concept, axes, codes = make(np.random.default_rng(seed), n)
    return EncodedSplit(codes, axes, axes, [concept], **changes)


def beside(make, *, factors=FACTORS, seed=0, sizes=(150, 120, 100), fresh=2) -> BesideErasure:
    train, test, *pairs = (
        split(make, 10 * seed + place, sizes[min(place, 2)]) for place in range(2 + 2 * fresh)
    )
    probed = ProbedSplits(train, test)
    unseen = [ProbedSplits(*pair) for pair in zip(pairs[::2], pairs[1::2], strict=True)]
    found = read_factors(probed, factors, fresh=unseen)
    rows = ErasureRows(np.asarray(train.unfitted), train.concepts, AXES)
    return beside_erasure(rows, factors, found, probed, unseen)["one"]


def test_of_a_linear_concept_the_flow_adds_nothing():
    found = beside(linear, seed=2, sizes=(150, 150, 250))
    assert found.flow == "no better"
    assert found.verdict.startswith(
        "For one the flow adds nothing to linear erasure. Read from everything else, by "
    )
    assert found.verdict.endswith(
        "(guessing 0.00). Read from its own part: 0.99 with the flow, 0.99 with erasure."
    )
    assert found.directions == 1
    assert all(math.isfinite(score.value) for score in (found.own.network, found.erasure_rest.network))


@pytest.fixture(scope="module")
def evened() -> BesideErasure:
    return beside(spread)


def test_a_spread_that_only_the_flow_evens_out_is_its_gain(evened):
    assert evened.flow == "better"
    assert evened.verdict.startswith("The flow leaves less of one elsewhere than linear erasure does")
    assert evened.erasure_rest.linear.value < 0.65
    assert evened.erasure_rest.kernel.value > 0.75
    assert max(evened.rest.linear.value, evened.rest.kernel.value) < 0.65
    assert evened.rest_gain.low > 0.1


def test_what_the_flow_leaves_and_erasure_does_not_is_a_loss():
    found = beside(copied)
    assert found.flow == "worse"
    assert found.verdict.startswith("Linear erasure leaves less of one elsewhere than the flow does. Read ")
    assert found.rest_gain.high < -0.2


def test_a_curved_concept_is_told_by_its_factor_alone():
    found = beside(curved)
    assert found.flow in ("better", "mixed")
    assert found.verdict.startswith(
        "The flow's own factor tells one better than linear erasure's directions do"
    )
    assert found.own_gain.low > 0.5


@pytest.mark.slow
def test_of_values_that_nothing_tells_nothing_is_claimed():
    found = [beside(shuffled, seed=seed, sizes=(60, 60, 50)) for seed in range(1, 5)]
    assert {one.flow for one in found} == {"unclear"}
    assert "The layer tells too little of one" in found[0].verdict


@pytest.mark.slow
@pytest.mark.parametrize("make", [spread, bent])
@pytest.mark.parametrize("turned", [True, False], ids=["turned", "mixed"])
def test_the_same_code_in_other_coordinates_gains_and_loses_nothing(make, turned):
    """Erasure's own part, and its rest as another linear map has it: what is there to be read is the same."""
    raw = [make(np.random.default_rng(place), (60, 60, 100)[min(place, 2)]) for place in range(6)]
    erasure = fit_linear_erasure(raw[0][1], module._targets(raw[0][0]))
    mixing = np.random.default_rng(5).normal(size=(AXES - 1, AXES - 1))
    map_ = np.linalg.svd(erasure.filters)[0][:, 1:] @ (np.linalg.qr(mixing)[0] if turned else mixing)
    train, test, *pairs = (
        EncodedSplit(np.hstack([erasure.own(axes), erasure.rest(axes) @ map_]), axes, axes, [concept])
        for concept, axes, _ in raw
    )
    probed = ProbedSplits(train, test)
    fresh = [ProbedSplits(*pair) for pair in zip(pairs[::2], pairs[1::2], strict=True)]
    rows = ErasureRows(np.asarray(train.unfitted), train.concepts, AXES)
    found = beside_erasure(rows, FACTORS, read_factors(probed, FACTORS, fresh=fresh), probed, fresh)["one"]
    assert found.rest_gain.value == pytest.approx(0, abs=0.005)
    assert found.own_gain.value == pytest.approx(0, abs=0.005)
    assert found.flow not in ("better", "worse", "mixed")


def test_intervals_are_longer_where_pairs_of_splits_differ():
    random = np.random.default_rng(0)
    draws = random.normal(size=(2, 1000)) * 0.01
    assert module._birge_ratio(np.array([0.1, 0.1]), draws) == 1
    expected = 0.1 * 2**-0.5 / 0.01  # standard deviation of the two values, by that of their draws
    assert module._birge_ratio(np.array([0.1, 0.2]), draws) == pytest.approx(expected, rel=0.05)
    assert module._birge_ratio(np.array([0.1]), draws[:1]) == 1
    assert module._birge_ratio(np.array([0.1, 0.2]), 0 * draws) == 1


def test_directions_are_as_many_as_the_factor_has_axes_and_erasure_takes_all():
    """Of three independent numbers there are three directions."""

    def numbers(random, n):
        axes = random.normal(size=(n, AXES))
        return Concept("one", "numeric", axes[:, :3] + 0.1 * random.normal(size=(n, 3))), axes, axes

    two, four = (beside(numbers, factors=Factors.from_sizes({"one": size}, total=AXES)) for size in (2, 4))
    assert (two.directions, four.directions) == (2, 3)
    assert two.erasure_own.linear.value == pytest.approx(0.66, abs=0.05)
    assert four.erasure_own.linear.value > 0.97
    assert two.erasure_rest == four.erasure_rest
    assert two.erasure_rest.kernel.value < 0.05


def test_erasure_is_judged_by_samples_that_it_was_not_fitted_to():
    """It takes from 60 rows of 40 axes what they tell by chance, and leaves on others what it did not know."""

    def faint(random, n):
        axes = random.normal(size=(n, 40))
        return Concept("one", "numeric", axes[:, :10].sum(1)), axes, axes

    train, test, *fresh = (split(faint, seed, n) for seed, n in enumerate((60, 200, 300, 200)))
    rows = ErasureRows(np.asarray(train.unfitted), train.concepts, 40)
    factors = Factors.from_sizes({"one": 1}, total=40)
    left = []
    for pair in ((train, test), fresh):
        pairs = [ProbedSplits(*pair)]
        found = read_factors(ProbedSplits(train, test), factors)
        left.append(
            beside_erasure(rows, factors, found, ProbedSplits(train, test), pairs)["one"].erasure_rest
        )
    assert left[0].linear.value < 0.05
    assert left[1].linear.value > 0.1


def test_where_erasure_finds_no_direction_it_tells_nothing():
    """Of its rows, unlike those that probes read, none has a value."""
    train, test, *pair = (split(linear, seed, 80) for seed in range(4))
    probed, fresh = ProbedSplits(train, test), [ProbedSplits(*pair)]
    unknown = [Concept("one", "numeric", np.full(80, np.nan))]
    found = read_factors(probed, FACTORS, fresh=fresh)
    beside = beside_erasure(
        ErasureRows(np.asarray(train.unfitted), unknown, AXES), FACTORS, found, probed, fresh
    )
    assert beside["one"].directions == 0
    assert beside["one"].erasure_own.kernel.value < 0.05
    assert beside["one"].own_gain.low > 0.5


def test_without_fresh_samples_only_the_own_parts_are_read():
    found = beside(linear, fresh=0)
    assert math.isnan(found.rest_gain.value)
    assert math.isnan(found.rest.linear.value)
    assert found.flow == "unclear"
    assert found.verdict.endswith(" Read from its own part: 0.99 with the flow, 0.99 with erasure.")


def test_wide_rows_keep_their_leading_axes_white_and_the_principal_ones_of_the_others(monkeypatch):
    monkeypatch.setattr(two_rests, "WIDEST", 8)
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, 20)) * np.r_[5 * np.ones(4), 3 * np.ones(4), 0.1 * np.ones(12)]
    site = two_rests.SiteAxes.of(rows, 4, seed=0)
    found = site(rows)
    assert found.shape == (300, 8)
    np.testing.assert_allclose(np.cov(found[:, :4].T, bias=True), np.eye(4), atol=1e-9)
    assert np.corrcoef(found[:, 0], rows[:, 0])[0, 1] > 0.99
    assert found[:, 4:].var() == pytest.approx(9, rel=0.1)
    np.testing.assert_array_equal(
        two_rests.SiteAxes.of(rows[:, :8], 4, seed=0).others(rows[:, :8]), rows[:, 4:8]
    )


def test_the_interval_is_of_the_difference_on_the_same_draws_and_no_narrower_than_what_is_not_seen(evened):
    gain, unseen = evened.own_gain, unseen_share(120)
    assert gain.value - gain.low >= unseen <= gain.high - gain.value
    random = np.random.default_rng(0)
    draws = 0.7 + 0.1 * random.normal(size=(1, 1000))
    first = module._Drawn(Score(0.7), 0.0, np.array([0.7]), draws, 100)
    second = module._Drawn(Score(0.5), 0.0, np.array([0.5]), draws - 0.2, 100)
    gain = first.gain_over(second)
    assert (gain.value, gain.low, gain.high) == pytest.approx(
        (0.2, 0.2 - unseen_share(100), 0.2 + unseen_share(100))
    )


def side(value, low, high, flow=0.9, erasure=0.9):
    return Side(Score(flow, flow - 0.02), Score(erasure, erasure - 0.02), Score(value, low, high))


MORE, LESS = side(0.1, 0.08, 0.12), side(-0.1, -0.12, -0.08)
NONE, WIDE, FAINT = side(0.0, -0.01, 0.01), side(0.05, -0.1, 0.2), side(0.02, 0.01, 0.03)


TELLS = "The flow's own factor tells {a} better than linear erasure's directions do"
LEAVES = "The flow leaves less of {a} elsewhere than linear erasure does"
DIRECTIONS = "Linear erasure's directions tell {a} better than the flow's own factor does"
FEW = "There are too few test inputs to tell whether the flow adds anything to linear erasure of {a}."


@pytest.mark.parametrize(
    ("own", "rest", "flow", "sentence"),
    [
        (NONE, MORE, "better", f"{LEAVES}, and its own factor tells it as well."),
        (WIDE, MORE, "better", f"{LEAVES}."),
        (MORE, NONE, "better", f"{TELLS}."),
        (MORE, MORE, "better", f"{TELLS}, and less of it is left elsewhere."),
        (MORE, LESS, "mixed", f"{TELLS}, but more of it is left elsewhere."),
        (LESS, MORE, "mixed", f"{LEAVES}, but its own factor tells it less well."),
        (LESS, NONE, "worse", f"{DIRECTIONS}."),
        (WIDE, LESS, "worse", "Linear erasure leaves less of {a} elsewhere than the flow does."),
        (LESS, LESS, "worse", f"{DIRECTIONS}, and less of it is left elsewhere."),
        (NONE, NONE, "no better", "For {a} the flow adds nothing to linear erasure."),
        (NONE, FAINT, "no better", "For {a} the flow adds nothing to linear erasure."),
        (NONE, WIDE, "unclear", FEW),
        (WIDE, NONE, "unclear", FEW),
    ],
)
def test_the_sentence_says_what_the_intervals_say(own, rest, flow, sentence):
    found = compared(
        "{a}", own, rest, kind="accuracy", chance=0.1, whole=Score(0.9, 0.88, 0.92), axes=1, directions=1
    )
    both = "90.0% with the flow, 90.0% with erasure"
    figures = f"Read from everything else, by the best probe: {both} (guessing 10.0%). Read from its own part: {both}."
    assert found == (flow, f"{sentence} {figures}")


@pytest.mark.parametrize("whole", [Score(0.5, 0.05, 0.6), Score(0.115, 0.11, 0.12), Score(math.nan)])
def test_what_the_layer_does_not_tell_is_not_compared(whole):
    unread = side(0.0, 0.0, 0.0, flow=0.1, erasure=0.1)
    found = compared("a", unread, unread, kind="accuracy", chance=0.1, whole=whole, axes=1, directions=1)
    assert found == ("unclear", "The layer tells too little of a to compare the flow with linear erasure.")


@pytest.mark.parametrize(
    ("axes", "directions", "words"),
    [
        (3, 1, " The factor has 3 axes, erasure 1 direction."),
        (3, 2, " The factor has 3 axes, erasure 2 directions."),
        (2, 2, ""),
    ],
)
def test_the_verdict_says_both_sizes_where_the_factor_is_larger(axes, directions, words):
    own = Side(Score(0.775), Score(0.762), Score(0.013, -0.01, 0.03))
    rest = Side(Score(0.212), Score(0.25), Score(0.038, 0.01, 0.06))
    _, said = compared(
        "a",
        own,
        rest,
        kind="accuracy",
        chance=0.175,
        whole=Score(0.8, 0.7, 0.9),
        axes=axes,
        directions=directions,
    )
    assert said.endswith(
        "Read from everything else, by the best probe: 21.2% with the flow, 25.0% with erasure (guessing 17.5%). "
        f"Read from its own part: 77.5% with the flow, 76.2% with erasure.{words}"
    )
