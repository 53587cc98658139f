"""A backbone of a timm model, which the plugin must know."""

from __future__ import annotations

from typing import Any

from interpret_inn.backbones import Backbone
from interpret_inn_timm import adapt


def adapted(model: Any, site: str | None = None, **options: Any) -> Backbone:
    backbone = adapt(model, site, **options)
    assert backbone is not None
    return backbone
