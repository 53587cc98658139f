"""docs/hooks.md has every hook with its exact arguments, and nothing that is not there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from interpret_inn import testing
from interpret_inn.plugin import hookspecs
from interpret_inn.plugin.checking import HOOKS

PAGE = (Path(__file__).parents[2] / "docs" / "hooks.md").read_text(encoding="utf-8")


def test_every_hook_is_documented_with_its_exact_arguments() -> None:
    wanted = {name: f"{name}{inspect.signature(getattr(hookspecs, name))}" for name in HOOKS}
    # Annotations are texts under `from __future__ import annotations`, and shown in quotes.
    wanted = {name: text.replace("'", "") for name, text in wanted.items()}
    headings = re.findall(r"^## `(inn_[^`]*)`$", PAGE, re.MULTILINE)
    assert headings == list(wanted.values())


def test_every_hook_has_an_example_here_and_in_its_docstring() -> None:
    for name in HOOKS:
        assert re.search(rf"@inn\.hookimpl\n +def {name}\(", PAGE), name
        assert f"@inn.hookimpl\n    def {name}(" in (inspect.getdoc(getattr(hookspecs, name)) or ""), name


def test_every_contract_is_documented_with_its_arguments() -> None:
    for name in (name for name in testing.__all__ if name.startswith("check_")):
        arguments = [
            parameter.name
            if parameter.default is parameter.empty
            else f"{parameter.name}={parameter.default}"
            for parameter in inspect.signature(getattr(testing, name)).parameters.values()
        ]
        assert f"`{name}({', '.join(arguments)})`" in PAGE
