"""Swap grids, latent traversals, samples and inversion of generators, and pictures of them.

Functions of factors take a fitted interpreter first and return tensors on the CPU: logits of classifiers, or images.

>>> import interpret_inn as inn
>>> inn.explore.contact_sheet([["3", "8"]]).dtype
dtype('uint8')
"""

from typing import TYPE_CHECKING

from interpret_inn.explore.galleries import report_galleries
from interpret_inn.explore.grids import interpolate, swap_grid
from interpret_inn.explore.inversion import Projection, project
from interpret_inn.explore.rendering import contact_sheet, save_animation, to_pictures
from interpret_inn.explore.sampling import sample
from interpret_inn.explore.traversals import class_traversal, random_walk, traverse
from interpret_inn.renamed import old_names

__all__ = [
    "Projection",
    "class_traversal",
    "contact_sheet",
    "interpolate",
    "project",
    "random_walk",
    "report_galleries",
    "sample",
    "save_animation",
    "swap_grid",
    "to_pictures",
    "traverse",
]

if not TYPE_CHECKING:  # type checkers refuse unknown names themselves
    __getattr__ = old_names(__name__)
