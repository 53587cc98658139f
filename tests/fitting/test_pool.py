"""Several sources as one: rows, concepts, splits, and what a stranger's concept is told of a pair."""

import numpy as np
import pytest
import torch
from torch import Generator

from interpret_inn.errors import ConceptError, DataError, PluginError
from interpret_inn.fitting.pool import Pool
from interpret_inn.fitting.store import FitData
from interpret_inn.types import SAME, Concept, Pairs, Plan


def drawn(pool, n=200, split="train", seed=0):
    return pool.sample(n, Generator().manual_seed(seed), split=split)


class Fixed:
    """A source that gives the pairs it is told to."""

    name = "fixed"

    def __init__(self, world, make, concepts=("fixed",)):
        self.samples = world.of(world.rows, {"x": world.labels["side"]}).samples
        self.concepts = [Concept(name, "unlabelled") for name in concepts]
        self.make = make

    def sample_pairs(self, n, generator, among):
        return self.make(n, among)


@pytest.fixture
def two(world):
    """Two sources over the same samples, one over others."""
    shape = world.of(world.rows, {"shape": world.labels["shape"]}, name="one")
    side = world.of(world.rows, {"side": world.labels["side"]}, name="two")
    far = world.of(world.rows[:100] + 1, {"far": world.labels["side"][:100]}, name="three", strength=0.5)
    return [shape, side, far]


def test_sources_over_the_same_samples_share_rows(two):
    pool = Pool(two, seed=0)
    assert pool.rows == 400
    assert pool.names == ("shape", "side", "far")
    assert [part.offset for part in pool.parts] == [0, 0, 300]
    assert [entry.source.name for entry in pool.unique()] == ["one", "three"]
    assert pool.parts[0].split is pool.parts[1].split
    everything = torch.cat([pool.indices(split) for split in ("train", "validation", "test")])
    assert torch.equal(everything.sort().values, torch.arange(400))


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_pairs_stay_within_their_split_and_their_source(two, split):
    pool = Pool(two, seed=0)
    pairs = drawn(pool, split=split)
    allowed = set(pool.indices(split).tolist())
    assert set(pairs.first.tolist()) | set(pairs.second.tolist()) <= allowed
    assert torch.equal(pairs.first < 300, pairs.second < 300)


def test_strangers_concepts_get_the_residuals_correlation(world, two):
    """What a source does not name is part of its residual."""

    def pairs(n, among):
        rho = torch.tensor([0.0, 0.25]).repeat(n, 1)  # all but its own concept in common
        return Pairs(among[:n], among[:n].flip(0), rho)

    pool = Pool([two[0], Fixed(world, pairs), two[2]], seed=0)
    rho = drawn(pool, 6).rho
    assert rho.dtype == torch.float32
    assert rho.tolist() == [
        *[[pytest.approx(SAME), 0, 0, 0]] * 2,
        *[[0.25, 0, 0.25, 0.25]] * 2,
        *[[0, 0, 0.5, 0]] * 2,
    ]


@pytest.mark.parametrize("n", [1, 2, 3, 100, 101])
def test_sources_take_turns_evenly(two, n):
    pairs = drawn(Pool(two, seed=0), n)
    assert pairs.rho.shape == (n, 4)
    share = int((pairs.first >= 300).sum())
    assert share == n // 3


def test_pairs_come_from_the_generator_alone(two):
    pool = Pool(two, seed=0)
    before = torch.get_rng_state()
    one, same, other = drawn(pool, seed=1), drawn(pool, seed=1), drawn(pool, seed=2)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one.first, other.first)


def test_values_are_missing_where_a_row_is_of_another_source(world, two):
    rows = torch.tensor([299, 300, 5])
    shape, side, far = Pool(two, seed=0).concepts_at(rows)
    assert shape.values.tolist() == [world.labels["shape"][299], -1, world.labels["shape"][5]]
    assert (side.name, side.kind, side.classes) == ("side", "categorical", ("0", "1"))
    assert far.values.tolist() == [-1, world.labels["side"][0], -1]


def test_numbers_that_are_missing_are_nan(world, two):
    source = Fixed(world, None)
    source.concepts = [
        Concept("place", "numeric", np.arange(600.0).reshape(300, 2)),
        Concept("free", "unlabelled"),
    ]
    place, free = Pool([source, two[2]], seed=0).concepts_at(torch.tensor([1, 350]))[:2]
    np.testing.assert_array_equal(place.values, [[2, 3], [np.nan, np.nan]])
    assert free.values is None


