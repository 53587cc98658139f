"""Members of a source are asked when needed, and those that are old, misspelt or of a wrong type are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import interpret_inn as inn
from interpret_inn.errors import ConceptError, FitError, PluginError
from interpret_inn.fitting.fit import fit
from interpret_inn.types import ConceptSource, Plan, as_source

from .curious import SMALL

OLD = {
    "see": "context.white", "listen": r"context.output_gradients\(\)", "watch": "context.model",
    "turn": r"Plan\(rotation=…\)", "extra_loss": r"Plan\(loss=…\)", "modules": r"Plan\(modules=…\)",
    "sizes": r"Plan\(sizes=…\)",
}  # fmt: skip


@pytest.mark.parametrize("member", list(OLD))
def test_old_members_are_refused_with_their_new_place(fitted_to, world, member):
    source = world.source()
    setattr(source, member, lambda *arguments: None)
    with pytest.raises(PluginError, match=f"'{member}' of the concept source 'classes'.*{OLD[member]}"):
        fitted_to(source)


@pytest.mark.parametrize(
    ("member", "near"),
    [("setings", "settings"), ("ilustrations", "illustrations"), ("extra_losses", "extra_loss")],
)
def test_near_members_are_refused_with_the_right_name(fitted_to, world, member, near):
    source = world.source()
    setattr(source, member, {"steps": 3})
    with pytest.raises(PluginError, match=f"'{member}'.* is nearly '{near}'"):
        fitted_to(source)


def test_a_misspelt_attribute_of_the_context_is_named_with_the_nearest(fitted_to, world):
    source = world.source()
    source.prepare = lambda context: context.varianses
    with pytest.raises(
        PluginError, match=r"AttributeError: Preparation has no 'varianses'. Did you mean 'variances'"
    ):
        fitted_to(source)
    source.prepare = lambda context: context.model.eval()
    with pytest.raises(PluginError, match=r"ModelOfAxes has no 'eval'. Known: 'axes', 'layer'"):
        fitted_to(source)
    with pytest.raises(PluginError, match=r"TrainingContext has no 'validated'. Did you mean 'validating'"):
        fitted_to(world.lossy(lambda context: context.validated))


def test_other_members_are_the_authors_own(fitted_to, world):
    source = world.source()
    source.values, source.colours = [1, 2], "red"
    assert fitted_to(source)[0].factors.names == ("shape", "side", "residual")


def test_a_plain_object_and_a_subclass_are_fitted_alike(fitted_to, world):
    plain = world.source()

    class Based(ConceptSource):
        name, concepts, samples = plain.name, plain.concepts, plain.samples

        def sample_pairs(self, n, generator, among):
            return plain.sample_pairs(n, generator, among)

    assert torch.equal(fitted_to(plain)[0].reference_codes, fitted_to(Based())[0].reference_codes)


def test_members_of_a_plain_object_are_asked_when_they_are_needed(world):
    source = world.source()
    asked = as_source(source)
    assert (asked.name, asked.notes, asked.key, asked.ordered, dict(asked.settings)) == (
        "classes",
        (),
        "",
        False,
        {},
    )
    assert asked.prepare(None) == Plan() and asked.illustrations() == ()
    source.notes = ["later"]
    assert asked.notes == ["later"]
    assert as_source(asked) is asked


def test_what_lacks_a_needed_member_is_no_source(world):
    source = world.source()
    del source.concepts
    with pytest.raises(
        PluginError, match=r"Expected a concept source with .*, found ClassSource without concepts"
    ):
        as_source(source)


def test_a_source_may_be_a_module_of_torch(fitted_to, world):
    plain = world.source()

    class Net(torch.nn.Module):
        name, concepts, samples = plain.name, plain.concepts, plain.samples

        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(2, 2)

        def sample_pairs(self, n, generator, among):
            return plain.sample_pairs(n, generator, among)

    class Based(Net, ConceptSource):
        pass

    expected = fitted_to(plain)[0].reference_codes
    for source in (Net(), Based()):
        assert torch.equal(fitted_to(source)[0].reference_codes, expected)


def test_an_object_that_answers_every_name_is_a_source(fitted_to, world):
    class Answering:
        def __init__(self, source):
            self.source = source

        def __getattr__(self, name):
            found = self.__dict__.get("source")
            return getattr(found, name, None) if name[:2] != "__" else object.__getattribute__(self, name)

    asked = fitted_to(Answering(world.source()))[0].reference_codes
    assert torch.equal(asked, fitted_to(world.source())[0].reference_codes)


@pytest.mark.parametrize(
    ("member", "value"),
    [("sizes", {"small": 3}), ("sizes", (3, 4)), ("modules", ["a"]), ("see", 3), ("extra_loss", 0.5)],
)
def test_old_names_with_another_meaning_are_the_authors_own(fitted_to, world, member, value):
    source = world.source()
    setattr(source, member, value)
    assert fitted_to(source)


def test_old_sizes_by_concept_are_refused(fitted_to, world):
    source = world.source()
    source.sizes = {"shape": 2}
    with pytest.raises(PluginError, match="'sizes' of the concept source 'classes'"):
        fitted_to(source)


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("notes", "One sentence.", "notes .* to be a sequence of sentences, found 'One sentence.'"),
        ("notes", 3, "notes .* to be a sequence of sentences, found 3"),
        ("notes", [3], r"notes .* to be a sequence of sentences, found \[3\]"),
        ("key", 3, "key .* to be a string, found int"),
        ("ordered", "no", "ordered .* to be True or False, found 'no'"),
        ("prepare", 3, "prepare .* to be a method, found int"),
        ("illustrations", (), r"illustrations .* to be a method, found tuple"),
    ],
)
def test_optional_members_of_a_wrong_type_are_refused_before_anything_is_run(world, member, value, said):
    class Based(ConceptSource):
        name, concepts, samples = world.source().name, world.source().concepts, world.source().samples

        def sample_pairs(self, n, generator, among):
            raise AssertionError

    for source in (world.source(), Based()):
        setattr(source, member, value)
        with pytest.raises(PluginError, match=f"Expected {said}"):
            fit("no backbone", [source], seed=0, settings=SMALL, cache=None, checkpoint=None)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": "many"}, "'classes' cannot be used. Expected steps to be a whole number, found 'many'"),
        ({"steps": -3}, "'classes' cannot be used. Expected steps of at least 1, found -3"),
        ({"noise": None}, "Expected noise to be a number, found None"),
        ({3: 4}, r"there are not: \[3\]"),
        ({"stepz": 9, "pair": 8}, r"there are not: \['pair', 'stepz'\]\. Did you mean 'pairs'"),
        ("steps", "'classes' to be a mapping from settings of the fit to values, found 'steps'"),
    ],
)
def test_settings_of_a_source_that_cannot_be_used_name_it(world, settings, said):
    source = world.source()
    source.settings = settings
    with pytest.raises(PluginError, match=said):
        inn.Interpreter(world.backbone()).fit(source, cache=None, checkpoint=None)


def test_settings_of_the_caller_that_cannot_be_used_are_said(world):
    with pytest.raises(FitError, match="Expected steps to be a whole number, found 'many'"):
        inn.Interpreter(world.backbone()).fit(world.source(), steps="many")


def test_what_a_source_lacks_is_named_with_near_names(world):
    whole = world.source()

    class Sampels:
        name, concepts, sampels, sample_pair = whole.name, whole.concepts, whole.samples, whole.sample_pairs

    interpreter = inn.Interpreter(world.backbone())
    with pytest.raises(PluginError, match="found Sampels without samples, sample_pairs") as told:
        interpreter.fit(Sampels())
    assert "'sampels' is nearly 'samples'" in str(told.value)
    assert "'sample_pair' is nearly 'sample_pairs'" in str(told.value)
    with pytest.raises(PluginError, match=r"found the class Sampels without .*Give an object of the class"):
        interpreter.fit(Sampels)
    for other in (world.rows, Path("images"), 3):
        with pytest.raises(
            ConceptError, match="Expected a concept source or the name of one, found an object"
        ):
            interpreter.fit(other)
