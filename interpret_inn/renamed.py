"""Names of earlier versions: asking for one raises an error that says what to write now."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from interpret_inn.errors import InnError, RenamedError

_Class = TypeVar("_Class", bound=type)

RENAMED: Mapping[str, str] = {
    "interpret_inn.edits.set": "interpret_inn.edits.set_to",
    "interpret_inn.explore.class_walk": "interpret_inn.explore.class_traversal",
    "interpret_inn.explore.lengths": "interpret_inn.lengths",
    "interpret_inn.explore.select": "interpret_inn.select",
    "interpret_inn.explore.straight_walk": "interpret_inn.explore.interpolate",
    "interpret_inn.metrics.readouts": "interpret_inn.metrics.probes",
    "interpret_inn.types.ReadOut": "interpret_inn.types.ProbeScores",
    "Backbone.probe": "Backbone.dry_run",
    "Explanation.responses": "Explanation.redraws",
    "Explanation.walks": "Explanation.traversals",
    "FactorSummary.learnt": "Type explanation.verdicts[name].carried.holds; .gained.holds asks for more than before.",
    "FactorSummary.verdict": "Type explanation.verdicts[name].carried.sentence; .confined and .gained have theirs.",
    "FitStep.held_out": "FitStep.validation",
    "Fitted.bank": "Fitted.reference_codes",
    "Fitted.bank_groups": "Fitted.reference_groups",
    "Interpreter.bench": "Interpreter.translator",
    "Interpreter.judgement": "Interpreter.evaluation",
    "Interpreter.walk": "Interpreter.traverse",
    "ProbeScores.mlp": "ProbeScores.network",
    "Refits.learnt": "Refits.carried",
    "Translator.bench": "A localizer is given (translator, inputs, factor), and the translator is what "
    "interpreter.bench was. Leave .bench out: translator.codes(z).",
    "Translator.translator": "A localizer is given (translator, inputs, factor). Leave .translator out: "
    "translator.codes(z).",
    "Translator.read_out": "Translator.probe",
    "TrainingContext.looking": "TrainingContext.validating",
    "Translator.walk": "Translator.traverse",
    "ConceptSource.extra_loss": "prepare(context), and return Plan(loss=…) there",
    "ConceptSource.listen": "prepare(context), and call context.output_gradients() there",
    "ConceptSource.modules": "prepare(context), and return Plan(modules=…) there",
    "ConceptSource.see": "prepare(context), and read context.white and context.variances there",
    "ConceptSource.sizes": "prepare(context), and return Plan(sizes=…) there",
    "ConceptSource.turn": "prepare(context), and return Plan(rotation=…) there",
    "ConceptSource.watch": "prepare(context), and use context.model there",
}
"""All public names of the core that have changed: the new name, or what to write instead, by the old name.

Names in modules are whole, and names of members begin with their class. Plugins refuse old options themselves. Modules
that moved are not listed: importing one raises Python's own ModuleNotFoundError.
"""


class _RenamedImportError(InnError, ImportError):
    """A `from module import name` with an old name.

    It is no RenamedError: Python lets no class be both an ImportError and an AttributeError.
    """


def renamed_in(owner: str) -> dict[str, str]:
    """The rows of one module or class, by the old names in it.

    >>> renamed_in("Fitted")["bank"]
    'Fitted.reference_codes'
    """
    start = f"{owner}."
    rows = {old.removeprefix(start): new for old, new in RENAMED.items() if old.startswith(start)}
    return {name: new for name, new in rows.items() if "." not in name}


def sentence(owner: str, name: str) -> str:
    """What is said of an old name; `owner` as in `renamed_in`."""
    new = renamed_in(owner)[name]
    return f"{owner}.{name} is no more. {new}" if " " in new else f"{owner}.{name} is now {new}."


def old_names(module: str) -> Callable[[str], NoReturn]:
    """A module's `__getattr__`, which raises RenamedError for its old names.

    Args:
        module: As users write it, "interpret_inn.edits".
    """

    def missing(name: str) -> NoReturn:
        if name not in renamed_in(module):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        # `from module import name` takes an AttributeError for a missing name and hides its text
        if sys._getframe(1).f_code.co_name == "_handle_fromlist":
            raise _RenamedImportError(sentence(module, name))
        raise RenamedError(sentence(module, name))

    return missing


def with_old_names(cls: _Class) -> _Class:
    """Decorates a class whose instances raise RenamedError for old names; `hasattr` says that there is none."""
    old = renamed_in(cls.__name__)

    def missing(self: Any, name: str) -> Any:
        if name in old:
            raise RenamedError(sentence(cls.__name__, name))
        # raises once more what a property raised, or that there is no such attribute
        return object.__getattribute__(self, name)

    cls.__getattr__ = missing  # type: ignore[attr-defined]  # hidden from type checkers, which refuse unknown names
    return cls