def test_groups_of_different_sources_never_meet(world):
    groups = np.arange(300) // 3
    one = world.of(world.rows, {"a": world.labels["side"]}, name="one", groups=groups)
    other = world.of(world.rows + 1, {"b": world.labels["side"]}, name="two", groups=groups)
    alone = world.of(world.rows + 2, {"c": world.labels["side"]}, name="three")
    pool = Pool([one, other, alone], seed=0)
    found = pool.groups_at(torch.arange(900))
    assert len(set(found.tolist())) == 100 + 100 + 300
    assert found[:6].tolist() == [found[0]] * 3 + [found[3]] * 3
    assert pool.groups_at(torch.tensor([299, 0])).tolist() == [found[299], found[0]]
    for part in pool.parts[:2]:
        parts = [set(groups[indices.numpy()].tolist()) for indices in part.split]
        assert sum(map(len, parts)) == 100


def test_no_source_is_refused():
    with pytest.raises(ConceptError, match=r'at least one concept source, found none. Try fit\("labels"'):
        Pool([], seed=0)


def test_sources_without_concepts_are_refused(world):
    with pytest.raises(ConceptError, match="Expected at least one concept, found none in any source"):
        Pool([Fixed(world, None, concepts=())], seed=0)


def test_a_concept_named_twice_is_refused(world, two):
    other = world.of(world.rows, {"shape": world.labels["side"]}, name="other")
    with pytest.raises(
        ConceptError, match=r"'shape' is named by both 'one' and 'other'. Rename one of them."
    ):
        Pool([*two, other], seed=0)


@pytest.mark.parametrize(
    "groups", [((np.arange(300) + 1) // 2, np.arange(300) // 2), (np.arange(300) % 20, np.arange(300) // 20)]
)
def test_the_same_samples_in_other_groups_are_refused(world, groups):
    """Otherwise training samples of one source would be test samples of the other."""
    sources = [
        world.of(world.rows, {name: world.labels["side"]}, name=name, groups=of)
        for name, of in zip(("one", "two"), groups, strict=True)
    ]
    with pytest.raises(
        DataError, match=r"'one' and 'two' group the same samples differently. Give both the same"
    ):
        Pool(sources, seed=0)


def indices(among, n):
    return among[:n], among[:n]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda n, among: Pairs(*indices(among, n), torch.zeros(n, 3)),
            r"rho of shape \(7, 3\); expected \(7, 2\)",
        ),
        (
            lambda n, among: Pairs(*indices(among, n - 1), torch.zeros(n, 2)),
            r"expected \(7, 2\): 7 pairs, a col",
        ),
        (
            lambda n, among: Pairs(among[:n], among[: n - 1], torch.zeros(n, 2)),
            r"expected \(7, 2\): 7 pairs, a col",
        ),
        (
            lambda n, among: Pairs(among[: n - 1], among[:n], torch.zeros(n, 2)),
            r"expected \(7, 2\): 7 pairs, a col",
        ),
        (
            lambda n, among: Pairs(*indices(among, n), torch.ones(n, 2)),
            r"gave a rho of 1; .* \(0.975 stands for",
        ),
        (lambda n, among: Pairs(*indices(among, n), torch.full((n, 2), torch.nan)), "gave a rho of nan"),
        (lambda n, among: Pairs(among[:n], among[:n] * 0 + 300, torch.zeros(n, 2)), "it was not asked for"),
        (lambda n, among: Pairs(among[:n] * 0 - 1, among[:n], torch.zeros(n, 2)), "it was not asked for"),
        (
            lambda n, among: Pairs(torch.arange(n), torch.arange(n), torch.zeros(n, 2)),
            "pairs of samples that it was not asked for; expected indices that stand in `among`",
        ),
    ],
)
def test_a_source_that_breaks_its_word_is_named(world, make, text):
    with pytest.raises(PluginError, match=f"The concept source 'fixed' gave .*{text.removeprefix('gave ')}"):
        drawn(Pool([Fixed(world, make)], seed=0), 7)


@pytest.mark.parametrize(("split", "among"), [("train", 210), ("validation", 30), ("test", 60)])
def test_a_source_that_fails_to_draw_is_told_from_what(world, split, among):
    where = "training" if split == "train" else split
    with pytest.raises(
        PluginError,
        match=rf"^The concept source 'fixed' failed to draw 7 pairs among {among} samples of the {where} split: Key",
    ):
        drawn(Pool([Fixed(world, lambda n, among: {}["x"])], seed=0), 7, split=split)


@pytest.mark.parametrize("change", [tuple, lambda pairs: Pairs(*(column.numpy() for column in pairs))])
def test_pairs_that_are_none_are_named(world, change):
    def make(n, among):
        return change(Pairs(among[:1].expand(n), among[1:2].expand(n), torch.zeros(n, 2)))

    with pytest.raises(PluginError, match="'fixed' gave pairs that are no `Pairs` of three tensors"):
        drawn(Pool([Fixed(world, make)], seed=0), n=2)


