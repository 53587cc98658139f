"""Records and protocols that the core and the plugins exchange.

Shapes: `N` samples of a source, `n` pairs of a batch, `B` inputs of a batch, `D` axes of the code,
`K` named factors (the residual is one more and always last).
"""

from interpret_inn.types.arrays import FloatArray, IntArray, Picture
from interpret_inn.types.factors import RESIDUAL, Factor, Factors
from interpret_inn.types.localizers import Localizer, Masks, Space
from interpret_inn.types.results import FitStep, Gallery, ReadOut, Score, Section
from interpret_inn.types.scores import Scores
from interpret_inn.types.sources import (
    SAME,
    AxesView,
    Concept,
    ConceptKind,
    ConceptSource,
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
    "LocalizerSpec",
    "Masks",
    "MetricSpec",
    "Pairs",
    "Picture",
    "ReadOut",
    "ReportSectionSpec",
    "Samples",
    "Score",
    "Scores",
    "Section",
    "Space",
    "Suits",
]
