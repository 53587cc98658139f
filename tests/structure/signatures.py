"""The public names with their parameters and defaults, one a line; what users get is changed on purpose only.

    python tests/structure/signatures.py > tests/structure/signatures.txt

A default is part of the product: figures rest on it. `test_signatures.py` compares the file with the code.
"""

import dataclasses
import importlib
import inspect
from collections.abc import Iterator

from interpret_inn.plugin.shared_manager import get_manager

MODULES = (
    "interpret_inn",
    "interpret_inn.backbones",
    "interpret_inn.comparing",
    "interpret_inn.data",
    "interpret_inn.datasets",
    "interpret_inn.explore",
    "interpret_inn.flows",
    "interpret_inn.localizing",
    "interpret_inn.metrics",
    "interpret_inn.plugin",
    "interpret_inn.reports",
    "interpret_inn.saving",
    "interpret_inn.scoring",
    "interpret_inn.testing",
    "interpret_inn.types",
    "interpret_inn.translating.edits",
    "interpret_inn.translating.settings",
)
_BARE = inspect.Signature.empty


def lines() -> Iterator[str]:
    """`module.name(parameter, other=default)` for every public function, class and method, sorted."""
    found, seen = {}, set()
    for module in MODULES:
        for name, one in public(importlib.import_module(module)):
            if id(one) not in seen:  # each under the name of the first module that exports it
                seen.add(id(one))
                found |= dict(of_one(f"{module}.{name}", one))
    manager = get_manager()
    for spec in (*manager.concept_sources(), *manager.localizers()):
        found[f"{type(spec).__name__} {spec.name}"] = parameters(spec.build)
    for metric in manager.metrics():
        found[f"MetricSpec {metric.name}"] = parameters(metric.evaluate)
    yield from (f"{name}{found[name]}" for name in sorted(found))


def public(module: object) -> Iterator[tuple[str, object]]:
    """What a module exports: `__all__`, or all that it defines itself."""
    listed = getattr(module, "__all__", None)
    for name, one in sorted(vars(module).items()):
        own = getattr(one, "__module__", None) == getattr(module, "__name__", None)
        if name in (listed or ()) or (listed is None and own and not name.startswith("_")):
            yield name, one


def of_one(name: str, one: object) -> Iterator[tuple[str, str]]:
    """A function, or a class with its methods; modules and values are passed over."""
    if inspect.isclass(one):
        if "__init__" in vars(one) or dataclasses.is_dataclass(one):
            yield name, parameters(one)
        for method in filter(lambda method: not method.startswith("_"), dir(one)):
            raw = inspect.getattr_static(one, method)
            function = getattr(raw, "__func__", raw)
            if inspect.isfunction(function) and function.__module__.startswith("interpret_inn"):
                yield f"{name}.{method}", parameters(function)
    elif inspect.isfunction(one):
        yield name, parameters(one)


def parameters(function: object) -> str:
    """Names and defaults in brackets; types are mypy's concern."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    bare = [
        one.replace(annotation=_BARE, default=_default(one.default)) for one in signature.parameters.values()
    ]
    return str(signature.replace(parameters=bare, return_annotation=_BARE))


class _Shown:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _default(value: object) -> object:
    """A default as it is shown: what has no literal form by its type's name, as its text may hold an address."""
    if value is _BARE:
        return value
    plain = isinstance(value, str | bytes | int | float | type(None) | tuple | frozenset)
    return value if plain else _Shown(f"<{getattr(value, '__name__', type(value).__name__)}>")


if __name__ == "__main__":
    print("\n".join(lines()))
