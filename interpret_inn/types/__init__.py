"""Records and protocols that the core and the plugins exchange.

Shapes: `N` samples of a source, `n` pairs of a batch, `B` inputs of a batch, `D` axes of the code,
`K` named factors (the residual is one more and always last).
"""

from typing import TYPE_CHECKING

from interpret_inn.renamed import old_names
from interpret_inn.types.completing import as_source
from interpret_inn.types.concept_sources import (
    AxesView,
    ConceptSource,
    LossContext,
    Plan,
    Preparation,
)
from interpret_inn.types.concepts import Concept, ConceptKind
from interpret_inn.types.factors import RESIDUAL, Factor, Factors
from interpret_inn.types.localizers import Localizer, LocalizerFunction, Masks, Space
from interpret_inn.types.numbers import FloatArray, IntArray, Picture
from interpret_inn.types.results import FitStep, Gallery, Note, ProbeScores, Remark, Score, Section
from interpret_inn.types.scores import Scores
from interpret_inn.types.sources import (
    GRADE_SHARES,
    GRADES,
    SAME,
    Pairs,
    Samples,
)
from interpret_inn.types.specs import (
    BackboneSpec,
    ConceptSourceSpec,
    LocalizerSpec,
    MetricSpec,
    ReportSectionSpec,
    Suits,
)

__all__ = [
    "GRADES",
    "GRADE_SHARES",
    "RESIDUAL",
    "SAME",
    "AxesView",
    "BackboneSpec",
    "Concept",
    "ConceptKind",
    "ConceptSource",
    "ConceptSourceSpec",
    "Factor",
    "Factors",
    "FitStep",
    "FloatArray",
    "Gallery",
    "IntArray",
    "Localizer",
    "LocalizerFunction",
    "LocalizerSpec",
    "LossContext",
    "Masks",
    "MetricSpec",
    "Note",
    "Pairs",
    "Picture",
    "Plan",
    "Preparation",
    "ProbeScores",
    "Remark",
    "ReportSectionSpec",
    "Samples",
    "Score",
    "Scores",
    "Section",
    "Space",
    "Suits",
    "as_source",
]

if not TYPE_CHECKING:  # type checkers refuse unknown names themselves
    __getattr__ = old_names(__name__)
