"""Old public names raise an error that gives the new one."""

import importlib
from typing import Any

import pytest

import interpret_inn as inn
from interpret_inn.backbones import Backbone
from interpret_inn.explaining.evidence import FactorSummary, Refits
from interpret_inn.explaining.records import Explanation
from interpret_inn.fitting.source_losses import TrainingContext
from interpret_inn.renamed import RENAMED
from interpret_inn.translating.fitted import Fitted
from interpret_inn.translating.translator import Translator
from interpret_inn.types import ConceptSource, FitStep, ProbeScores, as_source

CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        Backbone,
        Explanation,
        FactorSummary,
        Fitted,
        FitStep,
        inn.Interpreter,
        ProbeScores,
        Refits,
        TrainingContext,
        Translator,
    )
}


def is_name(text: str) -> bool:
    """Whether what stands in place of an old name is a name, and no sentence."""
    return " " not in text


def rows(*, of_modules: bool) -> list[tuple[str, str]]:
    found = [row for row in RENAMED.items() if not row[0].startswith("ConceptSource.")]
    return [row for row in found if row[0].startswith("interpret_inn.") == of_modules]


def module(name: str) -> Any:
    """A module as users reach it: `interpret_inn.edits` is an attribute."""
    package, _, last = name.rpartition(".")
    return inn.edits if name == "interpret_inn.edits" else importlib.import_module(name if package else last)


@pytest.mark.parametrize(("old", "new"), rows(of_modules=True))
def test_old_names_of_modules_give_the_new_ones(old: str, new: str) -> None:
    owner, _, name = old.rpartition(".")
    with pytest.raises(inn.RenamedError) as error:
        getattr(module(owner), name)
    assert str(error.value) == f"{old} is now {new}."
    assert not hasattr(module(owner), name)
    new_owner, _, new_name = new.rpartition(".")
    assert hasattr(module(new_owner), new_name) or importlib.import_module(new)


@pytest.mark.parametrize(
    ("line", "new"),
    [
        ("from interpret_inn.types import ReadOut", "interpret_inn.types.ProbeScores"),
        ("from interpret_inn.metrics import readouts", "interpret_inn.metrics.probes"),
        ("from interpret_inn.explore import class_walk", "interpret_inn.explore.class_traversal"),
    ],
)
def test_importing_an_old_name_gives_the_new_one(line: str, new: str) -> None:
    with pytest.raises(ImportError, match=f"is now {new}") as error:
        exec(line)
    assert isinstance(error.value, inn.InnError)
    assert not isinstance(error.value, inn.RenamedError)  # as CHANGELOG.md and docs/stability.md say


@pytest.mark.parametrize(("old", "new"), rows(of_modules=False))
def test_old_members_give_the_new_ones(old: str, new: str) -> None:
    owner, _, name = old.partition(".")
    one = object.__new__(CLASSES[owner]) if not issubclass(CLASSES[owner], tuple) else FitStep(1, 2, 3, 4, 5)
    with pytest.raises(inn.RenamedError) as error:
        getattr(one, name)
    assert str(error.value) == (f"{old} is now {new}." if is_name(new) else f"{old} is no more. {new}")
    assert not hasattr(one, name)
    if is_name(new):
        new_name = new.partition(".")[2]
        cls = CLASSES[new.partition(".")[0]]
        assert hasattr(cls, new_name) or new_name in cls.__annotations__


@pytest.mark.parametrize(
    ("name", "instead"),
    [(old.partition(".")[2], new) for old, new in RENAMED.items() if old.startswith("ConceptSource.")],
)
def test_old_members_of_sources_say_what_to_write(name: str, instead: str) -> None:
    class Plain:
        name, concepts, samples, sample_pairs = "plain", (), (), None

    setattr(Plain, name, lambda self: None)
    with pytest.raises(inn.PluginError, match="is not read any more") as error:
        as_source(Plain())
    assert instead in str(error.value)
    assert not hasattr(ConceptSource, name)


def test_names_that_never_were_are_missing_as_ever(toy: Any) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = inn.explore.nothing
    with pytest.raises(AttributeError, match="'Interpreter' object has no attribute 'nothing'"):
        _ = toy.interpreter.nothing
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        exec("from interpret_inn.explore import nothing")


def test_old_options_of_masks_give_the_new_ones() -> None:
    with pytest.raises(inn.LocalizerError, match="'walk_steps' of masks is now 'traversal_steps'"):
        inn.localizer("masks", walk_steps=5)
    with pytest.raises(inn.LocalizerError, match='edits="walk" of masks is now edits="traversal"'):
        inn.localizer("masks", over="output", edits="walk")