def test_values_of_other_samples_are_refused(world):
    source = Fixed(world, None)
    source.concepts = [Concept("fixed", "numeric", np.zeros(len(source.samples) - 1))]
    with pytest.raises(PluginError, match=r"each of 300 samples, found shape \(299,\)"):
        Pool([source], seed=0)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("numeric", np.r_[np.inf, np.zeros(299)], "found infinite ones"),
        ("numeric", np.zeros((300, 2, 3)), r"float64 \(N,\) or \(N, d\)"),
        ("numeric", np.zeros((300, 0)), r"float64 \(N,\) or \(N, d\)"),
        ("numeric", np.full(300, 1e300), r"up to 1e\+100"),
        ("number", np.zeros(300), "Expected kinds out of"),
        ("categorical", np.full(300, -1), "no sample has a value"),
        ("unlabelled", np.zeros(300), "unlabelled and yet has values"),
        ("numeric", [0.0] * 300, "found list"),
    ],
)
def test_values_that_the_contract_refuses_are_refused_by_a_fit(world, kind, values, said):
    source = Fixed(world, None)
    source.concepts = [Concept("fixed", kind, values)]
    with pytest.raises(PluginError, match=f"^The concept source 'fixed' cannot be fitted. .*{said}"):
        Pool([source], seed=0)
    source.concepts = [Concept("fixed", "unlabelled")]
    pool = Pool([source], seed=0)
    with pytest.raises(PluginError, match=f"^The concept source 'fixed' cannot be fitted. .*{said}"):
        pool.follow([Plan(concepts=[Concept("fixed", kind, values)])])


@pytest.mark.parametrize("name", [None, "", 3, "a\ud800"])
@pytest.mark.parametrize("whose", ["source", "concept"])
def test_names_that_are_no_text_are_refused(world, name, whose):
    source = Fixed(world, None, concepts=("fixed" if whose == "source" else name,))
    source.name = name if whose == "source" else "fixed"
    with pytest.raises(PluginError, match="Expected names of the source and its concepts") as caught:
        Pool([source], seed=0)
    str(caught.value).encode()


@pytest.mark.parametrize("member", ["groups", "origins"])
def test_groups_of_text_are_refused(world, member):
    source = Fixed(world, None)
    setattr(source.samples, member, np.array(["a", "b"] * 150))
    with pytest.raises(
        PluginError, match=r"'fixed' cannot be fitted. Expected groups to be None or int64 \(300"
    ):
        Pool([source], seed=0)


def test_concepts_without_values_need_none(world):
    source = Fixed(world, None)
    source.concepts = [Concept("fixed", "numeric")]
    assert Pool([source], seed=0).names == ("fixed",)


def test_values_in_an_order_that_changes_are_refused(world):
    source = world.source()
    source.ordered = True
    with pytest.raises(
        PluginError, match=r"'classes' is `ordered`, but its concepts \['shape', 'side'\] have"
    ):
        Pool([source], seed=0)


def test_training_samples_are_spread_from_the_first_to_the_last(world):
    entry = Pool([world.source()], seed=0).parts[0]
    train = entry.split.train
    assert torch.equal(entry.training_samples(3), train[[0, 104, 209]])
    assert torch.equal(entry.training_samples(1000), train)


def test_some_rows_are_those_that_a_shuffle_puts_first(world):
    pool = Pool([world.source()], seed=0)
    test = pool.indices("test")
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(3))
    drawn = pool.some("test", 7, torch.Generator().manual_seed(3))
    assert drawn.tolist() == sorted(test[order[:7]].tolist())
    assert torch.equal(pool.some("test", 1000, torch.Generator().manual_seed(3)), test)


def test_groups_are_numbered_from_the_first_row_of_their_samples(world):
    plain = world.of(world.rows, {"a": world.labels["side"]}, name="plain")
    grouped = world.of(
        world.rows + 1, {"b": world.labels["side"]}, name="grouped", groups=np.arange(300) // 10
    )
    grouped.samples.origins = np.arange(300) // 5
    pool = Pool([plain, grouped], seed=0)
    rows = torch.tensor([0, 299, 300, 305, 310, 599])
    assert pool.groups_at(rows).tolist() == [0, 299, 300, 300, 301, 329]
    assert pool.groups_at(rows, origins=True).tolist() == [0, 299, 300, 301, 302, 359]


@pytest.mark.parametrize("first", [0, 1])
def test_inputs_of_the_test_split_have_the_groups_that_all_sources_gave(world, first):
    """Intervals over these inputs draw whole groups, whichever source knows of them and comes first."""
    groups = np.repeat(np.arange(60), 5)
    plain = world.of(world.rows, {"shape": world.labels["shape"]}, name="plain")
    grouped = world.of(world.rows, {"side": world.labels["side"]}, name="grouped")
    grouped.samples.groups = groups
    sources = [plain, grouped]
    pool = Pool([sources[first], sources[1 - first]], seed=0)
    found = FitData(pool, ()).test_inputs().groups
    assert found is not None
    assert found.tolist() == groups[pool.indices("test").numpy()].tolist()
