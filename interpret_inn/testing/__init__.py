"""For authors of plugins: contracts to check what they give, and toys to try it on.

A contract is a function that runs every check it has, without an option to leave one out, and returns the
names of those that held. `ContractError` lists everything that is broken.
"""

from interpret_inn.testing.contract import ContractError
from interpret_inn.testing.localizers import check_localizer
from interpret_inn.testing.made_up import toy_explanation
from interpret_inn.testing.metric_contract import check_metric
from interpret_inn.testing.networks import check_backbone
from interpret_inn.testing.section_contract import check_report_section
from interpret_inn.testing.sources import check_concept_source
from interpret_inn.testing.toys import ToyClassifier, toy_classifier, toy_images

__all__ = [
    "ContractError",
    "ToyClassifier",
    "check_backbone",
    "check_concept_source",
    "check_localizer",
    "check_metric",
    "check_report_section",
    "toy_classifier",
    "toy_explanation",
    "toy_images",
]
