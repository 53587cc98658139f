"""Looks inside pretrained vision networks through an invertible network.

>>> import interpret_inn as inn
>>> interpreter = inn.wrap("timm:test_resnet?random")
>>> str(interpreter.backbone.address)
'fc:in'
"""

from interpret_inn import explore
from interpret_inn._version import __version__ as __version__
from interpret_inn.backbones import Preprocess
from interpret_inn.comparing import lengths, select
from interpret_inn.errors import (
    ArtefactError,
    BackboneError,
    ConceptError,
    DataError,
    EditError,
    FitError,
    InnError,
    InnWarning,
    InputError,
    LocalizerError,
    NotFittedError,
    PluginError,
    RenamedError,
    SiteError,
    StoreError,
)
from interpret_inn.interpreter import Interpreter
from interpret_inn.opening import load, sites, wrap
from interpret_inn.plugin import concept_source, hookimpl, localizer, plugins, register, unregister
from interpret_inn.translating import edits

__all__ = [
    "ArtefactError",
    "BackboneError",
    "ConceptError",
    "DataError",
    "EditError",
    "FitError",
    "InnError",
    "InnWarning",
    "InputError",
    "Interpreter",
    "LocalizerError",
    "NotFittedError",
    "PluginError",
    "Preprocess",
    "RenamedError",
    "SiteError",
    "StoreError",
    "concept_source",
    "edits",
    "explore",
    "hookimpl",
    "lengths",
    "load",
    "localizer",
    "plugins",
    "register",
    "select",
    "sites",
    "unregister",
    "wrap",
]
